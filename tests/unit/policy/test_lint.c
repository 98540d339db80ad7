/* SPDX-License-Identifier: Apache-2.0 */
/* Which predicates are constants, and which a missing claim widens: each finding beside one that nearly is it. Where
 * PostgreSQL's three-valued logic leaves a doubt, nothing may be said. */
#include "policy/lint.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

struct row {
    const char *predicate;
    const char *findings; /* rule@column, comma separated, in order; columns from 1 in the predicate */
};

#define TRUE_AT(column) "predicate.always-true@" column
#define FALSE_AT(column) "predicate.always-false@" column
#define PART_AT(column) "predicate.constant-part@" column
#define NULL_AT(column) "predicate.null-claim@" column
#define EMPTY_AT(column) "predicate.empty-claim@" column

static const struct row constants[] = {
    {"true", TRUE_AT("1")},
    {"not true", FALSE_AT("5")},
    {"false", FALSE_AT("1")},
    {"null", FALSE_AT("1")},
    {"'t'::bool", TRUE_AT("1")},
    {"flag", ""},
    {"not flag", ""},
    {"1 = 1", TRUE_AT("1")},
    {"1 = 2", FALSE_AT("1")},
    {"1 <> 1.0", FALSE_AT("1")},
    {"2 > 10", FALSE_AT("1")},
    {"'a' = 'a'", TRUE_AT("1")},
    {"'a' = 'b'", FALSE_AT("1")},
    {"'a' < 'b'", ""}, /* the collation's business */
    {"'1' = 1", ""},   /* a cast's business */
    {"a = a", TRUE_AT("1")},
    {"a >= a", TRUE_AT("1")},
    {"a <> a", FALSE_AT("1")},
    {"a = b", ""},
    {"doc -> 'x' = doc -> 'x'", ""}, /* NULL where there is no x */
    {"random() = random()", ""},
    {"lower(a) = lower(a)", ""},
    {"a = null", FALSE_AT("1")},
    {"a is distinct from null", ""},
    {"a is not distinct from a", TRUE_AT("1")},
    {"(a = 1) is true", ""},
    {"(a = a) is not false", TRUE_AT("2")},
    {"(a = 1) is not null or a is null", ""},
    {"a is null or a is not null", TRUE_AT("1")},
    {"a is null or b is not null", ""},
    {"a is null and a = 1", FALSE_AT("1")},
    {"a is null or a = 1", ""},
    {"a is not null and a = 1", ""},
    {"b = 2 or true", TRUE_AT("1")},
    {"b = 2 or false", PART_AT("10")},
    {"b = 2 and true", PART_AT("11")},
    {"b = 2 and (c = 3 or 1 = 1)", PART_AT("12")},
    {"a = 1 and a = 2", FALSE_AT("1")},
    {"a = 1 and b = 2", ""},
    {"a = 1 and a = 1.0", ""},
    {"a = 1 or a = 2", ""},
    {"a = 1 and 2 = a", FALSE_AT("1")},
    {"a = 1 and not (a = 1)", FALSE_AT("1")},
    {"a = 'x' and a = 'y'", FALSE_AT("1")},
    {"a = 'x' and a <> 'y'", ""},
    {"a > 'x' and a < 'b'", ""},
    {"a > 5 and a < 3", FALSE_AT("1")},
    {"a > 3 and a < 5", ""},
    {"a >= 5 and a <= 5", ""},
    {"a > 5 and a <= 5", FALSE_AT("1")},
    {"a < 5 or a >= 5", TRUE_AT("1")},
    {"a < 5 or a > 5", ""},
    {"a <> 1 or a <> 2", TRUE_AT("1")},
    {"a <> 1 and a <> 2", ""},
    {"flag and not flag", FALSE_AT("1")},
    {"flag or not flag", TRUE_AT("1")},
    {"flag and not other", ""},
    {"t = :tenant and t <> :tenant", FALSE_AT("1")},
    {"t = :tenant and t <> :region", ""},
    {"1 in (2, 3)", FALSE_AT("1")},
    {"1 in (1, 3)", TRUE_AT("1")},
    {"a in (1, 3)", ""},
    {"a not in (1, null)", FALSE_AT("1")},
    {"a in (1, null)", ""},
    {"a = any (array[]::int[])", FALSE_AT("1")},
    {"a <> all (array[]::int[])", TRUE_AT("1")},
    {"a = any (array[1])", ""},
    {"a between 5 and 1", FALSE_AT("1")},
    {"a between 1 and 5", ""},
    {"a not between 1 and 5", ""},
    {"a like '%'", TRUE_AT("1")},
    {"a like '%%'", TRUE_AT("1")},
    {"a like '%x'", ""},
    {"a not like '%'", FALSE_AT("1")},
    {"case when a = 1 then true else true end", TRUE_AT("11")},
    {"case when a = 1 then true end", ""}, /* or NULL */
    {"a = 1 or null", PART_AT("10")},
    {"a = a or null", TRUE_AT("1")},
    {"case when a = 1 then true else false end", ""},
    {"coalesce(a = 1, true)", ""},
    {"coalesce(null, true)", TRUE_AT("10")},
    {"exists (select 1 from shared.u as u where 1 = 2)", FALSE_AT("1")},
    {"exists (select 1 from shared.u as u where u.a = 2)", ""},
    {"exists (select count(*) from shared.u as u where false)", ""}, /* one row, always */
    {"a = (select 1)", ""},
};

