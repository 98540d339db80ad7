/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_CURSOR_H
#define RG_PROXY_PGWIRE_CURSOR_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* The one way to read wire bytes: it moves forward and cannot overrun. Integers are big endian.
 * Returns: ok; cursor->kind (the zero value is RG_PROTOCOL) naming cursor->message when the bytes are not
 *          there. On failure the cursor and the outputs are untouched.
 * Owns:    nothing; slices point into the bytes it was made from.
 * Threads: one at a time. */
struct pgwire_cursor {
    struct rg_slice rest;
    const char *message; /* for the error text, e.g. "Bind"; static */
    enum rg_kind kind;   /* RG_PROTOCOL for what clients send, RG_UPSTREAM for what servers send */
};

rg_status pgwire_cursor_get_u8(struct pgwire_cursor *cursor, uint8_t *out_value) RG_MUST_CHECK;
rg_status pgwire_cursor_get_u16(struct pgwire_cursor *cursor, uint16_t *out_value) RG_MUST_CHECK;
rg_status pgwire_cursor_get_u32(struct pgwire_cursor *cursor, uint32_t *out_value) RG_MUST_CHECK;
rg_status pgwire_cursor_get_i32(struct pgwire_cursor *cursor, int32_t *out_value) RG_MUST_CHECK;
rg_status pgwire_cursor_get_bytes(struct pgwire_cursor *cursor, size_t size, struct rg_slice *out_bytes) RG_MUST_CHECK;
/* Text up to a NUL; the NUL is consumed and not part of *out_text. Fails when there is none. */
rg_status pgwire_cursor_get_cstr(struct pgwire_cursor *cursor, struct rg_slice *out_text) RG_MUST_CHECK;
/* Fails unless every byte has been read. */
rg_status pgwire_cursor_expect_end(const struct pgwire_cursor *cursor) RG_MUST_CHECK;

/* Two and four big-endian bytes; the caller has checked that they are there. */
static inline uint16_t pgwire_u16_at(const char *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes;
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

static inline uint32_t pgwire_u32_at(const char *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

#endif
