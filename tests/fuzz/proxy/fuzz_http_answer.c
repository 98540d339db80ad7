/* SPDX-License-Identifier: Apache-2.0 */
/* What an upstream answers: a head that is judged whole stays so however it arrives; the body's data and its end are
 * the same in whatever pieces it comes. The first byte chooses the pieces and whether HEAD was asked. */
#include <stdlib.h>

#include "base/rg_buf.h"
#include "proxy/http/answer_body.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { LIMIT = 4096, DATA_MAX = 1 << 20 };

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static enum http_verdict judge_head(struct rg_slice bytes, struct http_answer_head *head)
{
    static struct http_answer_head scratch;
    enum http_verdict whole = http_answer_head_judge(bytes, LIMIT, head);
    for (size_t cut = 0; cut < bytes.size && cut < 512; cut++) {
        enum http_verdict part = http_answer_head_judge(rg_slice_cut(bytes, 0, cut), LIMIT, &scratch);
        check(part != HTTP_VERDICT_REFUSED || whole != HTTP_VERDICT_OK); /* the order of arrival would decide */
        check(part != HTTP_VERDICT_OK || whole == HTTP_VERDICT_OK);
    }
    return whole;
}

static void check_head(struct rg_slice bytes, const struct http_answer_head *head)
{
    check(head->size >= 16 && head->size <= bytes.size);
    check(memcmp(bytes.data + head->size - 4, "\r\n\r\n", 4) == 0);
    check(head->status == 101 || (head->status >= 200 && head->status <= 599));
    check(!(head->is_chunked && (head->has_length || head->is_old)));
    check(!head->names_close || head->has_close);
    for (size_t i = 0; i < head->field_count; i++) {
        struct rg_slice name = head->fields[i].name;
        struct rg_slice value = head->fields[i].value;
        check(name.size > 0 && name.data > bytes.data && value.data + value.size < bytes.data + head->size);
        check(value.size == 0 ||
              (memchr(value.data, '\r', value.size) == NULL && memchr(value.data, '\n', value.size) == NULL));
    }
}

/* In pieces of at most `step` bytes; the connection ends behind them. */
static struct http_answer_body read_body(const struct http_answer_head *head, bool is_head, struct rg_slice bytes,
                                         size_t step, struct rg_buf *into)
{
    struct http_answer_body body;
    size_t used = 1;
    http_answer_body_init(&body, head, is_head);
    for (size_t at = 0; at < bytes.size && used > 0; at += used) {
        struct rg_slice piece = rg_slice_cut(bytes, at, step);
        struct rg_slice part = {0};
        http_answer_body_take(&body, piece, &used, &part);
        check(used <= piece.size && part.size <= used);
        check(rg_is_ok(rg_buf_put(into, part)));
    }
    http_answer_body_close(&body, true);
    check(body.framing == HTTP_ANSWER_ENDED || body.framing == HTTP_ANSWER_BROKEN);
    return body;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static struct http_answer_head head;
    RG_AUTO(rg_buf_done) struct rg_buf whole;
    RG_AUTO(rg_buf_done) struct rg_buf pieces;
    rg_buf_init(&whole, DATA_MAX);
    rg_buf_init(&pieces, DATA_MAX);
    if (size == 0 || size > DATA_MAX) {
        return 0;
    }
    struct rg_slice bytes = rg_slice_make(data + 1, size - 1);
    if (judge_head(bytes, &head) != HTTP_VERDICT_OK) {
        return 0;
    }
    check_head(bytes, &head);
    struct rg_slice rest = rg_slice_cut(bytes, head.size, bytes.size);
    bool is_head = data[0] >= 128;
    struct http_answer_body one = read_body(&head, is_head, rest, SIZE_MAX, &whole);
    struct http_answer_body other = read_body(&head, is_head, rest, (size_t)data[0] % 128 + 1, &pieces);
    check(one.framing == other.framing && one.left == other.left);
    check(rg_buf_size(&whole) == rg_buf_size(&pieces));
    check(rg_buf_size(&whole) == 0 ||
          memcmp(rg_buf_slice(&whole).data, rg_buf_slice(&pieces).data, rg_buf_size(&whole)) == 0);
    check(!is_head || rg_buf_size(&whole) == 0);
    return 0;
}
