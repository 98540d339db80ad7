/* SPDX-License-Identifier: Apache-2.0 */
/* The road of one statement: what stands in a relation's place, what is refused, and what must survive. */
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

#include <stdio.h>

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

struct row {
    const char *sql;
    const char *wanted; /* text, or SQLSTATE and rule of a refusal */
};

static const struct policy_statement *plan_one(const char *sql)
{
    struct policy_plan plan = {0};
    assert_ok(policy_world_plan(&world, rg_slice_of(sql), &plan));
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.is_denied, plan.statements[0].verdict == POLICY_DENY);
    return &plan.statements[0];
}

static void expect_text(const struct row *row)
{
    const struct policy_statement *statement = plan_one(row->sql);
    if (statement->verdict != POLICY_ALLOW || !rg_slice_is_equal(statement->text, rg_slice_of(row->wanted))) {
        fail_msg("%s\n  gave   %.*s%.*s\n  wanted %s", row->sql, (int)statement->text.size, statement->text.data,
                 (int)statement->message.size, statement->message.data, row->wanted);
    }
}

static void expect_refusal(const struct row *row)
{
    char actual[128];
    const struct policy_statement *statement = plan_one(row->sql);
    (void)snprintf(actual, sizeof actual, "%s %.*s", statement->sqlstate, (int)statement->rule.size,
                   statement->rule.data);
    if (statement->verdict != POLICY_DENY || strcmp(actual, row->wanted) != 0) {
        fail_msg("%s\n  gave   %s %.*s\n  wanted %s", row->sql, actual, (int)statement->text.size, statement->text.data,
                 row->wanted);
    }
    assert_int_equal(statement->text.size, 0);
}

#define ORDERS                                                                                                         \
    "(WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = "                          \
    "'11111111-1111-1111-1111-111111111111'::pg_catalog.uuid) SELECT * FROM rg_m)"

