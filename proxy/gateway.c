/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway process: opens what is shared, starts one event-loop thread per worker, waits for signals and messages of
 * the supervisor, shuts down. All on the main thread, which may block. Reload is gateway_reload.c, the channel to the
 * auditor gateway_audit.c. */
#include "proxy/gateway.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/admin.h"
#include "proxy/console.h"
#include "proxy/gateway_private.h"
#include "proxy/http/cache_views.h"
#include "proxy/pool_stock.h"
#include "proxy/rate.h"
#include "proxy/session.h"
#include "proxy/session_orders.h"
#include "proxy/worker.h"

enum {
    OFFLOAD_THREADS = 2,
    OFFLOAD_WAITING = 1024,
    SCRAM_ITERATIONS = 4096,
    RATED_ADDRESSES = 65536, /* 16 bytes each */
    RATED_TENANTS = 8192,
    STACK_BYTES = 16 << 20, /* tree walks recurse to POLICY_DEPTH_MAX */
};

struct worker_thread {
    pthread_t id;
    bool is_started;
};

/* ---- fence ---- */

static void enter_fence(struct gateway *gateway)
{
    struct fence_report report = {0};
    fence_enter(&gateway->options->fence, &report);
    rg_log_event(gateway->log, report.why == NULL ? RG_LOG_INFO : RG_LOG_WARNING, "server.fence", "s:b, s:b, s:b, s:s",
                 "files", (int)report.has_files, "signals", (int)report.has_signals, "calls", (int)report.has_calls,
                 "missing", report.why == NULL ? "" : report.why);
}

/* ---- cancel ---- */

struct cancel_message {
    struct worker *worker;
    uint64_t session_id;
};

static void on_cancel(void *argument)
{
    struct cancel_message *message = argument;
    struct session *session = worker_find(message->worker, message->session_id);
    if (session != NULL) {
        session_cancel(session);
    }
    rg_memory_free(message);
}

void gateway_cancel(struct gateway *gateway, const struct keys_entry *entry)
{
    struct cancel_message *message = rg_memory_alloc(sizeof *message);
    message->worker = &gateway->workers[entry->worker];
    message->session_id = entry->session_id;
    net_loop_post(message->worker->loop, on_cancel, message);
}

/* ---- threads ---- */

static void *worker_thread_main(void *argument)
{
    struct worker *worker = argument;
    char name[16];
    (void)snprintf(name, sizeof name, "loop-%u", worker->index);
    (void)prctl(PR_SET_NAME, name);
    worker_run(worker);
    return NULL;
}

static rg_status start_thread(struct worker *worker, struct worker_thread *thread)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return rg_fail(RG_INTERNAL, "cannot prepare a thread");
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int result = pthread_create(&thread->id, &attributes, worker_thread_main, worker);
    (void)pthread_attr_destroy(&attributes);
    if (result != 0) {
        return rg_fail(RG_INTERNAL, "cannot start a thread: %s", strerror(result));
    }
    thread->is_started = true;
    return RG_OK;
}

/* ---- opening ---- */

/* The supervisor took the addresses when it started, by the configuration of then. */
static rg_status adopt_listener(struct gateway *gateway, const struct config_listener *row, size_t at)
{
    const struct gateway_listener *inherited = &gateway->options->listeners[at];
    if (!rg_slice_is_equal(inherited->address, row->address)) {
        return rg_fail(RG_CONFIG, "a changed [[listeners]] needs a restart");
    }
    RG_TRY(net_listener_adopt(inherited->fd, &gateway->listeners[at]));
    gateway->listener_count++;
    rg_log_event(gateway->log, RG_LOG_INFO, "listener.open", "s:s%, s:s%, s:i", "name", row->name.data, row->name.size,
                 "address", row->address.data, row->address.size, "port",
                 (int)net_listener_port(gateway->listeners[at]));
    return RG_OK;
}

