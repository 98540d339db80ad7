/* SPDX-License-Identifier: Apache-2.0 */
/* What the children say, and what the end of one means for the others: the auditor's stops statements until the next
 * one gave the gateway a new door; the gateway's is put on record by the auditor. The exporter: supervisor_export.c. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/gateway.h"
#include "proxy/supervisor_private.h"

enum {
    STOP_PATIENCE_US = 60000000,
    MESSAGES_A_TURN = 64, /* a child that never stops talking must not keep signals and the other child waiting */
};

void supervisor_tell(struct supervisor *supervisor, struct child *child, const struct audit_control *message)
{
    if (child->pid == 0 || child->control < 0) {
        return;
    }
    rg_status status = audit_control_send(child->control, message);
    if (!rg_is_ok(status)) {
        rg_log_event(supervisor->log, RG_LOG_WARNING, "server.child.unreachable", "s:s, s:s", "child", child->name,
                     "reason", status.error->text);
    }
}

/* ---- starting ---- */

rg_status supervisor_start_auditor(struct supervisor *supervisor)
{
    static const char *const levels[] = {[CONFIG_LOG_DEBUG] = "debug",
                                         [CONFIG_LOG_INFO] = "info",
                                         [CONFIG_LOG_WARNING] = "warning",
                                         [CONFIG_LOG_ERROR] = "error"};
    const char *file = supervisor->log_config.file.size == 0 ? "" : supervisor->log_config.file.data;
    const char *const arguments[] = {"--log-level", levels[supervisor->log_config.level], "--log-file", file};
    const struct child_start start = {
        .name = "auditor", .argument_count = sizeof arguments / sizeof arguments[0], .arguments = arguments};
    RG_TRY(child_start(&supervisor->auditor, &start));
    return audit_control_send(supervisor->auditor.control, &supervisor->options);
}

static rg_status start_gateway(struct supervisor *supervisor)
{
    const struct child_start start = {.name = "gateway",
                                      .dies_with_parent = true,
                                      .argument_count = supervisor->gateway_argument_count,
                                      .arguments = supervisor->gateway_arguments,
                                      .kept_count = supervisor->kept_count,
                                      .kept = supervisor->listener_fds};
    return child_start(&supervisor->gateway, &start);
}

rg_status supervisor_open_door(struct supervisor *supervisor, struct child *child, const char *which)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return rg_fail(RG_INTERNAL, "cannot make a door: %s", strerror(errno));
    }
    struct audit_control message = {.type = AUDIT_CONTROL_DOOR, .which = rg_slice_of(which), .fd = ends[0]};
    supervisor_tell(supervisor, &supervisor->auditor, &message);
    message.fd = ends[1];
    supervisor_tell(supervisor, child, &message);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return RG_OK;
}

void supervisor_fail_start(struct supervisor *supervisor, struct child *child, rg_status status)
{
    rg_log_event(supervisor->log, RG_LOG_ERROR, "server.child.failed", "s:s, s:s", "child", child->name, "reason",
                 status.error->text);
    child_back_off(child, rg_clock_monotonic_us(supervisor->clock));
}

static void bring_up_gateway(struct supervisor *supervisor)
{
    rg_status status = start_gateway(supervisor);
    if (rg_is_ok(status)) {
        status = supervisor_open_door(supervisor, &supervisor->gateway, "");
    }
    if (!rg_is_ok(status)) {
        supervisor_fail_start(supervisor, &supervisor->gateway, status);
    }
}

/* ---- what they say ---- */

static void put_notes(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->note_count; i++) {
        const struct supervisor_note *note = &supervisor->notes[i];
        const struct audit_control message = {
            .type = AUDIT_CONTROL_NOTE, .which = rg_slice_of(note->which), .how = rg_slice_of(note->how), .fd = -1};
        supervisor_tell(supervisor, &supervisor->auditor, &message);
    }
    supervisor->note_count = 0;
}

