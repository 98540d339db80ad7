/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP service alone: limits, hostile requests, its end. TLS and many clients are tested end to end,
 * tests/e2e/test_witness.py. */
#include "proxy/net/http_service.h"

#include <stdatomic.h>

#include "tests/support/net_test.h"

enum { BODY_MAX = 1000, ANSWER_MAX = 2000000, TIMEOUT_MS = 700 };

struct host {
    atomic_uint calls;
    atomic_size_t answers; /* bytes of an answer */
    int status;
    char method[32], path[64], client[64];
    size_t body_size;
};

static void handle(void *context, const struct http_service_request *request, struct http_service_answer *answer)
{
    struct host *host = context;
    (void)snprintf(host->method, sizeof host->method, "%.*s", RG_SLICE_ARGS(request->method));
    (void)snprintf(host->path, sizeof host->path, "%.*s", RG_SLICE_ARGS(request->path));
    (void)snprintf(host->client, sizeof host->client, "%s", request->client);
    host->body_size = request->body.size;
    answer->status = host->status;
    for (size_t i = 0; i < host->answers; i++) {
        assert_ok(rg_buf_put_u8(answer->body, (uint8_t)'x'));
    }
    atomic_fetch_add(&host->calls, 1);
}

static struct http_service *open_service(struct host *host, unsigned connections_max)
{
    const struct http_service_options options = {.address = RG_SLICE("127.0.0.1:0"),
                                                 .body_max = BODY_MAX,
                                                 .answer_max = ANSWER_MAX,
                                                 .timeout_ms = TIMEOUT_MS,
                                                 .connections_max = connections_max,
                                                 .handle = handle,
                                                 .context = host};
    struct http_service *service = NULL;
    assert_ok(http_service_open(&options, &service));
    return service;
}

/* Sends text and reads until the end, or until `wanted` bytes came; how many there were. */
static size_t talk(const struct http_service *service, const char *text, char *out_answer, size_t size)
{
    int fd = net_test_connect(http_service_port(service));
    size_t got = 0;
    ssize_t piece = send(fd, text, strlen(text), MSG_NOSIGNAL);
    while (piece > 0 && got + 1 < size) {
        piece = recv(fd, out_answer + got, size - got - 1, 0);
        got += piece > 0 ? (size_t)piece : 0;
    }
    out_answer[got] = '\0';
    close(fd);
    return got;
}

static void a_request_reaches_the_handler_and_its_answer_the_client(void **state)
{
    (void)state;
    struct host host = {.status = 422, .answers = 3};
    struct http_service *service = open_service(&host, 10);
    char answer[4096];
    talk(service, "POST /a?b HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", answer,
         sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 422 "));
    assert_non_null(strstr(answer, "\r\n\r\nxxx"));
    assert_string_equal(host.method, "POST");
    assert_string_equal(host.path, "/a?b");
    assert_string_equal(host.client, "127.0.0.1");
    assert_int_equal(host.body_size, 5);
    http_service_close(&service);
    assert_null(service);
    http_service_close(&service);
}

static void what_is_too_large_or_no_http_reaches_no_handler(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *status; /* NULL = the connection ends */
    } rows[] = {
        {"a body announced too large",
         "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1001\r\n\r\n", "413"},
        {"a length that is none", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", "400"},
        {"HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NULL},
        {"noise", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", NULL},
        {"half a head", "GET / HTTP/1.1\r\nhost:", NULL},
    };
    struct host host = {.status = 200};
    struct http_service *service = open_service(&host, 10);
    char answer[4096];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        talk(service, rows[i].text, answer, sizeof answer);
        if (rows[i].status != NULL && strstr(answer, rows[i].status) == NULL) {
            fail_msg("%s: %s", rows[i].name, answer);
        }
        if (strstr(answer, " 200 ") != NULL) {
            fail_msg("%s was answered: %s", rows[i].name, answer);
        }
    }
    assert_int_equal(atomic_load(&host.calls), 0);
    talk(service,
         "GET / HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: "
         "AAMAAABk\r\n\r\n",
         answer, 16);
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    http_service_close(&service);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    (void)state;
    struct host host = {.status = 200, .answers = ANSWER_MAX};
    struct http_service *service = open_service(&host, 1);
    int small = 4096;
    char answer[4096] = "";
    int fd = net_test_connect(http_service_port(service));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    const char *text = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    for (int i = 0; i < 200 && strstr(answer, " 200 ") == NULL; i++) { /* the only place is taken until then */
        usleep(100000);
        atomic_store(&host.answers, i == 0 ? ANSWER_MAX : 1);
        talk(service, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", answer, sizeof answer);
    }
    assert_non_null(strstr(answer, " 200 "));
    close(fd);
    http_service_close(&service);
}

static void what_cannot_be_served_does_not_open(void **state)
{
    (void)state;
    struct host host = {.status = 200};
    struct http_service *service = open_service(&host, 10);
    struct http_service *second = NULL;
    char taken[32];
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", http_service_port(service));
    const char *const addresses[] = {taken, "0.0.0.0:0", "[::]:0", "nonsense", "127.0.0.1", "127.0.0.1:99999"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        const struct http_service_options options = {.address = rg_slice_of(addresses[i]),
                                                     .body_max = 1,
                                                     .answer_max = 1,
                                                     .timeout_ms = 1,
                                                     .connections_max = 1,
                                                     .handle = handle,
                                                     .context = &host};
        assert_fails(RG_CONFIG, http_service_open(&options, &second));
        assert_null(second);
    }
    http_service_close(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reaches_the_handler_and_its_answer_the_client),
        cmocka_unit_test(what_is_too_large_or_no_http_reaches_no_handler),
        cmocka_unit_test(a_client_that_does_not_read_is_cut_off),
        cmocka_unit_test(what_cannot_be_served_does_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
