/* SPDX-License-Identifier: Apache-2.0 */
/* Framing between workers and the auditor. The bytes come from the process that handles hostile
 * input, so each length and each byte class is checked; the JSON inside is carried, not read. */
#include "audit/message.h"

#include "audit/line.h"

enum { VERSION = 1, FLAG_MORE = 1 };

static bool is_object(struct rg_slice text)
{
    return text.size >= sizeof("{\"a\":0}") - 1 && text.data[0] == '{' && text.data[1] == '"' &&
           text.data[text.size - 1] == '}' && !audit_line_has_foreign_byte(text);
}

/* The inside of a JSON string: a quote only behind a backslash, no lone backslash at the end. */
static bool is_string_inside(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') {
            return false;
        }
        if (text.data[i] == '\\') {
            i++;
            if (i == text.size) {
                return false;
            }
        }
    }
    return !audit_line_has_foreign_byte(text);
}

static bool is_acceptable(const struct audit_message *message)
{
    return message->tenant.size <= AUDIT_TENANT_MAX && is_string_inside(message->tenant) &&
           message->rg.size <= AUDIT_BODY_MAX && message->ocsf.size <= AUDIT_BODY_MAX &&
           message->rg.size + message->ocsf.size <= AUDIT_BODY_MAX && is_object(message->rg) &&
           is_object(message->ocsf);
}

static rg_status put_frame(const struct audit_message *message, struct rg_buf *out)
{
    size_t texts = message->tenant.size + message->rg.size + message->ocsf.size;
    RG_TRY(rg_buf_put_u32(out, (uint32_t)(AUDIT_FRAME_HEAD - 4 + texts)));
    RG_TRY(rg_buf_put_u8(out, VERSION));
    RG_TRY(rg_buf_put_u8(out, message->has_more ? FLAG_MORE : 0));
    RG_TRY(rg_buf_put_u32(out, (uint32_t)message->tenant.size));
    RG_TRY(rg_buf_put_u32(out, (uint32_t)message->rg.size));
    RG_TRY(rg_buf_put_u32(out, (uint32_t)message->ocsf.size));
    RG_TRY(rg_buf_put(out, message->tenant));
    RG_TRY(rg_buf_put(out, message->rg));
    return rg_buf_put(out, message->ocsf);
}

rg_status audit_message_encode(const struct audit_message *message, struct rg_buf *out)
{
    if (!is_acceptable(message)) {
        return rg_fail(RG_INTERNAL, "audit message of %zu and %zu bytes is not acceptable", message->rg.size,
                       message->ocsf.size);
    }
    size_t before = rg_buf_size(out);
    rg_status status = put_frame(message, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

static uint32_t decode_u32(const char *bytes)
{
    const unsigned char *u = (const unsigned char *)bytes;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | (uint32_t)u[3];
}

rg_status audit_message_peek_size(struct rg_slice bytes, size_t *out_size)
{
    enum { SMALLEST = AUDIT_FRAME_HEAD - 4, LARGEST = SMALLEST + AUDIT_TENANT_MAX + AUDIT_BODY_MAX };
    if (bytes.size < 4) {
        *out_size = 0;
        return RG_OK;
    }
    size_t size = decode_u32(bytes.data);
    if (size < SMALLEST || size > LARGEST) {
        return rg_fail(RG_PROTOCOL, "audit message of %zu bytes", size);
    }
    *out_size = size + 4;
    return RG_OK;
}

rg_status audit_message_get_again(struct rg_slice *cursor, struct audit_message *out_message)
{
    if (cursor->size < AUDIT_FRAME_HEAD) {
        return rg_fail(RG_PROTOCOL, "audit message cut in its head");
    }
    const char *at = cursor->data;
    size_t size = decode_u32(at);
    size_t tenant_size = decode_u32(at + 6);
    size_t rg_size = decode_u32(at + 10);
    size_t ocsf_size = decode_u32(at + 14);
    if (size > cursor->size - 4 || at[4] != VERSION || (at[5] & ~FLAG_MORE) != 0 ||
        size != AUDIT_FRAME_HEAD - 4 + tenant_size + rg_size + ocsf_size) {
        return rg_fail(RG_PROTOCOL, "audit message with a bad frame");
    }
    at += AUDIT_FRAME_HEAD;
    *out_message = (struct audit_message){.has_more = (cursor->data[5] & FLAG_MORE) != 0,
                                          .tenant = {at, tenant_size},
                                          .rg = {at + tenant_size, rg_size},
                                          .ocsf = {at + tenant_size + rg_size, ocsf_size}};
    *cursor = rg_slice_cut(*cursor, size + 4, SIZE_MAX);
    return RG_OK;
}

rg_status audit_message_get(struct rg_slice *cursor, struct audit_message *out_message)
{
    struct rg_slice rest = *cursor;
    struct audit_message message = {0};
    RG_TRY(audit_message_get_again(&rest, &message));
    if (!is_acceptable(&message)) {
        return rg_fail(RG_PROTOCOL, "audit message with texts that are not compact JSON");
    }
    *cursor = rest;
    *out_message = message;
    return RG_OK;
}
