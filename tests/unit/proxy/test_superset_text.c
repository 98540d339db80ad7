/* SPDX-License-Identifier: Apache-2.0 */
/* Superset's answers and the secrets that are none: pages, versions, cookies that a real Superset signed, addresses. */
#include "proxy/superset_text.h"
#include "tests/support/rg_test.h"

static void finds_what_a_page_tells_its_scripts(void **state)
{
    (void)state;
    static const struct {
        const char *page, *json;
    } rows[] = {
        {"<div id=\"app\" data-bootstrap=\"{}\"></div>", "{}"},
        {"data-bootstrap=\"\"", ""},
        {"data-bootstrap=\"{&#34;a&#34;:&quot;b&quot;}\"", "{\"a\":\"b\"}"},
        {"data-bootstrap=\"&lt;&gt;&#39;&apos;&#x27;\"", "<>'''"},
        {"data-bootstrap=\"&amp;lt;&amp;amp;\"", "&lt;&amp;"}, /* once, not twice */
        {"data-bootstrap='no' data-bootstrap=\"yes\"", "yes"},
        {"data-bootstrap=\"first\" data-bootstrap=\"second\"", "first"},
    };
    struct rg_arena arena;
    rg_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice json = {0};
        assert_ok(superset_bootstrap_parse(rg_slice_of(rows[i].page), &arena, &json));
        assert_slice(json, rows[i].json);
    }
    rg_arena_done(&arena);
}

static void refuses_a_page_that_tells_nothing_or_half(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "<html></html>",
                                       "data-bootstrap=",
                                       "data-bootstrap=\"",
                                       "data-bootstrap=\"{}",
                                       "data-bootstrap=\"&\"",
                                       "data-bootstrap=\"&nbsp;\"",
                                       "data-bootstrap=\"&#34\"",
                                       "data-bootstrap=\"&am\""};
    struct rg_arena arena;
    rg_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice json = RG_SLICE("untouched");
        assert_fails(RG_PROTOCOL, superset_bootstrap_parse(rg_slice_of(rows[i]), &arena, &json));
        assert_slice(json, "untouched");
    }
    struct rg_slice json = RG_SLICE("untouched");
    rg_arena_done(&arena);
    rg_arena_init(&arena, 4);
    assert_fails(RG_LIMIT, superset_bootstrap_parse(RG_SLICE("data-bootstrap=\"12345678\""), &arena, &json));
    assert_slice(json, "untouched");
    rg_arena_done(&arena);
}

static void reads_versions_and_nothing_else(void **state)
{
    (void)state;
    static const char *const good[] = {"6.1.0", "6.1.0rc1", "6.1.0.dev0+abc", "06.1.0"};
    static const char *const bad[] = {"",     "6",      "6.1",   "6.1.",   ".1.0",
                                      "6..0", "v6.1.0", "6.1.x", "-6.1.0", "999999.1.0"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct superset_version version = {{0}};
        assert_true(superset_version_parse(rg_slice_of(good[i]), &version));
        assert_true(version.parts[0] == 6 && version.parts[1] == 1 && version.parts[2] == 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct superset_version version = {{7, 7, 7}};
        assert_false(superset_version_parse(rg_slice_of(bad[i]), &version));
        assert_int_equal(version.parts[0], 7);
    }
}

static size_t count_holes(const char *text)
{
    struct superset_version version;
    const struct superset_hole *hole = NULL;
    size_t count = 0;
    assert_true(superset_version_parse(rg_slice_of(text), &version));
    for (size_t i = 0; (hole = superset_hole_find(i)) != NULL; i++) {
        count += superset_version_has_hole(&version, hole) ? 1 : 0;
    }
    return count;
}

static const struct superset_hole *named(const char *id)
{
    const struct superset_hole *hole = NULL;
    for (size_t i = 0; (hole = superset_hole_find(i)) != NULL; i++) {
        if (strcmp(hole->id, id) == 0) {
            return hole;
        }
    }
    fail_msg("no %s", id);
    return NULL;
}

static void knows_the_holes_of_each_version(void **state)
{
    (void)state;
    static const char *const older_first[] = {"2.0.0", "2.0.1", "2.1.0", "2.1.2", "3.1.0",
                                              "4.0.1", "4.1.1", "5.0.0", "6.0.0"};
    assert_int_equal(count_holes("6.0.0"), 0);
    assert_int_equal(count_holes("7.0.0"), 0);
    for (size_t i = 1; i < sizeof older_first / sizeof older_first[0]; i++) {
        assert_true(count_holes(older_first[i - 1]) > count_holes(older_first[i]));
    }
}

static void judges_a_hole_by_the_fix_of_the_versions_own_line(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        bool has;
    } rows[] = {{"2.1.3", true}, {"3.0.3", true},  {"3.0.4", false}, {"3.0.9", false},
                {"3.1.0", true}, {"3.1.1", false}, {"4.0.0", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct superset_version version;
        assert_true(superset_version_parse(rg_slice_of(rows[i].version), &version));
        assert_int_equal(superset_version_has_hole(&version, named("CVE-2024-24772")), rows[i].has);
    }
}

/* What Superset 6.1.0 with SECRET_KEY = "TEST_NON_DEV_SECRET" gave to a stranger. */
#define REAL_COOKIE                                                                                                    \
    "eyJjc3JmX3Rva2VuIjoiYmExZWVmZDZkODE1ODllMDdlZjljZjRhOWJmMDJhNTM2NDVkYzAyMCIsImxvY2FsZSI6ImVuIn0.awQCGg."          \
    "qMVlRkUYGC80mHd39c-yded-ISI"

static void knows_who_signed_a_real_cookie(void **state)
{
    (void)state;
    const struct superset_secret *secret = NULL;
    assert_ok(superset_cookie_judge(RG_SLICE(REAL_COOKIE), &secret));
    assert_non_null(secret);
    assert_string_equal(secret->text, "TEST_NON_DEV_SECRET");
}

static void knows_nobody_when_one_character_is_another(void **state)
{
    (void)state;
    char cookie[] = REAL_COOKIE;
    for (size_t i = 0; i < sizeof cookie - 1; i++) {
        const struct superset_secret *secret = NULL;
        char kept = cookie[i];
        cookie[i] = 'x';
        if (kept != 'x' && kept != '.') {
            assert_ok(superset_cookie_judge(rg_slice_of(cookie), &secret));
            assert_null(secret);
        }
        cookie[i] = kept;
    }
}

static void takes_no_other_cookie_for_one_of_flask(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       ".",
                                       "..",
                                       "a.b",
                                       "a.b.c",
                                       "qMVlRkUYGC80mHd39c-yded-ISI",
                                       ".qMVlRkUYGC80mHd39c-yded-ISI",
                                       "a.qMVlRkUYGC80mHd39c-yded-ISI",
                                       "a.b.qMVlRkUYGC80mHd39c-yded-ISIx"};
    static const struct superset_secret untouched = {"", ""};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct superset_secret *secret = &untouched;
        assert_fails(RG_PROTOCOL, superset_cookie_judge(rg_slice_of(rows[i]), &secret));
        assert_ptr_equal(secret, &untouched);
    }
}

