/* SPDX-License-Identifier: Apache-2.0 */
/* A request's life: what arrived is judged and copied, the steps run, and whoever still works for it when the client
 * goes finds the struct alive. */
#include "proxy/http/request.h"

#include <stdatomic.h>

#include "auth/session.h"
#include "base/rg_memory.h"
#include "proxy/http/request_private.h"
#include "proxy/net/offload.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

enum { SPARE_MAX = 128, SPARE_ARENA_BYTES = 32 << 10 };

struct http_exchange *http_exchange_of(struct http_request *request)
{
    return (struct http_exchange *)request; /* its first member */
}

bool http_request_header(const struct http_request *request, struct rg_slice name, struct rg_slice *out_value,
                         size_t *out_count)
{
    const struct http_header *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (rg_slice_is_equal(request->headers[i].name, name)) {
            found = &request->headers[i];
            count++;
        }
    }
    if (out_count != NULL) {
        *out_count = count;
    }
    if (count == 1) {
        *out_value = found->value;
    }
    return count == 1;
}

/* ---- life ---- */

static void free_exchange(struct http_exchange *exchange)
{
    http_forward_free(exchange->spare_forward);
    rg_arena_done(&exchange->request.arena);
    rg_memory_free(exchange);
}

static struct http_exchange *take_spare(struct http_plane *plane)
{
    struct http_exchange *exchange = plane->spare_exchanges;
    if (exchange == NULL) {
        exchange = rg_memory_alloc(sizeof *exchange);
        rg_arena_init(&exchange->request.arena, HTTP_ARENA_BYTES);
        return exchange;
    }
    plane->spare_exchanges = exchange->next;
    plane->spare_count--;
    exchange->next = NULL;
    return exchange;
}

/* Its memory to the next request of the plane, if there is still one. All but that is zero then. */
static void give_back(struct http_exchange *exchange)
{
    struct http_plane *plane = exchange->request.plane;
    struct rg_arena arena = exchange->request.arena;
    struct http_forward *forward = exchange->spare_forward;
    if (plane == NULL || plane->spare_count >= SPARE_MAX || arena.used_bytes > SPARE_ARENA_BYTES) {
        free_exchange(exchange);
        return;
    }
    rg_arena_reset(&arena);
    *exchange =
        (struct http_exchange){.request.arena = arena, .spare_forward = forward, .next = plane->spare_exchanges};
    plane->spare_exchanges = exchange;
    plane->spare_count++;
}

void http_exchanges_free(struct http_plane *plane)
{
    while (plane->spare_exchanges != NULL) {
        struct http_exchange *next = plane->spare_exchanges->next;
        free_exchange(plane->spare_exchanges);
        plane->spare_exchanges = next;
    }
}

/* "r-" and 16 hexadecimal digits */
static void write_reference(struct http_request *request)
{
    enum { DIGITS = 16 };
    memcpy(request->reference, "r-", 2);
    for (size_t i = 0; i < DIGITS; i++) {
        request->reference[2 + i] = "0123456789abcdef"[request->id >> (4 * (DIGITS - 1 - i)) & 15];
    }
}

struct http_exchange *http_exchange_new(struct http_connection *connection)
{
    struct http_plane *plane = connection->plane;
    struct worker *worker = plane->worker;
    const struct config_listener *row = &worker->snapshot->config->listeners[plane->listener];
    struct http_exchange *exchange = take_spare(plane);
    struct http_request *request = &exchange->request;
    request->worker = worker;
    request->plane = plane;
    request->snapshot = snapshot_ref(worker->snapshot);
    request->listener = row->http;
    request->listener_name = row->name;
    request->id = atomic_fetch_add(&worker->gateway->next_session_id, 1);
    request->is_http2 = connection->is_http2;
    write_reference(request);
    exchange->connection = connection;
    exchange->holds = 1;
    exchange->next = plane->exchanges;
    exchange->link = &plane->exchanges;
    if (exchange->next != NULL) {
        exchange->next->link = &exchange->next;
    }
    plane->exchanges = exchange;
    plane->exchange_count++;
    return exchange;
}

