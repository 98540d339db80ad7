/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_REFUSAL_H
#define RG_PROXY_HTTP_REFUSAL_H

/* Why a request is refused at the edge: what the client is told. All static texts: none holds a byte of the
 * request. Rules: refusals.def, docs/errors.md. */
struct http_refusal {
    int status;       /* 400, 413, 414, 417, 431, 501, 505 */
    const char *rule; /* "http.head.smuggling" */
    const char *text;
};

enum http_refusal_id {
#define HTTP_REFUSAL(name, status, rule, text) HTTP_REFUSAL_##name,
#include "proxy/http/refusals.def"
#undef HTTP_REFUSAL
    HTTP_REFUSAL_COUNT
};

struct http_refusal http_refusal_of(enum http_refusal_id id);

/* What a judge says of bytes that may be incomplete. */
enum http_verdict {
    HTTP_VERDICT_REFUSED = 0, /* the connection is of no more use: answer and close */
    HTTP_VERDICT_MORE,        /* nothing wrong so far */
    HTTP_VERDICT_OK,
};

#endif
