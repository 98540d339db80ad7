/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded cache of plans: a hash table by digest and a list by age. One thread. An entry owns one arena that
 * holds the client's text and the whole plan; whoever uses it holds a reference, so eviction harms nobody. */
#include "policy/cache.h"

#include "base/rg_memory.h"

enum { BUCKETS = 4096, PLAN_BYTES_MAX = 64 << 20 };

struct entry {
    struct policy_cached cached; /* first, so that a pointer to it is a pointer to its entry */
    size_t references;
    size_t bytes;
    bool is_kept; /* by the cache, in a bucket and the list */
    struct rg_digest key;
    struct entry *next_in_bucket;
    struct entry *newer;
    struct entry *older;
    struct rg_arena arena;
};

struct policy_cache {
    size_t limit_bytes;
    struct policy_cache_stats stats;
    struct entry *newest;
    struct entry *oldest;
    struct entry *buckets[BUCKETS];
};

rg_status policy_cache_new(size_t limit_bytes, struct policy_cache **out_cache)
{
    if (limit_bytes == 0) {
        return rg_fail(RG_LIMIT, "a plan cache of no bytes");
    }
    struct policy_cache *cache = rg_memory_alloc(sizeof *cache);
    cache->limit_bytes = limit_bytes;
    *out_cache = cache;
    return RG_OK;
}

static struct entry *entry_of(struct policy_cached *cached)
{
    return (struct entry *)cached;
}

struct policy_cached *policy_cached_ref(struct policy_cached *cached)
{
    entry_of(cached)->references++;
    return cached;
}

void policy_cached_free(struct policy_cached **cached)
{
    if (*cached == NULL) {
        return;
    }
    struct entry *entry = entry_of(*cached);
    *cached = NULL;
    if (--entry->references == 0) {
        rg_arena_done(&entry->arena);
        rg_memory_free(entry);
    }
}

static struct entry **bucket_of(struct policy_cache *cache, const struct rg_digest *key)
{
    size_t number = ((size_t)key->bytes[0] << 8 | key->bytes[1]) % BUCKETS;
    return &cache->buckets[number];
}

static void unlink_age(struct policy_cache *cache, struct entry *entry)
{
    *(entry->newer == NULL ? &cache->newest : &entry->newer->older) = entry->older;
    *(entry->older == NULL ? &cache->oldest : &entry->older->newer) = entry->newer;
    entry->newer = NULL;
    entry->older = NULL;
}

static void link_newest(struct policy_cache *cache, struct entry *entry)
{
    entry->older = cache->newest;
    *(cache->newest == NULL ? &cache->oldest : &cache->newest->newer) = entry;
    cache->newest = entry;
}

static void evict(struct policy_cache *cache, struct entry *entry)
{
    struct entry **link = bucket_of(cache, &entry->key);
    while (*link != entry) {
        link = &(*link)->next_in_bucket;
    }
    *link = entry->next_in_bucket;
    unlink_age(cache, entry);
    cache->stats.entries--;
    cache->stats.bytes -= entry->bytes;
    entry->is_kept = false;
    struct policy_cached *cached = &entry->cached;
    policy_cached_free(&cached);
}

void policy_cache_free(struct policy_cache **cache)
{
    if (*cache == NULL) {
        return;
    }
    while ((*cache)->newest != NULL) {
        evict(*cache, (*cache)->newest);
    }
    rg_memory_free(*cache);
    *cache = NULL;
}

struct policy_cache_stats policy_cache_stats(const struct policy_cache *cache)
{
    return cache->stats;
}

/* Everything a cacheable plan depends on. Lengths stand before the parts, so that no two lists of parts join to
 * the same bytes. */
static struct rg_digest make_key(const struct policy_binding *binding, const struct policy_session *session,
                                 enum policy_protocol protocol, const struct rg_digest *text)
{
    struct rg_slice parts[2 * 66 + 4];
    size_t sizes[66];
    size_t count = 0;
    size_t path_count = session->search_path_count > 64 ? 64 : session->search_path_count;
    uint8_t head[2] = {(uint8_t)protocol, (uint8_t)path_count};
    const struct rg_digest *bound = policy_binding_digest(binding);
    parts[count++] = rg_slice_make(head, sizeof head);
    parts[count++] = rg_slice_make(bound->bytes, sizeof bound->bytes);
    parts[count++] = rg_slice_make(text->bytes, sizeof text->bytes);
    sizes[0] = session->user.size;
    parts[count++] = rg_slice_make(&sizes[0], sizeof sizes[0]);
    parts[count++] = session->user;
    for (size_t i = 0; i < path_count; i++) {
        sizes[i + 1] = session->search_path[i].size;
        parts[count++] = rg_slice_make(&sizes[i + 1], sizeof sizes[0]);
        parts[count++] = session->search_path[i];
    }
    return rg_sha256(parts, count);
}

static struct entry *find(struct policy_cache *cache, const struct rg_digest *key, struct rg_slice text)
{
    for (struct entry *entry = *bucket_of(cache, key); entry != NULL; entry = entry->next_in_bucket) {
        if (memcmp(entry->key.bytes, key->bytes, sizeof key->bytes) == 0 &&
            rg_slice_is_equal(entry->cached.text, text)) {
            return entry;
        }
    }
    return NULL;
}

static void keep(struct policy_cache *cache, struct entry *entry)
{
    while (cache->oldest != NULL && cache->stats.bytes + entry->bytes > cache->limit_bytes) {
        evict(cache, cache->oldest);
    }
    struct entry **bucket = bucket_of(cache, &entry->key);
    entry->next_in_bucket = *bucket;
    *bucket = entry;
    link_newest(cache, entry);
    entry->is_kept = true;
    entry->references++;
    cache->stats.entries++;
    cache->stats.bytes += entry->bytes;
}

static rg_status make_plan(struct entry *entry, const struct policy_binding *binding,
                           const struct policy_session *session, enum policy_protocol protocol, struct rg_slice text)
{
    RG_TRY(rg_arena_copy(&entry->arena, text, &entry->cached.text));
    return policy_plan_text(binding, session, protocol, entry->cached.text, &entry->arena, &entry->cached.plan);
}

rg_status policy_cache_plan(struct policy_cache *cache, const struct policy_binding *binding,
                            const struct policy_session *session, enum policy_protocol protocol, struct rg_slice text,
                            struct policy_cached **out_cached)
{
    struct rg_digest digest = rg_sha256_one(text);
    struct rg_digest key = make_key(binding, session, protocol, &digest);
    struct entry *entry = session->search_path_count > 64 ? NULL : find(cache, &key, text);
    if (entry != NULL) {
        cache->stats.hits++;
        unlink_age(cache, entry);
        link_newest(cache, entry);
        entry->cached.was_cached = true;
        *out_cached = policy_cached_ref(&entry->cached);
        return RG_OK;
    }
    cache->stats.misses++;
    entry = rg_memory_alloc(sizeof *entry);
    entry->references = 1;
    entry->key = key;
    entry->cached.text_digest = digest;
    rg_arena_init(&entry->arena, PLAN_BYTES_MAX);
    struct policy_cached *cached = &entry->cached;
    rg_status status = make_plan(entry, binding, session, protocol, text);
    if (!rg_is_ok(status)) {
        policy_cached_free(&cached);
        return status;
    }
    entry->bytes = sizeof *entry + entry->arena.used_bytes;
    if (entry->cached.plan.is_cacheable && session->search_path_count <= 64 && entry->bytes <= cache->limit_bytes / 8) {
        keep(cache, entry);
    }
    *out_cached = cached;
    return RG_OK;
}
