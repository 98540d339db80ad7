/* SPDX-License-Identifier: Apache-2.0 */
/* Places of all loops: a number, and a queue of the loops that lack one. Called by pool.c. */
#include "proxy/pool_stock.h"

#include <pthread.h>
#include <string.h>

#include "base/rg_memory.h"

struct pool_stock {
    struct pool_stock *next;
    struct rg_slice upstream;
    pthread_mutex_t mutex;
    struct pool_drawer *drawers;
    struct pool_drawer *first; /* who lacks one */
    size_t lacking;
    size_t size;
    size_t reserve;
    size_t owned;
    atomic_bool is_wanted; /* somebody lacks one, or more are owned than there are */
};

struct pool_stocks {
    pthread_mutex_t mutex;
    struct pool_stock *first;
};

/* ---- under the lock ---- */

static size_t free_places(const struct pool_stock *stock)
{
    return stock->owned < stock->size ? stock->size - stock->owned : 0;
}

static void on_posted(void *arg)
{
    struct pool_drawer *drawer = arg;
    (void)pthread_mutex_lock(&drawer->stock->mutex);
    bool is_open = drawer->loop != NULL;
    drawer->is_poked = false;
    (void)pthread_mutex_unlock(&drawer->stock->mutex);
    if (is_open) { /* only its own loop closes it */
        drawer->on_poke(drawer->owner);
    }
}

static void poke(struct pool_drawer *drawer)
{
    if (drawer->loop != NULL && !drawer->is_poked) {
        drawer->is_poked = true;
        net_loop_post(drawer->loop, on_posted, drawer);
    }
}

/* Those for whom there is a free place now. */
static void poke_lacking(struct pool_stock *stock)
{
    struct pool_drawer *drawer = stock->first;
    for (size_t left = free_places(stock); left > 0 && drawer != NULL; left--) {
        poke(drawer);
        drawer = drawer->behind;
    }
}

static void poke_spare(struct pool_stock *stock, const struct pool_drawer *but)
{
    for (struct pool_drawer *drawer = stock->drawers; drawer != NULL; drawer = drawer->next) {
        if (drawer != but && atomic_load(&drawer->spare) > 0) {
            poke(drawer);
        }
    }
}

static void note_wanted(struct pool_stock *stock)
{
    atomic_store(&stock->is_wanted, stock->lacking > free_places(stock) || stock->owned > stock->size);
}

static void start_lacking(struct pool_drawer *drawer)
{
    struct pool_drawer **last = &drawer->stock->first;
    while (*last != NULL) {
        last = &(*last)->behind;
    }
    drawer->behind = NULL;
    *last = drawer;
    drawer->lacks = true;
    drawer->stock->lacking++;
}

static void stop_lacking(struct pool_drawer *drawer)
{
    struct pool_drawer **at = &drawer->stock->first;
    if (!drawer->lacks) {
        return;
    }
    while (*at != drawer) {
        at = &(*at)->behind;
    }
    *at = drawer->behind;
    drawer->lacks = false;
    drawer->stock->lacking--;
}

/* How many free places are others' before it is its turn. */
static size_t count_before(const struct pool_drawer *drawer)
{
    size_t before = 0;
    for (const struct pool_drawer *at = drawer->stock->first; at != NULL && at != drawer; at = at->behind) {
        before++;
    }
    return before;
}

/* Who gets the next place that is given back. */
static const struct pool_drawer *next_lacking(const struct pool_stock *stock, const struct pool_drawer *but)
{
    size_t left = free_places(stock);
    const struct pool_drawer *drawer = stock->first;
    for (; drawer != NULL && (left > 0 || drawer == but); drawer = drawer->behind) {
        left -= left > 0 ? 1 : 0;
    }
    return drawer;
}

static bool is_due(const struct pool_drawer *drawer, bool needs_it)
{
    const struct pool_stock *stock = drawer->stock;
    if (stock->owned > stock->size && (!needs_it || stock->owned > stock->size + stock->reserve)) {
        return true;
    }
    const struct pool_drawer *other = next_lacking(stock, drawer);
    return other != NULL && (!needs_it || drawer->owned > other->owned + 1 || other->owned == 0);
}

/* ---- what loops call ---- */

bool pool_draw(struct pool_drawer *drawer)
{
    struct pool_stock *stock = drawer->stock;
    (void)pthread_mutex_lock(&stock->mutex);
    bool is_drawn = free_places(stock) > count_before(drawer);
    if (is_drawn) {
        stop_lacking(drawer);
        stock->owned++;
        drawer->owned++;
        note_wanted(stock);
    } else if (!drawer->lacks) {
        start_lacking(drawer);
        note_wanted(stock);
        poke_spare(stock, drawer); /* behind note_wanted: whoever has one to spare from now on sees that it is wanted */
    }
    (void)pthread_mutex_unlock(&stock->mutex);
    return is_drawn;
}

static void own_one_more(struct pool_drawer *drawer)
{
    drawer->stock->owned++;
    drawer->owned++;
    note_wanted(drawer->stock);
}

bool pool_draw_spare(struct pool_drawer *drawer)
{
    struct pool_stock *stock = drawer->stock;
    (void)pthread_mutex_lock(&stock->mutex);
    bool is_drawn = free_places(stock) > stock->lacking;
    if (is_drawn) {
        own_one_more(drawer);
    }
    (void)pthread_mutex_unlock(&stock->mutex);
    return is_drawn;
}

