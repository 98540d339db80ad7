/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of recovery: the newest checkpoint whose signature holds. What it covers must be there, unchanged; its
 * tiles can be made again from the records, once their root was found to be the signed one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/keep/base.h"
#include "audit/log_private.h"
#include "base/rg_memory.h"

enum { NOTE_BYTES_MAX = 32 * 1024 };
#define TEMPORARY "publisher.new" /* the publisher does not run yet */

/* A small file; false when it cannot be had. */
static bool load_file(int directory_fd, const char *name, char *memory, size_t limit_bytes, struct rg_slice *out_bytes)
{
    RG_AUTO(audit_fd_done) int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    size_t size = 0;
    while (fd >= 0 && size < limit_bytes) {
        ssize_t got = pread(fd, memory + size, limit_bytes - size, (off_t)size);
        if (got < 0 && errno != EINTR) {
            return false;
        }
        if (got == 0) {
            break;
        }
        size += got > 0 ? (size_t)got : 0;
    }
    *out_bytes = rg_slice_make(memory, size);
    return fd >= 0;
}

struct finder {
    const struct audit_log *log;
    const uint32_t *ids; /* of the keys of all epochs */
    char *memory;        /* NOTE_BYTES_MAX */
};

/* The epoch whose key signed it. Ids are distinct. */
static bool find_signer(const struct finder *finder, const struct audit_note *note, uint64_t *out_epoch)
{
    for (size_t i = 0; i < note->signature_count; i++) {
        for (uint64_t epoch = 0; epoch < finder->log->keys->epoch_count; epoch++) {
            struct audit_vkey key = {0};
            if (finder->ids[epoch] == note->signatures[i].id &&
                rg_is_ok(audit_keys_vkey(finder->log->keys, epoch, &key)) && audit_note_is_signed_by(note, &key)) {
                *out_epoch = epoch;
                return true;
            }
        }
    }
    return false;
}

static bool read_note(const struct finder *finder, const char *name, struct audit_floor *out_floor)
{
    struct rg_slice bytes = {0};
    struct audit_note note = {0};
    struct audit_checkpoint checkpoint = {0};
    uint64_t epoch = 0;
    if (!load_file(finder->log->directory_fd, name, finder->memory, NOTE_BYTES_MAX, &bytes) ||
        !rg_is_ok(audit_note_parse(bytes, &note)) || !rg_is_ok(audit_checkpoint_parse(note.text, &checkpoint)) ||
        !rg_slice_is_equal(checkpoint.origin, finder->log->origin) || !find_signer(finder, &note, &epoch)) {
        return false;
    }
    *out_floor = (struct audit_floor){.size = checkpoint.size, .epoch = epoch, .root = checkpoint.root};
    return true;
}

static int compare_down(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x < *y) - (*x > *y);
}

static rg_status collect(DIR *directory, struct rg_buf *sizes)
{
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        struct rg_slice text = rg_slice_of(entry->d_name);
        uint64_t size = 0;
        if (rg_slice_is_equal(rg_slice_cut(text, AUDIT_DIGITS, SIZE_MAX), RG_SLICE(".note")) &&
            audit_line_digits_parse(rg_slice_cut(text, 0, AUDIT_DIGITS), &size)) {
            RG_TRY(rg_buf_put(sizes, rg_slice_make(&size, sizeof size)));
        }
    }
    return RG_OK;
}

static rg_status list_sizes(const struct audit_log *log, struct rg_buf *sizes)
{
    int fd = openat(log->directory_fd, "ckpt", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        return RG_OK;
    }
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        int error = errno;
        audit_fd_done(&fd);
        return rg_fail(RG_STORAGE, "cannot read ckpt/: %s", strerror(error));
    }
    rg_status status = collect(directory, sizes);
    (void)closedir(directory);
    RG_TRY(status);
    if (rg_buf_size(sizes) > 0) {
        qsort(sizes->bytes + sizes->start, rg_buf_size(sizes) / sizeof(uint64_t), sizeof(uint64_t), compare_down);
    }
    return RG_OK;
}

static rg_status make_finder(const struct audit_log *log, struct rg_arena *arena, struct finder *out_finder)
{
    void *ids = NULL;
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, (size_t)log->keys->epoch_count, sizeof(uint32_t), &ids));
    RG_TRY(rg_arena_alloc(arena, NOTE_BYTES_MAX, &memory));
    for (uint64_t epoch = 0; epoch < log->keys->epoch_count; epoch++) {
        struct audit_vkey key = {0};
        RG_TRY(audit_keys_vkey(log->keys, epoch, &key));
        ((uint32_t *)ids)[epoch] = key.id;
    }
    *out_finder = (struct finder){.log = log, .ids = ids, .memory = memory};
    return RG_OK;
}

rg_status audit_log_find_floor(const struct audit_log *log, struct rg_arena *arena, struct audit_floor **out_floor)
{
    struct finder finder = {0};
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, 2, sizeof(struct audit_floor), &memory)); /* much for a frame */
    struct audit_floor *floor = memory;
    struct audit_floor *head = floor + 1;
    RG_AUTO(rg_buf_done) struct rg_buf sizes;
    rg_buf_init(&sizes, SIZE_MAX / 2);
    RG_TRY(make_finder(log, arena, &finder));
    RG_TRY(list_sizes(log, &sizes));
    while (rg_buf_size(&sizes) > 0 && floor->size == 0) {
        uint64_t size = 0;
        char path[AUDIT_NOTE_PATH_SIZE];
        memcpy(&size, rg_buf_slice(&sizes).data, sizeof size);
        rg_buf_consume(&sizes, sizeof size);
        audit_note_path(size, path);
        (void)read_note(&finder, path, floor);
    }
    bool is_head_newer = read_note(&finder, "head.note", head) && head->size > floor->size;
    floor = is_head_newer ? head : floor;
    RG_TRY(rg_arena_alloc(arena, sizeof(struct audit_tiles), &memory));
    floor->tiles = memory;
    RG_TRY(rg_arena_alloc(arena, AUDIT_TILE_BYTES + 1, &memory));
    floor->scratch = memory;
    *out_floor = floor;
    return RG_OK;
}