/* From now on somebody is to hear of it. */
static void enter_connection(struct http_exchange *exchange)
{
    struct http_connection *connection = exchange->connection;
    exchange->is_there = true;
    exchange->request.begun_us = http_plane_now_us(connection->plane);
    exchange->request.tls_version = rg_slice_of(h2o_socket_get_ssl_protocol_version(connection->socket));
    connection->requests++;
    connection->streams++;
}

static void unlink_exchange(struct http_exchange *exchange)
{
    if (exchange->link == NULL) {
        return;
    }
    *exchange->link = exchange->next;
    if (exchange->next != NULL) {
        exchange->next->link = exchange->link;
    }
    exchange->link = NULL;
    exchange->request.plane->exchange_count--;
}

void http_request_hold(struct http_request *request)
{
    http_exchange_of(request)->holds++;
}

void http_request_release(struct http_request *request)
{
    struct http_exchange *exchange = http_exchange_of(request);
    if (--exchange->holds > 0) {
        return;
    }
    unlink_exchange(exchange);
    for (size_t i = 0; i < http_hook_count; i++) {
        if (http_hooks[i].on_free != NULL) {
            http_hooks[i].on_free(request);
        }
    }
    auth_session_free(&request->session);
    snapshot_free(&request->snapshot);
    rg_buf_done(&exchange->received);
    give_back(exchange);
}

void http_exchange_end(struct http_exchange *exchange, enum http_end end)
{
    if (exchange->has_ended) {
        return;
    }
    exchange->has_ended = true;
    for (size_t i = 0; i < http_hook_count; i++) {
        if (http_hooks[i].on_end != NULL) {
            http_hooks[i].on_end(&exchange->request, end);
        }
    }
}

static void leave_connection(struct http_exchange *exchange)
{
    struct http_connection *connection = exchange->connection;
    exchange->connection = NULL;
    if (connection == NULL || !exchange->is_there) {
        return;
    }
    connection->requests--;
    http2_forget_request(connection, exchange);
    http_connection_forget_body(connection);
    connection->since_us = http_plane_now_us(connection->plane);
    connection->resets += exchange->has_ended ? 0 : 1;
    if (connection->refused == exchange) {
        connection->refused = NULL;
    }
}

void http_exchange_gone(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    http_request_hold(request);
    leave_connection(exchange);
    exchange->is_there = false;
    exchange->req = NULL;
    request->is_gone = true;
    request->body = (struct rg_slice){0}; /* was libh2o's, or: */
    rg_buf_done(&exchange->received);
    http_forward_drop(exchange);
    http_exchange_end(exchange, HTTP_END_ABORTED);
    http_request_release(request);
    http_request_release(request); /* the connection's */
}

void http_exchange_abandon(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    http_request_hold(request);
    if (!request->is_gone) {
        http_exchange_gone(exchange);
    }
    unlink_exchange(exchange);
    request->plane = NULL;
    http_request_release(request);
}

void http_exchange_cut(struct http_exchange *exchange)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_req_t *req = exchange->req;
    if (exchange->is_out) {
        http_forward_break(exchange);
        return;
    }
    exchange->is_out = true;
    exchange->request.is_gone = true;
    http_forward_drop(exchange);
    http_exchange_end(exchange, HTTP_END_ABORTED);
    req->http1_is_persistent = 0;
    req->res.status = 499;
    req->res.content_length = 0;
    h2o_start_response(req, &generator);
    h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
}

/* ---- the steps ---- */

static bool is_pending(const struct http_exchange *exchange, unsigned holds)
{
    return exchange->request.has_reply || exchange->request.is_gone || exchange->holds > holds;
}

