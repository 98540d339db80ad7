/* SPDX-License-Identifier: Apache-2.0 */
/* INSERT, UPDATE, DELETE and MERGE, where a policy's `for` names them. The target stands bare: a relation whose rows
 * obey a predicate, or that several tenants share, is one only while the database's own row security enforces the
 * policies (the second lock); sources and sub-selects are fenced as in any query. A target is never a WITH item.
 * Which commands also read the target's columns, and so need that right too, is parse analysis' rule
 * (markVarForSelectPriv, transformOnConflictArbiter), never less strict here. */
#include "policy/sql_rewrite_private.h"

static rg_status deny_write(struct sql_work *work, const char *sqlstate, const RangeVar *range, const char *why)
{
    return sql_deny(&work->site, sqlstate, "statement.write", range->location, "%s", why);
}

/* Policies are a table's: through a view its owner writes, who may be above them. */
static rg_status check_kind(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound)
{
    const struct policy_relations *relations = work->session->relations;
    const struct policy_relation *relation =
        relations == NULL ? NULL : policy_relation_find(relations, bound->physical, rg_slice_of(range->relname));
    if (relation == NULL) {
        rg_status status =
            deny_write(work, "0A000", range, "it is not known yet whether this relation is a table: try again");
        work->site.is_stale = true;
        return status;
    }
    if (relation->kind != 'r' && relation->kind != 'p') {
        return deny_write(work, "0A000", range, "row security in the database covers writes to tables only");
    }
    return RG_OK;
}

rg_status sql_visit_target(struct sql_work *work, RangeVar *range, struct sql_rights rights,
                           const struct policy_bound **out_bound)
{
    struct sql_target target = {0};
    RG_TRY(sql_resolve(work, range, SQL_WRITE, &target));
    const struct policy_bound *bound = target.bound;
    if ((rights.insert && !bound->for_insert) || (rights.update && !bound->for_update) ||
        (rights.delete &&!bound->for_delete)) {
        return deny_write(work, "42501", range, "no policy allows this write");
    }
    if (rights.select && !bound->for_select) {
        return deny_write(work, "42501", range, "no policy allows reading this relation");
    }
    if (work->binding->reach[bound - work->binding->bounds].mask_count > 0) {
        return deny_write(work, "0A000", range, "writing to a relation with masks is not supported");
    }
    if (bound->needs_lock && !bound->is_locked) {
        return deny_write(work, "0A000", range, "writing to a shared relation needs row security in the database");
    }
    if (bound->is_locked) {
        RG_TRY(check_kind(work, range, bound));
    }
    work->is_write = true;
    *out_bound = bound;
    return sql_rename(work, range, bound);
}

/* ---- columns that are written ---- */

/* Whether this value surely reads no column. */
static bool is_constant(const Node *value)
{
    while (value != NULL && IsA(value, TypeCast)) {
        value = ((const TypeCast *)value)->arg;
    }
    return value != NULL && (IsA(value, A_Const) || IsA(value, ParamRef) || IsA(value, SetToDefault));
}

static rg_status check_column(struct sql_work *work, const ResTarget *target)
{
    for (int i = 0; i < list_length(target->indirection); i++) {
        if (!IsA(list_nth(target->indirection, i), A_Indices)) {
            return sql_deny(&work->site, "0A000", "sql.field", target->location,
                            "writing to a field of a column is not supported");
        }
    }
    return sql_check_written(&work->site, target->name, target->location);
}

/* The columns from first on share one source, which is walked once. */
static rg_status visit_shared_source(struct sql_work *work, List *targets, int first, size_t depth)
{
    MultiAssignRef *assignment = (MultiAssignRef *)list_nth_node(ResTarget, targets, first)->val;
    size_t columns = assignment->ncolumns < 1 ? 1 : (size_t)assignment->ncolumns;
    work->assigned_count += columns;
    if (work->is_assigning || work->assigned_count * (work->site.tokens.count + 1) > SQL_ASSIGNED_MAX) {
        return sql_deny(&work->site, "54001", "sql.complexity", -1, "assignments to several columns are too complex");
    }
    work->is_assigning = true;
    RG_TRY(sql_walk_slot(&work->site.walk, &assignment->source, depth));
    work->is_assigning = false;
    for (int i = first + 1; i < list_length(targets); i++) {
        MultiAssignRef *other = (MultiAssignRef *)list_nth_node(ResTarget, targets, i)->val;
        if (other == NULL || !IsA(other, MultiAssignRef) || other->colno == 1) {
            break;
        }
        other->source = assignment->source;
    }
    return RG_OK;
}

rg_status sql_visit_assignments(struct sql_work *work, List *targets, size_t depth)
{
    for (int i = 0; i < list_length(targets); i++) {
        ResTarget *target = list_nth_node(ResTarget, targets, i);
        RG_TRY(check_column(work, target));
        RG_TRY(sql_walk_list(&work->site.walk, target->indirection, depth + 2));
        if (target->val == NULL || !IsA(target->val, MultiAssignRef)) {
            RG_TRY(sql_walk_slot(&work->site.walk, &target->val, depth + 2));
        } else if (((const MultiAssignRef *)target->val)->colno == 1) {
            RG_TRY(visit_shared_source(work, targets, i, depth + 3));
        }
    }
    return RG_OK;
}

/* ---- INSERT ---- */

static rg_status visit_conflict(struct sql_work *work, OnConflictClause *conflict, const struct policy_bound *bound,
                                size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    if (conflict == NULL) {
        return RG_OK;
    }
    /* On shared rows, constraints' names are nothing a tenant is told, and an error would tell whether they exist. */
    if (conflict->infer != NULL && conflict->infer->conname != NULL && bound->is_locked) {
        return sql_deny(&work->site, "0A000", "statement.write", conflict->infer->location,
                        "ON CONFLICT ON CONSTRAINT is supported for your own relations only");
    }
    RG_TRY(sql_walk_slot(walk, (Node **)(void *)&conflict->infer, depth + 1));
    RG_TRY(sql_visit_assignments(work, conflict->targetList, depth));
    return sql_walk_slot(walk, &conflict->whereClause, depth + 1);
}

