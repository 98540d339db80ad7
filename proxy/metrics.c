/* SPDX-License-Identifier: Apache-2.0 */
/* Counting: a block of slots for each writer, one slot for each series, several for one of a histogram. A writer alone
 * stores to its block, relaxed; readers add the blocks up and may see a moment of each that is a little apart. */
#include "proxy/metrics.h"

#include "base/rg_memory.h"
#include "proxy/metrics_private.h"

enum { LINE_BYTES = 64, LINE_SLOTS = LINE_BYTES / sizeof(uint64_t) };

struct metrics_block {
    struct metrics *metrics;
    _Atomic uint64_t *slots; /* a cache line's beginning */
    void *memory;            /* of slots */
};

/* ---- what there is ---- */

static unsigned label_size(const struct metrics *metrics, const struct metrics_label *label)
{
    unsigned size = 0;
    if (label == NULL || (label->words == NULL && metrics->names[label->names] == NULL)) {
        return 1;
    }
    if (label->words == NULL) {
        return metrics_name_set_max(metrics->names[label->names]);
    }
    while (label->words[size] != NULL) {
        size++;
    }
    return size;
}

size_t metrics_series_count(const struct metrics *metrics, enum metrics_id id)
{
    size_t count = 1;
    for (size_t i = 0; i < METRICS_LABELS_MAX; i++) {
        count *= metrics->sizes[id][i];
    }
    return count;
}

static size_t slots_a_series(enum metrics_id id)
{
    return metrics_rows[id].type == METRICS_HISTOGRAM ? METRICS_HISTOGRAM_SLOTS : 1;
}

static void open_block(struct metrics *metrics, struct metrics_block *block)
{
    size_t slots = metrics->offsets[METRICS_COUNT] + LINE_SLOTS; /* the last line is nobody else's either */
    block->metrics = metrics;
    block->memory = rg_memory_array(slots + LINE_SLOTS, sizeof(uint64_t));
    uintptr_t address = (uintptr_t)block->memory;
    size_t skipped = (LINE_BYTES - address % LINE_BYTES) % LINE_BYTES;
    block->slots = (_Atomic uint64_t *)(void *)((char *)block->memory + skipped);
}

struct metrics *metrics_new(unsigned blocks, unsigned max_tenants)
{
    struct metrics *metrics = rg_memory_alloc(sizeof *metrics);
    RG_ASSERT(pthread_mutex_init(&metrics->lock, NULL) == 0);
    metrics->names[METRICS_TENANTS] = max_tenants == 0 ? NULL : metrics_name_set_new(max_tenants);
    metrics->names[METRICS_RULES] = metrics_name_set_new(METRICS_RULES_MAX);
    metrics->names[METRICS_UPSTREAMS] = metrics_name_set_new(METRICS_UPSTREAMS_MAX);
    metrics->names[METRICS_CERTIFICATES] = metrics_name_set_new(METRICS_CERTIFICATES_MAX);
    metrics->names[METRICS_PROVIDERS] = metrics_name_set_new(METRICS_PROVIDERS_MAX);
    for (unsigned id = 0; id < METRICS_COUNT; id++) {
        for (size_t i = 0; i < METRICS_LABELS_MAX; i++) {
            metrics->sizes[id][i] = label_size(metrics, metrics_rows[id].labels[i]);
        }
        metrics->offsets[id + 1] = metrics->offsets[id] + metrics_series_count(metrics, id) * slots_a_series(id);
    }
    metrics->block_count = blocks;
    metrics->blocks = rg_memory_array(blocks, sizeof *metrics->blocks);
    for (unsigned i = 0; i < blocks; i++) {
        open_block(metrics, &metrics->blocks[i]);
    }
    return metrics;
}

void metrics_free(struct metrics **metrics)
{
    struct metrics *old = *metrics;
    *metrics = NULL;
    if (old == NULL) {
        return;
    }
    for (unsigned i = 0; i < old->block_count; i++) {
        rg_memory_free(old->blocks[i].memory);
    }
    for (unsigned i = 0; i < METRICS_NAMES_COUNT; i++) {
        metrics_name_set_free(&old->names[i]);
    }
    (void)pthread_mutex_destroy(&old->lock);
    rg_memory_free(old->blocks);
    rg_memory_free(old);
}

struct metrics_block *metrics_block(struct metrics *metrics, unsigned at)
{
    RG_ASSERT(metrics == NULL || at < metrics->block_count);
    return metrics == NULL ? NULL : &metrics->blocks[at];
}

unsigned metrics_name(struct metrics *metrics, enum metrics_names names, struct rg_slice name)
{
    return metrics == NULL ? METRICS_OTHER : metrics_name_set_find(metrics->names[names], name);
}

