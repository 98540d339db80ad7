/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_CACHE_H
#define RG_POLICY_CACHE_H

#include "policy/policy.h"
#include "policy/sql_literals.h"

/* A bounded cache of plans, one per event-loop thread. Key: SHA-256 of binding digest, protocol, search path,
 * user, parameter types, the snapshot's digest and text. Least recently used entries go first. Threads: one. */
struct policy_cache;

/* What may be recorded of a statement's texts. */
struct policy_texts {
    struct sql_literals source;
    struct sql_literals shown; /* zero unless the statement is rewritten */
};

/* A plan with its own memory, refcounted (not atomic: stays on its thread). */
struct policy_cached {
    struct policy_plan plan;
    struct rg_slice text;             /* the client's text the plan points into */
    struct rg_digest text_digest;     /* SHA-256 of text, for the audit */
    const struct policy_texts *texts; /* one for each statement of the plan */
    bool was_cached;
};

rg_status policy_cache_new(size_t limit_bytes, struct policy_cache **out_cache) RG_MUST_CHECK;
void policy_cache_free(struct policy_cache **cache);
/* Finds or makes the plan. The caller drops its reference with policy_cached_free. */
rg_status policy_cache_plan(struct policy_cache *cache, const struct policy_binding *binding,
                            const struct policy_session *session, enum policy_protocol protocol, struct rg_slice text,
                            struct policy_cached **out_cached) RG_MUST_CHECK;
struct policy_cached *policy_cached_ref(struct policy_cached *cached);
void policy_cached_free(struct policy_cached **cached);
/* Hits, misses, entries, bytes: for SHOW and metrics. */
struct policy_cache_stats {
    uint64_t hits, misses, entries, bytes;
};
struct policy_cache_stats policy_cache_stats(const struct policy_cache *cache);

#endif
