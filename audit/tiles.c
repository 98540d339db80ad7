/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of the Merkle tree (C2SP tlog-tiles): their names and their collection while the log grows. Files are the
 * publisher's. */
#include "audit/tree.h"

#include <inttypes.h>
#include <stdio.h>

enum { TILE_BITS = 8, GROUP = 1000, GROUPS_MAX = 7 }; /* 2^64 has 20 digits */

void audit_tile_path(unsigned level, uint64_t index, unsigned width, char out_path[AUDIT_TILE_PATH_SIZE])
{
    RG_ASSERT(level < AUDIT_TREE_LEVELS && width >= 1 && width <= AUDIT_TILE_WIDTH);
    unsigned groups[GROUPS_MAX];
    size_t count = 0;
    do {
        groups[count] = (unsigned)(index % GROUP);
        count++;
        index /= GROUP;
    } while (index > 0);
    size_t size = (size_t)snprintf(out_path, AUDIT_TILE_PATH_SIZE, "tile/%u", level);
    while (count > 0) {
        count--;
        size += (size_t)snprintf(out_path + size, AUDIT_TILE_PATH_SIZE - size, "/%s%03u", count > 0 ? "x" : "",
                                 groups[count]);
    }
    if (width < AUDIT_TILE_WIDTH) {
        size += (size_t)snprintf(out_path + size, AUDIT_TILE_PATH_SIZE - size, ".p/%u", width);
    }
    RG_ASSERT(size < AUDIT_TILE_PATH_SIZE);
}

/* The open tile's place at this level for the leaf with this number. */
static unsigned slot_of(uint64_t leaf, unsigned level)
{
    return (unsigned)(leaf >> (TILE_BITS * level) & (AUDIT_TILE_WIDTH - 1));
}

static uint64_t tile_of(uint64_t leaf, unsigned level)
{
    return level + 1 < AUDIT_TILE_LEVELS ? leaf >> (TILE_BITS * (level + 1)) : 0;
}

rg_status audit_tiles_append(struct audit_tiles *tiles, const struct rg_digest *leaf,
                             const struct audit_tile_sink *sink)
{
    /* Places at or behind size hold nothing yet, so a failure half-way leaves no trace. */
    struct rg_digest hash = *leaf;
    for (unsigned level = 0; level < AUDIT_TILE_LEVELS; level++) {
        const unsigned slot = slot_of(tiles->size, level);
        struct rg_digest *open = tiles->open[level];
        open[slot] = hash;
        if (slot + 1 < AUDIT_TILE_WIDTH) {
            break;
        }
        RG_TRY(sink->put(sink->context, level, tile_of(tiles->size, level), open, AUDIT_TILE_WIDTH));
        hash = audit_tree_root_of(open, AUDIT_TILE_WIDTH);
    }
    RG_ASSERT(tiles->size < UINT64_MAX);
    tiles->size++;
    return RG_OK;
}

rg_status audit_tiles_flush(const struct audit_tiles *tiles, const struct audit_tile_sink *sink)
{
    for (unsigned level = 0; level < AUDIT_TILE_LEVELS; level++) {
        const unsigned width = slot_of(tiles->size, level); /* what is open = the number of the next place */
        if (width > 0) {
            RG_TRY(sink->put(sink->context, level, tile_of(tiles->size, level), tiles->open[level], width));
        }
    }
    return RG_OK;
}
