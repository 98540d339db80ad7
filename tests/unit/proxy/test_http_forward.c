/* SPDX-License-Identifier: Apache-2.0 */
/* Requests through the plane to a real upstream and back: framing, failures, and what neither side may do. */
#include "proxy/http/forward.h"

#include "tests/support/http_world.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* ---- the upstream: what it says to which path ---- */

static const struct said {
    const char *path;
    const char *text; /* NULL = nothing */
    bool closes;
} said[] = {
    {"/plain",
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-Powered-By: x\r\nServer: "
     "gunicorn\r\n\r\nhello",
     false},
    {"/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", false},
    {"/until-close", "HTTP/1.1 200 OK\r\n\r\nall of it", true},
    {"/until-close-404", "HTTP/1.1 404 Not Found\r\n\r\nall of it", true},
    {"/ends", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst", true},
    {"/two-answers",
     "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmineHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", false},
    {"/empty", "HTTP/1.1 204 No Content\r\n\r\n", false},
    {"/unchanged", "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n", false},
    {"/early", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
    {"/dies", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", true},
    {"/dies-in-a-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf", true},
    {"/nothing", NULL, true},
    {"/noise", "220 mail.example.com ESMTP\r\n\r\n", true},
    {"/half-a-head", "HTTP/1.1 200 OK\r\nContent-Le", true},
    {"/two-lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 2\r\n\r\nhello", false},
    {"/bad-length", "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello", true},
    {"/folded", "HTTP/1.1 200 OK\r\nX-A: b\r\n c: d\r\nContent-Length: 0\r\n\r\n", false},
    {"/old-chunks",
     "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false},
    {"/two-minds", "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nfirst",
     false},
    {"/hops",
     "HTTP/1.1 200 OK\r\nConnection: X-One\r\nConnection: X-Two\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n"
     "Content-Length: 5\r\n\r\nfirst",
     false},
    {"/unasked-upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", false},
    {"/status-99", "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", false},
};

static const struct said *find_said(const char *path)
{
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        size_t size = strlen(said[i].path);
        if (strncmp(path, said[i].path, size) == 0 && strchr("? ", path[size]) != NULL) {
            return &said[i];
        }
    }
    return NULL;
}

static bool echo(int fd)
{
    char bytes[256];
    (void)http_origin_say(fd, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst");
    for (ssize_t got = recv(fd, bytes, sizeof bytes, 0); got > 0; got = recv(fd, bytes, sizeof bytes, 0)) {
        (void)http_origin_send(fd, bytes, (size_t)got);
    }
    return false;
}

static bool answer_by_path(struct http_origin *origin, int fd, const char *text)
{
    (void)origin;
    static _Thread_local unsigned answered; /* on this connection */
    const char *path = strchr(text, ' ') + 1;
    const struct said *row = find_said(path);
    if (row != NULL) {
        return (row->text == NULL || http_origin_say(fd, row->text)) && !row->closes;
    }
    if (strncmp(path, "/silent", 7) == 0) {
        char byte = 0;
        return recv(fd, &byte, 1, 0) > 0; /* until the other side gives up */
    }
    if (strncmp(path, "/stale", 6) == 0) { /* a connection answers once and is then closed, when it is used again */
        return answered++ == 0 && http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce");
    }
    if (strncmp(path, "/speaks", 7) == 0) { /* an answer, then one that nobody asked for */
        char byte = 0;
        return http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst") &&
               http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison") && recv(fd, &byte, 1, 0) > 0;
    }
    if (strncmp(path, "/lost", 5) == 0) { /* reset behind some bytes that nothing but the connection's end frames */
        const struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)http_origin_say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf");
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        return false;
    }
    if (strncmp(path, "/ws", 3) == 0) {
        return echo(fd);
    }
    return http_origin_say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* ---- there and back ---- */

static void an_answer_comes_back_whole_and_without_what_it_should_not_say(void **state)
{
    (void)state;
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "", "", answer_by_path);
    http_world_ask(&world, GET("/plain?a=b"), answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\nhello"));
    assert_null(strcasestr(answer, "x-powered-by"));
    assert_null(strcasestr(answer, "server:"));
    assert_true(http_origin_has_seen(&world.origin, "GET /plain?a=b HTTP/1.1\r\nhost: localhost\r\n"));
    assert_true(http_origin_has_seen(&world.origin, "\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: https\r\n"
                                                    "x-forwarded-host: localhost\r\nx-forwarded-port: 443\r\n"));
    http_world_close(&world);
}

static void each_framing_of_an_answer_arrives(void **state)
{
    (void)state;
    static const struct {
        const char *name, *request, *status, *tail;
    } rows[] = {
        {"chunked", GET("/chunked"), "HTTP/1.1 200", "hello world"},
        {"chunked to HTTP/1.0", "GET /chunked HTTP/1.0\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200", "hello world"},
        {"until the end", GET("/until-close"), "HTTP/1.1 200", "all of it"},
        {"an error until the end", GET("/until-close-404"), "HTTP/1.1 404", "all of it"},
        {"no content", GET("/empty"), "HTTP/1.1 204", "\r\n\r\n"},
        {"not modified", GET("/unchanged"), "HTTP/1.1 304", "\r\n\r\n"},
        {"behind an early hint", GET("/early"), "HTTP/1.1 200", "\r\n\r\nok"},
        {"not found", GET("/other"), "HTTP/1.1 404", "\r\n\r\n"},
    };
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "idle_timeout = \"100ms\"\n", "", answer_by_path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_client client = {0};
        http_client_open(&client, &world);
        http_client_say(&client, rows[i].request);
        size_t got = http_client_hear(&client, answer, sizeof answer);
        http_world_unchunk(answer);
        if (strncmp(answer, rows[i].status, strlen(rows[i].status)) != 0 || strstr(answer, rows[i].tail) == NULL) {
            fail_msg("%s: %zu bytes: %s", rows[i].name, got, answer);
        }
        http_client_close(&client);
    }
    http_world_close(&world);
}

static void head_has_the_length_and_no_body(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    char answer[4096];
    http_world_open(&world, "", "", answer_by_path);
    http_client_open(&client, &world);
    http_client_say(&client, "HEAD /plain HTTP/1.1\r\nHost: localhost\r\n\r\n" GET("/empty"));
    (void)http_client_hear_until(&client, answer, sizeof answer, "HTTP/1.1 204");
    assert_non_null(strcasestr(answer, "content-length: 5\r\n"));
    assert_null(strstr(answer, "hello"));
    http_client_close(&client);
    http_world_close(&world);
}

static void pipelined_requests_are_answered_in_their_order(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    char answer[8192];
    http_world_open(&world, "", "", answer_by_path);
    http_client_open(&client, &world);
    http_client_say(
        &client, GET("/early") "POST /other HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" GET("/plain"));
    (void)http_client_hear_until(&client, answer, sizeof answer, "\r\n\r\nhello");
    const char *first = strstr(answer, "\r\n\r\nok");
    const char *second = strstr(answer, "HTTP/1.1 404");
    const char *third = strstr(answer, "\r\n\r\nhello");
    assert_true(first != NULL && second != NULL && third != NULL && first < second && second < third);
    assert_true(http_origin_has_seen(&world.origin, "\r\n\r\nabc"));
    http_client_close(&client);
    http_world_close(&world);
}

static void connections_to_the_upstream_are_kept(void **state)
{
    (void)state;
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "", "keepalive_timeout = \"60s\"\n", answer_by_path);
    for (int i = 0; i < 5; i++) {
        http_world_ask(&world, GET("/plain"), answer, sizeof answer);
        assert_non_null(strstr(answer, "hello"));
    }
    assert_int_equal(atomic_load(&world.origin.connections), 1);
    http_world_close(&world);
}

static void a_get_is_sent_again_when_its_kept_connection_was_stale_and_a_post_is_not(void **state)
{
    (void)state;
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "", "keepalive_timeout = \"60s\"\n", answer_by_path);
    http_world_ask(&world, GET("/stale"), answer, sizeof answer);
    http_world_ask(&world, GET("/stale"), answer, sizeof answer);
    assert_non_null(strstr(answer, "\r\n\r\nonce"));
    assert_int_equal(atomic_load(&world.origin.connections), 2);
    http_world_ask(&world, "POST /stale HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", answer,
                   sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 502"));
    assert_int_equal(atomic_load(&world.origin.connections), 2);
    http_world_close(&world);
}

static void a_kept_connection_that_ends_or_speaks_unasked_is_gone_before_it_is_used(void **state)
{
    (void)state;
    static const char *const paths[] = {"/ends", "/speaks"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct http_world world;
        char answer[4096];
        char request[256];
        http_world_open(&world, "", "keepalive_timeout = \"60s\"\n", answer_by_path);
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", paths[i]);
        http_world_ask(&world, request, answer, sizeof answer);
        assert_non_null(strstr(answer, "first"));
        http_world_wait(&world, http_world_origin_has_none);
        http_world_ask(&world, "POST /plain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", answer,
                       sizeof answer);
        assert_non_null(strstr(answer, "hello"));
        assert_int_equal(atomic_load(&world.origin.connections), 2);
        http_world_close(&world);
    }
}

/* An answer that says the last word of its connection, whatever else it says. */
static void a_connection_is_not_kept_behind_an_upgrade_a_close_or_a_broken_frame(void **state)
{
    (void)state;
    static const char *const paths[] = {"/unasked-upgrade", "/two-minds", "/old-chunks"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct http_world world;
        char answer[4096];
        char request[256];
        http_world_open(&world, "", "keepalive_timeout = \"60s\"\n", answer_by_path);
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", paths[i]);
        http_world_ask(&world, request, answer, sizeof answer);
        http_world_ask(&world, GET("/plain"), answer, sizeof answer);
        assert_non_null(strstr(answer, "hello"));
        if (atomic_load(&world.origin.connections) != 2) {
            fail_msg("%s: its connection was kept", paths[i]);
        }
        http_world_close(&world);
    }
}

static void what_each_line_of_connection_names_stays_here(void **state)
{
    (void)state;
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "", "", answer_by_path);
    http_world_ask(&world, GET("/hops"), answer, sizeof answer);
    assert_non_null(strcasestr(answer, "\r\nx-three: 3\r\n"));
    assert_null(strcasestr(answer, "\r\nx-one"));
    assert_null(strcasestr(answer, "\r\nx-two"));
    http_world_close(&world);
}

static void an_idle_connection_goes_when_its_time_is_over(void **state)
{
    (void)state;
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "", "keepalive_timeout = \"1s\"\n", answer_by_path);
    http_world_ask(&world, GET("/plain"), answer, sizeof answer);
    assert_int_equal(atomic_load(&world.origin.live), 1);
    http_world_wait(&world, http_world_origin_has_none);
    http_world_close(&world);
}

