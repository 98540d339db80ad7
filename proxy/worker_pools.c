/* SPDX-License-Identifier: Apache-2.0 */
/* The pools of one event loop: one for each upstream with pool_mode = "transaction". */
#include "base/rg_memory.h"
#include "proxy/pool.h"
#include "proxy/worker.h"

struct worker_pool {
    struct worker_pool *next;
    struct worker *worker;
    struct pool *pool;
    unsigned name; /* in the metrics */
};

/* Of what all loops have together, at least one; where a tenant may have all places, it may have them in any loop. */
static size_t tenants_share(const struct worker *worker, const struct config_pool *config)
{
    uint64_t loops = worker->gateway->worker_count;
    uint64_t part = config->per_tenant / loops + (worker->index < config->per_tenant % loops ? 1 : 0);
    return config->per_tenant >= config->size ? (size_t)config->size : part == 0 ? 1 : (size_t)part;
}

static struct pool_limits limits_of(const struct worker *worker, const struct config_pool *config)
{
    return (struct pool_limits){.per_tenant = tenants_share(worker, config),
                                .idle_ms = (uint64_t)config->idle_us / 1000,
                                .age_ms = (uint64_t)config->lifetime_us / 1000};
}

static void on_closed(void *context)
{
    const struct worker_pool *own = context;
    metrics_drop(own->worker->metrics, METRICS_UPSTREAM_CONNECTIONS, METRICS_SERIES(own->name));
}

static const struct pool_limits no_limits = {.per_tenant = 1}; /* of sessions that are not bound anew yet */

/* By the worker's snapshot, which may be newer than the session's. */
static void configure(struct worker *worker, struct pool *pool)
{
    const struct config_upstream *upstream = config_upstream_find(worker->snapshot->config, pool_name(pool));
    bool is_pooled = upstream != NULL && upstream->pool.size > 0;
    struct pool_limits limits = is_pooled ? limits_of(worker, &upstream->pool) : no_limits;
    pool_stock_resize(pool_stock_of(pool), is_pooled ? (size_t)upstream->pool.size : 1);
    pool_configure(pool, &limits, is_pooled ? upstream->conninfo : NULL);
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
    configure(worker, own->pool);
    worker->pools = own;
    return own->pool;
}

void worker_pools_swap(struct worker *worker)
{
    for (struct worker_pool *own = worker->pools; own != NULL; own = own->next) {
        configure(worker, own->pool);
    }
}

void worker_pools_stop(struct worker *worker)
{
    for (struct worker_pool *own = worker->pools; own != NULL; own = own->next) {
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

void worker_pools_free(struct worker *worker)
{
    while (worker->pools != NULL) {
        struct worker_pool *own = worker->pools;
        worker->pools = own->next;
        pool_free(&own->pool);
        rg_memory_free(own);
    }
}
