/* SPDX-License-Identifier: Apache-2.0 */
/* Typed claims: which JSON becomes which value, and what is refused. */
#include "auth/claims_private.h"

#include <string.h>

#include "tests/support/rg_test.h"

static struct rg_arena arena;

static int start_arena(void **state)
{
    (void)state;
    rg_arena_init(&arena, (size_t)1 << 20);
    return 0;
}

static int end_arena(void **state)
{
    (void)state;
    rg_arena_done(&arena);
    return 0;
}

static struct auth_claim_spec spec_of(const char *type)
{
    struct auth_claim_spec spec = {.name = RG_SLICE("c")};
    assert_true(auth_type_find(rg_slice_of(type), &spec.type));
    return spec;
}

static rg_status read_value(const struct auth_claim_spec *spec, const char *json, struct auth_claim_value *out_value)
{
    json_error_t error;
    json_t *claims = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(claims);
    const struct auth_claim_value *values = NULL;
    rg_status status = auth_claims_from_json(spec, 1, claims, &arena, &values);
    json_decref(claims);
    if (rg_is_ok(status)) {
        *out_value = values[0];
    } else {
        assert_null(values);
    }
    return status;
}

/* The elements joined with '|'; "NULL" for none; "!" for a refusal. */
static const char *shown(const struct auth_claim_spec *spec, const char *json)
{
    static char text[4096];
    struct auth_claim_value value = {0};
    rg_status status = read_value(spec, json, &value);
    if (!rg_is_ok(status)) {
        assert_int_equal(status.error->kind, RG_DENIED);
        assert_non_null(strstr(status.error->text, "\"c\""));
        return "!";
    }
    assert_int_equal(value.type.scalar, spec->type.scalar);
    text[0] = '\0';
    for (size_t i = 0; i < value.count; i++) {
        size_t at = strlen(text);
        (void)snprintf(text + at, sizeof text - at, "%s%.*s", i == 0 ? "" : "|", RG_SLICE_ARGS(value.elements[i]));
        assert_int_equal(value.elements[i].data[value.elements[i].size], 0);
    }
    return value.is_present ? text : "NULL";
}

struct row {
    const char *type;
    const char *json;
    const char *wanted;
};

static void run_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct auth_claim_spec spec = spec_of(rows[i].type);
        char json[1024];
        (void)snprintf(json, sizeof json, "{\"c\":%s}", rows[i].json);
        const char *got = shown(&spec, json);
        if (strcmp(got, rows[i].wanted) != 0) {
            fail_msg("%s from %s is \"%s\", expected \"%s\"", rows[i].type, rows[i].json, got, rows[i].wanted);
        }
    }
}

#define RUN(rows) run_rows((rows), sizeof(rows) / sizeof((rows)[0]))

static void reads_scalars(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"text", "\"a b\"", "a b"},
        {"text", "\"\"", ""},
        {"text", "\"\\u00e9\"", "\xc3\xa9"},
        {"text", "null", "NULL"},
        {"uuid", "\"0B7F3A52-ABCD-4000-8000-00000000000a\"", "0b7f3a52-abcd-4000-8000-00000000000a"},
        {"int4", "2147483647", "2147483647"},
        {"int4", "\"-2147483648\"", "-2147483648"},
        {"int8", "9223372036854775807", "9223372036854775807"},
        {"int8", "-9223372036854775808", "-9223372036854775808"},
        {"int8", "\"0\"", "0"},
        {"numeric", "\"123456789012345678901234567890.000000000000000001\"",
         "123456789012345678901234567890.000000000000000001"},
        {"numeric", "0.1", "0.1"},
        {"numeric", "-12", "-12"},
        {"numeric", "1.5", "1.5"},
        {"bool", "true", "true"},
        {"boolean", "\"false\"", "false"},
        {"date", "\"2024-02-29\"", "2024-02-29"},
        {"date", "\"2000-02-29\"", "2000-02-29"},
        {"timestamptz", "\"2026-11-22T16:00:00Z\"", "2026-11-22T16:00:00Z"},
        {"timestamptz", "\"2026-11-22T16:00:00.123456+14:00\"", "2026-11-22T16:00:00.123456+14:00"},
    };
    RUN(rows);
}

