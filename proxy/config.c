/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot: made by a table of steps, counted, freed. The steps live in the other config_*.c files. */
#include "proxy/config.h"

#include <stdatomic.h>

#include "auth/mint.h"
#include "base/rg_memory.h"
#include "proxy/config_private.h"
#include "proxy/net/tls_client.h"
#include "proxy/net/tls_names.h"

/* What a struct config * points into. */
struct snapshot {
    struct config config;
    atomic_size_t references;
    struct rg_arena arena;
    struct rg_schema_secrets secrets;
    size_t regex_count, regex_capacity;
    regex_t **regexes;
    struct config_raw raw;
};

static struct snapshot *snapshot_of(struct config *config)
{
    return (struct snapshot *)config; /* config is its first member */
}

struct config *config_new(void)
{
    struct snapshot *snapshot = rg_memory_alloc(sizeof *snapshot);
    atomic_init(&snapshot->references, 1);
    rg_arena_init(&snapshot->arena, CONFIG_ARENA_BYTES);
    return &snapshot->config;
}

struct rg_arena *config_arena(struct config *config)
{
    return &snapshot_of(config)->arena;
}

struct rg_schema_secrets *config_secrets(struct config *config)
{
    return &snapshot_of(config)->secrets;
}

const struct config_raw *config_raw_of(const struct config *config)
{
    return &((const struct snapshot *)(const void *)config)->raw;
}

void config_own_regex(struct config *config, regex_t *regex)
{
    struct snapshot *snapshot = snapshot_of(config);
    if (snapshot->regex_count == snapshot->regex_capacity) {
        snapshot->regex_capacity = snapshot->regex_capacity == 0 ? 4 : 2 * snapshot->regex_capacity;
        snapshot->regexes = rg_memory_resize(snapshot->regexes, snapshot->regex_capacity * sizeof(regex_t *));
    }
    snapshot->regexes[snapshot->regex_count++] = regex;
}

struct config *config_ref(struct config *config)
{
    (void)atomic_fetch_add_explicit(&snapshot_of(config)->references, 1, memory_order_relaxed);
    return config;
}

static void release_parts(struct snapshot *snapshot)
{
    struct config *config = &snapshot->config;
    for (size_t i = 0; i < config->tls_count; i++) {
        struct net_tls *server = config->tls[i].server;
        net_tls_release(&server);
    }
    for (size_t i = 0; i < config->upstream_count; i++) {
        struct net_conninfo *conninfo = config->upstreams[i].conninfo;
        const struct config_superset *superset = config->upstreams[i].superset;
        struct net_tls_client *client = superset == NULL ? NULL : superset->tls;
        net_conninfo_release(&conninfo);
        struct auth_mint *identity = superset == NULL ? NULL : superset->identity;
        net_tls_client_release(&client);
        auth_mint_free(&identity);
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_http_listener *http = config->listeners[i].http;
        struct net_tls_names *names = http == NULL ? NULL : http->server;
        net_tls_names_release(&names);
    }
    for (size_t i = 0; i < snapshot->regex_count; i++) {
        regfree(snapshot->regexes[i]);
        rg_memory_free(snapshot->regexes[i]);
    }
    rg_memory_free(snapshot->regexes);
    policy_set_free(&config->policies);
    rg_schema_secrets_done(&snapshot->secrets);
}

void config_free(struct config **config)
{
    struct config *held = *config;
    *config = NULL;
    if (held == NULL || atomic_fetch_sub_explicit(&snapshot_of(held)->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    struct snapshot *snapshot = snapshot_of(held);
    release_parts(snapshot);
    rg_arena_done(&snapshot->arena);
    rg_memory_free(snapshot);
}

struct rg_place config_whole_file(const struct config_draft *draft)
{
    return (struct rg_place){draft->files[0].path.data, 1, 1};
}

rg_status config_draft_load(const char *path, struct config_draft *draft)
{
    static rg_status (*const steps[])(struct config_draft * draft) = {
        config_read_sections, config_make_server,  config_make_limits,   config_make_claims,  config_make_idps,
        config_make_accounts, config_make_network, config_make_admin,    config_make_tenants, config_make_routes,
        config_make_audit,    config_make_state,   config_check_schemas,
    };
    RG_TRY(config_read_files(draft, path));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        RG_TRY(steps[i](draft));
    }
    return RG_OK;
}

static rg_status keep_source(const struct config_draft *draft, const struct policy_source *source)
{
    struct policy_source *kept = NULL;
    RG_TRY(rg_arena_new(draft->arena, &kept));
    *kept = *source;
    draft->config->source = kept;
    snapshot_of(draft->config)->raw = draft->raw;
    return RG_OK;
}

static rg_status load_into(struct config *config, const char *path, struct rg_diag *diag)
{
    struct config_draft draft = {.config = config, .arena = config_arena(config), .diag = diag};
    struct policy_source source = {0};
    draft.context = (struct rg_schema_context){draft.arena, diag, config_secrets(config)};
    RG_TRY(config_draft_load(path, &draft));
    RG_TRY(config_make_policies(&draft, &source));
    RG_TRY(config_make_masks(&draft, &source));
    RG_TRY(config_make_tests(&draft));
    RG_TRY(keep_source(&draft, &source));
    return policy_compile(&source, diag, &config->policies);
}

rg_status config_load(const char *path, struct rg_diag *diag, struct config **out_config)
{
    struct config *config RG_AUTO(config_free) = config_new();
    size_t errors_before = diag->error_count;
    rg_status status = load_into(config, path, diag);
    if (diag->error_count != errors_before) {
        return rg_fail(RG_CONFIG, "%s: %zu errors", path, diag->error_count - errors_before);
    }
    RG_TRY(status);
    *out_config = config;
    config = NULL;
    return RG_OK;
}

const struct config_upstream *config_upstream_find(const struct config *config, struct rg_slice name)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (rg_slice_is_equal(config->upstreams[i].name, name)) {
            return &config->upstreams[i];
        }
    }
    return NULL;
}

enum policy_dialect config_upstream_dialect(const struct config_upstream *upstream)
{
    return upstream != NULL && upstream->kind == CONFIG_UPSTREAM_HYPER ? POLICY_HYPER : POLICY_POSTGRES;
}

const struct config_account *config_account_find(const struct config *config, struct rg_slice name)
{
    for (size_t i = 0; i < config->account_count; i++) {
        if (rg_slice_is_equal(config->accounts[i].name, name)) {
            return &config->accounts[i];
        }
    }
    return NULL;
}

bool config_is_break_glass(const struct config *config, struct rg_slice user, struct rg_slice tenant)
{
    for (size_t i = 0; i < config->audit.break_glass_count; i++) {
        const struct config_break_glass *entry = &config->audit.break_glass[i];
        if (rg_slice_is_equal(entry->user, user) && rg_slice_is_equal(entry->tenant, tenant)) {
            return true;
        }
    }
    return false;
}
