/* SPDX-License-Identifier: Apache-2.0 */
/* INSERT, UPDATE and DELETE: only where writing is allowed at all, and only on a relation that stands bare (a
 * target cannot be wrapped) and whose row allows the command. MERGE has no place here and is refused. */
#include "policy/sql_check_private.h"

struct wanted {
    bool insert;
    bool update;
    bool delete;
};

static bool is_target(const struct sql_check *check, const struct check_relation *row, const RangeVar *range,
                      struct wanted wanted)
{
    return row->predicate.size == 0 && row->mask_count == 0 && sql_check_is_ruling(check, row, range) &&
           (!wanted.insert || row->for_insert) && (!wanted.update || row->for_update) &&
           (!wanted.delete || row->for_delete);
}

static rg_status visit_target(struct sql_check *check, const RangeVar *range, struct wanted wanted)
{
    if (!check->limits->allow_write) {
        return sql_check_refuse(check, "a write");
    }
    for (size_t i = 0; range != NULL && i < check->limits->relation_count; i++) {
        if (is_target(check, &check->limits->relations[i], range, wanted)) {
            return RG_OK;
        }
    }
    return sql_check_refuse(check, "a write to a relation that does not allow it");
}

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
    RG_TRY(sql_check_exprs(check, conflict->targetList));
    return sql_check_expr(check, conflict->whereClause);
}

static rg_status visit_insert(struct sql_check *check, const void *node)
{
    const InsertStmt *insert = node;
    bool updates = insert->onConflictClause != NULL && insert->onConflictClause->action == ONCONFLICT_UPDATE;
    RG_TRY(visit_target(check, insert->relation, (struct wanted){.insert = true, .update = updates}));
    RG_TRY(sql_check_with(check, insert->withClause));
    RG_TRY(sql_check_exprs(check, insert->cols));
    RG_TRY(sql_check_select(check, insert->selectStmt));
    RG_TRY(visit_conflict(check, insert->onConflictClause));
    return sql_check_exprs(check, insert->returningList);
}

static rg_status visit_update(struct sql_check *check, const void *node)
{
    const UpdateStmt *update = node;
    RG_TRY(visit_target(check, update->relation, (struct wanted){.update = true}));
    RG_TRY(sql_check_with(check, update->withClause));
    RG_TRY(sql_check_exprs(check, update->targetList));
    RG_TRY(sql_check_from(check, update->fromClause));
    RG_TRY(sql_check_expr(check, update->whereClause));
    return sql_check_exprs(check, update->returningList);
}

static rg_status visit_delete(struct sql_check *check, const void *node)
{
    const DeleteStmt *delete = node;
    RG_TRY(visit_target(check, delete->relation, (struct wanted){.delete = true}));
    RG_TRY(sql_check_with(check, delete->withClause));
    RG_TRY(sql_check_from(check, delete->usingClause));
    RG_TRY(sql_check_expr(check, delete->whereClause));
    return sql_check_exprs(check, delete->returningList);
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
