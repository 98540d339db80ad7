/* SPDX-License-Identifier: Apache-2.0 */
/* Guest tokens of browsers: what comes back as it went in, and that nothing else comes back. */
#include "auth/guest_token.h"

#include "base/rg_buf.h"
#include "base/rg_crypto.h"
#include "base/rg_secret.h"
#include "base/rg_sign.h"
#include "tests/support/rg_test.h"

#define NOW_S INT64_C(1800000000)
#define NOW_US (NOW_S * 1000000)
#define A1 "a1a1a1a1-0000-4000-8000-000000000001"

static struct rg_arena arena;
static struct auth_mint *mint, *other;

static struct auth_mint *mint_of(uint8_t first)
{
    const uint8_t seed[RG_SIGN_SEED_SIZE] = {first};
    struct rg_secret *pem = NULL;
    struct auth_mint *made = NULL;
    assert_ok(rg_sign_pem_encode(seed, &pem));
    assert_ok(auth_mint_new(rg_secret_slice(pem), &made));
    rg_secret_free(&pem);
    return made;
}

static int start(void **state)
{
    (void)state;
    rg_arena_init(&arena, (size_t)8 << 20);
    mint = mint_of(1);
    other = mint_of(2);
    return 0;
}

static int end(void **state)
{
    (void)state;
    auth_mint_free(&mint);
    auth_mint_free(&other);
    rg_arena_done(&arena);
    return 0;
}

static const struct rg_slice dashboards[AUTH_GUEST_MAX_RESOURCES + 1] = {{A1, 36}, {"b", 1}};

static struct auth_guest_token good(void)
{
    return (struct auth_guest_token){.id = RG_SLICE("r-1"),
                                     .issued_s = NOW_S,
                                     .expires_s = NOW_S + 300,
                                     .resource_count = 2,
                                     .resources = dashboards,
                                     .capsule = RG_SLICE("rgc1.AAAA")};
}

static struct rg_slice make(const struct auth_guest_token *token)
{
    struct rg_slice text = {0};
    assert_ok(auth_guest_token_make(mint, token, &arena, &text));
    return text;
}

static rg_status read_at(struct rg_slice text, int64_t now_us, struct auth_guest_cache *cache,
                         struct auth_guest_token *out_token)
{
    return auth_guest_token_read(mint, text, now_us, cache, &arena, out_token);
}

static void assert_untouched(struct rg_slice text, int64_t now_us, struct auth_guest_cache *cache)
{
    struct auth_guest_token token = {.id = RG_SLICE("untouched")};
    assert_fails(RG_DENIED, read_at(text, now_us, cache, &token));
    assert_slice(token.id, "untouched");
}

/* ---- there and back ---- */

static void what_was_made_is_read(void **state)
{
    (void)state;
    struct auth_guest_token made = good();
    struct auth_guest_token token = {0};
    assert_ok(read_at(make(&made), NOW_US, NULL, &token));
    assert_slice(token.id, "r-1");
    assert_slice(token.capsule, "rgc1.AAAA");
    assert_true(token.issued_s == NOW_S && token.expires_s == NOW_S + 300);
    assert_int_equal(token.resource_count, 2);
    assert_slice(token.resources[0], A1);
    assert_slice(token.resources[1], "b");
}

static void it_ends_with_its_last_second(void **state)
{
    (void)state;
    struct auth_guest_token made = good();
    struct auth_guest_token token = {0};
    struct rg_slice text = make(&made);
    struct auth_guest_cache *cache = auth_guest_cache_new();
    assert_ok(read_at(text, NOW_US + 299999999, cache, &token));
    assert_untouched(text, NOW_US + 300000000, cache);
    assert_untouched(text, INT64_MAX, cache);
    auth_guest_cache_free(&cache);
}

/* ---- what is not made ---- */

