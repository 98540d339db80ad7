/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_CHECK_PRIVATE_H
#define RG_POLICY_SQL_CHECK_PRIVATE_H

#include "policy/check.h"

#include <postgres.h>

#include <nodes/parsenodes.h>
#include <nodes/primnodes.h>

/* The checker's own parts. Nodes travel as const void *, because a node's struct is chosen by its tag.
 *   sql_check.c            entry, parsing, the statements
 *   sql_check_select.c     SELECT and WITH
 *   sql_check_from.c       FROM items and the relations they name
 *   sql_check_fence.c      the select inside a fence: columns, predicate, copied conjuncts
 *   sql_check_cover.c      fences and catalogue selects, where a relation may stand that may not stand bare
 *   sql_check_masks.c      the fence of a relation with masks
 *   sql_check_write.c      INSERT, UPDATE, DELETE, MERGE, COPY FROM
 *   sql_check_expr.c       expressions
 *   sql_check_call.c       columns that would be calls
 *   sql_check_signature.c  calls of functions that are listed by their arguments' types
 *   sql_check_names.c      functions, types, operators, collations
 *   sql_check_settings.c   SET, SHOW, RESET, transaction modes
 *   sql_check_guard.c      shapes in which a function that answers by OID may stand */

enum {
    SQL_CHECK_DEPTH_MAX = 1200,      /* of nodes; PostgreSQL's own helpers recurse as deep as we let them */
    SQL_CHECK_ITEMS_MAX = 1000,      /* WITH items of a statement: each name is looked up linearly */
    SQL_CHECK_RELATIONS_MAX = 10000, /* relations named by a statement, the same relation each time it is named */
    SQL_CHECK_FUNCTIONS_MAX = 200,   /* in FROM */
    SQL_CHECK_TEXT_MAX = 16 << 20,   /* bytes; the parser counts in int */
    SQL_CHECK_HOLES_MAX = 16,        /* $1.. of one guard */
    SQL_CHECK_PARAMETERS_MAX = 64,   /* $1.. that may stand in a fence without a declared type */
};

/* The WITH items that a name may mean, innermost first. */
struct sql_check_scope {
    const struct sql_check_scope *outer;
    const char *name;
};

struct sql_check_predicate {
    struct sql_check_predicate *next;
    const struct check_relation *row;
    const void *tree;
};

/* The SELECTs that are being visited, innermost first. */
struct sql_check_level {
    const struct sql_check_level *outer;
    const SelectStmt *select;
};

/* Where one $n without a declared type occurs: outside of fences, and inside. */
struct sql_check_parameter {
    size_t count;
    const void *where_of; /* the SELECT whose WHERE holds the last one, itself and not in a sub-query */
    size_t fence_count;
    const void *wanted;
};

struct sql_check {
    const struct check_limits *limits;
    struct rg_arena *arena;
    const struct sql_check_scope *scope;
    const void *fenced;                       /* the SELECT of the MATERIALIZED WITH item that is being visited */
    struct sql_check_predicate *predicates;   /* of limits->relations, parsed when first needed */
    struct sql_check_masked_row *masked_rows; /* of limits->relations, made when first needed */
    const void **covers;                      /* of limits->covers, parsed when first needed */
    const void **guards;                      /* of limits->guards; NULL while they are not in use */
    size_t depth;
    size_t item_count;
    size_t relation_count;
    size_t column_count;                       /* named so far; only its growth is looked at */
    bool is_assigning;                         /* inside the source of SET (a, b) = source */
    struct sql_check_function *function_items; /* functions in FROM, of the first visit */
    size_t function_item_count;
    const struct sql_check_level *level;
    const void *where_of; /* the SELECT whose WHERE is being visited */
    struct sql_check_parameter parameters[SQL_CHECK_PARAMETERS_MAX + 1];
    bool has_guarded; /* an expression whose parameters were not counted */
    bool is_second_visit;
    bool is_explained; /* plans and estimates tell of other rows: nothing that needs a fence */
    bool is_trusted;   /* a template or guard: only its shape and depth are looked at */
};

typedef rg_status sql_check_visit(struct sql_check *check, const void *node);
struct sql_check_row {
    NodeTag tag;
    sql_check_visit *visit;
};

/* Visits a node by the row of its tag; a tag without a row is refused. NULL is no node and passes. */
rg_status sql_check_by_table(struct sql_check *check, const struct sql_check_row *rows, size_t row_count,
                             const char *place, const void *node) RG_MUST_CHECK;
rg_status sql_check_refuse(const struct sql_check *check, const char *what) RG_MUST_CHECK;

/* The raw statement of text, which must be the only one. It lives in the current memory context. */
rg_status sql_check_parse(struct sql_check *check, struct rg_slice text, const void **out_statement) RG_MUST_CHECK;

