/* SPDX-License-Identifier: Apache-2.0 */
/* One event-loop thread: accepts, owns sessions, ends. Its records are worker_audit.c. */
#include "proxy/worker.h"

#include "auth/guest_token.h"
#include "base/rg_memory.h"
#include "proxy/answers.h"
#include "proxy/bindings.h"
#include "proxy/http/cache_answer.h"
#include "proxy/http/identity_header.h"
#include "proxy/http/plane.h"
#include "proxy/session.h"
#include "proxy/spares.h"

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

/* Runs what over the planes there are. */
static void each_plane(struct worker *worker, void (*run)(struct http_plane *plane))
{
    for (size_t i = 0; worker->planes != NULL && i < worker->gateway->listener_count; i++) {
        if (worker->planes[i] != NULL) {
            run(worker->planes[i]);
        }
    }
}

static bool is_idle(const struct worker *worker)
{
    bool is_idle = worker->session_count == 0;
    for (size_t i = 0; worker->planes != NULL && i < worker->gateway->listener_count; i++) {
        is_idle = is_idle && (worker->planes[i] == NULL || http_plane_is_idle(worker->planes[i]));
    }
    return is_idle;
}

/* ---- what others see of it ---- */

static void on_beat(void *context)
{
    struct worker *worker = context;
    health_beat(worker->gateway->health, worker->index, net_loop_now_us(worker->loop));
    net_timer_start(worker->loop, &worker->beat, HEALTH_BEAT_MS, on_beat, worker);
}

static void tell_state(struct worker *worker)
{
    struct policy_cache_stats stats = policy_cache_stats(worker->cache);
    health_audit(worker->gateway->health, worker->index,
                 worker_takes_records(worker) ? worker->audit_state : AUDIT_CLOSED);
    health_wait(worker->gateway->health, worker->index, worker_waits_since_us(worker));
    worker_pools_tell(worker);
    metrics_set(worker->metrics, METRICS_AUDIT_WAITING, METRICS_SERIES(0), (int64_t)worker->waiter_count);
    metrics_set(worker->metrics, METRICS_PLAN_CACHE_LOOKUPS, METRICS_SERIES(METRICS_HIT), (int64_t)stats.hits);
    metrics_set(worker->metrics, METRICS_PLAN_CACHE_LOOKUPS, METRICS_SERIES(METRICS_MISS), (int64_t)stats.misses);
    metrics_set(worker->metrics, METRICS_PLAN_CACHE_ENTRIES, METRICS_SERIES(0), (int64_t)stats.entries);
    metrics_set(worker->metrics, METRICS_PLAN_CACHE_BYTES, METRICS_SERIES(0), (int64_t)stats.bytes);
}

