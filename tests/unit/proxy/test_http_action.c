/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/http/action.h"

#include <stdio.h>

#include "base/rg_memory.h"
#include "tests/support/rg_test.h"

enum { ARENA_BYTES = 4 << 20 };

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

#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded"

static rg_status read_into(struct rg_arena *into, const char *method, const char *target, const char *type,
                           struct rg_slice body, struct http_action *out_action)
{
    struct http_route_match match;
    const char *mark = strchr(target, '?');
    size_t size = mark == NULL ? strlen(target) : (size_t)(mark - target);
    http_route_find(table, http_method_parse(rg_slice_of(method)), rg_slice_make(target, size), &match);
    assert_int_equal(match.outcome, HTTP_ROUTE_FOUND);
    struct http_action_source source = {&match, rg_slice_of(mark == NULL ? "" : mark + 1), rg_slice_of(type), body};
    return http_action_read(&source, into, out_action);
}

static struct http_action read_action(const char *method, const char *target, const char *type, const char *body)
{
    struct http_action action;
    memset(&action, 0xa5, sizeof action);
    assert_ok(read_into(&arena, method, target, type, rg_slice_of(body), &action));
    return action;
}

static void assert_object(const struct http_action *action, const char *kind, const char *id)
{
    for (size_t i = 0; i < action->object_count; i++) {
        if (strcmp(action->objects[i].kind, kind) == 0 && rg_slice_is_equal(action->objects[i].id, rg_slice_of(id))) {
            return;
        }
    }
    fail_msg("there is no %s %s among %zu objects", kind, id, action->object_count);
}

/* ---- the path ---- */

static void the_path_names_the_object(void **state)
{
    (void)state;
    struct http_action action = read_action("PUT", "/api/v1/dashboard/12", JSON, "{\"dashboard_title\": \"Sales\"}");
    assert_string_equal(action.action, "dashboard.update");
    assert_int_equal(action.object_count, 1);
    assert_object(&action, "dashboard", "12");
    assert_slice(action.title, "Sales");
    assert_false(action.is_unread);
    action = read_action("GET", "/api/v1/datasource/table/3/column/a/values/", "", "");
    assert_int_equal(action.object_count, 1);
    assert_object(&action, "dataset", "3");
    action = read_action("GET", "/superset/dashboard/p/AbC/", "", "");
    assert_object(&action, "permalink", "AbC");
    action = read_action("GET", "/api/v1/dashboard/", "", "");
    assert_int_equal(action.object_count, 0);
    assert_string_equal(action.action, "dashboard.list");
}

static void bulk_requests_name_all_their_objects(void **state)
{
    (void)state;
    struct http_action action = read_action("DELETE", "/api/v1/dashboard/?q=!(1,22,%27a-b%27)", "", "");
    assert_string_equal(action.action, "dashboard.delete");
    assert_int_equal(action.object_count, 3);
    assert_object(&action, "dashboard", "1");
    assert_object(&action, "dashboard", "22");
    assert_object(&action, "dashboard", "a-b");
    action = read_action("GET", "/api/v1/chart/export/?q=%21%285%2C6%29", "", "");
    assert_true(action.is_export);
    assert_object(&action, "chart", "5");
    assert_object(&action, "chart", "6");
    action = read_action("DELETE", "/api/v1/rowlevelsecurity/?q=!(4)", "", "");
    assert_object(&action, "rule", "4");
}

static void lists_that_are_none_name_nothing(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/api/v1/dashboard/?q=!()",     "/api/v1/dashboard/?q=!(",   "/api/v1/dashboard/?q=(1,2)",
        "/api/v1/dashboard/?q=!(,,,,)", "/api/v1/dashboard/?q=",     "/api/v1/dashboard/?q",
        "/api/v1/dashboard/?Q=!(1)",    "/api/v1/dashboard/?x=!(1)", "/api/v1/dashboard/?&&&",
        "/api/v1/dashboard/?q=%",       "/api/v1/dashboard/?q=%2",   "/api/v1/dashboard/?q=%zz!(1)",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        assert_int_equal(read_action("DELETE", targets[i], "", "").object_count, 0);
    }
}

