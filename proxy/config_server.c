/* SPDX-License-Identifier: Apache-2.0 */
/* [server], [log], [limits]: the sections that are numbers and paths. */
#include <unistd.h>

#include "proxy/config_private.h"

enum { CONFIG_MAX_NETWORKS = 256 }; /* each request walks over them */

static unsigned core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1U : (unsigned)cores;
}

static rg_status make_trusted_proxies(struct config_draft *draft, const struct rg_schema_list *list)
{
    struct http_network *networks = NULL;
    if (list->count > CONFIG_MAX_NETWORKS) {
        config_error(draft, list->place, "at most %d blocks", (int)CONFIG_MAX_NETWORKS);
        return RG_OK;
    }
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *networks, (void **)&networks));
    for (size_t i = 0; i < list->count; i++) {
        rg_status status = http_network_parse(list->items[i].text, &networks[i]);
        if (!rg_is_ok(status)) {
            config_error(draft, list->items[i].place, "%s", status.error->text);
        }
    }
    draft->config->server.trusted_proxies = (struct http_networks){list->count, networks};
    return RG_OK;
}

rg_status config_make_server(struct config_draft *draft)
{
    const struct config_raw_server *server = &draft->raw.server;
    const struct config_raw_log *log = &draft->raw.log;
    draft->config->server = (struct config_server){
        .workers = server->workers.is_given ? (unsigned)server->workers.value : core_count(),
        .pid_file = server->pid_file.text,
        .drain_timeout_us = server->drain_timeout.value,
        .strict_reload = server->strict_reload.value != 0,
    };
    draft->config->log = (struct config_log){
        .level = (enum config_log_level)log->level.word,
        .file = log->file.text,
    };
    return make_trusted_proxies(draft, &server->trusted_proxies);
}

static struct config_limits limits_of(const struct config_raw_limits *raw)
{
    return (struct config_limits){
        .name = raw->head.name,
        .max_rows = (uint64_t)raw->rows.value,
        .max_bytes = (uint64_t)raw->bytes.value,
        .max_connections = (uint64_t)raw->concurrency.value,
        .statement_timeout_us = raw->statement_timeout.value,
        .idle_timeout_us = raw->idle_timeout.value,
        .login_timeout_us = raw->login_timeout.value,
        .requests_per_minute = (uint32_t)raw->requests_per_minute.value,
    };
}

/* The built-in limits: what [limits.default] would be if it were empty. */
static rg_status built_in_limits(struct config_draft *draft, struct config_limits *out_limits)
{
    struct config_raw_limits raw = {.head = {.name = RG_SLICE("default")}};
    for (size_t i = 0; i < config_section_count; i++) {
        if (strcmp(config_sections[i].name, "limits") == 0) {
            RG_TRY(rg_schema_defaults(&draft->context, config_sections[i].schema, &raw));
        }
    }
    *out_limits = limits_of(&raw);
    return RG_OK;
}

rg_status config_make_limits(struct config_draft *draft)
{
    struct config_records *records = &draft->raw.limits;
    const struct config_raw_limits *raws = records->items;
    struct config_limits *limits = NULL;
    RG_TRY(config_check_unique(draft, records, sizeof *raws, "limits"));
    RG_TRY(rg_arena_array(draft->arena, records->count + 1, sizeof *limits, (void **)&limits));
    for (size_t i = 0; i < records->count; i++) {
        limits[i] = limits_of(&raws[i]);
    }
    size_t count = records->count;
    size_t at = config_record_find(records, sizeof *raws, RG_SLICE("default"));
    if (at == records->count) {
        RG_TRY(built_in_limits(draft, &limits[count++]));
    }
    draft->config->limits = limits;
    draft->config->limits_count = count;
    draft->config->default_limits = &limits[at];
    return RG_OK;
}
