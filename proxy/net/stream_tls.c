/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS handshake of a stream, as server or as client, and OpenSSL's door to its socket: a BIO that
 * hands out the bytes received before the handshake first (direct TLS), then the socket's. */
#include "proxy/net/stream_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>

static int bio_read(BIO *bio, char *memory, int size)
{
    struct net_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    struct rg_slice early = rg_slice_cut(rg_buf_slice(&stream->early), 0, (size_t)size);
    if (early.size > 0) {
        memcpy(memory, early.data, early.size);
        rg_buf_consume(&stream->early, early.size);
        return (int)early.size;
    }
    ssize_t got = recv(stream->fd, memory, (size_t)size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(bio);
    }
    return (int)got;
}

static int bio_write(BIO *bio, const char *memory, int size)
{
    const struct net_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(stream->fd, memory, (size_t)size, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(bio);
    }
    return (int)sent;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *net_stream_bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "rowgate stream");
    if (method != NULL) {
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_control);
    }
    return method;
}

SSL *net_tls_on_stream(SSL_CTX *context, BIO_METHOD *method, struct net_stream *stream)
{
    SSL *ssl = SSL_new(context);
    BIO *bio = ssl == NULL ? NULL : BIO_new(method);
    if (bio == NULL) {
        SSL_free(ssl);
        return NULL;
    }
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return ssl;
}

void net_stream_free_tls(struct net_stream *stream)
{
    if (!stream->is_lent) {
        SSL_free(stream->ssl);
    }
    stream->ssl = NULL;
    net_tls_release(&stream->tls);
    net_tls_client_release(&stream->tls_client);
}

static void begin_handshake(struct net_stream *stream, SSL *ssl,
                            void (*on_done)(void *context, struct net_stream *stream, const char *error), void *context)
{
    stream->on_handshake = on_done;
    stream->handshake_context = context;
    stream->ssl = ssl;
    struct rg_buf received = stream->input;
    rg_buf_init(&stream->input, received.limit_bytes);
    rg_buf_done(&stream->early);
    stream->early = received;
    stream->stage = NET_STREAM_HANDSHAKE;
    net_poll_want(stream->poll, false, false);
    net_stream_flush_later(stream);
}

void net_stream_start_tls(struct net_stream *stream, struct net_tls *tls,
                          void (*on_done)(void *context, struct net_stream *stream, const char *error), void *context)
{
    RG_ASSERT(stream->stage == NET_STREAM_OPEN && stream->ssl == NULL && !stream->is_lent);
    stream->tls = net_tls_ref(tls);
    begin_handshake(stream, net_tls_start(tls, stream), on_done, context);
}

void net_stream_start_tls_client(struct net_stream *stream, struct net_tls_client *tls,
                                 void (*on_done)(void *context, struct net_stream *stream, const char *error),
                                 void *context)
{
    RG_ASSERT(stream->stage == NET_STREAM_OPEN && stream->ssl == NULL && !stream->is_lent);
    stream->tls_client = net_tls_client_ref(tls);
    begin_handshake(stream, net_tls_client_start(tls, stream), on_done, context);
}

static void end_handshake(struct net_stream *stream, const char *error)
{
    void (*on_done)(void *, struct net_stream *, const char *) = stream->on_handshake;
    stream->on_handshake = NULL;
    net_poll_want(stream->poll, false, false);
    if (error != NULL) {
        stream->is_ended = true;
        stream->is_end_told = true; /* on_done tells it */
        net_stream_fail(stream, error);
    } else {
        stream->stage = NET_STREAM_OPEN;
        rg_buf_done(&stream->early);
        net_stream_read_later(stream); /* what came with the handshake's last record */
        net_stream_update(stream);
    }
    if (on_done != NULL) {
        on_done(stream->handshake_context, stream, error);
    }
}

static void fail_handshake(struct net_stream *stream, int outcome, int saved_errno)
{
    char cause[NET_REASON_SIZE / 2];
    char text[NET_REASON_SIZE];
    if (outcome == SSL_ERROR_SYSCALL && saved_errno != 0) {
        (void)snprintf(cause, sizeof cause, "%s", strerror(saved_errno));
    } else if (outcome == SSL_ERROR_SSL) {
        net_tls_error_text(cause, sizeof cause);
    } else {
        (void)snprintf(cause, sizeof cause, "connection closed by the peer");
    }
    (void)snprintf(text, sizeof text, "TLS handshake failed: %s", cause);
    end_handshake(stream, text);
}

/* The clear text that precedes the handshake (the 'S') leaves first. True when it has. */
static bool send_clear_text(struct net_stream *stream)
{
    while (rg_buf_size(&stream->output) > 0) {
        struct rg_slice bytes = rg_buf_slice(&stream->output);
        ssize_t sent = send(stream->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            net_poll_want(stream->poll, false, true);
            return false;
        }
        if (sent < 0) {
            rg_buf_clear(&stream->output);
            fail_handshake(stream, SSL_ERROR_SYSCALL, errno);
            return false;
        }
        rg_buf_consume(&stream->output, (size_t)sent);
    }
    return true;
}

void net_stream_step_handshake(struct net_stream *stream)
{
    if (stream->on_handshake == NULL || !send_clear_text(stream)) {
        return;
    }
    if (stream->ssl == NULL) {
        end_handshake(stream, "TLS handshake failed: out of memory");
        return;
    }
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(stream->ssl);
    int saved_errno = errno;
    if (result == 1) {
        end_handshake(stream, NULL);
        return;
    }
    int outcome = SSL_get_error(stream->ssl, result);
    if (outcome == SSL_ERROR_WANT_READ || outcome == SSL_ERROR_WANT_WRITE) {
        net_poll_want(stream->poll, outcome == SSL_ERROR_WANT_READ, outcome == SSL_ERROR_WANT_WRITE);
    } else {
        fail_handshake(stream, outcome, saved_errno);
    }
}

bool net_stream_is_tls(const struct net_stream *stream)
{
    return stream->ssl != NULL && SSL_is_init_finished(stream->ssl) == 1;
}

const char *net_stream_tls_version(const struct net_stream *stream)
{
    return net_stream_is_tls(stream) ? SSL_get_version(stream->ssl) : "";
}

const char *net_stream_tls_cipher(const struct net_stream *stream)
{
    return net_stream_is_tls(stream) ? SSL_get_cipher_name(stream->ssl) : "";
}

struct rg_slice net_stream_tls_alpn(const struct net_stream *stream)
{
    const unsigned char *name = NULL;
    unsigned size = 0;
    if (net_stream_is_tls(stream)) {
        SSL_get0_alpn_selected(stream->ssl, &name, &size);
    }
    return rg_slice_make(name, size);
}
