/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_CONNINFO_H
#define RG_PROXY_NET_CONNINFO_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* Where and how to reach an upstream: a libpq connection string, parsed once when the configuration
 * loads. Immutable, reference-counted (a reload may drop it while sessions open). Any thread. */
struct net_conninfo;

/* Settings that each session is opened with. */
enum net_conninfo_pins { NET_CONNINFO_PINS_NONE = 0, NET_CONNINFO_PINS_POSTGRES, NET_CONNINFO_PINS_HYPER };

/* dsn: any form libpq takes (keywords or URI); password: empty or the secret, which wins over one in
 * dsn. Added unless given: gssencmode=disable, fallback_application_name=rowgate, client_encoding=UTF8.
 * pins: POSTGRES (not PgBouncer, which takes no options): search_path=pg_catalog and standard_conforming_strings=on
 * are appended to options and so win; jit=off stands before them. HYPER: a search_path that finds no table.
 * Returns: RG_CONFIG with libpq's own words for unknown keywords and bad values, for a client_encoding
 * other than UTF8, for gssencmode other than disable (the relay needs the raw socket or TLS) and for
 * replication. No error text holds the dsn or a password. */
rg_status net_conninfo_parse(struct rg_slice dsn, struct rg_slice password, enum net_conninfo_pins pins,
                             struct net_conninfo **out_conninfo) RG_MUST_CHECK;
struct net_conninfo *net_conninfo_ref(struct net_conninfo *conninfo);
void net_conninfo_release(struct net_conninfo **conninfo); /* wipes with the last; accepts NULL */

/* Whether both open the same session: every setting, password included, and the files of certificates and passwords
 * that the settings name, as they were when each was parsed. */
bool net_conninfo_is_equal(const struct net_conninfo *a, const struct net_conninfo *b);

/* As given; NULL when the dsn does not say. Live with conninfo. */
const char *net_conninfo_dbname(const struct net_conninfo *conninfo);
const char *net_conninfo_user(const struct net_conninfo *conninfo);
const char *net_conninfo_host(const struct net_conninfo *conninfo);
const char *net_conninfo_port(const struct net_conninfo *conninfo);

#endif
