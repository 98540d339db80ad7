/* SPDX-License-Identifier: Apache-2.0 */
/* The signature of a token: libjwt checks it wherever libjwt 1.10.2 can. It knows neither PS* nor EdDSA and
 * refuses other types than "JWT"; those go to OpenSSL with the key that was parsed with the set. The
 * algorithm is the caller's choice, made from the key's type, on both roads. */
#include "auth/signature_private.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

static void jwt_done(jwt_t **jwt)
{
    jwt_free(*jwt);
}

static void digest_done(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static void ecdsa_done(ECDSA_SIG **signature)
{
    ECDSA_SIG_free(*signature);
}

static rg_status fail_signature(void)
{
    ERR_clear_error();
    return rg_fail(RG_DENIED, "token signature is wrong");
}

static rg_status verify_by_libjwt(const struct auth_jwk *key, const struct auth_algorithm *algorithm,
                                  const struct auth_token *token)
{
    RG_AUTO(jwt_done) jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, token->text.data, (const unsigned char *)key->pem, (int)key->pem_size) != 0 || jwt == NULL ||
        jwt_get_alg(jwt) != algorithm->libjwt) {
        return fail_signature();
    }
    return RG_OK;
}

/* JWS holds r and s side by side (RFC 7518 3.4), OpenSSL wants them in DER. */
static size_t ecdsa_to_der(struct rg_slice raw, unsigned char *out_der, size_t capacity)
{
    RG_AUTO(ecdsa_done) ECDSA_SIG *signature = ECDSA_SIG_new();
    int half = (int)(raw.size / 2);
    BIGNUM *r = BN_bin2bn((const unsigned char *)raw.data, half, NULL);
    BIGNUM *s = BN_bin2bn((const unsigned char *)raw.data + half, half, NULL);
    if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return 0;
    }
    int size = i2d_ECDSA_SIG(signature, NULL);
    if (size <= 0 || (size_t)size > capacity) {
        return 0;
    }
    return (size_t)i2d_ECDSA_SIG(signature, &out_der);
}

static size_t ecdsa_half_size(enum auth_key_type type)
{
    return type == AUTH_KEY_P256 ? 32 : type == AUTH_KEY_P384 ? 48 : type == AUTH_KEY_P521 ? 66 : 0;
}

static bool start_verify(EVP_MD_CTX *context, const struct auth_jwk *key, const struct auth_algorithm *algorithm)
{
    EVP_PKEY_CTX *options = NULL; /* the context's own */
    if (EVP_DigestVerifyInit_ex(context, &options, algorithm->digest, NULL, NULL, key->key, NULL) != 1) {
        return false;
    }
    /* RFC 7518 3.5: the salt is as long as the digest. */
    return !algorithm->is_pss || (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                                  EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static rg_status verify_by_openssl(const struct auth_jwk *key, const struct auth_algorithm *algorithm,
                                   const struct auth_token *token)
{
    unsigned char der[256];
    const unsigned char *signature = (const unsigned char *)token->signature.data;
    size_t size = token->signature.size;
    size_t half = ecdsa_half_size(key->type);
    if (half > 0) {
        size = size == 2 * half ? ecdsa_to_der(token->signature, der, sizeof der) : 0;
        signature = der;
    }
    RG_AUTO(digest_done) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (size == 0 || context == NULL || !start_verify(context, key, algorithm) ||
        EVP_DigestVerify(context, signature, size, (const unsigned char *)token->signed_text.data,
                         token->signed_text.size) != 1) {
        return fail_signature();
    }
    return RG_OK;
}

rg_status auth_signature_verify(const struct auth_jwk *key, const struct auth_algorithm *algorithm,
                                const struct auth_token *token, enum auth_token_typ typ)
{
    RG_ASSERT(auth_jwk_permits(key, algorithm));
    if (token->signature.size == 0) {
        return fail_signature();
    }
    if (typ != AUTH_TYP_JWT || algorithm->libjwt == JWT_ALG_INVAL) {
        return verify_by_openssl(key, algorithm, token);
    }
    return verify_by_libjwt(key, algorithm, token);
}