/* tenant is required; region and regions may be absent, regions may be empty */
static const struct row claims[] = {
    {"t = :tenant", ""},
    {"t = :tenant or :tenant is null", PART_AT("16")},
    {"r = :region", ""},
    {"r <> :region", ""},
    {"not (r = :region)", ""},
    {"t = :tenant and (k = 'public' or r = :region)", ""},
    {"r = :region or :region is null", NULL_AT("16")},
    {"r = :region or t is null", ""},
    {"not (:region is not null)", NULL_AT("6")},
    {":region is not null", ""},
    {"t = :tenant and (:region is null or r = :region)", NULL_AT("18")},
    {"r is not distinct from :region", NULL_AT("1")},
    {"r is distinct from :region", NULL_AT("1")},
    {"r = coalesce(:region, r)", NULL_AT("1")},
    {"r = coalesce(:region, 'none')", NULL_AT("1")},
    {"'x' = coalesce(:region, 'none')", ""},
    {"coalesce(:region, 'x') = 'x'", NULL_AT("10")},
    {"(r = :region) is not false", NULL_AT("2")},
    {"(r = :region) is true", ""},
    {"(r = :region) is unknown", NULL_AT("2")},
    {"case when r = :region then true else t = 'x' end", NULL_AT("11")},
    {"case when r = :region then true end", ""},
    {"concat(r, :region) = r", NULL_AT("1")},
    {"r || :region = r", ""},
    {"r = any (:regions)", ""},
    {"r <> all (:regions)", EMPTY_AT("1")},
    {"not (r = any (:regions))", EMPTY_AT("6")},
    {"not (r <> all (:regions))", ""},
    {"t = :tenant and r <> all (:regions)", EMPTY_AT("17")},
    {":regions @> array[r]", ""},
    {"cardinality(:regions) = 0 or r = any (:regions)", ""},
    {"coalesce(cardinality(:regions), 0) = 0", NULL_AT("10")},
    {"exists (select 1 from shared.u as u where u.r = any (:regions))", ""},
    {"exists (select 1 from shared.u as u where u.r = :region or :region is null)", NULL_AT("60")},
    {"not exists (select 1 from shared.u as u where u.r = :region)", NULL_AT("5")},
    {"t in (select u.t from shared.u as u where u.r = :region)", ""},
};

struct lint_world {
    struct rg_arena arena;
    struct rg_diag diag;
    bool used[3];
};

static void lint(struct lint_world *world, struct policy_source *source)
{
    const struct tenant_registry registry = {0};
    const struct policy_lint_input input = {.source = source, .registry = &registry};
    rg_arena_init(&world->arena, 8 << 20);
    rg_diag_init(&world->diag, &world->arena);
    memset(world->used, 0, sizeof world->used);
    assert_ok(policy_lint(&input, &world->diag, world->used));
}

static void lint_predicate(struct lint_world *world, const char *predicate)
{
    static const struct auth_claim_spec specs[] = {
        {.name = {"tenant", 6}, .type = {AUTH_SCALAR_TEXT, false}, .required = true},
        {.name = {"region", 6}, .type = {AUTH_SCALAR_TEXT, false}},
        {.name = {"regions", 7}, .type = {AUTH_SCALAR_TEXT, true}},
    };
    static const struct rg_slice on[] = {{"shared.t", 8}};
    static const struct rg_slice to[] = {{"acme", 4}};
    const struct policy_row row = {.name = RG_SLICE("p"),
                                   .on_count = 1,
                                   .on = on,
                                   .to_count = 1,
                                   .to = to,
                                   .using_text = rg_slice_of(predicate),
                                   .using_place = {"x.toml", 1, 1}};
    struct policy_source source = {.claim_count = 3, .claims = specs, .row_count = 1, .rows = &row};
    lint(world, &source);
}

