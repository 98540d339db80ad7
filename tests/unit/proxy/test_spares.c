/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between two sessions, against a server that the test itself is; sessions that use them:
 * test_pool_state.py. */
#include "proxy/spares.h"

#include <poll.h>
#include <signal.h>

#include "tests/support/net_test.h"

enum { PATIENCE_MS = 20000, NEVER_MS = 3600000 };

static const struct rg_digest alice = {{1}};
static const struct rg_digest bob = {{2}};

static const char welcome[] = "R\0\0\0\x08\0\0\0\0"
                              "S\0\0\0\x19"
                              "client_encoding\0UTF8\0"
                              "S\0\0\0\x23"
                              "standard_conforming_strings\0on\0"
                              "K\0\0\0\x0c\0\0\0\x07\0\0\0\x09"
                              "Z\0\0\0\x05I";

struct world {
    struct net_loop *loop;
    struct net_conninfo *conninfo;
    struct spares *spares;
    int listener;
    char dsn[128];
};

/* An open upstream, and the server's end of it. */
struct link {
    struct net_upstream *upstream;
    int peer;
    bool is_open;
};

static void begin(struct world *world, uint64_t idle_ms, uint64_t age_ms)
{
    uint16_t port = 0;
    *world = (struct world){.listener = net_test_listen(&port)};
    (void)snprintf(world->dsn, sizeof world->dsn, "hostaddr=127.0.0.1 user=app sslmode=disable port=%u", port);
    assert_ok(net_loop_new(NULL, &world->loop));
    assert_ok(
        net_conninfo_parse(rg_slice_of(world->dsn), RG_SLICE("s3cret"), NET_CONNINFO_PINS_NONE, &world->conninfo));
    world->spares = spares_new(world->loop, idle_ms, age_ms);
}

static void end(struct world *world)
{
    spares_free(&world->spares);
    assert_null(world->spares);
    net_conninfo_release(&world->conninfo);
    net_loop_free(&world->loop);
    close(world->listener);
}

static void on_open(void *context, struct net_upstream *upstream, const char *error)
{
    struct link *link = context;
    assert_ptr_equal(upstream, link->upstream);
    assert_null(error);
    link->is_open = true;
}

/* Turns until there is something to read from fd. */
static void await_input(struct world *world, int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    for (int spent_ms = 0; poll(&poller, 1, 0) == 0; spent_ms += 20) {
        assert_true(spent_ms < PATIENCE_MS);
        net_loop_turn(world->loop, 20);
    }
}

static struct link *open_link(struct world *world)
{
    struct link *link = rg_memory_alloc(sizeof *link);
    char startup[1024];
    assert_ok(net_upstream_open(world->loop, world->conninfo, PATIENCE_MS, on_open, link, &link->upstream));
    await_input(world, world->listener);
    link->peer = accept(world->listener, NULL, NULL);
    await_input(world, link->peer);
    assert_true(recv(link->peer, startup, sizeof startup, 0) > 0);
    assert_int_equal(send(link->peer, welcome, sizeof welcome - 1, MSG_NOSIGNAL), sizeof welcome - 1);
    assert_true(net_test_run_until(world->loop, &link->is_open, PATIENCE_MS));
    return link;
}

static void close_link(struct link **link)
{
    net_upstream_close(&(*link)->upstream);
    if ((*link)->peer >= 0) {
        close((*link)->peer);
    }
    rg_memory_free(*link);
    *link = NULL;
}

static struct link *keep_link(struct world *world)
{
    struct link *link = open_link(world);
    spares_put(world->spares, &alice, &link->upstream);
    assert_null(link->upstream);
    return link;
}

/* The server hears that it is over: Terminate, then the end. */
static void assert_ended(struct world *world, const struct link *link)
{
    char bytes[64];
    await_input(world, link->peer);
    ssize_t size = recv(link->peer, bytes, sizeof bytes, 0);
    if (size > 0) {
        assert_int_equal(size, 5);
        assert_int_equal(bytes[0], 'X');
        await_input(world, link->peer);
        size = recv(link->peer, bytes, sizeof bytes, 0);
    }
    assert_true(size <= 0);
}

