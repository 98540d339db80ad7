/* SPDX-License-Identifier: Apache-2.0 */
/* What a log that was left in any state does at the next start: go on, cut a torn tail and say so, or
 * refuse with the place of the damage. */
#include "audit/log.h"

#include "tests/support/audit_dir.h"

#define FIRST_SEGMENT "seg/0000000000000000.jsonl"

static rg_status reopen(const struct audit_dir *dir)
{
    struct auditor_options options = audit_dir_options(dir);
    struct audit_log log = {0};
    RG_TRY(audit_log_open(&options, &log));
    rg_status status = audit_log_stop(&log);
    audit_log_done(&log);
    return status;
}

static void goes_on_behind_the_last_record(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    audit_dir_fill(&dir, 10);
    for (int i = 0; i < 3; i++) {
        assert_ok(reopen(&dir));
    }
    assert_intact(&dir, 13 + 9);
    audit_dir_fill(&dir, 5); /* tenants go on where they were */
    assert_intact(&dir, 22 + 8);
    audit_dir_remove(&dir);
}

static void makes_everything_private(void **state)
{
    (void)state;
    static const char *const names[] = {"", "/seg", "/quarantine", "/origin", "/lock", ("/" FIRST_SEGMENT)};
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    audit_dir_fill(&dir, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        struct stat info;
        (void)snprintf(path, sizeof path, "%s%s", dir.path, names[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, S_ISDIR(info.st_mode) ? 0700 : 0600);
    }
    audit_dir_remove(&dir);
}

/* Cut at each byte: every whole record stays, the rest goes to quarantine and is declared. */
static void repairs_a_tail_cut_at_each_byte(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_file file;
    audit_dir_make_fast(&dir);
    audit_dir_crash(&dir, 3);
    audit_file_load(&dir, FIRST_SEGMENT, &file);
    for (size_t size = 0; size <= file.size; size += size % 7 == 0 ? 1 : 11) {
        audit_dir_forget(&dir);
        audit_file_write(file.path, file.bytes, size);
        uint64_t whole = 0;
        size_t torn = 0;
        for (size_t i = 0; i < size; i++) {
            whole += file.bytes[i] == '\n' ? 1 : 0;
            torn = file.bytes[i] == '\n' ? 0 : torn + 1;
        }
        assert_ok(reopen(&dir));
        assert_intact(&dir, whole + (torn > 0 ? 4 : 3));
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 1 << 20);
        assert_true(audit_dir_verify(&dir, &arena).recovery_count == (torn > 0 ? 1 : 0));
    }
    free(file.bytes);
    audit_dir_remove(&dir);
}

static void keeps_the_torn_bytes_and_says_their_hash(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_file file;
    char command[256];
    audit_dir_make_fast(&dir);
    audit_dir_crash(&dir, 3);
    audit_file_load(&dir, FIRST_SEGMENT, &file);
    audit_file_write(file.path, file.bytes, file.size - 10);
    assert_ok(reopen(&dir));
    (void)snprintf(command, sizeof command,
                   "cd '%s' && f=$(ls quarantine/*.torn) && h=$(sha256sum < $f | cut -d' ' -f1) && "
                   "grep -q '\"recovered_sha256\":\"'$h'\"' " FIRST_SEGMENT,
                   dir.path);
    assert_int_equal(system(command), 0);
    free(file.bytes);
    audit_dir_remove(&dir);
}

static size_t find_line(const struct audit_file *file, size_t number)
{
    const char *at = file->bytes;
    for (size_t i = 0; i < number; i++) {
        at = strchr(at, '\n') + 1;
    }
    return (size_t)(at - file->bytes);
}

static void assert_refused(const struct audit_dir *dir, const char *place)
{
    struct auditor_options options = audit_dir_options(dir);
    struct audit_log log = {.durability = AUDIT_WRITTEN};
    rg_status status = audit_log_open(&options, &log);
    assert_false(rg_is_ok(status));
    assert_int_equal(status.error->kind, RG_STORAGE);
    if (strstr(status.error->text, place) == NULL) {
        fail_msg("\"%s\" does not name \"%s\"", status.error->text, place);
    }
    assert_int_equal(log.durability, AUDIT_WRITTEN); /* untouched */
}

