/* SPDX-License-Identifier: Apache-2.0 */
/* Plans by what decides them, so that a repeated statement costs no parse. A chained hash table and a list in the
 * order of use; one thread, so no locks. Plans that depend on more than the key are made and handed out, not kept. */
#include "policy/cache.h"

#include "base/rg_memory.h"

enum { TABLE_SIZE = 4096, SCRATCH_LIMIT_BYTES = 512 << 20, SCRATCH_KEEP_BYTES = 4 << 20 };

struct entry {
    struct policy_cached public; /* first: the caller's pointer */
    struct rg_digest key;
    struct rg_arena arena;
    size_t references; /* the cache's own included */
    size_t bytes;
    bool is_cached;
    struct entry *next_in_slot;
    struct entry *newer, *older;
};

struct policy_cache {
    size_t limit_bytes;
    struct entry *slots[TABLE_SIZE];
    struct entry *newest, *oldest;
    struct rg_arena scratch;
    struct policy_cache_stats stats;
};

rg_status policy_cache_new(size_t limit_bytes, struct policy_cache **out_cache)
{
    if (limit_bytes == 0) {
        return rg_fail(RG_CONFIG, "a statement cache of 0 bytes");
    }
    struct policy_cache *cache = rg_memory_alloc(sizeof *cache);
    cache->limit_bytes = limit_bytes;
    rg_arena_init(&cache->scratch, SCRATCH_LIMIT_BYTES);
    *out_cache = cache;
    return RG_OK;
}

/* ---- entries ---- */

static void entry_release(struct entry *entry)
{
    entry->references--;
    if (entry->references == 0) {
        rg_arena_done(&entry->arena);
        rg_memory_free(entry);
    }
}

static struct entry **slot_of(struct policy_cache *cache, const struct rg_digest *key)
{
    return &cache->slots[(key->bytes[0] | (unsigned)key->bytes[1] << 8) % TABLE_SIZE];
}

static void use_unlink(struct policy_cache *cache, struct entry *entry)
{
    *(entry->newer == NULL ? &cache->newest : &entry->newer->older) = entry->older;
    *(entry->older == NULL ? &cache->oldest : &entry->older->newer) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void use_link(struct policy_cache *cache, struct entry *entry)
{
    entry->older = cache->newest;
    *(cache->newest == NULL ? &cache->oldest : &cache->newest->newer) = entry;
    cache->newest = entry;
}

static void entry_evict(struct policy_cache *cache, struct entry *entry)
{
    struct entry **link = slot_of(cache, &entry->key);
    while (*link != entry) {
        link = &(*link)->next_in_slot;
    }
    *link = entry->next_in_slot;
    use_unlink(cache, entry);
    entry->is_cached = false;
    cache->stats.entries--;
    cache->stats.bytes -= entry->bytes;
    entry_release(entry);
}

static void entry_keep(struct policy_cache *cache, struct entry *entry)
{
    if (entry->bytes > cache->limit_bytes) {
        return;
    }
    while (cache->oldest != NULL && cache->stats.bytes > cache->limit_bytes - entry->bytes) {
        entry_evict(cache, cache->oldest);
    }
    struct entry **slot = slot_of(cache, &entry->key);
    entry->next_in_slot = *slot;
    *slot = entry;
    entry->is_cached = true;
    entry->references++;
    use_link(cache, entry);
    cache->stats.entries++;
    cache->stats.bytes += entry->bytes;
}

void policy_cache_free(struct policy_cache **cache)
{
    struct policy_cache *old = *cache;
    *cache = NULL;
    if (old == NULL) {
        return;
    }
    while (old->oldest != NULL) {
        entry_evict(old, old->oldest);
    }
    rg_arena_done(&old->scratch);
    rg_memory_free(old);
}

static struct entry *entry_find(struct policy_cache *cache, const struct rg_digest *key)
{
    for (struct entry *entry = *slot_of(cache, key); entry != NULL; entry = entry->next_in_slot) {
        if (memcmp(entry->key.bytes, key->bytes, sizeof key->bytes) == 0) {
            return entry;
        }
    }
    return NULL;
}

/* ---- the key: all that a plan depends on ---- */

static struct rg_slice size_slice(const uint64_t *value)
{
    return rg_slice_make(value, sizeof *value);
}

static rg_status key_of(struct policy_cache *cache, const struct policy_binding *binding,
                        const struct policy_session *session, enum policy_protocol protocol,
                        const struct rg_digest *text_digest, struct rg_digest *out_key)
{
    const struct rg_digest *bound = policy_binding_digest(binding);
    size_t count = session->search_path_count;
    struct rg_slice *parts = NULL;
    uint64_t *sizes = NULL;
    size_t part = 0;
    RG_TRY(rg_arena_array(&cache->scratch, 2 * count + 11, sizeof *parts, (void **)&parts));
    RG_TRY(rg_arena_array(&cache->scratch, count + 4, sizeof *sizes, (void **)&sizes));
    sizes[0] = (uint64_t)protocol;
    sizes[1] = session->user.size;
    sizes[2] = count;
    sizes[3] = session->parameter_type_count;
    parts[part++] = rg_slice_make(bound->bytes, sizeof bound->bytes);
    parts[part++] = rg_slice_make(text_digest->bytes, sizeof text_digest->bytes);
    parts[part++] = size_slice(&sizes[0]);
    parts[part++] = size_slice(&sizes[1]);
    parts[part++] = session->user;
    parts[part++] = size_slice(&sizes[2]);
    for (size_t i = 0; i < count; i++) {
        sizes[4 + i] = session->search_path[i].size;
        parts[part++] = size_slice(&sizes[4 + i]);
        parts[part++] = session->search_path[i];
    }
    parts[part++] = size_slice(&sizes[3]);
    parts[part++] =
        rg_slice_make(session->parameter_types, session->parameter_type_count * sizeof *session->parameter_types);
    if (session->relations != NULL) {
        const struct rg_digest *relations = policy_relations_digest(session->relations);
        parts[part++] = rg_slice_make(relations->bytes, sizeof relations->bytes);
    }
    *out_key = rg_sha256(parts, part);
    return RG_OK;
}

/* ---- copies: a plan without the rewriter's scraps ---- */

static rg_status copy_slices(struct rg_arena *arena, const struct rg_slice **slices, size_t count)
{
    struct rg_slice *copies = NULL;
    RG_TRY(rg_arena_array(arena, count + 1, sizeof *copies, (void **)&copies));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(rg_arena_copy(arena, (*slices)[i], &copies[i]));
    }
    *slices = copies;
    return RG_OK;
}

