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

/* Appends text with each placeholder replaced by its literal.
 * Returns: ok; RG_LIMIT when out is full; RG_PROTOCOL when the list is not sorted or reaches past the text.
 * On failure out is as before. Pure. */
rg_status rg_literals_join(struct rg_slice text, const struct rg_literal *literals, size_t count,
                           struct rg_buf *out) RG_MUST_CHECK;

#endif
