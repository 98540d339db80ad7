/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_SPLICE_PRIVATE_H
#define RG_POLICY_SQL_SPLICE_PRIVATE_H

#include "policy/policy.h"

/* One change of the client's text: [at, at + size) becomes text. Offsets count from the whole text. */
struct sql_edit {
    size_t at, size;
    struct rg_slice text;
    size_t order;
};

struct sql_edits {
    struct sql_edit *edits;
    size_t count, capacity;
};

/* text is borrowed until the edits are applied. */
rg_status sql_edit_add(struct sql_edits *edits, struct rg_arena *arena, size_t at, size_t size,
                       struct rg_slice text) RG_MUST_CHECK;

/* The source (which starts at source_at of the whole text) with all edits, and edits->count splices.
 * RG_INTERNAL when two edits overlap or lie outside of the source. */
rg_status sql_edits_apply(struct sql_edits *edits, struct rg_slice source, size_t source_at, struct rg_arena *arena,
                          struct rg_slice *out_text, struct policy_splice **out_splices) RG_MUST_CHECK;

#endif
