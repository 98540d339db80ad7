/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens after the signature: issuer, audience, dates, names, claims. */
#include "tests/support/auth_tokens.h"

static void fills_the_identity(void **state)
{
    (void)state;
    struct auth_identity identity =
        accepted(good_token("{" BASE ",\"exp\":1800003600,\"jti\":\"t-1\",\"preferred_username\":\"Al\"}"));
    assert_slice(identity.idp, "main");
    assert_slice(identity.issuer, ISSUER);
    assert_slice(identity.subject, "alice");
    assert_slice(identity.user, "Al");
    assert_slice(identity.token_id, "t-1");
    assert_int_equal(identity.expires_at_us, INT64_C(1800003630000000));
    identity = accepted(good_token("{" BASE ",\"exp\":1800003600,\"email\":\"a@b.c\"}"));
    assert_slice(identity.user, "a@b.c");
    assert_int_equal(identity.token_id.size, 32);
    identity = accepted(good_token(GOOD));
    assert_slice(identity.user, "alice");
}

static void refuses_wrong_payloads(void **state)
{
    (void)state;
#define ISS "\"iss\":\"" ISSUER "\""
#define SUB "\"sub\":\"alice\""
#define AUD "\"aud\":\"api://rowgate\""
#define EXP "\"exp\":1800003600"
    static const char *const rows[][2] = {
        {"{" SUB "," AUD "," EXP "}", "no issuer"},
        {"{\"iss\":\"" ISSUER "/\"," SUB "," AUD "," EXP "}", "issuer does not match"},
        {"{\"iss\":\"HTTPS://login.example.com/realms/bi\"," SUB "," AUD "," EXP "}", "issuer does not match"},
        {"{\"iss\":[\"" ISSUER "\"]," SUB "," AUD "," EXP "}", "no issuer"},
        {"{" ISS "," SUB "," EXP "}", "no audience"},
        {"{" ISS "," SUB ",\"aud\":[]," EXP "}", "no audience"},
        {"{" ISS "," SUB ",\"aud\":null," EXP "}", "no audience"},
        {"{" ISS "," SUB ",\"aud\":\"api://rowgate2\"," EXP "}", "audience does not match"},
        {"{" ISS "," SUB ",\"aud\":[\"a\",\"b\"]," EXP "}", "audience does not match"},
        {"{" ISS "," SUB ",\"aud\":[\"api://rowgate\",1]," EXP "}", "audience is malformed"},
        {"{" ISS "," SUB ",\"aud\":[[\"api://rowgate\"]]," EXP "}", "audience is malformed"},
        {"{" ISS "," AUD "," EXP "}", "no subject"},
        {"{" ISS ",\"sub\":\"\"," AUD "," EXP "}", "no subject"},
        {"{" ISS ",\"sub\":7," AUD "," EXP "}", "no subject"},
        {"{" ISS "," SUB "," AUD "}", "no expiry"},
        {"{" BASE ",\"exp\":1799999970}", "expired 30 s ago"},
        {"{" BASE ",\"exp\":1799990000.5}", "expired 9999 s ago"},
        {"{" BASE ",\"exp\":0}", "expired"},
        {"{" BASE ",\"exp\":-1}", "not a sensible date"},
        {"{" BASE ",\"exp\":-0.5}", "not a sensible date"},
        {"{" BASE ",\"exp\":\"1800003600\"}", "not a sensible date"},
        {"{" BASE ",\"exp\":null}", "not a sensible date"},
        {"{" BASE ",\"exp\":true}", "not a sensible date"},
        {"{" BASE ",\"exp\":253402300800}", "not a sensible date"},
        {"{" BASE ",\"exp\":1e300}", "not a sensible date"},
        {"{" BASE ",\"exp\":1e999}", "not JSON"},
        {"{" BASE ",\"exp\":99999999999999999999}", "not JSON"},
        {"{" BASE ",\"exp\":NaN}", "not JSON"},
        {"{" BASE "," EXP ",\"nbf\":1800000031}", "not valid for another 31 s"},
        {"{" BASE "," EXP ",\"nbf\":\"x\"}", "not a sensible date"},
        {"{" BASE "," EXP ",\"iat\":1800000040.25}", "issued 40 s in the future"},
        {"{" BASE "," EXP ",\"exp\":1900003600}", "duplicate"},
        {"{" BASE ",\"iss\":\"https://evil\"," EXP "}", "duplicate"},
        {"{" BASE "," EXP "}garbage", "not JSON"},
        {"{" BASE "," EXP ",\"x\":\"\\u0000\"}", "not JSON"},
        {"[]", "not a JSON object"},
        {"", "not JSON"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        /* libjwt parses the payload before it verifies, and does not say which of the two failed. */
        denied(es256("{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"at+jwt\"}", rows[i][0]), rows[i][1]);
        denied(good_token(rows[i][0]), strstr(rows[i][1], "JSON") != NULL ? "token" : rows[i][1]);
    }
}

static void honours_the_skew_and_fractions(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{" BASE ",\"exp\":1799999971}",
        "{" BASE ",\"exp\":1799999970.5}",
        "{" BASE ",\"exp\":1800000001,\"nbf\":1800000030,\"iat\":1800000029.99}",
        "{" BASE ",\"exp\":253402300799,\"nbf\":0,\"iat\":0}",
        "{" ISS "," SUB ",\"aud\":[\"x\",\"api://rowgate\"]," EXP "}",
        "{" ISS "," SUB ",\"aud\":\"api://other\"," EXP "}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_identity identity = accepted(good_token(rows[i]));
        assert_true(identity.expires_at_us > NOW_US);
    }
}

static void zero_trust_refuses_a_right_token(void **state)
{
    (void)state;
    struct auth_trust trust = {0};
    expect_denied(&trust, good_token(GOOD), "limit 0", AUTH_HINT_NONE);
    trust.max_token_bytes = 16384;
    expect_denied(&trust, good_token(GOOD), "not allowed", AUTH_HINT_NONE);
    trust.algorithms = algorithms;
    trust.algorithm_count = sizeof algorithms / sizeof algorithms[0];
    expect_denied(&trust, good_token(GOOD), "issuer", AUTH_HINT_NONE);
    trust.issuer = RG_SLICE(ISSUER);
    expect_denied(&trust, good_token(GOOD), "audience", AUTH_HINT_NONE);
}

static void fails_cleanly_when_the_arena_is_full(void **state)
{
    (void)state;
    struct auth_trust trust = trust_of_tests();
    struct rg_slice token = good_token(GOOD);
    bool has_succeeded = false;
    for (size_t limit = 0; !has_succeeded; limit += 16) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, limit);
        struct auth_identity identity = {.expires_at_us = 5};
        enum auth_verify_hint hint = AUTH_HINT_NONE;
        rg_status status = auth_oidc_verify(&trust, keys.jwks, token, NOW_US, &arena, &identity, &hint);
        has_succeeded = rg_is_ok(status);
        if (!has_succeeded) {
            assert_int_equal(status.error->kind, RG_LIMIT);
            assert_int_equal(identity.expires_at_us, 5);
        }
        assert_true(limit < 100000);
    }
}

