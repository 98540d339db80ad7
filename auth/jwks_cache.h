/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_JWKS_CACHE_H
#define RG_AUTH_JWKS_CACHE_H

#include "auth/jwks.h"
#include "auth/trust.h"
#include "base/rg_clock.h"

/* The key sets of all trusts, fetched by one thread of its own (libcurl, https only, no redirects, 5 s to
 * connect, 10 s in all, size capped), so that no event loop ever waits. It fetches at start, when a set is
 * jwks_refresh_us old, and on request; after a failure it keeps the old keys and tries again after 1, 2, 4,
 * ... 60 s. */
struct auth_jwks_cache;

/* One finished fetch, for the operational log. Valid during the call only. */
struct auth_jwks_event {
    size_t trust_index;
    struct rg_slice trust_name;
    bool is_ok;
    size_t key_count;       /* when ok */
    struct rg_slice text;   /* why not, when not ok; no secrets in it */
    int64_t retry_after_us; /* when not ok */
};

/* Called on the fetch thread, without locks held; must not block long. on_event may be NULL. */
struct auth_jwks_log {
    void (*on_event)(void *context, const struct auth_jwks_event *event);
    void *context;
};

enum auth_refetch {
    AUTH_REFETCH_COOLING_DOWN = 0, /* fetched less than the cool-down ago, or failed just now: no on_done */
    AUTH_REFETCH_STARTED,          /* on_done will be called once, on the fetch thread */
};

/* Starts the thread and the first fetch of every trust.
 * Inputs:  trusts are copied; clock must live as long as the cache.
 * Returns: ok; RG_CONFIG (auth_trust_check); RG_INTERNAL when thread or libcurl cannot start. */
rg_status auth_jwks_cache_new(const struct auth_trust *trusts, size_t trust_count, const struct rg_clock *clock,
                              struct auth_jwks_log log, struct auth_jwks_cache **out_cache) RG_MUST_CHECK;
/* Stops and joins the thread, within moments even during a fetch. Requests that still wait are dropped
 * without a call. Nulls the caller's pointer, accepts NULL in it. Not from on_done or on_event. */
void auth_jwks_cache_free(struct auth_jwks_cache **cache);

/* The newest set of a trust with a reference that the caller gives back by auth_jwks_free; NULL when none
 * has been fetched yet. Any thread, takes a short lock. */
struct auth_jwks *auth_jwks_cache_find(struct auth_jwks_cache *cache, size_t trust_index);

/* Asks for a newer set. A fetch under way is shared; a kid that the cache has learnt meanwhile needs none
 * (on_done still comes from the fetch thread). on_done is called after success and failure alike: find and
 * verify again, and refuse if the key is still unknown. With an empty kid a fetch is always wanted. Any thread. */
enum auth_refetch auth_jwks_cache_request(struct auth_jwks_cache *cache, size_t trust_index, struct rg_slice kid,
                                          void (*on_done)(void *context), void *context);
/* After this returns, on_done is not called for context (it waits for a call that is running, unless it is
 * made from that call). Any thread. */
void auth_jwks_cache_cancel(struct auth_jwks_cache *cache, const void *context);

#endif
