/* SPDX-License-Identifier: Apache-2.0 */
/* OpenID Connect's addresses: the beginning of a login, the callback, the back channel, and logout. What waits for the
 * provider or the store runs on an offload thread; auth/oidc_provider.h judges. */
#include "auth/form.h"
#include "auth/oidc_provider.h"
#include "auth/replay.h"
#include "auth/revocation.h"
#include "proxy/http/gate.h"
#include "proxy/http/login.h"
#include "proxy/http/reply.h"
#include "proxy/worker.h"

/* ---- jobs ---- */

static void offload(struct http_request *request, const struct config_idp *idp, void (*run)(void *arg),
                    void (*done)(struct http_request *request, void *arg))
{
    struct http_login_job *job = NULL;
    rg_status status = http_login_job_new(request, idp, &job);
    if (rg_is_ok(status) && (idp->oidc == NULL || job->provider == NULL)) {
        http_login_job_free(&job);
        http_reply_problem(request, 404, "login.idp", "Nobody logs in this way here.");
        return;
    }
    if (rg_is_ok(status)) {
        status = http_offload_for(request, job->provider, run, done, job);
    }
    if (!rg_is_ok(status)) {
        http_login_job_free(&job);
        http_reply_problem(request, 503, "login.busy", "Too many people log in just now. Try again in a moment.");
    }
}

static void on_begun(struct http_request *request, void *arg)
{
    struct http_login_job *job = arg;
    if (request == NULL) {
        http_login_job_free(&job);
        return;
    }
    http_login_answer_begin(request, job);
}

static void on_ended(struct http_request *request, void *arg)
{
    struct http_login_job *job = arg;
    if (request == NULL) {
        http_login_abandon(job);
        return;
    }
    http_login_answer(request, job);
}

/* ---- begin ---- */

static rg_status callback_url(struct http_login_job *job, struct rg_slice *out_url)
{
    return http_login_own_url(job->listener, &job->arena, out_url, "/.rowgate/oidc/%.*s/callback",
                              RG_SLICE_ARGS(job->idp->name));
}

static rg_status keep_login(struct http_login_job *job, const struct auth_oidc_request *request, char *out_id)
{
    struct auth_login login = {.kind = AUTH_OIDC,
                               .idp = job->idp->name,
                               .nonce = request->nonce,
                               .verifier = request->verifier,
                               .listener = job->listener_name};
    RG_TRY(http_login_return_to(job->query, &job->arena, &login.return_to));
    return auth_login_put(job->state, &login, job->address, job->browser, rg_clock_wall_us(job->clock), out_id,
                          job->login_cookie);
}

/* Discovery first: without a provider no login is kept. */
static rg_status begin(struct http_login_job *job)
{
    char nonce[AUTH_OIDC_SECRET_SIZE];
    char verifier[AUTH_OIDC_SECRET_SIZE];
    char id[AUTH_COOKIE_VALUE_SIZE] = "probe";
    auth_oidc_secret_new(nonce);
    auth_oidc_secret_new(verifier);
    struct auth_oidc_request request = {
        .nonce = rg_slice_of(nonce), .verifier = rg_slice_of(verifier), .state = rg_slice_of(id)};
    RG_TRY(callback_url(job, &request.redirect_uri));
    RG_TRY(auth_oidc_provider_begin(job->provider, &request, &job->arena, &job->location));
    RG_TRY(keep_login(job, &request, id));
    request.state = rg_slice_of(id);
    return auth_oidc_provider_begin(job->provider, &request, &job->arena, &job->location);
}

static bool is_about_the_store(enum rg_kind kind)
{
    return kind == RG_STORAGE || kind == RG_LIMIT;
}

static void run_begin(void *arg)
{
    struct http_login_job *job = arg;
    rg_status status = begin(job);
    if (rg_is_ok(status)) {
        return;
    }
    if (is_about_the_store(status.error->kind)) {
        http_login_fail(job, status, 503, "login.state", "The login cannot begin now. Try again in a moment.");
    } else {
        http_login_fail(job, status, 502, "login.provider",
                        "The identity provider cannot be reached. Try again in a moment.");
    }
}

void http_oidc_begin(struct http_request *request, const struct config_idp *idp)
{
    offload(request, idp, run_begin, on_begun);
}

/* ---- callback ---- */

static struct auth_session_new session_of(const struct http_login_job *job, const struct auth_oidc_login *login)
{
    return (struct auth_session_new){
        .kind = AUTH_OIDC,
        .idp = job->idp->name,
        .issuer = login->identity.issuer,
        .subject = login->identity.subject,
        .user = login->identity.user,
        .claims = login->claims,
        .claim_count = login->claim_count,
        .token_expires_us = login->refresh_token.size > 0 ? login->access_expires_us : 0,
        .sid = login->sid,
        .id_token = login->id_token,
        .refresh_token = login->refresh_token,
    };
}

