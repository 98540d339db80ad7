/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_AEAD_H
#define RG_BASE_AEAD_H

#include "base/rg_buf.h"

/* AES-256-GCM (NIST SP 800-38D), all OpenSSL's: bytes that only the holder of the key can read, and that nobody can
 * change or take to another place unnoticed. Nonces are random, so that no state has to outlive the process; a key
 * seals at most 2^32 texts then (SP 800-38D 8.3). Threads: one at a time. */

enum { RG_AEAD_KEY_SIZE = 32, RG_AEAD_NONCE_SIZE = 12, RG_AEAD_TAG_SIZE = 16 };

enum { RG_AEAD_MORE = RG_AEAD_NONCE_SIZE + RG_AEAD_TAG_SIZE /* bytes that a sealed text is longer */ };

#define RG_AEAD_SEALS_MAX (UINT64_C(1) << 32)

struct rg_aead;

/* Copies the key; whoever gave it wipes his own. */
struct rg_aead *rg_aead_new(const uint8_t key[RG_AEAD_KEY_SIZE]);
void rg_aead_free(struct rg_aead **aead); /* wipes, nulls, accepts NULL */

/* Appends nonce, ciphertext and tag. `aad` is covered and not put there: opening wants the same.
 * Returns: ok; RG_LIMIT when out is full or the key has sealed RG_AEAD_SEALS_MAX texts: take another one; RG_INTERNAL
 * when OpenSSL refuses. out is as before then. */
rg_status rg_aead_seal(struct rg_aead *aead, struct rg_slice aad, struct rg_slice text,
                       struct rg_buf *out) RG_MUST_CHECK;
/* The same with a nonce that the caller never uses twice with this key: for known answers. */
rg_status rg_aead_seal_with(struct rg_aead *aead, const uint8_t nonce[RG_AEAD_NONCE_SIZE], struct rg_slice aad,
                            struct rg_slice text, struct rg_buf *out) RG_MUST_CHECK;
/* Appends the text. RG_DENIED when the bytes were not sealed like this under this key, whatever is the matter with
 * them; RG_LIMIT when out is full. out is as before then. */
rg_status rg_aead_open(struct rg_aead *aead, struct rg_slice aad, struct rg_slice sealed,
                       struct rg_buf *out) RG_MUST_CHECK;
/* How many texts this one has sealed. */
uint64_t rg_aead_seals(const struct rg_aead *aead);

#endif
