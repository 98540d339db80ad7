/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_JWKS_FETCH_PRIVATE_H
#define RG_AUTH_JWKS_FETCH_PRIVATE_H

#include <curl/curl.h>

#include "auth/jwks.h"
#include "base/rg_arena.h"
#include "base/rg_buf.h"

/* One trust's fetch: discovery document, then key set, as transfers of a libcurl multi handle. It never
 * waits; the owner drives the multi handle. One thread. */

enum auth_fetch_stage {
    AUTH_FETCH_IDLE = 0,
    AUTH_FETCH_DISCOVERY,
    AUTH_FETCH_KEYS,
};

struct auth_jwks_fetch {
    /* Set once by the owner; all NUL-terminated behind the slice. */
    struct rg_slice issuer, issuer_template;
    struct rg_slice jwks_uri; /* empty = discover */
    struct rg_slice ca_file;  /* empty = the system's */
    enum auth_fetch_stage stage;
    CURL *easy;
    struct rg_buf body;
    char error[CURL_ERROR_SIZE];
};

/* Starts the first transfer. RG_UPSTREAM when libcurl refuses; idle then. */
rg_status auth_jwks_fetch_start(struct auth_jwks_fetch *fetch, CURLM *multi) RG_MUST_CHECK;
/* Takes the end of the transfer under way. ok with *out_jwks NULL: another transfer has been started. ok with
 * a set: done, idle. Failure: RG_UPSTREAM or what the document was refused with; idle. */
rg_status auth_jwks_fetch_step(struct auth_jwks_fetch *fetch, CURLM *multi, CURLcode result,
                               struct auth_jwks **out_jwks) RG_MUST_CHECK;
/* Ends whatever is under way and frees. */
void auth_jwks_fetch_done(struct auth_jwks_fetch *fetch, CURLM *multi);

/* The jwks_uri of a discovery document (OpenID Connect Discovery 1.0 4.2, 4.3): its issuer must be ours, the
 * URI https. RG_PROTOCOL otherwise. Pure. */
rg_status auth_discovery_parse(struct rg_slice json, struct rg_slice issuer, struct rg_slice template,
                               struct rg_arena *arena, struct rg_slice *out_jwks_uri) RG_MUST_CHECK;
/* true when the issuer of a discovery document is ours; template empty = must be issuer. Pure. */
bool auth_discovery_issuer_is(struct rg_slice theirs, struct rg_slice issuer, struct rg_slice template);

#endif
