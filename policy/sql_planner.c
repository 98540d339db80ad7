/* SPDX-License-Identifier: Apache-2.0 */
/* A client text becomes a plan: parse, one row of the table per kind of statement, refusals with their place. */
#include "policy/sql_planner_private.h"

struct kind {
    enum policy_class class_of_statement;
    sql_plan_kind *plan; /* NULL = refused by rule, under name */
    const char *rule;
    const char *name;
};

/* A kind without a row is refused too. */
static const struct kind kinds[] = {
#define SQL_KIND(type, class, plan) [T_##type] = {POLICY_CLASS_##class, plan, NULL, NULL},
#define SQL_KIND_REFUSED(type, class, rule, name) [T_##type] = {POLICY_CLASS_##class, NULL, rule, name},
#include "policy/sql_kinds.def"
#undef SQL_KIND
#undef SQL_KIND_REFUSED
};

static rg_status plan_kind(struct sql_planner *planner, struct sql_work *work, Node *node,
                           struct policy_statement *statement)
{
    size_t tag = (size_t)nodeTag(node);
    const struct kind *kind = tag < lengthof(kinds) ? &kinds[tag] : &kinds[0];
    statement->class_of_statement = kind->class_of_statement;
    if (sql_is_hyper(work)) {
        RG_TRY(sql_hyper_check_kind(work, node));
    }
    if (kind->plan != NULL) {
        return kind->plan(planner, work, node, statement);
    }
    if (kind->rule != NULL) {
        return sql_deny(&work->site, "42501", kind->rule, -1, "%s is not available to you", kind->name);
    }
    return sql_deny(&work->site, "42501", "statement.kind", -1, "this kind of statement is not available to you");
}

/* ---- refusals ---- */

static rg_status deny_fill(struct rg_slice text, const struct sql_denial *denial, struct policy_statement *statement)
{
    statement->verdict = POLICY_DENY;
    statement->effect = POLICY_EFFECT_NONE;
    statement->text = (struct rg_slice){"", 0};
    statement->splice_count = 0;
    memcpy(statement->sqlstate, denial->sqlstate, sizeof statement->sqlstate);
    statement->rule = rg_slice_of(denial->rule);
    statement->message = denial->message;
    statement->hint = denial->hint;
    statement->position = denial->location < 0 ? 0 : policy_text_position(text, (size_t)denial->location);
    return RG_OK;
}

static rg_status plan_one(struct sql_planner *planner, const RawStmt *raw, struct policy_statement *statement)
{
    struct sql_work work;
    sql_work_init(&work, planner->binding, &planner->session, &planner->tokens, planner->arena);
    work.takes_parameters = planner->is_extended || planner->nesting > 0;
    rg_status status = plan_kind(planner, &work, raw->stmt, statement);
    planner->parameter_max = Max(planner->parameter_max, work.parameter_max);
    planner->is_cacheable = planner->is_cacheable && !work.uses_pid && !work.uses_values;
    if (rg_is_ok(status)) {
        statement->verdict = POLICY_ALLOW;
        return policy_secrets_hide(planner->binding, statement->text, planner->arena, &statement->shown);
    }
    if (status.error->kind == RG_DENIED && work.site.denial.is_set) {
        statement->is_stale = work.site.is_stale;
        return deny_fill(planner->text, &work.site.denial, statement);
    }
    return status;
}

/* ---- the text ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static void source_of(struct rg_slice text, const RawStmt *raw, struct policy_statement *statement)
{
    size_t at = raw->stmt_location > 0 ? (size_t)raw->stmt_location : 0;
    size_t size = raw->stmt_len > 0 ? (size_t)raw->stmt_len : text.size - at;
    while (size > 0 && is_space(text.data[at])) {
        at++;
        size--;
    }
    while (size > 0 && is_space(text.data[at + size - 1])) {
        size--;
    }
    statement->source = rg_slice_cut(text, at, size);
    statement->source_at = at;
}

/* A refusal of the whole text: one statement that says why. */
static rg_status deny_text(struct sql_planner *planner, const struct sql_denial *denial, struct policy_plan *out_plan)
{
    struct policy_statement *statement = NULL;
    RG_TRY(rg_arena_new(planner->arena, &statement));
    statement->source = planner->text;
    RG_TRY(deny_fill(planner->text, denial, statement));
    *out_plan = (struct policy_plan){.count = 1, .statements = statement, .is_denied = true, .is_cacheable = true};
    return RG_OK;
}

static rg_status deny_syntax(struct sql_planner *planner, const struct sql_parsed *parsed, struct policy_plan *out_plan)
{
    struct sql_denial denial = {true, "42601", "sql.syntax", parsed->error, {0}, -1};
    if (parsed->error_position > 0) {
        denial.location = (int)policy_text_offset(planner->text, parsed->error_position);
    }
    return deny_text(planner, &denial, out_plan);
}

/* Later statements of the same text already see the path that an earlier one sets. */
static void apply_effect(struct sql_planner *planner, const struct policy_statement *statement)
{
    bool is_reset = statement->effect == POLICY_EFFECT_RESET_ALL;
    if (is_reset || statement->effect == POLICY_EFFECT_SET_SEARCH_PATH) {
        planner->session.search_path_count = is_reset ? 0 : statement->value_count;
        planner->session.search_path = is_reset ? NULL : statement->values;
    }
}

