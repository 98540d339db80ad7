/* SPDX-License-Identifier: Apache-2.0 */
/* The small pieces of signed notes: names, lines, decimal numbers and base64 of a known size. Strict: what is read
 * here has one way of being written. Called by note.c, vkey.c, checkpoint.c and keys_list.c. */
#include "audit/note_private.h"

#include "audit/utf8.h"

enum { CODED_MAX = 96 }; /* bytes: a signature with its key id is 68 */

/* The code points of Unicode's White_Space above ASCII, as UTF-8. U+2000 to U+200A are a range. */
static bool is_wide_space(struct rg_slice letter)
{
    static const char *const spaces[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
                                         "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        if (rg_slice_is_equal(letter, rg_slice_of(spaces[i]))) {
            return true;
        }
    }
    return letter.size == 3 && memcmp(letter.data, "\xe2\x80", 2) == 0 && (uint8_t)letter.data[2] >= 0x80 &&
           (uint8_t)letter.data[2] <= 0x8a;
}

bool audit_name_is_good(struct rg_slice name)
{
    if (name.size == 0 || name.size > AUDIT_NOTE_NAME_MAX) {
        return false;
    }
    for (struct rg_slice rest = name; rest.size > 0;) {
        size_t length = audit_utf8_length(rest);
        struct rg_slice letter = rg_slice_cut(rest, 0, length);
        bool is_bad = length == 0 || (uint8_t)rest.data[0] <= ' ' || rest.data[0] == '+' || rest.data[0] == 0x7f;
        if (is_bad || is_wide_space(letter)) {
            return false;
        }
        rest = rg_slice_cut(rest, length, SIZE_MAX);
    }
    return true;
}

bool audit_note_bytes_are_good(struct rg_slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if ((uint8_t)bytes.data[i] < ' ' && bytes.data[i] != '\n') {
            return false;
        }
    }
    return audit_utf8_is_valid(bytes);
}

bool audit_get_line(struct rg_slice *cursor, struct rg_slice *out_line)
{
    const char *end = cursor->size == 0 ? NULL : memchr(cursor->data, '\n', cursor->size);
    if (end == NULL) {
        return false;
    }
    size_t size = (size_t)(end - cursor->data);
    *out_line = rg_slice_cut(*cursor, 0, size);
    *cursor = rg_slice_cut(*cursor, size + 1, SIZE_MAX);
    return true;
}

bool audit_decimal_parse(struct rg_slice text, uint64_t *out_value)
{
    uint64_t value = 0;
    if (text.size == 0 || (text.size > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        bool is_digit = text.data[i] >= '0' && text.data[i] <= '9';
        if (!is_digit || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value)) {
            return false;
        }
    }
    *out_value = value;
    return true;
}

bool audit_base64_parse(struct rg_slice text, size_t size, uint8_t *out_bytes)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice bytes;
    rg_arena_init(&arena, (size_t)2 * CODED_MAX);
    RG_ASSERT(size > 0 && size <= CODED_MAX);
    if (text.size != (size + 2) / 3 * 4 || !rg_is_ok(rg_base64_decode(text, &arena, &bytes)) || bytes.size != size) {
        return false;
    }
    memcpy(out_bytes, bytes.data, size);
    return true;
}

rg_status audit_base64_put(struct rg_slice bytes, struct rg_buf *out)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice text;
    rg_arena_init(&arena, (size_t)2 * CODED_MAX);
    RG_ASSERT(bytes.size > 0 && bytes.size <= CODED_MAX);
    RG_TRY(rg_base64_encode(bytes, &arena, &text));
    return rg_buf_put(out, text);
}
