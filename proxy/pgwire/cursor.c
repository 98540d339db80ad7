/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor: every read asks need(), the only place that compares sizes. */
#include "proxy/pgwire/cursor.h"

static const char *name_of(const struct pgwire_cursor *cursor)
{
    return cursor->message == NULL ? "message" : cursor->message;
}

static rg_status need(const struct pgwire_cursor *cursor, size_t size)
{
    if (size > cursor->rest.size) {
        return rg_fail(cursor->kind, "%s: %zu bytes expected, %zu left", name_of(cursor), size, cursor->rest.size);
    }
    return RG_OK;
}

/* Moves over bytes that need() has found to be there. */
static const char *take(struct pgwire_cursor *cursor, size_t size)
{
    const char *bytes = cursor->rest.data;
    if (size > 0) { /* so that no offset is added to the NULL of an empty slice */
        cursor->rest = (struct rg_slice){bytes + size, cursor->rest.size - size};
    }
    return bytes;
}

rg_status pgwire_cursor_get_u8(struct pgwire_cursor *cursor, uint8_t *out_value)
{
    RG_TRY(need(cursor, 1));
    *out_value = (uint8_t)*take(cursor, 1);
    return RG_OK;
}

rg_status pgwire_cursor_get_u16(struct pgwire_cursor *cursor, uint16_t *out_value)
{
    RG_TRY(need(cursor, 2));
    *out_value = pgwire_u16_at(take(cursor, 2));
    return RG_OK;
}

rg_status pgwire_cursor_get_u32(struct pgwire_cursor *cursor, uint32_t *out_value)
{
    RG_TRY(need(cursor, 4));
    *out_value = pgwire_u32_at(take(cursor, 4));
    return RG_OK;
}

rg_status pgwire_cursor_get_i32(struct pgwire_cursor *cursor, int32_t *out_value)
{
    uint32_t value = 0;
    RG_TRY(pgwire_cursor_get_u32(cursor, &value));
    *out_value = (int32_t)value; /* two's complement on every compiler we build with */
    return RG_OK;
}

rg_status pgwire_cursor_get_bytes(struct pgwire_cursor *cursor, size_t size, struct rg_slice *out_bytes)
{
    RG_TRY(need(cursor, size));
    *out_bytes = rg_slice_make(take(cursor, size), size);
    return RG_OK;
}

rg_status pgwire_cursor_get_cstr(struct pgwire_cursor *cursor, struct rg_slice *out_text)
{
    const char *data = cursor->rest.data;
    const char *nul = cursor->rest.size == 0 ? NULL : memchr(data, '\0', cursor->rest.size);
    if (nul == NULL) {
        return rg_fail(cursor->kind, "%s: text without its NUL", name_of(cursor));
    }
    size_t size = (size_t)(nul - data);
    *out_text = rg_slice_cut(cursor->rest, 0, size);
    cursor->rest = rg_slice_cut(cursor->rest, size + 1, cursor->rest.size);
    return RG_OK;
}

rg_status pgwire_cursor_expect_end(const struct pgwire_cursor *cursor)
{
    if (cursor->rest.size > 0) {
        return rg_fail(cursor->kind, "%s: %zu bytes too many", name_of(cursor), cursor->rest.size);
    }
    return RG_OK;
}
