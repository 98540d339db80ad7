/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_TYPES_H
#define RG_POLICY_TYPES_H

#include "base/rg_slice.h"

/* The types of pg_catalog that a statement may name in a cast, a column definition or a parameter list. name is the
 * bare internal name ("int4", not "integer": the parser has translated those) or its array spelling ("_int4").
 * Pseudo-types, reg* types (policy/functions.h has their templates) and the types that carry privileges,
 * transaction ids or parse trees are not on the list. Threads: any. */
bool type_is_allowed(struct rg_slice name);

/* The same for a parameter's type as a Parse message gives it: an allowed type's OID or its array's, 0 (unspecified) or
 * unknown's. A parameter of a reg* type would tell names and whether they exist. */
bool type_oid_is_allowed(uint32_t oid);

/* 0, or unknown's: PostgreSQL then takes the type from where the parameter is met first. */
bool type_oid_is_unspecified(uint32_t oid);
/* Bare name of an allowed scalar type's OID; NULL for every other. */
const char *type_oid_name(uint32_t oid);
/* The same for its array's OID, too: NULL for any other OID, 0 and unknown's included. */
const char *type_oid_array_name(uint32_t oid, bool *out_is_array);

/* The scalar names, sorted. NULL beyond the end. */
size_t type_count(void);
const char *type_at(size_t index);

#endif
