/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the upstream and its answer back. Neither side may run ahead of the other: what the client does not
 * take is not read from the upstream (link.h). */
#include "proxy/http/forward.h"

#include "base/rg_memory.h"
#include "proxy/http/forward_private.h"
#include "proxy/net/stream.h"
#include "proxy/worker.h"

enum { PIECE_BYTES = 256 << 10, KEPT_BYTES = 16 << 10 };

/* ---- lifetime ---- */

static void enter(struct http_forward *forward)
{
    forward->depth++;
    http_request_hold(&forward->exchange->request);
}

static void empty(struct rg_buf *buf)
{
    rg_buf_clear(buf);
    if (buf->capacity > KEPT_BYTES) {
        rg_buf_done(buf);
    }
}

/* Its memory goes with the exchange, or to the next request. */
static void end_forward(struct http_forward *forward)
{
    forward->upstream->forwards--;
    rg_buf_done(&forward->ahead);
    empty(&forward->sending);
    empty(&forward->head);
    forward->exchange->spare_forward = forward;
}

void http_forward_free(struct http_forward *forward)
{
    if (forward != NULL) {
        rg_buf_done(&forward->sending);
        rg_buf_done(&forward->head);
        rg_memory_free(forward);
    }
}

static void leave(struct http_forward *forward)
{
    struct http_exchange *exchange = forward->exchange;
    if (--forward->depth == 0 && forward->is_orphan) {
        end_forward(forward);
    }
    http_request_release(&exchange->request);
}

void http_forward_drop(struct http_exchange *exchange)
{
    struct http_forward *forward = exchange->forward;
    if (forward == NULL) {
        return;
    }
    exchange->forward = NULL;
    http_link_close(&forward->link);
    net_stream_close(&forward->tunnel);
    forward->is_orphan = true;
    if (forward->depth == 0) {
        end_forward(forward);
    }
}

/* ---- failures before anything has left ---- */

static void fail(struct http_forward *forward, enum http_link_failure why)
{
    static const struct {
        int status;
        const char *rule, *text;
    } rows[] = {
        [HTTP_LINK_BROKEN] = {502, "http.upstream.broken",
                              "The application behind this address gave no proper answer."},
        [HTTP_LINK_UNREACHABLE] = {502, "http.upstream.unreachable",
                                   "The application behind this address cannot be reached."},
        [HTTP_LINK_TIMEOUT] = {504, "http.upstream.timeout",
                               "The application behind this address did not answer in time."},
    };
    http_link_close(&forward->link);
    forward->exchange->request.has_reply = false; /* the forward was it */
    http_reply_problem(&forward->exchange->request, rows[why].status, rows[why].rule, rows[why].text);
}

static void on_failed(void *context, enum http_link_failure why)
{
    struct http_forward *forward = context;
    enter(forward);
    fail(forward, why);
    leave(forward);
}

/* ---- the body back ---- */

static bool may_send(const struct http_forward *forward)
{
    return forward->is_open && !forward->is_sending && !forward->is_finished && !forward->is_orphan;
}

/* How the body stands; the connection goes back as soon as the last byte was read. */
static h2o_send_state_t settle(struct http_forward *forward)
{
    enum http_answer_framing framing = forward->link == NULL ? HTTP_ANSWER_BROKEN : http_link_framing(forward->link);
    if (!forward->has_failed && framing == HTTP_ANSWER_ENDED) {
        forward->has_ended = true;
    }
    if (forward->has_failed || framing == HTTP_ANSWER_BROKEN || framing == HTTP_ANSWER_ENDED) {
        http_link_close(&forward->link);
    }
    if (forward->link != NULL) {
        return H2O_SEND_STATE_IN_PROGRESS;
    }
    return forward->has_ended && !forward->has_failed ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_ERROR;
}

/* What there is, into `sending`: first what was read ahead. */
static h2o_send_state_t gather(struct http_forward *forward)
{
    if (rg_buf_size(&forward->ahead) > 0) {
        rg_buf_done(&forward->sending);
        forward->sending = forward->ahead;
        rg_buf_init(&forward->ahead, 0);
        return settle(forward);
    }
    if (forward->sending.limit_bytes != PIECE_BYTES) { /* it was the one read ahead */
        rg_buf_done(&forward->sending);
        rg_buf_init(&forward->sending, PIECE_BYTES);
    }
    if (forward->link != NULL) {
        http_link_read(forward->link, &forward->sending, PIECE_BYTES);
    }
    return settle(forward);
}

/* Sends what there is; nothing is in flight. The request may be over behind it. */
static void pump(struct http_forward *forward)
{
    struct http_exchange *exchange = forward->exchange;
    rg_buf_clear(&forward->sending);
    h2o_send_state_t state = gather(forward);
    struct rg_slice bytes = rg_buf_slice(&forward->sending);
    if (state == H2O_SEND_STATE_IN_PROGRESS && bytes.size == 0) {
        return;
    }
    if (bytes.size > 0) {
        http_response_saw_body(exchange, bytes);
    }
    if (state != H2O_SEND_STATE_IN_PROGRESS) {
        forward->is_finished = true;
        http_exchange_end(exchange, state == H2O_SEND_STATE_FINAL ? HTTP_END_COMPLETE : HTTP_END_ABORTED);
    }
    forward->is_sending = true;
    http_response_send(exchange, bytes, state);
}

static void pump_if_possible(struct http_forward *forward)
{
    enter(forward);
    if (may_send(forward)) {
        pump(forward);
    }
    leave(forward);
}

