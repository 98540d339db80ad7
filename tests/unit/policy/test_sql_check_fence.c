/* SPDX-License-Identifier: Apache-2.0 */
/* The checker on fences that list columns and repeat conjuncts: what a broken or hostile rewriter could put beside the
 * predicate, where it sees every tenant's rows. Each bad text differs from a good one by what its line says. */
#include "policy/check.h"
#include "tests/support/rg_test.h"

#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define S(literal)                                                                                                     \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    }
#define P "rg_r.tenant_id = 'acme'::pg_catalog.text"
#define FENCE(columns, condition)                                                                                      \
    "(WITH rg_m AS MATERIALIZED (SELECT " columns " FROM shared.orders AS rg_r WHERE " condition ") SELECT * FROM "    \
    "rg_m)"
/* One conjunct in a fence, its original in the WHERE outside. */
#define COPIED(conjunct) "SELECT 1 FROM " FENCE("rg_r.id", P " AND " conjunct) " AS o WHERE o.id = 5"
/* Of the masked relation, with the condition that its columns are still those of the snapshot. */
#define UNCHANGED                                                                                                      \
    "(SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace " \
    "= "                                                                                                               \
    "'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY "           \
    "rg_a.attnum) = ARRAY['id int8', 'secret text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: "    \
    "columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN "         \
    "pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address("      \
    "'pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = "           \
    "'\"shared\".\"masked\"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)"
#define MASKED(columns, more)                                                                                          \
    "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT " columns                                                        \
    " FROM shared.masked AS rg_r WHERE ((rg_r.id = 1) AND " UNCHANGED ")" more ") SELECT * FROM rg_m) AS o"
#define PARAMETER(inside, outside) "SELECT 1 FROM " FENCE("rg_r.id", P " AND " inside) " AS o " outside

static const char document[] =
    "{\"version\":1,\"server\":150020,\"operators\":["
    "[\"=\",\"int8\",\"int4\"],[\"=\",\"int8\",\"int8\"],[\"<\",\"int8\",\"int4\"],[\">=\",\"int8\",\"int4\"],"
    "[\"=\",\"int4\",\"int4\"],[\"=\",\"int4\",\"int8\"],[\"<>\",\"int8\",\"int4\"],[\"=\",\"text\",\"text\"],"
    "[\"=\",\"name\",\"text\"],[\"=\",\"text\",\"name\"],[\"^@\",\"text\",\"text\"],[\"=\",\"bool\",\"bool\"],"
    "[\">=\",\"timestamptz\",\"timestamptz\"],[\"=\",\"date\",\"date\"],[\"=\",\"date\",\"timestamptz\"],"
    "[\"=\",\"timestamptz\",\"timestamptz\"],[\"=\",\"_text\",\"_text\"]],"
    "\"relations\":["
    "{\"schema\":\"shared\",\"name\":\"orders\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"tenant_id\",\"text\"],"
    "[\"note\",\"text\"],[\"code\",\"varchar\"],[\"total\",\"numeric\"],[\"payload\",\"jsonb\"],[\"mail\",\"\"],"
    "[\"ts\",\"timestamptz\"],[\"day\",\"date\"],[\"paid\",\"bool\"],[\"small\",\"int4\"],[\"tags\",\"_text\"],"
    "[\"secret\",\"text\"]],\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"shared\",\"name\":\"both\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"a\",\"int4\"],"
    "[\"b\",\"int4\"]],\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"shared\",\"name\":\"view\",\"kind\":\"v\",\"columns\":[[\"id\",\"int8\"]],\"parents\":[],"
    "\"reads\":[]},{\"schema\":\"shared\",\"name\":\"foreign\",\"kind\":\"f\",\"columns\":[[\"id\",\"int8\"]],"
    "\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"shared\",\"name\":\"masked\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"secret\",\"text\"]],"
    "\"parents\":[],\"reads\":[]}]}";

