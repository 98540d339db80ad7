/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_CONNINFO_PRIVATE_H
#define RG_PROXY_NET_CONNINFO_PRIVATE_H

#include "proxy/net/conninfo.h"

enum { NET_CONNINFO_MAX = 64 }; /* keywords; libpq 15 knows 41 */

/* The resolved settings, for PQconnectStartParams: count pairs, without empty values. */
struct net_conninfo_pairs {
    size_t count;
    const char *keywords[NET_CONNINFO_MAX + 1]; /* NULL-terminated */
    const char *values[NET_CONNINFO_MAX + 1];
};

void net_conninfo_list(const struct net_conninfo *conninfo, struct net_conninfo_pairs *out_pairs);
bool net_conninfo_is_path_asked(const struct net_conninfo *conninfo);
/* NULL when not set. */
const char *net_conninfo_value(const struct net_conninfo *conninfo, const char *keyword);

/* libpq's words as one line: line breaks become "; ", the last one goes. */
void net_conninfo_one_line(const char *text, char *out_text, size_t size);

#endif
