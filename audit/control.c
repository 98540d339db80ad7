/* SPDX-License-Identifier: Apache-2.0 */
/* The packets of the control sockets: u8 version, u8 type, then the type's fields in the order of its row below.
 * Nothing may follow them. Sending and receiving, with descriptors, is in control_socket.c. */
#include "audit/control.h"

#include <stddef.h>

#include "audit/keep/retention.h"
#include "audit/wire_private.h"

enum { VERSION = 1 };

enum field_type { FIELD_NONE = 0, FIELD_U64, FIELD_TEXT, FIELD_DURABILITY, FIELD_STATE };

struct field {
    enum field_type type;
    size_t offset; /* in struct audit_control */
    size_t max;    /* bytes of a text */
};

enum { FIELDS_MAX = 12, ORIGIN_MAX = 255 };

#define AT(member) offsetof(struct audit_control, member)

static const struct field layouts[AUDIT_CONTROL_COUNT][FIELDS_MAX] = {
    [AUDIT_CONTROL_OPTIONS] = {{FIELD_DURABILITY, AT(options.durability), 0},
                               {FIELD_U64, AT(options.segment_bytes), 0},
                               {FIELD_U64, AT(options.reserve_bytes), 0},
                               {FIELD_U64, AT(options.low_space_bytes), 0},
                               {FIELD_U64, AT(options.acknowledged_seq), 0},
                               {FIELD_TEXT, AT(options.directory), AUDIT_CONTROL_PATH_MAX},
                               {FIELD_TEXT, AT(options.origin), ORIGIN_MAX},
                               {FIELD_TEXT, AT(options.retention), AUDIT_RETENTION_MAX},
                               {FIELD_TEXT, AT(options.subjects), AUDIT_CONTROL_SUBJECTS_MAX},
                               {FIELD_U64, AT(options.seals_personal), 0},
                               {FIELD_U64, AT(options.subject_backups_s), 0},
                               {FIELD_U64, AT(options.unverified_s), 0}},
    [AUDIT_CONTROL_DOOR] = {{FIELD_TEXT, AT(which), AUDIT_CONTROL_WHICH_MAX}},
    [AUDIT_CONTROL_NOTE] = {{FIELD_TEXT, AT(which), AUDIT_CONTROL_WHICH_MAX},
                            {FIELD_TEXT, AT(how), AUDIT_CONTROL_HOW_MAX}},
    [AUDIT_CONTROL_STATE] = {{FIELD_STATE, AT(state), 0},
                             {FIELD_U64, AT(durable_seq), 0},
                             {FIELD_TEXT, AT(reason), AUDIT_REASON_MAX}},
};

static rg_status put_field(const struct audit_control *message, const struct field *field, struct rg_buf *out)
{
    const char *at = (const char *)message + field->offset;
    uint64_t number = 0;
    struct rg_slice text = {0};
    int choice = 0;
    switch (field->type) {
    case FIELD_NONE:
        return RG_OK;
    case FIELD_U64:
        memcpy(&number, at, sizeof number);
        return audit_wire_put_u64(out, number);
    case FIELD_DURABILITY:
    case FIELD_STATE:
        memcpy(&choice, at, sizeof choice);
        return rg_buf_put_u8(out, (uint8_t)choice);
    case FIELD_TEXT:
        memcpy(&text, at, sizeof text);
        if (text.size > field->max) {
            return rg_fail(RG_LIMIT, "a text of %zu bytes in a control message, limit %zu", text.size, field->max);
        }
        RG_TRY(rg_buf_put_u16(out, (uint16_t)text.size));
        return rg_buf_put(out, text);
    }
    return rg_fail(RG_INTERNAL, "a control message has an unknown field");
}

static rg_status put_fields(const struct audit_control *message, struct rg_buf *out)
{
    RG_TRY(rg_buf_put_u8(out, VERSION));
    RG_TRY(rg_buf_put_u8(out, (uint8_t)message->type));
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        RG_TRY(put_field(message, &layouts[message->type][i], out));
    }
    return RG_OK;
}

rg_status audit_control_encode(const struct audit_control *message, struct rg_buf *out)
{
    if (message->type <= AUDIT_CONTROL_NONE || message->type >= AUDIT_CONTROL_COUNT) {
        return rg_fail(RG_INTERNAL, "control message without a type");
    }
    size_t before = rg_buf_size(out);
    rg_status status = put_fields(message, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

static bool get_choice(struct rg_slice *cursor, int last, char *at)
{
    uint64_t value = 0;
    if (!audit_wire_get_number(cursor, 1, &value) || value > (uint64_t)last) {
        return false;
    }
    int choice = (int)value;
    memcpy(at, &choice, sizeof choice);
    return true;
}

static bool get_text(struct rg_slice *cursor, size_t max, char *at)
{
    uint64_t size = 0;
    struct rg_slice text = {0};
    if (!audit_wire_get_number(cursor, 2, &size) || size > max || !audit_wire_get(cursor, (size_t)size, &text)) {
        return false;
    }
    memcpy(at, &text, sizeof text);
    return true;
}

static bool get_field(struct rg_slice *cursor, const struct field *field, struct audit_control *message)
{
    char *at = (char *)message + field->offset;
    uint64_t number = 0;
    switch (field->type) {
    case FIELD_NONE:
        return true;
    case FIELD_U64:
        if (!audit_wire_get_number(cursor, sizeof number, &number)) {
            return false;
        }
        memcpy(at, &number, sizeof number);
        return true;
    case FIELD_DURABILITY:
        return get_choice(cursor, AUDIT_WRITTEN, at);
    case FIELD_STATE:
        return get_choice(cursor, AUDIT_RESERVE, at);
    case FIELD_TEXT:
        return get_text(cursor, field->max, at);
    }
    return false;
}

rg_status audit_control_parse(struct rg_slice packet, struct audit_control *out_message)
{
    _Static_assert(sizeof(enum audit_state) == sizeof(int) && sizeof(enum audit_durability) == sizeof(int),
                   "enums are read as int");
    struct audit_control message = {.fd = -1};
    struct rg_slice cursor = packet;
    uint64_t version = 0;
    uint64_t type = 0;
    if (!audit_wire_get_number(&cursor, 1, &version) || !audit_wire_get_number(&cursor, 1, &type) ||
        version != VERSION || type <= AUDIT_CONTROL_NONE || type >= AUDIT_CONTROL_COUNT) {
        return rg_fail(RG_PROTOCOL, "control message of an unknown version or type");
    }
    message.type = (enum audit_control_type)type;
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        if (!get_field(&cursor, &layouts[type][i], &message)) {
            return rg_fail(RG_PROTOCOL, "control message of type %d with a bad field", (int)type);
        }
    }
    if (cursor.size > 0) {
        return rg_fail(RG_PROTOCOL, "control message of type %d with %zu bytes too many", (int)type, cursor.size);
    }
    *out_message = message;
    return RG_OK;
}
