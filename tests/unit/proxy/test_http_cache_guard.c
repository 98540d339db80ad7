/* SPDX-License-Identifier: Apache-2.0 */
/* Answers with charts' data through the plane, from an upstream that says what it is told: what is held, what leaves,
 * and what is on record. */
#include "proxy/http/cache_guard.h"

#include "audit/search.h"
#include "proxy/http/route.h"
#include "tests/support/http_world.h"

enum { BIG = 3 << 20, HUGE_BYTES = 14 << 20, SHOWN_MAX = 32, SHOWN_TEXT = 400, ANSWER_MAX = BIG + 4096 };

static const struct http_route routes[] = {
    {"/api/v1/chart/data", HTTP_METHOD_POST, HTTP_ROUTE_API, 0, HTTP_WHO_SUBJECT, 0, "chart.data", ""},
    {"/api/v1/chart/data/{key}", HTTP_METHOD_GET, HTTP_ROUTE_API, 0, HTTP_WHO_SUBJECT, 0, "chart.data", ""},
    {"/datasource/samples", HTTP_METHOD_POST, HTTP_ROUTE_API, 0, HTTP_WHO_SUBJECT, 0, "dataset.samples", ""},
    {"/api/v1/chart/{id}", HTTP_METHOD_GET, HTTP_ROUTE_API, 0, HTTP_WHO_SUBJECT, 0, "chart.view", "chart"},
    {"/api/v1/other", HTTP_METHOD_POST, HTTP_ROUTE_API, 0, HTTP_WHO_SUBJECT, 0, "other.do", ""},
};

static const struct http_route_table *table;
static struct rg_arena table_arena;

static int make_table(void **state)
{
    (void)state;
    rg_arena_init(&table_arena, 1 << 20);
    return rg_is_ok(http_route_table_make(&table_arena, routes, sizeof routes / sizeof routes[0], &table)) ? 0 : -1;
}

static int free_table(void **state)
{
    (void)state;
    rg_arena_done(&table_arena);
    return 0;
}

/* In the place of the steps that find route, user and tenant: "X-Whose: acme/v1". */
static enum http_step_result permit(struct http_request *request)
{
    struct http_route_match *match = NULL;
    struct rg_slice whose = {0};
    assert_ok(rg_arena_new(&request->arena, &match));
    http_route_find(table, http_method_parse(request->method), request->path, match);
    assert_int_equal(match->outcome, HTTP_ROUTE_FOUND);
    request->match = match;
    request->route = match->route;
    request->is_permitted = true;
    if (http_request_header(request, RG_SLICE("x-whose"), &whose, NULL)) {
        const char *slash = memchr(whose.data, '/', whose.size);
        request->identity = (struct auth_identity){.kind = AUTH_OIDC, .user = RG_SLICE("u"), .subject = RG_SLICE("s")};
        request->has_tenant = true;
        request->tenant.id = rg_slice_make(whose.data, (size_t)(slash - whose.data));
        (void)snprintf(request->view.text, sizeof request->view.text, "%.*s",
                       (int)(whose.size - request->tenant.id.size - 1), slash + 1);
    }
    return HTTP_STEP_NEXT;
}

/* ---- the upstream: says the request's body again, in the way that the query asks for ---- */

static atomic_bool may_end;
static atomic_uint begun;

static bool say_big(int fd, bool has_length, size_t filling_size)
{
    static const char start[] = "{\"result\":[{\"cache_key\":\"big\",\"is_cached\":true,\"data\":\"";
    static const char tail[] = "\"}]}";
    char head[256];
    char *filling = malloc(filling_size);
    memset(filling, 'x', filling_size);
    size_t size = filling_size + sizeof start + sizeof tail - 2;
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s: %zu\r\n\r\n",
                   has_length ? "Content-Length" : "X-Size", size);
    bool is_said = http_origin_say(fd, head) && http_origin_say(fd, start) &&
                   http_origin_send(fd, filling, filling_size) && http_origin_say(fd, tail);
    free(filling);
    return is_said && has_length;
}

