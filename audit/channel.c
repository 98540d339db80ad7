/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's end of a channel: bytes in, answers out. Called by auditor.c only. Each call names MSG_DONTWAIT: the
 * client may keep a copy of this very socket and change its flags. */
#include "audit/channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rg_memory.h"

enum {
    IN_MAX = AUDIT_EVENT_MAX + AUDIT_CHANNEL_READ,
    /* one read of the smallest events behind what was unsent before: far less than this */
    OUT_MAX = 2 * AUDIT_CHANNEL_UNSENT_MAX,
};

struct audit_channel *audit_channel_open(int fd, uint64_t number)
{
    struct audit_channel *channel = rg_memory_alloc(sizeof *channel);
    *channel = (struct audit_channel){.fd = fd, .number = number, .is_state_due = true};
    rg_buf_init(&channel->in, IN_MAX);
    rg_buf_init(&channel->out, OUT_MAX);
    rg_buf_init(&channel->held, AUDIT_CHANNEL_UNSENT_MAX);
    return channel;
}

void audit_channel_close(struct audit_channel **channel)
{
    struct audit_channel *closing = *channel;
    *channel = NULL;
    if (closing == NULL) {
        return;
    }
    (void)close(closing->fd);
    rg_buf_done(&closing->in);
    rg_buf_done(&closing->out);
    rg_buf_done(&closing->held);
    rg_memory_free(closing);
}

short audit_channel_events(const struct audit_channel *channel)
{
    bool wants_read = !channel->is_refused && rg_buf_size(&channel->out) <= AUDIT_CHANNEL_UNSENT_MAX;
    bool wants_write = rg_buf_size(&channel->out) > 0 || channel->is_state_due;
    return (short)((wants_read ? POLLIN : 0) | (wants_write ? POLLOUT : 0));
}

void audit_channel_read(struct audit_channel *channel, size_t *out_bytes)
{
    char *memory = NULL;
    *out_bytes = 0;
    if (!rg_is_ok(rg_buf_reserve(&channel->in, AUDIT_CHANNEL_READ, &memory))) {
        channel->is_refused = true; /* cannot be: audit_intake_next refuses an event before it is so large */
        return;
    }
    ssize_t got = recv(channel->fd, memory, AUDIT_CHANNEL_READ, MSG_DONTWAIT);
    if (got > 0) {
        rg_buf_commit(&channel->in, (size_t)got);
        *out_bytes = (size_t)got;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        channel->is_ended = true;
    }
}

rg_status audit_channel_next(struct audit_channel *channel, struct audit_json *json, struct rg_slice *out_event)
{
    return audit_intake_next(&channel->intake, json, rg_buf_slice(&channel->in), out_event);
}

void audit_channel_take(struct audit_channel *channel, size_t event_bytes, uint64_t seq)
{
    struct audit_answer answer = {.type = AUDIT_ANSWER_ACK, .seq = seq};
    if (!rg_is_ok(audit_answer_encode(&answer, &channel->held))) {
        channel->is_refused = true; /* cannot be: one read has not so many events */
    }
    rg_buf_consume(&channel->in, event_bytes);
    if (rg_buf_size(&channel->in) == 0 && channel->in.capacity > AUDIT_CHANNEL_LARGE) {
        rg_buf_done(&channel->in);
        rg_buf_init(&channel->in, IN_MAX);
    }
}

void audit_channel_settle(struct audit_channel *channel, bool is_durable)
{
    if (is_durable && !rg_is_ok(rg_buf_put(&channel->out, rg_buf_slice(&channel->held)))) {
        channel->is_refused = true; /* cannot be: what is unsent was bounded before the read */
    }
    rg_buf_clear(&channel->held);
}

void audit_channel_send(struct audit_channel *channel, const struct audit_answer *state)
{
    if (channel->is_state_due && rg_is_ok(audit_answer_encode(state, &channel->out))) {
        channel->is_state_due = false;
    }
    struct rg_slice bytes = rg_buf_slice(&channel->out);
    if (bytes.size == 0) {
        return;
    }
    ssize_t sent = send(channel->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        rg_buf_consume(&channel->out, (size_t)sent);
    } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        rg_buf_clear(&channel->out); /* nobody hears it; what it sent before is still taken */
    }
}
