/* SPDX-License-Identifier: Apache-2.0 */
/* The store of subjects' keys: taking keys in, finding them. Opening is in subject_open.c, erasing in subject_erase.c,
 * backups in subject_backup.c. */
#include <stdio.h>

#include "audit/keep/subject_store_private.h"
#include "audit/sealer.h"
#include "base/rg_crypto.h"

rg_status subject_trouble(sqlite3 *db)
{
    return rg_fail(RG_STORAGE, "the store of subjects' keys: %.200s", sqlite3_errmsg(db));
}

rg_status subject_run(sqlite3 *db, const char *text)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK ? RG_OK : subject_trouble(db);
}

void subject_pseudonym_text(const struct subject_pseudonym *pseudonym, char out_text[SUBJECT_PSEUDONYM_TEXT + 1])
{
    for (size_t i = 0; i < sizeof pseudonym->bytes; i++) {
        (void)snprintf(out_text + 2 * i, 3, "%02x", pseudonym->bytes[i]);
    }
}

static int digit_of(char byte)
{
    return byte >= '0' && byte <= '9' ? byte - '0' : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

bool subject_pseudonym_parse(struct rg_slice text, struct subject_pseudonym *out_pseudonym)
{
    struct subject_pseudonym pseudonym;
    for (size_t i = 0; text.size == SUBJECT_PSEUDONYM_TEXT && i < sizeof pseudonym.bytes; i++) {
        int high = digit_of(text.data[2 * i]), low = digit_of(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        pseudonym.bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (text.size != SUBJECT_PSEUDONYM_TEXT) {
        return false;
    }
    *out_pseudonym = pseudonym;
    return true;
}

/* ---- statements ---- */

rg_status subject_finish(struct subject_store *store, sqlite3_stmt *statement, bool is_bound)
{
    rg_status status = is_bound && sqlite3_step(statement) == SQLITE_DONE ? RG_OK : subject_trouble(store->db);
    subject_leave(statement);
    return status;
}

/* All rows' first column, appended. */
static rg_status collect(struct subject_store *store, sqlite3_stmt *statement, bool is_bound, size_t size,
                         struct rg_buf *out)
{
    int code = is_bound ? sqlite3_step(statement) : SQLITE_ERROR;
    rg_status status = RG_OK;
    for (; code == SQLITE_ROW && rg_is_ok(status); code = sqlite3_step(statement)) {
        struct rg_slice value = subject_column(statement, 0);
        status = value.size == size ? rg_buf_put(out, value) : RG_OK;
    }
    if (rg_is_ok(status) && code != SQLITE_DONE) {
        status = subject_trouble(store->db);
    }
    subject_leave(statement);
    return status;
}

/* ---- keys ---- */

static rg_status find_id(struct subject_store *store, struct rg_slice tenant, struct rg_slice subject,
                         struct subject_found *out_found, int64_t *out_id)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_FIND];
    bool is_bound = subject_bind(statement, 1, tenant) && subject_bind(statement, 2, subject);
    int code = is_bound ? sqlite3_step(statement) : SQLITE_ERROR;
    struct rg_slice pseudonym = code == SQLITE_ROW ? subject_column(statement, 1) : (struct rg_slice){0};
    struct subject_found found = {.is_there = code == SQLITE_ROW && pseudonym.size == SUBJECT_PSEUDONYM_SIZE};
    rg_status status = code == SQLITE_DONE || found.is_there ? RG_OK : subject_trouble(store->db);
    if (found.is_there) {
        memcpy(found.pseudonym.bytes, pseudonym.data, pseudonym.size);
        *out_id = sqlite3_column_int64(statement, 0);
    }
    subject_leave(statement);
    RG_TRY(status);
    *out_found = found;
    return RG_OK;
}

static rg_status count_keys(struct subject_store *store, int64_t id, uint64_t *out_count)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_COUNT_KEYS];
    bool is_read = sqlite3_bind_int64(statement, 1, id) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW;
    if (is_read) {
        *out_count = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    rg_status status = is_read ? RG_OK : subject_trouble(store->db);
    subject_leave(statement);
    return status;
}

rg_status subject_store_find(struct subject_store *store, struct rg_slice tenant, struct rg_slice subject,
                             struct subject_found *out_found)
{
    struct subject_found found = {0};
    int64_t id = 0;
    RG_TRY(find_id(store, tenant, subject, &found, &id));
    if (found.is_there) {
        RG_TRY(count_keys(store, id, &found.key_count));
    }
    *out_found = found;
    return RG_OK;
}

static rg_status begin(struct subject_store *store)
{
    if (!store->is_in_transaction) {
        RG_TRY(subject_run(store->db, "BEGIN IMMEDIATE"));
        store->is_in_transaction = true;
    }
    return RG_OK;
}

static rg_status make_subject(struct subject_store *store, struct rg_slice tenant, struct rg_slice subject,
                              int64_t wall_us, struct subject_found *out_found, int64_t *out_id)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_PUT];
    struct subject_found found = {0};
    RG_TRY(begin(store));
    RG_TRY(find_id(store, tenant, subject, &found, out_id));
    if (!found.is_there) {
        rg_random(found.pseudonym.bytes, sizeof found.pseudonym.bytes);
        bool is_bound =
            subject_bind(statement, 1, rg_slice_make(found.pseudonym.bytes, sizeof found.pseudonym.bytes)) &&
            subject_bind(statement, 2, tenant) && subject_bind(statement, 3, subject) &&
            sqlite3_bind_int64(statement, 4, wall_us) == SQLITE_OK;
        RG_TRY(subject_finish(store, statement, is_bound));
        *out_id = sqlite3_last_insert_rowid(store->db);
        found.is_there = true;
    }
    *out_found = found;
    return RG_OK;
}

