/* SPDX-License-Identifier: Apache-2.0 */
/* A request's path: decoded once, or refused where somebody behind us could read another path. Decides nothing about
 * routes. Called for each request before the route is looked up. */
#include "proxy/http/path.h"

#include "audit/utf8.h"
#include "proxy/http/chars.h"

/* What an escape may not stand for: it would end or split a segment, or a text. */
static bool is_unsafe_octet(char c)
{
    return http_is_control(c) || c == '/' || c == '\\';
}

/* "%2e" to ".": false when no two hexadecimal digits follow. */
static bool decode_escape(struct rg_slice text, size_t at, char *out_octet)
{
    if (text.size - at < 3) {
        return false;
    }
    int high = http_hex_value(text.data[at + 1]);
    int low = http_hex_value(text.data[at + 2]);
    if (high < 0 || low < 0) {
        return false;
    }
    *out_octet = (char)(high * 16 + low);
    return true;
}

/* Decodes into out_bytes, which has room for raw. */
static bool decode(struct rg_slice raw, char *out_bytes, size_t *out_size)
{
    size_t size = 0;
    for (size_t at = 0; at < raw.size; at++) {
        char octet = raw.data[at];
        if (octet == '%') {
            if (!decode_escape(raw, at, &octet) || is_unsafe_octet(octet)) {
                return false;
            }
            at += 2;
        } else if (octet != '/' && !http_is_path_char(octet)) {
            return false;
        }
        out_bytes[size++] = octet;
    }
    *out_size = size;
    return true;
}

/* ".", "..", and both with parameters ("..;x"), which some servers cut off first. */
static bool is_dot_segment(struct rg_slice segment)
{
    const char *semicolon = segment.size == 0 ? NULL : memchr(segment.data, ';', segment.size);
    size_t size = semicolon == NULL ? segment.size : (size_t)(semicolon - segment.data);
    return size > 0 && size <= 2 && memcmp(segment.data, "..", size) == 0;
}

static bool has_only_plain_segments(struct rg_slice path)
{
    for (size_t at = 1; at < path.size;) {
        const char *slash = memchr(path.data + at, '/', path.size - at);
        size_t size = slash == NULL ? path.size - at : (size_t)(slash - path.data) - at;
        if (is_dot_segment(rg_slice_cut(path, at, size)) || (size == 0 && slash != NULL)) {
            return false;
        }
        at += size + 1;
    }
    return true;
}

/* Whether decoding once more would change it: then it is not certain that nobody does. */
static bool has_second_escape(struct rg_slice path)
{
    for (size_t at = 0; at < path.size; at++) {
        char octet = 0;
        if (path.data[at] == '%' && decode_escape(path, at, &octet)) {
            return true;
        }
    }
    return false;
}

static rg_status refuse(enum http_refusal_id id, bool *out_is_ok, struct http_refusal *out_refusal)
{
    *out_is_ok = false;
    *out_refusal = http_refusal_of(id);
    return RG_OK;
}

rg_status http_path_parse(struct rg_slice raw_path, struct rg_arena *arena, bool *out_is_ok, struct rg_slice *out_path,
                          struct http_refusal *out_refusal)
{
    if (raw_path.size == 0 || raw_path.data[0] != '/') {
        return refuse(HTTP_REFUSAL_TARGET, out_is_ok, out_refusal);
    }
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, raw_path.size + 1, &memory));
    char *bytes = memory;
    size_t size = 0;
    if (!decode(raw_path, bytes, &size)) {
        return refuse(HTTP_REFUSAL_PATH_BYTES, out_is_ok, out_refusal);
    }
    struct rg_slice path = rg_slice_make(bytes, size);
    if (!audit_utf8_is_valid(path)) {
        return refuse(HTTP_REFUSAL_PATH_BYTES, out_is_ok, out_refusal);
    }
    if (!has_only_plain_segments(path) || has_second_escape(path)) {
        return refuse(HTTP_REFUSAL_PATH, out_is_ok, out_refusal);
    }
    *out_is_ok = true;
    *out_path = path;
    return RG_OK;
}
