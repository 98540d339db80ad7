/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_CLAIMS_H
#define RG_AUTH_CLAIMS_H

#include "base/rg_arena.h"

/* Typed claims: what a verified credential says about its holder, each value checked against the type
 * that the configuration declares for it. Types are PostgreSQL's; a value is its canonical text form. */

enum auth_scalar {
    AUTH_SCALAR_NONE = 0, /* no type: every value is refused */
    AUTH_SCALAR_TEXT,
    AUTH_SCALAR_UUID,
    AUTH_SCALAR_INT4,
    AUTH_SCALAR_INT8,
    AUTH_SCALAR_NUMERIC,
    AUTH_SCALAR_BOOL,
    AUTH_SCALAR_DATE,
    AUTH_SCALAR_TIMESTAMPTZ,
};

struct auth_type {
    enum auth_scalar scalar;
    bool is_array;
};

/* "uuid", "text[]", and PostgreSQL's other spellings: integer, int, bigint, decimal, boolean,
 * "timestamp with time zone". false = no such type, *out_type untouched. Pure. */
bool auth_type_find(struct rg_slice name, struct auth_type *out_type);
/* "pg_catalog.uuid", "pg_catalog.text[]", ...; NULL for AUTH_SCALAR_NONE. Static storage. */
const char *auth_type_sql(struct auth_type type);

enum {
    AUTH_CLAIM_DEFAULT_ELEMENTS = 64,
    AUTH_CLAIM_MAX_ELEMENTS = 4096, /* max_elements above this are cut to it */
    AUTH_CLAIM_DEFAULT_BYTES = 1024,
};

/* One row of [claims]. Immutable; borrowed by whoever gets it. */
struct auth_claim_spec {
    struct rg_slice name;
    struct rg_slice oidc_path; /* "$.a.b" walks objects; anything else is one claim's whole name; empty = name */
    struct rg_slice saml_name; /* the Name of a SAML attribute; empty = name */
    struct auth_type type;
    bool required;         /* absent, null, or an empty array: no login */
    bool lower;            /* text: ASCII letters to lower case */
    size_t max_elements;   /* of an array; 0 = AUTH_CLAIM_DEFAULT_ELEMENTS */
    size_t max_bytes;      /* of each element; 0 = AUTH_CLAIM_DEFAULT_BYTES */
    struct rg_slice split; /* array types: separator that cuts a single string, empty = no cutting */
};

/* The value of one claim. Value i of a list belongs to spec i. */
struct auth_claim_value {
    bool is_present; /* false: absent or null, binds NULL */
    struct auth_type type;
    size_t count;                    /* 1 for a scalar; an array may be present with 0 */
    const struct rg_slice *elements; /* canonical text, NUL-terminated behind the slice, never NULL elements */
};

/* A claim given as constant strings: a service account's row in the configuration. */
struct auth_claim_constant {
    struct rg_slice name;
    const struct rg_slice *texts;
    size_t text_count;
};

/* Turns constants into values with the same checks that a token's claims get.
 * Returns:  ok; RG_CONFIG naming the claim (unknown, given twice, required and missing, wrong type, too
 *           long, too many), never its value; RG_LIMIT when the arena is full. Output untouched then.
 * Owns:     *out_values (spec_count of them) and all they point to live in arena.
 * Threads:  any. */
rg_status auth_claims_from_constants(const struct auth_claim_spec *specs, size_t spec_count,
                                     const struct auth_claim_constant *constants, size_t constant_count,
                                     struct rg_arena *arena, const struct auth_claim_value **out_values) RG_MUST_CHECK;

#endif
