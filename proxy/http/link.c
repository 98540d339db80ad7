/* SPDX-License-Identifier: Apache-2.0 */
/* A request to the upstream over a kept connection: asked, answered, given back. Called by forward.c and probe.c; the
 * kept ones are upstream.c's. */
#include "proxy/http/link_private.h"

#include "base/rg_memory.h"
#include "proxy/http/upstream_private.h"
#include "proxy/worker.h"

enum {
    SWITCHING = 101,
    HEAD_BYTES = 256 << 10,
    INPUT_BYTES = 256 << 10,  /* read ahead of the client */
    PIECE_BYTES = 512 << 10,  /* of a request's body, at a time */
    OUTPUT_BYTES = 2048 << 10 /* a head and a piece */
};

static struct net_loop *loop_of(const struct http_link *link)
{
    return link->upstream->plane->worker->loop;
}

static int64_t now_us(const struct http_link *link)
{
    return net_loop_now_us(loop_of(link));
}

/* ---- the end ---- */

void http_link_free(struct http_link *link)
{
    net_timer_stop(&link->timer);
    net_dial_cancel(&link->dial);
    net_stream_close(&link->stream);
    rg_memory_free(link);
}

/* Tells it; the link is the owner's to close. */
static void fail(struct http_link *link, enum http_link_failure why)
{
    link->state = HTTP_LINK_FAILED;
    net_dial_cancel(&link->dial);
    net_stream_close(&link->stream);
    link->events->on_failed(link->context, why);
}

static void on_timer(void *context);

static void fail_later(struct http_link *link, enum http_link_failure why)
{
    link->state = HTTP_LINK_FAILED;
    link->failure = why;
    net_timer_start(loop_of(link), &link->timer, 0, on_timer, link);
}

/* ---- time ---- */

static void run_timer_for(struct http_link *link, int64_t left_us)
{
    net_timer_start(loop_of(link), &link->timer, (uint64_t)(left_us + 999) / 1000, on_timer, link);
}

/* Whether it is the upstream that is waited for. */
static bool is_awaited(const struct http_link *link)
{
    bool is_silent = link->stream != NULL && net_stream_input(link->stream).size == 0 && !link->is_closed;
    return link->state == HTTP_LINK_ASKED || (link->is_read && is_silent);
}

static void on_silence(struct http_link *link)
{
    if (link->state == HTTP_LINK_ASKED) {
        fail(link, HTTP_LINK_TIMEOUT);
    } else {
        link->body.framing = HTTP_ANSWER_BROKEN;
        link->events->on_body(link->context);
    }
}

/* Whether an answer is under way at all. */
static bool is_under_way(const struct http_link *link)
{
    bool is_open = link->body.framing != HTTP_ANSWER_ENDED && link->body.framing != HTTP_ANSWER_BROKEN;
    return link->state == HTTP_LINK_ASKED || (link->state == HTTP_LINK_ANSWERED && is_open);
}

/* A timer that was set for an earlier request, or before something came, goes on for what is left. */
static void on_timer(void *context)
{
    struct http_link *link = context;
    int64_t limit_us = (int64_t)link->upstream->response_ms * 1000;
    if (link->state == HTTP_LINK_FAILED) {
        fail(link, link->failure);
        return;
    }
    if (!is_under_way(link)) {
        return;
    }
    int64_t left_us = is_awaited(link) ? link->since_us + limit_us - now_us(link) : limit_us;
    if (left_us > 0) {
        run_timer_for(link, left_us);
    } else {
        on_silence(link);
    }
}

/* ---- the answer ---- */

