/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens up to the signature: shapes, headers, keys, algorithms. Nearly all of it is refusal. */
#include "tests/support/auth_tokens.h"

static void accepts_each_algorithm_with_its_key(void **state)
{
    (void)state;
    const struct {
        EVP_PKEY *key;
        const char *digest;
        bool is_pss;
        const char *alg;
        const char *kid;
    } rows[] = {
        {keys.rsa, "SHA256", false, "RS256", "r"},   {keys.rsa, "SHA384", false, "RS384", "r"},
        {keys.rsa, "SHA256", true, "PS256", "r"},    {keys.p256, "SHA256", false, "ES256", "e2"},
        {keys.p384, "SHA384", false, "ES384", "e3"}, {keys.p521, "SHA512", false, "ES512", "e5"},
        {keys.ed, NULL, false, "EdDSA", "ed"},
    };
    static const char *const types[] = {"JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t j = 0; j < sizeof types / sizeof types[0]; j++) {
            struct rg_slice header = {0};
            assert_ok(rg_arena_printf(&keys.arena, &header, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                                      rows[i].alg, rows[i].kid, types[j]));
            (void)accepted(keys_token(rows[i].key, rows[i].digest, rows[i].is_pss, header.data, GOOD, &keys.arena));
        }
    }
}

static void takes_the_only_fitting_key_when_the_token_names_none(void **state)
{
    (void)state;
    (void)accepted(es256("{\"alg\":\"ES256\"}", GOOD));
}

static void refuses_to_guess_between_keys(void **state)
{
    (void)state;
    struct auth_trust trust = trust_of_tests();
    struct auth_jwks *two = NULL;
    struct rg_slice set = {0};
    assert_ok(rg_arena_printf(&keys.arena, &set, "{\"keys\":[%s,%s]}", keys_jwk(keys.p256, "x", "", &keys.arena).data,
                              keys_jwk(keys.stranger, "x", "", &keys.arena).data));
    assert_ok(auth_jwks_parse(set, &two));
    static const char *const headers[] = {"{\"alg\":\"ES256\"}", "{\"alg\":\"ES256\",\"kid\":\"x\"}"};
    for (size_t i = 0; i < 2; i++) {
        struct auth_identity identity = {0};
        enum auth_verify_hint hint = AUTH_HINT_NONE;
        assert_fails(RG_DENIED,
                     auth_oidc_verify(&trust, two, es256(headers[i], GOOD), NOW_US, &keys.arena, &identity, &hint));
        assert_int_equal(hint, AUTH_HINT_NONE);
    }
    auth_jwks_free(&two);
}

static void asks_for_newer_keys_when_the_kid_is_unknown(void **state)
{
    (void)state;
    struct auth_trust trust = trust_of_tests();
    struct rg_slice token =
        keys_token(keys.stranger, "SHA256", false, "{\"alg\":\"ES256\",\"kid\":\"new\"}", GOOD, &keys.arena);
    expect_denied(&trust, token, "key is unknown", AUTH_HINT_UNKNOWN_KEY);
    struct auth_identity identity = {0};
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    assert_fails(RG_DENIED, auth_oidc_verify(&trust, NULL, token, NOW_US, &keys.arena, &identity, &hint));
    assert_int_equal(hint, AUTH_HINT_UNKNOWN_KEY);
    struct rg_slice kid = {0};
    assert_ok(auth_oidc_peek_kid(token, &keys.arena, &kid));
    assert_slice(kid, "new");
}

static void refuses_none_and_every_symmetric_algorithm(void **state)
{
    (void)state;
    struct rg_slice secrets[] = {keys_public_pem(keys.rsa, &keys.arena), keys_public_pem(keys.p256, &keys.arena), {0}};
    static const char *const names[] = {"HS256", "HS384", "HS512",  "none", "None",
                                        "NONE",  "hs256", "ES256 ", "",     "es256"};
    static const char *const kids[] = {"r", "e2"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t j = 0; j < 3; j++) {
            struct rg_slice header = {0};
            assert_ok(rg_arena_printf(&keys.arena, &header, "{\"alg\":\"%s\",\"kid\":\"%s\"}", names[i], kids[j % 2]));
            denied(keys_hmac_token(secrets[j], header.data, GOOD, &keys.arena), "alg");
        }
    }
}