rg_status sql_check_select(struct sql_check *check, const void *node) RG_MUST_CHECK;
/* Visits the items and leaves their names in scope; the caller restores check->scope. */
rg_status sql_check_with(struct sql_check *check, const WithClause *with) RG_MUST_CHECK;
rg_status sql_check_write(struct sql_check *check, const void *node) RG_MUST_CHECK; /* INSERT, UPDATE, DELETE */
rg_status sql_check_merge(struct sql_check *check, const void *node) RG_MUST_CHECK;
rg_status sql_check_copy_from(struct sql_check *check, const CopyStmt *copy) RG_MUST_CHECK;

rg_status sql_check_from(struct sql_check *check, const List *items) RG_MUST_CHECK;
/* Rows are those that rule on the relation: the ones that name it, or else its schema's. */
bool sql_check_is_ruling(const struct sql_check *check, const struct check_relation *row, const RangeVar *range);
/* Visits item and what it holds; item must be a TABLESAMPLE. */
rg_status sql_check_sample(struct sql_check *check, const RangeTableSample *sample) RG_MUST_CHECK;
/* Sets *out_is_covered when select is one in which relations may stand that may not stand bare. */
rg_status sql_check_covered(struct sql_check *check, const SelectStmt *select, bool *out_is_covered) RG_MUST_CHECK;

/* Is select, whose FROM is range as rg_r, the fence of row, whose condition is given as a tree? Of a masked row the
 * select list has been looked at by sql_check_masked. */
bool sql_check_is_fence(struct sql_check *check, const SelectStmt *select, const RangeVar *range,
                        const struct check_relation *row, const void *condition);
/* The SELECT in whose FROM the fence that is being visited stands; NULL when it stands elsewhere. */
const void *sql_check_select_of_fence(const struct sql_check *check);
void sql_check_note_parameter(struct sql_check *check, const ParamRef *reference);
/* At the end: no parameter in a fence may get its type elsewhere. */
rg_status sql_check_settle_parameters(struct sql_check *check) RG_MUST_CHECK;
/* The tree of text, which must be one expression and nothing beside it. */
rg_status sql_check_expression(struct sql_check *check, struct rg_slice text, const void **out_tree) RG_MUST_CHECK;
/* What the WHERE of a masked relation's fence must be; NULL when its select list is not made of the columns that may
 * leave, each as it may. */
rg_status sql_check_masked(struct sql_check *check, const struct check_relation *row, const SelectStmt *select,
                           const void **out_condition) RG_MUST_CHECK;

rg_status sql_check_expr(struct sql_check *check, const void *node) RG_MUST_CHECK;
rg_status sql_check_exprs(struct sql_check *check, const List *list) RG_MUST_CHECK;
rg_status sql_check_window(struct sql_check *check, const WindowDef *window) RG_MUST_CHECK;

/* First visit: remembers a function in FROM. Second: refuses a column (of two names) that would call one. */
rg_status sql_check_function_item(struct sql_check *check, const RangeFunction *item) RG_MUST_CHECK;
rg_status sql_check_function_column(struct sql_check *check, const List *fields) RG_MUST_CHECK;

/* A call of a function that is listed by its arguments' types, in the form that leaves no choice. */
bool sql_check_is_listed_call(const struct sql_check *check, const FuncCall *call);
rg_status sql_check_function_name(struct sql_check *check, const List *names) RG_MUST_CHECK;
rg_status sql_check_operator_name(struct sql_check *check, const List *names) RG_MUST_CHECK;
rg_status sql_check_collation_name(struct sql_check *check, const List *names) RG_MUST_CHECK;
bool sql_check_is_later_keyword(const char *name) RG_MUST_CHECK;
rg_status sql_check_column_name(struct sql_check *check, const char *name) RG_MUST_CHECK;
rg_status sql_check_type(struct sql_check *check, const TypeName *type) RG_MUST_CHECK;
/* The text of list's element at, which must be a String; NULL otherwise. */
const char *sql_check_name_at(const List *list, int at);

rg_status sql_check_set(struct sql_check *check, const void *node) RG_MUST_CHECK;
rg_status sql_check_show(struct sql_check *check, const void *node) RG_MUST_CHECK;
rg_status sql_check_modes(struct sql_check *check, const List *modes) RG_MUST_CHECK;

/* Parses the guards; from then on sql_check_guarded may find one. */
rg_status sql_check_guards_load(struct sql_check *check) RG_MUST_CHECK;
rg_status sql_check_guarded(struct sql_check *check, const void *node, bool *out_is_guarded) RG_MUST_CHECK;

/* ---- policy/sql_check_hyper.c ---- */

/* Refuses a text that Hyper's lexer could cut otherwise than PostgreSQL's, or in which a fence is not SECURE;
 * *out_text is the same with MATERIALIZED in place of each SECURE, of the same length. */
rg_status sql_check_hyper_text(struct sql_check *check, struct rg_slice text, struct rg_slice *out_text) RG_MUST_CHECK;
/* Refuses ANY and ALL of a NULL array in a policy's predicate for Hyper. */
rg_status sql_check_hyper_array(struct sql_check *check, const void *operator) RG_MUST_CHECK;

#endif
