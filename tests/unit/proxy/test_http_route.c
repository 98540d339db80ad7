/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes: what it knows, what it refuses, and that docs/routes.md and two real Supersets agree with it. */
#include "proxy/http/route.h"
#include "proxy/http/route_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/rg_test.h"

enum { ARENA_BYTES = 4 << 20, DOCUMENT_BYTES = 256 << 10 };

static struct rg_arena arena;
static const struct http_route_table *table;

static int open_table(void **state)
{
    (void)state;
    rg_arena_init(&arena, ARENA_BYTES);
    return rg_is_ok(http_route_table_new(&arena, &table)) ? 0 : -1;
}

static int close_table(void **state)
{
    (void)state;
    rg_arena_done(&arena);
    return 0;
}

static struct http_route_match find(const char *method, const char *path)
{
    struct http_route_match match;
    memset(&match, 0xa5, sizeof match);
    http_route_find(table, http_method_parse(rg_slice_of(method)), rg_slice_of(path), &match);
    return match;
}

/* ---- what is found ---- */

static const struct {
    const char *method, *path, *action, *object;
    const char *captures[HTTP_PATTERN_CAPTURES_MAX];
} found[] = {
    {"GET", "/", "page.home", "", {NULL}},
    {"GET", "/superset/welcome/", "page.home", "", {NULL}},
    {"GET", "/welcome/", "page.home", "", {NULL}},
    {"GET", "/superset/dashboard/12/", "dashboard.view", "dashboard", {"12"}},
    {"GET", "/dashboard/sales-2026/", "dashboard.view", "dashboard", {"sales-2026"}},
    {"GET", "/superset/dashboard/p/AbC_9-/", "dashboard.view", "permalink", {"AbC_9-"}},
    {"GET", "/dashboard/p/AbC/", "dashboard.view", "permalink", {"AbC"}},
    {"GET", "/dashboard/list/", "dashboard.list", "", {NULL}},
    {"GET", "/dashboard/new/", "dashboard.create", "", {NULL}},
    {"GET", "/api/v1/dashboard/12", "dashboard.view", "dashboard", {"12"}},
    {"HEAD", "/api/v1/dashboard/12", "dashboard.view", "dashboard", {"12"}},
    {"PUT", "/api/v1/dashboard/12", "dashboard.update", "dashboard", {"12"}},
    {"DELETE", "/api/v1/dashboard/12", "dashboard.delete", "dashboard", {"12"}},
    {"DELETE", "/api/v1/dashboard/", "dashboard.delete", "dashboard", {NULL}},
    {"GET",
     "/api/v1/dashboard/\xc3\xbc"
     "bersicht",
     "dashboard.view",
     "dashboard",
     {"\xc3\xbc"
      "bersicht"}},
    {"GET", "/api/v1/dashboard/12/filter_state/k=", "dashboard.filter_state", "dashboard", {"12", "k="}},
    {"GET",
     "/embedded/b5d5c5a2-6d0f-4c2b-9a33-0e6a3d1f2b77",
     "dashboard.embed",
     "dashboard",
     {"b5d5c5a2-6d0f-4c2b-9a33-0e6a3d1f2b77"}},
    {"POST", "/api/v1/chart/data", "chart.data", "", {NULL}},
    {"GET", "/api/v1/chart/data/0f3a", "chart.data", "", {"0f3a"}},
    {"GET", "/api/v1/chart/7/data/", "chart.data", "chart", {"7"}},
    {"POST", "/superset/explore_json/table/3/", "chart.data", "dataset", {"table", "3"}},
    {"POST", "/explore_json/", "chart.data", "", {NULL}},
    {"GET", "/explore/p/abc/", "chart.explore", "permalink", {"abc"}},
    {"GET", "/api/v1/datasource/table/3/column/a b\"c/values/", "dataset.values", "dataset", {"table", "3", "a b\"c"}},
    {"POST", "/api/v1/sqllab/execute/", "sqllab.execute", "", {NULL}},
    {"GET", "/api/v1/sqllab/export/uX_1/", "sqllab.export", "query", {"uX_1"}},
    {"PUT", "/api/v1/rowlevelsecurity/4", "rls.update", "rule", {"4"}},
    {"POST", "/api/v1/security/roles/4/permissions", "security.roles.update", "role", {"4"}},
    {"GET", "/users/userinfo/", "user.view", "", {NULL}},
    {"POST", "/users/delete/12", "security.users.update", "", {"delete/12"}},
    {"GET", "/static/assets/3.js", "static", "", {"assets/3.js"}},
    {"GET", "/.rowgate/oidc/main/callback", "login.oidc", "idp", {"main"}},
    {"POST", "/.rowgate/saml/acme/acs", "login.saml", "idp", {"acme"}},
    {"POST", "/login/", "login.form", "", {NULL}},
    {"GET", "/oauth-authorized/google", "login.form", "", {"google"}},
    {"POST",
     "/api/v1/dashboard/b5d5c5a2-6d0f-4c2b-9a33-0e6a3d1f2b77/restore",
     "dashboard.restore",
     "dashboard",
     {"b5d5c5a2-6d0f-4c2b-9a33-0e6a3d1f2b77"}},
};

