/* SPDX-License-Identifier: Apache-2.0 */
/* The exporter's threads beside a real auditor: failures are told once, what hangs disturbs nobody, the log takes from
 * this channel what it may and nothing else. */
#include "audit/export/runner.h"

#include <stdatomic.h>
#include <time.h>

#include "audit/export/status.h"
#include "tests/support/auditor_rig.h"

enum { MS = 1000 };

/* A destination that does what the test says. */
struct fake {
    _Atomic int turns;
    _Atomic int last_turns;
    _Atomic bool fails;
    _Atomic bool hangs;
    _Atomic bool records;
    _Atomic int recorded;
    _Atomic int refused;
    _Atomic uint64_t size;
};

static void nap(int64_t us)
{
    const struct timespec time = {us / 1000000, us % 1000000 * 1000};
    (void)nanosleep(&time, NULL);
}

static rg_status fake_turn(void *context, struct export_turn *turn)
{
    struct fake *fake = context;
    const struct audit_event event = {
        .kind = AUDIT_EXPORT_SEGMENT, .wall_us = 1, .object = RG_SLICE("an-object"), .last_seq = 1};
    (void)atomic_fetch_add(&fake->turns, 1);
    (void)atomic_fetch_add(&fake->last_turns, turn->is_last ? 1 : 0);
    while (atomic_load(&fake->hangs)) { /* never asks whether it should stop */
        nap(MS);
    }
    if (atomic_load(&fake->records)) {
        rg_status status = export_record(turn, &event);
        (void)atomic_fetch_add(rg_is_ok(status) ? &fake->recorded : &fake->refused, 1);
        RG_TRY(status);
        atomic_store(&fake->records, false);
    }
    if (atomic_load(&fake->fails)) {
        return rg_fail(RG_UPSTREAM, "bucket.example does not answer");
    }
    atomic_store(&fake->size, turn->size);
    export_confirm(turn, turn->size, 0);
    return RG_OK;
}

static void fake_free(void *context)
{
    (void)context;
}

struct world {
    struct audit_dir dir;
    struct auditor_rig rig;
    struct export_runner *runner;
    struct audit_client *gateway;
    struct fake fakes[2];
};

static int exporter_door(const struct auditor_rig *rig)
{
    int ours = -1;
    int theirs = -1;
    rig_pair(SOCK_SEQPACKET, &ours, &theirs);
    const struct audit_control message = {
        .type = AUDIT_CONTROL_DOOR, .which = RG_SLICE(AUDIT_CONTROL_EXPORTER), .fd = theirs};
    assert_ok(audit_control_send(rig->control, &message));
    (void)close(theirs);
    return ours;
}

static void start_runner(struct world *world, bool has_door)
{
    const struct export_runner_options options = {.directory = world->dir.path,
                                                  .clock = rg_clock_system(),
                                                  .alert_us = 500 * MS,
                                                  .first_delay_us = 20 * MS,
                                                  .last_delay_us = 80 * MS};
    const struct export_task tasks[] = {{"first", fake_turn, fake_free, &world->fakes[0]},
                                        {"second", fake_turn, fake_free, &world->fakes[1]}};
    assert_ok(export_runner_open(&options, tasks, 2, &world->runner));
    export_runner_set_door(world->runner, has_door ? exporter_door(&world->rig) : -1);
    assert_ok(export_runner_start(world->runner));
}

static void make(struct world *world)
{
    *world = (struct world){0};
    audit_dir_make_fast(&world->dir);
    struct auditor_options options = audit_dir_options(&world->dir);
    assert_ok(rig_start(&world->rig, &options));
    assert_ok(audit_client_open(world->rig.door, 0, &world->gateway));
    rig_await_state(world->gateway, AUDIT_OPEN);
}

static void stop_runner(struct world *world)
{
    export_runner_stop(world->runner, 0);
    assert_true(export_runner_wait(world->runner, rg_clock_monotonic_us(rg_clock_system()) + 10000 * (int64_t)MS));
    export_runner_close(&world->runner);
}

