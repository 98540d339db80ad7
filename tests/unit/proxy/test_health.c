/* SPDX-License-Identifier: Apache-2.0 */
/* /livez and /readyz: what makes them say no, and the pages of the admin listener around them. */
#include "proxy/health.h"

#include "proxy/admin.h"
#include "proxy/net/http_service.h"
#include "proxy/net/listener.h"
#include "tests/support/net_test.h"

enum { SECOND = 1000000, LOOPS = 3 };

static struct health *serving(int64_t now_us)
{
    struct health *health = health_new(LOOPS);
    for (unsigned i = 0; i < LOOPS; i++) {
        health_beat(health, i, now_us);
        health_audit(health, i, AUDIT_OPEN);
    }
    health_enter(health, HEALTH_SERVING);
    return health;
}

static void is_not_ready_before_it_was_told_so(void **state)
{
    (void)state;
    struct health *health = health_new(LOOPS);
    assert_null(health_why_not_live(health, 5 * SECOND)); /* a slow start is no death */
    assert_string_equal(health_why_not_ready(health, 5 * SECOND), "starting");
    health_enter(health, HEALTH_SERVING);
    assert_string_equal(health_why_not_ready(health, 5 * SECOND), "the audit log takes no records");
    health_free(&health);
    assert_null(health);
    health_free(&health);
}

static void is_ready_while_every_loop_turns_and_takes_records(void **state)
{
    (void)state;
    struct health *health = serving(5 * SECOND);
    assert_null(health_why_not_ready(health, 6 * SECOND));
    assert_int_equal(health_turning(health, 6 * SECOND), LOOPS);
    assert_int_equal(health_audit_state(health), AUDIT_OPEN);
    health_free(&health);
}

static void one_loop_without_an_auditor_is_enough_not_to_be_ready(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LOOPS; i++) {
        struct health *health = serving(SECOND);
        health_audit(health, i, AUDIT_CLOSED);
        assert_string_equal(health_why_not_ready(health, SECOND), "the audit log takes no records");
        assert_null(health_why_not_live(health, SECOND)); /* killing it would not help */
        health_audit(health, i, AUDIT_LOW);
        assert_null(health_why_not_ready(health, SECOND)); /* all are served */
        assert_int_equal(health_audit_state(health), AUDIT_LOW);
        health_audit(health, i, AUDIT_RESERVE);
        assert_string_equal(health_why_not_ready(health, SECOND), "the audit log's disk is nearly full");
        health_audit(health, (i + 1) % LOOPS, AUDIT_CLOSED);
        assert_int_equal(health_audit_state(health), AUDIT_CLOSED); /* the worst */
        health_free(&health);
    }
}

static void a_loop_that_stands_still_is_neither_alive_nor_ready(void **state)
{
    (void)state;
    struct health *health = serving(SECOND);
    int64_t limit_us = SECOND + (int64_t)HEALTH_STILL_MS * 1000;
    assert_null(health_why_not_live(health, limit_us));
    assert_string_equal(health_why_not_live(health, limit_us + 1), "an event loop stands still");
    health_beat(health, 0, limit_us);
    health_beat(health, 1, limit_us);
    assert_string_equal(health_why_not_ready(health, limit_us + 1), "an event loop stands still");
    assert_int_equal(health_turning(health, limit_us + 1), 2);
    health_leave(health, 2); /* it has ended: nobody waits for it */
    assert_null(health_why_not_live(health, limit_us + 1));
    assert_int_equal(health_turning(health, limit_us + 1), 2);
    health_free(&health);
}

static void an_auditor_that_acknowledges_nothing_makes_it_not_ready(void **state)
{
    (void)state;
    struct health *health = serving(30 * (int64_t)SECOND);
    int64_t limit_us = 30 * (int64_t)SECOND;
    health_wait(health, 1, limit_us - (int64_t)HEALTH_STILL_MS * 1000);
    assert_null(health_why_not_ready(health, limit_us));
    assert_string_equal(health_why_not_ready(health, limit_us + 1), "the audit log acknowledges no records");
    assert_null(health_why_not_live(health, limit_us + 1));
    health_wait(health, 1, limit_us); /* it got on */
    assert_null(health_why_not_ready(health, limit_us + 1));
    health_wait(health, 1, 0);
    assert_null(health_why_not_ready(health, limit_us + 1));
    health_free(&health);
}

