/* SPDX-License-Identifier: Apache-2.0 */
/* Guards: expressions in which a function that answers by OID may stand, because the expression itself makes
 * sure that the OID is one of the tenant's. A guard's $1.. are holes; each takes a plain column reference, a
 * constant or a parameter, the same one wherever its number stands. Everything else must be the same tree. */
#include "policy/sql_check_private.h"

enum kind { KIND_END = 0, KIND_NODE, KIND_TEXT, KIND_INT, KIND_BOOL };

struct field {
    enum kind kind;
    size_t offset;
};

enum { FIELDS_MAX = 20 };

/* What makes two nodes of a type the same, locations aside. A type without a row is compared by equal(),
 * and so cannot hold a hole. */
struct shape {
    NodeTag tag;
    struct field fields[FIELDS_MAX];
};

#define NODE(type, name)                                                                                               \
    {                                                                                                                  \
        KIND_NODE, offsetof(type, name)                                                                                \
    }
#define TEXT(type, name)                                                                                               \
    {                                                                                                                  \
        KIND_TEXT, offsetof(type, name)                                                                                \
    }
#define ENUM(type, name)                                                                                               \
    {                                                                                                                  \
        KIND_INT, offsetof(type, name)                                                                                 \
    }
#define BOOL(type, name)                                                                                               \
    {                                                                                                                  \
        KIND_BOOL, offsetof(type, name)                                                                                \
    }

static const struct shape shapes[] = {
    {T_FuncCall,
     {NODE(FuncCall, funcname), NODE(FuncCall, args), NODE(FuncCall, agg_order), NODE(FuncCall, agg_filter),
      NODE(FuncCall, over), BOOL(FuncCall, agg_within_group), BOOL(FuncCall, agg_star), BOOL(FuncCall, agg_distinct),
      BOOL(FuncCall, func_variadic)}},
    {T_TypeCast, {NODE(TypeCast, arg), NODE(TypeCast, typeName)}},
    {T_A_Expr, {ENUM(A_Expr, kind), NODE(A_Expr, name), NODE(A_Expr, lexpr), NODE(A_Expr, rexpr)}},
    {T_BoolExpr, {ENUM(BoolExpr, boolop), NODE(BoolExpr, args)}},
    {T_NullTest, {NODE(NullTest, arg), ENUM(NullTest, nulltesttype), BOOL(NullTest, argisrow)}},
    {T_CaseExpr, {NODE(CaseExpr, arg), NODE(CaseExpr, args), NODE(CaseExpr, defresult)}},
    {T_CaseWhen, {NODE(CaseWhen, expr), NODE(CaseWhen, result)}},
    {T_CoalesceExpr, {NODE(CoalesceExpr, args)}},
    {T_A_ArrayExpr, {NODE(A_ArrayExpr, elements)}},
    {T_SubLink,
     {ENUM(SubLink, subLinkType), ENUM(SubLink, subLinkId), NODE(SubLink, testexpr), NODE(SubLink, operName),
      NODE(SubLink, subselect)}},
    {T_ResTarget, {TEXT(ResTarget, name), NODE(ResTarget, indirection), NODE(ResTarget, val)}},
    {T_RangeSubselect, {BOOL(RangeSubselect, lateral), NODE(RangeSubselect, subquery), NODE(RangeSubselect, alias)}},
    {T_JoinExpr,
     {ENUM(JoinExpr, jointype), BOOL(JoinExpr, isNatural), NODE(JoinExpr, larg), NODE(JoinExpr, rarg),
      NODE(JoinExpr, usingClause), NODE(JoinExpr, join_using_alias), NODE(JoinExpr, quals), NODE(JoinExpr, alias)}},
    {T_SelectStmt, {NODE(SelectStmt, distinctClause), NODE(SelectStmt, intoClause),   NODE(SelectStmt, targetList),
                    NODE(SelectStmt, fromClause),     NODE(SelectStmt, whereClause),  NODE(SelectStmt, groupClause),
                    BOOL(SelectStmt, groupDistinct),  NODE(SelectStmt, havingClause), NODE(SelectStmt, windowClause),
                    NODE(SelectStmt, valuesLists),    NODE(SelectStmt, sortClause),   NODE(SelectStmt, limitOffset),
                    NODE(SelectStmt, limitCount),     ENUM(SelectStmt, limitOption),  NODE(SelectStmt, lockingClause),
                    NODE(SelectStmt, withClause),     ENUM(SelectStmt, op),           BOOL(SelectStmt, all),
                    NODE(SelectStmt, larg),           NODE(SelectStmt, rarg)}},
};