static rg_status copy_statement(struct rg_arena *arena, struct rg_slice text, struct policy_statement *statement)
{
    struct policy_splice *splices = NULL;
    statement->source = rg_slice_cut(text, statement->source_at, statement->source.size);
    RG_TRY(rg_arena_copy(arena, statement->text, &statement->text));
    RG_TRY(rg_arena_copy(arena, statement->shown, &statement->shown));
    RG_TRY(rg_arena_copy(arena, statement->tag, &statement->tag));
    RG_TRY(rg_arena_copy(arena, statement->name, &statement->name));
    RG_TRY(rg_arena_copy(arena, statement->rule, &statement->rule));
    RG_TRY(rg_arena_copy(arena, statement->message, &statement->message));
    RG_TRY(rg_arena_copy(arena, statement->hint, &statement->hint));
    RG_TRY(copy_slices(arena, &statement->values, statement->value_count));
    RG_TRY(copy_slices(arena, &statement->types, statement->type_count));
    RG_TRY(copy_slices(arena, &statement->relations, statement->relation_count));
    RG_TRY(rg_arena_array(arena, statement->splice_count + 1, sizeof *splices, (void **)&splices));
    if (statement->splice_count > 0) {
        memcpy(splices, statement->splices, statement->splice_count * sizeof *splices);
    }
    statement->splices = splices;
    return RG_OK;
}

/* The values of parameters stand in what Hyper gets, and are the caller's to record or not. */
static rg_status separate_texts(struct rg_arena *arena, struct rg_arena *scratch, const struct policy_plan *plan,
                                const struct policy_texts **out_texts)
{
    struct policy_texts *texts = NULL;
    RG_TRY(rg_arena_array(arena, plan->count + 1, sizeof *texts, (void **)&texts));
    for (size_t i = 0; i < plan->count; i++) {
        const struct policy_statement *statement = &plan->statements[i];
        RG_TRY(sql_literals_separate(statement->source, scratch, arena, &texts[i].source));
        if (statement->is_rewritten) {
            RG_TRY(sql_literals_separate(statement->shown, scratch, arena, &texts[i].shown));
        }
    }
    *out_texts = texts;
    return RG_OK;
}

