/* SPDX-License-Identifier: Apache-2.0 */
/* The client's data of COPY ... FROM STDIN (protocol-flow, COPY Operations). The statement was judged and its decision
 * is on record before the upstream ever asks for data; what passes here are bytes of the client's own rows. CopyData is
 * passed on in pieces, each a message of its own, so that its length costs no memory and the upstream's stream always
 * stands between two messages. The upstream keeps nothing without a CopyDone: a session that ends in the middle,
 * however it ends, closes the upstream's, which rolls back. */
#include "proxy/session_private.h"

enum { PIECE_BYTES = 128 * 1024, CONTROL_BYTES = 16 * 1024 };

void copy_expect(struct session *session, const struct request *request)
{
    if (request_awaits_data(request)) {
        session->copy = COPY_AWAITED;
    }
}

static rg_status send_encoded(struct session *session, rg_status status, struct rg_buf *message)
{
    if (rg_is_ok(status)) {
        status = upstream_write(session, rg_buf_slice(message));
    }
    rg_buf_done(message);
    return status;
}

static rg_status send_fail(struct session *session, struct rg_slice reason)
{
    struct rg_buf message;
    rg_buf_init(&message, CONTROL_BYTES);
    return send_encoded(session, pgwire_copy_fail_encode(reason, &message), &message);
}

static rg_status send_done(struct session *session)
{
    struct rg_buf message;
    rg_buf_init(&message, CONTROL_BYTES);
    return send_encoded(session, pgwire_copy_done_encode(&message), &message);
}

static rg_status send_piece(struct session *session, struct rg_slice data)
{
    struct rg_buf message;
    rg_buf_init(&message, PIECE_BYTES + PGWIRE_FRAME_HEADER);
    return send_encoded(session, pgwire_copy_data_encode(data, &message), &message);
}

/* ---- the upstream's side ---- */

rg_status copy_start(struct session *session, struct request *request, const struct pgwire_span *span)
{
    const struct policy_statement *statement = request_statement(request);
    bool is_due = statement != NULL && statement->takes_data && request->is_decided && !request->is_hidden &&
                  !request_is_in_prelude(request) && request->data_from <= request->statement;
    bool is_text = span->body.size >= 3 && span->body.data[0] == 0;
    if (!is_due || !is_text) {
        return rg_fail(RG_UPSTREAM, "the upstream asks for data that no statement takes");
    }
    request->data_from = request->statement + 1;
    if (request->is_substituted || request->is_failed || session->drops_to_sync) {
        return send_fail(session, RG_SLICE("not executed")); /* the client was told of an error already */
    }
    RG_TRY(gate_release_batch(session)); /* what Describe showed must not wait for the end of the copy */
    RG_TRY(gate_put(session, span->bytes));
    request->is_copying = true;
    session->copy = COPY_ACTIVE;
    return RG_OK;
}

void copy_settle(struct session *session)
{
    const struct request *first = session->requests.first;
    bool is_over = session->copy == COPY_ACTIVE && (first == NULL || !first->is_copying || first->is_failed);
    bool is_off = session->copy == COPY_AWAITED && !requests_await_data(&session->requests);
    if (is_over || is_off) {
        session->copy = COPY_STRAY;
    }
}

bool copy_stop(struct session *session, const struct refusal *refusal)
{
    struct request *request = session->requests.first;
    if (session->copy != COPY_ACTIVE) {
        return false;
    }
    RG_ASSERT(request != NULL && request->is_copying);
    session->copy = COPY_STRAY;
    request->is_copying = false;
    request->is_substituted = true;
    request_set_refusal(request, refusal);
    rg_status status = send_fail(session, RG_SLICE("stopped"));
    if (!rg_is_ok(status)) {
        struct refusal failed = refusal_from_status(status, "session.limits");
        session_fatal(session, &failed);
        return true;
    }
    upstream_cancel(session); /* it may wait for a lock and read nothing */
    return true;
}

/* ---- the client's side ---- */

bool copy_is_next(const struct session *session)
{
    struct rg_slice input = net_stream_input(session->client);
    bool is_stray = session->copy == COPY_STRAY && input.size > 0 && memchr("dcf", input.data[0], 3) != NULL;
    return session->copy == COPY_ACTIVE || session->copy_left > 0 || is_stray;
}