static rg_status visit_insert(struct sql_work *work, InsertStmt *insert, size_t depth)
{
    const OnConflictClause *conflict = insert->onConflictClause;
    const struct policy_bound *bound = NULL;
    bool updates = conflict != NULL && conflict->action == ONCONFLICT_UPDATE;
    bool infers = conflict != NULL && conflict->infer != NULL;
    struct sql_rights rights = {
        .insert = true, .update = updates, .select = updates || infers || insert->returningList != NIL};
    RG_TRY(sql_visit_target(work, insert->relation, rights, &bound));
    RG_TRY(sql_visit_with(work, insert->withClause, depth));
    RG_TRY(sql_visit_assignments(work, insert->cols, depth));
    RG_TRY(sql_walk_slot(&work->site.walk, &insert->selectStmt, depth + 1));
    RG_TRY(visit_conflict(work, insert->onConflictClause, bound, depth + 1));
    return sql_visit_targets(work, insert->returningList, depth);
}

/* ---- UPDATE, DELETE ---- */

static bool reads_columns(const UpdateStmt *update)
{
    bool reads = update->whereClause != NULL || update->fromClause != NIL || update->returningList != NIL;
    for (int i = 0; i < list_length(update->targetList); i++) {
        const ResTarget *target = list_nth_node(ResTarget, update->targetList, i);
        reads = reads || target->indirection != NIL || !is_constant(target->val);
    }
    return reads;
}

static rg_status visit_update(struct sql_work *work, UpdateStmt *update, size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    const struct policy_bound *bound = NULL;
    struct sql_rights rights = {.update = true, .select = reads_columns(update)};
    RG_TRY(sql_visit_target(work, update->relation, rights, &bound));
    RG_TRY(sql_visit_with(work, update->withClause, depth));
    RG_TRY(sql_visit_assignments(work, update->targetList, depth));
    RG_TRY(sql_walk_list(walk, update->fromClause, depth + 1));
    RG_TRY(sql_walk_slot(walk, &update->whereClause, depth + 1));
    return sql_visit_targets(work, update->returningList, depth);
}

static rg_status visit_delete(struct sql_work *work, DeleteStmt *delete, size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    const struct policy_bound *bound = NULL;
    bool reads = delete->whereClause != NULL || delete->usingClause != NIL || delete->returningList != NIL;
    RG_TRY(sql_visit_target(work, delete->relation, (struct sql_rights){.delete = true, .select = reads}, &bound));
    RG_TRY(sql_visit_with(work, delete->withClause, depth));
    RG_TRY(sql_walk_list(walk, delete->usingClause, depth + 1));
    RG_TRY(sql_walk_slot(walk, &delete->whereClause, depth + 1));
    return sql_visit_targets(work, delete->returningList, depth);
}

/* ---- MERGE ---- */

static struct sql_rights merge_rights(const MergeStmt *merge)
{
    struct sql_rights rights = {.select = true}; /* it joins the target to find out what to do */
    for (int i = 0; i < list_length(merge->mergeWhenClauses); i++) {
        CmdType command = list_nth_node(MergeWhenClause, merge->mergeWhenClauses, i)->commandType;
        rights.insert = rights.insert || command == CMD_INSERT;
        rights.update = rights.update || command == CMD_UPDATE;
        rights.delete = rights.delete || command == CMD_DELETE;
    }
    return rights;
}

static rg_status visit_merge(struct sql_work *work, MergeStmt *merge, size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    const struct policy_bound *bound = NULL;
    if (depth > 0) {
        return deny_write(work, "0A000", merge->relation, "MERGE is not supported inside of another statement");
    }
    RG_TRY(sql_visit_target(work, merge->relation, merge_rights(merge), &bound));
    RG_TRY(sql_visit_with(work, merge->withClause, depth));
    RG_TRY(sql_walk_slot(walk, &merge->sourceRelation, depth + 1));
    RG_TRY(sql_walk_slot(walk, &merge->joinCondition, depth + 1));
    for (int i = 0; i < list_length(merge->mergeWhenClauses); i++) {
        MergeWhenClause *when = list_nth_node(MergeWhenClause, merge->mergeWhenClauses, i);
        RG_TRY(sql_walk_slot(walk, &when->condition, depth + 2));
        RG_TRY(sql_visit_assignments(work, when->targetList, depth + 2));
        RG_TRY(sql_walk_list(walk, when->values, depth + 2));
    }
    return RG_OK;
}

rg_status sql_visit_write(struct sql_work *work, Node *node, size_t depth)
{
    struct sql_scope *outer = work->scope;
    struct sql_fence_level *level = work->level;
    rg_status status = RG_OK;
    if (work->is_explained) {
        return sql_deny(&work->site, "0A000", "statement.explain", -1, "EXPLAIN of a write is not supported");
    }
    work->level = NULL; /* its FROM has no conjuncts of the SELECT around it */
    if (IsA(node, InsertStmt)) {
        status = visit_insert(work, (InsertStmt *)node, depth);
    } else if (IsA(node, UpdateStmt)) {
        status = visit_update(work, (UpdateStmt *)node, depth);
    } else if (IsA(node, DeleteStmt)) {
        status = visit_delete(work, (DeleteStmt *)node, depth);
    } else {
        status = visit_merge(work, (MergeStmt *)node, depth);
    }
    work->scope = outer;
    work->level = level;
    return status;
}
