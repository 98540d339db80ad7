/* SPDX-License-Identifier: Apache-2.0 */
/* A masked column may stand alone in a select list, and come out of it through such items of the queries around. In
 * any other place it is refused, before the statement is rewritten. Runs only for statements that name a relation whose
 * masks say so. The masks themselves do not depend on it: they are applied behind the fence. */
#include "policy/sql_lineage_private.h"

/* ---- expressions ---- */

static rg_status visit_sublink(struct lineage *lineage, SubLink *link, size_t depth)
{
    const char *place = lineage->place;
    struct lineage_columns columns = {0};
    RG_TRY(lineage_expression(lineage, "IN, ANY or ALL", link->testexpr, depth + 1));
    RG_TRY(lineage_query(lineage, link->subselect, depth + 1, &columns));
    lineage->place = place;
    return link->subLinkType == EXISTS_SUBLINK
               ? RG_OK
               : lineage_deny_any(lineage, &columns, "a sub-select that is part of an expression");
}

static rg_status visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    struct lineage *lineage = (struct lineage *)(void *)walk;
    if (IsA(*slot, ColumnRef)) {
        const ColumnRef *reference = (const ColumnRef *)*slot;
        size_t mask = lineage_resolve(lineage, reference);
        *out_is_done = true;
        return mask == 0 ? RG_OK
                         : lineage_deny(lineage, lineage_written(lineage, reference), mask, lineage->place,
                                        reference->location);
    }
    if (IsA(*slot, SubLink)) {
        *out_is_done = true;
        return visit_sublink(lineage, (SubLink *)*slot, depth);
    }
    if (IsA(*slot, SelectStmt)) {
        struct lineage_columns columns = {0};
        *out_is_done = true;
        RG_TRY(lineage_query(lineage, *slot, depth, &columns));
        return lineage_deny_any(lineage, &columns, lineage->place);
    }
    return RG_OK;
}

static rg_status refuse(struct sql_walk *walk, const Node *node)
{
    return sql_deny_node(&((struct lineage *)(void *)walk)->work->site.walk, node);
}

static rg_status too_deep(struct sql_walk *walk, const Node *node)
{
    return sql_deny_depth(&((struct lineage *)(void *)walk)->work->site.walk, node);
}

rg_status lineage_expression(struct lineage *lineage, const char *place, void *node, size_t depth)
{
    const char *outer = lineage->place;
    Node *slot = node;
    lineage->place = place;
    rg_status status = sql_walk_slot(&lineage->walk, &slot, depth);
    lineage->place = outer;
    return status;
}

rg_status lineage_value(struct lineage *lineage, Node *node, size_t depth, size_t *out_mask)
{
    if (node != NULL && IsA(node, ColumnRef)) {
        const ColumnRef *reference = (const ColumnRef *)node;
        *out_mask = lineage_resolve(lineage, reference);
        return *out_mask == 0 || !lineage_is_call(lineage, reference)
                   ? RG_OK
                   : lineage_deny(lineage, lineage_written(lineage, reference), *out_mask, "a function's argument",
                                  reference->location);
    }
    if (node != NULL && IsA(node, SubLink) && ((SubLink *)node)->subLinkType == EXPR_SUBLINK) {
        struct lineage_columns columns = {0};
        RG_TRY(lineage_query(lineage, ((SubLink *)node)->subselect, depth + 1, &columns));
        const struct lineage_column *masked = lineage_masked(&columns);
        *out_mask = masked == NULL ? 0 : masked->mask;
        return RG_OK;
    }
    *out_mask = 0;
    return lineage_expression(lineage, "an expression", node, depth);
}

/* ---- select lists ---- */

static bool is_star(const Node *node)
{
    return node != NULL && IsA(node, ColumnRef) && IsA(llast(((const ColumnRef *)node)->fields), A_Star);
}

