/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor needs of the configuration: read once, the rest is left to the gateway. Mistakes are told here,
 * so that they are told once; warnings are the gateway's to tell. */
#include <stdio.h>

#include "base/rg_memory.h"
#include "proxy/supervisor_private.h"

enum { KEPT_BYTES = 1 << 20, DIAG_BYTES = 1 << 20 };

static rg_status load(struct supervisor *supervisor, struct config **out_config)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, DIAG_BYTES);
    struct rg_diag diag;
    rg_diag_init(&diag, &arena);
    rg_status status = config_load(supervisor->path, &diag, out_config);
    if (rg_is_ok(status)) {
        return status;
    }
    char text[sizeof status.error->text];
    (void)snprintf(text, sizeof text, "%s", status.error->text);
    config_log_findings(supervisor->log, supervisor->path, &diag);
    return rg_fail(RG_CONFIG, "%s", text);
}

static rg_status keep_text(struct supervisor *supervisor, struct rg_slice *text)
{
    return rg_arena_copy(&supervisor->arena, *text, text);
}

static rg_status keep_options(struct supervisor *supervisor, const struct config_audit *audit)
{
    struct auditor_options *options = &supervisor->options.options;
    supervisor->options.type = AUDIT_CONTROL_OPTIONS;
    *options = (struct auditor_options){
        .directory = audit->directory,
        .origin = audit->origin,
        .segment_bytes = audit->segment_bytes,
        .reserve_bytes = audit->reserve_bytes,
        .low_space_bytes = audit->low_space_bytes,
        .durability = audit->durability == CONFIG_AUDIT_WRITTEN ? AUDIT_WRITTEN : AUDIT_SYNCED,
    };
    RG_TRY(keep_text(supervisor, &options->directory));
    return keep_text(supervisor, &options->origin);
}

static void add_argument(struct supervisor *supervisor, const char *option, const char *value)
{
    supervisor->gateway_arguments[supervisor->gateway_argument_count++] = option;
    supervisor->gateway_arguments[supervisor->gateway_argument_count++] = value;
}

static rg_status open_listener(struct supervisor *supervisor, const struct config_listener *row, size_t at)
{
    struct rg_slice argument;
    RG_TRY(net_listener_bind(row->address, &supervisor->listeners[at]));
    supervisor->listener_count++;
    int fd = net_listener_fd(supervisor->listeners[at]);
    supervisor->listener_fds[at] = fd;
    RG_TRY(rg_arena_printf(&supervisor->arena, &argument, "%d=%.*s", fd, (int)row->address.size, row->address.data));
    add_argument(supervisor, "--listen", argument.data);
    return RG_OK;
}

static rg_status open_listeners(struct supervisor *supervisor, const struct config *config)
{
    supervisor->listeners = rg_memory_array(config->listener_count, sizeof(struct net_listener *));
    supervisor->listener_fds = rg_memory_array(config->listener_count, sizeof(int));
    supervisor->gateway_arguments = rg_memory_array(6 + 2 * config->listener_count, sizeof(char *));
    add_argument(supervisor, "-c", supervisor->path);
    add_argument(supervisor, "--audit-directory", supervisor->options.options.directory.data);
    add_argument(supervisor, "--log-file",
                 supervisor->log_config.file.size == 0 ? "" : supervisor->log_config.file.data);
    for (size_t i = 0; i < config->listener_count; i++) {
        RG_TRY(open_listener(supervisor, &config->listeners[i], i));
    }
    return RG_OK;
}

static rg_status keep(struct supervisor *supervisor, const struct config *config)
{
    supervisor->server = config->server;
    supervisor->log_config = config->log;
    RG_TRY(keep_text(supervisor, &supervisor->server.pid_file));
    RG_TRY(keep_text(supervisor, &supervisor->log_config.file));
    RG_TRY(keep_options(supervisor, &config->audit));
    return open_listeners(supervisor, config);
}

rg_status supervisor_set_up(struct supervisor *supervisor)
{
    struct config *config = NULL;
    rg_arena_init(&supervisor->arena, KEPT_BYTES);
    RG_TRY(load(supervisor, &config));
    rg_status status = keep(supervisor, config);
    config_free(&config); /* with its secrets; writes nothing that could replace the status's text */
    RG_TRY(status);
    return config_log_apply(&supervisor->log_config, supervisor->log);
}

void supervisor_done(struct supervisor *supervisor)
{
    child_close_control(&supervisor->auditor);
    child_close_control(&supervisor->gateway);
    for (size_t i = 0; i < supervisor->listener_count; i++) {
        net_listener_close(&supervisor->listeners[i]);
    }
    rg_memory_free(supervisor->listeners);
    rg_memory_free(supervisor->listener_fds);
    rg_memory_free(supervisor->gateway_arguments);
    rg_arena_done(&supervisor->arena);
    rg_log_close(&supervisor->log);
}
