/* SPDX-License-Identifier: Apache-2.0 */
/* The task "holds": folds the log's records of holds, and brings the stored objects up to what is in force. Every new
 * record of a hold begins at the first object; a segment that was stored since goes on behind the last one.
 *
 * The cursor says up to which record of a hold the objects are right. Holds of before that which are not in force any
 * more concern nothing now; all others, in force or released since, may have left a legal hold on an object, also one
 * that was set just before the process was killed. */
#include "audit/export/hold_objects.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/export/depot_private.h"
#include "audit/export/hold_private.h"
#include "audit/walk.h"
#include "base/rg_memory.h"

enum { NAMES_ARENA = 256 * 1024 * 1024 };

struct hold_task {
    struct depot depot;
    bool has_depot;
    struct hold_client client;
    char node[DEPOT_NODE_MAX];

    bool has_cursor;
    uint64_t settled;           /* the objects are right for the records before this one */
    char after[S3_KEY_MAX + 1]; /* up to this object, for the holds of now; "" = none is */

    struct audit_place next;  /* of the record that is read next */
    uint64_t next_seq;        /* the same, also when its segment is gone */
    int64_t hlc_us;           /* of the record before it */
    struct audit_holds now;   /* in force */
    struct audit_holds ever;  /* that may have left a legal hold somewhere */
    bool is_due;              /* something is to be looked at in the bucket */
    struct hold_touch touch;  /* of the segment that was ruled on last */
    struct hold_batch *batch; /* much for a frame */
};

/* ---- the cursor: "settled 0000000000001234 held\nafter <key>\n", or quiet: no hold is in force ---- */

static const char settled_word[] = "settled ";
static const char held_word[] = " held\nafter ";
static const char quiet_word[] = " quiet\nafter ";

static bool parse_cursor(struct hold_task *task, struct rg_slice text, bool *out_is_held)
{
    uint64_t settled = 0;
    struct rg_slice rest = rg_slice_cut(text, sizeof settled_word - 1 + AUDIT_DIGITS, SIZE_MAX);
    bool is_held = rg_slice_has_prefix(rest, rg_slice_of(held_word));
    size_t words = is_held ? sizeof held_word - 1 : sizeof quiet_word - 1;
    struct rg_slice after = rg_slice_cut(rest, words, SIZE_MAX);
    if (!rg_slice_has_prefix(text, rg_slice_of(settled_word)) ||
        !audit_line_digits_parse(rg_slice_cut(text, sizeof settled_word - 1, AUDIT_DIGITS), &settled) ||
        !(is_held || rg_slice_has_prefix(rest, rg_slice_of(quiet_word))) || after.size == 0 ||
        after.size > sizeof task->after || after.data[after.size - 1] != '\n') {
        return false;
    }
    task->settled = settled;
    memcpy(task->after, after.data, after.size - 1);
    task->after[after.size - 1] = '\0';
    *out_is_held = is_held;
    return true;
}

/* A quiet log is read from the cursor on; else the holds of then are found from its beginning. A cursor of more records
 * than are signed is of another log. */
static rg_status load_cursor(struct hold_task *task, struct export_turn *turn)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    struct rg_slice text = {0};
    bool is_held = true;
    if (task->has_cursor) {
        return RG_OK;
    }
    rg_arena_init(&arena, EXPORT_CURSOR_MAX + 1024);
    RG_TRY(depot_node(turn->origin, task->node));
    RG_TRY(export_cursor_load(turn, &arena, &text));
    if (!parse_cursor(task, text, &is_held) || task->settled > turn->size) {
        task->settled = 0;
        task->after[0] = '\0';
        is_held = true;
    }
    task->next_seq = is_held ? 0 : task->settled;
    task->has_cursor = true;
    return RG_OK;
}

static rg_status store_cursor(struct hold_task *task, struct export_turn *turn)
{
    char text[sizeof settled_word + AUDIT_DIGITS + sizeof quiet_word + S3_KEY_MAX + 2];
    int size = snprintf(text, sizeof text, "%s%016" PRIu64 "%s%s\n", settled_word, task->next_seq,
                        task->now.count > 0 ? held_word : quiet_word, task->after);
    RG_TRY(export_cursor_store(turn, rg_slice_make(text, (size_t)size)));
    task->settled = task->next_seq;
    return RG_OK;
}

/* ---- the log ---- */

