/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's counters, its health, and the listener that shows them. On the main thread, except where it says so. */
#include "proxy/admin.h"

#include <unistd.h>

#include "proxy/console.h"
#include "proxy/gateway_private.h"

static const struct metrics_series none = {{0}};

/* ---- counters ---- */

/* Before the first thread that could count, and before any catalogue is read. */
void gateway_open_metrics(struct gateway *gateway, const struct config *config)
{
    struct metrics *metrics = metrics_new(1 + config->server.workers, config->admin.max_tenants);
    gateway->health = health_new(config->server.workers);
    metrics_set_text(metrics, METRICS_BUILD_INFO, rg_slice_of(ROWGATE_VERSION));
    metrics_set_shared(metrics, METRICS_START_TIME, none, rg_clock_wall_us(gateway->clock));
    atomic_store(&gateway->metrics, metrics);
}

/* Those that a reload took away are forgotten: 0 is not shown. */
static void count_certificates(struct metrics *metrics, const struct config *config)
{
    for (unsigned i = METRICS_OTHER; i <= METRICS_CERTIFICATES_MAX; i++) {
        metrics_set_shared(metrics, METRICS_CERTIFICATE_EXPIRY, METRICS_SERIES(i), 0);
    }
    for (size_t i = 0; i < config->tls_count; i++) {
        unsigned at = metrics_name(metrics, METRICS_CERTIFICATES, config->tls[i].name);
        int64_t expires_us = net_tls_expires_at_us(config->tls[i].server);
        metrics_set_shared(metrics, METRICS_CERTIFICATE_EXPIRY, METRICS_SERIES(at),
                           at == METRICS_OTHER ? 0 : expires_us);
    }
}

/* A policy is in force from now on. */
void gateway_count_policy(struct gateway *gateway, const struct snapshot *snapshot)
{
    struct metrics *metrics = gateway->metrics;
    count_certificates(metrics, snapshot->config);
    metrics_set_text(metrics, METRICS_POLICY_INFO, rg_slice_of(snapshot->digest));
    metrics_set_shared(metrics, METRICS_POLICY_LOADED, none, rg_clock_wall_us(gateway->clock));
    metrics_set_shared(metrics, METRICS_LAST_RELOAD, none, 1);
    metrics_add_shared(metrics, METRICS_POLICY_RELOADS, METRICS_SERIES(METRICS_OK), 1);
}

void gateway_count_failed_reload(struct gateway *gateway)
{
    metrics_set_shared(gateway->metrics, METRICS_LAST_RELOAD, none, 0);
    metrics_add_shared(gateway->metrics, METRICS_POLICY_RELOADS, METRICS_SERIES(METRICS_FAILED), 1);
}

/* Any thread. */
void gateway_count_named(struct gateway *gateway, enum metrics_id id, enum metrics_names names, struct rg_slice name,
                         bool is_ok)
{
    struct metrics *metrics = gateway->metrics;
    unsigned at = metrics_name(metrics, names, name);
    metrics_add_shared(metrics, id, METRICS_SERIES(at, is_ok ? METRICS_OK : METRICS_FAILED), 1);
}

/* ---- the listener ---- */

rg_status gateway_open_admin(struct gateway *gateway)
{
    const struct config_admin *row = &gateway->snapshot->config->admin;
    const struct gateway_listener *inherited = gateway->options->admin;
    struct net_listener *listener = NULL;
    bool is_there = inherited != NULL;
    if (is_there != (row->metrics.size > 0) || (is_there && !rg_slice_is_equal(inherited->address, row->metrics))) {
        return rg_fail(RG_CONFIG, "a changed [admin] needs a restart");
    }
    if (!is_there) {
        return RG_OK;
    }
    RG_TRY(net_listener_adopt(inherited->fd, &listener));
    int port = net_listener_port(listener);
    const struct admin_options options = {.listener = listener,
                                          .tls = row->metrics_tls == NULL ? NULL : row->metrics_tls->server,
                                          .clock = gateway->clock,
                                          .metrics = gateway->metrics,
                                          .health = gateway->health};
    RG_TRY(admin_open(&options, &gateway->admin));
    rg_log_event(gateway->log, RG_LOG_INFO, "admin.listening", "s:s%, s:i", "address", row->metrics.data,
                 row->metrics.size, "port", port);
    return RG_OK;
}

rg_status gateway_open_console(struct gateway *gateway)
{
    const struct rg_slice path = gateway->snapshot->config->admin.console;
    const struct gateway_listener *inherited = gateway->options->console;
    bool is_there = inherited != NULL;
    if (is_there != (path.size > 0) || (is_there && !rg_slice_is_equal(inherited->address, path))) {
        return rg_fail(RG_CONFIG, "a changed [admin] needs a restart");
    }
    if (!is_there) {
        return RG_OK;
    }
    RG_TRY(console_open(gateway, inherited->fd, &gateway->console));
    rg_log_event(gateway->log, RG_LOG_INFO, "console.listening", "s:s%", "address", path.data, path.size);
    return RG_OK;
}

void gateway_close_metrics(struct gateway *gateway)
{
    struct metrics *metrics = atomic_exchange(&gateway->metrics, NULL);
    metrics_free(&metrics);
    health_free(&gateway->health);
}

rg_status gateway_check_admin(const struct config *running, const struct config *wanted)
{
    const struct config_admin *a = &running->admin;
    const struct config_admin *b = &wanted->admin;
    bool has_same_tls = (a->metrics_tls == NULL) == (b->metrics_tls == NULL) &&
                        (a->metrics_tls == NULL || rg_slice_is_equal(a->metrics_tls->name, b->metrics_tls->name));
    bool is_same = rg_slice_is_equal(a->metrics, b->metrics) && has_same_tls && a->max_tenants == b->max_tenants &&
                   rg_slice_is_equal(a->console, b->console);
    return is_same ? RG_OK : rg_fail(RG_CONFIG, "a changed [admin] or metrics_max_tenants needs a restart");
}
