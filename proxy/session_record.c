/* SPDX-License-Identifier: Apache-2.0 */
/* A session's audit records, and refusals: recorded first, then answered, and made to fail an open
 * transaction upstream, so that nothing is half-applied. */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/session_private.h"

enum { RECORD_ARENA_BYTES = 1 << 30 /* many times the largest text: its pieces, and what is recorded of it */ };

/* What the upstream gets in place of a refused statement when the refusal must fail a transaction there: a
 * syntax error, which changes nothing. */
#define POISON_TEXT RG_SLICE("ROWGATE REFUSED THIS STATEMENT")

static void fill_address(const struct session *session, struct audit_event *event)
{
    struct rg_slice peer = rg_slice_of(session->peer);
    const char *colon = memrchr(peer.data, ':', peer.size);
    if (colon == NULL) {
        event->client_address = peer;
        return;
    }
    struct rg_slice address = {peer.data, (size_t)(colon - peer.data)};
    if (address.size >= 2 && address.data[0] == '[') {
        address = rg_slice_cut(address, 1, address.size - 2);
    }
    event->client_address = address;
    event->client_port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

struct audit_event record_event(const struct session *session, enum audit_kind kind)
{
    struct audit_event event = {
        .kind = kind,
        .wall_us = session_now_us(session),
        .session_id = session->id,
        .tenant = session->tenant.id,
        .user = session->identity.kind != AUTH_UNVERIFIED ? session->identity.user : session->startup.user,
        .subject = session->identity.subject,
        .idp = session->identity.kind == AUTH_SCRAM ? RG_SLICE("scram") : session->identity.issuer,
        .database = session->startup.database,
        .listener = session->snapshot->config->listeners[session->listener].name,
        .application_name = session->settings->application_name,
        .policy = rg_slice_of(session->snapshot->digest),
        .upstream = session->tenant.route.upstream,
        .reference = session->capsule == NULL ? (struct rg_slice){0} : session->capsule->reference,
        .guest = session->capsule == NULL ? (struct rg_slice){0} : session->capsule->guest,
        .is_break_glass = session->is_break_glass && session->worker->audit_state == AUDIT_RESERVE,
    };
    fill_address(session, &event);
    return event;
}

/* What Hyper gets holds the values of a Bind as literals: they are on record where binds are, or not at all. */
static bool shows_binds(const struct session *session, const struct policy_cached *cached, size_t index)
{
    bool has_values = cached->plan.parameter_types != NULL && cached->plan.parameter_count > 0;
    return has_values && (!session->snapshot->config->audit.has_bind_values ||
                          cached->texts[index].source.secret_parameter_count > 0);
}

static void fill_statement(const struct session *session, const struct policy_cached *cached, size_t index,
                           struct audit_event *event)
{
    const struct policy_statement *statement = &cached->plan.statements[index];
    const struct policy_texts *texts = &cached->texts[index];
    event->verdict = statement->verdict == POLICY_DENY ? AUDIT_DENIED
                     : statement->is_rewritten         ? AUDIT_REWRITTEN
                                                       : AUDIT_ALLOWED;
    event->rule = statement->rule;
    event->class_name = rg_slice_of(policy_class_name(statement->class_of_statement));
    event->sql = texts->source.text;
    event->literals = texts->source.literals;
    if (statement->is_rewritten) {
        event->sql_sent = texts->shown.text; /* never of its text: that may hold the key of a mask */
        event->literals_sent = shows_binds(session, cached, index) ? (struct rg_slice){0} : texts->shown.literals;
    }
    if (cached->plan.count == 1 && statement->source.size == cached->text.size && !texts->source.is_redacted) {
        event->sql_sha256 = &cached->text_digest;
    }
    event->relations = statement->relations;
    event->relation_count = statement->relation_count;
    bool is_guest = session->capsule != NULL && session->capsule->is_guest;
    event->is_unmarked = is_guest && statement->relation_count > 0 && !statement->has_marker;
}

static rg_status submit_statement(struct session *session, const struct sql_literals *source, struct audit_event *event,
                                  const struct pgwire_error *error, uint64_t *out_ticket)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, RECORD_ARENA_BYTES);
    if (error != NULL) {
        event->sqlstate = rg_slice_of(error->sqlstate);
        RG_TRY(sql_secrets_hide(source, error->message, &arena, &event->message));
    }
    return worker_submit(session->worker, event, session, out_ticket);
}

