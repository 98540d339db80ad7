/* SPDX-License-Identifier: Apache-2.0 */
/* The second lock's DDL: what each rule becomes, what has no native form, names that try to be more. */
#include "tests/support/native_world.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