struct comparer {
    const struct audit_log *log;
    char *scratch;
    bool is_writing; /* what differs is written anew */
    bool is_different;
};

static rg_status put_tile(const struct audit_log *log, const char *path, struct rg_slice bytes)
{
    char parent[AUDIT_TILE_PATH_SIZE];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t size = (size_t)(slash - path);
        memcpy(parent, path, size);
        parent[size] = '\0';
        int result = log->store->make_directory(log->store->context, log->directory_fd, parent);
        if (result < 0) {
            return rg_fail(RG_STORAGE, "cannot create %s: %s", parent, strerror(-result));
        }
    }
    return audit_store_put(log->store, log->directory_fd, path, TEMPORARY, bytes, false);
}

static rg_status compare_tile(void *context, unsigned level, uint64_t index, const struct rg_digest *hashes,
                              unsigned width)
{
    struct comparer *comparer = context;
    char path[AUDIT_TILE_PATH_SIZE];
    struct rg_slice found = {0};
    struct rg_slice wanted = rg_slice_make(hashes, (size_t)width * RG_SHA256_SIZE);
    audit_tile_path(level, index, width, path);
    bool is_same = load_file(comparer->log->directory_fd, path, comparer->scratch, AUDIT_TILE_BYTES + 1, &found) &&
                   rg_slice_is_equal(found, wanted);
    comparer->is_different = comparer->is_different || !is_same;
    return is_same || !comparer->is_writing ? RG_OK : put_tile(comparer->log, path, wanted);
}

rg_status audit_floor_take(const struct audit_log *log, struct audit_floor *floor, const struct rg_digest *leaf)
{
    struct comparer comparer = {.log = log, .scratch = floor->scratch};
    const struct audit_tile_sink sink = {.put = compare_tile, .context = &comparer};
    RG_TRY(audit_tiles_append(floor->tiles, leaf, &sink));
    audit_tree_append(&floor->tree, leaf);
    if (floor->tree.size == floor->size) {
        const struct rg_digest root = audit_tree_root(&floor->tree);
        if (memcmp(root.bytes, floor->root.bytes, sizeof root.bytes) != 0) {
            return rg_fail(RG_STORAGE,
                           "the audit log was rolled back or altered: its first %" PRIu64
                           " records do not have the root that was signed",
                           floor->size);
        }
        RG_TRY(audit_tiles_flush(floor->tiles, &sink));
    }
    floor->has_bad_tiles = floor->has_bad_tiles || comparer.is_different;
    return RG_OK;
}

/* The leaves of one segment, up to the floor. */
static rg_status mend_segment(const struct audit_log *log, uint64_t first_seq, uint64_t size, struct audit_tiles *tiles,
                              const struct audit_tile_sink *sink)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_AUTO(audit_reader_done) struct audit_reader reader = {0};
    RG_TRY(audit_segment_open_read(log->directory_fd, first_seq, &fd));
    audit_reader_init(&reader, fd);
    while (tiles->size < size) {
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        RG_TRY(audit_reader_next(&reader, &reading, &line));
        if (reading != AUDIT_READING_LINE) {
            break;
        }
        const struct rg_digest leaf = audit_line_leaf(line);
        RG_TRY(audit_tiles_append(tiles, &leaf, sink));
    }
    return RG_OK;
}

/* The tiles that the pruned records left open. */
static rg_status begin_tiles(const struct audit_log *log, uint64_t base_size, struct audit_tiles *tiles)
{
    const struct rg_digest keys_root = audit_keys_genesis_root(log->keys);
    if (base_size == 0) {
        return RG_OK;
    }
    struct audit_base *base = rg_memory_alloc(sizeof *base); /* much for a frame */
    audit_base_init(base, log->origin, &keys_root);
    rg_status status = audit_base_load(log->directory_fd, base_size, log->origin, base);
    *tiles = base->tiles;
    audit_base_done(base);
    rg_memory_free(base);
    return status;
}

rg_status audit_floor_mend(const struct audit_log *log, const struct audit_floor *floor, uint64_t base_size,
                           struct rg_arena *arena)
{
    struct comparer comparer = {.log = log, .scratch = floor->scratch, .is_writing = true};
    const struct audit_tile_sink sink = {.put = compare_tile, .context = &comparer};
    struct audit_segments segments = {0};
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, sizeof(struct audit_tiles), &memory));
    struct audit_tiles *tiles = memory;
    RG_TRY(begin_tiles(log, base_size, tiles));
    RG_TRY(audit_segments_load(log->directory_fd, arena, &segments));
    for (size_t i = 0; i < segments.count && tiles->size < floor->size; i++) {
        RG_TRY(mend_segment(log, segments.first_seqs[i], floor->size, tiles, &sink));
    }
    return audit_tiles_flush(tiles, &sink);
}
