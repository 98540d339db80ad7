/* SPDX-License-Identifier: Apache-2.0 */
/* Values of parameters as text, from what any client may send: sizes that lie, numbers out of range, arrays that end
 * early, bytes that are no text. */
#include "policy/hyper.h"
#include "tests/support/rg_test.h"

enum { BOOL = 16, BYTEA = 17, NAME = 19, INT8 = 20, INT2 = 21, INT4 = 23, TEXT = 25, OID = 26, FLOAT4 = 700 };
enum { UNKNOWN = 705, INT4_ARRAY = 1007, TEXT_ARRAY = 1009, DATE = 1082, TIME = 1083, TIMESTAMP = 1114 };
enum {
    TIMESTAMPTZ = 1184,
    INTERVAL = 1186,
    NUMERIC = 1700,
    NUMERIC_ARRAY = 1231,
    UUID = 2950,
    FLOAT8 = 701,
    INET = 869
};

#define BYTES(literal)                                                                                                 \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    }

static rg_status parse(struct rg_arena *arena, uint32_t type, bool is_binary, struct rg_slice bytes,
                       struct hyper_value *out_value)
{
    struct hyper_input input = {.type = type, .is_binary = is_binary, .bytes = bytes};
    return hyper_value_parse(&input, arena, out_value);
}

struct good {
    uint32_t type;
    struct rg_slice bytes;
    const char *text;
};

