/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SPARES_H
#define RG_PROXY_SPARES_H

#include "base/rg_crypto.h"
#include "proxy/net/upstream.h"

/* Connections to a PgBouncer between the session that is over and the next one. Clients like Superset connect for every
 * statement; a login costs rowgate and PgBouncer some ten thousand hashes, each time the same. In transaction mode such
 * a connection holds nothing of whoever used it: each transaction may run on another server session anyway. Still each
 * has an owner, what its sessions may see, and serves nobody else: an answer that came late or twice would be the next
 * one's.
 *
 * Threads: its loop's, the free too. */
struct spares;

enum {
    SPARES_MAX = 8, /* of one loop: PgBouncer counts them among its clients */
    SPARES_IDLE_MS = 10000,
    SPARES_AGE_MS = 300000,
};

/* idle_ms: unused for so long, it is closed. age_ms: open for so long, it is closed instead of kept, so that a login
 * that was taken away ends. */
struct spares *spares_new(struct net_loop *loop, uint64_t idle_ms, uint64_t age_ms);
void spares_free(struct spares **spares);     /* closes what there is; accepts NULL */
void spares_close_all(struct spares *spares); /* accepts NULL */

/* Takes an upstream that is open, idle and outside a transaction: kept, or closed when it is too old or has anything to
 * say. The one that waits longest makes room. */
void spares_put(struct spares *spares, const struct rg_digest *owner, struct net_upstream **upstream);
/* The caller's from here on, without events: the owner's that was kept last, of those opened with this very conninfo,
 * so that nothing outlives a reload. NULL = none. */
struct net_upstream *spares_take(struct spares *spares, const struct rg_digest *owner,
                                 const struct net_conninfo *conninfo);
size_t spares_count(const struct spares *spares);

#endif
