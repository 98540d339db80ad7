/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: one row for each node type that may stand in one, one function that visits all its children.
 * What has no row is refused, CURRENT OF and everything that only utility statements hold among it. */
#include "policy/sql_check_private.h"

static rg_status visit_nothing(struct sql_check *check, const void *node)
{
    (void)check;
    (void)node;
    return RG_OK; /* constants, DEFAULT: no children, no names */
}

static rg_status visit_parameter(struct sql_check *check, const void *node)
{
    if (check->limits->is_hyper && !check->is_trusted) {
        return sql_check_refuse(check, "a parameter");
    }
    sql_check_note_parameter(check, node);
    return RG_OK;
}

static rg_status visit_list(struct sql_check *check, const void *node)
{
    return sql_check_exprs(check, node);
}

rg_status sql_check_exprs(struct sql_check *check, const List *list)
{
    if (list != NIL && !IsA(list, List)) {
        return sql_check_refuse(check, "list");
    }
    for (int i = 0; i < list_length(list); i++) {
        RG_TRY(sql_check_expr(check, list_nth(list, i)));
    }
    return RG_OK;
}

static rg_status visit_column(struct sql_check *check, const void *node)
{
    const ColumnRef *column = node;
    int count = list_length(column->fields);
    check->column_count++;
    if (count < 1 || count > 3) {
        return sql_check_refuse(check, "a column named with its database");
    }
    if (count == 1 && sql_check_is_later_keyword(sql_check_name_at(column->fields, 0))) {
        return sql_check_refuse(check, "a name of the session");
    }
    RG_TRY(sql_check_function_column(check, column->fields));
    for (int i = 0; i < count; i++) {
        const Node *field = list_nth(column->fields, i);
        if (IsA(field, String)) {
            RG_TRY(sql_check_column_name(check, sql_check_name_at(column->fields, i)));
        } else if (!IsA(field, A_Star) || i != count - 1) {
            return sql_check_refuse(check, "column reference");
        }
    }
    return RG_OK;
}

static rg_status visit_subscript(struct sql_check *check, const void *node)
{
    const A_Indices *subscript = node;
    RG_TRY(sql_check_expr(check, subscript->lidx));
    return sql_check_expr(check, subscript->uidx);
}

/* A field, (expression).name, may be a call of a function of that name, and is not among them. */
static rg_status visit_selectors(struct sql_check *check, const List *selectors)
{
    static const struct sql_check_row rows[] = {{T_A_Indices, visit_subscript}, {T_A_Star, visit_nothing}};
    for (int i = 0; i < list_length(selectors); i++) {
        const Node *selector = list_nth(selectors, i);
        if (selector == NULL) {
            return sql_check_refuse(check, "selector");
        }
        RG_TRY(sql_check_by_table(check, rows, lengthof(rows), "selector", selector));
    }
    return RG_OK;
}

static rg_status visit_indirection(struct sql_check *check, const void *node)
{
    const A_Indirection *indirection = node;
    RG_TRY(sql_check_expr(check, indirection->arg));
    return visit_selectors(check, indirection->indirection);
}

static rg_status visit_target(struct sql_check *check, const void *node)
{
    const ResTarget *target = node; /* name is an output label */
    RG_TRY(visit_selectors(check, target->indirection));
    return sql_check_expr(check, target->val);
}

static rg_status visit_array(struct sql_check *check, const void *node)
{
    const A_ArrayExpr *array = node;
    return sql_check_exprs(check, array->elements);
}

static bool has_operator(const A_Expr *expr)
{
    return expr->kind != AEXPR_BETWEEN && expr->kind != AEXPR_NOT_BETWEEN && expr->kind != AEXPR_BETWEEN_SYM &&
           expr->kind != AEXPR_NOT_BETWEEN_SYM;
}

static rg_status visit_operator(struct sql_check *check, const void *node)
{
    const A_Expr *expr = node;
    RG_TRY(sql_check_hyper_array(check, expr));
    if (has_operator(expr)) {
        RG_TRY(sql_check_operator_name(check, expr->name));
    }
    RG_TRY(sql_check_expr(check, expr->lexpr));
    return sql_check_expr(check, expr->rexpr);
}

static rg_status visit_bool(struct sql_check *check, const void *node)
{
    const BoolExpr *expr = node;
    return sql_check_exprs(check, expr->args);
}

static rg_status visit_cast(struct sql_check *check, const void *node)
{
    const TypeCast *cast = node;
    RG_TRY(sql_check_type(check, cast->typeName));
    return sql_check_expr(check, cast->arg);
}

static rg_status visit_collate(struct sql_check *check, const void *node)
{
    const CollateClause *collate = node;
    RG_TRY(sql_check_collation_name(check, collate->collname));
    return sql_check_expr(check, collate->arg);
}

static rg_status visit_call(struct sql_check *check, const void *node)
{
    const FuncCall *call = node;
    if (!sql_check_is_listed_call(check, call)) {
        RG_TRY(sql_check_function_name(check, call->funcname));
    }
    RG_TRY(sql_check_exprs(check, call->args));
    RG_TRY(sql_check_exprs(check, call->agg_order));
    RG_TRY(sql_check_expr(check, call->agg_filter));
    return sql_check_window(check, call->over);
}

