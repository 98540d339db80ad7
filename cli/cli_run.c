/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate run -c FILE: the proxy. */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>

#include "proxy/supervisor.h"

static int usage(FILE *out, int code)
{
    (void)fputs("usage: rowgate run -c FILE\n"
                "Runs the proxy with the configuration in FILE.\n"
                "SIGHUP reloads it, all or nothing; SIGTERM drains, a second SIGTERM stops at once;\n"
                "SIGUSR1 opens the log file again.\n",
                out);
    return code;
}

int cli_run(int argc, char **argv)
{
    const char *path = NULL;
    int option = 0;
    while ((option = getopt(argc, argv, "c:h")) != -1) {
        if (option == 'h') {
            return usage(stdout, 0);
        }
        if (option != 'c') {
            return usage(stderr, 2);
        }
        path = optarg;
    }
    if (path == NULL || optind != argc) {
        return usage(stderr, 2);
    }
    int code = 0;
    rg_status status = supervisor_run(path, &code);
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rowgate: %s\n", status.error->text);
        return status.error->kind == RG_CONFIG ? 1 : 2;
    }
    return code;
}
