/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_SIGN_H
#define RG_BASE_SIGN_H

#include "base/rg_secret.h"

/* Ed25519 (RFC 8032), all OpenSSL's. A private key is its seed of 32 bytes; whoever holds one wipes it.
 * Each call builds its key anew: some 30 microseconds, no state. Any thread. */

enum { RG_SIGN_SEED_SIZE = 32, RG_SIGN_PUBLIC_SIZE = 32, RG_SIGN_SIZE = 64 };

/* RG_INTERNAL when OpenSSL refuses. */
rg_status rg_sign_public(const uint8_t seed[RG_SIGN_SEED_SIZE], uint8_t out_public[RG_SIGN_PUBLIC_SIZE]) RG_MUST_CHECK;
rg_status rg_sign(const uint8_t seed[RG_SIGN_SEED_SIZE], struct rg_slice bytes,
                  uint8_t out_signature[RG_SIGN_SIZE]) RG_MUST_CHECK;
/* False for anything but a signature of bytes by that key, also for a public key that is no point of the curve. */
bool rg_sign_is_valid(const uint8_t public_key[RG_SIGN_PUBLIC_SIZE], struct rg_slice bytes,
                      const uint8_t signature[RG_SIGN_SIZE]);

/* The private key as PKCS #8 PEM (RFC 8410), not encrypted. */
rg_status rg_sign_pem_encode(const uint8_t seed[RG_SIGN_SEED_SIZE], struct rg_secret **out_pem) RG_MUST_CHECK;
/* RG_CONFIG when it is no private key, an encrypted one, or not an Ed25519 one. The text holds nothing of it. */
rg_status rg_sign_pem_parse(struct rg_slice pem, uint8_t out_seed[RG_SIGN_SEED_SIZE]) RG_MUST_CHECK;

#endif