static void the_next_session_gets_the_one_that_was_kept_last(void **state)
{
    (void)state;
    struct world world;
    begin(&world, NEVER_MS, NEVER_MS);
    assert_null(spares_take(world.spares, &alice, world.conninfo));
    struct link *first = open_link(&world);
    struct link *second = open_link(&world);
    const struct net_upstream *last = second->upstream;
    spares_put(world.spares, &alice, &first->upstream);
    spares_put(world.spares, &alice, &second->upstream);
    net_test_run_for(world.loop, 50);
    assert_int_equal(spares_count(world.spares), 2);
    second->upstream = spares_take(world.spares, &alice, world.conninfo);
    assert_ptr_equal(second->upstream, last);
    assert_non_null(net_upstream_stream(second->upstream));
    first->upstream = spares_take(world.spares, &alice, world.conninfo);
    assert_non_null(first->upstream);
    assert_null(spares_take(world.spares, &alice, world.conninfo));
    assert_int_equal(spares_count(world.spares), 0);
    close_link(&first);
    close_link(&second);
    end(&world);
}

static void nobody_gets_what_was_anothers(void **state)
{
    (void)state;
    struct world world;
    begin(&world, NEVER_MS, NEVER_MS);
    struct link *link = keep_link(&world);
    struct link *bobs = open_link(&world);
    const struct net_upstream *his = bobs->upstream;
    assert_null(spares_take(world.spares, &bob, world.conninfo));
    spares_put(world.spares, &bob, &bobs->upstream);
    assert_int_equal(spares_count(world.spares), 2);
    link->upstream = spares_take(world.spares, &alice, world.conninfo);
    assert_non_null(link->upstream);
    assert_ptr_not_equal(link->upstream, his);
    assert_null(spares_take(world.spares, &alice, world.conninfo));
    bobs->upstream = spares_take(world.spares, &bob, world.conninfo);
    assert_ptr_equal(bobs->upstream, his);
    close_link(&link);
    close_link(&bobs);
    end(&world);
}

static void nothing_outlives_the_configuration_that_it_was_opened_with(void **state)
{
    (void)state;
    struct world world;
    struct net_conninfo *reloaded = NULL;
    begin(&world, NEVER_MS, NEVER_MS);
    struct link *link = keep_link(&world);
    assert_ok(net_conninfo_parse(rg_slice_of(world.dsn), RG_SLICE("s3cret"), NET_CONNINFO_PINS_NONE, &reloaded));
    assert_true(net_conninfo_is_equal(reloaded, world.conninfo));
    assert_null(spares_take(world.spares, &alice, reloaded));
    assert_int_equal(spares_count(world.spares), 1);
    spares_close_all(world.spares);
    assert_int_equal(spares_count(world.spares), 0);
    assert_ended(&world, link);
    net_conninfo_release(&reloaded);
    close_link(&link);
    end(&world);
}

static void a_server_that_speaks_unasked_is_left(void **state)
{
    (void)state;
    struct world world;
    begin(&world, NEVER_MS, NEVER_MS);
    struct link *link = keep_link(&world);
    assert_int_equal(send(link->peer, "N\0\0\0\x05\0", 6, MSG_NOSIGNAL), 6);
    assert_null(spares_take(world.spares, &alice, world.conninfo)); /* before the loop has seen it */
    assert_int_equal(spares_count(world.spares), 0);
    assert_ended(&world, link);
    close_link(&link);
    link = keep_link(&world);
    assert_int_equal(send(link->peer, "N\0\0\0\x05\0", 6, MSG_NOSIGNAL), 6);
    assert_ended(&world, link); /* the loop has */
    assert_int_equal(spares_count(world.spares), 0);
    close_link(&link);
    end(&world);
}

