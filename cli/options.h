/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_OPTIONS_H
#define RG_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* One option: with a value (value is set to the next argument) or without (flag becomes true). */
struct option_row {
    const char *name;
    const char **value;
    bool *flag;
};

/* What stands between the options, at most `max`; *out_count says how many there were. False: an option that is not in
 * the rows, is given twice, or lacks its value, or too many operands; said on standard error under "rowgate COMMAND".
 * argv[0] is skipped. "--" ends the options. */
struct option_operands {
    const char *texts[2];
    size_t max;
    size_t count;
};
bool options_parse(const char *command, int argc, char **argv, const struct option_row *rows, size_t row_count,
                   struct option_operands *operands);

#endif
