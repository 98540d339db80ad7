/* SPDX-License-Identifier: Apache-2.0 */
/* Honest logs at random: statements, checkpoints, epochs, segments, stops, kills at every place where one can leave a
 * mark, clock steps. Verify must not complain, at any moment, but of a torn last line, which a kill leaves and the next
 * start repairs. An ordinary run makes some dozen histories, scripts/proof audit 1,000. */
#include "tests/support/audit_history_prune.h"
#include "tests/support/audit_proof.h"

struct honest {
    struct history history;
    struct chance chance;
    uint64_t checks;
    uint64_t kills;
    uint64_t prunes;
    bool has_hold;
    unsigned hold;
};

static void check(struct honest *honest, enum audit_result wanted, const char *when)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16 << 20);
    struct audit_report report = history_verify(&honest->history, &arena);
    honest->checks++;
    if (report.result != wanted) {
        history_print(&report);
        fail_msg("false alarm: %s", when);
    }
}

static void write_raw(const struct honest *honest, const void *bytes, size_t size)
{
    assert_int_equal(write(honest->history.segment_fd, bytes, size), size);
}

static void cut_raw(const struct honest *honest, off_t size)
{
    assert_int_equal(ftruncate(honest->history.segment_fd, size), 0);
}

/* ---- what a kill leaves ---- */

static void leave_nothing(struct honest *honest)
{
    check(honest, AUDIT_INTACT, "killed between two groups");
}

static void leave_a_torn_line(struct honest *honest)
{
    static const char line[] = "{\"unmapped\":{\"rg\":{\"seq\":\"00000000000";
    off_t size = lseek(honest->history.segment_fd, 0, SEEK_END);
    write_raw(honest, line, 1 + chance_below(&honest->chance, sizeof line - 2));
    check(honest, AUDIT_TRUNCATED, "killed within a line");
    cut_raw(honest, size);
}

static void leave_zeros(struct honest *honest)
{
    static const char zeros[8192];
    off_t size = lseek(honest->history.segment_fd, 0, SEEK_END);
    write_raw(honest, zeros, 1 + chance_below(&honest->chance, sizeof zeros));
    check(honest, AUDIT_INTACT, "killed with space written ahead");
    cut_raw(honest, size);
}

/* The record is there, its checkpoint is not: the next start signs it first. */
static void leave_an_epoch_open(struct honest *honest)
{
    struct history *history = &honest->history;
    if (history->epoch + 2 < HISTORY_EPOCHS) {
        history_put_checkpoint_record(history);
        history_put_epoch_record(history);
        check(honest, AUDIT_INTACT, "killed before the checkpoint that closes an epoch");
        history_publish(history, history->epoch - 1, true);
        history->epoch_ends[history->epoch - 1] = history->tree.size;
    }
}

/* ckpt/ was written, head.note not. */
static void leave_an_old_head(struct honest *honest)
{
    struct history *history = &honest->history;
    if (history->checkpoint_size > 0) {
        struct spoil_file head = spoil_load(history, "head.note");
        history_next_segment(history);
        struct spoil_file newer = spoil_load(history, "head.note");
        spoil_save(&head, head.bytes, head.size);
        check(honest, AUDIT_INTACT, "killed between ckpt/ and head.note");
        spoil_save(&newer, newer.bytes, newer.size); /* the next start makes it good */
        spoil_free(&head);
        spoil_free(&newer);
    }
}

static void leave_a_checkpoint_record(struct honest *honest)
{
    history_put_checkpoint_record(&honest->history);
    check(honest, AUDIT_INTACT, "killed between log.checkpoint and the checkpoint");
}

static void leave_tiles_without_checkpoint(struct honest *honest)
{
    struct history *history = &honest->history;
    struct audit_tile_sink sink = history_sink(history);
    assert_ok(audit_tiles_flush(history->tiles, &sink));
    check(honest, AUDIT_INTACT, "killed between tiles and checkpoint");
}

static void leave_a_temporary(struct honest *honest)
{
    history_write(&honest->history, "publisher.new", "half a checkp", 13);
    history_write(&honest->history, "next", "\0\0\0\0", 4);
    check(honest, AUDIT_INTACT, "killed while a file was written under another name");
}

static void do_kill(struct honest *honest)
{
    static void (*const leavings[])(struct honest * honest) = {leave_nothing,
                                                               leave_a_torn_line,
                                                               leave_zeros,
                                                               leave_an_epoch_open,
                                                               leave_an_old_head,
                                                               leave_a_checkpoint_record,
                                                               leave_tiles_without_checkpoint,
                                                               leave_a_temporary};
    honest->kills++;
    leavings[chance_below(&honest->chance, sizeof leavings / sizeof leavings[0])](honest);
    history_recover(&honest->history);
    check(honest, AUDIT_INTACT, "started again after a kill");
    if (chance_below(&honest->chance, 2) == 0) {
        history_checkpoint(&honest->history);
    }
}

