/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions from login to end: the store is written before a cookie is handed out, and the memory is told before the
 * store when one ends. So what could not be written is never alive, and what was ended is never alive for longer. */
#include "auth/session.h"

#include "auth/revocation.h"
#include "auth/session_private.h"

/* Uses closer together than this are not told apart. */
enum { SEEN_STEP_US = 1000 * 1000 };

/* ---- finding ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool auth_session_is_over(const struct auth_state *state, const struct auth_session *session, int64_t now_us)
{
    int64_t absolute_us = earlier(session->expires_us, session->created_us + atomic_load(&state->absolute_us));
    int64_t idle_us = atomic_load(&session->last_seen_us) + atomic_load(&state->idle_us);
    return now_us >= absolute_us || now_us >= idle_us;
}

static void touch(struct auth_session *session, int64_t now_us)
{
    int64_t seen_us = atomic_load_explicit(&session->last_seen_us, memory_order_relaxed);
    if (now_us >= seen_us + SEEN_STEP_US) {
        (void)atomic_compare_exchange_strong(&session->last_seen_us, &seen_us, now_us);
    }
}

static rg_status check_contact(const struct auth_state *state)
{
    if (state->is_shared &&
        rg_clock_monotonic_us(state->clock) - atomic_load(&state->contact_us) > AUTH_STATE_BLIND_US) {
        return rg_fail(RG_UPSTREAM, "the state that the nodes share has not been reached for 30 s");
    }
    return RG_OK;
}

/* Its subject, or everybody, may have been put out on another node, whose news about the session itself are still under
 * way. Looked for when something was revoked since the last time. */
static bool is_put_out(struct auth_state *state, struct auth_session *session, int64_t now_us)
{
    uint64_t generation = auth_revocation_generation(state);
    if (atomic_load_explicit(&session->revocation_generation, memory_order_relaxed) == generation) {
        return false;
    }
    const struct auth_revocation_subject who = {.idp = session->login.idp,
                                                .subject = session->login.subject,
                                                .session = rg_slice_of(session->public_id),
                                                .since_us = session->created_us};
    if (auth_revocation_find(state, &who, now_us).kind != AUTH_REVOKE_NONE) {
        return true;
    }
    atomic_store_explicit(&session->revocation_generation, generation, memory_order_relaxed);
    return false;
}

/* Takes the reference, and gives it on when the session is alive. */
static rg_status judge(struct auth_state *state, struct auth_session *found, int64_t now_us,
                       struct auth_session **out_session)
{
    RG_AUTO(auth_session_free) struct auth_session *session = found;
    if (session == NULL) {
        return rg_fail(RG_DENIED, "no such session");
    }
    if (auth_session_is_revoked(session) || is_put_out(state, session, now_us)) {
        return rg_fail(RG_DENIED, "session was revoked");
    }
    if (auth_session_is_over(state, session, now_us)) {
        return rg_fail(RG_DENIED, "session expired");
    }
    *out_session = auth_session_hold(session);
    return RG_OK;
}

rg_status auth_sessions_find(struct auth_state *state, struct rg_slice cookie, int64_t now_us,
                             struct auth_session **out_session)
{
    struct rg_digest hash;
    RG_TRY(check_contact(state));
    RG_TRY(auth_cookie_hash(cookie, &hash));
    RG_TRY(judge(state, auth_session_table_find(&state->sessions, &hash), now_us, out_session));
    touch(*out_session, now_us);
    return RG_OK;
}

rg_status auth_sessions_find_by_id(struct auth_state *state, struct rg_slice public_id, int64_t now_us,
                                   struct auth_session **out_session)
{
    RG_TRY(check_contact(state));
    return judge(state, auth_session_table_find_id(&state->sessions, public_id), now_us, out_session);
}

/* ---- columns ---- */

static struct rg_digest key_of(const struct auth_state *state, const char *what, struct rg_slice idp,
                               struct rg_slice text, struct rg_slice more)
{
    const struct rg_slice parts[] = {idp, text, more};
    return auth_state_index(&state->keys, what, parts, 3);
}

