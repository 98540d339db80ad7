/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of the client's text, collected in any order, applied in one pass. Two edits may touch but not
 * overlap; at one place an insertion comes before a replacement, and otherwise in the order of asking. */
#include "policy/sql_splice_private.h"

#include "base/rg_buf.h"

#include <stdlib.h>

rg_status sql_edit_add(struct sql_edits *edits, struct rg_arena *arena, size_t at, size_t size, struct rg_slice text)
{
    if (edits->count == edits->capacity) {
        size_t grown = edits->capacity == 0 ? 16 : edits->capacity * 2;
        struct sql_edit *bigger = NULL;
        RG_TRY(rg_arena_array(arena, grown, sizeof *bigger, (void **)&bigger));
        if (edits->count > 0) {
            memcpy(bigger, edits->edits, edits->count * sizeof *bigger);
        }
        edits->edits = bigger;
        edits->capacity = grown;
    }
    edits->edits[edits->count] = (struct sql_edit){at, size, text, edits->count};
    edits->count++;
    return RG_OK;
}

static int edit_compare(const void *left, const void *right)
{
    const struct sql_edit *a = left;
    const struct sql_edit *b = right;
    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }
    if ((a->size > 0) != (b->size > 0)) {
        return a->size > 0 ? 1 : -1;
    }
    return a->order < b->order ? -1 : 1;
}

rg_status sql_edits_apply(struct sql_edits *edits, struct rg_slice source, size_t source_at, struct rg_arena *arena,
                          struct rg_slice *out_text, struct policy_splice **out_splices)
{
    if (edits->count > 1) {
        qsort(edits->edits, edits->count, sizeof *edits->edits, edit_compare);
    }
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, arena->limit_bytes);
    struct policy_splice *splices = NULL;
    RG_TRY(rg_arena_array(arena, edits->count + 1, sizeof *splices, (void **)&splices));
    size_t copied = 0;
    for (size_t i = 0; i < edits->count; i++) {
        const struct sql_edit *edit = &edits->edits[i];
        if (edit->at < source_at + copied || edit->at - source_at > source.size ||
            edit->size > source.size - (edit->at - source_at)) {
            return rg_fail(RG_INTERNAL, "two edits of a statement overlap");
        }
        size_t at = edit->at - source_at;
        RG_TRY(rg_buf_put(&buf, rg_slice_cut(source, copied, at - copied)));
        splices[i] = (struct policy_splice){at, edit->size, rg_buf_size(&buf), edit->text.size};
        RG_TRY(rg_buf_put(&buf, edit->text));
        copied = at + edit->size;
    }
    RG_TRY(rg_buf_put(&buf, rg_slice_cut(source, copied, source.size - copied)));
    RG_TRY(rg_arena_copy(arena, rg_buf_slice(&buf), out_text));
    *out_splices = splices;
    return RG_OK;
}
