/* SPDX-License-Identifier: Apache-2.0 */
/* [[routes]] against the real table: what they open, what they close, and which of them make no sense. */
#include "proxy/http/route_policy.h"

#include "tests/support/rg_test.h"

enum { ARENA_BYTES = 16 << 20, POLICIES_MAX = 8 };

static struct rg_arena arena;
static const struct http_route_table *table;

static int open_table(void **state)
{
    (void)state;
    rg_arena_init(&arena, ARENA_BYTES);
    return rg_is_ok(http_route_table_new(&arena, &table)) ? 0 : -1;
}

static int close_table(void **state)
{
    (void)state;
    rg_arena_done(&arena);
    return 0;
}

static const struct rg_slice acme[] = {{"acme", 4}};
static const struct rg_slice both[] = {{"acme", 4}, {"globex", 6}};
static const struct rg_slice admin[] = {{"admin", 5}};
static const struct rg_slice staff[] = {{"admin", 5}, {"analyst", 7}};

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    } /* a constant, unlike RG_SLICE */
#define PATH(literal) .name = TEXT("one"), .path = TEXT(literal), .methods = HTTP_METHOD_ALL
#define TO_ACME .to = acme, .to_count = 1
#define FOR_ADMINS .roles = admin, .role_count = 1
#define FOR_STAFF .roles = staff, .role_count = 2

struct rules {
    size_t count;
    struct http_route_policy policies[POLICIES_MAX];
    const struct http_route_policies *compiled;
    size_t finding_count;
    struct http_route_finding findings[POLICIES_MAX];
};

static struct rules *compile(struct rules *rules)
{
    assert_ok(http_route_policies_new(&arena, table, rules->policies, rules->count, rules->findings,
                                      &rules->finding_count, &rules->compiled));
    return rules;
}

static struct http_route_decision decide(const struct http_route_policies *policies, const char *method,
                                         const char *path, const char *tenant, const struct rg_slice *roles,
                                         size_t role_count)
{
    struct http_route_match match;
    struct http_route_caller caller = {true, rg_slice_of(tenant), role_count, roles};
    http_route_find(table, http_method_parse(rg_slice_of(method)), rg_slice_of(path), &match);
    return http_route_decide(policies, &match, &caller);
}

static void assert_allowed(const struct rules *rules, const char *method, const char *path, const char *tenant,
                           const struct rg_slice *roles, size_t role_count)
{
    struct http_route_decision decision = decide(rules->compiled, method, path, tenant, roles, role_count);
    if (!decision.is_allowed) {
        fail_msg("%s %s is refused by %s", method, path, decision.rule);
    }
    assert_null(decision.rule);
    assert_int_equal(decision.status, 200);
}

static void assert_refused(const struct rules *rules, const char *rule, const char *method, const char *path,
                           const char *tenant, const struct rg_slice *roles, size_t role_count)
{
    struct http_route_decision decision = decide(rules->compiled, method, path, tenant, roles, role_count);
    if (decision.is_allowed) {
        fail_msg("%s %s is allowed", method, path);
    }
    assert_string_equal(decision.rule, rule);
    assert_true(strlen(decision.text) > 10);
    assert_true(decision.status == 401 || decision.status == 403 || decision.status == 405);
}

/* ---- without policies ---- */

