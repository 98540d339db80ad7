/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of all trusts behind one lock, and the one thread that fetches them: a libcurl multi handle, so that
 * a provider that hangs delays nobody else's keys. The lock is never held during a transfer or a callback. */
#include "auth/jwks_cache.h"

#include <pthread.h>
#include <signal.h>

#include "auth/jwks_fetch_private.h"
#include "base/rg_memory.h"

enum { MAX_WAIT_MS = 1000, MAX_BACKOFF_SHIFT = 6, MAX_BACKOFF_S = 60, COPIES_LIMIT = 1 << 20 };

static const int64_t SECOND_US = 1000000;

/* One trust. fetch belongs to the thread; the rest is under the lock. */
struct slot {
    struct auth_jwks_fetch fetch;
    struct rg_slice name;
    int64_t cooldown_us;
    int64_t refresh_us;
    struct auth_jwks *jwks;
    bool is_busy;
    bool is_wanted;
    int64_t next_fetch_us;   /* monotonic: the thread fetches by itself */
    int64_t next_request_us; /* monotonic: a token may cause a fetch */
    unsigned failures;       /* in a row */
};

struct waiter {
    struct waiter *next;
    size_t slot;
    bool is_ready;
    void (*on_done)(void *context);
    void *context;
};

struct auth_jwks_cache {
    const struct rg_clock *clock;
    struct auth_jwks_log log;
    struct rg_arena copies;
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t call_ended;
    bool is_stopping;
    bool is_calling;
    const void *calling; /* the context of the on_done that runs */
    struct waiter *waiters;
    size_t slot_count;
    struct slot *slots;
};

static void add_waiter(struct auth_jwks_cache *cache, struct waiter values)
{
    struct waiter *waiter = rg_memory_alloc(sizeof *waiter);
    *waiter = values;
    waiter->next = cache->waiters;
    cache->waiters = waiter;
}

/* Unlinks the first waiter that is ready, NULL = none. Under the lock. */
static struct waiter *take_ready(struct auth_jwks_cache *cache)
{
    struct waiter **link = &cache->waiters;
    while (*link != NULL && !(*link)->is_ready) {
        link = &(*link)->next;
    }
    struct waiter *waiter = *link;
    if (waiter != NULL) {
        *link = waiter->next;
    }
    return waiter;
}

static void call_ready(struct auth_jwks_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    struct waiter *waiter = cache->is_stopping ? NULL : take_ready(cache);
    while (waiter != NULL) {
        cache->is_calling = true;
        cache->calling = waiter->context;
        pthread_mutex_unlock(&cache->lock);
        waiter->on_done(waiter->context);
        rg_memory_free(waiter);
        pthread_mutex_lock(&cache->lock);
        cache->is_calling = false;
        pthread_cond_broadcast(&cache->call_ended);
        waiter = cache->is_stopping ? NULL : take_ready(cache);
    }
    pthread_mutex_unlock(&cache->lock);
}

static int64_t backoff_us(unsigned failures)
{
    unsigned shift = failures - 1 > MAX_BACKOFF_SHIFT ? MAX_BACKOFF_SHIFT : failures - 1;
    int64_t seconds = INT64_C(1) << shift;
    return (seconds > MAX_BACKOFF_S ? MAX_BACKOFF_S : seconds) * SECOND_US;
}

/* Books the result, under the lock; gives the old set back to the caller to drop outside it. */
static struct auth_jwks *book(struct auth_jwks_cache *cache, size_t index, struct auth_jwks *jwks,
                              struct auth_jwks_event *event)
{
    struct slot *slot = &cache->slots[index];
    struct auth_jwks *dropped = NULL;
    int64_t now_us = rg_clock_monotonic_us(cache->clock);
    slot->is_busy = false;
    if (jwks != NULL) {
        dropped = slot->jwks;
        slot->jwks = jwks;
        slot->failures = 0;
        slot->next_fetch_us = now_us + slot->refresh_us;
        slot->next_request_us = now_us + slot->cooldown_us;
    } else {
        slot->failures += slot->failures < MAX_BACKOFF_SHIFT + 1 ? 1 : 0;
        event->retry_after_us = backoff_us(slot->failures);
        slot->next_fetch_us = now_us + event->retry_after_us;
        slot->next_request_us = slot->next_fetch_us;
    }
    for (struct waiter *waiter = cache->waiters; waiter != NULL; waiter = waiter->next) {
        waiter->is_ready = waiter->is_ready || waiter->slot == index;
    }
    return dropped;
}

