/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_CHECK_GOOD_TEXTS_H
#define RG_TESTS_SUPPORT_CHECK_GOOD_TEXTS_H

/* Texts that the checker accepts under the limits of test_sql_check.c, and the pieces they are made of. */

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

struct row {
    const char *name;
    const char *text;
};

#define LEAK "(SELECT id FROM shared.orders)"

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
    {"TABLESAMPLE in the fence", "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r "
                                 "TABLESAMPLE pg_catalog.bernoulli (1) "
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

#endif
