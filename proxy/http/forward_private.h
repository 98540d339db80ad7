/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_FORWARD_PRIVATE_H
#define RG_PROXY_HTTP_FORWARD_PRIVATE_H

#include "base/rg_buf.h"
#include "proxy/http/upstream_private.h"

/* One request under way to the upstream. */
struct http_forward {
    h2o_generator_t super; /* first: libh2o hands it back */
    struct http_exchange *exchange;
    struct http_upstream *upstream;
    struct http_link *link; /* NULL behind the answer's end, and when it was given up */
    bool is_orphan;         /* the exchange has let go: freed when depth is 0 */
    unsigned depth;         /* functions that use it now */
    bool is_open;           /* the head has left, the body may */
    bool is_finished;       /* the last byte was handed on */
    bool is_sending;        /* what `sending` holds is libh2o's until on_proceed */
    bool has_failed;        /* the body has no proper end */
    struct rg_buf head;     /* of the request */
    struct rg_buf sending;  /* of the answer's body */
    bool is_ahead;          /* the body is read into `ahead` before the head has left, up to ahead_bytes */
    bool has_ended;         /* the body was read to its end */
    size_t ahead_bytes;
    struct rg_buf ahead;       /* read and not yet sent */
    struct net_stream *tunnel; /* the upstream's end of a WebSocket that it granted */
};

/* Who may use the upstream's connection again: those who see the same rows; of requests without a tenant those without
 * one. */
static inline struct rg_slice http_request_owner(const struct http_request *request)
{
    return request->has_tenant ? rg_slice_of(request->view.text) : (struct rg_slice){0};
}

/* forward_head.c */

/* The request's head as it is sent: ours in framing and forwarding, the client's in what strip.h lets pass.
 * RG_LIMIT when it is too large. */
rg_status http_forward_write_request(struct http_forward *forward) RG_MUST_CHECK;
/* The head of a GET of that path beside the request, with what tells who calls: our own headers and the credential that
 * passes. RG_LIMIT. */
rg_status http_forward_write_probe(struct http_exchange *exchange, struct rg_slice path,
                                   struct rg_buf *head) RG_MUST_CHECK;
/* The answer's head into exchange->head. RG_UPSTREAM when it is not one that can be passed on; RG_LIMIT. */
rg_status http_forward_read_head(struct http_exchange *exchange, const struct http_answer_head *answer) RG_MUST_CHECK;

#endif
