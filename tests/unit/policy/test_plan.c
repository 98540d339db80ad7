/* SPDX-License-Identifier: Apache-2.0 */
/* Whole texts: hostile sizes and depths, several statements, positions, session statements, prepared statements. */
#include "base/rg_memory.h"
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

static struct policy_world world;

static int set_up(void **state)
{
    (void)state;
    return rg_is_ok(policy_world_init(&world)) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    policy_world_done(&world);
    return 0;
}

static struct policy_plan plan_of(const char *sql)
{
    struct policy_plan plan = {0};
    assert_ok(policy_world_plan(&world, rg_slice_of(sql), &plan));
    return plan;
}

static void expect_state(struct policy_plan plan, const char *sqlstate)
{
    if (!plan.is_denied) {
        fail_msg("%.60s... was allowed, expected %s", "a text", sqlstate);
    }
    const struct policy_statement *last = &plan.statements[plan.count - 1];
    if (strcmp(last->sqlstate, sqlstate) != 0) {
        fail_msg("SQLSTATE %s (%.*s), expected %s", last->sqlstate, (int)last->message.size, last->message.data,
                 sqlstate);
    }
}

/* head, then unit so many times, then tail */
static struct policy_plan plan_repeated(const char *head, const char *unit, size_t count, const char *tail)
{
    size_t unit_size = strlen(unit);
    size_t head_size = strlen(head);
    size_t size = head_size + count * unit_size + strlen(tail);
    char *text = rg_memory_alloc(size + 1);
    memcpy(text, head, head_size);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + head_size + i * unit_size, unit, unit_size);
    }
    memcpy(text + head_size + count * unit_size, tail, strlen(tail));
    struct policy_plan plan = {0};
    assert_ok(policy_world_plan(&world, rg_slice_make(text, size), &plan));
    rg_memory_free(text); /* only the verdict is looked at */
    return plan;
}

static void hostile_depths_and_sizes_are_refused(void **state)
{
    (void)state;
    expect_state(plan_repeated("SELECT 1", "+1", 10000, ""), "54001");
    expect_state(plan_repeated("SELECT ", "NOT ", 5000, "true"), "54001");
    expect_state(plan_repeated("SELECT ", "(", 100000, "1"), "42601");
    expect_state(plan_repeated("SELECT 1", " UNION SELECT 1", 5000, ""), "54001");
    expect_state(plan_repeated("SELECT ", "f(", 3000, "1"), "42601");
    expect_state(plan_repeated("SELECT 1", "::int", 5000, ""), "54001");
    expect_state(plan_repeated("SELECT 1", "::int", 190000, ""), "54001");
    expect_state(plan_repeated("SELECT x", "::oid", 190000, "::regclass"), "42501");
    expect_state(plan_repeated("SELECT x", "::regclass::oid", 90000, ""), "42501");
    expect_state(plan_repeated("SELECT x", "::oid", 900, "::regclass"), "42501");
    expect_state(plan_repeated("SELECT 1 FROM generate_series(1,2) a", ",generate_series(1,2) a", 200, ""), "54001");
    expect_state(plan_repeated("SELECT x", " COLLATE \"C\"", 300000, ""), "54001");
    expect_state(plan_repeated("SELECT x", " IS NULL", 390000, ""), "54001");
    expect_state(plan_repeated("SELECT x FROM a", " NATURAL JOIN a", 250000, ""), "54001");
    expect_state(plan_repeated("PREPARE p AS SELECT x", " IS NULL", 390000, ""), "54001");
    expect_state(plan_repeated("COPY (SELECT x", " IS NULL", 390000, ") TO STDOUT"), "54001");
    expect_state(plan_repeated("PREPARE p AS SELECT $1; EXECUTE p (1", "::int", 190000, ")"), "0A000");
    expect_state(plan_repeated("SELECT 1 LIMIT 1", " + 1", 190000, ""), "54001");
    expect_state(plan_repeated("SET search_path = a", ", a", 190000, ""), "42501");
    expect_state(plan_repeated("SELECT ARRAY", "[", 9000, ""), "42601");
    expect_state(plan_repeated("", "SELECT 1;", 257, ""), "54001");
    expect_state(plan_repeated("SELECT 1", ",", (4 << 20) - 8, ""), "54001");
    expect_state(plan_repeated("SELECT 1", " ", 4 << 20, ""), "54000");
    expect_state(plan_repeated("SELECT 1 /*", "/*", 100000, ""), "54001");
    expect_state(plan_repeated("SELECT 1 ", "/**/", 500000, ""), "54001");
    expect_state(plan_repeated("SELECT 1 ", "/* */", 1000, "+"), "42601");
    expect_state(plan_repeated("SELECT 1", ",1", 500000, ""), "54001");
    expect_state(plan_repeated("SELECT 1 FROM a", ",a", 20000, ""), "54001");
    expect_state(plan_repeated("WITH a AS (SELECT 1)", ",a AS (SELECT 1)", 600, "SELECT 1"), "54001");
    expect_state(plan_repeated("SELECT 1 FROM pg_class", ",pg_class", 2000, ""), "54001");
    expect_state(plan_repeated("SELECT 1 FROM ", "(SELECT 1 FROM ", 2000, "a"), "42601");
}

