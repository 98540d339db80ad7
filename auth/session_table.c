/* SPDX-License-Identifier: Apache-2.0 */
/* The live sessions in memory: found by the hash of their cookie, counted by subject, kept in the order of their birth.
 * One short lock; whoever needs longer takes references. */
#include "auth/state_private.h"
#include "base/rg_memory.h"

enum { FIRST_BUCKETS = 1024 };

void auth_session_table_init(struct auth_session_table *table)
{
    *table = (struct auth_session_table){.bucket_count = FIRST_BUCKETS};
    (void)pthread_mutex_init(&table->lock, NULL);
    table->by_hash = rg_memory_array(FIRST_BUCKETS, sizeof *table->by_hash);
    table->by_subject = rg_memory_array(FIRST_BUCKETS, sizeof *table->by_subject);
}

/* The hashes are SHA-256 of random bytes: any part of one spreads well. */
static size_t hash_bucket(const struct auth_session_table *table, const struct rg_digest *hash)
{
    uint64_t number = 0;
    memcpy(&number, hash->bytes, sizeof number);
    return (size_t)number & (table->bucket_count - 1);
}

/* FNV-1a: a subject that collides with another one costs a step more, and nobody chooses many subjects. */
static size_t subject_bucket(const struct auth_session_table *table, const struct auth_session *session)
{
    uint64_t number = UINT64_C(0xcbf29ce484222325);
    const struct rg_slice parts[] = {session->login.idp, session->login.subject};
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < parts[i].size; j++) {
            number = (number ^ (uint8_t)parts[i].data[j]) * UINT64_C(0x100000001b3);
        }
    }
    return (size_t)(number ^ number >> 32) & (table->bucket_count - 1);
}

static bool is_same_subject(const struct auth_session *a, const struct auth_session *b)
{
    return rg_slice_is_equal(a->login.idp, b->login.idp) && rg_slice_is_equal(a->login.subject, b->login.subject);
}

static void chain(struct auth_session_table *table, struct auth_session_entry *entry)
{
    struct auth_session_entry **by_hash = &table->by_hash[hash_bucket(table, &entry->session->hash)];
    struct auth_session_entry **by_subject = &table->by_subject[subject_bucket(table, entry->session)];
    entry->next_by_hash = *by_hash;
    *by_hash = entry;
    entry->next_by_subject = *by_subject;
    *by_subject = entry;
}

static void grow(struct auth_session_table *table)
{
    rg_memory_free(table->by_hash);
    rg_memory_free(table->by_subject);
    table->bucket_count *= 2;
    table->by_hash = rg_memory_array(table->bucket_count, sizeof *table->by_hash);
    table->by_subject = rg_memory_array(table->bucket_count, sizeof *table->by_subject);
    for (struct auth_session_entry *entry = table->oldest; entry != NULL; entry = entry->newer) {
        chain(table, entry);
    }
}

static struct auth_session_entry **find_by_hash(struct auth_session_table *table, const struct rg_digest *hash)
{
    struct auth_session_entry **at = &table->by_hash[hash_bucket(table, hash)];
    while (*at != NULL && memcmp((*at)->session->hash.bytes, hash->bytes, sizeof hash->bytes) != 0) {
        at = &(*at)->next_by_hash;
    }
    return at;
}

/* Among its own age; what is put is almost always the newest. */
static void link_by_age(struct auth_session_table *table, struct auth_session_entry *entry)
{
    struct auth_session_entry *older = table->newest;
    while (older != NULL && older->session->created_us > entry->session->created_us) {
        older = older->older;
    }
    entry->older = older;
    entry->newer = older == NULL ? table->oldest : older->newer;
    *(entry->newer == NULL ? &table->newest : &entry->newer->older) = entry;
    *(older == NULL ? &table->oldest : &older->newer) = entry;
}

