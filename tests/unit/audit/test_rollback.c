/* SPDX-License-Identifier: Apache-2.0 */
/* A log against a checkpoint that was kept elsewhere, and the mark that closes it. */
#include "audit/rollback.h"
#include "tests/support/audit_checker.h"

static struct rg_slice read_note(const struct audit_dir *dir, char bytes[4096])
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/head.note", dir->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = read(fd, bytes, 4096);
    assert_true(size > 0);
    assert_int_equal(close(fd), 0);
    return rg_slice_make(bytes, (size_t)size);
}

static enum audit_standing standing_of(const struct audit_dir *dir, uint64_t size, struct rg_slice note)
{
    enum audit_standing standing = AUDIT_STANDING_NONE;
    uint64_t named = 0;
    int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(audit_standing_find(fd, RG_SLICE(TEST_ORIGIN), size, note, &standing, &named));
    assert_int_equal(close(fd), 0);
    return standing;
}

static uint64_t size_of(struct rg_slice note)
{
    struct audit_note parsed = {0};
    struct audit_checkpoint checkpoint = {0};
    assert_ok(audit_note_parse(note, &parsed));
    assert_ok(audit_checkpoint_parse(parsed.text, &checkpoint));
    return checkpoint.size;
}

static void a_log_stands_to_its_checkpoint(void **state)
{
    (void)state;
    struct audit_dir dir;
    char first_bytes[4096];
    char second_bytes[4096];
    audit_dir_make_fast(&dir);
    audit_dir_fill(&dir, 300);
    struct rg_slice first = read_note(&dir, first_bytes);
    audit_dir_fill(&dir, 300);
    struct rg_slice second = read_note(&dir, second_bytes);
    uint64_t size = size_of(second);
    assert_true(size > size_of(first));
    assert_int_equal(standing_of(&dir, size, first), AUDIT_STANDING_GOOD);
    assert_int_equal(standing_of(&dir, size, second), AUDIT_STANDING_GOOD);
    assert_int_equal(standing_of(&dir, size_of(first), second), AUDIT_STANDING_BEHIND);
    /* nothing is proven by what nobody signed */
    second_bytes[second.size - 10] ^= 1;
    assert_int_equal(standing_of(&dir, size_of(first), second), AUDIT_STANDING_NONE);
    assert_int_equal(standing_of(&dir, size, RG_SLICE("no note")), AUDIT_STANDING_NONE);
    assert_int_equal(standing_of(&dir, size, (struct rg_slice){0}), AUDIT_STANDING_NONE);
    audit_dir_remove(&dir);
}

static void another_history_under_the_same_keys_is_another(void **state)
{
    (void)state;
    struct audit_dir dir;
    char command[512];
    char bytes[4096];
    audit_dir_make_fast(&dir);
    (void)snprintf(command, sizeof command, "cp -a '%s' '%s/clone'", dir.path, dir.root);
    assert_int_equal(system(command), 0);
    audit_dir_fill(&dir, 40);
    struct rg_slice anchored = read_note(&dir, bytes);
    (void)snprintf(command, sizeof command, "rm -rf '%s' && mv '%s/clone' '%s'", dir.path, dir.root, dir.path);
    assert_int_equal(system(command), 0);
    audit_dir_fill(&dir, 100);
    assert_int_equal(standing_of(&dir, size_of(anchored) + 20, anchored), AUDIT_STANDING_OTHER);
    (void)snprintf(command, sizeof command, "rm -rf '%s/tile'", dir.path);
    assert_int_equal(system(command), 0);
    assert_int_equal(standing_of(&dir, size_of(anchored) + 20, anchored), AUDIT_STANDING_UNKNOWN);
    audit_dir_remove(&dir);
}

static void put_mark(const struct audit_dir *dir)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/export", dir->path);
    assert_true(mkdir(path, 0700) == 0 || access(path, W_OK) == 0);
    int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(audit_rolled_back_check(fd));
    assert_ok(audit_rolled_back_put(fd, "an anchor says so"));
    assert_fails(RG_STORAGE, audit_rolled_back_check(fd));
    assert_int_equal(close(fd), 0);
}

static void a_marked_log_does_not_open(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    audit_dir_fill(&dir, 10);
    put_mark(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct audit_log log = {.durability = AUDIT_WRITTEN};
    rg_status status = audit_log_open(&options, &log);
    assert_false(rg_is_ok(status));
    assert_int_equal(status.error->kind, RG_STORAGE);
    assert_non_null(strstr(status.error->text, "an anchor says so"));
    assert_int_equal(log.durability, AUDIT_WRITTEN); /* untouched */
    audit_dir_remove(&dir);
}

static void a_log_that_is_open_is_closed_by_the_mark(void **state)
{
    (void)state;
    struct audit_dir dir;
    const char *reason = NULL;
    audit_dir_make_fast(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct audit_log log = {0};
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_log_watch(&log));
    put_mark(&dir);
    assert_fails(RG_STORAGE, audit_log_watch(&log));
    assert_int_equal(audit_log_state(&log, &reason), AUDIT_CLOSED);
    assert_non_null(strstr(reason, "rolled back"));
    audit_log_done(&log);
    audit_dir_remove(&dir);
}

static void a_mark_shows_printable_text_only(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    put_mark(&dir);
    int fd = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(audit_rolled_back_put(fd, "\x1b[31mred\x07"));
    rg_status status = audit_rolled_back_check(fd);
    assert_non_null(strstr(status.error->text, "?[31mred?"));
    assert_int_equal(close(fd), 0);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_stands_to_its_checkpoint),
        cmocka_unit_test(another_history_under_the_same_keys_is_another),
        cmocka_unit_test(a_marked_log_does_not_open),
        cmocka_unit_test(a_log_that_is_open_is_closed_by_the_mark),
        cmocka_unit_test(a_mark_shows_printable_text_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
