/* SPDX-License-Identifier: Apache-2.0 */
/* Destroying a subject's keys: rows are overwritten with zeros by SQLite (secure_delete), the journal, which held their
 * pages, by us. What a file system that copies on write or the cells of a disk keep of it is beyond a program:
 * docs/erasure.md. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/keep/subject_store_private.h"

enum { PATH_SIZE = SUBJECT_DIRECTORY_MAX + 64 };

static rg_status overwrite(int fd, off_t size)
{
    static const char zeros[64 * 1024];
    for (off_t at = 0; at < size;) {
        off_t left = size - at;
        ssize_t done = pwrite(fd, zeros, left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros, at);
        if (done <= 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot overwrite the journal of subjects' keys: %s", strerror(errno));
        }
        at += done > 0 ? done : 0;
    }
    if (fdatasync(fd) != 0) {
        return rg_fail(RG_STORAGE, "cannot sync the journal of subjects' keys: %s", strerror(errno));
    }
    return RG_OK;
}

rg_status subject_wipe_journal(const char *path)
{
    char name[PATH_SIZE + 16];
    struct stat info;
    (void)snprintf(name, sizeof name, "%s-journal", path);
    int fd = open(name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? RG_OK : rg_fail(RG_STORAGE, "cannot open %.300s: %s", name, strerror(errno));
    }
    rg_status status = fstat(fd, &info) == 0 ? overwrite(fd, info.st_size)
                                             : rg_fail(RG_STORAGE, "cannot look at %.300s: %s", name, strerror(errno));
    (void)close(fd);
    return status;
}

/* ?1 = the pseudonym. What is in `gone` are random numbers: they keep a destroyed key from coming back. */
static const char *const steps[] = {
    "INSERT OR IGNORE INTO gone(id) SELECT id FROM key WHERE subject IN (SELECT id FROM subject WHERE pseudonym = ?1)",
    "DELETE FROM key WHERE subject IN (SELECT id FROM subject WHERE pseudonym = ?1)",
    "DELETE FROM subject WHERE pseudonym = ?1",
};

static rg_status run_step(sqlite3 *db, const char *text, const struct subject_pseudonym *pseudonym,
                          uint64_t *out_changes)
{
    sqlite3_stmt *statement = NULL;
    bool is_done =
        sqlite3_prepare_v2(db, text, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_bind_blob(statement, 1, pseudonym->bytes, sizeof pseudonym->bytes, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_DONE;
    *out_changes = is_done ? (uint64_t)sqlite3_changes64(db) : 0;
    rg_status status = is_done ? RG_OK : subject_trouble(db);
    (void)sqlite3_finalize(statement);
    return status;
}

static rg_status run_steps(sqlite3 *db, const struct subject_pseudonym *pseudonym, uint64_t *out_count)
{
    uint64_t changes[3] = {0};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        RG_TRY(run_step(db, steps[i], pseudonym, &changes[i]));
    }
    RG_TRY(subject_run(db, "COMMIT"));
    *out_count = changes[1];
    return RG_OK;
}

rg_status subject_erase_in(sqlite3 *db, const struct subject_pseudonym *pseudonym, uint64_t *out_count)
{
    RG_TRY(subject_run(db, "BEGIN IMMEDIATE"));
    rg_status status = run_steps(db, pseudonym, out_count);
    if (!rg_is_ok(status)) {
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

rg_status subject_store_erase(struct subject_store *store, const struct subject_pseudonym *pseudonym,
                              uint64_t *out_count)
{
    char path[PATH_SIZE];
    uint64_t count = 0;
    (void)snprintf(path, sizeof path, "%s/" SUBJECT_DATABASE, store->directory);
    subject_end_backup(store); /* half a copy with the rows that go now; it begins anew */
    RG_TRY(subject_store_commit(store));
    RG_TRY(subject_erase_in(store->db, pseudonym, &count));
    RG_TRY(subject_wipe_journal(path));
    RG_TRY(subject_erase_in_backups(store, pseudonym));
    *out_count = count;
    return RG_OK;
}
