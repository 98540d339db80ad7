/* SPDX-License-Identifier: Apache-2.0 */
/* Trails and proofs of logs that the real writer wrote: long statements in several lines, a log that is being written,
 * one whose beginning was pruned. */
#include "audit/trail/trail.h"
#include "tests/support/audit_aged.h"

enum { ARENA = 64 << 20, FILE_MAX = 16 << 20 };

struct world {
    struct audit_dir dir;
    struct rg_arena arena;
    struct rg_buf file;
    struct audit_trail_made made;
    struct audit_trail_report report;
};

static void begin(struct world *world)
{
    *world = (struct world){0};
    audit_dir_make_fast(&world->dir);
    rg_arena_init(&world->arena, ARENA);
    rg_buf_init(&world->file, FILE_MAX);
}

static void end(struct world *world)
{
    audit_dir_remove(&world->dir);
    rg_arena_done(&world->arena);
    rg_buf_done(&world->file);
}

static rg_status put(void *context, struct rg_slice bytes)
{
    return rg_buf_put(context, bytes);
}

static rg_status export(struct world *world, const char *tenant, int64_t since_us)
{
    const struct audit_trail_sink sink = {.put = put, .context = &world->file};
    const struct audit_trail_options options = {.directory = rg_slice_of(world->dir.path),
                                                .tenant = rg_slice_of(tenant),
                                                .since_us = since_us,
                                                .until_us = INT64_MAX};
    rg_buf_clear(&world->file);
    return audit_trail_export(&options, &sink, &world->arena, &world->made);
}

static void expect_intact(struct world *world)
{
    struct audit_keys keys = {0};
    struct rg_slice rest = rg_buf_slice(&world->file);
    const struct audit_trail_source source = {.next = audit_trail_read_bytes, .context = &rest};
    RG_AUTO(audit_fd_done) int fd = open(world->dir.path, O_RDONLY | O_DIRECTORY);
    assert_ok(audit_keys_load(fd, NULL, &world->arena, &keys));
    const struct audit_trail_check check = {.source = &source, .root = &keys.root};
    assert_ok(audit_trail_verify(&check, &world->arena, &world->report));
    if (world->report.result != AUDIT_INTACT) {
        fail_msg("line %llu: %.*s", (unsigned long long)world->report.line, (int)world->report.reason.size,
                 world->report.reason.data);
    }
}

static void shows_and_proves_a_statement_of_several_lines(void **state)
{
    enum { SQL_SIZE = 200000 };
    struct world world;
    struct audit_log log = {0};
    uint64_t seq = 0;
    char *sql = malloc(SQL_SIZE);
    (void)state;
    memset(sql, 'x', SQL_SIZE);
    begin(&world);
    audit_dir_open(&world.dir, &log);
    struct audit_event event = audit_sample(1, "acme");
    event.sql = rg_slice_make(sql, SQL_SIZE);
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    free(sql);
    assert_ok(export(&world, "acme", INT64_MIN));
    expect_intact(&world);
    assert_true(world.report.record_count >= 4);
    uint64_t lines = world.report.record_count;
    uint64_t first = world.report.first_seq;
    const struct audit_trail_sink sink = {.put = put, .context = &world.file};
    for (uint64_t i = 0; i < lines; i++) {
        const struct audit_proof_options options = {
            .directory = rg_slice_of(world.dir.path), .seq = first + i, .has_keys = true};
        rg_buf_clear(&world.file);
        assert_ok(audit_proof_export(&options, &sink, &world.arena, &world.made));
        expect_intact(&world);
        assert_int_equal(world.report.first_seq, first);
        assert_int_equal(world.report.record_count, lines);
    }
    end(&world);
}

static void is_made_of_a_log_that_is_being_written(void **state)
{
    static const char *const tenants[] = {"acme", "globex", "", "initech"};
    struct world world;
    struct audit_log log = {0};
    uint64_t before = 0;
    (void)state;
    begin(&world);
    audit_dir_open(&world.dir, &log);
    for (uint64_t i = 0; i < 600; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, tenants[i % 4]);
        assert_ok(audit_dir_append(&log, &event, &seq));
        if (i % 100 == 99) {
            assert_ok(audit_log_seal(&log));
            assert_ok(audit_publisher_drain(log.publisher)); /* at first there is the start's checkpoint only */
            assert_ok(export(&world, "acme", INT64_MIN));
            expect_intact(&world);
            assert_true(world.report.record_count >= before && world.report.record_count <= i / 4 + 1);
            before = world.report.record_count;
        }
    }
    assert_true(before > 100);
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    end(&world);
}

/* Each tenant wrote in a segment of its own, and the first ones are gone. */
static void goes_on_over_a_prune(void **state)
{
    struct world world;
    (void)state;
    begin(&world);
    aged_fill(&world.dir, 4, 40, true);
    assert_ok(export(&world, "acme", INT64_MIN));
    expect_intact(&world);
    uint64_t count = world.report.record_count;
    assert_true(aged_prune(&world.dir, AGED_KEEP) > 0);
    assert_fails(RG_CONFIG, export(&world, "acme", INT64_MIN));
    audit_dir_fill(&world.dir, 40);
    assert_ok(export(&world, "acme", INT64_MIN));
    expect_intact(&world);
    assert_false(world.report.has_begin);
    assert_int_equal(world.report.first_tseq, count);
    assert_int_equal(world.report.record_count, 10);
    end(&world);
}

static void proves_that_a_tenant_was_idle_since_a_prune(void **state)
{
    struct world world;
    struct audit_log log = {0};
    uint64_t seq = 0;
    (void)state;
    begin(&world);
    aged_fill(&world.dir, 4, 40, true);
    assert_true(aged_prune(&world.dir, AGED_KEEP) > 0);
    audit_dir_open(&world.dir, &log);
    struct audit_event event = audit_sample(1, "globex");
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_seal(&log));
    int64_t since_us = log.chain.hlc_us;
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_ok(export(&world, "initech", since_us)); /* no record of it is left: only its head */
    expect_intact(&world);
    assert_int_equal(world.report.record_count, 0);
    assert_true(world.report.has_begin);
    assert_int_equal(world.report.first_tseq, 40);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_and_proves_a_statement_of_several_lines),
        cmocka_unit_test(is_made_of_a_log_that_is_being_written),
        cmocka_unit_test(goes_on_over_a_prune),
        cmocka_unit_test(proves_that_a_tenant_was_idle_since_a_prune),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
