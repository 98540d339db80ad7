/* SPDX-License-Identifier: Apache-2.0 */
/* What the upstream answers: matched against the oldest request, recorded, and passed on behind the gate. One
 * row for each backend message; what no row expects ends the session. */
#include "proxy/session_private.h"

/* ---- the end of a request ---- */

static void next_statement(struct session *session, struct request *request)
{
    const struct policy_statement *ended = request_statement(request);
    request->had_written |= ended != NULL && !ended->is_read;
    request->statement++;
    request->rows = 0;
    request->bytes = 0;
    request->is_substituted = false;
    request->is_copying = false;
    request->is_prelude_done = false;
    request->started_us = net_loop_now_us(session->worker->loop);
    request->begun_us = request->forwarded_us = request->started_us;
    const struct policy_statement *statement = request_statement(request);
    request->is_decided = statement != NULL && statement_needs_decision(statement, request->had_written);
    if (statement != NULL) {
        session_start_statement_timer(session);
    }
}

static rg_status finish_request(struct session *session)
{
    struct request *request = session->requests.first;
    if (!request->is_prelude && (request->type == 'P' || request->type == 'B' || request->type == 'D')) {
        policy_cached_free(&session->described);
        session->described = request->cached == NULL ? NULL : policy_cached_ref(request->cached);
        if (output_open_size(&session->output) > SESSION_HOLD_BYTES) {
            RG_TRY(gate_release_batch(session));
        }
    }
    requests_drop_first(&session->requests);
    if (session->requests.count == 0) {
        net_timer_stop(&session->statement_timer);
        session->is_cancelling = false;
        return gate_release_batch(session); /* a Flush without an Execute */
    }
    session->requests.first->started_us = net_loop_now_us(session->worker->loop);
    session_start_statement_timer(session);
    return RG_OK;
}

static void forget_failed_statements(struct session *session)
{
    for (const struct request *request = session->requests.first; request != NULL && request->type != 'S';
         request = request->next) {
        if (request->name != NULL) {
            prepared_remove(&session->prepared, rg_slice_make(request->name, request->name_size));
        }
    }
    session->upstream_prepared = NULL;
}

/* What the upstream skips now: a decision on record gets its outcome. */
static rg_status record_skipped(struct session *session)
{
    struct request *request = session->requests.first;
    RG_TRY(record_unfinished(session, request, request->statement + 1, true, "25P02",
                             "not executed: an earlier statement failed"));
    if (request->type == 'Q') {
        return RG_OK;
    }
    for (request = request->next; request != NULL && request->type != 'S'; request = request->next) {
        RG_TRY(record_unfinished(session, request, request->statement, true, "25P02",
                                 "not executed: an earlier statement failed"));
    }
    return RG_OK;
}

static rg_status after_error(struct session *session)
{
    struct request *request = session->requests.first;
    RG_TRY(record_skipped(session));
    if (request->type == 'Q') {
        request->statement = request->cached == NULL ? 0 : request->cached->plan.count;
        request->is_failed = true;
        return RG_OK;
    }
    forget_failed_statements(session);
    requests_drop_to_sync(&session->requests);
    session->skips_to_sync = session->requests.first == NULL;
    return RG_OK;
}

/* What waits for a record must not fill what may wait: the upstream would not be read, and the record not come. */
static rg_status bound_held(struct session *session, struct request *request)
{
    if (output_open_size(&session->output) <= SESSION_HOLD_BYTES) {
        return RG_OK;
    }
    return request_statement(request) == NULL ? gate_release_batch(session) : gate_decide_now(session, request);
}

/* ---- rows ---- */

static void stop_result(struct session *session, struct request *request, enum config_limit limit)
{
    struct limit_words words;
    struct refusal refusal = limit_refusal(session, limit, &words);
    request->is_substituted = true;
    request_set_refusal(request, &refusal);
    count_stopped(session, &refusal);
    upstream_cancel(session);
}

