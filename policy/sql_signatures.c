/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that are allowed by signature: how [functions] writes one, and what a call of it becomes. Each argument is
 * cast to the type that was listed, so that PostgreSQL can choose no other overload; the schema is the tenant's. */
#include "policy/sql_rewrite_private.h"

#include "policy/functions.h"
#include "policy/types.h"

/* ---- the configuration's text ---- */

enum { SIGNATURE_BYTES = 4000, ARGUMENTS_MAX = 100 };

/* name(type, ...) is read by PostgreSQL's grammar in a statement that has a place for it. */
static const ObjectWithArgs *object_of(const struct sql_parsed *parsed)
{
    const RawStmt *raw = parsed->is_ok && list_length(parsed->statements) == 1 ? linitial(parsed->statements) : NULL;
    const AlterFunctionStmt *statement = raw == NULL ? NULL : (const AlterFunctionStmt *)raw->stmt;
    bool is_it = statement != NULL && IsA(statement, AlterFunctionStmt) && list_length(statement->actions) == 1 &&
                 !statement->func->args_unspecified && list_length(statement->func->objname) <= 2;
    return is_it ? statement->func : NULL;
}

static const char *take_argument(const FunctionParameter *parameter, struct rg_arena *arena,
                                 struct policy_argument *out_argument, rg_status *out_status)
{
    struct rg_slice name = {0};
    const TypeName *type = parameter->argType;
    if (parameter->name != NULL || parameter->mode != FUNC_PARAM_DEFAULT || parameter->defexpr != NULL) {
        return "types alone, without names, modes and defaults";
    }
    if (type->setof || type->pct_type || !sql_is_builtin_name(type->names, &name) || !type_is_allowed(name)) {
        return "each type must be one of PostgreSQL's own that statements may use";
    }
    if (type->typmods != NIL || list_length(type->arrayBounds) > 1) {
        return "a type's modifier means nothing here";
    }
    out_argument->is_array = type->arrayBounds != NIL;
    *out_status = rg_arena_copy(arena, name, &out_argument->type);
    return NULL;
}

static rg_status take_object(const ObjectWithArgs *object, struct rg_arena *arena,
                             struct policy_signature *out_signature, const char **out_mistake)
{
    struct policy_argument *arguments = NULL;
    struct policy_signature signature = {.count = (size_t)list_length(object->objfuncargs)};
    bool has_schema = list_length(object->objname) == 2;
    if (signature.count > ARGUMENTS_MAX) {
        *out_mistake = "too many arguments";
        return RG_OK;
    }
    RG_TRY(rg_arena_array(arena, signature.count + 1, sizeof *arguments, (void **)&arguments));
    for (size_t i = 0; i < signature.count; i++) {
        rg_status status = RG_OK;
        *out_mistake =
            take_argument(list_nth_node(FunctionParameter, object->objfuncargs, (int)i), arena, &arguments[i], &status);
        if (*out_mistake != NULL || !rg_is_ok(status)) {
            return status;
        }
    }
    signature.arguments = arguments;
    RG_TRY(rg_arena_copy(arena, has_schema ? sql_string(linitial(object->objname)) : RG_SLICE("pg_catalog"),
                         &signature.schema));
    RG_TRY(rg_arena_copy(arena, sql_last_name(object->objname), &signature.name));
    *out_signature = signature;
    return RG_OK;
}

rg_status sql_signature_parse(struct rg_slice text, struct rg_arena *arena, struct policy_signature *out_signature,
                              const char **out_mistake)
{
    struct rg_slice statement = {0};
    struct sql_parsed parsed = {0};
    *out_mistake = "is no function's signature: \"name(type, ...)\" or \"schema.name(type, ...)\"";
    if (text.size > SIGNATURE_BYTES || !policy_text_is_valid(text)) {
        return RG_OK;
    }
    RG_TRY(rg_arena_printf(arena, &statement, "ALTER FUNCTION %.*s\nSTABLE", RG_SLICE_ARGS(text)));
    MemoryContext context = sql_enter();
    rg_status status = sql_parse(statement, arena, &parsed);
    const ObjectWithArgs *object = rg_is_ok(status) ? object_of(&parsed) : NULL;
    if (object != NULL) {
        *out_mistake = NULL;
        status = take_object(object, arena, out_signature, out_mistake);
    }
    sql_leave(context);
    return status;
}

/* ---- a call ---- */

static bool is_same(const struct policy_bound_signature *row, struct rg_slice schema, const FuncCall *call)
{
    return row->signature->count == (size_t)list_length(call->args) &&
           rg_slice_is_equal(row->signature->schema, schema) &&
           rg_slice_is_equal(row->signature->name, sql_last_name(call->funcname));
}

static const struct policy_bound_signature *find_in(const struct policy_binding *binding, struct rg_slice schema,
                                                    const FuncCall *call)
{
    for (size_t i = 0; i < binding->signature_count; i++) {
        if (is_same(&binding->signatures[i], schema, call)) {
            return &binding->signatures[i];
        }
    }
    return NULL;
}

