/* SPDX-License-Identifier: Apache-2.0 */
/* The state's store in PostgreSQL, shared by several nodes: one connection for statements, which whoever holds db_lock
 * uses, and one that listens for what the other nodes tell. Both are opened again when they break; nothing waits longer
 * than a server that does not answer is worth. */
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "auth/state_private.h"
#include "base/rg_memory.h"

enum { ANSWER_MS = 15 * 1000, ERROR_SIZE = 300 };
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25 }; /* pg_type.dat */

static const char schema[] =
    "CREATE TABLE rowgate_state(name text PRIMARY KEY, value bytea NOT NULL);"
    "CREATE TABLE rowgate_session(hash bytea PRIMARY KEY, public_id text NOT NULL, k_subject bytea NOT NULL,"
    " k_sid bytea NOT NULL, k_name bytea NOT NULL, k_index bytea NOT NULL, k_idp bytea NOT NULL,"
    " created_us bigint NOT NULL, expires_us bigint NOT NULL, last_seen_us bigint NOT NULL,"
    " refresh_us bigint NOT NULL, body bytea NOT NULL);"
    "CREATE INDEX rowgate_session_id ON rowgate_session(public_id);"
    "CREATE INDEX rowgate_session_subject ON rowgate_session(k_subject);"
    "CREATE INDEX rowgate_session_sid ON rowgate_session(k_sid);"
    "CREATE INDEX rowgate_session_name ON rowgate_session(k_name);"
    "CREATE TABLE rowgate_login(id bytea PRIMARY KEY, browser bytea NOT NULL, address bytea NOT NULL,"
    " created_us bigint NOT NULL, expires_us bigint NOT NULL, body bytea NOT NULL);"
    "CREATE INDEX rowgate_login_browser ON rowgate_login(browser);"
    "CREATE INDEX rowgate_login_address ON rowgate_login(address, created_us);"
    "CREATE TABLE rowgate_replay(id bytea PRIMARY KEY, until_us bigint NOT NULL);"
    "CREATE INDEX rowgate_replay_until ON rowgate_replay(until_us);"
    "CREATE TABLE rowgate_revocation(id bytea PRIMARY KEY, kind bigint NOT NULL, revoked_us bigint NOT NULL,"
    " until_us bigint NOT NULL, by_whom text NOT NULL);"
    "INSERT INTO rowgate_state VALUES('version', '1');";
_Static_assert(AUTH_STATE_VERSION == 1, "the schema says which version it makes");

struct postgres_db {
    struct auth_db db; /* first: what others hold points here */
    char *url, *password;
    PGconn *commands; /* db_lock's */
    bool is_prepared[AUTH_SQL_COUNT];
    atomic_int commands_pid;
    pthread_mutex_t listen_lock;
    PGconn *listener;
};

static struct postgres_db *of(struct auth_db *db)
{
    return (struct postgres_db *)(void *)db;
}

/* ---- one connection ---- */

static void ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

/* libpq's text without its line breaks; it names hosts and roles, never a password. */
static rg_status trouble(enum rg_kind kind, const char *text)
{
    char line[ERROR_SIZE];
    size_t size = 0;
    for (; text[size] != '\0' && size < sizeof line - 1; size++) {
        line[size] = text[size];
        if ((unsigned char)text[size] < 0x20) {
            line[size] = ' ';
        }
    }
    line[size] = '\0';
    return rg_fail(kind, "the shared state: %s", line);
}

static rg_status connect_to(const struct postgres_db *postgres, const char *name, PGconn **out_connection)
{
    const char *const keywords[] = {"dbname",  "password", "application_name", "connect_timeout", "tcp_user_timeout",
                                    "options", NULL};
    const char *const values[] = {postgres->url,
                                  postgres->password[0] == '\0' ? NULL : postgres->password,
                                  name,
                                  "5",
                                  "10000",
                                  "-c statement_timeout=10s -c lock_timeout=5s"
                                  " -c idle_in_transaction_session_timeout=30s -c client_encoding=UTF8",
                                  NULL};
    PGconn *connection = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(connection) != CONNECTION_OK) {
        rg_status status = trouble(RG_UPSTREAM, connection == NULL ? "no memory" : PQerrorMessage(connection));
        PQfinish(connection);
        return status;
    }
    (void)PQsetNoticeProcessor(connection, ignore_notice, NULL);
    *out_connection = connection;
    return RG_OK;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the next result is whole. False: the connection is of no use any more. */
