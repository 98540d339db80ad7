/* SPDX-License-Identifier: Apache-2.0 */
/* [server], [log]: the sections that are numbers and paths. */
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
