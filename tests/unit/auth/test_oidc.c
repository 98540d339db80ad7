/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens: what is accepted, and every way in which a token can be wrong. */
#include "auth/oidc.h"

#include "tests/support/auth_keys.h"

#define ISSUER "https://login.example.com/realms/bi"
#define NOW_S 1800000000
#define NOW_US (INT64_C(1000000) * NOW_S)
#define BASE "\"iss\":\"" ISSUER "\",\"sub\":\"alice\",\"aud\":\"api://rowgate\""
#define GOOD "{" BASE ",\"exp\":1800003600}"

struct keys {
    EVP_PKEY *rsa;
    EVP_PKEY *p256;
    EVP_PKEY *p384;
    EVP_PKEY *p521;
    EVP_PKEY *ed;
    EVP_PKEY *stranger; /* P-256, in no set */
    struct auth_jwks *jwks;
    struct rg_arena arena;
};

static struct keys keys;
static const struct rg_slice audiences[] = {{"api://other", 11}, {"api://rowgate", 13}};
static const struct rg_slice algorithms[] = {{"RS256", 5}, {"RS384", 5}, {"PS256", 5}, {"ES256", 5},
                                             {"ES384", 5}, {"ES512", 5}, {"EdDSA", 5}};

static struct auth_trust trust_of_tests(void)
{
    struct auth_trust trust = auth_trust_default();
    trust.name = RG_SLICE("main");
    trust.issuer = RG_SLICE(ISSUER);
    trust.audiences = audiences;
    trust.audience_count = 2;
    trust.algorithms = algorithms;
    trust.algorithm_count = sizeof algorithms / sizeof algorithms[0];
    return trust;
}

static int make_keys(void **state)
{
    (void)state;
    rg_arena_init(&keys.arena, (size_t)64 << 20);
    keys.rsa = keys_make("RSA");
    keys.p256 = keys_make("P-256");
    keys.p384 = keys_make("P-384");
    keys.p521 = keys_make("P-521");
    keys.ed = keys_make("ED25519");
    keys.stranger = keys_make("P-256");
    struct rg_slice set = {0};
    assert_ok(rg_arena_printf(
        &keys.arena, &set, "{\"keys\":[%s,%s,%s,%s,%s]}", keys_jwk(keys.rsa, "r", "", &keys.arena).data,
        keys_jwk(keys.p256, "e2", ",\"use\":\"sig\"", &keys.arena).data,
        keys_jwk(keys.p384, "e3", "", &keys.arena).data, keys_jwk(keys.p521, "e5", "", &keys.arena).data,
        keys_jwk(keys.ed, "ed", "", &keys.arena).data));
    assert_ok(auth_jwks_parse(set, &keys.jwks));
    assert_int_equal(auth_jwks_count(keys.jwks), 5);
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    EVP_PKEY *all[] = {keys.rsa, keys.p256, keys.p384, keys.p521, keys.ed, keys.stranger};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        EVP_PKEY_free(all[i]);
    }
    auth_jwks_free(&keys.jwks);
    rg_arena_done(&keys.arena);
    return 0;
}

static struct rg_slice es256(const char *header, const char *payload)
{
    return keys_token(keys.p256, "SHA256", false, header, payload, &keys.arena);
}

static struct rg_slice good_token(const char *payload)
{
    return es256("{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"JWT\"}", payload);
}

/* Refused with a text that has this part, and the identity untouched. */
static void expect_denied(const struct auth_trust *trust, struct rg_slice token, const char *part,
                          enum auth_verify_hint wanted_hint)
{
    struct auth_identity identity = {.expires_at_us = 77};
    enum auth_verify_hint hint = wanted_hint == AUTH_HINT_NONE ? AUTH_HINT_UNKNOWN_KEY : AUTH_HINT_NONE;
    rg_status status = auth_oidc_verify(trust, keys.jwks, token, NOW_US, &keys.arena, &identity, &hint);
    assert_fails(RG_DENIED, status);
    if (strstr(status.error->text, part) == NULL) {
        fail_msg("refused with \"%s\", expected \"%s\"", status.error->text, part);
    }
    assert_null(strstr(status.error->text, "alice"));
    assert_int_equal(hint, wanted_hint);
    assert_int_equal(identity.kind, AUTH_UNVERIFIED);
    assert_int_equal(identity.expires_at_us, 77);
}

static void denied(struct rg_slice token, const char *part)
{
    struct auth_trust trust = trust_of_tests();
    expect_denied(&trust, token, part, AUTH_HINT_NONE);
}

static struct auth_identity accepted(struct rg_slice token)
{
    struct auth_trust trust = trust_of_tests();
    struct auth_identity identity = {0};
    enum auth_verify_hint hint = AUTH_HINT_UNKNOWN_KEY;
    assert_ok(auth_oidc_verify(&trust, keys.jwks, token, NOW_US, &keys.arena, &identity, &hint));
    assert_int_equal(hint, AUTH_HINT_NONE);
    assert_int_equal(identity.kind, AUTH_OIDC);
    return identity;
}

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

static void refuses_a_huge_token_before_reading_it(void **state)
{
    (void)state;
    static char huge[20000];
    memset(huge, 'A', sizeof huge);
    denied((struct rg_slice){huge, sizeof huge}, "limit 16384");
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
        cmocka_unit_test(accepts_each_algorithm_with_its_key),
        cmocka_unit_test(fills_the_identity),
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
        cmocka_unit_test(refuses_wrong_payloads),
        cmocka_unit_test(honours_the_skew_and_fractions),
        cmocka_unit_test(refuses_a_huge_token_before_reading_it),
        cmocka_unit_test(zero_trust_refuses_a_right_token),
        cmocka_unit_test(fails_cleanly_when_the_arena_is_full),
        cmocka_unit_test(names_a_missing_claim_and_never_its_value),
        cmocka_unit_test(peeks_without_verifying),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
