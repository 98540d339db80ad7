/* SPDX-License-Identifier: Apache-2.0 */
/* schema.table.column: a fence has no schema, so the column keeps only its relation's bare name. That means the
 * same only where the whole statement knows one thing by that name, and that thing is the relation. */
#include "policy/sql_planner_private.h"

/* Something in FROM, or a WITH item, by the name that columns use for it. */
struct sql_known_name {
    struct sql_known_name *next;
    const char *name;
    struct rg_slice schema; /* logical; of a relation without an alias, empty for all others */
};

struct names_walk {
    struct sql_walk walk; /* first */
    struct sql_work *work;
};

static struct sql_work *work_of(struct sql_walk *walk)
{
    return ((struct names_walk *)(void *)walk)->work;
}

static rg_status names_refuse(struct sql_walk *walk, const Node *node)
{
    return sql_deny_node(&work_of(walk)->site.walk, node);
}

static rg_status names_too_deep(struct sql_walk *walk, const Node *node)
{
    return sql_deny_depth(&work_of(walk)->site.walk, node);
}

static rg_status know(struct sql_work *work, const char *name, struct rg_slice schema)
{
    struct sql_known_name *known = NULL;
    RG_TRY(rg_arena_new(work->site.arena, &known));
    known->name = name;
    known->schema = schema;
    known->next = work->known_names;
    work->known_names = known;
    return RG_OK;
}

static rg_status names_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    (void)depth, (void)out_is_done;
    struct sql_work *work = work_of(walk);
    const void *node = *slot;
    if (IsA(node, Alias)) {
        return know(work, ((const Alias *)node)->aliasname, (struct rg_slice){0});
    }
    if (IsA(node, CommonTableExpr)) {
        return know(work, ((const CommonTableExpr *)node)->ctename, (struct rg_slice){0});
    }
    const RangeVar *range = node;
    if (IsA(node, RangeVar) && range->alias == NULL) {
        return know(work, range->relname, sql_range_schema(work, range));
    }
    return RG_OK;
}

rg_status sql_names_collect(struct sql_work *work, Node **slot)
{
    struct names_walk walk = {{names_visit, names_refuse, names_too_deep}, work};
    work->known_names = NULL;
    return sql_walk_slot(&walk.walk, slot, 0);
}

/* An unqualified name that is a WITH item's too is known by the item's row as well, and so is not the only one. */
static bool is_only_meaning(const struct sql_work *work, struct rg_slice schema, struct rg_slice table)
{
    bool is_found = false;
    for (const struct sql_known_name *known = work->known_names; known != NULL; known = known->next) {
        if (rg_slice_is_equal(rg_slice_of(known->name), table)) {
            if (!rg_slice_is_equal(known->schema, schema)) {
                return false;
            }
            is_found = true;
        }
    }
    return is_found;
}

rg_status sql_visit_column(struct sql_work *work, ColumnRef *column)
{
    struct sql_site *site = &work->site;
    RG_TRY(sql_check_column(site, column));
    if (list_length(column->fields) < 3) {
        return RG_OK;
    }
    if (!is_only_meaning(work, sql_string(list_nth(column->fields, 0)), sql_string(list_nth(column->fields, 1)))) {
        return sql_deny(site, "0A000", "column.relation", column->location,
                        "a column is qualified by a schema, and its relation does not stand in FROM under its own "
                        "name, or is not the only one of that name");
    }
    size_t token = 0;
    size_t last = 0;
    RG_TRY(sql_site_token(site, column->location, &token));
    RG_TRY(sql_site_name_end(site, token, 1, &last));
    column->fields = list_copy_tail(column->fields, 1);
    return sql_site_replace(site, token, last + 1, RG_SLICE(""));
}
