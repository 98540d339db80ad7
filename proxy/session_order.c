/* SPDX-License-Identifier: Apache-2.0 */
/* The packets of session orders. Each member of an object is one row of a table, for both ways. */
#include "proxy/session_order.h"

#include <jansson.h>
#include <stdlib.h>

struct member {
    const char *name;
    size_t offset;
};

static const struct member order_members[] = {
    {"id", offsetof(struct session_order, id)},           {"idp", offsetof(struct session_order, idp)},
    {"subject", offsetof(struct session_order, subject)}, {"tenant", offsetof(struct session_order, tenant)},
    {"user", offsetof(struct session_order, user)},
};
static const struct member row_texts[] = {
    {"id", offsetof(struct session_row, id)},           {"plane", offsetof(struct session_row, plane)},
    {"tenant", offsetof(struct session_row, tenant)},   {"user", offsetof(struct session_row, user)},
    {"subject", offsetof(struct session_row, subject)}, {"idp", offsetof(struct session_row, idp)},
    {"client", offsetof(struct session_row, client)},
};
static const struct member row_times[] = {
    {"created_us", offsetof(struct session_row, created_us)},
    {"seen_us", offsetof(struct session_row, seen_us)},
    {"expires_us", offsetof(struct session_row, expires_us)},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
enum { ID = 1, IDP = 2, SUBJECT = 4, TENANT = 8, USER = 16 };

/* By kind: its name, and which texts it must and may have. */
static const struct {
    const char *name;
    unsigned must, may;
} kinds[SESSION_ORDER_COUNT] = {
    [SESSION_ORDER_LIST] = {"list", 0, TENANT | USER},
    [SESSION_ORDER_REVOKE_ID] = {"revoke_id", ID, 0},
    [SESSION_ORDER_REVOKE_SUBJECT] = {"revoke_subject", IDP | SUBJECT, 0},
    [SESSION_ORDER_REVOKE_TENANT] = {"revoke_tenant", TENANT, 0},
    [SESSION_ORDER_REVOKE_ALL] = {"revoke_all", 0, 0},
};

static void json_done(json_t **json)
{
    json_decref(*json);
}

static const struct rg_slice *order_text(const struct session_order *order, size_t at)
{
    return (const void *)((const char *)order + order_members[at].offset);
}

rg_status session_order_check(const struct session_order *order)
{
    if (order->kind <= SESSION_ORDER_NONE || order->kind >= SESSION_ORDER_COUNT) {
        return rg_fail(RG_PROTOCOL, "no such order");
    }
    for (size_t i = 0; i < COUNT(order_members); i++) {
        size_t size = order_text(order, i)->size;
        bool must = (kinds[order->kind].must & 1U << i) != 0;
        bool may = must || (kinds[order->kind].may & 1U << i) != 0;
        if ((must && size == 0) || (!may && size > 0)) {
            return rg_fail(RG_PROTOCOL, "the order %s \"%s\"", must ? "lacks" : "must not have", order_members[i].name);
        }
        if (size > SESSION_ORDER_TEXT_MAX) {
            return rg_fail(RG_LIMIT, "\"%s\" has more than %d bytes", order_members[i].name, SESSION_ORDER_TEXT_MAX);
        }
    }
    return RG_OK;
}

static rg_status dump(const json_t *object, struct rg_buf *out)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    rg_status status = text == NULL ? rg_fail(RG_PROTOCOL, "a text is not UTF-8") : rg_buf_put(out, rg_slice_of(text));
    free(text);
    return status;
}

rg_status session_order_encode(const struct session_order *order, struct rg_buf *out)
{
    RG_TRY(session_order_check(order));
    RG_AUTO(json_done) json_t *object = json_pack("{s:s}", "order", kinds[order->kind].name);
    for (size_t i = 0; i < COUNT(order_members); i++) {
        const struct rg_slice *text = order_text(order, i);
        bool is_clean = text->size == 0 || memchr(text->data, '\0', text->size) == NULL;
        if (text->size > 0 && (!is_clean || json_object_set_new(object, order_members[i].name,
                                                                json_stringn(text->data, text->size)) != 0)) {
            return rg_fail(RG_PROTOCOL, "\"%s\" is not UTF-8", order_members[i].name);
        }
    }
    return dump(object, out);
}

/* ---- reading ---- */

static rg_status load(struct rg_slice packet, json_t **out_object)
{
    json_error_t error;
    if (packet.size == 0 || packet.size > SESSION_ORDER_MAX) {
        return rg_fail(RG_LIMIT, "a packet of %zu bytes", packet.size);
    }
    json_t *object = json_loadb(packet.data, packet.size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        json_decref(object);
        return rg_fail(RG_PROTOCOL, "the packet is no JSON object");
    }
    *out_object = object;
    return RG_OK;
}

/* Takes a member out of the object, so that what is left at the end is unknown. */
static rg_status take_text(json_t *object, const char *name, struct rg_arena *arena, struct rg_slice *out_text)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        return RG_OK;
    }
    if (!json_is_string(value)) {
        return rg_fail(RG_PROTOCOL, "\"%s\" is no string", name);
    }
    RG_TRY(rg_arena_copy(arena, rg_slice_make(json_string_value(value), json_string_length(value)), out_text));
    (void)json_object_del(object, name);
    return RG_OK;
}

static rg_status take_number(json_t *object, const char *name, int64_t *out_number)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return rg_fail(RG_PROTOCOL, "\"%s\" is no number", name);
    }
    *out_number = json_integer_value(value);
    (void)json_object_del(object, name);
    return RG_OK;
}

