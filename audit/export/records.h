/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_RECORDS_H
#define RG_AUDIT_EXPORT_RECORDS_H

#include "audit/class.h"
#include "audit/export/task.h"
#include "audit/walk.h"

/* The signed records of the log in order, from behind a task's cursor, for sinks that send lines: file, syslog,
 * webhook. The cursor names the last record that was confirmed by its place, its number and its hash: one that does not
 * fit the log any more (the log was replaced by another, or cut behind what a backup held) is dropped, and everything
 * is sent again from the oldest record that is there. */

struct export_records;

/* A place between two records: what is before it was delivered or passed over. */
struct export_mark {
    bool is_there;            /* false = nothing was yet: the oldest record there is comes next */
    struct audit_place place; /* of the last record before it */
    struct rg_digest leaf;    /* of that record's first line */
    uint64_t next_seq;        /* of the record behind it */
    int64_t hlc_us;
};

/* classes: AUDIT_CLASS_*, what export_records_next delivers; the others are passed over. */
struct export_records *export_records_new(unsigned classes);
void export_records_free(struct export_records **records);

/* Once at the beginning of a turn: loads the cursor the first time, after a failure goes back behind what was
 * confirmed. RG_STORAGE when the log or the cursor cannot be read. */
rg_status export_records_begin(struct export_records *records, struct export_turn *turn) RG_MUST_CHECK;
/* The same, but goes on behind what was delivered, confirmed or not: for a destination that confirms later. */
rg_status export_records_resume(struct export_records *records, struct export_turn *turn) RG_MUST_CHECK;
/* The next record below turn->size: its line, and its continuation lines behind it. *out_is_there false = all were
 * delivered. Valid until the next call. As audit_walk_next. */
rg_status export_records_next(struct export_records *records, bool *out_is_there,
                              struct audit_walked *out_record) RG_MUST_CHECK;
/* Everything delivered so far is at the destination for good: stores the cursor, export_confirm. Call it once a batch,
 * and at the end of a turn also when all that was left was passed over. As export_cursor_store. */
rg_status export_records_confirm(struct export_records *records) RG_MUST_CHECK;

/* Where it is now, and everything before such a place confirmed; one that was confirmed already costs nothing. */
struct export_mark export_records_mark(const struct export_records *records);
rg_status export_records_confirm_mark(struct export_records *records, const struct export_mark *mark) RG_MUST_CHECK;

#endif
