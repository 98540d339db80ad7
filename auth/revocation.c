/* SPDX-License-Identifier: Apache-2.0 */
/* What was revoked: a table in memory that every statement's check may look into, and the store behind it. Names are
 * kept as HMACs only, there and here. */
#include "auth/revocation.h"

#include <stdio.h>

#include "auth/state_private.h"
#include "base/rg_memory.h"

void auth_revocation_table_init(struct auth_revocation_table *table)
{
    (void)pthread_mutex_init(&table->lock, NULL);
    atomic_init(&table->generation, 1);
}

static struct auth_revocation_entry **bucket_of(struct auth_revocation_table *table, const struct rg_digest *id)
{
    uint32_t number = 0;
    memcpy(&number, id->bytes, sizeof number);
    return &table->buckets[number % AUTH_REVOCATION_BUCKETS];
}

/* With the table's lock held. */
static struct auth_revocation_entry *find(struct auth_revocation_table *table, const struct rg_digest *id)
{
    struct auth_revocation_entry *entry = *bucket_of(table, id);
    while (entry != NULL && memcmp(entry->id.bytes, id->bytes, sizeof id->bytes) != 0) {
        entry = entry->next;
    }
    return entry;
}

/* Kept as long as the longer of the two asks for: no order may bring a token back that another one ended. */
static void copy_news(struct auth_revocation_entry *entry, const struct auth_revocation_entry *news)
{
    struct auth_revocation_entry *next = entry->next;
    int64_t until_us = entry->until_us > news->until_us ? entry->until_us : news->until_us;
    *entry = *news;
    entry->until_us = until_us;
    entry->next = next;
}

/* The later one holds. False when the table is full. */
static bool put(struct auth_state *state, const struct auth_revocation_entry *news)
{
    struct auth_revocation_table *table = &state->revocations;
    (void)pthread_mutex_lock(&table->lock);
    struct auth_revocation_entry *entry = find(table, &news->id);
    bool fits = entry != NULL || table->count < AUTH_REVOCATION_MAX;
    if (entry == NULL && fits) {
        struct auth_revocation_entry **bucket = bucket_of(table, &news->id);
        entry = rg_memory_alloc(sizeof *entry);
        entry->next = *bucket;
        entry->revoked_us = INT64_MIN;
        *bucket = entry;
        table->count++;
    }
    bool is_news = fits && entry->revoked_us < news->revoked_us;
    if (is_news) {
        copy_news(entry, news);
        (void)atomic_fetch_add_explicit(&table->generation, 1, memory_order_release);
    }
    (void)pthread_mutex_unlock(&table->lock);
    if (is_news) {
        auth_state_say_revoked(state);
    }
    return fits;
}

static void set_written(struct auth_revocation_table *table, const struct auth_revocation_entry *written)
{
    (void)pthread_mutex_lock(&table->lock);
    struct auth_revocation_entry *entry = find(table, &written->id);
    if (entry != NULL && entry->revoked_us == written->revoked_us) {
        entry->is_written = true;
    }
    (void)pthread_mutex_unlock(&table->lock);
}

static struct rg_digest id_of(const struct auth_state *state, enum auth_revocation_kind kind, struct rg_slice idp,
                              struct rg_slice text)
{
    static const char *const names[] = {
        [AUTH_REVOKE_NONE] = "",           [AUTH_REVOKE_TOKEN] = "r.token",     [AUTH_REVOKE_SUBJECT] = "r.subject",
        [AUTH_REVOKE_TENANT] = "r.tenant", [AUTH_REVOKE_SESSION] = "r.session", [AUTH_REVOKE_ALL] = "r.all",
    };
    const struct rg_slice parts[] = {idp, text};
    return auth_state_index(&state->keys, names[kind], parts, 2);
}

/* ---- adding ---- */

static rg_status write_entry(struct auth_state *state, const struct auth_revocation_entry *entry)
{
    const struct auth_db_value values[] = {
        auth_db_digest(&entry->id),      auth_db_number((int64_t)entry->kind), auth_db_number(entry->revoked_us),
        auth_db_number(entry->until_us), auth_db_text(rg_slice_of(entry->by)),
    };
    RG_TRY(auth_state_run(state, AUTH_SQL_REVOCATION_PUT, values, 5, NULL));
    return auth_state_tell(state, 'v', &entry->id);
}

