/* SPDX-License-Identifier: Apache-2.0 */
/* The plane itself: what it refuses, what it waits for and how long, requests whose client goes, reload and the end. */
#include "proxy/http/plane.h"

#include "tests/support/http_world.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static bool answer_ok(struct http_origin *origin, int fd, const char *text)
{
    (void)origin;
    (void)text;
    return http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static bool answer_late(struct http_origin *origin, int fd, const char *text)
{
    char byte = 0;
    return strncmp(text, "POST /late", 10) == 0 ? recv(fd, &byte, 1, 0) > 0 : answer_ok(origin, fd, text);
}

/* ---- what is refused ---- */

static void what_can_be_read_in_two_ways_never_reaches_the_upstream(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *status;
    } rows[] = {
        {"bare line feeds", "GET /plain HTTP/1.1\nHost: localhost\n\n", "400"},
        {"both lengths",
         "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "400"},
        {"two lengths", "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
         "400"},
        {"two hosts", "GET /p HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n", "400"},
        {"no host", "GET /p HTTP/1.1\r\n\r\n", "400"},
        {"a folded line", "GET /p HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", "400"},
        {"a space before the colon", "GET /p HTTP/1.1\r\nHost : localhost\r\n\r\n", "400"},
        {"an absolute target", "GET http://localhost/p HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"},
        {"an asterisk", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"},
        {"a tunnel", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", "501"},
        {"dot segments", "GET /a/../p HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"},
        {"an escaped slash", "GET /a%2fp HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"},
        {"a chunk extension",
         "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n", "400"},
        {"a chunk ended by LF",
         "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", "400"},
        {"an unknown coding",
         "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400"},
        {"HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
        {"another name", "GET /p HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"},
    };
    struct http_world world;
    char answer[4096];
    char status[32];
    http_world_open(&world, "", "", answer_ok);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_client client = {0};
        http_client_open(&client, &world);
        http_client_say(&client, rows[i].text);
        (void)http_client_hear(&client, answer, sizeof answer);
        (void)snprintf(status, sizeof status, "HTTP/1.1 %s", rows[i].status);
        if (strncmp(answer, status, strlen(status)) != 0 || strcasestr(answer, "\r\nconnection: close\r\n") == NULL ||
            !http_client_is_at_end(&client)) {
            fail_msg("%s: %s", rows[i].name, answer);
        }
        http_client_close(&client);
    }
    assert_int_equal(atomic_load(&world.origin.connections), 0);
    http_world_close(&world);
}

static void a_good_request_before_a_bad_one_is_answered_and_nothing_behind_it(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    char answer[8192];
    http_world_open(&world, "", "", answer_ok);
    http_client_open(&client, &world);
    http_client_say(&client, GET("/p") "GET /q HTTP/1.1\nHost: localhost\n\n" GET("/r"));
    (void)http_client_hear(&client, answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    (void)http_client_hear(&client, answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 400", 12);
    assert_true(http_client_is_at_end(&client));
    http_client_close(&client);
    http_world_stop(&world);
    assert_true(http_origin_has_seen(&world.origin, "GET /p "));
    assert_false(http_origin_has_seen(&world.origin, "GET /q "));
    assert_false(http_origin_has_seen(&world.origin, "GET /r "));
    http_world_close(&world);
}

static void what_is_too_large_is_told_so_before_it_is_all_there(void **state)
{
    (void)state;
    static char head[8000];
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "max_head = \"2KiB\"\nmax_body = \"1KiB\"\n", "", answer_ok);
    http_world_ask(&world, "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1025\r\n\r\n", answer,
                   sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 413 "));
    http_world_ask(&world, "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n", answer,
                   sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 413 "));
    (void)snprintf(head, sizeof head, "GET /p HTTP/1.1\r\nHost: localhost\r\nX-Long: %04000d", 1);
    http_world_ask(&world, head, answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 431 "));
    size_t size = (size_t)snprintf(head, sizeof head, "GET /p HTTP/1.1\r\nHost: localhost\r\n");
    for (int i = 0; i < 101; i++) {
        size += (size_t)snprintf(head + size, sizeof head - size, "a%d: b\r\n", i);
    }
    (void)snprintf(head + size, sizeof head - size, "\r\n");
    http_world_ask(&world, head, answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 431 "));
    assert_int_equal(atomic_load(&world.origin.connections), 0);
    http_world_close(&world);
}

static void a_body_of_exactly_the_limit_passes_in_both_framings(void **state)
{
    (void)state;
    static char request[4096];
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "max_body = \"1KiB\"\n", "", answer_ok);
    (void)snprintf(request, sizeof request,
                   "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1024\r\n\r\n%01024d", 7);
    http_world_ask(&world, request, answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 200 "));
    (void)snprintf(
        request, sizeof request,
        "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n%01024d\r\n0\r\n\r\n", 7);
    http_world_ask(&world, request, answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 200 "));
    assert_non_null(strcasestr(answer, "connection: close")); /* a chunked request is its connection's last */
    assert_true(http_origin_has_seen(&world.origin, "content-length: 1024\r\n"));
    assert_false(http_origin_has_seen(&world.origin, "hunked"));
    http_world_close(&world);
}

static void expect_continue_is_answered_before_the_body_comes(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    char answer[4096];
    http_world_open(&world, "", "", answer_ok);
    http_client_open(&client, &world);
    for (int i = 0; i < 2; i++) { /* the second time on the same connection, behind the guard's first removal */
        http_client_say(&client,
                        "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        (void)http_client_hear_until(&client, answer, sizeof answer, "100 Continue\r\n\r\n");
        http_client_say(&client, "body");
        (void)http_client_hear_until(&client, answer, sizeof answer, "hello");
        assert_non_null(strstr(answer, "HTTP/1.1 200 "));
    }
    http_client_say(&client, "GET /p HTTP/1.1\nHost: localhost\n\n");
    (void)http_client_hear(&client, answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 400 "));
    http_client_close(&client);
    http_world_close(&world);
}

/* ---- time and number ---- */

static void who_is_slow_or_idle_is_cut_off(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "GET /p HT",
                                        "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab"};
    struct http_world world;
    http_world_open(&world, "handshake_timeout = \"300ms\"\nrequest_timeout = \"300ms\"\nidle_timeout = \"300ms\"\n",
                    "", answer_ok);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct http_client client = {0};
        http_client_open(&client, &world);
        if (texts[i][0] != '\0') {
            http_client_say(&client, texts[i]);
        }
        assert_true(http_client_is_at_end(&client));
        http_client_close(&client);
    }
    int silent = net_test_connect(world.port); /* not even a handshake */
    char byte = 0;
    http_client_limit(silent);
    assert_true(recv(silent, &byte, 1, 0) <= 0);
    close(silent);
    http_world_close(&world);
}

static void bodies_together_have_a_limit_and_the_largest_goes(void **state)
{
    (void)state;
    static char bytes[48 << 10];
    struct http_world world;
    struct http_client small = {0};
    struct http_client large = {0};
    char answer[4096];
    http_world_open(&world, "max_body = \"64KiB\"\nmax_bodies = \"50KiB\"\n", "", answer_ok);
    http_client_open(&small, &world);
    http_client_open(&large, &world);
    memset(bytes, 'x', sizeof bytes - 1);
    http_client_say(&small, "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10001\r\n\r\n");
    bytes[10000] = '\0';
    http_client_say(&small, bytes);
    bytes[10000] = 'x';
    http_client_say(&large, "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n");
    http_client_say(&large, bytes);
    assert_true(http_client_is_at_end(&large));
    http_client_say(&small, "y");
    (void)http_client_hear(&small, answer, sizeof answer);
    assert_non_null(strstr(answer, "hello"));
    http_client_close(&small);
    http_client_close(&large);
    http_world_close(&world);
}

/* A body is in memory until its request has been answered. */
static void bodies_of_requests_under_way_count_with_those_that_come(void **state)
{
    (void)state;
    static char bytes[48 << 10];
    struct http_world world;
    struct http_client waiting = {0};
    struct http_client coming = {0};
    char answer[4096];
    http_world_open(&world, "max_body = \"64KiB\"\nmax_bodies = \"50KiB\"\n", "", answer_late);
    http_client_open(&waiting, &world);
    http_client_open(&coming, &world);
    memset(bytes, 'x', sizeof bytes - 1);
    http_client_say(&waiting, "POST /late HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000\r\n\r\n");
    bytes[40000] = '\0';
    http_client_say(&waiting, bytes);
    http_world_wait(&world, http_world_origin_has_one);
    http_client_say(&coming, "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n");
    bytes[15000] = '\0';
    http_client_say(&coming, bytes);
    assert_true(http_client_is_at_end(&coming));
    http_client_close(&coming);
    http_client_close(&waiting);
    http_world_wait(&world, http_world_origin_has_none);
    http_world_ask(&world, "GET /p HTTP/1.1\r\nHost: localhost\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "hello"));
    http_world_close(&world);
}

static bool has_one_connection(struct http_world *world)
{
    return atomic_load(&world->gateway.connections[0]) == 1;
}

static bool has_no_connection(struct http_world *world)
{
    return atomic_load(&world->gateway.connections[0]) == 0;
}

static void connections_beyond_the_limit_are_closed_at_once_and_counted_off(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client first = {0};
    struct http_client second = {0};
    char answer[4096];
    http_world_open(&world, "max_connections = 1\n", "", answer_ok);
    http_client_open(&first, &world);
    assert_true(has_one_connection(&world));
    assert_false(http_client_start(&second, net_test_connect(world.port), "localhost", NULL));
    http_client_close(&second);
    http_client_close(&first);
    http_world_wait(&world, has_no_connection);
    http_world_ask(&world, GET("/p"), answer, sizeof answer);
    assert_non_null(strstr(answer, "hello"));
    http_world_close(&world);
}

/* ---- requests that wait ---- */

static struct { /* what the stand-in below does */
    atomic_bool is_running, may_end;
    atomic_uint runs, answers, absences;
} job;

static void run_job(void *arg)
{
    (void)arg;
    atomic_fetch_add(&job.runs, 1);
    atomic_store(&job.is_running, true);
    while (!atomic_load(&job.may_end)) {
        usleep(1000);
    }
}

static void end_job(struct http_request *request, void *arg)
{
    assert_ptr_equal(arg, &job);
    if (request == NULL) {
        atomic_fetch_add(&job.absences, 1);
        return;
    }
    atomic_fetch_add(&job.answers, 1);
    request->is_permitted = true;
    http_request_resume(request);
}

static enum http_step_result offload(struct http_request *request)
{
    assert_ok(http_offload(request, run_job, end_job, &job));
    return HTTP_STEP_WAIT;
}

static void open_with_job(struct http_world *world)
{
    atomic_store(&job.is_running, false);
    atomic_store(&job.may_end, false);
    atomic_store(&job.runs, 0);
    atomic_store(&job.answers, 0);
    atomic_store(&job.absences, 0);
    http_world_open(world, "", "", answer_ok);
    world->gateway.route_stand_in = offload;
}

static bool job_is_running(struct http_world *world)
{
    (void)world;
    return atomic_load(&job.is_running);
}

static bool job_has_ended(struct http_world *world)
{
    (void)world;
    return atomic_load(&job.answers) + atomic_load(&job.absences) > 0;
}

static void a_suspended_request_goes_on_behind_its_job(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    char answer[4096];
    open_with_job(&world);
    http_client_open(&client, &world);
    http_client_say(&client, GET("/p"));
    http_world_wait(&world, job_is_running);
    assert_int_equal(atomic_load(&world.origin.connections), 0);
    atomic_store(&job.may_end, true);
    (void)http_client_hear(&client, answer, sizeof answer);
    assert_non_null(strstr(answer, "hello"));
    assert_int_equal(atomic_load(&job.answers), 1);
    http_client_close(&client);
    http_world_close(&world);
}

static void a_job_whose_client_has_gone_ends_without_it(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    open_with_job(&world);
    http_client_open(&client, &world);
    http_client_say(&client, GET("/p"));
    http_world_wait(&world, job_is_running);
    http_client_close(&client);
    http_world_wait(&world, has_no_connection);
    atomic_store(&job.may_end, true);
    http_world_wait(&world, job_has_ended);
    assert_int_equal(atomic_load(&job.absences), 1);
    assert_int_equal(atomic_load(&world.origin.connections), 0);
    http_world_close(&world);
}

static void *let_job_end(void *argument)
{
    (void)argument;
    usleep(200000);
    atomic_store(&job.may_end, true);
    return NULL;
}

static void the_planes_end_does_not_wait_for_jobs_and_they_find_their_request(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    pthread_t thread;
    open_with_job(&world);
    http_client_open(&client, &world);
    http_client_say(&client, GET("/p"));
    http_world_wait(&world, job_is_running);
    http_world_stop(&world);
    assert_int_equal(pthread_create(&thread, NULL, let_job_end, NULL), 0);
    http_world_close(&world); /* joins the job's thread; its end runs when the loop is freed */
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&job.absences), 1);
    http_client_close(&client);
}

static enum http_step_result say_nothing(struct http_request *request)
{
    (void)request;
    return HTTP_STEP_DONE;
}

static enum http_step_result forbid(struct http_request *request)
{
    (void)request;
    return HTTP_STEP_NEXT; /* and does not permit it */
}

static void a_step_that_forgets_to_answer_or_to_permit_is_a_refusal(void **state)
{
    (void)state;
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "", "", answer_ok);
    world.gateway.route_stand_in = say_nothing;
    http_world_ask(&world, GET("/p"), answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 500 "));
    world.gateway.route_stand_in = forbid;
    http_world_ask(&world, GET("/p"), answer, sizeof answer);
    if (strstr(answer, "HTTP/1.1 40") == NULL) {
        fail_msg("%s", answer);
    }
    assert_int_equal(atomic_load(&world.origin.connections), 0);
    http_world_close(&world);
}

/* ---- our own addresses ---- */

static void nothing_below_our_prefix_reaches_the_upstream(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/.rowgate",         "/.rowgate/", "/.rowgate/nothing", "/.rowgate/login/../x", "/%2erowgate/login/x/y/z",
        "/.rowgate/session/"};
    struct http_world world;
    char answer[4096];
    char request[256];
    http_world_open(&world, "", "", answer_ok);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                       targets[i]);
        http_world_ask(&world, request, answer, sizeof answer);
        if (strstr(answer, "hello") != NULL || strstr(answer, "HTTP/1.1 4") == NULL) {
            fail_msg("%s: %s", targets[i], answer);
        }
    }
    assert_int_equal(atomic_load(&world.origin.connections), 0);
    http_world_close(&world);
}

static void a_refusal_is_a_page_to_browsers_and_json_to_programs(void **state)
{
    (void)state;
    struct http_world world;
    char answer[8192];
    http_world_open(&world, "", "", answer_ok);
    http_world_ask(&world, "GET /.rowgate/x HTTP/1.1\r\nHost: localhost\r\nAccept: text/html,*/*\r\n\r\n", answer,
                   sizeof answer);
    assert_non_null(strstr(answer, "content-type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(answer, "r-"));
    http_world_ask(&world, GET("/.rowgate/x"), answer, sizeof answer);
    assert_non_null(strstr(answer, "content-type: application/problem+json\r\n"));
    assert_non_null(strstr(answer, "\"rule\":\"http.endpoint.unknown\""));
    http_world_close(&world);
}

/* ---- reload and drain ---- */

struct swap {
    struct http_world *world;
    struct snapshot *snapshot;
    atomic_bool is_done;
};

static void do_swap(void *argument)
{
    struct swap *swap = argument;
    snapshot_free(&swap->world->worker.snapshot);
    swap->world->worker.snapshot = snapshot_ref(swap->snapshot);
    http_plane_swap(swap->world->plane);
    atomic_store(&swap->is_done, true);
}

static void a_reload_takes_the_new_upstream_and_keeps_connections(void **state)
{
    (void)state;
    struct http_world world;
    struct http_origin second;
    struct http_client client = {0};
    char answer[4096];
    http_world_open(&world, "", "", answer_ok);
    http_origin_open(&second, answer_ok);
    http_client_open(&client, &world);
    http_client_say(&client, GET("/first"));
    (void)http_client_hear(&client, answer, sizeof answer);
    uint16_t port = world.origin.port;
    world.origin.port = second.port; /* what the new configuration names */
    struct swap swap = {.world = &world,
                        .snapshot = http_world_load(&world, http_world_upstream(&world, ""), "max_head = \"1KiB\"\n")};
    world.origin.port = port;
    net_loop_post(world.worker.loop, do_swap, &swap);
    while (!atomic_load(&swap.is_done)) {
        usleep(1000);
    }
    http_client_say(&client, GET("/second"));
    (void)http_client_hear(&client, answer, sizeof answer);
    assert_non_null(strstr(answer, "hello"));
    assert_true(http_origin_has_seen(&second, "GET /second "));
    assert_false(http_origin_has_seen(&world.origin, "GET /second "));
    http_client_close(&client);
    snapshot_free(&world.snapshot);
    world.snapshot = swap.snapshot;
    http_world_close(&world);
    http_origin_close(&second);
}

static void drain(void *argument)
{
    struct http_world *world = argument;
    world->worker.is_draining = true;
    http_plane_drain(world->plane);
}

static void draining_finishes_what_is_under_way_and_ends(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client idle = {0};
    struct http_client busy = {0};
    char answer[4096];
    open_with_job(&world);
    http_client_open(&idle, &world);
    http_client_open(&busy, &world);
    http_client_say(&busy, GET("/p"));
    http_world_wait(&world, job_is_running);
    http_world_post(&world, drain);
    assert_true(http_client_is_at_end(&idle));
    atomic_store(&job.may_end, true);
    (void)http_client_hear(&busy, answer, sizeof answer);
    assert_non_null(strstr(answer, "hello"));
    assert_non_null(strcasestr(answer, "\r\nconnection: close\r\n"));
    assert_true(http_client_is_at_end(&busy));
    assert_int_equal(pthread_join(world.thread, NULL), 0); /* the loop ends by itself */
    world.is_stopped = true;
    http_client_close(&idle);
    http_client_close(&busy);
    http_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_read_in_two_ways_never_reaches_the_upstream),
        cmocka_unit_test(a_good_request_before_a_bad_one_is_answered_and_nothing_behind_it),
        cmocka_unit_test(what_is_too_large_is_told_so_before_it_is_all_there),
        cmocka_unit_test(a_body_of_exactly_the_limit_passes_in_both_framings),
        cmocka_unit_test(expect_continue_is_answered_before_the_body_comes),
        cmocka_unit_test(who_is_slow_or_idle_is_cut_off),
        cmocka_unit_test(bodies_together_have_a_limit_and_the_largest_goes),
        cmocka_unit_test(bodies_of_requests_under_way_count_with_those_that_come),
        cmocka_unit_test(connections_beyond_the_limit_are_closed_at_once_and_counted_off),
        cmocka_unit_test(a_suspended_request_goes_on_behind_its_job),
        cmocka_unit_test(a_job_whose_client_has_gone_ends_without_it),
        cmocka_unit_test(the_planes_end_does_not_wait_for_jobs_and_they_find_their_request),
        cmocka_unit_test(a_step_that_forgets_to_answer_or_to_permit_is_a_refusal),
        cmocka_unit_test(nothing_below_our_prefix_reaches_the_upstream),
        cmocka_unit_test(a_refusal_is_a_page_to_browsers_and_json_to_programs),
        cmocka_unit_test(a_reload_takes_the_new_upstream_and_keeps_connections),
        cmocka_unit_test(draining_finishes_what_is_under_way_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