static void on_auditor_ready(struct supervisor *supervisor)
{
    put_notes(supervisor);
    if (supervisor->gateway.pid == 0) {
        if (supervisor->gateway.retry_us == 0 && supervisor->stop_signals == 0) {
            bring_up_gateway(supervisor);
        }
        return;
    }
    rg_status status = supervisor_open_door(supervisor, &supervisor->gateway, "");
    if (!rg_is_ok(status)) { /* without descriptors: the next one may have better luck */
        supervisor_fail_start(supervisor, &supervisor->auditor, status);
        child_signal(&supervisor->auditor, SIGKILL);
    }
}

static void write_pid_file(struct supervisor *supervisor)
{
    if (supervisor->server.pid_file.size == 0 || supervisor->has_pid_file) {
        return;
    }
    FILE *file = fopen(supervisor->server.pid_file.data, "we");
    if (file == NULL) {
        (void)snprintf(supervisor->failure, sizeof supervisor->failure, "cannot write pid_file \"%s\": %s",
                       supervisor->server.pid_file.data, strerror(errno));
        supervisor_stop(supervisor, SIGQUIT);
        return;
    }
    (void)fprintf(file, "%ld\n", (long)getpid());
    (void)fclose(file);
    supervisor->has_pid_file = true;
}

static void on_ready(struct supervisor *supervisor, struct child *child)
{
    if (child->is_ready) {
        return;
    }
    bool is_again = child->was_ready;
    child->is_ready = true;
    child->is_end_noted = false;
    child->was_ready = true;
    child->ready_us = rg_clock_monotonic_us(supervisor->clock);
    if (is_again) {
        rg_log_event(supervisor->log, RG_LOG_INFO, "server.child.restarted", "s:s, s:i", "child", child->name, "pid",
                     (int)child->pid);
    }
    if (child == &supervisor->auditor) {
        on_auditor_ready(supervisor);
        supervisor_join_exporter(supervisor);
    } else if (child == &supervisor->gateway) {
        write_pid_file(supervisor);
    }
}

static void on_state(struct supervisor *supervisor, struct child *child, const struct audit_control *message)
{
    uint64_t *acknowledged = &supervisor->options.options.acknowledged_seq;
    if (child == &supervisor->auditor && message->durable_seq > *acknowledged) {
        *acknowledged = message->durable_seq; /* the next auditor must find as many */
    }
    if (child != &supervisor->auditor || message->state != AUDIT_CLOSED) {
        return;
    }
    (void)snprintf(child->reason, sizeof child->reason, "%.*s", rg_slice_shown(message->reason),
                   message->reason.data == NULL ? "" : message->reason.data);
}

/* SHUTDOWN at the console. The gateway handles hostile bytes: that it asks changes nothing but that it is told to end,
 * so that one that does not end cannot have the auditor or the exporter stopped meanwhile. */
static void on_stop_asked(struct supervisor *supervisor)
{
    if (!supervisor->is_end_asked) {
        rg_log_event(supervisor->log, RG_LOG_INFO, "server.stop_asked", "s:s", "child", supervisor->gateway.name);
    }
    supervisor->is_end_asked = true;
    child_signal(&supervisor->gateway, gateway_signal(SIGTERM));
}

static void on_message(struct supervisor *supervisor, struct child *child, const struct audit_control *message)
{
    if (message->fd >= 0) { /* children send none */
        (void)close(message->fd);
    }
    if (message->type == AUDIT_CONTROL_READY) {
        on_ready(supervisor, child);
    } else if (message->type == AUDIT_CONTROL_STATE) {
        on_state(supervisor, child, message);
    } else if (message->type == AUDIT_CONTROL_SEAL && child == &supervisor->exporter) {
        supervisor_pass_seal(supervisor);
    } else if (message->type == AUDIT_CONTROL_STOP && child == &supervisor->gateway) {
        on_stop_asked(supervisor);
    } else if (message->type == AUDIT_CONTROL_RELOADED && child == &supervisor->gateway) {
        supervisor_wish_reload(supervisor);
    }
}

