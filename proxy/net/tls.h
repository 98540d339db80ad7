/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_TLS_H
#define RG_PROXY_NET_TLS_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* A server's TLS settings: certificate chain, key, versions. Immutable and reference-counted, so that
 * a reload swaps it while handshakes go on with the old one. Any thread. */
struct net_tls;

enum net_tls_version { NET_TLS_1_2 = 0, NET_TLS_1_3 };

/* certificate_pem: leaf first, then its chain; key_pem: its unencrypted private key. Both borrowed.
 * TLS 1.2 and later; no compression, renegotiation, tickets or session cache; the server's order of
 * ciphers; a client that sends ALPN must offer "postgresql" (else alert 120, no_application_protocol).
 * Returns: RG_CONFIG with what is wrong (unreadable, encrypted, key of another certificate, expired
 * is not an error: see net_tls_expires_at_us). No error text holds key bytes. */
rg_status net_tls_server_new(struct rg_slice certificate_pem, struct rg_slice key_pem, enum net_tls_version min_version,
                             struct net_tls **out_tls) RG_MUST_CHECK;
/* From now on for our own HTTPS endpoints (proxy/net/http_service.h) and nothing else: ALPN, where a client sends it,
 * must offer "http/1.1". Before its first connection. */
void net_tls_use_http(struct net_tls *tls);
struct net_tls *net_tls_ref(struct net_tls *tls);
void net_tls_release(struct net_tls **tls); /* accepts NULL */

/* The leaf's notAfter, microseconds since 1970. */
int64_t net_tls_expires_at_us(const struct net_tls *tls);
/* The channel binding data tls-server-end-point (RFC 5929 4.1): a hash of the leaf. Lives with tls. */
struct rg_slice net_tls_server_end_point(const struct net_tls *tls);

#endif
