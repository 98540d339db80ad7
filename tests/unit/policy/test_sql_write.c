/* SPDX-License-Identifier: Apache-2.0 */
/* What the session and the audit are told about writes, what the second lock changes, and that a write cannot cost more
 * than its text. The texts themselves are in tests/vectors/rewrite/write.sql and leak_write*.sql. */
#include <time.h>

#include "base/rg_buf.h"
#include "base/rg_memory.h"
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

static struct policy_world world;

static const char known[] = "{\"version\": 1, \"server\": 150020, \"operators\": [], \"relations\": [{\"schema\": "
                            "\"shared\", \"name\": \"orders\", "
                            "\"kind\": \"r\", \"columns\": [[\"id\", \"int8\"]], \"parents\": [], \"reads\": []}]}";

static int begin(void **state)
{
    (void)state;
    assert_ok(policy_world_init(&world));
    return 0;
}

static int end(void **state)
{
    (void)state;
    policy_world_done(&world);
    return 0;
}

static struct policy_statement plan(struct rg_slice text)
{
    struct policy_plan made = {0};
    assert_ok(policy_world_plan(&world, text, &made));
    assert_int_equal(made.count, 1);
    return made.statements[0];
}

static struct policy_statement plan_text(const char *text)
{
    return plan(rg_slice_of(text));
}

static void tells_the_session_what_a_write_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool returns_rows;
        bool takes_data;
    } rows[] = {
        {"INSERT INTO a VALUES (1)", false, false},
        {"INSERT INTO a VALUES (1) RETURNING id", true, false},
        {"UPDATE a SET b = 1", false, false},
        {"UPDATE a SET b = 1 RETURNING *", true, false},
        {"DELETE FROM a", false, false},
        {"DELETE FROM a RETURNING 1", true, false},
        {"MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE", false, false},
        {"WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x", true, false},
        {"COPY a FROM STDIN", false, true},
        {"COPY sales.a (b, c) FROM STDIN (FORMAT csv)", false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy_statement made = plan_text(rows[i].text);
        if (made.verdict != POLICY_ALLOW || made.class_of_statement != POLICY_CLASS_WRITE || made.is_read ||
            made.returns_rows != rows[i].returns_rows || made.takes_data != rows[i].takes_data ||
            made.relation_count < 1 || !rg_slice_is_equal(made.relations[0], RG_SLICE("sales.a"))) {
            print_error("%s: other facts\n", rows[i].text);
            fail();
        }
    }
    assert_false(plan_text("COPY a TO STDOUT").takes_data);
    assert_true(plan_text("COPY a TO STDOUT").is_read);
    assert_false(plan_text("COPY shared.orders FROM STDIN").takes_data);
}

static void a_refused_write_is_still_one_in_the_audit(void **state)
{
    (void)state;
    static const char *const texts[] = {"INSERT INTO shared.orders VALUES (1)", "COPY a FROM PROGRAM 'id'",
                                        "MERGE INTO x.y USING b ON true WHEN MATCHED THEN DELETE",
                                        "DELETE FROM t_globex.orders"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct policy_statement made = plan_text(texts[i]);
        assert_int_equal(made.verdict, POLICY_DENY);
        assert_int_equal(made.class_of_statement, POLICY_CLASS_WRITE);
        assert_int_equal(made.text.size, 0);
    }
}

static struct policy_binding *bind_locked(enum policy_lock lock)
{
    static const struct rg_slice tenant_id[] = {{"11111111-1111-1111-1111-111111111111", 36}};
    static const struct auth_claim_value claims[] = {
        {.is_present = true, .type = {AUTH_SCALAR_UUID, false}, .count = 1, .elements = tenant_id},
        {.is_present = false, .type = {AUTH_SCALAR_TEXT, true}},
    };
    static const struct auth_identity identity = {.kind = AUTH_OIDC, .claim_count = 2, .claims = claims};
    static const struct tenant_schema schemas[] = {{{"sales", 5}, {"t_acme", 6}}};
    static const struct tenant tenant = {.id = {"acme", 4}, .route = {.schema_count = 1, .schemas = schemas}};
    struct policy_binding *binding = NULL;
    assert_ok(policy_bind(
        world.set,
        &(struct policy_subject){.tenant = &tenant, .identity = &identity, .database = {"bi", 2}, .lock = lock},
        &binding));
    return binding;
}

