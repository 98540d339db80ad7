/* SPDX-License-Identifier: Apache-2.0 */
/* tenants_resolve: two static tenants, a frozen one, a service account and a pattern; most tests try to
 * become somebody else. */
#include <regex.h>
#include <stdio.h>

#include "tenants/tenants.h"
#include "tests/support/rg_test.h"

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    } /* for static storage */

enum { CLAIM_TENANT, CLAIM_LIST, CLAIM_COUNT };

static const struct rg_slice also[] = {TEXT("partners")};
static const struct tenant_schema acme_schemas[] = {{TEXT("sales"), TEXT("t_acme")}};
static const struct tenant_schema lake_schemas[] = {{TEXT("sales"), TEXT("Extract")}};
static const struct tenant_schema template_schemas[] = {{TEXT("hr"), TEXT("hr_{tenant.id}")},
                                                        {TEXT("sales"), TEXT("c_{tenant.id}_x")}};

static const struct tenant_static statics[] = {
    {TEXT("acme"),
     {TENANT_MATCH_IDP_CLAIM, TEXT("main"), CLAIM_TENANT, TEXT("acme"), 1, also},
     {TEXT("pool"), TEXT("small"), {NULL, 0}, {NULL, 0}, 1, acme_schemas},
     false,
     {{NULL, 0}, {NULL, 0}, NULL, 0, NULL, 0, NULL}},
    {TEXT("frosty"),
     {TENANT_MATCH_IDP, TEXT("cold"), 0, {NULL, 0}, 0, NULL},
     {TEXT("pool"), {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, NULL},
     true,
     {{NULL, 0}, {NULL, 0}, NULL, 0, NULL, 0, NULL}},
    {TEXT("jobs"),
     {TENANT_MATCH_ACCOUNT, TEXT("etl"), 0, {NULL, 0}, 0, NULL},
     {TEXT("pool"), {NULL, 0}, {NULL, 0}, TEXT("warehouse"), 0, NULL},
     false,
     {{NULL, 0}, {NULL, 0}, NULL, 0, NULL, 0, NULL}},
    {TEXT("acme-lake"),
     {TENANT_MATCH_TENANT, TEXT("acme"), 0, {NULL, 0}, 0, NULL},
     {TEXT("lake"), {NULL, 0}, {NULL, 0}, TEXT("lake"), 1, lake_schemas},
     false,
     {{NULL, 0}, {NULL, 0}, NULL, 0, NULL, 0, NULL}},
    {TEXT("acme-ice"),
     {TENANT_MATCH_TENANT, TEXT("acme"), 0, {NULL, 0}, 0, NULL},
     {TEXT("ice"), {NULL, 0}, {NULL, 0}, TEXT("ice"), 0, NULL},
     true,
     {{NULL, 0}, {NULL, 0}, NULL, 0, NULL, 0, NULL}},
    {TEXT("nobody"),
     {TENANT_MATCH_NOTHING, {NULL, 0}, 0, {NULL, 0}, 0, NULL},
     {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, NULL},
     false,
     {{NULL, 0}, {NULL, 0}, NULL, 0, NULL, 0, NULL}},
};

struct fixture {
    struct rg_arena arena;
    regex_t allow;
    struct tenant_pattern pattern;
    struct tenant_registry registry;
    struct auth_claim_value claims[CLAIM_COUNT];
    struct rg_slice text;
    struct auth_identity identity;
};

static void fixture_init(struct fixture *fixture, const char *allow)
{
    *fixture = (struct fixture){0};
    rg_arena_init(&fixture->arena, 1 << 20);
    assert_int_equal(regcomp(&fixture->allow, allow, REG_EXTENDED), 0);
    fixture->pattern = (struct tenant_pattern){
        {TENANT_MATCH_IDP, RG_SLICE("cloud"), 0, {NULL, 0}, 0, NULL},
        CLAIM_TENANT,
        rg_slice_of(allow),
        &fixture->allow,
        {RG_SLICE("pool"), {NULL, 0}, {NULL, 0}, {NULL, 0}, 2, template_schemas},
        {{NULL, 0}, {NULL, 0}, NULL, 0, NULL, 0, NULL},
    };
    fixture->registry = (struct tenant_registry){sizeof statics / sizeof statics[0], statics, 1, &fixture->pattern};
    fixture->identity.claim_count = CLAIM_COUNT;
    fixture->identity.claims = fixture->claims;
}

static void fixture_done(struct fixture *fixture)
{
    regfree(&fixture->allow);
    rg_arena_done(&fixture->arena);
}

static void become(struct fixture *fixture, const char *idp, struct rg_slice tenant_claim)
{
    fixture->identity.kind = AUTH_OIDC;
    fixture->identity.idp = rg_slice_of(idp);
    fixture->text = tenant_claim;
    fixture->claims[CLAIM_TENANT] = (struct auth_claim_value){true, {AUTH_SCALAR_TEXT, false}, 1, &fixture->text};
}

static rg_status resolve(struct fixture *fixture, const char *database, struct tenant *out_tenant)
{
    return tenants_resolve(&fixture->registry, &fixture->identity, rg_slice_of(database), RG_SLICE("bi"),
                           &fixture->arena, out_tenant);
}

/* Refused as RG_DENIED, and the output is as it was. */
static void assert_denied(struct fixture *fixture, const char *database)
{
    struct tenant tenant = {.id = RG_SLICE("untouched")};
    assert_fails(RG_DENIED, resolve(fixture, database, &tenant));
    assert_slice(tenant.id, "untouched");
    assert_int_equal(tenant.route.schema_count, 0);
}

static void finds_a_static_tenant_by_idp_and_claim(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant;
    fixture_init(&fixture, "^[a-z0-9]+$");
    become(&fixture, "main", RG_SLICE("acme"));
    assert_ok(resolve(&fixture, "bi", &tenant));
    assert_slice(tenant.id, "acme");
    assert_slice(tenant.route.limits, "small");
    assert_slice(tenant.route.schemas[0].physical, "t_acme");
    assert_ok(resolve(&fixture, "acme", &tenant));
    fixture_done(&fixture);
}

static void fills_a_patterns_templates(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant;
    fixture_init(&fixture, "^[a-z0-9]+$");
    become(&fixture, "cloud", RG_SLICE("initech"));
    assert_ok(resolve(&fixture, "initech", &tenant));
    assert_slice(tenant.id, "initech");
    assert_slice(tenant.route.schemas[0].physical, "hr_initech");
    assert_slice(tenant.route.schemas[1].logical, "sales");
    assert_slice(tenant.route.schemas[1].physical, "c_initech_x");
    fixture_done(&fixture);
}

static void a_tenant_has_people_of_several_providers(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant;
    fixture_init(&fixture, "^[a-z0-9]+$");
    become(&fixture, "partners", RG_SLICE("acme"));
    assert_ok(resolve(&fixture, "bi", &tenant));
    assert_slice(tenant.id, "acme");
    become(&fixture, "partners", RG_SLICE("globex")); /* the claim decides there, too */
    assert_denied(&fixture, "bi");
    become(&fixture, "strangers", RG_SLICE("acme"));
    assert_denied(&fixture, "bi");
    become(&fixture, "partners", RG_SLICE("acme"));
    fixture.identity.kind = AUTH_SCRAM; /* an account of that name */
    fixture.identity.subject = RG_SLICE("partners");
    assert_denied(&fixture, "bi");
    fixture_done(&fixture);
}

static void the_database_asked_for_chooses_among_a_tenants_roads(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant;
    fixture_init(&fixture, "^[a-z0-9]+$");
    become(&fixture, "main", RG_SLICE("acme"));
    assert_ok(resolve(&fixture, "lake", &tenant));
    assert_slice(tenant.id, "acme");
    assert_slice(tenant.route.upstream, "lake");
    assert_slice(tenant.route.own, "small"); /* the tenant's own limits hold on its other road, too */
    assert_slice(tenant.route.schemas[0].physical, "Extract");
    assert_ok(resolve(&fixture, "bi", &tenant));
    assert_slice(tenant.route.upstream, "pool");
    assert_ok(tenants_find(&fixture.registry, &fixture.identity, &fixture.arena, &tenant));
    assert_slice(tenant.route.upstream, "pool");
    fixture_done(&fixture);
}

static void nobody_takes_another_tenants_second_road(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, "^[a-z0-9]+$");
    become(&fixture, "main", RG_SLICE("acme"));
    assert_denied(&fixture, "ice");       /* frozen */
    assert_denied(&fixture, "acme-lake"); /* the row's name is no database */
    assert_denied(&fixture, "");
    become(&fixture, "cloud", RG_SLICE("initech"));
    assert_denied(&fixture, "lake");
    become(&fixture, "cloud", RG_SLICE("acme"));
    assert_denied(&fixture, "lake"); /* a claim that says so is not acme's own match */
    become(&fixture, "acme", RG_SLICE("acme"));
    assert_denied(&fixture, "lake"); /* nor is a provider of that name */
    fixture.identity.kind = AUTH_SCRAM;
    fixture.identity.subject = RG_SLICE("acme");
    assert_denied(&fixture, "lake");
    fixture.identity.subject = RG_SLICE("etl");
    assert_denied(&fixture, "lake");
    fixture_done(&fixture);
}

