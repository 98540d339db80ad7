/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_REVOCATION_H
#define RG_AUTH_REVOCATION_H

#include "auth/state.h"

/* What was revoked, for those who hold a credential that nobody can take back: tokens of the SQL plane, bearer tokens
 * of APIs, sessions of both. In memory and in the store. Whoever holds a live session compares the generation (one
 * atomic load) before each statement or request, and asks only when it has changed. */

enum auth_revocation_kind {
    AUTH_REVOKE_NONE = 0,
    AUTH_REVOKE_TOKEN,   /* idp, text: token id (auth_identity.token_id) */
    AUTH_REVOKE_SUBJECT, /* idp, text: subject; whatever was issued or begun up to revoked_us */
    AUTH_REVOKE_TENANT,  /* text: a tenant's name, which auth/ does not interpret; same */
    AUTH_REVOKE_SESSION, /* text: the public id of a session of the SQL plane */
    AUTH_REVOKE_ALL,     /* everything that was issued or begun up to revoked_us */
};

enum {
    AUTH_REVOCATION_MAX = 100 * 1000, /* remembered at once; one more is refused */
    AUTH_REVOCATION_TEXT_MAX = 1024,
};

/* How long one is kept when the end of what it revokes is not known. */
#define AUTH_REVOCATION_KEEP_US (INT64_C(31) * 24 * 3600 * 1000 * 1000)

struct auth_revocation {
    enum auth_revocation_kind kind;
    struct rg_slice idp, text;
    struct rg_slice by; /* who ordered it, for the record: an operator, or "idp NAME" */
    int64_t revoked_us;
    int64_t until_us; /* forgotten then; 0 = revoked_us + AUTH_REVOCATION_KEEP_US */
};

/* In force when it returns: first in memory, then durable. One of the same kind and text is renewed.
 * Returns: ok; RG_DENIED without kind or text; RG_LIMIT for long texts or too many; RG_STORAGE, RG_UPSTREAM when it
 * could not be written: it holds here until a restart, and the thread goes on trying. Blocks. */
rg_status auth_revocation_add(struct auth_state *state, const struct auth_revocation *revocation) RG_MUST_CHECK;

/* Changes with each addition, other nodes' included; never 0. One atomic load. Any thread. */
uint64_t auth_revocation_generation(const struct auth_state *state);

/* Whom to look for; empty slices match nothing. */
struct auth_revocation_subject {
    struct rg_slice idp, subject, token_id, tenant, session;
    int64_t since_us; /* when the token was issued, else when the session began; 0 = not known: counts as before all */
};

enum { AUTH_REVOCATION_BY_SIZE = 256 };

struct auth_revocation_hit {
    enum auth_revocation_kind kind; /* AUTH_REVOKE_NONE = not revoked */
    int64_t revoked_us;
    char by[AUTH_REVOCATION_BY_SIZE]; /* cut to fit, NUL-terminated */
};

/* Whether it was revoked, and by whom. Memory only, a short lock. Any thread. A state of NULL revokes nothing. */
struct auth_revocation_hit auth_revocation_find(struct auth_state *state, const struct auth_revocation_subject *subject,
                                                int64_t now_us);

#endif
