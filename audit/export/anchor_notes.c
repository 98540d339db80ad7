/* SPDX-License-Identifier: Apache-2.0 */
/* Which signed checkpoints the log's directory holds, and which of them evidence cannot do without: those that end a
 * segment or an epoch. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/export/anchor_private.h"
#include "audit/manifest.h"
#include "audit/note.h"
#include "audit/publisher.h"
#include "audit/reader.h"
#include "base/rg_memory.h"

static void add_size(struct anchor_notes *notes, uint64_t size)
{
    if (notes->count == notes->capacity) {
        notes->capacity = notes->capacity == 0 ? 64 : 2 * notes->capacity;
        notes->sizes = rg_memory_resize(notes->sizes, notes->capacity * sizeof *notes->sizes);
    }
    notes->sizes[notes->count] = size;
    notes->count++;
}

static int compare_sizes(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

rg_status anchor_notes_list(const struct export_turn *turn, uint64_t above, uint64_t upto, struct anchor_notes *notes)
{
    int fd = openat(turn->directory_fd, "ckpt", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        int error = errno;
        audit_fd_done(&fd);
        return error == ENOENT ? RG_OK : rg_fail(RG_STORAGE, "cannot open ckpt/: %s", strerror(error));
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        uint64_t size = 0;
        if (depot_anchor_name_parse(rg_slice_of(entry->d_name), &size) && size > above && size <= upto) {
            add_size(notes, size);
        }
    }
    (void)closedir(directory);
    if (notes->count > 0) {
        qsort(notes->sizes, notes->count, sizeof *notes->sizes, compare_sizes);
    }
    return RG_OK;
}

/* A segment begins, or began, behind it. */
static bool is_segment_end(const struct export_turn *turn, uint64_t size)
{
    char path[AUDIT_MANIFEST_PATH_SIZE] = "seg/";
    struct stat info;
    audit_segment_name(size, path + sizeof "seg/" - 1);
    if (fstatat(turn->directory_fd, path, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        return true;
    }
    audit_manifest_path(size, path);
    return fstatat(turn->directory_fd, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A checkpoint, or nothing when it has gone: the publisher keeps of a closed epoch what ends it or a segment. */
rg_status anchor_note_load(const struct export_turn *turn, uint64_t size, struct rg_arena *arena,
                           struct rg_slice *out_bytes, uint32_t *out_key)
{
    char path[AUDIT_NOTE_PATH_SIZE];
    struct stat info;
    struct rg_slice bytes = {0};
    struct audit_note note = {0};
    audit_note_path(size, path);
    rg_status status = depot_read_file(turn->directory_fd, path, ANCHOR_NOTE_MAX, arena, &bytes);
    if (!rg_is_ok(status) && fstatat(turn->directory_fd, path, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        *out_bytes = (struct rg_slice){0};
        return RG_OK;
    }
    RG_TRY(status);
    status = audit_note_parse(bytes, &note);
    if (!rg_is_ok(status) || note.signature_count == 0) {
        return rg_fail(RG_STORAGE, "%s is no signed checkpoint: run `rowgate audit verify`", path);
    }
    *out_bytes = bytes;
    *out_key = note.signatures[0].id;
    return RG_OK;
}

/* The key that signs changes behind it: it ends its epoch. */
static rg_status is_epoch_end(const struct export_turn *turn, uint32_t key, uint64_t next_size, bool *out_is_end)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice next = {0};
    uint32_t next_key = key;
    rg_arena_init(&arena, 2 * ANCHOR_NOTE_MAX);
    RG_TRY(anchor_note_load(turn, next_size, &arena, &next, &next_key));
    *out_is_end = next_key != key;
    return RG_OK;
}

void anchor_notes_done(struct anchor_notes *notes)
{
    rg_memory_free(notes->sizes);
    *notes = (struct anchor_notes){0};
}

rg_status anchor_note_is_kept(const struct export_turn *turn, const struct anchor_notes *notes, size_t number,
                              uint32_t key, bool *out_is_kept)
{
    if (is_segment_end(turn, notes->sizes[number])) {
        *out_is_kept = true;
        return RG_OK;
    }
    *out_is_kept = false;
    return number + 1 < notes->count ? is_epoch_end(turn, key, notes->sizes[number + 1], out_is_kept) : RG_OK;
}
