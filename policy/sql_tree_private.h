/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_TREE_PRIVATE_H
#define RG_POLICY_SQL_TREE_PRIVATE_H

#include "base/rg_arena.h"

/* PostgreSQL's raw parse trees, as libpg_query makes them: parsing, tokens, the walk over every node.
 * Included by policy/sql_*.c only. Nodes live in libpg_query's memory context of the calling thread:
 * sql_enter before the first call, sql_leave after the last. None of these may be called on text that
 * has not been parsed without error, because libpg_query's errors outside of a parse end the process. */

#include <postgres.h>

#include <nodes/makefuncs.h>
#include <nodes/parsenodes.h>
#include <nodes/pg_list.h>
#include <pg_query.h>
#include <pg_query/pg_query_internal.h>

#undef printf
#undef snprintf
#undef vsnprintf
#undef fprintf

/* ---- parse ---- */

MemoryContext sql_enter(void);
void sql_leave(MemoryContext context);

struct sql_parsed {
    List *statements; /* of RawStmt; NIL for an empty text */
    bool is_ok;
    struct rg_slice error; /* PostgreSQL's own words, in the arena */
    size_t error_position; /* 1-based character, 0 = unknown */
};

/* RG_LIMIT when the arena is full. A syntax error is an output. text must hold no NUL byte. */
rg_status sql_parse(struct rg_slice text, struct rg_arena *arena, struct sql_parsed *out_parsed) RG_MUST_CHECK;

/* ---- tokens: byte offsets into the text, comments left out ---- */

struct sql_token {
    unsigned at, end;
};

struct sql_tokens {
    struct rg_slice text;
    struct sql_token *tokens;
    size_t count;
};

/* Only for a text that sql_parse took without error. */
rg_status sql_lex(struct rg_slice text, struct rg_arena *arena, struct sql_tokens *out_tokens) RG_MUST_CHECK;
/* Index of the token that starts at byte offset at; false when none does. */
bool sql_token_find(const struct sql_tokens *tokens, size_t at, size_t *out_index);
struct rg_slice sql_token_text(const struct sql_tokens *tokens, size_t index); /* empty past the end */
/* Is it this unquoted word (any case) or punctuation? */
bool sql_token_is(const struct sql_tokens *tokens, size_t index, const char *word);
/* From an opening parenthesis to its closing one. */
bool sql_token_close(const struct sql_tokens *tokens, size_t open, size_t *out_close);

/* ---- nodes ---- */

enum { SQL_NODE_FIELDS = 17 };

struct sql_node_info {
    const char *name;                       /* NULL: not in the table, so refused */
    bool is_allowed;                        /* false: known and refused by its name */
    unsigned char count;                    /* child fields */
    unsigned short fields[SQL_NODE_FIELDS]; /* their offsets: each a Node *, or a List * of them */
};

/* The row of a node's tag; NULL when the tag is not in the table. */
const struct sql_node_info *sql_node_find(NodeTag tag);
const char *sql_node_name(const Node *node);

struct sql_walk {
    /* Called before a node's children. Sets *out_is_done when it has dealt with the children itself. It may
     * replace *slot, and then must set *out_is_done. */
    rg_status (*visit)(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done);
    /* Called for a node that the table refuses; must fail. */
    rg_status (*refuse)(struct sql_walk *walk, const Node *node);
    /* Called when the tree is deeper than POLICY_DEPTH_MAX; must fail. */
    rg_status (*too_deep)(struct sql_walk *walk, const Node *node);
};

/* Walks one slot and everything below it. */
rg_status sql_walk_slot(struct sql_walk *walk, Node **slot, size_t depth) RG_MUST_CHECK;
/* Walks the children of node, all of them, by the table. */
rg_status sql_walk_children(struct sql_walk *walk, Node *node, size_t depth) RG_MUST_CHECK;
rg_status sql_walk_list(struct sql_walk *walk, List *list, size_t depth) RG_MUST_CHECK;

/* Fails with RG_LIMIT when any path in the tree is longer than POLICY_DEPTH_MAX, RG_DENIED when a
 * node is not in the table: afterwards copyObject and equal may recurse over it. */
rg_status sql_tree_check(Node *node) RG_MUST_CHECK;

/* ---- names ---- */

struct rg_slice sql_string(const void *string_node); /* of a String node; empty for others */
struct rg_slice sql_last_name(const List *names);    /* the last String of a list */
/* One part, or two of which the first is pg_catalog. */
bool sql_is_builtin_name(const List *names, struct rg_slice *out_name);
char *sql_cstring(struct rg_slice text);      /* in the memory context */
List *sql_builtin_name(struct rg_slice name); /* (pg_catalog, name) */
/* What PostgreSQL calls an unnamed output column of this expression. */
struct rg_slice sql_column_name(const Node *node);

/* ---- printing: the one place that turns values into SQL ---- */

rg_status sql_print_identifier(struct rg_slice name, struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;
rg_status sql_print_string(struct rg_slice value, struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;

struct sql_constant {
    struct rg_slice type; /* bare name in pg_catalog: "uuid" */
    bool is_array;
    bool is_null;
    size_t count; /* 1 for a scalar */
    const struct rg_slice *elements;
};
/* 'x'::pg_catalog.uuid, ARRAY['x', 'y']::pg_catalog.uuid[], NULL::pg_catalog.uuid */
rg_status sql_print_constant(const struct sql_constant *constant, struct rg_arena *arena,
                             struct rg_slice *out_text) RG_MUST_CHECK;
Node *sql_make_constant(const struct sql_constant *constant);
Node *sql_make_string(struct rg_slice value);

#endif
