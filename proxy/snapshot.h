/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SNAPSHOT_H
#define RG_PROXY_SNAPSHOT_H

#include "auth/jwks_cache.h"
#include "auth/oidc_provider.h"
#include "base/rg_log.h"
#include "proxy/catalog_reader.h"
#include "proxy/config.h"

/* A configuration with the key cache of its identity providers and the catalogues of its upstreams. Immutable,
 * atomically refcounted; a reload makes a new one and swaps the pointer. */
struct snapshot {
    _Atomic size_t references;
    struct config *config;
    struct auth_jwks_cache *jwks;
    struct auth_oidc_provider **providers; /* one for each of config->idps; NULL = it is not OpenID Connect */
    struct catalog_reader *
        *catalogs; /* of config's upstreams, parallel, NULL = its kind has none; absent before open_catalogs */
    char digest[2 * RG_SHA256_SIZE + 1];
    struct snapshot *older; /* the gateway's list of what was in force before */
};

/* Loads path. Mistakes go to diag; RG_CONFIG then, and *out_snapshot is untouched. Blocks on files. */
rg_status snapshot_load(const char *path, const struct rg_clock *clock, struct auth_jwks_log jwks_log,
                        struct rg_diag *diag, struct snapshot **out_snapshot) RG_MUST_CHECK;
/* A catalogue reader for each upstream: that of running (may be NULL) where the connection did not change, else a new
 * one. RG_INTERNAL when a thread cannot start; snapshot_free cleans up. */
rg_status snapshot_open_catalogs(struct snapshot *snapshot, const struct snapshot *running,
                                 const struct rg_clock *clock, struct catalog_log log) RG_MUST_CHECK;
/* The readers keep to this snapshot's times from now on: when it takes effect. */
void snapshot_set_catalog_times(struct snapshot *snapshot);
/* The reader of the upstream of that name. NULL = there is no such upstream, or its kind has none. */
struct catalog_reader *snapshot_catalog_find(const struct snapshot *snapshot, struct rg_slice upstream);
/* Where people log in at idp (one of the snapshot's, or NULL). NULL = not by OpenID Connect. */
struct auth_oidc_provider *snapshot_provider_find(const struct snapshot *snapshot, const struct config_idp *idp);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
/* Drops one reference. The last one joins the threads of key cache and catalogue readers: must not happen on an event
 * loop, so the gateway keeps one until it has asked every loop to let go. */
void snapshot_free(struct snapshot **snapshot);

#endif
