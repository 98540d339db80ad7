/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_ROUTES_H
#define RG_PROXY_CONFIG_ROUTES_H

#include "proxy/http/route_policy.h"

/* What a snapshot knows of routes: the table, and [[routes]] compiled for it. Immutable, lives as long as it. */
struct config_routes {
    const struct http_route_table *table;
    const struct http_route_policies *policies;
    bool has_roles;     /* [claims] has "roles", a text[] */
    size_t roles_claim; /* its index in config.claims */
};

#endif
