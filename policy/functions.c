/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/functions.h"

#include "policy/functions_private.h"
#include "policy/names_private.h"

/* The table of functions: looks a name up among policy/functions.def. What is not there is denied. Called by the
 * rewriter. */

#define ALLOWED(name) {name, FUNCTION_ALLOWED, {NULL, NULL, NULL, NULL}},
#define GUARDED(name, none, one, two, three) {name, FUNCTION_GUARDED, {none, one, two, three}},
#define CONSTANT(name, none, one, two, three) {name, FUNCTION_CONSTANT, {none, one, two, three}},
static const struct function_row FUNCTION_ROWS[] = {
#include "policy/functions.def"
};
#undef ALLOWED
#undef GUARDED
#undef CONSTANT

enum { FUNCTION_ROW_COUNT = sizeof(FUNCTION_ROWS) / sizeof(FUNCTION_ROWS[0]) };

static const struct function_row *find_row(struct rg_slice name)
{
    size_t low = 0;
    size_t high = FUNCTION_ROW_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = names_compare(name, FUNCTION_ROWS[middle].name);
        if (order == 0) {
            return &FUNCTION_ROWS[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

enum function_rule function_find(struct rg_slice name, const struct function_row **out_row)
{
    *out_row = find_row(name);
    return *out_row == NULL ? FUNCTION_DENIED : (*out_row)->rule;
}

const char *function_template(const struct function_row *row, size_t argument_count)
{
    return row == NULL || argument_count > FUNCTION_ARITY_MAX ? NULL : row->by_arity[argument_count];
}

size_t function_count(void)
{
    return FUNCTION_ROW_COUNT;
}

const struct function_row *function_at(size_t index)
{
    return index < FUNCTION_ROW_COUNT ? &FUNCTION_ROWS[index] : NULL;
}
