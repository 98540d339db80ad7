/* SPDX-License-Identifier: Apache-2.0 */
/* The seam between gateway and auditor under load, faults and kill -9: what was acknowledged is on the disk, in order,
 * and what cannot be written is never acknowledged. Hostile clients are in test_auditor_hostile.c. */
#include "audit/auditor.h"

#include <errno.h>

#include "tests/support/auditor_rig.h"
#include "tests/support/failing_store.h"

enum { THREADS = 8, EVENTS = 400 };

/* Which calls of the store fail in turn: each one. Under ThreadSanitizer, which looks for races and not for lost
 * records, each seventh; both errors still take turns. */
#ifdef __SANITIZE_THREAD__
enum { CALL_STEP = 7 };
#else
enum { CALL_STEP = 1 };
#endif

struct worker {
    int door;
    uint64_t number;
    uint64_t last_seq;
    bool is_ordered;
};

static void *on_worker(void *context)
{
    struct worker *worker = context;
    struct audit_client *client = NULL;
    uint64_t ticket = 0;
    uint64_t got = 0;
    uint64_t seq = 0;
    uint64_t last = 0;
    worker->is_ordered = rg_is_ok(audit_client_open(worker->door, 0, &client));
    for (uint64_t i = 0; i < EVENTS && worker->is_ordered; i++) {
        struct audit_event event = audit_sample(i, worker->number % 2 == 0 ? "acme" : "globex");
        event.session_id = worker->number;
        worker->is_ordered = rg_is_ok(audit_submit(client, &event, &ticket)) && ticket == i + 1;
        if (i % 3 == 0) {
            audit_flush(client);
        }
        while (audit_take(client, &got, &seq)) {
            worker->is_ordered = worker->is_ordered && seq > last;
            last = seq;
        }
    }
    if (got < ticket) {
        worker->is_ordered = worker->is_ordered && rig_await(client, ticket, &seq) && seq > last;
    }
    worker->last_seq = seq;
    audit_client_close(&client);
    return NULL;
}

static void serves_eight_threads_in_order(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.segment_bytes = 256 * 1024;
    assert_ok(rig_start(&rig, &options));
    pthread_t threads[THREADS];
    struct worker workers[THREADS] = {0};
    for (uint64_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.door = rig.door, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, on_worker, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(workers[i].is_ordered);
        assert_true(workers[i].last_seq >= EVENTS);
    }
    assert_true(rig_stop(&rig));
    assert_intact(&dir, 0);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), THREADS * EVENTS);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"log.stopped\""), 1);
    audit_dir_remove(&dir);
}

static void tells_the_supervisor_that_it_is_ready_and_its_state(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    char memory[AUDIT_CONTROL_MAX];
    rig_open(&dir, &rig, NULL);
    assert_int_equal(rig_hear(&rig, memory).type, AUDIT_CONTROL_READY);
    struct audit_control told = rig_hear(&rig, memory);
    assert_int_equal(told.type, AUDIT_CONTROL_STATE);
    assert_int_not_equal(told.state, AUDIT_CLOSED);
    assert_true(rig_stop(&rig));
    audit_dir_remove(&dir);
}

static void refuses_until_the_auditor_said_that_it_is_open(void **state)
{
    (void)state;
    struct audit_client *client = NULL;
    int ours = -1;
    int theirs = -1;
    rig_pair(SOCK_SEQPACKET, &ours, &theirs);
    assert_ok(audit_client_open(ours, 0, &client)); /* nobody took the other end yet */
    assert_int_equal(audit_client_state(client), AUDIT_CLOSED);
    assert_true(strlen(audit_client_reason(client)) > 0);
    assert_false(audit_client_is_faulted(client));
    (void)close(theirs); /* with the channel's other end in flight */
    uint64_t ticket = 7;
    uint64_t seq = 7;
    assert_false(audit_take(client, &ticket, &seq));
    assert_true(audit_client_is_faulted(client));
    assert_int_equal(audit_client_state(client), AUDIT_CLOSED);
    audit_client_close(&client);
    audit_client_close(&client);
    assert_fails(RG_STORAGE, audit_client_open(ours, 0, &client));
    assert_null(client);
    assert_fails(RG_STORAGE, audit_client_open(-1, 0, &client));
    assert_null(client);
    (void)close(ours);
}

