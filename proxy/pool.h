/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_POOL_H
#define RG_PROXY_POOL_H

#include "proxy/net/upstream.h"
#include "proxy/pool_stock.h"

/* The connections of one event loop to one PostgreSQL server with one login, shared by transactions: who begins one
 * asks for a place, waits for it if none is free, and gives it back when no transaction is open. A place is the right
 * to have one connection, drawn from the stock of all loops; the connections that nobody has now wait here, the one
 * used last is taken first, and the oldest is closed when another loop lacks its place.
 *
 * Places go to the tenants that wait in turn, one each, and no tenant has more than its share at once: whoever asks for
 * much waits behind its own. Tenants that wait cost nothing to those who do not.
 *
 * Threads: its loop's. */
struct pool;
struct pool_tenant;

struct pool_limits {
    size_t per_tenant; /* places in this loop; at least 1 */
    uint64_t idle_ms;  /* unused for so long, a connection is closed */
    uint64_t age_ms;   /* open for so long, it is closed instead of kept */
    uint64_t check_ms; /* unused for so long, it may have gone unnoticed */
    size_t least;      /* idle ones are not closed for being unused when no more are left */
};

struct pool_counts {
    size_t held;    /* places that somebody has */
    size_t waiting; /* who asked and waits */
    size_t idle;    /* connections that nobody has */
};

enum pool_state {
    POOL_OUTSIDE = 0, /* does not want one */
    POOL_WAITS,
    POOL_HOLDS,
};

/* Somebody who may ask: embedded in its owner. The zero value has joined nothing. */
struct pool_place {
    struct pool *pool;
    struct pool_tenant *tenant;
    struct pool_place *previous; /* in the tenant's queue */
    struct pool_place *next;
    enum pool_state state;
    void (*on_granted)(void *context);
    void *context;
};

/* name is copied. conninfo: how its connections are opened; takes its own reference. on_closed is called for each
 * connection that the pool closes itself. The stock is borrowed, until the free. */
struct pool *pool_new(struct net_loop *loop, struct rg_slice name, struct pool_stock *stock,
                      const struct pool_limits *limits, struct net_conninfo *conninfo, void (*on_closed)(void *context),
                      void *context);
struct pool_stock *pool_stock_of(const struct pool *pool);
void pool_stop(struct pool *pool);  /* nobody is granted a place any more */
void pool_free(struct pool **pool); /* nobody is joined any more; closes what is idle; accepts NULL */
struct rg_slice pool_name(const struct pool *pool);
bool pool_is_joined(const struct pool *pool);
struct pool_counts pool_counts(const struct pool *pool);
uint64_t pool_tenant_held(const struct pool_place *place);
/* From now on. What was not opened with this very conninfo is closed, now or when it is put back, so that nothing
 * outlives a reload; NULL closes all. Whoever holds a place keeps it. May grant places. */
void pool_configure(struct pool *pool, const struct pool_limits *limits, struct net_conninfo *conninfo);

/* place is the tenant's from here on, until it parts. on_granted comes once for each pool_ask that returned false,
 * never from inside a call by the same place. */
void pool_join(struct pool *pool, struct rg_slice tenant, struct pool_place *place, void (*on_granted)(void *context),
               void *context);
void pool_part(struct pool_place *place); /* gives back what it holds; joined or not */

/* True: it holds a place now. False: it waits. */
bool pool_ask(struct pool_place *place);
/* For a connection that nobody asked for, one more than there are. False: that would be more than there are places, or
 * somebody wants them; it does not wait. */
bool pool_ask_spare(struct pool_place *place);
/* Places without a connection are any loop's again. */
void pool_trim(struct pool *pool);
/* It has waited long: the next one may get a place of the reserve. */
void pool_press(struct pool_place *place);
/* Gives the place back, or ceases to wait; then those who wait may be granted theirs. Nothing when it has none. */
void pool_leave(struct pool_place *place);

/* For who holds a place: a connection that is open, in no transaction and has nothing to say, without events, and was
 * opened with this very conninfo, under which the caller's statement was judged; NULL = it has to open one.
 * *out_is_stale: unused for so long that it is to be asked first, and if it does not answer pool_drop_stale closes its
 * like. */
struct net_upstream *pool_take(struct pool *pool, const struct net_conninfo *conninfo, bool *out_is_stale);
void pool_drop_stale(struct pool *pool);
/* Takes an upstream that is open, at rest and without bytes in either direction: kept, or closed when it is too old or
 * not what it should be. Before pool_leave, so that who is granted the place finds it. */
void pool_put(struct pool *pool, struct net_upstream **upstream);

#endif
