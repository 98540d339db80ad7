/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_STREAM_H
#define RG_PROXY_NET_STREAM_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

struct net_loop;
struct net_tls;
struct net_tls_client;

/* One connected byte stream: a client's or an upstream's, plain or TLS, all the same to its owner.
 * Threads: its loop's. Every callback may close the stream (the one calling, too): the owner's pointer
 * is dead then, the memory goes at the end of the turn. No callback comes after close or finish. */
struct net_stream;

enum {
    NET_STREAM_INPUT_BYTES = 256 * 1024,   /* reading pauses by itself above this; raise by set_limits */
    NET_STREAM_OUTPUT_BYTES = 4096 * 1024, /* default hard maximum of pending output */
    NET_STREAM_HIGH_BYTES = 256 * 1024,    /* pending output above this is "full": stop producing */
    NET_STREAM_LOW_BYTES = 64 * 1024,      /* on_drained fires when it fell to this */
    NET_STREAM_READ_BYTES = 64 * 1024,     /* one read */
    NET_STREAM_FINISH_MS = 5000,
};

struct net_stream_events {
    /* net_stream_input grew. Also called once after set_events or resume when bytes wait already. */
    void (*on_input)(void *context, struct net_stream *stream);
    /* Pending output fell to the low-water mark after having been above the high one. May be NULL. */
    void (*on_drained)(void *context, struct net_stream *stream);
    /* Once: the peer closed or the connection failed. reason is a static or stream-owned line without
     * secrets, valid for the call. What input there is stays readable; the owner must then close.
     * A paused stream notices the end of input only when resumed, a failure also when it writes. */
    void (*on_closed)(void *context, struct net_stream *stream, const char *reason);
};

/* Takes over a connected socket (made non-blocking). On failure fd is still the caller's.
 * Reading starts with net_stream_set_events. RG_INTERNAL when out of descriptors. */
rg_status net_stream_adopt(struct net_loop *loop, int fd, struct net_stream **out_stream) RG_MUST_CHECK;
void net_stream_set_events(struct net_stream *stream, const struct net_stream_events *events, void *context);
/* input_bytes: where reading pauses by itself, the longest message the owner wants to see whole;
 * output_bytes: the hard maximum of pending output. */
void net_stream_set_limits(struct net_stream *stream, size_t input_bytes, size_t output_bytes);

/* The bytes received and not consumed. Valid until the stream's next consume or the callback's end. */
struct rg_slice net_stream_input(const struct net_stream *stream);
/* Drops size bytes from the front; reading that had paused by itself resumes. */
void net_stream_consume(struct net_stream *stream, size_t size);
/* While paused nothing is read and on_input is not called, so the peer's window closes and memory
 * does not grow. Not counted: one resume undoes any number of pauses. */
void net_stream_pause(struct net_stream *stream);
void net_stream_resume(struct net_stream *stream);

/* Copies bytes to the pending output; all writes of one turn leave in one send at its end.
 * RG_LIMIT when the maximum would be passed, RG_CLOSED after on_closed; nothing is queued then. */
rg_status net_stream_write(struct net_stream *stream, struct rg_slice bytes) RG_MUST_CHECK;
size_t net_stream_pending(const struct net_stream *stream);
static inline bool net_stream_is_full(const struct net_stream *stream)
{
    return net_stream_pending(stream) > NET_STREAM_HIGH_BYTES;
}

/* Sends what is pending, then TLS close_notify and FIN, then drops what still arrives until the peer
 * closes too (so that no RST destroys our last words): all within NET_STREAM_FINISH_MS. */
void net_stream_finish(struct net_stream **stream);
/* Now; pending output is lost. Accepts NULL. */
void net_stream_close(struct net_stream **stream);

/* Server-side handshake. Pending output (the 'S') is sent first, in clear; bytes in net_stream_input
 * are given to the handshake as its first bytes. So:
 * - after an SSLRequest the caller consumes its 8 bytes and must refuse when net_stream_input is not
 *   empty (CVE-2021-23214): nothing sent in clear may count as sent inside TLS. Bytes that arrive
 *   later can only be handshake bytes; after on_done net_stream_input holds decrypted bytes alone;
 * - for direct TLS (first byte 0x16) the caller consumes nothing, and on_done's caller checks
 *   net_stream_tls_alpn: direct TLS requires "postgresql".
 * error is NULL or one line ("TLS handshake failed: ..."); the stream must then be closed. on_closed
 * is not called during the handshake. tls is borrowed for the call; the stream keeps a reference. */
void net_stream_start_tls(struct net_stream *stream, struct net_tls *tls,
                          void (*on_done)(void *context, struct net_stream *stream, const char *error), void *context);
/* The client's side of it, towards an upstream whose certificate must prove its name. */
void net_stream_start_tls_client(struct net_stream *stream, struct net_tls_client *tls,
                                 void (*on_done)(void *context, struct net_stream *stream, const char *error),
                                 void *context);
bool net_stream_is_tls(const struct net_stream *stream);              /* handshake done */
const char *net_stream_tls_version(const struct net_stream *stream);  /* "TLSv1.3"; "" when plain */
const char *net_stream_tls_cipher(const struct net_stream *stream);   /* OpenSSL's name; "" when plain */
struct rg_slice net_stream_tls_alpn(const struct net_stream *stream); /* empty when none */
/* Whether nothing has come from the peer that is not in net_stream_input yet, the end of the connection included:
 * asked of the system, for who is about to send what must not be sent twice. */
/* Open, and as far as the loop has seen: not ended, no write failed, no bytes read by TLS that nobody took. */
bool net_stream_is_sound(const struct net_stream *stream);
bool net_stream_is_quiet(const struct net_stream *stream);
/* Whether the input has ended by the peer's own word: FIN, inside TLS close_notify (RFC 8446 6.1). False of a
 * connection that was lost or reset, or cut by somebody between. */
bool net_stream_has_clean_end(const struct net_stream *stream);
/* The peer as text: "192.0.2.1:5555", "[::1]:5555" or "unix". Lives with the stream. */
const char *net_stream_peer(const struct net_stream *stream);
struct net_loop *net_stream_loop(const struct net_stream *stream);

#endif
