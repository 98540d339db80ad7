/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue snapshot on arbitrary bytes: it survives, answers with one of its two kinds, and what it accepts can be
 * found again, in order. */
#include <stddef.h>
#include <stdint.h>

#include "policy/relations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_relations *relations = NULL;
    rg_status status = policy_relations_parse(rg_slice_make(data, size), &relations);
    if (!rg_is_ok(status)) {
        RG_ASSERT(relations == NULL);
        RG_ASSERT(status.error->kind == RG_CONFIG || status.error->kind == RG_LIMIT);
        return 0;
    }
    for (size_t i = 0; i < policy_relation_count(relations); i++) {
        const struct policy_relation *relation = policy_relation_at(relations, i);
        RG_ASSERT(policy_relation_find(relations, relation->schema, relation->name) == relation);
        for (size_t j = 0; j < relation->column_count; j++) {
            RG_ASSERT(policy_column_find(relation, relation->columns[j].name) == &relation->columns[j]);
        }
        RG_ASSERT(relation->read_count == 0 || relation->kind == 'v' || relation->kind == 'm');
    }
    RG_ASSERT(policy_relation_at(relations, policy_relation_count(relations)) == NULL);
    policy_relations_free(&relations);
    return 0;
}
