/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/listener.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/resource.h>

#include "proxy/net/stream.h"
#include "tests/support/net_test.h"

struct host {
    struct net_loop *loop;
    struct net_acceptor *acceptor;
    size_t accepted;
    size_t stops_after; /* 0 = never */
    bool is_enough;
    size_t enough;
    char peer[64];
};

static void on_accept(void *context, struct net_stream *stream)
{
    struct host *host = context;
    host->accepted++;
    (void)snprintf(host->peer, sizeof host->peer, "%s", net_stream_peer(stream));
    net_stream_close(&stream);
    host->is_enough = host->accepted >= host->enough;
    if (host->accepted == host->stops_after) {
        net_acceptor_stop(&host->acceptor);
    }
}

static void takes_any_free_port_and_names_the_peer(void **state)
{
    (void)state;
    static const char *const addresses[] = {"127.0.0.1:0", "localhost:0"};
    for (size_t i = 0; i < 2; i++) {
        struct host host = {.enough = 1};
        struct net_listener *listener = NULL;
        assert_ok(net_loop_new(NULL, &host.loop));
        assert_ok(net_listener_open(rg_slice_of(addresses[i]), &listener));
        assert_true(net_listener_port(listener) > 0);
        assert_true(net_listener_fd(listener) >= 0);
        assert_ok(net_listener_start(listener, host.loop, on_accept, &host, &host.acceptor));
        if (i == 0) {
            int fd = net_test_connect(net_listener_port(listener));
            assert_true(net_test_run_until(host.loop, &host.is_enough, 1000));
            assert_int_equal(strncmp(host.peer, "127.0.0.1:", 10), 0);
            close(fd);
        }
        net_acceptor_stop(&host.acceptor);
        net_listener_close(&listener);
        net_loop_free(&host.loop);
    }
}

static void refuses_what_is_no_address(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "",      "127.0.0.1", ":6432",           "127.0.0.1:",   "127.0.0.1:x", "::1:6432",
        "[::1]", "[]:1",      "127.0.0.1:70000", "127.0.0.1:-1", "192.0.2.1:0", "no.such.host.invalid:1"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct net_listener *listener = NULL;
        rg_status status = net_listener_open(rg_slice_of(addresses[i]), &listener);
        if (rg_is_ok(status)) {
            fail_msg("%s was taken", addresses[i]);
        }
        assert_fails(RG_CONFIG, status);
        assert_null(listener);
    }
}

static void an_address_in_use_is_refused(void **state)
{
    (void)state;
    struct net_listener *first = NULL;
    struct net_listener *second = NULL;
    assert_ok(net_listener_open(RG_SLICE("127.0.0.1:0"), &first));
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", net_listener_port(first));
    assert_fails(RG_CONFIG, net_listener_open(rg_slice_of(address), &second));
    assert_null(second);
    net_listener_close(&first);
    assert_ok(net_listener_open(rg_slice_of(address), &second));
    net_listener_close(&second);
}

static void a_bound_address_is_taken_and_refuses_until_it_is_adopted(void **state)
{
    (void)state;
    struct net_listener *bound = NULL;
    struct net_listener *listener = NULL;
    struct net_listener *second = NULL;
    assert_ok(net_listener_bind(RG_SLICE("127.0.0.1:0"), &bound));
    uint16_t port = net_listener_port(bound);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int early = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_not_equal(connect(early, (struct sockaddr *)&address, sizeof address), 0);
    close(early);
    int fd = dup(net_listener_fd(bound)); /* what another process inherits */
    assert_ok(net_listener_adopt(fd, &listener));
    assert_int_equal(net_listener_port(listener), port);
    close(net_test_connect(port));
    net_listener_close(&listener); /* that process ends: the port stays, connections wait for the next one */
    close(net_test_connect(port));
    char text[32];
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", port);
    assert_fails(RG_CONFIG, net_listener_bind(rg_slice_of(text), &second));
    assert_null(second);
    net_listener_close(&bound);
}

