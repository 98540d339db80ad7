/* SPDX-License-Identifier: Apache-2.0 */
/* Verify as its callers see it: what it counts, how it continues from a checkpoint, when it fails. Attacks, damage and
 * honest accidents: test_verify_*.c. */
#include "audit/verify.h"

#include <sys/file.h>

#include "tests/support/audit_spoil.h"

static void finds_a_whole_history_intact_and_counts_what_is_in_it(void **state)
{
    (void)state;
    struct history history = history_blank();
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16 << 20);
    history_write_all(&history, 4000);
    struct audit_report report = history_verify(&history, &arena);
    if (report.result != AUDIT_INTACT) {
        history_print(&report);
    }
    assert_int_equal(report.result, AUDIT_INTACT);
    assert_int_equal(report.record_count, history.chain.next_seq);
    assert_int_equal(report.segment_count, 4);
    assert_int_equal(report.tenant_count, 3);
    assert_int_equal(report.signed_size, history.checkpoint_size);
    assert_int_equal(report.signed_epoch, 2);
    assert_int_equal(report.epoch, 2);
    assert_int_equal(report.start_count, 3);
    assert_int_equal(report.recovery_count, 1);
    assert_int_equal(report.clock_step_count, 1);
    assert_int_equal(report.unresolved_count, 1);
    assert_int_equal(report.checkpoint_count, 7);
    assert_true(report.tile_count > 16);
    assert_false(report.is_root_pinned);
    assert_false(report.is_closed);
    history_end(&history);
    history_remove(&history);
}

static enum audit_result verify_since(const struct history *history, struct rg_slice since, struct audit_report *report,
                                      struct rg_arena *arena)
{
    const struct audit_verify_options options = {.directory = rg_slice_of(history->path), .since = since};
    assert_ok(audit_verify_with(&options, arena, report));
    return report->result;
}

/* head.note after each step of a growing log, kept by an auditor: each must be continued by all that follows. */
static void continues_every_checkpoint_that_was_ever_signed(void **state)
{
    (void)state;
    enum { STEPS = 12 };
    struct history history = history_blank();
    struct spoil_file kept[STEPS];
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 64 << 20);
    history_begin(&history);
    history_start(&history);
    for (size_t i = 0; i < STEPS; i++) {
        history_statements(&history, 37 + i * 41);
        history_checkpoint(&history);
        kept[i] = spoil_load(&history, "head.note");
        if (i % 3 == 1) {
            history_next_segment(&history);
        } else if (i % 4 == 2) {
            history_next_epoch(&history);
        }
    }
    for (size_t i = 0; i < STEPS; i++) {
        struct audit_report report = {0};
        rg_arena_reset(&arena);
        if (verify_since(&history, rg_slice_make(kept[i].bytes, kept[i].size), &report, &arena) != AUDIT_INTACT) {
            history_print(&report);
            fail_msg("not intact since checkpoint %zu", i);
        }
        assert_true(report.since_size > report.first_record);
        assert_true(i < 2 || report.first_record > 0); /* tiles stood for the first segments */
        spoil_free(&kept[i]);
    }
    history_end(&history);
    history_remove(&history);
}

/* Tiles that stand for records are believed no further than everything holds. */
static void reads_everything_when_the_tiles_before_are_wrong(void **state)
{
    (void)state;
    struct history history = history_blank();
    struct audit_report report = {0};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 64 << 20);
    history_write_all(&history, 2400);
    struct spoil_file head = spoil_load(&history, "head.note");
    struct spoil_file tile = spoil_load(&history, history.partials[1]);
    tile.bytes[40] = (char)(tile.bytes[40] ^ 1);
    spoil_save(&tile, tile.bytes, tile.size);
    assert_int_equal(verify_since(&history, rg_slice_make(head.bytes, head.size), &report, &arena), AUDIT_ALTERED);
    assert_slice(report.findings[0].file, history.partials[1]);
    assert_int_equal(report.findings[0].seq, 256);
    assert_int_equal(report.first_record, 0);
    spoil_remove(&history, history.partials[1]); /* those below tell the same */
    assert_int_equal(verify_since(&history, rg_slice_make(head.bytes, head.size), &report, &arena), AUDIT_INTACT);
    assert_true(report.first_record > 0);
    spoil_remove(&history, "tile/0/000");
    assert_int_equal(verify_since(&history, rg_slice_make(head.bytes, head.size), &report, &arena), AUDIT_INCOMPLETE);
    spoil_free(&head);
    spoil_free(&tile);
    history_end(&history);
    history_remove(&history);
}

/* Nothing is taken from a client before the first checkpoint. */
static void takes_a_log_that_was_killed_before_its_first_checkpoint_if_no_client_wrote(void **state)
{
    (void)state;
    struct history history = history_blank();
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16 << 20);
    history.signer = HISTORY_NOBODY;
    history.sign_from = 0;
    history_begin(&history);
    history_start(&history);
    history_assert_intact(&history);
    struct audit_report report = history_verify(&history, &arena);
    assert_int_equal(report.signed_size, 0); /* and says that nothing is proven */
    history_statements(&history, 1);
    report = history_verify(&history, &arena);
    assert_int_equal(report.result, AUDIT_INCOMPLETE);
    history_end(&history);
    history_remove(&history);
}