static void what_stands_in_a_relations_place(void **state)
{
    static const struct row rows[] = {
        {"SELECT 1", "SELECT 1"},
        {"SELECT * FROM sales.a", "SELECT * FROM t_acme.a"},
        {"SELECT * FROM a", "SELECT * FROM t_acme.a"},
        {"SELECT sales.a.x FROM sales.a", "SELECT a.x FROM t_acme.a"},
        {"SELECT sales.a.* FROM only (a)", "SELECT a.* FROM only (t_acme.a)"},
        {"SELECT * FROM shared.currencies", "SELECT * FROM shared.currencies"},
        {"SELECT sales.a.x FROM a, b AS c", "SELECT a.x FROM t_acme.a, t_acme.b AS c"},
        {"UPDATE sales.a SET x = sales.a.y", "UPDATE t_acme.a SET x = a.y"},
        {"SELECT * FROM shared.orders", "SELECT * FROM " ORDERS " AS orders"},
        {"SELECT o.a FROM shared.orders AS o (a, b)", "SELECT o.a FROM " ORDERS " AS o (a, b)"},
        {"TABLE shared.orders", "SELECT * FROM " ORDERS " AS orders"},
        {"TABLE a", "TABLE t_acme.a"},
        {"SELECT 1 FROM shared.orders *", "SELECT 1 FROM " ORDERS " AS orders"},
        {"SELECT shared.orders.id FROM shared.orders", "SELECT orders.id FROM " ORDERS " AS orders"},
        {"SELECT\"id\"FROM\"sales\".\"a\"WHERE 1=1", "SELECT\"id\"FROM t_acme.a WHERE 1=1"},
        {"SELECT * FROM sales /* x */ . a -- y", "SELECT * FROM t_acme.a -- y"},
        {"SELECT lower(x), X::INT FROM a", "SELECT pg_catalog.lower(x), X::INT FROM t_acme.a"},
        {"SELECT x::uuid FROM a", "SELECT x::pg_catalog.uuid FROM t_acme.a"},
        {"SELECT 'a' COLLATE \"C\"", "SELECT 'a' COLLATE pg_catalog.\"C\""},
        {"COPY a (x, \"Y\") TO STDOUT", "COPY (SELECT x, \"Y\" FROM t_acme.a ) TO STDOUT"},
        {"EXPLAIN SELECT 1 FROM a", "EXPLAIN SELECT 1 FROM t_acme.a"},
        {"DECLARE c CURSOR FOR SELECT 1 FROM a", "DECLARE c CURSOR FOR SELECT 1 FROM t_acme.a"},
        {"INSERT INTO sales.a (x) VALUES ($1) RETURNING x", "INSERT INTO t_acme.a (x) VALUES ($1) RETURNING x"},
        {"UPDATE a SET x = 1 WHERE a.y = 2", "UPDATE t_acme.a SET x = 1 WHERE a.y = 2"},
        {"DELETE FROM a USING shared.currencies c WHERE a.x = c.x",
         "DELETE FROM t_acme.a USING shared.currencies c WHERE a.x = c.x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_text(&rows[i]);
    }
}

static void with_follows_postgresqls_scopes(void **state)
{
    static const struct row rows[] = {
        {"WITH a AS (SELECT 1) SELECT * FROM a", "WITH a AS (SELECT 1) SELECT * FROM a"},
        {"WITH a AS (SELECT * FROM a) SELECT * FROM a", "WITH a AS (SELECT * FROM t_acme.a) SELECT * FROM a"},
        {"WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM a) SELECT * FROM a",
         "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM a) SELECT * FROM a"},
        {"WITH a AS (SELECT 1) SELECT * FROM sales.a", "WITH a AS (SELECT 1) SELECT * FROM t_acme.a"},
        {"WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b",
         "WITH a AS (SELECT * FROM t_acme.b), b AS (SELECT 1) SELECT * FROM a, b"},
        {"WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
         "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a"},
        {"(WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM a",
         "(WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM t_acme.a"},
        {"WITH a AS (SELECT 1) (SELECT * FROM a UNION SELECT * FROM a)",
         "WITH a AS (SELECT 1) (SELECT * FROM a UNION SELECT * FROM a)"},
        {"SELECT (WITH a AS (SELECT 1) SELECT 1 FROM a), (SELECT 1 FROM a)",
         "SELECT (WITH a AS (SELECT 1) SELECT 1 FROM a), (SELECT 1 FROM t_acme.a)"},
        {"WITH \"A\" AS (SELECT 1) SELECT * FROM A", "WITH \"A\" AS (SELECT 1) SELECT * FROM t_acme.a"},
        {"WITH rg_m AS (SELECT 1) SELECT * FROM rg_m, shared.orders",
         "WITH rg_m AS (SELECT 1) SELECT * FROM rg_m, " ORDERS " AS orders"},
        {"WITH a AS (DELETE FROM a RETURNING x) SELECT * FROM a",
         "WITH a AS (DELETE FROM t_acme.a RETURNING x) SELECT * FROM a"},
        {"WITH a AS (SELECT 1 AS x) INSERT INTO a SELECT x FROM a",
         "WITH a AS (SELECT 1 AS x) INSERT INTO t_acme.a SELECT x FROM a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_text(&rows[i]);
    }
}

static void what_nothing_allows_is_refused(void **state)
{
    static const struct row rows[] = {
        {"SELECT * FROM t_acme.a", "42501 relation.not_allowed"},
        {"SELECT * FROM t_globex.a", "42501 relation.not_allowed"},
        {"SELECT * FROM shared.secrets", "42501 relation.not_allowed"},
        {"SELECT * FROM bi.sales.a", "42501 relation.not_allowed"},
        {"SELECT * FROM pg_catalog.pg_authid", "42501 relation.not_allowed"},
        {"SELECT * FROM pg_authid", "42501 relation.not_allowed"},
        {"SELECT * FROM information_schema.tables", "42501 relation.not_allowed"},
        {"SELECT * FROM \"Sales\".a", "42501 relation.not_allowed"},
        {"SELECT * FROM SALES.a, U&\"t\\005facme\".a", "42501 relation.not_allowed"},
        {"SELECT pg_sleep(1)", "42501 function.not_allowed"},
        {"SELECT public.lower('x')", "42501 function.not_allowed"},
        {"SELECT query_to_xml('select 1', true, true, '')", "42501 function.not_allowed"},
        {"SELECT set_config('search_path', 'x', false)", "42501 function.not_allowed"},
        {"SELECT 1 ORDER BY pg_read_file('x')", "42501 function.not_allowed"},
        {"SELECT sum(1) OVER (ORDER BY pg_read_file('x'))", "42501 function.not_allowed"},
        {"SELECT 1 LIMIT (SELECT count(*) FROM t_globex.a)", "42501 relation.not_allowed"},
        {"SELECT sum(x) OVER (ROWS (SELECT 1 FROM t_globex.a) PRECEDING) FROM a", "42501 relation.not_allowed"},
        {"SELECT ('x').pg_read_file", "0A000 sql.field"},
        {"SELECT 1 OPERATOR(public.+) 1", "42501 operator.not_allowed"},
        {"SELECT 1 FROM a ORDER BY x USING OPERATOR(public.<)", "42501 operator.not_allowed"},
        {"SELECT 'x'::public.mood", "42501 type.not_allowed"},
        {"SELECT 'x'::sales.a", "42501 type.not_allowed"},
        {"SELECT 'x' COLLATE public.evil", "42501 collation.not_allowed"},
        {"SELECT ctid FROM a", "42501 column.system"},
        {"SELECT a.xmin FROM a", "42501 column.system"},
        {"SELECT * FROM a FOR UPDATE", "0A000 statement.lock"},
        {"SELECT * INTO x FROM a", "42501 statement.ddl"},
        {"SELECT * FROM a TABLESAMPLE system_rows(1)", "42501 sample.not_allowed"},
        {"SELECT ?", "42601 sql.syntax"},
        {"SELECT $0", "42601 sql.parameter"},
        {"EXPLAIN ANALYZE SELECT 1", "0A000 statement.explain"},
        {"EXPLAIN SELECT * FROM shared.orders", "0A000 statement.explain"},
        {"EXPLAIN DELETE FROM a", "0A000 statement.explain"},
        {"COPY a FROM STDIN WHERE true", "42501 statement.copy"},
        {"COPY a TO PROGRAM 'cat'", "42501 statement.copy"},
        {"COPY (SELECT 1) TO '/tmp/x'", "42501 statement.copy"},
        {"COPY (DELETE FROM a RETURNING x) TO STDOUT", "0A000 statement.copy"},
        {"DECLARE c CURSOR WITH HOLD FOR SELECT 1", "0A000 statement.cursor"},
        {"INSERT INTO shared.orders VALUES (1)", "0A000 statement.write"},
        {"UPDATE shared.orders SET x = 1", "42501 statement.write"},
        {"INSERT INTO shared.currencies VALUES (1)", "42501 statement.write"},
        {"MERGE INTO shared.visits USING b ON true WHEN MATCHED THEN DELETE", "42501 statement.write"},
        {"TRUNCATE a", "42501 statement.write"},
        {"DROP TABLE a", "42501 statement.ddl"},
        {"CREATE TABLE x AS SELECT 1", "42501 statement.ddl"},
        {"DO 'x'", "42501 statement.function"},
        {"LISTEN x", "42501 statement.channel"},
        {"GRANT SELECT ON a TO x", "42501 statement.role"},
        {"PREPARE TRANSACTION 'x'", "0A000 statement.transaction"},
        {"UPDATE a SET (x, y.z) = (SELECT 1, 2)", "0A000 sql.field"},
        {"SELECT sales.a.x FROM sales.a, shared.a", "42501 relation.not_allowed"},
        {"SELECT (SELECT sales.a.x FROM shared.currencies a) FROM sales.a", "0A000 column.relation"},
        {"SELECT sales.a.x FROM sales.b", "0A000 column.relation"},
        {"SELECT sales.a.x FROM sales.a AS b, sales.b AS a", "0A000 column.relation"},
        {"SELECT t_acme.a.x FROM sales.a", "0A000 column.relation"},
        {"SELECT", "SELECT"},
    };
    (void)state;
    for (size_t i = 0; i + 1 < sizeof rows / sizeof rows[0]; i++) {
        expect_refusal(&rows[i]);
    }
    expect_text(&rows[sizeof rows / sizeof rows[0] - 1]);
}

static void a_refusal_tells_nothing_about_existence(void **state)
{
    (void)state;
    const struct policy_statement *one = plan_one("SELECT * FROM t_globex.a");
    assert_slice(one->message, "relation \"t_globex.a\" is not available to you");
    const struct policy_statement *other = plan_one("SELECT * FROM nowhere_at_all.a");
    assert_slice(other->message, "relation \"nowhere_at_all.a\" is not available to you");
    assert_int_equal(one->position, 15);
    assert_int_equal(other->position, 15);
}

static void output_columns_keep_their_names(void **state)
{
    (void)state;
    const struct policy_statement *statement = plan_one("SELECT current_user");
    assert_int_equal(statement->verdict, POLICY_ALLOW);
    assert_non_null(strstr(statement->text.data, " AS \"current_user\""));
    statement = plan_one("SELECT current_schema(), 1 IS DISTINCT FROM 2 FROM a");
    assert_int_equal(statement->verdict, POLICY_ALLOW);
    assert_non_null(strstr(statement->text.data, " AS \"current_schema\", 1 IS DISTINCT FROM 2 FROM t_acme.a"));
}

static void claims_are_quoted_as_constants(void **state)
{
    (void)state;
    const struct policy_statement *statement = plan_one("SELECT 1 FROM shared.visits v");
    assert_int_equal(statement->verdict, POLICY_ALLOW);
    assert_non_null(strstr(statement->text.data, "rg_r.region = ANY (ARRAY['it''s', 'a\\b']::pg_catalog.text[])"));
}

static void a_sample_moves_inside_the_fence(void **state)
{
    (void)state;
    const struct policy_statement *statement =
        plan_one("SELECT 1 FROM ONLY shared.orders AS o TABLESAMPLE bernoulli (10), a");
    assert_int_equal(statement->verdict, POLICY_ALLOW);
    assert_non_null(strstr(statement->text.data,
                           "FROM ONLY shared.orders AS rg_r TABLESAMPLE pg_catalog.bernoulli (10) "
                           "WHERE rg_r.tenant_id"));
    assert_null(strstr(statement->text.data, "AS o TABLESAMPLE"));
}

static void facts_for_the_audit_are_there(void **state)
{
    (void)state;
    const struct policy_statement *statement =
        plan_one("SELECT * FROM sales.b, shared.orders o, shared.orders p, sales.a, pg_class");
    assert_int_equal(statement->relation_count, 3);
    assert_slice(statement->relations[0], "sales.a");
    assert_slice(statement->relations[1], "sales.b");
    assert_slice(statement->relations[2], "shared.orders");
    assert_slice(statement->rule, "own, orders");
    assert_true(statement->is_read && statement->is_rewritten && statement->returns_rows);
    statement = plan_one("WITH x AS (DELETE FROM a RETURNING y) SELECT * FROM x");
    assert_false(statement->is_read);
    assert_int_equal(statement->class_of_statement, POLICY_CLASS_WRITE);
}

static void superset_stops_a_query_by_virtual_pid(void **state)
{
    (void)state;
    const struct policy_statement *statement =
        plan_one("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid='4711'");
    assert_int_equal(statement->effect, POLICY_EFFECT_CANCEL_PID);
    assert_int_equal(statement->number, 4711);
    assert_slice(statement->text, "SELECT true AS pg_terminate_backend");
    struct row attack = {"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> 4711",
                         "42501 function.not_allowed"};
    expect_refusal(&attack);
    attack.sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity";
    expect_refusal(&attack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_in_a_relations_place),
        cmocka_unit_test(with_follows_postgresqls_scopes),
        cmocka_unit_test(what_nothing_allows_is_refused),
        cmocka_unit_test(a_refusal_tells_nothing_about_existence),
        cmocka_unit_test(output_columns_keep_their_names),
        cmocka_unit_test(claims_are_quoted_as_constants),
        cmocka_unit_test(a_sample_moves_inside_the_fence),
        cmocka_unit_test(facts_for_the_audit_are_there),
        cmocka_unit_test(superset_stops_a_query_by_virtual_pid),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
