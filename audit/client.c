/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's end of a channel to the auditor's process. The event loop never waits here: what the socket does not take
 * stays in `filling`, what has not arrived is not there yet. */
#include "audit/audit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/answer.h"
#include "audit/channel.h"
#include "audit/passing.h"
#include "base/rg_memory.h"

enum {
    SOCKET_BYTES = 1024 * 1024, /* asked for; the kernel cuts it to net.core.wmem_max */
    READ_BYTES = 16 * 1024,
    ANSWERS_MAX = 2 * READ_BYTES,
    KEPT_BYTES = 1024 * 1024, /* memory kept for the next events when all was sent */
};

struct audit_client {
    int fd;
    size_t queue_bytes;
    struct audit_encoder *encoder;
    struct rg_buf filling;  /* submitted, not yet in the ring or in the socket */
    struct rg_buf waiting;  /* struct waiting: of the events in filling that are assigned to neither */
    size_t socket_bytes;    /* the first ones of filling, which go by the socket */
    struct audit_ring ring; /* fd -1 = none */
    bool can_put;
    uint64_t woken_sleeps; /* the auditor's sleep from which it was woken last */
    struct rg_buf answers;
    uint64_t last_ticket;   /* submitted */
    size_t last_size;       /* its bytes */
    uint64_t put_ticket;    /* the last one of those that the ring has; 0 = none */
    uint64_t socket_ticket; /* the last one assigned to the socket; 0 = none */
    uint64_t taken_ticket;  /* acknowledged and taken */
    bool is_drained;        /* the last read took all there was */
    bool is_deaf;           /* the auditor reads no more; what it said before may still come */
    bool is_faulted;
    bool was_told; /* the state, at least once */
    bool is_disk_full;
    enum audit_state state;
    char reason[AUDIT_REASON_MAX + 1];
};

/* An event on its way. */
struct waiting {
    size_t size;
    bool has_ring; /* it may go by the ring */
};

static void set_reason(struct audit_client *client, struct rg_slice reason)
{
    size_t size = reason.size > AUDIT_REASON_MAX ? AUDIT_REASON_MAX : reason.size;
    if (size > 0) {
        memcpy(client->reason, reason.data, size);
    }
    client->reason[size] = '\0';
}

static rg_status send_end(int door_fd, int fd)
{
    rg_status status = audit_passing_send(door_fd, RG_SLICE("\1"), fd);
    return rg_is_ok(status) ? RG_OK : rg_fail(RG_STORAGE, "cannot reach the auditor's process");
}

rg_status audit_client_open(int door_fd, size_t queue_bytes, struct audit_client **out_client)
{
    int fds[2] = {-1, -1};
    const int size = SOCKET_BYTES;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
        return rg_fail(RG_STORAGE, "cannot open a channel to the auditor: %s", strerror(errno));
    }
    (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    rg_status status = send_end(door_fd, fds[1]);
    (void)close(fds[1]);
    if (!rg_is_ok(status)) {
        (void)close(fds[0]);
        return status;
    }
    struct audit_client *client = rg_memory_alloc(sizeof *client);
    client->fd = fds[0];
    client->encoder = audit_encoder_new();
    client->queue_bytes = queue_bytes == 0 ? AUDIT_EVENT_MAX : queue_bytes;
    set_reason(client, RG_SLICE("the auditor's process has not answered yet"));
    client->ring.fd = -1;
    rg_buf_init(&client->filling, client->queue_bytes);
    rg_buf_init(&client->waiting, SIZE_MAX / 2);
    rg_buf_init(&client->answers, ANSWERS_MAX);
    *out_client = client;
    return RG_OK;
}

rg_status audit_client_seal(struct audit_client *client, struct rg_slice origin)
{
    return audit_encoder_seal(client->encoder, origin);
}

void audit_client_close(struct audit_client **client)
{
    struct audit_client *closing = *client;
    *client = NULL;
    if (closing == NULL) {
        return;
    }
    closing->can_put = false; /* what waits for a turn of the ring does not get one any more */
    audit_flush(closing);
    (void)close(closing->fd);
    audit_ring_close(&closing->ring);
    rg_buf_done(&closing->filling);
    rg_buf_done(&closing->waiting);
    rg_buf_done(&closing->answers);
    audit_encoder_free(&closing->encoder);
    rg_memory_free(closing);
}

/* Nobody asks for its number (a refused request is told by its reference), and it needs no key on the disk first. */
static bool has_ring(const struct audit_client *client, const struct audit_event *event, size_t at)
{
    bool is_numbered = event->kind != AUDIT_HTTP && (event->kind != AUDIT_STATEMENT || event->verdict == AUDIT_DENIED);
    return !is_numbered && !audit_message_is_key(rg_slice_cut(rg_buf_slice(&client->filling), at, SIZE_MAX));
}

