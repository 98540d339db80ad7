/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies: what is found in a header, what is refused, what is made. */
#include "auth/cookie.h"

#include "tests/support/rg_test.h"

#define NAME "__Host-rowgate"
#define GOOD "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define OTHER "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void finds_our_cookie_among_others(void **state)
{
    (void)state;
    static const char *const headers[] = {
        NAME "=" GOOD,
        "session=.eJx; " NAME "=" GOOD,
        NAME "=" GOOD "; session=a b\"c,d; x",
        "a=1;" NAME "=" GOOD ";b=2",
        "  a=1 ;\t" NAME " = " GOOD "\t; ",
        "a=\"quoted\"; b=; " NAME "=" GOOD,
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct rg_slice value = {0};
        assert_ok(auth_cookie_find(rg_slice_of(headers[i]), RG_SLICE(NAME), &value));
        assert_slice(value, GOOD);
    }
}

static void finds_nothing_where_nothing_is(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "", "a=b", "rowgate=" GOOD, "x" NAME "=" GOOD, NAME "x=" GOOD, NAME, "a=" NAME "=" GOOD};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct rg_slice value = RG_SLICE("untouched");
        assert_ok(auth_cookie_find(rg_slice_of(headers[i]), RG_SLICE(NAME), &value));
        assert_int_equal(value.size, 0);
    }
}

static void refuses_what_is_ambiguous_or_malformed(void **state)
{
    (void)state;
    static const char *const headers[] = {
        NAME "=" GOOD "; " NAME "=" OTHER,                   /* which one? */
        NAME "=" GOOD "; " NAME "=" GOOD,                    /* even the same */
        NAME "=" GOOD "; __host-rowgate=" OTHER,             /* browsers take this prefix too */
        NAME "=",                                            /* empty */
        NAME "=short",                                       /* not 43 */
        NAME "=" GOOD "A",                                   /* 44 */
        NAME "=\"" GOOD "\"",                                /* quoted */
        NAME "=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH+8", /* not of base64url */
        NAME "=" GOOD "\r\nX: y",                            /* a header within */
        "a=\x01; " NAME "=" GOOD,                            /* control */
        "a=\x7f",
        "=x; " NAME "=" GOOD, /* an empty name */
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct rg_slice value = RG_SLICE("untouched");
        assert_fails(RG_PROTOCOL, auth_cookie_find(rg_slice_of(headers[i]), RG_SLICE(NAME), &value));
        assert_slice(value, "untouched");
    }
}

static void refuses_headers_that_are_too_large(void **state)
{
    (void)state;
    char header[AUTH_COOKIE_HEADER_MAX + 2];
    struct rg_slice value = {0};
    memset(header, 'a', sizeof header);
    header[0] = 'n';
    header[1] = '=';
    assert_ok(auth_cookie_find(rg_slice_make(header, AUTH_COOKIE_HEADER_MAX), RG_SLICE(NAME), &value));
    assert_fails(RG_LIMIT, auth_cookie_find(rg_slice_make(header, sizeof header), RG_SLICE(NAME), &value));
    for (size_t i = 0; i < sizeof header; i++) {
        header[i] = i % 2 == 0 ? 'a' : ';';
    }
    assert_ok(auth_cookie_find(rg_slice_make(header, (size_t)2 * AUTH_COOKIE_COUNT_MAX), RG_SLICE(NAME), &value));
    assert_fails(RG_LIMIT, auth_cookie_find(rg_slice_make(header, (size_t)2 * AUTH_COOKIE_COUNT_MAX + 2),
                                            RG_SLICE(NAME), &value));
}

static void keeps_our_cookies_from_the_upstream(void **state)
{
    (void)state;
    static const struct {
        const char *header, *left;
    } rows[] = {
        {NAME "=" GOOD, ""},
        {"session=abc; " NAME "=" GOOD "; x=1", "session=abc; x=1"},
        {"__Host-rowgate-login=x; session=abc", "session=abc"},
        {"__HOST-rowgate=whatever it is; session=abc", "session=abc"},
        {NAME "=" GOOD "; " NAME "=" OTHER "; session=a=b", "session=a=b"},
        {"lonely;a=", "lonely; a="},
        {"", ""},
    };
    const struct rg_slice names[] = {RG_SLICE(NAME), RG_SLICE("__Host-rowgate-login")};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf out;
        rg_buf_init(&out, 1024);
        assert_ok(auth_cookie_remove(rg_slice_of(rows[i].header), names, 2, &out));
        assert_slice(rg_buf_slice(&out), rows[i].left);
    }
}

