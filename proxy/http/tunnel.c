/* SPDX-License-Identifier: Apache-2.0 */
/* A WebSocket that both sides agreed to: bytes from each to the other, each side read only while the other takes. */
#include "auth/session.h"
#include "base/rg_clock.h"
#include "base/rg_memory.h"
#include "proxy/http/request_private.h"
#include "proxy/net/stream.h"
#include "proxy/worker.h"

enum {
    PIECE_BYTES = 64 << 10,
    INPUT_BYTES = 256 << 10,
    OUTPUT_BYTES = 64 << 20, /* more than one read of libh2o's brings; it stops at NET_STREAM_HIGH_BYTES */
};

struct http_tunnel {
    struct http_plane *plane;
    struct http_tunnel *next;
    struct http_tunnel **link;
    h2o_socket_t *client;
    struct net_stream *upstream;
    struct auth_session *session; /* by which it was opened, a reference; NULL = by none */
    uint64_t idle_ms;
    struct net_timer timer;
    bool has_ended; /* the upstream said its last: the client still gets it */
};

static void end(struct http_tunnel *tunnel)
{
    *tunnel->link = tunnel->next;
    if (tunnel->next != NULL) {
        tunnel->next->link = tunnel->link;
    }
    net_timer_stop(&tunnel->timer);
    h2o_socket_close(tunnel->client);
    net_stream_finish(&tunnel->upstream);
    auth_session_free(&tunnel->session);
    rg_memory_free(tunnel);
}

static void on_idle(void *context)
{
    end(context);
}

static void note_progress(struct http_tunnel *tunnel)
{
    net_timer_start(tunnel->plane->worker->loop, &tunnel->timer, tunnel->idle_ms, on_idle, tunnel);
}

/* ---- from the upstream ---- */

static void on_written(h2o_socket_t *client, const char *error);

/* What came is written on; what comes meanwhile waits in the stream, which stops reading when it is full. */
static void pass_down(struct http_tunnel *tunnel)
{
    struct rg_slice bytes = rg_slice_cut(net_stream_input(tunnel->upstream), 0, PIECE_BYTES);
    h2o_iovec_t piece = h2o_iovec_init(bytes.data, bytes.size);
    if (h2o_socket_is_writing(tunnel->client)) {
        return;
    }
    if (bytes.size > 0) {
        h2o_socket_write(tunnel->client, &piece, 1, on_written);
        net_stream_consume(tunnel->upstream, bytes.size); /* it is encrypted by now */
    } else if (tunnel->has_ended) {
        end(tunnel);
    }
}

static void on_written(h2o_socket_t *client, const char *error)
{
    struct http_tunnel *tunnel = client->data;
    if (error != NULL) {
        end(tunnel);
        return;
    }
    note_progress(tunnel);
    pass_down(tunnel);
}

static void on_upstream_bytes(void *context, struct net_stream *stream)
{
    struct http_tunnel *tunnel = context;
    (void)stream;
    note_progress(tunnel);
    pass_down(tunnel);
}

static void on_upstream_closed(void *context, struct net_stream *stream, const char *reason)
{
    struct http_tunnel *tunnel = context;
    (void)stream;
    (void)reason;
    tunnel->has_ended = true;
    pass_down(tunnel);
}

/* ---- from the client ---- */

static void on_read(h2o_socket_t *client, const char *error)
{
    struct http_tunnel *tunnel = client->data;
    struct rg_slice bytes = rg_slice_make(client->input->bytes, client->input->size);
    if (error != NULL || !rg_is_ok(net_stream_write(tunnel->upstream, bytes))) {
        end(tunnel);
        return;
    }
    h2o_buffer_consume(&client->input, bytes.size);
    note_progress(tunnel);
    if (net_stream_is_full(tunnel->upstream)) {
        h2o_socket_read_stop(client);
    }
}

static void on_drained(void *context, struct net_stream *stream)
{
    struct http_tunnel *tunnel = context;
    (void)stream;
    note_progress(tunnel);
    h2o_socket_read_start(tunnel->client, on_read);
}

static const struct net_stream_events upstream_events = {
    .on_input = on_upstream_bytes, .on_drained = on_drained, .on_closed = on_upstream_closed};

static void start(struct http_tunnel *tunnel)
{
    tunnel->client->data = tunnel;
    note_progress(tunnel);
    h2o_socket_dont_read(tunnel->client, 0); /* as it was while the request was answered */
    h2o_socket_read_start(tunnel->client, on_read);
    net_stream_set_limits(tunnel->upstream, INPUT_BYTES, OUTPUT_BYTES);
    net_stream_set_events(tunnel->upstream, &upstream_events, tunnel);
}

/* The head of the answer is the first that is written to the client: what the upstream says waits for it. */
void http_tunnel_offer(struct http_exchange *exchange, struct net_stream *upstream, uint64_t idle_ms)
{
    struct http_plane *plane = exchange->request.plane;
    struct http_connection *connection = exchange->connection;
    if (!rg_is_ok(http1_send_upgrade(exchange, on_written))) {
        net_stream_close(&upstream);
        http1_close(connection);
        return;
    }
    struct http_tunnel *tunnel = rg_memory_alloc(sizeof *tunnel);
    *tunnel = (struct http_tunnel){
        .plane = plane,
        .next = plane->tunnels,
        .link = &plane->tunnels,
        .client = connection->socket,
        .upstream = upstream,
        .session = exchange->request.session == NULL ? NULL : auth_session_hold(exchange->request.session),
        .idle_ms = idle_ms};
    if (tunnel->next != NULL) {
        tunnel->next->link = &tunnel->next;
    }
    plane->tunnels = tunnel;
    start(tunnel);
    connection->state = HTTP_CONNECTION_TUNNEL;
    http1_forget(connection);
}

/* A tunnel asks nobody again who calls: it ends with the session, also with one whose claims were renewed, since the
 * client opens another one then. */
void http_tunnels_sweep(struct http_plane *plane)
{
    int64_t now_us = rg_clock_wall_us(plane->worker->gateway->clock);
    for (struct http_tunnel *tunnel = plane->tunnels, *next = NULL; tunnel != NULL; tunnel = next) {
        const struct auth_session *session = tunnel->session;
        bool has_ended = session != NULL && (auth_session_is_revoked(session) || session->expires_us <= now_us);
        next = tunnel->next;
        if (has_ended) {
            end(tunnel);
        }
    }
}

void http_tunnels_close(struct http_plane *plane)
{
    for (struct http_tunnel *tunnel = plane->tunnels, *next = NULL; tunnel != NULL; tunnel = next) {
        next = tunnel->next;
        end(tunnel);
    }
}
