/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that do not look like calls. Where x is not a column's relation but a function in FROM that returns a
 * scalar, PostgreSQL reads x.name as name(x) when x has no column of that name (parse analysis:
 * transformColumnRef, makeWholeRowVar): SELECT x.pg_read_file FROM unnest(ARRAY['file']) AS x. Any other FROM item
 * is a row, and only harmless functions take a row. So a column of a function in FROM must be one that the
 * function surely has. The statement is visited again for that, once all its functions are known. */
#include "policy/sql_check_private.h"

/* A function in FROM by the name that columns use for it. */
struct sql_check_function {
    struct sql_check_function *next;
    const char *name;
    const RangeFunction *item;
};

static const FuncCall *only_call(const RangeFunction *item)
{
    const List *pair = list_length(item->functions) == 1 ? list_nth(item->functions, 0) : NIL;
    const Node *call = list_length(pair) == 2 ? list_nth(pair, 0) : NULL;
    return call != NULL && IsA(call, FuncCall) ? (const void *)call : NULL;
}

static const char *call_name(const FuncCall *call)
{
    return call == NULL ? NULL : sql_check_name_at(call->funcname, list_length(call->funcname) - 1);
}

rg_status sql_check_function_item(struct sql_check *check, const RangeFunction *item)
{
    if (check->is_trusted || check->is_second_visit) {
        return RG_OK;
    }
    const char *name = item->alias != NULL ? item->alias->aliasname : call_name(only_call(item));
    if (name == NULL) {
        return sql_check_refuse(check, "a function in FROM without a name");
    }
    if (check->function_item_count >= SQL_CHECK_FUNCTIONS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d functions in FROM", SQL_CHECK_FUNCTIONS_MAX);
    }
    struct sql_check_function *function = NULL;
    RG_TRY(rg_arena_new(check->arena, &function));
    *function = (struct sql_check_function){check->function_items, name, item};
    check->function_items = function;
    check->function_item_count++;
    return RG_OK;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Functions whose one column is named by the alias: they name no output themselves. */
static bool is_named_by_alias(const char *function)
{
    static const char *const names[] = {"generate_series",   "generate_subscripts",   "json_object_keys",
                                        "jsonb_object_keys", "regexp_split_to_table", "string_to_table"};
    return function != NULL && is_one_of(function, names, lengthof(names));
}

static bool has_alias_column(const RangeFunction *item, const char *column)
{
    const List *names = item->alias == NULL ? NIL : item->alias->colnames;
    for (int i = 0; i < list_length(names); i++) {
        const char *name = sql_check_name_at(names, i);
        if (name != NULL && strcmp(name, column) == 0) {
            return true;
        }
    }
    for (int i = 0; i < list_length(item->coldeflist); i++) {
        const ColumnDef *definition = list_nth(item->coldeflist, i);
        if (strcmp(definition->colname, column) == 0) {
            return true;
        }
    }
    return names == NIL && item->alias != NULL && strcmp(item->alias->aliasname, column) == 0 &&
           is_named_by_alias(call_name(only_call(item)));
}

/* Names that PostgreSQL's own functions give their outputs, and that no function or type has. */
static bool is_output_name(const char *column)
{
    static const char *const names[] = {"key", "value", "ordinality", "lexeme", "positions", "weights"};
    return is_one_of(column, names, lengthof(names));
}

rg_status sql_check_function_column(struct sql_check *check, const List *fields)
{
    const char *relation = sql_check_name_at(fields, 0);
    const char *column = sql_check_name_at(fields, 1);
    if (!check->is_second_visit || list_length(fields) != 2 || relation == NULL || column == NULL) {
        return RG_OK;
    }
    for (const struct sql_check_function *function = check->function_items; function != NULL;
         function = function->next) {
        if (strcmp(function->name, relation) == 0 && !has_alias_column(function->item, column) &&
            !is_output_name(column)) {
            return sql_check_refuse(check, "a function called as a column");
        }
    }
    return RG_OK;
}