/* Superset reads "012" as 12: a rule about /api/v1/dashboard/12 must not be passed by. */
static void a_number_has_one_form(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/api/v1/dashboard/012",
        "/api/v1/dashboard/00",
        "/api/v1/dashboard/00012/charts",
        "/api/v1/chart/012/data/",
        "/api/v1/dataset/012",
        "/superset/dashboard/012/",
        "/api/v1/dashboard/00000000000000000000000000000000012",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (find("GET", paths[i]).outcome == HTTP_ROUTE_FOUND) {
            fail_msg("%s is found", paths[i]);
        }
    }
    assert_int_equal(find("GET", "/api/v1/dashboard/0").outcome, HTTP_ROUTE_FOUND);
    assert_int_equal(find("GET", "/api/v1/dashboard/0x12").outcome, HTTP_ROUTE_FOUND);
}

static void finds_the_row_and_its_captures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        struct http_route_match match = find(found[i].method, found[i].path);
        if (match.outcome != HTTP_ROUTE_FOUND) {
            fail_msg("%s %s is not found", found[i].method, found[i].path);
        }
        assert_string_equal(match.route->action, found[i].action);
        assert_string_equal(match.route->object, found[i].object);
        size_t count = 0;
        while (count < HTTP_PATTERN_CAPTURES_MAX && found[i].captures[count] != NULL) {
            assert_true(count < match.capture_count);
            assert_slice(match.captures[count].text, found[i].captures[count]);
            count += 1;
        }
        assert_int_equal(match.capture_count, count);
    }
}

/* ---- what is not ---- */

static const char *const unknown[] = {
    "",
    "superset/welcome/",
    "//",
    "/Superset/welcome/",
    "/superset/welcome",
    "/superset/welcome//",
    "/superset//welcome/",
    "/superset/welcome/x",
    "/api/v1/dashboard/12/",
    "/api/v1/dashboard/12/unheard_of",
    "/api/v1/Dashboard/12",
    "/api/v1/dashboard/a b",
    "/api/v1/dashboard/..",
    "/api/v1/dashboard/.",
    "/api/v1/dashboard/12%20",
    "/api/v1/dashboard/12\n",
    "/api/v1/chart/x/data/",
    "/api/v1/chart/99999999999999999999/data/",
    "/embedded/b5d5c5a2-6d0f-4c2b-9a33-0e6a3d1f2b7",
    "/embedded/b5d5c5a2-6d0f-4c2b-9a33-0e6a3d1f2b7g",
    "/embedded/b5d5c5a2x6d0f-4c2b-9a33-0e6a3d1f2b77",
    "/static/",
    "/static",
    "/static/../api/v1/me/",
    "/static/a//b",
    "/static/a/./b",
    "/static/a\x01",
    "/api/v1/dashboard/12/filter_state/a.b",
    "/api/v1/new_thing/",
    "/api/v2/dashboard/",
    "/metrics",
    "/.rowgate",
    "/.rowgate/",
    "/.rowgate/login/",
    "/.rowgate/login/a/b",
    "/.rowgate/static/../session",
    "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z",
};

static void refuses_what_no_row_has(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct http_route_match match = find("GET", unknown[i]);
        if (match.outcome != HTTP_ROUTE_UNKNOWN) {
            fail_msg("GET %s is not unknown", unknown[i]);
        }
        assert_null(match.route);
        assert_int_equal(match.capture_count, 0);
    }
}

