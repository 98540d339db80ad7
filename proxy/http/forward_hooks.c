/* SPDX-License-Identifier: Apache-2.0 */
/* Who sees answers before they leave, in order. Whose they are first, then headers, then the gate of the audit log, so
 * that what is recorded is what leaves. */
#include "proxy/http/cache_guard.h"
#include "proxy/http/forward.h"
#include "proxy/http/gate.h"
#include "proxy/http/guest.h"
#include "proxy/http/metrics_hook.h"
#include "proxy/http/pages_private.h"

const struct http_response_hooks http_hooks[] = {
    {.name = "cache_guard",
     .on_head = http_cache_guard_on_head,
     .on_ahead = http_cache_guard_on_ahead,
     .on_end = http_cache_guard_on_end,
     .on_free = http_cache_guard_on_free},
    {.name = "headers", .on_head = http_headers_on_head}, /* headers_hook.c */
    {.name = "gate", .on_head = http_gate_on_head, .on_end = http_gate_on_end},
    {.name = "patience", .on_end = http_patience_on_end}, /* guest_patience.c */
    {.name = "metrics", .on_end = http_metrics_on_end},
};
const size_t http_hook_count = sizeof http_hooks / sizeof http_hooks[0];
