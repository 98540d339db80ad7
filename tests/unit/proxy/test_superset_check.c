/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a Superset: each way to get no answer, or none of a Superset's. Real ones: tests/e2e/test_check_superset.py.
 */
#include "proxy/superset_check.h"

#include "tests/support/export_peer.h"

static struct export_peer peer;

struct run {
    struct rg_arena arena;
    struct rg_diag diag;
    struct superset_check_facts facts;
};

static void run_open(struct run *run)
{
    *run = (struct run){.facts = {.asked = 4711}};
    rg_arena_init(&run->arena, 1 << 20);
    rg_diag_init(&run->diag, &run->arena);
}

static rg_status ask(struct run *run, const char *url)
{
    const struct superset_check_options options = {
        .url = rg_slice_of(url), .tenant = RG_SLICE("t"), .timeout_us = 400000, .clock = rg_clock_system()};
    return superset_check(&options, &run->diag, &run->facts);
}

static void assert_untouched(struct run *run)
{
    assert_int_equal(run->facts.asked, 4711);
    assert_int_equal(run->diag.error_count + run->diag.warning_count, 0);
    rg_arena_done(&run->arena);
}

static void refuses_what_is_no_url(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "", "x", "ftp://localhost", "http://", "http://a:b@localhost", "http://localhost/?a"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct run run;
        run_open(&run);
        assert_fails(RG_CONFIG, ask(&run, urls[i]));
        assert_untouched(&run);
    }
}

static void ask_peer(enum export_peer_mode mode, const char *const *script, enum rg_kind kind)
{
    struct run run;
    char url[64];
    export_peer_open(&peer, mode);
    peer.script = script;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", peer.port);
    run_open(&run);
    assert_fails(kind, ask(&run, url));
    assert_untouched(&run);
    export_peer_close(&peer);
}

static void says_so_when_nobody_answers(void **state)
{
    (void)state;
    ask_peer(EXPORT_PEER_READS, NULL, RG_UPSTREAM);
    ask_peer(EXPORT_PEER_HANGS_UP, NULL, RG_UPSTREAM);
}

static void says_so_when_it_is_no_superset(void **state)
{
    (void)state;
    static const char *const other[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL};
    static const char *const rowgate[] = {
        "HTTP/1.1 302 Found\r\nLocation: /.rowgate/login\r\nContent-Length: 0\r\n\r\n", NULL};
    ask_peer(EXPORT_PEER_HTTP, other, RG_UPSTREAM);
    ask_peer(EXPORT_PEER_HTTP, rowgate, RG_UPSTREAM);
}

static void an_answer_that_stops_in_the_middle_is_none(void **state)
{
    (void)state;
    static const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\nx", NULL};
    ask_peer(EXPORT_PEER_HTTP, script, RG_UPSTREAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_url),
        cmocka_unit_test(says_so_when_nobody_answers),
        cmocka_unit_test(says_so_when_it_is_no_superset),
        cmocka_unit_test(an_answer_that_stops_in_the_middle_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
