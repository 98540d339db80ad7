/* SPDX-License-Identifier: Apache-2.0 */
/* [[tests]] pass for the reason they name, and fail when what they say is not so; made-up subjects are as strict as
 * logins. */
#include "proxy/trial.h"

#include "proxy/subject.h"
#include "tests/support/config_chunks.h"
#include "tests/support/config_test.h"

static const char extra[] =
    "[[policies]]\nname = \"events\"\non = [\"shared.events\"]\nfor = [\"select\"]\n"
    "using = \"tenant_id = :tenant_id\"\n"
    "[[tenants]]\nid = \"frozen\"\nmatch = { idp = \"main\", claim = \"tenant_id\", value = "
    "\"frozen\" }\nroute = { upstream = \"pool\" }\nfrozen = true\n"
    "[[tenants]]\nid = \"jobs\"\nmatch = { service_account = \"etl\" }\n"
    "route = { upstream = \"pool\" }\n"
    "[idp.second]\ntype = \"oidc\"\nissuer = \"https://second.example.com\"\naudience = [\"rowgate\"]\n"
    "[[tenant_patterns]]\nmatch = { idp = \"second\" }\n"
    "id = { claim = \"tenant_id\", allow = \"^c[0-9]+$\" }\n"
    "route = { upstream = \"pool\", schemas = { sales = \"x_{tenant.id}\" } }\n";

static void load(struct config_files *files, const char *tests)
{
    static char text[16384];
    size_t size = 0;
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s", sound_chunks[i]);
    }
    size += (size_t)snprintf(text + size, sizeof text - size, "%s%s", extra, tests);
    config_files_write(files, "main.toml", text, size);
    rg_status status = config_files_load(files, "main.toml");
    for (const struct rg_finding *finding = files->diag.first; finding != NULL; finding = finding->next) {
        print_error("%u:%u: %s\n", finding->place.line, finding->place.column, finding->text.data);
    }
    assert_ok(status);
}

struct row {
    const char *test;   /* after "[[tests]]" */
    const char *wanted; /* NULL = passes; else part of what it says was expected */
    const char *came;   /* part */
};

#define AS(tenant) "as = { tenant = \"" tenant "\" }\n"
#define EVENTS "sql = \"select id from shared.events\"\n"

