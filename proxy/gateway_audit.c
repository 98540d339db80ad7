/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's main thread and the auditor: doors that the supervisor sends, the thread's own channel, and the records
 * of policies. Each worker opens a channel of its own through the same door. */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/control.h"
#include "base/rg_memory.h"
#include "proxy/console.h"
#include "proxy/gateway_private.h"
#include "proxy/worker.h"

enum { START_MS = 30000, RECORD_MS = 30000, SLICE_MS = 100 };

/* ---- the main thread's channel ---- */

static const char *state_name(enum audit_state state)
{
    static const char *const names[] = {
        [AUDIT_CLOSED] = "closed", [AUDIT_OPEN] = "open", [AUDIT_LOW] = "low", [AUDIT_RESERVE] = "reserve"};
    return names[state];
}

static void log_state(struct gateway *gateway, enum audit_state state, const char *reason)
{
    static const enum rg_log_level levels[] = {[AUDIT_CLOSED] = RG_LOG_ERROR,
                                               [AUDIT_OPEN] = RG_LOG_INFO,
                                               [AUDIT_LOW] = RG_LOG_WARNING,
                                               [AUDIT_RESERVE] = RG_LOG_ERROR};
    if (state != gateway->audit_state) {
        gateway->audit_state = state;
        rg_log_event(gateway->log, levels[state], "audit.state", "s:s, s:s", "state", state_name(state), "reason",
                     reason);
    }
}

void gateway_watch_audit(struct gateway *gateway)
{
    uint64_t ticket = 0;
    uint64_t sequence = 0;
    if (gateway->audit == NULL) {
        return;
    }
    while (audit_take(gateway->audit, &ticket, &sequence)) {
    }
    log_state(gateway, audit_client_state(gateway->audit), audit_client_reason(gateway->audit));
    if (audit_client_is_faulted(gateway->audit)) {
        audit_client_close(&gateway->audit);
    }
}

/* Until the auditor has said that it takes records. */
static bool wait_until_open(struct gateway *gateway, int limit_ms)
{
    int64_t deadline_us = rg_clock_monotonic_us(gateway->clock) + (int64_t)limit_ms * 1000;
    while (gateway->audit != NULL && audit_client_state(gateway->audit) == AUDIT_CLOSED &&
           rg_clock_monotonic_us(gateway->clock) < deadline_us) {
        struct pollfd wait = {.fd = audit_wakeup_fd(gateway->audit), .events = POLLIN};
        (void)poll(&wait, 1, SLICE_MS);
        uint64_t ticket = 0;
        uint64_t sequence = 0;
        (void)audit_take(gateway->audit, &ticket, &sequence);
        if (audit_client_is_faulted(gateway->audit)) {
            audit_client_close(&gateway->audit);
        }
    }
    return gateway->audit != NULL && audit_client_state(gateway->audit) != AUDIT_CLOSED;
}

/* ---- doors ---- */

struct door_message {
    struct worker *worker;
    int fd;
};

static void on_door_in_loop(void *argument)
{
    struct door_message *message = argument;
    worker_connect(message->worker, message->fd);
    (void)close(message->fd);
    rg_memory_free(message);
}

static void tell_workers(struct gateway *gateway)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        int fd = dup(gateway->door_fd);
        if (fd < 0) {
            rg_log_event(gateway->log, RG_LOG_ERROR, "audit.door_lost", "s:i", "worker", (int)i);
            continue;
        }
        struct door_message *message = rg_memory_alloc(sizeof *message);
        *message = (struct door_message){&gateway->workers[i], fd};
        net_loop_post(message->worker->loop, on_door_in_loop, message);
    }
}

static void on_door(struct gateway *gateway, int fd)
{
    if (gateway->door_fd >= 0) {
        (void)close(gateway->door_fd);
    }
    gateway->door_fd = fd;
    audit_client_close(&gateway->audit);
    rg_status status = audit_client_open(fd, 0, &gateway->audit);
    if (!rg_is_ok(status)) {
        log_state(gateway, AUDIT_CLOSED, status.error->text);
    }
    tell_workers(gateway);
    console_set_door(gateway->console, fd);
}

static void on_message(struct gateway *gateway, const struct audit_control *message)
{
    if (message->type == AUDIT_CONTROL_DOOR) {
        on_door(gateway, message->fd);
    } else if (message->type == AUDIT_CONTROL_STATE) {
        char reason[AUDIT_REASON_MAX + 1];
        (void)snprintf(reason, sizeof reason, "%.*s", rg_slice_shown(message->reason),
                       message->reason.data == NULL ? "" : message->reason.data);
        log_state(gateway, message->state, reason);
    }
}

