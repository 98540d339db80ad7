/* SPDX-License-Identifier: Apache-2.0 */
/* Opening upstream sessions against servers that misbehave; real ones: test_net_upstream_pg.c. */
#include "proxy/net/upstream.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "proxy/net/offload.h"
#include "tests/support/net_test.h"

enum { SLOW_LOOKUP_US = 600000 };

static pthread_t loop_thread;
static atomic_int lookups_on_the_loop; /* of names: numbers do not block */

/* Stands before libc's, for us and for libpq: a name server that is slow, and a witness. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    union {
        void *symbol;
        int (*call)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    } libc = {dlsym(RTLD_NEXT, "getaddrinfo")};
    struct in6_addr number;
    bool is_number = name == NULL || inet_pton(AF_INET, name, &number) == 1 || inet_pton(AF_INET6, name, &number) == 1;
    if (!is_number && pthread_equal(pthread_self(), loop_thread)) {
        atomic_fetch_add(&lookups_on_the_loop, 1);
    }
    if (name != NULL && strcmp(name, "slow.test") == 0) {
        usleep(SLOW_LOOKUP_US);
        name = "127.0.0.1";
    } else if (name != NULL && strcmp(name, "absent.test") == 0) {
        return EAI_NONAME;
    } else if (name != NULL && strcmp(name, "here.test") == 0) {
        name = "127.0.0.1";
    }
    return libc.call(name, service, hints, out);
}

struct opening {
    struct net_loop *loop;
    struct net_offload *offload;
    struct net_upstream *upstream;
    bool is_done;
    bool closes_in_done;
    int calls;
    char error[512];
    int64_t started_us;
    int64_t ended_us;
};

static void on_open(void *context, struct net_upstream *upstream, const char *error)
{
    struct opening *opening = context;
    assert_ptr_equal(upstream, opening->upstream);
    opening->is_done = true;
    opening->calls++;
    opening->ended_us = net_loop_now_us(opening->loop);
    (void)snprintf(opening->error, sizeof opening->error, "%s", error == NULL ? "" : error);
    assert_int_equal(error == NULL, net_upstream_stream(upstream) != NULL);
    if (opening->closes_in_done) {
        net_upstream_close(&opening->upstream);
    }
}

static rg_status start(struct opening *opening, const char *dsn, uint64_t deadline_ms)
{
    struct net_conninfo *conninfo = NULL;
    loop_thread = pthread_self();
    atomic_store(&lookups_on_the_loop, 0);
    assert_ok(net_offload_new(2, 16, &opening->offload));
    assert_ok(net_loop_new(opening->offload, &opening->loop));
    assert_ok(net_conninfo_parse(rg_slice_of(dsn), RG_SLICE("s3cret"), NET_CONNINFO_PINS_POSTGRES, &conninfo));
    opening->started_us = net_loop_now_us(opening->loop);
    rg_status status = net_upstream_open(opening->loop, conninfo, deadline_ms, on_open, opening, &opening->upstream);
    net_conninfo_release(&conninfo);
    return status;
}

static void end(struct opening *opening)
{
    net_upstream_close(&opening->upstream);
    net_offload_free(&opening->offload);
    net_loop_free(&opening->loop);
    assert_int_equal(atomic_load(&lookups_on_the_loop), 0);
}

static void a_refused_connection_is_one_clear_line(void **state)
{
    (void)state;
    uint16_t port = 0;
    close(net_test_listen(&port));
    char dsn[128];
    (void)snprintf(dsn, sizeof dsn, "host=here.test user=app port=%u", port);
    struct opening opening = {0};
    assert_ok(start(&opening, dsn, 5000));
    assert_false(opening.is_done);
    assert_true(net_test_run_until(opening.loop, &opening.is_done, 4000));
    assert_non_null(strstr(opening.error, "refused"));
    assert_null(strstr(opening.error, "s3cret"));
    assert_null(strchr(opening.error, '\n'));
    assert_fails(RG_CLOSED, net_upstream_cancel(opening.upstream, NULL, NULL));
    assert_null(net_upstream_parameter(opening.upstream, "server_version"));
    assert_int_equal(net_upstream_pid(opening.upstream), 0);
    end(&opening);
}

static void a_server_that_never_answers_costs_only_the_deadline(void **state)
{
    (void)state;
    static const char *const modes[] = {"disable", "require"};
    for (size_t i = 0; i < 2; i++) {
        uint16_t port = 0;
        int fd = net_test_listen(&port);
        char dsn[128];
        (void)snprintf(dsn, sizeof dsn, "host=127.0.0.1 user=app port=%u sslmode=%s", port, modes[i]);
        struct opening opening = {0};
        assert_ok(start(&opening, dsn, 200));
        assert_true(net_test_run_until(opening.loop, &opening.is_done, 4000));
        assert_string_equal(opening.error, "no session within 200 ms, last tried 127.0.0.1");
        assert_in_range((opening.ended_us - opening.started_us) / 1000, 199, 400);
        net_test_run_for(opening.loop, 30);
        assert_int_equal(opening.calls, 1);
        end(&opening);
        close(fd);
    }
}

static void count(void *context)
{
    (*(int *)context)++;
}

static void a_name_lookup_that_hangs_delays_no_timer(void **state)
{
    (void)state;
    struct opening opening = {0};
    assert_ok(start(&opening, "host=slow.test user=app port=1", 300));
    struct net_timer timer = {0};
    int fired = 0;
    int64_t worst_us = 0;
    while (!opening.is_done) {
        int before = fired;
        int64_t begun_us = net_loop_now_us(opening.loop);
        net_timer_start(opening.loop, &timer, 5, count, &fired);
        while (fired == before) {
            net_loop_turn(opening.loop, 1000);
        }
        int64_t took_us = net_loop_now_us(opening.loop) - begun_us;
        worst_us = took_us > worst_us ? took_us : worst_us;
    }
    assert_true(worst_us < 100000);
    assert_in_range((opening.ended_us - opening.started_us) / 1000, 299, 500); /* not the lookup's 600 */
    assert_string_equal(opening.error, "no session within 300 ms");
    end(&opening);
}

