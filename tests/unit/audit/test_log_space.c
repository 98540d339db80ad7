/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that becomes full: really (a small tmpfs, which needs the right to mount), and as the store says it. */
#include <errno.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "tests/support/audit_checker.h"
#include "tests/support/failing_store.h"

enum { MIB = 1024 * 1024, DISK_MIB = 40, RESERVE_MIB = 4 };

struct disk {
    struct audit_dir dir;
    bool is_mounted;
};

/* False, with a message, when this process may not mount. */
static bool disk_make(struct disk *disk)
{
    *disk = (struct disk){0};
    audit_dir_make_bare(&disk->dir);
    char size[32];
    (void)snprintf(size, sizeof size, "size=%dm", DISK_MIB);
    if (mount("tmpfs", disk->dir.root, "tmpfs", 0, size) != 0) {
        print_message("skipped: a tmpfs cannot be mounted here: %s\n", strerror(errno));
        audit_dir_remove(&disk->dir);
        return false;
    }
    disk->is_mounted = true;
    audit_dir_make_keys(&disk->dir);
    return true;
}

static void disk_remove(struct disk *disk)
{
    assert_int_equal(umount2(disk->dir.root, MNT_DETACH), 0);
    audit_dir_remove(&disk->dir);
}

/* A file of others that leaves this much. */
static void disk_leave(const struct disk *disk, size_t left_bytes)
{
    static char block[64 * 1024];
    struct statvfs info;
    char path[96];
    (void)snprintf(path, sizeof path, "%s/ballast", disk->dir.root);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    while (statvfs(disk->dir.root, &info) == 0 && info.f_bavail * info.f_frsize > left_bytes + sizeof block) {
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block) {
            break;
        }
    }
    (void)close(fd);
}

static void disk_free(const struct disk *disk)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/ballast", disk->dir.root);
    assert_int_equal(unlink(path), 0);
}

static struct auditor_options disk_options(const struct disk *disk)
{
    struct auditor_options options = audit_dir_options(&disk->dir);
    options.reserve_bytes = RESERVE_MIB * MIB;
    options.low_space_bytes = 8 * MIB;
    return options;
}

static rg_status append(struct audit_log *log, uint64_t number, size_t sql_size)
{
    static char sql[16000];
    uint64_t seq = 0;
    memset(sql, 's', sizeof sql);
    struct audit_event event = audit_sample(number, "acme");
    event.sql = rg_slice_make(sql, sql_size);
    RG_TRY(audit_dir_append(log, &event, &seq));
    return audit_log_commit(log);
}

static void watch_until(struct audit_log *log, enum audit_state wanted)
{
    for (int i = 0; i < 20 && audit_log_state(log, NULL) != wanted; i++) {
        assert_ok(audit_log_watch(log));
        audit_keeper_wait(log->keeper);
    }
    assert_int_equal(audit_log_state(log, NULL), wanted);
}

static void assert_whole(const struct disk *disk, size_t statements, size_t changes)
{
    struct audit_checker checker;
    assert_intact(&disk->dir, 0);
    audit_checker_run(&checker, &disk->dir);
    assert_int_equal(checker.kinds[AUDIT_STATEMENT], statements);
    assert_int_equal(checker.kinds[AUDIT_DISK_STATE], changes);
    assert_int_equal(checker.newest, checker.count);
    audit_checker_done(&checker);
}

static void goes_low_reserve_closed_and_open_again_on_a_real_full_disk(void **state)
{
    (void)state;
    struct disk disk;
    struct audit_log log = {0};
    const char *reason = NULL;
    size_t written = 0;
    if (!disk_make(&disk)) {
        skip();
    }
    struct auditor_options options = disk_options(&disk);
    assert_ok(audit_log_open(&options, &log));
    audit_keeper_wait(log.keeper);
    assert_ok(append(&log, written++, 8));
    watch_until(&log, AUDIT_OPEN);
    disk_leave(&disk, 4 * MIB);
    watch_until(&log, AUDIT_LOW);
    assert_int_equal(audit_log_state(&log, &reason), AUDIT_LOW);
    assert_non_null(strstr(reason, "are free"));
    assert_ok(append(&log, written++, 8));
    disk_leave(&disk, 0);
    watch_until(&log, AUDIT_RESERVE);
    assert_true(audit_log_is_disk_full(&log));
    rg_status status = RG_OK;
    while (rg_is_ok(status)) {
        status = append(&log, written++, 12000);
        assert_true(written < 1000);
    }
    assert_int_equal(status.error->kind, RG_LIMIT);
    assert_true(written > 200); /* 4 MiB of 12 kB */
    assert_int_equal(audit_log_state(&log, &reason), AUDIT_CLOSED);
    assert_non_null(strstr(reason, "No space left on device"));
    assert_true(audit_log_is_disk_full(&log));
    assert_fails(RG_LIMIT, append(&log, written++, 8)); /* kept, not acknowledged */
    assert_ok(audit_log_watch(&log));
    assert_int_equal(audit_log_state(&log, NULL), AUDIT_CLOSED);
    disk_free(&disk);
    watch_until(&log, AUDIT_OPEN); /* without a restart */
    assert_false(audit_log_is_disk_full(&log));
    assert_true(audit_keeper_has_reserve(log.keeper));
    assert_ok(audit_log_commit(&log));
    assert_int_equal(log.durable_seq, log.chain.next_seq);
    assert_ok(append(&log, written++, 8));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_whole(&disk, written, 4); /* low, reserve, closed, open */
    disk_remove(&disk);
}