static bool end_badly(struct session *session, rg_status status, const char *rule)
{
    struct refusal refusal = refusal_from_status(status, rule);
    session_fatal(session, &refusal);
    return false;
}

/* The bytes of a CopyData message as far as they are here. */
static bool take_data(struct session *session)
{
    struct rg_slice data = rg_slice_cut(net_stream_input(session->client), 0, session->copy_left);
    data = rg_slice_cut(data, 0, PIECE_BYTES);
    if (data.size == 0) {
        return false;
    }
    if (session->copy == COPY_ACTIVE) {
        rg_status status = send_piece(session, data);
        if (!rg_is_ok(status)) {
            return end_badly(session, status, "session.limits");
        }
        session->requests.first->bytes += data.size;
    }
    session->copy_left -= data.size;
    net_stream_consume(session->client, data.size);
    return true;
}

static void begin_data(struct session *session, size_t body_size)
{
    net_stream_consume(session->client, PGWIRE_FRAME_HEADER);
    session->copy_left = body_size;
    if (session->copy == COPY_ACTIVE &&
        session->requests.first->bytes + body_size > session_limit(session, CONFIG_LIMIT_BYTES)) {
        struct limit_words words;
        struct refusal refusal = limit_refusal(session, CONFIG_LIMIT_BYTES, &words);
        refusal.message = RG_SLICE("the data of COPY is larger than the limit allows");
        count_stopped(session, &refusal);
        (void)copy_stop(session, &refusal);
    }
}

/* All data is sent; other statements of the same query may ask for theirs, and its answer is waited for. */
static void finish_data(struct session *session)
{
    struct request *request = session->requests.first;
    request->is_copying = false;
    session->copy = request_awaits_data(request) ? COPY_AWAITED : COPY_NONE;
}

static rg_status send_client_fail(struct session *session, struct rg_slice body)
{
    struct rg_slice reason = {0};
    rg_status status = pgwire_copy_fail_parse(body, &reason);
    if (!rg_is_ok(status) && status.error->kind == RG_PROTOCOL) {
        return status;
    }
    return send_fail(session, reason); /* without the reason when it is not UTF-8 */
}

/* CopyDone, CopyFail, and what may stand between CopyData. */
static bool on_control(struct session *session, const struct pgwire_frame *frame)
{
    bool is_end = frame->type == 'c' || frame->type == 'f';
    if (frame->type == 'X') {
        session_end(session, SESSION_ENDED_BY_CLIENT);
        return false;
    }
    if (session->copy != COPY_ACTIVE) {
        session->copy = COPY_NONE;
    } else if (is_end) {
        rg_status status = frame->type == 'c' ? send_done(session) : send_client_fail(session, frame->body);
        if (!rg_is_ok(status)) {
            return end_badly(session, status, "protocol.message");
        }
        finish_data(session);
    } /* Sync and Flush mean nothing here (protocol-flow, COPY Operations) */
    net_stream_consume(session->client, frame->size);
    return true;
}

/* The outcome could not be put on record: the upstream is told to keep nothing. */
static void stop_unrecorded(struct session *session)
{
    if (session->copy == COPY_ACTIVE && !worker_takes_records(session->worker)) {
        struct refusal refusal = gate_refusal(session);
        (void)copy_stop(session, &refusal);
    }
}

bool copy_on_input(struct session *session)
{
    stop_unrecorded(session);
    if (session_is_dead(session) || session->phase != SESSION_READY) {
        return false;
    }
    if (session->copy_left > 0) {
        return take_data(session);
    }
    struct pgwire_limits limits = {.phase =
                                       session->copy == COPY_ACTIVE ? PGWIRE_PHASE_COPY_IN : PGWIRE_PHASE_AFTER_COPY,
                                   .message_bytes = CONTROL_BYTES};
    struct rg_slice input = net_stream_input(session->client);
    struct pgwire_header header;
    struct pgwire_frame frame;
    bool is_complete = false;
    rg_status status = pgwire_header_peek(input, &limits, &header, &is_complete);
    if (rg_is_ok(status) && is_complete && header.type == 'd') {
        begin_data(session, header.body_size);
        return !session_is_dead(session) && session->phase == SESSION_READY;
    }
    if (rg_is_ok(status)) {
        status = pgwire_frame_peek(input, &limits, &frame, &is_complete);
    }
    if (!rg_is_ok(status)) {
        return end_badly(session, status, "protocol.message");
    }
    return is_complete && on_control(session, &frame);
}
