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
    struct rg_digest salt;      /* audit_heads_salt of its first record; nothing before that */
    struct rg_digest id;        /* audit_heads_id: its place in the tree of heads; same */
    struct rg_digest root_leaf; /* of that tree, for root_tseq records */
    uint64_t root_tseq;         /* 0 = not computed */
};

struct audit_heads {
    struct audit_tenant_head *slots;
    size_t slot_count; /* a power of two */
    size_t used;
    size_t live;   /* those with a record: a first one may have failed */
    uint64_t seed; /* so that nobody can choose ids that collide */
    size_t *order; /* slots by id; right while order_count == used; 0 when an id came since */
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
/* SHA-256(02 || the tenant's first record, without LF): nobody knows it who has not seen that record. Records are
 * hashed behind 00, nodes behind 01, so it is no hash that stands anywhere in the log (docs/audit-format.md 8). */
struct rg_digest audit_heads_salt(struct rg_slice first_line);
/* SHA-256(genesis || salt || tenant). The first two have a fixed size: one id, one tenant. */
struct rg_digest audit_heads_id(const struct rg_digest *genesis, const struct rg_digest *salt, struct rg_slice tenant);
/* The tenant's first record is known: the head has its id from now on, which its leaf in the tree of heads needs. Once
 * a tenant. The head is one of these heads. */
void audit_heads_begin(struct audit_heads *heads, struct audit_tenant_head *head, const struct rg_digest *genesis,
                       const struct rg_digest *salt);
/* heads_root of log.checkpoint: the RFC 6962 root over one leaf a tenant, its bytes id || tseq as 16 digits || leaf,
 * ordered by id. Sorts only after a new tenant, hashes only what changed. */
struct rg_digest audit_heads_root(struct audit_heads *heads);
/* That tree's leaves in their order, in the arena, and the place of a tenant's among them (*out_count when it has
 * none). RG_LIMIT when the arena is full. */
rg_status audit_heads_leaves(struct audit_heads *heads, struct rg_slice tenant, struct rg_arena *arena,
                             struct rg_digest **out_leaves, size_t *out_count, size_t *out_place) RG_MUST_CHECK;

#endif
