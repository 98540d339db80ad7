/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends a request: exactly one credential of those that its route takes, a guest token (guest_caller.c), a bearer
 * token (caller_bearer.c) or the session's cookie. What proves nothing leaves the request nobody's, which the next step
 * refuses where somebody is asked for. */
#include "auth/form.h"
#include "auth/revocation.h"
#include "auth/saml.h"
#include "auth/session.h"
#include "proxy/http/guest.h"
#include "proxy/http/login.h"
#include "proxy/http/reply.h"
#include "proxy/http/route.h"
#include "proxy/http/steps_private.h"
#include "proxy/http/strip.h"
#include "proxy/snapshot.h"
#include "proxy/view.h"
#include "proxy/worker.h"

int64_t http_caller_now_us(const struct http_request *request)
{
    return rg_clock_wall_us(request->worker->gateway->clock);
}

/* The tenant of request->identity; without one it is nobody's. */
rg_status http_caller_find_tenant(struct http_request *request)
{
    const struct config *config = request->snapshot->config;
    RG_TRY(tenants_find(&config->registry, &request->identity, &request->arena, &request->tenant));
    RG_TRY(view_find(config, &request->tenant, &request->identity, &request->view));
    request->has_tenant = true;
    return RG_OK;
}

void http_caller_forget(struct http_request *request)
{
    auth_session_free(&request->session);
    request->has_session = false;
    request->has_tenant = false;
    request->identity = (struct auth_identity){0};
}

/* ---- sessions ---- */

/* A provider that is configured no more, or no more trusted with this issuer, ends what it began; and a session of one
 * listener's provider is none at a listener that has others. */
bool http_caller_is_trusted(const struct http_request *request, const struct auth_session_new *login)
{
    const struct config *config = request->snapshot->config;
    const struct config_idp *idp = config_idp_find(config, login->idp);
    return http_login_is_offered(request->listener, login->idp) &&
           config_idp_is_trusted(config, idp, login->kind, login->issuer, true);
}

/* A tenant that was put out since: the sessions that were there have ended one by one, one that came up meanwhile on
 * another node has not. */
static rg_status check_tenant(struct http_request *request)
{
    const struct auth_revocation_subject tenant = {.tenant = request->tenant.id,
                                                   .since_us = request->session->created_us};
    struct auth_revocation_hit hit =
        auth_revocation_find(request->worker->gateway->state, &tenant, http_caller_now_us(request));
    if (hit.kind != AUTH_REVOKE_NONE) {
        request->identity = (struct auth_identity){0}; /* as if there were no session */
        return rg_fail(RG_DENIED, "session was revoked");
    }
    return RG_OK;
}

static rg_status find_session(struct http_request *request)
{
    const struct config *config = request->snapshot->config;
    struct auth_state *state = request->worker->gateway->state;
    struct rg_slice header = {0};
    struct rg_slice cookie = {0};
    (void)http_request_header(request, RG_SLICE("cookie"), &header, NULL);
    RG_TRY(auth_cookie_find(header, config->sessions.cookie, &cookie));
    if (cookie.size == 0 || state == NULL) {
        return rg_fail(RG_DENIED, "no session");
    }
    request->has_session = true; /* it was tried: a page says that it has ended */
    RG_TRY(auth_sessions_find(state, cookie, http_caller_now_us(request), &request->session));
    if (!http_caller_is_trusted(request, &request->session->login)) {
        return rg_fail(RG_DENIED, "the session's identity provider is trusted no more");
    }
    RG_TRY(auth_session_identity(request->session, config->claims, config->claim_count, &request->arena,
                                 &request->identity));
    RG_TRY(http_caller_find_tenant(request));
    return check_tenant(request);
}

void http_caller_find_session(struct http_request *request)
{
    if (!rg_is_ok(find_session(request))) {
        http_caller_forget(request);
    }
}

bool http_caller_has_csrf(struct http_request *request)
{
    struct rg_slice token = {0};
    return request->session != NULL &&
           rg_is_ok(auth_form_find(request->body, RG_SLICE("csrf"), &request->arena, &token)) && token.size > 0 &&
           auth_session_csrf_is(request->session, token);
}

static bool is_reading(struct rg_slice method)
{
    return rg_slice_is_equal(method, RG_SLICE("GET")) || rg_slice_is_equal(method, RG_SLICE("HEAD")) ||
           rg_slice_is_equal(method, RG_SLICE("OPTIONS"));
}

/* A cookie comes by itself: what changes something, and every WebSocket, must come from a page of ours (Fetch 3.2, RFC
 * 6455 10.2; Fetch Metadata 2.1). Browsers say where from in one of the two headers, mostly in both; who says nothing
 * is not believed: programs have bearer tokens. */
