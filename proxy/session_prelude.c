/* SPDX-License-Identifier: Apache-2.0 */
/* The second lock: the settings by which the database itself tells tenants apart hold until a transaction ends, so
 * that nothing stays on a pooled connection. They are sent before whatever may touch data, unless the transaction is
 * known to have them already; sent twice they do no harm. What moves a transaction needs none, and must come first:
 * after a query it could not choose the isolation level any more. */

#include "proxy/session_private.h"

#define PORTAL_NAME RG_SLICE("rowgate_prelude")

void prelude_forget(struct session *session)
{
    session->prelude_is_held = false;
    session->prelude_in_transaction = false;
}

/* An answer that is still to come may say that the transaction is another than we think. */
static bool is_held(const struct session *session)
{
    return session->prelude_is_held || (session->prelude_in_transaction && session->requests.count == 0 &&
                                        session->transaction == PGWIRE_TRANSACTION_OPEN);
}

static bool is_due(const struct session *session, const struct policy_statement *statement)
{
    return statement != NULL && statement->prelude == POLICY_PRELUDE_BEFORE && !is_held(session) &&
           policy_binding_prelude(session->binding).size > 0;
}

void prelude_after(struct session *session, const struct policy_statement *statement)
{
    if (statement != NULL && statement->prelude == POLICY_PRELUDE_LOST) {
        prelude_forget(session);
    }
}

/* ---- simple query: one more statement in the same message ---- */

static rg_status put_statement(struct rg_buf *text, struct rg_slice statement)
{
    if (rg_buf_size(text) > 0) {
        RG_TRY(rg_buf_put(text, STATEMENT_SEPARATOR));
    }
    return rg_buf_put(text, statement);
}

rg_status prelude_join(struct session *session, const struct policy_plan *plan, struct rg_buf *text,
                       uint64_t out_preludes[POLICY_STATEMENTS_MAX / 64])
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct policy_statement *statement = &plan->statements[i];
        if (is_due(session, statement)) {
            RG_TRY(put_statement(text, policy_binding_prelude(session->binding)));
            out_preludes[i / 64] |= UINT64_C(1) << (i % 64);
            session->prelude_is_held = true;
        }
        RG_TRY(put_statement(text, statement->text));
        prelude_after(session, statement);
    }
    return RG_OK;
}

/* ---- extended protocol: Parse, Bind, Execute and Close of its own ---- */

static rg_status send(struct session *session, struct rg_buf *message, rg_status encoded, char type)
{
    if (rg_is_ok(encoded)) {
        encoded = upstream_write(session, rg_buf_slice(message));
    }
    rg_buf_clear(message);
    RG_TRY(encoded);
    struct request *request = NULL;
    RG_TRY(requests_add(&session->requests, type, NULL, &request));
    request->is_hidden = true;
    request->is_prelude = true;
    request->started_us = net_loop_now_us(session->worker->loop);
    session->forwarded_since_sync++;
    if (session->requests.count == 1) {
        session_start_statement_timer(session);
    }
    return RG_OK;
}

static rg_status send_all(struct session *session, struct rg_buf *message)
{
    struct pgwire_prepare prepare = {.text = policy_binding_prelude(session->binding)};
    struct pgwire_bind bind = {.portal = PORTAL_NAME};
    struct pgwire_execute execute = {.portal = PORTAL_NAME};
    struct pgwire_target target = {.kind = PGWIRE_TARGET_PORTAL, .name = PORTAL_NAME};
    RG_TRY(send(session, message, pgwire_prepare_encode(&prepare, message), 'P'));
    RG_TRY(send(session, message, pgwire_bind_encode(&bind, message), 'B'));
    RG_TRY(send(session, message, pgwire_execute_encode(&execute, message), 'E'));
    return send(session, message, pgwire_close_encode(&target, message), 'C');
}

rg_status prelude_before(struct session *session, const struct policy_cached *cached)
{
    if (cached == NULL || cached->plan.count == 0 || !is_due(session, &cached->plan.statements[0])) {
        return RG_OK;
    }
    session->prelude_is_held = true;
    session->upstream_prepared = NULL; /* the unnamed statement is the prelude now */
    struct rg_buf message;
    rg_buf_init(&message, POLICY_PRELUDE_MAX + 4096);
    rg_status status = send_all(session, &message);
    rg_buf_done(&message);
    return status;
}

/* ---- where a transaction may have ended ---- */

void prelude_end_batch(struct session *session, struct request *request)
{
    request->leaves_prelude = session->prelude_is_held || session->prelude_in_transaction;
    if (request->type == 'Q') {
        request->prelude_size = policy_binding_prelude_size(session->binding);
    }
    session->prelude_is_held = false;
}

void prelude_on_ready(struct session *session, const struct request *request)
{
    session->prelude_in_transaction =
        session->transaction == PGWIRE_TRANSACTION_OPEN && request->leaves_prelude && session->requests.count == 1;
}

/* ---- the prelude's own error ---- */

/* What the client's statement would have been told as well: cancelled, rolled back, no resources, and the
 * transaction that had failed before. */
static bool is_of_the_statement(const char *sqlstate)
{
    static const char *const classes[] = {"40", "53", "57"};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(sqlstate, classes[i], 2) == 0) {
            return true;
        }
    }
    return strcmp(sqlstate, "25P02") == 0;
}

/* The upstream may have read the client's text with the prelude, and may quote it. */
static void note(const struct session *session, const struct policy_cached *cached, const struct pgwire_error *error)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice reason = RG_SLICE("");
    rg_arena_init(&arena, SESSION_MESSAGE_BYTES);
    if (!rg_is_ok(record_hide(cached, error->message, &arena, &reason))) {
        reason = RG_SLICE("***");
    }
    rg_log_event(session->worker->gateway->log, RG_LOG_ERROR, "sql.upstream.lock", "s:I, s:s%, s:s%, s:s, s:s%",
                 "session", (long long)session->id, "upstream", session->tenant.route.upstream.data,
                 session->tenant.route.upstream.size, "tenant", session->tenant.id.data, session->tenant.id.size,
                 "sqlstate", error->sqlstate, "reason", reason.size == 0 ? "" : reason.data, reason.size);
}

rg_status prelude_failed(struct session *session, struct request *request, const struct pgwire_span *span)
{
    static const char text[] = "the database does not enforce the policies for this tenant";
    struct pgwire_error error;
    RG_TRY(pgwire_error_parse('E', span->body, &error));
    if (is_of_the_statement(error.sqlstate)) {
        return reply_put_error(session, request, span);
    }
    note(session, request->cached, &error);
    const struct policy_statement *statement = request_statement(request);
    struct refusal refusal = refusal_make("42501", "upstream.lock", text);
    refusal.hint =
        RG_SLICE("Load the output of \"rowgate policy export\" into the database; rowgate's log has the reason.");
    uint64_t ticket = 0;
    RG_TRY(gate_settle(session, request));
    if (statement != NULL) {
        RG_TRY(record_unfinished(session, request, request->statement, true, "42501", text));
        request->statement = request->cached->plan.count;
    }
    RG_TRY(record_refusal(session, &refusal, statement == NULL ? (struct rg_slice){0} : statement->source, &ticket));
    return refusal_put(session, &refusal, ticket, false, 0);
}