static void writes_what_was_flushed_before_a_client_closed(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    rig_open(&dir, &rig, &client);
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t ticket = 0;
        struct audit_event event = audit_sample(i, "acme");
        assert_ok(audit_submit(client, &event, &ticket));
    }
    audit_client_close(&client);
    assert_null(client);
    assert_true(rig_stop(&rig)); /* at once: the door's message and the bytes may still lie in the sockets */
    assert_intact(&dir, 0);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), 50);
    audit_dir_remove(&dir);
}

static void ends_in_order_when_the_supervisor_is_gone(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    uint64_t ticket = 0;
    uint64_t seq = 0;
    rig_open(&dir, &rig, &client);
    struct audit_event event = audit_sample(1, "acme");
    assert_ok(audit_submit(client, &event, &ticket));
    audit_flush(client);
    (void)close(rig.control);
    rig.control = -1;
    assert_true(rig_await(client, ticket, &seq));
    assert_true(rig_join(&rig));
    for (int i = 0; i < 3 && !audit_client_is_faulted(client); i++) {
        (void)rig_turn(client, 5000);
        assert_false(audit_take(client, &ticket, &seq));
    }
    assert_true(audit_client_is_faulted(client));
    assert_true(strlen(audit_client_reason(client)) > 0);
    assert_fails(RG_STORAGE, audit_submit(client, &event, &ticket));
    audit_client_close(&client);
    assert_intact(&dir, 0);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"log.stopped\""), 1);
    audit_dir_remove(&dir);
}

/* A gateway died and the supervisor made another: the old door ends, the new one works, the death is recorded. */
static void serves_a_second_gateway_and_records_the_first_ones_death(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    rig_open(&dir, &rig, &client);
    assert_true(rig_write_one(client, 1));
    audit_client_close(&client);
    for (int i = 0; i < 10; i++) { /* more than it keeps */
        (void)close(rig.door);
        rig.door = rig_door(&rig);
    }
    assert_ok(audit_control_send(rig.control, &(struct audit_control){.type = AUDIT_CONTROL_NOTE,
                                                                      .which = RG_SLICE("gateway"),
                                                                      .how = RG_SLICE("signal 9")}));
    rig_send(&rig, AUDIT_CONTROL_SEAL);
    assert_ok(audit_client_open(rig.door, 0, &client));
    assert_true(rig_write_one(client, 2));
    rig_finish(&dir, &rig, &client);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"process.died\""), 1);
    assert_int_equal(audit_dir_count(&dir, "gateway: signal 9"), 1);
    audit_dir_remove(&dir);
}

static void acknowledges_a_long_statement_by_its_first_record(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    uint64_t ticket = 0;
    uint64_t first = 0;
    uint64_t second = 0;
    enum { SIZE = 16 * 1024 * 1024 }; /* much more than a socket holds */
    char *sql = malloc(SIZE);
    memset(sql, 'q', SIZE);
    rig_open(&dir, &rig, &client);
    struct audit_event event = audit_sample(0, "acme");
    event.sql = rg_slice_make(sql, SIZE);
    assert_ok(audit_submit(client, &event, &ticket));
    event.sql = RG_SLICE("SELECT 2");
    assert_ok(audit_submit(client, &event, &ticket));
    assert_true(ticket == 2);
    audit_flush(client);
    assert_true(audit_wants_write(client));
    assert_true(rig_await(client, 1, &first));
    while (!audit_take(client, &ticket, &second)) {
        (void)rig_turn(client, 1000);
    }
    assert_false(audit_wants_write(client));
    assert_true(second > first + SIZE / (60 * 1024));
    rig_finish(&dir, &rig, &client);
    free(sql);
    audit_dir_remove(&dir);
}

