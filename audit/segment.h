/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_SEGMENT_H
#define RG_AUDIT_SEGMENT_H

#include "audit/reader.h"
#include "audit/store.h"

/* The one file that is being written. Space ahead is filled with written zeros, so that a commit changes
 * data only and fdatasync has no metadata to wait for (reference audit.md 8); the keeper (audit/keeper.h) does that
 * beforehand, and what it did not get done is done here. After a failure nothing is tried again on the file.
 * Failures: RG_LIMIT when the disk is full, and nothing of the file's records changed; RG_STORAGE otherwise.
 * Threads: one at a time. The zero value is "no segment". */

enum { AUDIT_AHEAD_BYTES = 4 * 1024 * 1024 }; /* of zeros, each time */

struct audit_segment {
    const struct audit_store *store;
    int directory_fd; /* seg/, borrowed */
    int fd;
    bool is_open;
    bool is_reserve; /* it was the reserve: filled to its end, and not meant to grow */
    char name[AUDIT_SEGMENT_NAME_SIZE];
    uint64_t first_seq;
    uint64_t used;      /* bytes of records */
    uint64_t durable;   /* the first of them, which are synced */
    uint64_t allocated; /* bytes of records and zeros */
    uint64_t reaching;  /* size of the file while the keeper fills it: at most this */
    dev_t device;
    ino_t inode;
};

/* Creates seg/<first_seq>.jsonl, which must not exist, and syncs the directory. */
rg_status audit_segment_create(const struct audit_store *store, int directory_fd, uint64_t first_seq,
                               struct audit_segment *out_segment) RG_MUST_CHECK;
/* Makes the file from_fd/from, which holds zeros that are on the disk, that segment, by rename; an empty one of that
 * name is replaced. Syncs both directories. */
rg_status audit_segment_adopt(const struct audit_store *store, int directory_fd, uint64_t first_seq, int from_fd,
                              const char *from, struct audit_segment *out_segment) RG_MUST_CHECK;
/* Opens an existing one to go on behind its first `used` bytes, which are on the disk; what follows must be zeros. */
rg_status audit_segment_open(const struct audit_store *store, int directory_fd, uint64_t first_seq, uint64_t used,
                             struct audit_segment *out_segment) RG_MUST_CHECK;
/* Closes the descriptor; accepts the zero value. */
void audit_segment_close(struct audit_segment *segment);

rg_status audit_segment_write(struct audit_segment *segment, struct rg_slice bytes) RG_MUST_CHECK;
/* RG_STORAGE only: a failed sync is a fault, whatever its reason. */
rg_status audit_segment_sync(struct audit_segment *segment) RG_MUST_CHECK;
/* Cuts the space ahead and syncs: the file holds its records and nothing else. */
rg_status audit_segment_seal(struct audit_segment *segment) RG_MUST_CHECK;
/* After a fault: cuts what is not durable, without a sync, which could lie. */
rg_status audit_segment_cut(struct audit_segment *segment) RG_MUST_CHECK;
/* RG_STORAGE when the live file was unlinked, replaced, or changed in size by others. */
rg_status audit_segment_watch(const struct audit_segment *segment) RG_MUST_CHECK;

/* Writes zeros from offset on, size a multiple of 64 KiB. */
rg_status audit_segment_fill(const struct audit_store *store, int fd, const char *name, uint64_t offset,
                             uint64_t size) RG_MUST_CHECK;

#endif
