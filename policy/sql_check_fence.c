/* SPDX-License-Identifier: Apache-2.0 */
/* The fence's inner select, which is built here again from the binding's row and the snapshot, not taken from the
 * rewriter: SELECT columns FROM relation AS rg_r WHERE predicate [AND rg_r.column op constant ...]. What stands behind
 * the predicate runs on rows that the caller may not see, so its operator must be leakproof for exactly the types that
 * PostgreSQL will find, and its other side must not look at the row. */
#include "policy/sql_check_private.h"

static struct rg_slice field_of_row(const void *node)
{
    const ColumnRef *column = node;
    if (node == NULL || !IsA(node, ColumnRef) || list_length(column->fields) != 2) {
        return (struct rg_slice){0};
    }
    const char *alias = sql_check_name_at(column->fields, 0);
    const char *name = sql_check_name_at(column->fields, 1);
    bool is_row = alias != NULL && name != NULL && strcmp(alias, "rg_r") == 0;
    return is_row ? rg_slice_of(name) : (struct rg_slice){0};
}

static bool is_masked(const struct check_relation *row, struct rg_slice name)
{
    for (size_t i = 0; i < row->mask_count; i++) {
        if (rg_slice_is_equal(row->masks[i].column, name)) {
            return true;
        }
    }
    return false;
}

/* ---- the select list ---- */

static const Node *target_value(const ResTarget *target)
{
    bool is_bare = IsA(target, ResTarget) && target->name == NULL && target->indirection == NIL;
    return is_bare ? target->val : NULL;
}

static bool is_star(const List *targets)
{
    const Node *value = list_length(targets) == 1 ? target_value(list_nth(targets, 0)) : NULL;
    if (value == NULL || !IsA(value, ColumnRef)) {
        return false;
    }
    const ColumnRef *column = (const void *)value;
    return list_length(column->fields) == 1 && IsA(list_nth(column->fields, 0), A_Star);
}

/* Each column at most once, in the relation's order. */
static bool are_columns(const List *targets, const struct policy_relation *relation)
{
    size_t next = 0;
    for (int i = 0; i < list_length(targets); i++) {
        struct rg_slice name = field_of_row(target_value(list_nth(targets, i)));
        while (next < relation->column_count && !rg_slice_is_equal(relation->columns[next].name, name)) {
            next++;
        }
        if (name.size == 0 || next == relation->column_count) {
            return false;
        }
        next++;
    }
    return true;
}

static bool is_select_list(const List *targets, const struct policy_relation *relation)
{
    return is_star(targets) || (relation != NULL && are_columns(targets, relation));
}

/* ---- constants and their types ---- */

struct operand {
    bool is_constant;
    struct rg_slice type; /* empty = unknown: takes the column's */
};

static const struct operand none = {false, {NULL, 0}};

static struct operand operand_of(const char *type)
{
    return (struct operand){true, rg_slice_of(type)};
}

/* A number without point or exponent that fits eight bytes is an int8, any other numeric (scan.l, make_const). */
static bool fits_int8(const char *digits)
{
    long long value = 0;
    bool is_negative = digits[0] == '-';
    size_t at = is_negative ? 1 : 0;
    for (size_t i = at; digits[i] != '\0'; i++) {
        if (digits[i] < '0' || digits[i] > '9' || __builtin_mul_overflow(value, 10LL, &value) ||
            __builtin_sub_overflow(value, (long long)(digits[i] - '0'), &value)) {
            return false;
        }
    }
    return digits[at] != '\0' && (is_negative || value != INT64_MIN);
}

static struct operand literal(const A_Const *constant)
{
    const void *value = &constant->val;
    if (constant->isnull) {
        return none;
    }
    if (IsA(value, Integer)) {
        return operand_of("int4");
    }
    if (IsA(value, Float)) {
        return operand_of(fits_int8(constant->val.fval.fval) ? "int8" : "numeric");
    }
    if (IsA(value, Boolean)) {
        return operand_of("bool");
    }
    return IsA(value, String) ? operand_of("") : none;
}

