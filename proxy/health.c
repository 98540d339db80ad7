/* SPDX-License-Identifier: Apache-2.0 */
/* Is the gateway alive, and would it serve a statement? One cell for each loop, on a cache line of its own. */
#include "proxy/health.h"

#include <stdatomic.h>

#include "base/rg_memory.h"

enum { LINE_BYTES = 64, NEVER = 0 };

struct cell {
    _Alignas(LINE_BYTES) _Atomic int64_t beat_us; /* NEVER: it does not run */
    _Atomic int64_t waits_since_us;               /* NEVER: no record waits */
    _Atomic int audit_state;                      /* enum audit_state; the zero value refuses */
};

struct health {
    unsigned loops;
    _Atomic int phase;
    struct cell *cells;
    void *memory; /* of the cells */
};

struct health *health_new(unsigned loops)
{
    struct health *health = rg_memory_alloc(sizeof *health);
    health->loops = loops;
    health->memory = rg_memory_array((size_t)loops + 1, sizeof(struct cell));
    size_t skipped = (LINE_BYTES - (uintptr_t)health->memory % LINE_BYTES) % LINE_BYTES;
    health->cells = (struct cell *)(void *)((char *)health->memory + skipped);
    return health;
}

void health_free(struct health **health)
{
    if (*health != NULL) {
        rg_memory_free((*health)->memory);
        rg_memory_free(*health);
    }
    *health = NULL;
}

/* ---- telling ---- */

void health_enter(struct health *health, enum health_phase phase)
{
    if (health != NULL) {
        atomic_store(&health->phase, (int)phase);
    }
}

void health_beat(struct health *health, unsigned loop, int64_t now_us)
{
    if (health != NULL) {
        atomic_store_explicit(&health->cells[loop].beat_us, now_us == NEVER ? 1 : now_us, memory_order_relaxed);
    }
}

void health_audit(struct health *health, unsigned loop, enum audit_state state)
{
    if (health != NULL) {
        atomic_store_explicit(&health->cells[loop].audit_state, (int)state, memory_order_relaxed);
    }
}

void health_wait(struct health *health, unsigned loop, int64_t since_us)
{
    if (health != NULL) {
        atomic_store_explicit(&health->cells[loop].waits_since_us, since_us, memory_order_relaxed);
    }
}

void health_leave(struct health *health, unsigned loop)
{
    if (health != NULL) {
        atomic_store_explicit(&health->cells[loop].beat_us, NEVER, memory_order_relaxed);
    }
}

/* ---- asking ---- */

static bool is_long_ago(const _Atomic int64_t *moment_us, int64_t now_us)
{
    int64_t then_us = atomic_load_explicit(moment_us, memory_order_relaxed);
    return then_us != NEVER && now_us - then_us > (int64_t)HEALTH_STILL_MS * 1000;
}

static bool is_still(const struct cell *cell, int64_t now_us)
{
    return is_long_ago(&cell->beat_us, now_us);
}

const char *health_why_not_live(const struct health *health, int64_t now_us)
{
    for (unsigned i = 0; i < health->loops; i++) {
        if (is_still(&health->cells[i], now_us)) {
            return "an event loop stands still";
        }
    }
    return NULL;
}

/* In the order of the enumeration, but for the first: CLOSED is worse than all. */
enum audit_state health_audit_state(const struct health *health)
{
    int worst = AUDIT_OPEN;
    for (unsigned i = 0; i < health->loops; i++) {
        int state = atomic_load_explicit(&health->cells[i].audit_state, memory_order_relaxed);
        if (state == AUDIT_CLOSED) {
            return AUDIT_CLOSED;
        }
        worst = state > worst ? state : worst;
    }
    return (enum audit_state)worst;
}

/* It is there and says nothing: a disk that hangs, a stopped process. */
static bool is_auditor_still(const struct health *health, int64_t now_us)
{
    bool is_still = false;
    for (unsigned i = 0; i < health->loops; i++) {
        is_still = is_still || is_long_ago(&health->cells[i].waits_since_us, now_us);
    }
    return is_still;
}

const char *health_why_not_ready(const struct health *health, int64_t now_us)
{
    static const char *const phases[] = {
        [HEALTH_STARTING] = "starting", [HEALTH_SERVING] = NULL, [HEALTH_DRAINING] = "draining"};
    static const char *const states[] = {[AUDIT_CLOSED] = "the audit log takes no records",
                                         [AUDIT_OPEN] = NULL,
                                         [AUDIT_LOW] = NULL,
                                         [AUDIT_RESERVE] = "the audit log's disk is nearly full"};
    const char *why = phases[atomic_load(&health->phase)];
    why = why == NULL ? health_why_not_live(health, now_us) : why;
    why = why == NULL ? states[health_audit_state(health)] : why;
    return why == NULL && is_auditor_still(health, now_us) ? "the audit log acknowledges no records" : why;
}

unsigned health_turning(const struct health *health, int64_t now_us)
{
    unsigned count = 0;
    for (unsigned i = 0; i < health->loops; i++) {
        int64_t beat_us = atomic_load_explicit(&health->cells[i].beat_us, memory_order_relaxed);
        count += beat_us != NEVER && !is_still(&health->cells[i], now_us) ? 1 : 0;
    }
    return count;
}

bool health_has_left(const struct health *health, unsigned loop)
{
    return atomic_load(&health->phase) == HEALTH_DRAINING &&
           atomic_load_explicit(&health->cells[loop].beat_us, memory_order_relaxed) == NEVER;
}
