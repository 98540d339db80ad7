/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_ALGORITHMS_PRIVATE_H
#define RG_AUTH_ALGORITHMS_PRIVATE_H

#include <jwt.h>

#include "base/rg_slice.h"

/* The types a verification key can have. A symmetric key has no place here. */
enum auth_key_type {
    AUTH_KEY_NONE = 0,
    AUTH_KEY_RSA,
    AUTH_KEY_P256,
    AUTH_KEY_P384,
    AUTH_KEY_P521,
    AUTH_KEY_ED25519,
};

/* One signature algorithm of RFC 7518 3.1 or RFC 8037, and the only key type it may be used with. */
struct auth_algorithm {
    const char *name;
    enum auth_key_type key_type;
    jwt_alg_t libjwt;   /* JWT_ALG_INVAL: libjwt 1.10.2 does not know it */
    const char *digest; /* OpenSSL's name; NULL for EdDSA */
    bool is_pss;
};

/* NULL = unknown, which includes "none" and all of HS*. */
const struct auth_algorithm *auth_algorithm_find(struct rg_slice name);

#endif
