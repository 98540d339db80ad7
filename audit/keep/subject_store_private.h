/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_SUBJECT_STORE_PRIVATE_H
#define RG_AUDIT_KEEP_SUBJECT_STORE_PRIVATE_H

#include <sqlite3.h>

#include "audit/keep/subject_store.h"

#define SUBJECT_DATABASE "subjects.db"

enum { SUBJECT_DIRECTORY_MAX = 512 };

enum subject_statement {
    SUBJECT_PUT = 0,
    SUBJECT_FIND,
    SUBJECT_NAME,
    SUBJECT_PUT_KEY,
    SUBJECT_WAS_KEY,
    SUBJECT_GET_KEY,
    SUBJECT_COUNT_KEYS,
    SUBJECT_KEYS_OF,
    SUBJECT_KEYS,
    SUBJECT_KEYS_UNVERIFIED,
    SUBJECT_OLDER,
    SUBJECT_GET_META,
    SUBJECT_SET_META,
    SUBJECT_STATEMENT_COUNT
};

struct subject_store {
    sqlite3 *db;
    sqlite3_stmt *statements[SUBJECT_STATEMENT_COUNT];
    char directory[SUBJECT_DIRECTORY_MAX];
    int lock_fd; /* -1 = reads only */
    char id[2 * SUBJECT_PSEUDONYM_SIZE + 1];
    uint64_t followed;
    bool is_in_transaction;

    sqlite3 *backup_db; /* a backup under way; NULL = none */
    sqlite3_backup *backup;
    int64_t looked_us; /* when subject_backup.c last looked for what is due */
};

static inline bool subject_bind(sqlite3_stmt *statement, int at, struct rg_slice bytes)
{
    return sqlite3_bind_blob64(statement, at, bytes.size == 0 ? "" : bytes.data, bytes.size, SQLITE_TRANSIENT) ==
           SQLITE_OK;
}

static inline struct rg_slice subject_column(sqlite3_stmt *statement, int at)
{
    const void *bytes = sqlite3_column_blob(statement, at);
    return rg_slice_make(bytes, bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(statement, at));
}

/* When its columns were read. */
static inline void subject_leave(sqlite3_stmt *statement)
{
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement); /* they may hold a key */
}

/* One step that gives no row; the bindings are cleared. */
rg_status subject_finish(struct subject_store *store, sqlite3_stmt *statement, bool is_bound) RG_MUST_CHECK;

rg_status subject_trouble(sqlite3 *db) RG_MUST_CHECK;
rg_status subject_run(sqlite3 *db, const char *text) RG_MUST_CHECK;
/* Opens a database file, 0600; a new one is made when flags say so. RG_STORAGE. */
rg_status subject_open_database(const char *path, bool is_writer, bool may_create, sqlite3 **out_db) RG_MUST_CHECK;
/* In one database, in one transaction: all keys of the subject and its name. */
rg_status subject_erase_in(sqlite3 *db, const struct subject_pseudonym *pseudonym, uint64_t *out_count) RG_MUST_CHECK;
/* Overwrites what the journal of that database still holds of deleted rows. RG_STORAGE. */
rg_status subject_wipe_journal(const char *path) RG_MUST_CHECK;
/* subject_backup.c */
rg_status subject_erase_in_backups(struct subject_store *store,
                                   const struct subject_pseudonym *pseudonym) RG_MUST_CHECK;
void subject_end_backup(struct subject_store *store);

#endif