static void done(struct world *world)
{
    if (world->runner != NULL) {
        stop_runner(world);
    }
    audit_client_close(&world->gateway);
    assert_true(rig_stop(&world->rig));
    assert_intact(&world->dir, 0);
    audit_dir_remove(&world->dir);
}

#define AWAIT(condition)                                                                                               \
    do {                                                                                                               \
        for (int await_i = 0; await_i < 1000 && !(condition); await_i++) {                                             \
            nap(10 * MS);                                                                                              \
        }                                                                                                              \
        assert_true(condition);                                                                                        \
    } while (0)

static size_t states(const struct world *world)
{
    return audit_dir_count(&world->dir, "\"kind\":\"export.state\"");
}

static void a_long_failure_is_recorded_once_and_its_end_once(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    atomic_store(&world.fakes[0].fails, true);
    start_runner(&world, true);
    AWAIT(states(&world) == 1);
    int turns = atomic_load(&world.fakes[0].turns);
    AWAIT(atomic_load(&world.fakes[0].turns) > turns + 5);
    assert_int_equal(states(&world), 1);
    assert_int_equal(audit_dir_count(&world.dir, "bucket.example does not answer"), 1);
    atomic_store(&world.fakes[0].fails, false);
    AWAIT(states(&world) == 2);
    nap(400 * MS);
    assert_int_equal(states(&world), 2);
    done(&world);
}

static void a_short_failure_is_nobodys_business(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    atomic_store(&world.fakes[0].fails, true);
    start_runner(&world, true);
    AWAIT(atomic_load(&world.fakes[0].turns) >= 2);
    atomic_store(&world.fakes[0].fails, false);
    nap(1000 * MS);
    assert_int_equal(states(&world), 0);
    done(&world);
}

static void failures_come_slower_and_slower(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    atomic_store(&world.fakes[0].fails, true);
    start_runner(&world, true);
    nap(1000 * MS);
    int turns = atomic_load(&world.fakes[0].turns); /* 20, 40, 80, 80, ... ms, each at least three quarters of it */
    assert_true(turns >= 3 && turns <= 2 + 1000 / 60 + 1);
    for (uint64_t i = 0; i < 200; i++) { /* a log that grows all the time changes nothing about that */
        assert_true(rig_write_one(world.gateway, i));
    }
    done(&world);
}

static void a_log_that_grows_wakes_those_that_work(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    start_runner(&world, true);
    AWAIT(atomic_load(&world.fakes[1].turns) >= 1);
    for (uint64_t i = 0; i < 3; i++) {
        assert_true(rig_write_one(world.gateway, i));
    }
    AWAIT(atomic_load(&world.fakes[1].size) >= 4);
    int turns = atomic_load(&world.fakes[1].turns);
    nap(1500 * MS); /* nothing happens, so nobody is woken */
    assert_true(atomic_load(&world.fakes[1].turns) <= turns + 1);
    done(&world);
}

static void one_that_hangs_disturbs_no_other_and_is_left_behind(void **state)
{
    (void)state;
    struct world world;
    struct export_status status;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 1 << 20);
    make(&world);
    atomic_store(&world.fakes[0].hangs, true);
    start_runner(&world, true);
    AWAIT(atomic_load(&world.fakes[0].turns) == 1);
    for (uint64_t i = 0; i < 50; i++) {
        assert_true(rig_write_one(world.gateway, i)); /* the gate does not wait for it */
    }
    AWAIT(atomic_load(&world.fakes[1].size) >= 51);
    AWAIT(rg_is_ok(export_status_load(world.dir.path, &arena, &status)) && status.tasks[0].lag_records >= 51 &&
          status.tasks[0].lag_us > 0 && status.tasks[1].lag_records == 0);
    int64_t now_us = rg_clock_monotonic_us(rg_clock_system());
    export_runner_stop(world.runner, 100 * MS);
    assert_false(export_runner_wait(world.runner, now_us + 500 * MS));
    assert_true(rg_clock_monotonic_us(rg_clock_system()) - now_us < 5000 * (int64_t)MS);
    atomic_store(&world.fakes[0].hangs, false); /* a process would end here */
    assert_true(export_runner_wait(world.runner, now_us + 20000 * (int64_t)MS));
    export_runner_close(&world.runner);
    done(&world);
}

