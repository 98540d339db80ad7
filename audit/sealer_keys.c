/* SPDX-License-Identifier: Apache-2.0 */
/* The data keys of an encoder: one for each subject of a tenant, made here, held in memory only, wiped when it makes
 * room, when its subject is erased, and at the end. A subject that comes back gets a new one: nothing is read back. */
#include "audit/record.h"
#include "audit/sealer.h"
#include "audit/sealer_private.h"
#include "base/rg_memory.h"

enum { WAYS = 4, SETS = AUDIT_SEALER_SUBJECTS / WAYS, MINUTE_US = 60 * 1000 * 1000 };

struct sealer_subject {
    struct rg_buf name; /* tenant, subject, user: `sizes` bytes each; empty: nobody */
    size_t sizes[3];
    struct rg_digest hash; /* audit_subject_hash */
    struct audit_subject_key key;
    struct audit_personal_key *opened; /* NULL: nobody */
    bool is_announced;
    uint64_t used;
};

struct sealer_keys {
    const struct rg_clock *clock;
    char origin[256];
    size_t origin_size;
    uint64_t turn;
    int64_t minute_us; /* its start */
    uint64_t made;     /* in this minute */
    struct sealer_subject subjects[SETS * WAYS];
};

rg_status sealer_keys_new(struct rg_slice origin, const struct rg_clock *clock, struct sealer_keys **out_keys)
{
    if (origin.size >= sizeof((struct sealer_keys *)NULL)->origin) {
        return rg_fail(RG_LIMIT, "an origin of %zu bytes", origin.size);
    }
    struct sealer_keys *keys = rg_memory_alloc(sizeof *keys);
    keys->clock = clock;
    keys->origin_size = origin.size;
    if (origin.size > 0) {
        memcpy(keys->origin, origin.data, origin.size);
    }
    *out_keys = keys;
    return RG_OK;
}

static void subject_done(struct sealer_subject *subject)
{
    audit_personal_key_free(&subject->opened);
    if (subject->name.capacity > 0) {
        rg_wipe(subject->name.bytes, subject->name.capacity);
    }
    rg_buf_done(&subject->name);
    rg_wipe(subject, sizeof *subject);
}

void sealer_keys_free(struct sealer_keys **keys)
{
    struct sealer_keys *old = *keys;
    *keys = NULL;
    for (size_t i = 0; old != NULL && i < (size_t)SETS * WAYS; i++) {
        subject_done(&old->subjects[i]);
    }
    rg_memory_free(old);
}

struct audit_personal_key *sealer_subject_key(struct sealer_subject *subject)
{
    return subject->opened;
}

bool sealer_subject_is_announced(const struct sealer_subject *subject)
{
    return subject->is_announced;
}

void sealer_subject_set_announced(struct sealer_subject *subject, bool is_announced)
{
    subject->is_announced = is_announced;
}

/* ---- whose ---- */

enum { SHORT_MAX = 7 + 2 * RG_SHA256_SIZE };

/* A name that is longer than the auditor takes is known by its hash. */
static struct rg_slice shorten(struct rg_slice name, char memory[SHORT_MAX])
{
    char hex[2 * RG_SHA256_SIZE + 1];
    if (name.size <= AUDIT_SUBJECT_MAX) {
        return name;
    }
    struct rg_digest digest = rg_sha256_one(name);
    rg_digest_hex(&digest, hex);
    memcpy(memory, "sha256:", 7);
    memcpy(memory + 7, hex, sizeof hex - 1);
    return rg_slice_make(memory, 7 + sizeof hex - 1);
}

struct names {
    char subject[SHORT_MAX];
    char user[SHORT_MAX];
    char unverified[sizeof AUDIT_SUBJECT_UNVERIFIED + RG_TIME_TEXT_SIZE];
};

/* Who failed to log in, or is nobody we know, shares a key with all others of that day. */
static void find_owner(const struct audit_event *event, struct names *names, struct rg_slice parts[3])
{
    enum { DATE = 10 };
    bool is_known = event->kind != AUDIT_LOGIN_FAILED && (event->subject.size > 0 || event->user.size > 0);
    parts[0] = event->tenant;
    if (is_known) {
        parts[1] = shorten(event->subject.size > 0 ? event->subject : event->user, names->subject);
        parts[2] = shorten(event->user, names->user);
        return;
    }
    char time[RG_TIME_TEXT_SIZE];
    rg_clock_format(event->wall_us, time);
    memcpy(names->unverified, AUDIT_SUBJECT_UNVERIFIED, sizeof AUDIT_SUBJECT_UNVERIFIED - 1);
    memcpy(names->unverified + sizeof AUDIT_SUBJECT_UNVERIFIED - 1, time, DATE);
    parts[1] = rg_slice_make(names->unverified, sizeof AUDIT_SUBJECT_UNVERIFIED - 1 + DATE);
    parts[2] = (struct rg_slice){0};
}

