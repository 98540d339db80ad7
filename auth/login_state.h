/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_LOGIN_STATE_H
#define RG_AUTH_LOGIN_STATE_H

#include "auth/cookie.h"
#include "auth/identity.h"
#include "auth/state.h"

/* Logins under way: what was sent to the provider, until the browser comes back with the answer. Each one has an id
 * (the state of OAuth, the RelayState of SAML) and is bound to the browser by a cookie of its own, so that nobody can
 * finish in one browser what was begun in another (RFC 6749 10.12). In the store: a restart, or the next node, knows
 * them. */

enum {
    AUTH_LOGIN_MAX = 16 * 1024,       /* under way in all; then the oldest of the busiest address goes */
    AUTH_LOGIN_MAX_PER_ADDRESS = 512, /* of an IPv4 address or an IPv6 /64; then its oldest goes */
    AUTH_LOGIN_TEXT_MAX = 4096,       /* bytes of a text below */
};

#define AUTH_LOGIN_LIFETIME_US (INT64_C(10) * 60 * 1000 * 1000)

struct auth_login {
    enum auth_kind kind;
    struct rg_slice idp;        /* the [idp.NAME] that was asked: the answer must come from the same (mix-up) */
    struct rg_slice nonce;      /* OIDC */
    struct rg_slice verifier;   /* PKCE (RFC 7636) */
    struct rg_slice return_to;  /* a path of our own, checked by the caller */
    struct rg_slice request_id; /* SAML: the AuthnRequest's ID, for InResponseTo */
    struct rg_slice listener;   /* on which it began */
};

/* Keeps one.
 * Inputs:  address, the client's, as text without port; browser, the value of its login cookie or empty: kept when it
 *          already has a login under way (several tabs), else a new one is made.
 * Returns: ok; out_id for the provider, out_browser for the cookie (set it always, Max-Age 10 minutes, SameSite=None);
 *          RG_DENIED without kind or idp; RG_LIMIT for long texts; RG_STORAGE, RG_UPSTREAM. Outputs untouched then.
 *          Blocks. */
rg_status auth_login_put(struct auth_state *state, const struct auth_login *login, struct rg_slice address,
                         struct rg_slice browser, int64_t now_us, char out_id[AUTH_COOKIE_VALUE_SIZE],
                         char out_browser[AUTH_COOKIE_VALUE_SIZE]) RG_MUST_CHECK;

/* Takes it, once only: also when the browser is the wrong one, it is gone afterwards.
 * Returns: ok; RG_DENIED when it is unknown, used, expired or another browser's (the text says the login took too long
 *          or was begun in another browser, not which); RG_LIMIT when the arena is full; RG_STORAGE, RG_UPSTREAM.
 *          Output untouched then. Blocks.
 * Owns:    texts in arena. */
rg_status auth_login_take(struct auth_state *state, struct rg_slice id, struct rg_slice browser, int64_t now_us,
                          struct rg_arena *arena, struct auth_login *out_login) RG_MUST_CHECK;

#endif
