/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a statement: its literals and what was bound to its parameters, as JSON arrays. A short array stands
 * in rg; a long one is a text of its own, in continuation records as any other. */
#include "audit/record_private.h"
#include "audit/utf8.h"
#include "base/rg_literal.h"

enum { VALUES_MAX = 4 * 1024 /* bytes of an array in the first record */ };

void audit_long_list_init(struct audit_long_list *longs)
{
    longs->count = 0;
    rg_buf_init(&longs->relations, SIZE_MAX / 2);
    rg_buf_init(&longs->literals, SIZE_MAX / 2);
    rg_buf_init(&longs->literals_sent, SIZE_MAX / 2);
    rg_buf_init(&longs->binds, SIZE_MAX / 2);
}

void audit_long_list_done(struct audit_long_list *longs)
{
    rg_buf_done(&longs->relations);
    rg_buf_done(&longs->literals);
    rg_buf_done(&longs->literals_sent);
    rg_buf_done(&longs->binds);
}

void audit_long_list_clear(struct audit_long_list *longs)
{
    longs->count = 0;
    rg_buf_clear(&longs->relations);
    rg_buf_clear(&longs->literals);
    rg_buf_clear(&longs->literals_sent);
    rg_buf_clear(&longs->binds);
}

/* Is base64 shorter? Then the text is mostly what JSON escapes. */
static bool is_costly(struct rg_slice value)
{
    size_t escaped = 0;
    for (size_t i = 0; i < value.size; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        escaped += byte < 0x20 ? 6 : byte == '"' || byte == '\\' ? 2 : 1;
    }
    return escaped > value.size / 3 * 4 + 64;
}

/* "text", or {"b64":"..."} for what JSON cannot carry, or not well. NULL on failure. */
static json_t *json_of(struct rg_slice value, bool is_binary)
{
    if (!is_binary && audit_utf8_is_valid(value) && !is_costly(value)) {
        return json_stringn(value.size == 0 ? "" : value.data, value.size);
    }
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice b64 = {0};
    rg_arena_init(&arena, value.size * 2 + 64);
    if (!rg_is_ok(rg_base64_encode(value, &arena, &b64))) {
        return NULL;
    }
    return json_pack("{s:o}", "b64", json_stringn(b64.size == 0 ? "" : b64.data, b64.size));
}

static rg_status put_long(struct audit_writer *writer, const char *key, const json_t *array, struct rg_buf *whole)
{
    const size_t flags = JSON_COMPACT;
    size_t size = json_dumpb(array, NULL, 0, flags);
    char *memory = NULL;
    RG_TRY(rg_buf_reserve(whole, size, &memory));
    RG_ASSERT(json_dumpb(array, memory, size, flags) == size);
    rg_buf_commit(whole, size);
    return audit_writer_keep(writer, key, rg_buf_slice(whole));
}

/* Takes the array over. */
static rg_status put_array(struct audit_writer *writer, const char *key, json_t *array, struct rg_buf *whole)
{
    rg_status status = RG_OK;
    if (json_dumpb(array, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII) > VALUES_MAX) {
        status = put_long(writer, key, array, whole);
        json_decref(array);
    } else if (json_object_set_new_nocheck(writer->rg, key, array) != 0) {
        status = rg_fail(RG_INTERNAL, "cannot put \"%s\" into an audit record", key);
    }
    return status;
}

/* A ciphertext of the array: a short one stands in its place, a long one in continuation records. */
static rg_status put_sealed(struct audit_writer *writer, const char *key, struct rg_slice sealed)
{
    if (sealed.size > VALUES_MAX) {
        return audit_writer_keep(writer, key, sealed);
    }
    return json_object_set_new_nocheck(writer->rg, key, json_stringn(sealed.data, sealed.size)) == 0
               ? RG_OK
               : rg_fail(RG_INTERNAL, "cannot put \"%s\" into an audit record", key);
}