static void finds_a_service_account(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant;
    fixture_init(&fixture, "^[a-z0-9]+$");
    fixture.identity.kind = AUTH_SCRAM;
    fixture.identity.subject = RG_SLICE("etl");
    assert_ok(resolve(&fixture, "warehouse", &tenant));
    assert_slice(tenant.id, "jobs");
    assert_denied(&fixture, "bi"); /* the route names its own database */
    fixture_done(&fixture);
}

static void nobody_is_no_tenant(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, "^[a-z0-9]+$");
    assert_denied(&fixture, "bi"); /* the zeroed identity */
    fixture.identity.kind = AUTH_OIDC;
    assert_denied(&fixture, "nobody");
    fixture_done(&fixture);
}

static void a_name_of_another_kind_of_credential_does_not_match(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, "^[a-z0-9]+$");
    become(&fixture, "etl", RG_SLICE("acme")); /* an idp named like the account */
    fixture.identity.subject = RG_SLICE("etl");
    assert_denied(&fixture, "warehouse");
    fixture.identity.kind = AUTH_SCRAM; /* an account named like the idp */
    fixture.identity.idp = RG_SLICE("main");
    fixture.identity.subject = RG_SLICE("main");
    assert_denied(&fixture, "bi");
    fixture.identity.kind = AUTH_UNVERIFIED;
    fixture.identity.subject = RG_SLICE("etl");
    assert_denied(&fixture, "warehouse");
    fixture_done(&fixture);
}

