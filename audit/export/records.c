/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the log for sinks: from behind the cursor to the newest checkpoint, filtered by class. */
#include "audit/export/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rg_memory.h"

enum { CURSOR_BYTES = 512, ARENA_BYTES = 64 * 1024, SEGMENTS_ARENA = 64 * 1024 * 1024 };

struct export_records {
    unsigned classes;
    struct export_turn *turn; /* the current one */
    struct audit_walk walk;
    bool is_walking;
    bool is_loaded;
    struct export_mark confirmed;
    struct export_mark delivered; /* or passed over */
};

struct export_records *export_records_new(unsigned classes)
{
    struct export_records *records = rg_memory_alloc(sizeof *records);
    records->classes = classes;
    return records;
}

static void stop_walking(struct export_records *records)
{
    if (records->is_walking) {
        audit_walk_done(&records->walk);
    }
    records->is_walking = false;
}

void export_records_free(struct export_records **records)
{
    if (*records != NULL) {
        stop_walking(*records);
        rg_memory_free(*records);
    }
    *records = NULL;
}

/* ---- the cursor ---- */

static const char format[] = "rowgate/export/cursor/v1\norigin %.*s\nrecord %" PRIu64 " in %" PRIu64 " at %" PRIu64
                             " next %" PRIu64 " hlc %" PRId64 "\nleaf %s\n";

static rg_status print(const struct export_turn *turn, const struct export_mark *position, struct rg_arena *arena,
                       struct rg_slice *out_text)
{
    char leaf[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(&position->leaf, leaf);
    return rg_arena_printf(arena, out_text, format, (int)turn->origin.size, turn->origin.data, position->place.seq,
                           position->place.segment_seq, position->place.at, position->next_seq, position->hlc_us, leaf);
}

static bool digits_of(const char *text, struct rg_digest *out_digest)
{
    for (size_t i = 0; i < RG_SHA256_SIZE; i++) {
        unsigned value = 0;
        if (sscanf(text + 2 * i, "%2x", &value) != 1) {
            return false;
        }
        out_digest->bytes[i] = (uint8_t)value;
    }
    return true;
}

/* Ours is what prints as the same text again. */
static bool scan(const struct export_turn *turn, struct rg_slice text, struct rg_arena *arena,
                 struct export_mark *out_position)
{
    struct export_mark position = {.is_there = true};
    struct rg_slice again = {0};
    char leaf[2 * RG_SHA256_SIZE + 1] = "";
    const char *record = text.size == 0 ? NULL : strstr(text.data, "\nrecord ");
    if (record == NULL ||
        sscanf(record, "\nrecord %" SCNu64 " in %" SCNu64 " at %" SCNu64 " next %" SCNu64 " hlc %" SCNd64 "\nleaf %64s",
               &position.place.seq, &position.place.segment_seq, &position.place.at, &position.next_seq,
               &position.hlc_us, leaf) != 6 ||
        strlen(leaf) != 2 * RG_SHA256_SIZE || !digits_of(leaf, &position.leaf) ||
        !rg_is_ok(print(turn, &position, arena, &again)) || !rg_slice_is_equal(again, text)) {
        return false;
    }
    *out_position = position;
    return true;
}

/* Is that record still where it was? */
static bool fits(const struct export_turn *turn, const struct export_mark *position)
{
    struct audit_walk probe;
    struct audit_walked record;
    bool is_there = false;
    audit_walk_init(&probe, turn->directory_fd, &position->place);
    bool is_same = rg_is_ok(audit_walk_next(&probe, true, &is_there, &record)) && is_there;
    if (is_same) {
        struct rg_digest leaf = audit_line_leaf(record.line);
        is_same = memcmp(leaf.bytes, position->leaf.bytes, RG_SHA256_SIZE) == 0 &&
                  record.place.seq + record.line_count == position->next_seq;
    }
    audit_walk_done(&probe);
    return is_same;
}

/* A segment that was pruned takes the cursor's record with it; what follows may be there all the same. */
static rg_status find_start(const struct export_turn *turn, uint64_t wanted_seq, struct audit_place *out_place,
                            bool *out_is_exact)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_segments segments = {0};
    rg_arena_init(&arena, SEGMENTS_ARENA);
    RG_TRY(audit_segments_load(turn->directory_fd, &arena, &segments));
    for (size_t i = 0; i < segments.count; i++) {
        if (segments.first_seqs[i] >= wanted_seq) {
            *out_place = (struct audit_place){.segment_seq = segments.first_seqs[i], .seq = segments.first_seqs[i]};
            *out_is_exact = segments.first_seqs[i] == wanted_seq;
            return RG_OK;
        }
    }
    *out_place = (struct audit_place){0};
    *out_is_exact = false;
    return RG_OK;
}

static bool has_segment(const struct export_turn *turn, uint64_t first_seq)
{
    int fd RG_AUTO(audit_fd_done) = -1;
    return rg_is_ok(audit_segment_open_read(turn->directory_fd, first_seq, &fd));
}

