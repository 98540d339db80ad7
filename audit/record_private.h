/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_RECORD_PRIVATE_H
#define RG_AUDIT_RECORD_PRIVATE_H

#include <jansson.h>

#include "audit/message.h"

/* A record is put together from pieces, each made by jansson: what stays the same for a session, what stays the same
 * for statements that differ in their literals alone, those literals, and the rest. Between them stand only names from
 * our own tables, numbers, hexadecimal digits, brackets, and literals that need no escaping. */

enum {
    AUDIT_OCSF_WEB = 6001,     /* Web Resources Activity */
    AUDIT_LONG_TEXTS_MAX = 24, /* more than the texts an event has */
    AUDIT_NAME_MAX = 512,      /* bytes of a name as escaped, quotes not counted */
};

/* A text that does not stand whole in the first record: its bytes follow in continuation records. */
struct audit_long_text {
    const char *field;
    struct rg_slice bytes;
    struct rg_digest sha256; /* of bytes */
    bool is_valid;           /* UTF-8 and hardly escaped: pieces as "text", otherwise as "b64" */
};

struct audit_long_list {
    struct audit_long_text texts[AUDIT_LONG_TEXTS_MAX];
    size_t count;
    struct rg_buf relations; /* the names, NUL between them, when they do not fit as an array */
    struct rg_buf literals;  /* the arrays as JSON text, when they do not fit; the same below */
    struct rg_buf literals_sent;
    struct rg_buf binds;
};

void audit_long_list_init(struct audit_long_list *longs);
void audit_long_list_done(struct audit_long_list *longs);
void audit_long_list_clear(struct audit_long_list *longs);

/* Keys with their values as JSON text, a comma before each key: `,"user":{...},"port":1`. May be empty. */
struct audit_piece {
    struct rg_buf rg;
    struct rg_buf ocsf;
    struct rg_buf metadata; /* of the OCSF object of that name */
    struct rg_buf tenant;   /* the inside of a JSON string; the session's piece only */
};

void audit_piece_init(struct audit_piece *piece);
void audit_piece_done(struct audit_piece *piece);

/* One piece on its way to JSON. The three objects are owned; all slices are the event's. */
struct audit_writer {
    const struct audit_event *event;
    json_t *rg;
    json_t *ocsf;
    json_t *metadata;
    struct audit_long_list *longs; /* borrowed */
    size_t b64_left;               /* room for short texts that are not UTF-8 */
    struct rg_buf scratch;         /* one readable text at a time */
    rg_status status;              /* the first failure; later calls do nothing then */
};

void audit_writer_init(struct audit_writer *writer, const struct audit_event *event, struct audit_long_list *longs);
void audit_writer_done(struct audit_writer *writer);
/* Replaces what piece holds by what was written. The writer's failure, or RG_LIMIT. */
rg_status audit_writer_finish(struct audit_writer *writer, struct audit_piece *piece) RG_MUST_CHECK;

/* Sets object[key] to the text; an empty one is left out. What does not stand there whole is kept as
 * rg["<field>_b64"] or as a long text called field. field NULL: a second copy for readers, cut freely. */
void audit_writer_text(struct audit_writer *writer, json_t *object, const char *key, const char *field,
                       struct rg_slice text, size_t limit_bytes);
void audit_writer_number(struct audit_writer *writer, json_t *object, const char *key, uint64_t value);
void audit_writer_digest(struct audit_writer *writer, json_t *object, const char *key, const struct rg_digest *digest);
/* A new empty object under key, borrowed from it. */
json_t *audit_writer_object(struct audit_writer *writer, json_t *object, const char *key);
void audit_writer_relations(struct audit_writer *writer);
/* Keeps the text as a long one, or as rg["<field>_b64"]; it must outlive the record. */
rg_status audit_writer_keep(struct audit_writer *writer, const char *field, struct rg_slice text) RG_MUST_CHECK;
/* audit/record_values.c: rg[key], an array of what the list holds, or a long text that is that array. */
void audit_writer_literals(struct audit_writer *writer, const char *key, struct rg_slice list, struct rg_buf *whole);
void audit_writer_binds(struct audit_writer *writer);
/* The same arrays as JSON text, appended. RG_INTERNAL for a list that is none; RG_LIMIT. */
rg_status audit_values_put_literals(struct rg_slice list, struct rg_buf *out) RG_MUST_CHECK;
rg_status audit_values_put_binds(struct rg_slice list, struct rg_buf *out) RG_MUST_CHECK;

