/* SPDX-License-Identifier: Apache-2.0 */
/* Orders and answers as JSON: one flat object a packet. Which keys an order has is a table; a key that is not in its
 * row, twice there, or of another type is refused. Read by the auditor from processes of its own user and root. */
#include <stddef.h>

#include <jansson.h>

#include "audit/keep/order.h"
#include "audit/utf8.h"

enum field_type { FIELD_TEXT = 1, FIELD_TIME, FIELD_NUMBER, FIELD_BOOL };

struct field {
    const char *key;
    enum field_type type;
    size_t offset; /* in struct audit_order */
    size_t max;    /* bytes of a text, escaped */
};

#define AT(member) offsetof(struct audit_order, member)

enum { OBJECT, TENANT, SUBJECT, REASON, FROM, UNTIL, FIRST, LAST, COUNT, DRY_RUN, FIELD_COUNT };

static const struct field fields[FIELD_COUNT] = {
    [OBJECT] = {"object", FIELD_TEXT, AT(object), AUDIT_ORDER_NAME_MAX},
    [TENANT] = {"tenant", FIELD_TEXT, AT(tenant), AUDIT_ORDER_NAME_MAX},
    [SUBJECT] = {"subject", FIELD_TEXT, AT(subject), AUDIT_ORDER_NAME_MAX},
    [REASON] = {"reason", FIELD_TEXT, AT(reason), AUDIT_ORDER_REASON_MAX},
    [FROM] = {"from_us", FIELD_TIME, AT(from_us), 0},
    [UNTIL] = {"until_us", FIELD_TIME, AT(until_us), 0},
    [FIRST] = {"first_seq", FIELD_NUMBER, AT(first_seq), 0},
    [LAST] = {"last_seq", FIELD_NUMBER, AT(last_seq), 0},
    [COUNT] = {"count", FIELD_NUMBER, AT(count), 0},
    [DRY_RUN] = {"dry_run", FIELD_BOOL, AT(is_dry_run), 0},
};

#define BIT(field) (1U << (field))

static const struct kind_row {
    const char *name;
    unsigned may;  /* fields */
    unsigned must; /* those that are not empty */
} kinds[AUDIT_ORDER_COUNT] = {
    [AUDIT_ORDER_HOLD_PLACE] = {"hold.place", BIT(TENANT) | BIT(SUBJECT) | BIT(REASON) | BIT(FROM) | BIT(UNTIL),
                                BIT(REASON)},
    [AUDIT_ORDER_HOLD_RELEASE] = {"hold.release", BIT(OBJECT) | BIT(REASON), BIT(OBJECT) | BIT(REASON)},
    [AUDIT_ORDER_ERASE] = {"erase", BIT(OBJECT) | BIT(TENANT) | BIT(SUBJECT) | BIT(REASON) | BIT(COUNT), BIT(REASON)},
    [AUDIT_ORDER_PRUNE] = {"prune", BIT(DRY_RUN), 0},
    [AUDIT_ORDER_EXPORTED] = {"exported",
                              BIT(OBJECT) | BIT(TENANT) | BIT(SUBJECT) | BIT(REASON) | BIT(FROM) | BIT(UNTIL) |
                                  BIT(FIRST) | BIT(LAST),
                              BIT(OBJECT)},
};

static const struct kind_row *row_of(enum audit_order_kind kind)
{
    return kind > AUDIT_ORDER_NONE && kind < AUDIT_ORDER_COUNT ? &kinds[kind] : NULL;
}

/* ---- checks ---- */

static bool is_empty(const struct audit_order *order, const struct field *field)
{
    static const char zero[sizeof(struct rg_slice)];
    const char *at = (const char *)order + field->offset;
    struct rg_slice text = {0};
    switch (field->type) {
    case FIELD_TEXT:
        memcpy(&text, at, sizeof text);
        return text.size == 0;
    case FIELD_TIME:
    case FIELD_NUMBER:
        return memcmp(at, zero, sizeof(uint64_t)) == 0;
    case FIELD_BOOL:
        return *at == 0;
    }
    return true;
}

/* Bytes as an ASCII JSON string; SIZE_MAX for what is no UTF-8 or holds a NUL. */
static size_t escaped_size(struct rg_slice text)
{
    size_t size = 0;
    while (text.size > 0) {
        size_t length = text.data[0] == '\0' ? 0 : audit_utf8_length(text);
        if (length == 0) {
            return SIZE_MAX;
        }
        size += audit_utf8_escaped_size(text, length);
        text = rg_slice_cut(text, length, SIZE_MAX);
    }
    return size;
}

