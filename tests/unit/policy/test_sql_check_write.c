/* SPDX-License-Identifier: Apache-2.0 */
/* The checker against writes that a broken or hostile rewriter could emit: each may go to a relation that allows it,
 * and to no other, and whatever else it names obeys the rules of every query. */
#include "tests/support/check_world.h"

static const char known[] = "{\"version\": 1, \"server\": 150020, \"operators\": [], \"relations\": ["
#define RELATION(name, kind)                                                                                           \
    "{\"schema\": \"locked\", \"name\": \"" name "\", \"kind\": \"" kind                                               \
    "\", \"columns\": [[\"id\", \"int8\"]], \"parents\": [], "                                                         \
    "\"reads\": []}"
    RELATION("inbox", "p") ", " RELATION("masked", "r") ", " RELATION("nothing", "r") ", " RELATION(
        "orders", "r") ", " RELATION("view", "v") "]}";

static struct check_limits writing;
static struct policy_relations *relations_known;

static int know_the_relations(void **state)
{
    (void)state;
    assert_ok(policy_relations_parse(rg_slice_of(known), &relations_known));
    writing = reading;
    writing.allow_write = true;
    writing.snapshot = relations_known;
    return 0;
}

static int forget_the_relations(void **state)
{
    (void)state;
    policy_relations_free(&relations_known);
    return 0;
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
        {"foreign collation in ON CONFLICT", "INSERT INTO writable.notes VALUES (1) ON CONFLICT (a COLLATE public.x) "
                                             "DO NOTHING"},
        {"operator class in ON CONFLICT",
         "INSERT INTO writable.notes VALUES (1) ON CONFLICT (a public.ops) DO NOTHING"},
    };
    assert_int_equal(count_wrong(writes, COUNT_OF(writes), &writing, true), 0);
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &writing, false), 0);
    assert_int_equal(count_wrong(writes, COUNT_OF(writes), &reading, false), 0);
}

#define MERGE_INTO(target) "MERGE INTO " target " USING t_acme.a ON a.id = n.id "

