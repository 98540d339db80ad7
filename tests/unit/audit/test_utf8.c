/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/utf8.h"

#include "tests/support/rg_test.h"

static void accepts_rfc_3629_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length; /* 0 = invalid */
    } rows[] = {{"a", 1},
                {"\xc3\xa9", 2},
                {"\xe6\x97\xa5", 3},
                {"\xf0\x9f\x98\x80", 4},
                {"\xed\x9f\xbf", 3},
                {"\xf4\x8f\xbf\xbf", 4},
                {"\x80", 0},
                {"\xc0\x80", 0},         /* overlong NUL */
                {"\xc1\xbf", 0},         /* overlong */
                {"\xe0\x9f\xbf", 0},     /* overlong */
                {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
                {"\xed\xa0\x80", 0},     /* surrogate */
                {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
                {"\xf5\x80\x80\x80", 0},
                {"\xff", 0},
                {"\xc3", 0}, /* cut */
                {"\xe6\x97", 0},
                {"\xf0\x9f\x98", 0},
                {"\xc3"
                 "a",
                 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice text = rg_slice_of(rows[i].bytes);
        print_message("row %zu\n", i);
        assert_int_equal(audit_utf8_length(text), rows[i].length);
        assert_int_equal(audit_utf8_is_valid(text), rows[i].length == text.size);
    }
}

static void makes_any_bytes_readable(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, 100);
    bool is_whole = true;
    assert_ok(audit_utf8_put_readable(RG_SLICE("a\xff\xc3\xa9"), 100, &out, &is_whole));
    assert_slice(rg_buf_slice(&out), "a\xef\xbf\xbd\xc3\xa9");
    assert_false(is_whole);
    rg_buf_clear(&out);
    assert_ok(audit_utf8_put_readable(RG_SLICE("ab\xc3\xa9"), 8, &out, &is_whole)); /* 1 + 1 + \u00e9 */
    assert_slice(rg_buf_slice(&out), "ab\xc3\xa9");
    assert_true(is_whole);
    rg_buf_clear(&out);
    assert_ok(audit_utf8_put_readable(RG_SLICE("ab\xc3\xa9"), 7, &out, &is_whole));
    assert_slice(rg_buf_slice(&out), "ab");
    assert_false(is_whole);
    rg_buf_done(&out);
    rg_buf_init(&out, 1);
    is_whole = true;
    assert_fails(RG_LIMIT, audit_utf8_put_readable(RG_SLICE("ab"), 7, &out, &is_whole));
    assert_true(is_whole);
}

static void cuts_between_code_points(void **state)
{
    (void)state;
    assert_int_equal(audit_utf8_fitting(RG_SLICE("abc"), 2), 2);
    assert_int_equal(audit_utf8_fitting(RG_SLICE("a\n\"c"), 5), 3);
    assert_int_equal(audit_utf8_fitting(RG_SLICE("\xf0\x9f\x98\x80x"), 11), 0);
    assert_int_equal(audit_utf8_fitting(RG_SLICE("\xf0\x9f\x98\x80x"), 12), 4);
    assert_int_equal(audit_utf8_fitting(RG_SLICE("\x01"), 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_rfc_3629_and_nothing_else),
        cmocka_unit_test(makes_any_bytes_readable),
        cmocka_unit_test(cuts_between_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
