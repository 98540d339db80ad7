/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_REQUEST_PRIVATE_H
#define RG_PROXY_HTTP_REQUEST_PRIVATE_H

#define H2O_USE_LIBUV 0
#include <h2o.h>

#include "proxy/http/forward.h"
#include "proxy/http/forwarded.h"
#include "proxy/http/plane.h"
#include "proxy/http/reply.h"
#include "proxy/http/request.h"
#include "proxy/http/wire.h"
#include "proxy/net/loop.h"
#include "proxy/net/tls_names.h"

/* How requests, connections and the plane are tied to libh2o 2.2.5. For the files of proxy/http that move bytes. */

struct http_forward;
struct http_tunnel;
struct http_upstream;
struct net_stream;

enum http_connection_state {
    HTTP_CONNECTION_ARRIVING = 0, /* PROXY line and TLS */
    HTTP_CONNECTION_OPEN,
    HTTP_CONNECTION_REFUSED, /* a refusal is being sent, then it ends */
    HTTP_CONNECTION_TUNNEL,  /* a WebSocket */
    HTTP_CONNECTION_CLOSING, /* shut down; the descriptor goes when libh2o sees it */
};

/* One client's connection, from accept to the socket's end (connection.c). */
struct http_connection {
    struct http_plane *plane;
    struct http_connection *next;
    struct http_connection **link; /* what points to this one */
    h2o_socket_t *socket;
    enum http_connection_state state;
    bool is_http2;
    struct net_tls_names *tls;
    struct net_timer timer; /* arriving: its limit; refused: how long it lingers */
    struct http_address peer;
    bool has_line;
    struct http_proxy_line line;
    /* HTTP/1 */
    struct http_wire wire;           /* every byte passes it first */
    struct http_exchange *receiving; /* its head came, its body is coming */
    struct http_exchange *current;   /* whole, and being answered */
    bool is_continuing;              /* 100 is on its way */
    struct rg_buf out;               /* of the answer, what is written next */
    h2o_generator_t *generator;      /* whom to ask for more of it */
    bool is_out_chunked, is_out_last, is_out_kept, is_out_broken;
    struct http_exchange *refused;
    unsigned requests;     /* under way */
    unsigned long streams; /* requests that began, of HTTP/2 */
    unsigned long resets;  /* of these, given up by the client */
    size_t http2_bytes;    /* HTTP/2: of whole bodies that are in memory */
    uint64_t http2_known;  /* of what came, what whole requests account for */
    int64_t since_us;      /* monotonic: when it became idle, or when the first byte of a request came */
    bool is_amid;          /* a request has begun and is not whole */
    bool has_large_body;   /* counted by the plane until the request has gone */
};

enum http_release { HTTP_RELEASE_NONE = 0, HTTP_RELEASE_GO, HTTP_RELEASE_REFUSE, HTTP_RELEASE_REPLACE };

/* For http_reply_problem. */
struct http_problem {
    int status;
    const char *rule, *text;
};

/* One request with what libh2o and the upstream know of it (request.c). */
struct http_exchange {
    struct http_request request; /* first */
    struct http_exchange *next;
    struct http_exchange **link;
    unsigned holds;                     /* freed at 0 */
    bool is_there;                      /* begun, and its client has not gone */
    h2o_req_t *req;                     /* of HTTP/2 alone */
    struct http_connection *connection; /* NULL when it is gone */
    bool is_raw;                        /* refused before it was a request */
    /* HTTP/1, as it arrived */
    struct rg_slice head_bytes; /* in the arena */
    struct http_head parsed;    /* of these */
    struct rg_buf received;     /* its body */
    size_t http2_bytes;         /* HTTP/2: of its body */
    /* the steps */
    size_t step;
    bool is_running, is_resumed;
    /* the answer */
    struct http_response_head head;
    size_t head_capacity; /* of its headers */
    size_t hook;
    bool is_hooking, is_held, has_ended;
    bool is_out; /* the head has left, or is about to */
    enum http_release release;
    struct http_problem problem; /* of HTTP_RELEASE_REPLACE */
    void (*go)(struct http_exchange *exchange);
    struct rg_slice body; /* of our own answer */
    struct http_forward *forward;
    struct http_forward *spare_forward; /* the memory of one that has ended */
    size_t extra_count;                 /* headers for the upstream: http_forward_set_header */
    struct http_header extra[16];
};

