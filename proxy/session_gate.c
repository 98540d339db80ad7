/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of law L4 as replies meet it: what is held, which record frees it. The queue itself is output.c. */
#include "proxy/session_private.h"

/* ---- may anything be done at all? ---- */

static struct refusal make_refusal(const char *sqlstate, const char *rule, const char *message, const char *hint)
{
    struct refusal refusal = refusal_make(sqlstate, rule, message);
    refusal.hint = rg_slice_of(hint);
    return refusal;
}

struct refusal gate_refusal(const struct session *session)
{
    if (worker_takes_records(session->worker)) {
        return make_refusal("53100", "audit.reserve", "audit disk nearly full",
                            "Only the users of break_glass may go on until there is room.");
    }
    if (session->worker->is_disk_full) {
        return make_refusal("53100", "audit.disk_full", "the audit log's disk is full",
                            "Nothing is done unrecorded. Try again when there is room.");
    }
    return make_refusal("58030", "audit.unavailable", "the audit log is not available",
                        "Nothing is done unrecorded. Try again in a few seconds.");
}

/* In the reserve not even a refusal of others is recorded: they could use it up. */
bool gate_is_open(const struct session *session)
{
    bool is_reserve = session->worker->audit_state == AUDIT_RESERVE;
    return worker_takes_records(session->worker) && (!is_reserve || session->is_break_glass);
}

/* ---- what is held ---- */

/* Rows go straight through once their statement is on record; else they are held. */
rg_status gate_put(struct session *session, struct rg_slice bytes)
{
    struct output *output = &session->output;
    if (output_is_empty(output) && output->barrier_count == 0 && !net_stream_is_full(session->client)) {
        return net_stream_write(session->client, bytes);
    }
    return output_put(output, bytes);
}

/* A result grew past what is held for a combined record: its decision goes on record now. */
rg_status gate_decide_now(struct session *session, struct request *request)
{
    if (request->is_decided || request_statement(request) == NULL) {
        return RG_OK;
    }
    uint64_t ticket = 0;
    RG_TRY(record_statement(session, request->cached, request->statement, AUDIT_DECISION,
                            request->statement_id + request->statement, request, NULL, &ticket));
    request->is_decided = true;
    policy_cached_free(&session->described);
    return output_close(&session->output, ticket, 0);
}

/* The outcome of the running statement; what is held since its start waits for this record. */
rg_status gate_record_outcome(struct session *session, struct request *request, const struct pgwire_error *error)
{
    if (request_statement(request) == NULL) {
        return RG_OK;
    }
    uint64_t ticket = 0;
    RG_TRY(record_statement(session, request->cached, request->statement,
                            request->is_decided ? AUDIT_OUTCOME : AUDIT_COMBINED,
                            request->statement_id + request->statement, request, error, &ticket));
    policy_cached_free(&session->described);
    return output_close(&session->output, ticket, 0);
}

/* Parse, Bind and Describe show a statement's columns without running it: recorded when no Execute of the same
 * statement follows, because nothing else would let the answers leave. */
rg_status gate_release_batch(struct session *session)
{
    if (!output_is_open(&session->output)) {
        return RG_OK;
    }
    uint64_t ticket = 0;
    const struct policy_cached *described = session->described;
    if (described != NULL && described->plan.count > 0) {
        RG_TRY(
            record_statement(session, described, 0, AUDIT_DECISION, session->next_statement_id++, NULL, NULL, &ticket));
    } else {
        struct audit_event event = record_event(session, AUDIT_STATEMENT);
        event.verdict = AUDIT_ALLOWED;
        event.phase = AUDIT_DECISION;
        event.statement_id = session->next_statement_id++;
        event.class_name = RG_SLICE("MISC");
        RG_TRY(worker_submit(session->worker, &event, session, &ticket));
    }
    policy_cached_free(&session->described);
    return output_close(&session->output, ticket, 0);
}

/* What is held and describes another statement than request's gets its own record: no record covers the answers
 * of a statement that it does not name. */
rg_status gate_settle(struct session *session, const struct request *request)
{
    bool is_another = session->described != NULL && session->described != request->cached;
    return is_another ? gate_release_batch(session) : RG_OK;
}

rg_status gate_hold(struct session *session, const struct request *request)
{
    RG_TRY(gate_settle(session, request));
    return request->is_decided ? RG_OK : output_open(&session->output);
}
