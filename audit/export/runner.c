/* SPDX-License-Identifier: Apache-2.0 */
/* One thread a task: it waits until there is something to do, lets the task do it, and decides by the outcome when to
 * come again. What a task blocks in blocks nobody else. */
#include "audit/export/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "audit/export/runner_private.h"
#include "audit/reader.h"
#include "audit/store.h"
#include "base/rg_memory.h"

enum { ARENA_BYTES = 64 * 1024, FIRST_DELAY_US = 1000000, LAST_DELAY_US = 60000000, SLICE_US = 100000 };

int64_t export_now_us(const struct export_runner *runner)
{
    return rg_clock_monotonic_us(runner->options.clock);
}

/* ---- what a turn may ask ---- */

bool export_should_stop(const struct export_turn *turn)
{
    struct export_slot *slot = turn->slot;
    struct export_runner *runner = slot->runner;
    int64_t now_us = export_now_us(runner);
    int phase = atomic_load(&runner->phase);
    atomic_store(&slot->alive_us, now_us);
    return phase == EXPORT_HALTED || (phase == EXPORT_LAST && now_us >= atomic_load(&runner->deadline_us));
}

bool export_sleep(const struct export_turn *turn, int64_t us)
{
    int64_t end_us = export_now_us(turn->slot->runner) + us;
    while (!export_should_stop(turn)) {
        int64_t left_us = end_us - export_now_us(turn->slot->runner);
        if (left_us <= 0) {
            return true;
        }
        int64_t slice_us = left_us < SLICE_US ? left_us : SLICE_US;
        const struct timespec slice = {.tv_nsec = slice_us * 1000};
        (void)nanosleep(&slice, NULL);
    }
    return false;
}

void export_confirm(struct export_turn *turn, uint64_t size, int64_t hlc_us)
{
    struct export_slot *slot = turn->slot;
    if (size >= atomic_load(&slot->confirmed)) {
        atomic_store(&slot->confirmed, size);
        atomic_store(&slot->confirmed_hlc_us, hlc_us);
    }
}

rg_status export_record(struct export_turn *turn, const struct audit_event *event)
{
    return export_channel_record(turn->slot->runner, turn, INT64_MAX, event);
}

void export_seal(struct export_turn *turn)
{
    const struct export_runner_options *options = &turn->slot->runner->options;
    if (options->seal != NULL) {
        options->seal(options->context);
    }
}

void export_warn(struct export_turn *turn, const char *text)
{
    const struct export_slot *slot = turn->slot;
    if (slot->runner->options.log != NULL) {
        rg_log_event(slot->runner->options.log, RG_LOG_WARNING, "audit.export.warning", "s:s, s:s", "sink",
                     slot->task.name, "text", text);
    }
}

/* ---- waiting; under the mutex ---- */

static void wait_until(struct export_runner *runner, int64_t until_us)
{
    int64_t left_us = until_us - export_now_us(runner);
    struct timespec end;
    (void)clock_gettime(CLOCK_MONOTONIC, &end); /* the clock of the condition; the runner's may be a test's */
    left_us = left_us > 3600 * (int64_t)1000000 ? 3600 * (int64_t)1000000 : left_us;
    left_us = left_us < 0 ? 0 : left_us;
    int64_t ns = end.tv_nsec + left_us % 1000000 * 1000;
    end.tv_sec += left_us / 1000000 + ns / 1000000000;
    end.tv_nsec = ns % 1000000000;
    (void)pthread_cond_timedwait(&runner->changed, &runner->mutex, &end);
}

/* When the slot is due: now or earlier = it is; INT64_MAX = not before something happens. */
static int64_t due_us(const struct export_slot *slot)
{
    if (slot->delay_us > 0) {
        return slot->retry_us; /* a growing log does not shorten the back-off */
    }
    if (!slot->has_run || slot->seen_size < atomic_load(&slot->runner->size)) {
        return 0;
    }
    return slot->due_us == 0 ? INT64_MAX : slot->due_us;
}

/* False = the thread is to end. */
static bool wait_for_turn(struct export_slot *slot)
{
    struct export_runner *runner = slot->runner;
    for (;;) {
        int phase = atomic_load(&runner->phase);
        if (phase == EXPORT_HALTED || (phase == EXPORT_LAST && slot->had_last)) {
            return false;
        }
        if (phase == EXPORT_LAST) {
            slot->had_last = true;
            return export_now_us(runner) < atomic_load(&runner->deadline_us);
        }
        int64_t due = due_us(slot);
        if (due <= export_now_us(runner)) {
            return true;
        }
        wait_until(runner, due);
    }
}

