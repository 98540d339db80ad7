/* SPDX-License-Identifier: Apache-2.0 */
/* The store of subjects' keys: what goes in, what never comes back, what is left on the disk. */
#include "audit/keep/subject_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rg_clock.h"
#include "tests/support/rg_test.h"

#define ORIGIN RG_SLICE("test/1")

static char root[64];
static char directory[96];

static int make_root(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/rg-subjects-XXXXXX");
    if (mkdtemp(root) == NULL) {
        return -1;
    }
    (void)snprintf(directory, sizeof directory, "%s/keys", root);
    return 0;
}

static int run(const char *format, const char *argument)
{
    char command[512];
    (void)snprintf(command, sizeof command, "cd '%s' && %s '%s'", root, format, argument);
    return system(command);
}

static int remove_root(void **state)
{
    (void)state;
    return run("rm -rf --", root);
}

static struct subject_store *open_store(void)
{
    struct subject_store *store = NULL;
    bool was_made = false;
    assert_ok(subject_store_open(rg_slice_of(directory), ORIGIN, true, &was_made, &store));
    return store;
}

static struct audit_key_frame frame_of(uint64_t number, struct rg_slice tenant, struct rg_slice subject)
{
    struct audit_key_frame frame = {.tenant = tenant, .subject = subject, .user = RG_SLICE("user")};
    memcpy(frame.key.id.bytes, &number, sizeof number);
    (void)snprintf((char *)frame.key.secret, sizeof frame.key.secret, "SECRET-%024llu", (unsigned long long)number);
    return frame;
}

static void put(struct subject_store *store, uint64_t number, struct rg_slice tenant, struct rg_slice subject)
{
    struct audit_key_frame frame = frame_of(number, tenant, subject);
    assert_ok(subject_store_put(store, &frame, 1000));
}

static bool has(struct subject_store *store, uint64_t number)
{
    struct audit_key_frame frame = frame_of(number, RG_SLICE(""), RG_SLICE("s"));
    struct audit_subject_key key;
    bool is_there = false;
    assert_ok(subject_store_get(store, &frame.key.id, &is_there, &key));
    if (is_there) {
        assert_memory_equal(&key, &frame.key, sizeof key);
    }
    return is_there;
}

static struct subject_found find(struct subject_store *store, struct rg_slice tenant, struct rg_slice subject)
{
    struct subject_found found = {0};
    assert_ok(subject_store_find(store, tenant, subject, &found));
    return found;
}

static bool is_on_disk(const char *text)
{
    return run("grep -rqaF --", text) == 0;
}

static void keys_are_there_after_a_commit_and_not_without_one(void **state)
{
    (void)state;
    struct subject_store *store = open_store();
    put(store, 1, RG_SLICE("acme"), RG_SLICE("alice"));
    assert_ok(subject_store_commit(store));
    put(store, 2, RG_SLICE("acme"), RG_SLICE("alice"));
    subject_store_close(&store);
    assert_null(store);
    store = open_store();
    assert_true(has(store, 1));
    assert_false(has(store, 2));
    assert_int_equal(find(store, RG_SLICE("acme"), RG_SLICE("alice")).key_count, 1);
    subject_store_close(&store);
}

