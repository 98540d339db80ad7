/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are large or deep in an unkind way, on a stack as large as a worker's: each is answered or refused by
 * name, and what the process needs for it stays in proportion to its size. No test of time: scripts/bench rewrite
 * prints that. */
#include "base/rg_buf.h"
#include "policy/cache.h"
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WORKER_STACK_BYTES = 16 << 20, /* proxy/gateway.c, STACK_BYTES */
    CACHE_BYTES = 8 << 20,
    TEXT_MAX_BYTES = 12 << 20,
    FREE_KIB = 16 << 10, /* whatever the text's size */
    KIB_FOR_EACH_KIB = 170,
#ifdef __SANITIZE_THREAD__
    SHADOW = 8, /* its notes about each byte count as memory */
#else
    SHADOW = 1,
#endif
};

/* The sanitizer keeps what was freed, to notice its use; that would be taken for our memory. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

enum outcome { REFUSED = 0, ALLOWED };

struct shape {
    const char *name;
    const char *start, *open; /* open is repeated */
    const char *middle;
    const char *close, *end; /* close is repeated as often */
    size_t count;
    enum outcome outcome;
    const char *rule; /* when refused */
};

static const struct shape shapes[] = {
    {"900 parentheses", "SELECT ", "(", "1", ")", "", 900, ALLOWED, NULL},
    {"10,000 parentheses", "SELECT ", "(", "1", ")", "", 10000, REFUSED, ""},
    {"100,000 parentheses", "SELECT ", "(", "1", ")", "", 100000, REFUSED, ""},
    {"100,000 parentheses that never close", "SELECT ", "(", "1", "", "", 100000, REFUSED, ""},
    {"100,000 parentheses that only close", "SELECT 1", "", "", ")", "", 100000, REFUSED, ""},
    {"100,000 brackets", "SELECT ARRAY", "[", "1", "]", "", 100000, REFUSED, ""},
    {"900 terms", "SELECT 1", " + 1", "", "", "", 900, ALLOWED, NULL},
    {"10,000 terms", "SELECT 1", " + 1", "", "", "", 10000, REFUSED, "sql.depth"},
    {"10,000 terms of columns", "SELECT x", " + x", "", "", " FROM shared.orders", 10000, REFUSED, "sql.depth"},
    {"100,000 terms", "SELECT 1", " + 1", "", "", "", 100000, REFUSED, ""},
    {"5,000 NOT", "SELECT ", "NOT ", "true", "", "", 5000, REFUSED, "sql.depth"},
    {"5,000 minus", "SELECT ", "- ", "x", "", " FROM shared.orders", 5000, REFUSED, "sql.depth"},
    {"5,000 casts", "SELECT 1", "::int", "", "", "", 5000, REFUSED, "sql.depth"},
    {"5,000 calls", "SELECT ", "abs(", "1", ")", "", 5000, REFUSED, ""},
    {"3,000 CASE", "SELECT ", "CASE WHEN true THEN ", "1", " END", "", 3000, REFUSED, ""},
    {"50,000 WHEN", "SELECT CASE", " WHEN true THEN 1", "", "", " END", 50000, ALLOWED, NULL},
    {"3,000 ARRAY", "SELECT ", "ARRAY[", "1", "]", "", 3000, REFUSED, ""},
    {"3,000 ROW", "SELECT ", "ROW(", "1", ")", "", 3000, REFUSED, ""},
    {"3,000 sub-selects", "SELECT * FROM ", "(SELECT * FROM ", "shared.orders", ") x", "", 3000, REFUSED, ""},
    {"3,000 scalar sub-selects", "SELECT ", "(SELECT ", "1", ")", "", 3000, REFUSED, ""},
    {"3,000 EXISTS", "SELECT ", "EXISTS (SELECT FROM shared.orders WHERE ", "true", ")", "", 3000, REFUSED, ""},
    {"3,000 WITH", "", "WITH x AS (", "SELECT 1", ") SELECT * FROM x", "", 3000, REFUSED, ""},
    {"5,000 UNION ALL", "SELECT 1", " UNION ALL SELECT 1", "", "", "", 5000, REFUSED, "sql.depth"},
    {"800 UNION ALL of a relation", "SELECT x FROM shared.orders", " UNION ALL SELECT x FROM shared.orders", "", "", "",
     800, ALLOWED, NULL},
    {"5,000 joins", "SELECT 1 FROM a", " CROSS JOIN sales.b", "", "", "", 5000, REFUSED, ""},
    {"3,000 joins in parentheses", "SELECT 1 FROM ", "(", "a", " CROSS JOIN sales.b)", "", 3000, REFUSED, ""},
    {"10,000 relations", "SELECT 1 FROM sales.a", ", shared.orders", "", "", "", 10000, REFUSED, ""},
    {"20,000 AND", "SELECT 1 FROM shared.orders WHERE x = 1", " AND x = 1", "", "", "", 20000, ALLOWED, NULL},
    {"20,000 OR", "SELECT 1 FROM shared.orders WHERE x = 1", " OR x = 1", "", "", "", 20000, ALLOWED, NULL},
    {"5,000 AND and OR", "SELECT 1 WHERE true", " AND (false OR true", "", ")", "", 5000, REFUSED, ""},
    {"100,000 commas", "SELECT 1", ", 1", "", "", "", 100000, ALLOWED, NULL},
    {"100,000 commas and nothing", "SELECT 1", ",", "", "", "", 100000, REFUSED, "sql.syntax"},
    {"1 MB IN list", "SELECT 1 FROM shared.orders WHERE id IN (1", ", 12345678", "", "", ")", 100000, ALLOWED, NULL},
    {"1 MB IN list of texts", "SELECT 1 FROM shared.orders WHERE id IN ('1'", ", 'it''s'", "", "", ")", 100000, ALLOWED,
     NULL},
    {"50,000 VALUES", "VALUES (1)", ", (1)", "", "", "", 50000, ALLOWED, NULL},
    {"3,900 KB of one text", "SELECT '", "text text ", "", "", "'", 390000, ALLOWED, NULL},
    {"3,900 KB of one comment", "SELECT 1 /*", "text text ", "", "", "*/", 390000, ALLOWED, NULL},
    {"comments in comments", "SELECT 1 ", "/*", "", "*/", "", 500000, REFUSED, "sql.complexity"},
    {"1 MB of one name", "SELECT 1 AS \"", "name name ", "", "", "\"", 100000, ALLOWED, NULL},
    {"1 MB of one number", "SELECT 1", "2345678901", "", "", "", 100000, ALLOWED, NULL},
    {"5,000 dots", "SELECT a", ".a", "", "", " FROM a", 5000, REFUSED, ""},
    {"5,000 subscripts", "SELECT a.x", "[1]", "", "", " FROM a", 5000, ALLOWED, NULL},
    {"5,000 COLLATE", "SELECT 'x'", " COLLATE \"C\"", "", "", "", 5000, REFUSED, "sql.depth"},
    {"5,000 IS NULL", "SELECT ", "(", "1", " IS NULL)", "", 5000, REFUSED, ""},
    {"20,000 statements", "SELECT 1", "; SELECT 1", "", "", "", 20000, REFUSED, ""},
    {"1,000,000 semicolons", "", ";", "", "", "", 1000000, REFUSED, "sql.complexity"},
    {"3,000 CUBE columns", "SELECT 1 FROM sales.a GROUP BY CUBE (x", ", x", "", "", ")", 3000, ALLOWED, NULL},
    {"3,000 windows", "SELECT count(*) OVER w", ", count(*) OVER w", "", "", " FROM sales.a WINDOW w AS ()", 3000,
     ALLOWED, NULL},
    {"10 MB", "SELECT 1", ", 12345678", "", "", "", 1000000, REFUSED, "sql.size"},
    {"10 MB of spaces", "SELECT 1", "          ", "", "", "", 1000000, REFUSED, "sql.size"},
    {"an endless quote", "SELECT '", "aaaaaaaaaa", "", "", "", 300000, REFUSED, "sql.syntax"},
    {"an endless comment", "SELECT /*", "aaaaaaaaaa", "", "", "", 300000, REFUSED, "sql.syntax"},
    {"100,000 dollars", "SELECT ", "$1, ", "1", "", "", 100000, ALLOWED, NULL},
    {"400,000 unlike tags", "SELECT ", "$a$ ", "", "$b$ ", "", 400000, REFUSED, "sql.syntax"},
};