static size_t set_of(const struct rg_slice parts[3])
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t part = 0; part < 3; part++) {
        hash = (hash ^ parts[part].size) * 0x100000001b3U;
        for (size_t i = 0; i < parts[part].size; i++) {
            hash = (hash ^ (unsigned char)parts[part].data[i]) * 0x100000001b3U;
        }
    }
    return (hash ^ hash >> 32) % SETS;
}

static struct rg_slice part_of(const struct sealer_subject *subject, size_t part)
{
    size_t at = 0;
    for (size_t i = 0; i < part; i++) {
        at += subject->sizes[i];
    }
    return rg_slice_cut(rg_buf_slice(&subject->name), at, subject->sizes[part]);
}

static bool is_same(const struct sealer_subject *subject, const struct rg_slice parts[3])
{
    for (size_t i = 0; i < 3; i++) {
        if (!rg_slice_is_equal(part_of(subject, i), parts[i])) {
            return false;
        }
    }
    return subject->opened != NULL;
}

/* ---- keys ---- */

static rg_status count_key(struct sealer_keys *keys)
{
    int64_t now_us = rg_clock_monotonic_us(keys->clock);
    if (keys->made == 0 || now_us - keys->minute_us >= MINUTE_US) {
        keys->minute_us = now_us;
        keys->made = 0;
    }
    if (keys->made >= AUDIT_SEALER_KEYS_A_MINUTE) {
        return rg_fail(RG_LIMIT, "more than %d new keys for subjects in a minute", AUDIT_SEALER_KEYS_A_MINUTE);
    }
    keys->made++;
    return RG_OK;
}

static rg_status fill(struct sealer_keys *keys, const struct rg_slice parts[3], struct sealer_subject *subject)
{
    RG_TRY(count_key(keys));
    subject_done(subject);
    rg_random(&subject->key, sizeof subject->key);
    RG_TRY(audit_personal_key_new(&subject->key, rg_slice_make(keys->origin, keys->origin_size), &subject->opened));
    rg_buf_init(&subject->name, SIZE_MAX / 2);
    for (size_t i = 0; i < 3; i++) {
        subject->sizes[i] = parts[i].size;
        rg_status status = rg_buf_put(&subject->name, parts[i]);
        RG_ASSERT(rg_is_ok(status));
    }
    subject->hash = audit_subject_hash(parts[0], parts[1]);
    return RG_OK;
}

rg_status sealer_keys_take(struct sealer_keys *keys, const struct audit_event *event,
                           struct sealer_subject **out_subject)
{
    struct names names;
    struct rg_slice parts[3];
    find_owner(event, &names, parts);
    struct sealer_subject *set = &keys->subjects[set_of(parts) * WAYS];
    struct sealer_subject *oldest = &set[0];
    struct sealer_subject *found = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        if (is_same(&set[i], parts)) {
            found = &set[i];
        }
        oldest = set[i].used < oldest->used ? &set[i] : oldest;
    }
    if (found == NULL || !audit_personal_key_is_fresh(found->opened)) {
        found = found == NULL ? oldest : found;
        RG_TRY(fill(keys, parts, found));
    }
    found->used = ++keys->turn;
    *out_subject = found;
    return RG_OK;
}

void sealer_keys_forget(struct sealer_keys *keys, const struct rg_digest *name)
{
    for (size_t i = 0; i < (size_t)SETS * WAYS; i++) {
        struct sealer_subject *subject = &keys->subjects[i];
        if (subject->opened != NULL && memcmp(subject->hash.bytes, name->bytes, sizeof name->bytes) == 0) {
            subject_done(subject);
        }
    }
}

void sealer_subject_frame(const struct sealer_subject *subject, struct audit_key_frame *out_frame)
{
    *out_frame = (struct audit_key_frame){.key = subject->key,
                                          .tenant = part_of(subject, 0),
                                          .subject = part_of(subject, 1),
                                          .user = part_of(subject, 2)};
}
