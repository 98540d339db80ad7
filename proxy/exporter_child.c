/* SPDX-License-Identifier: Apache-2.0 */
/* The exporter's process: reads the configuration, gives up what it does not need (the gateway's secrets, most of the
 * machine), runs the tasks, and listens to the supervisor on its main thread. */
#include "proxy/exporter_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/control.h"
#include "audit/export/runner.h"
#include "base/rg_memory.h"
#include "proxy/exporter_peers.h"
#include "proxy/exporter_tasks.h"
#include "proxy/fence_exporter.h"
#include "proxy/gateway.h"
#include "proxy/net/tls.h"

enum {
    ARENA_BYTES = 16 << 20,
    DIAG_BYTES = 1 << 20,
    LOOK_MS = 2000,
    LAST_TURN_US = 1500000,
    END_US = 2000000,
};

struct exporter {
    const struct exporter_child *child;
    struct rg_log *log;
    struct rg_arena arena;
    struct fence_exporter fence;
    unsigned stamp;
    int64_t alert_us;
    bool has_bucket;
    struct export_task *tasks;
    size_t task_count;
    struct export_runner *runner;
    struct rg_slice listen; /* where peers ask; empty = nowhere */
    struct net_tls *tls;
    struct exporter_peers *peers;
    bool has_said_deaf; /* that it cannot listen */
    char packet[AUDIT_CONTROL_MAX];
    bool is_over;
    int exit_code;
};

/* ---- from the configuration ---- */

static rg_status add_place(struct exporter *exporter, const char **list, size_t *count, struct rg_slice path)
{
    struct rg_slice copy = {0};
    if (path.size == 0 || *count == FENCE_PLACES_MAX) {
        return RG_OK;
    }
    RG_TRY(rg_arena_copy(&exporter->arena, path, &copy));
    list[(*count)++] = copy.data;
    return RG_OK;
}

static rg_status add_reads(struct exporter *exporter, const struct config_audit_life *life, const char **list,
                           size_t *count)
{
    RG_TRY(add_place(exporter, list, count, life->s3.ca_file));
    RG_TRY(add_place(exporter, list, count, life->s3.credentials_path));
    for (size_t i = 0; i < life->sink_count; i++) {
        RG_TRY(add_place(exporter, list, count, life->sinks[i].ca_file));
    }
    for (size_t i = 0; i < life->witness_count; i++) {
        RG_TRY(add_place(exporter, list, count, life->witnesses[i].ca_file));
    }
    for (size_t i = 0; i < life->cluster.peer_count; i++) {
        RG_TRY(add_place(exporter, list, count, life->cluster.peers[i].ca_file));
    }
    return RG_OK;
}

static rg_status plan_fence(struct exporter *exporter, const struct config_audit_life *life)
{
    const char **reads = NULL;
    const char **writes = NULL;
    struct fence_exporter *fence = &exporter->fence;
    RG_TRY(rg_arena_array(&exporter->arena, FENCE_PLACES_MAX, sizeof *reads, (void **)&reads));
    RG_TRY(rg_arena_array(&exporter->arena, FENCE_PLACES_MAX, sizeof *writes, (void **)&writes));
    RG_TRY(add_reads(exporter, life, reads, &fence->read_count));
    for (size_t i = 0; i < life->sink_count; i++) {
        RG_TRY(add_place(exporter, writes, &fence->write_count, life->sinks[i].path));
    }
    fence->audit_directory = exporter->child->audit_directory;
    fence->log_file = exporter->child->log_file;
    fence->reads = reads;
    fence->writes = writes;
    fence->may_listen = life->cluster.listen.size > 0;
    return RG_OK;
}

static rg_status use_config(struct exporter *exporter, const struct config *config)
{
    exporter->alert_us = config->audit.export_alert_us;
    const struct config_audit_cluster *cluster = &config->audit.life.cluster;
    exporter->has_bucket = config->audit.life.s3.is_given;
    RG_TRY(plan_fence(exporter, &config->audit.life));
    RG_TRY(rg_arena_copy(&exporter->arena, cluster->listen, &exporter->listen));
    exporter->tls = cluster->tls == NULL ? NULL : net_tls_ref(cluster->tls->server);
    RG_TRY(exporter_tasks_make(config, &exporter->arena, &exporter->tasks, &exporter->task_count));
    return config_log_apply(&config->log, exporter->log);
}

static rg_status load(struct exporter *exporter)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct config *config RG_AUTO(config_free) =
        NULL; /* with the gateway's secrets: wiped before the first connection */
    struct rg_diag diag;
    rg_arena_init(&arena, DIAG_BYTES);
    rg_diag_init(&diag, &arena);
    RG_TRY(config_load(exporter->child->path, &diag, &config));
    return use_config(exporter, config);
}

