/* SPDX-License-Identifier: Apache-2.0 */
/* An identity in another arena is the same one, and lives on when the first arena has gone. */
#include "auth/identity.h"

#include "tests/support/rg_test.h"

static struct auth_identity make(struct rg_arena *arena)
{
    struct auth_claim_value *claims = NULL;
    struct rg_slice *regions = NULL;
    assert_ok(rg_arena_array(arena, 2, sizeof *claims, (void **)&claims));
    assert_ok(rg_arena_array(arena, 2, sizeof *regions, (void **)&regions));
    assert_ok(rg_arena_copy(arena, RG_SLICE("emea"), &regions[0]));
    assert_ok(rg_arena_copy(arena, RG_SLICE("apac"), &regions[1]));
    claims[1] = (struct auth_claim_value){true, {AUTH_SCALAR_TEXT, true}, 2, regions};
    struct auth_identity identity = {
        .kind = AUTH_OIDC, .issued_at_us = 5, .expires_at_us = 7, .claim_count = 2, .claims = claims};
    assert_ok(rg_arena_copy(arena, RG_SLICE("main"), &identity.idp));
    assert_ok(rg_arena_copy(arena, RG_SLICE("https://a"), &identity.issuer));
    assert_ok(rg_arena_copy(arena, RG_SLICE("alice"), &identity.subject));
    assert_ok(rg_arena_copy(arena, RG_SLICE("Alice"), &identity.user));
    assert_ok(rg_arena_copy(arena, RG_SLICE("J1"), &identity.token_id));
    return identity;
}

static void a_copy_outlives_what_it_was_made_of(void **state)
{
    (void)state;
    struct rg_arena first;
    RG_AUTO(rg_arena_done) struct rg_arena second;
    rg_arena_init(&first, 4096);
    rg_arena_init(&second, 4096);
    struct auth_identity identity = make(&first);
    struct auth_identity copy = {0};
    assert_ok(auth_identity_copy(&identity, &second, &copy));
    rg_arena_done(&first);
    assert_int_equal(copy.kind, AUTH_OIDC);
    assert_slice(copy.idp, "main");
    assert_slice(copy.issuer, "https://a");
    assert_slice(copy.subject, "alice");
    assert_slice(copy.user, "Alice");
    assert_slice(copy.token_id, "J1");
    assert_true(copy.issued_at_us == 5 && copy.expires_at_us == 7);
    assert_int_equal(copy.claim_count, 2);
    assert_false(copy.claims[0].is_present);
    assert_true(copy.claims[1].is_present && copy.claims[1].type.is_array);
    assert_slice(copy.claims[1].elements[1], "apac");
    assert_int_equal(copy.claims[1].elements[1].data[4], 0);
}

static void a_full_arena_leaves_nobody(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena first;
    rg_arena_init(&first, 4096);
    struct auth_identity identity = make(&first);
    bool has_ended = false;
    for (size_t limit = 0; !has_ended && limit < 4096; limit += 8) {
        RG_AUTO(rg_arena_done) struct rg_arena small;
        struct auth_identity copy = {0};
        rg_arena_init(&small, limit);
        rg_status status = auth_identity_copy(&identity, &small, &copy);
        has_ended = rg_is_ok(status);
        assert_true(has_ended || (status.error->kind == RG_LIMIT && copy.kind == AUTH_UNVERIFIED));
    }
    assert_true(has_ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_outlives_what_it_was_made_of),
        cmocka_unit_test(a_full_arena_leaves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