static void long_but_flat_statements_pass(void **state)
{
    (void)state;
    assert_false(plan_repeated("SELECT 1 FROM sales.a WHERE x IN (1", ",1", 20000, ")").is_denied);
    assert_false(plan_repeated("SELECT 1 WHERE true", " AND 1=1", 20000, "").is_denied);
    assert_false(plan_repeated("SELECT 1 WHERE a", "[1]", 50000, "").is_denied);
    assert_false(plan_repeated("SELECT 1", " + 1", 900, "").is_denied);
    assert_false(plan_repeated("", "SELECT 1;", 256, "").is_denied);
}

static void bytes_that_lexers_disagree_on_are_refused(void **state)
{
    static const struct rg_slice bad[] = {{"SELECT 1\0", 9},
                                          {"SELECT '\xc0\xaf'", 11},
                                          {"SELECT '\xed\xa0\x80'", 12},
                                          {"SELECT '\xf5\x80\x80\x80'", 13},
                                          {"SELECT '\x80'", 10},
                                          {"SELECT '\xe2\x82", 10}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct policy_plan plan = {0};
        assert_ok(policy_world_plan(&world, bad[i], &plan));
        expect_state(plan, "22021");
    }
}

static void a_full_arena_fails_and_leaves_the_plan_alone(void **state)
{
    (void)state;
    struct rg_arena small;
    struct policy_plan plan = {.count = 77};
    for (size_t limit = 0; limit < 4096; limit += 64) {
        rg_arena_init(&small, limit);
        rg_status status = policy_plan_text(world.binding, &world.session, POLICY_SIMPLE,
                                            RG_SLICE("SELECT 1 FROM shared.orders"), &small, &plan);
        if (!rg_is_ok(status)) {
            assert_int_equal(status.error->kind, RG_LIMIT);
            assert_int_equal(plan.count, 77);
        } else {
            assert_true(!plan.is_denied || strcmp(plan.statements[0].sqlstate, "54001") == 0);
            plan.count = 77;
        }
        rg_arena_done(&small);
    }
}

static void syntax_errors_are_postgresqls_own(void **state)
{
    (void)state;
    struct policy_plan plan = plan_of("SELECT 'ä', FROM x");
    expect_state(plan, "42601");
    assert_slice(plan.statements[0].message, "syntax error at or near \"FROM\"");
    assert_int_equal(plan.statements[0].position, 13);
}

static void an_empty_text_is_an_empty_plan(void **state)
{
    static const char *const texts[] = {"", " ", ";", " ;; -- x", "/* x */"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct policy_plan plan = plan_of(texts[i]);
        assert_int_equal(plan.count, 0);
        assert_false(plan.is_denied);
    }
}

