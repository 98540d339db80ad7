/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's channel to the auditor: who waits for which record, and what becomes of them when the auditor dies. */
#include <poll.h>

#include "base/rg_memory.h"
#include "proxy/session.h"
#include "proxy/worker.h"
#include "proxy/worker_kept.h"

enum { FLUSH_MS = 5000, STATE_MS = 5000, SLICE_MS = 50 };

static struct worker_waiter *waiter_at(struct worker *worker, size_t at)
{
    return &worker->waiters[(worker->waiter_first + at) % worker->waiter_capacity];
}

static void grow_waiters(struct worker *worker)
{
    size_t capacity = worker->waiter_capacity == 0 ? 256 : worker->waiter_capacity * 2;
    struct worker_waiter *waiters = rg_memory_array(capacity, sizeof *waiters);
    for (size_t i = 0; i < worker->waiter_count; i++) {
        waiters[i] = *waiter_at(worker, i);
    }
    rg_memory_free(worker->waiters);
    worker->waiters = waiters;
    worker->waiter_first = 0;
    worker->waiter_capacity = capacity;
}

static void add_waiter(struct worker *worker, struct worker_waiter waiter)
{
    if (worker->waiter_count == worker->waiter_capacity) {
        grow_waiters(worker);
    }
    worker->waiter_count++;
    *waiter_at(worker, worker->waiter_count - 1) = waiter;
}

static rg_status submit(struct worker *worker, const struct audit_event *event, uint64_t *out_ticket)
{
    if (worker->audit == NULL) {
        return rg_fail(RG_STORAGE, "there is no auditor");
    }
    return audit_submit(worker->audit, event, out_ticket);
}

rg_status worker_submit(struct worker *worker, const struct audit_event *event, struct session *session,
                        uint64_t *out_ticket)
{
    uint64_t ticket = 0;
    struct kept_event *kept = kept_event_new(event);
    rg_status status = submit(worker, event, &ticket);
    if (!rg_is_ok(status)) {
        kept_events_add(&worker->kept, kept);
        return status;
    }
    add_waiter(worker, (struct worker_waiter){ticket, session, kept});
    *out_ticket = ticket;
    return RG_OK;
}

void worker_forget(struct worker *worker, const struct session *session)
{
    for (size_t i = 0; i < worker->waiter_count; i++) {
        struct worker_waiter *waiter = waiter_at(worker, i);
        if (waiter->session == session) {
            waiter->session = NULL;
        }
    }
}

/* What ended sessions could not put on record, now that there is an auditor again. */
static void submit_kept(struct worker *worker)
{
    struct kept_event *kept = NULL;
    uint64_t ticket = 0;
    while (worker_takes_records(worker) && (kept = kept_events_first(&worker->kept)) != NULL) {
        rg_status status = submit(worker, kept_event_of(kept), &ticket);
        if (!rg_is_ok(status)) {
            return;
        }
        kept_events_take(&worker->kept);
        add_waiter(worker, (struct worker_waiter){ticket, NULL, kept});
    }
    if (worker_takes_records(worker) && worker->kept.lost_count > 0) {
        rg_log_event(worker->gateway->log, RG_LOG_ERROR, "audit.outcomes_lost", "s:I", "count",
                     (long long)worker->kept.lost_count);
        worker->kept.lost_count = 0;
    }
}

/* ---- the auditor takes no more ---- */

/* Nothing that waits for a record may leave. Those that wait for none go on; their next statement is refused. */
static void end_waiting_sessions(struct worker *worker)
{
    for (size_t i = 0; i < worker->waiter_count; i++) {
        struct session *session = waiter_at(worker, i)->session;
        waiter_at(worker, i)->session = NULL;
        if (session != NULL) {
            session_on_fault(session);
        }
    }
}

static void drop_channel(struct worker *worker)
{
    if (worker->audit == NULL) {
        return;
    }
    worker->is_disk_full = audit_client_is_disk_full(worker->audit);
    worker->audit_state = AUDIT_CLOSED;
    net_watch_close(&worker->audit_watch);
    audit_client_close(&worker->audit);
    end_waiting_sessions(worker);
    for (size_t i = 0; i < worker->waiter_count; i++) {
        kept_events_add(&worker->kept, waiter_at(worker, i)->kept); /* it may be on record: twice is better than not */
    }
    worker->waiter_first = 0;
    worker->waiter_count = 0;
}

static void on_state(struct worker *worker)
{
    enum audit_state state = audit_client_state(worker->audit);
    if (state == worker->audit_state) {
        return;
    }
    worker->audit_state = state;
    worker->is_disk_full = audit_client_is_disk_full(worker->audit);
    if (state == AUDIT_CLOSED) {
        end_waiting_sessions(worker);
    }
    submit_kept(worker);
}

