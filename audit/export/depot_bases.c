/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the bases of pruned/ beside the evidence: when a lifecycle takes the bucket's first segments, the rest verifies
 * by the base of where it begins now. The auditor keeps each for some days when there is a bucket (prune_job.c), so
 * that none is missed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "audit/export/depot_private.h"
#include "audit/keep/base.h"
#include "audit/reader.h"

static rg_status put_one(struct depot *depot, uint64_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char path[AUDIT_BASE_PATH_SIZE];
    char key[S3_KEY_MAX + 1];
    struct rg_slice bytes = {0};
    struct depot_stored stored = {0};
    rg_arena_init(&arena, (size_t)AUDIT_BASE_MAX + 65536);
    audit_base_path(size, path);
    RG_TRY(depot_base_key(depot->node, size, key));
    if (faccessat(depot->turn->directory_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
        return RG_OK; /* just removed by the auditor */
    }
    RG_TRY(depot_read_file(depot->turn->directory_fd, path, AUDIT_BASE_MAX, &arena, &bytes));
    RG_TRY(depot_put(depot, key, "text/plain", bytes, &stored));
    return stored.is_other ? rg_fail(RG_PROTOCOL,
                                     "%.150s%.150s is another file than this log's: another log of this name is there, "
                                     "or somebody put it there",
                                     s3_name(depot->s3), key)
                           : RG_OK;
}

/* The smallest size behind `after`; 0 = none. */
static uint64_t find_next(DIR *directory, uint64_t after)
{
    uint64_t next = 0;
    rewinddir(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        uint64_t size = 0;
        bool is_one = depot_base_name_parse(rg_slice_of(entry->d_name), &size) && size > after;
        next = is_one && (next == 0 || size < next) ? size : next;
    }
    return next;
}

rg_status depot_put_bases(struct depot *depot)
{
    int fd = openat(depot->turn->directory_fd, "pruned", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    rg_status status = RG_OK;
    if (directory == NULL) {
        int error = errno;
        audit_fd_done(&fd);
        return error == ENOENT ? RG_OK : rg_fail(RG_STORAGE, "cannot open pruned/: %s", strerror(error));
    }
    for (uint64_t size; rg_is_ok(status) && (size = find_next(directory, depot->base_size)) > 0;) {
        status = put_one(depot, size);
        depot->base_size = rg_is_ok(status) ? size : depot->base_size;
    }
    (void)closedir(directory);
    return status;
}