static void refuses_values_of_another_type(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"text", "7", "!"},
        {"text", "true", "!"},
        {"text", "[\"a\"]", "!"},
        {"text", "{}", "!"},
        {"uuid", "\"\"", "!"},
        {"uuid", "\"0b7f3a52abcd4000800000000000000a\"", "!"},
        {"uuid", "\"{0b7f3a52-abcd-4000-8000-00000000000a}\"", "!"},
        {"uuid", "\"0b7f3a52-abcd-4000-8000-00000000000g\"", "!"},
        {"uuid", "\"0b7f3a52-abcd-4000-8000-00000000000a \"", "!"},
        {"uuid", "\"0b7f3a520abcd-4000-8000-00000000000a\"", "!"},
        {"int4", "2147483648", "!"},
        {"int4", "\"-2147483649\"", "!"},
        {"int4", "1.0", "!"},
        {"int4", "\"01\"", "!"},
        {"int4", "\"+1\"", "!"},
        {"int4", "\"-0\"", "!"},
        {"int4", "\"-\"", "!"},
        {"int4", "\"1 \"", "!"},
        {"int4", "\"1'; DROP TABLE x; --\"", "!"},
        {"int4", "true", "!"},
        {"int8", "\"9223372036854775808\"", "!"},
        {"int8", "\"-9223372036854775809\"", "!"},
        {"int8", "\"99999999999999999999999999\"", "!"},
        {"int8", "\"\"", "!"},
        {"int8", "1e3", "!"},
        {"numeric", "\"NaN\"", "!"},
        {"numeric", "\"Infinity\"", "!"},
        {"numeric", "\"1e3\"", "!"},
        {"numeric", "1e30", "!"},
        {"numeric", "0.1234567890123456", "!"}, /* does not survive a double's 15 digits */
        {"numeric", "\".5\"", "!"},
        {"numeric", "\"5.\"", "!"},
        {"numeric", "\"1.5.5\"", "!"},
        {"numeric", "\"00.5\"", "!"},
        {"numeric", "\"0x10\"", "!"},
        {"bool", "1", "!"},
        {"bool", "\"t\"", "!"},
        {"bool", "\"TRUE\"", "!"},
        {"date", "\"2023-02-29\"", "!"},
        {"date", "\"1900-02-29\"", "!"},
        {"date", "\"2024-13-01\"", "!"},
        {"date", "\"2024-00-10\"", "!"},
        {"date", "\"2024-04-31\"", "!"},
        {"date", "\"0000-01-01\"", "!"},
        {"date", "\"today\"", "!"},
        {"date", "\"24-01-01\"", "!"},
        {"date", "20240101", "!"},
        {"timestamptz", "\"2026-11-22 16:00:00Z\"", "!"},
        {"timestamptz", "\"2026-11-22T16:00:00\"", "!"},
        {"timestamptz", "\"2026-11-22T24:00:00Z\"", "!"},
        {"timestamptz", "\"2026-11-22T16:60:00Z\"", "!"},
        {"timestamptz", "\"2026-11-22T16:00:60Z\"", "!"},
        {"timestamptz", "\"2026-11-22T16:00:00.Z\"", "!"},
        {"timestamptz", "\"2026-11-22T16:00:00.1234567Z\"", "!"},
        {"timestamptz", "\"2026-11-22T16:00:00+15:00\"", "!"},
        {"timestamptz", "\"2026-11-22T16:00:00+1400\"", "!"},
        {"timestamptz", "\"2026-11-22T16:00:00Zx\"", "!"},
        {"timestamptz", "\"now\"", "!"},
        {"timestamptz", "1800000000", "!"},
    };
    RUN(rows);
}

static void reads_arrays(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"text[]", "[\"eu\",\"us\"]", "eu|us"},
        {"text[]", "[]", ""},
        {"text[]", "null", "NULL"},
        {"int8[]", "[1,\"2\",-3]", "1|2|-3"},
        {"bool[]", "[true,false]", "true|false"},
        {"text[]", "\"eu\"", "!"},
        {"text[]", "[\"eu\",null]", "!"},
        {"text[]", "[\"eu\",[\"us\"]]", "!"},
        {"int8[]", "[1,\"x\"]", "!"},
        {"int8[]", "1", "!"},
        {"uuid[]", "{}", "!"},
    };
    RUN(rows);
}