rg_status record_decision(struct session *session, size_t index, uint64_t statement_id, uint64_t *out_ticket)
{
    const struct command *command = &session->command;
    struct audit_event event = record_event(session, AUDIT_STATEMENT);
    fill_statement(session, command->cached, index, &event);
    event.phase = AUDIT_DECISION;
    event.statement_id = statement_id;
    event.binds = binds_list(command->binds);
    return worker_submit(session->worker, &event, session, out_ticket);
}

rg_status record_statement(struct session *session, const struct policy_cached *cached, size_t index,
                           enum audit_phase phase, uint64_t statement_id, const struct request *request,
                           const struct pgwire_error *error, uint64_t *out_ticket)
{
    struct audit_event event = record_event(session, AUDIT_STATEMENT);
    fill_statement(session, cached, index, &event);
    event.phase = phase;
    event.statement_id = statement_id;
    if (request != NULL) {
        event.binds = binds_list(request->binds);
        event.rows = request->rows;
        event.bytes = request->bytes;
        int64_t elapsed = net_loop_now_us(session->worker->loop) - request->started_us;
        event.duration_us = elapsed > 0 ? (uint64_t)elapsed : 0;
    }
    if (request != NULL && request->is_substituted && request->refusal_text != NULL) {
        event.rule = request->refusal.rule; /* what stopped it */
    }
    if (request != NULL && request->is_local) { /* nothing was sent, nowhere */
        event.upstream = event.sql_sent = event.literals_sent = (struct rg_slice){0};
    }
    RG_TRY(submit_statement(session, &cached->texts[index].source, &event, error, out_ticket));
    if (phase != AUDIT_DECISION) {
        count_statement(session, &cached->plan.statements[index], request, error != NULL);
    }
    return RG_OK;
}

rg_status record_unfinished(struct session *session, const struct request *request, size_t from, bool decided_only,
                            const char *sqlstate, const char *message)
{
    bool is_executed = (request->type == 'Q' || request->type == 'E') && request->cached != NULL;
    struct pgwire_error error = {.message = rg_slice_of(message)};
    (void)snprintf(error.sqlstate, sizeof error.sqlstate, "%s", sqlstate);
    bool had_written = request->had_written;
    rg_status first = RG_OK;
    for (size_t i = request->statement; is_executed && i < request->cached->plan.count; i++) {
        const struct policy_statement *statement = &request->cached->plan.statements[i];
        bool is_decided =
            i == request->statement ? request->is_decided : statement_needs_decision(statement, had_written);
        had_written |= !statement->is_read;
        if (i < from) {
            continue;
        }
        uint64_t ticket = 0;
        if (is_decided || !decided_only) {
            rg_status status =
                record_statement(session, request->cached, i, is_decided ? AUDIT_OUTCOME : AUDIT_COMBINED,
                                 request->statement_id + i, i == request->statement ? request : NULL, &error, &ticket);
            first = rg_is_ok(first) ? status : first; /* the others are kept for the next auditor all the same */
        }
    }
    return first;
}

/* Once for many: what is lost is kept for the next auditor, and the main thread says what became of this one. */
static void note_failure(const struct session *session, rg_status status)
{
    rg_log_event(session->worker->gateway->log, RG_LOG_ERROR, "audit.submit_failed", "s:I, s:s", "session",
                 (long long)session->id, "reason", status.error->text);
}

