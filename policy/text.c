/* SPDX-License-Identifier: Apache-2.0 */
/* Client text: is it what the lexers agree on, and where in it is a character. */
#include "policy/set_private.h"

/* How many bytes the UTF-8 character at p has (RFC 3629 4); 0 = none. */
static size_t character_size(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80) {
        return p[0] == 0 ? 0 : 1;
    }
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || size > left) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool is_outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return is_overlong || is_outside ? 0 : size;
}

/* Are all of the next eight bytes ASCII, and none of them NUL? */
static bool is_plain(const unsigned char *p)
{
    uint64_t word = 0;
    memcpy(&word, p, sizeof word);
    return ((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0;
}

bool policy_text_is_valid(struct rg_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    for (size_t at = 0; at < text.size;) {
        if (text.size - at >= sizeof(uint64_t) && is_plain(bytes + at)) {
            at += sizeof(uint64_t);
            continue;
        }
        if (bytes[at] < 0x80 && bytes[at] > 0) {
            at++;
            continue;
        }
        size_t size = character_size(bytes + at, text.size - at);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

enum { MARK = 1, OPERATOR = 2 };
/* clang-format off */
static const unsigned char marks_of[256] = {
    ['~'] = MARK | OPERATOR, ['!'] = MARK | OPERATOR, ['@'] = MARK | OPERATOR, ['#'] = MARK | OPERATOR,
    ['^'] = MARK | OPERATOR, ['&'] = MARK | OPERATOR, ['|'] = MARK | OPERATOR, ['`'] = MARK | OPERATOR,
    ['?'] = MARK | OPERATOR, ['+'] = MARK | OPERATOR, ['-'] = MARK | OPERATOR, ['*'] = MARK | OPERATOR,
    ['/'] = MARK | OPERATOR, ['%'] = MARK | OPERATOR, ['<'] = MARK | OPERATOR, ['>'] = MARK | OPERATOR,
    ['='] = MARK | OPERATOR, [','] = MARK, ['('] = MARK, ['['] = MARK, ['.'] = MARK, [';'] = MARK, [':'] = MARK,
};
/* clang-format on */

/* PostgreSQL's lexer reads a whole run of operator characters and gives it back at each comment start in it: its
 * work is the square of the run. The tree takes some hundred bytes for each punctuation mark. Both are known
 * before the parser is let near the text. */
bool policy_text_is_cheap(struct rg_slice text)
{
    enum { RESCAN_MAX = 4 << 20, MARKS_MAX = 400000 };
    size_t run = 0;
    size_t rescanned = 0;
    size_t marks = 0;
    for (size_t i = text.size; i > 0; i--) {
        unsigned char mark = marks_of[(unsigned char)text.data[i - 1]];
        run = (mark & OPERATOR) != 0 ? run + 1 : 0;
        if (text.data[i - 1] == '/' && i < text.size && text.data[i] == '*') {
            rescanned += run;
        }
        marks += mark & MARK;
        if (rescanned > RESCAN_MAX || marks > MARKS_MAX) {
            return false;
        }
    }
    return true;
}

static bool is_start(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t policy_text_position(struct rg_slice text, size_t at_byte)
{
    size_t position = 1;
    for (size_t i = 0; i < text.size && i < at_byte; i++) {
        position += is_start(text.data[i]) ? 1 : 0;
    }
    return position;
}

size_t policy_text_offset(struct rg_slice text, size_t position)
{
    size_t seen = 0;
    for (size_t i = 0; i < text.size; i++) {
        seen += is_start(text.data[i]) ? 1 : 0;
        if (seen == position) {
            return i;
        }
    }
    return text.size;
}
