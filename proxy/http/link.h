/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_LINK_H
#define RG_PROXY_HTTP_LINK_H

#include "base/rg_buf.h"
#include "proxy/http/answer_body.h"

/* One request to the upstream and its answer, over a connection that is kept between requests. The bytes move by
 * proxy/net's streams; the answer is read by answer_head.h and answer_body.h and by nobody else. An idle connection is
 * still watched, and the system asked before it is used again, so that one which the upstream ended, or on which it
 * spoke unasked, is gone by then.
 *
 * Back-pressure: what http_link_read does not take is not read from the socket. */
struct http_link;
struct http_upstream;
struct net_stream;

enum { HTTP_LINK_OWNER_BYTES = 32 };

enum http_link_failure {
    HTTP_LINK_BROKEN = 0,  /* no proper head came, or none at all */
    HTTP_LINK_UNREACHABLE, /* no connection */
    HTTP_LINK_TIMEOUT,     /* no head in time */
};

/* Each may close the link. The first two callbacks exclude each other. None comes before http_link_open returned. */
struct http_link_events {
    /* The head is whole and good; head is valid until the first http_link_read, but not behind the call. */
    void (*on_head)(void *context, const struct http_answer_head *head);
    /* There is no answer. The link must be closed. */
    void (*on_failed)(void *context, enum http_link_failure why);
    /* Behind the head: there may be more to read, or the end is known. */
    void (*on_body)(void *context);
};

/* Borrowed until the link is closed. */
struct http_ask {
    struct rg_slice head; /* with its empty line */
    struct rg_slice body;
    /* Whose request it is, at most HTTP_LINK_OWNER_BYTES: a connection is kept for the same owner's next request alone,
     * so that an answer which comes to another request than it was made for stays with who asked. Copied. */
    struct rg_slice owner;
    bool is_head;    /* the method is HEAD */
    bool may_repeat; /* it may be sent once more when a kept connection turns out to be dead (RFC 9110 9.2.2) */
};

struct http_link *http_link_open(struct http_upstream *upstream, const struct http_ask *ask,
                                 const struct http_link_events *events, void *context);
/* Appends what there is of the body, at most `most` bytes, for which into must have room. Behind on_head. */
void http_link_read(struct http_link *link, struct rg_buf *into, size_t most);
/* ENDED: all was read. BROKEN: it ended too early, or in a way that is none; what could be read was. */
enum http_answer_framing http_link_framing(const struct http_link *link);
/* Keeps the connection for the next request where the answer was read to its end and both sides agree, else closes it.
 * Nulls, accepts NULL. */
void http_link_close(struct http_link **link);
/* The connection itself, with what came behind the head in its input: of an answer 101. Nulls; the link is over. */
struct net_stream *http_link_steal(struct http_link **link);

#endif
