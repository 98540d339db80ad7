/* SPDX-License-Identifier: Apache-2.0 */
/* The reasons behind a binding, read off the policy set again: bind.c keeps none, because no statement needs them. */
#include "policy/explain.h"

#include "policy/set_private.h"

const char *policy_applicability_text(enum policy_applicability applicability)
{
    static const char *const texts[] = {
        [POLICY_APPLIES] = "",
        [POLICY_OF_OTHERS] = "\"to\" does not list this tenant",
        [POLICY_EXCEPTED] = "\"except\" lists this tenant",
        [POLICY_NOT_MAPPED] = "isolation = \"schema\", and this tenant's route does not map the schema",
    };
    return texts[applicability];
}

static bool is_listed(const struct rg_slice *names, size_t count, struct rg_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

static bool is_mapped(const struct policy_binding *binding, struct rg_slice schema)
{
    for (size_t i = 0; i < binding->schema_count; i++) {
        if (rg_slice_is_equal(binding->schemas[i].logical, schema)) {
            return true;
        }
    }
    return false;
}

static bool names_relation(const struct policy_rule *rule, struct rg_slice schema, struct rg_slice name)
{
    for (size_t i = 0; i < rule->pattern_count; i++) {
        const struct policy_pattern *pattern = &rule->patterns[i];
        if (rg_slice_is_equal(pattern->schema, schema) &&
            (pattern->name.size == 0 || rg_slice_is_equal(pattern->name, name))) {
            return true;
        }
    }
    return false;
}

static enum policy_applicability judge(const struct policy_binding *binding, const struct policy_row *row,
                                       struct rg_slice tenant, struct rg_slice schema)
{
    if (row->to_count > 0 && !is_listed(row->to, row->to_count, tenant)) {
        return POLICY_OF_OTHERS;
    }
    if (is_listed(row->except, row->except_count, tenant)) {
        return POLICY_EXCEPTED;
    }
    return row->is_schema_isolated && !is_mapped(binding, schema) ? POLICY_NOT_MAPPED : POLICY_APPLIES;
}

static rg_status list_masks(const struct policy_bound *bound, struct rg_arena *arena,
                            struct policy_explanation *explanation)
{
    struct policy_explained_mask *masks = NULL;
    RG_TRY(rg_arena_array(arena, bound->mask_count + 1, sizeof *masks, (void **)&masks));
    for (size_t i = 0; i < bound->mask_count; i++) {
        masks[i] = (struct policy_explained_mask){bound->masks[i].column, bound->masks[i].number - 1};
    }
    explanation->masks = masks;
    explanation->mask_count = bound->mask_count;
    return RG_OK;
}

static bool has_mask_of(const struct policy_bound *bound, struct rg_slice text)
{
    for (size_t i = 0; i < bound->mask_count; i++) {
        struct rg_slice mask = bound->masks[i].text;
        if (mask.size == 0 || (text.size > 0 && memmem(text.data, text.size, mask.data, mask.size) != NULL)) {
            return true;
        }
    }
    return false;
}

bool policy_statement_is_masked(const struct policy_binding *binding, const struct policy_statement *statement)
{
    for (size_t i = 0; statement->verdict == POLICY_ALLOW && i < statement->relation_count; i++) {
        struct rg_slice dotted = statement->relations[i];
        const char *dot = dotted.size == 0 ? NULL : memchr(dotted.data, '.', dotted.size);
        size_t at = dot == NULL ? dotted.size : (size_t)(dot - dotted.data);
        const struct policy_bound *bound =
            policy_bound_find(binding, rg_slice_cut(dotted, 0, at), rg_slice_cut(dotted, at + 1, dotted.size));
        if (bound != NULL && has_mask_of(bound, statement->text)) {
            return true;
        }
    }
    return false;
}

rg_status policy_explain_relation(const struct policy_binding *binding, struct rg_slice tenant, struct rg_slice schema,
                                  struct rg_slice name, struct rg_arena *arena,
                                  struct policy_explanation *out_explanation)
{
    const struct policy_set *set = binding->set;
    const struct policy_bound *bound = policy_bound_find(binding, schema, name);
    struct policy_explanation explanation = {.is_reachable = bound != NULL};
    struct policy_naming *namings = NULL;
    RG_TRY(rg_arena_array(arena, set->rule_count + 1, sizeof *namings, (void **)&namings));
    for (size_t i = 0; i < set->rule_count; i++) {
        if (names_relation(&set->rules[i], schema, name)) {
            enum policy_applicability applicability = judge(binding, set->rules[i].row, tenant, schema);
            namings[explanation.naming_count++] = (struct policy_naming){i, applicability};
        }
    }
    explanation.namings = namings;
    if (bound != NULL) {
        explanation.is_own = bound->is_own;
        explanation.for_select = bound->for_select;
        explanation.for_insert = bound->for_insert;
        explanation.for_update = bound->for_update;
        explanation.for_delete = bound->for_delete;
        explanation.physical = bound->physical;
        explanation.predicate = bound->predicate;
        RG_TRY(list_masks(bound, arena, &explanation));
    }
    *out_explanation = explanation;
    return RG_OK;
}
