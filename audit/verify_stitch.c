/* SPDX-License-Identifier: Apache-2.0 */
/* Segments in order: each begins where the one before ended, in numbers, links, clocks, tenants, tree and epoch. After
 * the first thing that does not fit, what follows is not tied to it any more: its own findings stand, nothing is
 * concluded. */
#include "audit/verify_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/rg_memory.h"

void verify_stitch_init(struct verify_stitch *stitch)
{
    stitch->prev = stitch->genesis;
    stitch->missing_manifest = UINT64_MAX;
    stitch->tree = rg_memory_alloc(sizeof *stitch->tree);
    stitch->carry = rg_memory_array(AUDIT_TILE_WIDTH, sizeof *stitch->carry);
    stitch->levels = rg_memory_array((size_t)AUDIT_TILE_LEVELS * AUDIT_TILE_WIDTH, sizeof *stitch->levels);
}

void verify_stitch_done(struct verify_stitch *stitch)
{
    rg_memory_free(stitch->tree);
    rg_memory_free(stitch->carry);
    rg_memory_free(stitch->levels);
    audit_heads_done(&stitch->tenants);
    audit_heads_done(&stitch->base_tenants);
    verify_list_done(&stitch->keeps);
    verify_list_done(&stitch->boundaries);
    verify_list_done(&stitch->opens);
    verify_list_done(&stitch->spells);
    verify_list_done(&stitch->incidents);
    verify_decisions_done(&stitch->decisions);
    *stitch = (struct verify_stitch){0};
}

rg_status verify_stitch_base(struct verify_stitch *stitch, uint64_t size)
{
    uint64_t whole = size - size % AUDIT_TILE_WIDTH;
    struct rg_digest ignored;
    for (uint64_t seq = whole; seq < size; seq++) {
        RG_TRY(verify_tiles_get(stitch->tiles, 0, seq, &stitch->carry[seq - whole]));
    }
    for (unsigned level = 1; level < AUDIT_TILE_LEVELS; level++) {
        uint64_t count = whole >> 8 * level;
        for (uint64_t index = count - count % AUDIT_TILE_WIDTH; index < count; index++) {
            RG_TRY(verify_tiles_get(stitch->tiles, 8 * level, index,
                                    &stitch->levels[level * AUDIT_TILE_WIDTH + index % AUDIT_TILE_WIDTH]));
        }
    }
    if (whole > 0) {
        RG_TRY(verify_tiles_prefix(stitch->tiles, whole, stitch->tree, &ignored));
    }
    RG_TRY(verify_tiles_get(stitch->tiles, 0, size - 1, &stitch->prev));
    stitch->carry_count = size % AUDIT_TILE_WIDTH;
    stitch->next_seq = size;
    stitch->base_size = size;
    stitch->has_base = true;
    (void)snprintf(stitch->last_file, sizeof stitch->last_file, "tile");
    return RG_OK;
}

static void find_in(struct verify_stitch *stitch, const struct verify_segment *segment, enum audit_result result,
                    uint64_t line, const char *text)
{
    struct verify_finding finding = {.result = result, .seq = segment->first_seq, .line = line};
    char name[AUDIT_SEGMENT_NAME_SIZE];
    audit_segment_name(segment->first_seq, name);
    (void)snprintf(finding.file, sizeof finding.file, "seg/%s", name);
    (void)snprintf(finding.reason, sizeof finding.reason, "%s", text);
    verify_find_at(stitch->findings, &finding);
}

/* False when the segment does not begin where the log stands. */
static bool check_place(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    if (segment->first_seq < stitch->next_seq) {
        find_in(stitch, segment, AUDIT_ALTERED, 0, "the segment's name repeats numbers of the one before");
        return false;
    }
    if (segment->first_seq > stitch->next_seq) {
        verify_find(stitch->findings, AUDIT_INCOMPLETE, "seg", stitch->next_seq,
                    "records %" PRIu64 " to %" PRIu64
                    " are missing: a segment was removed or renamed, or the end of the "
                    "one before was cut off",
                    stitch->next_seq, segment->first_seq - 1);
        return false;
    }
    if (segment->count == 0 && !segment->is_stopped && !segment->is_newest) {
        find_in(stitch, segment, AUDIT_INCOMPLETE, 0, "the segment is empty");
        return false;
    }
    return true;
}

/* "prev" of the first record is not the hash of the last one before: which of the two was changed? The record behind
 * the first one may have told already. */
static void find_broken_link(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    stitch->is_broken = true;
    for (size_t i = 0; i < segment->findings.count; i++) {
        if (segment->is_stopped && segment->findings.items[i].seq == segment->first_seq) {
            return;
        }
    }
    if (stitch->next_seq == 0) {
        find_in(stitch, segment, AUDIT_ALTERED, 1,
                "\"prev\" is not the start value of this origin and these keys: one of the three was changed");
        return;
    }
    struct verify_finding finding = {.result = AUDIT_ALTERED, .seq = stitch->next_seq - 1, .line = stitch->last_line};
    (void)snprintf(finding.file, sizeof finding.file, "%s", stitch->last_file);
    (void)snprintf(finding.reason, sizeof finding.reason,
                   "the record was changed, or \"prev\" of the first record of the next segment");
    verify_find_at(stitch->findings, &finding);
}

