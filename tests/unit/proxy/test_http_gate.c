/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of requests with a real auditor: what is on record when an answer leaves, what is forwarded before it is,
 * and what happens when the log takes no more. */
#include "proxy/http/gate.h"

#include "audit/search.h"
#include "proxy/http/probe.h"
#include "proxy/http/reply.h"
#include "proxy/http/route.h"
#include "tests/support/http_world.h"

enum { BIG = 300 * 1024 };

/* Rows as the table has them; a test's request gets one by its path and method. */
static const struct http_route routes[] = {
    {"/static/{rest}", HTTP_METHOD_GET, HTTP_ROUTE_PUBLIC, 0, HTTP_WHO_ANYONE, 0, "static", ""},
    {"/dashboard/{slug}/", HTTP_METHOD_GET, HTTP_ROUTE_PAGE, 0, HTTP_WHO_SUBJECT, 0, "dashboard.view", "dashboard"},
    {"/api/v1/dashboard/{id}", HTTP_METHOD_PUT | HTTP_METHOD_DELETE, HTTP_ROUTE_API, 0, HTTP_WHO_SUBJECT,
     HTTP_ROUTE_CHANGES, "dashboard.update", "dashboard"},
    {"/big/", HTTP_METHOD_GET, HTTP_ROUTE_API, 0, HTTP_WHO_SUBJECT, HTTP_ROUTE_EXPORT, "chart.export", ""},
    {"/login/", HTTP_METHOD_POST, HTTP_ROUTE_PAGE, 0, HTTP_WHO_ANYONE, HTTP_ROUTE_CHANGES, "login.form", ""},
};

static const struct http_route_table *table;
static struct rg_arena table_arena;

static int make_table(void **state)
{
    (void)state;
    rg_arena_init(&table_arena, 1 << 20);
    assert_ok(http_route_table_make(&table_arena, routes, sizeof routes / sizeof routes[0], &table));
    return 0;
}

static int free_table(void **state)
{
    (void)state;
    rg_arena_done(&table_arena);
    return 0;
}

/* In the place of the steps that find route, user and tenant. */
static enum http_step_result permit(struct http_request *request)
{
    struct http_route_match *match = NULL;
    assert_ok(rg_arena_new(&request->arena, &match));
    http_route_find(table, http_method_parse(request->method), request->path, match);
    if (match->outcome != HTTP_ROUTE_FOUND) {
        http_reply_problem(request, 403, "http.route.unknown", "This address is not open.");
        return HTTP_STEP_DONE;
    }
    request->match = match;
    request->route = match->route;
    request->identity = (struct auth_identity){
        .kind = AUTH_OIDC, .user = RG_SLICE("alice"), .subject = RG_SLICE("oid-17"), .issuer = RG_SLICE("https://idp")};
    request->has_tenant = true;
    request->tenant.id = RG_SLICE("acme");
    request->is_permitted = true;
    return HTTP_STEP_NEXT;
}

/* ---- the upstream ---- */

static atomic_uint changes; /* how often the resource was changed */
static atomic_uint gates;   /* answers that wait for `may_go` */
static atomic_bool may_go;