static bool is_from_us(const struct http_request *request)
{
    struct rg_slice origin = {0};
    struct rg_slice site = {0};
    size_t origin_count = 0;
    size_t site_count = 0;
    struct rg_slice scheme = RG_SLICE("https://");
    bool is_page_opened = is_reading(request->method) && !request->wants_upgrade;
    if (is_page_opened && (request->route->flags & HTTP_ROUTE_CHANGES) == 0) {
        return true;
    }
    (void)http_request_header(request, RG_SLICE("origin"), &origin, &origin_count);
    (void)http_request_header(request, RG_SLICE("sec-fetch-site"), &site, &site_count);
    bool is_own_origin = origin_count == 1 && rg_slice_has_prefix(origin, scheme) &&
                         rg_slice_is_equal(rg_slice_cut(origin, scheme.size, SIZE_MAX), request->authority);
    bool is_typed = is_page_opened && rg_slice_is_equal(site, RG_SLICE("none")); /* by the person, on no page */
    bool is_own_site = site_count == 1 && (is_typed || rg_slice_is_equal(site, RG_SLICE("same-origin")));
    return origin_count + site_count > 0 && (origin_count == 0 || is_own_origin) && (site_count == 0 || is_own_site);
}

/* ---- pages without a session ---- */

static enum http_step_result go_to_login(struct http_request *request)
{
    struct rg_slice location = {0};
    RG_AUTO(rg_buf_done) struct rg_buf url;
    rg_buf_init(&url, (size_t)16 * 1024);
    rg_status status = rg_buf_put(&url, RG_SLICE("/.rowgate/login?"));
    if (rg_is_ok(status)) {
        status = auth_form_put(&url, RG_SLICE("return_to"), request->raw_target);
    }
    if (rg_is_ok(status) && request->has_session) {
        status = auth_form_put(&url, RG_SLICE("reason"), RG_SLICE("expired"));
    }
    if (rg_is_ok(status)) {
        status = rg_arena_copy(&request->arena, rg_buf_slice(&url), &location);
    }
    http_redirect(request, rg_is_ok(status) ? location : RG_SLICE("/.rowgate/login"));
    return HTTP_STEP_DONE;
}

static bool is_page(const struct http_request *request)
{
    return request->route->class == HTTP_ROUTE_PAGE && request->route->who != HTTP_WHO_ANYONE &&
           is_reading(request->method) && !request->wants_upgrade;
}

static enum http_step_result take_session(struct http_request *request)
{
    rg_status status = find_session(request);
    if (rg_is_ok(status)) {
        request->has_session = true;
        request->passes = HTTP_PASS_SESSION;
        if (!is_from_us(request) && !http_guest_is_from_host(request)) {
            http_reply_problem(request, 403, "http.csrf", "This request comes from another site.");
            return HTTP_STEP_DONE;
        }
        http_refresh_if_due(request);
        return HTTP_STEP_NEXT;
    }
    bool is_ours = status.error->kind != RG_DENIED && status.error->kind != RG_PROTOCOL;
    bool is_nobodys = request->session != NULL && request->identity.kind != AUTH_UNVERIFIED;
    bool was_tried = request->has_session;
    if (is_ours || is_nobodys) {
        http_reply_status(request, status, is_ours ? "login.state" : "login.tenant",
                          is_ours ? "Sessions cannot be looked up now. Try again in a moment."
                                  : "Your account belongs to nobody who is served here.");
        return HTTP_STEP_DONE;
    }
    http_caller_forget(request);
    request->has_session = was_tried;
    enum http_step_result result = is_page(request) ? go_to_login(request) : HTTP_STEP_NEXT;
    request->has_session = false;
    return result;
}

/* ---- the step ---- */

/* A guest's token is chosen by the page that sends it, as an Authorization is by its program; cookies come by
 * themselves and are left alone then. NEXT: there is none. */
static enum http_step_result look_for_guest(struct http_request *request, bool *out_has)
{
    struct rg_slice token = {0};
    bool has = false;
    if (!rg_is_ok(http_guest_find(request, &has, &token))) {
        http_reply_problem(request, 400, "http.credential", "A request carries one credential.");
        return HTTP_STEP_DONE;
    }
    *out_has = has;
    return has ? http_guest_take(request, token) : HTTP_STEP_NEXT;
}

enum http_step_result http_step_caller(struct http_request *request)
{
    struct rg_slice authorization = {0};
    size_t count = 0;
    bool is_guest = false;
    if (request->is_permitted || request->route == NULL || request->route->credentials == HTTP_CREDENTIAL_NONE) {
        return HTTP_STEP_NEXT;
    }
    (void)http_request_header(request, RG_SLICE("authorization"), &authorization, &count);
    bool takes_bearer = (request->route->credentials & HTTP_CREDENTIAL_BEARER) != 0;
    bool takes_session = (request->route->credentials & HTTP_CREDENTIAL_SESSION) != 0;
    if (count > 1) {
        http_reply_problem(request, 400, "http.credential", "A request carries one credential.");
        return HTTP_STEP_DONE;
    }
    enum http_step_result guest = look_for_guest(request, &is_guest);
    if (is_guest || guest != HTTP_STEP_NEXT) {
        return guest;
    }
    if (count == 1 && takes_bearer) { /* chosen by the program that sends it; a cookie comes by itself */
        return http_caller_take_bearer(request, authorization);
    }
    return takes_session ? take_session(request) : HTTP_STEP_NEXT;
}
