/* SPDX-License-Identifier: Apache-2.0 */
/* From an event to the same event with its personal values sealed: which they are, and under whose key. The keys are in
 * audit/sealer_keys.c, the values that were sealed lately in audit/sealer_cache.c. */
#include "audit/sealer.h"

#include "audit/message.h"
#include "audit/record_private.h"
#include "audit/sealer_private.h"
#include "base/rg_memory.h"

struct audit_sealer {
    struct sealer_keys *keys;
    struct sealer_cache *cache;
    struct sealer_subject *last; /* whose key the last event announced; NULL = none */
    struct rg_buf texts[AUDIT_PERSONAL_COUNT];
    struct rg_buf json;
    struct rg_buf key_text;
    struct rg_buf address_token;
    struct rg_digest sql_token;
    struct rg_digest request_token;
};

rg_status audit_sealer_new(struct rg_slice origin, const struct rg_clock *clock, struct audit_sealer **out_sealer)
{
    struct sealer_keys *keys = NULL;
    RG_TRY(sealer_keys_new(origin, clock == NULL ? rg_clock_system() : clock, &keys));
    struct audit_sealer *sealer = rg_memory_alloc(sizeof *sealer);
    sealer->keys = keys;
    sealer->cache = sealer_cache_new();
    for (size_t i = 0; i < AUDIT_PERSONAL_COUNT; i++) {
        rg_buf_init(&sealer->texts[i], SIZE_MAX / 2);
    }
    rg_buf_init(&sealer->json, SIZE_MAX / 2);
    rg_buf_init(&sealer->key_text, AUDIT_KEY_ID_TEXT * 2);
    rg_buf_init(&sealer->address_token, AUDIT_KEY_ID_TEXT * 2);
    *out_sealer = sealer;
    return RG_OK;
}

void audit_sealer_free(struct audit_sealer **sealer)
{
    struct audit_sealer *old = *sealer;
    *sealer = NULL;
    if (old == NULL) {
        return;
    }
    sealer_keys_free(&old->keys);
    sealer_cache_free(&old->cache);
    for (size_t i = 0; i < AUDIT_PERSONAL_COUNT; i++) {
        rg_buf_done(&old->texts[i]);
    }
    rg_buf_done(&old->json);
    rg_buf_done(&old->key_text);
    rg_buf_done(&old->address_token);
    rg_memory_free(old);
}

struct rg_digest audit_subject_hash(struct rg_slice tenant, struct rg_slice subject)
{
    const uint64_t size = tenant.size;
    const struct rg_slice parts[] = {RG_SLICE("rowgate/audit/subject/v1"), rg_slice_make(&size, sizeof size), tenant,
                                     subject};
    return rg_sha256(parts, sizeof parts / sizeof parts[0]);
}

/* ---- one value ---- */

/* Literals and binds are sealed as the JSON that would stand there otherwise. */
static rg_status get_plain(struct audit_sealer *sealer, enum audit_personal_field field, struct rg_slice value,
                           struct rg_slice *out_plain)
{
    bool is_binds = field == AUDIT_PERSONAL_BINDS;
    if (!is_binds && field != AUDIT_PERSONAL_LITERALS && field != AUDIT_PERSONAL_LITERALS_SENT) {
        *out_plain = value;
        return RG_OK;
    }
    rg_buf_clear(&sealer->json);
    RG_TRY(is_binds ? audit_values_put_binds(value, &sealer->json) : audit_values_put_literals(value, &sealer->json));
    *out_plain = rg_buf_slice(&sealer->json);
    return RG_OK;
}

static rg_status seal(struct audit_sealer *sealer, struct audit_personal_key *key, enum audit_personal_field field,
                      struct rg_slice *value)
{
    struct rg_buf *text = &sealer->texts[field];
    struct rg_slice plain = {0};
    if (value->size == 0) {
        return RG_OK;
    }
    rg_buf_clear(text);
    if (!sealer_cache_find(sealer->cache, key, field, *value, text)) {
        RG_TRY(get_plain(sealer, field, *value, &plain));
        RG_TRY(audit_personal_seal(key, field, plain, text));
        sealer_cache_keep(sealer->cache, key, field, *value, rg_buf_slice(text));
    }
    *value = rg_buf_slice(text);
    return RG_OK;
}

/* Somebody wrote it for people to read. */
static bool has_comment(struct rg_slice sql)
{
    return memmem(sql.data == NULL ? "" : sql.data, sql.size, "--", 2) != NULL ||
           memmem(sql.data == NULL ? "" : sql.data, sql.size, "/*", 2) != NULL;
}

/* ---- the event ---- */

static bool is_personal(const struct audit_event *event)
{
    bool is_known_kind = event->kind == AUDIT_LOGIN || event->kind == AUDIT_LOGIN_FAILED ||
                         event->kind == AUDIT_LOGOUT || event->kind == AUDIT_SESSION_REVOKE ||
                         event->kind == AUDIT_SQL_ORPHAN || audit_kind_is_decided(event->kind);
    return is_known_kind || event->user.size > 0 || event->subject.size > 0 || event->client_address.size > 0;
}

/* A database that was found is no person's value; a name that only somebody typed may be one: psql takes the user's
 * name for the database when it is not told. */
