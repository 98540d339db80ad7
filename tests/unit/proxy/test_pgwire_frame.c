/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/pgwire/frame.h"

#include "tests/unit/proxy/pgwire_support.h"

static const struct pgwire_limits ready = {PGWIRE_PHASE_READY, 1024};

static void expect_frame_refused(struct rg_slice input, const struct pgwire_limits *limits, enum rg_kind kind)
{
    struct pgwire_frame frame = {'?', {"untouched", 9}, 77};
    bool complete = true;
    struct rg_slice copy = exact_copy(input);
    rg_status status = pgwire_frame_peek(copy, limits, &frame, &complete);
    if (rg_is_ok(status)) {
        fail_msg("\"%.*s\" in phase %d is accepted", (int)input.size, input.data, (int)limits->phase);
    }
    assert_int_equal(status.error->kind, kind);
    assert_true(complete && frame.type == '?' && frame.size == 77 && frame.body.size == 9);
    exact_free(copy);
}

static void waits_for_every_byte_of_a_frame(void **state)
{
    (void)state;
    struct rg_slice input = RG_SLICE("Q\0\0\0\x0dSELECT 1\0X\0\0\0\x04");
    for (size_t size = 0; size <= input.size; size++) {
        struct pgwire_frame frame = {'?', {NULL, 0}, 0};
        bool complete = size < 14;
        struct rg_slice copy = exact_copy(rg_slice_cut(input, 0, size));
        assert_ok(pgwire_frame_peek(copy, &ready, &frame, &complete));
        assert_int_equal(complete, size >= 14);
        assert_int_equal(frame.type, size >= 14 ? 'Q' : '?');
        if (size >= 14) {
            assert_int_equal(frame.size, 14);
            assert_int_equal(frame.body.size, 9);
            assert_slice(rg_slice_cut(frame.body, 0, 8), "SELECT 1");
        }
        exact_free(copy);
    }
}

static void permits_each_type_only_in_its_phases(void **state)
{
    (void)state;
    static const char *const permitted[PGWIRE_PHASE_COUNT] = {
        [PGWIRE_PHASE_NONE] = "",
        [PGWIRE_PHASE_AUTH] = "p",
        [PGWIRE_PHASE_READY] = "QPBDECSHX",
        [PGWIRE_PHASE_COPY_IN] = "dcfSHX",
        [PGWIRE_PHASE_AFTER_COPY] = "QPBDECSHXdcf",
    };
    for (int phase = 0; phase < PGWIRE_PHASE_COUNT; phase++) {
        struct pgwire_limits limits = {(enum pgwire_phase)phase, 1024};
        for (int type = 0; type < 256; type++) {
            char header[5] = {(char)type, 0, 0, 0, 4};
            if (type != 0 && strchr(permitted[phase], type) != NULL) {
                struct pgwire_frame frame = {0};
                bool complete = false;
                assert_ok(pgwire_frame_peek(rg_slice_make(header, 5), &limits, &frame, &complete));
                assert_true(complete && frame.size == 5);
            } else {
                expect_frame_refused(rg_slice_make(header, 5), &limits, RG_PROTOCOL);
                expect_frame_refused(rg_slice_make(header, 1), &limits, RG_PROTOCOL); /* at the first byte */
            }
        }
    }
}

static void refuses_function_calls(void **state)
{
    (void)state;
    assert_null(pgwire_frontend_type_find('F'));
    expect_frame_refused(RG_SLICE("F"), &ready, RG_PROTOCOL);
}

static void refuses_lengths_that_lie_before_any_body_is_there(void **state)
{
    (void)state;
    expect_frame_refused(RG_SLICE("Q\0\0\0\0"), &ready, RG_PROTOCOL);
    expect_frame_refused(RG_SLICE("Q\0\0\0\x03"), &ready, RG_PROTOCOL);
    expect_frame_refused(RG_SLICE("Q\xff\xff\xff\xff"), &ready, RG_PROTOCOL);
    expect_frame_refused(RG_SLICE("Q\x80\0\0\0"), &ready, RG_PROTOCOL);
    expect_frame_refused(RG_SLICE("Q\x7f\xff\xff\xff"), &ready, RG_LIMIT);
    expect_frame_refused(RG_SLICE("S\0\0\0\x05"), &ready, RG_LIMIT); /* Sync has no body */
    expect_frame_refused(RG_SLICE("D\0\0\x20\0"), &ready, RG_LIMIT);
}

static void holds_bulk_messages_to_the_configured_size(void **state)
{
    (void)state;
    struct pgwire_frame frame = {0};
    bool complete = true;
    assert_ok(pgwire_frame_peek(RG_SLICE("Q\0\0\x03\xff"), &ready, &frame, &complete)); /* 1024 in all */
    assert_false(complete);
    expect_frame_refused(RG_SLICE("Q\0\0\x04\0"), &ready, RG_LIMIT);
    expect_frame_refused(RG_SLICE("P\0\0\x04\0"), &ready, RG_LIMIT);
    expect_frame_refused(RG_SLICE("B\0\0\x04\0"), &ready, RG_LIMIT);
    struct pgwire_limits none = {PGWIRE_PHASE_READY, 0};
    expect_frame_refused(RG_SLICE("Q\0\0\0\x05"), &none, RG_LIMIT);
    struct pgwire_limits huge = {PGWIRE_PHASE_READY, SIZE_MAX};
    expect_frame_refused(RG_SLICE("Q\x7f\xff\xff\xff"), &huge, RG_LIMIT);
    struct pgwire_limits zero = {0};
    expect_frame_refused(RG_SLICE("X\0\0\0\x04"), &zero, RG_PROTOCOL);
}

