/* SPDX-License-Identifier: Apache-2.0 */
/* The files that the publisher writes: tiles, checkpoints, manifests. Each is put whole under a temporary name and
 * renamed; all of them can be made again from the records, but the checkpoints, which the epoch's key has signed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/line.h"
#include "audit/publisher_private.h"

#define TEMPORARY "publisher.new"

void audit_note_path(uint64_t size, char out_path[AUDIT_NOTE_PATH_SIZE])
{
    RG_ASSERT(size < UINT64_C(10000000000000000));
    (void)snprintf(out_path, AUDIT_NOTE_PATH_SIZE, "ckpt/%016" PRIu64 ".note", size);
}

static rg_status put(const struct audit_press *press, const char *path, struct rg_slice bytes, bool is_synced)
{
    return audit_store_put(press->store, press->directory_fd, path, TEMPORARY, bytes, is_synced);
}

/* Makes the directories that the path stands in. */
static rg_status make_parents(const struct audit_press *press, const char *path)
{
    char parent[AUDIT_TILE_PATH_SIZE];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t size = (size_t)(slash - path);
        memcpy(parent, path, size);
        parent[size] = '\0';
        int result = press->store->make_directory(press->store->context, press->directory_fd, parent);
        if (result < 0) {
            return rg_fail(RG_STORAGE, "cannot create %s: %s", parent, strerror(-result));
        }
    }
    return RG_OK;
}

static rg_status put_tile(const struct audit_press *press, unsigned level, uint64_t index,
                          const struct rg_digest *hashes, unsigned width)
{
    char path[AUDIT_TILE_PATH_SIZE];
    audit_tile_path(level, index, width, path);
    RG_TRY(make_parents(press, path));
    return put(press, path, rg_slice_make(hashes, (size_t)width * RG_SHA256_SIZE), false);
}

static rg_status put_full(void *context, unsigned level, uint64_t index, const struct rg_digest *hashes, unsigned width)
{
    const struct audit_press *press = context;
    return put_tile(press, level, index, hashes, width);
}

rg_status audit_press_append(struct audit_press *press, const struct rg_digest *leaf)
{
    const struct audit_tile_sink sink = {.put = put_full, .context = press};
    RG_TRY(audit_tiles_append(&press->tiles, leaf, &sink));
    audit_tree_append(&press->tree, leaf);
    return RG_OK;
}

static rg_status put_partial(void *context, unsigned level, uint64_t index, const struct rg_digest *hashes,
                             unsigned width)
{
    struct audit_press *press = context;
    struct audit_partial partial = {.index = index, .width = width};
    press->new_partials[level] = partial;
    if (memcmp(&press->partials[level], &partial, sizeof partial) == 0) {
        return RG_OK; /* it stands there */
    }
    return put_tile(press, level, index, hashes, width);
}

static void remove_path(const struct audit_press *press, const char *path, bool is_directory)
{
    int result = press->store->remove(press->store->context, press->directory_fd, path, is_directory);
    (void)result; /* what stays does no harm */
}

/* The partial tiles of the checkpoint before: the new ones hold all of theirs. */
static void drop_old_partials(struct audit_press *press)
{
    for (unsigned level = 0; level < AUDIT_TILE_LEVELS; level++) {
        const struct audit_partial old = press->partials[level];
        const struct audit_partial new = press->new_partials[level];
        char path[AUDIT_TILE_PATH_SIZE];
        press->partials[level] = new;
        if (old.width == 0 || (old.index == new.index &&old.width == new.width)) {
            continue;
        }
        audit_tile_path(level, old.index, old.width, path);
        remove_path(press, path, false);
        if (old.index != new.index || new.width == 0) {
            *strrchr(path, '/') = '\0';
            remove_path(press, path, true);
        }
    }
}

rg_status audit_press_sign(struct audit_press *press, bool is_kept, bool is_synced)
{
    const struct audit_tile_sink sink = {.put = put_partial, .context = press};
    const struct audit_checkpoint checkpoint = {
        .origin = press->origin, .size = press->tree.size, .root = audit_tree_root(&press->tree)};
    char path[AUDIT_NOTE_PATH_SIZE];
    audit_note_path(press->tree.size, path);
    memset(press->new_partials, 0, sizeof press->new_partials);
    RG_TRY(audit_tiles_flush(&press->tiles, &sink));
    rg_buf_clear(&press->note);
    RG_TRY(audit_signer_sign(press->signer, &checkpoint, &press->note));
    if (is_kept) {
        RG_TRY(put(press, path, rg_buf_slice(&press->note), is_synced));
    }
    RG_TRY(put(press, "head.note", rg_buf_slice(&press->note), is_synced));
    drop_old_partials(press);
    return RG_OK;
}

