/* SPDX-License-Identifier: Apache-2.0 */
/* The packets of `rowgate session`: what goes over comes out the same, and nothing else is taken. */
#include "proxy/session_order.h"

#include "tests/support/rg_test.h"

static const struct session_order orders[] = {
    {.kind = SESSION_ORDER_LIST},
    {.kind = SESSION_ORDER_LIST, .tenant = {"acme", 4}, .user = {"al\"ice\xc3\xa4", 8}},
    {.kind = SESSION_ORDER_REVOKE_ID, .id = {"q-1", 3}},
    {.kind = SESSION_ORDER_REVOKE_SUBJECT, .idp = {"main", 4}, .subject = {"alice", 5}},
    {.kind = SESSION_ORDER_REVOKE_TENANT, .tenant = {"acme", 4}},
    {.kind = SESSION_ORDER_REVOKE_ALL},
};

static void an_order_comes_out_as_it_went_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        RG_AUTO(rg_buf_done) struct rg_buf packet;
        struct session_order order = {0};
        rg_arena_init(&arena, 1 << 16);
        rg_buf_init(&packet, SESSION_ORDER_MAX);
        assert_ok(session_order_encode(&orders[i], &packet));
        assert_ok(session_order_parse(rg_buf_slice(&packet), &arena, &order));
        assert_int_equal(order.kind, orders[i].kind);
        assert_true(rg_slice_is_equal(order.id, orders[i].id) && rg_slice_is_equal(order.idp, orders[i].idp) &&
                    rg_slice_is_equal(order.subject, orders[i].subject) &&
                    rg_slice_is_equal(order.tenant, orders[i].tenant) && rg_slice_is_equal(order.user, orders[i].user));
    }
}

static void orders_that_say_too_little_or_too_much_are_not_sent(void **state)
{
    (void)state;
    static const struct session_order bad[] = {
        {0},
        {.kind = SESSION_ORDER_COUNT},
        {.kind = SESSION_ORDER_REVOKE_ID},
        {.kind = SESSION_ORDER_REVOKE_SUBJECT, .subject = {"alice", 5}},
        {.kind = SESSION_ORDER_REVOKE_SUBJECT, .idp = {"main", 4}},
        {.kind = SESSION_ORDER_REVOKE_TENANT},
        {.kind = SESSION_ORDER_REVOKE_ALL, .id = {"q-1", 3}},
        {.kind = SESSION_ORDER_REVOKE_ID, .id = {"q-1", 3}, .tenant = {"acme", 4}},
        {.kind = SESSION_ORDER_LIST, .id = {"q-1", 3}},
        {.kind = SESSION_ORDER_REVOKE_ID, .id = {"\xff", 1}},
        {.kind = SESSION_ORDER_REVOKE_ID, .id = {"a\0b", 3}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf packet;
        rg_buf_init(&packet, SESSION_ORDER_MAX);
        assert_fails(RG_PROTOCOL, session_order_encode(&bad[i], &packet));
        assert_int_equal(rg_buf_size(&packet), 0);
    }
    static char large[SESSION_ORDER_TEXT_MAX + 1];
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    memset(large, 'a', sizeof large);
    rg_buf_init(&packet, SESSION_ORDER_MAX);
    const struct session_order order = {.kind = SESSION_ORDER_REVOKE_ID, .id = rg_slice_make(large, sizeof large)};
    assert_fails(RG_LIMIT, session_order_encode(&order, &packet));
}

static void packets_that_are_no_orders_are_refused(void **state)
{
    (void)state;
    static const char *const packets[] = {
        "{",
        "[]",
        "null",
        "{}",
        "{\"order\":\"revoke_everything\"}",
        "{\"order\":7}",
        "{\"order\":\"list\",\"order\":\"revoke_all\"}",
        "{\"order\":\"revoke_all\",\"force\":true}",
        "{\"order\":\"revoke_all\",\"tenant\":\"acme\"}",
        "{\"order\":\"revoke_id\"}",
        "{\"order\":\"revoke_id\",\"id\":\"\"}",
        "{\"order\":\"revoke_id\",\"id\":7}",
        "{\"order\":\"revoke_id\",\"id\":\"a\\u0000b\"}",
        "{\"order\":\"revoke_all\"} x",
    };
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        struct session_order order = {0};
        rg_arena_init(&arena, 1 << 16);
        assert_fails(RG_PROTOCOL, session_order_parse(rg_slice_of(packets[i]), &arena, &order));
        assert_int_equal(order.kind, SESSION_ORDER_NONE);
    }
    static char large[SESSION_ORDER_MAX + 1];
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct session_order order = {0};
    memset(large, ' ', sizeof large);
    rg_arena_init(&arena, 1 << 16);
    assert_fails(RG_LIMIT, session_order_parse(rg_slice_make(large, sizeof large), &arena, &order));
    assert_fails(RG_LIMIT, session_order_parse((struct rg_slice){0}, &arena, &order));
}

