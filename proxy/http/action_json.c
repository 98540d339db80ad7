/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of Superset's API: which charts, dashboards, datasets and databases they name, titles, and SQL as digest. Only
 * known keys at known depths are looked at; there is no recursion over what the client sends but jansson's own, which
 * is bounded. */
#include "proxy/http/action_private.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

/* ---- values ---- */

static struct rg_slice text_of(const json_t *value)
{
    return json_is_string(value) ? rg_slice_make(json_string_value(value), json_string_length(value))
                                 : (struct rg_slice){NULL, 0};
}

enum { NUMBER_SIZE = 24 };

/* A number or a text as text; empty for all else. number holds it while it is used. */
static struct rg_slice id_of(const json_t *value, char number[NUMBER_SIZE])
{
    if (json_is_integer(value)) {
        int size = snprintf(number, NUMBER_SIZE, "%" PRId64, (int64_t)json_integer_value(value));
        return rg_slice_make(number, (size_t)size);
    }
    return text_of(value);
}

/* ---- ids ---- */

static const struct {
    const char *key;
    const char *object; /* NULL: a dataset, which may be written "3__table" */
} ids[] = {
    {"slice_id", "chart"},         {"chart_id", "chart"},      {"chart", "chart"},       {"dashboardId", "dashboard"},
    {"dashboard_id", "dashboard"}, {"dashboard", "dashboard"}, {"datasource_id", NULL},  {"dataset_id", NULL},
    {"database_id", "database"},   {"db_id", "database"},      {"database", "database"},
};

static rg_status keep_id(struct http_action_reader *reader, const char *object, const json_t *value)
{
    char number[NUMBER_SIZE];
    struct rg_slice id = id_of(value, number);
    return object == NULL ? http_action_dataset(reader, id) : http_action_object(reader, object, id);
}

static rg_status read_ids(struct http_action_reader *reader, const json_t *object)
{
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        RG_TRY(keep_id(reader, ids[i].object, json_object_get(object, ids[i].key)));
    }
    const json_t *source = json_object_get(object, "datasource"); /* {"id": 3, "type": "table"} or "3__table" */
    return keep_id(reader, NULL, json_is_object(source) ? json_object_get(source, "id") : source);
}

static rg_status read_lists(struct http_action_reader *reader, const json_t *object)
{
    static const char *const lists[][2] = {{"dashboards", "dashboard"}, {"tables", "dataset"}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const json_t *list = json_object_get(object, lists[i][0]);
        for (size_t at = 0; at < json_array_size(list); at++) {
            RG_TRY(keep_id(reader, lists[i][1], json_array_get(list, at)));
        }
    }
    return RG_OK;
}

/* POST /api/v1/security/guest_token/: {"resources": [{"type": "dashboard", "id": "..."}], "user": {"username": ...}} */
static rg_status read_guest(struct http_action_reader *reader, const json_t *object)
{
    const json_t *list = json_object_get(object, "resources");
    for (size_t at = 0; at < json_array_size(list); at++) {
        RG_TRY(keep_id(reader, "dashboard", json_object_get(json_array_get(list, at), "id")));
    }
    return http_action_text(reader, text_of(json_object_get(json_object_get(object, "user"), "username")),
                            &reader->action.user);
}

/* ---- texts ---- */

static const struct {
    const char *key;
    size_t offset; /* of a struct rg_slice in struct http_action; the first key that is there counts */
} texts[] = {
    {"dashboard_title", offsetof(struct http_action, title)}, {"slice_name", offsetof(struct http_action, title)},
    {"table_name", offsetof(struct http_action, title)},      {"database_name", offsetof(struct http_action, title)},
    {"label", offsetof(struct http_action, title)},           {"theme_name", offsetof(struct http_action, title)},
    {"template_name", offsetof(struct http_action, title)},   {"name", offsetof(struct http_action, title)},
    {"result_format", offsetof(struct http_action, format)},  {"result_type", offsetof(struct http_action, result)},
    {"username", offsetof(struct http_action, user)},         {"schema", offsetof(struct http_action, schema)},
    {"client_id", offsetof(struct http_action, client_id)},
};

static rg_status read_texts(struct http_action_reader *reader, const json_t *object)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        void *into = (char *)&reader->action + texts[i].offset;
        RG_TRY(http_action_text(reader, text_of(json_object_get(object, texts[i].key)), into));
    }
    return RG_OK;
}

static void read_sql(struct http_action *action, const json_t *object)
{
    const json_t *sql = json_object_get(object, "sql");
    if (json_is_string(sql) && !action->has_sql) {
        action->has_sql = true;
        action->sql_bytes = json_string_length(sql);
        action->sql_digest = rg_sha256_one(text_of(sql));
    }
}

/* ---- all of it ---- */

static rg_status read_object(struct http_action_reader *reader, const json_t *object)
{
    RG_TRY(read_ids(reader, object));
    RG_TRY(read_lists(reader, object));
    RG_TRY(read_guest(reader, object));
    RG_TRY(read_texts(reader, object));
    read_sql(&reader->action, object);
    reader->action.is_forced = reader->action.is_forced || json_is_true(json_object_get(object, "force"));
    return read_ids(reader, json_object_get(object, "form_data"));
}

static void json_free(json_t **value)
{
    json_decref(*value);
}

rg_status http_action_json(struct http_action_reader *reader, struct rg_slice text)
{
    RG_AUTO(json_free) json_t *object = json_loadb(text.data, text.size, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(object)) {
        reader->action.is_unread = true;
        return RG_OK;
    }
    return read_object(reader, object);
}
