/* SPDX-License-Identifier: Apache-2.0 */
/* Places and their order, and idle connections against a server that the test itself is; sessions that share:
 * test_pool.py, test_pool_state.py. */
#include "proxy/pool.h"

#include <poll.h>
#include <signal.h>

#include "tests/support/net_test.h"

enum { PATIENCE_MS = 20000, NEVER_MS = 3600000, CLIENTS = 8 };

static const char welcome[] = "R\0\0\0\x08\0\0\0\0"
                              "S\0\0\0\x19"
                              "client_encoding\0UTF8\0"
                              "S\0\0\0\x23"
                              "standard_conforming_strings\0on\0"
                              "K\0\0\0\x0c\0\0\0\x07\0\0\0\x09"
                              "Z\0\0\0\x05I";

struct client {
    struct pool_place place;
    size_t *order;  /* of all clients */
    size_t granted; /* as which one, from 1; 0 = not */
    bool leaves;    /* as soon as it is granted */
};

struct world {
    struct net_loop *loop;
    struct net_conninfo *conninfo;
    struct pool_stocks *stocks;
    struct pool *pool;
    int listener;
    char dsn[128];
    size_t order;
    size_t closed;
    struct client clients[CLIENTS];
};

static void on_closed(void *context)
{
    struct world *world = context;
    world->closed++;
}

static void on_granted(void *context)
{
    struct client *client = context;
    client->granted = ++*client->order;
    if (client->leaves) {
        pool_leave(&client->place);
    }
}

/* As after a time when all were used at once. */
static void draw_all(struct world *world, size_t size)
{
    struct pool_place places[CLIENTS] = {{0}};
    for (size_t i = 0; i < size; i++) {
        pool_join(world->pool, rg_slice_make(&"01234567"[i], 1), &places[i], NULL, NULL);
        assert_true(pool_ask(&places[i]));
    }
    for (size_t i = 0; i < size; i++) {
        pool_part(&places[i]);
    }
}

static void begin(struct world *world, size_t size, const struct pool_limits *limits)
{
    uint16_t port = 0;
    *world = (struct world){.listener = net_test_listen(&port)};
    (void)snprintf(world->dsn, sizeof world->dsn, "hostaddr=127.0.0.1 user=app sslmode=disable port=%u", port);
    assert_ok(net_loop_new(NULL, &world->loop));
    assert_ok(
        net_conninfo_parse(rg_slice_of(world->dsn), RG_SLICE("s3cret"), NET_CONNINFO_PINS_NONE, &world->conninfo));
    world->stocks = pool_stocks_new();
    struct pool_stock *stock = pool_stocks_find(world->stocks, RG_SLICE("main"));
    pool_stock_resize(stock, size, 0);
    world->pool = pool_new(world->loop, RG_SLICE("main"), stock, limits, world->conninfo, on_closed, world);
    draw_all(world, size);
}

/* Clients of the tenants that the letters name. */
static void join(struct world *world, const char *tenants)
{
    for (size_t i = 0; tenants[i] != '\0'; i++) {
        struct client *client = &world->clients[i];
        client->order = &world->order;
        pool_join(world->pool, rg_slice_make(&tenants[i], 1), &client->place, on_granted, client);
    }
}

static void end(struct world *world)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        pool_part(&world->clients[i].place);
    }
    assert_false(pool_is_joined(world->pool));
    pool_free(&world->pool);
    assert_null(world->pool);
    net_conninfo_release(&world->conninfo);
    net_loop_free(&world->loop);
    pool_stocks_free(&world->stocks);
    close(world->listener);
}

static void expect_counts(const struct world *world, size_t held, size_t waiting, size_t idle)
{
    struct pool_counts counts = pool_counts(world->pool);
    assert_int_equal(counts.held, held);
    assert_int_equal(counts.waiting, waiting);
    assert_int_equal(counts.idle, idle);
}

/* ---- places ---- */