static rg_status check_field(const struct audit_order *order, const struct kind_row *row, size_t number)
{
    const struct field *field = &fields[number];
    bool is_given = !is_empty(order, field);
    struct rg_slice text = {0};
    if (is_given && (row->may & BIT(number)) == 0) {
        return rg_fail(RG_PROTOCOL, "an order %s has no \"%s\"", row->name, field->key);
    }
    if (!is_given && (row->must & BIT(number)) != 0) {
        return rg_fail(RG_PROTOCOL, "an order %s needs a \"%s\"", row->name, field->key);
    }
    if (!is_given || field->type != FIELD_TEXT) {
        return RG_OK;
    }
    memcpy(&text, (const char *)order + field->offset, sizeof text);
    size_t size = escaped_size(text);
    if (size == SIZE_MAX) {
        return rg_fail(RG_PROTOCOL, "\"%s\" is no UTF-8 text", field->key);
    }
    return size > field->max ? rg_fail(RG_LIMIT, "\"%s\" is longer than %zu bytes", field->key, field->max) : RG_OK;
}

rg_status audit_order_check(const struct audit_order *order)
{
    const struct kind_row *row = row_of(order->kind);
    if (row == NULL) {
        return rg_fail(RG_PROTOCOL, "an order without a kind");
    }
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        RG_TRY(check_field(order, row, i));
    }
    bool is_hold = order->kind == AUDIT_ORDER_HOLD_PLACE;
    if (is_hold && order->tenant.size == 0 && order->subject.size == 0 && order->from_us == 0 && order->until_us == 0) {
        return rg_fail(RG_PROTOCOL, "a hold needs a tenant, a subject or a time");
    }
    if (order->from_us < 0 || order->until_us < 0 || (order->until_us > 0 && order->until_us < order->from_us)) {
        return rg_fail(RG_PROTOCOL, "a time that ends before it begins");
    }
    if (order->first_seq > INT64_MAX || order->last_seq > INT64_MAX || order->count > INT64_MAX ||
        order->last_seq < order->first_seq) {
        return rg_fail(RG_PROTOCOL, "records that end before they begin");
    }
    return RG_OK;
}

/* ---- writing ---- */

static void set_field(json_t *object, const struct audit_order *order, const struct field *field)
{
    const char *at = (const char *)order + field->offset;
    struct rg_slice text = {0};
    int64_t number = 0;
    switch (field->type) {
    case FIELD_TEXT:
        memcpy(&text, at, sizeof text);
        (void)json_object_set_new(object, field->key, json_stringn(text.data, text.size));
        break;
    case FIELD_TIME:
    case FIELD_NUMBER:
        memcpy(&number, at, sizeof number);
        (void)json_object_set_new(object, field->key, json_integer(number));
        break;
    case FIELD_BOOL:
        (void)json_object_set_new(object, field->key, json_true());
        break;
    }
}

/* Takes the object. */
static rg_status put_object(json_t *object, struct rg_buf *out)
{
    char *text = NULL;
    size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII);
    rg_status status = rg_buf_reserve(out, size + 1, &text);
    if (rg_is_ok(status)) {
        rg_buf_commit(out, json_dumpb(object, text, size, JSON_COMPACT | JSON_ENSURE_ASCII));
    }
    json_decref(object);
    return status;
}

rg_status audit_order_encode(const struct audit_order *order, struct rg_buf *out)
{
    RG_TRY(audit_order_check(order));
    json_t *object = json_pack("{s:s}", "order", kinds[order->kind].name);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!is_empty(order, &fields[i])) {
            set_field(object, order, &fields[i]);
        }
    }
    return put_object(object, out);
}

/* ---- reading ---- */

static rg_status copy_text(const json_t *value, struct rg_arena *arena, struct rg_slice *out_text)
{
    return rg_arena_copy(arena, rg_slice_make(json_string_value(value), json_string_length(value)), out_text);
}

static rg_status take_value(const json_t *value, const struct field *field, struct rg_arena *arena,
                            struct audit_order *order)
{
    char *at = (char *)order + field->offset;
    struct rg_slice text = {0};
    if (field->type == FIELD_TEXT && json_is_string(value)) {
        RG_TRY(copy_text(value, arena, &text));
        memcpy(at, &text, sizeof text);
        return RG_OK;
    }
    if (field->type == FIELD_BOOL && json_is_boolean(value)) {
        *at = json_is_true(value);
        return RG_OK;
    }
    bool is_number = field->type == FIELD_TIME || field->type == FIELD_NUMBER;
    if (is_number && json_is_integer(value) && json_integer_value(value) >= 0) {
        int64_t number = json_integer_value(value);
        memcpy(at, &number, sizeof number);
        return RG_OK;
    }
    return rg_fail(RG_PROTOCOL, "\"%s\" of an order has the wrong type", field->key);
}

static enum audit_order_kind find_kind(const json_t *name)
{
    for (enum audit_order_kind kind = AUDIT_ORDER_HOLD_PLACE; json_is_string(name) && kind < AUDIT_ORDER_COUNT;
         kind++) {
        if (strcmp(json_string_value(name), kinds[kind].name) == 0) {
            return kind;
        }
    }
    return AUDIT_ORDER_NONE;
}

