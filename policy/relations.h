/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_RELATIONS_H
#define RG_POLICY_RELATIONS_H

#include "base/rg_arena.h"
#include "base/rg_buf.h"
#include "base/rg_crypto.h"

/* What the database says its relations look like: columns, types, what views read, who inherits from whom, and
 * which operators are leakproof. Immutable, refcounted, atomic: any thread. It is made of one JSON document, which the
 * database itself writes (policy_relations_query) and which may be kept in a file:
 *
 *   {"version": 1, "server": 150020,
 *    "operators": [["=", "int4", "int8"], ...],            name, left, right: leakproof and strict ones of pg_catalog
 *    "relations": [{"schema": "shared", "name": "orders", "kind": "r",     pg_class.relkind
 *                   "columns": [["id", "int8"], ["at", "timestamptz"], ["mood", ""]],   "" = no type of pg_catalog
 *                   "parents": [["shared", "all_orders"]],                direct ones: inheritance, partitions
 *                   "reads": [["shared", "customers", "email"]]}]}        what a view's rule reads; "" = the whole row;
 *                                                            a function that is not pg_catalog's is named "f()"
 * No key may be missing, none may be added. */

struct policy_column {
    struct rg_slice name;
    struct rg_slice type; /* bare name in pg_catalog; empty = a domain, or a type of another schema */
};

struct policy_read {
    struct rg_slice schema, name, column;
};

struct policy_relation {
    struct rg_slice schema, name; /* physical */
    char kind;                    /* pg_class.relkind */
    size_t column_count;
    const struct policy_column *columns; /* by attnum, dropped ones left out */
    size_t parent_count;
    const struct policy_read *parents; /* column is empty */
    size_t child_count;
    const struct policy_read *children; /* those whose parents say so; column is empty */
    size_t read_count;
    const struct policy_read *reads;
};

struct policy_relations;

enum { POLICY_RELATIONS_TEXT_MAX = 64 << 20, POLICY_RELATIONS_COLUMNS_MAX = 1600 };

/* The query that makes the document as one row of one text column. Uses nothing but pg_catalog; every name in it is
 * qualified. */
const char *policy_relations_query(void);
/* Untrusted bytes in; pure. RG_CONFIG says what is wrong and where (relation, or line and column of the JSON);
 * RG_LIMIT when too large. *out_relations has one reference. */
rg_status policy_relations_parse(struct rg_slice text, struct policy_relations **out_relations) RG_MUST_CHECK;
struct policy_relations *policy_relations_ref(struct policy_relations *relations);
void policy_relations_free(struct policy_relations **relations);
/* SHA-256 over what was parsed, canonical. */
const struct rg_digest *policy_relations_digest(const struct policy_relations *relations);
/* server_version_num, e.g. 150020. */
uint64_t policy_relations_server(const struct policy_relations *relations);

size_t policy_relation_count(const struct policy_relations *relations);
/* Sorted by schema, then name; NULL past the end. */
const struct policy_relation *policy_relation_at(const struct policy_relations *relations, size_t index);
/* NULL = absent. Logarithmic. */
const struct policy_relation *policy_relation_find(const struct policy_relations *relations, struct rg_slice schema,
                                                   struct rg_slice name);
const struct policy_column *policy_column_find(const struct policy_relation *relation, struct rg_slice name);
/* Is this operator of pg_catalog, on exactly these types, leakproof and strict? */
bool policy_operator_is_leakproof(const struct policy_relations *relations, struct rg_slice name, struct rg_slice left,
                                  struct rg_slice right);

#endif
