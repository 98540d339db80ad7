/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_GUEST_HEADER_H
#define RG_PROXY_HTTP_GUEST_HEADER_H

#include "policy/view.h"
#include "proxy/http/guest.h"
#include "proxy/http/identity_header.h"

/* The guest token that the upstream gets, in X-GuestToken: Superset's own claims (superset/security/guest_token.py),
 * signed by our key, made from what holds now and not from what the browser's token said when it was made. The user
 * name and an always-true clause carry tenant and view, so that no cache of Superset's gives one view's rows to
 * another. */

#define HTTP_GUEST_HEADER "x-guesttoken"

enum {
    HTTP_GUEST_TOKEN_MAX = 8000, /* bytes: gunicorn takes header lines of 8190; a capsule that does not fit stays out */
    HTTP_GUEST_NAME_SIZE = POLICY_VIEW_MARKER_SIZE + 1 + 16,
};

/* All borrowed. */
struct http_guest_facts {
    const struct auth_identity *identity; /* verified */
    struct rg_slice tenant;
    const struct policy_view *view;
    struct rg_slice session; /* its public id; empty = a bearer token's */
    struct rg_slice token;   /* id of the browser's */
    size_t resource_count;
    const struct rg_slice *resources;
    struct rg_slice
        capsule; /* for the SQL plane, where the header X-Rowgate-Capsule is lost on the way; may be empty */
};

/* "rg.TENANT.VIEW." and 16 hexadecimal digits of who it is: no name of a person in Superset begins so. */
void http_guest_name(const struct http_guest_facts *facts, char out_name[HTTP_GUEST_NAME_SIZE]);

/* The token. now_us: wall clock. cache: tokens made lately, each used for half its life of a minute, with the capsule
 * it had; NULL = always a new one. Returns: RG_DENIED for nobody, no tenant or no dashboard; RG_LIMIT when it would be
 * longer than HTTP_GUEST_TOKEN_MAX even without the capsule, or when the arena is full; RG_PROTOCOL when a text is no
 * UTF-8. Output untouched then. Owns: *out_token lives in arena. */
rg_status http_guest_token(const struct auth_mint *mint, const struct http_guest_facts *facts, int64_t now_us,
                           struct http_identity_cache *cache, struct rg_arena *arena,
                           struct rg_slice *out_token) RG_MUST_CHECK;

#endif
