/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_METRICS_HOOK_H
#define RG_PROXY_HTTP_METRICS_HOOK_H

#include "proxy/http/request.h"

struct worker;

/* Counters of the HTTP plane (proxy/metrics.h). On the worker's thread. */
void http_metrics_on_connection(const struct worker *worker, bool is_open);
void http_metrics_on_login(const struct worker *worker, bool is_accepted);
/* An answer of Superset's cache was made for another view: kept back, unless it has left. */
void http_metrics_on_leak(const struct worker *worker, bool has_left);
/* The last hook of an answer (proxy/http/forward_hooks.c). */
void http_metrics_on_end(struct http_request *request, enum http_end end);

#endif
