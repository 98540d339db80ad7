/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_EXPLAIN_H
#define RG_POLICY_EXPLAIN_H

#include "policy/policy.h"

/* Why a binding says what it says: for `rowgate explain` and nothing that decides. */

enum policy_applicability {
    POLICY_APPLIES = 0,
    POLICY_OF_OTHERS,  /* `to` does not list this tenant */
    POLICY_EXCEPTED,   /* `except` does */
    POLICY_NOT_MAPPED, /* isolation = "schema", and the route does not map the schema */
};
/* "to does not list the tenant", ...; empty for POLICY_APPLIES. Static storage. */
const char *policy_applicability_text(enum policy_applicability applicability);

/* A policy that names the relation, whether it applies or not. */
struct policy_naming {
    size_t row; /* index into policy_source.rows */
    enum policy_applicability applicability;
};

/* A mask that this identity gets; one that its "unless" lifts is not there. */
struct policy_explained_mask {
    struct rg_slice column;
    size_t row; /* index into policy_source.masks */
};

struct policy_explanation {
    bool is_reachable; /* some policy applies; else only the namings are set */
    bool is_own;       /* the schema is the tenant's own */
    bool for_select, for_insert, for_update, for_delete;
    struct rg_slice physical;  /* schema */
    struct rg_slice predicate; /* over rg_r, with the identity's constants; empty = none */
    size_t naming_count;
    const struct policy_naming *namings; /* in the order of the file */
    size_t mask_count;
    const struct policy_explained_mask *masks;
};

/* What this binding makes of one relation, by logical names. tenant is the id that was bound.
 * Returns: ok; RG_LIMIT when the arena is full.
 * Owns:    *out_explanation lives in arena, its texts as long as binding. */
rg_status policy_explain_relation(const struct policy_binding *binding, struct rg_slice tenant, struct rg_slice schema,
                                  struct rg_slice name, struct rg_arena *arena,
                                  struct policy_explanation *out_explanation) RG_MUST_CHECK;

/* Does the text of an allowed statement hold a mask, or leave a denied column out? Never true of a refusal. */
bool policy_statement_is_masked(const struct policy_binding *binding, const struct policy_statement *statement);

#endif
