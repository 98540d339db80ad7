/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions without outcome. Their numbers come from the gateway, which may be in hostile hands: verify must not take
 * for ever over them. */
#include "audit/verify_private.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/support/rg_test.h"

enum { MANY = 400000, PATIENCE_S = 30 };

static void add(struct verify_decisions *decisions, uint64_t session, uint64_t statement, uint64_t seq)
{
    const struct verify_decision decision = {.session = session, .statement = statement, .seq = seq};
    verify_decisions_add(decisions, &decision);
}

static void finds_what_was_added_once(void **state)
{
    (void)state;
    RG_AUTO(verify_decisions_done) struct verify_decisions decisions = {0};
    assert_false(verify_decisions_take(&decisions, 0, 0));
    for (uint64_t i = 0; i < 5000; i++) {
        add(&decisions, i % 7, i, i);
    }
    assert_int_equal(decisions.used, 5000);
    for (uint64_t i = 0; i < 5000; i += 2) {
        assert_true(verify_decisions_take(&decisions, i % 7, i));
        assert_false(verify_decisions_take(&decisions, i % 7, i));
    }
    assert_false(verify_decisions_take(&decisions, 7, 1));
    assert_int_equal(decisions.used, 2500);
    for (uint64_t i = 1; i < 5000; i += 2) {
        assert_true(verify_decisions_take(&decisions, i % 7, i));
    }
    assert_int_equal(decisions.used, 0);
}

static void keeps_the_first_of_one_decided_twice(void **state)
{
    (void)state;
    RG_AUTO(verify_decisions_done) struct verify_decisions decisions = {0};
    add(&decisions, 1, 2, 10);
    add(&decisions, 1, 2, 11);
    assert_int_equal(decisions.used, 1);
    for (size_t i = 0; i < decisions.slot_count; i++) {
        assert_true(decisions.slots[i].seq == UINT64_MAX || decisions.slots[i].seq == 10);
    }
    assert_true(verify_decisions_take(&decisions, 1, 2));
    assert_false(verify_decisions_take(&decisions, 1, 2));
}

/* Quadratic, each of these would take minutes. */
static void the_same_decision_many_times_costs_no_more_than_others(void **state)
{
    (void)state;
    RG_AUTO(verify_decisions_done) struct verify_decisions decisions = {0};
    (void)alarm(PATIENCE_S);
    for (uint64_t i = 0; i < MANY; i++) {
        add(&decisions, 1, 1, i);
    }
    (void)alarm(0);
    assert_int_equal(decisions.used, 1);
}

static uint64_t inverse_of(uint64_t odd)
{
    uint64_t inverse = odd;
    for (int i = 0; i < 6; i++) {
        inverse *= 2 - odd * inverse;
    }
    return inverse;
}

/* Numbers that met in one slot when the hash was the program's own and had no key. */
static void numbers_made_to_collide_do_not(void **state)
{
    (void)state;
    const uint64_t first = UINT64_C(0x9e3779b97f4a7c15);
    const uint64_t second = UINT64_C(0xc2b2ae3d27d4eb4f);
    RG_AUTO(verify_decisions_done) struct verify_decisions decisions = {0};
    assert_true(first * inverse_of(first) == 1);
    (void)alarm(PATIENCE_S);
    for (uint64_t i = 0; i < MANY; i++) {
        add(&decisions, (i * second ^ 12345) * inverse_of(first), i, i);
    }
    (void)alarm(0);
    assert_int_equal(decisions.used, MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added_once),
        cmocka_unit_test(keeps_the_first_of_one_decided_twice),
        cmocka_unit_test(the_same_decision_many_times_costs_no_more_than_others),
        cmocka_unit_test(numbers_made_to_collide_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
