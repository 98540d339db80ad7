/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_WIRE_PRIVATE_H
#define RG_AUDIT_WIRE_PRIVATE_H

#include "base/rg_buf.h"

/* Numbers and texts off a cursor, big endian: for the packets of control.c and the answers of answer.c. false =
 * not there; cursor and output are untouched then. */

static inline bool audit_wire_get(struct rg_slice *cursor, size_t size, struct rg_slice *out_bytes)
{
    if (cursor->size < size) {
        return false;
    }
    *out_bytes = rg_slice_cut(*cursor, 0, size);
    *cursor = rg_slice_cut(*cursor, size, SIZE_MAX);
    return true;
}

static inline bool audit_wire_get_number(struct rg_slice *cursor, size_t size, uint64_t *out_value)
{
    struct rg_slice bytes = {0};
    uint64_t value = 0;
    if (!audit_wire_get(cursor, size, &bytes)) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | (unsigned char)bytes.data[i];
    }
    *out_value = value;
    return true;
}

static inline rg_status audit_wire_put_u64(struct rg_buf *buf, uint64_t value)
{
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)(value >> 32)));
    return rg_buf_put_u32(buf, (uint32_t)value);
}

#endif
