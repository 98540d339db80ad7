/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_AUDIT_H
#define RG_AUDIT_AUDIT_H

#include "audit/record.h"
#include "audit/store.h"
#include "base/rg_clock.h"

/* The seam between the event loops and the log: bytes in, durable sequence numbers out. Today the
 * auditor is a thread; nothing here would change if it were a process. */

struct auditor;      /* owns the directory, the sequence, the hashes and its thread */
struct audit_client; /* one per event-loop thread */

enum audit_durability {
    AUDIT_SYNCED = 0, /* acknowledged = on the disk (fdatasync) */
    AUDIT_WRITTEN     /* acknowledged = in the kernel; synced within a second */
};

struct auditor_options {
    struct rg_slice directory; /* created 0700 when absent; its parent must exist */
    struct rg_slice origin;    /* "<cluster>/audit/<node>/<incarnation>": printable ASCII, at most 255 bytes */
    size_t segment_bytes;      /* 0 = 256 MiB; at least 128 KiB otherwise */
    enum audit_durability durability;
    size_t queue_bytes;              /* per client: submitted and not yet acknowledged; 0 = 64 MiB */
    const struct rg_clock *clock;    /* NULL = the machine's; must outlive the auditor */
    const struct audit_store *store; /* NULL = files; must outlive the auditor */
};

/* Opens or creates the log: takes its lock, checks the whole chain, moves a torn tail to quarantine,
 * appends log.recovered (if so) and log.started, waits until they are durable, starts the thread.
 * Blocks: for start-up only.
 * Returns: RG_CONFIG for bad options or another origin; RG_STORAGE when the directory is locked by
 * another, cannot be written, or the log is damaged before its tail (text names segment and record). */
rg_status auditor_open(const struct auditor_options *options, struct auditor **out_auditor) RG_MUST_CHECK;
/* Writes what was flushed, appends log.stopped, syncs, joins the thread, frees. Blocks. All clients must
 * have been closed before. Accepts NULL inside, nulls it. */
void auditor_close(struct auditor **auditor);
/* Ok, or RG_STORAGE with the reason why the log takes no more records. Any thread. */
rg_status auditor_check(struct auditor *auditor) RG_MUST_CHECK;

/* RG_STORAGE when the auditor is faulted. Any thread; the client then belongs to one thread. */
rg_status audit_client_open(struct auditor *auditor, struct audit_client **out_client) RG_MUST_CHECK;
/* Flushes, then lets go: what was submitted is still written, nobody hears of it. Nulls it. */
void audit_client_close(struct audit_client **client);

/* Queues one event. *out_ticket is 1 for the client's first event and rises by one with each success.
 * Returns: RG_STORAGE when the auditor is faulted; RG_LIMIT when the queue is full or the event larger
 * than the queue; then no ticket is used. No I/O, no waiting. The event is borrowed for the call. */
rg_status audit_submit(struct audit_client *client, const struct audit_event *event,
                       uint64_t *out_ticket) RG_MUST_CHECK;
/* Once a loop turn: hands over what was submitted and signals the auditor (at most) once. */
void audit_flush(struct audit_client *client);
/* An eventfd, non-blocking: readable when acknowledgements or a fault arrived. Do not read from it;
 * call audit_take until it returns false, which also clears it. Owned by the client. */
int audit_wakeup_fd(const struct audit_client *client);
/* Takes the next acknowledgement, in ticket order without gaps: from now on the event of *out_ticket is
 * durable, as record *out_seq (the first one, if it has continuation records). false = none; outputs
 * are untouched then. */
bool audit_take(struct audit_client *client, uint64_t *out_ticket, uint64_t *out_seq);
/* True from a fault on: acknowledgements that arrived before can still be taken, the other tickets are
 * never acknowledged. */
bool audit_client_is_faulted(const struct audit_client *client);

#endif
