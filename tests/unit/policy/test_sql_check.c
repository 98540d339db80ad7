/* SPDX-License-Identifier: Apache-2.0 */
/* The checker against texts that a broken or hostile rewriter could emit. Each bad text differs from a good
 * one by what its line says, so that it is refused for that and not for something else. */
#include "policy/check.h"
#include "tests/support/rg_test.h"

#include <stdio.h>

#include "base/rg_memory.h"

#define PREDICATE "rg_r.tenant_id = 'acme'::pg_catalog.text"
#define INNER "SELECT * FROM shared.orders AS rg_r WHERE " PREDICATE
#define FENCE "(WITH rg_m AS MATERIALIZED (" INNER ") SELECT * FROM rg_m)"
#define CLASS "(SELECT * FROM pg_catalog.pg_class AS rg_r WHERE rg_r.relnamespace = 16384)"
#define GUARD                                                                                                          \
    "CASE WHEN $1 IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c WHERE rg_c.relnamespace = 16384) THEN "         \
    "pg_catalog.pg_get_expr($2, $1) END"
#define GUARDED(oid, tree)                                                                                             \
    "CASE WHEN " oid " IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c WHERE rg_c.relnamespace = 16384) "         \
    "THEN pg_catalog.pg_get_expr(" tree ", " oid ") END"
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define S(literal)                                                                                                     \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    }

static const struct check_relation relations[] = {
    {.schema = S("t_acme"), .for_select = true},
    {.schema = S("t_acme"), .name = S("archive"), .predicate = S("NOT rg_r.hidden"), .for_select = true},
    {.schema = S("t_acme"), .name = S("inbox"), .for_insert = true},
    {.schema = S("shared"), .name = S("orders"), .predicate = S(PREDICATE), .for_select = true},
    {.schema = S("shared"), .name = S("regions"), .for_select = true},
    {.schema = S("shared"), .name = S("twice"), .predicate = S("rg_r.a = 1"), .for_select = true},
    {.schema = S("shared"), .name = S("twice"), .predicate = S("rg_r.b = 2"), .for_select = true},
    {.schema = S("pg_catalog"), .name = S("pg_am"), .for_select = true},
    {.schema = S("writable"),
     .name = S("notes"),
     .for_select = true,
     .for_insert = true,
     .for_update = true,
     .for_delete = true},
    {.schema = S("writable"), .name = S("log"), .for_select = true, .for_insert = true},
    {.schema = S("writable"), .name = S("readonly"), .for_select = true},
    {.schema = S("writable"),
     .name = S("fenced"),
     .predicate = S("rg_r.a = 1"),
     .for_select = true,
     .for_insert = true,
     .for_update = true,
     .for_delete = true},
};
static const struct rg_slice covers[] = {
    S("SELECT * FROM pg_catalog.pg_class AS rg_r WHERE rg_r.relnamespace = 16384"),
};
static const struct rg_slice functions[] = {
    S("btrim"), S("count"), S("date_trunc"), S("extract"),  S("generate_series"), S("like_escape"), S("lower"),
    S("rank"),  S("round"), S("sum"),        S("timezone"), S("unnest"),          S("xmlexists"),
};
static const struct rg_slice guards[] = {S(GUARD), S("pg_catalog.format_type($1, $2)")};
static const struct rg_slice types[] = {S("regclass_of_ours")};

static const struct check_limits reading = {
    .relation_count = COUNT_OF(relations),
    .relations = relations,
    .cover_count = COUNT_OF(covers),
    .covers = covers,
    .function_count = COUNT_OF(functions),
    .functions = functions,
    .guard_count = COUNT_OF(guards),
    .guards = guards,
    .type_count = COUNT_OF(types),
    .types = types,
};

static rg_status check_with(struct rg_slice text, const struct check_limits *limits)
{
    struct rg_arena arena = {0};
    rg_arena_init(&arena, 8 << 20);
    rg_status status = check_statement(text, limits, &arena);
    rg_arena_done(&arena);
    return status;
}

struct row {
    const char *name;
    const char *text;
};

/* A bad text with a mistake in its grammar would prove nothing. */
static bool is_refused_for_its_meaning(const struct row *row, rg_status status)
{
    return !rg_is_ok(status) && status.error->kind == RG_DENIED &&
           (strstr(status.error->text, "syntax error") != NULL) == (strncmp(row->name, "syntax", 6) == 0);
}

static size_t count_wrong(const struct row *rows, size_t count, const struct check_limits *limits, bool want_ok)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        rg_status status = check_with(rg_slice_of(rows[i].text), limits);
        bool is_right = want_ok ? rg_is_ok(status) : is_refused_for_its_meaning(&rows[i], status);
        if (!is_right) {
            print_error("%s: %s\n    %s\n", rows[i].name, rg_is_ok(status) ? "accepted" : status.error->text,
                        rows[i].text);
            wrong++;
        }
    }
    return wrong;
}

