/* SPDX-License-Identifier: Apache-2.0 */
/* Counting and what becomes of it as text: the table, labels, escaping, histograms, many writers. That Prometheus'
 * own tool takes the text is tested end to end, tests/e2e/test_metrics.py. */
#include "proxy/metrics.h"

#include <pthread.h>
#include <stdio.h>

#include "policy/policy.h"
#include "proxy/http/route.h"
#include "proxy/metrics_private.h"
#include "tests/support/rg_test.h"

static const struct metrics_series none = {{0}};

/* The text, which the caller keeps in buf. */
static const char *write_text(struct metrics *metrics, struct rg_buf *buf)
{
    rg_buf_init(buf, METRICS_TEXT_MAX);
    assert_ok(metrics_write(metrics, buf));
    assert_ok(rg_buf_put_u8(buf, 0));
    return rg_buf_slice(buf).data;
}

static bool has_line(struct metrics *metrics, const char *line)
{
    struct rg_buf buf;
    char wanted[512];
    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    bool is_there = strstr(write_text(metrics, &buf), wanted) != NULL;
    rg_buf_done(&buf);
    return is_there;
}

static size_t count_lines(struct metrics *metrics, const char *beginning)
{
    struct rg_buf buf;
    size_t count = 0;
    size_t size = strlen(beginning);
    for (const char *at = write_text(metrics, &buf); at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n' ? 1 : 0;
        count += strncmp(at, beginning, size) == 0 ? 1 : 0;
        if (*at == '\0') {
            break;
        }
    }
    rg_buf_done(&buf);
    return count;
}

/* ---- the table ---- */

