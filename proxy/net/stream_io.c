/* SPDX-License-Identifier: Apache-2.0 */
/* Moving a stream's bytes: recv/send, or SSL_read/SSL_write on our TLS object or libpq's. Each read
 * and write is tried at once and the descriptor is waited for only when it would block, so that the
 * steady state needs no epoll_ctl. */
#include "proxy/net/stream_private.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>

enum { FIRST_READ_BYTES = 4096, READ_TURN_BYTES = 512 * 1024, KEPT_OUTPUT_BYTES = 64 * 1024 };

static enum net_io describe_errno(struct net_stream *stream, const char *verb)
{
    if (errno == EAGAIN || errno == EINTR) {
        return NET_IO_WANT_READ;
    }
    char text[NET_REASON_SIZE];
    (void)snprintf(text, sizeof text, "connection lost while %s: %s", verb, strerror(errno));
    net_stream_fail(stream, text);
    return NET_IO_FAILED;
}

static enum net_io describe_tls(struct net_stream *stream, int result, const char *verb)
{
    int saved = errno;
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return NET_IO_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return NET_IO_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return NET_IO_END;
    case SSL_ERROR_SYSCALL:
        if (saved == 0) {
            return NET_IO_END;
        }
        errno = saved;
        if (describe_errno(stream, verb) != NET_IO_FAILED) {
            net_stream_fail(stream, "connection lost");
        }
        return NET_IO_FAILED;
    default: /* SSL_ERROR_SSL and whatever OpenSSL adds */
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
            ERR_clear_error();
            return NET_IO_END;
        }
        char cause[NET_REASON_SIZE / 2];
        char text[NET_REASON_SIZE];
        net_tls_error_text(cause, sizeof cause);
        (void)snprintf(text, sizeof text, "TLS failed while %s: %s", verb, cause);
        net_stream_fail(stream, text);
        return NET_IO_FAILED;
    }
}

/* What stands in the thread's queue would be taken for the next call's failure. Looking costs less than clearing, and
 * it is empty nearly always. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

static enum net_io read_bytes(struct net_stream *stream, char *memory, size_t size, size_t *out_size)
{
    errno = 0;
    if (stream->ssl != NULL) {
        forget_errors();
        int result = SSL_read(stream->ssl, memory, (int)size);
        if (result <= 0) {
            stream->has_clean_end = (SSL_get_shutdown(stream->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
            return describe_tls(stream, result, "reading");
        }
        *out_size = (size_t)result;
        return NET_IO_DONE;
    }
    ssize_t result = recv(stream->fd, memory, size, 0);
    if (result < 0) {
        return describe_errno(stream, "reading");
    }
    *out_size = (size_t)result;
    stream->has_clean_end = result == 0;
    return result == 0 ? NET_IO_END : NET_IO_DONE;
}

static enum net_io write_bytes(struct net_stream *stream, struct rg_slice bytes, size_t *out_size)
{
    errno = 0;
    if (stream->ssl != NULL) {
        forget_errors();
        int result = SSL_write(stream->ssl, bytes.data, bytes.size > INT_MAX ? INT_MAX : (int)bytes.size);
        if (result <= 0) {
            return describe_tls(stream, result, "writing");
        }
        *out_size = (size_t)result;
        return NET_IO_DONE;
    }
    ssize_t result = send(stream->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    if (result < 0) {
        enum net_io io = describe_errno(stream, "writing");
        return io == NET_IO_WANT_READ ? NET_IO_WANT_WRITE : io;
    }
    *out_size = (size_t)result;
    return NET_IO_DONE;
}

bool net_stream_has_hidden_input(const struct net_stream *stream)
{
    return stream->ssl != NULL && stream->stage != NET_STREAM_CLOSED && SSL_has_pending(stream->ssl) == 1;
}

bool net_stream_is_sound(const struct net_stream *stream)
{
    return stream->stage == NET_STREAM_OPEN && !stream->is_ended && !stream->write_failed &&
           !net_stream_has_hidden_input(stream);
}

bool net_stream_is_quiet(const struct net_stream *stream)
{
    char byte = 0;
    return net_stream_is_sound(stream) && recv(stream->fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
}

static bool may_read(const struct net_stream *stream)
{
    if (stream->stage == NET_STREAM_LINGERING) {
        return true;
    }
    return stream->stage == NET_STREAM_OPEN && !stream->is_ended && stream->events != NULL && !stream->is_paused &&
           rg_buf_size(&stream->input) < stream->input_limit;
}

/* A connection that fills its reads gets longer ones; an idle one keeps a small buffer. */
static void adapt_read_size(struct net_stream *stream, size_t got)
{
    if (got == stream->read_size && stream->read_size < NET_STREAM_READ_BYTES) {
        stream->read_size *= 2;
    } else if (got < stream->read_size / 8 && stream->read_size > FIRST_READ_BYTES) {
        stream->read_size /= 2;
    }
}

/* Reads into the input until it would block, the limit or the turn's share; the bytes got. */
static size_t read_some(struct net_stream *stream, enum net_io *out_io)
{
    size_t total = 0;
    *out_io = NET_IO_DONE;
    while (may_read(stream) && total < READ_TURN_BYTES && *out_io == NET_IO_DONE) {
        char *memory = NULL;
        size_t wanted = stream->read_size;
        size_t got = 0;
        if (!rg_is_ok(rg_buf_reserve(&stream->input, wanted, &memory))) {
            break;
        }
        *out_io = read_bytes(stream, memory, wanted, &got);
        rg_buf_commit(&stream->input, got);
        total += got;
        if (*out_io == NET_IO_DONE) {
            adapt_read_size(stream, got);
            if (got < wanted && !net_stream_has_hidden_input(stream)) {
                break; /* the socket is empty: do not ask again */
            }
        }
        if (stream->stage == NET_STREAM_LINGERING) {
            rg_buf_clear(&stream->input);
        }
    }
    return total;
}

