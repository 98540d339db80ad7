/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_CONNINFO_H
#define RG_PROXY_NET_CONNINFO_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* Where and how to reach an upstream: a libpq connection string, parsed once when the configuration
 * loads. Immutable but for ask_path, reference-counted (a reload may drop it while sessions open). Any thread. */
struct net_conninfo;

/* dsn: any form libpq takes (keywords or URI); password: empty or the secret, which wins over one in
 * dsn. Added unless given: gssencmode=disable, fallback_application_name=rowgate, client_encoding=UTF8.
 * pins_settings (a PostgreSQL, not PgBouncer, which takes no options): search_path=pg_catalog and
 * standard_conforming_strings=on are appended to options and so win; jit=off stands before them.
 * Returns: RG_CONFIG with libpq's own words for unknown keywords and bad values, for a client_encoding
 * other than UTF8, for gssencmode other than disable (the relay needs the raw socket or TLS) and for
 * replication. No error text holds the dsn or a password. */
rg_status net_conninfo_parse(struct rg_slice dsn, struct rg_slice password, bool pins_settings,
                             struct net_conninfo **out_conninfo) RG_MUST_CHECK;
/* For a pooler that takes no options: the next session's search_path is asked for, and so on until one was pg_catalog;
 * any other ends the opening. Off at first. */
void net_conninfo_ask_path(struct net_conninfo *conninfo, bool is_asked);
struct net_conninfo *net_conninfo_ref(struct net_conninfo *conninfo);
void net_conninfo_release(struct net_conninfo **conninfo); /* wipes with the last; accepts NULL */

/* As given; NULL when the dsn does not say. Live with conninfo. */
const char *net_conninfo_dbname(const struct net_conninfo *conninfo);
const char *net_conninfo_user(const struct net_conninfo *conninfo);
const char *net_conninfo_host(const struct net_conninfo *conninfo);

#endif
