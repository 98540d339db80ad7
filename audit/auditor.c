/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's thread: take what all workers handed over, write it as one group, sync, tell them.
 * The next group is what arrived meanwhile; no timer is on that path (reference audit.md 3.6). */
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "audit/auditor_private.h"
#include "base/rg_memory.h"

enum { WATCH_MS = 1000 };

void auditor_signal(struct auditor *auditor)
{
    uint64_t one = 1;
    if (!atomic_exchange(&auditor->is_signalled, true)) {
        ssize_t put = write(auditor->signal_fd, &one, sizeof one);
        (void)put; /* cannot block: the counter is at most 1 */
    }
}

rg_status auditor_check(struct auditor *auditor)
{
    if (!atomic_load(&auditor->is_faulted)) {
        return RG_OK;
    }
    char text[sizeof auditor->fault_text];
    (void)pthread_mutex_lock(&auditor->mutex);
    memcpy(text, auditor->fault_text, sizeof text);
    (void)pthread_mutex_unlock(&auditor->mutex);
    return rg_fail(RG_STORAGE, "%s", text);
}

/* From here on nothing is acknowledged any more; each worker is told. */
static void enter_fault(struct auditor *auditor, rg_status status)
{
    (void)pthread_mutex_lock(&auditor->mutex);
    (void)snprintf(auditor->fault_text, sizeof auditor->fault_text, "%.250s", status.error->text);
    atomic_store(&auditor->is_faulted, true);
    for (struct audit_client *client = auditor->clients; client != NULL; client = client->next) {
        audit_client_wake(client);
    }
    (void)pthread_mutex_unlock(&auditor->mutex);
}

/* One event: its record and the continuation records behind it. *out_seq is the first one's. */
static rg_status append_event(struct auditor *auditor, struct rg_slice *cursor, uint64_t *out_seq)
{
    struct audit_message message = {.has_more = true};
    uint64_t first = 0;
    for (size_t part = 0; message.has_more; part++) {
        uint64_t seq = 0;
        RG_TRY(audit_message_get(cursor, &message));
        RG_TRY(audit_log_append(&auditor->log, &message, &seq));
        first = part == 0 ? seq : first;
    }
    *out_seq = first;
    return RG_OK;
}

/* RG_STORAGE faults the log. Any other failure is the worker's doing and ends with that worker. */
static rg_status append_client(struct auditor *auditor, struct audit_client *client)
{
    struct rg_slice cursor = rg_buf_slice(&client->taken);
    while (cursor.size > 0 && !atomic_load(&client->is_refused)) {
        size_t before = cursor.size;
        uint64_t seq = 0;
        rg_status status = append_event(auditor, &cursor, &seq);
        if (!rg_is_ok(status) && status.error->kind == RG_STORAGE) {
            return status;
        }
        if (!rg_is_ok(status)) {
            atomic_store(&client->is_refused, true);
            audit_client_wake(client);
            break;
        }
        client->done_bytes += before - cursor.size;
        RG_TRY(rg_buf_put(&client->done, rg_slice_make(&seq, sizeof seq)));
    }
    return RG_OK;
}

/* A copy of the list's head is enough: clients are added in front and removed by this thread alone. */
static struct audit_client *first_client(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->mutex);
    struct audit_client *client = auditor->clients;
    (void)pthread_mutex_unlock(&auditor->mutex);
    return client;
}

static rg_status run_group(struct auditor *auditor, bool *out_had_work)
{
    struct audit_client *first = first_client(auditor);
    bool had_work = false;
    for (struct audit_client *client = first; client != NULL; client = client->next) {
        audit_client_grab(client);
        had_work = had_work || rg_buf_size(&client->taken) > 0;
        RG_TRY(append_client(auditor, client));
    }
    if (had_work) {
        RG_TRY(audit_log_commit(&auditor->log));
    }
    for (struct audit_client *client = first; client != NULL; client = client->next) {
        audit_client_publish(client);
    }
    *out_had_work = had_work;
    return RG_OK;
}

static void reap_clients(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->mutex);
    for (struct audit_client **link = &auditor->clients; *link != NULL;) {
        struct audit_client *client = *link;
        if (audit_client_is_finished(client)) {
            *link = client->next;
            audit_client_free(client);
        } else {
            link = &client->next;
        }
    }
    (void)pthread_mutex_unlock(&auditor->mutex);
}

/* Sleeps until a worker signals, at most until the next watch. */
static void wait_for_work(struct auditor *auditor)
{
    struct pollfd waiting = {.fd = auditor->signal_fd, .events = POLLIN};
    uint64_t ignored = 0;
    if (poll(&waiting, 1, WATCH_MS) > 0) {
        ssize_t got = read(auditor->signal_fd, &ignored, sizeof ignored);
        (void)got;
        atomic_store(&auditor->is_signalled, false);
    }
}

static rg_status watch(struct auditor *auditor, int64_t *next_us)
{
    int64_t now = rg_clock_monotonic_us(rg_clock_system());
    if (now < *next_us) {
        return RG_OK;
    }
    *next_us = now + (int64_t)WATCH_MS * 1000;
    return audit_log_watch(&auditor->log);
}

static rg_status run(struct auditor *auditor)
{
    int64_t next_watch_us = 0;
    for (;;) {
        bool is_stopping = atomic_load(&auditor->is_stopping); /* before the group: it is the last one */
        bool had_work = false;
        RG_TRY(watch(auditor, &next_watch_us));
        RG_TRY(run_group(auditor, &had_work));
        reap_clients(auditor);
        if (is_stopping && !had_work) {
            return audit_log_stop(&auditor->log);
        }
        if (!had_work) {
            wait_for_work(auditor);
        }
    }
}

static void *on_thread(void *context)
{
    struct auditor *auditor = context;
    rg_status status = run(auditor);
    if (!rg_is_ok(status)) {
        enter_fault(auditor, status);
    }
    return NULL;
}

static void free_auditor(struct auditor *auditor)
{
    while (auditor->clients != NULL) {
        struct audit_client *client = auditor->clients;
        auditor->clients = client->next;
        audit_client_free(client);
    }
    audit_log_done(&auditor->log);
    if (auditor->signal_fd >= 0) {
        (void)close(auditor->signal_fd);
    }
    (void)pthread_mutex_destroy(&auditor->mutex);
    rg_memory_free(auditor);
}

static rg_status start(const struct auditor_options *options, struct auditor *auditor)
{
    auditor->signal_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (auditor->signal_fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open an eventfd for the auditor");
    }
    RG_TRY(audit_log_open(options, &auditor->log));
    int error = pthread_create(&auditor->thread, NULL, on_thread, auditor);
    if (error != 0) {
        return rg_fail(RG_STORAGE, "cannot start the auditor: %s", strerror(error));
    }
    return RG_OK;
}

rg_status auditor_open(const struct auditor_options *options, struct auditor **out_auditor)
{
    struct auditor *auditor = rg_memory_alloc(sizeof *auditor);
    auditor->queue_bytes = options->queue_bytes;
    RG_ASSERT(pthread_mutex_init(&auditor->mutex, NULL) == 0);
    rg_status status = start(options, auditor);
    if (!rg_is_ok(status)) {
        free_auditor(auditor);
        return status;
    }
    *out_auditor = auditor;
    return RG_OK;
}

void auditor_close(struct auditor **auditor)
{
    struct auditor *closing = *auditor;
    *auditor = NULL;
    if (closing == NULL) {
        return;
    }
    atomic_store(&closing->is_stopping, true);
    auditor_signal(closing);
    (void)pthread_join(closing->thread, NULL);
    free_auditor(closing);
}