/* What stands in the holes of the guard that is being compared. */
struct holes {
    const void *values[SQL_CHECK_HOLES_MAX];
    size_t query_depth; /* sub-queries of the guard around the present node */
    size_t open_depth;  /* those of them that could capture an unqualified column */
};

static bool is_own(const char *name)
{
    return name != NULL && strncmp(name, "rg_", 3) == 0;
}

/* A sub-select that shows only columns and a name of rowgate's own. */
static bool is_sealed_item(const Node *node)
{
    const RangeSubselect *item = (const void *)node;
    if (!IsA(node, RangeSubselect) || item->alias == NULL || !is_own(item->alias->aliasname) ||
        item->alias->colnames != NIL || !IsA(item->subquery, SelectStmt)) {
        return false;
    }
    const SelectStmt *select = (const void *)item->subquery;
    for (int i = 0; i < list_length(select->targetList); i++) {
        const ResTarget *target = list_nth(select->targetList, i);
        if (!is_own(target->name)) {
            return false;
        }
    }
    return select->op == SETOP_NONE && select->valuesLists == NIL;
}

static bool is_sealed(const SelectStmt *select)
{
    for (int i = 0; i < list_length(select->fromClause); i++) {
        if (!is_sealed_item(list_nth(select->fromClause, i))) {
            return false;
        }
    }
    return true;
}

/* Inside a sub-query of the guard, a caller's column could be captured by that query's own FROM, and the guard
 * would then ask about itself. Names of rowgate's own begin with rg_: a caller's column does not, and is
 * qualified where the query's FROM shows any other name. */
static bool is_capturable(const struct holes *holes, const void *node)
{
    const ColumnRef *column = node;
    if (holes->query_depth == 0 || !IsA(node, ColumnRef)) {
        return false;
    }
    const char *first = sql_check_name_at(column->fields, 0);
    return first == NULL || is_own(first) || (holes->open_depth > 0 && list_length(column->fields) < 2);
}

static bool is_hole_value(const void *node)
{
    const TypeCast *cast = node;
    const void *inner = IsA(node, TypeCast) ? (const void *)cast->arg : node;
    return IsA(node, ColumnRef) || (inner != NULL && (IsA(inner, A_Const) || IsA(inner, ParamRef)));
}

static bool fill_hole(struct holes *holes, const ParamRef *hole, const void *node)
{
    if (hole->number < 1 || hole->number > SQL_CHECK_HOLES_MAX || node == NULL || !is_hole_value(node) ||
        is_capturable(holes, node)) {
        return false;
    }
    const void **value = &holes->values[hole->number - 1];
    if (*value == NULL) {
        *value = node;
    }
    return equal(*value, node);
}

static const struct shape *shape_find(NodeTag tag)
{
    for (size_t i = 0; i < lengthof(shapes); i++) {
        if (shapes[i].tag == tag) {
            return &shapes[i];
        }
    }
    return NULL;
}

static bool is_same(struct holes *holes, const void *guard, const void *node);

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_same_field(struct holes *holes, const struct field *field, const char *guard, const char *node)
{
    const void *a = guard + field->offset;
    const void *b = node + field->offset;
    switch (field->kind) {
    case KIND_END:
        return true;
    case KIND_NODE:
        return is_same(holes, *(const void *const *)a, *(const void *const *)b);
    case KIND_TEXT:
        return is_same_text(*(const char *const *)a, *(const char *const *)b);
    case KIND_INT:
        return *(const int *)a == *(const int *)b;
    case KIND_BOOL:
        return *(const bool *)a == *(const bool *)b;
    }
    return false;
}