/* ---- outcomes; under the mutex ---- */

static void log_outcome(const struct export_slot *slot, enum rg_log_level level, const char *event)
{
    if (slot->runner->options.log != NULL) {
        rg_log_event(slot->runner->options.log, level, event, "s:s, s:s, s:I", "sink", slot->task.name, "reason",
                     slot->reason, "confirmed", (long long)atomic_load(&slot->confirmed));
    }
}

/* Three quarters to five quarters of it: destinations that came back are not asked by all at once. */
static int64_t jittered(int64_t us)
{
    uint32_t random = 0;
    rg_random(&random, sizeof random);
    return us - us / 4 + (int64_t)(random % 1024U) * us / 2048;
}

static void on_failure(struct export_slot *slot, rg_status status)
{
    const struct export_runner_options *options = &slot->runner->options;
    int64_t now_us = export_now_us(slot->runner);
    bool is_first = slot->failing_us == 0;
    (void)snprintf(slot->reason, sizeof slot->reason, "%.*s", EXPORT_REASON_MAX - 1, status.error->text);
    slot->failures++;
    slot->delay_us = slot->delay_us == 0 ? options->first_delay_us : slot->delay_us * 2;
    slot->delay_us = slot->delay_us > options->last_delay_us ? options->last_delay_us : slot->delay_us;
    slot->retry_us = now_us + jittered(slot->delay_us);
    if (is_first) {
        slot->failing_us = now_us;
        slot->failing_wall_us = rg_clock_wall_us(options->clock);
        log_outcome(slot, RG_LOG_WARNING, "audit.export.failing");
    }
}

static void on_success(struct export_slot *slot, const struct export_turn *turn)
{
    bool was_failing = slot->failing_us != 0;
    slot->failing_us = 0;
    slot->delay_us = 0;
    slot->seen_size = turn->size;
    slot->due_us = turn->next_us;
    slot->alive_wall_us = rg_clock_wall_us(slot->runner->options.clock);
    if (was_failing) {
        log_outcome(slot, RG_LOG_INFO, "audit.export.works");
        slot->reason[0] = '\0';
    }
}

static void absorb(struct export_slot *slot, const struct export_turn *turn, rg_status status)
{
    slot->has_run = true;
    slot->turns++;
    if (rg_is_ok(status)) {
        on_success(slot, turn);
    } else if (!export_should_stop(turn)) { /* else it says nothing about the destination */
        on_failure(slot, status);
    }
}

static void *slot_main(void *argument)
{
    struct export_slot *slot = argument;
    struct export_runner *runner = slot->runner;
    char name[16];
    (void)snprintf(name, sizeof name, "%.15s", slot->task.name);
    (void)prctl(PR_SET_NAME, name);
    (void)pthread_mutex_lock(&runner->mutex);
    while (wait_for_turn(slot)) {
        struct export_turn turn = {.directory_fd = runner->directory_fd,
                                   .directory = runner->options.directory,
                                   .origin = runner->origin,
                                   .clock = runner->options.clock,
                                   .size = atomic_load(&runner->size),
                                   .is_last = atomic_load(&runner->phase) == EXPORT_LAST,
                                   .slot = slot};
        atomic_store(&slot->alive_us, export_now_us(runner));
        (void)pthread_mutex_unlock(&runner->mutex);
        rg_status status = slot->task.turn(slot->task.context, &turn);
        (void)pthread_mutex_lock(&runner->mutex);
        absorb(slot, &turn, status);
        atomic_store(&slot->alive_us, 0);
    }
    (void)pthread_mutex_unlock(&runner->mutex);
    return NULL;
}

/* ---- the runner's life ---- */