static void the_table_alone_decides_without_policies(void **state)
{
    (void)state;
    struct rules none = {.count = 0};
    assert_allowed(&none, "GET", "/api/v1/dashboard/12", "acme", NULL, 0);
    assert_allowed(&none, "GET", "/static/x.js", "acme", NULL, 0);
    assert_refused(&none, "http.route.role", "POST", "/api/v1/database/", "acme", admin, 1);
    assert_refused(&none, "http.route.closed", "GET", "/api/v1/report/", "acme", admin, 1);
    assert_refused(&none, "http.route.never", "POST", "/login/", "acme", admin, 1);
    assert_refused(&none, "http.route.never", "GET", "/dashboard/12/embedded", "acme", admin, 1);
    assert_allowed(&none, "GET", "/embedded/b5d5c5a2-6d0f-4c2b-9a33-0e6a3d1f2b77", "acme", NULL, 0); /* guest_page.c */
    assert_refused(&none, "http.route.unknown", "GET", "/nothing", "acme", admin, 1);
    assert_refused(&none, "http.route.method", "PATCH", "/api/v1/dashboard/12", "acme", admin, 1);
    assert_int_equal(decide(NULL, "PATCH", "/api/v1/dashboard/12", "acme", NULL, 0).status, 405);
    compile(&none);
    assert_allowed(&none, "GET", "/api/v1/dashboard/12", "acme", NULL, 0);
    assert_refused(&none, "http.route.role", "POST", "/api/v1/database/", "acme", admin, 1);
}

static void nobody_gets_what_asks_no_identity_and_nothing_else(void **state)
{
    (void)state;
    struct http_route_match match;
    struct http_route_caller caller = {.has_identity = false, .roles = admin, .role_count = 1};
    http_route_find(table, HTTP_METHOD_GET, RG_SLICE("/api/v1/dashboard/12"), &match);
    struct http_route_decision decision = http_route_decide(NULL, &match, &caller);
    assert_false(decision.is_allowed);
    assert_int_equal(decision.status, 401);
    assert_string_equal(decision.rule, "http.route.identity");
    http_route_find(table, HTTP_METHOD_GET, RG_SLICE("/.rowgate/login"), &match);
    assert_true(http_route_decide(NULL, &match, &caller).is_allowed);
    http_route_find(table, HTTP_METHOD_POST, RG_SLICE("/login/"), &match);
    assert_int_equal(http_route_decide(NULL, &match, &caller).status, 403);
}

static void zeroed_memory_refuses(void **state)
{
    (void)state;
    struct http_route_match match = {.outcome = HTTP_ROUTE_UNKNOWN};
    struct http_route_caller caller = {.has_identity = false};
    struct http_route_decision zero = {.is_allowed = false};
    struct http_route row = {.pattern = "/x"};
    assert_false(zero.is_allowed);
    assert_string_equal(http_route_decide(NULL, &match, &caller).rule, "http.route.unknown");
    match.outcome = HTTP_ROUTE_FOUND;
    match.route = &row;
    caller.has_identity = true;
    assert_string_equal(http_route_decide(NULL, &match, &caller).rule, "http.route.never");
}

/* ---- opening and closing ---- */

static void a_policy_opens_to_a_role_of_one_tenant(void **state)
{
    (void)state;
    struct rules rules = {.count = 1,
                          .policies = {{PATH("/api/v1/database/{rest}"), TO_ACME, FOR_ADMINS, .is_allow = true}}};
    assert_int_equal(compile(&rules)->finding_count, 0);
    assert_allowed(&rules, "PUT", "/api/v1/database/3", "acme", admin, 1);
    assert_slice(decide(rules.compiled, "PUT", "/api/v1/database/3", "acme", admin, 1).policy, "one");
    assert_refused(&rules, "http.route.role", "PUT", "/api/v1/database/3", "acme", NULL, 0);
    assert_refused(&rules, "http.route.role", "PUT", "/api/v1/database/3", "acme", &staff[1], 1);
    assert_refused(&rules, "http.route.role", "PUT", "/api/v1/database/3", "globex", admin, 1);
    assert_refused(&rules, "http.route.role", "POST", "/api/v1/database/", "acme", admin, 1); /* not below it */
}