static void a_path_with_a_nul_byte_is_unknown(void **state)
{
    (void)state;
    struct http_route_match match;
    http_route_find(table, HTTP_METHOD_GET, rg_slice_make("/api/v1/dashboard/1\0", 20), &match);
    assert_int_equal(match.outcome, HTTP_ROUTE_UNKNOWN);
    http_route_find(table, HTTP_METHOD_GET, rg_slice_make("/health\0", 8), &match);
    assert_int_equal(match.outcome, HTTP_ROUTE_UNKNOWN);
}

static void a_long_segment_is_unknown(void **state)
{
    (void)state;
    static char path[HTTP_REST_MAX + 64];
    int head = snprintf(path, sizeof path, "/api/v1/dashboard/");
    memset(path + head, 'a', HTTP_SEGMENT_MAX);
    assert_int_equal(find("GET", path).outcome, HTTP_ROUTE_FOUND);
    memset(path + head, 'a', HTTP_SEGMENT_MAX + 1);
    assert_int_equal(find("GET", path).outcome, HTTP_ROUTE_UNKNOWN);
    memset(path, 0, sizeof path);
    head = snprintf(path, sizeof path, "/static/");
    memset(path + head, 'a', HTTP_REST_MAX);
    assert_int_equal(find("GET", path).outcome, HTTP_ROUTE_FOUND);
    memset(path + head, 'a', HTTP_REST_MAX + 1);
    assert_int_equal(find("GET", path).outcome, HTTP_ROUTE_UNKNOWN);
}

static void assert_allow(const char *method, const char *path, const char *allow)
{
    char names[HTTP_METHOD_NAMES_MAX];
    struct http_route_match match = find(method, path);
    assert_int_equal(match.outcome, HTTP_ROUTE_METHOD);
    assert_null(match.route);
    http_method_names(match.allowed, names);
    assert_string_equal(names, allow);
}

static void a_known_path_with_another_method_says_which_it_takes(void **state)
{
    (void)state;
    assert_allow("POST", "/superset/welcome/", "GET, HEAD");
    assert_allow("OPTIONS", "/api/v1/sqllab/execute/", "POST");
    assert_allow("HEAD", "/api/v1/sqllab/execute/", "POST");
    assert_allow("PATCH", "/api/v1/dashboard/12", "GET, HEAD, PUT, DELETE");
    assert_allow("TRACE", "/api/v1/dashboard/12", "GET, HEAD, PUT, DELETE");
    assert_allow("get", "/health", "GET, HEAD");
    assert_allow("CONNECT", "/health", "GET, HEAD");
}

static void no_row_takes_options(void **state)
{
    (void)state;
    size_t count = 0;
    const struct http_route *rows = http_route_rows(table, &count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].methods & HTTP_METHOD_OPTIONS, 0);
    }
}

/* ---- sense of the rows ---- */

static bool is_secure(const struct http_route *row, const char **out_why)
{
    bool is_open = row->who == HTTP_WHO_SUBJECT || row->who == HTTP_WHO_NOBODY || row->who == HTTP_WHO_ROLE;
    bool is_write = (row->methods & (HTTP_METHOD_PUT | HTTP_METHOD_PATCH | HTTP_METHOD_DELETE)) != 0;
    bool is_own_state = strstr(row->action, "filter_state") != NULL || strstr(row->action, "form_data") != NULL ||
                        strcmp(row->action, "sqllab.tab") == 0;
    *out_why = "a row that asks who calls takes no credential";
    if (is_open && row->credentials == HTTP_CREDENTIAL_NONE) {
        return false;
    }
    *out_why = "a row that asks no identity is neither public nor our own, nor the page of an embedded dashboard";
    bool is_frame = row->class == HTTP_ROUTE_GUEST && row->methods == HTTP_METHOD_GET && row->flags == 0;
    if (row->who == HTTP_WHO_ANYONE && row->class != HTTP_ROUTE_PUBLIC && row->class != HTTP_ROUTE_OWN && !is_frame) {
        return false;
    }
    *out_why = "a row takes guests that is not of the API and open to every subject";
    if ((row->credentials & HTTP_CREDENTIAL_GUEST) != 0 &&
        (row->class != HTTP_ROUTE_API || row->who != HTTP_WHO_SUBJECT || strstr(row->pattern, "sqllab") != NULL ||
         strstr(row->pattern, "/database") != NULL || strstr(row->pattern, "/security/users") != NULL)) {
        return false;
    }
    *out_why = "a public row changes something";
    if (row->class == HTTP_ROUTE_PUBLIC && (row->flags != 0 || row->methods != HTTP_METHOD_GET)) {
        return false;
    }
    *out_why = "a row for admins is open to every subject";
    if (row->class == HTTP_ROUTE_ADMIN && row->who != HTTP_WHO_ROLE && row->who != HTTP_WHO_NEVER) {
        return false;
    }
    *out_why = "a page takes a bearer token";
    if (row->class == HTTP_ROUTE_PAGE && (row->credentials & ~(unsigned)HTTP_CREDENTIAL_SESSION) != 0) {
        return false;
    }
    *out_why = "PUT, PATCH or DELETE changes nothing";
    return !is_write || is_own_state || (row->flags & HTTP_ROUTE_CHANGES) != 0;
}

