/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of functions that are listed with their arguments' types: the schema and name must be the listed ones, and each
 * argument must be cast to the listed type, so that the server can choose no other function of that name. */
#include "policy/sql_check_private.h"

static bool is_text(const char *text, struct rg_slice wanted)
{
    return text != NULL && rg_slice_is_equal(rg_slice_of(text), wanted);
}

/* An argument must be a cast to pg_catalog.type, of which the row says "type" or "type[]". */
static bool is_cast_to(const Node *argument, struct rg_slice wanted)
{
    if (argument == NULL || !IsA(argument, TypeCast)) {
        return false;
    }
    const TypeName *type = ((const TypeCast *)(const void *)argument)->typeName;
    int brackets = wanted.size > 2 && wanted.data[wanted.size - 1] == ']' ? 1 : 0;
    struct rg_slice element = rg_slice_cut(wanted, 0, wanted.size - (brackets == 1 ? 2 : 0));
    return list_length(type->names) == 2 && is_text(sql_check_name_at(type->names, 0), RG_SLICE("pg_catalog")) &&
           is_text(sql_check_name_at(type->names, 1), element) && list_length(type->arrayBounds) == brackets &&
           type->typmods == NIL && !type->setof && !type->pct_type;
}

static bool is_call_of(const FuncCall *call, const struct check_function *function)
{
    bool is_it = list_length(call->funcname) == 2 && function->schema.size > 0 &&
                 is_text(sql_check_name_at(call->funcname, 0), function->schema) &&
                 is_text(sql_check_name_at(call->funcname, 1), function->name) &&
                 (size_t)list_length(call->args) == function->argument_count;
    for (size_t i = 0; is_it && i < function->argument_count; i++) {
        is_it = is_cast_to(list_nth(call->args, (int)i), function->types[i]);
    }
    return is_it;
}

static bool is_ordinary(const FuncCall *call)
{
    return !call->agg_star && !call->agg_distinct && !call->agg_within_group && !call->func_variadic &&
           call->agg_order == NIL && call->agg_filter == NULL && call->over == NULL;
}

bool sql_check_is_listed_call(const struct sql_check *check, const FuncCall *call)
{
    for (size_t i = 0; i < check->limits->signature_count; i++) {
        if (is_call_of(call, &check->limits->signatures[i])) {
            return is_ordinary(call);
        }
    }
    return false;
}
