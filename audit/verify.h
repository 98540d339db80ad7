/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_VERIFY_H
#define RG_AUDIT_VERIFY_H

#include "audit/record.h"

/* Checks a log directory as an outsider would: every byte of every line, nothing skipped, no key or
 * secret needed (docs/audit-format.md). Reads only; may run beside a live rowgate. */

enum audit_result {
    AUDIT_UNVERIFIED = 0,
    AUDIT_INTACT,
    AUDIT_ALTERED,    /* edited, inserted, reordered, repeated, deleted within a segment */
    AUDIT_TRUNCATED,  /* the log ends inside a record */
    AUDIT_FORKED,     /* for checkpoints; not yet found by this version */
    AUDIT_INCOMPLETE, /* a segment is missing */
    AUDIT_RESULT_COUNT
};

struct audit_report {
    enum audit_result result;
    struct rg_slice directory;
    struct rg_slice origin;
    uint64_t segment_count;
    uint64_t record_count; /* good ones, from 0 without a gap */
    uint64_t tenant_count;
    uint64_t start_count;    /* log.started records */
    uint64_t recovery_count; /* log.recovered records: torn tails that were cut and declared */
    int64_t first_hlc_us;    /* of the first and the last good record */
    int64_t last_hlc_us;
    bool is_closed; /* the last record is log.stopped */

    /* the first finding; meaningless when the result is AUDIT_INTACT */
    struct rg_slice segment; /* file name; empty = the directory as a whole */
    uint64_t line;           /* 1-based; 0 = the file as a whole */
    uint64_t seq;            /* of the first record that is bad or missing */
    struct rg_slice reason;
};

/* Returns: ok with a result, also when the log is altered; RG_STORAGE when it cannot be read, RG_LIMIT
 * when the arena is full; *out_report is untouched then.
 * Owns: the report's texts live in the arena. Threads: any. */
rg_status audit_verify(struct rg_slice directory, struct rg_arena *arena,
                       struct audit_report *out_report) RG_MUST_CHECK;

/* Exit status of reference audit.md 3.11: 0 intact, 1 altered, 2 truncated, 3 forked, 4 incomplete,
 * 6 for AUDIT_UNVERIFIED. */
int audit_result_exit_code(enum audit_result result);

/* Appends the report for people, or as one JSON object with its LF. RG_LIMIT when out is full. */
rg_status audit_report_print(const struct audit_report *report, bool is_json, struct rg_buf *out) RG_MUST_CHECK;

#endif
