/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_PUBLISHER_PRIVATE_H
#define RG_AUDIT_PUBLISHER_PRIVATE_H

#include <pthread.h>

#include "audit/manifest.h"
#include "audit/publisher.h"

/* A partial tile that stands on the disk; width 0 = none. */
struct audit_partial {
    uint64_t index;
    unsigned width;
};

/* What the thread has: files, keys, the tree. Nothing of it is touched by others. */
struct audit_press {
    const struct audit_store *store;
    int directory_fd;
    struct rg_slice origin;
    struct audit_signer *signer;
    struct audit_tiles tiles;
    struct audit_tree tree;
    uint64_t epoch_size;
    struct audit_partial partials[AUDIT_TILE_LEVELS];     /* of the newest checkpoint */
    struct audit_partial new_partials[AUDIT_TILE_LEVELS]; /* of the one being written */
    struct rg_buf note;
    struct rg_buf ended; /* struct audit_ended */
    struct rg_sha256_stream *stream;
    uint64_t hashed_first; /* segment whose first hashed_bytes are in the stream */
    uint64_t hashed_bytes;
};

/* Takes a leaf: writes the tiles that it completes. RG_STORAGE; nothing happened then. */
rg_status audit_press_append(struct audit_press *press, const struct rg_digest *leaf) RG_MUST_CHECK;
/* Partial tiles, the signed checkpoint of the tree as it is, and head.note. is_kept: also as ckpt/. RG_STORAGE. */
rg_status audit_press_sign(struct audit_press *press, bool is_kept, bool is_synced) RG_MUST_CHECK;
/* Hashes the segment up to here. RG_STORAGE. */
rg_status audit_press_hash(struct audit_press *press, uint64_t first_seq, uint64_t bytes) RG_MUST_CHECK;
/* Writes the first manifest that is due, if any; when that fails it stays due. RG_STORAGE. */
rg_status audit_press_manifest(struct audit_press *press) RG_MUST_CHECK;
/* Removes the checkpoints between epoch_size and size that nothing needs. What cannot be removed stays. */
void audit_press_thin(struct audit_press *press, uint64_t size);

#endif
