/* SPDX-License-Identifier: Apache-2.0 */
/* One thread's event loop: libh2o's readiness, our timers, tasks and cross-thread posts. A turn is
 * readiness, posts, timers, tasks (sends), turn end, graves, in this order. */
#include "proxy/net/loop_private.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/rg_clock.h"
#include "base/rg_memory.h"
#include "proxy/net/timer_private.h"

struct post {
    struct post *next;
    void (*fn)(void *arg);
    void *arg;
};

struct net_loop {
    h2o_evloop_t *evloop;
    struct net_offload *offload;
    struct net_timers timers;
    h2o_linklist_t tasks;
    h2o_linklist_t graves;
    h2o_linklist_t kept;
    void (*turn_end)(void *context);
    void *turn_end_context;
    atomic_bool is_stopping;
    int wake_fd;
    struct net_watch *wake;
    /* Newest first. The lock is of those who post: the loop takes all without it, because one that was stopped inside,
     * right after its wake-up, would stop the loop as well. */
    _Atomic(struct post *) posts;
    pthread_mutex_t lock;
};

static struct post *in_order(struct post *newest)
{
    struct post *first = NULL;
    while (newest != NULL) {
        struct post *older = newest->next;
        newest->next = first;
        first = newest;
        newest = older;
    }
    return first;
}

static void run_posts(struct net_loop *loop)
{
    struct post *post = in_order(atomic_exchange(&loop->posts, NULL));
    while (post != NULL) {
        struct post *next = post->next;
        post->fn(post->arg);
        rg_memory_free(post);
        post = next;
    }
}

static void on_wake(void *context)
{
    struct net_loop *loop = context;
    uint64_t count = 0;
    if (read(loop->wake_fd, &count, sizeof count) > 0) {
        run_posts(loop);
    }
}

static void wake(struct net_loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    (void)written; /* EAGAIN: the counter is full, so the loop wakes anyway */
}

rg_status net_loop_new(struct net_offload *offload, struct net_loop **out_loop)
{
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        return rg_fail(RG_INTERNAL, "cannot make an eventfd: %s", strerror(errno));
    }
    struct net_loop *loop = rg_memory_alloc(sizeof *loop);
    loop->offload = offload;
    loop->wake_fd = wake_fd;
    loop->evloop = h2o_evloop_create();
    h2o_linklist_init_anchor(&loop->tasks);
    h2o_linklist_init_anchor(&loop->graves);
    h2o_linklist_init_anchor(&loop->kept);
    pthread_mutex_init(&loop->lock, NULL);
    rg_status status = net_watch_open(loop, wake_fd, on_wake, loop, &loop->wake);
    if (!rg_is_ok(status)) {
        net_loop_free(&loop);
        return status;
    }
    *out_loop = loop;
    return RG_OK;
}

void net_loop_queue(struct net_loop *loop, struct net_task *task, void (*run)(void *context), void *context)
{
    if (!h2o_linklist_is_linked(&task->link)) {
        task->run = run;
        task->context = context;
        h2o_linklist_insert(&loop->tasks, &task->link);
    }
}

void net_loop_bury(struct net_loop *loop, struct net_task *task, void (*run)(void *context), void *context)
{
    net_task_drop(task);
    task->run = run;
    task->context = context;
    h2o_linklist_insert(&loop->graves, &task->link);
}

void net_loop_keep(struct net_loop *loop, struct net_task *task, void (*run)(void *context), void *context)
{
    net_task_drop(task);
    task->run = run;
    task->context = context;
    h2o_linklist_insert(&loop->kept, &task->link);
}

void net_task_drop(struct net_task *task)
{
    if (h2o_linklist_is_linked(&task->link)) {
        h2o_linklist_unlink(&task->link);
    }
}

/* Runs what is listed now; what is queued meanwhile stays for the next time. */
static void run_list(h2o_linklist_t *list)
{
    h2o_linklist_t batch;
    h2o_linklist_init_anchor(&batch);
    h2o_linklist_insert_list(&batch, list);
    while (!h2o_linklist_is_empty(&batch)) {
        static_assert(offsetof(struct net_task, link) == 0, "a task is found by its link");
        struct net_task *task = (void *)batch.next;
        h2o_linklist_unlink(&task->link);
        task->run(task->context);
    }
}

