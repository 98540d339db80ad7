/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_RECORD_H
#define RG_CLI_RECORD_H

#include <stdio.h>

#include "audit/show_record.h"

/* A record for people and programs. What the record holds may be hostile: what could steer a terminal or reverse its
 * text (control characters, C1, marks of direction, bytes that are not UTF-8) is written as \xNN or \u{NNNN}. */

void record_print_line(FILE *out, const struct audit_shown *shown); /* one line, long texts cut */
void record_print_block(FILE *out, const struct audit_shown *shown, struct rg_slice line);
/* One line of JSON on stdout, ASCII, texts whole; one that is not UTF-8 also as <key>_b64. */
rg_status record_print_json(const struct audit_shown *shown, struct rg_slice line) RG_MUST_CHECK;

/* Text without what could play with a terminal. Line ends stay when indent is not NULL: it follows each of them. At
 * most max_bytes of the text, then "...". */
void record_print_text(FILE *out, struct rg_slice text, const char *indent, size_t max_bytes);

#endif
