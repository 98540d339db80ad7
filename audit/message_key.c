/* SPDX-License-Identifier: Apache-2.0 */
/* The KEY frame: strict, because it comes from the process that handles hostile input and ends in the store of
 * subjects' keys. */
#include "audit/message.h"
#include "audit/wire_private.h"

enum { VERSION = 1, FLAG_KEY = 2, FLAG_AT = 5, KEY_BYTES = AUDIT_KEY_ID_SIZE + AUDIT_KEY_SECRET_SIZE };

_Static_assert(sizeof(struct audit_subject_key) == KEY_BYTES, "a key crosses as its bytes");

static bool is_acceptable(const struct audit_key_frame *frame)
{
    return frame->tenant.size <= AUDIT_SUBJECT_MAX && frame->subject.size > 0 &&
           frame->subject.size <= AUDIT_SUBJECT_MAX && frame->user.size <= AUDIT_SUBJECT_MAX;
}

static rg_status put(const struct audit_key_frame *frame, struct rg_buf *out)
{
    size_t names = 2 + frame->subject.size + frame->user.size;
    RG_TRY(rg_buf_put_u32(out, (uint32_t)(AUDIT_FRAME_HEAD - 4 + frame->tenant.size + KEY_BYTES + names)));
    RG_TRY(rg_buf_put_u8(out, VERSION));
    RG_TRY(rg_buf_put_u8(out, FLAG_KEY));
    RG_TRY(rg_buf_put_u32(out, (uint32_t)frame->tenant.size));
    RG_TRY(rg_buf_put_u32(out, KEY_BYTES));
    RG_TRY(rg_buf_put_u32(out, (uint32_t)names));
    RG_TRY(rg_buf_put(out, frame->tenant));
    RG_TRY(rg_buf_put(out, rg_slice_make(&frame->key, sizeof frame->key)));
    RG_TRY(rg_buf_put_u16(out, (uint16_t)frame->subject.size));
    RG_TRY(rg_buf_put(out, frame->subject));
    return rg_buf_put(out, frame->user);
}

rg_status audit_message_put_key(const struct audit_key_frame *frame, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    if (!is_acceptable(frame)) {
        return rg_fail(RG_INTERNAL, "a key of a subject with a name of %zu bytes", frame->subject.size);
    }
    rg_status status = put(frame, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

bool audit_message_is_key(struct rg_slice bytes)
{
    return bytes.size > FLAG_AT && bytes.data[FLAG_AT] == FLAG_KEY;
}

static bool get(struct rg_slice *cursor, struct audit_key_frame *frame)
{
    uint64_t size = 0, version = 0, flags = 0, tenant_size = 0, key_size = 0, names_size = 0, subject_size = 0;
    struct rg_slice key = {0};
    if (!audit_wire_get_number(cursor, 4, &size) || !audit_wire_get_number(cursor, 1, &version) ||
        !audit_wire_get_number(cursor, 1, &flags) || !audit_wire_get_number(cursor, 4, &tenant_size) ||
        !audit_wire_get_number(cursor, 4, &key_size) || !audit_wire_get_number(cursor, 4, &names_size) ||
        version != VERSION || flags != FLAG_KEY || key_size != KEY_BYTES ||
        size != AUDIT_FRAME_HEAD - 4 + tenant_size + key_size + names_size || names_size < 2 ||
        !audit_wire_get(cursor, tenant_size, &frame->tenant) || !audit_wire_get(cursor, KEY_BYTES, &key) ||
        !audit_wire_get_number(cursor, 2, &subject_size) || subject_size > names_size - 2 ||
        !audit_wire_get(cursor, subject_size, &frame->subject) ||
        !audit_wire_get(cursor, names_size - 2 - subject_size, &frame->user)) {
        return false;
    }
    memcpy(&frame->key, key.data, sizeof frame->key);
    return is_acceptable(frame);
}

rg_status audit_message_get_key(struct rg_slice *cursor, struct audit_key_frame *out_frame)
{
    struct rg_slice rest = *cursor;
    struct audit_key_frame frame = {0};
    if (!get(&rest, &frame)) {
        rg_wipe(&frame, sizeof frame);
        return rg_fail(RG_PROTOCOL, "a key of a subject in a bad frame");
    }
    *cursor = rest;
    *out_frame = frame;
    rg_wipe(&frame, sizeof frame);
    return RG_OK;
}
