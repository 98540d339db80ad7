/* SPDX-License-Identifier: Apache-2.0 */
/* The log's whole life with the Nth call of the store failing, once, for good, or as the end of the process: the log
 * opens again, holds what was acknowledged, and its chain, tree and checkpoints hold. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/support/audit_checker.h"
#include "tests/support/failing_store.h"

/* A clock that a whole life runs on: each look moves it, so that checkpoints and epochs come due. */
static int64_t stepping_mono(void *context)
{
    atomic_llong *now = context;
    return atomic_fetch_add(now, 1000) + 1000;
}

static int64_t stepping_wall(void *context)
{
    atomic_llong *now = context;
    return atomic_load(now) + 1700000000000000;
}

struct life {
    struct audit_dir dir;
    struct failing failing;
    struct audit_store store;
    atomic_llong now;
    struct rg_clock clock;
    struct audit_log log;
    uint64_t *acknowledged; /* records that must stay: shared with a child process */
    bool is_alive;
};

static void life_init(struct life *life)
{
    life->failing.files = audit_store_files();
    life->store = failing_store(&life->failing);
    life->clock = (struct rg_clock){.wall_us = stepping_wall, .monotonic_us = stepping_mono, .context = &life->now};
    life->acknowledged =
        mmap(NULL, sizeof *life->acknowledged, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(life->acknowledged != MAP_FAILED);
    audit_dir_make_fast(&life->dir);
}

static struct auditor_options options_of(struct life *life)
{
    struct auditor_options options = audit_dir_options(&life->dir);
    options.segment_bytes = 128 * 1024;
    options.clock = &life->clock;
    options.store = &life->store;
    return options;
}

/* True while the log takes records; a status that is not ok must say why. */
static bool is_fine(struct life *life, rg_status status)
{
    if (rg_is_ok(status)) {
        return true;
    }
    assert_true(status.error->kind == RG_STORAGE || status.error->kind == RG_LIMIT);
    assert_true(strlen(status.error->text) > 10);
    life->is_alive = false;
    return false;
}

static void append(struct life *life, uint64_t number, size_t sql_size)
{
    static char sql[20000];
    uint64_t seq = 0;
    memset(sql, 's', sizeof sql);
    struct audit_event event = audit_sample(number, number % 2 == 0 ? "acme" : "globex");
    event.sql = rg_slice_make(sql, sql_size);
    if (is_fine(life, audit_dir_append(&life->log, &event, &seq)) && is_fine(life, audit_log_commit(&life->log))) {
        *life->acknowledged = seq + 1;
    }
}

static void live(struct life *life)
{
    struct auditor_options options = options_of(life);
    life->is_alive = is_fine(life, audit_log_open(&options, &life->log));
    if (!life->is_alive) {
        assert_null(life->log.store); /* untouched */
        return;
    }
    for (uint64_t i = 0; i < 14 && life->is_alive; i++) {
        append(life, i, i % 2 == 0 ? 15000 : 8);
        if (life->is_alive && i % 4 == 3) {
            atomic_fetch_add(&life->now, i == 7 ? 3600000000LL : 1000000LL); /* a checkpoint, or an epoch, is due */
            (void)is_fine(life, audit_log_watch(&life->log));
        }
        if (life->is_alive && i == 5) {
            (void)is_fine(life, audit_log_seal(&life->log));
        }
    }
    if (life->is_alive) {
        (void)is_fine(life, audit_log_stop(&life->log));
    }
    audit_log_done(&life->log);
}

/* The disk works again. */
static void assert_holds(struct life *life, const char *mode)
{
    struct audit_checker checker;
    struct auditor_options options = options_of(life);
    struct audit_log log = {0};
    options.store = NULL;
    rg_status status = audit_log_open(&options, &log);
    if (!rg_is_ok(status)) {
        fail_msg("%s, call %d: it does not open again: %s", mode, life->failing.fail_at, status.error->text);
    }
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_intact(&life->dir, 0);
    audit_checker_run(&checker, &life->dir);
    if (checker.count < *life->acknowledged || checker.newest != checker.count) {
        fail_msg("%s, call %d: %llu records, %llu signed, %llu acknowledged", mode, life->failing.fail_at,
                 (unsigned long long)checker.count, (unsigned long long)checker.newest,
                 (unsigned long long)*life->acknowledged);
    }
    audit_checker_done(&checker);
}

static void life_end(struct life *life)
{
    assert_int_equal(munmap(life->acknowledged, sizeof *life->acknowledged), 0);
    audit_dir_remove(&life->dir);
}

/* In steps that get wider: threads make the numbers vary, so that no single call is special. */
static void run_lives(enum failing_mode mode, int error, const char *name)
{
    bool is_clean = false;
    int rounds = 0;
    for (int n = 1; !is_clean; n += 1 + n / 20, rounds++) {
        struct life life = {.failing = {.fail_at = n, .error = error, .mode = mode}};
        life_init(&life);
        if (mode == FAILING_EXIT) {
            pid_t child = fork();
            int status = 0;
            assert_true(child >= 0);
            if (child == 0) {
                live(&life);
                _exit(0);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == FAILING_STATUS || WEXITSTATUS(status) == 0));
            is_clean = WEXITSTATUS(status) == 0;
        } else {
            live(&life);
            is_clean = atomic_load(&life.failing.calls) < n;
        }
        assert_holds(&life, name);
        life_end(&life);
        assert_true(n < 4000);
    }
    assert_true(rounds > 40);
}

