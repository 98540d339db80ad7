/* SPDX-License-Identifier: Apache-2.0 */
/* FROM items, and the one question that matters most: may this relation stand here? A name is a WITH item in
 * scope, or schema-qualified and ruled on by a row that lets it stand bare. */
#include "policy/sql_check_private.h"

static bool is_text(struct rg_slice slice, const char *text)
{
    return text != NULL && rg_slice_is_equal(slice, rg_slice_of(text));
}

static bool is_named(const struct check_relation *row, const RangeVar *range)
{
    return row->schema.size > 0 && row->name.size > 0 && is_text(row->schema, range->schemaname) &&
           is_text(row->name, range->relname);
}

bool sql_check_is_ruling(const struct sql_check *check, const struct check_relation *row, const RangeVar *range)
{
    if (range->catalogname != NULL || row->schema.size == 0 || !is_text(row->schema, range->schemaname)) {
        return false;
    }
    if (row->name.size > 0) {
        return is_text(row->name, range->relname);
    }
    for (size_t i = 0; i < check->limits->relation_count; i++) {
        if (is_named(&check->limits->relations[i], range)) {
            return false;
        }
    }
    return true;
}

static bool is_item_in_scope(const struct sql_check *check, const char *name)
{
    for (const struct sql_check_scope *scope = check->scope; scope != NULL; scope = scope->outer) {
        if (strcmp(scope->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static rg_status visit_range(struct sql_check *check, const void *node)
{
    const RangeVar *range = node;
    if (check->is_trusted) {
        return RG_OK;
    }
    if (check->relation_count >= SQL_CHECK_RELATIONS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d relations in one statement", SQL_CHECK_RELATIONS_MAX);
    }
    check->relation_count++;
    if (range->catalogname != NULL || range->relname == NULL) {
        return sql_check_refuse(check, "a relation named with its database");
    }
    if (range->schemaname == NULL) {
        if (sql_check_is_later_keyword(range->relname)) {
            return sql_check_refuse(check, "a name of the session");
        }
        return is_item_in_scope(check, range->relname) ? RG_OK : sql_check_refuse(check, "an unqualified relation");
    }
    for (size_t i = 0; i < check->limits->relation_count; i++) {
        const struct check_relation *row = &check->limits->relations[i];
        if (row->for_select && row->predicate.size == 0 && row->mask_count == 0 &&
            sql_check_is_ruling(check, row, range)) {
            return RG_OK;
        }
    }
    return sql_check_refuse(check, "a relation that is not covered");
}

static rg_status visit_subselect(struct sql_check *check, const void *node)
{
    const RangeSubselect *item = node;
    return sql_check_select(check, item->subquery);
}

static rg_status visit_column_definition(struct sql_check *check, const ColumnDef *column)
{
    if (column->raw_default != NULL || column->cooked_default != NULL || column->constraints != NIL ||
        column->fdwoptions != NIL || column->identitySequence != NULL) {
        return sql_check_refuse(check, "column definition");
    }
    RG_TRY(sql_check_type(check, column->typeName));
    return column->collClause == NULL ? RG_OK : sql_check_collation_name(check, column->collClause->collname);
}

static rg_status visit_column_definitions(struct sql_check *check, const List *columns)
{
    for (int i = 0; i < list_length(columns); i++) {
        const ColumnDef *column = list_nth(columns, i);
        if (!IsA(column, ColumnDef)) {
            return sql_check_refuse(check, "column definition");
        }
        RG_TRY(visit_column_definition(check, column));
    }
    return RG_OK;
}

/* The one call that may be unqualified: PostgreSQL itself makes pg_catalog.unnest(a), pg_catalog.unnest(b) of an
 * unnest(a, b) in FROM, before any name is looked up (parse_clause.c), if it is written exactly so. */
static bool is_unnest_syntax(const void *node, const void *columns)
{
    const FuncCall *call = node;
    if (node == NULL || !IsA(node, FuncCall) || columns != NULL || list_length(call->funcname) != 1 ||
        list_length(call->args) < 2) {
        return false;
    }
    const char *name = sql_check_name_at(call->funcname, 0);
    return name != NULL && strcmp(name, "unnest") == 0 && call->agg_order == NIL && call->agg_filter == NULL &&
           call->over == NULL && !call->agg_within_group && !call->agg_star && !call->agg_distinct &&
           !call->func_variadic;
}

static rg_status visit_unnest_syntax(struct sql_check *check, const FuncCall *call)
{
    String schema = {T_String, (char[]){"pg_catalog"}};
    RG_TRY(sql_check_function_name(check, list_make2(&schema, linitial(call->funcname))));
    return sql_check_exprs(check, call->args);
}

/* Each function is a list of two: the call, and its column definitions. */
static rg_status visit_function(struct sql_check *check, const void *node)
{
    const RangeFunction *item = node;
    RG_TRY(sql_check_function_item(check, item));
    for (int i = 0; i < list_length(item->functions); i++) {
        const List *pair = list_nth(item->functions, i);
        if (!IsA(pair, List) || list_length(pair) != 2) {
            return sql_check_refuse(check, "function in FROM");
        }
        if (is_unnest_syntax(linitial(pair), lsecond(pair))) {
            RG_TRY(visit_unnest_syntax(check, linitial(pair)));
            continue;
        }
        RG_TRY(sql_check_expr(check, linitial(pair)));
        RG_TRY(visit_column_definitions(check, lsecond(pair)));
    }
    return visit_column_definitions(check, item->coldeflist);
}

static rg_status visit_table_column(struct sql_check *check, const RangeTableFuncCol *column)
{
    if (!column->for_ordinality) {
        RG_TRY(sql_check_type(check, column->typeName));
    }
    RG_TRY(sql_check_expr(check, column->colexpr));
    return sql_check_expr(check, column->coldefexpr);
}

static rg_status visit_xmltable(struct sql_check *check, const void *node)
{
    const RangeTableFunc *item = node;
    RG_TRY(sql_check_expr(check, item->docexpr));
    RG_TRY(sql_check_expr(check, item->rowexpr));
    RG_TRY(sql_check_exprs(check, item->namespaces));
    for (int i = 0; i < list_length(item->columns); i++) {
        const RangeTableFuncCol *column = list_nth(item->columns, i);
        if (!IsA(column, RangeTableFuncCol)) {
            return sql_check_refuse(check, "column of XMLTABLE");
        }
        RG_TRY(visit_table_column(check, column));
    }
    return RG_OK;
}

/* Other methods are extensions: tsm_system_rows measures the share of other rows. */
static bool is_sampling_method(const List *names)
{
    int count = list_length(names);
    const char *schema = count == 2 ? sql_check_name_at(names, 0) : "pg_catalog";
    const char *name = sql_check_name_at(names, count - 1);
    return (count == 1 || count == 2) && schema != NULL && name != NULL && strcmp(schema, "pg_catalog") == 0 &&
           (strcmp(name, "bernoulli") == 0 || strcmp(name, "system") == 0);
}

rg_status sql_check_sample(struct sql_check *check, const RangeTableSample *sample)
{
    if (sample->relation == NULL || !IsA(sample->relation, RangeVar) || !is_sampling_method(sample->method)) {
        return sql_check_refuse(check, "TABLESAMPLE");
    }
    RG_TRY(sql_check_exprs(check, sample->args));
    return sql_check_expr(check, sample->repeatable);
}

static rg_status visit_sample(struct sql_check *check, const void *node)
{
    const RangeTableSample *sample = node;
    RG_TRY(sql_check_sample(check, sample));
    return visit_range(check, sample->relation);
}

static rg_status visit_item(struct sql_check *check, const void *node);

static rg_status visit_join(struct sql_check *check, const void *node)
{
    const JoinExpr *join = node;
    if (join->larg == NULL || join->rarg == NULL) {
        return sql_check_refuse(check, "join");
    }
    RG_TRY(visit_item(check, join->larg));
    RG_TRY(visit_item(check, join->rarg));
    for (int i = 0; i < list_length(join->usingClause); i++) {
        RG_TRY(sql_check_column_name(check, sql_check_name_at(join->usingClause, i)));
    }
    return sql_check_expr(check, join->quals);
}

static rg_status visit_item(struct sql_check *check, const void *node)
{
    static const struct sql_check_row rows[] = {
        {T_RangeVar, visit_range},          {T_RangeSubselect, visit_subselect}, {T_RangeFunction, visit_function},
        {T_RangeTableFunc, visit_xmltable}, {T_RangeTableSample, visit_sample},  {T_JoinExpr, visit_join},
    };
    return sql_check_by_table(check, rows, lengthof(rows), "FROM item", node);
}

rg_status sql_check_from(struct sql_check *check, const List *items)
{
    for (int i = 0; i < list_length(items); i++) {
        RG_TRY(visit_item(check, list_nth(items, i)));
    }
    return RG_OK;
}
