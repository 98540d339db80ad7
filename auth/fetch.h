/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_FETCH_H
#define RG_AUTH_FETCH_H

#include "base/rg_arena.h"

/* One request to an identity provider, made by libcurl while the caller waits: for offload threads, never on an event
 * loop. https only, the configured authority only, no redirects, 5 s to connect, 10 s in all, everything bounded. */

enum { AUTH_FETCH_MAX_BYTES = 256 * 1024 };

/* Slices are borrowed; url and ca_file NUL-terminated behind. */
struct auth_fetch {
    const char *what; /* for error texts: "token endpoint" */
    struct rg_slice url;
    struct rg_slice ca_file; /* empty = the system's authorities */
    struct rg_slice form;    /* POST with this body of auth/form.h; NULL data = GET */
    struct rg_slice user;    /* HTTP Basic by RFC 6749 2.3.1; empty = none */
    struct rg_slice password;
    struct rg_slice bearer; /* RFC 6750 2.1; empty = none */
};

struct auth_fetch_answer {
    long status;
    struct rg_slice body; /* in the arena */
};

/* Sends it and waits for the whole answer, whatever its status.
 * Returns: ok; RG_UPSTREAM when there is no answer, it is too large or the provider is not who the authority says it
 *          is; RG_LIMIT when the arena is full. The text names what and never what was sent. Output untouched then.
 * Threads: any that may wait. */
rg_status auth_fetch(const struct auth_fetch *request, struct rg_arena *arena,
                     struct auth_fetch_answer *out_answer) RG_MUST_CHECK;

#endif
