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

struct acceptor_context;
struct answers;
struct bindings;
struct auth_guest_cache;
struct http_cache_reader;
struct http_identity_cache;
struct http_plane;
struct session;
struct pool;
struct spares;
struct worker_pool;

/* What becomes of those who wait for a record: a session of the SQL plane, a request of the HTTP plane. Static. */
struct worker_waiting {
    void (*on_durable)(void *owner, uint64_t ticket, uint64_t sequence);
    void (*on_fault)(void *owner); /* the log takes no more: what waits must not leave; owner is told once a record */
};

/* A statement that ended with a record: what is counted when that is acknowledged. */
struct worker_measure {
    int64_t begun_us; /* monotonic; 0 = nothing is measured */
    int64_t forwarded_us;
    unsigned class_of_statement; /* enum policy_class */
    unsigned tenant;             /* metrics_name */
};

/* A submitted record and who waits for it. Tickets are acknowledged in order, so this is a queue. */
struct worker_waiter {
    uint64_t ticket;
    void *owner; /* NULL when it has gone, or nobody waits */
    const struct worker_waiting *waiting;
    struct kept_event *kept; /* what is submitted again when that auditor dies; NULL = nothing is */
    int64_t submitted_us;
    struct worker_measure measure;
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
    struct metrics_block *metrics; /* what this loop counts */
    struct net_timer beat;
    struct policy_cache *cache;
    struct bindings *bindings;       /* of its sessions */
    struct snapshot *snapshot;       /* what new statements run under */
    struct net_acceptor **acceptors; /* one per listener of the gateway, and what each hands on */
    struct acceptor_context *acceptor_contexts;
    struct http_identity_cache *identities; /* tokens made lately */
    struct auth_guest_cache *guests;        /* and guests' tokens found good lately */
    struct http_cache_reader *cache_reader; /* of answers with charts' data */
    size_t held_answer_bytes;               /* that wait to be read by it */
    struct http_plane **planes;             /* one per listener of the gateway; NULL = it speaks PostgreSQL */
    struct spares *spares;                  /* connections to PgBouncer that no session has now */
    struct worker_pool *pools;              /* of connections to PostgreSQL, shared by sessions */
    struct answers *answers;                /* of upstreams, that stay the same */
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

/* Queues an event for the auditor and remembers who waits; owner NULL = nobody does. An outcome or a logout that
 * cannot be queued, or that the auditor died with, is kept and submitted to the next auditor.
 * Returns: RG_STORAGE, RG_LIMIT as audit_submit. */
rg_status worker_submit_for(struct worker *worker, const struct audit_event *event,
                            const struct worker_waiting *waiting, void *owner, uint64_t *out_ticket) RG_MUST_CHECK;
/* The same for a session. */
rg_status worker_submit(struct worker *worker, const struct audit_event *event, struct session *session,
                        uint64_t *out_ticket) RG_MUST_CHECK;
/* Of the record that was submitted last. */
void worker_measure(struct worker *worker, const struct worker_measure *measure);
/* An owner that ends hears of no acknowledgement any more. */
void worker_forget(struct worker *worker, const void *owner);
bool worker_takes_records(const struct worker *worker);
/* Since when the oldest record waits, monotonic; 0: none does. */
int64_t worker_waits_since_us(const struct worker *worker);
/* Once a turn: hands over what was submitted. */
void worker_flush(struct worker *worker);
/* A new channel through this door, borrowed; whoever waits for the old one is ended. */
void worker_connect(struct worker *worker, int door_fd);
/* Before its thread starts: until the auditor said that it takes records, for a while. */
void worker_wait_for_auditor(struct worker *worker);
/* Behind its loop: sends what is left, waiting for a while. */
void worker_disconnect(struct worker *worker);

/* worker_pools.c */

/* Made when there is none yet; lives as long as the worker. upstream has pool.size > 0. */
struct pool *worker_pool_find(struct worker *worker, const struct config_upstream *upstream);
void worker_pools_open(struct worker *worker); /* those with connections that nobody asks for */
void worker_pools_swap(struct worker *worker); /* the snapshot is a new one */
void worker_pools_stop(struct worker *worker); /* its sessions end */
void worker_pools_tell(const struct worker *worker);
void worker_pools_look(const struct worker *worker, void (*look)(void *context, const struct pool *pool),
                       void *context);
void worker_pools_free(struct worker *worker); /* behind its sessions */

/* Called on the worker's thread. */
void worker_swap(struct worker *worker, struct snapshot *snapshot); /* takes the reference */
void worker_drain(struct worker *worker);
void worker_close_all(struct worker *worker);
void worker_end_revoked(struct worker *worker); /* sessions that were revoked meanwhile end now */
struct session *worker_find(struct worker *worker, uint64_t session_id);

#endif
