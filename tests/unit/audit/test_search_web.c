/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the HTTP plane in the log: found by what they were about, whole again when read back, and their decisions
 * paired with their outcomes. */
#include "tests/support/audit_search_world.h"

#include "audit/verify.h"

static struct audit_event request(const char *tenant, const char *user, const char *action, const char *object)
{
    return (struct audit_event){.kind = AUDIT_HTTP,
                                .wall_us = 1700000000000000,
                                .session_id = 0xfeedfacecafef00d,
                                .tenant = rg_slice_of(tenant),
                                .user = rg_slice_of(user),
                                .client_address = RG_SLICE("10.0.0.9"),
                                .application_name = RG_SLICE("Mozilla/5.0"),
                                .verdict = AUDIT_ALLOWED,
                                .class_name = RG_SLICE("READ"),
                                .method = RG_SLICE("GET"),
                                .path = RG_SLICE("/superset/dashboard/12/"),
                                .action = rg_slice_of(action),
                                .object = rg_slice_of(object),
                                .status = 200,
                                .bytes = 7,
                                .duration_us = 5};
}

struct web {
    struct audit_dir dir;
    uint64_t view, export, update, outcome, refused, login, statement, marked, unmarked;
};

static void make_web(struct web *web)
{
    struct audit_log log;
    const struct rg_digest digest = {{7}};
    audit_dir_make(&web->dir);
    open_log(&web->dir, &log);
    struct audit_event event = request("acme", "alice", "dashboard.view", "dashboard/12");
    event.reference = RG_SLICE("r-view");
    event.guest = RG_SLICE("r-token");
    event.query = RG_SLICE("native_filters_key=Payload&token=***");
    web->view = put(&log, &event);
    event = request("globex", "bob", "chart.export", "chart/7,dashboard/9,,slice");
    event.class_name = RG_SLICE("EXPORT");
    web->export = put(&log, &event);
    event = request("acme", "carol", "dashboard.update", "dashboard/121");
    event.class_name = RG_SLICE("UPDATE");
    event.method = RG_SLICE("PUT");
    event.phase = AUDIT_DECISION;
    event.status = 0;
    event.statement_id = 77;
    web->update = put(&log, &event);
    event.phase = AUDIT_OUTCOME;
    event.status = 422;
    event.digest_before = &digest;
    event.digest_missing = RG_SLICE("after: HTTP 404");
    web->outcome = put(&log, &event);
    event = request("", "", "", "");
    event.session_id = 0;
    event.class_name = (struct rg_slice){0};
    event.path = RG_SLICE("/etc/passwd/payload");
    event.verdict = AUDIT_DENIED;
    event.rule = RG_SLICE("http.route");
    event.status = 403;
    event.reference = RG_SLICE("r-refused");
    web->refused = put(&log, &event);
    event = request("acme", "alice", "", "");
    event.kind = AUDIT_LOGIN;
    event.reference = RG_SLICE("r-login");
    web->login = put(&log, &event);
    event = statement("acme", "alice", "select dashboard from t");
    web->statement = put(&log, &event);
    event = statement("globex", "bob", "select kind from u");
    event.guest = RG_SLICE("r-token");
    event.reference = RG_SLICE("r-chart");
    web->marked = put(&log, &event);
    event.is_unmarked = true; /* the same pieces are found again, and it is told all the same */
    event.guest = RG_SLICE("odd \"token\"");
    web->unmarked = put(&log, &event);
    close_log(&log);
}

