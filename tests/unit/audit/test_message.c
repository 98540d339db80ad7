/* SPDX-License-Identifier: Apache-2.0 */
/* Frames across the seam: what a taken-over worker could send must not reach the line. */
#include "audit/message.h"

#include "tests/support/rg_test.h"

static struct audit_message sample(void)
{
    return (struct audit_message){
        .has_more = true, .tenant = RG_SLICE("acme"), .rg = RG_SLICE("{\"k\":1}"), .ocsf = RG_SLICE("{\"c\":2}")};
}

static void carries_a_message(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 1000);
    struct audit_message message = sample();
    struct audit_message got = {0};
    assert_ok(audit_message_encode(&message, &buf));
    assert_ok(audit_message_encode(&message, &buf));
    struct rg_slice cursor = rg_buf_slice(&buf);
    for (int i = 0; i < 2; i++) {
        assert_ok(audit_message_get(&cursor, &got));
        assert_true(got.has_more);
        assert_slice(got.tenant, "acme");
        assert_slice(got.rg, "{\"k\":1}");
        assert_slice(got.ocsf, "{\"c\":2}");
    }
    assert_int_equal(cursor.size, 0);
}

static void refuses_texts_that_would_break_the_line(void **state)
{
    (void)state;
    static const char *const objects[] = {"",
                                          "{}",
                                          "{\"k\":1",
                                          "\"k\":1}",
                                          "{\"k\":\"\n\"}",
                                          "{\"k\":\"\xc3\xa9\"}",
                                          "[\"k\",1]",
                                          "{\"k\":\"\x1f\"}",
                                          " {\"k\":1}",
                                          "{\"k\":1}\n"};
    static const char *const tenants[] = {"a\"", "a\",\"seq\":\"1", "\\", "a\n", "\xc3\xa9", "a\\\\\""};
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 1000);
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        struct audit_message message = sample();
        message.rg = rg_slice_of(objects[i]);
        assert_fails(RG_INTERNAL, audit_message_encode(&message, &buf));
        message = sample();
        message.ocsf = rg_slice_of(objects[i]);
        assert_fails(RG_INTERNAL, audit_message_encode(&message, &buf));
    }
    for (size_t i = 0; i < sizeof tenants / sizeof tenants[0]; i++) {
        struct audit_message message = sample();
        message.tenant = rg_slice_of(tenants[i]);
        assert_fails(RG_INTERNAL, audit_message_encode(&message, &buf));
    }
    assert_int_equal(rg_buf_size(&buf), 0);
}

static void refuses_more_than_a_line_holds_and_a_full_buffer(void **state)
{
    (void)state;
    static char text[AUDIT_BODY_MAX];
    memset(text, 'a', sizeof text);
    memcpy(text, "{\"", 2);
    text[sizeof text - 1] = '}';
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 20);
    struct audit_message message = sample();
    assert_fails(RG_LIMIT, audit_message_encode(&message, &buf));
    assert_int_equal(rg_buf_size(&buf), 0);
    message.rg = rg_slice_make(text, sizeof text);
    assert_fails(RG_INTERNAL, audit_message_encode(&message, &buf));
}

/* Each byte of a good frame changed to each value: it is refused, or it is another acceptable message. */
static void survives_every_changed_byte(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 1000);
    struct audit_message message = sample();
    assert_ok(audit_message_encode(&message, &buf));
    struct rg_slice whole = rg_buf_slice(&buf);
    size_t refused = 0;
    for (size_t at = 0; at < whole.size; at++) {
        for (int value = 0; value < 256; value++) {
            char copy[100];
            memcpy(copy, whole.data, whole.size);
            copy[at] = (char)value;
            struct rg_slice cursor = rg_slice_make(copy, whole.size);
            struct audit_message got = {0};
            rg_status status = audit_message_get(&cursor, &got);
            refused += rg_is_ok(status) ? 0 : 1;
            assert_int_equal(cursor.size, rg_is_ok(status) ? 0 : whole.size);
            assert_null(memchr(got.rg.size > 0 ? got.rg.data : "", '\n', got.rg.size));
        }
    }
    assert_true(refused > 18 * 250);
}

static void refuses_a_frame_cut_at_each_byte(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 1000);
    struct audit_message message = sample();
    struct audit_message got = {.has_more = true};
    assert_ok(audit_message_encode(&message, &buf));
    for (size_t size = 0; size < rg_buf_size(&buf); size++) {
        struct rg_slice cursor = rg_slice_cut(rg_buf_slice(&buf), 0, size);
        assert_fails(RG_PROTOCOL, audit_message_get(&cursor, &got));
        assert_int_equal(cursor.size, size);
        assert_null(got.rg.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_a_message),
        cmocka_unit_test(refuses_texts_that_would_break_the_line),
        cmocka_unit_test(refuses_more_than_a_line_holds_and_a_full_buffer),
        cmocka_unit_test(survives_every_changed_byte),
        cmocka_unit_test(refuses_a_frame_cut_at_each_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
