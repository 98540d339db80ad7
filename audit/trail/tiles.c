/* SPDX-License-Identifier: Apache-2.0 */
/* The log's tiles (C2SP tlog-tiles) as a source of hashes for proofs: a proof of 100 million records reads four to
 * eight tiles. A partial tile of an older checkpoint may have been replaced by a wider one, which begins with the same
 * hashes. What is read is not believed: proofs are checked against the signed root before they leave. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/trail/trail_private.h"

enum { TRIES = 5, PATH_SIZE = AUDIT_TILE_PATH_SIZE };

/* Reads a tile's file; false when it is not there or not of that width. */
static bool read_tile(const struct trail_tiles *tiles, const char *path, unsigned width, struct trail_tile *out_tile)
{
    RG_AUTO(audit_fd_done)
    int fd = openat(tiles->directory_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    size_t wanted = (size_t)width * RG_SHA256_SIZE;
    size_t got = 0;
    while (fd >= 0 && got < wanted) {
        ssize_t piece = pread(fd, (char *)out_tile->hashes + got, wanted - got, (off_t)got);
        if (piece == 0 || (piece < 0 && errno != EINTR)) {
            return false;
        }
        got += piece > 0 ? (size_t)piece : 0;
    }
    return fd >= 0;
}

/* The widest partial tile below "<tile>.p/"; 0 = none. */
static unsigned widest(const struct trail_tiles *tiles, unsigned level, uint64_t index, char out_path[PATH_SIZE])
{
    unsigned best = 0;
    audit_tile_path(level, index, 1, out_path);
    char *name = strrchr(out_path, '/');
    *name = '\0';
    int fd = openat(tiles->directory_fd, out_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        audit_fd_done(&fd);
        return 0;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        uint64_t width = 0;
        if (trail_number_parse(rg_slice_of(entry->d_name), &width) && width > best && width < AUDIT_TILE_WIDTH) {
            best = (unsigned)width;
        }
    }
    (void)closedir(directory);
    audit_tile_path(level, index, best == 0 ? 1 : best, out_path);
    return best;
}

/* While rowgate runs a tile may be replaced between looking and reading: then look again. */
static rg_status load_tile(struct trail_tiles *tiles, unsigned level, uint64_t index)
{
    struct trail_tile *tile = &tiles->read[level];
    char path[PATH_SIZE];
    tile->width = 0;
    for (unsigned i = 0; i < TRIES && tile->width == 0; i++) {
        unsigned width = AUDIT_TILE_WIDTH;
        audit_tile_path(level, index, width, path);
        if (!read_tile(tiles, path, width, tile)) {
            width = widest(tiles, level, index, path);
            width = width > 0 && read_tile(tiles, path, width, tile) ? width : 0;
        }
        tile->width = width;
    }
    tile->index = index;
    if (tile->width == 0) {
        audit_tile_path(level, index, AUDIT_TILE_WIDTH, path);
        return rg_fail(RG_STORAGE, "%s is missing or too short: `rowgate audit verify` tells more", path);
    }
    return RG_OK;
}

rg_status trail_tiles_get(void *context, unsigned level, uint64_t index, struct rg_digest *out_hash)
{
    struct trail_tiles *tiles = context;
    unsigned tile_level = level / 8;
    uint64_t count = (uint64_t)1 << level % 8;
    uint64_t first = index << level % 8;
    uint64_t at = first % AUDIT_TILE_WIDTH;
    if (tile_level >= AUDIT_TILE_LEVELS) {
        return rg_fail(RG_STORAGE, "no tree has so many levels");
    }
    struct trail_tile *tile = &tiles->read[tile_level];
    if (tile->width == 0 || tile->index != first / AUDIT_TILE_WIDTH) {
        RG_TRY(load_tile(tiles, tile_level, first / AUDIT_TILE_WIDTH));
    }
    if (at + count > tile->width) {
        return rg_fail(RG_STORAGE, "a tile of level %u holds %u hashes, %llu are needed", tile_level, tile->width,
                       (unsigned long long)(at + count));
    }
    *out_hash = audit_tree_root_of(&tile->hashes[at], (size_t)count);
    return RG_OK;
}
