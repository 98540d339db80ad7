/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_FRAME_H
#define RG_PROXY_PGWIRE_FRAME_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* Cuts the client's byte stream into messages (protocol-message-formats): a type byte and an int32 length
 * that counts itself. Each length is judged as soon as the header is there, before a body is buffered. */

/* Where the connection stands: decides which message types may arrive. */
enum pgwire_phase {
    PGWIRE_PHASE_NONE = 0,   /* nothing may arrive */
    PGWIRE_PHASE_AUTH,       /* 'p' only */
    PGWIRE_PHASE_READY,      /* Q P B D E C S H X */
    PGWIRE_PHASE_COPY_IN,    /* d c f, X, and S H which PostgreSQL ignores there */
    PGWIRE_PHASE_AFTER_COPY, /* READY's, and d c f that were on their way when the copy failed: ignored */
    PGWIRE_PHASE_COUNT
};

struct pgwire_limits {
    enum pgwire_phase phase;
    size_t message_bytes; /* for Q P B, whole frame; each type's own maximum holds as well; 0 refuses all */
};

struct pgwire_frame {
    char type;            /* 0 for the start-up packet */
    struct rg_slice body; /* without type and length */
    size_t size;          /* of the whole frame: consume this many bytes of the input */
};

/* One row for each frontend message type: the phases that permit it and its hard maximum. */
struct pgwire_frontend_type {
    char type;
    const char *name;
    unsigned phases;   /* bit 1 << phase */
    size_t limit_body; /* bytes after the length word */
    bool is_bulk;      /* limits.message_bytes applies too */
};

/* The row of type, NULL when the protocol has no such frontend message or rowgate never accepts it
 * (FunctionCall, 'F', calls any function by oid). Static. */
const struct pgwire_frontend_type *pgwire_frontend_type_find(char type);

/* Looks at the first message of input.
 * Returns: ok with *out_complete false while bytes are missing (*out_frame untouched), ok with true and
 *          *out_frame otherwise; RG_PROTOCOL for a type not permitted in the phase or a length below 4;
 *          RG_LIMIT for a length over the maximum. Every failure must end the connection, whatever its
 *          kind: the stream cannot be followed any further. Outputs untouched on failure.
 * Owns:    out_frame->body points into input. Threads: any. */
rg_status pgwire_frame_peek(struct rg_slice input, const struct pgwire_limits *limits, struct pgwire_frame *out_frame,
                            bool *out_complete) RG_MUST_CHECK;

/* The header alone, judged in the same way: for CopyData, whose body is passed on in pieces as it arrives. */
struct pgwire_header {
    char type;
    size_t body_size; /* bytes behind the header's PGWIRE_FRAME_HEADER */
};
enum { PGWIRE_FRAME_HEADER = 5 };
rg_status pgwire_header_peek(struct rg_slice input, const struct pgwire_limits *limits,
                             struct pgwire_header *out_header, bool *out_complete) RG_MUST_CHECK;

/* The same for the first packet of a connection, which has no type byte: length 8 to 10,000
 * (MAX_STARTUP_PACKET_LENGTH). Used until a StartupMessage arrived, and again after an SSLRequest. */
enum { PGWIRE_STARTUP_MIN = 8, PGWIRE_STARTUP_MAX = 10000 };
rg_status pgwire_startup_peek(struct rg_slice input, struct pgwire_frame *out_frame, bool *out_complete) RG_MUST_CHECK;

#endif
