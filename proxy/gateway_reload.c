/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a configuration and swapping it under running sessions: all or nothing (L8), on record before it holds. On
 * the main thread, which may block. */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/rg_memory.h"
#include "proxy/console.h"
#include "proxy/gateway_private.h"
#include "proxy/trial.h"
#include "proxy/worker.h"

enum { DIAG_BYTES = 1 << 20, SWAP_SECONDS = 2, SLICE_US = 100000 };

static void on_jwks_event(void *context, const struct auth_jwks_event *event)
{
    struct gateway *gateway = context;
    gateway_count_named(gateway, METRICS_JWKS_REFRESHES, METRICS_PROVIDERS, event->trust_name, event->is_ok);
    if (event->is_ok) {
        rg_log_event(gateway->log, RG_LOG_INFO, "auth.jwks.fetched", "s:s%, s:i", "idp", event->trust_name.data,
                     event->trust_name.size, "keys", (int)event->key_count);
    } else {
        rg_log_event(gateway->log, RG_LOG_WARNING, "auth.jwks.failed", "s:s%, s:s%, s:I", "idp", event->trust_name.data,
                     event->trust_name.size, "reason", event->text.data, event->text.size, "retry_seconds",
                     (long long)(event->retry_after_us / 1000000));
    }
}

static void on_catalog_event(void *context, const struct catalog_event *event)
{
    struct gateway *gateway = context;
    gateway_count_named(gateway, METRICS_CATALOG_READS, METRICS_UPSTREAMS, event->upstream, event->is_ok);
    if (event->is_ok) {
        rg_log_event(gateway->log, RG_LOG_INFO, "sql.catalog.read", "s:s%, s:I, s:b, s:I", "upstream",
                     event->upstream.data, event->upstream.size, "relations", (long long)event->relation_count,
                     "changed", (int)event->is_changed, "duration_ms", (long long)(event->duration_us / 1000));
    } else {
        rg_log_event(gateway->log, RG_LOG_WARNING, "sql.catalog.failed", "s:s%, s:s%, s:b", "upstream",
                     event->upstream.data, event->upstream.size, "reason", event->reason.data, event->reason.size,
                     "keeps_old", (int)(event->relation_count > 0));
    }
}

/* Whether a signal that ends the process is waiting: the signals are blocked, the main thread takes them later. */
static bool is_told_to_stop(void)
{
    static const int ends[] = {SIGTERM, SIGINT, SIGQUIT};
    sigset_t pending;
    bool is_told = false;
    for (size_t i = 0; sigpending(&pending) == 0 && i < sizeof ends / sizeof ends[0]; i++) {
        is_told = is_told || sigismember(&pending, gateway_signal(ends[i])) == 1;
    }
    return is_told;
}

void gateway_wait_for_catalogs(struct gateway *gateway, const struct snapshot *snapshot)
{
    int64_t start_us = rg_clock_monotonic_us(gateway->clock);
    for (size_t i = 0; i < snapshot->config->upstream_count; i++) {
        const struct config_upstream *upstream = &snapshot->config->upstreams[i];
        int64_t left_us = upstream->connect_timeout_us;
        bool is_there = snapshot->catalogs[i] == NULL || catalog_reader_wait(snapshot->catalogs[i], 0);
        while (!is_there && left_us > 0 && !is_told_to_stop()) {
            is_there = catalog_reader_wait(snapshot->catalogs[i], left_us < SLICE_US ? left_us : SLICE_US);
            left_us = upstream->connect_timeout_us - (rg_clock_monotonic_us(gateway->clock) - start_us);
        }
        if (!is_there) {
            rg_log_event(gateway->log, RG_LOG_WARNING, "sql.catalog.missing", "s:s%, s:s", "upstream",
                         upstream->name.data, upstream->name.size, "effect",
                         "logins to this upstream are refused until its catalogue was read");
        }
    }
}

