/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_HOLD_PRIVATE_H
#define RG_AUDIT_EXPORT_HOLD_PRIVATE_H

#include "audit/export/hold_objects.h"
#include "audit/keep/hold.h"

/* The inside of the task "holds": hold_objects.c folds the log and drives, hold_list.c asks what is stored,
 * hold_touch.c rules on one segment. */

enum { HOLD_BATCH = 256 };

/* One stored object of a segment: its .jsonl.gz or its .manifest. */
struct hold_item {
    struct rg_slice key;     /* NUL-terminated behind its end, as version; in the batch's arena */
    struct rg_slice version; /* that was put first; empty = only delete markers are left */
    uint64_t first_seq;
    uint64_t last_seq;
    int64_t hour_us;     /* begin of the hour that the key names */
    int64_t modified_us; /* of that version */
};

struct hold_batch {
    struct rg_arena arena;
    struct rg_slice under; /* "raw/v1/node=<n>/" */
    struct hold_item items[HOLD_BATCH];
    size_t count;
};

/* The stored objects behind `after` ("" = from the first), at most HOLD_BATCH, ascending by key; what is no segment's
 * is passed over. The batch is empty: {0}, and to be ended in any case. As s3_list_versions. */
rg_status hold_batch_load(const struct hold_client *client, const char *node, const char *after,
                          struct hold_batch *batch) RG_MUST_CHECK;
void hold_batch_done(struct hold_batch *batch);

/* Whether one of these holds may concern the segment. */
struct hold_touch {
    bool is_known; /* the rest is of the segment that begins with first_seq */
    uint64_t first_seq;
    bool is_now;  /* by a hold in force */
    bool is_ever; /* by one that was in force when the objects were last brought up to date, or came since */
};

/* RG_STORAGE when the segment is there and cannot be read; RG_CLOSED. */
rg_status hold_touch_find(const struct export_turn *turn, const struct hold_item *item, const struct audit_holds *now,
                          const struct audit_holds *ever, struct hold_touch *io_touch) RG_MUST_CHECK;

#endif
