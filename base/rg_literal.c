/* SPDX-License-Identifier: Apache-2.0 */
/* A text and the literals that were taken out of it, together again. Used by whoever reads a record: the list may
 * come from a file, so nothing of it is believed. */
#include "base/rg_literal.h"

static rg_status put_joined(struct rg_slice text, const struct rg_literal *literals, size_t count, struct rg_buf *out)
{
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        const struct rg_literal *literal = &literals[i];
        if (literal->at < from || literal->at > text.size || literal->size > text.size - literal->at) {
            return rg_fail(RG_PROTOCOL, "literal %zu at byte %zu does not fit a text of %zu bytes", i, literal->at,
                           text.size);
        }
        RG_TRY(rg_buf_put(out, rg_slice_cut(text, from, literal->at - from)));
        RG_TRY(rg_buf_put(out, literal->text));
        from = literal->at + literal->size;
    }
    return rg_buf_put(out, rg_slice_cut(text, from, SIZE_MAX));
}

rg_status rg_literals_join(struct rg_slice text, const struct rg_literal *literals, size_t count, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    rg_status status = put_joined(text, literals, count, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}