static void what_an_upstream_says_behind_its_answer_is_nobodys_answer(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    char answer[4096];
    http_world_open(&world, "", "keepalive_timeout = \"60s\"\n", answer_by_path);
    http_client_open(&client, &world);
    for (int i = 0; i < 3; i++) {
        http_client_say(&client, GET("/two-answers"));
        (void)http_client_hear(&client, answer, sizeof answer);
        assert_non_null(strstr(answer, "\r\n\r\nmine"));
        assert_null(strstr(answer, "poison"));
        http_client_say(&client, GET("/plain"));
        (void)http_client_hear(&client, answer, sizeof answer);
        assert_non_null(strstr(answer, "hello"));
    }
    http_client_close(&client);
    http_world_close(&world);
}

static void a_large_body_arrives_whole(void **state)
{
    (void)state;
    enum { BODY = 900000 };
    struct http_world world;
    struct http_client client = {0};
    char head[256];
    char answer[4096];
    char *body = rg_memory_alloc(BODY + 1);
    memset(body, 'b', BODY);
    memcpy(body + BODY - 3, "end", 3);
    http_world_open(&world, "max_body = \"2MiB\"\n", "", answer_by_path);
    http_client_open(&client, &world);
    (void)snprintf(head, sizeof head, "POST /plain HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", BODY);
    http_client_say(&client, head);
    http_client_say(&client, body);
    (void)http_client_hear(&client, answer, sizeof answer);
    assert_non_null(strstr(answer, "hello"));
    assert_true(http_origin_has_seen(&world.origin, "bbbend"));
    http_client_close(&client);
    rg_memory_free(body);
    http_world_close(&world);
}

