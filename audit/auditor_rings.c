/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's side of the rings. They are looked at every few milliseconds while there is work, so that one look
 * takes many records; then the auditor sleeps until a client wakes it by its socket. Leftovers are in auditor_past.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "audit/auditor_private.h"

enum {
    LOOK_LEAST_US = 2000, /* between two looks */
    LOOK_MOST_US = 8000,
    SLEEP_US = 20 * 1000, /* without a record: sleep */
    NEVER_US = 1000 * 1000 * 1000,
};

static rg_status make_ring(struct auditor *auditor, struct audit_channel *channel)
{
    const struct audit_store *store = auditor->log.store;
    struct audit_ring_owner owner = {.log = auditor->log.chain.genesis};
    if (!audit_ring_boot(owner.boot)) {
        return rg_fail(RG_STORAGE, "the kernel does not say which start of the machine this is");
    }
    int result = store->make_directory(store->context, auditor->log.directory_fd, AUDITOR_RING_DIRECTORY);
    if (result < 0) {
        return audit_store_fail("cannot create", AUDITOR_RING_DIRECTORY, result);
    }
    uint64_t number = 0; /* an earlier run's may be there still */
    rg_random(&number, sizeof number);
    (void)snprintf(channel->ring_name, sizeof channel->ring_name, AUDITOR_RING_DIRECTORY "/%016" PRIx64, number);
    return audit_ring_create(store, auditor->log.directory_fd, channel->ring_name, &owner, &channel->ring);
}

void auditor_give_ring(struct auditor *auditor, struct audit_channel *channel)
{
    if (auditor->log.durability != AUDIT_WRITTEN || channel->intake.source != AUDIT_SOURCE_GATEWAY ||
        auditor->ring_count == AUDITOR_RINGS_MAX || audit_log_state(&auditor->log, NULL) != AUDIT_OPEN) {
        return;
    }
    rg_status status = make_ring(auditor, channel);
    if (!rg_is_ok(status)) {
        if (auditor->log_out != NULL) {
            rg_log_event(auditor->log_out, RG_LOG_WARNING, "audit.ring_failed", "s:s", "reason", status.error->text);
        }
        return;
    }
    auditor->ring_count++;
    channel->is_ring_due = true;
}

void auditor_end_channel(struct auditor *auditor, struct audit_channel *channel, const char *why)
{
    channel->is_ended = true; /* with this turn, which still takes what its ring holds */
    auditor_on_misbehaviour(auditor, channel->number, why);
}

rg_status auditor_take_ring(struct auditor *auditor, struct audit_channel *channel, bool *out_has_taken)
{
    if (channel->ring.fd >= 0 && channel->is_ended && channel->ring.state != AUDIT_RING_CLOSED) {
        channel->ring.state =
            AUDIT_RING_CLOSED; /* its client, or who has a copy of it, believes no more; then the last look */
        audit_ring_tell(&channel->ring);
    }
    uint64_t start = channel->ring.at;
    uint64_t end = start + AUDIT_RING_BYTES; /* an honest client put no more before it was told */
    while (channel->ring.fd >= 0 && channel->ring.at < end && audit_channel_read_ring(channel)) {
        struct rg_slice event = {0};
        *out_has_taken = true;
        auditor->ring_us = auditor_now_us(auditor);
        RG_TRY(audit_channel_next_ring(channel, auditor->json, &event));
        while (event.size > 0) {
            uint64_t seq = 0;
            RG_TRY(auditor_append_event(auditor, channel, event, &seq));
            rg_buf_consume(&channel->ring_in, event.size);
            RG_TRY(audit_channel_next_ring(channel, auditor->json, &event));
        }
    }
    uint64_t taken = channel->ring.at - start;
    auditor->ring_bytes = taken > auditor->ring_bytes ? taken : auditor->ring_bytes;
    return RG_OK;
}

static void tell(struct auditor *auditor, struct audit_channel *channel, enum audit_ring_state state)
{
    channel->ring.state = auditor->are_rings_closed || channel->is_ended ? AUDIT_RING_CLOSED : state;
    channel->ring.sleeps += state == AUDIT_RING_ASLEEP ? 1 : 0;
    audit_ring_tell(&channel->ring);
}

