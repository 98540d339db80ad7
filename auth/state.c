/* SPDX-License-Identifier: Apache-2.0 */
/* The state: opens the store and what is kept of it in memory, lends transactions to its neighbours, and has the thread
 * that flushes, expires and hears of other nodes. Knows no table. */
#include "auth/state_private.h"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/rg_memory.h"

enum { PERIOD_MS = 30 * 1000, SHARED_PERIOD_MS = 5 * 1000, RETRY_MS = 2 * 1000, EVENT_TEXT = 512 };

static const char *const sql_texts[AUTH_SQL_COUNT] = {
#define AUTH_SQL(name, text) [AUTH_SQL_##name] = text,
#include "auth/state_statements.def"
#undef AUTH_SQL
};

const char *auth_sql_text(enum auth_sql sql)
{
    return sql_texts[sql];
}

/* ---- urls ---- */

static bool is_sqlite(struct rg_slice url)
{
    return rg_slice_has_prefix(url, RG_SLICE("sqlite:/"));
}

bool auth_state_url_check(struct rg_slice url, const char **out_text)
{
    bool is_postgres =
        rg_slice_has_prefix(url, RG_SLICE("postgres://")) || rg_slice_has_prefix(url, RG_SLICE("postgresql://"));
    bool is_known = is_postgres || (is_sqlite(url) && url.data[url.size - 1] != '/');
    if (!is_known) {
        *out_text = "must be \"sqlite:/absolute/path\" or \"postgres://...\"";
    }
    return is_known;
}

struct rg_slice auth_state_url_path(struct rg_slice url)
{
    return is_sqlite(url) ? rg_slice_cut(url, sizeof "sqlite:" - 1, SIZE_MAX) : (struct rg_slice){0};
}

/* ---- transactions ---- */

static int64_t monotonic_us(const struct auth_state *state)
{
    return rg_clock_monotonic_us(state->clock);
}

static void note(struct auth_state *state, rg_status status)
{
    enum rg_kind kind = rg_is_ok(status) ? RG_INTERNAL : status.error->kind;
    if (rg_is_ok(status)) {
        atomic_store(&state->is_working, true);
    } else if (kind == RG_STORAGE || kind == RG_UPSTREAM) {
        atomic_store(&state->is_working, false);
    }
}

rg_status auth_state_begin(struct auth_state *state, bool is_durable)
{
    (void)pthread_mutex_lock(&state->db_lock);
    rg_status status = state->db->ops->begin(state->db, is_durable);
    if (!rg_is_ok(status)) {
        note(state, status);
        (void)pthread_mutex_unlock(&state->db_lock);
    }
    return status;
}

rg_status auth_state_commit(struct auth_state *state, rg_status status)
{
    if (rg_is_ok(status)) {
        status = state->db->ops->commit(state->db);
    }
    if (!rg_is_ok(status)) {
        state->db->ops->rollback(state->db);
    }
    note(state, status);
    return status;
}

void auth_state_unlock(struct auth_state *state)
{
    (void)pthread_mutex_unlock(&state->db_lock);
}

rg_status auth_state_end(struct auth_state *state, rg_status status)
{
    status = auth_state_commit(state, status);
    auth_state_unlock(state);
    return status;
}

rg_status auth_state_run(struct auth_state *state, enum auth_sql sql, const struct auth_db_value *values,
                         size_t value_count, size_t *out_changes)
{
    return state->db->ops->run(state->db, sql, values, value_count, (struct auth_db_reader){0}, out_changes);
}

rg_status auth_state_read(struct auth_state *state, enum auth_sql sql, const struct auth_db_value *values,
                          size_t value_count, struct auth_db_reader reader)
{
    return state->db->ops->run(state->db, sql, values, value_count, reader, NULL);
}

static rg_status take_number(void *context, const struct auth_db_row *row)
{
    int64_t *number = context;
    *number = row->columns[0].number;
    return RG_OK;
}

