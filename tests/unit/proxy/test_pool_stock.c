/* SPDX-License-Identifier: Apache-2.0 */
/* Places that several loops draw from: by hand, in the order of one thread, and in a storm of threads. With connections
 * and clients: test_pool.py. */
#include "proxy/pool_stock.h"

#include <pthread.h>

#include "proxy/pool.h"
#include "tests/support/net_test.h"

enum { LOOPS = 3, CLIENTS = 6, NEVER_MS = 3600000 };

static const struct pool_limits limits = {.per_tenant = CLIENTS, .idle_ms = NEVER_MS, .age_ms = NEVER_MS};

struct side {
    struct net_loop *loop;
    struct pool *pool;
    struct pool_place places[CLIENTS];
};

struct world {
    struct pool_stocks *stocks;
    struct pool_stock *stock;
    struct net_conninfo *conninfo;
    struct side sides[LOOPS];
};

static void ignore(void *context)
{
    (void)context;
}

static void begin(struct world *world, size_t size)
{
    *world = (struct world){.stocks = pool_stocks_new()};
    world->stock = pool_stocks_find(world->stocks, RG_SLICE("main"));
    assert_ptr_equal(pool_stocks_find(world->stocks, RG_SLICE("main")), world->stock);
    assert_ptr_not_equal(pool_stocks_find(world->stocks, RG_SLICE("mai")), world->stock);
    pool_stock_resize(world->stock, size, 0);
    assert_ok(net_conninfo_parse(RG_SLICE("hostaddr=127.0.0.1 user=app"), RG_SLICE("s3cret"), NET_CONNINFO_PINS_NONE,
                                 &world->conninfo));
    for (size_t i = 0; i < LOOPS; i++) {
        struct side *side = &world->sides[i];
        assert_ok(net_loop_new(NULL, &side->loop));
        side->pool = pool_new(side->loop, RG_SLICE("main"), world->stock, &limits, world->conninfo, ignore, NULL);
        for (size_t j = 0; j < CLIENTS; j++) {
            pool_join(side->pool, RG_SLICE("acme"), &side->places[j], ignore, NULL);
        }
    }
}

static void close_side(struct side *side)
{
    if (side->pool == NULL) {
        return;
    }
    for (size_t j = 0; j < CLIENTS; j++) {
        pool_part(&side->places[j]);
    }
    pool_free(&side->pool);
}

static void end(struct world *world)
{
    for (size_t i = 0; i < LOOPS; i++) {
        close_side(&world->sides[i]);
        net_loop_free(&world->sides[i].loop);
    }
    net_conninfo_release(&world->conninfo);
    pool_stocks_free(&world->stocks);
    assert_null(world->stocks);
    pool_stocks_free(&world->stocks);
}

/* Lets each loop hear what it was posted. */
static void turn(struct world *world)
{
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < LOOPS; i++) {
            net_loop_turn(world->sides[i].loop, 0);
        }
    }
}

static size_t held(const struct side *side)
{
    return side->pool == NULL ? 0 : pool_counts(side->pool).held;
}

static void ask(struct side *side, size_t count)
{
    for (size_t j = 0; j < CLIENTS && count > 0; j++) {
        if (side->places[j].state == POOL_OUTSIDE) {
            (void)pool_ask(&side->places[j]);
            count--;
        }
    }
    assert_int_equal(count, 0);
}

static void leave_one(struct side *side)
{
    for (size_t j = 0; j < CLIENTS; j++) {
        if (side->places[j].state == POOL_HOLDS) {
            pool_leave(&side->places[j]);
            return;
        }
    }
    fail_msg("nobody holds a place");
}

static void expect_held(struct world *world, size_t a, size_t b, size_t c)
{
    turn(world);
    assert_int_equal(held(&world->sides[0]), a);
    assert_int_equal(held(&world->sides[1]), b);
    assert_int_equal(held(&world->sides[2]), c);
}

/* ---- by hand ---- */

static void one_loop_may_have_all_places_and_no_more(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 3);
    ask(&world.sides[0], 5);
    expect_held(&world, 3, 0, 0);
    ask(&world.sides[1], 1);
    expect_held(&world, 3, 0, 0);
    end(&world);
}

static void what_a_loop_does_not_use_is_anothers(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 3);
    ask(&world.sides[0], 3);
    leave_one(&world.sides[0]);
    leave_one(&world.sides[0]); /* kept, while nobody lacks one */
    ask(&world.sides[1], 3);
    expect_held(&world, 1, 2, 0);
    leave_one(&world.sides[0]);
    expect_held(&world, 0, 3, 0);
    end(&world);
}

static void a_loop_with_more_shares_until_both_have_as_many(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 5);
    ask(&world.sides[0], 6);
    ask(&world.sides[1], 4);
    expect_held(&world, 5, 0, 0);
    leave_one(&world.sides[0]);
    expect_held(&world, 4, 1, 0);
    leave_one(&world.sides[0]);
    expect_held(&world, 3, 2, 0);
    ask(&world.sides[0], 2);
    for (size_t i = 0; i < 3; i++) { /* its own wait too: now it is theirs */
        leave_one(&world.sides[0]);
        ask(&world.sides[0], 1);
        expect_held(&world, 3, 2, 0);
    }
    end(&world);
}

