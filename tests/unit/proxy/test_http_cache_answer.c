/* SPDX-License-Identifier: Apache-2.0 */
/* What Superset's answers say of its cache, and what is taken for no answer at all. */
#include "proxy/http/cache_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rg_test.h"

static struct http_cache_reader *reader;
static struct http_cache_result results[HTTP_CACHE_RESULTS_MAX];

static int start(void **state)
{
    (void)state;
    reader = http_cache_reader_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    http_cache_reader_free(&reader);
    http_cache_reader_free(&reader);
    return 0;
}

/* "key+" for a cached one, "key-" for one just made; blanks between; NULL: it was refused. */
static const char *read(const char *text)
{
    static char found[512];
    size_t count = 99;
    found[0] = '\0';
    if (http_cache_answer_parse(reader, text, strlen(text), results, &count) != NULL) {
        assert_int_equal(count, 99);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(found);
        (void)snprintf(found + at, sizeof found - at, "%s%.*s%c", i == 0 ? "" : " ", (int)results[i].key_size,
                       results[i].key, results[i].is_cached ? '+' : '-');
    }
    return found;
}

static void every_form_of_an_answer_is_read(void **state)
{
    static const struct {
        const char *text;
        const char *found;
    } rows[] = {
        /* api/v1/chart/data */
        {"{\"result\":[{\"cache_key\":\"k1\",\"cached_dttm\":null,\"is_cached\":null,\"data\":[{\"a\":1}]}]}", "k1-"},
        {"{\"result\":[{\"cache_key\":\"k1\",\"cached_dttm\":\"2026-11-23T08:00:00\",\"is_cached\":true,\"data\":[]}]}",
         "k1+"},
        {"{\"result\":[{\"is_cached\":false,\"cache_key\":\"k1\"},{\"data\":[],\"cache_key\":\"k2\",\"is_cached\":true}"
         "]}",
         "k1- k2+"},
        /* one of both says so */
        {"{\"result\":[{\"cache_key\":\"k\",\"is_cached\":false,\"cached_dttm\":\"2026\"}]}", "k+"},
        {"{\"result\":[{\"cache_key\":\"k\",\"cached_dttm\":null,\"is_cached\":true}]}", "k+"},
        {"{\"result\":[{\"cache_key\":\"k\",\"is_cached\":true,\"cached_dttm\":null}]}", "k+"},
        {"{\"result\":[{\"cache_key\":\"k\",\"cached_dttm\":\"2026\",\"is_cached\":false}]}", "k+"},
        /* explore_json */
        {"{\"cache_key\":\"k\",\"cached_dttm\":null,\"is_cached\":false,\"data\":{\"records\":[[1,2]]}}", "k-"},
        {"{\"form_data\":{\"cache_key\":\"other\"},\"data\":null,\"is_cached\":true,\"cache_key\":\"k\"}", "k+"},
        /* samples */
        {"{\"result\":{\"cache_key\":\"k\",\"is_cached\":true,\"page\":1}}", "k+"},
        /* no keys: results, jobs, errors, query texts */
        {"{\"result\":[{\"data\":[1,2],\"colnames\":[\"a\"]}]}", ""},
        {"{\"result\":[{\"cache_key\":null,\"is_cached\":null}]}", ""},
        {"{\"result\":[]}", ""},
        {"{\"result\":null}", ""},
        {"{\"channel_id\":\"c\",\"job_id\":\"j\",\"status\":\"pending\",\"errors\":[]}", ""},
        {"{}", ""},
        {" \n{\"message\":\"no\"}\n ", ""},
        /* names that are escaped, and what only lies inside the data */
        {"{\"result\":[{\"cache\\u005fkey\":\"k\",\"is_c\\u0061ched\":true}]}", "k+"},
        {"{\"result\":[{\"data\":[{\"cache_key\":\"x\",\"is_cached\":true}],\"cache_key\":\"\\u006b\"}]}", "k-"},
        {"{\"a\":\"{\\\"result\\\":[{\\\"cache_key\\\":\\\"x\\\"}]}\",\"result\":[{\"cache_key\":\"k\"}]}", "k-"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *found = read(rows[i].text);
        if (found == NULL || strcmp(found, rows[i].found) != 0) {
            fail_msg("%s: \"%s\"", rows[i].text, found == NULL ? "refused" : found);
        }
    }
}

static void what_is_no_answer_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "[]",
        "\"result\"",
        "<html>",
        "{\"result\":[{\"cache_key\":\"k\",\"is_cached\":true}]",
        "{\"result\":[{\"cache_key\":\"k\"}}",
        "{\"result\":[{\"cache_key\":\"k\"}]}{\"result\":[]}",
        "{\"result\":[{\"cache_key\":\"k\"}]} x",
        "{\"result\":[{\"cache_key\":\"a\",\"cache_key\":\"b\"}]}",
        "{\"result\":[{\"cache_key\":\"a\",\"is_cached\":false,\"is_cached\":true}]}",
        "{\"result\":[{\"cache_key\":\"a\",\"cached_dttm\":null,\"cached_dttm\":null}]}",
        "{\"result\":[],\"result\":[{\"cache_key\":\"k\",\"is_cached\":true}]}",
        "{\"result\":[{\"cache_key\":\"a\",\"cache\\u005fkey\":\"b\"}]}",
        "{\"result\":[{\"cache_key\":7}]}",
        "{\"result\":[{\"cache_key\":[\"k\"]}]}",
        "{\"result\":[{\"cache_key\":\"\"}]}",
        "{\"result\":[{\"cache_key\":\"k\",\"is_cached\":\"true\"}]}",
        "{\"result\":[{\"cache_key\":\"k\",\"is_cached\":1}]}",
        "{\"result\":[[]]}",
        "{\"result\":[1]}",
        "{\"result\":\"x\"}",
        "{\"result\":true}",
        "{\"cache_key\":\"\\ud800\"}",
        "{\"cache_key\":\"\xff\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (read(texts[i]) != NULL) {
            fail_msg("%s was read", texts[i]);
        }
    }
}

