/* SPDX-License-Identifier: Apache-2.0 */
/* The heads that cross: the request's, written anew from what was judged; the answer's, read and filtered. Which names
 * pass is strip.h's business. */
#include "proxy/http/chars.h"
#include "proxy/http/forward_private.h"
#include "proxy/http/strip.h"

enum { REQUEST_HEAD_BYTES = 512 << 10 };

/* ---- the request ---- */

static rg_status put_line(struct rg_buf *head, struct rg_slice name, struct rg_slice value)
{
    RG_TRY(rg_buf_put(head, name));
    RG_TRY(rg_buf_put(head, RG_SLICE(": ")));
    RG_TRY(rg_buf_put(head, value));
    return rg_buf_put(head, RG_SLICE("\r\n"));
}

static rg_status put_cookie(struct rg_buf *head, const struct http_request *request, struct rg_slice value)
{
    struct rg_slice name = RG_SLICE("cookie: ");
    size_t before = rg_buf_size(head);
    RG_TRY(rg_buf_put(head, name));
    RG_TRY(http_cookie_filter(value, (enum http_pass)request->passes, head));
    if (rg_buf_size(head) == before + name.size) {
        rg_buf_truncate(head, before);
        return RG_OK;
    }
    return rg_buf_put(head, RG_SLICE("\r\n"));
}

static bool is_extra(const struct http_exchange *exchange, struct rg_slice name)
{
    for (size_t i = 0; i < exchange->extra_count; i++) {
        if (rg_slice_is_equal(exchange->extra[i].name, name)) {
            return true;
        }
    }
    return false;
}

static rg_status put_passing(struct http_exchange *exchange, struct rg_buf *head)
{
    const struct http_request *request = &exchange->request;
    struct rg_slice connection = {0};
    (void)http_request_header(request, RG_SLICE("connection"), &connection, NULL);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        enum http_strip strip = http_strip_request(header->name, connection, (enum http_pass)request->passes);
        if (strip == HTTP_STRIP_COOKIE) {
            RG_TRY(put_cookie(head, request, header->value));
        } else if (strip == HTTP_STRIP_PASS && !is_extra(exchange, header->name)) {
            RG_TRY(put_line(head, header->name, header->value));
        }
    }
    for (size_t i = 0; i < exchange->extra_count; i++) {
        RG_TRY(put_line(head, exchange->extra[i].name, exchange->extra[i].value));
    }
    return RG_OK;
}

static rg_status put_forwarding(const struct http_request *request, struct rg_buf *head)
{
    char memory[20];
    RG_TRY(put_line(head, RG_SLICE("x-forwarded-for"), request->client_address));
    RG_TRY(put_line(head, RG_SLICE("x-forwarded-proto"), RG_SLICE("https")));
    RG_TRY(put_line(head, RG_SLICE("x-forwarded-host"), request->authority));
    RG_TRY(put_line(head, RG_SLICE("x-forwarded-port"), http_decimal(request->listener->public_port, memory)));
    return put_line(head, RG_SLICE("x-request-id"), rg_slice_of(request->reference));
}

/* RFC 9110 8.6: a method that gives a body a meaning says its length, also when it is 0. */
static bool wants_length(struct rg_slice method)
{
    return rg_slice_is_equal(method, RG_SLICE("POST")) || rg_slice_is_equal(method, RG_SLICE("PUT")) ||
           rg_slice_is_equal(method, RG_SLICE("PATCH"));
}

static rg_status put_framing(const struct http_request *request, struct rg_buf *head)
{
    if (request->wants_upgrade) {
        return rg_buf_put(head, RG_SLICE("connection: upgrade\r\nupgrade: websocket\r\n"));
    }
    if (request->body.size > 0 || wants_length(request->method)) {
        return rg_buf_printf(head, "content-length: %zu\r\n", request->body.size);
    }
    return RG_OK;
}

rg_status http_forward_write_request(struct http_forward *forward)
{
    struct http_exchange *exchange = forward->exchange;
    const struct http_request *request = &exchange->request;
    struct rg_buf *head = &forward->head;
    head->limit_bytes = REQUEST_HEAD_BYTES;
    RG_TRY(rg_buf_put(head, request->method));
    RG_TRY(rg_buf_put(head, RG_SLICE(" ")));
    RG_TRY(rg_buf_put(head, request->raw_target));
    RG_TRY(rg_buf_put(head, RG_SLICE(" HTTP/1.1\r\n")));
    RG_TRY(put_line(head, RG_SLICE("host"), request->authority));
    RG_TRY(put_framing(request, head));
    RG_TRY(put_forwarding(request, head));
    RG_TRY(put_passing(exchange, head));
    return rg_buf_put(head, RG_SLICE("\r\n"));
}

