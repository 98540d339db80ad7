/* SPDX-License-Identifier: Apache-2.0 */
/* The index as files: who may write it, and whether it is as we left it. SQLite is audit/index.c's. */
#include "audit/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/rg_arena.h"

#define STAMP "search.stamp"

enum { STAMP_MAX = 160, PATH_ARENA = 64 * 1024 };

static rg_status trouble(const char *what)
{
    return rg_fail(RG_STORAGE, "cannot write idx/: %s: %s", what, strerror(errno));
}

static int lock(int fd, int how)
{
    int result = -1;
    do {
        result = flock(fd, how);
    } while (result != 0 && errno == EINTR);
    return result;
}

static bool describe(const struct audit_index_files *files, char out_text[STAMP_MAX])
{
    struct stat info;
    if (fstatat(files->directory_fd, AUDIT_INDEX_DATABASE, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    (void)snprintf(out_text, STAMP_MAX, "rowgate search 1 %ju %jd %jd.%09ld %jd.%09ld\n", (uintmax_t)info.st_ino,
                   (intmax_t)info.st_size, (intmax_t)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                   (intmax_t)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
    return true;
}

static bool has_stamp(const struct audit_index_files *files)
{
    char wanted[STAMP_MAX] = "";
    char found[STAMP_MAX] = "";
    int fd = openat(files->directory_fd, STAMP, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t size = fd < 0 ? -1 : read(fd, found, sizeof found - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    return size > 0 && describe(files, wanted) && strcmp(wanted, found) == 0;
}

static void throw_away(const struct audit_index_files *files)
{
    static const char *const names[] = {STAMP, AUDIT_INDEX_DATABASE, AUDIT_INDEX_DATABASE "-journal",
                                        AUDIT_INDEX_DATABASE "-wal", AUDIT_INDEX_DATABASE "-shm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unlinkat(files->directory_fd, names[i], 0);
    }
}

static rg_status open_directory(struct rg_slice directory, struct audit_index_files *files)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice path = {0};
    rg_arena_init(&arena, PATH_ARENA);
    RG_TRY(rg_arena_printf(&arena, &path, "%.*s/idx", RG_SLICE_ARGS(directory)));
    if (mkdir(path.data, 0700) != 0 && errno != EEXIST) {
        return trouble("mkdir");
    }
    files->directory_fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return files->directory_fd < 0 ? trouble("open") : RG_OK;
}

static rg_status check_space(const struct audit_index_files *files)
{
    struct statvfs info;
    if (fstatvfs(files->directory_fd, &info) == 0 && info.f_frsize > 0 &&
        info.f_bavail < AUDIT_INDEX_SPACE / info.f_frsize) {
        return rg_fail(RG_STORAGE, "idx/ is not written: less than %d MiB are free for the log",
                       AUDIT_INDEX_SPACE / 1024 / 1024);
    }
    return RG_OK;
}

static rg_status prepare(bool is_anew, struct audit_index_files *files)
{
    files->lock_fd = openat(files->directory_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (files->lock_fd < 0 || lock(files->lock_fd, LOCK_EX) != 0) {
        return trouble("lock");
    }
    if (is_anew || !has_stamp(files)) {
        throw_away(files);
    }
    int fd = openat(files->directory_fd, AUDIT_INDEX_DATABASE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return trouble(AUDIT_INDEX_DATABASE);
    }
    (void)close(fd); /* SQLite has not opened it yet, so no lock of its own is lost */
    return RG_OK;
}

rg_status audit_index_files_open(struct rg_slice directory, bool is_anew, struct audit_index_files *out_files)
{
    struct audit_index_files files = {.directory_fd = -1, .lock_fd = -1};
    rg_status status = open_directory(directory, &files);
    if (rg_is_ok(status)) {
        status = check_space(&files);
    }
    if (rg_is_ok(status)) {
        status = prepare(is_anew, &files);
    }
    if (!rg_is_ok(status)) {
        audit_index_files_close(&files);
        return status;
    }
    *out_files = files;
    return RG_OK;
}

void audit_index_files_close(struct audit_index_files *files)
{
    if (files->lock_fd >= 0) {
        (void)close(files->lock_fd);
    }
    if (files->directory_fd >= 0) {
        (void)close(files->directory_fd);
    }
    *files = (struct audit_index_files){.directory_fd = -1, .lock_fd = -1};
}

rg_status audit_index_files_stamp(const struct audit_index_files *files)
{
    char text[STAMP_MAX] = "";
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    if (!describe(files, text)) {
        return trouble(AUDIT_INDEX_DATABASE);
    }
    int fd = openat(files->directory_fd, STAMP, flags, 0600);
    ssize_t size = fd < 0 ? -1 : write(fd, text, strlen(text));
    if (fd >= 0) {
        (void)close(fd);
    }
    return size == (ssize_t)strlen(text) ? RG_OK : trouble(STAMP);
}

rg_status audit_index_files_share(const struct audit_index_files *files)
{
    return lock(files->lock_fd, LOCK_SH) == 0 ? RG_OK : trouble("lock");
}
