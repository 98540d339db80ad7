/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers are held, read and judged, and what becomes of them. The reading is cache_answer.cc's, the memory of
 * who had which key cache_views.c's. */
#include "proxy/http/cache_guard.h"

#include <stdio.h>
#include <strings.h>

#include "auth/session.h"
#include "proxy/config.h"
#include "proxy/http/cache_answer.h"
#include "proxy/http/cache_views.h"
#include "proxy/http/metrics_hook.h"
#include "proxy/http/reply.h"
#include "proxy/http/route.h"
#include "proxy/http/story.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

/* Of one request; lives in its arena. */
struct http_cache_guard {
    bool is_waiting;   /* for the body */
    size_t held_bytes; /* taken of the worker's share */
};

static const struct config_superset *superset_of(const struct http_request *request)
{
    return request->listener->upstream->superset;
}

static bool is_warning(const struct http_request *request)
{
    return superset_of(request)->cache_guard == CONFIG_CACHE_GUARD_WARN;
}

/* ---- which requests ---- */

static bool is_guarded(const struct http_request *request)
{
    static const char *const actions[] = {"chart.data", "dataset.samples"};
    if (request->route == NULL || !request->has_tenant || superset_of(request)->cache_guard == CONFIG_CACHE_GUARD_OFF) {
        return false;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(request->route->action, actions[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum http_step_result http_step_cache_guard(struct http_request *request)
{
    struct http_cache_guard *guard = NULL;
    if (!is_guarded(request)) {
        return HTTP_STEP_NEXT;
    }
    if (!rg_is_ok(rg_arena_new(&request->arena, &guard)) ||
        !rg_is_ok(http_forward_set_header(request, RG_SLICE("accept-encoding"), RG_SLICE("identity")))) {
        http_reply_problem(request, 503, "http.request.limit", "This request needs too much memory.");
        return HTTP_STEP_DONE;
    }
    request->cache_guard = guard;
    return HTTP_STEP_NEXT;
}

/* ---- what becomes of an answer ---- */

/* Of the worker's share; what the client has not taken yet lies there, too. */
static void set_held(struct http_request *request, size_t bytes)
{
    struct http_cache_guard *guard = request->cache_guard;
    request->worker->held_answer_bytes += bytes - guard->held_bytes;
    guard->held_bytes = bytes;
}

void http_cache_guard_on_free(struct http_request *request)
{
    if (request->cache_guard != NULL) {
        set_held(request, 0);
    }
}

/* It cannot be judged. true: it goes on. */
static bool pass_unread(const struct http_request *request, const char *why)
{
    rg_log_event(request->worker->gateway->log, RG_LOG_WARNING, "http.cache_unread", "s:s, s:s, s:b", "request",
                 request->reference, "reason", why, "passed", is_warning(request) ? 1 : 0);
    return is_warning(request);
}

static const char unread_text[] =
    "What the application answered cannot be checked, so it is not passed on. An export as "
    "CSV may do.";

static void end_unread(struct http_request *request, const char *why)
{
    if (pass_unread(request, why)) {
        http_response_release(request, false);
    } else {
        http_response_replace(request, 502, "http.cache.unread", unread_text);
    }
}

/* ---- a leak ---- */

/* One result of an answer. */
struct leak {
    const struct http_cache_result *result;
    struct rg_slice receiver, owner; /* tenants */
    bool is_late;                    /* it left in an earlier answer */
    bool has_left;
};

static rg_status submit(struct http_request *request, const struct leak *leak, struct rg_slice tenant,
                        struct rg_slice message)
{
    uint64_t ticket = 0;
    struct rg_slice object = {0};
    bool is_own = rg_slice_is_equal(tenant, request->tenant.id);
    RG_TRY(rg_arena_printf(&request->arena, &object, "cache/%.*s", (int)leak->result->key_size, leak->result->key));
    const struct audit_event event = {
        .kind = AUDIT_CACHE_LEAK,
        .wall_us = rg_clock_wall_us(request->worker->gateway->clock),
        .session_id = is_own && request->session != NULL
                          ? http_story_session_number(rg_slice_of(request->session->public_id))
                          : 0,
        .tenant = tenant,
        .listener = request->listener_name,
        .upstream = request->listener->upstream->name,
        .policy = rg_slice_of(request->snapshot->digest),
        .verdict = leak->has_left ? AUDIT_ALLOWED : AUDIT_DENIED,
        .rule = RG_SLICE("http.cache.leak"),
        .message = message,
        .reference = rg_slice_of(request->reference),
        .object = object,
    };
    return worker_submit_for(request->worker, &event, NULL, NULL, &ticket);
}

static void log_leak(const struct http_request *request, const struct leak *leak)
{
    rg_log_event(request->worker->gateway->log, RG_LOG_ERROR, "http.cache_leak", "s:s, s:s%, s:s%, s:s%, s:b",
                 "request", request->reference, "tenant", leak->receiver.data, (int)leak->receiver.size, "owner",
                 leak->owner.data, (int)leak->owner.size, "key", leak->result->key, (int)leak->result->key_size,
                 "passed", leak->has_left ? 1 : 0);
}

/* One record for each tenant that it is about; neither is told the other's name. The gate's own record of this request
 * comes behind them, and the answer's head behind that. */
static rg_status record_leak(struct http_request *request, const struct leak *leak)
{
    bool is_foreign = !rg_slice_is_equal(leak->owner, leak->receiver);
    log_leak(request, leak);
    http_metrics_on_leak(request->worker, leak->has_left);
    if (!worker_takes_records(request->worker)) {
        return rg_fail(RG_STORAGE, "the audit log takes no record of this answer");
    }
    RG_TRY(submit(request, leak, leak->receiver,
                  is_foreign ? RG_SLICE("the cached answer was made for another tenant")
                             : RG_SLICE("the cached answer was made under another view of this tenant, or at the same "
                                        "time as one was")));
    return is_foreign ? submit(request, leak, leak->owner,
                               RG_SLICE("a cached answer that was made for this tenant was given to another one"))
                      : RG_OK;
}

static void end_leak(struct http_request *request, const struct leak *leak)
{
    rg_status status = record_leak(request, leak);
    if (!rg_is_ok(status)) {
        http_response_release(request, true);
    } else if (leak->has_left) {
        http_response_release(request, false);
    } else {
        http_response_replace(request, 502, "http.cache.leak",
                              "The application answered with what it had kept for somebody else; it is not passed on.");
    }
}

/* ---- judging ---- */

static enum http_cache_verdict judge(const struct http_request *request, const struct http_cache_result *result,
                                     char out_tenant[HTTP_CACHE_TENANT_MAX])
{
    const struct http_cache_sight sight = {
        .upstream = request->listener->upstream->name,
        .key = rg_slice_make(result->key, result->key_size),
        .tenant = request->tenant.id,
        .view = rg_slice_of(request->view.text),
        .is_cached = result->is_cached,
        .begun_us = request->begun_us,
        .now_us = net_loop_now_us(request->worker->loop),
    };
    return http_cache_views_judge(request->worker->gateway->cache_views, &sight, out_tenant);
}

/* A leak that can still be kept back decides; else one that has left. The results behind it are remembered all the
 * same. */
static void judge_all(struct http_request *request, const struct http_cache_result *results, size_t count)
{
    struct leak leak = {.is_late = true};
    char tenant[HTTP_CACHE_TENANT_MAX];
    char other[HTTP_CACHE_TENANT_MAX];
    for (size_t i = 0; i < count; i++) {
        enum http_cache_verdict verdict = judge(request, &results[i], tenant);
        if (verdict == HTTP_CACHE_OWN || !leak.is_late) {
            continue;
        }
        memcpy(other, tenant, sizeof other);
        bool is_late = verdict == HTTP_CACHE_OWN_LATE;
        leak = (struct leak){.result = &results[i],
                             .receiver = is_late ? rg_slice_of(other) : request->tenant.id,
                             .owner = is_late ? request->tenant.id : rg_slice_of(other),
                             .is_late = is_late,
                             .has_left = is_late || is_warning(request)};
    }
    if (leak.result != NULL) {
        end_leak(request, &leak);
    } else {
        http_response_release(request, false);
    }
}

void http_cache_guard_on_ahead(struct http_request *request, struct http_response_head *head, struct rg_slice bytes,
                               bool is_whole)
{
    struct http_cache_guard *guard = request->cache_guard;
    struct http_cache_result results[HTTP_CACHE_RESULTS_MAX];
    size_t count = 0;
    (void)head;
    guard->is_waiting = false;
    set_held(request, bytes.size);
    if (!is_whole) {
        end_unread(request, bytes.size > superset_of(request)->cache_guard_max ? "too large" : "broken off");
        return;
    }
    const char *wrong = http_cache_answer_parse(request->worker->cache_reader, bytes.data, bytes.size, results, &count);
    if (wrong != NULL) {
        end_unread(request, wrong);
    } else {
        judge_all(request, results, count);
    }
}

/* ---- the head ---- */

static bool has_type(struct rg_slice value, const char *type)
{
    size_t size = strlen(type);
    return value.size >= size && strncasecmp(value.data, type, size) == 0;
}

/* Superset's answers with keys are application/json, all of them; files say no key. What does not say what it is is
 * read as well. */
static bool is_json(const struct http_response_head *head)
{
    struct rg_slice value = {0};
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (rg_slice_is_equal(head->headers[i].name, RG_SLICE("content-type"))) {
            value = head->headers[i].value;
            count++;
        }
    }
    return count != 1 || has_type(value, "application/json");
}

static bool has_data(const struct http_request *request, const struct http_response_head *head)
{
    enum { OK = 200, NO_CONTENT = 204, REDIRECT = 300 };
    return !head->is_ours && head->status >= OK && head->status < REDIRECT && head->status != NO_CONTENT &&
           !rg_slice_is_equal(request->method, RG_SLICE("HEAD")) && is_json(head);
}

static bool is_compressed(const struct http_response_head *head)
{
    for (size_t i = 0; i < head->header_count; i++) {
        bool is_coding = rg_slice_is_equal(head->headers[i].name, RG_SLICE("content-encoding"));
        if (is_coding && head->headers[i].value.size > 0 &&
            !rg_slice_is_equal(head->headers[i].value, RG_SLICE("identity"))) {
            return true;
        }
    }
    return false;
}

/* The head is not held yet: the answer is replaced from within. */
static enum http_step_result refuse_unread(struct http_request *request, const char *why)
{
    if (pass_unread(request, why)) {
        return HTTP_STEP_NEXT;
    }
    http_response_replace(request, 502, "http.cache.unread", unread_text);
    return HTTP_STEP_WAIT;
}

static enum http_step_result hold(struct http_request *request, const struct http_response_head *head)
{
    struct http_cache_guard *guard = request->cache_guard;
    struct worker *worker = request->worker;
    size_t limit = superset_of(request)->cache_guard_max;
    size_t bytes = head->has_length ? (size_t)head->length : limit;
    if (head->has_length && head->length > limit) {
        return refuse_unread(request, "too large");
    }
    if (bytes > HTTP_CACHE_GUARD_HELD_MAX - worker->held_answer_bytes) {
        return refuse_unread(request, "too many are held");
    }
    guard->is_waiting = true;
    set_held(request, bytes);
    http_response_read_ahead(request, limit);
    return HTTP_STEP_WAIT;
}

enum http_step_result http_cache_guard_on_head(struct http_request *request, struct http_response_head *head)
{
    if (request->cache_guard == NULL || !has_data(request, head)) {
        return HTTP_STEP_NEXT;
    }
    return is_compressed(head) ? refuse_unread(request, "compressed") : hold(request, head);
}

void http_cache_guard_on_end(struct http_request *request, enum http_end end)
{
    struct http_cache_guard *guard = request->cache_guard;
    (void)end;
    if (guard != NULL && guard->is_waiting) {
        guard->is_waiting = false;
        http_response_release(request, true);
    }
}
