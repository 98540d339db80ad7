/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of queries and forms: what they hint at, and which of them are secrets that no record may hold. */
#include "proxy/http/action_private.h"

#include <strings.h>

#include "base/rg_memory.h"

/* ---- parts ---- */

bool http_parameter_next(struct rg_slice *rest, struct http_parameter *out_parameter)
{
    while (rest->size > 0) {
        const char *end = memchr(rest->data, '&', rest->size);
        size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
        struct rg_slice part = rg_slice_cut(*rest, 0, size);
        *rest = rg_slice_cut(*rest, size + 1, rest->size);
        if (part.size > 0) {
            const char *equals = memchr(part.data, '=', part.size);
            size_t name = equals == NULL ? part.size : (size_t)(equals - part.data);
            *out_parameter =
                (struct http_parameter){rg_slice_cut(part, 0, name), rg_slice_cut(part, name + 1, part.size)};
            return true;
        }
    }
    return false;
}

static int hex_digit(char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = byte == '\0' ? NULL : strchr(digits, byte >= 'A' && byte <= 'F' ? byte - 'A' + 'a' : byte);
    return at == NULL ? -1 : (int)(at - digits);
}

/* One byte of text at *at, decoded; moves *at behind it. */
static char decode_next(struct rg_slice text, size_t *at)
{
    char byte = text.data[*at];
    if (byte == '%' && text.size - *at > 2) {
        int high = hex_digit(text.data[*at + 1]);
        int low = hex_digit(text.data[*at + 2]);
        if (high >= 0 && low >= 0) {
            *at += 3;
            return (char)(high * 16 + low);
        }
    }
    *at += 1;
    return byte == '+' ? ' ' : byte;
}

size_t http_percent_decode(struct rg_slice text, char *out_bytes)
{
    size_t size = 0;
    for (size_t at = 0; at < text.size;) {
        out_bytes[size++] = decode_next(text, &at);
    }
    return size;
}

bool http_parameter_is(struct rg_slice text, struct rg_slice name)
{
    size_t matched = 0;
    for (size_t at = 0; at < text.size;) {
        if (matched == name.size || decode_next(text, &at) != name.data[matched]) {
            return false;
        }
        matched += 1;
    }
    return matched == name.size;
}

/* ---- hints ---- */

enum parameter_kind {
    PARAMETER_OBJECT = 0,
    PARAMETER_DATASET,
    PARAMETER_JSON,
    PARAMETER_FORCE,
    PARAMETER_CSV,
    PARAMETER_FORMAT,
    PARAMETER_RESULT,
    PARAMETER_USER,
    PARAMETER_GUEST,
    PARAMETER_CLIENT
};

static const struct {
    const char *name;
    enum parameter_kind kind;
    const char *object;
} parameters[] = {
    {"slice_id", PARAMETER_OBJECT, "chart"},
    {"dashboard_id", PARAMETER_OBJECT, "dashboard"},
    {"database_id", PARAMETER_OBJECT, "database"},
    {"datasource_id", PARAMETER_DATASET, NULL},
    {"datasourceKey", PARAMETER_DATASET, NULL},
    {"form_data", PARAMETER_JSON, NULL},
    {"data", PARAMETER_JSON, NULL}, /* /datasource/save/ */
    {"force", PARAMETER_FORCE, NULL},
    {"csv", PARAMETER_CSV, NULL},
    {"result_format", PARAMETER_FORMAT, NULL},
    {"result_type", PARAMETER_RESULT, NULL},
    {"username", PARAMETER_USER, NULL},
    {"guest_token", PARAMETER_GUEST, NULL},
    {"client_id", PARAMETER_CLIENT, NULL},
};

static rg_status keep(struct http_action_reader *reader, enum parameter_kind kind, const char *object,
                      struct rg_slice value)
{
    struct http_action *action = &reader->action;
    switch (kind) {
    case PARAMETER_OBJECT:
        return http_action_object(reader, object, value);
    case PARAMETER_DATASET:
        return http_action_dataset(reader, value);
    case PARAMETER_JSON:
        return http_action_json(reader, value);
    case PARAMETER_FORMAT:
        return http_action_text(reader, value, &action->format);
    case PARAMETER_RESULT:
        return http_action_text(reader, value, &action->result);
    case PARAMETER_USER:
        return http_action_text(reader, value, &action->user);
    case PARAMETER_CLIENT:
        return http_action_text(reader, value, &action->client_id);
    case PARAMETER_CSV:
        return rg_slice_is_equal(value, RG_SLICE("true")) ? http_action_text(reader, RG_SLICE("csv"), &action->format)
                                                          : RG_OK;
    case PARAMETER_FORCE:
        action->is_forced = action->is_forced || rg_slice_is_equal(value, RG_SLICE("true"));
        return RG_OK;
    case PARAMETER_GUEST:
        action->has_guest_token = true;
        return RG_OK;
    }
    return RG_OK;
}

