/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one client's connection in order: head, body, head, ... Each is judged before the parser sees it. */
#include "proxy/http/wire.h"

void http_wire_init(struct http_wire *wire, const struct http_head_limits *limits)
{
    *wire = (struct http_wire){.limits = *limits, .state = HTTP_WIRE_HEAD};
}

static enum http_wire_state behind_head(struct http_wire *wire, const struct http_head *head)
{
    if (head->is_websocket) {
        return HTTP_WIRE_HELD;
    }
    if (head->body == HTTP_HEAD_BODY_CHUNKED) {
        http_chunked_init(&wire->chunked, wire->limits.body_bytes);
        return HTTP_WIRE_CHUNKED;
    }
    wire->left = head->body == HTTP_HEAD_BODY_LENGTH ? head->content_length : 0;
    return wire->left > 0 ? HTTP_WIRE_LENGTH : HTTP_WIRE_HEAD;
}

static enum http_verdict take_head(struct http_wire *wire, struct rg_slice bytes, struct http_wire_piece *piece,
                                   struct http_refusal *out_refusal)
{
    enum http_verdict verdict = http_head_judge(bytes, wire->seen, &wire->limits, &piece->head, out_refusal);
    wire->seen = verdict == HTTP_VERDICT_MORE ? bytes.size : 0;
    if (verdict == HTTP_VERDICT_OK) {
        wire->heads++;
        wire->state = behind_head(wire, &piece->head);
        piece->size = piece->head.size;
    }
    return verdict;
}

static void take_length(struct http_wire *wire, struct rg_slice bytes, struct http_wire_piece *piece)
{
    piece->data = rg_slice_cut(bytes, 0, bytes.size < wire->left ? bytes.size : (size_t)wire->left);
    piece->size = piece->data.size;
    wire->left -= piece->size;
    wire->state = wire->left == 0 ? HTTP_WIRE_HEAD : HTTP_WIRE_LENGTH;
}

static enum http_verdict take_chunked(struct http_wire *wire, struct rg_slice bytes, struct http_wire_piece *piece,
                                      struct http_refusal *out_refusal)
{
    enum http_verdict verdict = http_chunked_take(&wire->chunked, bytes, &piece->size, &piece->data, out_refusal);
    wire->state = verdict == HTTP_VERDICT_OK ? HTTP_WIRE_HEAD : HTTP_WIRE_CHUNKED;
    return verdict;
}

/* What is taken in the present state; REFUSED, else *piece. */
static enum http_verdict take(struct http_wire *wire, struct rg_slice bytes, struct http_wire_piece *piece,
                              struct http_refusal *out_refusal)
{
    switch (wire->state) {
    case HTTP_WIRE_HEAD:
        return take_head(wire, bytes, piece, out_refusal);
    case HTTP_WIRE_LENGTH:
        take_length(wire, bytes, piece);
        return HTTP_VERDICT_OK;
    case HTTP_WIRE_CHUNKED:
        return take_chunked(wire, bytes, piece, out_refusal);
    case HTTP_WIRE_HELD:
        return HTTP_VERDICT_MORE;
    case HTTP_WIRE_OPAQUE:
        piece->size = bytes.size;
        return HTTP_VERDICT_OK;
    case HTTP_WIRE_REFUSED:
        break;
    }
    *out_refusal = http_refusal_of(HTTP_REFUSAL_CLOSED);
    return HTTP_VERDICT_REFUSED;
}

bool http_wire_take(struct http_wire *wire, struct rg_slice bytes, struct http_wire_piece *out_piece,
                    struct http_refusal *out_refusal)
{
    *out_piece = (struct http_wire_piece){0};
    if (wire->state != HTTP_WIRE_REFUSED && bytes.size == 0) {
        return true;
    }
    if (take(wire, bytes, out_piece, out_refusal) == HTTP_VERDICT_REFUSED) {
        wire->state = HTTP_WIRE_REFUSED;
        *out_piece = (struct http_wire_piece){0};
        return false;
    }
    return true;
}

void http_wire_settle(struct http_wire *wire, bool is_upgraded)
{
    if (wire->state == HTTP_WIRE_HELD) {
        wire->state = is_upgraded ? HTTP_WIRE_OPAQUE : HTTP_WIRE_HEAD;
    }
}

bool http_wire_is_amid(const struct http_wire *wire, size_t waiting_bytes)
{
    return wire->state == HTTP_WIRE_LENGTH || wire->state == HTTP_WIRE_CHUNKED ||
           (wire->state == HTTP_WIRE_HEAD && waiting_bytes > 0);
}
