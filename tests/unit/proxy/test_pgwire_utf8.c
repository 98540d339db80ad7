/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/pgwire/utf8.h"

#include "tests/unit/proxy/pgwire_support.h"

struct row {
    struct rg_slice text;
    bool is_valid;
    bool is_printable;
};

static void judges_each_form_by_the_table_of_unicode(void **state)
{
    (void)state;
    const struct row rows[] = {
        {RG_SLICE(""), true, true},
        {RG_SLICE("SELECT 'plain ASCII text, longer than eight'"), true, true},
        {RG_SLICE("gr\xc3\xbc\xc3\x9f"), true, true},
        {RG_SLICE("\xe2\x82\xac"), true, true},
        {RG_SLICE("\xf0\x9f\x98\x80"), true, true},
        {RG_SLICE("\xf4\x8f\xbf\xbf"), true, true},
        {RG_SLICE("\xee\x80\x80"), true, true},
        {RG_SLICE("line\nbreak"), true, false},
        {RG_SLICE("\x7f"), true, false},
        {RG_SLICE("\xc2\x85"), true, false},          /* NEL, a C1 control */
        {RG_SLICE("\xe2\x80\xae"), true, false},      /* right-to-left override */
        {RG_SLICE("a\xe2\x80\xa8"), true, false},     /* line separator */
        {RG_SLICE("a\0b"), false, false},             /* NUL */
        {RG_SLICE("0123456\0b"), false, false},       /* NUL inside a whole word */
        {RG_SLICE("\xc0\x80"), false, false},         /* overlong NUL */
        {RG_SLICE("\xc1\xbf"), false, false},         /* overlong, two bytes */
        {RG_SLICE("\xe0\x9f\xbf"), false, false},     /* overlong, three bytes */
        {RG_SLICE("\xf0\x8f\xbf\xbf"), false, false}, /* overlong, four bytes */
        {RG_SLICE("\xed\xa0\x80"), false, false},     /* surrogate */
        {RG_SLICE("\xed\xbf\xbf"), false, false},     /* surrogate */
        {RG_SLICE("\xf4\x90\x80\x80"), false, false}, /* past U+10FFFF */
        {RG_SLICE("\xf5\x80\x80\x80"), false, false},
        {RG_SLICE("\xff"), false, false},
        {RG_SLICE("\x80"), false, false},         /* tail without a head */
        {RG_SLICE("\xe2\x28\xa1"), false, false}, /* second byte is no tail */
        {RG_SLICE("\xe2\x82\x28"), false, false}, /* third byte is no tail */
        {RG_SLICE("12345678\xc3"), false, false}, /* cut short after a whole word */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice text = exact_copy(rows[i].text);
        if (pgwire_utf8_is_valid(text) != rows[i].is_valid || pgwire_utf8_is_printable(text) != rows[i].is_printable) {
            fail_msg("row %zu is judged wrongly", i);
        }
        exact_free(text);
    }
}

static void refuses_every_truncated_character(void **state)
{
    (void)state;
    struct rg_slice text = RG_SLICE("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80");
    for (size_t size = 0; size <= text.size; size++) {
        bool is_boundary = size == 0 || size == 2 || size == 5 || size == 9;
        struct rg_slice copy = exact_copy(rg_slice_cut(text, 0, size));
        assert_int_equal(pgwire_utf8_is_valid(copy), is_boundary);
        exact_free(copy);
    }
}

/* Every code point, encoded here by the definition, against the table. */
static size_t encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xf00U >> size & 0xf0U) | code);
    return size;
}

static void accepts_exactly_the_scalar_values(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        char bytes[4];
        size_t size = encode(code, bytes);
        bool is_scalar = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
        size_t seen = pgwire_utf8_peek(rg_slice_make(bytes, size));
        if (seen != (is_scalar ? size : 0)) {
            fail_msg("U+%04X: size %zu", (unsigned)code, seen);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_each_form_by_the_table_of_unicode),
        cmocka_unit_test(refuses_every_truncated_character),
        cmocka_unit_test(accepts_exactly_the_scalar_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
