/* SPDX-License-Identifier: Apache-2.0 */
/* The second lock's DDL: what each rule becomes, what has no native form, names that try to be more; and the comparison
 * with what a database answers. */
#include "policy/native.h"
#include "tests/support/rg_test.h"

#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

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

static void world_init(struct world *world, const struct policy_row *rows, size_t count, enum policy_lock lock)
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

static void world_done(struct world *world)
{
    policy_relations_free(&world->relations);
    policy_set_free(&world->set);
    rg_arena_done(&world->arena);
    regfree(&world->allow);
}

static const char *export(struct world *world)
{
    struct native_plan *plan = NULL;
    struct rg_slice text = {0};
    assert_ok(native_plan_make(&world->source, &world->arena, &plan));
    assert_ok(native_print(plan, &world->arena, &text));
    return text.data;
}

static void assert_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("lacks %s in\n%s", part, text);
    }
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        fail_msg("holds %s in\n%s", part, text);
    }
}

#define TENANT "COALESCE(pg_catalog.current_setting('rowgate.tenant', true), '')"
#define CLAIM(name) "pg_catalog.substr(NULLIF(pg_catalog.current_setting('rowgate.claim_" name "', true), ''), 2)"
#define OWNS(schema)                                                                                                   \
    TENANT " <> '' AND COALESCE('" schema "' = ANY (NULLIF(pg_catalog.current_setting('rowgate.schemas', true), "      \
           "'')::pg_catalog.text[]), false)"

static void a_shared_table_gets_true_and_restrictions(void **state)
{
    (void)state;
    const struct policy_row rows[] = {
        {.name = RG_SLICE("mine"), EVENTS, .using_text = RG_SLICE("tenant_id = :tenant_id /* it's */")}};
    struct world world;
    world_init(&world, rows, 1, POLICY_LOCK_SET_LOCAL);
    const char *text = export(&world);
    assert_holds(text,
                 "ALTER TABLE shared.events ENABLE ROW LEVEL SECURITY;\nALTER TABLE shared.events FORCE ROW LEVEL");
    assert_holds(text, "CREATE POLICY \"rowgate select\" ON shared.events AS PERMISSIVE FOR SELECT TO gate\n    USING "
                       "(true);");
    assert_holds(text,
                 "CREATE POLICY \"rowgate select 0\" ON shared.events AS RESTRICTIVE FOR SELECT TO gate\n    USING "
                 "(" TENANT " <> '');");
    assert_holds(text,
                 "-- policy \"mine\"\nCREATE POLICY \"rowgate select 1\" ON shared.events AS RESTRICTIVE FOR SELECT "
                 "TO gate\n    USING ((shared.events.tenant_id = " CLAIM("tenant_id") "::pg_catalog.uuid");
    assert_holds(text, "REVOKE ALL ON TABLE shared.events FROM PUBLIC, gate;");
    assert_holds(text, "GRANT SELECT ON TABLE shared.events TO gate;");
    assert_holds(text, "-- no policy names it\nREVOKE ALL ON TABLE shared.secret FROM PUBLIC, gate;");
    assert_lacks(text, "other");
    assert_lacks(text, "INSERT");
    assert_lacks(text, "CREATE ROLE");
    world_done(&world);
}

/* "acme" maps no schema called shared here, so it is not shut out of the shared one. */
static void only_who_has_an_own_schema_of_that_name_is_shut_out(void **state)
{
    (void)state;
    const struct policy_row rows[] = {{.name = RG_SLICE("all"), EVENTS}};
    struct world world;
    world_init(&world, rows, 1, POLICY_LOCK_SET_LOCAL);
    assert_lacks(export(&world), "<> ALL");
    world.schemas[0].logical = RG_SLICE("shared");
    assert_holds(export(&world), "<> ALL (ARRAY['acme']::pg_catalog.text[])");
    world_done(&world);
}

