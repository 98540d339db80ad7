/* SPDX-License-Identifier: Apache-2.0 */
/* The messages a client sends, read from one frame body. A body must be the message and nothing else;
 * counts and lengths are checked by walking, never by multiplying what the client said. */
#include "proxy/pgwire/frontend.h"

#include "proxy/pgwire/utf8.h"

static struct pgwire_cursor cursor_of(struct rg_slice body, const char *message)
{
    return (struct pgwire_cursor){.rest = body, .message = message, .kind = RG_PROTOCOL};
}

static rg_status check_name(struct rg_slice name, const char *message)
{
    if (name.size > PGWIRE_NAME_MAX_BYTES) {
        return rg_fail(RG_LIMIT, "%s: name of %zu bytes, limit %d", message, name.size, (int)PGWIRE_NAME_MAX_BYTES);
    }
    if (!pgwire_utf8_is_valid(name)) {
        return rg_fail(RG_DENIED, "%s: the name is not valid UTF-8", message);
    }
    return RG_OK;
}

static rg_status check_text(struct rg_slice text, const char *message)
{
    if (!pgwire_utf8_is_valid(text)) {
        return rg_fail(RG_DENIED, "%s: the statement is not valid UTF-8", message);
    }
    return RG_OK;
}

rg_status pgwire_prepare_parse(struct rg_slice body, struct pgwire_prepare *out_prepare)
{
    struct pgwire_cursor cursor = cursor_of(body, "Parse");
    struct pgwire_prepare prepare = {0};
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &prepare.statement));
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &prepare.text));
    RG_TRY(pgwire_cursor_get_u16(&cursor, &prepare.type_count));
    RG_TRY(pgwire_cursor_get_bytes(&cursor, (size_t)prepare.type_count * 4, &prepare.types));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    RG_TRY(check_name(prepare.statement, cursor.message));
    RG_TRY(check_text(prepare.text, cursor.message));
    *out_prepare = prepare;
    return RG_OK;
}

uint32_t pgwire_prepare_type(const struct pgwire_prepare *prepare, size_t index)
{
    return index < prepare->types.size / 4 ? pgwire_u32_at(prepare->types.data + index * 4) : 0;
}

/* A count and that many format codes, each 0 or 1. */
static rg_status get_formats(struct pgwire_cursor *cursor, uint16_t *out_count)
{
    uint16_t count = 0;
    RG_TRY(pgwire_cursor_get_u16(cursor, &count));
    for (size_t i = 0; i < count; i++) {
        uint16_t format = 0;
        RG_TRY(pgwire_cursor_get_u16(cursor, &format));
        if (format > 1) {
            return rg_fail(RG_PROTOCOL, "Bind: format code %u", format);
        }
    }
    *out_count = count;
    return RG_OK;
}

rg_status pgwire_value_get(struct pgwire_cursor *cursor, struct pgwire_value *out_value)
{
    struct pgwire_cursor ahead = *cursor;
    int32_t size = 0;
    struct pgwire_value value = {0};
    RG_TRY(pgwire_cursor_get_i32(&ahead, &size));
    if (size < -1) {
        return rg_fail(cursor->kind, "%s: value of length %ld", cursor->message, (long)size);
    }
    value.is_null = size == -1;
    RG_TRY(pgwire_cursor_get_bytes(&ahead, value.is_null ? 0 : (size_t)size, &value.bytes));
    *cursor = ahead;
    *out_value = value;
    return RG_OK;
}

static rg_status get_values(struct pgwire_cursor *cursor, struct pgwire_bind *bind)
{
    struct rg_slice before = cursor->rest;
    for (size_t i = 0; i < bind->value_count; i++) {
        struct pgwire_value value = {0};
        RG_TRY(pgwire_value_get(cursor, &value));
    }
    bind->values = rg_slice_cut(before, 0, before.size - cursor->rest.size);
    return RG_OK;
}

rg_status pgwire_bind_parse(struct rg_slice body, struct pgwire_bind *out_bind)
{
    struct pgwire_cursor cursor = cursor_of(body, "Bind");
    struct pgwire_bind bind = {0};
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &bind.portal));
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &bind.statement));
    bind.tail = cursor.rest;
    RG_TRY(get_formats(&cursor, &bind.format_count));
    RG_TRY(pgwire_cursor_get_u16(&cursor, &bind.value_count));
    if (bind.format_count > 1 && bind.format_count != bind.value_count) {
        return rg_fail(RG_PROTOCOL, "Bind: %u formats for %u values", bind.format_count, bind.value_count);
    }
    RG_TRY(get_values(&cursor, &bind));
    RG_TRY(get_formats(&cursor, &bind.result_format_count));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    RG_TRY(check_name(bind.portal, cursor.message));
    RG_TRY(check_name(bind.statement, cursor.message));
    *out_bind = bind;
    return RG_OK;
}