static bool say(int fd, const char *more, const char *body, size_t size)
{
    char text[8192];
    (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n%s", size, more, body);
    return http_origin_say(fd, text);
}

static bool answer(struct http_origin *origin, int fd, const char *text)
{
    (void)origin;
    const char *body = strstr(text, "\r\n\r\n") + 4;
    const char *query = strchr(text, '?');
    char how[32] = "";
    if (query != NULL && query < strchr(text, '\r')) {
        (void)snprintf(how, sizeof how, "%.*s", (int)strcspn(query + 1, " "), query + 1);
    }
    static const struct {
        const char *how, *more;
    } rows[] = {
        {"", "Content-Type: application/json; charset=utf-8\r\n"},
        {"csv", "Content-Type: text/csv; charset=utf-8\r\n"},
        {"typeless", ""},
        {"two-types", "Content-Type: text/csv\r\nContent-Type: application/json\r\n"},
        {"capitals", "Content-Type: APPLICATION/JSON\r\n"},
        {"gzip", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"},
        {"br", "Content-Type: application/json\r\nContent-Encoding: identity\r\nContent-Encoding: br\r\n"},
        {"identity", "Content-Type: application/json\r\nContent-Encoding: identity\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(how, rows[i].how) == 0) {
            return say(fd, rows[i].more, body, strlen(body));
        }
    }
    if (strcmp(how, "chunked") == 0) {
        char chunk[4096];
        (void)snprintf(chunk, sizeof chunk, "%zx\r\n%s\r\n0\r\n\r\n", strlen(body), body);
        return http_origin_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") &&
               http_origin_say(fd, chunk);
    }
    if (strcmp(how, "until-close") == 0) {
        (void)http_origin_say(fd, "HTTP/1.1 200 OK\r\n\r\n");
        (void)http_origin_say(fd, body);
        return false;
    }
    if (strcmp(how, "cut") == 0) {
        (void)say(fd, "", body, strlen(body) + 1);
        return false;
    }
    if (strcmp(how, "400") == 0) {
        return http_origin_say(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\n???");
    }
    if (strcmp(how, "slow") == 0) {
        (void)http_origin_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
        atomic_fetch_add(&begun, 1);
        for (int i = 0; i < HTTP_WORLD_LIMIT_S * 100 && !atomic_load(&may_end); i++) {
            usleep(10000);
        }
        return false;
    }
    if (strcmp(how, "huge") == 0) {
        return say_big(fd, true, HUGE_BYTES);
    }
    return say_big(fd, strcmp(how, "big") == 0, BIG);
}

/* ---- asking ---- */

static void open_world(struct http_world *world, const char *upstream)
{
    atomic_store(&may_end, false);
    atomic_store(&begun, 0);
    http_world_open(world, "", upstream, answer);
    world->gateway.route_stand_in = permit;
}

static int ask_at(const struct http_world *world, const char *path, const char *whose, const char *body,
                  char out_answer[ANSWER_MAX])
{
    char text[4096];
    (void)snprintf(text, sizeof text,
                   "POST %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip, br\r\nContent-Type: "
                   "application/json\r\n%s%s%sContent-Length: %zu\r\n\r\n%s",
                   path, whose == NULL ? "" : "X-Whose: ", whose == NULL ? "" : whose, whose == NULL ? "" : "\r\n",
                   strlen(body), body);
    http_world_ask(world, text, out_answer, ANSWER_MAX);
    http_world_unchunk(out_answer);
    return (int)strtol(out_answer + strlen("HTTP/1.1 "), NULL, 10);
}

static char answered[ANSWER_MAX];

static int ask(const struct http_world *world, const char *whose, const char *body)
{
    return ask_at(world, "/api/v1/chart/data", whose, body, answered);
}

#define MADE(key)                                                                                                      \
    "{\"result\":[{\"cache_key\":\"" key "\",\"cached_dttm\":null,\"is_cached\":null,\"data\":[{\"n\":4711}]}]}"
#define CACHED(key)                                                                                                    \
    "{\"result\":[{\"cache_key\":\"" key                                                                               \
    "\",\"cached_dttm\":\"2026-11-23\",\"is_cached\":true,\"data\":[{\"n\":4711}]}]}"

/* ---- records of kind cache.leak ---- */

struct shown {
    size_t count;
    char texts[SHOWN_MAX][SHOWN_TEXT]; /* "tenant verdict object rule message" */
    size_t requests;                   /* records of refused requests, with the same references */
    char references[SHOWN_MAX][64];
};

static rg_status on_record(void *context, const struct audit_walked *record, const struct audit_shown *found)
{
    struct shown *shown = context;
    (void)record;
    if (rg_slice_is_equal(found->kind, RG_SLICE("cache.leak"))) {
        assert_true(shown->count < SHOWN_MAX);
        (void)snprintf(shown->references[shown->count], sizeof shown->references[0], "%.*s",
                       RG_SLICE_ARGS(found->reference));
        (void)snprintf(shown->texts[shown->count++], SHOWN_TEXT, "%.*s %.*s %.*s %.*s %.*s",
                       RG_SLICE_ARGS(found->tenant), RG_SLICE_ARGS(found->verdict), RG_SLICE_ARGS(found->object),
                       RG_SLICE_ARGS(found->rule), RG_SLICE_ARGS(found->message));
    } else if (shown->count > 0 && rg_slice_is_equal(found->kind, RG_SLICE("http.request")) &&
               rg_slice_is_equal(found->reference, rg_slice_of(shown->references[shown->count - 1]))) {
        shown->requests++;
    }
    return RG_OK;
}

static void read_log(const struct http_world *world, struct shown *out_shown)
{
    const struct audit_criteria all = {.since_us = INT64_MIN, .until_us = INT64_MAX, .limit = UINT64_MAX};
    const struct audit_search_sink sink = {.on_record = on_record, .context = out_shown};
    uint64_t count = 0;
    *out_shown = (struct shown){0};
    assert_ok(audit_search(rg_slice_of(world->log.path), (struct rg_slice){0}, &all, &sink, &count));
}

static void expect(const struct shown *shown, size_t i, const char *text)
{
    if (i >= shown->count || strcmp(shown->texts[i], text) != 0) {
        fail_msg("record %zu is\n%s, not\n%s", i, shown->texts[i], text);
    }
}

/* ---- leaks ---- */

static void a_cached_answer_of_another_view_does_not_leave(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    open_world(&world, "");
    assert_int_equal(ask(&world, "acme/v1", MADE("k")), 200);
    assert_non_null(strstr(answered, "4711"));
    assert_int_equal(ask(&world, "acme/v1", CACHED("k")), 200);
    assert_int_equal(ask(&world, "globex/v1", CACHED("k")), 502);
    assert_non_null(strstr(answered, "\"rule\":\"http.cache.leak\""));
    assert_non_null(strstr(answered, "\"instance\":\"r-"));
    assert_null(strstr(answered, "4711"));
    assert_null(strstr(answered, "acme"));
    read_log(&world, &shown); /* before anything leaves, all of it is on record */
    assert_int_equal(shown.count, 2);
    expect(&shown, 0, "globex denied cache/k http.cache.leak the cached answer was made for another tenant");
    expect(
        &shown, 1,
        "acme denied cache/k http.cache.leak a cached answer that was made for this tenant was given to another one");
    assert_string_equal(shown.references[0], shown.references[1]);
    assert_int_equal(shown.requests, 1);
    assert_int_equal(ask(&world, "acme/v2", CACHED("k")), 502);
    read_log(&world, &shown);
    assert_int_equal(shown.count, 3);
    expect(
        &shown, 2,
        "acme denied cache/k http.cache.leak the cached answer was made under another view of this tenant, or at the "
        "same time as one was");
    assert_int_equal(ask(&world, "acme/v1", CACHED("k")), 200);
    http_world_close(&world);
}

static void each_form_and_framing_is_looked_at(void **state)
{
    static const struct {
        const char *path, *body;
    } rows[] = {
        {"/api/v1/chart/data?chunked", CACHED("k")},
        {"/api/v1/chart/data?until-close", CACHED("k")},
        {"/api/v1/chart/data?typeless", CACHED("k")},
        {"/api/v1/chart/data?two-types", CACHED("k")},
        {"/api/v1/chart/data?capitals", CACHED("k")},
        {"/api/v1/chart/data?identity", CACHED("k")},
        {"/api/v1/chart/data", "{\"result\":[{\"cache_key\":\"x\"},{\"cache_key\":\"k\",\"is_cached\":true}]}"},
        {"/api/v1/chart/data", "{\"cache_key\":\"k\",\"is_cached\":true,\"data\":{}}"},
        {"/datasource/samples", "{\"result\":{\"cache_key\":\"k\",\"is_cached\":true}}"},
    };
    (void)state;
    struct http_world world;
    open_world(&world, "");
    assert_int_equal(ask(&world, "acme/v1", MADE("k")), 200);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = ask_at(&world, rows[i].path, "globex/v1", rows[i].body, answered);
        int own = ask_at(&world, rows[i].path, "acme/v1", rows[i].body, answered);
        if (status != 502 || own != 200 || strstr(answered, rows[i].body) == NULL) {
            fail_msg("%s %s: %d, own %d: %s", rows[i].path, rows[i].body, status, own, answered);
        }
    }
    http_world_close(&world);
}

static void what_is_only_watched_is_told_and_passes(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    open_world(&world, "cache_guard = \"warn\"\n");
    assert_int_equal(ask(&world, "acme/v1", MADE("k")), 200);
    assert_int_equal(ask(&world, "globex/v1", CACHED("k")), 200);
    assert_non_null(strstr(answered, "4711"));
    read_log(&world, &shown);
    assert_int_equal(shown.count, 2);
    expect(&shown, 0, "globex allowed cache/k http.cache.leak the cached answer was made for another tenant");
    assert_int_equal(ask_at(&world, "/api/v1/chart/data?gzip", "globex/v1", "{}", answered), 200);
    assert_int_equal(ask(&world, "globex/v1", "no JSON"), 200);
    assert_non_null(strstr(answered, "\r\n\r\nno JSON"));
    http_world_close(&world);
}

static void nothing_is_looked_at_where_it_is_off_or_nobodys_or_of_another_route(void **state)
{
    (void)state;
    struct http_world world;
    struct shown shown;
    open_world(&world, "cache_guard = \"off\"\n");
    assert_int_equal(ask(&world, "acme/v1", MADE("k")), 200);
    assert_int_equal(ask(&world, "globex/v1", CACHED("k")), 200);
    assert_int_equal(ask_at(&world, "/api/v1/chart/data?gzip", "globex/v1", "{}", answered), 200);
    assert_true(http_origin_has_seen(&world.origin, "accept-encoding: gzip, br"));
    http_world_close(&world);
    open_world(&world, "");
    assert_int_equal(ask(&world, "acme/v1", MADE("k")), 200);
    assert_int_equal(ask_at(&world, "/api/v1/other", "globex/v1", CACHED("k"), answered), 200);
    assert_int_equal(ask(&world, NULL, CACHED("k")), 200); /* the steps before refuse this one */
    read_log(&world, &shown);
    assert_int_equal(shown.count, 0);
    http_world_close(&world);
}

static void without_keys_there_is_nothing_to_compare(void **state)
{
    static const char *const bodies[] = {
        "{\"result\":[{\"data\":[1]}]}",
        "{\"job_id\":\"j\",\"status\":\"pending\"}",
        "{\"result\":[{\"cache_key\":null,\"is_cached\":true}]}",
        "{\"message\":\"no\"}",
    };
    (void)state;
    struct http_world world;
    open_world(&world, "");
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(ask(&world, i % 2 == 0 ? "acme/v1" : "globex/v1", bodies[i]), 200);
        assert_non_null(strstr(answered, bodies[i]));
    }
    assert_int_equal(ask_at(&world, "/api/v1/chart/data?csv", "globex/v1", "a,b\n1,2\n", answered), 200);
    assert_int_equal(ask_at(&world, "/api/v1/chart/data?400", "globex/v1", "", answered), 400);
    assert_non_null(strstr(answered, "???"));
    http_world_close(&world);
}

/* ---- what cannot be read ---- */

static void what_cannot_be_read_does_not_leave(void **state)
{
    static const struct {
        const char *path, *body;
    } rows[] = {
        {"/api/v1/chart/data?gzip", CACHED("k")},
        {"/api/v1/chart/data?br", CACHED("k")},
        {"/api/v1/chart/data?cut", CACHED("k")},
        {"/api/v1/chart/data", ""},
        {"/api/v1/chart/data", "no JSON 4711"},
        {"/api/v1/chart/data", "{\"result\":[{\"cache_key\":\"a\",\"cache_key\":\"b\",\"n\":4711}]}"},
        {"/api/v1/chart/data?big", ""},
        {"/api/v1/chart/data?big-until-close", ""},
    };
    (void)state;
    struct http_world world;
    open_world(&world, "cache_guard_max = \"2MiB\"\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status = ask_at(&world, rows[i].path, "acme/v1", rows[i].body, answered);
        if (status != 502 || strstr(answered, "\"rule\":\"http.cache.unread\"") == NULL ||
            strstr(answered, "4711") != NULL) {
            fail_msg("%s %s: %d %s", rows[i].path, rows[i].body, status, answered);
        }
    }
    assert_true(http_origin_has_seen(&world.origin, "accept-encoding: identity\r\n"));
    assert_false(http_origin_has_seen(&world.origin, "gzip, br"));
    http_world_close(&world);
}

static void a_large_answer_is_held_and_then_comes_whole(void **state)
{
    (void)state;
    struct http_world world;
    open_world(&world, "");
    for (size_t i = 0; i < 2; i++) {
        const char *path = i == 0 ? "/api/v1/chart/data?big" : "/api/v1/chart/data?big-until-close";
        assert_int_equal(ask_at(&world, path, "acme/v1", "", answered), 200);
        const char *body = strstr(answered, "\r\n\r\n") + 4;
        assert_int_equal(strspn(strstr(body, "xx"), "x"), BIG);
        assert_string_equal(body + strlen(body) - 4, "\"}]}");
        assert_int_equal(ask_at(&world, path, "globex/v1", "", answered), 502);
        assert_null(strstr(answered, "xxxx"));
    }
    http_world_close(&world);
}

static void fill(void *world)
{
    ((struct http_world *)world)->worker.held_answer_bytes += HTTP_CACHE_GUARD_HELD_MAX - 10;
}

static void empty(void *world)
{
    ((struct http_world *)world)->worker.held_answer_bytes -= HTTP_CACHE_GUARD_HELD_MAX - 10;
}

static void too_many_at_once_are_refused(void **state)
{
    (void)state;
    struct http_world world;
    open_world(&world, "");
    http_world_post(&world, fill);
    assert_int_equal(ask(&world, "acme/v1", MADE("k")), 502);
    assert_int_equal(ask(&world, "acme/v1", "{}"), 200);
    http_world_post(&world, empty);
    assert_int_equal(ask(&world, "acme/v1", MADE("k")), 200);
    http_world_close(&world);
}

/* ---- those who do not wait ---- */

static bool has_begun(struct http_world *world)
{
    (void)world;
    return atomic_load(&begun) > 0;
}

static void a_client_that_leaves_meanwhile_leaves_nothing_behind(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    open_world(&world, "");
    http_client_open(&client, &world);
    http_client_say(&client, "POST /api/v1/chart/data?slow HTTP/1.1\r\nHost: localhost\r\nX-Whose: "
                             "acme/v1\r\nContent-Length: 0\r\n\r\n");
    http_world_wait(&world, has_begun);
    http_client_close(&client);
    http_world_wait(&world, http_world_origin_has_one);
    atomic_store(&may_end, true);
    http_world_wait(&world, http_world_origin_has_none);
    assert_int_equal(ask(&world, "acme/v1", MADE("k")), 200);
    http_world_close(&world); /* looks whether anything is still held */
}

static void an_upstream_that_stops_in_the_middle_is_waited_for_no_longer_than_said(void **state)
{
    (void)state;
    struct http_world world;
    open_world(&world, "response_timeout = \"200ms\"\n");
    assert_int_equal(ask_at(&world, "/api/v1/chart/data?slow", "acme/v1", "", answered), 502);
    assert_non_null(strstr(answered, "http.cache.unread"));
    atomic_store(&may_end, true);
    http_world_close(&world);
}

static atomic_size_t held;

static void look_at_held(void *world)
{
    atomic_store(&held, ((struct http_world *)world)->worker.held_answer_bytes);
}

static bool is_huge_held(struct http_world *world)
{
    http_world_post(world, look_at_held);
    return atomic_load(&held) > HUGE_BYTES && http_origin_has_seen(&world->origin, "?huge");
}

static bool is_nothing_held(struct http_world *world)
{
    http_world_post(world, look_at_held);
    return atomic_load(&held) == 0;
}

/* What it does not take lies in our memory, and counts for as long as it does. */
static void an_answer_that_its_client_does_not_take_counts(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    char first[64];
    open_world(&world, "");
    http_client_open(&client, &world);
    http_client_say(&client, "POST /api/v1/chart/data?huge HTTP/1.1\r\nHost: localhost\r\nX-Whose: "
                             "acme/v1\r\nContent-Length: 0\r\n\r\n");
    assert_true(SSL_read(client.ssl, first, sizeof first) > 0); /* it was judged, and comes */
    http_world_wait(&world, is_huge_held);
    http_client_close(&client);
    http_world_wait(&world, is_nothing_held);
    http_world_close(&world);
}

static void the_planes_end_ends_what_is_held(void **state)
{
    (void)state;
    struct http_world world;
    struct http_client client = {0};
    open_world(&world, "");
    http_client_open(&client, &world);
    http_client_say(&client, "POST /api/v1/chart/data?slow HTTP/1.1\r\nHost: localhost\r\nX-Whose: "
                             "acme/v1\r\nContent-Length: 0\r\n\r\n");
    http_world_wait(&world, has_begun);
    http_world_stop(&world);
    atomic_store(&may_end, true);
    http_client_close(&client);
    http_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cached_answer_of_another_view_does_not_leave),
        cmocka_unit_test(each_form_and_framing_is_looked_at),
        cmocka_unit_test(what_is_only_watched_is_told_and_passes),
        cmocka_unit_test(nothing_is_looked_at_where_it_is_off_or_nobodys_or_of_another_route),
        cmocka_unit_test(without_keys_there_is_nothing_to_compare),
        cmocka_unit_test(what_cannot_be_read_does_not_leave),
        cmocka_unit_test(a_large_answer_is_held_and_then_comes_whole),
        cmocka_unit_test(too_many_at_once_are_refused),
        cmocka_unit_test(a_client_that_leaves_meanwhile_leaves_nothing_behind),
        cmocka_unit_test(an_upstream_that_stops_in_the_middle_is_waited_for_no_longer_than_said),
        cmocka_unit_test(an_answer_that_its_client_does_not_take_counts),
        cmocka_unit_test(the_planes_end_ends_what_is_held),
    };
    return cmocka_run_group_tests(tests, make_table, free_table);
}
