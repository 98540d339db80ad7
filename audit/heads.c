/* SPDX-License-Identifier: Apache-2.0 */
/* Tenant heads: open addressing, grown at half load, never shrunk. */
#include "audit/heads.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/tree.h"
#include "base/rg_memory.h"

enum { FIRST_SLOTS = 64 };

static uint64_t hash(uint64_t seed, struct rg_slice tenant)
{
    uint64_t value = seed ^ UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < tenant.size; i++) {
        value = (value ^ (unsigned char)tenant.data[i]) * UINT64_C(0x100000001b3);
    }
    return value ^ value >> 32;
}

static struct audit_tenant_head *slot_of(const struct audit_heads *heads, struct rg_slice tenant)
{
    size_t mask = heads->slot_count - 1;
    size_t at = hash(heads->seed, tenant) & mask;
    while (heads->slots[at].tenant.size > 0 && !rg_slice_is_equal(heads->slots[at].tenant, tenant)) {
        at = (at + 1) & mask;
    }
    return &heads->slots[at];
}

static void grow(struct audit_heads *heads)
{
    struct audit_heads bigger = *heads;
    if (heads->slot_count == 0) {
        rg_random(&bigger.seed, sizeof bigger.seed);
    }
    bigger.slot_count = heads->slot_count == 0 ? FIRST_SLOTS : heads->slot_count * 2;
    bigger.slots = rg_memory_array(bigger.slot_count, sizeof *bigger.slots);
    for (size_t i = 0; i < heads->slot_count; i++) {
        if (heads->slots[i].tenant.size > 0) {
            *slot_of(&bigger, heads->slots[i].tenant) = heads->slots[i];
        }
    }
    rg_memory_free(heads->slots);
    *heads = bigger;
}

void audit_heads_done(struct audit_heads *heads)
{
    for (size_t i = 0; i < heads->slot_count; i++) {
        rg_memory_free((void *)(uintptr_t)heads->slots[i].tenant.data);
    }
    rg_memory_free(heads->slots);
    rg_memory_free(heads->order);
    *heads = (struct audit_heads){0};
}

struct audit_tenant_head *audit_heads_find(const struct audit_heads *heads, struct rg_slice tenant)
{
    if (heads->used == 0 || tenant.size == 0) {
        return NULL;
    }
    struct audit_tenant_head *slot = slot_of(heads, tenant);
    return slot->tenant.size > 0 ? slot : NULL;
}

rg_status audit_heads_get(struct audit_heads *heads, struct rg_slice tenant, const struct rg_digest *first_leaf,
                          struct audit_tenant_head **out_head)
{
    RG_ASSERT(tenant.size > 0);
    struct audit_tenant_head *head = audit_heads_find(heads, tenant);
    if (head == NULL && heads->used >= AUDIT_TENANTS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d tenants in one log", AUDIT_TENANTS_MAX);
    }
    if (head == NULL) {
        if (heads->used * 2 >= heads->slot_count) {
            grow(heads);
        }
        char *key = rg_memory_alloc(tenant.size);
        memcpy(key, tenant.data, tenant.size);
        head = slot_of(heads, tenant);
        *head = (struct audit_tenant_head){.tenant = {key, tenant.size}, .leaf = *first_leaf};
        heads->used++;
    }
    *out_head = head;
    return RG_OK;
}

struct rg_digest audit_heads_salt(struct rg_slice first_line)
{
    const struct rg_slice parts[] = {RG_SLICE("\2"), first_line};
    return rg_sha256(parts, 2);
}

struct rg_digest audit_heads_id(const struct rg_digest *genesis, const struct rg_digest *salt, struct rg_slice tenant)
{
    const struct rg_slice parts[] = {rg_slice_make(genesis->bytes, sizeof genesis->bytes),
                                     rg_slice_make(salt->bytes, sizeof salt->bytes), tenant};
    return rg_sha256(parts, 3);
}

void audit_heads_begin(struct audit_heads *heads, struct audit_tenant_head *head, const struct rg_digest *genesis,
                       const struct rg_digest *salt)
{
    head->salt = *salt;
    head->id = audit_heads_id(genesis, salt, head->tenant);
    head->root_tseq = 0;
    heads->order_count = 0;
}

static int compare_ids(const void *a, const void *b, void *context)
{
    const struct audit_heads *heads = context;
    const size_t *x = a;
    const size_t *y = b;
    return memcmp(heads->slots[*x].id.bytes, heads->slots[*y].id.bytes, RG_SHA256_SIZE);
}

static void sort_slots(struct audit_heads *heads)
{
    size_t count = 0;
    rg_memory_free(heads->order);
    heads->order = rg_memory_array(heads->used, sizeof *heads->order);
    for (size_t i = 0; i < heads->slot_count; i++) {
        if (heads->slots[i].tenant.size > 0) {
            heads->order[count++] = i;
        }
    }
    qsort_r(heads->order, count, sizeof *heads->order, compare_ids, heads);
    heads->order_count = count;
}

static void hash_head(struct audit_tenant_head *head)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%016" PRIu64, head->next_tseq);
    const struct rg_slice parts[] = {RG_SLICE("\0"), rg_slice_make(head->id.bytes, sizeof head->id.bytes),
                                     rg_slice_of(digits), rg_slice_make(head->leaf.bytes, sizeof head->leaf.bytes)};
    head->root_leaf = rg_sha256(parts, sizeof parts / sizeof parts[0]);
    head->root_tseq = head->next_tseq;
}

/* The next head that counts, in order; NULL behind the last. *at begins at 0. */
static struct audit_tenant_head *next_live(struct audit_heads *heads, size_t *at)
{
    while (*at < heads->used) {
        struct audit_tenant_head *head = &heads->slots[heads->order[(*at)++]];
        if (head->next_tseq == 0) {
            continue; /* its first record was never written */
        }
        if (head->root_tseq != head->next_tseq) {
            hash_head(head);
        }
        return head;
    }
    return NULL;
}

struct rg_digest audit_heads_root(struct audit_heads *heads)
{
    struct audit_tree tree = {0};
    size_t at = 0;
    if (heads->order_count != heads->used) {
        sort_slots(heads);
    }
    for (const struct audit_tenant_head *head; (head = next_live(heads, &at)) != NULL;) {
        audit_tree_append(&tree, &head->root_leaf);
    }
    return audit_tree_root(&tree);
}

rg_status audit_heads_leaves(struct audit_heads *heads, struct rg_slice tenant, struct rg_arena *arena,
                             struct rg_digest **out_leaves, size_t *out_count, size_t *out_place)
{
    struct rg_digest *leaves = NULL;
    size_t count = 0;
    size_t place = SIZE_MAX;
    size_t at = 0;
    RG_TRY(rg_arena_array(arena, heads->used + 1, sizeof *leaves, (void **)&leaves));
    if (heads->order_count != heads->used) {
        sort_slots(heads);
    }
    for (const struct audit_tenant_head *head; (head = next_live(heads, &at)) != NULL; count++) {
        leaves[count] = head->root_leaf;
        place = rg_slice_is_equal(head->tenant, tenant) ? count : place;
    }
    *out_leaves = leaves;
    *out_count = count;
    *out_place = place == SIZE_MAX ? count : place;
    return RG_OK;
}
