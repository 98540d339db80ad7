/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_CATALOG_H
#define RG_POLICY_CATALOG_H

#include "base/rg_slice.h"

/* What a tenant sees of PostgreSQL's catalogues: one SELECT for each relation of pg_catalog that may be read.
 * The rewriter puts `(<select>) AS alias` where the statement names the relation; a relation without a row here
 * is not available at all. Every select has exactly the columns of PostgreSQL 15, in its order, with its types, but
 * regproc is oid, and regtype, aclitem and xid are text: a value of those types would lend its type to a constant
 * beside it, and the server would look up the name or the OID that the constant gives (policy/functions_types.c), or
 * count transactions from it (age).
 *
 * Placeholders, each replaced by a typed constant of the binding or the session:
 *   :rg_schemas           text[]  physical schemas that belong wholly to the tenant
 *   :rg_logical           text[]  parallel: their logical names
 *   :rg_relations         text[]  'schema.name' of the shared relations this identity may read, physical names
 *   :rg_relation_schemas  text[]  the physical schemas of those, each once
 *   :rg_relation_logical  text[]  parallel: their logical names
 *   :rg_path              text[]  physical schemas of the virtual search_path, in order
 *   :rg_schema            text    logical current schema
 *   :rg_database          text    what current_database() answers
 *   :rg_user              text    what current_user answers
 *   :rg_pid               int4    the session's virtual process id
 * A name never begins another one's name without being followed by a letter or `_`: match the longest run
 * of [a-z_]. No physical schema name may hold a dot ('schema.name' would be ambiguous).
 *
 * Each select is many sub-selects over small sets: without jit = off on the upstream session, compiling them takes a
 * hundred times longer than running them once the catalogues are large (10,000 tables: 1,000 ms instead of 20).
 *
 * Threads: any; everything is constant. */
struct catalog_view {
    const char *name;   /* "pg_class" */
    const char *select; /* the template, one SELECT without a final semicolon */
};

/* NULL = this catalogue is not available. name: bare, as the parser folded it. */
const struct catalog_view *catalog_view_find(struct rg_slice name);

/* All of them, sorted by name. NULL beyond the end. */
size_t catalog_view_count(void);
const struct catalog_view *catalog_view_at(size_t index);

#endif
