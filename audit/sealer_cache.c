/* SPDX-License-Identifier: Apache-2.0 */
/* Values that were sealed lately: found by key, field and value, all compared byte for byte, so that one subject's
 * ciphertext never stands in another's record. Two places for each hash; the newer one replaces the older. */
#include "audit/sealer.h"
#include "audit/sealer_private.h"
#include "base/rg_memory.h"

enum { SETS = 4096, WAYS = 2, VALUE_MAX = 1024, SEALED_MAX = 2048 };

struct kept {
    struct audit_key_id id;
    enum audit_personal_field field;
    struct rg_buf value; /* empty: nothing is kept here */
    struct rg_buf sealed;
};

struct set {
    struct kept ways[WAYS];
    unsigned next; /* to be replaced */
};

struct sealer_cache {
    struct set sets[SETS];
    struct rg_buf digest;
};

/* The tokens of statements' hashes: none of the fields, so that no text of a client is ever taken for one. */
static const enum audit_personal_field digests = AUDIT_PERSONAL_COUNT;

struct sealer_cache *sealer_cache_new(void)
{
    return rg_memory_alloc(sizeof(struct sealer_cache));
}

static void kept_done(struct kept *kept)
{
    if (kept->value.capacity > 0) {
        rg_wipe(kept->value.bytes, kept->value.capacity);
    }
    rg_buf_done(&kept->value);
    rg_buf_done(&kept->sealed);
}

void sealer_cache_clear(struct sealer_cache *cache)
{
    for (size_t i = 0; i < (size_t)SETS * WAYS; i++) {
        kept_done(&cache->sets[i / WAYS].ways[i % WAYS]);
    }
    rg_buf_done(&cache->digest);
}

void sealer_cache_free(struct sealer_cache **cache)
{
    struct sealer_cache *old = *cache;
    *cache = NULL;
    if (old != NULL) {
        sealer_cache_clear(old);
        rg_memory_free(old);
    }
}

/* Where to look; says nothing about being equal. FNV-1a over the id's start and the ends of the value. */
static size_t set_of(const struct audit_key_id *id, enum audit_personal_field field, struct rg_slice value)
{
    enum { LOOKED_AT = 24 };
    uint64_t hash = 0xcbf29ce484222325U ^ (uint64_t)field ^ value.size << 8;
    for (size_t i = 0; i < 8; i++) {
        hash = (hash ^ id->bytes[i]) * 0x100000001b3U;
    }
    for (size_t i = 0; i < value.size && i < LOOKED_AT; i++) {
        hash = (hash ^ (unsigned char)value.data[i]) * 0x100000001b3U;
        hash = (hash ^ (unsigned char)value.data[value.size - 1 - i]) * 0x100000001b3U;
    }
    return (hash ^ hash >> 32) % SETS;
}

static bool is_match(const struct kept *kept, const struct audit_key_id *id, enum audit_personal_field field,
                     struct rg_slice value)
{
    return rg_buf_size(&kept->value) > 0 && kept->field == field && audit_key_id_is_equal(&kept->id, id) &&
           rg_slice_is_equal(rg_buf_slice(&kept->value), value);
}

bool sealer_cache_find(const struct sealer_cache *cache, const struct audit_personal_key *key,
                       enum audit_personal_field field, struct rg_slice value, struct rg_buf *out)
{
    const struct audit_key_id *id = audit_personal_key_id(key);
    if (value.size == 0 || value.size > VALUE_MAX) {
        return false;
    }
    const struct set *set = &cache->sets[set_of(id, field, value)];
    for (size_t i = 0; i < WAYS; i++) {
        if (is_match(&set->ways[i], id, field, value)) {
            return rg_is_ok(rg_buf_put(out, rg_buf_slice(&set->ways[i].sealed)));
        }
    }
    return false;
}

static struct kept *make_place(struct sealer_cache *cache, const struct audit_key_id *id,
                               enum audit_personal_field field, struct rg_slice value)
{
    struct set *set = &cache->sets[set_of(id, field, value)];
    struct kept *kept = &set->ways[set->next];
    set->next = (set->next + 1) % WAYS;
    if (kept->value.limit_bytes == 0) {
        rg_buf_init(&kept->value, VALUE_MAX);
        rg_buf_init(&kept->sealed, SEALED_MAX);
    }
    rg_buf_clear(&kept->value);
    rg_buf_clear(&kept->sealed);
    kept->id = *id;
    kept->field = field;
    return kept;
}

void sealer_cache_keep(struct sealer_cache *cache, const struct audit_personal_key *key,
                       enum audit_personal_field field, struct rg_slice value, struct rg_slice sealed)
{
    if (value.size == 0 || value.size > VALUE_MAX || sealed.size > SEALED_MAX) {
        return;
    }
    struct kept *kept = make_place(cache, audit_personal_key_id(key), field, value);
    rg_status status = rg_buf_put(&kept->sealed, sealed);
    RG_ASSERT(rg_is_ok(status));
    status = rg_buf_put(&kept->value, value);
    RG_ASSERT(rg_is_ok(status));
}

struct rg_digest sealer_cache_digest(struct sealer_cache *cache, const struct audit_personal_key *key,
                                     struct rg_slice digest)
{
    struct rg_digest token;
    if (cache->digest.limit_bytes == 0) {
        rg_buf_init(&cache->digest, SEALED_MAX);
    }
    rg_buf_clear(&cache->digest);
    if (sealer_cache_find(cache, key, digests, digest, &cache->digest)) {
        memcpy(token.bytes, rg_buf_slice(&cache->digest).data, sizeof token.bytes);
        return token;
    }
    token = audit_personal_token(key, AUDIT_PERSONAL_SQL, digest);
    sealer_cache_keep(cache, key, digests, digest, rg_slice_make(token.bytes, sizeof token.bytes));
    return token;
}