static bool await(PGconn *connection)
{
    int64_t deadline_ms = now_ms() + ANSWER_MS;
    while (PQisBusy(connection) == 1) {
        struct pollfd waiting = {.fd = PQsocket(connection), .events = POLLIN};
        int64_t left_ms = deadline_ms - now_ms();
        if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) < 0 || PQconsumeInput(connection) != 1) {
            return false;
        }
    }
    return true;
}

/* Result of what was sent: the first one, or the first that failed. NULL: the connection broke. */
static PGresult *take_result(PGconn *connection)
{
    PGresult *first = NULL;
    for (;;) {
        if (!await(connection)) {
            PQclear(first);
            return NULL;
        }
        PGresult *result = PQgetResult(connection);
        if (result == NULL) {
            return first;
        }
        bool is_worse = first != NULL && PQresultStatus(result) == PGRES_FATAL_ERROR;
        PQclear(is_worse ? first : first == NULL ? NULL : result);
        first = first == NULL || is_worse ? result : first;
    }
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static rg_status failed(const PGconn *connection, const PGresult *result)
{
    bool is_lost = result == NULL || PQstatus(connection) != CONNECTION_OK;
    return trouble(is_lost ? RG_UPSTREAM : RG_STORAGE, result == NULL
                                                           ? "the connection was lost, or the server does not answer"
                                                           : PQresultErrorMessage(result));
}

static rg_status execute_on(PGconn *connection, const char *text)
{
    PGresult *result = PQsendQuery(connection, text) == 1 ? take_result(connection) : NULL;
    rg_status status = is_good(result) ? RG_OK : failed(connection, result);
    PQclear(result);
    return status;
}

/* One text that a question answers; empty when there is no row. */
static rg_status ask(PGconn *connection, const char *question, char *out_text, size_t size)
{
    PGresult *result = PQsendQuery(connection, question) == 1 ? take_result(connection) : NULL;
    rg_status status = is_good(result) ? RG_OK : failed(connection, result);
    if (rg_is_ok(status)) {
        (void)snprintf(out_text, size, "%s", PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "");
    }
    PQclear(result);
    return status;
}

/* ---- statements ---- */

static void forget_commands(struct postgres_db *postgres)
{
    PQfinish(postgres->commands);
    postgres->commands = NULL;
    memset(postgres->is_prepared, 0, sizeof postgres->is_prepared);
}

/* Broken connections are not kept: the next transaction opens a new one. */
static rg_status execute(struct postgres_db *postgres, const char *text)
{
    if (postgres->commands == NULL) {
        return rg_fail(RG_UPSTREAM, "the shared state: not connected");
    }
    rg_status status = execute_on(postgres->commands, text);
    if (!rg_is_ok(status) && status.error->kind == RG_UPSTREAM) {
        forget_commands(postgres);
    }
    return status;
}

static rg_status begin(struct auth_db *db, bool is_durable)
{
    struct postgres_db *postgres = of(db);
    const char *text = is_durable ? "BEGIN" : "BEGIN; SET LOCAL synchronous_commit = off";
    bool is_old = postgres->commands != NULL;
    if (is_old && rg_is_ok(execute(postgres, text))) {
        return RG_OK;
    }
    forget_commands(postgres); /* the server was restarted, or closed an idle connection: once more */
    RG_TRY(connect_to(postgres, "rowgate state", &postgres->commands));
    atomic_store(&postgres->commands_pid, PQbackendPID(postgres->commands));
    return execute(postgres, text);
}

static rg_status commit(struct auth_db *db)
{
    return execute(of(db), "COMMIT");
}

static void rollback(struct auth_db *db)
{
    struct postgres_db *postgres = of(db);
    bool is_open = postgres->commands != NULL && PQtransactionStatus(postgres->commands) != PQTRANS_IDLE;
    PGresult *result =
        is_open && PQsendQuery(postgres->commands, "ROLLBACK") == 1 ? take_result(postgres->commands) : NULL;
    if (is_open && !is_good(result)) {
        forget_commands(postgres);
    }
    PQclear(result);
}

struct parameters {
    Oid types[AUTH_DB_VALUES_MAX];
    const char *values[AUTH_DB_VALUES_MAX];
    int sizes[AUTH_DB_VALUES_MAX];
    int formats[AUTH_DB_VALUES_MAX];
    uint8_t numbers[AUTH_DB_VALUES_MAX][8];
};

static void fill(struct parameters *parameters, const struct auth_db_value *values, size_t count)
{
    static const Oid oids[] = {[AUTH_DB_NUMBER] = OID_INT8, [AUTH_DB_BYTES] = OID_BYTEA, [AUTH_DB_TEXT] = OID_TEXT};
    for (size_t i = 0; i < count; i++) {
        bool is_number = values[i].type == AUTH_DB_NUMBER;
        uint64_t bits = (uint64_t)values[i].number;
        for (int byte = 0; byte < 8; byte++) {
            parameters->numbers[i][byte] = (uint8_t)(bits >> (56 - 8 * byte));
        }
        const char *bytes = values[i].bytes.size == 0 ? "" : values[i].bytes.data;
        parameters->types[i] = oids[values[i].type];
        parameters->values[i] = is_number ? (const char *)parameters->numbers[i] : bytes;
        parameters->sizes[i] = is_number ? 8 : (int)values[i].bytes.size;
        parameters->formats[i] = 1;
    }
}

static rg_status prepare(struct postgres_db *postgres, enum auth_sql sql, const char *name,
                         const struct parameters *parameters, size_t count)
{
    if (postgres->is_prepared[sql]) {
        return RG_OK;
    }
    int is_sent = PQsendPrepare(postgres->commands, name, auth_sql_text(sql), (int)count, parameters->types);
    PGresult *result = is_sent == 1 ? take_result(postgres->commands) : NULL;
    rg_status status = is_good(result) ? RG_OK : failed(postgres->commands, result);
    PQclear(result);
    postgres->is_prepared[sql] = rg_is_ok(status);
    return status;
}

static struct auth_db_value read_column(const PGresult *result, int row, int column)
{
    const char *bytes = PQgetvalue(result, row, column);
    int size = PQgetlength(result, row, column);
    if (PQftype(result, column) != OID_INT8 || size != 8) {
        return auth_db_bytes(rg_slice_make(bytes, (size_t)size));
    }
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) {
        bits = bits << 8 | (uint8_t)bytes[i];
    }
    return auth_db_number((int64_t)bits);
}

