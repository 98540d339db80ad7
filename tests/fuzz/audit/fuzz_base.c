/* SPDX-License-Identifier: Apache-2.0 */
/* Input = a file of pruned/. What is accepted is what would be written for it, by the parser's own check; here it must
 * not crash, and give a tree of its size. */
#include "audit/keep/base.h"
#include "base/rg_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rg_digest keys_root = {{0}};
    struct audit_base *base = rg_memory_alloc(sizeof *base);
    audit_base_init(base, RG_SLICE("o"), &keys_root);
    if (rg_is_ok(audit_base_parse(rg_slice_make(data, size), RG_SLICE("o"), base))) {
        RG_ASSERT(base->tree.size == base->chain.next_seq && base->tiles.size == base->tree.size);
    }
    audit_base_done(base);
    rg_memory_free(base);
    return 0;
}
