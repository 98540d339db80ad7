/* SPDX-License-Identifier: Apache-2.0 */
/* libh2o set up for one listener in one worker's loop; what turns with the loop, and how it ends. Facts about
 * libh2o 2.2.5 that shape this: it answers nothing while a context goes away, so connections are shut down and the loop
 * is turned until they are closed; h2o_context_request_shutdown starts timers of HTTP/2 that outlive all, so its flag
 * is set by hand. */
#include "proxy/http/plane.h"

#include <stdatomic.h>

#include "base/rg_clock.h"
#include "base/rg_memory.h"
#include "proxy/http/metrics_hook.h"
#include "proxy/http/request_private.h"
#include "proxy/net/h2o_library.h"
#include "proxy/worker.h"

enum { SWEEP_MS = 100, LAST_TURNS = 20, LAST_TURN_MS = 50, STREAMS_MAX = 100 };

const struct config_http_listener *http_plane_listener(const struct http_plane *plane)
{
    return plane->worker->snapshot->config->listeners[plane->listener].http;
}

const struct http_networks *http_plane_trusted(const struct http_plane *plane)
{
    return &plane->worker->snapshot->config->server.trusted_proxies;
}

int64_t http_plane_now_us(const struct http_plane *plane)
{
    return net_loop_now_us(plane->worker->loop);
}

/* ---- time ---- */

void http_plane_abort(struct http_connection *connection)
{
    if (connection->current != NULL) {
        http1_close(connection);
        return;
    }
    for (struct http_exchange *at = connection->plane->exchanges, *next = NULL; at != NULL; at = next) {
        next = at->next;
        if (at->connection == connection && at->req != NULL) {
            http_exchange_cut(at);
            return; /* the others in further turns */
        }
    }
}

struct rg_slice http_plane_date(struct http_plane *plane)
{
    int64_t now_s = rg_clock_wall_us(plane->worker->gateway->clock) / 1000000;
    if (now_s != plane->date_s) {
        time_t time = (time_t)now_s;
        struct tm parts = {0};
        plane->date_s = now_s;
        h2o_time2str_rfc1123(plane->date, gmtime_r(&time, &parts));
    }
    return rg_slice_of(plane->date);
}

/* A body is in memory before anybody has asked who sends it: all of them together have a limit. */
static struct http_connection *find_excess(const struct http_plane *plane)
{
    struct http_connection *largest = NULL;
    size_t largest_bytes = 0;
    size_t total = 0;
    for (struct http_connection *at = plane->connections; at != NULL; at = at->next) {
        if (at->state != HTTP_CONNECTION_OPEN) {
            continue;
        }
        size_t size = at->is_http2 ? http2_held(at) : http1_held(at);
        bool may_go = at->is_http2 || (at->is_amid && at->requests == 0);
        total += size;
        if (may_go && size > largest_bytes) {
            largest = at;
            largest_bytes = size;
        }
    }
    return total > http_plane_listener(plane)->max_bodies ? largest : NULL;
}

static void limit_bodies(struct http_plane *plane)
{
    for (struct http_connection *at = find_excess(plane); at != NULL; at = find_excess(plane)) {
        http_connection_shut(at);
    }
}

static void start_sweeping(struct http_plane *plane);

static void on_sweep(void *context)
{
    struct http_plane *plane = context;
    int64_t now_us = http_plane_now_us(plane);
    for (struct http_connection *at = plane->connections, *next = NULL; at != NULL; at = next) {
        next = at->next;
        http_connection_sweep(at, now_us);
    }
    limit_bodies(plane);
    http_tunnels_sweep(plane);
    http_upstream_sweep(plane);
    start_sweeping(plane);
}

static void start_sweeping(struct http_plane *plane)
{
    net_timer_start(plane->worker->loop, &plane->sweep, SWEEP_MS, on_sweep, plane);
}

/* ---- connections ---- */

void http_plane_take(struct http_plane *plane, int fd)
{
    const struct config_http_listener *listener = http_plane_listener(plane);
    _Atomic unsigned *count = &plane->worker->gateway->connections[plane->listener];
    if (plane->is_draining || atomic_fetch_add(count, 1) >= listener->max_connections) {
        if (!plane->is_draining) {
            atomic_fetch_sub(count, 1);
        }
        (void)close(fd);
        return;
    }
    http_metrics_on_connection(plane->worker, true);
    http_connection_open(plane, fd);
}

