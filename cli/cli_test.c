/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate test: runs [[tests]] of a configuration, no database and no token. */
#include <getopt.h>

#include "cli/cli.h"
#include "cli/style.h"
#include "cli/text.h"
#include "proxy/trial.h"

enum { FINDINGS_ARENA_BYTES = 4 << 20, TEST_ARENA_BYTES = 64 << 20 };

struct options {
    const char *path;
    const char *relations;
    bool is_json;
    int name_count;
    char **names;
};

struct tally {
    size_t passed, failed;
};

static int print_help(FILE *out, int status)
{
    (void)fputs("usage: rowgate test -c FILE [--relations FILE] [--json] [NAME...]\n\n"
                "Runs the [[tests]] of FILE, or those of these names: what each would send, or why it is refused.\n\n"
                "  -c, --config FILE     the configuration\n"
                "      --relations FILE  what `rowgate db relations` printed: columns and types\n"
                "      --json            one JSON object per test, then one with the counts\n"
                "  -h, --help            this text\n\n"
                "Exit status: 0 all passed, 1 a test failed, 2 trouble (usage, a file that cannot be loaded).\n",
                out);
    return status;
}

static bool parse_options(int argc, char **argv, struct options *options, int *out_status)
{
    static const struct option rows[] = {{"config", required_argument, NULL, 'c'},
                                         {"relations", required_argument, NULL, 'r'},
                                         {"json", no_argument, NULL, 'j'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    bool is_good = true;
    for (int letter = 0; is_good && (letter = getopt_long(argc, argv, "c:h", rows, NULL)) != -1;) {
        if (letter == 'h') {
            *out_status = print_help(stdout, CLI_FINE);
            return false;
        }
        options->path = letter == 'c' ? optarg : options->path;
        options->relations = letter == 'r' ? optarg : options->relations;
        options->is_json = options->is_json || letter == 'j';
        is_good = letter != '?';
    }
    options->names = argv + optind;
    options->name_count = argc - optind;
    if (!is_good || options->path == NULL) {
        *out_status = print_help(stderr, CLI_TROUBLE);
        return false;
    }
    return true;
}

static bool is_chosen(const struct options *options, struct rg_slice name)
{
    for (int i = 0; i < options->name_count; i++) {
        if (rg_slice_is_equal(rg_slice_of(options->names[i]), name)) {
            return true;
        }
    }
    return options->name_count == 0;
}

/* A name that no test has is a mistake, not a test that passed. */
static bool check_names(const struct options *options, const struct config *config)
{
    bool is_known = true;
    for (int i = 0; i < options->name_count; i++) {
        bool is_found = false;
        for (size_t j = 0; j < config->test_count; j++) {
            is_found = is_found || rg_slice_is_equal(rg_slice_of(options->names[i]), config->tests[j].name);
        }
        if (!is_found) {
            (void)fprintf(stderr, "rowgate test: no test is named \"%s\"\n", options->names[i]);
            is_known = false;
        }
    }
    return is_known;
}

static void print_line(const char *label, struct rg_slice text)
{
    if (text.size > 0) {
        (void)printf("        %-8s  ", label);
        text_print(stdout, text, false);
        (void)putchar('\n');
    }
}

static void print_text(const struct config_test *test, const struct trial_result *result)
{
    bool is_coloured = style_wanted(stdout);
    style_set(stdout, is_coloured, result->is_passed ? STYLE_GOOD : STYLE_BAD);
    (void)fputs(result->is_passed ? "ok    " : "FAILED", stdout);
    style_set(stdout, is_coloured, STYLE_PLAIN);
    (void)fputs("  ", stdout);
    text_print_place(stdout, test->place);
    text_print(stdout, test->name, false);
    (void)putchar('\n');
    if (!result->is_passed) {
        print_line("expected", result->wanted);
        print_line("came", result->came);
        print_line("sent", result->sent);
    }
}

static void print_json(const struct config_test *test, const struct trial_result *result)
{
    text_print_json(json_pack("{s:s, s:o, s:b, s:o, s:o, s:o, s:o}", "type", "test", "name", text_json(test->name),
                              "passed", (int)result->is_passed, "place", text_json_place(test->place), "expected",
                              text_json(result->wanted), "came", text_json(result->came), "sent",
                              text_json(result->sent)));
}

/* One file stands for every upstream. */
static struct policy_relations *find_relations(void *context, struct rg_slice upstream)
{
    (void)upstream;
    return context == NULL ? NULL : policy_relations_ref(context);
}

static rg_status run_one(const struct options *options, const struct config *config, const struct config_test *test,
                         struct policy_relations *relations, struct tally *tally)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct trial_result result = {0};
    const struct trial_relations known = {find_relations, relations};
    rg_arena_init(&arena, TEST_ARENA_BYTES);
    RG_TRY(trial_run(config, test, &known, &arena, &result));
    *(result.is_passed ? &tally->passed : &tally->failed) += 1;
    options->is_json ? print_json(test, &result) : print_text(test, &result);
    return RG_OK;
}

static int print_summary(const struct options *options, const struct config *config, const struct tally *tally)
{
    if (options->is_json) {
        text_print_json(json_pack("{s:s, s:I, s:I}", "type", "summary", "passed", (json_int_t)tally->passed, "failed",
                                  (json_int_t)tally->failed));
    } else {
        (void)printf("%s: %zu passed, %zu failed\n", options->path, tally->passed, tally->failed);
    }
    if (config->test_count == 0) {
        (void)fprintf(stderr, "rowgate test: warning: %s has no [[tests]]\n", options->path);
    }
    return tally->failed > 0 ? CLI_FINDING : CLI_FINE;
}

static int run(const struct options *options, struct rg_arena *arena, struct config **config,
               struct policy_relations **relations)
{
    struct rg_diag diag;
    struct tally tally = {0, 0};
    rg_diag_init(&diag, arena);
    if (!text_load_config("test", options->path, &diag, config) ||
        !text_load_relations("test", options->relations, relations) || !check_names(options, *config)) {
        return CLI_TROUBLE;
    }
    for (size_t i = 0; i < (*config)->test_count; i++) {
        const struct config_test *test = &(*config)->tests[i];
        rg_status status = is_chosen(options, test->name) ? run_one(options, *config, test, *relations, &tally) : RG_OK;
        if (!rg_is_ok(status)) {
            text_print_place(stderr, test->place);
            (void)fprintf(stderr, "rowgate test: %s\n", status.error->text);
            return CLI_TROUBLE;
        }
    }
    return print_summary(options, *config, &tally);
}

int cli_test(int argc, char **argv)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    struct options options = {0};
    struct config *config = NULL;
    struct policy_relations *relations = NULL;
    int status = CLI_TROUBLE;
    if (!parse_options(argc, argv, &options, &status)) {
        return status;
    }
    rg_arena_init(&arena, FINDINGS_ARENA_BYTES);
    status = run(&options, &arena, &config, &relations);
    policy_relations_free(&relations);
    config_free(&config);
    return status;
}
