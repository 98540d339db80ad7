/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of functions in FROM. Where the function returns a scalar and has no column of that name, PostgreSQL
 * reads x.name as name(x), whatever the allow-list says: SELECT x.pg_read_file FROM unnest(ARRAY['file']) AS x
 * (parse analysis: transformColumnRef, makeWholeRowVar). So only columns that it surely has may be named. Any
 * other FROM item is a row, and only harmless functions take a row. */
#include "policy/sql_planner_private.h"

/* A function in FROM, by the name that columns use for it. */
struct sql_known_function {
    struct sql_known_function *next;
    struct rg_slice name;
    const RangeFunction *item;
};

/* The one call of an item that is not ROWS FROM several; NULL otherwise. */
static const FuncCall *function_call(const RangeFunction *item)
{
    const List *pair = list_length(item->functions) == 1 ? linitial_node(List, item->functions) : NIL;
    return pair != NIL && IsA(linitial(pair), FuncCall) ? linitial_node(FuncCall, pair) : NULL;
}

static struct rg_slice function_name(const RangeFunction *item)
{
    const FuncCall *call = function_call(item);
    if (item->alias != NULL) {
        return rg_slice_of(item->alias->aliasname);
    }
    return call == NULL ? (struct rg_slice){0} : sql_last_name(call->funcname);
}

rg_status sql_note_function(struct sql_work *work, const RangeFunction *item)
{
    if (++work->function_count > SQL_FUNCTIONS_MAX) {
        return sql_deny(&work->site, "54001", "sql.complexity", -1, "too many functions in FROM");
    }
    struct sql_known_function *known = NULL;
    RG_TRY(rg_arena_new(work->site.arena, &known));
    known->item = item;
    known->name = function_name(item);
    known->next = work->known_functions;
    work->known_functions = known;
    return RG_OK;
}

static bool is_word(struct rg_slice name, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (rg_slice_is_equal(rg_slice_of(words[i]), name)) {
            return true;
        }
    }
    return false;
}

static bool has_string(const List *names, struct rg_slice name)
{
    for (int i = 0; i < list_length(names); i++) {
        if (rg_slice_is_equal(sql_string(list_nth(names, i)), name)) {
            return true;
        }
    }
    return false;
}

static bool has_definition(const List *columns, struct rg_slice name)
{
    for (int i = 0; i < list_length(columns); i++) {
        if (rg_slice_is_equal(rg_slice_of(list_nth_node(ColumnDef, columns, i)->colname), name)) {
            return true;
        }
    }
    return false;
}

/* Outputs that PostgreSQL's functions name themselves and that are no function's or type's name; the alias, for
 * functions that name none. */
static bool has_column(const RangeFunction *item, struct rg_slice column)
{
    static const char *const outputs[] = {"key", "value", "ordinality", "lexeme", "positions", "weights", NULL};
    static const char *const unnamed[] = {"generate_series",
                                          "generate_subscripts",
                                          "json_object_keys",
                                          "jsonb_object_keys",
                                          "regexp_split_to_table",
                                          "string_to_table",
                                          NULL};
    const FuncCall *call = function_call(item);
    if (is_word(column, outputs) || has_definition(item->coldeflist, column) ||
        (item->alias != NULL && has_string(item->alias->colnames, column))) {
        return true;
    }
    return call != NULL && item->alias != NULL && item->alias->colnames == NIL &&
           rg_slice_is_equal(rg_slice_of(item->alias->aliasname), column) &&
           is_word(sql_last_name(call->funcname), unnamed);
}

static rg_status check_column(struct sql_work *work, const ColumnRef *column)
{
    struct rg_slice relation = sql_string(linitial(column->fields));
    struct rg_slice name = sql_string(lsecond(column->fields));
    for (const struct sql_known_function *known = work->known_functions; known != NULL; known = known->next) {
        if (rg_slice_is_equal(known->name, relation) && !has_column(known->item, name)) {
            return sql_deny(&work->site, "42501", "column.function", column->location,
                            "a column of a function in FROM must be one that its alias names");
        }
    }
    return RG_OK;
}

rg_status sql_note_dotted_column(struct sql_work *work, const ColumnRef *column)
{
    if (list_length(column->fields) != 2 || !IsA(lsecond(column->fields), String)) {
        return RG_OK;
    }
    if (work->dotted_count == work->dotted_capacity) {
        size_t grown = work->dotted_capacity == 0 ? 64 : work->dotted_capacity * 2;
        const ColumnRef **bigger = NULL;
        RG_TRY(rg_arena_array(work->site.arena, grown, sizeof(void *), (void **)&bigger));
        if (work->dotted_count > 0) {
            memcpy(bigger, work->dotted, work->dotted_count * sizeof(void *));
        }
        work->dotted = bigger;
        work->dotted_capacity = grown;
    }
    work->dotted[work->dotted_count++] = column;
    return RG_OK;
}

rg_status sql_dotted_columns_check(struct sql_work *work)
{
    for (size_t i = 0; work->known_functions != NULL && i < work->dotted_count; i++) {
        RG_TRY(check_column(work, work->dotted[i]));
    }
    return RG_OK;
}
