/* SPDX-License-Identifier: Apache-2.0 */
/* One event-loop thread: accepts, owns sessions, hands records to the auditor once a turn and wakes the sessions
 * whose records became durable. */
#include "proxy/worker.h"

#include "base/rg_memory.h"
#include "proxy/session.h"

enum { CACHE_BYTES = 64 << 20, SETTLE_MS = 500 };

/* ---- records ---- */

static void grow_waiters(struct worker *worker)
{
    size_t capacity = worker->waiter_capacity == 0 ? 256 : worker->waiter_capacity * 2;
    struct worker_waiter *waiters = rg_memory_array(capacity, sizeof *waiters);
    for (size_t i = 0; i < worker->waiter_count; i++) {
        waiters[i] = worker->waiters[(worker->waiter_first + i) % worker->waiter_capacity];
    }
    rg_memory_free(worker->waiters);
    worker->waiters = waiters;
    worker->waiter_first = 0;
    worker->waiter_capacity = capacity;
}

rg_status worker_submit(struct worker *worker, const struct audit_event *event, struct session *session,
                        uint64_t *out_ticket)
{
    uint64_t ticket = 0;
    RG_TRY(audit_submit(worker->audit, event, &ticket));
    if (worker->waiter_count == worker->waiter_capacity) {
        grow_waiters(worker);
    }
    size_t place = (worker->waiter_first + worker->waiter_count) % worker->waiter_capacity;
    worker->waiters[place] = (struct worker_waiter){ticket, session};
    worker->waiter_count++;
    *out_ticket = ticket;
    return RG_OK;
}

void worker_forget(struct worker *worker, const struct session *session)
{
    for (size_t i = 0; i < worker->waiter_count; i++) {
        struct worker_waiter *waiter = &worker->waiters[(worker->waiter_first + i) % worker->waiter_capacity];
        if (waiter->session == session) {
            waiter->session = NULL;
        }
    }
}

static void report_fault(struct worker *worker)
{
    worker->is_faulted = true;
    rg_status status = auditor_check(worker->gateway->auditor);
    rg_log_event(worker->gateway->log, RG_LOG_ERROR, "audit.faulted", "s:s", "reason",
                 rg_is_ok(status) ? "unknown" : status.error->text);
    struct session *next = NULL;
    for (struct session *session = worker->sessions; session != NULL; session = next) {
        next = session_next(session);
        session_on_fault(session);
    }
}

static void on_audit(void *context)
{
    struct worker *worker = context;
    uint64_t ticket = 0;
    uint64_t sequence = 0;
    while (audit_take(worker->audit, &ticket, &sequence)) {
        RG_ASSERT(worker->waiter_count > 0 && worker->waiters[worker->waiter_first].ticket == ticket);
        struct session *session = worker->waiters[worker->waiter_first].session;
        worker->waiter_first = (worker->waiter_first + 1) % worker->waiter_capacity;
        worker->waiter_count--;
        if (session != NULL) {
            session_on_durable(session, ticket, sequence);
        }
    }
    if (!worker->is_faulted && audit_client_is_faulted(worker->audit)) {
        report_fault(worker);
    }
}

/* ---- the turn ---- */

static void free_dead_sessions(struct worker *worker)
{
    struct session *next = NULL;
    for (struct session *session = worker->sessions; session != NULL; session = next) {
        next = session_next(session);
        if (session_is_dead(session)) {
            session_free(session);
        }
    }
}

static void on_turn_end(void *context)
{
    struct worker *worker = context;
    audit_flush(worker->audit);
    if (worker->has_dead) {
        worker->has_dead = false;
        free_dead_sessions(worker);
    }
    if (worker->is_draining && worker->session_count == 0) {
        net_loop_stop(worker->loop);
    }
}

/* ---- sessions ---- */

struct session *worker_find(struct worker *worker, uint64_t id)
{
    for (struct session *session = worker->sessions; session != NULL; session = session_next(session)) {
        if (session_id(session) == id && !session_is_dead(session)) {
            return session;
        }
    }
    return NULL;
}

struct acceptor_context {
    struct worker *worker;
    size_t listener;
};

static void on_accept(void *context, struct net_stream *stream)
{
    const struct acceptor_context *acceptor = context;
    session_start(acceptor->worker, acceptor->listener, stream);
}

static rg_status start_accepting(struct worker *worker)
{
    size_t count = worker->gateway->listener_count;
    worker->acceptors = rg_memory_array(count, sizeof(struct net_acceptor *));
    worker->acceptor_contexts = rg_memory_array(count, sizeof(struct acceptor_context));
    for (size_t i = 0; i < count; i++) {
        worker->acceptor_contexts[i] = (struct acceptor_context){worker, i};
        RG_TRY(net_listener_start(worker->gateway->listeners[i], worker->loop, on_accept, &worker->acceptor_contexts[i],
                                  &worker->acceptors[i]));
    }
    return RG_OK;
}

static void stop_accepting(struct worker *worker)
{
    for (size_t i = 0; worker->acceptors != NULL && i < worker->gateway->listener_count; i++) {
        net_acceptor_stop(&worker->acceptors[i]);
    }
}

rg_status worker_open(struct gateway *gateway, unsigned index, struct snapshot *snapshot, struct worker *worker)
{
    worker->gateway = gateway;
    worker->index = index;
    worker->snapshot = snapshot_ref(snapshot);
    RG_TRY(net_loop_new(gateway->offload, &worker->loop));
    RG_TRY(policy_cache_new(CACHE_BYTES, &worker->cache));
    RG_TRY(audit_client_open(gateway->auditor, &worker->audit));
    RG_TRY(net_watch_open(worker->loop, audit_wakeup_fd(worker->audit), on_audit, worker, &worker->audit_watch));
    net_loop_set_turn_end(worker->loop, on_turn_end, worker);
    return start_accepting(worker);
}

void worker_done(struct worker *worker)
{
    stop_accepting(worker);
    if (worker->loop != NULL) {
        worker_close_all(worker);
        free_dead_sessions(worker);
        if (worker->audit_watch != NULL) {
            net_watch_close(&worker->audit_watch);
        }
    }
    audit_client_close(&worker->audit);
    policy_cache_free(&worker->cache);
    net_loop_free(&worker->loop);
    snapshot_free(&worker->snapshot);
    rg_memory_free(worker->waiters);
    rg_memory_free(worker->acceptors);
    rg_memory_free(worker->acceptor_contexts);
}

void worker_run(struct worker *worker)
{
    net_loop_run(worker->loop);
    /* Streams end on the thread that opened them: libh2o's buffers belong to it. */
    stop_accepting(worker);
    worker_close_all(worker);
    free_dead_sessions(worker);
    if (worker->audit_watch != NULL) {
        net_watch_close(&worker->audit_watch);
    }
    net_loop_settle(worker->loop, SETTLE_MS);
}

void worker_swap(struct worker *worker, struct snapshot *snapshot)
{
    snapshot_free(&worker->snapshot);
    worker->snapshot = snapshot;
}

void worker_drain(struct worker *worker)
{
    stop_accepting(worker);
    worker->is_draining = true;
    struct session *next = NULL;
    for (struct session *session = worker->sessions; session != NULL; session = next) {
        next = session_next(session);
        session_drain(session);
    }
}

void worker_close_all(struct worker *worker)
{
    for (struct session *session = worker->sessions; session != NULL; session = session_next(session)) {
        session_close(session);
    }
}
