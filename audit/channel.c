/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's end of a channel: bytes in, answers out. Called by auditor.c only. Each call names MSG_DONTWAIT: the
 * client may keep a copy of this very socket and change its flags. */
#include "audit/channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/passing.h"
#include "base/rg_memory.h"

enum {
    IN_MAX = AUDIT_EVENT_MAX + AUDIT_CHANNEL_READ,
    /* one read of the smallest events behind what was unsent before: far less than this */
    OUT_MAX = 2 * AUDIT_CHANNEL_UNSENT_MAX,
};

struct audit_channel *audit_channel_open(int fd, uint64_t number, enum audit_source source)
{
    struct audit_channel *channel = rg_memory_alloc(sizeof *channel);
    *channel = (struct audit_channel){.fd = fd,
                                      .number = number,
                                      .intake = {.source = source},
                                      .ring_intake = {.source = source},
                                      .is_state_due = true,
                                      .ring = {.fd = -1}};
    rg_buf_init(&channel->in, IN_MAX);
    rg_buf_init(&channel->out, OUT_MAX);
    rg_buf_init(&channel->held, AUDIT_CHANNEL_UNSENT_MAX);
    rg_buf_init(&channel->ring_in, AUDIT_RING_BYTES);
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
    rg_buf_done(&closing->ring_in);
    audit_ring_close(&closing->ring);
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

/* A frame of size 0 between two events says nothing but "look into the ring". */
static void drop_wakes(struct audit_channel *channel)
{
    static const char wake[AUDIT_CHANNEL_WAKE] = {0};
    while (channel->ring.fd >= 0 && channel->intake.scanned_bytes == 0 &&
           rg_slice_has_prefix(rg_buf_slice(&channel->in), rg_slice_make(wake, sizeof wake))) {
        rg_buf_consume(&channel->in, sizeof wake);
    }
}

bool audit_channel_read_ring(struct audit_channel *channel)
{
    return channel->ring.fd >= 0 && audit_ring_take(&channel->ring, &channel->ring_in);
}

rg_status audit_channel_next_ring(struct audit_channel *channel, struct audit_json *json, struct rg_slice *out_event)
{
    struct rg_slice bytes = rg_buf_slice(&channel->ring_in);
    struct rg_slice event = {0};
    RG_TRY(audit_intake_next(&channel->ring_intake, json, bytes, &event));
    if ((event.size == 0 && bytes.size > 0) || audit_message_is_key(event)) {
        return rg_fail(RG_PROTOCOL, "half an event, or a subject's key, in a ring");
    }
    *out_event = event;
    return RG_OK;
}

rg_status audit_channel_next(struct audit_channel *channel, struct audit_json *json, struct rg_slice *out_event)
{
    drop_wakes(channel);
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

/* The ring goes with the first state, whole or not at all: a client without one uses the socket. */
static void send_ring(struct audit_channel *channel, const struct audit_answer *state)
{
    RG_AUTO(rg_buf_done) struct rg_buf bytes;
    rg_buf_init(&bytes, AUDIT_ANSWER_HEAD + AUDIT_REASON_MAX);
    if (rg_buf_size(&channel->out) == 0 && rg_is_ok(audit_answer_encode(state, &bytes)) &&
        rg_is_ok(audit_passing_send(channel->fd, rg_buf_slice(&bytes), channel->ring.fd))) {
        channel->is_state_due = false;
    }
    channel->is_ring_due = false;
}

rg_status audit_channel_count_key(struct audit_channel *channel, int64_t now_us)
{
    enum { MINUTE_US = 60 * 1000 * 1000 };
    if (channel->keys_count == 0 || now_us - channel->keys_us >= MINUTE_US) {
        channel->keys_us = now_us;
        channel->keys_count = 0;
    }
    if (channel->keys_count >= AUDIT_CHANNEL_KEYS_MAX) {
        return rg_fail(RG_PROTOCOL, "more than %d keys of subjects in a minute", AUDIT_CHANNEL_KEYS_MAX);
    }
    channel->keys_count++;
    return RG_OK;
}

void audit_channel_forget(struct audit_channel *channel, const struct rg_digest *name)
{
    const struct audit_answer answer = {.type = AUDIT_ANSWER_FORGET, .name = *name};
    if (!rg_is_ok(audit_answer_encode(&answer, &channel->out))) {
        channel->is_refused = true;
    }
}

void audit_channel_send(struct audit_channel *channel, const struct audit_answer *state)
{
    if (channel->is_state_due && channel->is_ring_due) {
        send_ring(channel, state);
    }
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