static void places_are_granted_up_to_the_size_and_then_in_order(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 2, &(struct pool_limits){.per_tenant = 2, .idle_ms = NEVER_MS, .age_ms = NEVER_MS});
    join(&world, "aaaa");
    assert_true(pool_ask(&world.clients[0].place));
    assert_true(pool_ask(&world.clients[1].place));
    assert_false(pool_ask(&world.clients[2].place));
    assert_false(pool_ask(&world.clients[3].place));
    expect_counts(&world, 2, 2, 0);
    assert_int_equal(pool_tenant_held(&world.clients[3].place), 2);
    pool_leave(&world.clients[1].place);
    assert_int_equal(world.clients[2].granted, 1);
    assert_int_equal(world.clients[3].granted, 0);
    pool_leave(&world.clients[0].place);
    assert_int_equal(world.clients[3].granted, 2);
    pool_leave(&world.clients[0].place); /* has none: nothing happens */
    expect_counts(&world, 2, 0, 0);
    end(&world);
}

static void tenants_are_served_in_turn_whoever_waits_with_many(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1, &(struct pool_limits){.per_tenant = 1, .idle_ms = NEVER_MS, .age_ms = NEVER_MS});
    join(&world, "aaaaabcb");
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pool_ask(&world.clients[i].place), i == 0);
        world.clients[i].leaves = true;
    }
    pool_leave(&world.clients[0].place);
    /*                        a0 a1 a2 a3 a4 b5 c6 b7 */
    static const size_t order[CLIENTS] = {0, 3, 5, 6, 7, 1, 2, 4}; /* a had the last one */
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(world.clients[i].granted, order[i]);
    }
    expect_counts(&world, 0, 0, 0);
    end(&world);
}

static void a_tenants_share_leaves_the_rest_to_others(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 3, &(struct pool_limits){.per_tenant = 2, .idle_ms = NEVER_MS, .age_ms = NEVER_MS});
    join(&world, "aaaabb");
    assert_true(pool_ask(&world.clients[0].place));
    assert_true(pool_ask(&world.clients[1].place));
    assert_false(pool_ask(&world.clients[2].place)); /* one is free, and not for a */
    assert_false(pool_ask(&world.clients[3].place));
    assert_true(pool_ask(&world.clients[4].place)); /* who waits for its share holds nobody up */
    assert_false(pool_ask(&world.clients[5].place));
    pool_leave(&world.clients[4].place);
    assert_int_equal(world.clients[5].granted, 1); /* a's turn, but for its share */
    pool_leave(&world.clients[0].place);
    assert_int_equal(world.clients[2].granted, 2);
    expect_counts(&world, 3, 1, 0);
    end(&world);
}

static void who_ceases_to_wait_or_parts_is_not_granted(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1, &(struct pool_limits){.per_tenant = 1, .idle_ms = NEVER_MS, .age_ms = NEVER_MS});
    join(&world, "abbc");
    assert_true(pool_ask(&world.clients[0].place));
    for (size_t i = 1; i < 4; i++) {
        assert_false(pool_ask(&world.clients[i].place));
    }
    pool_leave(&world.clients[1].place);
    pool_part(&world.clients[2].place); /* the last of its tenant */
    pool_part(&world.clients[1].place);
    expect_counts(&world, 1, 1, 0);
    pool_part(&world.clients[0].place); /* gives back what it held */
    assert_int_equal(world.clients[3].granted, 1);
    assert_int_equal(world.order, 1);
    end(&world);
}