static void refuses_more_than_the_queue_holds_and_recovers(void **state)
{
    (void)state;
    enum { QUEUE = 100 * 1000 };
    struct audit_client *client = NULL;
    struct audit_dir dir;
    struct auditor_rig rig;
    uint64_t ticket = 0;
    uint64_t seq = 0;
    rig_open(&dir, &rig, NULL);
    assert_ok(audit_client_open(rig.door, QUEUE, &client));
    struct audit_event event = audit_sample(0, "acme");
    uint64_t accepted = 0;
    while (rg_is_ok(audit_submit(client, &event, &ticket))) {
        accepted++;
    }
    assert_true(accepted > 30 && accepted < 1000);
    assert_true(ticket == accepted);
    assert_fails(RG_LIMIT, audit_submit(client, &event, &ticket));
    assert_true(ticket == accepted);
    static char sql[2 * QUEUE];
    memset(sql, 's', sizeof sql);
    event.sql = rg_slice_make(sql, sizeof sql);
    assert_true(rig_await(client, accepted, &seq));
    assert_fails(RG_LIMIT, audit_submit(client, &event, &ticket)); /* never fits */
    assert_true(ticket == accepted);
    event.sql = RG_SLICE("SELECT 1");
    assert_ok(audit_submit(client, &event, &ticket));
    assert_true(ticket == accepted + 1);
    rig_finish(&dir, &rig, &client);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), accepted + 1);
    audit_dir_remove(&dir);
}

/* ---- the log fails ---- */

/* Until it is acknowledged, or will not be while the disk stays as it is. */
static bool await_unless_full(struct audit_client *client, uint64_t ticket, uint64_t *out_seq)
{
    uint64_t got = 0;
    while (!audit_take(client, &got, out_seq)) {
        if (audit_client_is_faulted(client) || audit_client_is_disk_full(client) || !rig_turn(client, 5000)) {
            return false;
        }
    }
    assert_true(got == ticket);
    return true;
}

/* Runs events through an auditor over the failing store. Returns the last acknowledged seq, 0 = none;
 * *out_is_clean: nothing failed at all. */
static uint64_t run_over(const struct audit_dir *dir, struct failing *failing, bool *out_is_clean)
{
    struct audit_store store = failing_store(failing);
    struct auditor_options options = audit_dir_options(dir);
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    uint64_t last = 0;
    uint64_t ticket = 77;
    bool is_going = true;
    options.store = &store;
    options.segment_bytes = 128 * 1024; /* so that the run crosses a rotation */
    *out_is_clean = false;
    rg_status status = rig_start(&rig, &options);
    if (!rg_is_ok(status)) {
        assert_int_equal(status.error->kind, RG_STORAGE);
        return 0;
    }
    assert_ok(audit_client_open(rig.door, 0, &client));
    for (uint64_t i = 0; i < 12 && is_going; i++) {
        static char sql[15000];
        uint64_t taken = 0;
        memset(sql, 's', sizeof sql);
        struct audit_event event = audit_sample(i, "acme");
        event.sql = rg_slice_make(sql, sizeof sql);
        is_going = rg_is_ok(audit_submit(client, &event, &taken)) && await_unless_full(client, taken, &last);
    }
    if (!is_going) {
        assert_int_equal(audit_client_state(client), AUDIT_CLOSED);
        if (last > 0) { /* it was open once: the reason came through, not only the end */
            assert_null(strstr(audit_client_reason(client), "closed the channel"));
            assert_true(failing->error == ENOSPC || !audit_client_is_disk_full(client));
        }
        struct audit_event event = audit_sample(0, "acme");
        assert_fails(RG_STORAGE, audit_submit(client, &event, &ticket));
        assert_true(ticket == 77);
    }
    audit_client_close(&client);
    bool has_stopped = rig_stop(&rig);
    assert_true(has_stopped || rig.kind == RG_STORAGE);
    assert_true(is_going || !has_stopped);
    *out_is_clean = is_going && has_stopped && atomic_load(&failing->calls) < failing->fail_at;
    return last;
}

