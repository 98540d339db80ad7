/* SPDX-License-Identifier: Apache-2.0 */
/* The store of subjects' keys as files: made, opened, locked, recognised as this log's. The rollback journal is kept as
 * a file (PERSIST) so that it can be overwritten: a journal that is deleted leaves the old rows on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/keep/subject_store_private.h"
#include "base/rg_crypto.h"
#include "base/rg_memory.h"

enum { BUSY_MS = 5000, PATH_SIZE = SUBJECT_DIRECTORY_MAX + 64 };

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "PRAGMA user_version=1;"
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE subject(id INTEGER PRIMARY KEY, pseudonym BLOB NOT NULL UNIQUE, tenant BLOB NOT NULL,"
    " name BLOB NOT NULL, made INTEGER NOT NULL, UNIQUE(tenant, name));"
    "CREATE TABLE key(id BLOB PRIMARY KEY, subject INTEGER NOT NULL, user BLOB NOT NULL, secret BLOB NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX key_subject ON key(subject);"
    "CREATE INDEX key_user ON key(user);"
    "CREATE INDEX subject_name ON subject(name);"
    "CREATE TABLE reserve(bytes BLOB);"
    "CREATE TABLE gone(id BLOB PRIMARY KEY) WITHOUT ROWID;";

static const char *const texts[SUBJECT_STATEMENT_COUNT] = {
    [SUBJECT_PUT] = "INSERT INTO subject(pseudonym, tenant, name, made) VALUES(?1, ?2, ?3, ?4)",
    [SUBJECT_FIND] = "SELECT id, pseudonym FROM subject WHERE tenant = ?1 AND name = ?2",
    [SUBJECT_NAME] = "SELECT tenant, name FROM subject WHERE pseudonym = ?1",
    [SUBJECT_PUT_KEY] = "INSERT INTO key(id, subject, user, secret) VALUES(?1, ?2, ?3, ?4)",
    [SUBJECT_WAS_KEY] = "SELECT 1 FROM key WHERE id = ?1 UNION ALL SELECT 1 FROM gone WHERE id = ?1",
    [SUBJECT_GET_KEY] = "SELECT secret FROM key WHERE id = ?1",
    [SUBJECT_COUNT_KEYS] = "SELECT count(*) FROM key WHERE subject = ?1",
    [SUBJECT_KEYS_OF] = "SELECT k.id FROM key k JOIN subject s ON s.id = k.subject WHERE (s.name = ?1 OR k.user = ?1)"
                        " AND (?2 IS NULL OR s.tenant = ?2)",
    [SUBJECT_KEYS] = "SELECT id FROM key",
    [SUBJECT_KEYS_UNVERIFIED] = "SELECT k.id FROM subject s JOIN key k ON k.subject = s.id WHERE s.name >= ?1 AND"
                                " s.name < ?2",
    [SUBJECT_OLDER] = "SELECT pseudonym FROM subject WHERE substr(name, 1, length(?1)) = ?1 AND made < ?2",
    [SUBJECT_GET_META] = "SELECT value FROM meta WHERE name = ?1",
    [SUBJECT_SET_META] = "INSERT INTO meta(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2",
};

rg_status subject_open_database(const char *path, bool is_writer, bool may_create, sqlite3 **out_db)
{
    sqlite3 *db = NULL;
    int flags = (is_writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    int fd = may_create ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        rg_status status = rg_fail(RG_STORAGE, "cannot open the store of subjects' keys %.300s: %.100s", path,
                                   db == NULL ? "no memory" : sqlite3_errmsg(db));
        (void)sqlite3_close(db);
        return status;
    }
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    rg_status status = subject_run(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                                       " PRAGMA cache_size=-16384; PRAGMA secure_delete=ON;");
    if (rg_is_ok(status) && is_writer) {
        status = subject_run(db, "PRAGMA journal_mode=PERSIST; PRAGMA synchronous=EXTRA;");
    }
    if (!rg_is_ok(status)) {
        (void)sqlite3_close(db);
        return status;
    }
    *out_db = db;
    return RG_OK;
}

static rg_status get_meta(struct subject_store *store, const char *name, struct rg_buf *out)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_GET_META];
    bool is_bound = sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK;
    int code = is_bound ? sqlite3_step(statement) : SQLITE_ERROR;
    rg_status status = code == SQLITE_ROW    ? rg_buf_put(out, subject_column(statement, 0))
                       : code == SQLITE_DONE ? RG_OK
                                             : subject_trouble(store->db);
    subject_leave(statement);
    return status;
}

static rg_status set_meta(struct subject_store *store, const char *name, struct rg_slice value)
{
    sqlite3_stmt *statement = store->statements[SUBJECT_SET_META];
    bool is_bound =
        sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK && subject_bind(statement, 2, value);
    return subject_finish(store, statement, is_bound);
}

static rg_status read_version(struct subject_store *store, int *out_version)
{
    sqlite3_stmt *statement = NULL;
    bool is_read = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;
    if (is_read) {
        *out_version = sqlite3_column_int(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return is_read ? RG_OK : subject_trouble(store->db);
}

static rg_status prepare_all(struct subject_store *store)
{
    for (size_t i = 0; i < SUBJECT_STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v3(store->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL) !=
            SQLITE_OK) {
            return subject_trouble(store->db);
        }
    }
    return RG_OK;
}

static rg_status create(struct subject_store *store, struct rg_slice origin)
{
    struct subject_pseudonym id;
    char text[SUBJECT_PSEUDONYM_TEXT + 1];
    rg_random(id.bytes, sizeof id.bytes);
    subject_pseudonym_text(&id, text);
    RG_TRY(subject_run(store->db, schema));
    RG_TRY(prepare_all(store));
    RG_TRY(set_meta(store, "origin", origin));
    RG_TRY(set_meta(store, "id", rg_slice_of(text)));
    return subject_run(store->db, "COMMIT");
}

static rg_status check_meta(struct subject_store *store, struct rg_slice origin)
{
    RG_AUTO(rg_buf_done) struct rg_buf value;
    rg_buf_init(&value, 4096);
    RG_TRY(get_meta(store, "origin", &value));
    if (!rg_slice_is_equal(rg_buf_slice(&value), origin)) {
        return rg_fail(RG_CONFIG, "the store of subjects' keys in %.300s is another log's: \"%.*s\"", store->directory,
                       rg_slice_shown(rg_buf_slice(&value)), rg_buf_slice(&value).data);
    }
    rg_buf_clear(&value);
    RG_TRY(get_meta(store, "id", &value));
    if (rg_buf_size(&value) != sizeof store->id - 1) {
        return rg_fail(RG_STORAGE, "the store of subjects' keys in %.300s is none", store->directory);
    }
    memcpy(store->id, rg_buf_slice(&value).data, sizeof store->id - 1);
    rg_buf_clear(&value);
    RG_TRY(get_meta(store, "followed", &value));
    struct rg_slice bytes = rg_buf_slice(&value);
    if (bytes.size == sizeof store->followed) {
        memcpy(&store->followed, bytes.data, sizeof store->followed);
    }
    return RG_OK;
}

static rg_status take_lock(struct subject_store *store)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/lock", store->directory);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open %.300s: %s", path, strerror(errno));
    }
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return rg_fail(RG_STORAGE, "the store of subjects' keys %.300s is in use by another process", store->directory);
    }
    return RG_OK;
}

static rg_status make_directory(const char *path)
{
    struct stat info;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return rg_fail(RG_STORAGE, "cannot make %.300s: %s", path, strerror(errno));
    }
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || (info.st_mode & 077) != 0) {
        return rg_fail(RG_CONFIG, "%.300s must be a directory that nobody else may enter (mode 0700)", path);
    }
    return RG_OK;
}

static void sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

static rg_status open_for_writing(struct subject_store *store, struct rg_slice origin, bool may_create,
                                  bool *out_was_made)
{
    char path[PATH_SIZE];
    struct stat info;
    int version = 0;
    (void)snprintf(path, sizeof path, "%s/" SUBJECT_DATABASE, store->directory);
    bool is_absent = lstat(path, &info) != 0;
    if (is_absent && (errno != ENOENT || !may_create)) {
        return rg_fail(RG_CONFIG, "there is no store of subjects' keys at %.300s", path);
    }
    RG_TRY(make_directory(store->directory));
    RG_TRY(take_lock(store));
    RG_TRY(subject_open_database(path, true, is_absent, &store->db));
    RG_TRY(read_version(store, &version));
    if (version == 0 && !may_create) {
        return rg_fail(RG_CONFIG, "the store of subjects' keys at %.300s is empty", path);
    }
    if (version == 0) {
        RG_TRY(create(store, origin));
        sync_directory(store->directory);
    } else {
        RG_TRY(prepare_all(store));
    }
    *out_was_made = version == 0;
    RG_TRY(check_meta(store, origin));
    RG_TRY(version == 0 ? subject_store_reserve(store) : RG_OK);
    return subject_wipe_journal(path); /* a crash may have come between an erasure and that */
}