static void new_limits_hold_from_now_on(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1, &(struct pool_limits){.per_tenant = 1, .idle_ms = NEVER_MS, .age_ms = NEVER_MS});
    join(&world, "aaab");
    assert_true(pool_ask(&world.clients[0].place));
    for (size_t i = 1; i < 4; i++) {
        assert_false(pool_ask(&world.clients[i].place));
    }
    struct pool_limits more = {.per_tenant = 2, .idle_ms = NEVER_MS, .age_ms = NEVER_MS};
    pool_stock_resize(pool_stock_of(world.pool), 3, 0);
    pool_configure(world.pool, &more, world.conninfo);
    assert_true(world.clients[1].granted > 0 && world.clients[3].granted > 0);
    assert_int_equal(world.clients[2].granted, 0);
    struct pool_limits less = {.per_tenant = 1, .idle_ms = NEVER_MS, .age_ms = NEVER_MS};
    pool_stock_resize(pool_stock_of(world.pool), 1, 0);
    pool_configure(world.pool, &less, world.conninfo);
    expect_counts(&world, 3, 1, 0); /* nobody loses a place */
    pool_leave(&world.clients[0].place);
    pool_leave(&world.clients[1].place);
    assert_int_equal(world.clients[2].granted, 0);
    pool_leave(&world.clients[3].place);
    assert_true(world.clients[2].granted > 0);
    end(&world);
}

/* ---- connections ---- */

/* An open upstream, and the server's end of it. */
struct link {
    struct net_upstream *upstream;
    int peer;
    bool is_open;
};

static void on_open(void *context, struct net_upstream *upstream, const char *error)
{
    struct link *link = context;
    (void)upstream;
    assert_null(error);
    link->is_open = true;
}

static void connect_link(struct world *world, struct link *link)
{
    *link = (struct link){.peer = -1};
    assert_ok(net_upstream_open(world->loop, world->conninfo, PATIENCE_MS, on_open, link, &link->upstream));
    struct pollfd waits = {.fd = world->listener, .events = POLLIN};
    while (poll(&waits, 1, 0) == 0) {
        net_loop_turn(world->loop, 10);
    }
    link->peer = accept(world->listener, NULL, NULL);
    assert_true(link->peer >= 0);
    char startup[512];
    waits.fd = link->peer;
    while (poll(&waits, 1, 0) == 0) {
        net_loop_turn(world->loop, 10);
    }
    assert_true(read(link->peer, startup, sizeof startup) > 0);
    assert_int_equal(write(link->peer, welcome, sizeof welcome - 1), sizeof welcome - 1);
    while (!link->is_open) {
        net_loop_turn(world->loop, 10);
    }
}

static void turn_until_idle(struct world *world, size_t idle)
{
    for (int i = 0; i < 2000 && pool_counts(world->pool).idle != idle; i++) {
        net_loop_turn(world->loop, 10);
    }
    assert_int_equal(pool_counts(world->pool).idle, idle);
}

static void the_connection_that_was_used_last_is_taken_first(void **state)
{
    (void)state;
    struct world world;
    bool is_stale = false;
    struct link links[2];
    begin(&world, 2, &(struct pool_limits){.per_tenant = 2, .idle_ms = NEVER_MS, .age_ms = NEVER_MS});
    assert_null(pool_take(world.pool, world.conninfo, &is_stale));
    connect_link(&world, &links[0]);
    connect_link(&world, &links[1]);
    struct net_upstream *last = links[1].upstream;
    pool_put(world.pool, &links[0].upstream);
    pool_put(world.pool, &links[1].upstream);
    assert_null(links[0].upstream);
    expect_counts(&world, 0, 0, 2);
    links[1].upstream = pool_take(world.pool, world.conninfo, &is_stale);
    assert_ptr_equal(links[1].upstream, last);
    links[0].upstream = pool_take(world.pool, world.conninfo, &is_stale);
    assert_non_null(links[0].upstream);
    assert_null(pool_take(world.pool, world.conninfo, &is_stale));
    net_upstream_close(&links[0].upstream);
    net_upstream_close(&links[1].upstream);
    assert_int_equal(world.closed, 0);
    close(links[0].peer);
    close(links[1].peer);
    end(&world);
}

