/* SPDX-License-Identifier: Apache-2.0 */
/* WITH items: what each sees, and which of its columns are masked. An item is visited when it is first read, or at the
 * end; a recursive one until nothing changes. */
#include "policy/sql_lineage_private.h"

static bool has_new_mask(const struct lineage_columns *before, const struct lineage_columns *after)
{
    for (size_t i = 0; i < after->count; i++) {
        if (after->items[i].mask != 0 && (i >= before->count || before->items[i].mask == 0)) {
            return true;
        }
    }
    return before->count != after->count;
}

static rg_status with_round(struct lineage *lineage, struct lineage_with *item, struct lineage_columns *columns)
{
    RG_TRY(lineage_query(lineage, item->cte->ctequery, item->depth + 1, columns));
    RG_TRY(lineage_rename(lineage, item->cte->aliascolnames, columns));
    return item->cte->search_clause == NULL && item->cte->cycle_clause == NULL
               ? RG_OK
               : lineage_deny_any(lineage, columns, "a WITH item with SEARCH or CYCLE");
}

/* What the first arm of a recursive item gives is what its second arm reads at first. */
static rg_status with_first(struct lineage *lineage, struct lineage_with *item)
{
    const SelectStmt *select = (const SelectStmt *)item->cte->ctequery;
    struct lineage_with *with = lineage->with;
    if (!IsA(select, SelectStmt) || select->op != SETOP_UNION) {
        return RG_OK;
    }
    struct lineage_columns columns = {0};
    RG_TRY(lineage_with_push(lineage, select->withClause, item->depth + 1));
    RG_TRY(lineage_query(lineage, (Node *)select->larg, item->depth + 1, &columns));
    RG_TRY(lineage_rename(lineage, item->cte->aliascolnames, &columns));
    lineage->with = with;
    item->columns = columns;
    return RG_OK;
}

/* A recursive item is visited until its columns gain no mask. */
static rg_status with_rounds(struct lineage *lineage, struct lineage_with *item)
{
    RG_TRY(item->is_recursive ? with_first(lineage, item) : RG_OK);
    for (size_t round = 0; round < LINEAGE_ROUNDS_MAX; round++) {
        struct lineage_columns columns = {0};
        RG_TRY(with_round(lineage, item, &columns));
        bool is_stable = !item->reads_itself || !has_new_mask(&item->columns, &columns);
        item->columns = columns;
        if (is_stable) {
            return RG_OK;
        }
    }
    return sql_deny(&lineage->work->site, "54001", "sql.complexity", item->cte->location,
                    "this recursive WITH item is too complex");
}

static rg_status with_visit(struct lineage *lineage, struct lineage_with *item)
{
    const struct lineage_scope *scope = lineage->scope;
    struct lineage_with *with = lineage->with;
    lineage->scope = item->scope;
    lineage->with = item->sees;
    item->state = LINEAGE_DOING;
    rg_status status = with_rounds(lineage, item);
    item->state = LINEAGE_DONE;
    lineage->scope = scope;
    lineage->with = with;
    return status;
}

rg_status lineage_with_find(struct lineage *lineage, const char *name, bool *out_is_found,
                            struct lineage_columns *out_columns)
{
    struct lineage_with *item = lineage->with;
    while (item != NULL && strcmp(item->cte->ctename, name) != 0) {
        item = item->outer;
    }
    *out_is_found = item != NULL;
    if (item == NULL) {
        return RG_OK;
    }
    if (item->state == LINEAGE_TO_DO) {
        RG_TRY(with_visit(lineage, item));
    }
    item->reads_itself = item->reads_itself || item->state == LINEAGE_DOING;
    return lineage_add_all(lineage, out_columns, &item->columns);
}

rg_status lineage_with_push(struct lineage *lineage, const WithClause *with, size_t depth)
{
    struct lineage_with **items = NULL;
    int count = with == NULL ? 0 : list_length(with->ctes);
    RG_TRY(rg_arena_array(lineage->work->site.arena, (size_t)count + 1, sizeof(void *), (void **)&items));
    for (int i = 0; i < count; i++) {
        RG_TRY(rg_arena_new(lineage->work->site.arena, &items[i]));
        *items[i] = (struct lineage_with){.outer = lineage->with,
                                          .sees = lineage->with,
                                          .scope = lineage->scope,
                                          .cte = list_nth_node(CommonTableExpr, with->ctes, i),
                                          .is_recursive = with->recursive,
                                          .depth = depth};
        lineage->with = items[i];
    }
    for (int i = 0; i < count; i++) {
        items[i]->sees = with->recursive ? lineage->with : items[i]->sees;
    }
    for (int i = 0; i < count; i++) {
        if (items[i]->state == LINEAGE_TO_DO) {
            RG_TRY(with_visit(lineage, items[i]));
        }
    }
    return RG_OK;
}
