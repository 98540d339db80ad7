/* SPDX-License-Identifier: Apache-2.0 */
/* INSERT, UPDATE, DELETE, MERGE and COPY ... FROM STDIN: only where writing is allowed at all, and only on a relation
 * that may stand bare as a target (it cannot be wrapped) and whose row allows the command: one without a predicate, or
 * one whose predicate the database itself enforces. Masked relations are never written. A statement that names a column
 * outside of what it inserts reads its target, whose row must allow that, too. */
#include "policy/sql_check_private.h"

/* What a statement does with its target. */
struct use {
    const RangeVar *range;
    bool insert, update, delete;
    bool select;
    bool constraint; /* names one */
    bool copy;
};

/* Row security is of tables; a view writes with its owner's rights. */
static bool is_table(const struct check_limits *limits, const RangeVar *range)
{
    const struct policy_relation *relation =
        limits->snapshot == NULL
            ? NULL
            : policy_relation_find(limits->snapshot, rg_slice_of(range->schemaname), rg_slice_of(range->relname));
    return relation != NULL && (relation->kind == 'r' || relation->kind == 'p');
}

static bool is_target(const struct sql_check *check, const struct check_relation *row, const struct use *use)
{
    return sql_check_is_ruling(check, row, use->range) && (row->predicate.size == 0 || row->is_locked) &&
           row->mask_count == 0 && (!use->insert || row->for_insert) && (!use->update || row->for_update) &&
           (!use->delete || row->for_delete) && (!use->select || row->for_select) &&
           (!row->is_locked || (!use->constraint && !use->copy && is_table(check->limits, use->range))) &&
           (row->for_insert || row->for_update || row->for_delete);
}

static rg_status visit_target(struct sql_check *check, const struct use *use)
{
    if (!check->limits->allow_write) {
        return sql_check_refuse(check, "a write");
    }
    for (size_t i = 0; use->range != NULL && i < check->limits->relation_count; i++) {
        if (is_target(check, &check->limits->relations[i], use)) {
            return RG_OK;
        }
    }
    return sql_check_refuse(check, "a write to a relation that does not allow it");
}

/* Again, when columns have been named since the count. */
static rg_status visit_reading_target(struct sql_check *check, struct use use, size_t columns_before)
{
    use.select = use.select || check->column_count > columns_before;
    return use.select ? visit_target(check, &use) : RG_OK;
}

/* ---- columns that are written ---- */

static rg_status visit_column(struct sql_check *check, const ResTarget *column)
{
    RG_TRY(sql_check_column_name(check, column->name));
    for (int i = 0; i < list_length(column->indirection); i++) {
        const A_Indices *subscript = list_nth(column->indirection, i);
        if (subscript == NULL || !IsA(subscript, A_Indices)) {
            return sql_check_refuse(check, "a field of a column that is written");
        }
        RG_TRY(sql_check_expr(check, subscript->lidx));
        RG_TRY(sql_check_expr(check, subscript->uidx));
    }
    return RG_OK;
}

/* The columns of SET (a, b) = source hold the very same source: it is visited with the first. A source with such an
 * assignment in it would be as large as the product of both. */
static rg_status visit_source(struct sql_check *check, const MultiAssignRef *assignment, const void **source)
{
    if (assignment->colno > 1) {
        return assignment->source == *source ? RG_OK : sql_check_refuse(check, "assignment to several columns");
    }
    if (check->is_assigning) {
        return sql_check_refuse(check, "an assignment to several columns within another");
    }
    check->is_assigning = true;
    rg_status status = sql_check_expr(check, assignment->source);
    check->is_assigning = false;
    *source = assignment->source;
    return status;
}

static rg_status visit_columns(struct sql_check *check, const List *columns)
{
    const void *source = NULL;
    for (int i = 0; i < list_length(columns); i++) {
        const ResTarget *column = list_nth(columns, i);
        if (column == NULL || !IsA(column, ResTarget)) {
            return sql_check_refuse(check, "a column that is written");
        }
        RG_TRY(visit_column(check, column));
        RG_TRY(column->val != NULL && IsA(column->val, MultiAssignRef)
                   ? visit_source(check, (const void *)column->val, &source)
                   : sql_check_expr(check, column->val));
    }
    return RG_OK;
}

/* ---- INSERT ---- */

static rg_status visit_inference(struct sql_check *check, const InferClause *infer)
{
    if (infer == NULL) {
        return RG_OK;
    }
    for (int i = 0; i < list_length(infer->indexElems); i++) {
        const IndexElem *element = list_nth(infer->indexElems, i);
        if (!IsA(element, IndexElem) || element->opclass != NIL || element->opclassopts != NIL) {
            return sql_check_refuse(check, "ON CONFLICT target");
        }
        RG_TRY(sql_check_expr(check, element->expr));
        if (element->collation != NIL) {
            RG_TRY(sql_check_collation_name(check, element->collation));
        }
    }
    return sql_check_expr(check, infer->whereClause);
}

static rg_status visit_conflict(struct sql_check *check, const OnConflictClause *conflict)
{
    if (conflict == NULL) {
        return RG_OK;
    }
    RG_TRY(visit_inference(check, conflict->infer));
    RG_TRY(visit_columns(check, conflict->targetList));
    return sql_check_expr(check, conflict->whereClause);
}

static rg_status visit_insert(struct sql_check *check, const void *node)
{
    const InsertStmt *insert = node;
    const OnConflictClause *conflict = insert->onConflictClause;
    struct use use = {.range = insert->relation, .insert = true};
    use.update = conflict != NULL && conflict->action == ONCONFLICT_UPDATE;
    use.select = conflict != NULL && conflict->infer != NULL;
    use.constraint = use.select && conflict->infer->conname != NULL;
    RG_TRY(visit_target(check, &use));
    RG_TRY(sql_check_with(check, insert->withClause));
    RG_TRY(visit_columns(check, insert->cols));
    RG_TRY(sql_check_select(check, insert->selectStmt));
    size_t columns = check->column_count;
    RG_TRY(visit_conflict(check, conflict));
    RG_TRY(sql_check_exprs(check, insert->returningList));
    return visit_reading_target(check, use, columns);
}

