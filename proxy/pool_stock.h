/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_POOL_STOCK_H
#define RG_PROXY_POOL_STOCK_H

#include <stdatomic.h>

#include "base/rg_slice.h"
#include "proxy/net/loop.h"

/* The places of one upstream, as many as its pool_size, from which the pools of all event loops draw. A loop keeps what
 * it drew, so that it needs no lock for a place that it had before; what it does not use it gives back as soon as
 * another one lacks a place. Loops that lack one get theirs in the order in which they said so, and a loop that needs
 * its own too gives one up to another that has fewer.
 *
 * Threads: any, a short lock; a drawer is its loop's. */
struct pool_stock;
struct pool_stocks;

struct pool_drawer {
    struct pool_stock *stock;
    struct pool_drawer *next; /* of the stock's, as the fields down to its blank line: under its lock */
    struct pool_drawer *behind;
    struct net_loop *loop;        /* NULL = closed */
    void (*on_poke)(void *owner); /* on the loop: another loop lacks a place, or one may be drawn */
    size_t owned;
    bool lacks;
    bool is_poked;

    void *owner;         /* its loop's */
    atomic_size_t spare; /* owned and not used: a hint for others, told by its loop */
};

/* By upstream; made when asked for the first time, with no place. Lives until the free, behind all loops. */
struct pool_stocks *pool_stocks_new(void);
struct pool_stock *pool_stocks_find(struct pool_stocks *stocks, struct rg_slice upstream);
void pool_stocks_free(struct pool_stocks **stocks); /* accepts NULL */

/* The stock's, until its end; closed by pool_drawer_close. */
struct pool_drawer *pool_drawer_open(struct pool_stock *stock, struct net_loop *loop, void (*on_poke)(void *owner),
                                     void *owner);
void pool_drawer_close(struct pool_drawer *drawer); /* gives back all that it owns; nothing is called any more */

/* How many there are, used ones included, and how many more for those who waited long. Where it is fewer than are
 * owned, loops give back what they do not use. */
void pool_stock_resize(struct pool_stock *stock, size_t size, size_t reserve);
/* True: one more is owned. False: none is free; on_poke tells when it is worth another try. */
bool pool_draw(struct pool_drawer *drawer);
/* As pool_draw, but only what nobody lacks, and without a wish for it. */
bool pool_draw_spare(struct pool_drawer *drawer);
/* One of the reserve, given back as soon as nobody waits for a place in this loop. */
bool pool_draw_reserve(struct pool_drawer *drawer);
/* It needs none any more. */
void pool_drawer_settle(struct pool_drawer *drawer);
/* spare: what it owns and does not use now. True: something is due to others, perhaps: pool_give. */
bool pool_drawer_tell(struct pool_drawer *drawer, size_t spare);
/* Gives one back that is not used, where it is due to another: one is owned less. needs_it: somebody waits for it here.
 */
bool pool_give(struct pool_drawer *drawer, bool needs_it);
/* Gives so many back that are not used, due or not. */
void pool_return(struct pool_drawer *drawer, size_t count);

#endif