/* ---- an upstream that fails ---- */

static void an_upstream_that_answers_no_http_is_502_with_a_reference(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nothing", "/noise",           "/half-a-head", "/two-lengths", "/bad-length",
                                        "/folded",  "/unasked-upgrade", "/status-99",   "/old-chunks"};
    struct http_world world;
    char answer[4096];
    char request[256];
    http_world_open(&world, "", "", answer_by_path);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", paths[i]);
        http_world_ask(&world, request, answer, sizeof answer);
        if (strstr(answer, "HTTP/1.1 502 ") == NULL || strstr(answer, "\"instance\":\"r-") == NULL ||
            strstr(answer, "hello") != NULL) {
            fail_msg("%s: %s", paths[i], answer);
        }
    }
    http_world_close(&world);
}

static void an_answer_that_breaks_off_ends_the_clients_connection_early(void **state)
{
    (void)state;
    static const char *const requests[] = {GET("/dies"), GET("/dies-in-a-chunk"), GET("/lost")};
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "", "", answer_by_path);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct http_client client = {0};
        http_client_open(&client, &world);
        http_client_say(&client, requests[i]);
        (void)http_client_hear(&client, answer, sizeof answer);
        assert_non_null(strstr(answer, "HTTP/1.1 200"));
        assert_null(strstr(answer, "\r\n0\r\n\r\n"));
        assert_true(http_client_is_at_end(&client));
        http_client_close(&client);
    }
    http_world_close(&world);
}