struct pgwire_cursor pgwire_bind_values(const struct pgwire_bind *bind)
{
    return cursor_of(bind->values, "Bind");
}

uint16_t pgwire_bind_format(const struct pgwire_bind *bind, size_t index)
{
    if (bind->format_count == 0) {
        return 0;
    }
    if (bind->format_count == 1) {
        index = 0;
    }
    return index < bind->format_count ? pgwire_u16_at(bind->tail.data + 2 + index * 2) : 0;
}

static rg_status parse_target(struct rg_slice body, const char *message, struct pgwire_target *out_target)
{
    struct pgwire_cursor cursor = cursor_of(body, message);
    uint8_t kind = 0;
    struct rg_slice name = {0};
    RG_TRY(pgwire_cursor_get_u8(&cursor, &kind));
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &name));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    if (kind != PGWIRE_TARGET_STATEMENT && kind != PGWIRE_TARGET_PORTAL) {
        return rg_fail(RG_PROTOCOL, "%s: target 0x%02x", message, kind);
    }
    RG_TRY(check_name(name, message));
    out_target->kind = kind == PGWIRE_TARGET_STATEMENT ? PGWIRE_TARGET_STATEMENT : PGWIRE_TARGET_PORTAL;
    out_target->name = name;
    return RG_OK;
}

rg_status pgwire_describe_parse(struct rg_slice body, struct pgwire_target *out_target)
{
    return parse_target(body, "Describe", out_target);
}

rg_status pgwire_close_parse(struct rg_slice body, struct pgwire_target *out_target)
{
    return parse_target(body, "Close", out_target);
}

rg_status pgwire_execute_parse(struct rg_slice body, struct pgwire_execute *out_execute)
{
    struct pgwire_cursor cursor = cursor_of(body, "Execute");
    struct pgwire_execute execute = {0};
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &execute.portal));
    RG_TRY(pgwire_cursor_get_i32(&cursor, &execute.max_rows));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    RG_TRY(check_name(execute.portal, cursor.message));
    *out_execute = execute;
    return RG_OK;
}

/* A body that is one text and its NUL. */
static rg_status parse_text(struct rg_slice body, const char *message, struct rg_slice *out_text)
{
    struct pgwire_cursor cursor = cursor_of(body, message);
    struct rg_slice text = {0};
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &text));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    *out_text = text;
    return RG_OK;
}

rg_status pgwire_query_parse(struct rg_slice body, struct rg_slice *out_text)
{
    struct rg_slice text = {0};
    RG_TRY(parse_text(body, "Query", &text));
    RG_TRY(check_text(text, "Query"));
    *out_text = text;
    return RG_OK;
}

rg_status pgwire_empty_parse(struct rg_slice body, const char *message)
{
    struct pgwire_cursor cursor = cursor_of(body, message);
    return pgwire_cursor_expect_end(&cursor);
}

rg_status pgwire_password_parse(struct rg_slice body, struct rg_slice *out_password)
{
    return parse_text(body, "PasswordMessage", out_password);
}

rg_status pgwire_copy_fail_parse(struct rg_slice body, struct rg_slice *out_reason)
{
    struct rg_slice reason = {0};
    RG_TRY(parse_text(body, "CopyFail", &reason));
    if (!pgwire_utf8_is_valid(reason)) {
        return rg_fail(RG_DENIED, "CopyFail: the reason is not valid UTF-8");
    }
    *out_reason = reason;
    return RG_OK;
}

rg_status pgwire_sasl_start_parse(struct rg_slice body, struct pgwire_sasl_start *out_start)
{
    struct pgwire_cursor cursor = cursor_of(body, "SASLInitialResponse");
    struct pgwire_sasl_start start = {0};
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &start.mechanism));
    RG_TRY(pgwire_value_get(&cursor, &start.response));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    if (start.mechanism.size == 0) {
        return rg_fail(RG_PROTOCOL, "SASLInitialResponse: no mechanism");
    }
    *out_start = start;
    return RG_OK;
}

rg_status pgwire_sasl_response_parse(struct rg_slice body, struct rg_slice *out_response)
{
    if (body.size == 0) {
        return rg_fail(RG_PROTOCOL, "SASLResponse: empty");
    }
    *out_response = body;
    return RG_OK;
}