static void take_head(struct http_link *link)
{
    struct http_answer_head *head = &link->upstream->answer;
    switch (http_answer_head_judge(net_stream_input(link->stream), HEAD_BYTES, head)) {
    case HTTP_VERDICT_MORE:
        return;
    case HTTP_VERDICT_REFUSED:
        fail(link, HTTP_LINK_BROKEN);
        return;
    case HTTP_VERDICT_OK:
        break;
    }
    link->state = HTTP_LINK_ANSWERED;
    link->head_size = head->size;
    /* An upgraded connection is of another protocol; on one where the answer came before the request had left, the
     * upstream may take the rest of it for the next one (RFC 9112 9.5). */
    link->is_last = head->has_close || head->status == SWITCHING || link->body_sent < link->ask.body.size ||
                    net_stream_pending(link->stream) > 0;
    http_answer_body_init(&link->body, head, link->ask.is_head);
    link->events->on_head(link->context, head);
}

static void on_input(void *context, struct net_stream *stream)
{
    struct http_link *link = context;
    (void)stream;
    switch (link->state) {
    case HTTP_LINK_IDLE: /* nobody asked */
        http_upstream_forget(link);
        break;
    case HTTP_LINK_ASKED:
        take_head(link);
        break;
    case HTTP_LINK_ANSWERED:
        link->since_us = now_us(link);
        link->events->on_body(link->context);
        break;
    case HTTP_LINK_OPENING:
    case HTTP_LINK_FAILED:
        break;
    }
}

static void open_connection(struct http_link *link);

/* Not a byte of an answer came on a connection that was kept: it was kept too long. */
static bool is_stale(const struct http_link *link)
{
    return link->is_reused && net_stream_input(link->stream).size == 0;
}

static void on_closed(void *context, struct net_stream *stream, const char *reason)
{
    struct http_link *link = context;
    (void)reason;
    if (link->state == HTTP_LINK_IDLE) {
        http_upstream_forget(link);
    } else if (link->state == HTTP_LINK_ASKED && is_stale(link) && link->ask.may_repeat) {
        net_stream_close(&link->stream);
        open_connection(link);
    } else if (link->state == HTTP_LINK_ASKED) {
        fail(link, HTTP_LINK_BROKEN);
    } else if (link->state == HTTP_LINK_ANSWERED) {
        link->is_closed = true;
        link->is_clean = net_stream_has_clean_end(stream);
        link->events->on_body(link->context);
    }
}

void http_link_read(struct http_link *link, struct rg_buf *into, size_t most)
{
    struct rg_slice input = net_stream_input(link->stream);
    size_t at = link->head_size;
    size_t used = 1;
    while (used > 0 && at < input.size && most > 0) {
        struct rg_slice data = {0};
        http_answer_body_take(&link->body, rg_slice_cut(input, at, most), &used, &data);
        rg_status status = rg_buf_put(into, data);
        RG_ASSERT(rg_is_ok(status));
        at += used;
        most -= data.size;
    }
    if (at == input.size && link->is_closed) {
        http_answer_body_close(&link->body, link->is_clean);
    }
    link->head_size = 0;
    link->is_read = true;
    if (link->body.framing != HTTP_ANSWER_ENDED) {
        link->since_us = now_us(link); /* the upstream may speak again */
    }
    net_stream_consume(link->stream, at);
}

enum http_answer_framing http_link_framing(const struct http_link *link)
{
    return link->body.framing;
}

/* ---- the request ---- */

/* As much of the body as may be pending at a time. */
static bool send_body(struct http_link *link)
{
    struct rg_slice piece = rg_slice_cut(link->ask.body, link->body_sent, PIECE_BYTES);
    link->body_sent += piece.size;
    return piece.size == 0 || rg_is_ok(net_stream_write(link->stream, piece));
}

static void on_drained(void *context, struct net_stream *stream)
{
    struct http_link *link = context;
    (void)stream;
    if (link->state == HTTP_LINK_ASKED) {
        link->since_us = now_us(link);
        (void)send_body(link); /* a failure is told by on_closed */
    }
}

static const struct net_stream_events stream_events = {
    .on_input = on_input, .on_drained = on_drained, .on_closed = on_closed};

