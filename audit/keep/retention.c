/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: its text, and its ruling on one record, which is read at the fixed positions of its head. */
#include "audit/keep/retention.h"

#include <stdlib.h>

#include <jansson.h>

/* ---- text ---- */

static json_t *names_json(const struct rg_slice *names, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(array, json_stringn(names[i].data, names[i].size));
    }
    return array;
}

static json_t *rule_json(const struct audit_retention_rule *rule)
{
    json_t *object = json_object();
    if (rule->class_count > 0) {
        (void)json_object_set_new(object, "classes", names_json(rule->classes, rule->class_count));
    }
    if (rule->tenant_count > 0) {
        (void)json_object_set_new(object, "tenants", names_json(rule->tenants, rule->tenant_count));
    }
    (void)json_object_set_new(object, "keep_us", json_integer(rule->keep_us));
    return object;
}

static json_t *retention_json(const struct audit_retention *retention)
{
    json_t *object = json_pack("{s:I}", "keep_us", (json_int_t)retention->keep_us);
    json_t *rules = json_array();
    if (retention->local_us > 0) {
        (void)json_object_set_new(object, "local_us", json_integer(retention->local_us));
    }
    if (retention->needs_export) {
        (void)json_object_set_new(object, "needs_export", json_true());
    }
    if (retention->object.size > 0) {
        (void)json_object_set_new(object, "object", json_stringn(retention->object.data, retention->object.size));
    }
    for (size_t i = 0; i < retention->rule_count; i++) {
        (void)json_array_append_new(rules, rule_json(&retention->rules[i]));
    }
    if (retention->rule_count > 0) {
        (void)json_object_set(object, "rules", rules);
    }
    json_decref(rules);
    return object;
}

rg_status audit_retention_encode(const struct audit_retention *retention, struct rg_buf *out)
{
    json_t *object = retention_json(retention);
    size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII);
    char *text = NULL;
    rg_status status = size > AUDIT_RETENTION_MAX
                           ? rg_fail(RG_LIMIT, "the retention's rules are longer than %d bytes", AUDIT_RETENTION_MAX)
                           : rg_buf_reserve(out, size + 1, &text);
    if (rg_is_ok(status)) {
        rg_buf_commit(out, json_dumpb(object, text, size, JSON_COMPACT | JSON_ENSURE_ASCII));
    }
    json_decref(object);
    return status;
}

static rg_status copy_text(const json_t *text, struct rg_arena *arena, struct rg_slice *out_text)
{
    if (!json_is_string(text) || json_string_length(text) == 0) {
        return rg_fail(RG_CONFIG, "a name in the retention's rules is no text");
    }
    return rg_arena_copy(arena, rg_slice_make(json_string_value(text), json_string_length(text)), out_text);
}

static rg_status take_names(const json_t *array, struct rg_arena *arena, const struct rg_slice **out_names,
                            size_t *out_count)
{
    void *memory = NULL;
    size_t count = json_array_size(array); /* 0 for what is no array */
    if ((array != NULL && count == 0) || count > AUDIT_RETENTION_NAMES_MAX) {
        return rg_fail(RG_CONFIG, "a list of names in the retention's rules is empty, too long or no list");
    }
    RG_TRY(rg_arena_array(arena, count + 1, sizeof(struct rg_slice), &memory));
    struct rg_slice *names = memory;
    for (size_t i = 0; i < count; i++) {
        RG_TRY(copy_text(json_array_get(array, i), arena, &names[i]));
    }
    *out_names = names;
    *out_count = count;
    return RG_OK;
}

/* The inside of each name as a JSON string. */
static rg_status escape_names(const struct rg_slice *names, size_t count, struct rg_arena *arena,
                              const struct rg_slice **out_escaped)
{
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, count + 1, sizeof(struct rg_slice), &memory));
    struct rg_slice *escaped = memory;
    for (size_t i = 0; i < count; i++) {
        json_t *name = json_stringn(names[i].data, names[i].size);
        char *text = json_dumps(name, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
        rg_status status = rg_arena_copy(arena, rg_slice_make(text + 1, strlen(text) - 2), &escaped[i]);
        free(text); /* jansson's own */
        json_decref(name);
        RG_TRY(status);
    }
    *out_escaped = escaped;
    return RG_OK;
}

static rg_status take_time(const json_t *object, const char *key, bool is_required, int64_t *out_us)
{
    const json_t *number = json_object_get(object, key);
    if (number == NULL && !is_required) {
        return RG_OK;
    }
    if (!json_is_integer(number) || json_integer_value(number) <= 0) {
        return rg_fail(RG_CONFIG, "the retention's \"%s\" is no time", key);
    }
    *out_us = json_integer_value(number);
    return RG_OK;
}

/* How many of the keys the object has; it must have no others. */
static bool has_only(const json_t *object, const char *const *keys, size_t count)
{
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        known += json_object_get(object, keys[i]) != NULL ? 1 : 0;
    }
    return json_is_object(object) && known == json_object_size(object);
}

static rg_status take_rule(const json_t *object, struct rg_arena *arena, struct audit_retention_rule *rule)
{
    static const char *const keys[] = {"classes", "tenants", "keep_us"};
    if (!has_only(object, keys, sizeof keys / sizeof keys[0])) {
        return rg_fail(RG_CONFIG, "a rule of the retention has an unknown key");
    }
    RG_TRY(take_names(json_object_get(object, "classes"), arena, &rule->classes, &rule->class_count));
    RG_TRY(take_names(json_object_get(object, "tenants"), arena, &rule->tenants, &rule->tenant_count));
    RG_TRY(escape_names(rule->tenants, rule->tenant_count, arena, &rule->escaped));
    return take_time(object, "keep_us", true, &rule->keep_us);
}

