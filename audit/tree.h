/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_TREE_H
#define RG_AUDIT_TREE_H

#include "base/rg_buf.h"
#include "base/rg_crypto.h"

/* The Merkle tree of RFC 6962 section 2.1 over the records' leaf hashes (audit/line.h), and its tiles
 * (C2SP tlog-tiles: height 8, 256 hashes of 32 bytes a tile). Memory only: no files here.
 * Hashing: leaf = SHA-256(0x00 || line), node = SHA-256(0x01 || left || right). Pure; threads: any. */

enum { AUDIT_TREE_LEVELS = 64, AUDIT_TILE_WIDTH = 256, AUDIT_TILE_PATH_SIZE = 64 };

struct rg_digest audit_tree_node(const struct rg_digest *left, const struct rg_digest *right);

/* The right edge of a growing tree (a compact range that starts at leaf 0): one root per set bit of size.
 * The zero value is the empty tree. */
struct audit_tree {
    uint64_t size;                            /* leaves */
    struct rg_digest edge[AUDIT_TREE_LEVELS]; /* edge[l] is valid when bit l of size is set */
};

void audit_tree_append(struct audit_tree *tree, const struct rg_digest *leaf);
/* Appends a whole, aligned subtree of 2^level leaves at once; tree->size must be a multiple of 2^level. */
void audit_tree_append_node(struct audit_tree *tree, unsigned level, const struct rg_digest *node);
/* RFC 6962: the root of size leaves; of none it is SHA-256(""). */
struct rg_digest audit_tree_root(const struct audit_tree *tree);
/* The same over an array, for small sets. */
struct rg_digest audit_tree_root_of(const struct rg_digest *leaves, size_t count);

/* Where hashes come from when a proof is made: the root of the aligned subtree of 2^level leaves whose first leaf is
 * index * 2^level. RG_STORAGE when it cannot be had. */
struct audit_tree_source {
    rg_status (*get)(void *context, unsigned level, uint64_t index, struct rg_digest *out_hash);
    void *context;
};

/* RFC 6962 2.1.1 and 2.1.2; the hashes are allocated in the arena, leaf to root.
 * RG_LIMIT unless index < size, or old_size <= size. */
rg_status audit_tree_prove_inclusion(const struct audit_tree_source *source, uint64_t index, uint64_t size,
                                     struct rg_arena *arena, struct rg_digest **out_hashes,
                                     size_t *out_count) RG_MUST_CHECK;
rg_status audit_tree_prove_consistency(const struct audit_tree_source *source, uint64_t old_size, uint64_t size,
                                       struct rg_arena *arena, struct rg_digest **out_hashes,
                                       size_t *out_count) RG_MUST_CHECK;
/* True when the proof shows it (RFC 9162 2.1.3.2, 2.1.4.2); false for anything else, also surplus hashes. */
bool audit_tree_check_inclusion(const struct rg_digest *leaf, uint64_t index, uint64_t size,
                                const struct rg_digest *hashes, size_t count, const struct rg_digest *root);
bool audit_tree_check_consistency(uint64_t old_size, uint64_t size, const struct rg_digest *hashes, size_t count,
                                  const struct rg_digest *old_root, const struct rg_digest *root);

/* Tile (level, index) with width hashes, 1 to 256: "tile/0/x001/x234/067" or, partial, "tile/0/000.p/5"
 * (C2SP tlog-tiles "Merkle Tree"). With NUL. */
void audit_tile_path(unsigned level, uint64_t index, unsigned width, char out_path[AUDIT_TILE_PATH_SIZE]);

/* Collects leaves into tiles: appends go to level 0, a full tile's root to the level above. */
struct audit_tile_sink {
    /* One tile, complete (width 256) or, from audit_tiles_flush, partial. hashes is borrowed. */
    rg_status (*put)(void *context, unsigned level, uint64_t index, const struct rg_digest *hashes, unsigned width);
    void *context;
};
enum { AUDIT_TILE_LEVELS = 8 };
struct audit_tiles {
    uint64_t size; /* leaves */
    struct rg_digest open[AUDIT_TILE_LEVELS][AUDIT_TILE_WIDTH];
};

/* On failure of put nothing was appended: try again, or give up. */
rg_status audit_tiles_append(struct audit_tiles *tiles, const struct rg_digest *leaf,
                             const struct audit_tile_sink *sink) RG_MUST_CHECK;
/* Hands over the partial tiles that a checkpoint of size tiles->size needs, level 0 first. */
rg_status audit_tiles_flush(const struct audit_tiles *tiles, const struct audit_tile_sink *sink) RG_MUST_CHECK;

#endif