static void check_limits(struct session *session, struct request *request)
{
    if (request->refusal_text != NULL) {
        return;
    }
    if (request->rows > session_limit(session, CONFIG_LIMIT_ROWS)) {
        stop_result(session, request, CONFIG_LIMIT_ROWS);
    } else if (request->bytes > session_limit(session, CONFIG_LIMIT_BYTES)) {
        stop_result(session, request, CONFIG_LIMIT_BYTES);
    }
}

/* The one column of the one row: exactly pg_catalog, in a row that came whole. */
static void take_probe(struct session *session, const struct pgwire_span *span)
{
    static const char wanted[] = "\0\1\0\0\0\12pg_catalog";
    session->is_probe_passed =
        span->is_start && span->is_end && rg_slice_is_equal(span->body, rg_slice_make(wanted, sizeof wanted - 1));
}

static rg_status on_row(struct session *session, struct request *request, const struct pgwire_span *span)
{
    if (request->is_hidden || request_is_in_prelude(request)) {
        if (request->is_probe) {
            take_probe(session, span);
        }
        return RG_OK;
    }
    if (span->is_start) {
        request->rows++;
        request->bytes += span->total;
        check_limits(session, request);
    }
    if (request->is_substituted || request->is_failed || session->drops_to_sync) {
        return session->is_mid_message ? rg_fail(RG_LIMIT, "the result was stopped inside a row") : RG_OK;
    }
    RG_TRY(gate_hold(session, request));
    RG_TRY(gate_put(session, span->bytes));
    session->is_mid_message = !span->is_end;
    return bound_held(session, request);
}

/* ---- control messages of a statement ---- */

static rg_status pass_held(struct session *session, struct request *request, const struct pgwire_span *span)
{
    if (request->is_hidden || request->is_substituted || request->is_failed || session->drops_to_sync ||
        request_is_in_prelude(request)) {
        return RG_OK;
    }
    RG_TRY(gate_hold(session, request));
    return gate_put(session, span->bytes);
}

static rg_status on_done_silently(struct session *session, struct request *request, const struct pgwire_span *span)
{
    RG_TRY(pass_held(session, request, span));
    return finish_request(session);
}

static rg_status pass_description(struct session *session, struct request *request, const struct pgwire_span *span)
{
    RG_AUTO(rg_buf_done) struct rg_buf message;
    rg_buf_init(&message, span->bytes.size + (1 << 20));
    struct pgwire_span own = *span;
    RG_TRY(hyper_correct_description(session, request, &message, &own));
    return pass_held(session, request, &own);
}

static rg_status on_row_description(struct session *session, struct request *request, const struct pgwire_span *span)
{
    RG_TRY(pass_description(session, request, span));
    return request->type == 'D' ? finish_request(session) : RG_OK;
}

static rg_status substitute(struct session *session, struct request *request)
{
    struct pgwire_error error = {.message = request->refusal.message};
    memcpy(error.sqlstate, request->refusal.sqlstate, sizeof error.sqlstate);
    RG_TRY(gate_settle(session, request));
    if (output_is_open(&session->output)) {
        output_drop_open(&session->output); /* rows that were held and whose statement is refused after all */
    }
    RG_TRY(output_open(&session->output));
    RG_TRY(refusal_put(session, &request->refusal, 0, false, 0));
    return gate_record_outcome(session, request, &error);
}

/* The upstream finished a statement that the client was told (or is told now) has failed. */
static rg_status finish_substituted(struct session *session, struct request *request)
{
    bool is_query = request->type == 'Q';
    RG_TRY(substitute(session, request));
    if (is_query) {
        request->is_failed = true;
        next_statement(session, request); /* the upstream goes on with it: recorded, not shown */
        return RG_OK;
    }
    session->drops_to_sync = true;
    session->skips_to_sync = !requests_has_sync(&session->requests);
    return finish_request(session);
}

static rg_status put_tag(struct session *session, const struct policy_statement *statement,
                         const struct pgwire_span *span)
{
    if (statement == NULL || statement->tag.size == 0 || span->type != 'C') {
        return output_put(&session->output, span->bytes);
    }
    return pgwire_tag_encode(statement->tag, output_buf(&session->output));
}