static bool take_control(struct gateway *gateway, char memory[AUDIT_CONTROL_MAX])
{
    bool has_message = true;
    while (has_message) {
        struct audit_control message;
        rg_status status = audit_control_receive(gateway->options->control_fd, memory, &message, &has_message);
        if (!rg_is_ok(status)) {
            return status.error->kind != RG_CLOSED;
        }
        if (has_message) {
            on_message(gateway, &message);
        }
    }
    return true;
}

bool gateway_take_control(struct gateway *gateway)
{
    char *memory = rg_memory_alloc(AUDIT_CONTROL_MAX);
    bool is_open = take_control(gateway, memory);
    rg_memory_free(memory);
    return is_open;
}

rg_status gateway_open_audit(struct gateway *gateway)
{
    int64_t deadline_us = rg_clock_monotonic_us(gateway->clock) + (int64_t)START_MS * 1000;
    while (gateway->door_fd < 0 && rg_clock_monotonic_us(gateway->clock) < deadline_us) {
        struct pollfd wait = {.fd = gateway->options->control_fd, .events = POLLIN};
        (void)poll(&wait, 1, SLICE_MS);
        if (!gateway_take_control(gateway)) {
            return rg_fail(RG_STORAGE, "the supervisor has gone");
        }
    }
    if (!wait_until_open(gateway, START_MS)) {
        return rg_fail(RG_STORAGE, "the auditor does not take records");
    }
    gateway->audit_state = audit_client_state(gateway->audit);
    return RG_OK;
}

void gateway_say_ready(struct gateway *gateway)
{
    const struct audit_control message = {.type = AUDIT_CONTROL_READY, .fd = -1};
    rg_status status = audit_control_send(gateway->options->control_fd, &message);
    if (!rg_is_ok(status)) {
        rg_log_event(gateway->log, RG_LOG_ERROR, "server.supervisor_lost", "s:s", "reason", status.error->text);
    }
}

/* ---- policies ---- */

static bool wait_for_ticket(struct gateway *gateway, uint64_t ticket)
{
    uint64_t acknowledged = 0;
    uint64_t sequence = 0;
    int64_t deadline_us = rg_clock_monotonic_us(gateway->clock) + (int64_t)RECORD_MS * 1000;
    while (acknowledged != ticket && !audit_client_is_faulted(gateway->audit) &&
           rg_clock_monotonic_us(gateway->clock) < deadline_us) {
        audit_flush(gateway->audit);
        short events = audit_wants_write(gateway->audit) ? POLLIN | POLLOUT : POLLIN;
        struct pollfd wait = {.fd = audit_wakeup_fd(gateway->audit), .events = events};
        (void)poll(&wait, 1, SLICE_MS);
        while (audit_take(gateway->audit, &acknowledged, &sequence)) {
        }
    }
    return acknowledged == ticket;
}

rg_status gateway_record_order(struct gateway *gateway, const struct audit_event *event)
{
    uint64_t ticket = 0;
    if (gateway->audit == NULL) {
        return rg_fail(RG_STORAGE, "there is no auditor to record the order");
    }
    RG_TRY(audit_submit(gateway->audit, event, &ticket));
    return wait_for_ticket(gateway, ticket) ? RG_OK : rg_fail(RG_STORAGE, "the audit log takes no record of the order");
}

rg_status gateway_record_policy(struct gateway *gateway, enum audit_kind kind, const struct snapshot *snapshot,
                                const char *reason)
{
    struct audit_event event = {
        .kind = kind,
        .wall_us = rg_clock_wall_us(gateway->clock),
        .policy = rg_slice_of(snapshot->digest),
        .verdict = kind == AUDIT_POLICY_LOADED ? AUDIT_ALLOWED : AUDIT_DENIED,
        .message = rg_slice_of(reason),
    };
    uint64_t ticket = 0;
    if (gateway->audit == NULL) {
        return rg_fail(RG_STORAGE, "there is no auditor to record the policies");
    }
    RG_TRY(audit_submit(gateway->audit, &event, &ticket));
    /* durable before the policy takes effect (audit.md 3.6) */
    return wait_for_ticket(gateway, ticket) ? RG_OK
                                            : rg_fail(RG_STORAGE, "the audit log takes no record of the policies");
}
