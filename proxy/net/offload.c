/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for the few blocking calls: name lookups and cancel requests. Bounded queues. */
#include "proxy/net/offload.h"

#include <pthread.h>
#include <signal.h>

#include "base/rg_memory.h"
#include "proxy/net/loop.h"

struct job {
    struct job *next;
    struct net_loop *loop;
    const void *peer; /* whom it waits for */
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

struct lane {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *first;
    struct job **last;
    size_t waiting;
    size_t max_waiting;
    bool is_stopping;
    pthread_t *threads;
    const struct job **running; /* as many as threads; NULL = that one waits */
    unsigned thread_limit;
    unsigned thread_count;
};

struct net_offload {
    struct lane lanes[NET_OFFLOAD_LANE_COUNT];
};

static void end_job(struct job *job)
{
    if (job->loop != NULL) {
        net_loop_post(job->loop, job->done, job->arg);
    } else {
        job->done(job->arg);
    }
    rg_memory_free(job);
}

/* ---- fairness; under the lane's lock ---- */

static bool is_peer_busy(const struct lane *lane, const void *peer)
{
    unsigned running = 0;
    for (unsigned i = 0; peer != NULL && i < lane->thread_limit; i++) {
        running += lane->running[i] != NULL && lane->running[i]->peer == peer ? 1 : 0;
    }
    return running > 0 && running >= lane->thread_limit / 2;
}

static bool is_peer_queue_full(const struct lane *lane, const void *peer)
{
    size_t waiting = 0;
    for (const struct job *at = lane->first; peer != NULL && at != NULL; at = at->next) {
        waiting += at->peer == peer ? 1 : 0;
    }
    return waiting > 0 && waiting >= lane->max_waiting / 4;
}

/* The first whose peer has threads left; while the lane stops, the first. */
static struct job *pick_job(struct lane *lane)
{
    struct job **link = &lane->first;
    while (*link != NULL && !lane->is_stopping && is_peer_busy(lane, (*link)->peer)) {
        link = &(*link)->next;
    }
    struct job *job = *link;
    if (job != NULL) {
        *link = job->next;
        lane->waiting--;
        lane->last = job->next == NULL ? link : lane->last;
    }
    return job;
}

static void book_start(struct lane *lane, const struct job *job)
{
    unsigned at = 0;
    while (lane->running[at] != NULL) { /* there is room for each thread's */
        at++;
    }
    lane->running[at] = job;
}

static void book_end(struct lane *lane, const struct job *job)
{
    pthread_mutex_lock(&lane->lock);
    for (unsigned i = 0; i < lane->thread_limit; i++) {
        lane->running[i] = lane->running[i] == job ? NULL : lane->running[i];
    }
    pthread_mutex_unlock(&lane->lock);
}

/* ---- threads ---- */

/* Waits for a job; NULL when the lane stops. *out_drop: give it back unrun. */
static struct job *take_job(struct lane *lane, bool *out_drop)
{
    pthread_mutex_lock(&lane->lock);
    struct job *job = pick_job(lane);
    while (job == NULL && !lane->is_stopping) {
        pthread_cond_wait(&lane->changed, &lane->lock);
        job = pick_job(lane);
    }
    *out_drop = lane->is_stopping;
    if (job != NULL) {
        book_start(lane, job);
    }
    pthread_mutex_unlock(&lane->lock);
    return job;
}

static void *serve(void *arg)
{
    struct lane *lane = arg;
    bool drop = false;
    for (struct job *job = take_job(lane, &drop); job != NULL; job = take_job(lane, &drop)) {
        if (!drop) {
            job->run(job->arg);
        }
        book_end(lane, job);
        end_job(job);
    }
    return NULL;
}

/* The threads take no signals: those are the main thread's. */
static rg_status start_threads(struct lane *lane, unsigned threads)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    lane->threads = rg_memory_array(threads, sizeof(pthread_t));
    lane->running = rg_memory_array(threads, sizeof(struct job *));
    lane->thread_limit = threads;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = 0;
    while (lane->thread_count < threads && failure == 0) {
        failure = pthread_create(&lane->threads[lane->thread_count], NULL, serve, lane);
        lane->thread_count += failure == 0 ? 1 : 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure == 0 ? RG_OK : rg_fail(RG_INTERNAL, "cannot start a thread: %s", strerror(failure));
}

static void init_lane(struct lane *lane, size_t max_waiting)
{
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->changed, NULL);
    lane->last = &lane->first;
    lane->max_waiting = max_waiting;
}

static void stop_lane(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->is_stopping = true;
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
    for (unsigned i = 0; i < lane->thread_count; i++) {
        pthread_join(lane->threads[i], NULL);
    }
    rg_memory_free(lane->threads);
    rg_memory_free(lane->running);
    pthread_cond_destroy(&lane->changed);
    pthread_mutex_destroy(&lane->lock);
}

rg_status net_offload_new(unsigned threads, size_t max_waiting, struct net_offload **out_offload)
{
    static const unsigned shares[NET_OFFLOAD_LANE_COUNT] = {
        [NET_OFFLOAD_LOOKUP] = 1, [NET_OFFLOAD_CANCEL] = 1, [NET_OFFLOAD_HTTP] = 4};
    struct net_offload *offload = rg_memory_alloc(sizeof *offload);
    rg_status status = RG_OK;
    for (size_t i = 0; i < NET_OFFLOAD_LANE_COUNT; i++) {
        init_lane(&offload->lanes[i], max_waiting);
        if (rg_is_ok(status)) {
            status = start_threads(&offload->lanes[i], threads * shares[i]);
        }
    }
    if (!rg_is_ok(status)) {
        net_offload_free(&offload);
        return status;
    }
    *out_offload = offload;
    return RG_OK;
}

void net_offload_free(struct net_offload **offload)
{
    if (*offload == NULL) {
        return;
    }
    for (size_t i = 0; i < NET_OFFLOAD_LANE_COUNT; i++) {
        stop_lane(&(*offload)->lanes[i]);
    }
    rg_memory_free(*offload);
    *offload = NULL;
}

rg_status net_offload_submit_for(struct net_offload *offload, enum net_offload_lane lane_index, const void *peer,
                                 struct net_loop *loop, void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
    struct lane *lane = &offload->lanes[lane_index];
    struct job *job = rg_memory_alloc(sizeof *job);
    *job = (struct job){.loop = loop, .peer = peer, .run = run, .done = done, .arg = arg};
    pthread_mutex_lock(&lane->lock);
    bool is_full = lane->waiting >= lane->max_waiting || is_peer_queue_full(lane, peer);
    size_t waiting = lane->waiting;
    if (!is_full) {
        *lane->last = job;
        lane->last = &job->next;
        lane->waiting++;
        pthread_cond_signal(&lane->changed);
    }
    pthread_mutex_unlock(&lane->lock);
    if (is_full) {
        rg_memory_free(job);
        return rg_fail(RG_LIMIT, "%zu calls wait for a helper thread already", waiting);
    }
    return RG_OK;
}

rg_status net_offload_submit(struct net_offload *offload, enum net_offload_lane lane, struct net_loop *loop,
                             void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
    return net_offload_submit_for(offload, lane, NULL, loop, run, done, arg);
}
