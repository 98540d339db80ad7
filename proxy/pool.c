/* SPDX-License-Identifier: Apache-2.0 */
/* Places for transactions: a count, a queue for each tenant, a ring of the tenants that may have the next place, and a
 * stack of idle connections. All of it in constant time but the look for a tenant's name, once a session. Called by
 * session_pool.c. */
#include "proxy/pool.h"

#include <string.h>

#include "base/rg_memory.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

/* A connection that was put here in the turn before needs no look at its socket: the loop has just read it. */
enum { FRESH_US = 1000, LEND_US = 200000 };

struct pool_tenant {
    struct pool_tenant *next; /* of all that have joined */
    struct pool_tenant *ring_previous;
    struct pool_tenant *ring_next; /* NULL = not in the ring: nobody waits, or its share is taken */
    struct rg_slice id;
    size_t joined;
    size_t held;
    struct pool_place *first; /* who waits */
    struct pool_place *last;
};

struct idle {
    struct idle *newer;
    struct idle *older;
    struct pool *pool;
    struct net_upstream *upstream;
    int64_t put_us;
};

struct pool {
    struct net_loop *loop;
    struct rg_slice name;
    struct pool_drawer *drawer; /* places and idle connections together are never more than it owns */
    bool is_lacking;            /* as the stock was told */
    struct pool_limits limits;
    struct net_conninfo *conninfo; /* NULL = none is wanted */
    void (*on_closed)(void *context);
    void *context;
    struct pool_tenant *tenants;
    struct pool_tenant *turn; /* whose is next, in the ring; NULL = it is empty */
    struct idle *newest;
    struct idle *oldest;
    struct net_timer timer;   /* of the oldest */
    struct net_timer lending; /* when what another loop lacks is unused for long enough */
    struct pool_counts counts;
    bool is_granting;
    bool is_stopped;
};

static struct rg_slice copy(struct rg_slice text)
{
    char *bytes = rg_memory_array(text.size + 1, 1);
    memcpy(bytes, text.data, text.size);
    return rg_slice_make(bytes, text.size);
}

static void free_copy(struct rg_slice text)
{
    rg_memory_free((char *)(uintptr_t)text.data);
}

static void on_poke(void *owner);

struct pool *pool_new(struct net_loop *loop, struct rg_slice name, struct pool_stock *stock,
                      const struct pool_limits *limits, struct net_conninfo *conninfo, void (*on_closed)(void *context),
                      void *context)
{
    struct pool *pool = rg_memory_alloc(sizeof *pool);
    *pool = (struct pool){.loop = loop,
                          .name = copy(name),
                          .limits = *limits,
                          .conninfo = net_conninfo_ref(conninfo),
                          .on_closed = on_closed,
                          .context = context};
    pool->drawer = pool_drawer_open(stock, loop, on_poke, pool);
    return pool;
}

struct pool_stock *pool_stock_of(const struct pool *pool)
{
    return pool->drawer->stock;
}

struct rg_slice pool_name(const struct pool *pool)
{
    return pool->name;
}

bool pool_is_joined(const struct pool *pool)
{
    return pool->tenants != NULL;
}

struct pool_counts pool_counts(const struct pool *pool)
{
    return pool->counts;
}

uint64_t pool_tenant_held(const struct pool_place *place)
{
    return place->tenant == NULL ? 0 : place->tenant->held;
}

/* ---- idle connections ---- */

static void on_timer(void *context);

static bool has_least(const struct pool *pool)
{
    return pool->counts.held + pool->counts.idle <= pool->limits.least;
}

static void watch_oldest(struct pool *pool)
{
    if (pool->oldest == NULL) {
        net_timer_stop(&pool->timer);
        return;
    }
    int64_t idle_us = (int64_t)pool->limits.idle_ms * 1000;
    int64_t left_us = has_least(pool) ? idle_us : pool->oldest->put_us + idle_us - net_loop_now_us(pool->loop);
    net_timer_start(pool->loop, &pool->timer, left_us <= 0 ? 0 : (uint64_t)left_us / 1000 + 1, on_timer, pool);
}

static struct net_upstream *empty(struct idle *idle)
{
    struct pool *pool = idle->pool;
    struct net_upstream *upstream = idle->upstream;
    *(idle->newer == NULL ? &pool->newest : &idle->newer->older) = idle->older;
    *(idle->older == NULL ? &pool->oldest : &idle->older->newer) = idle->newer;
    bool was_oldest = idle->older == NULL;
    rg_memory_free(idle);
    pool->counts.idle--;
    if (was_oldest) {
        watch_oldest(pool);
    }
    return upstream;
}

