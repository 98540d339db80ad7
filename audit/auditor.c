/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's loop: take what all clients sent, write it as one group, sync, tell them. The next group is what
 * arrived meanwhile and waits in the sockets; no timer is on that path (reference audit.md 3.6). poll(2), not
 * epoll(7): a client can keep a copy of a socket, and an epoll set would go on reporting it after we closed ours. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/auditor_private.h"
#include "base/rg_memory.h"

enum { WATCH_US = 1000 * 1000, LEAST_WAIT_US = 1000, LAST_TURNS = 64 };

rg_status auditor_append_event(struct auditor *auditor, struct audit_channel *channel, struct rg_slice event,
                               uint64_t *out_seq)
{
    uint64_t first = 0;
    RG_TRY(auditor_take_key(auditor, channel, &event));
    for (size_t part = 0; event.size > 0; part++) {
        struct audit_message message = {0};
        uint64_t seq = 0;
        RG_TRY(audit_message_get_again(&event, &message));
        RG_TRY(audit_log_append(&auditor->log, &message, &seq));
        first = part == 0 ? seq : first;
    }
    *out_seq = first;
    return RG_OK;
}

static void refuse(struct auditor *auditor, struct audit_channel *channel, const char *why)
{
    channel->is_refused = true;
    auditor_on_misbehaviour(auditor, channel->number, why);
}

/* What stands in the ring was put there before the client sent what was just read. */
static rg_status append_ring(struct auditor *auditor, struct audit_channel *channel, bool *out_has_taken)
{
    rg_status status = channel->is_refused ? RG_OK : auditor_take_ring(auditor, channel, out_has_taken);
    if (!rg_is_ok(status) && status.error->kind != RG_STORAGE) {
        refuse(auditor, channel, status.error->text);
        return RG_OK;
    }
    return status;
}

/* RG_STORAGE closes the log. Any other failure is the client's doing and ends with that client. */
static rg_status append_channel(struct auditor *auditor, struct audit_channel *channel)
{
    while (!channel->is_refused) {
        struct rg_slice event = {0};
        uint64_t seq = 0;
        rg_status status = audit_channel_next(channel, auditor->json, &event);
        if (rg_is_ok(status) && event.size == 0) {
            return RG_OK;
        }
        if (rg_is_ok(status)) {
            status = auditor_append_event(auditor, channel, event, &seq);
        }
        if (!rg_is_ok(status) && status.error->kind == RG_STORAGE) {
            return status;
        }
        if (!rg_is_ok(status)) {
            refuse(auditor, channel, status.error->text);
            return RG_OK;
        }
        audit_channel_take(channel, event.size, seq);
    }
    return RG_OK;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    value = value < least ? least : value;
    return value > most ? most : value;
}

static size_t held_bytes(const struct auditor *auditor)
{
    size_t sum = 0;
    for (size_t i = 0; i < auditor->channel_count; i++) {
        sum += rg_buf_size(&auditor->channels[i]->in);
    }
    return sum;
}

static rg_status take_group(struct auditor *auditor, const struct pollfd *polls, size_t count)
{
    size_t held = held_bytes(auditor);
    bool has_more = auditor->is_waiting;
    auditor->turn_seq = auditor->is_waiting ? auditor->turn_seq : auditor->log.chain.next_seq;
    for (size_t i = 0; i < count; i++) {
        struct audit_channel *channel = auditor->channels[i];
        bool has_input = (polls[i].revents & ~POLLOUT) != 0 && !channel->is_refused;
        size_t got = 0;
        if (has_input && held > AUDITOR_HELD_MAX && rg_buf_size(&channel->in) > AUDIT_CHANNEL_LARGE) {
            auditor_end_channel(auditor, channel, "an unfinished event while too much memory is in use");
            has_input = false;
        }
        if (has_input) {
            audit_channel_read(channel, &got);
        }
        held += got;
        RG_TRY(append_ring(auditor, channel, &has_more));
        RG_TRY(has_input ? append_channel(auditor, channel) : RG_OK);
        has_more = has_more || rg_buf_size(&channel->held) > 0;
    }
    auditor->is_waiting = false;
    RG_TRY(auditor_commit_keys(auditor)); /* before any record that needs one */
    return has_more ? auditor_absorb(auditor, audit_log_commit(&auditor->log)) : RG_OK;
}

