/* SPDX-License-Identifier: Apache-2.0 */
/* What the bucket alone tells of a log: objects that are not ours, delete markers, later versions, locks that are
 * missing or too short, segments that lag behind their anchors, anchors that are old. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "audit/export/s3_verify_private.h"
#include "audit/note.h"
#include "audit/rollback.h"

void rules_find(struct rules *rules, enum audit_result result, const struct catalog_item *item, uint64_t seq,
                const char *format, ...)
{
    char reason[320];
    va_list arguments;
    if (rules->count == AUDIT_FINDINGS_MAX) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    struct audit_finding finding = {.result = result, .seq = seq};
    if (item != NULL) {
        finding.file = item->key;
    }
    if (rg_is_ok(rg_arena_copy(rules->arena, rg_slice_of(reason), &finding.reason))) {
        rules->findings[rules->count] = finding;
        rules->count++;
    }
}

/* The record that an object is about, for the order of findings. */
static uint64_t seq_of(const struct catalog_item *item)
{
    bool is_size = item->kind == CATALOG_ANCHOR || item->kind == CATALOG_BASE;
    return is_size && item->first > 0 ? item->first - 1 : item->first;
}

static const char *time_of(int64_t us, char text[RG_TIME_TEXT_SIZE])
{
    rg_clock_format(us, text);
    text[19] = 'Z'; /* seconds will do */
    text[20] = '\0';
    return text;
}

/* ---- versions ---- */

static void check_marker(struct rules *rules, const struct catalog_item *marker, const struct catalog_item *first)
{
    char time[RG_TIME_TEXT_SIZE];
    bool is_gone =
        marker->kind == CATALOG_ANCHOR ? marker->first <= rules->pruned_size : marker->last < rules->pruned_size;
    if (first == NULL && is_gone && marker->kind != CATALOG_KEY && rules->pruned_size > 0) {
        return; /* what the log declared to be pruned */
    }
    if (first == NULL) {
        rules_find(rules, AUDIT_INCOMPLETE, marker, seq_of(marker),
                   "deleted at %s: a delete marker is all that is left", time_of(marker->modified_us, time));
    } else {
        rules_find(rules, AUDIT_ALTERED, marker, seq_of(marker),
                   "somebody deleted it at %s: a delete marker %s its version %.40s, which was checked",
                   time_of(marker->modified_us, time), marker->is_newest ? "hides" : "stood before",
                   first->version.data);
    }
}

/* An anchor of another content that is signed as well is the proof of a fork, and no mere overwriting. */
static bool is_signed(const struct rules *rules, const struct catalog_item *item)
{
    struct audit_note note = {0};
    struct audit_checkpoint checkpoint = {0};
    return rules->keys != NULL && rg_is_ok(audit_note_parse(item->bytes, &note)) &&
           rg_is_ok(audit_checkpoint_parse(note.text, &checkpoint)) && checkpoint.size == item->first &&
           rg_slice_is_equal(checkpoint.origin, rules->catalog->origin) && audit_keys_have_signed(rules->keys, &note);
}

static void check_later(struct rules *rules, const struct catalog_item *later, const struct catalog_item *first)
{
    char time[RG_TIME_TEXT_SIZE];
    bool is_same = later->has_sha256 && first->has_sha256 && later->size == first->size &&
                   memcmp(later->sha256.bytes, first->sha256.bytes, sizeof later->sha256.bytes) == 0;
    if (is_same) {
        return; /* put twice: a server without If-None-Match, or a store that was copied */
    }
    if (later->kind == CATALOG_ANCHOR && is_signed(rules, later) && is_signed(rules, first)) {
        rules_find(rules, AUDIT_FORKED, later, seq_of(later),
                   "two different checkpoints of %" PRIu64
                   " records, both signed (versions %.40s and %.40s): two logs were signed under one name",
                   later->first, first->version.data, later->version.data);
    } else {
        rules_find(rules, AUDIT_ALTERED, later, seq_of(later),
                   "overwritten at %s with other content, version %.40s; what was put first is version %.40s",
                   time_of(later->modified_us, time), later->version.data, first->version.data);
    }
}

/* ---- one object ---- */

static void check_content(struct rules *rules, const struct catalog_item *item)
{
    struct audit_note note = {0};
    struct audit_checkpoint checkpoint = {0};
    if (item->trouble[0] != '\0') {
        rules_find(rules, AUDIT_ALTERED, item, seq_of(item), "%s", item->trouble);
        return;
    }
    if (item->has_sha256 && item->object.has_sha256 &&
        memcmp(item->sha256.bytes, item->object.sha256.bytes, sizeof item->sha256.bytes) != 0) {
        rules_find(rules, AUDIT_ALTERED, item, seq_of(item), "its bytes do not have the hash that was stored with it");
    }
    bool is_within = item->first > rules->catalog->begin && item->first <= rules->catalog->end;
    bool is_other_anchor =
        item->kind == CATALOG_ANCHOR && (!is_within || !item->is_first) && rules->options->directory.size == 0;
    if (!is_other_anchor) {
        return; /* audit/verify.h reads the others */
    }
    if (!rg_is_ok(audit_note_parse(item->bytes, &note)) || !rg_is_ok(audit_checkpoint_parse(note.text, &checkpoint)) ||
        checkpoint.size != item->first || !rg_slice_is_equal(checkpoint.origin, rules->catalog->origin)) {
        rules_find(rules, AUDIT_ALTERED, item, seq_of(item), "it is no checkpoint of this log and this size");
    } else if (rules->keys != NULL && !audit_keys_have_signed(rules->keys, &note)) {
        rules_find(rules, AUDIT_ALTERED, item, seq_of(item), "no signature by a key of this log holds on it");
    }
}

