/* SPDX-License-Identifier: Apache-2.0 */
/* Columns, scopes, and what a column reference means in them (parse analysis: colNameToVar, scanNSItemForColumn,
 * refnameNamespaceItem, transformColumnRef). Of several readings the masked one counts. */
#include "policy/sql_lineage_private.h"

/* ---- columns ---- */

rg_status lineage_add(struct lineage *lineage, struct lineage_columns *columns, struct lineage_column column)
{
    if (columns->count == columns->capacity) {
        size_t grown = columns->capacity == 0 ? 16 : columns->capacity * 2;
        struct lineage_column *bigger = NULL;
        RG_TRY(rg_arena_array(lineage->work->site.arena, grown, sizeof *bigger, (void **)&bigger));
        if (columns->count > 0) {
            memcpy(bigger, columns->items, columns->count * sizeof *bigger);
        }
        columns->items = bigger;
        columns->capacity = grown;
    }
    columns->items[columns->count++] = column;
    return RG_OK;
}

rg_status lineage_add_all(struct lineage *lineage, struct lineage_columns *columns, const struct lineage_columns *more)
{
    for (size_t i = 0; i < more->count; i++) {
        RG_TRY(lineage_add(lineage, columns, more->items[i]));
    }
    columns->is_open = columns->is_open || more->is_open;
    return RG_OK;
}

/* Of several columns of one name the masked one counts. */
const struct lineage_column *lineage_find(const struct lineage_columns *columns, struct rg_slice name)
{
    const struct lineage_column *found = NULL;
    for (size_t i = 0; i < columns->count; i++) {
        if (rg_slice_is_equal(columns->items[i].name, name) && (found == NULL || found->mask == 0)) {
            found = &columns->items[i];
        }
    }
    return found;
}

const struct lineage_column *lineage_masked(const struct lineage_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (columns->items[i].mask != 0) {
            return &columns->items[i];
        }
    }
    return NULL;
}

rg_status lineage_rename(struct lineage *lineage, const List *names, struct lineage_columns *columns)
{
    struct lineage_columns renamed = {.is_open = columns->is_open};
    if (names == NIL) {
        return RG_OK;
    }
    if (columns->is_open) { /* which column gets which name is not known */
        return lineage_deny_any(lineage, columns, "a list of column names that cannot be followed");
    }
    RG_TRY(lineage_add_all(lineage, &renamed, columns));
    for (int i = 0; i < list_length(names) && (size_t)i < renamed.count; i++) {
        renamed.items[i].name = sql_string(list_nth(names, i));
    }
    *columns = renamed;
    return RG_OK;
}

/* ---- scopes ---- */

rg_status lineage_push(struct lineage *lineage, struct lineage_scope *scope, const char *name,
                       const struct lineage_columns *columns)
{
    struct lineage_item *item = NULL;
    RG_TRY(rg_arena_new(lineage->work->site.arena, &item));
    *item = (struct lineage_item){scope->items, name, *columns};
    scope->items = item;
    return RG_OK;
}

static bool is_item(const struct lineage_item *item, const char *name)
{
    return item->name != NULL && strcmp(item->name, name) == 0;
}

rg_status lineage_star(struct lineage *lineage, const char *name, struct lineage_columns *out_columns)
{
    for (const struct lineage_scope *scope = lineage->scope; scope != NULL; scope = scope->outer) {
        for (const struct lineage_item *item = scope->items; item != scope->end; item = item->next) {
            if (is_item(item, name)) {
                return lineage_add_all(lineage, out_columns, &item->columns);
            }
        }
    }
    out_columns->is_open = true; /* the database will say that there is no such item */
    return RG_OK;
}

/* ---- references ---- */

static size_t any_mask(const struct lineage_columns *columns)
{
    const struct lineage_column *masked = lineage_masked(columns);
    return masked == NULL ? 0 : masked->mask;
}

/* An unqualified name: the innermost level that has such a column decides. */
static bool resolve_column(const struct lineage *lineage, struct rg_slice name, size_t *out_mask)
{
    for (const struct lineage_scope *scope = lineage->scope; scope != NULL; scope = scope->outer) {
        bool is_found = false;
        for (const struct lineage_item *item = scope->items; item != scope->end; item = item->next) {
            const struct lineage_column *column = lineage_find(&item->columns, name);
            is_found = is_found || column != NULL;
            *out_mask = column != NULL && column->mask != 0 ? column->mask : *out_mask;
        }
        if (is_found) {
            return true;
        }
    }
    return false;
}

