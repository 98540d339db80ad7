/* SPDX-License-Identifier: Apache-2.0 */
/* The checker and masks: texts that a broken or hostile rewriter could emit for a masked relation. Each bad text
 * differs from the good one by what its name says. */
#include "policy/check.h"
#include "tests/support/rg_test.h"

#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define S(literal)                                                                                                     \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    }

#define EMAIL "CASE WHEN pg_catalog.length(rg_r.email) > 4 THEN pg_catalog.right(rg_r.email, 4) ELSE '***' END"
#define PHONE "CASE WHEN false THEN rg_r.phone END"
#define ODD "'***'::pg_catalog.text"
#define PREDICATE "rg_r.tenant_id = '1'::pg_catalog.uuid"

static const struct check_mask masks[] = {
    {S("phone"), S(PHONE)},
    {S("email"), S(EMAIL)},
    {S("ssn"), S("")},
    {S("Odd\"'col"), S(ODD)},
};
static const struct check_mask staff_masks[] = {{S("salary"), S("CASE WHEN false THEN rg_r.salary END")}};
static const struct check_mask lost_masks[] = {{S("gone"), S("'***'::pg_catalog.text")}};
static const struct check_mask broken_masks[] = {{S("salary"), S("true) GROUP BY (1")}};
static const struct check_relation relations[] = {
    {.schema = S("t_acme"), .for_select = true, .for_update = true},
    {.schema = S("t_acme"),
     .name = S("staff"),
     .mask_count = 1,
     .masks = staff_masks,
     .for_select = true,
     .for_insert = true,
     .for_update = true,
     .for_delete = true},
    {.schema = S("shared"),
     .name = S("people"),
     .predicate = S(PREDICATE),
     .mask_count = 4,
     .masks = masks,
     .for_select = true},
    {.schema = S("shared"), .name = S("plain"), .predicate = S(PREDICATE), .for_select = true},
    {.schema = S("shared"), .name = S("lost"), .mask_count = 1, .masks = lost_masks, .for_select = true},
    {.schema = S("shared"), .name = S("broken"), .mask_count = 1, .masks = broken_masks, .for_select = true},
    {.schema = S("shared"), .name = S("unknown"), .mask_count = 1, .masks = staff_masks, .for_select = true},
    {.schema = S("shared"), .name = S("written"), .mask_count = 1, .masks = staff_masks, .for_update = true},
    {.schema = S("masked"), .mask_count = 1, .masks = staff_masks, .for_select = true},
};
static const struct rg_slice functions[] = {S("length"), S("lower"), S("right")};

static const char snapshot_text[] =
    "{\"version\":1,\"server\":150020,\"operators\":[[\"=\",\"int8\",\"int4\"],[\"=\",\"text\",\"text\"]],"
    "\"relations\":["
    "{\"schema\":\"shared\",\"name\":\"people\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"tenant_id\",\"uuid\"],"
    "[\"name\",\"text\"],[\"email\",\"text\"],[\"phone\",\"text\"],[\"ssn\",\"text\"],[\"mood\",\"\"],"
    "[\"Odd\\\"'col\",\"text\"]],\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"shared\",\"name\":\"lost\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"]],\"parents\":[],\"reads\":["
    "]},"
    "{\"schema\":\"shared\",\"name\":\"plain\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"]],\"parents\":[],\"reads\":"
    "[]},"
    "{\"schema\":\"shared\",\"name\":\"broken\",\"kind\":\"r\",\"columns\":[[\"salary\",\"int8\"]],\"parents\":[],"
    "\"reads\":[]},"
    "{\"schema\":\"masked\",\"name\":\"staff\",\"kind\":\"r\",\"columns\":[[\"salary\",\"int8\"]],\"parents\":[],"
    "\"reads\":[]},"
    "{\"schema\":\"t_acme\",\"name\":\"staff\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"salary\",\"numeric\"]],"
    "\"parents\":[],\"reads\":[]}]}";

/* ---- the good text, in parts ---- */

#define PEOPLE_COLUMNS                                                                                                 \
    "ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone text', 'ssn text', 'mood ', "                \
    "'Odd\"''col text']::pg_catalog.text[]"
