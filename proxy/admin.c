/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of the admin listener: a table of paths behind the HTTP service. Opened by gateway_admin.c. */
#include "proxy/admin.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/net/http_service.h"

enum {
    BODY_MAX = 1024,
    TIMEOUT_MS = 10000,
    CONNECTIONS = 64,
    OK = 200,
    NOT_FOUND = 404,
    NOT_ALLOWED = 405,
    DOWN = 503
};

struct admin {
    struct admin_options options;
    struct http_service *service;
};

/* ---- /livez, /readyz ---- */

/* One line: "ok", or why not. */
static rg_status say(const char *why, struct http_service_answer *answer)
{
    answer->status = why == NULL ? OK : DOWN;
    return rg_buf_printf(answer->body, "%s\n", why == NULL ? "ok" : why);
}

static rg_status say_live(const struct admin_options *options, struct http_service_answer *answer)
{
    return say(health_why_not_live(options->health, rg_clock_monotonic_us(options->clock)), answer);
}

static rg_status say_ready(const struct admin_options *options, struct http_service_answer *answer)
{
    return say(health_why_not_ready(options->health, rg_clock_monotonic_us(options->clock)), answer);
}

/* ---- /metrics ---- */

static int64_t microseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

/* The second number of /proc/self/statm, in pages. */
static int64_t resident_bytes(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    const char *space = size <= 0 ? NULL : strchr(text, ' ');
    return space == NULL ? 0 : strtoll(space, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void measure_audit(const struct admin_options *options)
{
    enum audit_state now = health_audit_state(options->health);
    for (unsigned state = AUDIT_CLOSED; state <= AUDIT_RESERVE; state++) {
        metrics_set_shared(options->metrics, METRICS_AUDIT_STATE, METRICS_SERIES(state), state == now ? 1 : 0);
    }
}

static void measure_process(const struct admin_options *options)
{
    const struct metrics_series none = {{0}};
    struct metrics *metrics = options->metrics;
    struct rusage usage = {0};
    int64_t now_us = rg_clock_monotonic_us(options->clock);
    (void)getrusage(RUSAGE_SELF, &usage);
    metrics_set_shared(metrics, METRICS_CPU_SECONDS, none, microseconds(usage.ru_utime) + microseconds(usage.ru_stime));
    metrics_set_shared(metrics, METRICS_RESIDENT_BYTES, none, resident_bytes());
    metrics_set_shared(metrics, METRICS_EVENT_LOOPS, none, health_turning(options->health, now_us));
    metrics_set_shared(metrics, METRICS_READY, none, health_why_not_ready(options->health, now_us) == NULL ? 1 : 0);
}

static rg_status show_metrics(const struct admin_options *options, struct http_service_answer *answer)
{
    measure_process(options);
    measure_audit(options);
    answer->status = OK;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
    return metrics_write(options->metrics, answer->body);
}

/* ---- the table ---- */

static const struct {
    const char *path;
    rg_status (*show)(const struct admin_options *options, struct http_service_answer *answer);
} pages[] = {{"/metrics", show_metrics}, {"/livez", say_live}, {"/readyz", say_ready}};

static bool is_shown_to(struct rg_slice method)
{
    return rg_slice_is_equal(method, RG_SLICE("GET")) || rg_slice_is_equal(method, RG_SLICE("HEAD"));
}

/* A query changes nothing: Prometheus may be configured to send one. */
static struct rg_slice path_of(struct rg_slice target)
{
    const char *query = target.size == 0 ? NULL : memchr(target.data, '?', target.size);
    return query == NULL ? target : rg_slice_cut(target, 0, (size_t)(query - target.data));
}

static rg_status answer_page(const struct admin_options *options, const struct http_service_request *request,
                             struct http_service_answer *answer)
{
    struct rg_slice path = path_of(request->path);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (!rg_slice_is_equal(path, rg_slice_of(pages[i].path))) {
            continue;
        }
        if (!is_shown_to(request->method)) {
            answer->status = NOT_ALLOWED;
            answer->allow = "GET, HEAD";
            return rg_buf_put(answer->body, RG_SLICE("GET or HEAD\n"));
        }
        return pages[i].show(options, answer);
    }
    answer->status = NOT_FOUND;
    return rg_buf_put(answer->body, RG_SLICE("not found: /metrics, /livez, /readyz\n"));
}

void admin_answer(const struct admin_options *options, const struct http_service_request *request,
                  struct http_service_answer *answer)
{
    if (!rg_is_ok(answer_page(options, request, answer))) { /* half a page would be taken for a whole one */
        answer->status = 500;
        rg_buf_clear(answer->body);
    }
}

static void handle(void *context, const struct http_service_request *request, struct http_service_answer *answer)
{
    const struct admin *admin = context;
    admin_answer(&admin->options, request, answer);
}

rg_status admin_open(const struct admin_options *options, struct admin **out_admin)
{
    RG_AUTO(admin_close) struct admin *admin = rg_memory_alloc(sizeof *admin);
    admin->options = *options;
    const struct http_service_options service = {.listener = options->listener,
                                                 .tls = options->tls,
                                                 .body_max = BODY_MAX,
                                                 .answer_max = METRICS_TEXT_MAX,
                                                 .timeout_ms = TIMEOUT_MS,
                                                 .connections_max = CONNECTIONS,
                                                 .handle = handle,
                                                 .context = admin};
    RG_TRY(http_service_open(&service, &admin->service));
    *out_admin = admin;
    admin = NULL;
    return RG_OK;
}

void admin_close(struct admin **admin)
{
    struct admin *old = *admin;
    *admin = NULL;
    if (old != NULL) {
        http_service_close(&old->service);
        rg_memory_free(old);
    }
}
