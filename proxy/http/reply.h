/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_REPLY_H
#define RG_PROXY_HTTP_REPLY_H

#include "proxy/http/request.h"

/* Answers of our own: from endpoints and from steps that refuse. Every one of them passes the same hooks as the
 * upstream's (proxy/http/forward.h): its record is durable before a byte leaves, and the security headers are on it. */

struct http_reply {
    int status;
    struct rg_slice content_type; /* empty = none */
    size_t header_count;
    const struct http_header *headers; /* further ones; Content-Length, Date, Connection are not the caller's */
    struct rg_slice body;
    struct rg_slice rule;    /* of a refusal, a row of docs/errors.md; empty = none */
    struct rg_slice refusal; /* its words for the record */
};

/* Sends it; all is copied. Nothing when the client has gone. Once for each request. Never fails: what does not fit into
 * the request's memory becomes a bare 500. */
void http_reply(struct http_request *request, const struct http_reply *reply);
/* A refusal with its rule and the request's reference: application/problem+json (RFC 9457), or a small page for those
 * who accept text/html. text: for people, one sentence, no data in it. status 429 and 503 carry Retry-After. */
void http_reply_problem(struct http_request *request, int status, const char *rule, const char *text);
/* The same with the seconds to say in Retry-After. */
void http_reply_later(struct http_request *request, int status, unsigned seconds, const char *rule, const char *text);
/* The same from a failed call: its kind's HTTP status, its text to the record only. */
void http_reply_status(struct http_request *request, rg_status why, const char *rule, const char *text);
/* 303 See Other to location: a path of ours or an URL that the caller built. */
void http_redirect(struct http_request *request, struct rg_slice location);
/* The same with headers, e.g. Set-Cookie. */
void http_redirect_with(struct http_request *request, struct rg_slice location, size_t header_count,
                        const struct http_header *headers);

/* The page of a refusal, in the request's arena. RG_LIMIT. */
rg_status http_reply_page(struct http_request *request, int status, const char *rule, struct rg_slice text,
                          struct rg_slice *out_html) RG_MUST_CHECK;

#endif