static bool has_idp(enum auth_revocation_kind kind)
{
    return kind == AUTH_REVOKE_TOKEN || kind == AUTH_REVOKE_SUBJECT;
}

static rg_status check(const struct auth_revocation *revocation)
{
    if (revocation->kind == AUTH_REVOKE_NONE || revocation->kind > AUTH_REVOKE_ALL ||
        (revocation->kind != AUTH_REVOKE_ALL && revocation->text.size == 0) || revocation->revoked_us <= 0) {
        return rg_fail(RG_DENIED, "nothing says what to revoke");
    }
    if (revocation->text.size > AUTH_REVOCATION_TEXT_MAX || revocation->idp.size > AUTH_REVOCATION_TEXT_MAX) {
        return rg_fail(RG_LIMIT, "what to revoke has more than %d bytes", AUTH_REVOCATION_TEXT_MAX);
    }
    return RG_OK;
}

/* Cut between characters, and without bytes that a text column would refuse. */
static void copy_by(struct rg_slice by, char out_by[AUTH_REVOCATION_BY_SIZE])
{
    size_t size = by.size < AUTH_REVOCATION_BY_SIZE - 1 ? by.size : AUTH_REVOCATION_BY_SIZE - 1;
    while (size > 0 && size < by.size && ((unsigned char)by.data[size] & 0xc0) == 0x80) {
        size--;
    }
    for (size_t i = 0; i < size; i++) {
        out_by[i] = by.data[i];
        if ((unsigned char)by.data[i] < 0x20) {
            out_by[i] = ' ';
        }
    }
    out_by[size] = '\0';
}

rg_status auth_revocation_add(struct auth_state *state, const struct auth_revocation *revocation)
{
    struct auth_revocation_entry entry = {.kind = revocation->kind, .revoked_us = revocation->revoked_us};
    RG_TRY(check(revocation));
    struct rg_slice none = {0};
    entry.id = id_of(state, revocation->kind, has_idp(revocation->kind) ? revocation->idp : none,
                     revocation->kind == AUTH_REVOKE_ALL ? none : revocation->text);
    entry.until_us =
        revocation->until_us == 0 ? revocation->revoked_us + AUTH_REVOCATION_KEEP_US : revocation->until_us;
    copy_by(revocation->by, entry.by);
    if (!put(state, &entry)) {
        return rg_fail(RG_LIMIT, "%d revocations are remembered already", AUTH_REVOCATION_MAX);
    }
    RG_TRY(auth_state_begin(state, true));
    RG_TRY(auth_state_end(state, write_entry(state, &entry)));
    set_written(&state->revocations, &entry);
    return RG_OK;
}

/* ---- asking ---- */

uint64_t auth_revocation_generation(const struct auth_state *state)
{
    return state == NULL ? 1 : atomic_load_explicit(&state->revocations.generation, memory_order_acquire);
}

/* A token and a session are one thing and stay revoked; a subject, a tenant or all may come again with what is newer.
 */
static bool is_hit(const struct auth_revocation_entry *entry, int64_t since_us, int64_t now_us)
{
    bool is_one_thing = entry->kind == AUTH_REVOKE_TOKEN || entry->kind == AUTH_REVOKE_SESSION;
    return now_us < entry->until_us && (is_one_thing || since_us <= entry->revoked_us);
}

