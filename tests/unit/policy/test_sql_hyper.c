/* SPDX-License-Identifier: Apache-2.0 */
/* Plans for a Hyper upstream whose parameters have values: what is sent holds them as constants and as nothing else.
 * The statements themselves are in tests/vectors/rewrite/hyper.sql. */
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

enum { INT4 = 23, INT8 = 20, TEXT = 25, NUMERIC = 1700 };

static struct policy_world world;

static rg_status bind_hyper(struct policy_set *set, enum auth_scalar scalar, struct policy_binding **out_binding)
{
    static const struct rg_slice id[] = {{"11111111-1111-1111-1111-111111111111", 36}};
    static const struct rg_slice number[] = {{"1.5", 3}};
    struct auth_claim_value claims[] = {
        {.is_present = true, .type = {AUTH_SCALAR_UUID, false}, .count = 1, .elements = id},
        {.is_present = scalar == AUTH_SCALAR_NUMERIC, .type = {scalar, true}, .count = 1, .elements = number},
    };
    struct auth_identity identity = {.kind = AUTH_OIDC, .claim_count = 2, .claims = claims};
    static const struct tenant_schema schemas[] = {{{"sales", 5}, {"t_acme", 6}}};
    static const struct tenant tenant = {.id = {"acme", 4}, .route = {.schema_count = 1, .schemas = schemas}};
    struct policy_subject subject = {
        .tenant = &tenant, .identity = &identity, .database = {"lake", 4}, .dialect = POLICY_HYPER};
    return policy_bind(set, &subject, out_binding);
}

static int set_up(void **state)
{
    (void)state;
    if (!rg_is_ok(policy_world_init(&world))) {
        return -1;
    }
    policy_binding_free(&world.binding);
    return rg_is_ok(bind_hyper(world.set, AUTH_SCALAR_TEXT, &world.binding)) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    policy_world_done(&world);
    return 0;
}

struct bound {
    const char *sql;
    uint32_t type;
    bool is_binary;
    struct rg_slice value;
    const char *sent; /* NULL = refused */
};

static struct policy_plan plan_bound(const struct bound *row)
{
    struct policy_plan plan = {0};
    struct policy_value value = {.is_binary = row->is_binary, .bytes = row->value};
    world.session.parameter_type_count = 1;
    world.session.parameter_types = &row->type;
    world.session.value_count = 1;
    world.session.values = &value;
    assert_ok(
        policy_plan_text(world.binding, &world.session, POLICY_EXTENDED, rg_slice_of(row->sql), &world.arena, &plan));
    assert_int_equal(plan.count, 1);
    assert_false(plan.is_cacheable && !plan.is_denied); /* it holds a value */
    return plan;
}

#define V(literal)                                                                                                     \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    }