static bool answer_resource(int fd)
{
    char text[256];
    char body[128];
    (void)snprintf(body, sizeof body,
                   "{\"result\":{\"b\":%u,\"changed_on_delta_humanized\":\"%u seconds ago\"},\"a\":1}",
                   atomic_load(&changes), (unsigned)(rg_clock_monotonic_us(rg_clock_system()) & 0xffff));
    (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    return http_origin_say(fd, text);
}

static bool answer_big(int fd)
{
    static char body[BIG];
    memset(body, 'x', sizeof body);
    return http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 307200\r\n\r\n") &&
           http_origin_send(fd, body, sizeof body);
}

static bool answer(struct http_origin *origin, int fd, const char *text)
{
    const char *path = strchr(text, ' ') + 1;
    (void)origin;
    if (strncmp(text, "PUT /api/v1/dashboard/500", 25) == 0) {
        return http_origin_say(fd, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno");
    }
    if (strncmp(text, "PUT /api/v1/dashboard/7", 23) == 0) {
        atomic_fetch_add(&gates, 1);
        for (int i = 0; i < 2000 && !atomic_load(&may_go); i++) {
            usleep(10000);
        }
        atomic_fetch_add(&changes, 1);
        return http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nchanged");
    }
    if (strncmp(text, "PUT ", 4) == 0 || strncmp(text, "DELETE ", 7) == 0) {
        atomic_fetch_add(&changes, 1);
        return http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nchanged");
    }
    if (strncmp(text, "POST /login/", 12) == 0) {
        return http_origin_say(fd, "HTTP/1.1 302 Found\r\nLocation: /login/\r\nContent-Length: 0\r\n\r\n");
    }
    if (strncmp(path, "/api/v1/dashboard/404 ", 22) == 0) {
        return http_origin_say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
    if (strncmp(path, "/api/v1/dashboard/", 18) == 0) {
        return answer_resource(fd);
    }
    if (strncmp(path, "/big/?broken", 12) == 0) {
        (void)http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 307200\r\n\r\nonly this");
        return false;
    }
    if (strncmp(path, "/dashboard/short/", 17) == 0) {
        (void)http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        return false;
    }
    return strncmp(path, "/big/", 5) == 0 ? answer_big(fd)
                                          : http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

/* ---- what is in the log ---- */

enum { SHOWN_MAX = 16, SHOWN_TEXT = 512 };

struct shown {
    size_t count;
    char texts[SHOWN_MAX][SHOWN_TEXT]; /* "kind phase verdict action object status bytes tenant/user rule message" */
    char digests[SHOWN_MAX][SHOWN_TEXT];
};

static const char *or_none(struct rg_slice text)
{
    static char copies[16][128];
    static unsigned next;
    char *copy = copies[next++ % 16];
    (void)snprintf(copy, sizeof copies[0], "%.*s", text.size == 0 ? 1 : (int)text.size,
                   text.size == 0 ? "-" : text.data);
    return copy;
}

static rg_status on_record(void *context, const struct audit_walked *record, const struct audit_shown *record_shown)
{
    struct shown *shown = context;
    (void)record;
    bool is_login = rg_slice_has_prefix(record_shown->kind, RG_SLICE("login"));
    if (record_shown->request.size == 0 && !is_login) {
        return RG_OK;
    }
    assert_true(shown->count < SHOWN_MAX);
    assert_true(record_shown->reference.size > 2);
    (void)snprintf(shown->texts[shown->count], SHOWN_TEXT, "%s %s %s %s %s %u %u %s/%s %s %s",
                   is_login ? or_none(record_shown->kind) : or_none(record_shown->phase),
                   or_none(record_shown->verdict), or_none(record_shown->class_name), or_none(record_shown->action),
                   or_none(record_shown->object), (unsigned)record_shown->status, (unsigned)record_shown->bytes,
                   or_none(record_shown->tenant), or_none(record_shown->user), or_none(record_shown->rule),
                   or_none(record_shown->message));
    (void)snprintf(shown->digests[shown->count], SHOWN_TEXT, "%s",
                   or_none(record_shown->digests)[0] == '-' ? "" : record_shown->digests.data);
    shown->digests[shown->count][record_shown->digests.size < SHOWN_TEXT ? record_shown->digests.size : 0] = '\0';
    shown->count++;
    return RG_OK;
}

/* Reads the log as it is now, of a running auditor too. */
static void read_log(const struct http_world *world, struct shown *out_shown)
{
    const struct audit_criteria all = {.since_us = INT64_MIN, .until_us = INT64_MAX, .limit = UINT64_MAX};
    const struct audit_search_sink sink = {.on_record = on_record, .context = out_shown};
    uint64_t count = 0;
    *out_shown = (struct shown){0};
    assert_ok(audit_search(rg_slice_of(world->log.path), (struct rg_slice){0}, &all, &sink, &count));
}

static void await_log(const struct http_world *world, size_t count, struct shown *out_shown)
{
    for (int i = 0; i < 1000; i++) {
        read_log(world, out_shown);
        if (out_shown->count >= count) {
            break;
        }
        usleep(10000);
    }
    if (out_shown->count != count) {
        fail_msg("%zu records, the first: %s", out_shown->count, out_shown->texts[0]);
    }
}

static void expect(const struct shown *shown, size_t i, const char *text)
{
    if (i >= shown->count || strcmp(shown->texts[i], text) != 0) {
        fail_msg("record %zu is\n%s, not\n%s", i, shown->texts[i], text);
    }
}

static void open_world(struct http_world *world)
{
    atomic_store(&changes, 0);
    atomic_store(&gates, 0);
    atomic_store(&may_go, false);
    http_world_open(world, "", "", answer);
    world->gateway.route_stand_in = permit;
}

#define ASK(method, path) method " " path " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\n\r\n"
#define PUT(path) "PUT " path " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"

/* ---- records ---- */

static void a_small_answer_has_one_record_and_is_on_it_when_it_comes(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    char text[4096];
    open_world(&world);
    http_world_ask(&world, ASK("GET", "/dashboard/sales/?token=a-secret-token&x=1"), text, sizeof text);
    assert_non_null(strstr(text, "\r\n\r\nhello"));
    read_log(&world, &shown); /* no waiting: it was durable before the first byte */
    assert_int_equal(shown.count, 1);
    expect(&shown, 0, "combined allowed READ dashboard.view dashboard/sales 200 5 acme/alice - -");
    assert_int_equal(audit_dir_count(&world.log, "token=***&x=1"), 1);
    assert_int_equal(audit_dir_count(&world.log, "a-secret-token"), 0);
    http_world_close(&world);
}

static void a_refusal_is_on_record_with_its_rule(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    char text[4096];
    open_world(&world);
    http_world_ask(&world, ASK("GET", "/nowhere/at/all"), text, sizeof text);
    assert_non_null(strstr(text, "HTTP/1.1 403"));
    http_world_ask(&world,
                   "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", text,
                   sizeof text); /* refused before it is parsed */
    assert_non_null(strstr(text, "HTTP/1.1 400"));
    read_log(&world, &shown);
    assert_int_equal(shown.count, 2);
    assert_non_null(strstr(shown.texts[0], "combined denied - - - 403 "));
    assert_non_null(strstr(shown.texts[0], " -/unknown http.route.unknown "));
    assert_non_null(strstr(shown.texts[1], "combined denied - - - 400 "));
    assert_non_null(strstr(shown.texts[1], " -/unknown http.head.smuggling "));
    http_world_close(&world);
}

static void public_files_have_no_record(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    char text[4096];
    open_world(&world);
    http_world_ask(&world, ASK("GET", "/static/a.js"), text, sizeof text);
    assert_non_null(strstr(text, "\r\n\r\nhello"));
    read_log(&world, &shown);
    assert_int_equal(shown.count, 0);
    http_world_close(&world);
}

static void a_large_answer_has_a_decision_and_an_outcome(void **state)
{
    (void)state;
    static char text[BIG + 4096];
    struct http_world world;
    struct shown shown;
    open_world(&world);
    http_world_ask(&world, ASK("GET", "/big/"), text, sizeof text);
    assert_int_equal(strlen(strstr(text, "\r\n\r\n") + 4), BIG);
    await_log(&world, 2, &shown);
    expect(&shown, 0, "decision allowed EXPORT chart.export - 200 0 acme/alice - -");
    expect(&shown, 1, "outcome allowed EXPORT chart.export - 200 307200 acme/alice - -");
    http_world_close(&world);
}

static void what_breaks_off_has_an_outcome_that_says_so(void **state)
{
    (void)state;
    static char text[BIG];
    struct http_world world;
    struct shown shown;
    open_world(&world);
    http_world_ask(&world, ASK("GET", "/big/?broken"), text, sizeof text);
    await_log(&world, 2, &shown);
    expect(&shown, 0, "decision allowed EXPORT chart.export - 200 0 acme/alice - -");
    expect(&shown, 1, "outcome allowed EXPORT chart.export - 200 9 acme/alice - cut off before its end");
    http_world_ask(&world, ASK("GET", "/dashboard/short/"), text, sizeof text);
    await_log(&world, 4, &shown);
    expect(&shown, 2, "combined allowed READ dashboard.view dashboard/short 200 100 acme/alice - -");
    expect(&shown, 3, "outcome allowed READ dashboard.view dashboard/short 200 9 acme/alice - cut off before its end");
    http_world_close(&world);
}

/* ---- changes ---- */

static void a_change_is_decided_before_and_told_with_its_digests(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    char text[4096];
    open_world(&world);
    http_world_ask(&world, PUT("/api/v1/dashboard/12"), text, sizeof text);
    assert_non_null(strstr(text, "\r\n\r\nchanged"));
    read_log(&world, &shown);
    assert_int_equal(shown.count, 2);
    expect(&shown, 0, "decision allowed UPDATE dashboard.update dashboard/12 0 0 acme/alice - -");
    expect(&shown, 1, "outcome allowed UPDATE dashboard.update dashboard/12 200 7 acme/alice - -");
    struct rg_digest before = rg_sha256_one(RG_SLICE("{\"a\":1,\"result\":{\"b\":0}}"));
    struct rg_digest after = rg_sha256_one(RG_SLICE("{\"a\":1,\"result\":{\"b\":1}}"));
    char hex[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(&before, hex);
    assert_non_null(strstr(shown.digests[0], hex));
    assert_non_null(strstr(shown.digests[1], hex));
    assert_null(strstr(shown.digests[0], "digest_after"));
    rg_digest_hex(&after, hex);
    assert_non_null(strstr(shown.digests[1], hex));
    assert_non_null(strstr(shown.digests[1], "request_sha256"));
    assert_null(strstr(shown.digests[1], "missing"));
    http_world_close(&world);
}

static void a_digest_that_cannot_be_had_is_told_and_stops_nothing(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    char text[4096];
    open_world(&world);
    http_world_ask(&world, PUT("/api/v1/dashboard/404"), text, sizeof text);
    assert_non_null(strstr(text, "\r\n\r\nchanged"));
    http_world_ask(&world, PUT("/api/v1/dashboard/500"), text,
                   sizeof text); /* no success: nothing to ask for after it */
    http_world_ask(&world, ASK("DELETE", "/api/v1/dashboard/3"), text, sizeof text);
    read_log(&world, &shown);
    assert_int_equal(shown.count, 6);
    assert_non_null(strstr(shown.digests[1], "\"digest_missing\":\"before: HTTP 404, after: HTTP 404\""));
    expect(&shown, 3, "outcome allowed UPDATE dashboard.update dashboard/500 500 2 acme/alice - -");
    assert_non_null(strstr(shown.digests[3], "digest_before"));
    assert_null(strstr(shown.digests[3], "digest_after"));
    assert_non_null(strstr(shown.digests[5], "digest_before"));
    assert_null(strstr(shown.digests[5], "missing"));
    http_world_close(&world);
}

static void a_client_that_leaves_a_change_does_not_take_its_record_along(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    struct http_client client = {0};
    open_world(&world);
    http_client_open(&client, &world);
    http_client_say(&client, PUT("/api/v1/dashboard/7"));
    for (int i = 0; i < 1000 && atomic_load(&gates) == 0; i++) {
        usleep(10000);
    }
    read_log(&world, &shown); /* the upstream has it: its decision is durable */
    assert_int_equal(shown.count, 1);
    expect(&shown, 0, "decision allowed UPDATE dashboard.update dashboard/7 0 0 acme/alice - -");
    http_client_close(&client);
    await_log(&world, 2, &shown);
    expect(&shown, 1,
           "outcome allowed UPDATE dashboard.update dashboard/7 0 0 acme/alice - the client went before the answer");
    atomic_store(&may_go, true);
    http_world_close(&world);
}

/* ---- Superset's own form ---- */

static void a_login_that_superset_sends_back_to_its_form_has_failed(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    char text[4096];
    open_world(&world);
    http_world_ask(&world,
                   "POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                   "Content-Length: 41\r\n\r\nusername=mallory&password=pw-of-mallory-1",
                   text, sizeof text);
    assert_non_null(strstr(text, "HTTP/1.1 302"));
    read_log(&world, &shown);
    assert_true(shown.count >= 2);
    bool has_failed = false;
    for (size_t i = 0; i < shown.count; i++) {
        has_failed = has_failed || strncmp(shown.texts[i], "login.failed ", 13) == 0;
    }
    assert_true(has_failed);
    assert_int_equal(audit_dir_count(&world.log, "pw-of-mallory-1"), 0);
    http_world_close(&world);
}

/* ---- a log that takes no more ---- */

static void end_auditor(struct http_world *world)
{
    assert_true(rig_stop(&world->rig));
    assert_intact(&world->log, 0);
}

static void start_auditor(void *context)
{
    struct http_world *world = context;
    worker_connect(&world->worker, world->rig.door);
}

static void without_an_auditor_nothing_is_forwarded_and_the_next_one_goes_on(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    char text[4096];
    open_world(&world);
    http_world_ask(&world, ASK("GET", "/dashboard/first/"), text, sizeof text);
    assert_non_null(strstr(text, "200 OK"));
    end_auditor(&world);
    for (int i = 0; i < 1000; i++) { /* until the worker has heard of it */
        http_world_ask(&world, ASK("GET", "/dashboard/second/"), text, sizeof text);
        if (strstr(text, "HTTP/1.1 503") != NULL) {
            break;
        }
        usleep(10000);
    }
    assert_non_null(strstr(text, "HTTP/1.1 503"));
    http_world_ask(&world, PUT("/api/v1/dashboard/1"), text, sizeof text);
    assert_non_null(strstr(text, "HTTP/1.1 503"));
    assert_non_null(strstr(text, "r-"));
    assert_non_null(strstr(text, "audit.unavailable"));
    assert_int_equal(atomic_load(&changes), 0);
    assert_false(http_origin_has_seen(&world.origin, "PUT "));
    http_world_ask(&world, ASK("GET", "/static/a.js"), text, sizeof text); /* has no record to wait for */
    assert_non_null(strstr(text, "200 OK"));
    struct auditor_options options = audit_dir_options(&world.log);
    assert_ok(rig_start(&world.rig, &options));
    http_world_post(&world, start_auditor);
    for (int i = 0; i < 1000; i++) {
        http_world_ask(&world, ASK("GET", "/dashboard/third/"), text, sizeof text);
        if (strstr(text, "200 OK") != NULL) {
            break;
        }
        usleep(10000);
    }
    assert_non_null(strstr(text, "200 OK"));
    read_log(&world, &shown);
    expect(&shown, 0, "combined allowed READ dashboard.view dashboard/first 200 5 acme/alice - -");
    assert_true(shown.count >= 2);
    http_world_close(&world);
}

/* A change that is under way when its auditor dies: it is answered with 503, and the next auditor learns how it ended.
 */
static void an_outcome_that_its_auditor_did_not_live_to_see_goes_to_the_next(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    struct http_client client = {0};
    char text[4096];
    open_world(&world);
    http_client_open(&client, &world);
    http_client_say(&client, PUT("/api/v1/dashboard/7"));
    for (int i = 0; i < 1000 && atomic_load(&gates) == 0; i++) {
        usleep(10000);
    }
    end_auditor(&world);
    for (int i = 0; i < 1000; i++) {
        http_world_ask(&world, ASK("GET", "/dashboard/second/"), text, sizeof text);
        if (strstr(text, "HTTP/1.1 503") != NULL) {
            break;
        }
        usleep(10000);
    }
    atomic_store(&may_go, true);
    (void)http_client_hear(&client, text, sizeof text);
    assert_non_null(strstr(text, "HTTP/1.1 503"));
    assert_null(strstr(text, "changed"));
    assert_int_equal(atomic_load(&changes), 1);
    http_client_close(&client);
    struct auditor_options options = audit_dir_options(&world.log);
    assert_ok(rig_start(&world.rig, &options));
    http_world_post(&world, start_auditor);
    for (int i = 0; i < 1000; i++) {
        read_log(&world, &shown);
        bool is_told = false;
        for (size_t k = 0; k < shown.count; k++) {
            is_told =
                is_told || strstr(shown.texts[k], "outcome allowed UPDATE dashboard.update dashboard/7 200") != NULL;
        }
        if (is_told) {
            break;
        }
        assert_true(i < 999);
        usleep(10000);
    }
    http_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_answer_has_one_record_and_is_on_it_when_it_comes),
        cmocka_unit_test(a_refusal_is_on_record_with_its_rule),
        cmocka_unit_test(public_files_have_no_record),
        cmocka_unit_test(a_large_answer_has_a_decision_and_an_outcome),
        cmocka_unit_test(what_breaks_off_has_an_outcome_that_says_so),
        cmocka_unit_test(a_change_is_decided_before_and_told_with_its_digests),
        cmocka_unit_test(a_digest_that_cannot_be_had_is_told_and_stops_nothing),
        cmocka_unit_test(a_client_that_leaves_a_change_does_not_take_its_record_along),
        cmocka_unit_test(a_login_that_superset_sends_back_to_its_form_has_failed),
        cmocka_unit_test(without_an_auditor_nothing_is_forwarded_and_the_next_one_goes_on),
        cmocka_unit_test(an_outcome_that_its_auditor_did_not_live_to_see_goes_to_the_next),
    };
    return cmocka_run_group_tests(tests, make_table, free_table);
}