static rg_status put_credentials(struct http_exchange *exchange, struct rg_buf *head)
{
    const struct http_request *request = &exchange->request;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        bool is_authorization = rg_slice_is_equal(header->name, RG_SLICE("authorization"));
        enum http_strip strip = http_strip_request(header->name, (struct rg_slice){0}, (enum http_pass)request->passes);
        if (strip == HTTP_STRIP_COOKIE) {
            RG_TRY(put_cookie(head, request, header->value));
        } else if (strip == HTTP_STRIP_PASS && is_authorization) {
            RG_TRY(put_line(head, header->name, header->value));
        }
    }
    for (size_t i = 0; i < exchange->extra_count; i++) {
        RG_TRY(put_line(head, exchange->extra[i].name, exchange->extra[i].value));
    }
    return RG_OK;
}

rg_status http_forward_write_probe(struct http_exchange *exchange, struct rg_slice path, struct rg_buf *head)
{
    const struct http_request *request = &exchange->request;
    RG_TRY(rg_buf_put(head, RG_SLICE("GET ")));
    RG_TRY(rg_buf_put(head, path));
    RG_TRY(rg_buf_put(head, RG_SLICE(" HTTP/1.1\r\naccept: application/json\r\n")));
    RG_TRY(put_line(head, RG_SLICE("host"), request->authority));
    RG_TRY(put_forwarding(request, head));
    RG_TRY(put_credentials(exchange, head));
    return rg_buf_put(head, RG_SLICE("\r\n"));
}

rg_status http_forward_set_header(struct http_request *request, struct rg_slice name, struct rg_slice value)
{
    struct http_exchange *exchange = http_exchange_of(request);
    struct http_header header = {{0}, {0}};
    size_t at = 0;
    if (memchr(value.data == NULL ? "" : value.data, '\r', value.size) != NULL ||
        memchr(value.data == NULL ? "" : value.data, '\n', value.size) != NULL) {
        return rg_fail(RG_INTERNAL, "a header's value of two lines");
    }
    RG_TRY(rg_arena_copy(&request->arena, name, &header.name));
    RG_TRY(rg_arena_copy(&request->arena, value, &header.value));
    while (at < exchange->extra_count && !rg_slice_is_equal(exchange->extra[at].name, name)) {
        at++;
    }
    if (at == sizeof exchange->extra / sizeof exchange->extra[0]) {
        return rg_fail(RG_LIMIT, "too many headers of our own");
    }
    exchange->extra[at] = header;
    exchange->extra_count += at == exchange->extra_count ? 1 : 0;
    return RG_OK;
}

/* ---- the answer ---- */

static rg_status lower(struct rg_arena *arena, struct rg_slice text, struct rg_slice *out_text)
{
    char *copy = NULL;
    RG_TRY(rg_arena_alloc(arena, text.size, (void **)&copy));
    for (size_t i = 0; i < text.size; i++) {
        copy[i] = http_lower(text.data[i]);
    }
    *out_text = rg_slice_make(copy, text.size);
    return RG_OK;
}

/* Of several lines of Connection each names what stays here. */
static bool passes(const struct http_answer_head *answer, struct rg_slice name, struct rg_slice value,
                   enum http_pass credential)
{
    for (size_t i = 0; answer->connection_count > 1 && i < answer->field_count; i++) {
        const struct http_answer_field *field = &answer->fields[i];
        if (http_is_word(field->name, "connection") && !http_strip_response(name, value, field->value, credential)) {
            return false;
        }
    }
    return http_strip_response(name, value, answer->connection, credential);
}

/* What the answer may say to the client. */
static rg_status take_field(struct http_exchange *exchange, const struct http_answer_head *answer,
                            const struct http_answer_field *field)
{
    struct http_response_head *head = &exchange->head;
    struct http_request *request = &exchange->request;
    struct http_header *line = &head->headers[head->header_count];
    struct rg_slice name = {0};
    RG_TRY(lower(&request->arena, field->name, &name));
    bool is_ours = rg_slice_is_equal(name, RG_SLICE("date")) || rg_slice_is_equal(name, RG_SLICE("content-length"));
    if (is_ours || !passes(answer, name, field->value, (enum http_pass)request->passes)) {
        return RG_OK;
    }
    line->name = name;
    RG_TRY(rg_arena_copy(&request->arena, field->value, &line->value));
    head->header_count++;
    return RG_OK;
}

static void take_length(struct http_response_head *head, const struct http_answer_head *answer, bool is_head)
{
    enum { NO_CONTENT = 204, NOT_MODIFIED = 304 };
    bool has_none = answer->status == NO_CONTENT || answer->status == NOT_MODIFIED;
    head->has_length = answer->has_length && !has_none;
    head->length = answer->has_length && (is_head || !has_none) ? answer->length : 0;
}

rg_status http_forward_read_head(struct http_exchange *exchange, const struct http_answer_head *answer)
{
    struct http_request *request = &exchange->request;
    if (answer->status == 101 && !request->wants_upgrade) {
        return rg_fail(RG_UPSTREAM, "an upgrade that nobody asked for");
    }
    exchange->head = (struct http_response_head){.status = answer->status};
    take_length(&exchange->head, answer, rg_slice_is_equal(request->method, RG_SLICE("HEAD")));
    RG_TRY(http_response_reserve(exchange, answer->field_count));
    for (size_t i = 0; i < answer->field_count; i++) {
        RG_TRY(take_field(exchange, answer, &answer->fields[i]));
    }
    return RG_OK;
}