static rg_status check_open(const struct audit_client *client)
{
    if (client->is_faulted || client->is_deaf) {
        return rg_fail(RG_STORAGE, "the channel to the auditor is closed: %s", client->reason);
    }
    if (client->was_told && client->state == AUDIT_CLOSED) {
        return rg_fail(RG_STORAGE, "the audit log is closed: %s", client->reason);
    }
    return RG_OK;
}

rg_status audit_submit(struct audit_client *client, const struct audit_event *event, uint64_t *out_ticket)
{
    size_t before = rg_buf_size(&client->filling);
    RG_TRY(check_open(client));
    RG_TRY(audit_encoder_put(client->encoder, event, &client->filling));
    if (rg_buf_size(&client->filling) - before > AUDIT_EVENT_MAX) {
        rg_buf_truncate(&client->filling, before);
        audit_encoder_undo(client->encoder);
        return rg_fail(RG_LIMIT, "an audit event of more than %d bytes", AUDIT_EVENT_MAX);
    }
    const struct waiting waiting = {.size = rg_buf_size(&client->filling) - before,
                                    .has_ring = has_ring(client, event, before)};
    RG_TRY(rg_buf_put(&client->waiting, rg_slice_make(&waiting, sizeof waiting)));
    client->last_ticket++;
    client->last_size = waiting.size;
    *out_ticket = client->last_ticket;
    return RG_OK;
}

size_t audit_client_last_size(const struct audit_client *client)
{
    return client->last_size;
}

/* ---- the ring ---- */

static bool get_waiting(const struct audit_client *client, size_t index, struct waiting *out_waiting)
{
    struct rg_slice rest = rg_slice_cut(rg_buf_slice(&client->waiting), index * sizeof *out_waiting, SIZE_MAX);
    if (rest.size == 0) {
        return false;
    }
    memcpy(out_waiting, rest.data, sizeof *out_waiting);
    return true;
}

/* The events at the head that one entry can take; 0 = none. */
static size_t count_for_ring(const struct audit_client *client, size_t *out_bytes)
{
    struct waiting waiting = {0};
    size_t count = 0;
    size_t bytes = 0;
    while (get_waiting(client, count, &waiting) && waiting.has_ring && bytes + waiting.size <= AUDIT_RING_ENTRY_MAX) {
        bytes += waiting.size;
        count++;
    }
    *out_bytes = bytes;
    return count;
}

/* The auditor hears it at once; else it would look within a second. */
static void wake_auditor(struct audit_client *client)
{
    static const char wake[AUDIT_CHANNEL_WAKE] = {0};
    if (client->ring.state == AUDIT_RING_ASLEEP && client->woken_sleeps != client->ring.sleeps &&
        send(client->fd, wake, sizeof wake, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof wake) {
        client->woken_sleeps = client->ring.sleeps;
    }
}

/* True: the events at the head of the queue went into the ring. */
static bool put_some(struct audit_client *client)
{
    size_t bytes = 0;
    size_t count = count_for_ring(client, &bytes);
    enum audit_ring_put put =
        count == 0 ? AUDIT_RING_FULL
                   : audit_ring_put(&client->ring, rg_slice_cut(rg_buf_slice(&client->filling), 0, bytes));
    client->can_put = client->can_put && put != AUDIT_RING_FAILED;
    if (put != AUDIT_RING_PUT) {
        return false;
    }
    if (client->ring.state == AUDIT_RING_CLOSED) {
        client->is_deaf = true; /* the auditor ends: whether it took these is not known */
        return false;
    }
    rg_buf_consume(&client->filling, bytes);
    rg_buf_consume(&client->waiting, count * sizeof(struct waiting));
    client->put_ticket = client->last_ticket - rg_buf_size(&client->waiting) / sizeof(struct waiting);
    wake_auditor(client);
    return true;
}

/* What cannot go by the ring goes by the socket, up to the next event that can; that one waits until the socket's are
 * acknowledged, so that all are acknowledged, and recorded, in order. */
static void assign_to_socket(struct audit_client *client)
{
    struct waiting waiting = {0};
    size_t count = 0;
    while (get_waiting(client, count, &waiting) && (count == 0 || !client->can_put || !waiting.has_ring)) {
        client->socket_bytes += waiting.size;
        count++;
    }
    rg_buf_consume(&client->waiting, count * sizeof waiting);
    client->socket_ticket = client->last_ticket - rg_buf_size(&client->waiting) / sizeof waiting;
}

static void assign(struct audit_client *client)
{
    struct waiting waiting = {0};
    while (!client->is_deaf && get_waiting(client, 0, &waiting)) {
        bool is_socket_busy = client->socket_ticket > client->taken_ticket;
        if (client->can_put && waiting.has_ring && is_socket_busy) {
            return;
        }
        if (!client->can_put || !waiting.has_ring || !put_some(client)) {
            if (client->is_deaf) {
                return;
            }
            assign_to_socket(client);
        }
    }
}

/* The auditor's first answer brings it. */
static void attach_ring(struct audit_client *client, int fd)
{
    if (client->was_told || client->ring.fd >= 0) {
        (void)close(fd);
        return;
    }
    client->can_put = rg_is_ok(audit_ring_attach(fd, &client->ring));
}

void audit_flush(struct audit_client *client)
{
    if (rg_buf_size(&client->filling) == 0 || client->is_deaf || client->is_faulted) {
        return;
    }
    assign(client);
    struct rg_slice bytes = rg_slice_cut(rg_buf_slice(&client->filling), 0, client->socket_bytes);
    if (bytes.size == 0 || client->is_deaf) {
        return;
    }
    ssize_t sent = send(client->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        rg_buf_consume(&client->filling, (size_t)sent);
        client->socket_bytes -= (size_t)sent;
    } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        client->is_deaf = true; /* its end can be read, which wakes the loop */
    }
    if (rg_buf_size(&client->filling) == 0 && client->filling.capacity > KEPT_BYTES) {
        rg_buf_done(&client->filling);
        rg_buf_init(&client->filling, client->queue_bytes);
    }
}