static rg_status load(struct export_records *records)
{
    struct export_turn *turn = records->turn;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice text = {0};
    struct export_mark position = {0};
    rg_arena_init(&arena, ARENA_BYTES + EXPORT_CURSOR_MAX);
    RG_TRY(export_cursor_load(turn, &arena, &text));
    if (text.size > 0 && !scan(turn, text, &arena, &position)) {
        export_warn(turn, "its cursor in export/ is of another log: it starts from this log's beginning");
        position = (struct export_mark){0};
    }
    if (position.is_there && has_segment(turn, position.place.segment_seq) && !fits(turn, &position)) {
        export_warn(turn, "the log does not hold any more what was exported last: it starts again from the log's "
                          "beginning, some records will arrive a second time");
        position = (struct export_mark){0};
    }
    records->confirmed = position;
    records->delivered = position;
    records->is_loaded = true;
    if (position.is_there) {
        export_confirm(turn, position.next_seq, position.hlc_us);
    }
    return RG_OK;
}

/* ---- walking ---- */

static rg_status start_walking(struct export_records *records)
{
    struct export_turn *turn = records->turn;
    const struct export_mark *from = &records->delivered;
    struct audit_place place = from->place;
    struct audit_walked passed;
    bool is_there = false;
    bool is_exact = true;
    bool has_record = from->is_there && has_segment(turn, from->place.segment_seq);
    if (!has_record) {
        uint64_t wanted = from->is_there ? from->next_seq : 0;
        RG_TRY(find_start(turn, wanted, &place, &is_exact));
        if (!is_exact && from->is_there && place.seq > wanted) {
            export_warn(turn, "segments were removed from the log before their records were exported");
        }
    }
    audit_walk_init(&records->walk, turn->directory_fd, &place);
    records->is_walking = true;
    return has_record ? audit_walk_next(&records->walk, true, &is_there, &passed) : RG_OK;
}

rg_status export_records_resume(struct export_records *records, struct export_turn *turn)
{
    records->turn = turn;
    /* What the walk read ahead of the last checkpoint may have changed since. */
    stop_walking(records);
    return records->is_loaded ? RG_OK : load(records);
}

rg_status export_records_begin(struct export_records *records, struct export_turn *turn)
{
    RG_TRY(export_records_resume(records, turn));
    records->delivered = records->confirmed;
    return RG_OK;
}

/* The kind as it stands in the record: {"kind":"<name>" begins its part of the line. */
static unsigned class_of(const struct audit_walked *record)
{
    static const struct rg_slice key = {"\"kind\":\"", 8};
    struct rg_slice rest = rg_slice_cut(record->line, record->head.size, SIZE_MAX);
    const char *found = rest.size == 0 ? NULL : memmem(rest.data, rest.size, key.data, key.size);
    if (found == NULL) {
        return AUDIT_CLASS_ALL;
    }
    rest = rg_slice_cut(rest, (size_t)(found - rest.data) + key.size, SIZE_MAX);
    for (int kind = AUDIT_NONE + 1; kind < AUDIT_KIND_COUNT; kind++) {
        struct rg_slice name = rg_slice_of(audit_kind_name((enum audit_kind)kind));
        if (rg_slice_has_prefix(rest, name) && rest.size > name.size && rest.data[name.size] == '"') {
            return audit_class_of((enum audit_kind)kind);
        }
    }
    return AUDIT_CLASS_ALL; /* of a later rowgate: rather too much than too little */
}

static void remember(struct export_records *records, const struct audit_walked *record)
{
    records->delivered = (struct export_mark){.is_there = true,
                                              .place = record->place,
                                              .leaf = audit_line_leaf(record->line),
                                              .next_seq = record->place.seq + record->line_count,
                                              .hlc_us = record->head.hlc_us};
}

rg_status export_records_next(struct export_records *records, bool *out_is_there, struct audit_walked *out_record)
{
    struct export_turn *turn = records->turn;
    struct audit_walked record;
    bool is_there = false;
    *out_is_there = false;
    if (turn->size == 0) {
        return RG_OK;
    }
    if (!records->is_walking) {
        RG_TRY(start_walking(records));
    }
    while (!export_should_stop(turn)) {
        struct audit_place before = records->walk.next;
        if (before.seq >= turn->size) {
            return RG_OK;
        }
        RG_TRY(audit_walk_next(&records->walk, false, &is_there, &record));
        if (!is_there) {
            return RG_OK;
        }
        if (record.place.seq + record.line_count > turn->size) { /* not signed as a whole yet */
            audit_walk_seek(&records->walk, &before);
            return RG_OK;
        }
        remember(records, &record);
        if ((class_of(&record) & records->classes) != 0) {
            *out_is_there = true;
            *out_record = record;
            return RG_OK;
        }
    }
    return rg_fail(RG_CLOSED, "told to stop");
}

struct export_mark export_records_mark(const struct export_records *records)
{
    return records->delivered;
}

rg_status export_records_confirm_mark(struct export_records *records, const struct export_mark *mark)
{
    struct export_turn *turn = records->turn;
    struct rg_slice text = {0};
    if (!mark->is_there || mark->next_seq == records->confirmed.next_seq) {
        return RG_OK;
    }
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, ARENA_BYTES);
    RG_TRY(print(turn, mark, &arena, &text));
    RG_TRY(export_cursor_store(turn, text));
    records->confirmed = *mark;
    export_confirm(turn, records->confirmed.next_seq, records->confirmed.hlc_us);
    return RG_OK;
}

rg_status export_records_confirm(struct export_records *records)
{
    return export_records_confirm_mark(records, &records->delivered);
}
