/* SPDX-License-Identifier: Apache-2.0 */
/* PREPARE, EXECUTE and DEALLOCATE: kept by rowgate, so that nothing is left behind in a shared upstream session.
 * EXECUTE plans the stored client text again with the arguments in the places of $1, $2, ... */
#include "policy/sql_planner_private.h"

#include "policy/types.h"

/* ---- PREPARE ---- */

/* "pg_catalog.int4[]" */
static rg_status print_type(struct sql_work *work, const TypeName *type, struct rg_slice *out_text)
{
    struct rg_slice name = {0};
    struct rg_slice printed = {0};
    if (type->setof || type->pct_type || !sql_is_builtin_name(type->names, &name) || !type_is_allowed(name)) {
        return sql_deny(&work->site, "42501", "type.not_allowed", type->location,
                        "this parameter type is not available to you");
    }
    RG_TRY(sql_print_identifier(name, work->site.arena, &printed));
    return rg_arena_printf(work->site.arena, out_text, "pg_catalog.%.*s%s", RG_SLICE_ARGS(printed),
                           type->arrayBounds == NIL ? "" : "[]");
}

/* PREPARE name [(types)] AS text */
static bool prepared_text(const struct sql_tokens *tokens, const struct policy_statement *statement, size_t *out_at)
{
    size_t token = 0;
    while (token < tokens->count && tokens->tokens[token].at < statement->source_at) {
        token++;
    }
    size_t at = token + 2;
    if (sql_token_is(tokens, at, "(")) {
        if (!sql_token_close(tokens, at, &at)) {
            return false;
        }
        at++;
    }
    if (!sql_token_is(tokens, token, "prepare") || !sql_token_is(tokens, at, "as") || at + 1 >= tokens->count) {
        return false;
    }
    *out_at = tokens->tokens[at + 1].at;
    return true;
}

rg_status sql_plan_prepare(struct sql_planner *planner, struct sql_work *work, Node *node,
                           struct policy_statement *statement)
{
    const PrepareStmt *prepare = (const PrepareStmt *)node;
    struct rg_slice *types = NULL;
    size_t type_count = (size_t)list_length(prepare->argtypes);
    size_t inner_at = 0;
    if (!prepared_text(&planner->tokens, statement, &inner_at)) {
        return sql_deny(&work->site, "0A000", "statement.prepare", -1,
                        "this PREPARE is written in a way that is not supported");
    }
    RG_TRY(rg_arena_array(planner->arena, type_count + 1, sizeof *types, (void **)&types));
    for (size_t i = 0; i < type_count; i++) {
        RG_TRY(print_type(work, list_nth_node(TypeName, prepare->argtypes, (int)i), &types[i]));
    }
    struct rg_slice *values = NULL;
    RG_TRY(rg_arena_array(planner->arena, 1, sizeof *values, (void **)&values));
    values[0] = rg_slice_cut(planner->text, inner_at, statement->source_at + statement->source.size - inner_at);
    struct policy_statement inner = {0};
    size_t parameter_max = 0;
    RG_TRY(sql_plan_inner(planner, values[0], &inner, &parameter_max));
    if (inner.verdict == POLICY_DENY) {
        return sql_deny_inner(work, &inner, values[0], (int)inner_at);
    }
    statement->effect = POLICY_EFFECT_PREPARE;
    statement->class_of_statement = inner.class_of_statement;
    statement->relations = inner.relations;
    statement->relation_count = inner.relation_count;
    statement->has_marker = inner.has_marker;
    statement->rule = inner.rule;
    statement->values = values;
    statement->value_count = 1;
    statement->types = types;
    statement->type_count = type_count;
    RG_TRY(rg_arena_copy(planner->arena, rg_slice_of(prepare->name), &statement->name));
    return sql_plan_virtual(work, statement, sql_placeholder, RG_SLICE("PREPARE"));
}

/* ---- what is prepared: by this text's earlier statements, else by the session ---- */

struct prepared {
    struct rg_slice text;
    size_t type_count;
    const struct rg_slice *types;
};

static bool find_prepared(const struct sql_planner *planner, struct rg_slice name, struct prepared *out_prepared)
{
    for (size_t i = planner->done_count; i > 0; i--) {
        const struct policy_statement *done = &planner->done[i - 1];
        bool is_gone = done->effect == POLICY_EFFECT_RESET_ALL && done->number == 1;
        bool is_named = done->name.size == 0 || rg_slice_is_equal(done->name, name);
        if (is_gone || (done->effect == POLICY_EFFECT_DEALLOCATE && is_named)) {
            return false;
        }
        if (done->effect == POLICY_EFFECT_PREPARE && rg_slice_is_equal(done->name, name)) {
            *out_prepared = (struct prepared){done->values[0], done->type_count, done->types};
            return true;
        }
    }
    const struct policy_session *session = &planner->session;
    return session->find_prepared != NULL && session->find_prepared(session->context, name, &out_prepared->text,
                                                                    &out_prepared->type_count, &out_prepared->types);
}