static const struct check_mask masks[] = {{S("secret"), S("'***'::pg_catalog.text")}};
static const struct check_relation relations[] = {
    {.schema = S("shared"), .name = S("orders"), .predicate = S(P), .for_select = true},
    {.schema = S("shared"), .name = S("both"), .predicate = S("rg_r.a = 1 AND rg_r.b = 2"), .for_select = true},
    {.schema = S("shared"), .name = S("either"), .predicate = S("rg_r.a = 1 OR rg_r.b = 2"), .for_select = true},
    {.schema = S("shared"),
     .name = S("masked"),
     .predicate = S("rg_r.id = 1"),
     .for_select = true,
     .mask_count = 1,
     .masks = masks},
    {.schema = S("shared"), .name = S("view"), .predicate = S(P), .for_select = true},
    {.schema = S("shared"), .name = S("foreign"), .predicate = S(P), .for_select = true},
    {.schema = S("shared"), .name = S("unknown"), .predicate = S(P), .for_select = true},
};
static const struct rg_slice functions[] = {S("lower"), S("now"), S("random"), S("to_date"), S("to_timestamp")};

struct row {
    const char *name;
    const char *text;
};

static const struct row good[] = {
    {"star", "SELECT 1 FROM " FENCE("*", P) " AS o"},
    {"no column", "SELECT 1 FROM " FENCE("", P) " AS o"},
    {"one column", "SELECT 1 FROM " FENCE("rg_r.note", P) " AS o"},
    {"columns in order", "SELECT 1 FROM " FENCE("rg_r.id, rg_r.note, rg_r.tags", P) " AS o"},
    {"copied", COPIED("rg_r.id = (SELECT 5)")},
    {"copied of a larger type", COPIED("rg_r.id = (SELECT 3000000000)")},
    {"copied, other operators", COPIED("rg_r.id < (SELECT 5) AND rg_r.id >= (SELECT 1)")},
    {"copied beside a star", "SELECT 1 FROM " FENCE("*", P " AND rg_r.id = (SELECT 5)") " AS o"},
    {"copied string", COPIED("rg_r.note = (SELECT 'a'::pg_catalog.text)")},
    {"copied, text behind varchar",
     COPIED("rg_r.code = (SELECT 'a'::pg_catalog.text) AND rg_r.code = (SELECT 'b'::pg_catalog.varchar)")},
    {"copied list", COPIED("rg_r.id = ANY ((SELECT ARRAY[1, 2]::pg_catalog.int4[])::pg_catalog.int4[])")},
    {"copied list of strings",
     COPIED("rg_r.code = ANY ((SELECT ARRAY['a', 'b']::pg_catalog.varchar[])::pg_catalog.varchar[])")},
    {"copied list of casts",
     COPIED("rg_r.day = ANY ((SELECT ARRAY['2024-01-01'::pg_catalog.date]::pg_catalog.date[])::pg_catalog.date[])")},
    {"copied boolean", COPIED("rg_r.paid = (SELECT true)")},
    {"copied cast", COPIED("rg_r.ts >= (SELECT '2024-01-01'::pg_catalog.timestamptz)")},
    {"copied call", COPIED("rg_r.ts >= (SELECT pg_catalog.to_timestamp('2024', 'YYYY'))")},
    {"copied call of a date", COPIED("rg_r.day = (SELECT pg_catalog.to_date('2024', 'YYYY'))")},
    {"predicate in parentheses", "SELECT 1 FROM " FENCE("rg_r.id", "(" P ") AND rg_r.id = (SELECT 5)") " AS o"},
    {"a predicate of two, one list",
     "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.both AS rg_r "
     "WHERE (rg_r.a = 1 AND rg_r.b = 2) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS o"},
    {"masked relation", MASKED("rg_r.id, '***'::pg_catalog.text AS secret", "")},
    {"masked relation without its masked column", MASKED("rg_r.id", "")},
    {"masked relation, copied", MASKED("rg_r.id", " AND rg_r.id = (SELECT 5)")},
    {"columns of a view", "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.view AS rg_r WHERE " P
                          ") SELECT * FROM rg_m) AS o"},
    {"star of what is not known",
     "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.unknown AS rg_r WHERE " P
     ") SELECT * FROM rg_m) AS o"},
};

