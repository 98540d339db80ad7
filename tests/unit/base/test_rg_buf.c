/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rg_buf.h"

#include "tests/support/rg_test.h"

static void puts_at_the_end_and_consumes_at_the_front(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 100000);
    size_t put = 0;
    size_t taken = 0;
    for (int round = 0; round < 2000; round++) {
        char bytes[37];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (char)(put++ & 127);
        }
        assert_ok(rg_buf_put(&buf, rg_slice_make(bytes, sizeof bytes)));
        struct rg_slice held = rg_slice_cut(rg_buf_slice(&buf), 0, 31);
        for (size_t i = 0; i < held.size; i++) {
            assert_int_equal(held.data[i], (char)(taken++ & 127));
        }
        rg_buf_consume(&buf, held.size);
    }
    assert_int_equal(rg_buf_size(&buf), put - taken);
}

static void refuses_past_its_maximum_and_keeps_what_it_holds(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 4);
    assert_ok(rg_buf_put(&buf, RG_SLICE("abc")));
    assert_fails(RG_LIMIT, rg_buf_put(&buf, RG_SLICE("de")));
    assert_fails(RG_LIMIT, rg_buf_put_u16(&buf, 1));
    assert_fails(RG_LIMIT, rg_buf_put_cstr(&buf, RG_SLICE("d")));
    assert_fails(RG_LIMIT, rg_buf_printf(&buf, "%d", 12345));
    assert_slice(rg_buf_slice(&buf), "abc");
    struct rg_buf zero = {0};
    assert_fails(RG_LIMIT, rg_buf_put_u8(&zero, 1));
}

static void writes_network_order_and_patches_lengths(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 64);
    assert_ok(rg_buf_put_u8(&buf, 'Q'));
    assert_ok(rg_buf_put_u32(&buf, 0));
    assert_ok(rg_buf_put_u16(&buf, 0x0102));
    rg_buf_set_u32(&buf, 1, 0xa1b2c3d4);
    assert_memory_equal(rg_buf_slice(&buf).data, "Q\xa1\xb2\xc3\xd4\x01\x02", 7);
    rg_buf_truncate(&buf, 1);
    assert_slice(rg_buf_slice(&buf), "Q");
}

static void prints_whole_at_every_fill(void **state)
{
    (void)state;
    static const char text[] = "0123456789";
    for (size_t filled = 0; filled < 600; filled++) { /* crosses two growths of the memory */
        RG_AUTO(rg_buf_done) struct rg_buf buf;
        rg_buf_init(&buf, 4096);
        for (size_t i = 0; i < filled; i++) {
            assert_ok(rg_buf_put_u8(&buf, 'x'));
        }
        rg_buf_consume(&buf, filled / 2);
        size_t held = rg_buf_size(&buf);
        assert_ok(rg_buf_printf(&buf, "<%s %d>", text, -7));
        assert_slice(rg_slice_cut(rg_buf_slice(&buf), held, SIZE_MAX), "<0123456789 -7>");
        for (size_t i = 0; i < held; i++) {
            assert_int_equal(rg_buf_slice(&buf).data[i], 'x');
        }
    }
}

static void a_refused_print_appends_nothing(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 8); /* less than the memory that it gets */
    assert_ok(rg_buf_printf(&buf, "%s", "abcd"));
    assert_fails(RG_LIMIT, rg_buf_printf(&buf, "%s", "efgh")); /* its NUL would be the 9th */
    assert_slice(rg_buf_slice(&buf), "abcd");
    assert_ok(rg_buf_printf(&buf, "%s", "efg"));
    assert_slice(rg_buf_slice(&buf), "abcdefg");
}

static void what_was_consumed_may_be_written_over(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 8);
    assert_null(rg_buf_before(&buf));
    assert_ok(rg_buf_put(&buf, RG_SLICE("abcd")));
    assert_null(rg_buf_before(&buf));
    rg_buf_consume(&buf, 2);
    *rg_buf_before(&buf) = 'x';
    assert_slice(rg_buf_slice(&buf), "cd");
    assert_memory_equal(rg_buf_slice(&buf).data - 1, "xcd", 3);
    rg_buf_consume(&buf, 2);
    assert_null(rg_buf_before(&buf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_at_the_end_and_consumes_at_the_front),
        cmocka_unit_test(refuses_past_its_maximum_and_keeps_what_it_holds),
        cmocka_unit_test(writes_network_order_and_patches_lengths),
        cmocka_unit_test(prints_whole_at_every_fill),
        cmocka_unit_test(a_refused_print_appends_nothing),
        cmocka_unit_test(what_was_consumed_may_be_written_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
