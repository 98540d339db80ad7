/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions share a binding when they may see the same, and never otherwise. */
#include <stdio.h>

#include "proxy/bindings.h"
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

struct world {
    struct rg_arena arena;
    struct rg_diag diag;
    struct policy_set *set;
    struct bindings *bindings;
    struct auth_claim_value claims[2];
    struct auth_identity identity;
    struct tenant tenant;
    struct tenant_schema schemas[1];
    struct policy_subject subject;
};

static const struct rg_slice uuids[] = {{"11111111-1111-1111-1111-111111111111", 36},
                                        {"22222222-2222-2222-2222-222222222222", 36}};
static const struct rg_slice on_orders[] = {{"shared.orders", 13}};

static void world_init(struct world *world)
{
    struct policy_source source = policy_world_source();
    const struct policy_row row = {.name = RG_SLICE("r"),
                                   .on_count = 1,
                                   .on = on_orders,
                                   .for_select = true,
                                   .using_text = RG_SLICE("tenant_id = :tenant_id")};
    *world = (struct world){
        .claims = {{.is_present = true, .type = {AUTH_SCALAR_UUID, false}, .count = 1, .elements = uuids},
                   {.is_present = false, .type = {AUTH_SCALAR_TEXT, true}}},
        .schemas = {{RG_SLICE("sales"), RG_SLICE("t_acme")}},
        .identity = {.kind = AUTH_OIDC, .claim_count = 2},
        .tenant = {.id = RG_SLICE("acme"), .route = {.schema_count = 1}},
        .bindings = bindings_new()};
    world->identity.claims = world->claims;
    world->tenant.route.schemas = world->schemas;
    world->subject =
        (struct policy_subject){.tenant = &world->tenant, .identity = &world->identity, .database = RG_SLICE("bi")};
    rg_arena_init(&world->arena, 64 << 20);
    rg_diag_init(&world->diag, &world->arena);
    source.rows = &row;
    source.row_count = 1;
    assert_ok(policy_compile(&source, &world->diag, &world->set));
}

static void world_done(struct world *world)
{
    bindings_free(&world->bindings);
    policy_set_free(&world->set);
    rg_arena_done(&world->arena);
}

static struct policy_binding *bind(struct world *world)
{
    struct policy_binding *binding = NULL;
    assert_ok(bindings_bind(world->bindings, world->set, &world->subject, &binding));
    return binding;
}

static void the_same_subject_shares_one(void **state)
{
    struct world world;
    (void)state;
    world_init(&world);
    world.identity.subject = RG_SLICE("alice");
    struct policy_binding *one = bind(&world);
    world.identity.subject = RG_SLICE("bob");
    struct policy_binding *other = bind(&world);
    assert_ptr_equal(one, other);
    policy_binding_free(&one);
    policy_binding_free(&other);
    world_done(&world);
}

/* Each turns the subject into one that may see something else. */
static void other_claim(struct world *world)
{
    world->claims[0].elements = &uuids[1];
}

static void more_claims(struct world *world)
{
    static const struct rg_slice regions[] = {{"emea", 4}};
    world->claims[1] = (struct auth_claim_value){true, {AUTH_SCALAR_TEXT, true}, 1, regions};
}

static void other_tenant(struct world *world)
{
    world->tenant.id = RG_SLICE("globex");
}

static void other_schema(struct world *world)
{
    world->schemas[0].physical = RG_SLICE("t_globex");
}

static void other_database(struct world *world)
{
    world->subject.database = RG_SLICE("other");
}

static void other_lock(struct world *world)
{
    world->subject.lock = POLICY_LOCK_SET_LOCAL;
}

static void other_dialect(struct world *world)
{
    world->subject.dialect = POLICY_HYPER;
}

static void other_place(struct world *world)
{
    world->subject.upstream.host = RG_SLICE("elsewhere");
}

static void whoever_may_see_something_else_has_another(void **state)
{
    static void (*const changes[])(struct world * world) = {other_claim,    more_claims, other_tenant,  other_schema,
                                                            other_database, other_lock,  other_dialect, other_place};
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct world world;
        world_init(&world);
        struct policy_binding *one = bind(&world);
        changes[i](&world);
        struct policy_binding *other = bind(&world);
        if (one == other) {
            fail_msg("change %zu was not seen", i);
        }
        struct policy_binding *alone = NULL;
        assert_ok(policy_bind(world.set, &world.subject, &alone));
        assert_memory_equal(policy_binding_digest(alone), policy_binding_digest(other), sizeof(struct rg_digest));
        policy_binding_free(&one);
        policy_binding_free(&other);
        policy_binding_free(&alone);
        world_done(&world);
    }
}

static void what_policy_bind_refuses_is_refused_whatever_is_kept(void **state)
{
    struct world world;
    struct policy_binding *none = NULL;
    (void)state;
    world_init(&world);
    struct policy_binding *kept = bind(&world);
    world.claims[0].is_present = false;
    assert_fails(RG_DENIED, bindings_bind(world.bindings, world.set, &world.subject, &none));
    world.claims[0].is_present = true;
    world.claims[0].type.scalar = AUTH_SCALAR_TEXT;
    assert_fails(RG_DENIED, bindings_bind(world.bindings, world.set, &world.subject, &none));
    world.claims[0].type.scalar = AUTH_SCALAR_UUID;
    world.identity.kind = AUTH_UNVERIFIED;
    assert_fails(RG_DENIED, bindings_bind(world.bindings, world.set, &world.subject, &none));
    assert_null(none);
    assert_int_equal(bindings_count(world.bindings), 1);
    policy_binding_free(&kept);
    world_done(&world);
}

static void what_nobody_holds_is_let_go_and_what_somebody_holds_stays(void **state)
{
    enum { SUBJECTS = 1000 };
    struct world world;
    (void)state;
    world_init(&world);
    struct policy_binding *held = bind(&world);
    for (int i = 0; i < SUBJECTS; i++) {
        char text[37];
        (void)snprintf(text, sizeof text, "11111111-1111-1111-1111-%012d", i);
        const struct rg_slice element = rg_slice_of(text);
        world.claims[0].elements = &element;
        struct policy_binding *passing = bind(&world);
        policy_binding_free(&passing);
        assert_true(bindings_count(world.bindings) <= BINDINGS_IDLE + 3);
    }
    world.claims[0].elements = uuids;
    struct policy_binding *again = bind(&world);
    assert_ptr_equal(again, held);
    policy_binding_free(&again);
    policy_binding_free(&held);
    world_done(&world);
}

static void what_is_held_outlives_the_table(void **state)
{
    struct world world;
    (void)state;
    world_init(&world);
    struct policy_binding *held = bind(&world);
    bindings_clear(NULL);
    bindings_clear(world.bindings);
    assert_int_equal(bindings_count(world.bindings), 0);
    struct policy_binding *other = bind(&world);
    assert_ptr_not_equal(held, other);
    policy_binding_free(&other);
    world_done(&world);
    assert_int_equal(policy_binding_dialect(held), POLICY_POSTGRES);
    policy_binding_free(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_subject_shares_one),
        cmocka_unit_test(whoever_may_see_something_else_has_another),
        cmocka_unit_test(what_policy_bind_refuses_is_refused_whatever_is_kept),
        cmocka_unit_test(what_nobody_holds_is_let_go_and_what_somebody_holds_stays),
        cmocka_unit_test(what_is_held_outlives_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
