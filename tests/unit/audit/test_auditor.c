/* SPDX-License-Identifier: Apache-2.0 */
/* The seam under threads, faults and kill -9: what was acknowledged is on the disk, in order, and what
 * cannot be written is never acknowledged. */
#include "audit/audit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "audit/auditor_private.h"
#include "tests/support/audit_dir.h"

/* Waits for acknowledgements up to `ticket`; false when the log faulted first. */
static bool await(struct audit_client *client, uint64_t ticket, uint64_t *out_seq)
{
    uint64_t got = 0;
    while (got < ticket) {
        struct pollfd waiting = {.fd = audit_wakeup_fd(client), .events = POLLIN};
        while (got < ticket && audit_take(client, &got, out_seq)) {
        }
        if (got < ticket && audit_client_is_faulted(client)) {
            return audit_take(client, &got, out_seq) && got >= ticket;
        }
        if (got < ticket) {
            (void)poll(&waiting, 1, 5000);
        }
    }
    return true;
}

enum { THREADS = 8, EVENTS = 400 };

struct worker {
    struct auditor *auditor;
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
    worker->is_ordered = rg_is_ok(audit_client_open(worker->auditor, &client));
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
    audit_flush(client);
    if (got < ticket) {
        worker->is_ordered = worker->is_ordered && await(client, ticket, &seq) && seq > last;
    }
    worker->last_seq = seq;
    audit_client_close(&client);
    return NULL;
}

static void serves_eight_threads_in_order(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.segment_bytes = 256 * 1024;
    struct auditor *auditor = NULL;
    assert_ok(auditor_open(&options, &auditor));
    pthread_t threads[THREADS];
    struct worker workers[THREADS] = {0};
    for (uint64_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.auditor = auditor, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, on_worker, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(workers[i].is_ordered);
        assert_true(workers[i].last_seq <= THREADS * EVENTS);
    }
    assert_ok(auditor_check(auditor));
    auditor_close(&auditor);
    assert_null(auditor);
    assert_intact(&dir, THREADS * EVENTS + 2);
    audit_dir_remove(&dir);
}

static void writes_what_was_flushed_before_a_client_closed(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct auditor *auditor = NULL;
    struct audit_client *client = NULL;
    assert_ok(auditor_open(&options, &auditor));
    assert_ok(audit_client_open(auditor, &client));
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t ticket = 0;
        struct audit_event event = audit_sample(i, "acme");
        assert_ok(audit_submit(client, &event, &ticket));
    }
    audit_client_close(&client);
    assert_null(client);
    audit_client_close(&client);
    auditor_close(&auditor);
    auditor_close(&auditor);
    assert_intact(&dir, 52);
    audit_dir_remove(&dir);
}

static void acknowledges_a_long_statement_by_its_first_record(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct auditor *auditor = NULL;
    struct audit_client *client = NULL;
    uint64_t ticket = 0;
    uint64_t seq = 0;
    char *sql = malloc(1 << 20);
    memset(sql, 'q', 1 << 20);
    assert_ok(auditor_open(&options, &auditor));
    assert_ok(audit_client_open(auditor, &client));
    struct audit_event event = audit_sample(0, "acme");
    event.sql = rg_slice_make(sql, 1 << 20);
    assert_ok(audit_submit(client, &event, &ticket));
    event.sql = RG_SLICE("SELECT 2");
    assert_ok(audit_submit(client, &event, &ticket));
    audit_flush(client);
    assert_true(await(client, 1, &seq));
    assert_true(seq == 1);
    assert_true(ticket == 2);
    while (!audit_take(client, &ticket, &seq)) {
    }
    assert_true(seq == 1 + 1 + 20); /* the record and its 20 pieces of 52 KiB */
    audit_client_close(&client);
    auditor_close(&auditor);
    assert_intact(&dir, 0);
    free(sql);
    audit_dir_remove(&dir);
}

static void refuses_more_than_the_queue_holds_and_recovers(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.queue_bytes = 10000;
    struct auditor *auditor = NULL;
    struct audit_client *client = NULL;
    uint64_t ticket = 0;
    uint64_t seq = 0;
    assert_ok(auditor_open(&options, &auditor));
    assert_ok(audit_client_open(auditor, &client));
    struct audit_event event = audit_sample(0, "acme");
    uint64_t accepted = 0;
    while (rg_is_ok(audit_submit(client, &event, &ticket))) {
        accepted++;
    }
    assert_true(accepted > 3 && accepted < 100);
    assert_true(ticket == accepted);
    assert_fails(RG_LIMIT, audit_submit(client, &event, &ticket));
    assert_true(ticket == accepted);
    audit_flush(client);
    assert_true(await(client, accepted, &seq));
    assert_ok(audit_submit(client, &event, &ticket));
    assert_true(ticket == accepted + 1);
    audit_client_close(&client);
    auditor_close(&auditor);
    assert_intact(&dir, accepted + 3);
    audit_dir_remove(&dir);
}

