/* SPDX-License-Identifier: Apache-2.0 */
/* A set of public keys, parsed once and shared by reference count. */
#include "auth/jwks.h"

#include <stdatomic.h>

#include "auth/jwks_private.h"
#include "base/rg_memory.h"

struct auth_jwks {
    atomic_size_t references;
    size_t count;
    struct auth_jwk keys[AUTH_JWKS_MAX_KEYS];
};

static void json_done(json_t **json)
{
    json_decref(*json);
}

/* Duplicate members are refused: two readers of one text must not see two keys. */
static rg_status parse_document(struct rg_slice json, json_t **out_document)
{
    json_error_t error;
    json_t *document = json_loadb(json.data == NULL ? "" : json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) {
        return rg_fail(RG_PROTOCOL, "key set: invalid JSON at line %d column %d", error.line, error.column);
    }
    if (!json_is_array(json_object_get(document, "keys"))) {
        json_decref(document);
        return rg_fail(RG_PROTOCOL, "key set: no array \"keys\"");
    }
    *out_document = document;
    return RG_OK;
}

rg_status auth_jwks_parse(struct rg_slice json, struct auth_jwks **out_jwks)
{
    if (json.size > AUTH_JWKS_MAX_BYTES) {
        return rg_fail(RG_LIMIT, "key set: %zu bytes, limit %d", json.size, AUTH_JWKS_MAX_BYTES);
    }
    RG_AUTO(json_done) json_t *document = NULL;
    RG_TRY(parse_document(json, &document));
    const json_t *members = json_object_get(document, "keys");
    size_t member_count = json_array_size(members);
    if (member_count > AUTH_JWKS_MAX_KEYS) {
        return rg_fail(RG_LIMIT, "key set: %zu keys, limit %d", member_count, AUTH_JWKS_MAX_KEYS);
    }
    RG_AUTO(rg_arena_done) struct rg_arena scratch;
    rg_arena_init(&scratch, (size_t)4 * AUTH_JWKS_MAX_BYTES);
    RG_AUTO(auth_jwks_free) struct auth_jwks *jwks = rg_memory_alloc(sizeof *jwks);
    atomic_init(&jwks->references, 1);
    for (size_t i = 0; i < member_count; i++) {
        jwks->count += auth_jwk_parse(json_array_get(members, i), &scratch, &jwks->keys[jwks->count]) ? 1 : 0;
    }
    if (jwks->count == 0) {
        return rg_fail(RG_PROTOCOL, "key set: none of its %zu keys can verify a signature here", member_count);
    }
    *out_jwks = auth_jwks_share(jwks);
    return RG_OK;
}

struct auth_jwks *auth_jwks_share(struct auth_jwks *jwks)
{
    (void)atomic_fetch_add_explicit(&jwks->references, 1, memory_order_relaxed);
    return jwks;
}

void auth_jwks_free(struct auth_jwks **jwks)
{
    struct auth_jwks *dropped = *jwks;
    *jwks = NULL;
    if (dropped == NULL || atomic_fetch_sub_explicit(&dropped->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < dropped->count; i++) {
        auth_jwk_done(&dropped->keys[i]);
    }
    rg_memory_free(dropped);
}

size_t auth_jwks_count(const struct auth_jwks *jwks)
{
    return jwks->count;
}

static bool has_kid(const struct auth_jwk *key, struct rg_slice kid)
{
    return rg_slice_is_equal((struct rg_slice){key->kid, key->kid_size}, kid);
}

bool auth_jwks_has_kid(const struct auth_jwks *jwks, struct rg_slice kid)
{
    bool found = false;
    for (size_t i = 0; kid.size > 0 && i < jwks->count; i++) {
        found = found || has_kid(&jwks->keys[i], kid);
    }
    return found;
}

struct auth_jwks_match auth_jwks_match(const struct auth_jwks *jwks, struct rg_slice kid,
                                       const struct auth_algorithm *algorithm)
{
    struct auth_jwks_match match = {0};
    for (size_t i = 0; i < jwks->count; i++) {
        const struct auth_jwk *key = &jwks->keys[i];
        if (kid.size > 0 && !has_kid(key, kid)) {
            continue;
        }
        match.named++;
        if (auth_jwk_permits(key, algorithm)) {
            match.fitting++;
            match.key = match.fitting == 1 ? key : NULL;
        }
    }
    return match;
}
