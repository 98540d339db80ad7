/* SPDX-License-Identifier: Apache-2.0 */
/* The audit store over plain files: one system call each, interrupted calls repeated, errno as result. */
#include "audit/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int file_open(void *context, int directory_fd, const char *name, int flags, mode_t mode)
{
    (void)context;
    int fd = -1;
    do {
        fd = openat(directory_fd, name, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

static int file_make_directory(void *context, int directory_fd, const char *name)
{
    (void)context;
    return mkdirat(directory_fd, name, S_IRWXU) == 0 || errno == EEXIST ? 0 : -errno;
}

static ssize_t file_write_at(void *context, int fd, const void *bytes, size_t size, uint64_t offset)
{
    (void)context;
    ssize_t written = -1;
    do {
        written = pwrite(fd, bytes, size, (off_t)offset);
    } while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : written;
}

/* A failed sync is never repeated: the kernel may have dropped the pages and would say "fine". */
static int file_sync_data(void *context, int fd)
{
    (void)context;
    return fdatasync(fd) == 0 ? 0 : -errno;
}

static int file_sync_all(void *context, int fd)
{
    (void)context;
    return fsync(fd) == 0 ? 0 : -errno;
}

static int file_truncate(void *context, int fd, uint64_t size)
{
    (void)context;
    return ftruncate(fd, (off_t)size) == 0 ? 0 : -errno;
}

static int file_stat(void *context, int fd, struct stat *out_info)
{
    (void)context;
    return fstat(fd, out_info) == 0 ? 0 : -errno;
}

static int file_stat_at(void *context, int directory_fd, const char *name, struct stat *out_info)
{
    (void)context;
    return fstatat(directory_fd, name, out_info, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

static int file_lock(void *context, int fd)
{
    (void)context;
    return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}

static void file_close(void *context, int fd)
{
    (void)context;
    (void)close(fd);
}

static const struct audit_store files = {
    .open = file_open,
    .make_directory = file_make_directory,
    .write_at = file_write_at,
    .sync_data = file_sync_data,
    .sync_all = file_sync_all,
    .truncate = file_truncate,
    .stat = file_stat,
    .stat_at = file_stat_at,
    .lock = file_lock,
    .close = file_close,
};

const struct audit_store *audit_store_files(void)
{
    return &files;
}
