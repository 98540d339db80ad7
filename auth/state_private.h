/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_STATE_PRIVATE_H
#define RG_AUTH_STATE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "auth/revocation.h"
#include "auth/session.h"
#include "base/rg_aead.h"

/* The inside of auth/state.h: the database behind an interface (so that tests fail its Nth call), the tables in memory,
 * the keys. Lock order: db_lock before the tables' own locks. */

enum { AUTH_STATE_VERSION = 1, AUTH_STATE_BODY_MAX = 2 * AUTH_SESSION_MAX_BYTES };

/* ---- the database ---- */

enum auth_sql {
#define AUTH_SQL(name, text) AUTH_SQL_##name,
#include "auth/state_statements.def"
#undef AUTH_SQL
    AUTH_SQL_COUNT
};

enum auth_db_type { AUTH_DB_NUMBER = 0, AUTH_DB_BYTES, AUTH_DB_TEXT };

struct auth_db_value {
    enum auth_db_type type;
    int64_t number;
    struct rg_slice bytes; /* bytes and text */
};

static inline struct auth_db_value auth_db_number(int64_t number)
{
    return (struct auth_db_value){.type = AUTH_DB_NUMBER, .number = number};
}

static inline struct auth_db_value auth_db_bytes(struct rg_slice bytes)
{
    return (struct auth_db_value){.type = AUTH_DB_BYTES, .bytes = bytes};
}

static inline struct auth_db_value auth_db_text(struct rg_slice text)
{
    return (struct auth_db_value){.type = AUTH_DB_TEXT, .bytes = text};
}

static inline struct auth_db_value auth_db_digest(const struct rg_digest *digest)
{
    return auth_db_bytes(rg_slice_make(digest->bytes, sizeof digest->bytes));
}

enum { AUTH_DB_VALUES_MAX = 12, AUTH_DB_COLUMNS_MAX = 5 };

/* One row of an answer; valid during the call of on_row only. A column is a number or bytes as its statement says. */
struct auth_db_row {
    struct auth_db_value columns[AUTH_DB_COLUMNS_MAX];
};

/* What is done with each row; a failure ends the statement and is its result. NULL: rows are dropped. */
struct auth_db_reader {
    rg_status (*on_row)(void *context, const struct auth_db_row *row);
    void *context;
};

struct auth_db;

struct auth_db_ops {
    /* is_durable: on the disk when commit returns, not only out of this process. */
    rg_status (*begin)(struct auth_db *db, bool is_durable);
    rg_status (*commit)(struct auth_db *db); /* when it fails nothing was done, as far as anybody can know */
    void (*rollback)(struct auth_db *db);
    /* *out_changes (may be NULL): rows inserted, updated or deleted. */
    rg_status (*run)(struct auth_db *db, enum auth_sql sql, const struct auth_db_value *values, size_t value_count,
                     struct auth_db_reader reader, size_t *out_changes);
    /* Tells the other nodes, when the transaction commits. NULL: there are none. */
    rg_status (*tell)(struct auth_db *db, struct rg_slice news);
    /* A descriptor that is readable when there are news; -1 none. */
    int (*news_fd)(struct auth_db *db);
    /* Takes them; *out_is_new_connection: anything may have been missed. Never with db_lock held. NULL: there are none.
     */
    rg_status (*listen)(struct auth_db *db, void (*on_news)(void *context, struct rg_slice news), void *context,
                        bool *out_is_new_connection);
    void (*close)(struct auth_db *db);
};

struct auth_db {
    const struct auth_db_ops *ops;
};

const char *auth_sql_text(enum auth_sql sql); /* static */

rg_status auth_sqlite_open(struct rg_slice path, struct auth_db **out_db) RG_MUST_CHECK;
rg_status auth_postgres_open(struct rg_slice url, struct rg_slice password, struct auth_db **out_db) RG_MUST_CHECK;

/* ---- keys ---- */

struct auth_state_keys {
    struct rg_digest index; /* of the columns that are looked for: the store has no names in it */
    struct rg_digest csrf;
    struct rg_digest capsule;
    struct rg_digest view; /* auth/view_secret.h */
    struct rg_aead *seal;
};