static bool is_name(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size > strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

static void every_row_is_whole_and_named_as_prometheus_wants_it(void **state)
{
    (void)state;
    for (unsigned id = 0; id < METRICS_COUNT; id++) {
        const struct metrics_row *row = &metrics_rows[id];
        assert_non_null(row->name);
        assert_true(is_name(row->name));
        assert_true(strncmp(row->name, "rowgate_", 8) == 0 || strncmp(row->name, "process_", 8) == 0);
        assert_int_not_equal(row->type, METRICS_NO_TYPE);
        assert_true(row->scale == 1 || row->scale == 1000000);
        assert_int_equal(ends_with(row->name, "_total"), row->type == METRICS_COUNTER);
        assert_true(row->type != METRICS_HISTOGRAM || ends_with(row->name, "_seconds"));
        assert_int_equal(ends_with(row->name, "_info"), row->type == METRICS_INFO);
        assert_true(strlen(row->help) > 10 && strchr(row->help, '\n') == NULL && strchr(row->help, '\\') == NULL);
        assert_int_equal(row->help[strlen(row->help) - 1], '.');
        for (unsigned other = 0; other < id; other++) {
            assert_string_not_equal(metrics_rows[other].name, row->name);
        }
    }
}

static void no_label_can_say_a_user_a_statement_or_an_address(void **state)
{
    (void)state;
    static const char *const allowed[] = {"plane", "tenant", "class", "result", "decision", "rule",  "upstream",
                                          "idp",   "name",   "state", "status", "version",  "digest"};
    for (unsigned id = 0; id < METRICS_COUNT; id++) {
        for (size_t i = 0; i < METRICS_LABELS_MAX && metrics_rows[id].labels[i] != NULL; i++) {
            bool is_allowed = false;
            for (size_t j = 0; j < sizeof allowed / sizeof allowed[0]; j++) {
                is_allowed = is_allowed || strcmp(allowed[j], metrics_rows[id].labels[i]->name) == 0;
            }
            assert_true(is_allowed);
        }
    }
}

static void the_words_of_labels_are_those_of_the_enumerations(void **state)
{
    (void)state;
    const struct metrics_label *classes = metrics_rows[METRICS_STATEMENTS].labels[0];
    for (unsigned i = POLICY_CLASS_UNKNOWN; i <= POLICY_CLASS_MISC; i++) {
        assert_string_equal(classes->words[i], policy_class_name(i));
    }
    assert_null(classes->words[POLICY_CLASS_MISC + 1]);
    const struct metrics_label *routes = metrics_rows[METRICS_HTTP_REQUESTS].labels[0];
    for (unsigned i = HTTP_ROUTE_PUBLIC; i <= HTTP_ROUTE_ADMIN; i++) {
        assert_string_equal(routes->words[i], http_route_class_name(i));
    }
    assert_null(routes->words[HTTP_ROUTE_ADMIN + 1]);
}

static void the_manual_has_every_row(void **state)
{
    (void)state;
    static char manual[65536];
    static const char *const types[] = {[METRICS_COUNTER] = "counter",
                                        [METRICS_GAUGE] = "gauge",
                                        [METRICS_HISTOGRAM] = "histogram",
                                        [METRICS_INFO] = "gauge"};
    FILE *file = fopen("docs/metrics.md", "rb");
    size_t missing = 0;
    size_t rows = 0;
    assert_non_null(file);
    assert_true(fread(manual, 1, sizeof manual - 1, file) > 1000);
    assert_int_equal(fclose(file), 0);
    for (unsigned id = 0; id < METRICS_COUNT; id++) {
        const struct metrics_row *row = &metrics_rows[id];
        char labels[128] = "";
        char line[512];
        for (size_t i = 0; i < METRICS_LABELS_MAX && row->labels[i] != NULL; i++) {
            size_t size = strlen(labels);
            (void)snprintf(labels + size, sizeof labels - size, "%s`%s`", i == 0 ? "" : ", ", row->labels[i]->name);
        }
        (void)snprintf(line, sizeof line, "| `%s` | %s | %s | %s |", row->name, types[row->type],
                       labels[0] == '\0' ? "none" : labels, row->help);
        if (strstr(manual, line) == NULL) {
            print_error("docs/metrics.md lacks: %s\n", line);
            missing++;
        }
    }
    for (const char *at = manual; (at = strstr(at, "\n| `")) != NULL; at++) {
        rows += strncmp(at, "\n| `rowgate_", 12) == 0 || strncmp(at, "\n| `process_", 12) == 0 ? 1 : 0;
    }
    assert_int_equal(missing, 0);
    assert_int_equal(rows, METRICS_COUNT); /* and no row that is gone */
}

/* ---- counting ---- */

static void counts_and_gauges_of_all_writers_are_added_up(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(3, 0);
    const struct metrics_series sql = METRICS_SERIES(METRICS_SQL);
    for (unsigned i = 0; i < 3; i++) {
        metrics_add(metrics_block(metrics, i), METRICS_CONNECTIONS_TOTAL, sql, i + 1);
        metrics_add(metrics_block(metrics, i), METRICS_CONNECTIONS, sql, 2);
    }
    metrics_drop(metrics_block(metrics, 2), METRICS_CONNECTIONS, sql);
    assert_int_equal(metrics_sum(metrics, METRICS_CONNECTIONS_TOTAL, sql), 6);
    assert_true(has_line(metrics, "rowgate_client_connections_total{plane=\"sql\"} 6"));
    assert_true(has_line(metrics, "rowgate_client_connections{plane=\"sql\"} 5"));
    assert_true(has_line(metrics, "rowgate_client_connections{plane=\"http\"} 0")); /* an alert can see it */
    metrics_free(&metrics);
    assert_null(metrics);
    metrics_free(&metrics);
}

static void without_a_block_nothing_is_counted_and_nothing_breaks(void **state)
{
    (void)state;
    assert_null(metrics_block(NULL, 7));
    metrics_add(NULL, METRICS_ROWS, none, 1);
    metrics_drop(NULL, METRICS_AUDIT_WAITING, none);
    metrics_set(NULL, METRICS_READY, none, 1);
    metrics_observe(NULL, METRICS_REWRITE_SECONDS, none, 1);
    metrics_add_shared(NULL, METRICS_ROWS, none, 1);
    metrics_set_text(NULL, METRICS_POLICY_INFO, RG_SLICE("x"));
    assert_int_equal(metrics_name(NULL, METRICS_RULES, RG_SLICE("x")), METRICS_OTHER);
}

static void a_histogram_has_cumulative_buckets_a_sum_and_a_count(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(2, 0);
    static const int64_t values[] = {-5, 0, 50, 51, 1000000, 30000000, 30000001};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        metrics_observe(metrics_block(metrics, (unsigned)i % 2), METRICS_REWRITE_SECONDS, none, values[i]);
    }
    assert_true(has_line(metrics, "rowgate_rewrite_seconds_bucket{le=\"5e-05\"} 3")); /* the bound belongs to it */
    assert_true(has_line(metrics, "rowgate_rewrite_seconds_bucket{le=\"0.0001\"} 4"));
    assert_true(has_line(metrics, "rowgate_rewrite_seconds_bucket{le=\"0.5\"} 4"));
    assert_true(has_line(metrics, "rowgate_rewrite_seconds_bucket{le=\"1\"} 5"));
    assert_true(has_line(metrics, "rowgate_rewrite_seconds_bucket{le=\"30\"} 6"));
    assert_true(has_line(metrics, "rowgate_rewrite_seconds_bucket{le=\"+Inf\"} 7"));
    assert_true(has_line(metrics, "rowgate_rewrite_seconds_count 7"));
    assert_true(has_line(metrics, "rowgate_rewrite_seconds_sum 61.000102"));
    assert_int_equal(metrics_sum(metrics, METRICS_REWRITE_SECONDS, none), 7);
    for (size_t i = 1; i < METRICS_BUCKETS; i++) {
        assert_true(metrics_bounds_us[i] > metrics_bounds_us[i - 1]);
    }
    metrics_free(&metrics);
}