rg_status auth_state_count(struct auth_state *state, enum auth_sql sql, const struct auth_db_value *values,
                           size_t value_count, int64_t *out_count)
{
    int64_t count = 0;
    RG_TRY(auth_state_read(state, sql, values, value_count, (struct auth_db_reader){take_number, &count}));
    *out_count = count;
    return RG_OK;
}

rg_status auth_state_tell(struct auth_state *state, char what, const struct rg_digest *id)
{
    char text[2 + 2 * RG_SHA256_SIZE] = {what};
    if (state->db->ops->tell == NULL) {
        return RG_OK;
    }
    rg_digest_hex(id, text + 1);
    return state->db->ops->tell(state->db, rg_slice_of(text));
}

void auth_state_say_revoked(struct auth_state *state)
{
    if (state->log.on_revocation != NULL) {
        state->log.on_revocation(state->log.context);
    }
}

/* ---- the thread ---- */

static void emit(struct auth_state *state, enum auth_state_event_kind kind, const char *text, size_t count)
{
    struct auth_state_event event = {.kind = kind, .text = rg_slice_of(text), .count = count};
    if (state->log.on_event != NULL) {
        state->log.on_event(state->log.context, &event);
    }
}

/* Trouble and its end are told once each. */
static void tell_health(struct auth_state *state, const char *text)
{
    bool is_working = atomic_load(&state->is_working);
    if (is_working == !state->is_told) {
        return;
    }
    state->is_told = !is_working;
    emit(state, is_working ? AUTH_STATE_WORKS : AUTH_STATE_TROUBLE, is_working ? "" : text, 0);
}

