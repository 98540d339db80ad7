/* SPDX-License-Identifier: Apache-2.0 */
/* The child process as a whole, from its first message to its end. Called by `rowgate child auditor`. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "audit/auditor_private.h"
#include "base/rg_memory.h"

enum { OPTIONS_WAIT_MS = 10 * 1000 };

/* A terminal or an init system signals the whole group: the auditor ends by its control socket only, after the
 * gateway, so that what the gateway still sends is written. */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        struct sigaction action = {.sa_handler = SIG_IGN};
        (void)sigaction(ignored[i], &action, NULL);
    }
}

static rg_status receive_options(int control_fd, char memory[AUDIT_CONTROL_MAX], struct audit_control *out_message)
{
    struct pollfd waiting = {.fd = control_fd, .events = POLLIN};
    bool has_message = false;
    (void)poll(&waiting, 1, OPTIONS_WAIT_MS);
    RG_TRY(audit_control_receive(control_fd, memory, out_message, &has_message));
    if (!has_message || out_message->type != AUDIT_CONTROL_OPTIONS) {
        return rg_fail(RG_PROTOCOL, "the supervisor did not say with which options the auditor runs");
    }
    return RG_OK;
}

/* The thread's error slot is used again on the way. */
static rg_status tell_failure(int control_fd, rg_status status)
{
    char text[AUDIT_REASON_MAX + 1];
    enum rg_kind kind = status.error->kind;
    int size = snprintf(text, sizeof text, "%.*s", AUDIT_REASON_MAX, status.error->text);
    struct audit_control message = {.type = AUDIT_CONTROL_STATE,
                                    .state = AUDIT_CLOSED,
                                    .reason = rg_slice_cut(rg_slice_make(text, AUDIT_REASON_MAX), 0, (size_t)size)};
    (void)rg_is_ok(audit_control_send(control_fd, &message));
    return rg_fail(kind, "%s", text);
}

static rg_status run(int control_fd, char memory[AUDIT_CONTROL_MAX], struct rg_log *log)
{
    struct audit_control message = {0};
    struct auditor *auditor = NULL;
    RG_TRY(receive_options(control_fd, memory, &message));
    message.options.log = log;
    rg_status status = auditor_open(&message.options, &auditor);
    if (!rg_is_ok(status)) {
        return tell_failure(control_fd, status);
    }
    status = auditor_serve(auditor, control_fd);
    auditor_close(&auditor);
    return status;
}

rg_status auditor_run(int control_fd, struct rg_log *log)
{
    char *memory = rg_memory_alloc(AUDIT_CONTROL_MAX);
    ignore_signals();
    rg_status status = run(control_fd, memory, log);
    rg_memory_free(memory);
    return status;
}