static rg_status read_rows(const PGresult *result, struct auth_db_reader reader)
{
    int columns = PQnfields(result) > AUTH_DB_COLUMNS_MAX ? AUTH_DB_COLUMNS_MAX : PQnfields(result);
    for (int i = 0; reader.on_row != NULL && i < PQntuples(result); i++) {
        struct auth_db_row row = {0};
        for (int j = 0; j < columns; j++) {
            row.columns[j] = read_column(result, i, j);
        }
        RG_TRY(reader.on_row(reader.context, &row));
    }
    return RG_OK;
}

static rg_status run_prepared(struct postgres_db *postgres, enum auth_sql sql, const struct auth_db_value *values,
                              size_t value_count, PGresult **out_result)
{
    struct parameters parameters;
    char name[32];
    (void)snprintf(name, sizeof name, "s%d", (int)sql);
    fill(&parameters, values, value_count);
    RG_TRY(prepare(postgres, sql, name, &parameters, value_count));
    int is_sent = PQsendQueryPrepared(postgres->commands, name, (int)value_count, parameters.values, parameters.sizes,
                                      parameters.formats, 1);
    *out_result = is_sent == 1 ? take_result(postgres->commands) : NULL;
    return is_good(*out_result) ? RG_OK : failed(postgres->commands, *out_result);
}

static rg_status run(struct auth_db *db, enum auth_sql sql, const struct auth_db_value *values, size_t value_count,
                     struct auth_db_reader reader, size_t *out_changes)
{
    struct postgres_db *postgres = of(db);
    PGresult *result = NULL;
    if (postgres->commands == NULL) {
        return rg_fail(RG_UPSTREAM, "the shared state: not connected");
    }
    rg_status status = run_prepared(postgres, sql, values, value_count, &result);
    if (rg_is_ok(status)) {
        status = read_rows(result, reader);
    } else if (status.error->kind == RG_UPSTREAM) {
        forget_commands(postgres);
    }
    if (rg_is_ok(status) && out_changes != NULL) {
        *out_changes = (size_t)strtoull(PQcmdTuples(result), NULL, 10);
    }
    PQclear(result);
    return status;
}

/* ---- the other nodes ---- */

static rg_status tell(struct auth_db *db, struct rg_slice news)
{
    struct postgres_db *postgres = of(db);
    char text[128];
    /* One letter and hexadecimal digits: nothing to quote. */
    (void)snprintf(text, sizeof text, "SELECT pg_notify('rowgate_state', '%.*s')", (int)news.size, news.data);
    return execute(postgres, text);
}

