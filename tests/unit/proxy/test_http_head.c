/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from a head that passes, and the limits. What does not pass: test_http_smuggling.c. */
#include <stdio.h>

#include "base/rg_buf.h"
#include "proxy/http/head.h"
#include "tests/support/rg_test.h"

static struct http_head judge_ok(struct rg_slice bytes)
{
    struct http_head_limits limits = http_head_limits_of(32 << 10, 1 << 20);
    struct http_head head = {0};
    struct http_refusal refusal = {0};
    if (http_head_judge(bytes, 0, &limits, &head, &refusal) != HTTP_VERDICT_OK) {
        fail_msg("refused: %s", refusal.text == NULL ? "more" : refusal.text);
    }
    return head;
}

static void tells_the_parts_of_a_request(void **state)
{
    (void)state;
    struct http_head head =
        judge_ok(RG_SLICE("POST /api/v1/chart/data?a=%7B%7D&b={\"x\"} HTTP/1.1\r\nHost: bi.example.com:8443\r\n"
                          "Content-Length: 17\r\nExpect: 100-continue\r\n\r\nbody"));
    assert_slice(head.method, "POST");
    assert_slice(head.target, "/api/v1/chart/data?a=%7B%7D&b={\"x\"}");
    assert_slice(head.raw_path, "/api/v1/chart/data");
    assert_slice(head.query, "a=%7B%7D&b={\"x\"}");
    assert_slice(head.host, "bi.example.com:8443");
    assert_int_equal(head.body, HTTP_HEAD_BODY_LENGTH);
    assert_int_equal(head.content_length, 17);
    assert_int_equal(head.minor_version, 1);
    assert_true(head.expects_continue && !head.has_close && !head.is_websocket);
}

static void connections_last_as_the_version_and_the_field_say(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool has_close;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: te, close\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (judge_ok(rg_slice_of(rows[i].text)).has_close != rows[i].has_close) {
            fail_msg("%s", rows[i].text);
        }
    }
}

static void hosts_may_be_names_and_addresses(void **state)
{
    (void)state;
    static const char *const hosts[] = {"a", "A-b_c.d", "127.0.0.1:443", "[::1]", "[2001:db8::1]:65535", "a.", "a:1"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nhost:%s\r\n\r\n", hosts[i]);
        assert_slice(judge_ok(rg_slice_of(text)).host, hosts[i]);
    }
}

static void walks_over_the_fields(void **state)
{
    (void)state;
    struct rg_slice bytes = RG_SLICE("GET / HTTP/1.1\r\nHost: a\r\nX-A: \t b c \t\r\nEmpty:\r\n\r\nPOST");
    struct http_head head = judge_ok(bytes);
    struct rg_slice name = {0};
    struct rg_slice value = {0};
    size_t cursor = 0;
    assert_int_equal(head.size, bytes.size - 4);
    struct rg_slice whole = rg_slice_cut(bytes, 0, head.size);
    assert_true(http_head_next(whole, &cursor, &name, &value));
    assert_slice(name, "Host");
    assert_slice(value, "a");
    assert_true(http_head_next(whole, &cursor, &name, &value));
    assert_slice(name, "X-A");
    assert_slice(value, "b c");
    assert_true(http_head_next(whole, &cursor, &name, &value));
    assert_slice(name, "Empty");
    assert_slice(value, "");
    assert_false(http_head_next(whole, &cursor, &name, &value));
    assert_slice(name, "Empty");
}

/* ---- limits ---- */

static void put_times(struct rg_buf *buf, char c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_ok(rg_buf_put_u8(buf, (uint8_t)c));
    }
}

/* A head of a target, one field's name and value and `fields` more fields of these sizes. */
static void make_head(struct rg_buf *buf, size_t target, size_t name, size_t value, size_t fields)
{
    rg_buf_init(buf, 1 << 20);
    assert_ok(rg_buf_put(buf, RG_SLICE("GET /")));
    put_times(buf, 'a', target - 1);
    assert_ok(rg_buf_put(buf, RG_SLICE(" HTTP/1.1\r\nHost: a\r\n")));
    put_times(buf, 'n', name);
    assert_ok(rg_buf_put(buf, RG_SLICE(":")));
    put_times(buf, 'v', value);
    assert_ok(rg_buf_put(buf, RG_SLICE("\r\n")));
    for (size_t i = 0; i < fields; i++) {
        assert_ok(rg_buf_put(buf, RG_SLICE("a:b\r\n")));
    }
    assert_ok(rg_buf_put(buf, RG_SLICE("\r\n")));
}