static void enter_fence(struct exporter *exporter)
{
    struct fence_report report = {0};
    exporter->stamp = fence_exporter_stamp(&exporter->fence);
    fence_exporter_enter(&exporter->fence, &report);
    rg_log_event(exporter->log, report.why == NULL ? RG_LOG_INFO : RG_LOG_WARNING, "audit.export.fence",
                 "s:b, s:b, s:b, s:s", "files", (int)report.has_files, "signals", (int)report.has_signals, "calls",
                 (int)report.has_calls, "missing", report.why == NULL ? "" : report.why);
}

/* ---- running ---- */

static void pass_seal(void *context)
{
    const struct exporter *exporter = context;
    const struct audit_control message = {.type = AUDIT_CONTROL_SEAL, .fd = -1};
    (void)rg_is_ok(audit_control_send(exporter->child->control_fd, &message)); /* the task will wish again */
}

/* The address may still be the process's that ended just now: tried again until it works. */
static void listen_to_peers(struct exporter *exporter)
{
    if (exporter->listen.size == 0 || exporter->peers != NULL) {
        return;
    }
    rg_status status =
        exporter_peers_open(exporter->child->audit_directory, exporter->listen, exporter->tls, &exporter->peers);
    if (rg_is_ok(status)) {
        rg_log_event(exporter->log, RG_LOG_INFO, "audit.cluster.listening", "s:s%", "address", exporter->listen.data,
                     exporter->listen.size);
    } else if (!exporter->has_said_deaf) {
        exporter->has_said_deaf = true;
        rg_log_event(exporter->log, RG_LOG_WARNING, "audit.cluster.deaf", "s:s", "reason", status.error->text);
    }
}

/* The fence wants them to be there, and the runner is opened in the fence. */
static rg_status make_directory(struct exporter *exporter, const char *name)
{
    struct rg_slice path = {0};
    RG_TRY(rg_arena_printf(&exporter->arena, &path, "%s/%s", exporter->child->audit_directory, name));
    return mkdir(path.data, S_IRWXU) == 0 || errno == EEXIST
               ? RG_OK
               : rg_fail(RG_STORAGE, "cannot make %s: %s", path.data, strerror(errno));
}

static rg_status start(struct exporter *exporter)
{
    const struct export_runner_options options = {.directory = exporter->child->audit_directory,
                                                  .clock = rg_clock_system(),
                                                  .log = exporter->log,
                                                  .seal = pass_seal,
                                                  .context = exporter,
                                                  .alert_us = exporter->alert_us};
    const struct audit_control ready = {.type = AUDIT_CONTROL_READY, .fd = -1};
    RG_TRY(make_directory(exporter, "export"));
    RG_TRY(exporter->has_bucket ? make_directory(exporter, "pruned") : RG_OK);
    enter_fence(exporter);
    size_t count = exporter->task_count;
    exporter->task_count = 0; /* the runner's now, come what may */
    RG_TRY(export_runner_open(&options, exporter->tasks, count, &exporter->runner));
    RG_TRY(export_runner_start(exporter->runner));
    RG_TRY(audit_control_send(exporter->child->control_fd, &ready));
    rg_log_event(exporter->log, RG_LOG_INFO, "audit.export.ready", NULL);
    listen_to_peers(exporter);
    return RG_OK;
}

static void end(struct exporter *exporter, int exit_code, int64_t patience_us)
{
    exporter->exit_code = exit_code;
    exporter->is_over = true;
    export_runner_stop(exporter->runner, patience_us);
}

static void take_messages(struct exporter *exporter)
{
    bool has_message = true;
    while (has_message && !exporter->is_over) {
        struct audit_control message;
        rg_status status = audit_control_receive(exporter->child->control_fd, exporter->packet, &message, &has_message);
        if (!rg_is_ok(status)) {
            end(exporter, 0, 0); /* the supervisor has gone */
        } else if (has_message && message.type == AUDIT_CONTROL_DOOR) {
            export_runner_set_door(exporter->runner, message.fd);
        }
    }
}

static void reopen_log(struct exporter *exporter)
{
    rg_status status = rg_log_reopen(exporter->log);
    if (!rg_is_ok(status)) {
        rg_log_event(exporter->log, RG_LOG_ERROR, "log.reopen_failed", "s:s", "reason", status.error->text);
    }
}

