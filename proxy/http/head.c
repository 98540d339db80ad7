/* SPDX-License-Identifier: Apache-2.0 */
/* The request line of a head, and the walk over its lines; what single fields mean is head_fields.c. Runs on raw bytes
 * before libh2o's parser, which is lenient where this is not: bare LF, an empty line first, folded lines, any byte in
 * a name, any digit as minor version. */
#include "proxy/http/chars.h"
#include "proxy/http/head_private.h"

enum { MAX_METHOD = 16 };

struct http_head_limits http_head_limits_of(size_t max_head_bytes, uint64_t max_body_bytes)
{
    return (struct http_head_limits){
        .head_bytes = max_head_bytes,
        .target_bytes = max_head_bytes / 2,
        .name_bytes = 128,
        .value_bytes = max_head_bytes / 2,
        .fields = HTTP_HEAD_MAX_FIELDS,
        .body_bytes = max_body_bytes,
    };
}

static const struct http_head_method methods[] = {
    {"GET", false},   {"HEAD", false}, {"POST", true},     {"PUT", true},
    {"DELETE", true}, {"PATCH", true}, {"OPTIONS", false},
};

/* ---- bytes and lines ---- */

enum scan { SCAN_REFUSED = 0, SCAN_MORE, SCAN_END };

/* Looks from `at` for the empty line; CR and LF stand together only, no other control byte but the tab. */
static enum scan scan_end(struct rg_slice bytes, size_t at, size_t *out_size)
{
    for (; at < bytes.size; at++) {
        char c = bytes.data[at];
        if (!http_is_control(c) || c == '\t') {
            continue;
        }
        bool is_pair = (c == '\r' && (at + 1 == bytes.size || bytes.data[at + 1] == '\n')) ||
                       (c == '\n' && at > 0 && bytes.data[at - 1] == '\r');
        if (!is_pair || at == 0) {
            return SCAN_REFUSED;
        }
        if (c == '\n' && at >= 3 && bytes.data[at - 2] == '\n') {
            *out_size = at + 1;
            return SCAN_END;
        }
    }
    return SCAN_MORE;
}

/* The line that begins at `at`, without its CR LF, which is there. */
static struct rg_slice line_at(struct rg_slice head, size_t at)
{
    const char *end = memchr(head.data + at, '\r', head.size - at);
    RG_ASSERT(end != NULL);
    return rg_slice_make(head.data + at, (size_t)(end - head.data) - at);
}

/* ---- the request line (RFC 9112 3) ---- */

/* HTTP-version (RFC 9112 2.3). */
static enum http_refusal_id check_version(struct rg_slice version, struct http_head *head)
{
    struct rg_slice prefix = RG_SLICE("HTTP/");
    if (version.size != 8 || !rg_slice_has_prefix(version, prefix) || !http_is_digit(version.data[5]) ||
        version.data[6] != '.' || !http_is_digit(version.data[7])) {
        return HTTP_REFUSAL_MALFORMED;
    }
    if (version.data[5] != '1' || version.data[7] > '1') {
        return HTTP_REFUSAL_VERSION;
    }
    head->minor_version = version.data[7] == '1' ? 1 : 0;
    return HTTP_REFUSAL_COUNT;
}

static enum http_refusal_id check_method(struct rg_slice method, struct http_head_walk *walk)
{
    for (size_t i = 0; i < method.size; i++) {
        if (!http_is_token_char(method.data[i])) {
            return HTTP_REFUSAL_MALFORMED;
        }
    }
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (rg_slice_is_equal(method, rg_slice_of(methods[i].name))) {
            walk->method = &methods[i];
            return HTTP_REFUSAL_COUNT;
        }
    }
    return HTTP_REFUSAL_METHOD;
}

/* origin-form only (RFC 9112 3.2.1). The path's own rules are path.c's; the query may hold what browsers leave
 * unescaped (WHATWG URL, query state), but no space, control, quote-free "#" or byte above ASCII. */
static enum http_refusal_id check_target(struct rg_slice target, const struct http_head_limits *limits,
                                         struct http_head *head)
{
    if (target.size > limits->target_bytes) {
        return HTTP_REFUSAL_TARGET_LONG;
    }
    if (target.size == 0 || target.data[0] != '/') {
        return HTTP_REFUSAL_TARGET;
    }
    for (size_t i = 0; i < target.size; i++) {
        char c = target.data[i];
        if (http_is_control(c) || c == ' ' || c == '#' || (unsigned char)c >= 0x80) {
            return HTTP_REFUSAL_TARGET_BYTES;
        }
    }
    const char *mark = memchr(target.data, '?', target.size);
    size_t size = mark == NULL ? target.size : (size_t)(mark - target.data);
    head->target = target;
    head->raw_path = rg_slice_cut(target, 0, size);
    head->query = rg_slice_cut(target, size + 1, target.size);
    return HTTP_REFUSAL_COUNT;
}

static enum http_refusal_id check_request_line(struct rg_slice line, const struct http_head_limits *limits,
                                               struct http_head_walk *walk)
{
    const char *first = memchr(line.data, ' ', line.size);
    const char *last = memrchr(line.data, ' ', line.size);
    if (first == NULL || first == last || first == line.data || memchr(line.data, '\t', line.size) != NULL) {
        return HTTP_REFUSAL_MALFORMED;
    }
    struct http_head *head = &walk->head;
    head->method = rg_slice_make(line.data, (size_t)(first - line.data));
    size_t version_at = (size_t)(last - line.data) + 1;
    enum http_refusal_id why = check_version(rg_slice_cut(line, version_at, line.size), head);
    if (why == HTTP_REFUSAL_COUNT) {
        why = check_method(head->method, walk);
    }
    if (why == HTTP_REFUSAL_COUNT) {
        why = check_target(rg_slice_make(first + 1, (size_t)(last - first) - 1), limits, head);
    }
    return why;
}