static void unlink_entry(struct auth_session_table *table, struct auth_session_entry **at)
{
    struct auth_session_entry *entry = *at;
    struct auth_session_entry **by_subject = &table->by_subject[subject_bucket(table, entry->session)];
    while (*by_subject != entry) {
        by_subject = &(*by_subject)->next_by_subject;
    }
    *by_subject = entry->next_by_subject;
    *at = entry->next_by_hash;
    *(entry->newer == NULL ? &table->newest : &entry->newer->older) = entry->older;
    *(entry->older == NULL ? &table->oldest : &entry->older->newer) = entry->newer;
    table->count--;
}

static void free_entry(struct auth_session_entry *entry)
{
    atomic_store_explicit(&entry->session->is_revoked, true, memory_order_release);
    auth_session_free(&entry->session);
    rg_memory_free(entry);
}

static struct auth_session_entry *take(struct auth_session_table *table, const struct rg_digest *hash)
{
    struct auth_session_entry **at = find_by_hash(table, hash);
    struct auth_session_entry *entry = *at;
    if (entry != NULL) {
        unlink_entry(table, at);
    }
    return entry;
}

void auth_session_table_put(struct auth_session_table *table, struct auth_session *session)
{
    struct auth_session_entry *entry = rg_memory_alloc(sizeof *entry);
    entry->session = auth_session_hold(session);
    entry->written_seen_us = session->last_seen_us;
    (void)pthread_mutex_lock(&table->lock);
    struct auth_session_entry *old = take(table, &session->hash);
    if (table->count >= table->bucket_count) {
        grow(table);
    }
    chain(table, entry);
    link_by_age(table, entry);
    table->count++;
    (void)pthread_mutex_unlock(&table->lock);
    if (old != NULL) {
        free_entry(old);
    }
}

struct auth_session *auth_session_table_find(struct auth_session_table *table, const struct rg_digest *hash)
{
    (void)pthread_mutex_lock(&table->lock);
    struct auth_session_entry *entry = *find_by_hash(table, hash);
    struct auth_session *session = entry == NULL ? NULL : auth_session_hold(entry->session);
    (void)pthread_mutex_unlock(&table->lock);
    return session;
}

/* The id is the first bytes of the hash, which are also those that the bucket is chosen by. */
struct auth_session *auth_session_table_find_id(struct auth_session_table *table, struct rg_slice public_id)
{
    struct rg_digest hash = {0};
    if (!auth_session_id_parse(public_id, &hash)) {
        return NULL;
    }
    (void)pthread_mutex_lock(&table->lock);
    struct auth_session_entry *entry = table->by_hash[hash_bucket(table, &hash)];
    while (entry != NULL && !rg_slice_is_equal(rg_slice_of(entry->session->public_id), public_id)) {
        entry = entry->next_by_hash;
    }
    struct auth_session *session = entry == NULL ? NULL : auth_session_hold(entry->session);
    (void)pthread_mutex_unlock(&table->lock);
    return session;
}

bool auth_session_table_remove(struct auth_session_table *table, const struct rg_digest *hash)
{
    (void)pthread_mutex_lock(&table->lock);
    struct auth_session_entry *entry = take(table, hash);
    (void)pthread_mutex_unlock(&table->lock);
    if (entry != NULL) {
        free_entry(entry);
    }
    return entry != NULL;
}

struct auth_session **auth_session_table_all(struct auth_session_table *table, size_t *out_count)
{
    (void)pthread_mutex_lock(&table->lock);
    struct auth_session **sessions = rg_memory_array(table->count + 1, sizeof(struct auth_session *));
    size_t count = 0;
    for (struct auth_session_entry *entry = table->oldest; entry != NULL; entry = entry->newer) {
        sessions[count++] = auth_session_hold(entry->session);
    }
    (void)pthread_mutex_unlock(&table->lock);
    *out_count = count;
    return sessions;
}