static void binary_values_become_the_text_of_their_constant(void **state)
{
    static const struct good rows[] = {
        {BOOL, BYTES("\1"), "true"},
        {BOOL, BYTES("\0"), "false"},
        {INT2, BYTES("\x80\0"), "-32768"},
        {INT4, BYTES("\xff\xff\xff\xfb"), "-5"},
        {INT8, BYTES("\x80\0\0\0\0\0\0\0"), "-9223372036854775808"},
        {INT8, BYTES("\x7f\xff\xff\xff\xff\xff\xff\xff"), "9223372036854775807"},
        {OID, BYTES("\xff\xff\xff\xff"), "4294967295"},
        {FLOAT4, BYTES("\x3f\x80\0\0"), "1"},
        {FLOAT8, BYTES("\x7f\xf0\0\0\0\0\0\0"), "Infinity"},
        {FLOAT8, BYTES("\xff\xf0\0\0\0\0\0\0"), "-Infinity"},
        {FLOAT8, BYTES("\x7f\xf8\0\0\0\0\0\0"), "NaN"},
        {FLOAT8, BYTES("\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "0.10000000000000001"},
        {TEXT, BYTES("it's \\ \"x\" $1"), "it's \\ \"x\" $1"},
        {TEXT, BYTES(""), ""},
        {BYTEA, BYTES("\0\xff'"), "\\x00ff27"},
        {DATE, BYTES("\0\0\0\0"), "2000-01-01"},
        {DATE, BYTES("\0\0\0\x3b"), "2000-02-29"},
        {DATE, BYTES("\xff\xff\xff\xff"), "1999-12-31"},
        {DATE, BYTES("\xff\xf4\xdb\xf9"), "0001-01-01"},
        {DATE, BYTES("\0\x2c\x95\xd3"), "9999-12-31"},
        {TIME, BYTES("\0\0\0\0\0\0\0\1"), "00:00:00.000001"},
        {TIME, BYTES("\0\0\0\x14\x1d\xd7\x5f\xff"), "23:59:59.999999"},
        {TIMESTAMP, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), "1999-12-31 23:59:59.999999"},
        {TIMESTAMPTZ, BYTES("\0\0\0\0\0\0\0\0"), "2000-01-01 00:00:00.000000+00"},
        {INTERVAL, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\2\xff\xff\xff\xff"), "P-1M2DT-0.000001S"},
        {INTERVAL, BYTES("\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "P0M0DT-9223372036854.775808S"},
        {UUID, BYTES("\x12\x34\x56\x78\x9a\xbc\xde\xf0\0\1\2\3\4\5\6\7"), "12345678-9abc-def0-0001-020304050607"},
        {NUMERIC, BYTES("\0\2\0\0\0\0\0\3\0\x0c\x0d\x7a"), "12.345"},
        {NUMERIC, BYTES("\0\1\xff\xff\x40\0\0\3\0\x0a"), "-0.001"},
        {NUMERIC, BYTES("\0\1\xff\xfe\0\0\0\x08\0\x0c"), "0.00000012"},
        {NUMERIC, BYTES("\0\1\0\2\0\0\0\0\0\1"), "100000000"},
        {NUMERIC, BYTES("\0\0\0\0\0\0\0\0"), "0"},
        {NUMERIC, BYTES("\0\0\0\0\0\0\0\2"), "0.00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
        rg_arena_init(&arena, 1 << 20);
        struct hyper_value value = {0};
        assert_ok(parse(&arena, rows[i].type, true, rows[i].bytes, &value));
        assert_int_equal(value.count, 1);
        if (!rg_slice_is_equal(value.elements[0], rg_slice_of(rows[i].text))) {
            fail_msg("row %zu: %.*s, expected %s", i, (int)value.elements[0].size, value.elements[0].data,
                     rows[i].text);
        }
    }
}

struct bad {
    const char *name;
    uint32_t type;
    bool is_binary;
    struct rg_slice bytes;
};

static const struct bad bad_rows[] = {
    {"no bytes for a number", INT4, true, BYTES("")},
    {"too few bytes", INT4, true, BYTES("\0\0\0")},
    {"too many bytes", INT4, true, BYTES("\0\0\0\0\0")},
    {"two bytes for a bool", BOOL, true, BYTES("\0\0")},
    {"half a uuid", UUID, true, BYTES("12345678")},
    {"NUL in a text", TEXT, true, BYTES("a\0b")},
    {"NUL in a text in text format", TEXT, false, BYTES("a\0b")},
    {"no UTF-8", TEXT, false, BYTES("a\xff")},
    {"an overlong quote", TEXT, true, BYTES("\xc0\xa7")},
    {"a surrogate", UNKNOWN, false, BYTES("\xed\xa0\x80")},
    {"NUL in a number in text format", INT4, false, BYTES("5\0")},
    {"binary without a type", 0, true, BYTES("\0\0\0\5")},
    {"binary of unknown", UNKNOWN, true, BYTES("x")},
    {"a type that Hyper lacks", INET, false, BYTES("1.2.3.4")},
    {"a type that nobody has", 999999, false, BYTES("x")},
    {"regclass", 2205, false, BYTES("1")},
    {"infinity as a date", DATE, true, BYTES("\x7f\xff\xff\xff")},
    {"minus infinity as a date", DATE, true, BYTES("\x80\0\0\0")},
    {"a day before the year 1", DATE, true, BYTES("\xff\xf4\xdb\xf8")},
    {"a day after 9999", DATE, true, BYTES("\0\x2c\x95\xd4")},
    {"infinity as a timestamp", TIMESTAMP, true, BYTES("\x7f\xff\xff\xff\xff\xff\xff\xff")},
    {"minus infinity as a timestamp", TIMESTAMPTZ, true, BYTES("\x80\0\0\0\0\0\0\0")},
    {"a time before the day", TIME, true, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff")},
    {"a time of 24 hours", TIME, true, BYTES("\0\0\0\x14\x1d\xd7\x60\0")},
    {"a number without a header", NUMERIC, true, BYTES("\0\1\0\0\0\0")},
    {"a number that lacks a digit", NUMERIC, true, BYTES("\0\2\0\0\0\0\0\0\0\1")},
    {"a number with a digit too many", NUMERIC, true, BYTES("\0\0\0\0\0\0\0\0\0\1")},
    {"a digit of 10000", NUMERIC, true, BYTES("\0\1\0\0\0\0\0\0\x27\x10")},
    {"NaN as a number", NUMERIC, true, BYTES("\0\0\0\0\xc0\0\0\0")},
    {"a sign that there is not", NUMERIC, true, BYTES("\0\0\0\0\1\0\0\0")},
    {"a weight of 32767", NUMERIC, true, BYTES("\0\0\x7f\xff\0\0\0\0")},
    {"a scale of 16383", NUMERIC, true, BYTES("\0\0\0\0\0\0\x3f\xff")},
    {"39 digits", NUMERIC, false, BYTES("123456789012345678901234567890123456789")},
    {"an exponent", NUMERIC, false, BYTES("1e5")},
    {"a number that ends a string", NUMERIC, false, BYTES("1'::text")},
    {"no number", NUMERIC, false, BYTES("-")},
    {"numbers in an array", NUMERIC_ARRAY, false, BYTES("{1.5}")},
    {"an array without a header", INT4_ARRAY, true, BYTES("\0\0\0\1\0\0\0\0")},
    {"an array of another type", INT4_ARRAY, true, BYTES("\0\0\0\0\0\0\0\0\0\0\0\x19")},
    {"an array of two dimensions", INT4_ARRAY, true,
     BYTES("\0\0\0\2\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1")},
    {"an array that starts at 2", INT4_ARRAY, true, BYTES("\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\0\0\0\0\2")},
    {"an array that promises more", INT4_ARRAY, true,
     BYTES("\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\1")},
    {"an array of four billions", INT4_ARRAY, true, BYTES("\0\0\0\1\0\0\0\0\0\0\0\x17\xff\xff\xff\xff\0\0\0\1")},
    {"an element that is longer than all", INT4_ARRAY, true,
     BYTES("\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\x7f\xff\xff\xff")},
    {"an element of the wrong size", INT4_ARRAY, true, BYTES("\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\0\0\0\1\0")},
    {"NULL in an array", INT4_ARRAY, true, BYTES("\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\1\0\0\0\1\xff\xff\xff\xff")},
    {"bytes behind an array", INT4_ARRAY, true, BYTES("\0\0\0\0\0\0\0\0\0\0\0\x17\0")},
    {"no braces", TEXT_ARRAY, false, BYTES("a,b")},
    {"one brace", TEXT_ARRAY, false, BYTES("{")},
    {"no end", TEXT_ARRAY, false, BYTES("{a")},
    {"a comma at the end", TEXT_ARRAY, false, BYTES("{a,}")},
    {"an empty element", TEXT_ARRAY, false, BYTES("{,a}")},
    {"NULL", TEXT_ARRAY, false, BYTES("{nUlL}")},
    {"an open quote", TEXT_ARRAY, false, BYTES("{\"a}")},
    {"something behind a quote", TEXT_ARRAY, false, BYTES("{\"a\"b}")},
    {"an array in an array", TEXT_ARRAY, false, BYTES("{{a}}")},
    {"something behind the array", TEXT_ARRAY, false, BYTES("{a}}")},
    {"two arrays", TEXT_ARRAY, false, BYTES("{a}{b}")},
    {"bounds", TEXT_ARRAY, false, BYTES("[1:1]={a}")},
    {"a backslash at the end", TEXT_ARRAY, false, BYTES("{a\\}")},
    {"NUL in an element", TEXT_ARRAY, false, BYTES("{a\0b}")},
    {"half a character in an element", TEXT_ARRAY, false, BYTES("{\xc3}")},
};

static void what_is_no_value_of_its_type_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
        const struct bad *row = &bad_rows[i];
        RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
        rg_arena_init(&arena, 1 << 20);
        struct hyper_value value = {.count = 77};
        rg_status status = parse(&arena, row->type, row->is_binary, row->bytes, &value);
        if (rg_is_ok(status)) {
            fail_msg("%s: taken", row->name);
        }
        assert_int_equal(status.error->kind, RG_DENIED);
        assert_int_equal(value.count, 77); /* untouched */
    }
}

static void every_prefix_of_an_array_is_refused_or_read_within_its_bytes(void **state)
{
    static const char whole[] = "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\1\0\0\0\4\0\0\0\2";
    (void)state;
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
        rg_arena_init(&arena, 1 << 16);
        void *copy = NULL; /* so that the sanitizer sees a byte too far */
        assert_ok(rg_arena_alloc(&arena, size + 1, &copy));
        memcpy(copy, whole, size);
        struct hyper_value value = {0};
        assert_fails(RG_DENIED, parse(&arena, INT4_ARRAY, true, rg_slice_make(copy, size), &value));
    }
}

static void arrays_are_read(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    rg_arena_init(&arena, 1 << 20);
    struct hyper_value value = {0};
    assert_ok(parse(&arena, TEXT_ARRAY, false, RG_SLICE("{a,\"b c\",\"d\\\"e\",\"\",\"NULL\",f\\,g,it's}"), &value));
    static const char *const wanted[] = {"a", "b c", "d\"e", "", "NULL", "f,g", "it's"};
    assert_true(value.is_array);
    assert_string_equal(value.type, "text");
    assert_int_equal(value.count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_true(rg_slice_is_equal(value.elements[i], rg_slice_of(wanted[i])));
    }
    assert_ok(parse(&arena, INT4_ARRAY, false, RG_SLICE("{}"), &value));
    assert_int_equal(value.count, 0);
    static const char two[] = "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\1\0\0\0\4\xff\xff\xff\xff";
    assert_ok(parse(&arena, INT4_ARRAY, true, rg_slice_make(two, sizeof two - 1), &value));
    assert_int_equal(value.count, 2);
    assert_true(rg_slice_is_equal(value.elements[1], RG_SLICE("-1")));
}

static void a_long_array_has_a_limit_and_an_arena_may_be_full(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    rg_arena_init(&arena, 1 << 22);
    char *text = NULL;
    size_t size = 2 * (HYPER_ELEMENTS_MAX + 1) + 1;
    assert_ok(rg_arena_array(&arena, size, 1, (void **)&text));
    memset(text, '1', size);
    for (size_t i = 0; i < size; i += 2) {
        text[i] = ',';
    }
    text[0] = '{';
    text[size - 1] = '}';
    struct hyper_value value = {0};
    assert_fails(RG_DENIED, parse(&arena, INT4_ARRAY, false, rg_slice_make(text, size), &value));
    RG_AUTO(rg_arena_done) struct rg_arena small = {0};
    rg_arena_init(&small, 64);
    assert_fails(RG_LIMIT, parse(&small, INT4_ARRAY, false, rg_slice_make(text, size), &value));
}

static void null_and_numbers_keep_what_they_are(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    rg_arena_init(&arena, 1 << 20);
    struct hyper_value value = {0};
    struct hyper_input null = {.type = INT8, .is_null = true};
    assert_ok(hyper_value_parse(&null, &arena, &value));
    assert_true(value.is_null);
    assert_string_equal(value.type, "int8");
    null.type = INET;
    assert_fails(RG_DENIED, hyper_value_parse(&null, &arena, &value));
    assert_ok(parse(&arena, NUMERIC, false, RG_SLICE("-012.50"), &value));
    assert_int_equal(value.precision, 5);
    assert_int_equal(value.scale, 2);
    assert_ok(parse(&arena, 0, false, RG_SLICE("x"), &value));
    assert_null(value.type);
    assert_false(value.is_array);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_values_become_the_text_of_their_constant),
        cmocka_unit_test(what_is_no_value_of_its_type_is_refused),
        cmocka_unit_test(every_prefix_of_an_array_is_refused_or_read_within_its_bytes),
        cmocka_unit_test(arrays_are_read),
        cmocka_unit_test(a_long_array_has_a_limit_and_an_arena_may_be_full),
        cmocka_unit_test(null_and_numbers_keep_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