/* A taken-over worker can harm its own channel only: no line is broken, the others go on. */
static void refuses_a_worker_whose_bytes_make_no_sense(void **state)
{
    (void)state;
    static const struct rg_slice nonsense[] = {{"\0\0\0\1x", 5},
                                               {"\xff\xff\xff\xff\1\0aaaaaaaaaaaaaaaa", 22},
                                               {"\0\0\0\x1c\1\0\0\0\0\0\0\0\0\7\0\0\0\7{\"k\":\n}{\"c\":2}", 32},
                                               /* a group that never ends */
                                               {"\0\0\0\x1c\1\1\0\0\0\0\0\0\0\7\0\0\0\7{\"k\":1}{\"c\":2}", 32}};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct audit_dir dir;
        audit_dir_make(&dir);
        struct auditor_options options = audit_dir_options(&dir);
        struct auditor *auditor = NULL;
        struct audit_client *bad = NULL;
        struct audit_client *good = NULL;
        uint64_t ticket = 0;
        uint64_t seq = 0;
        assert_ok(auditor_open(&options, &auditor));
        assert_ok(audit_client_open(auditor, &bad));
        assert_ok(audit_client_open(auditor, &good));
        assert_ok(rg_buf_put(&bad->filling, nonsense[i]));
        audit_flush(bad);
        struct pollfd waiting = {.fd = audit_wakeup_fd(bad), .events = POLLIN};
        assert_int_equal(poll(&waiting, 1, 5000), 1);
        assert_true(audit_client_is_faulted(bad));
        assert_false(audit_take(bad, &ticket, &seq));
        struct audit_event event = audit_sample(0, "acme");
        assert_fails(RG_STORAGE, audit_submit(bad, &event, &ticket));
        assert_false(audit_client_is_faulted(good));
        assert_ok(audit_submit(good, &event, &ticket));
        audit_flush(good);
        assert_true(await(good, ticket, &seq));
        audit_client_close(&bad);
        audit_client_close(&good);
        auditor_close(&auditor);
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 1 << 20);
        struct audit_report report = audit_dir_verify(&dir, &arena);
        if (i < 3) {
            assert_int_equal(report.result, AUDIT_INTACT);
            assert_true(report.record_count == 3);
        } else { /* its first part was framed well, but is no record: it stands there, and verify says so */
            assert_int_equal(report.result, AUDIT_ALTERED);
            assert_true(report.seq == 1);
        }
        audit_dir_remove(&dir);
    }
}

/* A store that fails its Nth call, and from then on every one, as a broken disk does. */
struct failing {
    const struct audit_store *files;
    atomic_int calls;
    atomic_int syncs;
    int fail_at; /* 0 = never */
    int error;
};

static bool is_failing(struct failing *failing)
{
    int call = atomic_fetch_add(&failing->calls, 1) + 1;
    return failing->fail_at != 0 && call >= failing->fail_at;
}

static int failing_open(void *context, int directory_fd, const char *name, int flags, mode_t mode)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->open(NULL, directory_fd, name, flags, mode);
}

static int failing_make_directory(void *context, int directory_fd, const char *name)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->make_directory(NULL, directory_fd, name);
}

/* The failing write is a short one first: half of it reaches the file. */
static ssize_t failing_write_at(void *context, int fd, const void *bytes, size_t size, uint64_t offset)
{
    struct failing *failing = context;
    if (!is_failing(failing)) {
        return failing->files->write_at(NULL, fd, bytes, size, offset);
    }
    (void)failing->files->write_at(NULL, fd, bytes, size / 2, offset);
    return -failing->error;
}

static int failing_sync_data(void *context, int fd)
{
    struct failing *failing = context;
    atomic_fetch_add(&failing->syncs, 1);
    return is_failing(failing) ? -failing->error : failing->files->sync_data(NULL, fd);
}

static int failing_sync_all(void *context, int fd)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->sync_all(NULL, fd);
}

static int failing_truncate(void *context, int fd, uint64_t size)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->truncate(NULL, fd, size);
}

static int failing_stat(void *context, int fd, struct stat *out_info)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->stat(NULL, fd, out_info);
}

static int failing_stat_at(void *context, int directory_fd, const char *name, struct stat *out_info)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->stat_at(NULL, directory_fd, name, out_info);
}

