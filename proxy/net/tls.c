/* SPDX-License-Identifier: Apache-2.0 */
/* A server's hardened SSL_CTX: certificate and key checked against each other when the configuration
 * loads, nothing negotiable that the SQL port does not need. */
#include "proxy/net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/rg_memory.h"
#include "proxy/net/stream_private.h"

struct net_tls {
    atomic_size_t references;
    SSL_CTX *context;
    BIO_METHOD *method;
    int64_t expires_at_us;
    unsigned char end_point[EVP_MAX_MD_SIZE];
    unsigned end_point_size;
};

/* TLS 1.2: forward secrecy and AEAD only. The 1.3 suites are all both. */
static const char tls12_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const unsigned char http_alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
static const unsigned char postgresql_alpn[] = {10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

void net_tls_error_text(char *out_text, size_t size)
{
    unsigned long code = ERR_get_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    if (reason != NULL) {
        (void)snprintf(out_text, size, "%s", reason);
    } else {
        (void)snprintf(out_text, size, "OpenSSL error %lX", code);
    }
    ERR_clear_error();
}

static rg_status fail_tls(const char *what)
{
    char cause[128];
    net_tls_error_text(cause, sizeof cause);
    return rg_fail(RG_CONFIG, "%s: %s", what, cause);
}

/* Keeps OpenSSL from asking for a passphrase on the terminal. */
static int refuse_passphrase(char *buffer, int size, int is_writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *offered,
                       unsigned offered_size, void *context)
{
    (void)ssl;
    (void)context;
    unsigned char *chosen = NULL;
    int result =
        SSL_select_next_proto(&chosen, out_size, postgresql_alpn, sizeof postgresql_alpn, offered, offered_size);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Of whatever is offered HTTP/1.1 is taken; a client that offers none of it speaks it all the same (RFC 9112). */
static int choose_http(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *offered,
                       unsigned offered_size, void *context)
{
    (void)ssl;
    (void)context;
    unsigned char *chosen = NULL;
    int result = SSL_select_next_proto(&chosen, out_size, http_alpn, sizeof http_alpn, offered, offered_size);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static rg_status harden(SSL_CTX *context, enum net_tls_version min_version)
{
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    char groups[] = "X25519:P-256:P-384"; /* OpenSSL's macro takes no const */
    int version = min_version == NET_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    if (SSL_CTX_set_num_tickets(context, 0) != 1 || SSL_CTX_set_min_proto_version(context, version) != 1 ||
        SSL_CTX_set_cipher_list(context, tls12_ciphers) != 1 || SSL_CTX_set1_groups_list(context, groups) != 1) {
        return fail_tls("cannot set up TLS");
    }
    return RG_OK;
}

static void free_bio(BIO **bio)
{
    BIO_free(*bio);
}

static BIO *read_from(struct rg_slice bytes)
{
    return BIO_new_mem_buf(bytes.data, bytes.size > INT32_MAX ? 0 : (int)bytes.size);
}

static rg_status add_chain(SSL_CTX *context, BIO *bio)
{
    for (X509 *link = PEM_read_bio_X509(bio, NULL, NULL, NULL); link != NULL;
         link = PEM_read_bio_X509(bio, NULL, NULL, NULL)) {
        if (SSL_CTX_add0_chain_cert(context, link) != 1) {
            X509_free(link);
            return fail_tls("cannot use the certificate chain");
        }
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return fail_tls("cannot read the certificate chain");
    }
    ERR_clear_error(); /* the end of the file */
    return RG_OK;
}

static void hash_leaf(struct net_tls *tls, const X509 *leaf)
{
    int digest = NID_undef;
    int key = NID_undef;
    if (OBJ_find_sigid_algs(X509_get_signature_nid(leaf), &digest, &key) != 1) {
        return; /* RFC 5929 defines no hash for it: no channel binding */
    }
    if (digest == NID_md5 || digest == NID_sha1) {
        digest = NID_sha256;
    }
    const EVP_MD *method = EVP_get_digestbynid(digest);
    if (method == NULL || X509_digest(leaf, method, tls->end_point, &tls->end_point_size) != 1) {
        tls->end_point_size = 0;
        ERR_clear_error();
    }
}

static void note_expiry(struct net_tls *tls, const X509 *leaf)
{
    struct tm when = {0};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &when) == 1) {
        tls->expires_at_us = (int64_t)timegm(&when) * 1000000;
    }
}

static rg_status load_certificate(struct net_tls *tls, struct rg_slice pem)
{
    RG_AUTO(free_bio) BIO *bio = read_from(pem);
    X509 *leaf = bio == NULL ? NULL : PEM_read_bio_X509_AUX(bio, NULL, refuse_passphrase, NULL);
    if (leaf == NULL) {
        return fail_tls("cannot read the certificate (PEM)");
    }
    int is_used = SSL_CTX_use_certificate(tls->context, leaf);
    note_expiry(tls, leaf);
    hash_leaf(tls, leaf);
    X509_free(leaf);
    if (is_used != 1) {
        return fail_tls("cannot use the certificate");
    }
    return add_chain(tls->context, bio);
}

static rg_status load_key(struct net_tls *tls, struct rg_slice pem)
{
    RG_AUTO(free_bio) BIO *bio = read_from(pem);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, NULL);
    if (key == NULL) {
        return fail_tls("cannot read the private key (unencrypted PEM)");
    }
    bool is_pair = X509_check_private_key(SSL_CTX_get0_certificate(tls->context), key) == 1;
    bool is_used = is_pair && SSL_CTX_use_PrivateKey(tls->context, key) == 1;
    EVP_PKEY_free(key);
    if (!is_pair) {
        ERR_clear_error();
        return rg_fail(RG_CONFIG, "the private key does not belong to the certificate");
    }
    return is_used ? RG_OK : fail_tls("cannot use the private key");
}

