/* SPDX-License-Identifier: Apache-2.0 */
/* The task "anchors": signed checkpoints go where the host cannot change them any more. Those that end a segment or an
 * epoch all go; in between the newest, every anchor_every. The first turn that reaches the bucket holds the log against
 * what stands there (anchor_check.c). */
#include <inttypes.h>
#include <stdio.h>

#include "audit/export/anchor_private.h"
#include "audit/line.h"
#include "base/rg_memory.h"

/* ---- the cursor: "anchored 0000000000001234\n" ---- */

static rg_status load_cursor(struct anchor *anchor, struct export_turn *turn)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    struct rg_slice word = RG_SLICE("anchored ");
    struct rg_slice text = {0};
    uint64_t size = 0;
    if (anchor->has_cursor) {
        return RG_OK;
    }
    rg_arena_init(&arena, EXPORT_CURSOR_MAX + 1024);
    RG_TRY(export_cursor_load(turn, &arena, &text));
    bool is_good = rg_slice_has_prefix(text, word) && text.size == word.size + AUDIT_DIGITS + 1 &&
                   text.data[text.size - 1] == '\n' &&
                   audit_line_digits_parse(rg_slice_cut(text, word.size, AUDIT_DIGITS), &size);
    anchor->size = is_good ? size : 0;
    anchor->has_cursor = true;
    return RG_OK;
}

static rg_status store_cursor(struct anchor *anchor, struct export_turn *turn, uint64_t size)
{
    char text[64];
    (void)snprintf(text, sizeof text, "anchored %016" PRIu64 "\n", size);
    RG_TRY(export_cursor_store(turn, rg_slice_of(text)));
    anchor->size = size;
    return RG_OK;
}

/* ---- putting one ---- */

static rg_status on_fork(struct anchor *anchor, struct export_turn *turn, const char *key, uint64_t size)
{
    (void)snprintf(anchor->trouble, sizeof anchor->trouble,
                   "FORK: %.150s%.150s is another checkpoint than this log's of %" PRIu64
                   " records: two logs are signed under one name, or somebody else writes there",
                   s3_name(anchor->depot.s3), key, size);
    const struct audit_event event = {.kind = AUDIT_EXPORT_STATE,
                                      .wall_us = rg_clock_wall_us(turn->clock),
                                      .verdict = AUDIT_DENIED,
                                      .object = RG_SLICE("anchors"),
                                      .message = rg_slice_of(anchor->trouble)};
    export_warn(turn, anchor->trouble);
    return export_record(turn, &event);
}

static rg_status put_note(struct anchor *anchor, struct export_turn *turn, uint64_t size, struct rg_slice bytes)
{
    char key[S3_KEY_MAX + 1];
    struct depot_stored stored = {0};
    RG_TRY(depot_anchor_key(anchor->depot.node, size, key));
    RG_TRY(depot_put(&anchor->depot, key, "text/plain", bytes, &stored));
    if (stored.is_other) {
        RG_TRY(on_fork(anchor, turn, key, size));
    }
    RG_TRY(store_cursor(anchor, turn, size));
    export_confirm(turn, size, 0);
    return RG_OK;
}

static rg_status offer(struct anchor *anchor, struct export_turn *turn, const struct anchor_notes *notes, size_t number,
                       bool is_due)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    uint64_t size = notes->sizes[number];
    bool is_wanted = is_due && number + 1 == notes->count;
    struct rg_slice bytes = {0};
    uint32_t key = 0;
    rg_arena_init(&arena, 2 * ANCHOR_NOTE_MAX);
    RG_TRY(anchor_note_load(turn, size, &arena, &bytes, &key));
    if (!is_wanted && bytes.size > 0) {
        RG_TRY(anchor_note_is_kept(turn, notes, number, key, &is_wanted));
    }
    return is_wanted && bytes.size > 0 ? put_note(anchor, turn, size, bytes) : RG_OK;
}

static rg_status put_notes(struct anchor *anchor, struct export_turn *turn, const struct anchor_notes *notes)
{
    int64_t now_us = rg_clock_monotonic_us(turn->clock);
    bool is_due =
        turn->is_last || anchor->done_us == 0 || now_us - anchor->done_us >= anchor->depot.options.anchor_every_us;
    for (size_t i = 0; i < notes->count; i++) {
        if (export_should_stop(turn)) {
            return rg_fail(RG_CLOSED, "stopped");
        }
        RG_TRY(offer(anchor, turn, notes, i, is_due));
    }
    if (is_due && notes->count > 0) {
        anchor->done_us = now_us;
    } else if (notes->count > 0) {
        turn->next_us = anchor->done_us + anchor->depot.options.anchor_every_us;
    }
    return RG_OK;
}

/* ---- the turn ---- */

static rg_status run(struct anchor *anchor, struct export_turn *turn)
{
    struct anchor_notes notes = {0};
    RG_TRY(depot_begin(&anchor->depot, turn));
    RG_TRY(anchor_check(anchor, turn));
    rg_status status = anchor_notes_list(turn, anchor->size, turn->size, &notes);
    if (rg_is_ok(status)) {
        status = put_notes(anchor, turn, &notes);
    }
    anchor_notes_done(&notes);
    return status;
}

static rg_status take_turn(void *context, struct export_turn *turn)
{
    struct anchor *anchor = context;
    RG_TRY(load_cursor(anchor, turn));
    export_confirm(turn, anchor->size, 0);
    rg_status status = run(anchor, turn);
    anchor->depot.turn = NULL;
    if (rg_is_ok(status) && anchor->trouble[0] != '\0') { /* until the process ends, so that nobody overlooks it */
        return rg_fail(RG_PROTOCOL, "%s", anchor->trouble);
    }
    return status;
}

static void free_anchor(void *context)
{
    struct anchor *anchor = context;
    depot_done(&anchor->depot);
    rg_memory_free(anchor);
}

rg_status anchor_task_new(const struct depot_options *options, struct export_task *out_task)
{
    struct anchor *anchor = rg_memory_alloc(sizeof *anchor);
    rg_status status = depot_init(options, &anchor->depot);
    if (!rg_is_ok(status)) {
        free_anchor(anchor);
        return status;
    }
    *out_task = (struct export_task){.name = "anchors", .turn = take_turn, .free = free_anchor, .context = anchor};
    return RG_OK;
}
