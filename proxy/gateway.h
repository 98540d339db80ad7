/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_GATEWAY_H
#define RG_PROXY_GATEWAY_H

#include <semaphore.h>
#include <stdatomic.h>

#include "audit/audit.h"
#include "auth/revocation.h"
#include "auth/scram.h"
#include "proxy/fence.h"
#include "proxy/health.h"
#include "proxy/http/request.h"
#include "proxy/keys.h"
#include "proxy/metrics.h"
#include "proxy/net/listener.h"
#include "proxy/net/offload.h"
#include "proxy/quota.h"
#include "proxy/snapshot.h"

/* The gateway's process: its shared parts and its event-loop threads. */

struct admin;
struct console;
struct http_cache_views;
struct pool_stocks;
struct rate;
struct session_orders;
struct worker;

/* What the supervisor hands it. */
struct gateway_listener {
    int fd; /* bound; owned by the gateway from now on */
    struct rg_slice address;
};
struct gateway_options {
    const char *path; /* of the configuration */
    int control_fd;   /* audit/control.h; borrowed */
    struct fence fence;
    const struct gateway_listener *admin;   /* of [admin] metrics; NULL = none */
    const struct gateway_listener *console; /* of [admin] listen: its address is a path; NULL = none */
    const char *sealed_origin;              /* NULL = personal values are written in clear; else the log's origin */
    size_t listener_count;
    const struct gateway_listener *listeners;
};

struct gateway {
    const struct rg_clock *clock;
    struct rg_log *log;
    const struct gateway_options *options;
    int door_fd;                       /* to the auditor; -1 = there is none */
    struct audit_client *audit;        /* the main thread's own: policy loads; NULL = no auditor */
    enum audit_state audit_state;      /* as last logged */
    _Atomic(struct metrics *) metrics; /* NULL: nothing is counted (unit tests) */
    struct health *health;             /* likewise */
    struct admin *admin;               /* who shows both; NULL = nobody */
    struct console *console;           /* of [admin] listen; NULL = none */
    struct quota *quota;
    struct keys *keys;
    struct pool_stocks *pool_stocks; /* places of upstreams, for all loops */
    struct net_offload *offload;
    struct auth_state *state;      /* NULL = no [state]: nothing is revoked */
    struct session_orders *orders; /* of `rowgate session`; NULL = none */
    atomic_bool has_loops;         /* the workers' loops are there to be posted to */
    struct auth_scram_mock scram_mock;
    struct snapshot *snapshot;
    const char *path;
    char reload_failure[512]; /* why the last reload kept the old configuration; empty = it did not */
    size_t reload_place_size; /* its first bytes, which quote nothing of the file */
    size_t listener_count;
    struct net_listener **listeners;
    _Atomic unsigned *connections; /* of the HTTP plane, open now; one counter a listener */
    struct rate *address_rate;     /* requests a minute: of client addresses */
    struct rate *tenant_rate;      /* of tenants */
    struct rate *statement_rate;   /* statements a minute: of tenants */
    struct http_cache_views *cache_views;
    /* In place of the route step: NULL but in unit tests of the HTTP plane. */
    enum http_step_result (*route_stand_in)(struct http_request *request);
    unsigned worker_count;
    struct worker *workers;
    _Atomic uint64_t next_session_id;
    sem_t swapped; /* posted by each worker that took a new snapshot */
};

/* Cancels what the session of entry is running, on its own worker. Any thread. */
void gateway_cancel(struct gateway *gateway, const struct keys_entry *entry);

/* How the supervisor passes one of those on: a real-time signal, because a standard one would be merged with the same
 * signal of another sender, which is not listened to. 0 = number is none of them. Pure. */
int gateway_signal(int number);
/* Runs until a signal of the supervisor stops it: SIGHUP reloads, SIGTERM drains, a second SIGTERM or SIGQUIT stops at
 * once, SIGUSR1 opens the log file again; other senders are not listened to. Returns ok after a clean stop. */
rg_status gateway_run(const struct gateway_options *options) RG_MUST_CHECK;

#endif