static void accepts_a_merge_only_with_every_right_that_it_uses(void **state)
{
    (void)state;
    static const struct row right[] = {
        {"all actions", MERGE_INTO("writable.notes n") "WHEN MATCHED AND n.a > 1 THEN UPDATE SET a = a.id, (b, c) = "
                                                       "(SELECT 1, 2) WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN "
                                                       "INSERT (a) OVERRIDING USER VALUE VALUES (a.id)"},
        {"nothing", MERGE_INTO("writable.notes n") "WHEN MATCHED THEN DO NOTHING"},
        {"insert alone", MERGE_INTO("writable.log n") "WHEN NOT MATCHED THEN INSERT VALUES (1)"},
        {"fence as source", "MERGE INTO writable.notes n USING " FENCE " AS o ON o.id = n.id WHEN MATCHED THEN DELETE"},
        {"WITH item as source", "WITH o AS (SELECT 1 AS id) MERGE INTO writable.notes n USING o ON o.id = n.id WHEN "
                                "MATCHED THEN DELETE"},
        {"locked", MERGE_INTO("locked.orders n") "WHEN NOT MATCHED THEN INSERT DEFAULT VALUES"},
    };
    static const struct row wrong[] = {
        {"another schema", MERGE_INTO("t_globex.notes n") "WHEN MATCHED THEN DELETE"},
        {"unqualified", MERGE_INTO("notes n") "WHEN MATCHED THEN DELETE"},
        {"with its database", MERGE_INTO("db.writable.notes n") "WHEN MATCHED THEN DELETE"},
        {"own relation without a flag", MERGE_INTO("t_acme.b n") "WHEN MATCHED THEN DO NOTHING"},
        {"relation only read", MERGE_INTO("writable.readonly n") "WHEN MATCHED THEN DO NOTHING"},
        {"delete without the right", MERGE_INTO("writable.log n") "WHEN MATCHED THEN DELETE"},
        {"update without the right", MERGE_INTO("writable.log n") "WHEN MATCHED THEN UPDATE SET a = 1"},
        {"insert without the right", MERGE_INTO("locked.nothing n") "WHEN NOT MATCHED THEN INSERT VALUES (1)"},
        {"not to be read", MERGE_INTO("writable.blind n") "WHEN NOT MATCHED THEN INSERT VALUES (1)"},
        {"needs a predicate", MERGE_INTO("writable.fenced n") "WHEN MATCHED THEN DELETE"},
        {"masked", MERGE_INTO("writable.masked n") "WHEN MATCHED THEN DELETE"},
        {"masked and locked", MERGE_INTO("locked.masked n") "WHEN MATCHED THEN DELETE"},
        {"bare shared source", "MERGE INTO writable.notes n USING shared.orders o ON true WHEN MATCHED THEN DELETE"},
        {"locked source", "MERGE INTO writable.notes n USING locked.orders o ON true WHEN MATCHED THEN DELETE"},
        {"leak in its source", "MERGE INTO writable.notes n USING " LEAK " o ON true WHEN MATCHED THEN DELETE"},
        {"leak in ON", "MERGE INTO writable.notes n USING t_acme.a ON n.id = " LEAK " WHEN MATCHED THEN DELETE"},
        {"leak in a condition", MERGE_INTO("writable.notes n") "WHEN MATCHED AND EXISTS " LEAK " THEN DELETE"},
        {"leak in SET", MERGE_INTO("writable.notes n") "WHEN MATCHED THEN UPDATE SET a = " LEAK},
        {"leak in a multiple SET",
         MERGE_INTO("writable.notes n") "WHEN MATCHED THEN UPDATE SET (a, b) = (SELECT 1, id FROM shared.orders)"},
        {"leak in VALUES", MERGE_INTO("writable.notes n") "WHEN NOT MATCHED THEN INSERT VALUES (" LEAK ")"},
        {"leak in WITH",
         "WITH x AS " LEAK " " MERGE_INTO("writable.notes n") "WHEN NOT MATCHED THEN INSERT VALUES (1)"},
        {"system column written", MERGE_INTO("writable.notes n") "WHEN MATCHED THEN UPDATE SET ctid = '(0,1)'"},
        {"system column read", MERGE_INTO("writable.notes n") "WHEN MATCHED AND n.xmin IS NULL THEN DELETE"},
        {"within WITH", "WITH x AS (" MERGE_INTO("writable.notes n") "WHEN MATCHED THEN DELETE) SELECT 1"},
        {"explained", "EXPLAIN " MERGE_INTO("writable.notes n") "WHEN MATCHED THEN DELETE"},
        {"function", MERGE_INTO("writable.notes n") "WHEN MATCHED THEN UPDATE SET a = pg_catalog.pg_sleep(1)"},
    };
    assert_int_equal(count_wrong(right, COUNT_OF(right), &writing, true), 0);
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &writing, false), 0);
    assert_int_equal(count_wrong(right, COUNT_OF(right), &reading, false), 0);
}

