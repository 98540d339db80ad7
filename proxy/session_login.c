/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a login: credential, tenant, policies, limits, what the startup packet asked for, record,
 * welcome. The client's hints (user, database) are compared with the verified identity, never believed. */
#include <stdatomic.h>
#include <stdio.h>

#include "auth/oidc.h"
#include "base/rg_memory.h"
#include "proxy/session_private.h"

enum { CREDENTIAL_BYTES = 16 * 1024 };

/* A login that waits for a provider's keys. Freed by whoever comes last: the loop's callback when on_done was
 * called, else login_cancel_wait. */
struct key_wait {
    struct worker *worker;
    struct auth_jwks_cache *cache;
    uint64_t session_id;
    _Atomic bool is_posted;
};

static enum pipeline_next refuse(struct session *session, const char *sqlstate, const char *rule, const char *message)
{
    struct refusal refusal = refusal_make(sqlstate, rule, message);
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

static enum pipeline_next refuse_status(struct session *session, rg_status status, const char *sqlstate,
                                        const char *rule)
{
    char text[sizeof status.error->text]; /* the thread's slot is filled again while recording */
    (void)snprintf(text, sizeof text, "%s", status.error->text);
    return refuse(session, sqlstate, rule, text);
}

/* ---- asking for the credential ---- */

static const struct config_listener *listener_of(const struct session *session)
{
    return &session->snapshot->config->listeners[session->listener];
}

static rg_status ask_scram(struct session *session)
{
    const struct config_account *account = config_account_find(session->snapshot->config, session->startup.user);
    session->account = account;
    session->scram = rg_memory_alloc(sizeof *session->scram);
    auth_scram_start(session->scram, account == NULL ? NULL : &account->verifier, &session->worker->gateway->scram_mock,
                     session->startup.user);
    session->phase = SESSION_SASL_FIRST;
    const struct rg_slice mechanisms[] = {RG_SLICE("SCRAM-SHA-256")};
    return pgwire_auth_sasl_encode(mechanisms, 1, output_buf(&session->output));
}

void login_start(struct session *session)
{
    const struct config_listener *listener = listener_of(session);
    bool is_account = config_account_find(session->snapshot->config, session->startup.user) != NULL;
    rg_status status;
    if (listener->allows_scram && (is_account || !listener->allows_oidc)) {
        status = ask_scram(session);
    } else {
        session->phase = SESSION_PASSWORD;
        status = pgwire_auth_cleartext_encode(output_buf(&session->output));
    }
    if (!rg_is_ok(status)) {
        (void)refuse_status(session, status, "53200", "session.limits");
        return;
    }
    session_flush(session);
}

/* ---- receiving it ---- */

static void wipe_input(struct session *session, size_t size)
{
    /* the credential stood in the input buffer: overwrite it before the buffer is used again */
    struct rg_slice input = net_stream_input(session->client);
    union {
        const char *borrowed;
        void *writable;
    } bytes = {.borrowed = input.data};
    rg_wipe(bytes.writable, size < input.size ? size : input.size);
    net_stream_consume(session->client, size);
}

static rg_status take_password(struct session *session, struct rg_slice body)
{
    struct rg_slice password;
    RG_TRY(pgwire_password_parse(body, &password));
    if (password.size > CREDENTIAL_BYTES) {
        return rg_fail(RG_DENIED, "token of %zu bytes, limit %d", password.size, CREDENTIAL_BYTES);
    }
    RG_TRY(rg_arena_copy(&session->arena, password, &session->credential));
    session->phase = SESSION_LOGIN;
    return RG_OK;
}

static rg_status take_sasl_first(struct session *session, struct rg_slice body)
{
    struct pgwire_sasl_start start;
    RG_TRY(pgwire_sasl_start_parse(body, &start));
    if (!rg_slice_is_equal(start.mechanism, RG_SLICE("SCRAM-SHA-256")) || start.response.is_null) {
        return rg_fail(RG_DENIED, "client selected an invalid SASL authentication mechanism");
    }
    struct rg_slice answer;
    RG_TRY(auth_scram_first(session->scram, start.response.bytes, &session->arena, &answer));
    RG_TRY(pgwire_auth_sasl_continue_encode(answer, output_buf(&session->output)));
    session->phase = SESSION_SASL_FINAL;
    return RG_OK;
}

static rg_status take_sasl_final(struct session *session, struct rg_slice body)
{
    struct rg_slice response;
    RG_TRY(pgwire_sasl_response_parse(body, &response));
    struct rg_slice answer;
    RG_TRY(auth_scram_final(session->scram, response, &session->arena, &answer));
    RG_TRY(pgwire_auth_sasl_final_encode(answer, output_buf(&session->output)));
    session->phase = SESSION_LOGIN;
    return RG_OK;
}

static rg_status take_message(struct session *session, struct rg_slice body)
{
    switch (session->phase) {
    case SESSION_PASSWORD:
        return take_password(session, body);
    case SESSION_SASL_FIRST:
        return take_sasl_first(session, body);
    case SESSION_SASL_FINAL:
        return take_sasl_final(session, body);
    case SESSION_DEAD:
    case SESSION_STARTUP:
    case SESSION_HANDSHAKE:
    case SESSION_STARTUP_TLS:
    case SESSION_LOGIN:
    case SESSION_READY:
    case SESSION_CLOSING:
        break;
    }
    return rg_fail(RG_INTERNAL, "no credential is due");
}

bool login_on_message(struct session *session)
{
    struct pgwire_limits limits = {.phase = PGWIRE_PHASE_AUTH, .message_bytes = CREDENTIAL_BYTES + 1024};
    struct pgwire_frame frame;
    bool is_complete = false;
    rg_status status = pgwire_frame_peek(net_stream_input(session->client), &limits, &frame, &is_complete);
    if (rg_is_ok(status) && !is_complete) {
        return false;
    }
    if (rg_is_ok(status)) {
        status = take_message(session, frame.body);
        wipe_input(session, frame.size);
    }
    if (!rg_is_ok(status)) {
        bool is_protocol = status.error->kind == RG_PROTOCOL;
        (void)refuse_status(session, status, is_protocol ? "08P01" : "28P01", "login.credential");
        return false;
    }
    session_flush(session);
    return true;
}

void login_forget_credential(struct session *session)
{
    if (session->credential.data != NULL) {
        union {
            const char *borrowed;
            void *writable;
        } bytes = {.borrowed = session->credential.data};
        rg_wipe(bytes.writable, session->credential.size);
        session->credential = (struct rg_slice){0};
    }
    if (session->scram != NULL) {
        auth_scram_done(session->scram);
        rg_memory_free(session->scram);
        session->scram = NULL;
    }
}

/* ---- authenticate ---- */

static void on_keys_in_loop(void *argument)
{
    struct key_wait *wait = argument;
    struct session *session = worker_find(wait->worker, wait->session_id);
    if (session != NULL && session->key_wait == wait) {
        session->key_wait = NULL;
        session_resume(session);
    }
    rg_memory_free(wait);
}

static void on_keys(void *context) /* on the fetch thread */
{
    struct key_wait *wait = context;
    wait->is_posted = true;
    net_loop_post(wait->worker->loop, on_keys_in_loop, wait);
}

void login_cancel_wait(struct session *session)
{
    struct key_wait *wait = session->key_wait;
    if (wait == NULL) {
        return;
    }
    session->key_wait = NULL;
    auth_jwks_cache_cancel(wait->cache, wait);
    if (!wait->is_posted) {
        rg_memory_free(wait);
    }
}

static bool wait_for_keys(struct session *session, size_t trust)
{
    struct rg_slice kid = {0};
    if (session->has_waited_for_keys || !rg_is_ok(auth_oidc_peek_kid(session->credential, &session->arena, &kid))) {
        return false;
    }
    session->has_waited_for_keys = true;
    struct key_wait *wait = rg_memory_alloc(sizeof *wait);
    wait->worker = session->worker;
    wait->cache = session->snapshot->jwks;
    wait->session_id = session->id;
    session->key_wait = wait;
    if (auth_jwks_cache_request(wait->cache, trust, kid, on_keys, wait) == AUTH_REFETCH_COOLING_DOWN) {
        session->key_wait = NULL;
        rg_memory_free(wait);
        return false;
    }
    return true;
}

/* The token's own iss says whom to ask, and nothing else. */
static rg_status find_trust(struct session *session, size_t *out_trust)
{
    const struct config *config = session->snapshot->config;
    struct rg_slice issuer;
    RG_TRY(auth_oidc_peek_issuer(session->credential, &session->arena, &issuer));
    for (size_t i = 0; i < config->trust_count; i++) {
        if (rg_slice_is_equal(config->trusts[i].issuer, issuer)) {
            *out_trust = i;
            return RG_OK;
        }
    }
    return rg_fail(RG_DENIED, "the token's issuer is not trusted here");
}

static enum pipeline_next authenticate_token(struct session *session)
{
    size_t trust = 0;
    rg_status status = find_trust(session, &trust);
    if (!rg_is_ok(status)) {
        return refuse_status(session, status, "28P01", "login.token");
    }
    struct auth_jwks *keys = auth_jwks_cache_find(session->snapshot->jwks, trust);
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    status = auth_oidc_verify(&session->snapshot->config->trusts[trust], keys, session->credential,
                              session_now_us(session), &session->arena, &session->identity, &hint);
    auth_jwks_free(&keys);
    if (rg_is_ok(status)) {
        return PIPELINE_NEXT;
    }
    char text[sizeof status.error->text];
    (void)snprintf(text, sizeof text, "%s", status.error->text);
    if (hint == AUTH_HINT_UNKNOWN_KEY && wait_for_keys(session, trust)) {
        return PIPELINE_SUSPEND;
    }
    return refuse(session, "28P01", "login.token", text);
}

static enum pipeline_next authenticate_account(struct session *session)
{
    if (session->scram->state != AUTH_SCRAM_VERIFIED || session->account == NULL) {
        return refuse(session, "28P01", "login.password", "password authentication failed");
    }
    session->identity = (struct auth_identity){
        .kind = AUTH_SCRAM,
        .subject = session->account->name,
        .user = session->account->name,
        .claim_count = session->snapshot->config->claim_count,
        .claims = session->account->claims,
    };
    return PIPELINE_NEXT;
}

enum pipeline_next login_authenticate(struct session *session)
{
    if (session->key_wait != NULL) {
        return PIPELINE_SUSPEND;
    }
    enum pipeline_next next = session->scram != NULL ? authenticate_account(session) : authenticate_token(session);
    if (next == PIPELINE_NEXT) {
        login_forget_credential(session);
    }
    return next;
}

/* ---- resolve, bind, admit ---- */

static struct rg_slice upstream_database(const struct config *config, struct rg_slice upstream)
{
    const struct config_upstream *row = config_upstream_find(config, upstream);
    return row == NULL ? (struct rg_slice){0} : row->database;
}

static rg_status resolve(struct session *session, const struct config *config, struct tenant *out_tenant)
{
    /* The upstream's database name is only known with the route, so the tenant is found first with the name
     * that was asked for, then judged again with the name its own upstream has. */
    struct tenant tenant;
    RG_TRY(tenants_resolve(&config->registry, &session->identity, session->startup.database, session->startup.database,
                           &session->arena, &tenant));
    struct rg_slice database = upstream_database(config, tenant.route.upstream);
    RG_TRY(tenants_resolve(&config->registry, &session->identity, session->startup.database, database, &session->arena,
                           &tenant));
    *out_tenant = tenant;
    return RG_OK;
}

enum pipeline_next login_resolve(struct session *session)
{
    rg_status status = resolve(session, session->snapshot->config, &session->tenant);
    if (!rg_is_ok(status)) {
        return refuse_status(session, status, "28000", "login.tenant");
    }
    session->limits = config_limits_find(session->snapshot->config, &session->tenant.route);
    return PIPELINE_NEXT;
}

static rg_status bind(struct session *session, const struct config *config, struct policy_binding **out_binding)
{
    const struct config_upstream *upstream = config_upstream_find(config, session->tenant.route.upstream);
    struct policy_subject subject = {
        .tenant = &session->tenant,
        .identity = &session->identity,
        .database = session->startup.database,
        .dialect = upstream != NULL && upstream->kind == CONFIG_UPSTREAM_HYPER ? POLICY_HYPER : POLICY_POSTGRESQL,
    };
    return policy_bind(config->policies, &subject, out_binding);
}

enum pipeline_next login_bind(struct session *session)
{
    rg_status status = bind(session, session->snapshot->config, &session->binding);
    return rg_is_ok(status) ? PIPELINE_NEXT : refuse_status(session, status, "28000", "login.claims");
}

static bool claims_are_alike(const struct config *a, const struct config *b)
{
    if (a->claim_count != b->claim_count) {
        return false;
    }
    for (size_t i = 0; i < a->claim_count; i++) {
        const struct auth_claim_spec *x = &a->claims[i];
        const struct auth_claim_spec *y = &b->claims[i];
        if (!rg_slice_is_equal(x->name, y->name) || x->type.scalar != y->type.scalar ||
            x->type.is_array != y->type.is_array || !rg_slice_is_equal(x->oidc_path, y->oidc_path)) {
            return false;
        }
    }
    return true;
}

static bool is_still_trusted(const struct session *session, const struct config *config)
{
    if (session->identity.kind == AUTH_SCRAM) {
        return config_account_find(config, session->identity.subject) != NULL;
    }
    for (size_t i = 0; i < config->trust_count; i++) {
        if (rg_slice_is_equal(config->trusts[i].name, session->identity.idp) &&
            rg_slice_is_equal(config->trusts[i].issuer, session->identity.issuer)) {
            return true;
        }
    }
    return false;
}

/* An account's name and claims lie in the snapshot it logged in under: copied when the snapshot goes. */
static rg_status keep_identity(struct session *session)
{
    struct auth_identity *identity = &session->identity;
    if (identity->kind != AUTH_SCRAM) {
        return RG_OK;
    }
    const struct config_account *account = config_account_find(session->worker->snapshot->config, identity->subject);
    if (account == NULL) {
        return rg_fail(RG_DENIED, "the service account was removed");
    }
    identity->subject = account->name;
    identity->user = account->name;
    identity->claims = account->claims;
    return RG_OK;
}

static rg_status rebind(struct session *session)
{
    const struct config *old = session->snapshot->config;
    const struct config *config = session->worker->snapshot->config;
    if (!claims_are_alike(old, config) || !is_still_trusted(session, config)) {
        return rg_fail(RG_DENIED, "the configuration changed; log in again");
    }
    struct tenant tenant;
    RG_TRY(keep_identity(session));
    RG_TRY(resolve(session, config, &tenant));
    if (!rg_slice_is_equal(tenant.id, session->tenant.id) ||
        !rg_slice_is_equal(tenant.route.upstream, session->tenant.route.upstream)) {
        return rg_fail(RG_DENIED, "the tenant's route changed; log in again");
    }
    session->tenant = tenant; /* the same id, so quota and cancel key stay right */
    session->limits = config_limits_find(config, &session->tenant.route);
    struct policy_binding *binding = NULL;
    RG_TRY(bind(session, config, &binding));
    policy_binding_free(&session->binding);
    session->binding = binding;
    prepared_forget_plans(&session->prepared);
    snapshot_free(&session->snapshot);
    session->snapshot = snapshot_ref(session->worker->snapshot);
    return RG_OK;
}

rg_status session_rebind(struct session *session)
{
    struct auth_identity identity = session->identity;
    struct tenant tenant = session->tenant;
    const struct config_limits *limits = session->limits;
    rg_status status = rebind(session);
    if (!rg_is_ok(status)) { /* nothing may point into a snapshot that the session does not hold */
        session->identity = identity;
        session->tenant = tenant;
        session->limits = limits;
    }
    return status;
}

static void draw_keys(struct session *session)
{
    char owner[512];
    int size = snprintf(owner, sizeof owner, "%.*s\n%.*s\n%.*s", rg_slice_shown(session->tenant.id),
                        session->tenant.id.data, rg_slice_shown(session->identity.idp),
                        session->identity.idp.data == NULL ? "" : session->identity.idp.data,
                        rg_slice_shown(session->identity.subject), session->identity.subject.data);
    keys_add(session->worker->gateway->keys, session->id, session->worker->index, rg_slice_make(owner, (size_t)size),
             &session->key);
    session->has_key = true;
}

enum pipeline_next login_admit(struct session *session)
{
    rg_status status =
        quota_take(session->worker->gateway->quota, session->tenant.id, session->limits->max_connections);
    if (!rg_is_ok(status)) {
        return refuse_status(session, status, "53300", "limits.connections");
    }
    session->has_quota = true;
    draw_keys(session);
    return PIPELINE_NEXT;
}

/* ---- what the startup packet asked for ---- */

static rg_status put_quoted(struct rg_buf *buf, struct rg_slice text, char quote)
{
    RG_TRY(rg_buf_put_u8(buf, (uint8_t)quote));
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == quote) {
            RG_TRY(rg_buf_put_u8(buf, (uint8_t)quote));
        }
        RG_TRY(rg_buf_put_u8(buf, (uint8_t)text.data[i]));
    }
    return rg_buf_put_u8(buf, (uint8_t)quote);
}

