/* SPDX-License-Identifier: Apache-2.0 */
/* Two conditions on the same thing: a = 1 and a = 2 cannot both be true, a < 5 or a >= 5 cannot both be false. Only
 * what is certain is said; everything else is possible. */
#include "policy/sql_lint_private.h"

#include <stdlib.h>

unsigned lint_orders(const List *name)
{
    static const struct {
        const char *name;
        unsigned orders;
    } rows[] = {
        {"=", LINT_EQUAL},
        {"<>", LINT_LESS | LINT_GREATER},
        {"!=", LINT_LESS | LINT_GREATER},
        {"<", LINT_LESS},
        {"<=", LINT_LESS | LINT_EQUAL},
        {">", LINT_GREATER},
        {">=", LINT_GREATER | LINT_EQUAL},
    };
    for (size_t i = 0; i < lengthof(rows); i++) {
        if (rg_slice_is_equal(sql_last_name(name), rg_slice_of(rows[i].name))) {
            return rows[i].orders;
        }
    }
    return 0;
}

static bool read_number(const A_Const *constant, long double *out_number)
{
    if (IsA(&constant->val, Integer)) {
        *out_number = constant->val.ival.ival;
        return true;
    }
    if (IsA(&constant->val, Float)) {
        *out_number = strtold(constant->val.fval.fval, NULL);
        return true;
    }
    return false;
}

static unsigned order_of(bool is_less, bool is_equal)
{
    return is_equal ? LINT_EQUAL : is_less ? LINT_LESS : LINT_GREATER;
}

static const A_Const *literal(const Node *node)
{
    if (IsA(node, TypeCast) && IsA(((const TypeCast *)node)->arg, A_Const)) { /* TRUE is 't'::bool */
        const A_Const *constant = (const A_Const *)((const TypeCast *)node)->arg;
        return !constant->isnull && IsA(&constant->val, Boolean) ? constant : NULL;
    }
    return IsA(node, A_Const) && !((const A_Const *)node)->isnull ? (const A_Const *)node : NULL;
}

unsigned lint_compare(const Node *left, const Node *right)
{
    const A_Const *a = literal(left);
    const A_Const *b = literal(right);
    long double x = 0;
    long double y = 0;
    if (a == NULL || b == NULL) {
        return 0;
    }
    if (read_number(a, &x) && read_number(b, &y)) {
        return order_of(x < y, x == y);
    }
    if (IsA(&a->val, String) && IsA(&b->val, String)) {
        return strcmp(a->val.sval.sval, b->val.sval.sval) == 0 ? LINT_EQUAL : LINT_LESS | LINT_GREATER;
    }
    if (IsA(&a->val, Boolean) && IsA(&b->val, Boolean)) {
        return order_of(a->val.boolval.boolval < b->val.boolval.boolval,
                        a->val.boolval.boolval == b->val.boolval.boolval);
    }
    return 0;
}

/* ---- stable trees ---- */

static rg_status stable_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    (void)walk, (void)depth, (void)out_is_done;
    switch ((int)nodeTag(*slot)) {
    case T_ColumnRef:
    case T_A_Const:
    case T_ParamRef:
    case T_TypeCast:
    case T_TypeName:
    case T_String:
    case T_Integer:
    case T_Float:
    case T_Boolean:
    case T_A_Expr:
    case T_A_Indirection:
    case T_A_Indices:
    case T_A_ArrayExpr:
    case T_CollateClause:
        return RG_OK;
    default:
        return rg_fail(RG_DENIED, "may have another value the next time");
    }
}

static rg_status refuse(struct sql_walk *walk, const Node *node)
{
    (void)walk, (void)node;
    return rg_fail(RG_DENIED, "unknown node");
}

bool lint_is_stable(Node *node)
{
    struct sql_walk walk = {stable_visit, refuse, refuse};
    return rg_is_ok(sql_walk_slot(&walk, &node, 0));
}

/* ---- conditions ---- */

/* `subject op value`, or subject IS [NOT] NULL. */
struct condition {
    Node *subject;
    Node *value; /* NULL: a null test, or a boolean by itself */
    unsigned orders;
    bool is_null_test, is_null;
};