static void refuses_symmetric_algorithms_even_when_the_trust_lists_them(void **state)
{
    (void)state;
    static const struct rg_slice listed[] = {{"HS256", 5}, {"none", 4}, {"ES256", 5}};
    struct auth_trust trust = trust_of_tests();
    trust.algorithms = listed;
    trust.algorithm_count = 3;
    struct rg_slice pem = keys_public_pem(keys.p256, &keys.arena);
    expect_denied(&trust, keys_hmac_token(pem, "{\"alg\":\"HS256\",\"kid\":\"e2\"}", GOOD, &keys.arena), "algorithm",
                  AUTH_HINT_NONE);
    struct rg_slice text = keys_signed_text("{\"alg\":\"none\"}", GOOD, &keys.arena);
    struct rg_slice token = {0};
    assert_ok(rg_arena_printf(&keys.arena, &token, "%s.", text.data));
    expect_denied(&trust, token, "algorithm", AUTH_HINT_NONE);
}

static void refuses_an_algorithm_that_the_keys_type_does_not_permit(void **state)
{
    (void)state;
    denied(es256("{\"alg\":\"ES256\",\"kid\":\"r\"}", GOOD), "does not permit");
    denied(es256("{\"alg\":\"RS256\",\"kid\":\"e2\"}", GOOD), "does not permit");
    denied(es256("{\"alg\":\"ES384\",\"kid\":\"e2\"}", GOOD), "does not permit");
    denied(es256("{\"alg\":\"ES256\",\"kid\":\"e3\"}", GOOD), "does not permit");
    denied(keys_token(keys.p256, "SHA512", false, "{\"alg\":\"ES512\",\"kid\":\"e2\"}", GOOD, &keys.arena),
           "does not permit");
}

static void refuses_an_algorithm_that_the_trust_does_not_list(void **state)
{
    (void)state;
    denied(keys_token(keys.rsa, "SHA512", false, "{\"alg\":\"RS512\",\"kid\":\"r\"}", GOOD, &keys.arena),
           "not allowed");
}

static void refuses_another_keys_signature(void **state)
{
    (void)state;
    static const char *const headers[] = {"{\"alg\":\"ES256\",\"kid\":\"e2\"}",
                                          "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"at+jwt\"}"};
    for (size_t i = 0; i < 2; i++) {
        denied(keys_token(keys.stranger, "SHA256", false, headers[i], GOOD, &keys.arena), "signature");
        denied(keys_token(keys.p256, "SHA384", false, headers[i], GOOD, &keys.arena), "signature");
        denied(keys_token(keys.rsa, "SHA256", false, headers[i], GOOD, &keys.arena), "signature");
    }
    denied(keys_token(keys.rsa, "SHA256", true, "{\"alg\":\"RS256\",\"kid\":\"r\"}", GOOD, &keys.arena), "signature");
    denied(keys_token(keys.rsa, "SHA256", false, "{\"alg\":\"PS256\",\"kid\":\"r\"}", GOOD, &keys.arena), "signature");
    denied(keys_token(keys.rsa, "SHA256", false, "{\"alg\":\"RS384\",\"kid\":\"r\"}", GOOD, &keys.arena), "signature");
}

/* CVE-2022-21449: r and s of zero. */
static void refuses_a_signature_of_zeros(void **state)
{
    (void)state;
    static const char zeros[64] = {0};
    static const char *const headers[] = {"{\"alg\":\"ES256\",\"kid\":\"e2\"}",
                                          "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"at+jwt\"}"};
    for (size_t i = 0; i < 2; i++) {
        struct rg_slice text = keys_signed_text(headers[i], GOOD, &keys.arena);
        struct rg_slice signature = keys_b64url((struct rg_slice){zeros, sizeof zeros}, &keys.arena);
        struct rg_slice token = {0};
        assert_ok(rg_arena_printf(&keys.arena, &token, "%s.%.*s", text.data, RG_SLICE_ARGS(signature)));
        denied(token, "signature");
    }
}

static void refuses_a_token_with_any_bit_changed(void **state)
{
    (void)state;
    struct auth_trust trust = trust_of_tests();
    struct rg_slice token = good_token(GOOD);
    for (size_t i = 0; i < token.size; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, (size_t)1 << 20);
        char *copy = NULL;
        assert_ok(rg_arena_alloc(&arena, token.size, (void **)&copy));
        memcpy(copy, token.data, token.size);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        struct auth_identity identity = {0};
        enum auth_verify_hint hint = AUTH_HINT_NONE;
        assert_fails(RG_DENIED, auth_oidc_verify(&trust, keys.jwks, (struct rg_slice){copy, token.size}, NOW_US, &arena,
                                                 &identity, &hint));
    }
}

static void refuses_a_token_cut_anywhere(void **state)
{
    (void)state;
    struct auth_trust trust = trust_of_tests();
    struct rg_slice token = good_token(GOOD);
    for (size_t size = 0; size < token.size; size++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, (size_t)1 << 20);
        struct auth_identity identity = {0};
        enum auth_verify_hint hint = AUTH_HINT_NONE;
        assert_fails(RG_DENIED, auth_oidc_verify(&trust, keys.jwks, rg_slice_cut(token, 0, size), NOW_US, &arena,
                                                 &identity, &hint));
    }
}

