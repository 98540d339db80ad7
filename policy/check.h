/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_CHECK_H
#define RG_POLICY_CHECK_H

#include "base/rg_arena.h"
#include "policy/relations.h"

/* The second, separately written opinion of law L3: it sees only the text that would be sent and the list of
 * what this identity may reach, parses the text itself, and accepts it only if every relation is covered.
 * It shares no walker, table or helper with the rewriter. */

/* A column that may leave the fence only in another form. */
struct check_mask {
    struct rg_slice column;
    struct rg_slice expression; /* over rg_r; empty = the column may not leave at all */
};

struct check_relation {
    struct rg_slice schema; /* physical */
    struct rg_slice name;   /* empty = every relation of the schema that no other row names */
    /* Empty: the relation may stand bare. Otherwise it may stand only in
     * SELECT columns FROM [ONLY] schema.name AS rg_r [TABLESAMPLE ...] WHERE predicate [AND copied ...]
     * as the query of a MATERIALIZED WITH item (compared as raw parse trees, constants included). columns: `*` when
     * there is no mask, else some of the relation's columns in their order, each as rg_r.name or as its mask.
     * copied: rg_r.column op constant, where op is leakproof for their types and column has no mask. */
    struct rg_slice predicate;
    size_t mask_count;
    const struct check_mask *masks;
    bool is_locked;  /* the database itself enforces predicate and masks on writes: it may be a bare DML target */
    bool for_select; /* may be read */
    bool for_insert, for_update, for_delete; /* may be a DML target, if it has no predicate */
};

/* A function that may be called with arguments of these types alone, each cast to its own. */
struct check_function {
    struct rg_slice schema, name; /* physical */
    size_t argument_count;
    const struct rg_slice *types; /* of pg_catalog: "int4", "int4[]" */
};

struct check_limits {
    /* What the identity may reach, as the binding has it: never what the rewriter made of it. Of several rows for
     * one relation any suffices. */
    size_t relation_count;
    const struct check_relation *relations;
    /* Selects of rowgate's own over the catalogues: each may stand as a whole, compared as trees, constants
     * included, and its relations need no row. */
    size_t cover_count;
    const struct rg_slice *covers;
    size_t function_count;
    const struct rg_slice *functions; /* bare names, sorted; each must appear pg_catalog-qualified in the text */
    size_t signature_count;
    const struct check_function *signatures; /* beside functions: any of them suffices */
    /* functions that answer by OID: may appear only inside exactly one of these expressions' shapes
     * (each with $1.. standing for the caller's column references), compared as trees */
    size_t guard_count;
    const struct rg_slice *guards;
    size_t type_count;
    const struct rg_slice *types; /* bare names allowed besides pg_catalog's scalar and array types */
    bool allow_write;
    bool are_formats_fixed; /* no setting may give masked values another text, or predicates another day */
    bool is_hyper;          /* the text is for Hyper: no parameters, and WITH only where its scopes are PostgreSQL's */
    const struct policy_relations
        *snapshot; /* columns and leakproof operators; NULL = not known: no column lists, nothing copied */
    size_t parameter_type_count;
    const uint32_t *parameter_types; /* OIDs that were declared for $1..; 0 = unspecified */
};

/* Returns ok when the text is exactly one statement and covered; RG_DENIED naming the first node that is not;
 * RG_LIMIT when too deep or the arena is full. Threads: any. */
rg_status check_statement(struct rg_slice text, const struct check_limits *limits,
                          struct rg_arena *arena) RG_MUST_CHECK;
/* The same, and hands out the tree of what was accepted, for the proof that it is the intended one: the text is parsed
 * here, and once. The caller is inside a memory context of libpg_query, where *out_tree (a Node) then lives. */
rg_status check_statement_tree(struct rg_slice text, const struct check_limits *limits, struct rg_arena *arena,
                               void **out_tree) RG_MUST_CHECK;

#endif
