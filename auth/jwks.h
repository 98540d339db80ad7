/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_JWKS_H
#define RG_AUTH_JWKS_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* A provider's public signing keys (RFC 7517): immutable, reference-counted, shared between threads. */
struct auth_jwks;

enum { AUTH_JWKS_MAX_BYTES = 256 * 1024, AUTH_JWKS_MAX_KEYS = 64, AUTH_JWKS_MAX_KID = 256 };

/* Reads a JWK set. Kept: RSA of 2048 to 8192 bits, EC P-256, P-384, P-521 and Ed25519 for signatures. Skipped, as
 * RFC 7517 5 asks: other types (kty "oct" never becomes a key), other uses, keys that OpenSSL finds
 * invalid, weak RSA, keys that show their private half. Keys that share a kid are all kept; the token's algorithm picks
 * among them and two that would fit are refused at verification. Returns: ok with one reference; RG_PROTOCOL for what
 * is no JWK set or has no usable key; RG_LIMIT for sizes. *out_jwks is untouched then. Threads: any. */
rg_status auth_jwks_parse(struct rg_slice json, struct auth_jwks **out_jwks) RG_MUST_CHECK;

/* One more reference to the same set. Any thread. */
struct auth_jwks *auth_jwks_share(struct auth_jwks *jwks);
/* Gives up one reference, the last one frees; nulls the caller's pointer, accepts NULL in it. Any thread. */
void auth_jwks_free(struct auth_jwks **jwks);

size_t auth_jwks_count(const struct auth_jwks *jwks);
bool auth_jwks_has_kid(const struct auth_jwks *jwks, struct rg_slice kid);

#endif
