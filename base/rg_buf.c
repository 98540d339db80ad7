/* SPDX-License-Identifier: Apache-2.0 */
/* Growable byte queue with a hard maximum. */
#include "base/rg_buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/rg_memory.h"

enum { SMALLEST = 256 };

void rg_buf_init(struct rg_buf *buf, size_t limit_bytes)
{
    *buf = (struct rg_buf){.limit_bytes = limit_bytes};
}

void rg_buf_done(struct rg_buf *buf)
{
    rg_memory_free(buf->bytes);
    *buf = (struct rg_buf){0};
}

struct rg_slice rg_buf_slice(const struct rg_buf *buf)
{
    return (struct rg_slice){buf->bytes == NULL ? NULL : buf->bytes + buf->start, buf->end - buf->start};
}

char *rg_buf_before(const struct rg_buf *buf)
{
    return buf->start == 0 ? NULL : buf->bytes + buf->start - 1;
}

static void make_room(struct rg_buf *buf, size_t size)
{
    size_t held = rg_buf_size(buf);
    if (buf->capacity - buf->end >= size) {
        return;
    }
    if (buf->start > 0) {
        memmove(buf->bytes, buf->bytes + buf->start, held);
        buf->start = 0;
        buf->end = held;
    }
    if (buf->capacity - held >= size) {
        return;
    }
    size_t capacity = buf->capacity < SMALLEST ? SMALLEST : buf->capacity;
    while (capacity - held < size) {
        capacity *= 2;
    }
    buf->bytes = rg_memory_resize(buf->bytes, capacity);
    buf->capacity = capacity;
}

rg_status rg_buf_reserve(struct rg_buf *buf, size_t size, char **out_memory)
{
    size_t held = rg_buf_size(buf);
    if (held > buf->limit_bytes || size > buf->limit_bytes - held) {
        return rg_fail(RG_LIMIT, "buffer full: %zu bytes held, %zu wanted, limit %zu", held, size, buf->limit_bytes);
    }
    make_room(buf, size);
    *out_memory = buf->bytes + buf->end;
    return RG_OK;
}

void rg_buf_commit(struct rg_buf *buf, size_t size)
{
    RG_ASSERT(size <= buf->capacity - buf->end);
    buf->end += size;
}

rg_status rg_buf_put_more(struct rg_buf *buf, struct rg_slice bytes)
{
    if (bytes.size == 0) {
        return RG_OK;
    }
    char *memory = NULL;
    RG_TRY(rg_buf_reserve(buf, bytes.size, &memory));
    memcpy(memory, bytes.data, bytes.size);
    rg_buf_commit(buf, bytes.size);
    return RG_OK;
}

rg_status rg_buf_put_u8(struct rg_buf *buf, uint8_t value)
{
    return rg_buf_put(buf, rg_slice_make(&value, 1));
}

rg_status rg_buf_put_u16(struct rg_buf *buf, uint16_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    return rg_buf_put(buf, rg_slice_make(bytes, sizeof bytes));
}

static void encode_u32(uint8_t bytes[4], uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 24);
    bytes[1] = (uint8_t)(value >> 16);
    bytes[2] = (uint8_t)(value >> 8);
    bytes[3] = (uint8_t)value;
}

rg_status rg_buf_put_u32(struct rg_buf *buf, uint32_t value)
{
    uint8_t bytes[4];
    encode_u32(bytes, value);
    return rg_buf_put(buf, rg_slice_make(bytes, sizeof bytes));
}

rg_status rg_buf_put_cstr(struct rg_buf *buf, struct rg_slice text)
{
    char *memory = NULL;
    RG_TRY(rg_buf_reserve(buf, text.size + 1, &memory));
    if (text.size > 0) {
        memcpy(memory, text.data, text.size);
    }
    memory[text.size] = '\0';
    rg_buf_commit(buf, text.size + 1);
    return RG_OK;
}

rg_status rg_buf_printf(struct rg_buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    size_t room = buf->capacity - buf->end; /* mostly enough: then it is written once, not measured first */
    int length = vsnprintf(room == 0 ? NULL : buf->bytes + buf->end, room, format, arguments);
    va_end(arguments);
    char *memory = NULL;
    rg_status status = length < 0 ? rg_fail(RG_INTERNAL, "cannot format \"%s\"", format)
                                  : rg_buf_reserve(buf, (size_t)length + 1, &memory);
    if (rg_is_ok(status)) {
        if ((size_t)length >= room) {
            (void)vsnprintf(memory, (size_t)length + 1, format, again);
        }
        rg_buf_commit(buf, (size_t)length);
    }
    va_end(again);
    return status;
}

void rg_buf_set_u32(struct rg_buf *buf, size_t offset, uint32_t value)
{
    RG_ASSERT(offset <= rg_buf_size(buf) && rg_buf_size(buf) - offset >= 4);
    encode_u32((uint8_t *)buf->bytes + buf->start + offset, value);
}

void rg_buf_consume(struct rg_buf *buf, size_t size)
{
    RG_ASSERT(size <= rg_buf_size(buf));
    buf->start += size;
    if (buf->start == buf->end) {
        rg_buf_clear(buf);
    }
}

void rg_buf_truncate(struct rg_buf *buf, size_t size)
{
    RG_ASSERT(size <= rg_buf_size(buf));
    buf->end = buf->start + size;
}
