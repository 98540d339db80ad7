/* SPDX-License-Identifier: Apache-2.0 */
/* An SSL_CTX that trusts one upstream by its name, and nobody else. */
#include "proxy/net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/rg_memory.h"
#include "proxy/net/stream_private.h"

struct net_tls_client {
    atomic_size_t references;
    SSL_CTX *context;
    BIO_METHOD *method;
    char *server_name; /* asked for in the handshake; NULL = the host is numeric (RFC 6066 3) */
};

static bool is_numeric(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static rg_status fail_tls(const char *what)
{
    char cause[128];
    net_tls_error_text(cause, sizeof cause);
    return rg_fail(RG_CONFIG, "%s: %s", what, cause);
}

static rg_status set_up(SSL_CTX *context, struct rg_slice host, struct rg_slice ca_file)
{
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        return fail_tls("cannot set up TLS");
    }
    int is_loaded =
        ca_file.size == 0 ? SSL_CTX_set_default_verify_paths(context) : SSL_CTX_load_verify_file(context, ca_file.data);
    if (is_loaded != 1) {
        return fail_tls("cannot read the authorities (PEM)");
    }
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int is_named = is_numeric(host.data) ? X509_VERIFY_PARAM_set1_ip_asc(param, host.data)
                                         : X509_VERIFY_PARAM_set1_host(param, host.data, host.size);
    return is_named == 1 ? RG_OK : fail_tls("cannot check a certificate against this name");
}

rg_status net_tls_client_new(struct rg_slice host, struct rg_slice ca_file, struct net_tls_client **out_client)
{
    ERR_clear_error();
    RG_AUTO(net_tls_client_release) struct net_tls_client *client = rg_memory_alloc(sizeof *client);
    atomic_init(&client->references, 1);
    client->context = SSL_CTX_new(TLS_client_method());
    client->method = net_stream_bio_method_new();
    if (client->context == NULL || client->method == NULL) {
        return fail_tls("cannot set up TLS");
    }
    RG_TRY(set_up(client->context, host, ca_file));
    if (!is_numeric(host.data)) {
        client->server_name = rg_memory_alloc(host.size + 1);
        memcpy(client->server_name, host.data, host.size);
    }
    *out_client = net_tls_client_ref(client);
    return RG_OK;
}

struct net_tls_client *net_tls_client_ref(struct net_tls_client *client)
{
    atomic_fetch_add(&client->references, 1);
    return client;
}

void net_tls_client_release(struct net_tls_client **client)
{
    struct net_tls_client *old = *client;
    *client = NULL;
    if (old != NULL && atomic_fetch_sub(&old->references, 1) == 1) {
        SSL_CTX_free(old->context);
        BIO_meth_free(old->method);
        rg_memory_free(old->server_name);
        rg_memory_free(old);
    }
}

SSL *net_tls_client_start(const struct net_tls_client *client, struct net_stream *stream)
{
    SSL *ssl = net_tls_on_stream(client->context, client->method, stream);
    if (ssl != NULL && client->server_name != NULL && SSL_set_tlsext_host_name(ssl, client->server_name) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    if (ssl != NULL) {
        SSL_set_connect_state(ssl);
    }
    return ssl;
}
