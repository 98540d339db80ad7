/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of arbitrary delay: a binary heap. libh2o's own lists hold one delay each, so they are not
 * used; the loop bounds its wait by the heap's earliest instead. */
#include "proxy/net/timer_private.h"

#include "base/rg_memory.h"

enum { SMALLEST = 64 };

void net_timers_done(struct net_timers *timers)
{
    for (size_t place = 1; place <= timers->count; place++) {
        timers->heap[place]->place = 0;
    }
    rg_memory_free(timers->heap);
    *timers = (struct net_timers){0};
}

static void put(struct net_timers *timers, size_t place, struct net_timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct net_timers *timers, struct net_timer *timer)
{
    size_t place = timer->place;
    while (place > 1 && timers->heap[place / 2]->due_us > timer->due_us) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct net_timers *timers, struct net_timer *timer)
{
    size_t place = timer->place;
    for (size_t child = place * 2; child <= timers->count; child = place * 2) {
        if (child < timers->count && timers->heap[child + 1]->due_us < timers->heap[child]->due_us) {
            child++;
        }
        if (timers->heap[child]->due_us >= timer->due_us) {
            break;
        }
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

void net_timers_add(struct net_timers *timers, struct net_timer *timer)
{
    if (timers->count + 1 >= timers->capacity) {
        timers->capacity = timers->capacity == 0 ? SMALLEST : timers->capacity * 2;
        timers->heap = rg_memory_resize(timers->heap, timers->capacity * sizeof(struct net_timer *));
    }
    timers->count++;
    put(timers, timers->count, timer);
    sift_up(timers, timer);
}

void net_timers_remove(struct net_timers *timers, struct net_timer *timer)
{
    size_t place = timer->place;
    RG_ASSERT(place >= 1 && place <= timers->count && timers->heap[place] == timer);
    struct net_timer *last = timers->heap[timers->count];
    timers->count--;
    timer->place = 0;
    if (last != timer) {
        put(timers, place, last);
        sift_up(timers, last);
        sift_down(timers, last);
    }
}

void net_timers_run(struct net_timers *timers, int64_t now_us)
{
    while (timers->count > 0 && timers->heap[1]->due_us <= now_us) {
        struct net_timer *timer = timers->heap[1];
        net_timers_remove(timers, timer);
        timer->fn(timer->context);
    }
}

int net_timers_wait_ms(const struct net_timers *timers, int64_t now_us, int max_ms)
{
    if (timers->count == 0) {
        return max_ms;
    }
    int64_t left_us = timers->heap[1]->due_us - now_us;
    if (left_us <= 0) {
        return 0;
    }
    int64_t left_ms = (left_us + 999) / 1000;
    return left_ms < max_ms ? (int)left_ms : max_ms;
}