static void end_fetch(struct auth_jwks_cache *cache, size_t index, rg_status status, struct auth_jwks *jwks)
{
    struct auth_jwks_event event = {.trust_index = index, .trust_name = cache->slots[index].name};
    event.is_ok = rg_is_ok(status);
    event.key_count = jwks == NULL ? 0 : auth_jwks_count(jwks);
    event.text = event.is_ok ? (struct rg_slice){0} : rg_slice_of(status.error->text);
    pthread_mutex_lock(&cache->lock);
    struct auth_jwks *dropped = book(cache, index, jwks, &event);
    pthread_mutex_unlock(&cache->lock);
    auth_jwks_free(&dropped);
    if (cache->log.on_event != NULL) {
        cache->log.on_event(cache->log.context, &event);
    }
}

/* Marks the slots whose time has come and says how long nothing else will be due. */
static int mark_due(struct auth_jwks_cache *cache, bool *is_due)
{
    int64_t now_us = rg_clock_monotonic_us(cache->clock);
    int64_t wait_us = MAX_WAIT_MS * INT64_C(1000);
    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->slot_count; i++) {
        struct slot *slot = &cache->slots[i];
        is_due[i] = !slot->is_busy && (slot->is_wanted || now_us >= slot->next_fetch_us);
        if (is_due[i]) {
            slot->is_busy = true;
            slot->is_wanted = false;
        } else if (!slot->is_busy && slot->next_fetch_us - now_us < wait_us) {
            wait_us = slot->next_fetch_us - now_us;
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return (int)(wait_us / 1000) + 1;
}

static int start_due(struct auth_jwks_cache *cache, bool *is_due)
{
    int wait_ms = mark_due(cache, is_due);
    for (size_t i = 0; i < cache->slot_count; i++) {
        rg_status status = is_due[i] ? auth_jwks_fetch_start(&cache->slots[i].fetch, cache->multi) : RG_OK;
        if (!rg_is_ok(status)) {
            end_fetch(cache, i, status, NULL);
        }
    }
    return wait_ms;
}

static void step(struct auth_jwks_cache *cache, const CURL *easy, CURLcode result)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        if (cache->slots[i].fetch.easy == easy) {
            struct auth_jwks *jwks = NULL;
            rg_status status = auth_jwks_fetch_step(&cache->slots[i].fetch, cache->multi, result, &jwks);
            if (!rg_is_ok(status) || jwks != NULL) {
                end_fetch(cache, i, status, jwks);
            }
            return;
        }
    }
}

static void drive_transfers(struct auth_jwks_cache *cache)
{
    int running = 0;
    int queued = 0;
    (void)curl_multi_perform(cache->multi, &running);
    for (CURLMsg *message = curl_multi_info_read(cache->multi, &queued); message != NULL;
         message = curl_multi_info_read(cache->multi, &queued)) {
        if (message->msg == CURLMSG_DONE) {
            step(cache, message->easy_handle, message->data.result);
        }
    }
}

static bool is_stopping(struct auth_jwks_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    bool stopping = cache->is_stopping;
    pthread_mutex_unlock(&cache->lock);
    return stopping;
}

static void *run(void *context)
{
    struct auth_jwks_cache *cache = context;
    bool *is_due = rg_memory_array(cache->slot_count + 1, sizeof *is_due);
    while (!is_stopping(cache)) {
        int wait_ms = start_due(cache, is_due);
        drive_transfers(cache);
        call_ready(cache);
        (void)curl_multi_poll(cache->multi, NULL, 0, wait_ms, NULL);
    }
    rg_memory_free(is_due);
    return NULL;
}

static rg_status copy_trust(struct auth_jwks_cache *cache, const struct auth_trust *trust, struct slot *slot)
{
    RG_TRY(auth_trust_check(trust));
    RG_TRY(rg_arena_copy(&cache->copies, trust->name, &slot->name));
    RG_TRY(rg_arena_copy(&cache->copies, trust->issuer, &slot->fetch.issuer));
    RG_TRY(rg_arena_copy(&cache->copies, trust->issuer_template, &slot->fetch.issuer_template));
    RG_TRY(rg_arena_copy(&cache->copies, trust->jwks_uri, &slot->fetch.jwks_uri));
    RG_TRY(rg_arena_copy(&cache->copies, trust->ca_file, &slot->fetch.ca_file));
    slot->cooldown_us = trust->jwks_cooldown_us;
    slot->refresh_us = trust->jwks_refresh_us;
    slot->next_fetch_us = INT64_MIN / 2; /* at once */
    return RG_OK;
}

static void free_memory(struct auth_jwks_cache *cache)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        auth_jwks_fetch_done(&cache->slots[i].fetch, cache->multi);
        auth_jwks_free(&cache->slots[i].jwks);
    }
    while (cache->waiters != NULL) {
        struct waiter *waiter = cache->waiters;
        cache->waiters = waiter->next;
        rg_memory_free(waiter);
    }
    (void)curl_multi_cleanup(cache->multi);
    pthread_cond_destroy(&cache->call_ended);
    pthread_mutex_destroy(&cache->lock);
    rg_arena_done(&cache->copies);
    rg_memory_free(cache->slots);
    rg_memory_free(cache);
}

