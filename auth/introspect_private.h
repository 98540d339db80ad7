/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_INTROSPECT_PRIVATE_H
#define RG_AUTH_INTROSPECT_PRIVATE_H

#include "base/rg_arena.h"
#include "base/rg_crypto.h"

/* What a provider said about opaque tokens, for a short while. Tokens are known by their SHA-256 only. */
struct auth_introspect_cache;

enum { AUTH_INTROSPECT_MAX_TEXT = 16 * 1024 /* longer answers are not kept */ };

/* Units: entries; microseconds that an answer is kept. */
void auth_introspect_cache_new(size_t max_entries, int64_t keep_us, struct auth_introspect_cache **out_cache);
void auth_introspect_cache_free(struct auth_introspect_cache **cache); /* nulls, accepts NULL */

/* The answer, NULL data = none that is young enough. RG_LIMIT when the arena is full. Any thread. */
rg_status auth_introspect_cache_find(struct auth_introspect_cache *cache, const struct rg_digest *token, int64_t now_us,
                                     struct rg_arena *arena, struct rg_slice *out_answer) RG_MUST_CHECK;
/* Keeps it; of entries that share a place the oldest goes. Any thread. */
void auth_introspect_cache_put(struct auth_introspect_cache *cache, const struct rg_digest *token, int64_t now_us,
                               struct rg_slice answer);

#endif
