/* SPDX-License-Identifier: Apache-2.0 */
/* How sessions end: by order, by time, or by news of another node; and the refresh of their tokens, which ends the old
 * one's copy. */
#include <stdlib.h>

#include "auth/session_private.h"
#include "base/rg_memory.h"

enum { FLUSH_BATCH = 1000, UNWRITTEN_MAX = 1000 * 1000 };

/* A session that this node has not heard of being used may have been used elsewhere: others flush each 30 s. */
#define GRACE_US (INT64_C(90) * 1000 * 1000)
#define REFRESH_LOCK_US (INT64_C(60) * 1000 * 1000)
#define SEEN_OVERLAP_US (INT64_C(120) * 1000 * 1000)

/* ---- by order ---- */

static bool is_selected(const struct auth_session_selector *by, const struct auth_session *session)
{
    const struct auth_session_new *login = &session->login;
    bool is_idp = rg_slice_is_equal(login->idp, by->idp);
    bool is_index = by->session_index.size == 0 || rg_slice_is_equal(login->session_index, by->session_index);
    const bool by_kind[] = {
        [AUTH_SELECT_NONE] = false,
        [AUTH_SELECT_ID] = rg_slice_is_equal(rg_slice_of(session->public_id), by->text),
        [AUTH_SELECT_SUBJECT] = is_idp && rg_slice_is_equal(login->subject, by->text),
        [AUTH_SELECT_SID] = is_idp && rg_slice_is_equal(login->sid, by->text),
        [AUTH_SELECT_NAME_ID] = is_idp && is_index && rg_slice_is_equal(login->name_id, by->text),
        [AUTH_SELECT_IDP] = is_idp,
        [AUTH_SELECT_ALL] = true,
    };
    return by_kind[by->kind];
}

/* Remembered with db_lock held; the turn deletes them from the store. */
static void remember_unwritten(struct auth_state_unwritten *unwritten, const struct rg_digest *hash)
{
    if (unwritten->count == unwritten->capacity && unwritten->capacity < UNWRITTEN_MAX) {
        unwritten->capacity = unwritten->capacity * 2 + 64;
        unwritten->hashes = rg_memory_resize(unwritten->hashes, unwritten->capacity * sizeof *unwritten->hashes);
    }
    if (unwritten->count < unwritten->capacity) {
        unwritten->hashes[unwritten->count++] = *hash;
    }
}

/* Ends in memory; what ended goes into `ended`. */
static size_t end_in_memory(struct auth_state *state, const struct auth_session_selector *selector,
                            struct auth_state_unwritten *ended)
{
    size_t count = 0;
    size_t ended_count = 0;
    struct auth_session **sessions = auth_session_table_all(&state->sessions, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_selected(selector, sessions[i]) && auth_session_table_remove(&state->sessions, &sessions[i]->hash)) {
            remember_unwritten(ended, &sessions[i]->hash);
            ended_count++;
        }
    }
    auth_session_array_free(&sessions, count);
    return ended_count;
}

struct telling {
    struct auth_state *state;
    size_t count;
};

/* A row that went: gone from memory too (it may have come a moment ago), and told. */
static rg_status on_deleted(void *context, const struct auth_db_row *row)
{
    struct telling *telling = context;
    struct rg_digest hash;
    if (row->columns[0].bytes.size != sizeof hash.bytes) {
        return rg_fail(RG_STORAGE, "a session of the state has no hash");
    }
    memcpy(hash.bytes, row->columns[0].bytes.data, sizeof hash.bytes);
    telling->count += auth_session_table_remove(&telling->state->sessions, &hash) ? 1 : 0;
    return auth_state_tell(telling->state, 's', &hash);
}

