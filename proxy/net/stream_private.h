/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_STREAM_PRIVATE_H
#define RG_PROXY_NET_STREAM_PRIVATE_H

#include "base/rg_buf.h"
#include "proxy/net/loop_private.h"
#include "proxy/net/stream.h"
#include "proxy/net/tls.h"
#include "proxy/net/tls_client.h"

#include <openssl/ssl.h>

enum { NET_PEER_TEXT_SIZE = 64, NET_REASON_SIZE = 192 };

/* What moving bytes came to. The zero value is a failure. */
enum net_io { NET_IO_FAILED = 0, NET_IO_END, NET_IO_WANT_READ, NET_IO_WANT_WRITE, NET_IO_DONE };

enum net_stream_stage {
    NET_STREAM_OPEN = 0,
    NET_STREAM_HANDSHAKE, /* net_stream_start_tls until on_done; stays when it failed */
    NET_STREAM_FLUSHING,  /* net_stream_finish: pending output leaves */
    NET_STREAM_LINGERING, /* FIN sent; what arrives is dropped */
    NET_STREAM_CLOSED,    /* the memory waits for the end of the turn */
};

struct net_stream {
    struct net_loop *loop;
    struct net_poll *poll;
    int fd;       /* the poll's */
    bool is_lent; /* an upstream's: ssl is libpq's, the upstream closes the stream */
    enum net_stream_stage stage;

    SSL *ssl;            /* NULL = plain */
    struct net_tls *tls; /* of a client's stream */
    struct net_tls_client *tls_client;
    struct rg_buf early; /* received before the handshake, its first bytes */
    void (*on_handshake)(void *context, struct net_stream *stream, const char *error);
    void *handshake_context;

    const struct net_stream_events *events; /* NULL = do not read */
    void *context;
    struct rg_buf input;
    struct rg_buf output;
    size_t input_limit;
    size_t read_size;      /* of the next read: grows with the traffic */
    bool is_paused;        /* by the owner */
    bool is_ended;         /* the peer is gone or the connection failed */
    bool is_end_told;      /* on_closed was called */
    bool has_clean_end;    /* by FIN, inside TLS by close_notify */
    bool has_news;         /* on_input is due even if nothing more arrives */
    bool was_full;         /* on_drained is due when output gets low */
    bool write_failed;     /* output is dropped; the input is read to its end for last words */
    bool write_wants_read; /* TLS: the write goes on when readable */
    bool read_wants_write; /* TLS: the read goes on when writable */
    bool is_write_blocked; /* the socket's buffer is full */
    bool is_read_due;      /* the queued work reads, too */
    char reason[NET_REASON_SIZE];
    char peer[NET_PEER_TEXT_SIZE];
    struct net_task work;
    struct net_task leftover; /* kept by the loop while finishing; then the grave */
    struct net_timer finish_timer;
};

/* stream.c: */
/* A stream on fd whose TLS object, if any, is somebody else's (libpq's). */
rg_status net_stream_lend(struct net_loop *loop, int fd, SSL *ssl, struct net_stream **out_stream) RG_MUST_CHECK;
void net_stream_close_lent(struct net_stream **stream); /* accepts NULL */
void net_stream_update(struct net_stream *stream);      /* asks the loop for what the state wants */
void net_stream_flush_later(struct net_stream *stream);
void net_stream_read_later(struct net_stream *stream);
void net_stream_fail(struct net_stream *stream, const char *reason); /* keeps the first reason */

/* stream_io.c: each moves what it can and tells the owner. The stream may be closed afterwards. */
void net_stream_read_now(struct net_stream *stream);
void net_stream_flush_now(struct net_stream *stream);
/* Bytes wait inside the TLS object, which the descriptor's readiness does not show. */
bool net_stream_has_hidden_input(const struct net_stream *stream);
/* Moves output; true when all has left. */
bool net_stream_send_some(struct net_stream *stream);

/* stream_tls.c: */
/* OpenSSL's door to a stream's socket. One for each net_tls, which outlives its streams' objects. */
BIO_METHOD *net_stream_bio_method_new(void);
/* A TLS object that moves its bytes through stream; NULL when out of memory. */
SSL *net_tls_on_stream(SSL_CTX *context, BIO_METHOD *method, struct net_stream *stream);
void net_stream_step_handshake(struct net_stream *stream);
void net_stream_free_tls(struct net_stream *stream);
/* The oldest OpenSSL error of the thread as one line; clears the queue. */
void net_tls_error_text(char *out_text, size_t size);

/* tls_client.c: */
SSL *net_tls_client_start(const struct net_tls_client *client, struct net_stream *stream);

/* tls.c: */
/* A server-side TLS object that moves its bytes through stream; NULL when out of memory. */
SSL *net_tls_start(const struct net_tls *tls, struct net_stream *stream);
/* For libh2o, which makes its own objects; lives with tls. */
SSL_CTX *net_tls_context(const struct net_tls *tls);

#endif
