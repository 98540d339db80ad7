/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rg_arena.h"

#include "tests/support/rg_test.h"

static void refuses_past_its_limit_and_stays_usable(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 128);
    void *first = NULL;
    void *second = &arena;
    assert_ok(rg_arena_alloc(&arena, 100, &first));
    assert_fails(RG_LIMIT, rg_arena_alloc(&arena, 100, &second));
    assert_ptr_equal(second, &arena);
    assert_ok(rg_arena_alloc(&arena, 8, &second));
}

static void zero_value_refuses_everything(void **state)
{
    (void)state;
    struct rg_arena arena = {0};
    void *memory = NULL;
    assert_fails(RG_LIMIT, rg_arena_alloc(&arena, 1, &memory));
    rg_arena_done(&arena);
}

static void refuses_sizes_that_overflow(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, SIZE_MAX);
    void *memory = NULL;
    assert_fails(RG_LIMIT, rg_arena_array(&arena, SIZE_MAX / 2, 3, &memory));
    assert_fails(RG_LIMIT, rg_arena_alloc(&arena, SIZE_MAX, &memory));
    assert_null(memory);
}

static void reset_gives_zeroed_memory_again(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    for (int round = 0; round < 3; round++) {
        void *memory = NULL;
        assert_ok(rg_arena_alloc(&arena, 1024, &memory));
        for (size_t i = 0; i < 1024; i++) {
            assert_int_equal(((char *)memory)[i], 0);
        }
        memset(memory, 0xff, 1024);
        rg_arena_reset(&arena);
    }
}

static void prints_and_copies_with_a_nul_behind(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    struct rg_slice text = {0};
    struct rg_slice copy = {0};
    assert_ok(rg_arena_printf(&arena, &text, "%s-%d", "part", 7));
    assert_slice(text, "part-7");
    assert_ok(rg_arena_copy(&arena, text, &copy));
    assert_int_equal(copy.data[copy.size], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_past_its_limit_and_stays_usable),
        cmocka_unit_test(zero_value_refuses_everything),
        cmocka_unit_test(refuses_sizes_that_overflow),
        cmocka_unit_test(reset_gives_zeroed_memory_again),
        cmocka_unit_test(prints_and_copies_with_a_nul_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
