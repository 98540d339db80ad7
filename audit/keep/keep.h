/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_KEEP_H
#define RG_AUDIT_KEEP_KEEP_H

#include "audit/keep/prune.h"
#include "audit/log.h"

/* Orders against an open log, whoever opened it: the auditor in its loop, or the command when no rowgate runs. */

/* The store of subjects' keys (audit/keep/subjects.h). Texts that are given are valid until the next call. */
struct audit_keep_subjects {
    /* Whom an erasure concerns: the pseudonym in hexadecimal, and how many keys. RG_CONFIG when there are none. */
    rg_status (*find)(void *context, struct rg_slice tenant, struct rg_slice subject, struct rg_slice *out_object,
                      uint64_t *out_count);
    /* Destroys them, once that is on record. */
    rg_status (*destroy)(void *context, struct rg_slice tenant, struct rg_slice subject, struct rg_slice object);
    /* What stands for the subject in the records of holds, instead of its name; empty = not known, and not made. */
    rg_status (*name)(void *context, struct rg_slice tenant, struct rg_slice subject, bool may_make,
                      struct rg_slice *out_name);
    void *context; /* all NULL: there is no store */
};

struct audit_keep {
    struct audit_log *log;               /* borrowed */
    struct audit_keep_subjects subjects; /* set by who has the store of subjects' keys */
    struct rg_arena arena;               /* of the retention */
    struct audit_prune prune;
    int64_t next_prune_us; /* of the automatic ones, monotonic; INT64_MAX = never */
    bool is_prune_ordered; /* the one that goes on: its end is to be told */
};

enum { AUDIT_KEEP_POLL_US = 10 * 1000 }; /* how often audit_keep_turn wants to be called while a prune goes on */

/* retention: the text of audit/keep/retention.h, empty = nothing is pruned. Goes on with a prune that a crash ended;
 * prunes by itself a minute after the start and then once a day, unless the log was silent for a month before: then a
 * day later, so that a clock that runs ahead can be noticed. RG_CONFIG. */
rg_status audit_keep_open(struct audit_keep *keep, struct audit_log *log, struct rg_slice retention) RG_MUST_CHECK;
void audit_keep_done(struct audit_keep *keep); /* accepts the zero value */

/* Does one order that audit_order_check accepts: its record is durable when this returns ok. *out_is_pending is true
 * when the answer comes later. Texts of *reply live in static storage or in the log's holds: use them before the next
 * call. Failures as audit_order; RG_STORAGE may mean that the log is closed (log->is_dead). */
rg_status audit_keep_obey(struct audit_keep *keep, const struct audit_order *order, struct rg_slice operator_name,
                          struct audit_order_reply *reply, bool *out_is_pending) RG_MUST_CHECK;

/* Goes on with a prune, begins the daily one. RG_STORAGE when the log is closed. */
rg_status audit_keep_turn(struct audit_keep *keep) RG_MUST_CHECK;
/* True once when the prune that was ordered has ended: its outcome and answer. */
bool audit_keep_take(struct audit_keep *keep, rg_status *out_status, struct audit_order_reply *reply);
/* RG_DENIED when a hold stands against destroying the keys of the order's subject (an empty one: of any). */
rg_status audit_keep_check_erase(const struct audit_keep *keep, const struct audit_order *order) RG_MUST_CHECK;

#endif
