/* SPDX-License-Identifier: Apache-2.0 */
/* What the bucket lists of one node's log: every version and every delete marker. */
#include <stdio.h>
#include <stdlib.h>

#include "audit/export/s3_verify_private.h"
#include "base/rg_memory.h"

void catalog_done(struct catalog *catalog)
{
    rg_memory_free(catalog->items);
    rg_memory_free(catalog->firsts);
    catalog->items = NULL;
    catalog->firsts = NULL;
}

/* ---- which nodes there are ---- */

struct nodes {
    struct rg_arena *arena;
    struct rg_slice under;
    struct rg_slice names[8];
    size_t count;
};

static rg_status take_node(void *context, const struct s3_entry *entry, bool *should_end)
{
    struct nodes *nodes = context;
    struct rg_slice rest = rg_slice_cut(entry->key, nodes->under.size, SIZE_MAX);
    const char *slash = rest.size == 0 ? NULL : memchr(rest.data, '/', rest.size);
    struct rg_slice name = rg_slice_cut(rest, 0, slash == NULL ? 0 : (size_t)(slash - rest.data));
    bool is_known = name.size == 0 || nodes->count == sizeof nodes->names / sizeof nodes->names[0];
    for (size_t i = 0; i < nodes->count && !is_known; i++) {
        is_known = rg_slice_is_equal(nodes->names[i], name);
    }
    if (!is_known) {
        RG_TRY(rg_arena_copy(nodes->arena, name, &nodes->names[nodes->count]));
        nodes->count++;
    }
    *should_end = false;
    return RG_OK;
}

static rg_status fail_nodes(const struct s3 *s3, const struct nodes *nodes)
{
    char text[300] = "";
    for (size_t i = 0; i < nodes->count; i++) {
        size_t used = strlen(text);
        struct rg_slice origin = nodes->names[i];
        (void)depot_origin(nodes->names[i], nodes->arena, &origin);
        (void)snprintf(text + used, sizeof text - used, " %.*s", rg_slice_shown(origin), origin.data);
    }
    return nodes->count == 0
               ? rg_fail(RG_CONFIG, "%.200s holds no audit log: there is no keys/v1/node=.../ in it", s3_name(s3))
               : rg_fail(RG_CONFIG, "%.100s holds several logs, say which one with --origin:%s", s3_name(s3), text);
}

/* By keys/: a log without is none that could be checked. */
static rg_status find_node(struct s3 *s3, const struct s3_verify_options *options, struct catalog *catalog)
{
    struct nodes nodes = {.arena = catalog->arena, .under = RG_SLICE("keys/v1/node=")};
    const struct s3_taker taker = {take_node, &nodes};
    if (options->origin.size > 0) {
        catalog->origin = options->origin;
        return depot_node(options->origin, catalog->node);
    }
    RG_TRY(s3_list_versions(s3, nodes.under.data, NULL, &taker));
    if (nodes.count != 1 || !depot_origin(nodes.names[0], catalog->arena, &catalog->origin)) {
        return fail_nodes(s3, &nodes);
    }
    return depot_node(catalog->origin, catalog->node);
}

/* ---- the list ---- */

struct lister {
    struct catalog *catalog;
    struct rg_slice under;
    enum catalog_kind kind; /* SEGMENT stands for manifests too */
};

static struct rg_slice last_part(struct rg_slice key)
{
    const char *slash = memrchr(key.data, '/', key.size);
    return slash == NULL ? key : rg_slice_cut(key, (size_t)(slash - key.data) + 1, SIZE_MAX);
}

/* The time in the key is not judged: records tell their own. But a segment elsewhere is one that was moved. */
static bool is_in_place(struct rg_slice rest, struct rg_slice name)
{
    static const char pattern[] = "dt=9999-99-99/hour=99/";
    bool is_right = rest.size == sizeof pattern - 1 + name.size;
    for (size_t i = 0; i + 1 < sizeof pattern && is_right; i++) {
        is_right = pattern[i] == '9' ? rest.data[i] >= '0' && rest.data[i] <= '9' : rest.data[i] == pattern[i];
    }
    return is_right;
}

static void classify(const struct lister *lister, struct catalog_item *item)
{
    struct rg_slice rest = rg_slice_cut(item->key, lister->under.size, SIZE_MAX);
    bool is_flat = rest.size == item->name.size;
    if (lister->kind == CATALOG_ANCHOR && is_flat && depot_anchor_name_parse(item->name, &item->first)) {
        item->kind = CATALOG_ANCHOR;
    } else if (lister->kind == CATALOG_KEY && is_flat && item->name.size < 24 &&
               (rg_slice_is_equal(item->name, RG_SLICE("root.vkey")) ||
                rg_slice_has_prefix(item->name, RG_SLICE("list-")))) {
        item->kind = CATALOG_KEY;
    } else if (lister->kind == CATALOG_BASE && is_flat && depot_base_name_parse(item->name, &item->first)) {
        item->kind = CATALOG_BASE;
    } else if (lister->kind == CATALOG_SEGMENT && is_in_place(rest, item->name)) {
        bool is_segment = depot_segment_name_parse(item->name, RG_SLICE(".jsonl.gz"), &item->first, &item->last);
        bool is_manifest = depot_segment_name_parse(item->name, RG_SLICE(".manifest"), &item->first, &item->last);
        item->kind = is_segment ? CATALOG_SEGMENT : is_manifest ? CATALOG_MANIFEST : CATALOG_STRANGER;
    }
}

