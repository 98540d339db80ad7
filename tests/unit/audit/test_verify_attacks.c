/* SPDX-License-Identifier: Apache-2.0 */
/* Each attack of tests/vectors/audit/attacks.h on a fresh log: the exit status and the record that is named. */
#include "tests/vectors/audit/attacks.h"

/* False, and the report is on stderr, when verify does not answer as the row says. */
static bool run(const struct attack_row *row)
{
    struct history history = history_blank();
    struct attack attack = {.history = &history, .seq = ATTACK_ANY};
    struct audit_report report = {0};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 64 << 20);
    history_write_all(&history, ATTACK_STATEMENTS);
    row->apply(&attack);
    const struct audit_verify_options options = {.directory = rg_slice_of(history.path),
                                                 .root = attack.has_root ? &attack.root_key : NULL,
                                                 .since = rg_slice_make(attack.since, attack.since_size),
                                                 .is_strict = attack.is_strict};
    assert_ok(audit_verify_with(&options, &arena, &report));
    uint64_t seq = report.finding_count == 0 ? ATTACK_ANY : report.findings[0].seq;
    bool is_right = audit_result_exit_code(report.result) == row->exit_code &&
                    (attack.seq == ATTACK_ANY || row->exit_code == 0 || attack.seq == seq) &&
                    (attack.not_after == 0 || seq <= attack.not_after);
    if (!is_right) {
        history_print(&report);
        print_error("%s (%s): exit %d at record %llu, expected %d at record %llu\n", row->name, row->number,
                    audit_result_exit_code(report.result), (unsigned long long)seq, row->exit_code,
                    (unsigned long long)attack.seq);
    }
    history_end(&history);
    history_remove(&history);
    return is_right;
}

static void answers_each_attack_with_its_exit_status_and_the_record(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        wrong += run(&attacks[i]) ? 0 : 1;
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_each_attack_with_its_exit_status_and_the_record)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