/* With the disk and its reserve full nothing more is taken: it waits in the sockets. */
static bool is_taking(const struct auditor *auditor)
{
    return audit_log_state(&auditor->log, NULL) != AUDIT_CLOSED;
}

static void settle(struct auditor *auditor, bool is_durable)
{
    for (size_t i = 0; i < auditor->channel_count; i++) {
        audit_channel_settle(auditor->channels[i], is_durable);
    }
    if (is_durable) {
        auditor_settle_rings(auditor);
    }
}

static void send_answers(struct auditor *auditor)
{
    for (size_t i = 0; i < auditor->channel_count; i++) {
        audit_channel_send(auditor->channels[i], &auditor->state);
    }
}

static void reap(struct auditor *auditor)
{
    size_t kept = 0;
    for (size_t i = 0; i < auditor->channel_count; i++) {
        struct audit_channel *channel = auditor->channels[i];
        if (channel->is_refused || channel->is_ended) {
            auditor_drop_ring(auditor, channel);
            audit_channel_close(&channel);
        } else {
            auditor->channels[kept++] = channel;
        }
    }
    auditor->channel_count = kept;
    kept = 0;
    for (size_t i = 0; i < auditor->door_count; i++) {
        if (auditor->doors[i].fd >= 0) {
            auditor->doors[kept++] = auditor->doors[i];
        }
    }
    auditor->door_count = kept;
}

/* A channel of which nothing is taken now is left out as a whole, unless there is something to tell: a client that
 * hung up is reported without being asked for. */
static struct pollfd poll_of(const struct audit_channel *channel, bool is_taken)
{
    short events = (short)(audit_channel_events(channel) & (is_taken ? POLLIN | POLLOUT : POLLOUT));
    return (struct pollfd){.fd = is_taken || events != 0 ? channel->fd : -1, .events = events};
}

/* Until something arrives, at most until the log wants a look. */
static void wait_for_work(struct auditor *auditor, bool may_wait)
{
    size_t count = 0;
    bool is_taken = is_taking(auditor);
    int64_t left_us = audit_log_deadline_us(&auditor->log) - auditor_now_us(auditor);
    int64_t tell_us =
        auditor_tell_due_us(auditor) == INT64_MAX ? WATCH_US : auditor_tell_due_us(auditor) - auditor_now_us(auditor);
    left_us = tell_us < left_us ? tell_us : left_us;
    int64_t ring_us = is_taken ? auditor_ring_wait_us(auditor) : WATCH_US;
    left_us = ring_us < left_us ? ring_us : left_us;
    may_wait = may_wait && ring_us > 0;
    left_us = audit_prune_is_going(&auditor->keep.prune) ? clamp(left_us, 0, AUDIT_KEEP_POLL_US) : left_us;
    left_us = may_wait ? clamp(left_us, LEAST_WAIT_US, WATCH_US) : 0;
    auditor->polls[count++] = (struct pollfd){.fd = auditor->control_fd, .events = POLLIN};
    for (size_t i = 0; i < auditor->door_count; i++) {
        auditor->polls[count++] = (struct pollfd){.fd = auditor->doors[i].fd, .events = POLLIN};
    }
    for (size_t i = 0; i < auditor->channel_count; i++) {
        auditor->polls[count++] = poll_of(auditor->channels[i], is_taken);
    }
    count += audit_orders_polls(auditor->orders, auditor->polls + count);
    if (poll(auditor->polls, (nfds_t)count, (int)((left_us + 999) / 1000)) <= 0) {
        for (size_t i = 0; i < count; i++) {
            auditor->polls[i].revents = 0;
        }
    }
}

static rg_status watch(struct auditor *auditor)
{
    if (auditor_now_us(auditor) < audit_log_deadline_us(&auditor->log)) {
        return RG_OK;
    }
    auditor_look_publishing(auditor);
    if (is_taking(auditor)) { /* who is sent away is heard out first */
        auditor_watch_rings(auditor);
    }
    return audit_log_watch(&auditor->log);
}

