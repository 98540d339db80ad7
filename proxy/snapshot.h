/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SNAPSHOT_H
#define RG_PROXY_SNAPSHOT_H

#include "auth/jwks_cache.h"
#include "base/rg_log.h"
#include "proxy/config.h"

/* A configuration with the key cache of its identity providers. Immutable, atomically refcounted; a reload makes a new
 * one and swaps the pointer. */
struct snapshot {
    _Atomic size_t references;
    struct config *config;
    struct auth_jwks_cache *jwks;
    char digest[2 * RG_SHA256_SIZE + 1];
    struct snapshot *older; /* the gateway's list of what was in force before */
};

/* Loads path. Mistakes go to diag; RG_CONFIG then, and *out_snapshot is untouched. Blocks on files. */
rg_status snapshot_load(const char *path, const struct rg_clock *clock, struct auth_jwks_log jwks_log,
                        struct rg_diag *diag, struct snapshot **out_snapshot) RG_MUST_CHECK;
struct snapshot *snapshot_ref(struct snapshot *snapshot);
/* Drops one reference. The last one joins the key cache's thread: must not happen on an event loop, so the
 * gateway keeps one until it has asked every loop to let go. */
void snapshot_free(struct snapshot **snapshot);

#endif