static void the_requested_database_never_decides(void **state)
{
    (void)state;
    static const char *const foreign[] = {"frosty", "jobs", "warehouse", "postgres", "ACME", "acme ", "", "t_acme"};
    struct fixture fixture;
    fixture_init(&fixture, "^[a-z0-9]+$");
    become(&fixture, "main", RG_SLICE("acme"));
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        assert_denied(&fixture, foreign[i]);
    }
    fixture_done(&fixture);
}

static void a_refusal_does_not_tell_who_exists(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant;
    char first[512];
    fixture_init(&fixture, "^[a-z0-9]+$");
    become(&fixture, "main", RG_SLICE("acme"));
    rg_status status = resolve(&fixture, "frosty", &tenant);
    assert_false(rg_is_ok(status));
    (void)snprintf(first, sizeof first, "%s", status.error->text);
    status = resolve(&fixture, "never-heard-of", &tenant);
    assert_false(rg_is_ok(status));
    assert_string_equal(status.error->text, first);
    become(&fixture, "main", RG_SLICE("globex"));
    status = resolve(&fixture, "globex", &tenant);
    assert_false(rg_is_ok(status));
    assert_null(strstr(status.error->text, "globex"));
    fixture_done(&fixture);
}

static void a_frozen_tenant_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, "^[a-z0-9]+$");
    become(&fixture, "cold", RG_SLICE("frosty"));
    assert_denied(&fixture, "frosty");
    fixture_done(&fixture);
}

