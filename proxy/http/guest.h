/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_GUEST_H
#define RG_PROXY_HTTP_GUEST_H

#include "proxy/http/forward.h"
#include "tenants/tenants.h"

/* Guests: browsers that show an embedded dashboard on another site's page, with a token that rowgate alone makes
 * (auth/guest_token.h). docs/guest-tokens.md is the whole story. */

/* Of a request that came with a guest token which was found good. Lives in the request's arena. */
struct http_guest {
    struct rg_slice id; /* of the token: the reference of the request that asked for it */
    size_t resource_count;
    const struct rg_slice *resources; /* embedded dashboards: UUIDs, all of them the tenant's */
};

/* Whether this tenant's dashboards may be embedded: one UUID, in lower case. Pure. */
bool http_guest_may_embed(const struct tenant_face *face, struct rg_slice uuid);

/* ---- where the token stands (guest_form.c) ---- */

/* The guest token of a form, decoded, as Superset would take it out of req.form: application/x-www-form-urlencoded and
 * multipart/form-data. *out_has false: there is no field of that name.
 * Returns: ok; RG_PROTOCOL when the field stands there twice, or is written in a way that two readers could take for
 *          different things: nobody may guess then; RG_LIMIT when the arena is full. Outputs untouched then. Pure. */
rg_status http_guest_form_find(struct rg_slice content_type, struct rg_slice body, struct rg_arena *arena,
                               bool *out_has, struct rg_slice *out_token) RG_MUST_CHECK;

/* ---- requests with a token (guest_caller.c), for step_caller.c and step_identity.c ---- */

/* The token that the request carries, in its header or its form, for routes that take guests; elsewhere only the
 * header is looked at. RG_PROTOCOL: two that differ, or as above. */
rg_status http_guest_find(struct http_request *request, bool *out_has, struct rg_slice *out_token) RG_MUST_CHECK;
/* Who it stands for. HTTP_STEP_NEXT: request->guest, identity, tenant and session are set. Else it was answered. */
enum http_step_result http_guest_take(struct http_request *request, struct rg_slice token);
/* Puts the upstream's own token in the place of the client's. capsule: for the SQL plane (auth/capsule.h); may be
 * empty. */
rg_status http_guest_tell(struct http_request *request, struct rg_slice capsule) RG_MUST_CHECK;

/* ---- our own endpoint (guest_endpoint.c) ---- */

void http_guest_create(struct http_request *request);    /* POST /.rowgate/guest-token */
void http_guest_preflight(struct http_request *request); /* OPTIONS of the same */
/* Whether the page that asks for a token may: ours, or one that may frame the tenant's dashboards. Pure. */
bool http_guest_is_from_host(const struct http_request *request);
/* Lets the page that asked read the answer (Fetch 3.2), if it may; for headers_hook.c. */
rg_status http_guest_share(struct http_request *request, struct http_response_head *head) RG_MUST_CHECK;

/* For forward_hooks.c: nobody waits for it any more (guest_patience.c). */
void http_patience_on_end(struct http_request *request, enum http_end end);

/* ---- pages of embedded dashboards (guest_page.c) ---- */

/* /embedded/UUID: open when some tenant lists the UUID; nobody is known yet. */
bool http_guest_page_is_open(const struct http_request *request);
/* The origins that may frame it: of all tenants that list it. In the request's arena. */
rg_status http_guest_page_ancestors(struct http_request *request, const struct rg_slice **out_origins,
                                    size_t *out_count) RG_MUST_CHECK;

#endif
