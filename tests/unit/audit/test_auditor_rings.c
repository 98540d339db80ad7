/* SPDX-License-Identifier: Apache-2.0 */
/* Durability "written": what a client was told to believe is in its ring, and comes into the log exactly once, whoever
 * is killed when. Rings in hostile hands are in test_auditor_rings_hostile.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/ring_rig.h"

static void acknowledges_at_the_flush_and_records_within_a_moment(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    assert_ok(rig_start(&rig, &options));
    struct audit_client *client = ring_client(&rig);
    assert_int_equal(ring_count_files(&dir), 1);
    for (uint64_t n = 0; n < 200; n++) {
        assert_true(ring_put(client, n));
        if (n % 50 == 0) { /* long enough for it to fall asleep, and to be woken */
            (void)usleep(60 * 1000);
            assert_int_equal(ring_count_statement(&dir, n), 1);
        }
    }
    audit_client_close(&client);
    for (int i = 0; i < 100 && ring_count_files(&dir) > 0; i++) {
        (void)usleep(10 * 1000);
    }
    assert_int_equal(ring_count_files(&dir), 0); /* of a client that is gone */
    assert_true(rig_stop(&rig));
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), 200);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void a_synced_log_has_no_rings(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    assert_ok(rig_start(&rig, &options));
    struct audit_client *client = ring_client(&rig);
    assert_int_equal(ring_count_files(&dir), 0);
    assert_false(ring_put(client, 1));
    audit_client_close(&client);
    assert_true(rig_stop(&rig));
    audit_dir_remove(&dir);
}

/* Refusals, whose number the client is told, and what does not fit go by the socket; nothing overtakes anything. */
static void keeps_the_order_between_ring_and_socket(void **state)
{
    (void)state;
    enum { EVENTS = 300, LARGE = AUDIT_RING_ENTRY_MAX + 1000 };
    struct audit_dir dir;
    struct auditor_rig rig;
    char *large = malloc(LARGE);
    uint64_t got = 0;
    uint64_t seq = 0;
    uint64_t last_seq = 0;
    memset(large, 'x', LARGE);
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    assert_ok(rig_start(&rig, &options));
    struct audit_client *client = ring_client(&rig);
    for (uint64_t n = 0; n < EVENTS; n++) {
        struct audit_event event = audit_sample(n, "acme");
        uint64_t ticket = 0;
        event.verdict = n % 7 == 3 ? AUDIT_DENIED : AUDIT_REWRITTEN;
        event.sql = n % 100 == 50 ? rg_slice_make(large, LARGE) : event.sql;
        assert_ok(audit_submit(client, &event, &ticket));
        if (n % 5 != 0) {
            continue;
        }
        while (got < ticket) {
            audit_flush(client);
            while (audit_take(client, &got, &seq)) {
                bool has_number = seq != AUDIT_SEQ_NONE;
                assert_true(has_number || ((got - 1) % 7 != 3 && (got - 1) % 100 != 50));
                assert_true(!has_number || seq > last_seq);
                last_seq = has_number ? seq : last_seq;
            }
            assert_true(got == ticket || rig_turn(client, 3000));
        }
    }
    audit_client_close(&client); /* with what was not flushed yet */
    assert_true(rig_stop(&rig));
    char command[512];
    (void)snprintf(command, sizeof command,
                   "cat '%s'/seg/*.jsonl | grep -a '\"kind\":\"statement\"' | grep -ao '\"statement\":\"[0-9a-f]*' | "
                   "sort -c && test $(cat '%s'/seg/*.jsonl | grep -ac '\"kind\":\"statement\"') = %d",
                   dir.path, dir.path, (int)EVENTS);
    assert_int_equal(system(command), 0);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
    free(large);
}

/* ---- nobody takes anything for a while ---- */