static void several_statements_are_ruled_before_any_is_sent(void **state)
{
    (void)state;
    struct policy_plan plan = plan_of("SELECT 1; SELECT * FROM t_globex.a; SELECT 2");
    assert_true(plan.is_denied);
    assert_int_equal(plan.count, 2);
    assert_int_equal(plan.statements[1].position, 25);
    assert_int_equal(plan.statements[1].source_at, 10);
    plan = plan_of(" BEGIN ;\n SELECT 1 FROM a ; COMMIT;");
    assert_int_equal(plan.count, 3);
    assert_slice(plan.statements[1].source, "SELECT 1 FROM a");
    assert_int_equal(plan.statements[0].effect, POLICY_EFFECT_BEGIN);
    assert_int_equal(plan.statements[2].effect, POLICY_EFFECT_COMMIT);
    struct policy_plan extended = {0};
    assert_ok(policy_plan_text(world.binding, &world.session, POLICY_EXTENDED, RG_SLICE("SELECT 1; SELECT 2"),
                               &world.arena, &extended));
    expect_state(extended, "42601");
}

static void positions_map_back_to_the_clients_text(void **state)
{
    (void)state;
    struct rg_slice text = RG_SLICE("SELECT 1; SELECT 'ä', nope FROM sales.a WHERE lower(x) = oops");
    struct policy_plan plan = {0};
    assert_ok(policy_world_plan(&world, text, &plan));
    const struct policy_statement *statement = &plan.statements[1];
    assert_slice(statement->text, "SELECT 'ä', nope FROM t_acme.a WHERE pg_catalog.lower(x) = oops");
    assert_int_equal(policy_map_position(statement, text, 13), 23);
    assert_int_equal(policy_map_position(statement, text, 24), 0);
    assert_int_equal(policy_map_position(statement, text, 60), 58);
    assert_int_equal(policy_map_position(statement, text, 0), 0);
}

static void set_search_path_stays_virtual(void **state)
{
    (void)state;
    struct policy_plan plan = plan_of("set search_path = \"shared\", public; SELECT 1 FROM orders; SELECT 1 FROM a");
    assert_int_equal(plan.statements[0].effect, POLICY_EFFECT_SET_SEARCH_PATH);
    assert_slice(plan.statements[0].text, "SET standard_conforming_strings = on");
    assert_slice(plan.statements[0].tag, "SET");
    assert_int_equal(plan.statements[0].value_count, 1);
    assert_slice(plan.statements[0].values[0], "shared");
    assert_int_equal(plan.statements[1].verdict, POLICY_ALLOW);
    assert_int_equal(plan.statements[2].verdict, POLICY_DENY);
    expect_state(plan_of("SET search_path = t_acme"), "42501");
    expect_state(plan_of("SET search_path = t_globex, sales"), "42501");
    expect_state(plan_of("SET SCHEMA 't_globex'"), "42501");
    assert_slice(plan_of("SHOW search_path").statements[0].text, "SELECT 'sales'::pg_catalog.text AS search_path");
    assert_slice(plan_of("SHOW search_path").statements[0].tag, "SHOW");
}

static void settings_by_the_table_only(void **state)
{
    static const char *const bad[] = {
        "SET role = x",
        "SET ROLE x",
        "RESET ROLE",
        "SET SESSION AUTHORIZATION x",
        "SET row_security = off",
        "SET standard_conforming_strings = off",
        "SET client_encoding = 'SJIS'",
        "SET NAMES 'LATIN1'",
        "SET app.tenant = 'x'",
        "SET LOCAL app.tenant = 'x'",
        "SHOW ALL",
        "SHOW data_directory",
        "SET debug_print_plan = on",
        "SET client_min_messages = log",
        "SET enable_seqscan = off",
        "SET search_path FROM CURRENT",
        "SET statement_timeout = '1 year'",
        "SET lock_timeout = 1",
        "SET LOCAL search_path = t_globex",
        "SET bytea_output = escape",
        "SET extra_float_digits = 0",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    };
    static const char *const good[] = {
        "SET standard_conforming_strings = on",
        "SET client_encoding TO 'utf-8'",
        "SET NAMES 'UTF8'",
        "SET datestyle TO 'ISO'",
        "SET DateStyle TO ISO, MDY",
        "SET extra_float_digits = 3",
        "RESET ALL",
        "DISCARD ALL",
        "SET application_name = 'x'",
        "SET statement_timeout = '5s'",
        "SET LOCAL timezone = 'Europe/Berlin'",
        "SHOW transaction_isolation",
        "show standard_conforming_strings",
        "SET TRANSACTION READ ONLY",
        "RESET search_path",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (!plan_of(bad[i]).is_denied) {
            fail_msg("%s was allowed", bad[i]);
        }
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct policy_plan plan = plan_of(good[i]);
        if (plan.is_denied) {
            fail_msg("%s: %.*s", good[i], (int)plan.statements[0].message.size, plan.statements[0].message.data);
        }
    }
    assert_int_equal(plan_of("SET statement_timeout = '5s'").statements[0].number, 5000);
}

