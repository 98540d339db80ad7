/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_CHUNKED_H
#define RG_PROXY_HTTP_CHUNKED_H

#include "base/rg_slice.h"
#include "proxy/http/refusal.h"

/* The judge of a chunked body's raw bytes (RFC 9112 7.1), before the parser that decodes them. Stricter than the RFC
 * where parsers differ: lines end in CRLF only, a size has 1 to 15 hexadecimal digits and nothing else, no chunk
 * extensions, no trailer fields. Incremental; not thread-safe. Start with http_chunked_init; the zero value refuses. */
struct http_chunked {
    unsigned step;        /* enum in chunked.c; 0 refuses */
    unsigned digits;      /* of the size so far */
    uint64_t left;        /* bytes of the chunk to come */
    uint64_t total;       /* bytes of the body announced so far */
    uint64_t limit_bytes; /* of the body: 413 beyond */
};

void http_chunked_init(struct http_chunked *chunked, uint64_t max_body_bytes);
/* bytes: what comes next, each byte given once. OK: the body ended, *out_used of the bytes belong to it (what follows
 * is the next request's). MORE: all belong to it, the end is still to come. REFUSED: *out_refusal, also on every later
 * call. Outputs of the other cases are untouched. */
enum http_verdict http_chunked_judge(struct http_chunked *chunked, struct rg_slice bytes, size_t *out_used,
                                     struct http_refusal *out_refusal);
/* The same for who decodes: takes bytes up to and with the next piece of data, or to the body's end, or all of them.
 * *out_used bytes are taken, of which the last out_data->size are data. MORE: call again with the rest and what comes.
 * An empty *out_data with MORE: all were taken. */
enum http_verdict http_chunked_take(struct http_chunked *chunked, struct rg_slice bytes, size_t *out_used,
                                    struct rg_slice *out_data, struct http_refusal *out_refusal);

#endif
