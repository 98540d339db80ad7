/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of every login: what a browser may ask for, and what it gets when its provider has spoken. Between them
 * are oidc_endpoints.c and saml_endpoints.c. */
#include "proxy/http/login.h"

#include <stdarg.h>
#include <stdio.h>

#include "auth/form.h"
#include "auth/oidc_provider.h"
#include "auth/revocation.h"
#include "auth/saml.h"
#include "base/rg_memory.h"
#include "proxy/http/gate.h"
#include "proxy/http/reply.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

enum { RETURN_TO_MAX = 2048 };

#define LOGIN_COOKIE RG_SLICE("__Host-rowgate-login")

/* ---- where a login may lead ---- */

/* Only what every browser reads as a path of this very host: one slash and no second, no backslash, nothing that is no
 * printable ASCII (browsers drop tabs and line ends inside URLs). */
static bool is_own_path(struct rg_slice path)
{
    if (path.size == 0 || path.size > RETURN_TO_MAX || path.data[0] != '/' ||
        (path.size > 1 && (path.data[1] == '/' || path.data[1] == '\\'))) {
        return false;
    }
    for (size_t i = 0; i < path.size; i++) {
        unsigned byte = (unsigned char)path.data[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '\\' || byte == '"' || byte == '<' || byte == '>') {
            return false;
        }
    }
    return !rg_slice_has_prefix(path, RG_SLICE("/.rowgate"));
}

rg_status http_login_own_path(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_path)
{
    return rg_arena_copy(arena, is_own_path(text) ? text : RG_SLICE("/"), out_path);
}

rg_status http_login_return_to(struct rg_slice query, struct rg_arena *arena, struct rg_slice *out_path)
{
    struct rg_slice path = {0};
    rg_status status = auth_form_find(query, RG_SLICE("return_to"), arena, &path);
    if (!rg_is_ok(status) && status.error->kind == RG_LIMIT) {
        return status;
    }
    return http_login_own_path(rg_is_ok(status) ? path : RG_SLICE("/"), arena, out_path);
}

rg_status http_login_own_url(const struct config_http_listener *listener, struct rg_arena *arena,
                             struct rg_slice *out_url, const char *format, ...)
{
    char path[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof path) {
        return rg_fail(RG_LIMIT, "an own URL is too long");
    }
    return rg_arena_printf(arena, out_url, "%.*s%s", RG_SLICE_ARGS(listener->public_url), path);
}

bool http_login_is_offered(const struct config_http_listener *listener, struct rg_slice name)
{
    for (size_t i = 0; i < listener->login_count; i++) {
        if (rg_slice_is_equal(listener->login[i], name)) {
            return true;
        }
    }
    return false;
}

const struct config_idp *http_login_idp(struct http_request *request)
{
    struct rg_slice name = request->capture_count > 0 ? request->captures[0] : (struct rg_slice){0};
    const struct config_idp *idp =
        http_login_is_offered(request->listener, name) ? config_idp_find(request->snapshot->config, name) : NULL;
    if (idp == NULL) {
        http_reply_problem(request, 404, "login.idp", "Nobody logs in this way here.");
    }
    return idp;
}

/* ---- jobs ---- */

static rg_status fill_job(const struct http_request *request, struct http_login_job *job)
{
    struct rg_slice cookies = {0};
    (void)http_request_header(request, RG_SLICE("cookie"), &cookies, NULL);
    RG_TRY(rg_arena_copy(&job->arena, request->listener_name, &job->listener_name));
    RG_TRY(rg_arena_copy(&job->arena, request->client_address, &job->address));
    RG_TRY(rg_arena_copy(&job->arena, request->query, &job->query));
    RG_TRY(rg_arena_copy(&job->arena, request->body, &job->body));
    struct rg_slice browser = {0};
    if (rg_is_ok(auth_cookie_find(cookies, LOGIN_COOKIE, &browser))) { /* one that is malformed is none of ours */
        RG_TRY(rg_arena_copy(&job->arena, browser, &job->browser));
    }
    return RG_OK;
}

rg_status http_login_job_new(struct http_request *request, const struct config_idp *idp,
                             struct http_login_job **out_job)
{
    struct gateway *gateway = request->worker->gateway;
    if (gateway->state == NULL) {
        return rg_fail(RG_CONFIG, "there is no [state]");
    }
    struct http_login_job *job = rg_memory_alloc(sizeof *job);
    rg_arena_init(&job->arena, HTTP_LOGIN_ARENA);
    job->origin = request;
    job->state = gateway->state;
    job->config = request->snapshot->config;
    job->listener = request->listener;
    job->idp = idp;
    job->provider = snapshot_provider_find(request->snapshot, idp);
    job->clock = gateway->clock;
    rg_status status = fill_job(request, job);
    if (!rg_is_ok(status)) {
        http_login_job_free(&job);
        return status;
    }
    *out_job = job;
    return RG_OK;
}

void http_login_job_free(struct http_login_job **job)
{
    struct http_login_job *held = *job;
    *job = NULL;
    if (held != NULL) {
        auth_session_free(&held->session);
        rg_wipe(held->cookie, sizeof held->cookie);
        rg_arena_done(&held->arena);
        rg_memory_free(held);
    }
}

