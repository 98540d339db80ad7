/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW of what was counted since the gateway started: the numbers of /metrics, by tenant where metrics_max_tenants
 * gives tenants a series. */
#include <sys/sysinfo.h>
#include <unistd.h>

#include <fcntl.h>
#include <stdlib.h>

#include "proxy/console_private.h"

enum { CLASSES = POLICY_CLASS_MISC + 1, SECOND_US = 1000000 };

static const struct metrics_series none = {{0}};

struct stats {
    int64_t count, time_us, denied;
};

static struct stats stats_of(const struct metrics *metrics, unsigned tenant)
{
    struct stats stats = {0};
    for (unsigned class = 0; class < CLASSES; class ++) {
        stats.count += metrics_sum(metrics, METRICS_STATEMENT_SECONDS, METRICS_SERIES(tenant, class));
        stats.time_us += metrics_sum_us(metrics, METRICS_STATEMENT_SECONDS, METRICS_SERIES(tenant, class));
    }
    stats.denied = metrics_sum(metrics, METRICS_DECISIONS, METRICS_SERIES(METRICS_SQL, tenant, METRICS_DENIED));
    return stats;
}

static int64_t a_second(const struct console_call *call, int64_t count)
{
    int64_t since_us =
        rg_clock_wall_us(call->gateway->clock) - metrics_sum(call->gateway->metrics, METRICS_START_TIME, none);
    return since_us < SECOND_US ? count : count / (since_us / SECOND_US);
}

/* Calls put for each tenant that was counted. */
static void each_tenant(struct console_call *call, void (*put)(struct console_call *call, const struct stats *stats))
{
    const struct metrics *metrics = call->gateway->metrics;
    for (unsigned i = 0; i < metrics_name_count(metrics, METRICS_TENANTS); i++) {
        struct stats stats = stats_of(metrics, i);
        console_put_name(call->rows, metrics_name_at(metrics, METRICS_TENANTS, i));
        put(call, &stats);
    }
}

static void put_totals(struct console_call *call, const struct stats *stats)
{
    console_put_number(call->rows, stats->count);
    console_put_number(call->rows, stats->time_us);
}

static void put_averages(struct console_call *call, const struct stats *stats)
{
    console_put_number(call->rows, a_second(call, stats->count));
    console_put_number(call->rows, stats->count == 0 ? 0 : stats->time_us / stats->count);
}

static void put_both(struct console_call *call, const struct stats *stats)
{
    put_totals(call, stats);
    put_averages(call, stats);
    console_put_number(call->rows, stats->denied);
}

static void put_totals_and_denied(struct console_call *call, const struct stats *stats)
{
    put_totals(call, stats);
    console_put_number(call->rows, stats->denied);
}

rg_status console_show_stats(struct console_call *call)
{
    each_tenant(call, put_both);
    return RG_OK;
}

rg_status console_show_stats_totals(struct console_call *call)
{
    each_tenant(call, put_totals_and_denied);
    return RG_OK;
}

rg_status console_show_stats_averages(struct console_call *call)
{
    each_tenant(call, put_averages);
    return RG_OK;
}

static void put_value(struct console_rows *rows, const char *name, int64_t value)
{
    console_put_text(rows, name);
    console_put_number(rows, value);
}