/* A lock that is held says that what is found may be in motion: it is looked at again, and found again. */
static void finds_damage_in_a_live_log_too(void **state)
{
    (void)state;
    struct history history = history_blank();
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 64 << 20);
    history_write_all(&history, 400);
    char path[224];
    spoil_path(&history, "lock", path);
    int lock = open(path, O_RDWR);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
    history_assert_intact(&history);
    struct spoil_record record = spoil_record(&history, 50);
    record.file.bytes[record.start + 200] = (char)(record.file.bytes[record.start + 200] ^ 1);
    spoil_save(&record.file, record.file.bytes, record.file.size);
    struct audit_report report = history_verify(&history, &arena);
    assert_int_equal(report.result, AUDIT_ALTERED);
    assert_int_equal(report.findings[0].seq, 50);
    spoil_free(&record.file);
    (void)close(lock);
    history_end(&history);
    history_remove(&history);
}

static void on_progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
    uint64_t *last = context;
    assert_true(done_bytes >= *last && done_bytes <= all_bytes);
    *last = done_bytes;
}

static void tells_its_progress_and_arrives(void **state)
{
    (void)state;
    struct history history = history_blank();
    struct audit_report report = {0};
    uint64_t last = 0;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16 << 20);
    history_write_all(&history, 4000);
    const struct audit_verify_options options = {
        .directory = rg_slice_of(history.path), .on_progress = on_progress, .context = &last};
    assert_ok(audit_verify_with(&options, &arena, &report));
    assert_int_equal(last, report.byte_count);
    history_end(&history);
    history_remove(&history);
}

static void fails_without_a_log_and_leaves_the_report(void **state)
{
    (void)state;
    struct history history = history_blank();
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_report report = {.record_count = 99};
    rg_arena_init(&arena, 1 << 20);
    assert_fails(RG_STORAGE, audit_verify(RG_SLICE("/nonexistent/rowgate"), &arena, &report));
    assert_fails(RG_STORAGE, audit_verify(RG_SLICE("/tmp"), &arena, &report));
    history_write_all(&history, 100);
    const struct audit_verify_options bad_since = {.directory = rg_slice_of(history.path),
                                                   .since = RG_SLICE("no note\n")};
    assert_fails(RG_PROTOCOL, audit_verify_with(&bad_since, &arena, &report));
    struct rg_arena small;
    rg_arena_init(&small, 200);
    assert_fails(RG_LIMIT, audit_verify(rg_slice_of(history.path), &small, &report));
    rg_arena_done(&small);
    spoil_remove(&history, "seg");
    assert_fails(RG_STORAGE, audit_verify(rg_slice_of(history.path), &arena, &report));
    assert_int_equal(report.record_count, 99);
    history_end(&history);
    history_remove(&history);
}

/* A link in the place of a segment leads out of the directory: not followed. */
static void follows_no_links(void **state)
{
    (void)state;
    static const char *const names[] = {"seg/0000000000000000.jsonl", "head.note", "tile/0/000", "origin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct history history = history_blank();
        struct audit_report report = {0};
        char from[224];
        char to[224];
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 16 << 20);
        history_write_all(&history, 1200);
        spoil_path(&history, names[i], from);
        (void)snprintf(to, sizeof to, "%.60s/elsewhere", history.root);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(symlink(to, from), 0);
        rg_status status = audit_verify(rg_slice_of(history.path), &arena, &report);
        assert_true(!rg_is_ok(status) || report.result != AUDIT_INTACT);
        history_end(&history);
        history_remove(&history);
    }
}

/* Whoever can write the directory can put a pipe or a hole of a terabyte there: verify neither waits nor reads it. */
static void waits_for_no_pipe_and_reads_no_hole(void **state)
{
    (void)state;
    static const char *const scripts[] = {"rm lock && mkfifo lock", "rm origin && mkfifo origin",
                                          "truncate -s 1T $(ls seg/*.jsonl | tail -1)"};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct history history = history_blank();
        struct audit_report report = {0};
        char command[256];
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 16 << 20);
        history_write_all(&history, 400);
        history_end(&history);
        (void)snprintf(command, sizeof command, "cd '%s' && %s", history.path, scripts[i]);
        assert_int_equal(system(command), 0);
        (void)alarm(60); /* killed = it waited */
        rg_status status = audit_verify(rg_slice_of(history.path), &arena, &report);
        (void)alarm(0);
        assert_true(i == 1 ? !rg_is_ok(status) : rg_is_ok(status) && report.result == AUDIT_INTACT);
        history_remove(&history);
    }
}

static void prints_no_more_than_fits(void **state)
{
    (void)state;
    struct history history = history_blank();
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_arena_init(&arena, 16 << 20);
    rg_buf_init(&out, 100);
    history_write_all(&history, 100);
    struct audit_report report = history_verify(&history, &arena);
    assert_ok(rg_buf_put(&out, RG_SLICE("before")));
    assert_fails(RG_LIMIT, audit_report_print(&report, false, &out));
    assert_fails(RG_LIMIT, audit_report_print(&report, true, &out));
    assert_slice(rg_buf_slice(&out), "before");
    history_end(&history);
    history_remove(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_whole_history_intact_and_counts_what_is_in_it),
        cmocka_unit_test(continues_every_checkpoint_that_was_ever_signed),
        cmocka_unit_test(reads_everything_when_the_tiles_before_are_wrong),
        cmocka_unit_test(takes_a_log_that_was_killed_before_its_first_checkpoint_if_no_client_wrote),
        cmocka_unit_test(finds_damage_in_a_live_log_too),
        cmocka_unit_test(tells_its_progress_and_arrives),
        cmocka_unit_test(fails_without_a_log_and_leaves_the_report),
        cmocka_unit_test(follows_no_links),
        cmocka_unit_test(waits_for_no_pipe_and_reads_no_hole),
        cmocka_unit_test(prints_no_more_than_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