/* NULL: the list is none. */
static json_t *json_of_literals(struct rg_slice list)
{
    json_t *array = json_array();
    struct rg_literal literal;
    bool is_made = true;
    while (is_made && rg_literal_get(&list, &literal)) {
        json_t *entry =
            json_pack("[I,I,o]", (json_int_t)literal.at, (json_int_t)literal.size, json_of(literal.text, false));
        is_made = json_array_append_new(array, entry) == 0;
    }
    if (is_made && list.size == 0) {
        return array;
    }
    json_decref(array);
    return NULL;
}

/* Takes the array over. */
static rg_status put_text(json_t *array, struct rg_buf *out)
{
    const size_t flags = JSON_COMPACT;
    size_t size = json_dumpb(array, NULL, 0, flags);
    char *memory = NULL;
    rg_status status = rg_buf_reserve(out, size, &memory);
    if (rg_is_ok(status)) {
        rg_buf_commit(out, json_dumpb(array, memory, size, flags));
    }
    json_decref(array);
    return status;
}

void audit_writer_literals(struct audit_writer *writer, const char *key, struct rg_slice list, struct rg_buf *whole)
{
    if (list.size == 0 || !rg_is_ok(writer->status)) {
        return;
    }
    if (writer->event->personal_key.size > 0) {
        writer->status = put_sealed(writer, key, list);
        return;
    }
    json_t *array = json_of_literals(list);
    writer->status =
        array == NULL ? rg_fail(RG_INTERNAL, "a list of literals that is none") : put_array(writer, key, array, whole);
}

/* ---- without jansson: texts that need no escaping ---- */

enum { PLAIN_MAX = 1024 /* bytes of a list that is written so */ };

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

static rg_status put_plain_literal(const struct rg_literal *literal, bool is_first, struct rg_buf *out)
{
    struct audit_small small;
    small.size = 0;
    audit_small_add(&small, is_first ? RG_SLICE("[") : RG_SLICE(",["));
    audit_small_number(&small, literal->at);
    audit_small_add(&small, RG_SLICE(","));
    audit_small_number(&small, literal->size);
    audit_small_add(&small, RG_SLICE(",\""));
    RG_TRY(rg_buf_put(out, audit_small_slice(&small)));
    RG_TRY(rg_buf_put(out, literal->text));
    return rg_buf_put(out, RG_SLICE("\"]"));
}

/* False: not a list like that. */
static bool put_plain_list(struct rg_slice key, struct rg_slice list, struct rg_buf *out)
{
    struct rg_literal literal;
    bool is_first = true;
    if (list.size == 0) {
        return true;
    }
    if (list.size > PLAIN_MAX || !rg_is_ok(rg_buf_put(out, key))) {
        return false;
    }
    while (rg_literal_get(&list, &literal)) {
        if (!is_plain(literal.text) || !rg_is_ok(put_plain_literal(&literal, is_first, out))) {
            return false;
        }
        is_first = false;
    }
    return list.size == 0 && rg_is_ok(rg_buf_put(out, RG_SLICE("]")));
}

static bool put_plain_digest(struct rg_slice key, const struct rg_digest *digest, struct rg_buf *out)
{
    char text[2 * RG_SHA256_SIZE + 1];
    if (digest == NULL) {
        return true;
    }
    rg_digest_hex(digest, text);
    return rg_is_ok(rg_buf_put(out, key)) && rg_is_ok(rg_buf_put(out, rg_slice_make(text, sizeof text - 1))) &&
           rg_is_ok(rg_buf_put_u8(out, '"'));
}

/* A ciphertext's characters need no escaping. */
static bool put_plain_sealed(struct rg_slice key, struct rg_slice sealed, struct rg_buf *out)
{
    return sealed.size == 0 || (sealed.size <= VALUES_MAX && rg_is_ok(rg_buf_put(out, key)) &&
                                rg_is_ok(rg_buf_put(out, sealed)) && rg_is_ok(rg_buf_put_u8(out, '"')));
}

