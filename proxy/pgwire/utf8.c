/* SPDX-License-Identifier: Apache-2.0 */
/* Strict UTF-8 as a table of first bytes (Unicode table 3-7): the range of the second byte is what rules
 * out overlong forms, surrogates and values past U+10FFFF. */
#include "proxy/pgwire/utf8.h"

struct lead {
    unsigned char first;
    unsigned char last;
    unsigned char second_low;
    unsigned char second_high;
    unsigned char size;
};

static const struct lead leads[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

struct range {
    uint32_t first;
    uint32_t last;
};

static const struct range unprintable[] = {
    {0x00, 0x1f}, {0x7f, 0x9f}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff},
};

static unsigned byte_at(struct rg_slice text, size_t at)
{
    return (unsigned char)text.data[at];
}

static bool has_tail(struct rg_slice text, const struct lead *lead)
{
    if (text.size < lead->size || byte_at(text, 1) < lead->second_low || byte_at(text, 1) > lead->second_high) {
        return false;
    }
    for (size_t i = 2; i < lead->size; i++) {
        if ((byte_at(text, i) & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

size_t pgwire_utf8_peek(struct rg_slice text)
{
    if (text.size == 0) {
        return 0;
    }
    unsigned first = byte_at(text, 0);
    if (first < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        if (first >= leads[i].first && first <= leads[i].last) {
            return has_tail(text, &leads[i]) ? leads[i].size : 0;
        }
    }
    return 0;
}

/* Statements are nearly all ASCII: eight bytes a step while no high bit is set. */
static size_t ascii_prefix(struct rg_slice text)
{
    size_t at = 0;
    uint64_t word = 0;
    while (text.size - at >= sizeof word) {
        memcpy(&word, text.data + at, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        at += sizeof word;
    }
    return at;
}

bool pgwire_utf8_is_valid(struct rg_slice text)
{
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        return false;
    }
    while (text.size > 0) {
        text = rg_slice_cut(text, ascii_prefix(text), text.size);
        size_t size = pgwire_utf8_peek(text);
        if (size == 0 && text.size > 0) {
            return false;
        }
        text = rg_slice_cut(text, size, text.size);
    }
    return true;
}

static uint32_t decode(struct rg_slice text, size_t size)
{
    uint32_t code = byte_at(text, 0);
    if (size > 1) {
        code &= 0xffU >> (size + 1);
    }
    for (size_t i = 1; i < size; i++) {
        code = code << 6 | (byte_at(text, i) & 0x3f);
    }
    return code;
}

static bool is_unprintable(uint32_t code)
{
    for (size_t i = 0; i < sizeof unprintable / sizeof unprintable[0]; i++) {
        if (code >= unprintable[i].first && code <= unprintable[i].last) {
            return true;
        }
    }
    return false;
}

bool pgwire_utf8_is_printable(struct rg_slice text)
{
    while (text.size > 0) {
        size_t size = pgwire_utf8_peek(text);
        if (size == 0 || is_unprintable(decode(text, size))) {
            return false;
        }
        text = rg_slice_cut(text, size, text.size);
    }
    return true;
}
