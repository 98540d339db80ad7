/* SPDX-License-Identifier: Apache-2.0 */
/* The Merkle tree of RFC 6962 2.1 as a compact range: of a log of n records only the roots of its complete
 * subtrees are held, one for each set bit of n. Called for every record by the log and by verify. Proofs are
 * in tree_proof.c, tiles in tiles.c. */
#include "audit/tree.h"

struct rg_digest audit_tree_node(const struct rg_digest *left, const struct rg_digest *right)
{
    char bytes[1 + 2 * RG_SHA256_SIZE]; /* one update instead of three: a node is hashed for each record */
    bytes[0] = 0x01;
    memcpy(bytes + 1, left->bytes, RG_SHA256_SIZE);
    memcpy(bytes + 1 + RG_SHA256_SIZE, right->bytes, RG_SHA256_SIZE);
    return rg_sha256_one((struct rg_slice){bytes, sizeof bytes});
}

void audit_tree_append_node(struct audit_tree *tree, unsigned level, const struct rg_digest *node)
{
    RG_ASSERT(level < AUDIT_TREE_LEVELS);
    const uint64_t leaves = (uint64_t)1 << level;
    RG_ASSERT((tree->size & (leaves - 1)) == 0 && tree->size <= UINT64_MAX - leaves);
    struct rg_digest root = *node;
    while ((tree->size >> level & 1) != 0) {
        root = audit_tree_node(&tree->edge[level], &root);
        level++;
    }
    tree->edge[level] = root;
    tree->size += leaves;
}

void audit_tree_append(struct audit_tree *tree, const struct rg_digest *leaf)
{
    audit_tree_append_node(tree, 0, leaf);
}

struct rg_digest audit_tree_root(const struct audit_tree *tree)
{
    if (tree->size == 0) {
        return rg_sha256(NULL, 0);
    }
    unsigned level = (unsigned)__builtin_ctzll(tree->size);
    struct rg_digest root = tree->edge[level];
    for (level++; level < AUDIT_TREE_LEVELS; level++) {
        if ((tree->size >> level & 1) != 0) {
            root = audit_tree_node(&tree->edge[level], &root);
        }
    }
    return root;
}

struct rg_digest audit_tree_root_of(const struct rg_digest *leaves, size_t count)
{
    struct audit_tree tree = {0};
    for (size_t i = 0; i < count; i++) {
        audit_tree_append(&tree, &leaves[i]);
    }
    return audit_tree_root(&tree);
}