bool audit_values_put_plain(const struct audit_event *event, struct audit_piece *piece)
{
    rg_buf_clear(&piece->rg);
    rg_buf_clear(&piece->ocsf);
    if (event->personal_key.size > 0) {
        return put_plain_digest(RG_SLICE(",\"sql_hmac\":\""), event->sql_sha256, &piece->rg) &&
               put_plain_sealed(RG_SLICE(",\"literals\":\""), event->literals, &piece->rg) &&
               put_plain_sealed(RG_SLICE(",\"literals_sent\":\""), event->literals_sent, &piece->rg);
    }
    return put_plain_digest(RG_SLICE(",\"sql_sha256\":\""), event->sql_sha256, &piece->rg) &&
           put_plain_list(RG_SLICE(",\"literals\":["), event->literals, &piece->rg) &&
           put_plain_list(RG_SLICE(",\"literals_sent\":["), event->literals_sent, &piece->rg);
}

rg_status audit_values_put_literals(struct rg_slice list, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    if (list.size > 0 && put_plain_list(RG_SLICE("["), list, out)) {
        return RG_OK;
    }
    rg_buf_truncate(out, before);
    json_t *array = json_of_literals(list);
    return array == NULL ? rg_fail(RG_INTERNAL, "a list of literals that is none") : put_text(array, out);
}

/* ---- binds ---- */

static rg_status put_bind(struct rg_buf *out, enum audit_bind bind, struct rg_slice value)
{
    if (value.size > UINT32_MAX) {
        return rg_fail(RG_LIMIT, "a value of %zu bytes", value.size);
    }
    RG_TRY(rg_buf_put_u8(out, (uint8_t)bind));
    RG_TRY(rg_buf_put_u32(out, (uint32_t)value.size));
    return rg_buf_put(out, value);
}

rg_status audit_bind_put(struct rg_buf *out, enum audit_bind bind, struct rg_slice value)
{
    bool is_value = bind == AUDIT_BIND_TEXT || bind == AUDIT_BIND_BINARY;
    size_t before = rg_buf_size(out);
    rg_status status = put_bind(out, bind, is_value ? value : (struct rg_slice){0});
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

static bool get_bind(struct rg_slice *list, enum audit_bind *out_bind, struct rg_slice *out_value)
{
    if (list->size < AUDIT_BIND_HEAD) {
        return false;
    }
    const unsigned char *head = (const unsigned char *)list->data;
    size_t size = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | (size_t)head[4];
    if (size > list->size - AUDIT_BIND_HEAD || head[0] > AUDIT_BIND_BINARY) {
        return false;
    }
    *out_bind = (enum audit_bind)head[0];
    *out_value = rg_slice_cut(*list, AUDIT_BIND_HEAD, size);
    *list = rg_slice_cut(*list, AUDIT_BIND_HEAD + size, SIZE_MAX);
    return true;
}

static json_t *json_of_bind(enum audit_bind bind, struct rg_slice value)
{
    switch (bind) {
    case AUDIT_BIND_HIDDEN:
        return json_string("***");
    case AUDIT_BIND_NULL:
        return json_null();
    case AUDIT_BIND_TEXT:
        return json_of(value, false);
    case AUDIT_BIND_BINARY:
        return json_of(value, true);
    }
    return NULL;
}

/* NULL: the list is none. */
static json_t *json_of_binds(struct rg_slice list)
{
    json_t *array = json_array();
    enum audit_bind bind = AUDIT_BIND_HIDDEN;
    struct rg_slice value = {0};
    bool is_made = true;
    while (is_made && get_bind(&list, &bind, &value)) {
        is_made = json_array_append_new(array, json_of_bind(bind, value)) == 0;
    }
    if (is_made && list.size == 0) {
        return array;
    }
    json_decref(array);
    return NULL;
}

rg_status audit_values_put_binds(struct rg_slice list, struct rg_buf *out)
{
    json_t *array = json_of_binds(list);
    return array == NULL ? rg_fail(RG_INTERNAL, "a list of binds that is none") : put_text(array, out);
}

void audit_writer_binds(struct audit_writer *writer)
{
    struct rg_slice list = writer->event->binds;
    if (list.size == 0 || !rg_is_ok(writer->status)) {
        return;
    }
    if (writer->event->personal_key.size > 0) {
        writer->status = put_sealed(writer, "binds", list);
        return;
    }
    json_t *array = json_of_binds(list);
    writer->status = array == NULL ? rg_fail(RG_INTERNAL, "a list of binds that is none")
                                   : put_array(writer, "binds", array, &writer->longs->binds);
}
