/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_NATIVE_WORLD_H
#define RG_TESTS_SUPPORT_NATIVE_WORLD_H

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/native.h"
#include "tests/support/rg_test.h"

/* Policies, tenants and a snapshot for the second lock's plan. */

#define COLUMNS "\"columns\": [[\"id\", \"int8\"], [\"tenant_id\", \"uuid\"]], \"parents\": [], \"reads\": []}"
#define RELATION(schema, name, kind)                                                                                   \
    "{\"schema\": \"" schema "\", \"name\": \"" name "\", \"kind\": \"" kind "\", " COLUMNS

/* clang-format off */
static const char snapshot[] =
    "{\"version\": 1, \"server\": 150020, \"operators\": [], \"relations\": ["
    RELATION("public", "other", "r") ", "
    RELATION("shared", "events", "r") ", "
    RELATION("shared", "odd \\\"name\\\"", "p") ", "
    RELATION("shared", "secret", "r") ", "
    RELATION("shared", "view", "v") ", "
    RELATION("t_acme", "orders", "r") ", "
    RELATION("t_acme", "stored", "m") ", "
    RELATION("t_acme", "view", "v") ", "
    RELATION("u_7", "orders", "r") ", "
    RELATION("u_x", "orders", "r") "]}";
/* clang-format on */

struct world {
    struct rg_arena arena;
    struct rg_diag diag;
    struct policy_set *set;
    struct policy_relations *relations;
    regex_t allow;
    struct tenant_schema schemas[2], templates[1];
    struct tenant_static statics[2];
    struct tenant_pattern patterns[1];
    struct tenant_registry registry;
    struct native_source source;
};

static const struct auth_claim_spec claims[] = {
    {.name = {"tenant_id", 9}, .type = {AUTH_SCALAR_UUID, false}, .required = true},
    {.name = {"regions", 7}, .type = {AUTH_SCALAR_TEXT, true}},
};
static const struct rg_slice on_own[] = {{"sales.*", 7}};
static const struct rg_slice on_orders[] = {{"sales.orders", 12}};
static const struct rg_slice on_events[] = {{"shared.events", 13}};
static const struct rg_slice on_view[] = {{"shared.view", 11}};
static const struct rg_slice on_shared[] = {{"shared.*", 8}};
static const struct rg_slice acme[] = {{"acme", 4}};
static const struct rg_slice quoted[] = {{"o'neil", 6}};

#define OWN                                                                                                            \
    {                                                                                                                  \
        .name = RG_SLICE("own"), .on_count = 1, .on = on_own, .for_select = true, .is_schema_isolated = true           \
    }
#define EVENTS .on_count = 1, .on = on_events, .for_select = true

static inline void world_init(struct world *world, const struct policy_row *rows, size_t count, enum policy_lock lock)
{
    *world = (struct world){
        .schemas = {{RG_SLICE("sales"), RG_SLICE("t_acme")}},
        .templates = {{RG_SLICE("sales"), RG_SLICE("u_{tenant.id}")}},
        .statics = {{.id = RG_SLICE("acme"), .route = {.upstream = RG_SLICE("main"), .schema_count = 1}},
                    {.id = RG_SLICE("elsewhere"), .route = {.upstream = RG_SLICE("other")}}},
        .patterns = {{.route = {.upstream = RG_SLICE("main"), .schema_count = 1}}},
    };
    world->statics[0].route.schemas = world->schemas;
    world->patterns[0].route.schemas = world->templates;
    assert_int_equal(regcomp(&world->allow, "^[0-9]+$", REG_EXTENDED), 0);
    world->patterns[0].compiled = &world->allow;
    world->registry = (struct tenant_registry){2, world->statics, 1, world->patterns};
    rg_arena_init(&world->arena, 256 << 20);
    rg_diag_init(&world->diag, &world->arena);
    struct policy_source source = {.claim_count = 2, .claims = claims, .row_count = count, .rows = rows};
    assert_ok(policy_compile(&source, &world->diag, &world->set));
    assert_ok(policy_relations_parse(rg_slice_of(snapshot), &world->relations));
    world->source = (struct native_source){
        world->set, &world->registry, RG_SLICE("main"), RG_SLICE("gate"), lock, world->relations,
    };
}

static inline void world_done(struct world *world)
{
    policy_relations_free(&world->relations);
    policy_set_free(&world->set);
    rg_arena_done(&world->arena);
    regfree(&world->allow);
}

static inline const char *export(struct world *world)
{
    struct native_plan *plan = NULL;
    struct rg_slice text = {0};
    assert_ok(native_plan_make(&world->source, &world->arena, &plan));
    assert_ok(native_print(plan, &world->arena, &text));
    return text.data;
}

static inline void assert_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("lacks %s in\n%s", part, text);
    }
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        fail_msg("holds %s in\n%s", part, text);
    }
}

#endif