bool pool_draw_reserve(struct pool_drawer *drawer)
{
    struct pool_stock *stock = drawer->stock;
    (void)pthread_mutex_lock(&stock->mutex);
    bool is_drawn = stock->owned >= stock->size && stock->owned < stock->size + stock->reserve;
    if (is_drawn) {
        own_one_more(drawer);
    }
    (void)pthread_mutex_unlock(&stock->mutex);
    return is_drawn;
}

void pool_drawer_settle(struct pool_drawer *drawer)
{
    struct pool_stock *stock = drawer->stock;
    (void)pthread_mutex_lock(&stock->mutex);
    stop_lacking(drawer);
    note_wanted(stock);
    poke_lacking(stock);
    (void)pthread_mutex_unlock(&stock->mutex);
}

bool pool_drawer_tell(struct pool_drawer *drawer, size_t spare)
{
    atomic_store(&drawer->spare, spare);
    return spare > 0 && atomic_load(&drawer->stock->is_wanted);
}

bool pool_give(struct pool_drawer *drawer, bool needs_it)
{
    struct pool_stock *stock = drawer->stock;
    (void)pthread_mutex_lock(&stock->mutex);
    bool is_given = drawer->owned > 0 && is_due(drawer, needs_it);
    if (is_given) {
        drawer->owned--;
        stock->owned--;
        if (drawer->lacks) { /* behind the one it is for */
            stop_lacking(drawer);
            start_lacking(drawer);
        }
        note_wanted(stock);
        poke_lacking(stock);
    }
    (void)pthread_mutex_unlock(&stock->mutex);
    return is_given;
}

void pool_return(struct pool_drawer *drawer, size_t count)
{
    struct pool_stock *stock = drawer->stock;
    (void)pthread_mutex_lock(&stock->mutex);
    RG_ASSERT(drawer->owned >= count);
    drawer->owned -= count;
    stock->owned -= count;
    note_wanted(stock);
    poke_lacking(stock);
    (void)pthread_mutex_unlock(&stock->mutex);
}

void pool_stock_resize(struct pool_stock *stock, size_t size, size_t reserve)
{
    (void)pthread_mutex_lock(&stock->mutex);
    stock->size = size;
    stock->reserve = reserve;
    note_wanted(stock);
    poke_lacking(stock);
    if (stock->owned > size) {
        poke_spare(stock, NULL);
    }
    (void)pthread_mutex_unlock(&stock->mutex);
}

struct pool_drawer *pool_drawer_open(struct pool_stock *stock, struct net_loop *loop, void (*on_poke)(void *owner),
                                     void *owner)
{
    struct pool_drawer *drawer = rg_memory_alloc(sizeof *drawer);
    drawer->stock = stock;
    drawer->loop = loop;
    drawer->on_poke = on_poke;
    drawer->owner = owner;
    (void)pthread_mutex_lock(&stock->mutex);
    drawer->next = stock->drawers;
    stock->drawers = drawer;
    (void)pthread_mutex_unlock(&stock->mutex);
    return drawer;
}

void pool_drawer_close(struct pool_drawer *drawer)
{
    struct pool_stock *stock = drawer->stock;
    atomic_store(&drawer->spare, 0);
    (void)pthread_mutex_lock(&stock->mutex);
    drawer->loop = NULL;
    stop_lacking(drawer);
    stock->owned -= drawer->owned;
    drawer->owned = 0;
    note_wanted(stock);
    poke_lacking(stock);
    (void)pthread_mutex_unlock(&stock->mutex);
}

/* ---- stocks ---- */

struct pool_stocks *pool_stocks_new(void)
{
    struct pool_stocks *stocks = rg_memory_alloc(sizeof *stocks);
    RG_ASSERT(pthread_mutex_init(&stocks->mutex, NULL) == 0);
    return stocks;
}

static struct pool_stock *make(struct rg_slice upstream)
{
    struct pool_stock *stock = rg_memory_alloc(sizeof *stock);
    char *name = rg_memory_array(upstream.size + 1, 1);
    memcpy(name, upstream.data, upstream.size);
    stock->upstream = rg_slice_make(name, upstream.size);
    RG_ASSERT(pthread_mutex_init(&stock->mutex, NULL) == 0);
    return stock;
}

struct pool_stock *pool_stocks_find(struct pool_stocks *stocks, struct rg_slice upstream)
{
    (void)pthread_mutex_lock(&stocks->mutex);
    struct pool_stock *stock = stocks->first;
    while (stock != NULL && !rg_slice_is_equal(stock->upstream, upstream)) {
        stock = stock->next;
    }
    if (stock == NULL) {
        stock = make(upstream);
        stock->next = stocks->first;
        stocks->first = stock;
    }
    (void)pthread_mutex_unlock(&stocks->mutex);
    return stock;
}

static void free_stock(struct pool_stock *stock)
{
    while (stock->drawers != NULL) {
        struct pool_drawer *drawer = stock->drawers;
        stock->drawers = drawer->next;
        rg_memory_free(drawer);
    }
    (void)pthread_mutex_destroy(&stock->mutex);
    rg_memory_free((char *)(uintptr_t)stock->upstream.data);
    rg_memory_free(stock);
}

void pool_stocks_free(struct pool_stocks **stocks)
{
    struct pool_stocks *old = *stocks;
    *stocks = NULL;
    if (old == NULL) {
        return;
    }
    while (old->first != NULL) {
        struct pool_stock *stock = old->first;
        old->first = stock->next;
        free_stock(stock);
    }
    (void)pthread_mutex_destroy(&old->mutex);
    rg_memory_free(old);
}
