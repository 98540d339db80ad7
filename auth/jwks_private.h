/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_JWKS_PRIVATE_H
#define RG_AUTH_JWKS_PRIVATE_H

#include <jansson.h>
#include <openssl/evp.h>

#include "auth/algorithms_private.h"
#include "auth/jwks.h"
#include "base/rg_arena.h"

/* One public key. Its type decides what it verifies; the JWK's own alg can only narrow that. */
struct auth_jwk {
    enum auth_key_type type;
    const struct auth_algorithm *only; /* the JWK's alg; NULL = all that the type permits */
    char kid[AUTH_JWKS_MAX_KID];
    size_t kid_size; /* 0 = none */
    EVP_PKEY *key;
    char *pem; /* the same key for libjwt */
    size_t pem_size;
};

/* Builds a key from one member of "keys". false = not a signature key that we take; *out_key untouched. */
bool auth_jwk_parse(const json_t *jwk, struct rg_arena *scratch, struct auth_jwk *out_key);
void auth_jwk_done(struct auth_jwk *key);
bool auth_jwk_permits(const struct auth_jwk *key, const struct auth_algorithm *algorithm);

/* The search for the key of one token. */
struct auth_jwks_match {
    const struct auth_jwk *key; /* the only one that fits, else NULL */
    size_t fitting;             /* keys with this kid (any kid if it is empty) that permit the algorithm */
    size_t named;               /* keys with this kid, whatever they permit */
};
struct auth_jwks_match auth_jwks_match(const struct auth_jwks *jwks, struct rg_slice kid,
                                       const struct auth_algorithm *algorithm);

#endif
