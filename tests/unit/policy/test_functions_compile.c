/* SPDX-License-Identifier: Apache-2.0 */
/* [functions]: what may be listed, what never, and what each tenant gets of it. */
#include "base/rg_memory.h"
#include "policy/functions.h"
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

enum { ROWS_MAX = 4 };

struct lists {
    const char *allow[ROWS_MAX];
    const char *deny[ROWS_MAX];
};

static size_t take(const char *const *texts, struct policy_function_row *rows)
{
    size_t count = 0;
    for (; count < ROWS_MAX && texts[count] != NULL; count++) {
        rows[count] =
            (struct policy_function_row){rg_slice_of(texts[count]), {"policies.toml", (unsigned)count + 1, 3}};
    }
    return count;
}

/* A world with these lists; *out_status says how its policies compiled. */
static void begin(struct policy_world *world, const struct lists *lists, rg_status *out_status)
{
    static struct policy_function_row allow[ROWS_MAX];
    static struct policy_function_row deny[ROWS_MAX];
    *world = (struct policy_world){.session = {.user = {"alice", 5}, .pid = 4711}};
    rg_arena_init(&world->arena, 1 << 30);
    rg_diag_init(&world->diag, &world->arena);
    world->source = policy_world_source();
    world->source.function_allow_count = take(lists->allow, allow);
    world->source.function_allow = allow;
    world->source.function_deny_count = take(lists->deny, deny);
    world->source.function_deny = deny;
    *out_status = policy_compile(&world->source, &world->diag, &world->set);
}

static bool says(const struct policy_world *world, enum rg_severity severity, const char *text)
{
    for (const struct rg_finding *finding = world->diag.first; finding != NULL; finding = finding->next) {
        if (finding->severity == severity &&
            memmem(finding->text.data, finding->text.size, text, strlen(text)) != NULL) {
            return true;
        }
    }
    return false;
}

static void refuses_what_is_no_signature_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *because;
    } rows[] = {
        {"", "is no function's name"},
        {".", "is no function's name"},
        {"sales.", "is no function's name"},
        {"a.b.c", "is no function's name"},
        {"sales.margin", "needs the types of its arguments"},
        {"sales.margin(", "is no function's signature"},
        {"sales.margin(numeric", "is no function's signature"},
        {"sales.margin(numeric,)", "is no function's signature"},
        {"sales.margin(numeric) x", "is no function's signature"},
        {"sales.margin(numeric); DROP TABLE a; ALTER FUNCTION f(int)", "is no function's signature"},
        {"sales.margin(numeric) RENAME TO x --", "is no function's signature"},
        {"sales.margin(numeric) IMMUTABLE", "is no function's signature"},
        {"db.sales.margin(numeric)", "is no function's signature"},
        {"(numeric)", "is no function's signature"},
        {"sales.margin(*)", "is no function's signature"},
        {"sales.margin(a numeric)", "types alone"},
        {"sales.margin(OUT numeric)", "types alone"},
        {"sales.margin(VARIADIC numeric[])", "types alone"},
        {"sales.margin(numeric(10, 2))", "modifier"},
        {"sales.margin(int[][])", "modifier"},
        {"sales.margin(SETOF numeric)", "one of PostgreSQL's own"},
        {"sales.margin(sales.orders.id%TYPE)", "one of PostgreSQL's own"},
        {"sales.margin(regclass)", "one of PostgreSQL's own"},
        {"sales.margin(sales.mood)", "one of PostgreSQL's own"},
        {"sales.margin(public.numeric)", "one of PostgreSQL's own"},
        {"sales.margin(anyelement)", "one of PostgreSQL's own"},
        {"sales.margin(internal)", "one of PostgreSQL's own"},
        {"sales.margin(\xff)", "is no function's signature"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy_world world;
        rg_status status = RG_OK;
        begin(&world, &(struct lists){.allow = {rows[i].text}}, &status);
        if (rg_is_ok(status) || status.error->kind != RG_CONFIG || !says(&world, RG_SEVERITY_ERROR, rows[i].because)) {
            print_error("%s: not refused, or for something else\n", rows[i].text);
            fail();
        }
        assert_null(world.set);
        assert_int_equal(world.diag.first->place.line, 1);
        policy_world_done(&world);
    }
}

