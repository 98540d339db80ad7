/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's half of a channel's language. Written by channel.c, read by client.c. */
#include "audit/answer.h"

#include "audit/wire_private.h"

enum { DISK_FULL = 256 };

static rg_status put_answer(const struct audit_answer *answer, struct rg_buf *out)
{
    bool is_state = answer->type == AUDIT_ANSWER_STATE;
    bool is_forget = answer->type == AUDIT_ANSWER_FORGET;
    struct rg_slice reason = is_forget ? rg_slice_make(answer->name.bytes, sizeof answer->name.bytes)
                                       : rg_slice_cut(answer->reason, 0, is_state ? AUDIT_REASON_MAX : 0);
    uint64_t value = is_state    ? (uint64_t)answer->state + (answer->is_disk_full ? DISK_FULL : 0)
                     : is_forget ? 0
                                 : answer->seq;
    RG_TRY(rg_buf_put_u32(out, (uint32_t)answer->type));
    RG_TRY(rg_buf_put_u32(out, (uint32_t)reason.size));
    RG_TRY(audit_wire_put_u64(out, value));
    return rg_buf_put(out, reason);
}

rg_status audit_answer_encode(const struct audit_answer *answer, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    rg_status status = put_answer(answer, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

static bool is_acceptable(uint64_t type, uint64_t size, uint64_t value)
{
    if (type == AUDIT_ANSWER_ACK) {
        return size == 0;
    }
    if (type == AUDIT_ANSWER_FORGET) {
        return size == RG_SHA256_SIZE && value == 0;
    }
    return type == AUDIT_ANSWER_STATE && size <= AUDIT_REASON_MAX && (value & ~(uint64_t)DISK_FULL) <= AUDIT_RESERVE;
}

rg_status audit_answer_get(struct rg_slice *cursor, struct audit_answer *out_answer, bool *out_is_whole)
{
    struct rg_slice rest = *cursor;
    struct rg_slice reason = {0};
    uint64_t type = 0;
    uint64_t size = 0;
    uint64_t value = 0;
    if (!audit_wire_get_number(&rest, 4, &type) || !audit_wire_get_number(&rest, 4, &size) ||
        !audit_wire_get_number(&rest, 8, &value)) {
        *out_is_whole = false;
        return RG_OK;
    }
    if (!is_acceptable(type, size, value)) {
        return rg_fail(RG_PROTOCOL, "the auditor's answer makes no sense");
    }
    if (!audit_wire_get(&rest, (size_t)size, &reason)) {
        *out_is_whole = false;
        return RG_OK;
    }
    bool is_state = type == AUDIT_ANSWER_STATE;
    *out_answer =
        (struct audit_answer){.type = (enum audit_answer_type)type,
                              .seq = is_state ? 0 : value,
                              .state = is_state ? (enum audit_state)(value & ~(uint64_t)DISK_FULL) : AUDIT_CLOSED,
                              .is_disk_full = is_state && (value & DISK_FULL) != 0,
                              .reason = reason};
    if (type == AUDIT_ANSWER_FORGET) {
        memcpy(out_answer->name.bytes, reason.data, sizeof out_answer->name.bytes);
        out_answer->reason = (struct rg_slice){0};
    }
    *cursor = rest;
    *out_is_whole = true;
    return RG_OK;
}
