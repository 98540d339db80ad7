/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as HTTP/1.1: head and body in one write and, where they are small, in one TLS record. */
#include "proxy/http/chars.h"
#include "proxy/http/request_private.h"

/* Small pieces are put behind the head; larger ones are encrypted from where they lie. */
enum { JOINED_BYTES = 16 << 10, KEPT_BYTES = 32 << 10, NO_CONTENT = 204, NOT_MODIFIED = 304, PIECES = 3 };

static struct http_connection *connection_of(const h2o_socket_t *socket)
{
    return socket->on_close.data;
}

/* A head's lines are in the request's arena, which is smaller than the buffer; joined pieces are small. */
static void must(rg_status status)
{
    RG_ASSERT(rg_is_ok(status));
}

/* ---- the head ---- */

static bool has_body(const struct http_exchange *exchange)
{
    int status = exchange->head.status;
    return status >= 200 && status != NO_CONTENT && status != NOT_MODIFIED &&
           !rg_slice_is_equal(exchange->request.method, RG_SLICE("HEAD"));
}

static rg_status put_status(struct http_exchange *exchange, struct rg_buf *out)
{
    int status = exchange->head.status;
    char code[] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10), (char)('0' + status % 10), ' '};
    RG_TRY(rg_buf_put(out, RG_SLICE("HTTP/1.1 ")));
    RG_TRY(rg_buf_put(out, rg_slice_make(code, sizeof code)));
    RG_TRY(rg_buf_put(out, rg_slice_of(http_response_reason(status))));
    RG_TRY(rg_buf_put(out, RG_SLICE("\r\nDate: ")));
    return rg_buf_put(out, http_plane_date(exchange->request.plane));
}

static rg_status put_lines(const struct http_response_head *head, struct rg_buf *out)
{
    for (size_t i = 0; i < head->header_count; i++) {
        RG_TRY(rg_buf_put(out, head->headers[i].name));
        RG_TRY(rg_buf_put(out, RG_SLICE(": ")));
        RG_TRY(rg_buf_put(out, head->headers[i].value));
        RG_TRY(rg_buf_put(out, RG_SLICE("\r\n")));
    }
    return rg_buf_put(out, RG_SLICE("\r\n"));
}

static rg_status put_framing(struct http_exchange *exchange, struct rg_buf *out)
{
    const struct http_connection *connection = exchange->connection;
    RG_TRY(rg_buf_put(out, connection->is_out_kept ? RG_SLICE("\r\nConnection: keep-alive\r\n")
                                                   : RG_SLICE("\r\nConnection: close\r\n")));
    if (exchange->head.has_length) {
        char memory[20];
        RG_TRY(rg_buf_put(out, RG_SLICE("Content-Length: ")));
        RG_TRY(rg_buf_put(out, http_decimal(exchange->head.length, memory)));
        return rg_buf_put(out, RG_SLICE("\r\n"));
    }
    return connection->is_out_chunked ? rg_buf_put(out, RG_SLICE("Transfer-Encoding: chunked\r\n")) : RG_OK;
}

static rg_status put_head(struct http_exchange *exchange, struct rg_buf *out)
{
    RG_TRY(put_status(exchange, out));
    RG_TRY(put_framing(exchange, out));
    return put_lines(&exchange->head, out);
}

void http1_start(struct http_exchange *exchange, h2o_generator_t *generator)
{
    const struct http_request *request = &exchange->request;
    struct http_connection *connection = exchange->connection;
    bool is_old = exchange->parsed.minor_version == 0;
    connection->generator = generator;
    /* HTTP/1.0 knows no chunks: the end of the connection ends a body of unknown length. A chunked request is the last
     * one of its connection: a proxy before us might have seen its end elsewhere. */
    connection->is_out_kept = !request->must_close && !request->plane->is_draining && !is_old &&
                              exchange->parsed.body != HTTP_HEAD_BODY_CHUNKED;
    connection->is_out_chunked = !exchange->head.has_length && !is_old && has_body(exchange);
    connection->is_out_last = false;
    must(put_head(exchange, &connection->out));
}

/* ---- the body ---- */

static void on_sent(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = connection_of(socket);
    if (error != NULL) {
        http1_close(connection);
    } else if (connection->is_out_last) {
        if (connection->is_out_broken) {
            http_connection_shut(connection); /* no close_notify: it would say that this was all (RFC 9112 9.8) */
        }
        http1_finish(connection);
    } else {
        connection->generator->proceed(connection->generator, NULL);
    }
}

static void clear(struct rg_buf *out)
{
    rg_buf_clear(out);
    if (out->capacity > KEPT_BYTES) {
        size_t limit = out->limit_bytes;
        rg_buf_done(out);
        rg_buf_init(out, limit);
    }
}

/* libh2o encrypts at once what it is given: nothing of it is needed behind the call. */
static void write_out(struct http_connection *connection, struct rg_slice bytes, struct rg_slice end)
{
    struct rg_slice parts[PIECES] = {rg_buf_slice(&connection->out), bytes, end};
    h2o_iovec_t vectors[PIECES];
    size_t count = 0;
    for (size_t i = 0; i < PIECES; i++) {
        if (parts[i].size > 0) {
            vectors[count++] = h2o_iovec_init(parts[i].data, parts[i].size);
        }
    }
    h2o_socket_write(connection->socket, vectors, count, on_sent);
    clear(&connection->out);
}

static rg_status put_chunk_size(struct rg_buf *out, size_t size)
{
    return size == 0 ? RG_OK : rg_buf_printf(out, "%zx\r\n", size);
}

static struct rg_slice chunk_end(size_t size, bool is_last)
{
    if (size == 0) {
        return is_last ? RG_SLICE("0\r\n\r\n") : (struct rg_slice){0};
    }
    return is_last ? RG_SLICE("\r\n0\r\n\r\n") : RG_SLICE("\r\n");
}

void http1_send(struct http_exchange *exchange, struct rg_slice bytes, h2o_send_state_t state)
{
    struct http_connection *connection = exchange->connection;
    struct rg_buf *out = &connection->out;
    struct rg_slice end = {0};
    connection->is_out_last = state != H2O_SEND_STATE_IN_PROGRESS;
    connection->is_out_broken = state == H2O_SEND_STATE_ERROR;
    connection->is_out_kept = connection->is_out_kept && !connection->is_out_broken;
    if (connection->is_out_chunked) {
        must(put_chunk_size(out, bytes.size));
        end = chunk_end(bytes.size, state == H2O_SEND_STATE_FINAL);
    }
    if (bytes.size + end.size <= JOINED_BYTES) {
        must(rg_buf_put(out, bytes));
        must(rg_buf_put(out, end));
        bytes = end = (struct rg_slice){0};
    }
    write_out(connection, bytes, end);
}

rg_status http1_send_upgrade(struct http_exchange *exchange, h2o_socket_cb on_written)
{
    struct http_connection *connection = exchange->connection;
    struct rg_buf *out = &connection->out;
    RG_TRY(put_status(exchange, out));
    RG_TRY(rg_buf_put(out, RG_SLICE("\r\nConnection: upgrade\r\nUpgrade: websocket\r\n")));
    RG_TRY(put_lines(&exchange->head, out));
    h2o_iovec_t bytes = h2o_iovec_init(rg_buf_slice(out).data, rg_buf_size(out));
    h2o_socket_write(connection->socket, &bytes, 1, on_written);
    clear(out);
    return RG_OK;
}
