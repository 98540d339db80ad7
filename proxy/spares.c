/* SPDX-License-Identifier: Apache-2.0 */
/* Idle connections to PgBouncer, in a few fixed slots. One that says anything unasked, or ends, is closed. Called by
 * session_upstream.c. */
#include "proxy/spares.h"

#include <string.h>

#include "base/rg_memory.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

struct spare {
    struct net_upstream *upstream; /* NULL = the slot is free */
    struct rg_digest owner;
    struct net_timer timer;
    uint64_t order; /* of its putting */
};

struct spares {
    struct net_loop *loop;
    uint64_t idle_ms, age_ms;
    uint64_t put_count;
    struct spare slots[SPARES_MAX];
};

struct spares *spares_new(struct net_loop *loop, uint64_t idle_ms, uint64_t age_ms)
{
    struct spares *spares = rg_memory_alloc(sizeof *spares);
    spares->loop = loop;
    spares->idle_ms = idle_ms;
    spares->age_ms = age_ms;
    return spares;
}

static struct net_upstream *empty(struct spare *spare)
{
    struct net_upstream *upstream = spare->upstream;
    net_timer_stop(&spare->timer);
    spare->upstream = NULL;
    return upstream;
}

static void drop(struct spare *spare)
{
    struct net_upstream *upstream = empty(spare);
    net_upstream_finish(&upstream);
}

static void on_timer(void *context)
{
    drop(context);
}

static void on_input(void *context, struct net_stream *stream)
{
    (void)stream;
    drop(context);
}

static void on_closed(void *context, struct net_stream *stream, const char *reason)
{
    (void)stream;
    (void)reason;
    drop(context);
}

void spares_close_all(struct spares *spares)
{
    for (size_t i = 0; spares != NULL && i < SPARES_MAX; i++) {
        drop(&spares->slots[i]);
    }
}

void spares_free(struct spares **spares)
{
    if (*spares != NULL) {
        spares_close_all(*spares);
        rg_memory_free(*spares);
        *spares = NULL;
    }
}

/* A free slot, or that of the one that waits longest. */
static struct spare *find_room(struct spares *spares)
{
    struct spare *found = &spares->slots[0];
    for (size_t i = 0; i < SPARES_MAX && found->upstream != NULL; i++) {
        struct spare *spare = &spares->slots[i];
        if (spare->upstream == NULL || spare->order < found->order) {
            found = spare;
        }
    }
    return found;
}

static bool is_fit(const struct net_upstream *upstream)
{
    const struct net_stream *stream = net_upstream_stream(upstream);
    return stream != NULL && net_stream_pending(stream) == 0 && net_stream_input(stream).size == 0 &&
           net_stream_is_quiet(stream);
}

void spares_put(struct spares *spares, const struct rg_digest *owner, struct net_upstream **upstream)
{
    static const struct net_stream_events events = {.on_input = on_input, .on_closed = on_closed};
    struct net_upstream *mine = *upstream;
    *upstream = NULL;
    if (!is_fit(mine) || net_upstream_age_us(mine) / 1000 >= spares->age_ms) {
        net_upstream_finish(&mine);
        return;
    }
    struct spare *room = find_room(spares);
    drop(room);
    room->upstream = mine;
    room->owner = *owner;
    room->order = ++spares->put_count;
    net_timer_start(spares->loop, &room->timer, spares->idle_ms, on_timer, room);
    net_stream_set_events(net_upstream_stream(mine), &events, room);
}

static bool is_one(const struct spare *spare, const struct rg_digest *owner, const struct net_conninfo *conninfo)
{
    return spare->upstream != NULL && memcmp(&spare->owner, owner, sizeof *owner) == 0 &&
           net_upstream_conninfo(spare->upstream) == conninfo;
}

static struct spare *find_newest(struct spares *spares, const struct rg_digest *owner,
                                 const struct net_conninfo *conninfo)
{
    struct spare *found = NULL;
    for (size_t i = 0; i < SPARES_MAX; i++) {
        struct spare *spare = &spares->slots[i];
        if (is_one(spare, owner, conninfo) && (found == NULL || spare->order > found->order)) {
            found = spare;
        }
    }
    return found;
}

struct net_upstream *spares_take(struct spares *spares, const struct rg_digest *owner,
                                 const struct net_conninfo *conninfo)
{
    struct spare *spare = find_newest(spares, owner, conninfo);
    while (spare != NULL && !is_fit(spare->upstream)) {
        drop(spare);
        spare = find_newest(spares, owner, conninfo);
    }
    return spare == NULL ? NULL : empty(spare);
}

size_t spares_count(const struct spares *spares)
{
    size_t count = 0;
    for (size_t i = 0; i < SPARES_MAX; i++) {
        count += spares->slots[i].upstream != NULL;
    }
    return count;
}