/* ---- what goes on ---- */

static void do_statements(struct honest *honest)
{
    history_statements(&honest->history, 1 + chance_below(&honest->chance, 120));
}

static void do_decision(struct honest *honest)
{
    uint64_t number = 2000000 + chance_below(&honest->chance, 5);
    history_wait(&honest->history, 100);
    history_statement(&honest->history, "acme", number, chance_below(&honest->chance, 2) == 0 ? "decision" : "outcome");
}

static void do_checkpoint(struct honest *honest)
{
    history_checkpoint(&honest->history);
}

static void do_epoch(struct honest *honest)
{
    if (honest->history.epoch + 2 < HISTORY_EPOCHS) {
        history_next_epoch(&honest->history);
    }
}

static void do_segment(struct honest *honest)
{
    history_next_segment(&honest->history);
    check(honest, AUDIT_INTACT, "just rotated");
}

static void do_stop(struct honest *honest)
{
    history_stop(&honest->history);
    check(honest, AUDIT_INTACT, "stopped");
    history_wait(&honest->history, (int64_t)chance_below(&honest->chance, 3600000000));
    history_start(&honest->history);
}

/* The clock is set while rowgate is down: no clock.step can declare it, and none needs to. */
static void do_stop_with_another_clock(struct honest *honest)
{
    history_stop(&honest->history);
    honest->history.wall_us += (int64_t)chance_below(&honest->chance, 7200000000) - 3600000000;
    history_start(&honest->history);
    history_statements(&honest->history, 5);
    history_wait(&honest->history, 30000000);
    history_checkpoint(&honest->history);
}

static void do_clock_step(struct honest *honest)
{
    history_clock_step(&honest->history, (int64_t)chance_below(&honest->chance, 20000000) - 10000000);
}

static void do_idle(struct honest *honest)
{
    history_checkpoint(&honest->history);
    history_wait(&honest->history, (int64_t)chance_below(&honest->chance, 600000000));
    do_epoch(honest);
}

/* All of it, or as a kill leaves it after any step. */
static void do_prune(struct honest *honest)
{
    enum history_prune_step last = (enum history_prune_step)(1 + chance_below(&honest->chance, 4));
    if (!honest->has_hold && history_prune(&honest->history, last)) {
        check(honest, AUDIT_INTACT, "pruned, or killed on the way");
        honest->prunes++;
    }
    if (last != HISTORY_UNLINKED) {
        do_kill(honest);
    }
}

static void do_hold(struct honest *honest)
{
    unsigned number = 1 + (unsigned)(honest->checks % 3);
    if (honest->has_hold) {
        history_release(&honest->history, honest->hold);
    } else {
        honest->hold = number;
        history_hold(&honest->history, number, chance_below(&honest->chance, 2) == 0 ? "" : "acme", 0, 0);
    }
    honest->has_hold = !honest->has_hold;
    check(honest, AUDIT_INTACT, "a hold placed or released");
}

static void run(uint64_t seed, uint64_t *checks, uint64_t *kills, uint64_t *prunes)
{
    static void (*const doings[])(struct honest * honest) = {
        do_statements, do_statements, do_statements, do_decision,   do_decision,
        do_checkpoint, do_checkpoint, do_epoch,      do_segment,    do_stop,
        do_idle,       do_kill,       do_kill,       do_clock_step, do_stop_with_another_clock,
        do_prune,      do_prune,      do_hold,       do_segment};
    struct honest honest = {.history = history_blank(), .chance = chance_of(seed)};
    history_begin(&honest.history);
    history_start(&honest.history);
    check(&honest, AUDIT_INTACT, "just started for the first time");
    uint64_t steps = 5 + chance_below(&honest.chance, 25);
    for (uint64_t i = 0; i < steps; i++) {
        doings[chance_below(&honest.chance, sizeof doings / sizeof doings[0])](&honest);
    }
    check(&honest, AUDIT_INTACT, "at the end");
    *checks += honest.checks;
    *kills += honest.kills;
    *prunes += honest.prunes;
    history_end(&honest.history);
    history_remove(&honest.history);
}

static void raises_no_false_alarm_over_honest_histories(void **state)
{
    (void)state;
    uint64_t count = proof_is_whole() ? 1000 : 60;
    uint64_t checks = 0;
    uint64_t kills = 0;
    uint64_t prunes = 0;
    for (uint64_t i = 0; i < count; i++) {
        run(proof_seed() * 1000003 + i, &checks, &kills, &prunes);
    }
    print_message("%llu honest histories, %llu verifications, %llu kills, %llu prunes, 0 false alarms\n",
                  (unsigned long long)count, (unsigned long long)checks, (unsigned long long)kills,
                  (unsigned long long)prunes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(raises_no_false_alarm_over_honest_histories)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