static int failing_lock(void *context, int fd)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->lock(NULL, fd);
}

static void failing_close(void *context, int fd)
{
    struct failing *failing = context;
    failing->files->close(NULL, fd);
}

static struct audit_store failing_store(struct failing *failing)
{
    return (struct audit_store){.open = failing_open,
                                .make_directory = failing_make_directory,
                                .write_at = failing_write_at,
                                .sync_data = failing_sync_data,
                                .sync_all = failing_sync_all,
                                .truncate = failing_truncate,
                                .stat = failing_stat,
                                .stat_at = failing_stat_at,
                                .lock = failing_lock,
                                .close = failing_close,
                                .context = failing};
}

/* Runs events through an auditor over the failing store. Returns the last acknowledged seq, 0 = none;
 * *out_is_clean: nothing failed at all. */
static uint64_t run_over(const struct audit_dir *dir, struct failing *failing, bool *out_is_clean)
{
    struct audit_store store = failing_store(failing);
    struct auditor_options options = audit_dir_options(dir);
    options.store = &store;
    options.segment_bytes = 128 * 1024; /* so that the run crosses a rotation */
    struct auditor *auditor = NULL;
    struct audit_client *client = NULL;
    uint64_t last = 0;
    *out_is_clean = false;
    rg_status status = auditor_open(&options, &auditor);
    if (!rg_is_ok(status)) {
        assert_int_equal(status.error->kind, RG_STORAGE);
        assert_null(auditor);
        return 0;
    }
    status = audit_client_open(auditor, &client);
    bool is_going = rg_is_ok(status);
    for (uint64_t i = 0; i < 12 && is_going; i++) {
        static char sql[15000];
        uint64_t ticket = 0;
        memset(sql, 's', sizeof sql);
        struct audit_event event = audit_sample(i, "acme");
        event.sql = rg_slice_make(sql, sizeof sql);
        status = audit_submit(client, &event, &ticket);
        is_going = rg_is_ok(status);
        audit_flush(client);
        is_going = is_going && await(client, ticket, &last);
    }
    if (is_going) {
        assert_false(audit_client_is_faulted(client));
    } else if (client != NULL) { /* NULL: the fault came before the client */
        uint64_t ticket = 77;
        struct audit_event event = audit_sample(0, "acme");
        assert_fails(RG_STORAGE, audit_submit(client, &event, &ticket));
        assert_true(ticket == 77);
    }
    if (!is_going) {
        assert_fails(RG_STORAGE, auditor_check(auditor));
    }
    audit_client_close(&client);
    auditor_close(&auditor);
    *out_is_clean = is_going && (failing->fail_at == 0 || atomic_load(&failing->calls) < failing->fail_at);
    return last;
}

static void loses_nothing_acknowledged_when_the_nth_call_fails(void **state)
{
    (void)state;
    bool is_clean = false;
    int rounds = 0;
    for (int n = 1; !is_clean; n++, rounds++) {
        struct audit_dir dir;
        audit_dir_make(&dir);
        struct failing failing = {.files = audit_store_files(), .fail_at = n, .error = n % 2 == 0 ? EIO : ENOSPC};
        uint64_t acknowledged = run_over(&dir, &failing, &is_clean);
        /* The disk works again: the log opens, holds what was acknowledged, verifies. */
        audit_dir_fill(&dir, 1);
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 1 << 20);
        struct audit_report report = audit_dir_verify(&dir, &arena);
        if (report.result != AUDIT_INTACT || report.record_count <= acknowledged) {
            fail_msg("call %d failing: result %d at record %llu (%.*s), %llu acknowledged", n, (int)report.result,
                     (unsigned long long)report.seq, (int)report.reason.size,
                     report.reason.size == 0 ? "" : report.reason.data, (unsigned long long)acknowledged);
        }
        audit_dir_remove(&dir);
        assert_true(n < 1000);
    }
    assert_true(rounds > 40);
}

static void syncs_each_commit_or_each_second_as_durability_says(void **state)
{
    (void)state;
    for (int durability = AUDIT_SYNCED; durability <= AUDIT_WRITTEN; durability++) {
        struct audit_dir dir;
        audit_dir_make(&dir);
        struct failing counting = {.files = audit_store_files()};
        struct audit_store store = failing_store(&counting);
        struct auditor_options options = audit_dir_options(&dir);
        options.store = &store;
        options.durability = (enum audit_durability)durability;
        struct audit_log log = {0};
        assert_ok(audit_log_open(&options, &log));
        int before = atomic_load(&counting.syncs);
        for (uint64_t i = 0; i < 10; i++) {
            uint64_t seq = 0;
            struct audit_event event = audit_sample(i, "acme");
            assert_ok(audit_dir_append(&log, &event, &seq));
            assert_ok(audit_log_commit(&log));
            assert_intact(&dir, i + 2); /* in the file either way */
        }
        assert_int_equal(atomic_load(&counting.syncs) - before, durability == AUDIT_SYNCED ? 10 : 0);
        assert_ok(audit_log_watch(&log));
        assert_int_equal(atomic_load(&counting.syncs) - before, durability == AUDIT_SYNCED ? 10 : 1);
        assert_ok(audit_log_stop(&log));
        audit_log_done(&log);
        audit_dir_remove(&dir);
    }
}

