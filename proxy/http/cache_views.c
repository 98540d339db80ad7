/* SPDX-License-Identifier: Apache-2.0 */
/* A table of buckets that are searched whole. Keys are kept as digests: what the upstream calls them is its own
 * business, and as long as it likes. */
#include "proxy/http/cache_views.h"

#include <pthread.h>

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

enum { BUCKETS = 8192, WAYS = 8, KEY_BYTES = 16, VIEW_BYTES = 16 };

struct entry {
    uint8_t key[KEY_BYTES];
    uint8_t view[VIEW_BYTES]; /* and tenant */
    int64_t used_us;          /* 0 = empty */
    int64_t made_us;          /* when the result under this key was last seen just made, or first seen */
    bool is_contested;        /* two views made it at the same time */
    bool is_learnt;           /* it came out of the cache when it was first seen */
    char tenant[HTTP_CACHE_TENANT_MAX];
};

struct http_cache_views {
    pthread_mutex_t lock;
    struct entry entries[BUCKETS][WAYS];
};

struct http_cache_views *http_cache_views_new(void)
{
    struct http_cache_views *views = rg_memory_alloc(sizeof *views);
    RG_ASSERT(pthread_mutex_init(&views->lock, NULL) == 0);
    return views;
}

void http_cache_views_free(struct http_cache_views **views)
{
    if (*views != NULL) {
        (void)pthread_mutex_destroy(&(*views)->lock);
        rg_memory_free(*views);
        *views = NULL;
    }
}

/* Each part with its size in front, so that no two pairs are alike. */
static struct rg_digest digest_of(struct rg_slice first, struct rg_slice second)
{
    uint64_t size = first.size;
    const struct rg_slice parts[] = {rg_slice_make(&size, sizeof size), first, second};
    return rg_sha256(parts, sizeof parts / sizeof parts[0]);
}

/* The entry of that key, or the one that makes room for it: empty, or used least lately. */
static struct entry *find_entry(struct entry *bucket, const struct rg_digest *key)
{
    struct entry *oldest = &bucket[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i].used_us != 0 && memcmp(bucket[i].key, key->bytes, KEY_BYTES) == 0) {
            return &bucket[i];
        }
        if (bucket[i].used_us < oldest->used_us) {
            oldest = &bucket[i];
        }
    }
    *oldest = (struct entry){.used_us = 0};
    return oldest;
}

static void own(struct entry *entry, const struct rg_digest *view, const struct http_cache_sight *sight)
{
    size_t size = sight->tenant.size < sizeof entry->tenant ? sight->tenant.size : sizeof entry->tenant - 1;
    memcpy(entry->view, view->bytes, VIEW_BYTES);
    memcpy(entry->tenant, sight->tenant.data, size);
    entry->tenant[size] = '\0';
    entry->made_us = sight->now_us;
}

static enum http_cache_verdict judge(struct entry *entry, const struct rg_digest *view,
                                     const struct http_cache_sight *sight, char out_tenant[HTTP_CACHE_TENANT_MAX])
{
    bool is_own = memcmp(entry->view, view->bytes, VIEW_BYTES) == 0;
    bool overlaps = sight->begun_us <= entry->made_us;
    if (sight->is_cached && is_own && !entry->is_contested) {
        return HTTP_CACHE_OWN;
    }
    if (sight->is_cached) {
        memcpy(out_tenant, entry->tenant, sizeof entry->tenant);
        return HTTP_CACHE_LEAK;
    }
    bool is_late = overlaps && !is_own && entry->is_learnt;
    entry->is_contested = overlaps && (!is_own || entry->is_contested);
    entry->is_learnt = false;
    if (is_late) {
        memcpy(out_tenant, entry->tenant, sizeof entry->tenant);
    }
    own(entry, view, sight);
    return is_late ? HTTP_CACHE_OWN_LATE : HTTP_CACHE_OWN;
}

enum http_cache_verdict http_cache_views_judge(struct http_cache_views *views, const struct http_cache_sight *sight,
                                               char out_tenant[HTTP_CACHE_TENANT_MAX])
{
    struct rg_digest key = digest_of(sight->upstream, sight->key);
    struct rg_digest view = digest_of(sight->tenant, sight->view);
    size_t bucket = ((size_t)key.bytes[KEY_BYTES] << 8 | key.bytes[KEY_BYTES + 1]) % BUCKETS;
    RG_ASSERT(pthread_mutex_lock(&views->lock) == 0);
    struct entry *entry = find_entry(views->entries[bucket], &key);
    enum http_cache_verdict verdict = HTTP_CACHE_OWN;
    if (entry->used_us == 0) {
        memcpy(entry->key, key.bytes, KEY_BYTES);
        own(entry, &view, sight);
        entry->is_learnt = sight->is_cached;
    } else {
        verdict = judge(entry, &view, sight, out_tenant);
    }
    entry->used_us = sight->now_us > 0 ? sight->now_us : 1;
    RG_ASSERT(pthread_mutex_unlock(&views->lock) == 0);
    return verdict;
}
