/* SPDX-License-Identifier: Apache-2.0 */
/* One event-loop thread: accepts, owns sessions, ends. Its records are worker_audit.c. */
#include "proxy/worker.h"

#include "base/rg_memory.h"
#include "proxy/session.h"

enum { CACHE_BYTES = 64 << 20, SETTLE_MS = 500 };

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
    worker_flush(worker);
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
    worker_connect(worker, gateway->door_fd);
    worker_wait_for_auditor(worker);
    net_loop_set_turn_end(worker->loop, on_turn_end, worker);
    return start_accepting(worker);
}

void worker_done(struct worker *worker)
{
    stop_accepting(worker);
    if (worker->loop != NULL) {
        worker_close_all(worker);
        free_dead_sessions(worker);
        worker_disconnect(worker);
    }
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
    worker_disconnect(worker);
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
