/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_GATEWAY_H
#define RG_PROXY_GATEWAY_H

#include <semaphore.h>

#include "audit/audit.h"
#include "auth/scram.h"
#include "proxy/keys.h"
#include "proxy/net/listener.h"
#include "proxy/net/offload.h"
#include "proxy/quota.h"
#include "proxy/snapshot.h"

/* The process's shared parts and its event-loop threads. */

struct worker;

struct gateway {
    const struct rg_clock *clock;
    struct rg_log *log;
    struct auditor *auditor;
    struct audit_client *audit; /* the main thread's own: policy loads */
    struct quota *quota;
    struct keys *keys;
    struct net_offload *offload;
    struct auth_scram_mock scram_mock;
    struct snapshot *snapshot;
    const char *path;
    size_t listener_count;
    struct net_listener **listeners;
    unsigned worker_count;
    struct worker *workers;
    _Atomic uint64_t next_session_id;
    sem_t swapped; /* posted by each worker that took a new snapshot */
};

/* Cancels what the session of entry is running, on its own worker. Any thread. */
void gateway_cancel(struct gateway *gateway, const struct keys_entry *entry);

/* Runs until a signal stops it: SIGHUP reloads, SIGTERM drains, a second SIGTERM or SIGQUIT stops at once,
 * SIGUSR1 opens the log file again. Returns ok after a clean stop. */
rg_status gateway_run(const char *path) RG_MUST_CHECK;

#endif