static rg_status take_item(void *context, const struct s3_entry *entry, bool *should_end)
{
    const struct lister *lister = context;
    struct catalog *catalog = lister->catalog;
    *should_end = false;
    if (catalog->count == catalog->capacity) {
        catalog->capacity = catalog->capacity == 0 ? 256 : 2 * catalog->capacity;
        catalog->items = rg_memory_resize(catalog->items, catalog->capacity * sizeof *catalog->items);
    }
    struct catalog_item item = {.is_marker = entry->is_marker,
                                .is_newest = entry->is_newest,
                                .size = entry->size,
                                .modified_us = entry->modified_us};
    RG_TRY(rg_arena_copy(catalog->arena, entry->key, &item.key));
    RG_TRY(rg_arena_copy(catalog->arena,
                         rg_slice_is_equal(entry->version, RG_SLICE("null")) ? RG_SLICE("") : entry->version,
                         &item.version));
    item.name = last_part(item.key);
    classify(lister, &item);
    catalog->items[catalog->count] = item;
    catalog->count++;
    return RG_OK;
}

static rg_status list(struct s3 *s3, struct catalog *catalog, const char *folder, enum catalog_kind kind)
{
    char under[S3_KEY_MAX + 1];
    int size = snprintf(under, sizeof under, "%s/v1/node=%s/", folder, catalog->node);
    if (size < 0 || (size_t)size >= sizeof under) {
        return rg_fail(RG_LIMIT, "the origin is too long for S3");
    }
    struct lister lister = {.catalog = catalog, .under = rg_slice_of(under), .kind = kind};
    const struct s3_taker taker = {take_item, &lister};
    return s3_list_versions(s3, under, NULL, &taker);
}

/* Versions of one key stand together, the newest first. */
static void mark_versions(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->count;) {
        size_t end = i + 1;
        size_t oldest = SIZE_MAX;
        while (end < catalog->count && rg_slice_is_equal(catalog->items[end].key, catalog->items[i].key)) {
            end++;
        }
        for (size_t at = i; at < end; at++) {
            catalog->items[at].is_alone = end == i + 1;
            oldest = catalog->items[at].is_marker ? oldest : at;
        }
        if (oldest != SIZE_MAX) {
            catalog->items[oldest].is_first = true;
        }
        i = end;
    }
}

static int compare_keys(const void *a, const void *b)
{
    const struct catalog_item *const *x = a;
    const struct catalog_item *const *y = b;
    return strcmp((*x)->key.data, (*y)->key.data);
}

static void sort_firsts(struct catalog *catalog)
{
    catalog->firsts = rg_memory_array(catalog->count + 1, sizeof *catalog->firsts);
    for (size_t i = 0; i < catalog->count; i++) {
        if (catalog->items[i].is_first) {
            catalog->firsts[catalog->first_count] = &catalog->items[i];
            catalog->first_count++;
        }
    }
    qsort(catalog->firsts, catalog->first_count, sizeof *catalog->firsts, compare_keys);
}

/* A gap in between is a finding of the log's own verifier. */
static void find_end(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_item *item = &catalog->items[i];
        bool is_later = item->kind == CATALOG_SEGMENT && item->is_first && item->last + 1 > catalog->end;
        catalog->end = is_later ? item->last + 1 : catalog->end;
    }
}

/* Where a lifecycle, or who may delete, took the beginning: the records behind it must declare that. */
static void find_begin(struct catalog *catalog)
{
    uint64_t begin = UINT64_MAX;
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_item *item = &catalog->items[i];
        begin = item->kind == CATALOG_SEGMENT && item->is_first && item->first < begin ? item->first : begin;
    }
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_item *item = &catalog->items[i];
        bool is_it = item->kind == CATALOG_BASE && item->is_first && item->first == begin;
        catalog->begin = is_it ? begin : catalog->begin;
    }
}

rg_status catalog_load(struct s3 *s3, const struct s3_verify_options *options, struct catalog *catalog)
{
    RG_TRY(find_node(s3, options, catalog));
    /* a live log goes on meanwhile: segments before the anchors that cover them, those before the keys that signed */
    RG_TRY(options->directory.size > 0 ? RG_OK : list(s3, catalog, "raw", CATALOG_SEGMENT));
    RG_TRY(options->directory.size > 0 ? RG_OK : list(s3, catalog, "pruned", CATALOG_BASE));
    RG_TRY(list(s3, catalog, "ckpt", CATALOG_ANCHOR));
    RG_TRY(list(s3, catalog, "keys", CATALOG_KEY));
    mark_versions(catalog);
    sort_firsts(catalog);
    find_begin(catalog);
    find_end(catalog);
    return RG_OK;
}

struct catalog_item *catalog_find(const struct catalog *catalog, struct rg_slice key)
{
    size_t low = 0;
    size_t high = catalog->first_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(catalog->firsts[middle]->key.data, key.data);
        if (order == 0) {
            return catalog->firsts[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}