static rg_status open_listeners(struct gateway *gateway)
{
    const struct config *config = gateway->snapshot->config;
    if (config->listener_count != gateway->options->listener_count) {
        return rg_fail(RG_CONFIG, "a changed [[listeners]] needs a restart");
    }
    gateway->listeners = rg_memory_array(config->listener_count, sizeof(struct net_listener *));
    gateway->connections = rg_memory_array(config->listener_count, sizeof(unsigned));
    for (size_t i = 0; i < config->listener_count; i++) {
        RG_TRY(adopt_listener(gateway, &config->listeners[i], i));
    }
    return RG_OK;
}

static rg_status open_shared(struct gateway *gateway)
{
    RG_TRY(policy_self_test());
    RG_TRY(gateway_load(gateway, false, &gateway->snapshot));
    RG_TRY(quota_new(&gateway->quota));
    RG_TRY(keys_new(&gateway->keys));
    gateway->pool_stocks = pool_stocks_new();
    RG_TRY(rate_new(RATED_ADDRESSES, gateway->clock, &gateway->address_rate));
    RG_TRY(rate_new(RATED_TENANTS, gateway->clock, &gateway->tenant_rate));
    RG_TRY(rate_new(RATED_TENANTS, gateway->clock, &gateway->statement_rate));
    gateway->cache_views = http_cache_views_new();
    RG_TRY(net_offload_new(OFFLOAD_THREADS, OFFLOAD_WAITING, &gateway->offload));
    auth_scram_mock_init(&gateway->scram_mock, SCRAM_ITERATIONS);
    RG_TRY(gateway_open_audit(gateway));
    RG_TRY(gateway_open_state(gateway));
    RG_TRY(gateway_record_policy(gateway, AUDIT_POLICY_LOADED, gateway->snapshot, "start"));
    gateway_count_policy(gateway, gateway->snapshot);
    return RG_OK;
}

static rg_status open_workers(struct gateway *gateway, struct worker_thread *threads)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        RG_TRY(worker_open(gateway, i, gateway->snapshot, &gateway->workers[i]));
    }
    atomic_store(&gateway->has_loops, true);
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        RG_TRY(start_thread(&gateway->workers[i], &threads[i]));
    }
    return RG_OK;
}

/* ---- signals ---- */

static void on_drain(void *argument)
{
    worker_drain(argument);
}

static void start_draining(struct gateway *gateway)
{
    health_enter(gateway->health, HEALTH_DRAINING);
    for (size_t i = 0; i < gateway->listener_count; i++) {
        net_listener_refuse(gateway->listeners[i]);
    }
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        net_loop_post(gateway->workers[i].loop, on_drain, &gateway->workers[i]);
    }
}

static const int passed_on[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2};

enum { PASSED_ON_COUNT = sizeof passed_on / sizeof passed_on[0] };

int gateway_signal(int number)
{
    for (int i = 0; i < PASSED_ON_COUNT; i++) {
        if (passed_on[i] == number) {
            return SIGRTMIN + i;
        }
    }
    return 0;
}

