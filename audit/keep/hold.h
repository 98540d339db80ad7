/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_HOLD_H
#define RG_AUDIT_KEEP_HOLD_H

#include "audit/line.h"

/* Legal holds: as long as one is in force, no record that it may concern is pruned and no key of a subject that it may
 * concern is destroyed. What is in force is the fold of the hold.place and hold.release records and nothing else.
 * A hold without tenant concerns all, without subject all, without a time all times. */

struct audit_hold {
    struct rg_slice id; /* all texts are owned by the set */
    struct rg_slice tenant;
    struct rg_slice subject;
    struct rg_slice reason;
    struct rg_slice operator_name;
    struct rg_slice escaped_tenant; /* as it stands in a record's "tenant" */
    int64_t from_us;                /* 0 = from the beginning */
    int64_t until_us;               /* 0 = without end */
    int64_t placed_us;              /* hlc of the record */
    uint64_t seq;                   /* of the record; of the newest one that repeats it after a prune */
    char *memory;                   /* of the texts */
};

/* The zero value is empty. Threads: one at a time. */
struct audit_holds {
    struct audit_hold *items; /* in the order of their placing */
    size_t count;
    size_t capacity;
};

enum { AUDIT_HOLDS_MAX = 4096 };

void audit_holds_done(struct audit_holds *holds);
/* Is it a record of a hold? Then it must be folded. */
bool audit_hold_is_record(struct rg_slice line, const struct audit_head *head);
/* The next record in the log's order; line without LF. RG_PROTOCOL for one that is none of ours. */
rg_status audit_holds_fold(struct audit_holds *holds, struct rg_slice line,
                           const struct audit_head *head) RG_MUST_CHECK;
/* Only those stay that are in `those` as well. */
void audit_holds_keep(struct audit_holds *holds, const struct audit_holds *those);
/* NULL = not in force. Valid until the next fold. */
const struct audit_hold *audit_holds_find(const struct audit_holds *holds, struct rg_slice id);
/* A hold that stands against erasing the subject of the tenant (an empty one: of any), or NULL. */
const struct audit_hold *audit_holds_find_subject(const struct audit_holds *holds, struct rg_slice tenant,
                                                  struct rg_slice subject);
/* Does it concern records of that time? */
bool audit_hold_is_at(const struct audit_hold *hold, int64_t first_us, int64_t last_us);

/* Folds the records of a whole log, which may be live. RG_STORAGE. */
rg_status audit_holds_load(struct rg_slice directory, struct audit_holds *out_holds) RG_MUST_CHECK;

#endif
