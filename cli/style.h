/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_STYLE_H
#define RG_CLI_STYLE_H

#include <stdbool.h>
#include <stdio.h>

/* Colours, and only where somebody looks: on a terminal, without NO_COLOR (no-color.org), TERM not "dumb". */

enum style {
    STYLE_PLAIN = 0,
    STYLE_GOOD,
    STYLE_BAD,
    STYLE_FAINT,
    STYLE_HEAD,
    STYLE_KEYWORD,
    STYLE_STRING,
    STYLE_NUMBER,
};

bool style_wanted(FILE *out);
/* Switches; nothing when !is_on. STYLE_PLAIN ends it. */
void style_set(FILE *out, bool is_on, enum style style);

#endif
