/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_PERSONAL_H
#define RG_AUDIT_PERSONAL_H

#include "base/rg_aead.h"
#include "base/rg_crypto.h"

/* How a personal value stands in a record when [audit.personal] mode = "encrypted" (docs/audit-format.md 5.3):
 * rgenc1:<key id>:<nonce, ciphertext and tag>, the last two as base64url. The key belongs to one subject and is kept
 * outside the log (audit/keep/subject_store.h): without it nobody reads the value, and the log verifies as before. */

enum { AUDIT_KEY_ID_SIZE = 16, AUDIT_KEY_ID_TEXT = 22, AUDIT_KEY_SECRET_SIZE = 32 };

struct audit_key_id {
    uint8_t bytes[AUDIT_KEY_ID_SIZE]; /* random */
};

/* A data key: made by an encoder, kept by the auditor. Whoever holds one wipes it. */
struct audit_subject_key {
    struct audit_key_id id;
    uint8_t secret[AUDIT_KEY_SECRET_SIZE];
};

/* Which value of the record it is: covered, so that a ciphertext cannot be moved to another field. */
enum audit_personal_field {
    AUDIT_PERSONAL_NONE = 0, /* refused */
    AUDIT_PERSONAL_USER,
    AUDIT_PERSONAL_SUBJECT,
    AUDIT_PERSONAL_CLIENT_ADDRESS,
    AUDIT_PERSONAL_APPLICATION,
    AUDIT_PERSONAL_DATABASE,
    AUDIT_PERSONAL_MESSAGE,
    AUDIT_PERSONAL_SQL,
    AUDIT_PERSONAL_SQL_SENT,
    AUDIT_PERSONAL_LITERALS,
    AUDIT_PERSONAL_LITERALS_SENT,
    AUDIT_PERSONAL_BINDS,
    AUDIT_PERSONAL_PATH,
    AUDIT_PERSONAL_QUERY,
    AUDIT_PERSONAL_COUNT
};

/* The field's name in docs/audit-format.md 5, NONE for any other text. Static storage. */
const char *audit_personal_name(enum audit_personal_field field);
enum audit_personal_field audit_personal_find(struct rg_slice name);

/* 22 characters without NUL, appended. */
rg_status audit_key_id_put(const struct audit_key_id *id, struct rg_buf *out) RG_MUST_CHECK;
/* Strict. False and untouched output for anything else. */
bool audit_key_id_parse(struct rg_slice text, struct audit_key_id *out_id);
bool audit_key_id_is_equal(const struct audit_key_id *a, const struct audit_key_id *b);

/* A data key ready for use in one log. Threads: one at a time. */
struct audit_personal_key;

/* origin: the log's; what is sealed for one log does not open in another. RG_LIMIT. */
rg_status audit_personal_key_new(const struct audit_subject_key *key, struct rg_slice origin,
                                 struct audit_personal_key **out_key) RG_MUST_CHECK;
void audit_personal_key_free(struct audit_personal_key **key); /* wipes, nulls, accepts NULL */
const struct audit_key_id *audit_personal_key_id(const struct audit_personal_key *key);
/* False: it sealed as much as it may, or will soon: take another one. */
bool audit_personal_key_is_fresh(const struct audit_personal_key *key);

/* Appends the text as it stands in the record. As rg_aead_seal. */
rg_status audit_personal_seal(struct audit_personal_key *key, enum audit_personal_field field, struct rg_slice text,
                              struct rg_buf *out) RG_MUST_CHECK;
/* Whose key a text of a record wants. False when it is none of ours. Pure. */
bool audit_personal_parse(struct rg_slice text, struct audit_key_id *out_id);
/* The way back, in the arena. RG_DENIED for what was not sealed as this field under this key for this log; RG_LIMIT. */
rg_status audit_personal_open(struct audit_personal_key *key, enum audit_personal_field field, struct rg_slice text,
                              struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;

/* What stands for a value so that equal ones can be found by who holds the key: HMAC-SHA-256 under a key derived from
 * the data key, whole, and its first 16 bytes as 22 characters. */
struct rg_digest audit_personal_token(const struct audit_personal_key *key, enum audit_personal_field field,
                                      struct rg_slice value);
rg_status audit_personal_put_token(const struct audit_personal_key *key, enum audit_personal_field field,
                                   struct rg_slice value, struct rg_buf *out) RG_MUST_CHECK;

#endif
