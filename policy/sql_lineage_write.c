/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that write. Their targets have no masks (a masked one is refused when it is rewritten), so only what they
 * read besides is looked at: a masked column may be inserted as it is shown, and RETURNING is a select list. */
#include "policy/sql_lineage_private.h"

/* The parts of a statement that the four kinds have in common. */
struct parts {
    const RangeVar *target;
    const WithClause *with;
    const List *from; /* NIL for INSERT */
    const List *returning;
};

static bool parts_of(Node *node, struct parts *parts)
{
    if (IsA(node, InsertStmt)) {
        const InsertStmt *insert = (const InsertStmt *)node;
        *parts = (struct parts){insert->relation, insert->withClause, NIL, insert->returningList};
    } else if (IsA(node, UpdateStmt)) {
        const UpdateStmt *update = (const UpdateStmt *)node;
        *parts = (struct parts){update->relation, update->withClause, update->fromClause, update->returningList};
    } else if (IsA(node, DeleteStmt)) {
        const DeleteStmt *delete = (const DeleteStmt *)node;
        *parts = (struct parts){delete->relation, delete->withClause, delete->usingClause, delete->returningList};
    } else if (IsA(node, MergeStmt)) {
        const MergeStmt *merge = (const MergeStmt *)node;
        *parts = (struct parts){merge->relation, merge->withClause, list_make1(merge->sourceRelation), NIL};
    } else {
        return false;
    }
    return parts->target != NULL;
}

static rg_status visit_insert(struct lineage *lineage, InsertStmt *insert, size_t depth)
{
    struct lineage_columns inserted = {0};
    RG_TRY(insert->selectStmt == NULL ? RG_OK : lineage_query(lineage, insert->selectStmt, depth + 1, &inserted));
    return lineage_expression(lineage, "ON CONFLICT", insert->onConflictClause, depth + 1);
}

static rg_status visit_merge(struct lineage *lineage, MergeStmt *merge, size_t depth)
{
    RG_TRY(lineage_expression(lineage, "ON", merge->joinCondition, depth + 1));
    return lineage_expression(lineage, "MERGE", merge->mergeWhenClauses, depth + 1);
}

static rg_status visit_kind(struct lineage *lineage, Node *node, size_t depth)
{
    if (IsA(node, InsertStmt)) {
        return visit_insert(lineage, (InsertStmt *)node, depth);
    }
    if (IsA(node, MergeStmt)) {
        return visit_merge(lineage, (MergeStmt *)node, depth);
    }
    if (IsA(node, DeleteStmt)) {
        return lineage_expression(lineage, "WHERE", ((DeleteStmt *)node)->whereClause, depth + 1);
    }
    RG_TRY(lineage_expression(lineage, "SET", ((UpdateStmt *)node)->targetList, depth + 1));
    return lineage_expression(lineage, "WHERE", ((UpdateStmt *)node)->whereClause, depth + 1);
}

rg_status lineage_write(struct lineage *lineage, Node *statement, size_t depth, struct lineage_columns *out_columns)
{
    struct parts parts = {0};
    struct lineage_scope scope = {lineage->scope, NULL, NULL};
    const struct lineage_scope *outer = lineage->scope;
    struct lineage_columns all = {.is_open = true}; /* the target's own */
    if (!parts_of(statement, &parts)) {
        return lineage->walk.refuse(&lineage->walk, statement);
    }
    RG_TRY(lineage_with_push(lineage, parts.with, depth));
    RG_TRY(lineage_push(lineage, &scope,
                        parts.target->alias == NULL ? parts.target->relname : parts.target->alias->aliasname, &all));
    RG_TRY(lineage_from_list(lineage, &scope, parts.from, depth, &all));
    lineage->scope = &scope;
    rg_status status = visit_kind(lineage, statement, depth);
    if (rg_is_ok(status)) {
        status = lineage_targets(lineage, parts.returning, &all, depth + 1, out_columns);
    }
    lineage->scope = outer;
    return status;
}
