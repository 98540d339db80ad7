/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/keys.h"

#include "tests/support/rg_test.h"

static void finds_by_pid_and_secret_only(void **state)
{
    (void)state;
    struct keys *keys = NULL;
    assert_ok(keys_new(&keys));
    struct keys_entry mine;
    struct keys_entry other;
    struct keys_entry found = {0};
    keys_add(keys, 7, 1, RG_SLICE("acme\nalice"), &mine);
    keys_add(keys, 8, 0, RG_SLICE("globex\nbob"), &other);
    assert_true(mine.pid > 0 && mine.pid <= INT32_MAX && mine.pid != other.pid);
    assert_true(keys_find(keys, mine.pid, mine.secret, &found));
    assert_int_equal(found.session_id, 7);
    assert_int_equal(found.worker, 1);
    assert_false(keys_find(keys, mine.pid, mine.secret ^ 1u, &found));
    assert_false(keys_find(keys, mine.pid, other.secret, &found) && other.secret != mine.secret);
    assert_false(keys_find(keys, 0, 0, &found));
    keys_remove(keys, mine.pid);
    assert_false(keys_find(keys, mine.pid, mine.secret, &found));
    keys_remove(keys, mine.pid);
    keys_free(&keys);
}

static void only_the_owner_cancels_by_pid(void **state)
{
    (void)state;
    struct keys *keys = NULL;
    assert_ok(keys_new(&keys));
    struct keys_entry mine;
    struct keys_entry found = {0};
    keys_add(keys, 7, 1, RG_SLICE("acme\nalice"), &mine);
    assert_true(keys_find_owned(keys, mine.pid, RG_SLICE("acme\nalice"), &found));
    assert_false(keys_find_owned(keys, mine.pid, RG_SLICE("acme\nmallory"), &found));
    assert_false(keys_find_owned(keys, mine.pid, RG_SLICE("globex\nalice"), &found));
    assert_false(keys_find_owned(keys, mine.pid, RG_SLICE(""), &found));
    keys_free(&keys);
}

static void pids_stay_unique_among_many(void **state)
{
    (void)state;
    struct keys *keys = NULL;
    assert_ok(keys_new(&keys));
    enum { COUNT = 5000 };
    static struct keys_entry entries[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        keys_add(keys, i, 0, RG_SLICE("x"), &entries[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        struct keys_entry found = {0};
        assert_true(keys_find(keys, entries[i].pid, entries[i].secret, &found));
        assert_int_equal(found.session_id, i);
    }
    keys_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_pid_and_secret_only),
        cmocka_unit_test(only_the_owner_cancels_by_pid),
        cmocka_unit_test(pids_stay_unique_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
