/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_PUBLISHER_H
#define RG_AUDIT_PUBLISHER_H

#include "audit/keys.h"
#include "audit/store.h"
#include "audit/tree.h"

/* What follows a commit without holding it up: a thread that writes tiles (tile/<L>/<N>), signs checkpoints
 * (ckpt/<size, 16 digits>.note, head.note), and steps the epoch's key. Jobs are done in order. Every file is written
 * under another name, synced when the job says so, and renamed. Of a closed epoch only its last checkpoint and those of
 * sealed segments are kept: they cover the others. */

struct audit_publisher;

struct audit_publisher_options {
    int directory_fd; /* borrowed */
    const struct audit_store *store;
    struct audit_signer *signer;     /* the publisher's from now on, freed with it */
    struct rg_slice origin;          /* borrowed */
    const struct audit_tiles *tiles; /* of the recovered log; copied. Missing or wrong tiles were mended before */
};

struct audit_publication {
    uint64_t size; /* the log's records that are durable now; everything below is covered */
    struct rg_digest root;
    bool is_sealed;                 /* the segment ends here: the checkpoint is kept for good */
    bool ends_epoch;                /* afterwards the key steps */
    bool needs_sync;                /* at least once a second */
    const struct rg_digest *leaves; /* those since the last publication, in order; copied */
    size_t leaf_count;
};

rg_status audit_publisher_open(const struct audit_publisher_options *options,
                               struct audit_publisher **out_publisher) RG_MUST_CHECK;
/* Queues; never waits for the disk. RG_LIMIT when more than 4 Mi leaves wait: the disk takes no more checkpoints. */
rg_status audit_publisher_put(struct audit_publisher *publisher,
                              const struct audit_publication *publication) RG_MUST_CHECK;
/* What is published and what went wrong last; a failed job is tried again every second. Any thread. */
struct audit_publisher_state {
    uint64_t size; /* of the newest checkpoint on disk */
    uint64_t epoch;
    bool is_failing;
    char reason[256];
};
void audit_publisher_look(struct audit_publisher *publisher, struct audit_publisher_state *out_state);
/* Waits until everything queued is on disk and synced, or fails. For the end and for tests. RG_STORAGE. */
rg_status audit_publisher_drain(struct audit_publisher *publisher) RG_MUST_CHECK;
void audit_publisher_close(struct audit_publisher **publisher); /* joins; what is queued is dropped; nulls */

#endif
