/* SPDX-License-Identifier: Apache-2.0 */
/* The state's store as a SQLite file: mode 0600, write-ahead log, held by one process only. It is checked whole when it
 * is opened; what does not look like ours, or is of a newer rowgate, is refused and left as it is. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/state_private.h"
#include "base/rg_memory.h"

enum { PATH_SIZE = 1024, BUSY_MS = 2000, APPLICATION_ID = 0x72677374 /* "rgst" */ };

static const char schema[] =
    "CREATE TABLE rowgate_state(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE rowgate_session(hash BLOB PRIMARY KEY, public_id TEXT NOT NULL, k_subject BLOB NOT NULL,"
    " k_sid BLOB NOT NULL, k_name BLOB NOT NULL, k_index BLOB NOT NULL, k_idp BLOB NOT NULL,"
    " created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, last_seen_us INTEGER NOT NULL,"
    " refresh_us INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX rowgate_session_id ON rowgate_session(public_id);"
    "CREATE INDEX rowgate_session_subject ON rowgate_session(k_subject);"
    "CREATE INDEX rowgate_session_sid ON rowgate_session(k_sid);"
    "CREATE INDEX rowgate_session_name ON rowgate_session(k_name);"
    "CREATE TABLE rowgate_login(id BLOB PRIMARY KEY, browser BLOB NOT NULL, address BLOB NOT NULL,"
    " created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX rowgate_login_browser ON rowgate_login(browser);"
    "CREATE INDEX rowgate_login_address ON rowgate_login(address, created_us);"
    "CREATE TABLE rowgate_replay(id BLOB PRIMARY KEY, until_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX rowgate_replay_until ON rowgate_replay(until_us);"
    "CREATE TABLE rowgate_revocation(id BLOB PRIMARY KEY, kind INTEGER NOT NULL, revoked_us INTEGER NOT NULL,"
    " until_us INTEGER NOT NULL, by_whom TEXT NOT NULL) WITHOUT ROWID;";

struct sqlite_db {
    struct auth_db db; /* first: what others hold points here */
    sqlite3 *handle;
    sqlite3_stmt *statements[AUTH_SQL_COUNT];
    bool is_durable; /* how PRAGMA synchronous stands */
    char path[PATH_SIZE];
};

static struct sqlite_db *of(struct auth_db *db)
{
    return (struct sqlite_db *)(void *)db;
}

static rg_status trouble(const struct sqlite_db *sqlite)
{
    int code = sqlite3_errcode(sqlite->handle) & 0xff;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
        return rg_fail(
            RG_STORAGE,
            "state \"%.200s\" is damaged: put a backup in its place, or move it away (then everybody logs in "
            "again, and what was revoked is not revoked any more)",
            sqlite->path);
    }
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        return rg_fail(RG_STORAGE, "state \"%.200s\" is in use by another process", sqlite->path);
    }
    return rg_fail(RG_STORAGE, "state \"%.200s\": %.150s", sqlite->path, sqlite3_errmsg(sqlite->handle));
}

static rg_status execute(struct sqlite_db *sqlite, const char *text)
{
    return sqlite3_exec(sqlite->handle, text, NULL, NULL, NULL) == SQLITE_OK ? RG_OK : trouble(sqlite);
}

/* ---- statements ---- */