static void every_row_makes_sense(void **state)
{
    (void)state;
    size_t count = 0;
    const struct http_route *rows = http_route_rows(table, &count);
    assert_true(count > 400);
    for (size_t i = 0; i < count; i++) {
        const char *why = NULL;
        if (!is_secure(&rows[i], &why)) {
            fail_msg("%s: %s", rows[i].pattern, why);
        }
        assert_true(rows[i].class != HTTP_ROUTE_NONE);
        assert_true(strlen(rows[i].action) > 3 && strlen(rows[i].action) < 32);
        assert_ok(http_pattern_check(rg_slice_of(rows[i].pattern)));
    }
}

static const struct {
    const char *method, *path;
    enum http_route_who who;
} closed[] = {
    {"POST", "/api/v1/security/guest_token/", HTTP_WHO_NEVER},
    {"GET", "/superset/explore_json/", HTTP_WHO_NEVER},
    {"HEAD", "/superset/explore_json/", HTTP_WHO_NEVER},
    {"GET", "/explore_json/table/3/", HTTP_WHO_NEVER},
    {"GET", "/swagger/v1", HTTP_WHO_NEVER},
    {"GET", "/api/v1/_openapi", HTTP_WHO_NEVER},
    {"POST", "/mcp", HTTP_WHO_NEVER},
    {"POST", "/mcp/x", HTTP_WHO_NEVER},
    {"POST", "/login/", HTTP_WHO_NEVER},
    {"POST", "/api/v1/security/login", HTTP_WHO_NEVER},
    {"POST", "/api/v1/security/refresh", HTTP_WHO_NEVER},
    {"GET", "/register/", HTTP_WHO_NEVER},
    {"POST", "/resetpassword/form", HTTP_WHO_NEVER},
    {"POST", "/resetmypassword/form", HTTP_WHO_NEVER},
    {"POST", "/users/add", HTTP_WHO_NEVER},
    {"GET", "/roles/delete/3", HTTP_WHO_NEVER},
    {"POST", "/saml/acs/", HTTP_WHO_NEVER},
    {"POST", "/api/v1/database/", HTTP_WHO_ROLE},
    {"PUT", "/api/v1/database/3", HTTP_WHO_ROLE},
    {"POST", "/api/v1/database/test_connection/", HTTP_WHO_ROLE},
    {"GET", "/api/v1/database/3/connection", HTTP_WHO_ROLE},
    {"POST", "/api/v1/rowlevelsecurity/", HTTP_WHO_ROLE},
    {"GET", "/api/v1/security/users/", HTTP_WHO_ROLE},
    {"POST", "/api/v1/dashboard/import/", HTTP_WHO_ROLE},
    {"POST", "/api/v1/dashboard/12/embedded", HTTP_WHO_ROLE},
    {"PUT", "/api/v1/me/", HTTP_WHO_NOBODY},
    {"POST", "/api/v1/report/", HTTP_WHO_NOBODY},
};

static void what_must_be_closed_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        struct http_route_match match = find(closed[i].method, closed[i].path);
        if (match.outcome != HTTP_ROUTE_FOUND || match.route->who != closed[i].who) {
            fail_msg("%s %s is not closed as it should be", closed[i].method, closed[i].path);
        }
    }
}

/* ---- two real Supersets ---- */

