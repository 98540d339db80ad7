/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's end of the channel to the auditor, and what the auditor does with it. The event loop never
 * waits here: the mutex is held for a swap of two buffers or a memcpy, by either side. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "audit/auditor_private.h"
#include "base/rg_memory.h"

enum { QUEUE_DEFAULT = 64 * 1024 * 1024, NUMBERS_MAX = 1 << 28 };

static void swap(struct rg_buf *a, struct rg_buf *b)
{
    struct rg_buf other = *a;
    *a = *b;
    *b = other;
}

/* Buffers here are bounded by outstanding_bytes, so putting cannot meet their own limit. */
static void must_put(struct rg_buf *buf, struct rg_slice bytes)
{
    rg_status status = rg_buf_put(buf, bytes);
    RG_ASSERT(rg_is_ok(status));
}

static void init_buffers(struct audit_client *client)
{
    rg_buf_init(&client->filling, client->queue_bytes);
    rg_buf_init(&client->handed, client->queue_bytes);
    rg_buf_init(&client->taken, client->queue_bytes);
    rg_buf_init(&client->numbers, NUMBERS_MAX);
    rg_buf_init(&client->published, NUMBERS_MAX);
    rg_buf_init(&client->done, NUMBERS_MAX);
}

rg_status audit_client_open(struct auditor *auditor, struct audit_client **out_client)
{
    RG_TRY(auditor_check(auditor));
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open an eventfd for the audit log");
    }
    struct audit_client *client = rg_memory_alloc(sizeof *client);
    client->auditor = auditor;
    client->wakeup_fd = fd;
    client->queue_bytes = auditor->queue_bytes == 0 ? QUEUE_DEFAULT : auditor->queue_bytes;
    init_buffers(client);
    RG_ASSERT(pthread_mutex_init(&client->mutex, NULL) == 0);
    (void)pthread_mutex_lock(&auditor->mutex);
    client->next = auditor->clients;
    auditor->clients = client;
    (void)pthread_mutex_unlock(&auditor->mutex);
    *out_client = client;
    return RG_OK;
}

void audit_client_free(struct audit_client *client)
{
    struct rg_buf *const buffers[] = {&client->filling, &client->handed,    &client->taken,
                                      &client->numbers, &client->published, &client->done};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        rg_buf_done(buffers[i]);
    }
    (void)pthread_mutex_destroy(&client->mutex);
    (void)close(client->wakeup_fd);
    rg_memory_free(client);
}

void audit_client_close(struct audit_client **client)
{
    struct audit_client *closing = *client;
    *client = NULL;
    if (closing == NULL) {
        return;
    }
    struct auditor *auditor = closing->auditor;
    audit_flush(closing);
    (void)pthread_mutex_lock(&closing->mutex);
    closing->is_closed = true;
    (void)pthread_mutex_unlock(&closing->mutex);
    auditor_signal(auditor);
}

rg_status audit_submit(struct audit_client *client, const struct audit_event *event, uint64_t *out_ticket)
{
    size_t before = rg_buf_size(&client->filling);
    if (atomic_load(&client->is_refused)) {
        return rg_fail(RG_STORAGE, "the auditor refused what this worker sent");
    }
    RG_TRY(auditor_check(client->auditor));
    RG_TRY(audit_record_encode(event, &client->filling));
    size_t size = rg_buf_size(&client->filling) - before;
    if (atomic_load(&client->outstanding_bytes) + size > client->queue_bytes ||
        client->last_ticket - client->taken_ticket >= NUMBERS_MAX / sizeof(uint64_t)) {
        rg_buf_truncate(&client->filling, before);
        return rg_fail(RG_LIMIT, "the audit queue is full: %zu bytes", client->queue_bytes);
    }
    atomic_fetch_add(&client->outstanding_bytes, size);
    client->last_ticket++;
    *out_ticket = client->last_ticket;
    return RG_OK;
}

void audit_flush(struct audit_client *client)
{
    if (rg_buf_size(&client->filling) == 0) {
        return;
    }
    (void)pthread_mutex_lock(&client->mutex);
    if (rg_buf_size(&client->handed) == 0) {
        swap(&client->filling, &client->handed);
    } else {
        must_put(&client->handed, rg_buf_slice(&client->filling));
    }
    (void)pthread_mutex_unlock(&client->mutex);
    rg_buf_clear(&client->filling);
    auditor_signal(client->auditor);
}

int audit_wakeup_fd(const struct audit_client *client)
{
    return client->wakeup_fd;
}

static void fetch_numbers(struct audit_client *client)
{
    uint64_t ignored = 0;
    (void)pthread_mutex_lock(&client->mutex);
    swap(&client->numbers, &client->published);
    if (client->is_signalled) {
        ssize_t got = read(client->wakeup_fd, &ignored, sizeof ignored);
        (void)got; /* EAGAIN cannot be: is_signalled says that it is readable */
        client->is_signalled = false;
    }
    (void)pthread_mutex_unlock(&client->mutex);
}

bool audit_take(struct audit_client *client, uint64_t *out_ticket, uint64_t *out_seq)
{
    if (rg_buf_size(&client->numbers) == 0) {
        fetch_numbers(client);
    }
    if (rg_buf_size(&client->numbers) == 0) {
        return false;
    }
    memcpy(out_seq, rg_buf_slice(&client->numbers).data, sizeof *out_seq);
    rg_buf_consume(&client->numbers, sizeof *out_seq);
    client->taken_ticket++;
    *out_ticket = client->taken_ticket;
    return true;
}

bool audit_client_is_faulted(const struct audit_client *client)
{
    return atomic_load(&client->is_refused) || atomic_load(&client->auditor->is_faulted);
}

void audit_client_grab(struct audit_client *client)
{
    rg_buf_clear(&client->taken);
    (void)pthread_mutex_lock(&client->mutex);
    swap(&client->taken, &client->handed);
    (void)pthread_mutex_unlock(&client->mutex);
}

static void wake_locked(struct audit_client *client)
{
    uint64_t one = 1;
    if (!client->is_signalled) {
        ssize_t put = write(client->wakeup_fd, &one, sizeof one);
        (void)put; /* cannot block: the counter is 0 */
        client->is_signalled = true;
    }
}

void audit_client_publish(struct audit_client *client)
{
    if (rg_buf_size(&client->done) == 0) {
        return;
    }
    atomic_fetch_sub(&client->outstanding_bytes, client->done_bytes);
    client->done_bytes = 0;
    (void)pthread_mutex_lock(&client->mutex);
    if (client->is_closed) {
        rg_buf_clear(&client->published);
    } else {
        must_put(&client->published, rg_buf_slice(&client->done));
    }
    wake_locked(client);
    (void)pthread_mutex_unlock(&client->mutex);
    rg_buf_clear(&client->done);
}

void audit_client_wake(struct audit_client *client)
{
    (void)pthread_mutex_lock(&client->mutex);
    wake_locked(client);
    (void)pthread_mutex_unlock(&client->mutex);
}

bool audit_client_is_finished(struct audit_client *client)
{
    (void)pthread_mutex_lock(&client->mutex);
    bool is_finished = client->is_closed && rg_buf_size(&client->handed) == 0;
    (void)pthread_mutex_unlock(&client->mutex);
    return is_finished;
}