/* The first record against the last one of the segment before. */
static void check_first(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    struct audit_head head = {.hlc_us = segment->first_clock.hlc_us,
                              .mono_us = segment->first_clock.mono_us,
                              .boot = rg_slice_make(segment->first_clock.boot, AUDIT_BOOT_SIZE)};
    const char *problem = NULL;
    if (memcmp(segment->first_prev.bytes, stitch->prev.bytes, RG_SHA256_SIZE) != 0) {
        find_broken_link(stitch, segment);
        return;
    }
    if (stitch->next_seq == 0 && segment->first_kind != VERIFY_STARTED) {
        problem = "the log does not begin with log.started";
    } else if (stitch->next_seq > stitch->base_size) {
        problem = verify_clock_check(&stitch->clock, &head, segment->first_kind);
    }
    if (problem != NULL) {
        find_in(stitch, segment, AUDIT_ALTERED, 1, problem);
        stitch->is_broken = true;
    }
}

static void add_events(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    const struct verify_event *events = segment->events.items;
    for (size_t i = 0; i < segment->events.count; i++) {
        struct verify_list *list = events[i].kind == VERIFY_EPOCH_OPEN ? &stitch->opens : &stitch->incidents;
        stitch->report->start_count += events[i].kind == VERIFY_STARTED ? 1 : 0;
        stitch->report->recovery_count += events[i].kind == VERIFY_RECOVERED ? 1 : 0;
        stitch->report->clock_step_count += events[i].kind == VERIFY_CLOCK_STEP ? 1 : 0;
        if (events[i].kind != VERIFY_STARTED && events[i].kind != VERIFY_STOPPED) {
            struct verify_event *kept = verify_list_add(list, sizeof *kept);
            *kept = events[i];
        }
    }
}

static void add_decisions(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    const struct verify_decision *outcomes = segment->outcomes.items;
    for (size_t i = 0; i < segment->outcomes.count; i++) {
        (void)verify_decisions_take(&stitch->decisions, outcomes[i].session, outcomes[i].statement);
    }
    for (size_t i = 0; i < segment->decisions.slot_count; i++) {
        if (segment->decisions.slots[i].seq != UINT64_MAX) {
            verify_decisions_add(&stitch->decisions, &segment->decisions.slots[i]);
        }
    }
}

static void check_epoch(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    if (segment->has_epoch && stitch->has_base && stitch->next_seq == stitch->base_size) {
        stitch->epoch = segment->first_epoch; /* the since checkpoint's own key confirms it */
    }
    if (segment->has_epoch && segment->first_epoch != stitch->epoch) {
        char text[128];
        (void)snprintf(text, sizeof text, "the segment's records speak of epoch %" PRIu64 ", the log is in %" PRIu64,
                       segment->first_epoch, stitch->epoch);
        find_in(stitch, segment, AUDIT_ALTERED, 0, text);
        stitch->is_broken = true;
    }
}

static void move_on(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    char name[AUDIT_SEGMENT_NAME_SIZE];
    struct audit_report *report = stitch->report;
    if (stitch->next_seq == stitch->base_size) {
        report->first_hlc_us = segment->first_clock.hlc_us;
    }
    stitch->epoch += segment->opens_seen;
    stitch->next_seq += segment->count;
    stitch->prev = segment->last_leaf;
    stitch->clock = segment->last_clock;
    stitch->last_line = segment->line;
    stitch->last_kind = segment->last_kind;
    audit_segment_name(segment->first_seq, name);
    (void)snprintf(stitch->last_file, sizeof stitch->last_file, "seg/%s", name);
    report->last_hlc_us = segment->last_clock.hlc_us;
}

rg_status verify_stitch_add(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    stitch->report->byte_count += segment->byte_count;
    if (!stitch->is_broken && !check_place(stitch, segment)) {
        stitch->is_broken = true;
    }
    if (!stitch->is_broken && segment->count > 0) {
        check_first(stitch, segment);
    }
    if (!stitch->is_broken && segment->count > 0) {
        check_epoch(stitch, segment);
    }
    if (!stitch->is_broken && segment->count > 0) {
        verify_fold(stitch, segment);
        verify_tenants_add(stitch, segment);
        add_events(stitch, segment);
        add_decisions(stitch, segment);
        verify_tail_add(stitch, segment);
        move_on(stitch, segment);
        verify_keeps_add(stitch, segment);
    }
    stitch->is_broken = stitch->is_broken || segment->is_stopped;
    verify_findings_join(stitch->findings, &segment->findings);
    return stitch->is_broken || segment->is_newest ? RG_OK : verify_manifest_add(stitch, segment);
}

void verify_stitch_end(struct verify_stitch *stitch)
{
    struct audit_report *report = stitch->report;
    report->record_count = stitch->next_seq;
    report->first_record = stitch->base_size;
    report->tenant_count = stitch->tenants.used;
    report->is_closed = stitch->last_kind == VERIFY_STOPPED;
    report->epoch = stitch->epoch;
    if (!stitch->is_broken) {
        verify_fold_end(stitch);
        verify_tiles_check_end(stitch->tiles, stitch->next_seq, stitch->findings);
        verify_manifests_end(stitch);
    }
}