static void a_policy_that_allows_roles_narrows_what_is_open(void **state)
{
    (void)state;
    struct rules rules = {.count = 1,
                          .policies = {{PATH("/api/v1/sqllab/{rest}"), TO_ACME, FOR_STAFF, .is_allow = true,
                                        .reason = TEXT("SQL is for analysts")}}};
    assert_int_equal(compile(&rules)->finding_count, 0);
    assert_allowed(&rules, "POST", "/api/v1/sqllab/execute/", "acme", &staff[1], 1);
    assert_refused(&rules, "http.route.role", "POST", "/api/v1/sqllab/execute/", "acme", NULL, 0);
    assert_slice(decide(rules.compiled, "POST", "/api/v1/sqllab/execute/", "acme", NULL, 0).reason,
                 "SQL is for analysts");
    assert_allowed(&rules, "POST", "/api/v1/sqllab/execute/", "globex", NULL, 0); /* not named: the table's word */
    assert_allowed(&rules, "POST", "/api/v1/chart/data", "acme", NULL, 0);
}

static void denying_wins_over_allowing_in_any_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct rules rules = {.count = 2};
        rules.policies[order] = (struct http_route_policy){PATH("/api/v1/sqllab/{rest}"), .is_allow = true, FOR_STAFF};
        rules.policies[1 - order] = (struct http_route_policy){PATH("/api/v1/sqllab/export/{key}/"), TO_ACME,
                                                               .is_allow = false, .reason = TEXT("no files")};
        assert_int_equal(compile(&rules)->finding_count, 0);
        assert_refused(&rules, "http.route.denied", "GET", "/api/v1/sqllab/export/x/", "acme", staff, 2);
        assert_refused(&rules, "http.route.denied", "HEAD", "/api/v1/sqllab/export/x/", "acme", staff, 2);
        assert_slice(decide(rules.compiled, "GET", "/api/v1/sqllab/export/x/", "acme", staff, 2).reason, "no files");
        assert_allowed(&rules, "GET", "/api/v1/sqllab/export/x/", "globex", staff, 2);
        assert_allowed(&rules, "POST", "/api/v1/sqllab/execute/", "acme", staff, 2);
    }
}

static void a_policy_that_denies_a_role_leaves_the_others(void **state)
{
    (void)state;
    struct rules rules = {.count = 1, .policies = {{PATH("/sqllab/{rest}"), FOR_ADMINS, .is_allow = false}}};
    compile(&rules);
    assert_refused(&rules, "http.route.denied", "GET", "/sqllab/history/", "acme", staff, 2);
    assert_allowed(&rules, "GET", "/sqllab/history/", "acme", &staff[1], 1);
    assert_allowed(&rules, "GET", "/sqllab/history/", "acme", NULL, 0);
}

static void except_leaves_a_tenant_out(void **state)
{
    (void)state;
    struct rules rules = {.count = 1, .policies = {{PATH("/sqllab/"), .except = acme, .except_count = 1}}};
    compile(&rules);
    assert_allowed(&rules, "GET", "/sqllab/", "acme", NULL, 0);
    assert_refused(&rules, "http.route.denied", "GET", "/sqllab/", "globex", NULL, 0);
    assert_refused(&rules, "http.route.denied", "GET", "/sqllab/", "acme2", NULL, 0);
    assert_refused(&rules, "http.route.denied", "GET", "/sqllab/", "", NULL, 0);
}

static void methods_are_those_that_are_named(void **state)
{
    (void)state;
    struct rules rules = {.count = 1,
                          .policies = {{.path = TEXT("/api/v1/dashboard/{id}"), .methods = HTTP_METHOD_DELETE}}};
    compile(&rules);
    assert_refused(&rules, "http.route.denied", "DELETE", "/api/v1/dashboard/12", "acme", NULL, 0);
    assert_allowed(&rules, "PUT", "/api/v1/dashboard/12", "acme", NULL, 0);
    rules =
        (struct rules){.count = 1, .policies = {{.path = TEXT("/api/v1/dashboard/{id}"), .methods = HTTP_METHOD_GET}}};
    compile(&rules);
    /* The table knows that path as {slug} too. */
    assert_refused(&rules, "http.route.denied", "GET", "/api/v1/dashboard/12", "acme", NULL, 0);
    assert_refused(&rules, "http.route.denied", "HEAD", "/api/v1/dashboard/12", "acme", NULL, 0);
    assert_allowed(&rules, "GET", "/api/v1/dashboard/sales", "acme", NULL, 0);
}

