/* SPDX-License-Identifier: Apache-2.0 */
/* What one expression of the policies does whoever asks: constants, parts that decide nothing, claims that widen when
 * they are missing. Reads the text anew, so that findings have the file's own columns. */
#include "policy/sql_lint_private.h"

enum { SELECT_SIZE = 7, COLUMNS_MAX = 1000 };

struct lint {
    const struct lint_expression *expression;
    struct sql_marked marked;
    struct rg_diag *diag;
    struct rg_arena *arena;
    size_t fuel;
};

/* ---- walks ---- */

struct seek {
    struct sql_walk walk; /* first */
    int parameter;
    bool is_found;
    int location; /* least */
};

static rg_status seek_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    (void)depth, (void)out_is_done;
    struct seek *seek = (struct seek *)(void *)walk;
    int location = sql_node_location(*slot);
    if (location >= 0 && (seek->location < 0 || location < seek->location)) {
        seek->location = location;
    }
    seek->is_found = seek->is_found || (IsA(*slot, ParamRef) && ((ParamRef *)*slot)->number == seek->parameter);
    return RG_OK;
}

static rg_status refuse(struct sql_walk *walk, const Node *node)
{
    (void)walk, (void)node;
    return rg_fail(RG_DENIED, "unknown node");
}

bool lint_mentions(Node *node, size_t claim)
{
    struct seek seek = {{seek_visit, refuse, refuse}, (int)(claim + SQL_HOLE_NAMED), false, -1};
    return !rg_is_ok(sql_walk_slot(&seek.walk, &node, 0)) || seek.is_found;
}

int lint_location(Node *node)
{
    struct seek seek = {{seek_visit, refuse, refuse}, 0, false, -1};
    return rg_is_ok(sql_walk_slot(&seek.walk, &node, 0)) ? seek.location : -1;
}

static struct rg_place place_of(const struct lint *lint, int location)
{
    size_t at = location < SELECT_SIZE ? 0 : (size_t)location - SELECT_SIZE;
    size_t source_at = at < lint->marked.text.size ? lint->marked.source_at[at] : 0;
    return policy_place_inside(lint->expression->place, lint->expression->text, source_at);
}

struct collect {
    struct sql_walk walk; /* first */
    struct lint *lint;
    struct lint_facts *facts;
    struct lint_column *columns;
};

static rg_status collect_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    (void)depth, (void)out_is_done;
    struct collect *collect = (struct collect *)(void *)walk;
    struct lint_facts *facts = collect->facts;
    if (IsA(*slot, ParamRef)) {
        size_t claim = (size_t)((ParamRef *)*slot)->number - SQL_HOLE_NAMED;
        facts->binds_claim = true;
        if (claim < collect->lint->expression->source->claim_count) {
            facts->claim_used[claim] = true;
        }
    }
    if (IsA(*slot, ColumnRef) && list_length(((ColumnRef *)*slot)->fields) == 1 && facts->column_count < COLUMNS_MAX) {
        struct lint_column *column = &collect->columns[facts->column_count];
        RG_TRY(rg_arena_copy(collect->lint->arena, sql_last_name(((ColumnRef *)*slot)->fields), &column->name));
        column->place = place_of(collect->lint, ((ColumnRef *)*slot)->location);
        facts->column_count += column->name.size > 0 ? 1 : 0;
    }
    return RG_OK;
}

static rg_status collect(struct lint *lint, Node *node, struct lint_facts *facts)
{
    struct collect collect = {{collect_visit, refuse, refuse}, lint, facts, NULL};
    RG_TRY(rg_arena_array(lint->arena, COLUMNS_MAX, sizeof *collect.columns, (void **)&collect.columns));
    facts->columns = collect.columns;
    return sql_walk_slot(&collect.walk, &node, 0);
}

/* ---- constants ---- */

static struct lint_world world_of(struct lint *lint, enum lint_absence absence, size_t claim)
{
    return (struct lint_world){lint->expression->source, absence, claim, false, &lint->fuel};
}

enum constancy { CONSTANT_NOT = 0, CONSTANT_TRUE, CONSTANT_TRUE_BUT_NULL, CONSTANT_FALSE };

/* Never false is not yet always true: a IN (1, NULL) is NULL for most. */
static enum constancy constancy_of(struct lint *lint, Node *node)
{
    struct lint_world world = world_of(lint, LINT_PRESENT, 0);
    unsigned truth = lint_truth(&world, node);
    if ((truth & LINT_TRUE) == 0) {
        return CONSTANT_FALSE;
    }
    world.has_values = true;
    if ((truth & LINT_FALSE) != 0 || lint_truth(&world, node) != LINT_TRUE) {
        return CONSTANT_NOT;
    }
    return truth == LINT_TRUE ? CONSTANT_TRUE : CONSTANT_TRUE_BUT_NULL;
}

/* The outermost parts of a junction that are constant by themselves. */
static void report_parts(struct lint *lint, Node *node)
{
    if (!IsA(node, BoolExpr)) {
        return;
    }
    List *arguments = ((BoolExpr *)node)->args;
    for (int i = 0; i < list_length(arguments); i++) {
        Node *part = list_nth(arguments, i);
        enum constancy constancy = constancy_of(lint, part);
        if (constancy == CONSTANT_NOT) {
            report_parts(lint, part);
            continue;
        }
        policy_lint_add(lint->diag, place_of(lint, lint_location(part)), POLICY_LINT_PREDICATE_PART,
                        "this part of %s is %s true", lint->expression->what,
                        constancy == CONSTANT_FALSE ? "never" : "always");
    }
}