static void more_objects_than_are_kept_are_counted(void **state)
{
    (void)state;
    char target[1024] = "/api/v1/dashboard/?q=!(";
    for (int i = 0; i < 40; i++) {
        size_t used = strlen(target);
        (void)snprintf(target + used, sizeof target - used, "%s%d", i == 0 ? "" : ",", i);
    }
    (void)strncat(target, ")", sizeof target - strlen(target) - 1);
    struct http_action action = read_action("DELETE", target, "", "");
    assert_int_equal(action.object_count, HTTP_ACTION_OBJECTS_MAX);
    assert_int_equal(action.more_objects, 8);
}

/* ---- chart data ---- */

static const char chart_body[] =
    "{\"datasource\":{\"id\":3,\"type\":\"table\"},\"force\":true,\"result_format\":\"json\",\"result_type\":\"full\","
    "\"queries\":[{\"columns\":[\"a\"]}],\"form_data\":{\"slice_id\":7,\"dashboardId\":12,\"datasource\":\"3__table\"}"
    "}";

static void chart_data_names_chart_dashboard_and_dataset(void **state)
{
    (void)state;
    struct http_action action =
        read_action("POST", "/api/v1/chart/data?form_data=%7B%22slice_id%22%3A7%7D&dashboard_id=12&force=true",
                    "application/json; charset=utf-8", chart_body);
    assert_string_equal(action.action, "chart.data");
    assert_false(action.is_export);
    assert_int_equal(action.object_count, 3);
    assert_object(&action, "chart", "7");
    assert_object(&action, "dashboard", "12");
    assert_object(&action, "dataset", "3");
    assert_true(action.is_forced);
    assert_slice(action.format, "json");
    assert_slice(action.result, "full");
    assert_false(action.has_guest_token);
    assert_false(action.is_unread);
}

static void the_query_alone_names_them_too(void **state)
{
    (void)state;
    struct http_action action =
        read_action("POST", "/api/v1/chart/data?form_data={\"slice_id\":7}&dashboard_id=12", JSON, "");
    assert_object(&action, "chart", "7");
    assert_object(&action, "dashboard", "12");
    assert_false(action.is_forced);
}

static void a_form_is_an_export_and_its_guest_token_is_seen(void **state)
{
    (void)state;
    struct http_action action =
        read_action("POST", "/api/v1/chart/data", "Application/X-WWW-Form-Urlencoded;charset=UTF-8",
                    "csrf_token=x&guest_token=e.y.z&form_data=%7B%22datasource%22%3A%7B%22id%22%3A3%7D%2C"
                    "%22result_format%22%3A%22csv%22%2C%22form_data%22%3A%7B%22slice_id%22%3A7%7D%7D");
    assert_string_equal(action.action, "chart.export");
    assert_true(action.is_export);
    assert_true(action.has_guest_token);
    assert_object(&action, "dataset", "3");
    assert_object(&action, "chart", "7");
    action = read_action("POST", "/api/v1/chart/data", JSON, "{\"result_format\":\"xlsx\"}");
    assert_string_equal(action.action, "chart.export");
    action = read_action("POST", "/superset/explore_json/?csv=true", FORM,
                         "form_data={\"datasource\":\"3__table\",\"slice_id\":7}");
    assert_string_equal(action.action, "chart.export");
    assert_object(&action, "dataset", "3");
}

static void a_guest_token_is_seen_in_every_disguise(void **state)
{
    (void)state;
    static char many[20000];
    assert_true(read_action("POST", "/api/v1/chart/data", FORM, "guest%5ftoken=x").has_guest_token);
    assert_true(read_action("POST", "/api/v1/chart/data", FORM, "a=b&guest_token").has_guest_token);
    assert_true(read_action("POST", "/api/v1/chart/data", "multipart/form-data; boundary=x",
                            "--x\r\nContent-Disposition: form-data; name=\"guest_token\"\r\n\r\ne\r\n--x--\r\n")
                    .has_guest_token);
    memset(many, '&', sizeof many - 1);
    for (size_t i = 0; i + 1 < sizeof many; i += 2) {
        many[i] = 'a';
    }
    assert_true(read_action("POST", "/api/v1/chart/data", FORM, many).has_guest_token);
    assert_false(read_action("POST", "/api/v1/chart/data", FORM, "guest_tokens=x&form_data={}").has_guest_token);
}