static rg_status take_rules(const json_t *array, struct rg_arena *arena, struct audit_retention *retention)
{
    void *memory = NULL;
    size_t count = json_array_size(array);
    if ((array != NULL && !json_is_array(array)) || count > AUDIT_RETENTION_RULES_MAX) {
        return rg_fail(RG_CONFIG, "the retention has too many rules, or no list of them");
    }
    RG_TRY(rg_arena_array(arena, count + 1, sizeof(struct audit_retention_rule), &memory));
    struct audit_retention_rule *rules = memory;
    for (size_t i = 0; i < count; i++) {
        RG_TRY(take_rule(json_array_get(array, i), arena, &rules[i]));
    }
    retention->rules = rules;
    retention->rule_count = count;
    return RG_OK;
}

static rg_status take_retention(const json_t *object, struct rg_arena *arena, struct audit_retention *retention)
{
    static const char *const keys[] = {"keep_us", "local_us", "needs_export", "object", "rules"};
    const json_t *needs_export = json_object_get(object, "needs_export");
    const json_t *stored = json_object_get(object, "object");
    if (!has_only(object, keys, sizeof keys / sizeof keys[0]) ||
        (needs_export != NULL && !json_is_boolean(needs_export))) {
        return rg_fail(RG_CONFIG, "the retention is no object, or has an unknown key");
    }
    retention->needs_export = json_is_true(needs_export);
    RG_TRY(take_time(object, "keep_us", true, &retention->keep_us));
    RG_TRY(take_time(object, "local_us", false, &retention->local_us));
    RG_TRY(stored == NULL ? RG_OK : copy_text(stored, arena, &retention->object));
    return take_rules(json_object_get(object, "rules"), arena, retention);
}

rg_status audit_retention_parse(struct rg_slice text, struct rg_arena *arena, struct audit_retention *out_retention)
{
    struct audit_retention retention = {0};
    json_error_t error;
    if (text.size == 0) {
        *out_retention = retention;
        return RG_OK;
    }
    json_t *object =
        text.size > AUDIT_RETENTION_MAX ? NULL : json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    rg_status status = take_retention(object, arena, &retention);
    json_decref(object);
    RG_TRY(status);
    *out_retention = retention;
    return RG_OK;
}

/* ---- ruling ---- */

static struct rg_slice value_behind(struct rg_slice text, struct rg_slice key)
{
    const char *found = text.size == 0 ? NULL : memmem(text.data, text.size, key.data, key.size);
    if (found == NULL) {
        return (struct rg_slice){0};
    }
    struct rg_slice value = rg_slice_cut(text, (size_t)(found - text.data) + key.size, SIZE_MAX);
    const char *end = value.size == 0 ? NULL : memchr(value.data, '"', value.size);
    return rg_slice_cut(value, 0, end == NULL ? 0 : (size_t)(end - value.data));
}

/* "login", "statement", "policy", "web", or "log" for all else. */
static struct rg_slice group_of(struct rg_slice kind)
{
    if (rg_slice_has_prefix(kind, RG_SLICE("login")) || rg_slice_is_equal(kind, RG_SLICE("logout")) ||
        rg_slice_has_prefix(kind, RG_SLICE("session."))) {
        return RG_SLICE("login");
    }
    if (rg_slice_has_prefix(kind, RG_SLICE("policy."))) {
        return RG_SLICE("policy");
    }
    if (rg_slice_is_equal(kind, RG_SLICE("http.request"))) {
        return RG_SLICE("web");
    }
    return rg_slice_is_equal(kind, RG_SLICE("statement")) ? kind : RG_SLICE("log");
}

static bool has_class(const struct audit_retention_rule *rule, struct rg_slice kind)
{
    struct rg_slice group = group_of(kind);
    for (size_t i = 0; i < rule->class_count; i++) {
        if (rg_slice_is_equal(rule->classes[i], kind) || rg_slice_is_equal(rule->classes[i], group)) {
            return true;
        }
    }
    return rule->class_count == 0;
}

static bool has_tenant(const struct audit_retention_rule *rule, struct rg_slice tenant)
{
    for (size_t i = 0; i < rule->tenant_count; i++) {
        if (rg_slice_is_equal(rule->escaped[i], tenant)) {
            return true;
        }
    }
    return rule->tenant_count == 0;
}

int64_t audit_retention_of(const struct audit_retention *retention, struct rg_slice line, const struct audit_head *head)
{
    struct rg_slice rest = rg_slice_cut(line, head->size, SIZE_MAX);
    struct rg_slice kind = value_behind(rg_slice_cut(rest, 0, 64), RG_SLICE("\"kind\":\""));
    int64_t keep_us = 0;
    for (size_t i = 0; i < retention->rule_count; i++) {
        const struct audit_retention_rule *rule = &retention->rules[i];
        if (rule->keep_us > keep_us && has_class(rule, kind) && has_tenant(rule, head->tenant)) {
            keep_us = rule->keep_us;
        }
    }
    keep_us = keep_us == 0 ? retention->keep_us : keep_us;
    bool is_shortened = retention->needs_export && retention->local_us > 0 && retention->local_us < keep_us;
    return is_shortened ? retention->local_us : keep_us;
}
