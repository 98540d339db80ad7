/* SPDX-License-Identifier: Apache-2.0 */
/* The file sink against bad files: nothing is confirmed that is not there, nothing hangs, and what follows heals. */
#include "audit/export/sink_file.h"

#include <signal.h>
#include <sys/resource.h>

#include "audit/class.h"
#include "audit/export/status.h"
#include "tests/support/export_world.h"

struct sink_world {
    struct export_world export;
    char path[128];
    struct export_task task;
};

static void make_task(struct sink_world *world, const char *path)
{
    const struct export_file_options options = {
        .name = "sink", .path = path, .batch_bytes = 4096, .timeout_us = 300000, .classes = AUDIT_CLASS_ALL};
    export_file_new(&options, &world->task);
}

static void make(struct sink_world *world)
{
    *world = (struct sink_world){0};
    export_world_make(&world->export, 40);
    (void)snprintf(world->path, sizeof world->path, "%s/out.jsonl", world->export.dir.root);
    make_task(world, world->path);
}

static void done(struct sink_world *world)
{
    world->task.free(world->task.context);
    export_world_done(&world->export);
}

static rg_status run(struct sink_world *world)
{
    return world->task.turn(world->task.context, &world->export.turn);
}

static uint64_t confirmed(const struct sink_world *world)
{
    return atomic_load(&world->export.turn.slot->confirmed);
}

/* `skipped` bytes before it, then the log as it is. */
static void assert_is_the_log(const struct sink_world *world, size_t skipped)
{
    char command[512];
    (void)snprintf(command, sizeof command, "tail -c +%zu '%s' | cmp - '%s'/seg/0000000000000000.jsonl", skipped + 1,
                   world->path, world->export.dir.path);
    assert_int_equal(system(command), 0);
}

static void the_file_becomes_the_log(void **state)
{
    (void)state;
    struct sink_world world;
    make(&world);
    assert_ok(run(&world));
    assert_ok(run(&world)); /* and nothing a second time */
    assert_is_the_log(&world, 0);
    assert_int_equal(confirmed(&world), world.export.turn.size);
    done(&world);
}

static void a_line_that_was_cut_is_ended_first(void **state)
{
    (void)state;
    struct sink_world world;
    make(&world);
    audit_file_write(world.path, "{\"half", 6);
    assert_ok(run(&world));
    assert_is_the_log(&world, 7);
    done(&world);
}

static void each_bad_file_fails_and_a_good_one_gets_everything(void **state)
{
    (void)state;
    struct sink_world world;
    make(&world);
    assert_int_equal(mkdir(world.path, 0700), 0);
    assert_fails(RG_STORAGE, run(&world));
    assert_int_equal(rmdir(world.path), 0);
    assert_int_equal(symlink("/nowhere/at/all", world.path), 0);
    assert_fails(RG_STORAGE, run(&world));
    assert_int_equal(unlink(world.path), 0);
    assert_int_equal(symlink("/dev/full", world.path), 0); /* no space left on device */
    assert_fails(RG_STORAGE, run(&world));
    assert_int_equal(unlink(world.path), 0);
    assert_int_equal(confirmed(&world), 0);
    assert_ok(run(&world));
    assert_is_the_log(&world, 0);
    done(&world);
}

