/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_STORE_H
#define RG_AUDIT_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What the auditor needs of a file system, as an interface: tests make the Nth call fail, and a later
 * auditor process can bring its own. Each function returns a negative errno on failure, never sets
 * errno for the caller, and is called from the auditor's thread (or from auditor_open) only. */
struct audit_store {
    int (*open)(void *context, int directory_fd, const char *name, int flags, mode_t mode);      /* descriptor */
    int (*make_directory)(void *context, int directory_fd, const char *name);                    /* 0700; exists = 0 */
    ssize_t (*write_at)(void *context, int fd, const void *bytes, size_t size, uint64_t offset); /* bytes written */
    int (*sync_data)(void *context, int fd);                                                     /* fdatasync */
    int (*sync_all)(void *context, int fd); /* fsync; for directories too */
    int (*truncate)(void *context, int fd, uint64_t size);
    int (*stat)(void *context, int fd, struct stat *out_info);
    int (*stat_at)(void *context, int directory_fd, const char *name,
                   struct stat *out_info); /* does not follow links */
    int (*lock)(void *context, int fd);    /* exclusive, does not wait: -EWOULDBLOCK when another holds it */
    void (*close)(void *context, int fd);
    void *context;
};

/* Plain files. Static storage. */
const struct audit_store *audit_store_files(void);

#endif