/* From the option's key, or the file beside the database. */
rg_status auth_state_keys_load(const struct auth_state_options *options,
                               struct auth_state_keys *out_keys) RG_MUST_CHECK;
void auth_state_keys_done(struct auth_state_keys *keys);

/* What a column is looked for by: HMAC over all parts and their lengths. */
struct rg_digest auth_state_index(const struct auth_state_keys *keys, const char *what, const struct rg_slice *parts,
                                  size_t part_count);

/* ---- sessions in memory: session_table.c ---- */

struct auth_session_entry {
    struct auth_session *session; /* a reference */
    int64_t written_seen_us;      /* last_seen_us as the store has it */
    struct auth_session_entry *next_by_hash, *next_by_subject, *older, *newer;
};

struct auth_session_table {
    pthread_mutex_t lock;
    size_t count, bucket_count; /* a power of two */
    struct auth_session_entry **by_hash, **by_subject;
    struct auth_session_entry *oldest, *newest;
};

void auth_session_table_init(struct auth_session_table *table);
void auth_session_table_done(struct auth_session_table *table);
/* Takes a reference of its own. One with the same hash is replaced and counts as revoked. */
void auth_session_table_put(struct auth_session_table *table, struct auth_session *session);
/* With a reference, or NULL. */
struct auth_session *auth_session_table_find(struct auth_session_table *table, const struct rg_digest *hash);
/* The same by its public id. */
struct auth_session *auth_session_table_find_id(struct auth_session_table *table, struct rg_slice public_id);
/* False when there is none. The session counts as revoked. */
bool auth_session_table_remove(struct auth_session_table *table, const struct rg_digest *hash);
/* All of them, oldest first, each with a reference; an array from rg_memory, freed by auth_session_array_free. */
struct auth_session **auth_session_table_all(struct auth_session_table *table, size_t *out_count);
void auth_session_array_free(struct auth_session ***sessions, size_t count);
/* Up to capacity sessions whose last use the store does not know yet; they are taken as written. With references. */
size_t auth_session_table_take_seen(struct auth_session_table *table, struct auth_session **sessions, size_t capacity);
/* The session is known to have been used then, by another node. */
void auth_session_table_saw(struct auth_session_table *table, const struct rg_digest *hash, int64_t seen_us);
/* The oldest of the subject when it has max or more, else, when there are max_all or more, the oldest of the identity
 * provider that has most; NULL when there is room. With a reference. */
struct auth_session *auth_session_table_victim(struct auth_session_table *table, const struct auth_session *session,
                                               size_t max_per_subject, size_t max_all);

/* ---- one session: session_body.c ---- */

/* A session from what a login gave; hash, public_id, csrf and times are the caller's to fill. One reference. */
rg_status auth_session_new(const struct auth_session_new *login, struct auth_session **out_session) RG_MUST_CHECK;
/* Appends what the store keeps, sealed, bound to the hash. */
rg_status auth_session_seal(const struct auth_session *session, struct rg_aead *aead, struct rg_buf *out) RG_MUST_CHECK;
/* RG_STORAGE when the bytes are not this session's under this key. */
rg_status auth_session_open(const struct auth_state_keys *keys, const struct rg_digest *hash, struct rg_slice sealed,
                            struct auth_session **out_session) RG_MUST_CHECK;
/* Fills public_id, hash and csrf. */
void auth_session_name(const struct auth_state_keys *keys, const struct rg_digest *hash, struct auth_session *session);

/* The bytes of the hash that a public id tells, the others zero. False, output untouched, when it is none. Pure. */
bool auth_session_id_parse(struct rg_slice public_id, struct rg_digest *out_hash);

/* ---- revocations in memory: revocation.c ---- */

enum { AUTH_REVOCATION_BUCKETS = 16 * 1024 };

struct auth_revocation_entry {
    struct rg_digest id;
    enum auth_revocation_kind kind;
    int64_t revoked_us, until_us;
    bool is_written;
    struct auth_revocation_entry *next;
    char by[AUTH_REVOCATION_BY_SIZE];
};

