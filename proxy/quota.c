/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of sessions, one entry a tenant, dropped when all of it are zero. */
#include "proxy/quota.h"

#include <pthread.h>

#include "base/rg_memory.h"

enum { BUCKETS = 256 };

struct place {
    struct place *next;
    uint64_t taken[QUOTA_KIND_COUNT];
    size_t size;
    char tenant[];
};

struct quota {
    pthread_mutex_t lock;
    struct place *buckets[BUCKETS];
};

rg_status quota_new(struct quota **out_quota)
{
    struct quota *quota = rg_memory_alloc(sizeof *quota);
    if (pthread_mutex_init(&quota->lock, NULL) != 0) {
        rg_memory_free(quota);
        return rg_fail(RG_INTERNAL, "cannot make a lock");
    }
    *out_quota = quota;
    return RG_OK;
}

void quota_free(struct quota **quota)
{
    if (*quota == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((*quota)->buckets[i] != NULL) {
            struct place *place = (*quota)->buckets[i];
            (*quota)->buckets[i] = place->next;
            rg_memory_free(place);
        }
    }
    (void)pthread_mutex_destroy(&(*quota)->lock);
    rg_memory_free(*quota);
    *quota = NULL;
}

/* FNV-1a: spreads names over buckets; tenants are the administrator's, so nobody can aim at one. */
static struct place **find(struct quota *quota, struct rg_slice tenant)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < tenant.size; i++) {
        hash = (hash ^ (unsigned char)tenant.data[i]) * 16777619u;
    }
    struct place **link = &quota->buckets[hash % BUCKETS];
    while (*link != NULL && !rg_slice_is_equal(rg_slice_make((*link)->tenant, (*link)->size), tenant)) {
        link = &(*link)->next;
    }
    return link;
}

static struct place *new_place(struct rg_slice tenant)
{
    struct place *place = rg_memory_alloc(sizeof *place + tenant.size + 1);
    place->size = tenant.size;
    if (tenant.size > 0) {
        memcpy(place->tenant, tenant.data, tenant.size);
    }
    return place;
}

rg_status quota_take(struct quota *quota, enum quota_kind kind, struct rg_slice tenant, uint64_t max)
{
    (void)pthread_mutex_lock(&quota->lock);
    struct place **link = find(quota, tenant);
    uint64_t taken = *link == NULL ? 0 : (*link)->taken[kind];
    bool is_free = taken < max;
    if (is_free) {
        if (*link == NULL) {
            *link = new_place(tenant);
        }
        (*link)->taken[kind]++;
    }
    (void)pthread_mutex_unlock(&quota->lock);
    return is_free ? RG_OK : rg_fail(RG_LIMIT, "all %llu places of this tenant are taken", (unsigned long long)max);
}

static bool is_empty(const struct place *place)
{
    uint64_t taken = 0;
    for (size_t i = 0; i < QUOTA_KIND_COUNT; i++) {
        taken |= place->taken[i];
    }
    return taken == 0;
}

void quota_give(struct quota *quota, enum quota_kind kind, struct rg_slice tenant)
{
    (void)pthread_mutex_lock(&quota->lock);
    struct place **link = find(quota, tenant);
    RG_ASSERT(*link != NULL && (*link)->taken[kind] > 0);
    (*link)->taken[kind]--;
    if (is_empty(*link)) {
        struct place *place = *link;
        *link = place->next;
        rg_memory_free(place);
    }
    (void)pthread_mutex_unlock(&quota->lock);
}

uint64_t quota_count(struct quota *quota, enum quota_kind kind, struct rg_slice tenant)
{
    (void)pthread_mutex_lock(&quota->lock);
    struct place **link = find(quota, tenant);
    uint64_t taken = *link == NULL ? 0 : (*link)->taken[kind];
    (void)pthread_mutex_unlock(&quota->lock);
    return taken;
}
