/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_SAML_KEYS_H
#define RG_TESTS_SUPPORT_SAML_KEYS_H

/* Keys, certificates and encryption of the SAML tests, by OpenSSL alone: what xmlsec must understand was not made by
 * xmlsec. Functions assert; results live in the arena. */
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "tests/support/auth_keys.h"

/* A self-signed certificate in DER. */
static inline struct rg_slice saml_certificate(EVP_PKEY *key, const char *name, struct rg_arena *arena)
{
    struct rg_slice copy = {0};
    unsigned char *der = NULL;
    X509 *x509 = X509_new();
    assert_non_null(x509);
    assert_int_equal(X509_set_version(x509, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), 86400));
    X509_NAME *subject = X509_get_subject_name(x509);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x509, subject), 1);
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    int size = i2d_X509(x509, &der);
    assert_true(size > 0);
    assert_ok(rg_arena_copy(arena, rg_slice_make(der, (size_t)size), &copy));
    OPENSSL_free(der);
    X509_free(x509);
    return copy;
}

static inline struct rg_slice saml_private_pem(EVP_PKEY *key, struct rg_arena *arena)
{
    struct rg_slice copy = {0};
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long size = BIO_get_mem_data(bio, &pem);
    assert_ok(rg_arena_copy(arena, (struct rg_slice){pem, (size_t)size}, &copy));
    BIO_free(bio);
    return copy;
}

static inline struct rg_slice saml_certificate_pem(struct rg_slice der, struct rg_arena *arena)
{
    struct rg_slice base64 = {0};
    struct rg_slice pem = {0};
    assert_ok(rg_base64_encode(der, arena, &base64));
    assert_ok(rg_arena_printf(arena, &pem, "-----BEGIN CERTIFICATE-----\n"));
    for (size_t at = 0; at < base64.size; at += 64) {
        struct rg_slice line = rg_slice_cut(base64, at, 64);
        assert_ok(rg_arena_printf(arena, &pem, "%.*s%.*s\n", (int)pem.size, pem.data, (int)line.size, line.data));
    }
    assert_ok(rg_arena_printf(arena, &pem, "%.*s-----END CERTIFICATE-----\n", (int)pem.size, pem.data));
    return pem;
}

/* The content key under the public key; oaep false = RSA 1.5. */
static inline struct rg_slice saml_wrap_key(EVP_PKEY *key, struct rg_slice bytes, bool oaep, struct rg_arena *arena)
{
    unsigned char out[1024];
    size_t size = sizeof out;
    struct rg_slice text = {0};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING), 1);
    assert_int_equal(EVP_PKEY_encrypt(context, out, &size, (const unsigned char *)bytes.data, bytes.size), 1);
    EVP_PKEY_CTX_free(context);
    assert_ok(rg_base64_encode(rg_slice_make(out, size), arena, &text));
    return text;
}

/* Initialisation vector, cipher text and, with GCM, its tag (xmlenc-core 5.2), as base64. */
static inline struct rg_slice saml_seal(const char *cipher, struct rg_slice key, struct rg_slice plain,
                                        struct rg_arena *arena)
{
    EVP_CIPHER *type = EVP_CIPHER_fetch(NULL, cipher, NULL);
    assert_non_null(type);
    bool is_gcm = strstr(cipher, "GCM") != NULL;
    size_t iv_size = (size_t)EVP_CIPHER_get_iv_length(type);
    assert_int_equal(EVP_CIPHER_get_key_length(type), (int)key.size);
    unsigned char *out = NULL;
    assert_ok(rg_arena_alloc(arena, plain.size + 64, (void **)&out));
    assert_int_equal(RAND_bytes(out, (int)iv_size), 1);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0;
    int last = 0;
    assert_int_equal(EVP_EncryptInit_ex2(context, type, (const unsigned char *)key.data, out, NULL), 1);
    assert_int_equal(
        EVP_EncryptUpdate(context, out + iv_size, &size, (const unsigned char *)plain.data, (int)plain.size), 1);
    assert_int_equal(EVP_EncryptFinal_ex(context, out + iv_size + size, &last), 1);
    size_t total = iv_size + (size_t)size + (size_t)last;
    if (is_gcm) {
        assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, out + total), 1);
        total += 16;
    }
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(type);
    struct rg_slice text = {0};
    assert_ok(rg_base64_encode(rg_slice_make(out, total), arena, &text));
    return text;
}

#endif