static rg_status delete_selected(struct auth_state *state, const struct auth_session_selector *by, size_t *count)
{
    static const struct {
        enum auth_sql sql;
        const char *what; /* of the column; NULL: the text itself, or nothing */
    } table[] = {
        [AUTH_SELECT_ID] = {AUTH_SQL_SESSION_DELETE_ID, NULL},
        [AUTH_SELECT_SUBJECT] = {AUTH_SQL_SESSION_DELETE_SUBJECT, "subject"},
        [AUTH_SELECT_SID] = {AUTH_SQL_SESSION_DELETE_SID, "sid"},
        [AUTH_SELECT_NAME_ID] = {AUTH_SQL_SESSION_DELETE_NAME, "name"},
        [AUTH_SELECT_IDP] = {AUTH_SQL_SESSION_DELETE_IDP, "idp"},
        [AUTH_SELECT_ALL] = {AUTH_SQL_SESSION_DELETE_ALL, NULL},
    };
    bool has_index = by->kind == AUTH_SELECT_NAME_ID && by->session_index.size > 0;
    const struct rg_slice parts[] = {by->idp, by->kind == AUTH_SELECT_IDP ? (struct rg_slice){0} : by->text,
                                     has_index ? by->session_index : (struct rg_slice){0}};
    const char *what = has_index ? "index" : table[by->kind].what;
    enum auth_sql sql = has_index ? AUTH_SQL_SESSION_DELETE_INDEX : table[by->kind].sql;
    struct rg_digest key = auth_state_index(&state->keys, what == NULL ? "" : what, parts, 3);
    struct auth_db_value value = what == NULL ? auth_db_text(by->text) : auth_db_digest(&key);
    struct telling telling = {state, 0};
    rg_status status = auth_state_read(state, sql, &value, by->kind == AUTH_SELECT_ALL ? 0 : 1,
                                       (struct auth_db_reader){on_deleted, &telling});
    *count += telling.count;
    return status;
}

static rg_status check_selector(const struct auth_session_selector *by)
{
    bool wants_text = by->kind != AUTH_SELECT_ALL && by->kind != AUTH_SELECT_IDP;
    bool wants_idp = by->kind != AUTH_SELECT_ALL && by->kind != AUTH_SELECT_ID;
    if (by->kind == AUTH_SELECT_NONE || (wants_text && by->text.size == 0) || (wants_idp && by->idp.size == 0)) {
        return rg_fail(RG_DENIED, "nothing says which sessions to end");
    }
    return RG_OK;
}

/* The failure in the thread's slot is that of the store and stays; what ended is remembered for the turn. */
static void keep_for_later(struct auth_state *state, const struct auth_state_unwritten *ended)
{
    (void)pthread_mutex_lock(&state->db_lock);
    for (size_t i = 0; i < ended->count; i++) {
        remember_unwritten(&state->unwritten, &ended->hashes[i]);
    }
    (void)pthread_mutex_unlock(&state->db_lock);
}

rg_status auth_sessions_revoke(struct auth_state *state, const struct auth_session_selector *selector,
                               size_t *out_count)
{
    struct auth_state_unwritten ended = {0};
    RG_TRY(check_selector(selector));
    size_t count = end_in_memory(state, selector, &ended);
    rg_status status = auth_state_begin(state, true);
    if (rg_is_ok(status)) {
        /* Whoever was creating one has finished: none can slip through between memory and store. */
        count += end_in_memory(state, selector, &ended);
        status = auth_state_end(state, delete_selected(state, selector, &count));
    }
    if (!rg_is_ok(status)) {
        keep_for_later(state, &ended);
    }
    rg_memory_free(ended.hashes);
    if (count > 0) {
        auth_state_say_revoked(state);
    }
    *out_count = count;
    return status;
}

/* ---- by time ---- */

static rg_status write_seen(struct auth_state *state, struct auth_session **sessions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct auth_db_value values[] = {auth_db_digest(&sessions[i]->hash),
                                               auth_db_number(sessions[i]->last_seen_us)};
        RG_TRY(auth_state_run(state, AUTH_SQL_SESSION_SEEN, values, 2, NULL));
    }
    return RG_OK;
}

