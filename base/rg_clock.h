/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_CLOCK_H
#define RG_BASE_CLOCK_H

#include <stdint.h>

/* Time comes in as an interface so that tests own it. Units: microseconds. Any thread. */
struct rg_clock {
    int64_t (*wall_us)(void *context);      /* since 1970-01-01T00:00:00Z */
    int64_t (*monotonic_us)(void *context); /* since an unspecified start, never steps back */
    void *context;
};

/* The machine's clock. Static storage. */
const struct rg_clock *rg_clock_system(void);

static inline int64_t rg_clock_wall_us(const struct rg_clock *clock)
{
    return clock->wall_us(clock->context);
}

static inline int64_t rg_clock_monotonic_us(const struct rg_clock *clock)
{
    return clock->monotonic_us(clock->context);
}

enum { RG_TIME_TEXT_SIZE = 28 }; /* "2026-11-22T15:53:43.123456Z" and its NUL */

/* RFC 3339 in UTC with microseconds. */
void rg_clock_format(int64_t wall_us, char out_text[RG_TIME_TEXT_SIZE]);

#endif
