/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy's predicate may not say where the upstream is Hyper, because Hyper takes it for something wider than
 * PostgreSQL does: an array that is NULL is an empty one to its ALL and ANY, its numeric has no fraction and its bpchar
 * one character. Decided for each identity, when the predicate gets its constants. */
#include "policy/sql_rewrite_private.h"

struct judge {
    struct sql_walk walk; /* first */
    bool has_null_array;
};

static rg_status refuse_node(struct sql_walk *walk, const Node *node)
{
    (void)walk;
    (void)node;
    return rg_fail(RG_DENIED, "a policy's predicate is not supported on Hyper");
}

static bool is_null(const Node *node)
{
    return node != NULL && IsA(node, A_Const) && ((const A_Const *)(const void *)node)->isnull;
}

/* An array that is there: written out, and so not NULL. */
static bool is_array(const Node *node)
{
    const TypeCast *cast = (const TypeCast *)(const void *)node;
    return node != NULL && (IsA(node, A_ArrayExpr) || (IsA(node, TypeCast) && is_array(cast->arg)));
}

static rg_status judge_cast(struct judge *judge, const TypeCast *cast)
{
    const TypeName *type = cast->typeName;
    struct rg_slice name = sql_last_name(type->names);
    bool is_bare = type->typmods == NIL && type->typemod == -1;
    if (is_null(cast->arg)) {
        judge->has_null_array = judge->has_null_array || type->arrayBounds != NIL;
        return RG_OK;
    }
    bool is_cut = rg_slice_is_equal(name, RG_SLICE("numeric")) || rg_slice_is_equal(name, RG_SLICE("bpchar"));
    return is_bare && is_cut ? rg_fail(RG_DENIED, "a policy casts to %.*s without a length, which Hyper would cut",
                                       rg_slice_shown(name), name.data)
                             : RG_OK;
}

static bool is_null_cast(const Node *node)
{
    return node != NULL && IsA(node, TypeCast) && is_null(((const TypeCast *)(const void *)node)->arg);
}

static rg_status judge_array(const A_Expr *expr)
{
    bool is_array_expr = expr->kind == AEXPR_OP_ANY || expr->kind == AEXPR_OP_ALL;
    return is_array_expr && !is_array(expr->rexpr) && !is_null_cast(expr->rexpr)
               ? rg_fail(RG_DENIED,
                         "a policy compares with ANY or ALL of an array that Hyper could find NULL: only claims "
                         "and ARRAY[...] are supported")
               : RG_OK;
}

static rg_status judge_node(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    (void)depth;
    (void)out_is_done;
    if (IsA(*slot, TypeCast)) {
        return judge_cast((struct judge *)(void *)walk, (const TypeCast *)(const void *)*slot);
    }
    return IsA(*slot, A_Expr) ? judge_array((const A_Expr *)(const void *)*slot) : RG_OK;
}

static Node *make_false(void)
{
    A_Const *constant = makeNode(A_Const);
    constant->val.boolval.type = T_Boolean;
    constant->val.boolval.boolval = false;
    constant->location = -1;
    return (Node *)constant;
}

rg_status sql_predicate_fill(const struct policy_binding *binding, const struct sql_template *template,
                             const struct sql_hole *holes, struct rg_arena *arena, struct rg_slice *out_text,
                             Node **out_tree)
{
    size_t hole_count = SQL_HOLE_NAMED + binding->set->claim_count;
    RG_TRY(sql_template_fill(template, holes, hole_count, arena, out_text, out_tree));
    if (binding->dialect != POLICY_HYPER) {
        return RG_OK;
    }
    struct judge judge = {.walk = {judge_node, refuse_node, refuse_node}};
    RG_TRY(sql_walk_slot(&judge.walk, out_tree, 0));
    if (judge.has_null_array) {
        *out_text = RG_SLICE("false");
        *out_tree = make_false();
    }
    return RG_OK;
}