static void count_rows(struct request *request, const struct pgwire_span *span)
{
    struct pgwire_tag tag;
    if (request->rows == 0 && rg_is_ok(pgwire_tag_parse(span->body, &tag)) && tag.has_rows) {
        request->rows = tag.rows; /* INSERT, UPDATE, DELETE without RETURNING */
    }
}

static rg_status complete_statement(struct session *session, struct request *request, const struct pgwire_span *span)
{
    if (request_is_in_prelude(request)) {
        request->is_prelude_done = true;
        return RG_OK;
    }
    if (request->is_substituted) {
        return finish_substituted(session, request);
    }
    if (request->is_hidden) {
        return request->type == 'Q' ? RG_OK : finish_request(session);
    }
    if (session->drops_to_sync || request->is_failed) {
        RG_TRY(gate_record_outcome(session, request, NULL));
    } else {
        RG_TRY(gate_settle(session, request));
        RG_TRY(output_open(&session->output));
        count_rows(request, span);
        RG_TRY(put_tag(session, request_statement(request), span));
        RG_TRY(gate_record_outcome(session, request, NULL));
    }
    if (request->type == 'E') {
        return finish_request(session);
    }
    next_statement(session, request);
    return RG_OK;
}

static rg_status on_empty_query(struct session *session, struct request *request, const struct pgwire_span *span)
{
    if (!request->is_hidden) {
        RG_TRY(gate_put(session, span->bytes)); /* says nothing of any data */
    }
    return request->type == 'E' ? finish_request(session) : RG_OK;
}

/* ---- errors ---- */

/* Of a statement of rowgate's own without which the session cannot go on: it says nothing of any data. */
static rg_status fail_own(struct session *session, const char *rule, const struct pgwire_span *span)
{
    struct pgwire_error error;
    RG_TRY(pgwire_error_parse('E', span->body, &error));
    struct refusal refusal = {.message = error.message, .rule = rg_slice_of(rule)};
    memcpy(refusal.sqlstate, error.sqlstate, sizeof refusal.sqlstate);
    session_fatal(session, &refusal);
    return RG_OK;
}

/* The client was told of an earlier error of this batch already; the log is told of this one. */
static rg_status record_dropped_error(struct session *session, struct request *request, const struct pgwire_span *span)
{
    struct pgwire_error error;
    RG_TRY(pgwire_error_parse('E', span->body, &error));
    bool is_statement = request->type == 'Q' || request->type == 'E';
    return is_statement && !request->is_poison ? gate_record_outcome(session, request, &error) : RG_OK;
}

static rg_status on_error(struct session *session, struct request *request, const struct pgwire_span *span)
{
    if (request->is_settings || request->is_begin) {
        return fail_own(session, request->is_begin ? "upstream.begin" : "login.setting", span);
    }
    if (request->is_probe) {
        session->is_probe_passed = false;
        return after_error(session);
    }
    if (session->drops_to_sync) {
        RG_TRY(record_dropped_error(session, request, span));
        return after_error(session);
    }
    if (request->is_poison) {
        RG_TRY(gate_settle(session, request)); /* the refusal's record names the refused statement alone */
        RG_TRY(refusal_put(session, &request->refusal, request->refusal_ticket, request->is_refusal_durable,
                           request->refusal_sequence));
    } else if (request->is_substituted) {
        RG_TRY(substitute(session, request));
    } else if (!request->is_failed && (request->is_prelude || request_is_in_prelude(request))) {
        RG_TRY(prelude_failed(session, request, span));
    } else if (!request->is_failed) {
        RG_TRY(reply_put_error(session, request, span));
    } else {
        RG_TRY(record_dropped_error(session, request, span));
    }
    return after_error(session);
}

/* What was forwarded behind the batch that just ended belongs to the next transaction already. */
static void end_transaction(struct session *session)
{
    portal_remove_ended(&session->prepared, session->batches_answered);
    limit_forget_transaction(session);
    if (session->requests.count == 1) {
        portal_remove_all(&session->prepared);
        session->batches_answered = session->batches_forwarded; /* a Query that was skipped has no answer */
        session->has_written = false;
        session->next_portal = 0;
        settings_free(&session->settings_before); /* of a BEGIN that was skipped */
    }
}

