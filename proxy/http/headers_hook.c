/* SPDX-License-Identifier: Apache-2.0 */
/* What every answer says to browsers, the upstream's and ours: who may frame it, that its type is not to be guessed,
 * that only TLS leads here, that nobody keeps it. */
#include "proxy/http/guest.h"
#include "proxy/http/headers_out.h"
#include "proxy/http/page.h"
#include "proxy/http/pages_private.h"
#include "proxy/http/route.h"

static bool starts_with(const struct http_response_head *head, const char *name, const char *prefix)
{
    struct rg_slice value = {0};
    return http_response_find(head, rg_slice_of(name), &value) && rg_slice_has_prefix(value, rg_slice_of(prefix));
}

static bool has_line(const struct http_response_head *head, const char *name)
{
    struct rg_slice wanted = rg_slice_of(name);
    for (size_t i = 0; i < head->header_count; i++) {
        if (rg_slice_is_equal(head->headers[i].name, wanted)) {
            return true;
        }
    }
    return false;
}

/* All policies that the upstream sent, as one line: a browser enforces each of them, so none may be lost. */
static rg_status join_policies(struct http_request *request, const struct http_response_head *head,
                               struct rg_slice *out_policy)
{
    struct rg_slice joined = {0};
    for (size_t i = 0; i < head->header_count; i++) {
        struct rg_slice one = head->headers[i].value;
        if (!rg_slice_is_equal(head->headers[i].name, RG_SLICE("content-security-policy"))) {
            continue;
        }
        if (joined.size == 0) {
            joined = one;
        } else {
            RG_TRY(rg_arena_printf(&request->arena, &joined, "%.*s, %.*s", (int)joined.size, joined.data, (int)one.size,
                                   one.size == 0 ? "" : one.data));
        }
    }
    *out_policy = joined;
    return RG_OK;
}

/* Our own pictures may be SVG: opened by themselves they run nothing. */
static struct rg_slice own_policy(const struct http_response_head *head)
{
    return starts_with(head, "content-type", "text/html")
               ? RG_SLICE(HTTP_PAGE_CSP)
               : RG_SLICE("default-src 'none'; style-src 'unsafe-inline'; sandbox");
}

static rg_status set_frame(struct http_request *request, struct http_response_head *head)
{
    const struct tenant_face *face = request->has_tenant ? request->tenant.face : http_page_asked_face(request);
    struct rg_slice policy = {0};
    RG_TRY(join_policies(request, head, &policy));
    if (head->is_ours && policy.size == 0) {
        policy = own_policy(head);
    }
    const struct rg_slice *origins = face == NULL ? NULL : face->frame_ancestors;
    size_t origin_count = face == NULL ? 0 : face->frame_ancestor_count;
    if (request->route != NULL && request->route->class == HTTP_ROUTE_GUEST) {
        RG_TRY(http_guest_page_ancestors(request, &origins, &origin_count));
    }
    RG_TRY(http_csp_frame(policy, true, origins, origin_count, &request->arena, &policy));
    http_response_drop(head, RG_SLICE("x-frame-options")); /* it knows one origin at most, and frame-ancestors rules */
    return http_response_set(request, head, RG_SLICE("content-security-policy"), policy);
}

/* What names its caller is nobody else's, also in one browser: there the pages of two tenants may ask for the same
 * address, and what the browser gave out again would be on no record and outlive the session. So the upstream's word
 * counts for what is nobody's alone (RFC 9111 5.2.2.5 and .7; RFC 9213's ways around them are not passed on). */
static rg_status set_cache(struct http_request *request, struct http_response_head *head)
{
    struct rg_slice value = request->has_tenant ? RG_SLICE("private, no-store") : RG_SLICE("no-cache");
    if (has_line(head, "cache-control") && (head->is_ours || !request->has_tenant)) {
        return RG_OK;
    }
    if (request->has_tenant) {
        http_response_drop(head, RG_SLICE("expires"));
    }
    return http_response_set(request, head, RG_SLICE("cache-control"), value);
}

static rg_status set_all(struct http_request *request, struct http_response_head *head)
{
    RG_TRY(set_frame(request, head));
    RG_TRY(http_response_set(request, head, RG_SLICE("strict-transport-security"), RG_SLICE("max-age=31536000")));
    RG_TRY(http_response_set(request, head, RG_SLICE("x-content-type-options"), RG_SLICE("nosniff")));
    if (!has_line(head, "referrer-policy")) {
        RG_TRY(
            http_response_set(request, head, RG_SLICE("referrer-policy"), RG_SLICE("strict-origin-when-cross-origin")));
    }
    RG_TRY(http_guest_share(request, head));
    return set_cache(request, head);
}

enum http_step_result http_headers_on_head(struct http_request *request, struct http_response_head *head)
{
    return rg_is_ok(set_all(request, head)) ? HTTP_STEP_NEXT : HTTP_STEP_DONE; /* without them it must not leave */
}