static void groups_and_tenants_become_conditions(void **state)
{
    (void)state;
    const struct policy_row rows[] = {
        {.name = RG_SLICE("a"),
         EVENTS,
         .group = RG_SLICE("g"),
         .using_text = RG_SLICE("id = 1"),
         .to_count = 1,
         .to = acme},
        {.name = RG_SLICE("b"),
         EVENTS,
         .group = RG_SLICE("g"),
         .using_text = RG_SLICE("id = 2"),
         .except_count = 1,
         .except = quoted},
        {.name = RG_SLICE("c"), EVENTS, .group = RG_SLICE("h"), .using_text = RG_SLICE("id = any(array[3])")},
        {.name = RG_SLICE("d"), EVENTS, .group = RG_SLICE("h"), .using_text = RG_SLICE("id is null or id = 4")},
    };
    struct world world;
    world_init(&world, rows, 4, POLICY_LOCK_SET_LOCAL);
    const char *text = export(&world);
    assert_holds(text, "USING (((" TENANT " = ANY (ARRAY['acme']::pg_catalog.text[])) AND (shared.events.id = 1)) OR "
                       "((" TENANT " <> ALL (ARRAY['o''neil']::pg_catalog.text[])) AND (shared.events.id = 2)) OR NOT "
                       "((" TENANT " = ANY (ARRAY['acme']::pg_catalog.text[])) OR (" TENANT " <> ALL "
                       "(ARRAY['o''neil']::pg_catalog.text[]))))");
    assert_holds(text,
                 "USING ((shared.events.id = any(array[3])) OR (shared.events.id is null or shared.events.id = 4))");
    assert_lacks(text, "\"rowgate select 2\""); /* of the same group as 1 */
    world_done(&world);
}

