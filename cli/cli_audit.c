/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit ...: arguments in, text out. The work is in audit/. */
#include "cli/cli_audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/show.h"
#include "audit/witness/nodes.h"

enum { EXIT_TROUBLE = 6 };

static const char usage[] =
    "usage: rowgate audit verify [OPTIONS] DIR\n"
    "       rowgate audit search [OPTIONS] DIR\n"
    "       rowgate audit show [--raw | --json] SEQ DIR\n"
    "       rowgate audit tail [-f] [-n N] [--tenant ID] [--json] DIR\n"
    "       rowgate audit cat [--tenant ID] [--from SEQ] DIR\n"
    "       rowgate audit cat [--tenant ID] DIR1 DIR2 ...\n"
    "       rowgate audit status [--json | --prometheus] (-c FILE | DIR)\n"
    "       rowgate audit erase SUBJECT --tenant ID --reason TEXT DIR\n"
    "       rowgate audit export --tenant ID [--since TIME] [--until TIME] [-o FILE] DIR\n"
    "       rowgate audit prove [--with-keys] [-o FILE] SEQ DIR\n"
    "       rowgate audit evidence --criterion C --from TIME --to TIME [-o FOLDER] DIR\n"
    "       rowgate audit hold place | release | list ...\n"
    "       rowgate audit prune [--dry-run] (-c FILE | DIR)\n"
    "       rowgate audit witness [init] ...\n"
    "       rowgate audit keys init | rotate | list ...\n"
    "\n"
    "verify  checks every byte of the log; verify -h tells the options and the exit status\n"
    "search  finds records by tenant, subject, time, action, table and text; search -h\n"
    "show    prints one record: who, when, what, how it ended\n"
    "tail    prints the last records and, with -f, those that come\n"
    "cat     prints records as they were hashed, one JSON object a line; of several nodes in one order\n"
    "status  shows whom the log is exported to, who fails, how far each is behind\n"
    "erase   destroys the keys of a person's values, for good; erase -h tells more\n"
    "export  makes a tenant's trail: its records alone, with the proof that they are all\n"
    "prove   makes the proof of one record; verify checks both kinds of file\n"
    "evidence  makes a folder for an auditor: records, proof, summary; evidence -h\n"
    "hold    keeps records from being removed, and says which are kept so; hold -h\n"
    "prune   removes the oldest segments that may go by [audit.retention]; prune -h\n"
    "witness remembers how far logs had come, on another machine; witness -h\n"
    "keys    makes and shows the keys that sign the log; keys -h tells more\n";

struct arguments {
    struct rg_slice directories[CLI_NODES_MAX];
    size_t count;
    const char *directory; /* the first one */
    const char *tenant;
    const char *from;
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
        if (take_value(argc, argv, &at, "--tenant", &arguments.tenant) ||
            take_value(argc, argv, &at, "--from", &arguments.from)) {
            continue;
        } else if (argv[at][0] == '-' || arguments.count == CLI_NODES_MAX) {
            return false;
        } else {
            arguments.directories[arguments.count++] = rg_slice_of(argv[at]);
        }
    }
    arguments.directory = arguments.directories[0].data;
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

static int cat(const struct arguments *arguments)
{
    struct audit_filter filter = {.tenant = rg_slice_of(arguments->tenant)};
    const struct audit_sink sink = {.on_line = on_line};
    if (!parse_seq(arguments->from, &filter.from_seq) || (arguments->count > 1 && arguments->from != NULL)) {
        return complain();
    }
    rg_status status = arguments->count > 1 ? nodes_cat(arguments->directories, arguments->count, filter.tenant, &sink)
                                            : audit_show(rg_slice_of(arguments->directory), &filter, &sink);
    if (!rg_is_ok(status)) {
        return report_error(status);
    }
    return fflush(stdout) == 0 ? 0 : EXIT_TROUBLE;
}

int cli_audit(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv); /* argv[0] is its name */
    } commands[] = {
        {"keys", cli_audit_keys},       {"verify", cli_audit_verify}, {"export", cli_audit_export},
        {"prove", cli_audit_prove},     {"search", cli_audit_search}, {"show", cli_audit_show},
        {"status", cli_audit_status},   {"tail", cli_audit_tail},     {"hold", cli_audit_hold},
        {"prune", cli_audit_prune},     {"erase", cli_audit_erase},   {"evidence", cli_audit_evidence},
        {"witness", cli_audit_witness},
    };
    struct arguments arguments = {0};
    for (size_t i = 0; argc >= 2 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        (void)fputs(usage, stdout);
        return 0;
    }
    if (argc < 3 || strcmp(argv[1], "cat") != 0 || !parse_arguments(argc, argv, &arguments)) {
        return complain();
    }
    return cat(&arguments);
}
