/* SPDX-License-Identifier: Apache-2.0 */
/* What the HTTP plane counts: each request once, at its end, whatever came of it. */
#include "proxy/http/metrics_hook.h"

#include "proxy/http/request_private.h"
#include "proxy/http/route.h"
#include "proxy/worker.h"

void http_metrics_on_connection(const struct worker *worker, bool is_open)
{
    if (!is_open) {
        metrics_drop(worker->metrics, METRICS_CONNECTIONS, METRICS_SERIES(METRICS_HTTP));
        return;
    }
    metrics_add(worker->metrics, METRICS_CONNECTIONS, METRICS_SERIES(METRICS_HTTP), 1);
    metrics_add(worker->metrics, METRICS_CONNECTIONS_TOTAL, METRICS_SERIES(METRICS_HTTP), 1);
}

void http_metrics_on_login(const struct worker *worker, bool is_accepted)
{
    enum metrics_login result = is_accepted ? METRICS_LOGIN_ACCEPTED : METRICS_LOGIN_REFUSED;
    metrics_add(worker->metrics, METRICS_LOGINS, METRICS_SERIES(METRICS_HTTP, result), 1);
}

void http_metrics_on_leak(const struct worker *worker, bool has_left)
{
    if (!has_left) {
        metrics_add(worker->metrics, METRICS_CACHE_LEAKS, METRICS_SERIES(0), 1);
    }
}

static void count_decision(const struct http_request *request, struct metrics_block *block)
{
    bool is_denied = request->rule.size > 0;
    struct rg_slice id = request->has_tenant ? request->tenant.id : (struct rg_slice){0};
    unsigned tenant = metrics_block_name(block, METRICS_TENANTS, id);
    enum metrics_decision decision = is_denied ? METRICS_DENIED : METRICS_ALLOWED;
    metrics_add(block, METRICS_DECISIONS, METRICS_SERIES(METRICS_HTTP, tenant, decision), 1);
    if (is_denied) {
        unsigned rule = metrics_block_name(block, METRICS_RULES, request->rule);
        metrics_add(block, METRICS_DENIALS, METRICS_SERIES(METRICS_HTTP, rule), 1);
    }
}

void http_metrics_on_end(struct http_request *request, enum http_end end)
{
    struct metrics_block *block = request->worker->metrics;
    unsigned class_of_route = request->route == NULL ? HTTP_ROUTE_NONE : request->route->class;
    bool is_answered = request->status >= 100 && request->status < 600 && end == HTTP_END_COMPLETE;
    unsigned status = is_answered ? (unsigned)request->status / 100 : METRICS_STATUS_ABORTED;
    count_decision(request, block);
    metrics_add(block, METRICS_HTTP_REQUESTS, METRICS_SERIES(class_of_route, status), 1);
    if (request->begun_us != 0) {
        metrics_observe(block, METRICS_HTTP_SECONDS, METRICS_SERIES(class_of_route),
                        net_loop_now_us(request->worker->loop) - request->begun_us);
    }
}
