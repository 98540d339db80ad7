/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of our own: base64url of a fixed header and of the claims, signed by base/rg_sign. */
#include "auth/mint.h"

#include <stdio.h>

#include "base/rg_buf.h"
#include "base/rg_crypto.h"
#include "base/rg_memory.h"
#include "base/rg_sign.h"

enum { TOKEN_BYTES = 64 * 1024, KID_BYTES = 8 };

struct auth_mint {
    uint8_t seed[RG_SIGN_SEED_SIZE];
    uint8_t public_key[RG_SIGN_PUBLIC_SIZE];
    char kid[2 * RG_SHA256_SIZE + 1];
    char header[128];
};

rg_status auth_mint_new(struct rg_slice pem, struct auth_mint **out_mint)
{
    RG_AUTO(auth_mint_free) struct auth_mint *mint = rg_memory_alloc(sizeof *mint);
    RG_TRY(rg_sign_pem_parse(pem, mint->seed));
    RG_TRY(rg_sign_public(mint->seed, mint->public_key));
    struct rg_digest name = rg_sha256_one(rg_slice_make((const char *)mint->public_key, sizeof mint->public_key));
    rg_digest_hex(&name, mint->kid);
    mint->kid[2 * KID_BYTES] = '\0';
    (void)snprintf(mint->header, sizeof mint->header, "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}", mint->kid);
    *out_mint = mint;
    mint = NULL;
    return RG_OK;
}

void auth_mint_free(struct auth_mint **mint)
{
    if (*mint != NULL) {
        rg_wipe((*mint)->seed, sizeof(*mint)->seed);
        rg_memory_free(*mint);
        *mint = NULL;
    }
}

struct rg_slice auth_mint_kid(const struct auth_mint *mint)
{
    return rg_slice_of(mint->kid);
}

rg_status auth_mint_public(const struct auth_mint *mint, struct rg_arena *arena, struct rg_slice *out_pem)
{
    /* SubjectPublicKeyInfo of an Ed25519 key is these twelve bytes and the key (RFC 8410 4 and 10.1) */
    char der[12 + RG_SIGN_PUBLIC_SIZE] = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21";
    struct rg_slice text;
    for (size_t i = 0; i < RG_SIGN_PUBLIC_SIZE; i++) {
        der[12 + i] = (char)mint->public_key[i];
    }
    RG_TRY(rg_base64_encode(rg_slice_make(der, sizeof der), arena, &text));
    return rg_arena_printf(arena, out_pem, "-----BEGIN PUBLIC KEY-----\n%.*s\n-----END PUBLIC KEY-----\n",
                           (int)text.size, text.data);
}

static rg_status put_token(const struct auth_mint *mint, struct rg_slice claims, struct rg_buf *token)
{
    uint8_t signature[RG_SIGN_SIZE];
    RG_TRY(rg_base64url_put(rg_slice_of(mint->header), token));
    RG_TRY(rg_buf_put_u8(token, '.'));
    RG_TRY(rg_base64url_put(claims, token));
    RG_TRY(rg_sign(mint->seed, rg_buf_slice(token), signature));
    RG_TRY(rg_buf_put_u8(token, '.'));
    return rg_base64url_put(rg_slice_make((const char *)signature, sizeof signature), token);
}

rg_status auth_mint_sign(const struct auth_mint *mint, struct rg_slice claims, struct rg_arena *arena,
                         struct rg_slice *out_token)
{
    RG_AUTO(rg_buf_done) struct rg_buf token;
    rg_buf_init(&token, TOKEN_BYTES);
    RG_TRY(put_token(mint, claims, &token));
    return rg_arena_copy(arena, rg_buf_slice(&token), out_token);
}

/* ---- the way back ---- */

/* The part ahead of the next dot; *rest begins behind it. Without one: all of it, and *rest is NULL. */
static struct rg_slice next_part(struct rg_slice *rest)
{
    const char *dot = rest->size == 0 ? NULL : memchr(rest->data, '.', rest->size);
    size_t size = dot == NULL ? rest->size : (size_t)(dot - rest->data);
    struct rg_slice part = rg_slice_cut(*rest, 0, size);
    *rest = dot == NULL ? (struct rg_slice){0} : rg_slice_cut(*rest, size + 1, SIZE_MAX);
    return part;
}

static bool is_own_header(const struct auth_mint *mint, struct rg_slice part)
{
    RG_AUTO(rg_buf_done) struct rg_buf header;
    rg_buf_init(&header, 2 * sizeof mint->header);
    return rg_is_ok(rg_base64url_put(rg_slice_of(mint->header), &header)) &&
           rg_slice_is_equal(rg_buf_slice(&header), part);
}

static bool is_signed(const struct auth_mint *mint, struct rg_slice token, struct rg_slice encoded,
                      struct rg_arena *arena)
{
    struct rg_slice signature = {0};
    struct rg_slice bytes = rg_slice_cut(token, 0, token.size - encoded.size - 1);
    uint8_t copy[RG_SIGN_SIZE];
    if (!rg_is_ok(rg_base64url_decode(encoded, arena, &signature)) || signature.size != sizeof copy) {
        return false;
    }
    memcpy(copy, signature.data, sizeof copy);
    return rg_sign_is_valid(mint->public_key, bytes, copy);
}

rg_status auth_mint_open(const struct auth_mint *mint, struct rg_slice token, bool is_checked, struct rg_arena *arena,
                         struct rg_slice *out_claims)
{
    struct rg_slice rest = token;
    struct rg_slice header = next_part(&rest);
    struct rg_slice payload = next_part(&rest);
    struct rg_slice signature = next_part(&rest);
    struct rg_slice claims = {0};
    if (signature.size == 0 || rest.data != NULL || !is_own_header(mint, header)) {
        return rg_fail(RG_DENIED, "token: not one of ours");
    }
    if (!is_checked && !is_signed(mint, token, signature, arena)) {
        return rg_fail(RG_DENIED, "token: the signature is not ours");
    }
    rg_status status = rg_base64url_decode(payload, arena, &claims);
    if (!rg_is_ok(status)) {
        return status.error->kind == RG_LIMIT ? status : rg_fail(RG_DENIED, "token: the claims are no base64url");
    }
    *out_claims = claims;
    return RG_OK;
}
