/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_OIDC_PRIVATE_H
#define RG_AUTH_OIDC_PRIVATE_H

#include <jansson.h>

#include "auth/algorithms_private.h"
#include "auth/oidc.h"

/* A JSON object without duplicate members, at most AUTH_OIDC_MAX_ANSWER bytes; the caller gives it back. RG_PROTOCOL
 * with a text that shows nothing of it. */
rg_status auth_json_load(struct rg_slice json, const char *what, json_t **out_object) RG_MUST_CHECK;

/* The one validator of tokens: what access tokens, ID tokens and logout tokens have in common. */

enum auth_token_use {
    AUTH_USE_NONE = 0, /* every token is refused */
    AUTH_USE_ACCESS,
    AUTH_USE_ID,
    AUTH_USE_LOGOUT,
};

/* Begins as the zero value, ends with auth_verified_done, also after a failure. */
struct auth_verified {
    json_t *claims;
    const struct auth_algorithm *algorithm;
    int64_t issued_at_us;  /* 0 = not said */
    int64_t expires_at_us; /* with the skew */
};
void auth_verified_done(struct auth_verified *verified);

/* Shape, type, key, signature, then issuer, audience and dates. RG_DENIED, RG_LIMIT; *out_hint always written. */
rg_status auth_oidc_token_verify(const struct auth_trust *trust, const struct auth_jwks *jwks, struct rg_slice token,
                                 enum auth_token_use use, int64_t now_us, struct rg_arena *arena,
                                 struct auth_verified *verified, enum auth_verify_hint *out_hint) RG_MUST_CHECK;
/* Issuer, audience and dates of claims that something else has vouched for. RG_DENIED. */
rg_status auth_oidc_payload_judge(const struct auth_trust *trust, int64_t now_us,
                                  struct auth_verified *verified) RG_MUST_CHECK;
/* Names and claims of verified claims. RG_DENIED when one is missing; RG_LIMIT. Output untouched then. */
rg_status auth_oidc_identity_read(const struct auth_trust *trust, const struct auth_verified *verified,
                                  struct rg_slice token, struct rg_arena *arena,
                                  struct auth_identity *out_identity) RG_MUST_CHECK;
/* The part of it that is names: idp, subject, user, token_id. identity is half written on failure. */
rg_status auth_oidc_names_read(const struct auth_trust *trust, const json_t *claims, struct rg_slice token,
                               struct rg_arena *arena, struct auth_identity *identity) RG_MUST_CHECK;

#endif