/* In batches, so that a login in between does not wait for all of them. */
static rg_status flush_seen(struct auth_state *state)
{
    struct auth_session **sessions = rg_memory_array(FLUSH_BATCH, sizeof(struct auth_session *));
    size_t count = FLUSH_BATCH;
    rg_status status = RG_OK;
    while (rg_is_ok(status) && count == FLUSH_BATCH) {
        count = auth_session_table_take_seen(&state->sessions, sessions, FLUSH_BATCH);
        if (count > 0) {
            status = auth_state_begin(state, false);
            status = rg_is_ok(status) ? auth_state_end(state, write_seen(state, sessions, count)) : status;
        }
        for (size_t i = 0; i < count; i++) {
            auth_session_free(&sessions[i]);
        }
    }
    rg_memory_free(sessions);
    return status;
}

static rg_status on_seen(void *context, const struct auth_db_row *row)
{
    struct auth_state *state = context;
    struct rg_digest hash;
    if (row->columns[0].bytes.size == sizeof hash.bytes) {
        memcpy(hash.bytes, row->columns[0].bytes.data, sizeof hash.bytes);
        auth_session_table_saw(&state->sessions, &hash, row->columns[1].number);
    }
    return RG_OK;
}

static rg_status hear_seen(struct auth_state *state, int64_t now_us)
{
    const struct auth_db_value since = auth_db_number(state->heard_seen_us - SEEN_OVERLAP_US);
    RG_TRY(auth_state_read(state, AUTH_SQL_SESSION_SEEN_SINCE, &since, 1, (struct auth_db_reader){on_seen, state}));
    state->heard_seen_us = now_us;
    return RG_OK;
}

static rg_status write_unwritten(struct auth_state *state)
{
    struct auth_state_unwritten *unwritten = &state->unwritten;
    for (size_t i = 0; i < unwritten->count; i++) {
        const struct auth_db_value value = auth_db_digest(&unwritten->hashes[i]);
        RG_TRY(auth_state_run(state, AUTH_SQL_SESSION_DELETE, &value, 1, NULL));
        RG_TRY(auth_state_tell(state, 's', &unwritten->hashes[i]));
    }
    return RG_OK;
}

static rg_status on_expired(void *context, const struct auth_db_row *row)
{
    return on_deleted(context, row);
}

static rg_status expire(struct auth_state *state, int64_t now_us, size_t *out_removed)
{
    int64_t grace_us = state->is_shared ? GRACE_US : 0;
    const struct auth_db_value values[] = {
        auth_db_number(now_us),
        auth_db_number(now_us - atomic_load(&state->absolute_us)),
        auth_db_number(now_us - atomic_load(&state->idle_us) - grace_us),
    };
    struct telling telling = {state, 0};
    rg_status status =
        auth_state_read(state, AUTH_SQL_SESSION_EXPIRE, values, 3, (struct auth_db_reader){on_expired, &telling});
    *out_removed = telling.count;
    return status;
}

rg_status auth_sessions_turn(struct auth_state *state, int64_t now_us, size_t *out_removed)
{
    RG_TRY(flush_seen(state));
    RG_TRY(auth_state_begin(state, true));
    rg_status status = write_unwritten(state);
    if (rg_is_ok(status) && state->is_shared) {
        status = hear_seen(state, now_us);
    }
    if (rg_is_ok(status)) {
        status = expire(state, now_us, out_removed);
    }
    status = auth_state_commit(state, status);
    if (rg_is_ok(status)) {
        state->unwritten.count = 0;
    }
    auth_state_unlock(state);
    if (rg_is_ok(status) && *out_removed > 0) {
        auth_state_say_revoked(state);
    }
    return status;
}

/* ---- refreshing ---- */

rg_status auth_session_refresh_begin(struct auth_state *state, const struct auth_session *session, int64_t now_us,
                                     bool *out_is_mine)
{
    size_t changes = 0;
    const struct auth_db_value values[] = {auth_db_digest(&session->hash), auth_db_number(now_us + REFRESH_LOCK_US),
                                           auth_db_number(now_us)};
    if (auth_session_is_revoked(session)) {
        *out_is_mine = false;
        return RG_OK;
    }
    RG_TRY(auth_state_begin(state, false));
    RG_TRY(auth_state_end(state, auth_state_run(state, AUTH_SQL_SESSION_REFRESH, values, 3, &changes)));
    *out_is_mine = changes == 1;
    return RG_OK;
}

