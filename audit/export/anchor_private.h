/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_ANCHOR_PRIVATE_H
#define RG_AUDIT_EXPORT_ANCHOR_PRIVATE_H

#include "audit/export/depot_private.h"

enum { ANCHOR_NOTE_MAX = 32 * 1024, ANCHOR_TROUBLE_MAX = 480 };

struct anchor {
    struct depot depot;
    bool has_cursor;
    uint64_t size;                        /* of the newest checkpoint that is anchored */
    int64_t done_us;                      /* monotonic: when the newest was put last; 0 = never */
    int64_t behind_us;                    /* monotonic: when the log was found behind an anchor first; 0 = it was not */
    bool is_checked;                      /* the log continues what the bucket holds */
    char trouble[ANCHOR_TROUBLE_MAX + 1]; /* a fork, a rollback; "" = none */
};

/* The checkpoints in ckpt/ of more than `above` and at most `upto` records. */
struct anchor_notes {
    uint64_t *sizes; /* owned; ascending */
    size_t count;
    size_t capacity;
};
rg_status anchor_notes_list(const struct export_turn *turn, uint64_t above, uint64_t upto,
                            struct anchor_notes *notes) RG_MUST_CHECK;
void anchor_notes_done(struct anchor_notes *notes);
/* Its bytes and the id of the key that signed it; empty when it has gone: the publisher keeps of a closed epoch only
 * what anchor_note_is_kept tells. RG_STORAGE. */
rg_status anchor_note_load(const struct export_turn *turn, uint64_t size, struct rg_arena *arena,
                           struct rg_slice *out_bytes, uint32_t *out_key) RG_MUST_CHECK;
/* It ends a segment or an epoch: the next one in the list is by another key. */
rg_status anchor_note_is_kept(const struct export_turn *turn, const struct anchor_notes *notes, size_t number,
                              uint32_t key, bool *out_is_kept) RG_MUST_CHECK;

/* Once: holds the log against the newest anchors in the bucket. A log that is behind one of them, or is another, is
 * closed (audit/rollback.h). ok: it is not, or cannot be told. RG_STORAGE when it is; RG_UPSTREAM and others as s3. */
rg_status anchor_check(struct anchor *anchor, struct export_turn *turn) RG_MUST_CHECK;

#endif