/* Of a segment its record tells how it was locked; the others were put by the same hand at the same time. */
static void check_lock(struct rules *rules, const struct catalog_item *item)
{
    const int64_t hour_us = INT64_C(3600) * 1000000;
    int64_t slack_us = rules->shortest_us / 2 < hour_us ? rules->shortest_us / 2 : hour_us;
    enum s3_lock wanted = rules->options->lock;
    char time[RG_TIME_TEXT_SIZE];
    wanted = rules->has_recorded && rules->recorded > wanted ? rules->recorded : wanted;
    if (wanted == S3_LOCK_OFF) {
        return;
    }
    if (item->object.lock < wanted) {
        rules_find(rules, AUDIT_ALTERED, item, seq_of(item),
                   "it is locked %s, and should be %s: whoever may write to "
                   "the bucket can remove it",
                   item->object.lock == S3_LOCK_OFF ? "not at all" : s3_lock_name(item->object.lock),
                   s3_lock_name(wanted));
        return;
    }
    int64_t wanted_us = rules->has_recorded ? item->modified_us + rules->shortest_us - slack_us : item->modified_us;
    if (item->object.until_us < wanted_us) {
        rules_find(rules, AUDIT_ALTERED, item, seq_of(item),
                   "its lock was shortened: it ends at %s, sooner than that of what was stored with it",
                   time_of(item->object.until_us, time));
    }
}

static void check_item(struct rules *rules, const struct catalog_item *item, const struct catalog_item *first)
{
    if (item->kind == CATALOG_STRANGER) {
        rules_find(rules, AUDIT_ALTERED, item, 0, "an object that rowgate did not put there, or not under this name");
        return;
    }
    if (item->is_marker) {
        check_marker(rules, item, first);
        return;
    }
    check_content(rules, item);
    if (!item->is_first && first != NULL) {
        check_later(rules, item, first);
        return;
    }
    if (item->object.is_there) {
        check_lock(rules, item);
    }
}

/* ---- segments against anchors, anchors against the clock ---- */

static const struct catalog_item *newest_anchor(const struct rules *rules, const struct catalog_item **out_waiting)
{
    const struct catalog_item *newest = NULL;
    for (size_t i = 0; i < rules->catalog->count; i++) {
        const struct catalog_item *item = &rules->catalog->items[i];
        if (item->kind != CATALOG_ANCHOR || !item->is_first) {
            continue;
        }
        newest = newest == NULL || item->first > newest->first ? item : newest;
        bool is_waiting = item->first > rules->catalog->end;
        bool is_older = *out_waiting == NULL || item->modified_us < (*out_waiting)->modified_us;
        *out_waiting = is_waiting && is_older ? item : *out_waiting;
    }
    return newest;
}

static void check_times(struct rules *rules)
{
    const int64_t hour_us = INT64_C(3600) * 1000000;
    const struct s3_verify_options *options = rules->options;
    int64_t now_us = rg_clock_wall_us(rg_clock_system());
    int64_t lag_us = options->max_lag_us == 0 ? hour_us : options->max_lag_us;
    char time[RG_TIME_TEXT_SIZE];
    const struct catalog_item *waiting = NULL;
    const struct catalog_item *newest = newest_anchor(rules, &waiting);
    if (newest == NULL) {
        rules_find(rules, AUDIT_INCOMPLETE, NULL, 0, "there is no anchor at all: ckpt/v1/node=%.80s/ is empty",
                   rules->catalog->node);
        return;
    }
    bool is_alone = options->directory.size == 0;
    if (is_alone && waiting != NULL && now_us - waiting->modified_us > lag_us) {
        rules_find(rules, AUDIT_INCOMPLETE, waiting, rules->catalog->end,
                   "records from %" PRIu64 " to %" PRIu64 " are anchored since %s, and no segment holds them: it was "
                   "removed, or the export of segments stands still",
                   rules->catalog->end, waiting->first - 1, time_of(waiting->modified_us, time));
    }
    if (options->max_age_us > 0 && now_us - newest->modified_us > options->max_age_us) {
        rules_find(rules, AUDIT_STALE, newest, seq_of(newest),
                   "the newest anchor is of %s: newer ones were removed, or rowgate writes none",
                   time_of(newest->modified_us, time));
    }
}

void rules_check_objects(struct rules *rules)
{
    for (size_t i = 0; i < rules->catalog->count; i++) {
        const struct catalog_item *item = &rules->catalog->items[i];
        check_item(rules, item, catalog_find(rules->catalog, item->key));
    }
    check_times(rules);
}