/* ---- SQL Lab, and what is created ---- */

static void sql_is_kept_as_length_and_digest(void **state)
{
    (void)state;
    struct http_action action = read_action("POST", "/api/v1/sqllab/execute/", JSON,
                                            "{\"database_id\":1,\"sql\":\"SELECT 1\",\"schema\":\"sales\","
                                            "\"client_id\":\"aB_1\",\"runAsync\":false}");
    struct rg_digest wanted = rg_sha256_one(RG_SLICE("SELECT 1"));
    assert_string_equal(action.action, "sqllab.execute");
    assert_true(action.has_sql);
    assert_int_equal(action.sql_bytes, 8);
    assert_memory_equal(action.sql_digest.bytes, wanted.bytes, sizeof wanted.bytes);
    assert_object(&action, "database", "1");
    assert_slice(action.schema, "sales");
    assert_slice(action.client_id, "aB_1");
}

static void what_is_created_has_a_title_and_what_it_is_made_of(void **state)
{
    (void)state;
    struct http_action action = read_action("POST", "/api/v1/chart/", JSON,
                                            "{\"slice_name\":\"Orders\",\"datasource_id\":3,\"datasource_type\":"
                                            "\"table\",\"dashboards\":[1,2]}");
    assert_slice(action.title, "Orders");
    assert_object(&action, "dataset", "3");
    assert_object(&action, "dashboard", "2");
    action = read_action("POST", "/api/v1/dataset/", JSON, "{\"database\":1,\"schema\":\"s\",\"table_name\":\"t\"}");
    assert_slice(action.title, "t");
    assert_object(&action, "database", "1");
    action = read_action("POST", "/api/v1/rowlevelsecurity/", JSON,
                         "{\"name\":\"r\",\"tables\":[3,4],\"clause\":\"x = 1\",\"roles\":[1]}");
    assert_string_equal(action.action, "rls.create");
    assert_object(&action, "dataset", "4");
    action = read_action("POST", "/api/v1/security/guest_token/", JSON,
                         "{\"user\":{\"username\":\"bob\"},\"resources\":[{\"type\":\"dashboard\",\"id\":\"u-1\"}]}");
    assert_slice(action.user, "bob");
    assert_object(&action, "dashboard", "u-1");
    action = read_action("POST", "/login/", FORM, "username=bob%40example.com&password=hunter2");
    assert_slice(action.user, "bob@example.com");
}

/* ---- what is not what it says ---- */

static const struct {
    const char *type, *body;
} unread[] = {
    {JSON, "{"},
    {JSON, "[]"},
    {JSON, "1"},
    {JSON, "{\"slice_id\": NaN}"},
    {JSON, "\xff\xfe{\0}"},
    {JSON, "{\"a\":\"\xff\"}"},
    {"text/plain", "{}"},
    {"", "{}"},
    {"application/jsonx", "{}"},
    {"application/jso", "{}"},
    {"multipart/form-data", "x"},
    {FORM, "form_data={"},
};

static void what_cannot_be_read_is_said_and_names_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unread / sizeof unread[0]; i++) {
        struct http_action action = read_action("POST", "/api/v1/chart/data", unread[i].type, unread[i].body);
        assert_true(action.is_unread);
        assert_int_equal(action.object_count, 0);
    }
}

static void values_of_wrong_types_are_left_out(void **state)
{
    (void)state;
    struct http_action action = read_action(
        "POST", "/api/v1/chart/data", JSON,
        "{\"datasource\":[3],\"slice_id\":null,\"dashboard_id\":{},\"database\":1.5,\"dashboards\":{\"a\":1},"
        "\"tables\":\"x\",\"force\":\"true\",\"result_format\":7,\"sql\":[],\"form_data\":\"{}\",\"user\":3,"
        "\"resources\":[1,null,{\"id\":[]}]}");
    assert_int_equal(action.object_count, 0);
    assert_false(action.is_forced);
    assert_false(action.has_sql);
    assert_int_equal(action.format.size, 0);
}

