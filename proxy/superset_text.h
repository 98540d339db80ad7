/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SUPERSET_TEXT_H
#define RG_PROXY_SUPERSET_TEXT_H

#include "base/rg_arena.h"

/* What Superset's answers say and what secrets the world knows: pure functions of proxy/superset_check.c. Any thread.
 */

/* ---- pages ---- */

/* The JSON that a page hands to its scripts: the attribute data-bootstrap="...", its character references resolved.
 * Returns: ok; RG_PROTOCOL when there is none, it does not end or holds a reference that Superset does not write;
 * RG_LIMIT when the arena is full. Owns: *out_json lives in arena. */
rg_status superset_bootstrap_parse(struct rg_slice page, struct rg_arena *arena,
                                   struct rg_slice *out_json) RG_MUST_CHECK;

/* ---- versions ---- */

struct superset_version {
    unsigned parts[3];
};
/* "6.1.0", "4.0.2rc1", "7.0.0.dev0": three numbers, then anything. False for anything else. */
bool superset_version_parse(struct rg_slice text, struct superset_version *out_version);

struct superset_hole {
    const char *id;                   /* "CVE-2025-48912" */
    struct superset_version fixed[2]; /* in one line of versions, or two; zero = one */
    const char *what;
};
/* The index-th hole of proxy/superset_holes.def; NULL behind the last. */
const struct superset_hole *superset_hole_find(size_t index);
bool superset_version_has_hole(const struct superset_version *version, const struct superset_hole *hole);

/* ---- known secrets ---- */

/* Keys that Superset's own files and guides have held. */
struct superset_secret {
    const char *text;
    const char *where;
};
/* NULL behind the last. */
const struct superset_secret *superset_session_secret(size_t index); /* SECRET_KEY */
const struct superset_secret *superset_guest_secret(size_t index);   /* GUEST_TOKEN_JWT_SECRET */

/* The known secret that signed a Flask session cookie's value (itsdangerous: HMAC-SHA-1 under a key derived from
 * SECRET_KEY and "cookie-session"); *out_secret is NULL when none of them did. RG_PROTOCOL when the value is no such
 * cookie; RG_INTERNAL without SHA-1. */
rg_status superset_cookie_judge(struct rg_slice value, const struct superset_secret **out_secret) RG_MUST_CHECK;

/* A JWT with HS256: to see whether a secret that is no secret is believed. claims: one JSON object.
 * RG_LIMIT when the arena is full. */
rg_status superset_forge(struct rg_slice secret, struct rg_slice claims, struct rg_arena *arena,
                         struct rg_slice *out_token) RG_MUST_CHECK;

/* ---- where a database goes ---- */

/* host and port (0 = not written) of an SQLAlchemy URL, which holds a mask where its password was. Borrow from url.
 * RG_PROTOCOL when there is no host: sqlite and the like. */
rg_status superset_uri_parse(struct rg_slice url, struct rg_slice *out_host, uint16_t *out_port) RG_MUST_CHECK;
/* HOST, HOST:PORT or [HOST]:PORT, as an option gives it. RG_CONFIG. */
rg_status superset_gate_parse(struct rg_slice text, struct rg_slice *out_host, uint16_t *out_port) RG_MUST_CHECK;

#endif
