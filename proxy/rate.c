/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets in a table of fixed size. A bucket is one number: the time at which it will be full again. Taking a
 * token moves that by 60 s / limit; a bucket is empty when it lies 60 s ahead (this is the virtual scheduling form of
 * ITU-T I.371's generic cell rate algorithm). */
#include "proxy/rate.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

enum { SET_SIZE = 8, LOCK_COUNT = 64, SEED_SIZE = 32 };

static const int64_t minute_ns = INT64_C(60) * 1000 * 1000 * 1000;
static const int64_t second_ns = INT64_C(1000) * 1000 * 1000;

struct bucket {
    uint64_t tag;    /* of the key; 0 = none yet */
    int64_t full_ns; /* when it is full again */
};

struct set {
    struct bucket buckets[SET_SIZE];
    int64_t shared_full_ns; /* of those that find no place */
};

struct rate {
    const struct rg_clock *clock;
    char seed[SEED_SIZE];
    size_t set_mask;
    struct set *sets;
    pthread_mutex_t locks[LOCK_COUNT];
};

static size_t set_count(size_t buckets)
{
    size_t count = RATE_BUCKETS_MIN / SET_SIZE;
    while (count * SET_SIZE < buckets && count * SET_SIZE < RATE_BUCKETS_MAX) {
        count *= 2;
    }
    return count;
}

rg_status rate_new(size_t buckets, const struct rg_clock *clock, struct rate **out_rate)
{
    struct rate *rate = rg_memory_alloc(sizeof *rate);
    for (size_t i = 0; i < LOCK_COUNT; i++) {
        if (pthread_mutex_init(&rate->locks[i], NULL) != 0) {
            rg_memory_free(rate);
            return rg_fail(RG_INTERNAL, "cannot make a lock");
        }
    }
    rate->clock = clock;
    rg_random(rate->seed, sizeof rate->seed);
    rate->set_mask = set_count(buckets) - 1;
    rate->sets = rg_memory_array(rate->set_mask + 1, sizeof *rate->sets);
    *out_rate = rate;
    return RG_OK;
}

void rate_free(struct rate **rate)
{
    if (*rate == NULL) {
        return;
    }
    for (size_t i = 0; i < LOCK_COUNT; i++) {
        (void)pthread_mutex_destroy(&(*rate)->locks[i]);
    }
    rg_memory_free((*rate)->sets);
    rg_memory_free(*rate);
    *rate = NULL;
}

/* ---- buckets ---- */

/* The seed makes the place of a key a secret: nobody can choose addresses that fill one set. */
struct rate_place rate_find(const struct rate *rate, struct rg_slice key)
{
    struct rg_slice parts[] = {rg_slice_make(rate->seed, sizeof rate->seed), key};
    struct rg_digest digest = rg_sha256(parts, 2);
    uint64_t words[2];
    memcpy(words, digest.bytes, sizeof words);
    return (struct rate_place){(size_t)words[0] & rate->set_mask, words[1] == 0 ? 1 : words[1]};
}

/* The key's bucket; else that which has been full for longest; else the shared one. */
static int64_t *bucket_of(struct set *set, uint64_t tag, int64_t now_ns)
{
    struct bucket *oldest = &set->buckets[0];
    for (size_t i = 0; i < SET_SIZE; i++) {
        struct bucket *bucket = &set->buckets[i];
        if (bucket->tag == tag) {
            return &bucket->full_ns;
        }
        oldest = bucket->full_ns < oldest->full_ns ? bucket : oldest;
    }
    if (oldest->tag != 0 && oldest->full_ns > now_ns) {
        return &set->shared_full_ns;
    }
    *oldest = (struct bucket){tag, now_ns};
    return &oldest->full_ns;
}

static struct rate_answer take(int64_t *full_ns, int64_t now_ns, int64_t taken_ns)
{
    int64_t from = *full_ns > now_ns ? *full_ns : now_ns;
    int64_t excess = from + taken_ns - now_ns - minute_ns;
    if (excess > 0) {
        return (struct rate_answer){false, (unsigned)((excess + second_ns - 1) / second_ns)};
    }
    *full_ns = from + taken_ns;
    return (struct rate_answer){true, 0};
}

struct rate_answer rate_take_at(struct rate *rate, const struct rate_place *place, uint32_t tokens, uint32_t per_minute)
{
    enum { REFUSED_SECONDS = 60 };
    if (per_minute == 0 || tokens > per_minute) {
        return (struct rate_answer){false, REFUSED_SECONDS};
    }
    uint32_t limit = per_minute > RATE_MAX_PER_MINUTE ? RATE_MAX_PER_MINUTE : per_minute;
    int64_t now_ns = rg_clock_monotonic_us(rate->clock) * 1000;
    int64_t taken_ns = minute_ns / limit * tokens; /* a minute at most */
    pthread_mutex_t *lock = &rate->locks[place->set % LOCK_COUNT];
    (void)pthread_mutex_lock(lock);
    struct rate_answer answer = take(bucket_of(&rate->sets[place->set], place->tag, now_ns), now_ns, taken_ns);
    (void)pthread_mutex_unlock(lock);
    return answer;
}

struct rate_answer rate_take(struct rate *rate, struct rg_slice key, uint32_t per_minute)
{
    struct rate_place place = rate_find(rate, key);
    return rate_take_at(rate, &place, 1, per_minute);
}

/* ---- keys ---- */

static struct rg_slice key_of(char kind, const void *bytes, size_t size, char out_key[RATE_KEY_MAX])
{
    out_key[0] = kind;
    if (size > 0) {
        memcpy(out_key + 1, bytes, size);
    }
    return rg_slice_make(out_key, size + 1);
}

static struct rg_slice text_key(char kind, char long_kind, struct rg_slice text, char out_key[RATE_KEY_MAX])
{
    if (text.size < RATE_KEY_MAX) {
        return key_of(kind, text.data, text.size, out_key);
    }
    struct rg_digest digest = rg_sha256_one(text);
    return key_of(long_kind, digest.bytes, sizeof digest.bytes, out_key);
}

struct rg_slice rate_tenant_key(struct rg_slice tenant, char out_key[RATE_KEY_MAX])
{
    return text_key('t', 'T', tenant, out_key);
}

struct rg_slice rate_address_key(struct rg_slice address, char out_key[RATE_KEY_MAX])
{
    enum { NETWORK_BYTES = 8, MAPPED_AT = 12 };
    char text[INET6_ADDRSTRLEN + 1] = {0};
    struct in_addr v4;
    struct in6_addr v6;
    if (address.size == 0 || address.size >= sizeof text || memchr(address.data, '\0', address.size) != NULL) {
        return text_key('x', 'X', address, out_key);
    }
    memcpy(text, address.data, address.size);
    if (inet_pton(AF_INET, text, &v4) == 1) {
        return key_of('4', &v4, sizeof v4, out_key);
    }
    if (inet_pton(AF_INET6, text, &v6) != 1) {
        return text_key('x', 'X', address, out_key);
    }
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
        return key_of('4', v6.s6_addr + MAPPED_AT, sizeof v4, out_key);
    }
    return key_of('6', &v6, NETWORK_BYTES, out_key);
}
