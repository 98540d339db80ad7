/* SPDX-License-Identifier: Apache-2.0 */
/* S3's texts: its URLs, its encoding of names, its times, its names for locks. Pure. */
#include <curl/curl.h>
#include <stdio.h>
#include <time.h>

#include "audit/export/s3_private.h"

static bool is_unreserved(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

rg_status s3_encode(struct rg_slice text, bool keeps_slashes, struct rg_buf *out)
{
    for (size_t i = 0; i < text.size; i++) {
        bool is_plain = is_unreserved(text.data[i]) || (keeps_slashes && text.data[i] == '/');
        RG_TRY(is_plain ? rg_buf_put_u8(out, (uint8_t)text.data[i])
                        : rg_buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.data[i]));
    }
    return RG_OK;
}

/* AWS "Bucket naming rules"; dots too, which virtual-host style and TLS do not like, but path style does. */
static bool is_bucket(struct rg_slice name)
{
    bool is_good = name.size >= 3 && name.size <= 63;
    for (size_t i = 0; i < name.size && is_good; i++) {
        char byte = name.data[i];
        bool is_end = i == 0 || i + 1 == name.size;
        is_good =
            (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || (!is_end && (byte == '-' || byte == '.'));
    }
    return is_good;
}

static bool is_prefix(struct rg_slice prefix)
{
    bool is_good = prefix.size <= S3_KEY_MAX / 2;
    for (size_t i = 0; i < prefix.size && is_good; i++) {
        is_good = prefix.data[i] > ' ' && prefix.data[i] < 0x7f && (prefix.data[i] != '/' || i > 0) &&
                  (i == 0 || prefix.data[i] != '/' || prefix.data[i - 1] != '/');
    }
    return is_good;
}

rg_status s3_url_parse(struct rg_slice url, struct rg_arena *arena, struct rg_slice *out_bucket,
                       struct rg_slice *out_prefix)
{
    struct rg_slice scheme = RG_SLICE("s3://");
    if (!rg_slice_has_prefix(url, scheme)) {
        return rg_fail(RG_CONFIG, "\"%.*s\" is no s3://bucket/prefix", rg_slice_shown(url), url.data);
    }
    struct rg_slice rest = rg_slice_cut(url, scheme.size, SIZE_MAX);
    const char *slash = rest.size == 0 ? NULL : memchr(rest.data, '/', rest.size);
    size_t size = slash == NULL ? rest.size : (size_t)(slash - rest.data);
    struct rg_slice bucket = rg_slice_cut(rest, 0, size);
    struct rg_slice prefix = rg_slice_cut(rest, size + 1, SIZE_MAX);
    if (!is_bucket(bucket)) {
        return rg_fail(RG_CONFIG, "\"%.*s\" is no name of a bucket: 3 to 63 of a-z 0-9 - .", rg_slice_shown(bucket),
                       bucket.data);
    }
    if (!is_prefix(prefix)) {
        return rg_fail(RG_CONFIG, "the prefix \"%.*s\" is too long, or has blanks, control characters or empty parts",
                       rg_slice_shown(prefix), prefix.data);
    }
    bool is_ended = prefix.size == 0 || prefix.data[prefix.size - 1] == '/';
    struct rg_slice copy = {0};
    RG_TRY(rg_arena_printf(arena, &copy, "%.*s%s", RG_SLICE_ARGS(prefix), is_ended ? "" : "/"));
    RG_TRY(rg_arena_copy(arena, bucket, out_bucket));
    *out_prefix = copy;
    return RG_OK;
}

/* ---- times ---- */

/* strptime would take blanks and signs: every byte but the digits must be the pattern's. */
static bool fits(struct rg_slice text, const char *pattern)
{
    for (size_t i = 0; pattern[i] != '\0'; i++) {
        bool is_right = i < text.size && (pattern[i] == '9' ? text.data[i] >= '0' && text.data[i] <= '9'
                                                            : pattern[i] == 'a' || text.data[i] == pattern[i]);
        if (!is_right) {
            return false;
        }
    }
    return true;
}

static bool to_us(const char *text, const char *format, int64_t *out_us)
{
    struct tm parts = {0};
    const char *end = strptime(text, format, &parts);
    time_t seconds = end == NULL || *end != '\0' ? -1 : timegm(&parts);
    if (seconds < 0) {
        return false;
    }
    *out_us = (int64_t)seconds * 1000000;
    return true;
}

/* A fraction of a second, then "Z" or "+00:00", in what is left. */
static bool is_utc_end(struct rg_slice rest)
{
    size_t at = 0;
    if (rest.size > 1 && rest.data[0] == '.') {
        for (at = 1; at < rest.size && rest.data[at] >= '0' && rest.data[at] <= '9';) {
            at++;
        }
    }
    rest = rg_slice_cut(rest, at, SIZE_MAX);
    return rg_slice_is_equal(rest, RG_SLICE("Z")) || rg_slice_is_equal(rest, RG_SLICE("+00:00"));
}

bool s3_time_parse(struct rg_slice text, int64_t *out_us)
{
    enum { ISO_SIZE = 19, HTTP_SIZE = 29 };
    char copy[HTTP_SIZE + 1] = "";
    if (text.size > ISO_SIZE && fits(text, "9999-99-99T99:99:99")) {
        memcpy(copy, text.data, ISO_SIZE);
        return is_utc_end(rg_slice_cut(text, ISO_SIZE, SIZE_MAX)) && to_us(copy, "%Y-%m-%dT%H:%M:%S", out_us);
    }
    if (text.size == HTTP_SIZE && fits(text, "aaa, 99 aaa 9999 99:99:99 GMT")) { /* RFC 9110 5.6.7 */
        memcpy(copy, text.data, HTTP_SIZE);
        return to_us(copy, "%a, %d %b %Y %H:%M:%S GMT", out_us);
    }
    return false;
}

void s3_time_format(int64_t us, char out_text[S3_TIME_SIZE])
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm parts = {0};
    (void)gmtime_r(&seconds, &parts);
    if (strftime(out_text, S3_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        out_text[0] = '\0';
    }
}

/* ---- locks ---- */

const char *s3_lock_name(enum s3_lock lock)
{
    return lock == S3_LOCK_COMPLIANCE ? "COMPLIANCE" : lock == S3_LOCK_GOVERNANCE ? "GOVERNANCE" : "";
}

enum s3_lock s3_lock_parse(struct rg_slice text)
{
    return rg_slice_is_equal(text, RG_SLICE("COMPLIANCE"))   ? S3_LOCK_COMPLIANCE
           : rg_slice_is_equal(text, RG_SLICE("GOVERNANCE")) ? S3_LOCK_GOVERNANCE
                                                             : S3_LOCK_OFF;
}