struct http_handler {
    h2o_handler_t super; /* first: libh2o hands it back */
    struct http_plane *plane;
};

struct http_plane {
    struct worker *worker;
    size_t listener;
    h2o_globalconf_t config;
    h2o_context_t h2o;
    h2o_accept_ctx_t acceptor;
    struct http_upstream *upstream;
    struct http_upstream *retired; /* pools of earlier configurations, until their last socket is closed */
    struct http_connection *connections;
    unsigned connection_count;
    struct http_exchange *exchanges;
    unsigned exchange_count;
    struct http_exchange *spare_exchanges; /* memory of ended ones: a request asks malloc for nothing large */
    unsigned spare_count;
    struct http_tunnel *tunnels;
    unsigned large_body_count;
    struct net_timer sweep;
    bool is_draining;
    int64_t date_s; /* of the text, Unix time */
    char date[32];  /* RFC 9110 5.6.7 */
};

/* ---- plane.c ---- */
const struct config_http_listener *http_plane_listener(const struct http_plane *plane);
/* Whose PROXY lines and X-Forwarded-For are believed. */
const struct http_networks *http_plane_trusted(const struct http_plane *plane);
int64_t http_plane_now_us(const struct http_plane *plane);
void http_plane_forget_connection(struct http_plane *plane);
/* A connection whose client has gone while a request was being answered. */
void http_plane_abort(struct http_connection *connection);
/* What a Date line says now. */
struct rg_slice http_plane_date(struct http_plane *plane);

/* ---- connection.c ---- */
void http_connection_open(struct http_plane *plane, int fd);
/* What is over: handshakes, requests and idle connections that take too long; clients that went while they waited. */
void http_connection_sweep(struct http_connection *connection, int64_t now_us);
/* The request whose body it was has gone. */
void http_connection_forget_body(struct http_connection *connection);
void http_connection_shut(struct http_connection *connection);
struct http_connection *http_connection_of(const h2o_req_t *req);

/* Behind a refusal: takes what the client still sends for a while, so that it can read the answer (RFC 9112 9.6). */
void http_connection_linger(struct http_connection *connection, bool has_failed);

/* ---- http1.c: HTTP/1.1 with a client, on libh2o's socket ---- */
void http1_begin(struct http_connection *connection);
/* Closes it, whatever is under way. The connection is dead behind it, or as good as dead. */
void http1_close(struct http_connection *connection);
/* The connection has been closed: its requests go. */
void http1_forget(struct http_connection *connection);
/* The answer of connection->current was written to its end. */
void http1_finish(struct http_connection *connection);
/* Bytes of a body in memory: it is coming, or its request is being answered. */
size_t http1_held(const struct http_connection *connection);

/* ---- http2_bodies.c ---- */
/* A request came whole, with a body of so many bytes; it has gone. */
void http2_note_request(struct http_exchange *exchange, size_t body_bytes);
void http2_forget_request(struct http_connection *connection, struct http_exchange *exchange);
/* Bytes of bodies, whole or not, that a client of HTTP/2 makes us hold: an estimate, never far too low. */
size_t http2_held(struct http_connection *connection);

/* ---- http1_out.c ---- */
/* The head, which leaves with what http1_send brings first. */
void http1_start(struct http_exchange *exchange, h2o_generator_t *generator);
/* bytes are borrowed for the call. FINAL and ERROR come once, last. generator->proceed asks for more otherwise. */
void http1_send(struct http_exchange *exchange, struct rg_slice bytes, h2o_send_state_t state);
/* The head of 101 on its way. RG_LIMIT. on_written is the socket's. */
rg_status http1_send_upgrade(struct http_exchange *exchange, h2o_socket_cb on_written) RG_MUST_CHECK;