static bool is_same_list(struct holes *holes, const List *guard, const List *node)
{
    if (list_length(guard) != list_length(node)) {
        return false;
    }
    for (int i = 0; i < list_length(guard); i++) {
        if (!is_same(holes, list_nth(guard, i), list_nth(node, i))) {
            return false;
        }
    }
    return true;
}

/* Recurses as deep as the guard, whose depth was checked. */
static bool is_same(struct holes *holes, const void *guard, const void *node)
{
    if (guard != NULL && IsA(guard, ParamRef)) {
        return fill_hole(holes, guard, node);
    }
    if (guard == NULL || node == NULL || nodeTag(guard) != nodeTag(node)) {
        return guard == node;
    }
    if (IsA(guard, List)) {
        return is_same_list(holes, guard, node);
    }
    const struct shape *shape = shape_find(nodeTag(guard));
    if (shape == NULL) {
        return equal(guard, node);
    }
    size_t query = IsA(guard, SelectStmt) ? 1 : 0;
    size_t open = query == 1 && !is_sealed(guard) ? 1 : 0;
    holes->query_depth += query;
    holes->open_depth += open;
    bool is_equal = true;
    for (size_t i = 0; is_equal && i < FIELDS_MAX && shape->fields[i].kind != KIND_END; i++) {
        is_equal = is_same_field(holes, &shape->fields[i], guard, node);
    }
    holes->query_depth -= query;
    holes->open_depth -= open;
    return is_equal;
}

static rg_status guard_parse(struct sql_check *check, struct rg_slice text, const void **out_guard)
{
    struct rg_slice select_text = {0};
    const void *statement = NULL;
    RG_TRY(rg_arena_printf(check->arena, &select_text, "SELECT %.*s", (int)text.size, text.data));
    RG_TRY(sql_check_parse(check, select_text, &statement));
    const SelectStmt *select = statement;
    if (select == NULL || !IsA(select, SelectStmt) || list_length(select->targetList) != 1 ||
        select->fromClause != NIL || select->whereClause != NULL) {
        return sql_check_refuse(check, "a guard is no expression");
    }
    check->is_trusted = true;
    rg_status status = sql_check_select(check, select);
    check->is_trusted = false;
    RG_TRY(status);
    const ResTarget *target = list_nth(select->targetList, 0);
    *out_guard = target->val;
    return RG_OK;
}

rg_status sql_check_guards_load(struct sql_check *check)
{
    const void **guards = NULL;
    RG_TRY(rg_arena_array(check->arena, check->limits->guard_count, sizeof *guards, (void **)&guards));
    for (size_t i = 0; i < check->limits->guard_count; i++) {
        RG_TRY(guard_parse(check, check->limits->guards[i], &guards[i]));
    }
    check->guards = guards;
    return RG_OK;
}

/* What fills a hole is the caller's, and obeys the rules of every other expression. */
static rg_status visit_holes(struct sql_check *check, const struct holes *holes)
{
    for (size_t i = 0; i < SQL_CHECK_HOLES_MAX; i++) {
        if (holes->values[i] != NULL) {
            RG_TRY(sql_check_expr(check, holes->values[i]));
        }
    }
    return RG_OK;
}

rg_status sql_check_guarded(struct sql_check *check, const void *node, bool *out_is_guarded)
{
    bool is_open = check->guards != NULL && !check->is_explained;
    for (size_t i = 0; is_open && i < check->limits->guard_count; i++) {
        struct holes holes = {0};
        if (!IsA(check->guards[i], ParamRef) && is_same(&holes, check->guards[i], node)) {
            *out_is_guarded = true;
            return visit_holes(check, &holes);
        }
    }
    return RG_OK;
}
