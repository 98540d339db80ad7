/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit evidence: a folder for an auditor. The work is in audit/trail/evidence*.c. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/trail/evidence.h"
#include "base/rg_clock.h"
#include "cli/cli_audit.h"
#include "cli/options.h"
#include "cli/text.h"
#include "cli/when.h"

enum { EXIT_REFUSED = 1, EXIT_TROUBLE = 6, EVIDENCE_ARENA = 1024 * 1024 * 1024 };

static const char usage[] =
    "usage: rowgate audit evidence --criterion C --from TIME --to TIME [OPTIONS] DIR\n"
    "\n"
    "Verifies the log and writes a folder for an auditor: the records that answer a criterion of SOC 2, the proof\n"
    "that they are all of them, and a summary to be read without rowgate (docs/evidence.md).\n"
    "\n"
    "--criterion C   one of those below, or all: a folder for each\n"
    "--from TIME     2026-10-01, 2026-10-01T00:00:00Z, or an age: 90d, 12h; UTC\n"
    "--to TIME       the same; what happened then or later is left out\n"
    "--tenant ID     one tenant, and what concerns everybody\n"
    "--root ROOT     the log's root key, or a file with it, from somewhere else than the log\n"
    "-o FOLDER       to be made; it must not exist. Without it: evidence-<criterion>-<from>-<to>\n"
    "--despite-findings  also of a log that does not verify; the first line of each summary says so\n"
    "--unrecorded    the log gets no record that this was made: for a copy that must stay as it is\n"
    "--json          tell what was made as JSON\n"
    "\n";

static const char exits[] = "\nExit status: 0 made, 1 refused (the log does not verify), 6 usage or trouble.\n";

struct request {
    const char *criterion;
    const char *from;
    const char *to;
    const char *tenant;
    const char *root;
    const char *folder;
    bool is_json;
    bool wants_help;
    struct audit_evidence_options options;
};

static int print_usage(FILE *out, int code)
{
    (void)fputs(usage, out);
    for (size_t i = 0; audit_evidence_criterion_name(i) != NULL; i++) {
        (void)fprintf(out, "%-6s  %s\n", audit_evidence_criterion_name(i), audit_evidence_criterion_title(i));
    }
    (void)fputs(exits, out);
    return code;
}

static int report(const char *text, int code)
{
    (void)fputs("rowgate audit evidence: ", stderr);
    text_print(stderr, rg_slice_of(text), false);
    (void)fputc('\n', stderr);
    return code;
}

static void on_progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
    (void)context;
    (void)fprintf(stderr, "\r%3u %% of %" PRIu64 " MB", all_bytes == 0 ? 100 : (unsigned)(done_bytes * 100 / all_bytes),
                  all_bytes / 1000000);
    (void)fflush(stderr);
}

static void tell(const struct request *request, const struct audit_evidence_made *made)
{
    if (request->is_json) {
        text_print_json(json_pack("{s:o,s:s,s:b,s:I,s:I,s:I}", "folder", text_json(rg_slice_of(request->folder)),
                                  "digest", made->digest, "intact", made->result == AUDIT_INTACT, "records",
                                  (json_int_t)made->record_count, "enclosed", (json_int_t)made->population_count,
                                  "recorded", (json_int_t)made->recorded_seq));
    } else {
        text_print(stdout, rg_slice_of(request->folder), false);
        (void)printf(": %" PRIu64 " records looked at, %" PRIu64 " enclosed, sha256 %s\n", made->record_count,
                     made->population_count, made->digest);
    }
    if (made->result != AUDIT_INTACT) {
        (void)fputs("rowgate audit evidence: the log does NOT verify; the summary says so\n", stderr);
    }
    if (made->recorded_seq == 0 && !request->options.is_unrecorded) {
        (void)fputs("rowgate audit evidence: no record of it in the log: ", stderr);
        text_print(stderr, made->not_recorded, false);
        (void)fputc('\n', stderr);
    }
}

static int make(struct request *request, const char *directory, struct rg_arena *arena)
{
    struct audit_vkey root;
    struct audit_evidence_made made;
    struct audit_evidence_options *options = &request->options;
    if (request->root != NULL) {
        rg_status status = cli_audit_load_root(request->root, arena, &root);
        if (!rg_is_ok(status)) {
            return report(status.error->text, EXIT_TROUBLE);
        }
        options->root = &root;
    }
    options->directory = rg_slice_of(directory);
    options->criterion = rg_slice_of(request->criterion);
    options->tenant = rg_slice_of(request->tenant);
    options->folder = request->folder;
    options->on_progress = isatty(STDERR_FILENO) != 0 ? on_progress : NULL;
    rg_status status = audit_evidence_make(options, arena, &made);
    if (options->on_progress != NULL) {
        (void)fputs("\r\033[K", stderr);
    }
    if (!rg_is_ok(status)) {
        return report(status.error->text, status.error->kind == RG_DENIED ? EXIT_REFUSED : EXIT_TROUBLE);
    }
    tell(request, &made);
    return 0;
}

/* evidence-CC6.1-2026-10-01-2026-11-01 */
static rg_status name_folder(struct request *request, struct rg_arena *arena)
{
    enum { DAY = 10 };
    char from[RG_TIME_TEXT_SIZE];
    char to[RG_TIME_TEXT_SIZE];
    struct rg_slice name;
    if (request->folder != NULL) {
        return RG_OK;
    }
    rg_clock_format(request->options.from_us, from);
    rg_clock_format(request->options.until_us, to);
    RG_TRY(rg_arena_printf(arena, &name, "evidence-%.8s-%.*s-%.*s", request->criterion, DAY, from, DAY, to));
    request->folder = name.data;
    return RG_OK;
}

int cli_audit_evidence(int argc, char **argv)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct option_operands operands = {.max = 1};
    struct request request = {0};
    struct audit_evidence_options *options = &request.options;
    const struct option_row rows[] = {{"--criterion", &request.criterion, NULL},
                                      {"--from", &request.from, NULL},
                                      {"--to", &request.to, NULL},
                                      {"--tenant", &request.tenant, NULL},
                                      {"--root", &request.root, NULL},
                                      {"-o", &request.folder, NULL},
                                      {"--despite-findings", NULL, &options->is_despite_findings},
                                      {"--unrecorded", NULL, &options->is_unrecorded},
                                      {"--json", NULL, &request.is_json},
                                      {"-h", NULL, &request.wants_help},
                                      {"--help", NULL, &request.wants_help}};
    rg_arena_init(&arena, EVIDENCE_ARENA);
    if (!options_parse("audit evidence", argc, argv, rows, sizeof rows / sizeof rows[0], &operands)) {
        return EXIT_TROUBLE;
    }
    if (request.wants_help) {
        return print_usage(stdout, 0);
    }
    if (operands.count < 1 || request.criterion == NULL || request.from == NULL || request.to == NULL) {
        return print_usage(stderr, EXIT_TROUBLE);
    }
    options->made_us = rg_clock_wall_us(rg_clock_system());
    if (!when_parse(request.from, options->made_us, &options->from_us) ||
        !when_parse(request.to, options->made_us, &options->until_us)) {
        return report("--from and --to: a day, a time or an age is wanted; see evidence -h", EXIT_TROUBLE);
    }
    rg_status status = name_folder(&request, &arena);
    return rg_is_ok(status) ? make(&request, operands.texts[0], &arena) : report(status.error->text, EXIT_TROUBLE);
}