static void two_matches_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, "^[a-z0-9]+$");
    fixture.pattern.match.idp = RG_SLICE("main"); /* now both the pattern and acme match */
    become(&fixture, "main", RG_SLICE("acme"));
    assert_denied(&fixture, "bi");
    become(&fixture, "main", RG_SLICE("initech")); /* the pattern alone */
    struct tenant tenant;
    assert_ok(resolve(&fixture, "bi", &tenant));
    fixture_done(&fixture);
}

static void a_pattern_cannot_become_a_static_tenant(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, "^.*$");
    static const char *const ids[] = {"acme", "frosty", "jobs", "nobody"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        become(&fixture, "cloud", rg_slice_of(ids[i]));
        assert_denied(&fixture, "bi");
    }
    fixture_done(&fixture);
}

static void hostile_ids_are_refused_even_by_a_lax_expression(void **state)
{
    (void)state;
    static const struct rg_slice ids[] = {
        TEXT(""),
        TEXT("x\"; drop schema public"),
        TEXT("x'; --"),
        TEXT("x\\"),
        TEXT("x;y"),
        TEXT("{tenant.id}"),
        TEXT("../acme"),
        TEXT("x\0y"),
        TEXT("x\ny"),
        TEXT("x\x7f"),
        TEXT("\x1b[2J"),
        TEXT("\xff"),
        TEXT("\xc0\x80"),         /* overlong NUL */
        TEXT("\xed\xa0\x80"),     /* surrogate */
        TEXT("\xf4\x90\x80\x80"), /* beyond Unicode */
        TEXT("x\xe2\x82"),        /* cut short */
    };
    struct fixture fixture;
    fixture_init(&fixture, "^.*$");
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_false(tenants_id_is_valid(ids[i]));
        become(&fixture, "cloud", ids[i]);
        assert_denied(&fixture, "bi");
    }
    fixture_done(&fixture);
}

static void ids_outside_the_expression_are_refused(void **state)
{
    (void)state;
    static const char *const ids[] = {"ACME2", "a-b", "a b", "-", "abc!", "abcdefghijk"};
    struct fixture fixture;
    fixture_init(&fixture, "^[a-z]{1,8}$");
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        become(&fixture, "cloud", rg_slice_of(ids[i]));
        assert_denied(&fixture, "bi");
    }
    fixture_done(&fixture);
}

static void an_alternation_must_match_the_whole_id(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant;
    fixture_init(&fixture, "^ab|cd$"); /* looks anchored, is not */
    become(&fixture, "cloud", RG_SLICE("abxxx"));
    assert_denied(&fixture, "bi");
    become(&fixture, "cloud", RG_SLICE("xxxcd"));
    assert_denied(&fixture, "bi");
    become(&fixture, "cloud", RG_SLICE("ab"));
    assert_ok(resolve(&fixture, "bi", &tenant));
    fixture_done(&fixture);
}

static void case_makes_another_tenant(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant;
    fixture_init(&fixture, "^[A-Za-z]+$");
    become(&fixture, "cloud", RG_SLICE("Initech"));
    assert_ok(resolve(&fixture, "Initech", &tenant));
    assert_slice(tenant.route.schemas[0].physical, "hr_Initech");
    assert_denied(&fixture, "initech");
    become(&fixture, "main", RG_SLICE("ACME"));
    assert_denied(&fixture, "bi");
    fixture_done(&fixture);
}

static void a_name_that_would_be_cut_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant;
    char id[65];
    memset(id, 'a', sizeof id);
    fixture_init(&fixture, "^a+$");
    become(&fixture, "cloud", rg_slice_make(id, 59)); /* c_ + 59 + _x is 63 */
    assert_ok(resolve(&fixture, "bi", &tenant));
    assert_int_equal(tenant.route.schemas[1].physical.size, 63);
    become(&fixture, "cloud", rg_slice_make(id, 60));
    assert_denied(&fixture, "bi");
    become(&fixture, "cloud", rg_slice_make(id, 64));
    assert_denied(&fixture, "bi");
    fixture_done(&fixture);
}

static void the_servers_schemas_cannot_be_reached(void **state)
{
    (void)state;
    static const struct tenant_schema schemas[] = {{TEXT("sales"), TEXT("{tenant.id}")}};
    static const char *const ids[] = {"pg_catalog", "pg_toast", "information_schema"};
    struct fixture fixture;
    fixture_init(&fixture, "^.*$");
    fixture.pattern.route.schemas = schemas;
    fixture.pattern.route.schema_count = 1;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        become(&fixture, "cloud", rg_slice_of(ids[i]));
        assert_denied(&fixture, "bi");
    }
    fixture_done(&fixture);
}

