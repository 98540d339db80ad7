/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_IDENTITY_H
#define RG_AUTH_IDENTITY_H

#include "auth/claims.h"

/* Who calls: the result of one verified credential, and the only thing a tenant may be derived from. */

enum auth_kind {
    AUTH_UNVERIFIED = 0, /* zeroed memory is nobody */
    AUTH_OIDC,
    AUTH_SCRAM,
    AUTH_SAML,
    AUTH_OAUTH, /* OAuth without an ID token: the provider's API said who it is */
};

/* Units: expires_at_us in microseconds of wall clock, 0 = never expires (only service accounts).
 *        issued_at_us, 0 = the credential does not say.
 * Owns:  nothing; all it points to lives in the arena of the call that filled it. */
struct auth_identity {
    enum auth_kind kind;
    struct rg_slice idp;      /* auth_trust.name, auth_saml_trust.name; empty for SCRAM */
    struct rg_slice issuer;   /* the verified iss or Issuer; empty for SCRAM */
    struct rg_slice subject;  /* the verified sub or NameID; SCRAM: the account's name */
    struct rg_slice user;     /* for display and logs only: never a key */
    struct rg_slice token_id; /* jti or assertion ID, or 32 hexadecimal digits of the token's SHA-256 */
    int64_t issued_at_us;
    int64_t expires_at_us;
    size_t claim_count;
    const struct auth_claim_value *claims; /* parallel to the trust's claim specs */
};

/* The same in another arena. RG_LIMIT when that is full; output untouched then. Any thread. */
rg_status auth_identity_copy(const struct auth_identity *identity, struct rg_arena *arena,
                             struct auth_identity *out_identity) RG_MUST_CHECK;

#endif
