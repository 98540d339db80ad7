/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration, the key cache that serves its identity providers, and the readers of its upstreams' catalogues. */
#include "proxy/snapshot.h"

#include <stdatomic.h>

#include "base/rg_memory.h"

static void open_providers(struct snapshot *snapshot, const struct rg_clock *clock)
{
    const struct config *config = snapshot->config;
    snapshot->providers = rg_memory_array(config->idp_count + 1, sizeof(struct auth_oidc_provider *));
    for (size_t i = 0; i < config->idp_count; i++) {
        const struct config_idp *idp = &config->idps[i];
        bool has_trust = idp->trust != CONFIG_IDP_NO_TRUST;
        if (idp->oidc != NULL || has_trust) {
            auth_oidc_provider_new(
                &(struct auth_oidc_provider_options){.client = idp->oidc,
                                                     .trust = has_trust ? &config->trusts[idp->trust] : NULL,
                                                     .jwks = snapshot->jwks,
                                                     .clock = clock,
                                                     .trust_index = idp->trust},
                &snapshot->providers[i]);
        }
    }
}

struct auth_oidc_provider *snapshot_provider_find(const struct snapshot *snapshot, const struct config_idp *idp)
{
    return idp == NULL ? NULL : snapshot->providers[idp - snapshot->config->idps];
}

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
    open_providers(snapshot, clock);
    *out_snapshot = snapshot;
    return RG_OK;
}

/* Which kinds of upstream have a catalogue that policy_relations_query reads. */
static bool has_catalog(const struct config_upstream *upstream)
{
    switch (upstream->kind) {
    case CONFIG_UPSTREAM_PGBOUNCER:
    case CONFIG_UPSTREAM_POSTGRES:
        return true;
    case CONFIG_UPSTREAM_HYPER:
    case CONFIG_UPSTREAM_SUPERSET:
        return false;
    }
    return false;
}

static struct catalog_source source_of(const struct config_upstream *upstream)
{
    return (struct catalog_source){
        .upstream = upstream->name,
        .conninfo = upstream->conninfo,
        .connect_timeout_us = upstream->connect_timeout_us,
        .refresh_us = upstream->catalog_refresh_us,
    };
}

static struct catalog_reader *find_running(const struct snapshot *running, const struct catalog_source *source)
{
    struct catalog_reader *reader = running == NULL ? NULL : snapshot_catalog_find(running, source->upstream);
    return reader != NULL && catalog_reader_is_for(reader, source) ? catalog_reader_ref(reader) : NULL;
}

/* A dsn that says what it said is the same one: what was opened by it goes on, so that a reload does not make a loop
 * log in to the database anew for each connection of its pool. */
static void keep_conninfos(struct snapshot *snapshot, const struct snapshot *running)
{
    for (size_t i = 0; running != NULL && i < snapshot->config->upstream_count; i++) {
        struct config_upstream *upstream = &snapshot->config->upstreams[i];
        const struct config_upstream *before = config_upstream_find(running->config, upstream->name);
        if (before != NULL && before->conninfo != NULL && upstream->conninfo != NULL &&
            before->kind == upstream->kind && net_conninfo_is_equal(before->conninfo, upstream->conninfo)) {
            net_conninfo_release(&upstream->conninfo);
            upstream->conninfo = net_conninfo_ref(before->conninfo);
        }
    }
}

rg_status snapshot_open_catalogs(struct snapshot *snapshot, const struct snapshot *running,
                                 const struct rg_clock *clock, struct catalog_log log)
{
    const struct config *config = snapshot->config;
    keep_conninfos(snapshot, running);
    snapshot->catalogs = rg_memory_array(config->upstream_count + 1, sizeof(struct catalog_reader *));
    for (size_t i = 0; i < config->upstream_count; i++) {
        struct catalog_source source = source_of(&config->upstreams[i]);
        bool is_wanted = has_catalog(&config->upstreams[i]);
        snapshot->catalogs[i] = is_wanted ? find_running(running, &source) : NULL;
        if (is_wanted && snapshot->catalogs[i] == NULL) {
            RG_TRY(catalog_reader_new(&source, clock, log, &snapshot->catalogs[i]));
        }
    }
    return RG_OK;
}

void snapshot_set_catalog_times(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->config->upstream_count; i++) {
        struct catalog_source source = source_of(&snapshot->config->upstreams[i]);
        if (snapshot->catalogs[i] != NULL) {
            catalog_reader_set_times(snapshot->catalogs[i], &source);
        }
    }
}

struct catalog_reader *snapshot_catalog_find(const struct snapshot *snapshot, struct rg_slice upstream)
{
    const struct config_upstream *found = config_upstream_find(snapshot->config, upstream);
    return found == NULL ? NULL : snapshot->catalogs[found - snapshot->config->upstreams];
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    snapshot->references++;
    return snapshot;
}

static void free_parts(struct snapshot *snapshot)
{
    for (size_t i = 0; snapshot->providers != NULL && i < snapshot->config->idp_count; i++) {
        auth_oidc_provider_free(&snapshot->providers[i]);
    }
    rg_memory_free(snapshot->providers);
    auth_jwks_cache_free(&snapshot->jwks);
    for (size_t i = 0; snapshot->catalogs != NULL && i < snapshot->config->upstream_count; i++) {
        catalog_reader_free(&snapshot->catalogs[i]);
    }
    rg_memory_free(snapshot->catalogs);
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
