/* SPDX-License-Identifier: Apache-2.0 */
/* Key sets: which keys are kept, and which documents are refused. */
#include "auth/jwks_private.h"

#include "tests/support/auth_keys.h"

static struct rg_arena arena;

static int start_arena(void **state)
{
    (void)state;
    rg_arena_init(&arena, (size_t)16 << 20);
    return 0;
}

static int end_arena(void **state)
{
    (void)state;
    rg_arena_done(&arena);
    return 0;
}

/* The set of one key, which must be refused for having none. */
static void skipped(const char *jwk)
{
    struct auth_jwks *jwks = NULL;
    struct rg_slice set = {0};
    assert_ok(rg_arena_printf(&arena, &set, "{\"keys\":[%s]}", jwk));
    rg_status status = auth_jwks_parse(set, &jwks);
    assert_fails(RG_PROTOCOL, status);
    if (strstr(status.error->text, "none of its 1 keys") == NULL) {
        fail_msg("%s for %s", status.error->text, jwk);
    }
    assert_null(jwks);
}

static void refused(enum rg_kind kind, struct rg_slice json)
{
    struct auth_jwks *jwks = NULL;
    rg_status status = auth_jwks_parse(json, &jwks);
    assert_false(rg_is_ok(status));
    assert_int_equal(status.error->kind, kind);
    assert_null(jwks);
}

static void keeps_good_keys_among_bad_ones(void **state)
{
    (void)state;
    EVP_PKEY *key = keys_make("P-256");
    struct rg_slice set = {0};
    assert_ok(rg_arena_printf(&arena, &set, "{\"keys\":[7,{},null,{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"o\"},%s]}",
                              keys_jwk(key, "good", ",\"key_ops\":[\"verify\"],\"alg\":\"ES256\"", &arena).data));
    struct auth_jwks *jwks = NULL;
    assert_ok(auth_jwks_parse(set, &jwks));
    assert_int_equal(auth_jwks_count(jwks), 1);
    assert_true(auth_jwks_has_kid(jwks, RG_SLICE("good")));
    assert_false(auth_jwks_has_kid(jwks, RG_SLICE("goo")));
    assert_false(auth_jwks_has_kid(jwks, RG_SLICE("o")));
    assert_false(auth_jwks_has_kid(jwks, RG_SLICE("")));
    auth_jwks_free(&jwks);
    assert_null(jwks);
    auth_jwks_free(&jwks);
    EVP_PKEY_free(key);
}

static void skips_keys_that_are_not_for_signatures(void **state)
{
    (void)state;
    EVP_PKEY *rsa = keys_make("RSA");
    EVP_PKEY *ec = keys_make("P-256");
    static const char *const more[] = {
        ",\"use\":\"enc\"",
        ",\"use\":7",
        ",\"use\":\"\"",
        ",\"key_ops\":[\"encrypt\"]",
        ",\"key_ops\":[]",
        ",\"key_ops\":\"v\"",
        ",\"alg\":\"HS256\"",
        ",\"alg\":\"none\"",
        ",\"alg\":\"RSA-OAEP\"",
        ",\"alg\":7",
        ",\"d\":\"AAAA\"",
        ",\"alg\":\"ES384\"",
        ",\"use\":\"sig\",\"key_ops\":[\"sign\"]",
    };
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        skipped(keys_jwk(rsa, "k", more[i], &arena).data);
        skipped(keys_jwk(ec, "k", more[i], &arena).data);
    }
    skipped(keys_jwk(rsa, "k", ",\"alg\":\"ES256\"", &arena).data);
    skipped(keys_jwk(ec, "k", ",\"alg\":\"RS256\"", &arena).data);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

static void symmetric_keys_never_become_keys(void **state)
{
    (void)state;
    skipped("{\"kty\":\"oct\",\"k\":\"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\",\"alg\":\"HS256\"}");
    skipped("{\"kty\":\"oct\",\"k\":\"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\",\"alg\":\"RS256\"}");
    skipped("{\"kty\":\"oct\",\"k\":\"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\"}");
}

