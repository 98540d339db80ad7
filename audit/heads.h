/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_HEADS_H
#define RG_AUDIT_HEADS_H

#include "base/rg_crypto.h"

/* The newest record of each tenant: a small hash map from tenant id to (next tseq, leaf). Owns its
 * keys. Threads: one at a time. The zero value is empty. */
struct audit_tenant_head {
    struct rg_slice tenant; /* owned by the map */
    uint64_t next_tseq;     /* = the number of its records so far */
    struct rg_digest leaf;
    struct rg_digest id;        /* SHA-256(genesis || tenant): its place in the tree of heads */
    struct rg_digest root_leaf; /* of that tree, for root_tseq records */
    uint64_t root_tseq;         /* 0 = not computed */
};

struct audit_heads {
    struct audit_tenant_head *slots;
    size_t slot_count; /* a power of two */
    size_t used;
    size_t live;   /* those with a record: a first one may have failed */
    uint64_t seed; /* so that nobody can choose ids that collide */
    size_t *order; /* slots by id; right while order_count == used */
    size_t order_count;
};

enum { AUDIT_TENANTS_MAX = 1 << 20 };

void audit_heads_done(struct audit_heads *heads);
/* The tenant's head, or NULL. Valid until the next audit_heads_get. */
struct audit_tenant_head *audit_heads_find(const struct audit_heads *heads, struct rg_slice tenant);
/* The tenant's head; a new one starts at tseq 0 with the given leaf, the log's genesis value. RG_LIMIT past
 * AUDIT_TENANTS_MAX. */
rg_status audit_heads_get(struct audit_heads *heads, struct rg_slice tenant, const struct rg_digest *first_leaf,
                          struct audit_tenant_head **out_head) RG_MUST_CHECK;
/* heads_root of log.checkpoint: the RFC 6962 root over one leaf a tenant, its bytes id || tseq as 16 digits || leaf,
 * ordered by id. Sorts only after a new tenant, hashes only what changed. */
struct rg_digest audit_heads_root(struct audit_heads *heads);

#endif