static void cuts_a_string_at_the_separator(void **state)
{
    (void)state;
    struct auth_claim_spec spec = spec_of("text[]");
    spec.split = RG_SLICE(" ");
    assert_string_equal(shown(&spec, "{\"c\":\" a  b c \"}"), "a|b|c");
    assert_string_equal(shown(&spec, "{\"c\":\"\"}"), "");
    assert_string_equal(shown(&spec, "{\"c\":[\"a b\"]}"), "a b");
    assert_string_equal(shown(&spec, "{\"c\":7}"), "!");
    spec.split = RG_SLICE("::");
    assert_string_equal(shown(&spec, "{\"c\":\"a:b::c\"}"), "a:b|c");
    spec.max_elements = 2;
    assert_string_equal(shown(&spec, "{\"c\":\"a::b::c\"}"), "!");
}

static void bounds_elements_and_bytes(void **state)
{
    (void)state;
    struct auth_claim_spec spec = spec_of("int4[]");
    spec.max_elements = 2;
    assert_string_equal(shown(&spec, "{\"c\":[1,2]}"), "1|2");
    assert_string_equal(shown(&spec, "{\"c\":[1,2,3]}"), "!");
    spec = spec_of("text");
    spec.max_bytes = 3;
    assert_string_equal(shown(&spec, "{\"c\":\"abc\"}"), "abc");
    assert_string_equal(shown(&spec, "{\"c\":\"abcd\"}"), "!");
    char json[2048];
    memset(json, 'x', sizeof json);
    memcpy(json, "{\"c\":\"", 6);
    memcpy(json + 6 + AUTH_CLAIM_DEFAULT_BYTES + 1, "\"}", 3);
    spec.max_bytes = 0;
    assert_string_equal(shown(&spec, json), "!");
}

static void lowers_ascii_only_when_asked(void **state)
{
    (void)state;
    struct auth_claim_spec spec = spec_of("text");
    assert_string_equal(shown(&spec, "{\"c\":\"ACME\"}"), "ACME");
    spec.lower = true;
    assert_string_equal(shown(&spec, "{\"c\":\"ACME\\u00c9[\"}"), "acme\xc3\x89[");
}

static void follows_paths(void **state)
{
    (void)state;
    struct auth_claim_spec spec = spec_of("text");
    spec.oidc_path = RG_SLICE("$.a.b");
    assert_string_equal(shown(&spec, "{\"a\":{\"b\":\"deep\"}}"), "deep");
    assert_string_equal(shown(&spec, "{\"a\":\"b\"}"), "NULL");
    assert_string_equal(shown(&spec, "{\"a.b\":\"x\",\"$.a.b\":\"y\"}"), "NULL");
    assert_string_equal(shown(&spec, "{\"a\":[{\"b\":\"x\"}]}"), "NULL");
    spec.oidc_path = RG_SLICE("https://acme.example/claims.tenant");
    assert_string_equal(shown(&spec, "{\"https://acme.example/claims.tenant\":\"t\"}"), "t");
    spec.oidc_path = RG_SLICE("$.");
    assert_string_equal(shown(&spec, "{\"a\":\"b\"}"), "NULL");
    spec.oidc_path = RG_SLICE("$.a..b");
    assert_string_equal(shown(&spec, "{\"a\":{\"b\":\"x\"}}"), "NULL");
}

static void a_required_claim_must_have_a_value(void **state)
{
    (void)state;
    static const char *const rows[] = {"{}", "{\"c\":null}", "{\"c\":[]}", "{\"C\":[\"a\"]}"};
    struct auth_claim_spec spec = spec_of("text[]");
    spec.required = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_claim_value value = {.count = 9};
        rg_status status = read_value(&spec, rows[i], &value);
        assert_fails(RG_DENIED, status);
        assert_string_equal(status.error->text, "required claim \"c\" is missing");
        assert_int_equal(value.count, 9);
    }
}

static void names_the_type_and_not_the_value(void **state)
{
    (void)state;
    struct auth_claim_spec spec = spec_of("int8[]");
    struct auth_claim_value value = {0};
    rg_status status = read_value(&spec, "{\"c\":[\"topsecret\"]}", &value);
    assert_fails(RG_DENIED, status);
    assert_string_equal(status.error->text, "claim \"c\" is not of type int8[]");
}

static void a_spec_without_a_type_refuses_every_value(void **state)
{
    (void)state;
    struct auth_claim_spec spec = {.name = RG_SLICE("c")};
    assert_string_equal(shown(&spec, "{\"c\":\"x\"}"), "!");
    assert_string_equal(shown(&spec, "{\"c\":1}"), "!");
    assert_null(auth_type_sql(spec.type));
}

