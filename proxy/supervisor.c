/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the supervisor: it reads the configuration, starts the auditor, then the gateway, keeps them alive, and
 * ends when the gateway ended because it was told to. It handles no byte of any client. */
#include "proxy/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/gateway.h"
#include "proxy/supervisor_private.h"

/* Blocked in the children too, so that none of these ends one before it is at work. */
static int open_signals(void)
{
    static const int taken[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};
    sigset_t signals;
    sigset_t blocked;
    (void)sigemptyset(&signals);
    (void)sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        int passed_on = gateway_signal(taken[i]);
        (void)sigaddset(&signals, taken[i]);
        (void)sigaddset(&blocked, taken[i]);
        (void)sigaddset(&blocked, passed_on == 0 ? taken[i] : passed_on);
    }
    (void)pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like any other */
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void reopen_log(struct supervisor *supervisor)
{
    rg_status status = rg_log_reopen(supervisor->log);
    if (!rg_is_ok(status)) {
        rg_log_event(supervisor->log, RG_LOG_ERROR, "log.reopen_failed", "s:s", "reason", status.error->text);
    }
}

static void handle_signal(struct supervisor *supervisor, int number)
{
    switch (number) {
    case SIGCHLD:
        break; /* supervisor_reap looks anyway */
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        supervisor_stop(supervisor, number);
        break;
    case SIGUSR1:
        reopen_log(supervisor);
        child_signal(&supervisor->auditor, number);
        child_signal(&supervisor->gateway, gateway_signal(number));
        child_signal(&supervisor->exporter, gateway_signal(number));
        break;
    case SIGHUP:
        child_signal(&supervisor->gateway, gateway_signal(number));
        supervisor_reload_exporter(supervisor);
        break;
    default:
        child_signal(&supervisor->gateway, gateway_signal(number));
        break;
    }
}

static void take_signals(struct supervisor *supervisor, int signals)
{
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        handle_signal(supervisor, (int)info.ssi_signo);
    }
}

/* Milliseconds until something is due without an event; -1 = nothing is. */
static int next_wait_ms(const struct supervisor *supervisor)
{
    const int64_t due[] = {supervisor->auditor.retry_us, supervisor->gateway.retry_us, supervisor->exporter.retry_us,
                           supervisor->look_us,
                           supervisor->exporter_kill_us != 0 ? supervisor->exporter_kill_us : supervisor->kill_us};
    int64_t first = 0;
    for (size_t i = 0; i < sizeof due / sizeof due[0]; i++) {
        first = due[i] != 0 && (first == 0 || due[i] < first) ? due[i] : first;
    }
    if (first == 0) {
        return -1;
    }
    int64_t left_us = first - rg_clock_monotonic_us(supervisor->clock);
    return left_us <= 0 ? 0 : (int)(left_us / 1000) + 1;
}

static void turn(struct supervisor *supervisor, int signals)
{
    struct pollfd waits[] = {{.fd = signals, .events = POLLIN},
                             {.fd = supervisor->auditor.control, .events = POLLIN},
                             {.fd = supervisor->gateway.control, .events = POLLIN},
                             {.fd = supervisor->exporter.control, .events = POLLIN}};
    (void)poll(waits, sizeof waits / sizeof waits[0], next_wait_ms(supervisor));
    supervisor_take_messages(supervisor); /* before the ends: what a child said last is why it ended */
    take_signals(supervisor, signals);
    supervisor_reap(supervisor);
    supervisor_restart(supervisor);
}

static rg_status run(struct supervisor *supervisor, int signals)
{
    RG_TRY(supervisor_set_up(supervisor));
    RG_TRY(supervisor_start_auditor(supervisor));
    while (!supervisor->is_over) {
        turn(supervisor, signals);
    }
    if (supervisor->has_pid_file) {
        (void)unlink(supervisor->server.pid_file.data);
    }
    return supervisor->failure[0] == '\0' ? RG_OK : rg_fail(RG_CONFIG, "%s", supervisor->failure);
}

/* Each connection is one or two, and the usual soft limit of 1,024 is there for programs that use select(2). */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

rg_status supervisor_run(const char *path, int *out_exit)
{
    int signals = open_signals();
    if (signals < 0) {
        return rg_fail(RG_INTERNAL, "signalfd: %s", strerror(errno));
    }
    (void)prctl(PR_SET_DUMPABLE, 0); /* it has read the secrets too (L7) */
    raise_descriptors();
    struct supervisor *supervisor = rg_memory_alloc(sizeof *supervisor); /* much for a frame */
    supervisor->clock = rg_clock_system();
    supervisor->path = path;
    supervisor->console_fd = -1;
    supervisor->auditor = (struct child){.name = "auditor", .control = -1};
    supervisor->gateway = (struct child){.name = "gateway", .control = -1};
    supervisor->exporter = (struct child){.name = "exporter", .control = -1};
    rg_status status = rg_log_open(NULL, RG_LOG_INFO, supervisor->clock, &supervisor->log);
    if (rg_is_ok(status)) {
        status = run(supervisor, signals);
    }
    char text[sizeof supervisor->failure] = "";
    (void)snprintf(text, sizeof text, "%s", rg_is_ok(status) ? "" : status.error->text);
    supervisor_done(supervisor);
    (void)close(signals);
    *out_exit = supervisor->exit_code;
    rg_memory_free(supervisor);
    return text[0] == '\0' ? RG_OK : rg_fail(RG_CONFIG, "%s", text);
}
