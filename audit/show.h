/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_SHOW_H
#define RG_AUDIT_SHOW_H

#include "audit/record.h"

/* Reads records back, as the raw lines that were hashed. It does not verify. */
struct audit_filter {
    struct rg_slice tenant; /* as in the policies; empty = all records */
    uint64_t from_seq;
};

/* Takes one line without its LF, borrowed for the call. A failure ends the reading. */
struct audit_sink {
    rg_status (*on_line)(void *context, struct rg_slice line);
    void *context;
};

/* The tenant as it stands in the lines: JSON-escaped, without quotes; empty for empty. In the arena. RG_CONFIG. */
rg_status audit_show_escape(struct rg_slice tenant, struct rg_arena *arena, struct rg_slice *out_escaped) RG_MUST_CHECK;

/* Returns: ok; RG_STORAGE when the log cannot be read or a line is not a record (text names segment and
 * line); what the sink returned. Lines before a bad one have been delivered. Threads: any. */
rg_status audit_show(struct rg_slice directory, const struct audit_filter *filter,
                     const struct audit_sink *sink) RG_MUST_CHECK;

#endif
