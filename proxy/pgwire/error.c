/* SPDX-License-Identifier: Apache-2.0 */
/* ErrorResponse and NoticeResponse. What the upstream says is taken apart into a struct that has no room
 * for the dangerous fields; what the client gets is written from such a struct. Nothing is copied through. */
#include "proxy/pgwire/error.h"

#include "proxy/pgwire/cursor.h"
#include "proxy/pgwire/message_private.h"
#include "proxy/pgwire/utf8.h"

static const char *const severities[PGWIRE_SEVERITY_COUNT] = {
    [PGWIRE_SEVERITY_ERROR] = "ERROR",     [PGWIRE_SEVERITY_FATAL] = "FATAL",   [PGWIRE_SEVERITY_PANIC] = "PANIC",
    [PGWIRE_SEVERITY_WARNING] = "WARNING", [PGWIRE_SEVERITY_NOTICE] = "NOTICE", [PGWIRE_SEVERITY_DEBUG] = "DEBUG",
    [PGWIRE_SEVERITY_INFO] = "INFO",       [PGWIRE_SEVERITY_LOG] = "LOG",
};

enum { SQLSTATE_SIZE = 5 };

static bool is_sqlstate(struct rg_slice text)
{
    if (text.size != SQLSTATE_SIZE) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (!(byte >= '0' && byte <= '9') && !(byte >= 'A' && byte <= 'Z')) {
            return false;
        }
    }
    return true;
}

static char type_of(enum pgwire_severity severity)
{
    return severity <= PGWIRE_SEVERITY_PANIC ? 'E' : 'N';
}

/* Appends text with '?' for what is no UTF-8, and its NUL. */
static rg_status put_clean(struct rg_buf *buf, struct rg_slice text)
{
    if (pgwire_utf8_is_valid(text)) {
        return rg_buf_put_cstr(buf, text);
    }
    while (text.size > 0) {
        size_t size = pgwire_utf8_peek(text);
        bool is_clean = size > 0 && text.data[0] != '\0';
        size_t step = is_clean ? size : 1;
        RG_TRY(rg_buf_put(buf, is_clean ? rg_slice_cut(text, 0, step) : RG_SLICE("?")));
        text = rg_slice_cut(text, step, text.size);
    }
    return rg_buf_put_u8(buf, 0);
}

static rg_status put_field(struct rg_buf *buf, char field, struct rg_slice text)
{
    RG_TRY(rg_buf_put_u8(buf, (uint8_t)field));
    return put_clean(buf, text);
}

static rg_status put_optional(struct rg_buf *buf, char field, struct rg_slice text)
{
    return text.size == 0 ? RG_OK : put_field(buf, field, text);
}

static rg_status put_position(struct rg_buf *buf, uint32_t position)
{
    if (position == 0) {
        return RG_OK;
    }
    RG_TRY(rg_buf_printf(buf, "P%lu", (unsigned long)position));
    return rg_buf_put_u8(buf, 0);
}

static rg_status put_fields(struct rg_buf *buf, const struct pgwire_error *error)
{
    struct rg_slice severity = rg_slice_of(severities[error->severity]);
    struct rg_slice sqlstate = rg_slice_make(error->sqlstate, strnlen(error->sqlstate, sizeof error->sqlstate));
    RG_TRY(put_field(buf, 'S', severity));
    RG_TRY(put_field(buf, 'V', severity));
    RG_TRY(put_field(buf, 'C', is_sqlstate(sqlstate) ? sqlstate : RG_SLICE("XX000")));
    RG_TRY(put_field(buf, 'M', error->message));
    RG_TRY(put_optional(buf, 'D', error->detail));
    RG_TRY(put_optional(buf, 'H', error->hint));
    RG_TRY(put_position(buf, error->position));
    return rg_buf_put_u8(buf, 0);
}

rg_status pgwire_error_encode(const struct pgwire_error *error, struct rg_buf *buf)
{
    RG_ASSERT((unsigned)error->severity < PGWIRE_SEVERITY_COUNT);
    size_t mark = 0;
    RG_TRY(pgwire_message_begin(buf, type_of(error->severity), &mark));
    return pgwire_message_end(buf, mark, put_fields(buf, error));
}