static void close_one(struct pool *pool, struct net_upstream *upstream)
{
    net_upstream_finish(&upstream);
    pool->on_closed(pool->context);
}

static void drop(struct idle *idle)
{
    struct pool *pool = idle->pool;
    close_one(pool, empty(idle));
}

static void on_timer(void *context)
{
    struct pool *pool = context;
    int64_t idle_us = (int64_t)pool->limits.idle_ms * 1000;
    while (pool->oldest != NULL && !has_least(pool) && net_loop_now_us(pool->loop) - pool->oldest->put_us >= idle_us) {
        drop(pool->oldest);
    }
    watch_oldest(pool);
}

static void on_idle_input(void *context, struct net_stream *stream)
{
    (void)stream;
    drop(context);
}

static void on_idle_closed(void *context, struct net_stream *stream, const char *reason)
{
    (void)stream;
    (void)reason;
    drop(context);
}

static bool is_wanted(const struct pool *pool, const struct net_upstream *upstream)
{
    return net_upstream_conninfo(upstream) == pool->conninfo &&
           net_upstream_age_us(upstream) / 1000 < pool->limits.age_ms;
}

static bool is_at_rest(const struct net_upstream *upstream)
{
    const struct net_stream *stream = net_upstream_stream(upstream);
    return stream != NULL && net_stream_pending(stream) == 0 && net_stream_input(stream).size == 0 &&
           net_stream_is_sound(stream);
}

static bool is_alive(const struct pool *pool, const struct idle *idle)
{
    return is_at_rest(idle->upstream) && (net_loop_now_us(pool->loop) - idle->put_us < FRESH_US ||
                                          net_stream_is_quiet(net_upstream_stream(idle->upstream)));
}

/* Whoever is due a place may need a connection of its own. */
static void make_room(struct pool *pool)
{
    while (pool->oldest != NULL && pool->counts.held + pool->counts.idle > pool->drawer->owned) {
        drop(pool->oldest);
    }
}

static bool is_stale(const struct idle *idle)
{
    const struct pool *pool = idle->pool;
    return net_loop_now_us(pool->loop) - idle->put_us >= (int64_t)pool->limits.check_ms * 1000;
}

void pool_drop_stale(struct pool *pool)
{
    while (pool->oldest != NULL && is_stale(pool->oldest)) {
        drop(pool->oldest);
    }
}

struct net_upstream *pool_take(struct pool *pool, const struct net_conninfo *conninfo, bool *out_is_stale)
{
    struct idle *older = NULL;
    *out_is_stale = false;
    for (struct idle *idle = pool->newest; idle != NULL; idle = older) {
        older = idle->older;
        if (!is_wanted(pool, idle->upstream) || !is_alive(pool, idle)) {
            drop(idle);
        } else if (net_upstream_conninfo(idle->upstream) == conninfo) {
            *out_is_stale = is_stale(idle);
            return empty(idle);
        }
    }
    make_room(pool);
    return NULL;
}

void pool_put(struct pool *pool, struct net_upstream **upstream)
{
    static const struct net_stream_events events = {.on_input = on_idle_input, .on_closed = on_idle_closed};
    struct net_upstream *mine = *upstream;
    *upstream = NULL;
    if (!is_at_rest(mine) || !is_wanted(pool, mine)) {
        close_one(pool, mine);
        return;
    }
    struct idle *idle = rg_memory_alloc(sizeof *idle);
    *idle = (struct idle){.older = pool->newest, .pool = pool, .upstream = mine, .put_us = net_loop_now_us(pool->loop)};
    *(idle->older == NULL ? &pool->oldest : &idle->older->newer) = idle;
    pool->newest = idle;
    pool->counts.idle++;
    if (idle->older == NULL) {
        watch_oldest(pool);
    }
    net_stream_set_events(net_upstream_stream(mine), &events, idle);
}

/* ---- tenants in turn ---- */

static void leave_ring(struct pool *pool, struct pool_tenant *tenant)
{
    if (tenant->ring_next == NULL) {
        return;
    }
    if (pool->turn == tenant) {
        pool->turn = tenant->ring_next == tenant ? NULL : tenant->ring_next;
    }
    tenant->ring_previous->ring_next = tenant->ring_next;
    tenant->ring_next->ring_previous = tenant->ring_previous;
    tenant->ring_previous = tenant->ring_next = NULL;
}