static void writes_have_checks(void **state)
{
    (void)state;
    const struct policy_row rows[] = {{.name = RG_SLICE("w"),
                                       EVENTS,
                                       .for_insert = true,
                                       .for_update = true,
                                       .for_delete = true,
                                       .using_text = RG_SLICE("id > 0"),
                                       .with_check_text = RG_SLICE("id < 9")}};
    struct world world;
    world_init(&world, rows, 1, POLICY_LOCK_SET_LOCAL);
    const char *text = export(&world);
    assert_holds(text, "FOR INSERT TO gate\n    WITH CHECK ((shared.events.id < 9));");
    assert_holds(text,
                 "FOR UPDATE TO gate\n    USING ((shared.events.id > 0))\n    WITH CHECK ((shared.events.id < 9));");
    assert_holds(text, "FOR DELETE TO gate\n    USING ((shared.events.id > 0));");
    assert_holds(text, "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE shared.events TO gate;");
    assert_holds(text, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA shared TO gate;");
    world_done(&world);
}

static void own_schemas_are_those_of_the_transaction(void **state)
{
    (void)state;
    const struct policy_row rows[] = {OWN};
    struct world world;
    world_init(&world, rows, 1, POLICY_LOCK_SET_LOCAL);
    const char *text = export(&world);
    assert_holds(text,
                 "\"rowgate select 0\" ON t_acme.orders AS RESTRICTIVE FOR SELECT TO gate\n    USING (" OWNS("t_acme"));
    assert_holds(text, "\"rowgate select 0\" ON u_7.orders AS RESTRICTIVE FOR SELECT TO gate\n    USING (" OWNS("u_7"));
    assert_lacks(text, "u_x"); /* x is no id that the pattern allows */
    assert_holds(text, "ALTER VIEW t_acme.view SET (security_invoker = true);");
    assert_holds(text, "row security cannot guard it: out of reach; identity \"set_role\" can\nREVOKE ALL ON TABLE "
                       "t_acme.stored FROM PUBLIC, gate;");
    assert_lacks(text, "ON TABLE t_acme.stored TO");
    assert_lacks(text, "shared");
    assert_holds(text, "[[tenant_patterns]] cannot be listed");
    world_done(&world);
}

static void roles_get_what_is_theirs(void **state)
{
    (void)state;
    const struct policy_row rows[] = {OWN, {.name = RG_SLICE("all"), EVENTS}};
    struct world world;
    world_init(&world, rows, 2, POLICY_LOCK_SET_ROLE);
    const char *text = export(&world);
    assert_holds(text, "CREATE ROLE rowgate_acme NOLOGIN;");
    assert_holds(text, "CREATE ROLE rowgate_7 NOLOGIN;");
    assert_lacks(text, "elsewhere");
    assert_holds(text, "GRANT all_rowgate_tenants TO rowgate_acme;\nGRANT rowgate_acme TO gate;");
    assert_holds(text, "ALTER ROLE gate NOINHERIT;");
    assert_holds(text,
                 "REVOKE ALL ON SCHEMA t_acme FROM PUBLIC, gate, all_rowgate_tenants, rowgate_acme;\nGRANT USAGE ON "
                 "SCHEMA t_acme TO rowgate_acme;");
    assert_holds(text, "GRANT USAGE ON SCHEMA shared TO all_rowgate_tenants;");
    assert_holds(text, "ALTER DEFAULT PRIVILEGES IN SCHEMA t_acme GRANT SELECT ON TABLES TO rowgate_acme;");
    assert_holds(text, "AS RESTRICTIVE FOR SELECT TO all_rowgate_tenants");
    assert_holds(text, "GRANT SELECT ON TABLE t_acme.stored TO rowgate_acme;");
    assert_holds(text, "GRANT SELECT ON TABLE u_7.orders TO rowgate_7;");
    assert_lacks(text, "TO gate\n");
    world_done(&world);
}

static void what_row_security_cannot_guard_is_out_of_reach(void **state)
{
    (void)state;
    const struct policy_row rows[] = {
        {.name = RG_SLICE("v"), .on_count = 1, .on = on_view, .for_select = true, .using_text = RG_SLICE("id = 1")},
        {.name = RG_SLICE("all"), .on_count = 1, .on = on_shared, .for_select = true, .to_count = 1, .to = acme}};
    struct world world;
    world_init(&world, rows, 2, POLICY_LOCK_SET_LOCAL);
    const char *text = export(&world);
    assert_holds(text,
                 "-- row security cannot guard it: out of reach\nREVOKE ALL ON TABLE shared.view FROM PUBLIC, gate;");
    assert_lacks(text, "ON TABLE shared.view TO");
    assert_holds(text, "CREATE POLICY \"rowgate select\" ON shared.\"odd \"\"name\"\"\" AS PERMISSIVE");
    assert_holds(text, "GRANT SELECT ON TABLE shared.secret TO gate;"); /* shared.* names it */
    world_done(&world);
}

static void sub_selects_keep_their_own_columns(void **state)
{
    (void)state;
    const struct policy_row rows[] = {
        {.name = RG_SLICE("s"),
         EVENTS,
         .allow_subselect = true,
         .using_text = RG_SLICE("exists (select 1 from ref.list l where l.id = rg_r.id and "
                                "l.note <> 'rg_r.id' and l.who = any(:regions))")}};
    struct world world;
    world_init(&world, rows, 1, POLICY_LOCK_SET_LOCAL);
    assert_holds(export(&world),
                 "(exists (select 1 from ref.list l where l.id = shared.events.id and l.note <> 'rg_r.id' "
                 "and l.who = any(" CLAIM("regions") "::pg_catalog.text[])))");
    world_done(&world);
}

static void a_sub_select_over_the_same_name_has_no_native_form(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "id in (select e.id from shared.events e)",
        "id in (select events.id from ref.events)",
        "id in (select rg_r.id from ref.list rg_r)",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct policy_row rows[] = {
            {.name = RG_SLICE("self"), EVENTS, .allow_subselect = true, .using_text = rg_slice_of(texts[i])}};
        struct world world;
        struct native_plan *plan = NULL;
        world_init(&world, rows, 1, POLICY_LOCK_SET_LOCAL);
        assert_fails(RG_CONFIG, native_plan_make(&world.source, &world.arena, &plan));
        assert_null(plan);
        world_done(&world);
    }
}

