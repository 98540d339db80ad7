/* SPDX-License-Identifier: Apache-2.0 */
/* The checker against texts that a broken or hostile rewriter could emit. Each bad text differs from a good
 * one by what its line says, so that it is refused for that and not for something else. */
#include "base/rg_memory.h"
#include "tests/support/check_bad_texts.h"
#include "tests/support/check_world.h"

static void accepts_what_is_covered(void **state)
{
    (void)state;
    assert_int_equal(count_wrong(good, COUNT_OF(good), &reading, true), 0);
}

static void refuses_what_a_broken_rewriter_could_emit(void **state)
{
    (void)state;
    assert_int_equal(count_wrong(bad, COUNT_OF(bad), &reading, false), 0);
}

/* A text for Hyper has no parameters, and no WITH that Hyper would read otherwise (docs/hyper.md). */
static void refuses_for_hyper_what_hyper_reads_otherwise(void **state)
{
    (void)state;
    struct check_limits limits = reading;
    static const struct row rows[] = {
        {"a parameter", "SELECT $1 FROM t_acme.a"},
        {"a later item", "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1 AS x) SELECT * FROM a"},
        {"two recursive items", "WITH RECURSIVE a AS (SELECT 1), b AS (SELECT 2) SELECT * FROM a, b"},
        {"a later item inside", "SELECT (WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT 1 FROM a)"},
        {"a catalogue's name", "WITH pg_class AS (SELECT 1) SELECT * FROM pg_class"},
        {"a catalogue's name of Hyper", "WITH hyper_x AS (SELECT 1) SELECT * FROM hyper_x"},
    };
    static const struct row alike[] = {
        {"one recursive item", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"},
        {"two items", "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT * FROM b"},
    };
    assert_int_equal(count_wrong(rows, COUNT_OF(rows), &limits, true), 0);
    limits.is_hyper = true;
    assert_int_equal(count_wrong(rows, COUNT_OF(rows), &limits, false), 0);
    assert_int_equal(count_wrong(alike, COUNT_OF(alike), &limits, true), 0);
}

/* What is sent is read as Hyper reads it: no comment, no other white space, and no fence but SECURE. */
static void reads_the_text_that_hyper_gets(void **state)
{
    (void)state;
    struct check_limits limits = reading;
    static const struct row refused[] = {
        {"a fence in PostgreSQL's words", "WITH a AS MATERIALIZED (SELECT 1 AS x) SELECT * FROM a"},
        {"in small letters, apart", "WITH a AS  materialized    (SELECT 1 AS x) SELECT * FROM a"},
        {"a fence of another length", "WITH a AS SECURE (SELECT 1 AS x) SELECT * FROM a"},
        {"a fence in small letters", "WITH a AS secure       (SELECT 1 AS x) SELECT * FROM a"},
        {"no fence", "WITH a AS NOT MATERIALIZED (SELECT 1 AS x) SELECT * FROM a"},
        {"secure as a name", "SELECT 1 AS secure"},
        {"secure as a relation's alias", "SELECT 1 FROM t_acme.a SECURE       (x)"},
        {"a comment", "SELECT 1 /* x */"},
        {"a comment in a comment", "SELECT 1 /* /* */ FROM t_globex.a -- */"},
        {"a line's comment", "SELECT 1 -- x"},
        {"a tab", "SELECT\t1"},
        {"a line", "SELECT 1\n"},
        {"a continued string", "SELECT 'a'\n'b'"},
        {"dollar quotes", "SELECT $$x$$"},
        {"a dollar in a name", "SELECT 1 AS a$b"},
        {"a Unicode string", "SELECT U&'x'"},
        {"a national string", "SELECT N'x'"},
        {"bits", "SELECT B'1'"},
        {"an escape string with a quote", "SELECT E'\\''"},
        {"an escape string that ends in an escape", "SELECT E'\\\\'"},
        {"a doubled quote in an escape string", "SELECT E'a''b'"},
        {"no ASCII", "SELECT 1 AS \xc3\xa4"},
        {"an operator", "SELECT 1 # 2"},
        {"an assignment", "SELECT 1 FROM t_acme.a WHERE x := 1"},
        {"a name of 64 bytes", "SELECT 1 AS a123456789012345678901234567890123456789012345678901234567890123"},
        {"a quoted name of 64 bytes",
         "SELECT 1 AS \"a123456789012345678901234567890123456789012345678901234567890123\""},
        {"no end of a string", "SELECT 'x"},
        {"no end of an escape string", "SELECT E'x"},
        {"hexadecimal", "SELECT 0x10"},
        {"a name behind a number", "SELECT 1a"},
    };
    static const struct row accepted[] = {
        {"a fence", "WITH a AS SECURE       (SELECT 1 AS x) SELECT * FROM a"},
        {"a fence with columns", "WITH a (x) AS SECURE       (SELECT 1) SELECT x FROM a"},
        {"secure in a string", "SELECT 'AS SECURE (', '-- /* $$', E'a\\n'"},
        {"secure in a name", "SELECT 1 AS \"AS SECURE (\", 2 AS secured"},
        {"materialized as a name", "SELECT 1 AS materialized"},
        {"doubled quotes", "SELECT 'it''s', 1 AS \"a\"\"b\", ''"},
        {"numbers", "SELECT 1, 1.5, .5, 1., 1e5, 1.5E-3, 5*-1, (ARRAY[1, 2])[1:2]"},
        {"a name of 63 bytes", "SELECT 1 AS a12345678901234567890123456789012345678901234567890123456789012"},
    };
    limits.is_hyper = true;
    assert_int_equal(count_wrong(refused, COUNT_OF(refused), &limits, false), 0);
    assert_int_equal(count_wrong(accepted, COUNT_OF(accepted), &limits, true), 0);
}

static void refuses_for_hyper_a_predicate_on_an_array_that_is_null(void **state)
{
    (void)state;
    static const struct check_relation own[] = {
        {.schema = {"s", 1},
         .name = {"a", 1},
         .predicate = {"rg_r.x <> ALL (NULL::pg_catalog.text[])", 39},
         .for_select = true},
        {.schema = {"s", 1}, .name = {"b", 1}, .predicate = {"rg_r.x <> ALL (ARRAY['x'])", 26}, .for_select = true},
    };
    struct check_limits limits = {.relation_count = 2, .relations = own};
    static const struct row wide[] = {
        {"NULL", "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM s.a AS rg_r WHERE rg_r.x <> ALL "
                 "(NULL::pg_catalog.text[])) SELECT * FROM rg_m) AS a"}};
    static const struct row wide_hyper[] = {
        {"NULL", "SELECT 1 FROM (WITH rg_m AS SECURE       (SELECT * FROM s.a AS rg_r WHERE rg_r.x <> ALL "
                 "(NULL::pg_catalog.text[])) SELECT * FROM rg_m) AS a"}};
    static const struct row narrow[] = {
        {"an array", "SELECT 1 FROM (WITH rg_m AS SECURE       (SELECT * FROM s.b AS rg_r WHERE rg_r.x <> ALL "
                     "(ARRAY['x'])) SELECT * FROM rg_m) AS b"}};
    assert_int_equal(count_wrong(wide, 1, &limits, true), 0);
    limits.is_hyper = true;
    assert_int_equal(count_wrong(wide_hyper, 1, &limits, false), 0);
    assert_int_equal(count_wrong(narrow, 1, &limits, true), 0);
}

static void zero_limits_accept_no_name_at_all(void **state)
{
    (void)state;
    static const struct row named[] = {
        {"relation", "SELECT * FROM t_acme.a"},       {"relation in an empty schema name", "SELECT * FROM \" \".a"},
        {"function", "SELECT pg_catalog.lower('a')"}, {"guarded function", "SELECT pg_catalog.format_type(1, 2)"},
        {"type", "SELECT 'a'::regclass_of_ours"},
    };
    static const struct row nameless[] = {{"constant", "SELECT 1 + 2"}};
    const struct check_limits nothing = {0};
    assert_int_equal(count_wrong(named, COUNT_OF(named), &nothing, false), 0);
    assert_int_equal(count_wrong(nameless, COUNT_OF(nameless), &nothing, true), 0);
}

/* A guard's own FROM could capture a caller's column: there the hole takes none that could be meant. */
static void refuses_a_column_that_the_guards_own_query_would_capture(void **state)
{
    (void)state;
    static const struct rg_slice inner[] = {
        S("CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class AS rg_c WHERE rg_c.oid = $1) THEN "
          "pg_catalog.pg_get_expr($2, $1) END"),
    };
    struct check_limits limits = reading;
    limits.guards = inner;
    limits.guard_count = 1;
#define CAPTURED(column)                                                                                               \
    "SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class AS rg_c WHERE rg_c.oid = " column ") THEN "              \
    "pg_catalog.pg_get_expr(rg_c.y, " column ") END FROM t_acme.a AS rg_c"
    static const struct row wrong[] = {{"by its name", CAPTURED("oid")}, {"by the alias", CAPTURED("rg_c.oid")}};
    static const struct row right[] = {{"qualified", CAPTURED("d.oid")}, {"constant", CAPTURED("16384")}};
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &limits, false), 0);
    assert_int_equal(count_wrong(right, COUNT_OF(right), &limits, true), 0);
}

