/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of our own: copied, through the hooks, to libh2o; or, where its parser never saw the request, to the socket.
 */
#include "proxy/http/reply.h"

#include <jansson.h>
#include <stdio.h>

#include "base/rg_memory.h"
#include "proxy/http/page.h"
#include "proxy/http/request_private.h"

enum { RAW_HEAD_BYTES = 16 << 10, PAGE_BYTES = 64 << 10, RETRY_SECONDS = 10 };

/* ---- out ---- */

static void send_body(struct http_exchange *exchange)
{
    static h2o_generator_t generator = {NULL, NULL};
    bool has_body = exchange->body.size > 0 && !rg_slice_is_equal(exchange->request.method, RG_SLICE("HEAD"));
    if (has_body) {
        http_response_saw_body(exchange, exchange->body);
    }
    http_response_start(exchange, &generator);
    http_exchange_end(exchange, HTTP_END_COMPLETE);
    http_response_send(exchange, has_body ? exchange->body : (struct rg_slice){0}, H2O_SEND_STATE_FINAL);
}

static void on_raw_sent(h2o_socket_t *socket, const char *error)
{
    http_connection_linger(socket->on_close.data, error != NULL);
}

static rg_status write_raw(const struct http_exchange *exchange, struct rg_buf *out)
{
    const struct http_response_head *head = &exchange->head;
    RG_TRY(rg_buf_printf(out, "HTTP/1.1 %d %s\r\nconnection: close\r\ncontent-length: %zu\r\n", head->status,
                         http_response_reason(head->status), exchange->body.size));
    for (size_t i = 0; i < head->header_count; i++) {
        RG_TRY(rg_buf_put(out, head->headers[i].name));
        RG_TRY(rg_buf_put(out, RG_SLICE(": ")));
        RG_TRY(rg_buf_put(out, head->headers[i].value));
        RG_TRY(rg_buf_put(out, RG_SLICE("\r\n")));
    }
    RG_TRY(rg_buf_put(out, RG_SLICE("\r\n")));
    return rg_buf_put(out, exchange->body);
}

static void send_raw(struct http_exchange *exchange)
{
    struct http_connection *connection = exchange->connection;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct rg_slice copy = {0};
    rg_buf_init(&out, RAW_HEAD_BYTES + exchange->body.size);
    if (connection == NULL) {
        return;
    }
    if (!rg_is_ok(write_raw(exchange, &out)) ||
        !rg_is_ok(rg_arena_copy(&exchange->request.arena, rg_buf_slice(&out), &copy))) {
        http_exchange_end(exchange, HTTP_END_ABORTED);
        http_connection_shut(connection);
        return;
    }
    h2o_iovec_t bytes = h2o_iovec_init(copy.data, copy.size);
    http_response_saw_body(exchange, exchange->body);
    http_exchange_end(exchange, HTTP_END_COMPLETE);
    h2o_socket_write(connection->socket, &bytes, 1, on_raw_sent);
}

static void send_reply(struct http_exchange *exchange)
{
    if (exchange->is_raw) {
        send_raw(exchange);
        return;
    }
    send_body(exchange);
}

void http_reply_bare(struct http_exchange *exchange, int status)
{
    struct http_request *request = &exchange->request;
    request->has_reply = true;
    request->must_close = true;
    request->status = status;
    exchange->head.status = status;
    exchange->head.is_ours = true;
    exchange->head.header_count = 0;
    exchange->head.has_length = true;
    exchange->body = rg_slice_of(request->reference);
    exchange->head.length = exchange->body.size;
    exchange->is_out = true;
    send_reply(exchange);
}

/* ---- in ---- */

static rg_status copy_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct http_request *request = &exchange->request;
    struct http_response_head *head = &exchange->head;
    *head = (struct http_response_head){
        .status = reply->status, .is_ours = true, .has_length = reply->status != 204 && reply->status != 304};
    RG_TRY(http_response_reserve(exchange, reply->header_count + 1));
    if (reply->content_type.size > 0) {
        RG_TRY(http_response_add(request, head, RG_SLICE("content-type"), reply->content_type));
    }
    for (size_t i = 0; i < reply->header_count; i++) {
        RG_TRY(http_response_add(request, head, reply->headers[i].name, reply->headers[i].value));
    }
    RG_TRY(rg_arena_copy(&request->arena, reply->body, &exchange->body));
    RG_TRY(rg_arena_copy(&request->arena, reply->rule, &request->rule));
    RG_TRY(rg_arena_copy(&request->arena, reply->refusal, &request->refusal));
    head->length = exchange->body.size;
    return RG_OK;
}

void http_reply(struct http_request *request, const struct http_reply *reply)
{
    struct http_exchange *exchange = http_exchange_of(request);
    if (request->is_gone || request->has_reply) {
        return;
    }
    request->has_reply = true;
    if (rg_is_ok(copy_reply(exchange, reply))) {
        http_response_begin(exchange, send_reply);
    } else {
        http_request_hold(request);
        http_reply_bare(exchange, 500);
        http_request_release(request);
    }
}

