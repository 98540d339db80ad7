/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a request's head that frame the message, name the host or change the connection, and those that may
 * come once only. Everything else is the upstream's business. Called by head.c, line by line. */
#include "proxy/http/chars.h"
#include "proxy/http/head_private.h"

/* ---- values ---- */

/* Content-Length (RFC 9110 8.6): digits without sign, blank, list or leading zero, below 2^63. */
static enum http_refusal_id on_content_length(struct http_head_walk *walk, struct rg_slice value)
{
    uint64_t length = 0;
    bool is_plain = value.size > 0 && value.size <= 19 && (value.size == 1 || value.data[0] != '0');
    for (size_t i = 0; is_plain && i < value.size; i++) {
        is_plain = http_is_digit(value.data[i]);
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    if (!is_plain || length > INT64_MAX) {
        return HTTP_REFUSAL_BAD_LENGTH;
    }
    walk->head.body = HTTP_HEAD_BODY_LENGTH;
    walk->head.content_length = length;
    return HTTP_REFUSAL_COUNT;
}

/* Transfer-Encoding (RFC 9112 6.1): the only coding is chunked. */
static enum http_refusal_id on_transfer_encoding(struct http_head_walk *walk, struct rg_slice value)
{
    if (!http_is_word(value, "chunked") || walk->head.minor_version == 0) {
        return HTTP_REFUSAL_BAD_CODING;
    }
    return HTTP_REFUSAL_COUNT; /* the body's kind: http_head_finish, when both are known */
}

/* [":" port], the port 1 to 65535. */
static bool is_port_or_nothing(struct rg_slice text)
{
    unsigned port = 0;
    if (text.size == 0) {
        return true;
    }
    if (text.data[0] != ':' || text.size < 2 || text.size > 6) {
        return false;
    }
    for (size_t i = 1; i < text.size; i++) {
        if (!http_is_digit(text.data[i])) {
            return false;
        }
        port = port * 10 + (unsigned)(text.data[i] - '0');
    }
    return port > 0 && port <= UINT16_MAX;
}

/* Host (RFC 9112 3.2, RFC 3986 3.2.2): a name of letters, digits, "-", "_" and "." or an address; no user, no
 * escapes. Whether the name is ours is the plane's question. */
static enum http_refusal_id on_host(struct http_head_walk *walk, struct rg_slice value)
{
    bool is_bracketed = value.size > 0 && value.data[0] == '[';
    size_t at = is_bracketed ? 1 : 0;
    while (at < value.size &&
           (is_bracketed ? http_hex_value(value.data[at]) >= 0 || strchr(":.", value.data[at]) != NULL
                         : http_is_alnum(value.data[at]) || strchr("-_.", value.data[at]) != NULL)) {
        at++;
    }
    size_t size = is_bracketed ? at - 1 : at;
    if (is_bracketed && (at == value.size || value.data[at++] != ']')) {
        return HTTP_REFUSAL_HOST;
    }
    bool is_name = size > 0 && size <= 255 && (is_bracketed || value.data[0] != '.');
    if (!is_name || !is_port_or_nothing(rg_slice_cut(value, at, value.size))) {
        return HTTP_REFUSAL_HOST;
    }
    walk->head.host = value;
    return HTTP_REFUSAL_COUNT;
}

/* Connection (RFC 9110 7.6.1). A field that it names is dropped by whoever reads it first, so it may name only what
 * is hop-by-hop anyway: never Authorization, Cookie, X-Forwarded-For or Host. */
static enum http_refusal_id on_connection(struct http_head_walk *walk, struct rg_slice value)
{
    struct rg_slice option = {0};
    while (http_list_next(&value, &option)) {
        if (http_is_word(option, "close")) {
            walk->names_close = true;
        } else if (http_is_word(option, "keep-alive")) {
            walk->names_keep_alive = true;
        } else if (http_is_word(option, "upgrade")) {
            walk->names_upgrade = true;
        } else if (!http_is_word(option, "te")) {
            return HTTP_REFUSAL_CONNECTION;
        }
    }
    return HTTP_REFUSAL_COUNT;
}

/* Upgrade (RFC 9110 7.8): the rest of RFC 6455 4.2.1 is http_head_finish's. */
static enum http_refusal_id on_upgrade(struct http_head_walk *walk, struct rg_slice value)
{
    walk->head.is_websocket = http_is_word(value, "websocket");
    return walk->head.is_websocket ? HTTP_REFUSAL_COUNT : HTTP_REFUSAL_UPGRADE;
}

static enum http_refusal_id on_websocket_version(struct http_head_walk *walk, struct rg_slice value)
{
    (void)walk;
    return http_is_word(value, "13") ? HTTP_REFUSAL_COUNT : HTTP_REFUSAL_UPGRADE;
}

/* Expect (RFC 9110 10.1.1). */
static enum http_refusal_id on_expect(struct http_head_walk *walk, struct rg_slice value)
{
    walk->head.expects_continue = http_is_word(value, "100-continue") && walk->head.minor_version == 1;
    return walk->head.expects_continue ? HTTP_REFUSAL_COUNT : HTTP_REFUSAL_EXPECT;
}

/* ---- the table ---- */

/* Fields with one value: a second line is refused, since one reader takes the first and the next one the last. Rows
 * with a reader are compared with "_" as "-", too, and their values may not have stray blanks. */
enum row { ROW_LENGTH, ROW_CODING, ROW_HOST, ROW_CONNECTION, ROW_UPGRADE, ROW_VERSION, ROW_KEY, ROW_OTHERS };

static const struct {
    const char *name;
    enum http_refusal_id (*read)(struct http_head_walk *walk, struct rg_slice value);
    enum http_refusal_id twice;
} rows[] = {
    [ROW_LENGTH] = {"content-length", on_content_length, HTTP_REFUSAL_BAD_LENGTH},
    [ROW_CODING] = {"transfer-encoding", on_transfer_encoding, HTTP_REFUSAL_BAD_CODING},
    [ROW_HOST] = {"host", on_host, HTTP_REFUSAL_HOST},
    [ROW_CONNECTION] = {"connection", on_connection, HTTP_REFUSAL_DUPLICATE},
    [ROW_UPGRADE] = {"upgrade", on_upgrade, HTTP_REFUSAL_DUPLICATE},
    [ROW_VERSION] = {"sec-websocket-version", on_websocket_version, HTTP_REFUSAL_DUPLICATE},
    [ROW_KEY] = {"sec-websocket-key", NULL, HTTP_REFUSAL_DUPLICATE},
    [ROW_OTHERS] = {"expect", on_expect, HTTP_REFUSAL_DUPLICATE},
    {"authorization", NULL, HTTP_REFUSAL_DUPLICATE},
    {"content-disposition", NULL, HTTP_REFUSAL_DUPLICATE},
    {"content-encoding", NULL, HTTP_REFUSAL_DUPLICATE},
    {"content-location", NULL, HTTP_REFUSAL_DUPLICATE},
    {"content-range", NULL, HTTP_REFUSAL_DUPLICATE},
    {"content-type", NULL, HTTP_REFUSAL_DUPLICATE},
    {"cookie", NULL, HTTP_REFUSAL_DUPLICATE}, /* RFC 6265 5.4: a user agent sends one */
    {"date", NULL, HTTP_REFUSAL_DUPLICATE},
    {"from", NULL, HTTP_REFUSAL_DUPLICATE},
    {"if-modified-since", NULL, HTTP_REFUSAL_DUPLICATE},
    {"if-range", NULL, HTTP_REFUSAL_DUPLICATE},
    {"if-unmodified-since", NULL, HTTP_REFUSAL_DUPLICATE},
    {"max-forwards", NULL, HTTP_REFUSAL_DUPLICATE},
    {"origin", NULL, HTTP_REFUSAL_DUPLICATE},
    {"proxy-authorization", NULL, HTTP_REFUSAL_DUPLICATE},
    {"range", NULL, HTTP_REFUSAL_DUPLICATE},
    {"referer", NULL, HTTP_REFUSAL_DUPLICATE},
    {"sec-fetch-dest", NULL, HTTP_REFUSAL_DUPLICATE},
    {"sec-fetch-mode", NULL, HTTP_REFUSAL_DUPLICATE},
    {"sec-fetch-site", NULL, HTTP_REFUSAL_DUPLICATE},
    {"sec-fetch-user", NULL, HTTP_REFUSAL_DUPLICATE},
    {"traceparent", NULL, HTTP_REFUSAL_DUPLICATE},
    {"user-agent", NULL, HTTP_REFUSAL_DUPLICATE},
    {"x-csrftoken", NULL, HTTP_REFUSAL_DUPLICATE},
    {"x-guesttoken", NULL, HTTP_REFUSAL_DUPLICATE},
    {"x-requested-with", NULL, HTTP_REFUSAL_DUPLICATE},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };
_Static_assert(ROW_COUNT <= 64, "one bit each");

/* Whether name is row, case aside; *out_is_exact: without an underscore for a dash. */
static bool is_named(struct rg_slice name, const char *row, bool *out_is_exact)
{
    bool is_exact = true;
    size_t at = 0;
    for (; at < name.size && row[at] != '\0'; at++) {
        bool is_underscore = name.data[at] == '_' && row[at] == '-';
        if (http_lower(name.data[at]) != row[at] && !is_underscore) {
            return false;
        }
        is_exact = is_exact && !is_underscore;
    }
    *out_is_exact = is_exact;
    return at == name.size && row[at] == '\0';
}

/* One blank before the value is usual (RFC 9112 5.1); more, a tab, or one behind it are not. */
static bool has_stray_blanks(struct rg_slice value)
{
    size_t at = value.size > 0 && value.data[0] == ' ' ? 1 : 0;
    return value.size == at || http_is_blank(value.data[at]) || http_is_blank(value.data[value.size - 1]);
}

static enum http_refusal_id read_row(struct http_head_walk *walk, size_t i, struct rg_slice value)
{
    if ((walk->seen & (UINT64_C(1) << i)) != 0) {
        return rows[i].twice;
    }
    walk->seen |= UINT64_C(1) << i;
    if (rows[i].read == NULL) {
        return HTTP_REFUSAL_COUNT;
    }
    return has_stray_blanks(value) ? HTTP_REFUSAL_LOOSE_VALUE : rows[i].read(walk, http_trim(value));
}

enum http_refusal_id http_head_field(struct http_head_walk *walk, struct rg_slice name, struct rg_slice value)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool is_exact = false;
        if (!is_named(name, rows[i].name, &is_exact)) {
            continue;
        }
        if (is_exact) {
            return read_row(walk, i, value);
        }
        return rows[i].read != NULL ? HTTP_REFUSAL_LOOK_ALIKE : HTTP_REFUSAL_COUNT;
    }
    return HTTP_REFUSAL_COUNT;
}