static void adopts_only_descriptors_that_can_listen(void **state)
{
    (void)state;
    struct net_listener *listener = NULL;
    int fds[2];
    net_test_pair(fds);
    assert_fails(RG_CONFIG, net_listener_adopt(fds[0], &listener));
    assert_fails(RG_CONFIG, net_listener_adopt(-1, &listener));
    int unbound = socket(AF_INET, SOCK_STREAM, 0);
    assert_fails(RG_CONFIG, net_listener_adopt(unbound, &listener));
    close(unbound);
    assert_null(listener);
    close(fds[0]);
    close(fds[1]);
    uint16_t port = 0;
    int fd = net_test_listen(&port);
    assert_ok(net_listener_adopt(fd, &listener));
    assert_int_equal(net_listener_port(listener), port);
    net_listener_close(&listener);
}

static void an_acceptor_may_be_stopped_by_its_own_callback(void **state)
{
    (void)state;
    struct host host = {.stops_after = 2, .enough = 2};
    struct net_listener *listener = NULL;
    assert_ok(net_loop_new(NULL, &host.loop));
    assert_ok(net_listener_open(RG_SLICE("127.0.0.1:0"), &listener));
    assert_ok(net_listener_start(listener, host.loop, on_accept, &host, &host.acceptor));
    int fds[5];
    for (size_t i = 0; i < 5; i++) {
        fds[i] = net_test_connect(net_listener_port(listener));
    }
    assert_true(net_test_run_until(host.loop, &host.is_enough, 1000));
    net_test_run_for(host.loop, 30);
    assert_int_equal(host.accepted, 2);
    assert_null(host.acceptor);
    for (size_t i = 0; i < 5; i++) {
        close(fds[i]);
    }
    net_listener_close(&listener);
    net_loop_free(&host.loop);
}

static void without_descriptors_it_rests_and_then_goes_on(void **state)
{
    (void)state;
    struct host host = {.enough = 1};
    struct net_listener *listener = NULL;
    assert_ok(net_loop_new(NULL, &host.loop));
    assert_ok(net_listener_open(RG_SLICE("127.0.0.1:0"), &listener));
    assert_ok(net_listener_start(listener, host.loop, on_accept, &host, &host.acceptor));
    int fd = net_test_connect(net_listener_port(listener));
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int turns = 0;
    for (int64_t stop = net_loop_now_us(host.loop) + 350000; net_loop_now_us(host.loop) < stop; turns++) {
        net_loop_turn(host.loop, 1000);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(host.accepted, 0);
    assert_in_range(turns, 1, 12);
    assert_true(net_test_run_until(host.loop, &host.is_enough, 1000));
    close(fd);
    net_acceptor_stop(&host.acceptor);
    net_listener_close(&listener);
    net_loop_free(&host.loop);
}

enum { LOOPS = 3, CONNECTIONS = 300 };

static void *run_host(void *arg)
{
    struct host *host = arg;
    net_loop_run(host->loop);
    net_acceptor_stop(&host->acceptor);
    return NULL;
}

static void several_loops_share_a_listener_and_miss_nobody(void **state)
{
    (void)state;
    struct host hosts[LOOPS] = {0};
    pthread_t threads[LOOPS];
    struct net_listener *listener = NULL;
    assert_ok(net_listener_open(RG_SLICE("127.0.0.1:0"), &listener));
    for (size_t i = 0; i < LOOPS; i++) {
        assert_ok(net_loop_new(NULL, &hosts[i].loop));
        assert_ok(net_listener_start(listener, hosts[i].loop, on_accept, &hosts[i], &hosts[i].acceptor));
        assert_int_equal(pthread_create(&threads[i], NULL, run_host, &hosts[i]), 0);
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        int fd = net_test_connect(net_listener_port(listener));
        char byte = 0;
        assert_int_equal(recv(fd, &byte, 1, 0), 0); /* accepted and closed by one of them */
        close(fd);
    }
    size_t accepted = 0;
    for (size_t i = 0; i < LOOPS; i++) {
        net_loop_stop(hosts[i].loop);
        pthread_join(threads[i], NULL);
        accepted += hosts[i].accepted;
        net_loop_free(&hosts[i].loop);
    }
    assert_int_equal(accepted, CONNECTIONS);
    net_listener_close(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_any_free_port_and_names_the_peer),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(an_address_in_use_is_refused),
        cmocka_unit_test(a_bound_address_is_taken_and_refuses_until_it_is_adopted),
        cmocka_unit_test(adopts_only_descriptors_that_can_listen),
        cmocka_unit_test(an_acceptor_may_be_stopped_by_its_own_callback),
        cmocka_unit_test(without_descriptors_it_rests_and_then_goes_on),
        cmocka_unit_test(several_loops_share_a_listener_and_miss_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