static void closing_while_the_name_is_looked_up_tells_nobody(void **state)
{
    (void)state;
    struct opening opening = {0};
    assert_ok(start(&opening, "host=slow.test user=app port=1", 3000));
    net_test_run_for(opening.loop, 50);
    net_upstream_close(&opening.upstream);
    assert_null(opening.upstream);
    net_test_run_for(opening.loop, 800);
    assert_false(opening.is_done);
    end(&opening);
}

static void closing_at_once_or_in_mid_connect_tells_nobody(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = net_test_listen(&port);
    char dsn[128];
    (void)snprintf(dsn, sizeof dsn, "host=127.0.0.1 user=app port=%u", port);
    for (int turns = 0; turns < 6; turns++) {
        struct opening opening = {0};
        assert_ok(start(&opening, dsn, 3000));
        for (int i = 0; i < turns; i++) {
            net_loop_turn(opening.loop, 5);
        }
        net_upstream_finish(&opening.upstream);
        net_test_run_for(opening.loop, 20);
        assert_false(opening.is_done);
        end(&opening);
    }
    close(fd);
}

static void an_unknown_name_is_left_out_while_another_host_remains(void **state)
{
    (void)state;
    uint16_t port = 0;
    close(net_test_listen(&port));
    char dsn[128];
    (void)snprintf(dsn, sizeof dsn, "host=absent.test,here.test user=app port=%u", port);
    struct opening opening = {0};
    assert_ok(start(&opening, dsn, 3000));
    assert_true(net_test_run_until(opening.loop, &opening.is_done, 4000));
    assert_non_null(strstr(opening.error, "refused"));
    end(&opening);
    struct opening lost = {0};
    assert_ok(start(&lost, "host=absent.test user=app", 3000));
    assert_true(net_test_run_until(lost.loop, &lost.is_done, 4000));
    assert_non_null(strstr(lost.error, "could not translate host name \"absent.test\""));
    end(&lost);
}

static void a_loop_without_threads_opens_by_number_only(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    struct net_conninfo *conninfo = NULL;
    struct net_upstream *upstream = NULL;
    assert_ok(net_loop_new(NULL, &loop));
    assert_ok(net_conninfo_parse(RG_SLICE("host=here.test user=a"), (struct rg_slice){0}, NET_CONNINFO_PINS_POSTGRES,
                                 &conninfo));
    assert_fails(RG_INTERNAL, net_upstream_open(loop, conninfo, 100, on_open, NULL, &upstream));
    assert_null(upstream);
    net_conninfo_release(&conninfo);
    net_loop_free(&loop);
}

static void too_many_lookups_at_once_are_refused(void **state)
{
    (void)state;
    enum { TRIES = 30 };
    struct net_loop *loop = NULL;
    struct net_offload *offload = NULL;
    struct net_conninfo *conninfo = NULL;
    struct net_upstream *upstreams[TRIES] = {0};
    struct opening opening = {0};
    assert_ok(net_offload_new(1, 2, &offload));
    assert_ok(net_loop_new(offload, &loop));
    assert_ok(net_conninfo_parse(RG_SLICE("host=slow.test user=a"), (struct rg_slice){0}, NET_CONNINFO_PINS_POSTGRES,
                                 &conninfo));
    size_t refused = 0;
    for (size_t i = 0; i < TRIES; i++) {
        rg_status status = net_upstream_open(loop, conninfo, 5000, on_open, &opening, &upstreams[i]);
        if (!rg_is_ok(status)) {
            assert_fails(RG_LIMIT, status);
            assert_null(upstreams[i]);
            refused++;
        }
    }
    assert_in_range(refused, TRIES - 3, TRIES - 2);
    for (size_t i = 0; i < TRIES; i++) {
        net_upstream_close(&upstreams[i]);
    }
    net_conninfo_release(&conninfo);
    net_offload_free(&offload);
    net_loop_free(&loop);
    assert_false(opening.is_done);
}

