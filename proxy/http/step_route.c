/* SPDX-License-Identifier: Apache-2.0 */
/* Which route a request is, and whether who sends it may use it. Between the two steps stand those that find out who
 * that is. */
#include "proxy/http/guest.h"
#include "proxy/http/reply.h"
#include "proxy/http/route_policy.h"
#include "proxy/http/steps_private.h"
#include "proxy/http/strip.h"
#include "proxy/worker.h"

static enum http_step_result refuse_method(struct http_request *request, const struct http_route_match *match)
{
    char allowed[HTTP_METHOD_NAMES_MAX];
    http_method_names(match->allowed, allowed);
    const struct http_header allow = {RG_SLICE("allow"), rg_slice_of(allowed)};
    http_reply(request, &(struct http_reply){.status = 405,
                                             .header_count = 1,
                                             .headers = &allow,
                                             .rule = RG_SLICE("http.route.method"),
                                             .refusal = RG_SLICE("This address is asked in another way.")});
    return HTTP_STEP_DONE;
}

static rg_status keep_match(struct http_request *request, const struct http_route_match *match)
{
    struct http_route_match *kept = NULL;
    RG_TRY(rg_arena_new(&request->arena, &kept));
    *kept = *match;
    request->match = kept;
    request->route = match->route;
    for (; request->capture_count < match->capture_count && request->capture_count < HTTP_CAPTURES_MAX;
         request->capture_count++) {
        request->captures[request->capture_count] = match->captures[request->capture_count].text;
    }
    return RG_OK;
}

enum http_step_result http_step_route(struct http_request *request)
{
    struct http_route_match match = {0};
    if (request->worker->gateway->route_stand_in != NULL) {
        return request->worker->gateway->route_stand_in(request);
    }
    http_route_find(request->snapshot->config->routes.table, http_method_parse(request->method), request->path, &match);
    if (match.outcome == HTTP_ROUTE_METHOD) {
        return refuse_method(request, &match);
    }
    if (match.outcome != HTTP_ROUTE_FOUND || (match.route->class == HTTP_ROUTE_OWN && request->endpoint == NULL)) {
        http_reply_problem(request, 403, "http.route.unknown", "This address is not open.");
        return HTTP_STEP_DONE;
    }
    rg_status status = keep_match(request, &match);
    if (!rg_is_ok(status)) {
        http_reply_status(request, status, "http.request.limit", "This request needs too much memory.");
        return HTTP_STEP_DONE;
    }
    request->allows_upgrade = (match.route->flags & HTTP_ROUTE_WEBSOCKET) != 0;
    return HTTP_STEP_NEXT;
}

/* The values of the claim that [claims] calls "roles". */
static struct http_route_caller caller_of(const struct http_request *request)
{
    const struct config_routes *routes = &request->snapshot->config->routes;
    struct http_route_caller caller = {.has_identity = request->identity.kind != AUTH_UNVERIFIED && request->has_tenant,
                                       .tenant = request->tenant.id};
    if (caller.has_identity && routes->has_roles && routes->roles_claim < request->identity.claim_count) {
        const struct auth_claim_value *claim = &request->identity.claims[routes->roles_claim];
        caller.role_count = claim->is_present ? claim->count : 0;
        caller.roles = claim->elements;
    }
    return caller;
}

/* What is told and recorded: the reason of the rule that refused, where it has one. */
static enum http_step_result refuse(struct http_request *request, const struct http_route_decision *decision)
{
    struct rg_slice text = rg_slice_of(decision->text);
    if (decision->reason.size > 0 && !rg_is_ok(rg_arena_printf(&request->arena, &text, "%s %.*s", decision->text,
                                                               RG_SLICE_ARGS(decision->reason)))) {
        text = rg_slice_of(decision->text);
    }
    http_reply_problem(request, decision->status, decision->rule, text.data);
    return HTTP_STEP_DONE;
}

/* Superset takes a guest token out of a form as well: a second credential, and nobody here knows whose. */
static bool has_stray_guest_token(const struct http_request *request)
{
    struct rg_slice type = {0};
    (void)http_request_header(request, RG_SLICE("content-type"), &type, NULL);
    return request->passes != HTTP_PASS_GUEST && http_form_has(type, request->body, RG_SLICE("guest_token"));
}

/* Behind the steps that know who calls: the table, the rules of the file, and the roles decide. */
enum http_step_result http_step_permit(struct http_request *request)
{
    if (request->is_permitted) {
        return HTTP_STEP_NEXT;
    }
    static const struct http_route_match none; /* refuses */
    const struct http_route_caller caller = caller_of(request);
    struct http_route_decision decision = http_route_decide(request->snapshot->config->routes.policies,
                                                            request->match == NULL ? &none : request->match, &caller);
    if (!decision.is_allowed) {
        return refuse(request, &decision);
    }
    if (request->route->class == HTTP_ROUTE_GUEST && !http_guest_page_is_open(request)) {
        http_reply_problem(request, 403, "guest.dashboard", "This dashboard is not embedded here.");
        return HTTP_STEP_DONE;
    }
    if (has_stray_guest_token(request)) {
        http_reply_problem(request, 400, "http.credential", "A request carries one credential.");
        return HTTP_STEP_DONE;
    }
    request->is_permitted = true;
    return HTTP_STEP_NEXT;
}
