/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_TEXT_H
#define RG_CLI_TEXT_H

#include <jansson.h>
#include <stdio.h>

#include "base/rg_diag.h"
#include "proxy/config.h"

/* What the subcommands share: text that cannot play with a terminal, JSON lines, findings, files. */

/* Control characters become '?'; with is_block, line breaks stay. */
void text_print(FILE *out, struct rg_slice text, bool is_block);
/* "file:line:column: "; nothing when there is no file. */
void text_print_place(FILE *out, struct rg_place place);

/* One compact line on stdout; takes the reference, accepts NULL (out of memory: prints "{}"). */
void text_print_json(json_t *object);
/* A JSON string; what is not UTF-8 becomes '?'. Never NULL but for memory. */
json_t *text_json(struct rg_slice text);
json_t *text_json_place(struct rg_place place); /* {"file", "line", "column"}, or null */

const char *text_severity(enum rg_severity severity);
/* One finding on stdout, with its rule and hint: two lines, or one JSON object. */
void text_print_finding(const struct rg_finding *finding, bool is_json);
/* All findings of severity error on stderr, as check prints them. */
void text_print_errors(const struct rg_diag *diag);

/* Loads path; what is wrong goes to stderr under "rowgate COMMAND". false = trouble was reported. */
bool text_load_config(const char *command, const char *path, struct rg_diag *diag, struct config **out_config);
/* A snapshot of relations as `rowgate db relations` prints it; NULL path = none, *out_relations stays NULL. */
bool text_load_relations(const char *command, const char *path, struct policy_relations **out_relations);
/* A whole file, or standard input for "-", of at most limit_bytes. */
rg_status text_read(const char *path, size_t limit_bytes, struct rg_arena *arena, struct rg_slice *out_text);

#endif
