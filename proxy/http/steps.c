/* SPDX-License-Identifier: Apache-2.0 */
/* The road of a request, as a table: read it from top to bottom. An address that nothing has opened is closed
 * (DESIGN.md law L1). */
#include "proxy/http/cache_guard.h"
#include "proxy/http/endpoints.h"
#include "proxy/http/forward.h"
#include "proxy/http/gate.h"
#include "proxy/http/pages_private.h"
#include "proxy/http/reply.h"
#include "proxy/http/steps_private.h"

/* Only names that are ours: a page on another name would be another site to the browser. */
static enum http_step_result check_host(struct http_request *request)
{
    bool is_ours = rg_slice_is_equal(request->authority, request->listener->public_authority);
    for (size_t i = 0; !is_ours && i < request->listener->name_count; i++) {
        is_ours = rg_slice_is_equal(request->authority, request->listener->names[i]);
    }
    if (!is_ours) {
        request->must_close = true;
        http_reply_problem(request, 421, "http.host", "This name is not served here.");
        return HTTP_STEP_DONE;
    }
    return HTTP_STEP_NEXT;
}

/* Own endpoints first: nothing below their prefix ever reaches the upstream. */
static enum http_step_result serve(struct http_request *request)
{
    if (request->endpoint != NULL) {
        request->endpoint->run(request);
    } else {
        http_forward(request);
    }
    return HTTP_STEP_DONE;
}

const struct http_step http_steps[] = {
    {"address_limit", http_step_address_limit}, /* step_limits.c: before anything is done for it */
    {"host", check_host},                       /* a name of ours */
    {"endpoint", http_step_endpoint},           /* endpoints.c: our own addresses end here */
    {"route", http_step_route},
    {"patience", http_step_patience}, /* guest_patience.c: of a page that would give up */
    {"caller", http_step_caller},     /* step_caller.c: by which credential, and whose */
    {"tenant_limit", http_step_tenant_limit},
    {"permit", http_step_permit},
    {"identity", http_step_identity}, /* step_identity.c */
    {"cache_guard", http_step_cache_guard},
    {"gate", http_step_gate}, /* gate.c: what changes something is on record before it is sent on */
    {"serve", serve},
};
const size_t http_step_count = sizeof http_steps / sizeof http_steps[0];