static void draining_is_not_ready_and_alive(void **state)
{
    (void)state;
    struct health *health = serving(SECOND);
    health_enter(health, HEALTH_DRAINING);
    assert_string_equal(health_why_not_ready(health, SECOND), "draining");
    assert_null(health_why_not_live(health, SECOND));
    health_free(&health);
}

static void without_a_health_nothing_is_told(void **state)
{
    (void)state;
    health_enter(NULL, HEALTH_SERVING);
    health_beat(NULL, 3, 1);
    health_audit(NULL, 3, AUDIT_OPEN);
    health_wait(NULL, 3, 1);
    health_leave(NULL, 3);
}

/* ---- the pages ---- */

static int64_t now_is(void *context)
{
    (void)context;
    return SECOND;
}
static const struct rg_clock clock_at_one = {now_is, now_is, NULL};

struct page {
    const char *method, *path;
    int status;
    const char *body; /* its beginning */
};

static void check_page(const struct admin_options *options, const struct page *page)
{
    struct rg_buf body;
    rg_buf_init(&body, METRICS_TEXT_MAX);
    struct http_service_answer answer = {.body = &body};
    const struct http_service_request request = {.method = rg_slice_of(page->method), .path = rg_slice_of(page->path)};
    admin_answer(options, &request, &answer);
    assert_int_equal(answer.status, page->status);
    assert_true(rg_slice_has_prefix(rg_buf_slice(&body), rg_slice_of(page->body)));
    assert_int_equal(answer.allow != NULL, page->status == 405);
    rg_buf_done(&body);
}

static void only_three_pages_and_two_methods_are_answered(void **state)
{
    (void)state;
    static const struct page pages[] = {
        {"GET", "/livez", 200, "ok\n"},
        {"HEAD", "/livez", 200, "ok\n"},
        {"GET", "/readyz", 503, "draining\n"},
        {"GET", "/readyz?verbose=1", 503, "draining\n"},
        {"GET", "/metrics", 200, "# HELP rowgate_build_info "},
        {"GET", "/metrics?name[]=x", 200, "# HELP "},
        {"POST", "/metrics", 405, "GET or HEAD\n"},
        {"get", "/metrics", 405, "GET or HEAD\n"},
        {"", "/livez", 405, "GET or HEAD\n"},
        {"DELETE", "/readyz", 405, "GET or HEAD\n"},
        {"OPTIONS", "/readyz", 405, "GET or HEAD\n"},
        {"GET", "/", 404, "not found"},
        {"GET", "", 404, "not found"},
        {"GET", "/metrics/", 404, "not found"},
        {"GET", "//metrics", 404, "not found"},
        {"GET", "/Metrics", 404, "not found"},
        {"GET", "/metrics/../livez", 404, "not found"},
        {"GET", "http://127.0.0.1/metrics", 404, "not found"},
        {"GET", "/metric", 404, "not found"},
        {"GET", "?/metrics", 404, "not found"},
        {"POST", "/other", 404, "not found"},
    };
    struct health *health = serving(SECOND);
    struct metrics *metrics = metrics_new(LOOPS + 1, 0);
    const struct admin_options options = {.clock = &clock_at_one, .metrics = metrics, .health = health};
    health_enter(health, HEALTH_DRAINING);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        check_page(&options, &pages[i]);
    }
    metrics_free(&metrics);
    health_free(&health);
}

