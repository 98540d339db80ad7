/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls, told to the upstream: the last step ahead of it. Whoever is nobody goes on as nobody. */
#include "auth/session.h"
#include "auth/view_secret.h"
#include "proxy/config.h"
#include "proxy/http/capsule_header.h"
#include "proxy/http/guest.h"
#include "proxy/http/identity_header.h"
#include "proxy/http/pages_private.h"
#include "proxy/http/reply.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

/* The values of the claim named by [claims] "roles"; a subject without it has none. */
static void find_roles(const struct http_request *request, struct http_identity_facts *facts)
{
    const struct config *config = request->snapshot->config;
    for (size_t i = 0; i < config->claim_count && i < request->identity.claim_count; i++) {
        const struct auth_claim_value *value = &request->identity.claims[i];
        if (rg_slice_is_equal(config->claims[i].name, RG_SLICE("roles")) && value->is_present) {
            facts->role_count = value->count;
            facts->roles = value->elements;
        }
    }
}

static rg_status tell(struct http_request *request)
{
    const struct config_superset *superset = request->listener->upstream->superset;
    struct http_identity_facts facts = {
        .identity = &request->identity, .tenant = request->tenant.id, .view = rg_slice_of(request->view.text)};
    struct rg_slice token = {0};
    if (request->session != NULL) {
        facts.session = rg_slice_of(request->session->public_id);
    }
    find_roles(request, &facts);
    RG_TRY(http_identity_token(superset->identity, &facts, rg_clock_wall_us(request->worker->gateway->clock),
                               request->worker->identities, &request->arena, &token));
    return http_forward_set_header(request, RG_SLICE(HTTP_IDENTITY_HEADER), token);
}

/* What the upstream hands on when it asks the SQL plane for this caller. */
static rg_status give_capsule(struct http_request *request, struct rg_slice *out_capsule)
{
    const struct http_capsule_wish wish = {
        .purpose = AUTH_CAPSULE_SQL,
        .lifetime_us = request->listener->upstream->superset->capsule_lifetime_us,
        .is_guest = request->guest != NULL,
        .resource_count = request->guest == NULL ? 0 : request->guest->resource_count,
        .resources = request->guest == NULL ? NULL : request->guest->resources,
    };
    RG_TRY(http_capsule_make(request, &wish, out_capsule));
    return http_forward_set_header(request, RG_SLICE(HTTP_CAPSULE_HEADER), *out_capsule);
}

/* What it may keep for those who see the same rows, and read again while one of them asks. */
static rg_status give_view_secret(struct http_request *request)
{
    struct rg_slice secret = {0};
    RG_TRY(
        auth_view_secret(request->worker->gateway->state, rg_slice_of(request->view.text), &request->arena, &secret));
    return http_forward_set_header(request, RG_SLICE(HTTP_VIEW_SECRET_HEADER), secret);
}

enum http_step_result http_step_identity(struct http_request *request)
{
    struct rg_slice capsule = {0};
    if (!request->has_tenant || request->endpoint != NULL || request->listener->upstream->superset->identity == NULL) {
        return HTTP_STEP_NEXT;
    }
    rg_status status = give_capsule(request, &capsule);
    if (rg_is_ok(status)) {
        status = give_view_secret(request);
    }
    if (!rg_is_ok(status)) {
        http_reply_status(request, status, "http.capsule", "The upstream cannot be given what proves who is calling.");
        return HTTP_STEP_DONE;
    }
    status = request->guest != NULL ? http_guest_tell(request, capsule) : tell(request);
    if (!rg_is_ok(status)) {
        http_reply_status(request, status, "http.identity", "The upstream cannot be told who is calling.");
        return HTTP_STEP_DONE;
    }
    return HTTP_STEP_NEXT;
}
