/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_GUEST_TOKEN_H
#define RG_AUTH_GUEST_TOKEN_H

#include "auth/mint.h"

/* Guest tokens as browsers hold them: a JWT that the mint signed, aud "rowgate-guest", for the embedded dashboards it
 * names. Its claim "rowgate" is a capsule (auth/capsule.h), which is the proof of who it stands for; the other claims
 * are there for the page's own clock (exp) and are the same as in the capsule. The upstream never sees one: it gets a
 * token of its own (proxy/http/guest_header.h). */

enum {
    AUTH_GUEST_MAX_TOKEN = 16 * 1024, /* bytes: longer ones are refused unread */
    AUTH_GUEST_MAX_RESOURCES = 16,
    AUTH_GUEST_MAX_ID = 64,
};

#define AUTH_GUEST_AUDIENCE "rowgate-guest"

/* Units: seconds since 1970 UTC. All borrowed; of one that was read all texts live in the arena. */
struct auth_guest_token {
    struct rg_slice id; /* jti */
    int64_t issued_s, expires_s;
    size_t resource_count;
    const struct rg_slice *resources; /* dashboards: UUIDs */
    struct rg_slice capsule;
};

/* Signs one. Returns: RG_DENIED without id, resources or capsule, or when it would be over when made; RG_LIMIT for too
 * many resources or when the arena is full; RG_PROTOCOL when a text is no UTF-8. Output untouched then. Any thread. */
rg_status auth_guest_token_make(const struct auth_mint *mint, const struct auth_guest_token *token,
                                struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;

/* Signatures found good lately, so that each is checked once: Ed25519 costs more than all else of a small request.
 * Threads: one. */
struct auth_guest_cache;
struct auth_guest_cache *auth_guest_cache_new(void);
void auth_guest_cache_free(struct auth_guest_cache **cache); /* nulls, accepts NULL */

/* Reads one that auth_guest_token_make signed with the same key: signature, audience, type and time are checked here,
 * the capsule is the caller's to open. cache: may be NULL.
 * Returns: RG_DENIED for everything else, whatever is the matter with it, also when it is over at now_us (the text is
 *          for the record); RG_LIMIT when the arena is full. Output untouched then.
 * Owns:    *out_token points into arena. */
rg_status auth_guest_token_read(const struct auth_mint *mint, struct rg_slice text, int64_t now_us,
                                struct auth_guest_cache *cache, struct rg_arena *arena,
                                struct auth_guest_token *out_token) RG_MUST_CHECK;

#endif