/* clang-format off */
static const struct row rows[] = {
    {AS("acme") "sql = \"select 1\"\nexpect = \"allow\"\n", NULL, "as it stands"},
    {AS("acme") "sql = \"select 1\"\nexpect = \"deny\"\n", "a refusal", "allowed"},
    {AS("acme") "sql = \"select 1\"\nexpect = \"rewrite\"\n", "rewritten", "as it stands"},
    {AS("acme") "sql = \"select 1\"\nexpect = \"mask\"\n", "with a mask", "as it stands"},
    {AS("acme") "sql = \"select 1\"\nexpect = \"allow\"\nequals = \"select 1\"\n", NULL, ""},
    {AS("acme") "sql = \"select 1\"\nexpect = \"allow\"\nequals = \"SELECT 1\"\n", "exactly: SELECT 1", ""},
    {AS("acme") "sql = \"select 1; select 2\"\nexpect = \"allow\"\nequals = \"select 1; select 2\"\n", NULL, ""},
    {AS("acme") EVENTS "expect = \"rewrite\"\ncontains = [\"'acme'\", \"tenant_id\"]\nlacks = [\"globex\"]\n", NULL, "rewritten"},
    {AS("acme") EVENTS "expect = \"rewrite\"\ncontains = [\"tenant_id\", \"'globex'\"]\n", "with: 'globex'", ""},
    {AS("acme") EVENTS "expect = \"rewrite\"\nlacks = [\"'acme'\"]\n", "without: 'acme'", ""},
    {AS("acme") EVENTS "expect = \"deny\"\n", "a refusal", "rewritten"},
    {AS("acme") EVENTS "expect = \"mask\"\n", "with a mask", "rewritten"},
    {AS("acme") "sql = \"select * from shared.secret\"\nexpect = \"deny\"\n", NULL, "relation.not_allowed"},
    {AS("acme") "sql = \"select * from shared.secret\"\nexpect = \"deny\"\nrule = \"relation.not_allowed\"\n", NULL, ""},
    {AS("acme") "sql = \"select * from shared.secret\"\nexpect = \"deny\"\nrule = \"sql.syntax\"\n", "rule sql.syntax", "relation.not_allowed"},
    {AS("acme") "sql = \"select * from shared.secret\"\nexpect = \"allow\"\n", "allowed", "denied"},
    {AS("acme") "sql = \"select 1; selec 2\"\nexpect = \"allow\"\n", "allowed", "denied"},
    {AS("acme") "sql = \"selec\"\nexpect = \"deny\"\nrule = \"sql.syntax\"\n", NULL, ""},
    {AS("c17") "sql = \"select * from sales.t\"\nexpect = \"rewrite\"\ncontains = [\"x_c17\"]\n", NULL, ""},
    {AS("jobs") EVENTS "expect = \"rewrite\"\ncontains = [\"'acme'\"]\n", NULL, ""}, /* the account's own claim */
    /* a login that fails is no refusal of the statement, unless the test is about the login */
    {AS("frozen") "sql = \"select 1\"\nexpect = \"deny\"\n", "a refusal of the statement", "login.claims"},
    {AS("frozen") "sql = \"select 1\"\nexpect = \"deny\"\nrule = \"login.claims\"\n", NULL, ""},
    {AS("frozen") "sql = \"select 1\"\nexpect = \"deny\"\nrule = \"relation.not_allowed\"\n", "relation.not_allowed", "login.claims"},
    {AS("frozen") "sql = \"select 1\"\nexpect = \"allow\"\n", "allowed", "login.claims"},
    {"as = { tenant = \"acme\", claims = { tenant_id = \"globex\" } }\nsql = \"select 1\"\nexpect = \"deny\"\nrule = \"login.claims\"\n", NULL, ""},
    {"as = { tenant = \"acme\", claims = { regions = [\"a\", \"b\"] } }\nsql = \"select 1\"\nexpect = \"allow\"\n", NULL, ""},
};
/* clang-format on */

static bool has(struct rg_slice text, const char *part)
{
    return part[0] == '\0' || (text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL);
}

static void a_test_passes_for_its_reason_only(void **state)
{
    (void)state;
    const struct trial_relations none = {NULL, NULL};
    size_t wrong = 0;
    struct config_files files;
    config_files_init(&files);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[1024];
        struct rg_arena arena;
        struct trial_result result = {0};
        (void)snprintf(text, sizeof text, "[[tests]]\n%s", rows[i].test);
        load(&files, text);
        rg_arena_init(&arena, 8 << 20);
        assert_ok(trial_run(files.config, &files.config->tests[0], &none, &arena, &result));
        bool is_good = result.is_passed == (rows[i].wanted == NULL) && has(result.came, rows[i].came) &&
                       (rows[i].wanted == NULL || has(result.wanted, rows[i].wanted));
        if (!is_good) {
            print_error("%s -> %d, wanted \"%.*s\", came \"%.*s\"\n", rows[i].test, (int)result.is_passed,
                        RG_SLICE_ARGS(result.wanted), RG_SLICE_ARGS(result.came));
            wrong++;
        }
        rg_arena_done(&arena);
    }
    config_files_done(&files);
    assert_int_equal(wrong, 0);
}

static void each_failed_test_is_a_finding_at_its_place(void **state)
{
    (void)state;
    const struct trial_relations none = {NULL, NULL};
    struct config_files files;
    config_files_init(&files);
    load(&files,
         "[[tests]]\n" AS("acme") "sql = \"select 1\"\nexpect = \"allow\"\n"
                                  "[[tests]]\nname = \"wrong\"\n" AS("acme") "sql = \"select 1\"\nexpect = \"deny\"\n");
    assert_int_equal(files.config->test_count, 2);
    assert_slice(files.config->tests[0].name, "tests[1]");
    assert_fails(RG_CONFIG, trial_run_all(files.config, &none, &files.diag));
    assert_int_equal(files.diag.error_count, 1);
    assert_int_equal(files.diag.first->place.line, files.config->tests[1].place.line);
    assert_non_null(strstr(files.diag.first->text.data, "\"wrong\""));
    config_files_done(&files);
}

