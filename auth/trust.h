/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_TRUST_H
#define RG_AUTH_TRUST_H

#include "auth/claims.h"

/* What one identity provider must prove. Filled by the configuration loader, immutable afterwards. The
 * zero value trusts nobody: no audience, no algorithm, no byte of token is acceptable to it. */
struct auth_trust {
    struct rg_slice name;   /* [idp.NAME] */
    struct rg_slice issuer; /* compared with iss byte by byte */
    struct rg_slice
        issuer_template; /* Entra: iss must be this with "{tid}" replaced by the token's own tid; or empty */
    const struct rg_slice *audiences; /* one of them must be in aud */
    size_t audience_count;
    const struct rg_slice *algorithms; /* "RS256", ...; what a token may be signed with */
    size_t algorithm_count;
    struct rg_slice user_claim; /* display name; empty = preferred_username, email, sub, the first there is */
    const struct auth_claim_spec *claims;
    size_t claim_count;
    bool is_login_only; /* no access token is for us: audiences may be empty */
    size_t max_token_bytes;
    int64_t clock_skew_us;
    /* For auth/jwks_cache.h. */
    struct rg_slice jwks_uri; /* empty = from the issuer's discovery document */
    struct rg_slice ca_file;  /* PEM; empty = the system's authorities */
    int64_t jwks_cooldown_us; /* at least this long between two fetches that tokens cause */
    int64_t jwks_refresh_us;  /* fetch again when this old */
};

/* The defaults: RS256 and ES256, 16 KiB, skew 30 s, cool-down 60 s, refresh 10 min; all else empty. */
struct auth_trust auth_trust_default(void);

/* true for the names that algorithms may hold: those that the library can verify. Pure. */
bool auth_algorithm_is_known(struct rg_slice name);

/* true when a token with this iss and tid (a UUID in lower case, or empty) comes from where the trust says. The tid is
 * as the token has it: which of the provider's tenants may come in is the matter of [[tenants]]. Pure. */
bool auth_trust_accepts_issuer(const struct auth_trust *trust, struct rg_slice issuer, struct rg_slice tid);
/* true when it would for some tid. Pure. */
bool auth_trust_names_issuer(const struct auth_trust *trust, struct rg_slice issuer);

/* RG_CONFIG when no token can ever satisfy trust (no issuer, not https, no audience, unknown or no
 * algorithm, limits out of range); the text names the key of [idp.NAME]. Pure, any thread. */
rg_status auth_trust_check(const struct auth_trust *trust) RG_MUST_CHECK;

#endif
