/* SPDX-License-Identifier: Apache-2.0 */
/* Room for keys on a full disk: pages that are free inside the database, and a journal that is long enough already. The
 * log keeps its own reserve (audit/log_space.c); without this one its records would want keys that cannot be kept. */
#include "audit/keep/subject_store_private.h"

enum { LEAST_PAGES = 256 };

static rg_status count_free_pages(struct subject_store *store, int64_t *out_count)
{
    sqlite3_stmt *statement = NULL;
    bool is_read = sqlite3_prepare_v2(store->db, "PRAGMA freelist_count", -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;
    if (is_read) {
        *out_count = sqlite3_column_int64(statement, 0);
    }
    rg_status status = is_read ? RG_OK : subject_trouble(store->db);
    (void)sqlite3_finalize(statement);
    return status;
}

/* 4 MiB are written and freed: some ten thousand keys. Freeing passes each page through the journal, which stays. */
rg_status subject_store_reserve(struct subject_store *store)
{
    int64_t count = 0;
    RG_TRY(subject_store_commit(store));
    RG_TRY(count_free_pages(store, &count));
    if (count >= LEAST_PAGES) {
        return RG_OK;
    }
    RG_TRY(subject_run(store->db, "INSERT INTO reserve VALUES(zeroblob(4194304))"));
    return subject_run(store->db, "DELETE FROM reserve");
}
