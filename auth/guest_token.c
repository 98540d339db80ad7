/* SPDX-License-Identifier: Apache-2.0 */
/* Guest tokens of browsers, written and read. The claims are read by jansson, and every one must be there with the type
 * that we gave it: nobody else makes these. */
#include "auth/guest_token.h"

#include <stdlib.h>

#include "auth/oidc_private.h"
#include "base/rg_crypto.h"
#include "base/rg_memory.h"

enum { CACHE_ROWS = 256, SECOND_US = 1000 * 1000 };

/* ---- signatures that were good ---- */

struct auth_guest_cache {
    struct rg_digest rows[CACHE_ROWS]; /* of key and whole token; zero = empty, which no token has */
};

struct auth_guest_cache *auth_guest_cache_new(void)
{
    return rg_memory_alloc(sizeof(struct auth_guest_cache));
}

void auth_guest_cache_free(struct auth_guest_cache **cache)
{
    rg_memory_free(*cache);
    *cache = NULL;
}

static rg_status open_token(const struct auth_mint *mint, struct rg_slice text, struct auth_guest_cache *cache,
                            struct rg_arena *arena, struct rg_slice *out_claims)
{
    const struct rg_slice parts[] = {auth_mint_kid(mint), text};
    struct rg_digest key = rg_sha256(parts, sizeof parts / sizeof parts[0]);
    struct rg_digest *row = cache == NULL ? NULL : &cache->rows[key.bytes[0] % CACHE_ROWS];
    bool is_known = row != NULL && memcmp(row->bytes, key.bytes, sizeof key.bytes) == 0;
    RG_TRY(auth_mint_open(mint, text, is_known, arena, out_claims));
    if (row != NULL) {
        *row = key;
    }
    return RG_OK;
}

/* ---- writing ---- */

static json_t *text_of(struct rg_slice text)
{
    return json_stringn(text.size == 0 ? "" : text.data, text.size); /* NULL: no UTF-8 */
}

static json_t *resources_of(const struct auth_guest_token *token)
{
    json_t *list = json_array();
    bool is_whole = true;
    for (size_t i = 0; i < token->resource_count; i++) {
        json_t *one = json_pack("{s:s, s:o}", "type", "dashboard", "id", text_of(token->resources[i]));
        is_whole = json_array_append_new(list, one) == 0 && is_whole;
    }
    if (!is_whole) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static rg_status make_claims(const struct auth_guest_token *token, json_t **out_claims)
{
    json_t *claims = json_object();
    int failures = json_object_set_new(claims, "iss", json_string("rowgate"));
    failures |= json_object_set_new(claims, "aud", json_string(AUTH_GUEST_AUDIENCE));
    failures |= json_object_set_new(claims, "type", json_string("guest"));
    failures |= json_object_set_new(claims, "iat", json_integer(token->issued_s));
    failures |= json_object_set_new(claims, "exp", json_integer(token->expires_s));
    failures |= json_object_set_new(claims, "jti", text_of(token->id));
    failures |= json_object_set_new(claims, "resources", resources_of(token));
    failures |= json_object_set_new(claims, "rowgate", text_of(token->capsule));
    if (failures != 0) {
        json_decref(claims);
        return rg_fail(RG_PROTOCOL, "guest token: a text is no UTF-8");
    }
    *out_claims = claims;
    return RG_OK;
}

rg_status auth_guest_token_make(const struct auth_mint *mint, const struct auth_guest_token *token,
                                struct rg_arena *arena, struct rg_slice *out_text)
{
    json_t *claims = NULL;
    if (token->id.size == 0 || token->resource_count == 0 || token->capsule.size == 0 ||
        token->expires_s <= token->issued_s) {
        return rg_fail(RG_DENIED, "guest token: for nobody, for nothing, or over");
    }
    if (token->resource_count > AUTH_GUEST_MAX_RESOURCES || token->id.size > AUTH_GUEST_MAX_ID) {
        return rg_fail(RG_LIMIT, "guest token: %zu dashboards, limit %d", token->resource_count,
                       AUTH_GUEST_MAX_RESOURCES);
    }
    RG_TRY(make_claims(token, &claims));
    char *text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    if (text == NULL) {
        return rg_fail(RG_INTERNAL, "guest token: the claims cannot be written");
    }
    rg_status status = auth_mint_sign(mint, rg_slice_of(text), arena, out_text);
    free(text); /* jansson's own allocation */
    return status;
}

/* ---- reading ---- */

static void decref(json_t **value)
{
    json_decref(*value);
}

static bool is_text(const json_t *claims, const char *name, const char *wanted)
{
    const json_t *value = json_object_get(claims, name);
    return json_is_string(value) && json_string_length(value) == strlen(wanted) &&
           strcmp(json_string_value(value), wanted) == 0;
}

static rg_status take_text(const json_t *value, size_t limit, struct rg_arena *arena, struct rg_slice *out_text)
{
    if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) > limit) {
        return rg_fail(RG_DENIED, "guest token: a text is missing or too long");
    }
    return rg_arena_copy(arena, rg_slice_make(json_string_value(value), json_string_length(value)), out_text);
}

