/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_PUBLISHER_H
#define RG_AUDIT_PUBLISHER_H

#include "audit/keys.h"
#include "audit/store.h"
#include "audit/tree.h"

/* What follows a commit without holding it up: a thread that writes tiles (tile/<L>/<N>), signs checkpoints
 * (ckpt/<size, 16 digits>.note, head.note), writes manifests, and steps the epoch's key. Jobs are done in order. Every
 * file is written under another name and renamed; a checkpoint is signed after its tiles were written.
 * A checkpoint that nobody asked to sync (more than one in a second) is in head.note only, until the next one. Of a
 * closed epoch only its last checkpoint and those at the ends of segments are kept: they cover the others. */

struct audit_publisher;

enum { AUDIT_PUBLISH_QUEUE = 4 * 1024 * 1024, AUDIT_NOTE_PATH_SIZE = 32 }; /* leaves that may wait */

/* A segment that ended: its manifest is to be written. */
struct audit_ended {
    uint64_t first_seq;
    uint64_t size; /* of the tree at its end */
    uint64_t bytes;
    struct rg_digest root;
};

struct audit_publisher_options {
    int directory_fd; /* borrowed */
    const struct audit_store *store;
    struct audit_signer *signer;     /* the publisher's from now on, freed with it, also when opening fails */
    struct rg_slice origin;          /* borrowed */
    const struct audit_tiles *tiles; /* of the newest checkpoint; copied. Missing or wrong tiles were mended before */
    const struct audit_tree *tree;   /* same size; copied */
    const struct audit_ended *ended; /* segments without a manifest; copied */
    size_t ended_count;
    uint64_t epoch_size; /* of the checkpoint that ended the epoch before this one; 0 in the first */
};

struct audit_publication {
    uint64_t size;                  /* the log's records that are durable now; everything below is covered */
    uint64_t segment_first;         /* the segment that record size - 1 stands in */
    uint64_t segment_bytes;         /* of it, up to that record */
    uint64_t epoch;                 /* whose key signs */
    bool is_sealed;                 /* the segment ends here: it gets a manifest, and the checkpoint is kept for good */
    bool is_silent;                 /* no checkpoint: a segment was given up after a fault */
    bool ends_epoch;                /* afterwards the key steps */
    bool needs_sync;                /* at least once a second */
    const struct rg_digest *leaves; /* those since the last publication, in order; copied */
    size_t leaf_count;
};

/* "ckpt/0000000000000001.note", with NUL. */
void audit_note_path(uint64_t size, char out_path[AUDIT_NOTE_PATH_SIZE]);

/* Makes ckpt/ and tile/, starts the thread. RG_STORAGE. */
rg_status audit_publisher_open(const struct audit_publisher_options *options,
                               struct audit_publisher **out_publisher) RG_MUST_CHECK;
/* Queues; never waits for the disk. RG_LIMIT when more than AUDIT_PUBLISH_QUEUE leaves wait: the disk takes no more
 * checkpoints. */
rg_status audit_publisher_put(struct audit_publisher *publisher,
                              const struct audit_publication *publication) RG_MUST_CHECK;
/* What is published and what went wrong last; a failed job is tried again every second. Any thread. */
struct audit_publisher_state {
    uint64_t size;        /* of the newest checkpoint on disk */
    uint64_t synced_size; /* of the newest one that is synced */
    uint64_t epoch;       /* of the key that signs next */
    bool has_next; /* the next step goes to a new list of keys (audit_signer_has_next); looked up at every sync */
    bool is_failing;
    char reason[256];
};
void audit_publisher_look(struct audit_publisher *publisher, struct audit_publisher_state *out_state);
/* Waits until everything queued is on disk and synced, or fails. For the end and for tests. RG_STORAGE. */
rg_status audit_publisher_drain(struct audit_publisher *publisher) RG_MUST_CHECK;
void audit_publisher_close(struct audit_publisher **publisher); /* joins; what is queued is dropped; nulls */

#endif
