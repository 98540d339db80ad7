/* SPDX-License-Identifier: Apache-2.0 */
/* At the exporter's start: the log against its newest anchors. Those beyond its end say that it was rolled back; the
 * newest one within says whether it is still the same log. A listing goes upwards only, so the newest within is sought
 * by beginning further and further below the end. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/export/anchor_private.h"
#include "audit/note.h"
#include "audit/rollback.h"
#include "base/rg_memory.h"

enum { BEYOND_MAX = 16, LISTED_MAX = 200000 };

struct found {
    uint64_t size; /* by its name; 0 = none */
    char version[S3_VERSION_MAX + 1];
};

/* What a listing found: the first few versions beyond the log's end, and the oldest version of the last name within. */
struct search {
    uint64_t limit; /* the log's signed size */
    struct found within;
    struct found beyond[BEYOND_MAX];
    size_t beyond_count;
    size_t listed;
    size_t skipped; /* bytes of the key before the name */
};

/* Versions, not objects: a delete marker hides an anchor from a plain listing. */
static rg_status take_entry(void *context, const struct s3_entry *entry, bool *should_end)
{
    struct search *search = context;
    uint64_t size = 0;
    if (entry->is_marker || !depot_anchor_name_parse(rg_slice_cut(entry->key, search->skipped, SIZE_MAX), &size)) {
        return RG_OK; /* verify says what it thinks of it */
    }
    struct found *found = size <= search->limit ? &search->within : &search->beyond[search->beyond_count];
    search->beyond_count += size <= search->limit ? 0 : 1;
    found->size = size;
    memcpy(found->version, entry->version.data, entry->version.size); /* s3_xml.c bounds it */
    found->version[entry->version.size] = '\0';
    search->listed++;
    *should_end = search->beyond_count == BEYOND_MAX || search->listed == LISTED_MAX;
    return RG_OK;
}

static rg_status list_from(struct anchor *anchor, uint64_t from, struct search *search)
{
    char under[S3_KEY_MAX + 1];
    char after[S3_KEY_MAX + 1];
    const struct s3_taker taker = {take_entry, search};
    int size = snprintf(under, sizeof under, "ckpt/v1/node=%s/", anchor->depot.node);
    if (size < 0 || (size_t)size >= sizeof under) {
        return rg_fail(RG_LIMIT, "the name of this log is too long for S3");
    }
    search->skipped = (size_t)size;
    RG_TRY(depot_anchor_key(anchor->depot.node, from, after));
    return s3_list_versions(anchor->depot.s3, under, after, &taker);
}

static rg_status find_anchors(struct anchor *anchor, uint64_t size, struct search *search)
{
    for (uint64_t window = 4096;; window *= 16) {
        *search = (struct search){.limit = size};
        RG_TRY(list_from(anchor, size > window ? size - window : 0, search));
        if (search->within.size > 0 || search->beyond_count > 0 || window >= size) {
            return RG_OK;
        }
    }
}

static rg_status close_log(struct anchor *anchor, struct export_turn *turn)
{
    export_warn(turn, anchor->trouble);
    RG_TRY(audit_rolled_back_put(turn->directory_fd, anchor->trouble));
    return rg_fail(RG_STORAGE, "%s", anchor->trouble);
}

static rg_status judge(struct anchor *anchor, struct export_turn *turn, const struct found *found, bool *out_is_bad)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char key[S3_KEY_MAX + 1];
    struct rg_slice note = {0};
    struct s3_object object = {0};
    enum audit_standing standing = AUDIT_STANDING_NONE;
    uint64_t size = 0;
    rg_arena_init(&arena, 2 * ANCHOR_NOTE_MAX);
    RG_TRY(depot_anchor_key(anchor->depot.node, found->size, key));
    RG_TRY(s3_get_all(anchor->depot.s3, key, found->version, ANCHOR_NOTE_MAX, &arena, &note, &object));
    RG_TRY(audit_standing_find(turn->directory_fd, turn->origin, turn->size, note, &standing, &size));
    *out_is_bad = standing == AUDIT_STANDING_BEHIND || standing == AUDIT_STANDING_OTHER;
    if (*out_is_bad) {
        (void)snprintf(anchor->trouble, sizeof anchor->trouble,
                       "ROLLBACK: %.120s%.120s is signed for %" PRIu64 " records, and the log %s (%" PRIu64
                       " records are signed here)",
                       s3_name(anchor->depot.s3), key, size,
                       standing == AUDIT_STANDING_BEHIND ? "has fewer" : "has others", turn->size);
    } else if (standing != AUDIT_STANDING_GOOD) {
        char text[512];
        (void)snprintf(text, sizeof text, "%.150s%.150s %s", s3_name(anchor->depot.s3), key,
                       standing == AUDIT_STANDING_NONE ? "is no checkpoint that this log signed: somebody put it there"
                                                       : "cannot be compared: tiles are missing");
        export_warn(turn, text);
    }
    return RG_OK;
}

static rg_status judge_all(struct anchor *anchor, struct export_turn *turn, struct search *search, bool *out_is_bad)
{
    RG_TRY(find_anchors(anchor, turn->size, search));
    for (size_t i = 0; i < search->beyond_count && !*out_is_bad; i++) {
        RG_TRY(judge(anchor, turn, &search->beyond[i], out_is_bad));
    }
    return *out_is_bad || search->within.size == 0 ? RG_OK : judge(anchor, turn, &search->within, out_is_bad);
}

/* After a power loss head.note can be a moment behind what was anchored, until the auditor signs again. */
static rg_status close_if_it_stays(struct anchor *anchor, struct export_turn *turn)
{
    const int64_t patience_us = INT64_C(5) * 1000000;
    int64_t now_us = rg_clock_monotonic_us(turn->clock);
    anchor->behind_us = anchor->behind_us == 0 ? now_us : anchor->behind_us;
    return now_us - anchor->behind_us >= patience_us ? close_log(anchor, turn)
                                                     : rg_fail(RG_STORAGE, "%s", anchor->trouble);
}

rg_status anchor_check(struct anchor *anchor, struct export_turn *turn)
{
    bool is_bad = false;
    if (anchor->is_checked) {
        return RG_OK;
    }
    struct search *search = rg_memory_alloc(sizeof *search); /* much for a frame */
    rg_status status = judge_all(anchor, turn, search, &is_bad);
    rg_memory_free(search);
    RG_TRY(status);
    RG_TRY(is_bad ? close_if_it_stays(anchor, turn) : RG_OK);
    anchor->trouble[0] = '\0';
    anchor->is_checked = true;
    return RG_OK;
}