void auth_session_array_free(struct auth_session ***sessions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        auth_session_free(&(*sessions)[i]);
    }
    rg_memory_free(*sessions);
    *sessions = NULL;
}

size_t auth_session_table_take_seen(struct auth_session_table *table, struct auth_session **sessions, size_t capacity)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&table->lock);
    for (struct auth_session_entry *entry = table->oldest; entry != NULL && count < capacity; entry = entry->newer) {
        int64_t seen_us = entry->session->last_seen_us;
        if (seen_us > entry->written_seen_us) {
            entry->written_seen_us = seen_us;
            sessions[count++] = auth_session_hold(entry->session);
        }
    }
    (void)pthread_mutex_unlock(&table->lock);
    return count;
}

void auth_session_table_saw(struct auth_session_table *table, const struct rg_digest *hash, int64_t seen_us)
{
    (void)pthread_mutex_lock(&table->lock);
    struct auth_session_entry *entry = *find_by_hash(table, hash);
    if (entry != NULL && entry->session->last_seen_us < seen_us) {
        entry->session->last_seen_us = seen_us;
    }
    if (entry != NULL && entry->written_seen_us < seen_us) {
        entry->written_seen_us = seen_us;
    }
    (void)pthread_mutex_unlock(&table->lock);
}

/* Chains grow at their head, so the last of a subject is its oldest but for loading, where order is by age too. */
static struct auth_session_entry *oldest_of_subject(struct auth_session_table *table,
                                                    const struct auth_session *session, size_t *out_count)
{
    struct auth_session_entry *oldest = NULL;
    struct auth_session_entry *entry = table->by_subject[subject_bucket(table, session)];
    for (; entry != NULL; entry = entry->next_by_subject) {
        if (is_same_subject(entry->session, session)) {
            bool is_older = oldest == NULL || entry->session->created_us <= oldest->session->created_us;
            oldest = is_older ? entry : oldest;
            (*out_count)++;
        }
    }
    return oldest;
}

/* Of the provider that has most: one that makes up subjects, which a tenant's own can, pushes out its own. */
static struct auth_session_entry *oldest_of_busiest(const struct auth_session_table *table)
{
    enum { IDPS_MAX = 64 };
    struct {
        struct auth_session_entry *oldest;
        size_t count;
    } idps[IDPS_MAX] = {0};
    size_t idp_count = 0;
    size_t busiest = 0;
    for (struct auth_session_entry *entry = table->oldest; entry != NULL; entry = entry->newer) {
        size_t at = 0;
        while (at < idp_count && !rg_slice_is_equal(idps[at].oldest->session->login.idp, entry->session->login.idp)) {
            at++;
        }
        if (at == IDPS_MAX) {
            continue;
        }
        if (at == idp_count) {
            idps[idp_count++].oldest = entry;
        }
        idps[at].count++;
        busiest = idps[at].count > idps[busiest].count ? at : busiest;
    }
    return idps[busiest].oldest;
}

struct auth_session *auth_session_table_victim(struct auth_session_table *table, const struct auth_session *session,
                                               size_t max_per_subject, size_t max_all)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&table->lock);
    struct auth_session_entry *victim = oldest_of_subject(table, session, &count);
    if (count < max_per_subject) {
        victim = table->count >= max_all ? oldest_of_busiest(table) : NULL;
    }
    struct auth_session *held = victim == NULL ? NULL : auth_session_hold(victim->session);
    (void)pthread_mutex_unlock(&table->lock);
    return held;
}

void auth_session_table_done(struct auth_session_table *table)
{
    struct auth_session_entry *entry = table->oldest;
    while (entry != NULL) {
        struct auth_session_entry *newer = entry->newer;
        auth_session_free(&entry->session);
        rg_memory_free(entry);
        entry = newer;
    }
    rg_memory_free(table->by_hash);
    rg_memory_free(table->by_subject);
    (void)pthread_mutex_destroy(&table->lock);
    *table = (struct auth_session_table){0};
}