static rg_status on_ready(struct session *session, struct request *request, const struct pgwire_span *span)
{
    enum pgwire_transaction state = PGWIRE_TRANSACTION_NONE;
    RG_TRY(pgwire_ready_parse(span->body, &state));
    bool is_begin = request->is_begin;
    RG_TRY(is_begin ? local_begun(session, state) : RG_OK);
    session->transaction = state;
    prelude_on_ready(session, request);
    session->batches_answered++;
    if (state == PGWIRE_TRANSACTION_IDLE) {
        end_transaction(session);
    }
    bool is_settings = request->is_settings;
    bool is_probe = request->is_probe;
    if (!request->is_hidden) {
        RG_TRY(gate_release_batch(session));
        RG_TRY(gate_put(session, span->bytes));
    }
    session->drops_to_sync = false;
    RG_TRY(finish_request(session));
    if (is_probe) {
        upstream_probed(session);
    } else if (is_settings || is_begin) {
        session_resume(session);
    } else if (session->requests.count == 0) {
        session_go_idle(session);
    }
    return RG_OK;
}

/* ---- asynchronous messages ---- */

static rg_status on_notice(struct session *session, const struct pgwire_span *span)
{
    struct request *request = session->requests.first;
    if (request == NULL || request->is_hidden || request->is_poison || session->drops_to_sync ||
        request_is_in_prelude(request) || session->phase != SESSION_READY) {
        return RG_OK;
    }
    RG_TRY(gate_hold(session, request));
    RG_TRY(pgwire_error_filter('N', span->body, NULL, output_buf(&session->output)));
    return bound_held(session, request);
}

static rg_status on_parameter(struct session *session, const struct pgwire_span *span)
{
    static const char *const passed[] = {"DateStyle", "TimeZone", "IntervalStyle", "in_hot_standby"};
    struct pgwire_parameter parameter;
    RG_TRY(pgwire_parameter_parse(span->body, &parameter));
    bool is_encoding = rg_slice_is_equal(parameter.name, RG_SLICE("client_encoding"));
    bool is_strings = rg_slice_is_equal(parameter.name, RG_SLICE("standard_conforming_strings"));
    if ((is_encoding && !rg_slice_is_equal(parameter.value, RG_SLICE("UTF8"))) ||
        (is_strings && !rg_slice_is_equal(parameter.value, RG_SLICE("on")))) {
        return rg_fail(RG_UPSTREAM, "the upstream changed %.*s", rg_slice_shown(parameter.name), parameter.name.data);
    }
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        if (rg_slice_is_equal(parameter.name, rg_slice_of(passed[i])) && session->phase == SESSION_READY) {
            struct request *request = session->requests.first;
            if (request != NULL && request->cached != NULL) {
                RG_TRY(gate_hold(session, request));
                RG_TRY(gate_put(session, span->bytes));
                return bound_held(session, request);
            }
            return gate_put(session, span->bytes);
        }
    }
    return RG_OK;
}

/* ---- the table ---- */

struct reply_row {
    char type;
    const char *requests; /* types of the oldest request that may be answered so */
    rg_status (*handle)(struct session *session, struct request *request, const struct pgwire_span *span);
};

static const struct reply_row rows[] = {
    {'D', "QE", on_row},
    {'d', "QE", on_row},
    {'G', "QE", copy_start}, /* CopyInResponse */
    {'H', "QE", pass_held},  /* CopyOutResponse */
    {'c', "QE", pass_held},  /* CopyDone */
    {'T', "QD", on_row_description},
    {'t', "D", pass_description},
    {'n', "D", on_done_silently},
    {'1', "P", on_done_silently},
    {'2', "B", on_done_silently},
    {'3', "C", on_done_silently},
    {'C', "QE", complete_statement},
    {'s', "E", complete_statement},
    {'I', "QE", on_empty_query},
    {'E', "QPBDECS", on_error},
    {'Z', "QS", on_ready},
};

