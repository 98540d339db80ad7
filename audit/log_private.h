/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_LOG_PRIVATE_H
#define RG_AUDIT_LOG_PRIVATE_H

#include "audit/log.h"

/* What recovery found and did; all zero = the log ended cleanly. */
struct audit_recovery {
    uint64_t cut_bytes;
    struct rg_digest cut_sha256;
    uint64_t first_lost_seq;
    char quarantine[80]; /* file name in the log's directory, with NUL */
};

/* Checks all segments, moves a torn tail of the newest to quarantine, opens it (or creates the first).
 * Returns: RG_STORAGE naming segment and record when the log is damaged before its tail. */
rg_status audit_log_recover(struct audit_log *log, struct rg_arena *arena,
                            struct audit_recovery *out_recovery) RG_MUST_CHECK;

#endif
