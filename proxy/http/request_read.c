/* SPDX-License-Identifier: Apache-2.0 */
/* What arrived, in the request's own memory. Of HTTP/1 it is what wire.h judged; of HTTP/2 libh2o keeps fields only,
 * from which a head of HTTP/1 is written for the same judge. */
#include "base/rg_buf.h"
#include "proxy/http/chars.h"
#include "proxy/http/path.h"
#include "proxy/http/request_private.h"
#include "proxy/snapshot.h"

static bool refuse(struct http_exchange *exchange, struct http_refusal refusal)
{
    exchange->request.must_close = true;
    http_reply_problem(&exchange->request, refusal.status, refusal.rule, refusal.text);
    return false;
}

static bool refuse_status(struct http_exchange *exchange, rg_status status)
{
    exchange->request.must_close = true;
    http_reply_status(&exchange->request, status, "http.request.limit", "This request needs too much memory.");
    return false;
}

/* ---- who ---- */

/* All X-Forwarded-For lines: the last is the nearest proxy's. Most requests have none. */
static rg_status list_forwarded(struct http_request *request, struct http_hops *hops)
{
    const struct rg_slice name = RG_SLICE("x-forwarded-for");
    struct rg_slice *lists = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        if (!rg_slice_is_equal(request->headers[i].name, name)) {
            continue;
        }
        if (lists == NULL) {
            RG_TRY(rg_arena_array(&request->arena, request->header_count, sizeof *lists, (void **)&lists));
        }
        lists[hops->forwarded_for_count++] = request->headers[i].value;
    }
    hops->forwarded_for = lists;
    return RG_OK;
}

/* "ADDRESS:PORT", "[V6]:PORT" */
static rg_status write_client(struct http_request *request, const struct http_address *client)
{
    enum { TEXT_BYTES = sizeof client->text + sizeof "[]:65535" };
    char memory[20];
    char *text = NULL;
    struct rg_slice port = http_decimal(client->port, memory);
    size_t size = strlen(client->text);
    bool is_v6 = client->family == AF_INET6;
    RG_TRY(rg_arena_alloc(&request->arena, TEXT_BYTES, (void **)&text));
    char *at = text;
    memcpy(at, "[", is_v6);
    at += is_v6;
    memcpy(at, client->text, size);
    request->client_address = rg_slice_make(at, size);
    at += size;
    memcpy(at, "]", is_v6);
    at += is_v6;
    *at++ = ':';
    memcpy(at, port.data, port.size);
    request->client_text = rg_slice_make(text, (size_t)(at - text) + port.size);
    request->client_port = client->port;
    return RG_OK;
}

bool http_request_name_client(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    struct http_connection *connection = exchange->connection;
    struct http_hops hops = {.peer = connection->peer, .line = connection->has_line ? &connection->line : NULL};
    struct http_address client = connection->peer;
    struct http_refusal refusal = {0};
    rg_status status = list_forwarded(request, &hops);
    bool is_good =
        http_forwarded_client(http_plane_trusted(request->plane), &hops, &client, &refusal) == HTTP_VERDICT_OK;
    if (rg_is_ok(status)) {
        status = write_client(request, &client);
    }
    if (!rg_is_ok(status)) {
        return refuse_status(exchange, status);
    }
    return is_good || exchange->is_raw || refuse(exchange, refusal);
}

/* ---- the head's bytes ---- */

static rg_status put_field(struct rg_buf *out, h2o_iovec_t name, h2o_iovec_t value)
{
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.base[i] < ' ' && value.base[i] != '\t') {
            return rg_fail(RG_PROTOCOL, "a header's value holds a control byte");
        }
    }
    RG_TRY(rg_buf_put(out, rg_slice_make(name.base, name.len)));
    RG_TRY(rg_buf_put(out, RG_SLICE(": ")));
    RG_TRY(rg_buf_put(out, rg_slice_make(value.base, value.len)));
    return rg_buf_put(out, RG_SLICE("\r\n"));
}

/* RFC 9113 8.2.3: cookies may come on several lines, and are one. */
static rg_status put_cookies(struct rg_buf *out, const h2o_req_t *req)
{
    bool is_first = true;
    for (size_t i = 0; i < req->headers.size; i++) {
        const h2o_header_t *header = &req->headers.entries[i];
        if (header->name == &H2O_TOKEN_COOKIE->buf) {
            RG_TRY(rg_buf_put(out, is_first ? RG_SLICE("cookie: ") : RG_SLICE("; ")));
            RG_TRY(rg_buf_put(out, rg_slice_make(header->value.base, header->value.len)));
            is_first = false;
        }
    }
    return is_first ? RG_OK : rg_buf_put(out, RG_SLICE("\r\n"));
}