static void the_only_place_goes_round(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1);
    for (size_t i = 0; i < LOOPS; i++) {
        ask(&world.sides[i], 4);
    }
    for (size_t round = 0; round < 3; round++) {
        expect_held(&world, 1, 0, 0);
        leave_one(&world.sides[0]);
        expect_held(&world, 0, 1, 0);
        leave_one(&world.sides[1]);
        expect_held(&world, 0, 0, 1);
        leave_one(&world.sides[2]);
    }
    expect_held(&world, 1, 0, 0);
    end(&world);
}

static void who_ceases_to_wait_holds_nobody_up(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1);
    ask(&world.sides[0], 1);
    ask(&world.sides[1], 1);
    ask(&world.sides[2], 1);
    turn(&world);
    leave_one(&world.sides[0]);            /* it is the second one's, who is not told yet, */
    pool_leave(&world.sides[1].places[0]); /* and does not want it any more */
    expect_held(&world, 0, 0, 1);
    leave_one(&world.sides[2]);
    ask(&world.sides[0], 2);
    ask(&world.sides[1], 1);
    turn(&world);
    pool_stop(world.sides[0].pool); /* grants nothing any more */
    leave_one(&world.sides[0]);
    expect_held(&world, 0, 1, 0);
    end(&world);
}

static void a_loop_that_ends_leaves_its_places(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 2);
    ask(&world.sides[0], 2);
    ask(&world.sides[1], 1);
    ask(&world.sides[2], 1);
    turn(&world);
    leave_one(&world.sides[0]); /* told, and closed before it hears of it */
    close_side(&world.sides[1]);
    expect_held(&world, 1, 0, 1);
    end(&world);
}

static void a_new_size_holds_from_now_on(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1);
    ask(&world.sides[0], 3);
    ask(&world.sides[1], 3);
    expect_held(&world, 1, 0, 0);
    pool_stock_resize(world.stock, 4, 0);
    turn(&world);
    assert_int_equal(held(&world.sides[0]) + held(&world.sides[1]), 4);
    pool_stock_resize(world.stock, 1, 0);
    turn(&world);
    assert_int_equal(held(&world.sides[0]) + held(&world.sides[1]), 4); /* nobody loses a place */
    for (size_t left = 4; left > 1; left--) {
        leave_one(held(&world.sides[0]) > 0 ? &world.sides[0] : &world.sides[1]);
        turn(&world);
        assert_int_equal(held(&world.sides[0]) + held(&world.sides[1]), left - 1);
    }
    leave_one(held(&world.sides[0]) > 0 ? &world.sides[0] : &world.sides[1]);
    turn(&world);
    assert_int_equal(held(&world.sides[0]) + held(&world.sides[1]), 1); /* the next one */
    end(&world);
}

static void the_reserve_is_for_who_presses_and_goes_back_when_nobody_waits(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1);
    pool_press(&world.sides[0].places[0]); /* waits for nothing */
    ask(&world.sides[0], 3);
    pool_press(&world.sides[0].places[1]);
    expect_held(&world, 1, 0, 0); /* there is none */
    pool_stock_resize(world.stock, 1, 1);
    expect_held(&world, 1, 0, 0); /* nobody presses */
    pool_press(&world.sides[0].places[2]);
    expect_held(&world, 2, 0, 0);
    pool_press(&world.sides[0].places[2]);
    ask(&world.sides[1], 1);
    pool_press(&world.sides[1].places[0]);
    expect_held(&world, 2, 0, 0); /* and no more */
    leave_one(&world.sides[0]);   /* another loop has none: it is not this one's reserve any more */
    expect_held(&world, 1, 0, 0);
    leave_one(&world.sides[0]);
    expect_held(&world, 0, 1, 0);
    pool_press(&world.sides[0].places[2]);
    expect_held(&world, 1, 1, 0);
    ask(&world.sides[0], 1);
    leave_one(&world.sides[0]);
    expect_held(&world, 1, 1, 0); /* used while somebody waits */
    leave_one(&world.sides[0]);
    ask(&world.sides[0], 1);
    expect_held(&world, 0, 1, 0); /* given back */
    end(&world);
}

static void what_nobody_asked_for_takes_what_nobody_wants(void **state)
{
    (void)state;
    struct world world;
    struct pool_place *kept = world.sides[0].places;
    begin(&world, 2);
    ask(&world.sides[1], 1);
    assert_true(pool_ask_spare(&kept[0]));
    assert_false(pool_ask_spare(&kept[1])); /* and does not wait */
    assert_int_equal(kept[1].state, POOL_OUTSIDE);
    ask(&world.sides[1], 1);
    pool_leave(&kept[0]);
    expect_held(&world, 0, 2, 0);
    leave_one(&world.sides[1]); /* kept, with no connection */
    assert_false(pool_ask_spare(&kept[0]));
    pool_trim(world.sides[1].pool);
    assert_true(pool_ask_spare(&kept[0]));
    pool_leave(&kept[0]);
    ask(&world.sides[1], 1);
    expect_held(&world, 0, 2, 0);
    ask(&world.sides[2], 1);
    leave_one(&world.sides[1]); /* one is free, and the third one's, who is not told yet */
    assert_false(pool_ask_spare(&kept[0]));
    expect_held(&world, 0, 1, 1);
    pool_stop(world.sides[0].pool);
    pool_stock_resize(world.stock, 3, 0);
    assert_false(pool_ask_spare(&kept[0]));
    expect_held(&world, 0, 1, 1);
    end(&world);
}