static void nothing_is_made_for_nobody_or_nothing_or_too_much(void **state)
{
    (void)state;
    const struct {
        enum rg_kind kind;
        struct auth_guest_token token;
    } rows[] = {
        {RG_DENIED, {.issued_s = 1, .expires_s = 2, .resource_count = 1, .resources = dashboards, .capsule = {"c", 1}}},
        {RG_DENIED, {{"j", 1}, 1, 2, 0, dashboards, {"c", 1}}},
        {RG_DENIED, {{"j", 1}, 1, 2, 1, dashboards, {NULL, 0}}},
        {RG_DENIED, {{"j", 1}, 2, 2, 1, dashboards, {"c", 1}}},
        {RG_LIMIT, {{"j", 1}, 1, 2, AUTH_GUEST_MAX_RESOURCES + 1, dashboards, {"c", 1}}},
        {RG_LIMIT, {{A1 A1, 72}, 1, 2, 1, dashboards, {"c", 1}}},
        {RG_PROTOCOL, {{"\xff", 1}, 1, 2, 1, dashboards, {"c", 1}}},
        {RG_PROTOCOL, {{"j", 1}, 1, 2, 1, (const struct rg_slice[]){{"\xc3", 1}}, {"c", 1}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice text = RG_SLICE("untouched");
        assert_fails(rows[i].kind, auth_guest_token_make(mint, &rows[i].token, &arena, &text));
        assert_slice(text, "untouched");
    }
    struct rg_arena small;
    struct auth_guest_token made = good();
    struct rg_slice text = RG_SLICE("untouched");
    rg_arena_init(&small, 64);
    assert_fails(RG_LIMIT, auth_guest_token_make(mint, &made, &small, &text));
    assert_slice(text, "untouched");
    rg_arena_done(&small);
}

/* ---- what is not read ---- */

#define START "{\"iss\":\"rowgate\",\"aud\":\"rowgate-guest\",\"type\":\"guest\","
#define TIMES "\"iat\":1800000000,\"exp\":1800000300,"
#define REST "\"jti\":\"r-1\",\"resources\":[{\"type\":\"dashboard\",\"id\":\"" A1 "\"}],\"rowgate\":\"rgc1.A\"}"

static void only_whole_claims_with_their_types_are_read(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "[]",
        "null",
        "{}",
        START TIMES "\"iss\":\"rowgate\"," REST, /* twice */
        "{\"iss\":\"superset\",\"aud\":\"rowgate-guest\",\"type\":\"guest\"," TIMES REST,
        "{\"iss\":\"rowgate\",\"aud\":\"superset\",\"type\":\"guest\"," TIMES REST,
        "{\"iss\":\"rowgate\",\"aud\":[\"rowgate-guest\"],\"type\":\"guest\"," TIMES REST,
        "{\"iss\":\"rowgate\",\"aud\":\"rowgate-guest\\u0000\",\"type\":\"guest\"," TIMES REST,
        "{\"iss\":\"rowgate\",\"aud\":\"rowgate-guest\",\"type\":\"Guest\"," TIMES REST,
        "{\"iss\":\"rowgate\",\"aud\":\"rowgate-guest\"," TIMES REST,
        START REST,
        START "\"iat\":1800000000,\"exp\":\"1800000300\"," REST,
        START "\"iat\":1800000000,\"exp\":1800000300.5," REST,
        START "\"iat\":1800000000,\"exp\":1.8e10," REST,
        START "\"iat\":1800000000,\"exp\":-1," REST,
        START "\"iat\":1800000000,\"exp\":99999999999999999999," REST,
        START "\"iat\":null,\"exp\":1800000300," REST,
        START TIMES "\"jti\":\"\",\"resources\":[{\"type\":\"dashboard\",\"id\":\"a\"}],\"rowgate\":\"c\"}",
        START TIMES "\"jti\":1,\"resources\":[{\"type\":\"dashboard\",\"id\":\"a\"}],\"rowgate\":\"c\"}",
        START TIMES "\"jti\":\"" A1 A1 "\",\"resources\":[{\"type\":\"dashboard\",\"id\":\"a\"}],\"rowgate\":\"c\"}",
        START TIMES "\"jti\":\"j\",\"resources\":[],\"rowgate\":\"c\"}",
        START TIMES "\"jti\":\"j\",\"resources\":{\"type\":\"dashboard\",\"id\":\"a\"},\"rowgate\":\"c\"}",
        START TIMES "\"jti\":\"j\",\"resources\":[\"a\"],\"rowgate\":\"c\"}",
        START TIMES "\"jti\":\"j\",\"resources\":[{\"type\":\"chart\",\"id\":\"a\"}],\"rowgate\":\"c\"}",
        START TIMES "\"jti\":\"j\",\"resources\":[{\"type\":\"dashboard\",\"id\":12}],\"rowgate\":\"c\"}",
        START TIMES "\"jti\":\"j\",\"resources\":[{\"type\":\"dashboard\",\"id\":\"\"}],\"rowgate\":\"c\"}",
        START TIMES "\"jti\":\"j\",\"resources\":[{\"type\":\"dashboard\"}],\"rowgate\":\"c\"}",
        START TIMES "\"jti\":\"j\",\"resources\":[{\"type\":\"dashboard\",\"id\":\"a\"}]}",
        START TIMES "\"jti\":\"j\",\"resources\":[{\"type\":\"dashboard\",\"id\":\"a\"}],\"rowgate\":\"\"}",
    };
    struct auth_guest_token token = {0};
    struct rg_slice text = {0};
    assert_ok(auth_mint_sign(mint, RG_SLICE(START TIMES REST), &arena, &text));
    assert_ok(read_at(text, NOW_US, NULL, &token));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(auth_mint_sign(mint, rg_slice_of(rows[i]), &arena, &text));
        assert_untouched(text, NOW_US, NULL);
    }
}