static void take_messages_of(struct supervisor *supervisor, struct child *child)
{
    bool has_message = true;
    for (int i = 0; i < MESSAGES_A_TURN && child->control >= 0 && has_message; i++) {
        struct audit_control message;
        rg_status status = audit_control_receive(child->control, supervisor->packet, &message, &has_message);
        if (!rg_is_ok(status)) {
            bool is_nonsense = status.error->kind != RG_CLOSED;
            if (is_nonsense) {
                rg_log_event(supervisor->log, RG_LOG_ERROR, "server.child.nonsense", "s:s, s:s", "child", child->name,
                             "reason", status.error->text);
                child_signal(child, SIGKILL);
            }
            child_close_control(child);
        } else if (has_message) {
            on_message(supervisor, child, &message);
        }
    }
}

void supervisor_take_messages(struct supervisor *supervisor)
{
    take_messages_of(supervisor, &supervisor->auditor);
    take_messages_of(supervisor, &supervisor->gateway);
    take_messages_of(supervisor, &supervisor->exporter);
}

/* ---- their ends ---- */

static void note_end(struct supervisor *supervisor, const struct child *child, const char *how)
{
    size_t at = supervisor->note_count < SUPERVISOR_NOTES_MAX ? supervisor->note_count++ : SUPERVISOR_NOTES_MAX - 1;
    struct supervisor_note *note = &supervisor->notes[at]; /* of too many the last one stays */
    (void)snprintf(note->which, sizeof note->which, "%s", child->name);
    (void)snprintf(note->how, sizeof note->how, "%.80s%s%.255s", how, child->reason[0] == '\0' ? "" : ": ",
                   child->reason);
    if (supervisor->auditor.pid != 0 && supervisor->auditor.is_ready) {
        put_notes(supervisor);
    }
}

static void end(struct supervisor *supervisor, int exit_code)
{
    supervisor->exit_code = exit_code;
    if (supervisor->auditor.pid == 0) {
        supervisor_finish(supervisor);
        return;
    }
    const struct audit_control message = {.type = AUDIT_CONTROL_STOP, .fd = -1};
    supervisor_tell(supervisor, &supervisor->auditor, &message);
    supervisor->kill_us = rg_clock_monotonic_us(supervisor->clock) + STOP_PATIENCE_US;
}

static bool is_ending(const struct supervisor *supervisor)
{
    return supervisor->kill_us != 0;
}

static void tell_gateway_it_is_down(struct supervisor *supervisor)
{
    const char *reason =
        supervisor->auditor.reason[0] == '\0' ? "the auditor is being started again" : supervisor->auditor.reason;
    const struct audit_control message = {
        .type = AUDIT_CONTROL_STATE, .state = AUDIT_CLOSED, .reason = rg_slice_of(reason), .fd = -1};
    supervisor_tell(supervisor, &supervisor->gateway, &message);
}

void supervisor_schedule(struct supervisor *supervisor, struct child *child, int status)
{
    char how[SUPERVISOR_HOW_MAX];
    child_describe_end(status, how);
    child_back_off(child, rg_clock_monotonic_us(supervisor->clock));
    rg_log_event(supervisor->log, RG_LOG_ERROR, "server.child.died", "s:s, s:s, s:s, s:I", "child", child->name, "how",
                 how, "reason", child->reason, "restart_ms",
                 (long long)((child->retry_us - rg_clock_monotonic_us(supervisor->clock)) / 1000));
    if (!child->is_end_noted) {
        note_end(supervisor, child, how);
    }
    child->is_end_noted = true;
    child->is_ready = false;
}

static void on_auditor_ended(struct supervisor *supervisor, int status)
{
    struct child *auditor = &supervisor->auditor;
    if (is_ending(supervisor)) {
        supervisor_finish(supervisor);
    } else if (!auditor->was_ready) {
        (void)snprintf(supervisor->failure, sizeof supervisor->failure, "%s",
                       auditor->reason[0] == '\0' ? "the auditor ended before it was at work" : auditor->reason);
        supervisor_finish(supervisor);
    } else if (supervisor->stop_signals > 0 && supervisor->gateway.pid == 0) {
        supervisor_finish(supervisor);
    } else {
        tell_gateway_it_is_down(supervisor);
        supervisor_schedule(supervisor, auditor, status);
    }
}