/* ---- a storm ---- */

enum { STORM_SIZE = 4, ROUNDS = 400 };

struct storm {
    struct pool_stock *stock;
    struct net_conninfo *conninfo;
    atomic_size_t holding;
    atomic_size_t most;
};

struct crew {
    struct storm *storm;
    struct net_loop *loop;
    struct pool *pool;
    size_t working;
    struct sailor {
        struct crew *crew;
        struct pool_place place;
        size_t rounds;
    } sailors[CLIENTS];
};

static void on_leave(void *arg);

static void on_hold(struct sailor *sailor)
{
    struct storm *storm = sailor->crew->storm;
    size_t now = atomic_fetch_add(&storm->holding, 1) + 1;
    size_t most = atomic_load(&storm->most);
    while (now > most && !atomic_compare_exchange_weak(&storm->most, &most, now)) {
    }
    net_loop_post(sailor->crew->loop, on_leave, sailor);
}

static void on_granted(void *context)
{
    on_hold(context);
}

static void on_ask(void *arg)
{
    struct sailor *sailor = arg;
    if (pool_ask(&sailor->place)) {
        on_hold(sailor);
    }
}

static void on_leave(void *arg)
{
    struct sailor *sailor = arg;
    struct crew *crew = sailor->crew;
    (void)atomic_fetch_sub(&crew->storm->holding, 1);
    pool_leave(&sailor->place);
    if (++sailor->rounds < ROUNDS) {
        net_loop_post(crew->loop, on_ask, sailor);
    } else if (--crew->working == 0) {
        net_loop_stop(crew->loop);
    }
}

static void *sail(void *arg)
{
    struct crew *crew = arg;
    struct storm *storm = crew->storm;
    assert_ok(net_loop_new(NULL, &crew->loop));
    crew->pool = pool_new(crew->loop, RG_SLICE("main"), storm->stock, &limits, storm->conninfo, ignore, NULL);
    crew->working = CLIENTS;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct sailor *sailor = &crew->sailors[i];
        sailor->crew = crew;
        pool_join(crew->pool, RG_SLICE("acme"), &sailor->place, on_granted, sailor);
        net_loop_post(crew->loop, on_ask, sailor);
    }
    net_loop_run(crew->loop);
    for (size_t i = 0; i < CLIENTS; i++) {
        pool_part(&crew->sailors[i].place);
    }
    pool_free(&crew->pool);
    net_loop_free(&crew->loop);
    return NULL;
}

static void nobody_is_forgotten_in_a_storm_and_the_size_holds(void **state)
{
    (void)state;
    struct pool_stocks *stocks = pool_stocks_new();
    struct storm storm = {.stock = pool_stocks_find(stocks, RG_SLICE("main"))};
    struct crew crews[LOOPS] = {{0}};
    pthread_t threads[LOOPS];
    pool_stock_resize(storm.stock, STORM_SIZE, 0);
    assert_ok(net_conninfo_parse(RG_SLICE("hostaddr=127.0.0.1 user=app"), RG_SLICE("s3cret"), NET_CONNINFO_PINS_NONE,
                                 &storm.conninfo));
    for (size_t i = 0; i < LOOPS; i++) {
        crews[i].storm = &storm;
        assert_int_equal(pthread_create(&threads[i], NULL, sail, &crews[i]), 0);
    }
    for (size_t i = 0; i < LOOPS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (size_t j = 0; j < CLIENTS; j++) {
            assert_int_equal(crews[i].sailors[j].rounds, ROUNDS);
        }
    }
    assert_int_equal(storm.holding, 0);
    assert_in_range(storm.most, 1, STORM_SIZE);
    net_conninfo_release(&storm.conninfo);
    pool_stocks_free(&stocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_loop_may_have_all_places_and_no_more),
        cmocka_unit_test(what_a_loop_does_not_use_is_anothers),
        cmocka_unit_test(a_loop_with_more_shares_until_both_have_as_many),
        cmocka_unit_test(the_only_place_goes_round),
        cmocka_unit_test(who_ceases_to_wait_holds_nobody_up),
        cmocka_unit_test(a_loop_that_ends_leaves_its_places),
        cmocka_unit_test(a_new_size_holds_from_now_on),
        cmocka_unit_test(the_reserve_is_for_who_presses_and_goes_back_when_nobody_waits),
        cmocka_unit_test(what_nobody_asked_for_takes_what_nobody_wants),
        cmocka_unit_test(nobody_is_forgotten_in_a_storm_and_the_size_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