/* The settings as SET statements, so that one allow-list judges both. */
static rg_status settings_text(const struct session *session, struct rg_buf *buf)
{
    for (size_t i = 0; i < session->startup.setting_count; i++) {
        const struct pgwire_setting *setting = &session->startup.settings[i];
        RG_TRY(rg_buf_put(buf, RG_SLICE("SET ")));
        RG_TRY(put_quoted(buf, setting->name, '"'));
        RG_TRY(rg_buf_put(buf, RG_SLICE(" TO ")));
        RG_TRY(put_quoted(buf, setting->value, '\''));
        RG_TRY(rg_buf_put(buf, RG_SLICE(";\n")));
    }
    return RG_OK;
}

static enum pipeline_next refuse_setting(struct session *session, const struct policy_cached *cached)
{
    struct refusal refusal = refusal_make("42501", "login.setting", "a startup setting is not allowed");
    for (size_t i = 0; i < cached->plan.count; i++) {
        const struct policy_statement *statement = &cached->plan.statements[i];
        if (statement->verdict == POLICY_DENY) {
            memcpy(refusal.sqlstate, statement->sqlstate, sizeof refusal.sqlstate);
            refusal.message = statement->message;
            refusal.hint = statement->hint;
            break;
        }
    }
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

static bool is_virtual(const struct policy_cached *cached)
{
    for (size_t i = 0; i < cached->plan.count; i++) {
        if (!rg_slice_is_equal(cached->plan.statements[i].text, RG_SLICE("SET standard_conforming_strings = on"))) {
            return false;
        }
    }
    return true;
}

static rg_status forward_settings(struct session *session, struct policy_cached *cached)
{
    struct rg_buf text;
    struct rg_buf message;
    rg_buf_init(&text, PGWIRE_STARTUP_MAX * 4);
    rg_buf_init(&message, PGWIRE_STARTUP_MAX * 4);
    rg_status status = RG_OK;
    for (size_t i = 0; i < cached->plan.count && rg_is_ok(status); i++) {
        status = rg_buf_put(&text, cached->plan.statements[i].text);
        if (rg_is_ok(status)) {
            status = rg_buf_put(&text, STATEMENT_SEPARATOR);
        }
    }
    if (rg_is_ok(status)) {
        status = pgwire_query_encode(rg_buf_slice(&text), &message);
    }
    if (rg_is_ok(status)) {
        status = upstream_write(session, rg_buf_slice(&message));
    }
    rg_buf_done(&text);
    rg_buf_done(&message);
    RG_TRY(status);
    struct request *request = NULL;
    RG_TRY(requests_add(&session->requests, 'Q', NULL, &request));
    request->is_hidden = true;
    request->is_settings = true;
    session->batches_forwarded++;
    session->has_forwarded_settings = true;
    session_start_statement_timer(session);
    return RG_OK;
}

static enum pipeline_next apply_settings(struct session *session, struct policy_cached *cached)
{
    if (cached->plan.is_denied) {
        return refuse_setting(session, cached);
    }
    statement_apply_effects(session, cached);
    if (session->phase != SESSION_LOGIN) {
        return PIPELINE_REFUSED; /* over the session's limits */
    }
    if (is_virtual(cached)) {
        return PIPELINE_NEXT;
    }
    rg_status status = forward_settings(session, cached);
    return rg_is_ok(status) ? PIPELINE_SUSPEND : refuse_status(session, status, "08006", "upstream.unavailable");
}

enum pipeline_next login_settings(struct session *session)
{
    if (session->has_forwarded_settings) {
        return session->requests.count > 0 ? PIPELINE_SUSPEND : PIPELINE_NEXT; /* session_reply.c resumed us */
    }
    if (session->startup.setting_count == 0) {
        return PIPELINE_NEXT;
    }
    struct rg_buf text;
    rg_buf_init(&text, PGWIRE_STARTUP_MAX * 4);
    struct policy_cached *cached = NULL;
    rg_status status = settings_text(session, &text);
    if (rg_is_ok(status)) {
        status = statement_find_plan(session, POLICY_SIMPLE, rg_buf_slice(&text), &cached);
    }
    rg_buf_done(&text);
    if (!rg_is_ok(status)) {
        return refuse_status(session, status, "54000", "login.setting");
    }
    enum pipeline_next next = apply_settings(session, cached);
    policy_cached_free(&cached);
    return next;
}

/* ---- record, welcome ---- */

enum pipeline_next login_record(struct session *session)
{
    struct audit_event event = record_event(session, AUDIT_LOGIN);
    event.verdict = AUDIT_ALLOWED;
    uint64_t ticket = 0;
    rg_status status = worker_submit(session->worker, &event, session, &ticket);
    if (rg_is_ok(status)) {
        session->is_logged_in = true;
        status = output_close(&session->output, ticket, 0);
    }
    return rg_is_ok(status) ? PIPELINE_NEXT : refuse_status(session, status, "58030", "audit.unavailable");
}

static rg_status put_parameter(struct session *session, const char *name, struct rg_slice value)
{
    struct pgwire_parameter parameter = {rg_slice_of(name), value};
    return pgwire_parameter_encode(&parameter, output_buf(&session->output));
}

static rg_status put_welcome(struct session *session)
{
    /* The upstream's own values where they say nothing of its login; ours where they would. */
    static const char *const passed[] = {"server_version", "server_encoding",   "DateStyle",     "TimeZone",
                                         "IntervalStyle",  "integer_datetimes", "in_hot_standby"};
    struct rg_buf *buf = output_buf(&session->output);
    RG_TRY(pgwire_auth_ok_encode(buf));
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        const char *value = session->upstream == NULL ? NULL : net_upstream_parameter(session->upstream, passed[i]);
        if (value != NULL) {
            RG_TRY(put_parameter(session, passed[i], rg_slice_of(value)));
        }
    }
    RG_TRY(put_parameter(session, "client_encoding", RG_SLICE("UTF8")));
    RG_TRY(put_parameter(session, "standard_conforming_strings", RG_SLICE("on")));
    RG_TRY(put_parameter(session, "is_superuser", RG_SLICE("off")));
    RG_TRY(put_parameter(session, "session_authorization", session->identity.user));
    RG_TRY(put_parameter(session, "application_name", session->settings->application_name));
    RG_TRY(pgwire_key_encode((struct pgwire_key){session->key.pid, session->key.secret}, buf));
    return pgwire_ready_encode(PGWIRE_TRANSACTION_IDLE, buf);
}

enum pipeline_next login_welcome(struct session *session)
{
    rg_status status = put_welcome(session);
    if (!rg_is_ok(status)) {
        return refuse_status(session, status, "53200", "session.limits");
    }
    net_timer_stop(&session->login_timer);
    net_stream_set_limits(session->client, POLICY_TEXT_MAX + 8192, NET_STREAM_OUTPUT_BYTES);
    session->phase = SESSION_READY;
    session->account = NULL;
    rg_log_event(session->worker->gateway->log, RG_LOG_DEBUG, "sql.session.start", "s:I, s:s, s:s%, s:s%, s:s",
                 "session", (long long)session->id, "client", session->peer, "tenant", session->tenant.id.data,
                 session->tenant.id.size, "user", session->identity.user.data, session->identity.user.size, "tls",
                 net_stream_tls_version(session->client));
    session_go_idle(session);
    return PIPELINE_NEXT;
}
