/* SPDX-License-Identifier: Apache-2.0 */
/* Path patterns: "/api/v1/dashboard/{id}/filters". Read once, from the table or from [[routes]]; what they accept is
 * decided byte by byte, without regular expressions. */
#include "proxy/http/route_private.h"

/* ---- what a capture takes ---- */

static bool is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(unsigned char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool is_key(unsigned char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           byte == '-' || byte == '=';
}

static bool is_slug(unsigned char byte)
{
    return is_key(byte) || byte == '.' || byte == '~' || byte == '+' || byte >= 0x80;
}

static bool is_text(unsigned char byte)
{
    return byte >= 0x20 && byte != 0x7f && byte != '/';
}

static bool is_all(struct rg_slice text, bool (*is_one)(unsigned char byte))
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_one((unsigned char)text.data[i])) {
            return false;
        }
    }
    return true;
}

/* A segment that means another directory is never taken, whoever should have normalised it away. */
static bool is_dots(struct rg_slice text)
{
    return rg_slice_is_equal(text, RG_SLICE(".")) || rg_slice_is_equal(text, RG_SLICE(".."));
}

enum { ID_DIGITS_MAX = 19 };

/* One number has one form: to Superset "012" is 12 as well, to a rule about 12 it is not. */
static bool is_number(struct rg_slice text)
{
    return text.size <= ID_DIGITS_MAX && (text.size == 1 || text.data[0] != '0') && is_all(text, is_digit);
}

/* RFC 9562 4: 8-4-4-4-12. */
static bool is_uuid(struct rg_slice text)
{
    enum { UUID_SIZE = 36 };
    if (text.size != UUID_SIZE) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text.data[i] != '-' : !is_hex((unsigned char)text.data[i])) {
            return false;
        }
    }
    return true;
}

/* Segments with slashes between them: none is empty but the last. */
static bool is_rest(struct rg_slice text)
{
    if (text.size > (size_t)HTTP_REST_MAX) {
        return false;
    }
    bool has_more = true;
    while (has_more) {
        struct rg_slice segment;
        has_more = http_segment_next(&text, &segment);
        if ((has_more && segment.size == 0) || is_dots(segment) || !is_all(segment, is_text)) {
            return false;
        }
    }
    return true;
}

bool http_capture_accepts(enum http_capture_kind kind, struct rg_slice text)
{
    if (text.size == 0 || is_dots(text) || (kind != HTTP_CAPTURE_REST && text.size > HTTP_SEGMENT_MAX)) {
        return false;
    }
    switch (kind) {
    case HTTP_CAPTURE_ID:
        return is_number(text);
    case HTTP_CAPTURE_UUID:
        return is_uuid(text);
    case HTTP_CAPTURE_KEY:
        return is_all(text, is_key);
    case HTTP_CAPTURE_SLUG:
        return is_all(text, is_slug) && (is_number(text) || !is_all(text, is_digit));
    case HTTP_CAPTURE_TEXT:
        return is_all(text, is_text);
    case HTTP_CAPTURE_REST:
        return is_rest(text);
    case HTTP_CAPTURE_NONE:
        break;
    }
    return false;
}

/* ---- reading ---- */

static const struct {
    struct rg_slice text;
    enum http_capture_kind kind;
} captures[] = {
    {{"{id}", 4}, HTTP_CAPTURE_ID},     {{"{uuid}", 6}, HTTP_CAPTURE_UUID}, {{"{key}", 5}, HTTP_CAPTURE_KEY},
    {{"{slug}", 6}, HTTP_CAPTURE_SLUG}, {{"{text}", 6}, HTTP_CAPTURE_TEXT}, {{"{rest}", 6}, HTTP_CAPTURE_REST},
};

static enum http_capture_kind capture_find(struct rg_slice text)
{
    for (size_t i = 0; i < sizeof captures / sizeof captures[0]; i++) {
        if (rg_slice_is_equal(text, captures[i].text)) {
            return captures[i].kind;
        }
    }
    return HTTP_CAPTURE_NONE;
}

static bool has_braces(struct rg_slice text)
{
    return memchr(text.data, '{', text.size) != NULL || memchr(text.data, '}', text.size) != NULL;
}

/* A literal is compared with a decoded path, so nothing in it is percent-encoded. */
static bool is_literal(unsigned char byte)
{
    return is_text(byte) && byte != '%' && byte != '?' && byte != '#' && byte != '\\' && byte != '*';
}

static rg_status read_segment(struct rg_slice text, bool is_last, struct http_segment *out_segment)
{
    struct http_segment segment = {text.size == 0 ? HTTP_CAPTURE_NONE : capture_find(text), text};
    if (text.size == 0 && !is_last) {
        return rg_fail(RG_CONFIG, "it has two slashes in a row");
    }
    if (segment.kind == HTTP_CAPTURE_REST && !is_last) {
        return rg_fail(RG_CONFIG, "{rest} must be the last segment");
    }
    if (segment.kind == HTTP_CAPTURE_NONE && text.size > 0) {
        if (has_braces(text)) {
            return rg_fail(RG_CONFIG, "\"%.*s\" is none of {id} {uuid} {key} {slug} {text} {rest}",
                           rg_slice_shown(text), text.data);
        }
        if (is_dots(text) || text.size > HTTP_SEGMENT_MAX || !is_all(text, is_literal)) {
            return rg_fail(RG_CONFIG, "\"%.*s\" cannot be a segment: no dots alone, %%, ?, #, *, \\ or control bytes",
                           rg_slice_shown(text), text.data);
        }
    }
    *out_segment = segment;
    return RG_OK;
}

