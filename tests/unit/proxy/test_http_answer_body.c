/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of answers: where each ends, that its data are the same in whatever pieces they come, and what breaks it. */
#include "proxy/http/answer_body.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

struct row {
    const char *name, *answer, *data;
    bool is_head;
    enum http_answer_framing before; /* the connection ends */
    enum http_answer_framing behind;
    const char *rest; /* not of this answer */
};

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LENGTH(size) "HTTP/1.1 200 OK\r\nContent-Length: " size "\r\n\r\n"

static const struct row rows[] = {
    {"a length", LENGTH("5") "hello", "hello", false, HTTP_ANSWER_ENDED, HTTP_ANSWER_ENDED, ""},
    {"more than the length", LENGTH("5") "helloHTTP", "hello", false, HTTP_ANSWER_ENDED, HTTP_ANSWER_ENDED, "HTTP"},
    {"less than the length", LENGTH("6") "hello", "hello", false, HTTP_ANSWER_LENGTH, HTTP_ANSWER_BROKEN, ""},
    {"length 0", LENGTH("0") "x", "", false, HTTP_ANSWER_ENDED, HTTP_ANSWER_ENDED, "x"},
    {"the largest length", LENGTH("999999999999999999") "x", "x", false, HTTP_ANSWER_LENGTH, HTTP_ANSWER_BROKEN, ""},
    {"chunks", CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", false, HTTP_ANSWER_ENDED,
     HTTP_ANSWER_ENDED, ""},
    {"no last chunk", CHUNKED "5\r\nhello\r\n", "hello", false, HTTP_ANSWER_CHUNKED, HTTP_ANSWER_BROKEN, ""},
    {"bytes behind the last chunk", CHUNKED "0\r\n\r\nHTTP", "", false, HTTP_ANSWER_ENDED, HTTP_ANSWER_ENDED, "HTTP"},
    {"a chunk that is cut", CHUNKED "ff\r\nhello", "hello", false, HTTP_ANSWER_CHUNKED, HTTP_ANSWER_BROKEN, ""},
    {"a chunk's size that is none", CHUNKED "5\r\nhello\r\nxx\r\n", "hello", false, HTTP_ANSWER_BROKEN,
     HTTP_ANSWER_BROKEN, NULL},
    {"a chunk's extension", CHUNKED "5;a=b\r\nhello\r\n0\r\n\r\n", "", false, HTTP_ANSWER_BROKEN, HTTP_ANSWER_BROKEN,
     NULL},
    {"a chunk that is too long", CHUNKED "5\r\nhello!\r\n0\r\n\r\n", "hello", false, HTTP_ANSWER_BROKEN,
     HTTP_ANSWER_BROKEN, NULL},
    {"a chunk beyond 63 bits in sum", CHUNKED "1\r\nx\r\nfffffffffffffff\r\ny", "xy", false, HTTP_ANSWER_CHUNKED,
     HTTP_ANSWER_BROKEN, ""},
    {"a size of 16 digits", CHUNKED "0000000000000001\r\nx", "", false, HTTP_ANSWER_BROKEN, HTTP_ANSWER_BROKEN, NULL},
    {"trailers", CHUNKED "0\r\nA: b\r\n\r\n", "", false, HTTP_ANSWER_BROKEN, HTTP_ANSWER_BROKEN, NULL},
    {"until the end", "HTTP/1.1 200 OK\r\n\r\nall of it", "all of it", false, HTTP_ANSWER_UNTIL_CLOSE,
     HTTP_ANSWER_ENDED, ""},
    {"HEAD", LENGTH("5") "", "", true, HTTP_ANSWER_ENDED, HTTP_ANSWER_ENDED, ""},
    {"HEAD with chunks", CHUNKED "5\r\n", "", true, HTTP_ANSWER_ENDED, HTTP_ANSWER_ENDED, "5\r\n"},
    {"204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", "", false, HTTP_ANSWER_ENDED,
     HTTP_ANSWER_ENDED, "hello"},
    {"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", false, HTTP_ANSWER_ENDED, HTTP_ANSWER_ENDED,
     ""},
    {"101", "HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x01x", "", false, HTTP_ANSWER_ENDED, HTTP_ANSWER_ENDED,
     "\x81\x01x"},
};

static void fail_row(const struct row *row, size_t step, const char *what)
{
    fail_msg("%s, %zu at a time: %s", row->name, step, what);
}

static void check(const struct row *row, size_t step)
{
    static struct http_answer_head head;
    struct rg_slice answer = rg_slice_of(row->answer);
    struct http_answer_body body;
    char data[64] = "";
    assert_int_equal(http_answer_head_judge(answer, 4096, &head), HTTP_VERDICT_OK);
    http_answer_body_init(&body, &head, row->is_head);
    size_t at = head.size;
    for (size_t used = 1; used > 0 && at < answer.size; at += used) {
        struct rg_slice piece = {0};
        http_answer_body_take(&body, rg_slice_cut(answer, at, step), &used, &piece);
        assert_true(used <= step && piece.size <= used);
        strncat(data, piece.size == 0 ? "" : piece.data, piece.size);
    }
    if (strcmp(data, row->data) != 0) {
        fail_row(row, step, data);
    }
    if (body.framing != row->before) {
        fail_row(row, step, "it ends elsewhere");
    }
    if (row->rest != NULL && strcmp(row->answer + at, row->rest) != 0) {
        fail_row(row, step, row->answer + at);
    }
    struct http_answer_body lost = body;
    http_answer_body_close(&lost, false);
    if (lost.framing != (body.framing == HTTP_ANSWER_ENDED ? HTTP_ANSWER_ENDED : HTTP_ANSWER_BROKEN)) {
        fail_row(row, step, "a lost connection ends it");
    }
    http_answer_body_close(&body, true);
    if (body.framing != row->behind) {
        fail_row(row, step, "the connection's end means another thing");
    }
}

static void each_body_ends_where_it_does_however_it_comes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t step = 1; step < 64; step++) {
            check(&rows[i], step);
        }
    }
}

static void what_broke_or_never_began_takes_nothing(void **state)
{
    (void)state;
    struct http_answer_body body = {0};
    struct rg_slice data = RG_SLICE("untouched");
    size_t used = 9;
    http_answer_body_take(&body, RG_SLICE("0\r\n\r\n"), &used, &data);
    assert_int_equal(used, 0);
    assert_int_equal(data.size, 0);
    http_answer_body_close(&body, true);
    assert_int_equal(body.framing, HTTP_ANSWER_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_body_ends_where_it_does_however_it_comes),
        cmocka_unit_test(what_broke_or_never_began_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