/* A text that is not there must not be found by an empty one: then the column is random. */
static struct rg_digest key_or_random(const struct auth_state *state, const char *what, struct rg_slice idp,
                                      struct rg_slice text, struct rg_slice more)
{
    struct rg_digest random;
    if (text.size > 0) {
        return key_of(state, what, idp, text, more);
    }
    rg_random(random.bytes, sizeof random.bytes);
    return random;
}

void auth_session_columns_fill(const struct auth_state *state, const struct auth_session_new *login,
                               struct auth_session_columns *columns)
{
    const struct rg_slice none = {0};
    columns->subject = key_of(state, "subject", login->idp, login->subject, none);
    columns->idp = key_of(state, "idp", login->idp, none, none);
    columns->sid = key_or_random(state, "sid", login->idp, login->sid, none);
    columns->name = key_or_random(state, "name", login->idp, login->name_id, none);
    bool has_index = login->session_index.size > 0;
    columns->index = key_or_random(state, "index", login->idp, has_index ? login->name_id : none, login->session_index);
}

/* ---- creating ---- */

static rg_status put_row(struct auth_state *state, const struct auth_session *session)
{
    RG_AUTO(rg_buf_done) struct rg_buf body;
    struct auth_session_columns columns;
    rg_buf_init(&body, AUTH_STATE_BODY_MAX);
    RG_TRY(auth_session_seal(session, state->keys.seal, &body));
    auth_session_columns_fill(state, &session->login, &columns);
    const struct auth_db_value values[] = {
        auth_db_digest(&session->hash),      auth_db_text(rg_slice_of(session->public_id)),
        auth_db_digest(&columns.subject),    auth_db_digest(&columns.sid),
        auth_db_digest(&columns.name),       auth_db_digest(&columns.index),
        auth_db_digest(&columns.idp),        auth_db_number(session->created_us),
        auth_db_number(session->expires_us), auth_db_number(session->last_seen_us),
        auth_db_bytes(rg_buf_slice(&body)),
    };
    RG_TRY(auth_state_run(state, AUTH_SQL_SESSION_PUT, values, sizeof values / sizeof values[0], NULL));
    return auth_state_tell(state, 's', &session->hash);
}

static rg_status delete_row(struct auth_state *state, const struct rg_digest *hash)
{
    const struct auth_db_value value = auth_db_digest(hash);
    RG_TRY(auth_state_run(state, AUTH_SQL_SESSION_DELETE, &value, 1, NULL));
    return auth_state_tell(state, 's', hash);
}

/* One transaction: the new one is there and the victim gone, or neither. */
static rg_status write_new(struct auth_state *state, struct auth_session *session)
{
    RG_TRY(auth_state_begin(state, true));
    RG_AUTO(auth_session_free)
    struct auth_session *victim =
        auth_session_table_victim(&state->sessions, session, state->max_per_subject, state->max_sessions);
    rg_status status = victim == NULL ? RG_OK : delete_row(state, &victim->hash);
    if (rg_is_ok(status)) {
        status = put_row(state, session);
    }
    /* The memory changes while the transaction is still ours, so that whoever ends sessions meets both or neither. */
    status = auth_state_commit(state, status);
    if (rg_is_ok(status)) {
        auth_session_table_put(&state->sessions, session);
    }
    if (rg_is_ok(status) && victim != NULL) {
        (void)auth_session_table_remove(&state->sessions, &victim->hash);
    }
    auth_state_unlock(state);
    return status;
}

static rg_status check_login(const struct auth_session_new *login, int64_t now_us)
{
    if (login->kind == AUTH_UNVERIFIED || login->idp.size == 0 || login->subject.size == 0) {
        return rg_fail(RG_DENIED, "a session needs a verified identity");
    }
    if (login->expires_us != 0 && login->expires_us <= now_us) {
        return rg_fail(RG_DENIED, "the identity provider's session is over");
    }
    return RG_OK;
}

