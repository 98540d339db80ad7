/* SPDX-License-Identifier: Apache-2.0 */
/* The pools of one event loop: one for each upstream with pool_mode = "transaction", and the connections that are there
 * before anybody asks for one. */
#include "base/rg_memory.h"
#include "proxy/pool.h"
#include "proxy/proved.h"
#include "proxy/worker.h"

enum { LOOK_MS = 1000 };

struct worker_pool {
    struct worker_pool *next;
    struct worker *worker;
    struct pool *pool;
    unsigned name; /* in the metrics */

    /* of connections that nobody asked for */
    struct net_timer timer;
    struct pool_place place; /* of the one that is opened now; no tenant's */
    struct net_upstream *opening;
    size_t at_once;  /* so many more, each right behind the one before; then one a second */
    bool is_failing; /* and the log says so */
};

static size_t share(const struct worker *worker, uint64_t whole)
{
    uint64_t loops = worker->gateway->worker_count;
    return (size_t)(whole / loops + (worker->index < whole % loops ? 1 : 0));
}

/* Of what all loops have together, at least one; where a tenant may have all places, it may have them in any loop. */
static size_t tenants_share(const struct worker *worker, const struct config_pool *config)
{
    size_t part = share(worker, config->per_tenant);
    return config->per_tenant >= config->size ? (size_t)(config->size + config->reserve) : part == 0 ? 1 : part;
}

static struct pool_limits limits_of(const struct worker *worker, const struct config_pool *config)
{
    return (struct pool_limits){.per_tenant = tenants_share(worker, config),
                                .idle_ms = (uint64_t)config->idle_us / 1000,
                                .age_ms = (uint64_t)config->lifetime_us / 1000,
                                .check_ms = (uint64_t)config->check_us / 1000,
                                .least = share(worker, config->least)};
}

static void on_closed(void *context)
{
    const struct worker_pool *own = context;
    metrics_drop(own->worker->metrics, METRICS_UPSTREAM_CONNECTIONS, METRICS_SERIES(own->name));
}

/* ---- connections that nobody asked for ---- */

static void on_look(void *context);

static void look_again(struct worker_pool *own, uint64_t after_ms)
{
    net_timer_start(own->worker->loop, &own->timer, after_ms, on_look, own);
}

static void tell_failing(struct worker_pool *own, const char *reason)
{
    if (!own->is_failing) {
        struct rg_slice name = pool_name(own->pool);
        rg_log_event(own->worker->gateway->log, RG_LOG_WARNING, "sql.upstream.unavailable", "s:s%, s:s", "upstream",
                     name.data, name.size, "reason", reason);
    }
    own->is_failing = true;
}

static void stop_opening(struct worker_pool *own)
{
    net_timer_stop(&own->timer);
    net_upstream_close(&own->opening);
    pool_part(&own->place);
}

static void on_open(void *context, struct net_upstream *upstream, const char *error)
{
    struct worker_pool *own = context;
    const char *reason = error != NULL || is_proved_version(upstream) ? error : UNPROVED_REASON;
    if (reason == NULL) {
        own->is_failing = false;
        metrics_add(own->worker->metrics, METRICS_UPSTREAM_CONNECTIONS, METRICS_SERIES(own->name), 1);
        pool_put(own->pool, &own->opening);
        if (own->at_once > 0) { /* else a server that ends each would be asked without an end */
            own->at_once--;
            look_again(own, 0);
        }
    } else {
        tell_failing(own, reason);
        net_upstream_close(&own->opening);
    }
    pool_leave(&own->place);
}

static const struct config_upstream *upstream_of(const struct worker_pool *own)
{
    return config_upstream_find(own->worker->snapshot->config, pool_name(own->pool));
}

/* How many should be here without being asked for. */
static size_t least(const struct worker_pool *own)
{
    const struct config_upstream *upstream = upstream_of(own);
    return upstream == NULL || own->worker->is_draining ? 0 : share(own->worker, upstream->pool.least);
}

/* It holds a place for it. */
static void open_one(struct worker_pool *own)
{
    const struct config_upstream *upstream = upstream_of(own);
    rg_status status = net_upstream_open(own->worker->loop, upstream->conninfo,
                                         (uint64_t)upstream->connect_timeout_us / 1000, on_open, own, &own->opening);
    if (!rg_is_ok(status)) {
        tell_failing(own, status.error->text);
        pool_leave(&own->place);
    }
}

