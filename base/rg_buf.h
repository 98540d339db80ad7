/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_BUF_H
#define RG_BASE_BUF_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* A growable byte queue with a hard maximum: put at the end, consume at the front.
 * Units: bytes. Owns its memory. Threads: one at a time. The zero value has a maximum of 0. */
struct rg_buf {
    char *bytes;
    size_t start;
    size_t end;
    size_t capacity;
    size_t limit_bytes; /* of end - start */
};

void rg_buf_init(struct rg_buf *buf, size_t limit_bytes);
void rg_buf_done(struct rg_buf *buf); /* frees; accepts the zero value */

static inline void rg_buf_clear(struct rg_buf *buf)
{
    buf->start = 0;
    buf->end = 0;
}

/* The bytes held. Valid until the next put, reserve or done. */
struct rg_slice rg_buf_slice(const struct rg_buf *buf);

static inline size_t rg_buf_size(const struct rg_buf *buf)
{
    return buf->end - buf->start;
}

/* The byte in front of those held, for the owner to write what belongs before them; NULL when there is none. */
char *rg_buf_before(const struct rg_buf *buf);

/* RG_LIMIT when the maximum would be passed; nothing is appended then. */
rg_status rg_buf_put_more(struct rg_buf *buf, struct rg_slice bytes) RG_MUST_CHECK; /* rg_buf_put, with more memory */

/* Inline, as the four around it: every byte of every statement and record passes here, mostly in small pieces. */
static inline RG_MUST_CHECK rg_status rg_buf_put(struct rg_buf *buf, struct rg_slice bytes)
{
    size_t held = buf->end - buf->start;
    if (bytes.data == NULL || buf->bytes == NULL || bytes.size > buf->capacity - buf->end || held > buf->limit_bytes ||
        bytes.size > buf->limit_bytes - held) {
        return rg_buf_put_more(buf, bytes);
    }
    memcpy(buf->bytes + buf->end, bytes.data, bytes.size);
    buf->end += bytes.size;
    return RG_OK;
}

rg_status rg_buf_put_u8(struct rg_buf *buf, uint8_t value) RG_MUST_CHECK;
rg_status rg_buf_put_u16(struct rg_buf *buf, uint16_t value) RG_MUST_CHECK;        /* big endian */
rg_status rg_buf_put_u32(struct rg_buf *buf, uint32_t value) RG_MUST_CHECK;        /* big endian */
rg_status rg_buf_put_cstr(struct rg_buf *buf, struct rg_slice text) RG_MUST_CHECK; /* with its NUL */
rg_status rg_buf_printf(struct rg_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3))) RG_MUST_CHECK;
/* Room for size bytes at *out_memory; rg_buf_commit says how many were written. */
rg_status rg_buf_reserve(struct rg_buf *buf, size_t size, char **out_memory) RG_MUST_CHECK;
void rg_buf_commit(struct rg_buf *buf, size_t size);
/* Overwrites four bytes at offset from the front: for lengths known only at the end. */
void rg_buf_set_u32(struct rg_buf *buf, size_t offset, uint32_t value);
/* Drops size bytes from the front. */
void rg_buf_consume(struct rg_buf *buf, size_t size);
/* Drops bytes from the end so that size remain. */
void rg_buf_truncate(struct rg_buf *buf, size_t size);

#endif
