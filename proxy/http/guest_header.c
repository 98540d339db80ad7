/* SPDX-License-Identifier: Apache-2.0 */
/* Guests, for the upstream: claims made by jansson, signed by auth/mint, kept for half a minute. */
#include "proxy/http/guest_header.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rg_crypto.h"

enum { NAME_BYTES = 64, SUBJECT_DIGITS = 16, PREFIX = sizeof "rg-" - 1 };

/* ---- names and keys ---- */

void http_guest_name(const struct http_guest_facts *facts, char out_name[HTTP_GUEST_NAME_SIZE])
{
    char marker[POLICY_VIEW_MARKER_SIZE];
    char person[HTTP_IDENTITY_NAME_SIZE];
    policy_view_marker(facts->tenant, facts->view, marker);
    http_identity_name(facts->identity, facts->tenant, person);
    (void)snprintf(out_name, HTTP_GUEST_NAME_SIZE, "%s.%.*s", marker, SUBJECT_DIGITS, person + PREFIX);
}

/* Each part with its size in front, so that no two lists of parts are the same bytes. */
static void put_part(struct rg_sha256_stream *stream, struct rg_slice part)
{
    uint64_t size = part.size;
    rg_sha256_put(stream, rg_slice_make((const char *)&size, sizeof size));
    rg_sha256_put(stream, part);
}

static struct rg_digest key_of(const struct auth_mint *mint, const struct http_guest_facts *facts, const char *name)
{
    struct rg_sha256_stream *stream = rg_sha256_new();
    put_part(stream, RG_SLICE("guest"));
    put_part(stream, auth_mint_kid(mint));
    put_part(stream, rg_slice_of(name));
    put_part(stream, facts->tenant);
    put_part(stream, facts->identity->issuer);
    put_part(stream, facts->identity->subject);
    put_part(stream, facts->identity->user);
    put_part(stream, facts->identity->token_id);
    put_part(stream, facts->session);
    put_part(stream, facts->token); /* the capsule's record says which one it was */
    for (size_t i = 0; i < facts->resource_count; i++) {
        put_part(stream, facts->resources[i]);
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

/* What people are called may be long; cut at a character. */
static json_t *short_text_of(struct rg_slice text)
{
    size_t size = text.size < NAME_BYTES ? text.size : NAME_BYTES;
    while (size < text.size && size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80) {
        size--;
    }
    return text_of(rg_slice_cut(text, 0, size));
}

static json_t *user_of(const struct http_guest_facts *facts, const char *name)
{
    return json_pack("{s:s, s:o, s:o}", "username", name, "first_name", short_text_of(facts->identity->user),
                     "last_name", text_of(facts->tenant));
}

static json_t *resources_of(const struct http_guest_facts *facts)
{
    json_t *list = json_array();
    bool is_whole = true;
    for (size_t i = 0; i < facts->resource_count; i++) {
        json_t *one = json_pack("{s:s, s:o}", "type", "dashboard", "id", text_of(facts->resources[i]));
        is_whole = json_array_append_new(list, one) == 0 && is_whole;
    }
    if (!is_whole) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* A rule without a data set holds for all of them. */
static json_t *rules_of(const struct http_guest_facts *facts)
{
    char marker[POLICY_VIEW_MARKER_SIZE];
    policy_view_marker(facts->tenant, facts->view, marker);
    return json_pack("[{s:o}]", "clause", json_sprintf("'%s' = '%s'", marker, marker));
}

static rg_status make_claims(const struct http_guest_facts *facts, const char *name, int64_t now_us,
                             json_t **out_claims)
{
    json_int_t now = (json_int_t)(now_us / 1000000);
    json_t *claims = json_object();
    int failures = json_object_set_new(claims, "user", user_of(facts, name));
    failures |= json_object_set_new(claims, "resources", resources_of(facts));
    failures |= json_object_set_new(claims, "rls_rules", rules_of(facts));
    failures |= json_object_set_new(claims, "aud", json_string("superset"));
    failures |= json_object_set_new(claims, "type", json_string("guest"));
    failures |= json_object_set_new(claims, "iat", json_integer(now));
    failures |= json_object_set_new(claims, "exp", json_integer(now + HTTP_IDENTITY_SECONDS));
    if (facts->capsule.size > 0) {
        failures |= json_object_set_new(claims, "rowgate", text_of(facts->capsule));
    }
    if (failures != 0) {
        json_decref(claims);
        return rg_fail(RG_PROTOCOL, "a name of the guest is no UTF-8");
    }
    *out_claims = claims;
    return RG_OK;
}

static rg_status sign(const struct auth_mint *mint, const struct http_guest_facts *facts, const char *name,
                      int64_t now_us, struct rg_arena *arena, struct rg_slice *out_token)
{
    json_t *claims = NULL;
    RG_TRY(make_claims(facts, name, now_us, &claims));
    char *text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    if (text == NULL) {
        return rg_fail(RG_INTERNAL, "the guest's claims cannot be written");
    }
    rg_status status = auth_mint_sign(mint, rg_slice_of(text), arena, out_token);
    free(text); /* jansson's own allocation */
    return status;
}

static rg_status make_token(const struct auth_mint *mint, const struct http_guest_facts *facts, const char *name,
                            int64_t now_us, struct rg_arena *arena, struct rg_slice *out_token)
{
    struct rg_slice token = {0};
    RG_TRY(sign(mint, facts, name, now_us, arena, &token));
    if (token.size > HTTP_GUEST_TOKEN_MAX && facts->capsule.size > 0) {
        struct http_guest_facts bare = *facts;
        bare.capsule = (struct rg_slice){0};
        RG_TRY(sign(mint, &bare, name, now_us, arena, &token));
    }
    if (token.size > HTTP_GUEST_TOKEN_MAX) {
        return rg_fail(RG_LIMIT, "the upstream's guest token has %zu bytes, limit %d", token.size,
                       HTTP_GUEST_TOKEN_MAX);
    }
    *out_token = token;
    return RG_OK;
}

rg_status http_guest_token(const struct auth_mint *mint, const struct http_guest_facts *facts, int64_t now_us,
                           struct http_identity_cache *cache, struct rg_arena *arena, struct rg_slice *out_token)
{
    char name[HTTP_GUEST_NAME_SIZE];
    if (facts->identity->kind == AUTH_UNVERIFIED || facts->identity->subject.size == 0 || facts->tenant.size == 0 ||
        facts->view->text[0] == '\0' || facts->resource_count == 0) {
        return rg_fail(RG_DENIED, "a guest of nobody, or of nothing");
    }
    http_guest_name(facts, name);
    struct rg_digest key = key_of(mint, facts, name);
    struct rg_slice kept = {0};
    if (http_identity_cache_find(cache, &key, now_us, &kept)) {
        return rg_arena_copy(arena, kept, out_token);
    }
    RG_TRY(make_token(mint, facts, name, now_us, arena, out_token));
    http_identity_cache_keep(cache, &key, now_us, *out_token);
    return RG_OK;
}