static void leaves_the_output_alone_when_removal_fails(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    const struct rg_slice names[] = {RG_SLICE(NAME)};
    rg_buf_init(&out, 8);
    assert_ok(rg_buf_put(&out, RG_SLICE("old")));
    assert_fails(RG_LIMIT, auth_cookie_remove(RG_SLICE("a=1; b=2"), names, 1, &out));
    assert_slice(rg_buf_slice(&out), "old");
    assert_fails(RG_PROTOCOL, auth_cookie_remove(RG_SLICE("a=1; =2"), names, 1, &out));
    assert_slice(rg_buf_slice(&out), "old");
}

static void makes_set_cookie_headers(void **state)
{
    (void)state;
    const struct {
        struct auth_cookie_set set;
        const char *text;
    } rows[] = {
        {{RG_SLICE(NAME), RG_SLICE(GOOD), AUTH_SAME_SITE_LAX, false, 0},
         NAME "=" GOOD "; Path=/; Secure; HttpOnly; SameSite=Lax"},
        {{RG_SLICE(NAME), RG_SLICE(GOOD), AUTH_SAME_SITE_NONE, true, 600 * INT64_C(1000000)},
         NAME "=" GOOD "; Path=/; Secure; HttpOnly; SameSite=None; Partitioned; Max-Age=600"},
        {{RG_SLICE(NAME), {0}, AUTH_SAME_SITE_STRICT, false, 5},
         NAME "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf out;
        rg_buf_init(&out, AUTH_COOKIE_SET_MAX);
        assert_ok(auth_cookie_put(&rows[i].set, &out));
        assert_slice(rg_buf_slice(&out), rows[i].text);
    }
}

static void makes_no_header_that_says_something_else(void **state)
{
    (void)state;
    const struct auth_cookie_set rows[] = {
        {RG_SLICE("rowgate"), RG_SLICE(GOOD), AUTH_SAME_SITE_LAX, false, 0},
        {RG_SLICE("__Host-"), RG_SLICE(GOOD), AUTH_SAME_SITE_LAX, false, 0},
        {RG_SLICE("__Host-a;b"), RG_SLICE(GOOD), AUTH_SAME_SITE_LAX, false, 0},
        {RG_SLICE(NAME), RG_SLICE("x; Domain=evil.example"), AUTH_SAME_SITE_LAX, false, 0},
        {RG_SLICE(NAME), RG_SLICE("x\r\nSet-Cookie: y"), AUTH_SAME_SITE_LAX, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf out;
        rg_buf_init(&out, AUTH_COOKIE_SET_MAX);
        assert_fails(RG_INTERNAL, auth_cookie_put(&rows[i], &out));
        assert_int_equal(rg_buf_size(&out), 0);
    }
    RG_AUTO(rg_buf_done) struct rg_buf small;
    const struct auth_cookie_set good = {RG_SLICE(NAME), RG_SLICE(GOOD), AUTH_SAME_SITE_LAX, false, 0};
    rg_buf_init(&small, 70);
    assert_fails(RG_LIMIT, auth_cookie_put(&good, &small));
    assert_int_equal(rg_buf_size(&small), 0);
}

static void makes_values_that_are_never_the_same(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    char values[COUNT][AUTH_COOKIE_VALUE_SIZE];
    for (size_t i = 0; i < COUNT; i++) {
        struct rg_digest hash;
        auth_cookie_new(values[i]);
        assert_int_equal(strlen(values[i]), AUTH_COOKIE_VALUE);
        assert_ok(auth_cookie_hash(rg_slice_of(values[i]), &hash));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(values[i], values[j]);
        }
    }
}

static void hashes_values_of_ours_only(void **state)
{
    (void)state;
    static const char *const values[] = {"",
                                         "short",
                                         GOOD "A",
                                         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",
                                         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh=",
                                         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH+8"};
    struct rg_digest bytes;
    struct rg_digest hash = {{0}};
    const struct rg_digest untouched = hash;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_fails(RG_DENIED, auth_cookie_hash(rg_slice_of(values[i]), &hash));
        assert_memory_equal(&hash, &untouched, sizeof hash);
    }
    for (size_t i = 0; i < sizeof bytes.bytes; i++) {
        bytes.bytes[i] = (uint8_t)i;
    }
    assert_ok(auth_cookie_hash(RG_SLICE(GOOD), &hash));
    struct rg_digest wanted = rg_sha256_one(rg_slice_make(bytes.bytes, sizeof bytes.bytes));
    assert_memory_equal(&hash, &wanted, sizeof hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_our_cookie_among_others),
        cmocka_unit_test(finds_nothing_where_nothing_is),
        cmocka_unit_test(refuses_what_is_ambiguous_or_malformed),
        cmocka_unit_test(refuses_headers_that_are_too_large),
        cmocka_unit_test(keeps_our_cookies_from_the_upstream),
        cmocka_unit_test(leaves_the_output_alone_when_removal_fails),
        cmocka_unit_test(makes_set_cookie_headers),
        cmocka_unit_test(makes_no_header_that_says_something_else),
        cmocka_unit_test(makes_values_that_are_never_the_same),
        cmocka_unit_test(hashes_values_of_ours_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