static void append(struct rg_buf *text, const char *part, size_t count)
{
    for (size_t i = 0; i < count && part[0] != '\0'; i++) {
        assert_ok(rg_buf_put(text, rg_slice_of(part)));
    }
}

static void write_shape(const struct shape *shape, struct rg_buf *text)
{
    append(text, shape->start, 1);
    append(text, shape->open, shape->count);
    append(text, shape->middle, 1);
    append(text, shape->close, shape->count);
    append(text, shape->end, 1);
}

/* The highest resident size since the last reset (proc(5): VmHWM, clear_refs). */
static void peak_reset(void)
{
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(write(file, "5", 1), 1);
    (void)close(file);
}

static long status_kib(const char *field)
{
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0) {
            value = strtol(line + strlen(field) + 1, NULL, 10);
        }
    }
    (void)fclose(file);
    assert_true(value > 0);
    return value;
}

struct job {
    struct policy_world *world;
    enum policy_protocol protocol;
    struct rg_slice text;
    struct policy_cache *cache;
    rg_status status;
    bool is_denied;
    char rule[64];
};

static void *work(void *context)
{
    struct job *job = context;
    struct policy_cached *cached = NULL;
    job->status =
        policy_cache_plan(job->cache, job->world->binding, &job->world->session, job->protocol, job->text, &cached);
    if (rg_is_ok(job->status)) {
        job->is_denied = cached->plan.is_denied;
        for (size_t i = 0; i < cached->plan.count; i++) {
            const struct policy_statement *statement = &cached->plan.statements[i];
            if (statement->verdict == POLICY_DENY) {
                (void)snprintf(job->rule, sizeof job->rule, "%.*s", rg_slice_shown(statement->rule),
                               statement->rule.data);
                break;
            }
        }
        policy_cached_free(&cached);
    }
    return NULL;
}

