/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_EXPLAIN_H
#define RG_CLI_EXPLAIN_H

#include "policy/explain.h"
#include "proxy/subject.h"

/* What `rowgate explain` found out, and its two ways to show it. */

struct explained {
    const struct config *config;
    const struct subject_request *request;
    const struct subject *subject; /* NULL: the login would be refused, refusal says why */
    const struct policy_binding *binding;
    const char *refusal;
    struct rg_slice sql;
    struct policy_plan plan;
    struct rg_arena *arena;
};

/* A relation of the plan, or of the refusal, with what the policies say about it. */
struct explained_relation {
    struct rg_slice schema, name;
    struct policy_explanation explanation;
};

/* "schema.name" looked up. */
rg_status explain_relation(const struct explained *explained, struct rg_slice dotted,
                           struct explained_relation *out_relation) RG_MUST_CHECK;
/* Is the refusal about a relation? */
bool explain_is_about_relation(const struct policy_statement *statement);
/* The relation that a refusal points at: the name at its position, looked for in the subject's schemas when it has
 * none of its own. false = the position is at no name. */
bool explain_refused_relation(const struct explained *explained, const struct policy_statement *statement,
                              struct rg_slice *out_dotted);
/* A row of [functions] that decided on a call of this text. */
struct explained_function {
    const struct policy_function_row *row;
    bool is_allowed;
};
/* The rows of [functions] whose functions the text calls; with position (1-based, 0 = anywhere), only the call there.
 * *out_count is 0 when the text does not parse. */
rg_status explain_functions(const struct explained *explained, struct rg_slice text, size_t position, size_t *out_count,
                            const struct explained_function **out_functions) RG_MUST_CHECK;
const char *explain_mask_word(enum policy_mask_kind kind);
/* What may be shown of a text that is sent: keys of masks are taken out (law L7). */
struct rg_slice explain_shown(const struct policy_statement *statement);

/* The exact texts, a line each. */
void explain_print_raw(const struct explained *explained);
rg_status explain_print_text(const struct explained *explained, bool is_coloured) RG_MUST_CHECK;
rg_status explain_print_json(const struct explained *explained) RG_MUST_CHECK;

#endif