static rg_status deny_unknown(struct sql_work *work, struct rg_slice name)
{
    return sql_deny(&work->site, "26000", "statement.prepare", -1, "prepared statement \"%.*s\" does not exist",
                    rg_slice_shown(name), name.data);
}

/* ---- EXECUTE ---- */

static bool is_constant(const Node *node, size_t depth)
{
    if (node == NULL || depth > 8) {
        return false;
    }
    if (IsA(node, TypeCast)) {
        return is_constant(((const TypeCast *)node)->arg, depth + 1);
    }
    if (IsA(node, A_ArrayExpr)) {
        const List *elements = ((const A_ArrayExpr *)node)->elements;
        for (int i = 0; i < list_length(elements); i++) {
            if (!is_constant(list_nth(elements, i), depth + 1)) {
                return false;
            }
        }
        return true;
    }
    return IsA(node, A_Const);
}

/* The texts between the commas of EXECUTE name (...), one for each argument. */
static rg_status argument_texts(struct sql_work *work, const struct policy_statement *statement, size_t count,
                                struct rg_slice *out_texts)
{
    const struct sql_tokens *tokens = &work->site.tokens;
    size_t token = 0;
    size_t close = 0;
    while (token < tokens->count && tokens->tokens[token].at < statement->source_at) {
        token++;
    }
    bool is_found = sql_token_is(tokens, token, "execute") && sql_token_is(tokens, token + 2, "(") &&
                    sql_token_close(tokens, token + 2, &close);
    size_t index = 0;
    size_t first = token + 3;
    size_t depth = 0;
    for (size_t i = first; is_found && i <= close; i++) {
        bool is_end = depth == 0 && (i == close || sql_token_is(tokens, i, ","));
        depth += sql_token_is(tokens, i, "(") || sql_token_is(tokens, i, "[") ? 1 : 0;
        depth -= depth > 0 && (sql_token_is(tokens, i, ")") || sql_token_is(tokens, i, "]")) ? 1 : 0;
        if (is_end && index < count && i > first) {
            size_t at = tokens->tokens[first].at;
            out_texts[index++] = rg_slice_cut(tokens->text, at, tokens->tokens[i - 1].end - at);
            first = i + 1;
        }
    }
    if (index != count) {
        return sql_deny(&work->site, "0A000", "statement.execute", -1,
                        "this EXECUTE is written in a way that is not supported");
    }
    return RG_OK;
}

static size_t parameter_of(struct rg_slice token)
{
    size_t number = 0;
    for (size_t i = 1; i < token.size && i < 7 && token.data[0] == '$' && token.data[i] >= '0' && token.data[i] <= '9';
         i++) {
        number = number * 10 + (size_t)(token.data[i] - '0');
    }
    return number;
}

static rg_status check_arguments(struct sql_work *work, const ExecuteStmt *execute, const struct prepared *prepared,
                                 const struct sql_tokens *tokens)
{
    size_t wanted = prepared->type_count;
    for (size_t i = 0; i < tokens->count; i++) {
        wanted = Max(wanted, parameter_of(sql_token_text(tokens, i)));
    }
    if (wanted != (size_t)list_length(execute->params)) {
        return sql_deny(&work->site, "42601", "statement.execute", -1,
                        "wrong number of parameters for prepared statement");
    }
    for (int i = 0; i < list_length(execute->params); i++) {
        if (!is_constant(list_nth(execute->params, i), 0)) {
            return sql_deny(&work->site, "0A000", "statement.execute", -1, "an argument of EXECUTE must be a constant");
        }
    }
    return RG_OK;
}

static rg_status substitute(struct sql_work *work, const struct prepared *prepared, const struct sql_tokens *tokens,
                            const struct rg_slice *arguments, struct rg_slice *out_text)
{
    struct rg_arena *arena = work->site.arena;
    struct sql_edits edits = {0};
    for (size_t i = 0; i < tokens->count; i++) {
        size_t number = parameter_of(sql_token_text(tokens, i));
        if (number == 0) {
            continue;
        }
        struct rg_slice text = {0};
        struct rg_slice argument = arguments[number - 1];
        if (number <= prepared->type_count) {
            RG_TRY(rg_arena_printf(arena, &text, "CAST(%.*s AS %.*s)", RG_SLICE_ARGS(argument),
                                   RG_SLICE_ARGS(prepared->types[number - 1])));
        } else {
            RG_TRY(rg_arena_printf(arena, &text, "(%.*s)", RG_SLICE_ARGS(argument)));
        }
        RG_TRY(sql_edit_add(&edits, arena, tokens->tokens[i].at, tokens->tokens[i].end - tokens->tokens[i].at, text));
    }
    struct policy_splice *splices = NULL;
    return sql_edits_apply(&edits, prepared->text, 0, arena, out_text, &splices);
}

