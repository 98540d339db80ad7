/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_LOOP_PRIVATE_H
#define RG_PROXY_NET_LOOP_PRIVATE_H

#include "proxy/net/loop.h"

#define H2O_USE_LIBUV 0
#include <h2o/linklist.h>
#include <h2o/socket.h>

/* Work put off inside a turn; embedded in its owner. The zero value is not queued. */
struct net_task {
    h2o_linklist_t link;
    void (*run)(void *context);
    void *context;
};

/* Runs at the end of the turn, after timers; queued while tasks run: in the next turn, at once. */
void net_loop_queue(struct net_loop *loop, struct net_task *task, void (*run)(void *context), void *context);
/* Runs at the very end of the turn, or in net_loop_free: frees memory that callbacks may still hold. */
void net_loop_bury(struct net_loop *loop, struct net_task *task, void (*run)(void *context), void *context);
/* Runs in net_loop_free unless dropped before: closes what the owner has let go already. */
void net_loop_keep(struct net_loop *loop, struct net_task *task, void (*run)(void *context), void *context);
void net_task_drop(struct net_task *task);

/* Readiness of one descriptor, by libh2o; the bytes are moved by the owner. Owns fd. */
struct net_poll;
struct net_poll_events {
    void (*on_readable)(void *context);
    void (*on_writable)(void *context);
};
struct net_poll *net_poll_open(struct net_loop *loop, int fd, const struct net_poll_events *events, void *context);
void net_poll_close(struct net_poll **poll); /* closes fd; no callback after it; accepts NULL */
void net_poll_want(struct net_poll *poll, bool readable, bool writable);

#endif
