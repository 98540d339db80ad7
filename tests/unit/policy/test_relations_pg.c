/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot's query on a real PostgreSQL: columns, parents, what views read, leakproof operators; also where a
 * tenant has put operators and functions in the way. Runs under tests/support/with_postgres.sh. */
#include "policy/relations.h"
#include "tests/support/rg_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char world[] =
    "CREATE SCHEMA shared; CREATE SCHEMA t_acme; CREATE SCHEMA \"Odd \"\"name\";\n"
    "CREATE DOMAIN shared.money AS int CHECK (VALUE > 0); CREATE TYPE shared.mood AS ENUM ('a', 'b');\n"
    "CREATE TABLE shared.orders (id int8 PRIMARY KEY, gone text, tenant_id text, at timestamptz, code varchar(10),\n"
    "  price shared.money, mood shared.mood, tags text[]);\n"
    "ALTER TABLE shared.orders DROP COLUMN gone;\n"
    "CREATE TABLE shared.child (more int) INHERITS (shared.orders);\n"
    "CREATE TABLE t_acme.p (k int, at date) PARTITION BY RANGE (at);\n"
    "CREATE TABLE t_acme.p1 PARTITION OF t_acme.p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');\n"
    "CREATE TABLE \"Odd \"\"name\".\"t\\\" ();\n"
    "CREATE VIEW t_acme.v AS SELECT id, code FROM shared.orders WHERE at > now();\n"
    "CREATE VIEW t_acme.whole AS SELECT o.id, to_json(o) AS j FROM shared.orders AS o;\n"
    "CREATE FUNCTION shared.peek() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
    "CREATE FUNCTION shared.same(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true';\n"
    "CREATE OPERATOR shared.=== (FUNCTION = shared.same, LEFTARG = text, RIGHTARG = text);\n"
    "CREATE VIEW t_acme.calls AS SELECT shared.peek() AS x;\n"
    "CREATE VIEW t_acme.operates AS SELECT 'a' OPERATOR(shared.===) 'b' AS x;\n"
    "CREATE MATERIALIZED VIEW t_acme.m AS SELECT count(*) FROM t_acme.v;\n"
    "CREATE VIEW t_acme.spy AS SELECT rolname FROM pg_catalog.pg_roles;\n"
    "CREATE VIEW t_acme.secrets AS SELECT rolpassword FROM pg_catalog.pg_authid;\n"
    /* what a hostile search_path would find first */
    "CREATE SCHEMA trap; CREATE FUNCTION trap.yes(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT true';\n"
    "CREATE OPERATOR trap.= (FUNCTION = trap.yes, LEFTARG = oid, RIGHTARG = oid);\n"
    "CREATE FUNCTION trap.json_agg(json) RETURNS text LANGUAGE sql AS $$SELECT 'trapped'$$;\n"
    "CREATE TABLE trap.pg_class (oid oid); CREATE TABLE trap.pg_operator (oid oid);\n";

static struct policy_relations *relations;

/* Appends the text of out to path. */
static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct rg_slice run(const char *directory, const char *sql, char *out, size_t size)
{
    char path[256];
    char command[512];
    (void)snprintf(path, sizeof path, "/tmp/rowgate-relations.%d.sql", (int)getpid());
    write_file(path, sql);
    (void)snprintf(command, sizeof command, "psql -XAtq -v ON_ERROR_STOP=1 -h %s -p %s -U postgres -d postgres -f %s",
                   directory, getenv("ROWGATE_TEST_PG_PORT"), path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t used = fread(out, 1, size, pipe);
    assert_int_equal(pclose(pipe), 0);
    (void)unlink(path);
    return rg_slice_make(out, used);
}

static int set_up(void **state)
{
    static char out[4 << 20];
    static char sql[64 << 10];
    const char *directory = getenv("ROWGATE_TEST_PG");
    (void)state;
    assert_non_null(directory);
    (void)run(directory, world, out, sizeof out);
    (void)snprintf(sql, sizeof sql, "SET search_path = trap, pg_catalog;\n%s;\n", policy_relations_query());
    assert_ok(policy_relations_parse(run(directory, sql, out, sizeof out), &relations));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    policy_relations_free(&relations);
    return 0;
}

static const struct policy_relation *find(const char *schema, const char *name)
{
    const struct policy_relation *relation = policy_relation_find(relations, rg_slice_of(schema), rg_slice_of(name));
    assert_non_null(relation);
    return relation;
}

static void columns_have_types_of_pg_catalog_or_none(void **state)
{
    static const char *const columns[][2] = {{"id", "int8"},      {"tenant_id", "text"}, {"at", "timestamptz"},
                                             {"code", "varchar"}, {"price", ""},         {"mood", ""},
                                             {"tags", "_text"}};
    const struct policy_relation *orders = find("shared", "orders");
    (void)state;
    assert_int_equal(orders->kind, 'r');
    assert_int_equal(orders->column_count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_slice(orders->columns[i].name, columns[i][0]);
        assert_slice(orders->columns[i].type, columns[i][1]);
    }
    assert_int_equal(find("Odd \"name", "t\\")->column_count, 0);
}

static void system_schemas_are_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < policy_relation_count(relations); i++) {
        struct rg_slice schema = policy_relation_at(relations, i)->schema;
        assert_false(rg_slice_has_prefix(schema, RG_SLICE("pg_")));
        assert_false(rg_slice_is_equal(schema, RG_SLICE("information_schema")));
    }
    assert_int_equal(policy_relation_count(relations), 14);
}

