/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints and epochs of a log with real keys, under a clock that the test owns. */
#include "tests/support/audit_checker.h"

enum { SECOND_US = 1000 * 1000 };
static const int64_t EPOCH_US = 3600LL * SECOND_US;

/* Read by the log's thread alone. */
struct test_clock {
    int64_t wall_us;
    int64_t mono_us;
};

static int64_t test_wall(void *context)
{
    const struct test_clock *clock = context;
    return clock->wall_us;
}

static int64_t test_mono(void *context)
{
    const struct test_clock *clock = context;
    return clock->mono_us;
}

struct life {
    struct audit_dir dir;
    struct test_clock time;
    struct rg_clock clock;
    uint64_t segment_bytes;
    struct audit_log log;
};

static void life_open(struct life *life)
{
    struct auditor_options options = audit_dir_options(&life->dir);
    options.segment_bytes = life->segment_bytes;
    options.clock = &life->clock;
    assert_ok(audit_log_open(&options, &life->log));
}

static void life_begin_with(struct life *life, uint64_t segment_bytes)
{
    *life = (struct life){.segment_bytes = segment_bytes, .time = {.wall_us = 1700000000000000, .mono_us = 5000000}};
    audit_dir_make(&life->dir);
    life->clock = (struct rg_clock){.wall_us = test_wall, .monotonic_us = test_mono, .context = &life->time};
    life_open(life);
}

static void life_begin(struct life *life)
{
    life_begin_with(life, 128 * 1024);
}

/* Time passes, and the auditor looks after the log as its loop does. */
static void life_wait(struct life *life, int64_t us)
{
    life->time.wall_us += us;
    life->time.mono_us += us;
    assert_ok(audit_log_watch(&life->log));
    assert_ok(audit_publisher_drain(life->log.publisher));
}

static void life_write(struct life *life, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, i % 2 == 0 ? "acme" : "globex");
        life->time.wall_us += 10;
        life->time.mono_us += 10;
        assert_ok(audit_dir_append(&life->log, &event, &seq));
    }
    assert_ok(audit_log_commit(&life->log));
}

static void life_stop(struct life *life)
{
    assert_ok(audit_log_stop(&life->log));
    audit_log_done(&life->log);
}

static void life_check(struct life *life, struct audit_checker *checker)
{
    assert_intact(&life->dir, 0);
    audit_checker_run(checker, &life->dir);
}

static void life_end(struct life *life, struct audit_checker *checker)
{
    audit_checker_done(checker);
    audit_dir_remove(&life->dir);
}

static bool has_file(const struct life *life, const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%.60s", life->dir.path, name);
    return access(path, F_OK) == 0;
}

static uint64_t published(struct life *life)
{
    struct audit_publisher_state state = {0};
    assert_ok(audit_publisher_drain(life->log.publisher));
    audit_publisher_look(life->log.publisher, &state);
    return state.size;
}

static void signs_a_checkpoint_a_second_when_there_is_something_new(void **state)
{
    (void)state;
    struct life life;
    struct audit_checker checker;
    life_begin(&life);
    assert_int_equal(published(&life), 1); /* log.started, before anything is taken from a client */
    assert_int_equal(audit_log_deadline_us(&life.log), life.time.mono_us + SECOND_US);
    for (int i = 0; i < 10; i++) {
        life_wait(&life, SECOND_US);
    }
    assert_int_equal(published(&life), 1); /* idle: nothing new to sign */
    life_write(&life, 3);
    assert_int_equal(published(&life), 5); /* a second has passed: with the commit */
    life_write(&life, 1);
    assert_int_equal(published(&life), 5);
    assert_true(audit_log_deadline_us(&life.log) <= life.time.mono_us + SECOND_US);
    life_wait(&life, SECOND_US);
    assert_int_equal(published(&life), 7);
    life_stop(&life);
    life_check(&life, &checker);
    assert_int_equal(checker.newest, checker.count);
    assert_int_equal(checker.kinds[AUDIT_LOG_CHECKPOINT], 3);
    life_end(&life, &checker);
}