unsigned metrics_block_name(struct metrics_block *block, enum metrics_names names, struct rg_slice name)
{
    return block == NULL ? METRICS_OTHER : metrics_name(block->metrics, names, name);
}

/* ---- counting ---- */

/* A number that is none of the label's is our bug, and must not be another metric's slot. */
static size_t slot_of(const struct metrics *metrics, enum metrics_id id, struct metrics_series series)
{
    size_t at = 0;
    for (size_t i = 0; i < METRICS_LABELS_MAX; i++) {
        unsigned size = metrics->sizes[id][i];
        RG_ASSERT(series.at[i] < size);
        at = at * size + series.at[i];
    }
    return metrics->offsets[id] + at * slots_a_series(id);
}

static void add_to(_Atomic uint64_t *slot, uint64_t count)
{
    uint64_t before = atomic_load_explicit(slot, memory_order_relaxed);
    atomic_store_explicit(slot, before + count, memory_order_relaxed); /* nobody else writes it */
}

void metrics_add(struct metrics_block *block, enum metrics_id id, struct metrics_series series, uint64_t count)
{
    if (block != NULL) {
        add_to(&block->slots[slot_of(block->metrics, id, series)], count);
    }
}

void metrics_drop(struct metrics_block *block, enum metrics_id id, struct metrics_series series)
{
    metrics_add(block, id, series, UINT64_MAX); /* modulo 2^64: the sum of all blocks is right */
}

void metrics_set(struct metrics_block *block, enum metrics_id id, struct metrics_series series, int64_t value)
{
    if (block != NULL) {
        size_t slot = slot_of(block->metrics, id, series);
        atomic_store_explicit(&block->slots[slot], (uint64_t)value, memory_order_relaxed);
    }
}

void metrics_observe(struct metrics_block *block, enum metrics_id id, struct metrics_series series, int64_t value_us)
{
    if (block == NULL) {
        return;
    }
    size_t first = slot_of(block->metrics, id, series);
    int64_t value = value_us < 0 ? 0 : value_us;
    size_t bucket = 0;
    while (bucket < METRICS_BUCKETS && value > metrics_bounds_us[bucket]) {
        bucket++;
    }
    add_to(&block->slots[first + bucket], 1);
    add_to(&block->slots[first + METRICS_BUCKETS + 1], (uint64_t)value);
}

void metrics_add_shared(struct metrics *metrics, enum metrics_id id, struct metrics_series series, uint64_t count)
{
    if (metrics != NULL) {
        _Atomic uint64_t *slot = &metrics->blocks[0].slots[slot_of(metrics, id, series)];
        (void)atomic_fetch_add_explicit(slot, count, memory_order_relaxed);
    }
}

void metrics_set_shared(struct metrics *metrics, enum metrics_id id, struct metrics_series series, int64_t value)
{
    metrics_set(metrics_block(metrics, 0), id, series, value);
}

void metrics_set_text(struct metrics *metrics, enum metrics_id id, struct rg_slice text)
{
    if (metrics != NULL) {
        struct rg_slice kept = rg_slice_cut(text, 0, METRICS_INFO_MAX - 1);
        (void)pthread_mutex_lock(&metrics->lock);
        memset(metrics->texts[id], 0, METRICS_INFO_MAX);
        memcpy(metrics->texts[id], kept.data, kept.size);
        (void)pthread_mutex_unlock(&metrics->lock);
    }
}

/* ---- reading ---- */

uint64_t metrics_slot_sum(const struct metrics *metrics, size_t slot)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < metrics->block_count; i++) {
        sum += atomic_load_explicit(&metrics->blocks[i].slots[slot], memory_order_relaxed);
    }
    return sum;
}

int64_t metrics_sum(const struct metrics *metrics, enum metrics_id id, struct metrics_series series)
{
    size_t first = slot_of(metrics, id, series);
    size_t count = metrics_rows[id].type == METRICS_HISTOGRAM ? METRICS_BUCKETS + 1 : 1;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += metrics_slot_sum(metrics, first + i);
    }
    return (int64_t)sum;
}

int64_t metrics_sum_us(const struct metrics *metrics, enum metrics_id id, struct metrics_series series)
{
    RG_ASSERT(metrics_rows[id].type == METRICS_HISTOGRAM);
    return (int64_t)metrics_slot_sum(metrics, slot_of(metrics, id, series) + METRICS_BUCKETS + 1);
}

unsigned metrics_name_count(const struct metrics *metrics, enum metrics_names names)
{
    return metrics->names[names] == NULL ? 1 : metrics_name_set_count(metrics->names[names]);
}

struct rg_slice metrics_name_at(const struct metrics *metrics, enum metrics_names names, unsigned at)
{
    return metrics->names[names] == NULL ? RG_SLICE("all") : metrics_name_set_at(metrics->names[names], at);
}
