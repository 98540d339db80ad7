/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_LOOP_H
#define RG_PROXY_NET_LOOP_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

struct net_offload;
struct st_h2o_evloop_t; /* libh2o's */

/* One thread's event loop. Streams, timers, watches and upstreams belong to one loop and are touched
 * only by the thread that runs it (or by anyone before net_loop_run starts and after it returned).
 * Callbacks may stop, start and close anything of their loop, themselves included. */
struct net_loop;

/* offload runs name lookups and cancel requests of this loop's upstreams; it is borrowed, must outlive
 * the loop's run and be freed before the loop. NULL: opening an upstream by host name fails.
 * Returns: RG_INTERNAL when the system has no descriptors. */
rg_status net_loop_new(struct net_offload *offload, struct net_loop **out_loop) RG_MUST_CHECK;
/* Runs what was posted and not yet run, then frees. All streams, upstreams, acceptors and watches of
 * the loop must have been closed; running timers are forgotten. Accepts NULL. */
void net_loop_free(struct net_loop **loop);

/* Runs turns until net_loop_stop. A stop that came before the run ends it at once. */
void net_loop_run(struct net_loop *loop);
/* Lets finished streams say their last words for at most max_ms, then closes them. On the thread that ran the
 * loop, after net_loop_run: libh2o keeps a socket's buffers in that thread's storage. */
void net_loop_settle(struct net_loop *loop, int max_ms);
/* Any thread. */
void net_loop_stop(struct net_loop *loop);
/* One turn that waits at most max_wait_ms: for tests and for draining by hand. */
void net_loop_turn(struct net_loop *loop, int max_wait_ms);

/* Runs fn(arg) on the loop's thread, in the order posted. Any thread. */
void net_loop_post(struct net_loop *loop, void (*fn)(void *arg), void *arg);
/* fn runs once at the end of each turn, after all callbacks of that turn and before the loop sleeps.
 * What it writes to streams is sent in the turn that follows at once. */
void net_loop_set_turn_end(struct net_loop *loop, void (*fn)(void *context), void *context);

/* CLOCK_MONOTONIC in microseconds, read now. */
int64_t net_loop_now_us(const struct net_loop *loop);
struct net_offload *net_loop_offload(const struct net_loop *loop);
/* libh2o's loop, for proxy/http. */
struct st_h2o_evloop_t *net_loop_h2o(struct net_loop *loop);

/* A timer embedded in its owner, who must stop it before the memory goes. The zero value is stopped. */
struct net_timer {
    struct net_loop *loop;
    int64_t due_us;
    size_t place; /* 1-based index in the loop's heap; 0 = stopped */
    void (*fn)(void *context);
    void *context;
};

/* Fires once, delay_ms from now (0: in the next turn); a running timer is restarted. fn may start it
 * again or free its owner. */
void net_timer_start(struct net_loop *loop, struct net_timer *timer, uint64_t delay_ms, void (*fn)(void *context),
                     void *context);
void net_timer_stop(struct net_timer *timer);
static inline bool net_timer_is_running(const struct net_timer *timer)
{
    return timer->place != 0;
}

/* Watches a descriptor for reading: an eventfd, signalfd or socket. fn runs while it is readable, so it must
 * read it. fd stays the caller's and must outlive the watch (the watch holds a duplicate). */
struct net_watch;
rg_status net_watch_open(struct net_loop *loop, int fd, void (*fn)(void *context), void *context,
                         struct net_watch **out_watch) RG_MUST_CHECK;
/* fn runs once when it becomes writable too, if wants_write; asked for again each time. */
void net_watch_want_write(struct net_watch *watch, bool wants_write);
void net_watch_close(struct net_watch **watch);

#endif
