/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_LOG_H
#define RG_AUDIT_LOG_H

#include "audit/auditor.h"
#include "audit/chain.h"
#include "audit/keep/declared.h"
#include "audit/keep/hold.h"
#include "audit/keeper.h"
#include "audit/publisher.h"

/* The log as one writer sees it: open and recover, append, commit, watch. It heals what can be healed (a failed write:
 * the next segment; a full disk: the reserve); what cannot makes it CLOSED.
 *
 * After RG_STORAGE of any call but audit_log_open the log is CLOSED for good: audit_log_done, and another
 * audit_log_open, which decides what is there. Threads: one at a time. */

enum { AUDIT_COMMIT_MAX = 8 * 1024 * 1024 }; /* bytes that can be written and not yet synced */
enum { AUDIT_CHECKPOINT_RECORDS = 4096, AUDIT_WATCH_US = 1000000 };

struct audit_log {
    const struct audit_store *store;
    const struct rg_clock *clock;
    enum audit_durability durability;
    uint64_t segment_bytes;
    uint64_t reserve_bytes;
    uint64_t low_bytes;
    uint64_t acknowledged_seq; /* records that an earlier run said to be durable */
    int directory_fd;          /* -1 = none */
    int lock_fd;               /* same */
    int segments_fd;           /* same */
    const char *path;          /* of the directory, as configured; in arena */
    struct rg_arena *arena;    /* of origin and keys */
    struct rg_slice origin;
    struct audit_keys *keys;
    char boot[AUDIT_BOOT_SIZE + 1];

    /* records */
    struct audit_chain chain;
    struct audit_segment segment;
    struct rg_buf pending;         /* the records from durable_seq on: composed, not known to be on the disk */
    size_t written;                /* of pending: the bytes that are in the segment, not yet synced */
    uint64_t durable_seq;          /* records on the disk */
    struct rg_buf leaves;          /* struct rg_digest: of the records from published_seq on */
    uint64_t published_seq;        /* handed to the publisher */
    struct audit_holds holds;      /* in force, by the records up to chain.next_seq; the next two as well */
    struct audit_pruned pruned[2]; /* the two newest retention.prune, the newest last; seq 0 = there is none */
    int64_t resumed_us;            /* hlc of the last record that the start found; 0 = there was none */
    uint64_t signed_seq;           /* while the log opens: what a checkpoint covers of it, at least 1; then 0 */
    uint64_t void_seq;             /* the first retention.prune that was found behind that; 0 = there was none */
    uint64_t confirmed_seq;        /* the records before it are stored outside, by export.segment records */
    uint64_t boundary_seq;         /* the records up to and with an epoch.open that is not published yet; 0 = none */
    bool is_next_wanted;           /* of the keeper */

    /* clocks; monotonic unless said otherwise */
    bool has_offset;
    int64_t wall_offset_us; /* wall minus monotonic clock, at the last record of this run */
    int64_t hlc_offset_us;  /* hlc minus monotonic clock: never falls within a run */
    int64_t checkpoint_us;  /* when the last checkpoint was handed over */
    int64_t synced_us;      /* when the last one that is synced */
    bool has_unsynced_note; /* the last one was not */
    int64_t epoch_end_us;
    int64_t watch_us; /* when the last watch was */

    uint64_t epoch;
    uint64_t epoch_count; /* for which there are keys */
    unsigned epoch_seconds;
    struct audit_publisher *publisher;
    struct audit_keeper *keeper;

    enum audit_state state; /* as last recorded */
    bool is_full;           /* CLOSED, until there is space again */
    bool is_dead;           /* CLOSED for good */
    char reason[AUDIT_REASON_MAX + 1];
    struct audit_usage { /* for "full within 24 hours" */
        int64_t since_us;
        uint64_t bytes;
    } usage[11];
    size_t usage_count;
    uint64_t total_bytes; /* of records, written by this run */
};

/* Opens, checks and repairs; appends log.recovered (if so) and log.started and commits them.
 * Errors as auditor_open; RG_CONFIG also when there are no keys: the text names `rowgate audit keys init`. */
rg_status audit_log_open(const struct auditor_options *options, struct audit_log *out_log) RG_MUST_CHECK;
/* Closes descriptors and ends the threads without writing; accepts the zero value. */
void audit_log_done(struct audit_log *log);

/* Composes one record; *out_seq is its number. It is durable after the next commit.
 * Returns: ok; RG_LIMIT when this one record is impossible (the log goes on); RG_STORAGE. While the disk is full
 * records are kept, up to AUDIT_COMMIT_MAX bytes of them: look at audit_log_state before taking any. */
rg_status audit_log_append(struct audit_log *log, const struct audit_message *message, uint64_t *out_seq) RG_MUST_CHECK;
/* Writes and, when durability asks for it, syncs what was appended; a checkpoint when one is due.
 * Returns: ok: all that was appended is durable; RG_LIMIT: the disk and its reserve are full, nothing was
 * acknowledged and nothing is lost: audit_log_watch until the state is not CLOSED, then commit again; RG_STORAGE. */
rg_status audit_log_commit(struct audit_log *log) RG_MUST_CHECK;
/* About once a second, at audit_log_deadline_us: syncs what durability left open, looks whether the file is still ours,
 * checkpoints, steps the epoch, looks at the disk's space. RG_STORAGE. */
rg_status audit_log_watch(struct audit_log *log) RG_MUST_CHECK;
/* When audit_log_watch wants to be called next, by the log's monotonic clock. */
int64_t audit_log_deadline_us(const struct audit_log *log);
/* Appends an event of the auditor itself and commits it. As audit_log_commit. */
rg_status audit_log_note(struct audit_log *log, const struct audit_event *event) RG_MUST_CHECK;
/* The same, and *out_seq is its number. */
rg_status audit_log_note_at(struct audit_log *log, const struct audit_event *event, uint64_t *out_seq) RG_MUST_CHECK;
/* The same without the commit: it is durable after the next one. As audit_log_append. */
rg_status audit_log_put(struct audit_log *log, const struct audit_event *event) RG_MUST_CHECK;
/* Has the records that are durable covered by a checkpoint that is synced, as soon as the publisher can
 * (audit_publisher_look tells when). RG_STORAGE. */
rg_status audit_log_sign(struct audit_log *log) RG_MUST_CHECK;
/* Ends the segment with a checkpoint and starts the next one. As audit_log_commit. */
rg_status audit_log_seal(struct audit_log *log) RG_MUST_CHECK;
/* Appends log.stopped and the last checkpoint, commits, waits until it is published, cuts the space ahead.
 * RG_STORAGE; RG_LIMIT when the disk is full. */
rg_status audit_log_stop(struct audit_log *log) RG_MUST_CHECK;
/* *out_reason: why it is not AUDIT_OPEN, or ""; valid until the next call. out_reason may be NULL. */
enum audit_state audit_log_state(const struct audit_log *log, const char **out_reason);
/* True when CLOSED or RESERVE is for want of space. */
bool audit_log_is_disk_full(const struct audit_log *log);

#endif
