/* SPDX-License-Identifier: Apache-2.0 */
/* Where a login may lead: a path of this very host for every browser, or nowhere but home. */
#include "proxy/http/login.h"

#include "tests/support/rg_test.h"

static struct rg_slice lead(const char *query, struct rg_arena *arena)
{
    struct rg_slice path = {0};
    assert_ok(http_login_return_to(rg_slice_of(query), arena, &path));
    return path;
}

static void a_path_of_our_own_is_kept(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 65536);
    assert_slice(lead("return_to=%2Fsuperset%2Fdashboard%2F7%2F%3Fa%3Db%26c%3Dd%23x", &arena),
                 "/superset/dashboard/7/?a=b&c=d#x");
    assert_slice(lead("return_to=/", &arena), "/");
    assert_slice(lead("a=b&return_to=/x//y", &arena), "/x//y"); /* further slashes lead nowhere else */
}

static void everything_else_leads_home(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "return_to=",
        "return_to",
        "return_to=x",
        "return_to=//evil.example",
        "return_to=%2F%2Fevil.example",
        "return_to=/%5Cevil.example",
        "return_to=%5C%5Cevil.example",
        "return_to=/x%5Cy",
        "return_to=/%09/evil.example",
        "return_to=/%0A/evil.example",
        "return_to=%09//evil.example",
        "return_to=+/evil.example",
        "return_to=https://evil.example/",
        "return_to=https:evil.example",
        "return_to=javascript:alert(1)",
        "return_to=/x%00y",
        "return_to=/x%0d%0aSet-Cookie:%20a=b",
        "return_to=/%C3%A4",
        "return_to=/%22%3E%3Cscript%3E",
        "return_to=/x&return_to=//evil.example",
        "return_to=/%4",
        "return_to=/.rowgate/logout",
        "return_to=/.rowgate",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 65536);
        print_message("%s\n", rows[i]);
        assert_slice(lead(rows[i], &arena), "/");
    }
    static char longest[4096] = "return_to=/";
    memset(longest + 11, 'a', sizeof longest - 12);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 65536);
    assert_slice(lead(longest, &arena), "/");
}

static void a_full_arena_is_an_error(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice path = RG_SLICE("before");
    rg_arena_init(&arena, 4);
    assert_fails(RG_LIMIT, http_login_return_to(RG_SLICE("return_to=/superset/"), &arena, &path));
    assert_slice(path, "before");
}

static void own_urls_are_below_the_public_one(void **state)
{
    (void)state;
    const struct config_http_listener listener = {.public_url = RG_SLICE("https://bi.example.com")};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice url = RG_SLICE("before");
    rg_arena_init(&arena, 4096);
    assert_ok(http_login_own_url(&listener, &arena, &url, "/.rowgate/oidc/%s/callback", "main"));
    assert_slice(url, "https://bi.example.com/.rowgate/oidc/main/callback");
    char long_name[600];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_fails(RG_LIMIT, http_login_own_url(&listener, &arena, &url, "/%s", long_name));
    assert_slice(url, "https://bi.example.com/.rowgate/oidc/main/callback");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_of_our_own_is_kept),
        cmocka_unit_test(everything_else_leads_home),
        cmocka_unit_test(a_full_arena_is_an_error),
        cmocka_unit_test(own_urls_are_below_the_public_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
