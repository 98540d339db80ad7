/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_LIBPQ_PRIVATE_H
#define RG_PROXY_NET_LIBPQ_PRIVATE_H

#include "base/rg_status.h"

#include <stdint.h>

struct pg_conn; /* libpq's PGconn */

/* libpq prints a server's notices on stderr, which is rowgate's log, and keeps whatever a server sends until it is
 * asked for. Both are in the server's hand, so neither is left to it. */

/* Right after PQconnectStartParams: notices are dropped. */
void net_libpq_quiet(struct pg_conn *connection);
/* Between two reads of libpq: RG_LIMIT when more than limit_bytes came in on this connection. What comes in one read is
 * at most doubled by it. A Unix socket has no counter: its server is this machine's own. */
rg_status net_libpq_check_received(const struct pg_conn *connection, uint64_t limit_bytes) RG_MUST_CHECK;

#endif
