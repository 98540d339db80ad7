/* SPDX-License-Identifier: Apache-2.0 */
/* A session's life: accept, the pump that feeds messages to the pipelines, the gated output, and the end. What a
 * message means is in session_message.c. */
#include "proxy/session.h"

#include <stdio.h>

#include "base/rg_memory.h"
#include "proxy/session_private.h"

enum { STARTUP_INPUT_BYTES = 64 * 1024 };

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

bool session_is_idle(const struct session *session)
{
    return session->phase == SESSION_READY && session->transaction == PGWIRE_TRANSACTION_IDLE &&
           session->requests.count == 0 && !session->is_suspended && output_is_empty(&session->output);
}

void session_shut_down(struct session *session)
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
    session_watch_idleness(session);
    session_rest(session);
    if (session->is_draining && session_is_idle(session)) {
        session_shut_down(session);
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
    /* What waits has no record and must not leave. What is free to leave may be the rest of a half-sent row, inside
     * which the last words below would be read as its bytes. */
    output_drop_waiting(&session->output);
    if (session->phase == SESSION_CLOSING) {
        session_end(session, SESSION_ENDED_BY_US); /* its last words were what waited */
        return;
    }
    struct refusal refusal = gate_refusal(session);
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
        quota_give(gateway->quota, QUOTA_SESSIONS, session->tenant.id);
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
    net_timer_stop(&session->catalog_timer);
    net_timer_stop(&session->begin_timer);
    net_timer_stop(&session->pool_timer);
}

static void record_logout(struct session *session, enum session_end_reason reason)
{
    static const char *const reasons[] = {"closed by the client", "closed by rowgate", "upstream lost"};
    if (!session->is_logged_in) {
        return;
    }
    count_logout(session);
    struct audit_event event = record_event(session, AUDIT_LOGOUT);
    event.message = rg_slice_of(reasons[reason]);
    char text[AUTH_REVOCATION_BY_SIZE + 16];
    if (session->revoked_by[0] != '\0') {
        (void)snprintf(text, sizeof text, "revoked by %s", session->revoked_by);
        event.message = rg_slice_of(text);
    }
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
    count_connection(session, false);
    session_stop_timers(session);
    record_unexecuted(session, "08006", "not executed: the session ended");
    upstream_give_back(session);
    pool_part(&session->place);
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
    binds_free(&session->command.binds);
    policy_cached_free(&session->described);
    requests_done(&session->requests);
    prepared_set_done(&session->prepared);
    settings_free(&session->settings);
    settings_free(&session->settings_before);
    policy_binding_free(&session->binding);
    policy_relations_free(&session->relations);
    auth_session_free(&session->browser);
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
    if (session_is_idle(session)) {
        session_shut_down(session);
    } else if (session->phase != SESSION_READY && session->phase != SESSION_CLOSING) {
        session_end(session, SESSION_ENDED_BY_US);
    }
}

void session_cancel(struct session *session)
{
    if (session_is_dead(session) || session_cancel_wait(session) || session->requests.count == 0) {
        return;
    }
    if (session->is_probing) { /* the question is not the client's */
        session->command.is_cancelled = session->phase == SESSION_READY;
        return;
    }
    if (session->is_begin_awaited) {
        bool is_behind = session->requests.count > 1; /* a BEGIN is nobody's statement to cancel */
        session->is_cancel_due |= is_behind;
        session->command.is_cancelled |= !is_behind && session->is_suspended;
        return;
    }
    /* PostgreSQL does not look at a cancel request while it waits for data */
    struct refusal refusal = refusal_make("57014", "session.cancelled", "canceling statement due to user request");
    if (!copy_stop(session, &refusal)) {
        upstream_cancel(session);
    }
}

/* ---- input ---- */

