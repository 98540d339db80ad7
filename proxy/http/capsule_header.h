/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_CAPSULE_HEADER_H
#define RG_PROXY_HTTP_CAPSULE_HEADER_H

#include "auth/capsule.h"
#include "proxy/http/request.h"

/* The identity capsule of a request's caller (auth/capsule.h): in a header to the upstream that no client can set
 * (proxy/http/strip.h), which deploy/superset_config.py hands to the SQL plane as the password. */

#define HTTP_CAPSULE_HEADER "x-rowgate-capsule"
#define HTTP_VIEW_SECRET_HEADER "x-rowgate-cache-secret" /* auth/view_secret.h */

/* What is not the request's own. All borrowed. */
struct http_capsule_wish {
    enum auth_capsule_purpose purpose;
    int64_t lifetime_us; /* cut to the end of the credential behind it */
    bool is_guest;
    size_t resource_count;
    const struct rg_slice *resources;
};

/* The text of one for the caller and tenant that the steps found, with the request's reference.
 * Returns: RG_DENIED without caller, tenant or [state]; RG_LIMIT for a caller who does not fit into a header, or when
 * the request's memory is full. Output untouched then. Owns: *out_text lives as long as the request. */
rg_status http_capsule_make(struct http_request *request, const struct http_capsule_wish *wish,
                            struct rg_slice *out_text) RG_MUST_CHECK;

#endif