/* Last, as seen from whose turn it is. */
static void enter_ring(struct pool *pool, struct pool_tenant *tenant)
{
    if (pool->turn == NULL) {
        pool->turn = tenant->ring_previous = tenant->ring_next = tenant;
        return;
    }
    tenant->ring_next = pool->turn;
    tenant->ring_previous = pool->turn->ring_previous;
    tenant->ring_previous->ring_next = tenant;
    pool->turn->ring_previous = tenant;
}

/* Whether it may have the next place: in the ring or out of it. */
static void place_tenant(struct pool *pool, struct pool_tenant *tenant)
{
    bool is_due = tenant->first != NULL && tenant->held < pool->limits.per_tenant;
    if (!is_due) {
        leave_ring(pool, tenant);
    } else if (tenant->ring_next == NULL) {
        enter_ring(pool, tenant);
    }
}

static void wait(struct pool_place *place)
{
    struct pool_tenant *tenant = place->tenant;
    place->state = POOL_WAITS;
    place->previous = tenant->last;
    place->next = NULL;
    *(place->previous == NULL ? &tenant->first : &place->previous->next) = place;
    tenant->last = place;
    place->pool->counts.waiting++;
}

static void unwait(struct pool_place *place)
{
    struct pool_tenant *tenant = place->tenant;
    *(place->previous == NULL ? &tenant->first : &place->previous->next) = place->next;
    *(place->next == NULL ? &tenant->last : &place->next->previous) = place->previous;
    place->previous = place->next = NULL;
    place->state = POOL_OUTSIDE;
    place->pool->counts.waiting--;
}

static void hold(struct pool_place *place)
{
    struct pool *pool = place->pool;
    place->state = POOL_HOLDS;
    place->tenant->held++;
    pool->counts.held++;
    (void)pool_drawer_tell(pool->drawer, pool->drawer->owned - pool->counts.held);
}

/* Whether there is a place, drawn for who wants it now if need be. */
static bool has_place(struct pool *pool)
{
    if (pool->counts.held < pool->drawer->owned) {
        return true;
    }
    pool->is_lacking = !pool_draw(pool->drawer);
    return !pool->is_lacking;
}

static struct pool_place *grant_one(struct pool *pool)
{
    struct pool_tenant *tenant = pool->turn;
    if (tenant == NULL || !has_place(pool)) {
        return NULL;
    }
    struct pool_place *place = tenant->first;
    unwait(place);
    hold(place);
    pool->turn = tenant->ring_next;
    place_tenant(pool, tenant);
    return place;
}

/* What is left by those who are granted here is granted here too: no deeper than one call. */
static void grant(struct pool *pool)
{
    if (pool->is_granting || pool->is_stopped) {
        return;
    }
    pool->is_granting = true;
    for (struct pool_place *place = grant_one(pool); place != NULL; place = grant_one(pool)) {
        place->on_granted(place->context);
    }
    pool->is_granting = false;
}

/* How long the place that would be given first is unused; one without a connection costs nothing to give. */
static int64_t unused_us(const struct pool *pool)
{
    bool has_bare = pool->drawer->owned > pool->counts.held + pool->counts.idle;
    return has_bare || pool->oldest == NULL ? INT64_MAX : net_loop_now_us(pool->loop) - pool->oldest->put_us;
}

/* What is not used goes to a loop that lacks it, or that has fewer. A connection in use a moment ago is needed again:
 * it stays for a while, or busy loops would take each other's away, a login each. */
static void give(struct pool *pool)
{
    while (pool_drawer_tell(pool->drawer, pool->drawer->owned - pool->counts.held)) {
        bool needs_it = !pool->is_stopped && (pool->turn != NULL || unused_us(pool) < LEND_US);
        if (!pool_give(pool->drawer, needs_it)) {
            bool is_later = pool->turn == NULL && needs_it && !net_timer_is_running(&pool->lending);
            if (is_later) {
                int64_t left_us = LEND_US - unused_us(pool);
                net_timer_start(pool->loop, &pool->lending, left_us <= 0 ? 0 : (uint64_t)left_us / 1000 + 1, on_poke,
                                pool);
            }
            return;
        }
        make_room(pool);
    }
}

/* Places came back, or are wanted elsewhere. */
static void settle(struct pool *pool)
{
    give(pool);
    grant(pool);
    if (pool->is_lacking && (pool->turn == NULL || pool->is_stopped)) {
        pool->is_lacking = false;
        pool_drawer_settle(pool->drawer);
    }
}

static void on_poke(void *owner)
{
    settle(owner);
}

void pool_stop(struct pool *pool)
{
    pool->is_stopped = true;
    settle(pool);
}