/* pg_type.dat: the OIDs are part of the protocol and never change. */
static struct operand declared(uint32_t oid)
{
    static const struct {
        uint32_t oid;
        const char *name;
    } types[] = {
        {16, "bool"},     {17, "bytea"},     {18, "char"},        {19, "name"},          {20, "int8"},
        {21, "int2"},     {23, "int4"},      {25, "text"},        {700, "float4"},       {701, "float8"},
        {790, "money"},   {829, "macaddr"},  {869, "inet"},       {1042, "bpchar"},      {1043, "varchar"},
        {1082, "date"},   {1083, "time"},    {1114, "timestamp"}, {1184, "timestamptz"}, {1186, "interval"},
        {1266, "timetz"}, {1700, "numeric"}, {2950, "uuid"},      {26, "oid"},
    };
    for (size_t i = 0; i < lengthof(types); i++) {
        if (types[i].oid == oid) {
            return operand_of(types[i].name);
        }
    }
    return none;
}

/* An unspecified parameter takes the type of the place where PostgreSQL meets it first. It must be this place, so it
 * may occur in no other than the WHERE of the SELECT in whose FROM the fence stands; that is settled at the end. */
static struct operand parameter(struct sql_check *check, int number)
{
    size_t index = (size_t)number - 1;
    if (number < 1) {
        return none;
    }
    uint32_t oid = index < check->limits->parameter_type_count ? check->limits->parameter_types[index] : 0;
    if (oid != 0 && oid != 705) {
        return declared(oid);
    }
    const void *select = sql_check_select_of_fence(check);
    if (number > SQL_CHECK_PARAMETERS_MAX || select == NULL) {
        return none;
    }
    check->parameters[number].fence_count++;
    check->parameters[number].wanted = select;
    return operand_of("");
}

static struct operand cast(struct sql_check *check, const TypeCast *node)
{
    const TypeName *type = node->typeName;
    struct operand inner = none;
    const Node *argument = node->arg;
    const char *name = type == NULL ? NULL : sql_check_name_at(type->names, 1);
    if (name == NULL || argument == NULL || type->typmods != NIL || type->arrayBounds != NIL || name[0] == '_' ||
        list_length(type->names) != 2 || !rg_is_ok(sql_check_type(check, type))) {
        return none;
    }
    if (IsA(argument, ParamRef)) {
        const ParamRef *reference = (const void *)argument;
        inner = parameter(check, reference->number);
        inner.is_constant =
            inner.is_constant && (inner.type.size == 0 || rg_slice_is_equal(inner.type, rg_slice_of(name)));
    } else if (IsA(argument, A_Const)) {
        inner = literal((const void *)argument);
    }
    return inner.is_constant ? operand_of(name) : none;
}

static bool is_string(const Node *node)
{
    const A_Const *constant = (const void *)node;
    return node != NULL && IsA(node, A_Const) && !constant->isnull && IsA(&constant->val, String);
}

/* Of two strings: no look at the row, no settings but those of the session. */
static struct operand call(struct sql_check *check, const FuncCall *node)
{
    const char *name = sql_check_name_at(node->funcname, 1);
    if (name == NULL || !rg_is_ok(sql_check_function_name(check, node->funcname)) || list_length(node->args) != 2 ||
        !is_string(list_nth(node->args, 0)) || !is_string(list_nth(node->args, 1)) || node->agg_order != NIL ||
        node->agg_filter != NULL || node->over != NULL || node->agg_within_group || node->agg_star ||
        node->agg_distinct || node->func_variadic) {
        return none;
    }
    if (strcmp(name, "to_date") == 0) {
        return operand_of("date");
    }
    return strcmp(name, "to_timestamp") == 0 ? operand_of("timestamptz") : none;
}

static struct operand operand(struct sql_check *check, const void *node)
{
    const ParamRef *reference = node;
    if (node == NULL) {
        return none;
    }
    if (IsA(node, A_Const)) {
        return literal(node);
    }
    if (IsA(node, ParamRef)) {
        return parameter(check, reference->number);
    }
    if (IsA(node, TypeCast)) {
        return cast(check, node);
    }
    return IsA(node, FuncCall) ? call(check, node) : none;
}

/* ---- what is copied ---- */

static bool is_leakproof(const struct sql_check *check, const char *operator_name, struct rg_slice left,
                         struct rg_slice right)
{
    static const char *const comparisons[] = {"=", "<", "<=", ">", ">="};
    bool is_comparison = false;
    for (size_t i = 0; operator_name != NULL && i < lengthof(comparisons); i++) {
        is_comparison = is_comparison || strcmp(comparisons[i], operator_name) == 0;
    }
    /* varchar has no operators, and is text to them by relabelling alone */
    const struct rg_slice text = RG_SLICE("text");
    const struct rg_slice varchar = RG_SLICE("varchar");
    right = rg_slice_is_equal(right, varchar) ? text : right;
    if (rg_slice_is_equal(left, varchar)) {
        left = text;
        /* beside any other type it may be the column that is cast */
        is_comparison = is_comparison && (right.size == 0 || rg_slice_is_equal(right, text));
    }
    return is_comparison && policy_operator_is_leakproof(check->limits->snapshot, rg_slice_of(operator_name), left,
                                                         right.size == 0 ? left : right);
}

