/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_LOG_PRIVATE_H
#define RG_AUDIT_LOG_PRIVATE_H

#include "audit/log.h"

/* The log's files among themselves: log.c composes and commits, log_write.c writes and heals, log_space.c knows the
 * disk's states, log_epoch.c checkpoints and epochs, log_open.c and log_recover.c the start. */

/* What recovery found and did; all zero = the log ended cleanly. */
struct audit_recovery {
    uint64_t cut_bytes;
    struct rg_digest cut_sha256;
    uint64_t first_lost_seq;
    char quarantine[80]; /* file name in the log's directory, with NUL */

    /* The records' own account of the epochs. */
    uint64_t epoch;             /* opened last */
    uint64_t epoch_size;        /* records up to and with the record that opened it; 0 in epoch 0 */
    uint64_t epoch_size_before; /* the same of the epoch before */
    int64_t epoch_hlc_us;       /* of that record, or of record 0 */

    /* A pruned log begins behind so many records; their root, tenants and epoch as pruned/ tells them. */
    uint64_t base_size;
    uint64_t base_epoch;
    struct rg_digest base_root;
    struct rg_digest base_heads_root;

    struct audit_tree tree; /* of all records */
    struct rg_buf ended;    /* struct audit_ended: sealed segments without a manifest */
};

/* The newest checkpoint whose signature holds; size 0 = there is none. */
enum { AUDIT_TILE_BYTES = AUDIT_TILE_WIDTH * RG_SHA256_SIZE };
struct audit_floor {
    uint64_t size;
    uint64_t epoch; /* whose key signed it */
    struct rg_digest root;
    struct audit_tiles *tiles; /* of that size, once the records were read */
    char *scratch;             /* AUDIT_TILE_BYTES + 1 bytes: a tile of the disk, to compare */
    struct audit_tree tree;    /* same */
    bool has_bad_tiles;        /* on the disk: missing, or others */
};

/* log_recover.c: checks all segments, moves a torn tail of the newest to quarantine, opens it (or creates the first).
 * The leaves behind the floor are in log->leaves.
 * Returns: RG_STORAGE naming segment and record when the log is damaged before its tail or ends below the floor. */
rg_status audit_log_recover(struct audit_log *log, struct audit_floor *floor, struct rg_arena *arena,
                            struct audit_recovery *recovery) RG_MUST_CHECK;

/* log_floor.c */
rg_status audit_log_find_floor(const struct audit_log *log, struct rg_arena *arena,
                               struct audit_floor **out_floor) RG_MUST_CHECK;
/* One more leaf of the log: builds the floor's tree, compares its tiles and, at its size, its root. */
rg_status audit_floor_take(const struct audit_log *log, struct audit_floor *floor,
                           const struct rg_digest *leaf) RG_MUST_CHECK;
/* Writes the tiles anew from the records behind base_size, which the floor's root was found to cover. */
rg_status audit_floor_mend(const struct audit_log *log, const struct audit_floor *floor, uint64_t base_size,
                           struct rg_arena *arena) RG_MUST_CHECK;
/* log.c: composes a record behind the others, whatever their size. */
rg_status audit_log_compose(struct audit_log *log, const struct audit_message *message,
                            uint64_t *out_seq) RG_MUST_CHECK;
rg_status audit_log_compose_event(struct audit_log *log, const struct audit_event *event) RG_MUST_CHECK;
/* log_fold.c: what a record means for the log's own life. Each record passes here once, when it is composed or when it
 * is read at the start. RG_STORAGE when it cannot be understood. */
rg_status audit_log_fold(struct audit_log *log, const struct audit_head *head, struct rg_slice line) RG_MUST_CHECK;
/* Marks it CLOSED for good with this failure, and returns RG_STORAGE with the same text. */
rg_status audit_log_die(struct audit_log *log, rg_status status) RG_MUST_CHECK;

/* What to do after `status` of a write, seal or start of a segment: the reserve, the next segment; then all that is
 * pending is brought there. Ok, or as audit_log_commit. */
rg_status audit_log_remedy(struct audit_log *log, rg_status status, bool is_synced) RG_MUST_CHECK;
/* log_write.c: brings all that is pending into the segment and, is_synced, to the disk; heals. Returns: as
 * audit_log_commit. */
rg_status audit_log_flush(struct audit_log *log, bool is_synced) RG_MUST_CHECK;
/* Syncs what is written and seals the live segment, if there is one, as a segment without a checkpoint of its own. */
rg_status audit_log_end_segment(struct audit_log *log) RG_MUST_CHECK;
/* The live segment becomes one that starts at durable_seq; nothing pending may be written. RG_LIMIT, RG_STORAGE. */
rg_status audit_log_start_segment(struct audit_log *log) RG_MUST_CHECK;
/* Checkpoint, seal, next segment. As audit_log_commit. */
rg_status audit_log_rotate(struct audit_log *log) RG_MUST_CHECK;

/* log_epoch.c */
bool audit_log_is_checkpoint_due(const struct audit_log *log, int64_t now_us);
rg_status audit_log_compose_checkpoint(struct audit_log *log) RG_MUST_CHECK;
enum audit_publish {
    AUDIT_PUBLISH_PLAIN = 0,
    AUDIT_PUBLISH_TIMED,
    AUDIT_PUBLISH_SEAL,
    AUDIT_PUBLISH_SILENT,
    AUDIT_PUBLISH_EPOCH
};
/* Hands the records that are durable to the publisher. RG_STORAGE when too many wait there. */
rg_status audit_log_publish(struct audit_log *log, enum audit_publish how) RG_MUST_CHECK;
rg_status audit_log_watch_epoch(struct audit_log *log, int64_t now_us) RG_MUST_CHECK;
/* The record, the commit and the publication that open the next epoch; nothing when the lists of keys end here. */
rg_status audit_log_open_epoch(struct audit_log *log) RG_MUST_CHECK;

/* log_space.c: CLOSED until there is space; returns RG_LIMIT. */
rg_status audit_log_become_full(struct audit_log *log, rg_status status) RG_MUST_CHECK;
/* The disk is full. Goes on in the reserve; RG_LIMIT and is_full when there is none. */
rg_status audit_log_enter_reserve(struct audit_log *log) RG_MUST_CHECK;
rg_status audit_log_watch_space(struct audit_log *log, int64_t now_us) RG_MUST_CHECK;

#endif
