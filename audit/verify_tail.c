/* SPDX-License-Identifier: Apache-2.0 */
/* What no checkpoint covers yet. Nothing proves these records, and anybody who can write the directory can write them;
 * so there may be no more of them than a crash leaves: a checkpoint comes a second after a record, a key steps behind
 * the last checkpoint of its epoch, and a run signs what it found before it takes anything from a client. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/verify_private.h"

enum { STALE_US = 60 * 1000 * 1000 }; /* a full disk may hold checkpoints up */

static bool is_clients(enum verify_kind kind)
{
    return kind == VERIFY_STATEMENT || kind == VERIFY_REQUEST || kind == VERIFY_OTHER;
}

void verify_spell_add(struct verify_list *spells, const struct audit_head *head, enum verify_kind kind)
{
    struct verify_spell *items = spells->items;
    struct verify_spell *spell = spells->count == 0 ? NULL : &items[spells->count - 1];
    if (spell == NULL || memcmp(spell->boot, head->boot.data, AUDIT_BOOT_SIZE) != 0) {
        spell = verify_list_add(spells, sizeof *spell);
        memcpy(spell->boot, head->boot.data, AUDIT_BOOT_SIZE);
        spell->first_seq = head->seq;
        spell->first_us = head->mono_us;
    }
    spell->last_seq = head->seq;
    spell->last_us = head->mono_us;
    spell->has_clients = spell->has_clients || is_clients(kind);
}

void verify_tail_add(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    const struct verify_spell *added = segment->spells.items;
    for (size_t i = 0; i < segment->spells.count; i++) {
        struct verify_spell *items = stitch->spells.items;
        struct verify_spell *last = stitch->spells.count == 0 ? NULL : &items[stitch->spells.count - 1];
        if (last == NULL || memcmp(last->boot, added[i].boot, AUDIT_BOOT_SIZE) != 0) {
            last = verify_list_add(&stitch->spells, sizeof *last);
            *last = added[i];
        }
        last->last_seq = added[i].last_seq;
        last->last_us = added[i].last_us;
        last->has_clients = last->has_clients || added[i].has_clients;
    }
}

/* Reading may take long and a live log goes on meanwhile: head.note as it is now. */
static uint64_t newest_now(const struct verify_stitch *stitch)
{
    uint64_t newest = stitch->checkpoints->newest_size;
    struct rg_slice bytes = {0};
    struct audit_note note = {0};
    struct audit_checkpoint checkpoint = {0};
    bool is_absent = false;
    rg_status status =
        verify_file_load(stitch->directory_fd, "head.note", AUDIT_TILE_WIDTH * 128, stitch->arena, &bytes, &is_absent);
    bool is_read = rg_is_ok(status) && !is_absent && rg_is_ok(audit_note_parse(bytes, &note)) &&
                   rg_is_ok(audit_checkpoint_parse(note.text, &checkpoint));
    return is_read && checkpoint.size > newest ? checkpoint.size : newest;
}

static void check_opens(struct verify_stitch *stitch, uint64_t newest)
{
    const struct verify_event *opens = stitch->opens.items;
    const struct verify_event *first = NULL;
    for (size_t i = 0; i < stitch->opens.count; i++) {
        if (opens[i].seq < newest) {
            continue;
        }
        if (first == NULL) {
            first = &opens[i];
            continue;
        }
        char file[VERIFY_FILE_SIZE];
        (void)snprintf(file, sizeof file, "ckpt/%016" PRIu64 ".note", first->seq + 1);
        verify_find(stitch->findings, AUDIT_INCOMPLETE, file, first->seq,
                    "epoch %" PRIu64
                    " was opened, and then another, and the checkpoint that a key steps behind is not there",
                    first->epoch);
        return;
    }
}

static void check_spells(struct verify_stitch *stitch, uint64_t newest)
{
    const struct verify_spell *spells = stitch->spells.items;
    int64_t longest_us = 0;
    size_t clients = 0;
    for (size_t i = 0; i < stitch->spells.count; i++) {
        if (spells[i].first_seq < newest) {
            continue; /* signed meanwhile, in part at least */
        }
        int64_t us = spells[i].last_us - spells[i].first_us;
        longest_us = us > longest_us ? us : longest_us;
        clients += spells[i].has_clients ? 1 : 0;
    }
    if (newest == 0 && (clients > 0 || longest_us > STALE_US)) {
        verify_find(stitch->findings, AUDIT_INCOMPLETE, "ckpt", 0,
                    "the log is not signed: there is no checkpoint at all");
    } else if (longest_us > STALE_US) {
        verify_find(stitch->findings, AUDIT_STALE, "head.note", newest,
                    "the newest checkpoint covers %" PRIu64 " records; the log went on for %" PRId64
                    " s: newer ones were removed, or could not be written",
                    newest, longest_us / 1000000);
    } else if (clients > 1) {
        verify_find(stitch->findings, AUDIT_STALE, "head.note", newest,
                    "the newest checkpoint covers %" PRIu64 " records; %zu runs wrote more, and each signs what it "
                    "finds before it goes on: newer ones were removed, or could not be written",
                    newest, clients);
    }
}

void verify_tail(struct verify_stitch *stitch)
{
    if (stitch->is_broken || stitch->next_seq == 0) {
        return;
    }
    uint64_t newest = newest_now(stitch);
    check_opens(stitch, newest);
    check_spells(stitch, newest);
}
