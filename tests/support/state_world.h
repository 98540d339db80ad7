/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_STATE_WORLD_H
#define RG_TESTS_SUPPORT_STATE_WORLD_H

/* A state in a directory of its own, with a clock that the test moves, and a database whose Nth call fails. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/login_state.h"
#include "auth/replay.h"
#include "auth/state_private.h"
#include "tests/support/rg_test.h"

#define MINUTE_US (INT64_C(60) * 1000 * 1000)

static char state_directory[64];
static char state_url[128];
static char state_path[96];
static _Atomic int64_t state_now_us = INT64_C(1800000000) * 1000 * 1000;

static int64_t state_clock_now(void *context)
{
    (void)context;
    return state_now_us;
}

static const struct rg_clock state_clock = {state_clock_now, state_clock_now, NULL};

static inline struct auth_state_options state_options(void)
{
    return (struct auth_state_options){
        .url = rg_slice_of(state_url),
        .idle_timeout_us = 30 * MINUTE_US,
        .absolute_timeout_us = 12 * 60 * MINUTE_US,
        .clock = &state_clock,
        .has_no_thread = true,
    };
}

static inline int state_directory_make(void **unused)
{
    (void)unused;
    /* Ten thousand commits that wait for a disk test the disk. */
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(state_directory, sizeof state_directory, "%s/rowgate-state.XXXXXX", parent);
    assert_non_null(mkdtemp(state_directory));
    (void)snprintf(state_path, sizeof state_path, "%s/state.db", state_directory);
    (void)snprintf(state_url, sizeof state_url, "sqlite:%s", state_path);
    return 0;
}

static inline int state_remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline int state_directory_remove(void **unused)
{
    (void)unused;
    return nftw(state_directory, state_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct auth_state *state_opened(void)
{
    struct auth_state *state = NULL;
    const struct auth_state_options options = state_options();
    assert_ok(auth_state_open(&options, &state));
    return state;
}

static inline struct auth_state *state_reopened(struct auth_state *state)
{
    auth_state_close(&state);
    assert_null(state);
    return state_opened();
}

/* ---- a login ---- */

static inline struct auth_session_new state_login(const char *subject)
{
    static const struct rg_slice tenant[] = {{"acme", 4}};
    static const struct auth_claim_constant claims[] = {{{"tenant", 6}, tenant, 1}};
    return (struct auth_session_new){
        .kind = AUTH_OIDC,
        .idp = RG_SLICE("main"),
        .issuer = RG_SLICE("https://idp.example"),
        .subject = rg_slice_of(subject),
        .user = RG_SLICE("Alice"),
        .claims = claims,
        .claim_count = 1,
        .sid = RG_SLICE("provider-sid"),
        .refresh_token = RG_SLICE("refresh-token-one"),
        .id_token = RG_SLICE("id-token-one"),
    };
}

/* Creates a session and lets go of it: the cookie is left. */
static inline void state_log_in(struct auth_state *state, const char *subject, char cookie[AUTH_COOKIE_VALUE_SIZE])
{
    struct auth_session *session = NULL;
    const struct auth_session_new login = state_login(subject);
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    auth_session_free(&session);
}

/* True when the cookie still proves a session. */
static inline bool state_is_in(struct auth_state *state, const char *cookie)
{
    struct auth_session *session = NULL;
    rg_status status = auth_sessions_find(state, rg_slice_of(cookie), state_now_us, &session);
    bool is_in = rg_is_ok(status);
    assert_true(is_in == (session != NULL));
    auth_session_free(&session);
    return is_in;
}

/* ---- a database whose Nth writing call fails ---- */

struct failing_db {
    struct auth_db db; /* first */
    struct auth_db *real;
    _Atomic int left; /* calls until one fails; negative = never */
    bool stays_broken;
};

static struct failing_db failing_db;

static inline bool failing_db_is_due(void)
{
    if (failing_db.left < 0) {
        return false;
    }
    if (failing_db.left == 0) {
        failing_db.left = failing_db.stays_broken ? 0 : -1;
        return true;
    }
    failing_db.left--;
    return false;
}

static inline rg_status failing_db_begin(struct auth_db *db, bool is_durable)
{
    (void)db;
    return failing_db_is_due() ? rg_fail(RG_STORAGE, "begin fails")
                               : failing_db.real->ops->begin(failing_db.real, is_durable);
}

static inline rg_status failing_db_commit(struct auth_db *db)
{
    (void)db;
    return failing_db_is_due() ? rg_fail(RG_STORAGE, "commit fails") : failing_db.real->ops->commit(failing_db.real);
}

static inline void failing_db_rollback(struct auth_db *db)
{
    (void)db;
    failing_db.real->ops->rollback(failing_db.real);
}

static inline rg_status failing_db_run(struct auth_db *db, enum auth_sql sql, const struct auth_db_value *values,
                                       size_t value_count, struct auth_db_reader reader, size_t *out_changes)
{
    (void)db;
    return failing_db_is_due()
               ? rg_fail(RG_STORAGE, "statement fails")
               : failing_db.real->ops->run(failing_db.real, sql, values, value_count, reader, out_changes);
}

static inline int failing_db_news_fd(struct auth_db *db)
{
    (void)db;
    return -1;
}

static inline void failing_db_close(struct auth_db *db)
{
    (void)db;
    failing_db.real->ops->close(failing_db.real);
}

/* Puts it in front of a state's database. Such a state has no thread. */
static inline void state_break(struct auth_state *state, int left, bool stays_broken)
{
    static const struct auth_db_ops ops = {
        .begin = failing_db_begin,
        .commit = failing_db_commit,
        .rollback = failing_db_rollback,
        .run = failing_db_run,
        .news_fd = failing_db_news_fd,
        .close = failing_db_close,
    };
    (void)pthread_mutex_lock(&state->db_lock);
    if (state->db != &failing_db.db) {
        failing_db.real = state->db;
    }
    failing_db.db.ops = &ops;
    failing_db.stays_broken = stays_broken;
    failing_db.left = left;
    state->db = &failing_db.db;
    (void)pthread_mutex_unlock(&state->db_lock);
}

#endif