static rg_status hash_file(struct audit_press *press, int fd, uint64_t bytes)
{
    enum { PIECE = 256 * 1024 };
    RG_AUTO(rg_buf_done) struct rg_buf memory;
    rg_buf_init(&memory, PIECE);
    char *piece = NULL;
    RG_TRY(rg_buf_reserve(&memory, PIECE, &piece));
    while (press->hashed_bytes < bytes) {
        uint64_t left = bytes - press->hashed_bytes;
        ssize_t got = pread(fd, piece, left < PIECE ? (size_t)left : PIECE, (off_t)press->hashed_bytes);
        if (got <= 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot read the audit segment of record %" PRIu64 ": %s", press->hashed_first,
                           got == 0 ? "it ends too early" : strerror(errno));
        }
        if (got > 0) {
            rg_sha256_put(press->stream, rg_slice_make(piece, (size_t)got));
            press->hashed_bytes += (uint64_t)got;
        }
    }
    return RG_OK;
}

rg_status audit_press_hash(struct audit_press *press, uint64_t first_seq, uint64_t bytes)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    if (press->hashed_first != first_seq || press->hashed_bytes > bytes) {
        (void)rg_sha256_end(press->stream);
        press->hashed_first = first_seq;
        press->hashed_bytes = 0;
    }
    RG_TRY(audit_segment_open_read(press->directory_fd, first_seq, &fd));
    return hash_file(press, fd, bytes);
}

static rg_status put_manifest(struct audit_press *press, const struct audit_ended *ended)
{
    struct audit_manifest manifest = {.origin = press->origin,
                                      .first_seq = ended->first_seq,
                                      .record_count = ended->size - ended->first_seq,
                                      .bytes = ended->bytes,
                                      .root = ended->root};
    char path[AUDIT_MANIFEST_PATH_SIZE];
    RG_TRY(audit_press_hash(press, ended->first_seq, ended->bytes));
    manifest.sha256 = rg_sha256_end(press->stream);
    press->hashed_bytes = 0; /* if it must be done again, then from the start */
    rg_buf_clear(&press->note);
    RG_TRY(audit_manifest_encode(&manifest, &press->note));
    audit_manifest_path(ended->first_seq, path);
    return put(press, path, rg_buf_slice(&press->note), true);
}

rg_status audit_press_manifest(struct audit_press *press)
{
    struct audit_ended ended;
    if (rg_buf_size(&press->ended) == 0) {
        return RG_OK;
    }
    memcpy(&ended, rg_buf_slice(&press->ended).data, sizeof ended);
    RG_TRY(put_manifest(press, &ended));
    rg_buf_consume(&press->ended, sizeof ended);
    return RG_OK;
}

static bool is_note_name(const char *name, uint64_t *out_size)
{
    struct rg_slice text = rg_slice_of(name);
    return rg_slice_is_equal(rg_slice_cut(text, AUDIT_DIGITS, SIZE_MAX), RG_SLICE(".note")) &&
           audit_line_digits_parse(rg_slice_cut(text, 0, AUDIT_DIGITS), out_size);
}

/* A segment that starts there: the one before was sealed at this size. */
static bool is_segment_end(const struct audit_press *press, uint64_t size)
{
    char path[AUDIT_SEGMENT_NAME_SIZE + sizeof "seg/"] = "seg/";
    struct stat info;
    audit_segment_name(size, path + sizeof "seg/" - 1);
    return press->store->stat_at(press->store->context, press->directory_fd, path, &info) == 0;
}

void audit_press_thin(struct audit_press *press, uint64_t size)
{
    int fd = openat(press->directory_fd, "ckpt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        audit_fd_done(&fd);
        return;
    }
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        uint64_t found = 0;
        char path[AUDIT_NOTE_PATH_SIZE];
        if (is_note_name(entry->d_name, &found) && found > press->epoch_size && found < size &&
            !is_segment_end(press, found)) {
            audit_note_path(found, path);
            remove_path(press, path, false);
        }
    }
    (void)closedir(directory);
}