static void run(struct job *job)
{
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, work, job), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attributes);
}

static bool has_outcome(const struct shape *shape, const struct job *job)
{
    if (!rg_is_ok(job->status) || job->is_denied != (shape->outcome == REFUSED)) {
        return false;
    }
    return shape->outcome == ALLOWED || shape->rule[0] == '\0' || strcmp(job->rule, shape->rule) == 0;
}

/* One line for each shape under ROWGATE_LIMITS_SHOW, and for each that fails. */
static bool try_shape(struct policy_world *world, const struct shape *shape, enum policy_protocol protocol)
{
    struct rg_buf text;
    struct job job = {.world = world, .protocol = protocol};
    rg_buf_init(&text, TEXT_MAX_BYTES);
    write_shape(shape, &text);
    job.text = rg_buf_slice(&text);
    assert_ok(policy_cache_new(CACHE_BYTES, &job.cache));
    (void)malloc_trim(0);
    peak_reset();
    long before = status_kib("VmRSS");
    run(&job);
    long needed = status_kib("VmHWM") - before;
    policy_cache_free(&job.cache);
    long allowed = SHADOW * (FREE_KIB + KIB_FOR_EACH_KIB * (long)(job.text.size >> 10));
    bool is_good = has_outcome(shape, &job) && needed <= allowed;
    if (!is_good || getenv("ROWGATE_LIMITS_SHOW") != NULL) {
        const char *answer = !rg_is_ok(job.status) ? job.status.error->text : job.is_denied ? job.rule : "allowed";
        print_message("%s %-40s %9zu bytes %9ld KiB %6.1f for each, %s\n", is_good ? "    " : "FAIL", shape->name,
                      job.text.size, needed, (double)needed / (1.0 + (double)(job.text.size >> 10)), answer);
    }
    rg_buf_done(&text);
    return is_good;
}

static void large_and_deep_texts_are_answered_or_refused_in_bounded_memory(void **state)
{
    struct policy_world world;
    (void)state;
    assert_ok(policy_world_init(&world));
    size_t failed = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        failed += try_shape(&world, &shapes[i], POLICY_SIMPLE) ? 0 : 1;
    }
    policy_world_done(&world);
    assert_int_equal(failed, 0);
}

static void afterwards_an_ordinary_statement_is_answered_as_before(void **state)
{
    struct policy_world world;
    struct policy_plan plan = {0};
    (void)state;
    assert_ok(policy_world_init(&world));
    assert_true(try_shape(&world, &shapes[2], POLICY_EXTENDED));
    assert_ok(policy_world_plan(&world, RG_SLICE("SELECT 1 FROM sales.a"), &plan));
    assert_false(plan.is_denied);
    assert_slice(plan.statements[0].text, "SELECT 1 FROM t_acme.a");
    policy_world_done(&world);
}

static void a_statement_too_large_leaves_nothing_in_the_cache(void **state)
{
    struct policy_world world;
    struct job job = {.world = &world};
    struct rg_buf text;
    (void)state;
    assert_ok(policy_world_init(&world));
    assert_ok(policy_cache_new(CACHE_BYTES, &job.cache));
    rg_buf_init(&text, TEXT_MAX_BYTES);
    append(&text, "SELECT '", 1);
    append(&text, "0123456789", 390000);
    append(&text, "'", 1);
    job.text = rg_buf_slice(&text);
    for (int i = 0; i < 4; i++) {
        run(&job);
        assert_ok(job.status);
        assert_false(job.is_denied);
    }
    assert_true(policy_cache_stats(job.cache).bytes <= CACHE_BYTES);
    policy_cache_free(&job.cache);
    rg_buf_done(&text);
    policy_world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_and_deep_texts_are_answered_or_refused_in_bounded_memory),
        cmocka_unit_test(afterwards_an_ordinary_statement_is_answered_as_before),
        cmocka_unit_test(a_statement_too_large_leaves_nothing_in_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
