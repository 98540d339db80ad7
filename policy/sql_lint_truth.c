/* SPDX-License-Identifier: Apache-2.0 */
/* Abstract evaluation of a boolean expression over all rows: which of TRUE, FALSE and NULL may come out, when this
 * claim is there, absent, or an empty list. What is not understood may come out as anything. */
#include "policy/sql_lint_private.h"

#include <strings.h>

enum { CAN_BE_NULL = 1, CAN_BE_VALUE = 2 };

static unsigned nullness(const struct lint_world *world, Node *node);

static unsigned swap(unsigned truth)
{
    return (truth & LINT_NULL) | ((truth & LINT_TRUE) != 0 ? LINT_FALSE : 0) |
           ((truth & LINT_FALSE) != 0 ? LINT_TRUE : 0);
}

static unsigned both(unsigned a, unsigned b)
{
    bool is_null = ((a & LINT_NULL) != 0 && (b & (LINT_TRUE | LINT_NULL)) != 0) ||
                   ((b & LINT_NULL) != 0 && (a & (LINT_TRUE | LINT_NULL)) != 0);
    return (a & b & LINT_TRUE) | ((a | b) & LINT_FALSE) | (is_null ? LINT_NULL : 0);
}

static unsigned either(unsigned a, unsigned b)
{
    return swap(both(swap(a), swap(b)));
}

/* ---- values ---- */

static unsigned claim_nullness(const struct lint_world *world, const ParamRef *parameter)
{
    size_t claim = (size_t)parameter->number - SQL_HOLE_NAMED;
    if (world->absence != LINT_PRESENT && world->claim == claim) {
        return world->absence == LINT_ABSENT ? CAN_BE_NULL : CAN_BE_VALUE;
    }
    bool is_required = claim < world->source->claim_count && world->source->claims[claim].required;
    return is_required || world->has_values ? CAN_BE_VALUE : CAN_BE_NULL | CAN_BE_VALUE;
}

/* COALESCE, GREATEST and LEAST: NULL only when all are. */
static unsigned any_value(const struct lint_world *world, const List *arguments)
{
    unsigned result = CAN_BE_NULL;
    for (int i = 0; i < list_length(arguments); i++) {
        unsigned one = nullness(world, list_nth(arguments, i));
        if (one == CAN_BE_VALUE) {
            return CAN_BE_VALUE;
        }
        result |= one;
    }
    return result;
}

