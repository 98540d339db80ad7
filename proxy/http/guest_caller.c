/* SPDX-License-Identifier: Apache-2.0 */
/* Who a guest token stands for, asked anew with each request: the capsule in it is opened, and session, subject, tenant
 * and dashboards are judged as they are now. The upstream is told by a token of its own. */
#include <stdio.h>

#include "auth/capsule.h"
#include "auth/guest_token.h"
#include "auth/trust.h"
#include "proxy/http/guest_header.h"
#include "proxy/http/reply.h"
#include "proxy/http/route.h"
#include "proxy/http/steps_private.h"
#include "proxy/http/strip.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

enum { UUID_SIZE = 36, REASON_BYTES = 512 };

/* ---- where the token is ---- */

static rg_status find_in_form(struct http_request *request, bool *out_has, struct rg_slice *out_token)
{
    struct rg_slice type = {0};
    *out_has = false;
    if (request->route == NULL || (request->route->credentials & HTTP_CREDENTIAL_GUEST) == 0) {
        return RG_OK;
    }
    (void)http_request_header(request, RG_SLICE("content-type"), &type, NULL);
    return http_guest_form_find(type, request->body, &request->arena, out_has, out_token);
}

rg_status http_guest_find(struct http_request *request, bool *out_has, struct rg_slice *out_token)
{
    struct rg_slice header = {0};
    struct rg_slice field = {0};
    size_t count = 0;
    bool has_field = false;
    (void)http_request_header(request, RG_SLICE(HTTP_GUEST_HEADER), &header, &count);
    RG_TRY(find_in_form(request, &has_field, &field));
    if (count > 1 || (count == 1 && has_field && !rg_slice_is_equal(header, field))) {
        return rg_fail(RG_PROTOCOL, "two guest tokens");
    }
    *out_has = count == 1 || has_field;
    *out_token = count == 1 ? header : field;
    return RG_OK;
}

/* ---- what it may see ---- */

static bool has_text(const struct rg_slice *list, size_t count, struct rg_slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(list[i], text)) {
            return true;
        }
    }
    return false;
}

bool http_guest_may_embed(const struct tenant_face *face, struct rg_slice uuid)
{
    return face != NULL && has_text(face->dashboards, face->dashboard_count, uuid);
}

/* What has a UUID's size and its dashes is one to Superset, in whatever case. */
static bool is_uuid_like(struct rg_slice text)
{
    return text.size == UUID_SIZE && text.data[8] == '-' && text.data[13] == '-' && text.data[18] == '-' &&
           text.data[23] == '-';
}

/* Dashboards by number or name are Superset's to judge: it knows which of them the token's UUIDs are. */
static bool is_about_own(const struct http_request *request, const struct http_guest *guest)
{
    const struct http_route_match *match = request->match;
    bool is_dashboard = match != NULL && strcmp(request->route->object, "dashboard") == 0;
    for (size_t i = 0; is_dashboard && i < match->capture_count; i++) {
        struct rg_slice text = match->captures[i].text;
        if (is_uuid_like(text) && !has_text(guest->resources, guest->resource_count, text)) {
            return false;
        }
    }
    return true;
}

static bool may_see(const struct http_request *request, const struct http_guest *guest)
{
    for (size_t i = 0; i < guest->resource_count; i++) {
        if (!http_guest_may_embed(request->tenant.face, guest->resources[i])) {
            return false; /* the list has changed since */
        }
    }
    return is_about_own(request, guest);
}

/* ---- who it is ---- */

static rg_status check_same(const struct auth_guest_token *token, const struct auth_capsule *capsule)
{
    bool is_same = capsule->is_guest && capsule->resource_count == token->resource_count &&
                   rg_slice_is_equal(capsule->reference, token->id);
    for (size_t i = 0; is_same && i < token->resource_count; i++) {
        is_same = rg_slice_is_equal(capsule->resources[i], token->resources[i]);
    }
    return is_same ? RG_OK : rg_fail(RG_DENIED, "guest token: the capsule in it is another one's");
}

/* Of a bearer token's capsule: its issuer must be trusted still, and by the same provider's name. */
static bool is_issuer_trusted(const struct config *config, const struct auth_identity *identity)
{
    for (size_t i = 0; i < config->trust_count; i++) {
        if (rg_slice_is_equal(config->trusts[i].name, identity->idp) &&
            auth_trust_names_issuer(&config->trusts[i], identity->issuer)) {
            return true;
        }
    }
    return false;
}

