/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_QUERY_H
#define RG_PROXY_NET_QUERY_H

#include "base/rg_buf.h"
#include "proxy/net/conninfo.h"

/* One question to an upstream, asked by a thread that may wait: a session of its own, opened, asked and closed. Never
 * on an event loop. */
struct net_query {
    /* Statements of one simple query, so that a transaction pooler runs them in one server session. The text of the
     * first row and column of the only result is the answer. */
    const char *sql;
    int64_t connect_timeout_us; /* name lookup by libpq is not interrupted by it */
    int64_t answer_timeout_us;  /* from asking to the last byte */
    int stop_fd;                /* gives up as soon as this can be read; -1 = none */
};

/* Appends the answer to text, whose limit is the answer's. Blocks.
 * Returns: ok; RG_UPSTREAM with libpq's words as one line, no secrets in them: unreachable, refused, too slow, an error
 * of the server, an answer of another shape; RG_CLOSED when stopped; RG_LIMIT when the answer does not fit. text is
 * untouched on failure. Threads: any. */
rg_status net_query_text(struct net_conninfo *conninfo, const struct net_query *query,
                         struct rg_buf *text) RG_MUST_CHECK;

#endif
