/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's two other ears: the supervisor's control socket, which is believed, and doors, through which a gateway
 * hands over the ends of its channels. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/auditor_private.h"
#include "audit/passing.h"

enum { ORDERS_A_TURN = 16, CHANNELS_A_TURN = 16 };

/* Too many: the oldest of the same source is that of a process long gone. */
static void make_room(struct auditor *auditor, enum audit_source source)
{
    size_t at = 0;
    while (at < auditor->door_count && auditor->doors[at].source != source) {
        at++;
    }
    at = at == auditor->door_count ? 0 : at;
    (void)close(auditor->doors[at].fd);
    auditor->door_count--;
    memmove(&auditor->doors[at], &auditor->doors[at + 1], (auditor->door_count - at) * sizeof auditor->doors[0]);
}

static void add_door(struct auditor *auditor, const struct audit_control *order)
{
    bool is_exporter = rg_slice_is_equal(order->which, RG_SLICE(AUDIT_CONTROL_EXPORTER));
    enum audit_source source = is_exporter ? AUDIT_SOURCE_EXPORTER : AUDIT_SOURCE_GATEWAY;
    if (auditor->door_count == AUDITOR_DOORS_MAX) {
        make_room(auditor, source);
    }
    auditor->doors[auditor->door_count] = (struct auditor_door){order->fd, source};
    auditor->door_count++;
}

static rg_status note_death(struct auditor *auditor, const struct audit_control *order)
{
    char text[AUDIT_CONTROL_WHICH_MAX + AUDIT_CONTROL_HOW_MAX + 4];
    int size = snprintf(text, sizeof text, "%.*s: %.*s", RG_SLICE_ARGS(order->which), RG_SLICE_ARGS(order->how));
    return auditor_note(auditor, AUDIT_PROCESS_DIED, rg_slice_make(text, (size_t)size));
}

static rg_status obey(struct auditor *auditor, const struct audit_control *order)
{
    switch (order->type) {
    case AUDIT_CONTROL_DOOR:
        add_door(auditor, order);
        return RG_OK;
    case AUDIT_CONTROL_NOTE:
        return note_death(auditor, order);
    case AUDIT_CONTROL_SEAL:
        return auditor_absorb(auditor, audit_log_seal(&auditor->log));
    case AUDIT_CONTROL_STOP:
        auditor->is_stopping = true;
        return RG_OK;
    case AUDIT_CONTROL_NONE:
    case AUDIT_CONTROL_OPTIONS:
    case AUDIT_CONTROL_READY:
    case AUDIT_CONTROL_STATE:
    case AUDIT_CONTROL_RELOADED:
    case AUDIT_CONTROL_COUNT:
        break;
    }
    return RG_OK; /* nothing to the auditor at this time */
}

rg_status auditor_take_orders(struct auditor *auditor)
{
    for (int i = 0; i < ORDERS_A_TURN; i++) {
        struct audit_control order = {0};
        bool has_order = false;
        rg_status status = audit_control_receive(auditor->control_fd, auditor->order, &order, &has_order);
        if (!rg_is_ok(status)) {
            auditor->is_stopping = auditor->is_stopping || status.error->kind == RG_CLOSED;
            return RG_OK;
        }
        if (!has_order) {
            return RG_OK;
        }
        RG_TRY(obey(auditor, &order));
    }
    return RG_OK;
}

static void close_door(struct auditor *auditor, size_t door)
{
    (void)close(auditor->doors[door].fd);
    auditor->doors[door].fd = -1; /* the turn's end takes it out of the list */
}

static const char *find_fault(const struct auditor *auditor, size_t size, int fd)
{
    if (size != 1 || fd < 0) {
        return "a door message without its descriptor";
    }
    if (!audit_passing_is_unix(fd, SOCK_STREAM)) {
        return "a door message whose descriptor is no stream socket";
    }
    return auditor->channel_count == AUDITOR_CHANNELS_MAX ? "too many channels" : NULL;
}

static void admit(struct auditor *auditor, size_t size, int fd, enum audit_source source)
{
    const char *fault = find_fault(auditor, size, fd);
    if (fault != NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        auditor_on_misbehaviour(auditor, 0, fault);
        return;
    }
    auditor->opened_count++;
    auditor->channels[auditor->channel_count] = audit_channel_open(fd, auditor->opened_count, source);
    auditor_give_ring(auditor, auditor->channels[auditor->channel_count]);
    auditor->channel_count++;
}

void auditor_take_channels(struct auditor *auditor, size_t door)
{
    for (int i = 0; i < CHANNELS_A_TURN; i++) {
        char byte = 0;
        size_t size = 0;
        int fd = -1;
        switch (audit_passing_receive(auditor->doors[door].fd, &byte, 1, &size, &fd)) {
        case AUDIT_PASSING_NOTHING:
            return;
        case AUDIT_PASSING_END:
            close_door(auditor, door);
            return;
        case AUDIT_PASSING_BAD:
            auditor_on_misbehaviour(auditor, 0, "a door message too long, or with several descriptors");
            break;
        case AUDIT_PASSING_PACKET:
            admit(auditor, size, fd, auditor->doors[door].source);
            break;
        }
    }
}