/* Where the database enforces the predicate, its relation may be a bare target, and nothing else. */
static void accepts_a_locked_relation_as_a_target_alone(void **state)
{
    (void)state;
    static const struct row right[] = {
        {"INSERT", "INSERT INTO locked.orders (id) VALUES (1) RETURNING id"},
        {"INSERT into one that is not read", "INSERT INTO locked.inbox VALUES (1) ON CONFLICT DO NOTHING"},
        {"upsert", "INSERT INTO locked.orders VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1"},
        {"UPDATE", "UPDATE locked.orders SET a = 1 WHERE id = 2"},
        {"DELETE", "DELETE FROM locked.orders WHERE id = 1 RETURNING *"},
    };
    static const struct row wrong[] = {
        {"read bare", "SELECT * FROM locked.orders"},
        {"source of itself", "INSERT INTO locked.orders SELECT * FROM locked.orders"},
        {"FROM itself", "UPDATE locked.orders SET a = 1 FROM locked.orders x"},
        {"USING itself", "DELETE FROM locked.orders USING locked.orders x"},
        {"sub-select of itself", "UPDATE locked.orders SET a = (SELECT 1 FROM locked.orders)"},
        {"in RETURNING", "DELETE FROM locked.orders RETURNING (SELECT 1 FROM locked.orders)"},
        {"ON CONSTRAINT", "INSERT INTO locked.orders VALUES (1) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING"},
        {"COPY", "COPY locked.orders FROM STDIN"},
        {"without the right to update", "UPDATE locked.inbox SET a = 1"},
        {"without the right to read", "INSERT INTO locked.inbox VALUES (1) RETURNING id"},
        {"without any right", "INSERT INTO locked.nothing VALUES (1)"},
        {"INSERT into a masked one", "INSERT INTO locked.masked VALUES (1)"},
        {"UPDATE of a masked one", "UPDATE writable.masked SET a = 1"},
        {"DELETE from a masked one", "DELETE FROM writable.masked"},
        {"COPY into a masked one", "COPY writable.masked FROM STDIN"},
        {"a view", "INSERT INTO locked.view VALUES (1)"},
        {"UPDATE of what is not known", "UPDATE locked.unknown SET a = 1"},
        {"shared relation without the lock", "INSERT INTO shared.orders VALUES (1)"},
    };
    assert_int_equal(count_wrong(right, COUNT_OF(right), &writing, true), 0);
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &writing, false), 0);
    struct check_limits blind = writing;
    blind.snapshot = NULL;
    assert_int_equal(count_wrong(right, COUNT_OF(right), &blind, false), 0);
}

static void a_write_that_reads_needs_the_right_to_read(void **state)
{
    (void)state;
    static const struct row right[] = {
        {"UPDATE", "UPDATE writable.blind SET a = 1, b = DEFAULT, c = $1"},
        {"DELETE", "DELETE FROM writable.blind"},
        {"INSERT SELECT", "INSERT INTO writable.blind SELECT a.id FROM t_acme.a WHERE a.id > 1"},
        {"DO NOTHING", "INSERT INTO writable.blind VALUES (1) ON CONFLICT DO NOTHING"},
    };
    static const struct row wrong[] = {
        {"SET", "UPDATE writable.blind SET a = a + 1"},
        {"SET by several", "UPDATE writable.blind SET (a, b) = (b, a)"},
        {"SET of elements", "UPDATE writable.blind SET a[b] = 1"},
        {"UPDATE WHERE", "UPDATE writable.blind SET a = 1 WHERE b = 1"},
        {"UPDATE RETURNING", "UPDATE writable.blind SET a = 1 RETURNING a"},
        {"UPDATE RETURNING the row", "UPDATE writable.blind SET a = 1 RETURNING blind"},
        {"DELETE WHERE", "DELETE FROM writable.blind WHERE a = 1"},
        {"DELETE by a sub-select",
         "DELETE FROM writable.blind WHERE EXISTS (SELECT FROM t_acme.a WHERE a.id = blind.id)"},
        {"DELETE RETURNING", "DELETE FROM writable.blind RETURNING *"},
        {"INSERT RETURNING", "INSERT INTO writable.blind VALUES (1) RETURNING *"},
        {"inference", "INSERT INTO writable.blind VALUES (1) ON CONFLICT (a) DO NOTHING"},
        {"constraint", "INSERT INTO writable.blind VALUES (1) ON CONFLICT ON CONSTRAINT x DO NOTHING"},
        {"DO UPDATE", "INSERT INTO writable.blind VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1"},
    };
    assert_int_equal(count_wrong(right, COUNT_OF(right), &writing, true), 0);
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &writing, false), 0);
}

