/* SPDX-License-Identifier: Apache-2.0 */
/* ANSI colours of the commands that talk to people. */
#include "cli/style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool style_wanted(FILE *out)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(fileno(out)) == 1 && (no_color == NULL || no_color[0] == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

void style_set(FILE *out, bool is_on, enum style style)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "\x1b[0m",   [STYLE_GOOD] = "\x1b[32m",   [STYLE_BAD] = "\x1b[1;31m",
        [STYLE_FAINT] = "\x1b[2m",   [STYLE_HEAD] = "\x1b[1m",    [STYLE_KEYWORD] = "\x1b[34m",
        [STYLE_STRING] = "\x1b[32m", [STYLE_NUMBER] = "\x1b[35m",
    };
    if (is_on) {
        (void)fputs(codes[style], out);
    }
}