void pool_configure(struct pool *pool, const struct pool_limits *limits, struct net_conninfo *conninfo)
{
    struct net_conninfo *before = pool->conninfo;
    pool->limits = *limits;
    pool->conninfo = conninfo == NULL ? NULL : net_conninfo_ref(conninfo);
    net_conninfo_release(&before);
    struct idle *older = NULL;
    for (struct idle *idle = pool->newest; idle != NULL; idle = older) {
        older = idle->older;
        if (!is_wanted(pool, idle->upstream)) {
            drop(idle);
        }
    }
    make_room(pool);
    watch_oldest(pool);
    for (struct pool_tenant *tenant = pool->tenants; tenant != NULL; tenant = tenant->next) {
        place_tenant(pool, tenant);
    }
    settle(pool);
}

void pool_free(struct pool **pool)
{
    struct pool *old = *pool;
    if (old == NULL) {
        return;
    }
    RG_ASSERT(!pool_is_joined(old));
    while (old->newest != NULL) {
        drop(old->newest);
    }
    net_timer_stop(&old->timer);
    net_timer_stop(&old->lending);
    pool_drawer_close(old->drawer);
    net_conninfo_release(&old->conninfo);
    free_copy(old->name);
    rg_memory_free(old);
    *pool = NULL;
}

/* ---- who asks ---- */

void pool_join(struct pool *pool, struct rg_slice tenant, struct pool_place *place, void (*on_granted)(void *context),
               void *context)
{
    RG_ASSERT(place->pool == NULL);
    struct pool_tenant *found = pool->tenants;
    while (found != NULL && !rg_slice_is_equal(found->id, tenant)) {
        found = found->next;
    }
    if (found == NULL) {
        found = rg_memory_alloc(sizeof *found);
        found->id = copy(tenant);
        found->next = pool->tenants;
        pool->tenants = found;
    }
    found->joined++;
    *place = (struct pool_place){.pool = pool, .tenant = found, .on_granted = on_granted, .context = context};
}

static void forget_tenant(struct pool *pool, struct pool_tenant *tenant)
{
    struct pool_tenant **at = &pool->tenants;
    while (*at != tenant) {
        at = &(*at)->next;
    }
    *at = tenant->next;
    free_copy(tenant->id);
    rg_memory_free(tenant);
}

void pool_part(struct pool_place *place)
{
    if (place->pool == NULL) {
        return;
    }
    pool_leave(place);
    if (--place->tenant->joined == 0) {
        forget_tenant(place->pool, place->tenant);
    }
    *place = (struct pool_place){0};
}

bool pool_ask(struct pool_place *place)
{
    struct pool *pool = place->pool;
    struct pool_tenant *tenant = place->tenant;
    RG_ASSERT(place->state == POOL_OUTSIDE);
    bool is_free = pool->turn == NULL && tenant->first == NULL && tenant->held < pool->limits.per_tenant &&
                   !pool->is_stopped && has_place(pool);
    if (is_free) {
        hold(place);
    } else {
        wait(place);
        place_tenant(pool, tenant);
    }
    return is_free;
}

bool pool_ask_spare(struct pool_place *place)
{
    struct pool *pool = place->pool;
    RG_ASSERT(place->state == POOL_OUTSIDE);
    bool has_room = pool->counts.held + pool->counts.idle < pool->drawer->owned; /* none that has its connection */
    bool is_free = pool->turn == NULL && !pool->is_stopped && (has_room || pool_draw_spare(pool->drawer));
    if (is_free) {
        hold(place);
    }
    return is_free;
}

void pool_trim(struct pool *pool)
{
    size_t used = pool->counts.held + pool->counts.idle;
    if (pool->turn == NULL && pool->drawer->owned > used) {
        pool_return(pool->drawer, pool->drawer->owned - used);
        (void)pool_drawer_tell(pool->drawer, pool->drawer->owned - pool->counts.held);
    }
}

void pool_press(struct pool_place *place)
{
    struct pool *pool = place->pool;
    bool may_have_more = place->state == POOL_WAITS && place->tenant->held < pool->limits.per_tenant;
    if (may_have_more && pool->counts.held >= pool->drawer->owned && pool_draw_reserve(pool->drawer)) {
        grant(pool);
    }
}

void pool_leave(struct pool_place *place)
{
    struct pool *pool = place->pool;
    if (pool == NULL || place->state == POOL_OUTSIDE) {
        return;
    }
    if (place->state == POOL_WAITS) {
        unwait(place);
        place_tenant(pool, place->tenant);
        settle(pool);
        return;
    }
    place->state = POOL_OUTSIDE;
    place->tenant->held--;
    pool->counts.held--;
    place_tenant(pool, place->tenant);
    settle(pool);
}