static bool is_as_expected(const struct row *row)
{
    char found[512] = "";
    size_t size = 0;
    struct lint_world world;
    lint_predicate(&world, row->predicate);
    for (const struct rg_finding *finding = world.diag.first; finding != NULL; finding = finding->next) {
        assert_non_null(finding->rule);
        assert_non_null(finding->hint);
        size += (size_t)snprintf(found + size, sizeof found - size, "%s%s@%u", size == 0 ? "" : ",", finding->rule,
                                 finding->place.column);
    }
    rg_arena_done(&world.arena);
    if (strcmp(found, row->findings) != 0) {
        print_error("%s: found \"%s\", expected \"%s\"\n", row->predicate, found, row->findings);
        return false;
    }
    return true;
}

static void assert_rows(const struct row *rows, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        wrong += is_as_expected(&rows[i]) ? 0 : 1;
    }
    assert_int_equal(wrong, 0);
}

static void constants_are_found_and_doubts_are_not(void **state)
{
    (void)state;
    assert_rows(constants, sizeof constants / sizeof constants[0]);
}

static void claims_that_widen_when_they_are_missing_are_found(void **state)
{
    (void)state;
    assert_rows(claims, sizeof claims / sizeof claims[0]);
}

static void the_claims_that_are_bound_are_told(void **state)
{
    (void)state;
    struct lint_world world;
    lint_predicate(&world, "t = :tenant and r = any (:regions)");
    assert_true(world.used[0]);
    assert_false(world.used[1]);
    assert_true(world.used[2]);
    rg_arena_done(&world.arena);
}

static void places_are_those_of_the_file_also_behind_line_breaks(void **state)
{
    (void)state;
    struct lint_world world;
    lint_predicate(&world, "t = :tenant\n  and 'ä' = t and\n 1 = 1");
    assert_non_null(world.diag.first);
    assert_int_equal(world.diag.first->place.line, 3);
    assert_int_equal(world.diag.first->place.column, 2);
    assert_string_equal(world.diag.first->place.file, "x.toml");
    rg_arena_done(&world.arena);
}

static void what_does_not_parse_was_said_at_load_and_is_not_said_again(void **state)
{
    (void)state;
    static const char *const texts[] = {"t = ", ":unknown = 1", "1; select 2", "select", "a =", "'"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct lint_world world;
        lint_predicate(&world, texts[i]);
        assert_null(world.diag.first);
        rg_arena_done(&world.arena);
    }
}

/* Deep and wide predicates cost what their size costs: nothing here may be exponential. */
static void a_hostile_predicate_ends_soon(void **state)
{
    (void)state;
    enum { COUNT = 400, SIZE = 1 << 15 };
    static char text[SIZE];
    static const char *const pieces[][3] = {
        {"coalesce(a, ", "1", ")"}, {"(", "a", " + a)"}, {"not (a = ", "1", ")"}, {"a = 1 or a = 2 or ", "a = 3", ""}};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct lint_world world;
        size_t size = 0;
        for (size_t j = 0; j < COUNT; j++) {
            size += (size_t)snprintf(text + size, SIZE - size, "%s", pieces[i][0]);
        }
        size += (size_t)snprintf(text + size, SIZE - size, "%s", pieces[i][1]);
        for (size_t j = 0; j < COUNT; j++) {
            size += (size_t)snprintf(text + size, SIZE - size, "%s", pieces[i][2]);
        }
        (void)snprintf(text + size, SIZE - size, "%s", i < 2 ? " = a" : "");
        lint_predicate(&world, text);
        rg_arena_done(&world.arena);
    }
}

static void a_full_arena_still_counts_what_it_cannot_keep(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct rg_diag diag;
    rg_arena_init(&arena, 16);
    rg_diag_init(&diag, &arena);
    rg_diag_lint(&diag, (struct rg_place){"x.toml", 1, 1}, "a.rule", "a hint", "%s", "a text that does not fit at all");
    assert_int_equal(diag.warning_count, 1);
    assert_int_equal(diag.error_count, 0);
    assert_int_equal(diag.dropped_count, 1);
    assert_null(diag.first);
    rg_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_are_found_and_doubts_are_not),
        cmocka_unit_test(claims_that_widen_when_they_are_missing_are_found),
        cmocka_unit_test(the_claims_that_are_bound_are_told),
        cmocka_unit_test(places_are_those_of_the_file_also_behind_line_breaks),
        cmocka_unit_test(what_does_not_parse_was_said_at_load_and_is_not_said_again),
        cmocka_unit_test(a_hostile_predicate_ends_soon),
        cmocka_unit_test(a_full_arena_still_counts_what_it_cannot_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