static void names_stay_names(void **state)
{
    (void)state;
    const struct policy_row rows[] = {
        OWN, {.name = RG_SLICE("x\"\nDROP TABLE y; --"), EVENTS, .using_text = RG_SLICE("id = 1")}};
    struct world world;
    world_init(&world, rows, 2, POLICY_LOCK_SET_ROLE);
    world.statics[0].id = RG_SLICE("$rowgate$ x");
    world.source.login = RG_SLICE("ga\"te; --\n");
    const char *text = export(&world); /* counts its statements */
    assert_holds(text, "-- policy \"x\"?DROP TABLE y; --\"\nCREATE POLICY");
    assert_holds(text,
                 "DO 'BEGIN\n    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_$rowgate$ "
                 "x'') THEN");
    assert_holds(text, "GRANT \"rowgate_$rowgate$ x\" TO \"ga\"\"te; --\n\";");
    world_done(&world);
}

static void two_exports_are_the_same_bytes(void **state)
{
    (void)state;
    const struct policy_row rows[] = {OWN, {.name = RG_SLICE("all"), EVENTS}};
    struct world world;
    world_init(&world, rows, 2, POLICY_LOCK_SET_ROLE);
    assert_string_equal(export(&world), export(&world));
    world_done(&world);
}

static void what_cannot_be_planned_is_said(void **state)
{
    (void)state;
    const struct policy_row rows[] = {OWN};
    struct world world;
    struct native_plan *plan = NULL;
    world_init(&world, rows, 1, POLICY_LOCK_NONE);
    assert_fails(RG_CONFIG, native_plan_make(&world.source, &world.arena, &plan));
    world.source.lock = POLICY_LOCK_SET_LOCAL;
    world.source.login = (struct rg_slice){NULL, 0};
    assert_fails(RG_CONFIG, native_plan_make(&world.source, &world.arena, &plan));
    world.source.login = RG_SLICE("\xff");
    assert_fails(RG_CONFIG, native_plan_make(&world.source, &world.arena, &plan));
    world.source.login = RG_SLICE("gate");
    world.schemas[1] = (struct tenant_schema){RG_SLICE("crm"), RG_SLICE("t_acme")};
    world.statics[0].route.schema_count = 2;
    assert_fails(RG_CONFIG, native_plan_make(&world.source, &world.arena, &plan));
    world.statics[0].route.schema_count = 1;
    world.source.lock = POLICY_LOCK_SET_ROLE;
    world.statics[0].id = RG_SLICE("an-id-that-is-fifty-six-bytes-long-and-so-one-too-many-x");
    assert_fails(RG_DENIED, native_plan_make(&world.source, &world.arena, &plan));
    struct rg_arena small;
    rg_arena_init(&small, 512);
    world.source.lock = POLICY_LOCK_SET_LOCAL;
    assert_fails(RG_LIMIT, native_plan_make(&world.source, &small, &plan));
    rg_arena_done(&small);
    assert_null(plan);
    world_done(&world);
}

/* ---- the comparison ---- */

static json_t *text_of(struct rg_slice text)
{
    return text.size == 0 ? json_null() : json_stringn(text.data, text.size);
}

