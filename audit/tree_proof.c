/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs of the Merkle tree: making them by the recursion of RFC 6962 2.1.1 and 2.1.2 (written as a loop from the
 * root down), checking them by the bit rules of RFC 9162 2.1.3.2 and 2.1.4.2. The two sides share no code but the
 * node hash, so that each tests the other. Proofs come from strangers: checking reads only what it is given. */
#include "audit/tree.h"

/* A path to the leaf has one hash a level; a consistency proof one more, the subtree it starts from. */
enum { PROOF_MAX = AUDIT_TREE_LEVELS + 1 };

struct range {
    uint64_t begin;
    uint64_t end; /* exclusive */
};

/* The root of a range that the recursion reaches: complete subtrees, the largest first, folded from the right. */
static rg_status range_root(const struct audit_tree_source *source, struct range range, struct rg_digest *out_root)
{
    struct rg_digest roots[AUDIT_TREE_LEVELS];
    size_t count = 0;
    for (uint64_t at = range.begin; at < range.end;) {
        unsigned level = 63U - (unsigned)__builtin_clzll(range.end - at);
        RG_TRY(source->get(source->context, level, at >> level, &roots[count]));
        count++;
        at += (uint64_t)1 << level;
    }
    RG_ASSERT(count > 0);
    while (count > 1) {
        roots[count - 2] = audit_tree_node(&roots[count - 2], &roots[count - 1]);
        count--;
    }
    *out_root = roots[0];
    return RG_OK;
}

/* The first leaf of the right half: the split is at the largest power of two below the number of leaves. */
static uint64_t split_of(struct range range)
{
    return range.begin + ((uint64_t)1 << (63U - (unsigned)__builtin_clzll(range.end - range.begin - 1)));
}

/* Ranges whose roots make up a proof, from the root down. */
struct path {
    struct range ranges[PROOF_MAX];
    size_t count;
};

static void path_push(struct path *path, struct range range)
{
    RG_ASSERT(path->count < PROOF_MAX);
    path->ranges[path->count] = range;
    path->count++;
}

/* Into the half that holds the leaf; the other half's root belongs to the proof. True = went right. */
static bool path_descend(struct path *path, struct range *range, uint64_t index)
{
    const uint64_t split = split_of(*range);
    const bool is_right = index >= split;
    path_push(path, is_right ? (struct range){range->begin, split} : (struct range){split, range->end});
    *range = is_right ? (struct range){split, range->end} : (struct range){range->begin, split};
    return is_right;
}

static rg_status path_hashes(const struct audit_tree_source *source, const struct path *path, struct rg_arena *arena,
                             struct rg_digest **out_hashes, size_t *out_count)
{
    struct rg_digest *hashes = NULL;
    RG_TRY(rg_arena_array(arena, path->count, sizeof *hashes, (void **)&hashes));
    for (size_t i = 0; i < path->count; i++) {
        RG_TRY(range_root(source, path->ranges[path->count - 1 - i], &hashes[i]));
    }
    *out_hashes = hashes;
    *out_count = path->count;
    return RG_OK;
}

rg_status audit_tree_prove_inclusion(const struct audit_tree_source *source, uint64_t index, uint64_t size,
                                     struct rg_arena *arena, struct rg_digest **out_hashes, size_t *out_count)
{
    if (index >= size) {
        return rg_fail(RG_LIMIT, "record %llu of a tree of %llu", (unsigned long long)index, (unsigned long long)size);
    }
    struct path path = {0};
    for (struct range range = {0, size}; range.end - range.begin > 1;) {
        (void)path_descend(&path, &range, index);
    }
    return path_hashes(source, &path, arena, out_hashes, out_count);
}

rg_status audit_tree_prove_consistency(const struct audit_tree_source *source, uint64_t old_size, uint64_t size,
                                       struct rg_arena *arena, struct rg_digest **out_hashes, size_t *out_count)
{
    if (old_size > size) {
        return rg_fail(RG_LIMIT, "a tree of %llu as part of one of %llu", (unsigned long long)old_size,
                       (unsigned long long)size);
    }
    struct path path = {0};
    if (old_size > 0) {
        struct range range = {0, size};
        bool is_old_root = true; /* the range left over is the whole old tree: its root is known */
        while (range.end != old_size) {
            is_old_root = !path_descend(&path, &range, old_size - 1) && is_old_root;
        }
        if (!is_old_root) {
            path_push(&path, range);
        }
    }
    return path_hashes(source, &path, arena, out_hashes, out_count);
}

static bool is_same(const struct rg_digest *a, const struct rg_digest *b)
{
    return memcmp(a->bytes, b->bytes, RG_SHA256_SIZE) == 0;
}

/* Where a node stands: fn its number in its level, sn that of the level's last node (the RFC's names). */
struct place {
    uint64_t fn;
    uint64_t sn;
};

static void place_rise(struct place *place)
{
    place->fn >>= 1;
    place->sn >>= 1;
}

/* A last node without a sibling rises to the level where it is a right child. */
static void place_skip(struct place *place)
{
    while ((place->fn & 1) == 0 && place->fn != 0) {
        place_rise(place);
    }
}

bool audit_tree_check_inclusion(const struct rg_digest *leaf, uint64_t index, uint64_t size,
                                const struct rg_digest *hashes, size_t count, const struct rg_digest *root)
{
    if (index >= size) {
        return false;
    }
    struct place place = {index, size - 1};
    struct rg_digest hash = *leaf;
    for (size_t i = 0; i < count; i++) {
        if (place.sn == 0) {
            return false;
        }
        if ((place.fn & 1) != 0 || place.fn == place.sn) {
            hash = audit_tree_node(&hashes[i], &hash);
            place_skip(&place);
        } else {
            hash = audit_tree_node(&hash, &hashes[i]);
        }
        place_rise(&place);
    }
    return place.sn == 0 && is_same(&hash, root);
}

static bool check_consistency(struct place place, const struct rg_digest *start, const struct rg_digest *hashes,
                              size_t count, const struct rg_digest *old_root, const struct rg_digest *root)
{
    struct rg_digest old_hash = *start;
    struct rg_digest hash = *start;
    for (size_t i = 0; i < count; i++) {
        if (place.sn == 0) {
            return false;
        }
        if ((place.fn & 1) != 0 || place.fn == place.sn) {
            old_hash = audit_tree_node(&hashes[i], &old_hash);
            hash = audit_tree_node(&hashes[i], &hash);
            place_skip(&place);
        } else {
            hash = audit_tree_node(&hash, &hashes[i]);
        }
        place_rise(&place);
    }
    return place.sn == 0 && is_same(&old_hash, old_root) && is_same(&hash, root);
}

bool audit_tree_check_consistency(uint64_t old_size, uint64_t size, const struct rg_digest *hashes, size_t count,
                                  const struct rg_digest *old_root, const struct rg_digest *root)
{
    if (old_size > size) {
        return false;
    }
    if (old_size == size) {
        return count == 0 && is_same(old_root, root);
    }
    if (old_size == 0) { /* every tree goes on from the empty one, which has one root only */
        const struct rg_digest none = rg_sha256(NULL, 0);
        return count == 0 && is_same(old_root, &none);
    }
    if (count == 0) {
        return false;
    }
    struct place place = {old_size - 1, size - 1};
    while ((place.fn & 1) != 0) {
        place_rise(&place);
    }
    if ((old_size & (old_size - 1)) == 0) { /* a complete subtree: its root is left out of the proof */
        return check_consistency(place, old_root, hashes, count, old_root, root);
    }
    return check_consistency(place, &hashes[0], hashes + 1, count - 1, old_root, root);
}
