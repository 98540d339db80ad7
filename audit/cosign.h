/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_COSIGN_H
#define RG_AUDIT_COSIGN_H

#include "audit/note.h"

/* Cosignatures of checkpoints, C2SP tlog-cosignature with Ed25519 (key type 0x04): a witness's statement that, as of a
 * time, this is the largest tree of that log it has seen, and that it continues all it saw before. What is signed:
 * "cosignature/v1" LF "time <seconds since 1970>" LF and the checkpoint's text. Threads: any. */

/* A witness's public key. A type of its own, so that no log's key is taken for a witness's. */
struct audit_cosigner {
    struct audit_vkey key; /* name is borrowed; id by type 0x04 */
};

/* RG_LIMIT for a bad name. */
rg_status audit_cosigner_make(struct rg_slice name, const uint8_t public_key[AUDIT_PUBLIC_SIZE],
                              struct audit_cosigner *out_cosigner) RG_MUST_CHECK;
/* "<name>+<8 hex digits>+<base64(0x04 || public key)>". RG_PROTOCOL. */
rg_status audit_cosigner_parse(struct rg_slice text, struct audit_cosigner *out_cosigner) RG_MUST_CHECK;
rg_status audit_cosigner_encode(const struct audit_cosigner *cosigner, struct rg_buf *out) RG_MUST_CHECK;

/* Appends one signature line over the text of a checkpoint. RG_LIMIT when out is full; it is as before then. */
rg_status audit_cosign(struct rg_slice text, const struct audit_cosigner *cosigner, const uint8_t seed[AUDIT_SEED_SIZE],
                       uint64_t time_s, struct rg_buf *out) RG_MUST_CHECK;

/* True when a cosignature by this key is there and all of them hold; *out_time_s is the newest one's. Others are
 * ignored. */
bool audit_note_is_cosigned_by(const struct audit_note *note, const struct audit_cosigner *cosigner,
                               uint64_t *out_time_s);

#endif