/* What a database with exactly this plan answers; the server's spelling is the plan's own. */
static json_t *answer_of(const struct native_plan *plan)
{
    static const char *const letters[] = {"r", "a", "w", "d"};
    json_t *answer = json_pack("{s:i, s:[], s:[], s:[], s:[], s:[], s:[], s:[]}", "version", 1, "probes", "policies",
                               "relations", "privileges", "schemas", "roles", "members");
    json_t *roles = json_object_get(answer, "roles");
    struct rg_slice login = plan->source->login;
    struct rg_slice judged = plan->group.size > 0 ? plan->group : login;
    (void)json_array_append_new(roles, json_pack("[o,b,b,b,b]", text_of(login), 0, 0, 0, 0));
    if (plan->group.size > 0) {
        (void)json_array_append_new(roles, json_pack("[o,b,b,b,b]", text_of(plan->group), 0, 0, 1, 0));
    }
    for (size_t i = 0; i < plan->role_count; i++) {
        json_t *members = json_object_get(answer, "members");
        (void)json_array_append_new(roles, json_pack("[o,b,b,b,b]", text_of(plan->roles[i]), 0, 0, 1, 0));
        (void)json_array_append_new(members, json_pack("[o,o]", text_of(plan->group), text_of(plan->roles[i])));
        (void)json_array_append_new(members, json_pack("[o,o]", text_of(plan->roles[i]), text_of(login)));
    }
    for (size_t i = 0; i < plan->schema_count; i++) {
        (void)json_array_append_new(
            json_object_get(answer, "schemas"),
            json_pack("[o,o,s]", text_of(plan->schemas[i].name), text_of(plan->schemas[i].grantee), "USAGE"));
    }
    for (size_t i = 0; i < plan->relation_count; i++) {
        const struct native_relation *relation = &plan->relations[i];
        json_t *schema = text_of(relation->relation->schema);
        json_t *name = text_of(relation->relation->name);
        (void)json_array_append_new(json_object_get(answer, "relations"),
                                    json_pack("[O,O,s#,b,b,s,b,b]", schema, name, &relation->relation->kind, 1,
                                              relation->is_guarded, relation->is_guarded, "owner", 0,
                                              relation->is_invoker));
        for (int j = 0; j < NATIVE_COMMANDS; j++) {
            if (relation->allows[j]) {
                (void)json_array_append_new(json_object_get(answer, "privileges"),
                                            json_pack("[O,O,o,s]", schema, name, text_of(relation->grantee),
                                                      native_command_name((enum native_command)j)));
            }
        }
        for (size_t j = 0; j < relation->policy_count; j++) {
            const struct native_policy *policy = &relation->policies[j];
            (void)json_array_append_new(json_object_get(answer, "probes"),
                                        json_pack("[O,O,o,o,o]", schema, name, text_of(policy->name),
                                                  text_of(policy->using_text), text_of(policy->check_text)));
            (void)json_array_append_new(json_object_get(answer, "policies"),
                                        json_pack("[O,O,o,s,b,[o],o,o]", schema, name, text_of(policy->name),
                                                  letters[policy->command], !policy->is_restrictive, text_of(judged),
                                                  text_of(policy->using_text), text_of(policy->check_text)));
        }
        json_decref(schema);
        json_decref(name);
    }
    return answer;
}

struct compared {
    struct world world;
    struct native_plan *plan;
    json_t *answer;
};

static void compared_init(struct compared *compared, enum policy_lock lock)
{
    static const struct policy_row rows[] = {
        {.name = {"own", 3}, .on_count = 1, .on = on_own, .for_select = true, .is_schema_isolated = true},
        {.name = {"w", 1}, .on_count = 1, .on = on_orders, .for_insert = true, .is_schema_isolated = true},
        {.name = {"e", 1}, .on_count = 1, .on = on_events, .for_select = true, .using_text = {"id = 1", 6}},
    };
    world_init(&compared->world, rows, 3, lock);
    compared->plan = NULL;
    assert_ok(native_plan_make(&compared->world.source, &compared->world.arena, &compared->plan));
    compared->answer = answer_of(compared->plan);
}

static struct native_findings compare(struct compared *compared)
{
    char *text = json_dumps(compared->answer, 0);
    struct native_findings findings = {0};
    assert_ok(native_compare(compared->plan, rg_slice_of(text), &compared->world.arena, &findings));
    free(text);
    return findings;
}

static void compared_done(struct compared *compared)
{
    json_decref(compared->answer);
    world_done(&compared->world);
}

static void expect_one(enum policy_lock lock, const char *list, size_t row, int cell, json_t *value,
                       enum native_difference difference, const char *part)
{
    struct compared compared;
    compared_init(&compared, lock);
    json_t *rows = json_object_get(compared.answer, list);
    if (cell == -1) {
        assert_int_equal(json_array_remove(rows, row), 0);
    } else if (cell == -2) {
        assert_int_equal(json_array_append_new(rows, value), 0);
    } else {
        assert_int_equal(json_array_set_new(json_array_get(rows, row), (size_t)cell, value), 0);
    }
    struct native_findings findings = compare(&compared);
    if (findings.count != 1 || findings.items[0].difference != difference ||
        strstr(findings.items[0].text.data, part) == NULL) {
        fail_msg("%s[%zu][%d]: %zu findings, first %s %s", list, row, cell, findings.count,
                 findings.count == 0 ? "" : native_difference_name(findings.items[0].difference),
                 findings.count == 0 ? "" : findings.items[0].text.data);
    }
    compared_done(&compared);
}