struct auth_revocation_hit auth_revocation_find(struct auth_state *state, const struct auth_revocation_subject *subject,
                                                int64_t now_us)
{
    struct auth_revocation_hit hit = {0};
    if (state == NULL || atomic_load_explicit(&state->revocations.count, memory_order_acquire) == 0) {
        return hit;
    }
    const struct rg_slice none = {0};
    const struct {
        enum auth_revocation_kind kind;
        struct rg_slice idp, text;
    } asked[] = {
        {AUTH_REVOKE_TOKEN, subject->idp, subject->token_id},
        {AUTH_REVOKE_SUBJECT, subject->idp, subject->subject},
        {AUTH_REVOKE_SESSION, none, subject->session},
        {AUTH_REVOKE_TENANT, none, subject->tenant},
        {AUTH_REVOKE_ALL, none, none},
    };
    for (size_t i = 0; i < sizeof asked / sizeof asked[0] && hit.kind == AUTH_REVOKE_NONE; i++) {
        if (asked[i].text.size == 0 && asked[i].kind != AUTH_REVOKE_ALL) {
            continue;
        }
        struct rg_digest id = id_of(state, asked[i].kind, asked[i].idp, asked[i].text);
        (void)pthread_mutex_lock(&state->revocations.lock);
        const struct auth_revocation_entry *entry = find(&state->revocations, &id);
        if (entry != NULL && is_hit(entry, subject->since_us, now_us)) {
            hit.kind = entry->kind;
            hit.revoked_us = entry->revoked_us;
            memcpy(hit.by, entry->by, sizeof hit.by);
        }
        (void)pthread_mutex_unlock(&state->revocations.lock);
    }
    return hit;
}

/* ---- the store ---- */

static rg_status load_row(void *context, const struct auth_db_row *row)
{
    struct auth_state *state = context;
    struct auth_revocation_entry entry = {.is_written = true};
    int64_t kind = row->columns[1].number;
    if (row->columns[0].bytes.size != sizeof entry.id.bytes || kind <= AUTH_REVOKE_NONE || kind > AUTH_REVOKE_ALL) {
        return rg_fail(RG_STORAGE, "a revocation of the state does not have the form that this rowgate knows");
    }
    memcpy(entry.id.bytes, row->columns[0].bytes.data, sizeof entry.id.bytes);
    entry.kind = (enum auth_revocation_kind)kind;
    entry.revoked_us = row->columns[2].number;
    entry.until_us = row->columns[3].number;
    copy_by(row->columns[4].bytes, entry.by);
    return put(state, &entry) ? RG_OK : rg_fail(RG_LIMIT, "the state has too many revocations");
}

rg_status auth_revocations_load(struct auth_state *state)
{
    return auth_state_read(state, AUTH_SQL_REVOCATION_ALL, NULL, 0, (struct auth_db_reader){load_row, state});
}

rg_status auth_revocations_load_one(struct auth_state *state, const struct rg_digest *id)
{
    const struct auth_db_value value = auth_db_digest(id);
    return auth_state_read(state, AUTH_SQL_REVOCATION_GET, &value, 1, (struct auth_db_reader){load_row, state});
}

/* Takes the expired out, and tells of one that was never written. */
static bool sweep(struct auth_revocation_table *table, int64_t now_us, struct auth_revocation_entry *out_unwritten)
{
    bool is_found = false;
    (void)pthread_mutex_lock(&table->lock);
    for (size_t i = 0; table->count > 0 && i < AUTH_REVOCATION_BUCKETS; i++) {
        for (struct auth_revocation_entry **at = &table->buckets[i]; *at != NULL;) {
            struct auth_revocation_entry *entry = *at;
            if (entry->until_us <= now_us) {
                *at = entry->next;
                rg_memory_free(entry);
                table->count--;
                continue;
            }
            if (!entry->is_written && !is_found) {
                *out_unwritten = *entry;
                is_found = true;
            }
            at = &entry->next;
        }
    }
    (void)pthread_mutex_unlock(&table->lock);
    return is_found;
}

rg_status auth_revocations_turn(struct auth_state *state, int64_t now_us)
{
    struct auth_revocation_entry entry;
    const struct auth_db_value now = auth_db_number(now_us);
    while (sweep(&state->revocations, now_us, &entry)) {
        RG_TRY(auth_state_begin(state, true));
        RG_TRY(auth_state_end(state, write_entry(state, &entry)));
        set_written(&state->revocations, &entry);
    }
    RG_TRY(auth_state_begin(state, false));
    return auth_state_end(state, auth_state_run(state, AUTH_SQL_REVOCATION_EXPIRE, &now, 1, NULL));
}

void auth_revocation_table_done(struct auth_revocation_table *table)
{
    for (size_t i = 0; i < AUTH_REVOCATION_BUCKETS; i++) {
        while (table->buckets[i] != NULL) {
            struct auth_revocation_entry *entry = table->buckets[i];
            table->buckets[i] = entry->next;
            rg_memory_free(entry);
        }
    }
    (void)pthread_mutex_destroy(&table->lock);
}
