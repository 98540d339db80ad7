/* SPDX-License-Identifier: Apache-2.0 */
/* SNI among certificates that the configuration loaded (tls.c): an SSL_CTX of its own for each, because ALPN differs
 * from the SQL port's, and one callback that picks. */
#include "proxy/net/tls_names.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

#include "base/rg_memory.h"
#include "proxy/net/stream_private.h"

struct net_tls_names {
    atomic_size_t references;
    bool allows_http2;
    size_t count;
    SSL_CTX **contexts;
};

static const unsigned char http_alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
static const unsigned char http2_alpn[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

static rg_status fail_tls(void)
{
    char cause[128];
    net_tls_error_text(cause, sizeof cause);
    return rg_fail(RG_CONFIG, "cannot set up HTTPS: %s", cause);
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *offered,
                       unsigned offered_size, void *context)
{
    (void)ssl;
    const struct net_tls_names *names = context;
    const unsigned char *ours = names->allows_http2 ? http2_alpn : http_alpn;
    unsigned ours_size = names->allows_http2 ? sizeof http2_alpn : sizeof http_alpn;
    unsigned char *chosen = NULL;
    int result = SSL_select_next_proto(&chosen, out_size, ours, ours_size, offered, offered_size);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool net_tls_names_covers(const struct net_tls_names *names, size_t at, const char *host)
{
    X509 *leaf = SSL_CTX_get0_certificate(names->contexts[at]);
    return leaf != NULL && X509_check_host(leaf, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

static int choose_certificate(SSL *ssl, int *alert, void *context)
{
    (void)alert;
    const struct net_tls_names *names = context;
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    for (size_t i = 0; host != NULL && i < names->count; i++) {
        if (net_tls_names_covers(names, i, host)) {
            SSL_set_SSL_CTX(ssl, names->contexts[i]);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK; /* the first one's: the client judges it */
}

static rg_status copy_pair(SSL_CTX *context, SSL_CTX *source)
{
    STACK_OF(X509) *chain = NULL;
    X509 *leaf = SSL_CTX_get0_certificate(source);
    EVP_PKEY *key = SSL_CTX_get0_privatekey(source);
    bool is_set = SSL_CTX_get0_chain_certs(source, &chain) == 1 &&
                  SSL_CTX_use_cert_and_key(context, leaf, key, chain, 1) == 1 &&
                  SSL_CTX_set_min_proto_version(context, (int)SSL_CTX_get_min_proto_version(source)) == 1;
    return is_set ? RG_OK : fail_tls();
}

static rg_status harden(struct net_tls_names *names, SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 0); /* libh2o asks SSL_pending, which does not see what was read ahead */
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, names);
    SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context, names);
    char groups[] = "X25519:P-256:P-384"; /* OpenSSL's macro takes no const */
    bool is_set = SSL_CTX_set_num_tickets(context, 0) == 1 &&
                  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
                  SSL_CTX_set1_groups_list(context, groups) == 1;
    return is_set ? RG_OK : fail_tls();
}

rg_status net_tls_names_new(struct net_tls *const *servers, size_t count, bool allows_http2,
                            struct net_tls_names **out_names)
{
    ERR_clear_error();
    RG_ASSERT(count > 0);
    RG_AUTO(net_tls_names_release) struct net_tls_names *names = rg_memory_alloc(sizeof *names);
    atomic_init(&names->references, 1);
    names->allows_http2 = allows_http2;
    names->contexts = rg_memory_array(count, sizeof(SSL_CTX *));
    for (; names->count < count; names->count++) {
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        if (context == NULL) {
            return fail_tls();
        }
        names->contexts[names->count] = context;
        rg_status status = copy_pair(context, net_tls_context(servers[names->count]));
        if (rg_is_ok(status)) {
            status = harden(names, context);
        }
        if (!rg_is_ok(status)) {
            names->count++; /* freed with the others */
            return status;
        }
    }
    *out_names = net_tls_names_ref(names);
    return RG_OK;
}

struct net_tls_names *net_tls_names_ref(struct net_tls_names *names)
{
    atomic_fetch_add(&names->references, 1);
    return names;
}

void net_tls_names_release(struct net_tls_names **names)
{
    struct net_tls_names *old = *names;
    *names = NULL;
    if (old == NULL || atomic_fetch_sub(&old->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < old->count; i++) {
        SSL_CTX_free(old->contexts[i]);
    }
    rg_memory_free(old->contexts);
    rg_memory_free(old);
}

struct ssl_ctx_st *net_tls_names_context(const struct net_tls_names *names)
{
    return names->contexts[0];
}