static const struct row good[] = {
    {"constant", "SELECT 1"},
    {"one trailing semicolon", "SELECT 1;"},
    {"a comment", "/* chart */ SELECT 1 -- end"},
    {"own relation", "SELECT o.id, sum_total FROM t_acme.orders AS o WHERE o.id = $1"},
    {"any relation of the own schema", "SELECT * FROM t_acme.\"Strange Name\""},
    {"ONLY and TABLE", "SELECT * FROM ONLY t_acme.a, t_acme.b *"},
    {"TABLE", "TABLE t_acme.a"},
    {"VALUES", "VALUES (1, 'a'), (2, NULL)"},
    {"fence", "SELECT * FROM " FENCE " AS orders"},
    {"fence twice, joined", "SELECT * FROM " FENCE " AS a JOIN " FENCE " AS b USING (id)"},
    {"fence with other spelling of the same tree",
     "SELECT * FROM (with rg_m as materialized (select * from shared . orders rg_r where "
     "(rg_r.tenant_id = CAST('acme' AS pg_catalog.\"text\"))) select * from rg_m) x"},
    {"fence under a left join with LATERAL",
     "SELECT * FROM t_acme.a LEFT JOIN LATERAL (SELECT * FROM " FENCE " AS o WHERE o.id = a.id) s ON true"},
    {"fence in a sub-query of WHERE", "SELECT 1 FROM t_acme.a WHERE a.id IN (SELECT o.id FROM " FENCE " AS o)"},
    {"first of two covers", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.twice AS rg_r WHERE "
                            "rg_r.a = 1) SELECT * FROM rg_m) AS twice"},
    {"second of two covers", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.twice AS rg_r WHERE "
                             "rg_r.b = 2) SELECT * FROM rg_m) AS twice"},
    {"ONLY in the fence", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM ONLY shared.orders AS rg_r WHERE "
                          "rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"TABLESAMPLE in the fence",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r TABLESAMPLE pg_catalog.system (1) "
     "WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"own relation with a predicate", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM t_acme.archive AS rg_r "
                                      "WHERE NOT rg_r.hidden) SELECT * FROM rg_m) AS archive"},
    {"shared relation without predicate", "SELECT * FROM shared.regions"},
    {"catalogue in its select", "SELECT c.relname FROM " CLASS " AS c JOIN pg_catalog.pg_am a ON a.oid = c.relam"},
    {"WITH", "WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM a, b"},
    {"WITH over the own relation's name", "WITH orders AS (SELECT * FROM t_acme.orders) SELECT * FROM orders"},
    {"WITH seen in a sub-query", "WITH a AS (SELECT 1 AS x) SELECT (SELECT x FROM a)"},
    {"WITH seen in both arms", "WITH a AS (SELECT 1) SELECT * FROM a UNION ALL SELECT * FROM a"},
    {"WITH seen in LIMIT", "WITH a AS (SELECT 1 AS x) SELECT 1 LIMIT (SELECT x FROM a)"},
    {"WITH nested sees outer", "WITH a AS (SELECT 1) SELECT * FROM (WITH b AS (SELECT * FROM a) SELECT * FROM b) s"},
    {"WITH hides outer", "WITH a AS (SELECT 1) SELECT * FROM (WITH a AS (SELECT * FROM a) SELECT * FROM a) s"},
    {"RECURSIVE", "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 9) SELECT * FROM t"},
    {"RECURSIVE sees later items", "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a"},
    {"SEARCH and CYCLE", "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n FROM t) SEARCH DEPTH FIRST BY n SET o "
                         "CYCLE n SET c TO true DEFAULT false USING p SELECT * FROM t"},
    {"set operations", "(SELECT 1 UNION SELECT 2) INTERSECT SELECT 3 EXCEPT ALL VALUES (4) ORDER BY 1"},
    {"grouping sets", "SELECT grouping(a), pg_catalog.count(*) FROM t_acme.a GROUP BY ROLLUP (a), CUBE (b, c), "
                      "GROUPING SETS ((a), ())"},
    {"window", "SELECT pg_catalog.rank() OVER w, pg_catalog.sum(a) FILTER (WHERE a > 0) OVER (PARTITION BY b ORDER BY "
               "c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t_acme.a WINDOW w AS (ORDER BY a DESC NULLS LAST)"},
    {"DISTINCT", "SELECT DISTINCT a FROM t_acme.a"},
    {"DISTINCT ON", "SELECT DISTINCT ON (a, b) a FROM t_acme.a ORDER BY a, b USING <"},
    {"function in FROM", "SELECT * FROM pg_catalog.generate_series(1, 3) WITH ORDINALITY AS g(n, o)"},
    {"ROWS FROM", "SELECT * FROM ROWS FROM (pg_catalog.generate_series(1, 2), pg_catalog.unnest('{1}'::int4[])) AS g"},
    {"unnest of several arrays", "SELECT * FROM unnest('{1}'::int4[], '{2}'::int4[]) WITH ORDINALITY AS g"},
    {"TABLESAMPLE", "SELECT * FROM t_acme.a TABLESAMPLE BERNOULLI (10) REPEATABLE (1)"},
    {"EXTRACT", "SELECT EXTRACT(year FROM a), a AT TIME ZONE 'UTC', TRIM(b) FROM t_acme.a"},
    {"CASE and friends", "SELECT CASE a WHEN 1 THEN 2 ELSE 3 END, COALESCE(a, 1), NULLIF(a, 1), GREATEST(a, 2), a IS "
                         "DISTINCT FROM 1, a IS NOT NULL, (a = 1) IS TRUE, ROW(a, 1), ARRAY[1, 2], a BETWEEN 1 AND 2, "
                         "a LIKE 'x', a = ANY ('{1}'), a NOT IN (1, 2) FROM t_acme.a"},
    {"whole row and selection", "SELECT a, a.*, (a).*, (a.c)[1], (a.c)[1:2] FROM t_acme.a"},
    {"columns of functions in FROM",
     "SELECT g.g, h.n, e.value, r.a, o.ordinality FROM pg_catalog.generate_series(1, 2) AS g, "
     "pg_catalog.generate_series(1, 2) AS h(n), pg_catalog.unnest('{}'::json[]) AS e, pg_catalog.unnest('{}'::json[]) "
     "AS "
     "r(a text), pg_catalog.unnest('{}'::json[]) WITH ORDINALITY AS o(v)"},
    {"XML", "SELECT xmlelement(name x, xmlattributes(a AS b), a), xmlforest(a AS c), xmlparse(DOCUMENT a), "
            "xmlserialize(CONTENT b AS text), b IS DOCUMENT, xmlconcat(b, b), xmlpi(name y), xmlexists('//a' PASSING "
            "b) FROM t_acme.a"},
    {"XMLTABLE", "SELECT * FROM t_acme.a, XMLTABLE('/r' PASSING a.x COLUMNS i int PATH '@i' DEFAULT 1, o FOR "
                 "ORDINALITY) AS t"},
    {"date values", "SELECT current_date, current_timestamp(3), localtime"},
    {"casts", "SELECT '1'::int, CAST('a' AS varchar(3)), '{1}'::numeric(5, 2)[], interval '1' day, 'x'::json, "
              "'x'::pg_catalog.uuid, 'x'::regclass_of_ours"},
    {"collation", "SELECT a COLLATE \"C\" FROM t_acme.a ORDER BY a COLLATE pg_catalog.\"de_DE\""},
    {"operator of pg_catalog", "SELECT 1 OPERATOR(pg_catalog.+) 2, a.x @> a.y FROM t_acme.a"},
    {"guarded", "SELECT " GUARDED("d.adrelid", "d.adbin") " FROM t_acme.d"},
    {"guarded constant", "SELECT " GUARDED("16385", "d.adbin") " FROM t_acme.d"},
    {"guarded, whole expression is the call", "SELECT pg_catalog.format_type(a.atttypid, NULL) FROM t_acme.a"},
    {"EXPLAIN", "EXPLAIN (COSTS, VERBOSE, FORMAT JSON) SELECT * FROM t_acme.a"},
    {"COPY to the client", "COPY (SELECT * FROM " FENCE " AS o) TO STDOUT WITH (FORMAT csv, HEADER true)"},
    {"cursor", "DECLARE \"c\" CURSOR WITHOUT HOLD FOR SELECT * FROM " FENCE " AS o"},
    {"FETCH", "FETCH FORWARD 100 FROM \"c\""},
    {"MOVE", "MOVE ALL IN c"},
    {"CLOSE", "CLOSE c"},
    {"BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE"},
    {"COMMIT", "COMMIT AND CHAIN"},
    {"ROLLBACK", "ROLLBACK"},
    {"SAVEPOINT", "SAVEPOINT s"},
    {"ROLLBACK TO", "ROLLBACK TO SAVEPOINT s"},
    {"RELEASE", "RELEASE s"},
    {"SET TRANSACTION", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"},
    {"SET standard_conforming_strings", "SET standard_conforming_strings = on"},
    {"SET datestyle", "SET datestyle TO 'ISO', 'MDY'"},
    {"SET TIME ZONE", "SET TIME ZONE 'Europe/Berlin'"},
    {"SET TIME ZONE INTERVAL", "SET TIME ZONE INTERVAL '1' HOUR"},
    {"SET LOCAL", "SET LOCAL intervalstyle = 'iso_8601'"},
    {"SET NAMES", "SET NAMES 'UTF8'"},
    {"RESET", "RESET timezone"},
    {"SHOW", "SHOW transaction isolation level"},
    {"SHOW server_version", "SHOW server_version"},
};

static const struct row bad[] = {
    /* number of statements */
    {"nothing", ""},
    {"only a comment", "-- nothing"},
    {"only a semicolon", ";"},
    {"two statements", "SELECT 1; SELECT 2"},
    {"two statements, second covered", "SELECT 1; SELECT * FROM " FENCE " AS o"},
    {"second statement behind a comment that ends", "SELECT 1 /* x */; SELECT * FROM t_other.a"},
    {"syntax error", "SELECT FROM WHERE"},
    {"syntax that only a newer server knows", "SELECT JSON_OBJECT('a': 1)"},
    {"syntax: unfinished string", "SELECT 'abc"},
    {"bytes that are not UTF-8", "SELECT '\xbf\x5c'"},
    {"overlong slash", "SELECT '\xc0\xaf'"},
    /* the predicate */
    {"bare shared relation", "SELECT * FROM shared.orders"},
    {"no predicate in the fence", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r) "
                                  "SELECT * FROM rg_m) AS orders"},
    {"other constant", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE "
                       "rg_r.tenant_id = 'globex'::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"constant of other case", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE "
                               "rg_r.tenant_id = 'ACME'::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"constant with a space", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE "
                              "rg_r.tenant_id = 'acme '::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"constant of other type", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE "
                               "rg_r.tenant_id = 'acme'::pg_catalog.varchar) SELECT * FROM rg_m) AS orders"},
    {"unqualified type", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE "
                         "rg_r.tenant_id = 'acme'::text) SELECT * FROM rg_m) AS orders"},
    {"parameter for the constant", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r "
                                   "WHERE rg_r.tenant_id = $1::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"NULL for the constant", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE "
                              "rg_r.tenant_id = NULL::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"other operator", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE "
                       "rg_r.tenant_id <> 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"other column", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE "
                     "rg_r.tenant = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"unqualified column", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE "
                           "tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"OR true", "SELECT * FROM (WITH rg_m AS MATERIALIZED (" INNER " OR true) SELECT * FROM rg_m) AS orders"},
    {"OR true by precedence",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (" INNER " AND true OR true) SELECT * FROM rg_m) AS orders"},
    {"NOT", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE NOT rg_r.tenant_id = "
            "'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"predicate in HAVING", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r HAVING "
                            "rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders"},
    {"predicate outside the fence", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r) "
                                    "SELECT * FROM rg_m WHERE rg_m.tenant_id = 'acme'::pg_catalog.text) AS orders"},
    {"predicate in a comment", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r /* WHERE "
                               "rg_r.tenant_id = 'acme'::pg_catalog.text */) SELECT * FROM rg_m) AS orders"},
    {"predicate in a line comment", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r -- "
                                    "WHERE rg_r.tenant_id = 'acme'::pg_catalog.text\n) SELECT * FROM rg_m) AS orders"},
    {"predicate of the other relation", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r "
                                        "WHERE rg_r.a = 1) SELECT * FROM rg_m) AS orders"},
    {"predicate in the wrong branch", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r "
                                      "UNION ALL " INNER ") SELECT * FROM rg_m) AS orders"},
    {"set operation after the select", "SELECT * FROM (WITH rg_m AS MATERIALIZED (" INNER
                                       " UNION ALL SELECT * FROM shared.orders) SELECT * FROM rg_m) AS orders"},
    {"LIMIT added inside", "SELECT * FROM (WITH rg_m AS MATERIALIZED (" INNER " LIMIT 1) SELECT * FROM rg_m) AS o"},
    {"ORDER BY added inside",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (" INNER " ORDER BY 1) SELECT * FROM rg_m) AS o"},
    {"select list changed", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT 1 FROM shared.orders AS rg_r WHERE "
                            "rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"DISTINCT added", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT DISTINCT * FROM shared.orders AS rg_r WHERE "
                       "rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"relation joined inside the fence", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS "
                                         "rg_r, t_acme.a WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM "
                                         "rg_m) AS o"},
    {"relation twice inside the fence", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS "
                                        "rg_r, shared.orders AS b WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) "
                                        "SELECT * FROM rg_m) AS o"},
    {"cross join inside the fence", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r "
                                    "CROSS JOIN shared.orders WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT "
                                    "* FROM rg_m) AS o"},
    {"alias with column names", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r (x, "
                                "tenant_id) WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"other alias", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS o WHERE rg_r.tenant_id = "
                    "'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"sampling method of an extension in the fence",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r TABLESAMPLE system_rows (1) WHERE "
     "rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"leak in the fence's TABLESAMPLE",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r TABLESAMPLE system ((SELECT id "
     "FROM "
     "shared.orders)) WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"another relation with this predicate",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.invoices AS rg_r WHERE rg_r.tenant_id = "
     "'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"WITH added inside",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (WITH x AS (SELECT 1) " INNER ") SELECT * FROM rg_m) AS o"},
    {"GROUP BY added inside",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (" INNER " GROUP BY 1) SELECT * FROM rg_m) AS o"},
    {"star of a relation", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.* FROM shared.orders AS rg_r WHERE "
                           "rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"predicate with AND true",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (" INNER " AND true) SELECT * FROM rg_m) AS o"},
    {"no alias in the fence", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders WHERE "
                              "rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS o"},
    {"relation of the own schema with a predicate, bare", "SELECT * FROM t_acme.archive"},
    {"relation that may be written and not read", "SELECT * FROM t_acme.inbox"},
    {"row lock in the fence", "SELECT * FROM (WITH rg_m AS MATERIALIZED (" INNER " FOR UPDATE) SELECT * FROM rg_m) o"},
    {"one of two covered", "SELECT * FROM " FENCE " AS a, shared.orders AS b"},
    {"one of two covered, first bare", "SELECT * FROM shared.orders AS a JOIN " FENCE " AS b USING (id)"},
    {"covered in FROM, bare in WHERE", "SELECT * FROM " FENCE " AS a WHERE a.id IN (SELECT id FROM shared.orders)"},
    {"covered relation named like another", "SELECT * FROM " FENCE " AS a, shared.\"Orders\""},
    /* the fence */
    {"predicate without a fence", "SELECT * FROM (" INNER ") AS orders"},
    {"predicate at the top", INNER},
    {"fence that is not materialized", "SELECT * FROM (WITH rg_m AS (" INNER ") SELECT * FROM rg_m) AS orders"},
    {"fence that says NOT MATERIALIZED",
     "SELECT * FROM (WITH rg_m AS NOT MATERIALIZED (" INNER ") SELECT * FROM rg_m) AS orders"},
    {"materialized around, plain inside",
     "WITH rg_m AS MATERIALIZED (SELECT * FROM (" INNER ") AS o WHERE o.note LIKE 'x') SELECT * FROM rg_m"},
    {"materialized around an arm", "WITH rg_m AS MATERIALIZED ((" INNER ") UNION ALL SELECT 1) SELECT * FROM rg_m"},
    {"OFFSET 0 for a fence", "SELECT * FROM (" INNER " OFFSET 0) AS orders"},
    {"explained fence", "EXPLAIN SELECT * FROM " FENCE " AS orders"},
    {"catalogue without its predicate", "SELECT * FROM pg_catalog.pg_class"},
    {"catalogue with another predicate", "SELECT * FROM (SELECT * FROM pg_catalog.pg_class AS rg_r WHERE "
                                         "rg_r.relnamespace = 16385) AS c"},
    {"catalogue not listed", "SELECT * FROM pg_catalog.pg_authid"},
    {"information schema", "SELECT * FROM information_schema.tables"},
    /* names of relations */
    {"unqualified", "SELECT * FROM orders"},
    {"unqualified catalogue", "SELECT * FROM pg_class"},
    {"foreign schema", "SELECT * FROM t_globex.orders"},
    {"foreign schema, quoted", "SELECT * FROM \"t_globex\".\"orders\""},
    {"own schema, other case", "SELECT * FROM \"T_ACME\".orders"},
    {"own schema, trailing space", "SELECT * FROM \"t_acme \".orders"},
    {"listed relation, other case", "SELECT * FROM shared.\"REGIONS\""},
    {"prefix of a schema", "SELECT * FROM t_acm.orders"},
    {"longer than a schema", "SELECT * FROM t_acme2.orders"},
    {"unicode escapes", "SELECT * FROM U&\"t\\005fglobex\".orders"},
    {"unicode escapes of an unlisted relation", "SELECT * FROM U&\"shared\".U&\"!006frders\" UESCAPE '!'"},
    {"look-alike letters", "SELECT * FROM \"t_\xd0\xb0"
                           "cme\".orders"},
    {"database-qualified", "SELECT * FROM db.t_acme.orders"},
    {"temporary schema", "SELECT * FROM pg_temp.orders"},
    {"relation split by comments", "SELECT * FROM t_globex/**/./**/orders"},
    {"ONLY", "SELECT * FROM ONLY shared.orders"},
    {"TABLE", "TABLE shared.orders"},
    {"nested join", "SELECT * FROM (t_acme.a JOIN (t_acme.b CROSS JOIN shared.orders) ON true) AS j"},
    {"TABLESAMPLE", "SELECT * FROM shared.orders TABLESAMPLE SYSTEM (1)"},
    {"other sampling method", "SELECT * FROM t_acme.a TABLESAMPLE system_rows (1)"},
    {"sampling method of a schema", "SELECT * FROM t_acme.a TABLESAMPLE public.system (1)"},
    /* WITH: the name is not in scope */
    {"item of another query", "SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) s, a"},
    {"item before it is defined", "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a"},
    {"item inside itself", "WITH a AS (SELECT * FROM a) SELECT * FROM a"},
    {"item of one arm in the other", "(WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM a"},
    {"item of the right arm in the left", "SELECT * FROM a UNION (WITH a AS (SELECT 1) SELECT * FROM a)"},
    {"item of a sub-query in the outer", "SELECT (WITH a AS (SELECT 1) SELECT * FROM a) FROM a"},
    {"item of an item in the next",
     "WITH a AS (WITH x AS (SELECT 1) SELECT * FROM x), b AS (SELECT * FROM x) SELECT 1"},
    {"item of other case", "WITH orders AS (SELECT 1) SELECT * FROM \"Orders\""},
    {"item named with a schema", "WITH orders AS (SELECT 1) SELECT * FROM shared.orders"},
    {"item that shadows with quotes", "WITH \"shared.orders\" AS (SELECT 1) SELECT * FROM shared.orders"},
    {"item after a RECURSIVE one in another query",
     "SELECT * FROM (WITH RECURSIVE a AS (SELECT 1) SELECT 1) s, (SELECT * FROM a) t"},
    {"bare relation inside an item", "WITH a AS (SELECT * FROM shared.orders) SELECT * FROM a"},
    {"bare relation inside an unused item", "WITH a AS (SELECT * FROM shared.orders) SELECT 1"},
    {"bare relation inside a recursive arm",
     "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT o.id FROM a, shared.orders "
     "o) SELECT 1"},
/* each place of a sub-query, holding a bare shared relation */
#define LEAK "(SELECT id FROM shared.orders)"
    {"in the select list", "SELECT " LEAK},
    {"in WHERE", "SELECT 1 WHERE " LEAK " = 1"},
    {"in EXISTS", "SELECT 1 WHERE EXISTS " LEAK},
    {"in NOT IN", "SELECT 1 WHERE 1 NOT IN " LEAK},
    {"in ANY", "SELECT 1 WHERE 1 < ANY " LEAK},
    {"in ALL", "SELECT 1 WHERE 1 < ALL " LEAK},
    {"in the left side of IN", "SELECT 1 WHERE " LEAK " IN (SELECT 1)"},
    {"in an IN list", "SELECT 1 WHERE 1 IN (2, " LEAK ")"},
    {"in ARRAY()", "SELECT ARRAY" LEAK},
    {"in ARRAY[]", "SELECT ARRAY[1, " LEAK "]"},
    {"in ROW", "SELECT ROW(1, " LEAK ")"},
    {"in a row comparison", "SELECT (1, 2) = (SELECT 1, id FROM shared.orders)"},
    {"in CASE", "SELECT CASE WHEN true THEN " LEAK " END"},
    {"in CASE's argument", "SELECT CASE " LEAK " WHEN 1 THEN 2 END"},
    {"in CASE's condition", "SELECT CASE WHEN " LEAK " = 1 THEN 2 END"},
    {"in ELSE", "SELECT CASE WHEN true THEN 1 ELSE " LEAK " END"},
    {"in COALESCE", "SELECT COALESCE(1, " LEAK ")"},
    {"in NULLIF", "SELECT NULLIF(1, " LEAK ")"},
    {"in GREATEST", "SELECT GREATEST(1, " LEAK ")"},
    {"in IS NULL", "SELECT " LEAK " IS NULL"},
    {"in IS TRUE", "SELECT (" LEAK " = 1) IS TRUE"},
    {"in BETWEEN", "SELECT 1 BETWEEN 0 AND " LEAK},
    {"in LIKE", "SELECT 'a' LIKE " LEAK},
    {"in LIKE's escape", "SELECT 'a' LIKE 'b' ESCAPE " LEAK},
    {"in a cast", "SELECT " LEAK "::text"},
    {"in COLLATE", "SELECT " LEAK " COLLATE \"C\""},
    {"in AT TIME ZONE", "SELECT " LEAK " AT TIME ZONE 'UTC'"},
    {"in a subscript", "SELECT (a.b)[" LEAK "] FROM t_acme.a"},
    {"in a slice's lower bound", "SELECT (a.b)[" LEAK ":2] FROM t_acme.a"},
    {"in a field selection", "SELECT (" LEAK ").x"},
    {"in a function's argument", "SELECT pg_catalog.lower(" LEAK ")"},
    {"in a named argument", "SELECT pg_catalog.lower(a => " LEAK ")"},
    {"in a VARIADIC argument", "SELECT pg_catalog.lower(VARIADIC " LEAK ")"},
    {"in an aggregate's ORDER BY", "SELECT pg_catalog.sum(1 ORDER BY " LEAK ")"},
    {"in FILTER", "SELECT pg_catalog.sum(1) FILTER (WHERE 1 = " LEAK ")"},
    {"in PARTITION BY", "SELECT pg_catalog.rank() OVER (PARTITION BY " LEAK ")"},
    {"in a window's ORDER BY", "SELECT pg_catalog.rank() OVER (ORDER BY " LEAK ")"},
    {"in a frame's start", "SELECT pg_catalog.rank() OVER (ROWS " LEAK " PRECEDING)"},
    {"in a frame's end", "SELECT pg_catalog.rank() OVER (ROWS BETWEEN 1 PRECEDING AND " LEAK " FOLLOWING)"},
    {"in WINDOW", "SELECT 1 WINDOW w AS (PARTITION BY " LEAK ")"},
    {"in a WINDOW frame", "SELECT 1 WINDOW w AS (ROWS " LEAK " PRECEDING)"},
    {"in GROUP BY", "SELECT 1 GROUP BY " LEAK},
    {"in ROLLUP", "SELECT 1 GROUP BY ROLLUP (" LEAK ")"},
    {"in GROUPING SETS", "SELECT 1 GROUP BY GROUPING SETS ((), (1, " LEAK "))"},
    {"in GROUPING()", "SELECT GROUPING(" LEAK ")"},
    {"in HAVING", "SELECT 1 HAVING " LEAK " = 1"},
    {"in ORDER BY", "SELECT 1 ORDER BY " LEAK},
    {"in DISTINCT ON", "SELECT DISTINCT ON (" LEAK ") 1"},
    {"in LIMIT", "SELECT 1 LIMIT " LEAK},
    {"in OFFSET", "SELECT 1 OFFSET " LEAK},
    {"in FETCH FIRST", "SELECT 1 FETCH FIRST " LEAK " ROWS ONLY"},
    {"in VALUES", "VALUES (1), (" LEAK ")"},
    {"in ON", "SELECT 1 FROM t_acme.a JOIN t_acme.b ON a.x = " LEAK},
    {"in FROM", "SELECT 1 FROM " LEAK " AS s"},
    {"in LATERAL", "SELECT 1 FROM t_acme.a, LATERAL " LEAK " AS s"},
    {"in a function of FROM", "SELECT 1 FROM pg_catalog.generate_series(1, " LEAK ")"},
    {"in ROWS FROM",
     "SELECT 1 FROM ROWS FROM (pg_catalog.unnest('{}'::text[]), pg_catalog.generate_series(1, " LEAK "))"},
    {"in unnest of several arrays", "SELECT 1 FROM unnest('{}'::text[], ARRAY[" LEAK "])"},
    {"in TABLESAMPLE", "SELECT 1 FROM t_acme.a TABLESAMPLE SYSTEM (" LEAK ")"},
    {"in REPEATABLE", "SELECT 1 FROM t_acme.a TABLESAMPLE SYSTEM (1) REPEATABLE (" LEAK ")"},
    {"in XMLTABLE's rows", "SELECT 1 FROM XMLTABLE(" LEAK " PASSING '<a/>' COLUMNS x int)"},
    {"in XMLTABLE's document", "SELECT 1 FROM XMLTABLE('a' PASSING " LEAK " COLUMNS x int)"},
    {"in XMLTABLE's PATH", "SELECT 1 FROM XMLTABLE('a' PASSING 'b' COLUMNS x int PATH " LEAK ")"},
    {"in XMLTABLE's DEFAULT", "SELECT 1 FROM XMLTABLE('a' PASSING 'b' COLUMNS x int DEFAULT " LEAK ")"},
    {"in XMLNAMESPACES", "SELECT 1 FROM XMLTABLE(XMLNAMESPACES(" LEAK " AS n), 'a' PASSING 'b' COLUMNS x int)"},
    {"in XMLELEMENT", "SELECT xmlelement(name a, " LEAK ")"},
    {"in XMLATTRIBUTES", "SELECT xmlelement(name a, xmlattributes(" LEAK " AS b))"},
    {"in XMLFOREST", "SELECT xmlforest(" LEAK " AS b)"},
    {"in XMLPARSE", "SELECT xmlparse(DOCUMENT " LEAK ")"},
    {"in XMLSERIALIZE", "SELECT xmlserialize(CONTENT " LEAK " AS text)"},
    {"in a right arm", "SELECT 1 UNION ALL (SELECT id FROM shared.orders)"},
    {"in a third arm", "SELECT 1 UNION SELECT 2 EXCEPT SELECT id FROM shared.orders"},
    {"in the ORDER BY of a set operation", "SELECT 1 UNION SELECT 2 ORDER BY " LEAK},
    {"in a type's modifier", "SELECT '1'::pg_catalog.\"numeric\"(" LEAK ")"},
    {"in EXPLAIN", "EXPLAIN SELECT " LEAK},
    {"in COPY", "COPY (SELECT " LEAK ") TO STDOUT"},
    {"in a cursor", "DECLARE c CURSOR FOR SELECT " LEAK},
    /* functions, types, operators, collations */
    {"function unqualified", "SELECT lower('a')"},
    {"function of another schema", "SELECT public.lower('a')"},
    {"function of the own schema", "SELECT t_acme.lower('a')"},
    {"function not listed", "SELECT pg_catalog.pg_read_file('/etc/passwd')"},
    {"function of other case", "SELECT pg_catalog.\"Lower\"('a')"},
    {"function with its database", "SELECT db.pg_catalog.lower('a')"},
    {"listed name is a prefix", "SELECT pg_catalog.lower_inc('[1,2]')"},
    {"set_config", "SELECT pg_catalog.set_config('search_path', 'x', false)"},
    {"query_to_xml", "SELECT pg_catalog.query_to_xml('SELECT 1', true, true, '')"},
    {"function in FROM not listed", "SELECT * FROM pg_catalog.pg_ls_dir('.')"},
    {"function in FROM unqualified", "SELECT * FROM generate_series(1, 2)"},
    {"function in ROWS FROM", "SELECT * FROM ROWS FROM (pg_catalog.generate_series(1, 2), dblink('x')) AS t"},
    {"function by the grammar, not listed", "SELECT OVERLAY('a' PLACING 'b' FROM 1)"},
    {"window function not listed", "SELECT pg_catalog.row_number() OVER ()"},
    {"advisory lock", "SELECT pg_catalog.pg_advisory_lock(1)"},
    {"unnest of one array without schema", "SELECT * FROM unnest('{}'::text[])"},
    {"unnest of several arrays outside FROM", "SELECT unnest('{}'::text[], '{}'::text[])"},
    {"unnest of several arrays within unnest", "SELECT * FROM unnest('{}'::text[], unnest('{}'::text[], '{}'::text[]))"},
    {"unnest, VARIADIC", "SELECT * FROM unnest('{}'::text[], VARIADIC '{}'::text[])"},
    {"unnest, DISTINCT", "SELECT * FROM unnest(DISTINCT '{}'::text[], '{}'::text[])"},
    {"unnest, ORDER BY", "SELECT * FROM unnest('{}'::text[], '{}'::text[] ORDER BY 1)"},
    {"unnest with columns", "SELECT * FROM ROWS FROM (unnest('{}'::text[], '{}'::text[]) AS (a int))"},
    {"unnest of another schema", "SELECT * FROM public.unnest('{}'::text[], '{}'::text[])"},
    {"column list of a function with a foreign type", "SELECT * FROM pg_catalog.unnest('{}'::text[]) AS t(a t_x.e)"},
    {"foreign type", "SELECT 'a'::public.mood"},
    {"unknown type", "SELECT 'a'::mood"},
    {"regclass", "SELECT 'pg_authid'::regclass"},
    {"regclass, qualified", "SELECT 'pg_authid'::pg_catalog.regclass"},
    {"regprocedure as an array", "SELECT '{}'::regprocedure[]"},
    {"SETOF", "SELECT * FROM pg_catalog.unnest('{}'::text[]) AS t(a SETOF text)"},
    {"type of XMLTABLE", "SELECT * FROM XMLTABLE('a' PASSING 'b' COLUMNS x public.mood)"},
    {"type of XMLSERIALIZE", "SELECT xmlserialize(CONTENT '<a/>' AS public.mood)"},
    {"foreign operator", "SELECT 1 OPERATOR(public.+) 2"},
    {"foreign operator in ANY", "SELECT 1 OPERATOR(t_acme.=) ANY (ARRAY[1])"},
    {"foreign operator in a sub-query's test", "SELECT 1 OPERATOR(public.=) ANY (SELECT 1)"},
    {"foreign operator in ORDER BY", "SELECT 1 ORDER BY 1 USING OPERATOR(public.<)"},
    {"foreign prefix operator", "SELECT OPERATOR(public.-) 1"},
    {"foreign collation", "SELECT 'a' COLLATE public.mine"},
    {"unknown collation", "SELECT 'a' COLLATE \"mine\""},
    {"collation in a column list", "SELECT * FROM pg_catalog.unnest('{}'::text[]) AS t(a text COLLATE public.mine)"},
    /* guards */
    {"by OID without a guard", "SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM t_acme.d"},
    {"guard of another OID", "SELECT CASE WHEN d.x IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c WHERE "
                             "rg_c.relnamespace = 16384) THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END FROM "
                             "t_acme.d"},
    {"guard with another constant", "SELECT CASE WHEN d.x IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c WHERE "
                                    "rg_c.relnamespace = 1) THEN pg_catalog.pg_get_expr(d.adbin, d.x) END FROM "
                                    "t_acme.d"},
    {"guard negated", "SELECT CASE WHEN d.x NOT IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c WHERE "
                      "rg_c.relnamespace = 16384) THEN pg_catalog.pg_get_expr(d.adbin, d.x) END FROM t_acme.d"},
    {"guard with an ELSE", "SELECT CASE WHEN d.x IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c WHERE "
                           "rg_c.relnamespace = 16384) THEN pg_catalog.pg_get_expr(d.adbin, d.x) ELSE "
                           "pg_catalog.pg_get_expr(d.adbin, d.x) END FROM t_acme.d"},
    {"an expression in a guard's hole", "SELECT " GUARDED("pg_catalog.lower('a')", "d.adbin") " FROM t_acme.d"},
    {"a volatile sub-query in a guard's hole", "SELECT " GUARDED("(SELECT 1)", "d.adbin") " FROM t_acme.d"},
    {"a system column in a guard's hole", "SELECT " GUARDED("d.tableoid", "d.adbin") " FROM t_acme.d"},
    {"a regclass in a guard's hole", "SELECT " GUARDED("'x'::regclass", "d.adbin") " FROM t_acme.d"},
    {"guarded once, bare once", "SELECT pg_catalog.format_type(1, NULL), pg_catalog.pg_get_expr(d.a, 1) FROM t_acme.d"},
    {"guarded call with FILTER", "SELECT pg_catalog.format_type(1, 2) FILTER (WHERE true)"},
    {"guarded call with OVER", "SELECT pg_catalog.format_type(1, 2) OVER ()"},
    {"guarded call with one argument more", "SELECT pg_catalog.format_type(1, 2, 3)"},
    /* calls that do not look like calls */
    {"function called as a column", "SELECT x.pg_read_file FROM pg_catalog.unnest(ARRAY['PG_VERSION']) AS x"},
    {"function called as a column, of a named column",
     "SELECT x.pg_ls_dir FROM pg_catalog.unnest('{.}'::text[]) AS x(a)"},
    {"function called as a column, by the function's name",
     "SELECT generate_series.pg_sleep FROM pg_catalog.generate_series(1, 2)"},
    {"function called as a column, by an alias that is its name",
     "SELECT pg_read_file.pg_read_file FROM pg_catalog.unnest('{a}'::text[]) AS pg_read_file"},
    {"function called as a column, in ROWS FROM",
     "SELECT x.upper FROM ROWS FROM (pg_catalog.unnest('{a}'::text[])) AS x"},
    {"function called as a column, before FROM is read",
     "SELECT (SELECT x.upper) FROM pg_catalog.unnest('{a}'::text[]) x"},
    {"function called as a column, LATERAL",
     "SELECT s.a FROM pg_catalog.unnest('{a}'::text[]) AS x, LATERAL (SELECT x.current_setting AS a) s"},
    {"function called as a column, in a function of FROM",
     "SELECT 1 FROM pg_catalog.unnest('{a}'::text[]) AS x, pg_catalog.generate_series(1, x.pg_sleep) AS y"},
    {"type as a column", "SELECT x.regclass FROM pg_catalog.unnest('{pg_authid}'::text[]) AS x"},
    {"function called as a column, of a constant in FROM", "SELECT c.upper FROM coalesce('a') AS c"},
    {"a constant in FROM without a name", "SELECT \"coalesce\".upper FROM coalesce('a')"},
    {"function called as a column, next to a guard",
     "SELECT pg_catalog.format_type(1, NULL), x.pg_sleep FROM pg_catalog.generate_series(1, 2) AS x"},
    {"function called as a column, in a guard's hole",
     "SELECT pg_catalog.format_type(x.lo_get, NULL) FROM pg_catalog.generate_series(1, 2) AS x"},
    {"function called as a field", "SELECT (x).pg_read_file FROM pg_catalog.unnest('{a}'::text[]) AS x(y)"},
    {"function called as a field of an expression", "SELECT ('a'::text).pg_read_file"},
    {"function called as a field of a column", "SELECT (a.b).upper FROM t_acme.a"},
    /* columns and session names */
    {"ctid", "SELECT ctid FROM t_acme.a"},
    {"xmin, qualified", "SELECT a.xmin FROM t_acme.a"},
    {"tableoid, schema-qualified", "SELECT t_acme.a.tableoid FROM t_acme.a"},
    {"xmax of a row", "SELECT (a).xmax FROM t_acme.a"},
    {"cmin in WHERE", "SELECT 1 FROM t_acme.a WHERE cmin = 0"},
    {"ctid in USING", "SELECT 1 FROM t_acme.a JOIN t_acme.b USING (ctid)"},
    {"column with its database", "SELECT db.t_acme.a.x FROM t_acme.a"},
    {"current_user", "SELECT current_user"},
    {"user", "SELECT user"},
    {"session_user", "SELECT session_user"},
    {"current_role", "SELECT current_role"},
    {"current_catalog", "SELECT current_catalog"},
    {"current_schema", "SELECT current_schema"},
    /* statements */
    {"SELECT INTO", "SELECT * INTO t_acme.b FROM t_acme.a"},
    {"SELECT INTO in an arm", "SELECT 1 INTO t_acme.b UNION SELECT 2"},
    {"FOR UPDATE", "SELECT * FROM t_acme.a FOR UPDATE"},
    {"FOR SHARE SKIP LOCKED", "SELECT * FROM t_acme.a FOR SHARE SKIP LOCKED"},
    {"row lock in a sub-query", "SELECT (SELECT 1 FROM t_acme.a FOR KEY SHARE)"},
    {"INSERT without writing", "INSERT INTO writable.notes VALUES (1)"},
    {"UPDATE without writing", "UPDATE writable.notes SET a = 1"},
    {"DELETE without writing", "DELETE FROM writable.notes"},
    {"writing WITH item without writing", "WITH a AS (DELETE FROM writable.notes RETURNING *) SELECT * FROM a"},
    {"MERGE", "MERGE INTO writable.notes n USING t_acme.a ON true WHEN MATCHED THEN DELETE"},
    {"TRUNCATE", "TRUNCATE t_acme.a"},
    {"CREATE TABLE AS", "CREATE TABLE t_acme.b AS SELECT 1"},
    {"CREATE VIEW", "CREATE VIEW t_acme.v AS SELECT 1"},
    {"DROP", "DROP TABLE t_acme.a"},
    {"ALTER ROLE", "ALTER ROLE rowgate SET search_path = x"},
    {"GRANT", "GRANT SELECT ON t_acme.a TO public"},
    {"DO", "DO 'BEGIN END'"},
    {"CALL", "CALL pg_catalog.lower('a')"},
    {"LOCK", "LOCK t_acme.a"},
    {"LISTEN", "LISTEN x"},
    {"NOTIFY", "NOTIFY x"},
    {"VACUUM", "VACUUM t_acme.a"},
    {"ANALYZE", "ANALYZE t_acme.a"},
    {"LOAD", "LOAD 'x'"},
    {"PREPARE", "PREPARE p AS SELECT 1"},
    {"EXECUTE", "EXECUTE p"},
    {"DISCARD", "DISCARD ALL"},
    {"PREPARE TRANSACTION", "PREPARE TRANSACTION 'x'"},
    {"COMMIT PREPARED", "COMMIT PREPARED 'x'"},
    {"EXPLAIN ANALYZE", "EXPLAIN ANALYZE SELECT 1"},
    {"EXPLAIN with BUFFERS", "EXPLAIN (BUFFERS) SELECT 1"},
    {"EXPLAIN with SETTINGS", "EXPLAIN (SETTINGS) SELECT 1"},
    {"EXPLAIN of a write", "EXPLAIN DELETE FROM writable.notes"},
    {"EXPLAIN of EXECUTE", "EXPLAIN EXECUTE p"},
    {"EXPLAIN of CREATE TABLE AS", "EXPLAIN CREATE TABLE t_acme.b AS SELECT 1"},
    {"COPY of a relation", "COPY t_acme.a TO STDOUT"},
    {"COPY FROM", "COPY t_acme.a FROM STDIN"},
    {"COPY to a file", "COPY (SELECT 1) TO '/tmp/x'"},
    {"COPY to a program", "COPY (SELECT 1) TO PROGRAM 'sh'"},
    {"COPY of a write", "COPY (DELETE FROM writable.notes RETURNING *) TO STDOUT"},
    {"COPY in another encoding", "COPY (SELECT 1) TO STDOUT (ENCODING 'sjis')"},
    {"cursor WITH HOLD", "DECLARE c CURSOR WITH HOLD FOR SELECT 1"},
    {"cursor with a row lock", "DECLARE c CURSOR FOR SELECT * FROM t_acme.a FOR UPDATE"},
    {"SET search_path", "SET search_path = t_globex"},
    {"SET LOCAL search_path", "SET LOCAL search_path TO t_globex"},
    {"SET SCHEMA", "SET SCHEMA 't_globex'"},
    {"SET ROLE", "SET ROLE postgres"},
    {"SET SESSION AUTHORIZATION", "SET SESSION AUTHORIZATION postgres"},
    {"SET row_security", "SET row_security = off"},
    {"SET of a custom setting", "SET rowgate.tenant = 'globex'"},
    {"SET standard_conforming_strings off", "SET standard_conforming_strings = off"},
    {"SET standard_conforming_strings by number", "SET standard_conforming_strings = 0"},
    {"SET of two values where one belongs", "SET standard_conforming_strings = on, off"},
    {"RESET standard_conforming_strings", "RESET standard_conforming_strings"},
    {"SET TO DEFAULT", "SET client_encoding TO DEFAULT"},
    {"SET client_encoding", "SET client_encoding = 'SJIS'"},
    {"SET NAMES", "SET NAMES 'GBK'"},
    {"SET of a debugging aid", "SET debug_print_plan = on"},
    {"SET of messages", "SET client_min_messages = 'log'"},
    {"SET TRANSACTION SNAPSHOT", "SET TRANSACTION SNAPSHOT '00000003-1'"},
    {"RESET ALL", "RESET ALL"},
    {"RESET search_path", "RESET search_path"},
    {"SHOW ALL", "SHOW ALL"},
    {"SHOW search_path", "SHOW search_path"},
    {"SHOW of a path", "SHOW data_directory"},
};

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