static void each_limit_holds_to_the_byte(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t target, name, value, fields;
        int status; /* 0 = fine */
    } rows[] = {
        {"target at its limit", 100, 1, 1, 0, 0}, {"target beyond", 101, 1, 1, 0, 414},
        {"name at its limit", 1, 20, 1, 0, 0},    {"name beyond", 1, 21, 1, 0, 431},
        {"value at its limit", 1, 1, 50, 0, 0},   {"value beyond", 1, 1, 51, 0, 431},
        {"fields at their limit", 1, 1, 1, 3, 0}, {"fields beyond", 1, 1, 1, 4, 431},
        {"a huge target", 100000, 1, 1, 0, 414},  {"a huge name", 1, 100000, 1, 0, 431},
        {"a huge value", 1, 1, 100000, 0, 431},   {"very many fields", 1, 1, 1, 50000, 431},
    };
    struct http_head_limits limits = {
        .head_bytes = 1000, .target_bytes = 100, .name_bytes = 20, .value_bytes = 50, .fields = 5, .body_bytes = 10};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_buf buf = {0};
        struct http_head head = {.size = 99};
        struct http_refusal refusal = {0};
        make_head(&buf, rows[i].target, rows[i].name, rows[i].value, rows[i].fields);
        enum http_verdict verdict = http_head_judge(rg_buf_slice(&buf), 0, &limits, &head, &refusal);
        if (verdict == HTTP_VERDICT_MORE || refusal.status != rows[i].status ||
            (verdict == HTTP_VERDICT_OK) != (rows[i].status == 0)) {
            fail_msg("%s: verdict %d, status %d", rows[i].what, (int)verdict, refusal.status);
        }
        assert_int_equal(head.size == 99, rows[i].status != 0);
        rg_buf_done(&buf);
    }
}

static void the_head_as_a_whole_has_a_limit_to_the_byte(void **state)
{
    (void)state;
    struct rg_buf buf = {0};
    make_head(&buf, 10, 10, 10, 2);
    struct http_head_limits limits = http_head_limits_of(rg_buf_size(&buf), 0);
    struct http_head head = {0};
    struct http_refusal refusal = {0};
    limits.target_bytes = limits.value_bytes = 1000;
    assert_int_equal(http_head_judge(rg_buf_slice(&buf), 0, &limits, &head, &refusal), HTTP_VERDICT_OK);
    limits.head_bytes--;
    assert_int_equal(http_head_judge(rg_buf_slice(&buf), 0, &limits, &head, &refusal), HTTP_VERDICT_REFUSED);
    assert_int_equal(refusal.status, 431);
    rg_buf_done(&buf);
}

/* A client that never ends its head is cut off while it sends, not behind the empty line that never comes. */
static void a_head_without_end_is_refused_at_the_limit(void **state)
{
    (void)state;
    struct http_head_limits limits = http_head_limits_of(1024, 0);
    struct rg_buf buf = {0};
    struct http_head head = {0};
    struct http_refusal refusal = {0};
    enum http_verdict verdict = HTTP_VERDICT_MORE;
    size_t seen = 0;
    rg_buf_init(&buf, 1 << 20);
    assert_ok(rg_buf_put(&buf, RG_SLICE("GET / HTTP/1.1\r\nHost: a\r\n")));
    while (verdict == HTTP_VERDICT_MORE && rg_buf_size(&buf) < 4096) {
        verdict = http_head_judge(rg_buf_slice(&buf), seen, &limits, &head, &refusal);
        seen = rg_buf_size(&buf);
        assert_ok(rg_buf_put(&buf, RG_SLICE("a:b\r\n")));
    }
    assert_int_equal(verdict, HTTP_VERDICT_REFUSED);
    assert_int_equal(refusal.status, 431);
    assert_true(seen >= 1024 && seen < 1024 + 6);
    rg_buf_done(&buf);
}