static void skips_weak_and_malformed_keys(void **state)
{
    (void)state;
    EVP_PKEY *weak = keys_make("RSA1024");
    skipped(keys_jwk(weak, "k", "", &arena).data);
    EVP_PKEY_free(weak);
    static const char n2048[] = "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u"
                                "-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg"
                                "0nLVkjRo9z-40RQzuVaE8AkAFmxZzow3x-VJYKdjykkJ0iT9wCS0DRTXu269V264Vf_3jvredZiKRkgwlL9x"
                                "NAwxXFg0x_XFw005UWVRIkdgcKWTjpBP2dPwVZ4WWC-9aGVd-Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbj"
                                "XfbcmQ";
    static const char *const exponents[] = {"AQ", "Ag", "AA", "", "AQAB=", "AQ AB", "AQABAQABAQABAQAB"};
    for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
        struct rg_slice jwk = {0};
        assert_ok(rg_arena_printf(&arena, &jwk, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", n2048, exponents[i]));
        skipped(jwk.data);
    }
    skipped("{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}");
    skipped("{\"kty\":\"RSA\",\"e\":\"AQAB\"}");
    skipped("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
            "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI\"}"); /* not on the curve */
    skipped("{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}");
    skipped("{\"kty\":\"EC\",\"x\":\"AA\",\"y\":\"AA\"}");
    skipped("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}");
    skipped("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}");
}

static void skips_a_point_of_another_curve(void **state)
{
    (void)state;
    EVP_PKEY *key = keys_make("P-384");
    struct rg_slice jwk = keys_jwk(key, "k", "", &arena);
    char text[1024];
    memcpy(text, jwk.data, jwk.size + 1);
    memcpy(strstr(text, "P-384"), "P-256", 5);
    skipped(text);
    EVP_PKEY_free(key);
}

static void skips_empty_and_long_kids(void **state)
{
    (void)state;
    EVP_PKEY *key = keys_make("P-256");
    char kid[AUTH_JWKS_MAX_KID + 2];
    memset(kid, 'k', sizeof kid);
    kid[AUTH_JWKS_MAX_KID + 1] = '\0';
    skipped(keys_jwk(key, kid, "", &arena).data);
    skipped(keys_jwk(key, "", "", &arena).data);
    EVP_PKEY_free(key);
}

static void refuses_what_is_no_key_set(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":[]}",
        "{\"keys\":[]} x",
        "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"kty\":\"EC\"}]}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refused(RG_PROTOCOL, rg_slice_of(rows[i]));
    }
    refused(RG_PROTOCOL, (struct rg_slice){0});
}

static void refuses_too_much(void **state)
{
    (void)state;
    static char huge[AUTH_JWKS_MAX_BYTES + 1];
    memset(huge, ' ', sizeof huge);
    refused(RG_LIMIT, (struct rg_slice){huge, sizeof huge});
    int at = snprintf(huge, sizeof huge, "{\"keys\":[{}");
    for (int i = 0; i < AUTH_JWKS_MAX_KEYS; i++) {
        at += snprintf(huge + at, sizeof huge - (size_t)at, ",{}");
    }
    at += snprintf(huge + at, sizeof huge - (size_t)at, "]}");
    refused(RG_LIMIT, (struct rg_slice){huge, (size_t)at});
    memset(huge, '[', sizeof huge); /* depth */
    refused(RG_PROTOCOL, (struct rg_slice){huge, AUTH_JWKS_MAX_BYTES});
}

static void a_shared_set_outlives_its_first_owner(void **state)
{
    (void)state;
    EVP_PKEY *key = keys_make("P-521");
    struct rg_slice set = {0};
    assert_ok(rg_arena_printf(&arena, &set, "{\"keys\":[%s]}", keys_jwk(key, "k", "", &arena).data));
    struct auth_jwks *first = NULL;
    assert_ok(auth_jwks_parse(set, &first));
    struct auth_jwks *second = auth_jwks_share(first);
    auth_jwks_free(&first);
    assert_true(auth_jwks_has_kid(second, RG_SLICE("k")));
    auth_jwks_free(&second);
    EVP_PKEY_free(key);
}

static void a_keys_type_fixes_its_algorithms(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *permitted; /* of the list below, in order */
    } rows[] = {{"RSA", "RS256 RS384 RS512 PS256 PS384 PS512 "},
                {"P-256", "ES256 "},
                {"P-384", "ES384 "},
                {"P-521", "ES512 "},
                {"ED25519", "EdDSA "}};
    static const char *const names[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                        "PS512", "ES256", "ES384", "ES512", "EdDSA"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        EVP_PKEY *pkey = keys_make(rows[i].type);
        json_t *json = json_loads(keys_jwk(pkey, "k", "", &arena).data, 0, NULL);
        struct auth_jwk key = {0};
        char permitted[128] = "";
        assert_true(auth_jwk_parse(json, &arena, &key));
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            if (auth_jwk_permits(&key, auth_algorithm_find(rg_slice_of(names[j])))) {
                (void)snprintf(permitted + strlen(permitted), sizeof permitted - strlen(permitted), "%s ", names[j]);
            }
        }
        assert_string_equal(permitted, rows[i].permitted);
        auth_jwk_done(&key);
        json_decref(json);
        EVP_PKEY_free(pkey);
    }
    assert_null(auth_algorithm_find(RG_SLICE("HS256")));
    assert_null(auth_algorithm_find(RG_SLICE("none")));
    assert_null(auth_algorithm_find((struct rg_slice){0}));
    struct auth_jwk zero = {0};
    assert_false(auth_jwk_permits(&zero, auth_algorithm_find(RG_SLICE("RS256"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_good_keys_among_bad_ones),
        cmocka_unit_test(skips_keys_that_are_not_for_signatures),
        cmocka_unit_test(symmetric_keys_never_become_keys),
        cmocka_unit_test(skips_weak_and_malformed_keys),
        cmocka_unit_test(skips_a_point_of_another_curve),
        cmocka_unit_test(skips_empty_and_long_kids),
        cmocka_unit_test(refuses_what_is_no_key_set),
        cmocka_unit_test(refuses_too_much),
        cmocka_unit_test(a_shared_set_outlives_its_first_owner),
        cmocka_unit_test(a_keys_type_fixes_its_algorithms),
    };
    return cmocka_run_group_tests(tests, start_arena, end_arena);
}
