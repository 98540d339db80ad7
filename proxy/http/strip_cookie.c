/* SPDX-License-Identifier: Apache-2.0 */
/* The Cookie header rewritten to what a class of routes lets up, Set-Cookie judged by the same table, and fields of
 * forms found. What is written is so plain that no cookie parser reads it in another way. */
#include "proxy/http/chars.h"
#include "proxy/http/strip.h"

/* Superset's cookies (GLOBAL_ASYNC_QUERIES_JWT_COOKIE_NAME at its default). Flask's session and flask-login's
 * remember_token never pass: flask-login asks them before the request loader that reads the signed identity, so whoever
 * had one would be its user and not the one whom rowgate verified. */
static const struct {
    const char *name;
    unsigned classes; /* a bit for each enum http_pass */
} cookies[] = {
    {"async-token", 1U << HTTP_PASS_SESSION | 1U << HTTP_PASS_ASYNC},
};
enum { COOKIE_COUNT = sizeof cookies / sizeof cookies[0] };

struct pair {
    struct rg_slice name, value;
};

/* The next part up to ";", trimmed; parts without "=" have an empty name, as browsers read them. False at the end. */
static bool next_pair(struct rg_slice *rest, struct pair *out_pair)
{
    if (rest->data == NULL) {
        return false;
    }
    const char *end = memchr(rest->data, ';', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    struct rg_slice part = http_trim(rg_slice_cut(*rest, 0, size));
    *rest = end == NULL ? (struct rg_slice){0} : rg_slice_cut(*rest, size + 1, rest->size);
    const char *equals = part.size == 0 ? NULL : memchr(part.data, '=', part.size);
    size_t name_size = equals == NULL ? 0 : (size_t)(equals - part.data);
    out_pair->name = http_trim(rg_slice_cut(part, 0, name_size));
    out_pair->value = equals == NULL ? part : http_trim(rg_slice_cut(part, name_size + 1, part.size));
    return true;
}

/* Index in the table, or COOKIE_COUNT. */
static size_t find(struct rg_slice name, enum http_pass credential)
{
    size_t i = 0;
    while (i < COOKIE_COUNT &&
           !(rg_slice_is_equal(name, rg_slice_of(cookies[i].name)) && (cookies[i].classes & (1U << credential)) != 0)) {
        i++;
    }
    return i;
}

/* cookie-octet (RFC 6265 4.1.1), without quotes around. */
static bool is_plain_value(struct rg_slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        if (http_is_control(c) || (unsigned char)c >= 0x80 || strchr(" \",;\\", c) != NULL) {
            return false;
        }
    }
    return true;
}

/* How often each cookie of the table stands in a header. */
static void count_names(struct rg_slice header, enum http_pass credential, size_t counts[COOKIE_COUNT])
{
    struct pair pair = {0};
    while (next_pair(&header, &pair)) {
        size_t i = find(pair.name, credential);
        if (i < COOKIE_COUNT) {
            counts[i]++;
        }
    }
}

static rg_status put_pair(const struct pair *pair, bool is_first, struct rg_buf *out)
{
    RG_TRY(rg_buf_put(out, is_first ? RG_SLICE("") : RG_SLICE("; ")));
    RG_TRY(rg_buf_put(out, pair->name));
    RG_TRY(rg_buf_put(out, RG_SLICE("=")));
    return rg_buf_put(out, pair->value);
}

rg_status http_cookie_filter(struct rg_slice value, enum http_pass credential, struct rg_buf *out)
{
    size_t counts[COOKIE_COUNT] = {0};
    size_t before = rg_buf_size(out);
    struct pair pair = {0};
    count_names(value, credential, counts);
    while (next_pair(&value, &pair)) {
        size_t i = find(pair.name, credential);
        if (i == COOKIE_COUNT || counts[i] != 1 || !is_plain_value(pair.value)) {
            continue;
        }
        rg_status status = put_pair(&pair, rg_buf_size(out) == before, out);
        if (!rg_is_ok(status)) {
            rg_buf_truncate(out, before);
            return status;
        }
    }
    return RG_OK;
}

bool http_set_cookie_passes(struct rg_slice value, enum http_pass credential)
{
    struct pair pair = {0};
    if (!next_pair(&value, &pair) || find(pair.name, credential) == COOKIE_COUNT || !is_plain_value(pair.value)) {
        return false;
    }
    while (next_pair(&value, &pair)) {
        struct rg_slice name = pair.name.size == 0 ? pair.value : pair.name;
        if (http_is_word(name, "domain")) {
            return false;
        }
    }
    return true;
}

