/* SPDX-License-Identifier: Apache-2.0 */
/* SAML's addresses: the beginning of a login, the assertion consumer, single logout, our metadata. What computes or
 * waits for the store runs on an offload thread; auth/saml.h judges. A browser is told the same whatever was wrong with
 * a message, so that nobody learns from the answers; the record has the rule. */
#include <stdio.h>

#include "auth/form.h"
#include "auth/replay.h"
#include "auth/saml_messages.h"
#include "auth/saml_metadata.h"
#include "proxy/http/gate.h"
#include "proxy/http/login.h"
#include "proxy/http/reply.h"
#include "proxy/worker.h"

enum { MESSAGE_ARENA = 8 << 20, MAX_FORM = 1 << 20 };

static const char refused_advice[] = "The identity provider did not let you in, or we do not accept its word.";
static const char state_advice[] = "The login cannot go on now. Try again in a moment.";

/* ---- jobs ---- */

static void offload(struct http_request *request, void (*run)(void *arg),
                    void (*done)(struct http_request *request, void *arg))
{
    struct http_login_job *job = NULL;
    const struct config_idp *idp = http_login_idp(request);
    if (idp == NULL) {
        return;
    }
    if (idp->saml == NULL) {
        http_reply_problem(request, 404, "login.idp", "Nobody logs in this way here.");
        return;
    }
    if (request->body.size > MAX_FORM) {
        http_reply_problem(request, 413, "http.body.limit", "This form is too large.");
        return;
    }
    rg_status status = http_login_job_new(request, idp, &job);
    if (rg_is_ok(status)) {
        status = http_offload(request, run, done, job);
    }
    if (!rg_is_ok(status)) {
        http_login_job_free(&job);
        http_reply_problem(request, 503, "login.busy", "Too many people log in just now. Try again in a moment.");
    }
}

/* A refusal by the SAML rules keeps the rule's name for the record; all else is a trouble of ours. */
static void fail(struct http_login_job *job, rg_status status, enum auth_saml_rule rule)
{
    bool is_refused = status.error->kind == RG_DENIED || status.error->kind == RG_PROTOCOL;
    http_login_fail(job, status, is_refused ? 403 : 503, is_refused ? "login.refused" : "login.state",
                    is_refused ? refused_advice : state_advice);
    if (is_refused && rule != AUTH_SAML_NONE) {
        size_t size = strlen(job->failure.reason);
        (void)snprintf(job->failure.reason + size, sizeof job->failure.reason - size, " (%s)",
                       auth_saml_rule_name(rule));
    }
}

/* ---- begin ---- */

static void on_begun(struct http_request *request, void *arg)
{
    struct http_login_job *job = arg;
    if (request == NULL) {
        http_login_job_free(&job);
        return;
    }
    http_login_answer_begin(request, job);
}

static rg_status begin(struct http_login_job *job)
{
    char request_id[AUTH_SAML_ID_SIZE];
    char id[AUTH_COOKIE_VALUE_SIZE];
    int64_t now_us = rg_clock_wall_us(job->clock);
    struct auth_saml_asking asking = {.request_id = {request_id, AUTH_SAML_ID_SIZE - 1}};
    struct auth_login login = {.kind = AUTH_SAML, .idp = job->idp->name, .listener = job->listener_name};
    auth_saml_make_id(request_id);
    login.request_id = asking.request_id;
    RG_TRY(config_idp_saml_url(job->listener, job->idp, "acs", &job->arena, &asking.acs_url));
    RG_TRY(http_login_return_to(job->query, &job->arena, &login.return_to));
    RG_TRY(auth_login_put(job->state, &login, job->address, job->browser, now_us, id, job->login_cookie));
    asking.relay_state = rg_slice_of(id);
    return auth_saml_login_url(job->idp->saml, &asking, now_us, &job->arena, &job->location);
}

static void run_begin(void *arg)
{
    struct http_login_job *job = arg;
    rg_status status = begin(job);
    if (!rg_is_ok(status)) {
        http_login_fail(job, status, 503, "login.state", "The login cannot begin now. Try again in a moment.");
    }
}

void http_saml_begin(struct http_request *request, const struct config_idp *idp)
{
    (void)idp; /* offload finds it again, with its checks */
    offload(request, run_begin, on_begun);
}

/* ---- assertion consumer ---- */

static void on_consumed(struct http_request *request, void *arg)
{
    struct http_login_job *job = arg;
    if (request == NULL) {
        http_login_abandon(job);
        return;
    }
    http_login_answer(request, job);
}