/* pg_catalog is searched first, then the virtual path: a name of PostgreSQL's own is never taken for the tenant's. */
static const struct policy_bound_signature *find(const struct sql_work *work, const FuncCall *call)
{
    const struct policy_bound_signature *found = NULL;
    const struct function_row *row = NULL;
    struct rg_slice schema = {0};
    if (list_length(call->funcname) == 2) {
        return find_in(work->binding, sql_string(linitial(call->funcname)), call);
    }
    if (list_length(call->funcname) != 1 || function_find(sql_last_name(call->funcname), &row) != FUNCTION_DENIED ||
        policy_set_calls(work->site.set, sql_last_name(call->funcname))) {
        return NULL;
    }
    found = find_in(work->binding, RG_SLICE("pg_catalog"), call);
    for (size_t i = 0; found == NULL && sql_path_at(work->binding, work->session, i, &schema); i++) {
        found = find_in(work->binding, schema, call);
    }
    return found;
}

static bool is_plain(const FuncCall *call)
{
    for (int i = 0; i < list_length(call->args); i++) {
        if (IsA(list_nth(call->args, i), NamedArgExpr)) {
            return false;
        }
    }
    return call->agg_order == NIL && call->agg_filter == NULL && call->over == NULL && !call->agg_within_group &&
           !call->agg_star && !call->agg_distinct && !call->func_variadic;
}

static rg_status rename_call(struct sql_work *work, FuncCall *call, const struct policy_bound_signature *row,
                             size_t *out_open)
{
    struct sql_site *site = &work->site;
    struct rg_slice schema = {0};
    struct rg_slice name = {0};
    struct rg_slice text = {0};
    size_t first = 0;
    size_t last = 0;
    RG_TRY(sql_site_token(site, call->location, &first));
    RG_TRY(sql_site_name_end(site, first, (size_t)list_length(call->funcname), &last));
    RG_TRY(sql_print_identifier(row->physical, site->arena, &schema));
    RG_TRY(sql_print_identifier(row->signature->name, site->arena, &name));
    RG_TRY(rg_arena_printf(site->arena, &text, "%.*s.%.*s", RG_SLICE_ARGS(schema), RG_SLICE_ARGS(name)));
    call->funcname = list_make2(makeString(sql_cstring(row->physical)), makeString(sql_cstring(row->signature->name)));
    *out_open = last + 1;
    return sql_site_replace(site, first, last, text);
}

/* The last token of the argument that begins at first. */
static size_t argument_end(const struct sql_tokens *tokens, size_t first, size_t close)
{
    size_t at = first;
    while (at < close && !sql_token_is(tokens, at, ",")) {
        if (sql_token_is(tokens, at, "(") || sql_token_is(tokens, at, "[")) {
            size_t end = close; /* a bracket is no parenthesis, but its end is told all the same */
            at = sql_token_close(tokens, at, &end) || end < close ? end : close;
        }
        at++;
    }
    return at - 1;
}

/* x becomes (x)::pg_catalog.type */
static rg_status cast_argument(struct sql_work *work, Node **slot, const struct policy_argument *argument, size_t first,
                               size_t last, size_t depth)
{
    struct sql_site *site = &work->site;
    struct rg_slice type = {0};
    struct rg_slice text = {0};
    TypeCast *cast = makeNode(TypeCast);
    cast->typeName = makeTypeNameFromNameList(sql_builtin_name(argument->type));
    cast->typeName->arrayBounds = argument->is_array ? list_make1(makeInteger(-1)) : NIL;
    cast->location = -1;
    RG_TRY(sql_print_identifier(argument->type, site->arena, &type));
    RG_TRY(rg_arena_printf(site->arena, &text, ")::pg_catalog.%.*s%s", RG_SLICE_ARGS(type),
                           argument->is_array ? "[]" : ""));
    RG_TRY(sql_site_insert(site, site->tokens.tokens[first].at, RG_SLICE("(")));
    RG_TRY(sql_walk_slot(&site->walk, slot, depth));
    cast->arg = *slot;
    *slot = (Node *)cast;
    return sql_site_insert(site, site->tokens.tokens[last].end, text);
}

static rg_status cast_arguments(struct sql_work *work, FuncCall *call, const struct policy_signature *signature,
                                size_t open, size_t depth)
{
    const struct sql_tokens *tokens = &work->site.tokens;
    size_t close = 0;
    bool is_closed = sql_token_is(tokens, open, "(") && sql_token_close(tokens, open, &close);
    size_t at = open + 1;
    for (size_t i = 0; is_closed && i < signature->count; i++) {
        size_t last = argument_end(tokens, at, close);
        is_closed = last >= at && (i + 1 < signature->count ? last + 1 < close : last + 1 == close);
        if (is_closed) {
            RG_TRY(cast_argument(work, (Node **)&list_nth_cell(call->args, (int)i)->ptr_value, &signature->arguments[i],
                                 at, last, depth + 2));
        }
        at = last + 2;
    }
    return is_closed ? RG_OK
                     : sql_deny(&work->site, "0A000", "sql.place", call->location,
                                "this call is written in a way that is not supported");
}

rg_status sql_visit_signature(struct sql_work *work, FuncCall *call, size_t depth, bool *out_is_done)
{
    const struct policy_bound_signature *row = find(work, call);
    const struct policy_set *set = work->site.set;
    size_t open = 0;
    if (row == NULL || !is_plain(call)) {
        return RG_OK;
    }
    for (size_t i = 0; i < set->function_deny_count; i++) {
        if (rg_slice_is_equal(row->signature->schema, RG_SLICE("pg_catalog")) &&
            rg_slice_is_equal(row->signature->name, set->function_deny[i])) {
            return RG_OK;
        }
    }
    *out_is_done = true;
    work->may_change = true;
    RG_TRY(rename_call(work, call, row, &open));
    return cast_arguments(work, call, row->signature, open, depth);
}
