/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side of sealed values. Keys that were used lately are kept open: neighbours in a log share them. */
#include "audit/opener.h"

#include <stdio.h>

#include "audit/keep/subjects.h"
#include "audit/reader.h"
#include "base/rg_memory.h"

enum { SLOTS = 256, ARENA_BYTES = 64 * 1024, IDS_MAX = 256 * 1024 * 1024 };

struct audit_opener {
    struct subject_store *store; /* NULL = closed */
    char origin[256];
    char trouble[256];
    struct audit_personal_key *keys[SLOTS]; /* by the id's first byte */
};

static rg_status find_store(struct audit_opener *opener, int directory_fd, struct rg_slice subjects)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice origin = {0};
    rg_arena_init(&arena, ARENA_BYTES);
    RG_TRY(audit_origin_load(directory_fd, &arena, &origin));
    (void)snprintf(opener->origin, sizeof opener->origin, "%.*s", rg_slice_shown(origin), origin.data);
    if (subjects.size == 0) {
        RG_TRY(audit_subjects_locate(directory_fd, &arena, &subjects));
    }
    if (subjects.size == 0) {
        (void)snprintf(opener->trouble, sizeof opener->trouble, "the log names no store of subjects' keys");
        return RG_OK;
    }
    rg_status status = subject_store_open_read(subjects, origin, &opener->store);
    if (!rg_is_ok(status)) {
        (void)snprintf(opener->trouble, sizeof opener->trouble, "%.255s", status.error->text);
    }
    return RG_OK;
}

rg_status audit_opener_new(int log_directory_fd, struct rg_slice subjects, struct audit_opener **out_opener)
{
    struct audit_opener *opener = rg_memory_alloc(sizeof *opener);
    rg_status status = find_store(opener, log_directory_fd, subjects);
    if (!rg_is_ok(status)) {
        audit_opener_free(&opener);
        return status;
    }
    *out_opener = opener;
    return RG_OK;
}

void audit_opener_free(struct audit_opener **opener)
{
    struct audit_opener *old = *opener;
    *opener = NULL;
    if (old == NULL) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        audit_personal_key_free(&old->keys[i]);
    }
    subject_store_close(&old->store);
    rg_memory_free(old);
}

bool audit_opener_is_open(const struct audit_opener *opener)
{
    return opener->store != NULL;
}

const char *audit_opener_trouble(const struct audit_opener *opener)
{
    return opener->trouble;
}

/* NULL in *out_key: it is not there any more. The store is asked each time: a key that was kept open and is erased
 * meanwhile opens nothing. */
static rg_status find_key(struct audit_opener *opener, const struct audit_key_id *id,
                          struct audit_personal_key **out_key)
{
    struct audit_personal_key **slot = &opener->keys[id->bytes[0]];
    struct audit_subject_key key;
    bool is_there = false;
    RG_TRY(subject_store_get(opener->store, id, &is_there, &key));
    bool is_kept = *slot != NULL && audit_key_id_is_equal(audit_personal_key_id(*slot), id);
    rg_status status = RG_OK;
    if (!is_there) {
        *out_key = NULL;
        if (is_kept) {
            audit_personal_key_free(slot);
        }
        return RG_OK;
    }
    if (!is_kept) {
        audit_personal_key_free(slot);
        status = audit_personal_key_new(&key, rg_slice_of(opener->origin), slot);
    }
    rg_wipe(&key, sizeof key);
    RG_TRY(status);
    *out_key = *slot;
    return RG_OK;
}

rg_status audit_opener_open(struct audit_opener *opener, struct rg_slice key_id, enum audit_personal_field field,
                            struct rg_slice sealed, struct rg_arena *arena, bool *out_is_open,
                            struct rg_slice *out_text)
{
    struct audit_key_id id;
    struct audit_key_id own;
    struct audit_personal_key *key = NULL;
    *out_is_open = false;
    *out_text = RG_SLICE(AUDIT_SEALED_UNREAD);
    if (opener == NULL || opener->store == NULL) {
        return RG_OK;
    }
    *out_text = RG_SLICE(AUDIT_SEALED_DAMAGED);
    if (!audit_key_id_parse(key_id, &id) || !audit_personal_parse(sealed, &own) || !audit_key_id_is_equal(&id, &own)) {
        return RG_OK;
    }
    RG_TRY(find_key(opener, &id, &key));
    if (key == NULL) {
        *out_text = RG_SLICE(AUDIT_SEALED_ERASED);
        return RG_OK;
    }
    rg_status status = audit_personal_open(key, field, sealed, arena, out_text);
    *out_is_open = rg_is_ok(status);
    return rg_is_ok(status) || status.error->kind == RG_DENIED ? RG_OK : status;
}

/* ---- for search ---- */

static rg_status put_texts(struct rg_slice ids, struct rg_buf *out)
{
    for (; ids.size >= AUDIT_KEY_ID_SIZE; ids = rg_slice_cut(ids, AUDIT_KEY_ID_SIZE, SIZE_MAX)) {
        struct audit_key_id id;
        memcpy(id.bytes, ids.data, sizeof id.bytes);
        RG_TRY(audit_key_id_put(&id, out));
    }
    return RG_OK;
}

rg_status audit_opener_keys(struct audit_opener *opener, struct rg_slice name, struct rg_buf *out_ids)
{
    RG_AUTO(rg_buf_done) struct rg_buf ids;
    rg_buf_init(&ids, IDS_MAX);
    if (opener->store == NULL) {
        return RG_OK;
    }
    RG_TRY(subject_store_keys_of(opener->store, NULL, name, &ids));
    RG_TRY(subject_store_keys_unverified(opener->store, &ids));
    return put_texts(rg_buf_slice(&ids), out_ids);
}

static rg_status put_token(struct audit_opener *opener, const struct audit_key_id *id, struct rg_slice address,
                           struct rg_buf *out)
{
    struct audit_subject_key key;
    bool is_there = false;
    RG_AUTO(audit_personal_key_free) struct audit_personal_key *opened = NULL;
    RG_TRY(subject_store_get(opener->store, id, &is_there, &key));
    if (!is_there) {
        return RG_OK; /* erased meanwhile */
    }
    rg_status status = audit_personal_key_new(&key, rg_slice_of(opener->origin), &opened);
    rg_wipe(&key, sizeof key);
    RG_TRY(status);
    return audit_personal_put_token(opened, AUDIT_PERSONAL_CLIENT_ADDRESS, address, out);
}

rg_status audit_opener_tokens(struct audit_opener *opener, struct rg_slice address, struct rg_buf *out_tokens)
{
    RG_AUTO(rg_buf_done) struct rg_buf ids;
    rg_buf_init(&ids, IDS_MAX);
    if (opener->store == NULL) {
        return RG_OK;
    }
    RG_TRY(subject_store_keys(opener->store, &ids));
    for (struct rg_slice rest = rg_buf_slice(&ids); rest.size >= AUDIT_KEY_ID_SIZE;
         rest = rg_slice_cut(rest, AUDIT_KEY_ID_SIZE, SIZE_MAX)) {
        struct audit_key_id id;
        memcpy(id.bytes, rest.data, sizeof id.bytes);
        RG_TRY(put_token(opener, &id, address, out_tokens));
    }
    return RG_OK;
}
