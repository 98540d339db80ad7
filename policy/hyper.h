/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_HYPER_H
#define RG_POLICY_HYPER_H

#include "base/rg_arena.h"
#include "policy/catalog.h"
#include "policy/functions.h"

/* What a Tableau Hyper upstream knows of PostgreSQL's SQL, as measured with hyperd main.0.0.26359 (docs/hyper.md): the
 * functions and types that a statement may name there, and what stands in place of the catalogues. The counterparts of
 * functions.h, types.h, catalog.h and settings.h for POLICY_HYPER. Threads: any; everything is constant. */

/* As function_find. What has no row is denied, PostgreSQL's functions that Hyper lacks among them. */
enum function_rule hyper_function_find(struct rg_slice name, const struct function_row **out_row);
size_t hyper_function_count(void);
const struct function_row *hyper_function_at(size_t index);

/* As type_is_allowed, of which it is a part. */
bool hyper_type_is_allowed(struct rg_slice name);

/* As catalog_view_find: filtered selects over Hyper's own catalogues where it has them, else empty ones. */
const struct catalog_view *hyper_view_find(struct rg_slice name);
size_t hyper_view_count(void);
const struct catalog_view *hyper_view_at(size_t index);

/* What SHOW answers without asking Hyper; NULL = Hyper is asked. */
const char *hyper_setting_shown(struct rg_slice name);

/* A word that is part of Hyper's grammar and a plain name in PostgreSQL's: it must be quoted. */
bool hyper_is_word(struct rg_slice word);

/* ---- values of $n ---- */

enum { HYPER_ELEMENTS_MAX = 10000, HYPER_PRECISION_MAX = 38 };

/* A parameter as a client's Bind brings it. */
struct hyper_input {
    uint32_t type; /* OID as declared; 0 or unknown's = not declared */
    bool is_null;
    bool is_binary; /* the wire's format 1 */
    struct rg_slice bytes;
};

/* The same as the text that stands between the quotes of a constant. */
struct hyper_value {
    const char *type; /* bare name in pg_catalog; NULL = not declared: a constant without a cast */
    bool is_array;
    bool is_null;
    size_t count; /* 1 for a scalar */
    const struct rg_slice *elements;
    size_t precision, scale; /* of a numeric; 0 = none */
};

/* Reads untrusted bytes; pure. RG_DENIED when the type is not supported, the bytes are not a value of it, are no UTF-8
 * or hold a NUL; RG_LIMIT when the arena is full. The texts live in arena or in the input. */
rg_status hyper_value_parse(const struct hyper_input *input, struct rg_arena *arena,
                            struct hyper_value *out_value) RG_MUST_CHECK;

#endif