static void some_functions_can_never_be_allowed(void **state)
{
    (void)state;
    static const char *const names[] = {
        "pg_read_file",
        "pg_catalog.pg_ls_dir",
        "pg_read_binary_file(text)",
        "lo_import",
        "lo_get(oid)",
        "dblink",
        "sales.dblink(text, text)",
        "sales.dblink_exec(text)",
        "query_to_xml",
        "table_to_xml",
        "schema_to_xml",
        "database_to_xml",
        "ts_stat",
        "ts_rewrite",
        "crosstab",
        "sales.crosstab(text)",
        "connectby",
        "sales.xpath_table(text)",
        "set_config",
        "set_config(text, text, boolean)",
        "pg_sleep",
        "pg_advisory_lock",
        "pg_try_advisory_lock",
        "pg_notify",
        "pg_stat_get_numscans",
        "pg_stat_reset",
        "pg_relation_size",
        "pg_terminate_backend",
        "pg_blocking_pids(int)",
        "nextval",
        "setval",
        "currval",
        "lastval",
        "has_table_privilege",
        "to_regclass",
        "txid_current",
        "inet_server_addr",
        "current_query",
        "sales.lo_put(oid, bytea)",
        "sales.pg_read_file(text)",
        "pg_logical_slot_get_changes",
        "pg_export_snapshot",
        "pg_get_functiondef",
        "pg_identify_object",
        "sales.postgres_fdw_get_connections()",
        "binary_upgrade_set_next_pg_type_oid",
        "row_security_active",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct policy_world world;
        rg_status status = RG_OK;
        begin(&world, &(struct lists){.allow = {names[i]}}, &status);
        if (rg_is_ok(status) || !says(&world, RG_SEVERITY_ERROR, "can never be allowed")) {
            print_error("%s can be allowed\n", names[i]);
            fail();
        }
        policy_world_done(&world);
    }
}

static void nothing_on_the_built_in_list_is_also_on_the_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < function_count(); i++) {
        assert_null(function_never(rg_slice_of(function_at(i)->name), true));
    }
    assert_null(function_never(RG_SLICE("margin"), false));
    assert_null(function_never(RG_SLICE("has_stock"), false)); /* of the tenant's own schema */
    assert_non_null(function_never(RG_SLICE("has_stock"), true));
}