/* ---- the body before the head ---- */

void http_forward_read_ahead(struct http_exchange *exchange, size_t limit_bytes)
{
    struct http_forward *forward = exchange->forward;
    if (forward != NULL) {
        forward->is_ahead = true;
        forward->ahead_bytes = limit_bytes;
        rg_buf_done(&forward->ahead);
        rg_buf_init(&forward->ahead, limit_bytes + 1);
    }
}

/* Tells the hook once it is all there, or too much, or will not come. The request may be over behind it. */
static void read_ahead(struct http_forward *forward)
{
    if (forward->link != NULL) {
        size_t room = forward->ahead_bytes + 1 - rg_buf_size(&forward->ahead);
        http_link_read(forward->link, &forward->ahead, room);
    }
    h2o_send_state_t state = settle(forward);
    bool is_too_much = rg_buf_size(&forward->ahead) > forward->ahead_bytes;
    if (state == H2O_SEND_STATE_IN_PROGRESS && !is_too_much) {
        return;
    }
    forward->is_ahead = false;
    http_response_saw_ahead(forward->exchange, rg_buf_slice(&forward->ahead),
                            state == H2O_SEND_STATE_FINAL && !is_too_much);
}

static void on_body(void *context)
{
    struct http_forward *forward = context;
    enter(forward);
    if (forward->is_ahead) {
        read_ahead(forward);
    } else if (may_send(forward)) {
        pump(forward);
    }
    leave(forward);
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    struct http_forward *forward = (struct http_forward *)(void *)generator;
    forward->is_sending = false;
    pump_if_possible(forward);
}

static void on_stop(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    struct http_forward *forward = (struct http_forward *)(void *)generator;
    forward->has_failed = true;
    http_link_close(&forward->link);
}

void http_forward_break(struct http_exchange *exchange)
{
    struct http_forward *forward = exchange->forward;
    if (forward != NULL && !forward->is_finished) {
        forward->has_failed = true;
        http_link_close(&forward->link);
        pump_if_possible(forward);
    }
}

/* ---- the head back ---- */

/* The hooks have let the head go. */
static void open_body(struct http_exchange *exchange)
{
    struct http_forward *forward = exchange->forward;
    if (forward == NULL) {
        return;
    }
    if (forward->tunnel != NULL) {
        struct net_stream *tunnel = forward->tunnel;
        forward->tunnel = NULL;
        http_exchange_end(exchange, HTTP_END_COMPLETE);
        http_tunnel_offer(exchange, tunnel, forward->upstream->websocket_ms);
        return;
    }
    http_response_start(exchange, &forward->super);
    forward->is_open = true;
    pump_if_possible(forward);
}

static void on_head(void *context, const struct http_answer_head *head)
{
    struct http_forward *forward = context;
    struct http_exchange *exchange = forward->exchange;
    enter(forward);
    if (!rg_is_ok(http_forward_read_head(exchange, head))) {
        fail(forward, HTTP_LINK_BROKEN);
    } else {
        if (head->status == 101) {
            forward->tunnel = http_link_steal(&forward->link);
        }
        http_response_begin(exchange, open_body);
    }
    if (forward->is_ahead && !forward->is_orphan) {
        read_ahead(forward);
    }
    leave(forward);
}

/* ---- there ---- */

static const struct http_link_events link_events = {on_head, on_failed, on_body};

static rg_status start(struct http_exchange *exchange)
{
    struct http_forward *forward = exchange->spare_forward;
    if (forward == NULL) {
        forward = rg_memory_alloc(sizeof *forward);
    }
    *forward = (struct http_forward){.super = {on_proceed, on_stop},
                                     .exchange = exchange,
                                     .upstream = exchange->request.plane->upstream,
                                     .head = forward->head,
                                     .sending = forward->sending};
    forward->upstream->forwards++;
    forward->sending.limit_bytes = PIECE_BYTES;
    exchange->spare_forward = NULL;
    exchange->forward = forward;
    return http_forward_write_request(forward);
}

static void ask(struct http_exchange *exchange)
{
    struct http_forward *forward = exchange->forward;
    const struct http_request *request = &exchange->request;
    bool is_head = rg_slice_is_equal(request->method, RG_SLICE("HEAD"));
    const struct http_ask ask = {.head = rg_buf_slice(&forward->head),
                                 .body = request->body,
                                 .owner = http_request_owner(request),
                                 .is_head = is_head,
                                 .may_repeat = is_head || rg_slice_is_equal(request->method, RG_SLICE("GET"))};
    forward->link = http_link_open(forward->upstream, &ask, &link_events, forward);
}

void http_forward(struct http_request *request)
{
    struct http_exchange *exchange = http_exchange_of(request);
    if (request->is_gone || request->has_reply) {
        return;
    }
    if (!request->is_permitted) {
        http_reply_problem(request, 403, "http.route.unknown", "This address is not open.");
        return;
    }
    if (request->wants_upgrade && (!request->allows_upgrade || request->is_http2)) {
        http_reply_problem(request, 403, "http.route.upgrade", "This address opens no WebSocket.");
        return;
    }
    rg_status status = start(exchange);
    if (!rg_is_ok(status)) {
        http_reply_status(request, status, "http.request.limit", "This request is too large to be forwarded.");
        return;
    }
    request->has_reply = true;
    request->is_forwarded = true;
    ask(exchange);
}
