/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_ADMIN_H
#define RG_PROXY_CONFIG_ADMIN_H

#include "base/rg_slice.h"

struct config_tls;

/* [admin]: what operators and their programs see. Part of the snapshot (proxy/config.h). */
struct config_admin {
    struct rg_slice metrics;              /* "host:port"; empty = no listener for /metrics, /livez, /readyz */
    const struct config_tls *metrics_tls; /* NULL = cleartext, on a loopback address; no other listener's */
    unsigned max_tenants;                 /* of [server] metrics_max_tenants; 0 = no label says a tenant */
};

#endif
