/* SPDX-License-Identifier: Apache-2.0 */
/* The messages a client sends, written for an upstream. What came from a client goes on only through
 * these, from checked structs: no client byte is forwarded that was not understood. */
#include "proxy/pgwire/frontend.h"

#include "proxy/pgwire/message_private.h"

enum { CANCEL_REQUEST_CODE = 80877102 };

rg_status pgwire_prepare_encode(const struct pgwire_prepare *prepare, struct rg_buf *buf)
{
    if (prepare->types.size != (size_t)prepare->type_count * 4) {
        return rg_fail(RG_INTERNAL, "Parse: %u types in %zu bytes", prepare->type_count, prepare->types.size);
    }
    struct pgwire_part parts[] = {pgwire_part_cstr(prepare->statement), pgwire_part_cstr(prepare->text),
                                  pgwire_part_u16(prepare->type_count), pgwire_part_bytes(prepare->types)};
    return pgwire_message_put(buf, 'P', parts, PGWIRE_COUNT(parts));
}

rg_status pgwire_bind_encode(const struct pgwire_bind *bind, struct rg_buf *buf)
{
    struct rg_slice none = RG_SLICE("\0\0\0\0\0\0"); /* no formats, no values, no result formats */
    struct pgwire_part parts[] = {pgwire_part_cstr(bind->portal), pgwire_part_cstr(bind->statement),
                                  pgwire_part_bytes(bind->tail.size == 0 ? none : bind->tail)};
    return pgwire_message_put(buf, 'B', parts, PGWIRE_COUNT(parts));
}

static rg_status put_target(const struct pgwire_target *target, char type, struct rg_buf *buf)
{
    if (target->kind == PGWIRE_TARGET_NONE) {
        return rg_fail(RG_INTERNAL, "neither statement nor portal");
    }
    struct pgwire_part parts[] = {pgwire_part_u8((char)target->kind), pgwire_part_cstr(target->name)};
    return pgwire_message_put(buf, type, parts, PGWIRE_COUNT(parts));
}

rg_status pgwire_describe_encode(const struct pgwire_target *target, struct rg_buf *buf)
{
    return put_target(target, 'D', buf);
}

rg_status pgwire_close_encode(const struct pgwire_target *target, struct rg_buf *buf)
{
    return put_target(target, 'C', buf);
}

rg_status pgwire_execute_encode(const struct pgwire_execute *execute, struct rg_buf *buf)
{
    struct pgwire_part parts[] = {pgwire_part_cstr(execute->portal), pgwire_part_u32((uint32_t)execute->max_rows)};
    return pgwire_message_put(buf, 'E', parts, PGWIRE_COUNT(parts));
}

rg_status pgwire_query_encode(struct rg_slice text, struct rg_buf *buf)
{
    struct pgwire_part part = pgwire_part_cstr(text);
    return pgwire_message_put(buf, 'Q', &part, 1);
}

rg_status pgwire_sync_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, 'S', NULL, 0);
}

rg_status pgwire_flush_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, 'H', NULL, 0);
}

rg_status pgwire_terminate_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, 'X', NULL, 0);
}

rg_status pgwire_copy_data_encode(struct rg_slice data, struct rg_buf *buf)
{
    struct pgwire_part part = pgwire_part_bytes(data);
    return pgwire_message_put(buf, 'd', &part, 1);
}

rg_status pgwire_copy_done_encode(struct rg_buf *buf)
{
    return pgwire_message_put(buf, 'c', NULL, 0);
}

rg_status pgwire_copy_fail_encode(struct rg_slice reason, struct rg_buf *buf)
{
    struct pgwire_part part = pgwire_part_cstr(reason);
    return pgwire_message_put(buf, 'f', &part, 1);
}

rg_status pgwire_password_encode(struct rg_slice password, struct rg_buf *buf)
{
    struct pgwire_part part = pgwire_part_cstr(password);
    return pgwire_message_put(buf, 'p', &part, 1);
}

rg_status pgwire_sasl_start_encode(const struct pgwire_sasl_start *start, struct rg_buf *buf)
{
    const struct pgwire_value *response = &start->response;
    struct pgwire_part parts[] = {pgwire_part_cstr(start->mechanism),
                                  pgwire_part_u32(response->is_null ? UINT32_MAX : (uint32_t)response->bytes.size),
                                  pgwire_part_bytes(response->is_null ? (struct rg_slice){0} : response->bytes)};
    return pgwire_message_put(buf, 'p', parts, PGWIRE_COUNT(parts));
}

rg_status pgwire_cancel_encode(uint32_t pid, uint32_t secret, struct rg_buf *buf)
{
    struct pgwire_part parts[] = {pgwire_part_u32(CANCEL_REQUEST_CODE), pgwire_part_u32(pid), pgwire_part_u32(secret)};
    return pgwire_message_put(buf, 0, parts, PGWIRE_COUNT(parts));
}