void session_suspend(struct session *session)
{
    session->is_suspended = true;
    session_leave_unused(session); /* it waits for something else */
    bool is_queued = session->place.state == POOL_WAITS && session->phase == SESSION_READY;
    if (!is_queued) { /* that takes long: a client that goes meanwhile is noticed */
        net_stream_pause(session->client);
    }
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

static void run_pipeline(struct session *session, const struct pipeline *pipeline)
{
    if (pipeline_run(pipeline, session, &session->step) == PIPELINE_SUSPEND) {
        session_suspend(session);
    }
}

static void skip_frame(struct session *session, size_t size)
{
    policy_cached_free(&session->command.cached);
    binds_free(&session->command.binds);
    session->command = (struct command){0};
    net_stream_consume(session->client, size);
}

/* The input may have moved while the message waited: what points into it is made anew. It was found good before, or
 * statement_plan says what is wrong. */
static void decode_again(struct session *session, const struct message_row *row)
{
    if (session->step > 0 && row->decode != NULL) {
        rg_status status = row->decode(session);
        (void)status;
    }
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
        record_unexecuted(session, "25P02", "not executed: an earlier statement failed");
        skip_frame(session, frame->size);
        return;
    }
    session->command.frame = *frame;
    if (session->command.begun_us == 0) {
        session->command.begun_us = net_loop_now_us(session->worker->loop);
    }
    net_timer_stop(&session->idle_timer);
    decode_again(session, row);
    run_pipeline(session, &pipeline_statement);
    if (!session_is_dead(session) && session->phase == SESSION_READY && !session->is_suspended) {
        session->copy = session->copy == COPY_STRAY && row->is_statement ? COPY_NONE : session->copy;
        skip_frame(session, frame->size);
    }
}

/* PgBouncer counts Query and Sync, and gives the server to the next client when the last of them was answered, even
 * with a Parse, Bind or Execute on its way behind it (1.18, server.c): whose answers would be another client's. So what
 * has no ReadyForQuery of its own yet waits until none is due. With rowgate's own pool everything waits while others
 * do.
 */
static bool is_early(const struct session *session, char type)
{
    const struct message_row *row = message_row_find(type);
    bool is_end = row == NULL;
    return !is_end && (session_must_yield(session) ||
                       (session->is_pooled && row->is_extended && requests_await_ready(&session->requests)));
}

static void wait_for_answers(struct session *session)
{
    session->is_waiting_for_answers = true; /* reply_on_input pumps again */
    net_stream_pause(session->client);
}

static bool on_ready(struct session *session)
{
    if (session->server != NULL && net_stream_is_full(session->server)) {
        session->is_waiting_for_server = true; /* on_drained pumps again */
        net_stream_pause(session->client);
        return false;
    }
    if (requests_are_many(&session->requests)) {
        wait_for_answers(session);
        return false;
    }
    if (copy_is_next(session)) {
        return copy_on_input(session);
    }
    if (session->copy == COPY_AWAITED) {
        session->is_waiting_for_copy = true; /* reply_on_input pumps again */
        net_stream_pause(session->client);
        return false;
    }
    struct pgwire_limits limits = {.phase = PGWIRE_PHASE_READY, .message_bytes = SESSION_TEXT_MAX + 4096};
    struct pgwire_frame frame;
    bool is_complete = false;
    rg_status status = pgwire_frame_peek(net_stream_input(session->client), &limits, &frame, &is_complete);
    if (!rg_is_ok(status)) {
        struct refusal refusal = refusal_from_status(status, "protocol.message");
        refusal.is_fatal = true;
        session_fatal(session, &refusal);
        return false;
    }
    if (is_complete && session->step == 0 && is_early(session, frame.type)) {
        wait_for_answers(session);
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
        return startup_on_packet(session);
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
    session->begun_us = session_now_us(session);
    (void)snprintf(session->public_id, sizeof session->public_id, "q-%llu", (unsigned long long)session->id);
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
    count_connection(session, true);
    session_start_login_timer(session);
    net_stream_set_limits(stream, STARTUP_INPUT_BYTES, NET_STREAM_OUTPUT_BYTES);
    net_stream_set_events(stream, &events, session);
}
