/* SPDX-License-Identifier: Apache-2.0 */
/* A log's directory as those see it who make trails and proofs: keys, the checkpoint that everything will hang on, and
 * proofs in its tree. Reads only, in an order that a running rowgate cannot upset: the checkpoint first, and whatever
 * it covers is on the disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/trail/trail_private.h"

enum { FILE_NAME_SIZE = 40, CHECKPOINT_BYTES_MAX = 64 * 1024 };

static rg_status load_file(int directory_fd, const char *name, size_t limit_bytes, struct rg_arena *arena,
                           struct rg_slice *out_bytes)
{
    RG_AUTO(audit_fd_done) int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat info;
    void *memory = NULL;
    size_t got = 0;
    if (fd < 0 || fstat(fd, &info) != 0) {
        return rg_fail(RG_STORAGE, "cannot open %s: %s", name, strerror(errno));
    }
    if (!S_ISREG(info.st_mode) || info.st_size < 0 || (uint64_t)info.st_size > limit_bytes) {
        return rg_fail(RG_STORAGE, "%s is no file of at most %zu bytes", name, limit_bytes);
    }
    RG_TRY(rg_arena_alloc(arena, (size_t)info.st_size + 1, &memory));
    while (got < (size_t)info.st_size) {
        ssize_t piece = pread(fd, (char *)memory + got, (size_t)info.st_size - got, (off_t)got);
        if (piece == 0 || (piece < 0 && errno != EINTR)) {
            return rg_fail(RG_STORAGE, "cannot read %s", name);
        }
        got += piece > 0 ? (size_t)piece : 0;
    }
    *out_bytes = rg_slice_make(memory, got);
    return RG_OK;
}

rg_status trail_log_list(const struct trail_log *log, uint64_t first_epoch, struct rg_slice *out_note)
{
    char name[FILE_NAME_SIZE];
    (void)snprintf(name, sizeof name, "keys/list-%08" PRIu64 ".note", first_epoch);
    return load_file(log->directory_fd, name, AUDIT_NOTE_MAX, log->arena, out_note);
}

/* ---- the checkpoint ---- */

/* The log.checkpoint record that a checkpoint of this size was made behind, and its epoch. */
static rg_status find_top(const struct trail_log *log, uint64_t size, struct rg_slice *out_line, uint64_t *out_epoch)
{
    for (uint64_t back = 1; back <= 2 && back <= size; back++) {
        struct trail_state state = {0};
        struct rg_slice line = {0};
        RG_TRY(trail_log_line(log, size - back, &line));
        if (rg_is_ok(trail_state_parse(line, &state))) {
            *out_line = line;
            *out_epoch = state.epoch;
            return RG_OK;
        }
    }
    return rg_fail(RG_STORAGE, "a checkpoint that no log.checkpoint record stands before");
}

static rg_status take_note(struct trail_log *log, const char *name, enum trail_need need)
{
    struct trail_checkpoint checkpoint = {0};
    struct audit_checkpoint parsed = {0};
    struct audit_note note = {0};
    struct audit_vkey key = {0};
    struct rg_slice top = {0};
    RG_TRY(load_file(log->directory_fd, name, CHECKPOINT_BYTES_MAX, log->arena, &checkpoint.bytes));
    RG_TRY(audit_note_parse(checkpoint.bytes, &note));
    RG_TRY(audit_checkpoint_parse(note.text, &parsed));
    if (!rg_slice_is_equal(parsed.origin, log->keys.origin) || parsed.size == 0) {
        return rg_fail(RG_STORAGE, "%s is no checkpoint of this log", name);
    }
    if (need == TRAIL_NEED_TOP) {
        RG_TRY(find_top(log, parsed.size, &top, &checkpoint.epoch));
        RG_TRY(audit_keys_vkey(&log->keys, checkpoint.epoch, &key));
    }
    bool is_signed = need == TRAIL_NEED_CHECKPOINT ||
                     (need == TRAIL_NEED_TOP ? audit_note_is_signed_by(&note, &key)
                                             : trail_signer_find(&note, &log->keys, &checkpoint.epoch));
    if (!is_signed) {
        return rg_fail(RG_STORAGE, "%s is not signed by the key of its epoch", name);
    }
    checkpoint.size = parsed.size;
    checkpoint.root = parsed.root;
    log->checkpoint = checkpoint;
    log->top = top;
    return RG_OK;
}

