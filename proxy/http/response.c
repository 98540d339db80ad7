/* SPDX-License-Identifier: Apache-2.0 */
/* The answer's way out: the hooks in their order, each of which may hold it, then out as HTTP/1 or by libh2o
 * as HTTP/2. */
#include "proxy/http/request_private.h"

enum { SPARE_HEADERS = 24 };

/* ---- headers ---- */

rg_status http_response_reserve(struct http_exchange *exchange, size_t count)
{
    struct http_response_head *head = &exchange->head;
    struct http_header *headers = NULL;
    size_t capacity = count + SPARE_HEADERS;
    RG_TRY(rg_arena_array(&exchange->request.arena, capacity, sizeof *headers, (void **)&headers));
    if (head->header_count > 0) {
        memcpy(headers, head->headers, head->header_count * sizeof *headers);
    }
    head->headers = headers;
    exchange->head_capacity = capacity;
    return RG_OK;
}

void http_response_drop(struct http_response_head *head, struct rg_slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!rg_slice_is_equal(head->headers[i].name, name)) {
            head->headers[kept++] = head->headers[i];
        }
    }
    head->header_count = kept;
}

static bool is_one_line(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] < ' ' && text.data[i] != '\t') {
            return false;
        }
    }
    return true;
}

rg_status http_response_add(struct http_request *request, struct http_response_head *head, struct rg_slice name,
                            struct rg_slice value)
{
    struct http_exchange *exchange = http_exchange_of(request);
    struct http_header line = {{0}, {0}};
    if (!is_one_line(value) || !is_one_line(name) || name.size == 0) {
        return rg_fail(RG_INTERNAL, "a header of more than one line");
    }
    RG_TRY(rg_arena_copy(&request->arena, name, &line.name));
    RG_TRY(rg_arena_copy(&request->arena, value, &line.value));
    if (head->header_count == exchange->head_capacity) {
        RG_TRY(http_response_reserve(exchange, 2 * head->header_count));
    }
    head->headers[head->header_count++] = line;
    return RG_OK;
}

rg_status http_response_set(struct http_request *request, struct http_response_head *head, struct rg_slice name,
                            struct rg_slice value)
{
    http_response_drop(head, name);
    return http_response_add(request, head, name, value);
}

bool http_response_find(const struct http_response_head *head, struct rg_slice name, struct rg_slice *out_value)
{
    const struct http_header *found = NULL;
    for (size_t i = 0; i < head->header_count; i++) {
        if (rg_slice_is_equal(head->headers[i].name, name)) {
            if (found != NULL) {
                return false;
            }
            found = &head->headers[i];
        }
    }
    if (found != NULL) {
        *out_value = found->value;
    }
    return found != NULL;
}

const char *http_response_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Answer";
}

/* ---- the hooks ---- */

static void replace(struct http_exchange *exchange)
{
    http_forward_drop(exchange);
    exchange->release = HTTP_RELEASE_NONE;
    exchange->request.has_reply = false; /* what is dropped was it */
    http_reply_problem(&exchange->request, exchange->problem.status, exchange->problem.rule, exchange->problem.text);
}

static void refuse(struct http_exchange *exchange)
{
    http_forward_drop(exchange);
    exchange->hook = http_hook_count;
    http_reply_bare(exchange, 503);
}

/* Runs the rest of them. */
static void run_hooks(struct http_exchange *exchange)
{
    while (exchange->hook < http_hook_count && exchange->is_there) {
        const struct http_response_hooks *hooks = &http_hooks[exchange->hook++];
        enum http_step_result result = HTTP_STEP_NEXT;
        if (hooks->on_head != NULL) {
            exchange->is_hooking = true;
            exchange->release = HTTP_RELEASE_NONE;
            result = hooks->on_head(&exchange->request, &exchange->head);
            exchange->is_hooking = false;
        }
        if (exchange->release == HTTP_RELEASE_REPLACE) {
            replace(exchange);
            return;
        }
        if (result == HTTP_STEP_WAIT && exchange->release == HTTP_RELEASE_NONE) {
            exchange->is_held = true;
            http_request_hold(&exchange->request);
            return;
        }
        if (result == HTTP_STEP_DONE || exchange->release == HTTP_RELEASE_REFUSE) {
            refuse(exchange);
            return;
        }
        exchange->release = HTTP_RELEASE_NONE;
    }
    if (exchange->is_there) {
        exchange->request.status = exchange->head.status;
        exchange->is_out = true;
        exchange->go(exchange);
    }
}

