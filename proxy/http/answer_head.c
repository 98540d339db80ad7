/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of answers: RFC 9112 4 and 5, read strictly and once. */
#include "proxy/http/answer_head.h"

#include "proxy/http/chars.h"

enum { INFORMATIONAL_MAX = 8, LENGTH_DIGITS_MAX = 18 };

static bool is_token(struct rg_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!http_is_token_char(name.data[i])) {
            return false;
        }
    }
    return name.size > 0;
}

/* Of values, where the tab is none. Without a branch, so that it is done in wide steps. */
static bool has_control(struct rg_slice text)
{
    unsigned bad = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bad |= (unsigned)((byte < ' ') & (byte != '\t')) | (unsigned)(byte == 0x7f);
    }
    return bad != 0;
}

static bool take_number(struct rg_slice text, uint64_t *out_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!http_is_digit(text.data[i])) {
            return false;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
        if (i == LENGTH_DIGITS_MAX) {
            return false;
        }
    }
    *out_number = number;
    return text.size > 0;
}

/* "HTTP/1.1 200 OK" */
static bool take_status(struct rg_slice line, struct http_answer_head *head)
{
    bool is_old = rg_slice_has_prefix(line, RG_SLICE("HTTP/1.0 "));
    struct rg_slice code = rg_slice_cut(line, 9, 3);
    struct rg_slice reason = rg_slice_cut(line, 12, line.size);
    uint64_t status = 0;
    if ((!is_old && !rg_slice_has_prefix(line, RG_SLICE("HTTP/1.1 "))) || code.size != 3 ||
        !take_number(code, &status) || has_control(line) || (reason.size > 0 && reason.data[0] != ' ')) {
        return false;
    }
    head->status = (int)status;
    head->is_old = is_old;
    head->names_close = head->names_keep_alive = false;
    head->connection_count = 0;
    head->is_chunked = head->has_length = false;
    head->length = 0;
    head->connection = (struct rg_slice){0};
    head->field_count = 0; /* the fields themselves are not cleared: 3 KB */
    return status >= 100 && status <= 599;
}

/* One line of what may be several, which are one list (RFC 9110 5.3). */
static void take_connection(struct rg_slice value, struct http_answer_head *head)
{
    struct rg_slice option = {0};
    head->connection = value;
    head->connection_count++;
    while (http_list_next(&value, &option)) {
        head->names_keep_alive = head->names_keep_alive || http_is_word(option, "keep-alive");
        head->names_close = head->names_close || http_is_word(option, "close");
    }
}

/* What only all lines together tell. RFC 9112 6.3: a length and chunks are two frames; 6.1: HTTP/1.0 knows no coding;
 * 9.3: keep-alive is a wish of HTTP/1.0, close rules. */
static bool finish(struct http_answer_head *head)
{
    head->has_close = head->names_close || (head->is_old && !head->names_keep_alive);
    return !(head->is_chunked && (head->has_length || head->is_old));
}

static bool take_length(struct rg_slice value, struct http_answer_head *head)
{
    bool is_first = !head->has_length;
    head->has_length = true;
    return is_first && take_number(value, &head->length);
}

/* Nothing but the one word, as it is: who reads codings otherwise than we do would frame the body otherwise. */
static bool take_coding(struct rg_slice value, struct http_answer_head *head)
{
    bool is_first = !head->is_chunked;
    head->is_chunked = true;
    return is_first && rg_slice_is_equal(value, RG_SLICE("chunked"));
}

static bool take_field(struct rg_slice line, struct http_answer_head *head)
{
    const char *colon = line.size == 0 ? NULL : memchr(line.data, ':', line.size);
    struct rg_slice name = rg_slice_cut(line, 0, colon == NULL ? 0 : (size_t)(colon - line.data));
    struct rg_slice value = rg_slice_cut(line, name.size + 1, line.size);
    while (value.size > 0 && http_is_blank(value.data[0])) {
        value = rg_slice_cut(value, 1, value.size);
    }
    if (!is_token(name) || has_control(value) || head->field_count == HTTP_ANSWER_FIELDS_MAX) {
        return false;
    }
    head->fields[head->field_count++] = (struct http_answer_field){name, http_trim(value)};
    if (http_is_word(name, "content-length")) {
        return take_length(value, head);
    }
    if (http_is_word(name, "transfer-encoding")) {
        return take_coding(value, head);
    }
    if (http_is_word(name, "connection")) {
        take_connection(value, head);
    }
    return true;
}

/* One head with its empty line. */
static bool take_head(struct rg_slice bytes, struct http_answer_head *head)
{
    bool is_first = true;
    while (bytes.size > 2) { /* a line's CR, if it has another, is a control byte of it */
        const char *end = memchr(bytes.data, '\n', bytes.size);
        struct rg_slice line = rg_slice_cut(bytes, 0, (size_t)(end - bytes.data));
        if (line.size == 0 || line.data[--line.size] != '\r') {
            return false;
        }
        if (is_first ? !take_status(line, head) : !take_field(line, head)) {
            return false;
        }
        is_first = false;
        bytes = rg_slice_cut(bytes, line.size + 2, bytes.size);
    }
    return !is_first && finish(head);
}

enum http_verdict http_answer_head_judge(struct rg_slice bytes, size_t limit_bytes, struct http_answer_head *out_head)
{
    out_head->size = 0;
    for (int i = 0; i < INFORMATIONAL_MAX; i++) {
        struct rg_slice rest = rg_slice_cut(bytes, out_head->size, bytes.size);
        const char *end = rest.size == 0 ? NULL : memmem(rest.data, rest.size, "\r\n\r\n", 4);
        if (end == NULL) {
            return bytes.size >= limit_bytes ? HTTP_VERDICT_REFUSED : HTTP_VERDICT_MORE;
        }
        struct rg_slice one = rg_slice_cut(rest, 0, (size_t)(end - rest.data) + 4);
        out_head->size += one.size;
        if (out_head->size > limit_bytes || !take_head(one, out_head)) {
            return HTTP_VERDICT_REFUSED;
        }
        if (out_head->status >= 200 || out_head->status == 101) {
            return HTTP_VERDICT_OK;
        }
    }
    return HTTP_VERDICT_REFUSED;
}
