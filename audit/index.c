/* SPDX-License-Identifier: Apache-2.0 */
/* The index as a database. Whatever SQLite complains of is RG_STORAGE: the caller throws the index away and builds it
 * again, so nothing here repairs. The file may have been written by an enemy: no triggers, no views, no trusted schema.
 */
#include "audit/index.h"

#include <sqlite3.h>

#include "audit/index_file.h"
#include "base/rg_arena.h"
#include "base/rg_memory.h"

enum { PATH_ARENA = 64 * 1024, QUERY_ARENA = 1024 * 1024, BUSY_MS = 2000 };

static const char schema[] =
    "PRAGMA application_id=1919382321;"
    "CREATE TABLE chain(origin BLOB NOT NULL);" /* "meta" before there were terms of addresses and keys, "log" before
                                                 * those of requests, "source" before those of guests */
    "CREATE TABLE record(seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL, at INTEGER NOT NULL, leaf BLOB NOT NULL,"
    " hlc INTEGER NOT NULL);"
    "CREATE INDEX record_hlc ON record(hlc);"
    "CREATE TABLE term(name BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(name, seq)) WITHOUT ROWID;"
    "CREATE VIRTUAL TABLE body USING fts5(text, content='', tokenize='trigram');";

enum statement { PUT_RECORD = 0, PUT_TERM, PUT_BODY, GET_META, GET_LAST, FIRST_SEQ, LAST_SEQ, STATEMENT_COUNT };

static const char *const statement_texts[STATEMENT_COUNT] = {
    [PUT_RECORD] = "INSERT INTO record(seq, segment, at, leaf, hlc) VALUES(?1, ?2, ?3, ?4, ?5)",
    [PUT_TERM] = "INSERT OR IGNORE INTO term(name, seq) VALUES(?1, ?2)",
    [PUT_BODY] = "INSERT INTO body(rowid, text) VALUES(?1, ?2)",
    [GET_META] = "SELECT origin FROM chain",
    [GET_LAST] = "SELECT seq, segment, at, leaf, hlc FROM record ORDER BY seq DESC LIMIT 1",
    [FIRST_SEQ] = "SELECT seq FROM record WHERE hlc >= ?1 ORDER BY hlc LIMIT 1",
    [LAST_SEQ] = "SELECT seq FROM record WHERE hlc < ?1 ORDER BY hlc DESC LIMIT 1",
};

struct audit_index {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct audit_index_files files; /* -1, -1 in memory */
};

struct audit_index_cursor {
    struct audit_index *index;
    sqlite3_stmt *statement; /* NULL = nothing matches */
};

static rg_status trouble(const struct audit_index *index)
{
    return rg_fail(RG_STORAGE, "the search index: %.200s", sqlite3_errmsg(index->db));
}

static rg_status run(struct audit_index *index, const char *text)
{
    return sqlite3_exec(index->db, text, NULL, NULL, NULL) == SQLITE_OK ? RG_OK : trouble(index);
}

/* ---- opening ---- */

static rg_status open_database(struct audit_index *index, struct rg_slice directory)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice path = {0};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    bool is_disk = index->files.directory_fd >= 0;
    rg_arena_init(&arena, PATH_ARENA);
    RG_TRY(rg_arena_printf(&arena, &path, "%.*s/idx/" AUDIT_INDEX_DATABASE, RG_SLICE_ARGS(directory)));
    if (sqlite3_open_v2(is_disk ? path.data : ":memory:", &index->db, flags, NULL) != SQLITE_OK) {
        return trouble(index);
    }
    (void)sqlite3_db_config(index->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(index->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(index->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(index->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)sqlite3_busy_timeout(index->db, BUSY_MS);
    return run(index, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-65536;"
                      " PRAGMA temp_store=MEMORY;");
}

static bool bind_slice(sqlite3_stmt *statement, int at, struct rg_slice bytes)
{
    return sqlite3_bind_blob64(statement, at, bytes.size == 0 ? "" : bytes.data, bytes.size, SQLITE_STATIC) ==
           SQLITE_OK;
}

static struct rg_slice column_slice(sqlite3_stmt *statement, int column)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    return rg_slice_make(bytes, bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(statement, column));
}

static rg_status prepare_all(struct audit_index *index)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v3(index->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &index->statements[i],
                               NULL) != SQLITE_OK) {
            return trouble(index);
        }
    }
    return RG_OK;
}

static rg_status create(struct audit_index *index, struct rg_slice origin)
{
    sqlite3_stmt *statement = NULL;
    RG_TRY(run(index, schema));
    bool is_done = sqlite3_prepare_v2(index->db, "INSERT INTO chain VALUES(?1)", -1, &statement, NULL) == SQLITE_OK &&
                   bind_slice(statement, 1, origin) && sqlite3_step(statement) == SQLITE_DONE;
    (void)sqlite3_finalize(statement);
    return is_done ? RG_OK : trouble(index);
}

