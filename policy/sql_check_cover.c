/* SPDX-License-Identifier: Apache-2.0 */
/* Where a relation may stand that may not stand bare. A relation with a predicate: only in the fence's inner
 * select (sql_check_fence.c), and that select only as a MATERIALIZED WITH item, because a plain sub-select is flattened
 * and the caller's expressions then see every row. A catalogue: only in one of rowgate's own selects, as a whole. */
#include "policy/sql_check_private.h"

/* Visits our own text with is_trusted set, so that PostgreSQL's equal() never recurses past our limit. */
static rg_status visit_own(struct sql_check *check, const void *statement)
{
    size_t depth = check->depth;
    check->depth = 0;
    check->is_trusted = true;
    rg_status status = sql_check_select(check, statement);
    check->is_trusted = false;
    check->depth = depth;
    return status;
}

static rg_status parse_own(struct sql_check *check, struct rg_slice text, const void **out_select)
{
    const void *statement = NULL;
    RG_TRY(sql_check_parse(check, text, &statement));
    if (statement == NULL || !IsA(statement, SelectStmt)) {
        return sql_check_refuse(check, "a covering select is none");
    }
    RG_TRY(visit_own(check, statement));
    *out_select = statement;
    return RG_OK;
}

/* ---- predicates ---- */

rg_status sql_check_expression(struct sql_check *check, struct rg_slice expression, const void **out_tree)
{
    struct rg_slice text = {0};
    const void *statement = NULL;
    RG_TRY(rg_arena_printf(check->arena, &text, "SELECT WHERE (%.*s\n)", (int)expression.size, expression.data));
    RG_TRY(parse_own(check, text, &statement));
    const SelectStmt *select = statement;
    if (select->op != SETOP_NONE || select->targetList != NIL || select->fromClause != NIL ||
        select->groupClause != NIL || select->havingClause != NULL || select->sortClause != NIL ||
        select->limitCount != NULL || select->limitOffset != NULL || select->whereClause == NULL) {
        return sql_check_refuse(check, "a predicate is no expression");
    }
    *out_tree = select->whereClause;
    return RG_OK;
}

static rg_status predicate_of(struct sql_check *check, const struct check_relation *row, const void **out_tree)
{
    for (const struct sql_check_predicate *known = check->predicates; known != NULL; known = known->next) {
        if (known->row == row) {
            *out_tree = known->tree;
            return RG_OK;
        }
    }
    struct sql_check_predicate *predicate = NULL;
    RG_TRY(rg_arena_new(check->arena, &predicate));
    RG_TRY(sql_check_expression(check, row->predicate, &predicate->tree));
    predicate->row = row;
    predicate->next = check->predicates;
    check->predicates = predicate;
    *out_tree = predicate->tree;
    return RG_OK;
}

/* ---- the fence's inner select ---- */

/* SELECT, select list, FROM and WHERE, and no other clause. */
static bool is_plain(const SelectStmt *select)
{
    return select->distinctClause == NIL && select->intoClause == NULL && select->groupClause == NIL &&
           select->havingClause == NULL && select->windowClause == NIL && select->valuesLists == NIL &&
           select->sortClause == NIL && select->limitOffset == NULL && select->limitCount == NULL &&
           select->lockingClause == NIL && select->withClause == NULL && select->op == SETOP_NONE &&
           select->whereClause != NULL && list_length(select->fromClause) == 1;
}

static const RangeVar *fenced_range(const SelectStmt *select)
{
    const Node *item = list_nth(select->fromClause, 0);
    const RangeTableSample *sample = (const void *)item;
    item = IsA(item, RangeTableSample) ? sample->relation : item;
    const RangeVar *range = (const void *)item;
    bool is_fenced = item != NULL && IsA(item, RangeVar) && range->alias != NULL && range->alias->colnames == NIL &&
                     strcmp(range->alias->aliasname, "rg_r") == 0;
    return is_fenced ? range : NULL;
}

/* SYSTEM tells which rows share a block; a known seed, where each lies. */
static bool tells_places(const RangeTableSample *sample)
{
    const char *method = sql_check_name_at(sample->method, list_length(sample->method) - 1);
    return sample->repeatable != NULL || method == NULL || strcmp(method, "bernoulli") != 0;
}

/* What the WHERE of the row's fence begins with; NULL = nothing that would do. */
static rg_status condition_of(struct sql_check *check, const struct check_relation *row, const SelectStmt *select,
                              const void **out_condition)
{
    *out_condition = NULL;
    if (row->mask_count > 0) {
        return sql_check_masked(check, row, select, out_condition);
    }
    return row->predicate.size > 0 ? predicate_of(check, row, out_condition) : RG_OK;
}

static rg_status visit_fence(struct sql_check *check, const SelectStmt *select, bool *out_is_covered)
{
    const RangeVar *range = check->fenced == (const void *)select && is_plain(select) ? fenced_range(select) : NULL;
    for (size_t i = 0; range != NULL && !*out_is_covered && i < check->limits->relation_count; i++) {
        const struct check_relation *row = &check->limits->relations[i];
        if (row->for_select && sql_check_is_ruling(check, row, range)) {
            const void *condition = NULL;
            RG_TRY(condition_of(check, row, select, &condition));
            *out_is_covered = condition != NULL && sql_check_is_fence(check, select, range, row, condition);
        }
    }
    const Node *item = range == NULL ? NULL : list_nth(select->fromClause, 0);
    if (!*out_is_covered || !IsA(item, RangeTableSample)) {
        return RG_OK;
    }
    return tells_places((const void *)item) ? sql_check_refuse(check, "TABLESAMPLE of rows that tells their places")
                                            : sql_check_sample(check, (const void *)item);
}

/* ---- rowgate's own selects ---- */

static rg_status visit_covers(struct sql_check *check, const SelectStmt *select, bool *out_is_covered)
{
    size_t count = check->limits->cover_count;
    if (count > 0 && check->covers == NULL) {
        const void **covers = NULL;
        RG_TRY(rg_arena_array(check->arena, count, sizeof *covers, (void **)&covers));
        for (size_t i = 0; i < count; i++) {
            RG_TRY(parse_own(check, check->limits->covers[i], &covers[i]));
        }
        check->covers = covers;
    }
    for (size_t i = 0; !*out_is_covered && i < count; i++) {
        *out_is_covered = equal(check->covers[i], select);
    }
    return RG_OK;
}

rg_status sql_check_covered(struct sql_check *check, const SelectStmt *select, bool *out_is_covered)
{
    if (check->is_trusted || check->is_explained) {
        return RG_OK;
    }
    RG_TRY(visit_covers(check, select, out_is_covered));
    return *out_is_covered ? RG_OK : visit_fence(check, select, out_is_covered);
}
