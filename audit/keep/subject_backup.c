/* SPDX-License-Identifier: Apache-2.0 */
/* The store's own backups: a copy a day, backup/<YYYYMMDD>.db, removed when it is older than the configuration says. An
 * erasure is carried out in each of them. The copy is SQLite's online backup, some pages a turn, so that the auditor's
 * loop is not held up. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/keep/subject_store_private.h"

enum {
    PATH_SIZE = SUBJECT_DIRECTORY_MAX + 64,
    PAGES_A_TURN = 256, /* a megabyte */
    DIGITS = 8,         /* YYYYMMDD */
};

static const int64_t second_us = 1000 * 1000;
static const int64_t day_us = (int64_t)86400 * 1000 * 1000;

/* "20261123.db", and nothing else. */
static bool is_backup(const char *name)
{
    size_t digits = 0;
    while (digits < DIGITS && name[digits] >= '0' && name[digits] <= '9') {
        digits++;
    }
    return digits == DIGITS && strcmp(name + DIGITS, ".db") == 0;
}

static void put_date(int64_t wall_us, char out_text[DIGITS + 1])
{
    time_t seconds = (time_t)(wall_us / second_us);
    struct tm date = {0};
    (void)gmtime_r(&seconds, &date);
    (void)strftime(out_text, DIGITS + 1, "%Y%m%d", &date);
}

static void put_path(const struct subject_store *store, const char *name, char out_path[PATH_SIZE])
{
    (void)snprintf(out_path, PATH_SIZE, "%s/backup/%.40s", store->directory, name);
}

/* Overwrites before the name goes: the pages hold keys. */
static void remove_file(const char *path)
{
    static const char zeros[64 * 1024];
    struct stat info;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &info) == 0) {
        for (off_t at = 0; at < info.st_size; at += (off_t)sizeof zeros) {
            (void)!pwrite(fd, zeros, sizeof zeros, at);
        }
        (void)fdatasync(fd);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    (void)unlink(path);
}

static void remove_backup(const struct subject_store *store, const char *name)
{
    char path[PATH_SIZE];
    char journal[PATH_SIZE + 16];
    put_path(store, name, path);
    (void)snprintf(journal, sizeof journal, "%s-journal", path);
    remove_file(journal);
    remove_file(path);
}

/* ---- each of them ---- */

static rg_status for_each(struct subject_store *store,
                          rg_status (*visit)(struct subject_store *store, const char *name, const void *context),
                          const void *context)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/backup", store->directory);
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return errno == ENOENT ? RG_OK : rg_fail(RG_STORAGE, "cannot read %.300s: %s", path, strerror(errno));
    }
    rg_status status = RG_OK;
    for (const struct dirent *entry = readdir(directory); entry != NULL && rg_is_ok(status);
         entry = readdir(directory)) {
        status = is_backup(entry->d_name) ? visit(store, entry->d_name, context) : RG_OK;
    }
    (void)closedir(directory);
    return status;
}

/* A copy that cannot be opened is no backup, and might hold what must go. */
static rg_status erase_in_one(struct subject_store *store, const char *name, const void *context)
{
    const struct subject_pseudonym *pseudonym = context;
    char path[PATH_SIZE];
    sqlite3 *db = NULL;
    uint64_t count = 0;
    put_path(store, name, path);
    rg_status status = subject_open_database(path, true, false, &db);
    status = rg_is_ok(status) ? subject_erase_in(db, pseudonym, &count) : status;
    (void)sqlite3_close(db);
    status = rg_is_ok(status) ? subject_wipe_journal(path) : status;
    if (!rg_is_ok(status)) {
        remove_backup(store, name);
    }
    return RG_OK;
}

rg_status subject_erase_in_backups(struct subject_store *store, const struct subject_pseudonym *pseudonym)
{
    return for_each(store, erase_in_one, pseudonym);
}

static rg_status remove_if_old(struct subject_store *store, const char *name, const void *context)
{
    const char *oldest = context;
    if (strncmp(name, oldest, DIGITS) < 0) {
        remove_backup(store, name);
    }
    return RG_OK;
}

/* ---- a new one ---- */

void subject_end_backup(struct subject_store *store)
{
    char path[PATH_SIZE];
    if (store->backup_db == NULL) {
        return;
    }
    (void)sqlite3_backup_finish(store->backup);
    (void)sqlite3_close(store->backup_db);
    store->backup = NULL;
    store->backup_db = NULL;
    store->looked_us = 0;
    put_path(store, "new", path);
    remove_file(path);
}

static rg_status start(struct subject_store *store)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/backup", store->directory);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return rg_fail(RG_STORAGE, "cannot make %.300s: %s", path, strerror(errno));
    }
    put_path(store, "new", path);
    remove_file(path);
    RG_TRY(subject_open_database(path, true, true, &store->backup_db));
    store->backup = sqlite3_backup_init(store->backup_db, "main", store->db, "main");
    if (store->backup == NULL) {
        rg_status status = subject_trouble(store->backup_db);
        subject_end_backup(store);
        return status;
    }
    return RG_OK;
}

static rg_status finish(struct subject_store *store, int64_t wall_us)
{
    char date[DIGITS + 1];
    char name[DIGITS + 4];
    char from[PATH_SIZE];
    char to[PATH_SIZE];
    put_date(wall_us, date);
    (void)snprintf(name, sizeof name, "%s.db", date);
    put_path(store, "new", from);
    put_path(store, name, to);
    bool is_whole = sqlite3_backup_finish(store->backup) == SQLITE_OK;
    is_whole = sqlite3_close(store->backup_db) == SQLITE_OK && is_whole;
    store->backup = NULL;
    store->backup_db = NULL;
    put_path(store, "new-journal", from);
    (void)unlink(from);
    put_path(store, "new", from);
    if (!is_whole || rename(from, to) != 0) {
        remove_file(from);
        return rg_fail(RG_STORAGE, "cannot finish the backup %.300s", to);
    }
    return RG_OK;
}

static rg_status step(struct subject_store *store, int64_t wall_us)
{
    RG_TRY(subject_store_commit(store));
    int code = sqlite3_backup_step(store->backup, PAGES_A_TURN);
    if (code == SQLITE_DONE) {
        return finish(store, wall_us);
    }
    if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_LOCKED) {
        rg_status status = subject_trouble(store->backup_db);
        subject_end_backup(store);
        return status;
    }
    return RG_OK;
}

rg_status subject_store_back_up(struct subject_store *store, int64_t wall_us, uint64_t keep_s)
{
    enum { LOOKS_APART_S = 60 };
    char date[DIGITS + 1];
    char name[DIGITS + 4];
    char path[PATH_SIZE];
    struct stat info;
    if (store->backup_db != NULL) {
        return step(store, wall_us);
    }
    if (wall_us - store->looked_us < LOOKS_APART_S * second_us && wall_us >= store->looked_us) {
        return RG_OK;
    }
    store->looked_us = wall_us;
    uint64_t days = keep_s / 86400;
    put_date(wall_us - (int64_t)(days > 36500 ? 36500 : days) * day_us, date);
    RG_TRY(for_each(store, remove_if_old, date));
    put_date(wall_us, date);
    (void)snprintf(name, sizeof name, "%s.db", date);
    put_path(store, name, path);
    return keep_s == 0 || stat(path, &info) == 0 ? RG_OK : start(store);
}
