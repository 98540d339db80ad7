/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_PROBE_H
#define RG_PROXY_HTTP_PROBE_H

#include "proxy/http/request.h"

/* One GET to the upstream on behalf of a request, beside it: what a resource is before and after a change. As the same
 * user (the headers that http_forward_set_header gave the request), over the same pool, kept whole: bounded in size and
 * time. */

enum { HTTP_PROBE_BYTES = 1024 * 1024, HTTP_PROBE_MS = 5000 };

struct http_probe_answer {
    int status;           /* 0 = there was no whole answer */
    struct rg_slice body; /* borrowed for the call */
    const char *why;      /* status 0: "no answer", "too large", ...; static */
};

struct http_probe;

/* path: one of ours, percent-encoded where it must be. done is called once, never before this returns, unless the probe
 * is dropped; the request is held until then.
 * Returns: RG_LIMIT when the request's memory is full; done is not called then. */
rg_status http_probe_start(struct http_request *request, struct rg_slice path,
                           void (*done)(void *context, const struct http_probe_answer *answer), void *context,
                           struct http_probe **out_probe) RG_MUST_CHECK;
/* Gives it up: done is not called. Nulls, accepts NULL. */
void http_probe_drop(struct http_probe **probe);

#endif
