/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_PRUNE_H
#define RG_AUDIT_KEEP_PRUNE_H

#include "audit/keep/order.h"
#include "audit/keep/prune_job.h"
#include "audit/log.h"

/* Removes the oldest segments, one after the other, each only when all its records may go: their time is over, no hold
 * concerns them, and where that is required an export is confirmed. Per segment, in this order, so that a crash
 * anywhere leaves a log that opens and verifies, and the next prune goes on:
 *   1. pruned/<size>.base is written and synced: what the rest of the log goes on from
 *   2. holds in force whose records would go are placed again, then retention.prune is recorded; durable
 *   3. a checkpoint that covers that record is signed and synced
 *   4. the segment is unlinked
 * The segment that is written never goes. Threads: one at a time; what takes long runs beside (prune_job.h). */

enum prune_step { PRUNE_IDLE = 0, PRUNE_SCANNING, PRUNE_KEEPING, PRUNE_SIGNING, PRUNE_REMOVING };

struct audit_prune {
    struct audit_log *log;            /* borrowed */
    struct audit_retention retention; /* parsed; borrowed */
    struct rg_slice policy;           /* its text; borrowed */
    enum prune_step step;
    bool is_dry;
    char operator_name[64];
    struct prune_job job;
    uint64_t declared_seq; /* of the retention.prune record that waits for its checkpoint */
    struct audit_order_reply reply;
    char text[320]; /* why it ended */
    bool has_failed;
    enum rg_kind kind;
    bool is_over; /* the result was not taken yet */
};

void audit_prune_init(struct audit_prune *prune, struct audit_log *log);
void audit_prune_done(struct audit_prune *prune); /* accepts the zero value */
/* Begins one; RG_LIMIT when one is going on, RG_CONFIG without a retention. */
rg_status audit_prune_start(struct audit_prune *prune, struct rg_slice operator_name, bool is_dry) RG_MUST_CHECK;
/* Goes on where it can, without waiting. RG_STORAGE only when the log is closed. */
rg_status audit_prune_turn(struct audit_prune *prune) RG_MUST_CHECK;
bool audit_prune_is_going(const struct audit_prune *prune);
/* True once after the end: *out_status is its outcome, *reply what it did; texts are valid until the next start. */
bool audit_prune_take(struct audit_prune *prune, rg_status *out_status, struct audit_order_reply *reply);
/* A segment that was declared to go and is still there, as a crash left it: goes on with it. */
rg_status audit_prune_resume(struct audit_prune *prune) RG_MUST_CHECK;

#endif
