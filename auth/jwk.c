/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON Web Key (RFC 7517 4, RFC 7518 6, RFC 8037 2) to one OpenSSL key. The builder is chosen by kty
 * and crv from a table; what the table does not have never becomes a key. */
#include "auth/jwks_private.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

enum { RSA_MIN_BYTES = 256, RSA_MAX_BYTES = 1024, RSA_MAX_EXPONENT_BYTES = 8, EC_MAX_BYTES = 66 };

struct key_row {
    const char *kty;
    const char *crv; /* NULL for RSA */
    enum auth_key_type type;
    const char *group;
    size_t field_bytes;
    EVP_PKEY *(*build)(const struct key_row *row, const json_t *jwk, struct rg_arena *scratch);
};

static void params_done(OSSL_PARAM **params)
{
    OSSL_PARAM_free(*params);
}

static void builder_done(OSSL_PARAM_BLD **builder)
{
    OSSL_PARAM_BLD_free(*builder);
}

static void bignum_done(BIGNUM **number)
{
    BN_free(*number);
}

static void context_done(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

static bool is_string(const json_t *json, const char *text)
{
    return json_is_string(json) && strcmp(json_string_value(json), text) == 0;
}

/* A base64url member with a size within [min, max]. */
static bool read_bytes(const json_t *jwk, const char *name, size_t min, size_t max, struct rg_arena *scratch,
                       struct rg_slice *out_bytes)
{
    const json_t *member = json_object_get(jwk, name);
    struct rg_slice bytes = {0};
    if (!json_is_string(member)) {
        return false;
    }
    struct rg_slice text = {json_string_value(member), json_string_length(member)};
    if (!rg_is_ok(rg_base64url_decode(text, scratch, &bytes)) || bytes.size < min || bytes.size > max) {
        return false;
    }
    *out_bytes = bytes;
    return true;
}

/* The public key that params describe, found valid by OpenSSL; NULL otherwise. */
static EVP_PKEY *build_from_params(const char *type, OSSL_PARAM_BLD *builder)
{
    RG_AUTO(params_done) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    RG_AUTO(context_done) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return NULL;
    }
    RG_AUTO(context_done) EVP_PKEY_CTX *checker = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (checker == NULL || EVP_PKEY_public_check(checker) != 1) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

static EVP_PKEY *build_rsa(const struct key_row *row, const json_t *jwk, struct rg_arena *scratch)
{
    (void)row;
    struct rg_slice n = {0};
    struct rg_slice e = {0};
    if (!read_bytes(jwk, "n", RSA_MIN_BYTES, RSA_MAX_BYTES, scratch, &n) ||
        !read_bytes(jwk, "e", 1, RSA_MAX_EXPONENT_BYTES, scratch, &e)) {
        return NULL;
    }
    RG_AUTO(bignum_done) BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.data, (int)n.size, NULL);
    RG_AUTO(bignum_done) BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.data, (int)e.size, NULL);
    if (modulus == NULL || exponent == NULL || BN_num_bits(modulus) < RSA_MIN_BYTES * 8 || BN_is_one(exponent) ||
        !BN_is_odd(exponent)) {
        return NULL;
    }
    RG_AUTO(builder_done) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) != 1) {
        return NULL;
    }
    return build_from_params("RSA", builder);
}

static EVP_PKEY *build_ec(const struct key_row *row, const json_t *jwk, struct rg_arena *scratch)
{
    struct rg_slice x = {0};
    struct rg_slice y = {0};
    size_t size = row->field_bytes;
    if (!read_bytes(jwk, "x", size, size, scratch, &x) || !read_bytes(jwk, "y", size, size, scratch, &y)) {
        return NULL;
    }
    unsigned char point[1 + 2 * EC_MAX_BYTES];
    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point + 1, x.data, size);
    memcpy(point + 1 + size, y.data, size);
    RG_AUTO(builder_done) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL || OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, row->group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size) != 1) {
        return NULL;
    }
    return build_from_params("EC", builder);
}