static int news_fd(struct auth_db *db)
{
    struct postgres_db *postgres = of(db);
    (void)pthread_mutex_lock(&postgres->listen_lock);
    int fd = postgres->listener == NULL ? -1 : PQsocket(postgres->listener);
    (void)pthread_mutex_unlock(&postgres->listen_lock);
    return fd;
}

static rg_status open_listener(struct postgres_db *postgres)
{
    RG_TRY(connect_to(postgres, "rowgate state news", &postgres->listener));
    return execute_on(postgres->listener, "LISTEN rowgate_state");
}

static void take_news(struct postgres_db *postgres, void (*on_news)(void *context, struct rg_slice news), void *context)
{
    for (PGnotify *notify = PQnotifies(postgres->listener); notify != NULL; notify = PQnotifies(postgres->listener)) {
        if (notify->be_pid != atomic_load(&postgres->commands_pid)) { /* our own we know */
            on_news(context, rg_slice_of(notify->extra));
        }
        PQfreemem(notify);
    }
}

/* The question makes sure that somebody is there: a quiet connection may have been dead for hours. */
static rg_status listen_to(struct auth_db *db, void (*on_news)(void *context, struct rg_slice news), void *context,
                           bool *out_is_new_connection)
{
    struct postgres_db *postgres = of(db);
    (void)pthread_mutex_lock(&postgres->listen_lock);
    bool is_new = postgres->listener == NULL;
    rg_status status = is_new ? open_listener(postgres) : execute_on(postgres->listener, "SELECT 1");
    if (rg_is_ok(status)) {
        take_news(postgres, on_news, context);
        *out_is_new_connection = is_new;
    } else {
        PQfinish(postgres->listener);
        postgres->listener = NULL;
    }
    (void)pthread_mutex_unlock(&postgres->listen_lock);
    return status;
}

static void close_db(struct auth_db *db)
{
    struct postgres_db *postgres = of(db);
    PQfinish(postgres->commands);
    PQfinish(postgres->listener);
    (void)pthread_mutex_destroy(&postgres->listen_lock);
    rg_wipe(postgres->password, strlen(postgres->password));
    rg_memory_free(postgres->password);
    rg_memory_free(postgres->url);
    rg_memory_free(postgres);
}

static const struct auth_db_ops ops = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .run = run,
    .tell = tell,
    .news_fd = news_fd,
    .listen = listen_to,
    .close = close_db,
};

/* ---- opening ---- */

/* Nodes that start at once take turns; only the first one makes the tables. */
static rg_status make_tables(struct postgres_db *postgres)
{
    char found[64];
    RG_TRY(execute(postgres, "SELECT pg_advisory_xact_lock(hashtext('rowgate_state'))"));
    RG_TRY(
        ask(postgres->commands, "SELECT 'there' WHERE to_regclass('rowgate_state') IS NOT NULL", found, sizeof found));
    return found[0] != '\0' ? RG_OK : execute(postgres, schema);
}

static rg_status check_version(struct postgres_db *postgres)
{
    char version[64];
    RG_TRY(ask(postgres->commands, "SELECT convert_from(value, 'UTF8') FROM rowgate_state WHERE name = 'version'",
               version, sizeof version));
    return strcmp(version, "1") == 0
               ? RG_OK
               : rg_fail(
                     RG_STORAGE,
                     "the shared state has version \"%.20s\", this rowgate knows %d: start the rowgate that made it",
                     version, AUTH_STATE_VERSION);
}

static rg_status set_up(struct postgres_db *postgres)
{
    RG_TRY(begin(&postgres->db, true));
    RG_TRY(make_tables(postgres));
    RG_TRY(check_version(postgres));
    return commit(&postgres->db);
}

static char *copy(struct rg_slice text)
{
    char *bytes = rg_memory_alloc(text.size + 1);
    if (text.size > 0) {
        memcpy(bytes, text.data, text.size);
    }
    return bytes;
}

rg_status auth_postgres_open(struct rg_slice url, struct rg_slice password, struct auth_db **out_db)
{
    struct postgres_db *postgres = rg_memory_alloc(sizeof *postgres);
    postgres->db.ops = &ops;
    postgres->url = copy(url);
    postgres->password = copy(password);
    (void)pthread_mutex_init(&postgres->listen_lock, NULL);
    rg_status status = set_up(postgres);
    if (!rg_is_ok(status)) {
        close_db(&postgres->db);
        return status;
    }
    *out_db = &postgres->db;
    return RG_OK;
}
