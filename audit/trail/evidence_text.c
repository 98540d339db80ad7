/* SPDX-License-Identifier: Apache-2.0 */
/* Texts from records, made harmless: first cleaned (what could steer a terminal, turn a line around or pretend to be
 * another character is shown as its number), then escaped for where it stands. Values in Markdown are code spans, in
 * which nothing is markup; the characters that sloppy renderers take for markup all the same are numbers too. */
#include <stdio.h>
#include <time.h>

#include "audit/trail/evidence_private.h"
#include "audit/utf8.h"
#include "base/rg_clock.h"

enum { SEALED_ID = 22 };

static uint32_t code_point(struct rg_slice text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text.data;
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t value = at[0] & first[length];
    for (size_t i = 1; i < length; i++) {
        value = value << 6 | (at[i] & 0x3fU);
    }
    return value;
}

/* Controls, marks of direction, invisible ones, private use, and everything beyond what fonts have. */
static bool is_hidden(uint32_t value)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } ranges[] = {{0, 0x1f},        {0x7f, 0xa0},     {0xad, 0xad},     {0x34f, 0x34f},     {0x61c, 0x61c},
                  {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x2000, 0x200f},   {0x2028, 0x202f},
                  {0x205f, 0x206f}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xe000, 0xf8ff},   {0xfe00, 0xfe0f},
                  {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (value >= ranges[i].first && value <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

void evidence_clean(struct rg_slice text, char out_text[EVIDENCE_NAME_MAX])
{
    enum { ROOM = 16 /* the longest piece, and the mark of a cut */ };
    static const struct rg_slice sealed = {"rgenc1:", 7};
    size_t used = 0;
    if (rg_slice_has_prefix(text, sealed)) {
        (void)snprintf(out_text, EVIDENCE_NAME_MAX, "sealed:");
        used = sealed.size;
        text = rg_slice_cut(text, sealed.size, SEALED_ID);
    }
    while (text.size > 0 && used < EVIDENCE_NAME_MAX - ROOM) {
        if (text.data[0] >= 0x20 && text.data[0] < 0x7f) { /* nearly always */
            out_text[used++] = text.data[0];
            text = (struct rg_slice){text.data + 1, text.size - 1};
            continue;
        }
        size_t length = audit_utf8_length(text);
        uint32_t value = length == 0 ? (unsigned char)text.data[0] : code_point(text, length);
        if (length == 0 || is_hidden(value)) {
            used += (size_t)snprintf(out_text + used, ROOM, length == 0 ? "\\x%02X" : "\\u{%X}", value);
        } else {
            memcpy(out_text + used, text.data, length);
            used += length;
        }
        text = rg_slice_cut(text, length == 0 ? 1 : length, SIZE_MAX);
    }
    if (text.size > 0) {
        used += (size_t)snprintf(out_text + used, ROOM, "...");
    }
    out_text[used] = '\0';
}

rg_status evidence_put_markdown(struct rg_slice cleaned, struct rg_buf *out)
{
    if (cleaned.size == 0) {
        return RG_OK;
    }
    RG_TRY(rg_buf_put_u8(out, '`'));
    for (size_t i = 0; i < cleaned.size; i++) {
        char c = cleaned.data[i];
        if (c != '\0' && strchr("`|<>[]&", c) != NULL) {
            RG_TRY(rg_buf_printf(out, "\\u{%X}", (unsigned)c));
        } else {
            RG_TRY(rg_buf_put_u8(out, (uint8_t)c));
        }
    }
    return rg_buf_put_u8(out, '`');
}

rg_status evidence_put_html(struct rg_slice cleaned, struct rg_buf *out)
{
    static const struct {
        char c;
        const char *text;
    } rows[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (size_t i = 0; i < cleaned.size; i++) {
        const char *text = NULL;
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            text = cleaned.data[i] == rows[k].c ? rows[k].text : text;
        }
        if (text != NULL) {
            RG_TRY(rg_buf_put(out, rg_slice_of(text)));
        } else {
            RG_TRY(rg_buf_put_u8(out, (uint8_t)cleaned.data[i]));
        }
    }
    return RG_OK;
}

void evidence_day(int64_t wall_us, char out_day[EVIDENCE_DAY_SIZE])
{
    char text[RG_TIME_TEXT_SIZE];
    rg_clock_format(wall_us, text);
    (void)snprintf(out_day, EVIDENCE_DAY_SIZE, "%.10s", text);
}