static void forges_the_token_of_rfc_7519s_form(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct rg_slice token = {0};
    rg_arena_init(&arena, 1 << 12);
    /* made with PyJWT 2.10: jwt.encode({"a": 1}, "secret") */
    assert_ok(superset_forge(RG_SLICE("secret"), RG_SLICE("{\"a\":1}"), &arena, &token));
    assert_slice(token, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhIjoxfQ.57TF7smP9XDhIexBqPC-F1toZReYZLWb_YRU5tv0sxM");
    rg_arena_done(&arena);
    rg_arena_init(&arena, 16);
    token = RG_SLICE("untouched");
    assert_fails(RG_LIMIT, superset_forge(RG_SLICE("secret"), RG_SLICE("{}"), &arena, &token));
    assert_slice(token, "untouched");
    rg_arena_done(&arena);
}

static void finds_where_a_database_goes(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host;
        uint16_t port;
    } rows[] = {
        {"postgresql+psycopg2://u:XXXXXXXXXX@db.internal:6432/bi?sslmode=require", "db.internal", 6432},
        {"postgresql://db/bi", "db", 0},
        {"postgresql://u@db", "db", 0},
        {"postgresql://u:a@b@db/bi", "db", 0}, /* the last one counts, as SQLAlchemy has it */
        {"postgresql://u:p@[::1]:5432/bi", "::1", 5432},
        {"postgresql://[fe80::1]/bi", "fe80::1", 0},
        {"postgresql://db?x=://other", "db", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice host = {0};
        uint16_t port = 7;
        assert_ok(superset_uri_parse(rg_slice_of(rows[i].url), &host, &port));
        assert_slice(host, rows[i].host);
        assert_int_equal(port, rows[i].port);
    }
}

static void refuses_addresses_without_host(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",          "sqlite:////tmp/x.db", "sqlite://",     "nonsense",      "x://u:p@/db", "x://:5432/",
        "x://db:/y", "x://db:0/",           "x://db:65536/", "x://db:5432x/", "x://[::1",    "x://[]:1/"};
    static const char *const gates[] = {"", ":6432", "db:", "db:x", "db:99999", "a/b", "[::1", "[::1]6432"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct rg_slice host = RG_SLICE("untouched");
        uint16_t port = 7;
        assert_fails(RG_PROTOCOL, superset_uri_parse(rg_slice_of(urls[i]), &host, &port));
        assert_true(rg_slice_is_equal(host, RG_SLICE("untouched")) && port == 7);
    }
    for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++) {
        struct rg_slice host = RG_SLICE("untouched");
        uint16_t port = 7;
        assert_fails(RG_CONFIG, superset_gate_parse(rg_slice_of(gates[i]), &host, &port));
        assert_true(rg_slice_is_equal(host, RG_SLICE("untouched")) && port == 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_page_tells_its_scripts),
        cmocka_unit_test(refuses_a_page_that_tells_nothing_or_half),
        cmocka_unit_test(reads_versions_and_nothing_else),
        cmocka_unit_test(knows_the_holes_of_each_version),
        cmocka_unit_test(judges_a_hole_by_the_fix_of_the_versions_own_line),
        cmocka_unit_test(knows_who_signed_a_real_cookie),
        cmocka_unit_test(knows_nobody_when_one_character_is_another),
        cmocka_unit_test(takes_no_other_cookie_for_one_of_flask),
        cmocka_unit_test(forges_the_token_of_rfc_7519s_form),
        cmocka_unit_test(finds_where_a_database_goes),
        cmocka_unit_test(refuses_addresses_without_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
