/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 checks for the record encoder: what JSON cannot carry goes into the record as base64, and what
 * is too long is cut between code points. */
#include "audit/utf8.h"

static bool is_continued(struct rg_slice text, size_t length)
{
    if (text.size < length) {
        return false;
    }
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

size_t audit_utf8_length(struct rg_slice text)
{
    unsigned char first = (unsigned char)text.data[0];
    unsigned char second = text.size > 1 ? (unsigned char)text.data[1] : 0;
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return is_continued(text, 2) ? 2 : 0;
    }
    if (first >= 0xe0 && first <= 0xef) {
        bool is_overlong = first == 0xe0 && second < 0xa0;
        bool is_surrogate = first == 0xed && second >= 0xa0;
        return !is_overlong && !is_surrogate && is_continued(text, 3) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        bool is_overlong = first == 0xf0 && second < 0x90;
        bool is_above = first == 0xf4 && second >= 0x90;
        return !is_overlong && !is_above && is_continued(text, 4) ? 4 : 0;
    }
    return 0;
}

bool audit_utf8_is_valid(struct rg_slice text)
{
    while (text.size > 0) {
        size_t length = audit_utf8_length(text);
        if (length == 0) {
            return false;
        }
        text = rg_slice_cut(text, length, SIZE_MAX);
    }
    return true;
}

size_t audit_utf8_escaped_size(struct rg_slice text, size_t length)
{
    if (length == 4) {
        return 12;
    }
    if (length != 1) {
        return 6;
    }
    unsigned char byte = (unsigned char)text.data[0];
    if (byte == '"' || byte == '\\' || byte == '\n' || byte == '\r' || byte == '\t' || byte == '\b' || byte == '\f') {
        return 2;
    }
    return byte < 0x20 ? 6 : 1;
}

rg_status audit_utf8_put_readable(struct rg_slice text, size_t limit_bytes, struct rg_buf *out, bool *out_is_whole)
{
    bool is_whole = true;
    size_t escaped = 0;
    while (text.size > 0) {
        size_t length = audit_utf8_length(text);
        escaped += audit_utf8_escaped_size(text, length);
        if (escaped > limit_bytes) {
            is_whole = false;
            break;
        }
        if (length == 0) {
            is_whole = false;
            RG_TRY(rg_buf_put(out, RG_SLICE("\xef\xbf\xbd")));
            length = 1;
        } else {
            RG_TRY(rg_buf_put(out, rg_slice_cut(text, 0, length)));
        }
        text = rg_slice_cut(text, length, SIZE_MAX);
    }
    *out_is_whole = is_whole;
    return RG_OK;
}

size_t audit_utf8_fitting(struct rg_slice text, size_t limit_bytes)
{
    size_t escaped = 0;
    size_t at = 0;
    while (at < text.size) {
        struct rg_slice rest = rg_slice_cut(text, at, SIZE_MAX);
        size_t length = audit_utf8_length(rest);
        escaped += audit_utf8_escaped_size(rest, length);
        if (length == 0 || escaped > limit_bytes) {
            break;
        }
        at += length;
    }
    return at;
}
