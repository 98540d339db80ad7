/* SPDX-License-Identifier: Apache-2.0 */
/* Conjuncts of the client's WHERE that may be repeated inside the fence: column op constant, where the operator is
 * leakproof for their types. They are strict and stand at the top of the WHERE, so a row that they drop inside would be
 * dropped outside as well, also where an outer join fills up with NULLs; the original stays. BETWEEN becomes two
 * comparisons, and the column always comes first: the second check then has one form to prove. */
#include "policy/sql_fence_private.h"

enum {
    CONJUNCTS_MAX = 64, /* looked at in one WHERE */
    NESTING_MAX = 8,    /* of AND in parentheses */
    ELEMENTS_MAX = 500, /* each is parsed twice more: beyond, the rewrite costs more than it may */
};

/* ---- levels ---- */

static const char *called(const RangeVar *range)
{
    return range->alias == NULL ? range->relname : range->alias->aliasname;
}

static void add_item(struct sql_work *work, struct sql_fence_level *level, const RangeVar *range, bool is_hidden)
{
    struct sql_fence_item *item = &level->items[level->item_count++];
    const struct policy_bound *bound = range == NULL ? NULL : sql_range_bound(work, range);
    item->range = range;
    if (bound != NULL && !is_hidden && (range->alias == NULL || range->alias->colnames == NIL)) {
        item->name = called(range);
        item->relation = policy_relation_find(work->session->relations, bound->physical, rg_slice_of(range->relname));
    }
}

/* An alias of a join hides the names below it. */
static void add_items(struct sql_work *work, struct sql_fence_level *level, const Node *node, bool is_hidden,
                      size_t depth)
{
    if (node == NULL || level->item_count >= SQL_FENCE_ITEMS_MAX || depth > SQL_FENCE_ITEMS_MAX) {
        return;
    }
    if (IsA(node, JoinExpr)) {
        const JoinExpr *join = (const JoinExpr *)(const void *)node;
        add_items(work, level, join->larg, is_hidden || join->alias != NULL, depth + 1);
        add_items(work, level, join->rarg, is_hidden || join->alias != NULL, depth + 1);
        return;
    }
    if (IsA(node, RangeTableSample)) {
        node = ((const RangeTableSample *)(const void *)node)->relation;
    }
    bool is_range = node != NULL && IsA(node, RangeVar);
    add_item(work, level, is_range ? (const RangeVar *)(const void *)node : NULL, is_hidden);
}

rg_status sql_fence_level_push(struct sql_work *work, const SelectStmt *select, struct sql_fence_level *level)
{
    *level = (struct sql_fence_level){.outer = work->level, .where = select->whereClause};
    if (work->used_names != NULL && select->whereClause != NULL && select->fromClause != NIL) {
        RG_TRY(rg_arena_array(work->site.arena, SQL_FENCE_ITEMS_MAX, sizeof *level->items, (void **)&level->items));
        for (int i = 0; i < list_length(select->fromClause); i++) {
            add_items(work, level, list_nth(select->fromClause, i), false, 0);
        }
        if (level->item_count >= SQL_FENCE_ITEMS_MAX) { /* not all of them are known */
            level->item_count = 0;
        }
    }
    work->level = level;
    return RG_OK;
}

/* ---- one conjunct ---- */

struct copier {
    struct sql_work *work;
    const struct sql_fence_level *level;
    const struct sql_fence_item *item;
    const struct policy_bound *bound;
    size_t seen_count;
    struct sql_fence_quals quals;
};