/* The column's type or, between integers, one that the wider of both can hold. */
static bool is_list_operand(const struct operand *element, struct rg_slice type)
{
    static const char *const families[][3] = {{"int2", "int4", "int8"}, {"text", "varchar", "varchar"}};
    bool is_related = element->type.size == 0 || rg_slice_is_equal(element->type, type);
    for (size_t i = 0; i < lengthof(families); i++) {
        bool has_type = false;
        bool has_element = false;
        for (size_t j = 0; j < lengthof(families[i]); j++) {
            has_type = has_type || rg_slice_is_equal(rg_slice_of(families[i][j]), type);
            has_element = has_element || rg_slice_is_equal(rg_slice_of(families[i][j]), element->type);
        }
        is_related = is_related || (has_type && has_element);
    }
    return is_related;
}

/* The one value of `(SELECT value)`, which the planner does not see: an estimate that knew it would tell whether rows
 * of others have it. NULL when node is anything else. */
static const void *hidden_value(const void *node)
{
    const SubLink *link = node;
    if (node == NULL || !IsA(node, SubLink) || link->subLinkType != EXPR_SUBLINK || link->testexpr != NULL ||
        link->operName != NIL || link->subselect == NULL || !IsA(link->subselect, SelectStmt)) {
        return NULL;
    }
    const SelectStmt *select = (const void *)link->subselect;
    const SelectStmt bare = {.type = T_SelectStmt, .targetList = select->targetList};
    if (list_length(select->targetList) != 1 || !equal(&bare, select)) {
        return NULL;
    }
    return target_value(list_nth(select->targetList, 0));
}

/* The element type of a cast to a one-dimensional array of a type of pg_catalog; empty for anything else. */
static struct rg_slice array_cast(struct sql_check *check, const void *node)
{
    const TypeCast *cast = node;
    const TypeName *type = node != NULL && IsA(node, TypeCast) ? cast->typeName : NULL;
    const char *name = type == NULL ? NULL : sql_check_name_at(type->names, 1);
    if (name == NULL || type->typmods != NIL || list_length(type->names) != 2 || list_length(type->arrayBounds) != 1 ||
        name[0] == '_' || !rg_is_ok(sql_check_type(check, type))) {
        return (struct rg_slice){0};
    }
    return rg_slice_of(name);
}

static bool are_elements(struct sql_check *check, const List *list, struct rg_slice type, struct rg_slice column_type)
{
    struct operand first = none;
    for (int i = 0; i < list_length(list); i++) {
        struct operand element = operand(check, list_nth(list, i));
        first = i == 0 ? element : first;
        if (!element.is_constant || !rg_slice_is_equal(element.type, first.type)) {
            return false; /* all are of one type: what holds of the first holds of all */
        }
    }
    return list != NIL && rg_slice_is_equal(first.type.size == 0 ? column_type : first.type, type) &&
           is_list_operand(&first, column_type) && is_leakproof(check, "=", column_type, first.type);
}

/* = ANY ((SELECT ARRAY[...]::type[])::type[]) */
static bool is_copied_list(struct sql_check *check, const A_Expr *expr, const char *name, struct rg_slice column_type)
{
    struct rg_slice outer = array_cast(check, expr->rexpr);
    const void *value = outer.size == 0 ? NULL : hidden_value(((const TypeCast *)(const void *)expr->rexpr)->arg);
    struct rg_slice inner = array_cast(check, value);
    if (name == NULL || strcmp(name, "=") != 0 || inner.size == 0 || !rg_slice_is_equal(inner, outer)) {
        return false;
    }
    const A_ArrayExpr *array = (const void *)((const TypeCast *)value)->arg;
    return array != NULL && IsA(array, A_ArrayExpr) && are_elements(check, array->elements, inner, column_type);
}

