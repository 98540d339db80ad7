/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_TLS_NAMES_H
#define RG_PROXY_NET_TLS_NAMES_H

#include "proxy/net/tls.h"

/* Several certificates behind one HTTPS address: which is shown is chosen by the name that the client asks for (SNI,
 * RFC 6066 3), among the names the certificates say themselves. Immutable and reference-counted; it must live as long
 * as a handshake with it. Any thread. */
struct net_tls_names;

/* servers: at least one; the first is shown to clients that name nothing known. Their certificates and keys are used,
 * not their settings: these are HTTPS's own, ALPN "http/1.1", and "h2" before it where allows_http2; a client that
 * offers neither is refused, one that sends no ALPN speaks HTTP/1.1. Returns: RG_CONFIG when OpenSSL cannot. */
rg_status net_tls_names_new(struct net_tls *const *servers, size_t count, bool allows_http2,
                            struct net_tls_names **out_names) RG_MUST_CHECK;
struct net_tls_names *net_tls_names_ref(struct net_tls_names *names);
void net_tls_names_release(struct net_tls_names **names); /* accepts NULL */

/* OpenSSL's object, for h2o_socket_ssl_handshake. Lives with names. */
struct ssl_ctx_st *net_tls_names_context(const struct net_tls_names *names);
/* Whether the certificate of servers[at] is for host. */
bool net_tls_names_covers(const struct net_tls_names *names, size_t at, const char *host);

#endif