/* What was sent must come back to the same provider's address, on the same listener, in the same browser. Where logins
 * may begin at the provider, an answer to nothing of ours is one of those, and must say so itself. */
static rg_status take_login(struct http_login_job *job, struct rg_slice relay_state, struct auth_login *out_login)
{
    struct auth_login login = {0};
    rg_status status =
        auth_login_take(job->state, relay_state, job->browser, rg_clock_wall_us(job->clock), &job->arena, &login);
    if (rg_is_ok(status) && (login.kind != AUTH_SAML || !rg_slice_is_equal(login.idp, job->idp->name) ||
                             !rg_slice_is_equal(login.listener, job->listener_name))) {
        return rg_fail(RG_DENIED, "the login was begun at another provider");
    }
    bool is_unknown = !rg_is_ok(status) && status.error->kind == RG_DENIED;
    if (is_unknown && job->idp->saml->allow_idp_initiated) {
        RG_TRY(http_login_own_path(relay_state, &job->arena, &login.return_to));
        login.request_id = (struct rg_slice){NULL, 0};
        status = RG_OK;
    }
    RG_TRY(status);
    *out_login = login;
    return RG_OK;
}

/* A session keeps claims as texts, by name. */
static rg_status keep_claims(struct http_login_job *job, const struct auth_identity *identity,
                             struct auth_session_new *session)
{
    struct auth_claim_constant *claims = NULL;
    size_t count = 0;
    RG_TRY(rg_arena_array(&job->arena, identity->claim_count, sizeof *claims, (void **)&claims));
    for (size_t i = 0; i < identity->claim_count; i++) {
        const struct auth_claim_value *value = &identity->claims[i];
        if (value->is_present) {
            claims[count++] =
                (struct auth_claim_constant){job->idp->saml->claims[i].name, value->elements, value->count};
        }
    }
    session->claims = claims;
    session->claim_count = count;
    return RG_OK;
}

/* Format and qualifiers in one text, a line each: what a LogoutRequest must say again. */
static rg_status pack_format(struct http_login_job *job, const struct auth_saml_name_id *name,
                             struct rg_slice *out_text)
{
    return rg_arena_printf(&job->arena, out_text, "%.*s\n%.*s\n%.*s", RG_SLICE_ARGS(name->format),
                           RG_SLICE_ARGS(name->name_qualifier), RG_SLICE_ARGS(name->sp_name_qualifier));
}

static rg_status session_of(struct http_login_job *job, const struct auth_saml_login *login,
                            struct auth_session_new *out_session)
{
    struct auth_session_new session = {
        .kind = AUTH_SAML,
        .idp = job->idp->name,
        .issuer = login->identity.issuer,
        .subject = login->identity.subject,
        .user = login->identity.user,
        .expires_us = login->identity.expires_at_us,
        .name_id = login->name_id.value,
        .session_index = login->session_index,
    };
    RG_TRY(pack_format(job, &login->name_id, &session.name_id_format));
    RG_TRY(keep_claims(job, &login->identity, &session));
    *out_session = session;
    return RG_OK;
}

static rg_status judge(struct http_login_job *job, const struct auth_login *kept, struct rg_slice field,
                       struct rg_arena *arena, struct auth_saml_login *out_login, enum auth_saml_rule *out_rule)
{
    struct rg_slice xml = {0};
    struct auth_saml_expected expected = {.request_id = kept->request_id, .now_us = rg_clock_wall_us(job->clock)};
    RG_TRY(config_idp_saml_url(job->listener, job->idp, "acs", arena, &expected.acs_url));
    RG_TRY(auth_saml_decode_post(field, arena, &xml, out_rule));
    RG_TRY(auth_saml_judge(job->idp->saml, &expected, xml, arena, out_login, out_rule));
    return auth_replay_add(job->state, job->idp->name, out_login->assertion_id, out_login->replay_until_us,
                           expected.now_us);
}