static int open_signals(void)
{
    sigset_t blocked;
    sigset_t taken;
    (void)sigemptyset(&blocked);
    (void)sigemptyset(&taken);
    for (int i = 0; i < PASSED_ON_COUNT; i++) {
        (void)sigaddset(&taken, SIGRTMIN + i);
        (void)sigaddset(&blocked, SIGRTMIN + i);
        (void)sigaddset(&blocked, passed_on[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like any other */
    return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool threads_are_done(struct gateway *gateway, struct worker_thread *threads)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        if (threads[i].is_started && pthread_tryjoin_np(threads[i].id, NULL) == 0) {
            threads[i].is_started = false;
        }
        if (threads[i].is_started) {
            return false;
        }
    }
    return true;
}

/* One signal. false = stop now. */
static bool handle_signal(struct gateway *gateway, int number, bool *is_draining)
{
    switch (number) {
    case SIGHUP:
        gateway_reload(gateway);
        return true;
    case SIGUSR1: {
        rg_status status = rg_log_reopen(gateway->log);
        rg_log_event(gateway->log, RG_LOG_INFO, "log.reopened", "s:b", "ok", (int)rg_is_ok(status));
        return true;
    }
    case SIGUSR2:
        rg_log_event(gateway->log, RG_LOG_INFO, "signal.ignored", "s:s", "signal", "SIGUSR2");
        return true;
    case SIGTERM:
    case SIGINT:
        if (*is_draining) {
            return false;
        }
        *is_draining = true;
        rg_log_event(gateway->log, RG_LOG_INFO, "server.draining", NULL);
        start_draining(gateway);
        return true;
    default:
        return false;
    }
}

/* All that wait, in the order of what they mean, not of their numbers: real-time signals queue up, and behind a
 * thousand reloads the one to end would wait for each of them. One reload answers all that were asked for before it. */
static bool take_signals(struct gateway *gateway, int signals, bool *is_draining)
{
    static const int order[] = {SIGQUIT, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP};
    static const unsigned most[] = {1, 2, 2, 1, 1, 1};
    unsigned counts[PASSED_ON_COUNT] = {0};
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        /* A terminal or a service manager signals the whole group: what counts is what the supervisor passes on. */
        counts[info.ssi_signo - (uint32_t)SIGRTMIN] += (pid_t)info.ssi_pid == getppid() ? 1 : 0;
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        unsigned count = counts[gateway_signal(order[i]) - SIGRTMIN];
        for (unsigned n = 0; n < count && n < most[i]; n++) {
            if (!handle_signal(gateway, order[i], is_draining)) {
                return false;
            }
        }
    }
    return true;
}

/* One wait of the main thread. false = stop now. */
static bool turn(struct gateway *gateway, int signals, bool *is_draining)
{
    struct pollfd waits[] = {{.fd = signals, .events = POLLIN},
                             {.fd = gateway->options->control_fd, .events = POLLIN},
                             {.fd = gateway->audit == NULL ? -1 : audit_wakeup_fd(gateway->audit), .events = POLLIN},
                             {.fd = session_orders_fd(gateway->orders), .events = POLLIN},
                             {.fd = console_job_fd(gateway->console), .events = POLLIN}};
    (void)poll(waits, sizeof waits / sizeof waits[0], *is_draining ? 20 : -1);
    gateway_watch_audit(gateway);
    if (waits[3].revents != 0) {
        session_orders_take(gateway->orders);
    }
    if (waits[4].revents != 0) {
        console_take_jobs(gateway->console);
    }
    if (!gateway_take_control(gateway)) {
        return false; /* the supervisor has gone */
    }
    return waits[0].revents == 0 || take_signals(gateway, signals, is_draining);
}

static void wait_for_end(struct gateway *gateway, int signals, struct worker_thread *threads)
{
    bool is_draining = false;
    int64_t deadline_us = 0;
    bool goes_on = true;
    while (goes_on && !(is_draining && threads_are_done(gateway, threads))) {
        bool was_draining = is_draining;
        goes_on = turn(gateway, signals, &is_draining);
        int64_t now_us = rg_clock_monotonic_us(gateway->clock);
        if (is_draining && !was_draining) {
            deadline_us = now_us + gateway->snapshot->config->server.drain_timeout_us;
        }
        if (is_draining && now_us > deadline_us) {
            goes_on = false;
        }
    }
}

static void stop_threads(struct gateway *gateway, struct worker_thread *threads)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        if (gateway->workers[i].loop != NULL) {
            net_loop_stop(gateway->workers[i].loop);
        }
    }
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        if (threads[i].is_started) {
            (void)pthread_join(threads[i].id, NULL);
        }
    }
}

