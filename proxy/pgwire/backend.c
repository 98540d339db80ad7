/* SPDX-License-Identifier: Apache-2.0 */
/* The messages a server sends, written for the client. Errors are in error.c; what upstreams send is
 * read in backend_parse.c. */
#include "proxy/pgwire/backend.h"

#include "proxy/pgwire/message_private.h"

enum { AUTH_OK = 0, AUTH_CLEARTEXT = 3, AUTH_SASL = 10, AUTH_SASL_CONTINUE = 11, AUTH_SASL_FINAL = 12 };

rg_status pgwire_auth_ok_encode(struct rg_buf *buf)
{
    struct pgwire_part part = pgwire_part_u32(AUTH_OK);
    return pgwire_message_put(buf, 'R', &part, 1);
}

rg_status pgwire_auth_cleartext_encode(struct rg_buf *buf)
{
    struct pgwire_part part = pgwire_part_u32(AUTH_CLEARTEXT);
    return pgwire_message_put(buf, 'R', &part, 1);
}

/* An empty mechanism would end the list early. */
static rg_status put_mechanisms(struct rg_buf *buf, const struct rg_slice *mechanisms, size_t count)
{
    RG_TRY(rg_buf_put_u32(buf, AUTH_SASL));
    for (size_t i = 0; i < count; i++) {
        if (mechanisms[i].size == 0) {
            return rg_fail(RG_PROTOCOL, "a SASL mechanism without a name");
        }
        struct pgwire_part part = pgwire_part_cstr(mechanisms[i]);
        RG_TRY(pgwire_parts_put(buf, &part, 1));
    }
    return rg_buf_put_u8(buf, 0);
}

rg_status pgwire_auth_sasl_encode(const struct rg_slice *mechanisms, size_t count, struct rg_buf *buf)
{
    size_t mark = 0;
    RG_TRY(pgwire_message_begin(buf, 'R', &mark));
    return pgwire_message_end(buf, mark, put_mechanisms(buf, mechanisms, count));
}

rg_status pgwire_auth_sasl_continue_encode(struct rg_slice data, struct rg_buf *buf)
{
    struct pgwire_part parts[] = {pgwire_part_u32(AUTH_SASL_CONTINUE), pgwire_part_bytes(data)};
    return pgwire_message_put(buf, 'R', parts, PGWIRE_COUNT(parts));
}

rg_status pgwire_auth_sasl_final_encode(struct rg_slice data, struct rg_buf *buf)
{
    struct pgwire_part parts[] = {pgwire_part_u32(AUTH_SASL_FINAL), pgwire_part_bytes(data)};
    return pgwire_message_put(buf, 'R', parts, PGWIRE_COUNT(parts));
}

static rg_status put_extensions(struct rg_buf *buf, uint32_t minor, const struct rg_slice *extensions, size_t count)
{
    if (count > INT32_MAX) {
        return rg_fail(RG_LIMIT, "%zu protocol extensions", count);
    }
    RG_TRY(rg_buf_put_u32(buf, minor));
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)count));
    for (size_t i = 0; i < count; i++) {
        struct pgwire_part part = pgwire_part_cstr(extensions[i]);
        RG_TRY(pgwire_parts_put(buf, &part, 1));
    }
    return RG_OK;
}

rg_status pgwire_negotiate_encode(uint32_t minor, const struct rg_slice *extensions, size_t count, struct rg_buf *buf)
{
    size_t mark = 0;
    RG_TRY(pgwire_message_begin(buf, 'v', &mark));
    return pgwire_message_end(buf, mark, put_extensions(buf, minor, extensions, count));
}

rg_status pgwire_parameter_encode(const struct pgwire_parameter *parameter, struct rg_buf *buf)
{
    struct pgwire_part parts[] = {pgwire_part_cstr(parameter->name), pgwire_part_cstr(parameter->value)};
    return pgwire_message_put(buf, 'S', parts, PGWIRE_COUNT(parts));
}