static int compare_down(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x < *y) - (*x > *y);
}

/* The sizes in ckpt/, the largest first. */
static rg_status find_sizes(const struct trail_log *log, struct rg_buf *out_sizes)
{
    int fd = openat(log->directory_fd, "ckpt", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    rg_status status = RG_OK;
    if (directory == NULL) {
        audit_fd_done(&fd);
        return RG_OK;
    }
    for (const struct dirent *entry; rg_is_ok(status) && (entry = readdir(directory)) != NULL;) {
        struct rg_slice name = rg_slice_of(entry->d_name);
        uint64_t size = 0;
        if (rg_slice_is_equal(rg_slice_cut(name, AUDIT_DIGITS, SIZE_MAX), RG_SLICE(".note")) &&
            audit_line_digits_parse(rg_slice_cut(name, 0, AUDIT_DIGITS), &size)) {
            status = rg_buf_put(out_sizes, rg_slice_make(&size, sizeof size));
        }
    }
    (void)closedir(directory);
    return status;
}

static rg_status take_newest(struct trail_log *log, enum trail_need need)
{
    RG_AUTO(rg_buf_done) struct rg_buf sizes;
    char reason[160];
    rg_buf_init(&sizes, 64 << 20);
    rg_status status = take_note(log, "head.note", need);
    if (rg_is_ok(status)) {
        return RG_OK;
    }
    (void)snprintf(reason, sizeof reason, "%.159s", status.error->text);
    RG_TRY(find_sizes(log, &sizes));
    size_t count = rg_buf_size(&sizes) / sizeof(uint64_t);
    uint64_t *items = NULL;
    RG_TRY(rg_arena_array(log->arena, count + 1, sizeof *items, (void **)&items));
    if (count > 0) {
        memcpy(items, rg_buf_slice(&sizes).data, count * sizeof *items);
        qsort(items, count, sizeof *items, compare_down);
    }
    for (size_t i = 0; i < count; i++) {
        char name[FILE_NAME_SIZE];
        (void)snprintf(name, sizeof name, "ckpt/%016" PRIu64 ".note", items[i]);
        if (rg_is_ok(take_note(log, name, need))) {
            return RG_OK;
        }
    }
    return rg_fail(RG_STORAGE, "no checkpoint to prove anything by: %s", reason);
}

static rg_status load_keys(struct trail_log *log, enum trail_need need)
{
    if (need == TRAIL_NEED_CHECKPOINT) {
        return audit_origin_load(log->directory_fd, log->arena, &log->keys.origin);
    }
    RG_TRY(audit_keys_load(log->directory_fd, NULL, log->arena, &log->keys));
    const struct rg_digest keys_root = audit_keys_genesis_root(&log->keys);
    log->genesis = audit_line_genesis(log->keys.origin, &keys_root);
    return RG_OK;
}

rg_status trail_log_open(struct rg_slice directory, enum trail_need need, struct rg_arena *arena,
                         struct trail_log *out_log)
{
    *out_log = (struct trail_log){.directory_fd = -1, .arena = arena};
    RG_TRY(audit_directory_open(directory, arena, &out_log->directory_fd));
    RG_TRY(load_keys(out_log, need));
    RG_TRY(audit_segments_load(out_log->directory_fd, arena, &out_log->segments));
    RG_TRY(rg_arena_new(arena, &out_log->tiles));
    out_log->tiles->directory_fd = out_log->directory_fd;
    return take_newest(out_log, need);
}

void trail_log_done(struct trail_log *log)
{
    audit_fd_done(&log->directory_fd);
    log->directory_fd = -1;
}

rg_status trail_log_prove(const struct trail_log *log, uint64_t seq, const struct rg_digest *leaf,
                          struct trail_path *out_path)
{
    const struct audit_tree_source source = {.get = trail_tiles_get, .context = log->tiles};
    const struct trail_checkpoint *checkpoint = &log->checkpoint;
    struct trail_path path = {0};
    RG_TRY(audit_tree_prove_inclusion(&source, seq, checkpoint->size, log->arena, &path.hashes, &path.count));
    if (!audit_tree_check_inclusion(leaf, seq, checkpoint->size, path.hashes, path.count, &checkpoint->root)) {
        return rg_fail(RG_STORAGE,
                       "record %" PRIu64 " or the tiles are not those that were signed: `rowgate audit verify` tells "
                       "more",
                       seq);
    }
    *out_path = path;
    return RG_OK;
}
