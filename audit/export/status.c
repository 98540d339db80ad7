/* SPDX-License-Identifier: Apache-2.0 */
/* The status file, written by the runner's watcher and read by `rowgate audit status`. */
#include "audit/export/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include "audit/export/runner_private.h"
#include "audit/reader.h"
#include "audit/store.h"

enum { STATUS_MAX = 4 * 1024 * 1024, TASKS_MAX = 10000 };

static void json_done(json_t *const *json)
{
    json_decref(*json);
}

/* ---- writing ---- */

static json_t *describe(struct export_slot *slot)
{
    struct export_runner *runner = slot->runner;
    int64_t wall_us = rg_clock_wall_us(runner->options.clock);
    int64_t now_us = export_now_us(runner);
    uint64_t size = atomic_load(&runner->size);
    uint64_t confirmed = atomic_load(&slot->confirmed);
    bool is_failing = export_is_failing(slot, now_us);
    bool hangs = is_failing && slot->failing_us == 0;
    int64_t since_us = hangs ? wall_us - (now_us - atomic_load(&slot->alive_us)) : slot->failing_wall_us;
    return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "name", slot->task.name, "works", !is_failing,
                     "since_us", (json_int_t)(is_failing ? since_us : 0), "succeeded_us",
                     (json_int_t)slot->alive_wall_us, "lag_us", (json_int_t)export_lag_us(runner, slot, wall_us),
                     "lag_records", (json_int_t)(confirmed < size ? size - confirmed : 0), "confirmed",
                     (json_int_t)confirmed, "failures", (json_int_t)slot->failures, "reason",
                     hangs ? "it hangs" : (is_failing ? slot->reason : ""));
}

static json_t *describe_all(struct export_runner *runner)
{
    json_t *tasks = json_array();
    (void)pthread_mutex_lock(&runner->mutex);
    for (size_t i = 0; i < runner->slot_count; i++) {
        (void)json_array_append_new(tasks, describe(&runner->slots[i]));
    }
    json_t *root = json_pack("{s:i, s:I, s:s%, s:I, s:o}", "version", 1, "written_us",
                             (json_int_t)rg_clock_wall_us(runner->options.clock), "origin", runner->origin.data,
                             runner->origin.size, "size", (json_int_t)atomic_load(&runner->size), "tasks", tasks);
    (void)pthread_mutex_unlock(&runner->mutex);
    return root;
}

static int put_piece(const char *bytes, size_t size, void *context)
{
    return rg_is_ok(rg_buf_put(context, rg_slice_make(bytes, size))) ? 0 : -1;
}

rg_status export_status_write(struct export_runner *runner)
{
    json_t *root RG_AUTO(json_done) = describe_all(runner);
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, STATUS_MAX);
    if (root == NULL || json_dump_callback(root, put_piece, &text, JSON_INDENT(1)) != 0) {
        return rg_fail(RG_INTERNAL, "the exporter's status cannot be written as JSON");
    }
    RG_TRY(rg_buf_put_u8(&text, '\n'));
    return audit_store_put(audit_store_files(), runner->state_fd, "status.json", "status.tmp", rg_buf_slice(&text),
                           false);
}

/* ---- reading ---- */

static rg_status read_file(const char *directory, struct rg_buf *out)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice path;
    rg_arena_init(&arena, 16 * 1024);
    RG_TRY(rg_arena_printf(&arena, &path, "%s/export/status.json", directory));
    int fd RG_AUTO(audit_fd_done) = open(path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return rg_fail(errno == ENOENT ? RG_CLOSED : RG_STORAGE, "cannot open %s: %s", path.data, strerror(errno));
    }
    for (;;) {
        char *memory = NULL;
        RG_TRY(rg_buf_reserve(out, 16 * 1024, &memory));
        ssize_t got = read(fd, memory, 16 * 1024);
        if (got < 0) {
            return rg_fail(RG_STORAGE, "cannot read %s: %s", path.data, strerror(errno));
        }
        if (got == 0) {
            return RG_OK;
        }
        rg_buf_commit(out, (size_t)got);
    }
}

struct numbers {
    json_int_t since, succeeded, lag, lag_records, confirmed, failures;
};

static rg_status read_task(json_t *item, struct rg_arena *arena, struct export_status_task *out_task)
{
    const char *name = NULL;
    const char *reason = NULL;
    int works = 0;
    struct numbers n = {0};
    if (json_unpack(item, "{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "name", &name, "works", &works, "since_us",
                    &n.since, "succeeded_us", &n.succeeded, "lag_us", &n.lag, "lag_records", &n.lag_records,
                    "confirmed", &n.confirmed, "failures", &n.failures, "reason", &reason) != 0) {
        return rg_fail(RG_PROTOCOL, "a task in the exporter's status is not as it is written");
    }
    struct export_status_task task = {.works = works != 0,
                                      .since_us = n.since,
                                      .succeeded_us = n.succeeded,
                                      .lag_us = n.lag,
                                      .lag_records = (uint64_t)n.lag_records,
                                      .confirmed = (uint64_t)n.confirmed,
                                      .failures = (uint64_t)n.failures};
    RG_TRY(rg_arena_copy(arena, rg_slice_of(name), &task.name));
    RG_TRY(rg_arena_copy(arena, rg_slice_of(reason), &task.reason));
    *out_task = task;
    return RG_OK;
}

rg_status export_status_load(const char *directory, struct rg_arena *arena, struct export_status *out_status)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, STATUS_MAX);
    RG_TRY(read_file(directory, &text));
    struct rg_slice bytes = rg_buf_slice(&text);
    json_t *root RG_AUTO(json_done) =
        json_loadb(bytes.data == NULL ? "" : bytes.data, bytes.size, JSON_REJECT_DUPLICATES, NULL);
    json_int_t written = 0;
    json_int_t size = 0;
    int version = 0;
    const char *origin = NULL;
    json_t *items = NULL;
    if (root == NULL ||
        json_unpack(root, "{s:i, s:I, s:s, s:I, s:o}", "version", &version, "written_us", &written, "origin", &origin,
                    "size", &size, "tasks", &items) != 0 ||
        version != 1 || !json_is_array(items) || json_array_size(items) > TASKS_MAX) {
        return rg_fail(RG_PROTOCOL, "%s/export/status.json is not what the exporter writes", directory);
    }
    struct export_status_task *tasks = NULL;
    struct export_status status = {.written_us = written, .size = (uint64_t)size, .task_count = json_array_size(items)};
    RG_TRY(rg_arena_array(arena, status.task_count, sizeof *tasks, (void **)&tasks));
    for (size_t i = 0; i < status.task_count; i++) {
        RG_TRY(read_task(json_array_get(items, i), arena, &tasks[i]));
    }
    RG_TRY(rg_arena_copy(arena, rg_slice_of(origin), &status.origin));
    status.tasks = tasks;
    *out_status = status;
    return RG_OK;
}