static rg_status open_directories(struct export_runner *runner)
{
    const struct audit_store *store = audit_store_files();
    RG_TRY(audit_directory_open(rg_slice_of(runner->options.directory), &runner->arena, &runner->directory_fd));
    RG_TRY(audit_origin_load(runner->directory_fd, &runner->arena, &runner->origin));
    int made = store->make_directory(store->context, runner->directory_fd, "export");
    if (made < 0) {
        return rg_fail(RG_STORAGE, "cannot make export/ in the log's directory: %s", strerror(-made));
    }
    runner->state_fd = openat(runner->directory_fd, "export", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return runner->state_fd >= 0
               ? RG_OK
               : rg_fail(RG_STORAGE, "cannot open export/ in the log's directory: %s", strerror(errno));
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    RG_ASSERT(pthread_condattr_init(&attributes) == 0);
    RG_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    RG_ASSERT(pthread_cond_init(condition, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

rg_status export_runner_open(const struct export_runner_options *options, const struct export_task *tasks,
                             size_t task_count, struct export_runner **out_runner)
{
    struct export_runner *runner = rg_memory_alloc(sizeof *runner + task_count * sizeof runner->slots[0]);
    runner->options = *options;
    runner->options.first_delay_us = options->first_delay_us == 0 ? FIRST_DELAY_US : options->first_delay_us;
    runner->options.last_delay_us = options->last_delay_us == 0 ? LAST_DELAY_US : options->last_delay_us;
    runner->directory_fd = -1;
    runner->state_fd = -1;
    runner->door_fd = -1;
    runner->slot_count = task_count;
    rg_arena_init(&runner->arena, ARENA_BYTES);
    init_condition(&runner->changed);
    RG_ASSERT(pthread_mutex_init(&runner->mutex, NULL) == 0 && pthread_mutex_init(&runner->channel_mutex, NULL) == 0);
    for (size_t i = 0; i < task_count; i++) {
        runner->slots[i].runner = runner;
        runner->slots[i].task = tasks[i];
    }
    rg_status status = open_directories(runner);
    if (!rg_is_ok(status)) {
        export_runner_close(&runner);
        return status;
    }
    export_look_size(runner, true);
    runner->first_size = atomic_load(&runner->size);
    runner->opened_wall_us = rg_clock_wall_us(options->clock);
    *out_runner = runner;
    return RG_OK;
}

rg_status export_runner_start(struct export_runner *runner)
{
    int failure = pthread_create(&runner->watcher, NULL, export_watch_main, runner);
    runner->is_watching = failure == 0;
    for (size_t i = 0; failure == 0 && i < runner->slot_count; i++) {
        failure = pthread_create(&runner->slots[i].thread, NULL, slot_main, &runner->slots[i]);
        runner->slots[i].is_started = failure == 0;
    }
    return failure == 0 ? RG_OK : rg_fail(RG_INTERNAL, "cannot start a thread: %s", strerror(failure));
}

void export_runner_stop(struct export_runner *runner, int64_t patience_us)
{
    export_look_size(runner, true);
    (void)pthread_mutex_lock(&runner->mutex);
    atomic_store(&runner->deadline_us, export_now_us(runner) + patience_us);
    atomic_store(&runner->phase, patience_us > 0 ? EXPORT_LAST : EXPORT_HALTED);
    (void)pthread_cond_broadcast(&runner->changed);
    (void)pthread_mutex_unlock(&runner->mutex);
}

static bool join(pthread_t thread, bool *is_started, const struct export_runner *runner, int64_t deadline_us)
{
    while (*is_started) {
        if (pthread_tryjoin_np(thread, NULL) == 0) {
            *is_started = false;
        } else if (export_now_us(runner) >= deadline_us) {
            return false;
        } else {
            const struct timespec slice = {.tv_nsec = 2000000};
            (void)nanosleep(&slice, NULL);
        }
    }
    return true;
}

bool export_runner_wait(struct export_runner *runner, int64_t deadline_us)
{
    bool are_done = true;
    for (size_t i = 0; i < runner->slot_count; i++) {
        struct export_slot *slot = &runner->slots[i];
        are_done = join(slot->thread, &slot->is_started, runner, deadline_us) && are_done;
    }
    (void)pthread_mutex_lock(&runner->mutex); /* the watcher is the last to go: it writes what came of the last turns */
    atomic_store(&runner->phase, EXPORT_HALTED);
    (void)pthread_cond_broadcast(&runner->changed);
    (void)pthread_mutex_unlock(&runner->mutex);
    return join(runner->watcher, &runner->is_watching, runner, deadline_us + SLICE_US) && are_done;
}

void export_runner_close(struct export_runner **runner)
{
    struct export_runner *closing = *runner;
    *runner = NULL;
    if (closing == NULL) {
        return;
    }
    for (size_t i = 0; i < closing->slot_count; i++) {
        RG_ASSERT(!closing->slots[i].is_started);
        closing->slots[i].task.free(closing->slots[i].task.context);
    }
    RG_ASSERT(!closing->is_watching);
    audit_client_close(&closing->client);
    audit_fd_done(&closing->door_fd);
    audit_fd_done(&closing->state_fd);
    audit_fd_done(&closing->directory_fd);
    (void)pthread_cond_destroy(&closing->changed);
    (void)pthread_mutex_destroy(&closing->mutex);
    (void)pthread_mutex_destroy(&closing->channel_mutex);
    rg_arena_done(&closing->arena);
    rg_memory_free(closing);
}
