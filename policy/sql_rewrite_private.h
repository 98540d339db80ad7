/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_REWRITE_PRIVATE_H
#define RG_POLICY_SQL_REWRITE_PRIVATE_H

#include "policy/check.h"
#include "policy/set_private.h"
#include "policy/sql_splice_private.h"
#include "policy/sql_tree_private.h"

/* One text that is being rewritten: every change is made twice, as an edit of the text and as a change of the tree,
 * and the two are compared at the end. */

struct sql_denial {
    bool is_set;
    const char *sqlstate;
    const char *rule;
    struct rg_slice message;
    struct rg_slice hint;
    int location; /* byte offset, -1 = unknown */
};

struct sql_site {
    struct sql_walk walk; /* first, so that a walk's callbacks find their site */
    struct rg_arena *arena;
    const struct policy_set *set;
    struct rg_slice text;
    struct sql_tokens tokens;
    struct sql_edits edits;
    struct sql_denial denial;
    bool is_stale; /* denied, and a newer snapshot may decide otherwise */
};

/* Records why and where, and fails with RG_DENIED. The message must hold no data. */
rg_status sql_deny(struct sql_site *site, const char *sqlstate, const char *rule, int location, const char *format, ...)
    __attribute__((format(printf, 5, 6))) RG_MUST_CHECK;
rg_status sql_deny_node(struct sql_walk *walk, const Node *node);
rg_status sql_deny_depth(struct sql_walk *walk, const Node *node);
int sql_node_location(const Node *node);

/* Token at a node's location; refused when there is none. */
rg_status sql_site_token(struct sql_site *site, int location, size_t *out_token) RG_MUST_CHECK;
/* The last token of a dotted name of so many parts that starts at token. */
rg_status sql_site_name_end(struct sql_site *site, size_t token, size_t parts, size_t *out_last) RG_MUST_CHECK;
rg_status sql_site_insert(struct sql_site *site, size_t at, struct rg_slice text) RG_MUST_CHECK;
rg_status sql_site_replace(struct sql_site *site, size_t first_token, size_t last_token,
                           struct rg_slice text) RG_MUST_CHECK;

/* The rules that hold in statements and in predicates alike; each qualifies what it allows. */
rg_status sql_visit_type(struct sql_site *site, TypeName *type) RG_MUST_CHECK;
rg_status sql_visit_collation(struct sql_site *site, CollateClause *clause) RG_MUST_CHECK;
rg_status sql_visit_operator(struct sql_site *site, const List *name, int location) RG_MUST_CHECK;
/* A bare word that is a name to PostgreSQL 15's grammar and tells about the login in a later one's. */
bool sql_is_later_keyword(struct rg_slice name) RG_MUST_CHECK;
rg_status sql_check_column(struct sql_site *site, const ColumnRef *column) RG_MUST_CHECK;
/* A column that is written: no system column. */
rg_status sql_check_written(struct sql_site *site, const char *name, int location) RG_MUST_CHECK;
/* pg_catalog. before a call that is allowed. */
rg_status sql_qualify_call(struct sql_site *site, FuncCall *call) RG_MUST_CHECK;

/* ---- templates: text with holes and the tree with ParamRefs ---- */

struct sql_piece {
    struct rg_slice text;
    unsigned hole; /* that follows the text; 0 = none */
};

struct sql_template {
    Node *tree; /* a SelectStmt, or an expression */
    size_t piece_count;
    const struct sql_piece *pieces;
};

enum { SQL_HOLE_NAMED = 10 }; /* holes 1..9 are $1..$9, the named ones come behind */

/* A name's index, false when unknown. */
typedef bool sql_hole_find(const void *context, struct rg_slice name, size_t *out_index);

/* `:name` outside of strings, comments, casts and slices becomes `$n`. out_at maps each byte of the result to the
 * source. *out_mistake is set on an unknown name. */
struct sql_marked {
    struct rg_slice text;
    const unsigned *source_at;
    size_t hole_count;
};
rg_status sql_template_mark(struct rg_slice text, sql_hole_find *find, const void *context, struct rg_arena *arena,
                            struct sql_marked *out_marked, struct sql_mistake *out_mistake) RG_MUST_CHECK;
