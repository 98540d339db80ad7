/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_MINT_H
#define RG_AUTH_MINT_H

#include "base/rg_arena.h"
#include "base/rg_slice.h"
#include "base/rg_status.h"

/* Short tokens of our own (RFC 7519), signed with Ed25519 (RFC 8037), for those behind us who hold the public key: an
 * upstream can check them and cannot make them. */
struct auth_mint;

/* pem: an unencrypted Ed25519 private key, PKCS #8, borrowed. RG_CONFIG for anything else; the text holds nothing of
 * it. */
rg_status auth_mint_new(struct rg_slice pem, struct auth_mint **out_mint) RG_MUST_CHECK;
/* Wipes and frees; nulls the caller's pointer, accepts NULL in it. */
void auth_mint_free(struct auth_mint **mint);

/* The key's name in tokens: 16 hexadecimal digits of the SHA-256 of the public key. Lives with mint. */
struct rg_slice auth_mint_kid(const struct auth_mint *mint);
/* The public key as PEM (RFC 8410), for the one who checks; lives in arena. */
rg_status auth_mint_public(const struct auth_mint *mint, struct rg_arena *arena,
                           struct rg_slice *out_pem) RG_MUST_CHECK;

/* Signs claims, the text of one JSON object, as the compact form; header {"alg":"EdDSA","kid":...,"typ":"JWT"}.
 * Some 40 microseconds. Returns: RG_LIMIT when the arena is full. Owns: *out_token lives in arena. Any thread. */
rg_status auth_mint_sign(const struct auth_mint *mint, struct rg_slice claims, struct rg_arena *arena,
                         struct rg_slice *out_token) RG_MUST_CHECK;

/* The claims of a token that auth_mint_sign made with this key: its header is ours byte by byte, so no other algorithm
 * or key is ever looked for. is_checked: the caller has found the signature of these very bytes good before, under this
 * key's name: it is not checked again. Some 100 microseconds else.
 * Returns: RG_DENIED for anything else; RG_LIMIT when the arena is full. Output untouched then. Owns: *out_claims lives
 * in arena. Any thread. */
rg_status auth_mint_open(const struct auth_mint *mint, struct rg_slice token, bool is_checked, struct rg_arena *arena,
                         struct rg_slice *out_claims) RG_MUST_CHECK;

#endif