static EVP_PKEY *build_okp(const struct key_row *row, const json_t *jwk, struct rg_arena *scratch)
{
    struct rg_slice x = {0};
    if (!read_bytes(jwk, "x", row->field_bytes, row->field_bytes, scratch, &x)) {
        return NULL;
    }
    return EVP_PKEY_new_raw_public_key_ex(NULL, row->group, NULL, (const unsigned char *)x.data, x.size);
}

static const struct key_row *find_row(const json_t *jwk)
{
    static const struct key_row rows[] = {
        {"RSA", NULL, AUTH_KEY_RSA, NULL, 0, build_rsa},
        {"EC", "P-256", AUTH_KEY_P256, "P-256", 32, build_ec},
        {"EC", "P-384", AUTH_KEY_P384, "P-384", 48, build_ec},
        {"EC", "P-521", AUTH_KEY_P521, "P-521", 66, build_ec},
        {"OKP", "Ed25519", AUTH_KEY_ED25519, "ED25519", 32, build_okp},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (is_string(json_object_get(jwk, "kty"), rows[i].kty) &&
            (rows[i].crv == NULL || is_string(json_object_get(jwk, "crv"), rows[i].crv))) {
            return &rows[i];
        }
    }
    return NULL;
}

/* use and key_ops (RFC 7517 4.2, 4.3): absent, or for signatures. A key that shows its private half (d) is
 * everybody's. */
static bool is_for_signatures(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use");
    const json_t *operations = json_object_get(jwk, "key_ops");
    bool verifies = operations == NULL;
    for (size_t i = 0; i < json_array_size(operations); i++) {
        verifies = verifies || is_string(json_array_get(operations, i), "verify");
    }
    return verifies && (use == NULL || is_string(use, "sig")) && json_object_get(jwk, "d") == NULL;
}

static bool write_pem(EVP_PKEY *key, struct auth_jwk *out_key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool is_written = bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1;
    long size = is_written ? BIO_get_mem_data(bio, &text) : 0;
    if (size > 0) {
        out_key->pem = rg_memory_alloc((size_t)size + 1);
        memcpy(out_key->pem, text, (size_t)size);
        out_key->pem_size = (size_t)size;
    }
    BIO_free(bio);
    return size > 0;
}

static bool read_names(const json_t *jwk, enum auth_key_type type, struct auth_jwk *key)
{
    const json_t *kid = json_object_get(jwk, "kid");
    const json_t *alg = json_object_get(jwk, "alg");
    if (kid != NULL) {
        size_t size = json_string_length(kid);
        if (size == 0 || size > sizeof key->kid) {
            return false;
        }
        memcpy(key->kid, json_string_value(kid), size);
        key->kid_size = size;
    }
    if (alg != NULL) {
        key->only = auth_algorithm_find(rg_slice_of(json_string_value(alg)));
        return key->only != NULL && key->only->key_type == type;
    }
    return true;
}

bool auth_jwk_parse(const json_t *jwk, struct rg_arena *scratch, struct auth_jwk *out_key)
{
    const struct key_row *row = find_row(jwk);
    if (row == NULL || !is_for_signatures(jwk)) {
        return false;
    }
    struct auth_jwk key = {.type = row->type};
    if (!read_names(jwk, row->type, &key)) {
        return false;
    }
    key.key = row->build(row, jwk, scratch);
    if (key.key == NULL || !write_pem(key.key, &key)) {
        ERR_clear_error();
        auth_jwk_done(&key);
        return false;
    }
    *out_key = key;
    return true;
}

void auth_jwk_done(struct auth_jwk *key)
{
    EVP_PKEY_free(key->key);
    rg_memory_free(key->pem);
    *key = (struct auth_jwk){0};
}

bool auth_jwk_permits(const struct auth_jwk *key, const struct auth_algorithm *algorithm)
{
    return key->type != AUTH_KEY_NONE && key->type == algorithm->key_type &&
           (key->only == NULL || key->only == algorithm);
}
