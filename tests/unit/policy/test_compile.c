/* SPDX-License-Identifier: Apache-2.0 */
/* Predicates and patterns at load: each mistake is found, with its place, and no set comes out. */
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

struct compiled {
    struct rg_arena arena;
    struct rg_diag diag;
    struct policy_set *set;
};

static rg_status compile_row(struct compiled *compiled, const struct policy_row *row)
{
    rg_arena_init(&compiled->arena, 8 << 20);
    rg_diag_init(&compiled->diag, &compiled->arena);
    compiled->set = NULL;
    struct policy_source source = policy_world_source();
    source.rows = row;
    source.row_count = 1;
    return policy_compile(&source, &compiled->diag, &compiled->set);
}

static void compiled_done(struct compiled *compiled)
{
    policy_set_free(&compiled->set);
    rg_arena_done(&compiled->arena);
}

static struct policy_row row_using(const char *text)
{
    static const struct rg_slice on[] = {{"shared.orders", 13}};
    return (struct policy_row){.name = {"p", 1},
                               .on_count = 1,
                               .on = on,
                               .for_select = true,
                               .using_text = rg_slice_of(text),
                               .place = {"f.toml", 7, 1},
                               .using_place = {"f.toml", 9, 10}};
}

static void good_predicates_compile(void **state)
{
    static const char *const good[] = {
        "tenant_id = :tenant_id",
        "true",
        "tenant_id = :tenant_id -- a comment",
        "tenant_id = :tenant_id /* :unknown */ and region = any(:regions)",
        "note <> ':unknown' and note <> E'it\\':unknown' and tenant_id = :tenant_id",
        "tenant_id::text = :tenant_id::text",
        "region[1:2] = :regions",
        "lower(region) in ('a', 'b') or region is null or x between 1 and 2",
        "case when x > 1 then tenant_id = :tenant_id else false end",
        "coalesce(region, 'x') = any (:regions)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct compiled compiled;
        struct policy_row row = row_using(good[i]);
        rg_status status = compile_row(&compiled, &row);
        if (!rg_is_ok(status)) {
            fail_msg("%s: %.*s", good[i], (int)compiled.diag.first->text.size, compiled.diag.first->text.data);
        }
        compiled_done(&compiled);
    }
}

