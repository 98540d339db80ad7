/* SPDX-License-Identifier: Apache-2.0 */
/* INSERT, UPDATE and DELETE on the tenant's own relations, where a policy's `for` names them. A relation with a
 * predicate needs the database's own row security for that, and is refused. A target is never a WITH item. */
#include "policy/sql_rewrite_private.h"

static rg_status target_rename(struct sql_work *work, RangeVar *range, enum sql_right right, bool reads)
{
    struct sql_target target = {0};
    RG_TRY(sql_resolve(work, range, right, &target));
    if (target.bound->mask_count > 0) {
        return sql_deny(&work->site, "0A000", "statement.write", range->location,
                        "writing to a relation with masks is not supported");
    }
    if (target.bound->predicate.size > 0 || !target.bound->is_own) {
        return sql_deny(&work->site, "0A000", "statement.write", range->location,
                        "writing to a shared relation needs row security in the database");
    }
    if (reads && !target.bound->for_select) {
        return sql_deny(&work->site, "42501", "statement.write", range->location,
                        "no policy allows reading this relation");
    }
    work->is_write = true;
    return sql_rename(work, range, target.bound);
}

static rg_status visit_insert(struct sql_work *work, InsertStmt *insert, size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    bool updates = insert->onConflictClause != NULL && insert->onConflictClause->action == ONCONFLICT_UPDATE;
    if (updates) {
        struct sql_target target = {0};
        RG_TRY(sql_resolve(work, insert->relation, SQL_UPDATE, &target));
    }
    RG_TRY(target_rename(work, insert->relation, SQL_INSERT, updates || insert->returningList != NIL));
    RG_TRY(sql_visit_with(work, insert->withClause, depth));
    RG_TRY(sql_walk_list(walk, insert->cols, depth + 1));
    RG_TRY(sql_walk_slot(walk, &insert->selectStmt, depth + 1));
    RG_TRY(sql_walk_slot(walk, (Node **)(void *)&insert->onConflictClause, depth + 1));
    return sql_visit_targets(work, insert->returningList, depth);
}

static rg_status visit_update(struct sql_work *work, UpdateStmt *update, size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    RG_TRY(target_rename(work, update->relation, SQL_UPDATE, true));
    RG_TRY(sql_visit_with(work, update->withClause, depth));
    RG_TRY(sql_walk_list(walk, update->targetList, depth + 1));
    RG_TRY(sql_walk_list(walk, update->fromClause, depth + 1));
    RG_TRY(sql_walk_slot(walk, &update->whereClause, depth + 1));
    return sql_visit_targets(work, update->returningList, depth);
}

static rg_status visit_delete(struct sql_work *work, DeleteStmt *delete, size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    RG_TRY(target_rename(work, delete->relation, SQL_DELETE, true));
    RG_TRY(sql_visit_with(work, delete->withClause, depth));
    RG_TRY(sql_walk_list(walk, delete->usingClause, depth + 1));
    RG_TRY(sql_walk_slot(walk, &delete->whereClause, depth + 1));
    return sql_visit_targets(work, delete->returningList, depth);
}

rg_status sql_visit_write(struct sql_work *work, Node *node, size_t depth)
{
    struct sql_scope *outer = work->scope;
    rg_status status = RG_OK;
    if (work->is_explained) {
        return sql_deny(&work->site, "0A000", "statement.explain", -1, "EXPLAIN of a write is not supported");
    }
    if (IsA(node, InsertStmt)) {
        status = visit_insert(work, (InsertStmt *)node, depth);
    } else if (IsA(node, UpdateStmt)) {
        status = visit_update(work, (UpdateStmt *)node, depth);
    } else {
        status = visit_delete(work, (DeleteStmt *)node, depth);
    }
    work->scope = outer;
    return status;
}