static bool is_typed(const struct audit_event *event)
{
    return event->kind == AUDIT_LOGIN_FAILED || rg_slice_is_equal(event->database, event->user) ||
           rg_slice_is_equal(event->database, event->subject);
}

static rg_status seal_values(struct audit_sealer *sealer, struct audit_personal_key *key, struct audit_event *event)
{
    const struct {
        enum audit_personal_field field;
        bool is_sealed;
        struct rg_slice *value;
    } rows[] = {
        {AUDIT_PERSONAL_DATABASE, is_typed(event), &event->database},
        {AUDIT_PERSONAL_USER, true, &event->user},
        {AUDIT_PERSONAL_SUBJECT, true, &event->subject},
        {AUDIT_PERSONAL_CLIENT_ADDRESS, true, &event->client_address},
        {AUDIT_PERSONAL_APPLICATION, true, &event->application_name},
        {AUDIT_PERSONAL_MESSAGE, true, &event->message},
        {AUDIT_PERSONAL_SQL, has_comment(event->sql), &event->sql},
        {AUDIT_PERSONAL_SQL_SENT, has_comment(event->sql_sent), &event->sql_sent},
        {AUDIT_PERSONAL_LITERALS, true, &event->literals},
        {AUDIT_PERSONAL_LITERALS_SENT, true, &event->literals_sent},
        {AUDIT_PERSONAL_BINDS, true, &event->binds},
        {AUDIT_PERSONAL_PATH, event->action.size == 0, &event->path}, /* no route: anything may stand there */
        {AUDIT_PERSONAL_QUERY, true, &event->query},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].is_sealed) {
            RG_TRY(seal(sealer, key, rows[i].field, rows[i].value));
        }
    }
    return RG_OK;
}

/* A hash without a key would tell who guesses the values that he guessed right. */
static rg_status put_tokens(struct audit_sealer *sealer, const struct audit_personal_key *key,
                            const struct audit_event *event, struct audit_event *sealed)
{
    rg_buf_clear(&sealer->key_text);
    RG_TRY(audit_key_id_put(audit_personal_key_id(key), &sealer->key_text));
    sealed->personal_key = rg_buf_slice(&sealer->key_text);
    if (event->client_address.size > 0) {
        struct rg_slice token = {0};
        rg_buf_clear(&sealer->address_token);
        if (!sealer_cache_find(sealer->cache, key, AUDIT_PERSONAL_NONE, event->client_address,
                               &sealer->address_token)) {
            RG_TRY(audit_personal_put_token(key, AUDIT_PERSONAL_CLIENT_ADDRESS, event->client_address,
                                            &sealer->address_token));
            token = rg_buf_slice(&sealer->address_token);
            sealer_cache_keep(sealer->cache, key, AUDIT_PERSONAL_NONE, event->client_address, token);
        }
        sealed->personal_address = rg_buf_slice(&sealer->address_token);
    }
    if (event->sql_sha256 != NULL) {
        struct rg_slice digest = rg_slice_make(event->sql_sha256->bytes, sizeof event->sql_sha256->bytes);
        sealer->sql_token = sealer_cache_digest(sealer->cache, key, digest);
        sealed->sql_sha256 = &sealer->sql_token;
    }
    if (event->request_sha256 != NULL) {
        sealer->request_token = audit_personal_token(key, AUDIT_PERSONAL_QUERY,
                                                     rg_slice_make(event->request_sha256->bytes, RG_SHA256_SIZE));
        sealed->request_sha256 = &sealer->request_token;
    }
    return RG_OK;
}

/* The auditor wants the key before the first record that was sealed with it. */
static rg_status announce(struct audit_sealer *sealer, struct sealer_subject *subject, struct rg_buf *out)
{
    struct audit_key_frame frame = {0};
    if (sealer_subject_is_announced(subject)) {
        return RG_OK;
    }
    sealer_subject_frame(subject, &frame);
    rg_status status = audit_message_put_key(&frame, out);
    rg_wipe(&frame, sizeof frame);
    RG_TRY(status);
    sealer_subject_set_announced(subject, true);
    sealer->last = subject;
    return RG_OK;
}

rg_status audit_sealer_event(struct audit_sealer *sealer, const struct audit_event *event, struct rg_buf *out,
                             struct audit_event *out_event)
{
    struct sealer_subject *subject = NULL;
    struct audit_event sealed = *event;
    sealer->last = NULL;
    if (!is_personal(event)) {
        *out_event = sealed;
        return RG_OK;
    }
    RG_TRY(sealer_keys_take(sealer->keys, event, &subject));
    struct audit_personal_key *key = sealer_subject_key(subject);
    RG_TRY(seal_values(sealer, key, &sealed));
    RG_TRY(put_tokens(sealer, key, event, &sealed));
    RG_TRY(announce(sealer, subject, out));
    *out_event = sealed;
    return RG_OK;
}

void audit_sealer_undo(struct audit_sealer *sealer)
{
    if (sealer->last != NULL) {
        sealer_subject_set_announced(sealer->last, false);
        sealer->last = NULL;
    }
}

void audit_sealer_forget(struct audit_sealer *sealer, const struct rg_digest *name)
{
    sealer->last = NULL;
    sealer_keys_forget(sealer->keys, name);
    sealer_cache_clear(sealer->cache);
}