static void send_request(struct http_link *link)
{
    link->state = HTTP_LINK_ASKED;
    link->since_us = now_us(link);
    link->body_sent = 0;
    if (!rg_is_ok(net_stream_write(link->stream, link->ask.head)) || !send_body(link)) {
        fail_later(link, HTTP_LINK_BROKEN);
    } else if (!net_timer_is_running(&link->timer)) {
        run_timer_for(link, (int64_t)link->upstream->response_ms * 1000);
    }
}

static void on_open(void *context, struct net_stream *stream, const char *error)
{
    struct http_link *link = context;
    link->dial = NULL;
    link->stream = stream;
    if (error != NULL) {
        fail(link, HTTP_LINK_UNREACHABLE);
        return;
    }
    net_stream_set_limits(stream, INPUT_BYTES, OUTPUT_BYTES);
    net_stream_set_events(stream, &stream_events, link);
    send_request(link);
}

static void open_connection(struct http_link *link)
{
    const struct http_upstream *upstream = link->upstream;
    const struct net_dial_options options = {
        .host = upstream->host, .port = upstream->port, .tls = upstream->tls, .deadline_ms = upstream->connect_ms};
    link->state = HTTP_LINK_OPENING;
    link->is_reused = false;
    if (!rg_is_ok(net_dial_start(loop_of(link), &options, on_open, link, &link->dial))) {
        fail_later(link, HTTP_LINK_UNREACHABLE);
    }
}

/* One on which nothing was said since its last answer: what waits there unheard would be taken for this one's. */
static struct http_link *take_kept(struct http_upstream *upstream, struct rg_slice owner)
{
    struct http_link *link = http_upstream_take(upstream, owner);
    while (link != NULL && !net_stream_is_quiet(link->stream)) {
        http_link_free(link);
        link = http_upstream_take(upstream, owner);
    }
    return link;
}

static struct http_link *new_link(struct http_upstream *upstream, struct rg_slice owner)
{
    struct http_link *link = rg_memory_alloc(sizeof *link);
    RG_ASSERT(owner.size <= sizeof link->owner);
    link->upstream = upstream;
    link->owner_size = owner.size;
    if (owner.size > 0) {
        memcpy(link->owner, owner.data, owner.size);
    }
    return link;
}

struct http_link *http_link_open(struct http_upstream *upstream, const struct http_ask *ask,
                                 const struct http_link_events *events, void *context)
{
    struct http_link *link = take_kept(upstream, ask->owner);
    bool is_kept = link != NULL;
    if (!is_kept) {
        link = new_link(upstream, ask->owner);
    }
    link->events = events;
    link->context = context;
    link->ask = *ask;
    link->is_read = link->is_closed = link->is_clean = false;
    link->head_size = 0;
    link->body = (struct http_answer_body){0};
    link->is_reused = is_kept;
    if (is_kept) {
        send_request(link);
    } else {
        open_connection(link);
    }
    return link;
}

/* ---- given back ---- */

static bool may_be_kept(const struct http_link *link)
{
    return link->state == HTTP_LINK_ANSWERED && link->body.framing == HTTP_ANSWER_ENDED && !link->is_last &&
           !link->is_closed && link->body_sent == link->ask.body.size && net_stream_pending(link->stream) == 0 &&
           net_stream_input(link->stream).size == link->head_size; /* else it said more than it was asked */
}

void http_link_close(struct http_link **link)
{
    struct http_link *old = *link;
    *link = NULL;
    if (old == NULL) {
        return;
    }
    if (may_be_kept(old)) {
        net_stream_consume(old->stream, old->head_size);
        old->state = HTTP_LINK_IDLE;
        old->since_us = now_us(old);
        if (http_upstream_keep(old->upstream, old)) {
            return;
        }
    }
    http_link_free(old);
}

struct net_stream *http_link_steal(struct http_link **link)
{
    struct http_link *old = *link;
    struct net_stream *stream = old->stream;
    *link = NULL;
    old->stream = NULL;
    net_stream_set_events(stream, NULL, NULL);
    net_stream_consume(stream, old->head_size);
    http_link_free(old);
    return stream;
}
