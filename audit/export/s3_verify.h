/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_S3_VERIFY_H
#define RG_AUDIT_EXPORT_S3_VERIFY_H

#include "audit/export/s3.h"
#include "audit/verify.h"

/* Checks what a bucket holds of a log, with public keys only (docs/verify.md): fetches it into a directory shaped like
 * a log, lets audit/verify.h read that, and adds what only the bucket can tell: versions, delete markers, locks, what
 * the log's own export.segment records say of its objects, and how far behind the anchors the segments are. */

struct s3_verify_options {
    struct s3_options s3;
    struct rg_slice origin;    /* of the log to check; empty = the only one there is */
    struct rg_slice directory; /* a local log to hold against its anchors; empty = the bucket alone */
    enum s3_lock lock;         /* every object must be locked like this at least; OFF = as the log recorded it */
    int64_t max_lag_us;        /* records that are anchored for longer must be there as a segment; 0 = one hour */
    int64_t max_age_us;        /* the newest anchor may be so old; 0 = any age */
    unsigned connections;      /* 0 = 16 */
    const struct audit_vkey *root;
    struct rg_slice since;
    unsigned threads;
    bool is_strict;
    void (*on_progress)(void *context, uint64_t done, uint64_t all); /* objects, then bytes; may be NULL */
    void *context;
};

/* Returns: ok with a result, also when nothing holds; RG_CONFIG when the bucket holds no log, or several and no origin
 * says which (the text names them); RG_UPSTREAM, RG_DENIED, ... as s3.h; RG_STORAGE when the temporary directory (under
 * $TMPDIR, or /tmp) cannot be written. Owns: the report's texts live in arena. Threads: any; starts its own. */
rg_status s3_verify(const struct s3_verify_options *options, struct rg_arena *arena,
                    struct audit_report *out_report) RG_MUST_CHECK;

#endif
