/* SPDX-License-Identifier: Apache-2.0 */
/* Puts one value into a record's JSON. Texts may be hostile: JSON cannot carry invalid UTF-8 and a line
 * has a limit, so what does not fit stands readable in its place and complete elsewhere. */
#include <stdio.h>

#include "audit/record_private.h"
#include "audit/utf8.h"

enum {
    RELATIONS_MAX = 6 * 1024,
    B64_ROOM = 4 * 1024 / 3, /* of each of a record's three pieces */
};

/* ---- the writer ---- */

void audit_writer_init(struct audit_writer *writer, const struct audit_event *event, struct audit_long_list *longs)
{
    *writer = (struct audit_writer){.event = event,
                                    .rg = json_object(),
                                    .ocsf = json_object(),
                                    .metadata = json_object(),
                                    .longs = longs,
                                    .b64_left = B64_ROOM};
    rg_buf_init(&writer->scratch, AUDIT_LINE_MAX);
}

void audit_writer_done(struct audit_writer *writer)
{
    json_decref(writer->rg);
    json_decref(writer->ocsf);
    json_decref(writer->metadata);
    rg_buf_done(&writer->scratch);
}

/* ---- texts ---- */

static void set(struct audit_writer *writer, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new_nocheck(object, key, value) != 0 && rg_is_ok(writer->status)) {
        writer->status = rg_fail(RG_INTERNAL, "cannot set \"%s\" of an audit record", key);
    }
}

static rg_status keep_as_b64(struct audit_writer *writer, const char *field, struct rg_slice text)
{
    char key[64];
    (void)snprintf(key, sizeof key, "%s_b64", field);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, writer->b64_left + 64);
    struct rg_slice b64 = {0};
    RG_TRY(rg_base64_encode(text, &arena, &b64));
    writer->b64_left -= b64.size;
    set(writer, writer->rg, key, json_stringn(b64.data, b64.size));
    return RG_OK;
}

/* Bytes of the text as JSON escapes it; SIZE_MAX when JSON cannot carry it. */
static size_t escaped_size(struct rg_slice text)
{
    size_t size = 0;
    while (text.size > 0) {
        size_t length = audit_utf8_length(text);
        if (length == 0) {
            return SIZE_MAX;
        }
        size += audit_utf8_escaped_size(text, length);
        text = rg_slice_cut(text, length, SIZE_MAX);
    }
    return size;
}

/* Text that JSON would make larger than base64 does is kept as base64, so that no text grows by more than a third. */
rg_status audit_writer_keep(struct audit_writer *writer, const char *field, struct rg_slice text)
{
    bool is_valid = escaped_size(text) <= text.size / 3 * 4 + 4;
    if (!is_valid && text.size / 3 * 4 + 4 <= writer->b64_left) {
        return keep_as_b64(writer, field, text);
    }
    struct audit_long_list *longs = writer->longs;
    RG_ASSERT(longs->count < AUDIT_LONG_TEXTS_MAX);
    longs->texts[longs->count++] = (struct audit_long_text){field, text, rg_sha256_one(text), is_valid};
    return RG_OK;
}

/* The common case: nothing to replace, to cut or to escape. */
static bool is_plain(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte > 0x7e || byte == '"' || byte == '\\') {
            return false;
        }
    }
    return true;
}

static rg_status put_text(struct audit_writer *writer, json_t *object, const char *key, const char *field,
                          struct rg_slice text, size_t limit_bytes)
{
    bool is_whole = false;
    if (text.size <= limit_bytes && is_plain(text)) {
        set(writer, object, key, json_stringn_nocheck(text.data, text.size));
        return RG_OK;
    }
    rg_buf_clear(&writer->scratch);
    RG_TRY(audit_utf8_put_readable(text, limit_bytes, &writer->scratch, &is_whole));
    struct rg_slice readable = rg_buf_slice(&writer->scratch);
    set(writer, object, key, json_stringn(readable.size == 0 ? "" : readable.data, readable.size));
    if (is_whole || field == NULL) {
        return RG_OK;
    }
    return audit_writer_keep(writer, field, text);
}

void audit_writer_text(struct audit_writer *writer, json_t *object, const char *key, const char *field,
                       struct rg_slice text, size_t limit_bytes)
{
    if (text.size > 0 && rg_is_ok(writer->status)) {
        writer->status = put_text(writer, object, key, field, text, limit_bytes);
    }
}

void audit_writer_number(struct audit_writer *writer, json_t *object, const char *key, uint64_t value)
{
    set(writer, object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void audit_writer_digest(struct audit_writer *writer, json_t *object, const char *key, const struct rg_digest *digest)
{
    char text[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(digest, text);
    set(writer, object, key, json_string(text));
}

json_t *audit_writer_object(struct audit_writer *writer, json_t *object, const char *key)
{
    json_t *child = json_object();
    set(writer, object, key, child);
    return child;
}

/* *out_is_whole: all names stand in the array as they are. */
static rg_status put_names(struct audit_writer *writer, json_t *array, bool *out_is_whole)
{
    enum { AROUND = 3 }; /* two quotes and a comma */
    const struct audit_event *event = writer->event;
    size_t left = RELATIONS_MAX;
    for (size_t i = 0; i < event->relation_count; i++) {
        struct rg_slice name = event->relations[i];
        size_t size = escaped_size(name);
        if (left < AROUND || size > left - AROUND) {
            *out_is_whole = false;
            return RG_OK;
        }
        left -= size + AROUND;
        if (json_array_append_new(array, json_stringn(name.size == 0 ? "" : name.data, name.size)) != 0) {
            return rg_fail(RG_INTERNAL, "cannot put a relation into an audit record");
        }
    }
    *out_is_whole = true;
    return RG_OK;
}

static rg_status join_names(struct audit_writer *writer)
{
    struct rg_buf *joined = &writer->longs->relations;
    for (size_t i = 0; i < writer->event->relation_count; i++) {
        if (i > 0) {
            RG_TRY(rg_buf_put_u8(joined, 0));
        }
        RG_TRY(rg_buf_put(joined, writer->event->relations[i]));
    }
    return audit_writer_keep(writer, "relations", rg_buf_slice(joined));
}

void audit_writer_relations(struct audit_writer *writer)
{
    if (writer->event->relation_count == 0 || !rg_is_ok(writer->status)) {
        return;
    }
    json_t *array = json_array();
    bool is_whole = false;
    set(writer, writer->rg, "relations", array);
    writer->status = put_names(writer, array, &is_whole);
    if (rg_is_ok(writer->status) && !is_whole) {
        writer->status = join_names(writer);
    }
}