static void warns_of_rows_that_do_nothing_or_too_much(void **state)
{
    (void)state;
    static const struct {
        struct lists lists;
        const char *warning;
    } rows[] = {
        {{.allow = {"lower"}}, "on the built-in list already"},
        {{.allow = {"pg_catalog.lower(text)"}}, "on the built-in list already"},
        {{.allow = {"current_user"}}, "on the built-in list already"},
        {{.allow = {"similarity"}}, "is not on the built-in list"},
        {{.allow = {"similarity(text, text)"}}, "is not on the built-in list"},
        {{.allow = {"similarity"}, .deny = {"pg_catalog.similarity"}}, "denying wins"},
        {{.allow = {"sales.margin(int)"}, .deny = {"sales.margin"}}, "denying wins"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy_world world;
        rg_status status = RG_OK;
        begin(&world, &rows[i].lists, &status);
        assert_ok(status);
        if (!says(&world, RG_SEVERITY_WARNING, rows[i].warning)) {
            print_error("row %zu: no warning \"%s\"\n", i, rows[i].warning);
            fail();
        }
        policy_world_done(&world);
    }
}

static void refuses_two_of_a_name_that_a_call_could_not_tell_apart(void **state)
{
    (void)state;
    static const struct lists wrong[] = {
        {.allow = {"sales.margin(int)", "sales.margin(text)"}},
        {.allow = {"similarity", "similarity(text, text)"}},
        {.allow = {"similarity(text, text)", "similarity"}},
        {.allow = {"pg_catalog.similarity(text)", "similarity(int)"}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct policy_world world;
        rg_status status = RG_OK;
        begin(&world, &wrong[i], &status);
        assert_fails(RG_CONFIG, status);
        assert_true(says(&world, RG_SEVERITY_ERROR, "another row allows this name"));
        policy_world_done(&world);
    }
    struct policy_world world;
    rg_status status = RG_OK;
    begin(&world, &(struct lists){.allow = {"sales.margin(int)", "sales.margin(int, int)", "other.margin(text)"}},
          &status);
    assert_ok(status);
    policy_world_done(&world);
}

static void deny_takes_names_alone(void **state)
{
    (void)state;
    static const char *const wrong[] = {"lower(text)", "sales.margin(int)", "", "a.b.c"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct policy_world world;
        rg_status status = RG_OK;
        begin(&world, &(struct lists){.deny = {wrong[i]}}, &status);
        assert_fails(RG_CONFIG, status);
        assert_true(says(&world, RG_SEVERITY_ERROR, "deny takes the name"));
        policy_world_done(&world);
    }
}

static const struct policy_statement *plan(struct policy_world *world, const char *text)
{
    struct policy_plan made = {0};
    assert_ok(policy_world_plan(world, rg_slice_of(text), &made));
    assert_int_equal(made.count, 1);
    return &made.statements[0];
}

static void what_only_the_configuration_knows_may_change_something(void **state)
{
    (void)state;
    struct policy_world world;
    rg_status status = RG_OK;
    begin(&world, &(struct lists){.allow = {"sales.margin(int)", "similarity", "other.total(int)"}}, &status);
    assert_ok(status);
    assert_ok(policy_world_bind(world.set, &world.binding));
    assert_true(plan(&world, "SELECT lower('a')")->is_read);
    assert_int_equal(plan(&world, "SELECT sales.margin(1)")->verdict, POLICY_ALLOW);
    assert_false(plan(&world, "SELECT sales.margin(1)")->is_read);
    assert_false(plan(&world, "SELECT similarity('a', 'b')")->is_read);
    assert_false(plan(&world, "COPY (SELECT margin(1)) TO STDOUT")->is_read);
    assert_false(plan(&world, "EXPLAIN SELECT margin(1)")->is_read);
    assert_int_equal(plan(&world, "DECLARE c CURSOR FOR SELECT margin(1)")->verdict, POLICY_DENY);
    assert_int_equal(plan(&world, "SELECT other.total(1)")->verdict, POLICY_DENY); /* a schema that is not acme's */
    policy_world_done(&world);
}

static void the_digest_tells_signatures_apart(void **state)
{
    (void)state;
    static const struct lists lists[] = {
        {.allow = {NULL}},
        {.allow = {"sales.margin(int)"}},
        {.allow = {"sales.margin(int[])"}},
        {.allow = {"sales.margin(text)"}},
        {.allow = {"sales.margin()"}},
        {.allow = {"other.margin(int)"}},
        {.allow = {"sales.margins(int)"}},
    };
    struct rg_digest digests[sizeof lists / sizeof *lists];
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct policy_world world;
        rg_status status = RG_OK;
        begin(&world, &lists[i], &status);
        assert_ok(status);
        digests[i] = *policy_set_digest(world.set);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(digests[i].bytes, digests[j].bytes, sizeof digests[i].bytes);
        }
        policy_world_done(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_signature_with_its_place),
        cmocka_unit_test(some_functions_can_never_be_allowed),
        cmocka_unit_test(nothing_on_the_built_in_list_is_also_on_the_other),
        cmocka_unit_test(warns_of_rows_that_do_nothing_or_too_much),
        cmocka_unit_test(refuses_two_of_a_name_that_a_call_could_not_tell_apart),
        cmocka_unit_test(deny_takes_names_alone),
        cmocka_unit_test(what_only_the_configuration_knows_may_change_something),
        cmocka_unit_test(the_digest_tells_signatures_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