static rg_status make_store(struct rg_slice directory, struct subject_store **out_store)
{
    if (directory.size == 0 || directory.size >= sizeof((*out_store)->directory) || directory.data[0] != '/') {
        return rg_fail(RG_CONFIG, "the directory of subjects' keys must be an absolute path of less than %d bytes",
                       SUBJECT_DIRECTORY_MAX);
    }
    struct subject_store *store = rg_memory_alloc(sizeof *store);
    memcpy(store->directory, directory.data, directory.size);
    store->lock_fd = -1;
    *out_store = store;
    return RG_OK;
}

rg_status subject_store_open(struct rg_slice directory, struct rg_slice origin, bool may_create, bool *out_was_made,
                             struct subject_store **out_store)
{
    struct subject_store *store = NULL;
    bool was_made = false;
    RG_TRY(make_store(directory, &store));
    rg_status status = open_for_writing(store, origin, may_create, &was_made);
    if (!rg_is_ok(status)) {
        subject_store_close(&store);
        return status;
    }
    *out_was_made = was_made;
    *out_store = store;
    return RG_OK;
}

static rg_status open_for_reading(struct subject_store *store, struct rg_slice origin)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/" SUBJECT_DATABASE, store->directory);
    RG_TRY(subject_open_database(path, false, false, &store->db));
    RG_TRY(prepare_all(store));
    return check_meta(store, origin);
}