static void leaves_the_reserve_when_there_is_space_and_can_use_it_again(void **state)
{
    (void)state;
    struct disk disk;
    struct audit_log log = {0};
    size_t written = 0;
    if (!disk_make(&disk)) {
        skip();
    }
    struct auditor_options options = disk_options(&disk);
    assert_ok(audit_log_open(&options, &log));
    audit_keeper_wait(log.keeper);
    for (int i = 0; i < 3; i++) {
        disk_leave(&disk, 0);
        watch_until(&log, AUDIT_RESERVE);
        for (int j = 0; j < 20; j++) {
            assert_ok(append(&log, written++, 12000));
        }
        disk_free(&disk);
        watch_until(&log, AUDIT_OPEN);
        assert_ok(append(&log, written++, 12000));
    }
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_whole(&disk, written, 6);
    disk_remove(&disk);
}

/* Nobody watches between two writes: the write itself finds the disk full. */
static void finds_the_disk_full_at_a_write(void **state)
{
    (void)state;
    struct disk disk;
    struct audit_log log = {0};
    size_t written = 0;
    if (!disk_make(&disk)) {
        skip();
    }
    struct auditor_options options = disk_options(&disk);
    assert_ok(audit_log_open(&options, &log));
    audit_keeper_wait(log.keeper);
    disk_leave(&disk, 0);
    while (audit_log_state(&log, NULL) != AUDIT_RESERVE) {
        assert_ok(append(&log, written++, 12000));
        assert_true(written < 2000);
    }
    assert_ok(append(&log, written++, 12000));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    disk_free(&disk);
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_whole(&disk, written, 1);
    disk_remove(&disk);
}

static void does_not_open_on_a_full_disk_and_does_when_there_is_space(void **state)
{
    (void)state;
    struct disk disk;
    struct audit_log log = {0};
    size_t written = 0;
    if (!disk_make(&disk)) {
        skip();
    }
    struct auditor_options options = disk_options(&disk);
    assert_ok(audit_log_open(&options, &log));
    audit_keeper_wait(log.keeper);
    disk_leave(&disk, 0);
    while (rg_is_ok(append(&log, written, 12000))) {
        written++;
    }
    audit_log_done(&log); /* as after kill -9, while CLOSED */
    disk_leave(&disk, 0);
    rg_status status = audit_log_open(&options, &log);
    for (int i = 0; i < 200 && rg_is_ok(status); i++) { /* what is left of the reserve takes a few starts */
        audit_log_done(&log);
        status = audit_log_open(&options, &log);
    }
    assert_false(rg_is_ok(status));
    assert_int_equal(status.error->kind, RG_STORAGE);
    assert_non_null(strstr(status.error->text, "No space left on device"));
    assert_null(log.store);
    disk_free(&disk);
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_intact(&disk.dir, 0);
    struct audit_checker checker;
    audit_checker_run(&checker, &disk.dir);
    assert_true(checker.kinds[AUDIT_STATEMENT] >= written);
    audit_checker_done(&checker);
    disk_remove(&disk);
}

/* ---- as the store says ---- */

struct test_clock {
    int64_t mono_us;
};

static int64_t test_mono(void *context)
{
    const struct test_clock *clock = context;
    return clock->mono_us;
}

static int64_t test_wall(void *context)
{
    return test_mono(context) + 1700000000000000;
}