/* Where to go on: in the segment that holds the next record, or in the oldest one there is. */
static rg_status find_place(struct hold_task *task, const struct export_turn *turn)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_segments segments = {0};
    uint64_t found = 0;
    rg_arena_init(&arena, NAMES_ARENA);
    RG_TRY(audit_segments_load(turn->directory_fd, &arena, &segments));
    for (size_t i = 0; i < segments.count; i++) {
        found = i == 0 || segments.first_seqs[i] <= task->next_seq ? segments.first_seqs[i] : found;
    }
    bool is_known = task->next.seq == task->next_seq && task->next.segment_seq == found && task->next_seq > 0;
    if (!is_known) {
        task->next = (struct audit_place){.segment_seq = found, .seq = found};
    }
    return RG_OK;
}

static bool is_kind(const struct audit_walked *record, const char *kind)
{
    return rg_slice_has_prefix(rg_slice_cut(record->line, record->head.size, SIZE_MAX), rg_slice_of(kind));
}

static rg_status take_hold(struct hold_task *task, const struct audit_walked *record)
{
    bool is_new = record->place.seq >= task->settled;
    RG_TRY(audit_holds_fold(&task->now, record->line, &record->head));
    if (!is_new || is_kind(record, "\"kind\":\"hold.place\"")) {
        RG_TRY(audit_holds_fold(&task->ever, record->line, &record->head));
    }
    if (is_new) {
        task->is_due = true;
        task->after[0] = '\0';
        task->touch = (struct hold_touch){0};
    }
    return RG_OK;
}

static rg_status take_record(struct hold_task *task, const struct audit_walked *record)
{
    if (record->place.seq < task->next_seq) {
        return RG_OK; /* the beginning of a segment that was read half */
    }
    if (audit_hold_is_record(record->line, &record->head)) {
        RG_TRY(take_hold(task, record));
    } else if (is_kind(record, "\"kind\":\"export.segment\"")) {
        task->is_due = task->is_due || task->ever.count > 0;
    }
    task->next_seq = record->place.seq + record->line_count;
    task->hlc_us = record->head.hlc_us;
    return RG_OK;
}

/* Up to the newest checkpoint: what is behind it can still change. */
static rg_status read_on(struct hold_task *task, struct export_turn *turn, struct audit_walk *walk)
{
    while (walk->next.seq < turn->size) {
        struct audit_walked record;
        bool is_there = false;
        if (export_should_stop(turn)) {
            return rg_fail(RG_CLOSED, "stopped");
        }
        RG_TRY(audit_walk_next(walk, false, &is_there, &record));
        if (!is_there || record.place.seq + record.line_count > turn->size) {
            return RG_OK;
        }
        RG_TRY(take_record(task, &record));
        task->next = walk->next;
    }
    return RG_OK;
}

static rg_status read_log(struct hold_task *task, struct export_turn *turn)
{
    struct audit_walk walk;
    if (task->next_seq >= turn->size) {
        return RG_OK;
    }
    RG_TRY(find_place(task, turn));
    audit_walk_init(&walk, turn->directory_fd, &task->next);
    rg_status status = read_on(task, turn, &walk);
    audit_walk_done(&walk);
    return status;
}

/* ---- the bucket ---- */

static rg_status check_item(const struct hold_task *task, const struct hold_item *item, bool is_wanted)
{
    struct s3_object object = {0};
    const struct hold_client *client = &task->client;
    RG_TRY(client->head(client->context, item->key.data, item->version.data, &object));
    if (!object.is_there) {
        return rg_fail(RG_UPSTREAM, "%.300s: the server lists the version %.60s, and does not have it", item->key.data,
                       item->version.data);
    }
    if (object.is_held == is_wanted) {
        return RG_OK;
    }
    RG_TRY(client->put_legal_hold(client->context, item->key.data, item->version.data, is_wanted));
    RG_TRY(client->head(client->context, item->key.data, item->version.data, &object));
    return object.is_there && object.is_held == is_wanted
               ? RG_OK
               : rg_fail(RG_PROTOCOL,
                         "%.300s: the server took the legal hold %s, and does not show it: it ignores legal holds, or "
                         "the credentials lack s3:GetObjectLegalHold",
                         item->key.data, is_wanted ? "ON" : "OFF");
}