static void consume(struct http_login_job *job, struct rg_arena *arena)
{
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    struct rg_slice field = {0};
    struct rg_slice relay_state = {0};
    struct auth_login kept = {0};
    struct auth_saml_login login = {0};
    struct auth_session_new session = {0};
    rg_status status = auth_form_find(job->body, RG_SLICE("SAMLResponse"), arena, &field);
    status = rg_is_ok(status) ? auth_form_find(job->body, RG_SLICE("RelayState"), arena, &relay_state) : status;
    status = rg_is_ok(status) ? take_login(job, relay_state, &kept) : status;
    if (!rg_is_ok(status)) {
        bool is_theirs = status.error->kind == RG_DENIED || status.error->kind == RG_PROTOCOL;
        http_login_fail(job, status, is_theirs ? 403 : 503, "login.state",
                        is_theirs ? "This login took too long, or was begun in another browser. Please begin again."
                                  : state_advice);
        return;
    }
    status = judge(job, &kept, field, arena, &login, &rule);
    status = rg_is_ok(status) ? session_of(job, &login, &session) : status;
    if (!rg_is_ok(status)) {
        fail(job, status, rule);
        return;
    }
    http_login_admit(job, &login.identity, &session, kept.return_to);
    if (!rg_is_ok(rg_arena_copy(&job->arena, login.identity.subject, &job->subject))) {
        job->subject = (struct rg_slice){NULL, 0}; /* the message's memory ends here */
    }
}

/* A message may need more memory than a job has, and only while it is read. */
static void run_acs(void *arg)
{
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    rg_arena_init(&arena, MESSAGE_ARENA);
    consume(arg, &arena);
}

void http_saml_acs(struct http_request *request)
{
    offload(request, run_acs, on_consumed);
}

/* ---- single logout ---- */

static rg_status read_logout(struct http_login_job *job, struct rg_arena *arena, struct auth_saml_logout *out_logout,
                             enum auth_saml_rule *out_rule)
{
    const struct auth_saml_trust *trust = job->idp->saml;
    struct auth_saml_logout_expected expected = {.now_us = rg_clock_wall_us(job->clock)};
    struct rg_slice field = {0};
    struct auth_saml_posted posted = {0};
    RG_TRY(config_idp_saml_url(job->listener, job->idp, "slo", arena, &expected.slo_url));
    if (job->body.size == 0) {
        return auth_saml_logout_read_query(trust, &expected, job->query, arena, out_logout, out_rule);
    }
    RG_TRY(auth_form_find(job->body, RG_SLICE("SAMLRequest"), arena, &field));
    RG_TRY(auth_form_find(job->body, RG_SLICE("RelayState"), arena, &posted.relay_state));
    RG_TRY(auth_saml_decode_post(field, arena, &posted.xml, out_rule));
    return auth_saml_logout_read_post(trust, &expected, &posted, arena, out_logout, out_rule);
}

/* All sessions of the name, or those of its indexes (saml-core 3.7.3.2). */
static rg_status end_sessions(struct http_login_job *job, const struct auth_saml_logout *logout, size_t *out_count)
{
    struct auth_session_selector selector = {
        .kind = AUTH_SELECT_NAME_ID, .idp = job->idp->name, .text = logout->name_id.value};
    size_t count = 0;
    if (logout->session_index_count == 0) {
        return auth_sessions_revoke(job->state, &selector, out_count);
    }
    *out_count = 0;
    for (size_t i = 0; i < logout->session_index_count; i++) {
        selector.session_index = logout->session_indexes[i];
        RG_TRY(auth_sessions_revoke(job->state, &selector, &count));
        *out_count += count;
    }
    return RG_OK;
}

static rg_status obey(struct http_login_job *job, const struct auth_saml_logout *logout)
{
    int64_t now_us = rg_clock_wall_us(job->clock);
    size_t count = 0;
    RG_TRY(auth_replay_add(job->state, job->idp->name, logout->id, logout->replay_until_us, now_us));
    RG_TRY(rg_arena_copy(&job->arena, logout->name_id.value, &job->subject));
    rg_status status = end_sessions(job, logout, &count);
    job->ended_count = count;
    if (auth_saml_has_logout(job->idp->saml)) {
        struct auth_saml_answering answering = {logout->id, logout->relay_state, rg_is_ok(status)};
        RG_TRY(auth_saml_logout_answer_url(job->idp->saml, &answering, now_us, &job->arena, &job->location));
    }
    return status;
}

/* Whether the message says that it answers one of ours. */
static bool is_answer(const struct http_login_job *job, struct rg_arena *arena)
{
    struct rg_slice text = job->body.size > 0 ? job->body : job->query;
    struct rg_slice request = {0};
    struct rg_slice response = {0};
    return rg_is_ok(auth_form_find(text, RG_SLICE("SAMLRequest"), arena, &request)) && request.data == NULL &&
           rg_is_ok(auth_form_find(text, RG_SLICE("SAMLResponse"), arena, &response)) && response.data != NULL;
}