/* ---- acknowledgements ---- */

static void on_acknowledged(struct worker *worker, uint64_t ticket, uint64_t sequence)
{
    RG_ASSERT(worker->waiter_count > 0 && waiter_at(worker, 0)->ticket == ticket);
    struct worker_waiter waiter = *waiter_at(worker, 0);
    worker->waiter_first = (worker->waiter_first + 1) % worker->waiter_capacity;
    worker->waiter_count--;
    kept_event_free(&waiter.kept);
    if (waiter.session != NULL) {
        session_on_durable(waiter.session, ticket, sequence);
    }
}

static void on_audit(void *context)
{
    struct worker *worker = context;
    uint64_t ticket = 0;
    uint64_t sequence = 0;
    if (worker->audit == NULL) {
        return;
    }
    while (audit_take(worker->audit, &ticket, &sequence)) {
        on_acknowledged(worker, ticket, sequence);
    }
    on_state(worker);
    if (audit_client_is_faulted(worker->audit)) {
        drop_channel(worker);
    }
}

void worker_flush(struct worker *worker)
{
    if (worker->audit == NULL) {
        return;
    }
    audit_flush(worker->audit);
    net_watch_want_write(worker->audit_watch, audit_wants_write(worker->audit));
}

/* ---- opening and closing ---- */

bool worker_takes_records(const struct worker *worker)
{
    return worker->audit != NULL && worker->audit_state != AUDIT_CLOSED;
}

static rg_status open_channel(struct worker *worker, int door_fd)
{
    RG_TRY(audit_client_open(door_fd, 0, &worker->audit));
    rg_status status =
        net_watch_open(worker->loop, audit_wakeup_fd(worker->audit), on_audit, worker, &worker->audit_watch);
    if (!rg_is_ok(status)) {
        audit_client_close(&worker->audit);
    }
    return status;
}

void worker_connect(struct worker *worker, int door_fd)
{
    if (worker->is_over) {
        return;
    }
    drop_channel(worker);
    rg_status status = open_channel(worker, door_fd);
    if (!rg_is_ok(status)) { /* that auditor has gone too: the next one brings another door */
        rg_log_event(worker->gateway->log, RG_LOG_WARNING, "audit.channel_failed", "s:i, s:s", "worker",
                     (int)worker->index, "reason", status.error->text);
    }
}

void worker_wait_for_auditor(struct worker *worker)
{
    int64_t deadline_us = net_loop_now_us(worker->loop) + (int64_t)STATE_MS * 1000;
    while (worker->audit != NULL && worker->audit_state == AUDIT_CLOSED &&
           net_loop_now_us(worker->loop) < deadline_us) {
        struct pollfd wait = {.fd = audit_wakeup_fd(worker->audit), .events = POLLIN};
        (void)poll(&wait, 1, SLICE_MS);
        on_audit(worker);
    }
}

/* What could be sent no more: the log lacks how these ended. */
static void give_up_kept(struct worker *worker)
{
    for (size_t i = 0; i < worker->waiter_count; i++) {
        kept_event_free(&waiter_at(worker, i)->kept);
    }
    worker->waiter_count = 0;
    size_t lost = worker->kept.count + worker->kept.lost_count;
    if (lost > 0) {
        rg_log_event(worker->gateway->log, RG_LOG_ERROR, "audit.outcomes_lost", "s:I", "count", (long long)lost);
    }
    kept_events_done(&worker->kept);
    worker->kept.lost_count = 0;
}

static void send_rest(struct worker *worker)
{
    int64_t deadline_us = net_loop_now_us(worker->loop) + (int64_t)FLUSH_MS * 1000;
    audit_flush(worker->audit);
    while (audit_wants_write(worker->audit) && !audit_client_is_faulted(worker->audit) &&
           net_loop_now_us(worker->loop) < deadline_us) {
        uint64_t ticket = 0;
        uint64_t sequence = 0;
        struct pollfd wait = {.fd = audit_wakeup_fd(worker->audit), .events = POLLIN | POLLOUT};
        (void)poll(&wait, 1, SLICE_MS);
        while (audit_take(worker->audit, &ticket, &sequence)) { /* nobody waits for it any more */
        }
        audit_flush(worker->audit);
    }
}

void worker_disconnect(struct worker *worker)
{
    worker->is_over = true;
    if (worker->audit != NULL) {
        send_rest(worker);
        if (worker->audit_watch != NULL) {
            net_watch_close(&worker->audit_watch);
        }
        audit_client_close(&worker->audit);
    }
    give_up_kept(worker);
}
