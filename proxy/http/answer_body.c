/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of answers, piece by piece: RFC 9112 6.3. */
#include "proxy/http/answer_body.h"

enum { NO_CONTENT = 204, NOT_MODIFIED = 304, SWITCHING = 101 };

void http_answer_body_init(struct http_answer_body *body, const struct http_answer_head *head, bool is_head)
{
    bool has_none = is_head || head->status == NO_CONTENT || head->status == NOT_MODIFIED || head->status == SWITCHING;
    *body = (struct http_answer_body){.framing = HTTP_ANSWER_UNTIL_CLOSE, .left = head->length};
    if (has_none || (head->has_length && head->length == 0)) {
        body->framing = HTTP_ANSWER_ENDED;
    } else if (head->has_length) {
        body->framing = HTTP_ANSWER_LENGTH;
    } else if (head->is_chunked) {
        body->framing = HTTP_ANSWER_CHUNKED;
        http_chunked_init(&body->chunked, INT64_MAX);
    }
}

static void take_chunked(struct http_answer_body *body, struct rg_slice bytes, size_t *out_used,
                         struct rg_slice *out_data)
{
    struct http_refusal refusal = {0};
    switch (http_chunked_take(&body->chunked, bytes, out_used, out_data, &refusal)) {
    case HTTP_VERDICT_MORE:
        break;
    case HTTP_VERDICT_OK:
        body->framing = HTTP_ANSWER_ENDED;
        break;
    case HTTP_VERDICT_REFUSED:
        body->framing = HTTP_ANSWER_BROKEN;
        break;
    }
}

void http_answer_body_take(struct http_answer_body *body, struct rg_slice bytes, size_t *out_used,
                           struct rg_slice *out_data)
{
    *out_used = 0;
    *out_data = (struct rg_slice){0};
    switch (body->framing) {
    case HTTP_ANSWER_LENGTH:
        *out_data = rg_slice_cut(bytes, 0, body->left < bytes.size ? (size_t)body->left : bytes.size);
        *out_used = out_data->size;
        body->left -= out_data->size;
        body->framing = body->left == 0 ? HTTP_ANSWER_ENDED : HTTP_ANSWER_LENGTH;
        break;
    case HTTP_ANSWER_CHUNKED:
        take_chunked(body, bytes, out_used, out_data);
        break;
    case HTTP_ANSWER_UNTIL_CLOSE:
        *out_data = bytes;
        *out_used = bytes.size;
        break;
    case HTTP_ANSWER_ENDED:
    case HTTP_ANSWER_BROKEN:
        break;
    }
}

void http_answer_body_close(struct http_answer_body *body, bool is_clean)
{
    if (body->framing == HTTP_ANSWER_UNTIL_CLOSE && is_clean) {
        body->framing = HTTP_ANSWER_ENDED;
    } else if (body->framing != HTTP_ANSWER_ENDED) {
        body->framing = HTTP_ANSWER_BROKEN;
    }
}
