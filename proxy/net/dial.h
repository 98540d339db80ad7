/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_DIAL_H
#define RG_PROXY_NET_DIAL_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

struct net_loop;
struct net_stream;
struct net_tls_client;

/* A connection to an upstream by name or address: the name is looked up on the loop's offload, the addresses are tried
 * one after the other, TLS is spoken where there is to be some. Threads: the loop's. */
struct net_dial;

struct net_dial_options {
    struct rg_slice host; /* a name or a numeric address without brackets; copied */
    uint16_t port;
    struct net_tls_client *tls; /* NULL = cleartext; a reference is kept */
    uint64_t deadline_ms;       /* of all of it */
};

/* on_done comes once and never before this returns: with the stream, which is the receiver's then and has no events
 * yet, or with NULL and a line that says why. The dial is over in both cases.
 * Returns: RG_LIMIT when too many lookups wait; RG_INTERNAL for a name on a loop without offload. */
rg_status net_dial_start(struct net_loop *loop, const struct net_dial_options *options,
                         void (*on_done)(void *context, struct net_stream *stream, const char *error), void *context,
                         struct net_dial **out_dial) RG_MUST_CHECK;
/* on_done will not come. Nulls, accepts NULL. */
void net_dial_cancel(struct net_dial **dial);

#endif
