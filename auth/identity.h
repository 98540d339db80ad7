/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_IDENTITY_H
#define RG_AUTH_IDENTITY_H

#include "auth/claims.h"

/* Who calls: the result of one verified credential, and the only thing a tenant may be derived from. */

enum auth_kind {
    AUTH_UNVERIFIED = 0, /* zeroed memory is nobody */
    AUTH_OIDC,
    AUTH_SCRAM,
};

/* Units: expires_at_us in microseconds of wall clock, 0 = never expires (only service accounts).
 * Owns:  nothing; all it points to lives in the arena of the call that filled it. */
struct auth_identity {
    enum auth_kind kind;
    struct rg_slice idp;      /* auth_trust.name; empty for SCRAM */
    struct rg_slice issuer;   /* the verified iss; empty for SCRAM */
    struct rg_slice subject;  /* the verified sub; SCRAM: the account's name */
    struct rg_slice user;     /* for display and logs only: never a key */
    struct rg_slice token_id; /* jti, or 32 hexadecimal digits of the token's SHA-256 */
    int64_t expires_at_us;
    size_t claim_count;
    const struct auth_claim_value *claims; /* parallel to the trust's claim specs */
};

#endif
