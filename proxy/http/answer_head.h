/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_ANSWER_HEAD_H
#define RG_PROXY_HTTP_ANSWER_HEAD_H

#include "base/rg_slice.h"
#include "proxy/http/refusal.h"

/* The only reader of the heads that an upstream answers with (RFC 9112 4 and 5). It takes what can be read in one way
 * and refuses the rest: bare LF, folded lines, lengths that are none or come twice, codings other than chunked, and any
 * in HTTP/1.0 (9112 6.1). */

enum { HTTP_ANSWER_FIELDS_MAX = 100 };

struct http_answer_field {
    struct rg_slice name;  /* a token, as sent */
    struct rg_slice value; /* trimmed; without control bytes but tabs */
};

/* Slices point into the judged bytes. */
struct http_answer_head {
    size_t size; /* with its empty line and the informational heads before it */
    int status;  /* 101, 200 to 599 */
    bool is_chunked, has_length, has_close;
    bool is_old; /* HTTP/1.0 */
    bool names_close, names_keep_alive;
    uint64_t length;
    size_t connection_count;    /* lines of Connection */
    struct rg_slice connection; /* the value of the last of them */
    size_t field_count;
    struct http_answer_field fields[HTTP_ANSWER_FIELDS_MAX];
};

/* bytes: all that came so far, from the first byte of the answer; informational answers (1xx but 101) come before the
 * real one and are judged with it. Larger than limit_bytes is refused.
 * Returns: OK when the real head is whole, *out_head is filled; MORE; REFUSED; *out_head is of no use then. Pure. */
enum http_verdict http_answer_head_judge(struct rg_slice bytes, size_t limit_bytes, struct http_answer_head *out_head);

#endif