static void prepared_statements_are_planned_when_executed(void **state)
{
    (void)state;
    struct policy_plan plan =
        plan_of("PREPARE p (int, text[]) AS SELECT x FROM shared.orders WHERE x = $1 AND y = ANY ($2);"
                "EXECUTE p (-5, '{a}')");
    assert_false(plan.is_denied);
    assert_int_equal(plan.statements[0].effect, POLICY_EFFECT_PREPARE);
    assert_slice(plan.statements[0].name, "p");
    assert_slice(plan.statements[0].tag, "PREPARE");
    assert_slice(plan.statements[0].types[1], "pg_catalog.text[]");
    assert_non_null(strstr(plan.statements[1].text.data,
                           "x = CAST(-5 AS pg_catalog.int4) AND y = ANY (CAST('{a}' AS pg_catalog.text[]))"));
    assert_non_null(strstr(plan.statements[1].text.data, "MATERIALIZED"));
    assert_false(plan.is_cacheable);
    plan = plan_of("PREPARE p AS SELECT 1 FROM sales.a WHERE x = $1; EXECUTE p ('a'' OR 1=1')");
    assert_slice(plan.statements[1].text, "SELECT 1 FROM t_acme.a WHERE x = ('a'' OR 1=1')");
    expect_state(plan_of("PREPARE p AS SELECT 1 FROM t_globex.a"), "42501");
    assert_int_equal(plan_of("PREPARE p AS SELECT 1 FROM t_globex.a").statements[0].position, 28);
    expect_state(plan_of("EXECUTE nobody"), "26000");
    expect_state(plan_of("DEALLOCATE nobody"), "26000");
    expect_state(plan_of("PREPARE p AS SELECT $1; EXECUTE p"), "42601");
    expect_state(plan_of("PREPARE p AS SELECT $1; EXECUTE p (1, 2)"), "42601");
    expect_state(plan_of("PREPARE p AS SELECT $1; EXECUTE p (pg_sleep(1))"), "0A000");
    expect_state(plan_of("PREPARE p AS SELECT $1; EXECUTE p ((SELECT 1))"), "0A000");
    expect_state(plan_of("PREPARE p (public.t) AS SELECT $1"), "42501");
    expect_state(plan_of("PREPARE p AS SELECT 1; DEALLOCATE p; EXECUTE p"), "26000");
    expect_state(plan_of("PREPARE p AS SELECT 1; DISCARD ALL; EXECUTE p"), "26000");
}

static void what_depends_on_the_session_is_not_cacheable(void **state)
{
    (void)state;
    assert_true(plan_of("SELECT 1 FROM shared.orders").is_cacheable);
    assert_true(plan_of("SELECT current_user").is_cacheable);
    assert_false(plan_of("SELECT pg_backend_pid()").is_cacheable);
    assert_false(plan_of("SELECT pid FROM pg_stat_activity").is_cacheable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_depths_and_sizes_are_refused),
        cmocka_unit_test(long_but_flat_statements_pass),
        cmocka_unit_test(bytes_that_lexers_disagree_on_are_refused),
        cmocka_unit_test(a_full_arena_fails_and_leaves_the_plan_alone),
        cmocka_unit_test(syntax_errors_are_postgresqls_own),
        cmocka_unit_test(an_empty_text_is_an_empty_plan),
        cmocka_unit_test(several_statements_are_ruled_before_any_is_sent),
        cmocka_unit_test(positions_map_back_to_the_clients_text),
        cmocka_unit_test(set_search_path_stays_virtual),
        cmocka_unit_test(settings_by_the_table_only),
        cmocka_unit_test(prepared_statements_are_planned_when_executed),
        cmocka_unit_test(what_depends_on_the_session_is_not_cacheable),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