static void judges_the_header_of_data_without_its_body(void **state)
{
    (void)state;
    struct pgwire_limits copy = {PGWIRE_PHASE_COPY_IN, 0};
    struct pgwire_header header = {0};
    bool complete = true;
    for (size_t size = 0; size < PGWIRE_FRAME_HEADER; size++) {
        assert_ok(pgwire_header_peek(rg_slice_make("d\x3f\xff\xff\xfe", size), &copy, &header, &complete));
        assert_false(complete);
        assert_int_equal(header.type, 0);
    }
    assert_ok(pgwire_header_peek(RG_SLICE("d\x3f\xff\xff\xfe"), &copy, &header, &complete)); /* MaxAllocSize - 1 */
    assert_true(complete && header.type == 'd');
    assert_int_equal(header.body_size, 0x3ffffffe - 4);
    assert_ok(pgwire_header_peek(RG_SLICE("d\0\0\0\x04"), &copy, &header, &complete));
    assert_int_equal(header.body_size, 0);
    static const struct {
        struct rg_slice input;
        enum rg_kind kind;
    } refused[] = {
        {{"d\x3f\xff\xff\xff", 5}, RG_LIMIT},
        {{"d\x7f\xff\xff\xff", 5}, RG_LIMIT},
        {{"d\xff\xff\xff\xff", 5}, RG_PROTOCOL},
        {{"d\0\0\0\x03", 5}, RG_PROTOCOL},
        {{"c\0\0\0\x05", 5}, RG_LIMIT},
        {{"f\0\x10\0\0", 5}, RG_LIMIT},
        {{"Q", 1}, RG_PROTOCOL},
        {{"p", 1}, RG_PROTOCOL},
    };
    header = (struct pgwire_header){'x', 7};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_fails(refused[i].kind, pgwire_header_peek(refused[i].input, &copy, &header, &complete));
        assert_true(complete && header.type == 'x' && header.body_size == 7);
    }
}

static void bounds_the_password_of_someone_unknown(void **state)
{
    (void)state;
    struct pgwire_limits limits = {PGWIRE_PHASE_AUTH, SIZE_MAX};
    expect_frame_refused(RG_SLICE("p\0\x01\0\x05"), &limits, RG_LIMIT);
    expect_frame_refused(RG_SLICE("p\x3f\xff\xff\xff"), &limits, RG_LIMIT);
}

static void expect_startup_refused(struct rg_slice input)
{
    struct pgwire_frame frame = {'?', {NULL, 0}, 77};
    bool complete = true;
    assert_fails(RG_PROTOCOL, pgwire_startup_peek(input, &frame, &complete));
    assert_true(complete && frame.type == '?' && frame.size == 77);
}

static void frames_the_startup_packet_between_8_and_10000_bytes(void **state)
{
    (void)state;
    struct rg_slice input = RG_SLICE("\0\0\0\x08\x04\xd2\x16\x2fQ");
    for (size_t size = 0; size <= input.size; size++) {
        struct pgwire_frame frame = {'?', {NULL, 0}, 0};
        bool complete = false;
        struct rg_slice copy = exact_copy(rg_slice_cut(input, 0, size));
        assert_ok(pgwire_startup_peek(copy, &frame, &complete));
        assert_int_equal(complete, size >= 8);
        assert_int_equal(frame.size, size >= 8 ? 8 : 0);
        assert_int_equal(frame.body.size, size >= 8 ? 4 : 0);
        exact_free(copy);
    }
    struct pgwire_frame frame = {0};
    bool complete = true;
    assert_ok(pgwire_startup_peek(RG_SLICE("\0\0\x27\x10"), &frame, &complete));
    assert_false(complete);
    expect_startup_refused(RG_SLICE("\0\0\x27\x11"));
    expect_startup_refused(RG_SLICE("\0\0\0\x07"));
    expect_startup_refused(RG_SLICE("\0\0\0\0"));
    expect_startup_refused(RG_SLICE("\xff\xff\xff\xff"));
    expect_startup_refused(RG_SLICE("\x7f\xff\xff\xff"));
    expect_startup_refused(RG_SLICE("GET / HTTP/1.1\r\n"));
    expect_startup_refused(RG_SLICE("\x16\x03\x01\x02\0\x01")); /* a TLS ClientHello */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_every_byte_of_a_frame),
        cmocka_unit_test(permits_each_type_only_in_its_phases),
        cmocka_unit_test(refuses_function_calls),
        cmocka_unit_test(refuses_lengths_that_lie_before_any_body_is_there),
        cmocka_unit_test(holds_bulk_messages_to_the_configured_size),
        cmocka_unit_test(judges_the_header_of_data_without_its_body),
        cmocka_unit_test(bounds_the_password_of_someone_unknown),
        cmocka_unit_test(frames_the_startup_packet_between_8_and_10000_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