/* Cuts a parsed text (from byte offset from on) at its parameters. */
rg_status sql_template_cut(struct rg_slice text, size_t from, Node *tree, struct rg_arena *arena,
                           const struct sql_template **out_template) RG_MUST_CHECK;
/* A template of rowgate's own, in the current memory context. */
rg_status sql_template_parse(struct rg_slice text, bool is_select, struct rg_arena *arena,
                             const struct sql_template **out_template) RG_MUST_CHECK;

struct sql_hole {
    struct rg_slice text;
    Node *node; /* NULL = this hole must not occur */
};
rg_status sql_template_fill(const struct sql_template *template, const struct sql_hole *holes, size_t hole_count,
                            struct rg_arena *arena, struct rg_slice *out_text, Node **out_tree) RG_MUST_CHECK;
rg_status sql_template_text(const struct sql_template *template, const struct sql_hole *holes, size_t hole_count,
                            struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;

/* The claims of an identity as holes, behind SQL_HOLE_NAMED; in the current memory context. */
rg_status sql_claim_holes(struct policy_binding *binding, const struct auth_identity *identity,
                          struct sql_hole **out_holes) RG_MUST_CHECK;
/* RG_INTERNAL unless expression, as one, parses to tree. */
rg_status sql_expression_prove(struct rg_slice expression, const Node *tree, struct rg_arena *arena) RG_MUST_CHECK;

/* ---- one statement ---- */

struct sql_reference;
struct sql_fence_names;
struct sql_fence_level;

struct sql_scope {
    struct sql_scope *outer;
    const char *name;
};

/* Each is looked up linearly, so their products bound the work: 54001 beyond. */
enum {
    SQL_TOUCHED_MAX = 1000,
    SQL_RANGES_MAX = 10000,
    SQL_ITEMS_MAX = 500,
    SQL_FUNCTIONS_MAX = 100,
    SQL_FENCE_ITEMS_MAX = 64
};
/* SET (a, b) = source: PostgreSQL's tree holds source once for each column, so columns times tokens is its size. */
enum { SQL_ASSIGNED_MAX = 1000000 };

struct sql_work {
    struct sql_site site; /* first */
    size_t range_count;   /* relations named, WITH items */
    size_t item_count;
    size_t function_count;                      /* in FROM */
    size_t assigned_count;                      /* columns of SET (a, b) = source */
    bool is_assigning;                          /* inside such a source */
    size_t reference_count, reference_capacity; /* names of FROM items */
    struct sql_reference *references;
    size_t column_count, column_capacity; /* shortened columns */
    struct sql_reference *columns;
    const struct policy_binding *binding;
    const struct policy_session *session;
    struct sql_scope *scope;
    struct sql_known_function *known_functions; /* in FROM */
    size_t dotted_count, dotted_capacity;
    const ColumnRef **dotted; /* table.column */
    bool is_write;            /* changes data */
    bool may_change;          /* calls what the configuration allows: nobody has looked whether it only reads */
    bool is_explained;        /* inside EXPLAIN */
    bool has_fence;           /* touches a relation with a predicate */
    size_t filled_count;      /* templates put in */
    bool uses_pid;            /* the result is this session's alone */
    bool has_marker;          /* of this binding's view */
    bool takes_parameters;    /* HYPER: there may be $n */
    bool uses_values;         /* HYPER: it holds values of $n, or NULLs in their places */
    /* of the fence: the names in the client's statement (NULL = not known, or not needed); the innermost SELECT (NULL
     * where a FROM belongs to none) */
    const struct sql_fence_names *used_names;
    struct sql_fence_level *level;
    size_t parameter_max;
    /* what was touched: for the audit and for the checker */
    size_t bound_count, bound_capacity;
    const struct policy_bound **bounds;
    struct rg_slice *names; /* parallel: "schema.table" */
    size_t cover_count, cover_capacity;
    struct rg_slice *covers;
    size_t guard_count, guard_capacity;
    struct rg_slice *guards;
    /* constants of catalogue templates, made when first needed */
    bool has_holes;
    struct sql_hole holes[SQL_HOLE_NAMED + POLICY_CATALOG_HOLES];
};

void sql_work_init(struct sql_work *work, const struct policy_binding *binding, const struct policy_session *session,
                   const struct sql_tokens *tokens, struct rg_arena *arena);
/* Rewrites one SELECT, VALUES, INSERT, UPDATE, DELETE or MERGE in place. */
rg_status sql_rewrite(struct sql_work *work, Node **slot) RG_MUST_CHECK;

rg_status sql_visit_select(struct sql_work *work, SelectStmt *select, size_t depth) RG_MUST_CHECK;
rg_status sql_visit_with(struct sql_work *work, WithClause *with, size_t depth) RG_MUST_CHECK;
rg_status sql_visit_targets(struct sql_work *work, List *targets, size_t depth) RG_MUST_CHECK;
rg_status sql_visit_range(struct sql_work *work, Node **slot, size_t depth) RG_MUST_CHECK;
rg_status sql_visit_sample(struct sql_work *work, Node **slot, size_t depth) RG_MUST_CHECK;
rg_status sql_visit_range_function(struct sql_work *work, RangeFunction *item, size_t depth) RG_MUST_CHECK;
rg_status sql_visit_call(struct sql_work *work, Node **slot, size_t depth) RG_MUST_CHECK;
/* Sets *out_is_done when call is of a function that is allowed by its arguments' types. */
rg_status sql_visit_signature(struct sql_work *work, FuncCall *call, size_t depth, bool *out_is_done) RG_MUST_CHECK;
/* An operator's node: refuses the marker of another tenant's view, or of an older one (policy/view.h). */
rg_status sql_visit_marker(struct sql_work *work, const A_Expr *expr) RG_MUST_CHECK;
rg_status sql_visit_cast(struct sql_work *work, Node **slot, size_t depth) RG_MUST_CHECK;
rg_status sql_visit_value_function(struct sql_work *work, Node **slot) RG_MUST_CHECK;
rg_status sql_visit_column(struct sql_work *work, ColumnRef *column) RG_MUST_CHECK;
/* A column of a function in FROM may call another function: table.column is noted while the statement is walked, the
 * functions too, and compared at its end. */
rg_status sql_note_function(struct sql_work *work, const RangeFunction *item) RG_MUST_CHECK;
rg_status sql_note_dotted_column(struct sql_work *work, const ColumnRef *column) RG_MUST_CHECK;
rg_status sql_dotted_columns_check(struct sql_work *work) RG_MUST_CHECK;
rg_status sql_visit_write(struct sql_work *work, Node *node, size_t depth) RG_MUST_CHECK;
/* Names of columns that are written, and their values. */
rg_status sql_visit_assignments(struct sql_work *work, List *targets, size_t depth) RG_MUST_CHECK;
/* What a write does to its target's rows. */
struct sql_rights {
    bool insert, update, delete, select;
};
/* Renames the target of a write, if the policies give all of these rights. */
rg_status sql_visit_target(struct sql_work *work, RangeVar *range, struct sql_rights rights,
                           const struct policy_bound **out_bound) RG_MUST_CHECK;

/* schema.table.column loses its schema: sql_references_check refuses it where table would then mean something
 * else than before. A range is known by its alias (schema NULL) or by its own name. */
struct sql_reference {
    const char *schema, *name;
    int location;
};
rg_status sql_note_range(struct sql_work *work, const char *name, const char *schema) RG_MUST_CHECK;
rg_status sql_note_column(struct sql_work *work, const void *schema, const void *name, int location) RG_MUST_CHECK;
rg_status sql_references_check(struct sql_work *work) RG_MUST_CHECK;

/* SQL_WRITE: some write or other, never a WITH item or a catalogue; its rights are looked at by the caller. */
enum sql_right { SQL_SELECT = 0, SQL_WRITE };

/* What a RangeVar means. */
struct sql_target {
    bool is_cte;
    const struct sql_template *view; /* of the catalogue */
    const struct policy_bound *bound;
};
rg_status sql_resolve(struct sql_work *work, const RangeVar *range, enum sql_right right,
                      struct sql_target *out_target) RG_MUST_CHECK;
/* The row that rules on a FROM item, as sql_resolve would find it; NULL for WITH items, catalogues and what is refused.
 */
const struct policy_bound *sql_range_bound(const struct sql_work *work, const RangeVar *range);
rg_status sql_rename(struct sql_work *work, RangeVar *range, const struct policy_bound *bound) RG_MUST_CHECK;

/* What the fence of a masked relation selects, `rg_r.a, mask AS b` and the condition
 * that holds while its columns are the ones that the snapshot knows. Refuses a relation that it does not know. */
rg_status sql_mask_targets(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                           struct rg_slice *out_text, List **out_targets) RG_MUST_CHECK;
rg_status sql_mask_where(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                         struct rg_slice *out_text, Node **out_tree) RG_MUST_CHECK;
/* Refuses what reads a masked column under another name: a view, a partition, a parent. */
rg_status sql_mask_names(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound) RG_MUST_CHECK;
/* What a RangeVar means if no WITH item hides it, without side effects; NULL = nothing of a policy's. */
const struct policy_bound *sql_peek(const struct sql_work *work, const RangeVar *range);
/* Refuses a masked column anywhere but alone in a select list. Before anything is rewritten. */
rg_status sql_lineage_check(struct sql_work *work, Node *statement) RG_MUST_CHECK;

rg_status sql_touch(struct sql_work *work, const struct policy_bound *bound, const char *relation) RG_MUST_CHECK;
rg_status sql_cover(struct sql_work *work, struct rg_slice cover) RG_MUST_CHECK;
rg_status sql_guard(struct sql_work *work, struct rg_slice guard) RG_MUST_CHECK;
/* The constants of catalogue and guard templates for this session. */
rg_status sql_session_holes(struct sql_work *work) RG_MUST_CHECK;
/* Fills a template with the session's constants; holes 1..9 are the caller's. */
rg_status sql_session_fill(struct sql_work *work, const struct sql_template *template, const struct sql_hole *holes,
                           struct rg_slice *out_text, Node **out_tree) RG_MUST_CHECK;
/* The template of a function row, and its text with $1.. left in it, for the checker. */
rg_status sql_guard_fill(struct sql_work *work, const struct sql_template *template, struct rg_slice *out_text,
                         Node **out_tree) RG_MUST_CHECK;

/* Finishes one statement: applies the edits, parses the result, compares it with the tree, has it checked, and
 * fills text, splices, relations and rule of out_statement. */
rg_status sql_finish(struct sql_work *work, struct policy_statement *statement, Node *intended, struct rg_slice source,
                     size_t source_at) RG_MUST_CHECK;

/* ---- policy/sql_hyper.c ---- */

bool sql_is_hyper(const struct sql_work *work);
/* Statements that Hyper has not, or that tell too much there. */
rg_status sql_hyper_check_kind(struct sql_work *work, const Node *node) RG_MUST_CHECK;
/* Hyper upstreams are read only. */
rg_status sql_hyper_check_read(struct sql_work *work, bool is_write) RG_MUST_CHECK;
/* WITH items whose names Hyper might take for relations. */
rg_status sql_hyper_check_with(struct sql_work *work, const WithClause *with) RG_MUST_CHECK;
/* $n becomes the constant it stands for. */
rg_status sql_hyper_bind(struct sql_work *work, Node **slot) RG_MUST_CHECK;
/* LIMIT and OFFSET, for which Hyper wants a bare number. */
rg_status sql_hyper_bind_limit(struct sql_work *work, Node **slot) RG_MUST_CHECK;
/* The text as Hyper spells it, of the same length; refused when a token of it may mean something else to Hyper's lexer
 * than to PostgreSQL's. The checker reads it back. */
rg_status sql_hyper_spell(struct sql_work *work, struct rg_slice text, struct rg_slice *out_text) RG_MUST_CHECK;

/* ---- policy/sql_hyper_predicate.c ---- */

/* A rule's predicate with the identity's constants. Where the upstream is Hyper: `false` when an absent claim would
 * make it wider there than in PostgreSQL; RG_DENIED when what it says does. */
rg_status sql_predicate_fill(const struct policy_binding *binding, const struct sql_template *template,
                             const struct sql_hole *holes, struct rg_arena *arena, struct rg_slice *out_text,
                             Node **out_tree) RG_MUST_CHECK;

/* The virtual path: index-th logical schema, false at the end. */
bool sql_path_at(const struct policy_binding *binding, const struct policy_session *session, size_t index,
                 struct rg_slice *out_logical);

#endif