static void texts_are_cut_at_a_character_and_cleaned(void **state)
{
    (void)state;
    char body[1024] = "{\"dashboard_title\":\"";
    for (int i = 0; i < 150; i++) {
        (void)strncat(body, "\xc3\xbc", sizeof body - strlen(body) - 1);
    }
    (void)strncat(body, "\"}", sizeof body - strlen(body) - 1);
    struct http_action action = read_action("POST", "/api/v1/dashboard/", JSON, body);
    assert_int_equal(action.title.size, HTTP_ACTION_TEXT_MAX);
    body[20] = 'x'; /* now a character straddles the limit */
    body[21] = 'x';
    memmove(body + 21, body + 22, strlen(body + 22) + 1);
    action = read_action("POST", "/api/v1/dashboard/", JSON, body);
    assert_int_equal(action.title.size, HTTP_ACTION_TEXT_MAX - 1);
    action = read_action("POST", "/api/v1/dashboard/", JSON, "{\"dashboard_title\":\"a\\u0000b\\nc\\u007fd\"}");
    assert_slice(action.title, "a?b?c?d");
    action = read_action("POST", "/login/", FORM, "username=a%ff%00b");
    assert_slice(action.user, "a??b");
}

static void a_large_body_is_not_read(void **state)
{
    (void)state;
    size_t size = HTTP_ACTION_BODY_MAX + 1;
    char *body = rg_memory_alloc(size + 1);
    memset(body, ' ', size);
    body[0] = '{';
    body[size - 1] = '}';
    struct http_action action;
    assert_ok(read_into(&arena, "POST", "/api/v1/chart/data", JSON, rg_slice_make(body, size), &action));
    assert_true(action.is_unread);
    assert_ok(read_into(&arena, "POST", "/api/v1/chart/data", JSON, rg_slice_make(body, 1), &action));
    assert_true(action.is_unread);
    memcpy(body, "form_data=", 10);
    assert_ok(read_into(&arena, "POST", "/api/v1/chart/data", FORM, rg_slice_make(body, size), &action));
    assert_true(action.is_unread);
    rg_memory_free(body);
}

static void the_promised_arena_is_always_enough(void **state)
{
    (void)state;
    enum { ITEMS = 1000, ITEM = 300 };
    size_t size = 0;
    char *body = rg_memory_alloc((size_t)ITEMS * (ITEM + 8) + 4096);
    memcpy(body, "{\"dashboards\":[", 15);
    size += 15;
    for (int i = 0; i < ITEMS; i++) {
        body[size++] = i == 0 ? ' ' : ',';
        body[size++] = '"';
        memset(body + size, 'a' + i % 26, ITEM);
        size += ITEM;
        body[size++] = '"';
    }
    memcpy(body + size, "]}", 2);
    size += 2;
    struct rg_arena small;
    struct http_action action;
    rg_arena_init(&small, HTTP_ACTION_ARENA_BYTES);
    assert_ok(read_into(&small, "POST", "/api/v1/chart/?slice_id=7", JSON, rg_slice_make(body, size), &action));
    assert_false(action.is_unread);
    rg_arena_done(&small);
    rg_memory_free(body);
}

static void a_full_arena_fails_and_leaves_the_output(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 20; limit += 4) {
        struct rg_arena small;
        struct http_action action = {.action = "untouched"};
        struct rg_slice query = RG_SLICE("untouched");
        rg_arena_init(&small, limit);
        assert_fails(RG_LIMIT, read_into(&small, "POST", "/api/v1/chart/data", JSON, rg_slice_of(chart_body), &action));
        assert_string_equal(action.action, "untouched");
        assert_fails(RG_LIMIT, http_query_star(RG_SLICE("a=b"), &small, &query));
        assert_slice(query, "untouched");
        rg_arena_done(&small);
    }
}

/* ---- secrets ---- */

