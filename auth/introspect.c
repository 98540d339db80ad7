/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded memory of introspection answers: sets of four places, found by the token's hash, so that it never grows
 * and nobody can push out more than three neighbours of a token he does not know. Called by auth/oidc_provider.c. */
#include "auth/introspect_private.h"

#include <pthread.h>

#include "base/rg_memory.h"

enum { WAYS = 4 };

struct entry {
    struct rg_digest token;
    int64_t kept_us; /* monotonic */
    char *text;      /* NULL = empty */
    size_t size;
};

struct auth_introspect_cache {
    pthread_mutex_t lock;
    size_t set_count;
    int64_t keep_us;
    struct entry *entries; /* WAYS for each set */
};

void auth_introspect_cache_new(size_t max_entries, int64_t keep_us, struct auth_introspect_cache **out_cache)
{
    struct auth_introspect_cache *cache = rg_memory_alloc(sizeof *cache);
    cache->set_count = max_entries / WAYS == 0 ? 1 : max_entries / WAYS;
    cache->keep_us = keep_us;
    cache->entries = rg_memory_array(cache->set_count * WAYS, sizeof *cache->entries);
    RG_ASSERT(pthread_mutex_init(&cache->lock, NULL) == 0);
    *out_cache = cache;
}

void auth_introspect_cache_free(struct auth_introspect_cache **cache)
{
    struct auth_introspect_cache *held = *cache;
    *cache = NULL;
    if (held == NULL) {
        return;
    }
    for (size_t i = 0; i < held->set_count * WAYS; i++) {
        rg_memory_free(held->entries[i].text);
    }
    rg_memory_free(held->entries);
    pthread_mutex_destroy(&held->lock);
    rg_memory_free(held);
}

static struct entry *set_of(struct auth_introspect_cache *cache, const struct rg_digest *token)
{
    uint64_t number = 0;
    memcpy(&number, token->bytes, sizeof number);
    return &cache->entries[(size_t)(number % cache->set_count) * WAYS];
}

static bool is_for(const struct entry *entry, const struct rg_digest *token)
{
    return entry->text != NULL && memcmp(entry->token.bytes, token->bytes, sizeof token->bytes) == 0;
}

/* Its own place, else an empty one, else the oldest. */
static struct entry *place_for(struct entry *set, const struct rg_digest *token)
{
    struct entry *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (is_for(&set[i], token)) {
            return &set[i];
        }
        bool is_older = set[i].text == NULL || set[i].kept_us < oldest->kept_us;
        oldest = oldest->text != NULL && is_older ? &set[i] : oldest;
    }
    return oldest;
}

rg_status auth_introspect_cache_find(struct auth_introspect_cache *cache, const struct rg_digest *token, int64_t now_us,
                                     struct rg_arena *arena, struct rg_slice *out_answer)
{
    rg_status status = RG_OK;
    struct rg_slice answer = {0};
    pthread_mutex_lock(&cache->lock);
    struct entry *set = set_of(cache, token);
    for (size_t i = 0; i < WAYS; i++) {
        if (is_for(&set[i], token) && now_us - set[i].kept_us < cache->keep_us) {
            status = rg_arena_copy(arena, (struct rg_slice){set[i].text, set[i].size}, &answer);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    RG_TRY(status);
    *out_answer = answer;
    return RG_OK;
}

void auth_introspect_cache_put(struct auth_introspect_cache *cache, const struct rg_digest *token, int64_t now_us,
                               struct rg_slice answer)
{
    if (answer.size == 0 || answer.size > AUTH_INTROSPECT_MAX_TEXT) {
        return;
    }
    char *copy = rg_memory_alloc(answer.size);
    memcpy(copy, answer.data, answer.size);
    pthread_mutex_lock(&cache->lock);
    struct entry *set = set_of(cache, token);
    struct entry *place = place_for(set, token);
    char *dropped = place->text;
    *place = (struct entry){.token = *token, .kept_us = now_us, .text = copy, .size = answer.size};
    pthread_mutex_unlock(&cache->lock);
    rg_memory_free(dropped);
}
