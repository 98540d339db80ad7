/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_LINT_H
#define RG_POLICY_LINT_H

#include "policy/policy.h"

/* What is allowed in a configuration and probably not meant: for `rowgate check`, never for a decision. Each finding
 * is a warning with its rule and a hint. */

enum policy_lint_rule {
#define LINT(constant, name, hint) POLICY_LINT_##constant,
#include "policy/lint_rules.def"
#undef LINT
    POLICY_LINT_COUNT
};

/* Static storage. */
const char *policy_lint_name(enum policy_lint_rule rule);
const char *policy_lint_hint(enum policy_lint_rule rule);
#define policy_lint_add(diag, place, rule, ...)                                                                        \
    rg_diag_lint((diag), (place), policy_lint_name(rule), policy_lint_hint(rule), __VA_ARGS__)

struct policy_lint_input {
    const struct policy_source *source; /* compiled without an error */
    const struct tenant_registry *registry;
    const struct policy_relations *relations; /* NULL = not known: nothing is said about names */
    struct rg_place place;                    /* for what stands in no row */
};

/* Looks at predicates, masks, groups and, when they are known, at the names of relations and columns.
 * out_claim_used has a member for each claim of source; set where an expression binds it.
 * Returns: ok, also after findings; RG_LIMIT when the arena of diag is full. */
rg_status policy_lint(const struct policy_lint_input *input, struct rg_diag *diag, bool *out_claim_used) RG_MUST_CHECK;

#endif