static void count_line(char *line, size_t counts[HTTP_WHO_ANYONE + 1], size_t *missing)
{
    char *path = strchr(line, ' ');
    assert_non_null(path);
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    struct http_route_match match = find(line, path);
    if (match.outcome == HTTP_ROUTE_FOUND) {
        counts[match.route->who] += 1;
    } else {
        print_error("Superset has %s %s, and rowgate's table has not\n", line, path);
        *missing += 1;
    }
}

static void assert_covers(const char *file_path, size_t least)
{
    char line[512];
    size_t counts[HTTP_WHO_ANYONE + 1] = {0};
    size_t missing = 0;
    FILE *file = fopen(file_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        count_line(line, counts, &missing);
    }
    assert_int_equal(fclose(file), 0);
    size_t open = counts[HTTP_WHO_SUBJECT] + counts[HTTP_WHO_ANYONE];
    size_t all = open + counts[HTTP_WHO_NEVER] + counts[HTTP_WHO_NOBODY] + counts[HTTP_WHO_ROLE];
    print_message("%s: %zu routes: %zu open to subjects, %zu closed until a role opens them, %zu until a rule does, "
                  "%zu closed for everyone, %zu not in the table\n",
                  file_path, all + missing, open, counts[HTTP_WHO_ROLE], counts[HTTP_WHO_NOBODY],
                  counts[HTTP_WHO_NEVER], missing);
    assert_int_equal(missing, 0);
    assert_true(all >= least);
}

static void every_route_of_superset_is_known(void **state)
{
    (void)state;
    assert_covers("tests/vectors/http/superset-6.1.0.routes", 400);
    assert_covers("tests/vectors/http/superset-6.0.0.routes", 400);
}

/* Superset 7 serves the same without the prefix. */
static void every_prefixed_row_has_one_without_the_prefix(void **state)
{
    (void)state;
    static const char prefix[] = "/superset";
    size_t count = 0;
    const struct http_route *rows = http_route_rows(table, &count);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(rows[i].pattern, prefix, sizeof prefix - 1) != 0) {
            continue;
        }
        bool has_twin = false;
        for (size_t j = 0; j < count; j++) {
            has_twin = has_twin || (strcmp(rows[j].pattern, rows[i].pattern + sizeof prefix - 1) == 0 &&
                                    rows[j].methods == rows[i].methods && rows[j].who == rows[i].who &&
                                    strcmp(rows[j].action, rows[i].action) == 0);
        }
        if (!has_twin) {
            fail_msg("%s has no twin without the prefix", rows[i].pattern);
        }
    }
}

/* ---- the manual ---- */

static size_t append(char *text, size_t used, const char *format, ...) __attribute__((format(printf, 3, 4)));
static size_t append(char *text, size_t used, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int size = vsnprintf(text + used, DOCUMENT_BYTES - used, format, list);
    va_end(list);
    assert_true(size >= 0 && used + (size_t)size < DOCUMENT_BYTES);
    return used + (size_t)size;
}

static size_t append_row(char *text, size_t used, const struct http_route *row)
{
    char names[HTTP_METHOD_NAMES_MAX];
    http_method_names(row->methods, names);
    bool has_session = (row->credentials & HTTP_CREDENTIAL_SESSION) != 0;
    bool has_bearer = (row->credentials & HTTP_CREDENTIAL_BEARER) != 0;
    bool has_guest = (row->credentials & HTTP_CREDENTIAL_GUEST) != 0;
    return append(text, used, "| %s | `%s` | %s | %s%s%s%s%s | %s | `%s` | %s | %s%s%s |\n", names, row->pattern,
                  http_route_class_name(row->class), row->credentials == 0 ? "none" : "", has_session ? "session" : "",
                  has_bearer ? ", bearer" : "", has_session && has_guest ? ", guest" : "",
                  !has_session && has_guest ? "guest" : "", http_route_who_name(row->who), row->action,
                  row->object[0] == '\0' ? "" : row->object, (row->flags & HTTP_ROUTE_CHANGES) != 0 ? "changes " : "",
                  (row->flags & HTTP_ROUTE_EXPORT) != 0 ? "export " : "",
                  (row->flags & HTTP_ROUTE_WEBSOCKET) != 0 ? "websocket " : "");
}

