/* SPDX-License-Identifier: Apache-2.0 */
/* The console's own channel to the auditor. Whoever records something waits here until it is durable, on its own
 * thread: neither the event loops nor the gateway's main thread do. */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "proxy/console_private.h"

enum { RECORD_MS = 30000, SLICE_MS = 100 };

static int take_door(struct console *console)
{
    (void)pthread_mutex_lock(&console->lock);
    int fd = console->next_door;
    console->next_door = -1;
    (void)pthread_mutex_unlock(&console->lock);
    return fd;
}

static rg_status open_channel(struct console *console, int door_fd)
{
    const char *sealed_origin = console->gateway->options->sealed_origin;
    RG_TRY(audit_client_open(door_fd, 0, &console->audit));
    rg_status status = sealed_origin == NULL ? RG_OK : audit_client_seal(console->audit, rg_slice_of(sealed_origin));
    if (!rg_is_ok(status)) {
        audit_client_close(&console->audit);
    }
    return status;
}

/* Through the newest door: another auditor may be there since the last record. */
static rg_status find_channel(struct console *console)
{
    int door_fd = take_door(console);
    if (door_fd >= 0) {
        audit_client_close(&console->audit);
        rg_status status = open_channel(console, door_fd);
        (void)close(door_fd);
        RG_TRY(status);
    }
    return console->audit != NULL ? RG_OK : rg_fail(RG_STORAGE, "there is no auditor to record it");
}

static rg_status wait_until_durable(struct console *console, uint64_t ticket)
{
    const struct rg_clock *clock = console->gateway->clock;
    int64_t deadline_us = rg_clock_monotonic_us(clock) + (int64_t)RECORD_MS * 1000;
    uint64_t acknowledged = 0;
    uint64_t sequence = 0;
    while (acknowledged != ticket && !audit_client_is_faulted(console->audit) && !atomic_load(&console->is_ending) &&
           rg_clock_monotonic_us(clock) < deadline_us) {
        audit_flush(console->audit);
        short events = audit_wants_write(console->audit) ? POLLIN | POLLOUT : POLLIN;
        struct pollfd wait = {.fd = audit_wakeup_fd(console->audit), .events = events};
        (void)poll(&wait, 1, audit_has_taken(console->audit) ? 0 : SLICE_MS);
        while (acknowledged != ticket && audit_take(console->audit, &acknowledged, &sequence)) {
        }
    }
    return acknowledged == ticket ? RG_OK : rg_fail(RG_STORAGE, "the audit log takes no record of it");
}

static rg_status submit(struct console *console, const struct audit_event *event, bool is_waited_for)
{
    uint64_t ticket = 0;
    uint64_t acknowledged = 0;
    uint64_t sequence = 0;
    RG_TRY(find_channel(console));
    while (audit_take(console->audit, &acknowledged, &sequence)) { /* of those that nobody waited for */
    }
    RG_TRY(audit_submit(console->audit, event, &ticket));
    if (!is_waited_for) {
        audit_flush(console->audit);
        return RG_OK;
    }
    return wait_until_durable(console, ticket);
}

static rg_status record(struct console *console, const struct audit_event *event, bool is_waited_for)
{
    (void)pthread_mutex_lock(&console->audit_lock);
    rg_status status = submit(console, event, is_waited_for);
    if (!rg_is_ok(status) && console->audit != NULL && audit_client_is_faulted(console->audit)) {
        audit_client_close(&console->audit); /* the next auditor brings another door */
    }
    (void)pthread_mutex_unlock(&console->audit_lock);
    return status;
}

static struct audit_event event_of(const struct console_session *session, enum audit_kind kind)
{
    return (struct audit_event){
        .kind = kind,
        .wall_us = rg_clock_wall_us(session->console->gateway->clock),
        .session_id = session->id,
        .user = rg_slice_of(session->user),
        .subject = rg_slice_of(session->os_user),
        .idp = RG_SLICE("peer"), /* pg_hba.conf's word for it */
        .client_address = RG_SLICE("[local]"),
        .listener = RG_SLICE("console"),
        .verdict = AUDIT_ALLOWED,
    };
}

static void add_error(struct audit_event *event, const struct console_error *error)
{
    if (error != NULL) {
        event->verdict = AUDIT_DENIED;
        event->rule = rg_slice_of(error->rule);
        event->sqlstate = rg_slice_of(error->sqlstate);
        event->message = rg_slice_of(error->text);
    }
}

rg_status console_record_login(struct console_session *session, const struct console_error *error,
                               struct rg_slice database, struct rg_slice application)
{
    char digest[2 * RG_SHA256_SIZE + 1];
    struct audit_event event = event_of(session, error == NULL ? AUDIT_LOGIN : AUDIT_LOGIN_FAILED);
    (void)console_roles(session->console, event.user, digest);
    event.policy = rg_slice_of(digest);
    event.database = database;
    event.application_name = application;
    add_error(&event, error);
    return record(session->console, &event, true);
}

rg_status console_record_command(struct console_session *session, const char *action, struct rg_slice argument,
                                 const struct console_error *error, const char *digest)
{
    struct audit_event event = event_of(session, AUDIT_CONSOLE);
    event.policy = rg_slice_of(digest);
    event.action = rg_slice_of(action);
    event.object = argument;
    event.operator_name = rg_slice_of(session->user);
    add_error(&event, error);
    return record(session->console, &event, true);
}

void console_record_logout(struct console_session *session)
{
    struct audit_event event = event_of(session, AUDIT_LOGOUT);
    (void)!rg_is_ok(record(session->console, &event, false));
}
