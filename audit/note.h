/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_NOTE_H
#define RG_AUDIT_NOTE_H

#include "base/rg_buf.h"
#include "base/rg_crypto.h"

/* C2SP signed-note v1.0.0 with Ed25519 keys (type 0x01), and the checkpoint text of C2SP tlog-checkpoint inside it.
 * Text ending in LF, an empty line, then lines "— <name> <base64(4-byte key id || signature)>" (U+2014, one space).
 * All OpenSSL's Ed25519 and SHA-256. Threads: any. */

enum {
    AUDIT_NOTE_MAX = 1000 * 1000,   /* bytes of a whole note; Go's sumdb/note reads no more */
    AUDIT_NOTE_SIGNATURES_MAX = 16, /* verifiers must take 16; more are refused */
    AUDIT_NOTE_NAME_MAX = 255,
    AUDIT_SEED_SIZE = 32, /* an Ed25519 private key (RFC 8032) */
    AUDIT_PUBLIC_SIZE = 32,
    AUDIT_SIGNATURE_SIZE = 64,
    AUDIT_VKEY_SIZE = AUDIT_NOTE_NAME_MAX + 1 + 8 + 1 + 44 + 1
};

/* A public key with the name it signs under. name is borrowed. */
struct audit_vkey {
    struct rg_slice name; /* no spaces, no '+', not empty */
    uint8_t public_key[AUDIT_PUBLIC_SIZE];
    uint32_t id; /* first four bytes, big endian, of SHA-256(name || 0x0A || 0x01 || public key) */
};

/* RG_LIMIT for a bad name. */
rg_status audit_vkey_make(struct rg_slice name, const uint8_t public_key[AUDIT_PUBLIC_SIZE],
                          struct audit_vkey *out_key) RG_MUST_CHECK;
/* "<name>+<8 hex digits>+<base64(0x01 || public key)>"; strict, and the id must be right. RG_PROTOCOL. */
rg_status audit_vkey_parse(struct rg_slice text, struct audit_vkey *out_key) RG_MUST_CHECK;
rg_status audit_vkey_encode(const struct audit_vkey *key, struct rg_buf *out) RG_MUST_CHECK;

/* The public key of a seed. RG_INTERNAL when OpenSSL refuses. */
rg_status audit_seed_public(const uint8_t seed[AUDIT_SEED_SIZE], uint8_t out_public[AUDIT_PUBLIC_SIZE]) RG_MUST_CHECK;

/* Appends text (which must end in LF and hold no other control characters), the empty line and one signature line.
 * RG_LIMIT for a text that is no note's; out is as before then. */
rg_status audit_note_sign(struct rg_slice text, const struct audit_vkey *key, const uint8_t seed[AUDIT_SEED_SIZE],
                          struct rg_buf *out) RG_MUST_CHECK;

struct audit_note_signature {
    struct rg_slice name;
    uint32_t id;
    uint8_t bytes[AUDIT_SIGNATURE_SIZE];
    bool is_ed25519; /* false = another size: kept, never verified by audit_note_is_signed_by */
    bool is_timed;   /* bytes is that of a cosignature (audit/cosign.h), time is its time */
    uint64_t time;   /* seconds since 1970 */
};
struct audit_note {
    struct rg_slice text; /* with its last LF: what is signed. Borrowed */
    struct audit_note_signature signatures[AUDIT_NOTE_SIGNATURES_MAX];
    size_t signature_count;
};

/* Form only. RG_PROTOCOL with what is wrong. The note borrows from bytes. */
rg_status audit_note_parse(struct rg_slice bytes, struct audit_note *out_note) RG_MUST_CHECK;
/* True when a signature by this key is there and holds. Signatures by unknown keys are ignored; one by this key that
 * does not hold makes it false, whatever else is there. */
bool audit_note_is_signed_by(const struct audit_note *note, const struct audit_vkey *key);

/* The text of a checkpoint: origin, size in decimal, base64 root, each with LF; no extension lines. */
struct audit_checkpoint {
    struct rg_slice origin; /* borrowed */
    uint64_t size;
    struct rg_digest root;
};
rg_status audit_checkpoint_encode(const struct audit_checkpoint *checkpoint, struct rg_buf *out) RG_MUST_CHECK;
/* Strict: extension lines, leading zeros, other base64 are refused. RG_PROTOCOL. */
rg_status audit_checkpoint_parse(struct rg_slice text, struct audit_checkpoint *out_checkpoint) RG_MUST_CHECK;

#endif
