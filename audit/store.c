/* SPDX-License-Identifier: Apache-2.0 */
/* The audit store over plain files: one system call each, interrupted calls repeated, errno as result. */
#include "audit/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/statvfs.h>
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

static int file_rename(void *context, int from_fd, const char *from, int to_fd, const char *to)
{
    (void)context;
    return renameat(from_fd, from, to_fd, to) == 0 ? 0 : -errno;
}

static int file_remove(void *context, int directory_fd, const char *name, bool is_directory)
{
    (void)context;
    return unlinkat(directory_fd, name, is_directory ? AT_REMOVEDIR : 0) == 0 ? 0 : -errno;
}

static int file_free_space(void *context, int fd, uint64_t *out_bytes)
{
    (void)context;
    struct statvfs info;
    if (fstatvfs(fd, &info) != 0) {
        return -errno;
    }
    *out_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return 0;
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
    .rename = file_rename,
    .remove = file_remove,
    .free_space = file_free_space,
    .lock = file_lock,
    .close = file_close,
};

const struct audit_store *audit_store_files(void)
{
    return &files;
}

rg_status audit_store_fail(const char *what, const char *name, int negative_errno)
{
    bool is_full = negative_errno == -ENOSPC || negative_errno == -EDQUOT;
    return rg_fail(is_full ? RG_LIMIT : RG_STORAGE, "%s %s: %s", what, name, strerror(-negative_errno));
}

rg_status audit_store_write(const struct audit_store *store, int fd, struct rg_slice bytes, uint64_t offset,
                            const char *name)
{
    while (bytes.size > 0) {
        ssize_t written = store->write_at(store->context, fd, bytes.data, bytes.size, offset);
        if (written <= 0) {
            return audit_store_fail("cannot write", name, written == 0 ? -EIO : (int)written);
        }
        bytes = rg_slice_cut(bytes, (size_t)written, SIZE_MAX);
        offset += (uint64_t)written;
    }
    return RG_OK;
}

rg_status audit_store_sync_parent(const struct audit_store *store, int directory_fd, const char *name)
{
    enum { PATH_SIZE = 128 };
    char parent[PATH_SIZE] = ".";
    const char *slash = strrchr(name, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - name);
    RG_ASSERT(size < sizeof parent);
    if (size > 0) {
        memcpy(parent, name, size);
        parent[size] = '\0';
    }
    int fd = store->open(store->context, directory_fd, parent, O_RDONLY | O_DIRECTORY, 0);
    int result = fd < 0 ? fd : store->sync_all(store->context, fd);
    if (fd >= 0) {
        store->close(store->context, fd);
    }
    return result < 0 ? rg_fail(RG_STORAGE, "cannot sync the audit log's directory of %s: %s", name, strerror(-result))
                      : RG_OK;
}

static rg_status fill_file(const struct audit_store *store, int fd, const char *name, struct rg_slice bytes,
                           bool is_synced)
{
    RG_TRY(audit_store_write(store, fd, bytes, 0, name));
    int result = is_synced ? store->sync_all(store->context, fd) : 0;
    return result < 0 ? audit_store_fail("cannot sync", name, result) : RG_OK;
}

static rg_status put_file(const struct audit_store *store, int directory_fd, const char *name, const char *temporary,
                          struct rg_slice bytes, bool is_synced)
{
    int fd = store->open(store->context, directory_fd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW,
                         S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return audit_store_fail("cannot create", name, fd);
    }
    rg_status status = fill_file(store, fd, name, bytes, is_synced);
    store->close(store->context, fd);
    RG_TRY(status);
    int result = store->rename(store->context, directory_fd, temporary, directory_fd, name);
    if (result < 0) {
        return audit_store_fail("cannot rename", name, result);
    }
    return is_synced ? audit_store_sync_parent(store, directory_fd, name) : RG_OK;
}

rg_status audit_store_put(const struct audit_store *store, int directory_fd, const char *name, const char *temporary,
                          struct rg_slice bytes, bool is_synced)
{
    rg_status status = put_file(store, directory_fd, name, temporary, bytes, is_synced);
    return rg_is_ok(status) ? status : rg_fail(RG_STORAGE, "%s", status.error->text);
}