static bool has_row(const struct http_head_walk *walk, enum row row)
{
    return (walk->seen & (UINT64_C(1) << row)) != 0;
}

/* RFC 6455 4.2.1: GET, HTTP/1.1, both headers, the key and the version. */
static bool is_whole_upgrade(const struct http_head_walk *walk)
{
    return rg_slice_is_equal(walk->head.method, RG_SLICE("GET")) && walk->head.minor_version == 1 &&
           walk->names_upgrade && has_row(walk, ROW_KEY) && has_row(walk, ROW_VERSION);
}

enum http_refusal_id http_head_finish(struct http_head_walk *walk, const struct http_head_limits *limits)
{
    struct http_head *head = &walk->head;
    if (has_row(walk, ROW_CODING)) {
        if (has_row(walk, ROW_LENGTH)) {
            return HTTP_REFUSAL_BOTH_LENGTHS;
        }
        head->body = HTTP_HEAD_BODY_CHUNKED;
    }
    bool has_body = head->body == HTTP_HEAD_BODY_CHUNKED || head->content_length > 0;
    if (has_body && !walk->method->has_body) {
        return HTTP_REFUSAL_BODY_OF_METHOD;
    }
    if (!has_row(walk, ROW_HOST)) {
        return HTTP_REFUSAL_HOST;
    }
    if (walk->names_close && walk->names_keep_alive) {
        return HTTP_REFUSAL_CONNECTION;
    }
    if (head->is_websocket && !is_whole_upgrade(walk)) {
        return HTTP_REFUSAL_UPGRADE;
    }
    if (head->content_length > limits->body_bytes) {
        return HTTP_REFUSAL_BODY_LARGE;
    }
    head->has_close = walk->names_close || (head->minor_version == 0 && !walk->names_keep_alive);
    return HTTP_REFUSAL_COUNT;
}