/* A server that reads the startup message and answers with fixed bytes, then closes or waits. */
struct liar {
    int fd;
    struct rg_slice answer;
    bool stays;
};

static void *lie(void *arg)
{
    const struct liar *liar = arg;
    char text[1024];
    int fd = accept(liar->fd, NULL, NULL);
    assert_true(recv(fd, text, sizeof text, 0) > 0);
    (void)send(fd, liar->answer.data, liar->answer.size, MSG_NOSIGNAL);
    while (liar->stays && recv(fd, text, sizeof text, 0) > 0) {
    }
    close(fd);
    return NULL;
}

static void meet_liar(struct opening *opening, struct rg_slice answer, bool stays)
{
    uint16_t port = 0;
    struct liar liar = {.fd = net_test_listen(&port), .answer = answer, .stays = stays};
    pthread_t thread;
    char dsn[128];
    assert_int_equal(pthread_create(&thread, NULL, lie, &liar), 0);
    (void)snprintf(dsn, sizeof dsn, "host=127.0.0.1 user=app sslmode=disable port=%u", port);
    assert_ok(start(opening, dsn, 3000));
    assert_true(net_test_run_until(opening->loop, &opening->is_done, 5000));
    net_upstream_close(&opening->upstream);
    pthread_join(thread, NULL);
    close(liar.fd);
    end(opening);
}

#define AUTH_OK "R\0\0\0\x08\0\0\0\0"
#define UTF8                                                                                                           \
    "S\0\0\0\x19"                                                                                                      \
    "client_encoding\0UTF8\0"
#define LATIN1                                                                                                         \
    "S\0\0\0\x1b"                                                                                                      \
    "client_encoding\0LATIN1\0"
#define SCS_ON                                                                                                         \
    "S\0\0\0\x23"                                                                                                      \
    "standard_conforming_strings\0on\0"
#define SCS_OFF                                                                                                        \
    "S\0\0\0\x24"                                                                                                      \
    "standard_conforming_strings\0off\0"
#define READY "K\0\0\0\x0c\0\0\0\x07\0\0\0\x09Z\0\0\0\x05I"

static void a_session_without_the_settings_we_rely_on_is_refused(void **state)
{
    (void)state;
    const struct {
        struct rg_slice answer;
        const char *error;
    } rows[] = {
        {RG_SLICE(AUTH_OK UTF8 SCS_ON READY), ""},
        {RG_SLICE(AUTH_OK LATIN1 SCS_ON READY), "the server did not confirm client_encoding = UTF8"},
        {RG_SLICE(AUTH_OK SCS_ON READY), "the server did not confirm client_encoding = UTF8"},
        {RG_SLICE(AUTH_OK UTF8 SCS_OFF READY), "the server did not confirm standard_conforming_strings = on"},
        {RG_SLICE(AUTH_OK UTF8 READY), "the server did not confirm standard_conforming_strings = on"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct opening opening = {0};
        meet_liar(&opening, rows[i].answer, true);
        assert_string_equal(opening.error, rows[i].error);
    }
}

static void a_server_that_talks_nonsense_or_leaves_is_an_error(void **state)
{
    (void)state;
    const struct rg_slice answers[] = {
        RG_SLICE("HTTP/1.1 400 Bad Request\r\n\r\n"),
        RG_SLICE(""),
        RG_SLICE("R\0\0\0\x08\0\0\0\x63"),
        RG_SLICE("R\0\0\0"),
        RG_SLICE(AUTH_OK UTF8),
        RG_SLICE("E\0\0\0\x2bSFATAL\0C53300\0Mtoo many\nlines of text\0\0"),
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct opening opening = {.closes_in_done = true};
        meet_liar(&opening, answers[i], false);
        assert_true(strlen(opening.error) > 10);
        assert_null(strchr(opening.error, '\n'));
        assert_int_equal(opening.calls, 1);
    }
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_connection_is_one_clear_line),
        cmocka_unit_test(a_server_that_never_answers_costs_only_the_deadline),
        cmocka_unit_test(a_name_lookup_that_hangs_delays_no_timer),
        cmocka_unit_test(closing_while_the_name_is_looked_up_tells_nobody),
        cmocka_unit_test(closing_at_once_or_in_mid_connect_tells_nobody),
        cmocka_unit_test(an_unknown_name_is_left_out_while_another_host_remains),
        cmocka_unit_test(a_loop_without_threads_opens_by_number_only),
        cmocka_unit_test(too_many_lookups_at_once_are_refused),
        cmocka_unit_test(a_session_without_the_settings_we_rely_on_is_refused),
        cmocka_unit_test(a_server_that_talks_nonsense_or_leaves_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
