/* SPDX-License-Identifier: Apache-2.0 */
/* What a bucket holds of a log's segments, some hundred objects at a time: of each the version that was put first. */
#include <stdio.h>

#include "audit/export/hold_private.h"
#include "audit/export/s3_private.h"

enum { ARENA_BYTES = 4 * 1024 * 1024 };

/* "dt=2026-11-22/hour=10/<name>" */
static bool parse_place(struct rg_slice rest, int64_t *out_hour_us, struct rg_slice *out_name)
{
    enum { DT = 3, DATE = 10, HOUR_AT = 19, HOUR = 2, NAME_AT = 22 };
    char time[32];
    bool is_place = rest.size > NAME_AT && rg_slice_has_prefix(rest, RG_SLICE("dt=")) &&
                    rest.data[NAME_AT - 1] == '/' &&
                    rg_slice_is_equal(rg_slice_cut(rest, DT + DATE, HOUR_AT - DT - DATE), RG_SLICE("/hour="));
    if (!is_place) {
        return false;
    }
    int size = snprintf(time, sizeof time, "%.*sT%.*s:00:00Z", DATE, rest.data + DT, HOUR, rest.data + HOUR_AT);
    *out_name = rg_slice_cut(rest, NAME_AT, SIZE_MAX);
    return s3_time_parse(rg_slice_make(time, (size_t)size), out_hour_us);
}

static bool parse_key(const struct hold_batch *batch, struct rg_slice key, struct hold_item *item)
{
    struct rg_slice name = {0};
    return rg_slice_has_prefix(key, batch->under) &&
           parse_place(rg_slice_cut(key, batch->under.size, SIZE_MAX), &item->hour_us, &name) &&
           (depot_segment_name_parse(name, RG_SLICE(".jsonl.gz"), &item->first_seq, &item->last_seq) ||
            depot_segment_name_parse(name, RG_SLICE(".manifest"), &item->first_seq, &item->last_seq));
}

static rg_status copy_text(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_text)
{
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, text.size + 1, &memory));
    char *copy = memory;
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    *out_text = rg_slice_make(copy, text.size);
    return RG_OK;
}

static rg_status take_version(struct hold_batch *batch, const struct s3_entry *entry, struct hold_item *item)
{
    if (entry->is_marker) {
        return RG_OK;
    }
    item->modified_us = entry->modified_us;
    return copy_text(entry->version, &batch->arena, &item->version);
}

/* Versions of a key stand together, the newest first. */
static rg_status take_entry(void *context, const struct s3_entry *entry, bool *should_end)
{
    struct hold_batch *batch = context;
    struct hold_item item = {0};
    struct hold_item *last = batch->count == 0 ? NULL : &batch->items[batch->count - 1];
    *should_end = false;
    if (last != NULL && rg_slice_is_equal(last->key, entry->key)) {
        return take_version(batch, entry, last);
    }
    if (!parse_key(batch, entry->key, &item)) {
        return RG_OK; /* a stranger: verify tells of it */
    }
    if (batch->count == HOLD_BATCH) {
        *should_end = true;
        return RG_OK;
    }
    RG_TRY(copy_text(entry->key, &batch->arena, &item.key));
    RG_TRY(take_version(batch, entry, &item));
    batch->items[batch->count] = item;
    batch->count++;
    return RG_OK;
}

rg_status hold_batch_load(const struct hold_client *client, const char *node, const char *after,
                          struct hold_batch *batch)
{
    char under[S3_KEY_MAX + 1];
    const struct s3_taker taker = {take_entry, batch};
    rg_arena_init(&batch->arena, ARENA_BYTES);
    int size = snprintf(under, sizeof under, "raw/v1/node=%s/", node);
    if (size < 0 || (size_t)size >= sizeof under) {
        return rg_fail(RG_LIMIT, "the name of this log is too long for S3");
    }
    batch->under = rg_slice_make(under, (size_t)size);
    rg_status status = client->list_versions(client->context, under, after[0] == '\0' ? NULL : after, &taker);
    batch->under = (struct rg_slice){0};
    return status;
}

void hold_batch_done(struct hold_batch *batch)
{
    rg_arena_done(&batch->arena);
    batch->count = 0;
}