static rg_status open_catalogs(struct gateway *gateway, struct snapshot **snapshot)
{
    struct catalog_log log = {on_catalog_event, gateway};
    rg_status status = snapshot_open_catalogs(*snapshot, gateway->snapshot, gateway->clock, log);
    if (!rg_is_ok(status)) {
        snapshot_free(snapshot);
    }
    return status;
}

static struct policy_relations *find_relations(void *context, struct rg_slice upstream)
{
    struct catalog_reader *reader = snapshot_catalog_find(context, upstream);
    return reader == NULL ? NULL : catalog_reader_find(reader);
}

/* With strict_reload, policies come into force only when their own [[tests]] hold. */
static rg_status load_and_try(struct gateway *gateway, bool is_reload, struct rg_diag *diag,
                              struct snapshot **out_snapshot)
{
    struct auth_jwks_log log = {on_jwks_event, gateway};
    struct snapshot *snapshot = NULL;
    RG_TRY(snapshot_load(gateway->path, gateway->clock, log, diag, &snapshot));
    if (gateway->metrics == NULL) {
        gateway_open_metrics(gateway, snapshot->config);
    }
    RG_TRY(open_catalogs(gateway, &snapshot));
    if (is_reload && snapshot->config->server.strict_reload) {
        const struct trial_relations relations = {find_relations, snapshot};
        gateway_wait_for_catalogs(gateway, snapshot);
        rg_status status = trial_run_all(snapshot->config, &relations, diag);
        if (!rg_is_ok(status)) {
            snapshot_free(&snapshot);
            return rg_fail(RG_CONFIG, "%zu mistakes: with strict_reload every one of [[tests]] must pass",
                           diag->error_count);
        }
    }
    *out_snapshot = snapshot;
    return RG_OK;
}

/* The first mistake, for an operator who waits for the outcome; the log has all of them. What is wrong may quote a
 * predicate; where it is does not. */
static void keep_finding(struct gateway *gateway, const struct rg_diag *diag)
{
    const struct rg_finding *finding = diag->first;
    while (finding != NULL && finding->severity != RG_SEVERITY_ERROR) {
        finding = finding->next;
    }
    gateway->reload_failure[0] = '\0';
    gateway->reload_place_size = 0;
    if (finding != NULL) {
        int size = snprintf(gateway->reload_failure, sizeof gateway->reload_failure, "%.240s:%u:%u",
                            finding->place.file == NULL ? gateway->path : finding->place.file, finding->place.line,
                            finding->place.column);
        gateway->reload_place_size = (size_t)size;
        (void)snprintf(gateway->reload_failure + size, sizeof gateway->reload_failure - (size_t)size, ": %.*s",
                       finding->text.size > 200 ? 200 : (int)finding->text.size, finding->text.data);
    }
}

rg_status gateway_load(struct gateway *gateway, bool is_reload, struct snapshot **out_snapshot)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, DIAG_BYTES);
    struct rg_diag diag;
    rg_diag_init(&diag, &arena);
    rg_status status = load_and_try(gateway, is_reload, &diag, out_snapshot);
    char text[512];
    (void)snprintf(text, sizeof text, "%s", rg_is_ok(status) ? "" : status.error->text);
    config_log_findings(gateway->log, gateway->path, &diag);
    keep_finding(gateway, &diag);
    return rg_is_ok(status) ? status : rg_fail(RG_CONFIG, "%s", text);
}

struct swap_message {
    struct worker *worker;
    struct snapshot *snapshot;
};

static void on_swap(void *argument)
{
    struct swap_message *message = argument;
    worker_swap(message->worker, message->snapshot);
    (void)sem_post(&message->worker->gateway->swapped);
    rg_memory_free(message);
}

static bool listeners_are_alike(const struct config *a, const struct config *b)
{
    bool are_alike = a->listener_count == b->listener_count;
    for (size_t i = 0; are_alike && i < a->listener_count; i++) {
        const struct config_listener *x = &a->listeners[i];
        const struct config_listener *y = &b->listeners[i];
        are_alike = rg_slice_is_equal(x->name, y->name) && rg_slice_is_equal(x->address, y->address) &&
                    (x->http == NULL) == (y->http == NULL);
    }
    return are_alike;
}