static bool bind(sqlite3_stmt *statement, size_t at, const struct auth_db_value *value)
{
    char name[32];
    (void)snprintf(name, sizeof name, "$%zu", at + 1);
    int index = sqlite3_bind_parameter_index(statement, name);
    const char *bytes = value->bytes.size == 0 ? "" : value->bytes.data;
    RG_ASSERT(index > 0);
    if (value->type == AUTH_DB_NUMBER) {
        return sqlite3_bind_int64(statement, index, value->number) == SQLITE_OK;
    }
    if (value->type == AUTH_DB_TEXT) {
        return sqlite3_bind_text64(statement, index, bytes, value->bytes.size, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
    }
    return sqlite3_bind_blob64(statement, index, bytes, value->bytes.size, SQLITE_STATIC) == SQLITE_OK;
}

static void read_row(sqlite3_stmt *statement, struct auth_db_row *row)
{
    int count = sqlite3_column_count(statement);
    for (int i = 0; i < count && i < AUTH_DB_COLUMNS_MAX; i++) {
        if (sqlite3_column_type(statement, i) == SQLITE_INTEGER) {
            row->columns[i] = auth_db_number(sqlite3_column_int64(statement, i));
            continue;
        }
        const void *bytes = sqlite3_column_blob(statement, i);
        size_t size = bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(statement, i);
        row->columns[i] = auth_db_bytes(rg_slice_make(bytes, size));
    }
}

/* All rows are fetched even where nobody wants them: a statement that is left half done has half its effect. */
static rg_status step_all(struct sqlite_db *sqlite, sqlite3_stmt *statement, struct auth_db_reader reader)
{
    int result = sqlite3_step(statement);
    for (; result == SQLITE_ROW; result = sqlite3_step(statement)) {
        struct auth_db_row row = {0};
        read_row(statement, &row);
        RG_TRY(reader.on_row == NULL ? RG_OK : reader.on_row(reader.context, &row));
    }
    return result == SQLITE_DONE ? RG_OK : trouble(sqlite);
}

static rg_status run(struct auth_db *db, enum auth_sql sql, const struct auth_db_value *values, size_t value_count,
                     struct auth_db_reader reader, size_t *out_changes)
{
    struct sqlite_db *sqlite = of(db);
    sqlite3_stmt *statement = sqlite->statements[sql];
    bool is_bound = true;
    int before = sqlite3_total_changes(sqlite->handle);
    for (size_t i = 0; i < value_count && is_bound; i++) {
        is_bound = bind(statement, i, &values[i]);
    }
    rg_status status = is_bound ? step_all(sqlite, statement, reader) : trouble(sqlite);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    if (rg_is_ok(status) && out_changes != NULL) {
        *out_changes = (size_t)(sqlite3_total_changes(sqlite->handle) - before);
    }
    return status;
}

static rg_status begin(struct auth_db *db, bool is_durable)
{
    struct sqlite_db *sqlite = of(db);
    if (sqlite->is_durable != is_durable) {
        RG_TRY(execute(sqlite, is_durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
        sqlite->is_durable = is_durable;
    }
    return execute(sqlite, "BEGIN IMMEDIATE");
}

static rg_status commit(struct auth_db *db)
{
    return execute(of(db), "COMMIT");
}

static void rollback(struct auth_db *db)
{
    if (sqlite3_get_autocommit(of(db)->handle) == 0) {
        (void)sqlite3_exec(of(db)->handle, "ROLLBACK", NULL, NULL, NULL);
    }
}

static int news_fd(struct auth_db *db)
{
    (void)db;
    return -1;
}

static void close_db(struct auth_db *db)
{
    struct sqlite_db *sqlite = of(db);
    for (size_t i = 0; i < AUTH_SQL_COUNT; i++) {
        (void)sqlite3_finalize(sqlite->statements[i]);
    }
    (void)sqlite3_close(sqlite->handle);
    rg_memory_free(sqlite);
}

static const struct auth_db_ops ops = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .run = run,
    .news_fd = news_fd,
    .close = close_db,
};

/* ---- opening ---- */

/* Made here, so that it is never readable by others, not even for a moment; SQLite gives its log the same mode. */
static rg_status make_file(const char *path)
{
    struct stat about = {0};
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
    int result = fd < 0 ? -1 : fstat(fd, &about);
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (result != 0) {
        return rg_fail(RG_STORAGE, "cannot open state \"%.200s\": %s", path, strerror(error));
    }
    if (!S_ISREG(about.st_mode) || (about.st_mode & 077) != 0) {
        return rg_fail(RG_STORAGE, "state \"%.200s\" must be a file that only its owner can read: chmod 600", path);
    }
    return RG_OK;
}

static rg_status open_handle(struct sqlite_db *sqlite)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    RG_TRY(make_file(sqlite->path));
    if (sqlite3_open_v2(sqlite->path, &sqlite->handle, flags, NULL) != SQLITE_OK) {
        return trouble(sqlite);
    }
    (void)sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)sqlite3_busy_timeout(sqlite->handle, BUSY_MS);
    /* Exclusive: what is in memory is true only as long as nobody else writes. It also needs no shared memory. */
    return execute(sqlite, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
                           " PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                           " PRAGMA secure_delete=ON; BEGIN IMMEDIATE; COMMIT;");
}

/* One number or text that a pragma answers. */
static rg_status ask(struct sqlite_db *sqlite, const char *pragma, int *out_number, char *out_text, size_t text_size)
{
    sqlite3_stmt *statement = NULL;
    bool is_read = sqlite3_prepare_v2(sqlite->handle, pragma, -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;
    rg_status status = is_read ? RG_OK : trouble(sqlite);
    if (is_read && out_number != NULL) {
        *out_number = sqlite3_column_int(statement, 0);
    }
    if (is_read && out_text != NULL) {
        const unsigned char *text = sqlite3_column_text(statement, 0);
        (void)snprintf(out_text, text_size, "%s", text == NULL ? "" : (const char *)text);
    }
    (void)sqlite3_finalize(statement);
    return status;
}

static rg_status create(struct sqlite_db *sqlite)
{
    char head[128];
    (void)snprintf(head, sizeof head, "BEGIN IMMEDIATE; PRAGMA application_id=%d; PRAGMA user_version=%d;",
                   APPLICATION_ID, AUTH_STATE_VERSION);
    RG_TRY(execute(sqlite, head));
    RG_TRY(execute(sqlite, schema));
    return execute(sqlite, "COMMIT");
}

static rg_status check(struct sqlite_db *sqlite)
{
    char verdict[64];
    int id = 0;
    int version = 0;
    int tables = 0;
    RG_TRY(ask(sqlite, "PRAGMA integrity_check(1)", NULL, verdict, sizeof verdict));
    if (strcmp(verdict, "ok") != 0) {
        return rg_fail(
            RG_STORAGE,
            "state \"%.200s\" is damaged (%.40s): put a backup in its place, or move it away (then everybody "
            "logs in again, and what was revoked is not revoked any more)",
            sqlite->path, verdict);
    }
    RG_TRY(ask(sqlite, "PRAGMA application_id", &id, NULL, 0));
    RG_TRY(ask(sqlite, "PRAGMA user_version", &version, NULL, 0));
    RG_TRY(ask(sqlite, "SELECT count(*) FROM sqlite_schema", &tables, NULL, 0));
    if (id == 0 && version == 0 && tables == 0) {
        return create(sqlite);
    }
    if (id != APPLICATION_ID) {
        return rg_fail(RG_STORAGE, "\"%.200s\" is a database, but not rowgate's state", sqlite->path);
    }
    if (version != AUTH_STATE_VERSION) {
        return rg_fail(RG_STORAGE,
                       "state \"%.200s\" has version %d, this rowgate knows %d: start the rowgate that made it",
                       sqlite->path, version, AUTH_STATE_VERSION);
    }
    return RG_OK;
}

static rg_status prepare_all(struct sqlite_db *sqlite)
{
    for (size_t i = 0; i < AUTH_SQL_COUNT; i++) {
        const char *text = auth_sql_text((enum auth_sql)i);
        if (sqlite3_prepare_v3(sqlite->handle, text, -1, SQLITE_PREPARE_PERSISTENT, &sqlite->statements[i], NULL) !=
            SQLITE_OK) {
            return trouble(sqlite);
        }
    }
    return RG_OK;
}

static rg_status open_all(struct sqlite_db *sqlite)
{
    RG_TRY(open_handle(sqlite));
    RG_TRY(check(sqlite));
    return prepare_all(sqlite);
}

rg_status auth_sqlite_open(struct rg_slice path, struct auth_db **out_db)
{
    struct sqlite_db *sqlite = rg_memory_alloc(sizeof *sqlite);
    sqlite->db.ops = &ops;
    sqlite->is_durable = true;
    (void)snprintf(sqlite->path, sizeof sqlite->path, "%.*s", RG_SLICE_ARGS(path));
    rg_status status =
        path.size >= sizeof sqlite->path ? rg_fail(RG_CONFIG, "the path of the state is too long") : open_all(sqlite);
    if (!rg_is_ok(status)) {
        close_db(&sqlite->db);
        return status;
    }
    *out_db = &sqlite->db;
    return RG_OK;
}
