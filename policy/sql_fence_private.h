/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_FENCE_PRIVATE_H
#define RG_POLICY_SQL_FENCE_PRIVATE_H

#include "policy/sql_rewrite_private.h"

/* The fence: what stands in the place of a relation with a predicate (DESIGN.md 4, reference leaks.md).
 *   sql_fence.c            the sub-select itself
 *   sql_fence_names.c      which columns the client's statement can use
 *   sql_fence_quals.c      which of the client's conjuncts may be repeated inside, so that indexes keep working
 *   sql_fence_constants.c  the constants of those conjuncts and their types */

struct sql_replacement {
    struct rg_slice text; /* of the select, without parentheses */
    Node *select;
};

/* sample: the client's TABLESAMPLE of range, NULL = none; sample_text its text. */
rg_status sql_fence_make(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                         RangeTableSample *sample, struct rg_slice sample_text,
                         struct sql_replacement *out_replacement) RG_MUST_CHECK;
rg_status sql_fence_print_relation(struct rg_arena *arena, struct rg_slice schema, struct rg_slice name,
                                   struct rg_slice *out_text) RG_MUST_CHECK;

/* May the column leave the fence, or be compared inside of it, only in another form? */
bool sql_fence_is_masked(const struct policy_bound *bound, struct rg_slice column);

/* ---- names ---- */

/* Of the client's tree, before anything is changed in it. NULL where nothing needs a fence or the upstream's relations
 * are not known. */
rg_status sql_fence_names_collect(struct sql_work *work, Node *statement) RG_MUST_CHECK;
/* Can the statement do with the columns that it names? false = it may use all of range's. */
bool sql_fence_names_suffice(const struct sql_fence_names *names, const RangeVar *range,
                             const struct policy_relation *relation);
bool sql_fence_names_has(const struct sql_fence_names *names, struct rg_slice column);
/* How often $number occurs in the client's statement; a number that is not counted occurs often. */
enum { SQL_FENCE_PARAMETERS_MAX = 64 };
size_t sql_fence_names_parameter(const struct sql_fence_names *names, int number);

/* ---- levels: one SELECT's FROM, as it was before anything was changed in it ---- */

/* A relation in FROM, at any depth of joins. Everything else there is an item without a name. */
struct sql_fence_item {
    const RangeVar *range;
    const char *name;                       /* what columns call it; NULL = unknown, or hidden by a join's alias */
    const struct policy_relation *relation; /* NULL = its columns are not known */
};

struct sql_fence_level {
    struct sql_fence_level *outer;
    const Node *where;
    size_t item_count;
    struct sql_fence_item *items;
};

/* Starts a level on work; the caller restores work->level. */
rg_status sql_fence_level_push(struct sql_work *work, const SelectStmt *select,
                               struct sql_fence_level *level) RG_MUST_CHECK;

struct sql_fence_quals {
    List *conjuncts;
    struct rg_slice text; /* " AND rg_r.a = 1 AND ..." */
};
rg_status sql_fence_quals_copy(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                               struct sql_fence_quals *out_quals) RG_MUST_CHECK;

/* ---- constants ---- */

struct sql_fence_constant {
    struct rg_slice type; /* bare name in pg_catalog; empty = unknown, that of the other side */
    struct rg_slice text;
    Node *node;
};
/* *out_is_constant stays false when node is no constant that may be repeated. */
rg_status sql_fence_constant_read(struct sql_work *work, const Node *node, struct sql_fence_constant *out_constant,
                                  bool *out_is_constant) RG_MUST_CHECK;

#endif