#define GUARD_NAMED(name, columns, otherwise, relation, more)                                                          \
    "(SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(" name ", ' ', CASE WHEN rg_t.typnamespace = "           \
    "'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY "           \
    "rg_a.attnum) = " columns " THEN true ELSE " otherwise                                                             \
    " END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS "     \
    "JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, "        \
    "rg_a.attnum) AS rg_i WHERE rg_a.attrelid = " relation " AND rg_a.attnum > 0 AND NOT rg_a.attisdropped" more ")"
#define GUARD_OF(columns, otherwise, relation, more)                                                                   \
    GUARD_NAMED("rg_i.object_names[3]", columns, otherwise, relation, more)
#define OTHERWISE "pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool"
#define PEOPLE "'\"shared\".\"people\"'::pg_catalog.regclass"
#define GUARD GUARD_OF(PEOPLE_COLUMNS, OTHERWISE, PEOPLE, "")
#define STAFF_GUARD                                                                                                    \
    GUARD_OF("ARRAY['id int8', 'salary numeric']::pg_catalog.text[]", OTHERWISE,                                       \
             "'\"t_acme\".\"staff\"'::pg_catalog.regclass", "")
#define WHERE "(" PREDICATE ") AND " GUARD
#define FENCE_OF(columns, from, where)                                                                                 \
    "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT " columns " FROM " from " WHERE " where                          \
    ") SELECT * FROM rg_m) AS p"
#define FROM "shared.people AS rg_r"
#define ALL                                                                                                            \
    "rg_r.id, rg_r.tenant_id, rg_r.name, " EMAIL " AS email, " PHONE " AS phone, rg_r.mood, " ODD " AS "               \
    "\"Odd\"\"'col\""

struct row {
    const char *name;
    const char *text;
};

static const struct row good[] = {
    {"all columns", FENCE_OF(ALL, FROM, WHERE)},
    {"some columns", FENCE_OF("rg_r.id, " EMAIL " AS email", FROM, WHERE)},
    {"no column", FENCE_OF("", FROM, WHERE)},
    {"only", FENCE_OF("rg_r.id", "ONLY " FROM, WHERE)},
    {"a sample", FENCE_OF("rg_r.id", FROM " TABLESAMPLE pg_catalog.bernoulli (10)", WHERE)},
    {"other spelling", FENCE_OF("rg_r.\"id\"", "\"shared\".people rg_r", "((" PREDICATE ")) AND (" GUARD ")")},
    {"a copied conjunct", FENCE_OF("rg_r.id", FROM, WHERE " AND rg_r.id = (SELECT 5)")},
    {"own relation",
     FENCE_OF("rg_r.id, CASE WHEN false THEN rg_r.salary END AS salary", "t_acme.staff AS rg_r", STAFF_GUARD)},
};