rg_status http_pattern_parse(struct rg_slice text, struct http_pattern *out_pattern)
{
    struct http_pattern pattern = {.count = 0};
    size_t capture_count = 0;
    if (text.size == 0 || text.data[0] != '/') {
        return rg_fail(RG_CONFIG, "it must begin with a slash");
    }
    struct rg_slice rest = rg_slice_cut(text, 1, text.size);
    bool has_more = true;
    while (has_more) {
        struct rg_slice segment;
        if (pattern.count == HTTP_PATH_SEGMENTS_MAX) {
            return rg_fail(RG_CONFIG, "it has more than %d segments", HTTP_PATH_SEGMENTS_MAX);
        }
        has_more = http_segment_next(&rest, &segment);
        RG_TRY(read_segment(segment, !has_more, &pattern.segments[pattern.count]));
        capture_count += pattern.segments[pattern.count].kind != HTTP_CAPTURE_NONE ? 1 : 0;
        pattern.count += 1;
    }
    if (capture_count > HTTP_PATTERN_CAPTURES_MAX) {
        return rg_fail(RG_CONFIG, "it has more than %d captures", HTTP_PATTERN_CAPTURES_MAX);
    }
    *out_pattern = pattern;
    return RG_OK;
}

rg_status http_pattern_check(struct rg_slice text)
{
    struct http_pattern pattern;
    return http_pattern_parse(text, &pattern);
}

/* ---- questions ---- */

static bool segment_has(const struct http_segment *segment, struct rg_slice text)
{
    return segment->kind == HTTP_CAPTURE_NONE ? rg_slice_is_equal(segment->literal, text)
                                              : http_capture_accepts(segment->kind, text);
}

bool http_pattern_has(const struct http_pattern *pattern, struct rg_slice path)
{
    if (path.size == 0 || path.data[0] != '/') {
        return false;
    }
    struct rg_slice rest = rg_slice_cut(path, 1, path.size);
    for (size_t i = 0; i < pattern->count; i++) {
        struct rg_slice segment;
        if (pattern->segments[i].kind == HTTP_CAPTURE_REST) {
            return http_capture_accepts(HTTP_CAPTURE_REST, rest);
        }
        bool has_more = http_segment_next(&rest, &segment);
        if (!segment_has(&pattern->segments[i], segment) || has_more != (i + 1 < pattern->count)) {
            return false;
        }
    }
    return true;
}

/* Each kind takes all that a narrower one takes, but numbers and UUIDs have nothing in common. */
static bool segments_meet(const struct http_segment *a, const struct http_segment *b)
{
    if (a->kind == HTTP_CAPTURE_NONE) {
        return segment_has(b, a->literal);
    }
    if (b->kind == HTTP_CAPTURE_NONE) {
        return segment_has(a, b->literal);
    }
    return a->kind == b->kind || (a->kind > HTTP_CAPTURE_UUID || b->kind > HTTP_CAPTURE_UUID);
}

static bool segment_covers(const struct http_segment *outer, const struct http_segment *inner)
{
    if (inner->kind == HTTP_CAPTURE_NONE) {
        return segment_has(outer, inner->literal);
    }
    return outer->kind == inner->kind || (outer->kind > HTTP_CAPTURE_UUID && outer->kind > inner->kind);
}

/* What is left of a pattern from `at` on is never empty: so {rest} takes it unless it is the slash at the end. */
static bool rest_meets(const struct http_pattern *pattern, size_t at)
{
    return at < pattern->count &&
           (pattern->segments[at].kind != HTTP_CAPTURE_NONE || pattern->segments[at].literal.size > 0);
}

static bool is_rest_at(const struct http_pattern *pattern, size_t at)
{
    return at < pattern->count && pattern->segments[at].kind == HTTP_CAPTURE_REST;
}

bool http_pattern_meets(const struct http_pattern *a, const struct http_pattern *b)
{
    for (size_t i = 0; i < a->count || i < b->count; i++) {
        if (is_rest_at(a, i)) {
            return rest_meets(b, i);
        }
        if (is_rest_at(b, i)) {
            return rest_meets(a, i);
        }
        if (i >= a->count || i >= b->count || !segments_meet(&a->segments[i], &b->segments[i])) {
            return false;
        }
    }
    return true;
}

bool http_pattern_covers(const struct http_pattern *outer, const struct http_pattern *inner)
{
    for (size_t i = 0; i < outer->count || i < inner->count; i++) {
        if (is_rest_at(outer, i)) {
            return rest_meets(inner, i);
        }
        if (is_rest_at(inner, i) || i >= outer->count || i >= inner->count ||
            !segment_covers(&outer->segments[i], &inner->segments[i])) {
            return false;
        }
    }
    return true;
}
