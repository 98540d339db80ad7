/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_AUDITOR_PRIVATE_H
#define RG_AUDIT_AUDITOR_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "audit/log.h"

/* The channel between one event-loop thread and the auditor. Bytes (frames of audit/message.h) go one
 * way, sequence numbers the other; both are handed over by swapping buffers under `mutex`. */
struct audit_client {
    struct audit_client *next; /* under auditor->mutex */
    struct auditor *auditor;
    int wakeup_fd;
    size_t queue_bytes;
    atomic_size_t outstanding_bytes; /* submitted, not yet acknowledged */
    atomic_bool is_refused;          /* its bytes made no sense: nothing is taken from it any more */

    /* the worker's own */
    struct rg_buf filling; /* submitted, not yet flushed */
    struct rg_buf numbers; /* uint64_t: acknowledgements being taken */
    uint64_t last_ticket;  /* submitted */
    uint64_t taken_ticket; /* acknowledged and taken */

    pthread_mutex_t mutex;
    struct rg_buf handed;    /* flushed, not yet taken by the auditor */
    struct rg_buf published; /* uint64_t: durable, not yet taken by the worker */
    bool is_signalled;       /* wakeup_fd is readable */
    bool is_closed;          /* the worker is gone */

    /* the auditor's own */
    struct rg_buf taken; /* being written */
    struct rg_buf done;  /* uint64_t: written, not yet durable */
    size_t done_bytes;   /* of the frames behind `done` */
};

struct auditor {
    struct audit_log log; /* the thread's own, once it runs */
    pthread_t thread;
    int signal_fd;            /* eventfd: something was flushed, or stop */
    atomic_bool is_signalled; /* signal_fd was written and not yet read */
    atomic_bool is_stopping;
    atomic_bool is_faulted;
    size_t queue_bytes;
    pthread_mutex_t mutex; /* of clients and fault_text */
    struct audit_client *clients;
    char fault_text[256];
};

/* Wakes the auditor's thread, once until it looked. Any thread. */
void auditor_signal(struct auditor *auditor);

/* The auditor's side of a client. */
void audit_client_grab(struct audit_client *client);        /* takes what was flushed */
void audit_client_publish(struct audit_client *client);     /* hands over `done`, wakes the worker */
void audit_client_wake(struct audit_client *client);        /* for a fault */
bool audit_client_is_finished(struct audit_client *client); /* closed and everything was taken */
void audit_client_free(struct audit_client *client);

#endif
