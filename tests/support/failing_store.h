/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_FAILING_STORE_H
#define RG_TESTS_SUPPORT_FAILING_STORE_H

#include <stdatomic.h>
#include <unistd.h>

#include "audit/store.h"

enum failing_mode {
    FAILING_FROM = 0, /* the Nth call fails, and from then on every one, as on a broken disk */
    FAILING_ONCE,
    FAILING_EXIT /* the process ends before the Nth call */
};

enum { FAILING_STATUS = 9 };

/* A store that fails its Nth call. */
struct failing {
    const struct audit_store *files;
    atomic_int calls;
    atomic_int syncs;
    int fail_at; /* 0 = never */
    int error;
    enum failing_mode mode;
    uint64_t free_bytes; /* what it says of the disk; 0 = the truth */
};

static inline bool is_failing(struct failing *failing)
{
    int call = atomic_fetch_add(&failing->calls, 1) + 1;
    if (failing->mode == FAILING_EXIT && call == failing->fail_at) {
        _exit(FAILING_STATUS);
    }
    return failing->mode == FAILING_ONCE ? call == failing->fail_at : failing->fail_at != 0 && call >= failing->fail_at;
}

static inline int failing_open(void *context, int directory_fd, const char *name, int flags, mode_t mode)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->open(NULL, directory_fd, name, flags, mode);
}

static inline int failing_make_directory(void *context, int directory_fd, const char *name)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->make_directory(NULL, directory_fd, name);
}

/* The failing write is a short one first: half of it reaches the file. */
static inline ssize_t failing_write_at(void *context, int fd, const void *bytes, size_t size, uint64_t offset)
{
    struct failing *failing = context;
    if (!is_failing(failing)) {
        return failing->files->write_at(NULL, fd, bytes, size, offset);
    }
    (void)failing->files->write_at(NULL, fd, bytes, size / 2, offset);
    return -failing->error;
}

static inline int failing_sync_data(void *context, int fd)
{
    struct failing *failing = context;
    atomic_fetch_add(&failing->syncs, 1);
    return is_failing(failing) ? -failing->error : failing->files->sync_data(NULL, fd);
}

static inline int failing_sync_all(void *context, int fd)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->sync_all(NULL, fd);
}

static inline int failing_truncate(void *context, int fd, uint64_t size)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->truncate(NULL, fd, size);
}

static inline int failing_stat(void *context, int fd, struct stat *out_info)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->stat(NULL, fd, out_info);
}

static inline int failing_stat_at(void *context, int directory_fd, const char *name, struct stat *out_info)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->stat_at(NULL, directory_fd, name, out_info);
}

static inline int failing_rename(void *context, int from_fd, const char *from, int to_fd, const char *to)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->rename(NULL, from_fd, from, to_fd, to);
}

static inline int failing_remove(void *context, int directory_fd, const char *name, bool is_directory)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->remove(NULL, directory_fd, name, is_directory);
}

static inline int failing_free_space(void *context, int fd, uint64_t *out_bytes)
{
    struct failing *failing = context;
    if (!is_failing(failing) && failing->free_bytes != 0) {
        *out_bytes = failing->free_bytes;
        return 0;
    }
    return failing->files->free_space(NULL, fd, out_bytes);
}

static inline int failing_lock(void *context, int fd)
{
    struct failing *failing = context;
    return is_failing(failing) ? -failing->error : failing->files->lock(NULL, fd);
}

static inline void failing_close(void *context, int fd)
{
    struct failing *failing = context;
    failing->files->close(NULL, fd);
}

static inline struct audit_store failing_store(struct failing *failing)
{
    return (struct audit_store){.open = failing_open,
                                .make_directory = failing_make_directory,
                                .write_at = failing_write_at,
                                .sync_data = failing_sync_data,
                                .sync_all = failing_sync_all,
                                .truncate = failing_truncate,
                                .stat = failing_stat,
                                .stat_at = failing_stat_at,
                                .rename = failing_rename,
                                .remove = failing_remove,
                                .free_space = failing_free_space,
                                .lock = failing_lock,
                                .close = failing_close,
                                .context = failing};
}

#endif