static void the_last_turn_sees_what_was_written_last(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    start_runner(&world, true);
    for (uint64_t i = 0; i < 10; i++) {
        assert_true(rig_write_one(world.gateway, i));
    }
    audit_client_close(&world.gateway);
    assert_true(rig_stop(&world.rig));
    export_runner_stop(world.runner, 1500 * MS);
    assert_true(export_runner_wait(world.runner, rg_clock_monotonic_us(rg_clock_system()) + 10000 * (int64_t)MS));
    assert_int_equal(atomic_load(&world.fakes[0].last_turns), 1);
    assert_int_equal(atomic_load(&world.fakes[0].size), audit_dir_count(&world.dir, "\"hlc\":"));
    export_runner_close(&world.runner);
    assert_intact(&world.dir, 0);
    audit_dir_remove(&world.dir);
}

static void a_record_without_an_auditor_fails_and_is_tried_again(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    atomic_store(&world.fakes[0].records, true);
    start_runner(&world, false);
    AWAIT(atomic_load(&world.fakes[0].refused) >= 2);
    assert_int_equal(atomic_load(&world.fakes[0].recorded), 0);
    export_runner_set_door(world.runner, exporter_door(&world.rig)); /* as after an auditor's death */
    AWAIT(atomic_load(&world.fakes[0].recorded) == 1);
    assert_int_equal(audit_dir_count(&world.dir, "\"kind\":\"export.segment\""), 1);
    done(&world);
}

/* Whether the log takes a record of this kind from that door. */
static bool is_taken(const struct auditor_rig *rig, int door, enum audit_kind kind)
{
    struct audit_client *client = NULL;
    struct audit_event event = audit_sample(1, "");
    uint64_t ticket = 0;
    uint64_t seq = 0;
    (void)rig;
    event.kind = kind;
    event.object = RG_SLICE("x");
    assert_ok(audit_client_open(door, 0, &client));
    rig_await_state(client, AUDIT_OPEN);
    assert_ok(audit_submit(client, &event, &ticket));
    bool is_durable = rig_await(client, ticket, &seq);
    audit_client_close(&client);
    return is_durable;
}

static void each_door_has_kinds_of_its_own(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    int door = exporter_door(&world.rig);
    for (int i = AUDIT_NONE + 1; i < AUDIT_KIND_COUNT; i++) {
        enum audit_kind kind = (enum audit_kind)i;
        bool is_exporters = kind == AUDIT_EXPORT_SEGMENT || kind == AUDIT_EXPORT_STATE || kind == AUDIT_PEER_CKPT ||
                            kind == AUDIT_CLUSTER_MEMBERS;
        bool is_gateways = kind >= AUDIT_LOGIN && kind <= AUDIT_POLICY_REFUSED;
        if (is_taken(&world.rig, door, kind) != is_exporters ||
            is_taken(&world.rig, world.rig.door, kind) != is_gateways) {
            fail_msg("%s came through the wrong door, or not through its own", audit_kind_name(kind));
        }
    }
    (void)close(door);
    done(&world);
}

static void a_directory_that_is_no_log_is_refused(void **state)
{
    (void)state;
    struct export_runner *runner = NULL;
    struct fake fake = {0};
    const struct export_task task = {"x", fake_turn, fake_free, &fake};
    const struct export_runner_options options = {.directory = "/nowhere/at/all", .clock = rg_clock_system()};
    assert_fails(RG_STORAGE, export_runner_open(&options, &task, 1, &runner));
    assert_null(runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_failure_is_recorded_once_and_its_end_once),
        cmocka_unit_test(a_short_failure_is_nobodys_business),
        cmocka_unit_test(failures_come_slower_and_slower),
        cmocka_unit_test(a_log_that_grows_wakes_those_that_work),
        cmocka_unit_test(one_that_hangs_disturbs_no_other_and_is_left_behind),
        cmocka_unit_test(the_last_turn_sees_what_was_written_last),
        cmocka_unit_test(a_record_without_an_auditor_fails_and_is_tried_again),
        cmocka_unit_test(each_door_has_kinds_of_its_own),
        cmocka_unit_test(a_directory_that_is_no_log_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