static void is_low_when_the_disk_will_be_full_within_a_day(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log = {0};
    struct failing failing = {.files = audit_store_files(), .free_bytes = 600ULL * MIB};
    struct audit_store store = failing_store(&failing);
    struct test_clock time = {.mono_us = 1000000};
    const struct rg_clock clock = {.wall_us = test_wall, .monotonic_us = test_mono, .context = &time};
    const char *reason = NULL;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.store = &store;
    options.clock = &clock;
    options.low_space_bytes = MIB;
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_log_watch(&log));
    assert_int_equal(audit_log_state(&log, NULL), AUDIT_OPEN);
    for (uint64_t i = 0; i < 60; i++) { /* about 14 kB a second */
        assert_ok(append(&log, i, 14000));
        time.mono_us += 1000000;
        assert_ok(audit_log_watch(&log));
    }
    assert_int_equal(audit_log_state(&log, &reason), AUDIT_LOW);
    assert_non_null(strstr(reason, "within a day"));
    for (uint64_t i = 0; i < 20; i++) { /* it goes quiet */
        time.mono_us += 60000000;
        assert_ok(audit_log_watch(&log));
    }
    assert_int_equal(audit_log_state(&log, NULL), AUDIT_OPEN);
    failing.free_bytes = MIB - 1;
    assert_ok(audit_log_watch(&log));
    assert_int_equal(audit_log_state(&log, NULL), AUDIT_LOW);
    failing.free_bytes = MIB + 10; /* not yet: it would flap */
    assert_ok(audit_log_watch(&log));
    assert_int_equal(audit_log_state(&log, NULL), AUDIT_LOW);
    failing.free_bytes = 2 * MIB;
    assert_ok(audit_log_watch(&log));
    assert_int_equal(audit_log_state(&log, NULL), AUDIT_OPEN);
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void goes_to_the_reserve_before_the_disk_is_full_to_the_last_byte(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log = {0};
    struct failing failing = {.files = audit_store_files(), .free_bytes = 600ULL * MIB};
    struct audit_store store = failing_store(&failing);
    struct stat info;
    char path[96];
    audit_dir_make(&dir);
    (void)snprintf(path, sizeof path, "%s/reserve", dir.path);
    struct auditor_options options = audit_dir_options(&dir);
    options.store = &store;
    options.reserve_bytes = MIB;
    assert_ok(audit_log_open(&options, &log));
    audit_keeper_wait(log.keeper);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, MIB);
    failing.free_bytes = MIB / 4 - 1;
    assert_ok(audit_log_watch(&log));
    assert_int_equal(audit_log_state(&log, NULL), AUDIT_RESERVE);
    assert_int_not_equal(stat(path, &info), 0); /* it is the live segment now */
    assert_ok(append(&log, 1, 8));
    failing.free_bytes = 600ULL * MIB;
    watch_until(&log, AUDIT_LOW); /* below the default of 1 GiB */
    assert_int_equal(stat(path, &info), 0);
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* A reserve that is not all zeros would stand behind the records of a crash as a torn tail. */
static void makes_a_new_reserve_when_the_old_one_is_not_zeros(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log = {0};
    struct audit_file file;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 1);
    char path[96];
    (void)snprintf(path, sizeof path, "%s/reserve", dir.path);
    audit_file_write(path, "garbage", 7);
    struct auditor_options options = audit_dir_options(&dir);
    for (int i = 0; i < 2; i++) {
        assert_ok(audit_log_open(&options, &log));
        audit_keeper_wait(log.keeper);
        audit_file_load(&dir, "reserve", &file);
        assert_int_equal(file.size, options.reserve_bytes);
        for (size_t at = 0; at < file.size; at++) {
            assert_int_equal(file.bytes[at], 0);
        }
        assert_ok(audit_log_stop(&log));
        audit_log_done(&log);
        audit_file_poke(&file, 1000, 'x');
        free(file.bytes);
    }
    audit_dir_remove(&dir);
}

static void fills_ahead_and_prepares_the_next_segment(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log = {0};
    struct stat info;
    char path[96];
    audit_dir_make(&dir);
    (void)snprintf(path, sizeof path, "%s/next", dir.path);
    struct auditor_options options = audit_dir_options(&dir);
    options.segment_bytes = MIB;
    assert_ok(audit_log_open(&options, &log));
    audit_keeper_wait(log.keeper);
    assert_ok(audit_log_watch(&log));
    assert_true(log.segment.allocated - log.segment.used >= AUDIT_AHEAD_BYTES);
    assert_int_not_equal(stat(path, &info), 0);
    uint64_t number = 0;
    while (log.segment.used < MIB / 2) {
        assert_ok(append(&log, number++, 14000));
    }
    assert_ok(append(&log, number++, 14000));
    audit_keeper_wait(log.keeper);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, AUDIT_AHEAD_BYTES);
    ino_t prepared = info.st_ino;
    while (log.segment.first_seq == 0) {
        assert_ok(append(&log, number++, 14000));
    }
    assert_int_equal(log.segment.inode, prepared);
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_low_reserve_closed_and_open_again_on_a_real_full_disk),
        cmocka_unit_test(leaves_the_reserve_when_there_is_space_and_can_use_it_again),
        cmocka_unit_test(finds_the_disk_full_at_a_write),
        cmocka_unit_test(does_not_open_on_a_full_disk_and_does_when_there_is_space),
        cmocka_unit_test(is_low_when_the_disk_will_be_full_within_a_day),
        cmocka_unit_test(goes_to_the_reserve_before_the_disk_is_full_to_the_last_byte),
        cmocka_unit_test(makes_a_new_reserve_when_the_old_one_is_not_zeros),
        cmocka_unit_test(fills_ahead_and_prepares_the_next_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