/* The column of the item that node surely is; NULL otherwise. */
static const struct policy_column *column_of(const struct copier *copier, const Node *node)
{
    const ColumnRef *column = (const ColumnRef *)(const void *)node;
    if (node == NULL || !IsA(node, ColumnRef) || list_length(column->fields) > 2) {
        return NULL;
    }
    struct rg_slice name = sql_last_name(column->fields);
    bool is_qualified = list_length(column->fields) == 2;
    size_t found = 0;
    for (size_t i = 0; i < copier->level->item_count; i++) {
        const struct sql_fence_item *item = &copier->level->items[i];
        if (is_qualified) {
            found +=
                item->name != NULL && rg_slice_is_equal(rg_slice_of(item->name), sql_string(linitial(column->fields)));
        } else if (item->relation == NULL) {
            return NULL;
        } else {
            found += policy_column_find(item->relation, name) != NULL;
        }
    }
    if (found != 1 ||
        (is_qualified && !rg_slice_is_equal(rg_slice_of(copier->item->name), sql_string(linitial(column->fields))))) {
        return NULL;
    }
    const struct policy_column *known = policy_column_find(copier->item->relation, name);
    return known == NULL || known->type.size == 0 || sql_fence_is_masked(copier->bound, name) ? NULL : known;
}

/* varchar has no operators of its own: text's are used, without a cast that could fail. */
static struct rg_slice operand_type(struct rg_slice type)
{
    return rg_slice_is_equal(type, RG_SLICE("varchar")) ? RG_SLICE("text") : type;
}

static bool is_leakproof(const struct copier *copier, const char *operator_name, const struct policy_column *column,
                         const struct sql_fence_constant *constant)
{
    struct rg_slice left = operand_type(column->type);
    struct rg_slice right = constant->type.size == 0 ? left : operand_type(constant->type);
    bool is_relabelled = !rg_slice_is_equal(left, column->type);
    if (is_relabelled && !rg_slice_is_equal(left, right)) {
        return false; /* PostgreSQL may choose to cast the column */
    }
    return policy_operator_is_leakproof(copier->work->session->relations, rg_slice_of(operator_name), left, right);
}

static Node *make_column(const struct policy_column *column)
{
    ColumnRef *node = makeNode(ColumnRef);
    node->fields = list_make2(makeString(pstrdup("rg_r")), makeString(sql_cstring(column->name)));
    node->location = -1;
    return (Node *)node;
}

static rg_status put_conjunct(struct copier *copier, A_Expr_Kind kind, const char *operator_name,
                              const struct policy_column *column, Node *right, struct rg_slice text)
{
    struct rg_slice name = {0};
    struct rg_arena *arena = copier->work->site.arena;
    A_Expr *expr = makeA_Expr(kind, list_make1(makeString(pstrdup(operator_name))), make_column(column), right, -1);
    copier->quals.conjuncts = lappend(copier->quals.conjuncts, expr);
    RG_TRY(sql_print_identifier(column->name, arena, &name));
    return rg_arena_printf(arena, &copier->quals.text, "%.*s AND rg_r.%.*s %s %.*s", RG_SLICE_ARGS(copier->quals.text),
                           RG_SLICE_ARGS(name), operator_name, RG_SLICE_ARGS(text));
}

/* ---- constants that the planner does not see ---- */

/* An estimate that knew the constant would look it up among the values of all rows, and the plan that follows from it,
 * or an error that one plan meets and another does not, would tell whether others have it. So it stands in a
 * sub-select: the planner then assumes what it assumes of any constant, and the index is used as before. */
static Node *make_hidden(Node *value)
{
    ResTarget *target = makeNode(ResTarget);
    target->val = value;
    target->location = -1;
    SelectStmt *select = makeNode(SelectStmt);
    select->targetList = list_make1(target);
    SubLink *link = makeNode(SubLink);
    link->subLinkType = EXPR_SUBLINK;
    link->subselect = (Node *)select;
    link->location = -1;
    return (Node *)link;
}

static Node *make_cast(Node *value, struct rg_slice type, bool is_array)
{
    TypeCast *cast = makeNode(TypeCast);
    cast->arg = value;
    cast->typeName = makeTypeNameFromNameList(sql_builtin_name(type));
    cast->typeName->arrayBounds = is_array ? list_make1(makeInteger(-1)) : NIL;
    cast->location = -1;
    return (Node *)cast;
}

