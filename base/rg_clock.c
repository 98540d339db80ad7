/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's clocks behind the rg_clock interface. */
#include "base/rg_clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_wall_us(void *context)
{
    (void)context;
    return read_us(CLOCK_REALTIME);
}

static int64_t system_monotonic_us(void *context)
{
    (void)context;
    return read_us(CLOCK_MONOTONIC);
}

const struct rg_clock *rg_clock_system(void)
{
    static const struct rg_clock system_clock = {system_wall_us, system_monotonic_us, NULL};
    return &system_clock;
}

void rg_clock_format(int64_t wall_us, char out_text[RG_TIME_TEXT_SIZE])
{
    int64_t seconds = wall_us / 1000000;
    int64_t rest = wall_us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds -= 1;
    }
    time_t time = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL || parts.tm_year > 9999 - 1900 || parts.tm_year < -1900) {
        parts = (struct tm){.tm_mday = 1, .tm_year = 70};
        rest = 0;
    }
    char text[96];
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                   parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)rest);
    (void)snprintf(out_text, RG_TIME_TEXT_SIZE, "%.27s", text);
}