static void init_curl(void)
{
    RG_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

/* The thread takes no signals: they are the main thread's. */
static rg_status start_thread(struct auth_jwks_cache *cache)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return rg_fail(RG_INTERNAL, "cannot block signals");
    }
    int result = pthread_create(&cache->thread, NULL, run, cache);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0) {
        return rg_fail(RG_INTERNAL, "cannot start the key fetching thread");
    }
    (void)pthread_setname_np(cache->thread, "jwks");
    return RG_OK;
}

static rg_status fill(struct auth_jwks_cache *cache, const struct auth_trust *trusts)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        RG_TRY(copy_trust(cache, &trusts[i], &cache->slots[i]));
    }
    if (cache->multi == NULL) {
        return rg_fail(RG_INTERNAL, "cannot start libcurl");
    }
    return start_thread(cache);
}

rg_status auth_jwks_cache_new(const struct auth_trust *trusts, size_t trust_count, const struct rg_clock *clock,
                              struct auth_jwks_log log, struct auth_jwks_cache **out_cache)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, init_curl);
    struct auth_jwks_cache *cache = rg_memory_alloc(sizeof *cache);
    cache->clock = clock;
    cache->log = log;
    cache->multi = curl_multi_init();
    cache->slot_count = trust_count;
    cache->slots = rg_memory_array(trust_count + 1, sizeof *cache->slots);
    rg_arena_init(&cache->copies, COPIES_LIMIT);
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->call_ended, NULL);
    rg_status status = fill(cache, trusts);
    if (!rg_is_ok(status)) {
        free_memory(cache);
        return status;
    }
    *out_cache = cache;
    return RG_OK;
}

void auth_jwks_cache_free(struct auth_jwks_cache **cache)
{
    struct auth_jwks_cache *stopped = *cache;
    *cache = NULL;
    if (stopped == NULL) {
        return;
    }
    pthread_mutex_lock(&stopped->lock);
    stopped->is_stopping = true;
    pthread_mutex_unlock(&stopped->lock);
    (void)curl_multi_wakeup(stopped->multi);
    (void)pthread_join(stopped->thread, NULL);
    free_memory(stopped);
}

struct auth_jwks *auth_jwks_cache_find(struct auth_jwks_cache *cache, size_t trust_index)
{
    RG_ASSERT(trust_index < cache->slot_count);
    pthread_mutex_lock(&cache->lock);
    struct auth_jwks *jwks = cache->slots[trust_index].jwks;
    if (jwks != NULL) {
        jwks = auth_jwks_share(jwks);
    }
    pthread_mutex_unlock(&cache->lock);
    return jwks;
}

enum auth_refetch auth_jwks_cache_request(struct auth_jwks_cache *cache, size_t trust_index, struct rg_slice kid,
                                          void (*on_done)(void *context), void *context)
{
    RG_ASSERT(trust_index < cache->slot_count);
    int64_t now_us = rg_clock_monotonic_us(cache->clock);
    pthread_mutex_lock(&cache->lock);
    struct slot *slot = &cache->slots[trust_index];
    bool is_known = slot->jwks != NULL && auth_jwks_has_kid(slot->jwks, kid);
    bool is_shared = slot->is_busy || slot->is_wanted || now_us >= slot->next_fetch_us;
    bool is_started = is_known || is_shared || now_us >= slot->next_request_us;
    if (is_started) {
        slot->is_wanted = slot->is_wanted || (!is_known && !slot->is_busy);
        add_waiter(cache,
                   (struct waiter){.slot = trust_index, .is_ready = is_known, .on_done = on_done, .context = context});
    }
    pthread_mutex_unlock(&cache->lock);
    if (is_started) {
        (void)curl_multi_wakeup(cache->multi);
    }
    return is_started ? AUTH_REFETCH_STARTED : AUTH_REFETCH_COOLING_DOWN;
}

static void drop_waiters(struct auth_jwks_cache *cache, const void *context)
{
    struct waiter **link = &cache->waiters;
    while (*link != NULL) {
        struct waiter *waiter = *link;
        if (waiter->context == context) {
            *link = waiter->next;
            rg_memory_free(waiter);
        } else {
            link = &waiter->next;
        }
    }
}

void auth_jwks_cache_cancel(struct auth_jwks_cache *cache, const void *context)
{
    pthread_mutex_lock(&cache->lock);
    drop_waiters(cache, context);
    bool is_own_call = pthread_equal(pthread_self(), cache->thread) != 0;
    while (!is_own_call && cache->is_calling && cache->calling == context) {
        pthread_cond_wait(&cache->call_ended, &cache->lock);
    }
    pthread_mutex_unlock(&cache->lock);
}