/* ---- UPDATE, DELETE, MERGE ---- */

static rg_status visit_update(struct sql_check *check, const void *node)
{
    const UpdateStmt *update = node;
    struct use use = {.range = update->relation, .update = true};
    RG_TRY(visit_target(check, &use));
    RG_TRY(sql_check_with(check, update->withClause));
    size_t columns = check->column_count;
    RG_TRY(visit_columns(check, update->targetList));
    RG_TRY(sql_check_from(check, update->fromClause));
    RG_TRY(sql_check_expr(check, update->whereClause));
    RG_TRY(sql_check_exprs(check, update->returningList));
    return visit_reading_target(check, use, columns);
}

static rg_status visit_delete(struct sql_check *check, const void *node)
{
    const DeleteStmt *delete = node;
    struct use use = {.range = delete->relation, .delete = true};
    RG_TRY(visit_target(check, &use));
    RG_TRY(sql_check_with(check, delete->withClause));
    size_t columns = check->column_count;
    RG_TRY(sql_check_from(check, delete->usingClause));
    RG_TRY(sql_check_expr(check, delete->whereClause));
    RG_TRY(sql_check_exprs(check, delete->returningList));
    return visit_reading_target(check, use, columns);
}

static rg_status visit_when(struct sql_check *check, const MergeWhenClause *when)
{
    RG_TRY(sql_check_expr(check, when->condition));
    RG_TRY(visit_columns(check, when->targetList));
    return sql_check_exprs(check, when->values);
}

static rg_status visit_merge(struct sql_check *check, const void *node)
{
    const MergeStmt *merge = node;
    struct use use = {.range = merge->relation, .select = true};
    for (int i = 0; i < list_length(merge->mergeWhenClauses); i++) {
        const MergeWhenClause *when = list_nth(merge->mergeWhenClauses, i);
        if (!IsA(when, MergeWhenClause)) {
            return sql_check_refuse(check, "MERGE");
        }
        use.insert |= when->commandType == CMD_INSERT;
        use.update |= when->commandType == CMD_UPDATE;
        use.delete |= when->commandType == CMD_DELETE;
    }
    RG_TRY(visit_target(check, &use));
    RG_TRY(sql_check_with(check, merge->withClause));
    const List source = {.type = T_List, .length = 1, .max_length = 1, .elements = &(ListCell){merge->sourceRelation}};
    RG_TRY(sql_check_from(check, &source));
    RG_TRY(sql_check_expr(check, merge->joinCondition));
    for (int i = 0; i < list_length(merge->mergeWhenClauses); i++) {
        RG_TRY(visit_when(check, list_nth(merge->mergeWhenClauses, i)));
    }
    return RG_OK;
}

rg_status sql_check_write(struct sql_check *check, const void *node)
{
    static const struct sql_check_row rows[] = {
        {T_InsertStmt, visit_insert}, {T_UpdateStmt, visit_update}, {T_DeleteStmt, visit_delete}};
    const struct sql_check_scope *scope = check->scope;
    rg_status status = node == NULL ? sql_check_refuse(check, "no query")
                                    : sql_check_by_table(check, rows, lengthof(rows), "write", node);
    check->scope = scope;
    return status;
}

rg_status sql_check_merge(struct sql_check *check, const void *node)
{
    static const struct sql_check_row rows[] = {{T_MergeStmt, visit_merge}};
    return sql_check_by_table(check, rows, lengthof(rows), "write", node); /* the last that is visited: no scope left */
}

/* ---- COPY ... FROM STDIN ---- */

/* Columns, or the format's own word: binary values are read by other code than texts. */
static rg_status visit_copy_option(struct sql_check *check, const DefElem *option)
{
    static const char *const names[] = {"format", "encoding",       "delimiter",  "null",  "header",
                                        "quote",  "force_not_null", "force_null", "escape"};
    bool is_known = false;
    for (size_t i = 0; i < lengthof(names); i++) {
        is_known = is_known || strcmp(option->defname, names[i]) == 0;
    }
    const String *value = (const void *)option->arg;
    bool is_format = strcmp(option->defname, "format") == 0;
    bool is_plain =
        value != NULL && IsA(value, String) && (strcmp(value->sval, "csv") == 0 || strcmp(value->sval, "text") == 0);
    return is_known && (!is_format || is_plain) ? RG_OK : sql_check_refuse(check, "an option of COPY FROM");
}

rg_status sql_check_copy_from(struct sql_check *check, const CopyStmt *copy)
{
    if (copy->relation == NULL || copy->query != NULL || copy->is_program || copy->filename != NULL ||
        copy->whereClause != NULL) {
        return sql_check_refuse(check, "COPY other than from the client to a relation");
    }
    for (int i = 0; i < list_length(copy->attlist); i++) {
        RG_TRY(sql_check_column_name(check, sql_check_name_at(copy->attlist, i)));
    }
    for (int i = 0; i < list_length(copy->options); i++) {
        const DefElem *option = list_nth(copy->options, i);
        if (!IsA(option, DefElem) || option->defnamespace != NULL || option->defname == NULL) {
            return sql_check_refuse(check, "an option of COPY FROM");
        }
        RG_TRY(visit_copy_option(check, option));
    }
    return visit_target(check, &(struct use){.range = copy->relation, .insert = true, .copy = true});
}