static const struct row bad[] = {
    /* the select list */
    {"a column twice", "SELECT 1 FROM " FENCE("rg_r.id, rg_r.id", P) " AS o"},
    {"columns in another order", "SELECT 1 FROM " FENCE("rg_r.note, rg_r.id", P) " AS o"},
    {"a column that does not exist", "SELECT 1 FROM " FENCE("rg_r.foreign_id", P) " AS o"},
    {"a column without its relation", "SELECT 1 FROM " FENCE("id", P) " AS o"},
    {"a column of another relation", "SELECT 1 FROM " FENCE("rg_m.id", P) " AS o"},
    {"a column by its schema", "SELECT 1 FROM " FENCE("shared.rg_r.id", P) " AS o"},
    {"an alias", "SELECT 1 FROM " FENCE("rg_r.id AS note", P) " AS o"},
    {"an expression", "SELECT 1 FROM " FENCE("rg_r.id + 1", P) " AS o"},
    {"a call", "SELECT 1 FROM " FENCE("pg_catalog.lower(rg_r.note)", P) " AS o"},
    {"a constant", "SELECT 1 FROM " FENCE("1", P) " AS o"},
    {"a whole row", "SELECT 1 FROM " FENCE("rg_r", P) " AS o"},
    {"a star of the relation", "SELECT 1 FROM " FENCE("rg_r.*", P) " AS o"},
    {"a star and a column", "SELECT 1 FROM " FENCE("*, rg_r.id", P) " AS o"},
    {"a system column", "SELECT 1 FROM " FENCE("rg_r.ctid", P) " AS o"},
    {"a sub-select", "SELECT 1 FROM " FENCE("(SELECT 1)", P) " AS o"},
    {"a subscript", "SELECT 1 FROM " FENCE("rg_r.tags[1]", P) " AS o"},
    {"columns of a relation that is not known",
     "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.unknown AS rg_r WHERE " P
     ") SELECT * FROM rg_m) AS o"},
    {"star of a masked relation", MASKED("*", "")},
    {"masked column bare", MASKED("rg_r.id, rg_r.secret", "")},
    {"masked column compared", MASKED("rg_r.id", " AND rg_r.secret = (SELECT 'x'::pg_catalog.text)")},
    {"masked column in a list",
     MASKED("rg_r.id", " AND rg_r.secret = ANY ((SELECT ARRAY['x']::pg_catalog.text[])::pg_catalog.text[])")},
    {"masked column of the relation that has no mask on it, as another", MASKED("rg_r.id AS secret", "")},
    /* the predicate */
    {"only copied ones", "SELECT 1 FROM " FENCE("rg_r.id", "rg_r.id = (SELECT 5)") " AS o"},
    {"a copied one before the predicate", "SELECT 1 FROM " FENCE("rg_r.id", "rg_r.id = (SELECT 5) AND " P) " AS o"},
    {"OR for AND", "SELECT 1 FROM " FENCE("rg_r.id", P " OR rg_r.id = 5") " AS o"},
    {"OR behind a copied one",
     "SELECT 1 FROM " FENCE("rg_r.id", P " AND rg_r.id = (SELECT 5) OR rg_r.id = (SELECT 6)") " AS o"},
    {"another tenant beside a copied one",
     "SELECT 1 FROM " FENCE("rg_r.id", "rg_r.tenant_id = 'globex'::pg_catalog.text AND rg_r.id = (SELECT 5)") " AS o"},
    {"half of a predicate of two", "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.both AS rg_r "
                                   "WHERE rg_r.a = 1 AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS o"},
    {"a predicate with OR, its AND taken apart",
     "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.either AS rg_r WHERE rg_r.a = 1 OR rg_r.b = 2 AND "
     "rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS o"},
    {"NOT", "SELECT 1 FROM " FENCE("rg_r.id", "NOT (" P " AND rg_r.id = (SELECT 5))") " AS o"},
    {"a copied one in the fence of a view",
     "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.view AS rg_r WHERE " P
     " AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS o"},
    {"a copied one in the fence of a foreign table",
     "SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.foreign AS rg_r WHERE " P
     " AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS o"},
    /* operators */
    {"unequal", COPIED("rg_r.id <> (SELECT 5)")},
    {"prefix", COPIED("rg_r.note ^@ 'a'")},
    {"LIKE", COPIED("rg_r.note LIKE 'a\\'")},
    {"ILIKE", COPIED("rg_r.note ILIKE 'a'")},
    {"SIMILAR TO", COPIED("rg_r.note SIMILAR TO 'a'")},
    {"regular expression", COPIED("rg_r.note ~ 'a'")},
    {"an operator with a schema", COPIED("rg_r.id OPERATOR(public.=) 5")},
    {"an operator with pg_catalog", COPIED("rg_r.id OPERATOR(pg_catalog.=) 5")},
    {"numeric", COPIED("rg_r.total = (SELECT 5::pg_catalog.numeric)")},
    {"numeric and integer", COPIED("rg_r.total = (SELECT 5)")},
    {"integer and numeric", COPIED("rg_r.id = (SELECT 5.5)")},
    {"integer and an exponent", COPIED("rg_r.id = (SELECT 1e3)")},
    {"integer and too large a number", COPIED("rg_r.id = (SELECT 9223372036854775808)")},
    {"jsonb", COPIED("rg_r.payload = (SELECT '{}'::pg_catalog.jsonb)")},
    {"a domain", COPIED("rg_r.mail = (SELECT 'a'::pg_catalog.text)")},
    {"a larger timestamp operator that is not listed",
     COPIED("rg_r.ts < (SELECT '2024-01-01'::pg_catalog.timestamptz)")},
    {"integer and text", COPIED("rg_r.id = (SELECT '5'::pg_catalog.text)")},
    {"varchar and name", COPIED("rg_r.code = (SELECT 'a'::pg_catalog.name)")},
    {"an array", COPIED("rg_r.tags = (SELECT '{a}'::pg_catalog.text[])")},
    {"an array's name", COPIED("rg_r.tags = (SELECT '{a}'::pg_catalog._text)")},
    /* shapes */
    {"the constant first", COPIED("5 = rg_r.id")},
    {"a column that does not exist, copied", COPIED("rg_r.foreign_id = (SELECT 5)")},
    {"unqualified", COPIED("id = 5")},
    {"another alias", COPIED("o.id = 5")},
    {"two columns", COPIED("rg_r.id = (SELECT rg_r.small)")},
    {"a column in a cast", COPIED("rg_r.id::pg_catalog.int4 = 5")},
    {"a column in an expression", COPIED("rg_r.id + 1 = 5")},
    {"a column with a collation", COPIED("rg_r.note COLLATE pg_catalog.\"C\" = 'a'")},
    {"an expression of constants", COPIED("rg_r.id = (SELECT 2) + 3")},
    {"NULL", COPIED("rg_r.id = (SELECT NULL)")},
    {"a row", COPIED("(rg_r.id, rg_r.small) = (1, 2)")},
    {"BETWEEN", COPIED("rg_r.id BETWEEN 1 AND 2")},
    {"IS NULL", COPIED("rg_r.id IS NULL")},
    {"IS NOT DISTINCT FROM", COPIED("rg_r.id IS NOT DISTINCT FROM 5")},
    {"ANY", COPIED("rg_r.id = ANY (ARRAY[1, 2])")},
    {"bare, so that the planner looks it up", COPIED("rg_r.id = 5")},
    {"a bare string", COPIED("rg_r.note = 'a'")},
    {"a bare list", COPIED("rg_r.id IN (1, 2)")},
    {"a hidden string without a type", COPIED("rg_r.note = (SELECT 'a')")},
    {"a hidden parameter without a type", PARAMETER("rg_r.id = (SELECT $1)", "WHERE o.id = $1")},
    {"hidden with a name", COPIED("rg_r.id = (SELECT 5 AS x)")},
    {"hidden with FROM", COPIED("rg_r.id = (SELECT 5 FROM shared.orders)")},
    {"hidden with WHERE", COPIED("rg_r.id = (SELECT 5 WHERE rg_r.small = 1)")},
    {"hidden with LIMIT", COPIED("rg_r.id = (SELECT 5 LIMIT 1)")},
    {"hidden with ORDER BY", COPIED("rg_r.id = (SELECT 5 ORDER BY rg_r.small)")},
    {"hidden with DISTINCT", COPIED("rg_r.id = (SELECT DISTINCT 5)")},
    {"hidden with WITH", COPIED("rg_r.id = (WITH x AS (SELECT 1) SELECT 5)")},
    {"hidden with UNION", COPIED("rg_r.id = (SELECT 5 UNION SELECT 6)")},
    {"hidden VALUES", COPIED("rg_r.id = (VALUES (5))")},
    {"hidden, two columns", COPIED("(rg_r.id, rg_r.small) = (SELECT 5, 6)")},
    {"hidden twice", COPIED("rg_r.id = (SELECT (SELECT 5))")},
    {"a hidden column", COPIED("rg_r.id = (SELECT rg_r.small)")},
    {"ANY of rows", COPIED("rg_r.id = ANY (SELECT 5)")},
    {"ANY of a hidden array without its outer cast", COPIED("rg_r.id = ANY ((SELECT ARRAY[1]::pg_catalog.int4[]))")},
    {"ANY of a hidden array without its inner cast", COPIED("rg_r.id = ANY ((SELECT ARRAY[1])::pg_catalog.int4[])")},
    {"ANY of a hidden array of two types",
     COPIED("rg_r.id = ANY ((SELECT ARRAY[1]::pg_catalog.int4[])::pg_catalog.int8[])")},
    {"ANY of a hidden array of another type than its elements",
     COPIED("rg_r.id = ANY ((SELECT ARRAY[1]::pg_catalog.int8[])::pg_catalog.int8[])")},
    {"ANY of a hidden array of two dimensions",
     COPIED("rg_r.id = ANY ((SELECT ARRAY[1]::pg_catalog.int4[][])::pg_catalog.int4[][])")},
    {"ANY of an empty array", COPIED("rg_r.id = ANY ((SELECT ARRAY[]::pg_catalog.int4[])::pg_catalog.int4[])")},
    {"ANY of an array's text", COPIED("rg_r.id = ANY ((SELECT '{1}'::pg_catalog.int4[])::pg_catalog.int4[])")},
    {"ANY of another schema's array", COPIED("rg_r.id = ANY ((SELECT ARRAY[1]::public.int4[])::public.int4[])")},
    {"less than ANY", COPIED("rg_r.id < ANY ((SELECT ARRAY[1]::pg_catalog.int4[])::pg_catalog.int4[])")},
    {"ALL of an array", COPIED("rg_r.id = ALL ((SELECT ARRAY[1]::pg_catalog.int4[])::pg_catalog.int4[])")},
    {"a list of a sub-select", COPIED("rg_r.id IN (SELECT 5)")},
    {"true", COPIED("true")},
    {"a boolean column", COPIED("rg_r.paid")},
    {"OR among the copied", COPIED("(rg_r.id = (SELECT 5) OR rg_r.id = (SELECT 6))")},
    {"AND below the AND", COPIED("(rg_r.id = (SELECT 5) AND rg_r.small = (SELECT 6))")},
    {"NOT of a copied one", COPIED("NOT rg_r.id = (SELECT 5)")},
    {"NOT IN", COPIED("rg_r.id NOT IN (1, 2)")},
    {"a list with NULL", COPIED("rg_r.id = ANY ((SELECT ARRAY[1, NULL]::pg_catalog.int4[])::pg_catalog.int4[])")},
    {"a list with a column",
     COPIED("rg_r.id = ANY ((SELECT ARRAY[1, rg_r.small]::pg_catalog.int4[])::pg_catalog.int4[])")},
    {"a list of several types",
     COPIED("rg_r.id = ANY ((SELECT ARRAY[1, 3000000000]::pg_catalog.int4[])::pg_catalog.int4[])")},
    {"a list of fractions", COPIED("rg_r.id = ANY ((SELECT ARRAY[1.5]::pg_catalog.numeric[])::pg_catalog.numeric[])")},
    {"a list whose common type is another",
     COPIED("rg_r.day = ANY ((SELECT "
            "ARRAY['2024-01-01'::pg_catalog.timestamptz]::pg_catalog.timestamptz[])::pg_catalog.timestamptz[])")},
    /* the other side */
    {"a cast with a modifier", COPIED("rg_r.ts >= (SELECT '2024-01-01'::pg_catalog.timestamptz(3))")},
    {"a cast without pg_catalog", COPIED("rg_r.ts >= (SELECT '2024-01-01'::public.timestamptz)")},
    {"a cast of a cast", COPIED("rg_r.note = (SELECT ('a'::pg_catalog.text)::pg_catalog.text)")},
    {"a cast of a column", COPIED("rg_r.id = (SELECT rg_r.note::pg_catalog.int8)")},
    {"now", COPIED("rg_r.ts >= (SELECT pg_catalog.now())")},
    {"a function of the row", COPIED("rg_r.note = (SELECT pg_catalog.lower(rg_r.note))")},
    {"to_timestamp of the row", COPIED("rg_r.ts >= (SELECT pg_catalog.to_timestamp(rg_r.note, 'YYYY'))")},
    {"to_timestamp of a number", COPIED("rg_r.ts >= (SELECT pg_catalog.to_timestamp(5))")},
    {"another schema's to_timestamp", COPIED("rg_r.ts >= (SELECT public.to_timestamp('2024', 'YYYY'))")},
    {"unqualified to_timestamp", COPIED("rg_r.ts >= (SELECT to_timestamp('2024', 'YYYY'))")},
    {"CURRENT_DATE", COPIED("rg_r.day = (SELECT CURRENT_DATE)")},
    {"CASE", COPIED("rg_r.id = (SELECT CASE WHEN true THEN 5 END)")},
    /* parameters without a type */
    {"a parameter that nothing else names", PARAMETER("rg_r.id = (SELECT $1::pg_catalog.int8)", "")},
    {"a parameter twice inside",
     PARAMETER("rg_r.id = (SELECT $1::pg_catalog.int8) AND rg_r.small = (SELECT $1::pg_catalog.int2)",
               "WHERE o.id = $1")},
    {"a parameter twice outside",
     PARAMETER("rg_r.id = (SELECT $1::pg_catalog.int8)", "WHERE o.id = $1 AND o.small = $1")},
    {"a parameter in the select list",
     "SELECT $1 FROM " FENCE("rg_r.id", P " AND rg_r.id = (SELECT $1::pg_catalog.int8)") " AS o"},
    {"a parameter that gets a type first", "WITH w AS (SELECT $1::pg_catalog.numeric) SELECT 1 FROM " FENCE(
                                               "rg_r.id", P " AND rg_r.id = (SELECT $1::pg_catalog.int8)") " AS o"},
    {"a parameter in a sub-query of the WHERE",
     PARAMETER("rg_r.id = (SELECT $1::pg_catalog.int8)", "WHERE o.id = (SELECT $1)")},
    {"a parameter of the query around it",
     "SELECT 1 FROM (SELECT 1 FROM " FENCE("rg_r.id",
                                           P " AND rg_r.id = (SELECT $1::pg_catalog.int8)") " AS o) AS s WHERE 1 = $1"},
    {"a parameter in HAVING", PARAMETER("rg_r.id = (SELECT $1::pg_catalog.int8)", "GROUP BY o.id HAVING o.id = $1")},
    {"a parameter of a number that is not counted",
     PARAMETER("rg_r.id = (SELECT $65::pg_catalog.int8)", "WHERE o.id = $65")},
    {"a fence in a sub-query of an expression, its parameter outside",
     "SELECT 1 WHERE EXISTS (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE " P
     " AND rg_r.id = (SELECT $1::pg_catalog.int8)) SELECT * FROM rg_m) AND 1 = $1"},
};

