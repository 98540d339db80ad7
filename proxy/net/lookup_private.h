/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_LOOKUP_PRIVATE_H
#define RG_PROXY_NET_LOOKUP_PRIVATE_H

#include "proxy/net/conninfo.h"

struct net_loop;

/* A conninfo's hosts with an address for each name, so that libpq never looks one up itself (it
 * would block the loop). host stays, for verify-full. */
struct net_hosts {
    char *host; /* libpq's comma-separated lists, equally long; NULL = not set */
    char *hostaddr;
    char *port;
    size_t count;
    char error[256]; /* "" = all found that is needed */
};

/* One running lookup. */
struct net_lookup;

/* on_done comes once, later, on the loop; hosts is valid for the call. The lookup is over then.
 * Returns: RG_LIMIT when too many wait, RG_INTERNAL when a name needs the loop's missing offload. */
rg_status net_lookup_start(struct net_loop *loop, struct net_conninfo *conninfo,
                           void (*on_done)(void *context, const struct net_hosts *hosts), void *context,
                           struct net_lookup **out_lookup) RG_MUST_CHECK;
/* on_done will not come. Accepts NULL. */
void net_lookup_abandon(struct net_lookup **lookup);

#endif