static void a_session_is_told_whatever_bytes_its_names_have(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    static char large[4 * SESSION_ORDER_TEXT_MAX];
    struct session_row row = {.id = RG_SLICE("q-1"),
                              .plane = RG_SLICE("sql"),
                              .user = RG_SLICE("b\xff\"\n"),
                              .subject = rg_slice_make(large, sizeof large),
                              .token_id = RG_SLICE("jti-secret"),
                              .created_us = 5,
                              .expires_us = -1};
    struct session_row out = {0};
    bool is_end = true;
    size_t count = 0;
    memset(large, 'a', sizeof large);
    rg_arena_init(&arena, 1 << 16);
    rg_buf_init(&packet, SESSION_ORDER_MAX);
    assert_ok(session_row_encode(&row, &packet));
    assert_null(memmem(rg_buf_slice(&packet).data, rg_buf_size(&packet), "jti-secret", 10));
    assert_ok(session_answer_parse(rg_buf_slice(&packet), &arena, &is_end, &count, &out));
    assert_false(is_end);
    assert_slice(out.id, "q-1");
    assert_slice(out.user, "b?\"?");
    assert_slice(out.tenant, "");
    assert_int_equal(out.subject.size, SESSION_ORDER_TEXT_MAX);
    assert_int_equal(out.created_us, 5);
    assert_int_equal(out.expires_us, 0);
}

static void the_end_tells_how_many_or_why_not(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    struct session_row row = {0};
    bool is_end = false;
    size_t count = 0;
    rg_arena_init(&arena, 1 << 16);
    rg_buf_init(&packet, SESSION_ORDER_MAX);
    assert_ok(session_end_encode(RG_OK, 7, &packet));
    assert_ok(session_answer_parse(rg_buf_slice(&packet), &arena, &is_end, &count, &row));
    assert_true(is_end);
    assert_int_equal(count, 7);
    rg_buf_clear(&packet);
    assert_ok(session_end_encode(rg_fail(RG_DENIED, "only \"root\" may"), 7, &packet));
    rg_status status = session_answer_parse(rg_buf_slice(&packet), &arena, &is_end, &count, &row);
    assert_fails(RG_DENIED, status);
    assert_string_equal(status.error->text, "only \"root\" may");
}

static void answers_that_nobody_gives_are_refused(void **state)
{
    (void)state;
    static const char *const packets[] = {
        "{}",
        "{\"sessions\":-1}",
        "{\"sessions\":\"7\"}",
        "{\"sessions\":1,\"x\":1}",
        "{\"error\":\"RG_WHAT\"}",
        "{\"error\":\"RG_DENIED\",\"text\":7}",
        "{\"id\":\"q-1\"}",
        "{\"id\":\"q-1\",\"created_us\":1,\"seen_us\":1,\"expires_us\":1,\"x\":1}",
        "{\"id\":7,\"created_us\":1,\"seen_us\":1,\"expires_us\":1}",
    };
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        struct session_row row = {0};
        bool is_end = false;
        size_t count = 9;
        rg_arena_init(&arena, 1 << 16);
        assert_fails(RG_PROTOCOL, session_answer_parse(rg_slice_of(packets[i]), &arena, &is_end, &count, &row));
        assert_int_equal(count, 9);
        assert_false(is_end);
    }
}

static void a_list_wants_whom_it_names(void **state)
{
    (void)state;
    const struct session_row row = {
        .tenant = RG_SLICE("acme"), .user = RG_SLICE("Alice"), .subject = RG_SLICE("alice")};
    const struct {
        const char *tenant, *user;
        bool is_wanted;
    } rows[] = {{"", "", true},          {"acme", "", true}, {"", "Alice", true},        {"", "alice", true},
                {"acme", "alice", true}, {"acm", "", false}, {"globex", "alice", false}, {"acme", "ALICE", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct session_order order = {
            .kind = SESSION_ORDER_LIST, .tenant = rg_slice_of(rows[i].tenant), .user = rg_slice_of(rows[i].user)};
        assert_true(session_order_wants(&order, &row) == rows[i].is_wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_comes_out_as_it_went_in),
        cmocka_unit_test(orders_that_say_too_little_or_too_much_are_not_sent),
        cmocka_unit_test(packets_that_are_no_orders_are_refused),
        cmocka_unit_test(a_session_is_told_whatever_bytes_its_names_have),
        cmocka_unit_test(the_end_tells_how_many_or_why_not),
        cmocka_unit_test(answers_that_nobody_gives_are_refused),
        cmocka_unit_test(a_list_wants_whom_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