/* *out_had_work: something other than room for answers was ready. */
static rg_status run_turn(struct auditor *auditor, bool may_wait, bool *out_had_work)
{
    wait_for_work(auditor, may_wait);
    size_t doors = auditor->door_count; /* as polled: orders and doors below may add */
    size_t channels = auditor->channel_count;
    const struct pollfd *polls = auditor->polls;
    bool had_work = false;
    for (size_t i = 0; i < 1 + doors + channels; i++) {
        had_work = had_work || (polls[i].revents & ~POLLOUT) != 0;
    }
    RG_TRY(watch(auditor));
    if (is_taking(auditor)) {
        RG_TRY(take_group(auditor, polls + 1 + doors, channels));
    }
    if (!auditor->is_waiting) {
        settle(auditor, true);
    }
    for (size_t i = 0; i < doors; i++) {
        if (polls[1 + i].revents != 0) {
            auditor_take_channels(auditor, i);
        }
    }
    if (polls[0].revents != 0) {
        RG_TRY(auditor_take_orders(auditor));
    }
    RG_TRY(auditor_serve_orders(auditor, polls + 1 + doors + channels));
    RG_TRY(auditor_tend_subjects(auditor));
    RG_TRY(auditor_note_misbehaviour(auditor));
    auditor_look_state(auditor);
    send_answers(auditor);
    auditor_tell_state(auditor);
    reap(auditor);
    *out_had_work = had_work;
    return RG_OK;
}

static rg_status run(struct auditor *auditor)
{
    bool had_work = false;
    while (!auditor->is_stopping) {
        RG_TRY(run_turn(auditor, true, &had_work));
    }
    had_work = true;
    auditor_close_rings(auditor);
    for (int i = 0; i < LAST_TURNS && had_work; i++) { /* bounded: a client may never stop sending */
        RG_TRY(run_turn(auditor, false, &had_work));
    }
    return audit_log_stop(&auditor->log);
}

/* From here on nothing is acknowledged any more; everybody is told. */
static rg_status enter_closed(struct auditor *auditor, rg_status status)
{
    char text[AUDIT_REASON_MAX + 1];
    (void)snprintf(text, sizeof text, "%.*s", AUDIT_REASON_MAX, status.error->text);
    if (auditor->log_out != NULL) {
        rg_log_event(auditor->log_out, RG_LOG_ERROR, "audit.closed", "s:s", "reason", text);
    }
    settle(auditor, false);
    auditor_close_rings(auditor);
    for (size_t i = 0; i < auditor->door_count; i++) { /* those that just come are told, too */
        if (auditor->doors[i].fd >= 0) {
            auditor_take_channels(auditor, i);
        }
    }
    auditor_set_state(auditor, AUDIT_CLOSED, text);
    send_answers(auditor);
    auditor_tell_state(auditor);
    return rg_fail(RG_STORAGE, "%s", text);
}

rg_status auditor_serve(struct auditor *auditor, int control_fd)
{
    auditor->control_fd = control_fd;
    auditor->is_stopping = false;
    auditor_look_state(auditor);
    (void)rg_is_ok(audit_control_send(control_fd, &(struct audit_control){.type = AUDIT_CONTROL_READY}));
    auditor_tell_state(auditor);
    rg_status status = run(auditor);
    return rg_is_ok(status) ? RG_OK : enter_closed(auditor, status);
}

rg_status auditor_open(const struct auditor_options *options, struct auditor **out_auditor)
{
    struct auditor *auditor = rg_memory_alloc(sizeof *auditor);
    auditor->control_fd = -1;
    auditor->log_out = options->log;
    rg_status status = audit_log_open(options, &auditor->log);
    if (!rg_is_ok(status)) {
        rg_memory_free(auditor);
        return status;
    }
    auditor->json = audit_json_new();
    status = auditor_open_subjects(auditor, options);
    if (rg_is_ok(status)) {
        status = auditor_open_orders(auditor, options->retention);
    }
    if (rg_is_ok(status)) {
        status = auditor_recover_rings(auditor);
    }
    if (!rg_is_ok(status)) {
        auditor_close(&auditor);
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
    for (size_t i = 0; i < closing->channel_count; i++) {
        auditor_drop_ring(closing, closing->channels[i]);
        audit_channel_close(&closing->channels[i]);
    }
    for (size_t i = 0; i < closing->door_count; i++) {
        if (closing->doors[i].fd >= 0) {
            (void)close(closing->doors[i].fd);
        }
    }
    audit_orders_close(&closing->orders);
    audit_keep_done(&closing->keep);
    audit_subjects_close(&closing->subjects);
    audit_log_done(&closing->log);
    audit_json_free(&closing->json);
    rg_memory_free(closing);
}