static void what_is_closed_for_everyone_stays_closed(void **state)
{
    (void)state;
    struct rules rules = {.count = 1, .policies = {{PATH("/{rest}"), FOR_ADMINS, .is_allow = true}}};
    assert_int_equal(compile(&rules)->finding_count, 0);
    assert_refused(&rules, "http.route.never", "POST", "/login/", "acme", admin, 1);
    assert_refused(&rules, "http.route.never", "POST", "/api/v1/security/guest_token/", "acme", admin, 1);
    assert_refused(&rules, "http.route.never", "GET", "/dashboard/12/embedded", "acme", admin, 1);
    assert_refused(&rules, "http.route.unknown", "GET", "/nothing", "acme", admin, 1);
    assert_allowed(&rules, "POST", "/api/v1/database/", "acme", admin, 1);
    assert_allowed(&rules, "GET", "/static/x.js", "acme", NULL, 0);
}

static void a_policy_without_roles_opens_nothing_that_needs_one(void **state)
{
    (void)state;
    struct rules rules = {.count = 1, .policies = {{PATH("/api/v1/{rest}"), .is_allow = true}}};
    compile(&rules);
    assert_refused(&rules, "http.route.role", "POST", "/api/v1/database/", "acme", admin, 1);
    assert_allowed(&rules, "GET", "/api/v1/report/", "acme", NULL, 0);
}

static void the_longest_unusual_path_is_judged_too(void **state)
{
    (void)state;
    struct rules rules = {.count = 1, .policies = {{PATH("/api/v1/extensions/{rest}")}}};
    static char path[4096];
    compile(&rules);
    memset(path, 'a', sizeof path - 1);
    memcpy(path, "/api/v1/extensions/", 19);
    path[19 + 1024] = path[20 + 2048] = '/';
    path[21 + 3072] = '\0';
    assert_refused(&rules, "http.route.denied", "GET", path, "acme", NULL, 0);
}

/* ---- what makes no sense ---- */

static const struct {
    const char *name;
    enum http_route_fault fault;
    struct http_route_policy policy;
} faults[] = {
    {"bad pattern", HTTP_FAULT_PATTERN, {PATH("/a//b")}},
    {"regular expression", HTTP_FAULT_PATTERN, {PATH("/api/.*")}},
    {"no such path", HTTP_FAULT_NO_ROUTE, {PATH("/api/v1/dashbord/{id}")}},
    {"no such slash", HTTP_FAULT_NO_ROUTE, {PATH("/api/v1/dashboard/{id}/")}},
    {"no such method",
     HTTP_FAULT_NO_ROUTE,
     {.path = TEXT("/superset/welcome/"), .methods = HTTP_METHOD_DELETE, .is_allow = false}},
    {"denies static files", HTTP_FAULT_PUBLIC, {PATH("/static/{rest}")}},
    {"opens our own", HTTP_FAULT_PUBLIC, {PATH("/.rowgate/login"), .is_allow = true}},
    {"opens the login form", HTTP_FAULT_NEVER, {PATH("/login/"), FOR_ADMINS, .is_allow = true}},
    {"opens embedding", HTTP_FAULT_PUBLIC, {PATH("/embedded/{uuid}"), .is_allow = true}},
    {"opens embedding by name", HTTP_FAULT_NEVER, {PATH("/dashboard/{slug}/embedded"), .is_allow = true}},
    {"opens databases to all", HTTP_FAULT_ROLES, {PATH("/api/v1/rowlevelsecurity/{id}"), .is_allow = true}},
    {"nobody is left", HTTP_FAULT_NOBODY, {PATH("/sqllab/"), TO_ACME, .except = both, .except_count = 2}},
    {"opens what is open", HTTP_FAULT_OPEN, {PATH("/sqllab/"), .is_allow = true}},
    {"closes what is closed", HTTP_FAULT_CLOSED, {PATH("/login/")}},
};