static void the_second_lock_opens_shared_tables_that_are_known(void **state)
{
    (void)state;
    static const struct rg_slice insert = {"INSERT INTO shared.orders (id) VALUES (1)", 41};
    struct policy_binding *unlocked = bind_locked(POLICY_LOCK_NONE);
    struct policy_binding *locked = bind_locked(POLICY_LOCK_SET_LOCAL);
    struct policy_relations *relations = NULL;
    struct policy_session session = world.session;
    struct policy_plan made = {0};
    assert_memory_not_equal(policy_binding_digest(unlocked), policy_binding_digest(locked), sizeof(struct rg_digest));

    assert_ok(policy_plan_text(unlocked, &session, POLICY_SIMPLE, insert, &world.arena, &made));
    assert_true(made.is_denied && !made.statements[0].is_stale);
    assert_ok(policy_plan_text(locked, &session, POLICY_SIMPLE, insert, &world.arena, &made));
    assert_true(made.is_denied && made.statements[0].is_stale); /* a snapshot may allow it */

    assert_ok(policy_relations_parse(rg_slice_of(known), &relations));
    session.relations = relations;
    assert_ok(policy_plan_text(unlocked, &session, POLICY_SIMPLE, insert, &world.arena, &made));
    assert_true(made.is_denied);
    assert_ok(policy_plan_text(locked, &session, POLICY_SIMPLE, insert, &world.arena, &made));
    assert_false(made.is_denied);
    assert_slice(made.statements[0].text, "INSERT INTO shared.orders (id) VALUES (1)");
    assert_ok(
        policy_plan_text(locked, &session, POLICY_SIMPLE, RG_SLICE("DELETE FROM shared.orders"), &world.arena, &made));
    assert_true(made.is_denied && !made.statements[0].is_stale); /* no policy for it */
    policy_relations_free(&relations);
    policy_binding_free(&unlocked);
    policy_binding_free(&locked);
}

/* ---- cost ---- */

static double seconds(void)
{
    struct timespec now = {0};
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* text must be refused as too complex, or allowed, in time that is in proportion. */
static void expect_cheap(const struct rg_buf *buf, bool must_be_refused)
{
    double before = seconds();
    struct policy_statement made = plan(rg_buf_slice(buf));
    assert_true(seconds() - before < 10); /* under sanitizers; a power or a square of these sizes is hours */
    if (must_be_refused) {
        assert_int_equal(made.verdict, POLICY_DENY);
        assert_slice(made.rule, "sql.complexity");
    }
}

static void assignments_to_many_columns_cost_what_they_weigh(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, POLICY_TEXT_MAX);
    assert_ok(rg_buf_put(&buf, RG_SLICE("UPDATE a SET (c0")));
    for (int i = 1; i < 5000; i++) {
        assert_ok(rg_buf_printf(&buf, ", c%d", i));
    }
    assert_ok(rg_buf_put(&buf, RG_SLICE(") = (SELECT 1")));
    for (int i = 1; i < 5000; i++) {
        assert_ok(rg_buf_put(&buf, RG_SLICE(" + 1")));
    }
    assert_ok(rg_buf_put(&buf, RG_SLICE(")")));
    expect_cheap(&buf, true);
}

static void nested_assignments_do_not_double_with_each_level(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, POLICY_TEXT_MAX);
    for (int i = 0; i < 60; i++) {
        assert_ok(rg_buf_put(&buf, RG_SLICE("UPDATE a SET (b, c) = (WITH x AS (")));
    }
    assert_ok(rg_buf_put(&buf, RG_SLICE("SELECT 1")));
    for (int i = 0; i < 60; i++) {
        assert_ok(rg_buf_put(&buf, RG_SLICE(") SELECT 1, 2) RETURNING 1")));
    }
    expect_cheap(&buf, true);
}

static void a_wide_row_is_allowed(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, POLICY_TEXT_MAX);
    assert_ok(rg_buf_put(&buf, RG_SLICE("UPDATE a SET (c0")));
    for (int i = 1; i < 300; i++) {
        assert_ok(rg_buf_printf(&buf, ", c%d", i));
    }
    assert_ok(rg_buf_put(&buf, RG_SLICE(") = (SELECT 0")));
    for (int i = 1; i < 300; i++) {
        assert_ok(rg_buf_printf(&buf, ", %d", i));
    }
    assert_ok(rg_buf_put(&buf, RG_SLICE(") WHERE id = 1")));
    assert_int_equal(plan(rg_buf_slice(&buf)).verdict, POLICY_ALLOW);
}

static void nested_listed_calls_stay_in_proportion(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, POLICY_TEXT_MAX);
    assert_ok(rg_buf_put(&buf, RG_SLICE("SELECT ")));
    for (int i = 0; i < 200; i++) {
        assert_ok(rg_buf_put(&buf, RG_SLICE("sales.margin(")));
    }
    assert_ok(rg_buf_put(&buf, RG_SLICE("1")));
    for (int i = 0; i < 200; i++) {
        assert_ok(rg_buf_put(&buf, RG_SLICE(", 2)")));
    }
    expect_cheap(&buf, false);
    rg_buf_done(&buf);
    rg_buf_init(&buf, POLICY_TEXT_MAX);
    assert_ok(rg_buf_put(&buf, RG_SLICE("SELECT 1")));
    for (int i = 0; i < 20000; i++) {
        assert_ok(rg_buf_put(&buf, RG_SLICE(", margin(1, (((2))))")));
    }
    expect_cheap(&buf, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_the_session_what_a_write_is, begin, end),
        cmocka_unit_test_setup_teardown(a_refused_write_is_still_one_in_the_audit, begin, end),
        cmocka_unit_test_setup_teardown(the_second_lock_opens_shared_tables_that_are_known, begin, end),
        cmocka_unit_test_setup_teardown(assignments_to_many_columns_cost_what_they_weigh, begin, end),
        cmocka_unit_test_setup_teardown(nested_assignments_do_not_double_with_each_level, begin, end),
        cmocka_unit_test_setup_teardown(a_wide_row_is_allowed, begin, end),
        cmocka_unit_test_setup_teardown(nested_listed_calls_stay_in_proportion, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