static rg_status settle_item(struct hold_task *task, struct export_turn *turn, const struct hold_item *item)
{
    RG_TRY(hold_touch_find(turn, item, &task->now, &task->ever, &task->touch));
    bool is_ours = task->touch.is_now || task->touch.is_ever;
    RG_TRY(is_ours && item->version.size > 0 ? check_item(task, item, task->touch.is_now) : RG_OK);
    memcpy(task->after, item->key.data, item->key.size + 1); /* hold_list.c bounds it */
    return RG_OK;
}

static rg_status settle_batch(struct hold_task *task, struct export_turn *turn)
{
    for (size_t i = 0; i < task->batch->count; i++) {
        if (export_should_stop(turn)) {
            return rg_fail(RG_CLOSED, "stopped");
        }
        RG_TRY(settle_item(task, turn, &task->batch->items[i]));
    }
    return RG_OK;
}

static rg_status settle_all(struct hold_task *task, struct export_turn *turn)
{
    for (bool is_over = false; !is_over;) {
        rg_status status = hold_batch_load(&task->client, task->node, task->after, task->batch);
        is_over = task->batch->count == 0;
        if (rg_is_ok(status)) {
            status = settle_batch(task, turn);
        }
        hold_batch_done(task->batch);
        RG_TRY(status);
    }
    return RG_OK;
}

static rg_status settle(struct hold_task *task, struct export_turn *turn)
{
    RG_TRY(task->has_depot ? depot_begin(&task->depot, turn) : RG_OK);
    RG_TRY(settle_all(task, turn));
    RG_TRY(store_cursor(task, turn));
    audit_holds_keep(&task->ever, &task->now);
    task->is_due = false;
    return RG_OK;
}

/* ---- the turn ---- */

/* A log without holds leaves no trace but this, once a segment. */
static rg_status rest(struct hold_task *task, struct export_turn *turn)
{
    bool is_quiet = task->now.count == 0 && task->ever.count == 0;
    return is_quiet && task->next.segment_seq > task->settled ? store_cursor(task, turn) : RG_OK;
}

static rg_status run(struct hold_task *task, struct export_turn *turn)
{
    RG_TRY(load_cursor(task, turn));
    RG_TRY(read_log(task, turn));
    RG_TRY(task->is_due ? settle(task, turn) : rest(task, turn));
    export_confirm(turn, task->next_seq, task->hlc_us);
    return RG_OK;
}

static rg_status take_turn(void *context, struct export_turn *turn)
{
    struct hold_task *task = context;
    rg_status status = run(task, turn);
    task->depot.turn = NULL;
    return status;
}

static void free_task(void *context)
{
    struct hold_task *task = context;
    if (task->has_depot) {
        depot_done(&task->depot);
    }
    audit_holds_done(&task->now);
    audit_holds_done(&task->ever);
    rg_memory_free(task->batch);
    rg_memory_free(task);
}

/* ---- S3 itself ---- */

static rg_status list_versions(void *context, const char *under, const char *after, const struct s3_taker *taker)
{
    const struct hold_task *task = context;
    return s3_list_versions(task->depot.s3, under, after, taker);
}

static rg_status look(void *context, const char *key, const char *version, struct s3_object *out_object)
{
    const struct hold_task *task = context;
    return s3_head(task->depot.s3, key, version, out_object);
}

static rg_status put_legal_hold(void *context, const char *key, const char *version, bool is_held)
{
    const struct hold_task *task = context;
    return s3_put_legal_hold(task->depot.s3, key, version, is_held);
}

static struct hold_task *make_task(struct export_task *out_task)
{
    struct hold_task *task = rg_memory_alloc(sizeof *task);
    task->batch = rg_memory_alloc(sizeof *task->batch);
    *out_task = (struct export_task){.name = "holds", .turn = take_turn, .free = free_task, .context = task};
    return task;
}

void hold_task_new_with(const struct hold_client *client, struct export_task *out_task)
{
    struct hold_task *task = make_task(out_task);
    task->client = *client;
}

rg_status hold_task_new(const struct depot_options *options, struct export_task *out_task)
{
    struct export_task made;
    if (options->lock == S3_LOCK_OFF) {
        return rg_fail(RG_CONFIG, "legal holds need object_lock");
    }
    struct hold_task *task = make_task(&made);
    task->has_depot = true;
    rg_status status = depot_init(options, &task->depot);
    if (!rg_is_ok(status)) {
        free_task(task);
        return status;
    }
    task->client = (struct hold_client){list_versions, look, put_legal_hold, task};
    *out_task = made;
    return RG_OK;
}
