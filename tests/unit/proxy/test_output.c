/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/output.h"

#include "tests/support/rg_test.h"

static void put_text(struct output *output, const char *text)
{
    assert_ok(output_put(output, rg_slice_of(text)));
}

static void bytes_without_a_barrier_may_leave(void **state)
{
    (void)state;
    RG_AUTO(output_done) struct output output;
    output_init(&output, 1024);
    put_text(&output, "hello");
    assert_slice(output_ready(&output), "hello");
    output_consume(&output, 2);
    assert_slice(output_ready(&output), "llo");
}

static void nothing_behind_an_open_barrier_leaves(void **state)
{
    (void)state;
    RG_AUTO(output_done) struct output output;
    output_init(&output, 1024);
    put_text(&output, "a");
    assert_ok(output_open(&output));
    put_text(&output, "secret");
    assert_slice(output_ready(&output), "a");
    assert_int_equal(output_open_size(&output), 6);
    output_durable(&output, 0, 9); /* no ticket 0 exists: an open barrier cannot be talked open */
    output_durable(&output, 7, 9); /* a stranger's ticket */
    assert_slice(output_ready(&output), "a");
}

static void a_durable_ticket_frees_only_its_own_bytes(void **state)
{
    (void)state;
    RG_AUTO(output_done) struct output output;
    output_init(&output, 1024);
    assert_ok(output_open(&output));
    put_text(&output, "one");
    assert_ok(output_close(&output, 1, 0));
    assert_ok(output_open(&output));
    put_text(&output, "two");
    assert_ok(output_close(&output, 2, 0));
    put_text(&output, "tail");
    output_durable(&output, 1, 100);
    assert_slice(output_ready(&output), "one");
    output_consume(&output, 3);
    assert_slice(output_ready(&output), "");
    output_durable(&output, 2, 101);
    assert_slice(output_ready(&output), "twotail");
}

static void a_later_ticket_does_not_free_earlier_bytes(void **state)
{
    (void)state;
    RG_AUTO(output_done) struct output output;
    output_init(&output, 1024);
    assert_ok(output_close(&output, 1, 0));
    put_text(&output, "one");
    assert_ok(output_close(&output, 2, 0));
    put_text(&output, "two");
    output_durable(&output, 2, 5);
    assert_slice(output_ready(&output), "");
    output_durable(&output, 1, 4);
    assert_slice(output_ready(&output), "onetwo");
}

static void the_record_number_is_filled_in_when_known(void **state)
{
    (void)state;
    RG_AUTO(output_done) struct output output;
    output_init(&output, 1024);
    put_text(&output, "x");
    output_consume(&output, 1);
    assert_ok(output_open(&output));
    put_text(&output, "record ");
    uint64_t patch_at = output_at(&output);
    put_text(&output, "0000000000000000.");
    assert_ok(output_close(&output, 3, patch_at));
    output_durable(&output, 3, 1234);
    assert_slice(output_ready(&output), "record 0000000000001234.");
}

static void refuses_past_its_limits(void **state)
{
    (void)state;
    RG_AUTO(output_done) struct output output;
    output_init(&output, 8);
    assert_fails(RG_LIMIT, output_put(&output, RG_SLICE("123456789")));
    assert_true(output_is_empty(&output));
    for (uint64_t ticket = 1; ticket <= OUTPUT_BARRIERS_MAX; ticket++) {
        assert_ok(output_close(&output, ticket, 0));
    }
    assert_fails(RG_LIMIT, output_open(&output));
    assert_fails(RG_LIMIT, output_close(&output, 99999, 0));
}

/* The auditor died: of three results the first is on record and half gone to a slow client. */
static void what_is_on_record_stays_when_all_that_waits_is_dropped(void **state)
{
    (void)state;
    RG_AUTO(output_done) struct output output;
    output_init(&output, 1024);
    output_drop_waiting(&output); /* nothing there */
    put_text(&output, "a long row");
    for (uint64_t ticket = 1; ticket <= 2; ticket++) {
        assert_ok(output_open(&output));
        put_text(&output, "secret");
        assert_ok(output_close(&output, ticket, 0));
    }
    assert_ok(output_open(&output));
    put_text(&output, "secret");
    output_consume(&output, 5);
    output_drop_waiting(&output);
    assert_slice(output_ready(&output), "g row");
    assert_false(output_is_open(&output));
    put_text(&output, ", last words");
    output_durable(&output, 1, 7); /* too late: it frees nothing of what is not there */
    assert_slice(output_ready(&output), "g row, last words");
}

static void what_has_no_record_can_be_dropped_and_nothing_else(void **state)
{
    (void)state;
    RG_AUTO(output_done) struct output output;
    output_init(&output, 1024);
    put_text(&output, "before");
    assert_ok(output_close(&output, 1, 0));
    put_text(&output, "recorded");
    assert_ok(output_open(&output));
    put_text(&output, "unrecorded");
    output_drop_open(&output);
    put_text(&output, "!");
    output_durable(&output, 1, 1);
    assert_slice(output_ready(&output), "beforerecorded!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_without_a_barrier_may_leave),
        cmocka_unit_test(nothing_behind_an_open_barrier_leaves),
        cmocka_unit_test(a_durable_ticket_frees_only_its_own_bytes),
        cmocka_unit_test(a_later_ticket_does_not_free_earlier_bytes),
        cmocka_unit_test(the_record_number_is_filled_in_when_known),
        cmocka_unit_test(what_is_on_record_stays_when_all_that_waits_is_dropped),
        cmocka_unit_test(what_has_no_record_can_be_dropped_and_nothing_else),
        cmocka_unit_test(refuses_past_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
