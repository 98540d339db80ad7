/* SPDX-License-Identifier: Apache-2.0 */
/* The stop-watch of scripts/bench rewrite: how long one statement takes in this process, without a wire.
 *
 *   rewrite_timing WORLD TEXT...     a head in the language of tests/support/vector_file.h, files with one statement
 * each
 *
 * Standard input: lines "MODE TEXT MICROSECONDS", answered by "MICROSECONDS VERDICT BYTES": the mean CPU time of this
 * thread for one call, over as many calls as fill the given time (0 = one call), what the rewriter said and how long
 * its text is. MODE: raw (libpg_query's raw parse), protobuf (its public parse), cold (rewrite and check), cached (from
 * a warm cache). "memory N 0" rewrites N distinct statements through a bounded cache and answers with the resident KiB
 * after a tenth of them and after all. */
#include <pg_query.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "policy/cache.h"
#include "tests/support/vector_world.h"

enum { TEXTS_MAX = 64, CACHE_BYTES = 8 << 20, ARENA_BYTES = 512 << 20 };

/* Exported by libpg_query, declared only in its internal header. */
struct raw_parse {
    void *tree;
    char *stderr_buffer;
    PgQueryError *error;
};
struct raw_parse pg_query_raw_parse(const char *input);
void *pg_query_enter_memory_context(void);
void pg_query_exit_memory_context(void *context);
void pg_query_free_error(PgQueryError *error);

struct timing {
    struct rg_arena arena;
    struct rg_arena scratch;
    struct vector_world world;
    size_t text_count;
    struct rg_slice texts[TEXTS_MAX];
    struct policy_cache *cache;
    const char *verdict;
    size_t bytes; /* of the rewritten text */
};

static void call_raw(struct timing *timing, struct rg_slice text)
{
    void *context = pg_query_enter_memory_context();
    struct raw_parse raw = pg_query_raw_parse(text.data);
    timing->verdict = raw.error == NULL ? "parsed" : "failed";
    free(raw.stderr_buffer);
    if (raw.error != NULL) {
        pg_query_free_error(raw.error);
    }
    pg_query_exit_memory_context(context);
}

static void call_protobuf(struct timing *timing, struct rg_slice text)
{
    PgQueryProtobufParseResult result = pg_query_parse_protobuf(text.data);
    timing->verdict = result.error == NULL ? "parsed" : "failed";
    pg_query_free_protobuf_parse_result(result);
}

static void note(struct timing *timing, rg_status status, const struct policy_plan *plan)
{
    bool is_allowed = rg_is_ok(status) && !plan->is_denied;
    timing->verdict = is_allowed ? "allowed" : rg_is_ok(status) ? plan->statements[0].rule.data : "failed";
    timing->bytes = is_allowed && plan->count > 0 ? plan->statements[0].text.size : 0;
}

static void call_cold(struct timing *timing, struct rg_slice text)
{
    struct policy_plan plan = {0};
    rg_arena_reset(&timing->scratch);
    rg_status status =
        policy_plan_text(timing->world.binding, &timing->world.session, POLICY_SIMPLE, text, &timing->scratch, &plan);
    note(timing, status, &plan);
}

static void call_cached(struct timing *timing, struct rg_slice text)
{
    struct policy_cached *cached = NULL;
    rg_status status =
        policy_cache_plan(timing->cache, timing->world.binding, &timing->world.session, POLICY_SIMPLE, text, &cached);
    if (rg_is_ok(status)) {
        note(timing, status, &cached->plan);
        policy_cached_free(&cached);
    } else {
        timing->verdict = "failed";
    }
}

static const struct mode {
    const char *name;
    void (*call)(struct timing *timing, struct rg_slice text);
} modes[] = {{"raw", call_raw}, {"protobuf", call_protobuf}, {"cold", call_cold}, {"cached", call_cached}};

static double now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double measure(struct timing *timing, const struct mode *mode, struct rg_slice text, double budget_us)
{
    size_t count = 0;
    double began = now_us();
    double spent = 0;
    do {
        /* the clock itself costs a third of a microsecond */
        for (size_t i = 0; i < (budget_us > 0 ? 16 : 1); i++) {
            mode->call(timing, text);
            count++;
        }
        spent = now_us() - began;
    } while (spent < budget_us);
    return spent / (double)count;
}

