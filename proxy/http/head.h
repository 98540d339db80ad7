/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_HEAD_H
#define RG_PROXY_HTTP_HEAD_H

#include "base/rg_slice.h"
#include "proxy/http/refusal.h"

/* The judge of a request's head, on the raw bytes and before anybody else parses them (RFC 9112 2 to 6, RFC 9110 5, 7
 * and 8.6). It accepts only what every parser reads in the same way; where the RFCs let a recipient repair or choose,
 * it refuses: bare CR or LF (9112 2.2), folded lines (5.2), a space before the colon (5.1), Content-Length beside
 * Transfer-Encoding (6.1), a list of lengths (6.3), bodies of GET, HEAD and OPTIONS (9110 9.3.1), targets in absolute,
 * authority or asterisk form (9112 3.2), empty lines before the request line (2.2), two lines of a field that has one
 * value. Pure; any thread. */

enum { HTTP_HEAD_MAX_FIELDS = 100 }; /* what libh2o takes */

/* Units: bytes, lines. The zero value refuses everything. */
struct http_head_limits {
    size_t head_bytes;              /* with the empty line: 431 beyond */
    size_t target_bytes;            /* 414 beyond */
    size_t name_bytes, value_bytes; /* of one field: 431 beyond */
    size_t fields;                  /* 431 beyond; at most HTTP_HEAD_MAX_FIELDS */
    uint64_t body_bytes;            /* 413 when Content-Length says more */
};
/* max_head and max_body of a listener; the others follow from them. */
struct http_head_limits http_head_limits_of(size_t max_head_bytes, uint64_t max_body_bytes);

enum http_head_body { HTTP_HEAD_BODY_NONE = 0, HTTP_HEAD_BODY_LENGTH, HTTP_HEAD_BODY_CHUNKED };

/* What was read. Slices point into the judged bytes. */
struct http_head {
    size_t size; /* of the head, with its empty line */
    struct rg_slice method;
    struct rg_slice target;   /* path, or path "?" query; begins with "/" */
    struct rg_slice raw_path; /* of target, still escaped: for http_path_parse */
    struct rg_slice query;    /* without "?"; empty also when there is none */
    struct rg_slice host;     /* with its port, as sent */
    enum http_head_body body;
    uint64_t content_length; /* HTTP_HEAD_BODY_LENGTH */
    unsigned minor_version;  /* 0 or 1 */
    bool is_websocket;       /* asks for an upgrade; the bytes behind are no HTTP once it is granted */
    bool expects_continue;
    bool has_close; /* Connection: close, or HTTP/1.0 without keep-alive */
};

/* bytes: all that has come of this request so far, and maybe more behind it. seen: how many of them were there at the
 * last call that said MORE (0 at the first), so that a slow client costs no quadratic work.
 * Returns: MORE until the head is whole, but refuses as soon as something is wrong; OK with *out_head filled; REFUSED
 * with *out_refusal filled. The other output is untouched. */
enum http_verdict http_head_judge(struct rg_slice bytes, size_t seen, const struct http_head_limits *limits,
                                  struct http_head *out_head, struct http_refusal *out_refusal);

/* Name and value (trimmed) of the next field of a head that was judged OK; *cursor starts at 0. False at the end. */
bool http_head_next(struct rg_slice head, size_t *cursor, struct rg_slice *out_name, struct rg_slice *out_value);

#endif
