/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's end of a channel to the auditor's process. The event loop never waits here: what the socket does not take
 * stays in `filling`, what has not arrived is not there yet. */
#include "audit/audit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/answer.h"
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
    struct rg_buf filling; /* submitted, not yet in the socket */
    struct rg_buf answers;
    uint64_t last_ticket;  /* submitted */
    uint64_t taken_ticket; /* acknowledged and taken */
    bool is_drained;       /* the last read took all there was */
    bool is_deaf;          /* the auditor reads no more; what it said before may still come */
    bool is_faulted;
    bool was_told; /* the state, at least once */
    bool is_disk_full;
    enum audit_state state;
    char reason[AUDIT_REASON_MAX + 1];
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
    rg_buf_init(&client->filling, client->queue_bytes);
    rg_buf_init(&client->answers, ANSWERS_MAX);
    *out_client = client;
    return RG_OK;
}

void audit_client_close(struct audit_client **client)
{
    struct audit_client *closing = *client;
    *client = NULL;
    if (closing == NULL) {
        return;
    }
    audit_flush(closing);
    (void)close(closing->fd);
    audit_encoder_free(&closing->encoder);
    rg_buf_done(&closing->filling);
    rg_buf_done(&closing->answers);
    audit_encoder_free(&closing->encoder);
    rg_memory_free(closing);
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
        return rg_fail(RG_LIMIT, "an audit event of more than %d bytes", AUDIT_EVENT_MAX);
    }
    client->last_ticket++;
    *out_ticket = client->last_ticket;
    return RG_OK;
}

void audit_flush(struct audit_client *client)
{
    struct rg_slice bytes = rg_buf_slice(&client->filling);
    if (bytes.size == 0 || client->is_deaf || client->is_faulted) {
        return;
    }
    ssize_t sent = send(client->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        rg_buf_consume(&client->filling, (size_t)sent);
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
    ssize_t got = recv(client->fd, memory, READ_BYTES, MSG_DONTWAIT);
    client->is_drained = got < READ_BYTES;
    if (got > 0) {
        rg_buf_commit(&client->answers, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        enter_fault(client, RG_SLICE("the auditor's process closed the channel"));
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
        (is_whole && out_answer->type == AUDIT_ANSWER_ACK && client->taken_ticket == client->last_ticket)) {
        rg_buf_clear(&client->answers);
        enter_fault(client, RG_SLICE("the auditor's process answers nonsense"));
        return false;
    }
    rg_buf_consume(&client->answers, bytes.size - rest.size);
    return is_whole;
}

bool audit_take(struct audit_client *client, uint64_t *out_ticket, uint64_t *out_seq)
{
    while (true) {
        struct audit_answer answer = {0};
        if (get_answer(client, &answer)) {
            if (answer.type == AUDIT_ANSWER_STATE) {
                set_state(client, &answer); /* the text is in the buffer still: nothing was put behind it */
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
