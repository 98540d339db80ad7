/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_SESSION_H
#define RG_AUTH_SESSION_H

#include <stdatomic.h>

#include "auth/cookie.h"
#include "auth/identity.h"
#include "auth/state.h"

/* Sessions of people who logged in by a browser. The cookie is 32 random bytes, made at login and anew at each login,
 * never taken from a request; the store and the memory know its SHA-256 only. What a session says about its holder is
 * kept as texts and typed again under each configuration, so that a reload can change the claims. */

enum {
    AUTH_SESSION_ID_SIZE = 19,          /* "s-" and 16 hexadecimal digits of the hash, and NUL */
    AUTH_SESSION_MAX_BYTES = 64 * 1024, /* of all texts of one session */
    AUTH_SESSION_CSRF_SIZE = RG_DIGEST_B64_SIZE,
};

/* What a login gives. Empty slices for what the kind of login does not have. */
struct auth_session_new {
    enum auth_kind kind;
    struct rg_slice idp, issuer, subject; /* required; idp is the [idp.NAME] */
    struct rg_slice user;                 /* for display and logs */
    const struct auth_claim_constant *claims;
    size_t claim_count;
    int64_t expires_us;       /* the provider's own end of the session (SAML SessionNotOnOrAfter); 0 = ours alone */
    int64_t token_expires_us; /* of the access token: refresh before; 0 = nothing to refresh */
    struct rg_slice sid, id_token, refresh_token, access_token; /* OIDC */
    struct rg_slice name_id, name_id_format, session_index;     /* SAML */
};

/* Counted. All but the last four members never changes and may be read from any thread while a reference is held.
 * Units: microseconds of wall clock. */
struct auth_session {
    char public_id[AUTH_SESSION_ID_SIZE]; /* for people: lists, logs, records; no credential */
    char csrf[AUTH_SESSION_CSRF_SIZE];    /* what our own forms must carry */
    struct auth_session_new login;        /* its slices are NUL-terminated behind */
    int64_t created_us;
    int64_t expires_us; /* absolute: whatever is done with it */
    struct rg_digest hash;
    atomic_bool is_revoked;
    _Atomic uint64_t revocation_generation; /* auth/revocation.h, as of the last look */
    _Atomic int64_t last_seen_us;
    _Atomic int64_t refresh_asked_us; /* when somebody here last thought of refreshing it; 0 = never */
    atomic_size_t references;
};

/* The session that the cookie proves, used at now_us, with a reference. Reads memory only, takes a short lock.
 * Returns: ok; RG_DENIED when the value is none of ours, is unknown, expired or revoked, itself or its subject since
 *          (the text says which of these, and nothing about the others); RG_UPSTREAM when the shared store has not been
 * reached for 30 s and so may have revoked it. Output untouched then. Any thread. */
rg_status auth_sessions_find(struct auth_state *state, struct rg_slice cookie, int64_t now_us,
                             struct auth_session **out_session) RG_MUST_CHECK;

/* The same for the public id, for whoever proved it otherwise (auth/capsule.h): the id itself proves nothing. Does not
 * count as use, so that nothing but its holder's browser keeps a session from its idle end. */
rg_status auth_sessions_find_by_id(struct auth_state *state, struct rg_slice public_id, int64_t now_us,
                                   struct auth_session **out_session) RG_MUST_CHECK;

/* A new session under a new cookie. Over the caps the oldest goes: the same subject's, or that of the provider which
 * has most. Returns: ok; RG_DENIED without kind, idp or subject, or when it would already be over; RG_LIMIT for more
 * than AUTH_SESSION_MAX_BYTES; RG_STORAGE, RG_UPSTREAM when it could not be written: there is none then. Outputs
 *          untouched then. Blocks. */
rg_status auth_sessions_create(struct auth_state *state, const struct auth_session_new *login, int64_t now_us,
                               char out_cookie[AUTH_COOKIE_VALUE_SIZE],
                               struct auth_session **out_session) RG_MUST_CHECK;

