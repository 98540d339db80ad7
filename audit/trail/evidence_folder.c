/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that is there whole or not at all: made beside its place under another name, every file synced and hashed,
 * and renamed at the end. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/trail/evidence_private.h"

static rg_status trouble(const char *what, const char *path)
{
    return rg_fail(RG_STORAGE, "cannot %s %s: %s", what, path, strerror(errno));
}

rg_status evidence_folder_open(const char *target, struct evidence_folder *out_folder)
{
    uint64_t number = 0;
    struct stat info;
    size_t size = strlen(target);
    while (size > 1 && target[size - 1] == '/') {
        size--;
    }
    if (lstat(target, &info) == 0) {
        return rg_fail(RG_CONFIG, "%s exists: evidence is written into a new folder", target);
    }
    rg_random(&number, sizeof number);
    int used = snprintf(out_folder->path, sizeof out_folder->path, "%.*s.new-%016" PRIx64, (int)(size & 0xffff), target,
                        number);
    if (used < 0 || (size_t)used >= sizeof out_folder->path || size > 0xffff) {
        return rg_fail(RG_LIMIT, "the folder's name is too long");
    }
    out_folder->target = target;
    out_folder->count = 0;
    if (mkdir(out_folder->path, 0700) != 0) {
        return trouble("make", out_folder->path);
    }
    out_folder->fd = open(out_folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (out_folder->fd < 0) {
        rg_status status = trouble("open", out_folder->path);
        (void)rmdir(out_folder->path);
        return status;
    }
    return RG_OK;
}

rg_status evidence_write(int fd, struct rg_slice bytes)
{
    for (size_t done = 0; done < bytes.size;) {
        ssize_t size = write(fd, bytes.data + done, bytes.size - done);
        if (size < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot write the evidence: %s", strerror(errno));
        }
        done += size > 0 ? (size_t)size : 0;
    }
    return RG_OK;
}

rg_status evidence_folder_create(const struct evidence_folder *folder, const char *path, int *out_fd)
{
    char directory[64];
    const char *slash = strchr(path, '/');
    if (slash != NULL) {
        (void)snprintf(directory, sizeof directory, "%.*s", (int)((slash - path) & 0x3f), path);
        if (mkdirat(folder->fd, directory, 0700) != 0 && errno != EEXIST) {
            return trouble("make", directory);
        }
    }
    int fd = openat(folder->fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return trouble("make", path);
    }
    *out_fd = fd;
    return RG_OK;
}

rg_status evidence_folder_scratch(const struct evidence_folder *folder, int *out_fd)
{
    uint64_t number = 0;
    char name[32];
    rg_random(&number, sizeof number);
    (void)snprintf(name, sizeof name, ".scratch-%016" PRIx64, number);
    int fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || unlinkat(folder->fd, name, 0) != 0) {
        rg_status status = trouble("make", name);
        audit_fd_done(&fd);
        return status;
    }
    *out_fd = fd;
    return RG_OK;
}

rg_status evidence_folder_add(struct evidence_folder *folder, const char *path, int fd, uint64_t bytes,
                              const struct rg_digest *sha256)
{
    RG_ASSERT(folder->count < sizeof folder->files / sizeof folder->files[0]);
    if (fsync(fd) != 0) {
        return trouble("sync", path);
    }
    struct evidence_file *file = &folder->files[folder->count];
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    file->bytes = bytes;
    file->sha256 = *sha256;
    folder->count++;
    return RG_OK;
}

rg_status evidence_folder_put(struct evidence_folder *folder, const char *path, struct rg_slice bytes)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    struct rg_digest sha256 = rg_sha256_one(bytes);
    RG_TRY(evidence_folder_create(folder, path, &fd));
    RG_TRY(evidence_write(fd, bytes));
    return evidence_folder_add(folder, path, fd, bytes.size, &sha256);
}

/* ---- the end ---- */

static rg_status sync_directories(const struct evidence_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        char directory[64];
        const char *slash = strchr(folder->files[i].path, '/');
        if (slash == NULL) {
            continue;
        }
        (void)snprintf(directory, sizeof directory, "%.*s", (int)((slash - folder->files[i].path) & 0x3f),
                       folder->files[i].path);
        RG_AUTO(audit_fd_done) int fd = openat(folder->fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) != 0) {
            return trouble("sync", directory);
        }
    }
    return fsync(folder->fd) == 0 ? RG_OK : trouble("sync", folder->path);
}

/* The name stands in the directory above. */
static void sync_parent(const struct evidence_folder *folder)
{
    RG_AUTO(audit_fd_done) int fd = openat(folder->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
    }
}

rg_status evidence_folder_finish(struct evidence_folder *folder)
{
    RG_TRY(sync_directories(folder));
    if (renameat2(AT_FDCWD, folder->path, AT_FDCWD, folder->target, RENAME_NOREPLACE) != 0) {
        return errno == EEXIST ? rg_fail(RG_CONFIG, "%s exists by now", folder->target)
                               : trouble("name", folder->target);
    }
    sync_parent(folder);
    (void)close(folder->fd);
    folder->fd = -1;
    return RG_OK;
}

/* Every name in a directory below, or in the folder itself. */
static void remove_all(int directory_fd, bool is_top)
{
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(directory_fd, entry->d_name, 0) == 0 || !is_top) {
            continue;
        }
        RG_AUTO(audit_fd_done)
        int below = openat(directory_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (below >= 0) {
            remove_all(below, false);
            (void)unlinkat(directory_fd, entry->d_name, AT_REMOVEDIR);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}

void evidence_folder_clear(struct evidence_folder *folder)
{
    remove_all(folder->fd, true);
    folder->count = 0;
}

void evidence_folder_done(struct evidence_folder *folder)
{
    if (folder->fd < 0) {
        return;
    }
    remove_all(folder->fd, true);
    (void)close(folder->fd);
    folder->fd = -1;
    (void)rmdir(folder->path);
}