static void loses_nothing_acknowledged_when_the_nth_call_fails(void **state)
{
    (void)state;
    bool is_clean = false;
    int rounds = 0;
    for (int n = 1; !is_clean; n += CALL_STEP, rounds++) {
        struct audit_dir dir;
        audit_dir_make_fast(&dir);
        struct failing failing = {.files = audit_store_files(), .fail_at = n, .error = n % 2 == 0 ? EIO : ENOSPC};
        uint64_t acknowledged = run_over(&dir, &failing, &is_clean);
        /* The disk works again: the log opens, holds what was acknowledged, verifies. */
        audit_dir_fill(&dir, 1);
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 1 << 20);
        struct audit_report report = audit_dir_verify(&dir, &arena);
        if (report.result != AUDIT_INTACT || report.record_count <= acknowledged) {
            fail_msg("call %d failing: result %d at record %llu (%.*s), %llu acknowledged", n, (int)report.result,
                     (unsigned long long)report.findings[0].seq, RG_SLICE_ARGS(report.findings[0].reason),
                     (unsigned long long)acknowledged);
        }
        audit_dir_remove(&dir);
        assert_true(n < 1000);
    }
    assert_true(rounds > 40);
}

static void closes_when_the_live_file_is_deleted(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    char path[128];
    char memory[AUDIT_CONTROL_MAX];
    rig_open(&dir, &rig, &client);
    rig_await_state(client, AUDIT_OPEN);
    (void)snprintf(path, sizeof path, "%s/seg/0000000000000000.jsonl", dir.path);
    assert_int_equal(unlink(path), 0);
    rig_await_state(client, AUDIT_CLOSED); /* within the second that the watch takes, though nothing is written */
    assert_false(audit_client_is_disk_full(client));
    assert_true(strlen(audit_client_reason(client)) > 0);
    uint64_t ticket = 0;
    struct audit_event event = audit_sample(0, "acme");
    assert_fails(RG_STORAGE, audit_submit(client, &event, &ticket));
    struct audit_control told = {0};
    while (told.type != AUDIT_CONTROL_STATE || told.state != AUDIT_CLOSED) {
        told = rig_hear(&rig, memory);
    }
    assert_true(told.reason.size > 0);
    audit_client_close(&client);
    assert_false(rig_join(&rig));
    assert_int_equal(rig.kind, RG_STORAGE);
    audit_dir_remove(&dir);
}

/* A disk that has no byte left, until it has. */
struct full_disk {
    const struct audit_store *files;
    atomic_bool is_full;
};

static ssize_t full_write_at(void *context, int fd, const void *bytes, size_t size, uint64_t offset)
{
    struct full_disk *disk = context;
    return atomic_load(&disk->is_full) ? -ENOSPC : disk->files->write_at(NULL, fd, bytes, size, offset);
}

static int full_free_space(void *context, int fd, uint64_t *out_bytes)
{
    struct full_disk *disk = context;
    int result = disk->files->free_space(NULL, fd, out_bytes);
    *out_bytes = atomic_load(&disk->is_full) ? 0 : *out_bytes;
    return result;
}

/* No restart, nothing lost: what was submitted is acknowledged when there is room again. */
static void waits_with_a_full_disk_and_goes_on(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    struct audit_client *gone = NULL;
    uint64_t ticket = 0;
    uint64_t late = 0;
    uint64_t seq = 0;
    struct full_disk disk = {.files = audit_store_files()};
    struct audit_store store = *disk.files;
    store.write_at = full_write_at;
    store.free_space = full_free_space;
    store.context = &disk;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.store = &store;
    options.reserve_bytes = 1024 * 1024;
    assert_ok(rig_start(&rig, &options));
    assert_ok(audit_client_open(rig.door, 0, &client));
    assert_ok(audit_client_open(rig.door, 0, &gone));
    assert_true(rig_write_one(client, 1));
    atomic_store(&disk.is_full, true);
    struct audit_event event = audit_sample(2, "acme");
    assert_ok(audit_submit(client, &event, &late));
    rig_await_state(client, AUDIT_CLOSED);
    assert_true(audit_client_is_disk_full(client));
    assert_false(audit_client_is_faulted(client));
    ticket = 77;
    assert_fails(RG_STORAGE, audit_submit(client, &event, &ticket));
    assert_true(ticket == 77);
    audit_client_close(&gone); /* hangs up while nothing is taken: must not make the loop spin or fall */
    atomic_store(&disk.is_full, false);
    assert_true(rig_await(client, late, &seq));
    for (int i = 0; i < 200 && audit_client_state(client) == AUDIT_CLOSED; i++) {
        (void)rig_turn(client, 20);
        assert_false(audit_take(client, &ticket, &seq));
    }
    assert_true(rig_write_one(client, 3));
    rig_finish(&dir, &rig, &client);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), 3);
    audit_dir_remove(&dir);
}