static void no_tests_are_no_failure(void **state)
{
    (void)state;
    const struct trial_relations none = {NULL, NULL};
    struct config_files files;
    config_files_init(&files);
    load(&files, "");
    assert_ok(trial_run_all(files.config, &none, &files.diag));
    config_files_done(&files);
}

static void a_full_arena_is_no_verdict(void **state)
{
    (void)state;
    const struct trial_relations none = {NULL, NULL};
    struct trial_result result = {.is_passed = false, .wanted = RG_SLICE("untouched")};
    struct rg_arena arena;
    struct config_files files;
    config_files_init(&files);
    load(&files, "[[tests]]\n" AS("acme") EVENTS "expect = \"rewrite\"\n");
    rg_arena_init(&arena, 64);
    assert_fails(RG_LIMIT, trial_run(files.config, &files.config->tests[0], &none, &arena, &result));
    assert_slice(result.wanted, "untouched");
    rg_arena_done(&arena);
    config_files_done(&files);
}

static size_t asked;

static struct policy_relations *find_none(void *context, struct rg_slice upstream)
{
    assert_ptr_equal(context, &asked);
    assert_slice(upstream, "pool");
    asked++;
    return NULL;
}

static void the_relations_are_those_of_the_tenants_upstream(void **state)
{
    (void)state;
    const struct trial_relations relations = {find_none, &asked};
    struct config_files files;
    config_files_init(&files);
    load(&files, "[[tests]]\n" AS("acme") "sql = \"select 1\"\nexpect = \"allow\"\n");
    assert_ok(trial_run_all(files.config, &relations, &files.diag));
    assert_int_equal(asked, 1);
    config_files_done(&files);
}

static void a_made_up_subject_is_checked_like_a_login(void **state)
{
    (void)state;
    static const struct rg_slice other[] = {{"globex", 6}};
    const struct auth_claim_constant foreign[] = {{RG_SLICE("tenant_id"), other, 1}};
    const struct auth_claim_constant unknown[] = {{RG_SLICE("nothing"), other, 1}};
    const struct {
        struct subject_request request;
        enum rg_kind kind;
    } refused[] = {
        {{RG_SLICE("a"), RG_SLICE("nobody"), 0, NULL}, RG_CONFIG},
        {{RG_SLICE("a"), RG_SLICE(""), 0, NULL}, RG_CONFIG},
        {{RG_SLICE("a"), RG_SLICE("cx"), 0, NULL}, RG_CONFIG},
        {{RG_SLICE("a"), RG_SLICE("xc1x"), 0, NULL}, RG_CONFIG},
        {{RG_SLICE("a"), RG_SLICE("frozen"), 0, NULL}, RG_DENIED},
        {{RG_SLICE("a"), RG_SLICE("acme"), 1, foreign}, RG_DENIED},
        {{RG_SLICE("a"), RG_SLICE("acme"), 1, unknown}, RG_CONFIG},
    };
    struct config_files files;
    config_files_init(&files);
    load(&files, "");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct subject subject = {.database = RG_SLICE("untouched")};
        assert_fails(refused[i].kind, subject_make(files.config, &refused[i].request, &files.arena, &subject));
        assert_slice(subject.database, "untouched");
    }
    config_files_done(&files);
}

static int set_environment(void **state)
{
    (void)state;
    return setenv("CONFIG_TEST_VERIFIER", VERIFIER, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_test_passes_for_its_reason_only),
        cmocka_unit_test(each_failed_test_is_a_finding_at_its_place),
        cmocka_unit_test(no_tests_are_no_failure),
        cmocka_unit_test(a_full_arena_is_no_verdict),
        cmocka_unit_test(the_relations_are_those_of_the_tenants_upstream),
        cmocka_unit_test(a_made_up_subject_is_checked_like_a_login),
    };
    return cmocka_run_group_tests(tests, set_environment, NULL);
}
