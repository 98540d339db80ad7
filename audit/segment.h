/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_SEGMENT_H
#define RG_AUDIT_SEGMENT_H

#include "audit/reader.h"
#include "audit/store.h"

/* The one file that is being written. Space ahead is filled with written zeros, so that a commit changes
 * data only and fdatasync has no metadata to wait for (reference audit.md 8). After a failure nothing is
 * tried again on the file. Threads: one at a time. The zero value is "no segment". */
struct audit_segment {
    const struct audit_store *store;
    int directory_fd; /* seg/, borrowed */
    int fd;
    bool is_open;
    char name[AUDIT_SEGMENT_NAME_SIZE];
    uint64_t used;      /* bytes of records */
    uint64_t allocated; /* size of the file */
    dev_t device;
    ino_t inode;
};

/* Creates seg/<first_seq>.jsonl, which must not exist, and syncs the directory. RG_STORAGE. */
rg_status audit_segment_create(const struct audit_store *store, int directory_fd, uint64_t first_seq,
                               struct audit_segment *out_segment) RG_MUST_CHECK;
/* Opens an existing one to go on behind its first `used` bytes; what follows must be zeros. */
rg_status audit_segment_open(const struct audit_store *store, int directory_fd, uint64_t first_seq, uint64_t used,
                             struct audit_segment *out_segment) RG_MUST_CHECK;
/* Closes the descriptor; accepts the zero value. */
void audit_segment_close(struct audit_segment *segment);

rg_status audit_segment_write(struct audit_segment *segment, struct rg_slice bytes) RG_MUST_CHECK;
rg_status audit_segment_sync(struct audit_segment *segment) RG_MUST_CHECK;
/* Cuts the space ahead and syncs: the file holds its records and nothing else. */
rg_status audit_segment_seal(struct audit_segment *segment) RG_MUST_CHECK;
/* RG_STORAGE when the live file was unlinked, replaced, or changed in size by others. */
rg_status audit_segment_watch(const struct audit_segment *segment) RG_MUST_CHECK;

#endif
