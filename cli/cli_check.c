/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate check: loads a configuration as `run` would, opens nothing, and prints every finding. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rg_memory.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "proxy/config_lint.h"

struct options {
    const char *path;
    const char *relations;
    bool is_strict;
    bool is_json;
};

enum { FINDINGS_ARENA_BYTES = 4 << 20 };

static int print_help(FILE *out, int status)
{
    (void)fputs(
        "usage: rowgate check -c FILE [--strict] [--relations FILE] [--json]\n"
        "       rowgate check --superset URL ...   (rowgate check --superset URL -h tells more)\n\n"
        "Loads FILE and what it includes, prints each mistake as file:line:column, and warns of what is allowed\n"
        "and probably not meant (docs/check.md).\n\n"
        "  -c, --config FILE     the configuration\n"
        "      --strict          warnings count as errors\n"
        "      --relations FILE  what `rowgate db relations` printed: also compares names and columns\n"
        "      --json            one JSON object per line\n"
        "  -h, --help            this text\n\n"
        "Exit status: 0 no finding, 1 findings, 2 trouble (usage, unreadable file).\n",
        out);
    return status;
}

static bool parse_options(int argc, char **argv, struct options *options, int *out_status)
{
    static const struct option rows[] = {{"config", required_argument, NULL, 'c'},
                                         {"strict", no_argument, NULL, 's'},
                                         {"relations", required_argument, NULL, 'r'},
                                         {"json", no_argument, NULL, 'j'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    for (int letter = 0; (letter = getopt_long(argc, argv, "c:h", rows, NULL)) != -1;) {
        switch (letter) {
        case 'c':
            options->path = optarg;
            break;
        case 'r':
            options->relations = optarg;
            break;
        case 's':
            options->is_strict = true;
            break;
        case 'j':
            options->is_json = true;
            break;
        case 'h':
            *out_status = print_help(stdout, CLI_FINE);
            return false;
        default:
            *out_status = print_help(stderr, CLI_TROUBLE);
            return false;
        }
    }
    if (options->path == NULL || optind != argc) {
        *out_status = print_help(stderr, CLI_TROUBLE);
        return false;
    }
    return true;
}

static int compare_findings(const void *a, const void *b)
{
    const struct rg_finding *left = *(const struct rg_finding *const *)a;
    const struct rg_finding *right = *(const struct rg_finding *const *)b;
    int order =
        strcmp(left->place.file == NULL ? "" : left->place.file, right->place.file == NULL ? "" : right->place.file);
    if (order == 0) {
        order = (left->place.line > right->place.line) - (left->place.line < right->place.line);
    }
    return order != 0 ? order : (left->place.column > right->place.column) - (left->place.column < right->place.column);
}

/* By place, as an editor wants them. */
static void print_findings(const struct rg_diag *diag, bool is_json)
{
    const struct rg_finding **findings = rg_memory_array(RG_DIAG_MAX, sizeof *findings);
    size_t count = 0;
    for (const struct rg_finding *finding = diag->first; finding != NULL && count < RG_DIAG_MAX;
         finding = finding->next) {
        findings[count++] = finding;
    }
    qsort(findings, count, sizeof *findings, compare_findings);
    for (size_t i = 0; i < count; i++) {
        text_print_finding(findings[i], is_json);
    }
    rg_memory_free(findings);
}

static void print_summary(const struct options *options, const struct rg_diag *diag, const struct config *config)
{
    char digest[2 * RG_SHA256_SIZE + 1] = "";
    if (config != NULL) {
        rg_digest_hex(&config->digest, digest);
    }
    if (options->is_json) {
        text_print_json(json_pack("{s:i, s:i, s:i, s:s}", "errors", (int)diag->error_count, "warnings",
                                  (int)diag->warning_count, "not_shown", (int)diag->dropped_count, "digest", digest));
        return;
    }
    (void)printf("%s: %zu errors, %zu warnings", options->path, diag->error_count, diag->warning_count);
    if (diag->dropped_count > 0) {
        (void)printf(" (%zu not shown)", diag->dropped_count);
    }
    if (config != NULL) {
        (void)printf("; %zu files, %zu listeners, %zu tenants, %zu patterns, digest %s", config->file_count,
                     config->listener_count, config->registry.static_count, config->registry.pattern_count, digest);
    }
    (void)putchar('\n');
}

static rg_status load_and_lint(const struct options *options, const struct policy_relations *relations,
                               struct rg_diag *diag, struct config **config)
{
    RG_TRY(config_load(options->path, diag, config));
    return config_lint(*config, relations, diag);
}

static int check(const struct options *options, struct policy_relations *relations)
{
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct config *config RG_AUTO(config_free) = NULL;
    struct rg_diag diag;
    rg_arena_init(&arena, FINDINGS_ARENA_BYTES);
    rg_diag_init(&diag, &arena);
    rg_status status = load_and_lint(options, relations, &diag, &config);
    if (!rg_is_ok(status) && diag.error_count == 0) {
        (void)fprintf(stderr, "rowgate check: %s: %s\n", options->path, status.error->text);
        return CLI_TROUBLE;
    }
    print_findings(&diag, options->is_json);
    print_summary(options, &diag, config);
    bool is_finding = diag.error_count > 0 || (options->is_strict && diag.warning_count > 0);
    return is_finding ? CLI_FINDING : CLI_FINE;
}

static bool is_about_superset(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--superset") == 0) {
            return true;
        }
    }
    return false;
}

int cli_check(int argc, char **argv)
{
    if (is_about_superset(argc, argv)) {
        return cli_check_superset(argc, argv);
    }
    struct options options = {0};
    struct policy_relations *relations = NULL;
    int status = CLI_TROUBLE;
    if (!parse_options(argc, argv, &options, &status)) {
        return status;
    }
    if (text_load_relations("check", options.relations, &relations)) {
        status = check(&options, relations);
    }
    policy_relations_free(&relations);
    return status;
}
