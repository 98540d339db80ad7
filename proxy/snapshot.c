/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration and the key cache that serves its identity providers. */
#include "proxy/snapshot.h"

#include <stdatomic.h>

#include "base/rg_memory.h"

rg_status snapshot_load(const char *path, const struct rg_clock *clock, struct auth_jwks_log jwks_log,
                        struct rg_diag *diag, struct snapshot **out_snapshot)
{
    struct config *config = NULL;
    RG_TRY(config_load(path, diag, &config));
    struct snapshot *snapshot = rg_memory_alloc(sizeof *snapshot);
    snapshot->references = 1;
    snapshot->config = config;
    rg_digest_hex(&config->digest, snapshot->digest);
    rg_status status = auth_jwks_cache_new(config->trusts, config->trust_count, clock, jwks_log, &snapshot->jwks);
    if (!rg_is_ok(status)) {
        snapshot_free(&snapshot);
        return status;
    }
    *out_snapshot = snapshot;
    return RG_OK;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    snapshot->references++;
    return snapshot;
}

static void free_parts(struct snapshot *snapshot)
{
    auth_jwks_cache_free(&snapshot->jwks);
    config_free(&snapshot->config);
    rg_memory_free(snapshot);
}

void snapshot_free(struct snapshot **snapshot)
{
    if (*snapshot != NULL && atomic_fetch_sub(&(*snapshot)->references, 1) == 1) {
        free_parts(*snapshot);
    }
    *snapshot = NULL;
}
