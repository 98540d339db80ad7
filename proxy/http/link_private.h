/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_LINK_PRIVATE_H
#define RG_PROXY_HTTP_LINK_PRIVATE_H

#include "proxy/http/link.h"
#include "proxy/net/dial.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

enum http_link_state {
    HTTP_LINK_IDLE = 0, /* kept; on the upstream's list */
    HTTP_LINK_OPENING,  /* connects */
    HTTP_LINK_ASKED,    /* the head is awaited */
    HTTP_LINK_ANSWERED,
    HTTP_LINK_FAILED, /* on_failed is due, by the timer */
};

/* A connection to the upstream, and what goes on on it. */
struct http_link {
    struct http_upstream *upstream;
    struct http_link *next; /* idle ones, the youngest first */
    struct http_link **link;
    enum http_link_state state;
    struct net_dial *dial;
    struct net_stream *stream;
    struct net_timer timer; /* runs late rather than be set anew for each request: on_timer */
    int64_t since_us;       /* monotonic: asked, or something came; idle: since when */
    bool is_reused;
    char owner[HTTP_LINK_OWNER_BYTES];
    size_t owner_size;
    /* of one request */
    const struct http_link_events *events;
    void *context;
    struct http_ask ask;
    size_t body_sent;
    size_t head_size; /* of the answer's head, still in the input */
    struct http_answer_body body;
    bool is_last;   /* nothing may be asked behind this answer */
    bool is_read;   /* somebody reads the body: silence counts */
    bool is_closed; /* by the peer, or lost */
    bool is_clean;  /* by the peer's own word */
    enum http_link_failure failure;
};

/* upstream.c: */
/* An idle one of that owner, not the upstream's any more; NULL when there is none. */
struct http_link *http_upstream_take(struct http_upstream *upstream, struct rg_slice owner);
/* Keeps it, and the oldest of too many no longer; false: the upstream is of an old configuration. */
bool http_upstream_keep(struct http_upstream *upstream, struct http_link *link);
void http_upstream_forget(struct http_link *link); /* an idle one that ended */

/* link.c: */
void http_link_free(struct http_link *link);

#endif
