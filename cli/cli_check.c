/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate check: loads a configuration as `run` would, opens nothing, and prints every finding. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rg_memory.h"
#include "cli/cli.h"
#include "proxy/config.h"

struct options {
    const char *path;
    bool is_strict;
    bool is_json;
};

enum { FINDINGS_ARENA_BYTES = 4 << 20 };

static int print_help(FILE *out, int status)
{
    (void)fprintf(out, "usage: rowgate check -c FILE [--strict] [--json]\n\n"
                       "Loads FILE and what it includes and prints each mistake as file:line:column.\n\n"
                       "  -c, --config FILE  the configuration\n"
                       "      --strict       warnings count as errors\n"
                       "      --json         one JSON object per line\n"
                       "  -h, --help         this text\n\n"
                       "Exit status: 0 no finding, 1 findings, 2 trouble (usage, unreadable file).\n");
    return status;
}

static bool parse_options(int argc, char **argv, struct options *options, int *out_status)
{
    static const struct option rows[] = {{"config", required_argument, NULL, 'c'},
                                         {"strict", no_argument, NULL, 's'},
                                         {"json", no_argument, NULL, 'j'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    for (int letter = 0; (letter = getopt_long(argc, argv, "c:h", rows, NULL)) != -1;) {
        switch (letter) {
        case 'c':
            options->path = optarg;
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

static const char *severity_name(enum rg_severity severity)
{
    return severity == RG_SEVERITY_ERROR ? "error" : "warning";
}

/* Text from a file may hold escape sequences that would play with the terminal. */
static void print_safely(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        (void)putchar(byte < 0x20 || byte == 0x7f ? '?' : byte);
    }
}

static void print_text(const struct rg_finding *finding)
{
    if (finding->place.file != NULL) {
        print_safely(rg_slice_of(finding->place.file));
        (void)printf(":%u:%u: ", finding->place.line, finding->place.column);
    }
    (void)printf("%s: ", severity_name(finding->severity));
    print_safely(finding->text);
    (void)putchar('\n');
}

static void print_json_line(json_t *object)
{
    (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    (void)putchar('\n');
    json_decref(object);
}

static void print_json(const struct rg_finding *finding)
{
    const char *file = finding->place.file == NULL ? "" : finding->place.file;
    json_t *object = json_pack("{s:s, s:s+, s:i, s:i, s:s%}", "severity", severity_name(finding->severity), "file",
                               file, "", "line", (int)finding->place.line, "column", (int)finding->place.column, "text",
                               finding->text.data, finding->text.size);
    if (object != NULL) {
        print_json_line(object);
    } else { /* a name or a text that is not UTF-8 */
        print_text(finding);
    }
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
        is_json ? print_json(findings[i]) : print_text(findings[i]);
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
        json_t *object = json_pack("{s:i, s:i, s:i, s:s}", "errors", (int)diag->error_count, "warnings",
                                   (int)diag->warning_count, "not_shown", (int)diag->dropped_count, "digest", digest);
        if (object != NULL) {
            print_json_line(object);
        }
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

static int check(const struct options *options)
{
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct config *config RG_AUTO(config_free) = NULL;
    struct rg_diag diag;
    rg_arena_init(&arena, FINDINGS_ARENA_BYTES);
    rg_diag_init(&diag, &arena);
    rg_status status = config_load(options->path, &diag, &config);
    if (!rg_is_ok(status) && diag.error_count == 0) {
        (void)fprintf(stderr, "rowgate check: %s: %s\n", options->path, status.error->text);
        return CLI_TROUBLE;
    }
    print_findings(&diag, options->is_json);
    print_summary(options, &diag, config);
    bool is_finding = diag.error_count > 0 || (options->is_strict && diag.warning_count > 0);
    return is_finding ? CLI_FINDING : CLI_FINE;
}

int cli_check(int argc, char **argv)
{
    struct options options = {NULL, false, false};
    int status = CLI_TROUBLE;
    return parse_options(argc, argv, &options, &status) ? check(&options) : status;
}
