/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_OIDC_H
#define RG_AUTH_OIDC_H

#include "auth/identity.h"
#include "auth/jwks.h"
#include "auth/trust.h"

/* The credential kind OIDC: a signed access token (RFC 7519, RFC 9068). Pure: no clock, file or socket. */

enum auth_verify_hint {
    AUTH_HINT_NONE = 0,
    AUTH_HINT_UNKNOWN_KEY, /* the set has no key with this kid: fetching the set anew may help, once */
};

/* Verifies token as trust demands and says who holds it.
 * The key's type fixes the algorithms that can be asked of it; the header's alg must be one of those and
 * in the trust's list before any signature is looked at, so none and HS* have no way in (RFC 8725 3.1).
 * Inputs:  jwks NULL = none known, refused with AUTH_HINT_UNKNOWN_KEY; now_us wall clock, microseconds.
 * Returns: ok; RG_DENIED with a text that names the check and neither token nor claim values; RG_LIMIT when
 *          the arena is full. *out_identity is untouched on failure, *out_hint is always written.
 * Owns:    all that *out_identity points to lives in arena, which also takes some twice the token's size.
 * Threads: any; trust and jwks are immutable. */
rg_status auth_oidc_verify(const struct auth_trust *trust, const struct auth_jwks *jwks, struct rg_slice token,
                           int64_t now_us, struct rg_arena *arena, struct auth_identity *out_identity,
                           enum auth_verify_hint *out_hint) RG_MUST_CHECK;

/* The kid in the header of a token that nothing has verified; empty when it has none. For
 * auth_jwks_cache_request after AUTH_HINT_UNKNOWN_KEY. RG_DENIED for what is no token. */
rg_status auth_oidc_peek_kid(struct rg_slice token, struct rg_arena *arena, struct rg_slice *out_kid) RG_MUST_CHECK;

/* The iss of a token that nothing has verified: a hint which trust to ask, never an identity.
 * RG_DENIED for what is no token or has no iss. */
rg_status auth_oidc_peek_issuer(struct rg_slice token, struct rg_arena *arena,
                                struct rg_slice *out_issuer) RG_MUST_CHECK;

#endif