static void series_of_one_metric_do_not_touch_each_other(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(1, 3);
    struct metrics_block *block = metrics_block(metrics, 0);
    unsigned acme = metrics_name(metrics, METRICS_TENANTS, RG_SLICE("acme"));
    for (unsigned class = POLICY_CLASS_UNKNOWN; class <= POLICY_CLASS_MISC; class ++) {
        metrics_observe(block, METRICS_STATEMENT_SECONDS, METRICS_SERIES(acme, class), 40 * (class + 1));
    }
    for (unsigned class = POLICY_CLASS_UNKNOWN; class <= POLICY_CLASS_MISC; class ++) {
        assert_int_equal(metrics_sum(metrics, METRICS_STATEMENT_SECONDS, METRICS_SERIES(acme, class)), 1);
        assert_int_equal(metrics_sum(metrics, METRICS_STATEMENT_SECONDS, METRICS_SERIES(METRICS_OTHER, class)), 0);
        assert_int_equal(metrics_sum(metrics, METRICS_STATEMENT_OWN_SECONDS, METRICS_SERIES(class)), 0);
    }
    assert_true(has_line(metrics, "rowgate_statement_seconds_sum{tenant=\"acme\",class=\"MISC\"} 0.000280"));
    metrics_free(&metrics);
}

enum { WRITERS = 4, ROUNDS = 20000 };

struct writer {
    struct metrics *metrics;
    unsigned index;
};

static void *write_much(void *argument)
{
    const struct writer *writer = argument;
    struct metrics_block *block = metrics_block(writer->metrics, writer->index + 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "tenant-%u", i % 37);
        unsigned tenant = metrics_block_name(block, METRICS_TENANTS, rg_slice_of(name));
        metrics_add(block, METRICS_DECISIONS, METRICS_SERIES(METRICS_SQL, tenant, METRICS_ALLOWED), 1);
        metrics_observe(block, METRICS_REWRITE_SECONDS, none, 100);
        metrics_add_shared(writer->metrics, METRICS_POLICY_RELOADS, METRICS_SERIES(METRICS_OK), 1);
    }
    return NULL;
}

