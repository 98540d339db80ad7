/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor needs of the configuration: read once, the rest is left to the gateway. Mistakes are told here,
 * so that they are told once; warnings are the gateway's to tell. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/rg_memory.h"
#include "proxy/exporter_tasks.h"
#include "proxy/retention.h"
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
        .subjects = audit->life.personal.is_encrypted ? audit->life.personal.keys : (struct rg_slice){0},
        .seals_personal = audit->life.personal.is_encrypted ? 1 : 0,
        .subject_backups_s = (uint64_t)audit->life.personal.backups_us / 1000000,
        .unverified_s = (uint64_t)audit->life.personal.unverified_us / 1000000,
    };
    RG_TRY(keep_text(supervisor, &options->subjects));
    RG_TRY(keep_text(supervisor, &options->directory));
    RG_TRY(retention_text(&audit->life, &supervisor->arena, &options->retention));
    return keep_text(supervisor, &options->origin);
}

void supervisor_add_argument(struct supervisor *supervisor, const char *option, const char *value)
{
    supervisor->gateway_arguments[supervisor->gateway_argument_count++] = option;
    supervisor->gateway_arguments[supervisor->gateway_argument_count++] = value;
}

static rg_status open_listener(struct supervisor *supervisor, struct rg_slice address, const char *option)
{
    size_t at = supervisor->listener_count;
    struct rg_slice argument;
    RG_TRY(net_listener_bind(address, &supervisor->listeners[at]));
    supervisor->listener_count++;
    supervisor->kept_count++;
    int fd = net_listener_fd(supervisor->listeners[at]);
    supervisor->listener_fds[at] = fd;
    RG_TRY(rg_arena_printf(&supervisor->arena, &argument, "%d=%.*s", fd, (int)address.size, address.data));
    supervisor_add_argument(supervisor, option, argument.data);
    return RG_OK;
}

/* The gateway's fence needs it to be there. Its parent's owner decides where; the rest is the gateway's to refuse. */
static rg_status make_state_directory(struct supervisor *supervisor, struct rg_slice directory)
{
    struct rg_slice kept = {0};
    RG_TRY(rg_arena_copy(&supervisor->arena, directory, &kept));
    if (mkdir(kept.data, 0700) != 0 && errno != EEXIST) {
        return rg_fail(RG_CONFIG, "cannot make the directory of [state], \"%.*s\": %s", rg_slice_shown(kept), kept.data,
                       strerror(errno));
    }
    supervisor_add_argument(supervisor, "--state-directory", kept.data);
    return RG_OK;
}

static rg_status open_listeners(struct supervisor *supervisor, const struct config *config)
{
    size_t count = config->listener_count + 2; /* and those of [admin] */
    supervisor->listeners = rg_memory_array(count, sizeof(struct net_listener *));
    supervisor->listener_fds = rg_memory_array(count, sizeof(int));
    supervisor->gateway_arguments = rg_memory_array(10 + 2 * count, sizeof(char *));
    supervisor_add_argument(supervisor, "-c", supervisor->path);
    supervisor_add_argument(supervisor, "--audit-directory", supervisor->options.options.directory.data);
    supervisor_add_argument(supervisor, "--log-file",
                            supervisor->log_config.file.size == 0 ? "" : supervisor->log_config.file.data);
    if (config->state.directory.size > 0) {
        RG_TRY(make_state_directory(supervisor, config->state.directory));
    }
    if (supervisor->options.options.seals_personal != 0) { /* like the auditor, whatever a reload says */
        supervisor_add_argument(supervisor, "--seal-personal", supervisor->options.options.origin.data);
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        RG_TRY(open_listener(supervisor, config->listeners[i].address, "--listen"));
    }
    if (config->admin.metrics.size > 0) {
        RG_TRY(open_listener(supervisor, config->admin.metrics, "--admin"));
    }
    return config->admin.console.size == 0 ? RG_OK : supervisor_open_console(supervisor, config->admin.console);
}

static void keep_exporter(struct supervisor *supervisor, const struct config *config)
{
    const char *const arguments[] = {"-c",
                                     supervisor->path,
                                     "--audit-directory",
                                     supervisor->options.options.directory.data,
                                     "--log-file",
                                     supervisor->log_config.file.size == 0 ? "" : supervisor->log_config.file.data};
    _Static_assert(sizeof arguments == sizeof supervisor->exporter_arguments, "one each");
    memcpy(supervisor->exporter_arguments, arguments, sizeof arguments);
    supervisor->wants_exporter = config_audit_is_exported(&config->audit.life);
}

rg_status supervisor_look_exports(const struct supervisor *supervisor, bool *out_is_exported)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct config *config RG_AUTO(config_free) = NULL;
    struct rg_diag diag;
    struct export_task *tasks = NULL;
    size_t count = 0;
    rg_arena_init(&arena, DIAG_BYTES);
    rg_diag_init(&diag, &arena); /* its findings are the gateway's to tell */
    RG_TRY(config_load(supervisor->path, &diag, &config));
    RG_TRY(exporter_tasks_make(config, &arena, &tasks, &count));
    exporter_tasks_free(tasks, count);
    *out_is_exported = config_audit_is_exported(&config->audit.life);
    return RG_OK;
}

static rg_status keep(struct supervisor *supervisor, const struct config *config)
{
    supervisor->server = config->server;
    supervisor->log_config = config->log;
    RG_TRY(keep_text(supervisor, &supervisor->server.pid_file));
    RG_TRY(keep_text(supervisor, &supervisor->log_config.file));
    RG_TRY(keep_options(supervisor, &config->audit));
    keep_exporter(supervisor, config);
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
    child_close_control(&supervisor->exporter);
    supervisor_close_console(supervisor);
    for (size_t i = 0; i < supervisor->listener_count; i++) {
        net_listener_close(&supervisor->listeners[i]);
    }
    rg_memory_free(supervisor->listeners);
    rg_memory_free(supervisor->listener_fds);
    rg_memory_free(supervisor->gateway_arguments);
    rg_arena_done(&supervisor->arena);
    rg_log_close(&supervisor->log);
}
