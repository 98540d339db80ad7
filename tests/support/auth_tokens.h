/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUTH_TOKENS_H
#define RG_TESTS_SUPPORT_AUTH_TOKENS_H

/* The fixture of the token tests: a trust, one key of each type in a set, a key that is in none, and the
 * assertions that a token is accepted, or denied for this reason and without a trace of its values. */
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

static inline struct auth_trust trust_of_tests(void)
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

static inline int make_keys(void **state)
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

static inline int drop_keys(void **state)
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

static inline struct rg_slice es256(const char *header, const char *payload)
{
    return keys_token(keys.p256, "SHA256", false, header, payload, &keys.arena);
}

static inline struct rg_slice good_token(const char *payload)
{
    return es256("{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"JWT\"}", payload);
}

/* Refused with a text that has this part, and the identity untouched. */
static inline void expect_denied(const struct auth_trust *trust, struct rg_slice token, const char *part,
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

static inline void denied(struct rg_slice token, const char *part)
{
    struct auth_trust trust = trust_of_tests();
    expect_denied(&trust, token, part, AUTH_HINT_NONE);
}

static inline struct auth_identity accepted(struct rg_slice token)
{
    struct auth_trust trust = trust_of_tests();
    struct auth_identity identity = {0};
    enum auth_verify_hint hint = AUTH_HINT_UNKNOWN_KEY;
    assert_ok(auth_oidc_verify(&trust, keys.jwks, token, NOW_US, &keys.arena, &identity, &hint));
    assert_int_equal(hint, AUTH_HINT_NONE);
    assert_int_equal(identity.kind, AUTH_OIDC);
    return identity;
}

#endif