static void the_manual_shows_the_table(void **state)
{
    (void)state;
    static char manual[DOCUMENT_BYTES];
    static char wanted[DOCUMENT_BYTES];
    size_t count = 0;
    size_t used = 0;
    const struct http_route *rows = http_route_rows(table, &count);
    for (size_t i = 0; i < count; i++) {
        used = append_row(wanted, used, &rows[i]);
    }
    FILE *file = fopen("docs/routes.md", "rb");
    assert_non_null(file);
    size_t size = fread(manual, 1, sizeof manual - 1, file);
    assert_int_equal(fclose(file), 0);
    manual[size] = '\0';
    if (strstr(manual, wanted) == NULL) {
        const char *path = getenv("ROWGATE_ROUTES_TABLE"); /* writes the rows there, to be pasted */
        FILE *out = path == NULL ? NULL : fopen(path, "wb");
        if (out != NULL) {
            (void)fwrite(wanted, 1, used, out);
            (void)fclose(out);
        }
        fail_msg("docs/routes.md is not the table: run this test with ROWGATE_ROUTES_TABLE=FILE for its rows");
    }
}

/* ---- patterns ---- */

static void refuses_bad_patterns(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "api",
                                      "/a//b",
                                      "/{rest}/a",
                                      "/{int}",
                                      "/a{id}",
                                      "/{id}x",
                                      "/a/../b",
                                      "/a/.",
                                      "/a?b",
                                      "/a%2fb",
                                      "/a\\b",
                                      "/a\x7f",
                                      "/*",
                                      "/a/**",
                                      "/{",
                                      "/}",
                                      "/#",
                                      "/{id}/{id}/{id}/{id}/{id}",
                                      "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_pattern pattern = {.count = 77};
        assert_fails(RG_CONFIG, http_pattern_parse(rg_slice_of(bad[i]), &pattern));
        assert_int_equal(pattern.count, 77);
        assert_fails(RG_CONFIG, http_pattern_check(rg_slice_of(bad[i])));
    }
}

static const struct {
    const char *a, *b;
    bool meets, a_covers, b_covers;
} pairs[] = {
    {"/a/b", "/a/b", true, true, true},
    {"/a/b", "/a/b/", false, false, false},
    {"/a/{id}", "/a/12", true, true, false},
    {"/a/{id}", "/a/x", false, false, false},
    {"/a/{id}", "/a/{uuid}", false, false, false},
    {"/a/{slug}", "/a/{id}", true, true, false},
    {"/a/{slug}", "/a/{uuid}", true, true, false},
    {"/a/{text}", "/a/{slug}", true, true, false},
    {"/a/{key}", "/a/{slug}", true, false, true},
    {"/a/{rest}", "/a/b/c/", true, true, false},
    {"/a/{rest}", "/a/", false, false, false},
    {"/a/{rest}", "/a", false, false, false},
    {"/a/{rest}", "/{rest}", true, false, true},
    {"/a/{rest}", "/a/{rest}", true, true, true},
    {"/a/{id}/c", "/a/{rest}", true, false, true},
    {"/a/{text}", "/a/{rest}", true, false, true},
    {"/a/{id}/c", "/a/{id}/d", false, false, false},
    {"/a/{id}/c", "/a/{id}", false, false, false},
    {"/", "/{rest}", false, false, false},
    {"/", "/", true, true, true},
    {"/a/{text}/c", "/a/b/{id}", false, false, false},
    {"/a/{text}/3", "/a/b/{id}", true, false, false},
};

static void knows_which_patterns_have_paths_in_common(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct http_pattern a;
        struct http_pattern b;
        assert_ok(http_pattern_parse(rg_slice_of(pairs[i].a), &a));
        assert_ok(http_pattern_parse(rg_slice_of(pairs[i].b), &b));
        if (http_pattern_meets(&a, &b) != pairs[i].meets || http_pattern_meets(&b, &a) != pairs[i].meets ||
            http_pattern_covers(&a, &b) != pairs[i].a_covers || http_pattern_covers(&b, &a) != pairs[i].b_covers) {
            fail_msg("%s and %s", pairs[i].a, pairs[i].b);
        }
    }
}