static void many_writers_and_a_reader_lose_nothing(void **state)
{
    (void)state;
    enum { TENANTS = 20 }; /* fewer than there are: the rest is "other" */
    struct metrics *metrics = metrics_new(WRITERS + 1, TENANTS);
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){metrics, i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_much, &writers[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        struct rg_buf buf;
        (void)write_text(metrics, &buf); /* while they write */
        rg_buf_done(&buf);
        metrics_set_text(metrics, METRICS_POLICY_INFO, RG_SLICE("a digest"));
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    int64_t sum = 0;
    for (unsigned tenant = 0; tenant <= TENANTS; tenant++) {
        sum += metrics_sum(metrics, METRICS_DECISIONS, METRICS_SERIES(METRICS_SQL, tenant, METRICS_ALLOWED));
    }
    assert_int_equal(sum, WRITERS * ROUNDS);
    assert_int_equal(metrics_sum(metrics, METRICS_REWRITE_SECONDS, none), WRITERS * ROUNDS);
    assert_int_equal(metrics_sum(metrics, METRICS_POLICY_RELOADS, METRICS_SERIES(METRICS_OK)), WRITERS * ROUNDS);
    assert_int_equal(count_lines(metrics, "rowgate_decisions_total{plane=\"sql\",tenant="), TENANTS + 1);
    metrics_free(&metrics);
}

/* ---- names ---- */

static void a_thousand_names_make_as_many_series_as_the_limit_and_other(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(1, 2);
    struct metrics_block *block = metrics_block(metrics, 0);
    for (unsigned i = 0; i < 1000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "tenant-%u", i);
        unsigned tenant = metrics_name(metrics, METRICS_TENANTS, rg_slice_of(name));
        assert_int_equal(tenant, i < 2 ? i + 1 : METRICS_OTHER);
        metrics_add(block, METRICS_SESSIONS, METRICS_SERIES(METRICS_SQL, tenant), 1);
    }
    assert_int_equal(metrics_name(metrics, METRICS_TENANTS, RG_SLICE("tenant-1")), 2);
    assert_int_equal(count_lines(metrics, "rowgate_sessions{"), 3);
    assert_true(has_line(metrics, "rowgate_sessions{plane=\"sql\",tenant=\"other\"} 998"));
    assert_true(has_line(metrics, "rowgate_sessions{plane=\"sql\",tenant=\"tenant-0\"} 1"));
    metrics_free(&metrics);
}

static void without_a_limit_no_label_says_a_tenant(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(1, 0);
    unsigned acme = metrics_name(metrics, METRICS_TENANTS, RG_SLICE("acme"));
    assert_int_equal(acme, METRICS_OTHER);
    metrics_add(metrics_block(metrics, 0), METRICS_SESSIONS, METRICS_SERIES(METRICS_SQL, acme), 3);
    assert_true(has_line(metrics, "rowgate_sessions{plane=\"sql\"} 3"));
    struct rg_buf buf;
    assert_null(strstr(write_text(metrics, &buf), "tenant=\""));
    rg_buf_done(&buf);
    metrics_free(&metrics);
}

static void a_name_that_is_empty_or_too_long_is_other(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(1, 9);
    char name[METRICS_NAME_MAX + 2];
    memset(name, 'x', sizeof name);
    assert_int_equal(metrics_name(metrics, METRICS_TENANTS, rg_slice_make(name, METRICS_NAME_MAX + 1)), METRICS_OTHER);
    assert_int_equal(metrics_name(metrics, METRICS_TENANTS, rg_slice_make(name, METRICS_NAME_MAX)), 1);
    assert_int_equal(metrics_name(metrics, METRICS_TENANTS, (struct rg_slice){0}), METRICS_OTHER);
    metrics_free(&metrics);
}

