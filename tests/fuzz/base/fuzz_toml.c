/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a TOML document: no crash, no exception, and either a tree or a finding. */
#include "base/rg_toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_nodes(const struct rg_toml_node *node)
{
    size_t count = 1;
    size_t children = 0;
    for (const struct rg_toml_node *child = node->first; child != NULL; child = child->next) {
        RG_ASSERT(node->type == RG_TOML_TABLE || node->type == RG_TOML_ARRAY);
        RG_ASSERT(child->text.size == 0 || child->text.data[child->text.size] == '\0');
        count += count_nodes(child);
        children += 1;
    }
    RG_ASSERT(children == node->child_count);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct rg_diag diag;
    const struct rg_toml_node *root = NULL;
    rg_arena_init(&arena, 64 << 20);
    rg_diag_init(&diag, &arena);
    rg_status status = rg_toml_parse(rg_slice_make(data, size), "fuzz.toml", &arena, &diag, &root);
    if (rg_is_ok(status)) {
        RG_ASSERT(root != NULL && diag.error_count == 0 && count_nodes(root) > 0);
    } else {
        RG_ASSERT(root == NULL && (diag.error_count > 0 || status.error->kind == RG_LIMIT));
    }
    return 0;
}