static void holds_when_the_disk_breaks_at_any_call(void **state)
{
    (void)state;
    run_lives(FAILING_FROM, EIO, "broken from");
}

static void holds_when_the_disk_is_full_from_any_call(void **state)
{
    (void)state;
    run_lives(FAILING_FROM, ENOSPC, "full from");
}

static void holds_when_any_one_call_fails(void **state)
{
    (void)state;
    run_lives(FAILING_ONCE, EIO, "broken once at");
}

static void holds_when_any_one_call_finds_the_disk_full(void **state)
{
    (void)state;
    run_lives(FAILING_ONCE, ENOSPC, "full once at");
}

static void holds_when_the_process_ends_at_any_call(void **state)
{
    (void)state;
    run_lives(FAILING_EXIT, EIO, "killed at");
}

/* ---- one fault, looked at closely ---- */

/* Fails one call on the live segment, and watches that nobody syncs that file again. */
struct faulty {
    const struct audit_store *files;
    bool fail_sync;
    bool fail_write;
    bool fail_all;
    ino_t live; /* the segment, as descriptors are used again */
    ino_t failed;
    int syncs_after;
};

static ino_t file_of(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

static ssize_t faulty_write_at(void *context, int fd, const void *bytes, size_t size, uint64_t offset)
{
    struct faulty *faulty = context;
    if (file_of(fd) == faulty->live && (faulty->fail_write || faulty->fail_all)) {
        faulty->fail_write = false;
        faulty->failed = file_of(fd);
        return -EIO;
    }
    return faulty->files->write_at(NULL, fd, bytes, size, offset);
}

static int faulty_sync_data(void *context, int fd)
{
    struct faulty *faulty = context;
    faulty->syncs_after += file_of(fd) == faulty->failed ? 1 : 0;
    if (file_of(fd) == faulty->live && (faulty->fail_sync || faulty->fail_all)) {
        faulty->fail_sync = false;
        faulty->failed = file_of(fd);
        return -EIO;
    }
    return faulty->files->sync_data(NULL, fd);
}

static int faulty_open(void *context, int directory_fd, const char *name, int flags, mode_t mode)
{
    struct faulty *faulty = context;
    return faulty->fail_all ? -EIO : faulty->files->open(NULL, directory_fd, name, flags, mode);
}

static void run_fault(bool is_sync, enum audit_durability durability)
{
    struct faulty faulty = {.files = audit_store_files()};
    struct audit_store store = *audit_store_files();
    struct audit_dir dir;
    struct audit_log log = {0};
    struct audit_checker checker;
    uint64_t seq = 0;
    store.context = &faulty;
    store.write_at = faulty_write_at;
    store.sync_data = faulty_sync_data;
    store.open = faulty_open;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.store = &store;
    options.durability = durability;
    assert_ok(audit_log_open(&options, &log));
    struct audit_event event = audit_sample(1, "acme");
    for (int i = 0; i < 5; i++) { /* acknowledged, and in written mode not yet synced */
        assert_ok(audit_dir_append(&log, &event, &seq));
        assert_ok(audit_log_commit(&log));
    }
    audit_keeper_wait(log.keeper);
    faulty.live = log.segment.inode;
    faulty.fail_sync = is_sync;
    faulty.fail_write = !is_sync;
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_commit(&log));
    assert_ok(audit_log_watch(&log));
    assert_int_equal(faulty.failed, faulty.live);
    assert_int_equal(faulty.syncs_after, 0); /* never the same file again */
    assert_int_equal(audit_log_state(&log, NULL), AUDIT_OPEN);
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_commit(&log));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_intact(&dir, 0);
    audit_checker_run(&checker, &dir);
    assert_int_equal(checker.kinds[AUDIT_STATEMENT], 7);
    assert_int_equal(checker.kinds[AUDIT_LOG_FAULT], 1);
    assert_int_equal(checker.segment_count, 2);
    audit_checker_done(&checker);
    audit_dir_remove(&dir);
}

