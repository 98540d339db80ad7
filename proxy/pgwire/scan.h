/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_SCAN_H
#define RG_PROXY_PGWIRE_SCAN_H

#include "base/rg_buf.h"

/* Follows the upstream's byte stream for the relay. DataRow and CopyData of any size pass through as they
 * arrive; every other message is handed out whole, so that it can be judged before anything leaves.
 *
 *     struct rg_slice chunk = bytes just read;
 *     bool has_span = true;
 *     while (has_span) {
 *         RG_TRY(pgwire_scanner_next(&scanner, &chunk, &span, &has_span));
 *         if (has_span) { forward span.bytes, or act on span.type and span.body; }
 *     }                                              the chunk is used up here
 */

enum pgwire_flow {
    PGWIRE_FLOW_REFUSED = 0, /* a type that no server may send us */
    PGWIRE_FLOW_STREAMED,    /* D, d */
    PGWIRE_FLOW_COLLECTED,
};

struct pgwire_backend_type {
    char type;
    const char *name;
    enum pgwire_flow flow;
};

/* The row of type; NULL for a type that is refused. Static. */
const struct pgwire_backend_type *pgwire_backend_type_find(char type);

enum {
    PGWIRE_HEADER_SIZE = 5,
    PGWIRE_COLLECT_MAX = 1 << 20,      /* bytes of a collected message, header included */
    PGWIRE_STREAM_MAX = 0x3fffffff + 1 /* of a streamed one: PQ_LARGE_MESSAGE_LIMIT and the type byte */
};

struct pgwire_scanner {
    struct rg_buf held; /* a collected message that began in an earlier chunk */
    size_t limit_bytes; /* of a collected message; the zero value refuses all */
    char header[PGWIRE_HEADER_SIZE];
    size_t header_size; /* bytes of header seen; 5 inside a message */
    size_t total;       /* bytes of the current message, header included */
    size_t left;        /* of total, not handed out or held yet */
    enum pgwire_flow flow;
    bool is_broken;
    bool is_lent; /* held was handed out by the last call */
};

struct pgwire_span {
    char type;
    enum pgwire_flow flow;
    bool is_start;         /* holds the message's header */
    bool is_end;           /* holds its last byte; a collected message is always both */
    size_t total;          /* bytes of the whole message, header included */
    struct rg_slice bytes; /* what to forward, header included when is_start */
    struct rg_slice body;  /* bytes without the header */
};

/* limit_bytes: PGWIRE_COLLECT_MAX, less in tests. */
void pgwire_scanner_init(struct pgwire_scanner *scanner, size_t limit_bytes);
/* Frees; the scanner becomes the zero value. Accepts the zero value. */
void pgwire_scanner_done(struct pgwire_scanner *scanner);

/* The next span of *chunk, which shrinks from the front by what was taken.
 * Returns: ok; with *out_has_span false when the chunk is used up (*out_span untouched). RG_UPSTREAM for an
 *          unknown type, a length below 4 or over the limits; the scanner is broken then and every later
 *          call fails too.
 * Owns:    out_span points into the chunk or into the scanner; valid until the next call. Threads: one. */
rg_status pgwire_scanner_next(struct pgwire_scanner *scanner, struct rg_slice *chunk, struct pgwire_span *out_span,
                              bool *out_has_span) RG_MUST_CHECK;

/* Whether the stream stands between two messages: the only moment a connection may go back to the pool. */
bool pgwire_scanner_is_between(const struct pgwire_scanner *scanner);

#endif
