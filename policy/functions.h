/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_FUNCTIONS_H
#define RG_POLICY_FUNCTIONS_H

#include "base/rg_slice.h"

/* Which functions of pg_catalog a statement may call, by bare name (a name's overloads share one rule), and what
 * stands in the output instead of those that answer by OID or by session.
 *
 * A template is an SQL expression over $1, $2, $3 (the text of the caller's own arguments: column references or
 * constants, already rewritten) and the placeholders of policy/catalog.h. Wherever $n stands, every column in
 * scope is named rg_*, so that the caller's unqualified names cannot be captured.
 *
 * Rows that are no function names, for syntax that the rewriter must replace too:
 *   "current_user" "session_user" "user" "current_role" "current_catalog" "current_schema"   SQL's own spelling
 *   "::regclass" "::regtype" "::regproc" "::regnamespace" "::regrole" ...   cast of an OID column ($1); the
 *       result is text (the name the tenant would write), NULL when the object is not visible
 *   "::regclass::oid"   the same cast followed by one to oid: $1 when visible
 *   "'name'::regclass" "'name'::regproc"  cast of a string constant $1: the object's oid, NULL when not visible
 *   "pg_get_serial_sequence(oid)"  SQLAlchemy's pg_get_serial_sequence($1::regclass::text, $2)::regclass:
 *       $1 the OID column, the result is the sequence's oid
 *
 * No function, template or catalogue column ever gives a value of a reg* type (policy/functions_types.c says why):
 * refuse every other way to one, casts and parameter types included.
 *
 * All templates give one value, but pg_partition_ancestors gives a set and may stand in FROM, where its alias is
 * `pg_partition_ancestors(relid)` when the statement gives none.
 *
 * Threads: any; everything is constant. */
enum function_rule { FUNCTION_DENIED = 0, FUNCTION_ALLOWED, FUNCTION_GUARDED, FUNCTION_CONSTANT };

enum { FUNCTION_ARITY_MAX = 3 };

struct function_row {
    const char *name;
    enum function_rule rule;
    const char *by_arity[FUNCTION_ARITY_MAX + 1]; /* GUARDED, CONSTANT: by argument count; NULL = denied */
};

/* FUNCTION_DENIED and NULL when the name has no row. */
enum function_rule function_find(struct rg_slice name, const struct function_row **out_row);

/* The template for this many arguments, NULL = this form is denied (always so for ALLOWED and for no row). */
const char *function_template(const struct function_row *row, size_t argument_count);

/* Why no configuration may allow this function; NULL when one may. is_builtin: of pg_catalog. */
const char *function_never(struct rg_slice name, bool is_builtin);

/* All rows, sorted by name. NULL beyond the end. */
size_t function_count(void);
const struct function_row *function_at(size_t index);

#endif