static const struct row bad[] = {
    {"bare", "SELECT id FROM shared.people"},
    {"bare own", "SELECT id FROM t_acme.staff"},
    {"star", FENCE_OF("*", FROM, WHERE)},
    {"star of the relation", FENCE_OF("rg_r.*", FROM, WHERE)},
    {"star behind columns", FENCE_OF("rg_r.id, *", FROM, WHERE)},
    {"the whole row", FENCE_OF("rg_r", FROM, WHERE)},
    {"the masked column bare", FENCE_OF("rg_r.email", FROM, WHERE)},
    {"the masked column bare among others", FENCE_OF("rg_r.id, rg_r.tenant_id, rg_r.name, rg_r.email", FROM, WHERE)},
    {"the masked column unqualified", FENCE_OF("email", FROM, WHERE)},
    {"the masked column under its own name", FENCE_OF("rg_r.email AS email", FROM, WHERE)},
    {"the masked column under another name", FENCE_OF("rg_r.email AS id", FROM, WHERE)},
    {"the denied column", FENCE_OF("rg_r.ssn", FROM, WHERE)},
    {"the denied column under another name", FENCE_OF("rg_r.ssn AS name", FROM, WHERE)},
    {"the denied column by another's mask", FENCE_OF(PHONE " AS ssn", FROM, WHERE)},
    {"a column twice", FENCE_OF("rg_r.id, rg_r.id", FROM, WHERE)},
    {"a mask twice", FENCE_OF(EMAIL " AS email, " EMAIL " AS email", FROM, WHERE)},
    {"another order", FENCE_OF("rg_r.name, rg_r.id", FROM, WHERE)},
    {"a mask before its place", FENCE_OF(PHONE " AS phone, " EMAIL " AS email", FROM, WHERE)},
    {"a mask without a name", FENCE_OF(EMAIL, FROM, WHERE)},
    {"a mask under another name", FENCE_OF(EMAIL " AS mail", FROM, WHERE)},
    {"a mask under another column's name", FENCE_OF(EMAIL " AS name", FROM, WHERE)},
    {"another column's mask", FENCE_OF(PHONE " AS email", FROM, WHERE)},
    {"a column under another name", FENCE_OF("rg_r.name AS id", FROM, WHERE)},
    {"a column under its own name", FENCE_OF("rg_r.name AS name", FROM, WHERE)},
    {"a column of the snapshot's lack", FENCE_OF("rg_r.later", FROM, WHERE)},
    {"a system column", FENCE_OF("rg_r.ctid", FROM, WHERE)},
    {"an expression", FENCE_OF("pg_catalog.lower(rg_r.name)", FROM, WHERE)},
    {"an expression named as a column", FENCE_OF("pg_catalog.lower(rg_r.email) AS name", FROM, WHERE)},
    {"a cast", FENCE_OF("rg_r.id::pg_catalog.text", FROM, WHERE)},
    {"a field", FENCE_OF("(rg_r.id).x", FROM, WHERE)},
    {"a column of another alias", FENCE_OF("people.name", FROM, WHERE)},
    {"three names", FENCE_OF("shared.rg_r.name", FROM, WHERE)},
    {"the mask keeps more",
     FENCE_OF(
         "CASE WHEN pg_catalog.length(rg_r.email) > 4 THEN pg_catalog.right(rg_r.email, 40) ELSE '***' END AS email",
         FROM, WHERE)},
    {"the mask's other branch shows the column",
     FENCE_OF("CASE WHEN pg_catalog.length(rg_r.email) > 4 THEN pg_catalog.right(rg_r.email, 4) ELSE rg_r.email END AS "
              "email",
              FROM, WHERE)},
    {"the mask's condition is another", FENCE_OF("CASE WHEN true THEN rg_r.phone END AS phone", FROM, WHERE)},
    {"the mask of another column's value",
     FENCE_OF("CASE WHEN pg_catalog.length(rg_r.ssn) > 4 THEN pg_catalog.right(rg_r.ssn, 4) ELSE '***' END AS email",
              FROM, WHERE)},
    {"no guard", FENCE_OF(ALL, FROM, PREDICATE)},
    {"no guard for own", FENCE_OF("rg_r.id", "t_acme.staff AS rg_r", "true")},
    {"no predicate", FENCE_OF(ALL, FROM, GUARD)},
    {"no condition",
     "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM " FROM ") SELECT * FROM rg_m) AS p"},
    {"the guard first", FENCE_OF(ALL, FROM, GUARD " AND (" PREDICATE ")")},
    {"the guard or the predicate", FENCE_OF(ALL, FROM, "(" PREDICATE ") OR " GUARD)},
    {"the guard denied", FENCE_OF(ALL, FROM, "(" PREDICATE ") AND NOT " GUARD)},
    {"the guard of another relation",
     FENCE_OF(ALL, FROM,
              "(" PREDICATE
              ") AND " GUARD_OF(PEOPLE_COLUMNS, OTHERWISE, "'\"shared\".\"plain\"'::pg_catalog.regclass", ""))},
    {"the guard of a name in the path",
     FENCE_OF(ALL, FROM,
              "(" PREDICATE ") AND " GUARD_OF(PEOPLE_COLUMNS, OTHERWISE, "'\"people\"'::pg_catalog.regclass", ""))},
    {"the guard of fewer columns",
     FENCE_OF(ALL, FROM,
              "(" PREDICATE ") AND " GUARD_OF("ARRAY['id int8']::pg_catalog.text[]", OTHERWISE, PEOPLE, ""))},
    {"the guard looks at fewer columns",
     FENCE_OF(ALL, FROM,
              "(" PREDICATE ") AND " GUARD_OF(PEOPLE_COLUMNS, OTHERWISE, PEOPLE, " AND rg_a.attname <> 'x'"))},
    {"the guard reads the names of the transaction's snapshot",
     FENCE_OF(ALL, FROM, "(" PREDICATE ") AND " GUARD_NAMED("rg_a.attname", PEOPLE_COLUMNS, OTHERWISE, PEOPLE, ""))},
    {"the guard is true otherwise",
     FENCE_OF(ALL, FROM, "(" PREDICATE ") AND " GUARD_OF(PEOPLE_COLUMNS, "true", PEOPLE, ""))},
    {"the guard has another operator",
     FENCE_OF(ALL, FROM, "(" PREDICATE ") AND (SELECT true FROM pg_catalog.pg_attribute AS rg_a)")},
    {"a guard in the client's place", "SELECT " GUARD},
    {"pg_attribute beside the fence", FENCE_OF("rg_r.id", FROM, WHERE) ", pg_catalog.pg_attribute AS a"},
    {"a conjunct on a masked column", FENCE_OF("rg_r.id", FROM, WHERE " AND rg_r.email = 'x'")},
    {"a conjunct on a denied column", FENCE_OF("rg_r.id", FROM, WHERE " AND rg_r.ssn = 'x'")},
    {"a conjunct that is not leakproof", FENCE_OF("rg_r.id", FROM, WHERE " AND rg_r.id < 5")},
    {"not materialized",
     "SELECT * FROM (WITH rg_m AS (SELECT rg_r.id FROM " FROM " WHERE " WHERE ") SELECT * FROM rg_m) AS p"},
    {"a sub-select without WITH", "SELECT * FROM (SELECT rg_r.id FROM " FROM " WHERE " WHERE ") AS p"},
    {"another alias", FENCE_OF("rg_r.id", "shared.people AS r", WHERE)},
    {"a list of column names", FENCE_OF("rg_r.id", "shared.people AS rg_r (a, b, c, id)", WHERE)},
    {"a join", FENCE_OF("rg_r.id", FROM " JOIN t_acme.x ON true", WHERE)},
    {"two relations", FENCE_OF("rg_r.id", FROM ", t_acme.x", WHERE)},
    {"DISTINCT", FENCE_OF("DISTINCT rg_r.id", FROM, WHERE)},
    {"GROUP BY", FENCE_OF("rg_r.id", FROM, WHERE " GROUP BY rg_r.id, rg_r.email")},
    {"ORDER BY", FENCE_OF("rg_r.id", FROM, WHERE " ORDER BY rg_r.email")},
    {"LIMIT", FENCE_OF("rg_r.id", FROM, WHERE " LIMIT 1")},
    {"UNION", FENCE_OF("rg_r.id", FROM, WHERE " UNION ALL SELECT p.email FROM shared.people AS p")},
    {"a system sample", FENCE_OF("rg_r.id", FROM " TABLESAMPLE pg_catalog.system (10)", WHERE)},
    {"EXPLAIN", "EXPLAIN " FENCE_OF("rg_r.id", FROM, WHERE)},
    {"an unmasked relation's fence of columns with a mask's guard", FENCE_OF("rg_r.id", "shared.plain AS rg_r", WHERE)},
    {"a mask of a column that is not there", FENCE_OF("rg_r.id", "shared.lost AS rg_r", STAFF_GUARD)},
    {"a mask that is no expression", FENCE_OF("true AS salary", "shared.broken AS rg_r",
                                              GUARD_OF("ARRAY['salary int8']::pg_catalog.text[]", OTHERWISE,
                                                       "'\"shared\".\"broken\"'::pg_catalog.regclass", ""))},
    {"a relation that the snapshot lacks", FENCE_OF("rg_r.id", "shared.unknown AS rg_r", STAFF_GUARD)},
    {"a mask of a whole schema",
     FENCE_OF("CASE WHEN false THEN rg_r.salary END AS salary", "masked.staff AS rg_r", STAFF_GUARD)},
    {"a relation that may not be read", FENCE_OF("rg_r.id", "shared.written AS rg_r", STAFF_GUARD)},
};