static rg_status entry_fill(struct entry *entry, const struct policy_plan *plan, struct rg_slice text,
                            struct rg_arena *scratch)
{
    struct rg_arena *arena = &entry->arena;
    struct policy_statement *statements = NULL;
    RG_TRY(rg_arena_copy(arena, text, &entry->public.text));
    RG_TRY(rg_arena_array(arena, plan->count + 1, sizeof *statements, (void **)&statements));
    for (size_t i = 0; i < plan->count; i++) {
        statements[i] = plan->statements[i];
        RG_TRY(copy_statement(arena, entry->public.text, &statements[i]));
    }
    entry->public.plan = *plan;
    if (plan->parameter_types != NULL) {
        struct rg_slice types = {0};
        RG_TRY(rg_arena_copy(
            arena, rg_slice_make(plan->parameter_types, plan->parameter_count * sizeof *plan->parameter_types),
            &types));
        entry->public.plan.parameter_types = (const void *)types.data;
    }
    entry->public.plan.statements = statements;
    return separate_texts(arena, scratch, &entry->public.plan, &entry->public.texts);
}

static rg_status entry_new(const struct policy_plan *plan, struct rg_slice text, struct rg_arena *scratch,
                           struct entry **out_entry)
{
    struct entry *entry = rg_memory_alloc(sizeof *entry);
    rg_arena_init(&entry->arena, SCRATCH_LIMIT_BYTES);
    entry->references = 1;
    rg_status status = entry_fill(entry, plan, text, scratch);
    if (!rg_is_ok(status)) {
        entry_release(entry);
        return status;
    }
    entry->bytes = sizeof *entry + entry->arena.used_bytes;
    *out_entry = entry;
    return RG_OK;
}

/* ---- the way in ---- */

static rg_status plan_new(struct policy_cache *cache, const struct policy_binding *binding,
                          const struct policy_session *session, enum policy_protocol protocol, struct rg_slice text,
                          struct entry **out_entry)
{
    struct policy_plan plan = {0};
    RG_TRY(policy_plan_text(binding, session, protocol, text, &cache->scratch, &plan));
    return entry_new(&plan, text, &cache->scratch, out_entry);
}

static void scratch_reset(struct policy_cache *cache)
{
    if (cache->scratch.used_bytes > SCRATCH_KEEP_BYTES) {
        rg_arena_done(&cache->scratch);
        rg_arena_init(&cache->scratch, SCRATCH_LIMIT_BYTES);
    } else {
        rg_arena_reset(&cache->scratch);
    }
}

rg_status policy_cache_plan(struct policy_cache *cache, const struct policy_binding *binding,
                            const struct policy_session *session, enum policy_protocol protocol, struct rg_slice text,
                            struct policy_cached **out_cached)
{
    struct rg_digest key = {{0}};
    struct rg_digest text_digest = rg_sha256_one(text);
    RG_TRY(key_of(cache, binding, session, protocol, &text_digest, &key));
    struct entry *entry = entry_find(cache, &key);
    if (entry != NULL) {
        use_unlink(cache, entry);
        use_link(cache, entry);
        entry->references++;
        entry->public.was_cached = true;
        cache->stats.hits++;
        scratch_reset(cache);
        *out_cached = &entry->public;
        return RG_OK;
    }
    cache->stats.misses++;
    rg_status status = plan_new(cache, binding, session, protocol, text, &entry);
    scratch_reset(cache);
    RG_TRY(status);
    entry->key = key;
    entry->public.text_digest = text_digest;
    if (entry->public.plan.is_cacheable) {
        entry_keep(cache, entry);
    }
    *out_cached = &entry->public;
    return RG_OK;
}

struct policy_cached *policy_cached_ref(struct policy_cached *cached)
{
    ((struct entry *)(void *)cached)->references++;
    return cached;
}

void policy_cached_free(struct policy_cached **cached)
{
    if (*cached != NULL) {
        entry_release((struct entry *)(void *)*cached);
        *cached = NULL;
    }
}

struct policy_cache_stats policy_cache_stats(const struct policy_cache *cache)
{
    return cache->stats;
}