void http_plane_forget_connection(struct http_plane *plane)
{
    plane->connection_count--;
    http_metrics_on_connection(plane->worker, false);
    atomic_fetch_sub(&plane->worker->gateway->connections[plane->listener], 1);
}

/* ---- configuration ---- */

/* What libh2o limits by itself; the judges of head.h and wire.h are stricter and come first. Its own clock is the last
 * resort behind ours. */
static void set_limits(struct http_plane *plane)
{
    const struct config_http_listener *listener = http_plane_listener(plane);
    plane->config.max_request_entity_size = listener->max_body + 1; /* it wants less, we take as much */
    plane->config.http2.idle_timeout = (uint64_t)listener->idle_timeout_us / 1000;
    plane->h2o.http2.idle_timeout.timeout = plane->config.http2.idle_timeout;
}

static void set_up_config(struct http_plane *plane)
{
    h2o_config_init(&plane->config);
    plane->config.server_name = h2o_iovec_init(NULL, 0);
    plane->config.http2.max_concurrent_requests_per_connection = STREAMS_MAX;
    h2o_hostconf_t *host = h2o_config_register_host(&plane->config, h2o_iovec_init("default", 7), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    struct http_handler *handler = (struct http_handler *)(void *)h2o_create_handler(path, sizeof *handler);
    handler->super.on_req = http_request_begin;
    handler->plane = plane;
}

rg_status http_plane_open(struct worker *worker, size_t listener, struct http_plane **out_plane)
{
    struct http_plane *plane = rg_memory_alloc(sizeof *plane);
    plane->worker = worker;
    plane->listener = listener;
    net_h2o_prepare();
    set_up_config(plane);
    h2o_context_init(&plane->h2o, net_loop_h2o(worker->loop), &plane->config);
    plane->acceptor = (h2o_accept_ctx_t){.ctx = &plane->h2o, .hosts = plane->config.hosts};
    set_limits(plane);
    plane->upstream = http_upstream_new(plane);
    start_sweeping(plane);
    *out_plane = plane;
    return RG_OK;
}

void http_plane_swap(struct http_plane *plane)
{
    set_limits(plane);
    http_upstream_retire(plane);
    plane->upstream = http_upstream_new(plane);
}

/* ---- the end ---- */

void http_plane_drain(struct http_plane *plane)
{
    plane->is_draining = true;
    plane->h2o.shutdown_requested = 1; /* h2o_context_request_shutdown would start timers that outlive all */
    http_tunnels_close(plane);
    for (struct http_connection *at = plane->connections; at != NULL; at = at->next) {
        if (at->requests == 0 && !at->is_amid) {
            http_connection_shut(at);
        }
    }
}

bool http_plane_is_idle(const struct http_plane *plane)
{
    return plane->connection_count == 0 && plane->exchange_count == 0;
}

static void shut_all(struct http_plane *plane)
{
    http_tunnels_close(plane);
    for (struct http_connection *at = plane->connections, *next = NULL; at != NULL; at = next) {
        next = at->next;
        http_connection_shut(at);
        http_plane_abort(at);
    }
}

void http_plane_close_all(struct http_plane *plane)
{
    plane->is_draining = true;
    plane->h2o.shutdown_requested = 1;
    for (int i = 0; i < LAST_TURNS && plane->connection_count > 0; i++) {
        shut_all(plane);
        net_loop_turn(plane->worker->loop, LAST_TURN_MS);
    }
    while (plane->exchanges != NULL) {
        http_exchange_abandon(plane->exchanges);
    }
    net_timer_stop(&plane->sweep);
    http_upstream_retire(plane);
}

void http_plane_free(struct http_plane **plane)
{
    struct http_plane *old = *plane;
    *plane = NULL;
    if (old == NULL) {
        return;
    }
    net_timer_stop(&old->sweep);
    http_upstream_retire(old);
    RG_ASSERT(old->retired == NULL);
    http_exchanges_free(old);
    h2o_context_dispose(&old->h2o); /* leaves its queue behind, 88 bytes: net_h2o_prepare */
    h2o_config_dispose(&old->config);
    rg_memory_free(old);
}
