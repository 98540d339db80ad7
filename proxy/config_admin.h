/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_ADMIN_H
#define RG_PROXY_CONFIG_ADMIN_H

#include "base/rg_slice.h"

struct config_tls;

/* What somebody may do at the console; a set of bits. */
enum config_console_role {
    CONFIG_CONSOLE_NOBODY = 0, /* is not let in */
    CONFIG_CONSOLE_ADMIN = 1,
    CONFIG_CONSOLE_STATS = 2,
    CONFIG_CONSOLE_AUDITOR = 4,
};

enum { CONFIG_CONSOLE_NAME_MAX = 63 /* bytes */ };

struct config_console_users {
    size_t count;
    const struct rg_slice *names;
};

/* [admin]: what operators and their programs see. Part of the snapshot (proxy/config.h). */
struct config_admin {
    struct rg_slice metrics;              /* "host:port"; empty = no listener for /metrics, /livez, /readyz */
    const struct config_tls *metrics_tls; /* NULL = cleartext, on a loopback address; no other listener's */
    struct rg_slice console;              /* path of its UNIX socket; empty = no console */
    struct config_console_users admins, stats, auditors;
    unsigned max_tenants; /* of [server] metrics_max_tenants; 0 = no label says a tenant */
};

/* The roles of that name, enum config_console_role: none for who is in no list. Pure. */
unsigned config_console_roles(const struct config_admin *admin, struct rg_slice name);

#endif