/* Where the guard's FROM shows nothing but names of rowgate's own, an unqualified column is the caller's. */
static void takes_an_unqualified_column_where_nothing_captures_it(void **state)
{
    (void)state;
#define SEALED(from, column)                                                                                           \
    "(SELECT pg_catalog.pg_get_expr(rg_g.rg_tree, rg_g.rg_oid) FROM " from " WHERE rg_g.rg_oid = " column ")"
#define RG_G "(SELECT d.adrelid AS rg_oid, d.adbin AS rg_tree FROM pg_catalog.pg_attrdef AS d) AS rg_g"
#define OPEN "(SELECT d.adrelid AS rg_oid, d.adbin FROM pg_catalog.pg_attrdef AS d) AS rg_g"
#define JOINED RG_G ", pg_catalog.pg_am AS m"
    static const struct rg_slice sealed[] = {S(SEALED(RG_G, "$1"))};
    static const struct rg_slice open[] = {S(SEALED(OPEN, "$1")), S(SEALED(JOINED, "$1"))};
    static const struct row right[] = {
        {"unqualified", "SELECT " SEALED(RG_G, "adrelid") " FROM t_acme.a"},
        {"qualified", "SELECT " SEALED(RG_G, "a.adrelid") " FROM t_acme.a"},
    };
    static const struct row wrong[] = {
        {"a name of rowgate's own", "SELECT " SEALED(RG_G, "rg_oid") " FROM t_acme.a"},
        {"an alias of rowgate's own", "SELECT " SEALED(RG_G, "rg_g.rg_oid") " FROM t_acme.a AS rg_g"},
    };
    static const struct row captured[] = {
        {"unqualified, a column of another name", "SELECT " SEALED(OPEN, "adbin") " FROM t_acme.a"},
        {"unqualified, a relation beside", "SELECT " SEALED(JOINED, "amname") " FROM t_acme.a"},
    };
    struct check_limits limits = reading;
    limits.guards = sealed;
    limits.guard_count = 1;
    assert_int_equal(count_wrong(right, COUNT_OF(right), &limits, true), 0);
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &limits, false), 0);
    limits.guards = open;
    limits.guard_count = COUNT_OF(open);
    assert_int_equal(count_wrong(captured, COUNT_OF(captured), &limits, false), 0);
}