static rg_status check_same(const struct auth_session_new *old, const struct auth_session_new *new)
{
    bool is_same = old->kind == new->kind &&rg_slice_is_equal(old->idp, new->idp) &&
                   rg_slice_is_equal(old->issuer, new->issuer) && rg_slice_is_equal(old->subject, new->subject);
    return is_same ? RG_OK : rg_fail(RG_DENIED, "the refreshed token is of another subject");
}

static struct rg_slice first_of(struct rg_slice a, struct rg_slice b)
{
    return a.size > 0 ? a : b;
}

/* The new texts, and the old ones where the provider gave none. */
static struct auth_session_new merge(const struct auth_session_new *old, const struct auth_session_new *new)
{
    struct auth_session_new merged = *new;
    merged.user = first_of(new->user, old->user);
    merged.sid = first_of(new->sid, old->sid);
    merged.id_token = first_of(new->id_token, old->id_token);
    merged.refresh_token = first_of(new->refresh_token, old->refresh_token);
    merged.access_token = first_of(new->access_token, old->access_token);
    merged.name_id = first_of(new->name_id, old->name_id);
    merged.name_id_format = first_of(new->name_id_format, old->name_id_format);
    merged.session_index = first_of(new->session_index, old->session_index);
    merged.expires_us = old->expires_us;
    return merged;
}

static rg_status replace_row(struct auth_state *state, const struct auth_session *session)
{
    RG_AUTO(rg_buf_done) struct rg_buf body;
    struct auth_session_columns columns;
    size_t changes = 0;
    rg_buf_init(&body, AUTH_STATE_BODY_MAX);
    RG_TRY(auth_session_seal(session, state->keys.seal, &body));
    auth_session_columns_fill(state, &session->login, &columns);
    const struct auth_db_value values[] = {auth_db_digest(&session->hash), auth_db_digest(&columns.sid),
                                           auth_db_digest(&columns.name), auth_db_digest(&columns.index),
                                           auth_db_bytes(rg_buf_slice(&body))};
    RG_TRY(auth_state_run(state, AUTH_SQL_SESSION_REPLACE, values, 5, &changes));
    if (changes != 1) {
        return rg_fail(RG_DENIED, "the session has ended meanwhile");
    }
    return auth_state_tell(state, 's', &session->hash);
}

static rg_status write_refreshed(struct auth_state *state, const struct auth_session *old, struct auth_session *new)
{
    RG_TRY(auth_state_begin(state, true));
    rg_status status =
        auth_session_is_revoked(old) ? rg_fail(RG_DENIED, "the session has ended meanwhile") : replace_row(state, new);
    status = auth_state_commit(state, status);
    if (rg_is_ok(status)) {
        auth_session_table_put(&state->sessions, new);
    }
    auth_state_unlock(state);
    return status;
}

static rg_status give_up(struct auth_state *state, const struct auth_session *session)
{
    const struct auth_db_value values[] = {auth_db_digest(&session->hash), auth_db_number(0),
                                           auth_db_number(INT64_MAX)};
    RG_TRY(auth_state_begin(state, false));
    return auth_state_end(state, auth_state_run(state, AUTH_SQL_SESSION_REFRESH, values, 3, NULL));
}

rg_status auth_session_refresh_end(struct auth_state *state, const struct auth_session *session,
                                   const struct auth_session_new *login, struct auth_session **out_session)
{
    RG_AUTO(auth_session_free) struct auth_session *new = NULL;
    if (login == NULL) {
        return give_up(state, session);
    }
    RG_TRY(check_same(&session->login, login));
    const struct auth_session_new merged = merge(&session->login, login);
    RG_TRY(auth_session_new(&merged, &new));
    auth_session_name(&state->keys, &session->hash, new);
    new->created_us = session->created_us;
    new->expires_us = session->expires_us;
    new->last_seen_us = session->last_seen_us;
    RG_TRY(write_refreshed(state, session, new));
    if (out_session != NULL) {
        *out_session = auth_session_hold(new);
    }
    return RG_OK;
}
