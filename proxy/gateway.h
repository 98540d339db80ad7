/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_GATEWAY_H
#define RG_PROXY_GATEWAY_H

#include <semaphore.h>

#include "audit/audit.h"
#include "auth/scram.h"
#include "proxy/fence.h"
#include "proxy/keys.h"
#include "proxy/net/listener.h"
#include "proxy/net/offload.h"
#include "proxy/quota.h"
#include "proxy/snapshot.h"

/* The gateway's process: its shared parts and its event-loop threads. */

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
    size_t listener_count;
    const struct gateway_listener *listeners;
};

struct gateway {
    const struct rg_clock *clock;
    struct rg_log *log;
    const struct gateway_options *options;
    int door_fd;                  /* to the auditor; -1 = there is none */
    struct audit_client *audit;   /* the main thread's own: policy loads; NULL = no auditor */
    enum audit_state audit_state; /* as last logged */
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

/* How the supervisor passes one of those on: a real-time signal, because a standard one would be merged with the same
 * signal of another sender, which is not listened to. 0 = number is none of them. Pure. */
int gateway_signal(int number);
/* Runs until a signal of the supervisor stops it: SIGHUP reloads, SIGTERM drains, a second SIGTERM or SIGQUIT stops at
 * once, SIGUSR1 opens the log file again; other senders are not listened to. Returns ok after a clean stop. */
rg_status gateway_run(const struct gateway_options *options) RG_MUST_CHECK;

#endif