static rg_status check_empty(const json_t *object)
{
    return json_object_size(object) == 0 ? RG_OK : rg_fail(RG_PROTOCOL, "the packet has an unknown member");
}

rg_status session_order_parse(struct rg_slice packet, struct rg_arena *arena, struct session_order *out_order)
{
    RG_AUTO(json_done) json_t *object = NULL;
    struct session_order order = {0};
    struct rg_slice name = {0};
    RG_TRY(load(packet, &object));
    RG_TRY(take_text(object, "order", arena, &name));
    for (size_t i = 1; i < SESSION_ORDER_COUNT; i++) {
        order.kind = rg_slice_is_equal(name, rg_slice_of(kinds[i].name)) ? (enum session_order_kind)i : order.kind;
    }
    for (size_t i = 0; i < COUNT(order_members); i++) {
        struct rg_slice *text = (void *)((char *)&order + order_members[i].offset);
        RG_TRY(take_text(object, order_members[i].name, arena, text));
    }
    RG_TRY(check_empty(object));
    RG_TRY(session_order_check(&order));
    *out_order = order;
    return RG_OK;
}

/* ---- the answer ---- */

/* What cannot stand in JSON is shown by a question mark. */
static json_t *shown(struct rg_slice text)
{
    struct rg_slice cut = rg_slice_cut(text, 0, SESSION_ORDER_TEXT_MAX);
    json_t *value = json_stringn(cut.size == 0 ? "" : cut.data, cut.size);
    char clean[SESSION_ORDER_TEXT_MAX];
    if (value != NULL) {
        return value;
    }
    for (size_t i = 0; i < cut.size; i++) {
        clean[i] = cut.data[i] >= 0x20 && cut.data[i] < 0x7f ? cut.data[i] : '?';
    }
    return json_stringn(clean, cut.size);
}

rg_status session_row_encode(const struct session_row *row, struct rg_buf *out)
{
    RG_AUTO(json_done) json_t *object = json_object();
    for (size_t i = 0; i < COUNT(row_texts); i++) {
        const struct rg_slice *text = (const void *)((const char *)row + row_texts[i].offset);
        (void)json_object_set_new(object, row_texts[i].name, shown(*text));
    }
    for (size_t i = 0; i < COUNT(row_times); i++) {
        const int64_t *time = (const void *)((const char *)row + row_times[i].offset);
        (void)json_object_set_new(object, row_times[i].name, json_integer(*time < 0 ? 0 : *time));
    }
    return dump(object, out);
}

rg_status session_end_encode(rg_status status, size_t count, struct rg_buf *out)
{
    RG_AUTO(json_done)
    json_t *object = rg_is_ok(status) ? json_pack("{s:I}", "sessions", (json_int_t)count)
                                      : json_pack("{s:s, s:o}", "error", rg_kind_info(status.error->kind)->name, "text",
                                                  shown(rg_slice_of(status.error->text)));
    return dump(object, out);
}

static rg_status told_failure(struct rg_slice name, struct rg_slice text)
{
    for (int i = 0; i < RG_KIND_COUNT; i++) {
        if (rg_slice_is_equal(name, rg_slice_of(rg_kind_info((enum rg_kind)i)->name))) {
            return rg_fail((enum rg_kind)i, "%.*s", (int)(text.size > 400 ? 400 : text.size), text.data);
        }
    }
    return rg_fail(RG_PROTOCOL, "the answer tells an unknown failure");
}

static rg_status parse_end(json_t *object, struct rg_arena *arena, size_t *out_count)
{
    struct rg_slice name = {0};
    struct rg_slice text = RG_SLICE("");
    int64_t count = 0;
    if (json_object_get(object, "error") == NULL) {
        RG_TRY(take_number(object, "sessions", &count));
        RG_TRY(check_empty(object));
        *out_count = (size_t)count;
        return RG_OK;
    }
    RG_TRY(take_text(object, "error", arena, &name));
    RG_TRY(take_text(object, "text", arena, &text));
    RG_TRY(check_empty(object));
    return told_failure(name, text);
}

static rg_status parse_row(json_t *object, struct rg_arena *arena, struct session_row *out_row)
{
    struct session_row row = {0};
    for (size_t i = 0; i < COUNT(row_texts); i++) {
        RG_TRY(take_text(object, row_texts[i].name, arena, (void *)((char *)&row + row_texts[i].offset)));
    }
    for (size_t i = 0; i < COUNT(row_times); i++) {
        RG_TRY(take_number(object, row_times[i].name, (void *)((char *)&row + row_times[i].offset)));
    }
    RG_TRY(check_empty(object));
    *out_row = row;
    return RG_OK;
}

rg_status session_answer_parse(struct rg_slice packet, struct rg_arena *arena, bool *out_is_end, size_t *out_count,
                               struct session_row *out_row)
{
    RG_AUTO(json_done) json_t *object = NULL;
    RG_TRY(load(packet, &object));
    bool is_row = json_object_get(object, "id") != NULL;
    RG_TRY(is_row ? parse_row(object, arena, out_row) : parse_end(object, arena, out_count));
    *out_is_end = !is_row;
    return RG_OK;
}

bool session_order_wants(const struct session_order *order, const struct session_row *row)
{
    bool is_tenant = order->tenant.size == 0 || rg_slice_is_equal(order->tenant, row->tenant);
    bool is_user = order->user.size == 0 || rg_slice_is_equal(order->user, row->user) ||
                   rg_slice_is_equal(order->user, row->subject);
    return is_tenant && is_user;
}