/* ---- size and depth ---- */

struct text {
    char *data;
    size_t size;
};

static void text_done(struct text *text)
{
    rg_memory_free(text->data);
}

static struct text repeat(const char *head, const char *unit, size_t times, const char *tail)
{
    size_t unit_size = strlen(unit);
    struct text text = {.size = strlen(head) + unit_size * times + strlen(tail)};
    text.data = rg_memory_alloc(text.size + 1);
    char *at = text.data;
    memcpy(at, head, strlen(head));
    at += strlen(head);
    for (size_t i = 0; i < times; i++, at += unit_size) {
        memcpy(at, unit, unit_size);
    }
    memcpy(at, tail, strlen(tail));
    return text;
}

static void refuses_deep_trees_and_survives(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *head;
        const char *unit;
        const char *tail;
    } rows[] = {
        {"sum", "SELECT 1", "+1", ""},
        {"set operations", "SELECT 1", " UNION SELECT 1", ""},
        {"NOT", "SELECT ", "NOT ", "true"},
        {"casts", "SELECT 1", "::int", ""},
        {"joins", "SELECT 1 FROM t_acme.a", " CROSS JOIN t_acme.a", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        RG_AUTO(text_done) struct text fits = repeat(rows[i].head, rows[i].unit, 500, rows[i].tail);
        RG_AUTO(text_done) struct text deep = repeat(rows[i].head, rows[i].unit, 3000, rows[i].tail);
        assert_ok(check_with(rg_slice_make(fits.data, fits.size), &reading));
        rg_status status = check_with(rg_slice_make(deep.data, deep.size), &reading);
        /* either our own limit, or the parser's */
        assert_false(rg_is_ok(status));
        assert_true(status.error->kind == RG_LIMIT || status.error->kind == RG_DENIED);
    }
}