static void a_template_that_forgets_the_tenant_is_refused(void **state)
{
    (void)state;
    static const struct tenant_schema schemas[] = {{TEXT("sales"), TEXT("everybody")}};
    struct fixture fixture;
    fixture_init(&fixture, "^.*$");
    fixture.pattern.route.schemas = schemas;
    fixture.pattern.route.schema_count = 1;
    become(&fixture, "cloud", RG_SLICE("initech"));
    assert_denied(&fixture, "bi");
    fixture_done(&fixture);
}

static void a_claim_that_is_absent_or_a_list_names_nobody(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, "^.*$");
    become(&fixture, "cloud", RG_SLICE("initech"));
    fixture.claims[CLAIM_TENANT].is_present = false;
    assert_denied(&fixture, "bi");
    become(&fixture, "cloud", RG_SLICE("initech"));
    fixture.claims[CLAIM_TENANT].type.is_array = true;
    assert_denied(&fixture, "bi");
    become(&fixture, "cloud", RG_SLICE("initech"));
    fixture.claims[CLAIM_TENANT].count = 0;
    assert_denied(&fixture, "bi");
    become(&fixture, "main", RG_SLICE("acme"));
    fixture.identity.claim_count = 0;
    assert_denied(&fixture, "bi");
    fixture_done(&fixture);
}

static void an_uncompiled_expression_allows_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, "^.*$");
    fixture.pattern.compiled = NULL;
    become(&fixture, "cloud", RG_SLICE("initech"));
    assert_denied(&fixture, "bi");
    fixture_done(&fixture);
}

static void a_full_arena_never_resolves(void **state)
{
    (void)state;
    struct fixture fixture;
    struct tenant tenant = {.id = RG_SLICE("untouched")};
    fixture_init(&fixture, "^[a-z]+$");
    become(&fixture, "cloud", RG_SLICE("initech"));
    bool is_done = false;
    for (size_t limit = 0; !is_done; limit += 8) {
        assert_slice(tenant.id, "untouched");
        rg_arena_done(&fixture.arena);
        rg_arena_init(&fixture.arena, limit);
        is_done = rg_is_ok(resolve(&fixture, "bi", &tenant));
        assert_true(limit < 4096);
    }
    assert_slice(tenant.id, "initech");
    fixture_done(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_static_tenant_by_idp_and_claim),
        cmocka_unit_test(fills_a_patterns_templates),
        cmocka_unit_test(finds_a_service_account),
        cmocka_unit_test(nobody_is_no_tenant),
        cmocka_unit_test(a_name_of_another_kind_of_credential_does_not_match),
        cmocka_unit_test(the_requested_database_never_decides),
        cmocka_unit_test(a_refusal_does_not_tell_who_exists),
        cmocka_unit_test(a_frozen_tenant_is_refused),
        cmocka_unit_test(two_matches_are_refused),
        cmocka_unit_test(a_pattern_cannot_become_a_static_tenant),
        cmocka_unit_test(hostile_ids_are_refused_even_by_a_lax_expression),
        cmocka_unit_test(ids_outside_the_expression_are_refused),
        cmocka_unit_test(an_alternation_must_match_the_whole_id),
        cmocka_unit_test(case_makes_another_tenant),
        cmocka_unit_test(a_name_that_would_be_cut_is_refused),
        cmocka_unit_test(the_servers_schemas_cannot_be_reached),
        cmocka_unit_test(a_template_that_forgets_the_tenant_is_refused),
        cmocka_unit_test(a_claim_that_is_absent_or_a_list_names_nobody),
        cmocka_unit_test(an_uncompiled_expression_allows_nothing),
        cmocka_unit_test(a_tenant_has_people_of_several_providers),
        cmocka_unit_test(the_database_asked_for_chooses_among_a_tenants_roads),
        cmocka_unit_test(nobody_takes_another_tenants_second_road),
        cmocka_unit_test(a_full_arena_never_resolves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
