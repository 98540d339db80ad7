/* SPDX-License-Identifier: Apache-2.0 */
/* What a record's JSON must be before the auditor lets it in: one thing to every reader. */
#include "audit/json_strict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rg_test.h"

static const char *check(struct audit_json *json, const char *members, const char *text)
{
    char *copy = malloc(strlen(text)); /* exactly as long, so that reading over its end is seen */
    assert_non_null(copy);
    memcpy(copy, text, strlen(text));
    const char *problem = audit_json_check(json, members, copy, strlen(text));
    free(copy);
    return problem;
}

static void accepts_what_the_encoder_writes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"a\":0}",
        "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}",
        "{\"a\":-9223372036854775808,\"b\":9223372036854775807,\"c\":1.5e300}",
        "{\"a\":\"\\u0000\\ud83d\\ude00\\\"\\\\ \\u00e9\"}",
        "{\"a\":true,\"b\":null,\"c\":[],\"d\":{}}",
        "{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}", /* 16 deep */
    };
    struct audit_json *json = audit_json_new();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *problem = check(json, "", texts[i]);
        if (problem != NULL) {
            fail_msg("%s: %s", texts[i], problem);
        }
    }
    audit_json_free(&json);
    assert_null(json);
    audit_json_free(&json);
}

static void refuses_what_readers_could_read_in_two_ways(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[1]",
        "1",
        "{\"a\":1}x",
        "{\"a\":1}{\"b\":2}",
        "{\"a\":1},{\"b\":2}",
        " {\"a\":1}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":1e999}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"o\":{\"a\":1,\"b\":1,\"a\":1}}",
        "{\"o\":[{\"a\":1,\"a\":1}]}",
        "{\"a\":9223372036854775808}",
        "{\"a\":18446744073709551616}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"\\udfff\":1}",
        "{\"\\u0000\":1}",
        "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",                                            /* 17 deep */
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[[[[[[[[[{}]]]]]]]]]}}}}}}}}", /* 18 deep */
    };
    struct audit_json *json = audit_json_new();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (check(json, "", texts[i]) == NULL) {
            fail_msg("accepted: %s", texts[i]);
        }
        assert_false(audit_json_has(json, "a")); /* nothing of what was refused can be asked for */
    }
    assert_null(check(json, "", "{\"a\":1}"));
    audit_json_free(&json);
}

/* The auditor puts members before the client's: they may not be written twice, nor be closed early. */
static void refuses_the_keys_that_are_put_before(void **state)
{
    (void)state;
    struct audit_json *json = audit_json_new();
    assert_null(check(json, "\"seq\":0,\"prev\":0,", "{\"kind\":\"login\"}"));
    assert_non_null(check(json, "\"seq\":0,\"prev\":0,", "{\"kind\":\"login\",\"prev\":1}"));
    assert_non_null(check(json, "\"seq\":0,\"prev\":0,", "{\"kind\":\"login\",\"\\u0073eq\":1}"));
    assert_non_null(check(json, "\"seq\":0,", "{\"kind\":1},\"x\":{\"y\":1}"));
    assert_non_null(check(json, "\"seq\":0,", "{}"));
    assert_null(check(json, "\"seq\":0,", "{\"o\":{\"seq\":1}}"));
    audit_json_free(&json);
}

static void finds_a_key_twice_among_many(void **state)
{
    (void)state;
    struct audit_json *json = audit_json_new();
    char text[4096];
    for (int twice = -1; twice < 200; twice += 67) {
        int size = snprintf(text, sizeof text, "{");
        for (int i = 0; i < 200; i++) {
            size += snprintf(text + size, sizeof text - (size_t)size, "\"k%d\":%d,", i, i);
        }
        size += snprintf(text + size, sizeof text - (size_t)size, "\"k%d\":0}", twice < 0 ? 200 : twice);
        assert_true((check(json, "", text) == NULL) == (twice < 0));
    }
    audit_json_free(&json);
}

static void answers_about_the_last_object(void **state)
{
    (void)state;
    struct audit_json *json = audit_json_new();
    const char *text = NULL;
    size_t size = 77;
    assert_false(audit_json_has(json, "n"));
    assert_null(check(json, "", "{\"n\":5,\"d\":5.0,\"s\":\"1\\u002f2\",\"o\":{\"x\":1},\"z\":null}"));
    assert_true(audit_json_is_integer(json, "n"));
    assert_false(audit_json_is_integer(json, "d"));
    assert_false(audit_json_is_integer(json, "x"));
    assert_true(audit_json_is_object(json, "o"));
    assert_false(audit_json_is_object(json, "n"));
    assert_true(audit_json_has(json, "z"));
    assert_false(audit_json_string(json, "n", &text, &size));
    assert_null(text);
    assert_int_equal(size, 77);
    assert_true(audit_json_string(json, "s", &text, &size));
    assert_slice(rg_slice_make(text, size), "1/2");
    audit_json_free(&json);
}

static void refuses_what_is_longer_than_any_record(void **state)
{
    (void)state;
    enum { SIZE = 300 * 1024 };
    struct audit_json *json = audit_json_new();
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, 'x', SIZE);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + SIZE - 2, "\"}", 2);
    assert_non_null(audit_json_check(json, "", text, SIZE));
    memcpy(text + 60000 - 2, "\"}", 2);
    assert_null(audit_json_check(json, "", text, 60000));
    free(text);
    audit_json_free(&json);
}

static void finds_what_stands_further_in(void **state)
{
    static const char text[] = "{\"a\":{\"b\":{\"c\":\"deep\",\"n\":7},\"s\":\"x\"},\"a.s\":1,\"b\":\"b\"}";
    static const char *const absent[] = {"a.b", "a.b.d", "a.s.t", "a.b.c.d", "a.b.n", "",      ".",
                                         "a.",  ".a",    "a..b",  "b.c",     "A.s",   "a.b.c."};
    const char *found = "untouched";
    size_t size = 99;
    int64_t number = 99;
    struct audit_json *json = audit_json_new();
    (void)state;
    assert_false(audit_json_string_at(json, "b", &found, &size));
    assert_null(audit_json_read(json, text, sizeof text - 1));
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        assert_false(audit_json_string_at(json, absent[i], &found, &size));
    }
    assert_false(audit_json_integer_at(json, "a.b.c", &number));
    assert_string_equal(found, "untouched");
    assert_int_equal(size + (uint64_t)number, 198);
    assert_true(audit_json_string_at(json, "a.b.c", &found, &size));
    assert_int_equal(size, 4);
    assert_memory_equal(found, "deep", 4);
    assert_true(audit_json_integer_at(json, "a.b.n", &number));
    assert_int_equal(number, 7);
    assert_non_null(audit_json_read(json, "{\"a\":", 5));
    assert_false(audit_json_integer_at(json, "a.b.n", &number));
    audit_json_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_the_encoder_writes),
        cmocka_unit_test(refuses_what_readers_could_read_in_two_ways),
        cmocka_unit_test(refuses_the_keys_that_are_put_before),
        cmocka_unit_test(finds_a_key_twice_among_many),
        cmocka_unit_test(answers_about_the_last_object),
        cmocka_unit_test(refuses_what_is_longer_than_any_record),
        cmocka_unit_test(finds_what_stands_further_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