static const struct row bad_writes[] = {
    {"UPDATE", "UPDATE t_acme.staff SET id = 1"},
    {"UPDATE RETURNING", "UPDATE t_acme.staff SET id = 1 RETURNING salary"},
    {"DELETE", "DELETE FROM t_acme.staff"},
    {"INSERT", "INSERT INTO t_acme.staff (id) VALUES (1)"},
    {"UPDATE of a relation that may not be read", "UPDATE shared.written SET salary = 1"},
};

struct world {
    struct policy_relations *relations;
    struct check_limits limits;
};

static int setup(void **state)
{
    static struct world world;
    world.relations = NULL;
    assert_ok(policy_relations_parse(rg_slice_of(snapshot_text), &world.relations));
    world.limits = (struct check_limits){
        .relation_count = COUNT_OF(relations),
        .relations = relations,
        .function_count = COUNT_OF(functions),
        .functions = functions,
        .snapshot = world.relations,
    };
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    policy_relations_free(&((struct world *)*state)->relations);
    return 0;
}

static size_t count_wrong(const struct row *rows, size_t count, const struct check_limits *limits, bool want_ok)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        struct rg_arena arena = {0};
        rg_arena_init(&arena, 16 << 20);
        rg_status status = check_statement(rg_slice_of(rows[i].text), limits, &arena);
        bool is_meant = want_ok ? rg_is_ok(status)
                                : !rg_is_ok(status) && status.error->kind == RG_DENIED &&
                                      strstr(status.error->text, "syntax error") == NULL;
        if (!is_meant) {
            print_error("%s: %s\n", rows[i].name, rg_is_ok(status) ? "accepted" : status.error->text);
            wrong++;
        }
        rg_arena_done(&arena);
    }
    return wrong;
}