static void finds_what_makes_no_sense(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct rules rules = {.count = 1, .policies = {faults[i].policy}};
        compile(&rules);
        if (rules.finding_count != 1 || rules.findings[0].fault != faults[i].fault) {
            fail_msg("%s: %zu findings, fault %d", faults[i].name, rules.finding_count, (int)rules.findings[0].fault);
        }
        assert_true(strlen(http_route_fault_text(faults[i].fault)) > 10);
    }
}

static void a_policy_with_a_bad_pattern_does_nothing(void **state)
{
    (void)state;
    struct rules rules = {.count = 1, .policies = {{PATH("/api/{v}/{rest}"), FOR_ADMINS, .is_allow = true}}};
    assert_int_equal(compile(&rules)->finding_count, 1);
    assert_refused(&rules, "http.route.role", "POST", "/api/v1/database/", "acme", admin, 1);
}

static void finds_policies_that_contradict_each_other(void **state)
{
    (void)state;
    struct rules rules = {.count = 2,
                          .policies = {{PATH("/api/v1/sqllab/export/{key}/"), TO_ACME, FOR_ADMINS, .is_allow = true},
                                       {PATH("/api/v1/sqllab/{rest}"), .to = both, .to_count = 2}}};
    assert_int_equal(compile(&rules)->finding_count, 1);
    assert_int_equal(rules.findings[0].fault, HTTP_FAULT_SHADOWED);
    assert_int_equal(rules.findings[0].policy, 0);
    assert_int_equal(rules.findings[0].other, 1);
}

static void finds_the_same_policy_twice(void **state)
{
    (void)state;
    struct rules rules = {
        .count = 2,
        .policies = {{PATH("/sqllab/"), .to = both, .to_count = 2},
                     {PATH("/sqllab/"), .to = (const struct rg_slice[]){{"globex", 6}, {"acme", 4}}, .to_count = 2}}};
    assert_int_equal(compile(&rules)->finding_count, 1);
    assert_int_equal(rules.findings[0].fault, HTTP_FAULT_TWICE);
    assert_int_equal(rules.findings[0].policy, 1);
    assert_int_equal(rules.findings[0].other, 0);
}

static const struct {
    const char *name;
    struct http_route_policy allow, deny;
} compatible[] = {
    {"denies one path of many",
     {PATH("/api/v1/sqllab/{rest}"), FOR_STAFF, .is_allow = true},
     {PATH("/api/v1/sqllab/execute/")}},
    {"denies another tenant",
     {PATH("/sqllab/"), TO_ACME, FOR_STAFF, .is_allow = true},
     {PATH("/sqllab/"), .except = acme, .except_count = 1}},
    {"denies one role of two", {PATH("/sqllab/"), FOR_STAFF, .is_allow = true}, {PATH("/sqllab/"), FOR_ADMINS}},
    {"denies a role, allows all", {PATH("/api/v1/report/"), .is_allow = true}, {PATH("/api/v1/report/"), FOR_ADMINS}},
    {"denies another method",
     {PATH("/api/v1/report/"), .is_allow = true},
     {.path = TEXT("/api/v1/report/"), .methods = HTTP_METHOD_POST}},
    {"denies all tenants but those of the other",
     {PATH("/sqllab/"), FOR_STAFF, .except = acme, .except_count = 1, .is_allow = true},
     {PATH("/sqllab/"), TO_ACME}},
};

static void policies_that_only_overlap_are_no_contradiction(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof compatible / sizeof compatible[0]; i++) {
        struct rules rules = {.count = 2, .policies = {compatible[i].allow, compatible[i].deny}};
        if (compile(&rules)->finding_count != 0) {
            fail_msg("%s: fault %d", compatible[i].name, (int)rules.findings[0].fault);
        }
    }
}