rg_status sql_check_window(struct sql_check *check, const WindowDef *window)
{
    if (window == NULL) {
        return RG_OK;
    }
    if (!IsA(window, WindowDef)) {
        return sql_check_refuse(check, "window");
    }
    RG_TRY(sql_check_exprs(check, window->partitionClause));
    RG_TRY(sql_check_exprs(check, window->orderClause));
    RG_TRY(sql_check_expr(check, window->startOffset));
    return sql_check_expr(check, window->endOffset);
}

static rg_status visit_named_argument(struct sql_check *check, const void *node)
{
    const NamedArgExpr *argument = node;
    return sql_check_expr(check, argument->arg);
}

static rg_status visit_sort(struct sql_check *check, const void *node)
{
    const SortBy *sort = node;
    if (sort->useOp != NIL) {
        RG_TRY(sql_check_operator_name(check, sort->useOp));
    }
    return sql_check_expr(check, sort->node);
}

static rg_status visit_sublink(struct sql_check *check, const void *node)
{
    const SubLink *sublink = node;
    if (sublink->subselect == NULL) {
        return sql_check_refuse(check, "sub-query");
    }
    if (sublink->operName != NIL) {
        RG_TRY(sql_check_operator_name(check, sublink->operName));
    }
    RG_TRY(sql_check_expr(check, sublink->testexpr));
    return sql_check_select(check, sublink->subselect);
}

static rg_status visit_case(struct sql_check *check, const void *node)
{
    const CaseExpr *expr = node;
    RG_TRY(sql_check_expr(check, expr->arg));
    RG_TRY(sql_check_exprs(check, expr->args));
    return sql_check_expr(check, expr->defresult);
}

static rg_status visit_when(struct sql_check *check, const void *node)
{
    const CaseWhen *when = node;
    RG_TRY(sql_check_expr(check, when->expr));
    return sql_check_expr(check, when->result);
}

static rg_status visit_coalesce(struct sql_check *check, const void *node)
{
    const CoalesceExpr *expr = node;
    return sql_check_exprs(check, expr->args);
}

static rg_status visit_min_max(struct sql_check *check, const void *node)
{
    const MinMaxExpr *expr = node;
    return sql_check_exprs(check, expr->args);
}

static rg_status visit_row(struct sql_check *check, const void *node)
{
    const RowExpr *row = node;
    return sql_check_exprs(check, row->args);
}

static rg_status visit_null_test(struct sql_check *check, const void *node)
{
    const NullTest *test = node;
    return sql_check_expr(check, test->arg);
}

static rg_status visit_boolean_test(struct sql_check *check, const void *node)
{
    const BooleanTest *test = node;
    return sql_check_expr(check, test->arg);
}

static rg_status visit_grouping_set(struct sql_check *check, const void *node)
{
    const GroupingSet *set = node;
    return sql_check_exprs(check, set->content);
}

static rg_status visit_grouping(struct sql_check *check, const void *node)
{
    const GroupingFunc *grouping = node;
    return sql_check_exprs(check, grouping->args);
}

/* Dates and times only: the others say the login's, database's or schema's name. */
static rg_status visit_value_function(struct sql_check *check, const void *node)
{
    const SQLValueFunction *function = node;
    return function->op <= SVFOP_LOCALTIMESTAMP_N ? RG_OK : sql_check_refuse(check, "a name of the session");
}

static rg_status visit_xml(struct sql_check *check, const void *node)
{
    const XmlExpr *xml = node;
    RG_TRY(sql_check_exprs(check, xml->named_args));
    return sql_check_exprs(check, xml->args);
}

static rg_status visit_xml_serialize(struct sql_check *check, const void *node)
{
    const XmlSerialize *xml = node;
    RG_TRY(sql_check_type(check, xml->typeName));
    return sql_check_expr(check, xml->expr);
}

static rg_status visit_by_tag(struct sql_check *check, const void *node)
{
    static const struct sql_check_row rows[] = {
        {T_ColumnRef, visit_column},
        {T_A_Const, visit_nothing},
        {T_ParamRef, visit_parameter},
        {T_A_Expr, visit_operator},
        {T_BoolExpr, visit_bool},
        {T_FuncCall, visit_call},
        {T_TypeCast, visit_cast},
        {T_ResTarget, visit_target},
        {T_List, visit_list},
        {T_SortBy, visit_sort},
        {T_SubLink, visit_sublink},
        {T_CaseExpr, visit_case},
        {T_CaseWhen, visit_when},
        {T_CoalesceExpr, visit_coalesce},
        {T_NullTest, visit_null_test},
        {T_BooleanTest, visit_boolean_test},
        {T_MinMaxExpr, visit_min_max},
        {T_RowExpr, visit_row},
        {T_A_ArrayExpr, visit_array},
        {T_A_Indirection, visit_indirection},
        {T_CollateClause, visit_collate},
        {T_NamedArgExpr, visit_named_argument},
        {T_GroupingSet, visit_grouping_set},
        {T_GroupingFunc, visit_grouping},
        {T_SQLValueFunction, visit_value_function},
        {T_XmlExpr, visit_xml},
        {T_XmlSerialize, visit_xml_serialize},
        {T_SetToDefault, visit_nothing},
    };
    return sql_check_by_table(check, rows, lengthof(rows), "expression", node);
}

rg_status sql_check_expr(struct sql_check *check, const void *node)
{
    if (node == NULL) {
        return RG_OK;
    }
    bool is_guarded = false;
    RG_TRY(sql_check_guarded(check, node, &is_guarded));
    check->has_guarded = check->has_guarded || is_guarded;
    return is_guarded ? RG_OK : visit_by_tag(check, node);
}
