/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of HTTP/2 hold in memory with bodies. libh2o 2.2.5 keeps them by the stream, a hundred of them to a
 * connection, before anybody knows whose they are, and tells only of whole ones. So the system is asked how much came:
 * what no request accounts for is a body, or was sent to look like one. Called by plane.c at each sweep. */
#include "proxy/http/request_private.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* A head, its share of frames and TLS, what keeps a connection alive; and the handshake, once. */
enum { HEAD_BYTES = 4 << 10, HANDSHAKE_BYTES = 16 << 10, FRAMES_SHARE = 32 };

void http2_note_request(struct http_exchange *exchange, size_t body_bytes)
{
    struct http_connection *connection = exchange->connection;
    exchange->http2_bytes = body_bytes;
    connection->http2_bytes += body_bytes;
    connection->http2_known += body_bytes + body_bytes / FRAMES_SHARE + HEAD_BYTES;
}

void http2_forget_request(struct http_connection *connection, struct http_exchange *exchange)
{
    connection->http2_bytes -= exchange->http2_bytes;
    exchange->http2_bytes = 0;
}

size_t http2_held(struct http_connection *connection)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int fd = h2o_socket_get_fd(connection->socket);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return connection->http2_bytes;
    }
    uint64_t came = info.tcpi_bytes_received < HANDSHAKE_BYTES ? 0 : info.tcpi_bytes_received - HANDSHAKE_BYTES;
    if (connection->http2_known > came) {
        connection->http2_known = came; /* many small requests are no licence for a large one */
    }
    return connection->http2_bytes + (size_t)(came - connection->http2_known);
}
