/* SPDX-License-Identifier: Apache-2.0 */
/* Counts by key, bounded: a hostile client can invent a name a statement. The hash is seeded at random, so that nobody
 * can choose names that collide. */
#include <stdlib.h>

#include "audit/trail/evidence_private.h"
#include "base/rg_memory.h"

static uint64_t hash_of(uint64_t seed, const char *key)
{
    uint64_t hash = seed;
    for (; *key != '\0'; key++) {
        hash = (hash ^ (unsigned char)*key) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    return hash;
}

/* The slot of the key, or the free one where it belongs. */
static uint32_t *slot_of(const struct evidence_tally *tally, const char *key)
{
    size_t at = (size_t)hash_of(tally->seed, key) & (tally->slot_count - 1);
    while (tally->slots[at] != 0 && strcmp(tally->rows[tally->slots[at] - 1].key, key) != 0) {
        at = (at + 1) & (tally->slot_count - 1);
    }
    return &tally->slots[at];
}

static void make_room(struct evidence_tally *tally)
{
    enum { SLOTS_PER_ROW = 4, FIRST = 64 };
    if (tally->count < tally->capacity) {
        return;
    }
    if (tally->capacity == 0) {
        rg_random(&tally->seed, sizeof tally->seed);
    }
    tally->capacity = tally->capacity == 0 ? FIRST : 2 * tally->capacity;
    tally->rows = rg_memory_resize(tally->rows, tally->capacity * sizeof *tally->rows);
    rg_memory_free(tally->slots);
    tally->slot_count = SLOTS_PER_ROW * tally->capacity;
    tally->slots = rg_memory_array(tally->slot_count, sizeof *tally->slots);
    for (size_t i = 0; i < tally->count; i++) {
        *slot_of(tally, tally->rows[i].key) = (uint32_t)i + 1;
    }
}

static void add_values(struct evidence_row *row, const uint64_t values[EVIDENCE_VALUES])
{
    for (size_t i = 0; i < EVIDENCE_VALUES; i++) {
        if (__builtin_add_overflow(row->values[i], values[i], &row->values[i])) {
            row->values[i] = UINT64_MAX;
        }
    }
}

void evidence_tally_add(struct evidence_tally *tally, const char *key, const uint64_t values[EVIDENCE_VALUES])
{
    make_room(tally);
    uint32_t *slot = slot_of(tally, key);
    if (*slot == 0 && tally->count >= EVIDENCE_KEYS_MAX) {
        tally->has_rest = true;
        add_values(&tally->rest, values);
        return;
    }
    if (*slot == 0) {
        struct evidence_row *row = &tally->rows[tally->count];
        *row = (struct evidence_row){0};
        memcpy(row->key, key, strlen(key) + 1);
        tally->count++;
        *slot = (uint32_t)tally->count;
    }
    add_values(&tally->rows[*slot - 1], values);
}

void evidence_tally_merge(struct evidence_tally *tally, const struct evidence_tally *other)
{
    for (size_t i = 0; i < other->count; i++) {
        evidence_tally_add(tally, other->rows[i].key, other->rows[i].values);
    }
    if (other->has_rest) {
        tally->has_rest = true;
        add_values(&tally->rest, other->rest.values);
    }
}

const struct evidence_row *evidence_tally_find(const struct evidence_tally *tally, const char *key)
{
    for (size_t i = 0; i < tally->count; i++) {
        if (strcmp(tally->rows[i].key, key) == 0) {
            return &tally->rows[i];
        }
    }
    return NULL;
}

static int compare_keys(const void *a, const void *b)
{
    const struct evidence_row *x = a;
    const struct evidence_row *y = b;
    return strcmp(x->key, y->key);
}

static int compare_values(const void *a, const void *b)
{
    const struct evidence_row *x = a;
    const struct evidence_row *y = b;
    for (size_t i = 0; i < EVIDENCE_VALUES; i++) {
        if (x->values[i] != y->values[i]) {
            return x->values[i] < y->values[i] ? 1 : -1;
        }
    }
    return strcmp(x->key, y->key);
}

void evidence_tally_sort(struct evidence_tally *tally, bool is_by_key)
{
    if (tally->count > 0) {
        qsort(tally->rows, tally->count, sizeof *tally->rows, is_by_key ? compare_keys : compare_values);
    }
}

void evidence_tally_done(struct evidence_tally *tally)
{
    rg_memory_free(tally->rows);
    rg_memory_free(tally->slots);
    *tally = (struct evidence_tally){0};
}
