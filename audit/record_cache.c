/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces that were made before: most records differ from an earlier one only in numbers. A piece is found by
 * the values of the event's fields, all of them compared byte for byte, so that it can never be stale and no
 * caller has to say what changed. Two tables with one place per slot: a newer piece replaces an older one. */
#include "audit/record_private.h"
#include "base/rg_memory.h"

enum {
    SLOTS = 1024,
    KEEP_MAX = 8 * 1024, /* bytes of a piece and its key: bounds a table to 8 MiB, twice that as memory grows */
    RELATIONS_MAX = 16,  /* statements with more are made anew each time */
    FIELDS_MAX = 14 + RELATIONS_MAX, /* of a session's, of a statement's; a request's has fewer */
};

/* A field more: give it to a piece (audit/record_piece.c) and to that piece's key below, or to the rest. */
_Static_assert(sizeof(struct audit_event) == 784, "each field of an event has its place in a key");

struct kept {
    struct rg_buf key; /* empty: nothing is kept here */
    struct audit_piece piece;
};

struct audit_cache {
    struct kept slots[AUDIT_PIECE_KIND_COUNT][SLOTS];
};

struct fields {
    struct rg_slice slices[FIELDS_MAX];
    size_t count;
};

static void add(struct fields *fields, struct rg_slice slice)
{
    fields->slices[fields->count++] = slice;
}

static void session_fields(const struct audit_event *event, struct fields *out)
{
    add(out, event->tenant);
    add(out, event->user);
    add(out, event->subject);
    add(out, event->client_address);
    add(out, rg_slice_make(&event->client_port, sizeof event->client_port));
    add(out, event->application_name);
    add(out, event->policy);
    add(out, event->database);
    add(out, event->idp);
    add(out, event->listener);
    add(out, event->upstream);
    add(out, event->personal_key);
    add(out, event->personal_address);
}

static void statement_fields(const struct audit_event *event, struct fields *out)
{
    add(out, event->tenant); /* not shown: how fast a record is made says nothing about another tenant's statements */
    add(out, event->personal_key); /* nor about another subject's */
    add(out, event->policy);
    add(out, event->rule);
    add(out, event->class_name);
    add(out, event->sql);
    add(out, event->sql_sent);
    for (size_t i = 0; i < event->relation_count; i++) {
        add(out, event->relations[i]);
    }
}

static void request_fields(const struct audit_event *event, struct fields *out)
{
    add(out, event->tenant); /* these two as above */
    add(out, event->personal_key);
    add(out, event->policy);
    add(out, event->rule);
    add(out, event->class_name);
    add(out, event->method);
    add(out, event->path);
    add(out, event->query);
    add(out, event->action);
    add(out, event->object);
    add(out, RG_SLICE("http")); /* none of the statements */
}

/* False: events like this are not kept. */
static bool get_fields(enum audit_piece_kind kind, const struct audit_event *event, struct fields *out)
{
    bool is_request = event->kind == AUDIT_HTTP;
    if (!audit_kind_is_decided(event->kind) || (!is_request && event->relation_count > RELATIONS_MAX)) {
        return false;
    }
    out->count = 0;
    if (kind == AUDIT_PIECE_SESSION) {
        session_fields(event, out);
        add(out, is_request ? RG_SLICE("http") : RG_SLICE("sql"));
    } else if (is_request) {
        request_fields(event, out);
    } else {
        statement_fields(event, out);
    }
    return true;
}

/* Where to look; says nothing about being equal. FNV-1a over a few bytes that tell events apart. */
static size_t hash(size_t seed, struct rg_slice bytes)
{
    enum { LOOKED_AT = 16 };
    size_t value = (seed ^ bytes.size) * 0x100000001b3U;
    for (size_t i = 0; i < bytes.size && i < LOOKED_AT; i++) {
        value = (value ^ (unsigned char)bytes.data[bytes.size - 1 - i]) * 0x100000001b3U;
    }
    return value;
}

static size_t slot_of(enum audit_piece_kind kind, const struct audit_event *event)
{
    if (kind == AUDIT_PIECE_SESSION) {
        return (event->session_id + event->client_port) % SLOTS; /* a browser has a few connections */
    }
    size_t value = hash(0xcbf29ce484222325U, event->tenant);
    if (event->kind == AUDIT_HTTP) {
        value = hash(hash(hash(value, event->path), event->query), event->object);
        return (value ^ value >> 32) % SLOTS;
    }
    value = hash(hash(value, rg_slice_cut(event->sql, 0, event->sql.size / 2)), event->sql);
    return (value ^ value >> 32) % SLOTS;
}

