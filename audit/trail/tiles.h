/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_TRAIL_TILES_H
#define RG_AUDIT_TRAIL_TILES_H

#include "audit/tree.h"

/* The tiles of a log's directory as a source of hashes for proofs. What is read is not believed: check the proof
 * against a signed root. Threads: one at a time. */

struct trail_tiles {
    int directory_fd; /* borrowed */
    struct trail_tile {
        unsigned width; /* 0 = nothing was read yet */
        uint64_t index;
        struct rg_digest hashes[AUDIT_TILE_WIDTH];
    } read[AUDIT_TILE_LEVELS]; /* the last one of each level */
};
/* For struct audit_tree_source; context is a struct trail_tiles. RG_STORAGE. */
rg_status trail_tiles_get(void *context, unsigned level, uint64_t index, struct rg_digest *out_hash) RG_MUST_CHECK;

#endif