/* true = the expression is no constant. */
static bool report_constant(struct lint *lint, Node *node)
{
    enum constancy constancy = constancy_of(lint, node);
    struct rg_place place = place_of(lint, lint_location(node));
    switch (constancy) {
    case CONSTANT_NOT:
        report_parts(lint, node);
        return true;
    case CONSTANT_FALSE:
        policy_lint_add(lint->diag, place, POLICY_LINT_PREDICATE_FALSE, "%s is never true", lint->expression->what);
        return false;
    case CONSTANT_TRUE:
    case CONSTANT_TRUE_BUT_NULL:
        policy_lint_add(lint->diag, place, POLICY_LINT_PREDICATE_TRUE, "%s is true of every row%s",
                        lint->expression->what, constancy == CONSTANT_TRUE ? "" : ", unless a column is NULL");
        break;
    }
    return false;
}

/* ---- claims that are not there ---- */

static void report_atom(struct lint *lint, const struct lint_world *world, Node *node, bool is_negated)
{
    unsigned truth = lint_truth(world, node);
    unsigned widening = is_negated ? LINT_FALSE : LINT_TRUE;
    struct rg_slice name = lint->expression->source->claims[world->claim].name;
    struct rg_place place = place_of(lint, lint_location(node));
    if (world->absence == LINT_ABSENT && (truth & widening) != 0) {
        policy_lint_add(lint->diag, place, POLICY_LINT_PREDICATE_NULL, "without the claim \"%.*s\" this %s be true",
                        rg_slice_shown(name), name.data, (truth & (LINT_ANY ^ widening)) == 0 ? "will" : "may");
    } else if (world->absence == LINT_EMPTY && (truth & ~(unsigned)LINT_NULL) == widening) {
        policy_lint_add(lint->diag, place, POLICY_LINT_PREDICATE_EMPTY,
                        "with an empty list in the claim \"%.*s\" this is true of every row", rg_slice_shown(name),
                        name.data);
    }
}

static void report_absent(struct lint *lint, const struct lint_world *world, Node *node, bool is_negated)
{
    if (!lint_mentions(node, world->claim)) {
        return;
    }
    if (IsA(node, BoolExpr)) {
        const BoolExpr *expr = (const BoolExpr *)(void *)node;
        for (int i = 0; i < list_length(expr->args); i++) {
            report_absent(lint, world, list_nth(expr->args, i), is_negated != (expr->boolop == NOT_EXPR));
        }
        return;
    }
    const SubLink *link = IsA(node, SubLink) ? (const SubLink *)(void *)node : NULL;
    const SelectStmt *select =
        link != NULL && IsA(link->subselect, SelectStmt) ? (const SelectStmt *)(void *)link->subselect : NULL;
    if (select != NULL && (link->subLinkType == EXISTS_SUBLINK || link->subLinkType == ANY_SUBLINK) &&
        select->op == SETOP_NONE && select->whereClause != NULL && !is_negated) {
        report_absent(lint, world, select->whereClause, is_negated);
        return;
    }
    report_atom(lint, world, node, is_negated);
}

static void report_claims(struct lint *lint, Node *node)
{
    const struct policy_source *source = lint->expression->source;
    for (size_t i = 0; i < source->claim_count; i++) {
        if (source->claims[i].required || !lint_mentions(node, i)) {
            continue;
        }
        const struct lint_world absent = world_of(lint, LINT_ABSENT, i);
        const struct lint_world empty = world_of(lint, LINT_EMPTY, i);
        if ((lint_truth(&absent, node) & LINT_TRUE) != 0) {
            report_absent(lint, &absent, node, false);
        }
        if (source->claims[i].type.is_array && (lint_truth(&empty, node) & LINT_TRUE) != 0) {
            report_absent(lint, &empty, node, false);
        }
    }
}

/* ---- the whole ---- */

static bool find_claim(const void *context, struct rg_slice name, size_t *out_index)
{
    const struct policy_source *source = context;
    for (size_t i = 0; i < source->claim_count; i++) {
        if (rg_slice_is_equal(source->claims[i].name, name)) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static rg_status lint_parsed(struct lint *lint, struct lint_facts *facts)
{
    struct rg_slice text = {0};
    struct sql_parsed parsed = {0};
    RG_TRY(rg_arena_printf(lint->arena, &text, "SELECT %.*s", RG_SLICE_ARGS(lint->marked.text)));
    RG_TRY(sql_parse(text, lint->arena, &parsed));
    if (!parsed.is_ok || list_length(parsed.statements) != 1) {
        return RG_OK;
    }
    SelectStmt *select = (SelectStmt *)(void *)linitial_node(RawStmt, parsed.statements)->stmt;
    if (!IsA(select, SelectStmt) || list_length(select->targetList) != 1 ||
        !rg_is_ok(sql_tree_check((Node *)(void *)select))) {
        return RG_OK;
    }
    Node *node = linitial_node(ResTarget, select->targetList)->val;
    RG_TRY(collect(lint, node, facts));
    if (report_constant(lint, node)) {
        report_claims(lint, node);
    }
    return RG_OK;
}

rg_status sql_lint_expression(const struct lint_expression *expression, struct rg_arena *arena, struct rg_diag *diag,
                              struct lint_facts *out_facts)
{
    struct lint lint = {.expression = expression, .diag = diag, .arena = arena, .fuel = LINT_FUEL};
    struct sql_mistake mistake = {0};
    struct lint_facts facts = {0};
    RG_TRY(rg_arena_array(arena, expression->source->claim_count + 1, sizeof(bool), (void **)&facts.claim_used));
    RG_TRY(sql_template_mark(expression->text, find_claim, expression->source, arena, &lint.marked, &mistake));
    if (mistake.text.size == 0) {
        MemoryContext scratch = sql_enter();
        rg_status status = lint_parsed(&lint, &facts);
        sql_leave(scratch);
        RG_TRY(status);
    }
    *out_facts = facts;
    return RG_OK;
}
