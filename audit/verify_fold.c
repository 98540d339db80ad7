/* SPDX-License-Identifier: Apache-2.0 */
/* The tree over what the segments returned: groups of 256 leaves are pushed as one node, leaves that belong to a group
 * across two segments are gathered in between. Each tile that becomes full is compared on the way, and the root is
 * taken wherever a checkpoint was made. */
#include "audit/verify_private.h"

static struct rg_digest *row_of(struct verify_stitch *stitch, unsigned level)
{
    return stitch->levels + (size_t)level * AUDIT_TILE_WIDTH;
}

/* One more root of a full group: a hash of level 1, and from there up. */
static void push_group(struct verify_stitch *stitch, const struct rg_digest *root)
{
    struct rg_digest hash = *root;
    audit_tree_append_node(stitch->tree, 8, root);
    uint64_t count = stitch->tree->size;
    for (unsigned level = 1; level < AUDIT_TILE_LEVELS; level++) {
        count /= AUDIT_TILE_WIDTH; /* hashes of this level */
        row_of(stitch, level)[(count - 1) % AUDIT_TILE_WIDTH] = hash;
        if (count % AUDIT_TILE_WIDTH != 0) {
            return;
        }
        verify_tile_check(stitch->tiles, level, count / AUDIT_TILE_WIDTH - 1, row_of(stitch, level), AUDIT_TILE_WIDTH,
                          stitch->findings);
        hash = audit_tree_root_of(row_of(stitch, level), AUDIT_TILE_WIDTH);
    }
}

static void settle(struct verify_stitch *stitch, const struct verify_mark *mark, const struct rg_digest *root)
{
    struct verify_checkpoint *checkpoints = stitch->checkpoints->sorted.items;
    for (size_t i = verify_checkpoints_from(stitch->checkpoints, mark->size);
         i < stitch->checkpoints->sorted.count && checkpoints[i].size == mark->size; i++) {
        checkpoints[i].is_root_known = true;
        checkpoints[i].is_root_right = memcmp(root->bytes, checkpoints[i].root.bytes, RG_SHA256_SIZE) == 0;
        checkpoints[i].epoch = stitch->epoch + mark->opens;
        checkpoints[i].hlc_us = mark->hlc_us;
    }
}

struct rg_digest verify_fold_root(const struct verify_stitch *stitch)
{
    struct audit_tree tree = *stitch->tree;
    for (size_t i = 0; i < stitch->carry_count; i++) {
        audit_tree_append(&tree, &stitch->carry[i]);
    }
    return audit_tree_root(&tree);
}

static void settle_carry(struct verify_stitch *stitch, const struct verify_mark *mark)
{
    struct rg_digest root = verify_fold_root(stitch);
    settle(stitch, mark, &root);
}

static void settle_edge(struct verify_stitch *stitch, const struct verify_mark *mark)
{
    struct audit_tree tree = *stitch->tree;
    for (unsigned level = 8; level-- > 0;) {
        if ((mark->size >> level & 1) != 0) {
            audit_tree_append_node(&tree, level, &mark->edge[level]);
        }
    }
    struct rg_digest root = audit_tree_root(&tree);
    settle(stitch, mark, &root);
}

static void add_to_carry(struct verify_stitch *stitch, const struct rg_digest *leaf)
{
    stitch->carry[stitch->carry_count] = *leaf;
    stitch->carry_count++;
    if (stitch->carry_count == AUDIT_TILE_WIDTH) {
        struct rg_digest root = audit_tree_root_of(stitch->carry, AUDIT_TILE_WIDTH);
        verify_tile_check(stitch->tiles, 0, stitch->tree->size / AUDIT_TILE_WIDTH, stitch->carry, AUDIT_TILE_WIDTH,
                          stitch->findings);
        stitch->carry_count = 0;
        push_group(stitch, &root);
    }
}

void verify_fold_leaf(struct verify_stitch *stitch, const struct rg_digest *leaf)
{
    const struct verify_checkpoint *checkpoints = stitch->checkpoints->sorted.items;
    add_to_carry(stitch, leaf);
    struct verify_mark mark = {.size = stitch->tree->size + stitch->carry_count};
    size_t at = verify_checkpoints_from(stitch->checkpoints, mark.size);
    if (at < stitch->checkpoints->sorted.count && checkpoints[at].size == mark.size) {
        settle_carry(stitch, &mark);
    }
}

struct marks {
    const struct verify_mark *at;
    const struct verify_mark *end;
};

static struct marks fold_head(struct verify_stitch *stitch, const struct verify_segment *segment, struct marks marks)
{
    const struct rg_digest *head = segment->head.items;
    for (size_t i = 0; i < segment->head.count; i++) {
        add_to_carry(stitch, &head[i]);
        if (marks.at < marks.end && marks.at->size == stitch->tree->size + stitch->carry_count) {
            settle_carry(stitch, marks.at);
            marks.at++;
        }
    }
    return marks;
}

void verify_fold(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    const struct rg_digest *groups = segment->groups.items;
    const struct rg_digest *tail = segment->tail.items;
    struct marks marks = {.at = segment->marks.items};
    marks.end = segment->marks.count == 0 ? marks.at : marks.at + segment->marks.count;
    marks = fold_head(stitch, segment, marks);
    for (size_t i = 0; i < segment->groups.count; i++) {
        uint64_t end = stitch->tree->size + AUDIT_TILE_WIDTH;
        for (; marks.at < marks.end && marks.at->size < end; marks.at++) {
            settle_edge(stitch, marks.at);
        }
        push_group(stitch, &groups[i]);
        for (; marks.at < marks.end && marks.at->size == end; marks.at++) {
            settle_edge(stitch, marks.at);
        }
    }
    for (; marks.at < marks.end; marks.at++) {
        settle_edge(stitch, marks.at);
    }
    for (size_t i = 0; i < segment->tail.count; i++) {
        add_to_carry(stitch, &tail[i]);
    }
}

void verify_fold_end(struct verify_stitch *stitch)
{
    uint64_t count = stitch->tree->size;
    if (stitch->carry_count > 0) {
        verify_tile_check(stitch->tiles, 0, count / AUDIT_TILE_WIDTH, stitch->carry, stitch->carry_count,
                          stitch->findings);
    }
    for (unsigned level = 1; level < AUDIT_TILE_LEVELS; level++) {
        count /= AUDIT_TILE_WIDTH;
        if (count % AUDIT_TILE_WIDTH != 0) {
            verify_tile_check(stitch->tiles, level, count / AUDIT_TILE_WIDTH, row_of(stitch, level),
                              count % AUDIT_TILE_WIDTH, stitch->findings);
        }
    }
}
