/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_ROUTE_POLICY_PRIVATE_H
#define RG_PROXY_HTTP_ROUTE_POLICY_PRIVATE_H

#include "proxy/http/route_policy.h"
#include "proxy/http/route_private.h"

struct http_policy_compiled {
    bool is_usable; /* its path is a pattern */
    unsigned methods;
    struct http_pattern pattern;
};

/* The policies that may speak about a row, in their own order. */
struct http_policy_row {
    size_t count;
    size_t *policies;
};

struct http_route_policies {
    size_t row_count;
    const struct http_route *routes;
    struct http_policy_row *rows; /* row_count */
    size_t count;
    const struct http_route_policy *policies;
    struct http_policy_compiled *compiled; /* count */
};

bool http_route_has_slice(const struct rg_slice *list, size_t count, struct rg_slice text);
bool http_route_has_tenant(const struct http_route_policy *policy, struct rg_slice tenant);

/* Appends one finding for each policy that makes no sense and has none yet (route_faults.c). */
void http_route_faults(struct http_route_policies *policies, struct http_route_finding *findings,
                       size_t *finding_count);

#endif
