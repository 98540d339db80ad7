/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_PRUNE_JOB_H
#define RG_AUDIT_KEEP_PRUNE_JOB_H

#include "audit/keep/base.h"
#include "audit/keep/retention.h"

/* What a prune does beside the log's loop, in a thread of its own: reading a segment, writing the base behind it, and
 * removing it. One at a time; between them the loop decides and records. */

enum prune_work { PRUNE_SCAN = 0, PRUNE_KEEP_BASE, PRUNE_REMOVE };

struct prune_job {
    /* in: borrowed */
    int directory_fd;
    const struct audit_store *store;
    struct rg_slice origin;
    struct rg_digest keys_root;
    const struct audit_retention *retention;
    int64_t now_us;
    uint64_t first_seq; /* of the oldest segment */
    uint64_t next_seq;  /* of the one behind it */

    /* of the scan */
    struct audit_base *base; /* behind the segment; owned; goes on to the next one */
    bool may_go;             /* by its records' ages */
    int64_t first_us;        /* hlc of its first and last record */
    int64_t last_us;
    struct audit_heads tenants; /* of its records: names only */

    struct audit_job_thread *thread; /* NULL = none runs */
};

void prune_job_done(struct prune_job *job); /* waits for the thread; accepts the zero value */
/* Starts the work. RG_STORAGE when no thread can be had. */
rg_status prune_job_start(struct prune_job *job, enum prune_work work) RG_MUST_CHECK;
/* *out_is_done: the work ended, and the status is its own; ok and false otherwise. RG_STORAGE, RG_LIMIT. */
rg_status prune_job_look(struct prune_job *job, bool *out_is_done) RG_MUST_CHECK;

#endif