/* name.column, or the whole row when column is empty: a name behind the dot that is no column calls a function with
 * the whole row. Items of one name in one level differ by their schema: each counts. */
static size_t resolve_item(const struct lineage *lineage, struct rg_slice name, struct rg_slice column)
{
    for (const struct lineage_scope *scope = lineage->scope; scope != NULL; scope = scope->outer) {
        size_t mask = 0;
        bool is_found = false;
        for (const struct lineage_item *item = scope->items; item != scope->end; item = item->next) {
            if (!is_item(item, name.data)) {
                continue;
            }
            const struct lineage_column *found = column.size == 0 ? NULL : lineage_find(&item->columns, column);
            size_t one = found == NULL ? any_mask(&item->columns) : found->mask;
            mask = one != 0 ? one : mask;
            is_found = true;
        }
        if (is_found) {
            return mask;
        }
    }
    return 0;
}

static size_t resolve_everything(const struct lineage *lineage)
{
    size_t mask = 0;
    const struct lineage_scope *scope = lineage->scope;
    for (const struct lineage_item *item = scope == NULL ? NULL : scope->items;
         scope != NULL && mask == 0 && item != scope->end; item = item->next) {
        mask = any_mask(&item->columns);
    }
    return mask;
}

size_t lineage_resolve(const struct lineage *lineage, const ColumnRef *reference)
{
    const List *fields = reference->fields;
    int count = list_length(fields);
    struct rg_slice last = sql_last_name(fields); /* empty: `*` */
    struct rg_slice before = count < 2 ? (struct rg_slice){"", 0} : sql_string(list_nth(fields, count - 2));
    if (count >= 2) {
        return resolve_item(lineage, before, last);
    }
    if (last.size == 0) {
        return resolve_everything(lineage);
    }
    size_t mask = 0;
    return resolve_column(lineage, last, &mask) ? mask : resolve_item(lineage, last, (struct rg_slice){"", 0});
}

bool lineage_is_call(const struct lineage *lineage, const ColumnRef *reference)
{
    int count = list_length(reference->fields);
    struct rg_slice column = sql_last_name(reference->fields);
    if (count < 2 || column.size == 0) {
        return false;
    }
    struct rg_slice name = sql_string(list_nth(reference->fields, count - 2));
    for (const struct lineage_scope *scope = lineage->scope; scope != NULL; scope = scope->outer) {
        bool is_found = false;
        for (const struct lineage_item *item = scope->items; item != scope->end; item = item->next) {
            is_found = is_found || is_item(item, name.data);
            if (is_item(item, name.data) && lineage_find(&item->columns, column) != NULL) {
                return false;
            }
        }
        if (is_found) {
            return true;
        }
    }
    return false;
}

/* ---- refusals ---- */

struct rg_slice lineage_written(const struct lineage *lineage, const ColumnRef *reference)
{
    const struct sql_site *site = &lineage->work->site;
    size_t first = 0;
    if (reference->location < 0 || !sql_token_find(&site->tokens, (size_t)reference->location, &first)) {
        return sql_last_name(reference->fields);
    }
    size_t last = first + 2 * (size_t)(list_length(reference->fields) - 1);
    last = last < site->tokens.count ? last : first;
    size_t at = site->tokens.tokens[first].at;
    return rg_slice_cut(site->text, at, site->tokens.tokens[last].end - at);
}

rg_status lineage_deny(struct lineage *lineage, struct rg_slice name, size_t mask, const char *place, int location)
{
    return sql_deny(&lineage->work->site, "42501", "mask.predicate", location,
                    "column %.*s is masked by masks[%zu]: it may stand alone in a select list, but not in %s",
                    rg_slice_shown(name), name.data, mask, place);
}

rg_status lineage_deny_any(struct lineage *lineage, const struct lineage_columns *columns, const char *place)
{
    const struct lineage_column *masked = lineage_masked(columns);
    return masked == NULL ? RG_OK : lineage_deny(lineage, masked->name, masked->mask, place, masked->location);
}
