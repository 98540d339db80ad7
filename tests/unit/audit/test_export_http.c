/* SPDX-License-Identifier: Apache-2.0 */
/* The exporter's HTTP and plain connections: each call where it fails, and what peers may not do to the texts. */
#include "audit/export/http.h"

#include "tests/support/export_peer.h"

static struct export_peer peer;
static char url[128];

static struct export_http *open_peer(enum export_peer_mode mode, const char *const *script, size_t answer_max)
{
    struct export_http *http = NULL;
    export_peer_open(&peer, mode);
    peer.script = script;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/base", peer.port);
    const struct export_http_options options = {
        .url = url, .ca_file = "", .timeout_us = 400000, .answer_max = answer_max};
    assert_ok(export_http_open(&options, &http));
    return http;
}

static void done(struct export_http *http)
{
    export_http_close(&http);
    assert_null(http);
    export_http_close(&http); /* accepts NULL */
    export_peer_close(&peer);
}

static bool was_sent(size_t at, const char *text)
{
    export_peer_settle(&peer);
    size_t size = peer.requests[at].end - peer.requests[at].start;
    return memmem(peer.bytes + peer.requests[at].start, size, text, strlen(text)) != NULL;
}

/* ---- requests ---- */

static void requests_of_both_methods_go_over_one_connection(void **state)
{
    (void)state;
    static const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst",
                                         "HTTP/1.1 404 No\r\nContent-Length: 6\r\n\r\nsecond",
                                         "HTTP/1.1 204 None\r\n\r\n", NULL};
    struct export_http *http = open_peer(EXPORT_PEER_HTTP, script, 100);
    static const char *const headers[] = {"X-One: 1", "Expect:", NULL};
    const struct export_http_request post = {
        .method = "POST", .path = "/a/../b", .headers = headers, .body = RG_SLICE("body\0with NUL")};
    const struct export_http_request get = {.method = "GET", .path = ""};
    long status = 0;
    struct rg_slice answer = {0};
    assert_ok(export_http_send(http, NULL, &post, &status, &answer));
    assert_int_equal(status, 200);
    assert_true(rg_slice_is_equal(answer, RG_SLICE("first")));
    assert_ok(export_http_send(http, NULL, &get, &status, &answer));
    assert_int_equal(status, 404);
    assert_true(rg_slice_is_equal(answer, RG_SLICE("second")));
    assert_ok(export_http_send(http, NULL, &post, &status, &answer));
    assert_int_equal(status, 204);
    assert_int_equal(answer.size, 0);
    assert_int_equal(peer.connections, 1);
    assert_true(was_sent(0, "POST /base/a/../b HTTP/1.1\r\n") && was_sent(0, "X-One: 1\r\n"));
    assert_int_equal(peer.requests[0].end - peer.requests[0].body, 13);
    assert_true(was_sent(1, "GET /base HTTP/1.1\r\n") && !was_sent(1, "X-One"));
    done(http);
}

