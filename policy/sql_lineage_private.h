/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_LINEAGE_PRIVATE_H
#define RG_POLICY_SQL_LINEAGE_PRIVATE_H

#include "policy/sql_rewrite_private.h"

/* Where do masked columns go? Names are resolved by PostgreSQL's scope rules (parse analysis); where that cannot be
 * done without the database, the answer is the one with more masks.
 *   sql_lineage.c        statements, queries, set operations
 *   sql_lineage_with.c   WITH
 *   sql_lineage_write.c  INSERT, UPDATE, DELETE, MERGE
 *   sql_lineage_from.c   FROM items and joins
 *   sql_lineage_names.c  columns, scopes, what a name means, refusals */

enum { LINEAGE_STEPS_MAX = 20000, LINEAGE_ROUNDS_MAX = 100 };

struct lineage_column {
    struct rg_slice name;
    size_t mask;  /* masks[mask]; 0 = none */
    int location; /* byte in the client's text, -1 = unknown */
};

/* Columns in their order. is_open: unmasked others stand among them. */
struct lineage_columns {
    size_t count, capacity;
    struct lineage_column *items;
    bool is_open;
};

/* What a name in FROM stands for. */
struct lineage_item {
    const struct lineage_item *next;
    const char *name; /* NULL = cannot be named */
    struct lineage_columns columns;
};

/* One level of a query. items: newest first, up to end. */
struct lineage_scope {
    const struct lineage_scope *outer;
    const struct lineage_item *items, *end;
};

/* A WITH item. */
struct lineage_with {
    struct lineage_with *outer; /* the item before it, then the query's around */
    struct lineage_with *sees;  /* what its own query sees */
    const struct lineage_scope *scope;
    CommonTableExpr *cte;
    enum { LINEAGE_TO_DO = 0, LINEAGE_DOING, LINEAGE_DONE } state;
    bool is_recursive, reads_itself;
    size_t depth;
    struct lineage_columns columns; /* while DOING: the last round's */
};

struct lineage {
    struct sql_walk walk; /* first */
    struct sql_work *work;
    const struct lineage_scope *scope;
    struct lineage_with *with;
    const char *place; /* that is being visited: "WHERE" */
    size_t steps;
};

/* ---- names ---- */

rg_status lineage_add(struct lineage *lineage, struct lineage_columns *columns,
                      struct lineage_column column) RG_MUST_CHECK;
rg_status lineage_add_all(struct lineage *lineage, struct lineage_columns *columns,
                          const struct lineage_columns *more) RG_MUST_CHECK;
const struct lineage_column *lineage_find(const struct lineage_columns *columns, struct rg_slice name);
/* The first column with a mask; NULL = none. */
const struct lineage_column *lineage_masked(const struct lineage_columns *columns);
/* names: of String; NIL changes nothing. */
rg_status lineage_rename(struct lineage *lineage, const List *names, struct lineage_columns *columns) RG_MUST_CHECK;
rg_status lineage_push(struct lineage *lineage, struct lineage_scope *scope, const char *name,
                       const struct lineage_columns *columns) RG_MUST_CHECK;
/* Columns of `t.*`; of all items when name is NULL. */
rg_status lineage_star(struct lineage *lineage, const char *name, struct lineage_columns *out_columns) RG_MUST_CHECK;
/* The mask that this reference may show; 0 = none. */
size_t lineage_resolve(const struct lineage *lineage, const ColumnRef *reference);
/* Does item.name call a function with the item's row? */
bool lineage_is_call(const struct lineage *lineage, const ColumnRef *reference);
rg_status lineage_deny(struct lineage *lineage, struct rg_slice name, size_t mask, const char *place,
                       int location) RG_MUST_CHECK;
/* Refuses any mask among the columns. */
rg_status lineage_deny_any(struct lineage *lineage, const struct lineage_columns *columns,
                           const char *place) RG_MUST_CHECK;
struct rg_slice lineage_written(const struct lineage *lineage, const ColumnRef *reference);

/* ---- expressions and queries ---- */

/* No masked column may stand in it. */
rg_status lineage_expression(struct lineage *lineage, const char *place, void *node, size_t depth) RG_MUST_CHECK;
/* One item of a select list or of VALUES: a column, or a sub-select, may stand there alone. */
rg_status lineage_value(struct lineage *lineage, Node *node, size_t depth, size_t *out_mask) RG_MUST_CHECK;
rg_status lineage_query(struct lineage *lineage, Node *query, size_t depth,
                        struct lineage_columns *out_columns) RG_MUST_CHECK;
rg_status lineage_write(struct lineage *lineage, Node *statement, size_t depth,
                        struct lineage_columns *out_columns) RG_MUST_CHECK;
/* Select lists and RETURNING. all: what `*` stands for. */
rg_status lineage_targets(struct lineage *lineage, const List *list, const struct lineage_columns *all, size_t depth,
                          struct lineage_columns *columns) RG_MUST_CHECK;
/* Puts the items of with in scope and visits them; the caller puts lineage->with back. */
rg_status lineage_with_push(struct lineage *lineage, const WithClause *with, size_t depth) RG_MUST_CHECK;
/* Columns of a WITH item in scope; false when there is none of that name. */
rg_status lineage_with_find(struct lineage *lineage, const char *name, bool *out_is_found,
                            struct lineage_columns *out_columns) RG_MUST_CHECK;
/* Adds what the FROM item shows to scope, and its columns for `*` to out_columns. */
rg_status lineage_from(struct lineage *lineage, struct lineage_scope *scope, Node *item, size_t depth,
                       struct lineage_columns *out_columns) RG_MUST_CHECK;
rg_status lineage_from_list(struct lineage *lineage, struct lineage_scope *scope, const List *items, size_t depth,
                            struct lineage_columns *all) RG_MUST_CHECK;

#endif
