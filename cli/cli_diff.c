/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate diff: does the upstream's database enforce what the policies say? */
#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>

#include "base/rg_memory.h"
#include "cli/cli_native.h"

static int usage(FILE *out, int code)
{
    (void)fputs("usage: rowgate diff -c FILE [--upstream NAME] [--json]\n"
                "Compares what `rowgate policy export` would write with the upstream's database: row security,\n"
                "policies, grants, roles, owners. One line for each difference:\n\n"
                "  missing    the policies say it, the database does not\n"
                "  different  both have it, and it means something else\n"
                "  surplus    the database has it, the policies do not\n"
                "  dangerous  a way around the lock: a superuser, an owner, a privilege too many\n\n"
                "  -c, --config FILE    the configuration\n"
                "      --upstream NAME  which upstream; default: the only one with a second lock\n"
                "      --json           one JSON object per line\n\n"
                "The login needs TEMPORARY on the database. Exit status: 0 the same, 1 differences, 2 trouble.\n",
                out);
    return code;
}

/* Names come from the database: control characters would play with the terminal. */
static void print_safely(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        (void)putchar(byte < 0x20 || byte == 0x7f ? '?' : byte);
    }
}

static void print_text(const struct native_finding *finding)
{
    (void)printf("%-9s  ", native_difference_name(finding->difference));
    print_safely(finding->object);
    (void)fputs(": ", stdout);
    print_safely(finding->text);
    (void)putchar('\n');
}

static void print_json(const struct native_finding *finding)
{
    json_t *line =
        json_pack("{s:s, s:s%, s:s%}", "difference", native_difference_name(finding->difference), "object",
                  finding->object.data, finding->object.size, "text", finding->text.data, finding->text.size);
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);
    (void)puts(text == NULL ? "{}" : text);
    rg_memory_free(text);
    json_decref(line);
}

static rg_status compare(struct native_work *work, struct native_findings *out_findings)
{
    struct rg_slice sql = {0};
    struct rg_slice answer = {0};
    RG_TRY(native_question(work->plan, &work->arena, &sql));
    RG_TRY(native_work_ask(work, sql, &answer));
    return native_compare(work->plan, answer, &work->arena, out_findings);
}

int cli_diff(int argc, char **argv)
{
    struct native_options options = {0};
    bool wants_help = false;
    if (!native_options_parse(argc, argv, "cuj", &options, &wants_help)) {
        return wants_help ? usage(stdout, CLI_FINE) : usage(stderr, CLI_TROUBLE);
    }
    RG_AUTO(native_work_done) struct native_work work;
    struct native_findings findings = {0};
    if (!native_work_load(&options, &work)) {
        return CLI_TROUBLE;
    }
    rg_status status = compare(&work, &findings);
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rowgate: %s\n", status.error->text);
        return CLI_TROUBLE;
    }
    for (size_t i = 0; i < findings.count; i++) {
        options.is_json ? print_json(&findings.items[i]) : print_text(&findings.items[i]);
    }
    return findings.count == 0 ? CLI_FINE : CLI_FINDING;
}