static void refuses_damage_before_the_tail_and_names_it(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_file file;
    audit_dir_make_fast(&dir);
    audit_dir_crash(&dir, 8);
    audit_file_load(&dir, FIRST_SEGMENT, &file);
    size_t third = find_line(&file, 3);
    audit_file_poke(&file, third, 'x'); /* a bad line, good ones behind */
    assert_refused(&dir, FIRST_SEGMENT " line 4, record 3");
    audit_file_restore(&file);
    audit_file_poke(&file, find_line(&file, 4) - 4, '0'); /* inside the JSON: seen by the next prev */
    assert_refused(&dir, FIRST_SEGMENT " line 5, record 4");
    audit_file_restore(&file);
    audit_file_poke(&file, find_line(&file, 7) - 4, '0'); /* the record before the last: no torn write */
    assert_refused(&dir, FIRST_SEGMENT " line 8, record 7");
    audit_file_restore(&file);
    assert_ok(reopen(&dir));
    free(file.bytes);
    audit_dir_remove(&dir);
}

/* Power loss can leave a later page of one write without an earlier one: that is a torn tail. */
static void takes_an_unwritten_sector_for_a_torn_tail(void **state)
{
    (void)state;
    static const char zeros[1024];
    struct audit_dir dir;
    struct audit_file file;
    audit_dir_make_fast(&dir);
    audit_dir_crash(&dir, 8);
    audit_file_load(&dir, FIRST_SEGMENT, &file);
    int fd = open(file.path, O_WRONLY);
    assert_int_equal(pwrite(fd, zeros, 1024, 2048), 1024);
    (void)close(fd);
    assert_ok(reopen(&dir));
    assert_intact(&dir, 0);
    free(file.bytes);
    audit_dir_remove(&dir);
}

static void refuses_more_torn_bytes_than_a_crash_can_leave(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_file file;
    audit_dir_make_fast(&dir);
    audit_dir_crash(&dir, 1);
    audit_file_load(&dir, FIRST_SEGMENT, &file);
    assert_int_equal(truncate(file.path, (off_t)file.size + AUDIT_COMMIT_MAX + 4096), 0);
    audit_file_poke(&file, file.size + AUDIT_COMMIT_MAX + 100, 'x');
    assert_refused(&dir, "more follows than a crash can leave");
    free(file.bytes);
    audit_dir_remove(&dir);
}

static void refuses_a_missing_segment(void **state)
{
    (void)state;
    struct audit_dir dir;
    char path[128];
    audit_dir_make_fast(&dir);
    audit_dir_fill(&dir, 1);
    (void)snprintf(path, sizeof path, "%s/seg/0000000000000009.jsonl", dir.path);
    audit_file_write(path, "", 0);
    assert_refused(&dir, "record 4 is missing");
    audit_dir_remove(&dir);
}

static void refuses_a_second_rowgate_and_another_origin(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct audit_log log = {0};
    struct audit_log second = {0};
    assert_ok(audit_log_open(&options, &log));
    assert_fails(RG_STORAGE, audit_log_open(&options, &second));
    assert_null(second.store);
    audit_log_done(&log);
    options.origin = RG_SLICE("other/audit/node-1/1");
    assert_fails(RG_CONFIG, audit_log_open(&options, &second));
    assert_ok(reopen(&dir));
    audit_dir_remove(&dir);
}

static void refuses_bad_options(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    struct audit_log log = {0};
    struct auditor_options options = audit_dir_options(&dir);
    options.origin = (struct rg_slice){0};
    assert_fails(RG_CONFIG, audit_log_open(&options, &log));
    options.origin = RG_SLICE("two\nlines");
    assert_fails(RG_CONFIG, audit_log_open(&options, &log));
    options = audit_dir_options(&dir);
    options.segment_bytes = 1000;
    assert_fails(RG_CONFIG, audit_log_open(&options, &log));
    options = audit_dir_options(&dir);
    options.directory = RG_SLICE("/nonexistent/a/b");
    assert_fails(RG_CONFIG, audit_log_open(&options, &log));
    audit_dir_remove(&dir);
}