static void end_input(struct net_stream *stream, enum net_io io)
{
    if (stream->write_failed && io != NET_IO_DONE) {
        stream->is_ended = true; /* no last words, or no more of them */
    }
    if (io == NET_IO_END) {
        net_stream_fail(stream, "connection closed by the peer");
        stream->is_ended = true;
    } else if (io == NET_IO_FAILED) {
        stream->is_ended = true;
    }
}

static void tell_end(struct net_stream *stream)
{
    if (stream->is_paused && !stream->write_failed) {
        return; /* resume tells it */
    }
    if (stream->stage == NET_STREAM_OPEN && stream->is_ended && !stream->is_end_told && stream->events != NULL) {
        stream->is_end_told = true;
        rg_buf_clear(&stream->output);
        net_poll_want(stream->poll, false, false);
        stream->events->on_closed(stream->context, stream, stream->reason);
    }
}

static void drop_lingering(struct net_stream *stream, enum net_io io)
{
    if (io == NET_IO_END || io == NET_IO_FAILED) {
        net_stream_close(&stream);
    } else {
        net_stream_update(stream);
    }
}

void net_stream_read_now(struct net_stream *stream)
{
    if (stream->stage == NET_STREAM_CLOSED || stream->stage == NET_STREAM_FLUSHING) {
        return;
    }
    enum net_io io = NET_IO_DONE;
    size_t got = read_some(stream, &io);
    if (stream->stage == NET_STREAM_LINGERING) {
        drop_lingering(stream, io);
        return;
    }
    stream->read_wants_write = io == NET_IO_WANT_WRITE;
    end_input(stream, io);
    if (may_read(stream) && io == NET_IO_DONE && (stream->write_failed || net_stream_has_hidden_input(stream))) {
        net_stream_read_later(stream); /* its turn's share is used up, or last words are looked for */
    }
    bool is_heard = stream->events != NULL && !stream->is_paused;
    if (is_heard && (got > 0 || stream->has_news)) {
        stream->has_news = false;
        stream->events->on_input(stream->context, stream);
    }
    if (stream->stage == NET_STREAM_OPEN) {
        tell_end(stream);
    }
    if (stream->stage == NET_STREAM_OPEN) {
        net_stream_update(stream);
    }
}

static void fail_writing(struct net_stream *stream)
{
    rg_buf_clear(&stream->output);
    stream->write_failed = true;
    if (stream->is_paused || stream->events == NULL) {
        stream->is_ended = true; /* nobody would read its last words */
    }
    net_stream_read_later(stream);
}

bool net_stream_send_some(struct net_stream *stream)
{
    enum net_io io = NET_IO_DONE;
    while (io == NET_IO_DONE && rg_buf_size(&stream->output) > 0) {
        size_t sent = 0;
        io = write_bytes(stream, rg_buf_slice(&stream->output), &sent);
        rg_buf_consume(&stream->output, sent);
    }
    stream->is_write_blocked = io == NET_IO_WANT_WRITE;
    stream->write_wants_read = io == NET_IO_WANT_READ;
    if (io == NET_IO_FAILED || io == NET_IO_END) {
        net_stream_fail(stream, "connection closed by the peer");
        fail_writing(stream);
    }
    if (rg_buf_size(&stream->output) == 0 && stream->output.capacity > KEPT_OUTPUT_BYTES) {
        size_t limit = stream->output.limit_bytes;
        rg_buf_done(&stream->output);
        rg_buf_init(&stream->output, limit);
    }
    return rg_buf_size(&stream->output) == 0;
}

/* All has left: says goodbye and waits for the peer's. */
static void start_lingering(struct net_stream *stream)
{
    if (stream->write_failed || stream->is_ended) {
        net_stream_close(&stream);
        return;
    }
    if (stream->ssl != NULL && SSL_is_init_finished(stream->ssl) == 1) {
        ERR_clear_error();
        (void)SSL_shutdown(stream->ssl); /* close_notify, best effort */
    }
    (void)shutdown(stream->fd, SHUT_WR);
    net_stream_free_tls(stream); /* what arrives is dropped unread */
    stream->stage = NET_STREAM_LINGERING;
    net_stream_read_now(stream);
}

void net_stream_flush_now(struct net_stream *stream)
{
    if (stream->stage == NET_STREAM_CLOSED || stream->stage == NET_STREAM_LINGERING) {
        return;
    }
    if (stream->is_write_blocked || stream->write_wants_read || stream->is_end_told) {
        return;
    }
    bool is_empty = net_stream_send_some(stream);
    if (stream->stage == NET_STREAM_FLUSHING && is_empty) {
        start_lingering(stream);
        return;
    }
    if (stream->was_full && rg_buf_size(&stream->output) <= NET_STREAM_LOW_BYTES) {
        stream->was_full = false;
        if (stream->events != NULL && stream->events->on_drained != NULL && !stream->write_failed) {
            stream->events->on_drained(stream->context, stream);
        }
    }
    net_stream_update(stream);
}
