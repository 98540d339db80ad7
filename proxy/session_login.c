/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a login: credential, tenant, policies, limits, what the startup packet asked for, record,
 * welcome. The client's hints (user, database) are compared with the verified identity, never believed. */
#include <stdatomic.h>
#include <stdio.h>

#include "auth/oidc.h"
#include "base/rg_memory.h"
#include "proxy/bindings.h"
#include "proxy/session_private.h"
#include "proxy/view.h"

/* A login that waits for a provider's keys. Freed by whoever comes last: the loop's callback when on_done was
 * called, else login_cancel_wait. */
struct key_wait {
    struct worker *worker;
    struct auth_jwks_cache *cache;
    uint64_t session_id;
    _Atomic bool is_posted;
};

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
        if (auth_trust_names_issuer(&config->trusts[i], issuer)) {
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
        return login_refuse_status(session, status, "28P01", "login.token");
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
    return login_refuse(session, "28P01", "login.token", text);
}

static enum pipeline_next authenticate_account(struct session *session)
{
    if (session->scram->state != AUTH_SCRAM_VERIFIED || session->account == NULL) {
        return login_refuse(session, "28P01", "login.password", "password authentication failed");
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

/* On a listener for capsules alone, nothing else is one. */
static enum pipeline_next authenticate(struct session *session)
{
    const struct config_listener *listener = &session->snapshot->config->listeners[session->listener];
    if (session->scram != NULL) {
        return authenticate_account(session);
    }
    bool is_capsule = listener->allows_capsule && auth_capsule_is_one(session->credential);
    return is_capsule || !listener->allows_oidc ? capsule_authenticate(session) : authenticate_token(session);
}

enum pipeline_next login_authenticate(struct session *session)
{
    if (session->key_wait != NULL) {
        return PIPELINE_SUSPEND;
    }
    enum pipeline_next next = authenticate(session);
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
    struct tenant tenant = {0};
    rg_status status = resolve(session, session->snapshot->config, &tenant);
    if (session->capsule != NULL && !rg_is_ok(status)) {
        return capsule_refuse(session, status.error->text);
    }
    if (session->capsule != NULL && !rg_slice_is_equal(tenant.id, session->capsule->tenant)) {
        return capsule_refuse(session, "the capsule is for another tenant than its caller has now");
    }
    session->tenant = tenant;
    if (!rg_is_ok(status)) {
        return login_refuse_status(session, status, "28000", "login.tenant");
    }
    session->limits = config_limits_find(session->snapshot->config, &session->tenant.route);
    return login_check_revoked(session);
}

static rg_status bind(struct session *session, const struct config *config, struct policy_binding **out_binding)
{
    const struct policy_subject subject =
        view_subject(config, &session->tenant, &session->identity, session->startup.database);
    return bindings_bind(session->worker->bindings, config->policies, &subject, out_binding);
}

enum pipeline_next login_bind(struct session *session)
{
    rg_status status = bind(session, session->snapshot->config, &session->binding);
    if (rg_is_ok(status) && !capsule_fits(session, session->binding)) {
        return capsule_refuse(session, "the capsule was made for another view: policies or claims have changed since");
    }
    return rg_is_ok(status) ? PIPELINE_NEXT : login_refuse_status(session, status, "28000", "login.claims");
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
    const struct auth_identity *who = &session->identity;
    if (who->kind == AUTH_SCRAM) {
        return config_account_find(config, who->subject) != NULL;
    }
    return config_idp_is_trusted(config, config_idp_find(config, who->idp), who->kind, who->issuer,
                                 session->browser != NULL);
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
    if (!capsule_fits(session, binding)) {
        policy_binding_free(&binding);
        return rg_fail(RG_DENIED, "what this connection may see has changed; log in again");
    }
    policy_binding_free(&session->binding);
    session->binding = binding;
    session->is_break_glass = config_is_break_glass(config, session->identity.user, session->tenant.id);
    prelude_forget(session);
    prepared_forget_plans(&session->prepared);
    catalog_forget(session);
    snapshot_free(&session->snapshot);
    session->snapshot = snapshot_ref(session->worker->snapshot);
    session->is_route_new = true;
    return RG_OK;
}

rg_status session_rebind(struct session *session)
{
    struct auth_identity identity = session->identity;
    struct tenant tenant = session->tenant;
    struct config_limits limits = session->limits;
    rg_status status = rebind(session);
    if (!rg_is_ok(status)) { /* nothing may point into a snapshot that the session does not hold */
        session->identity = identity;
        session->tenant = tenant;
        session->limits = limits;
    }
    return status;
}

/* Who may cancel this session by its pid in SQL: the same subject of the same provider in the same tenant. */
static rg_status draw_keys(struct session *session)
{
    const struct auth_identity *who = &session->identity;
    const char *idp = who->idp.data == NULL ? "" : who->idp.data;
    RG_TRY(rg_arena_printf(&session->arena, &session->owner, "%.*s\n%.*s\n%.*s", (int)session->tenant.id.size,
                           session->tenant.id.data, (int)who->idp.size, idp, (int)who->subject.size,
                           who->subject.data));
    keys_add(session->worker->gateway->keys, session->id, session->worker->index, session->owner, &session->key);
    session->has_key = true;
    return RG_OK;
}

static enum pipeline_next refuse_closed(struct session *session)
{
    struct refusal refusal = gate_refusal(session);
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

enum pipeline_next login_admit(struct session *session)
{
    session->is_break_glass =
        config_is_break_glass(session->snapshot->config, session->identity.user, session->tenant.id);
    if (!gate_is_open(session)) {
        return refuse_closed(session);
    }
    struct gateway *gateway = session->worker->gateway;
    rg_status status = quota_take(gateway->quota, QUOTA_SESSIONS, session->tenant.id,
                                  session_limit(session, CONFIG_LIMIT_CONCURRENCY));
    if (!rg_is_ok(status)) {
        struct limit_words words;
        struct refusal refusal = limit_refusal(session, CONFIG_LIMIT_CONCURRENCY, &words);
        session_fatal(session, &refusal);
        return PIPELINE_REFUSED;
    }
    char key[RATE_KEY_MAX];
    session->rate = rate_find(gateway->statement_rate, rate_tenant_key(session->tenant.id, key));
    session->has_quota = true;
    status = draw_keys(session);
    return rg_is_ok(status) ? PIPELINE_NEXT : login_refuse_status(session, status, "53200", "session.limits");
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
        count_login(session);
        status = output_close(&session->output, ticket, 0);
    }
    if (rg_is_ok(status)) {
        return PIPELINE_NEXT;
    }
    rg_log_event(session->worker->gateway->log, RG_LOG_ERROR, "audit.submit_failed", "s:I, s:s", "session",
                 (long long)session->id, "reason", status.error->text);
    return refuse_closed(session);
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
        return login_refuse_status(session, status, "53200", "session.limits");
    }
    net_timer_stop(&session->login_timer);
    net_stream_set_limits(session->client, SESSION_TEXT_MAX + 8192, NET_STREAM_OUTPUT_BYTES);
    session->phase = SESSION_READY;
    session->account = NULL;
    rg_log_event(session->worker->gateway->log, RG_LOG_DEBUG, "sql.session.start", "s:I, s:s, s:s%, s:s%, s:s",
                 "session", (long long)session->id, "client", session_shown_peer(session), "tenant",
                 session->tenant.id.data, session->tenant.id.size, "user",
                 session_is_sealed(session) ? "" : session->identity.user.data,
                 session_is_sealed(session) ? (size_t)0 : session->identity.user.size, "tls",
                 net_stream_tls_version(session->client));
    session_go_idle(session);
    return PIPELINE_NEXT;
}
