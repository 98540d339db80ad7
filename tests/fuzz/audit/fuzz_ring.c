/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of a ring's file, as the auditor finds it: the first two words say which position and key it looks with. What
 * it takes for an entry lies inside the bytes, and no byte of it can be missing. */
#include "audit/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t words[2] = {0, 0}; /* position, key */
    if (size < sizeof words) {
        return 0;
    }
    memcpy(words, data, sizeof words);
    struct rg_slice rest = rg_slice_cut(rg_slice_make(data, size), sizeof words, SIZE_MAX);
    while (true) {
        struct rg_slice content = {0};
        size_t taken = 0;
        if (!audit_ring_entry(rest, words[0], words[1], &content, &taken)) {
            RG_ASSERT(content.data == NULL && taken == 0);
            return 0;
        }
        RG_ASSERT(content.size > 0 && content.size <= AUDIT_RING_ENTRY_MAX);
        RG_ASSERT(content.data >= rest.data && content.data + content.size <= rest.data + taken);
        RG_ASSERT(taken <= rest.size && taken % 16 == 0);
        struct rg_slice cut = rg_slice_cut(rest, 0, taken - 16);
        struct rg_slice none = {0};
        size_t nothing = 0;
        RG_ASSERT(!audit_ring_entry(cut, words[0], words[1], &none, &nothing));
        words[0] += taken;
        rest = rg_slice_cut(rest, taken, SIZE_MAX);
    }
}