static struct policy_relations *snapshot;

static rg_status check_with(const char *text, const struct check_limits *limits)
{
    struct rg_arena arena = {0};
    rg_arena_init(&arena, 8 << 20);
    rg_status status = check_statement(rg_slice_of(text), limits, &arena);
    rg_arena_done(&arena);
    return status;
}

static struct check_limits limits_of(const struct policy_relations *relations_known)
{
    return (struct check_limits){.relation_count = COUNT_OF(relations),
                                 .relations = relations,
                                 .function_count = COUNT_OF(functions),
                                 .functions = functions,
                                 .snapshot = relations_known};
}

static void accepts_what_it_can_prove(void **state)
{
    struct check_limits limits = limits_of(snapshot);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        rg_status status = check_with(good[i].text, &limits);
        if (!rg_is_ok(status)) {
            fail_msg("%s: %s\n%s", good[i].name, status.error->text, good[i].text);
        }
    }
}

static void refuses_everything_else(void **state)
{
    struct check_limits limits = limits_of(snapshot);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        rg_status status = check_with(bad[i].text, &limits);
        if (rg_is_ok(status) || status.error->kind != RG_DENIED) {
            fail_msg("%s was not refused:\n%s", bad[i].name, bad[i].text);
        }
    }
    print_message("%zu texts refused\n", COUNT_OF(bad));
}