/* ---- refusals ---- */

rg_status http_reply_page(struct http_request *request, int status, const char *rule, struct rg_slice text,
                          struct rg_slice *out_html)
{
    RG_AUTO(rg_buf_done) struct rg_buf html;
    bool is_login = status == 401;
    const struct http_page_message page = {.title = rg_slice_of(http_response_reason(status)),
                                           .text = text,
                                           .rule = rg_slice_of(rule),
                                           .reference = rg_slice_of(request->reference),
                                           .link_url = is_login ? RG_SLICE("/.rowgate/login") : RG_SLICE("/"),
                                           .link_label = is_login ? RG_SLICE("Sign in") : RG_SLICE("Start page")};
    rg_buf_init(&html, PAGE_BYTES);
    RG_TRY(http_page_message(&page, &html));
    return rg_arena_copy(&request->arena, rg_buf_slice(&html), out_html);
}

/* Whether a browser's page was asked for, rather than data. */
static bool wants_html(const struct http_request *request)
{
    struct rg_slice accept = {0};
    return http_request_header(request, RG_SLICE("accept"), &accept, NULL) &&
           memmem(accept.data, accept.size, "text/html", 9) != NULL &&
           !rg_slice_has_prefix(request->path, RG_SLICE("/api/"));
}

static rg_status write_problem(struct http_request *request, int status, const char *rule, const char *text,
                               struct rg_slice *out_body)
{
    json_t *problem =
        json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title", http_response_reason(status), "status",
                  status, "detail", text, "instance", request->reference);
    char *bytes = NULL;
    if (problem != NULL && json_object_set_new(problem, "rule", json_string(rule)) == 0) {
        bytes = json_dumps(problem, JSON_COMPACT);
    }
    json_decref(problem);
    if (bytes == NULL) {
        return rg_fail(RG_INTERNAL, "a refusal cannot be written as JSON");
    }
    rg_status status_of_copy = rg_arena_copy(&request->arena, rg_slice_of(bytes), out_body);
    free(bytes);
    return status_of_copy;
}

static rg_status write_refusal(struct http_request *request, int status, const char *rule, const char *text,
                               struct http_reply *reply)
{
    if (wants_html(request)) {
        reply->content_type = RG_SLICE("text/html; charset=utf-8");
        return http_reply_page(request, status, rule, rg_slice_of(text), &reply->body);
    }
    reply->content_type = RG_SLICE("application/problem+json");
    return write_problem(request, status, rule, text, &reply->body);
}

static void refuse(struct http_request *request, int status, const char *rule, const char *text,
                   struct rg_slice recorded, unsigned retry_seconds)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%u", retry_seconds);
    const struct http_header headers[] = {{RG_SLICE("cache-control"), RG_SLICE("no-store")},
                                          {RG_SLICE("retry-after"), rg_slice_of(seconds)}};
    struct http_reply reply = {.status = status,
                               .header_count = status == 429 || status == 503 ? 2 : 1,
                               .headers = headers,
                               .rule = rg_slice_of(rule),
                               .refusal = recorded};
    if (request->is_gone || request->has_reply) {
        return;
    }
    if (!rg_is_ok(write_refusal(request, status, rule, text, &reply))) {
        reply.content_type = (struct rg_slice){0};
        reply.body = rg_slice_of(request->reference);
    }
    http_reply(request, &reply);
}

void http_reply_problem(struct http_request *request, int status, const char *rule, const char *text)
{
    refuse(request, status, rule, text, rg_slice_of(text), RETRY_SECONDS);
}

void http_reply_later(struct http_request *request, int status, unsigned seconds, const char *rule, const char *text)
{
    refuse(request, status, rule, text, rg_slice_of(text), seconds);
}

void http_reply_status(struct http_request *request, rg_status why, const char *rule, const char *text)
{
    char recorded[sizeof why.error->text];
    int status = rg_kind_info(why.error->kind)->http_status;
    (void)snprintf(recorded, sizeof recorded, "%s", why.error->text);
    refuse(request, status, rule, text, rg_slice_of(recorded), RETRY_SECONDS);
}

void http_redirect_with(struct http_request *request, struct rg_slice location, size_t header_count,
                        const struct http_header *headers)
{
    struct http_header *lines = NULL;
    if (!rg_is_ok(rg_arena_array(&request->arena, header_count + 2, sizeof *lines, (void **)&lines))) {
        http_reply_problem(request, 500, "http.request.limit", "This request needs too much memory.");
        return;
    }
    if (header_count > 0) {
        memcpy(lines, headers, header_count * sizeof *lines);
    }
    lines[header_count] = (struct http_header){RG_SLICE("location"), location};
    lines[header_count + 1] = (struct http_header){RG_SLICE("cache-control"), RG_SLICE("no-store")};
    http_reply(request, &(struct http_reply){.status = 303, .header_count = header_count + 2, .headers = lines});
}

void http_redirect(struct http_request *request, struct rg_slice location)
{
    http_redirect_with(request, location, 0, NULL);
}
