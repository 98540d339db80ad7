/* SPDX-License-Identifier: Apache-2.0 */
/* The refusals of the edge as values. The table is refusals.def. */
#include "proxy/http/refusal.h"

#include "base/rg_status.h"

static const struct http_refusal refusals[] = {
#define HTTP_REFUSAL(name, status, rule, text) {status, rule, text},
#include "proxy/http/refusals.def"
#undef HTTP_REFUSAL
};

struct http_refusal http_refusal_of(enum http_refusal_id id)
{
    RG_ASSERT(id < HTTP_REFUSAL_COUNT);
    return refusals[id];
}
