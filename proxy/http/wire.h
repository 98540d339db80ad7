/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_WIRE_H
#define RG_PROXY_HTTP_WIRE_H

#include "base/rg_buf.h"
#include "proxy/http/chunked.h"
#include "proxy/http/head.h"

/* Follows all bytes of one HTTP/1.x connection from the client, before anybody serves them: where each request
 * begins and ends, that each head passes http_head_judge (pipelined ones, too) and each chunked body
 * http_chunked_take. A head goes on whole. So nobody behind it sees a byte whose meaning is open. Not thread-safe. The
 * zero value refuses. */
enum http_wire_state {
    HTTP_WIRE_REFUSED = 0,
    HTTP_WIRE_HEAD,    /* in a head, or between requests */
    HTTP_WIRE_LENGTH,  /* in a body with Content-Length */
    HTTP_WIRE_CHUNKED, /* in a chunked body */
    HTTP_WIRE_HELD,    /* behind a request to upgrade: bytes wait until http_wire_settle */
    HTTP_WIRE_OPAQUE,  /* upgraded: anything goes */
};

struct http_wire {
    struct http_head_limits limits;
    enum http_wire_state state;
    uint64_t left; /* HTTP_WIRE_LENGTH: bytes of the body to come */
    struct http_chunked chunked;
    size_t seen;    /* of a head that is not whole yet */
    uint64_t heads; /* judged OK so far */
};

void http_wire_init(struct http_wire *wire, const struct http_head_limits *limits);

/* What http_wire_take took: a head, or bytes of a body, or nothing. */
struct http_wire_piece {
    size_t size;           /* in the bytes that came; 0 = more must come first */
    struct http_head head; /* its size is 0 where it is none */
    struct rg_slice data;  /* of a body, without the frame of chunks; may be empty */
};

/* bytes: what came and was not taken yet; the same bytes and more at the next call. Call again with the rest until it
 * takes nothing (a head that is not whole, or while HELD). A request is whole when the state is HEAD or HELD again.
 * False: refused, *out_refusal says why and *out_piece is empty; nothing more of this connection may be served. */
bool http_wire_take(struct http_wire *wire, struct rg_slice bytes, struct http_wire_piece *out_piece,
                    struct http_refusal *out_refusal);

/* While HELD: the answer to the upgrade was 101 (is_upgraded), or another one. */
void http_wire_settle(struct http_wire *wire, bool is_upgraded);

/* Whether a request has begun and is not complete: for time limits of slow clients. held: bytes waiting. */
bool http_wire_is_amid(const struct http_wire *wire, size_t waiting_bytes);

#endif
