/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls, for the upstream: claims made by jansson, signed by auth/mint, kept for half a minute. */
#include "proxy/http/identity_header.h"

#include <jansson.h>

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

enum { NAME_DIGITS = 40 };

struct row {
    struct rg_digest key; /* of everything that the token says but its times */
    int64_t until_us;     /* 0 = empty */
    size_t size;
    char *token;
};

struct http_identity_cache {
    struct row rows[HTTP_IDENTITY_CACHE_ROWS];
};

struct http_identity_cache *http_identity_cache_new(void)
{
    return rg_memory_alloc(sizeof(struct http_identity_cache));
}

void http_identity_cache_free(struct http_identity_cache **cache)
{
    for (size_t i = 0; *cache != NULL && i < HTTP_IDENTITY_CACHE_ROWS; i++) {
        rg_memory_free((*cache)->rows[i].token);
    }
    rg_memory_free(*cache);
    *cache = NULL;
}

static const int64_t half_us = INT64_C(1000000) * HTTP_IDENTITY_SECONDS / 2;

bool http_identity_cache_find(const struct http_identity_cache *cache, const struct rg_digest *key, int64_t now_us,
                              struct rg_slice *out_token)
{
    const struct row *row = cache == NULL ? NULL : &cache->rows[key->bytes[0] % HTTP_IDENTITY_CACHE_ROWS];
    if (row == NULL || row->until_us <= now_us || row->until_us > now_us + half_us ||
        memcmp(row->key.bytes, key->bytes, sizeof key->bytes) != 0) {
        return false;
    }
    *out_token = rg_slice_make(row->token, row->size);
    return true;
}

void http_identity_cache_keep(struct http_identity_cache *cache, const struct rg_digest *key, int64_t now_us,
                              struct rg_slice token)
{
    struct row *row = cache == NULL ? NULL : &cache->rows[key->bytes[0] % HTTP_IDENTITY_CACHE_ROWS];
    if (row == NULL) {
        return;
    }
    rg_memory_free(row->token);
    row->token = rg_memory_alloc(token.size);
    memcpy(row->token, token.data, token.size);
    row->size = token.size;
    row->key = *key;
    row->until_us = now_us + half_us;
}

/* ---- names and keys ---- */

/* Each part with its size in front, so that no two lists of parts are the same bytes. */
static void put_part(struct rg_sha256_stream *stream, struct rg_slice part)
{
    uint64_t size = part.size;
    rg_sha256_put(stream, rg_slice_make((const char *)&size, sizeof size));
    rg_sha256_put(stream, part);
}

void http_identity_name(const struct auth_identity *identity, struct rg_slice tenant,
                        char out_name[HTTP_IDENTITY_NAME_SIZE])
{
    struct rg_sha256_stream *stream = rg_sha256_new();
    put_part(stream, tenant);
    put_part(stream, identity->issuer);
    put_part(stream, identity->subject);
    struct rg_digest digest = rg_sha256_end(stream);
    rg_sha256_free(&stream);
    char hex[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(&digest, hex);
    memcpy(out_name, "rg-", 3);
    memcpy(out_name + 3, hex, NAME_DIGITS);
    out_name[3 + NAME_DIGITS] = '\0';
}

static struct rg_digest key_of(const struct auth_mint *mint, const struct http_identity_facts *facts)
{
    struct rg_sha256_stream *stream = rg_sha256_new();
    put_part(stream, auth_mint_kid(mint));
    put_part(stream, facts->tenant);
    put_part(stream, facts->view);
    put_part(stream, facts->identity->issuer);
    put_part(stream, facts->identity->subject);
    put_part(stream, facts->identity->user);
    put_part(stream, facts->session);
    for (size_t i = 0; i < facts->role_count; i++) {
        put_part(stream, facts->roles[i]);
    }
    struct rg_digest digest = rg_sha256_end(stream);
    rg_sha256_free(&stream);
    return digest;
}

/* ---- claims ---- */

static json_t *text_of(struct rg_slice text)
{
    return json_stringn(text.size == 0 ? "" : text.data, text.size); /* NULL: no UTF-8 */
}

static json_t *roles_of(const struct http_identity_facts *facts)
{
    json_t *roles = json_array();
    bool is_whole = true;
    for (size_t i = 0; i < facts->role_count; i++) {
        is_whole = json_array_append_new(roles, text_of(facts->roles[i])) == 0 && is_whole;
    }
    if (!is_whole) {
        json_decref(roles);
        return NULL;
    }
    return roles;
}

static rg_status make_claims(const struct http_identity_facts *facts, int64_t now_us, json_t **out_claims)
{
    char name[HTTP_IDENTITY_NAME_SIZE];
    json_int_t now = (json_int_t)(now_us / 1000000);
    http_identity_name(facts->identity, facts->tenant, name);
    json_t *claims = json_object();
    int failures = json_object_set_new(claims, "iss", json_string("rowgate"));
    failures |= json_object_set_new(claims, "aud", json_string("superset"));
    failures |= json_object_set_new(claims, "sub", json_string(name));
    failures |= json_object_set_new(claims, "name", text_of(facts->identity->user));
    failures |= json_object_set_new(claims, "tenant", text_of(facts->tenant));
    failures |= json_object_set_new(claims, "view", text_of(facts->view));
    failures |= json_object_set_new(claims, "session", text_of(facts->session));
    failures |= json_object_set_new(claims, "roles", roles_of(facts));
    failures |= json_object_set_new(claims, "iat", json_integer(now));
    failures |= json_object_set_new(claims, "exp", json_integer(now + HTTP_IDENTITY_SECONDS));
    if (failures != 0) {
        json_decref(claims);
        return rg_fail(RG_PROTOCOL, "a name or role of the caller is no UTF-8");
    }
    *out_claims = claims;
    return RG_OK;
}

static rg_status make_token(const struct auth_mint *mint, const struct http_identity_facts *facts, int64_t now_us,
                            struct rg_arena *arena, struct rg_slice *out_token)
{
    json_t *claims = NULL;
    RG_TRY(make_claims(facts, now_us, &claims));
    char *text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    if (text == NULL) {
        return rg_fail(RG_INTERNAL, "the caller's claims cannot be written");
    }
    rg_status status = auth_mint_sign(mint, rg_slice_of(text), arena, out_token);
    free(text); /* jansson's own allocation */
    return status;
}

rg_status http_identity_token(const struct auth_mint *mint, const struct http_identity_facts *facts, int64_t now_us,
                              struct http_identity_cache *cache, struct rg_arena *arena, struct rg_slice *out_token)
{
    if (facts->identity->kind == AUTH_UNVERIFIED || facts->identity->subject.size == 0 || facts->tenant.size == 0 ||
        facts->view.size == 0) {
        return rg_fail(RG_DENIED, "nobody is logged in");
    }
    if (facts->role_count > HTTP_IDENTITY_ROLES_MAX) {
        return rg_fail(RG_LIMIT, "%zu roles, limit %d", facts->role_count, HTTP_IDENTITY_ROLES_MAX);
    }
    struct rg_digest key = key_of(mint, facts);
    struct rg_slice kept = {0};
    if (http_identity_cache_find(cache, &key, now_us, &kept)) {
        return rg_arena_copy(arena, kept, out_token);
    }
    RG_TRY(make_token(mint, facts, now_us, arena, out_token));
    http_identity_cache_keep(cache, &key, now_us, *out_token);
    return RG_OK;
}
