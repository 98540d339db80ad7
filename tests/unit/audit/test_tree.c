/* SPDX-License-Identifier: Apache-2.0 */
/* The Merkle tree against the known answers of certificate transparency (the eight leaves of its C++ and Go
 * tests) and against RFC 6962 2.1 written down a second time, recursively, as the RFC has it. */
#include "audit/tree.h"

#include <stdio.h>

#include "audit/line.h"
#include "tests/support/rg_test.h"

enum { LEAVES = 300, PROOF_SIZE = 80 };

static struct rg_digest leaf_of(uint64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "record %llu", (unsigned long long)number);
    return audit_line_leaf(rg_slice_of(text));
}

static void fill(struct rg_digest *leaves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        leaves[i] = leaf_of(i);
    }
}

static void assert_digest(const struct rg_digest *digest, const char *hex)
{
    char text[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(digest, text);
    assert_string_equal(text, hex);
}

/* ---- the second definition: RFC 6962 2.1, 2.1.1, 2.1.2 word for word ---- */

static size_t split_below(size_t count)
{
    size_t k = 1;
    while (2 * k < count) {
        k *= 2;
    }
    return k;
}

static struct rg_digest mth(const struct rg_digest *leaves, size_t count)
{
    if (count == 0) {
        return rg_sha256_one(RG_SLICE(""));
    }
    if (count == 1) {
        return leaves[0];
    }
    size_t k = split_below(count);
    struct rg_digest left = mth(leaves, k);
    struct rg_digest right = mth(leaves + k, count - k);
    const struct rg_slice parts[] = {RG_SLICE("\x01"), rg_slice_make(left.bytes, sizeof left.bytes),
                                     rg_slice_make(right.bytes, sizeof right.bytes)};
    return rg_sha256(parts, 3);
}

struct proof {
    struct rg_digest hashes[PROOF_SIZE];
    size_t count;
};

static void path_of(size_t m, const struct rg_digest *leaves, size_t count, struct proof *proof)
{
    if (count == 1) {
        return;
    }
    size_t k = split_below(count);
    if (m < k) {
        path_of(m, leaves, k, proof);
        proof->hashes[proof->count++] = mth(leaves + k, count - k);
    } else {
        path_of(m - k, leaves + k, count - k, proof);
        proof->hashes[proof->count++] = mth(leaves, k);
    }
}

static void subproof_of(size_t m, const struct rg_digest *leaves, size_t count, bool is_whole, struct proof *proof)
{
    if (m == count) {
        if (!is_whole) {
            proof->hashes[proof->count++] = mth(leaves, count);
        }
        return;
    }
    size_t k = split_below(count);
    if (m <= k) {
        subproof_of(m, leaves, k, is_whole, proof);
        proof->hashes[proof->count++] = mth(leaves + k, count - k);
    } else {
        subproof_of(m - k, leaves + k, count - k, false, proof);
        proof->hashes[proof->count++] = mth(leaves, k);
    }
}

/* ---- sources ---- */

struct array {
    const struct rg_digest *leaves;
    size_t count;
    unsigned fails_at; /* the n-th call fails; 0 = none */
    unsigned calls;
};

static rg_status array_get(void *context, unsigned level, uint64_t index, struct rg_digest *out_hash)
{
    struct array *array = context;
    array->calls++;
    if (array->calls == array->fails_at) {
        return rg_fail(RG_STORAGE, "no such tile");
    }
    assert_true(level < 20 && (index + 1) << level <= array->count); /* complete subtrees only */
    *out_hash = mth(array->leaves + (index << level), (size_t)1 << level);
    return RG_OK;
}

/* ---- known answers ---- */

static const struct {
    struct rg_slice input;
    const char *root; /* of the tree that ends with this leaf */
} known[] = {
    {{"", 0}, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {{"\x00", 1}, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {{"\x10", 1}, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {{"\x20\x21", 2}, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {{"\x30\x31", 2}, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {{"\x40\x41\x42\x43", 4}, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {{"\x50\x51\x52\x53\x54\x55\x56\x57", 8}, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {{"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16},
     "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};
enum { KNOWN = sizeof known / sizeof known[0] };

static void gives_the_roots_of_certificate_transparency(void **state)
{
    (void)state;
    struct audit_tree tree = {0};
    struct rg_digest root = audit_tree_root(&tree);
    assert_digest(&root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < KNOWN; i++) {
        struct rg_digest leaf = audit_line_leaf(known[i].input);
        audit_tree_append(&tree, &leaf);
        root = audit_tree_root(&tree);
        assert_digest(&root, known[i].root);
    }
}

static const struct {
    const char *name;
    uint64_t first; /* the leaf, or the old size */
    uint64_t size;
    bool is_inclusion;
    const char *hashes[4];
} known_proofs[] = {
    {"leaf 0 of 1", 0, 1, true, {NULL}},
    {"leaf 0 of 8",
     0,
     8,
     true,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {"leaf 5 of 8",
     5,
     8,
     true,
     {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {"leaf 2 of 3", 2, 3, true, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
    {"leaf 1 of 5",
     1,
     5,
     true,
     {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    {"1 to 1", 1, 1, false, {NULL}},
    {"1 to 8",
     1,
     8,
     false,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {"6 to 8",
     6,
     8,
     false,
     {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {"2 to 5",
     2,
     5,
     false,
     {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
};

static void gives_the_proofs_of_certificate_transparency(void **state)
{
    (void)state;
    struct rg_digest leaves[KNOWN];
    for (size_t i = 0; i < KNOWN; i++) {
        leaves[i] = audit_line_leaf(known[i].input);
    }
    for (size_t row = 0; row < sizeof known_proofs / sizeof known_proofs[0]; row++) {
        struct array array = {.leaves = leaves, .count = known_proofs[row].size};
        struct audit_tree_source source = {array_get, &array};
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 4096);
        struct rg_digest *hashes = NULL;
        size_t count = 99;
        print_message("  %s\n", known_proofs[row].name);
        if (known_proofs[row].is_inclusion) {
            assert_ok(audit_tree_prove_inclusion(&source, known_proofs[row].first, known_proofs[row].size, &arena,
                                                 &hashes, &count));
        } else {
            assert_ok(audit_tree_prove_consistency(&source, known_proofs[row].first, known_proofs[row].size, &arena,
                                                   &hashes, &count));
        }
        for (size_t i = 0; i < count; i++) {
            assert_non_null(known_proofs[row].hashes[i]);
            assert_digest(&hashes[i], known_proofs[row].hashes[i]);
        }
        assert_null(known_proofs[row].hashes[count]);
    }
}

/* ---- against the recursion ---- */

static void agrees_with_the_recursive_definition_at_every_size(void **state)
{
    (void)state;
    struct rg_digest leaves[LEAVES];
    struct audit_tree tree = {0};
    fill(leaves, LEAVES);
    for (size_t size = 0; size <= LEAVES; size++) {
        struct rg_digest wanted = mth(leaves, size);
        struct rg_digest root = audit_tree_root(&tree);
        struct rg_digest again = audit_tree_root_of(leaves, size);
        assert_true(tree.size == size);
        assert_memory_equal(&root, &wanted, sizeof root);
        assert_memory_equal(&again, &wanted, sizeof root);
        if (size < LEAVES) {
            audit_tree_append(&tree, &leaves[size]);
        }
    }
}

static void takes_whole_subtrees_for_their_leaves(void **state)
{
    (void)state;
    struct rg_digest leaves[LEAVES];
    fill(leaves, LEAVES);
    for (unsigned level = 0; level <= 6; level++) {
        struct audit_tree tree = {0};
        size_t step = (size_t)1 << level;
        while (tree.size + step <= LEAVES) {
            struct rg_digest node = mth(leaves + tree.size, step);
            audit_tree_append_node(&tree, level, &node);
        }
        while (tree.size < LEAVES) {
            audit_tree_append(&tree, &leaves[tree.size]);
        }
        struct rg_digest wanted = mth(leaves, LEAVES);
        struct rg_digest root = audit_tree_root(&tree);
        assert_memory_equal(&root, &wanted, sizeof root);
    }
}

/* Everything a liar may change in a proof that holds: each must be refused. */
static void assert_inclusion_is_brittle(const struct rg_digest *leaf, uint64_t index, uint64_t size,
                                        struct proof *proof, const struct rg_digest *root)
{
    assert_true(audit_tree_check_inclusion(leaf, index, size, proof->hashes, proof->count, root));
    for (size_t i = 0; i < proof->count; i++) {
        proof->hashes[i].bytes[i % RG_SHA256_SIZE] ^= (uint8_t)(1U << (i % 8));
        assert_false(audit_tree_check_inclusion(leaf, index, size, proof->hashes, proof->count, root));
        proof->hashes[i].bytes[i % RG_SHA256_SIZE] ^= (uint8_t)(1U << (i % 8));
    }
    struct rg_digest other = *leaf;
    other.bytes[31] ^= 1;
    assert_false(audit_tree_check_inclusion(&other, index, size, proof->hashes, proof->count, root));
    other = *root;
    other.bytes[0] ^= 0x80;
    assert_false(audit_tree_check_inclusion(leaf, index, size, proof->hashes, proof->count, &other));
    proof->hashes[proof->count] = *root;
    assert_false(audit_tree_check_inclusion(leaf, index, size, proof->hashes, proof->count + 1, root));
    if (proof->count > 0) {
        assert_false(audit_tree_check_inclusion(leaf, index, size, proof->hashes, proof->count - 1, root));
        assert_false(audit_tree_check_inclusion(leaf, index, size, proof->hashes + 1, proof->count - 1, root));
    }
    for (uint64_t wrong = 0; wrong < size; wrong++) {
        assert_true(wrong == index ||
                    !audit_tree_check_inclusion(leaf, wrong, size, proof->hashes, proof->count, root));
    }
    assert_false(audit_tree_check_inclusion(leaf, size, size, proof->hashes, proof->count, root));
    assert_false(audit_tree_check_inclusion(leaf, UINT64_MAX, size, proof->hashes, proof->count, root));
    assert_false(audit_tree_check_inclusion(leaf, index, 0, proof->hashes, proof->count, root));
}

static void proves_every_leaf_at_every_size_and_nothing_else(void **state)
{
    (void)state;
    struct rg_digest leaves[LEAVES];
    fill(leaves, LEAVES);
    for (size_t size = 1; size <= LEAVES; size = size < 64 ? size + 1 : size * 2 - 28) { /* 1 to 64, 100, 172, ... */
        struct array array = {.leaves = leaves, .count = size};
        struct audit_tree_source source = {array_get, &array};
        struct rg_digest root = mth(leaves, size);
        for (size_t index = 0; index < size; index++) {
            RG_AUTO(rg_arena_done) struct rg_arena arena;
            rg_arena_init(&arena, 4096);
            struct proof wanted = {0};
            struct rg_digest *hashes = NULL;
            size_t count = 0;
            path_of(index, leaves, size, &wanted);
            assert_ok(audit_tree_prove_inclusion(&source, index, size, &arena, &hashes, &count));
            assert_int_equal(count, wanted.count);
            assert_true(count == 0 || memcmp(hashes, wanted.hashes, count * sizeof *hashes) == 0);
            assert_inclusion_is_brittle(&leaves[index], index, size, &wanted, &root);
        }
    }
}

static void assert_consistency_is_brittle(uint64_t old_size, uint64_t size, struct proof *proof,
                                          const struct rg_digest *old_root, const struct rg_digest *root)
{
    assert_true(audit_tree_check_consistency(old_size, size, proof->hashes, proof->count, old_root, root));
    for (size_t i = 0; i < proof->count; i++) {
        proof->hashes[i].bytes[31 - i % RG_SHA256_SIZE] ^= 0x10;
        assert_false(audit_tree_check_consistency(old_size, size, proof->hashes, proof->count, old_root, root));
        proof->hashes[i].bytes[31 - i % RG_SHA256_SIZE] ^= 0x10;
    }
    struct rg_digest other = *old_root;
    other.bytes[5] ^= 4;
    assert_false(audit_tree_check_consistency(old_size, size, proof->hashes, proof->count, &other, root));
    other = *root;
    other.bytes[7] ^= 2;
    assert_true(old_size == 0 ||
                !audit_tree_check_consistency(old_size, size, proof->hashes, proof->count, old_root, &other));
    proof->hashes[proof->count] = *root;
    assert_false(audit_tree_check_consistency(old_size, size, proof->hashes, proof->count + 1, old_root, root));
    if (proof->count > 0) {
        assert_false(audit_tree_check_consistency(old_size, size, proof->hashes, proof->count - 1, old_root, root));
        assert_false(audit_tree_check_consistency(old_size, size, proof->hashes + 1, proof->count - 1, old_root, root));
        assert_false(audit_tree_check_consistency(old_size, size, proof->hashes, 0, old_root, root));
        assert_false(audit_tree_check_consistency(old_size, old_size, proof->hashes, proof->count, old_root, root));
        assert_false(audit_tree_check_consistency(0, size, proof->hashes, proof->count, old_root, root));
    }
    assert_true(old_size == size ||
                !audit_tree_check_consistency(size, old_size, proof->hashes, proof->count, root, old_root));
}

static void proves_that_every_tree_goes_on_from_every_smaller_one(void **state)
{
    (void)state;
    struct rg_digest leaves[LEAVES];
    fill(leaves, LEAVES);
    for (size_t size = 0; size <= 64; size++) {
        struct array array = {.leaves = leaves, .count = size};
        struct audit_tree_source source = {array_get, &array};
        struct rg_digest root = mth(leaves, size);
        for (size_t old_size = 0; old_size <= size; old_size++) {
            RG_AUTO(rg_arena_done) struct rg_arena arena;
            rg_arena_init(&arena, 4096);
            struct proof wanted = {0};
            struct rg_digest *hashes = NULL;
            size_t count = 0;
            if (old_size > 0) {
                subproof_of(old_size, leaves, size, true, &wanted);
            }
            assert_ok(audit_tree_prove_consistency(&source, old_size, size, &arena, &hashes, &count));
            assert_int_equal(count, wanted.count);
            assert_true(count == 0 || memcmp(hashes, wanted.hashes, count * sizeof *hashes) == 0);
            struct rg_digest old_root = mth(leaves, old_size);
            assert_consistency_is_brittle(old_size, size, &wanted, &old_root, &root);
        }
    }
}

static void refuses_a_consistency_proof_for_any_other_pair_of_sizes(void **state)
{
    (void)state;
    struct rg_digest leaves[LEAVES];
    fill(leaves, LEAVES);
    for (size_t size = 2; size <= 24; size++) {
        struct rg_digest root = mth(leaves, size);
        for (size_t old_size = 1; old_size < size; old_size++) {
            struct proof proof = {0};
            struct rg_digest old_root = mth(leaves, old_size);
            subproof_of(old_size, leaves, size, true, &proof);
            for (size_t wrong = 0; wrong <= size; wrong++) {
                assert_true(wrong == old_size ||
                            !audit_tree_check_consistency(wrong, size, proof.hashes, proof.count, &old_root, &root));
            }
        }
    }
}

static void refuses_to_prove_what_is_not_in_the_tree(void **state)
{
    (void)state;
    struct array array = {0};
    struct audit_tree_source source = {array_get, &array};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    struct rg_digest *hashes = NULL;
    size_t count = 77;
    assert_fails(RG_LIMIT, audit_tree_prove_inclusion(&source, 0, 0, &arena, &hashes, &count));
    assert_fails(RG_LIMIT, audit_tree_prove_inclusion(&source, 8, 8, &arena, &hashes, &count));
    assert_fails(RG_LIMIT, audit_tree_prove_inclusion(&source, UINT64_MAX, 8, &arena, &hashes, &count));
    assert_fails(RG_LIMIT, audit_tree_prove_consistency(&source, 9, 8, &arena, &hashes, &count));
    assert_true(hashes == NULL && count == 77 && array.calls == 0);
}

static void a_hash_that_cannot_be_had_fails_the_proof(void **state)
{
    (void)state;
    struct rg_digest leaves[LEAVES];
    fill(leaves, LEAVES);
    for (unsigned nth = 1;; nth++) {
        struct array array = {.leaves = leaves, .count = 299, .fails_at = nth};
        struct audit_tree_source source = {array_get, &array};
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 4096);
        struct rg_digest *hashes = NULL;
        size_t count = 77;
        rg_status status = audit_tree_prove_inclusion(&source, 100, 299, &arena, &hashes, &count);
        if (rg_is_ok(status)) {
            assert_true(nth > 9);
            break;
        }
        assert_int_equal(status.error->kind, RG_STORAGE);
        assert_true(hashes == NULL && count == 77);
        array.calls = 0;
        status = audit_tree_prove_consistency(&source, 100, 299, &arena, &hashes, &count);
        assert_true(rg_is_ok(status) || (hashes == NULL && count == 77));
    }
    RG_AUTO(rg_arena_done) struct rg_arena full;
    rg_arena_init(&full, 64);
    struct array array = {.leaves = leaves, .count = 299};
    struct audit_tree_source source = {array_get, &array};
    struct rg_digest *hashes = NULL;
    size_t count = 77;
    assert_fails(RG_LIMIT, audit_tree_prove_inclusion(&source, 100, 299, &full, &hashes, &count));
    assert_fails(RG_LIMIT, audit_tree_prove_consistency(&source, 100, 299, &full, &hashes, &count));
    assert_true(hashes == NULL && count == 77);
}

/* ---- trees of any size: all leaves the same, so that every level has one hash ---- */

static rg_status uniform_get(void *context, unsigned level, uint64_t index, struct rg_digest *out_hash)
{
    const struct rg_digest *levels = context;
    (void)index;
    *out_hash = levels[level];
    return RG_OK;
}

static struct rg_digest uniform_root(const struct rg_digest *levels, uint64_t size)
{
    struct audit_tree tree = {0};
    for (unsigned level = 64; level-- > 0;) {
        if ((size >> level & 1) != 0) {
            audit_tree_append_node(&tree, level, &levels[level]);
        }
    }
    assert_true(tree.size == size);
    return audit_tree_root(&tree);
}

static void proves_in_trees_of_up_to_two_to_the_64_leaves(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {
        1, 255, 256, 257, UINT32_MAX, (1ULL << 33) + 1, 1ULL << 63, (1ULL << 63) + 1, UINT64_MAX};
    struct rg_digest levels[AUDIT_TREE_LEVELS];
    levels[0] = leaf_of(0);
    for (size_t i = 1; i < AUDIT_TREE_LEVELS; i++) {
        levels[i] = audit_tree_node(&levels[i - 1], &levels[i - 1]);
    }
    struct audit_tree_source source = {uniform_get, levels};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct rg_digest root = uniform_root(levels, sizes[i]);
        for (size_t j = 0; j <= i; j++) {
            RG_AUTO(rg_arena_done) struct rg_arena arena;
            rg_arena_init(&arena, 8192);
            struct rg_digest *hashes = NULL;
            size_t count = 0;
            struct rg_digest old_root = uniform_root(levels, sizes[j]);
            assert_ok(audit_tree_prove_inclusion(&source, sizes[j] - 1, sizes[i], &arena, &hashes, &count));
            assert_true(audit_tree_check_inclusion(&levels[0], sizes[j] - 1, sizes[i], hashes, count, &root));
            assert_ok(audit_tree_prove_consistency(&source, sizes[j], sizes[i], &arena, &hashes, &count));
            assert_true(audit_tree_check_consistency(sizes[j], sizes[i], hashes, count, &old_root, &root));
        }
    }
}

static void a_leaf_is_never_taken_for_a_node(void **state)
{
    (void)state;
    struct rg_digest leaves[2] = {leaf_of(0), leaf_of(1)};
    char joined[2 * RG_SHA256_SIZE];
    memcpy(joined, leaves, sizeof joined);
    struct rg_digest forged = audit_line_leaf((struct rg_slice){joined, sizeof joined});
    struct rg_digest root = audit_tree_root_of(leaves, 2);
    assert_memory_not_equal(&forged, &root, sizeof root);
    assert_false(audit_tree_check_inclusion(&forged, 0, 1, NULL, 0, &root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_roots_of_certificate_transparency),
        cmocka_unit_test(gives_the_proofs_of_certificate_transparency),
        cmocka_unit_test(agrees_with_the_recursive_definition_at_every_size),
        cmocka_unit_test(takes_whole_subtrees_for_their_leaves),
        cmocka_unit_test(proves_every_leaf_at_every_size_and_nothing_else),
        cmocka_unit_test(proves_that_every_tree_goes_on_from_every_smaller_one),
        cmocka_unit_test(refuses_a_consistency_proof_for_any_other_pair_of_sizes),
        cmocka_unit_test(refuses_to_prove_what_is_not_in_the_tree),
        cmocka_unit_test(a_hash_that_cannot_be_had_fails_the_proof),
        cmocka_unit_test(proves_in_trees_of_up_to_two_to_the_64_leaves),
        cmocka_unit_test(a_leaf_is_never_taken_for_a_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
