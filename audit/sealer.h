/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_SEALER_H
#define RG_AUDIT_SEALER_H

#include "audit/personal.h"
#include "audit/record.h"
#include "base/rg_clock.h"

/* The encoder's side of encrypted personal fields: makes a data key per subject, tells it to the auditor ahead of the
 * first record that needs it, and gives the encoder an event whose personal values are ciphertext. What was sealed
 * lately under the same key is used again, so that equal events have equal pieces (audit/record_cache.c).
 * Threads: one at a time. */
struct audit_sealer;

enum {
    AUDIT_SEALER_SUBJECTS = 8192, /* that have a key at a time; the one used longest ago makes room */
    AUDIT_SEALER_KEYS_A_MINUTE = 30000
};

/* Seals for the log of this name. RG_LIMIT for an origin of more than 255 bytes. clock NULL = the machine's. */
rg_status audit_sealer_new(struct rg_slice origin, const struct rg_clock *clock,
                           struct audit_sealer **out_sealer) RG_MUST_CHECK;
void audit_sealer_free(struct audit_sealer **sealer); /* wipes all keys, nulls, accepts NULL */

/* *out_event: the event with its personal values sealed; it borrows from the event and from the sealer, until the next
 * call. Appends a KEY frame (audit/message.h) to out when the auditor does not know the key yet.
 * Returns: ok; RG_LIMIT when out is full, or when more new keys than AUDIT_SEALER_KEYS_A_MINUTE are wanted;
 * RG_INTERNAL for lists that are none. On failure out is as before. */
rg_status audit_sealer_event(struct audit_sealer *sealer, const struct audit_event *event, struct rg_buf *out,
                             struct audit_event *out_event) RG_MUST_CHECK;
/* What the last audit_sealer_event appended was dropped: the key goes ahead of the next record again. */
void audit_sealer_undo(struct audit_sealer *sealer);
/* From now on the subject's records are sealed with a new key; the old one is wiped. `name` is audit_subject_hash. */
void audit_sealer_forget(struct audit_sealer *sealer, const struct rg_digest *name);

/* Whose key it is, as gateway and auditor name a subject to each other when it is erased. Pure. */
struct rg_digest audit_subject_hash(struct rg_slice tenant, struct rg_slice subject);

/* What cannot be anybody's name for sure: those who failed to log in share a key of the day. */
#define AUDIT_SUBJECT_UNVERIFIED "unverified "

#endif