static void fields_of_the_last_answer_are_found_by_name_and_place(void **state)
{
    (void)state;
    static const char *const script[] = {
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 None\r\n\r\n", NULL};
    struct export_http *http = open_peer(EXPORT_PEER_HTTP, script, 100);
    const struct export_http_request get = {.method = "GET", .path = ""};
    long status = 0;
    struct rg_slice answer = {0};
    assert_null(export_http_field(http, "set-cookie", 0)); /* there was no answer yet */
    assert_ok(export_http_send(http, NULL, &get, &status, &answer));
    assert_string_equal(export_http_field(http, "SET-COOKIE", 0), "a=1");
    assert_string_equal(export_http_field(http, "set-cookie", 1), "b=2");
    assert_null(export_http_field(http, "set-cookie", 2));
    assert_null(export_http_field(http, "location", 0));
    assert_ok(export_http_send(http, NULL, &get, &status, &answer));
    assert_null(export_http_field(http, "set-cookie", 0));
    done(http);
}

static void an_answer_of_the_limit_is_fine_and_a_byte_more_is_not(void **state)
{
    (void)state;
    static const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour",
                                         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfives", NULL};
    struct export_http *http = open_peer(EXPORT_PEER_HTTP, script, 4);
    const struct export_http_request get = {.method = "GET", .path = ""};
    long status = 0;
    struct rg_slice answer = {0};
    assert_ok(export_http_send(http, NULL, &get, &status, &answer));
    status = 77;
    struct rg_slice untouched = {0};
    assert_fails(RG_LIMIT, export_http_send(http, NULL, &get, &status, &untouched));
    assert_int_equal(status, 77);
    assert_null(untouched.data);
    done(http);
}

static void what_a_peer_says_is_shown_short_and_printable(void **state)
{
    (void)state;
    static char text[1000] = "HTTP/1.1 500 X\r\nContent-Length: 900\r\n\r\n";
    size_t head = strlen(text);
    for (size_t i = 0; i < 900; i++) {
        text[head + i] = (char)(i < 300 ? (i % 32) + 1 : 'A');
    }
    const char *const script[] = {text, NULL};
    struct export_http *http = open_peer(EXPORT_PEER_HTTP, script, 4096);
    const struct export_http_request get = {.method = "GET", .path = ""};
    long status = 0;
    struct rg_slice answer = {0};
    assert_ok(export_http_send(http, NULL, &get, &status, &answer));
    rg_status failure = export_http_fail(http, &get, status);
    assert_fails(RG_UPSTREAM, failure);
    assert_true(strlen(failure.error->text) < 300);
    for (const char *at = failure.error->text; *at != '\0'; at++) {
        assert_true(*at >= ' ' && *at < 0x7f);
    }
    assert_non_null(strstr(failure.error->text, "GET http://127.0.0.1:"));
    assert_non_null(strstr(failure.error->text, "/base: HTTP status 500: "));
    done(http);
}

static void a_long_address_leaves_room_for_the_reason(void **state)
{
    (void)state;
    struct export_http *http = NULL;
    char address[9000] = "http://127.0.0.1:1/";
    memset(address + strlen(address), 'p', 4000);
    const struct export_http_options options = {.url = address, .ca_file = "", .timeout_us = 400000, .answer_max = 1};
    const struct export_http_request get = {.method = "GET", .path = ""};
    long status = 0;
    struct rg_slice answer = {0};
    assert_ok(export_http_open(&options, &http));
    rg_status failure = export_http_send(http, NULL, &get, &status, &answer);
    assert_fails(RG_UPSTREAM, failure);
    assert_non_null(strstr(failure.error->text, "onnect")); /* curl's reason */
    export_http_close(&http);
    memset(address + strlen(address), 'p', 4500);
    assert_fails(RG_LIMIT, export_http_open(&options, &http));
    assert_null(http);
}

static void a_certificate_that_is_none_is_a_failure(void **state)
{
    (void)state;
    struct export_http *http = NULL;
    export_peer_open(&peer, EXPORT_PEER_READS);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", peer.port);
    const struct export_http_options rows[] = {
        {.url = url,
         .ca_file = "",
         .certificate = RG_SLICE("no PEM"),
         .private_key = RG_SLICE("none"),
         .timeout_us = 400000},
        {.url = url, .ca_file = "/nowhere/ca.pem", .timeout_us = 400000},
        {.url = "ftp://127.0.0.1/", .ca_file = "", .timeout_us = 400000},
        {.url = "file:///etc/passwd", .ca_file = "", .timeout_us = 400000},
    };
    const struct export_http_request get = {.method = "GET", .path = ""};
    long status = 0;
    struct rg_slice answer = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(export_http_open(&rows[i], &http));
        assert_fails(RG_UPSTREAM, export_http_send(http, NULL, &get, &status, &answer));
        assert_fails(RG_UPSTREAM, export_http_connect(http, NULL));
        export_http_close(&http);
    }
    export_peer_close(&peer);
}

/* ---- plain connections ---- */

static void bytes_arrive_as_they_are(void **state)
{
    (void)state;
    struct export_http *http = open_peer(EXPORT_PEER_READS, NULL, 1);
    assert_fails(RG_UPSTREAM, export_http_check(http)); /* before there is one */
    assert_fails(RG_UPSTREAM, export_http_write(http, NULL, RG_SLICE("too early")));
    assert_ok(export_http_connect(http, NULL));
    assert_ok(export_http_check(http));
    static char big[3 << 20];
    memset(big, 'b', sizeof big);
    assert_ok(export_http_write(http, NULL, RG_SLICE("a\0z")));
    assert_ok(export_http_write(http, NULL, rg_slice_make(big, sizeof big)));
    for (int i = 0; i < 200 && export_peer_size(&peer) < sizeof big + 3; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(export_peer_size(&peer), sizeof big + 3);
    export_peer_settle(&peer);
    assert_memory_equal(peer.bytes, "a\0z", 3);
    assert_memory_equal(peer.bytes + 3, big, sizeof big);
    export_peer_drop(&peer);
    (void)usleep(20000);
    assert_fails(RG_UPSTREAM, export_http_check(http));
    assert_fails(RG_UPSTREAM, export_http_write(http, NULL, RG_SLICE("too late")));
    done(http);
}

static void a_reset_in_the_middle_ends_the_call_long_before_its_time(void **state)
{
    (void)state;
    static char big[8 << 20];
    struct export_http *http = NULL;
    export_peer_open(&peer, EXPORT_PEER_HANGS_UP);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", peer.port);
    const struct export_http_options options = {.url = url, .ca_file = "", .timeout_us = 60000000, .answer_max = 1};
    assert_ok(export_http_open(&options, &http));
    assert_ok(export_http_connect(http, NULL));
    int64_t start_us = rg_clock_monotonic_us(rg_clock_system());
    assert_fails(RG_UPSTREAM, export_http_write(http, NULL, rg_slice_make(big, sizeof big)));
    assert_true(rg_clock_monotonic_us(rg_clock_system()) - start_us < 5000000);
    done(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_both_methods_go_over_one_connection),
        cmocka_unit_test(fields_of_the_last_answer_are_found_by_name_and_place),
        cmocka_unit_test(an_answer_of_the_limit_is_fine_and_a_byte_more_is_not),
        cmocka_unit_test(what_a_peer_says_is_shown_short_and_printable),
        cmocka_unit_test(a_long_address_leaves_room_for_the_reason),
        cmocka_unit_test(a_certificate_that_is_none_is_a_failure),
        cmocka_unit_test(bytes_arrive_as_they_are),
        cmocka_unit_test(a_reset_in_the_middle_ends_the_call_long_before_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