static void a_key_has_a_length(void **state)
{
    (void)state;
    char text[HTTP_CACHE_KEY_MAX + 64];
    char key[HTTP_CACHE_KEY_MAX + 2];
    memset(key, 'k', sizeof key);
    (void)snprintf(text, sizeof text, "{\"cache_key\":\"%.*s\"}", HTTP_CACHE_KEY_MAX, key);
    assert_non_null(read(text));
    (void)snprintf(text, sizeof text, "{\"cache_key\":\"%.*s\"}", HTTP_CACHE_KEY_MAX + 1, key);
    assert_null(read(text));
}

static char *results_of(size_t count)
{
    size_t size = count * 40 + 64;
    char *text = calloc(1, size);
    size_t at = (size_t)snprintf(text, size, "{\"result\":[");
    for (size_t i = 0; i < count; i++) {
        at += (size_t)snprintf(text + at, size - at, "%s{\"cache_key\":\"%zu\"}", i == 0 ? "" : ",", i);
    }
    (void)snprintf(text + at, size - at, "]}");
    return text;
}

static void results_have_a_number(void **state)
{
    (void)state;
    size_t count = 0;
    char *text = results_of(HTTP_CACHE_RESULTS_MAX);
    assert_null(http_cache_answer_parse(reader, text, strlen(text), results, &count));
    assert_int_equal(count, HTTP_CACHE_RESULTS_MAX);
    free(text);
    text = results_of(HTTP_CACHE_RESULTS_MAX + 1);
    assert_non_null(http_cache_answer_parse(reader, text, strlen(text), results, &count));
    free(text);
}

/* Neither is looked into: a browser that reads them is on its own. */
static void rows_may_be_deep_and_many(void **state)
{
    enum { DEEP = 100000, MANY = 200000 };
    (void)state;
    size_t size = 2 * DEEP + 4 * MANY + 256;
    char *text = calloc(1, size);
    size_t at = (size_t)snprintf(text, size, "{\"result\":[{\"data\":");
    memset(text + at, '[', DEEP);
    memset(text + at + DEEP, ']', DEEP);
    at += 2 * DEEP;
    at += (size_t)snprintf(text + at, size - at, ",\"more\":[0");
    for (size_t i = 0; i < MANY; i++) {
        memcpy(text + at, ",12 ", 4);
        at += 4;
    }
    (void)snprintf(text + at, size - at, "],\"cache_key\":\"k\",\"is_cached\":true}]}");
    assert_string_equal(read(text), "k+");
    free(text);
    assert_string_equal(read("{\"cache_key\":\"small again\"}"), "small again-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_an_answer_is_read),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(a_key_has_a_length),
        cmocka_unit_test(results_have_a_number),
        cmocka_unit_test(rows_may_be_deep_and_many),
    };
    return cmocka_run_group_tests(tests, start, end);
}