static void buf_free(char **bytes)
{
    rg_memory_free(*bytes);
}

static rg_status read_parameter(struct http_action_reader *reader, const struct http_parameter *parameter)
{
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (!http_parameter_is(parameter->name, rg_slice_of(parameters[i].name))) {
            continue;
        }
        if (parameter->value.size > HTTP_ACTION_BODY_MAX) {
            reader->action.is_unread = true;
            reader->action.has_guest_token |= parameters[i].kind == PARAMETER_GUEST;
            return RG_OK;
        }
        RG_AUTO(buf_free) char *bytes = rg_memory_alloc(parameter->value.size + 1);
        size_t size = http_percent_decode(parameter->value, bytes);
        return keep(reader, parameters[i].kind, parameters[i].object, rg_slice_make(bytes, size));
    }
    return RG_OK;
}

rg_status http_action_parameters(struct http_action_reader *reader, struct rg_slice text)
{
    enum { PARAMETERS_MAX = 4096 };
    struct http_parameter parameter;
    for (size_t count = 0; http_parameter_next(&text, &parameter); count++) {
        if (count == PARAMETERS_MAX) { /* there may be anything in the rest */
            reader->action.is_unread = true;
            reader->action.has_guest_token = true;
            return RG_OK;
        }
        RG_TRY(read_parameter(reader, &parameter));
    }
    return RG_OK;
}

/* ---- secrets ---- */

static const char *const secret_parts[] = {"token", "passw", "secret", "credential", "apikey", "api_key", "signature"};
static const char *const secret_names[] = {
    "code",         "state",      "nonce",   "pwd",           "assertion",     "samlrequest",
    "samlresponse", "relaystate", "session", "sid",           "code_verifier", "session_state",
    "jwt",          "ticket",     "sig",     "authorization", "cookie",
};

enum { SECRET_NAME_MAX = 256 };

bool http_is_secret_name(struct rg_slice name)
{
    char text[SECRET_NAME_MAX + 1] = {0};
    if (name.size > SECRET_NAME_MAX || (name.size > 0 && memchr(name.data, '\0', name.size) != NULL)) {
        return true; /* no honest client has such a name */
    }
    for (size_t i = 0; i < name.size; i++) {
        text[i] = name.data[i];
    }
    for (size_t i = 0; i < sizeof secret_parts / sizeof secret_parts[0]; i++) {
        if (strcasestr(text, secret_parts[i]) != NULL) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof secret_names / sizeof secret_names[0]; i++) {
        if (strcasecmp(text, secret_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A name is read as deeply encoded as it may come: decoding stops where nothing changes. */
static bool is_secret_parameter(struct rg_slice name)
{
    enum { DECODINGS_MAX = 3, RAW_NAME_MAX = 3 * SECRET_NAME_MAX };
    char bytes[RAW_NAME_MAX];
    if (name.size > sizeof bytes) {
        return true;
    }
    struct rg_slice decoded = name;
    for (int i = 0; i < DECODINGS_MAX; i++) {
        decoded = rg_slice_make(bytes, http_percent_decode(decoded, bytes));
        if (http_is_secret_name(decoded)) {
            return true;
        }
    }
    return false;
}

static bool is_printable(char byte)
{
    return byte > ' ' && byte < 0x7f;
}

struct writer {
    char *bytes;
    size_t size;
};

static void put(struct writer *writer, struct rg_slice text)
{
    for (size_t i = 0; i < text.size && writer->size < HTTP_ACTION_QUERY_MAX; i++) {
        writer->bytes[writer->size++] = is_printable(text.data[i]) ? text.data[i] : '?';
    }
}

rg_status http_query_star(struct rg_slice query, struct rg_arena *arena, struct rg_slice *out_query)
{
    struct writer writer = {NULL, 0};
    struct http_parameter parameter;
    RG_TRY(rg_arena_alloc(arena, HTTP_ACTION_QUERY_MAX + 1, (void **)&writer.bytes));
    while (writer.size < HTTP_ACTION_QUERY_MAX && http_parameter_next(&query, &parameter)) {
        bool has_value = parameter.value.data > parameter.name.data + parameter.name.size;
        put(&writer, writer.size == 0 ? (struct rg_slice){NULL, 0} : RG_SLICE("&"));
        put(&writer, parameter.name);
        put(&writer, has_value ? RG_SLICE("=") : (struct rg_slice){NULL, 0});
        put(&writer, has_value && is_secret_parameter(parameter.name) ? RG_SLICE("***") : parameter.value);
    }
    *out_query = rg_slice_make(writer.bytes, writer.size);
    return RG_OK;
}