rg_status console_show_totals(struct console_call *call)
{
    const struct metrics *metrics = call->gateway->metrics;
    struct stats sum = {0};
    for (unsigned i = 0; i < metrics_name_count(metrics, METRICS_TENANTS); i++) {
        struct stats stats = stats_of(metrics, i);
        sum.count += stats.count;
        sum.time_us += stats.time_us;
        sum.denied += stats.denied;
    }
    put_value(call->rows, "query_count", sum.count);
    put_value(call->rows, "query_time", sum.time_us);
    put_value(call->rows, "denied", sum.denied);
    put_value(call->rows, "rows", metrics_sum(metrics, METRICS_ROWS, none));
    put_value(call->rows, "bytes", metrics_sum(metrics, METRICS_RESULT_BYTES, none));
    put_value(call->rows, "client_connections",
              metrics_sum(metrics, METRICS_CONNECTIONS_TOTAL, METRICS_SERIES(METRICS_SQL)));
    put_value(call->rows, "logins",
              metrics_sum(metrics, METRICS_LOGINS, METRICS_SERIES(METRICS_SQL, METRICS_LOGIN_ACCEPTED)));
    put_value(call->rows, "failed_logins",
              metrics_sum(metrics, METRICS_LOGINS, METRICS_SERIES(METRICS_SQL, METRICS_LOGIN_REFUSED)));
    return RG_OK;
}

/* The second number of /proc/self/statm, in pages. */
static int64_t resident_bytes(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    const char *space = size <= 0 ? NULL : strchr(text, ' ');
    return space == NULL ? 0 : strtoll(space, NULL, 10) * sysconf(_SC_PAGESIZE);
}

rg_status console_show_mem(struct console_call *call)
{
    struct sysinfo info = {0};
    (void)sysinfo(&info);
    put_value(call->rows, "gateway", resident_bytes());
    console_put_number(call->rows, (int64_t)info.totalram * info.mem_unit);
    put_value(call->rows, "plan_cache", metrics_sum(call->gateway->metrics, METRICS_PLAN_CACHE_BYTES, none));
    console_put_number(call->rows, (int64_t)info.totalram * info.mem_unit);
    return RG_OK;
}

/* ---- the log, refusals ---- */

static void put_pair(struct console_rows *rows, const char *key, struct rg_slice value)
{
    console_put_text(rows, key);
    console_put_name(rows, value);
}

rg_status console_show_audit(struct console_call *call)
{
    static const char *const states[] = {
        [AUDIT_CLOSED] = "closed", [AUDIT_OPEN] = "open", [AUDIT_LOW] = "low", [AUDIT_RESERVE] = "reserve"};
    const struct metrics *metrics = call->gateway->metrics;
    const struct config_audit *audit = &call->config->audit;
    bool is_synced = audit->durability == CONFIG_AUDIT_SYNCED;
    put_pair(call->rows, "state", rg_slice_of(states[health_audit_state(call->gateway->health)]));
    put_pair(call->rows, "directory", audit->directory);
    put_pair(call->rows, "origin", audit->origin);
    put_pair(call->rows, "durability", is_synced ? RG_SLICE("synced") : RG_SLICE("written"));
    put_pair(call->rows, "personal_values",
             call->gateway->options->sealed_origin != NULL ? RG_SLICE("encrypted") : RG_SLICE("clear"));
    put_value(call->rows, "records", metrics_sum(metrics, METRICS_AUDIT_RECORDS, none));
    put_value(call->rows, "bytes", metrics_sum(metrics, METRICS_AUDIT_BYTES, none));
    put_value(call->rows, "waiting", metrics_sum(metrics, METRICS_AUDIT_WAITING, none));
    put_value(call->rows, "refused", metrics_sum(metrics, METRICS_AUDIT_REFUSED, none));
    return RG_OK;
}

rg_status console_show_denials(struct console_call *call)
{
    static const char *const planes[] = {[METRICS_SQL] = "sql", [METRICS_HTTP] = "http"};
    const struct metrics *metrics = call->gateway->metrics;
    for (unsigned plane = METRICS_SQL; plane <= METRICS_HTTP; plane++) {
        for (unsigned i = 0; i < metrics_name_count(metrics, METRICS_RULES); i++) {
            int64_t count = metrics_sum(metrics, METRICS_DENIALS, METRICS_SERIES(plane, i));
            if (count > 0) {
                console_put_text(call->rows, planes[plane]);
                console_put_name(call->rows, metrics_name_at(metrics, METRICS_RULES, i));
                console_put_number(call->rows, count);
            }
        }
    }
    return RG_OK;
}
