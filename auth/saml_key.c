/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of SAML that xmlsec does not see: what a certificate may be to sign for us, our own key and certificate, and
 * signatures over the text of a query (saml-bindings 3.4.4.1). */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "auth/saml_metadata.h"
#include "auth/saml_private.h"
#include "base/rg_crypto.h"
#include "base/rg_secret.h"

enum { MIN_RSA_BITS = 2048, MAX_RSA_BYTES = 1024 };

static void x509_done(X509 **x509)
{
    X509_free(*x509);
}

static void key_done(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void bio_done(BIO **bio)
{
    BIO_free(*bio);
}

static void digest_done(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static EVP_PKEY *key_of_certificate(struct rg_slice der)
{
    const unsigned char *at = (const unsigned char *)der.data;
    RG_AUTO(x509_done) X509 *x509 = der.size == 0 ? NULL : d2i_X509(NULL, &at, (long)der.size);
    bool is_whole = x509 != NULL && at == (const unsigned char *)der.data + der.size;
    EVP_PKEY *key = is_whole ? X509_get_pubkey(x509) : NULL;
    ERR_clear_error();
    return key;
}

bool saml_certificate_is_usable(struct rg_slice der)
{
    RG_AUTO(key_done) EVP_PKEY *key = key_of_certificate(der);
    if (key == NULL) {
        return false;
    }
    int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_is_a(key, "RSA")) {
        return bits >= MIN_RSA_BITS && bits <= 8 * MAX_RSA_BYTES;
    }
    return EVP_PKEY_is_a(key, "EC") && (bits == 256 || bits == 384 || bits == 521);
}

/* ---- ours ---- */

static int no_password(char *buffer, int size, int is_writing, void *context)
{
    (void)buffer, (void)size, (void)is_writing, (void)context;
    return 0;
}

static EVP_PKEY *load_private(struct rg_slice pem)
{
    RG_AUTO(bio_done)
    BIO *bio = pem.size == 0 || pem.size > RG_SECRET_MAX_BYTES ? NULL : BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    ERR_clear_error();
    return key;
}

static X509 *load_certificate(struct rg_slice pem)
{
    RG_AUTO(bio_done)
    BIO *bio = pem.size == 0 || pem.size > RG_SECRET_MAX_BYTES ? NULL : BIO_new_mem_buf(pem.data, (int)pem.size);
    X509 *x509 = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_password, NULL);
    ERR_clear_error();
    return x509;
}

rg_status auth_saml_keys_check(struct rg_slice private_key, struct rg_slice certificate)
{
    RG_AUTO(key_done) EVP_PKEY *key = load_private(private_key);
    RG_AUTO(x509_done) X509 *x509 = load_certificate(certificate);
    bool is_rsa = key != NULL && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= MIN_RSA_BITS;
    if (private_key.size > 0 && !is_rsa) {
        return rg_fail(RG_CONFIG, "private_key: an RSA key of at least %d bits in PEM, not encrypted, is required",
                       MIN_RSA_BITS);
    }
    if (certificate.size > 0 && x509 == NULL) {
        return rg_fail(RG_CONFIG, "certificate: an X.509 certificate in PEM is required");
    }
    if (certificate.size > 0 && private_key.size == 0) {
        return rg_fail(RG_CONFIG, "certificate: needs its private_key");
    }
    if (x509 != NULL && X509_check_private_key(x509, key) != 1) {
        ERR_clear_error();
        return rg_fail(RG_CONFIG, "certificate: is not that of private_key");
    }
    return RG_OK;
}

rg_status saml_key_sign(struct rg_slice private_key, struct rg_slice text, struct rg_arena *arena,
                        struct rg_slice *out_base64)
{
    unsigned char bytes[MAX_RSA_BYTES];
    size_t size = sizeof bytes;
    RG_AUTO(key_done) EVP_PKEY *key = load_private(private_key);
    RG_AUTO(digest_done) EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed = key != NULL && context != NULL && EVP_PKEY_is_a(key, "RSA") &&
                     EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
                     EVP_DigestSign(context, bytes, &size, (const unsigned char *)text.data, text.size) == 1;
    ERR_clear_error();
    if (!is_signed) {
        return rg_fail(RG_CONFIG, "private_key: does not sign");
    }
    return rg_base64_encode(rg_slice_make(bytes, size), arena, out_base64);
}

bool saml_key_verifies(struct rg_slice certificate, const char *digest, struct rg_slice text, struct rg_slice signature)
{
    RG_AUTO(key_done) EVP_PKEY *key = key_of_certificate(certificate);
    RG_AUTO(digest_done) EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_valid = key != NULL && context != NULL && EVP_PKEY_is_a(key, "RSA") &&
                    EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, key, NULL) == 1 &&
                    EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.size,
                                     (const unsigned char *)text.data, text.size) == 1;
    ERR_clear_error();
    return is_valid;
}