static bool is_fixed(const Node *node)
{
    return IsA(node, ParamRef) || literal(node) != NULL;
}

static unsigned turn(unsigned orders)
{
    return (orders & LINT_EQUAL) | ((orders & LINT_LESS) != 0 ? LINT_GREATER : 0) |
           ((orders & LINT_GREATER) != 0 ? LINT_LESS : 0);
}

static void negate(struct condition *condition)
{
    condition->orders ^= LINT_LESS | LINT_EQUAL | LINT_GREATER;
    condition->is_null = !condition->is_null;
}

static bool read_condition(Node *node, struct condition *out_condition)
{
    struct condition condition = {0};
    if (IsA(node, BoolExpr) && ((BoolExpr *)node)->boolop == NOT_EXPR) {
        if (!read_condition(linitial(((BoolExpr *)node)->args), out_condition)) {
            return false;
        }
        negate(out_condition);
        return true;
    }
    if (IsA(node, NullTest)) {
        bool is_null = ((NullTest *)node)->nulltesttype == IS_NULL;
        condition = (struct condition){(Node *)((NullTest *)node)->arg, NULL, 0, true, is_null};
    } else if (IsA(node, ColumnRef)) {
        condition = (struct condition){node, NULL, LINT_EQUAL, false, false};
    } else if (IsA(node, A_Expr) && ((A_Expr *)node)->kind == AEXPR_OP && ((A_Expr *)node)->lexpr != NULL) {
        A_Expr *expr = (A_Expr *)node;
        unsigned orders = lint_orders(expr->name);
        bool is_turned = is_fixed(expr->lexpr) && !is_fixed(expr->rexpr);
        condition = is_turned ? (struct condition){expr->rexpr, expr->lexpr, turn(orders), false, false}
                              : (struct condition){expr->lexpr, expr->rexpr, orders, false, false};
    }
    *out_condition = condition;
    return condition.subject != NULL && (condition.is_null_test || condition.orders != 0);
}

/* Is there an x with x op a and x op b, where a is left of b on the line? */
static bool have_common(unsigned to_a, unsigned to_b)
{
    static const struct {
        unsigned to_a, to_b;
    } places[] = {{LINT_LESS, LINT_LESS},
                  {LINT_EQUAL, LINT_LESS},
                  {LINT_GREATER, LINT_LESS},
                  {LINT_GREATER, LINT_EQUAL},
                  {LINT_GREATER, LINT_GREATER}};
    for (size_t i = 0; i < lengthof(places); i++) {
        if ((places[i].to_a & to_a) != 0 && (places[i].to_b & to_b) != 0) {
            return true;
        }
    }
    return false;
}

static bool values_are_compatible(const struct condition *a, const struct condition *b)
{
    if (a->value == NULL || b->value == NULL) {
        return a->value != b->value || (a->orders & b->orders) != 0;
    }
    unsigned order = lint_compare(a->value, b->value);
    if (order == LINT_EQUAL || (order == 0 && equal(a->value, b->value) && lint_is_stable(a->value))) {
        return (a->orders & b->orders) != 0;
    }
    if (order == LINT_LESS || order == LINT_GREATER) {
        return order == LINT_LESS ? have_common(a->orders, b->orders) : have_common(b->orders, a->orders);
    }
    return order == 0 || a->orders != LINT_EQUAL || b->orders != LINT_EQUAL;
}

bool lint_pair_is_possible(Node *left, Node *right, bool is_and)
{
    struct condition a = {0};
    struct condition b = {0};
    if (!read_condition(left, &a) || !read_condition(right, &b) || !equal(a.subject, b.subject) ||
        !lint_is_stable(a.subject)) {
        return true;
    }
    if (!is_and) {
        negate(&a);
        negate(&b);
    }
    if (a.is_null_test && b.is_null_test) {
        return a.is_null == b.is_null;
    }
    if (a.is_null_test || b.is_null_test) {
        return !(a.is_null_test ? a.is_null : b.is_null); /* no comparison with NULL is true, nor false */
    }
    return values_are_compatible(&a, &b);
}
