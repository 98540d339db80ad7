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

rg_status worker_submit_for(struct worker *worker, const struct audit_event *event,
                            const struct worker_waiting *waiting, void *owner, uint64_t *out_ticket)
{
    uint64_t ticket = 0;
    struct kept_event *kept = kept_event_new(event);
    rg_status status = submit(worker, event, &ticket);
    if (!rg_is_ok(status)) {
        metrics_add(worker->metrics, METRICS_AUDIT_REFUSED, METRICS_SERIES(0), 1);
        kept_events_add(&worker->kept, kept);
        return status;
    }
    add_waiter(worker, (struct worker_waiter){.ticket = ticket,
                                              .owner = owner,
                                              .waiting = waiting,
                                              .kept = kept,
                                              .submitted_us = net_loop_now_us(worker->loop)});
    metrics_add(worker->metrics, METRICS_AUDIT_BYTES, METRICS_SERIES(0), audit_client_last_size(worker->audit));
    *out_ticket = ticket;
    return RG_OK;
}

int64_t worker_waits_since_us(const struct worker *worker)
{
    return worker->waiter_count == 0 ? 0 : worker->waiters[worker->waiter_first].submitted_us;
}

void worker_measure(struct worker *worker, const struct worker_measure *measure)
{
    RG_ASSERT(worker->waiter_count > 0);
    waiter_at(worker, worker->waiter_count - 1)->measure = *measure;
}

static void on_session_durable(void *owner, uint64_t ticket, uint64_t sequence)
{
    session_on_durable(owner, ticket, sequence);
}

static void on_session_fault(void *owner)
{
    session_on_fault(owner);
}

rg_status worker_submit(struct worker *worker, const struct audit_event *event, struct session *session,
                        uint64_t *out_ticket)
{
    static const struct worker_waiting waiting = {.on_durable = on_session_durable, .on_fault = on_session_fault};
    return worker_submit_for(worker, event, &waiting, session, out_ticket);
}

void worker_forget(struct worker *worker, const void *owner)
{
    for (size_t i = 0; i < worker->waiter_count; i++) {
        struct worker_waiter *waiter = waiter_at(worker, i);
        if (waiter->owner == owner) {
            waiter->owner = NULL;
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
        add_waiter(worker, (struct worker_waiter){
                               .ticket = ticket, .kept = kept, .submitted_us = net_loop_now_us(worker->loop)});
    }
    if (worker_takes_records(worker) && worker->kept.lost_count > 0) {
        rg_log_event(worker->gateway->log, RG_LOG_ERROR, "audit.outcomes_lost", "s:I", "count",
                     (long long)worker->kept.lost_count);
        worker->kept.lost_count = 0;
    }
}

/* ---- the auditor takes no more ---- */

/* Nothing that waits for a record may leave. Those that wait for none go on; their next statement or request is
 * refused.
 */
static void end_waiting(struct worker *worker)
{
    for (size_t i = 0; i < worker->waiter_count; i++) {
        struct worker_waiter *waiter = waiter_at(worker, i);
        void *owner = waiter->owner;
        const struct worker_waiting *waiting = waiter->waiting; /* what is called may wait for more */
        waiter->owner = NULL;
        if (owner != NULL) {
            waiting->on_fault(owner);
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
    end_waiting(worker);
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
        end_waiting(worker);
    }
    submit_kept(worker);
}

/* ---- acknowledgements ---- */

static void count_acknowledged(struct worker *worker, const struct worker_waiter *waiter, int64_t now_us)
{
    const struct worker_measure *measure = &waiter->measure;
    metrics_add(worker->metrics, METRICS_AUDIT_RECORDS, METRICS_SERIES(0), 1);
    metrics_observe(worker->metrics, METRICS_AUDIT_COMMIT_SECONDS, METRICS_SERIES(0), now_us - waiter->submitted_us);
    if (measure->begun_us == 0) {
        return;
    }
    int64_t whole_us = now_us - measure->begun_us;
    metrics_observe(worker->metrics, METRICS_STATEMENT_SECONDS,
                    METRICS_SERIES(measure->tenant, measure->class_of_statement), whole_us);
    metrics_observe(worker->metrics, METRICS_STATEMENT_OWN_SECONDS, METRICS_SERIES(measure->class_of_statement),
                    whole_us - (waiter->submitted_us - measure->forwarded_us));
}

static void on_acknowledged(struct worker *worker, uint64_t ticket, uint64_t sequence, int64_t now_us)
{
    RG_ASSERT(worker->waiter_count > 0 && waiter_at(worker, 0)->ticket == ticket);
    struct worker_waiter waiter = *waiter_at(worker, 0);
    worker->waiter_first = (worker->waiter_first + 1) % worker->waiter_capacity;
    worker->waiter_count--;
    kept_event_free(&waiter.kept);
    count_acknowledged(worker, &waiter, now_us);
    if (waiter.owner != NULL) {
        waiter.waiting->on_durable(waiter.owner, ticket, sequence);
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
    int64_t now_us = net_loop_now_us(worker->loop);
    while (audit_take(worker->audit, &ticket, &sequence)) {
        on_acknowledged(worker, ticket, sequence, now_us);
    }
    on_state(worker);
    if (audit_client_is_faulted(worker->audit)) {
        drop_channel(worker);
    }
}

/* On record by the flush alone. */
static void take_from_ring(struct worker *worker)
{
    uint64_t ticket = 0;
    uint64_t sequence = 0;
    int64_t now_us = net_loop_now_us(worker->loop);
    while (audit_has_taken(worker->audit) && audit_take(worker->audit, &ticket, &sequence)) {
        on_acknowledged(worker, ticket, sequence, now_us);
    }
}

void worker_flush(struct worker *worker)
{
    if (worker->audit == NULL) {
        return;
    }
    audit_flush(worker->audit);
    while (audit_has_taken(worker->audit)) { /* what that frees may ask for more records */
        take_from_ring(worker);
        audit_flush(worker->audit);
    }
    net_watch_want_write(worker->audit_watch, audit_wants_write(worker->audit));
}

/* ---- opening and closing ---- */

bool worker_takes_records(const struct worker *worker)
{
    return worker->audit != NULL && worker->audit_state != AUDIT_CLOSED;
}

static rg_status open_channel(struct worker *worker, int door_fd)
{
    const char *sealed_origin = worker->gateway->options->sealed_origin;
    RG_TRY(audit_client_open(door_fd, 0, &worker->audit));
    rg_status status = sealed_origin == NULL ? RG_OK : audit_client_seal(worker->audit, rg_slice_of(sealed_origin));
    if (rg_is_ok(status)) {
        status = net_watch_open(worker->loop, audit_wakeup_fd(worker->audit), on_audit, worker, &worker->audit_watch);
    }
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
    while (audit_has_unsent(worker->audit) && !audit_client_is_faulted(worker->audit) &&
           net_loop_now_us(worker->loop) < deadline_us) {
        uint64_t ticket = 0;
        uint64_t sequence = 0;
        struct pollfd wait = {.fd = audit_wakeup_fd(worker->audit),
                              .events = audit_wants_write(worker->audit) ? POLLIN | POLLOUT : POLLIN};
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