static void finds_types_by_their_names(void **state)
{
    (void)state;
    struct auth_type type = {0};
    assert_true(auth_type_find(RG_SLICE("bigint[]"), &type));
    assert_string_equal(auth_type_sql(type), "pg_catalog.int8[]");
    assert_true(auth_type_find(RG_SLICE("timestamp with time zone"), &type));
    assert_string_equal(auth_type_sql(type), "pg_catalog.timestamptz");
    static const char *const unknown[] = {"", "[]", "TEXT", "text[][]", "varchar", "text ", "json", "int2", "float8"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_false(auth_type_find(rg_slice_of(unknown[i]), &type));
        assert_int_equal(type.scalar, AUTH_SCALAR_TIMESTAMPTZ);
    }
    assert_false(auth_type_find((struct rg_slice){0}, &type));
}

static void constants_pass_the_same_checks(void **state)
{
    (void)state;
    const struct auth_claim_spec specs[] = {
        {.name = RG_SLICE("tenant"), .type = {AUTH_SCALAR_UUID, false}, .required = true},
        {.name = RG_SLICE("regions"), .type = {AUTH_SCALAR_TEXT, true}, .max_elements = 2},
    };
    const struct rg_slice tenant[] = {RG_SLICE("0B7F3A52-ABCD-4000-8000-00000000000A")};
    const struct rg_slice regions[] = {RG_SLICE("eu"), RG_SLICE("us"), RG_SLICE("\xff")};
    const struct auth_claim_constant good[] = {{RG_SLICE("regions"), regions, 2}, {RG_SLICE("tenant"), tenant, 1}};
    const struct auth_claim_value *values = NULL;
    assert_ok(auth_claims_from_constants(specs, 2, good, 2, &arena, &values));
    assert_slice(values[0].elements[0], "0b7f3a52-abcd-4000-8000-00000000000a");
    assert_int_equal(values[1].count, 2);
    const struct auth_claim_constant rows[][2] = {
        {{RG_SLICE("regions"), regions, 2}, {RG_SLICE("other"), tenant, 1}},      /* unknown */
        {{RG_SLICE("tenant"), tenant, 1}, {RG_SLICE("tenant"), tenant, 1}},       /* twice */
        {{RG_SLICE("regions"), regions, 3}, {RG_SLICE("tenant"), tenant, 1}},     /* too many */
        {{RG_SLICE("regions"), regions + 2, 1}, {RG_SLICE("tenant"), tenant, 1}}, /* not UTF-8 */
        {{RG_SLICE("regions"), regions, 1}, {RG_SLICE("tenant"), regions, 1}},    /* no uuid */
        {{RG_SLICE("regions"), regions, 1}, {RG_SLICE("tenant"), regions, 0}},    /* a scalar without value */
        {{RG_SLICE("regions"), regions, 1}, {RG_SLICE("tenant"), regions, 2}},    /* a scalar with two */
    };
    const struct auth_claim_value *before = values;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_fails(RG_CONFIG, auth_claims_from_constants(specs, 2, rows[i], 2, &arena, &values));
        assert_ptr_equal(values, before);
    }
    assert_fails(RG_CONFIG, auth_claims_from_constants(specs, 2, good, 1, &arena, &values)); /* required, missing */
}

static void constants_with_a_zero_byte_are_refused(void **state)
{
    (void)state;
    const struct auth_claim_spec spec = {.name = RG_SLICE("c"), .type = {AUTH_SCALAR_TEXT, false}};
    const struct rg_slice text[] = {{"a\0b", 3}};
    const struct auth_claim_constant constant = {RG_SLICE("c"), text, 1};
    const struct auth_claim_value *values = NULL;
    assert_fails(RG_CONFIG, auth_claims_from_constants(&spec, 1, &constant, 1, &arena, &values));
    assert_null(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_scalars),
        cmocka_unit_test(refuses_values_of_another_type),
        cmocka_unit_test(reads_arrays),
        cmocka_unit_test(cuts_a_string_at_the_separator),
        cmocka_unit_test(bounds_elements_and_bytes),
        cmocka_unit_test(lowers_ascii_only_when_asked),
        cmocka_unit_test(follows_paths),
        cmocka_unit_test(a_required_claim_must_have_a_value),
        cmocka_unit_test(names_the_type_and_not_the_value),
        cmocka_unit_test(a_spec_without_a_type_refuses_every_value),
        cmocka_unit_test(finds_types_by_their_names),
        cmocka_unit_test(constants_pass_the_same_checks),
        cmocka_unit_test(constants_with_a_zero_byte_are_refused),
    };
    return cmocka_run_group_tests(tests, start_arena, end_arena);
}