/* ---- field lines (RFC 9112 5) ---- */

static enum http_refusal_id split_field(struct rg_slice line, const struct http_head_limits *limits,
                                        struct rg_slice *out_name, struct rg_slice *out_value)
{
    if (line.size > 0 && http_is_blank(line.data[0])) {
        return HTTP_REFUSAL_FOLDED;
    }
    const char *colon = memchr(line.data, ':', line.size);
    if (colon == NULL || colon == line.data) {
        return HTTP_REFUSAL_NAME;
    }
    struct rg_slice name = rg_slice_make(line.data, (size_t)(colon - line.data));
    if (http_is_blank(name.data[name.size - 1])) {
        return HTTP_REFUSAL_SPACED_NAME;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (!http_is_token_char(name.data[i])) {
            return HTTP_REFUSAL_NAME;
        }
    }
    struct rg_slice value = rg_slice_cut(line, name.size + 1, line.size);
    if (name.size > limits->name_bytes || value.size > limits->value_bytes) {
        return HTTP_REFUSAL_FIELD_LARGE;
    }
    *out_name = name;
    *out_value = value;
    return HTTP_REFUSAL_COUNT;
}

static enum http_refusal_id check_fields(struct rg_slice head, size_t at, const struct http_head_limits *limits,
                                         struct http_head_walk *walk)
{
    for (size_t count = 0; at + 2 < head.size; count++) {
        struct rg_slice line = line_at(head, at);
        struct rg_slice name = {0};
        struct rg_slice value = {0};
        if (count == limits->fields) {
            return HTTP_REFUSAL_FIELDS;
        }
        enum http_refusal_id why = split_field(line, limits, &name, &value);
        if (why == HTTP_REFUSAL_COUNT) {
            why = http_head_field(walk, name, value);
        }
        if (why != HTTP_REFUSAL_COUNT) {
            return why;
        }
        at += line.size + 2;
    }
    return http_head_finish(walk, limits);
}

/* ---- the whole ---- */

static enum http_verdict refuse(enum http_refusal_id id, struct http_refusal *out_refusal)
{
    *out_refusal = http_refusal_of(id);
    return HTTP_VERDICT_REFUSED;
}

/* What is wrong already with a head that is not whole; the first line is looked at once, when it is. */
static enum http_refusal_id check_part(struct rg_slice bytes, size_t seen, const struct http_head_limits *limits)
{
    size_t shown = bytes.size < MAX_METHOD + 1 ? bytes.size : MAX_METHOD + 1;
    if (shown > MAX_METHOD && memchr(bytes.data, ' ', shown) == NULL) {
        return HTTP_REFUSAL_MALFORMED;
    }
    const char *end = memchr(bytes.data, '\r', bytes.size);
    size_t size = end == NULL ? bytes.size : (size_t)(end - bytes.data);
    if (size > limits->target_bytes + MAX_METHOD + sizeof " HTTP/1.1") {
        return HTTP_REFUSAL_TARGET_LONG;
    }
    if (bytes.size >= limits->head_bytes) {
        return HTTP_REFUSAL_HEAD_LARGE;
    }
    struct http_head_walk walk = {0};
    bool is_new_line = end != NULL && seen <= size;
    return is_new_line ? check_request_line(rg_slice_cut(bytes, 0, size), limits, &walk) : HTTP_REFUSAL_COUNT;
}

enum http_verdict http_head_judge(struct rg_slice bytes, size_t seen, const struct http_head_limits *limits,
                                  struct http_head *out_head, struct http_refusal *out_refusal)
{
    size_t size = 0;
    enum scan scan = scan_end(bytes, seen > 3 ? seen - 3 : 0, &size);
    if (scan == SCAN_REFUSED) {
        return refuse(HTTP_REFUSAL_LINE_END, out_refusal);
    }
    if (bytes.size == 0) {
        return HTTP_VERDICT_MORE;
    }
    if (scan == SCAN_MORE || size > limits->head_bytes) {
        size_t judged = scan == SCAN_MORE ? bytes.size : size;
        enum http_refusal_id why = check_part(rg_slice_cut(bytes, 0, judged), seen, limits);
        return why == HTTP_REFUSAL_COUNT ? HTTP_VERDICT_MORE : refuse(why, out_refusal);
    }
    struct rg_slice head = rg_slice_cut(bytes, 0, size);
    struct rg_slice line = line_at(head, 0);
    struct http_head_walk walk = {.head = {.size = size}};
    enum http_refusal_id why = check_request_line(line, limits, &walk);
    if (why == HTTP_REFUSAL_COUNT) {
        why = check_fields(head, line.size + 2, limits, &walk);
    }
    if (why != HTTP_REFUSAL_COUNT) {
        return refuse(why, out_refusal);
    }
    *out_head = walk.head;
    return HTTP_VERDICT_OK;
}

bool http_head_next(struct rg_slice head, size_t *cursor, struct rg_slice *out_name, struct rg_slice *out_value)
{
    size_t at = *cursor == 0 ? line_at(head, 0).size + 2 : *cursor;
    if (at + 2 >= head.size) {
        return false;
    }
    struct rg_slice line = line_at(head, at);
    const char *colon = memchr(line.data, ':', line.size);
    RG_ASSERT(colon != NULL);
    size_t size = (size_t)(colon - line.data);
    *out_name = rg_slice_cut(line, 0, size);
    *out_value = http_trim(rg_slice_cut(line, size + 1, line.size));
    *cursor = at + line.size + 2;
    return true;
}
