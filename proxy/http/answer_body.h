/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_ANSWER_BODY_H
#define RG_PROXY_HTTP_ANSWER_BODY_H

#include "proxy/http/answer_head.h"
#include "proxy/http/chunked.h"

/* Where the body of an upstream's answer ends (RFC 9112 6.3), and its data without their frame. The zero value is
 * broken. */
enum http_answer_framing {
    HTTP_ANSWER_BROKEN = 0,
    HTTP_ANSWER_LENGTH,
    HTTP_ANSWER_CHUNKED,
    HTTP_ANSWER_UNTIL_CLOSE,
    HTTP_ANSWER_ENDED, /* nothing more of this answer comes */
};

struct http_answer_body {
    enum http_answer_framing framing;
    uint64_t left; /* HTTP_ANSWER_LENGTH */
    struct http_chunked chunked;
};

/* is_head: it answers a HEAD request, so that no body comes whatever the head says. */
void http_answer_body_init(struct http_answer_body *body, const struct http_answer_head *head, bool is_head);
/* Takes bytes up to and with the next piece of data, or to the end, or all: *out_used, of which the last out_data->size
 * are data. Nothing is taken once it ended or broke: body->framing says which. */
void http_answer_body_take(struct http_answer_body *body, struct rg_slice bytes, size_t *out_used,
                           struct rg_slice *out_data);
/* The connection has ended behind all bytes: that ends the body, or breaks it. is_clean: the other side said so, it was
 * not lost (RFC 9112 8: a body that the end of the connection frames is whole then only). */
void http_answer_body_close(struct http_answer_body *body, bool is_clean);

#endif
