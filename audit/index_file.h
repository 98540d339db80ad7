/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_INDEX_FILE_H
#define RG_AUDIT_INDEX_FILE_H

#include "base/rg_buf.h"

/* The files of idx/: the lock, the database as a file, and the stamp that says in which state it was left.
 * Threads: one at a time. */
struct audit_index_files {
    int directory_fd; /* of idx/ */
    int lock_fd;
};

#define AUDIT_INDEX_DATABASE "search.db"

/* Makes idx/ in the log's directory, takes its lock alone (waits for it). When is_anew or the stamp does not fit, the
 * database is deleted; an empty file is there afterwards when there was none. RG_STORAGE, also when less than
 * AUDIT_INDEX_SPACE is free: the log needs it more. */
rg_status audit_index_files_open(struct rg_slice directory, bool is_anew,
                                 struct audit_index_files *out_files) RG_MUST_CHECK;
void audit_index_files_close(struct audit_index_files *files); /* accepts {-1, -1} */
/* The database is now as it should be found. RG_STORAGE. */
rg_status audit_index_files_stamp(const struct audit_index_files *files) RG_MUST_CHECK;
/* Lets others read. RG_STORAGE. */
rg_status audit_index_files_share(const struct audit_index_files *files) RG_MUST_CHECK;

enum { AUDIT_INDEX_SPACE = 512 * 1024 * 1024 };

#endif
