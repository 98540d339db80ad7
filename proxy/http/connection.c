/* SPDX-License-Identifier: Apache-2.0 */
/* One client's connection: the PROXY line, TLS, and then HTTP/2 by libh2o or HTTP/1 by http1.c. */
#include <poll.h>

#include "base/rg_memory.h"
#include "proxy/http/request_private.h"
#include "proxy/worker.h"

#include <h2o/http2.h>
#include <netinet/tcp.h>

enum { LINGER_MS = 1000, RESETS_MIN = 100 };

static struct http_connection *connection_of(const h2o_socket_t *socket)
{
    return socket->on_close.data;
}

struct http_connection *http_connection_of(const h2o_req_t *req)
{
    return connection_of(req->conn->callbacks->get_socket(req->conn));
}

/* ---- the end ---- */

static void on_close(void *data)
{
    struct http_connection *connection = data;
    net_timer_stop(&connection->timer);
    http_connection_forget_body(connection);
    *connection->link = connection->next;
    if (connection->next != NULL) {
        connection->next->link = connection->link;
    }
    http1_forget(connection);
    if (connection->refused != NULL) {
        http_exchange_gone(connection->refused);
    }
    for (struct http_exchange *at = connection->plane->exchanges; at != NULL; at = at->next) {
        at->connection = at->connection == connection ? NULL : at->connection;
    }
    http_plane_forget_connection(connection->plane);
    net_tls_names_release(&connection->tls);
    rg_buf_done(&connection->out);
    rg_memory_free(connection);
}

/* Both directions at once: libh2o learns of it by the next read or write and cleans up itself. */
void http_connection_shut(struct http_connection *connection)
{
    (void)shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
    if (connection->state == HTTP_CONNECTION_OPEN) {
        connection->state = HTTP_CONNECTION_CLOSING;
    }
}

static void close_now(struct http_connection *connection)
{
    net_timer_stop(&connection->timer);
    h2o_socket_close(connection->socket);
}

static void on_linger_over(void *context)
{
    close_now(context);
}

static void on_late_bytes(h2o_socket_t *socket, const char *error)
{
    h2o_buffer_consume(&socket->input, socket->input->size);
    if (error != NULL) {
        close_now(connection_of(socket));
    }
}

void http_connection_linger(struct http_connection *connection, bool has_failed)
{
    if (has_failed) {
        close_now(connection);
        return;
    }
    (void)shutdown(h2o_socket_get_fd(connection->socket), SHUT_WR);
    net_timer_start(connection->plane->worker->loop, &connection->timer, LINGER_MS, on_linger_over, connection);
    h2o_buffer_consume(&connection->socket->input, connection->socket->input->size);
    h2o_socket_read_start(connection->socket, on_late_bytes);
}

/* ---- HTTP begins ---- */

void http_connection_forget_body(struct http_connection *connection)
{
    connection->plane->large_body_count -= connection->has_large_body ? 1 : 0;
    connection->has_large_body = false;
}

static void begin_http(struct http_connection *connection)
{
    struct http_plane *plane = connection->plane;
    net_timer_stop(&connection->timer);
    connection->state = HTTP_CONNECTION_OPEN;
    connection->since_us = http_plane_now_us(plane);
    h2o_iovec_t protocol = h2o_socket_ssl_get_selected_protocol(connection->socket);
    connection->is_http2 = protocol.len == 2 && memcmp(protocol.base, "h2", 2) == 0;
    if (connection->is_http2) {
        h2o_http2_accept(&plane->acceptor, connection->socket, *h2o_get_timestamp(&plane->h2o, NULL, NULL));
    } else {
        http1_begin(connection);
    }
}

static void on_handshake(h2o_socket_t *socket, const char *error)
{
    struct http_connection *connection = connection_of(socket);
    if (error != NULL || connection->plane->is_draining) {
        h2o_socket_close(socket);
    } else {
        begin_http(connection);
    }
}

/* ---- arriving ---- */

static void begin_tls(struct http_connection *connection)
{
    h2o_socket_read_stop(connection->socket);
    h2o_socket_ssl_handshake(connection->socket, net_tls_names_context(connection->tls), NULL, on_handshake);
}

