/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_INTAKE_H
#define RG_AUDIT_INTAKE_H

#include "audit/audit.h"
#include "audit/json_strict.h"
#include "audit/message.h"

/* From a client's bytes to whole events that may enter the log. The client may be in hostile hands: it can add records
 * of its own kinds, never a line that verify would refuse, nor half an event, nor a record in the auditor's name. */

enum { AUDIT_PARTS_MAX = 4096 }; /* records of one event */

/* Who writes: each source has kinds of its own and none of another's. */
enum audit_source { AUDIT_SOURCE_GATEWAY = 0, AUDIT_SOURCE_EXPORTER, AUDIT_SOURCE_COUNT };

/* How far the oldest event of a client's buffer was looked at. The zero value is the start of a gateway's. */
struct audit_intake {
    enum audit_source source; /* set once */
    size_t scanned_bytes;
    uint64_t scanned_parts;
    uint64_t part_count; /* as its first record says */
    size_t key_bytes;    /* of the frame with a subject's key that it begins with; 0 = there is none */
};

/* Looks at `bytes`, the client's oldest not yet taken, behind what earlier calls looked at.
 * *out_event: the frames of the first event, all checked, perhaps with one frame of a key ahead of the records; empty
 * when it is not there as a whole yet. The caller takes it off the front of his bytes; the next call starts with the
 * event behind it. Returns: ok; RG_PROTOCOL when the bytes make no sense or are not the client's to say: nothing of
 * them may be taken. Pure but for json's memory. */
rg_status audit_intake_next(struct audit_intake *intake, struct audit_json *json, struct rg_slice bytes,
                            struct rg_slice *out_event) RG_MUST_CHECK;

#endif