/* 0 in a new file. */
static rg_status read_application_id(struct audit_index *index, int *out_id)
{
    sqlite3_stmt *statement = NULL;
    bool is_read = sqlite3_prepare_v2(index->db, "PRAGMA application_id", -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;
    if (is_read) {
        *out_id = sqlite3_column_int(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return is_read ? RG_OK : trouble(index);
}

static rg_status check_origin(struct audit_index *index, struct rg_slice origin)
{
    sqlite3_stmt *statement = index->statements[GET_META];
    bool is_equal = sqlite3_step(statement) == SQLITE_ROW && rg_slice_is_equal(column_slice(statement, 0), origin);
    (void)sqlite3_reset(statement);
    return is_equal ? RG_OK : rg_fail(RG_STORAGE, "the search index is of another log");
}

static rg_status open_index(struct audit_index *index, struct rg_slice directory, struct rg_slice origin,
                            enum audit_index_mode mode)
{
    int id = 0;
    if (mode != AUDIT_INDEX_MEMORY) {
        RG_TRY(audit_index_files_open(directory, mode == AUDIT_INDEX_ANEW, &index->files));
    }
    RG_TRY(open_database(index, directory));
    RG_TRY(read_application_id(index, &id));
    if (id == 0) {
        RG_TRY(create(index, origin));
    }
    RG_TRY(prepare_all(index));
    return check_origin(index, origin);
}

rg_status audit_index_open(struct rg_slice directory, struct rg_slice origin, enum audit_index_mode mode,
                           struct audit_index **out_index)
{
    struct audit_index *index = rg_memory_alloc(sizeof *index);
    index->files = (struct audit_index_files){.directory_fd = -1, .lock_fd = -1};
    rg_status status = open_index(index, directory, origin, mode);
    if (!rg_is_ok(status)) {
        audit_index_close(&index);
        return status;
    }
    *out_index = index;
    return RG_OK;
}

void audit_index_close(struct audit_index **index)
{
    struct audit_index *old = *index;
    *index = NULL;
    if (old == NULL) {
        return;
    }
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(old->statements[i]);
    }
    (void)sqlite3_close(old->db);
    audit_index_files_close(&old->files);
    rg_memory_free(old);
}

/* ---- filling ---- */

static rg_status finish(struct audit_index *index, sqlite3_stmt *statement, bool is_bound)
{
    bool is_done = is_bound && sqlite3_step(statement) == SQLITE_DONE;
    rg_status status = is_done ? RG_OK : trouble(index);
    (void)sqlite3_reset(statement);
    return status;
}

static bool bind_number(sqlite3_stmt *statement, int at, uint64_t value)
{
    return value <= INT64_MAX && sqlite3_bind_int64(statement, at, (sqlite3_int64)value) == SQLITE_OK;
}

rg_status audit_index_begin(struct audit_index *index)
{
    return run(index, "BEGIN IMMEDIATE");
}

static rg_status put_record(struct audit_index *index, const struct audit_index_row *row)
{
    sqlite3_stmt *statement = index->statements[PUT_RECORD];
    bool is_bound = bind_number(statement, 1, row->place.seq) && bind_number(statement, 2, row->place.segment_seq) &&
                    bind_number(statement, 3, row->place.at) &&
                    bind_slice(statement, 4, rg_slice_make(row->leaf.bytes, RG_SHA256_SIZE)) &&
                    sqlite3_bind_int64(statement, 5, row->hlc_us) == SQLITE_OK;
    return finish(index, statement, is_bound);
}

rg_status audit_index_put(struct audit_index *index, const struct audit_index_row *row)
{
    RG_TRY(put_record(index, row));
    for (size_t i = 0; i < row->term_count; i++) {
        sqlite3_stmt *statement = index->statements[PUT_TERM];
        RG_TRY(finish(index, statement,
                      bind_slice(statement, 1, row->terms[i]) && bind_number(statement, 2, row->place.seq)));
    }
    if (row->text.size == 0) {
        return RG_OK;
    }
    sqlite3_stmt *statement = index->statements[PUT_BODY];
    bool is_bound =
        bind_number(statement, 1, row->place.seq) &&
        sqlite3_bind_text64(statement, 2, row->text.data, row->text.size, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
    return finish(index, statement, is_bound);
}

rg_status audit_index_commit(struct audit_index *index)
{
    RG_TRY(run(index, "COMMIT"));
    return index->files.lock_fd < 0 ? RG_OK : audit_index_files_stamp(&index->files);
}

rg_status audit_index_share(struct audit_index *index)
{
    return index->files.lock_fd < 0 ? RG_OK : audit_index_files_share(&index->files);
}

/* ---- reading ---- */

static uint64_t column_number(sqlite3_stmt *statement, int column)
{
    sqlite3_int64 value = sqlite3_column_int64(statement, column);
    return value < 0 ? 0 : (uint64_t)value;
}

/* seq, segment, at, leaf. */
static bool read_row(sqlite3_stmt *statement, struct audit_index_row *out_row)
{
    static const uint64_t end = UINT64_C(10000000000000000); /* sixteen digits */
    struct rg_slice leaf = column_slice(statement, 3);
    struct audit_index_row row = {.place = {.seq = column_number(statement, 0),
                                            .segment_seq = column_number(statement, 1),
                                            .at = column_number(statement, 2)}};
    if (leaf.size != RG_SHA256_SIZE || row.place.segment_seq >= end || row.place.seq >= end) {
        return false;
    }
    memcpy(row.leaf.bytes, leaf.data, RG_SHA256_SIZE);
    *out_row = row;
    return true;
}

rg_status audit_index_last(struct audit_index *index, bool *out_is_there, struct audit_index_row *out_last)
{
    sqlite3_stmt *statement = index->statements[GET_LAST];
    int code = sqlite3_step(statement);
    bool is_good = code == SQLITE_DONE || (code == SQLITE_ROW && read_row(statement, out_last));
    rg_status status = is_good ? RG_OK : trouble(index);
    (void)sqlite3_reset(statement);
    RG_TRY(status);
    *out_is_there = code == SQLITE_ROW;
    return RG_OK;
}

/* The records of an age are neighbours, because hlc rises with seq. *out_is_there false: there are none. */
static rg_status find_bound(struct audit_index *index, enum statement which, int64_t hlc_us, bool *out_is_there,
                            uint64_t *out_seq)
{
    sqlite3_stmt *statement = index->statements[which];
    bool is_bound = sqlite3_bind_int64(statement, 1, hlc_us) == SQLITE_OK;
    int code = is_bound ? sqlite3_step(statement) : SQLITE_ERROR;
    *out_is_there = code == SQLITE_ROW;
    if (code == SQLITE_ROW) {
        *out_seq = column_number(statement, 0);
    }
    rg_status status = code == SQLITE_ROW || code == SQLITE_DONE ? RG_OK : trouble(index);
    (void)sqlite3_reset(statement);
    return status;
}

/* An FTS5 string: every byte stands for itself but the quote, which is doubled. */
static rg_status quote(struct rg_slice text, struct rg_buf *out)
{
    RG_TRY(rg_buf_put_u8(out, '"'));
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') {
            RG_TRY(rg_buf_put_u8(out, '"'));
        }
        RG_TRY(rg_buf_put_u8(out, (uint8_t)text.data[i]));
    }
    return rg_buf_put_u8(out, '"');
}

/* ?1 and ?2 bound the number, ?3 is the text, ?4... are the terms. What there is of text and terms drives. */
static rg_status compose(const struct audit_index_query *query, struct rg_buf *sql)
{
    bool is_any = query->any_count > 0;
    bool is_text = query->text.size > 0 && !is_any;
    bool is_term = !is_text && !is_any && query->term_count > 0;
    const char *from = is_any
                           ? "temp.wanted w CROSS JOIN term d ON d.name = w.name CROSS JOIN record r ON r.seq = d.seq"
                             " WHERE d.seq"
                       : is_text ? "body d CROSS JOIN record r ON r.seq = d.rowid WHERE d.body MATCH ?3 AND d.rowid"
                       : is_term ? "term d CROSS JOIN record r ON r.seq = d.seq WHERE d.name = ?4 AND d.seq"
                                 : "record r WHERE r.seq";
    RG_TRY(rg_buf_printf(sql, "SELECT r.seq, r.segment, r.at, r.leaf FROM %s BETWEEN ?1 AND ?2", from));
    if (is_any && query->text.size > 0) {
        RG_TRY(rg_buf_printf(sql, " AND d.seq IN (SELECT rowid FROM body WHERE body MATCH ?3)"));
    }
    for (size_t i = is_term ? 1 : 0; i < query->term_count; i++) {
        RG_TRY(rg_buf_printf(sql, " AND EXISTS (SELECT 1 FROM term x WHERE x.name = ?%zu AND x.seq = r.seq)", i + 4));
    }
    const char *order = is_text ? "d.rowid" : is_term || is_any ? "d.seq" : "r.seq";
    RG_TRY(rg_buf_printf(sql, " ORDER BY %s %s", order, query->is_newest_first ? "DESC" : "ASC"));
    return rg_buf_put_u8(sql, 0);
}

static rg_status put_wanted(struct audit_index *index, sqlite3_stmt *statement, const struct audit_index_query *query)
{
    for (size_t i = 0; i < query->any_count; i++) {
        RG_TRY(finish(index, statement, bind_slice(statement, 1, query->any[i])));
    }
    return RG_OK;
}

/* In memory, as long as the index is open: names to look for stand in no file. */
static rg_status fill_wanted(struct audit_index *index, const struct audit_index_query *query)
{
    sqlite3_stmt *statement = NULL;
    if (query->any_count == 0) {
        return RG_OK;
    }
    RG_TRY(run(index, "DROP TABLE IF EXISTS temp.wanted;"
                      "CREATE TEMP TABLE wanted(name BLOB PRIMARY KEY) WITHOUT ROWID;"));
    if (sqlite3_prepare_v2(index->db, "INSERT OR IGNORE INTO temp.wanted VALUES(?1)", -1, &statement, NULL) !=
        SQLITE_OK) {
        return trouble(index);
    }
    rg_status status = put_wanted(index, statement, query);
    (void)sqlite3_finalize(statement);
    return status;
}

static rg_status bind_query(struct audit_index *index, const struct audit_index_query *query, struct rg_slice match,
                            sqlite3_stmt *statement)
{
    bool is_bound = match.size == 0 || sqlite3_bind_text64(statement, 3, match.data, match.size, SQLITE_TRANSIENT,
                                                           SQLITE_UTF8) == SQLITE_OK;
    for (size_t i = 0; is_bound && i < query->term_count; i++) {
        struct rg_slice term = query->terms[i];
        is_bound = sqlite3_bind_blob64(statement, (int)i + 4, term.size == 0 ? "" : term.data, term.size,
                                       SQLITE_TRANSIENT) == SQLITE_OK;
    }
    return is_bound ? RG_OK : trouble(index);
}

static rg_status ask(struct audit_index *index, const struct audit_index_query *query, uint64_t first, uint64_t last,
                     sqlite3_stmt **out_statement)
{
    RG_AUTO(rg_buf_done) struct rg_buf sql;
    RG_AUTO(rg_buf_done) struct rg_buf match;
    sqlite3_stmt *statement = NULL;
    rg_buf_init(&sql, QUERY_ARENA);
    rg_buf_init(&match, QUERY_ARENA);
    RG_TRY(fill_wanted(index, query));
    RG_TRY(compose(query, &sql));
    if (query->text.size > 0) {
        RG_TRY(quote(query->text, &match));
    }
    if (sqlite3_prepare_v2(index->db, rg_buf_slice(&sql).data, -1, &statement, NULL) != SQLITE_OK) {
        return trouble(index);
    }
    rg_status status = bind_query(index, query, rg_buf_slice(&match), statement);
    if (rg_is_ok(status) && !(bind_number(statement, 1, first) && bind_number(statement, 2, last))) {
        status = trouble(index);
    }
    if (!rg_is_ok(status)) {
        (void)sqlite3_finalize(statement);
        return status;
    }
    *out_statement = statement;
    return RG_OK;
}

rg_status audit_index_ask(struct audit_index *index, const struct audit_index_query *query,
                          struct audit_index_cursor **out_cursor)
{
    bool has_first = false, has_last = false;
    uint64_t first = 0, last = 0;
    sqlite3_stmt *statement = NULL;
    RG_ASSERT(query->term_count <= AUDIT_INDEX_TERMS_MAX);
    RG_TRY(find_bound(index, FIRST_SEQ, query->since_us, &has_first, &first));
    RG_TRY(find_bound(index, LAST_SEQ, query->until_us, &has_last, &last));
    if (has_first && has_last && first <= last) {
        RG_TRY(ask(index, query, first, last, &statement));
    }
    struct audit_index_cursor *cursor = rg_memory_alloc(sizeof *cursor);
    *cursor = (struct audit_index_cursor){.index = index, .statement = statement};
    *out_cursor = cursor;
    return RG_OK;
}

rg_status audit_index_next(struct audit_index_cursor *cursor, bool *out_is_there, struct audit_index_row *out_row)
{
    int code = cursor->statement == NULL ? SQLITE_DONE : sqlite3_step(cursor->statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return trouble(cursor->index);
    }
    if (code == SQLITE_ROW && !read_row(cursor->statement, out_row)) {
        return rg_fail(RG_STORAGE, "the search index holds a row that is none of ours");
    }
    *out_is_there = code == SQLITE_ROW;
    return RG_OK;
}

void audit_index_cursor_free(struct audit_index_cursor **cursor)
{
    struct audit_index_cursor *old = *cursor;
    *cursor = NULL;
    if (old != NULL) {
        (void)sqlite3_finalize(old->statement);
        rg_memory_free(old);
    }
}
