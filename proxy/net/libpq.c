/* SPDX-License-Identifier: Apache-2.0 */
/* What libpq is not trusted to bound by itself: a server's notices, and how much it sends. Called by the two files that
 * let libpq read: upstream.c until a session is open, query.c to its end. */
#include "proxy/net/libpq_private.h"

#include <libpq-fe.h>
#include <linux/tcp.h> /* the C library's tcp_info ends before the counter */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

static void drop(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

void net_libpq_quiet(struct pg_conn *connection)
{
    (void)PQsetNoticeReceiver(connection, drop, NULL);
}

rg_status net_libpq_check_received(const struct pg_conn *connection, uint64_t limit_bytes)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    bool has_counter = getsockopt(PQsocket(connection), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
                       size >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received;
    if (has_counter && info.tcpi_bytes_received > limit_bytes) {
        return rg_fail(RG_LIMIT, "the database sent more than %llu bytes", (unsigned long long)limit_bytes);
    }
    return RG_OK;
}