static void values_become_constants_and_nothing_else(void **state)
{
    static const struct bound rows[] = {
        {"SELECT $1", INT4, true, V("\0\0\0\5"), "SELECT  '5'::pg_catalog.int4  AS \"?column?\""},
        {"SELECT $1", TEXT, false, V("it's"), "SELECT  'it''s'::pg_catalog.text  AS \"?column?\""},
        {"SELECT $1", TEXT, false, V("\\' OR 1=1 --"), "SELECT  '\\'' OR 1=1 --'::pg_catalog.text  AS \"?column?\""},
        {"SELECT $1", TEXT, false, V("/* x */ $$ $1 \""),
         "SELECT  '/* x */ $$ $1 \"'::pg_catalog.text  AS \"?column?\""},
        {"SELECT $1", 0, false, V("x'); DROP TABLE a; --"), "SELECT  'x''); DROP TABLE a; --' "},
        {"SELECT $1::int", 0, false, V("7"), "SELECT  '7' ::int"},
        {"SELECT $1", NUMERIC, false, V("-1.50"), "SELECT  '-1.50'::pg_catalog.\"numeric\"(3,2)  AS \"?column?\""},
        {"SELECT 1 LIMIT $1", INT8, false, V("9999999999"), "SELECT 1 LIMIT  9999999999 "},
        {"SELECT 1 LIMIT $1::INTEGER", INT4, true, V("\0\0\0\2"), "SELECT 1 LIMIT  2 "},
        {"SELECT id FROM orders WHERE a=$1", INT4, false, V("5"),
         "SELECT id FROM t_acme.orders WHERE a= '5'::pg_catalog.int4 "},
        {"SELECT $1, '$1', \"$1\" FROM orders", INT4, false, V("5"),
         "SELECT  '5'::pg_catalog.int4  AS \"?column?\", '$1', \"$1\" FROM t_acme.orders"},
        {"SELECT 1 LIMIT $1", TEXT, false, V("1; SELECT 2"), NULL},
        {"SELECT 1 LIMIT $1", INT4, false, V("-1"), NULL},
        {"SELECT 1 LIMIT $1", INT4, false, V("99999999999999999999"), NULL},
        {"SELECT $1", INT4, true, V("\0\0\5"), NULL},
        {"SELECT $1", TEXT, false, V("a\0b"), NULL},
        {"SELECT $1", TEXT, false, V("\xff"), NULL},
        {"SELECT $1", 2205, false, V("t_globex.orders"), NULL},
        {"SELECT $2", INT4, false, V("5"), NULL},
        {"SELECT * FROM t_globex.orders WHERE a = $1", INT4, false, V("5"), NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy_plan plan = plan_bound(&rows[i]);
        struct rg_slice sent = plan.statements[0].text;
        if (plan.is_denied != (rows[i].sent == NULL) ||
            (rows[i].sent != NULL && !rg_slice_is_equal(sent, rg_slice_of(rows[i].sent)))) {
            fail_msg("row %zu: %s\n%.*s", i, plan.is_denied ? "refused" : "sent", (int)sent.size, sent.data);
        }
    }
}

static void without_values_each_parameter_is_a_null_of_its_type(void **state)
{
    static const uint32_t types[] = {INT4, 0};
    struct policy_plan plan = {0};
    (void)state;
    world.session.parameter_type_count = 2;
    world.session.parameter_types = types;
    assert_ok(policy_plan_text(world.binding, &world.session, POLICY_EXTENDED, RG_SLICE("SELECT $1, $2, $3 LIMIT $4"),
                               &world.arena, &plan));
    assert_false(plan.is_denied || plan.is_cacheable);
    assert_int_equal(plan.parameter_count, 4);
    static const uint32_t wanted[] = {INT4, TEXT, TEXT, TEXT};
    assert_memory_equal(plan.parameter_types, wanted, sizeof wanted);
    assert_true(
        rg_slice_is_equal(plan.statements[0].text,
                          RG_SLICE("SELECT  NULL::pg_catalog.int4  AS \"?column?\",  NULL ,  NULL  LIMIT  NULL ")));
}

static void a_simple_query_has_no_parameters(void **state)
{
    struct policy_plan plan = {0};
    (void)state;
    assert_ok(policy_world_plan(&world, RG_SLICE("SELECT $1"), &plan));
    assert_true(plan.is_denied);
    assert_string_equal(plan.statements[0].sqlstate, "42P02");
}

/* 1.5 would be read as 1, which may be another tenant's. */
static void a_numeric_claim_is_refused(void **state)
{
    static const struct auth_claim_spec claims[] = {
        {.name = {"tenant_id", 9}, .type = {AUTH_SCALAR_UUID, false}, .required = true},
        {.name = {"levels", 6}, .type = {AUTH_SCALAR_NUMERIC, true}},
    };
    (void)state;
    struct policy_source source = {.claim_count = 2, .claims = claims};
    struct policy_set *set = NULL;
    struct policy_binding *binding = NULL;
    assert_ok(policy_compile(&source, &world.diag, &set));
    assert_fails(RG_DENIED, bind_hyper(set, AUTH_SCALAR_NUMERIC, &binding));
    assert_null(binding);
    policy_set_free(&set);
}

static void the_dialect_is_part_of_the_binding(void **state)
{
    struct policy_binding *other = NULL;
    (void)state;
    assert_int_equal(policy_binding_dialect(world.binding), POLICY_HYPER);
    assert_ok(policy_world_bind(world.set, &other));
    assert_int_equal(policy_binding_dialect(other), POLICY_POSTGRES);
    assert_memory_not_equal(policy_binding_digest(world.binding)->bytes, policy_binding_digest(other)->bytes, 32);
    policy_binding_free(&other);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_become_constants_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_values_each_parameter_is_a_null_of_its_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_simple_query_has_no_parameters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_numeric_claim_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_dialect_is_part_of_the_binding, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
