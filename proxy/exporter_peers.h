/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_EXPORTER_PEERS_H
#define RG_PROXY_EXPORTER_PEERS_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

struct net_tls;

/* [audit.cluster] listen: answers the other nodes of the cluster (audit/export/peer.h) over HTTP, in a thread of its
 * own.
 */
struct exporter_peers;

/* directory: of the log; listen: "host:port"; tls NULL = cleartext on loopback. RG_CONFIG when it cannot listen,
 * RG_STORAGE when the directory cannot be opened. */
rg_status exporter_peers_open(const char *directory, struct rg_slice listen, struct net_tls *tls,
                              struct exporter_peers **out_peers) RG_MUST_CHECK;
void exporter_peers_close(struct exporter_peers **peers); /* nulls, accepts NULL */

#endif
