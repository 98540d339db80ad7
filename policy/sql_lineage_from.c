/* SPDX-License-Identifier: Apache-2.0 */
/* FROM items: what each shows to the rest of its query, by which name, and what joins make of the columns. */
#include "policy/sql_lineage_private.h"

/* ---- relations ---- */

static size_t mask_of(const struct policy_bound *bound, struct rg_slice column, bool *out_is_left_out)
{
    for (size_t i = 0; i < bound->mask_count; i++) {
        const struct policy_bound_mask *mask = &bound->masks[i];
        if (rg_slice_is_equal(mask->column, column)) {
            *out_is_left_out = mask->text.size == 0;
            return mask->allow_in_predicates ? 0 : mask->number;
        }
    }
    return 0;
}

static rg_status relation_columns(struct lineage *lineage, const RangeVar *range, struct lineage_columns *columns)
{
    const struct policy_relations *relations = lineage->work->session->relations;
    const struct policy_bound *bound = sql_peek(lineage->work, range);
    const struct policy_relation *relation =
        bound == NULL || relations == NULL
            ? NULL
            : policy_relation_find(relations, bound->physical, rg_slice_of(range->relname));
    columns->is_open = relation == NULL; /* unmasked, or refused when it is rewritten */
    for (size_t i = 0; relation != NULL && i < relation->column_count; i++) {
        bool is_left_out = false;
        struct lineage_column column = {relation->columns[i].name, 0, range->location};
        column.mask = mask_of(bound, column.name, &is_left_out);
        RG_TRY(is_left_out ? RG_OK : lineage_add(lineage, columns, column));
    }
    return RG_OK;
}

static rg_status push_aliased(struct lineage *lineage, struct lineage_scope *scope, const Alias *alias,
                              const char *name, struct lineage_columns *columns)
{
    RG_TRY(lineage_rename(lineage, alias == NULL ? NIL : alias->colnames, columns));
    return lineage_push(lineage, scope, alias == NULL ? name : alias->aliasname, columns);
}

static rg_status from_range(struct lineage *lineage, struct lineage_scope *scope, const RangeVar *range,
                            struct lineage_columns *columns)
{
    bool is_with = false;
    if (range->schemaname == NULL) {
        RG_TRY(lineage_with_find(lineage, range->relname, &is_with, columns));
    }
    if (!is_with) {
        RG_TRY(relation_columns(lineage, range, columns));
    }
    return push_aliased(lineage, scope, range->alias, range->relname, columns);
}

/* ---- sub-selects and functions: LATERAL sees the items before it ---- */

static rg_status from_subselect(struct lineage *lineage, struct lineage_scope *scope, const RangeSubselect *item,
                                size_t depth, struct lineage_columns *columns)
{
    const struct lineage_scope *outer = lineage->scope;
    lineage->scope = item->lateral ? scope : outer;
    rg_status status = lineage_query(lineage, item->subquery, depth + 1, columns);
    lineage->scope = outer;
    RG_TRY(status);
    return push_aliased(lineage, scope, item->alias, NULL, columns);
}

static rg_status from_function(struct lineage *lineage, struct lineage_scope *scope, Node *item, const Alias *alias,
                               size_t depth, struct lineage_columns *columns)
{
    const struct lineage_scope *outer = lineage->scope;
    lineage->scope = scope;
    rg_status status = lineage_expression(lineage, "a function in FROM", item, depth + 1);
    lineage->scope = outer;
    RG_TRY(status);
    columns->is_open = true;
    return lineage_push(lineage, scope, alias == NULL ? NULL : alias->aliasname, columns);
}

static rg_status from_sample(struct lineage *lineage, struct lineage_scope *scope, RangeTableSample *item, size_t depth,
                             struct lineage_columns *columns)
{
    RG_TRY(lineage_from(lineage, scope, item->relation, depth + 1, columns));
    RG_TRY(lineage_expression(lineage, "TABLESAMPLE", item->args, depth + 1));
    return lineage_expression(lineage, "TABLESAMPLE", item->repeatable, depth + 1);
}

/* ---- joins ---- */

struct sides {
    struct lineage_columns left, right;
};

static rg_status deny_merged(struct lineage *lineage, const struct lineage_columns *side, struct rg_slice name)
{
    const struct lineage_column *column = lineage_find(side, name);
    return column == NULL || column->mask == 0
               ? RG_OK
               : lineage_deny(lineage, name, column->mask, "USING or NATURAL", column->location);
}