static void seventeen_dashboards_are_too_many(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf claims;
    struct rg_slice text = {0};
    rg_buf_init(&claims, 4096);
    assert_ok(rg_buf_put(&claims, RG_SLICE(START TIMES "\"jti\":\"j\",\"rowgate\":\"c\",\"resources\":[")));
    for (size_t i = 0; i <= AUTH_GUEST_MAX_RESOURCES; i++) {
        assert_ok(rg_buf_put(&claims, i == 0 ? RG_SLICE("") : RG_SLICE(",")));
        assert_ok(rg_buf_put(&claims, RG_SLICE("{\"type\":\"dashboard\",\"id\":\"a\"}")));
    }
    assert_ok(rg_buf_put(&claims, RG_SLICE("]}")));
    assert_ok(auth_mint_sign(mint, rg_buf_slice(&claims), &arena, &text));
    assert_untouched(text, NOW_US, NULL);
}

static void another_key_is_another_world(void **state)
{
    (void)state;
    struct auth_guest_token made = good();
    struct rg_slice text = {0};
    assert_ok(auth_guest_token_make(other, &made, &arena, &text));
    assert_untouched(text, NOW_US, NULL);
}

static void each_changed_byte_and_each_cut_is_refused(void **state)
{
    (void)state;
    struct auth_guest_token made = good();
    struct rg_slice text = make(&made);
    struct auth_guest_cache *cache = auth_guest_cache_new();
    struct auth_guest_token token = {0};
    char copy[4096];
    assert_true(text.size < sizeof copy);
    assert_ok(read_at(text, NOW_US, cache, &token)); /* known from now on, as it is */
    for (size_t i = 0; i < text.size; i++) {
        memcpy(copy, text.data, text.size);
        copy[i] = copy[i] == 'x' ? 'y' : 'x';
        assert_untouched(rg_slice_make(copy, text.size), NOW_US, cache);
        assert_untouched(rg_slice_cut(text, 0, i), NOW_US, cache);
    }
    copy[text.size] = 'A';
    memcpy(copy, text.data, text.size);
    assert_untouched(rg_slice_make(copy, text.size + 1), NOW_US, cache);
    copy[text.size] = '.';
    assert_untouched(rg_slice_make(copy, text.size + 1), NOW_US, cache);
    assert_ok(read_at(text, NOW_US, cache, &token));
    auth_guest_cache_free(&cache);
}

static void a_known_token_of_a_key_is_not_known_of_another(void **state)
{
    (void)state;
    struct auth_guest_token made = good();
    struct auth_guest_token token = {.id = RG_SLICE("untouched")};
    struct rg_slice text = make(&made);
    struct auth_guest_cache *cache = auth_guest_cache_new();
    assert_ok(read_at(text, NOW_US, cache, &token));
    token.id = RG_SLICE("untouched");
    assert_fails(RG_DENIED, auth_guest_token_read(other, text, NOW_US, cache, &arena, &token));
    assert_slice(token.id, "untouched");
    assert_ok(read_at(text, NOW_US, cache, &token));
    auth_guest_cache_free(&cache);
}

static void long_ones_are_refused_unread_and_full_arenas_are_told(void **state)
{
    (void)state;
    static char text[AUTH_GUEST_MAX_TOKEN + 1];
    memset(text, 'A', sizeof text);
    assert_untouched(rg_slice_make(text, sizeof text), NOW_US, NULL);
    struct auth_guest_token made = good();
    struct rg_slice whole = make(&made);
    for (size_t limit = 0;; limit += 16) {
        struct rg_arena small;
        struct auth_guest_token token = {.id = RG_SLICE("untouched")};
        rg_arena_init(&small, limit);
        rg_status status = auth_guest_token_read(mint, whole, NOW_US, NULL, &small, &token);
        bool is_read = rg_is_ok(status);
        if (!is_read) {
            assert_true(status.error->kind == RG_LIMIT || status.error->kind == RG_DENIED);
            assert_slice(token.id, "untouched");
        }
        rg_arena_done(&small);
        if (is_read) {
            return;
        }
        assert_true(limit < 65536);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_is_read),
        cmocka_unit_test(it_ends_with_its_last_second),
        cmocka_unit_test(nothing_is_made_for_nobody_or_nothing_or_too_much),
        cmocka_unit_test(only_whole_claims_with_their_types_are_read),
        cmocka_unit_test(seventeen_dashboards_are_too_many),
        cmocka_unit_test(another_key_is_another_world),
        cmocka_unit_test(each_changed_byte_and_each_cut_is_refused),
        cmocka_unit_test(a_known_token_of_a_key_is_not_known_of_another),
        cmocka_unit_test(long_ones_are_refused_unread_and_full_arenas_are_told),
    };
    return cmocka_run_group_tests(tests, start, end);
}