static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long size = 0;
    long resident = 0;
    if (file == NULL || fscanf(file, "%ld %ld", &size, &resident) != 2) {
        resident = -1;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return resident < 0 ? -1 : resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The first text, each time with another constant. */
static void measure_memory(struct timing *timing, size_t count)
{
    long early = 0;
    size_t tenth = count / 10;
    for (size_t i = 0; i < count; i++) {
        struct rg_slice text = {0};
        rg_arena_reset(&timing->scratch);
        rg_status status = rg_arena_printf(&timing->scratch, &text, "%.*s OFFSET %zu", (int)timing->texts[0].size,
                                           timing->texts[0].data, i);
        if (!rg_is_ok(status)) {
            break;
        }
        call_cached(timing, text);
        early = i + 1 == tenth ? resident_kib() : early;
    }
    (void)printf("%ld %s %ld\n", early, timing->verdict, resident_kib());
}

static void command(struct timing *timing, const char *mode_name, size_t number, double budget_us)
{
    if (rg_slice_is_equal(rg_slice_of(mode_name), RG_SLICE("memory"))) {
        measure_memory(timing, number);
        return;
    }
    for (size_t i = 0; i < sizeof modes / sizeof *modes && number < timing->text_count; i++) {
        if (rg_slice_is_equal(rg_slice_of(mode_name), rg_slice_of(modes[i].name))) {
            timing->bytes = 0;
            double mean_us = measure(timing, &modes[i], timing->texts[number], budget_us);
            (void)printf("%.3f %s %zu\n", mean_us, timing->verdict, timing->bytes);
            return;
        }
    }
    (void)printf("0 unknown 0\n");
}

static rg_status read_text(struct timing *timing, const char *path)
{
    if (timing->text_count == TEXTS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d texts", TEXTS_MAX);
    }
    struct rg_slice text = {0};
    RG_TRY(vector_read(path, &timing->arena, &text));
    /* a copy ends with NUL, which libpg_query wants */
    RG_TRY(rg_arena_copy(&timing->arena, text, &timing->texts[timing->text_count]));
    timing->text_count++;
    return RG_OK;
}

static rg_status load(struct timing *timing, int argc, char **argv)
{
    struct rg_slice head = {0};
    struct rg_slice folder = {0};
    const char *slash = argc < 2 ? NULL : strrchr(argv[1], '/');
    if (argc < 3) {
        return rg_fail(RG_CONFIG, "usage: rewrite_timing WORLD TEXT...");
    }
    timing->world.arena = &timing->arena;
    RG_TRY(vector_read(argv[1], &timing->arena, &head));
    RG_TRY(rg_arena_copy(&timing->arena,
                         slash == NULL ? RG_SLICE(".") : rg_slice_make(argv[1], (size_t)(slash - argv[1])), &folder));
    RG_TRY(vector_world_init(&timing->world, folder.data, head));
    for (int i = 2; i < argc; i++) {
        RG_TRY(read_text(timing, argv[i]));
    }
    return policy_cache_new(CACHE_BYTES, &timing->cache);
}

int main(int argc, char **argv)
{
    static struct timing timing;
    char mode_name[16] = "";
    size_t number = 0;
    double budget_us = 0;
    rg_arena_init(&timing.arena, ARENA_BYTES);
    rg_arena_init(&timing.scratch, ARENA_BYTES);
    rg_status status = load(&timing, argc, argv);
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rewrite_timing: %s\n", status.error->text);
        return 2;
    }
    while (scanf("%15s %zu %lf", mode_name, &number, &budget_us) == 3) {
        command(&timing, mode_name, number, budget_us);
        (void)fflush(stdout);
    }
    policy_cache_free(&timing.cache);
    vector_world_done(&timing.world);
    rg_arena_done(&timing.scratch);
    rg_arena_done(&timing.arena);
    return 0;
}