/* Upstream there are no parameters, so what the client is told of them is known here alone. */
static rg_status parameter_types(const struct sql_planner *planner, struct policy_plan *plan)
{
    enum { TEXT_TYPE = 25 };
    uint32_t *types = NULL;
    if (planner->binding->dialect != POLICY_HYPER) {
        return RG_OK;
    }
    plan->parameter_count = Max(plan->parameter_count, planner->session.parameter_type_count);
    if (plan->parameter_count == 0) {
        return RG_OK;
    }
    RG_TRY(rg_arena_array(planner->arena, plan->parameter_count, sizeof *types, (void **)&types));
    for (size_t i = 0; i < plan->parameter_count; i++) {
        bool is_declared = i < planner->session.parameter_type_count && planner->session.parameter_types[i] != 0;
        types[i] = is_declared ? planner->session.parameter_types[i] : TEXT_TYPE;
    }
    plan->parameter_types = types;
    return RG_OK;
}

static rg_status plan_statements(struct sql_planner *planner, List *raws, struct policy_plan *out_plan)
{
    size_t count = (size_t)list_length(raws);
    struct policy_statement *statements = NULL;
    RG_TRY(rg_arena_array(planner->arena, count + 1, sizeof *statements, (void **)&statements));
    struct policy_plan plan = {.statements = statements};
    planner->done = statements;
    for (size_t i = 0; i < count && !plan.is_denied; i++) {
        const RawStmt *raw = list_nth_node(RawStmt, raws, (int)i);
        source_of(planner->text, raw, &statements[i]);
        RG_TRY(plan_one(planner, raw, &statements[i]));
        plan.is_denied = statements[i].verdict == POLICY_DENY;
        apply_effect(planner, &statements[i]);
        plan.count = planner->done_count = i + 1;
    }
    plan.is_cacheable = planner->is_cacheable;
    plan.parameter_count = planner->parameter_max;
    RG_TRY(parameter_types(planner, &plan));
    *out_plan = plan;
    return RG_OK;
}

static rg_status plan_text(struct sql_planner *planner, bool wants_one, struct policy_plan *out_plan)
{
    struct sql_parsed parsed = {0};
    RG_TRY(sql_parse(planner->text, planner->arena, &parsed));
    if (!parsed.is_ok) {
        return deny_syntax(planner, &parsed, out_plan);
    }
    int count = list_length(parsed.statements);
    if (wants_one && count > 1) {
        struct sql_denial many = {true,         "42601",
                                  "sql.syntax", RG_SLICE("cannot insert multiple commands into a prepared statement"),
                                  {0},          -1};
        return deny_text(planner, &many, out_plan);
    }
    if (count > POLICY_STATEMENTS_MAX) {
        struct sql_denial many = {true, "54001", "sql.statements", RG_SLICE("too many statements in one text"),
                                  {0},  -1};
        return deny_text(planner, &many, out_plan);
    }
    if (count > 0) {
        RG_TRY(sql_lex(planner->text, planner->arena, &planner->tokens));
    }
    return plan_statements(planner, parsed.statements, out_plan);
}

rg_status sql_plan(const struct policy_binding *binding, const struct policy_session *session,
                   enum policy_protocol protocol, struct rg_slice text, struct rg_arena *arena,
                   struct policy_plan *out_plan)
{
    struct sql_planner planner = {
        .binding = binding, .session = *session, .arena = arena, .text = text, .is_cacheable = true};
    planner.is_extended = protocol == POLICY_EXTENDED;
    MemoryContext context = sql_enter();
    rg_status status = plan_text(&planner, protocol == POLICY_EXTENDED, out_plan);
    sql_leave(context);
    return status;
}

/* ---- a text inside a text ---- */

rg_status sql_plan_inner(const struct sql_planner *planner, struct rg_slice text, struct policy_statement *out_inner,
                         size_t *out_parameter_max)
{
    struct sql_planner inner = *planner;
    struct policy_plan plan = {0};
    inner.text = text;
    inner.tokens = (struct sql_tokens){0};
    inner.nesting++;
    inner.session.parameter_type_count = 0; /* they are the outer text's */
    inner.session.parameter_types = NULL;
    inner.parameter_max = 0;
    RG_TRY(plan_text(&inner, true, &plan));
    if (plan.count != 1) {
        return rg_fail(RG_INTERNAL, "a prepared text holds %zu statements", plan.count);
    }
    *out_inner = plan.statements[0];
    *out_parameter_max = inner.parameter_max;
    return RG_OK;
}

rg_status sql_deny_inner(struct sql_work *work, const struct policy_statement *inner, struct rg_slice inner_text,
                         int inner_at)
{
    struct rg_slice sqlstate = {0};
    struct rg_slice rule = {0};
    RG_TRY(rg_arena_copy(work->site.arena, rg_slice_of(inner->sqlstate), &sqlstate));
    RG_TRY(rg_arena_copy(work->site.arena, inner->rule, &rule));
    int location = -1;
    if (inner_at >= 0 && inner->position > 0) {
        location = inner_at + (int)policy_text_offset(inner_text, inner->position);
    }
    work->site.denial = (struct sql_denial){true, sqlstate.data, rule.data, inner->message, inner->hint, location};
    work->site.is_stale = inner->is_stale;
    return rg_fail(RG_DENIED, "%.*s", rg_slice_shown(inner->message), inner->message.data);
}
