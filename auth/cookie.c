/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and makes cookies. What others put into the Cookie header is passed over without a judgement, as long as it
 * cannot move the borders between cookies; ours has one form only. */
#include "auth/cookie.h"

#include <inttypes.h>
#include <strings.h>

#define PREFIX RG_SLICE("__Host-")

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

static struct rg_slice trim(struct rg_slice text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text = rg_slice_cut(text, 1, SIZE_MAX);
    }
    while (text.size > 0 && is_space(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

/* CTL of RFC 5234 but the tab, which some sites have in their values. */
static bool has_control(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

/* The piece up to the next semicolon, which is taken too. */
static struct rg_slice get_piece(struct rg_slice *rest)
{
    const char *end = memchr(rest->data, ';', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    struct rg_slice piece = trim(rg_slice_cut(*rest, 0, size));
    *rest = rg_slice_cut(*rest, end == NULL ? size : size + 1, SIZE_MAX);
    return piece;
}

static rg_status read_piece(struct rg_slice piece, struct auth_cookie *out_cookie)
{
    const char *equals = memchr(piece.data, '=', piece.size);
    if (has_control(piece)) {
        return rg_fail(RG_PROTOCOL, "a cookie has a control byte");
    }
    if (equals == NULL) {
        *out_cookie = (struct auth_cookie){.value = piece};
        return RG_OK;
    }
    size_t at = (size_t)(equals - piece.data);
    struct auth_cookie cookie = {trim(rg_slice_cut(piece, 0, at)), trim(rg_slice_cut(piece, at + 1, SIZE_MAX))};
    if (cookie.name.size == 0) {
        return rg_fail(RG_PROTOCOL, "a cookie has an empty name");
    }
    *out_cookie = cookie;
    return RG_OK;
}

rg_status auth_cookie_get(struct rg_slice *rest, bool *out_is_found, struct auth_cookie *out_cookie)
{
    struct rg_slice left = *rest;
    struct rg_slice piece = {0};
    while (piece.size == 0 && left.size > 0) {
        piece = get_piece(&left);
    }
    if (piece.size > 0) {
        RG_TRY(read_piece(piece, out_cookie));
    }
    *out_is_found = piece.size > 0;
    *rest = left;
    return RG_OK;
}

static rg_status check_size(struct rg_slice header, size_t count)
{
    if (header.size > AUTH_COOKIE_HEADER_MAX || count > AUTH_COOKIE_COUNT_MAX) {
        return rg_fail(RG_LIMIT, "the Cookie header has %zu bytes, limit %d, or more than %d cookies", header.size,
                       AUTH_COOKIE_HEADER_MAX, AUTH_COOKIE_COUNT_MAX);
    }
    return RG_OK;
}

/* Browsers take "__host-" for the prefix too (RFC 6265bis 5.7), so an enemy's twin may be written like that. */
static bool is_name(struct rg_slice text, struct rg_slice name)
{
    if (text.size != name.size || !rg_slice_has_prefix(name, PREFIX)) {
        return rg_slice_is_equal(text, name);
    }
    return strncasecmp(text.data, PREFIX.data, PREFIX.size) == 0 &&
           rg_slice_is_equal(rg_slice_cut(text, PREFIX.size, SIZE_MAX), rg_slice_cut(name, PREFIX.size, SIZE_MAX));
}

static bool is_base64url(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '_';
}

static bool is_value(struct rg_slice value)
{
    size_t good = 0;
    while (good < value.size && is_base64url(value.data[good])) {
        good++;
    }
    return value.size == AUTH_COOKIE_VALUE && good == value.size;
}

rg_status auth_cookie_find(struct rg_slice header, struct rg_slice name, struct rg_slice *out_value)
{
    struct rg_slice rest = header;
    struct rg_slice value = {0};
    struct auth_cookie cookie = {0};
    bool is_found = true;
    bool is_ours = false;
    RG_TRY(check_size(header, 0));
    for (size_t count = 0; is_found; count++) {
        RG_TRY(check_size(header, count));
        RG_TRY(auth_cookie_get(&rest, &is_found, &cookie));
        if (is_found && is_name(cookie.name, name)) {
            if (is_ours) {
                return rg_fail(RG_PROTOCOL, "the session cookie is there twice");
            }
            is_ours = true;
            value = cookie.value;
        }
    }
    if (is_ours && !is_value(value)) {
        return rg_fail(RG_PROTOCOL, "the session cookie does not have its form");
    }
    *out_value = value;
    return RG_OK;
}

static bool is_listed(struct rg_slice text, const struct rg_slice *names, size_t name_count)
{
    for (size_t i = 0; i < name_count; i++) {
        if (is_name(text, names[i])) {
            return true;
        }
    }
    return false;
}

static rg_status put_pair(const struct auth_cookie *cookie, bool is_first, struct rg_buf *out)
{
    RG_TRY(is_first ? RG_OK : rg_buf_put(out, RG_SLICE("; ")));
    RG_TRY(rg_buf_put(out, cookie->name));
    RG_TRY(cookie->name.size == 0 ? RG_OK : rg_buf_put(out, RG_SLICE("=")));
    return rg_buf_put(out, cookie->value);
}

static rg_status put_others(struct rg_slice header, const struct rg_slice *names, size_t name_count, struct rg_buf *out)
{
    struct rg_slice rest = header;
    struct auth_cookie cookie = {0};
    bool is_found = true;
    bool is_first = true;
    for (size_t count = 0; is_found; count++) {
        RG_TRY(check_size(header, count));
        RG_TRY(auth_cookie_get(&rest, &is_found, &cookie));
        if (is_found && !is_listed(cookie.name, names, name_count)) {
            RG_TRY(put_pair(&cookie, is_first, out));
            is_first = false;
        }
    }
    return RG_OK;
}

/* What fails leaves out as it was. */
static rg_status keep_or_cut(struct rg_buf *out, size_t size, rg_status status)
{
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, size);
    }
    return status;
}

rg_status auth_cookie_remove(struct rg_slice header, const struct rg_slice *names, size_t name_count,
                             struct rg_buf *out)
{
    RG_TRY(check_size(header, 0));
    size_t size = rg_buf_size(out);
    return keep_or_cut(out, size, put_others(header, names, name_count, out));
}

/* A token of RFC 9110 5.6.2, the letters that we need of it. */
static bool is_good_name(struct rg_slice name)
{
    size_t good = 0;
    while (good < name.size && is_base64url(name.data[good])) {
        good++;
    }
    return name.size > PREFIX.size && name.size <= AUTH_COOKIE_NAME_MAX && good == name.size &&
           rg_slice_has_prefix(name, PREFIX);
}

static rg_status put_set(const struct auth_cookie_set *cookie, struct rg_buf *out)
{
    static const char *const same_sites[] = {
        [AUTH_SAME_SITE_STRICT] = "Strict", [AUTH_SAME_SITE_LAX] = "Lax", [AUTH_SAME_SITE_NONE] = "None"};
    RG_TRY(rg_buf_put(out, cookie->name));
    RG_TRY(rg_buf_printf(out, "=%.*s; Path=/; Secure; HttpOnly; SameSite=%s", RG_SLICE_ARGS(cookie->value),
                         same_sites[cookie->same_site]));
    RG_TRY(cookie->is_partitioned ? rg_buf_put(out, RG_SLICE("; Partitioned")) : RG_OK);
    if (cookie->value.size == 0) {
        return rg_buf_put(out, RG_SLICE("; Max-Age=0"));
    }
    return cookie->max_age_us <= 0 ? RG_OK : rg_buf_printf(out, "; Max-Age=%" PRId64, cookie->max_age_us / 1000000);
}

rg_status auth_cookie_put(const struct auth_cookie_set *cookie, struct rg_buf *out)
{
    if (!is_good_name(cookie->name) || (cookie->value.size > 0 && !is_value(cookie->value))) {
        return rg_fail(RG_INTERNAL, "no cookie of ours has this name or value");
    }
    size_t size = rg_buf_size(out);
    return keep_or_cut(out, size, put_set(cookie, out));
}

void auth_cookie_new(char out_value[AUTH_COOKIE_VALUE_SIZE])
{
    struct rg_digest random;
    rg_random(random.bytes, sizeof random.bytes);
    rg_digest_b64url(&random, out_value);
    rg_wipe(&random, sizeof random);
}

rg_status auth_cookie_hash(struct rg_slice value, struct rg_digest *out_hash)
{
    char text[AUTH_COOKIE_VALUE_SIZE] = {0};
    struct rg_digest bytes;
    if (!is_value(value)) {
        return rg_fail(RG_DENIED, "no such session");
    }
    memcpy(text, value.data, AUTH_COOKIE_VALUE);
    bool is_decoded = rg_digest_from_b64url(text, &bytes);
    rg_wipe(text, sizeof text);
    if (!is_decoded) {
        return rg_fail(RG_DENIED, "no such session");
    }
    *out_hash = rg_sha256_one(rg_slice_make(bytes.bytes, sizeof bytes.bytes));
    rg_wipe(&bytes, sizeof bytes);
    return RG_OK;
}
