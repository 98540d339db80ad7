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

/* Waits for a job; NULL when the lane stops. *out_drop: give it back unrun. */
static struct job *take_job(struct lane *lane, bool *out_drop)
{
    pthread_mutex_lock(&lane->lock);
    while (lane->first == NULL && !lane->is_stopping) {
        pthread_cond_wait(&lane->changed, &lane->lock);
    }
    struct job *job = lane->first;
    if (job != NULL) {
        lane->first = job->next;
        lane->waiting--;
        if (lane->first == NULL) {
            lane->last = &lane->first;
        }
    }
    *out_drop = lane->is_stopping;
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
    pthread_cond_destroy(&lane->changed);
    pthread_mutex_destroy(&lane->lock);
}

rg_status net_offload_new(unsigned threads, size_t max_waiting, struct net_offload **out_offload)
{
    struct net_offload *offload = rg_memory_alloc(sizeof *offload);
    rg_status status = RG_OK;
    for (size_t i = 0; i < NET_OFFLOAD_LANE_COUNT; i++) {
        init_lane(&offload->lanes[i], max_waiting);
        if (rg_is_ok(status)) {
            status = start_threads(&offload->lanes[i], threads);
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

rg_status net_offload_submit(struct net_offload *offload, enum net_offload_lane lane_index, struct net_loop *loop,
                             void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
    struct lane *lane = &offload->lanes[lane_index];
    struct job *job = rg_memory_alloc(sizeof *job);
    *job = (struct job){.loop = loop, .run = run, .done = done, .arg = arg};
    pthread_mutex_lock(&lane->lock);
    bool is_full = lane->waiting >= lane->max_waiting;
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