static void children_and_partitions_know_their_parents(void **state)
{
    (void)state;
    assert_int_equal(find("shared", "child")->parent_count, 1);
    assert_slice(find("shared", "child")->parents[0].name, "orders");
    assert_int_equal(find("t_acme", "p")->kind, 'p');
    assert_slice(find("t_acme", "p1")->parents[0].schema, "t_acme");
    assert_slice(find("t_acme", "p1")->parents[0].name, "p");
    assert_int_equal(find("t_acme", "p")->parent_count, 0);
}

static void assert_reads(const char *view, size_t count, const char *const (*reads)[3])
{
    const struct policy_relation *relation = find("t_acme", view);
    assert_int_equal(relation->read_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_slice(relation->reads[i].schema, reads[i][0]);
        assert_slice(relation->reads[i].name, reads[i][1]);
        assert_slice(relation->reads[i].column, reads[i][2]);
    }
}

static void views_tell_what_they_read(void **state)
{
    static const char *const columns[][3] = {
        {"shared", "orders", "at"}, {"shared", "orders", "code"}, {"shared", "orders", "id"}};
    static const char *const whole[][3] = {{"shared", "orders", ""}};
    static const char *const nothing[][3] = {{"t_acme", "v", ""}};
    static const char *const function[][3] = {{"shared", "peek()", ""}};
    static const char *const operator[][3] = {{"shared", "same()", ""}};
    static const char *const catalogue[][3] = {{"pg_catalog", "pg_roles", ""}, {"pg_catalog", "pg_roles", "rolname"}};
    static const char *const table[][3] = {{"pg_catalog", "pg_authid", ""}};
    (void)state;
    assert_reads("v", 3, columns);
    assert_reads("whole", 1, whole); /* although the catalogue names id alone */
    assert_reads("m", 1, nothing);
    assert_reads("calls", 1, function);
    assert_reads("operates", 1, operator);
    assert_reads("spy", 2, catalogue);
    assert_reads("secrets", 1, table);
    assert_int_equal(find("t_acme", "m")->kind, 'm');
    assert_int_equal(find("t_acme", "spy")->kind, 'v');
}

static void only_leakproof_operators_are_listed(void **state)
{
    static const char *const good[][3] = {
        {"=", "int4", "int4"},  {"=", "int8", "int4"},     {"<", "timestamptz", "timestamptz"},
        {">=", "date", "date"}, {"=", "text", "text"},     {"<>", "uuid", "uuid"},
        {"<=", "int2", "int8"}, {"=", "bpchar", "bpchar"},
    };
    static const char *const bad[][3] = {
        {"=", "numeric", "numeric"}, {"=", "jsonb", "jsonb"}, {"~~", "text", "text"},
        {"~", "text", "text"},       {"=", "_text", "_text"}, {"=", "anyarray", "anyarray"},
        {"+", "int4", "int4"},       {"||", "text", "text"},  {"<", "timestamp", "timestamptz"},
        {"===", "text", "text"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(policy_operator_is_leakproof(relations, rg_slice_of(good[i][0]), rg_slice_of(good[i][1]),
                                                 rg_slice_of(good[i][2])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(policy_operator_is_leakproof(relations, rg_slice_of(bad[i][0]), rg_slice_of(bad[i][1]),
                                                  rg_slice_of(bad[i][2])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_have_types_of_pg_catalog_or_none),   cmocka_unit_test(system_schemas_are_left_out),
        cmocka_unit_test(children_and_partitions_know_their_parents), cmocka_unit_test(views_tell_what_they_read),
        cmocka_unit_test(only_leakproof_operators_are_listed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
