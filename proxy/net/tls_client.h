/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_TLS_CLIENT_H
#define RG_PROXY_NET_TLS_CLIENT_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* The TLS settings towards one HTTPS upstream: TLS 1.2 and later, its certificate verified against authorities and its
 * own name. Immutable and reference-counted. Any thread. */
struct net_tls_client;

/* host: a name or a numeric address, NUL-terminated behind the slice; ca_file: PEM, empty = the system's authorities.
 * Returns: RG_CONFIG when the file is not usable. Blocks on it. */
rg_status net_tls_client_new(struct rg_slice host, struct rg_slice ca_file,
                             struct net_tls_client **out_client) RG_MUST_CHECK;
struct net_tls_client *net_tls_client_ref(struct net_tls_client *client);
void net_tls_client_release(struct net_tls_client **client); /* accepts NULL */

#endif