void record_abandoned(struct session *session)
{
    rg_status status = RG_OK;
    bool is_recorded = worker_takes_records(session->worker);
    while (session->requests.first != NULL) {
        if (rg_is_ok(status) || status.error->kind == RG_STORAGE) { /* what is kept for the next auditor fails so */
            const struct request *request = session->requests.first;
            status = record_unfinished(session, request, request->statement, !is_recorded, "08006",
                                       is_recorded ? "the session ended before the outcome was known"
                                                   : "the auditor was restarted before the outcome was known");
        }
        requests_drop_first(&session->requests);
    }
    if (!rg_is_ok(status)) {
        note_failure(session, status);
    }
}

void record_unexecuted(struct session *session, const char *sqlstate, const char *message)
{
    struct command *command = &session->command;
    bool is_decided = command->is_recorded && command->cached != NULL;
    bool has_written = command->had_written;
    struct pgwire_error error = {.message = rg_slice_of(message)};
    (void)snprintf(error.sqlstate, sizeof error.sqlstate, "%s", sqlstate);
    for (size_t i = 0; is_decided && i < command->cached->plan.count && i < command->decided_count; i++) {
        const struct policy_statement *statement = &command->cached->plan.statements[i];
        uint64_t ticket = 0;
        if (!statement_needs_decision(statement, has_written)) {
            continue;
        }
        has_written |= !statement->is_read;
        rg_status status = record_statement(session, command->cached, i, AUDIT_OUTCOME, command->first_statement_id + i,
                                            NULL, &error, &ticket);
        if (!rg_is_ok(status)) {
            note_failure(session, status);
        }
    }
    command->is_recorded = false;
}

struct refusal refusal_make(const char *sqlstate, const char *rule, const char *message)
{
    struct refusal refusal = {.rule = rg_slice_of(rule), .message = rg_slice_of(message)};
    (void)snprintf(refusal.sqlstate, sizeof refusal.sqlstate, "%s", sqlstate);
    return refusal;
}

struct refusal refusal_from_status(rg_status status, const char *rule)
{
    if (status.error->kind == RG_STORAGE) { /* its text names files: for our log alone */
        return refusal_make("58030", "audit.unavailable", "the audit log is not available");
    }
    return refusal_make(rg_kind_info(status.error->kind)->sqlstate, rule, status.error->text);
}

rg_status refusal_put(struct session *session, const struct refusal *refusal, uint64_t ticket, bool is_durable,
                      uint64_t sequence)
{
    struct output *output = &session->output;
    char detail[160];
    int length =
        snprintf(detail, sizeof detail, "Refused by rule %.*s, audit record %016llu.", rg_slice_shown(refusal->rule),
                 refusal->rule.data == NULL ? "" : refusal->rule.data, (unsigned long long)sequence);
    struct pgwire_error error = {
        .severity = refusal->is_fatal ? PGWIRE_SEVERITY_FATAL : PGWIRE_SEVERITY_ERROR,
        .message = refusal->message,
        .detail = ticket == 0 ? (struct rg_slice){0} : rg_slice_make(detail, (size_t)length),
        .hint = refusal->hint,
        .position = (uint32_t)refusal->position,
    };
    memcpy(error.sqlstate, refusal->sqlstate, sizeof error.sqlstate);
    if (ticket == 0 || is_durable) {
        return pgwire_error_encode(&error, output_buf(output));
    }
    RG_TRY(output_open(output));
    size_t before = rg_buf_size(output_buf(output));
    uint64_t start = output_at(output);
    RG_TRY(pgwire_error_encode(&error, output_buf(output)));
    struct rg_slice whole = rg_slice_cut(rg_buf_slice(output_buf(output)), before, SIZE_MAX);
    const char *place = memmem(whole.data, whole.size, detail, (size_t)length);
    RG_ASSERT(place != NULL);
    uint64_t patch_at =
        start + (uint64_t)(place - whole.data) + (uint64_t)length - 17; /* 16 digits and the full stop */
    return output_close(output, ticket, patch_at);
}

