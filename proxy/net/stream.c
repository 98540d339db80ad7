/* SPDX-License-Identifier: Apache-2.0 */
/* One byte stream's life: adopted, given events, paused, finished, closed. The bytes are moved in
 * stream_io.c, TLS begins in stream_tls.c. Memory of a closed stream goes at the end of the turn, so
 * that a callback may close the very stream that called it. */
#include "proxy/net/stream_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/rg_memory.h"

enum { FIRST_READ_BYTES = 4096, KEPT_BUFFER_BYTES = 64 * 1024 };

static void on_readable(void *context)
{
    struct net_stream *stream = context;
    if (stream->stage == NET_STREAM_HANDSHAKE) {
        net_stream_step_handshake(stream);
        return;
    }
    if (stream->write_wants_read) {
        stream->write_wants_read = false;
        net_stream_flush_now(stream);
    }
    net_stream_read_now(stream);
}

static void on_writable(void *context)
{
    struct net_stream *stream = context;
    if (stream->stage == NET_STREAM_HANDSHAKE) {
        net_stream_step_handshake(stream);
        return;
    }
    stream->is_write_blocked = false;
    if (stream->read_wants_write) {
        stream->read_wants_write = false;
        net_stream_read_now(stream);
    }
    net_stream_flush_now(stream);
}

static const struct net_poll_events poll_events = {.on_readable = on_readable, .on_writable = on_writable};

static void describe_peer(int fd, char out_text[NET_PEER_TEXT_SIZE])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } address = {.storage = {0}};
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "?";
    if (getpeername(fd, &address.any, &size) != 0) {
        (void)snprintf(out_text, NET_PEER_TEXT_SIZE, "unknown");
    } else if (address.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host);
        (void)snprintf(out_text, NET_PEER_TEXT_SIZE, "%s:%u", host, (unsigned)ntohs(address.v4.sin_port));
    } else if (address.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof host);
        (void)snprintf(out_text, NET_PEER_TEXT_SIZE, "[%s]:%u", host, (unsigned)ntohs(address.v6.sin6_port));
    } else {
        (void)snprintf(out_text, NET_PEER_TEXT_SIZE, "unix");
    }
}

static struct net_stream *new_stream(struct net_loop *loop, int fd)
{
    struct net_stream *stream = rg_memory_alloc(sizeof *stream);
    stream->loop = loop;
    stream->fd = fd;
    stream->read_size = FIRST_READ_BYTES;
    net_stream_set_limits(stream, NET_STREAM_INPUT_BYTES, NET_STREAM_OUTPUT_BYTES);
    describe_peer(fd, stream->peer);
    stream->poll = net_poll_open(loop, fd, &poll_events, stream);
    return stream;
}

rg_status net_stream_adopt(struct net_loop *loop, int fd, struct net_stream **out_stream)
{
    int kind = 0;
    socklen_t size = sizeof kind;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) != 0 || kind != SOCK_STREAM) {
        return rg_fail(RG_INTERNAL, "descriptor %d is not a stream socket", fd);
    }
    *out_stream = new_stream(loop, fd);
    return RG_OK;
}

rg_status net_stream_lend(struct net_loop *loop, int fd, SSL *ssl, struct net_stream **out_stream)
{
    struct net_stream *stream = NULL;
    RG_TRY(net_stream_adopt(loop, fd, &stream));
    stream->is_lent = true;
    stream->ssl = ssl;
    *out_stream = stream;
    return RG_OK;
}

void net_stream_set_limits(struct net_stream *stream, size_t input_bytes, size_t output_bytes)
{
    stream->input_limit = input_bytes;
    stream->input.limit_bytes = SIZE_MAX / 4; /* input_limit stops the reading, one read may pass it */
    stream->output.limit_bytes = output_bytes;
    if (stream->poll != NULL) {
        net_stream_read_later(stream);
    }
}

static void run_work(void *context)
{
    struct net_stream *stream = context;
    if (stream->stage == NET_STREAM_HANDSHAKE) {
        net_stream_step_handshake(stream);
        return;
    }
    net_stream_flush_now(stream);
    if (stream->is_read_due) {
        stream->is_read_due = false;
        net_stream_read_now(stream);
    }
}

void net_stream_flush_later(struct net_stream *stream)
{
    if (stream->stage != NET_STREAM_CLOSED) {
        net_loop_queue(stream->loop, &stream->work, run_work, stream);
    }
}

void net_stream_read_later(struct net_stream *stream)
{
    stream->is_read_due = true;
    net_stream_flush_later(stream);
}

void net_stream_set_events(struct net_stream *stream, const struct net_stream_events *events, void *context)
{
    stream->events = events;
    stream->context = context;
    stream->has_news = rg_buf_size(&stream->input) > 0;
    if (stream->has_news || stream->is_ended || net_stream_has_hidden_input(stream)) {
        net_stream_read_later(stream);
    }
    net_stream_update(stream);
}

struct rg_slice net_stream_input(const struct net_stream *stream)
{
    return rg_buf_slice(&stream->input);
}

