/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_WORKER_H
#define RG_PROXY_WORKER_H

#include "audit/audit.h"
#include "policy/cache.h"
#include "proxy/gateway.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/worker_kept.h"

/* One event-loop thread: its sessions, its plan cache, its client of the auditor. Everything here is touched
 * by that thread only, except worker_post. */

struct session;
struct acceptor_context;

/* A submitted record that a session waits for. Tickets are acknowledged in order, so this is a queue. */
struct worker_waiter {
    uint64_t ticket;
    struct session *session; /* NULL when it has gone */
    struct kept_event *kept; /* what is submitted again when that auditor dies; NULL = nothing is */
};

struct worker {
    unsigned index;
    struct gateway *gateway;
    struct net_loop *loop;
    struct audit_client *audit; /* NULL = there is no auditor now */
    struct net_watch *audit_watch;
    enum audit_state audit_state;
    bool is_disk_full; /* why it is CLOSED */
    struct kept_events kept;
    struct policy_cache *cache;
    struct snapshot *snapshot;       /* what new statements run under */
    struct net_acceptor **acceptors; /* one per listener of the gateway, and what each hands on */
    struct acceptor_context *acceptor_contexts;
    struct session *sessions;
    size_t session_count;
    struct worker_waiter *waiters;
    size_t waiter_first;
    size_t waiter_count;
    size_t waiter_capacity;
    bool is_draining;
    bool is_over;  /* its loop has ended */
    bool has_dead; /* a session ended in this turn: freed at its end */
};

rg_status worker_open(struct gateway *gateway, unsigned index, struct snapshot *snapshot,
                      struct worker *worker) RG_MUST_CHECK;
void worker_done(struct worker *worker);
/* The thread's body. */
void worker_run(struct worker *worker);

/* worker_audit.c: the channel to the auditor */

/* Queues an event for the auditor and remembers who waits; session NULL = nobody does. An outcome or a logout that
 * cannot be queued, or that the auditor died with, is kept and submitted to the next auditor.
 * Returns: RG_STORAGE, RG_LIMIT as audit_submit. */
rg_status worker_submit(struct worker *worker, const struct audit_event *event, struct session *session,
                        uint64_t *out_ticket) RG_MUST_CHECK;
/* A session that ends hears of no acknowledgement any more. */
void worker_forget(struct worker *worker, const struct session *session);
bool worker_takes_records(const struct worker *worker);
/* Once a turn: hands over what was submitted. */
void worker_flush(struct worker *worker);
/* A new channel through this door, borrowed; whoever waits for the old one is ended. */
void worker_connect(struct worker *worker, int door_fd);
/* Before its thread starts: until the auditor said that it takes records, for a while. */
void worker_wait_for_auditor(struct worker *worker);
/* Behind its loop: sends what is left, waiting for a while. */
void worker_disconnect(struct worker *worker);

/* Called on the worker's thread. */
void worker_swap(struct worker *worker, struct snapshot *snapshot); /* takes the reference */
void worker_drain(struct worker *worker);
void worker_close_all(struct worker *worker);
struct session *worker_find(struct worker *worker, uint64_t session_id);

#endif