static void signs_a_checkpoint_each_4096_records_and_syncs_one_a_second(void **state)
{
    (void)state;
    struct life life;
    struct audit_checker checker;
    life_begin_with(&life, 64 * 1024 * 1024);
    for (int i = 0; i < 90; i++) {
        life_write(&life, 100); /* 1 ms each: all within a second */
    }
    assert_true(published(&life) >= 8192);
    assert_true(life.log.has_unsynced_note);
    assert_false(has_file(&life, "ckpt/0000000000008192.note"));
    life_wait(&life, SECOND_US);
    assert_false(life.log.has_unsynced_note);
    life_stop(&life);
    life_check(&life, &checker);
    assert_int_equal(checker.kinds[AUDIT_LOG_CHECKPOINT], 2 + 1 + 1); /* by count, by time, at the stop */
    assert_int_equal(checker.newest, checker.count);
    life_end(&life, &checker);
}

static void steps_the_epoch_by_the_monotonic_clock_also_when_idle(void **state)
{
    (void)state;
    struct life life;
    struct audit_checker checker;
    life_begin(&life);
    for (int epoch = 1; epoch <= 4; epoch++) {
        for (int i = 0; i < 5 && epoch % 2 == 0; i++) {
            life_write(&life, 2);
            life_wait(&life, 2 * SECOND_US);
        }
        life_wait(&life, EPOCH_US);
        assert_int_equal(life.log.epoch, epoch);
    }
    struct audit_publisher_state published_state = {0};
    audit_publisher_look(life.log.publisher, &published_state);
    assert_int_equal(published_state.epoch, 4);
    assert_true(life.log.epoch_end_us > life.time.mono_us);
    life_stop(&life);
    life_check(&life, &checker);
    assert_int_equal(checker.kinds[AUDIT_EPOCH_OPEN], 4);
    assert_int_equal(checker.kinds[AUDIT_CLOCK_STEP], 0);
    assert_int_equal(checker.notes, 4 + 2); /* one for each closed epoch, the last one, head.note */
    life_end(&life, &checker);
}

static void continues_the_epoch_over_a_stop_and_steps_once_at_most(void **state)
{
    (void)state;
    struct life life;
    struct audit_checker checker;
    life_begin(&life);
    life_write(&life, 1);
    life_stop(&life);
    life.time.wall_us += EPOCH_US / 2;
    life.time.mono_us = 77; /* another boot of the machine */
    life_open(&life);
    assert_int_equal(life.log.epoch, 0);
    life_wait(&life, EPOCH_US / 2 + SECOND_US); /* the other half */
    assert_int_equal(life.log.epoch, 1);
    life_stop(&life);
    life.time.wall_us += 100 * EPOCH_US; /* a long stop burns one key, not a hundred */
    life_open(&life);
    assert_int_equal(life.log.epoch, 2);
    life_stop(&life);
    life.time.wall_us -= 50 * EPOCH_US; /* nor does a clock set back block or burn any */
    life_open(&life);
    assert_int_equal(life.log.epoch, 2);
    life_wait(&life, EPOCH_US);
    assert_int_equal(life.log.epoch, 3);
    life_stop(&life);
    life_check(&life, &checker);
    life_end(&life, &checker);
}

static void declares_a_clock_that_was_set_and_keeps_the_epoch(void **state)
{
    (void)state;
    const int64_t jumps[] = {5 * SECOND_US, -5 * SECOND_US, 40 * EPOCH_US, -41 * EPOCH_US, 900000, -900000};
    struct life life;
    struct audit_checker checker;
    life_begin(&life);
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        life_write(&life, 3);
        life_wait(&life, 3 * SECOND_US);
        life.time.wall_us += jumps[i];
        life_write(&life, 3);
        life_wait(&life, 3 * SECOND_US);
    }
    assert_int_equal(life.log.epoch, 0);
    life_stop(&life);
    life_check(&life, &checker);
    assert_int_equal(checker.kinds[AUDIT_CLOCK_STEP], 4); /* what NTP slews is none */
    life_end(&life, &checker);
}

