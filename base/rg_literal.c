/* SPDX-License-Identifier: Apache-2.0 */
/* A text and the literals that were taken out of it, together again. Used by whoever reads a record: the list may
 * come from a file, so nothing of it is believed. */
#include "base/rg_literal.h"

static void encode_u32(char *bytes, size_t value)
{
    bytes[0] = (char)(value >> 24 & 0xff);
    bytes[1] = (char)(value >> 16 & 0xff);
    bytes[2] = (char)(value >> 8 & 0xff);
    bytes[3] = (char)(value & 0xff);
}

rg_status rg_literal_put(struct rg_buf *out, const struct rg_literal *literal)
{
    char *memory = NULL;
    if (literal->at > UINT32_MAX || literal->size > UINT32_MAX || literal->text.size > UINT32_MAX) {
        return rg_fail(RG_LIMIT, "literal of %zu bytes at byte %zu", literal->text.size, literal->at);
    }
    RG_TRY(rg_buf_reserve(out, RG_LITERAL_HEAD + literal->text.size, &memory));
    encode_u32(memory, literal->at);
    encode_u32(memory + 4, literal->size);
    encode_u32(memory + 8, literal->text.size);
    if (literal->text.size > 0) {
        memcpy(memory + RG_LITERAL_HEAD, literal->text.data, literal->text.size);
    }
    rg_buf_commit(out, RG_LITERAL_HEAD + literal->text.size);
    return RG_OK;
}

static uint32_t decode_u32(const char *bytes)
{
    const unsigned char *u = (const unsigned char *)bytes;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | (uint32_t)u[3];
}

bool rg_literal_get(struct rg_slice *list, struct rg_literal *out_literal)
{
    if (list->size < RG_LITERAL_HEAD || decode_u32(list->data + 8) > list->size - RG_LITERAL_HEAD) {
        return false;
    }
    size_t size = decode_u32(list->data + 8);
    *out_literal = (struct rg_literal){.at = decode_u32(list->data),
                                       .size = decode_u32(list->data + 4),
                                       .text = rg_slice_cut(*list, RG_LITERAL_HEAD, size)};
    *list = rg_slice_cut(*list, RG_LITERAL_HEAD + size, SIZE_MAX);
    return true;
}

static rg_status put_joined(struct rg_slice text, struct rg_slice list, struct rg_buf *out)
{
    size_t from = 0;
    struct rg_literal literal;
    while (rg_literal_get(&list, &literal)) {
        if (literal.at < from || literal.at > text.size || literal.size > text.size - literal.at) {
            return rg_fail(RG_PROTOCOL, "a literal at byte %zu does not fit a text of %zu bytes", literal.at,
                           text.size);
        }
        RG_TRY(rg_buf_put(out, rg_slice_cut(text, from, literal.at - from)));
        RG_TRY(rg_buf_put(out, literal.text));
        from = literal.at + literal.size;
    }
    if (list.size > 0) {
        return rg_fail(RG_PROTOCOL, "a list of literals is cut");
    }
    return rg_buf_put(out, rg_slice_cut(text, from, SIZE_MAX));
}

rg_status rg_literals_join(struct rg_slice text, struct rg_slice list, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    rg_status status = put_joined(text, list, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}