/* Alone in a sub-select a literal would be a text: what has no type takes the column's here. */
static rg_status hide_constant(struct copier *copier, const struct policy_column *column,
                               struct sql_fence_constant *constant)
{
    struct rg_slice type = {0};
    struct rg_arena *arena = copier->work->site.arena;
    if (constant->type.size == 0) {
        RG_TRY(sql_print_identifier(column->type, arena, &type));
        constant->node = make_cast(constant->node, column->type, false);
        RG_TRY(rg_arena_printf(arena, &constant->text, "%.*s::pg_catalog.%.*s", RG_SLICE_ARGS(constant->text),
                               RG_SLICE_ARGS(type)));
    }
    constant->node = make_hidden(constant->node);
    return rg_arena_printf(arena, &constant->text, "(SELECT %.*s)", RG_SLICE_ARGS(constant->text));
}

/* ANY ((SELECT ARRAY[...]::type[])::type[]): the outer cast makes it an array, where rows would be meant without. */
static rg_status hide_list(struct copier *copier, struct rg_slice type, struct rg_slice elements, List *nodes,
                           struct sql_fence_constant *out_constant)
{
    struct rg_slice name = {0};
    struct rg_arena *arena = copier->work->site.arena;
    A_ArrayExpr *array = makeNode(A_ArrayExpr);
    array->elements = nodes;
    array->location = -1;
    out_constant->node = make_cast(make_hidden(make_cast((Node *)array, type, true)), type, true);
    RG_TRY(sql_print_identifier(type, arena, &name));
    return rg_arena_printf(arena, &out_constant->text,
                           "ANY ((SELECT ARRAY[%.*s]::pg_catalog.%.*s[])::pg_catalog.%.*s[])", RG_SLICE_ARGS(elements),
                           RG_SLICE_ARGS(name), RG_SLICE_ARGS(name));
}

/* ---- conjuncts ---- */

static rg_status copy_comparison(struct copier *copier, const char *operator_name, const Node *left, const Node *right)
{
    const struct policy_column *column = column_of(copier, left);
    struct sql_fence_constant constant = {0};
    bool is_constant = false;
    if (column != NULL) {
        RG_TRY(sql_fence_constant_read(copier->work, right, &constant, &is_constant));
    }
    if (!is_constant || !is_leakproof(copier, operator_name, column, &constant)) {
        return RG_OK;
    }
    RG_TRY(hide_constant(copier, column, &constant));
    return put_conjunct(copier, AEXPR_OP, operator_name, column, constant.node, constant.text);
}

/* name, and what it becomes when its sides change places */
static const char *const comparisons[][2] = {{"=", "="}, {"<", ">"}, {"<=", ">="}, {">", "<"}, {">=", "<="}};

static rg_status copy_operator(struct copier *copier, const A_Expr *expr)
{
    struct rg_slice name = {0};
    if (!sql_is_builtin_name(expr->name, &name)) {
        return RG_OK;
    }
    for (size_t i = 0; i < lengthof(comparisons); i++) {
        if (rg_slice_is_equal(name, rg_slice_of(comparisons[i][0]))) {
            bool is_turned = expr->lexpr != NULL && !IsA(expr->lexpr, ColumnRef);
            return is_turned ? copy_comparison(copier, comparisons[i][1], expr->rexpr, expr->lexpr)
                             : copy_comparison(copier, comparisons[i][0], expr->lexpr, expr->rexpr);
        }
    }
    return RG_OK;
}

static rg_status copy_between(struct copier *copier, const A_Expr *expr)
{
    const List *ends = (const List *)(const void *)expr->rexpr;
    RG_TRY(copy_comparison(copier, ">=", expr->lexpr, linitial(ends)));
    return copy_comparison(copier, "<=", expr->lexpr, lsecond(ends));
}

static bool is_integer(struct rg_slice type)
{
    return rg_slice_is_equal(type, RG_SLICE("int2")) || rg_slice_is_equal(type, RG_SLICE("int4")) ||
           rg_slice_is_equal(type, RG_SLICE("int8"));
}