static bool takes_null(struct rg_slice function)
{
    static const char *const names[] = {
        "concat",           "concat_ws",         "format",       "num_nulls",         "num_nonnulls",
        "json_build_array", "json_build_object", "array_append", "jsonb_build_array", "jsonb_build_object",
        "array_prepend",    "array_cat",         "array_remove", "array_replace",     "array_position",
        "array_positions",  "quote_nullable",    "to_json",      "to_jsonb",          "pg_typeof",
        "row_to_json",      "jsonb_set_lax",     "array_fill",   "array_to_json",     "pg_column_size",
    };
    for (size_t i = 0; i < lengthof(names); i++) {
        if (rg_slice_is_equal(function, rg_slice_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static unsigned call_nullness(const struct lint_world *world, const FuncCall *call)
{
    for (int i = 0; i < list_length(call->args) && !takes_null(sql_last_name(call->funcname)); i++) {
        if (nullness(world, list_nth(call->args, i)) == CAN_BE_NULL) {
            return CAN_BE_NULL;
        }
    }
    return CAN_BE_NULL | CAN_BE_VALUE;
}

static unsigned truth_nullness(unsigned truth)
{
    return ((truth & LINT_NULL) != 0 ? CAN_BE_NULL : 0U) |
           ((truth & (LINT_TRUE | LINT_FALSE)) != 0 ? CAN_BE_VALUE : 0U);
}

static unsigned nullness(const struct lint_world *world, Node *node)
{
    if (node == NULL || *world->fuel == 0) {
        return CAN_BE_NULL | CAN_BE_VALUE;
    }
    *world->fuel -= 1;
    switch ((int)nodeTag(node)) {
    case T_A_Const:
        return ((A_Const *)node)->isnull ? CAN_BE_NULL : CAN_BE_VALUE;
    case T_ParamRef:
        return claim_nullness(world, (ParamRef *)node);
    case T_TypeCast:
        return nullness(world, ((TypeCast *)node)->arg);
    case T_ColumnRef:
        return world->has_values ? CAN_BE_VALUE : CAN_BE_NULL | CAN_BE_VALUE;
    case T_CollateClause:
        return nullness(world, ((CollateClause *)node)->arg);
    case T_CoalesceExpr:
        return any_value(world, ((CoalesceExpr *)node)->args);
    case T_MinMaxExpr:
        return any_value(world, ((MinMaxExpr *)node)->args);
    case T_FuncCall:
        return call_nullness(world, (FuncCall *)node);
    case T_A_ArrayExpr:
    case T_NullTest:
    case T_BooleanTest:
        return CAN_BE_VALUE;
    case T_BoolExpr:
    case T_A_Expr:
        return truth_nullness(lint_truth(world, node));
    case T_A_Indirection:
        return nullness(world, ((A_Indirection *)node)->arg) | CAN_BE_NULL;
    default:
        return CAN_BE_NULL | CAN_BE_VALUE;
    }
}

/* COALESCE(NULL, x) is x. */
static Node *resolve(const struct lint_world *world, Node *node)
{
    while (node != NULL && (IsA(node, CoalesceExpr) || IsA(node, CollateClause))) {
        if (IsA(node, CollateClause)) {
            node = ((CollateClause *)node)->arg;
            continue;
        }
        List *arguments = ((CoalesceExpr *)node)->args;
        int at = 0;
        unsigned first = CAN_BE_NULL;
        while (at < list_length(arguments) && first == CAN_BE_NULL) {
            first = nullness(world, list_nth(arguments, at++));
        }
        if (first != CAN_BE_VALUE && at < list_length(arguments)) {
            return node;
        }
        node = list_nth(arguments, at - 1);
    }
    return node;
}

/* ---- operators ---- */

static unsigned orders_truth(unsigned orders, unsigned order, unsigned null)
{
    unsigned truth = ((order & orders) != 0 ? LINT_TRUE : 0U) | ((order & ~orders) != 0 ? LINT_FALSE : 0U);
    return truth | null;
}

static unsigned compare(const struct lint_world *world, unsigned orders, Node *left, Node *right)
{
    Node *a = resolve(world, left);
    Node *b = resolve(world, right);
    unsigned nulls = nullness(world, a);
    unsigned other = nullness(world, b);
    if (nulls == CAN_BE_NULL || other == CAN_BE_NULL) {
        return LINT_NULL;
    }
    unsigned null = ((nulls | other) & CAN_BE_NULL) != 0 ? LINT_NULL : 0U;
    if (orders == 0 || a == NULL || b == NULL) {
        return LINT_ANY;
    }
    unsigned order = lint_compare(a, b);
    if (order == 0 && equal(a, b) && lint_is_stable(a)) {
        order = LINT_EQUAL;
    }
    bool is_known = order == LINT_EQUAL || order == LINT_LESS || order == LINT_GREATER ||
                    (order != 0 && (orders == LINT_EQUAL || orders == (LINT_LESS | LINT_GREATER)));
    return is_known ? orders_truth(orders, order, null) : LINT_TRUE | LINT_FALSE | null;
}

enum { NOT_EQUAL = LINT_LESS | LINT_GREATER };

static unsigned in_list(const struct lint_world *world, const A_Expr *expr)
{
    const List *items = (const List *)(void *)expr->rexpr;
    bool is_in = lint_orders(expr->name) == LINT_EQUAL;
    unsigned truth = is_in ? LINT_FALSE : LINT_TRUE;
    for (int i = 0; i < list_length(items); i++) {
        unsigned one = compare(world, is_in ? LINT_EQUAL : NOT_EQUAL, expr->lexpr, list_nth(items, i));
        truth = is_in ? either(truth, one) : both(truth, one);
    }
    return truth;
}

static bool is_empty_list(const struct lint_world *world, const Node *node)
{
    if (IsA(node, TypeCast)) {
        node = ((const TypeCast *)node)->arg;
    }
    if (IsA(node, ParamRef)) {
        return world->absence == LINT_EMPTY &&
               (size_t)((const ParamRef *)node)->number == world->claim + SQL_HOLE_NAMED;
    }
    return IsA(node, A_ArrayExpr) && ((const A_ArrayExpr *)node)->elements == NIL;
}

/* x op ANY (list), x op ALL (list): NULL for a list that is NULL, decided for an empty one. */
static unsigned over_list(const struct lint_world *world, const A_Expr *expr)
{
    bool is_any = expr->kind == AEXPR_OP_ANY;
    unsigned empty = is_any ? LINT_FALSE : LINT_TRUE;
    Node *list = resolve(world, expr->rexpr);
    if (is_empty_list(world, list)) {
        return empty;
    }
    if (nullness(world, list) == CAN_BE_NULL) {
        return LINT_NULL;
    }
    if (IsA(list, A_ArrayExpr)) {
        const List *items = ((A_ArrayExpr *)list)->elements;
        unsigned truth = empty;
        for (int i = 0; i < list_length(items); i++) {
            unsigned one = compare(world, lint_orders(expr->name), expr->lexpr, list_nth(items, i));
            truth = is_any ? either(truth, one) : both(truth, one);
        }
        return truth;
    }
    return nullness(world, expr->lexpr) == CAN_BE_NULL ? empty | LINT_NULL : LINT_ANY;
}

static unsigned between(const struct lint_world *world, const A_Expr *expr)
{
    const List *bounds = (const List *)(void *)expr->rexpr;
    if (list_length(bounds) != 2 || expr->kind == AEXPR_BETWEEN_SYM || expr->kind == AEXPR_NOT_BETWEEN_SYM) {
        return nullness(world, expr->lexpr) == CAN_BE_NULL ? LINT_NULL : LINT_ANY;
    }
    unsigned low = compare(world, LINT_GREATER | LINT_EQUAL, expr->lexpr, linitial(bounds));
    unsigned high = compare(world, LINT_LESS | LINT_EQUAL, expr->lexpr, lsecond(bounds));
    unsigned truth = both(low, high);
    truth &= lint_compare(linitial(bounds), lsecond(bounds)) == LINT_GREATER ? ~(unsigned)LINT_TRUE : LINT_ANY;
    return expr->kind == AEXPR_BETWEEN ? truth : swap(truth);
}

static unsigned like(const struct lint_world *world, const A_Expr *expr)
{
    unsigned nulls = nullness(world, expr->lexpr);
    unsigned other = nullness(world, expr->rexpr);
    if (nulls == CAN_BE_NULL || other == CAN_BE_NULL) {
        return LINT_NULL;
    }
    unsigned null = ((nulls | other) & CAN_BE_NULL) != 0 ? LINT_NULL : 0U;
    const A_Const *pattern = IsA(expr->rexpr, A_Const) ? (const A_Const *)(void *)expr->rexpr : NULL;
    struct rg_slice text =
        pattern != NULL && IsA(&pattern->val, String) ? rg_slice_of(pattern->val.sval.sval) : (struct rg_slice){"", 0};
    if (text.size == 0 || strspn(text.data, "%") != text.size) {
        return LINT_TRUE | LINT_FALSE | null;
    }
    struct rg_slice name = sql_last_name(expr->name);
    return (name.size > 0 && name.data[0] == '!' ? LINT_FALSE : LINT_TRUE) | null;
}

static unsigned distinct(const struct lint_world *world, const A_Expr *expr)
{
    Node *a = resolve(world, expr->lexpr);
    Node *b = resolve(world, expr->rexpr);
    unsigned left = nullness(world, a);
    unsigned right = nullness(world, b);
    unsigned truth = LINT_TRUE | LINT_FALSE;
    if ((left == CAN_BE_NULL && right == CAN_BE_NULL) || (equal(a, b) && lint_is_stable(a))) {
        truth = LINT_FALSE;
    } else if ((left == CAN_BE_NULL && right == CAN_BE_VALUE) || (left == CAN_BE_VALUE && right == CAN_BE_NULL)) {
        truth = LINT_TRUE;
    } else if (left == CAN_BE_VALUE && right == CAN_BE_VALUE) {
        truth = compare(world, NOT_EQUAL, a, b);
    }
    return expr->kind == AEXPR_DISTINCT ? truth : swap(truth);
}

static unsigned operator_truth(const struct lint_world *world, const A_Expr *expr)
{
    switch (expr->kind) {
    case AEXPR_OP:
        return expr->lexpr == NULL ? (nullness(world, expr->rexpr) == CAN_BE_NULL ? LINT_NULL : LINT_ANY)
                                   : compare(world, lint_orders(expr->name), expr->lexpr, expr->rexpr);
    case AEXPR_OP_ANY:
    case AEXPR_OP_ALL:
        return over_list(world, expr);
    case AEXPR_IN:
        return in_list(world, expr);
    case AEXPR_LIKE:
    case AEXPR_ILIKE:
    case AEXPR_SIMILAR:
        return like(world, expr);
    case AEXPR_BETWEEN:
    case AEXPR_NOT_BETWEEN:
    case AEXPR_BETWEEN_SYM:
    case AEXPR_NOT_BETWEEN_SYM:
        return between(world, expr);
    case AEXPR_DISTINCT:
    case AEXPR_NOT_DISTINCT:
        return distinct(world, expr);
    case AEXPR_NULLIF:
        break;
    }
    return LINT_ANY;
}

/* ---- booleans ---- */

static unsigned junction(const struct lint_world *world, const BoolExpr *expr)
{
    bool is_and = expr->boolop == AND_EXPR;
    int count = list_length(expr->args);
    unsigned truth = is_and ? LINT_TRUE : LINT_FALSE;
    for (int i = 0; i < count; i++) {
        unsigned one = lint_truth(world, list_nth(expr->args, i));
        truth = is_and ? both(truth, one) : either(truth, one);
    }
    unsigned impossible = is_and ? LINT_TRUE : LINT_FALSE;
    for (int i = 0; i < count && count <= LINT_PAIRS_MAX; i++) {
        for (int j = 0; j < i && truth != impossible; j++) {
            if (!lint_pair_is_possible(list_nth(expr->args, j), list_nth(expr->args, i), is_and)) {
                truth &= ~impossible;
            }
        }
    }
    return truth;
}

static unsigned boolean_test(unsigned truth, BoolTestType type)
{
    unsigned wanted = 0;
    switch (type) {
    case IS_TRUE:
        wanted = LINT_TRUE;
        break;
    case IS_NOT_TRUE:
        wanted = LINT_FALSE | LINT_NULL;
        break;
    case IS_FALSE:
        wanted = LINT_FALSE;
        break;
    case IS_NOT_FALSE:
        wanted = LINT_TRUE | LINT_NULL;
        break;
    case IS_UNKNOWN:
        wanted = LINT_NULL;
        break;
    case IS_NOT_UNKNOWN:
        wanted = LINT_TRUE | LINT_FALSE;
        break;
    }
    return ((truth & wanted) != 0 ? LINT_TRUE : 0U) | ((truth & ~wanted) != 0 ? LINT_FALSE : 0U);
}

static unsigned null_test(const struct lint_world *world, const NullTest *test)
{
    unsigned nulls = nullness(world, (Node *)test->arg);
    unsigned truth = ((nulls & CAN_BE_NULL) != 0 ? LINT_TRUE : 0U) | ((nulls & CAN_BE_VALUE) != 0 ? LINT_FALSE : 0U);
    return test->nulltesttype == IS_NULL ? truth : swap(truth);
}

static unsigned case_truth(const struct lint_world *world, const CaseExpr *expr)
{
    unsigned truth = 0;
    for (int i = 0; i < list_length(expr->args); i++) {
        CaseWhen *when = list_nth(expr->args, i);
        unsigned taken = expr->arg == NULL ? lint_truth(world, (Node *)when->expr)
                                           : compare(world, LINT_EQUAL, (Node *)expr->arg, (Node *)when->expr);
        truth |= (taken & LINT_TRUE) != 0 ? lint_truth(world, (Node *)when->result) : 0U;
        if ((taken & (LINT_FALSE | LINT_NULL)) == 0) {
            return truth;
        }
    }
    return truth | (expr->defresult == NULL ? LINT_NULL : lint_truth(world, (Node *)expr->defresult));
}

static unsigned coalesce_truth(const struct lint_world *world, const CoalesceExpr *expr)
{
    unsigned truth = LINT_NULL;
    for (int i = 0; i < list_length(expr->args) && (truth & LINT_NULL) != 0; i++) {
        truth = (truth & ~(unsigned)LINT_NULL) | lint_truth(world, list_nth(expr->args, i));
    }
    return truth;
}

/* TRUE, FALSE and their spellings as a text. */
static unsigned constant_truth(const A_Const *constant)
{
    static const char *const truths[] = {"t", "true", "on", "yes", "1"};
    if (constant->isnull) {
        return LINT_NULL;
    }
    if (IsA(&constant->val, Boolean)) {
        return constant->val.boolval.boolval ? LINT_TRUE : LINT_FALSE;
    }
    for (size_t i = 0; i < lengthof(truths) && IsA(&constant->val, String); i++) {
        if (strcasecmp(constant->val.sval.sval, truths[i]) == 0) {
            return LINT_TRUE;
        }
    }
    return IsA(&constant->val, String) ? LINT_FALSE : LINT_TRUE | LINT_FALSE;
}

static unsigned cast_truth(const struct lint_world *world, const TypeCast *cast)
{
    bool is_bool = rg_slice_is_equal(sql_last_name(cast->typeName->names), RG_SLICE("bool"));
    if (is_bool && IsA(cast->arg, A_Const)) {
        return constant_truth((const A_Const *)(void *)cast->arg);
    }
    return nullness(world, cast->arg) == CAN_BE_NULL ? LINT_NULL : LINT_ANY;
}

/* A sub-select whose WHERE is never true gives no row. */
static bool gives_no_row(const struct lint_world *world, const SubLink *link)
{
    const SelectStmt *select = (const SelectStmt *)(void *)link->subselect;
    return IsA(select, SelectStmt) && select->op == SETOP_NONE && select->whereClause != NULL &&
           select->havingClause == NULL && list_length(select->targetList) == 1 &&
           lint_is_stable(linitial_node(ResTarget, select->targetList)->val) &&
           (lint_truth(world, select->whereClause) & LINT_TRUE) == 0;
}

static unsigned link_truth(const struct lint_world *world, const SubLink *link)
{
    bool is_empty = gives_no_row(world, link);
    switch ((int)link->subLinkType) {
    case EXISTS_SUBLINK:
        return is_empty ? LINT_FALSE : LINT_TRUE | LINT_FALSE;
    case ANY_SUBLINK:
        return is_empty ? LINT_FALSE : LINT_ANY;
    case ALL_SUBLINK:
        return is_empty ? LINT_TRUE : LINT_ANY;
    default:
        return is_empty ? LINT_NULL : LINT_ANY;
    }
}

static unsigned value_truth(unsigned nulls)
{
    return ((nulls & CAN_BE_NULL) != 0 ? LINT_NULL : 0U) | ((nulls & CAN_BE_VALUE) != 0 ? LINT_TRUE | LINT_FALSE : 0U);
}

unsigned lint_truth(const struct lint_world *world, Node *node)
{
    if (*world->fuel == 0) {
        return LINT_ANY;
    }
    *world->fuel -= 1;
    switch ((int)nodeTag(node)) {
    case T_BoolExpr:
        return ((BoolExpr *)node)->boolop == NOT_EXPR ? swap(lint_truth(world, linitial(((BoolExpr *)node)->args)))
                                                      : junction(world, (BoolExpr *)node);
    case T_A_Expr:
        return operator_truth(world, (A_Expr *)node);
    case T_NullTest:
        return null_test(world, (NullTest *)node);
    case T_BooleanTest:
        return boolean_test(lint_truth(world, (Node *)((BooleanTest *)node)->arg), ((BooleanTest *)node)->booltesttype);
    case T_CaseExpr:
        return case_truth(world, (CaseExpr *)node);
    case T_CoalesceExpr:
        return coalesce_truth(world, (CoalesceExpr *)node);
    case T_TypeCast:
        return cast_truth(world, (TypeCast *)node);
    case T_A_Const:
        return constant_truth((A_Const *)node);
    case T_SubLink:
        return link_truth(world, (SubLink *)node);
    default:
        return value_truth(nullness(world, node));
    }
}
