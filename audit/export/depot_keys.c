/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the public keys beside the evidence: root.vkey and the signed lists, also one that a rotation adds later. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/export/depot_private.h"
#include "audit/note.h"
#include "audit/reader.h"

rg_status depot_read_file(int directory_fd, const char *name, size_t limit_bytes, struct rg_arena *arena,
                          struct rg_slice *out_bytes)
{
    RG_AUTO(audit_fd_done) int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    void *memory = NULL;
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        return rg_fail(RG_STORAGE, "cannot read %s: %s", name, strerror(errno));
    }
    size_t size = (size_t)info.st_size;
    if (info.st_size < 0 || size > limit_bytes) {
        return rg_fail(RG_STORAGE, "%s has %lld bytes, limit %zu", name, (long long)info.st_size, limit_bytes);
    }
    RG_TRY(rg_arena_alloc(arena, size + 1, &memory));
    ssize_t got = pread(fd, memory, size, 0);
    if (got != info.st_size) {
        return rg_fail(RG_STORAGE, "cannot read %s: %s", name, got < 0 ? strerror(errno) : "it changes");
    }
    *out_bytes = rg_slice_make(memory, size);
    return RG_OK;
}

static rg_status put_one(struct depot *depot, const char *name)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char path[sizeof "keys/" + DEPOT_KEY_NAME_SIZE];
    char key[S3_KEY_MAX + 1];
    struct rg_slice bytes = {0};
    struct depot_stored stored = {0};
    rg_arena_init(&arena, AUDIT_NOTE_MAX + 1024);
    (void)snprintf(path, sizeof path, "keys/%s", name);
    int size = snprintf(key, sizeof key, "keys/v1/node=%s/%s", depot->node, name);
    if (size < 0 || (size_t)size >= sizeof key) {
        return rg_fail(RG_LIMIT, "the name of %s is too long for S3", path);
    }
    RG_TRY(depot_read_file(depot->turn->directory_fd, path, AUDIT_NOTE_MAX, &arena, &bytes));
    RG_TRY(depot_put(depot, key, "text/plain", bytes, &stored));
    return stored.is_other ? rg_fail(RG_PROTOCOL,
                                     "%.150s%.150s is another file than this log's: another log of this name is there, "
                                     "or somebody put it there",
                                     s3_name(depot->s3), key)
                           : RG_OK;
}

static bool is_known(const struct depot *depot, const char *name)
{
    for (size_t i = 0; i < depot->key_count; i++) {
        if (strcmp(depot->keys[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_key_file(const char *name)
{
    struct rg_slice text = rg_slice_of(name);
    struct rg_slice end = RG_SLICE(".note");
    return strcmp(name, "root.vkey") == 0 ||
           (text.size == sizeof "list-00000000.note" - 1 && rg_slice_has_prefix(text, RG_SLICE("list-")) &&
            rg_slice_is_equal(rg_slice_cut(text, text.size - end.size, SIZE_MAX), end));
}

static rg_status put_new(struct depot *depot, const char *name)
{
    if (!is_key_file(name) || is_known(depot, name) || depot->key_count == DEPOT_KEYS_MAX) {
        return RG_OK;
    }
    RG_TRY(put_one(depot, name));
    (void)snprintf(depot->keys[depot->key_count], DEPOT_KEY_NAME_SIZE, "%.23s", name);
    depot->key_count++;
    return RG_OK;
}

rg_status depot_put_keys(struct depot *depot)
{
    int fd = openat(depot->turn->directory_fd, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    rg_status status = RG_OK;
    if (directory == NULL) {
        int error = errno;
        audit_fd_done(&fd);
        return rg_fail(RG_STORAGE, "cannot open keys/: %s", strerror(error));
    }
    for (const struct dirent *entry; rg_is_ok(status) && (entry = readdir(directory)) != NULL;) {
        status = put_new(depot, entry->d_name);
    }
    (void)closedir(directory);
    return status;
}