static void names_a_missing_claim_and_never_its_value(void **state)
{
    (void)state;
    const struct auth_claim_spec specs[] = {
        {.name = RG_SLICE("tenant_id"),
         .oidc_path = RG_SLICE("$.tenant.id"),
         .type = {AUTH_SCALAR_UUID, false},
         .required = true},
    };
    struct auth_trust trust = trust_of_tests();
    trust.claims = specs;
    trust.claim_count = 1;
    expect_denied(&trust, good_token(GOOD), "required claim \"tenant_id\" is missing", AUTH_HINT_NONE);
    expect_denied(&trust, good_token("{" BASE "," EXP ",\"tenant\":{\"id\":\"alice\"}}"),
                  "claim \"tenant_id\" is not of type uuid", AUTH_HINT_NONE);
    struct auth_identity identity = {0};
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    assert_ok(
        auth_oidc_verify(&trust, keys.jwks,
                         good_token("{" BASE "," EXP ",\"tenant\":{\"id\":\"0B7F3A52-0000-4000-8000-00000000000A\"}}"),
                         NOW_US, &keys.arena, &identity, &hint));
    assert_int_equal(identity.claim_count, 1);
    assert_slice(identity.claims[0].elements[0], "0b7f3a52-0000-4000-8000-00000000000a");
}

static void peeks_without_verifying(void **state)
{
    (void)state;
    struct rg_slice text = {0};
    assert_ok(auth_oidc_peek_issuer(good_token(GOOD), &keys.arena, &text));
    assert_slice(text, ISSUER);
    struct rg_slice before = text;
    assert_fails(RG_DENIED, auth_oidc_peek_issuer(good_token("{}"), &keys.arena, &text));
    assert_fails(RG_DENIED, auth_oidc_peek_issuer(RG_SLICE("a.b"), &keys.arena, &text));
    assert_fails(RG_DENIED, auth_oidc_peek_kid(RG_SLICE("secret"), &keys.arena, &text));
    assert_ptr_equal(text.data, before.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_the_identity),
        cmocka_unit_test(refuses_wrong_payloads),
        cmocka_unit_test(honours_the_skew_and_fractions),
        cmocka_unit_test(zero_trust_refuses_a_right_token),
        cmocka_unit_test(fails_cleanly_when_the_arena_is_full),
        cmocka_unit_test(names_a_missing_claim_and_never_its_value),
        cmocka_unit_test(peeks_without_verifying),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
