/* SPDX-License-Identifier: Apache-2.0 */
/* One personal value, sealed and opened. Two keys are derived from a data key: one seals, one makes tokens. Called by
 * the encoder (audit/sealer.c) and by those who show records. */
#include "audit/personal.h"

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

static const struct rg_slice prefix = {"rgenc1:", 7};

enum { SEALS_LEFT = 64, TOKEN_SIZE = 16, AAD_MAX = 512, ORIGIN_MAX = 255 };

struct audit_personal_key {
    struct audit_key_id id;
    struct rg_aead *aead;
    struct rg_digest token_key;
    char origin[ORIGIN_MAX];
    size_t origin_size;
};

static const char *const names[AUDIT_PERSONAL_COUNT] = {
    [AUDIT_PERSONAL_NONE] = "",
    [AUDIT_PERSONAL_USER] = "user",
    [AUDIT_PERSONAL_SUBJECT] = "subject",
    [AUDIT_PERSONAL_CLIENT_ADDRESS] = "client_address",
    [AUDIT_PERSONAL_APPLICATION] = "application",
    [AUDIT_PERSONAL_DATABASE] = "database",
    [AUDIT_PERSONAL_MESSAGE] = "message",
    [AUDIT_PERSONAL_SQL] = "sql",
    [AUDIT_PERSONAL_SQL_SENT] = "sql_sent",
    [AUDIT_PERSONAL_LITERALS] = "literals",
    [AUDIT_PERSONAL_LITERALS_SENT] = "literals_sent",
    [AUDIT_PERSONAL_BINDS] = "binds",
    [AUDIT_PERSONAL_PATH] = "path",
    [AUDIT_PERSONAL_QUERY] = "query",
};

const char *audit_personal_name(enum audit_personal_field field)
{
    return names[field];
}

enum audit_personal_field audit_personal_find(struct rg_slice name)
{
    for (size_t i = AUDIT_PERSONAL_NONE + 1; i < AUDIT_PERSONAL_COUNT; i++) {
        if (rg_slice_is_equal(name, rg_slice_of(names[i]))) {
            return (enum audit_personal_field)i;
        }
    }
    return AUDIT_PERSONAL_NONE;
}

/* ---- key ids ---- */

rg_status audit_key_id_put(const struct audit_key_id *id, struct rg_buf *out)
{
    return rg_base64url_put(rg_slice_make(id->bytes, sizeof id->bytes), out);
}

bool audit_key_id_parse(struct rg_slice text, struct audit_key_id *out_id)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice bytes = {0};
    rg_arena_init(&arena, 256);
    if (text.size != AUDIT_KEY_ID_TEXT || !rg_is_ok(rg_base64url_decode(text, &arena, &bytes)) ||
        bytes.size != AUDIT_KEY_ID_SIZE) {
        return false;
    }
    memcpy(out_id->bytes, bytes.data, sizeof out_id->bytes);
    return true;
}