static rg_status merge(struct lineage *lineage, const struct sides *sides, struct rg_slice name,
                       struct lineage_columns *merged)
{
    RG_TRY(deny_merged(lineage, &sides->left, name));
    RG_TRY(deny_merged(lineage, &sides->right, name));
    return lineage_add(lineage, merged, (struct lineage_column){name, 0, -1});
}

static rg_status natural_columns(struct lineage *lineage, const struct sides *sides, struct lineage_columns *merged)
{
    if (sides->left.is_open || sides->right.is_open) { /* which names are common is not known */
        RG_TRY(lineage_deny_any(lineage, &sides->left, "a NATURAL join that cannot be followed"));
        RG_TRY(lineage_deny_any(lineage, &sides->right, "a NATURAL join that cannot be followed"));
    }
    for (size_t i = 0; i < sides->left.count; i++) {
        if (lineage_find(&sides->right, sides->left.items[i].name) != NULL) {
            RG_TRY(merge(lineage, sides, sides->left.items[i].name, merged));
        }
    }
    return RG_OK;
}

static rg_status add_rest(struct lineage *lineage, const struct lineage_columns *side,
                          const struct lineage_columns *merged, struct lineage_columns *columns)
{
    for (size_t i = 0; i < side->count; i++) {
        if (lineage_find(merged, side->items[i].name) == NULL) {
            RG_TRY(lineage_add(lineage, columns, side->items[i]));
        }
    }
    columns->is_open = columns->is_open || side->is_open;
    return RG_OK;
}

static rg_status join_columns(struct lineage *lineage, const JoinExpr *join, const struct sides *sides,
                              struct lineage_columns *merged, struct lineage_columns *columns)
{
    for (int i = 0; i < list_length(join->usingClause); i++) {
        RG_TRY(merge(lineage, sides, sql_string(list_nth(join->usingClause, i)), merged));
    }
    if (join->isNatural) {
        RG_TRY(natural_columns(lineage, sides, merged));
    }
    RG_TRY(lineage_add_all(lineage, columns, merged));
    RG_TRY(add_rest(lineage, &sides->left, merged, columns));
    return add_rest(lineage, &sides->right, merged, columns);
}

static rg_status from_join(struct lineage *lineage, struct lineage_scope *scope, JoinExpr *join, size_t depth,
                           struct lineage_columns *columns)
{
    const struct lineage_scope *outer = lineage->scope;
    const struct lineage_item *before = scope->items;
    struct sides sides = {0};
    struct lineage_columns merged = {0};
    RG_TRY(lineage_from(lineage, scope, join->larg, depth + 1, &sides.left));
    RG_TRY(lineage_from(lineage, scope, join->rarg, depth + 1, &sides.right));
    RG_TRY(join_columns(lineage, join, &sides, &merged, columns));
    struct lineage_scope both = {outer, scope->items, before}; /* ON sees what is joined */
    lineage->scope = &both;
    rg_status status = lineage_expression(lineage, "ON", join->quals, depth + 1);
    lineage->scope = outer;
    RG_TRY(status);
    if (join->join_using_alias != NULL) {
        RG_TRY(lineage_push(lineage, scope, join->join_using_alias->aliasname, &merged));
    }
    if (join->alias != NULL) { /* hides what it joins */
        scope->items = before;
        return push_aliased(lineage, scope, join->alias, NULL, columns);
    }
    return RG_OK;
}

rg_status lineage_from(struct lineage *lineage, struct lineage_scope *scope, Node *item, size_t depth,
                       struct lineage_columns *out_columns)
{
    if (depth > POLICY_DEPTH_MAX) {
        return sql_deny_depth(&lineage->work->site.walk, item);
    }
    switch ((int)nodeTag(item)) {
    case T_RangeVar:
        return from_range(lineage, scope, (const RangeVar *)item, out_columns);
    case T_RangeSubselect:
        return from_subselect(lineage, scope, (const RangeSubselect *)item, depth, out_columns);
    case T_RangeFunction:
        return from_function(lineage, scope, item, ((const RangeFunction *)item)->alias, depth, out_columns);
    case T_RangeTableFunc:
        return from_function(lineage, scope, item, ((const RangeTableFunc *)item)->alias, depth, out_columns);
    case T_RangeTableSample:
        return from_sample(lineage, scope, (RangeTableSample *)item, depth, out_columns);
    case T_JoinExpr:
        return from_join(lineage, scope, (JoinExpr *)item, depth, out_columns);
    default:
        return sql_deny_node(&lineage->work->site.walk, item);
    }
}