static void without_a_snapshot_only_a_star_passes(void **state)
{
    struct check_limits limits = limits_of(NULL);
    (void)state;
    assert_ok(check_with(good[0].text, &limits));
    assert_fails(RG_DENIED, check_with("SELECT 1 FROM " FENCE("", P) " AS o", &limits));
    assert_fails(RG_DENIED, check_with("SELECT 1 FROM " FENCE("rg_r.id", P) " AS o", &limits));
    assert_fails(RG_DENIED, check_with("SELECT 1 FROM " FENCE("*", P " AND rg_r.id = (SELECT 5)") " AS o", &limits));
}

static void a_parameter_without_a_type_is_certain_in_one_place_only(void **state)
{
    static const uint32_t types[] = {0, 705};
    struct check_limits limits = limits_of(snapshot);
    (void)state;
    assert_ok(check_with(PARAMETER("rg_r.id = (SELECT $1::pg_catalog.int8)", "WHERE o.id = $1"), &limits));
    limits.parameter_type_count = 2;
    limits.parameter_types = types;
    assert_ok(check_with(PARAMETER("rg_r.id = (SELECT $1::pg_catalog.int8)", "WHERE o.id = $1"), &limits));
    assert_ok(check_with(PARAMETER("rg_r.id = (SELECT $2::pg_catalog.int8)", "WHERE o.id = $2"), &limits));
    assert_ok(
        check_with(PARAMETER("rg_r.id = (SELECT $1::pg_catalog.int8)", "WHERE o.id = $1::pg_catalog.int8"), &limits));
    assert_ok(check_with(PARAMETER("rg_r.id = ANY ((SELECT ARRAY[$1, $2]::pg_catalog.int8[])::pg_catalog.int8[])",
                                   "JOIN " FENCE("", P) " AS p ON true WHERE o.id IN ($1, $2)"),
                         &limits));
    assert_fails(RG_DENIED,
                 check_with(PARAMETER("rg_r.total = (SELECT $1::pg_catalog.numeric)", "WHERE o.total = $1"), &limits));
}

