/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT in all its shapes, and the scope of WITH: an item's name is known to the items after it and to the
 * statement that carries the WITH, with RECURSIVE also to itself and to the items before it
 * (parse analysis: transformWithClause, scanNameSpaceForCTE). */
#include "policy/sql_check_private.h"

static rg_status push_name(struct sql_check *check, const char *name)
{
    struct sql_check_scope *scope = NULL;
    RG_TRY(rg_arena_new(check->arena, &scope));
    scope->outer = check->scope;
    scope->name = name;
    check->scope = scope;
    return RG_OK;
}

static rg_status visit_item_query(struct sql_check *check, const CommonTableExpr *item)
{
    if (item->ctequery == NULL || !IsA(item->ctequery, SelectStmt)) {
        return sql_check_write(check, item->ctequery);
    }
    const void *fenced = check->fenced;
    check->fenced = item->ctematerialized == CTEMaterializeAlways ? item->ctequery : NULL;
    rg_status status = sql_check_select(check, item->ctequery);
    check->fenced = fenced;
    return status;
}

static bool is_catalogue(const char *name)
{
    return strncmp(name, "pg_", 3) == 0 || strncmp(name, "hyper_", 6) == 0;
}

static rg_status visit_item(struct sql_check *check, const CommonTableExpr *item)
{
    if (check->item_count >= SQL_CHECK_ITEMS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d WITH items", SQL_CHECK_ITEMS_MAX);
    }
    check->item_count++;
    if (check->limits->is_hyper && is_catalogue(item->ctename)) {
        return sql_check_refuse(check, "a WITH item with the name of a catalogue");
    }
    if (check->limits->is_hyper && item->ctematerialized == CTEMaterializeNever) {
        return sql_check_refuse(check, "NOT MATERIALIZED");
    }
    if (item->cycle_clause != NULL) {
        RG_TRY(sql_check_expr(check, item->cycle_clause->cycle_mark_value));
        RG_TRY(sql_check_expr(check, item->cycle_clause->cycle_mark_default));
    }
    return visit_item_query(check, item);
}

rg_status sql_check_with(struct sql_check *check, const WithClause *with)
{
    if (with == NULL) {
        return RG_OK;
    }
    int count = list_length(with->ctes);
    if (check->limits->is_hyper && with->recursive && count > 1) {
        return sql_check_refuse(check, "WITH RECURSIVE of several items");
    }
    for (int i = 0; with->recursive && i < count; i++) {
        const CommonTableExpr *item = list_nth(with->ctes, i);
        RG_TRY(push_name(check, item->ctename));
    }
    for (int i = 0; i < count; i++) {
        const CommonTableExpr *item = list_nth(with->ctes, i);
        RG_TRY(visit_item(check, item));
        if (!with->recursive) {
            RG_TRY(push_name(check, item->ctename));
        }
    }
    return RG_OK;
}

static rg_status visit_windows(struct sql_check *check, const List *windows)
{
    for (int i = 0; i < list_length(windows); i++) {
        RG_TRY(sql_check_window(check, list_nth(windows, i)));
    }
    return RG_OK;
}

/* Both arms of a set operation see the WITH of the whole. */
static rg_status visit_arms(struct sql_check *check, const SelectStmt *select)
{
    if (select->op == SETOP_NONE) {
        return select->larg == NULL && select->rarg == NULL ? RG_OK : sql_check_refuse(check, "set operation");
    }
    if (select->larg == NULL || select->rarg == NULL) {
        return sql_check_refuse(check, "set operation");
    }
    RG_TRY(sql_check_select(check, select->larg));
    return sql_check_select(check, select->rarg);
}

static rg_status visit_where(struct sql_check *check, const SelectStmt *select)
{
    check->where_of = select;
    rg_status status = sql_check_expr(check, select->whereClause);
    check->where_of = NULL;
    return status;
}

static rg_status visit_clauses(struct sql_check *check, const SelectStmt *select)
{
    RG_TRY(sql_check_with(check, select->withClause));
    RG_TRY(visit_arms(check, select));
    RG_TRY(sql_check_exprs(check, select->distinctClause));
    RG_TRY(sql_check_exprs(check, select->targetList));
    RG_TRY(sql_check_from(check, select->fromClause));
    RG_TRY(visit_where(check, select));
    RG_TRY(sql_check_exprs(check, select->groupClause));
    RG_TRY(sql_check_expr(check, select->havingClause));
    RG_TRY(visit_windows(check, select->windowClause));
    RG_TRY(sql_check_exprs(check, select->valuesLists));
    RG_TRY(sql_check_exprs(check, select->sortClause));
    RG_TRY(sql_check_expr(check, select->limitOffset));
    return sql_check_expr(check, select->limitCount);
}

static rg_status visit_select(struct sql_check *check, const void *node)
{
    const SelectStmt *select = node;
    if (select->intoClause != NULL) {
        return sql_check_refuse(check, "SELECT INTO");
    }
    if (select->lockingClause != NIL) {
        return sql_check_refuse(check, "row lock");
    }
    bool is_covered = false;
    RG_TRY(sql_check_covered(check, select, &is_covered));
    if (is_covered) {
        return RG_OK;
    }
    const struct sql_check_scope *scope = check->scope;
    const void *where_of = check->where_of;
    struct sql_check_level level = {check->level, select};
    check->level = &level;
    check->where_of = NULL;
    rg_status status = visit_clauses(check, select);
    check->scope = scope;
    check->level = level.outer;
    check->where_of = where_of;
    return status;
}

rg_status sql_check_select(struct sql_check *check, const void *node)
{
    static const struct sql_check_row rows[] = {{T_SelectStmt, visit_select}};
    return sql_check_by_table(check, rows, lengthof(rows), "query", node);
}
