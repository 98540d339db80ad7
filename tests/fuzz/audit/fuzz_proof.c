/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs as an outsider hands them in. Input: u64 index or old size, u64 size, u64 leaf count, all little endian, a
 * byte of choices, then bytes. First the bytes as they are, as a proof for any sizes: checking must end and read
 * nothing else. Then an honest proof of a small tree with the bytes laid over it: accepted exactly when they changed
 * nothing that is checked. */
#include "audit/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LEAVES = 300, HASHES = 80, NUMBERS = 25 };

struct input {
    uint64_t first;
    uint64_t size;
    uint64_t leaves;
    uint8_t choices; /* 1: consistency; 2: one hash more; 4: one hash fewer; 8: another index, 16: another size */
    struct rg_slice rest;
};

static bool input_get(const uint8_t *data, size_t size, struct input *input)
{
    if (size < NUMBERS) {
        return false;
    }
    memcpy(&input->first, data, 8);
    memcpy(&input->size, data + 8, 8);
    memcpy(&input->leaves, data + 16, 8);
    input->choices = data[24];
    input->rest = rg_slice_make(data + NUMBERS, size - NUMBERS);
    return true;
}

static rg_status array_get(void *context, unsigned level, uint64_t index, struct rg_digest *out_hash)
{
    struct rg_digest *leaves = context;
    RG_ASSERT((index + 1) << level <= LEAVES);
    *out_hash = audit_tree_root_of(leaves + (index << level), (size_t)1 << level);
    return RG_OK;
}

static void check_raw(const struct input *input)
{
    struct rg_digest hashes[HASHES] = {0};
    struct rg_slice rest = rg_slice_cut(input->rest, 0, sizeof hashes);
    if (rest.size > 0) {
        memcpy(hashes, rest.data, rest.size);
    }
    size_t count = rest.size / RG_SHA256_SIZE;
    struct rg_digest root = audit_tree_root_of(hashes, 3);
    bool is_included = audit_tree_check_inclusion(&hashes[0], input->first, input->size, hashes, count, &root);
    RG_ASSERT(!is_included || (input->first < input->size && count <= AUDIT_TREE_LEVELS));
    bool is_consistent = audit_tree_check_consistency(input->first, input->size, hashes, count, &root, &hashes[1]);
    RG_ASSERT(!is_consistent || (input->first <= input->size && count <= AUDIT_TREE_LEVELS + 1));
}

/* Lays the bytes over the honest proof; true = it is still the honest one. */
static bool tamper(const struct input *input, struct rg_digest *hashes, size_t *count)
{
    const size_t honest_count = *count;
    bool is_same = true;
    struct rg_slice rest = rg_slice_cut(input->rest, 0, honest_count * RG_SHA256_SIZE);
    for (size_t i = 0; i < rest.size; i++) {
        is_same = is_same && rest.data[i] == 0;
        hashes[i / RG_SHA256_SIZE].bytes[i % RG_SHA256_SIZE] ^= (uint8_t)rest.data[i];
    }
    *count += (input->choices & 2) != 0 ? 1 : 0;
    *count -= (input->choices & 4) != 0 && *count > 0 ? 1 : 0;
    return is_same && *count == honest_count;
}

static void check_made(const struct input *input, struct rg_digest *leaves)
{
    const uint64_t size = input->leaves % LEAVES + 1;
    const uint64_t first = input->first % size;
    struct rg_digest *made = NULL;
    size_t count = 0;
    struct rg_digest hashes[HASHES] = {0};
    struct audit_tree_source source = {array_get, leaves};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, sizeof hashes);
    const bool is_consistency = (input->choices & 1) != 0;
    rg_status status = is_consistency ? audit_tree_prove_consistency(&source, first, size, &arena, &made, &count)
                                      : audit_tree_prove_inclusion(&source, first, size, &arena, &made, &count);
    RG_ASSERT(rg_is_ok(status));
    memcpy(hashes, made, count * sizeof *made);
    struct rg_digest root = audit_tree_root_of(leaves, size);
    struct rg_digest old_root = audit_tree_root_of(leaves, first);
    bool is_honest = tamper(input, hashes, &count);
    uint64_t claimed_first = (input->choices & 8) != 0 ? input->first : first;
    uint64_t claimed_size = (input->choices & 16) != 0 ? input->size : size;
    bool holds = is_consistency
                     ? audit_tree_check_consistency(claimed_first, claimed_size, hashes, count, &old_root, &root)
                     : audit_tree_check_inclusion(&leaves[first], claimed_first, claimed_size, hashes, count, &root);
    if (claimed_size == size) { /* another size is another shape: the signed root, not the proof, speaks for it */
        RG_ASSERT(holds == (is_honest && claimed_first == first));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rg_digest leaves[LEAVES];
    struct input input;
    if (!input_get(data, size, &input)) {
        return 0;
    }
    for (uint64_t i = 0; i < LEAVES; i++) {
        leaves[i] = rg_sha256_one(rg_slice_make(&i, sizeof i));
    }
    check_raw(&input);
    check_made(&input, leaves);
    return 0;
}
