/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_AUDIT_H
#define RG_AUDIT_AUDIT_H

#include "audit/record.h"

#define AUDIT_SEQ_NONE UINT64_MAX

/* The gateway's side of the seam: events in, durable sequence numbers out, over a channel to the auditor's
 * process (audit/auditor.h). A channel is a stream socket whose other end was handed through the door, a
 * SOCK_SEQPACKET socket between the two processes. When durability is "written" the auditor answers with a ring
 * (audit/ring.h): events stand in it as soon as they are flushed, and are acknowledged by that; the socket carries what
 * does not fit, and what the auditor's number is asked of. No call here blocks. */

struct audit_client; /* one channel; one per event-loop thread */

/* Whether the log takes records. The zero value refuses. */
enum audit_state {
    AUDIT_CLOSED = 0, /* nothing is written: no statement may run */
    AUDIT_OPEN,
    AUDIT_LOW,    /* as OPEN; somebody should make room */
    AUDIT_RESERVE /* the disk is full: only break-glass users may go on, into the reserve */
};

enum {
    AUDIT_EVENT_MAX = 64 * 1024 * 1024, /* bytes of all frames of one event */
    AUDIT_REASON_MAX = 255,             /* bytes of a state's reason */
};

/* Makes a channel and sends its other end through the door. queue_bytes: what may wait here because the
 * auditor does not read as fast as this client submits; 0 = AUDIT_EVENT_MAX. The door is borrowed for the call;
 * several threads may use one.
 * Returns: RG_STORAGE when nobody holds the other end of the door or it is full. */
rg_status audit_client_open(int door_fd, size_t queue_bytes, struct audit_client **out_client) RG_MUST_CHECK;
/* From now on personal values leave this process sealed (audit/sealer.h); origin: the log's. RG_LIMIT. */
rg_status audit_client_seal(struct audit_client *client, struct rg_slice origin) RG_MUST_CHECK;
/* Sends what the socket takes, then lets go: what was sent is still written, nobody hears of it; an event that was
 * sent in part is not. Nulls it. */
void audit_client_close(struct audit_client **client);

/* Queues one event. *out_ticket is 1 for the client's first event and rises by one with each success.
 * Returns: RG_STORAGE when the channel died or the auditor said CLOSED; RG_LIMIT when the queue is full or the event
 * larger than it or than AUDIT_EVENT_MAX; then no ticket is used. The event is borrowed for the call. */
rg_status audit_submit(struct audit_client *client, const struct audit_event *event,
                       uint64_t *out_ticket) RG_MUST_CHECK;
/* Bytes of the event that was submitted last, as it is handed over. */
size_t audit_client_last_size(const struct audit_client *client);
/* Once a loop turn, and when the socket became writable: hands over what the socket takes, by one send. */
void audit_flush(struct audit_client *client);
/* True while something waits for the socket: watch audit_wakeup_fd for writing too, then flush. */
bool audit_wants_write(const struct audit_client *client);
/* True while something was not handed over yet, be it that it waits for an answer to what went before. */
bool audit_has_unsent(const struct audit_client *client);
/* The channel's socket: watch it for reading always. Do not read from it; call audit_take until it returns false.
 * Owned by the client. */
int audit_wakeup_fd(const struct audit_client *client);
/* Takes the next acknowledgement, in ticket order without gaps: from now on the event of *out_ticket is
 * durable, as record *out_seq (the first one, if it has continuation records; AUDIT_SEQ_NONE when it stands in the
 * ring: never for a refusal, nor for anything but a statement). false = none; outputs are untouched then. Also takes in
 * changes of state and the end of the channel. */
bool audit_take(struct audit_client *client, uint64_t *out_ticket, uint64_t *out_seq);
/* There is something to take already: the last flush put it into the ring, and nobody will wake the loop for it. */
bool audit_has_taken(const struct audit_client *client);
/* The channel died: acknowledgements that arrived before were or can still be taken, the other tickets are
 * never acknowledged (their records may yet be in the log). */
bool audit_client_is_faulted(const struct audit_client *client);
/* As the auditor said last; AUDIT_CLOSED until it said anything, and when the channel died. */
enum audit_state audit_client_state(const struct audit_client *client);
/* Why it is not AUDIT_OPEN; "" when it is. Valid until the next call of audit_take. */
const char *audit_client_reason(const struct audit_client *client);
/* True when the reason is the disk's space (53100), not its failure or the auditor's (58030). */
bool audit_client_is_disk_full(const struct audit_client *client);

#endif
