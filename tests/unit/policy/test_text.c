/* SPDX-License-Identifier: Apache-2.0 */
/* Characters and bytes: what counts as text, where a character is, what costs too much to parse. */
#include "policy/set_private.h"
#include "tests/support/rg_test.h"

static void only_utf_8_without_nul_is_text(void **state)
{
    static const struct rg_slice good[] = {{"", 0},
                                           {"a", 1},
                                           {"\xc2\x80", 2},
                                           {"\xe0\xa0\x80", 3},
                                           {"\xed\x9f\xbf", 3},
                                           {"\xf0\x90\x80\x80", 4},
                                           {"\xf4\x8f\xbf\xbf", 4}};
    static const struct rg_slice bad[] = {{"\0", 1},
                                          {"\x80", 1},
                                          {"\xc1\xbf", 2},
                                          {"\xc2", 1},
                                          {"\xe0\x9f\xbf", 3},
                                          {"\xed\xa0\x80", 3},
                                          {"\xf0\x8f\xbf\xbf", 4},
                                          {"\xf4\x90\x80\x80", 4},
                                          {"\xff", 1},
                                          {"a\xe2\x82", 3},
                                          {"\xc2 ", 2}};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(policy_text_is_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(policy_text_is_valid(bad[i]));
    }
}

/* Text is read eight bytes at a time where it can be. */
static void one_wrong_byte_is_seen_wherever_it_stands(void **state)
{
    char text[41];
    (void)state;
    for (size_t size = 1; size <= sizeof text; size++) {
        for (size_t at = 0; at < size; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memset(text, at % 2 == 0 ? 1 : 127, size);
                text[at] = (char)byte;
                assert_int_equal(policy_text_is_valid(rg_slice_make(text, size)), byte > 0 && byte < 128);
            }
        }
    }
}

static void positions_count_characters_from_one(void **state)
{
    struct rg_slice text = RG_SLICE("aä€b");
    (void)state;
    assert_int_equal(policy_text_position(text, 0), 1);
    assert_int_equal(policy_text_position(text, 1), 2);
    assert_int_equal(policy_text_position(text, 3), 3);
    assert_int_equal(policy_text_position(text, 6), 4);
    assert_int_equal(policy_text_position(text, 99), 5);
    for (size_t position = 1; position <= 4; position++) {
        assert_int_equal(policy_text_position(text, policy_text_offset(text, position)), position);
    }
    assert_int_equal(policy_text_offset(text, 5), text.size);
    assert_int_equal(policy_text_offset(text, 500), text.size);
}

static void a_banner_is_cheap_and_a_wall_of_comments_is_not(void **state)
{
    static char wall[20000];
    (void)state;
    assert_true(policy_text_is_cheap(RG_SLICE("/***********************************/ SELECT a-1, '=====' /*x*/")));
    for (size_t i = 0; i < sizeof wall; i += 2) {
        wall[i] = '/';
        wall[i + 1] = '*';
    }
    assert_true(policy_text_is_cheap(rg_slice_make(wall, 1000)));
    assert_false(policy_text_is_cheap(rg_slice_make(wall, sizeof wall)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_utf_8_without_nul_is_text),
        cmocka_unit_test(one_wrong_byte_is_seen_wherever_it_stands),
        cmocka_unit_test(positions_count_characters_from_one),
        cmocka_unit_test(a_banner_is_cheap_and_a_wall_of_comments_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
