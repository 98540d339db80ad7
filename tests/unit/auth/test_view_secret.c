/* SPDX-License-Identifier: Apache-2.0 */
/* The secret of a view: the same for all who see the same, and for nobody else. */
#include "auth/view_secret.h"

#include "tests/support/state_world.h"

static const struct rg_slice own_view = {"c7Zk0aQ2xV9mN4bT1yLwEr", 22}, other_view = {"c7Zk0aQ2xV9mN4bT1yLwEs", 22};

static struct rg_slice secret_of(const struct auth_state *state, struct rg_slice view, struct rg_arena *arena)
{
    struct rg_slice secret = {0};
    assert_ok(auth_view_secret(state, view, arena, &secret));
    assert_int_equal(secret.size, RG_DIGEST_B64_SIZE - 1);
    return secret;
}

static void is_the_same_each_time_and_after_a_restart(void **unused)
{
    (void)unused;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    struct auth_state *state = state_opened();
    struct rg_slice secret = secret_of(state, own_view, &arena);
    assert_true(rg_slice_is_equal(secret, secret_of(state, own_view, &arena)));
    auth_state_close(&state);
    state = state_opened();
    assert_true(rg_slice_is_equal(secret, secret_of(state, own_view, &arena)));
    auth_state_close(&state);
}

static void is_another_for_another_view(void **unused)
{
    (void)unused;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    struct auth_state *state = state_opened();
    assert_false(rg_slice_is_equal(secret_of(state, own_view, &arena), secret_of(state, other_view, &arena)));
    struct rg_slice shorter = rg_slice_make(own_view.data, own_view.size - 1);
    assert_false(rg_slice_is_equal(secret_of(state, own_view, &arena), secret_of(state, shorter, &arena)));
    auth_state_close(&state);
}

static void is_no_key_that_serves_anything_else(void **unused)
{
    (void)unused;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    struct auth_state *state = state_opened();
    const struct rg_digest *others[] = {&state->keys.index, &state->keys.csrf, &state->keys.capsule};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(rg_secret_is_equal(rg_slice_make(others[i]->bytes, sizeof others[i]->bytes),
                                        rg_slice_make(state->keys.view.bytes, sizeof state->keys.view.bytes)));
    }
    auth_state_close(&state);
}

static void tells_nothing_without_a_view_or_a_state(void **unused)
{
    (void)unused;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    struct auth_state *state = state_opened();
    struct rg_slice secret = RG_SLICE("untouched");
    assert_fails(RG_DENIED, auth_view_secret(state, RG_SLICE(""), &arena, &secret));
    assert_fails(RG_DENIED, auth_view_secret(NULL, own_view, &arena, &secret));
    assert_slice(secret, "untouched");
    auth_state_close(&state);
}

static void a_full_arena_is_a_limit(void **unused)
{
    (void)unused;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16);
    struct auth_state *state = state_opened();
    struct rg_slice secret = RG_SLICE("untouched");
    assert_fails(RG_LIMIT, auth_view_secret(state, own_view, &arena, &secret));
    assert_slice(secret, "untouched");
    auth_state_close(&state);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, state_directory_make, state_directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(is_the_same_each_time_and_after_a_restart),
        IN_DIRECTORY(is_another_for_another_view),
        IN_DIRECTORY(is_no_key_that_serves_anything_else),
        IN_DIRECTORY(tells_nothing_without_a_view_or_a_state),
        IN_DIRECTORY(a_full_arena_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
