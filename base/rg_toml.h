/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_TOML_H
#define RG_BASE_TOML_H

#include "base/rg_diag.h"

/* A TOML document as a tree of nodes, each with its place. Parsed by toml++ (base/rg_toml.cc is the only
 * C++ file); the tree is plain C in the caller's arena, so nothing of toml++ outlives the call. */

enum rg_toml_type {
    RG_TOML_NONE = 0,
    RG_TOML_STRING,
    RG_TOML_INTEGER,
    RG_TOML_FLOAT,
    RG_TOML_BOOL,
    RG_TOML_ARRAY,
    RG_TOML_TABLE,
};

struct rg_toml_node {
    enum rg_toml_type type;
    struct rg_slice key;       /* empty for the root and for elements of arrays */
    struct rg_place key_place; /* of the key; of the value where there is no key */
    struct rg_place place;     /* of the value; of a [header] for its table */
    struct rg_slice text;      /* RG_TOML_STRING: valid UTF-8, NUL-terminated behind the slice */
    int64_t integer;
    double number;
    bool boolean;
    size_t child_count;               /* of arrays and tables */
    const struct rg_toml_node *first; /* children in the order of the file */
    const struct rg_toml_node *next;  /* next sibling */
};

enum {
    RG_TOML_MAX_BYTES = 4 << 20,
    RG_TOML_MAX_DEPTH = 32,  /* tables and arrays inside each other */
    RG_TOML_MAX_DOTS = 2048, /* dots in one line: toml++ nests without bound over dotted keys */
};

/* Parses text, which is file's content. Mistakes go to diag in toml++'s own words with file:line:column;
 * date and time values are refused, each with its place.
 * Returns: ok; RG_CONFIG when diag->error_count rose; RG_LIMIT when the arena is full.
 * Owns:    the tree lives in arena; file is borrowed for as long as the tree's places are used.
 * Threads: any. */
rg_status rg_toml_parse(struct rg_slice text, const char *file, struct rg_arena *arena, struct rg_diag *diag,
                        const struct rg_toml_node **out_root) RG_MUST_CHECK;

/* The child of a table by its key; NULL when there is none. */
const struct rg_toml_node *rg_toml_find(const struct rg_toml_node *table, struct rg_slice key);
/* "a string", "an integer", ...: for messages. Static storage. */
const char *rg_toml_type_name(enum rg_toml_type type);

#endif