static void finds_requests_by_each_condition(void **state)
{
    (void)state;
    struct web w;
    make_web(&w);
    const struct {
        const char *name;
        struct audit_criteria criteria;
        uint64_t seqs[4];
        size_t count;
    } rows[] = {
        {"kind", {.action = RG_SLICE("http.request")}, {w.view, w.export, w.update, w.outcome}, 5},
        {"action", {.action = RG_SLICE("dashboard.view")}, {w.view}, 1},
        {"part of an action", {.action = RG_SLICE("dashboard")}, {0}, 0},
        {"class", {.action = RG_SLICE("export")}, {w.export}, 1},
        {"reads", {.action = RG_SLICE("read")}, {w.view, w.export, w.statement, w.marked}, 5},
        {"writes", {.action = RG_SLICE("write")}, {w.update, w.outcome}, 2},
        {"queries", {.action = RG_SLICE("query")}, {w.statement, w.marked, w.unmarked}, 3},
        {"unmarked", {.action = RG_SLICE("unmarked")}, {w.unmarked}, 1},
        {"with one guest token, on both planes", {.guest = RG_SLICE("r-token")}, {w.view, w.marked}, 2},
        {"with an odd one", {.guest = RG_SLICE("odd \"token\"")}, {w.unmarked}, 1},
        {"part of a token's id", {.guest = RG_SLICE("r-")}, {0}, 0},
        {"a token's id is no reference", {.reference = RG_SLICE("r-token")}, {0}, 0},
        {"what a request asked for, of that token",
         {.guest = RG_SLICE("r-token"), .reference = RG_SLICE("r-chart")},
         {w.marked},
         1},
        {"denied", {.action = RG_SLICE("denied")}, {w.refused}, 1},
        {"failed", {.action = RG_SLICE("failed")}, {w.outcome, w.refused}, 2},
        {"object", {.object = RG_SLICE("dashboard/12")}, {w.view}, 1},
        {"its type", {.object = RG_SLICE("dashboard")}, {w.view, w.export, w.update, w.outcome}, 4},
        {"one of several", {.object = RG_SLICE("dashboard/9")}, {w.export}, 1},
        {"all of several", {.object = RG_SLICE("chart/7,dashboard/9")}, {0}, 0},
        {"part of an object", {.object = RG_SLICE("dashboard/1")}, {0}, 0},
        {"who saw which dashboard",
         {.object = RG_SLICE("dashboard"), .action = RG_SLICE("read")},
         {w.view, w.export},
         2},
        {"who changed which", {.object = RG_SLICE("dashboard"), .action = RG_SLICE("write")}, {w.update, w.outcome}, 2},
        {"reference", {.reference = RG_SLICE("r-refused")}, {w.refused}, 1},
        {"of a login", {.reference = RG_SLICE("r-login")}, {w.login}, 1},
        {"part of a reference", {.reference = RG_SLICE("r-")}, {0}, 0},
        {"status", {.status = RG_SLICE("403")}, {w.refused}, 1},
        {"a hundred", {.status = RG_SLICE("4xx")}, {w.outcome, w.refused}, 2},
        {"no such status", {.status = RG_SLICE("500")}, {0}, 0},
        {"the path", {.text = RG_SLICE("etc/PASSWD")}, {w.refused}, 1},
        {"path or query", {.text = RG_SLICE("payload")}, {w.view, w.refused}, 2},
        {"two letters", {.text = RG_SLICE("d&")}, {w.view}, 1},
        {"all", {.tenant = RG_SLICE("acme"), .subject = RG_SLICE("carol"), .status = RG_SLICE("422")}, {w.outcome}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_criteria criteria = rows[i].criteria;
        struct found found;
        criteria.since_us = INT64_MIN;
        criteria.until_us = INT64_MAX;
        criteria.limit = UINT64_MAX;
        assert_ok(search(&w.dir, &criteria, &found));
        if (rows[i].count <= 4) {
            assert_found(&found, rows[i].seqs, rows[i].count, rows[i].name);
        } else {
            assert_int_equal(found.count, rows[i].count);
        }
        assert_int_equal(found.note_count, 0);
    }
    assert_intact(&w.dir, 0);
    audit_dir_remove(&w.dir);
}

static uint64_t count_unresolved(const struct audit_dir *dir)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_report report;
    const struct audit_verify_options options = {.directory = rg_slice_of(dir->path)};
    rg_arena_init(&arena, 16 << 20);
    assert_ok(audit_verify_with(&options, &arena, &report));
    assert_int_equal(report.result, AUDIT_INTACT);
    return report.unresolved_count;
}

static void a_decision_without_outcome_is_counted(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log;
    audit_dir_make(&dir);
    open_log(&dir, &log);
    struct audit_event event = request("acme", "alice", "dashboard.update", "dashboard/1");
    for (uint64_t i = 0; i < 8; i++) { /* with a session and without; with break_glass and without */
        event.session_id = i % 2 == 0 ? 0 : 0xfeedfacecafef00d;
        event.is_break_glass = i / 2 % 2 == 1;
        event.statement_id = i;
        event.phase = AUDIT_DECISION;
        (void)put(&log, &event);
        event.phase = AUDIT_OUTCOME;
        if (i != 3 && i != 4) {
            (void)put(&log, &event);
        }
        event.phase = AUDIT_COMBINED;
        event.path = RG_SLICE("/\"phase\":\"decision\"");
        (void)put(&log, &event);
    }
    close_log(&log);
    assert_int_equal(count_unresolved(&dir), 2);
    audit_dir_remove(&dir);
}

struct read_back {
    struct rg_slice path, query, method;
    size_t count;
};

static rg_status compare(void *context, const struct audit_walked *record, const struct audit_shown *shown)
{
    struct read_back *expected = context;
    (void)record;
    if (shown->request.size > 0) {
        assert_true(shown->is_whole);
        assert_true(rg_slice_is_equal(shown->path, expected->path));
        assert_true(rg_slice_is_equal(shown->query, expected->query));
        assert_true(rg_slice_is_equal(shown->method, expected->method));
        expected->count++;
    }
    return RG_OK;
}

static void every_byte_of_path_query_and_method_comes_back(void **state)
{
    (void)state;
    enum { SIZE = 200000 };
    static char text[SIZE];
    static const struct rg_slice shorts[] = {{"/a", 2}, {"/\xff\0\"\n", 5}, {"GET", 3}, {"BREW", 4}, {"G\xc3\xa9T", 4}};
    memset(text, 'q', SIZE);
    memcpy(text + 150000, "\xff\x01\0\"", 4);
    for (size_t i = 0; i <= sizeof shorts / sizeof shorts[0]; i++) {
        struct rg_slice value = i < sizeof shorts / sizeof shorts[0] ? shorts[i] : rg_slice_make(text, SIZE);
        struct read_back expected = {.path = value, .query = value, .method = value};
        struct audit_dir dir;
        struct audit_log log;
        uint64_t count = 0;
        audit_dir_make(&dir);
        open_log(&dir, &log);
        struct audit_event event = request("acme", "alice", "dashboard.view", "dashboard/1");
        event.path = event.query = event.method = value;
        (void)put(&log, &event);
        close_log(&log);
        const struct audit_search_sink sink = {.on_record = compare, .on_note = on_note, .context = &expected};
        assert_ok(audit_search(rg_slice_of(dir.path), (struct rg_slice){0}, &anything, &sink, &count));
        assert_int_equal(expected.count, 1);
        audit_dir_remove(&dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_requests_by_each_condition),
        cmocka_unit_test(a_decision_without_outcome_is_counted),
        cmocka_unit_test(every_byte_of_path_query_and_method_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
