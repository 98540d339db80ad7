/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_CACHE_GUARD_H
#define RG_PROXY_HTTP_CACHE_GUARD_H

#include "proxy/http/forward.h"

/* The tripwire on charts' data: Superset keeps results under keys that need not say for whom (docs/cache-guard.md).
 * Each answer of such a route is held until it was read; one whose key was another view's before, and that came out of
 * the cache, is put on record as cache.leak, and with cache_guard = "refuse" it does not leave. What cannot be read
 * (compressed, larger than cache_guard_max, no JSON) does not leave either.
 *
 * It is a second look: that keys and views go together is the work of the guest token's clause and of
 * deploy/superset_config.py. Files (CSV, XLSX, ZIP) carry no key, and pass. */

/* The row "cache_guard" of http_steps: the upstream must not compress what is read here. */
enum http_step_result http_step_cache_guard(struct http_request *request);
/* The row "cache_guard" of http_hooks: before the gate, so that what is recorded is what leaves. */
enum http_step_result http_cache_guard_on_head(struct http_request *request, struct http_response_head *head);
void http_cache_guard_on_ahead(struct http_request *request, struct http_response_head *head, struct rg_slice bytes,
                               bool is_whole);
void http_cache_guard_on_end(struct http_request *request, enum http_end end);
void http_cache_guard_on_free(struct http_request *request);

/* What one worker holds of such answers, all requests together, until their clients have taken them. */
enum { HTTP_CACHE_GUARD_HELD_MAX = 256 << 20 };

#endif
