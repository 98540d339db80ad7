/* SPDX-License-Identifier: Apache-2.0 */
/* Writing of messages: the only place that sets a length word, so that no message can lie about itself. */
#include "proxy/pgwire/message_private.h"

enum { LENGTH_WORD = 4 };

static rg_status put_part(struct rg_buf *buf, const struct pgwire_part *part)
{
    switch (part->kind) {
    case PGWIRE_PART_U8:
        return rg_buf_put_u8(buf, (uint8_t)part->number);
    case PGWIRE_PART_U16:
        return rg_buf_put_u16(buf, (uint16_t)part->number);
    case PGWIRE_PART_U32:
        return rg_buf_put_u32(buf, part->number);
    case PGWIRE_PART_BYTES:
        return rg_buf_put(buf, part->bytes);
    case PGWIRE_PART_CSTR:
        if (part->bytes.size > 0 && memchr(part->bytes.data, '\0', part->bytes.size) != NULL) {
            return rg_fail(RG_PROTOCOL, "text with a NUL inside");
        }
        return rg_buf_put_cstr(buf, part->bytes);
    }
    return rg_fail(RG_INTERNAL, "unknown part %d", (int)part->kind);
}

rg_status pgwire_parts_put(struct rg_buf *buf, const struct pgwire_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        RG_TRY(put_part(buf, &parts[i]));
    }
    return RG_OK;
}

rg_status pgwire_message_begin(struct rg_buf *buf, char type, size_t *out_mark)
{
    size_t mark = rg_buf_size(buf);
    struct pgwire_part header[] = {pgwire_part_u8(type), pgwire_part_u32(0)};
    rg_status status = pgwire_parts_put(buf, header, PGWIRE_COUNT(header));
    if (!rg_is_ok(status)) {
        rg_buf_truncate(buf, mark);
        return status;
    }
    *out_mark = mark;
    return RG_OK;
}

static rg_status set_length(struct rg_buf *buf, size_t word_at)
{
    size_t length = rg_buf_size(buf) - word_at;
    if (length > INT32_MAX) {
        return rg_fail(RG_LIMIT, "message of %zu bytes", length);
    }
    rg_buf_set_u32(buf, word_at, (uint32_t)length);
    return RG_OK;
}

rg_status pgwire_message_end(struct rg_buf *buf, size_t mark, rg_status status)
{
    if (rg_is_ok(status)) {
        status = set_length(buf, mark + 1);
    }
    if (!rg_is_ok(status)) {
        rg_buf_truncate(buf, mark);
    }
    return status;
}

rg_status pgwire_message_put(struct rg_buf *buf, char type, const struct pgwire_part *parts, size_t count)
{
    size_t mark = 0;
    if (type != 0) {
        RG_TRY(pgwire_message_begin(buf, type, &mark));
        return pgwire_message_end(buf, mark, pgwire_parts_put(buf, parts, count));
    }
    mark = rg_buf_size(buf);
    rg_status status = rg_buf_put_u32(buf, 0);
    if (rg_is_ok(status)) {
        status = pgwire_parts_put(buf, parts, count);
    }
    if (rg_is_ok(status)) {
        status = set_length(buf, mark);
    }
    if (!rg_is_ok(status)) {
        rg_buf_truncate(buf, mark);
    }
    return status;
}
