/* SPDX-License-Identifier: Apache-2.0 */
/* Following a log: what comes, new segments, ends that were cut and written again, records that are not complete yet.
 */
#include "audit/follow.h"

#include "tests/support/audit_dir.h"

enum { SEEN_MAX = 128 };

struct world {
    struct audit_dir dir;
    struct audit_log log;
    size_t step;
    void (*act)(struct world *world); /* at the end of the log; sets is_over */
    bool is_over;
    uint64_t seen[SEEN_MAX];
    char last_sql[64];
    size_t seen_count;
    uint64_t cut_seq;
    size_t cut_count;
    bool is_failing; /* the sink */
    char *held;
    size_t held_size;
};

static rg_status on_record(void *context, const struct audit_walked *record, const struct audit_shown *shown)
{
    struct world *world = context;
    if (world->is_failing) {
        return rg_fail(RG_CLOSED, "no more");
    }
    assert_true(world->seen_count < SEEN_MAX);
    assert_int_equal(record->place.seq, shown->seq);
    world->seen[world->seen_count++] = shown->seq;
    (void)snprintf(world->last_sql, sizeof world->last_sql, "%.*s", shown->sql.size > 60 ? 60 : (int)shown->sql.size,
                   shown->sql.size == 0 ? "" : shown->sql.data);
    return RG_OK;
}

static bool on_end(void *context)
{
    struct world *world = context;
    if (world->act != NULL) {
        world->act(world);
    }
    world->step++;
    return !world->is_over && world->step < 40;
}

static void on_cut(void *context, uint64_t seq)
{
    struct world *world = context;
    world->cut_seq = seq;
    world->cut_count++;
}

static rg_status follow(struct world *world, const char *tenant, uint64_t count, bool is_endless)
{
    struct audit_follow_options options = {
        .tenant = rg_slice_of(tenant), .last_count = count, .is_endless = is_endless};
    const struct audit_follow_sink sink = {
        .on_record = on_record, .on_end = on_end, .on_cut = on_cut, .context = world};
    return audit_follow(rg_slice_of(world->dir.path), &options, &sink);
}

static void open_log(struct world *world)
{
    struct auditor_options options = audit_dir_options(&world->dir);
    world->log = (struct audit_log){0};
    assert_ok(audit_log_open(&options, &world->log));
}

static uint64_t put(struct world *world, const char *tenant, const char *sql)
{
    uint64_t seq = 0;
    struct audit_event event = audit_sample(world->step, tenant);
    event.sql = rg_slice_of(sql);
    assert_ok(audit_dir_append(&world->log, &event, &seq));
    assert_ok(audit_log_commit(&world->log));
    return seq;
}

static void begin(struct world *world)
{
    *world = (struct world){0};
    audit_dir_make(&world->dir);
    open_log(world);
}

static void end(struct world *world)
{
    audit_log_done(&world->log);
    audit_dir_remove(&world->dir);
}

/* Numbers that rise, none twice. */
static void assert_rising(const struct world *world)
{
    for (size_t i = 1; i < world->seen_count; i++) {
        assert_true(world->seen[i] > world->seen[i - 1]);
    }
}

static void shows_the_last_ones_over_segments(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    for (size_t i = 0; i < 9; i++) {
        (void)put(&world, i % 3 == 0 ? "acme" : "globex", "select 1");
        if (i % 2 == 1) {
            assert_ok(audit_log_seal(&world.log));
        }
    }
    static const struct {
        const char *tenant;
        uint64_t count;
        size_t wanted;
    } rows[] = {{"", 4, 4}, {"acme", 2, 2}, {"acme", 50, 3}, {"globex", 6, 6}, {"nobody", 5, 0}, {"", 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world.seen_count = 0;
        assert_ok(follow(&world, rows[i].tenant, rows[i].count, false));
        assert_int_equal(world.seen_count, rows[i].wanted);
        assert_rising(&world);
    }
    end(&world);
}

static void put_and_seal(struct world *world)
{
    if (world->step < 12) {
        (void)put(world, "acme", "select 1");
        if (world->step % 3 == 2) {
            assert_ok(audit_log_seal(&world->log));
        }
    }
    world->is_over = world->step >= 14;
}

static void follows_into_new_segments(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    world.act = put_and_seal;
    assert_ok(follow(&world, "acme", 0, true));
    assert_int_equal(world.seen_count, 12);
    assert_int_equal(world.cut_count, 0);
    assert_rising(&world);
    end(&world);
}

static void newest_segment(const struct world *world, char out_path[160])
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(audit_fd_done) int fd = -1;
    struct audit_segments segments = {0};
    rg_arena_init(&arena, 1 << 20);
    assert_ok(audit_directory_open(rg_slice_of(world->dir.path), &arena, &fd));
    assert_ok(audit_segments_load(fd, &arena, &segments));
    (void)snprintf(out_path, 160, "%s/seg/%016llu.jsonl", world->dir.path,
                   (unsigned long long)segments.first_seqs[segments.count - 1]);
}

