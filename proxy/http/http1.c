/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 with a client: requests one after the other out of the bytes that wire.h judged; it is their only reader.
 * libh2o gives the socket and TLS, and HTTP/2 to those who may speak it (its own HTTP/1 is lenient where leniency is an
 * attack, and would read all a second time). A body is whole before its request begins. While one is answered, nothing
 * is read; the socket stays in epoll, until something does come. */
#include "proxy/http/request_private.h"

#include "base/rg_memory.h"

enum {
    LARGE_BODY_BYTES = 64 << 10,
    LARGE_BODIES_MAX = 64, /* of a plane: a body is in memory before anybody knows whose it is */
};

static struct http_connection *connection_of(const h2o_socket_t *socket)
{
    return socket->on_close.data;
}

/* ---- the end ---- */

void http1_forget(struct http_connection *connection)
{
    struct http_exchange *receiving = connection->receiving;
    struct http_exchange *current = connection->current;
    connection->receiving = NULL;
    connection->current = NULL;
    if (receiving != NULL) {
        receiving->connection = NULL;
        http_request_release(&receiving->request); /* nobody has heard of it */
    }
    if (current != NULL) {
        http_exchange_gone(current);
    }
}

void http1_close(struct http_connection *connection)
{
    connection->state = HTTP_CONNECTION_CLOSING;
    http1_forget(connection);
    h2o_socket_close(connection->socket);
}

static void refuse(struct http_connection *connection, struct http_refusal refusal)
{
    h2o_socket_read_stop(connection->socket);
    connection->state = HTTP_CONNECTION_REFUSED;
    http1_forget(connection);
    http_request_refuse(connection, refusal);
}

/* ---- a request arrives ---- */

static void note_time(struct http_connection *connection)
{
    bool is_amid = http_wire_is_amid(&connection->wire, connection->socket->input->size);
    if (is_amid && !connection->is_amid) {
        connection->since_us = http_plane_now_us(connection->plane);
    }
    connection->is_amid = is_amid;
}

/* False: there are too many others. */
static bool note_body(struct http_connection *connection)
{
    const struct http_wire *wire = &connection->wire;
    struct http_plane *plane = connection->plane;
    bool is_large = (wire->state == HTTP_WIRE_LENGTH && wire->left > LARGE_BODY_BYTES) ||
                    (wire->state == HTTP_WIRE_CHUNKED && wire->chunked.total > LARGE_BODY_BYTES);
    if (!is_large || connection->has_large_body) {
        return true;
    }
    connection->has_large_body = plane->large_body_count < LARGE_BODIES_MAX;
    plane->large_body_count += connection->has_large_body ? 1 : 0;
    return connection->has_large_body;
}

size_t http1_held(const struct http_connection *connection)
{
    const struct http_exchange *exchange =
        connection->current != NULL ? connection->current : connection->receiving; /* never both */
    size_t body = exchange == NULL ? 0 : rg_buf_size(&exchange->received);
    return connection->socket->input->size + body;
}

static struct rg_slice rebase(struct rg_slice part, struct rg_slice from, struct rg_slice to)
{
    return part.data == NULL ? part : rg_slice_cut(to, (size_t)(part.data - from.data), part.size);
}

/* A head and what was read of it, both moved into the request's memory. */
static bool take_head(struct http_connection *connection, struct rg_slice bytes, const struct http_head *head)
{
    struct http_exchange *exchange = http_exchange_new(connection);
    struct http_head *parsed = &exchange->parsed;
    connection->receiving = exchange;
    rg_buf_init(&exchange->received, connection->wire.limits.body_bytes);
    if (!rg_is_ok(rg_arena_copy(&exchange->request.arena, bytes, &exchange->head_bytes))) {
        return false;
    }
    *parsed = *head;
    parsed->method = rebase(head->method, bytes, exchange->head_bytes);
    parsed->target = rebase(head->target, bytes, exchange->head_bytes);
    parsed->raw_path = rebase(head->raw_path, bytes, exchange->head_bytes);
    parsed->query = rebase(head->query, bytes, exchange->head_bytes);
    parsed->host = rebase(head->host, bytes, exchange->head_bytes);
    return true;
}

static void on_read(h2o_socket_t *socket, const char *error);
static void take(struct http_connection *connection);