static void waits_when_the_ring_is_full_and_loses_nothing(void **state)
{
    (void)state;
    enum { EVENTS = 4000 };
    struct audit_dir dir;
    struct auditor_rig rig;
    uint64_t got = 0;
    uint64_t seq = 0;
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    rig_fork(&rig, &options);
    struct audit_client *client = ring_client(&rig);
    assert_int_equal(kill(rig.child, SIGSTOP), 0);
    for (uint64_t n = 0; n < EVENTS; n++) {
        (void)ring_submit(client, n);
        audit_flush(client);
        while (audit_has_taken(client)) {
            assert_true(audit_take(client, &got, &seq));
        }
    }
    assert_true(got > 100 && got < EVENTS); /* back-pressure */
    assert_true(audit_has_unsent(client) || !audit_take(client, &got, &seq));
    assert_int_equal(kill(rig.child, SIGCONT), 0);
    assert_true(rig_await(client, EVENTS, &seq));
    assert_true(ring_put(client, EVENTS) || rig_await(client, EVENTS + 1, &seq)); /* the ring again */
    audit_client_close(&client);
    assert_true(rig_stop(&rig));
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), EVENTS + 1);
    assert_int_equal(ring_count_statement(&dir, 0), 1);
    assert_int_equal(ring_count_statement(&dir, EVENTS - 1), 1);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* ---- kill -9 ---- */

static void what_only_the_ring_holds_is_in_the_log_after_the_next_start(void **state)
{
    (void)state;
    enum { EVENTS = 500 };
    struct audit_dir dir;
    struct auditor_rig rig;
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    rig_fork(&rig, &options);
    struct audit_client *client = ring_client(&rig);
    assert_int_equal(kill(rig.child, SIGSTOP), 0);
    (void)usleep(10 * 1000);
    for (uint64_t n = 0; n < EVENTS; n++) {
        assert_true(ring_put(client, n));
    }
    assert_int_equal(kill(rig.child, SIGKILL), 0);
    assert_false(rig_join(&rig));
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), 0);
    assert_int_equal(ring_count_files(&dir), 1);
    ring_recover(&dir);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), EVENTS);
    for (uint64_t n = 0; n < EVENTS; n += 99) {
        assert_int_equal(ring_count_statement(&dir, n), 1);
    }
    ring_recover(&dir); /* and no more of them */
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), EVENTS);
    assert_intact(&dir, 0);
    audit_client_close(&client);
    audit_dir_remove(&dir);
}

/* The gateway outlives the auditor, and does not know yet. */
static void what_is_put_after_the_recovery_is_not_believed(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    char path[160];
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    rig_fork(&rig, &options);
    struct audit_client *client = ring_client(&rig);
    assert_true(ring_put(client, 1));
    assert_true(ring_find(&dir, 0, path));
    assert_int_equal(kill(rig.child, SIGKILL), 0);
    assert_false(rig_join(&rig));
    assert_true(ring_put(client, 2)); /* before anybody looks: it will be taken */
    ring_recover(&dir);
    assert_false(ring_put(client, 3));
    ring_recover(&dir);
    assert_int_equal(ring_count_statement(&dir, 1), 1);
    assert_int_equal(ring_count_statement(&dir, 2), 1);
    assert_int_equal(ring_count_statement(&dir, 3), 0);
    audit_client_close(&client);
    audit_dir_remove(&dir);
}

/* Puts until the auditor's process is killed by itself after some time; *out_last is what was believed last. */
static void load_until_killed(const struct auditor_rig *rig, uint64_t first, unsigned delay_us, uint64_t *out_last)
{
    struct audit_client *clients[2] = {ring_client(rig), ring_client(rig)};
    pid_t killer = fork();
    if (killer == 0) {
        (void)usleep(delay_us);
        (void)kill(rig->child, SIGKILL);
        _exit(0);
    }
    uint64_t number = first;
    while (!audit_client_is_faulted(clients[0]) && number < first + 20000) {
        struct audit_event event = audit_sample(number, number % 3 == 0 ? "acme" : "globex");
        struct audit_client *client = clients[number % 2];
        uint64_t ticket = 0;
        uint64_t seq = 0;
        if (!rg_is_ok(audit_submit(client, &event, &ticket))) {
            break;
        }
        audit_flush(client);
        if (!rig_await(client, ticket, &seq)) {
            break;
        }
        *out_last = number;
        number++;
        (void)audit_take(clients[0], &ticket, &seq); /* hears of its end */
    }
    assert_int_equal(waitpid(killer, NULL, 0), killer);
    audit_client_close(&clients[0]);
    audit_client_close(&clients[1]);
}