rg_status subject_store_make(struct subject_store *store, struct rg_slice tenant, struct rg_slice subject,
                             int64_t wall_us, struct subject_found *out_found)
{
    struct subject_found found = {0};
    int64_t id = 0;
    RG_TRY(make_subject(store, tenant, subject, wall_us, &found, &id));
    RG_TRY(subject_store_commit(store));
    RG_TRY(count_keys(store, id, &found.key_count));
    *out_found = found;
    return RG_OK;
}

static rg_status check_new(struct subject_store *store, const struct audit_key_id *id)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_WAS_KEY];
    int code =
        subject_bind(statement, 1, rg_slice_make(id->bytes, sizeof id->bytes)) ? sqlite3_step(statement) : SQLITE_ERROR;
    rg_status status = code == SQLITE_DONE  ? RG_OK
                       : code == SQLITE_ROW ? rg_fail(RG_PROTOCOL, "a key of a subject that was there before")
                                            : subject_trouble(store->db);
    subject_leave(statement);
    return status;
}

rg_status subject_store_put(struct subject_store *store, const struct audit_key_frame *frame, int64_t wall_us)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_PUT_KEY];
    struct subject_found found = {0};
    int64_t id = 0;
    RG_TRY(begin(store));
    RG_TRY(check_new(store, &frame->key.id));
    RG_TRY(make_subject(store, frame->tenant, frame->subject, wall_us, &found, &id));
    bool is_bound = subject_bind(statement, 1, rg_slice_make(frame->key.id.bytes, sizeof frame->key.id.bytes)) &&
                    sqlite3_bind_int64(statement, 2, id) == SQLITE_OK && subject_bind(statement, 3, frame->user) &&
                    subject_bind(statement, 4, rg_slice_make(frame->key.secret, sizeof frame->key.secret));
    return subject_finish(store, statement, is_bound);
}

rg_status subject_store_commit(struct subject_store *store)
{
    if (!store->is_in_transaction) {
        return RG_OK;
    }
    store->is_in_transaction = false;
    rg_status status = subject_run(store->db, "COMMIT");
    if (!rg_is_ok(status)) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

rg_status subject_store_get(struct subject_store *store, const struct audit_key_id *id, bool *out_is_there,
                            struct audit_subject_key *out_key)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_GET_KEY];
    int code =
        subject_bind(statement, 1, rg_slice_make(id->bytes, sizeof id->bytes)) ? sqlite3_step(statement) : SQLITE_ERROR;
    struct rg_slice secret = code == SQLITE_ROW ? subject_column(statement, 0) : (struct rg_slice){0};
    bool is_there = secret.size == sizeof out_key->secret;
    if (is_there) {
        out_key->id = *id;
        memcpy(out_key->secret, secret.data, secret.size);
    }
    rg_status status = code == SQLITE_DONE || is_there ? RG_OK : subject_trouble(store->db);
    subject_leave(statement);
    RG_TRY(status);
    *out_is_there = is_there;
    return RG_OK;
}

rg_status subject_store_name(struct subject_store *store, const struct subject_pseudonym *pseudonym,
                             struct rg_arena *arena, bool *out_is_there, struct rg_slice *out_tenant,
                             struct rg_slice *out_subject)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_NAME];
    bool is_bound = subject_bind(statement, 1, rg_slice_make(pseudonym->bytes, sizeof pseudonym->bytes));
    int code = is_bound ? sqlite3_step(statement) : SQLITE_ERROR;
    struct rg_slice tenant = {0}, subject = {0};
    rg_status status = code == SQLITE_ROW || code == SQLITE_DONE ? RG_OK : subject_trouble(store->db);
    if (code == SQLITE_ROW) {
        status = rg_arena_copy(arena, subject_column(statement, 0), &tenant);
        status = rg_is_ok(status) ? rg_arena_copy(arena, subject_column(statement, 1), &subject) : status;
    }
    subject_leave(statement);
    RG_TRY(status);
    *out_is_there = code == SQLITE_ROW;
    *out_tenant = tenant;
    *out_subject = subject;
    return RG_OK;
}

rg_status subject_store_keys_of(struct subject_store *store, const struct rg_slice *tenant, struct rg_slice name,
                                struct rg_buf *out_ids)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_KEYS_OF];
    bool is_bound = subject_bind(statement, 1, name) && (tenant == NULL ? sqlite3_bind_null(statement, 2) == SQLITE_OK
                                                                        : subject_bind(statement, 2, *tenant));
    return collect(store, statement, is_bound, AUDIT_KEY_ID_SIZE, out_ids);
}

/* Names that begin so are neighbours in the index. */
rg_status subject_store_keys_unverified(struct subject_store *store, struct rg_buf *out_ids)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_KEYS_UNVERIFIED];
    bool is_bound = subject_bind(statement, 1, RG_SLICE(AUDIT_SUBJECT_UNVERIFIED)) &&
                    subject_bind(statement, 2, RG_SLICE("unverified!")); /* '!' follows ' ' */
    return collect(store, statement, is_bound, AUDIT_KEY_ID_SIZE, out_ids);
}

rg_status subject_store_keys(struct subject_store *store, struct rg_buf *out_ids)
{
    return collect(store, store->statements[SUBJECT_KEYS], true, AUDIT_KEY_ID_SIZE, out_ids);
}

rg_status subject_store_older(struct subject_store *store, struct rg_slice prefix, int64_t before_us,
                              struct rg_buf *out_pseudonyms)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_OLDER];
    bool is_bound = subject_bind(statement, 1, prefix) && sqlite3_bind_int64(statement, 2, before_us) == SQLITE_OK;
    return collect(store, statement, is_bound, SUBJECT_PSEUDONYM_SIZE, out_pseudonyms);
}
