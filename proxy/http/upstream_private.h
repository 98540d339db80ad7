/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_UPSTREAM_PRIVATE_H
#define RG_PROXY_HTTP_UPSTREAM_PRIVATE_H

#include "proxy/http/link.h"
#include "proxy/http/request_private.h"

/* One upstream under one configuration, of one plane: where it is, and the connections that are kept to it. It outlives
 * the configuration while requests go on under it. */
struct http_upstream {
    struct http_upstream *next; /* retired ones */
    struct http_plane *plane;
    bool is_retired;   /* keeps no connection */
    unsigned forwards; /* that use it */
    struct http_link *idle;
    unsigned idle_count;
    struct rg_slice host; /* owned; NUL-terminated */
    uint16_t port;
    struct net_tls_client *tls; /* NULL = cleartext */
    uint64_t connect_ms, response_ms, websocket_ms;
    int64_t keepalive_us;
    struct http_answer_head answer; /* the one being read: large, and of one link at a time */
};

#endif