static rg_status expand_star(struct lineage *lineage, const ColumnRef *reference, const struct lineage_columns *all,
                             struct lineage_columns *columns)
{
    int count = list_length(reference->fields);
    size_t before = columns->count;
    RG_TRY(count == 1
               ? lineage_add_all(lineage, columns, all)
               : lineage_star(lineage, sql_cstring(sql_string(list_nth(reference->fields, count - 2))), columns));
    for (size_t i = before; i < columns->count; i++) {
        columns->items[i].location = reference->location;
    }
    return RG_OK;
}

rg_status lineage_targets(struct lineage *lineage, const List *list, const struct lineage_columns *all, size_t depth,
                          struct lineage_columns *columns)
{
    for (int i = 0; i < list_length(list); i++) {
        const ResTarget *target = list_nth_node(ResTarget, list, i);
        if (is_star(target->val)) {
            RG_TRY(expand_star(lineage, (const ColumnRef *)target->val, all, columns));
            continue;
        }
        struct lineage_column column = {.location = target->location};
        column.name = target->name != NULL ? rg_slice_of(target->name) : sql_column_name(target->val);
        RG_TRY(lineage_value(lineage, target->val, depth + 1, &column.mask));
        RG_TRY(lineage_add(lineage, columns, column));
    }
    return RG_OK;
}

/* ---- ORDER BY, GROUP BY, DISTINCT ON: ordinals and output names (findTargetlistEntrySQL92) ---- */

static rg_status deny_ordinal(struct lineage *lineage, const struct lineage_columns *columns, const A_Const *ordinal,
                              const char *place)
{
    int number = ordinal->val.ival.ival;
    if (columns->is_open || number < 1 || (size_t)number > columns->count) {
        return columns->is_open ? lineage_deny_any(lineage, columns, place) : RG_OK;
    }
    const struct lineage_column *column = &columns->items[number - 1];
    return column->mask == 0 ? RG_OK : lineage_deny(lineage, column->name, column->mask, place, ordinal->location);
}

/* columns: the output. prefers_input: GROUP BY takes an input column before an output one; both are looked at. */
static rg_status sort_item(struct lineage *lineage, Node *node, const struct lineage_columns *columns,
                           bool prefers_input, const char *place, size_t depth)
{
    if (node != NULL && IsA(node, A_Const) && IsA(&((A_Const *)node)->val, Integer) && !((A_Const *)node)->isnull) {
        return deny_ordinal(lineage, columns, (const A_Const *)node, place);
    }
    if (node != NULL && IsA(node, ColumnRef) && list_length(((ColumnRef *)node)->fields) == 1) {
        const ColumnRef *reference = (const ColumnRef *)node;
        const struct lineage_column *column = lineage_find(columns, sql_last_name(reference->fields));
        if (column != NULL && column->mask != 0) {
            return lineage_deny(lineage, column->name, column->mask, place, reference->location);
        }
        if (column != NULL && !prefers_input) {
            return RG_OK;
        }
    }
    return lineage_expression(lineage, place, node, depth);
}

static rg_status sort_list(struct lineage *lineage, const List *sorts, const struct lineage_columns *columns,
                           size_t depth)
{
    for (int i = 0; i < list_length(sorts); i++) {
        RG_TRY(sort_item(lineage, list_nth_node(SortBy, sorts, i)->node, columns, false, "ORDER BY", depth + 1));
    }
    return RG_OK;
}

/* GROUPING SETS, ROLLUP and CUBE hold items and rows of items. */
static rg_status group_item(struct lineage *lineage, Node *node, const struct lineage_columns *columns, size_t depth)
{
    const List *inner = NIL;
    if (depth > POLICY_DEPTH_MAX) {
        return too_deep(&lineage->walk, node);
    }
    if (node != NULL && IsA(node, GroupingSet)) {
        inner = ((GroupingSet *)node)->content;
    } else if (node != NULL && IsA(node, RowExpr)) {
        inner = ((RowExpr *)node)->args;
    } else if (node != NULL && IsA(node, List)) {
        inner = (List *)(void *)node;
    } else {
        return sort_item(lineage, node, columns, true, "GROUP BY", depth);
    }
    for (int i = 0; i < list_length(inner); i++) {
        RG_TRY(group_item(lineage, list_nth(inner, i), columns, depth + 1));
    }
    return RG_OK;
}

