/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_IDENTITY_HEADER_H
#define RG_PROXY_HTTP_IDENTITY_HEADER_H

#include "auth/identity.h"
#include "auth/mint.h"
#include "base/rg_crypto.h"

/* Who calls, for the upstream: a signed token of a minute in a header that no client can set (proxy/http/strip.h) and
 * that deploy/superset_config.py checks. */

#define HTTP_IDENTITY_HEADER "x-rowgate-identity"

enum { HTTP_IDENTITY_SECONDS = 60, HTTP_IDENTITY_CACHE_ROWS = 256, HTTP_IDENTITY_ROLES_MAX = 64 };

/* All borrowed. */
struct http_identity_facts {
    const struct auth_identity *identity; /* verified */
    struct rg_slice tenant;
    struct rg_slice view;    /* the view key (policy/view.h) */
    struct rg_slice session; /* its public id; empty = a bearer token's */
    size_t role_count;
    const struct rg_slice *roles;
};

/* The name under which the upstream keeps this person: "rg-" and 40 hexadecimal digits, a digest of tenant, issuer (or
 * account) and subject, so that nobody can choose another's and no name of the upstream's own is one of ours. */
enum { HTTP_IDENTITY_NAME_SIZE = 44 };
void http_identity_name(const struct auth_identity *identity, struct rg_slice tenant,
                        char out_name[HTTP_IDENTITY_NAME_SIZE]);

/* Tokens made lately, each used for at most half its life: signing costs more than all else of a small request.
 * Threads: one. */
struct http_identity_cache;
struct http_identity_cache *http_identity_cache_new(void);
void http_identity_cache_free(struct http_identity_cache **cache); /* nulls, accepts NULL */
/* A token kept under this digest of all that it says but its times; borrowed until the next call. A cache of NULL keeps
 * nothing. Also of guests (guest_header.c). */
bool http_identity_cache_find(const struct http_identity_cache *cache, const struct rg_digest *key, int64_t now_us,
                              struct rg_slice *out_token);
/* For half of HTTP_IDENTITY_SECONDS from now. */
void http_identity_cache_keep(struct http_identity_cache *cache, const struct rg_digest *key, int64_t now_us,
                              struct rg_slice token);

/* The header's value: a JWT with iss "rowgate", aud "superset", sub (the name above), name, tenant, view, roles,
 * session, iat, exp. now_us: wall clock. cache NULL = always a new one. Returns: RG_DENIED for an unverified identity
 * or without tenant or view; RG_LIMIT for more than HTTP_IDENTITY_ROLES_MAX roles or when the arena is full;
 * RG_PROTOCOL when a text is no UTF-8. Owns: *out_token lives in arena. */
rg_status http_identity_token(const struct auth_mint *mint, const struct http_identity_facts *facts, int64_t now_us,
                              struct http_identity_cache *cache, struct rg_arena *arena,
                              struct rg_slice *out_token) RG_MUST_CHECK;

#endif