static void a_parameter_with_a_type_is_checked_against_the_column(void **state)
{
    static const uint32_t integer[] = {23};
    static const uint32_t numeric[] = {1700};
    static const uint32_t text[] = {25};
    static const uint32_t strange[] = {16500};
    struct check_limits limits = limits_of(snapshot);
    (void)state;
    limits.parameter_type_count = 1;
    limits.parameter_types = integer;
    assert_ok(check_with(
        "SELECT $1 FROM " FENCE("rg_r.id", P " AND rg_r.id = (SELECT $1) AND rg_r.small = (SELECT $1)") " AS o",
        &limits));
    assert_fails(RG_DENIED, check_with(COPIED("rg_r.note = (SELECT $1)"), &limits));
    assert_fails(RG_DENIED, check_with(COPIED("rg_r.id = (SELECT $1::pg_catalog.int8)"), &limits));
    assert_fails(RG_DENIED, check_with(COPIED("rg_r.total = (SELECT $1)"), &limits));
    limits.parameter_types = numeric;
    assert_fails(RG_DENIED, check_with(COPIED("rg_r.id = (SELECT $1)"), &limits));
    limits.parameter_types = text;
    assert_ok(check_with(COPIED("rg_r.note = (SELECT $1)"), &limits));
    assert_fails(RG_DENIED, check_with(COPIED("rg_r.id = (SELECT $1)"), &limits));
    limits.parameter_types = strange;
    assert_fails(RG_DENIED, check_with(COPIED("rg_r.id = (SELECT $1)"), &limits));
}

static void a_function_must_be_allowed_in_a_fence_too(void **state)
{
    struct check_limits limits = limits_of(snapshot);
    (void)state;
    limits.function_count = 0;
    assert_fails(RG_DENIED, check_with(COPIED("rg_r.ts >= (SELECT pg_catalog.to_timestamp('2024', 'YYYY'))"), &limits));
}

static int set_up(void **state)
{
    (void)state;
    return rg_is_ok(policy_relations_parse(rg_slice_of(document), &snapshot)) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    policy_relations_free(&snapshot);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_it_can_prove),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(without_a_snapshot_only_a_star_passes),
        cmocka_unit_test(a_parameter_without_a_type_is_certain_in_one_place_only),
        cmocka_unit_test(a_parameter_with_a_type_is_checked_against_the_column),
        cmocka_unit_test(a_function_must_be_allowed_in_a_fence_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