static void a_silent_upstream_is_504_and_an_absent_one_502(void **state)
{
    (void)state;
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "", "response_timeout = \"200ms\"\nconnect_timeout = \"5s\"\n", answer_by_path);
    http_world_ask(&world, GET("/silent"), answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 504 "));
    (void)shutdown(world.origin.fd, SHUT_RDWR);
    http_world_ask(&world, GET("/plain"), answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 502 "));
    assert_non_null(strstr(answer, "http.upstream.unreachable"));
    http_world_close(&world);
}

static void a_client_that_goes_takes_its_request_back_from_the_upstream(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    http_world_open(&world, "", "", answer_by_path);
    http_client_open(&client, &world);
    http_client_say(&client, GET("/silent"));
    http_world_wait(&world, http_world_origin_has_one);
    http_client_close(&client);
    http_world_wait(&world, http_world_origin_has_none);
    http_world_close(&world);
}

/* ---- WebSocket ---- */

#define UPGRADE(path)                                                                                                  \
    "GET " path " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                        \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void a_websocket_is_a_tunnel_both_ways(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    char answer[4096];
    http_world_open(&world, "", "", answer_by_path);
    http_client_open(&client, &world);
    http_client_say(&client, UPGRADE("/ws"));
    (void)http_client_hear_until(&client, answer, sizeof answer, "first");
    assert_non_null(strstr(answer, "HTTP/1.1 101 "));
    assert_non_null(strcasestr(answer, "\r\nupgrade: websocket\r\n"));
    assert_non_null(strcasestr(answer, "\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    http_client_say(&client, "GET /not-http HTTP/1.1\n\n\x01\x02");
    (void)http_client_hear_until(&client, answer, sizeof answer, "\x01\x02");
    assert_string_equal(answer, "GET /not-http HTTP/1.1\n\n\x01\x02");
    http_client_close(&client);
    http_world_wait(&world, http_world_origin_has_none);
    http_world_close(&world);
}

static void a_websocket_is_opened_nowhere_else_and_only_when_the_upstream_agrees(void **state)
{
    (void)state;
    struct http_world world;
    char answer[4096];
    http_world_open(&world, "", "", answer_by_path);
    http_world_ask(&world, UPGRADE("/plain"), answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 403 "));
    assert_int_equal(atomic_load(&world.origin.connections), 0);
    http_world_ask(&world, UPGRADE("/ws") "GET /hidden HTTP/1.1\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 400 ")); /* bytes of neither protocol */
    assert_int_equal(atomic_load(&world.origin.connections), 0);
    http_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_back_whole_and_without_what_it_should_not_say),
        cmocka_unit_test(each_framing_of_an_answer_arrives),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(pipelined_requests_are_answered_in_their_order),
        cmocka_unit_test(connections_to_the_upstream_are_kept),
        cmocka_unit_test(a_kept_connection_that_ends_or_speaks_unasked_is_gone_before_it_is_used),
        cmocka_unit_test(a_connection_is_not_kept_behind_an_upgrade_a_close_or_a_broken_frame),
        cmocka_unit_test(what_each_line_of_connection_names_stays_here),
        cmocka_unit_test(an_idle_connection_goes_when_its_time_is_over),
        cmocka_unit_test(what_an_upstream_says_behind_its_answer_is_nobodys_answer),
        cmocka_unit_test(a_large_body_arrives_whole),
        cmocka_unit_test(a_get_is_sent_again_when_its_kept_connection_was_stale_and_a_post_is_not),
        cmocka_unit_test(an_upstream_that_answers_no_http_is_502_with_a_reference),
        cmocka_unit_test(an_answer_that_breaks_off_ends_the_clients_connection_early),
        cmocka_unit_test(a_silent_upstream_is_504_and_an_absent_one_502),
        cmocka_unit_test(a_client_that_goes_takes_its_request_back_from_the_upstream),
        cmocka_unit_test(a_websocket_is_a_tunnel_both_ways),
        cmocka_unit_test(a_websocket_is_opened_nowhere_else_and_only_when_the_upstream_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