static const struct {
    const char *query, *starred;
} stars[] = {
    {"", ""},
    {"a=b&c=d", "a=b&c=d"},
    {"form_data={\"slice_id\":7}&force=true", "form_data={\"slice_id\":7}&force=true"},
    {"code=abc&state=def&iss=https://idp", "code=***&state=***&iss=https://idp"},
    {"SAMLResponse=PHg%2B&RelayState=x", "SAMLResponse=***&RelayState=***"},
    {"samlresponse=x", "samlresponse=***"},
    {"TOKEN=x&access_token=y&guest_token=z&csrf_token=q", "TOKEN=***&access_token=***&guest_token=***&csrf_token=***"},
    {"t%6Fken=x", "t%6Fken=***"},
    {"t%256Fken=x", "t%256Fken=***"},
    {"my-password=x&client_secret=y", "my-password=***&client_secret=***"},
    {"token", "token"},
    {"token=", "token=***"},
    {"&&token=x&&a=b&", "token=***&a=b"},
    {"a=b\xff\x01 c", "a=b???c"},
    {"form_data_key=abc", "form_data_key=abc"},
};

static void secrets_are_starred(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stars / sizeof stars[0]; i++) {
        struct rg_slice starred = {NULL, 0};
        assert_ok(http_query_star(rg_slice_of(stars[i].query), &arena, &starred));
        assert_slice(starred, stars[i].starred);
    }
}

static void a_long_query_is_cut(void **state)
{
    (void)state;
    static char query[HTTP_ACTION_QUERY_MAX * 2];
    struct rg_slice starred = {NULL, 0};
    memset(query, 'a', sizeof query - 1);
    assert_ok(http_query_star(rg_slice_of(query), &arena, &starred));
    assert_int_equal(starred.size, HTTP_ACTION_QUERY_MAX);
    query[HTTP_ACTION_QUERY_MAX + 3000] = '='; /* a name of absurd length: its value is not shown */
    memset(query, '&', HTTP_ACTION_QUERY_MAX);
    assert_ok(http_query_star(rg_slice_of(query), &arena, &starred));
    assert_memory_equal(starred.data + 3000, "=***", 4);
    assert_int_equal(starred.size, 3004);
}

static void knows_secret_names(void **state)
{
    (void)state;
    assert_true(http_is_secret_name(RG_SLICE("Password")));
    assert_true(http_is_secret_name(RG_SLICE("x-api_key")));
    assert_true(http_is_secret_name(RG_SLICE("code")));
    assert_true(http_is_secret_name(rg_slice_make("a\0b", 3)));
    assert_false(http_is_secret_name(RG_SLICE("codec")));
    assert_false(http_is_secret_name(RG_SLICE("slice_id")));
    assert_false(http_is_secret_name(RG_SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_names_the_object),
        cmocka_unit_test(bulk_requests_name_all_their_objects),
        cmocka_unit_test(lists_that_are_none_name_nothing),
        cmocka_unit_test(more_objects_than_are_kept_are_counted),
        cmocka_unit_test(chart_data_names_chart_dashboard_and_dataset),
        cmocka_unit_test(the_query_alone_names_them_too),
        cmocka_unit_test(a_form_is_an_export_and_its_guest_token_is_seen),
        cmocka_unit_test(a_guest_token_is_seen_in_every_disguise),
        cmocka_unit_test(sql_is_kept_as_length_and_digest),
        cmocka_unit_test(what_is_created_has_a_title_and_what_it_is_made_of),
        cmocka_unit_test(what_cannot_be_read_is_said_and_names_nothing),
        cmocka_unit_test(values_of_wrong_types_are_left_out),
        cmocka_unit_test(texts_are_cut_at_a_character_and_cleaned),
        cmocka_unit_test(a_large_body_is_not_read),
        cmocka_unit_test(the_promised_arena_is_always_enough),
        cmocka_unit_test(a_full_arena_fails_and_leaves_the_output),
        cmocka_unit_test(secrets_are_starred),
        cmocka_unit_test(a_long_query_is_cut),
        cmocka_unit_test(knows_secret_names),
    };
    return cmocka_run_group_tests(tests, open_table, close_table);
}