/* The tree and the plain comparison, written apart, agree on every path of a real Superset and on each of its parts. */
static void compare_finders(const struct http_pattern *patterns, size_t count, enum http_method method,
                            struct rg_slice path)
{
    bool is_known = false;
    struct http_route_match match;
    http_route_find(table, method, path, &match);
    for (size_t i = 0; i < count; i++) {
        is_known = is_known || http_pattern_has(&patterns[i], path);
    }
    assert_int_equal(match.outcome != HTTP_ROUTE_UNKNOWN, is_known);
    if (match.outcome == HTTP_ROUTE_FOUND) {
        assert_true(http_pattern_has(&patterns[match.row], path));
    }
}

static void the_tree_finds_what_the_patterns_have(void **state)
{
    (void)state;
    enum { ROWS_MAX = 600 };
    static struct http_pattern patterns[ROWS_MAX];
    size_t count = 0;
    const struct http_route *rows = http_route_rows(table, &count);
    char line[512];
    assert_true(count < ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_ok(http_pattern_parse(rg_slice_of(rows[i].pattern), &patterns[i]));
    }
    FILE *file = fopen("tests/vectors/http/superset-6.1.0.routes", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *path = strchr(line, ' ');
        assert_non_null(path);
        *path++ = '\0';
        size_t size = strcspn(path, "\n");
        for (size_t kept = 0; kept <= size; kept++) {
            compare_finders(patterns, count, http_method_parse(rg_slice_of(line)), rg_slice_make(path, kept));
        }
    }
    assert_int_equal(fclose(file), 0);
}

/* ---- tables that do not load ---- */

static void refuses_tables_with_mistakes(void **state)
{
    (void)state;
    static const struct http_route bad_pattern[] = {{.pattern = "x", .methods = HTTP_METHOD_GET}};
    static const struct http_route no_method[] = {{.pattern = "/x"}};
    static const struct http_route foreign[] = {{.pattern = "/x", .methods = 1 << 9}};
    static const struct http_route twice[] = {{.pattern = "/x/{id}", .methods = HTTP_METHOD_GET | HTTP_METHOD_PUT},
                                              {.pattern = "/x/{id}", .methods = HTTP_METHOD_PUT}};
    const struct http_route_table *made = table;
    assert_fails(RG_CONFIG, http_route_table_make(&arena, bad_pattern, 1, &made));
    assert_fails(RG_CONFIG, http_route_table_make(&arena, no_method, 1, &made));
    assert_fails(RG_CONFIG, http_route_table_make(&arena, foreign, 1, &made));
    assert_fails(RG_CONFIG, http_route_table_make(&arena, twice, 2, &made));
    assert_ptr_equal(made, table);
}

static void a_small_arena_fails_and_leaves_the_output(void **state)
{
    (void)state;
    const struct http_route_table *made = table;
    struct rg_arena whole;
    rg_arena_init(&whole, ARENA_BYTES);
    assert_ok(http_route_table_new(&whole, &made));
    size_t needed = whole.used_bytes;
    rg_arena_done(&whole);
    for (size_t limit = 0; limit < needed; limit += 1 + needed / 50) {
        struct rg_arena small;
        rg_arena_init(&small, limit);
        made = table;
        assert_fails(RG_LIMIT, http_route_table_new(&small, &made));
        assert_ptr_equal(made, table);
        rg_arena_done(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_row_and_its_captures),
        cmocka_unit_test(a_number_has_one_form),
        cmocka_unit_test(refuses_what_no_row_has),
        cmocka_unit_test(a_path_with_a_nul_byte_is_unknown),
        cmocka_unit_test(a_long_segment_is_unknown),
        cmocka_unit_test(a_known_path_with_another_method_says_which_it_takes),
        cmocka_unit_test(no_row_takes_options),
        cmocka_unit_test(every_row_makes_sense),
        cmocka_unit_test(what_must_be_closed_is),
        cmocka_unit_test(every_route_of_superset_is_known),
        cmocka_unit_test(every_prefixed_row_has_one_without_the_prefix),
        cmocka_unit_test(the_manual_shows_the_table),
        cmocka_unit_test(refuses_bad_patterns),
        cmocka_unit_test(knows_which_patterns_have_paths_in_common),
        cmocka_unit_test(the_tree_finds_what_the_patterns_have),
        cmocka_unit_test(refuses_tables_with_mistakes),
        cmocka_unit_test(a_small_arena_fails_and_leaves_the_output),
    };
    return cmocka_run_group_tests(tests, open_table, close_table);
}
