/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_STORE_H
#define RG_AUDIT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* What the auditor needs of a file system, as an interface: tests make the Nth call fail, and a later
 * auditor process can bring its own. Each function returns a negative errno on failure, never sets
 * errno for the caller, and may be called from several threads at once: committer, keeper, publisher. */
struct audit_store {
    int (*open)(void *context, int directory_fd, const char *name, int flags, mode_t mode);      /* descriptor */
    int (*make_directory)(void *context, int directory_fd, const char *name);                    /* 0700; exists = 0 */
    ssize_t (*write_at)(void *context, int fd, const void *bytes, size_t size, uint64_t offset); /* bytes written */
    int (*sync_data)(void *context, int fd);                                                     /* fdatasync */
    int (*sync_all)(void *context, int fd); /* fsync; for directories too */
    int (*truncate)(void *context, int fd, uint64_t size);
    int (*stat)(void *context, int fd, struct stat *out_info);
    int (*stat_at)(void *context, int directory_fd, const char *name,
                   struct stat *out_info);                                                  /* does not follow links */
    int (*rename)(void *context, int from_fd, const char *from, int to_fd, const char *to); /* replaces what is there */
    int (*remove)(void *context, int directory_fd, const char *name, bool is_directory);
    int (*free_space)(void *context, int fd, uint64_t *out_bytes); /* of the file system, for ordinary users */
    int (*lock)(void *context, int fd); /* exclusive, does not wait: -EWOULDBLOCK when another holds it */
    void (*close)(void *context, int fd);
    void *context;
};

/* Plain files. Static storage. */
const struct audit_store *audit_store_files(void);

/* Replaces directory_fd/name (a path of existing directories) by these bytes, whole or not at all, 0600: written as
 * directory_fd/temporary, which belongs to the caller alone, and renamed. is_synced: file and entry are on the disk
 * when it returns. RG_STORAGE. */
rg_status audit_store_put(const struct audit_store *store, int directory_fd, const char *name, const char *temporary,
                          struct rg_slice bytes, bool is_synced) RG_MUST_CHECK;
/* Writes all bytes at the offset. RG_LIMIT when the disk is full (ENOSPC, EDQUOT), RG_STORAGE for anything else. */
rg_status audit_store_write(const struct audit_store *store, int fd, struct rg_slice bytes, uint64_t offset,
                            const char *name) RG_MUST_CHECK;
/* RG_LIMIT or RG_STORAGE as above: "<what> <name>: <error>". */
rg_status audit_store_fail(const char *what, const char *name, int negative_errno) RG_MUST_CHECK;
/* Syncs the directory that a path below directory_fd stands in. RG_STORAGE. */
rg_status audit_store_sync_parent(const struct audit_store *store, int directory_fd, const char *name) RG_MUST_CHECK;

#endif
