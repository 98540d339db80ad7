/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUTH_KEYS_H
#define RG_TESTS_SUPPORT_AUTH_KEYS_H

/* Keys made at run time, their JWKs, and tokens signed with them by OpenSSL: what auth/ must accept, and
 * with wrong parts what it must refuse. Functions assert; results live in the arena. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/rg_crypto.h"
#include "tests/support/rg_test.h"

static inline struct rg_slice keys_b64url(struct rg_slice bytes, struct rg_arena *arena)
{
    struct rg_slice text = {0};
    assert_ok(rg_base64_encode(bytes, arena, &text));
    assert_ok(rg_arena_copy(arena, text, &text));
    char *copy = NULL;
    assert_ok(rg_arena_alloc(arena, text.size + 1, (void **)&copy));
    size_t size = 0;
    for (size_t i = 0; i < text.size && text.data[i] != '='; i++) {
        copy[size++] = text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : text.data[i];
    }
    return (struct rg_slice){copy, size};
}

/* "RSA" (2048 bits), "RSA1024", "P-256", "P-384", "P-521", "ED25519". */
static inline EVP_PKEY *keys_make(const char *type)
{
    EVP_PKEY *key = NULL;
    if (strncmp(type, "RSA", 3) == 0) {
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)(type[3] == '\0' ? 2048 : 1024));
    } else if (strcmp(type, "ED25519") == 0) {
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    } else {
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
    }
    assert_non_null(key);
    return key;
}

static inline struct rg_slice keys_number(EVP_PKEY *key, const char *name, size_t size, struct rg_arena *arena)
{
    BIGNUM *number = NULL;
    unsigned char bytes[1024];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    int used = size == 0 ? BN_bn2bin(number, bytes) : BN_bn2binpad(number, bytes, (int)size);
    BN_free(number);
    assert_true(used > 0);
    return keys_b64url(rg_slice_make(bytes, (size_t)used), arena);
}

/* One JWK; more is put before the closing brace, such as ,"use":"sig". */
static inline struct rg_slice keys_jwk(EVP_PKEY *key, const char *kid, const char *more, struct rg_arena *arena)
{
    struct rg_slice text = {0};
    if (EVP_PKEY_is_a(key, "RSA")) {
        struct rg_slice n = keys_number(key, OSSL_PKEY_PARAM_RSA_N, 0, arena);
        struct rg_slice e = keys_number(key, OSSL_PKEY_PARAM_RSA_E, 0, arena);
        assert_ok(rg_arena_printf(arena, &text, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%.*s\",\"e\":\"%.*s\"%s}", kid,
                                  RG_SLICE_ARGS(n), RG_SLICE_ARGS(e), more));
    } else if (EVP_PKEY_is_a(key, "ED25519")) {
        unsigned char raw[32];
        size_t size = sizeof raw;
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &size), 1);
        struct rg_slice x = keys_b64url(rg_slice_make(raw, size), arena);
        assert_ok(rg_arena_printf(arena, &text, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"%.*s\"%s}",
                                  kid, RG_SLICE_ARGS(x), more));
    } else {
        size_t size = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
        const char *curve = size == 32 ? "P-256" : size == 48 ? "P-384" : "P-521";
        struct rg_slice x = keys_number(key, OSSL_PKEY_PARAM_EC_PUB_X, size, arena);
        struct rg_slice y = keys_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, size, arena);
        assert_ok(rg_arena_printf(arena, &text,
                                  "{\"kty\":\"EC\",\"crv\":\"%s\",\"kid\":\"%s\",\"x\":\"%.*s\",\"y\":\"%.*s\"%s}",
                                  curve, kid, RG_SLICE_ARGS(x), RG_SLICE_ARGS(y), more));
    }
    return text;
}

static inline struct rg_slice keys_public_pem(EVP_PKEY *key, struct rg_arena *arena)
{
    struct rg_slice copy = {0};
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    long size = BIO_get_mem_data(bio, &pem);
    assert_ok(rg_arena_copy(arena, (struct rg_slice){pem, (size_t)size}, &copy));
    BIO_free(bio);
    return copy;
}

/* The JWS signature of text. digest "SHA256", ... or NULL for EdDSA; ECDSA comes out as r and s. */
static inline struct rg_slice keys_signature(EVP_PKEY *key, const char *digest, bool is_pss, struct rg_slice text,
                                             struct rg_arena *arena)
{
    unsigned char bytes[1024];
    size_t size = sizeof bytes;
    EVP_PKEY_CTX *options = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(context, &options, digest, NULL, NULL, key, NULL), 1);
    if (is_pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(EVP_DigestSign(context, bytes, &size, (const unsigned char *)text.data, text.size), 1);
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_is_a(key, "EC")) {
        const unsigned char *at = bytes;
        ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
        int half = (EVP_PKEY_get_bits(key) + 7) / 8;
        unsigned char raw[132];
        assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, half), half);
        assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + half, half), half);
        ECDSA_SIG_free(signature);
        return keys_b64url(rg_slice_make(raw, (size_t)half * 2), arena);
    }
    return keys_b64url(rg_slice_make(bytes, size), arena);
}

static inline struct rg_slice keys_signed_text(const char *header, const char *payload, struct rg_arena *arena)
{
    struct rg_slice text = {0};
    struct rg_slice head = keys_b64url(rg_slice_of(header), arena);
    struct rg_slice body = keys_b64url(rg_slice_of(payload), arena);
    assert_ok(rg_arena_printf(arena, &text, "%.*s.%.*s", RG_SLICE_ARGS(head), RG_SLICE_ARGS(body)));
    return text;
}

/* A whole token: whatever the header says, signed by key with digest. */
static inline struct rg_slice keys_token(EVP_PKEY *key, const char *digest, bool is_pss, const char *header,
                                         const char *payload, struct rg_arena *arena)
{
    struct rg_slice token = {0};
    struct rg_slice text = keys_signed_text(header, payload, arena);
    struct rg_slice signature = keys_signature(key, digest, is_pss, text, arena);
    assert_ok(rg_arena_printf(arena, &token, "%.*s.%.*s", RG_SLICE_ARGS(text), RG_SLICE_ARGS(signature)));
    return token;
}

/* The token of the classic confusion: HMAC with a public key's PEM as the secret. */
static inline struct rg_slice keys_hmac_token(struct rg_slice secret, const char *header, const char *payload,
                                              struct rg_arena *arena)
{
    struct rg_slice token = {0};
    struct rg_slice text = keys_signed_text(header, payload, arena);
    struct rg_digest digest = rg_hmac_sha256(secret, text);
    struct rg_slice signature = keys_b64url(rg_slice_make(digest.bytes, sizeof digest.bytes), arena);
    assert_ok(rg_arena_printf(arena, &token, "%.*s.%.*s", RG_SLICE_ARGS(text), RG_SLICE_ARGS(signature)));
    return token;
}

#endif