static void names_are_compared_byte_for_byte(void **state)
{
    (void)state;
    static const struct rg_slice names[] = {
        {"alice", 5},      {"Alice", 5},       {"alice\0", 6},  {"alice ", 6},
        {"al\u00edce", 6}, {"ali\u0301ce", 7}, {"\xff\xfe", 2}, {"'; DROP TABLE key;--", 20}};
    struct subject_store *store = open_store();
    enum { COUNT = sizeof names / sizeof names[0] };
    for (size_t i = 0; i < COUNT; i++) {
        put(store, i, RG_SLICE("acme"), names[i]);
        put(store, 100 + i, RG_SLICE("globex"), names[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t count = 0;
        struct subject_found found = find(store, RG_SLICE("acme"), names[i]);
        assert_int_equal(found.key_count, 1);
        assert_ok(subject_store_erase(store, &found.pseudonym, &count));
        assert_int_equal(count, 1);
        for (size_t other = 0; other < COUNT; other++) {
            assert_true(has(store, other) == (other > i));
            assert_true(has(store, 100 + other));
        }
    }
    subject_store_close(&store);
}

static void a_key_id_comes_once_whoever_brings_it_and_never_again_after_an_erasure(void **state)
{
    (void)state;
    struct subject_store *store = open_store();
    uint64_t count = 0;
    struct audit_key_frame frame = frame_of(7, RG_SLICE("acme"), RG_SLICE("alice"));
    struct audit_key_frame other = frame_of(7, RG_SLICE("acme"), RG_SLICE("bob"));
    assert_ok(subject_store_put(store, &frame, 1));
    assert_fails(RG_PROTOCOL, subject_store_put(store, &frame, 1));
    assert_fails(RG_PROTOCOL, subject_store_put(store, &other, 1));
    assert_ok(subject_store_commit(store));
    assert_false(find(store, RG_SLICE("acme"), RG_SLICE("bob")).is_there);
    struct subject_found found = find(store, RG_SLICE("acme"), RG_SLICE("alice"));
    assert_ok(subject_store_erase(store, &found.pseudonym, &count));
    assert_int_equal(count, 1);
    assert_fails(RG_PROTOCOL, subject_store_put(store, &frame, 1));
    assert_fails(RG_PROTOCOL, subject_store_put(store, &other, 1));
    assert_ok(subject_store_erase(store, &found.pseudonym, &count)); /* twice */
    assert_int_equal(count, 0);
    put(store, 8, RG_SLICE("acme"), RG_SLICE("alice"));
    struct subject_found again = find(store, RG_SLICE("acme"), RG_SLICE("alice"));
    assert_memory_not_equal(again.pseudonym.bytes, found.pseudonym.bytes, sizeof found.pseudonym.bytes);
    subject_store_close(&store);
}

static void back_up(struct subject_store *store, int64_t wall_us)
{
    for (int i = 0; i < 200; i++) {
        assert_ok(subject_store_back_up(store, wall_us, 7 * 86400));
    }
}

static void nothing_of_an_erased_subject_is_left_in_any_file(void **state)
{
    (void)state;
    struct subject_store *store = open_store();
    uint64_t count = 0;
    for (uint64_t i = 0; i < 50; i++) {
        put(store, i, RG_SLICE("acme"), i % 2 == 0 ? RG_SLICE("alice-the-erased") : RG_SLICE("bob-who-stays"));
        assert_ok(subject_store_commit(store));
    }
    back_up(store, (int64_t)1700000000 * 1000000);
    back_up(store, (int64_t)1700100000 * 1000000);
    assert_int_equal(run("test $(ls keys/backup/*.db | wc -l) -eq 2 -o", ""), 0);
    assert_true(is_on_disk("alice-the-erased") && is_on_disk("SECRET-000000000000000000000000"));
    struct subject_found found = find(store, RG_SLICE("acme"), RG_SLICE("alice-the-erased"));
    assert_ok(subject_store_erase(store, &found.pseudonym, &count));
    assert_int_equal(count, 25);
    assert_false(is_on_disk("alice-the-erased"));
    for (uint64_t i = 0; i < 50; i++) {
        char secret[40];
        (void)snprintf(secret, sizeof secret, "SECRET-%024llu", (unsigned long long)i);
        assert_true(is_on_disk(secret) == (i % 2 == 1));
    }
    assert_true(is_on_disk("bob-who-stays"));
    subject_store_close(&store);
}

static void backups_go_when_they_are_old(void **state)
{
    (void)state;
    const int64_t day_us = (int64_t)86400 * 1000000;
    struct subject_store *store = open_store();
    put(store, 1, RG_SLICE("acme"), RG_SLICE("alice"));
    for (int64_t day = 0; day < 20; day++) {
        back_up(store, (int64_t)1700000000 * 1000000 + day * day_us);
    }
    assert_int_equal(run("test $(ls keys/backup/*.db | wc -l) -eq 8 -o", ""), 0); /* seven days and today's */
    subject_store_close(&store);
}

static void a_store_of_another_log_one_that_is_locked_and_an_open_directory_are_refused(void **state)
{
    (void)state;
    struct subject_store *store = NULL;
    struct subject_store *second = NULL;
    bool was_made = true;
    assert_fails(RG_CONFIG, subject_store_open(rg_slice_of(directory), ORIGIN, false, &was_made, &second));
    store = open_store();
    assert_fails(RG_STORAGE, subject_store_open(rg_slice_of(directory), ORIGIN, true, &was_made, &second));
    assert_fails(RG_CONFIG, subject_store_open_read(rg_slice_of(directory), RG_SLICE("test/2"), &second));
    assert_ok(subject_store_open_read(rg_slice_of(directory), ORIGIN, &second));
    subject_store_close(&second);
    subject_store_close(&store);
    assert_fails(RG_CONFIG, subject_store_open(rg_slice_of(directory), RG_SLICE("test/2"), true, &was_made, &second));
    assert_int_equal(chmod(directory, 0755), 0);
    assert_fails(RG_CONFIG, subject_store_open(rg_slice_of(directory), ORIGIN, true, &was_made, &second));
    assert_fails(RG_CONFIG, subject_store_open(RG_SLICE("relative"), ORIGIN, true, &was_made, &second));
    assert_null(second);
    assert_true(was_made);
}

static void a_damaged_store_is_an_error_and_not_a_new_one(void **state)
{
    (void)state;
    struct subject_store *store = open_store();
    bool was_made = false;
    for (uint64_t i = 0; i < 200; i++) {
        put(store, i, RG_SLICE("acme"), RG_SLICE("alice"));
    }
    assert_ok(subject_store_commit(store));
    subject_store_close(&store);
    assert_int_equal(run("dd if=/dev/urandom of=keys/subjects.db bs=512 count=4 conv=notrunc status=none; true", ""),
                     0);
    rg_status status = subject_store_open(rg_slice_of(directory), ORIGIN, true, &was_made, &store);
    assert_false(rg_is_ok(status));
    assert_null(store);
    assert_int_equal(run("truncate -s 0 keys/subjects.db; true", ""), 0);
    assert_fails(RG_CONFIG, subject_store_open(rg_slice_of(directory), ORIGIN, false, &was_made, &store));
}

/* Neither the database nor its journal grows: what a full disk leaves possible. */
static void hundreds_of_keys_need_no_space_on_the_disk(void **state)
{
    (void)state;
    struct subject_store *store = open_store();
    struct stat before, after, journal_before, journal_after;
    char path[128], journal[140];
    (void)snprintf(path, sizeof path, "%s/subjects.db", directory);
    (void)snprintf(journal, sizeof journal, "%s-journal", path);
    assert_int_equal(stat(path, &before) | stat(journal, &journal_before), 0);
    for (uint64_t i = 0; i < 1000; i++) {
        put(store, i * 0x9e3779b97f4a7c15U, RG_SLICE("acme"), rg_slice_make(&i, sizeof i));
        assert_ok(i % 10 == 0 ? subject_store_commit(store) : RG_OK);
    }
    assert_ok(subject_store_commit(store));
    assert_int_equal(stat(path, &after) | stat(journal, &journal_after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(journal_before.st_size, journal_after.st_size);
    assert_true(after.st_size > 4 << 20);
    for (uint64_t i = 1000; i < 30000; i++) {
        put(store, i * 0x9e3779b97f4a7c15U, RG_SLICE("acme"), rg_slice_make(&i, sizeof i));
    }
    assert_ok(subject_store_reserve(store)); /* it was used up */
    assert_int_equal(stat(path, &before), 0);
    put(store, 1, RG_SLICE("acme"), RG_SLICE("one more"));
    assert_ok(subject_store_commit(store));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    subject_store_close(&store);
}

/* ROWGATE_SUBJECTS=1000000 for the figure of docs/erasure.md. */
static void one_of_many_is_erased_within_a_second(void **state)
{
    (void)state;
    const char *wanted = getenv("ROWGATE_SUBJECTS");
    uint64_t count = wanted == NULL ? 20000 : strtoull(wanted, NULL, 10);
    uint64_t erased = 0;
    struct subject_store *store = open_store();
    for (uint64_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "subject-%llu", (unsigned long long)(i / 10));
        put(store, i * 0x9e3779b97f4a7c15U, RG_SLICE("acme"), rg_slice_of(name));
    }
    assert_ok(subject_store_commit(store));
    int64_t start_us = rg_clock_monotonic_us(rg_clock_system());
    struct subject_found found = find(store, RG_SLICE("acme"), RG_SLICE("subject-77"));
    assert_ok(subject_store_erase(store, &found.pseudonym, &erased));
    int64_t took_us = rg_clock_monotonic_us(rg_clock_system()) - start_us;
    print_message("one of %llu keys' subjects: %lld us\n", (unsigned long long)count, (long long)took_us);
    assert_int_equal(erased, 10);
    assert_true(took_us < 1000 * 1000);
    subject_store_close(&store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_there_after_a_commit_and_not_without_one),
        TEST(names_are_compared_byte_for_byte),
        TEST(a_key_id_comes_once_whoever_brings_it_and_never_again_after_an_erasure),
        TEST(nothing_of_an_erased_subject_is_left_in_any_file),
        TEST(backups_go_when_they_are_old),
        TEST(a_store_of_another_log_one_that_is_locked_and_an_open_directory_are_refused),
        TEST(a_damaged_store_is_an_error_and_not_a_new_one),
        TEST(hundreds_of_keys_need_no_space_on_the_disk),
        TEST(one_of_many_is_erased_within_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
