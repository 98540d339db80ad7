/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_ANSWER_H
#define RG_AUDIT_ANSWER_H

#include "audit/audit.h"

/* What the auditor says on a channel: u32 type, u32 bytes of text behind, u64 value (big endian), then the text.
 * ACK: the number of the first record of the oldest event not yet acknowledged; no text.
 * STATE: enum audit_state, 256 added when the disk is full; the text is the reason.
 * FORGET: 0; the text is the 32 bytes of audit_subject_hash (audit/sealer.h): whose keys are to be used no more. */

enum audit_answer_type {
    AUDIT_ANSWER_NONE = 0,
    AUDIT_ANSWER_ACK,
    AUDIT_ANSWER_STATE,
    AUDIT_ANSWER_FORGET,
    AUDIT_ANSWER_COUNT
};

enum { AUDIT_ANSWER_HEAD = 16 };

struct audit_answer {
    enum audit_answer_type type;
    uint64_t seq;           /* ACK */
    enum audit_state state; /* STATE, and the rest */
    bool is_disk_full;
    struct rg_slice reason; /* cut to AUDIT_REASON_MAX when sent */
    struct rg_digest name;  /* FORGET */
};

/* RG_LIMIT when out is full; it is as before then. Pure. */
rg_status audit_answer_encode(const struct audit_answer *answer, struct rg_buf *out) RG_MUST_CHECK;
/* Takes the next answer off the cursor when it is there as a whole. *out_answer borrows from the cursor.
 * RG_PROTOCOL for anything that audit_answer_encode does not write; cursor and outputs are untouched then. Pure. */
rg_status audit_answer_get(struct rg_slice *cursor, struct audit_answer *out_answer, bool *out_is_whole) RG_MUST_CHECK;

#endif
