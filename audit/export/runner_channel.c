/* SPDX-License-Identifier: Apache-2.0 */
/* The exporter's records on their way into the log: one at a time, because they are few. The channel is opened when the
 * first one is written, and again when the auditor was started again. */
#include <poll.h>

#include "audit/export/runner_private.h"
#include "audit/reader.h"

enum { QUEUE_BYTES = 4 * 1024 * 1024, WAIT_MS = 100, STATE_WAIT_US = 2000000 };

void export_runner_set_door(struct export_runner *runner, int door_fd)
{
    (void)pthread_mutex_lock(&runner->channel_mutex);
    audit_client_close(&runner->client);
    audit_fd_done(&runner->door_fd);
    runner->door_fd = door_fd;
    (void)pthread_mutex_unlock(&runner->channel_mutex);
}

static rg_status open_channel(struct export_runner *runner)
{
    if (runner->client != NULL && audit_client_is_faulted(runner->client)) {
        audit_client_close(&runner->client);
    }
    if (runner->client != NULL) {
        return RG_OK;
    }
    if (runner->door_fd < 0) {
        return rg_fail(RG_STORAGE, "the auditor's process is not there");
    }
    runner->taken_ticket = 0;
    return audit_client_open(runner->door_fd, QUEUE_BYTES, &runner->client);
}

static bool is_too_late(const struct export_runner *runner, const struct export_turn *turn, int64_t deadline_us)
{
    return export_now_us(runner) >= deadline_us || (turn != NULL && export_should_stop(turn));
}

static void take_answers(struct export_runner *runner)
{
    uint64_t seq = 0;
    uint64_t ticket = 0;
    while (audit_take(runner->client, &ticket, &seq)) {
        runner->taken_ticket = ticket; /* also those of callers who did not wait for them */
    }
}

static void wait_for_socket(const struct export_runner *runner)
{
    struct pollfd waits = {.fd = audit_wakeup_fd(runner->client),
                           .events = (short)(POLLIN | (audit_wants_write(runner->client) ? POLLOUT : 0))};
    (void)poll(&waits, 1, WAIT_MS);
}

/* The reserve of a full disk is for people's statements, not for what we have to say. */
static rg_status check_state(const struct audit_client *client)
{
    enum audit_state state = audit_client_state(client);
    return state == AUDIT_OPEN || state == AUDIT_LOW
               ? RG_OK
               : rg_fail(RG_STORAGE, "the audit log takes no record of the exporter now: %s",
                         audit_client_reason(client));
}

/* The first thing that the auditor says on a new channel is whether the log is open. */
static rg_status await_state(struct export_runner *runner, const struct export_turn *turn, int64_t deadline_us)
{
    int64_t end_us = export_now_us(runner) + STATE_WAIT_US;
    end_us = end_us < deadline_us ? end_us : deadline_us;
    take_answers(runner);
    while (audit_client_state(runner->client) == AUDIT_CLOSED && !audit_client_is_faulted(runner->client) &&
           !is_too_late(runner, turn, end_us)) {
        wait_for_socket(runner);
        take_answers(runner);
    }
    return check_state(runner->client);
}

static rg_status write_record(struct export_runner *runner, const struct export_turn *turn, int64_t deadline_us,
                              const struct audit_event *event)
{
    uint64_t ticket = 0;
    RG_TRY(open_channel(runner));
    RG_TRY(await_state(runner, turn, deadline_us));
    RG_TRY(audit_submit(runner->client, event, &ticket));
    for (;;) {
        audit_flush(runner->client);
        take_answers(runner);
        if (runner->taken_ticket >= ticket) {
            return RG_OK;
        }
        if (audit_client_is_faulted(runner->client)) {
            return rg_fail(RG_STORAGE, "the auditor's process went away while a record was on its way to it");
        }
        if (is_too_late(runner, turn, deadline_us)) {
            return rg_fail(RG_CLOSED, "no time to wait for a record of the exporter");
        }
        wait_for_socket(runner);
    }
}

rg_status export_channel_record(struct export_runner *runner, const struct export_turn *turn, int64_t deadline_us,
                                const struct audit_event *event)
{
    (void)pthread_mutex_lock(&runner->channel_mutex);
    rg_status status = write_record(runner, turn, deadline_us, event);
    (void)pthread_mutex_unlock(&runner->channel_mutex);
    return status;
}