static void a_disk_that_fills_up_leaves_a_cut_line_and_no_gap(void **state)
{
    (void)state;
    struct sink_world world;
    struct rlimit before;
    make(&world);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {.rlim_cur = 6000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    rg_status status = run(&world);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_fails(RG_STORAGE, status);
    uint64_t known = confirmed(&world);
    assert_true(known > 0 && known < world.export.turn.size); /* the first batches are there */
    assert_ok(run(&world));
    assert_int_equal(confirmed(&world), world.export.turn.size);
    /* the cut line has its LF, and behind it comes everything that was not confirmed, whole */
    char command[1024];
    const char *log = world.export.dir.path;
    const char *root = world.export.dir.root;
    (void)snprintf(
        command, sizeof command,
        "cd '%s' && cp '%s'/seg/0*0.jsonl lines && wc -l <lines >want && sort -u '%s' | grep -cFxf lines >got && "
        "cmp want got",
        root, log, world.path);
    assert_int_equal(system(command), 0);
    done(&world);
}

static void a_fifo_that_nobody_reads_fails_and_does_not_hang(void **state)
{
    (void)state;
    struct sink_world world;
    make(&world);
    assert_int_equal(mkfifo(world.path, 0600), 0);
    assert_fails(RG_STORAGE, run(&world));
    int reader = open(world.path, O_RDONLY | O_NONBLOCK); /* opens it and reads nothing */
    assert_true(reader >= 0);
    assert_true(fcntl(reader, F_SETPIPE_SZ, 4096) >= 0);
    assert_fails(RG_STORAGE, run(&world));
    assert_true(confirmed(&world) < world.export.turn.size);
    (void)close(reader);
    done(&world);
}

static void moved_away_it_is_made_anew(void **state)
{
    (void)state;
    struct sink_world world;
    char moved[160];
    make(&world);
    uint64_t size = world.export.turn.size;
    world.export.turn.size = 5;
    assert_ok(run(&world));
    (void)snprintf(moved, sizeof moved, "%s.1", world.path);
    assert_int_equal(rename(world.path, moved), 0);
    world.export.turn.size = size;
    assert_ok(run(&world));
    char command[512];
    (void)snprintf(command, sizeof command, "cat '%s' '%s' | cmp - '%s'/seg/0000000000000000.jsonl", moved, world.path,
                   world.export.dir.path);
    assert_int_equal(system(command), 0);
    done(&world);
}

static void told_to_stop_it_stops_without_confirming(void **state)
{
    (void)state;
    struct sink_world world;
    make(&world);
    export_runner_stop(world.export.runner, 0);
    assert_fails(RG_CLOSED, run(&world));
    assert_int_equal(confirmed(&world), 0);
    done(&world);
}

/* ---- the status ---- */

static void the_status_is_read_as_it_was_written_and_in_no_other_way(void **state)
{
    (void)state;
    struct sink_world world;
    struct export_status status = {0};
    struct audit_file file;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4 << 20);
    make(&world);
    assert_fails(RG_CLOSED, export_status_load(world.export.dir.path, &arena, &status));
    assert_ok(export_status_write(world.export.runner));
    assert_ok(export_status_load(world.export.dir.path, &arena, &status));
    assert_int_equal(status.size, world.export.turn.size);
    assert_int_equal(status.task_count, 1);
    assert_true(status.tasks[0].works);
    assert_int_equal(status.tasks[0].lag_records, status.size);
    assert_true(rg_slice_is_equal(status.tasks[0].name, RG_SLICE("sink")));
    audit_file_load(&world.export.dir, "export/status.json", &file);
    for (size_t i = 0; i + 2 < file.size; i += 3) { /* without its last brace it is nothing */
        struct export_status untouched = {.size = 77};
        audit_file_write(file.path, file.bytes, i);
        assert_fails(RG_PROTOCOL, export_status_load(world.export.dir.path, &arena, &untouched));
        assert_int_equal(untouched.size, 77);
    }
    audit_file_write(file.path, "{\"version\":2}", 13);
    assert_fails(RG_PROTOCOL, export_status_load(world.export.dir.path, &arena, &status));
    free(file.bytes);
    done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_becomes_the_log),
        cmocka_unit_test(a_line_that_was_cut_is_ended_first),
        cmocka_unit_test(each_bad_file_fails_and_a_good_one_gets_everything),
        cmocka_unit_test(a_disk_that_fills_up_leaves_a_cut_line_and_no_gap),
        cmocka_unit_test(a_fifo_that_nobody_reads_fails_and_does_not_hang),
        cmocka_unit_test(moved_away_it_is_made_anew),
        cmocka_unit_test(told_to_stop_it_stops_without_confirming),
        cmocka_unit_test(the_status_is_read_as_it_was_written_and_in_no_other_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
