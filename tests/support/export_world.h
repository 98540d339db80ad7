/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_EXPORT_WORLD_H
#define RG_TESTS_SUPPORT_EXPORT_WORLD_H

/* A log on disk and one task's view of it, without threads: its turns are the test's to call. */
#include "audit/export/runner_private.h"
#include "tests/support/audit_dir.h"

struct export_world {
    struct audit_dir dir;
    struct export_runner *runner;
    struct export_turn turn;
};

static inline rg_status export_world_no_turn(void *context, struct export_turn *turn)
{
    (void)context;
    (void)turn;
    return RG_OK;
}

static inline void export_world_no_free(void *context)
{
    (void)context;
}

/* Opens the directory again: what a new process would see. name: the task's. */
static inline void export_world_open(struct export_world *world, const char *name)
{
    const struct export_task task = {.name = name, .turn = export_world_no_turn, .free = export_world_no_free};
    const struct export_runner_options options = {
        .directory = world->dir.path, .clock = rg_clock_system(), .alert_us = 1000000};
    export_runner_close(&world->runner);
    assert_ok(export_runner_open(&options, &task, 1, &world->runner));
    world->turn = (struct export_turn){.directory_fd = world->runner->directory_fd,
                                       .directory = world->dir.path,
                                       .origin = world->runner->origin,
                                       .clock = options.clock,
                                       .size = atomic_load(&world->runner->size),
                                       .slot = &world->runner->slots[0]};
}

/* A stopped log of log.started, `count` statements, log.checkpoint, log.stopped or so. */
static inline void export_world_make(struct export_world *world, uint64_t count)
{
    *world = (struct export_world){0};
    audit_dir_make_fast(&world->dir);
    audit_dir_fill(&world->dir, count);
    export_world_open(world, "sink");
}

static inline void export_world_done(struct export_world *world)
{
    export_runner_close(&world->runner);
    audit_dir_remove(&world->dir);
}

#endif