static rg_status take_resources(const json_t *list, struct rg_arena *arena, struct auth_guest_token *token)
{
    struct rg_slice *resources = NULL;
    size_t count = json_array_size(list);
    if (count == 0 || count > AUTH_GUEST_MAX_RESOURCES) {
        return rg_fail(RG_DENIED, "guest token: %zu dashboards", count);
    }
    RG_TRY(rg_arena_array(arena, count, sizeof *resources, (void **)&resources));
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(list, i);
        if (!is_text(one, "type", "dashboard")) {
            return rg_fail(RG_DENIED, "guest token: for something else than a dashboard");
        }
        RG_TRY(take_text(json_object_get(one, "id"), AUTH_GUEST_MAX_ID, arena, &resources[i]));
    }
    token->resources = resources;
    token->resource_count = count;
    return RG_OK;
}

static rg_status judge(const json_t *claims, int64_t now_us, struct rg_arena *arena, struct auth_guest_token *token)
{
    const json_t *issued = json_object_get(claims, "iat");
    const json_t *expires = json_object_get(claims, "exp");
    if (!is_text(claims, "iss", "rowgate") || !is_text(claims, "aud", AUTH_GUEST_AUDIENCE) ||
        !is_text(claims, "type", "guest")) {
        return rg_fail(RG_DENIED, "guest token: made for something else");
    }
    if (!json_is_integer(issued) || !json_is_integer(expires)) {
        return rg_fail(RG_DENIED, "guest token: without its times");
    }
    token->issued_s = json_integer_value(issued);
    token->expires_s = json_integer_value(expires);
    if (now_us / SECOND_US >= token->expires_s) {
        return rg_fail(RG_DENIED, "guest token: expired");
    }
    RG_TRY(take_text(json_object_get(claims, "jti"), AUTH_GUEST_MAX_ID, arena, &token->id));
    RG_TRY(take_text(json_object_get(claims, "rowgate"), AUTH_GUEST_MAX_TOKEN, arena, &token->capsule));
    return take_resources(json_object_get(claims, "resources"), arena, token);
}

rg_status auth_guest_token_read(const struct auth_mint *mint, struct rg_slice text, int64_t now_us,
                                struct auth_guest_cache *cache, struct rg_arena *arena,
                                struct auth_guest_token *out_token)
{
    __attribute__((cleanup(decref))) json_t *claims = NULL;
    struct auth_guest_token token = {0};
    struct rg_slice json = {0};
    if (text.size > AUTH_GUEST_MAX_TOKEN) {
        return rg_fail(RG_DENIED, "guest token: %zu bytes, limit %d", text.size, AUTH_GUEST_MAX_TOKEN);
    }
    RG_TRY(open_token(mint, text, cache, arena, &json));
    if (!rg_is_ok(auth_json_load(json, "guest token", &claims))) {
        return rg_fail(RG_DENIED, "guest token: the claims are no JSON object");
    }
    RG_TRY(judge(claims, now_us, arena, &token));
    *out_token = token;
    return RG_OK;
}
