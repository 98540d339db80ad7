/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of an upstream's heads: what passes, what does not, and that it does not matter in how many pieces it
 * comes. */
#include "proxy/http/answer_head.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

#define OK(rest) "HTTP/1.1 200 OK\r\n" rest "\r\n"

static enum http_verdict judge(struct rg_slice bytes, size_t limit_bytes)
{
    struct http_answer_head head;
    return http_answer_head_judge(bytes, limit_bytes, &head);
}

static void each_head_is_judged(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        enum http_verdict verdict;
    } rows[] = {
        {"a length", OK("Content-Length: 5\r\n"), HTTP_VERDICT_OK},
        {"chunks", OK("transfer-encoding: chunked\r\n"), HTTP_VERDICT_OK},
        {"neither", OK("X-Empty:\r\n"), HTTP_VERDICT_OK},
        {"no reason", "HTTP/1.1 404\r\n\r\n", HTTP_VERDICT_OK},
        {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nbody", HTTP_VERDICT_OK},
        {"an upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", HTTP_VERDICT_OK},
        {"behind hints", "HTTP/1.1 103 Early Hints\r\n\r\n" OK(""), HTTP_VERDICT_OK},
        {"hints alone", "HTTP/1.1 103 Early Hints\r\n\r\n", HTTP_VERDICT_MORE},
        {"nothing", "", HTTP_VERDICT_MORE},
        {"half", "HTTP/1.1 200 OK\r\nContent-Le", HTTP_VERDICT_MORE},
        {"no HTTP", "220 mail ESMTP\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"HTTP/2", "HTTP/2 200\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"status of two digits", "HTTP/1.1 99 x\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"status of four digits", "HTTP/1.1 2000 x\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"status 600", "HTTP/1.1 600 x\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"a length that is none", OK("Content-Length: none\r\n"), HTTP_VERDICT_REFUSED},
        {"a negative length", OK("Content-Length: -1\r\n"), HTTP_VERDICT_REFUSED},
        {"a list of lengths", OK("Content-Length: 5, 5\r\n"), HTTP_VERDICT_REFUSED},
        {"an empty length", OK("Content-Length:\r\n"), HTTP_VERDICT_REFUSED},
        {"a length beyond 64 bits", OK("Content-Length: 99999999999999999999\r\n"), HTTP_VERDICT_REFUSED},
        {"two lengths", OK("Content-Length: 5\r\nContent-Length: 5\r\n"), HTTP_VERDICT_REFUSED},
        {"length and chunks", OK("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), HTTP_VERDICT_REFUSED},
        {"another coding", OK("Transfer-Encoding: gzip\r\n"), HTTP_VERDICT_REFUSED},
        {"a list of codings", OK("Transfer-Encoding: gzip, chunked\r\n"), HTTP_VERDICT_REFUSED},
        {"chunked in capitals", OK("Transfer-Encoding: Chunked\r\n"), HTTP_VERDICT_REFUSED},
        {"chunked and a blank", OK("Transfer-Encoding: chunked \r\n"), HTTP_VERDICT_REFUSED},
        {"chunked twice", OK("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), HTTP_VERDICT_REFUSED},
        {"chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"chunks in HTTP/1.0, kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
         HTTP_VERDICT_REFUSED},
        {"length and chunks in hints",
         "HTTP/1.1 103 x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" OK(""), HTTP_VERDICT_REFUSED},
        {"a signed length", OK("Content-Length: +5\r\n"), HTTP_VERDICT_REFUSED},
        {"a length and a blank", OK("Content-Length: 5 \r\n"), HTTP_VERDICT_REFUSED},
        {"a length of 16s", OK("Content-Length: 0x5\r\n"), HTTP_VERDICT_REFUSED},
        {"a coding with NUL", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\x01\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"a folded line", OK("A: b\r\n c\r\n"), HTTP_VERDICT_REFUSED},
        {"bare line feeds", "HTTP/1.1 200 OK\nA: b\n\n\r\n\r\n", HTTP_VERDICT_REFUSED},
        {"a bare carriage return", OK("A: b\rSet-Cookie: x\r\n"), HTTP_VERDICT_REFUSED},
        {"no colon", OK("A\r\n"), HTTP_VERDICT_REFUSED},
        {"no name", OK(": b\r\n"), HTTP_VERDICT_REFUSED},
        {"a space before the colon", OK("A : b\r\n"), HTTP_VERDICT_REFUSED},
        {"an empty line first", "\r\n\r\n" OK(""), HTTP_VERDICT_REFUSED},
    };
    size_t failures = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum http_verdict verdict = judge(rg_slice_of(rows[i].text), 4096);
        if (verdict != rows[i].verdict) {
            print_error("%s: %d, not %d\n", rows[i].name, (int)verdict, (int)rows[i].verdict);
            failures++;
        }
    }
    assert_int_equal(failures, 0);
}

static void a_head_that_comes_in_pieces_is_judged_like_the_whole(void **state)
{
    (void)state;
    struct rg_slice text =
        RG_SLICE("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" OK("Content-Length: 3\r\nA: b\r\n"));
    for (size_t cut = 0; cut < text.size; cut++) {
        assert_int_equal(judge(rg_slice_cut(text, 0, cut), 4096), HTTP_VERDICT_MORE);
    }
    assert_int_equal(judge(text, 4096), HTTP_VERDICT_OK);
}

static void what_is_too_large_or_too_much_is_refused(void **state)
{
    (void)state;
    static char text[16384];
    size_t size = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n");
    while (size < 5000) {
        text[size++] = 'a';
    }
    assert_int_equal(judge(rg_slice_make(text, size), 4096), HTTP_VERDICT_REFUSED);
    assert_int_equal(judge(rg_slice_make(text, 4096), 4096), HTTP_VERDICT_REFUSED); /* nothing more would be read */
    assert_int_equal(judge(rg_slice_make(text, 4095), 4096), HTTP_VERDICT_MORE);
    size = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 101; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "a: b\r\n");
    }
    size += (size_t)snprintf(text + size, sizeof text - size, "\r\n");
    assert_int_equal(judge(rg_slice_make(text, size), 16384), HTTP_VERDICT_REFUSED);
    size = 0;
    for (int i = 0; i < 9; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    assert_int_equal(judge(rg_slice_make(text, size), 16384), HTTP_VERDICT_REFUSED);
}

static void what_was_judged_is_what_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        int status;
        bool is_chunked, has_length, has_close;
        uint64_t length;
        size_t fields;
    } rows[] = {
        {"a length", OK("content-LENGTH: 0052\r\n"), 200, false, true, false, 52, 1},
        {"the longest", OK("Content-Length: 999999999999999999\r\n"), 200, false, true, false, 999999999999999999U, 1},
        {"chunks", OK("Transfer-Encoding: \t chunked\r\nA: 1\r\n"), 200, true, false, false, 0, 2},
        {"close", OK("Connection: x , CLOSE\r\n"), 200, false, false, true, 0, 1},
        {"keep-alive", OK("Connection: keep-alive\r\n"), 200, false, false, false, 0, 1},
        {"HTTP/1.0", "HTTP/1.0 404 No\r\n\r\n", 404, false, false, true, 0, 0},
        {"HTTP/1.0 kept", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", 200, false, false, false, 0, 1},
        {"close, then keep-alive on a line of its own", OK("Connection: close\r\nConnection: keep-alive\r\n"), 200,
         false, false, true, 0, 2},
        {"keep-alive, then close on a line of its own", OK("Connection: keep-alive\r\nConnection: close\r\n"), 200,
         false, false, true, 0, 2},
        {"HTTP/1.0 of two lines", "HTTP/1.0 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", 200, false,
         false, true, 0, 2},
        {"hints that close nothing", "HTTP/1.1 103 x\r\nConnection: close\r\n\r\n" OK(""), 200, false, false, false, 0,
         0},
        {"HTTP/1.0 of two minds", "HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n\r\n", 200, false, false, true,
         0, 1},
        {"behind hints", "HTTP/1.0 103 x\r\nContent-Length: 7\r\n\r\n" OK("B: 1\r\n"), 200, false, false, false, 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_answer_head head;
        struct rg_slice text = rg_slice_of(rows[i].text);
        assert_int_equal(http_answer_head_judge(text, 4096, &head), HTTP_VERDICT_OK);
        if (head.size != text.size || head.status != rows[i].status || head.is_chunked != rows[i].is_chunked ||
            head.has_length != rows[i].has_length || head.has_close != rows[i].has_close ||
            head.length != rows[i].length || head.field_count != rows[i].fields) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void fields_are_named_and_trimmed(void **state)
{
    (void)state;
    struct http_answer_head head;
    struct rg_slice text = RG_SLICE(OK("Content-Type: text/html \r\nSet-Cookie:a=b\r\nX-Empty:\r\n") "body");
    assert_int_equal(http_answer_head_judge(text, 4096, &head), HTTP_VERDICT_OK);
    assert_int_equal(head.size, text.size - 4);
    assert_int_equal(head.field_count, 3);
    assert_true(rg_slice_is_equal(head.fields[0].name, RG_SLICE("Content-Type")));
    assert_true(rg_slice_is_equal(head.fields[0].value, RG_SLICE("text/html")));
    assert_true(rg_slice_is_equal(head.fields[1].value, RG_SLICE("a=b")));
    assert_int_equal(head.fields[2].value.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_head_is_judged),
        cmocka_unit_test(a_head_that_comes_in_pieces_is_judged_like_the_whole),
        cmocka_unit_test(what_is_too_large_or_too_much_is_refused),
        cmocka_unit_test(what_was_judged_is_what_is_read),
        cmocka_unit_test(fields_are_named_and_trimmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