rg_status auth_sessions_create(struct auth_state *state, const struct auth_session_new *login, int64_t now_us,
                               char out_cookie[AUTH_COOKIE_VALUE_SIZE], struct auth_session **out_session)
{
    RG_AUTO(auth_session_free) struct auth_session *session = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct rg_digest hash;
    RG_TRY(check_login(login, now_us));
    RG_TRY(check_contact(state));
    RG_TRY(auth_session_new(login, &session));
    auth_cookie_new(cookie);
    RG_TRY(auth_cookie_hash(rg_slice_of(cookie), &hash));
    auth_session_name(&state->keys, &hash, session);
    int64_t end_us = now_us + atomic_load(&state->absolute_us);
    session->created_us = now_us;
    session->expires_us = login->expires_us == 0 ? end_us : earlier(end_us, login->expires_us);
    session->last_seen_us = now_us;
    RG_TRY(write_new(state, session));
    memcpy(out_cookie, cookie, sizeof cookie);
    rg_wipe(cookie, sizeof cookie);
    *out_session = auth_session_hold(session);
    return RG_OK;
}

/* ---- what it says ---- */

static bool is_wanted(const struct auth_claim_spec *specs, size_t spec_count, struct rg_slice name)
{
    for (size_t i = 0; i < spec_count; i++) {
        if (rg_slice_is_equal(specs[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* Those that the configuration has a spec for: it may have changed since the login. */
static rg_status wanted_claims(const struct auth_claim_constant *claims, size_t count,
                               const struct auth_claim_spec *specs, size_t spec_count, struct rg_arena *arena,
                               struct auth_claim_constant **out_claims, size_t *out_count)
{
    void *memory = NULL;
    size_t wanted_count = 0;
    RG_TRY(rg_arena_array(arena, count, sizeof **out_claims, &memory));
    struct auth_claim_constant *wanted = memory;
    for (size_t i = 0; i < count; i++) {
        if (is_wanted(specs, spec_count, claims[i].name)) {
            wanted[wanted_count++] = claims[i];
        }
    }
    *out_claims = wanted;
    *out_count = wanted_count;
    return RG_OK;
}

rg_status auth_session_type_claims(const struct auth_claim_constant *claims, size_t claim_count,
                                   const struct auth_claim_spec *specs, size_t spec_count, struct rg_arena *arena,
                                   const struct auth_claim_value **out_values)
{
    struct auth_claim_constant *wanted = NULL;
    size_t count = 0;
    RG_TRY(wanted_claims(claims, claim_count, specs, spec_count, arena, &wanted, &count));
    rg_status status = auth_claims_from_constants(specs, spec_count, wanted, count, arena, out_values);
    if (!rg_is_ok(status) && status.error->kind == RG_CONFIG) {
        char text[sizeof status.error->text];
        memcpy(text, status.error->text, sizeof text);
        return rg_fail(RG_DENIED, "%.400s", text);
    }
    return status;
}

rg_status auth_session_identity(const struct auth_session *session, const struct auth_claim_spec *specs,
                                size_t spec_count, struct rg_arena *arena, struct auth_identity *out_identity)
{
    const struct auth_session_new *login = &session->login;
    struct auth_identity identity = {
        .kind = login->kind,
        .idp = login->idp,
        .issuer = login->issuer,
        .subject = login->subject,
        .user = login->user,
        .token_id = rg_slice_of(session->public_id),
        .issued_at_us = session->created_us,
        .expires_at_us = session->expires_us,
        .claim_count = spec_count,
    };
    RG_TRY(auth_session_type_claims(login->claims, login->claim_count, specs, spec_count, arena, &identity.claims));
    *out_identity = identity;
    return RG_OK;
}

bool auth_session_csrf_is(const struct auth_session *session, struct rg_slice text)
{
    return rg_secret_is_equal(rg_slice_of(session->csrf), text);
}

/* ---- lists ---- */

void auth_sessions_list(struct auth_state *state, int64_t now_us,
                        bool (*on_session)(void *context, struct auth_session *session), void *context)
{
    size_t count = 0;
    struct auth_session **sessions = auth_session_table_all(&state->sessions, &count);
    bool goes_on = true;
    for (size_t i = 0; goes_on && i < count; i++) {
        if (!auth_session_is_revoked(sessions[i]) && !auth_session_is_over(state, sessions[i], now_us)) {
            goes_on = on_session(context, sessions[i]);
        }
    }
    auth_session_array_free(&sessions, count);
}

size_t auth_sessions_count(struct auth_state *state)
{
    (void)pthread_mutex_lock(&state->sessions.lock);
    size_t count = state->sessions.count;
    (void)pthread_mutex_unlock(&state->sessions.lock);
    return count;
}