static void the_same_has_no_finding(void **state)
{
    (void)state;
    for (int lock = POLICY_LOCK_SET_LOCAL; lock <= POLICY_LOCK_SET_ROLE; lock++) {
        struct compared compared;
        compared_init(&compared, (enum policy_lock)lock);
        struct native_findings findings = compare(&compared);
        if (findings.count > 0) {
            fail_msg("%s: %s", findings.items[0].object.data, findings.items[0].text.data);
        }
        compared_done(&compared);
    }
}

static void each_difference_is_found(void **state)
{
    (void)state;
    const enum policy_lock local = POLICY_LOCK_SET_LOCAL;
    const enum policy_lock role = POLICY_LOCK_SET_ROLE;
    expect_one(local, "roles", 0, 1, json_true(), NATIVE_DANGEROUS, "superuser");
    expect_one(local, "roles", 0, 2, json_true(), NATIVE_DANGEROUS, "BYPASSRLS");
    expect_one(local, "roles", 0, 4, json_true(), NATIVE_DANGEROUS, "CREATEROLE");
    expect_one(local, "roles", 0, -1, NULL, NATIVE_MISSING, "does not exist");
    expect_one(role, "roles", 0, 3, json_true(), NATIVE_DANGEROUS, "INHERIT");
    expect_one(role, "roles", 2, 2, json_true(), NATIVE_DANGEROUS, "BYPASSRLS");
    expect_one(role, "members", 0, -1, NULL, NATIVE_MISSING, "no member");
    expect_one(local, "members", 0, -2, json_pack("[s,s]", "postgres", "gate"), NATIVE_DANGEROUS,
               "member of \"postgres\"");
    expect_one(local, "schemas", 0, -1, NULL, NATIVE_MISSING, "USAGE");
    expect_one(local, "schemas", 0, -2, json_pack("[s,s,s]", "t_acme", "public", "CREATE"), NATIVE_DANGEROUS, "CREATE");
    expect_one(local, "relations", 0, 3, json_false(), NATIVE_MISSING, "not enabled");
    expect_one(local, "relations", 0, 4, json_false(), NATIVE_MISSING, "not forced");
    expect_one(local, "relations", 0, 6, json_true(), NATIVE_DANGEROUS, "owner");
    expect_one(local, "privileges", 0, -1, NULL, NATIVE_MISSING, "has no SELECT");
    expect_one(local, "privileges", 0, -2, json_pack("[s,s,s,s]", "t_acme", "orders", "gate", "TRUNCATE"),
               NATIVE_DANGEROUS, "TRUNCATE");
    expect_one(local, "privileges", 0, -2, json_pack("[s,s,s,s]", "public", "other", "public", "SELECT"),
               NATIVE_DANGEROUS, "no policy names it");
    expect_one(local, "policies", 0, -1, NULL, NATIVE_MISSING, "rowgate select");
    expect_one(local, "policies", 2, 6, json_string("true"), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "policies", 2, 6, json_null(), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "policies", 2, 4, json_true(), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "policies", 2, 3, json_string("*"), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "policies", 2, 5, json_pack("[s]", "somebody"), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "probes", 2, -1, NULL, NATIVE_DIFFERENT, "columns changed");
    expect_one(local, "policies", 0, -2,
               json_pack("[s,s,s,s,b,[s],s,n]", "shared", "events", "z", "*", 1, "public", "true"), NATIVE_SURPLUS,
               "\"z\"");
}