static rg_status distinct(struct lineage *lineage, const List *list, const struct lineage_columns *columns,
                          size_t depth)
{
    if (list_length(list) == 1 && linitial(list) == NULL) {
        return lineage_deny_any(lineage, columns, "DISTINCT");
    }
    for (int i = 0; i < list_length(list); i++) {
        RG_TRY(sort_item(lineage, list_nth(list, i), columns, false, "DISTINCT ON", depth + 1));
    }
    return RG_OK;
}

/* ---- queries ---- */

rg_status lineage_from_list(struct lineage *lineage, struct lineage_scope *scope, const List *items, size_t depth,
                            struct lineage_columns *all)
{
    for (int i = 0; i < list_length(items); i++) {
        struct lineage_columns columns = {0};
        RG_TRY(lineage_from(lineage, scope, list_nth(items, i), depth + 1, &columns));
        RG_TRY(lineage_add_all(lineage, all, &columns));
    }
    return RG_OK;
}

static rg_status clauses(struct lineage *lineage, const SelectStmt *select, const struct lineage_columns *columns,
                         size_t depth)
{
    RG_TRY(lineage_expression(lineage, "WHERE", select->whereClause, depth + 1));
    RG_TRY(group_item(lineage, (Node *)(void *)select->groupClause, columns, depth + 1));
    RG_TRY(lineage_expression(lineage, "HAVING", select->havingClause, depth + 1));
    RG_TRY(lineage_expression(lineage, "a window", select->windowClause, depth + 1));
    RG_TRY(distinct(lineage, select->distinctClause, columns, depth + 1));
    return sort_list(lineage, select->sortClause, columns, depth + 1);
}

static rg_status plain_select(struct lineage *lineage, const SelectStmt *select, size_t depth,
                              struct lineage_columns *columns)
{
    struct lineage_scope scope = {lineage->scope, NULL, NULL};
    struct lineage_columns all = {0};
    RG_TRY(lineage_from_list(lineage, &scope, select->fromClause, depth, &all));
    const struct lineage_scope *outer = lineage->scope;
    lineage->scope = &scope;
    rg_status status = lineage_targets(lineage, select->targetList, &all, depth + 1, columns);
    if (rg_is_ok(status)) {
        status = clauses(lineage, select, columns, depth);
    }
    lineage->scope = outer;
    return status;
}

static rg_status values(struct lineage *lineage, const SelectStmt *select, size_t depth,
                        struct lineage_columns *columns)
{
    for (int i = 0; i < list_length(select->valuesLists); i++) {
        const List *row = list_nth_node(List, select->valuesLists, i);
        for (int j = 0; j < list_length(row); j++) {
            struct lineage_column column = {.location = sql_node_location(list_nth(row, j))};
            RG_TRY(lineage_value(lineage, list_nth(row, j), depth + 2, &column.mask));
            if ((size_t)j >= columns->count) {
                RG_TRY(rg_arena_printf(lineage->work->site.arena, &column.name, "column%d", j + 1));
                RG_TRY(lineage_add(lineage, columns, column));
            } else if (column.mask != 0) {
                columns->items[j].mask = column.mask;
            }
        }
    }
    return sort_list(lineage, select->sortClause, columns, depth);
}

static const char *set_operation_name(const SelectStmt *select)
{
    switch (select->op) {
    case SETOP_INTERSECT:
        return "INTERSECT";
    case SETOP_EXCEPT:
        return "EXCEPT";
    case SETOP_NONE:
    case SETOP_UNION:
        break;
    }
    return "UNION without ALL";
}

