/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's process: what is not the log's business. All signals are blocked; one thread takes SIGUSR1, because the
 * auditor's own may be inside a sync. */
#include "proxy/auditor_child.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "audit/auditor.h"

static void *reopen_on_signal(void *argument)
{
    struct rg_log *log = argument;
    sigset_t signals;
    int number = 0;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGUSR1);
    while (sigwait(&signals, &number) == 0) {
        rg_status status = rg_log_reopen(log);
        if (!rg_is_ok(status)) {
            rg_log_event(log, RG_LOG_ERROR, "log.reopen_failed", "s:s", "reason", status.error->text);
        }
    }
    return NULL;
}

static void block_signals(void)
{
    static const int blocked[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2};
    sigset_t signals;
    (void)sigemptyset(&signals);
    for (size_t i = 0; i < sizeof blocked / sizeof blocked[0]; i++) {
        (void)sigaddset(&signals, blocked[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

static enum rg_log_level parse_level(const char *text)
{
    static const char *const names[] = {
        [RG_LOG_ERROR] = "error", [RG_LOG_WARNING] = "warning", [RG_LOG_INFO] = "info", [RG_LOG_DEBUG] = "debug"};
    for (int i = RG_LOG_ERROR; text != NULL && i <= RG_LOG_DEBUG; i++) {
        if (strcmp(text, names[i]) == 0) {
            return (enum rg_log_level)i;
        }
    }
    return RG_LOG_INFO;
}

static rg_status run(const struct auditor_child *child, struct rg_log *log)
{
    pthread_t thread;
    int failure = pthread_create(&thread, NULL, reopen_on_signal, log);
    if (failure != 0) {
        return rg_fail(RG_INTERNAL, "cannot start a thread: %s", strerror(failure));
    }
    rg_status status = auditor_run(child->control_fd, log);
    (void)pthread_cancel(thread);
    (void)pthread_join(thread, NULL);
    return status;
}

rg_status auditor_child_run(const struct auditor_child *child)
{
    struct rg_log *log = NULL;
    const char *path = child->log_file == NULL || child->log_file[0] == '\0' ? NULL : child->log_file;
    block_signals();
    (void)prctl(PR_SET_DUMPABLE, 0); /* it holds the signing key (L7) */
    (void)prctl(PR_SET_NAME, "auditor");
    RG_TRY(rg_log_open(path, parse_level(child->log_level), rg_clock_system(), &log));
    rg_status status = run(child, log);
    rg_log_close(&log);
    return status;
}
