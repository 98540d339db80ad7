/* SPDX-License-Identifier: Apache-2.0 */
/* The fence: (WITH rg_m AS MATERIALIZED (SELECT ... FROM relation AS rg_r WHERE predicate [AND copied ...])
 * SELECT * FROM rg_m). A plain sub-select is flattened, and the client's expressions then see every tenant's rows, at
 * execution and, through statistics, while planning (reference leaks.md). */
#include "policy/sql_fence_private.h"

bool sql_fence_is_masked(const struct policy_bound *bound, struct rg_slice column)
{
    for (size_t i = 0; i < bound->mask_count; i++) {
        if (rg_slice_is_equal(bound->masks[i].column, column)) {
            return true;
        }
    }
    return false;
}

rg_status sql_fence_print_relation(struct rg_arena *arena, struct rg_slice schema, struct rg_slice name,
                                   struct rg_slice *out_text)
{
    struct rg_slice schema_text = {0};
    struct rg_slice name_text = {0};
    RG_TRY(sql_print_identifier(schema, arena, &schema_text));
    RG_TRY(sql_print_identifier(name, arena, &name_text));
    return rg_arena_printf(arena, out_text, "%.*s.%.*s", RG_SLICE_ARGS(schema_text), RG_SLICE_ARGS(name_text));
}

static RangeVar *make_range(const char *schema, const char *name, const char *alias)
{
    RangeVar *range = makeNode(RangeVar);
    range->schemaname = schema == NULL ? NULL : pstrdup(schema);
    range->relname = pstrdup(name);
    range->inh = true;
    range->relpersistence = 'p';
    if (alias != NULL) {
        range->alias = makeNode(Alias);
        range->alias->aliasname = pstrdup(alias);
    }
    return range;
}

/* ---- the select list ---- */

static ResTarget *make_target(List *fields)
{
    ColumnRef *column = makeNode(ColumnRef);
    column->fields = fields;
    ResTarget *target = makeNode(ResTarget);
    target->val = (Node *)column;
    return target;
}

static List *make_star(void)
{
    return list_make1(make_target(list_make1(makeNode(A_Star))));
}

struct projection {
    List *targets;
    struct rg_slice text; /* "rg_r.a, rg_r.b", "*" or nothing */
};

/* The columns that the statement names, in the relation's order; none is legal. */
static rg_status project(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                         const struct policy_relation *relation, struct projection *out)
{
    struct rg_arena *arena = work->site.arena;
    *out = (struct projection){make_star(), RG_SLICE("*")};
    if (bound->mask_count > 0) {
        return sql_mask_targets(work, range, bound, &out->text, &out->targets);
    }
    if (relation == NULL || !sql_fence_names_suffice(work->used_names, range, relation)) {
        return RG_OK;
    }
    *out = (struct projection){NIL, {"", 0}};
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, POLICY_TEXT_MAX);
    for (size_t i = 0; i < relation->column_count; i++) {
        struct rg_slice name = relation->columns[i].name;
        struct rg_slice printed = {0};
        if (!sql_fence_names_has(work->used_names, name)) {
            continue;
        }
        List *fields = list_make2(makeString(pstrdup("rg_r")), makeString(sql_cstring(name)));
        out->targets = lappend(out->targets, make_target(fields));
        RG_TRY(sql_print_identifier(name, arena, &printed));
        RG_TRY(rg_buf_printf(&text, "%srg_r.%.*s", rg_buf_size(&text) == 0 ? "" : ", ", RG_SLICE_ARGS(printed)));
    }
    return rg_arena_copy(arena, rg_buf_slice(&text), &out->text);
}

/* ---- the condition ---- */

/* As makeAndExpr of the grammar has it: what an AND has on its left is taken into its list. */
static Node *make_condition(Node *wanted, List *conjuncts)
{
    const BoolExpr *all = (const BoolExpr *)(const void *)wanted;
    if (conjuncts == NIL) {
        return wanted;
    }
    bool is_and = IsA(wanted, BoolExpr) && all->boolop == AND_EXPR;
    List *parts = is_and ? list_copy(all->args) : list_make1(wanted);
    return (Node *)makeBoolExpr(AND_EXPR, list_concat(parts, conjuncts), -1);
}

static Node *make_from(const RangeVar *range, const struct policy_bound *bound, RangeTableSample *sample)
{
    RangeVar *base = make_range(sql_cstring(bound->physical), range->relname, "rg_r");
    base->inh = range->inh;
    if (sample == NULL) {
        return (Node *)base;
    }
    sample->relation = (Node *)base;
    return (Node *)sample;
}

static Node *make_select(SelectStmt *inner)
{
    CommonTableExpr *cte = makeNode(CommonTableExpr);
    cte->ctename = pstrdup("rg_m");
    cte->ctematerialized = CTEMaterializeAlways;
    cte->ctequery = (Node *)inner;
    SelectStmt *outer = makeNode(SelectStmt);
    outer->targetList = make_star();
    outer->fromClause = list_make1(make_range(NULL, "rg_m", NULL));
    outer->withClause = makeNode(WithClause);
    outer->withClause->ctes = list_make1(cte);
    return (Node *)outer;
}

rg_status sql_fence_make(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                         RangeTableSample *sample, struct rg_slice sample_text, struct sql_replacement *out_replacement)
{
    struct rg_arena *arena = work->site.arena;
    const struct policy_relation *relation = NULL;
    struct rg_slice name = {0};
    struct projection projection = {0};
    struct sql_fence_quals quals = {NIL, {"", 0}};
    struct rg_slice where = bound->predicate;
    Node *where_tree = bound->predicate_tree;
    if (bound->mask_count > 0) {
        RG_TRY(sql_mask_where(work, range, bound, &where, &where_tree));
    }
    if (work->used_names != NULL) {
        relation = policy_relation_find(work->session->relations, bound->physical, rg_slice_of(range->relname));
        RG_TRY(sql_fence_quals_copy(work, range, bound, &quals));
    }
    RG_TRY(project(work, range, bound, relation, &projection));
    RG_TRY(sql_fence_print_relation(arena, bound->physical, rg_slice_of(range->relname), &name));
    SelectStmt *inner = makeNode(SelectStmt);
    inner->targetList = projection.targets;
    inner->fromClause = list_make1(make_from(range, bound, sample));
    inner->whereClause = make_condition(where_tree, quals.conjuncts);
    out_replacement->select = make_select(inner);
    work->has_fence = true;
    bool is_copied = quals.conjuncts != NIL;
    return rg_arena_printf(
        arena, &out_replacement->text,
        "WITH rg_m AS MATERIALIZED (SELECT %.*s%sFROM %s%.*s AS rg_r%s%.*s WHERE %s%.*s%s%.*s) SELECT * FROM rg_m",
        RG_SLICE_ARGS(projection.text), projection.text.size == 0 ? "" : " ", range->inh ? "" : "ONLY ",
        RG_SLICE_ARGS(name), sample == NULL ? "" : " ", RG_SLICE_ARGS(sample_text), is_copied ? "(" : "",
        RG_SLICE_ARGS(where), is_copied ? ")" : "", RG_SLICE_ARGS(quals.text));
}