/* Only UNION ALL compares no rows. */
static rg_status set_operation(struct lineage *lineage, const SelectStmt *select, size_t depth,
                               struct lineage_columns *columns)
{
    struct lineage_columns right = {0};
    RG_TRY(lineage_query(lineage, (Node *)select->larg, depth + 1, columns));
    RG_TRY(lineage_query(lineage, (Node *)select->rarg, depth + 1, &right));
    bool is_followed = !columns->is_open && !right.is_open;
    if (select->op != SETOP_UNION || !select->all || !is_followed) {
        const char *place = is_followed ? set_operation_name(select) : "a UNION that cannot be followed";
        RG_TRY(lineage_deny_any(lineage, columns, place));
        RG_TRY(lineage_deny_any(lineage, &right, place));
    }
    for (size_t i = 0; i < columns->count && i < right.count; i++) {
        if (columns->items[i].mask == 0) {
            columns->items[i].mask = right.items[i].mask;
        }
    }
    columns->is_open = columns->is_open || right.is_open;
    return sort_list(lineage, select->sortClause, columns, depth);
}

/* ---- any query ---- */

static rg_status query_parts(struct lineage *lineage, Node *node, size_t depth, struct lineage_columns *columns)
{
    if (!IsA(node, SelectStmt)) {
        return lineage_write(lineage, node, depth, columns);
    }
    const SelectStmt *select = (const SelectStmt *)node;
    RG_TRY(lineage_with_push(lineage, select->withClause, depth));
    RG_TRY(lineage_expression(lineage, "LIMIT", select->limitCount, depth + 1));
    RG_TRY(lineage_expression(lineage, "OFFSET", select->limitOffset, depth + 1));
    if (select->op != SETOP_NONE) {
        return set_operation(lineage, select, depth, columns);
    }
    return select->valuesLists != NIL ? values(lineage, select, depth, columns)
                                      : plain_select(lineage, select, depth, columns);
}

rg_status lineage_query(struct lineage *lineage, Node *query, size_t depth, struct lineage_columns *out_columns)
{
    if (depth > POLICY_DEPTH_MAX) {
        return too_deep(&lineage->walk, query);
    }
    if (++lineage->steps > LINEAGE_STEPS_MAX) {
        return sql_deny(&lineage->work->site, "54001", "sql.complexity", -1, "the statement is too complex");
    }
    struct lineage_with *with = lineage->with;
    struct lineage_columns columns = {0};
    rg_status status = query_parts(lineage, query, depth, &columns);
    lineage->with = with;
    RG_TRY(status);
    return lineage_add_all(lineage, out_columns, &columns);
}

/* ---- is it needed? ---- */

struct finder {
    struct sql_walk walk; /* first */
    const struct sql_work *work;
    struct lineage *lineage;
    bool is_found;
};

static rg_status find_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    struct finder *finder = (struct finder *)(void *)walk;
    (void)depth, (void)out_is_done;
    const struct policy_bound *bound = IsA(*slot, RangeVar) ? sql_peek(finder->work, (const RangeVar *)*slot) : NULL;
    for (size_t i = 0; bound != NULL && i < bound->mask_count; i++) {
        finder->is_found = finder->is_found || !bound->masks[i].allow_in_predicates;
    }
    return RG_OK;
}

static rg_status find_refuse(struct sql_walk *walk, const Node *node)
{
    return refuse(&((struct finder *)(void *)walk)->lineage->walk, node);
}

static rg_status find_too_deep(struct sql_walk *walk, const Node *node)
{
    return too_deep(&((struct finder *)(void *)walk)->lineage->walk, node);
}

rg_status sql_lineage_check(struct sql_work *work, Node *statement)
{
    struct lineage lineage = {.walk = {visit, refuse, too_deep}, .work = work, .place = "an expression"};
    struct finder finder = {{find_visit, find_refuse, find_too_deep}, work, &lineage, false};
    struct lineage_columns columns = {0};
    Node *slot = statement;
    if (work->binding->masked_count == 0) {
        return RG_OK;
    }
    RG_TRY(sql_walk_slot(&finder.walk, &slot, 0));
    return finder.is_found ? lineage_query(&lineage, statement, 0, &columns) : RG_OK;
}
