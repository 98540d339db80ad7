/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit ...: arguments in, text out. The work is in audit/. */
#include "cli/cli_audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/show.h"

enum { EXIT_TROUBLE = 6 };

static const char usage[] = "usage: rowgate audit verify [OPTIONS] DIR\n"
                            "       rowgate audit show [--tenant ID] [--from SEQ] DIR\n"
                            "       rowgate audit keys init | rotate | list ...\n"
                            "\n"
                            "verify  checks every byte of the log; verify -h tells the options and the exit status\n"
                            "show    prints records as they were hashed, one JSON object a line\n"
                            "keys    makes and shows the keys that sign the log; keys -h tells more\n";

struct arguments {
    const char *directory;
    const char *tenant;
    const char *from;
    bool is_json;
};

static int complain(void)
{
    (void)fputs(usage, stderr);
    return EXIT_TROUBLE;
}

static int report_error(rg_status status)
{
    (void)fprintf(stderr, "rowgate audit: %s\n", status.error->text);
    return EXIT_TROUBLE;
}

/* The value of an option that takes one: the next argument. */
static bool take_value(int argc, char **argv, int *at, const char *name, const char **out_value)
{
    if (strcmp(argv[*at], name) != 0 || *at + 1 >= argc) {
        return false;
    }
    (*at)++;
    *out_value = argv[*at];
    return true;
}

static bool parse_arguments(int argc, char **argv, struct arguments *out_arguments)
{
    struct arguments arguments = {0};
    for (int at = 2; at < argc; at++) {
        if (strcmp(argv[at], "--json") == 0) {
            arguments.is_json = true;
        } else if (take_value(argc, argv, &at, "--tenant", &arguments.tenant) ||
                   take_value(argc, argv, &at, "--from", &arguments.from)) {
            continue;
        } else if (argv[at][0] == '-' || arguments.directory != NULL) {
            return false;
        } else {
            arguments.directory = argv[at];
        }
    }
    *out_arguments = arguments;
    return arguments.directory != NULL;
}

static rg_status on_line(void *context, struct rg_slice line)
{
    (void)context;
    if (fwrite(line.data, 1, line.size, stdout) != line.size || putchar('\n') == EOF) {
        return rg_fail(RG_CLOSED, "cannot write to stdout");
    }
    return RG_OK;
}

static bool parse_seq(const char *text, uint64_t *out_seq)
{
    char *end = NULL;
    if (text == NULL) {
        return true; /* from the start */
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        return false;
    }
    *out_seq = value;
    return true;
}

static int show(const struct arguments *arguments)
{
    struct audit_filter filter = {.tenant = rg_slice_of(arguments->tenant)};
    const struct audit_sink sink = {.on_line = on_line};
    if (arguments->is_json || !parse_seq(arguments->from, &filter.from_seq)) {
        return complain();
    }
    rg_status status = audit_show(rg_slice_of(arguments->directory), &filter, &sink);
    if (!rg_is_ok(status)) {
        return report_error(status);
    }
    return fflush(stdout) == 0 ? 0 : EXIT_TROUBLE;
}

int cli_audit(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct arguments *arguments);
    } commands[] = {{"show", show}};
    struct arguments arguments = {0};
    if (argc >= 2 && strcmp(argv[1], "keys") == 0) {
        return cli_audit_keys(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "verify") == 0) {
        return cli_audit_verify(argc - 1, argv + 1);
    }
    if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        (void)fputs(usage, stdout);
        return 0;
    }
    if (argc < 3 || !parse_arguments(argc, argv, &arguments)) {
        return complain();
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(&arguments);
        }
    }
    return complain();
}
