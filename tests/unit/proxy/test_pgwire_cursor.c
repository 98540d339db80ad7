/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/pgwire/cursor.h"

#include "tests/unit/proxy/pgwire_support.h"

static struct pgwire_cursor cursor_of(struct rg_slice bytes)
{
    return (struct pgwire_cursor){.rest = bytes, .message = "Test"};
}

static void reads_big_endian_integers_and_texts_in_order(void **state)
{
    (void)state;
    struct rg_slice bytes = RG_SLICE("\xfe\x01\x02\x80\x00\x00\x01\xff\xff\xff\xfe"
                                     "ab\0"
                                     "xyz");
    struct pgwire_cursor cursor = cursor_of(bytes);
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    int32_t i32 = 0;
    struct rg_slice text = {0};
    struct rg_slice rest = {0};
    assert_ok(pgwire_cursor_get_u8(&cursor, &u8));
    assert_ok(pgwire_cursor_get_u16(&cursor, &u16));
    assert_ok(pgwire_cursor_get_u32(&cursor, &u32));
    assert_ok(pgwire_cursor_get_i32(&cursor, &i32));
    assert_ok(pgwire_cursor_get_cstr(&cursor, &text));
    assert_ok(pgwire_cursor_get_bytes(&cursor, 3, &rest));
    assert_ok(pgwire_cursor_expect_end(&cursor));
    assert_int_equal(u8, 0xfe);
    assert_int_equal(u16, 0x0102);
    assert_true(u32 == 0x80000001U);
    assert_int_equal(i32, -2);
    assert_slice(text, "ab");
    assert_slice(rest, "xyz");
}

static rg_status get_u8(struct pgwire_cursor *cursor, union output *out)
{
    return pgwire_cursor_get_u8(cursor, (uint8_t *)out);
}

static rg_status get_u16(struct pgwire_cursor *cursor, union output *out)
{
    return pgwire_cursor_get_u16(cursor, (uint16_t *)(void *)out);
}

static rg_status get_u32(struct pgwire_cursor *cursor, union output *out)
{
    return pgwire_cursor_get_u32(cursor, (uint32_t *)(void *)out);
}

static rg_status get_i32(struct pgwire_cursor *cursor, union output *out)
{
    return pgwire_cursor_get_i32(cursor, (int32_t *)(void *)out);
}

static rg_status get_three(struct pgwire_cursor *cursor, union output *out)
{
    return pgwire_cursor_get_bytes(cursor, 3, (struct rg_slice *)(void *)out);
}

static rg_status get_most(struct pgwire_cursor *cursor, union output *out)
{
    return pgwire_cursor_get_bytes(cursor, SIZE_MAX, (struct rg_slice *)(void *)out);
}

static rg_status get_cstr(struct pgwire_cursor *cursor, union output *out)
{
    return pgwire_cursor_get_cstr(cursor, (struct rg_slice *)(void *)out);
}

static void moves_nothing_when_bytes_are_missing(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        rg_status (*get)(struct pgwire_cursor *cursor, union output *out);
        size_t size;
    } rows[] = {
        {"u8", get_u8, 0},       {"u16", get_u16, 1},       {"u32", get_u32, 3},   {"i32", get_i32, 3},
        {"bytes", get_three, 2}, {"size_max", get_most, 7}, {"cstr", get_cstr, 5}, {"empty cstr", get_cstr, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice bytes = exact_copy(rg_slice_cut(RG_SLICE("abcdefgh"), 0, rows[i].size));
        for (int kind = 0; kind < 2; kind++) {
            struct pgwire_cursor cursor = cursor_of(bytes);
            cursor.kind = kind == 0 ? RG_PROTOCOL : RG_UPSTREAM;
            union output output;
            output_reset(&output);
            assert_fails(cursor.kind, rows[i].get(&cursor, &output));
            assert_true(output_is_untouched(&output));
            assert_ptr_equal(cursor.rest.data, bytes.data);
            assert_int_equal(cursor.rest.size, bytes.size);
        }
        exact_free(bytes);
    }
}

static void names_the_message_in_the_error(void **state)
{
    (void)state;
    struct pgwire_cursor cursor = cursor_of(RG_SLICE("a"));
    uint32_t value = 0;
    rg_status status = pgwire_cursor_get_u32(&cursor, &value);
    assert_non_null(status.error);
    assert_non_null(strstr(status.error->text, "Test"));
    struct pgwire_cursor unnamed = {0};
    assert_fails(RG_PROTOCOL, pgwire_cursor_get_u32(&unnamed, &value));
    assert_fails(RG_PROTOCOL, pgwire_cursor_expect_end(&cursor));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_big_endian_integers_and_texts_in_order),
        cmocka_unit_test(moves_nothing_when_bytes_are_missing),
        cmocka_unit_test(names_the_message_in_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