static void bad_predicates_are_found_with_their_place(void **state)
{
    static const struct {
        const char *text;
        unsigned line, column;
    } bad[] = {
        {"tenant_id = :nobody", 9, 22},
        {"tenant_id = :tenant_id) OR (true", 9, 32},
        {"true) OR (true", 9, 14},
        {"tenant_id = :tenant_id; DROP TABLE x", 9, 10},
        {"tenant_id =", 9, 21},
        {"tenant_id = 1,\ntrue", 9, 10},
        {"tenant_id = 1\n AND nobody.x = 2", 10, 6},
        {"1 AS x", 9, 10},
        {"1 FROM x", 9, 10},
        {"*", 9, 10},
        {"DISTINCT true", 9, 10},
        {"x = (SELECT 1)", 9, 14},
        {"EXISTS (SELECT 1 FROM shared.b)", 9, 10},
        {"count(*) > 1", 9, 10},
        {"sum(x) > 1", 9, 10},
        {"row_number() OVER () = 1", 9, 10},
        {"pg_sleep(1) IS NULL", 9, 10},
        {"public.f(x)", 9, 10},
        {"x = 'a'::public.t", 9, 19},
        {"x OPERATOR(public.=) 1", 9, 12},
        {"x = $1", 9, 10},
        {"x = $10", 9, 10},
        {"ctid IS NULL", 9, 10},
        {":regions[1] = x", 9, 10},
        {"x = 'unterminated", 9, 14},
        {"x = 1 /* open", 9, 16},
        {"x = current_user", 9, 10},
        {"(x).f = 1", 9, 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct compiled compiled;
        struct policy_row row = row_using(bad[i].text);
        assert_fails(RG_CONFIG, compile_row(&compiled, &row));
        assert_null(compiled.set);
        assert_int_equal(compiled.diag.error_count, 1);
        struct rg_place place = compiled.diag.first->place;
        if (place.line != bad[i].line || place.column != bad[i].column) {
            fail_msg("%s: found at %u:%u (%.*s)", bad[i].text, place.line, place.column,
                     (int)compiled.diag.first->text.size, compiled.diag.first->text.data);
        }
        assert_string_equal(place.file, "f.toml");
        compiled_done(&compiled);
    }
}

static void bad_patterns_are_found(void **state)
{
    static const char *const bad[] = {"orders",     "",
                                      "a.b.c",      ".x",
                                      "x.",         "*.*",
                                      "sal*.x",     "pg_catalog.pg_class",
                                      "pg_toast.x", "information_schema.tables",
                                      "a.b*"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct compiled compiled;
        struct policy_row row = row_using("true");
        struct rg_slice on[] = {rg_slice_of(bad[i])};
        row.on = on;
        rg_status status = compile_row(&compiled, &row);
        if (rg_is_ok(status)) {
            fail_msg("\"%s\" was accepted", bad[i]);
        }
        assert_int_equal(compiled.diag.first->place.line, 7);
        compiled_done(&compiled);
    }
}

static void a_group_member_without_predicate_is_a_mistake(void **state)
{
    struct compiled compiled;
    struct policy_row row = row_using("");
    (void)state;
    row.group = RG_SLICE("g");
    assert_fails(RG_CONFIG, compile_row(&compiled, &row));
    compiled_done(&compiled);
}

static void a_subselect_needs_permission_and_qualified_names(void **state)
{
    struct compiled compiled;
    struct policy_row row = row_using("x IN (SELECT m.id FROM shared.members AS m WHERE m.tenant = :tenant_id)");
    (void)state;
    row.allow_subselect = true;
    assert_ok(compile_row(&compiled, &row));
    compiled_done(&compiled);
    row = row_using("x IN (SELECT m.id FROM members AS m)");
    row.allow_subselect = true;
    assert_fails(RG_CONFIG, compile_row(&compiled, &row));
    compiled_done(&compiled);
    row = row_using("x IN (SELECT id FROM shared.members)");
    row.allow_subselect = true;
    assert_fails(RG_CONFIG, compile_row(&compiled, &row));
    compiled_done(&compiled);
}

static rg_status compile_subselect(struct compiled *compiled, const char *text)
{
    struct policy_row row = row_using(text);
    row.allow_subselect = true;
    return compile_row(compiled, &row);
}

/* Around the fence stands the client's own FROM: a name that the predicate does not define would be found there. */
static void a_subselect_names_no_relation_that_only_a_client_could_define(void **state)
{
    static const char *const bad[] = {
        "EXISTS (SELECT 1 FROM shared.members AS m WHERE m.id = events.x)",
        "EXISTS (SELECT 1 FROM shared.members AS m WHERE members.id = 1)",
        "EXISTS (SELECT 1 FROM shared.members AS m) OR EXISTS (SELECT 1 FROM shared.teams AS t WHERE m.id = t.id)",
    };
    static const char *const good[] = {
        "EXISTS (SELECT 1 FROM shared.members AS m WHERE m.id = rg_r.x)",
        "EXISTS (SELECT 1 FROM shared.members WHERE members.id = rg_r.x)",
        "EXISTS (SELECT 1 FROM shared.members m WHERE m.id IN (SELECT t.id FROM shared.teams t WHERE t.m = m.id))",
        "x IN (SELECT s.id FROM (SELECT m.id FROM shared.members AS m) AS s)",
    };
    struct compiled compiled;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(RG_CONFIG, compile_subselect(&compiled, bad[i]));
        compiled_done(&compiled);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_ok(compile_subselect(&compiled, good[i]));
        compiled_done(&compiled);
    }
}

static void all_mistakes_of_a_file_are_found_in_one_run(void **state)
{
    struct policy_row rows[] = {row_using("x = :a"), row_using("true"), row_using("x ="),
                                row_using("pg_sleep(1) IS NULL")};
    struct policy_source source = policy_world_source();
    struct rg_arena arena;
    struct rg_diag diag;
    struct policy_set *set = NULL;
    (void)state;
    source.rows = rows;
    source.row_count = 4;
    rg_arena_init(&arena, 1 << 20);
    rg_diag_init(&diag, &arena);
    assert_fails(RG_CONFIG, policy_compile(&source, &diag, &set));
    assert_null(set);
    assert_int_equal(diag.error_count, 3);
    rg_arena_done(&arena);
}

static void the_digest_depends_on_what_decides(void **state)
{
    struct compiled one;
    struct compiled two;
    struct policy_row row = row_using("tenant_id = :tenant_id");
    (void)state;
    assert_ok(compile_row(&one, &row));
    row.place.line = 99;
    assert_ok(compile_row(&two, &row));
    assert_memory_equal(policy_set_digest(one.set), policy_set_digest(two.set), sizeof(struct rg_digest));
    compiled_done(&two);
    row.for_delete = true;
    assert_ok(compile_row(&two, &row));
    assert_memory_not_equal(policy_set_digest(one.set), policy_set_digest(two.set), sizeof(struct rg_digest));
    compiled_done(&two);
    compiled_done(&one);
}

static void the_library_is_what_the_headers_say(void **state)
{
    (void)state;
    assert_ok(policy_self_test());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_predicates_compile),
        cmocka_unit_test(bad_predicates_are_found_with_their_place),
        cmocka_unit_test(bad_patterns_are_found),
        cmocka_unit_test(a_group_member_without_predicate_is_a_mistake),
        cmocka_unit_test(a_subselect_needs_permission_and_qualified_names),
        cmocka_unit_test(a_subselect_names_no_relation_that_only_a_client_could_define),
        cmocka_unit_test(all_mistakes_of_a_file_are_found_in_one_run),
        cmocka_unit_test(the_digest_depends_on_what_decides),
        cmocka_unit_test(the_library_is_what_the_headers_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
