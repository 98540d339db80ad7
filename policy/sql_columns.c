/* SPDX-License-Identifier: Apache-2.0 */
/* Columns that are qualified. schema.table.column: a fence has no schema, so the column keeps only its relation's
 * bare name. That means the same only where the whole statement knows one thing by that name, and that thing is
 * the relation. function.column: where the function in FROM returns a scalar and has no such column, PostgreSQL
 * calls the function of the column's name with it, whatever the allow-list says; so only columns that it surely
 * has may be named. */
#include "policy/sql_planner_private.h"

/* Something in FROM, or a WITH item, by the name that columns use for it. */
struct sql_known_name {
    struct sql_known_name *next;
    const char *name;
    struct rg_slice schema;        /* logical; of a relation without an alias, empty for all others */
    const RangeFunction *function; /* NULL for all others */
};

struct names_walk {
    struct sql_walk walk; /* first */
    struct sql_work *work;
};

static struct sql_work *work_of(struct sql_walk *walk)
{
    return ((struct names_walk *)(void *)walk)->work;
}

static rg_status names_refuse(struct sql_walk *walk, const Node *node)
{
    return sql_deny_node(&work_of(walk)->site.walk, node);
}

static rg_status names_too_deep(struct sql_walk *walk, const Node *node)
{
    return sql_deny_depth(&work_of(walk)->site.walk, node);
}

static rg_status know(struct sql_work *work, const char *name, struct rg_slice schema, const RangeFunction *function)
{
    struct sql_known_name *known = NULL;
    RG_TRY(rg_arena_new(work->site.arena, &known));
    known->name = name;
    known->schema = schema;
    known->function = function;
    known->next = work->known_names;
    work->known_names = known;
    return RG_OK;
}

/* The one call of an item that is not ROWS FROM several; NULL otherwise. */
static const FuncCall *function_call(const RangeFunction *item)
{
    const List *pair = list_length(item->functions) == 1 ? linitial_node(List, item->functions) : NIL;
    return pair != NIL && IsA(linitial(pair), FuncCall) ? linitial_node(FuncCall, pair) : NULL;
}

/* What columns call the item by. */
static const char *function_name(const RangeFunction *item)
{
    if (item->alias != NULL) {
        return item->alias->aliasname;
    }
    const FuncCall *call = function_call(item);
    return call == NULL ? "" : sql_last_name(call->funcname).data;
}

static rg_status names_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    (void)depth, (void)out_is_done;
    struct sql_work *work = work_of(walk);
    const void *node = *slot;
    if (IsA(node, Alias)) {
        return know(work, ((const Alias *)node)->aliasname, (struct rg_slice){0}, NULL);
    }
    if (IsA(node, CommonTableExpr)) {
        return know(work, ((const CommonTableExpr *)node)->ctename, (struct rg_slice){0}, NULL);
    }
    if (IsA(node, RangeFunction)) {
        return know(work, function_name(node), (struct rg_slice){0}, node);
    }
    const RangeVar *range = node;
    if (IsA(node, RangeVar) && range->alias == NULL) {
        return know(work, range->relname, sql_range_schema(work, range), NULL);
    }
    return RG_OK;
}

rg_status sql_names_collect(struct sql_work *work, Node **slot)
{
    struct names_walk walk = {{names_visit, names_refuse, names_too_deep}, work};
    work->known_names = NULL;
    return sql_walk_slot(&walk.walk, slot, 0);
}

/* An unqualified name that is a WITH item's too is known by the item's row as well, and so is not the only one. */
static bool is_only_meaning(const struct sql_work *work, struct rg_slice schema, struct rg_slice table)
{
    bool is_found = false;
    for (const struct sql_known_name *known = work->known_names; known != NULL; known = known->next) {
        if (rg_slice_is_equal(rg_slice_of(known->name), table)) {
            if (!rg_slice_is_equal(known->schema, schema)) {
                return false;
            }
            is_found = true;
        }
    }
    return is_found;
}

/* ---- columns of functions ---- */

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

static rg_status visit_function_column(struct sql_work *work, const ColumnRef *column)
{
    struct rg_slice relation = sql_string(list_nth(column->fields, 0));
    struct rg_slice name = sql_string(list_nth(column->fields, 1));
    for (const struct sql_known_name *known = work->known_names; name.size > 0 && known != NULL; known = known->next) {
        if (known->function != NULL && rg_slice_is_equal(rg_slice_of(known->name), relation) &&
            !has_column(known->function, name)) {
            return sql_deny(&work->site, "42501", "column.function", column->location,
                            "a column of a function in FROM must be one that its alias names");
        }
    }
    return RG_OK;
}

rg_status sql_visit_column(struct sql_work *work, ColumnRef *column)
{
    struct sql_site *site = &work->site;
    RG_TRY(sql_check_column(site, column));
    if (list_length(column->fields) == 2) {
        return visit_function_column(work, column);
    }
    if (list_length(column->fields) < 3) {
        return RG_OK;
    }
    if (!is_only_meaning(work, sql_string(list_nth(column->fields, 0)), sql_string(list_nth(column->fields, 1)))) {
        return sql_deny(site, "0A000", "column.relation", column->location,
                        "a column is qualified by a schema, and its relation does not stand in FROM under its own "
                        "name, or is not the only one of that name");
    }
    size_t token = 0;
    size_t last = 0;
    RG_TRY(sql_site_token(site, column->location, &token));
    RG_TRY(sql_site_name_end(site, token, 1, &last));
    column->fields = list_copy_tail(column->fields, 1);
    return sql_site_replace(site, token, last + 1, RG_SLICE(""));
}
