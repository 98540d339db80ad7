/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_SIGNATURE_PRIVATE_H
#define RG_AUTH_SIGNATURE_PRIVATE_H

#include "auth/jwks_private.h"

/* A token in its three parts, as text and decoded. All borrowed or in the arena of auth_token_parse. */
struct auth_token {
    struct rg_slice text; /* NUL behind it */
    struct rg_slice signed_text;
    struct rg_slice header;
    struct rg_slice payload;
    struct rg_slice signature;
};

/* What a token says it is. */
enum auth_token_typ {
    AUTH_TYP_JWT = 0,    /* or nothing */
    AUTH_TYP_AT_JWT,     /* "at+jwt" (RFC 9068 2.1) */
    AUTH_TYP_LOGOUT_JWT, /* "logout+jwt" (Back-Channel Logout 1.0 2.4) */
};

/* What the protected header says. Unverified. */
struct auth_token_header {
    struct rg_slice alg;
    struct rg_slice kid; /* empty = none */
    enum auth_token_typ typ;
};

/* Cuts and decodes: exactly three parts of strict base64url. RG_DENIED otherwise. */
rg_status auth_token_parse(struct rg_slice text, struct rg_arena *arena, struct auth_token *out_token) RG_MUST_CHECK;
/* Reads the header: a JSON object without duplicate members, crit, enc. RG_DENIED otherwise. */
rg_status auth_token_header_parse(const struct auth_token *token, struct rg_arena *arena,
                                  struct auth_token_header *out_header) RG_MUST_CHECK;
/* A JSON object without duplicate members; the caller gives it back. RG_DENIED, without showing it. */
rg_status auth_token_json(struct rg_slice bytes, const char *what, json_t **out_object) RG_MUST_CHECK;

/* RG_DENIED unless key made the token's signature with algorithm, which the caller found permitted. */
rg_status auth_signature_verify(const struct auth_jwk *key, const struct auth_algorithm *algorithm,
                                const struct auth_token *token, enum auth_token_typ typ) RG_MUST_CHECK;

#endif