static void opening_beside_a_narrower_policy_makes_sense(void **state)
{
    (void)state;
    struct rules rules = {
        .count = 2,
        .policies = {{PATH("/sqllab/"), FOR_STAFF, .is_allow = true}, {PATH("/sqllab/"), TO_ACME, .is_allow = true}}};
    assert_int_equal(compile(&rules)->finding_count, 0);
    assert_allowed(&rules, "GET", "/sqllab/", "acme", NULL, 0);
    assert_refused(&rules, "http.route.role", "GET", "/sqllab/", "globex", NULL, 0);
    assert_allowed(&rules, "GET", "/sqllab/", "globex", staff, 2);
}

/* ---- limits ---- */

static void refuses_too_many_policies(void **state)
{
    (void)state;
    static struct http_route_policy many[HTTP_ROUTE_POLICIES_MAX + 1];
    static struct http_route_finding findings[HTTP_ROUTE_POLICIES_MAX + 1];
    const struct http_route_policies *compiled = NULL;
    size_t finding_count = 77;
    assert_fails(RG_LIMIT, http_route_policies_new(&arena, table, many, HTTP_ROUTE_POLICIES_MAX + 1, findings,
                                                   &finding_count, &compiled));
    assert_int_equal(finding_count, 77);
    assert_null(compiled);
}

static void a_small_arena_fails_and_leaves_the_outputs(void **state)
{
    (void)state;
    struct rules rules = {.count = 1, .policies = {{PATH("/{rest}"), FOR_ADMINS, .is_allow = true}}};
    struct rg_arena whole;
    rg_arena_init(&whole, ARENA_BYTES);
    assert_ok(http_route_policies_new(&whole, table, rules.policies, 1, rules.findings, &rules.finding_count,
                                      &rules.compiled));
    size_t needed = whole.used_bytes;
    rg_arena_done(&whole);
    for (size_t limit = 0; limit < needed; limit += 1 + needed / 20) {
        struct rg_arena small;
        size_t finding_count = 77;
        const struct http_route_policies *compiled = NULL;
        rg_arena_init(&small, limit);
        assert_fails(RG_LIMIT, http_route_policies_new(&small, table, rules.policies, 1, rules.findings, &finding_count,
                                                       &compiled));
        assert_int_equal(finding_count, 77);
        assert_null(compiled);
        rg_arena_done(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_alone_decides_without_policies),
        cmocka_unit_test(nobody_gets_what_asks_no_identity_and_nothing_else),
        cmocka_unit_test(zeroed_memory_refuses),
        cmocka_unit_test(a_policy_opens_to_a_role_of_one_tenant),
        cmocka_unit_test(a_policy_that_allows_roles_narrows_what_is_open),
        cmocka_unit_test(denying_wins_over_allowing_in_any_order),
        cmocka_unit_test(a_policy_that_denies_a_role_leaves_the_others),
        cmocka_unit_test(except_leaves_a_tenant_out),
        cmocka_unit_test(methods_are_those_that_are_named),
        cmocka_unit_test(what_is_closed_for_everyone_stays_closed),
        cmocka_unit_test(a_policy_without_roles_opens_nothing_that_needs_one),
        cmocka_unit_test(the_longest_unusual_path_is_judged_too),
        cmocka_unit_test(finds_what_makes_no_sense),
        cmocka_unit_test(a_policy_with_a_bad_pattern_does_nothing),
        cmocka_unit_test(finds_policies_that_contradict_each_other),
        cmocka_unit_test(finds_the_same_policy_twice),
        cmocka_unit_test(policies_that_only_overlap_are_no_contradiction),
        cmocka_unit_test(opening_beside_a_narrower_policy_makes_sense),
        cmocka_unit_test(refuses_too_many_policies),
        cmocka_unit_test(a_small_arena_fails_and_leaves_the_outputs),
    };
    return cmocka_run_group_tests(tests, open_table, close_table);
}