static void refuses_malformed_shapes(void **state)
{
    (void)state;
    struct rg_slice token = good_token(GOOD);
    static const char *const rows[][2] = {{"%s.", "three parts"},  {"%s.x.y", "three parts"}, {"%s=", "signature"},
                                          {"%s ", "signature"},    {" %s", "header"},         {"%s\n", "signature"},
                                          {"Bearer %s", "header"}, {".%s", "three parts"},    {"%sA", "signature"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[2048];
        const char *at = strstr(rows[i][0], "%s");
        int size = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - rows[i][0]), rows[i][0], token.data, at + 2);
        denied((struct rg_slice){text, (size_t)size}, rows[i][1]);
    }
    denied(RG_SLICE(""), "three parts");
    denied(RG_SLICE(".."), "header is not JSON");
    struct rg_slice text = keys_signed_text("{\"alg\":\"ES256\",\"kid\":\"e2\"}", GOOD, &keys.arena);
    struct rg_slice unsigned_token = {0};
    assert_ok(rg_arena_printf(&keys.arena, &unsigned_token, "%s.", text.data));
    denied(unsigned_token, "signature");
}

static void refuses_a_byte_of_zero_in_the_token(void **state)
{
    (void)state;
    struct rg_slice token = good_token(GOOD);
    char text[2048];
    memcpy(text, token.data, token.size);
    memcpy(text + token.size, "\0.A", 3);
    denied((struct rg_slice){text, token.size + 1}, "signature");
    denied((struct rg_slice){text, token.size + 3}, "three parts");
}

static void refuses_headers_that_could_be_read_in_two_ways(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"alg\":\"none\",\"alg\":\"ES256\",\"kid\":\"e2\"}", "duplicate"},
        {"{\"alg\":\"ES256\",\"kid\":\"e2\",\"kid\":\"r\"}", "duplicate"},
        {"{\"alg\":\"ES256\",\"kid\":\"e2\",\"crit\":[\"exp\"]}", "crit"},
        {"{\"alg\":\"ES256\",\"kid\":\"e2\",\"crit\":null}", "crit"},
        {"{\"alg\":\"ES256\",\"kid\":\"e2\",\"b64\":false}", "b64"},
        {"{\"alg\":\"ES256\",\"kid\":\"e2\",\"enc\":\"A128GCM\"}", "enc"},
        {"{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"dpop+jwt\"}", "typ"},
        {"{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":7}", "typ"},
        {"{\"alg\":\"ES256\",\"kid\":2}", "kid"},
        {"{\"alg\":\"ES256\",\"kid\":\"\"}", "kid"},
        {"{\"alg\":[\"ES256\"],\"kid\":\"e2\"}", "alg"},
        {"{\"kid\":\"e2\"}", "alg"},
        {"{\"alg\":\"ES256\",\"kid\":\"e2\"} {}", "not JSON"},
        {"[\"ES256\"]", "not a JSON object"},
        {"\xff\xfe", "not JSON"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        denied(es256(rows[i][0], GOOD), rows[i][1]);
    }
}

static void refuses_a_huge_token_before_reading_it(void **state)
{
    (void)state;
    static char huge[20000];
    memset(huge, 'A', sizeof huge);
    denied((struct rg_slice){huge, sizeof huge}, "limit 16384");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_each_algorithm_with_its_key),
        cmocka_unit_test(takes_the_only_fitting_key_when_the_token_names_none),
        cmocka_unit_test(refuses_to_guess_between_keys),
        cmocka_unit_test(asks_for_newer_keys_when_the_kid_is_unknown),
        cmocka_unit_test(refuses_none_and_every_symmetric_algorithm),
        cmocka_unit_test(refuses_symmetric_algorithms_even_when_the_trust_lists_them),
        cmocka_unit_test(refuses_an_algorithm_that_the_keys_type_does_not_permit),
        cmocka_unit_test(refuses_an_algorithm_that_the_trust_does_not_list),
        cmocka_unit_test(refuses_another_keys_signature),
        cmocka_unit_test(refuses_a_signature_of_zeros),
        cmocka_unit_test(refuses_a_token_with_any_bit_changed),
        cmocka_unit_test(refuses_a_token_cut_anywhere),
        cmocka_unit_test(refuses_malformed_shapes),
        cmocka_unit_test(refuses_a_byte_of_zero_in_the_token),
        cmocka_unit_test(refuses_headers_that_could_be_read_in_two_ways),
        cmocka_unit_test(refuses_a_huge_token_before_reading_it),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