static rg_status find_caller(struct http_request *request, const struct auth_capsule *capsule)
{
    const struct config *config = request->snapshot->config;
    RG_TRY(auth_capsule_identity(request->worker->gateway->state, capsule, config->claims, config->claim_count,
                                 http_caller_now_us(request), &request->arena, &request->session, &request->identity));
    bool is_trusted = request->session != NULL ? http_caller_is_trusted(request, &request->session->login)
                                               : is_issuer_trusted(config, &request->identity);
    if (!is_trusted) {
        return rg_fail(RG_DENIED, "guest token: the identity provider is trusted no more");
    }
    RG_TRY(http_caller_find_tenant(request));
    return rg_slice_is_equal(request->tenant.id, capsule->tenant)
               ? RG_OK
               : rg_fail(RG_DENIED, "guest token: the caller belongs to another tenant now");
}

static rg_status judge(struct http_request *request, struct rg_slice text, struct http_guest *guest)
{
    const struct auth_mint *mint = request->listener->upstream->superset->identity;
    struct auth_guest_token token = {0};
    struct auth_capsule capsule = {0};
    int64_t now_us = http_caller_now_us(request);
    if (mint == NULL || request->worker->gateway->state == NULL) {
        return rg_fail(RG_DENIED, "guest token: none are issued here");
    }
    RG_TRY(auth_guest_token_read(mint, text, now_us, request->worker->guests, &request->arena, &token));
    RG_TRY(auth_capsule_open(request->worker->gateway->state, token.capsule, AUTH_CAPSULE_GUEST, now_us,
                             &request->arena, &capsule));
    RG_TRY(check_same(&token, &capsule));
    RG_TRY(find_caller(request, &capsule));
    *guest = (struct http_guest){token.id, token.resource_count, token.resources};
    return RG_OK;
}

static enum http_step_result refuse_token(struct http_request *request, rg_status why)
{
    bool is_ours = why.error->kind == RG_UPSTREAM || why.error->kind == RG_STORAGE;
    char reason[REASON_BYTES];
    (void)snprintf(reason, sizeof reason, "%s", why.error->text); /* what follows may fail, too */
    http_caller_forget(request);
    if (is_ours) {
        http_reply_status(request, why, "login.state", "Sessions cannot be looked up now. Try again in a moment.");
        return HTTP_STEP_DONE;
    }
    struct rg_slice body = {0}; /* RFC 9457; the reason is for the record */
    (void)rg_is_ok(
        rg_arena_printf(&request->arena, &body,
                        "{\"type\":\"about:blank\",\"title\":\"Unauthorized\",\"status\":401,\"detail\":\"This "
                        "guest token is not valid, or not any more.\",\"instance\":\"%s\",\"rule\":\"guest.token\"}",
                        request->reference));
    http_reply(request, &(struct http_reply){.status = 401,
                                             .content_type = RG_SLICE("application/problem+json"),
                                             .body = body,
                                             .rule = RG_SLICE("guest.token"),
                                             .refusal = rg_slice_of(reason)});
    return HTTP_STEP_DONE;
}

enum http_step_result http_guest_take(struct http_request *request, struct rg_slice token)
{
    struct http_guest *guest = NULL;
    if ((request->route->credentials & HTTP_CREDENTIAL_GUEST) == 0) {
        http_reply_problem(request, 403, "http.route.guest", "This is not open to guests.");
        return HTTP_STEP_DONE;
    }
    rg_status status = rg_arena_new(&request->arena, &guest);
    if (rg_is_ok(status)) {
        status = judge(request, token, guest);
    }
    if (!rg_is_ok(status)) {
        return refuse_token(request, status);
    }
    request->guest = guest;
    request->passes = HTTP_PASS_GUEST;
    if (!may_see(request, guest)) {
        http_reply_problem(request, 403, "guest.dashboard", "This dashboard is not open to you.");
        return HTTP_STEP_DONE;
    }
    if (request->session != NULL) {
        http_refresh_if_due(request);
    }
    return HTTP_STEP_NEXT;
}

/* ---- for the upstream ---- */

static struct rg_slice session_of(const struct http_request *request)
{
    return request->session == NULL ? (struct rg_slice){0} : rg_slice_of(request->session->public_id);
}

rg_status http_guest_tell(struct http_request *request, struct rg_slice capsule)
{
    const struct http_guest_facts facts = {.identity = &request->identity,
                                           .tenant = request->tenant.id,
                                           .view = &request->view,
                                           .session = session_of(request),
                                           .token = request->guest->id,
                                           .resource_count = request->guest->resource_count,
                                           .resources = request->guest->resources,
                                           .capsule = capsule};
    struct rg_slice token = {0};
    RG_TRY(http_guest_token(request->listener->upstream->superset->identity, &facts, http_caller_now_us(request),
                            request->worker->identities, &request->arena, &token));
    return http_forward_set_header(request, RG_SLICE(HTTP_GUEST_HEADER), token);
}