static void on_turn_end(void *context)
{
    struct worker *worker = context;
    worker_flush(worker);
    tell_state(worker);
    if (worker->has_dead) {
        worker->has_dead = false;
        free_dead_sessions(worker);
    }
    if (worker->is_draining && is_idle(worker)) {
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

static void on_http_accept(void *context, int fd)
{
    http_plane_take(context, fd);
}

static rg_status start_listener(struct worker *worker, size_t at)
{
    struct net_listener *listener = worker->gateway->listeners[at];
    worker->acceptor_contexts[at] = (struct acceptor_context){worker, at};
    if (worker->snapshot->config->listeners[at].http == NULL) {
        return net_listener_start(listener, worker->loop, on_accept, &worker->acceptor_contexts[at],
                                  &worker->acceptors[at]);
    }
    RG_TRY(http_plane_open(worker, at, &worker->planes[at]));
    return net_listener_start_raw(listener, worker->loop, on_http_accept, worker->planes[at], &worker->acceptors[at]);
}

static rg_status start_accepting(struct worker *worker)
{
    size_t count = worker->gateway->listener_count;
    worker->acceptors = rg_memory_array(count, sizeof(struct net_acceptor *));
    worker->acceptor_contexts = rg_memory_array(count, sizeof(struct acceptor_context));
    worker->planes = rg_memory_array(count, sizeof(struct http_plane *));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(start_listener(worker, i));
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
    worker->metrics = metrics_block(gateway->metrics, index + 1);
    RG_TRY(net_loop_new(gateway->offload, &worker->loop));
    RG_TRY(policy_cache_new(CACHE_BYTES, &worker->cache));
    worker->identities = http_identity_cache_new();
    worker->guests = auth_guest_cache_new();
    worker->cache_reader = http_cache_reader_new();
    worker->spares = spares_new(worker->loop, SPARES_IDLE_MS, SPARES_AGE_MS);
    worker->answers = answers_new();
    worker->bindings = bindings_new();
    worker_connect(worker, gateway->door_fd);
    worker_wait_for_auditor(worker);
    net_loop_set_turn_end(worker->loop, on_turn_end, worker);
    tell_state(worker);
    worker_pools_open(worker);
    net_timer_start(worker->loop, &worker->beat, 0, on_beat, worker);
    return start_accepting(worker);
}

void worker_done(struct worker *worker)
{
    stop_accepting(worker);
    if (worker->loop != NULL) {
        worker_close_all(worker);
        each_plane(worker, http_plane_close_all);
        free_dead_sessions(worker);
        spares_free(&worker->spares);
        worker_pools_free(worker);
        worker_disconnect(worker);
    }
    for (size_t i = 0; worker->planes != NULL && i < worker->gateway->listener_count; i++) {
        http_plane_free(&worker->planes[i]);
    }
    policy_cache_free(&worker->cache);
    answers_free(&worker->answers);
    bindings_free(&worker->bindings);
    http_identity_cache_free(&worker->identities);
    auth_guest_cache_free(&worker->guests);
    http_cache_reader_free(&worker->cache_reader);
    net_loop_free(&worker->loop);
    snapshot_free(&worker->snapshot);
    rg_memory_free(worker->waiters);
    rg_memory_free(worker->acceptors);
    rg_memory_free(worker->acceptor_contexts);
    rg_memory_free(worker->planes);
}

void worker_run(struct worker *worker)
{
    net_loop_run(worker->loop);
    net_timer_stop(&worker->beat);
    health_leave(worker->gateway->health, worker->index);
    /* Streams end on the thread that opened them: libh2o's buffers belong to it. */
    stop_accepting(worker);
    worker_close_all(worker);
    each_plane(worker, http_plane_close_all);
    free_dead_sessions(worker);
    spares_free(&worker->spares);
    worker_pools_free(worker);
    worker_disconnect(worker);
    net_loop_settle(worker->loop, SETTLE_MS);
}

void worker_swap(struct worker *worker, struct snapshot *snapshot)
{
    snapshot_free(&worker->snapshot);
    worker->snapshot = snapshot;
    spares_close_all(worker->spares); /* opened with what may be another login now */
    answers_clear(worker->answers);
    bindings_clear(worker->bindings);
    each_plane(worker, http_plane_swap);
    worker_pools_swap(worker); /* whoever is granted a place meanwhile runs under all that is new */
}

void worker_drain(struct worker *worker)
{
    stop_accepting(worker);
    worker->is_draining = true;
    each_plane(worker, http_plane_drain);
    struct session *next = NULL;
    for (struct session *session = worker->sessions; session != NULL; session = next) {
        next = session_next(session);
        session_drain(session);
    }
}

void worker_end_revoked(struct worker *worker)
{
    for (struct session *session = worker->sessions; session != NULL; session = session_next(session)) {
        session_end_if_revoked(session);
    }
}

void worker_close_all(struct worker *worker)
{
    worker_pools_stop(worker);
    for (struct session *session = worker->sessions; session != NULL; session = session_next(session)) {
        session_close(session);
    }
}