static void each_believed_event_is_in_the_log_exactly_once_after_kill_9(void **state)
{
    (void)state;
    enum { ROUNDS = 25 };
    struct audit_dir dir;
    uint64_t first = 0;
    size_t total = 0;
    char command[512];
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    options.segment_bytes = 1024 * 1024;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct auditor_rig rig;
        uint64_t last = first;
        rig_fork(&rig, &options);
        load_until_killed(&rig, first, 3000 + round * 1777, &last);
        assert_false(rig_join(&rig));
        total += (size_t)(last - first);
        first = last + 2; /* one may be in the log that nobody was told of */
    }
    ring_recover(&dir);
    assert_true(total > ROUNDS);
    (void)snprintf(command, sizeof command,
                   "cat '%s'/seg/*.jsonl | grep -a '\"kind\":\"statement\"' | grep -ao '\"statement\":\"[0-9a-f]*' | "
                   "sort | uniq -d | wc -l | grep -qx 0",
                   dir.path);
    assert_int_equal(system(command), 0); /* none twice */
    assert_in_range(audit_dir_count(&dir, "\"kind\":\"statement\""), total, total + 2 * ROUNDS);
    for (uint64_t n = 0; n + 2 < first; n += first / 40 + 1) {
        assert_in_range(ring_count_statement(&dir, n), 0, 1);
    }
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* Killed between the log and the word to the ring: as if that word had not been written. */
static void recognises_what_the_log_has_already(void **state)
{
    (void)state;
    enum { HEAD_BYTES = 1024, EARLY = 30, LATE = 40 }; /* up to the client's own position */
    struct audit_dir dir;
    struct auditor_rig rig;
    char path[160];
    char head[HEAD_BYTES];
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    rig_fork(&rig, &options);
    struct audit_client *client = ring_client(&rig);
    for (uint64_t n = 0; n < EARLY; n++) {
        assert_true(ring_put(client, n));
    }
    (void)usleep(60 * 1000);
    assert_true(ring_find(&dir, 0, path));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, head, sizeof head, 0), sizeof head);
    for (uint64_t n = EARLY; n < LATE; n++) {
        assert_true(ring_put(client, n));
    }
    (void)usleep(60 * 1000);
    assert_int_equal(ring_count_statement(&dir, LATE - 1), 1);
    assert_int_equal(kill(rig.child, SIGSTOP), 0);
    assert_true(ring_put(client, LATE)); /* this one is in the ring alone */
    assert_int_equal(pwrite(fd, head, sizeof head, 0), sizeof head);
    (void)close(fd);
    assert_int_equal(kill(rig.child, SIGKILL), 0);
    assert_false(rig_join(&rig));
    ring_recover(&dir);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), LATE + 1);
    assert_int_equal(ring_count_statement(&dir, EARLY), 1);
    assert_int_equal(ring_count_statement(&dir, LATE), 1);
    assert_intact(&dir, 0);
    audit_client_close(&client);
    audit_dir_remove(&dir);
}

/* ---- no ring to be had ---- */

static int refuse_rings(void *context, int directory_fd, const char *name, int flags, mode_t mode)
{
    return strncmp(name, "ring/", 5) == 0 ? -ENOSPC
                                          : audit_store_files()->open(context, directory_fd, name, flags, mode);
}