/* The fields that are looked at; all others are skipped by get_fields. */
struct fields {
    struct rg_slice severity;       /* S, perhaps translated */
    struct rg_slice plain_severity; /* V */
    struct rg_slice sqlstate;
    struct rg_slice message;
    struct rg_slice detail;
    struct rg_slice hint;
    struct rg_slice position;
};

struct field_row {
    char field;
    size_t offset;
};

static const struct field_row field_rows[] = {
    {'S', offsetof(struct fields, severity)}, {'V', offsetof(struct fields, plain_severity)},
    {'C', offsetof(struct fields, sqlstate)}, {'M', offsetof(struct fields, message)},
    {'D', offsetof(struct fields, detail)},   {'H', offsetof(struct fields, hint)},
    {'P', offsetof(struct fields, position)},
};

static struct rg_slice *field_find(struct fields *fields, uint8_t field)
{
    for (size_t i = 0; i < PGWIRE_COUNT(field_rows); i++) {
        if ((uint8_t)field_rows[i].field == field) {
            return (struct rg_slice *)(void *)((char *)fields + field_rows[i].offset);
        }
    }
    return NULL;
}

static rg_status get_fields(struct pgwire_cursor *cursor, struct fields *fields)
{
    bool seen[UINT8_MAX + 1] = {false};
    uint8_t field = 0;
    RG_TRY(pgwire_cursor_get_u8(cursor, &field));
    while (field != 0) {
        struct rg_slice text = {0};
        RG_TRY(pgwire_cursor_get_cstr(cursor, &text));
        if (seen[field]) {
            return rg_fail(RG_UPSTREAM, "%s: field 0x%02x comes twice", cursor->message, field);
        }
        seen[field] = true;
        struct rg_slice *place = field_find(fields, field);
        if (place != NULL) {
            *place = text;
        }
        RG_TRY(pgwire_cursor_get_u8(cursor, &field));
    }
    return pgwire_cursor_expect_end(cursor);
}

/* An unknown or translated word becomes what the message's type says; a word of the other type, too. */
static enum pgwire_severity severity_of(char type, const struct fields *fields)
{
    struct rg_slice word = fields->plain_severity.size > 0 ? fields->plain_severity : fields->severity;
    for (size_t i = 0; i < PGWIRE_SEVERITY_COUNT; i++) {
        enum pgwire_severity severity = (enum pgwire_severity)i;
        if (rg_slice_is_equal(word, rg_slice_of(severities[i])) && type_of(severity) == type) {
            return severity;
        }
    }
    return type == 'E' ? PGWIRE_SEVERITY_ERROR : PGWIRE_SEVERITY_NOTICE;
}

/* Decimal, 0 for anything else: a position is a help, no reason to fail. */
static uint32_t position_of(struct rg_slice text)
{
    uint32_t position = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i >= 9) {
            return 0;
        }
        position = position * 10 + (uint32_t)(text.data[i] - '0');
    }
    return position;
}

rg_status pgwire_error_parse(char type, struct rg_slice body, struct pgwire_error *out_error)
{
    if (type != 'E' && type != 'N') {
        return rg_fail(RG_UPSTREAM, "message type 0x%02x is no error and no notice", (unsigned char)type);
    }
    struct pgwire_cursor cursor = {body, type == 'E' ? "ErrorResponse" : "NoticeResponse", RG_UPSTREAM};
    struct fields fields = {0};
    RG_TRY(get_fields(&cursor, &fields));
    struct pgwire_error error = {.severity = severity_of(type, &fields),
                                 .sqlstate = "XX000",
                                 .message = fields.message,
                                 .detail = fields.detail,
                                 .hint = fields.hint,
                                 .position = position_of(fields.position)};
    if (is_sqlstate(fields.sqlstate)) {
        memcpy(error.sqlstate, fields.sqlstate.data, SQLSTATE_SIZE);
    }
    *out_error = error;
    return RG_OK;
}

rg_status pgwire_error_filter(char type, struct rg_slice body, const struct pgwire_position_map *positions,
                              struct rg_buf *client)
{
    struct pgwire_error error = {0};
    RG_TRY(pgwire_error_parse(type, body, &error));
    error.detail = (struct rg_slice){0};
    if (strcmp(error.sqlstate, "42601") != 0) {
        error.hint = (struct rg_slice){0};
    }
    if (error.position != 0) {
        error.position = positions == NULL ? 0 : positions->map(positions->context, error.position);
    }
    return pgwire_error_encode(&error, client);
}
