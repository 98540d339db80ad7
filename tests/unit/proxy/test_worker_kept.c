/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/worker_kept.h"

#include "base/rg_memory.h"
#include "tests/support/rg_test.h"

static struct audit_event outcome(uint64_t statement_id)
{
    return (struct audit_event){.kind = AUDIT_STATEMENT,
                                .phase = AUDIT_OUTCOME,
                                .statement_id = statement_id,
                                .tenant = RG_SLICE("acme"),
                                .sqlstate = RG_SLICE("08006"),
                                .rows = 7};
}

static void only_what_ends_something_is_kept(void **state)
{
    (void)state;
    struct audit_event event = outcome(1);
    struct kept_event *kept = kept_event_new(&event);
    assert_non_null(kept);
    kept_event_free(&kept);
    assert_null(kept);
    event = (struct audit_event){.kind = AUDIT_LOGOUT};
    kept = kept_event_new(&event);
    assert_non_null(kept);
    kept_event_free(&kept);
    for (int kind = AUDIT_NONE; kind < AUDIT_KIND_COUNT; kind++) {
        event = (struct audit_event){.kind = (enum audit_kind)kind, .phase = AUDIT_DECISION};
        assert_true(kind == AUDIT_LOGOUT || kind == AUDIT_SESSION_REVOKE || kept_event_new(&event) == NULL);
    }
    event = (struct audit_event){.kind = AUDIT_SESSION_REVOKE};
    kept = kept_event_new(&event);
    assert_non_null(kept);
    kept_event_free(&kept);
    event = outcome(1);
    event.phase = AUDIT_COMBINED;
    assert_null(kept_event_new(&event));
}

static void a_copy_outlives_what_it_was_made_of(void **state)
{
    (void)state;
    char *text = rg_memory_alloc(5);
    memcpy(text, "globe", 5);
    struct rg_slice relation = RG_SLICE("t.a");
    struct rg_digest digest = {{1}};
    struct audit_event event = outcome(42);
    event.user = rg_slice_make(text, 5);
    event.relations = &relation;
    event.relation_count = 1;
    event.sql_sha256 = &digest;
    event.sql_sent = RG_SLICE("the decision has it");
    struct kept_event *kept = kept_event_new(&event);
    memset(text, 'x', 5);
    rg_memory_free(text);
    const struct audit_event *copy = kept_event_of(kept);
    assert_slice(copy->user, "globe");
    assert_slice(copy->tenant, "acme");
    assert_slice(copy->sqlstate, "08006");
    assert_int_equal(copy->statement_id, 42);
    assert_int_equal(copy->rows, 7);
    assert_null(copy->relations);
    assert_null(copy->sql_sha256);
    assert_int_equal(copy->relation_count + copy->sql_sent.size, 0);
    assert_int_equal(copy->subject.size, 0);
    kept_event_free(&kept);
}

static void a_requests_outcome_keeps_its_digests(void **state)
{
    (void)state;
    struct rg_digest before = {{1}}, after = {{2}};
    struct audit_event event = {.kind = AUDIT_HTTP,
                                .phase = AUDIT_OUTCOME,
                                .path = RG_SLICE("/api/v1/dashboard/1"),
                                .object = RG_SLICE("dashboard/1"),
                                .reference = RG_SLICE("r-1"),
                                .status = 200,
                                .digest_before = &before,
                                .digest_after = &after};
    struct kept_event *kept = kept_event_new(&event);
    before.bytes[0] = after.bytes[0] = 9;
    const struct audit_event *copy = kept_event_of(kept);
    assert_int_equal(copy->digest_before->bytes[0], 1);
    assert_int_equal(copy->digest_after->bytes[0], 2);
    assert_null(copy->request_sha256);
    assert_slice(copy->path, "/api/v1/dashboard/1");
    assert_slice(copy->object, "dashboard/1");
    assert_slice(copy->reference, "r-1");
    assert_int_equal(copy->status, 200);
    kept_event_free(&kept);
    event.phase = AUDIT_COMBINED;
    assert_null(kept_event_new(&event));
}

static void a_long_text_is_left_to_the_decision_and_never_cut(void **state)
{
    (void)state;
    char *text = rg_memory_alloc(KEPT_TEXT_MAX + 1);
    memset(text, 'q', KEPT_TEXT_MAX + 1);
    struct audit_event event = outcome(1);
    event.sql = rg_slice_make(text, KEPT_TEXT_MAX + 1);
    struct kept_event *kept = kept_event_new(&event);
    assert_int_equal(kept_event_of(kept)->sql.size, 0);
    kept_event_free(&kept);
    event.sql.size = KEPT_TEXT_MAX;
    kept = kept_event_new(&event);
    assert_int_equal(kept_event_of(kept)->sql.size, KEPT_TEXT_MAX);
    kept_event_free(&kept);
    rg_memory_free(text);
}

static void the_oldest_comes_first_and_too_many_are_counted(void **state)
{
    (void)state;
    struct kept_events events = {0};
    kept_events_add(&events, NULL);
    assert_null(kept_events_first(&events));
    for (uint64_t i = 0; i < KEPT_EVENTS_MAX + 3; i++) {
        struct audit_event event = outcome(i);
        kept_events_add(&events, kept_event_new(&event));
    }
    assert_int_equal(events.count, KEPT_EVENTS_MAX);
    assert_int_equal(events.lost_count, 3);
    for (uint64_t i = 0; i < KEPT_EVENTS_MAX; i++) {
        struct kept_event *kept = kept_events_first(&events);
        assert_int_equal(kept_event_of(kept)->statement_id, i);
        kept_events_take(&events);
        kept_event_free(&kept);
    }
    assert_null(kept_events_first(&events));
    struct audit_event event = outcome(9);
    kept_events_add(&events, kept_event_new(&event)); /* an emptied list is a list */
    assert_int_equal(kept_event_of(kept_events_first(&events))->statement_id, 9);
    kept_events_done(&events);
    kept_events_done(&events);
    assert_int_equal(events.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_ends_something_is_kept),
        cmocka_unit_test(a_copy_outlives_what_it_was_made_of),
        cmocka_unit_test(a_requests_outcome_keeps_its_digests),
        cmocka_unit_test(a_long_text_is_left_to_the_decision_and_never_cut),
        cmocka_unit_test(the_oldest_comes_first_and_too_many_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
