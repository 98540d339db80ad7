/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_DEPOT_PRIVATE_H
#define RG_AUDIT_EXPORT_DEPOT_PRIVATE_H

#include "audit/export/depot.h"

/* What the two tasks share: a handle of S3 that ends its call when the turn should, and the one way to put an object.
 */

enum { DEPOT_KEYS_MAX = 65, DEPOT_KEY_NAME_SIZE = 24 };

struct depot {
    struct depot_options options; /* texts in arena */
    struct rg_arena *arena;
    struct s3 *s3;                  /* NULL until the first turn */
    const struct export_turn *turn; /* the one that is running */
    int64_t checked_us;             /* monotonic: when the bucket was found good; 0 = never */
    char node[DEPOT_NODE_MAX];
    bool has_node;
    char keys[DEPOT_KEYS_MAX][DEPOT_KEY_NAME_SIZE]; /* files of keys/ that this process put */
    size_t key_count;
    uint64_t base_size; /* bases of pruned/ up to this size were put */
};

rg_status depot_init(const struct depot_options *options, struct depot *out_depot) RG_MUST_CHECK;
void depot_done(struct depot *depot);
/* First thing in a turn: opens S3 when it is not open, and looks at most every ten minutes whether the bucket has what
 * a lock needs. RG_CONFIG when not: nothing is put then. */
rg_status depot_begin(struct depot *depot, struct export_turn *turn) RG_MUST_CHECK;

/* What stands under the key now, by the server's own account: put by this call, or found there (is_taken). */
struct depot_stored {
    struct s3_object object;
    bool is_other; /* it was there, and has another hash: *out_object tells which version; nothing was changed */
};
/* RG_PROTOCOL when the server has stored something else or does not confirm hash or lock. Others as s3_put. */
rg_status depot_put(struct depot *depot, const char *key, const char *content_type, struct rg_slice body,
                    struct depot_stored *out_stored) RG_MUST_CHECK;

/* Puts what is new in keys/: root.vkey and the lists. */
rg_status depot_put_keys(struct depot *depot) RG_MUST_CHECK;
/* Puts what is new in pruned/, ascending. */
rg_status depot_put_bases(struct depot *depot) RG_MUST_CHECK;

#endif