static void one_that_still_has_something_to_say_is_not_kept(void **state)
{
    (void)state;
    struct world world;
    begin(&world, NEVER_MS, NEVER_MS);
    struct link *link = open_link(&world);
    assert_int_equal(send(link->peer, "N\0\0\0\x05\0", 6, MSG_NOSIGNAL), 6);
    spares_put(world.spares, &alice, &link->upstream);
    assert_null(link->upstream);
    assert_int_equal(spares_count(world.spares), 0);
    assert_ended(&world, link);
    close_link(&link);
    end(&world);
}

static void a_server_that_went_is_not_handed_on(void **state)
{
    (void)state;
    struct world world;
    begin(&world, NEVER_MS, NEVER_MS);
    struct link *gone = keep_link(&world);
    struct link *other = keep_link(&world);
    close(other->peer);
    other->peer = -1;
    gone->upstream = spares_take(world.spares, &alice, world.conninfo); /* not the newest one, which is dead */
    assert_non_null(gone->upstream);
    assert_int_equal(spares_count(world.spares), 0);
    spares_put(world.spares, &alice, &gone->upstream);
    close(gone->peer);
    gone->peer = -1;
    for (int i = 0; i < PATIENCE_MS / 20 && spares_count(world.spares) > 0; i++) {
        net_loop_turn(world.loop, 20);
    }
    assert_int_equal(spares_count(world.spares), 0);
    close_link(&gone);
    close_link(&other);
    end(&world);
}

static void the_one_that_waits_longest_makes_room(void **state)
{
    (void)state;
    struct world world;
    struct link *links[SPARES_MAX + 1];
    begin(&world, NEVER_MS, NEVER_MS);
    for (size_t i = 0; i <= SPARES_MAX; i++) {
        links[i] = keep_link(&world);
    }
    assert_int_equal(spares_count(world.spares), SPARES_MAX);
    assert_ended(&world, links[0]);
    for (size_t i = SPARES_MAX; i > 0; i--) {
        links[i]->upstream = spares_take(world.spares, &alice, world.conninfo);
        assert_non_null(links[i]->upstream);
    }
    assert_null(spares_take(world.spares, &alice, world.conninfo));
    for (size_t i = 0; i <= SPARES_MAX; i++) {
        close_link(&links[i]);
    }
    end(&world);
}

static void nobody_is_kept_too_long(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 1, NEVER_MS);
    struct link *idle = keep_link(&world);
    assert_ended(&world, idle);
    assert_int_equal(spares_count(world.spares), 0);
    close_link(&idle);
    end(&world);
    begin(&world, NEVER_MS, 0);
    struct link *old = keep_link(&world);
    assert_int_equal(spares_count(world.spares), 0);
    assert_ended(&world, old);
    close_link(&old);
    end(&world);
}

static void what_is_kept_ends_with_the_loop(void **state)
{
    (void)state;
    struct world world;
    struct spares *none = NULL;
    spares_free(&none);
    begin(&world, NEVER_MS, NEVER_MS);
    struct link *links[] = {keep_link(&world), keep_link(&world)};
    spares_free(&world.spares);
    for (size_t i = 0; i < 2; i++) {
        assert_ended(&world, links[i]);
        close_link(&links[i]);
    }
    end(&world);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_session_gets_the_one_that_was_kept_last),
        cmocka_unit_test(nobody_gets_what_was_anothers),
        cmocka_unit_test(nothing_outlives_the_configuration_that_it_was_opened_with),
        cmocka_unit_test(a_server_that_speaks_unasked_is_left),
        cmocka_unit_test(one_that_still_has_something_to_say_is_not_kept),
        cmocka_unit_test(a_server_that_went_is_not_handed_on),
        cmocka_unit_test(the_one_that_waits_longest_makes_room),
        cmocka_unit_test(nobody_is_kept_too_long),
        cmocka_unit_test(what_is_kept_ends_with_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
