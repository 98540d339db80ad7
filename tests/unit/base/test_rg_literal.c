/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of literals: back as they were put, refused when they do not fit their text. */
#include "base/rg_literal.h"

#include "tests/support/rg_test.h"

static void joins_a_text_and_its_literals(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf list, out;
    rg_buf_init(&list, 100);
    rg_buf_init(&out, 100);
    assert_ok(rg_literal_put(&list, &(struct rg_literal){.at = 7, .size = 2, .text = RG_SLICE("'a'")}));
    assert_ok(rg_literal_put(&list, &(struct rg_literal){.at = 9, .size = 3, .text = RG_SLICE("")}));
    assert_ok(rg_literals_join(RG_SLICE("SELECT $1$2 !"), rg_buf_slice(&list), &out));
    assert_slice(rg_buf_slice(&out), "SELECT 'a'!");
}

static void refuses_a_list_that_does_not_fit(void **state)
{
    static const struct rg_literal lists[][2] = {
        {{.at = 9, .size = 1}, {.at = 9, .size = 0}},
        {{.at = 2, .size = 2}, {.at = 3, .size = 1}},
        {{.at = 5, .size = UINT32_MAX}, {.at = 5, .size = 0}},
        {{.at = 4, .size = 1}, {.at = 1, .size = 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf list, out;
        rg_buf_init(&list, 100);
        rg_buf_init(&out, 100);
        assert_ok(rg_literal_put(&list, &lists[i][0]));
        assert_ok(rg_literal_put(&list, &lists[i][1]));
        assert_ok(rg_buf_put(&out, RG_SLICE("before")));
        assert_fails(RG_PROTOCOL, rg_literals_join(RG_SLICE("12345678"), rg_buf_slice(&list), &out));
        assert_slice(rg_buf_slice(&out), "before");
    }
}

static void refuses_a_list_cut_at_any_byte(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf list, out;
    rg_buf_init(&list, 100);
    rg_buf_init(&out, 100);
    assert_ok(rg_literal_put(&list, &(struct rg_literal){.at = 0, .size = 1, .text = RG_SLICE("abc")}));
    for (size_t size = 1; size < rg_buf_size(&list); size++) {
        assert_fails(RG_PROTOCOL, rg_literals_join(RG_SLICE("1"), rg_slice_cut(rg_buf_slice(&list), 0, size), &out));
        assert_int_equal(rg_buf_size(&out), 0);
    }
}

static void leaves_a_full_buffer_as_it_was(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf small;
    rg_buf_init(&small, RG_LITERAL_HEAD + 2);
    assert_fails(RG_LIMIT, rg_literals_join(RG_SLICE("123456789012345"), (struct rg_slice){0}, &small));
    assert_fails(RG_LIMIT, rg_literal_put(&small, &(struct rg_literal){.text = RG_SLICE("abc")}));
    assert_fails(RG_LIMIT, rg_literal_put(&small, &(struct rg_literal){.at = (size_t)UINT32_MAX + 1}));
    assert_int_equal(rg_buf_size(&small), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_a_text_and_its_literals),
        cmocka_unit_test(refuses_a_list_that_does_not_fit),
        cmocka_unit_test(refuses_a_list_cut_at_any_byte),
        cmocka_unit_test(leaves_a_full_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