static bool take_line(struct http_connection *connection)
{
    h2o_buffer_t *input = connection->socket->input;
    struct http_refusal refusal = {0};
    enum http_verdict verdict =
        http_proxy_line_parse(rg_slice_make(input->bytes, input->size), &connection->line, &refusal);
    if (verdict == HTTP_VERDICT_OK) {
        connection->has_line = true;
        h2o_buffer_consume(&connection->socket->input, connection->line.size);
        begin_tls(connection);
    }
    return verdict != HTTP_VERDICT_REFUSED;
}

static void on_line_bytes(h2o_socket_t *socket, const char *error)
{
    if (error != NULL || !take_line(connection_of(socket))) {
        h2o_socket_close(socket); /* in clear, before TLS: there is no way to answer */
    }
}

static void on_arriving_over(void *context)
{
    struct http_connection *connection = context;
    h2o_socket_close(connection->socket);
}

static struct http_address address_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &size) != 0) {
        return (struct http_address){.text = "unknown"};
    }
    return http_address_of((const struct sockaddr *)&address, size);
}

static void link_connection(struct http_connection *connection)
{
    struct http_plane *plane = connection->plane;
    connection->next = plane->connections;
    connection->link = &plane->connections;
    if (connection->next != NULL) {
        connection->next->link = &connection->next;
    }
    plane->connections = connection;
    plane->connection_count++;
}

/* A client that takes nothing more of its answer is cut off: also one whose window stays closed. */
static void limit_silence(int fd, int64_t timeout_us)
{
    unsigned timeout_ms = (unsigned)(timeout_us / 1000);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}

void http_connection_open(struct http_plane *plane, int fd)
{
    const struct config_http_listener *listener = http_plane_listener(plane);
    struct http_connection *connection = rg_memory_alloc(sizeof *connection);
    connection->plane = plane;
    connection->peer = address_of(fd);
    connection->tls = net_tls_names_ref(listener->server);
    connection->socket = h2o_evloop_socket_create(plane->h2o.loop, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    connection->socket->on_close.cb = on_close;
    connection->socket->on_close.data = connection;
    connection->since_us = http_plane_now_us(plane);
    limit_silence(fd, listener->idle_timeout_us);
    link_connection(connection);
    net_timer_start(plane->worker->loop, &connection->timer, (uint64_t)listener->handshake_timeout_us / 1000,
                    on_arriving_over, connection);
    if (listener->has_proxy_protocol && !http_networks_has(http_plane_trusted(plane), &connection->peer)) {
        h2o_socket_close(connection->socket); /* whoever may write a PROXY line may be anybody */
    } else if (listener->has_proxy_protocol) {
        h2o_socket_read_start(connection->socket, on_line_bytes);
    } else {
        begin_tls(connection);
    }
}

/* ---- time ---- */

/* A client that went while its request waits. As long as the socket is in epoll, nothing has come from it. */
static bool has_gone(const struct http_connection *connection)
{
    if (h2o_socket_is_reading(connection->socket)) {
        return false;
    }
    struct pollfd poll_fd = {.fd = h2o_socket_get_fd(connection->socket), .events = POLLRDHUP};
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static bool is_late(const struct http_connection *connection, int64_t now_us)
{
    const struct config_http_listener *listener = http_plane_listener(connection->plane);
    int64_t limit_us = connection->is_amid ? listener->request_timeout_us : listener->idle_timeout_us;
    return connection->requests == 0 && now_us - connection->since_us > limit_us;
}

/* CVE-2023-44487: requests begun only to be taken back. */
static bool is_resetting(const struct http_connection *connection)
{
    return connection->is_http2 && connection->resets > RESETS_MIN && connection->resets > connection->streams / 2;
}

void http_connection_sweep(struct http_connection *connection, int64_t now_us)
{
    if (connection->state != HTTP_CONNECTION_OPEN) {
        return;
    }
    bool is_drained = connection->plane->is_draining && connection->requests == 0 && !connection->is_amid;
    if (is_drained || is_late(connection, now_us) || is_resetting(connection)) {
        http_connection_shut(connection);
    } else if (connection->requests > 0 && !connection->is_http2 && has_gone(connection)) {
        http_connection_shut(connection);
        http_plane_abort(connection);
    }
}