static void accepts_writes_only_where_the_row_allows_them(void **state)
{
    (void)state;
    static const struct row writes[] = {
        {"INSERT", "INSERT INTO writable.notes (a, b) VALUES (1, DEFAULT) RETURNING *"},
        {"INSERT SELECT", "INSERT INTO writable.log SELECT * FROM " FENCE " AS o"},
        {"INSERT DEFAULT VALUES", "INSERT INTO writable.log DEFAULT VALUES"},
        {"upsert", "INSERT INTO writable.notes AS n VALUES (1) ON CONFLICT (a) WHERE a > 0 DO UPDATE SET b = "
                   "excluded.b WHERE n.a = 1"},
        {"UPDATE", "UPDATE writable.notes SET (a, b) = (SELECT 1, 2), c[1] = 2 FROM t_acme.a WHERE a.id = notes.id"},
        {"DELETE", "WITH d AS (SELECT 1 AS id) DELETE FROM writable.notes USING d WHERE notes.id = d.id"},
        {"WITH item", "WITH d AS (DELETE FROM writable.notes RETURNING *) SELECT * FROM d"},
    };
    static const struct row wrong[] = {
        {"relation only read", "INSERT INTO writable.readonly VALUES (1)"},
        {"own relation without a flag", "DELETE FROM t_acme.a"},
        {"command not allowed", "UPDATE writable.log SET a = 1"},
        {"upsert that updates", "INSERT INTO writable.log VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1"},
        {"relation that needs a predicate", "DELETE FROM writable.fenced"},
        {"insert into one that needs a predicate", "INSERT INTO writable.fenced VALUES (1)"},
        {"unqualified", "INSERT INTO notes VALUES (1)"},
        {"WITH item as target", "WITH notes AS (SELECT 1) DELETE FROM notes"},
        {"foreign", "UPDATE t_globex.notes SET a = 1"},
        {"with its database", "UPDATE db.writable.notes SET a = 1"},
        {"leak in VALUES", "INSERT INTO writable.notes VALUES (" LEAK ")"},
        {"leak in SELECT", "INSERT INTO writable.notes SELECT * FROM shared.orders"},
        {"leak in RETURNING", "INSERT INTO writable.notes VALUES (1) RETURNING " LEAK},
        {"leak in a subscript", "INSERT INTO writable.notes (a[" LEAK "]) VALUES (1)"},
        {"leak in ON CONFLICT's target", "INSERT INTO writable.notes VALUES (1) ON CONFLICT ((" LEAK ")) DO NOTHING"},
        {"leak in ON CONFLICT's WHERE",
         "INSERT INTO writable.notes VALUES (1) ON CONFLICT (a) WHERE " LEAK " = 1 DO NOTHING"},
        {"leak in DO UPDATE", "INSERT INTO writable.notes VALUES (1) ON CONFLICT (a) DO UPDATE SET a = " LEAK},
        {"leak in DO UPDATE's WHERE", "INSERT INTO writable.notes VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1 "
                                      "WHERE 1 = " LEAK},
        {"leak in SET", "UPDATE writable.notes SET a = " LEAK},
        {"leak in a multiple SET", "UPDATE writable.notes SET (a, b) = (SELECT 1, id FROM shared.orders)"},
        {"leak in UPDATE FROM", "UPDATE writable.notes SET a = 1 FROM shared.orders"},
        {"leak in UPDATE WHERE", "UPDATE writable.notes SET a = 1 WHERE a IN " LEAK},
        {"leak in USING", "DELETE FROM writable.notes USING shared.orders"},
        {"leak in DELETE WHERE", "DELETE FROM writable.notes WHERE EXISTS " LEAK},
        {"leak in a WITH item", "WITH d AS " LEAK " DELETE FROM writable.notes"},
        {"item of a write seen after it", "WITH d AS (WITH x AS (SELECT 1) INSERT INTO writable.log SELECT * FROM x) "
                                          "SELECT * FROM x"},
        {"CURRENT OF", "DELETE FROM writable.notes WHERE CURRENT OF c"},
        {"MERGE", "MERGE INTO writable.notes n USING t_acme.a ON true WHEN MATCHED THEN DELETE"},
        {"foreign collation in ON CONFLICT", "INSERT INTO writable.notes VALUES (1) ON CONFLICT (a COLLATE public.x) "
                                             "DO NOTHING"},
        {"operator class in ON CONFLICT",
         "INSERT INTO writable.notes VALUES (1) ON CONFLICT (a public.ops) DO NOTHING"},
    };
    struct check_limits writing = reading;
    writing.allow_write = true;
    assert_int_equal(count_wrong(writes, COUNT_OF(writes), &writing, true), 0);
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &writing, false), 0);
    assert_int_equal(count_wrong(writes, COUNT_OF(writes), &reading, false), 0);
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
        cmocka_unit_test(accepts_writes_only_where_the_row_allows_them),
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