void http_login_fail(struct http_login_job *job, rg_status why, int http_status, const char *rule, const char *advice)
{
    job->failure = (struct http_login_failure){.status = http_status, .rule = rule, .advice = advice};
    (void)snprintf(job->failure.reason, sizeof job->failure.reason, "%s", why.error->text);
}

/* ---- admission ---- */

static void admit_session(struct http_login_job *job, const struct auth_session_new *login)
{
    int64_t now_us = rg_clock_wall_us(job->clock);
    rg_status status = auth_sessions_create(job->state, login, now_us, job->cookie, &job->session);
    if (!rg_is_ok(status)) {
        http_login_fail(job, status, 503, "login.state", "The session cannot be kept now. Try again in a moment.");
    }
}

/* An answer may be kept back until an order has ended all sessions. Looked for when the session is there: then either
 * the order finds it, or this finds the order. A provider that does not say when it spoke has spoken now. */
static void obey_revocations(struct http_login_job *job, const struct auth_identity *identity)
{
    int64_t now_us = rg_clock_wall_us(job->clock);
    size_t count = 0;
    const struct auth_revocation_subject subject = {
        .idp = job->idp->name,
        .subject = identity->subject,
        .token_id = identity->token_id,
        .tenant = job->tenant.id,
        /* Providers write whole seconds: who logs in again in the second of the order is not who was ended. */
        .since_us = identity->issued_at_us > 0 ? identity->issued_at_us + 999999 : now_us,
    };
    if (job->session == NULL || auth_revocation_find(job->state, &subject, now_us).kind == AUTH_REVOKE_NONE) {
        return;
    }
    const struct auth_session_selector one = {.kind = AUTH_SELECT_ID, .text = rg_slice_of(job->session->public_id)};
    (void)rg_is_ok(auth_sessions_revoke(job->state, &one, &count)); /* it has ended here all the same */
    auth_session_free(&job->session);
    rg_wipe(job->cookie, sizeof job->cookie);
    http_login_fail(job, rg_fail(RG_DENIED, "revoked after the provider spoke"), 403, "login.revoked",
                    "Your access was ended a moment ago. Log in again.");
}

void http_login_admit(struct http_login_job *job, const struct auth_identity *identity,
                      const struct auth_session_new *login, struct rg_slice return_to)
{
    job->subject = identity->subject;
    job->location = return_to;
    rg_status status = tenants_find(&job->config->registry, identity, &job->arena, &job->tenant);
    if (!rg_is_ok(status)) {
        http_login_fail(job, status, 403, "login.tenant", "Your account belongs to nobody who is served here.");
        return;
    }
    admit_session(job, login);
    obey_revocations(job, identity);
}

/* ---- answers ---- */

static rg_status put_cookie(struct http_request *request, const struct auth_cookie_set *cookie,
                            struct http_header *out_header)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, AUTH_COOKIE_SET_MAX);
    RG_TRY(auth_cookie_put(cookie, &text));
    out_header->name = RG_SLICE("set-cookie");
    return rg_arena_copy(&request->arena, rg_buf_slice(&text), &out_header->value);
}

/* SameSite=None: a provider's POST from another site must bring it (SAML), and so must a frame. */
static rg_status put_login_cookie(struct http_request *request, const struct http_login_job *job,
                                  struct http_header *out_header)
{
    return put_cookie(request,
                      &(struct auth_cookie_set){.name = LOGIN_COOKIE,
                                                .value = rg_slice_of(job->login_cookie),
                                                .same_site = AUTH_SAME_SITE_NONE,
                                                .is_partitioned = job->config->sessions.is_embedded,
                                                .max_age_us = 600 * INT64_C(1000000)},
                      out_header);
}

static rg_status put_session_cookie(struct http_request *request, const struct http_login_job *job,
                                    struct http_header *out_header)
{
    const struct config_sessions *sessions = &job->config->sessions;
    return put_cookie(
        request,
        &(struct auth_cookie_set){.name = sessions->cookie,
                                  .value = rg_slice_of(job->cookie),
                                  .same_site = sessions->is_embedded ? AUTH_SAME_SITE_NONE : AUTH_SAME_SITE_LAX,
                                  .is_partitioned = sessions->is_embedded},
        out_header);
}

rg_status http_login_end_cookie(struct http_request *request, struct http_header *out_header)
{
    const struct config_sessions *sessions = &request->snapshot->config->sessions;
    return put_cookie(
        request,
        &(struct auth_cookie_set){.name = sessions->cookie,
                                  .same_site = sessions->is_embedded ? AUTH_SAME_SITE_NONE : AUTH_SAME_SITE_LAX,
                                  .is_partitioned = sessions->is_embedded},
        out_header);
}

struct rg_slice http_login_issuer(const struct config_idp *idp)
{
    if (idp->saml != NULL) {
        return idp->saml->idp.entity_id;
    }
    return idp->oidc != NULL && idp->oidc->trust.issuer_template.size == 0 ? idp->oidc->trust.issuer : idp->name;
}

