/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_CHANNEL_H
#define RG_AUDIT_CHANNEL_H

#include "audit/answer.h"
#include "audit/intake.h"
#include "audit/ring.h"

/* The auditor's end of one channel. Its client may be in hostile hands: bytes are copied before they are looked at, no
 * call blocks whatever the client does to the socket, and what it can make grow here has a limit. */

enum {
    AUDIT_CHANNEL_READ = 256 * 1024,        /* bytes taken in one turn at most */
    AUDIT_CHANNEL_LARGE = 1024 * 1024,      /* held bytes from which a channel counts as large */
    AUDIT_CHANNEL_UNSENT_MAX = 1024 * 1024, /* answers not read by the client: no more is taken from it then */
    AUDIT_CHANNEL_RING_NAME = 32,
    AUDIT_CHANNEL_WAKE = 4,         /* zeros on the socket, between two events: there is something in the ring */
    AUDIT_CHANNEL_KEYS_MAX = 60000, /* keys of subjects in a minute; twice what an honest encoder makes */
};

struct audit_channel {
    int fd;
    uint64_t number; /* for the operational log and for notes */
    struct rg_buf in;
    struct rg_buf out;
    struct rg_buf held; /* acknowledgements of what is not durable yet: behind out one day */
    struct audit_intake intake;
    struct audit_ring ring; /* fd -1 = none: durability is "synced", or there was no room for one */
    char ring_name[AUDIT_CHANNEL_RING_NAME];
    struct rg_buf ring_in; /* whole events, taken off the ring */
    struct audit_intake ring_intake;
    bool is_ring_due;    /* the client has not been given the ring */
    int64_t keys_us;     /* when the minute of keys began */
    uint64_t keys_count; /* in it */
    bool is_ended;       /* the client closed it */
    bool is_refused;     /* it sent nonsense: nothing is taken from it any more */
    bool is_state_due;   /* the client has not been told the log's state */
};

/* Takes over fd; no ring yet. */
struct audit_channel *audit_channel_open(int fd, uint64_t number, enum audit_source source);
void audit_channel_close(struct audit_channel **channel); /* accepts NULL inside; nulls */

/* poll(2) events that it waits for. */
short audit_channel_events(const struct audit_channel *channel);
/* One read of what arrived; *out_bytes how much. Sets is_ended at the end. */
void audit_channel_read(struct audit_channel *channel, size_t *out_bytes);
/* The next whole event, as audit_intake_next; empty = none yet. Borrowed until it is dropped. */
rg_status audit_channel_next(struct audit_channel *channel, struct audit_json *json,
                             struct rg_slice *out_event) RG_MUST_CHECK;
/* Drops the event of audit_channel_next, and holds back its acknowledgement. */
void audit_channel_take(struct audit_channel *channel, size_t event_bytes, uint64_t seq);
/* One look into the ring; true: there are events in ring_in. */
bool audit_channel_read_ring(struct audit_channel *channel);
/* The next event of ring_in, as audit_intake_next; empty = ring_in is. RG_PROTOCOL also for half an event. */
rg_status audit_channel_next_ring(struct audit_channel *channel, struct audit_json *json,
                                  struct rg_slice *out_event) RG_MUST_CHECK;
/* What was held back is durable now, or never will be. */
void audit_channel_settle(struct audit_channel *channel, bool is_durable);
/* Counts a key of a subject. RG_PROTOCOL when the client sends more of them than any honest one. */
rg_status audit_channel_count_key(struct audit_channel *channel, int64_t now_us) RG_MUST_CHECK;
/* Tells the client whose keys it must use no more. One that does not read its answers is refused from now on. */
void audit_channel_forget(struct audit_channel *channel, const struct rg_digest *name);
/* One send of what is not held back. `state`: what to say when is_state_due. */
void audit_channel_send(struct audit_channel *channel, const struct audit_answer *state);

#endif