static void another_roles_policy_is_not_ours(void **state)
{
    (void)state;
    struct compared compared;
    compared_init(&compared, POLICY_LOCK_SET_LOCAL);
    (void)json_array_append_new(json_object_get(compared.answer, "policies"),
                                json_pack("[s,s,s,s,b,[s],s,n]", "shared", "events", "z", "*", 1, "analyst", "true"));
    assert_int_equal(compare(&compared).count, 0);
    compared_done(&compared);
}

static void an_answer_of_another_shape_is_no_answer(void **state)
{
    (void)state;
    struct compared compared;
    struct native_findings findings = {7, NULL};
    compared_init(&compared, POLICY_LOCK_SET_ROLE);
    static const char *const texts[] = {
        "",
        "[]",
        "null",
        "{}",
        "{\"version\": 2}",
        "{\"version\": 1, \"probes\": 3}",
        "{\"version\": 1, \"probes\": [1]}",
        "\xff",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_fails(RG_CONFIG, native_compare(compared.plan, rg_slice_of(texts[i]), &compared.world.arena, &findings));
    }
    char *whole = json_dumps(compared.answer, JSON_COMPACT);
    for (size_t i = 0; i < strlen(whole); i += 7) {
        assert_fails(RG_CONFIG,
                     native_compare(compared.plan, rg_slice_make(whole, i), &compared.world.arena, &findings));
    }
    free(whole);
    assert_int_equal(findings.count, 7);
    compared_done(&compared);
}

static void cells_of_another_type_are_findings_and_no_crash(void **state)
{
    (void)state;
    static const char *const lists[] = {"probes", "policies", "relations", "privileges", "schemas", "roles", "members"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct compared compared;
        compared_init(&compared, POLICY_LOCK_SET_ROLE);
        json_t *rows = json_object_get(compared.answer, lists[i]);
        (void)json_array_append_new(rows, json_array());
        (void)json_array_append_new(rows, json_pack("[i,n,{},[],b,i,n,n]", 1, 1, 5));
        for (size_t j = 0; j < json_array_size(json_array_get(rows, 0)); j++) {
            (void)json_array_set_new(json_array_get(rows, 0), j, json_integer(3));
        }
        assert_true(compare(&compared).count > 0);
        compared_done(&compared);
    }
}

static void the_question_is_one_transaction_that_leaves_nothing(void **state)
{
    (void)state;
    struct compared compared;
    struct rg_slice sql = {0};
    compared_init(&compared, POLICY_LOCK_SET_ROLE);
    assert_ok(native_question(compared.plan, &compared.world.arena, &sql));
    assert_true(rg_slice_has_prefix(sql, RG_SLICE("BEGIN TRANSACTION READ WRITE;\n")));
    assert_slice(rg_slice_cut(sql, sql.size - 10, 10), "ROLLBACK;\n");
    assert_lacks(sql.data, "COMMIT;");
    compared_done(&compared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shared_table_gets_true_and_restrictions),
        cmocka_unit_test(only_who_has_an_own_schema_of_that_name_is_shut_out),
        cmocka_unit_test(groups_and_tenants_become_conditions),
        cmocka_unit_test(writes_have_checks),
        cmocka_unit_test(own_schemas_are_those_of_the_transaction),
        cmocka_unit_test(roles_get_what_is_theirs),
        cmocka_unit_test(what_row_security_cannot_guard_is_out_of_reach),
        cmocka_unit_test(sub_selects_keep_their_own_columns),
        cmocka_unit_test(a_sub_select_over_the_same_name_has_no_native_form),
        cmocka_unit_test(names_stay_names),
        cmocka_unit_test(two_exports_are_the_same_bytes),
        cmocka_unit_test(what_cannot_be_planned_is_said),
        cmocka_unit_test(the_same_has_no_finding),
        cmocka_unit_test(each_difference_is_found),
        cmocka_unit_test(another_roles_policy_is_not_ours),
        cmocka_unit_test(an_answer_of_another_shape_is_no_answer),
        cmocka_unit_test(cells_of_another_type_are_findings_and_no_crash),
        cmocka_unit_test(the_question_is_one_transaction_that_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