void http_response_begin(struct http_exchange *exchange, void (*go)(struct http_exchange *exchange))
{
    http_request_hold(&exchange->request);
    exchange->go = go;
    exchange->hook = 0;
    exchange->request.status = exchange->head.status;
    run_hooks(exchange);
    http_request_release(&exchange->request);
}

void http_response_release(struct http_request *request, bool is_refused)
{
    struct http_exchange *exchange = http_exchange_of(request);
    if (exchange->is_hooking) {
        exchange->release = is_refused ? HTTP_RELEASE_REFUSE : HTTP_RELEASE_GO;
        return;
    }
    if (!exchange->is_held) {
        return;
    }
    exchange->is_held = false;
    if (!request->is_gone && is_refused) {
        refuse(exchange);
    } else if (!request->is_gone) {
        run_hooks(exchange);
    }
    http_request_release(request);
}

void http_response_replace(struct http_request *request, int status, const char *rule, const char *text)
{
    struct http_exchange *exchange = http_exchange_of(request);
    exchange->problem = (struct http_problem){status, rule, text};
    if (exchange->is_hooking) {
        exchange->release = HTTP_RELEASE_REPLACE;
        return;
    }
    if (!exchange->is_held) {
        return;
    }
    exchange->is_held = false;
    if (!request->is_gone) {
        replace(exchange);
    }
    http_request_release(request);
}

void http_response_read_ahead(struct http_request *request, size_t limit_bytes)
{
    http_forward_read_ahead(http_exchange_of(request), limit_bytes);
}

void http_response_saw_ahead(struct http_exchange *exchange, struct rg_slice bytes, bool is_whole)
{
    const struct http_response_hooks *hooks = exchange->hook == 0 ? NULL : &http_hooks[exchange->hook - 1];
    if (exchange->is_held && hooks != NULL && hooks->on_ahead != NULL) {
        hooks->on_ahead(&exchange->request, &exchange->head, bytes, is_whole);
    }
}

void http_response_saw_body(struct http_exchange *exchange, struct rg_slice bytes)
{
    exchange->request.bytes_sent += bytes.size;
    for (size_t i = 0; i < http_hook_count; i++) {
        if (http_hooks[i].on_body != NULL) {
            http_hooks[i].on_body(&exchange->request, bytes);
        }
    }
}

/* ---- out ---- */

static void add_header(h2o_req_t *req, const struct http_header *header)
{
    h2o_iovec_t name = h2o_strdup(&req->pool, header->name.data, header->name.size);
    h2o_iovec_t value = h2o_strdup(&req->pool, header->value.data, header->value.size);
    h2o_add_header_by_str(&req->pool, &req->res.headers, name.base, name.len, 1, NULL, value.base, value.len);
}

static void start_http2(struct http_exchange *exchange, h2o_generator_t *generator)
{
    h2o_req_t *req = exchange->req;
    const struct http_response_head *head = &exchange->head;
    req->res.status = head->status;
    req->res.reason = http_response_reason(head->status);
    req->res.content_length = head->has_length ? (size_t)head->length : SIZE_MAX;
    for (size_t i = 0; i < head->header_count; i++) {
        add_header(req, &head->headers[i]);
    }
    h2o_start_response(req, generator);
}

void http_response_start(struct http_exchange *exchange, h2o_generator_t *generator)
{
    if (exchange->req != NULL) {
        start_http2(exchange, generator);
    } else {
        http1_start(exchange, generator);
    }
}

void http_response_send(struct http_exchange *exchange, struct rg_slice bytes, h2o_send_state_t state)
{
    h2o_iovec_t piece = h2o_iovec_init(bytes.data, bytes.size);
    if (exchange->req != NULL) {
        h2o_send(exchange->req, &piece, bytes.size > 0 ? 1 : 0, state);
    } else {
        http1_send(exchange, bytes, state);
    }
}
