/* SPDX-License-Identifier: Apache-2.0 */
/* The active segment file: created exclusively, written with pwrite into zeroed space, synced, sealed. */
#include "audit/segment.h"

#include <errno.h>
#include <fcntl.h>

enum { AHEAD_BYTES = 4 * 1024 * 1024, ZEROS_BYTES = 256 * 1024 };

static const char zeros[ZEROS_BYTES];

static rg_status fail(const struct audit_segment *segment, const char *what, int negative_errno)
{
    return rg_fail(RG_STORAGE, "%s audit segment %s: %s", what, segment->name, strerror(-negative_errno));
}

static rg_status open_file(struct audit_segment *segment, int flags)
{
    const struct audit_store *store = segment->store;
    struct stat info;
    int fd = store->open(store->context, segment->directory_fd, segment->name, flags | O_RDWR | O_NOFOLLOW,
                         S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return fail(segment, "cannot open", fd);
    }
    int result = store->stat(store->context, fd, &info);
    if (result < 0 || !S_ISREG(info.st_mode)) {
        store->close(store->context, fd);
        return result < 0 ? fail(segment, "cannot stat", result)
                          : rg_fail(RG_STORAGE, "audit segment %s is not a regular file", segment->name);
    }
    segment->fd = fd;
    segment->is_open = true;
    segment->allocated = (uint64_t)info.st_size;
    segment->device = info.st_dev;
    segment->inode = info.st_ino;
    return RG_OK;
}

rg_status audit_segment_create(const struct audit_store *store, int directory_fd, uint64_t first_seq,
                               struct audit_segment *out_segment)
{
    struct audit_segment segment = {.store = store, .directory_fd = directory_fd};
    audit_segment_name(first_seq, segment.name);
    RG_TRY(open_file(&segment, O_CREAT | O_EXCL));
    int result = store->sync_all(store->context, directory_fd);
    if (result < 0) {
        audit_segment_close(&segment);
        return rg_fail(RG_STORAGE, "cannot sync the audit log's seg/: %s", strerror(-result));
    }
    *out_segment = segment;
    return RG_OK;
}

rg_status audit_segment_open(const struct audit_store *store, int directory_fd, uint64_t first_seq, uint64_t used,
                             struct audit_segment *out_segment)
{
    struct audit_segment segment = {.store = store, .directory_fd = directory_fd, .used = used};
    audit_segment_name(first_seq, segment.name);
    RG_TRY(open_file(&segment, 0));
    *out_segment = segment;
    return RG_OK;
}

void audit_segment_close(struct audit_segment *segment)
{
    if (segment->is_open) {
        segment->store->close(segment->store->context, segment->fd);
    }
    *segment = (struct audit_segment){0};
}

static rg_status write_all(struct audit_segment *segment, struct rg_slice bytes, uint64_t offset)
{
    const struct audit_store *store = segment->store;
    while (bytes.size > 0) {
        ssize_t written = store->write_at(store->context, segment->fd, bytes.data, bytes.size, offset);
        if (written <= 0) {
            return fail(segment, "cannot write", written == 0 ? -EIO : (int)written);
        }
        bytes = rg_slice_cut(bytes, (size_t)written, SIZE_MAX);
        offset += (uint64_t)written;
    }
    return RG_OK;
}

static rg_status fill_ahead(struct audit_segment *segment, uint64_t needed)
{
    while (segment->allocated < needed) {
        uint64_t end = segment->allocated + AHEAD_BYTES;
        for (uint64_t at = segment->allocated; at < end; at += ZEROS_BYTES) {
            RG_TRY(write_all(segment, rg_slice_make(zeros, ZEROS_BYTES), at));
        }
        segment->allocated = end;
    }
    return RG_OK;
}

rg_status audit_segment_write(struct audit_segment *segment, struct rg_slice bytes)
{
    RG_TRY(fill_ahead(segment, segment->used + bytes.size));
    RG_TRY(write_all(segment, bytes, segment->used));
    segment->used += bytes.size;
    return RG_OK;
}

rg_status audit_segment_sync(struct audit_segment *segment)
{
    int result = segment->store->sync_data(segment->store->context, segment->fd);
    return result < 0 ? fail(segment, "cannot sync", result) : RG_OK;
}

rg_status audit_segment_seal(struct audit_segment *segment)
{
    const struct audit_store *store = segment->store;
    int result = store->truncate(store->context, segment->fd, segment->used);
    if (result < 0) {
        return fail(segment, "cannot cut the space ahead of", result);
    }
    segment->allocated = segment->used;
    result = store->sync_all(store->context, segment->fd);
    return result < 0 ? fail(segment, "cannot sync", result) : RG_OK;
}

rg_status audit_segment_watch(const struct audit_segment *segment)
{
    const struct audit_store *store = segment->store;
    struct stat live;
    struct stat named;
    int result = store->stat(store->context, segment->fd, &live);
    if (result < 0) {
        return fail(segment, "cannot stat", result);
    }
    if (live.st_nlink == 0) {
        return rg_fail(RG_STORAGE, "audit segment %s was deleted while in use", segment->name);
    }
    if ((uint64_t)live.st_size != segment->allocated) {
        return rg_fail(RG_STORAGE, "audit segment %s was changed in size by another", segment->name);
    }
    result = store->stat_at(store->context, segment->directory_fd, segment->name, &named);
    if (result < 0 || named.st_ino != segment->inode || named.st_dev != segment->device) {
        return rg_fail(RG_STORAGE, "audit segment %s was moved or replaced while in use", segment->name);
    }
    return RG_OK;
}
