/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_OFFLOAD_H
#define RG_PROXY_NET_OFFLOAD_H

#include "base/rg_status.h"

struct net_loop;

/* The few blocking calls that cannot be avoided run here, never on a loop. Each lane has its own
 * threads, so that a name server that hangs cannot hold up cancel requests. Shared by all loops. */
struct net_offload;

enum net_offload_lane {
    NET_OFFLOAD_LOOKUP = 0,
    NET_OFFLOAD_CANCEL,
    NET_OFFLOAD_HTTP, /* logins and sessions: four times the threads, since they talk to identity providers */
    NET_OFFLOAD_LANE_COUNT
};

/* Units: threads and waiting jobs per lane. RG_INTERNAL when threads cannot be started. */
rg_status net_offload_new(unsigned threads, size_t max_waiting, struct net_offload **out_offload) RG_MUST_CHECK;
/* Waits for the jobs that run; those still waiting are not run, their done is still posted.
 * Call it before net_loop_free of the loops it posts to. Accepts NULL. */
void net_offload_free(struct net_offload **offload);

/* run(arg) on a thread of the lane, then done(arg) on the loop (loop NULL: on the lane's thread).
 * done is called exactly once, also when the job was dropped: so it frees arg.
 * Returns: RG_LIMIT when the lane's queue is full; neither is called then. Any thread. */
rg_status net_offload_submit(struct net_offload *offload, enum net_offload_lane lane, struct net_loop *loop,
                             void (*run)(void *arg), void (*done)(void *arg), void *arg) RG_MUST_CHECK;

/* The same for a job that may wait for a peer: at most half of the lane's threads and a quarter of its queue are one
 * peer's, so that an identity provider that answers nobody holds up no login at another. peer: an address that is only
 * compared; NULL = none. */
rg_status net_offload_submit_for(struct net_offload *offload, enum net_offload_lane lane, const void *peer,
                                 struct net_loop *loop, void (*run)(void *arg), void (*done)(void *arg),
                                 void *arg) RG_MUST_CHECK;

#endif