bool audit_wants_write(const struct audit_client *client)
{
    return client->socket_bytes > 0 && !client->is_deaf && !client->is_faulted;
}

bool audit_has_unsent(const struct audit_client *client)
{
    return rg_buf_size(&client->filling) > 0 && !client->is_deaf && !client->is_faulted;
}

int audit_wakeup_fd(const struct audit_client *client)
{
    return client->fd;
}

/* A reason that the auditor gave before it went is kept. */
static void enter_fault(struct audit_client *client, struct rg_slice reason)
{
    if (!client->was_told || client->state != AUDIT_CLOSED) {
        set_reason(client, reason);
        client->is_disk_full = false;
    }
    client->is_faulted = true;
    client->state = AUDIT_CLOSED;
}

static void read_answers(struct audit_client *client)
{
    char *memory = NULL;
    rg_status status = rg_buf_reserve(&client->answers, READ_BYTES, &memory);
    RG_ASSERT(rg_is_ok(status)); /* what is left there is less than one answer */
    size_t got = 0;
    int fd = -1;
    enum audit_passing_result result = audit_passing_receive(client->fd, memory, READ_BYTES, &got, &fd);
    client->is_drained = result != AUDIT_PASSING_PACKET || (got < READ_BYTES && fd < 0);
    if (result == AUDIT_PASSING_PACKET) {
        rg_buf_commit(&client->answers, got);
    } else if (result != AUDIT_PASSING_NOTHING) {
        enter_fault(client, RG_SLICE("the auditor's process closed the channel"));
    }
    if (fd >= 0) {
        attach_ring(client, fd);
    }
}

static void set_state(struct audit_client *client, const struct audit_answer *answer)
{
    client->was_told = true;
    client->state = answer->state;
    client->is_disk_full = answer->is_disk_full;
    set_reason(client, answer->reason);
}

/* False = none is there as a whole. */
static bool get_answer(struct audit_client *client, struct audit_answer *out_answer)
{
    struct rg_slice bytes = rg_buf_slice(&client->answers);
    struct rg_slice rest = bytes;
    bool is_whole = false;
    if (!rg_is_ok(audit_answer_get(&rest, out_answer, &is_whole)) ||
        (is_whole && out_answer->type == AUDIT_ANSWER_ACK && client->taken_ticket >= client->socket_ticket)) {
        rg_buf_clear(&client->answers);
        enter_fault(client, RG_SLICE("the auditor's process answers nonsense"));
        return false;
    }
    rg_buf_consume(&client->answers, bytes.size - rest.size);
    return is_whole;
}

bool audit_has_taken(const struct audit_client *client)
{
    return client->taken_ticket < client->put_ticket;
}

bool audit_take(struct audit_client *client, uint64_t *out_ticket, uint64_t *out_seq)
{
    if (audit_has_taken(client)) {
        client->taken_ticket++;
        *out_ticket = client->taken_ticket;
        *out_seq = AUDIT_SEQ_NONE;
        return true;
    }
    while (true) {
        struct audit_answer answer = {0};
        if (get_answer(client, &answer)) {
            if (answer.type == AUDIT_ANSWER_STATE) {
                set_state(client, &answer); /* the text is in the buffer still: nothing was put behind it */
                continue;
            }
            if (answer.type == AUDIT_ANSWER_FORGET) {
                audit_encoder_forget(client->encoder, &answer.name);
                continue;
            }
            client->taken_ticket++;
            *out_ticket = client->taken_ticket;
            *out_seq = answer.seq;
            return true;
        }
        if (client->is_faulted || client->is_drained) {
            client->is_drained = false;
            return false;
        }
        read_answers(client);
    }
}

bool audit_client_is_faulted(const struct audit_client *client)
{
    return client->is_faulted;
}

enum audit_state audit_client_state(const struct audit_client *client)
{
    return client->state;
}

const char *audit_client_reason(const struct audit_client *client)
{
    return client->reason;
}

bool audit_client_is_disk_full(const struct audit_client *client)
{
    return client->is_disk_full;
}