/* What stands between the pieces, put together before it is appended: names from our own tables, numbers and
 * hexadecimal digits, whose size is bounded by the code that adds them. */
struct audit_small {
    char bytes[640];
    size_t size;
};

static inline void audit_small_add(struct audit_small *small, struct rg_slice text)
{
    RG_ASSERT(text.size <= sizeof small->bytes - small->size);
    memcpy(small->bytes + small->size, text.data, text.size);
    small->size += text.size;
}

static inline struct rg_slice audit_small_slice(const struct audit_small *small)
{
    return rg_slice_make(small->bytes, small->size);
}

/* A number of at most INT64_MAX, which every JSON reader takes; 16 hexadecimal digits. */
void audit_small_number(struct audit_small *small, uint64_t value);
void audit_small_hex(struct audit_small *small, uint64_t value);

/* What each piece holds of an event; a field of the event stands in one piece (audit/record_cache.c knows which). */
void audit_piece_write_session(struct audit_writer *writer);
void audit_piece_write_statement(struct audit_writer *writer);
void audit_piece_write_values(struct audit_writer *writer);
void audit_piece_write_rest(struct audit_writer *writer);
/* audit/record_values.c: the same as audit_piece_write_values where nothing needs escaping; false: something does, or
 * is long, and the piece holds nothing of use. */
bool audit_values_put_plain(const struct audit_event *event, struct audit_piece *piece);
/* Whether audit_piece_write_rest writes anything. */
bool audit_piece_has_rest(const struct audit_event *event);

/* The attributes that the event's class requires, without those of the base. */
void audit_ocsf_write_session(struct audit_writer *writer);
void audit_ocsf_write_statement(struct audit_writer *writer);
void audit_ocsf_write_rest(struct audit_writer *writer);
/* `{"class_uid":...`: the base's attributes and the ruling, up to the last brace of metadata and the comma-led
 * keys that follow. part is 0 for an event's first record, otherwise the number of the continuation record. */
rg_status audit_ocsf_put_start(const struct audit_event *event, struct rg_slice metadata, uint64_t part,
                               struct rg_buf *out) RG_MUST_CHECK;

/* Statements and requests: they are decided, have a ruling, a number of their own and an outcome. */
static inline bool audit_kind_is_decided(enum audit_kind kind)
{
    return kind == AUDIT_STATEMENT || kind == AUDIT_HTTP;
}

/* ---- requests (audit/record_web.c) ---- */

/* What stays the same for equal requests: where the statement is of a statement's record. */
void audit_web_write_request(struct audit_writer *writer);
/* What the class requires of a continuation record too, led by a comma. */
struct rg_slice audit_web_continued(const struct audit_event *event);
/* Status, reference, bytes and time for rg; the status for OCSF; led by a comma, or nothing. */
void audit_web_add_result(const struct audit_event *event, struct audit_small *out);
void audit_web_add_response(const struct audit_event *event, struct audit_small *out);
/* Of requests and statements: the reference, where it needs no escaping; else it stands in the rest. Of statements also
 * what is a guest's. */
void audit_web_add_reference(const struct audit_event *event, struct audit_small *out);
void audit_web_add_guest(const struct audit_event *event, struct audit_small *out);
bool audit_web_has_odd_name(const struct audit_event *event);
void audit_web_write_odd_names(struct audit_writer *writer);
bool audit_web_has_rest(const struct audit_event *event);
void audit_web_write_rest(struct audit_writer *writer);
void audit_web_write_login(struct audit_writer *writer);
void audit_web_write_revoke(struct audit_writer *writer);
void audit_web_write_leak(struct audit_writer *writer);

/* ---- pieces kept for the next records (audit/record_cache.c) ---- */

enum audit_piece_kind { AUDIT_PIECE_SESSION = 0, AUDIT_PIECE_STATEMENT, AUDIT_PIECE_KIND_COUNT };

struct audit_cache;

struct audit_cache *audit_cache_new(void);
void audit_cache_free(struct audit_cache **cache);
/* The piece made from an event that has the same values in all fields that this kind of piece shows, byte for
 * byte; NULL otherwise. Valid until the next keep. */
const struct audit_piece *audit_cache_find(const struct audit_cache *cache, enum audit_piece_kind kind,
                                           const struct audit_event *event);
/* Copies a piece, unless it is too large. It must stand for the whole of the event's fields: no long texts. */
void audit_cache_keep(struct audit_cache *cache, enum audit_piece_kind kind, const struct audit_event *event,
                      const struct audit_piece *piece);

#endif
