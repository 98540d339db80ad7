/* SPDX-License-Identifier: Apache-2.0 */
/* The lints of policies and masks that need no tree, and the order of all of them. */
#include "policy/lint_private.h"

enum { LINT_ARENA_BYTES = 256 << 20 };

static const struct {
    const char *name, *hint;
} rules[] = {
#define LINT(constant, name, hint) [POLICY_LINT_##constant] = {name, hint},
#include "policy/lint_rules.def"
#undef LINT
};

const char *policy_lint_name(enum policy_lint_rule rule)
{
    return rules[rule].name;
}

const char *policy_lint_hint(enum policy_lint_rule rule)
{
    return rules[rule].hint;
}

struct linter {
    const struct policy_lint_input *input;
    const struct policy_source *source;
    struct rg_diag *diag;
    struct rg_arena arena;
    struct lint_facts *facts;   /* one for each row */
    struct tenant_names mapped; /* schemas that some route maps */
};

static void linter_done(struct linter *linter)
{
    rg_arena_done(&linter->arena);
}

/* ---- names ---- */

static bool is_listed(const struct rg_slice *names, size_t count, struct rg_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

static struct rg_slice schema_of(struct rg_slice on)
{
    const char *dot = on.size == 0 ? NULL : memchr(on.data, '.', on.size);
    return rg_slice_cut(on, 0, dot == NULL ? on.size : (size_t)(dot - on.data));
}

static bool is_star(struct rg_slice on)
{
    return on.size > 2 && on.data[on.size - 1] == '*' && on.data[on.size - 2] == '.';
}

/* Do the two name a relation in common? */
static bool meet(struct rg_slice a, struct rg_slice b)
{
    return rg_slice_is_equal(a, b) || ((is_star(a) || is_star(b)) && rg_slice_is_equal(schema_of(a), schema_of(b)));
}

static bool rows_meet(const struct policy_row *a, const struct policy_row *b)
{
    for (size_t i = 0; i < a->on_count; i++) {
        for (size_t j = 0; j < b->on_count; j++) {
            if (meet(a->on[i], b->on[j])) {
                return true;
            }
        }
    }
    return false;
}

/* ---- one policy ---- */

static void lint_never(struct linter *linter, const struct policy_row *row)
{
    for (size_t i = 0; i < row->to_count; i++) {
        if (!is_listed(row->except, row->except_count, row->to[i])) {
            return;
        }
    }
    if (row->to_count > 0) {
        policy_lint_add(linter->diag, row->place, POLICY_LINT_POLICY_NEVER,
                        "\"except\" lists every tenant of \"to\": this policy applies to nobody");
    }
}

/* Is there a policy for everybody that narrows what this name opens? */
static bool is_narrowed(const struct policy_source *source, struct rg_slice on)
{
    for (size_t i = 0; i < source->row_count; i++) {
        const struct policy_row *row = &source->rows[i];
        bool is_for_all = row->to_count == 0 && row->except_count == 0;
        if (is_for_all && (row->using_text.size > 0 || row->is_schema_isolated) &&
            is_listed(row->on, row->on_count, on)) {
            return true;
        }
    }
    return false;
}

/* A schema that no route maps is reported at load already. */
static void lint_open(struct linter *linter, const struct policy_row *row)
{
    for (size_t i = 0; i < row->on_count; i++) {
        struct rg_slice schema = schema_of(row->on[i]);
        if (is_star(row->on[i]) && !row->is_schema_isolated && row->using_text.size == 0 &&
            tenants_names_have(&linter->mapped, schema) && !is_narrowed(linter->source, row->on[i])) {
            policy_lint_add(linter->diag, row->place, POLICY_LINT_POLICY_OPEN,
                            "\"%.*s\" without isolation and predicate: a tenant whose route does not map \"%.*s\" "
                            "reads all of that schema",
                            RG_SLICE_ARGS(row->on[i]), rg_slice_shown(schema), schema.data);
        }
    }
}

static bool claim_decides(const struct linter *linter, struct rg_slice on)
{
    for (size_t i = 0; i < linter->source->row_count; i++) {
        const struct policy_row *row = &linter->source->rows[i];
        for (size_t j = 0; j < row->on_count; j++) {
            if ((linter->facts[i].binds_claim || row->is_schema_isolated) && meet(row->on[j], on)) {
                return true;
            }
        }
    }
    return false;
}

static void lint_shared(struct linter *linter, const struct policy_row *row, const struct lint_facts *facts)
{
    if (row->using_text.size == 0 || facts->binds_claim || row->to_count > 0) {
        return;
    }
    for (size_t i = 0; i < row->on_count; i++) {
        if (!tenants_names_have(&linter->mapped, schema_of(row->on[i])) && !claim_decides(linter, row->on[i])) {
            policy_lint_add(linter->diag, row->using_place, POLICY_LINT_PREDICATE_SHARED,
                            "no predicate on \"%.*s\" binds a claim: every tenant sees the same rows",
                            rg_slice_shown(row->on[i]), row->on[i].data);
        }
    }
}

/* ---- two policies ---- */

static bool are_same_lists(const struct rg_slice *a, size_t a_count, const struct rg_slice *b, size_t b_count)
{
    for (size_t i = 0; i < a_count && a_count == b_count; i++) {
        if (!is_listed(b, b_count, a[i])) {
            return false;
        }
    }
    return a_count == b_count;
}

static bool are_alike(const struct policy_row *a, const struct policy_row *b)
{
    return rg_slice_is_equal(a->using_text, b->using_text) && rg_slice_is_equal(a->group, b->group) &&
           a->is_schema_isolated == b->is_schema_isolated && a->for_select == b->for_select &&
           a->for_insert == b->for_insert && a->for_update == b->for_update && a->for_delete == b->for_delete &&
           are_same_lists(a->on, a->on_count, b->on, b->on_count) &&
           are_same_lists(a->to, a->to_count, b->to, b->to_count) &&
           are_same_lists(a->except, a->except_count, b->except, b->except_count);
}

static void lint_pairs(struct linter *linter, size_t at)
{
    const struct policy_row *row = &linter->source->rows[at];
    bool is_repeated = false;
    bool is_widened = false;
    for (size_t i = 0; i < at; i++) {
        const struct policy_row *other = &linter->source->rows[i];
        if (!is_repeated && are_alike(row, other)) {
            is_repeated = true;
            policy_lint_add(linter->diag, row->place, POLICY_LINT_POLICY_REPEATED,
                            "this policy says what \"%.*s\" in line %u says", rg_slice_shown(other->name),
                            other->name.data, other->place.line);
        }
        if (!is_widened && row->group.size > 0 && rg_slice_is_equal(row->group, other->group) &&
            rows_meet(row, other)) {
            is_widened = true;
            policy_lint_add(linter->diag, row->place, POLICY_LINT_GROUP_WIDENS,
                            "in the group \"%.*s\" this is OR-ed with \"%.*s\" in line %u: it adds rows",
                            rg_slice_shown(row->group), row->group.data, rg_slice_shown(other->name), other->name.data,
                            other->place.line);
        }
    }
}

/* ---- masks ---- */

static rg_status lint_mask(struct linter *linter, const struct policy_mask_row *mask, bool *claim_used)
{
    struct lint_facts facts = {0};
    const struct lint_expression expression = {mask->unless_text, mask->unless_place, "\"unless\"", linter->source};
    if (mask->allow_in_predicates && mask->column_count > 0) {
        policy_lint_add(linter->diag, mask->place, POLICY_LINT_MASK_FILTERABLE,
                        "the masked column \"%.*s\" can be filtered, joined and sorted by",
                        rg_slice_shown(mask->columns[0]), mask->columns[0].data);
    }
    if (mask->unless_text.size == 0) {
        return RG_OK;
    }
    RG_TRY(sql_lint_expression(&expression, &linter->arena, linter->diag, &facts));
    for (size_t i = 0; i < linter->source->claim_count; i++) {
        claim_used[i] = claim_used[i] || facts.claim_used[i];
    }
    return RG_OK;
}

/* ---- the whole ---- */

static rg_status lint_predicate(struct linter *linter, size_t at, bool *claim_used)
{
    const struct policy_row *row = &linter->source->rows[at];
    const struct lint_expression expression = {row->using_text, row->using_place, "the predicate", linter->source};
    if (row->using_text.size == 0) {
        return RG_OK;
    }
    RG_TRY(sql_lint_expression(&expression, &linter->arena, linter->diag, &linter->facts[at]));
    for (size_t i = 0; i < linter->source->claim_count; i++) {
        claim_used[i] = claim_used[i] || linter->facts[at].claim_used[i];
    }
    return RG_OK;
}

rg_status policy_lint(const struct policy_lint_input *input, struct rg_diag *diag, bool *out_claim_used)
{
    RG_AUTO(linter_done) struct linter linter = {.input = input, .source = input->source, .diag = diag};
    const struct policy_source *source = input->source;
    rg_arena_init(&linter.arena, LINT_ARENA_BYTES);
    RG_TRY(rg_arena_array(&linter.arena, source->row_count + 1, sizeof *linter.facts, (void **)&linter.facts));
    RG_TRY(tenants_mapped_schemas(input->registry, &linter.arena, &linter.mapped));
    for (size_t i = 0; i < source->row_count; i++) {
        RG_TRY(lint_predicate(&linter, i, out_claim_used));
    }
    for (size_t i = 0; i < source->row_count; i++) {
        lint_never(&linter, &source->rows[i]);
        lint_open(&linter, &source->rows[i]);
        lint_shared(&linter, &source->rows[i], &linter.facts[i]);
        lint_pairs(&linter, i);
    }
    for (size_t i = 0; i < source->mask_count; i++) {
        RG_TRY(lint_mask(&linter, &source->masks[i], out_claim_used));
    }
    return input->relations == NULL ? RG_OK : lint_relations(input, linter.facts, diag);
}