static void faults_when_the_live_file_is_deleted(void **state)
{
    (void)state;
    struct audit_dir dir;
    char path[128];
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct auditor *auditor = NULL;
    struct audit_client *client = NULL;
    assert_ok(auditor_open(&options, &auditor));
    assert_ok(audit_client_open(auditor, &client));
    (void)snprintf(path, sizeof path, "%s/seg/0000000000000000.jsonl", dir.path);
    assert_int_equal(unlink(path), 0);
    struct pollfd waiting = {.fd = audit_wakeup_fd(client), .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 5000), 1); /* within the second that the watch takes */
    assert_true(audit_client_is_faulted(client));
    uint64_t ticket = 0;
    struct audit_event event = audit_sample(0, "acme");
    assert_fails(RG_STORAGE, audit_submit(client, &event, &ticket));
    struct audit_client *second = NULL;
    assert_fails(RG_STORAGE, audit_client_open(auditor, &second));
    assert_null(second);
    audit_client_close(&client);
    auditor_close(&auditor);
    audit_dir_remove(&dir);
}

/* The child appends as fast as it can and tells each acknowledged seq through the pipe. */
static void append_until_killed(const struct audit_dir *dir, int pipe_fd)
{
    struct auditor_options options = audit_dir_options(dir);
    options.segment_bytes = 256 * 1024;
    struct auditor *auditor = NULL;
    struct audit_client *client = NULL;
    uint64_t ticket = 0;
    uint64_t got = 0;
    uint64_t seq = 0;
    if (!rg_is_ok(auditor_open(&options, &auditor)) || !rg_is_ok(audit_client_open(auditor, &client))) {
        _exit(3);
    }
    for (uint64_t i = 0;; i++) {
        struct audit_event event = audit_sample(i, i % 2 == 0 ? "acme" : "globex");
        for (int burst = 0; burst < 20; burst++) {
            (void)!rg_is_ok(audit_submit(client, &event, &ticket));
        }
        audit_flush(client);
        while (audit_take(client, &got, &seq)) {
            if (write(pipe_fd, &seq, sizeof seq) != (ssize_t)sizeof seq) {
                _exit(4);
            }
        }
    }
}

static uint64_t kill_one(const struct audit_dir *dir, unsigned round)
{
    int fds[2];
    uint64_t seq = 0;
    uint64_t last = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(fds[0]);
        append_until_killed(dir, fds[1]);
    }
    (void)close(fds[1]);
    for (unsigned i = 0; i < 20 + round * 7 && read(fds[0], &seq, sizeof seq) == (ssize_t)sizeof seq; i++) {
        last = seq;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(fds[0], &seq, sizeof seq) == (ssize_t)sizeof seq) {
        last = seq;
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    (void)close(fds[0]);
    return last;
}

static void loses_nothing_acknowledged_over_fifty_kills(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    uint64_t before = 0;
    for (unsigned round = 0; round < 50; round++) {
        uint64_t acknowledged = kill_one(&dir, round);
        assert_true(acknowledged > before);
        audit_dir_fill(&dir, 1); /* reopens, and closes in order */
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 1 << 20);
        struct audit_report report = audit_dir_verify(&dir, &arena);
        assert_int_equal(report.result, AUDIT_INTACT);
        assert_true(report.record_count > acknowledged);
        before = report.record_count - 1;
    }
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_eight_threads_in_order),
        cmocka_unit_test(writes_what_was_flushed_before_a_client_closed),
        cmocka_unit_test(acknowledges_a_long_statement_by_its_first_record),
        cmocka_unit_test(refuses_more_than_the_queue_holds_and_recovers),
        cmocka_unit_test(refuses_a_worker_whose_bytes_make_no_sense),
        cmocka_unit_test(loses_nothing_acknowledged_when_the_nth_call_fails),
        cmocka_unit_test(syncs_each_commit_or_each_second_as_durability_says),
        cmocka_unit_test(faults_when_the_live_file_is_deleted),
        cmocka_unit_test(loses_nothing_acknowledged_over_fifty_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
