/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the event loops, and striking sessions there: posted to every loop, waited for on the main thread. */
#include <time.h>

#include "base/rg_memory.h"
#include "proxy/console_private.h"
#include "proxy/pool.h"
#include "proxy/session.h"
#include "proxy/session_facts.h"
#include "proxy/session_order.h"
#include "proxy/worker.h"

enum { FACTS_BYTES = 64 << 20, PATIENCE_US = 10000000, SLICE_NS = 100000000 };

/* Shared by the main thread and the loops; whoever is last frees it: a loop may answer when nobody waits any more. */
struct asking {
    pthread_mutex_t lock;
    sem_t answered;
    atomic_bool *has_answered; /* by loop */
    atomic_uint holders;
    struct rg_arena arena;
    struct console_facts facts;
    size_t client_capacity, pool_capacity;
    bool is_full;

    bool strikes; /* else it asks */
    enum console_strike strike;
    struct rg_slice tenant, session_id;
    size_t count; /* struck */
};

struct question {
    struct asking *asking;
    struct worker *worker;
};

static void let_go(struct asking *asking)
{
    if (atomic_fetch_sub(&asking->holders, 1) == 1) {
        (void)pthread_mutex_destroy(&asking->lock);
        (void)sem_destroy(&asking->answered);
        rg_arena_done(&asking->arena);
        rg_memory_free(asking->facts.clients);
        rg_memory_free(asking->facts.pools);
        rg_memory_free(asking->has_answered);
        rg_memory_free(asking);
    }
}

/* ---- on a loop ---- */

static rg_status keep_client(struct asking *asking, const struct session_facts *facts)
{
    struct session_facts kept = *facts;
    struct rg_slice *const texts[] = {&kept.id,          &kept.tenant,   &kept.user,   &kept.database,
                                      &kept.application, &kept.upstream, &kept.address};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        RG_TRY(rg_arena_copy(&asking->arena, *texts[i], texts[i]));
    }
    struct console_facts *all = &asking->facts;
    if (all->client_count == asking->client_capacity) {
        asking->client_capacity = asking->client_capacity * 2 + 64;
        all->clients = rg_memory_resize(all->clients, asking->client_capacity * sizeof *all->clients);
    }
    all->clients[all->client_count++] = kept;
    return RG_OK;
}

static void keep_pool(void *context, const struct pool *pool)
{
    struct asking *asking = context;
    struct console_facts *all = &asking->facts;
    struct pool_counts counts = pool_counts(pool);
    struct console_pool kept = {.active = counts.held, .waiting = counts.waiting, .idle = counts.idle};
    if (!rg_is_ok(rg_arena_copy(&asking->arena, pool_name(pool), &kept.upstream))) {
        asking->is_full = true;
        return;
    }
    if (all->pool_count == asking->pool_capacity) {
        asking->pool_capacity = asking->pool_capacity * 2 + 16;
        all->pools = rg_memory_resize(all->pools, asking->pool_capacity * sizeof *all->pools);
    }
    all->pools[all->pool_count++] = kept;
}

static void tell(struct asking *asking, const struct worker *worker)
{
    for (struct session *session = worker->sessions; !asking->is_full && session != NULL;
         session = session_next(session)) {
        struct session_facts facts;
        if (!session_is_dead(session)) {
            session_tell(session, &facts);
            asking->is_full = !rg_is_ok(keep_client(asking, &facts));
        }
    }
    worker_pools_look(worker, keep_pool, asking);
}

static void strike_on(struct asking *asking, const struct worker *worker)
{
    for (struct session *session = worker->sessions; session != NULL; session = session_next(session)) {
        struct session_row row;
        bool is_meant = session_describe(session, &row) &&
                        (asking->tenant.size > 0 ? rg_slice_is_equal(row.tenant, asking->tenant)
                                                 : rg_slice_is_equal(row.id, asking->session_id));
        if (is_meant) {
            asking->count++;
            asking->strike == CONSOLE_KILL ? session_kill(session) : session_cancel(session);
        }
    }
}

static void on_question(void *argument)
{
    struct question *question = argument;
    struct asking *asking = question->asking;
    (void)pthread_mutex_lock(&asking->lock);
    if (asking->strikes) {
        strike_on(asking, question->worker);
    } else {
        tell(asking, question->worker);
    }
    (void)pthread_mutex_unlock(&asking->lock);
    atomic_store(&asking->has_answered[question->worker->index], true);
    (void)sem_post(&asking->answered);
    let_go(asking);
    rg_memory_free(question);
}

/* ---- on the main thread ---- */

static struct asking *new_asking(void)
{
    struct asking *asking = rg_memory_alloc(sizeof *asking);
    RG_ASSERT(pthread_mutex_init(&asking->lock, NULL) == 0 && sem_init(&asking->answered, 0, 0) == 0);
    rg_arena_init(&asking->arena, FACTS_BYTES);
    atomic_init(&asking->holders, 1);
    return asking;
}

/* A loop that ended while rowgate drains has no sessions. */
static bool is_answered(const struct gateway *gateway, const struct asking *asking, unsigned count)
{
    bool is_answered = true;
    for (unsigned i = 0; is_answered && i < count; i++) {
        is_answered = atomic_load(&asking->has_answered[i]) || health_has_left(gateway->health, i);
    }
    return is_answered;
}

static void wait_a_slice(struct asking *asking)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SLICE_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)!sem_timedwait(&asking->answered, &until);
}

static rg_status ask_loops(struct gateway *gateway, struct asking *asking)
{
    unsigned count = atomic_load(&gateway->has_loops) ? gateway->worker_count : 0;
    int64_t deadline_us = rg_clock_monotonic_us(gateway->clock) + PATIENCE_US;
    asking->has_answered = rg_memory_array(count + 1, sizeof *asking->has_answered);
    (void)atomic_fetch_add(&asking->holders, count);
    for (unsigned i = 0; i < count; i++) {
        struct question *question = rg_memory_alloc(sizeof *question);
        *question = (struct question){asking, &gateway->workers[i]};
        net_loop_post(question->worker->loop, on_question, question);
    }
    while (!is_answered(gateway, asking, count)) {
        if (rg_clock_monotonic_us(gateway->clock) > deadline_us) {
            return rg_fail(RG_INTERNAL, "an event loop does not answer");
        }
        wait_a_slice(asking);
    }
    return RG_OK;
}

rg_status console_ask(struct console_call *call,
                      rg_status (*look)(struct console_call *call, const struct console_facts *facts))
{
    struct asking *asking = new_asking();
    rg_status status = ask_loops(call->gateway, asking);
    if (rg_is_ok(status)) {
        /* a loop that ended may still run what was posted when it is freed: by this thread, later */
        status =
            asking->is_full ? rg_fail(RG_LIMIT, "there is more than one answer can say") : look(call, &asking->facts);
    }
    let_go(asking);
    return status;
}

static rg_status strike(struct gateway *gateway, struct asking *asking, size_t *out_count)
{
    RG_TRY(ask_loops(gateway, asking));
    *out_count = asking->count;
    return RG_OK;
}

rg_status console_strike(struct gateway *gateway, enum console_strike kind, struct rg_slice tenant,
                         struct rg_slice session_id, size_t *out_count)
{
    struct asking *asking = new_asking();
    asking->strikes = true;
    asking->strike = kind;
    rg_status status = rg_arena_copy(&asking->arena, tenant, &asking->tenant);
    status = rg_is_ok(status) ? rg_arena_copy(&asking->arena, session_id, &asking->session_id) : status;
    status = rg_is_ok(status) ? strike(gateway, asking, out_count) : status;
    let_go(asking);
    return status;
}
