/* SPDX-License-Identifier: Apache-2.0 */
/* Options by a table of rows; what is wrong is said by name. */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#include "cli/text.h"

static bool complain(const char *command, const char *argument, const char *what)
{
    (void)fprintf(stderr, "rowgate %s: ", command);
    text_print(stderr, rg_slice_of(argument), false);
    (void)fprintf(stderr, ": %s\n", what);
    return false;
}

static const struct option_row *find_row(const char *argument, const struct option_row *rows, size_t row_count)
{
    for (size_t i = 0; i < row_count; i++) {
        if (strcmp(argument, rows[i].name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool take_operand(const char *command, const char *argument, struct option_operands *operands)
{
    if (operands->count >= operands->max) {
        return complain(command, argument, "one argument too many");
    }
    operands->texts[operands->count++] = argument;
    return true;
}

static bool take_option(const char *command, const struct option_row *row, const char *next, int *at)
{
    if (row->value == NULL) {
        *row->flag = true;
        return true;
    }
    if (next == NULL) {
        return complain(command, row->name, "a value must follow");
    }
    if (*row->value != NULL) {
        return complain(command, row->name, "given twice");
    }
    *row->value = next;
    (*at)++;
    return true;
}

bool options_parse(const char *command, int argc, char **argv, const struct option_row *rows, size_t row_count,
                   struct option_operands *operands)
{
    bool is_over = false;
    for (int at = 1; at < argc; at++) {
        const char *argument = argv[at];
        bool is_option = !is_over && argument[0] == '-' && argument[1] != '\0';
        const struct option_row *row = is_option ? find_row(argument, rows, row_count) : NULL;
        if (is_option && strcmp(argument, "--") == 0) {
            is_over = true;
            continue;
        }
        if (is_option && row == NULL) {
            return complain(command, argument, "no such option");
        }
        if (row != NULL ? !take_option(command, row, argv[at + 1], &at) : !take_operand(command, argument, operands)) {
            return false;
        }
    }
    return true;
}