struct auth_revocation_table {
    pthread_mutex_t lock;
    _Atomic uint64_t generation;
    atomic_size_t count; /* 0: nothing has to be looked for */
    struct auth_revocation_entry *buckets[AUTH_REVOCATION_BUCKETS];
};

void auth_revocation_table_init(struct auth_revocation_table *table);
void auth_revocation_table_done(struct auth_revocation_table *table);
/* With db_lock held, or before the threads start. */
rg_status auth_revocations_load(struct auth_state *state) RG_MUST_CHECK;
rg_status auth_revocations_load_one(struct auth_state *state, const struct rg_digest *id) RG_MUST_CHECK;
rg_status auth_revocations_turn(struct auth_state *state, int64_t now_us) RG_MUST_CHECK;

/* ---- the state ---- */

/* Sessions that ended here while the store could not be told. */
struct auth_state_unwritten {
    struct rg_digest *hashes;
    size_t count, capacity;
};

struct auth_state {
    const struct rg_clock *clock;
    struct auth_state_log log;
    struct auth_state_keys keys;
    size_t max_sessions, max_per_subject;
    _Atomic int64_t idle_us, absolute_us;
    struct auth_session_table sessions;
    struct auth_revocation_table revocations;
    pthread_mutex_t db_lock; /* db, keys.seal, unwritten */
    struct auth_db *db;
    struct auth_state_unwritten unwritten;
    bool is_shared;             /* others use the store too */
    atomic_bool is_working;     /* the last write or contact went well */
    bool is_told;               /* that it does not; the thread's */
    _Atomic int64_t contact_us; /* monotonic: when a shared store was last heard of */
    int64_t heard_seen_us;      /* last_seen_us of other nodes were read up to here; the thread's */
    int wake_fd;
    atomic_bool is_ending;
    bool is_loaded, has_thread;
    pthread_t thread;
};

/* How long sessions are served without hearing of a shared store. */
#define AUTH_STATE_BLIND_US (INT64_C(30) * 1000 * 1000)

/* A transaction over db: begin locks db_lock, end unlocks it. end commits when status is ok, else rolls back, and gives
 * the first failure. */
rg_status auth_state_begin(struct auth_state *state, bool is_durable) RG_MUST_CHECK;
rg_status auth_state_end(struct auth_state *state, rg_status status) RG_MUST_CHECK;
/* end in two steps, for whoever changes the memory together with the store. */
rg_status auth_state_commit(struct auth_state *state, rg_status status) RG_MUST_CHECK;
void auth_state_unlock(struct auth_state *state);
rg_status auth_state_run(struct auth_state *state, enum auth_sql sql, const struct auth_db_value *values,
                         size_t value_count, size_t *out_changes) RG_MUST_CHECK;
rg_status auth_state_read(struct auth_state *state, enum auth_sql sql, const struct auth_db_value *values,
                          size_t value_count, struct auth_db_reader reader) RG_MUST_CHECK;
/* The first column of the first row, a number; 0 when there is no row. */
rg_status auth_state_count(struct auth_state *state, enum auth_sql sql, const struct auth_db_value *values,
                           size_t value_count, int64_t *out_count) RG_MUST_CHECK;
/* Tells other nodes of a session ('s') or a revocation ('v'). */
rg_status auth_state_tell(struct auth_state *state, char what, const struct rg_digest *id) RG_MUST_CHECK;

/* Something that somebody may hold is over: tells log.on_revocation. Any thread. */
void auth_state_say_revoked(struct auth_state *state);

/* session_load.c: with db_lock held, or before the threads start. */
rg_status auth_sessions_load(struct auth_state *state) RG_MUST_CHECK;
rg_status auth_sessions_load_one(struct auth_state *state, const struct rg_digest *hash) RG_MUST_CHECK;
/* session_end.c: flush, expiry, what could not be written, other nodes' uses. */
rg_status auth_sessions_turn(struct auth_state *state, int64_t now_us, size_t *out_removed) RG_MUST_CHECK;

#endif
