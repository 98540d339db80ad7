/* SPDX-License-Identifier: Apache-2.0 */
/* How many requests a minute: of a client address before anything else is done for it, of a tenant as soon as it is
 * known. The buckets are the gateway's, one table each, so that a flood of addresses takes no tenant's place. */
#include "proxy/http/reply.h"
#include "proxy/http/steps_private.h"
#include "proxy/rate.h"
#include "proxy/worker.h"

static enum http_step_result judge(struct http_request *request, struct rate_answer answer, const char *rule,
                                   const char *text)
{
    if (answer.is_allowed) {
        return HTTP_STEP_NEXT;
    }
    http_reply_later(request, 429, answer.retry_after_seconds, rule, text);
    return HTTP_STEP_DONE;
}

enum http_step_result http_step_address_limit(struct http_request *request)
{
    char key[RATE_KEY_MAX];
    struct rate_answer answer =
        rate_take(request->worker->gateway->address_rate, rate_address_key(request->client_address, key),
                  request->listener->requests_per_minute_per_address);
    return judge(request, answer, "http.limit.address", "Too many requests from this address.");
}

enum http_step_result http_step_tenant_limit(struct http_request *request)
{
    char key[RATE_KEY_MAX];
    if (!request->has_tenant) {
        return HTTP_STEP_NEXT; /* what asks no identity; all else stops at the next step */
    }
    const struct config_limits *limits = config_limits_find(request->snapshot->config, &request->tenant.route);
    struct rate_answer answer = rate_take(request->worker->gateway->tenant_rate,
                                          rate_tenant_key(request->tenant.id, key), limits->requests_per_minute);
    return judge(request, answer, "http.limit.tenant", "Too many requests of your organisation.");
}