bool audit_key_id_is_equal(const struct audit_key_id *a, const struct audit_key_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* ---- keys ---- */

rg_status audit_personal_key_new(const struct audit_subject_key *key, struct rg_slice origin,
                                 struct audit_personal_key **out_key)
{
    struct rg_slice secret = rg_slice_make(key->secret, sizeof key->secret);
    struct rg_slice salt = rg_slice_make(key->id.bytes, sizeof key->id.bytes);
    struct rg_digest seal_key, token_key;
    if (origin.size > ORIGIN_MAX) {
        return rg_fail(RG_LIMIT, "an origin of %zu bytes", origin.size);
    }
    RG_TRY(rg_hkdf_sha256(secret, salt, RG_SLICE("rowgate/audit/personal/v1/seal"), &seal_key));
    RG_TRY(rg_hkdf_sha256(secret, salt, RG_SLICE("rowgate/audit/personal/v1/token"), &token_key));
    struct audit_personal_key *made = rg_memory_alloc(sizeof *made);
    made->id = key->id;
    made->aead = rg_aead_new(seal_key.bytes);
    made->token_key = token_key;
    made->origin_size = origin.size;
    if (origin.size > 0) {
        memcpy(made->origin, origin.data, origin.size);
    }
    rg_wipe(&seal_key, sizeof seal_key);
    rg_wipe(&token_key, sizeof token_key);
    *out_key = made;
    return RG_OK;
}

void audit_personal_key_free(struct audit_personal_key **key)
{
    struct audit_personal_key *old = *key;
    *key = NULL;
    if (old != NULL) {
        rg_aead_free(&old->aead);
        rg_wipe(old, sizeof *old);
        rg_memory_free(old);
    }
}

const struct audit_key_id *audit_personal_key_id(const struct audit_personal_key *key)
{
    return &key->id;
}

bool audit_personal_key_is_fresh(const struct audit_personal_key *key)
{
    return rg_aead_seals(key->aead) + SEALS_LEFT <= RG_AEAD_SEALS_MAX;
}

/* ---- values ---- */

/* "rgenc1:" field NUL key id origin: none of the parts can be read as another one's. */
static struct rg_slice cover(const struct audit_personal_key *key, enum audit_personal_field field,
                             char memory[AAD_MAX])
{
    const char *name = names[field];
    size_t name_size = strlen(name) + 1;
    size_t size = 0;
    memcpy(memory, prefix.data, prefix.size);
    size += prefix.size;
    memcpy(memory + size, name, name_size);
    size += name_size;
    memcpy(memory + size, key->id.bytes, sizeof key->id.bytes);
    size += sizeof key->id.bytes;
    memcpy(memory + size, key->origin, key->origin_size);
    return rg_slice_make(memory, size + key->origin_size);
}

rg_status audit_personal_seal(struct audit_personal_key *key, enum audit_personal_field field, struct rg_slice text,
                              struct rg_buf *out)
{
    RG_AUTO(rg_buf_done) struct rg_buf sealed;
    char memory[AAD_MAX];
    size_t before = rg_buf_size(out);
    RG_ASSERT(field > AUDIT_PERSONAL_NONE && field < AUDIT_PERSONAL_COUNT);
    rg_buf_init(&sealed, SIZE_MAX / 2);
    RG_TRY(rg_aead_seal(key->aead, cover(key, field, memory), text, &sealed));
    rg_status status = rg_buf_put(out, prefix);
    status = rg_is_ok(status) ? audit_key_id_put(&key->id, out) : status;
    status = rg_is_ok(status) ? rg_buf_put_u8(out, ':') : status;
    status = rg_is_ok(status) ? rg_base64url_put(rg_buf_slice(&sealed), out) : status;
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

static struct rg_slice body_of(struct rg_slice text)
{
    return rg_slice_cut(text, prefix.size + AUDIT_KEY_ID_TEXT + 1, SIZE_MAX);
}

bool audit_personal_parse(struct rg_slice text, struct audit_key_id *out_id)
{
    size_t colon = prefix.size + AUDIT_KEY_ID_TEXT;
    return rg_slice_has_prefix(text, prefix) && text.size > colon + 1 && text.data[colon] == ':' &&
           audit_key_id_parse(rg_slice_cut(text, prefix.size, AUDIT_KEY_ID_TEXT), out_id);
}

rg_status audit_personal_open(struct audit_personal_key *key, enum audit_personal_field field, struct rg_slice text,
                              struct rg_arena *arena, struct rg_slice *out_text)
{
    RG_AUTO(rg_arena_done) struct rg_arena own;
    RG_AUTO(rg_buf_done) struct rg_buf opened;
    struct rg_slice sealed = {0};
    struct audit_key_id id;
    char memory[AAD_MAX];
    rg_arena_init(&own, text.size * 3 + 256);
    rg_buf_init(&opened, text.size + 1);
    if (field <= AUDIT_PERSONAL_NONE || field >= AUDIT_PERSONAL_COUNT || !audit_personal_parse(text, &id) ||
        !audit_key_id_is_equal(&id, &key->id) || !rg_is_ok(rg_base64url_decode(body_of(text), &own, &sealed))) {
        return rg_fail(RG_DENIED, "a text that is not sealed by this key");
    }
    RG_TRY(rg_aead_open(key->aead, cover(key, field, memory), sealed, &opened));
    return rg_arena_copy(arena, rg_buf_slice(&opened), out_text);
}

struct rg_digest audit_personal_token(const struct audit_personal_key *key, enum audit_personal_field field,
                                      struct rg_slice value)
{
    struct rg_digest own = rg_hmac_sha256(rg_slice_make(key->token_key.bytes, sizeof key->token_key.bytes),
                                          rg_slice_of(names[field])); /* a key of its own for each field */
    struct rg_digest token = rg_hmac_sha256(rg_slice_make(own.bytes, sizeof own.bytes), value);
    rg_wipe(&own, sizeof own);
    return token;
}

rg_status audit_personal_put_token(const struct audit_personal_key *key, enum audit_personal_field field,
                                   struct rg_slice value, struct rg_buf *out)
{
    struct rg_digest token = audit_personal_token(key, field, value);
    return rg_base64url_put(rg_slice_make(token.bytes, TOKEN_SIZE), out);
}