static bool audit_is_alike(const struct config_audit *a, const struct config_audit *b)
{
    return rg_slice_is_equal(a->directory, b->directory) && rg_slice_is_equal(a->origin, b->origin) &&
           a->durability == b->durability && a->segment_bytes == b->segment_bytes &&
           a->reserve_bytes == b->reserve_bytes && a->low_space_bytes == b->low_space_bytes;
}

static rg_status check_swap(const struct config *running, const struct config *wanted)
{
    if (!listeners_are_alike(running, wanted)) {
        return rg_fail(RG_CONFIG, "a changed [[listeners]] needs a restart");
    }
    if (!audit_is_alike(&running->audit, &wanted->audit)) {
        return rg_fail(RG_CONFIG, "a changed [audit] needs a restart");
    }
    RG_TRY(gateway_check_admin(running, wanted));
    return gateway_check_state(running, wanted);
}

static void install(struct gateway *gateway, struct snapshot *snapshot)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        struct swap_message *message = rg_memory_alloc(sizeof *message);
        message->worker = &gateway->workers[i];
        message->snapshot = snapshot_ref(snapshot);
        net_loop_post(message->worker->loop, on_swap, message);
    }
    /* Old snapshots are kept in a list until the end: a session may hold one for long, and the thread of its key
     * cache must not be joined on an event loop. */
    snapshot->older = gateway->snapshot;
    gateway->snapshot = snapshot;
    console_set_snapshot(gateway->console, snapshot);
}

/* Until every loop has the new snapshot, so that what the log says is true; a loop that ends while draining never
 * answers. */
static void wait_for_workers(struct gateway *gateway)
{
    struct timespec deadline;
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += SWAP_SECONDS;
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        if (sem_timedwait(&gateway->swapped, &deadline) != 0) {
            return;
        }
    }
}

static void drop_unused_snapshots(struct gateway *gateway)
{
    struct snapshot **link = &gateway->snapshot->older;
    while (*link != NULL) {
        struct snapshot *old = *link;
        if (old->references == 1) {
            *link = old->older;
            snapshot_free(&old);
        } else {
            link = &old->older;
        }
    }
}

static void refuse_reload(struct gateway *gateway, rg_status why)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s", why.error->text);
    gateway_count_failed_reload(gateway);
    if (gateway->reload_failure[0] == '\0') {
        (void)snprintf(gateway->reload_failure, sizeof gateway->reload_failure, "%s", text);
        gateway->reload_place_size = strlen(text);
    }
    rg_status status = gateway_record_policy(gateway, AUDIT_POLICY_REFUSED, gateway->snapshot, text);
    rg_log_event(gateway->log, RG_LOG_ERROR, "policy.reload_failed", "s:s, s:s, s:b", "reason", text, "kept",
                 gateway->snapshot->digest, "recorded", (int)rg_is_ok(status));
}

void gateway_reload(struct gateway *gateway)
{
    struct snapshot *snapshot = NULL;
    rg_status status = gateway_load(gateway, true, &snapshot);
    if (rg_is_ok(status)) {
        status = check_swap(gateway->snapshot->config, snapshot->config);
    }
    if (rg_is_ok(status)) {
        status = gateway_record_policy(gateway, AUDIT_POLICY_LOADED, snapshot, "reload");
    }
    if (!rg_is_ok(status)) { /* also when nothing can be recorded: no policy holds without its record */
        refuse_reload(gateway, status);
        snapshot_free(&snapshot);
        return;
    }
    gateway_wait_for_catalogs(gateway, snapshot);
    snapshot_set_catalog_times(snapshot);
    install(gateway, snapshot);
    wait_for_workers(gateway);
    gateway_apply_sessions(gateway, snapshot->config);
    gateway_count_policy(gateway, snapshot);
    rg_log_event(gateway->log, RG_LOG_INFO, "policy.reloaded", "s:s", "digest", snapshot->digest);
    drop_unused_snapshots(gateway);
}
