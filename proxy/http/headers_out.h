/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_HEADERS_OUT_H
#define RG_PROXY_HTTP_HEADERS_OUT_H

#include "base/rg_arena.h"
#include "base/rg_slice.h"
#include "base/rg_status.h"

/* What answers say about framing, and the origins that may frame a tenant's dashboards. Pure; any thread. */

/* An origin that frame-ancestors may name (CSP Level 3, 6.4.2): "https://app.example.com", with a port, or with
 * "*." in front of the host; http:// only of localhost and 127.0.0.1. No path, nothing that could end a directive. */
bool http_origin_is_valid(struct rg_slice text);

/* The Content-Security-Policy with which an answer leaves: policy's directives as they are, nonces included, but for
 * frame-ancestors, which becomes 'self' and the origins, or 'none' without any and without is_self. policy: one header
 * line's value, empty = there is none. Several policies in one line (joined by commas) each get it.
 * Returns: RG_PROTOCOL when policy holds control characters; RG_LIMIT when the arena is full. */
rg_status http_csp_frame(struct rg_slice policy, bool is_self, const struct rg_slice *origins, size_t origin_count,
                         struct rg_arena *arena, struct rg_slice *out_policy) RG_MUST_CHECK;

#endif
