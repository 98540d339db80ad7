/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate version. */
#include <stdio.h>

#include "cli/cli.h"

int cli_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("rowgate %s\n", ROWGATE_VERSION);
    return CLI_FINE;
}
