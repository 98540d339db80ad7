/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a text: their order, their neighbours, and what must fail. */
#include "policy/sql_splice_private.h"
#include "tests/support/rg_test.h"

static struct rg_arena arena;

static int set_up(void **state)
{
    (void)state;
    rg_arena_init(&arena, 1 << 16);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rg_arena_done(&arena);
    return 0;
}

static void edits_apply_in_the_order_of_their_places(void **state)
{
    struct sql_edits edits = {0};
    struct rg_slice text = {0};
    struct policy_splice *splices = NULL;
    (void)state;
    assert_ok(sql_edit_add(&edits, &arena, 9, 1, RG_SLICE("[c]")));
    assert_ok(sql_edit_add(&edits, &arena, 5, 1, RG_SLICE("[a]")));
    assert_ok(sql_edit_add(&edits, &arena, 5, 0, RG_SLICE("<1>")));
    assert_ok(sql_edit_add(&edits, &arena, 5, 0, RG_SLICE("<2>")));
    assert_ok(sql_edits_apply(&edits, RG_SLICE("a b c"), 5, &arena, &text, &splices));
    assert_slice(text, "<1><2>[a] b [c]");
    assert_int_equal(splices[3].at, 4);
    assert_int_equal(splices[3].out_at, 12);
    assert_int_equal(splices[3].out_size, 3);
}

static void words_do_not_grow_together(void **state)
{
    struct sql_edits edits = {0};
    struct rg_slice text = {0};
    struct policy_splice *splices = NULL;
    (void)state;
    assert_ok(sql_edit_add(&edits, &arena, 4, 3, RG_SLICE("x.y")));
    assert_ok(sql_edits_apply(&edits, RG_SLICE("FROM\"t\"WHERE"), 0, &arena, &text, &splices));
    assert_slice(text, "FROM x.y WHERE");
    assert_int_equal(splices[0].out_size, 5);
    edits.count = 0;
    assert_ok(sql_edit_add(&edits, &arena, 6, 4, RG_SLICE("")));
    assert_ok(sql_edits_apply(&edits, RG_SLICE("SELECT\"s\".t"), 0, &arena, &text, &splices));
    assert_slice(text, "SELECT t");
}

static void overlapping_and_outlying_edits_fail(void **state)
{
    static const struct {
        size_t at, size, at_2, size_2;
    } bad[] = {{5, 3, 6, 1}, {5, 3, 7, 2}, {4, 1, 5, 1}, {5, 1, 11, 0}, {9, 2, 5, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sql_edits edits = {0};
        struct rg_slice text = RG_SLICE("untouched");
        struct policy_splice *splices = NULL;
        assert_ok(sql_edit_add(&edits, &arena, bad[i].at, bad[i].size, RG_SLICE("x")));
        assert_ok(sql_edit_add(&edits, &arena, bad[i].at_2, bad[i].size_2, RG_SLICE("y")));
        assert_fails(RG_INTERNAL, sql_edits_apply(&edits, RG_SLICE("a b c"), 5, &arena, &text, &splices));
        assert_slice(text, "untouched");
        assert_null(splices);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_apply_in_the_order_of_their_places),
        cmocka_unit_test(words_do_not_grow_together),
        cmocka_unit_test(overlapping_and_outlying_edits_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
