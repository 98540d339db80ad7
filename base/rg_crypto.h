/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_CRYPTO_H
#define RG_BASE_CRYPTO_H

#include "base/rg_arena.h"
#include "base/rg_buf.h"

/* Hashes, encodings and randomness, all OpenSSL's and libc's. Any thread. */

enum { RG_SHA256_SIZE = 32 };

struct rg_digest {
    uint8_t bytes[RG_SHA256_SIZE];
};

/* SHA-256 of the parts joined (FIPS 180-4). Cannot fail. */
struct rg_digest rg_sha256(const struct rg_slice *parts, size_t part_count);
struct rg_digest rg_sha256_one(struct rg_slice bytes);
/* The same over bytes that come in pieces. rg_sha256_end gives the hash of what was put since the last end. */
struct rg_sha256_stream;
struct rg_sha256_stream *rg_sha256_new(void);
void rg_sha256_put(struct rg_sha256_stream *stream, struct rg_slice bytes);
struct rg_digest rg_sha256_end(struct rg_sha256_stream *stream);
void rg_sha256_free(struct rg_sha256_stream **stream); /* nulls, accepts NULL */
/* HMAC-SHA-256 (RFC 2104). Cannot fail. */
struct rg_digest rg_hmac_sha256(struct rg_slice key, struct rg_slice bytes);
/* HMAC-SHA-1 (RFC 2104), to recognise what others signed with it; we sign nothing so. RG_INTERNAL where the machine's
 * policy has no SHA-1. */
enum { RG_SHA1_SIZE = 20 };
rg_status rg_hmac_sha1(struct rg_slice key, struct rg_slice bytes, uint8_t out_bytes[RG_SHA1_SIZE]) RG_MUST_CHECK;
/* PBKDF2-HMAC-SHA-256 with 32 bytes out (RFC 8018). */
rg_status rg_pbkdf2_sha256(struct rg_slice password, struct rg_slice salt, unsigned iterations,
                           struct rg_digest *out_key) RG_MUST_CHECK;
/* A key for one purpose: HKDF-SHA-256 with 32 bytes out (RFC 5869). RG_LIMIT on an empty secret. */
rg_status rg_hkdf_sha256(struct rg_slice secret, struct rg_slice salt, struct rg_slice info,
                         struct rg_digest *out_key) RG_MUST_CHECK;
/* Cryptographic randomness; aborts when the system has none. */
void rg_random(void *out_bytes, size_t size);
/* Time does not depend on the contents. */
bool rg_secret_is_equal(struct rg_slice a, struct rg_slice b);
/* Wipes memory in a way the compiler keeps. */
void rg_wipe(void *memory, size_t size);

/* Lower-case hexadecimal with NUL. */
void rg_digest_hex(const struct rg_digest *digest, char out_text[2 * RG_SHA256_SIZE + 1]);
/* base64url without padding (RFC 4648 5) with NUL: 43 characters. */
enum { RG_DIGEST_B64_SIZE = 44 };
void rg_digest_b64url(const struct rg_digest *digest, char out_text[RG_DIGEST_B64_SIZE]);
/* The way back: 43 characters, strict (no stray bits). False and untouched output for anything else. */
bool rg_digest_from_b64url(const char *text, struct rg_digest *out_digest);

/* MD5 in standard base64, for HTTP's Content-MD5 (RFC 1864) and nothing else: it protects nothing. RG_INTERNAL where
 * the machine's policy (FIPS) has no MD5. */
rg_status rg_md5_base64(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;

/* Standard base64 with padding (RFC 4648 4), strict; RG_PROTOCOL on anything else. */
rg_status rg_base64_encode(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;
rg_status rg_base64_decode(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_bytes) RG_MUST_CHECK;
/* base64url without padding (RFC 4648 5), strict: padding, '+', '/', stray bits refused. */
rg_status rg_base64url_put(struct rg_slice bytes, struct rg_buf *out) RG_MUST_CHECK; /* appends; RG_LIMIT */
rg_status rg_base64url_decode(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_bytes) RG_MUST_CHECK;

#endif