static rg_status record(struct http_request *request, const struct http_login_job *job)
{
    bool has_failed = job->failure.status != 0;
    const struct auth_session *session = job->session;
    struct http_gate_login login = {
        .kind = has_failed ? AUDIT_LOGIN_FAILED : AUDIT_LOGIN,
        .tenant = has_failed ? (struct rg_slice){0} : job->tenant.id,
        .subject = job->subject,
        .idp = http_login_issuer(job->idp),
        .rule = rg_slice_of(job->failure.rule),
        .message = rg_slice_of(job->failure.reason),
    };
    if (session != NULL && !has_failed) {
        login.session_id = rg_slice_of(session->public_id);
        login.user = session->login.user;
        login.idp = session->login.issuer;
    }
    return http_gate_login(request, &login);
}

static void refuse(struct http_request *request, const struct http_login_job *job)
{
    http_reply_problem(request, job->failure.status, job->failure.rule, job->failure.advice);
}

/* Nobody has its cookie: it ends on a thread that may write. */
static void revoke_run(void *arg)
{
    struct http_login_job *job = arg;
    size_t count = 0;
    const struct auth_session_selector selector = {.kind = AUTH_SELECT_ID,
                                                   .text = rg_slice_of(job->session->public_id)};
    (void)rg_is_ok(auth_sessions_revoke(job->state, &selector, &count));
}

static void revoke_done(struct http_request *request, void *arg)
{
    struct http_login_job *job = arg;
    (void)request;
    http_login_job_free(&job);
}

/* What was made cannot be recorded or given to the browser: it must not stay. Owns job from here on. */
static void take_back(struct http_request *request, struct http_login_job *job)
{
    if (job->session == NULL || !rg_is_ok(http_offload(request, revoke_run, revoke_done, job))) {
        http_login_job_free(&job);
    }
}

struct http_request *http_login_origin(const struct http_login_job *job)
{
    bool has_run = job->failure.status != 0 || job->location.size > 0;
    return has_run && job->origin->plane != NULL ? job->origin : NULL;
}

void http_login_abandon(struct http_login_job *job)
{
    struct http_request *origin = http_login_origin(job);
    if (origin == NULL || (job->session == NULL && job->failure.status == 0)) {
        http_login_job_free(&job);
        return;
    }
    if (job->failure.status == 0) {
        http_login_fail(job, rg_fail(RG_CLOSED, "the client went before it was given its session"), 503, "login.state",
                        "");
    }
    (void)rg_is_ok(record(origin, job)); /* nobody is logged in, whatever becomes of it */
    take_back(origin, job);
}

void http_login_answer(struct http_request *request, struct http_login_job *job)
{
    struct http_header cookie = {0};
    rg_status status = record(request, job);
    if (rg_is_ok(status) && job->failure.status != 0) {
        refuse(request, job);
        http_login_job_free(&job);
        return;
    }
    if (rg_is_ok(status)) {
        status = put_session_cookie(request, job, &cookie);
    }
    if (!rg_is_ok(status)) {
        http_reply_status(request, status, "audit.unavailable", "The login cannot be recorded. Try again in a moment.");
        take_back(request, job);
        return;
    }
    http_redirect_with(request, job->location, 1, &cookie);
    http_login_job_free(&job);
}

void http_login_answer_begin(struct http_request *request, struct http_login_job *job)
{
    struct http_header cookie = {0};
    if (job->failure.status != 0) {
        http_login_answer(request, job);
        return;
    }
    rg_status status = put_login_cookie(request, job, &cookie);
    if (rg_is_ok(status)) {
        http_redirect_with(request, job->location, 1, &cookie);
    } else {
        http_reply_status(request, status, "login.state", "The login cannot begin now. Try again in a moment.");
    }
    http_login_job_free(&job);
}

bool http_login_settle(struct http_request *request, struct http_login_job *job,
                       rg_status (*record_it)(struct http_request *request, const struct http_login_job *job),
                       const char *advice)
{
    struct http_request *origin = request != NULL ? request : http_login_origin(job);
    rg_status status = origin == NULL ? RG_OK : record_it(origin, job);
    bool is_done = request != NULL && rg_is_ok(status) && job->failure.status == 0;
    if (is_done) {
        return true;
    }
    if (request != NULL && !rg_is_ok(status)) {
        http_reply_status(request, status, "audit.unavailable", advice);
    } else if (request != NULL) {
        http_reply_problem(request, job->failure.status, job->failure.rule, job->failure.advice);
    }
    http_login_job_free(&job);
    return false;
}

void http_login_begin(struct http_request *request)
{
    static void (*const beginnings[])(struct http_request *, const struct config_idp *) = {
        [CONFIG_IDP_NONE] = NULL,
        [CONFIG_IDP_OIDC] = http_oidc_begin,
        [CONFIG_IDP_SAML] = http_saml_begin,
    };
    const struct config_idp *idp = http_login_idp(request);
    if (idp == NULL) {
        return;
    }
    if (beginnings[idp->type] == NULL) {
        http_reply_problem(request, 404, "login.idp", "Nobody logs in this way here.");
        return;
    }
    beginnings[idp->type](request, idp);
}
