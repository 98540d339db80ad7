/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls, for the upstream: what the token says, when it is made anew, and who gets none. */
#include "proxy/http/identity_header.h"

#include <jansson.h>
#include <openssl/pem.h>

#include "base/rg_crypto.h"
#include "tests/support/auth_keys.h"
#include "tests/support/rg_test.h"

#define NOW_S 1800000000
#define NOW_US (INT64_C(1000000) * NOW_S)
#define SECOND INT64_C(1000000)

static struct rg_arena arena;
static struct auth_mint *mint;
static struct http_identity_cache *cache;

static int start(void **state)
{
    (void)state;
    rg_arena_init(&arena, (size_t)1 << 20);
    EVP_PKEY *key = keys_make("ED25519");
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    char *bytes = NULL;
    long size = BIO_get_mem_data(bio, &bytes);
    assert_ok(auth_mint_new(rg_slice_make(bytes, (size_t)size), &mint));
    (void)BIO_free(bio);
    EVP_PKEY_free(key);
    cache = http_identity_cache_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    http_identity_cache_free(&cache);
    auth_mint_free(&mint);
    rg_arena_done(&arena);
    return 0;
}

static const struct rg_slice roles[] = {{"analyst", 7}, {"editor", 6}};

static struct auth_identity alice(void)
{
    return (struct auth_identity){.kind = AUTH_OIDC,
                                  .idp = RG_SLICE("main"),
                                  .issuer = RG_SLICE("https://login.example.com"),
                                  .subject = RG_SLICE("sub-1"),
                                  .user = RG_SLICE("Alice \"A\"")};
}

static struct rg_slice token_of_view(const struct auth_identity *identity, const char *tenant, const char *view,
                                     size_t role_count, int64_t now)
{
    struct http_identity_facts facts = {.identity = identity,
                                        .tenant = rg_slice_of(tenant),
                                        .view = rg_slice_of(view),
                                        .session = RG_SLICE("s-0011223344556677"),
                                        .role_count = role_count,
                                        .roles = roles};
    struct rg_slice token = {0};
    assert_ok(http_identity_token(mint, &facts, now, cache, &arena, &token));
    return token;
}

static struct rg_slice token_at(const struct auth_identity *identity, const char *tenant, size_t role_count,
                                int64_t now)
{
    return token_of_view(identity, tenant, "v-1", role_count, now);
}

static json_t *claims_of(struct rg_slice token)
{
    const char *first = memchr(token.data, '.', token.size);
    const char *last = memrchr(token.data, '.', token.size);
    assert_non_null(first);
    assert_ptr_not_equal(first, last);
    struct rg_slice text = {0};
    assert_ok(rg_base64url_decode(rg_slice_make(first + 1, (size_t)(last - first - 1)), &arena, &text));
    json_t *claims = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(claims);
    return claims;
}

static void expect_text(const json_t *claims, const char *name, const char *expected)
{
    assert_string_equal(json_string_value(json_object_get(claims, name)), expected);
}

static void test_a_token_says_who_for_a_minute(void **state)
{
    (void)state;
    struct auth_identity identity = alice();
    json_t *claims = claims_of(token_at(&identity, "acme", 2, NOW_US));
    char name[HTTP_IDENTITY_NAME_SIZE];
    http_identity_name(&identity, RG_SLICE("acme"), name);
    expect_text(claims, "iss", "rowgate");
    expect_text(claims, "aud", "superset");
    expect_text(claims, "sub", name);
    expect_text(claims, "tenant", "acme");
    expect_text(claims, "view", "v-1");
    expect_text(claims, "name", "Alice \"A\"");
    expect_text(claims, "session", "s-0011223344556677");
    const json_t *listed = json_object_get(claims, "roles");
    assert_int_equal(json_array_size(listed), 2);
    assert_string_equal(json_string_value(json_array_get(listed, 0)), "analyst");
    assert_int_equal(json_integer_value(json_object_get(claims, "iat")), NOW_S);
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), NOW_S + HTTP_IDENTITY_SECONDS);
    json_decref(claims);
}

static void test_a_token_is_used_for_half_its_life(void **state)
{
    (void)state;
    struct auth_identity identity = alice();
    struct rg_slice first = token_at(&identity, "acme", 1, NOW_US);
    assert_true(rg_slice_is_equal(first, token_at(&identity, "acme", 1, NOW_US + 29 * SECOND)));
    assert_false(rg_slice_is_equal(first, token_at(&identity, "acme", 1, NOW_US + 30 * SECOND)));
    struct rg_slice late = token_at(&identity, "acme", 1, NOW_US + 100 * SECOND);
    assert_false(rg_slice_is_equal(late, token_at(&identity, "acme", 1, NOW_US))); /* the clock was set back */
}

