/* SPDX-License-Identifier: Apache-2.0 */
/* A session's life: accept, TLS, startup packet, the pump that feeds messages to the pipelines, the gated
 * output, and the end. What a message means is in session_message.c. */
#include "proxy/session.h"

#include <stdio.h>

#include "base/rg_memory.h"
#include "proxy/session_private.h"

enum { TLS_HANDSHAKE_RECORD = 0x16, STARTUP_INPUT_BYTES = 64 * 1024, DEFAULT_LOGIN_MS = 30000 };

bool session_is_dead(const struct session *session)
{
    return session->phase == SESSION_DEAD;
}

uint64_t session_id(const struct session *session)
{
    return session->id;
}

struct session *session_next(const struct session *session)
{
    return session->next;
}

int64_t session_now_us(const struct session *session)
{
    return rg_clock_wall_us(session->worker->gateway->clock);
}

void session_set_settings(struct session *session, struct settings *settings)
{
    settings_free(&session->settings);
    session->settings = settings;
}

/* ---- drain ---- */

static bool is_idle(const struct session *session)
{
    return session->phase == SESSION_READY && session->transaction == PGWIRE_TRANSACTION_IDLE &&
           session->requests.count == 0 && !session->is_suspended && output_is_empty(&session->output);
}

static void shut_down(struct session *session)
{
    struct refusal refusal = refusal_make("57P01", "server.shutdown", "rowgate is shutting down");
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

/* ---- output ---- */

static void finish_if_closing(struct session *session)
{
    if (session->phase == SESSION_CLOSING && output_is_empty(&session->output)) {
        net_stream_finish(&session->client);
        session_end(session, SESSION_ENDED_BY_US);
    }
}

static void update_back_pressure(struct session *session)
{
    if (session->server == NULL) {
        return;
    }
    size_t waiting = rg_buf_size(&session->output.held) + net_stream_pending(session->client);
    size_t records = session->output.barrier_count;
    if (!session->is_server_paused && (waiting > SESSION_PAUSE_BYTES || records > OUTPUT_BARRIERS_MAX / 4)) {
        session->is_server_paused = true;
        net_stream_pause(session->server);
    } else if (session->is_server_paused && waiting <= SESSION_PAUSE_BYTES / 2 && records <= OUTPUT_BARRIERS_MAX / 8) {
        session->is_server_paused = false;
        net_stream_resume(session->server);
    }
}

static void on_idle_timeout(void *context);

/* A client that sends no Sync, too, is idle when nothing is outstanding. */
static void watch_idleness(struct session *session)
{
    bool is_quiet = session->phase == SESSION_READY && session->requests.count == 0 && !session->is_suspended;
    if (is_quiet && !net_timer_is_running(&session->idle_timer)) {
        net_timer_start(session->worker->loop, &session->idle_timer, (uint64_t)session->limits->idle_timeout_us / 1000,
                        on_idle_timeout, session);
    }
}

void session_flush(struct session *session)
{
    if (session_is_dead(session)) {
        return;
    }
    while (!net_stream_is_full(session->client)) {
        struct rg_slice ready = rg_slice_cut(output_ready(&session->output), 0, NET_STREAM_HIGH_BYTES);
        if (ready.size == 0) {
            break;
        }
        if (!rg_is_ok(net_stream_write(session->client, ready))) {
            session_end(session, SESSION_ENDED_BY_CLIENT);
            return;
        }
        output_consume(&session->output, ready.size);
    }
    finish_if_closing(session);
    if (session_is_dead(session)) {
        return;
    }
    update_back_pressure(session);
    watch_idleness(session);
    if (session->is_draining && is_idle(session)) {
        shut_down(session);
    }
}

void session_on_durable(struct session *session, uint64_t ticket, uint64_t sequence)
{
    if (session_is_dead(session)) {
        return;
    }
    output_durable(&session->output, ticket, sequence);
    for (struct request *request = session->requests.first; request != NULL; request = request->next) {
        if (request->refusal_ticket == ticket) {
            request->is_refusal_durable = true;
            request->refusal_sequence = sequence;
        }
    }
    session_flush(session);
    if (!session_is_dead(session) && session->wait_ticket == ticket) {
        session->wait_ticket = 0;
        session_resume(session);
    }
}

void session_on_fault(struct session *session)
{
    if (session_is_dead(session)) {
        return;
    }
    bool holds_something =
        session->output.barrier_count > 0 || session->wait_ticket != 0 || session->requests.count > 0;
    if (!holds_something && session->phase != SESSION_LOGIN) {
        return; /* the next statement is refused */
    }
    /* What is held has no record and must not leave. */
    output_done(&session->output);
    output_init(&session->output, SESSION_OUTPUT_BYTES);
    struct refusal refusal =
        refusal_make("58030", "audit.unavailable", "the audit log cannot be written; nothing is answered unrecorded");
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

/* ---- the end ---- */

static void release_identity(struct session *session)
{
    struct gateway *gateway = session->worker->gateway;
    login_cancel_wait(session);
    login_forget_credential(session);
    if (session->has_quota) {
        quota_give(gateway->quota, session->tenant.id);
        session->has_quota = false;
    }
    if (session->has_key) {
        keys_remove(gateway->keys, session->key.pid);
        session->has_key = false;
    }
}

void session_stop_timers(struct session *session)
{
    net_timer_stop(&session->login_timer);
    net_timer_stop(&session->idle_timer);
    net_timer_stop(&session->statement_timer);
    net_timer_stop(&session->retry_timer);
}

static void record_logout(struct session *session, enum session_end_reason reason)
{
    static const char *const reasons[] = {"closed by the client", "closed by rowgate", "upstream lost"};
    if (!session->is_logged_in) {
        return;
    }
    struct audit_event event = record_event(session, AUDIT_LOGOUT);
    event.message = rg_slice_of(reasons[reason]);
    uint64_t ticket = 0;
    rg_status status = worker_submit(session->worker, &event, NULL, &ticket);
    if (!rg_is_ok(status)) {
        rg_log_event(session->worker->gateway->log, RG_LOG_ERROR, "audit.submit_failed", "s:s", "reason",
                     status.error->text);
    }
}

void session_end(struct session *session, enum session_end_reason reason)
{
    if (session_is_dead(session)) {
        return;
    }
    session->phase = SESSION_DEAD;
    session->worker->has_dead = true;
    session_stop_timers(session);
    upstream_close(session);
    record_logout(session, reason);
    net_stream_close(&session->client);
    release_identity(session);
    worker_forget(session->worker, session);
}

void session_free(struct session *session)
{
    RG_ASSERT(session_is_dead(session));
    struct worker *worker = session->worker;
    if (session->previous != NULL) {
        session->previous->next = session->next;
    } else {
        worker->sessions = session->next;
    }
    if (session->next != NULL) {
        session->next->previous = session->previous;
    }
    worker->session_count--;
    policy_cached_free(&session->command.cached);
    policy_cached_free(&session->described);
    requests_done(&session->requests);
    prepared_set_done(&session->prepared);
    settings_free(&session->settings);
    settings_free(&session->settings_before);
    policy_binding_free(&session->binding);
    output_done(&session->output);
    rg_arena_done(&session->arena);
    snapshot_free(&session->snapshot);
    rg_memory_free(session);
}

void session_close(struct session *session)
{
    session_end(session, SESSION_ENDED_BY_US);
}

void session_drain(struct session *session)
{
    session->is_draining = true;
    if (is_idle(session)) {
        shut_down(session);
    } else if (session->phase != SESSION_READY && session->phase != SESSION_CLOSING) {
        session_end(session, SESSION_ENDED_BY_US);
    }
}

void session_cancel(struct session *session)
{
    if (!session_is_dead(session) && session->requests.count > 0) {
        upstream_cancel(session);
    }
}

/* ---- timers ---- */

static void on_closing_timeout(void *context)
{
    session_end(context, SESSION_ENDED_BY_US);
}

void session_start_closing(struct session *session)
{
    session_stop_timers(session);
    session->phase = SESSION_CLOSING;
    net_timer_start(session->worker->loop, &session->login_timer, SESSION_CLOSING_MS, on_closing_timeout, session);
}

static void on_login_timeout(void *context)
{
    struct session *session = context;
    struct refusal refusal = refusal_make("57014", "limits.login_timeout", "login took too long");
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

static void on_idle_timeout(void *context)
{
    struct session *session = context;
    if (session->requests.count > 0 || session->is_suspended) {
        return;
    }
    struct refusal refusal = refusal_make("57P05", "limits.idle_timeout", "session ended: idle for too long");
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

/* Whether rowgate's own error may take the place of this answer: only where a result is due and none was stopped
 * already. Elsewhere the upstream's own error says that it was cancelled. */
static bool may_substitute(const struct request *request)
{
    bool is_result = request->type == 'Q' || request->type == 'E';
    return is_result && !request->is_hidden && !request->is_failed && request->refusal_text == NULL;
}

static void on_statement_timeout(void *context)
{
    struct session *session = context;
    struct request *request = session->requests.first;
    if (request == NULL) {
        return;
    }
    if (session->is_cancelling) {
        struct refusal refusal = refusal_make("57014", "limits.statement_timeout",
                                              "statement took too long and the upstream did not cancel it");
        refusal.is_fatal = true;
        session_fatal(session, &refusal);
        return;
    }
    if (may_substitute(request)) {
        struct refusal refusal =
            refusal_make("57014", "limits.statement_timeout", "canceling statement due to statement timeout");
        request->is_substituted = true;
        request_set_refusal(request, &refusal);
    }
    upstream_cancel(session);
    net_timer_start(session->worker->loop, &session->statement_timer, SESSION_CANCEL_GRACE_MS, on_statement_timeout,
                    session);
}

void session_start_statement_timer(struct session *session)
{
    int64_t timeout_us = session->limits->statement_timeout_us;
    int64_t wanted_ms = session->settings->statement_timeout_ms;
    if (wanted_ms > 0 && wanted_ms <= timeout_us / 1000) {
        timeout_us = wanted_ms * 1000;
    }
    session->is_cancelling = false;
    net_timer_start(session->worker->loop, &session->statement_timer, (uint64_t)(timeout_us + 999) / 1000,
                    on_statement_timeout, session);
}

/* ---- input ---- */

void session_suspend(struct session *session)
{
    session->is_suspended = true;
    net_stream_pause(session->client);
}

void session_resume(struct session *session)
{
    if (session_is_dead(session) || !session->is_suspended) {
        return;
    }
    session->is_suspended = false;
    net_stream_resume(session->client);
    session_pump(session);
}

static void on_handshake_done(void *context, struct net_stream *stream, const char *error)
{
    struct session *session = context;
    if (session->phase != SESSION_HANDSHAKE) {
        return; /* refused meanwhile: the login took too long */
    }
    if (error != NULL) {
        rg_log_event(session->worker->gateway->log, RG_LOG_INFO, "sql.tls.failed", "s:s, s:s", "client", session->peer,
                     "reason", error);
        session_end(session, SESSION_ENDED_BY_CLIENT);
        return;
    }
    if (session->is_direct_tls && !rg_slice_is_equal(net_stream_tls_alpn(stream), RG_SLICE("postgresql"))) {
        session_end(session, SESSION_ENDED_BY_US); /* direct TLS requires ALPN (libpq, sslnegotiation=direct) */
        return;
    }
    session->phase = SESSION_STARTUP_TLS;
    session_pump(session);
}

static void start_handshake(struct session *session)
{
    session->phase = SESSION_HANDSHAKE;
    net_stream_start_tls(session->client, session->snapshot->config->listeners[session->listener].tls->server,
                         on_handshake_done, session);
}

static void answer_ssl_request(struct session *session)
{
    if (net_stream_input(session->client).size > 0) {
        /* Bytes sent in clear behind the request would count as sent inside TLS (CVE-2021-23214). */
        struct refusal refusal = refusal_make("08P01", "tls.smuggled", "received unencrypted data after SSL request");
        refusal.is_fatal = true;
        session_fatal(session, &refusal);
        return;
    }
    if (!rg_is_ok(net_stream_write(session->client, RG_SLICE("S")))) {
        session_end(session, SESSION_ENDED_BY_CLIENT);
        return;
    }
    start_handshake(session);
}

static void answer_cancel_request(struct session *session)
{
    struct keys_entry entry;
    if (keys_find(session->worker->gateway->keys, session->startup.cancel_pid, session->startup.cancel_secret,
                  &entry)) {
        gateway_cancel(session->worker->gateway, &entry);
    }
    session_end(session, SESSION_ENDED_BY_CLIENT); /* no answer, ever */
}

static void start_session(struct session *session)
{
    if (session->phase != SESSION_STARTUP_TLS) {
        struct refusal refusal = refusal_make("28000", "tls.required", "TLS is required");
        refusal.hint = RG_SLICE("Connect with sslmode=require or stronger.");
        refusal.is_fatal = true;
        session_fatal(session, &refusal);
        return;
    }
    struct rg_buf *buf = output_buf(&session->output);
    const struct pgwire_startup *startup = &session->startup;
    if (startup->minor > 0 || startup->extension_count > 0) {
        if (!rg_is_ok(pgwire_negotiate_encode(0, startup->extensions, startup->extension_count, buf))) {
            session_end(session, SESSION_ENDED_BY_US);
            return;
        }
    }
    login_start(session);
}

static void handle_startup(struct session *session)
{
    bool is_tls = session->phase == SESSION_STARTUP_TLS;
    switch (session->startup.kind) {
    case PGWIRE_STARTUP_SSL:
        is_tls ? session_end(session, SESSION_ENDED_BY_US) : answer_ssl_request(session);
        return;
    case PGWIRE_STARTUP_GSSENC:
        if (is_tls || !rg_is_ok(net_stream_write(session->client, RG_SLICE("N")))) {
            session_end(session, SESSION_ENDED_BY_US);
        }
        return;
    case PGWIRE_STARTUP_CANCEL:
        answer_cancel_request(session);
        return;
    case PGWIRE_STARTUP_SESSION:
        start_session(session);
        return;
    case PGWIRE_STARTUP_NONE:
        break;
    }
    session_end(session, SESSION_ENDED_BY_US);
}

static void refuse_startup(struct session *session, rg_status status)
{
    struct refusal refusal = refusal_from_status(status, "protocol.startup");
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

/* The first packets. false = more bytes are needed. */
static bool on_startup(struct session *session)
{
    struct rg_slice input = net_stream_input(session->client);
    if (session->phase == SESSION_STARTUP && input.size > 0 && (unsigned char)input.data[0] == TLS_HANDSHAKE_RECORD) {
        session->is_direct_tls = true;
        start_handshake(session);
        return false;
    }
    struct pgwire_frame frame;
    bool is_complete = false;
    rg_status status = pgwire_startup_peek(input, &frame, &is_complete);
    if (rg_is_ok(status) && !is_complete) {
        return false;
    }
    if (rg_is_ok(status)) {
        status = pgwire_startup_parse(frame.body, &session->arena, &session->startup);
    }
    if (!rg_is_ok(status)) {
        refuse_startup(session, status);
        return false;
    }
    net_stream_consume(session->client, frame.size);
    handle_startup(session);
    return session->phase != SESSION_HANDSHAKE;
}

static void run_pipeline(struct session *session, const struct pipeline *pipeline)
{
    if (pipeline_run(pipeline, session, &session->step) == PIPELINE_SUSPEND) {
        session_suspend(session);
    }
}

static void skip_frame(struct session *session, size_t size)
{
    policy_cached_free(&session->command.cached);
    session->command = (struct command){0};
    net_stream_consume(session->client, size);
}

/* One whole message in READY. */
static void on_message(struct session *session, const struct pgwire_frame *frame)
{
    const struct message_row *row = message_row_find(frame->type);
    if (row == NULL) { /* Terminate */
        session_end(session, SESSION_ENDED_BY_CLIENT);
        return;
    }
    if (session->skips_to_sync && frame->type != 'S') {
        session->step = 0; /* an error came while this message waited */
        skip_frame(session, frame->size);
        return;
    }
    session->command.frame = *frame;
    net_timer_stop(&session->idle_timer);
    run_pipeline(session, &pipeline_statement);
    if (!session_is_dead(session) && session->phase == SESSION_READY && !session->is_suspended) {
        skip_frame(session, frame->size);
    }
}

static bool on_ready(struct session *session)
{
    if (session->server != NULL && net_stream_is_full(session->server)) {
        session->is_waiting_for_server = true; /* on_drained pumps again */
        net_stream_pause(session->client);
        return false;
    }
    if (requests_are_many(&session->requests)) {
        session->is_waiting_for_answers = true; /* reply_on_input pumps again */
        net_stream_pause(session->client);
        return false;
    }
    struct pgwire_limits limits = {.phase = PGWIRE_PHASE_READY, .message_bytes = POLICY_TEXT_MAX + 4096};
    struct pgwire_frame frame;
    bool is_complete = false;
    rg_status status = pgwire_frame_peek(net_stream_input(session->client), &limits, &frame, &is_complete);
    if (!rg_is_ok(status)) {
        struct refusal refusal = refusal_from_status(status, "protocol.message");
        refusal.is_fatal = true;
        session_fatal(session, &refusal);
        return false;
    }
    if (is_complete) {
        on_message(session, &frame);
    }
    return is_complete;
}

static bool pump_one(struct session *session)
{
    switch (session->phase) {
    case SESSION_STARTUP:
    case SESSION_STARTUP_TLS:
        return on_startup(session);
    case SESSION_PASSWORD:
    case SESSION_SASL_FIRST:
    case SESSION_SASL_FINAL:
        return login_on_message(session);
    case SESSION_LOGIN:
        run_pipeline(session, &pipeline_login);
        return session->phase == SESSION_READY;
    case SESSION_READY:
        return on_ready(session);
    case SESSION_HANDSHAKE:
    case SESSION_CLOSING:
    case SESSION_DEAD:
        return false;
    }
    return false;
}

void session_pump(struct session *session)
{
    bool is_going = true;
    while (is_going && !session->is_suspended && !session_is_dead(session)) {
        is_going = pump_one(session);
    }
    session_flush(session);
}

static void on_client_input(void *context, struct net_stream *stream)
{
    (void)stream;
    session_pump(context);
}

static void on_client_drained(void *context, struct net_stream *stream)
{
    (void)stream;
    session_flush(context);
}

static void on_client_closed(void *context, struct net_stream *stream, const char *reason)
{
    (void)stream;
    (void)reason;
    struct session *session = context;
    if (session->requests.count > 0) {
        upstream_cancel(session); /* nobody waits for it any more */
    }
    session_end(session, SESSION_ENDED_BY_CLIENT);
}

void session_start(struct worker *worker, size_t listener, struct net_stream *stream)
{
    static const struct net_stream_events events = {on_client_input, on_client_drained, on_client_closed};
    struct session *session = rg_memory_alloc(sizeof *session);
    session->worker = worker;
    session->snapshot = snapshot_ref(worker->snapshot);
    session->listener = listener;
    session->id = worker->gateway->next_session_id++;
    session->phase = SESSION_STARTUP;
    session->client = stream;
    session->transaction = PGWIRE_TRANSACTION_IDLE;
    session->next_statement_id = 1;
    rg_arena_init(&session->arena, SESSION_ARENA_BYTES);
    output_init(&session->output, SESSION_OUTPUT_BYTES);
    requests_init(&session->requests);
    session->settings = settings_new();
    session->limits = session->snapshot->config->default_limits;
    (void)snprintf(session->peer, sizeof session->peer, "%s", net_stream_peer(stream));
    session->next = worker->sessions;
    if (session->next != NULL) {
        session->next->previous = session;
    }
    worker->sessions = session;
    worker->session_count++;
    uint64_t login_ms = (uint64_t)session->limits->login_timeout_us / 1000;
    net_timer_start(worker->loop, &session->login_timer, login_ms == 0 ? DEFAULT_LOGIN_MS : login_ms, on_login_timeout,
                    session);
    net_stream_set_limits(stream, STARTUP_INPUT_BYTES, NET_STREAM_OUTPUT_BYTES);
    net_stream_set_events(stream, &events, session);
}

void session_go_idle(struct session *session)
{
    if (session->is_draining && is_idle(session)) {
        shut_down(session);
        return;
    }
    net_timer_start(session->worker->loop, &session->idle_timer, (uint64_t)session->limits->idle_timeout_us / 1000,
                    on_idle_timeout, session);
}