/* ---- forms ---- */

/* One octet of application/x-www-form-urlencoded; *at moves behind it. */
static char next_octet(struct rg_slice text, size_t *at)
{
    char c = text.data[(*at)++];
    if (c == '%' && text.size - *at >= 2) {
        int high = http_hex_value(text.data[*at]);
        int low = http_hex_value(text.data[*at + 1]);
        if (high >= 0 && low >= 0) {
            *at += 2;
            return (char)(high * 16 + low);
        }
    }
    return c == '+' ? ' ' : c;
}

static bool is_field(struct rg_slice encoded, struct rg_slice field)
{
    size_t at = 0;
    size_t same = 0;
    while (at < encoded.size) {
        char c = next_octet(encoded, &at);
        if (same == field.size || c != field.data[same]) {
            return false;
        }
        same++;
    }
    return same == field.size;
}

static bool urlencoded_has(struct rg_slice body, struct rg_slice field)
{
    for (size_t at = 0; at < body.size;) {
        const char *end = memchr(body.data + at, '&', body.size - at);
        size_t size = end == NULL ? body.size - at : (size_t)(end - body.data) - at;
        struct rg_slice part = rg_slice_cut(body, at, size);
        const char *equals = size == 0 ? NULL : memchr(part.data, '=', size);
        if (is_field(rg_slice_cut(part, 0, equals == NULL ? size : (size_t)(equals - part.data)), field)) {
            return true;
        }
        at += size + 1;
    }
    return false;
}

/* Whether the parameter whose "=" is at `at` is a name written so that it need not stand there as it is read: in pieces
 * or with escapes (RFC 2231 3 and 4, "name*0=", "name*=utf-8''"), or quoted with a backslash (RFC 9110 5.6.4). */
static bool is_veiled_name(struct rg_slice body, size_t at)
{
    static const char word[] = "name";
    enum { SIZE = sizeof word - 1 };
    size_t end = at;
    end -= end > 0 && body.data[end - 1] == '*' ? 1 : 0;
    size_t digits = end;
    while (digits > 0 && http_is_digit(body.data[digits - 1])) {
        digits--;
    }
    end = digits < end && digits > 0 && body.data[digits - 1] == '*' ? digits - 1 : end;
    if (end < SIZE || !http_is_word(rg_slice_cut(body, end - SIZE, SIZE), word) ||
        (end > SIZE && http_is_token_char(body.data[end - SIZE - 1]))) {
        return false;
    }
    struct rg_slice value = rg_slice_cut(body, at + 1, body.size);
    if (end < at || value.size == 0 || value.data[0] != '"') {
        return end < at;
    }
    size_t size = 1;
    while (size < value.size && strchr("\"\\\r\n", value.data[size]) == NULL) {
        size++;
    }
    return size < value.size && value.data[size] == '\\';
}

/* Werkzeug reads every form of a name, and a file's bytes may look like any: what may be the field counts as it. */
static bool multipart_has(struct rg_slice body, struct rg_slice field)
{
    if (body.size > 0 && memmem(body.data, body.size, field.data, field.size) != NULL) {
        return true;
    }
    for (size_t at = 0; at < body.size; at++) {
        const char *equals = memchr(body.data + at, '=', body.size - at);
        if (equals == NULL) {
            return false;
        }
        at = (size_t)(equals - body.data);
        if (is_veiled_name(body, at)) {
            return true;
        }
    }
    return false;
}

/* A type of content without its parameters. */
static struct rg_slice media_type(struct rg_slice content_type)
{
    const char *end = content_type.size == 0 ? NULL : memchr(content_type.data, ';', content_type.size);
    return http_trim(
        rg_slice_cut(content_type, 0, end == NULL ? content_type.size : (size_t)(end - content_type.data)));
}

bool http_form_has(struct rg_slice content_type, struct rg_slice body, struct rg_slice field)
{
    struct rg_slice type = media_type(content_type);
    if (http_is_word(type, "application/x-www-form-urlencoded") || http_is_word(type, "application/x-url-encoded")) {
        return urlencoded_has(body, field);
    }
    return http_is_word(rg_slice_cut(type, 0, sizeof "multipart/" - 1), "multipart/") && multipart_has(body, field);
}