static void accepts_wide_statements_up_to_the_limits(void **state)
{
    (void)state;
    RG_AUTO(text_done) struct text list = repeat("SELECT 1 IN (1", ",1", 100000, ")");
    RG_AUTO(text_done) struct text items = repeat("WITH x AS (SELECT 1)", ",x AS (SELECT 1)", 900, " SELECT 1");
    RG_AUTO(text_done) struct text more_items = repeat("WITH x AS (SELECT 1)", ",x AS (SELECT 1)", 1000, " SELECT 1");
    RG_AUTO(text_done) struct text relations_named = repeat("SELECT 1 FROM t_acme.a", ",t_acme.a", 9000, "");
    RG_AUTO(text_done) struct text more_relations = repeat("SELECT 1 FROM t_acme.a", ",t_acme.a", 10000, "");
    assert_ok(check_with(rg_slice_make(list.data, list.size), &reading));
    assert_ok(check_with(rg_slice_make(items.data, items.size), &reading));
    assert_fails(RG_LIMIT, check_with(rg_slice_make(more_items.data, more_items.size), &reading));
    assert_ok(check_with(rg_slice_make(relations_named.data, relations_named.size), &reading));
    assert_fails(RG_LIMIT, check_with(rg_slice_make(more_relations.data, more_relations.size), &reading));
}

static void refuses_a_nul_and_what_follows_it(void **state)
{
    (void)state;
    static const char text[] = "SELECT 1\0; SELECT * FROM shared.orders";
    assert_fails(RG_DENIED, check_with(rg_slice_make(text, sizeof text - 1), &reading));
}

static void fails_with_a_limit_whatever_allocation_fails(void **state)
{
    (void)state;
    static const char text[] = "WITH a AS (SELECT 1) SELECT " GUARDED("1", "x.y") " FROM a, " FENCE " AS x";
    bool has_passed = false;
    for (size_t limit = 0; limit < 8192 && !has_passed; limit += 16) {
        struct rg_arena arena = {0};
        rg_arena_init(&arena, limit);
        rg_status status = check_statement(rg_slice_of(text), &reading, &arena);
        has_passed = rg_is_ok(status);
        assert_true(has_passed || status.error->kind == RG_LIMIT);
        rg_arena_done(&arena);
    }
    assert_true(has_passed);
}

static void refuses_when_a_covering_select_is_none(void **state)
{
    (void)state;
    static const struct rg_slice none[] = {S("DELETE FROM x.y"), S("SELECT 1; SELECT 2"), S("SELECT FROM FROM")};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        struct check_limits limits = {.cover_count = 1, .covers = &none[i]};
        assert_fails(RG_DENIED, check_with(rg_slice_of("SELECT 1"), &limits));
    }
}

static void refuses_when_a_predicate_is_more_than_an_expression(void **state)
{
    (void)state;
    static const struct rg_slice predicates[] = {
        S("true) OR (true"), S("true) LIMIT (1"), S("true) UNION SELECT (1"),
        S("true; SELECT 1"), S("true -- "),       S("("),
    };
    static const char text[] = "WITH rg_m AS MATERIALIZED (SELECT * FROM s.t AS rg_r WHERE true) SELECT * FROM rg_m";
    for (size_t i = 0; i < COUNT_OF(predicates); i++) {
        struct check_relation row = {.schema = S("s"), .name = S("t"), .predicate = predicates[i], .for_select = true};
        struct check_limits limits = {.relation_count = 1, .relations = &row};
        rg_status status = check_with(rg_slice_of(text), &limits);
        /* a comment at its end is no more than the expression */
        assert_true(rg_is_ok(status) == (i == 4));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_is_covered),
        cmocka_unit_test(refuses_what_a_broken_rewriter_could_emit),
        cmocka_unit_test(refuses_for_hyper_what_hyper_reads_otherwise),
        cmocka_unit_test(reads_the_text_that_hyper_gets),
        cmocka_unit_test(refuses_for_hyper_a_predicate_on_an_array_that_is_null),
        cmocka_unit_test(zero_limits_accept_no_name_at_all),
        cmocka_unit_test(refuses_a_column_that_the_guards_own_query_would_capture),
        cmocka_unit_test(takes_an_unqualified_column_where_nothing_captures_it),
        cmocka_unit_test(refuses_deep_trees_and_survives),
        cmocka_unit_test(accepts_wide_statements_up_to_the_limits),
        cmocka_unit_test(refuses_a_nul_and_what_follows_it),
        cmocka_unit_test(fails_with_a_limit_whatever_allocation_fails),
        cmocka_unit_test(refuses_when_a_covering_select_is_none),
        cmocka_unit_test(refuses_when_a_predicate_is_more_than_an_expression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
