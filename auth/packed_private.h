/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_PACKED_PRIVATE_H
#define RG_AUTH_PACKED_PRIVATE_H

#include "base/rg_buf.h"
#include "base/rg_crypto.h"

/* Sized texts and numbers, big endian, one after the other: the form of what auth/ seals for itself. The get functions
 * take from the front of *rest; false when it is too short, *rest is of no use then. */

static inline RG_MUST_CHECK rg_status auth_packed_put_number(struct rg_buf *out, int64_t number)
{
    uint64_t bits = (uint64_t)number;
    RG_TRY(rg_buf_put_u32(out, (uint32_t)(bits >> 32)));
    return rg_buf_put_u32(out, (uint32_t)bits);
}

static inline RG_MUST_CHECK rg_status auth_packed_put_text(struct rg_buf *out, struct rg_slice text)
{
    RG_TRY(rg_buf_put_u32(out, (uint32_t)text.size));
    return rg_buf_put(out, text);
}

static inline bool auth_packed_get_u32(struct rg_slice *rest, uint32_t *out_number)
{
    uint8_t bytes[4];
    if (rest->size < sizeof bytes) {
        return false;
    }
    memcpy(bytes, rest->data, sizeof bytes);
    *out_number = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    *rest = rg_slice_cut(*rest, sizeof bytes, SIZE_MAX);
    return true;
}

static inline bool auth_packed_get_number(struct rg_slice *rest, int64_t *out_number)
{
    uint32_t high = 0;
    uint32_t low = 0;
    bool is_read = auth_packed_get_u32(rest, &high) && auth_packed_get_u32(rest, &low);
    *out_number = (int64_t)((uint64_t)high << 32 | low);
    return is_read;
}

/* Borrowed from rest. */
static inline bool auth_packed_get_text(struct rg_slice *rest, struct rg_slice *out_text)
{
    uint32_t size = 0;
    if (!auth_packed_get_u32(rest, &size) || rest->size < size) {
        return false;
    }
    *out_text = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size, SIZE_MAX);
    return true;
}

/* For buffers that held secrets. */
static inline void auth_packed_wipe_done(struct rg_buf *buf)
{
    struct rg_slice bytes = rg_buf_slice(buf);
    if (bytes.size > 0) {
        rg_wipe(buf->bytes + buf->start, bytes.size);
    }
    rg_buf_done(buf);
}

#endif