static void a_name_cannot_leave_its_label(void **state)
{
    (void)state;
    const struct {
        struct rg_slice name;
        const char *shown;
    } rows[] = {
        {RG_SLICE("plain"), "plain"},
        {RG_SLICE("a\"} 1\nrowgate_ready 0\n#"), "a\\\"} 1\\nrowgate_ready 0\\n#"},
        {RG_SLICE("back\\slash\\"), "back\\\\slash\\\\"},
        {RG_SLICE("\xc3\xa4\xe2\x82\xac"), "\xc3\xa4\xe2\x82\xac"},
        {RG_SLICE("bad\xff\xc3"), "bad??"},
        {RG_SLICE("a\0b\r\t\x7f"), "a?b???"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct metrics *metrics = metrics_new(1, 9);
        char line[256];
        unsigned tenant = metrics_name(metrics, METRICS_TENANTS, rows[i].name);
        metrics_add(metrics_block(metrics, 0), METRICS_SESSIONS, METRICS_SERIES(METRICS_SQL, tenant), 7);
        (void)snprintf(line, sizeof line, "rowgate_sessions{plane=\"sql\",tenant=\"%s\"} 7", rows[i].shown);
        assert_true(has_line(metrics, line));
        assert_int_equal(count_lines(metrics, "rowgate_ready "), 1);
        metrics_free(&metrics);
    }
}

static void an_info_has_its_text_and_is_left_out_without_one(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(1, 0);
    char text[METRICS_INFO_MAX + 10];
    assert_int_equal(count_lines(metrics, "rowgate_policy_info{"), 0);
    metrics_set_text(metrics, METRICS_POLICY_INFO, RG_SLICE("ab\"c"));
    metrics_set_text(metrics, METRICS_POLICY_INFO, RG_SLICE("a\"b"));
    assert_true(has_line(metrics, "rowgate_policy_info{digest=\"a\\\"b\"} 1"));
    assert_int_equal(count_lines(metrics, "rowgate_policy_info{"), 1);
    memset(text, 'y', sizeof text);
    metrics_set_text(metrics, METRICS_POLICY_INFO, rg_slice_make(text, sizeof text));
    assert_int_equal(count_lines(metrics, "rowgate_policy_info{digest=\"yyy"), 1);
    metrics_free(&metrics);
}

static void a_moment_that_is_taken_back_is_not_shown(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(1, 0);
    unsigned at = metrics_name(metrics, METRICS_CERTIFICATES, RG_SLICE("public"));
    metrics_set_shared(metrics, METRICS_CERTIFICATE_EXPIRY, METRICS_SERIES(at), 1500000);
    assert_true(has_line(metrics, "rowgate_tls_certificate_expiry_seconds{name=\"public\"} 1.500000"));
    metrics_set_shared(metrics, METRICS_CERTIFICATE_EXPIRY, METRICS_SERIES(at), 0);
    assert_int_equal(count_lines(metrics, "rowgate_tls_certificate_expiry_seconds{"), 0);
    metrics_free(&metrics);
}

static void a_text_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(1, 0);
    struct rg_buf all;
    size_t size = strlen(write_text(metrics, &all));
    for (size_t limit = 0; limit < size; limit += 997) {
        struct rg_buf some;
        rg_buf_init(&some, limit);
        assert_fails(RG_LIMIT, metrics_write(metrics, &some));
        rg_buf_done(&some);
    }
    rg_buf_done(&all);
    metrics_free(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole_and_named_as_prometheus_wants_it),
        cmocka_unit_test(no_label_can_say_a_user_a_statement_or_an_address),
        cmocka_unit_test(the_words_of_labels_are_those_of_the_enumerations),
        cmocka_unit_test(the_manual_has_every_row),
        cmocka_unit_test(counts_and_gauges_of_all_writers_are_added_up),
        cmocka_unit_test(without_a_block_nothing_is_counted_and_nothing_breaks),
        cmocka_unit_test(a_histogram_has_cumulative_buckets_a_sum_and_a_count),
        cmocka_unit_test(series_of_one_metric_do_not_touch_each_other),
        cmocka_unit_test(many_writers_and_a_reader_lose_nothing),
        cmocka_unit_test(a_thousand_names_make_as_many_series_as_the_limit_and_other),
        cmocka_unit_test(without_a_limit_no_label_says_a_tenant),
        cmocka_unit_test(a_name_that_is_empty_or_too_long_is_other),
        cmocka_unit_test(a_name_cannot_leave_its_label),
        cmocka_unit_test(an_info_has_its_text_and_is_left_out_without_one),
        cmocka_unit_test(a_moment_that_is_taken_back_is_not_shown),
        cmocka_unit_test(a_text_that_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
