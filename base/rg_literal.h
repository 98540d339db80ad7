/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_LITERAL_H
#define RG_BASE_LITERAL_H

#include "base/rg_buf.h"

/* A literal that was taken out of a text: a placeholder stands in its place. A list of them is sorted by
 * `at` and does not overlap, so that the text before can be put together again, byte for byte.
 * Units: bytes; at is an offset in the text with the placeholders. */
struct rg_literal {
    size_t at;
    size_t size; /* of the placeholder */
    struct rg_slice text;
};

/* A list is one slice, so that it can be compared and copied: for each literal u32 at, u32 size, u32 size of the
 * text (big endian), then the text. */
enum { RG_LITERAL_HEAD = 12 };

/* Appends one. RG_LIMIT when out is full or a number larger than 32 bits; out is as before then. */
rg_status rg_literal_put(struct rg_buf *out, const struct rg_literal *literal) RG_MUST_CHECK;
/* Takes the next one off the list. False at the end, and where the list is cut; outputs untouched then. */
bool rg_literal_get(struct rg_slice *list, struct rg_literal *out_literal);

/* Appends text with each placeholder replaced by its literal.
 * Returns: ok; RG_LIMIT when out is full; RG_PROTOCOL when the list is cut, not sorted or reaches past the text.
 * On failure out is as before. Pure. */
rg_status rg_literals_join(struct rg_slice text, struct rg_slice list, struct rg_buf *out) RG_MUST_CHECK;

#endif
