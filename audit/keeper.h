/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEPER_H
#define RG_AUDIT_KEEPER_H

#include "audit/segment.h"

/* A thread that prepares space, so that the committer finds it prepared: zeros ahead of the live segment, the file
 * that becomes the next one (`next`), and the file that keeps space back for a full disk (`reserve`). What it did not
 * get done the committer does itself; its failures therefore have no consequence but that.
 *
 * It opens files by itself: an I/O error is reported once to each open file, and one that it met here must still be
 * reported to the committer's own fdatasync. */

#define AUDIT_NEXT_NAME "next"
#define AUDIT_RESERVE_NAME "reserve"

struct audit_keeper;

struct audit_keeper_options {
    const struct audit_store *store;
    int directory_fd; /* borrowed; next and reserve stand there */
    int segments_fd;  /* borrowed */
    uint64_t reserve_bytes;
};

/* Starts the thread; an old `next` is removed, a `reserve` of the right size that holds zeros is kept, any other is
 * made anew. RG_STORAGE when there is no thread to be had. */
rg_status audit_keeper_open(const struct audit_keeper_options *options, struct audit_keeper **out_keeper) RG_MUST_CHECK;
void audit_keeper_close(struct audit_keeper **keeper); /* waits for the job being done; nulls */

/* All the rest is called by the committer. */

/* After a write: asks for zeros when less than AUDIT_AHEAD_BYTES of them are left, and takes over what was filled.
 * Costs a comparison as long as enough are left. */
void audit_keeper_feed(struct audit_keeper *keeper, struct audit_segment *segment);
/* Waits for the filling of the segment to end, done or failed, and takes it over: before the committer fills, cuts
 * or closes it. */
void audit_keeper_settle(struct audit_keeper *keeper, struct audit_segment *segment);
void audit_keeper_want_next(struct audit_keeper *keeper);
void audit_keeper_want_reserve(struct audit_keeper *keeper);
/* True when the file stands ready; it is the committer's then, to rename. */
bool audit_keeper_take_next(struct audit_keeper *keeper);
bool audit_keeper_take_reserve(struct audit_keeper *keeper);
bool audit_keeper_has_reserve(struct audit_keeper *keeper);
bool audit_keeper_is_making_reserve(struct audit_keeper *keeper);
/* Once a second: what failed may be tried again. */
void audit_keeper_watch(struct audit_keeper *keeper);
/* Waits until nothing is left to do. For tests and for the start. */
void audit_keeper_wait(struct audit_keeper *keeper);

#endif
