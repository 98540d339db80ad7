/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_ERROR_H
#define RG_PROXY_PGWIRE_ERROR_H

#include "base/rg_buf.h"

/* ErrorResponse ('E') and NoticeResponse ('N'): rowgate's own, and the upstream's with everything removed
 * that may carry other tenants' rows or names (protocol-error-fields, DESIGN.md 4). */

enum pgwire_severity {
    PGWIRE_SEVERITY_ERROR = 0,
    PGWIRE_SEVERITY_FATAL,
    PGWIRE_SEVERITY_PANIC,
    PGWIRE_SEVERITY_WARNING, /* this and the following are notices */
    PGWIRE_SEVERITY_NOTICE,
    PGWIRE_SEVERITY_DEBUG,
    PGWIRE_SEVERITY_INFO,
    PGWIRE_SEVERITY_LOG,
    PGWIRE_SEVERITY_COUNT
};

/* The message's type follows from the severity: 'E' for ERROR, FATAL, PANIC, else 'N'. */
struct pgwire_error {
    enum pgwire_severity severity;
    char sqlstate[6]; /* five of [0-9A-Z] and a NUL; anything else is sent as XX000 */
    struct rg_slice message;
    struct rg_slice detail; /* empty = not sent; the same for hint */
    struct rg_slice hint;
    uint32_t position; /* in characters, 1-based, of the client's statement; 0 = not sent */
};

/* Appends the message with both S and V. Bytes that are not UTF-8 (or are NUL) are sent as '?', so that a
 * text cut in the middle of a character is no reason to fail.
 * Returns: ok; RG_LIMIT when buf is full, nothing appended then. Threads: any. */
rg_status pgwire_error_encode(const struct pgwire_error *error, struct rg_buf *buf) RG_MUST_CHECK;

/* Reads the body of an upstream 'E' or 'N' (type). Unknown and missing fields are tolerated: no SQLSTATE
 * is XX000. Slices point into the body: for the log and the audit record; never send detail on.
 * Returns: ok; RG_UPSTREAM when the body is no list of fields or names a field twice. Any thread. */
rg_status pgwire_error_parse(char type, struct rg_slice body, struct pgwire_error *out_error) RG_MUST_CHECK;

/* Maps a position of the rewritten statement to the client's. */
struct pgwire_position_map {
    /* The client's position (1-based, characters) for the upstream's, 0 when there is none. */
    uint32_t (*map)(void *context, uint32_t upstream_position);
    void *context;
};

/* Re-encodes an upstream 'E' or 'N' for the client: severity, SQLSTATE, message, the position through
 * positions (NULL drops it), and the hint of syntax errors (42601) only. Everything else is dropped: D, W,
 * p, q, s, t, c, d, n, F, L, R and letters not known yet.
 * Returns: ok; RG_UPSTREAM as pgwire_error_parse; RG_LIMIT when client is full. Nothing is appended then. */
rg_status pgwire_error_filter(char type, struct rg_slice body, const struct pgwire_position_map *positions,
                              struct rg_buf *client) RG_MUST_CHECK;

#endif
