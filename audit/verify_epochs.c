/* SPDX-License-Identifier: Apache-2.0 */
/* What the signatures say (audit/keys.h; reference audit.md 3.5): the checkpoint of epoch e by key e and no other, one
 * at least for each closed epoch, roots as the records give them, nothing signed that the log does not have. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/verify_private.h"
#include "base/rg_memory.h"

struct signing {
    struct verify_checkpoint *items;
    const struct audit_keys *keys;
    uint64_t base_size;  /* what covers no more than these records is not judged, unless tiles tell its root */
    uint64_t base_epoch; /* behind those */
    const uint32_t *ids; /* of the keys, when some are gone */
};

static bool is_by(const struct audit_note *note, const struct audit_keys *keys, uint64_t epoch)
{
    struct audit_vkey key = {0};
    return rg_is_ok(audit_keys_vkey(keys, epoch, &key)) && audit_note_is_signed_by(note, &key);
}

/* Whose is it, when it is not by the key it should be by? Ids tell without trying every key. */
static bool find_signer(const struct audit_note *note, const struct audit_keys *keys, uint64_t *out_epoch)
{
    for (uint64_t epoch = 0; epoch < keys->epoch_count; epoch++) {
        struct audit_vkey key = {0};
        if (!rg_is_ok(audit_keys_vkey(keys, epoch, &key))) {
            return false;
        }
        for (size_t i = 0; i < note->signature_count; i++) {
            bool is_candidate = note->signatures[i].id == key.id && note->signatures[i].is_ed25519;
            if (is_candidate && audit_note_is_signed_by(note, &key)) {
                *out_epoch = epoch;
                return true;
            }
        }
    }
    return false;
}

static bool find_signer_by_id(const struct audit_note *note, const struct signing *signing, uint64_t *out_epoch)
{
    for (size_t i = 0; i < note->signature_count; i++) {
        for (uint64_t epoch = 0; epoch < signing->keys->epoch_count; epoch++) {
            if (signing->ids[epoch] == note->signatures[i].id && is_by(note, signing->keys, epoch)) {
                *out_epoch = epoch;
                return true;
            }
        }
    }
    return false;
}

static uint32_t *make_ids(const struct audit_keys *keys)
{
    uint32_t *ids = rg_memory_array((size_t)keys->epoch_count, sizeof *ids);
    for (uint64_t epoch = 0; epoch < keys->epoch_count; epoch++) {
        struct audit_vkey key = {0};
        ids[epoch] = rg_is_ok(audit_keys_vkey(keys, epoch, &key)) ? key.id : 0;
    }
    return ids;
}

static void check_signature(void *context, size_t number)
{
    const struct signing *signing = context;
    struct verify_checkpoint *checkpoint = &signing->items[number];
    struct audit_note note = {0};
    bool is_gone = checkpoint->size <= signing->base_size;
    if ((is_gone && !checkpoint->is_root_known) || !rg_is_ok(audit_note_parse(checkpoint->bytes, &note))) {
        return;
    }
    if (is_gone) { /* which epoch the records were of is gone with them, but not a later one */
        checkpoint->has_signer = find_signer_by_id(&note, signing, &checkpoint->signer);
        checkpoint->is_signed = checkpoint->has_signer && checkpoint->signer <= signing->base_epoch;
        checkpoint->epoch = checkpoint->is_signed ? checkpoint->signer : signing->base_epoch;
        return;
    }
    if (checkpoint->is_root_known && is_by(&note, signing->keys, checkpoint->epoch)) {
        checkpoint->is_signed = true;
        checkpoint->has_signer = true;
        checkpoint->signer = checkpoint->epoch;
        return;
    }
    checkpoint->has_signer = find_signer(&note, signing->keys, &checkpoint->signer);
}

/* ---- judging one checkpoint ---- */

static void find_signature(struct verify_stitch *stitch, const struct verify_checkpoint *checkpoint)
{
    uint64_t seq = checkpoint->size - 1;
    if (!checkpoint->has_signer) {
        verify_find(stitch->findings, AUDIT_ALTERED, checkpoint->file, seq,
                    "no signature by a key of this log holds on it");
    } else if (checkpoint->signer > checkpoint->epoch) {
        verify_find(stitch->findings, AUDIT_ALTERED, checkpoint->file, seq,
                    "signed by the key of epoch %" PRIu64 " although it is of epoch %" PRIu64
                    ": sealed again with a newer key",
                    checkpoint->signer, checkpoint->epoch);
    } else {
        verify_find(stitch->findings, AUDIT_ALTERED, checkpoint->file, seq,
                    "signed by the key of epoch %" PRIu64 " although it is of epoch %" PRIu64
                    ": the key of a closed epoch signs no more",
                    checkpoint->signer, checkpoint->epoch);
    }
}