static void accepts_copy_from_the_client_into_an_own_relation_alone(void **state)
{
    (void)state;
    static const struct row right[] = {
        {"plain", "COPY writable.notes FROM STDIN"},
        {"columns", "COPY writable.notes (a, b) FROM STDIN"},
        {"options", "COPY writable.log (a) FROM STDIN (FORMAT csv, HEADER, DELIMITER ',', NULL '', QUOTE '\"', ESCAPE "
                    "'\"', ENCODING 'UTF8', FORCE_NULL (a), FORCE_NOT_NULL (a))"},
        {"not to be read", "COPY writable.blind FROM STDIN"},
    };
    static const struct row wrong[] = {
        {"file", "COPY writable.notes FROM '/etc/passwd'"},
        {"program", "COPY writable.notes FROM PROGRAM 'id'"},
        {"WHERE", "COPY writable.notes FROM STDIN WHERE a > 1"},
        {"binary", "COPY writable.notes FROM STDIN (FORMAT binary)"},
        {"binary, old spelling", "COPY BINARY writable.notes FROM STDIN"},
        {"FREEZE", "COPY writable.notes FROM STDIN (FREEZE)"},
        {"unknown option", "COPY writable.notes FROM STDIN (on_error ignore)"},
        {"force_quote is for the other way", "COPY writable.notes FROM STDIN (FORMAT csv, FORCE_QUOTE (a))"},
        {"unqualified", "COPY notes FROM STDIN"},
        {"another schema", "COPY t_globex.notes FROM STDIN"},
        {"with its database", "COPY db.writable.notes FROM STDIN"},
        {"catalogue", "COPY pg_catalog.pg_authid FROM STDIN"},
        {"relation only read", "COPY writable.readonly FROM STDIN"},
        {"own relation without a flag", "COPY t_acme.a FROM STDIN"},
        {"relation that needs a predicate", "COPY writable.fenced FROM STDIN"},
        {"shared", "COPY shared.orders FROM STDIN"},
        {"system column", "COPY writable.notes (a, tableoid) FROM STDIN"},
    };
    assert_int_equal(count_wrong(right, COUNT_OF(right), &writing, true), 0);
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &writing, false), 0);
    assert_int_equal(count_wrong(right, COUNT_OF(right), &reading, false), 0);
}

/* Parsed, the source of SET (a, b) = source stands once for each column: nested, that would be a power. */
static void refuses_assignments_that_would_grow_as_a_power(void **state)
{
    (void)state;
    static const struct row wrong[] = {
        {"nested", "UPDATE writable.notes SET (a, b) = (WITH x AS (UPDATE writable.notes SET (c, d) = (SELECT 1, 2) "
                   "RETURNING 1, 2) SELECT * FROM x)"},
        {"system column", "UPDATE writable.notes SET (a, xmin) = (SELECT 1, 2)"},
        {"field", "UPDATE writable.notes SET (a, b.c) = (SELECT 1, 2)"},
    };
    static const struct row right[] = {
        {"two of them", "UPDATE writable.notes SET (a, b) = (SELECT 1, 2), c = 3, (d, e) = (4, DEFAULT)"},
        {"one column", "UPDATE writable.notes SET (a) = (SELECT 1)"},
    };
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &writing, false), 0);
    assert_int_equal(count_wrong(right, COUNT_OF(right), &writing, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_writes_only_where_the_row_allows_them),
        cmocka_unit_test(accepts_a_merge_only_with_every_right_that_it_uses),
        cmocka_unit_test(accepts_a_locked_relation_as_a_target_alone),
        cmocka_unit_test(a_write_that_reads_needs_the_right_to_read),
        cmocka_unit_test(accepts_copy_from_the_client_into_an_own_relation_alone),
        cmocka_unit_test(refuses_assignments_that_would_grow_as_a_power),
    };
    return cmocka_run_group_tests(tests, know_the_relations, forget_the_relations);
}