void net_stream_consume(struct net_stream *stream, size_t size)
{
    bool was_full = rg_buf_size(&stream->input) >= stream->input_limit;
    rg_buf_consume(&stream->input, size);
    if (rg_buf_size(&stream->input) == 0 && stream->input.capacity > KEPT_BUFFER_BYTES) {
        size_t limit = stream->input.limit_bytes;
        rg_buf_done(&stream->input);
        rg_buf_init(&stream->input, limit);
    }
    if (was_full && rg_buf_size(&stream->input) < stream->input_limit) {
        if (net_stream_has_hidden_input(stream)) {
            net_stream_read_later(stream);
        }
        net_stream_update(stream);
    }
}

void net_stream_pause(struct net_stream *stream)
{
    stream->is_paused = true;
    net_stream_update(stream);
}

void net_stream_resume(struct net_stream *stream)
{
    if (!stream->is_paused) {
        return;
    }
    stream->is_paused = false;
    stream->has_news = rg_buf_size(&stream->input) > 0;
    if (stream->has_news || stream->is_ended || net_stream_has_hidden_input(stream)) {
        net_stream_read_later(stream);
    }
    net_stream_update(stream);
}

rg_status net_stream_write(struct net_stream *stream, struct rg_slice bytes)
{
    if (stream->is_ended || stream->write_failed) {
        return rg_fail(RG_CLOSED, "%s", stream->reason);
    }
    RG_TRY(rg_buf_put(&stream->output, bytes));
    stream->was_full = stream->was_full || net_stream_is_full(stream);
    if (!stream->is_write_blocked && !stream->write_wants_read) {
        net_stream_flush_later(stream);
    }
    return RG_OK;
}

size_t net_stream_pending(const struct net_stream *stream)
{
    return rg_buf_size(&stream->output);
}

void net_stream_fail(struct net_stream *stream, const char *reason)
{
    if (stream->reason[0] == '\0') {
        (void)snprintf(stream->reason, sizeof stream->reason, "%s", reason);
    }
}

void net_stream_update(struct net_stream *stream)
{
    bool reads = false;
    bool writes = stream->is_write_blocked;
    switch (stream->stage) {
    case NET_STREAM_OPEN:
        reads = !stream->is_ended && stream->events != NULL && !stream->is_paused && !stream->read_wants_write &&
                rg_buf_size(&stream->input) < stream->input_limit;
        writes = writes && !stream->is_ended;
        break;
    case NET_STREAM_HANDSHAKE:
    case NET_STREAM_CLOSED:
        return;
    case NET_STREAM_FLUSHING:
        break;
    case NET_STREAM_LINGERING:
        reads = true;
        writes = false;
        break;
    }
    net_poll_want(stream->poll, reads || stream->write_wants_read, writes || stream->read_wants_write);
}

static void free_stream(void *context)
{
    struct net_stream *stream = context;
    rg_buf_done(&stream->input);
    rg_buf_done(&stream->output);
    rg_buf_done(&stream->early);
    rg_memory_free(stream);
}

static void close_stream(struct net_stream *stream)
{
    stream->stage = NET_STREAM_CLOSED;
    stream->events = NULL;
    stream->on_handshake = NULL;
    net_timer_stop(&stream->finish_timer);
    net_task_drop(&stream->work);
    net_stream_free_tls(stream);
    net_poll_close(&stream->poll);
    net_loop_bury(stream->loop, &stream->leftover, free_stream, stream);
}

void net_stream_close(struct net_stream **stream)
{
    if (*stream != NULL) {
        RG_ASSERT(!(*stream)->is_lent);
        close_stream(*stream);
        *stream = NULL;
    }
}

void net_stream_close_lent(struct net_stream **stream)
{
    if (*stream != NULL) {
        RG_ASSERT((*stream)->is_lent);
        close_stream(*stream);
        *stream = NULL;
    }
}

static void close_late(void *context)
{
    struct net_stream *stream = context;
    close_stream(stream);
}

void net_stream_finish(struct net_stream **stream)
{
    struct net_stream *old = *stream;
    if (old == NULL) {
        return;
    }
    RG_ASSERT(!old->is_lent);
    *stream = NULL;
    if (old->stage == NET_STREAM_HANDSHAKE) {
        rg_buf_clear(&old->output);
        old->is_ended = old->is_end_told = false; /* a failed handshake's alert must arrive */
    }
    if (old->write_failed || (old->is_ended && rg_buf_size(&old->output) == 0)) {
        close_stream(old);
        return;
    }
    old->events = NULL;
    old->on_handshake = NULL;
    old->is_paused = false;
    rg_buf_clear(&old->input);
    old->stage = NET_STREAM_FLUSHING;
    net_loop_keep(old->loop, &old->leftover, close_late, old);
    net_timer_start(old->loop, &old->finish_timer, NET_STREAM_FINISH_MS, close_late, old);
    net_stream_flush_later(old);
}

bool net_stream_has_clean_end(const struct net_stream *stream)
{
    return stream->is_ended && stream->has_clean_end;
}

const char *net_stream_peer(const struct net_stream *stream)
{
    return stream->peer;
}

struct net_loop *net_stream_loop(const struct net_stream *stream)
{
    return stream->loop;
}
