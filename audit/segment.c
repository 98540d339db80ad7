/* SPDX-License-Identifier: Apache-2.0 */
/* The active segment file: created exclusively, written with pwrite into zeroed space, synced, sealed. */
#include "audit/segment.h"

#include <errno.h>
#include <fcntl.h>

enum { ZEROS_BYTES = 256 * 1024 };

static const char zeros[ZEROS_BYTES];

static rg_status fail(const struct audit_segment *segment, const char *what, int negative_errno)
{
    return audit_store_fail(what, segment->name, negative_errno);
}

static rg_status open_file(struct audit_segment *segment, int from_fd, const char *from, int flags)
{
    const struct audit_store *store = segment->store;
    struct stat info;
    int fd = store->open(store->context, from_fd, from, flags | O_RDWR | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return fail(segment, "cannot open audit segment", fd);
    }
    int result = store->stat(store->context, fd, &info);
    if (result < 0 || !S_ISREG(info.st_mode)) {
        store->close(store->context, fd);
        return result < 0 ? fail(segment, "cannot stat audit segment", result)
                          : rg_fail(RG_STORAGE, "audit segment %s is not a regular file", segment->name);
    }
    segment->fd = fd;
    segment->is_open = true;
    segment->allocated = (uint64_t)info.st_size;
    segment->reaching = segment->allocated;
    segment->device = info.st_dev;
    segment->inode = info.st_ino;
    return RG_OK;
}

static struct audit_segment make(const struct audit_store *store, int directory_fd, uint64_t first_seq)
{
    struct audit_segment segment = {.store = store, .directory_fd = directory_fd, .first_seq = first_seq};
    audit_segment_name(first_seq, segment.name);
    return segment;
}

static rg_status sync_directory(const struct audit_store *store, int directory_fd)
{
    int result = store->sync_all(store->context, directory_fd);
    return result < 0 ? audit_store_fail("cannot sync the audit log's", "directory", result) : RG_OK;
}

rg_status audit_segment_create(const struct audit_store *store, int directory_fd, uint64_t first_seq,
                               struct audit_segment *out_segment)
{
    struct audit_segment segment = make(store, directory_fd, first_seq);
    RG_TRY(open_file(&segment, directory_fd, segment.name, O_CREAT | O_EXCL));
    rg_status status = sync_directory(store, directory_fd);
    if (!rg_is_ok(status)) {
        audit_segment_close(&segment);
        return status;
    }
    *out_segment = segment;
    return RG_OK;
}

static rg_status take_name(const struct audit_segment *segment, int from_fd, const char *from)
{
    const struct audit_store *store = segment->store;
    int result = store->rename(store->context, from_fd, from, segment->directory_fd, segment->name);
    if (result < 0) {
        return fail(segment, "cannot rename to audit segment", result);
    }
    RG_TRY(sync_directory(store, segment->directory_fd));
    return sync_directory(store, from_fd);
}

rg_status audit_segment_adopt(const struct audit_store *store, int directory_fd, uint64_t first_seq, int from_fd,
                              const char *from, struct audit_segment *out_segment)
{
    struct audit_segment segment = make(store, directory_fd, first_seq);
    RG_TRY(open_file(&segment, from_fd, from, 0));
    rg_status status = take_name(&segment, from_fd, from);
    if (!rg_is_ok(status)) {
        audit_segment_close(&segment);
        return status;
    }
    *out_segment = segment;
    return RG_OK;
}

