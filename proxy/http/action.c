/* SPDX-License-Identifier: Apache-2.0 */
/* What a request does and to what, for the audit log. Nothing here decides anything, and nothing of it is verified. */
#include "proxy/http/action_private.h"

#include <jansson.h>

enum { LIST_BYTES = 2048 }; /* of a list of ids in a query; a longer one names no object */

/* ---- what is kept ---- */

static bool is_utf8(struct rg_slice text)
{
    json_t *value = json_stringn(text.data, text.size); /* refuses what is not */
    bool is_valid = value != NULL;
    json_decref(value);
    return is_valid;
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static rg_status clean(struct rg_arena *arena, struct rg_slice text, struct rg_slice *out_text)
{
    size_t size = text.size < HTTP_ACTION_TEXT_MAX ? text.size : HTTP_ACTION_TEXT_MAX;
    while (size < text.size && size > 0 && is_continuation(text.data[size])) {
        size -= 1;
    }
    struct rg_slice cut = rg_slice_cut(text, 0, size);
    bool is_valid = cut.size == 0 || is_utf8(cut);
    char *bytes = NULL;
    RG_TRY(rg_arena_alloc(arena, cut.size + 1, (void **)&bytes));
    for (size_t i = 0; i < cut.size; i++) {
        unsigned char byte = (unsigned char)cut.data[i];
        bool is_kept = byte >= 0x20 && byte != 0x7f && (byte < 0x80 || is_valid);
        bytes[i] = is_kept ? cut.data[i] : '?';
    }
    *out_text = rg_slice_make(bytes, cut.size);
    return RG_OK;
}

rg_status http_action_text(struct http_action_reader *reader, struct rg_slice text, struct rg_slice *into)
{
    return into->size > 0 || text.size == 0 ? RG_OK : clean(reader->arena, text, into);
}

static bool has_object(const struct http_action *action, const char *kind, struct rg_slice id)
{
    for (size_t i = 0; i < action->object_count; i++) {
        if (strcmp(action->objects[i].kind, kind) == 0 && rg_slice_is_equal(action->objects[i].id, id)) {
            return true;
        }
    }
    return false;
}

rg_status http_action_object(struct http_action_reader *reader, const char *kind, struct rg_slice id)
{
    struct http_action *action = &reader->action;
    struct rg_slice kept = {NULL, 0};
    if (id.size == 0 || has_object(action, kind, id)) {
        return RG_OK;
    }
    if (action->object_count == HTTP_ACTION_OBJECTS_MAX) {
        action->more_objects += 1;
        return RG_OK;
    }
    RG_TRY(clean(reader->arena, id, &kept));
    action->objects[action->object_count++] = (struct http_action_object){kind, kept};
    return RG_OK;
}

rg_status http_action_dataset(struct http_action_reader *reader, struct rg_slice id)
{
    for (size_t i = 0; i + 1 < id.size; i++) {
        if (id.data[i] == '_' && id.data[i + 1] == '_') {
            return http_action_object(reader, "dataset", rg_slice_cut(id, 0, i));
        }
    }
    return http_action_object(reader, "dataset", id);
}

/* ---- the route ---- */

static rg_status read_captures(struct http_action_reader *reader, const struct http_route_match *match)
{
    for (size_t i = 0; i < match->capture_count && match->route->object[0] != '\0'; i++) {
        enum http_capture_kind kind = match->captures[i].kind;
        if (kind != HTTP_CAPTURE_TEXT && kind != HTTP_CAPTURE_REST) {
            return http_action_object(reader, match->route->object, match->captures[i].text);
        }
    }
    return RG_OK;
}

/* ?q=!(1,2,3): the objects of a bulk delete, an export, a favourite status. */
static rg_status read_list(struct http_action_reader *reader, const char *kind, struct rg_slice list)
{
    if (list.size < 3 || list.data[0] != '!' || list.data[1] != '(' || list.data[list.size - 1] != ')') {
        return RG_OK;
    }
    struct rg_slice rest = rg_slice_cut(list, 2, list.size - 3);
    while (rest.size > 0) {
        const char *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
        struct rg_slice item = rg_slice_cut(rest, 0, size);
        if (item.size > 1 && item.data[0] == '\'' && item.data[item.size - 1] == '\'') {
            item = rg_slice_cut(item, 1, item.size - 2);
        }
        RG_TRY(http_action_object(reader, kind, item));
        rest = rg_slice_cut(rest, size + 1, rest.size);
    }
    return RG_OK;
}

static rg_status read_query(struct http_action_reader *reader, const struct http_action_source *source)
{
    const struct http_route *route = source->match->route;
    struct http_parameter parameter;
    struct rg_slice rest = rg_slice_cut(source->query, 0, HTTP_ACTION_BODY_MAX);
    if (route->object[0] != '\0' && source->match->capture_count == 0) {
        while (http_parameter_next(&rest, &parameter)) {
            char bytes[LIST_BYTES];
            if (http_parameter_is(parameter.name, RG_SLICE("q")) && parameter.value.size <= sizeof bytes) {
                size_t size = http_percent_decode(parameter.value, bytes);
                RG_TRY(read_list(reader, route->object, rg_slice_make(bytes, size)));
            }
        }
    }
    return http_action_parameters(reader, rg_slice_cut(source->query, 0, HTTP_ACTION_BODY_MAX));
}

/* ---- the body ---- */

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

/* RFC 9110 8.3.1: the type without its parameters; case does not count. */
static bool is_type(struct rg_slice content_type, struct rg_slice type)
{
    struct rg_slice head = rg_slice_cut(content_type, 0, type.size);
    for (size_t i = 0; i < head.size; i++) {
        if (lower(head.data[i]) != type.data[i]) {
            return false;
        }
    }
    return head.size == type.size &&
           (content_type.size == type.size || memchr("; \t", content_type.data[type.size], 3) != NULL);
}

static rg_status read_body(struct http_action_reader *reader, const struct http_action_source *source)
{
    if (source->body.size == 0) {
        return RG_OK;
    }
    if (is_type(source->content_type, RG_SLICE("application/x-www-form-urlencoded"))) {
        return http_action_parameters(reader, source->body);
    }
    if (is_type(source->content_type, RG_SLICE("application/json")) && source->body.size <= HTTP_ACTION_BODY_MAX) {
        return http_action_json(reader, source->body);
    }
    reader->action.is_unread = true;
    /* multipart/form-data has fields too; whatever type it claims, the name of the field is in there as it is. */
    reader->action.has_guest_token = memmem(source->body.data, source->body.size, "guest_token", 11) != NULL;
    return RG_OK;
}

/* ---- all of it ---- */

static const char *const export_formats[] = {"csv", "xlsx", "excel", "parquet"};

static void name_export(struct http_action *action, const struct http_route *route)
{
    action->is_export = (route->flags & HTTP_ROUTE_EXPORT) != 0;
    for (size_t i = 0; i < sizeof export_formats / sizeof export_formats[0]; i++) {
        if (strcmp(action->action, "chart.data") == 0 &&
            rg_slice_is_equal(action->format, rg_slice_of(export_formats[i]))) {
            action->action = "chart.export";
            action->is_export = true;
        }
    }
}

rg_status http_action_read(const struct http_action_source *source, struct rg_arena *arena,
                           struct http_action *out_action)
{
    struct http_action_reader *reader = NULL; /* too large for the stack */
    const struct http_route *route = source->match->route;
    RG_TRY(rg_arena_new(arena, &reader));
    reader->arena = arena;
    reader->action.action = route->action;
    RG_TRY(read_captures(reader, source->match));
    RG_TRY(read_body(reader, source)); /* what Superset acts on; the query is for its own log */
    RG_TRY(read_query(reader, source));
    name_export(&reader->action, route);
    *out_action = reader->action;
    return RG_OK;
}
