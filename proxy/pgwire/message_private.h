/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_MESSAGE_PRIVATE_H
#define RG_PROXY_PGWIRE_MESSAGE_PRIVATE_H

#include "base/rg_buf.h"

/* How every encoder writes: a message is a list of parts. Whatever fails, buf is as before. */

enum pgwire_part_kind { PGWIRE_PART_U8, PGWIRE_PART_U16, PGWIRE_PART_U32, PGWIRE_PART_BYTES, PGWIRE_PART_CSTR };

struct pgwire_part {
    enum pgwire_part_kind kind;
    uint32_t number;
    struct rg_slice bytes;
};

static inline struct pgwire_part pgwire_part_u8(char value)
{
    return (struct pgwire_part){.kind = PGWIRE_PART_U8, .number = (unsigned char)value};
}

static inline struct pgwire_part pgwire_part_u16(uint16_t value)
{
    return (struct pgwire_part){.kind = PGWIRE_PART_U16, .number = value};
}

static inline struct pgwire_part pgwire_part_u32(uint32_t value)
{
    return (struct pgwire_part){.kind = PGWIRE_PART_U32, .number = value};
}

static inline struct pgwire_part pgwire_part_bytes(struct rg_slice bytes)
{
    return (struct pgwire_part){.kind = PGWIRE_PART_BYTES, .bytes = bytes};
}

/* Refused with RG_PROTOCOL when the text holds a NUL. */
static inline struct pgwire_part pgwire_part_cstr(struct rg_slice text)
{
    return (struct pgwire_part){.kind = PGWIRE_PART_CSTR, .bytes = text};
}

/* One whole message. type 0 writes no type byte (CancelRequest). */
rg_status pgwire_message_put(struct rg_buf *buf, char type, const struct pgwire_part *parts,
                             size_t count) RG_MUST_CHECK;

/* For messages with lists: begin, any number of parts, end. end takes the status of what lies between:
 * when that failed, it takes the message back and returns the failure. */
rg_status pgwire_message_begin(struct rg_buf *buf, char type, size_t *out_mark) RG_MUST_CHECK;
rg_status pgwire_parts_put(struct rg_buf *buf, const struct pgwire_part *parts, size_t count) RG_MUST_CHECK;
rg_status pgwire_message_end(struct rg_buf *buf, size_t mark, rg_status status) RG_MUST_CHECK;

#define PGWIRE_COUNT(array) (sizeof(array) / sizeof(array)[0])

#endif