static bool is_equal(struct rg_slice key, const struct fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct rg_slice field = fields->slices[i];
        uint64_t size = 0;
        if (key.size < sizeof size) {
            return false;
        }
        memcpy(&size, key.data, sizeof size);
        if (size != field.size || !rg_slice_is_equal(rg_slice_cut(key, sizeof size, field.size), field)) {
            return false;
        }
        key = rg_slice_cut(key, sizeof size + field.size, SIZE_MAX);
    }
    return key.size == 0;
}

static rg_status put_key(const struct fields *fields, struct rg_buf *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        uint64_t size = fields->slices[i].size;
        RG_TRY(rg_buf_put(out, rg_slice_make(&size, sizeof size)));
        RG_TRY(rg_buf_put(out, fields->slices[i]));
    }
    return RG_OK;
}

static rg_status put_copy(struct kept *kept, const struct fields *fields, const struct audit_piece *piece)
{
    rg_buf_clear(&kept->piece.rg);
    rg_buf_clear(&kept->piece.ocsf);
    rg_buf_clear(&kept->piece.metadata);
    rg_buf_clear(&kept->piece.tenant);
    RG_TRY(rg_buf_put(&kept->piece.rg, rg_buf_slice(&piece->rg)));
    RG_TRY(rg_buf_put(&kept->piece.ocsf, rg_buf_slice(&piece->ocsf)));
    RG_TRY(rg_buf_put(&kept->piece.metadata, rg_buf_slice(&piece->metadata)));
    RG_TRY(rg_buf_put(&kept->piece.tenant, rg_buf_slice(&piece->tenant)));
    return put_key(fields, &kept->key);
}

struct audit_cache *audit_cache_new(void)
{
    return rg_memory_alloc(sizeof(struct audit_cache));
}

static void kept_init(struct kept *kept)
{
    rg_buf_init(&kept->key, KEEP_MAX);
    rg_buf_init(&kept->piece.rg, KEEP_MAX);
    rg_buf_init(&kept->piece.ocsf, KEEP_MAX);
    rg_buf_init(&kept->piece.metadata, KEEP_MAX);
    rg_buf_init(&kept->piece.tenant, KEEP_MAX);
}

static void kept_done(struct kept *kept)
{
    rg_buf_done(&kept->key);
    audit_piece_done(&kept->piece);
}

void audit_cache_free(struct audit_cache **cache)
{
    struct audit_cache *old = *cache;
    *cache = NULL;
    for (size_t i = 0; old != NULL && i < (size_t)AUDIT_PIECE_KIND_COUNT * SLOTS; i++) {
        kept_done(&old->slots[i / SLOTS][i % SLOTS]);
    }
    rg_memory_free(old);
}

const struct audit_piece *audit_cache_find(const struct audit_cache *cache, enum audit_piece_kind kind,
                                           const struct audit_event *event)
{
    struct fields fields;
    if (!get_fields(kind, event, &fields)) {
        return NULL;
    }
    const struct kept *kept = &cache->slots[kind][slot_of(kind, event)];
    return is_equal(rg_buf_slice(&kept->key), &fields) ? &kept->piece : NULL;
}

static size_t size_of(const struct fields *fields, const struct audit_piece *piece)
{
    size_t size = rg_buf_size(&piece->rg) + rg_buf_size(&piece->ocsf) + rg_buf_size(&piece->metadata) +
                  rg_buf_size(&piece->tenant);
    for (size_t i = 0; i < fields->count; i++) {
        size += sizeof(uint64_t) + fields->slices[i].size;
    }
    return size;
}

void audit_cache_keep(struct audit_cache *cache, enum audit_piece_kind kind, const struct audit_event *event,
                      const struct audit_piece *piece)
{
    struct fields fields;
    if (!get_fields(kind, event, &fields) || size_of(&fields, piece) > KEEP_MAX) {
        return;
    }
    struct kept *kept = &cache->slots[kind][slot_of(kind, event)];
    if (kept->key.limit_bytes == 0) {
        kept_init(kept);
    }
    rg_buf_clear(&kept->key);
    rg_status status = put_copy(kept, &fields, piece);
    RG_ASSERT(rg_is_ok(status)); /* it fits: size_of */
}