/* What was sent must come back to the same provider's address, on the same listener, in the same browser. */
static rg_status take_login(struct http_login_job *job, const struct auth_oidc_callback *callback,
                            struct auth_login *out_login)
{
    struct auth_login login = {0};
    RG_TRY(
        auth_login_take(job->state, callback->state, job->browser, rg_clock_wall_us(job->clock), &job->arena, &login));
    if (login.kind != AUTH_OIDC || !rg_slice_is_equal(login.idp, job->idp->name) ||
        !rg_slice_is_equal(login.listener, job->listener_name)) {
        return rg_fail(RG_DENIED, "the login was begun at another provider");
    }
    *out_login = login;
    return RG_OK;
}

static void fail_taking(struct http_login_job *job, rg_status status)
{
    bool is_store = status.error->kind != RG_DENIED && status.error->kind != RG_PROTOCOL;
    http_login_fail(job, status, is_store ? 503 : 403, "login.state",
                    is_store ? "The login cannot go on now. Try again in a moment."
                             : "This login took too long, or was begun in another browser. Please begin again.");
}

static void fail_judging(struct http_login_job *job, rg_status status)
{
    if (status.error->kind == RG_DENIED) {
        http_login_fail(job, status, 403, "login.refused",
                        "The identity provider did not let you in, or we do not accept its word.");
    } else {
        http_login_fail(job, status, 502, "login.provider",
                        "The identity provider did not answer as it should. Please begin again.");
    }
}

static void run_callback(void *arg)
{
    struct http_login_job *job = arg;
    struct auth_oidc_callback callback = {0};
    struct auth_login kept = {0};
    struct auth_oidc_login login = {0};
    rg_status status = auth_oidc_callback_parse(job->query, &job->arena, &callback);
    if (rg_is_ok(status)) {
        status = take_login(job, &callback, &kept);
    }
    if (!rg_is_ok(status)) {
        fail_taking(job, status);
        return;
    }
    struct auth_oidc_request request = {.nonce = kept.nonce, .verifier = kept.verifier};
    status = callback_url(job, &request.redirect_uri);
    if (rg_is_ok(status)) {
        status = auth_oidc_provider_finish(job->provider, &callback, &request, &job->arena, &login);
    }
    if (!rg_is_ok(status)) {
        fail_judging(job, status);
        return;
    }
    struct auth_session_new session = session_of(job, &login);
    http_login_admit(job, &login.identity, &session, kept.return_to);
}

void http_oidc_callback(struct http_request *request)
{
    const struct config_idp *idp = http_login_idp(request);
    if (idp != NULL) {
        offload(request, idp, run_callback, on_ended);
    }
}

/* ---- back-channel logout ---- */

/* A logout that names no session is about all of the subject: the SQL plane's and its tokens, too. */
static rg_status put_out(struct http_login_job *job, struct rg_slice subject)
{
    struct auth_revocation revocation = {.kind = AUTH_REVOKE_SUBJECT,
                                         .idp = job->idp->name,
                                         .text = subject,
                                         .revoked_us = rg_clock_wall_us(job->clock)};
    RG_TRY(rg_arena_printf(&job->arena, &revocation.by, "idp %.*s", RG_SLICE_ARGS(job->idp->name)));
    return auth_revocation_add(job->state, &revocation);
}

static rg_status end_sessions(struct http_login_job *job)
{
    struct rg_slice token = {0};
    struct auth_oidc_logout logout = {0};
    size_t count = 0;
    RG_TRY(auth_form_find(job->body, RG_SLICE("logout_token"), &job->arena, &token));
    RG_TRY(auth_oidc_provider_judge_logout(job->provider, token, &job->arena, &logout));
    RG_TRY(auth_replay_add(job->state, job->idp->name, logout.token_id, logout.until_us, rg_clock_wall_us(job->clock)));
    job->subject = logout.subject;
    bool has_sid = logout.sid.size > 0;
    const struct auth_session_selector selector = {.kind = has_sid ? AUTH_SELECT_SID : AUTH_SELECT_SUBJECT,
                                                   .idp = job->idp->name,
                                                   .text = has_sid ? logout.sid : logout.subject};
    RG_TRY(has_sid ? RG_OK : put_out(job, logout.subject));
    RG_TRY(auth_sessions_revoke(job->state, &selector, &count));
    return rg_arena_printf(&job->arena, &job->location, "the provider ended %zu %s", count,
                           count == 1 ? "session" : "sessions");
}

