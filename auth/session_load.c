/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions from the store into the memory: all of them at the start and after a gap, one when another node tells of it.
 */
#include <stdlib.h>

#include "auth/session_private.h"
#include "base/rg_memory.h"

static rg_status open_row(struct auth_state *state, const struct auth_db_row *row, struct auth_session **out_session)
{
    struct rg_digest hash;
    if (row->columns[0].bytes.size != sizeof hash.bytes) {
        return rg_fail(RG_STORAGE, "a session of the state has no hash");
    }
    memcpy(hash.bytes, row->columns[0].bytes.data, sizeof hash.bytes);
    RG_TRY(auth_session_open(&state->keys, &hash, row->columns[2].bytes, out_session));
    (*out_session)->last_seen_us = row->columns[1].number;
    return RG_OK;
}

static bool is_unwritten(const struct auth_state *state, const struct rg_digest *hash)
{
    for (size_t i = 0; i < state->unwritten.count; i++) {
        if (memcmp(state->unwritten.hashes[i].bytes, hash->bytes, sizeof hash->bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* What is in memory already is newer there, unless its tokens were refreshed elsewhere. */
static bool is_same(const struct auth_session *known, const struct auth_session *read)
{
    const struct auth_session_new *a = &known->login;
    const struct auth_session_new *b = &read->login;
    return a->token_expires_us == b->token_expires_us && rg_slice_is_equal(a->refresh_token, b->refresh_token) &&
           rg_slice_is_equal(a->access_token, b->access_token) && rg_slice_is_equal(a->id_token, b->id_token);
}

struct loading {
    struct auth_state *state;
    size_t count;
    struct rg_digest *hashes; /* of what was there; NULL = not wanted */
    size_t capacity;
};

static void remember(struct loading *loading, const struct rg_digest *hash)
{
    if (loading->count == loading->capacity) {
        loading->capacity = loading->capacity * 2 + 64;
        loading->hashes = rg_memory_resize(loading->hashes, loading->capacity * sizeof *loading->hashes);
    }
    loading->hashes[loading->count++] = *hash;
}

static rg_status load_row(void *context, const struct auth_db_row *row)
{
    struct loading *loading = context;
    struct auth_state *state = loading->state;
    RG_AUTO(auth_session_free) struct auth_session *session = NULL;
    RG_TRY(open_row(state, row, &session));
    remember(loading, &session->hash);
    if (is_unwritten(state, &session->hash)) {
        return RG_OK;
    }
    RG_AUTO(auth_session_free) struct auth_session *known = auth_session_table_find(&state->sessions, &session->hash);
    if (known == NULL || !is_same(known, session)) {
        auth_session_table_put(&state->sessions, session);
    }
    auth_session_table_saw(&state->sessions, &session->hash, session->last_seen_us);
    return RG_OK;
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct rg_digest));
}

/* What the store does not have any more has ended elsewhere. */
static void drop_others(struct auth_state *state, struct loading *loading)
{
    size_t count = 0;
    struct auth_session **sessions = auth_session_table_all(&state->sessions, &count);
    bool is_any = false;
    if (loading->count > 0) {
        qsort(loading->hashes, loading->count, sizeof *loading->hashes, compare_hashes);
    }
    for (size_t i = 0; i < count; i++) {
        const struct rg_digest *hash = &sessions[i]->hash;
        if (loading->count == 0 ||
            bsearch(hash, loading->hashes, loading->count, sizeof *loading->hashes, compare_hashes) == NULL) {
            is_any = auth_session_table_remove(&state->sessions, hash) || is_any;
        }
    }
    auth_session_array_free(&sessions, count);
    if (is_any) {
        auth_state_say_revoked(state);
    }
}

rg_status auth_sessions_load(struct auth_state *state)
{
    struct loading loading = {.state = state, .hashes = rg_memory_alloc(sizeof *loading.hashes), .capacity = 1};
    rg_status status =
        auth_state_read(state, AUTH_SQL_SESSION_ALL, NULL, 0, (struct auth_db_reader){load_row, &loading});
    if (rg_is_ok(status)) {
        drop_others(state, &loading);
    }
    rg_memory_free(loading.hashes);
    return status;
}

rg_status auth_sessions_load_one(struct auth_state *state, const struct rg_digest *hash)
{
    const struct auth_db_value value = auth_db_digest(hash);
    struct loading loading = {.state = state, .hashes = rg_memory_alloc(sizeof *loading.hashes), .capacity = 1};
    rg_status status =
        auth_state_read(state, AUTH_SQL_SESSION_GET, &value, 1, (struct auth_db_reader){load_row, &loading});
    if (rg_is_ok(status) && loading.count == 0 && auth_session_table_remove(&state->sessions, hash)) {
        auth_state_say_revoked(state);
    }
    rg_memory_free(loading.hashes);
    return status;
}