static void on_continue_sent(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = connection_of(socket);
    connection->is_continuing = false;
    if (error != NULL) {
        http1_close(connection);
        return;
    }
    h2o_socket_read_start(socket, on_read);
    take(connection);
}

/* RFC 9110 10.1.1 */
static void send_continue(struct http_connection *connection)
{
    h2o_iovec_t bytes = h2o_iovec_init(H2O_STRLIT("HTTP/1.1 100 Continue\r\n\r\n"));
    connection->is_continuing = true;
    h2o_socket_read_stop(connection->socket);
    h2o_socket_write(connection->socket, &bytes, 1, on_continue_sent);
}

static bool take_piece(struct http_connection *connection, struct rg_slice bytes, const struct http_wire_piece *piece,
                       struct http_refusal *out_refusal)
{
    struct http_exchange *exchange = connection->receiving;
    *out_refusal = http_refusal_of(HTTP_REFUSAL_HEAD_LARGE);
    if (piece->head.size > 0 && !take_head(connection, rg_slice_cut(bytes, 0, piece->size), &piece->head)) {
        return false;
    }
    *out_refusal = http_refusal_of(HTTP_REFUSAL_BODY_LARGE);
    if (piece->data.size > 0 && !rg_is_ok(rg_buf_put(&exchange->received, piece->data))) {
        return false;
    }
    *out_refusal = http_refusal_of(HTTP_REFUSAL_BODY_BUSY);
    return note_body(connection);
}

static bool is_whole(const struct http_connection *connection)
{
    return connection->receiving != NULL &&
           (connection->wire.state == HTTP_WIRE_HEAD || connection->wire.state == HTTP_WIRE_HELD);
}

static void begin_request(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->receiving;
    connection->receiving = NULL;
    connection->current = exchange;
    connection->is_amid = false;
    h2o_socket_dont_read(connection->socket, 1);
    http_exchange_run(exchange);
}

/* Out of the input as much as can be; behind a whole request nothing, until it is answered. */
static void take(struct http_connection *connection)
{
    h2o_socket_t *socket = connection->socket;
    struct http_wire_piece piece = {.size = 1};
    while (piece.size > 0 && connection->current == NULL && !connection->is_continuing) {
        struct rg_slice bytes = rg_slice_make(socket->input->bytes, socket->input->size);
        struct http_refusal refusal = {0};
        if (!http_wire_take(&connection->wire, bytes, &piece, &refusal) ||
            !take_piece(connection, bytes, &piece, &refusal)) {
            refuse(connection, refusal);
            return;
        }
        h2o_buffer_consume(&socket->input, piece.size);
        if (is_whole(connection)) {
            begin_request(connection);
        } else if (piece.head.expects_continue) {
            send_continue(connection);
        }
    }
    if (connection->current == NULL) {
        note_time(connection);
    }
}

static void on_read(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = connection_of(socket);
    if (connection->current != NULL) { /* not read: the next request, or the client's end, for which the sweep looks */
        h2o_socket_read_stop(socket);
    } else if (error != NULL || connection->state != HTTP_CONNECTION_OPEN) {
        http1_close(connection);
    } else {
        take(connection);
    }
}

void http1_finish(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->current;
    connection->current = NULL;
    http_exchange_gone(exchange);
    if (!connection->is_out_kept || connection->state != HTTP_CONNECTION_OPEN) {
        http1_close(connection);
        return;
    }
    h2o_socket_dont_read(connection->socket, 0);
    if (!h2o_socket_is_reading(connection->socket)) {
        h2o_socket_read_start(connection->socket, on_read);
    }
    http_wire_settle(&connection->wire, false);
    take(connection);
}

void http1_begin(struct http_connection *connection)
{
    const struct config_http_listener *listener = http_plane_listener(connection->plane);
    const struct http_head_limits limits = http_head_limits_of(listener->max_head, listener->max_body);
    enum { OUT_BYTES = 4 << 20 }; /* a head is below the arena's limit, a piece of a body is small */
    http_wire_init(&connection->wire, &limits);
    rg_buf_init(&connection->out, OUT_BYTES);
    h2o_socket_read_start(connection->socket, on_read);
    take(connection); /* what came with the handshake */
}