static void run_backchannel(void *arg)
{
    struct http_login_job *job = arg;
    rg_status status = end_sessions(job);
    if (rg_is_ok(status)) {
        return;
    }
    bool is_theirs = status.error->kind == RG_DENIED || status.error->kind == RG_PROTOCOL;
    http_login_fail(job, status, is_theirs ? 400 : 503, "logout.token", "This logout token is not accepted.");
}

static rg_status record_backchannel(struct http_request *request, const struct http_login_job *job)
{
    bool has_failed = job->failure.status != 0;
    struct http_gate_login event = {.kind = has_failed ? AUDIT_LOGIN_FAILED : AUDIT_LOGOUT,
                                    .subject = job->subject,
                                    .idp = http_login_issuer(job->idp),
                                    .rule = rg_slice_of(job->failure.rule),
                                    .message = has_failed ? rg_slice_of(job->failure.reason) : job->location};
    return http_gate_login(request, &event);
}

/* Back-Channel Logout 1.0 2.8: 200 or 400, not to be kept. */
static void on_backchannel(struct http_request *request, void *arg)
{
    static const struct http_header headers[] = {{{"cache-control", 13}, {"no-store", 8}}};
    struct http_login_job *job = arg;
    if (http_login_settle(request, job, record_backchannel, "The logout cannot be recorded.")) {
        http_reply(request, &(struct http_reply){.status = 200, .header_count = 1, .headers = headers});
        http_login_job_free(&job);
    }
}

void http_oidc_backchannel_logout(struct http_request *request)
{
    const struct config_idp *idp = http_login_idp(request);
    if (idp == NULL) {
        return;
    }
    if (!idp->has_backchannel_logout) {
        http_reply_problem(request, 404, "login.idp", "Nobody logs out this way here.");
        return;
    }
    offload(request, idp, run_backchannel, on_backchannel);
}

/* ---- logout ---- */

static void run_logout(void *arg)
{
    struct http_login_job *job = arg;
    struct rg_slice home = {0};
    struct rg_slice away = {0};
    size_t count = 0;
    const struct auth_session_selector selector = {.kind = AUTH_SELECT_ID,
                                                   .text = rg_slice_of(job->session->public_id)};
    rg_status status = auth_sessions_revoke(job->state, &selector, &count);
    if (!rg_is_ok(status)) { /* it has ended here all the same */
        http_login_fail(job, status, 503, "login.state", "You are logged out here, but not yet everywhere.");
    }
    job->location = RG_SLICE("/.rowgate/logged-out");
    bool is_there = job->provider != NULL && job->idp->oidc != NULL;
    if (is_there && rg_is_ok(http_login_own_url(job->listener, &job->arena, &home, "/.rowgate/logged-out")) &&
        rg_is_ok(
            auth_oidc_provider_logout_url(job->provider, job->session->login.id_token, home, &job->arena, &away)) &&
        away.size > 0) {
        job->location = away;
    }
    http_saml_leave(job);
}

static rg_status record_logged_out(struct http_request *request, const struct http_login_job *job)
{
    struct http_gate_login event = {.kind = AUDIT_LOGOUT,
                                    .session_id = rg_slice_of(job->session->public_id),
                                    .tenant = request->has_tenant ? request->tenant.id : (struct rg_slice){0},
                                    .user = job->session->login.user,
                                    .subject = job->session->login.subject,
                                    .idp = job->session->login.issuer,
                                    .message = RG_SLICE("the user logged out")};
    return http_gate_login(request, &event);
}

static void on_logged_out(struct http_request *request, void *arg)
{
    static const char advice[] = "You are logged out; it could not be recorded.";
    struct http_login_job *job = arg;
    struct http_header cookie = {0};
    if (!http_login_settle(request, job, record_logged_out, advice)) {
        return;
    }
    rg_status status = http_login_end_cookie(request, &cookie);
    if (rg_is_ok(status)) {
        http_redirect_with(request, job->location, 1, &cookie);
    } else {
        http_reply_status(request, status, "audit.unavailable", advice);
    }
    http_login_job_free(&job);
}

void http_logout(struct http_request *request)
{
    struct http_login_job *job = NULL;
    const struct config_idp *idp = config_idp_find(request->snapshot->config, request->session->login.idp);
    rg_status status = http_login_job_new(request, idp, &job);
    if (rg_is_ok(status)) {
        job->session = auth_session_hold(request->session);
        status = http_offload_for(request, job->provider, run_logout, on_logged_out, job);
    }
    if (!rg_is_ok(status)) {
        http_login_job_free(&job);
        http_reply_problem(request, 503, "login.busy", "You cannot be logged out just now. Try again in a moment.");
    }
}