/* ---- kill -9 ---- */

/* Keeps the auditor's process busy over two channels until it is killed; the last acknowledged seq of all. */
static uint64_t load_until_killed(const struct auditor_rig *rig, uint64_t limit)
{
    struct audit_client *clients[2] = {NULL, NULL};
    uint64_t last = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_ok(audit_client_open(rig->door, 0, &clients[i]));
    }
    for (uint64_t n = 0; !audit_client_is_faulted(clients[n % 2]); n++) {
        struct audit_client *client = clients[n % 2];
        struct audit_event event = audit_sample(n, n % 4 < 2 ? "acme" : "globex");
        uint64_t ticket = 0;
        uint64_t seq = 0;
        for (int burst = 0; burst < 20; burst++) {
            (void)rg_is_ok(audit_submit(client, &event, &ticket));
        }
        (void)rig_turn(client, 100);
        while (audit_take(client, &ticket, &seq)) {
            last = seq > last ? seq : last;
        }
        if (last >= limit) {
            assert_int_equal(kill(rig->child, SIGKILL), 0);
        }
    }
    audit_client_close(&clients[0]);
    audit_client_close(&clients[1]);
    return last;
}

static void loses_nothing_acknowledged_when_its_process_is_killed(void **state)
{
    (void)state;
    struct audit_dir dir;
    uint64_t acknowledged = 0;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.segment_bytes = 256 * 1024;
    for (uint64_t round = 0; round < 20; round++) {
        struct auditor_rig rig;
        rig_fork(&rig, &options);
        uint64_t last = load_until_killed(&rig, acknowledged + 100 + round * 37);
        assert_false(rig_join(&rig));
        assert_true(last > acknowledged);
        acknowledged = last;
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 1 << 20);
        struct audit_report report = audit_dir_verify(&dir, &arena);
        assert_true(report.record_count > acknowledged);
    }
    audit_dir_fill(&dir, 1);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void ends_well_as_a_process(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    rig_fork(&rig, &options);
    assert_ok(audit_client_open(rig.door, 0, &client));
    assert_true(rig_write_one(client, 1));
    assert_int_equal(kill(rig.child, SIGTERM), 0); /* as an init system does to the whole group: not for the auditor */
    assert_true(rig_write_one(client, 2));
    rig_finish(&dir, &rig, &client);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"log.stopped\""), 1);
    audit_dir_remove(&dir);
}

static void says_why_it_cannot_open_the_log(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    char memory[AUDIT_CONTROL_MAX];
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.directory = RG_SLICE("/proc/none/log");
    rig_fork(&rig, &options);
    struct audit_control told = rig_hear(&rig, memory);
    assert_int_equal(told.type, AUDIT_CONTROL_STATE);
    assert_int_equal(told.state, AUDIT_CLOSED);
    assert_true(told.reason.size > 0);
    assert_false(rig_join(&rig));
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_eight_threads_in_order),
        cmocka_unit_test(tells_the_supervisor_that_it_is_ready_and_its_state),
        cmocka_unit_test(refuses_until_the_auditor_said_that_it_is_open),
        cmocka_unit_test(writes_what_was_flushed_before_a_client_closed),
        cmocka_unit_test(ends_in_order_when_the_supervisor_is_gone),
        cmocka_unit_test(serves_a_second_gateway_and_records_the_first_ones_death),
        cmocka_unit_test(acknowledges_a_long_statement_by_its_first_record),
        cmocka_unit_test(refuses_more_than_the_queue_holds_and_recovers),
        cmocka_unit_test(loses_nothing_acknowledged_when_the_nth_call_fails),
        cmocka_unit_test(waits_with_a_full_disk_and_goes_on),
        cmocka_unit_test(closes_when_the_live_file_is_deleted),
        cmocka_unit_test(loses_nothing_acknowledged_when_its_process_is_killed),
        cmocka_unit_test(ends_well_as_a_process),
        cmocka_unit_test(says_why_it_cannot_open_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