static void what_speaks_unasked_or_ends_is_closed(void **state)
{
    (void)state;
    static const char death[] = "E\0\0\0\x12SFATAL\0C57P01\0";
    struct world world;
    bool is_stale = false;
    struct link links[3];
    begin(&world, 3, &(struct pool_limits){.per_tenant = 3, .idle_ms = NEVER_MS, .age_ms = NEVER_MS});
    for (size_t i = 0; i < 3; i++) {
        connect_link(&world, &links[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        pool_put(world.pool, &links[i].upstream);
    }
    assert_true(write(links[0].peer, death, sizeof death) > 0);
    close(links[1].peer);
    turn_until_idle(&world, 1);
    assert_int_equal(world.closed, 2);
    usleep(5000);
    net_loop_turn(world.loop, 0); /* its clock */
    assert_true(write(links[2].peer, death, sizeof death) > 0);
    assert_null(pool_take(world.pool, world.conninfo, &is_stale)); /* before the loop has seen it */
    assert_int_equal(world.closed, 3);
    close(links[0].peer);
    close(links[2].peer);
    end(&world);
}

static void what_is_idle_or_old_is_closed_in_time(void **state)
{
    (void)state;
    struct world world;
    struct link link;
    begin(&world, 2, &(struct pool_limits){.per_tenant = 2, .idle_ms = 50, .age_ms = NEVER_MS});
    connect_link(&world, &link);
    pool_put(world.pool, &link.upstream);
    turn_until_idle(&world, 0);
    close(link.peer);
    struct pool_limits limits = {.per_tenant = 2, .idle_ms = NEVER_MS, .age_ms = 0};
    connect_link(&world, &link);
    pool_configure(world.pool, &limits, world.conninfo);
    pool_put(world.pool, &link.upstream);
    expect_counts(&world, 0, 0, 0);
    assert_int_equal(world.closed, 2);
    close(link.peer);
    end(&world);
}

static void what_was_long_unused_is_called_stale_and_the_least_is_kept(void **state)
{
    (void)state;
    struct world world;
    bool is_stale = false;
    struct link links[2];
    begin(&world, 2,
          &(struct pool_limits){.per_tenant = 2, .idle_ms = 20, .age_ms = NEVER_MS, .check_ms = 20, .least = 1});
    connect_link(&world, &links[0]);
    connect_link(&world, &links[1]);
    pool_put(world.pool, &links[0].upstream);
    pool_put(world.pool, &links[1].upstream);
    turn_until_idle(&world, 1);
    assert_int_equal(world.closed, 1);
    usleep(60000);
    net_loop_turn(world.loop, 0);
    net_loop_turn(world.loop, 0);
    expect_counts(&world, 0, 0, 1);
    links[1].upstream = pool_take(world.pool, world.conninfo, &is_stale);
    assert_non_null(links[1].upstream);
    assert_true(is_stale);
    pool_put(world.pool, &links[1].upstream);
    pool_drop_stale(world.pool); /* it is not, any more */
    expect_counts(&world, 0, 0, 1);
    links[1].upstream = pool_take(world.pool, world.conninfo, &is_stale);
    assert_false(is_stale);
    pool_put(world.pool, &links[1].upstream);
    usleep(30000);
    pool_drop_stale(world.pool);
    expect_counts(&world, 0, 0, 0);
    close(links[0].peer);
    close(links[1].peer);
    end(&world);
}

static void what_was_used_a_moment_ago_is_lent_later(void **state)
{
    (void)state;
    struct world world;
    struct link links[2];
    struct client others[2] = {{.order = &world.order}, {.order = &world.order}};
    const struct pool_limits limits = {.per_tenant = 3, .idle_ms = NEVER_MS, .age_ms = NEVER_MS};
    begin(&world, 3, &limits);
    struct pool *other =
        pool_new(world.loop, RG_SLICE("main"), pool_stock_of(world.pool), &limits, world.conninfo, on_closed, &world);
    connect_link(&world, &links[0]);
    connect_link(&world, &links[1]);
    pool_put(world.pool, &links[0].upstream);
    pool_put(world.pool, &links[1].upstream);
    int64_t put_us = net_loop_now_us(world.loop);
    for (size_t i = 0; i < 2; i++) {
        pool_join(other, RG_SLICE("a"), &others[i].place, on_granted, &others[i]);
        assert_false(pool_ask(&others[i].place));
    }
    while (others[0].granted == 0) { /* one that has no connection, at once */
        net_loop_turn(world.loop, 10);
    }
    assert_int_equal(world.closed, 0);
    while (others[1].granted == 0) {
        net_loop_turn(world.loop, 10);
    }
    assert_true(net_loop_now_us(world.loop) - put_us >= 200000);
    assert_int_equal(world.closed, 1);
    expect_counts(&world, 0, 0, 1);
    for (size_t i = 0; i < 2; i++) {
        pool_part(&others[i].place);
        close(links[i].peer);
    }
    pool_free(&other);
    end(&world);
}

static void what_nobody_asked_for_has_a_place_of_its_own(void **state)
{
    (void)state;
    struct world world;
    struct link links[2];
    begin(&world, 2, &(struct pool_limits){.per_tenant = 2, .idle_ms = NEVER_MS, .age_ms = NEVER_MS, .least = 3});
    join(&world, "abc");
    for (size_t i = 0; i < 2; i++) {
        assert_true(pool_ask_spare(&world.clients[0].place));
        connect_link(&world, &links[i]);
        pool_put(world.pool, &links[i].upstream);
        pool_leave(&world.clients[0].place);
    }
    expect_counts(&world, 0, 0, 2);
    assert_false(pool_ask_spare(&world.clients[0].place)); /* both places have a connection */
    assert_true(pool_ask(&world.clients[1].place));        /* who asks may have theirs */
    expect_counts(&world, 1, 0, 2);
    end(&world);
    close(links[0].peer);
    close(links[1].peer);
}

static void nothing_outlives_a_reload(void **state)
{
    (void)state;
    struct world world;
    struct link kept;
    struct link used;
    struct pool_limits limits = {.per_tenant = 2, .idle_ms = NEVER_MS, .age_ms = NEVER_MS};
    begin(&world, 2, &limits);
    connect_link(&world, &kept);
    connect_link(&world, &used);
    pool_put(world.pool, &kept.upstream);
    struct net_conninfo *other = NULL;
    assert_ok(net_conninfo_parse(rg_slice_of(world.dsn), RG_SLICE("s3cret"), NET_CONNINFO_PINS_NONE, &other));
    pool_configure(world.pool, &limits, other);
    expect_counts(&world, 0, 0, 0);
    pool_put(world.pool, &used.upstream); /* opened with what may be another login now */
    expect_counts(&world, 0, 0, 0);
    assert_int_equal(world.closed, 2);
    net_conninfo_release(&other);
    close(kept.peer);
    close(used.peer);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_granted_up_to_the_size_and_then_in_order),
        cmocka_unit_test(tenants_are_served_in_turn_whoever_waits_with_many),
        cmocka_unit_test(a_tenants_share_leaves_the_rest_to_others),
        cmocka_unit_test(who_ceases_to_wait_or_parts_is_not_granted),
        cmocka_unit_test(new_limits_hold_from_now_on),
        cmocka_unit_test(the_connection_that_was_used_last_is_taken_first),
        cmocka_unit_test(what_speaks_unasked_or_ends_is_closed),
        cmocka_unit_test(what_is_idle_or_old_is_closed_in_time),
        cmocka_unit_test(what_was_long_unused_is_called_stale_and_the_least_is_kept),
        cmocka_unit_test(what_was_used_a_moment_ago_is_lent_later),
        cmocka_unit_test(what_nobody_asked_for_has_a_place_of_its_own),
        cmocka_unit_test(nothing_outlives_a_reload),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