static void close_all(struct gateway *gateway)
{
    console_close(&gateway->console); /* before all that its commands look at */
    admin_close(&gateway->admin);
    gateway_close_state(gateway); /* before the loops that it posts to */
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        worker_done(&gateway->workers[i]);
    }
    audit_client_close(&gateway->audit);
    if (gateway->door_fd >= 0) {
        (void)close(gateway->door_fd);
    }
    for (size_t i = 0; i < gateway->listener_count; i++) {
        net_listener_close(&gateway->listeners[i]);
    }
    rg_memory_free(gateway->listeners);
    rg_memory_free(gateway->connections);
    rate_free(&gateway->address_rate);
    rate_free(&gateway->tenant_rate);
    rate_free(&gateway->statement_rate);
    http_cache_views_free(&gateway->cache_views);
    keys_free(&gateway->keys);
    quota_free(&gateway->quota);
    pool_stocks_free(&gateway->pool_stocks);
    while (gateway->snapshot != NULL) {
        struct snapshot *older = gateway->snapshot->older;
        snapshot_free(&gateway->snapshot);
        gateway->snapshot = older;
    }
    rg_memory_free(gateway->workers);
    gateway_close_metrics(gateway);
    rg_log_close(&gateway->log);
}

static rg_status serve(struct gateway *gateway, int signals)
{
    RG_TRY(open_shared(gateway));
    RG_TRY(config_log_apply(&gateway->snapshot->config->log, gateway->log));
    RG_TRY(gateway_open_admin(gateway)); /* says "starting" until the loops run */
    gateway_wait_for_catalogs(gateway, gateway->snapshot);
    RG_TRY(open_listeners(gateway));
    gateway->worker_count = gateway->snapshot->config->server.workers;
    gateway->workers = rg_memory_array(gateway->worker_count, sizeof(struct worker));
    struct worker_thread *threads = rg_memory_array(gateway->worker_count, sizeof *threads);
    rg_status status = open_workers(gateway, threads);
    status = rg_is_ok(status) ? gateway_open_console(gateway) : status;
    if (rg_is_ok(status)) {
        health_enter(gateway->health, HEALTH_SERVING);
        gateway_say_ready(gateway);
        rg_log_event(gateway->log, RG_LOG_INFO, "server.ready", "s:i, s:s, s:s", "workers", (int)gateway->worker_count,
                     "digest", gateway->snapshot->digest, "version", ROWGATE_VERSION);
        wait_for_end(gateway, signals, threads);
    }
    char text[512];
    (void)snprintf(text, sizeof text, "%s", rg_is_ok(status) ? "" : status.error->text);
    stop_threads(gateway, threads);
    rg_memory_free(threads);
    net_offload_free(&gateway->offload);
    return text[0] == '\0' ? RG_OK : rg_fail(RG_CONFIG, "%s", text);
}

rg_status gateway_run(const struct gateway_options *options)
{
    int signals = open_signals();
    if (signals < 0) {
        return rg_fail(RG_INTERNAL, "signalfd: %s", strerror(errno));
    }
    (void)prctl(PR_SET_DUMPABLE, 0); /* no core dump holds a token or a key (L7) */
    /* records of two runs of the gateway are told apart by their sessions: a later run starts above an earlier one */
    uint64_t first_session_id = (uint64_t)rg_clock_wall_us(rg_clock_system());
    struct gateway gateway = {.clock = rg_clock_system(),
                              .options = options,
                              .door_fd = -1,
                              .path = options->path,
                              .next_session_id = first_session_id};
    (void)sem_init(&gateway.swapped, 0, 0);
    rg_status status = rg_log_open(NULL, RG_LOG_INFO, gateway.clock, &gateway.log);
    if (rg_is_ok(status)) {
        enter_fence(&gateway); /* before any thread, and before the first foreign byte */
        status = serve(&gateway, signals);
    }
    char text[512];
    (void)snprintf(text, sizeof text, "%s", rg_is_ok(status) ? "" : status.error->text);
    net_offload_free(&gateway.offload);
    close_all(&gateway);
    (void)close(signals);
    return text[0] == '\0' ? RG_OK : rg_fail(RG_CONFIG, "%s", text);
}
