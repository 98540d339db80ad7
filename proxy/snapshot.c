/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the running things of a configuration: TLS settings, connection strings, key cache. */
#include "proxy/snapshot.h"

#include <stdatomic.h>

#include "base/rg_memory.h"

static rg_status make_tls(struct snapshot *snapshot, struct rg_diag *diag)
{
    const struct config *config = snapshot->config;
    snapshot->tls = rg_memory_array(config->listener_count, sizeof(struct net_tls *));
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_tls *tls = config->listeners[i].tls;
        enum net_tls_version version = tls->min_version == CONFIG_TLS_1_3 ? NET_TLS_1_3 : NET_TLS_1_2;
        rg_status status = net_tls_server_new(tls->certificate, tls->private_key, version, &snapshot->tls[i]);
        if (!rg_is_ok(status)) {
            rg_diag_error(diag, tls->place, "%s", status.error->text);
        }
    }
    return diag->error_count > 0 ? rg_fail(RG_CONFIG, "TLS settings are not usable") : RG_OK;
}

static rg_status make_conninfos(struct snapshot *snapshot, struct rg_diag *diag)
{
    const struct config *config = snapshot->config;
    snapshot->conninfos = rg_memory_array(config->upstream_count, sizeof(struct net_conninfo *));
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *upstream = &config->upstreams[i];
        bool pins_settings = upstream->kind == CONFIG_UPSTREAM_POSTGRES;
        rg_status status =
            net_conninfo_parse(upstream->dsn, upstream->password, pins_settings, &snapshot->conninfos[i]);
        if (!rg_is_ok(status)) {
            rg_diag_error(diag, upstream->place, "%s", status.error->text);
        }
    }
    return diag->error_count > 0 ? rg_fail(RG_CONFIG, "an upstream's connection string is not usable") : RG_OK;
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
    rg_status status = make_tls(snapshot, diag);
    if (rg_is_ok(status)) {
        status = make_conninfos(snapshot, diag);
    }
    if (rg_is_ok(status)) {
        status = auth_jwks_cache_new(config->trusts, config->trust_count, clock, jwks_log, &snapshot->jwks);
    }
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
    for (size_t i = 0; snapshot->tls != NULL && i < snapshot->config->listener_count; i++) {
        net_tls_release(&snapshot->tls[i]);
    }
    for (size_t i = 0; snapshot->conninfos != NULL && i < snapshot->config->upstream_count; i++) {
        net_conninfo_release(&snapshot->conninfos[i]);
    }
    rg_memory_free(snapshot->tls);
    rg_memory_free(snapshot->conninfos);
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

size_t snapshot_upstream(const struct snapshot *snapshot, const struct tenant_route *route)
{
    const struct config *config = snapshot->config;
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (rg_slice_is_equal(config->upstreams[i].name, route->upstream)) {
            return i;
        }
    }
    RG_ASSERT(!"a route's upstream is checked when the configuration is loaded");
    return 0;
}
