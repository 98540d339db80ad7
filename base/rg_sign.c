/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 through OpenSSL's EVP, and its private keys as PEM. No algorithm is implemented here. */
#include "base/rg_sign.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/rg_crypto.h"

static const unsigned char *bytes_of(struct rg_slice slice)
{
    return (const unsigned char *)(slice.data == NULL ? "" : slice.data);
}

static void key_free(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
    ERR_clear_error(); /* what OpenSSL queued while refusing is not for the thread's next TLS call */
}

static void context_free(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static void bio_free(BIO **bio)
{
    (void)BIO_free(*bio);
}

rg_status rg_sign_public(const uint8_t seed[RG_SIGN_SEED_SIZE], uint8_t out_public[RG_SIGN_PUBLIC_SIZE])
{
    EVP_PKEY *key RG_AUTO(key_free) = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, RG_SIGN_SEED_SIZE);
    uint8_t public_key[RG_SIGN_PUBLIC_SIZE];
    size_t size = sizeof public_key;
    if (key == NULL || EVP_PKEY_get_raw_public_key(key, public_key, &size) != 1 || size != sizeof public_key) {
        return rg_fail(RG_INTERNAL, "Ed25519: no public key");
    }
    memcpy(out_public, public_key, sizeof public_key);
    return RG_OK;
}

rg_status rg_sign(const uint8_t seed[RG_SIGN_SEED_SIZE], struct rg_slice bytes, uint8_t out_signature[RG_SIGN_SIZE])
{
    EVP_PKEY *key RG_AUTO(key_free) = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, RG_SIGN_SEED_SIZE);
    EVP_MD_CTX *context RG_AUTO(context_free) = EVP_MD_CTX_new();
    uint8_t signature[RG_SIGN_SIZE];
    size_t size = sizeof signature;
    if (key == NULL || context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &size, bytes_of(bytes), bytes.size) != 1 || size != sizeof signature) {
        return rg_fail(RG_INTERNAL, "Ed25519: no signature");
    }
    memcpy(out_signature, signature, sizeof signature);
    return RG_OK;
}

bool rg_sign_is_valid(const uint8_t public_key[RG_SIGN_PUBLIC_SIZE], struct rg_slice bytes,
                      const uint8_t signature[RG_SIGN_SIZE])
{
    EVP_PKEY *key RG_AUTO(key_free) =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, RG_SIGN_PUBLIC_SIZE);
    EVP_MD_CTX *context RG_AUTO(context_free) = EVP_MD_CTX_new();
    return key != NULL && context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
           EVP_DigestVerify(context, signature, RG_SIGN_SIZE, bytes_of(bytes), bytes.size) == 1;
}

rg_status rg_sign_pem_encode(const uint8_t seed[RG_SIGN_SEED_SIZE], struct rg_secret **out_pem)
{
    EVP_PKEY *key RG_AUTO(key_free) = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, RG_SIGN_SEED_SIZE);
    BIO *bio RG_AUTO(bio_free) = BIO_new(BIO_s_secmem()); /* wiped when freed */
    char *text = NULL;
    if (key == NULL || bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        return rg_fail(RG_INTERNAL, "Ed25519: the key cannot be written as PEM");
    }
    long size = BIO_get_mem_data(bio, &text);
    if (size <= 0 || text == NULL) {
        return rg_fail(RG_INTERNAL, "Ed25519: the key cannot be written as PEM");
    }
    return rg_secret_new(rg_slice_make(text, (size_t)size), out_pem);
}

/* Instead of OpenSSL's own, which would ask on the terminal. */
static int on_password(char *out_password, int size, int is_writing, void *context)
{
    (void)out_password;
    (void)size;
    (void)is_writing;
    *(bool *)context = true;
    return -1;
}

rg_status rg_sign_pem_parse(struct rg_slice pem, uint8_t out_seed[RG_SIGN_SEED_SIZE])
{
    if (pem.size > RG_SECRET_MAX_BYTES) {
        return rg_fail(RG_CONFIG, "is no PEM private key");
    }
    bool is_encrypted = false;
    BIO *bio RG_AUTO(bio_free) = BIO_new_mem_buf(bytes_of(pem), (int)pem.size);
    EVP_PKEY *key RG_AUTO(key_free) =
        bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, on_password, &is_encrypted);
    if (key == NULL) {
        return rg_fail(RG_CONFIG, is_encrypted ? "is an encrypted private key" : "is no PEM private key");
    }
    uint8_t seed[RG_SIGN_SEED_SIZE];
    size_t size = sizeof seed;
    if (EVP_PKEY_id(key) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_private_key(key, seed, &size) != 1 ||
        size != sizeof seed) {
        return rg_fail(RG_CONFIG, "is not an Ed25519 private key");
    }
    memcpy(out_seed, seed, sizeof seed);
    rg_wipe(seed, sizeof seed);
    return RG_OK;
}