static void test_nobody_gets_anothers_token(void **state)
{
    (void)state;
    struct auth_identity identity = alice();
    struct rg_slice first = token_at(&identity, "acme", 1, NOW_US);
    struct auth_identity others[] = {alice(), alice(), alice()};
    others[0].subject = RG_SLICE("sub-2");
    others[1].issuer = RG_SLICE("https://other.example.com");
    others[2].user = RG_SLICE("Alicia");
    for (size_t i = 0; i < 3; i++) {
        assert_false(rg_slice_is_equal(first, token_at(&others[i], "acme", 1, NOW_US)));
    }
    assert_false(rg_slice_is_equal(first, token_at(&identity, "globex", 1, NOW_US)));
    assert_false(rg_slice_is_equal(first, token_at(&identity, "acme", 2, NOW_US)));
    assert_false(rg_slice_is_equal(first, token_at(&identity, "acme", 0, NOW_US)));
}

static void test_another_view_is_told_at_once(void **state)
{
    (void)state;
    struct auth_identity identity = alice();
    (void)token_at(&identity, "acme", 1, NOW_US); /* kept, and of no use to another view */
    json_t *claims = claims_of(token_of_view(&identity, "acme", "v-2", 1, NOW_US));
    expect_text(claims, "view", "v-2");
    json_decref(claims);
}

static void test_a_name_cannot_be_chosen(void **state)
{
    (void)state;
    struct auth_identity a = alice();
    struct auth_identity b = alice();
    char one[HTTP_IDENTITY_NAME_SIZE];
    char two[HTTP_IDENTITY_NAME_SIZE];
    b.user = RG_SLICE("Bob"); /* what is shown makes no difference */
    http_identity_name(&a, RG_SLICE("acme"), one);
    http_identity_name(&b, RG_SLICE("acme"), two);
    assert_string_equal(one, two);
    /* what moves between the parts does */
    a.issuer = RG_SLICE("ab");
    a.subject = RG_SLICE("c");
    b.issuer = RG_SLICE("a");
    b.subject = RG_SLICE("bc");
    http_identity_name(&a, RG_SLICE("acme"), one);
    http_identity_name(&b, RG_SLICE("acme"), two);
    assert_string_not_equal(one, two);
    http_identity_name(&a, RG_SLICE("acm"), two);
    assert_string_not_equal(one, two);
}

static void test_nobody_and_nonsense_get_none(void **state)
{
    (void)state;
    struct auth_identity identity = alice();
    struct http_identity_facts facts = {.identity = &identity, .tenant = RG_SLICE("acme"), .view = RG_SLICE("v-1")};
    struct rg_slice token = RG_SLICE("untouched");
    identity.kind = AUTH_UNVERIFIED;
    assert_fails(RG_DENIED, http_identity_token(mint, &facts, NOW_US, cache, &arena, &token));
    identity = alice();
    identity.subject = (struct rg_slice){0};
    assert_fails(RG_DENIED, http_identity_token(mint, &facts, NOW_US, cache, &arena, &token));
    identity = alice();
    facts.tenant = (struct rg_slice){0};
    assert_fails(RG_DENIED, http_identity_token(mint, &facts, NOW_US, cache, &arena, &token));
    facts.tenant = RG_SLICE("acme");
    facts.view = (struct rg_slice){0};
    assert_fails(RG_DENIED, http_identity_token(mint, &facts, NOW_US, cache, &arena, &token));
    facts.view = RG_SLICE("v-1");
    identity.user = RG_SLICE("\xC3\x28");
    assert_fails(RG_PROTOCOL, http_identity_token(mint, &facts, NOW_US, cache, &arena, &token));
    identity = alice();
    const struct rg_slice garbled[] = {{"\xFF", 1}};
    facts.roles = garbled;
    facts.role_count = 1;
    assert_fails(RG_PROTOCOL, http_identity_token(mint, &facts, NOW_US, cache, &arena, &token));
    facts.role_count = HTTP_IDENTITY_ROLES_MAX + 1;
    assert_fails(RG_LIMIT, http_identity_token(mint, &facts, NOW_US, cache, &arena, &token));
    facts.role_count = 0;
    struct rg_arena small;
    rg_arena_init(&small, 64);
    assert_fails(RG_LIMIT, http_identity_token(mint, &facts, NOW_US, NULL, &small, &token));
    rg_arena_done(&small);
    assert_slice(token, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_says_who_for_a_minute), cmocka_unit_test(test_a_token_is_used_for_half_its_life),
        cmocka_unit_test(test_nobody_gets_anothers_token),    cmocka_unit_test(test_a_name_cannot_be_chosen),
        cmocka_unit_test(test_another_view_is_told_at_once),  cmocka_unit_test(test_nobody_and_nonsense_get_none),
    };
    return cmocka_run_group_tests(tests, start, end);
}