/* An answer changes nothing, since our session ended before the question: it shows the last page also when the provider
 * does not sign it, as some do. Requests must be signed. */
static void run_slo(void *arg)
{
    struct http_login_job *job = arg;
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct auth_saml_logout logout = {0};
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    rg_arena_init(&arena, MESSAGE_ARENA);
    job->location = RG_SLICE("/.rowgate/logged-out");
    job->is_answer = is_answer(job, &arena);
    if (job->is_answer) {
        return;
    }
    rg_status status = read_logout(job, &arena, &logout, &rule);
    if (rg_is_ok(status) && logout.is_request) {
        status = obey(job, &logout);
    }
    if (!rg_is_ok(status)) {
        fail(job, status, rule);
        job->failure.advice = "This logout message is not accepted.";
    }
}

static rg_status record_logout(struct http_request *request, const struct http_login_job *job)
{
    bool has_failed = job->failure.status != 0;
    char text[64];
    if (job->is_answer && !has_failed) {
        return RG_OK; /* the logout that it answers is on record */
    }
    (void)snprintf(text, sizeof text, "the provider ended %zu %s", job->ended_count,
                   job->ended_count == 1 ? "session" : "sessions");
    struct http_gate_login event = {.kind = has_failed ? AUDIT_LOGIN_FAILED : AUDIT_LOGOUT,
                                    .subject = job->subject,
                                    .idp = http_login_issuer(job->idp),
                                    .rule = rg_slice_of(job->failure.rule),
                                    .message = rg_slice_of(has_failed ? job->failure.reason : text)};
    return http_gate_login(request, &event);
}

static void on_slo(struct http_request *request, void *arg)
{
    struct http_login_job *job = arg;
    if (http_login_settle(request, job, record_logout, "The logout cannot be recorded.")) {
        http_redirect(request, job->location);
        http_login_job_free(&job);
    }
}

void http_saml_slo(struct http_request *request)
{
    offload(request, run_slo, on_slo);
}

/* ---- leaving ---- */

static struct rg_slice take_line(struct rg_slice *rest)
{
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    struct rg_slice line = rg_slice_cut(*rest, 0, end == NULL ? rest->size : (size_t)(end - rest->data));
    *rest = rg_slice_cut(*rest, end == NULL ? rest->size : line.size + 1, SIZE_MAX);
    return line;
}

void http_saml_leave(struct http_login_job *job)
{
    const struct auth_session_new *login = &job->session->login;
    if (login->kind != AUTH_SAML || job->idp == NULL || job->idp->saml == NULL ||
        !auth_saml_has_logout(job->idp->saml)) {
        return;
    }
    char id[AUTH_SAML_ID_SIZE];
    struct rg_slice rest = login->name_id_format;
    struct auth_saml_name_id name = {.value = login->name_id};
    name.format = take_line(&rest);
    name.name_qualifier = take_line(&rest);
    name.sp_name_qualifier = take_line(&rest);
    auth_saml_make_id(id);
    struct auth_saml_ending ending = {
        .name_id = &name, .session_index = login->session_index, .request_id = rg_slice_of(id)};
    struct rg_slice url = {0};
    if (rg_is_ok(auth_saml_logout_url(job->idp->saml, &ending, rg_clock_wall_us(job->clock), &job->arena, &url))) {
        job->location = url;
    }
}

/* ---- our metadata ---- */

static rg_status make_metadata(struct http_request *request, const struct config_idp *idp, struct rg_slice *out_xml)
{
    struct rg_slice acs = {0};
    struct rg_slice slo = {0};
    RG_TRY(config_idp_saml_url(request->listener, idp, "acs", &request->arena, &acs));
    RG_TRY(config_idp_saml_url(request->listener, idp, "slo", &request->arena, &slo));
    return auth_saml_metadata_write(idp->saml, acs, slo, &request->arena, out_xml);
}

void http_saml_metadata(struct http_request *request)
{
    const struct config_idp *idp = http_login_idp(request);
    struct rg_slice xml = {0};
    if (idp == NULL) {
        return;
    }
    if (idp->saml == NULL) {
        http_reply_problem(request, 404, "login.idp", "Nobody logs in this way here.");
        return;
    }
    rg_status status = make_metadata(request, idp, &xml);
    if (!rg_is_ok(status)) {
        http_reply_status(request, status, "login.state", "The metadata cannot be made.");
        return;
    }
    http_reply(request, &(struct http_reply){
                            .status = 200, .content_type = RG_SLICE("application/samlmetadata+xml"), .body = xml});
}
