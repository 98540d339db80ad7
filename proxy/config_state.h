/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_STATE_H
#define RG_PROXY_CONFIG_STATE_H

#include "base/rg_secret.h"
#include "base/rg_slice.h"

/* [state] and [sessions]: where what outlives a restart is kept (auth/state.h), and how long a browser stays logged in.
 * Part of struct config; slices are NUL-terminated behind their end. */

struct config_state {
    bool is_given;
    struct rg_slice url;       /* "sqlite:/path" or "postgres://..." */
    struct rg_slice directory; /* of the SQLite file, and of the socket of `rowgate session`; empty = no socket */
    const struct rg_secret *password; /* PostgreSQL's; NULL = none */
    const struct rg_secret *key;      /* NULL = the file beside the database */
};

struct config_sessions {
    struct rg_slice cookie; /* "__Host-" and the configured name */
    int64_t idle_timeout_us;
    int64_t absolute_timeout_us;
    bool is_embedded; /* in other sites' frames: SameSite=None and Partitioned */
};

#endif