rg_status pgwire_key_encode(struct pgwire_key key, struct rg_buf *buf)
{
    struct pgwire_part parts[] = {pgwire_part_u32(key.pid), pgwire_part_u32(key.secret)};
    return pgwire_message_put(buf, 'K', parts, PGWIRE_COUNT(parts));
}

rg_status pgwire_ready_encode(enum pgwire_transaction state, struct rg_buf *buf)
{
    if (state == PGWIRE_TRANSACTION_NONE) {
        return rg_fail(RG_INTERNAL, "ReadyForQuery without a transaction state");
    }
    struct pgwire_part part = pgwire_part_u8((char)state);
    return pgwire_message_put(buf, 'Z', &part, 1);
}

rg_status pgwire_tag_encode(struct rg_slice text, struct rg_buf *buf)
{
    struct pgwire_part part = pgwire_part_cstr(text);
    return pgwire_message_put(buf, 'C', &part, 1);
}

rg_status pgwire_parse_complete_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, '1', NULL, 0);
}

rg_status pgwire_bind_complete_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, '2', NULL, 0);
}

rg_status pgwire_close_complete_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, '3', NULL, 0);
}

rg_status pgwire_no_data_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, 'n', NULL, 0);
}

rg_status pgwire_empty_query_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, 'I', NULL, 0);
}

rg_status pgwire_portal_suspended_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, 's', NULL, 0);
}

static rg_status put_count(struct rg_buf *buf, size_t count)
{
    if (count > UINT16_MAX) {
        return rg_fail(RG_LIMIT, "%zu columns, limit %d", count, UINT16_MAX);
    }
    return rg_buf_put_u16(buf, (uint16_t)count);
}

static rg_status put_oids(struct rg_buf *buf, const uint32_t *type_oids, size_t count)
{
    RG_TRY(put_count(buf, count));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(rg_buf_put_u32(buf, type_oids[i]));
    }
    return RG_OK;
}

rg_status pgwire_parameter_description_encode(const uint32_t *type_oids, size_t count, struct rg_buf *buf)
{
    size_t mark = 0;
    RG_TRY(pgwire_message_begin(buf, 't', &mark));
    return pgwire_message_end(buf, mark, put_oids(buf, type_oids, count));
}

static rg_status put_columns(struct rg_buf *buf, const struct pgwire_column *columns, size_t count)
{
    RG_TRY(put_count(buf, count));
    for (size_t i = 0; i < count; i++) {
        struct pgwire_part parts[] = {
            pgwire_part_cstr(columns[i].name),
            pgwire_part_u32(0), /* no table */
            pgwire_part_u16(0), /* no attribute */
            pgwire_part_u32(columns[i].type_oid),
            pgwire_part_u16((uint16_t)columns[i].type_size),
            pgwire_part_u32(UINT32_MAX), /* no type modifier */
            pgwire_part_u16(columns[i].format),
        };
        RG_TRY(pgwire_parts_put(buf, parts, PGWIRE_COUNT(parts)));
    }
    return RG_OK;
}

rg_status pgwire_row_description_encode(const struct pgwire_column *columns, size_t count, struct rg_buf *buf)
{
    size_t mark = 0;
    RG_TRY(pgwire_message_begin(buf, 'T', &mark));
    return pgwire_message_end(buf, mark, put_columns(buf, columns, count));
}

static rg_status put_values(struct rg_buf *buf, const struct pgwire_value *values, size_t count)
{
    RG_TRY(put_count(buf, count));
    for (size_t i = 0; i < count; i++) {
        const struct pgwire_value *value = &values[i];
        RG_TRY(rg_buf_put_u32(buf, value->is_null ? UINT32_MAX : (uint32_t)value->bytes.size));
        RG_TRY(rg_buf_put(buf, value->is_null ? (struct rg_slice){0} : value->bytes));
    }
    return RG_OK;
}

rg_status pgwire_data_row_encode(const struct pgwire_value *values, size_t count, struct rg_buf *buf)
{
    size_t mark = 0;
    RG_TRY(pgwire_message_begin(buf, 'D', &mark));
    return pgwire_message_end(buf, mark, put_values(buf, values, count));
}