rg_status subject_store_open_read(struct rg_slice directory, struct rg_slice origin, struct subject_store **out_store)
{
    struct subject_store *store = NULL;
    RG_TRY(make_store(directory, &store));
    rg_status status = open_for_reading(store, origin);
    if (!rg_is_ok(status)) {
        subject_store_close(&store);
        return status;
    }
    *out_store = store;
    return RG_OK;
}

void subject_store_close(struct subject_store **store)
{
    struct subject_store *old = *store;
    *store = NULL;
    if (old == NULL) {
        return;
    }
    subject_end_backup(old);
    for (size_t i = 0; i < SUBJECT_STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(old->statements[i]);
    }
    (void)sqlite3_close(old->db); /* rolls back */
    if (old->lock_fd >= 0) {
        (void)close(old->lock_fd);
    }
    rg_memory_free(old);
}

struct rg_slice subject_store_id(const struct subject_store *store)
{
    return rg_slice_of(store->id);
}

uint64_t subject_store_followed(const struct subject_store *store)
{
    return store->followed;
}

rg_status subject_store_set_followed(struct subject_store *store, uint64_t seq)
{
    RG_TRY(subject_store_commit(store));
    RG_TRY(set_meta(store, "followed", rg_slice_make(&seq, sizeof seq)));
    store->followed = seq;
    return RG_OK;
}