rg_status audit_segment_open(const struct audit_store *store, int directory_fd, uint64_t first_seq, uint64_t used,
                             struct audit_segment *out_segment)
{
    struct audit_segment segment = make(store, directory_fd, first_seq);
    segment.used = used;
    segment.durable = used;
    RG_TRY(open_file(&segment, directory_fd, segment.name, 0));
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

rg_status audit_segment_fill(const struct audit_store *store, int fd, const char *name, uint64_t offset, uint64_t size)
{
    while (size > 0) {
        size_t piece = size < ZEROS_BYTES ? (size_t)size : ZEROS_BYTES;
        RG_TRY(audit_store_write(store, fd, rg_slice_make(zeros, piece), offset, name));
        offset += piece;
        size -= piece;
    }
    return RG_OK;
}

static rg_status fill_ahead(struct audit_segment *segment, uint64_t needed)
{
    while (segment->allocated < needed) {
        if (segment->reaching < segment->allocated + AUDIT_AHEAD_BYTES) {
            segment->reaching = segment->allocated + AUDIT_AHEAD_BYTES;
        }
        rg_status status =
            audit_segment_fill(segment->store, segment->fd, segment->name, segment->allocated, AUDIT_AHEAD_BYTES);
        if (!rg_is_ok(status)) {
            (void)segment->store->truncate(segment->store->context, segment->fd, segment->allocated);
            return status; /* what is left of the disk is for others */
        }
        segment->allocated += AUDIT_AHEAD_BYTES;
    }
    return RG_OK;
}

rg_status audit_segment_write(struct audit_segment *segment, struct rg_slice bytes)
{
    RG_TRY(fill_ahead(segment, segment->used + bytes.size));
    RG_TRY(audit_store_write(segment->store, segment->fd, bytes, segment->used, segment->name));
    segment->used += bytes.size;
    return RG_OK;
}

rg_status audit_segment_sync(struct audit_segment *segment)
{
    int result = segment->store->sync_data(segment->store->context, segment->fd);
    if (result < 0) {
        return rg_fail(RG_STORAGE, "cannot sync audit segment %s: %s", segment->name, strerror(-result));
    }
    segment->durable = segment->used;
    return RG_OK;
}

rg_status audit_segment_seal(struct audit_segment *segment)
{
    const struct audit_store *store = segment->store;
    int result = store->truncate(store->context, segment->fd, segment->used);
    if (result < 0) {
        return rg_fail(RG_STORAGE, "cannot cut the space ahead of audit segment %s: %s", segment->name,
                       strerror(-result));
    }
    segment->allocated = segment->used;
    segment->reaching = segment->used;
    result = store->sync_all(store->context, segment->fd);
    if (result < 0) {
        return rg_fail(RG_STORAGE, "cannot sync audit segment %s: %s", segment->name, strerror(-result));
    }
    segment->durable = segment->used;
    return RG_OK;
}

rg_status audit_segment_cut(struct audit_segment *segment)
{
    const struct audit_store *store = segment->store;
    int result = store->truncate(store->context, segment->fd, segment->durable);
    if (result < 0) {
        return rg_fail(RG_STORAGE, "cannot cut what is not durable of audit segment %s: %s", segment->name,
                       strerror(-result));
    }
    segment->used = segment->durable;
    segment->allocated = segment->used;
    segment->reaching = segment->used;
    (void)store->sync_all(store->context, segment->fd); /* the size: nothing is concluded from what it answers */
    return RG_OK;
}

rg_status audit_segment_watch(const struct audit_segment *segment)
{
    const struct audit_store *store = segment->store;
    struct stat live;
    struct stat named;
    int result = store->stat(store->context, segment->fd, &live);
    if (result < 0) {
        return fail(segment, "cannot stat audit segment", result);
    }
    if (live.st_nlink == 0) {
        return rg_fail(RG_STORAGE, "audit segment %s was deleted while in use", segment->name);
    }
    if ((uint64_t)live.st_size < segment->allocated || (uint64_t)live.st_size > segment->reaching) {
        return rg_fail(RG_STORAGE, "audit segment %s was changed in size by another", segment->name);
    }
    result = store->stat_at(store->context, segment->directory_fd, segment->name, &named);
    if (result < 0 || named.st_ino != segment->inode || named.st_dev != segment->device) {
        return rg_fail(RG_STORAGE, "audit segment %s was moved or replaced while in use", segment->name);
    }
    return RG_OK;
}
