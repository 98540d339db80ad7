/* SPDX-License-Identifier: Apache-2.0 */
/* Our own pages and the framing of the upstream's: nothing that is put in can become markup or another directive. */
#include "proxy/http/page.h"

#include "proxy/http/headers_out.h"
#include "tests/support/rg_test.h"

enum { PAGE_BYTES = 64 * 1024 };

static bool has(const struct rg_buf *out, const char *text)
{
    struct rg_slice all = rg_buf_slice(out);
    return all.size > 0 && memmem(all.data, all.size, text, strlen(text)) != NULL;
}

static void expect_escaped(struct rg_slice text, const char *expected)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, PAGE_BYTES);
    assert_ok(http_page_escape(text, &out));
    assert_slice(rg_buf_slice(&out), expected);
}

static void test_markup_becomes_text(void **state)
{
    (void)state;
    expect_escaped(RG_SLICE("<script>\"&'</script>"), "&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;");
    expect_escaped(RG_SLICE("plain \xC3\xA9 \xF0\x9F\x98\x80"), "plain \xC3\xA9 \xF0\x9F\x98\x80");
    expect_escaped(RG_SLICE(""), "");
}

static void test_what_is_no_text_becomes_a_replacement(void **state)
{
    (void)state;
    expect_escaped(RG_SLICE("a\0b"), "a\xEF\xBF\xBD"
                                     "b");
    expect_escaped(RG_SLICE("\xC0\xBC"), "\xEF\xBF\xBD\xEF\xBF\xBD");                 /* overlong < */
    expect_escaped(RG_SLICE("\xE0\x80\xBC"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"); /* overlong < */
    expect_escaped(RG_SLICE("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"); /* a surrogate */
    expect_escaped(RG_SLICE("\xF4\x90\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_escaped(RG_SLICE("x\xC3"), "x\xEF\xBF\xBD");                         /* cut short */
    expect_escaped(RG_SLICE("\xC2\x9B\x1B[2J"), "\xEF\xBF\xBD\xEF\xBF\xBD[2J"); /* terminals' controls */
}

static void test_a_login_page_offers_each_provider(void **state)
{
    (void)state;
    const struct http_page_provider providers[] = {
        {RG_SLICE("Staff <b>"), RG_SLICE("/.rowgate/login/main?return_to=/a&x=\"y\""), RG_SLICE("")},
        {RG_SLICE("Partners"), RG_SLICE("/.rowgate/login/acme"), RG_SLICE("/.rowgate/logo/idp/acme")},
    };
    struct http_page_login page = {.face = {RG_SLICE("Acme & Co"), RG_SLICE("/.rowgate/logo/tenant/acme")},
                                   .notice = "Your session has ended.",
                                   .provider_count = 2,
                                   .providers = providers};
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, PAGE_BYTES);
    assert_ok(http_page_login(&page, &out));
    assert_true(has(&out, "<title>Sign in · Acme &amp; Co</title>"));
    assert_true(
        has(&out, "href=\"/.rowgate/login/main?return_to=/a&amp;x=&quot;y&quot;\"><span>Staff &lt;b&gt;</span>"));
    assert_true(has(&out, "<img alt=\"\" src=\"/.rowgate/logo/idp/acme\"><span>Partners</span>"));
    assert_true(has(&out, "role=\"status\">Your session has ended.<"));
    assert_false(has(&out, "<script"));
    assert_false(has(&out, "<b>"));
}

static void test_a_login_page_without_providers_says_whom_to_ask(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, PAGE_BYTES);
    assert_ok(http_page_login(&(struct http_page_login){0}, &out));
    assert_true(has(&out, "no way to sign in here"));
    assert_false(has(&out, "<nav"));
}

static void test_a_message_quotes_its_reference(void **state)
{
    (void)state;
    struct http_page_message page = {.title = RG_SLICE("Not allowed"),
                                     .text = RG_SLICE("This page is not open to you."),
                                     .rule = RG_SLICE("http.route.unknown"),
                                     .reference = RG_SLICE("r-0123456789abcdef"),
                                     .link_url = RG_SLICE("/"),
                                     .link_label = RG_SLICE("Start page")};
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, PAGE_BYTES);
    assert_ok(http_page_message(&page, &out));
    assert_true(has(&out, "<code>r-0123456789abcdef</code>"));
    assert_true(has(&out, "<code>http.route.unknown</code>"));
    assert_true(has(&out, "<h1>Not allowed</h1>"));
}

static void test_logging_out_posts_the_token(void **state)
{
    (void)state;
    struct http_page_logout page = {
        .user = RG_SLICE("alice"), .action = RG_SLICE("/.rowgate/logout"), .csrf = RG_SLICE("t0k\"en")};
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, PAGE_BYTES);
    assert_ok(http_page_logout(&page, &out));
    assert_true(has(&out, "method=\"post\" action=\"/.rowgate/logout\""));
    assert_true(has(&out, "name=\"csrf\" value=\"t0k&quot;en\""));
}

static void test_a_page_that_does_not_fit_leaves_nothing(void **state)
{
    (void)state;
    for (size_t limit = 1; limit < 300; limit += 7) {
        RG_AUTO(rg_buf_done) struct rg_buf out;
        rg_buf_init(&out, limit);
        assert_fails(RG_LIMIT, http_page_message(&(struct http_page_message){.title = RG_SLICE("x")}, &out));
        assert_int_equal(rg_buf_size(&out), 0);
        assert_fails(RG_LIMIT, http_page_logout(&(struct http_page_logout){.user = RG_SLICE("x")}, &out));
        assert_int_equal(rg_buf_size(&out), 0);
    }
}

/* ---- framing ---- */

static void expect_policy(struct rg_slice policy, bool is_self, size_t count, const char *expected)
{
    const struct rg_slice origins[] = {RG_SLICE("https://app.example.com"), RG_SLICE("https://*.acme.example")};
    struct rg_arena arena;
    struct rg_slice out = {0};
    rg_arena_init(&arena, PAGE_BYTES);
    assert_ok(http_csp_frame(policy, is_self, origins, count, &arena, &out));
    assert_slice(out, expected);
    rg_arena_done(&arena);
}

static void test_frame_ancestors_are_the_tenants_and_all_else_stays(void **state)
{
    (void)state;
    expect_policy(RG_SLICE(""), false, 0, "frame-ancestors 'none'");
    expect_policy(RG_SLICE(""), true, 2, "frame-ancestors 'self' https://app.example.com https://*.acme.example");
    expect_policy(
        RG_SLICE("default-src 'self'; script-src 'nonce-a1b2' 'strict-dynamic'"), false, 1,
        "default-src 'self'; script-src 'nonce-a1b2' 'strict-dynamic'; frame-ancestors https://app.example.com");
    expect_policy(RG_SLICE("frame-ancestors *; default-src 'self';"), true, 0,
                  "default-src 'self'; frame-ancestors 'self'");
    expect_policy(RG_SLICE("FRAME-Ancestors\t*"), true, 0, "frame-ancestors 'self'");
    expect_policy(RG_SLICE("a 1, frame-ancestors *"), true, 0, "a 1; frame-ancestors 'self', frame-ancestors 'self'");
    expect_policy(RG_SLICE("frame-ancestors-x y"), true, 0, "frame-ancestors-x y; frame-ancestors 'self'");
}

static void test_a_policy_that_could_split_the_head_is_refused(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct rg_slice out = RG_SLICE("untouched");
    rg_arena_init(&arena, PAGE_BYTES);
    assert_fails(RG_PROTOCOL, http_csp_frame(RG_SLICE("a\r\nSet-Cookie: x=y"), true, NULL, 0, &arena, &out));
    assert_fails(RG_PROTOCOL, http_csp_frame(RG_SLICE("a\0b"), true, NULL, 0, &arena, &out));
    assert_fails(RG_PROTOCOL, http_csp_frame(RG_SLICE("caf\xC3\xA9"), true, NULL, 0, &arena, &out));
    arena.limit_bytes = 1;
    assert_fails(RG_LIMIT, http_csp_frame(RG_SLICE("a b"), true, NULL, 0, &arena, &out));
    assert_slice(out, "untouched");
    rg_arena_done(&arena);
}

static void test_only_origins_may_frame(void **state)
{
    (void)state;
    const char *const good[] = {"https://app.example.com", "https://app.example.com:8443", "https://*.example.com",
                                "http://localhost:3000",   "http://127.0.0.1:3000",        "https://localhost"};
    const char *const bad[] = {"",
                               "*",
                               "https://",
                               "https://*",
                               "https://*.com",
                               "https://*.*.example.com",
                               "http://app.example.com",
                               "https://app.example.com/",
                               "https://app.example.com/path",
                               "https://app.example.com; script-src *",
                               "https://app.example.com https://evil.example",
                               "https://app.example.com,https://evil.example",
                               "https://app.example.com:0",
                               "https://app.example.com:65536",
                               "https://app.example.com:",
                               "https://user@app.example.com",
                               "https://APP.example.com",
                               "https://a..b",
                               "https://.a.b",
                               "https://a.b.",
                               "https://a\nb.c",
                               "javascript:alert(1)",
                               "'self'",
                               "data:",
                               "http://127.0.0.1.evil.example",
                               "http://localhost.evil.example"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(http_origin_is_valid(rg_slice_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(http_origin_is_valid(rg_slice_of(bad[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markup_becomes_text),
        cmocka_unit_test(test_what_is_no_text_becomes_a_replacement),
        cmocka_unit_test(test_a_login_page_offers_each_provider),
        cmocka_unit_test(test_a_login_page_without_providers_says_whom_to_ask),
        cmocka_unit_test(test_a_message_quotes_its_reference),
        cmocka_unit_test(test_logging_out_posts_the_token),
        cmocka_unit_test(test_a_page_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(test_frame_ancestors_are_the_tenants_and_all_else_stays),
        cmocka_unit_test(test_a_policy_that_could_split_the_head_is_refused),
        cmocka_unit_test(test_only_origins_may_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