static void starts_the_next_segment_when_one_is_full(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.segment_bytes = 128 * 1024;
    struct audit_log log = {0};
    uint64_t last = 0;
    assert_ok(audit_log_open(&options, &log));
    for (uint64_t i = 0; i < 400; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, "acme");
        assert_ok(audit_dir_append(&log, &event, &seq));
        assert_true(seq > last);
        last = seq;
    }
    assert_ok(audit_log_commit(&log)); /* one commit over several segments */
    assert_ok(audit_log_watch(&log));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_intact(&dir, last + 3);
    assert_ok(reopen(&dir));
    assert_intact(&dir, last + 6);
    audit_dir_remove(&dir);
}

static void notices_when_the_live_file_is_taken_away_or_changed(void **state)
{
    (void)state;
    static const char *const verbs[] = {"rm -f", "truncate -s 0", "truncate -s +1", "sed -i s/a/a/"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct audit_dir dir;
        char path[128];
        audit_dir_make_fast(&dir);
        struct auditor_options options = audit_dir_options(&dir);
        struct audit_log log = {0};
        assert_ok(audit_log_open(&options, &log));
        audit_keeper_wait(log.keeper);
        assert_ok(audit_log_watch(&log));
        audit_keeper_wait(log.keeper);
        (void)snprintf(path, sizeof path, "%s/" FIRST_SEGMENT, dir.path);
        audit_dir_run(verbs[i], path, path);
        assert_fails(RG_STORAGE, audit_log_watch(&log));
        audit_log_done(&log);
        audit_dir_remove(&dir);
    }
}

static void notices_when_a_directory_is_moved_away_or_replaced(void **state)
{
    (void)state;
    static const char *const below[] = {"", "/seg"};
    for (size_t i = 0; i < 4; i++) {
        struct audit_dir dir;
        char path[128];
        char gone[128];
        audit_dir_make(&dir);
        struct auditor_options options = audit_dir_options(&dir);
        struct audit_log log = {0};
        assert_ok(audit_log_open(&options, &log));
        assert_ok(audit_log_watch(&log));
        (void)snprintf(path, sizeof path, "%s%s", dir.path, below[i % 2]);
        (void)snprintf(gone, sizeof gone, "%s/gone", dir.root);
        audit_dir_run("mv", path, gone);
        if (i >= 2) {
            audit_dir_run("cp -a", gone, path); /* the same bytes, and not where we write */
        }
        assert_fails(RG_STORAGE, audit_log_watch(&log));
        assert_int_equal(audit_log_state(&log, NULL), AUDIT_CLOSED);
        audit_log_done(&log);
        audit_dir_remove(&dir);
    }
}

static int64_t wall_back(void *context)
{
    int64_t *calls = context;
    (*calls)++;
    return *calls < 5 ? 2000000000000000 : 1000000000000000;
}

static int64_t monotonic_flat(void *context)
{
    (void)context;
    return 5;
}

static void never_lets_the_clock_step_back(void **state)
{
    (void)state;
    int64_t calls = 0;
    const struct rg_clock clock = {.wall_us = wall_back, .monotonic_us = monotonic_flat, .context = &calls};
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    options.clock = &clock;
    for (int i = 0; i < 3; i++) {
        struct audit_log log = {0};
        assert_ok(audit_log_open(&options, &log));
        assert_ok(audit_log_stop(&log));
        audit_log_done(&log);
    }
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_behind_the_last_record),
        cmocka_unit_test(makes_everything_private),
        cmocka_unit_test(repairs_a_tail_cut_at_each_byte),
        cmocka_unit_test(keeps_the_torn_bytes_and_says_their_hash),
        cmocka_unit_test(refuses_damage_before_the_tail_and_names_it),
        cmocka_unit_test(takes_an_unwritten_sector_for_a_torn_tail),
        cmocka_unit_test(refuses_more_torn_bytes_than_a_crash_can_leave),
        cmocka_unit_test(refuses_a_missing_segment),
        cmocka_unit_test(refuses_a_second_rowgate_and_another_origin),
        cmocka_unit_test(refuses_bad_options),
        cmocka_unit_test(starts_the_next_segment_when_one_is_full),
        cmocka_unit_test(notices_when_the_live_file_is_taken_away_or_changed),
        cmocka_unit_test(notices_when_a_directory_is_moved_away_or_replaced),
        cmocka_unit_test(never_lets_the_clock_step_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
