/* SPDX-License-Identifier: Apache-2.0 */
/* The table of subcommands, and nothing else. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"run", cli_run, "run the proxy"},
    {"check", cli_check, "find mistakes in a configuration"},
    {"test", cli_test, "run the tests of a configuration"},
    {"explain", cli_explain, "show what would run for a subject, and why"},
    {"db", cli_db, "show what a database looks like to rowgate"},
    {"policy", cli_policy, "write the policies as the database's own row security"},
    {"diff", cli_diff, "compare the policies with a live database"},
    {"session", cli_session, "show who is logged in, and put people out"},
    {"audit", cli_audit, "verify and show the audit log"},
    {"saml", cli_saml, "print what a SAML identity provider must know of rowgate"},
    {"version", cli_version, "print the version"},
};

static int print_help(FILE *out, int status)
{
    (void)fprintf(out, "usage: rowgate COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        (void)fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    }
    (void)fprintf(out, "\nrowgate COMMAND -h tells more. Exit status: 0 fine, 1 a finding, 2 trouble.\n");
    return status;
}

static bool wants_help(const char *argument)
{
    return strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0 || strcmp(argument, "help") == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return print_help(stderr, CLI_TROUBLE);
    }
    if (wants_help(argv[1])) {
        return print_help(stdout, CLI_FINE);
    }
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "child") == 0) {
        return cli_child(argc - 1, argv + 1);
    }
    (void)fprintf(stderr, "rowgate: no command \"%s\"\n", argv[1]);
    return print_help(stderr, CLI_TROUBLE);
}