/* What was written to a socket of libh2o outside its run, at the end of our turn say, is told to its writer in the next
 * run, but only behind the wait: libh2o expects all work to happen inside. */
static bool has_pending_sockets(const h2o_evloop_t *evloop)
{
    return evloop->_pending_as_client != NULL || evloop->_pending_as_server != NULL;
}

static int next_wait_ms(struct net_loop *loop, int max_wait_ms)
{
    if (!h2o_linklist_is_empty(&loop->tasks) || has_pending_sockets(loop->evloop)) {
        return 0;
    }
    return net_timers_wait_ms(&loop->timers, net_loop_now_us(loop), max_wait_ms);
}

void net_loop_turn(struct net_loop *loop, int max_wait_ms)
{
    (void)h2o_evloop_run(loop->evloop, next_wait_ms(loop, max_wait_ms)); /* fails on EINTR: a turn like any other */
    net_timers_run(&loop->timers, net_loop_now_us(loop));
    run_list(&loop->tasks);
    if (loop->turn_end != NULL) {
        loop->turn_end(loop->turn_end_context);
    }
    run_list(&loop->graves);
}

void net_loop_run(struct net_loop *loop)
{
    while (!atomic_load(&loop->is_stopping)) {
        net_loop_turn(loop, INT32_MAX);
    }
    atomic_store(&loop->is_stopping, false);
}

void net_loop_settle(struct net_loop *loop, int max_ms)
{
    int64_t deadline_us = net_loop_now_us(loop) + (int64_t)max_ms * 1000;
    while (!h2o_linklist_is_empty(&loop->kept) && net_loop_now_us(loop) < deadline_us) {
        net_loop_turn(loop, (int)((deadline_us - net_loop_now_us(loop)) / 1000) + 1);
    }
    run_list(&loop->kept);
    run_list(&loop->graves);
}

void net_loop_stop(struct net_loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    wake(loop);
}

void net_loop_free(struct net_loop **loop)
{
    struct net_loop *old = *loop;
    if (old == NULL) {
        return;
    }
    pthread_mutex_lock(&old->lock); /* whoever posts is through with it then */
    pthread_mutex_unlock(&old->lock);
    run_posts(old);
    run_list(&old->kept);
    run_list(&old->graves);
    net_watch_close(&old->wake);
    h2o_evloop_destroy(old->evloop);
    net_timers_done(&old->timers);
    close(old->wake_fd);
    pthread_mutex_destroy(&old->lock);
    rg_memory_free(old);
    *loop = NULL;
}

void net_loop_post(struct net_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct post *post = rg_memory_alloc(sizeof *post);
    post->fn = fn;
    post->arg = arg;
    pthread_mutex_lock(&loop->lock);
    struct post *newest = atomic_load(&loop->posts);
    do {
        post->next = newest;
    } while (!atomic_compare_exchange_weak(&loop->posts, &newest, post)); /* from here on it is the loop's */
    if (newest == NULL) {
        wake(loop); /* inside the lock: net_loop_free cannot overtake it */
    }
    pthread_mutex_unlock(&loop->lock);
}

void net_loop_set_turn_end(struct net_loop *loop, void (*fn)(void *context), void *context)
{
    loop->turn_end = fn;
    loop->turn_end_context = context;
}

int64_t net_loop_now_us(const struct net_loop *loop)
{
    (void)loop;
    return rg_clock_monotonic_us(rg_clock_system());
}

struct net_offload *net_loop_offload(const struct net_loop *loop)
{
    return loop->offload;
}

struct st_h2o_evloop_t *net_loop_h2o(struct net_loop *loop)
{
    return loop->evloop;
}

void net_timer_start(struct net_loop *loop, struct net_timer *timer, uint64_t delay_ms, void (*fn)(void *context),
                     void *context)
{
    static const uint64_t forever_ms = (uint64_t)INT32_MAX * 1000; /* 68 years */
    net_timer_stop(timer);
    timer->loop = loop;
    timer->fn = fn;
    timer->context = context;
    timer->due_us = net_loop_now_us(loop) + (int64_t)(delay_ms < forever_ms ? delay_ms : forever_ms) * 1000;
    net_timers_add(&loop->timers, timer);
}

void net_timer_stop(struct net_timer *timer)
{
    if (timer->place != 0) {
        net_timers_remove(&timer->loop->timers, timer);
    }
}