/* A reference more; the same pointer. */
struct auth_session *auth_session_hold(struct auth_session *session);
/* Gives a reference back; nulls, accepts NULL. The last one wipes the tokens. Any thread. */
void auth_session_free(struct auth_session **session);

/* True once it was revoked, replaced by a refresh or removed: for those who hold one across requests. Any thread. */
static inline bool auth_session_is_revoked(const struct auth_session *session)
{
    return atomic_load_explicit(&session->is_revoked, memory_order_acquire);
}

/* Who the holder is under these claim specs.
 * Returns: RG_DENIED when a required claim is missing or one does not have its type; RG_LIMIT when the arena is full.
 *          Output untouched then.
 * Owns:    identity's texts are the session's: hold it as long; values live in arena. Claims that no spec names are
 *          left out. Any thread. */
rg_status auth_session_identity(const struct auth_session *session, const struct auth_claim_spec *specs,
                                size_t spec_count, struct rg_arena *arena,
                                struct auth_identity *out_identity) RG_MUST_CHECK;

/* True when text is the session's CSRF token. Time does not depend on the contents. */
bool auth_session_csrf_is(const struct auth_session *session, struct rg_slice text);

/* ---- ending ---- */

enum auth_session_selector_kind {
    AUTH_SELECT_NONE = 0, /* selects nothing: refused */
    AUTH_SELECT_ID,       /* text: the public id */
    AUTH_SELECT_SUBJECT,  /* idp, text */
    AUTH_SELECT_SID,      /* idp, text: the provider's session id (OIDC back-channel logout) */
    AUTH_SELECT_NAME_ID,  /* idp, text, session_index or empty = all of them (SAML logout) */
    AUTH_SELECT_IDP,      /* idp: all that came from this provider */
    AUTH_SELECT_ALL,
};

struct auth_session_selector {
    enum auth_session_selector_kind kind;
    struct rg_slice idp, text, session_index;
};

/* Ends them: in memory at once, so that the next request is refused, then in the store. A tenant's sessions: list them,
 * judge each one's tenant by the configuration, and end it by its id.
 * Returns: ok and how many ended here; RG_DENIED for a selector without what it needs; RG_STORAGE, RG_UPSTREAM when the
 *          store could not be told: they have ended here all the same, and the thread goes on trying. *out_count is
 *          written then too. Blocks. */
rg_status auth_sessions_revoke(struct auth_state *state, const struct auth_session_selector *selector,
                               size_t *out_count) RG_MUST_CHECK;

/* Calls on_session for each live session, oldest first; false ends it. The session is borrowed for the call; no lock is
 * held meanwhile. Any thread. */
void auth_sessions_list(struct auth_state *state, int64_t now_us,
                        bool (*on_session)(void *context, struct auth_session *session), void *context);
size_t auth_sessions_count(struct auth_state *state);

/* ---- refreshing tokens ---- */

/* Asks to be the one that refreshes this session, on this node and all others, for a minute at most. False: somebody
 * else is about it, or it has ended. Blocks. */
rg_status auth_session_refresh_begin(struct auth_state *state, const struct auth_session *session, int64_t now_us,
                                     bool *out_is_mine) RG_MUST_CHECK;
/* Ends a refresh that is the caller's. login NULL: nothing new (the provider could not be asked; try again later). Else
 * the session goes on under the same cookie with these tokens and claims: idp, issuer, subject and kind must be the
 * same, empty tokens keep the old ones, the absolute end stays. *out_session (may be NULL) gets the new one with a
 * reference; the old one counts as revoked. A provider that refuses the refresh: auth_sessions_revoke instead.
 * Returns: RG_DENIED for another subject, or when the session has ended meanwhile; RG_LIMIT; RG_STORAGE, RG_UPSTREAM:
 *          the old one goes on. Output untouched then. Blocks. */
rg_status auth_session_refresh_end(struct auth_state *state, const struct auth_session *session,
                                   const struct auth_session_new *login,
                                   struct auth_session **out_session) RG_MUST_CHECK;

#endif