static rg_status execute_text(struct sql_work *work, const ExecuteStmt *execute, const struct prepared *prepared,
                              const struct policy_statement *statement, struct rg_slice *out_text)
{
    struct sql_parsed parsed = {0};
    struct sql_tokens tokens = {0};
    struct rg_slice *arguments = NULL;
    size_t count = (size_t)list_length(execute->params);
    RG_TRY(sql_parse(prepared->text, work->site.arena, &parsed));
    if (!parsed.is_ok) {
        return rg_fail(RG_INTERNAL, "a prepared text does not parse");
    }
    RG_TRY(sql_lex(prepared->text, work->site.arena, &tokens));
    RG_TRY(check_arguments(work, execute, prepared, &tokens));
    RG_TRY(rg_arena_array(work->site.arena, count + 1, sizeof *arguments, (void **)&arguments));
    if (count > 0) {
        RG_TRY(argument_texts(work, statement, count, arguments));
    }
    return substitute(work, prepared, &tokens, arguments, out_text);
}

static rg_status one_splice(struct rg_arena *arena, struct policy_statement *statement)
{
    struct policy_splice *splice = NULL;
    RG_TRY(rg_arena_new(arena, &splice));
    *splice = (struct policy_splice){0, statement->source.size, 0, statement->text.size};
    statement->splices = splice;
    statement->splice_count = 1;
    statement->is_rewritten = true;
    return RG_OK;
}

rg_status sql_plan_execute(struct sql_planner *planner, struct sql_work *work, Node *node,
                           struct policy_statement *statement)
{
    const ExecuteStmt *execute = (const ExecuteStmt *)node;
    struct prepared prepared = {0};
    struct rg_slice text = {0};
    planner->is_cacheable = false;
    if (planner->nesting > 0 || !find_prepared(planner, rg_slice_of(execute->name), &prepared)) {
        return deny_unknown(work, rg_slice_of(execute->name));
    }
    RG_TRY(execute_text(work, execute, &prepared, statement, &text));
    if (text.size > POLICY_TEXT_MAX || !policy_text_is_cheap(text)) {
        return sql_deny(&work->site, "54000", "sql.size", -1, "the statement is too long");
    }
    struct policy_statement inner = {0};
    size_t parameter_max = 0;
    RG_TRY(sql_plan_inner(planner, text, &inner, &parameter_max));
    if (inner.verdict == POLICY_DENY) {
        return sql_deny_inner(work, &inner, text, -1);
    }
    inner.source = statement->source;
    inner.source_at = statement->source_at;
    RG_TRY(rg_arena_copy(planner->arena, rg_slice_of(execute->name), &inner.name));
    *statement = inner;
    return one_splice(planner->arena, statement);
}

/* ---- DEALLOCATE ---- */

rg_status sql_plan_deallocate(struct sql_planner *planner, struct sql_work *work, Node *node,
                              struct policy_statement *statement)
{
    const DeallocateStmt *deallocate = (const DeallocateStmt *)node;
    struct prepared prepared = {0};
    statement->effect = POLICY_EFFECT_DEALLOCATE;
    if (deallocate->name == NULL) {
        return sql_plan_virtual(work, statement, sql_placeholder, RG_SLICE("DEALLOCATE ALL"));
    }
    planner->is_cacheable = false;
    if (!find_prepared(planner, rg_slice_of(deallocate->name), &prepared)) {
        statement->effect = POLICY_EFFECT_NONE;
        return deny_unknown(work, rg_slice_of(deallocate->name));
    }
    RG_TRY(rg_arena_copy(planner->arena, rg_slice_of(deallocate->name), &statement->name));
    return sql_plan_virtual(work, statement, sql_placeholder, RG_SLICE("DEALLOCATE"));
}

/* ---- statements without an upstream meaning ---- */

const struct rg_slice sql_placeholder = {"SET standard_conforming_strings = on",
                                         sizeof "SET standard_conforming_strings = on" - 1};

rg_status sql_plan_virtual(struct sql_work *work, struct policy_statement *statement, struct rg_slice text,
                           struct rg_slice tag)
{
    statement->text = text;
    statement->tag = tag;
    statement->is_read = true;
    statement->prelude = POLICY_PRELUDE_KEPT;
    return one_splice(work->site.arena, statement);
}
