/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_NOTE_PRIVATE_H
#define RG_AUDIT_NOTE_PRIVATE_H

#include "audit/note.h"
#include "audit/note_text.h"

/* What notes, keys and cosignatures share. Pure; threads: any. */

/* Keys by their type, 0x01 Ed25519 of notes, 0x04 of cosignatures: as the functions of audit/note.h without it. */
enum audit_key_type { AUDIT_KEY_ED25519 = 0x01, AUDIT_KEY_COSIGNATURE = 0x04 };
rg_status audit_key_make(enum audit_key_type type, struct rg_slice name, const uint8_t public_key[AUDIT_PUBLIC_SIZE],
                         struct audit_vkey *out_key) RG_MUST_CHECK;
rg_status audit_key_parse(enum audit_key_type type, struct rg_slice text, struct audit_vkey *out_key) RG_MUST_CHECK;
rg_status audit_key_encode(enum audit_key_type type, const struct audit_vkey *key, struct rg_buf *out) RG_MUST_CHECK;
/* "— <name> <base64 of signed_bytes>" with its LF. RG_LIMIT. */
rg_status audit_signature_line_put(struct rg_slice name, struct rg_slice signed_bytes,
                                   struct rg_buf *out) RG_MUST_CHECK;

#endif
