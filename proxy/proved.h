/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PROVED_H
#define RG_PROXY_PROVED_H

#include <stdlib.h>

#include "proxy/net/upstream.h"

/* The fence of a shared table relies on a planner that does not look through MATERIALIZED: not proved from 17 on
 * (reference leaks.md), so refused. Hyper calls itself 9.1. */
enum { FIRST_UNPROVED_MAJOR = 17 };

#define UNPROVED_REASON                                                                                                \
    "PostgreSQL 17 and later are not supported: its planner has not been proved not to look through the fence of "     \
    "shared tables"

/* Whether rewritten text may be sent to this upstream, which is open. Any thread. */
static inline bool is_proved_version(const struct net_upstream *upstream)
{
    const char *version = net_upstream_parameter(upstream, "server_version");
    return version != NULL && strtol(version, NULL, 10) < FIRST_UNPROVED_MAJOR;
}

#endif
