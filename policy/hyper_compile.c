/* SPDX-License-Identifier: Apache-2.0 */
/* The names that the checker takes as functions in a text for Hyper. The counterpart of functions_compile.c. */
#include "policy/hyper.h"
#include "policy/set_private.h"

#include <stdlib.h>

static bool is_listed(const struct rg_slice *names, size_t count, struct rg_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

static int compare_slices(const void *left, const void *right)
{
    const struct rg_slice *a = left;
    const struct rg_slice *b = right;
    int order = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

rg_status policy_hyper_compile(struct policy_set *set)
{
    struct rg_slice *names = NULL;
    size_t count = 0;
    size_t room = hyper_function_count() + set->function_allow_count + 1;
    RG_TRY(rg_arena_array(&set->arena, room, sizeof *names, (void **)&names));
    for (size_t i = 0; i < hyper_function_count(); i++) {
        struct rg_slice name = rg_slice_of(hyper_function_at(i)->name);
        if (hyper_function_at(i)->rule == FUNCTION_ALLOWED &&
            !is_listed(set->function_deny, set->function_deny_count, name)) {
            names[count++] = name;
        }
    }
    for (size_t i = 0; i < set->function_allow_count; i++) {
        const struct function_row *row = NULL;
        struct rg_slice name = set->function_allow[i];
        if (hyper_function_find(name, &row) == FUNCTION_DENIED && policy_set_calls(set, name) &&
            !is_listed(names, count, name)) {
            names[count++] = name;
        }
    }
    qsort(names, count, sizeof *names, compare_slices);
    set->hyper_functions = names;
    set->hyper_function_count = count;
    return RG_OK;
}