static rg_status dispatch(struct session *session, const struct pgwire_span *span)
{
    if (span->type == 'N') {
        return on_notice(session, span);
    }
    if (span->type == 'S') {
        return on_parameter(session, span);
    }
    if (span->type == 'A') {
        return RG_OK; /* LISTEN is refused, so this is another's */
    }
    struct request *request = session->requests.first;
    if (request != NULL && request->lesson != NULL && !request_is_in_prelude(request)) {
        local_note(session, request, span);
    }
    for (size_t i = 0; request != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type == span->type && strchr(rows[i].requests, request->type) != NULL) {
            return rows[i].handle(session, request, span);
        }
    }
    if (request == NULL && span->type == 'E') {
        return rg_fail(RG_UPSTREAM, "the upstream ended the session");
    }
    return rg_fail(RG_UPSTREAM, "unexpected message '%c' from the upstream", span->type);
}

static rg_status dispatch_all(struct session *session, struct pgwire_scanner *scanner, struct rg_slice chunk)
{
    const struct net_stream *server = session->server;
    bool has_span = true;
    while (has_span && server != NULL && session->server == server) { /* lost, and another one taken: not its bytes */
        struct pgwire_span span;
        RG_TRY(pgwire_scanner_next(scanner, &chunk, &span, &has_span));
        if (has_span) {
            RG_TRY(dispatch(session, &span));
        }
    }
    return RG_OK;
}

static rg_status relay(struct session *session)
{
    struct net_stream *server = session->server;
    struct rg_slice chunk = net_stream_input(server);
    size_t size = chunk.size;
    session->is_relaying = true;
    rg_status status = dispatch_all(session, &session->scanner, chunk);
    session->is_relaying = false;
    RG_TRY(status);
    if (session->server == server) {
        net_stream_consume(server, size);
    }
    return RG_OK;
}

/* Fewer requests are outstanding, or it is known what the client's bytes are: it is read again. */
static void take_more(struct session *session)
{
    bool is_known = session->is_waiting_for_copy && session->copy != COPY_AWAITED;
    bool is_due = session->is_waiting_for_answers && session->requests.count <= REQUESTS_HIGH / 2 &&
                  session->requests.bytes <= REQUESTS_BYTES_HIGH / 2;
    if (is_due || is_known) {
        session->is_waiting_for_answers = session->is_waiting_for_answers && !is_due;
        session->is_waiting_for_copy = session->is_waiting_for_copy && !is_known;
        net_stream_resume(session->client);
        session_pump(session);
    }
}

static void fail(struct session *session, rg_status status)
{
    if (status.error->kind == RG_UPSTREAM) {
        upstream_lost(session, status.error->text);
        return;
    }
    bool is_audit = status.error->kind == RG_STORAGE;
    struct refusal refusal = is_audit ? gate_refusal(session) : refusal_from_status(status, "session.limits");
    session_fatal(session, &refusal);
}

void reply_settle(struct session *session)
{
    if (session_is_dead(session) || session->phase != SESSION_READY || session->server != NULL) {
        return;
    }
    copy_settle(session);
    if (session->is_waiting_for_server) {
        session->is_waiting_for_server = false;
        net_stream_resume(session->client);
        session_pump(session);
    }
    if (!session_is_dead(session)) {
        take_more(session);
    }
    if (!session_is_dead(session)) {
        session_flush(session);
    }
}

void reply_feed(struct session *session, struct rg_slice messages)
{
    struct pgwire_scanner scanner;
    pgwire_scanner_init(&scanner, PGWIRE_COLLECT_MAX);
    rg_status status = dispatch_all(session, &scanner, messages);
    pgwire_scanner_done(&scanner);
    if (!rg_is_ok(status) && !session_is_dead(session)) {
        fail(session, status);
    }
}

void reply_on_input(struct session *session)
{
    if (session_is_dead(session) || session->server == NULL) {
        return;
    }
    rg_status status = relay(session);
    if (session_is_dead(session)) {
        return;
    }
    if (!rg_is_ok(status)) {
        fail(session, status);
        reply_settle(session);
        return;
    }
    copy_settle(session);
    session_rest(session); /* before more is sent: others may wait */
    take_more(session);
    session_flush(session);
}