rg_status record_hide(const struct policy_cached *cached, struct rg_slice message, struct rg_arena *arena,
                      struct rg_slice *out_message)
{
    struct rg_slice hidden = message;
    for (size_t i = 0; cached != NULL && i < cached->plan.count; i++) {
        RG_TRY(sql_secrets_hide(&cached->texts[i].source, hidden, arena, &hidden));
        RG_TRY(sql_secrets_hide(&cached->texts[i].shown, hidden, arena, &hidden));
    }
    *out_message = hidden;
    return RG_OK;
}

static struct rg_slice denied_class(const struct policy_cached *cached)
{
    for (size_t i = 0; cached != NULL && i < cached->plan.count; i++) {
        if (cached->plan.statements[i].verdict == POLICY_DENY) {
            return rg_slice_of(policy_class_name(cached->plan.statements[i].class_of_statement));
        }
    }
    return RG_SLICE("UNKNOWN");
}

rg_status record_refusal(struct session *session, const struct refusal *refusal, struct rg_slice sql,
                         uint64_t *out_ticket)
{
    RG_AUTO(rg_arena_done) struct rg_arena scratch;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&scratch, RECORD_ARENA_BYTES);
    rg_arena_init(&arena, RECORD_ARENA_BYTES);
    struct audit_event event = record_event(session, session->is_logged_in ? AUDIT_STATEMENT : AUDIT_LOGIN_FAILED);
    struct sql_literals source = {0};
    event.verdict = AUDIT_DENIED;
    event.rule = refusal->rule;
    event.sqlstate = rg_slice_of(refusal->sqlstate);
    event.phase = AUDIT_COMBINED;
    if (session->is_logged_in) {
        event.statement_id = session->next_statement_id++;
        RG_TRY(sql_literals_separate(sql, &scratch, &arena, &source));
        event.sql = source.text;
        event.literals = source.literals;
        event.class_name = denied_class(session->command.cached);
    }
    struct rg_slice message = refusal->recorded.size > 0 ? refusal->recorded : refusal->message;
    RG_TRY(sql_secrets_hide(&source, message, &arena, &event.message));
    return worker_submit(session->worker, &event, session, out_ticket);
}

void session_fatal(struct session *session, const struct refusal *refusal)
{
    if (session_is_dead(session) || session->phase == SESSION_CLOSING) {
        return;
    }
    struct refusal last = *refusal;
    last.is_fatal = true;
    uint64_t ticket = 0;
    if (!gate_is_open(session) && !session->is_logged_in) {
        last = gate_refusal(session); /* no guess at a credential is answered unrecorded */
        last.is_fatal = true;
    }
    rg_status status = gate_is_open(session) ? record_refusal(session, &last, (struct rg_slice){0}, &ticket) : RG_OK;
    rg_log_event(session->worker->gateway->log, RG_LOG_INFO, "sql.session.refused", "s:s, s:s, s:s%, s:s%", "client",
                 session_shown_peer(session), "sqlstate", last.sqlstate, "rule",
                 last.rule.data == NULL ? "" : last.rule.data, last.rule.size, "reason",
                 last.message.data == NULL || session_is_sealed(session) ? "" : last.message.data,
                 session_is_sealed(session) ? (size_t)0 : last.message.size);
    count_fatal(session, &last);
    /* An open barrier has no record of its own and must not be opened by this one: cut what it holds. */
    if (output_is_open(&session->output)) {
        output_drop_open(&session->output);
    }
    if (!rg_is_ok(status)) {
        ticket = 0; /* the refusal itself carries nothing that would need a record to leave */
    }
    bool is_garbled = session->is_mid_message; /* an error inside a half-sent row would be read as its bytes */
    if (is_garbled || !rg_is_ok(refusal_put(session, &last, ticket, false, 0))) {
        session_end(session, SESSION_ENDED_BY_US);
        return;
    }
    upstream_close(session);
    session_start_closing(session);
    session_flush(session);
}

static bool must_fail_upstream(const struct session *session)
{
    return session->server != NULL && (session->requests.count > 0 || session->forwarded_since_sync > 0 ||
                                       session->transaction != PGWIRE_TRANSACTION_IDLE);
}