static bool is_copied(struct sql_check *check, const void *node, const struct check_relation *row,
                      const struct policy_relation *relation)
{
    const A_Expr *expr = node;
    if (node == NULL || !IsA(node, A_Expr) || list_length(expr->name) != 1) {
        return false;
    }
    const struct policy_column *column = policy_column_find(relation, field_of_row(expr->lexpr));
    const char *name = sql_check_name_at(expr->name, 0);
    if (column == NULL || column->type.size == 0 || is_masked(row, column->name)) {
        return false;
    }
    if (expr->kind == AEXPR_OP_ANY) {
        return is_copied_list(check, expr, name, column->type);
    }
    const void *value = expr->kind == AEXPR_OP ? hidden_value(expr->rexpr) : NULL;
    struct operand right = value == NULL ? none : operand(check, value);
    /* a literal without a type would be a text there */
    return right.is_constant && right.type.size > 0 && is_leakproof(check, name, column->type, right.type);
}

/* ---- the condition ---- */

static const List *conjuncts(const void *node)
{
    const BoolExpr *expr = node;
    return node != NULL && IsA(node, BoolExpr) && expr->boolop == AND_EXPR ? expr->args : NIL;
}

/* What the row wants whole, or its conjuncts and then the copied ones, in one list, as the grammar makes it. */
static bool is_condition(struct sql_check *check, const void *where, const void *wanted,
                         const struct check_relation *row, const struct policy_relation *relation)
{
    if (equal(wanted, where)) {
        return true;
    }
    const List *all = conjuncts(where);
    const List *own = conjuncts(wanted);
    int count = own == NIL ? 1 : list_length(own);
    /* What is no column of a table is an expression, which runs where the copied conjunct does and may tell. */
    bool is_stored = relation != NULL && strchr("rpm", relation->kind) != NULL;
    if (!is_stored || list_length(all) <= count) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (!equal(own == NIL ? wanted : list_nth(own, i), list_nth(all, i))) {
            return false;
        }
    }
    for (int i = count; i < list_length(all); i++) {
        if (!is_copied(check, list_nth(all, i), row, relation)) {
            return false;
        }
    }
    return true;
}

bool sql_check_is_fence(struct sql_check *check, const SelectStmt *select, const RangeVar *range,
                        const struct check_relation *row, const void *condition)
{
    const struct policy_relation *relation = NULL;
    if (check->limits->snapshot != NULL) {
        relation =
            policy_relation_find(check->limits->snapshot, rg_slice_of(range->schemaname), rg_slice_of(range->relname));
    }
    return (row->mask_count > 0 || is_select_list(select->targetList, relation)) &&
           is_condition(check, select->whereClause, condition, row, relation);
}

/* ---- parameters without a type ---- */

static bool has_item(const void *node, const void *subquery, size_t depth)
{
    const JoinExpr *join = node;
    const RangeSubselect *item = node;
    if (node == NULL || depth > SQL_CHECK_DEPTH_MAX) {
        return false;
    }
    if (IsA(node, JoinExpr)) {
        return has_item(join->larg, subquery, depth + 1) || has_item(join->rarg, subquery, depth + 1);
    }
    return IsA(node, RangeSubselect) && (const void *)item->subquery == subquery;
}

/* The level is the select that carries the fence's WITH item; the one around it must have that as a FROM item. */
const void *sql_check_select_of_fence(const struct sql_check *check)
{
    const struct sql_check_level *inner = check->level;
    const struct sql_check_level *outer = inner == NULL ? NULL : inner->outer;
    for (int i = 0; outer != NULL && i < list_length(outer->select->fromClause); i++) {
        if (has_item(list_nth(outer->select->fromClause, i), inner->select, 0)) {
            return outer->select;
        }
    }
    return NULL;
}

void sql_check_note_parameter(struct sql_check *check, const ParamRef *reference)
{
    if (!check->is_trusted && reference->number >= 1 && reference->number <= SQL_CHECK_PARAMETERS_MAX) {
        check->parameters[reference->number].count++;
        check->parameters[reference->number].where_of = check->where_of;
    }
}

rg_status sql_check_settle_parameters(struct sql_check *check)
{
    for (size_t i = 0; i <= SQL_CHECK_PARAMETERS_MAX; i++) {
        const struct sql_check_parameter *use = &check->parameters[i];
        bool is_certain = use->fence_count == 1 && use->count == 1 && use->where_of != NULL &&
                          use->where_of == use->wanted && !check->has_guarded;
        if (use->fence_count > 0 && !is_certain) {
            return sql_check_refuse(check, "a parameter in a fence whose type is not certain");
        }
    }
    return RG_OK;
}