/* kill -9 with half a line written, then a start that cuts it. */
static void crash_and_recover(struct world *world)
{
    char path[160];
    if (world->step == 1) {
        (void)put(world, "acme", "before the crash");
        assert_ok(audit_segment_seal(&world->log.segment));
        audit_log_done(&world->log);
        newest_segment(world, path);
        int fd = open(path, O_WRONLY | O_APPEND);
        assert_int_equal(write(fd, "{\"unmapped\":{\"rg\":{\"seq\":\"00", 28), 28);
        (void)close(fd);
    }
    if (world->step == 4) {
        open_log(world);
        (void)put(world, "acme", "after the crash");
    }
    world->is_over = world->step >= 6;
}

static void goes_on_after_a_recovery(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    world.act = crash_and_recover;
    assert_ok(follow(&world, "acme", 0, true));
    assert_int_equal(world.seen_count, 2);
    assert_string_equal(world.last_sql, "after the crash");
    assert_rising(&world);
    end(&world);
}

/* A write that never became durable: the same numbers come again with other records. */
static void cut_and_write_other(struct world *world)
{
    char path[160];
    if (world->step == 1) {
        (void)put(world, "acme", "one that will be lost");
    }
    if (world->step == 3) {
        audit_log_done(&world->log);
        newest_segment(world, path);
        audit_file_write(path, world->held, world->held_size);
        audit_dir_forget(&world->dir);
        open_log(world);
        (void)put(world, "acme", "another one");
    }
    world->is_over = world->step >= 6;
}

static void shows_what_took_the_place_of_a_cut_end(void **state)
{
    (void)state;
    struct world world;
    char path[160];
    begin(&world);
    (void)put(&world, "acme", "one that stays");
    newest_segment(&world, path);
    struct audit_file file;
    audit_file_load(&world.dir, "seg/0000000000000000.jsonl", &file);
    world.held = file.bytes;
    world.held_size = file.size;
    world.act = cut_and_write_other;
    assert_ok(follow(&world, "acme", 5, true));
    assert_string_equal(world.last_sql, "another one");
    assert_int_equal(world.cut_count, 1);
    assert_int_equal(world.seen_count, 3); /* the one that stays is not shown twice */
    free(file.bytes);
    end(&world);
}

static void write_half(struct world *world)
{
    char path[160];
    newest_segment(world, path);
    if (world->step == 0) { /* all but the last byte of a record, zeros behind it, as a reader may find a live log */
        struct audit_file file;
        (void)put(world, "acme", "slow");
        audit_file_load(&world->dir, "seg/0000000000000000.jsonl", &file);
        size_t used = file.size;
        while (used > 0 && file.bytes[used - 1] == '\0') {
            used--;
        }
        audit_file_poke(&file, used - 1, '\0');
        world->held_size = used - 1;
        free(file.bytes);
    }
    if (world->step == 3) {
        assert_int_equal(world->seen_count, 0);
        int fd = open(path, O_WRONLY);
        assert_int_equal(pwrite(fd, "\n", 1, (off_t)world->held_size), 1);
        (void)close(fd);
    }
    world->is_over = world->step >= 5;
}

static void waits_for_the_end_of_a_record(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    world.act = write_half;
    assert_ok(follow(&world, "acme", 0, true));
    assert_int_equal(world.seen_count, 1);
    end(&world);
}

static void tells_what_it_cannot_do(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    (void)put(&world, "acme", "select 1");
    world.is_failing = true;
    assert_fails(RG_CLOSED, follow(&world, "acme", 5, false));
    struct audit_file file;
    audit_file_load(&world.dir, "seg/0000000000000000.jsonl", &file);
    audit_file_poke(&file, 30, 'x');
    assert_fails(RG_STORAGE, follow(&world, "acme", 5, false));
    free(file.bytes);
    audit_dir_run("rm -rf", world.dir.path, world.dir.path);
    assert_fails(RG_STORAGE, follow(&world, "acme", 5, true));
    assert_int_equal(world.seen_count, 0);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_last_ones_over_segments), cmocka_unit_test(follows_into_new_segments),
        cmocka_unit_test(goes_on_after_a_recovery),          cmocka_unit_test(shows_what_took_the_place_of_a_cut_end),
        cmocka_unit_test(waits_for_the_end_of_a_record),     cmocka_unit_test(tells_what_it_cannot_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
