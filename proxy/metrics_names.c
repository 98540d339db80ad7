/* SPDX-License-Identifier: Apache-2.0 */
/* Names that get a number each, up to a maximum: what a label may say beside the table's words. Looking up a known name
 * takes no lock; a new one takes it once. Nothing is ever removed, so a number means one name for good. */
#include <pthread.h>

#include "base/rg_memory.h"
#include "proxy/metrics_private.h"

struct name {
    uint32_t hash;
    struct rg_slice text;
};

struct metrics_name_set {
    unsigned max; /* METRICS_OTHER included */
    uint32_t mask;
    struct name *names;
    _Atomic unsigned *slots; /* a name's number; 0 = empty */
    _Atomic unsigned count;
    pthread_mutex_t lock; /* of adding */
};

static uint32_t hash_of(struct rg_slice name) /* FNV-1a */
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < name.size; i++) {
        hash = (hash ^ (unsigned char)name.data[i]) * 16777619U;
    }
    return hash;
}

static struct rg_slice copy_name(struct rg_slice name)
{
    char *text = rg_memory_alloc(name.size + 1);
    memcpy(text, name.data, name.size);
    return rg_slice_make(text, name.size);
}

struct metrics_name_set *metrics_name_set_new(unsigned max)
{
    struct metrics_name_set *set = rg_memory_alloc(sizeof *set);
    uint32_t capacity = 8;
    while (capacity < 2 * (max + 1)) {
        capacity *= 2;
    }
    set->max = max + 1;
    set->mask = capacity - 1;
    set->names = rg_memory_array(set->max, sizeof *set->names);
    set->slots = rg_memory_array(capacity, sizeof *set->slots);
    set->names[METRICS_OTHER].text = copy_name(RG_SLICE("other"));
    atomic_init(&set->count, 1);
    RG_ASSERT(pthread_mutex_init(&set->lock, NULL) == 0);
    return set;
}

void metrics_name_set_free(struct metrics_name_set **set)
{
    struct metrics_name_set *old = *set;
    *set = NULL;
    for (unsigned i = 0; old != NULL && i < atomic_load(&old->count); i++) {
        union {
            const char *borrowed;
            void *owned;
        } text = {.borrowed = old->names[i].text.data};
        rg_memory_free(text.owned);
    }
    if (old != NULL) {
        (void)pthread_mutex_destroy(&old->lock);
        rg_memory_free(old->names);
        rg_memory_free(old->slots);
        rg_memory_free(old);
    }
}

/* Its number, or METRICS_OTHER with *out_slot, where it belongs. */
static unsigned probe(const struct metrics_name_set *set, struct rg_slice name, uint32_t hash, uint32_t *out_slot)
{
    uint32_t slot = hash & set->mask;
    unsigned at = atomic_load_explicit(&set->slots[slot], memory_order_acquire);
    while (at != METRICS_OTHER && !(set->names[at].hash == hash && rg_slice_is_equal(set->names[at].text, name))) {
        slot = (slot + 1) & set->mask;
        at = atomic_load_explicit(&set->slots[slot], memory_order_acquire);
    }
    *out_slot = slot;
    return at;
}

static unsigned add(struct metrics_name_set *set, struct rg_slice name, uint32_t hash)
{
    uint32_t slot = 0;
    (void)pthread_mutex_lock(&set->lock);
    unsigned at = probe(set, name, hash, &slot);
    unsigned count = atomic_load_explicit(&set->count, memory_order_relaxed);
    if (at == METRICS_OTHER && count < set->max) {
        at = count;
        set->names[at] = (struct name){hash, copy_name(name)};
        atomic_store_explicit(&set->slots[slot], at, memory_order_release);
        atomic_store_explicit(&set->count, count + 1, memory_order_release);
    }
    (void)pthread_mutex_unlock(&set->lock);
    return at;
}

unsigned metrics_name_set_find(struct metrics_name_set *set, struct rg_slice name)
{
    if (set == NULL || name.size == 0 || name.size > METRICS_NAME_MAX) {
        return METRICS_OTHER;
    }
    uint32_t slot = 0;
    uint32_t hash = hash_of(name);
    unsigned at = probe(set, name, hash, &slot);
    bool is_full = atomic_load_explicit(&set->count, memory_order_relaxed) == set->max;
    return at != METRICS_OTHER || is_full ? at : add(set, name, hash);
}

unsigned metrics_name_set_max(const struct metrics_name_set *set)
{
    return set->max;
}

unsigned metrics_name_set_count(const struct metrics_name_set *set)
{
    return atomic_load_explicit(&set->count, memory_order_acquire);
}

struct rg_slice metrics_name_set_at(const struct metrics_name_set *set, unsigned at)
{
    return set->names[at].text;
}
