/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_AGED_H
#define RG_TESTS_SUPPORT_AUDIT_AGED_H

/* Logs of the real writer that begin long ago: several segments, by a clock that the test owns, for retention. */
#include "audit/keep/order.h"
#include "audit/keep/retention.h"
#include "base/rg_clock.h"
#include "tests/support/audit_dir.h"

/* Wall and monotonic time in microseconds; both go on by a millisecond with each look. */
struct aged_clock {
    int64_t wall_us;
    int64_t mono_us;
};

static inline int64_t aged_wall(void *context)
{
    struct aged_clock *clock = context;
    return clock->wall_us += 1000;
}

static inline int64_t aged_mono(void *context)
{
    struct aged_clock *clock = context;
    return clock->mono_us += 1000;
}

#define AGED_START INT64_C(1700000000000000)
#define AGED_DAY (INT64_C(86400) * 1000000)
#define AGED_KEEP "{\"keep_us\":864000000000}" /* ten days */

static inline void aged_pass(struct aged_clock *clock, int64_t us)
{
    clock->wall_us += us;
    clock->mono_us += us;
}

/* `segments` segments of `count` statements of acme, globex, nobody and initech, the i-th only of the i-th of them when
 * is_apart; a day goes by after each. */
static inline void aged_fill(const struct audit_dir *dir, size_t segments, uint64_t count, bool is_apart)
{
    static const char *const tenants[] = {"acme", "globex", "", "initech"};
    struct aged_clock time = {.wall_us = AGED_START, .mono_us = 5000000};
    const struct rg_clock clock = {.wall_us = aged_wall, .monotonic_us = aged_mono, .context = &time};
    struct auditor_options options = audit_dir_options(dir);
    struct audit_log log = {0};
    options.clock = &clock;
    assert_ok(audit_log_open(&options, &log));
    for (size_t segment = 0; segment < segments; segment++) {
        for (uint64_t i = 0; i < count; i++) {
            uint64_t seq = 0;
            struct audit_event event = audit_sample(segment * count + i, tenants[is_apart ? segment % 4 : i % 4]);
            event.class_name = i == 0 ? RG_SLICE("DDL") : RG_SLICE("READ");
            assert_ok(audit_dir_append(&log, &event, &seq));
        }
        assert_ok(audit_log_seal(&log));
        aged_pass(&time, AGED_DAY);
        assert_ok(audit_log_watch(&log));
    }
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
}

__attribute__((noinline, unused)) static rg_status
aged_order(const struct audit_dir *dir, const struct audit_order *order, struct audit_order_reply *reply)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 1 << 20);
    RG_TRY(audit_order(rg_slice_of(dir->path), order, &arena, reply));
    reply->id = (struct rg_slice){0}; /* the arena ends here */
    reply->text = (struct rg_slice){0};
    return RG_OK;
}

static inline uint64_t aged_prune(const struct audit_dir *dir, const char *retention)
{
    struct audit_order_reply reply = {0};
    const struct audit_order order = {.kind = AUDIT_ORDER_PRUNE, .retention = rg_slice_of(retention)};
    assert_ok(aged_order(dir, &order, &reply));
    return reply.count;
}

static inline size_t aged_segments(const struct audit_dir *dir)
{
    char command[160];
    int count = 0;
    (void)snprintf(command, sizeof command, "ls '%s'/seg/*.jsonl | wc -l", dir->path);
    FILE *pipe = popen(command, "r");
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    (void)pclose(pipe);
    return (size_t)count;
}

#endif