static rg_status send_poison(struct session *session, bool is_query, const struct refusal *refusal, uint64_t ticket)
{
    struct rg_buf message;
    rg_buf_init(&message, 4096);
    struct pgwire_prepare prepare = {.text = POISON_TEXT};
    rg_status status =
        is_query ? pgwire_query_encode(POISON_TEXT, &message) : pgwire_prepare_encode(&prepare, &message);
    if (rg_is_ok(status)) {
        status = upstream_write(session, rg_buf_slice(&message));
    }
    rg_buf_done(&message);
    RG_TRY(status);
    struct request *request = NULL;
    RG_TRY(requests_add(&session->requests, is_query ? 'Q' : 'P', NULL, &request));
    request->is_poison = true;
    request_set_refusal(request, refusal);
    request->refusal_ticket = ticket;
    session->forwarded_since_sync++;
    session->upstream_prepared = NULL;
    if (is_query) { /* it ends what stood before it, as any Query */
        prelude_end_batch(session, request);
        session->batches_forwarded++;
        session->forwarded_since_sync = 0;
    }
    session_start_statement_timer(session);
    return RG_OK;
}

static rg_status answer_refusal(struct session *session, const struct refusal *refusal, uint64_t ticket)
{
    bool is_query = session->command.frame.type == 'Q';
    if (must_fail_upstream(session)) {
        if (session->is_begin_deferred) {
            RG_TRY(local_begin(session)); /* there must be a transaction that fails */
        }
        RG_TRY(send_poison(session, is_query, refusal, ticket));
    } else {
        RG_TRY(refusal_put(session, refusal, ticket, false, 0));
        if (is_query) {
            RG_TRY(pgwire_ready_encode(PGWIRE_TRANSACTION_IDLE, output_buf(&session->output)));
            session_go_idle(session);
        }
    }
    session->skips_to_sync = !is_query;
    return RG_OK;
}

/* The text of a Query or Parse that could not be decoded (it is not UTF-8), by its bytes. */
static struct rg_slice undecoded_text(const struct pgwire_frame *frame)
{
    struct rg_slice text = frame->body;
    const char *end = text.size == 0 ? NULL : memchr(text.data, 0, text.size);
    if (frame->type == 'P' && end != NULL) { /* behind the statement's name */
        text = rg_slice_cut(text, (size_t)(end - text.data) + 1, SIZE_MAX);
        end = text.size == 0 ? NULL : memchr(text.data, 0, text.size);
    }
    bool has_text = (frame->type == 'Q' || frame->type == 'P') && end != NULL;
    return has_text ? rg_slice_cut(text, 0, (size_t)(end - text.data)) : (struct rg_slice){0};
}

enum pipeline_next session_refuse(struct session *session, const struct refusal *refusal)
{
    struct rg_slice sql = session->command.text;
    if (sql.data == NULL && session->command.cached != NULL) {
        sql = session->command.cached->text;
    }
    if (sql.data == NULL) {
        sql = undecoded_text(&session->command.frame);
    }
    uint64_t ticket = 0;
    struct refusal answered = *refusal;
    record_unexecuted(session, refusal->sqlstate, "not executed: refused");
    rg_status status = gate_is_open(session) ? record_refusal(session, refusal, sql, &ticket)
                                             : rg_fail(RG_STORAGE, "the log takes no record of this session");
    if (!rg_is_ok(status)) {
        ticket = 0;
        answered = gate_refusal(session);
    }
    count_refusal(session, &answered);
    status = answer_refusal(session, &answered, ticket);
    if (!rg_is_ok(status)) {
        struct refusal failed = refusal_from_status(status, "session.limits");
        session_fatal(session, &failed);
    }
    return PIPELINE_REFUSED;
}

bool session_is_sealed(const struct session *session)
{
    return session->worker->gateway->options->sealed_origin != NULL;
}

const char *session_shown_peer(const struct session *session)
{
    return session_is_sealed(session) ? "" : session->peer;
}
