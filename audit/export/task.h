/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_TASK_H
#define RG_AUDIT_EXPORT_TASK_H

#include "audit/record.h"
#include "base/rg_arena.h"
#include "base/rg_clock.h"

/* The contract between the exporter (audit/export/runner.h) and a destination: an S3 bucket, a sink, a witness, a peer.
 *
 * One thread a task: a turn may block, in libcurl or on a disk, and no other task notices. No task touches another's
 * state. What must never happen is a gap: a task confirms (export_confirm, export_cursor_store) only what its
 * destination has for good; after any failure, kill -9 included, it begins again behind what was confirmed, so that
 * its destination may get records twice, never not at all. Nothing a task does or does not do stops a statement.
 *
 * Only signed records are shown: turn->size is the size of the newest checkpoint, which is at most about a second old.
 * Records behind it can still change (a machine that loses power before they are synced) and are never exported.
 *
 * A record that a task writes (export_record) makes the log grow, and what makes the log grow wakes every task. So a
 * task writes one for what its destination confirmed, never one for a record of its own kind alone: a segment that
 * holds nothing but export.* records, for one, is no reason for a next one. Failures are recorded by the runner, once
 * when a destination began to fail and once when it works again. */

struct export_turn;

struct export_task {
    const char *name; /* of the sink as configured, "s3", "anchors", "witness/NAME", "peer/ORIGIN": in metrics, records
                         and the operational log. At most EXPORT_NAME_MAX bytes, unique; lives as long as context */
    /* Does what there is to do now and returns; it is called again when the log grew, when next_us is over, after a
     * failure with back-off, and once more before the process ends. The failure's text is shown to people: it says
     * which host and what to do. Kinds: RG_CLOSED when it ended because of export_should_stop; any other counts as
     * failed. */
    rg_status (*turn)(void *context, struct export_turn *turn);
    void (*free)(void *context); /* the thread has ended */
    void *context;
};

enum {
    EXPORT_NAME_MAX = 300,
    EXPORT_CURSOR_MAX = 64 * 1024, /* bytes of one cursor */
};

/* What a turn sees. The first part is set before each turn and stays as it is during it. */
struct export_turn {
    /* The log's directory, for reading: seg/, tile/, ckpt/, origin, and of keys/ the public files. Not head.note: the
     * process's fence goes by directories, and the seeds are in one beside it. */
    int directory_fd;
    const char *directory;  /* its path */
    struct rg_slice origin; /* of the log */
    const struct rg_clock *clock;
    uint64_t size; /* records 0 to size - 1 are signed: by ckpt/<size>.note (audit_note_path), the newest one there;
                      it may be gone when it is opened, because the epoch ended: the next turn has a newer one */
    bool is_last;  /* the process is about to end, the log holds log.stopped: what can be sent in a second */
    struct export_slot *slot; /* the runner's */
    /* Set by the task; 0 when the turn begins. */
    int64_t next_us; /* by turn->clock's monotonic time: call again then even if nothing was written; 0 = no need */
};

/* Whether the turn should end now: soon after the process was told to (2 s are left then, for all), or because the
 * configuration changed. Ask at least every 200 ms: from libcurl's progress function (CURLOPT_XFERINFOFUNCTION, which
 * aborts the transfer when it returns non-zero), between batches, in loops. */
bool export_should_stop(const struct export_turn *turn);
/* Sleeps; true = slept, false = export_should_stop now. */
bool export_sleep(const struct export_turn *turn, int64_t us);

/* Records 0 to size - 1 are at the destination for good; hlc_us: the time of the last of them (struct audit_head), 0
 * when it is not known. For the lag in metrics; may be called many times in one turn. Never falls. */
void export_confirm(struct export_turn *turn, uint64_t size, int64_t hlc_us);

/* Writes a record into the log over the exporter's channel and waits until it is durable: AUDIT_EXPORT_SEGMENT,
 * AUDIT_EXPORT_STATE, AUDIT_PEER_CKPT or AUDIT_CLUSTER_MEMBERS; the auditor takes no other kind from here. Any thread.
 * Returns: ok; RG_STORAGE when the log takes none now or the auditor ended; RG_CLOSED when the turn should stop
 * first. Then the record may be in the log all the same. */
rg_status export_record(struct export_turn *turn, const struct audit_event *event) RG_MUST_CHECK;

/* Asks the auditor to end the live segment, so that it can be stored elsewhere. At most one in a second is passed on;
 * seg/ shows when it happened. */
void export_seal(struct export_turn *turn);

/* The task's own memory, in <directory>/export/: any bytes, replaced whole and synced. A lost or damaged one loads as
 * empty (with a line in the operational log): begin at the start of the log then.
 * load: RG_STORAGE when it cannot be read, RG_LIMIT when the arena is full. store: RG_STORAGE, RG_LIMIT when it is too
 * large or the disk is full; the one before is kept then. */
rg_status export_cursor_load(struct export_turn *turn, struct rg_arena *arena,
                             struct rg_slice *out_bytes) RG_MUST_CHECK;
rg_status export_cursor_store(struct export_turn *turn, struct rg_slice bytes) RG_MUST_CHECK;

/* A line in the operational log, at warning: for what people should know and is no failure of the turn. */
void export_warn(struct export_turn *turn, const char *text);

#endif