static void on_gateway_ended(struct supervisor *supervisor, int status)
{
    int exit_code = child_exit_code(status);
    supervisor->stop_signals += supervisor->is_end_asked && exit_code == 0 ? 1 : 0; /* killed: it is started again */
    supervisor->is_end_asked = false;
    if (supervisor->stop_signals > 0 || !supervisor->gateway.was_ready) {
        end(supervisor, exit_code);
    } else {
        supervisor_schedule(supervisor, &supervisor->gateway, status);
    }
}

void supervisor_reap(struct supervisor *supervisor)
{
    int status = 0;
    if (child_is_ended(&supervisor->auditor, &status)) {
        take_messages_of(supervisor, &supervisor->auditor);
        child_close_control(&supervisor->auditor);
        on_auditor_ended(supervisor, status);
    }
    if (child_is_ended(&supervisor->gateway, &status)) {
        child_close_control(&supervisor->gateway);
        on_gateway_ended(supervisor, status);
    }
    if (child_is_ended(&supervisor->exporter, &status)) {
        child_close_control(&supervisor->exporter);
        supervisor_on_exporter_ended(supervisor, status);
    }
}

/* ---- what is due ---- */

static bool is_due(struct child *child, int64_t now_us)
{
    bool is_due = child->pid == 0 && child->retry_us != 0 && child->retry_us <= now_us;
    child->retry_us = is_due ? 0 : child->retry_us;
    return is_due;
}

void supervisor_restart(struct supervisor *supervisor)
{
    int64_t now_us = rg_clock_monotonic_us(supervisor->clock);
    if (supervisor->is_over) {
        return;
    }
    supervisor_grant_reload(supervisor, now_us);
    if (supervisor->exporter_kill_us != 0) {
        if (now_us >= supervisor->exporter_kill_us) {
            child_signal(&supervisor->exporter, SIGKILL); /* what it did not get sent, the next one sends */
        }
        return;
    }
    if (is_ending(supervisor)) {
        if (now_us >= supervisor->kill_us) {
            rg_log_event(supervisor->log, RG_LOG_ERROR, "server.child.killed", "s:s, s:s", "child", "auditor", "reason",
                         "it did not stop within 60 s");
            child_signal(&supervisor->auditor, SIGKILL);
            supervisor->kill_us = now_us + STOP_PATIENCE_US;
        }
        return;
    }
    if (is_due(&supervisor->auditor, now_us)) {
        rg_status status = supervisor_start_auditor(supervisor);
        if (!rg_is_ok(status)) {
            supervisor_fail_start(supervisor, &supervisor->auditor, status);
        }
    }
    /* Without an auditor nothing may be answered: its readiness brings the gateway up. */
    if (is_due(&supervisor->gateway, now_us) && supervisor->auditor.is_ready) {
        bring_up_gateway(supervisor);
    }
    if (is_due(&supervisor->exporter, now_us) && supervisor->auditor.is_ready) {
        supervisor_join_exporter(supervisor);
    }
}

void supervisor_stop(struct supervisor *supervisor, int number)
{
    supervisor->stop_signals++;
    supervisor->gateway.retry_us = 0;
    supervisor->exporter.retry_us = 0;
    if (supervisor->exporter_kill_us != 0) { /* all that is left is to wait for it */
        child_signal(&supervisor->exporter, SIGKILL);
        return;
    }
    if (supervisor->gateway.pid != 0) {
        child_signal(&supervisor->gateway, gateway_signal(number));
        return;
    }
    if (!supervisor->auditor.is_ready && supervisor->stop_signals > 1) {
        child_signal(&supervisor->auditor, SIGKILL); /* still reading its log: nothing is lost */
    }
    if (!is_ending(supervisor)) {
        end(supervisor, 0);
    }
}