static void stays_in_the_last_epoch_when_the_lists_of_keys_end(void **state)
{
    (void)state;
    struct life life;
    struct audit_checker checker;
    life_begin(&life);
    for (int i = 0; i < 40; i++) { /* there are 32 keys */
        life_wait(&life, EPOCH_US);
    }
    assert_int_equal(life.log.epoch, 31);
    life_write(&life, 2);
    life_wait(&life, SECOND_US);
    life_stop(&life);
    life_open(&life);
    assert_int_equal(life.log.epoch, 31);
    life_stop(&life);
    life_check(&life, &checker);
    assert_int_equal(checker.kinds[AUDIT_EPOCH_OPEN], 31);
    life_end(&life, &checker);
}

static void takes_a_rotation_at_the_next_epoch_and_records_it(void **state)
{
    (void)state;
    struct life life;
    struct audit_checker checker;
    char root_file[96];
    life_begin(&life);
    (void)snprintf(root_file, sizeof root_file, "%.60s/root.key", life.dir.root);
    const struct audit_keys_options options = {
        .directory = rg_slice_of(life.dir.path), .root_file = rg_slice_of(root_file), .epoch_count = 8};
    life_wait(&life, EPOCH_US);
    assert_ok(audit_keys_rotate(&options));
    life_write(&life, 1);
    life_wait(&life, 2 * SECOND_US);
    life_wait(&life, EPOCH_US);
    assert_int_equal(life.log.epoch, 2);
    life_wait(&life, EPOCH_US);
    life_stop(&life);
    life_check(&life, &checker);
    assert_int_equal(checker.kinds[AUDIT_KEY_ROTATE], 1);
    assert_int_equal(checker.kinds[AUDIT_EPOCH_OPEN], 3);
    life_end(&life, &checker);
}

static void seals_a_segment_with_a_checkpoint_and_a_manifest(void **state)
{
    (void)state;
    struct life life;
    struct audit_checker checker;
    life_begin(&life);
    life_write(&life, 5);
    assert_ok(audit_log_seal(&life.log));
    assert_int_equal(published(&life), 7); /* log.started, 5, log.checkpoint */
    assert_true(has_file(&life, "seg/0000000000000000.manifest"));
    assert_true(has_file(&life, "seg/0000000000000007.jsonl"));
    life_write(&life, 5);
    for (int i = 0; i < 3; i++) {
        life_wait(&life, EPOCH_US);
    }
    assert_true(has_file(&life, "ckpt/0000000000000007.note")); /* thinning keeps it */
    life_stop(&life);
    life_check(&life, &checker);
    assert_int_equal(checker.segment_count, 2);
    life_end(&life, &checker);
}

/* Each record's leaf is in the tiles once, and partial tiles of older sizes go away. */
static void keeps_one_partial_tile_a_level(void **state)
{
    (void)state;
    struct life life;
    struct audit_checker checker;
    char command[256];
    life_begin(&life);
    for (int i = 0; i < 20; i++) {
        life_write(&life, 37);
        life_wait(&life, SECOND_US);
    }
    life_stop(&life);
    life_check(&life, &checker);
    (void)snprintf(command, sizeof command, "test $(find '%s/tile' -path '*.p/*' | wc -l) -le 2", life.dir.path);
    assert_int_equal(system(command), 0);
    life_end(&life, &checker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_a_checkpoint_a_second_when_there_is_something_new),
        cmocka_unit_test(signs_a_checkpoint_each_4096_records_and_syncs_one_a_second),
        cmocka_unit_test(steps_the_epoch_by_the_monotonic_clock_also_when_idle),
        cmocka_unit_test(continues_the_epoch_over_a_stop_and_steps_once_at_most),
        cmocka_unit_test(declares_a_clock_that_was_set_and_keeps_the_epoch),
        cmocka_unit_test(stays_in_the_last_epoch_when_the_lists_of_keys_end),
        cmocka_unit_test(takes_a_rotation_at_the_next_epoch_and_records_it),
        cmocka_unit_test(seals_a_segment_with_a_checkpoint_and_a_manifest),
        cmocka_unit_test(keeps_one_partial_tile_a_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
