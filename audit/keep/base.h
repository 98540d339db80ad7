/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_BASE_H
#define RG_AUDIT_KEEP_BASE_H

#include "audit/chain.h"
#include "audit/store.h"
#include "audit/tree.h"

/* Where a log stands behind its first `size` records: all that the rest of it goes on from when those are pruned. Kept
 * as pruned/<size, 16 digits>.base. No evidence by itself: the retention.prune record holds the root, the heads' root
 * and the epoch that must come out of it (docs/audit-format.md 9). Threads: one at a time. */

enum { AUDIT_BASE_PATH_SIZE = 32, AUDIT_BASE_MAX = 256 * 1024 * 1024 };

struct audit_base {
    struct audit_chain chain; /* chain.next_seq is the size */
    struct audit_tiles tiles; /* the open ones; of the same size */
    struct audit_tree tree;   /* same */
    uint64_t epoch;           /* opened last */
    uint64_t epoch_size;      /* records up to and with the one that opened it; 0 in epoch 0 */
    uint64_t epoch_size_before;
    int64_t epoch_hlc_us; /* of that record, or of record 0 */
};

/* "pruned/0000000000004096.base", with NUL. */
void audit_base_path(uint64_t size, char out_path[AUDIT_BASE_PATH_SIZE]);

/* Empty, at the beginning of the log. Much for a frame. */
void audit_base_init(struct audit_base *base, struct rg_slice origin, const struct rg_digest *keys_root);
void audit_base_done(struct audit_base *base); /* accepts the zero value */

/* Goes on behind the next record; *out_head borrows from the line. RG_PROTOCOL when it does not follow. */
rg_status audit_base_take(struct audit_base *base, struct rg_slice line, struct audit_head *out_head) RG_MUST_CHECK;

/* The file's text. RG_LIMIT. */
rg_status audit_base_encode(struct audit_base *base, struct rg_slice origin, struct rg_buf *out) RG_MUST_CHECK;
/* Strict: what it reads would be written the same again. `base` is as after audit_base_init; RG_PROTOCOL, and then it
 * is to be thrown away. */
rg_status audit_base_parse(struct rg_slice bytes, struct rg_slice origin, struct audit_base *base) RG_MUST_CHECK;
/* The file of that size. RG_STORAGE when it cannot be had or is none. */
rg_status audit_base_load(int directory_fd, uint64_t size, struct rg_slice origin,
                          struct audit_base *base) RG_MUST_CHECK;
/* Writes it, synced. RG_STORAGE, RG_LIMIT. */
rg_status audit_base_put(const struct audit_store *store, int directory_fd, struct rg_slice origin,
                         struct audit_base *base) RG_MUST_CHECK;

#endif