static void metrics_say_what_the_other_pages_say(void **state)
{
    (void)state;
    const struct metrics_series none = {{0}};
    struct health *health = serving(SECOND);
    struct metrics *metrics = metrics_new(LOOPS + 1, 0);
    const struct admin_options options = {.clock = &clock_at_one, .metrics = metrics, .health = health};
    check_page(&options, &(struct page){"GET", "/metrics", 200, "# HELP "});
    assert_int_equal(metrics_sum(metrics, METRICS_READY, none), 1);
    assert_int_equal(metrics_sum(metrics, METRICS_EVENT_LOOPS, none), LOOPS);
    assert_int_equal(metrics_sum(metrics, METRICS_AUDIT_STATE, METRICS_SERIES(AUDIT_OPEN)), 1);
    assert_true(metrics_sum(metrics, METRICS_RESIDENT_BYTES, none) > 1 << 20);
    assert_true(metrics_sum(metrics, METRICS_CPU_SECONDS, none) > 0);
    health_audit(health, 1, AUDIT_RESERVE);
    check_page(&options, &(struct page){"GET", "/metrics", 200, "# HELP "});
    assert_int_equal(metrics_sum(metrics, METRICS_READY, none), 0);
    assert_int_equal(metrics_sum(metrics, METRICS_AUDIT_STATE, METRICS_SERIES(AUDIT_OPEN)), 0);
    assert_int_equal(metrics_sum(metrics, METRICS_AUDIT_STATE, METRICS_SERIES(AUDIT_RESERVE)), 1);
    metrics_free(&metrics);
    health_free(&health);
}

static void half_a_page_is_none(void **state)
{
    (void)state;
    struct health *health = serving(SECOND);
    struct metrics *metrics = metrics_new(LOOPS + 1, 0);
    const struct admin_options options = {.clock = &clock_at_one, .metrics = metrics, .health = health};
    struct rg_buf body;
    rg_buf_init(&body, 100);
    struct http_service_answer answer = {.body = &body};
    const struct http_service_request request = {.method = RG_SLICE("GET"), .path = RG_SLICE("/metrics")};
    admin_answer(&options, &request, &answer);
    assert_int_equal(answer.status, 500);
    assert_int_equal(rg_buf_size(&body), 0);
    rg_buf_done(&body);
    metrics_free(&metrics);
    health_free(&health);
}

static void cleartext_is_only_for_loopback(void **state)
{
    (void)state;
    struct net_listener *listener = NULL;
    struct admin *admin = NULL;
    struct health *health = serving(SECOND);
    struct metrics *metrics = metrics_new(LOOPS + 1, 0);
    assert_ok(net_listener_open(RG_SLICE("0.0.0.0:0"), &listener));
    struct admin_options options = {.listener = listener, .clock = &clock_at_one, .metrics = metrics, .health = health};
    assert_fails(RG_CONFIG, admin_open(&options, &admin));
    assert_null(admin);
    assert_ok(net_listener_open(RG_SLICE("127.0.0.1:0"), &options.listener));
    uint16_t port = net_listener_port(options.listener);
    assert_ok(admin_open(&options, &admin));
    int fd = net_test_connect(port);
    char text[512] = "";
    static const char question[] = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_int_equal(send(fd, question, sizeof question - 1, MSG_NOSIGNAL), sizeof question - 1);
    size_t size = 0;
    ssize_t piece = 1;
    while (piece > 0 && size < sizeof text - 1) {
        piece = recv(fd, text + size, sizeof text - 1 - size, 0);
        size += piece > 0 ? (size_t)piece : 0;
    }
    assert_non_null(strstr(text, "HTTP/1.1 200"));
    assert_non_null(strstr(text, "\r\n\r\nok\n"));
    close(fd);
    admin_close(&admin);
    admin_close(&admin);
    metrics_free(&metrics);
    health_free(&health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_not_ready_before_it_was_told_so),
        cmocka_unit_test(is_ready_while_every_loop_turns_and_takes_records),
        cmocka_unit_test(one_loop_without_an_auditor_is_enough_not_to_be_ready),
        cmocka_unit_test(a_loop_that_stands_still_is_neither_alive_nor_ready),
        cmocka_unit_test(an_auditor_that_acknowledges_nothing_makes_it_not_ready),
        cmocka_unit_test(draining_is_not_ready_and_alive),
        cmocka_unit_test(without_a_health_nothing_is_told),
        cmocka_unit_test(only_three_pages_and_two_methods_are_answered),
        cmocka_unit_test(metrics_say_what_the_other_pages_say),
        cmocka_unit_test(half_a_page_is_none),
        cmocka_unit_test(cleartext_is_only_for_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