static void judge_beyond(struct verify_stitch *stitch, const struct verify_checkpoint *checkpoint)
{
    if (!checkpoint->has_signer) {
        verify_find(stitch->findings, AUDIT_ALTERED, checkpoint->file, checkpoint->size - 1,
                    "no signature by a key of this log holds on it");
    } else if (!stitch->is_broken && checkpoint->size > stitch->next_seq) {
        verify_find(stitch->findings, AUDIT_TRUNCATED, checkpoint->file, stitch->next_seq,
                    "a signed checkpoint covers %" PRIu64 " records, the log has %" PRIu64
                    ": the end of the log is missing, or it was rolled back",
                    checkpoint->size, stitch->next_seq);
    }
}

/* The size of the newest checkpoint that holds in everything; 0 = none. */
static uint64_t newest_right(const struct verify_checkpoints *checkpoints)
{
    const struct verify_checkpoint *items = checkpoints->sorted.items;
    for (size_t i = checkpoints->sorted.count; i-- > 0;) {
        if (items[i].is_root_right && items[i].is_signed) {
            return items[i].size;
        }
    }
    return 0;
}

/* Another root under a signature that holds. Who signed both that and a checkpoint of these records made a fork;
 * otherwise the records are not those that were signed. */
static void find_root(struct verify_stitch *stitch, const struct verify_checkpoint *checkpoint, uint64_t proven,
                      uint64_t newest)
{
    bool is_two_logs = checkpoint->is_outside || newest >= checkpoint->size;
    if (is_two_logs && !verify_findings_has_altered(stitch->findings)) {
        verify_find_from(stitch->findings, AUDIT_FORKED, checkpoint->file, proven,
                         "signed with another root for %" PRIu64
                         " records than these records have: two logs were signed under one name",
                         checkpoint->size);
        return;
    }
    verify_find_from(stitch->findings, AUDIT_ALTERED, checkpoint->file, proven,
                     "the records are not those that were signed: one from %" PRIu64 " to %" PRIu64 " was changed",
                     proven, checkpoint->size - 1);
}

static void judge(struct verify_stitch *stitch, const struct verify_checkpoint *checkpoint, uint64_t *proven,
                  uint64_t newest)
{
    struct audit_report *report = stitch->report;
    if (!checkpoint->is_root_known) {
        if (checkpoint->size > stitch->base_size) {
            judge_beyond(stitch, checkpoint);
        }
        return;
    }
    if (!checkpoint->is_signed) {
        find_signature(stitch, checkpoint);
        return;
    }
    if (!checkpoint->is_root_right) {
        find_root(stitch, checkpoint, *proven, newest);
        return;
    }
    *proven = checkpoint->size;
    report->checkpoint_count++;
    report->signed_size = checkpoint->size;
    report->signed_hlc_us = checkpoint->hlc_us;
    report->signed_epoch = checkpoint->epoch;
}

/* ---- what must be there ---- */

static bool has_right(const struct verify_checkpoints *checkpoints, uint64_t size)
{
    const struct verify_checkpoint *items = checkpoints->sorted.items;
    for (size_t i = verify_checkpoints_from(checkpoints, size); i < checkpoints->sorted.count && items[i].size == size;
         i++) {
        if (items[i].is_root_right && items[i].is_signed) {
            return true;
        }
    }
    return false;
}

/* The last checkpoint of epoch e covers the record that opens e + 1, and exactly that. */
static void check_closed_epochs(struct verify_stitch *stitch)
{
    const struct verify_event *opens = stitch->opens.items;
    for (size_t i = 0; i < stitch->opens.count; i++) {
        uint64_t size = opens[i].seq + 1;
        if (stitch->checkpoints->newest_size > size && !has_right(stitch->checkpoints, size)) {
            char file[VERIFY_FILE_SIZE];
            (void)snprintf(file, sizeof file, "ckpt/%016" PRIu64 ".note", size);
            verify_find(stitch->findings, AUDIT_INCOMPLETE, file, opens[i].seq,
                        "epoch %" PRIu64 " was closed without its last checkpoint, or that was removed",
                        opens[i].epoch - 1);
        }
    }
}

void verify_epochs(struct verify_stitch *stitch, const struct audit_keys *keys, unsigned threads)
{
    struct verify_checkpoints *checkpoints = stitch->checkpoints;
    struct signing signing = {.items = checkpoints->sorted.items, .keys = keys, .base_size = stitch->base_size};
    signing.base_epoch = stitch->has_base ? stitch->epoch : stitch->base_epoch;
    uint64_t proven = 0;
    if (keys == NULL) {
        return; /* nothing can hold; the missing keys are a finding already */
    }
    uint32_t *ids = stitch->is_pruned ? make_ids(keys) : NULL;
    signing.ids = ids;
    verify_run(threads, checkpoints->sorted.count, check_signature, NULL, &signing);
    rg_memory_free(ids);
    signing.ids = NULL;
    uint64_t newest = newest_right(checkpoints);
    for (size_t i = 0; i < checkpoints->sorted.count; i++) {
        judge(stitch, &signing.items[i], &proven, newest);
    }
    if (!stitch->is_broken) {
        check_closed_epochs(stitch);
    }
    verify_tail(stitch);
}