/* One after the other, and later one a second at most for those that went. */
static void on_look(void *context)
{
    struct worker_pool *own = context;
    size_t wanted = least(own);
    if (wanted == 0) {
        return;
    }
    look_again(own, LOOK_MS);
    pool_trim(own->pool); /* another loop may need them for its own least */
    struct pool_counts counts = pool_counts(own->pool);
    if (own->place.state != POOL_OUTSIDE || counts.held + counts.idle >= wanted) {
        return;
    }
    if (own->place.pool == NULL) {
        pool_join(own->pool, RG_SLICE(""), &own->place, NULL, NULL);
    }
    if (pool_ask_spare(&own->place)) {
        open_one(own);
    }
}

/* ---- pools ---- */

static const struct pool_limits no_limits = {.per_tenant = 1}; /* of sessions that are not bound anew yet */

/* By the worker's snapshot, which may be newer than the session's. */
static void configure(struct worker *worker, struct worker_pool *own)
{
    struct pool *pool = own->pool;
    const struct config_upstream *upstream = config_upstream_find(worker->snapshot->config, pool_name(pool));
    bool is_pooled = upstream != NULL && upstream->pool.size > 0;
    struct pool_limits limits = is_pooled ? limits_of(worker, &upstream->pool) : no_limits;
    pool_stock_resize(pool_stock_of(pool), is_pooled ? (size_t)upstream->pool.size : 1,
                      is_pooled ? (size_t)upstream->pool.reserve : 0);
    pool_configure(pool, &limits, is_pooled ? upstream->conninfo : NULL);
    own->at_once = limits.least;
    look_again(own, 0);
}

struct pool *worker_pool_find(struct worker *worker, const struct config_upstream *upstream)
{
    for (struct worker_pool *own = worker->pools; own != NULL; own = own->next) {
        if (rg_slice_is_equal(pool_name(own->pool), upstream->name)) {
            return own->pool;
        }
    }
    struct worker_pool *own = rg_memory_alloc(sizeof *own);
    *own = (struct worker_pool){.next = worker->pools, .worker = worker};
    own->name = metrics_block_name(worker->metrics, METRICS_UPSTREAMS, upstream->name);
    own->pool = pool_new(worker->loop, upstream->name, pool_stocks_find(worker->gateway->pool_stocks, upstream->name),
                         &no_limits, upstream->conninfo, on_closed, own);
    configure(worker, own);
    worker->pools = own;
    return own->pool;
}

void worker_pools_open(struct worker *worker)
{
    const struct config *config = worker->snapshot->config;
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (config->upstreams[i].pool.least > 0) {
            (void)worker_pool_find(worker, &config->upstreams[i]);
        }
    }
}

void worker_pools_swap(struct worker *worker)
{
    if (worker->is_over) {
        return; /* a reload that came to its end: nobody would free what is made now before the loop */
    }
    worker_pools_open(worker);
    for (struct worker_pool *own = worker->pools; own != NULL; own = own->next) {
        configure(worker, own);
    }
}

void worker_pools_stop(struct worker *worker)
{
    for (struct worker_pool *own = worker->pools; own != NULL; own = own->next) {
        stop_opening(own);
        pool_stop(own->pool);
    }
}

void worker_pools_tell(const struct worker *worker)
{
    for (const struct worker_pool *own = worker->pools; own != NULL; own = own->next) {
        struct pool_counts counts = pool_counts(own->pool);
        struct metrics_series series = METRICS_SERIES(own->name);
        metrics_set(worker->metrics, METRICS_POOL_CLIENTS_ACTIVE, series, (int64_t)counts.held);
        metrics_set(worker->metrics, METRICS_POOL_CLIENTS_WAITING, series, (int64_t)counts.waiting);
        metrics_set(worker->metrics, METRICS_POOL_SERVERS_IDLE, series, (int64_t)counts.idle);
    }
}

void worker_pools_look(const struct worker *worker, void (*look)(void *context, const struct pool *pool), void *context)
{
    for (const struct worker_pool *own = worker->pools; own != NULL; own = own->next) {
        look(context, own->pool);
    }
}

void worker_pools_free(struct worker *worker)
{
    while (worker->pools != NULL) {
        struct worker_pool *own = worker->pools;
        worker->pools = own->next;
        stop_opening(own);
        pool_free(&own->pool);
        rg_memory_free(own);
    }
}