static void a_target_without_end_is_refused_before_its_line_ends(void **state)
{
    (void)state;
    struct http_head_limits limits = http_head_limits_of(32 << 10, 0);
    struct rg_buf buf = {0};
    struct http_head head = {0};
    struct http_refusal refusal = {0};
    rg_buf_init(&buf, 1 << 20);
    assert_ok(rg_buf_put(&buf, RG_SLICE("GET /")));
    put_times(&buf, 'a', 17 << 10);
    assert_int_equal(http_head_judge(rg_buf_slice(&buf), 0, &limits, &head, &refusal), HTTP_VERDICT_REFUSED);
    assert_int_equal(refusal.status, 414);
    rg_buf_done(&buf);
}

static void a_wrong_first_line_is_refused_before_the_head_is_whole(void **state)
{
    (void)state;
    static const char *const starts[] = {"TRACE / HTTP/1.1\r",
                                         "GET / HTTP/3.0\r\n",
                                         "GET http://a/ HTTP/1.1\r\nHo",
                                         "\r\n",
                                         "GET / HTTP/1.1\n",
                                         "G\0ET"};
    struct http_head_limits limits = http_head_limits_of(8192, 0);
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct http_head head = {0};
        struct http_refusal refusal = {0};
        struct rg_slice bytes = i == 5 ? RG_SLICE("G\0ET") : rg_slice_of(starts[i]);
        if (http_head_judge(bytes, 0, &limits, &head, &refusal) != HTTP_VERDICT_REFUSED) {
            fail_msg("waits for more of \"%s\"", starts[i]);
        }
    }
}

static void zero_limits_refuse_the_smallest_head(void **state)
{
    (void)state;
    struct http_head_limits limits = {0};
    struct http_head head = {.size = 99};
    struct http_refusal refusal = {0};
    struct rg_slice bytes = RG_SLICE("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    for (size_t size = 1; size <= bytes.size; size++) {
        assert_int_equal(http_head_judge(rg_slice_cut(bytes, 0, size), 0, &limits, &head, &refusal),
                         HTTP_VERDICT_REFUSED);
    }
    assert_int_equal(head.size, 99);
}

static void a_body_may_be_as_large_as_its_limit(void **state)
{
    (void)state;
    struct http_head_limits limits = http_head_limits_of(8192, 1234);
    struct http_head head = {0};
    struct http_refusal refusal = {0};
    struct rg_slice fits = RG_SLICE("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1234\r\n\r\n");
    struct rg_slice beyond = RG_SLICE("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1235\r\n\r\n");
    assert_int_equal(http_head_judge(fits, 0, &limits, &head, &refusal), HTTP_VERDICT_OK);
    assert_int_equal(http_head_judge(beyond, 0, &limits, &head, &refusal), HTTP_VERDICT_REFUSED);
    assert_int_equal(refusal.status, 413);
}

/* The client reads these: no text may hold what a header's writer would have to escape. */
static void refusals_are_plain_texts(void **state)
{
    (void)state;
    for (unsigned id = 0; id < HTTP_REFUSAL_COUNT; id++) {
        struct http_refusal refusal = http_refusal_of((enum http_refusal_id)id);
        assert_true(refusal.status >= 400 && refusal.status <= 505);
        assert_true(strncmp(refusal.rule, "http.", 5) == 0 && strlen(refusal.text) > 10);
        assert_null(strpbrk(refusal.text, "<>&\r\n%"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_parts_of_a_request),
        cmocka_unit_test(connections_last_as_the_version_and_the_field_say),
        cmocka_unit_test(hosts_may_be_names_and_addresses),
        cmocka_unit_test(walks_over_the_fields),
        cmocka_unit_test(each_limit_holds_to_the_byte),
        cmocka_unit_test(the_head_as_a_whole_has_a_limit_to_the_byte),
        cmocka_unit_test(a_head_without_end_is_refused_at_the_limit),
        cmocka_unit_test(a_target_without_end_is_refused_before_its_line_ends),
        cmocka_unit_test(a_wrong_first_line_is_refused_before_the_head_is_whole),
        cmocka_unit_test(zero_limits_refuse_the_smallest_head),
        cmocka_unit_test(a_body_may_be_as_large_as_its_limit),
        cmocka_unit_test(refusals_are_plain_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