/* The elements become an array of one type, which the column's has a part in (parse analysis: transformAExprIn). All
 * have the first one's type, so what holds of it holds of all. */
static bool is_first_element(const struct copier *copier, const struct policy_column *column,
                             const struct sql_fence_constant *element)
{
    bool is_same = element->type.size == 0 ||
                   rg_slice_is_equal(operand_type(element->type), operand_type(column->type)) ||
                   (is_integer(element->type) && is_integer(column->type));
    return is_same && is_leakproof(copier, "=", column, element);
}

static rg_status copy_in(struct copier *copier, const A_Expr *expr)
{
    const List *members = (const List *)(const void *)expr->rexpr;
    const struct policy_column *column = column_of(copier, expr->lexpr);
    struct rg_slice name = {0};
    if (column == NULL || members == NIL || !IsA(members, List) || list_length(members) > ELEMENTS_MAX ||
        !sql_is_builtin_name(expr->name, &name) || !rg_slice_is_equal(name, RG_SLICE("="))) {
        return RG_OK;
    }
    struct sql_fence_constant first = {0};
    List *elements = NIL;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, POLICY_TEXT_MAX);
    for (int i = 0; i < list_length(members); i++) {
        struct sql_fence_constant element = {0};
        bool is_constant = false;
        RG_TRY(sql_fence_constant_read(copier->work, list_nth(members, i), &element, &is_constant));
        first = i == 0 ? element : first;
        if (!is_constant || !rg_slice_is_equal(element.type, first.type) ||
            (i == 0 && !is_first_element(copier, column, &element))) {
            return RG_OK;
        }
        elements = lappend(elements, element.node);
        RG_TRY(rg_buf_put(&text, i == 0 ? RG_SLICE("") : RG_SLICE(", ")));
        RG_TRY(rg_buf_put(&text, element.text));
    }
    struct sql_fence_constant list = {0};
    RG_TRY(hide_list(copier, first.type.size == 0 ? column->type : first.type, rg_buf_slice(&text), elements, &list));
    return put_conjunct(copier, AEXPR_OP_ANY, "=", column, list.node, list.text);
}

static rg_status copy_conjunct(struct copier *copier, const Node *node, size_t depth)
{
    const BoolExpr *all = (const BoolExpr *)(const void *)node;
    const A_Expr *expr = (const A_Expr *)(const void *)node;
    if (IsA(node, BoolExpr) && all->boolop == AND_EXPR && depth < NESTING_MAX) {
        for (int i = 0; i < list_length(all->args); i++) {
            RG_TRY(copy_conjunct(copier, list_nth(all->args, i), depth + 1));
        }
        return RG_OK;
    }
    if (!IsA(node, A_Expr) || ++copier->seen_count > CONJUNCTS_MAX) {
        return RG_OK;
    }
    switch ((int)expr->kind) {
    case AEXPR_OP:
        return copy_operator(copier, expr);
    case AEXPR_IN:
        return copy_in(copier, expr);
    case AEXPR_BETWEEN:
        return copy_between(copier, expr);
    default: /* not of the form */
        return RG_OK;
    }
}

/* A view's column may be an expression that fails on rows of others; a foreign table's, computed anywhere. */
static bool has_stored_columns(const struct policy_relation *relation)
{
    return relation->kind == 'r' || relation->kind == 'p' || relation->kind == 'm';
}

rg_status sql_fence_quals_copy(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                               struct sql_fence_quals *out_quals)
{
    struct copier copier = {.work = work, .level = work->level, .bound = bound, .quals = {NIL, {"", 0}}};
    for (size_t i = 0; work->level != NULL && i < work->level->item_count; i++) {
        const struct sql_fence_item *item = &work->level->items[i];
        bool is_it = item->range == range && item->name != NULL && item->relation != NULL;
        copier.item = is_it && has_stored_columns(item->relation) ? item : copier.item;
    }
    if (copier.item != NULL) {
        RG_TRY(copy_conjunct(&copier, work->level->where, 0));
    }
    *out_quals = copier.quals;
    return RG_OK;
}