/* ---- request.c ---- */
/* libh2o's handler: a whole request, its body included. */
int http_request_begin(h2o_handler_t *handler, h2o_req_t *req);
/* A request that is refused before libh2o reads it: judged bytes, or what was left of them. */
void http_request_refuse(struct http_connection *connection, struct http_refusal refusal);
struct http_exchange *http_exchange_of(struct http_request *request);
/* One whose head has come. */
struct http_exchange *http_exchange_new(struct http_connection *connection);
void http_exchanges_free(struct http_plane *plane); /* the spare ones */
/* It is whole: its steps run. */
void http_exchange_run(struct http_exchange *exchange);
/* Behind the plane's end: requests that work is under way for survive it. */
void http_exchange_abandon(struct http_exchange *exchange);
/* Its client, or its answer, is gone. */
void http_exchange_gone(struct http_exchange *exchange);
void http_exchange_end(struct http_exchange *exchange, enum http_end end);
/* HTTP/2: lets libh2o find out that the connection is gone: an empty answer that it cannot write. */
void http_exchange_cut(struct http_exchange *exchange);

/* ---- request_read.c ---- */
/* The head, judged and copied into the request. false: it was refused, and is answered. */
bool http_request_read(struct http_exchange *exchange);
/* Whose request it is. false as above, but never of a raw one. */
bool http_request_name_client(struct http_exchange *exchange);

/* ---- response.c ---- */
/* The hooks, then exchange->go. head is filled. */
void http_response_begin(struct http_exchange *exchange, void (*go)(struct http_exchange *exchange));
/* Room for so many headers and the hooks' own. RG_LIMIT. */
rg_status http_response_reserve(struct http_exchange *exchange, size_t count) RG_MUST_CHECK;
/* The head on its way; with what http_response_send brings first. generator lives until the exchange is gone. */
void http_response_start(struct http_exchange *exchange, h2o_generator_t *generator);
/* bytes stay until generator->proceed asks for more, or the exchange is gone. FINAL and ERROR come once, last. */
void http_response_send(struct http_exchange *exchange, struct rg_slice bytes, h2o_send_state_t state);
void http_response_saw_body(struct http_exchange *exchange, struct rg_slice bytes);
/* What http_forward_read_ahead read, while the head is held. May give the forward up. */
void http_response_saw_ahead(struct http_exchange *exchange, struct rg_slice bytes, bool is_whole);
const char *http_response_reason(int status);

/* ---- reply.c ---- */
/* The last resort: a bare answer that passes no hook and needs no memory of the request's. */
void http_reply_bare(struct http_exchange *exchange, int status);

/* ---- forward.c ---- */
void http_forward_drop(struct http_exchange *exchange); /* gives the upstream up; the exchange keeps its memory */
void http_forward_free(struct http_forward *forward);   /* of a spare one; accepts NULL */
/* While the head is held: the body is read up to limit_bytes and kept; then, never before this returns, once
 * http_response_saw_ahead. */
void http_forward_read_ahead(struct http_exchange *exchange, size_t limit_bytes);
/* The body ends here, as an error: in the middle of an answer whose client has gone. */
void http_forward_break(struct http_exchange *exchange);

/* ---- upstream.c ---- */
struct http_upstream *http_upstream_new(struct http_plane *plane);
void http_upstream_retire(struct http_plane *plane); /* plane->upstream gets none */
void http_upstream_sweep(struct http_plane *plane);

/* ---- tunnel.c ---- */
/* Sends the head of the answer (101), then joins both; owns upstream from now on. */
void http_tunnel_offer(struct http_exchange *exchange, struct net_stream *upstream, uint64_t idle_ms);
/* Ends those whose session has ended. */
void http_tunnels_sweep(struct http_plane *plane);
void http_tunnels_close(struct http_plane *plane);

#endif