static rg_status take_order(json_t *object, struct rg_arena *arena, struct audit_order *order)
{
    const char *key = NULL;
    json_t *value = NULL;
    order->kind = find_kind(json_object_get(object, "order"));
    json_object_foreach(object, key, value)
    {
        size_t at = 0;
        while (at < FIELD_COUNT && strcmp(key, fields[at].key) != 0) {
            at++;
        }
        if (at == FIELD_COUNT && strcmp(key, "order") != 0) {
            return rg_fail(RG_PROTOCOL, "an order with an unknown key");
        }
        RG_TRY(at == FIELD_COUNT ? RG_OK : take_value(value, &fields[at], arena, order));
    }
    return audit_order_check(order);
}

static rg_status load_object(struct rg_slice packet, json_t **out_object)
{
    json_error_t error;
    json_t *object =
        packet.size > AUDIT_ORDER_MAX ? NULL : json_loadb(packet.data, packet.size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        json_decref(object);
        return rg_fail(RG_PROTOCOL, "an order or its answer is no JSON object of at most %d bytes", AUDIT_ORDER_MAX);
    }
    *out_object = object;
    return RG_OK;
}

rg_status audit_order_parse(struct rg_slice packet, struct rg_arena *arena, struct audit_order *out_order)
{
    struct audit_order order = {0};
    json_t *object = NULL;
    RG_TRY(load_object(packet, &object));
    rg_status status = take_order(object, arena, &order);
    json_decref(object);
    RG_TRY(status);
    *out_order = order;
    return RG_OK;
}

/* ---- answers ---- */

rg_status audit_order_reply_encode(rg_status status, const struct audit_order_reply *reply, struct rg_buf *out)
{
    if (!rg_is_ok(status)) {
        json_t *text = json_string(status.error->text); /* NULL when an error quotes what is no UTF-8 */
        return put_object(json_pack("{s:b,s:s,s:o}", "ok", 0, "kind", rg_kind_info(status.error->kind)->name, "text",
                                    text == NULL ? json_string("refused") : text),
                          out);
    }
    json_t *object = json_pack("{s:b,s:I,s:I,s:I,s:I}", "ok", 1, "seq", (json_int_t)reply->seq, "first_seq",
                               (json_int_t)reply->first_seq, "last_seq", (json_int_t)reply->last_seq, "count",
                               (json_int_t)reply->count);
    (void)json_object_set_new(object, "id", json_stringn(reply->id.size == 0 ? "" : reply->id.data, reply->id.size));
    (void)json_object_set_new(object, "text",
                              json_stringn(reply->text.size == 0 ? "" : reply->text.data, reply->text.size));
    return put_object(object, out);
}

static rg_status fail_as_told(const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "kind"));
    const char *text = json_string_value(json_object_get(object, "text"));
    for (enum rg_kind kind = 0; name != NULL && text != NULL && kind < RG_KIND_COUNT; kind++) {
        if (strcmp(rg_kind_info(kind)->name, name) == 0) {
            return rg_fail(kind, "%s", text);
        }
    }
    return rg_fail(RG_PROTOCOL, "the auditor answered with something else than an answer");
}

static rg_status take_reply(const json_t *object, struct rg_arena *arena, struct audit_order_reply *reply)
{
    const json_t *id = json_object_get(object, "id");
    const json_t *text = json_object_get(object, "text");
    struct {
        const char *key;
        uint64_t *value;
    } numbers[] = {{"seq", &reply->seq},
                   {"first_seq", &reply->first_seq},
                   {"last_seq", &reply->last_seq},
                   {"count", &reply->count}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const json_t *number = json_object_get(object, numbers[i].key);
        if (!json_is_integer(number) || json_integer_value(number) < 0) {
            return rg_fail(RG_PROTOCOL, "the auditor's answer has no \"%s\"", numbers[i].key);
        }
        *numbers[i].value = (uint64_t)json_integer_value(number);
    }
    if (!json_is_string(id) || !json_is_string(text)) {
        return rg_fail(RG_PROTOCOL, "the auditor's answer has no \"id\" or \"text\"");
    }
    RG_TRY(copy_text(id, arena, &reply->id));
    return copy_text(text, arena, &reply->text);
}

rg_status audit_order_reply_parse(struct rg_slice packet, struct rg_arena *arena, struct audit_order_reply *out_reply)
{
    struct audit_order_reply reply = {0};
    json_t *object = NULL;
    RG_TRY(load_object(packet, &object));
    rg_status status =
        json_is_true(json_object_get(object, "ok")) ? take_reply(object, arena, &reply) : fail_as_told(object);
    json_decref(object);
    RG_TRY(status);
    *out_reply = reply;
    return RG_OK;
}