static void goes_by_the_socket_where_no_ring_can_be_made(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    audit_dir_make(&dir);
    struct audit_store store = *audit_store_files();
    struct auditor_options options = ring_options(&dir);
    store.open = refuse_rings;
    options.store = &store;
    assert_ok(rig_start(&rig, &options));
    struct audit_client *client = ring_client(&rig);
    assert_int_equal(ring_count_files(&dir), 0);
    assert_false(ring_put(client, 1));
    assert_true(rig_await(client, 1, &(uint64_t){0}));
    assert_true(rig_write_one(client, 2));
    audit_client_close(&client);
    assert_true(rig_stop(&rig));
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), 2);
    audit_dir_remove(&dir);
}

/* The log dies: whoever puts something after that does not believe it, and nothing believed before is lost. */
static void believes_nothing_once_the_log_is_closed(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    char command[512];
    uint64_t believed = 0;
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    assert_ok(rig_start(&rig, &options));
    struct audit_client *client = ring_client(&rig);
    assert_true(ring_put(client, 0));
    (void)snprintf(command, sizeof command, "cp -r '%s' '%s.kept' && rm '%s'/seg/*.jsonl", dir.path, dir.path,
                   dir.path);
    assert_int_equal(system(command), 0);
    struct audit_event event = audit_sample(1, "acme");
    uint64_t ticket = 0;
    uint64_t seq = 0;
    while (rg_is_ok(audit_submit(client, &event, &ticket)) && believed < 5000) { /* at most a second, and one ring */
        (void)rig_turn(client, 1);
        (void)usleep(500);
        while (audit_take(client, &ticket, &seq)) {
            believed++;
        }
    }
    assert_int_equal(audit_client_state(client), AUDIT_CLOSED);
    assert_false(rig_join(&rig));
    assert_int_equal(rig.kind, RG_STORAGE);
    audit_client_close(&client);
    audit_dir_remove(&dir);
}

/* An operator who tidies up. Events go there that nobody would find after a kill: the client gets another ring. */
static void gives_up_a_ring_whose_file_is_gone(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    char path[160];
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    rig_fork(&rig, &options);
    struct audit_client *client = ring_client(&rig);
    assert_true(ring_put(client, 1));
    assert_true(ring_find(&dir, 0, path));
    assert_int_equal(unlink(path), 0);
    assert_true(ring_put(client, 2));
    struct pollfd waiting = {.fd = audit_wakeup_fd(client), .events = POLLIN};
    uint64_t ticket = 0;
    uint64_t seq = 0;
    for (int i = 0; i < 50 && !audit_client_is_faulted(client); i++) {
        (void)poll(&waiting, 1, 100);
        (void)audit_take(client, &ticket, &seq);
    }
    assert_true(audit_client_is_faulted(client));
    audit_client_close(&client);
    client = ring_client(&rig);
    assert_true(ring_put(client, 3));
    assert_int_equal(kill(rig.child, SIGKILL), 0);
    assert_false(rig_join(&rig));
    ring_recover(&dir);
    for (uint64_t n = 1; n <= 3; n++) {
        assert_int_equal(ring_count_statement(&dir, n), 1);
    }
    assert_true(audit_dir_count(&dir, "its ring was removed") > 0);
    audit_client_close(&client);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledges_at_the_flush_and_records_within_a_moment),
        cmocka_unit_test(a_synced_log_has_no_rings),
        cmocka_unit_test(keeps_the_order_between_ring_and_socket),
        cmocka_unit_test(waits_when_the_ring_is_full_and_loses_nothing),
        cmocka_unit_test(what_only_the_ring_holds_is_in_the_log_after_the_next_start),
        cmocka_unit_test(what_is_put_after_the_recovery_is_not_believed),
        cmocka_unit_test(each_believed_event_is_in_the_log_exactly_once_after_kill_9),
        cmocka_unit_test(recognises_what_the_log_has_already),
        cmocka_unit_test(goes_by_the_socket_where_no_ring_can_be_made),
        cmocka_unit_test(believes_nothing_once_the_log_is_closed),
        cmocka_unit_test(gives_up_a_ring_whose_file_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
