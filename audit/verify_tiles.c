/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles on disk against hashes that were computed from the records, and, for `since`, hashes from tiles. Which tiles
 * there are is read once, before the records: a tile is written after its records, so none can run ahead of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/verify_private.h"
#include "base/rg_memory.h"

enum { TILE_BYTES = AUDIT_TILE_WIDTH * RG_SHA256_SIZE, LEVEL_MAX = 7 };

void verify_tiles_done(struct verify_tiles *tiles)
{
    verify_list_done(&tiles->sorted);
}

static int compare_tiles(const void *a, const void *b)
{
    const struct verify_tile *x = a;
    const struct verify_tile *y = b;
    if (x->level != y->level) {
        return x->level < y->level ? -1 : 1;
    }
    if (x->index != y->index) {
        return x->index < y->index ? -1 : 1;
    }
    return (x->width > y->width) - (x->width < y->width);
}

/* The first tile on disk that does not sort before this one. */
static size_t find_from(const struct verify_tiles *tiles, const struct verify_tile *wanted)
{
    const struct verify_tile *sorted = tiles->sorted.items;
    size_t low = 0;
    size_t high = tiles->sorted.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_tiles(&sorted[middle], wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- the list ---- */

struct walk {
    struct verify_tiles *tiles;
    struct verify_findings *findings;
    char path[VERIFY_FILE_SIZE]; /* of the directory that is read */
};

/* Three digits, or false. */
static bool parse_three(const char *text, uint64_t *out_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 3; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out_value = value;
    return true;
}

/* A file's path below tile/ must be exactly the one that its level, index and width make. */
static bool parse_path(const char *path, struct verify_tile *out_tile)
{
    char made[AUDIT_TILE_PATH_SIZE];
    const char *at = path + sizeof "tile/" - 1;
    uint64_t index = 0;
    uint64_t part = 0;
    if (*at < '0' || *at > '0' + LEVEL_MAX || at[1] != '/') {
        return false;
    }
    uint8_t level = (uint8_t)(*at - '0');
    for (at += 2; *at == 'x' && parse_three(at + 1, &part) && at[4] == '/' && index < UINT64_MAX / 2000000; at += 5) {
        index = index * 1000 + part;
    }
    if (!parse_three(at, &part)) {
        return false;
    }
    index = index * 1000 + part;
    uint16_t width = AUDIT_TILE_WIDTH;
    if (strncmp(at + 3, ".p/", 3) == 0) {
        unsigned long value = strtoul(at + 6, NULL, 10);
        width = value < AUDIT_TILE_WIDTH ? (uint16_t)value : 0;
    }
    if (width == 0) {
        return false;
    }
    audit_tile_path(level, index, width, made);
    *out_tile = (struct verify_tile){.level = level, .index = index, .width = width};
    return strcmp(made, path) == 0;
}

static void on_file(struct walk *walk, const char *path)
{
    struct verify_tile tile = {0};
    if (parse_path(path, &tile)) {
        struct verify_tile *added = verify_list_add(&walk->tiles->sorted, sizeof *added);
        *added = tile;
    } else {
        verify_find(walk->findings, AUDIT_ALTERED, path, 0, "a file in tile/ that is no tile");
    }
}

static rg_status walk_directory(struct walk *walk, int parent_fd, const char *name, unsigned depth);

static rg_status walk_entry(struct walk *walk, int fd, const struct dirent *entry, unsigned depth)
{
    size_t size = strlen(walk->path);
    struct stat info;
    int length = snprintf(walk->path + size, sizeof walk->path - size, "/%s", entry->d_name);
    rg_status status = RG_OK;
    if (length < 0 || (size_t)length >= sizeof walk->path - size) {
        walk->path[size] = '\0';
        verify_find(walk->findings, AUDIT_ALTERED, walk->path, 0, "a file in tile/ that is no tile");
        return RG_OK;
    }
    if (fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        status = errno == ENOENT ? RG_OK : rg_fail(RG_STORAGE, "cannot stat %s: %s", walk->path, strerror(errno));
    } else if (S_ISDIR(info.st_mode)) {
        status = walk_directory(walk, fd, entry->d_name, depth + 1);
    } else if (S_ISREG(info.st_mode)) {
        on_file(walk, walk->path);
    } else {
        verify_find(walk->findings, AUDIT_ALTERED, walk->path, 0, "neither a file nor a directory");
    }
    walk->path[size] = '\0';
    return status;
}

static rg_status walk_entries(struct walk *walk, DIR *directory, unsigned depth)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            return errno == 0 ? RG_OK : rg_fail(RG_STORAGE, "cannot read %s: %s", walk->path, strerror(errno));
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            RG_TRY(walk_entry(walk, dirfd(directory), entry, depth));
        }
    }
}

