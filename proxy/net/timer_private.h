/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_TIMER_PRIVATE_H
#define RG_PROXY_NET_TIMER_PRIVATE_H

#include "proxy/net/loop.h"

/* A loop's running timers: a binary heap by due time. The zero value is empty. */
struct net_timers {
    struct net_timer **heap; /* heap[0] unused, the earliest in heap[1] */
    size_t count;
    size_t capacity;
};

void net_timers_done(struct net_timers *timers); /* forgets those that run */
void net_timers_add(struct net_timers *timers, struct net_timer *timer);
void net_timers_remove(struct net_timers *timers, struct net_timer *timer);
/* Fires all that are due at now_us. */
void net_timers_run(struct net_timers *timers, int64_t now_us);
/* Milliseconds until the next is due, rounded up, at most max_ms. */
int net_timers_wait_ms(const struct net_timers *timers, int64_t now_us, int max_ms);

#endif