static void accepts_the_fence_that_it_makes_itself(void **state)
{
    const struct world *world = *state;
    assert_int_equal(count_wrong(good, COUNT_OF(good), &world->limits, true), 0);
}

static void refuses_what_shows_more_than_the_mask(void **state)
{
    const struct world *world = *state;
    assert_int_equal(count_wrong(bad, COUNT_OF(bad), &world->limits, false), 0);
}

static void refuses_writes_to_a_masked_relation(void **state)
{
    const struct world *world = *state;
    struct check_limits writing = world->limits;
    writing.allow_write = true;
    assert_int_equal(count_wrong(bad_writes, COUNT_OF(bad_writes), &writing, false), 0);
}

static void refuses_every_masked_relation_without_a_snapshot(void **state)
{
    const struct world *world = *state;
    struct check_limits blind = world->limits;
    blind.snapshot = NULL;
    assert_int_equal(count_wrong(good, COUNT_OF(good), &blind, false), 0);
}

static const struct row formats[] = {
    {"the order of a date", "SET LOCAL datestyle = 'SQL, DMY'"},
    {"of the session", "SET DateStyle = german"},
    {"the zone", "SET LOCAL TIME ZONE 'Europe/Berlin'"},
    {"the zone as an interval", "SET LOCAL TIME ZONE INTERVAL '1' HOUR"},
    {"intervals", "SET LOCAL intervalstyle = sql_standard"},
    {"digits", "SET LOCAL extra_float_digits = -10"},
    {"the login's own", "RESET timezone"},
    {"the login's own, by SET", "SET LOCAL datestyle TO DEFAULT"},
};

static void refuses_settings_that_give_masked_values_another_text(void **state)
{
    const struct world *world = *state;
    struct check_limits fixed = world->limits;
    assert_int_equal(count_wrong(formats, COUNT_OF(formats), &fixed, true), 0);
    fixed.are_formats_fixed = true;
    assert_int_equal(count_wrong(formats, COUNT_OF(formats), &fixed, false), 0);
    const struct row placeholder = {"no format", "SET standard_conforming_strings = on"};
    assert_int_equal(count_wrong(&placeholder, 1, &fixed, true), 0);
}

static void fails_when_its_memory_is_full(void **state)
{
    const struct world *world = *state;
    bool is_ok = false;
    for (size_t limit = 1000; !is_ok && limit < (16 << 20); limit += 3000) {
        struct rg_arena arena = {0};
        rg_arena_init(&arena, limit);
        rg_status status = check_statement(rg_slice_of(good[0].text), &world->limits, &arena);
        is_ok = rg_is_ok(status);
        assert_true(is_ok || status.error->kind == RG_LIMIT);
        rg_arena_done(&arena);
    }
    assert_true(is_ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_fence_that_it_makes_itself),
        cmocka_unit_test(refuses_what_shows_more_than_the_mask),
        cmocka_unit_test(refuses_writes_to_a_masked_relation),
        cmocka_unit_test(refuses_every_masked_relation_without_a_snapshot),
        cmocka_unit_test(refuses_settings_that_give_masked_values_another_text),
        cmocka_unit_test(fails_when_its_memory_is_full),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