static void run_steps(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    enum http_step_result result = HTTP_STEP_NEXT;
    http_request_hold(request);
    unsigned holds = exchange->holds;
    exchange->is_running = true;
    while (result == HTTP_STEP_NEXT && !request->is_gone && !request->has_reply && exchange->step < http_step_count) {
        exchange->is_resumed = false;
        result = http_steps[exchange->step++].run(request);
        if (result == HTTP_STEP_WAIT && exchange->is_resumed) {
            result = HTTP_STEP_NEXT;
        }
    }
    exchange->is_running = false;
    if (result != HTTP_STEP_WAIT && !is_pending(exchange, holds)) {
        http_reply_problem(request, 500, "http.request.unanswered", "Nothing answered this request.");
    }
    http_request_release(request);
}

void http_request_resume(struct http_request *request)
{
    struct http_exchange *exchange = http_exchange_of(request);
    if (exchange->is_running) {
        exchange->is_resumed = true;
    } else if (!request->is_gone) {
        run_steps(exchange);
    }
}

/* ---- offload ---- */

struct offload_job {
    struct http_request *request;
    void (*run)(void *arg);
    void (*done)(struct http_request *request, void *arg);
    void *arg;
    bool has_run;
};

static void run_job(void *context)
{
    struct offload_job *job = context;
    job->run(job->arg);
    job->has_run = true;
}

static void end_job(void *context)
{
    struct offload_job *job = context;
    struct http_request *request = job->request;
    bool is_there = job->has_run && !request->is_gone;
    job->done(is_there ? request : NULL, job->arg);
    if (!job->has_run && !request->is_gone) {
        http_reply_problem(request, 503, "http.shutdown", "This service is shutting down.");
    }
    rg_memory_free(job);
    http_request_release(request);
}

rg_status http_offload_for(struct http_request *request, const void *peer, void (*run)(void *arg),
                           void (*done)(struct http_request *request, void *arg), void *arg)
{
    struct offload_job *job = rg_memory_alloc(sizeof *job);
    *job = (struct offload_job){.request = request, .run = run, .done = done, .arg = arg};
    rg_status status = net_offload_submit_for(net_loop_offload(request->worker->loop), NET_OFFLOAD_HTTP, peer,
                                              request->worker->loop, run_job, end_job, job);
    if (!rg_is_ok(status)) {
        rg_memory_free(job);
        return status;
    }
    http_request_hold(request);
    return RG_OK;
}

rg_status http_offload(struct http_request *request, void (*run)(void *arg),
                       void (*done)(struct http_request *request, void *arg), void *arg)
{
    return http_offload_for(request, NULL, run, done, arg);
}

/* ---- begin ---- */

void http_exchange_run(struct http_exchange *exchange)
{
    enter_connection(exchange);
    http_request_hold(&exchange->request);
    if (http_request_read(exchange)) {
        run_steps(exchange);
    }
    http_request_release(&exchange->request);
}

struct anchor { /* in libh2o's pool: goes with the request */
    struct http_exchange *exchange;
};

static void on_pool_cleared(void *data)
{
    http_exchange_gone(((struct anchor *)data)->exchange);
}

int http_request_begin(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    struct http_connection *connection = http_connection_of(req);
    struct http_exchange *exchange = http_exchange_new(connection);
    struct anchor *anchor = h2o_mem_alloc_shared(&req->pool, sizeof *anchor, on_pool_cleared);
    anchor->exchange = exchange;
    exchange->req = req;
    http2_note_request(exchange, req->entity.len);
    http_exchange_run(exchange);
    return 0;
}

void http_request_refuse(struct http_connection *connection, struct http_refusal refusal)
{
    struct http_exchange *exchange = http_exchange_new(connection);
    enter_connection(exchange);
    connection->refused = exchange;
    exchange->is_raw = true;
    exchange->request.must_close = true;
    http_request_hold(&exchange->request);
    if (http_request_name_client(exchange)) {
        http_reply_problem(&exchange->request, refusal.status, refusal.rule, refusal.text);
    }
    http_request_release(&exchange->request);
}