static rg_status walk_directory(struct walk *walk, int parent_fd, const char *name, unsigned depth)
{
    enum { DEPTH_MAX = 10 };
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        return RG_OK;
    }
    DIR *directory = fd < 0 || depth > DEPTH_MAX ? NULL : fdopendir(fd);
    if (directory == NULL) {
        int error = errno;
        audit_fd_done(&fd);
        return rg_fail(RG_STORAGE, "cannot open %s: %s", walk->path, depth > DEPTH_MAX ? "too deep" : strerror(error));
    }
    rg_status status = walk_entries(walk, directory, depth);
    (void)closedir(directory);
    return status;
}

rg_status verify_tiles_load(int directory_fd, struct verify_findings *findings, struct verify_tiles *out_tiles)
{
    struct walk walk = {.tiles = out_tiles, .findings = findings, .path = "tile"};
    out_tiles->directory_fd = directory_fd;
    RG_TRY(walk_directory(&walk, directory_fd, "tile", 0));
    if (out_tiles->sorted.count > 0) {
        qsort(out_tiles->sorted.items, out_tiles->sorted.count, sizeof(struct verify_tile), compare_tiles);
    }
    return RG_OK;
}

/* ---- comparing ---- */

/* The tile's bytes, one too many when the file is longer than a tile. */
static rg_status read_tile(const struct verify_tiles *tiles, const struct verify_tile *tile, struct rg_buf *out_bytes,
                           char out_path[AUDIT_TILE_PATH_SIZE])
{
    RG_AUTO(audit_fd_done) int fd = -1;
    char *memory = NULL;
    audit_tile_path(tile->level, tile->index, tile->width, out_path);
    rg_buf_init(out_bytes, TILE_BYTES + 1);
    RG_TRY(rg_buf_reserve(out_bytes, TILE_BYTES + 1, &memory));
    fd = openat(tiles->directory_fd, out_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open %s: %s", out_path, strerror(errno));
    }
    for (size_t size = 0; size < TILE_BYTES + 1;) {
        ssize_t piece = pread(fd, memory + size, TILE_BYTES + 1 - size, (off_t)size);
        if (piece < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot read %s: %s", out_path, strerror(errno));
        }
        if (piece == 0) {
            break;
        }
        size += piece > 0 ? (size_t)piece : 0;
        rg_buf_commit(out_bytes, piece > 0 ? (size_t)piece : 0);
    }
    return RG_OK;
}

/* The first record that a hash of this level covers. */
static uint64_t leaf_of(unsigned level, uint64_t hash_index)
{
    return hash_index << 8 * level;
}

static void compare_one(struct verify_tiles *tiles, const struct verify_tile *tile, const struct rg_digest *hashes,
                        struct verify_findings *findings)
{
    RG_AUTO(rg_buf_done) struct rg_buf bytes = {0};
    char path[AUDIT_TILE_PATH_SIZE];
    uint64_t first = tile->index * AUDIT_TILE_WIDTH;
    rg_status status = read_tile(tiles, tile, &bytes, path);
    if (!rg_is_ok(status)) {
        if (tile->width == AUDIT_TILE_WIDTH) { /* a partial one may go when it is full */
            verify_find(findings, AUDIT_INCOMPLETE, path, leaf_of(tile->level, first), "%s", status.error->text);
        }
        return;
    }
    atomic_fetch_add(&tiles->compared, 1);
    if (rg_buf_size(&bytes) != (size_t)tile->width * RG_SHA256_SIZE) {
        verify_find(findings, AUDIT_ALTERED, path, leaf_of(tile->level, first), "the tile has the wrong size");
        return;
    }
    for (size_t i = 0; i < tile->width; i++) {
        if (memcmp(rg_buf_slice(&bytes).data + i * RG_SHA256_SIZE, hashes[i].bytes, RG_SHA256_SIZE) != 0) {
            verify_find(findings, AUDIT_ALTERED, path, leaf_of(tile->level, first + i),
                        "the tile holds another hash than the records give: the tile or a record was changed");
            return;
        }
    }
}

void verify_tile_check(struct verify_tiles *tiles, unsigned level, uint64_t index, const struct rg_digest *hashes,
                       size_t count, struct verify_findings *findings)
{
    const struct verify_tile *sorted = tiles->sorted.items;
    const struct verify_tile wanted = {.level = (uint8_t)level, .index = index, .width = 0};
    bool has_full = false;
    for (size_t at = find_from(tiles, &wanted); at < tiles->sorted.count; at++) {
        if (sorted[at].level != level || sorted[at].index != index || sorted[at].width > count) {
            break;
        }
        compare_one(tiles, &sorted[at], hashes, findings);
        has_full = has_full || sorted[at].width == AUDIT_TILE_WIDTH;
    }
    bool is_needed = count == AUDIT_TILE_WIDTH && leaf_of(level, (index + 1) * AUDIT_TILE_WIDTH) <= tiles->needed_size;
    if (is_needed && !has_full) {
        char path[AUDIT_TILE_PATH_SIZE];
        audit_tile_path(level, index, AUDIT_TILE_WIDTH, path);
        verify_find(findings, AUDIT_INCOMPLETE, path, leaf_of(level, index * AUDIT_TILE_WIDTH),
                    "the tile is missing although a checkpoint covers its records");
    }
}