rg_status net_tls_server_new(struct rg_slice certificate_pem, struct rg_slice key_pem, enum net_tls_version min_version,
                             struct net_tls **out_tls)
{
    ERR_clear_error();
    RG_AUTO(net_tls_release) struct net_tls *tls = rg_memory_alloc(sizeof *tls);
    atomic_init(&tls->references, 1);
    tls->context = SSL_CTX_new(TLS_server_method());
    tls->method = net_stream_bio_method_new();
    if (tls->context == NULL || tls->method == NULL) {
        return fail_tls("cannot set up TLS");
    }
    RG_TRY(harden(tls->context, min_version));
    RG_TRY(load_certificate(tls, certificate_pem));
    RG_TRY(load_key(tls, key_pem));
    *out_tls = net_tls_ref(tls);
    return RG_OK;
}

void net_tls_use_http(struct net_tls *tls)
{
    SSL_CTX_set_alpn_select_cb(tls->context, choose_http, NULL);
    SSL_CTX_set_read_ahead(tls->context, 0); /* libh2o asks SSL_pending, which does not see what was read ahead */
}

SSL_CTX *net_tls_context(const struct net_tls *tls)
{
    return tls->context;
}

struct net_tls *net_tls_ref(struct net_tls *tls)
{
    atomic_fetch_add(&tls->references, 1);
    return tls;
}

void net_tls_release(struct net_tls **tls)
{
    struct net_tls *old = *tls;
    *tls = NULL;
    if (old != NULL && atomic_fetch_sub(&old->references, 1) == 1) {
        SSL_CTX_free(old->context);
        BIO_meth_free(old->method);
        rg_memory_free(old);
    }
}

int64_t net_tls_expires_at_us(const struct net_tls *tls)
{
    return tls->expires_at_us;
}

struct rg_slice net_tls_server_end_point(const struct net_tls *tls)
{
    return rg_slice_make(tls->end_point, tls->end_point_size);
}

SSL *net_tls_start(const struct net_tls *tls, struct net_stream *stream)
{
    SSL *ssl = net_tls_on_stream(tls->context, tls->method, stream);
    if (ssl != NULL) {
        SSL_set_accept_state(ssl);
    }
    return ssl;
}
