/* SPDX-License-Identifier: Apache-2.0 */
/* How many requests a minute: of a client address before anything else is done for it, of a tenant as soon as it is
 * known. The buckets are the gateway's, one table each, so that a flood of addresses takes no tenant's place. */
#include <stdio.h>

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
    uint32_t limit = request->listener->requests_per_minute_per_address;
    struct rate_answer answer =
        rate_take(request->worker->gateway->address_rate, rate_address_key(request->client_address, key), limit);
    char text[160];
    (void)snprintf(text, sizeof text,
                   "Too many requests from this address: the limit is requests_per_minute_per_address = %u. Try again "
                   "in %u s.",
                   limit, answer.retry_after_seconds);
    return judge(request, answer, "http.limit.address", text);
}

enum http_step_result http_step_tenant_limit(struct http_request *request)
{
    char key[RATE_KEY_MAX];
    if (!request->has_tenant) {
        return HTTP_STEP_NEXT; /* what asks no identity; all else stops at the next step */
    }
    struct config_limits limits = config_limits_find(request->snapshot->config, &request->tenant.route);
    struct rate_answer answer =
        rate_take(request->worker->gateway->tenant_rate, rate_tenant_key(request->tenant.id, key),
                  (uint32_t)limits.values[CONFIG_LIMIT_REQUESTS_PER_MINUTE]);
    char said[CONFIG_LIMIT_WORDS];
    char text[CONFIG_LIMIT_WORDS + 128];
    config_limit_say(&limits, CONFIG_LIMIT_REQUESTS_PER_MINUTE, request->tenant.id, said);
    (void)snprintf(text, sizeof text, "Too many requests of your organisation: the limit is %s. Try again in %u s.",
                   said, answer.retry_after_seconds);
    return judge(request, answer, "http.limit.tenant", text);
}
