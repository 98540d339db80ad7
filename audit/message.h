/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_MESSAGE_H
#define RG_AUDIT_MESSAGE_H

#include "audit/personal.h"
#include "audit/record.h"

/* What crosses the seam from a worker to the auditor: the parts of a record that the worker knows,
 * ready as JSON text. The auditor adds the head and hashes; it never looks into the JSON.
 * Frame: u32 size of the rest, u8 version 1, u8 flags, u32 tenant size, u32 rg size, u32 ocsf size (big
 * endian), then the three texts. */
struct audit_message {
    bool has_more;          /* the next message continues the same event */
    struct rg_slice tenant; /* JSON-escaped, without its quotes; empty = no tenant */
    struct rg_slice rg;     /* a JSON object with at least one key, compact, ASCII */
    struct rg_slice ocsf;   /* the same */
};

enum {
    AUDIT_TENANT_MAX = 1024,                          /* bytes of the escaped tenant id */
    AUDIT_HEAD_MAX = 2048,                            /* bytes the auditor adds at most */
    AUDIT_BODY_MAX = AUDIT_LINE_MAX - AUDIT_HEAD_MAX, /* bytes of rg and ocsf together */
    AUDIT_FRAME_HEAD = 18,                            /* bytes before the three texts */
};

/* Appends one frame. RG_LIMIT when out is full, RG_INTERNAL when the message would be refused by
 * audit_message_get; out is as before then. Any thread. */
rg_status audit_message_encode(const struct audit_message *message, struct rg_buf *out) RG_MUST_CHECK;

/* Takes the next frame off the cursor; *out_message borrows from it. Checks framing, sizes and that the
 * texts are ASCII without control characters in the shape that the line needs.
 * Returns: ok; RG_PROTOCOL otherwise, cursor and output untouched. Pure. */
rg_status audit_message_get(struct rg_slice *cursor, struct audit_message *out_message) RG_MUST_CHECK;
/* The same for a frame that audit_message_get accepted before: the texts are not looked at again. */
rg_status audit_message_get_again(struct rg_slice *cursor, struct audit_message *out_message) RG_MUST_CHECK;
/* The size of the frame that `bytes` begin with, with its head; 0 when they do not tell yet. RG_PROTOCOL when no
 * frame can be so long or so short; the output is untouched then. Pure. */
rg_status audit_message_peek_size(struct rg_slice bytes, size_t *out_size) RG_MUST_CHECK;

/* The key of a subject, ahead of the first record of an event that was sealed with it (audit/sealer.h). Frame: as above
 * with flags 2, sizes of tenant, key (48: id and secret) and names, then tenant, key, u16 size of the subject, subject,
 * user. Any bytes may be in the texts. */
struct audit_key_frame {
    struct audit_subject_key key; /* wipe it */
    struct rg_slice tenant;       /* as in the event, not escaped */
    struct rg_slice subject;      /* not empty */
    struct rg_slice user;
};

enum { AUDIT_SUBJECT_MAX = 1024 /* bytes of a tenant, a subject, a user */ };

/* Appends one frame. RG_LIMIT when out is full; RG_INTERNAL when audit_message_get_key would refuse it. out is as
 * before then. */
rg_status audit_message_put_key(const struct audit_key_frame *frame, struct rg_buf *out) RG_MUST_CHECK;
/* Is the whole frame that the bytes begin with one of a key? Pure. */
bool audit_message_is_key(struct rg_slice bytes);
/* As audit_message_get; *out_frame's slices borrow from the cursor. */
rg_status audit_message_get_key(struct rg_slice *cursor, struct audit_key_frame *out_frame) RG_MUST_CHECK;

#endif
