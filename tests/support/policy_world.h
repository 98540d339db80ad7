/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_POLICY_WORLD_H
#define RG_TESTS_SUPPORT_POLICY_WORLD_H

#include "policy/policy.h"

/* A small fixed world for the rewriter's tests: tenant acme owns t_acme (sales) and may write there, and sees some
 * rows of shared.orders and shared.visits; shared.currencies is for everybody. */
struct policy_world {
    struct rg_arena arena;
    struct rg_diag diag;
    struct policy_source source;
    struct policy_set *set;
    struct policy_binding *binding;
    struct policy_session session;
};

static inline struct policy_source policy_world_source(void)
{
    static const struct auth_claim_spec claims[] = {
        {.name = {"tenant_id", 9}, .type = {AUTH_SCALAR_UUID, false}, .required = true},
        {.name = {"regions", 7}, .type = {AUTH_SCALAR_TEXT, true}},
    };
    static const struct rg_slice own[] = {{"sales.*", 7}};
    static const struct rg_slice orders[] = {{"shared.orders", 13}};
    static const struct rg_slice visits[] = {{"shared.visits", 13}};
    static const struct rg_slice currencies[] = {{"shared.currencies", 17}};
    static const struct policy_row rows[] = {
        {.name = {"own", 3},
         .on_count = 1,
         .on = own,
         .for_select = true,
         .for_insert = true,
         .for_update = true,
         .for_delete = true,
         .is_schema_isolated = true},
        {.name = {"orders", 6},
         .on_count = 1,
         .on = orders,
         .for_select = true,
         .for_insert = true,
         .using_text = {"tenant_id = :tenant_id", 22}},
        {.name = {"visits", 6},
         .on_count = 1,
         .on = visits,
         .for_select = true,
         .using_text = {"tenant_id = :tenant_id AND region = ANY (:regions)", 50}},
        {.name = {"all", 3}, .on_count = 1, .on = currencies, .for_select = true},
    };
    static const struct policy_function_row allow[] = {{.name = {"sales.margin(numeric, numeric)", 30}}};
    return (struct policy_source){.claim_count = 2,
                                  .claims = claims,
                                  .row_count = 4,
                                  .rows = rows,
                                  .function_allow_count = 1,
                                  .function_allow = allow};
}

static inline rg_status policy_world_bind_as(struct policy_set *set, enum policy_lock lock, enum policy_dialect dialect,
                                             struct policy_binding **out_binding)
{
    static const struct rg_slice tenant_id[] = {{"11111111-1111-1111-1111-111111111111", 36}};
    static const struct rg_slice regions[] = {{"it's", 4}, {"a\\b", 3}};
    static const struct auth_claim_value claims[] = {
        {.is_present = true, .type = {AUTH_SCALAR_UUID, false}, .count = 1, .elements = tenant_id},
        {.is_present = true, .type = {AUTH_SCALAR_TEXT, true}, .count = 2, .elements = regions},
    };
    static const struct auth_identity identity = {.kind = AUTH_OIDC, .claim_count = 2, .claims = claims};
    static const struct tenant_schema schemas[] = {{{"sales", 5}, {"t_acme", 6}}};
    static const struct tenant tenant = {.id = {"acme", 4}, .route = {.schema_count = 1, .schemas = schemas}};
    struct policy_subject subject = {
        .tenant = &tenant, .identity = &identity, .database = {"bi", 2}, .lock = lock, .dialect = dialect};
    return policy_bind(set, &subject, out_binding);
}

static inline rg_status policy_world_bind(struct policy_set *set, struct policy_binding **out_binding)
{
    return policy_world_bind_as(set, POLICY_LOCK_NONE, POLICY_POSTGRES, out_binding);
}

static inline rg_status policy_world_init(struct policy_world *world)
{
    *world = (struct policy_world){.session = {.user = {"alice", 5}, .pid = 4711}};
    rg_arena_init(&world->arena, 1 << 30);
    rg_diag_init(&world->diag, &world->arena);
    world->source = policy_world_source();
    RG_TRY(policy_compile(&world->source, &world->diag, &world->set));
    return policy_world_bind(world->set, &world->binding);
}

static inline void policy_world_done(struct policy_world *world)
{
    policy_binding_free(&world->binding);
    policy_set_free(&world->set);
    rg_arena_done(&world->arena);
}

static inline rg_status policy_world_plan(struct policy_world *world, struct rg_slice text,
                                          struct policy_plan *out_plan)
{
    return policy_plan_text(world->binding, &world->session, POLICY_SIMPLE, text, &world->arena, out_plan);
}

#endif