void auditor_settle_rings(struct auditor *auditor)
{
    for (size_t i = 0; i < auditor->channel_count && auditor->ring_count > 0; i++) {
        struct audit_channel *channel = auditor->channels[i];
        if (channel->ring.fd >= 0 && channel->ring.at != channel->ring.drained) {
            channel->ring.drained = channel->ring.at;
            channel->ring.turn_seq = auditor->turn_seq;
            tell(auditor, channel, AUDIT_RING_AWAKE);
            auditor->are_rings_asleep = false;
        }
    }
}

static bool has_more(const struct auditor *auditor)
{
    for (size_t i = 0; i < auditor->channel_count; i++) {
        if (auditor->channels[i]->ring.fd >= 0 && audit_ring_has_more(&auditor->channels[i]->ring)) {
            return true;
        }
    }
    return false;
}

static void tell_all(struct auditor *auditor, enum audit_ring_state state)
{
    for (size_t i = 0; i < auditor->channel_count; i++) {
        if (auditor->channels[i]->ring.fd >= 0) {
            tell(auditor, auditor->channels[i], state);
        }
    }
}

/* A look costs the same for one record as for many, so looks are as rare as the fullest ring's room allows. */
static int64_t look_us(struct auditor *auditor)
{
    enum { FEW = AUDIT_RING_BYTES / 16, MANY = AUDIT_RING_BYTES / 8 };
    if (auditor->ring_bytes > MANY) {
        auditor->ring_look_us = LOOK_LEAST_US;
    } else if (auditor->ring_bytes < FEW && auditor->ring_look_us < LOOK_MOST_US) {
        auditor->ring_look_us += LOOK_LEAST_US;
    }
    auditor->ring_bytes = 0;
    return auditor->ring_look_us;
}

int64_t auditor_ring_wait_us(struct auditor *auditor)
{
    if (auditor->ring_count == 0 || auditor->are_rings_closed) {
        return NEVER_US;
    }
    if (auditor_now_us(auditor) - auditor->ring_us < SLEEP_US) {
        return look_us(auditor);
    }
    if (!auditor->are_rings_asleep) {
        auditor->are_rings_asleep = true;
        tell_all(auditor, AUDIT_RING_ASLEEP);
        return has_more(auditor) ? 0 : NEVER_US;
    }
    return NEVER_US;
}

void auditor_watch_rings(struct auditor *auditor)
{
    for (size_t i = 0; i < auditor->channel_count && auditor->ring_count > 0; i++) {
        struct audit_channel *channel = auditor->channels[i];
        struct stat info = {0};
        const struct audit_store *store = auditor->log.store;
        if (channel->ring.fd < 0 || channel->is_refused || store->stat(store->context, channel->ring.fd, &info) != 0) {
            continue;
        }
        if (info.st_size != AUDIT_RING_FILE) {
            channel->is_refused = true;
            auditor_on_misbehaviour(auditor, channel->number, "it changed the size of its ring");
        } else if (info.st_nlink == 0) {
            auditor_end_channel(auditor, channel, "its ring was removed: no later start would find what is there");
        }
    }
}

void auditor_close_rings(struct auditor *auditor)
{
    auditor->are_rings_closed = true;
    tell_all(auditor, AUDIT_RING_CLOSED);
}

void auditor_drop_ring(struct auditor *auditor, struct audit_channel *channel)
{
    const struct audit_store *store = auditor->log.store;
    if (channel->ring.fd < 0) {
        return;
    }
    /* with the client's end came the last look: what is there still is no entry, and nobody believes it */
    bool has_rest = !channel->is_ended && audit_ring_has_more(&channel->ring);
    bool is_kept = !channel->is_refused && (has_rest || channel->ring.drained != channel->ring.at);
    if (!is_kept) {
        (void)store->remove(store->context, auditor->log.directory_fd, channel->ring_name, false);
    }
    audit_ring_close(&channel->ring);
    auditor->ring_count--;
}
