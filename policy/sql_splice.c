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

static bool is_word(int byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '$' || byte >= 0x80;
}

static int first_of(struct rg_slice text)
{
    return text.size == 0 ? -1 : (unsigned char)text.data[0];
}

static int last_of(struct rg_slice text)
{
    return text.size == 0 ? -1 : (unsigned char)text.data[text.size - 1];
}

/* SELECT"a"FROM"t" is good SQL: a word that is put in must not grow together with its neighbours. */
static rg_status put_edit(struct rg_buf *buf, const struct sql_edit *edit, struct rg_slice rest)
{
    struct rg_slice before = rg_buf_slice(buf);
    int next = first_of(edit->text.size > 0 ? edit->text : rest);
    if (is_word(last_of(before)) && is_word(next)) {
        RG_TRY(rg_buf_put(buf, RG_SLICE(" ")));
    }
    RG_TRY(rg_buf_put(buf, edit->text));
    if (is_word(last_of(edit->text)) && is_word(first_of(rest))) {
        RG_TRY(rg_buf_put(buf, RG_SLICE(" ")));
    }
    return RG_OK;
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
        copied = at + edit->size;
        size_t out_at = rg_buf_size(&buf);
        RG_TRY(put_edit(&buf, edit, rg_slice_cut(source, copied, source.size)));
        splices[i] = (struct policy_splice){at, edit->size, out_at, rg_buf_size(&buf) - out_at};
    }
    RG_TRY(rg_buf_put(&buf, rg_slice_cut(source, copied, source.size - copied)));
    RG_TRY(rg_arena_copy(arena, rg_buf_slice(&buf), out_text));
    *out_splices = splices;
    return RG_OK;
}