static rg_status write_http2_head(const h2o_req_t *req, struct rg_buf *out)
{
    RG_TRY(rg_buf_printf(out, "%.*s %.*s HTTP/1.1\r\n", (int)req->input.method.len, req->input.method.base,
                         (int)req->input.path.len, req->input.path.base));
    RG_TRY(put_field(out, h2o_iovec_init("host", 4), req->input.authority));
    for (size_t i = 0; i < req->headers.size; i++) {
        const h2o_header_t *header = &req->headers.entries[i];
        if (header->name != &H2O_TOKEN_COOKIE->buf && header->name != &H2O_TOKEN_CONTENT_LENGTH->buf) {
            RG_TRY(put_field(out, *header->name, header->value));
        }
    }
    RG_TRY(put_cookies(out, req));
    if (req->entity.len > 0) {
        RG_TRY(rg_buf_printf(out, "content-length: %zu\r\n", req->entity.len));
    }
    return rg_buf_put(out, RG_SLICE("\r\n"));
}

static rg_status judge_http2_head(struct http_exchange *exchange, bool *out_is_good, struct http_refusal *out_refusal)
{
    struct http_request *request = &exchange->request;
    const struct http_head_limits limits =
        http_head_limits_of(request->listener->max_head, request->listener->max_body);
    RG_AUTO(rg_buf_done) struct rg_buf written;
    rg_buf_init(&written, request->listener->max_head + 1024);
    RG_TRY(write_http2_head(exchange->req, &written));
    RG_TRY(rg_arena_copy(&request->arena, rg_buf_slice(&written), &exchange->head_bytes));
    *out_is_good = http_head_judge(exchange->head_bytes, 0, &limits, &exchange->parsed, out_refusal) == HTTP_VERDICT_OK;
    return RG_OK;
}

/* ---- taking it apart ---- */

static rg_status lower(struct rg_arena *arena, struct rg_slice text, struct rg_slice *out_text)
{
    char *copy = NULL;
    RG_TRY(rg_arena_alloc(arena, text.size + 1, (void **)&copy));
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        copy[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    *out_text = rg_slice_make(copy, text.size);
    return RG_OK;
}

static size_t count_lines(struct rg_slice bytes)
{
    size_t count = 0;
    for (const char *at = bytes.data, *end = bytes.data + bytes.size; at != NULL && at < end; count++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        at = line_end == NULL ? NULL : line_end + 1;
    }
    return count;
}

static rg_status take_headers(struct http_request *request, struct rg_slice bytes)
{
    struct http_header *headers = NULL;
    struct rg_slice name = {0};
    struct rg_slice value = {0};
    size_t cursor = 0;
    size_t count = count_lines(bytes);
    RG_TRY(rg_arena_array(&request->arena, count, sizeof *headers, (void **)&headers));
    request->headers = headers;
    while (request->header_count < count && http_head_next(bytes, &cursor, &name, &value)) {
        RG_TRY(lower(&request->arena, name, &headers[request->header_count].name));
        headers[request->header_count++].value = value;
    }
    return RG_OK;
}

static rg_status take_head(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    const struct http_head *head = &exchange->parsed;
    request->method = head->method;
    request->raw_target = head->target;
    request->query = head->query;
    request->wants_upgrade = head->is_websocket;
    request->must_close = head->has_close || head->is_websocket; /* refused, what follows would be of no protocol */
    request->body = request->is_http2 ? rg_slice_make(exchange->req->entity.base, exchange->req->entity.len)
                                      : rg_buf_slice(&exchange->received);
    RG_TRY(take_headers(request, exchange->head_bytes));
    return lower(&request->arena, head->host, &request->authority);
}

static bool take_path(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    struct http_refusal refusal = {0};
    bool is_good = false;
    rg_status status = http_path_parse(exchange->parsed.raw_path, &request->arena, &is_good, &request->path, &refusal);
    if (!rg_is_ok(status)) {
        return refuse_status(exchange, status);
    }
    return is_good || refuse(exchange, refusal);
}

/* Bytes behind a request to upgrade are of neither protocol yet. */
static bool has_bytes_behind_upgrade(const struct http_exchange *exchange)
{
    return exchange->parsed.is_websocket && exchange->connection->socket->input->size > 0;
}

bool http_request_read(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    struct http_refusal refusal = http_refusal_of(HTTP_REFUSAL_MALFORMED);
    bool is_good = request->is_http2 || !has_bytes_behind_upgrade(exchange);
    request->path = RG_SLICE("/");
    rg_status status = request->is_http2 ? judge_http2_head(exchange, &is_good, &refusal) : RG_OK;
    if (rg_is_ok(status) && !is_good) {
        return http_request_name_client(exchange) && refuse(exchange, refusal);
    }
    if (rg_is_ok(status)) {
        status = take_head(exchange);
    }
    if (!rg_is_ok(status)) {
        return http_request_name_client(exchange) && refuse_status(exchange, status);
    }
    return http_request_name_client(exchange) && take_path(exchange);
}