void verify_tiles_check_end(const struct verify_tiles *tiles, uint64_t size, struct verify_findings *findings)
{
    const struct verify_tile *sorted = tiles->sorted.items;
    for (size_t i = 0; i < tiles->sorted.count; i++) {
        uint64_t last = sorted[i].index * AUDIT_TILE_WIDTH + sorted[i].width;
        char path[AUDIT_TILE_PATH_SIZE];
        if (last > size >> 8 * sorted[i].level) {
            audit_tile_path(sorted[i].level, sorted[i].index, sorted[i].width, path);
            verify_find(findings, AUDIT_TRUNCATED, path, size,
                        "the tile covers records that the log does not have: the end of the log is missing");
            return;
        }
    }
}

/* ---- reading hashes back ---- */

/* `count` hashes of a level from index `first` on, all within one tile. */
static rg_status get_row(const struct verify_tiles *tiles, unsigned level, uint64_t first, size_t count,
                         struct rg_digest *out_hashes)
{
    const struct verify_tile *sorted = tiles->sorted.items;
    size_t start = first % AUDIT_TILE_WIDTH;
    const struct verify_tile wanted = {
        .level = (uint8_t)level, .index = first / AUDIT_TILE_WIDTH, .width = (uint16_t)(start + count)};
    size_t at = find_from(tiles, &wanted);
    if (at < tiles->sorted.count && sorted[at].level == level && sorted[at].index == wanted.index) {
        RG_AUTO(rg_buf_done) struct rg_buf bytes = {0};
        char path[AUDIT_TILE_PATH_SIZE];
        RG_TRY(read_tile(tiles, &sorted[at], &bytes, path));
        if (rg_buf_size(&bytes) >= (start + count) * RG_SHA256_SIZE) {
            memcpy(out_hashes, rg_buf_slice(&bytes).data + start * RG_SHA256_SIZE, count * RG_SHA256_SIZE);
            return RG_OK;
        }
    }
    if (level == 0) {
        return rg_fail(RG_STORAGE, "no tile holds the hashes of records %" PRIu64 " to %" PRIu64, first,
                       first + count - 1);
    }
    struct rg_digest *below = rg_memory_array(AUDIT_TILE_WIDTH, sizeof *below);
    rg_status status = RG_OK;
    for (size_t i = 0; i < count && rg_is_ok(status); i++) { /* one level deeper at a time, at most seven */
        status = get_row(tiles, level - 1, (first + i) * AUDIT_TILE_WIDTH, AUDIT_TILE_WIDTH, below);
        if (rg_is_ok(status)) {
            out_hashes[i] = audit_tree_root_of(below, AUDIT_TILE_WIDTH);
        }
    }
    rg_memory_free(below);
    return status;
}

rg_status verify_tiles_row(const struct verify_tiles *tiles, uint64_t first, size_t count, struct rg_digest *out_hashes)
{
    return get_row(tiles, 0, first, count, out_hashes);
}

rg_status verify_tiles_get(const struct verify_tiles *tiles, unsigned level, uint64_t index, struct rg_digest *out_hash)
{
    unsigned rest = level % 8;
    size_t count = (size_t)1 << rest;
    struct rg_digest *row = rg_memory_array(count, sizeof *row);
    rg_status status = get_row(tiles, level / 8, index << rest, count, row);
    if (rg_is_ok(status)) {
        *out_hash = audit_tree_root_of(row, count);
    }
    rg_memory_free(row);
    return status;
}

rg_status verify_tiles_prefix(const struct verify_tiles *tiles, uint64_t size, struct audit_tree *out_tree,
                              struct rg_digest *out_last_leaf)
{
    struct audit_tree tree = {0};
    struct rg_digest hash;
    for (unsigned level = AUDIT_TREE_LEVELS; level-- > 0;) {
        if ((size >> level & 1) != 0) {
            RG_TRY(verify_tiles_get(tiles, level, tree.size >> level, &hash));
            audit_tree_append_node(&tree, level, &hash);
        }
    }
    RG_TRY(verify_tiles_get(tiles, 0, size - 1, &hash));
    *out_tree = tree;
    *out_last_leaf = hash;
    return RG_OK;
}