static void writes_again_into_a_new_segment_after_a_failed_write_or_sync(void **state)
{
    (void)state;
    for (int is_sync = 0; is_sync <= 1; is_sync++) {
        run_fault(is_sync == 1, AUDIT_SYNCED);
        run_fault(is_sync == 1, AUDIT_WRITTEN);
    }
}

static void closes_for_good_when_the_second_attempt_fails_too(void **state)
{
    (void)state;
    struct faulty faulty = {.files = audit_store_files()};
    struct audit_store store = *audit_store_files();
    struct audit_dir dir;
    struct audit_log log = {0};
    uint64_t seq = 0;
    const char *reason = NULL;
    store.context = &faulty;
    store.write_at = faulty_write_at;
    store.sync_data = faulty_sync_data;
    store.open = faulty_open;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.store = &store;
    assert_ok(audit_log_open(&options, &log));
    struct audit_event event = audit_sample(1, "acme");
    audit_keeper_wait(log.keeper);
    faulty.live = log.segment.inode;
    faulty.fail_all = true;
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_fails(RG_STORAGE, audit_log_commit(&log));
    assert_int_equal(audit_log_state(&log, &reason), AUDIT_CLOSED);
    assert_true(strlen(reason) > 10);
    assert_false(audit_log_is_disk_full(&log));
    faulty.fail_all = false; /* for good: not even when the disk works again */
    seq = 77;
    assert_fails(RG_STORAGE, audit_dir_append(&log, &event, &seq));
    assert_int_equal(seq, 77);
    assert_fails(RG_STORAGE, audit_log_commit(&log));
    assert_fails(RG_STORAGE, audit_log_watch(&log));
    assert_fails(RG_STORAGE, audit_log_seal(&log));
    assert_fails(RG_STORAGE, audit_log_note(&log, &event));
    assert_fails(RG_STORAGE, audit_log_stop(&log));
    audit_log_done(&log);
    audit_dir_fill(&dir, 1);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* ckpt/ cannot be written for a while: records go on, checkpoints follow when it can. */
static void publishes_what_waited_when_the_directory_is_writable_again(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log = {0};
    struct audit_checker checker;
    uint64_t seq = 0;
    char command[256];
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    assert_ok(audit_log_open(&options, &log));
    struct audit_event event = audit_sample(1, "acme");
    (void)snprintf(command, sizeof command, "cd '%s' && mv ckpt away && touch ckpt", dir.path);
    assert_int_equal(system(command), 0);
    for (int i = 0; i < 5; i++) {
        assert_ok(audit_dir_append(&log, &event, &seq));
        assert_ok(audit_log_commit(&log));
    }
    assert_ok(audit_log_seal(&log));
    assert_fails(RG_STORAGE, audit_publisher_drain(log.publisher));
    struct audit_publisher_state published = {0};
    audit_publisher_look(log.publisher, &published);
    assert_true(published.is_failing);
    assert_int_equal(published.size, 1); /* signed at the start */
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_commit(&log));
    (void)snprintf(command, sizeof command, "cd '%s' && rm ckpt && mv away ckpt", dir.path);
    assert_int_equal(system(command), 0);
    assert_ok(audit_publisher_drain(log.publisher));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_intact(&dir, 0);
    audit_checker_run(&checker, &dir);
    assert_int_equal(checker.newest, checker.count);
    audit_checker_done(&checker);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_again_into_a_new_segment_after_a_failed_write_or_sync),
        cmocka_unit_test(closes_for_good_when_the_second_attempt_fails_too),
        cmocka_unit_test(publishes_what_waited_when_the_directory_is_writable_again),
        cmocka_unit_test(holds_when_the_disk_breaks_at_any_call),
        cmocka_unit_test(holds_when_the_disk_is_full_from_any_call),
        cmocka_unit_test(holds_when_any_one_call_fails),
        cmocka_unit_test(holds_when_any_one_call_finds_the_disk_full),
        cmocka_unit_test(holds_when_the_process_ends_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
