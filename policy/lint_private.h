/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_LINT_PRIVATE_H
#define RG_POLICY_LINT_PRIVATE_H

#include "policy/lint.h"

/* One expression of the file: a predicate or a mask's unless. */
struct lint_expression {
    struct rg_slice text;
    struct rg_place place; /* of its first byte */
    const char *what;      /* "the predicate" */
    const struct policy_source *source;
};

struct lint_column {
    struct rg_slice name;
    struct rg_place place;
};

struct lint_facts {
    bool *claim_used; /* of source->claim_count */
    size_t column_count;
    const struct lint_column *columns; /* bare ones, each as often as it stands there */
    bool binds_claim;
};

/* Reports what folds to a constant and what a missing claim makes true; collects names. ok and nothing when the text
 * does not parse: that was said at load. */
rg_status sql_lint_expression(const struct lint_expression *expression, struct rg_arena *arena, struct rg_diag *diag,
                              struct lint_facts *out_facts) RG_MUST_CHECK;

/* policy/lint_relations.c: what the snapshot knows about the names of the rows. columns: per row of source. */
rg_status lint_relations(const struct policy_lint_input *input, const struct lint_facts *facts,
                         struct rg_diag *diag) RG_MUST_CHECK;

#endif
