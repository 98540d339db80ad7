/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate policy export: the policies as row security, roles and grants of the upstream's database. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli_native.h"

static int usage(FILE *out, int code)
{
    (void)fputs(
        "usage: rowgate policy export -c FILE [--upstream NAME] [--relations FILE]\n"
        "Writes the DDL by which the database itself enforces the policies (identity = \"set_local\" or\n"
        "\"set_role\"): one transaction that may be run again and again, as a superuser or the tables' owner.\n\n"
        "  -c, --config FILE     the configuration\n"
        "      --upstream NAME   which upstream; default: the only one with a second lock\n"
        "      --relations FILE  what the database's relations look like, as rowgate keeps it; default: asked\n"
        "                        of the upstream\n\n"
        "Exit status: 0 written, 2 trouble.\n",
        out);
    return code;
}

static int export(const struct native_options *options)
{
    RG_AUTO(native_work_done) struct native_work work;
    struct rg_slice text = {0};
    if (!native_work_load(options, &work)) {
        return CLI_TROUBLE;
    }
    rg_status status = native_print(work.plan, &work.arena, &text);
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rowgate: %s\n", status.error->text);
        return CLI_TROUBLE;
    }
    bool is_written = fwrite(text.data, 1, text.size, stdout) == text.size && fflush(stdout) == 0;
    return is_written ? CLI_FINE : CLI_TROUBLE;
}

int cli_policy(int argc, char **argv)
{
    struct native_options options = {0};
    bool wants_help = argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
    if (wants_help || argc < 2 || strcmp(argv[1], "export") != 0) {
        return wants_help ? usage(stdout, CLI_FINE) : usage(stderr, CLI_TROUBLE);
    }
    if (!native_options_parse(argc - 1, argv + 1, "cur", &options, &wants_help)) {
        return wants_help ? usage(stdout, CLI_FINE) : usage(stderr, CLI_TROUBLE);
    }
    return export(&options);
}
