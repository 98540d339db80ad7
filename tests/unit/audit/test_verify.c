/* SPDX-License-Identifier: Apache-2.0 */
/* Verify on honest logs: in every state that a log can be in, it says intact, and says what is proven. */
#include "audit/verify.h"

#include <sys/file.h>

#include "tests/support/audit_history.h"

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
    history_print(&report);
    history_end(&history);
    history_remove(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_whole_history_intact_and_counts_what_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
