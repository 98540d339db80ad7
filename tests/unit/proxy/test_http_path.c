/* SPDX-License-Identifier: Apache-2.0 */
/* Paths: what is decoded, and every way to hide another path in one that is refused. */
#include "proxy/http/path.h"
#include "tests/support/rg_test.h"

static void decodes_each_path_once(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *path;
    } rows[] = {
        {"/", "/"},
        {"/superset/dashboard/1/", "/superset/dashboard/1/"},
        {"/a%20b", "/a b"},
        {"/%61pi/v1", "/api/v1"},
        {"/caf%C3%A9/%e2%82%ac", "/caf\xc3\xa9/\xe2\x82\xac"},
        {"/100%25", "/100%"},
        {"/100%25x", "/100%x"},
        {"/a%2Bb+c", "/a+b+c"},
        {"/a.b/.c/c./...", "/a.b/.c/c./..."},
        {"/!$&'()*+,;=:@-._~", "/!$&'()*+,;=:@-._~"},
        {"/a%3Fb%23c", "/a?b#c"},
        {"/x;y=z", "/x;y=z"},
        {"/%7C%7B%22", "/|{\""},
    };
    struct rg_arena arena;
    rg_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_ok = false;
        struct rg_slice path = {0};
        struct http_refusal refusal = {0};
        assert_ok(http_path_parse(rg_slice_of(rows[i].raw), &arena, &is_ok, &path, &refusal));
        if (!is_ok) {
            fail_msg("%s: %s", rows[i].raw, refusal.text);
        }
        assert_slice(path, rows[i].path);
    }
    rg_arena_done(&arena);
}

static void refuses_what_can_be_read_as_another_path(void **state)
{
    (void)state;
    static const char *const rows[] = {
        /* dot segments */
        "/..",
        "/.",
        "/a/../b",
        "/a/./b",
        "/a/..",
        "/a/.",
        "/../../etc/passwd",
        "/%2e%2e/admin",
        "/%2E%2e/a",
        "/.%2e/a",
        "/%2e./a",
        "/%2e",
        "/a/%2e%2e",
        "/a/%2e/b",
        "/..;/admin",
        "/..;x=y/admin",
        "/.;/a",
        "/%2e%2e;/a",
        "/%2e%2e%3b/a",
        "/a/..;",
        /* separators */
        "/a%2fb",
        "/a%2Fb",
        "/%2f",
        "/..%2fadmin",
        "/%2e%2e%2fadmin",
        "/a\\b",
        "/a%5cb",
        "/a%5Cb",
        "/..%5cadmin",
        "/\\evil.example",
        "//evil.example",
        "//",
        "/a//b",
        "/a//",
        "/a/%2f/b",
        /* control bytes */
        "/a%00",
        "/a%00.png",
        "/%00",
        "/a%0d%0aX:y",
        "/a%0a",
        "/a%09b",
        "/a%7f",
        "/a%1f",
        "/a%08",
        /* decoded twice */
        "/%252e%252e/admin",
        "/%252e",
        "/a%252fb",
        "/a%255cb",
        "/a%2500",
        "/a%250d%250a",
        "/%25252e",
        "/%25%32%65",
        "/%2525",
        "/%25%2532%2565",
        "/a%2541",
        "/a%25%35c",
        "/%2%35%32e",
        /* escapes that are none */
        "/%",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%2g",
        "/a%g2",
        "/%u002e",
        "/%u2215",
        "/% 2e",
        "/%+2e",
        "/%-1",
        /* not UTF-8: overlong, surrogates, cut, stray */
        "/%c0%ae%c0%ae/admin",
        "/%c0%af",
        "/%e0%80%af",
        "/%f0%80%80%af",
        "/%c1%9c",
        "/%ed%a0%80",
        "/%f4%90%80%80",
        "/%f8%88%80%80%80",
        "/%c3",
        "/%80",
        "/%ff",
        "/%fe",
        "/a%e2%82",
        "/%c3%28",
        /* must be escaped */
        "/a b",
        "/a\"b",
        "/a<b",
        "/a>b",
        "/a^b",
        "/a`b",
        "/a{b",
        "/a|b",
        "/a}b",
        "/a[b",
        "/a]b",
        "/a#b",
        "/a?b",
        "/caf\xc3\xa9",
        "/a\tb",
        "/a\nb",
        "/a\x7f",
        /* no path */
        "",
        "a",
        "a/b",
        "*",
        "http://a/",
        "%2f",
        ".",
        "..",
        "\\",
    };
    struct rg_arena arena;
    rg_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_ok = true;
        struct rg_slice path = RG_SLICE("untouched");
        struct http_refusal refusal = {0};
        assert_ok(http_path_parse(rg_slice_of(rows[i]), &arena, &is_ok, &path, &refusal));
        if (is_ok) {
            fail_msg("\"%s\" passed as \"%.*s\"", rows[i], rg_slice_shown(path), path.data);
        }
        assert_int_equal(refusal.status, 400);
        assert_slice(path, "untouched");
    }
    rg_arena_done(&arena);
}

static void refuses_a_nul_amid_a_path(void **state)
{
    (void)state;
    bool is_ok = true;
    struct rg_slice path = {0};
    struct http_refusal refusal = {0};
    struct rg_arena arena;
    rg_arena_init(&arena, 1 << 10);
    assert_ok(http_path_parse(RG_SLICE("/a\0b"), &arena, &is_ok, &path, &refusal));
    assert_false(is_ok);
    rg_arena_done(&arena);
}

/* Every octet that decodes from an escape: only what no reader treats as a separator or a control. */
static void no_escape_makes_a_separator_or_a_control(void **state)
{
    (void)state;
    struct rg_arena arena;
    rg_arena_init(&arena, 1 << 16);
    for (unsigned octet = 0; octet < 256; octet++) {
        static const char digits[] = "0123456789aBcDeF";
        char raw[] = "/x%00y";
        bool is_ok = false;
        struct rg_slice path = {0};
        struct http_refusal refusal = {0};
        raw[3] = digits[octet / 16];
        raw[4] = digits[octet % 16];
        assert_ok(http_path_parse(rg_slice_of(raw), &arena, &is_ok, &path, &refusal));
        bool is_allowed = octet >= 0x20 && octet < 0x7f && octet != '/' && octet != '\\';
        if (is_ok != is_allowed || (is_ok && ((unsigned char)path.data[2] != octet || path.size != 4))) {
            fail_msg("%s", raw);
        }
    }
    rg_arena_done(&arena);
}

static void a_full_arena_is_a_limit_and_touches_nothing(void **state)
{
    (void)state;
    bool is_ok = false;
    struct rg_slice path = RG_SLICE("untouched");
    struct http_refusal refusal = {0};
    struct rg_arena arena;
    rg_arena_init(&arena, 3);
    assert_fails(RG_LIMIT, http_path_parse(RG_SLICE("/abcdef"), &arena, &is_ok, &path, &refusal));
    assert_false(is_ok);
    assert_slice(path, "untouched");
    assert_null(refusal.rule);
    rg_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_each_path_once),
        cmocka_unit_test(refuses_what_can_be_read_as_another_path),
        cmocka_unit_test(refuses_a_nul_amid_a_path),
        cmocka_unit_test(no_escape_makes_a_separator_or_a_control),
        cmocka_unit_test(a_full_arena_is_a_limit_and_touches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