static void take_signals(struct exporter *exporter, int signals)
{
    struct signalfd_siginfo info;
    while (!exporter->is_over && read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;
        if (number == gateway_signal(SIGUSR1)) {
            reopen_log(exporter);
        } else if (number == gateway_signal(SIGHUP)) {
            rg_log_event(exporter->log, RG_LOG_INFO, "audit.export.reloading", NULL);
            end(exporter, EXPORTER_AGAIN, 0);
        } else {
            end(exporter, 0, LAST_TURN_US);
        }
    }
}

static void look_at_fence(struct exporter *exporter)
{
    if (!exporter->is_over && fence_exporter_stamp(&exporter->fence) != exporter->stamp) {
        rg_log_event(exporter->log, RG_LOG_INFO, "audit.export.reloading", "s:s", "reason",
                     "new keys, or a sink's directory was made");
        end(exporter, EXPORTER_AGAIN, 0);
    }
}

static void serve(struct exporter *exporter, int signals)
{
    int64_t looked_us = rg_clock_monotonic_us(rg_clock_system());
    while (!exporter->is_over) {
        struct pollfd waits[] = {{.fd = signals, .events = POLLIN},
                                 {.fd = exporter->child->control_fd, .events = POLLIN}};
        (void)poll(waits, sizeof waits / sizeof waits[0], LOOK_MS);
        take_messages(exporter);
        take_signals(exporter, signals);
        int64_t now_us = rg_clock_monotonic_us(rg_clock_system());
        if (now_us - looked_us >= (int64_t)LOOK_MS * 1000) {
            looked_us = now_us;
            look_at_fence(exporter);
            listen_to_peers(exporter);
        }
    }
}

/* A task that hangs in a disk or in a library is left behind: what it confirmed is on the disk. */
static void finish(struct exporter *exporter)
{
    int64_t deadline_us = rg_clock_monotonic_us(rg_clock_system()) + END_US;
    exporter_peers_close(&exporter->peers);
    net_tls_release(&exporter->tls);
    if (exporter->runner != NULL && !export_runner_wait(exporter->runner, deadline_us)) {
        rg_log_event(exporter->log, RG_LOG_WARNING, "audit.export.hangs", NULL);
        _exit(exporter->exit_code);
    }
    export_runner_close(&exporter->runner);
}

/* As the gateway's: real-time signals of the supervisor alone. */
static int open_signals(void)
{
    static const int all[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2};
    sigset_t blocked;
    sigset_t taken;
    (void)sigemptyset(&blocked);
    (void)sigemptyset(&taken);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        (void)sigaddset(&taken, gateway_signal(all[i]));
        (void)sigaddset(&blocked, gateway_signal(all[i]));
        (void)sigaddset(&blocked, all[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

static rg_status run(struct exporter *exporter, int signals)
{
    RG_TRY(load(exporter));
    RG_TRY(start(exporter));
    serve(exporter, signals);
    return RG_OK;
}

/* The supervisor shows the reason beside the child's end. */
static void tell_failure(const struct exporter *exporter, const char *text)
{
    rg_log_event(exporter->log, RG_LOG_ERROR, "audit.export.failed", "s:s", "reason", text);
}

rg_status exporter_child_run(const struct exporter_child *child, int *out_exit)
{
    struct exporter *exporter = rg_memory_alloc(sizeof *exporter);
    int signals = open_signals();
    char text[512] = "";
    (void)prctl(PR_SET_DUMPABLE, 0); /* it holds tokens and passwords of sinks (L7) */
    (void)prctl(PR_SET_NAME, "exporter");
    exporter->child = child;
    rg_arena_init(&exporter->arena, ARENA_BYTES);
    rg_status status = rg_log_open(NULL, RG_LOG_INFO, rg_clock_system(), &exporter->log);
    if (rg_is_ok(status)) {
        status = run(exporter, signals);
        enum rg_kind kind = rg_is_ok(status) ? RG_INTERNAL : status.error->kind;
        (void)snprintf(text, sizeof text, "%s", rg_is_ok(status) ? "" : status.error->text);
        if (text[0] != '\0') {
            tell_failure(exporter, text);
        }
        if (exporter->runner != NULL && text[0] != '\0') {
            export_runner_stop(exporter->runner, 0);
        }
        finish(exporter);
        exporter_tasks_free(exporter->tasks, exporter->task_count);
        status = text[0] == '\0' ? RG_OK : rg_fail(kind, "%s", text);
    }
    *out_exit = exporter->exit_code;
    rg_log_close(&exporter->log);
    rg_arena_done(&exporter->arena);
    (void)close(signals);
    rg_memory_free(exporter);
    return status;
}