static int hex_digit(char byte)
{
    return byte >= '0' && byte <= '9' ? byte - '0' : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool read_hex(struct rg_slice text, struct rg_digest *out_digest)
{
    int bad = text.size == 2 * RG_SHA256_SIZE ? 0 : -1;
    for (size_t i = 0; i < RG_SHA256_SIZE && bad >= 0; i++) {
        int high = hex_digit(text.data[2 * i]);
        int low = hex_digit(text.data[2 * i + 1]);
        bad = high | low;
        out_digest->bytes[i] = (uint8_t)(((unsigned)high << 4 | (unsigned)low) & 0xff);
    }
    return bad >= 0;
}

/* Other nodes' news name what changed; what it is now, the store says. */
static void on_news(void *context, struct rg_slice news)
{
    struct auth_state *state = context;
    struct rg_digest id;
    if (news.size == 0 || !read_hex(rg_slice_cut(news, 1, SIZE_MAX), &id)) {
        return;
    }
    bool is_session = news.data[0] == 's';
    rg_status status = auth_state_begin(state, false);
    if (rg_is_ok(status)) {
        status = is_session ? auth_sessions_load_one(state, &id) : auth_revocations_load_one(state, &id);
        status = auth_state_end(state, status);
    }
    if (!rg_is_ok(status)) {
        tell_health(state, status.error->text);
    }
}

static rg_status load_all(struct auth_state *state)
{
    RG_TRY(auth_revocations_load(state));
    return auth_sessions_load(state);
}

static rg_status reload(struct auth_state *state)
{
    RG_TRY(auth_state_begin(state, false));
    return auth_state_end(state, load_all(state));
}

/* Hears the others. Only what was heard without a gap, or loaded anew after one, counts as contact. */
static rg_status listen_once(struct auth_state *state)
{
    bool is_new = false;
    if (state->db->ops->listen == NULL) {
        return RG_OK;
    }
    int64_t now_us = monotonic_us(state);
    rg_status status = state->db->ops->listen(state->db, on_news, state, &is_new);
    if (rg_is_ok(status) && is_new) {
        status = reload(state);
    }
    note(state, status);
    if (rg_is_ok(status)) {
        atomic_store(&state->contact_us, now_us);
    }
    return status;
}

static rg_status forget_used(struct auth_state *state, int64_t now_us)
{
    const struct auth_db_value now = auth_db_number(now_us);
    RG_TRY(auth_state_begin(state, false));
    rg_status status = auth_state_run(state, AUTH_SQL_LOGIN_EXPIRE, &now, 1, NULL);
    if (rg_is_ok(status)) {
        status = auth_state_run(state, AUTH_SQL_REPLAY_EXPIRE, &now, 1, NULL);
    }
    return auth_state_end(state, status);
}

static rg_status turn(struct auth_state *state)
{
    int64_t now_us = rg_clock_wall_us(state->clock);
    size_t removed = 0;
    RG_TRY(listen_once(state));
    RG_TRY(auth_revocations_turn(state, now_us));
    RG_TRY(auth_sessions_turn(state, now_us, &removed));
    RG_TRY(forget_used(state, now_us));
    if (removed > 0) {
        emit(state, AUTH_STATE_REMOVED, "", removed);
    }
    return RG_OK;
}

rg_status auth_state_turn(struct auth_state *state)
{
    rg_status status = turn(state);
    tell_health(state, rg_is_ok(status) ? "" : status.error->text);
    return status;
}

static void wait_for_work(struct auth_state *state, int timeout_ms)
{
    struct pollfd waiting[] = {{.fd = state->wake_fd, .events = POLLIN},
                               {.fd = state->db->ops->news_fd(state->db), .events = POLLIN}};
    (void)poll(waiting, 2, timeout_ms);
}

static void *run_thread(void *argument)
{
    struct auth_state *state = argument;
    int64_t due_us = monotonic_us(state);
    while (!atomic_load(&state->is_ending)) {
        int64_t now_us = monotonic_us(state);
        bool is_due = now_us >= due_us || !atomic_load(&state->is_working);
        (void)!rg_is_ok(is_due ? auth_state_turn(state) : listen_once(state)); /* told; tried again soon */
        due_us = is_due ? now_us + (int64_t)PERIOD_MS * 1000 : due_us;
        int period_ms = state->is_shared ? SHARED_PERIOD_MS : PERIOD_MS;
        wait_for_work(state, atomic_load(&state->is_working) ? period_ms : RETRY_MS);
    }
    return NULL;
}

/* ---- opening and closing ---- */

static rg_status check_options(const struct auth_state_options *options)
{
    const char *text = NULL;
    if (!auth_state_url_check(options->url, &text)) {
        return rg_fail(RG_CONFIG, "the url of the state %s", text);
    }
    if (options->idle_timeout_us <= 0 || options->absolute_timeout_us <= 0 || options->clock == NULL) {
        return rg_fail(RG_CONFIG, "the state needs timeouts and a clock");
    }
    return RG_OK;
}

static rg_status take_proof(void *context, const struct auth_db_row *row)
{
    return rg_buf_put(context, row->columns[0].bytes);
}

/* A text sealed by the key that made the store: another key is told before it reads anything. */
static rg_status check_key(struct auth_state *state)
{
    static const char text[] = "this is the key";
    RG_AUTO(rg_buf_done) struct rg_buf sealed;
    RG_AUTO(rg_buf_done) struct rg_buf proof;
    RG_AUTO(rg_buf_done) struct rg_buf plain;
    struct auth_db_value values[] = {auth_db_text(RG_SLICE("key")), {0}};
    rg_buf_init(&sealed, 256);
    rg_buf_init(&proof, 256);
    rg_buf_init(&plain, 256);
    RG_TRY(rg_aead_seal(state->keys.seal, RG_SLICE("key"), rg_slice_of(text), &sealed));
    values[1] = auth_db_bytes(rg_buf_slice(&sealed));
    RG_TRY(auth_state_run(state, AUTH_SQL_META_PUT, values, 2, NULL));
    RG_TRY(auth_state_read(state, AUTH_SQL_META_GET, values, 1, (struct auth_db_reader){take_proof, &proof}));
    if (!rg_is_ok(rg_aead_open(state->keys.seal, RG_SLICE("key"), rg_buf_slice(&proof), &plain)) ||
        !rg_slice_is_equal(rg_buf_slice(&plain), rg_slice_of(text))) {
        return rg_fail(RG_STORAGE, "the state was made with another key: give it that one, or move the state away");
    }
    return RG_OK;
}

static rg_status load(struct auth_state *state)
{
    RG_TRY(check_key(state));
    return load_all(state);
}

static rg_status open_store(struct auth_state *state, const struct auth_state_options *options)
{
    struct rg_slice path = auth_state_url_path(options->url);
    bool is_here = false;
    RG_TRY(auth_state_keys_load(options, &state->keys));
    state->is_shared = path.size == 0;
    RG_TRY(state->is_shared ? auth_postgres_open(options->url, options->password, &state->db)
                            : auth_sqlite_open(path, &state->db));
    /* Listening comes before loading, so that nothing happens unheard in between. */
    RG_TRY(state->db->ops->listen == NULL ? RG_OK : state->db->ops->listen(state->db, on_news, state, &is_here));
    RG_TRY(auth_state_begin(state, true));
    return auth_state_end(state, load(state));
}

static rg_status start_thread(struct auth_state *state)
{
    state->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    state->has_thread = state->wake_fd >= 0 && pthread_create(&state->thread, NULL, run_thread, state) == 0;
    return state->has_thread ? RG_OK : rg_fail(RG_INTERNAL, "cannot start the thread of the state");
}

static struct auth_state *new_state(const struct auth_state_options *options)
{
    struct auth_state *state = rg_memory_alloc(sizeof *state);
    state->clock = options->clock;
    state->log = options->log;
    state->wake_fd = -1;
    state->max_sessions = options->max_sessions == 0 ? AUTH_STATE_MAX_SESSIONS : options->max_sessions;
    state->max_per_subject =
        options->max_sessions_per_subject == 0 ? AUTH_STATE_MAX_PER_SUBJECT : options->max_sessions_per_subject;
    auth_state_set_timeouts(state, options->idle_timeout_us, options->absolute_timeout_us);
    auth_session_table_init(&state->sessions);
    auth_revocation_table_init(&state->revocations);
    (void)pthread_mutex_init(&state->db_lock, NULL);
    return state;
}

rg_status auth_state_open(const struct auth_state_options *options, struct auth_state **out_state)
{
    RG_TRY(check_options(options));
    struct auth_state *state = new_state(options);
    rg_status status = open_store(state, options);
    if (rg_is_ok(status)) {
        atomic_store(&state->contact_us, monotonic_us(state));
        atomic_store(&state->is_working, true);
        state->is_loaded = true;
        status = options->has_no_thread ? RG_OK : start_thread(state);
    }
    if (!rg_is_ok(status)) {
        auth_state_close(&state);
        return status;
    }
    *out_state = state;
    return RG_OK;
}

static void end_thread(struct auth_state *state)
{
    const uint64_t one = 1;
    atomic_store(&state->is_ending, true);
    (void)!write(state->wake_fd, &one, sizeof one);
    (void)pthread_join(state->thread, NULL);
}

void auth_state_close(struct auth_state **state)
{
    struct auth_state *old = *state;
    *state = NULL;
    if (old == NULL) {
        return;
    }
    if (old->has_thread) {
        end_thread(old);
    }
    if (old->is_loaded) {
        size_t removed = 0;
        (void)!rg_is_ok(auth_sessions_turn(old, rg_clock_wall_us(old->clock), &removed)); /* the last uses */
    }
    if (old->db != NULL) {
        old->db->ops->close(old->db);
    }
    if (old->wake_fd >= 0) {
        (void)close(old->wake_fd);
    }
    auth_session_table_done(&old->sessions);
    auth_revocation_table_done(&old->revocations);
    auth_state_keys_done(&old->keys);
    rg_memory_free(old->unwritten.hashes);
    (void)pthread_mutex_destroy(&old->db_lock);
    rg_memory_free(old);
}

void auth_state_set_timeouts(struct auth_state *state, int64_t idle_timeout_us, int64_t absolute_timeout_us)
{
    atomic_store(&state->idle_us, idle_timeout_us);
    atomic_store(&state->absolute_us, absolute_timeout_us);
}

bool auth_state_is_working(const struct auth_state *state)
{
    return atomic_load(&state->is_working);
}
