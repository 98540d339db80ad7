/* SPDX-License-Identifier: Apache-2.0 */
/* Function calls, reg* casts and the keywords that act like functions. Only listed functions pass, each
 * qualified; those that answer by OID or by session are replaced by their templates. */
#include "policy/sql_rewrite_private.h"

#include "policy/functions.h"
#include "policy/hyper.h"

static rg_status deny_call(struct sql_work *work, const FuncCall *call)
{
    struct rg_slice name = sql_last_name(call->funcname);
    return sql_deny(&work->site, "42501", "function.not_allowed", call->location,
                    "function \"%.*s\" is not available to you", rg_slice_shown(name), name.data);
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

/* ---- templates ---- */

static enum function_rule rule_find(const struct sql_work *work, struct rg_slice name,
                                    const struct function_row **out_row)
{
    return sql_is_hyper(work) ? hyper_function_find(name, out_row) : function_find(name, out_row);
}

static const struct sql_template *template_of(const struct sql_work *work, const struct function_row *row, size_t count)
{
    const struct policy_set *set = work->site.set;
    if (row == NULL || count > FUNCTION_ARITY_MAX) {
        return NULL;
    }
    return sql_is_hyper(work) ? set->hyper_guards[row - hyper_function_at(0)][count]
                              : set->guards[row - function_at(0)][count];
}

static const struct sql_template *template_find(const struct sql_work *work, const char *name, size_t count)
{
    const struct function_row *row = NULL;
    (void)rule_find(work, rg_slice_of(name), &row);
    return template_of(work, row, count);
}

/* The text of a caller's argument: a column, a constant or a parameter, whose extent is known. */
static rg_status argument_hole(struct sql_work *work, Node *node, struct sql_hole *out_hole)
{
    struct sql_site *site = &work->site;
    struct rg_arena *arena = site->arena;
    if (node != NULL && IsA(node, ColumnRef)) {
        struct rg_slice text = {"", 0};
        ColumnRef *column = (ColumnRef *)node;
        RG_TRY(sql_check_column(site, column));
        RG_TRY(sql_note_dotted_column(work, column));
        if (list_length(column->fields) == 3) {
            RG_TRY(sql_note_column(work, linitial(column->fields), lsecond(column->fields), column->location));
            column->fields = list_copy_tail(column->fields, 1);
        }
        for (int i = 0; i < list_length(column->fields); i++) {
            struct rg_slice part = {0};
            if (!IsA(list_nth(column->fields, i), String)) {
                return sql_deny(site, "0A000", "function.argument", column->location,
                                "this argument is not supported here");
            }
            RG_TRY(sql_print_identifier(sql_string(list_nth(column->fields, i)), arena, &part));
            RG_TRY(rg_arena_printf(arena, &text, "%.*s%s%.*s", RG_SLICE_ARGS(text), i == 0 ? "" : ".",
                                   RG_SLICE_ARGS(part)));
        }
        *out_hole = (struct sql_hole){text, node};
        return RG_OK;
    }
    size_t token = 0;
    if (node == NULL || (!IsA(node, A_Const) && (!IsA(node, ParamRef) || sql_is_hyper(work)))) {
        return sql_deny(site, "0A000", "function.argument", node == NULL ? -1 : sql_node_location(node),
                        "the argument of this function must be a column or a constant");
    }
    if (IsA(node, ParamRef)) {
        work->parameter_max = Max(work->parameter_max, (size_t)((ParamRef *)node)->number);
    }
    RG_TRY(sql_site_token(site, sql_node_location(node), &token));
    bool is_signed = sql_token_is(&site->tokens, token, "-");
    size_t at = site->tokens.tokens[token].at;
    size_t end = site->tokens.tokens[token + (is_signed && token + 1 < site->tokens.count ? 1 : 0)].end;
    *out_hole = (struct sql_hole){rg_slice_cut(site->text, at, end - at), node};
    return RG_OK;
}

struct extent {
    size_t first, last;
};

/* An argument that a template has no place for disappears, whatever it is. */
static bool has_hole(const struct sql_template *template, unsigned hole)
{
    for (size_t i = 0; i < template->piece_count; i++) {
        if (template->pieces[i].hole == hole) {
            return true;
        }
    }
    return false;
}

static rg_status put_template(struct sql_work *work, const struct sql_template *template, const List *args,
                              struct extent extent, bool is_guard, Node **slot)
{
    if (is_guard && work->is_explained) { /* the plan would show the catalogue's size and physical names */
        return sql_deny(&work->site, "0A000", "statement.explain", -1,
                        "EXPLAIN of a call that asks the catalogue is not supported");
    }
    RG_TRY(sql_session_holes(work));
    struct sql_hole holes[SQL_HOLE_NAMED + POLICY_CATALOG_HOLES];
    memcpy(holes, work->holes, sizeof holes);
    for (int i = 0; i < list_length(args) && i + 1 < SQL_HOLE_NAMED; i++) {
        if (!sql_is_hyper(work) || has_hole(template, (unsigned)i + 1)) {
            RG_TRY(argument_hole(work, list_nth(args, i), &holes[i + 1]));
        }
    }
    struct rg_slice text = {0};
    struct rg_slice wrapped = {0};
    Node *tree = NULL;
    RG_TRY(sql_session_fill(work, template, holes, &text, &tree));
    /* a call stays bare: in FROM parentheses around it would be a syntax error */
    bool is_bare = IsA(tree, FuncCall);
    RG_TRY(rg_arena_printf(work->site.arena, &wrapped, "%s%.*s%s", is_bare ? "" : "(", RG_SLICE_ARGS(text),
                           is_bare ? "" : ")"));
    if (is_guard) {
        struct rg_slice shape = {0};
        RG_TRY(sql_guard_fill(work, template, &shape, &(Node *){NULL}));
        RG_TRY(sql_guard(work, shape));
    }
    *slot = tree;
    return sql_site_replace(&work->site, extent.first, extent.last, wrapped);
}

/* ---- calls ---- */

static bool is_plain(const FuncCall *call)
{
    return call->agg_order == NIL && call->agg_filter == NULL && call->over == NULL && !call->agg_within_group &&
           !call->agg_star && !call->agg_distinct && !call->func_variadic;
}

static rg_status call_extent(struct sql_work *work, const FuncCall *call, struct extent *out_extent)
{
    struct extent extent = {0};
    size_t name_last = 0;
    RG_TRY(sql_site_token(&work->site, call->location, &extent.first));
    RG_TRY(sql_site_name_end(&work->site, extent.first, (size_t)list_length(call->funcname), &name_last));
    if (!sql_token_is(&work->site.tokens, name_last + 1, "(") ||
        !sql_token_close(&work->site.tokens, name_last + 1, &extent.last)) {
        return sql_deny(&work->site, "0A000", "sql.place", call->location,
                        "this call is written in a way that is not supported");
    }
    *out_extent = extent;
    return RG_OK;
}

static rg_status replace_call(struct sql_work *work, Node **slot, const struct function_row *row,
                              enum function_rule rule)
{
    FuncCall *call = (FuncCall *)*slot;
    size_t count = (size_t)list_length(call->args);
    const struct sql_template *template = template_of(work, row, count);
    if (template == NULL || !is_plain(call)) {
        return deny_call(work, call);
    }
    struct extent extent = {0};
    RG_TRY(call_extent(work, call, &extent));
    return put_template(work, template, call->args, extent, rule == FUNCTION_GUARDED, slot);
}

static rg_status visit_arguments(struct sql_work *work, FuncCall *call, size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    RG_TRY(sql_walk_list(walk, call->args, depth + 1));
    RG_TRY(sql_walk_list(walk, call->agg_order, depth + 1));
    RG_TRY(sql_walk_slot(walk, &call->agg_filter, depth + 1));
    return sql_walk_slot(walk, (Node **)(void *)&call->over, depth + 1);
}

rg_status sql_visit_call(struct sql_work *work, Node **slot, size_t depth)
{
    FuncCall *call = (FuncCall *)*slot;
    const struct policy_set *set = work->site.set;
    struct rg_slice name = {0};
    bool is_done = false;
    RG_TRY(sql_visit_signature(work, call, depth, &is_done));
    if (is_done) {
        return RG_OK;
    }
    if (!sql_is_builtin_name(call->funcname, &name) || is_listed(set->function_deny, set->function_deny_count, name)) {
        return deny_call(work, call);
    }
    const struct function_row *row = NULL;
    enum function_rule rule = rule_find(work, name, &row);
    if (rule == FUNCTION_DENIED && is_listed(set->function_allow, set->function_allow_count, name)) {
        rule = FUNCTION_ALLOWED;
        work->may_change = true;
    }
    switch (rule) {
    case FUNCTION_DENIED:
        return deny_call(work, call);
    case FUNCTION_ALLOWED:
        RG_TRY(sql_qualify_call(&work->site, call));
        return visit_arguments(work, call, depth);
    case FUNCTION_GUARDED:
    case FUNCTION_CONSTANT:
        return replace_call(work, slot, row, rule);
    }
    return deny_call(work, call);
}

/* unnest(a, b) in FROM is syntax while it is unqualified: PostgreSQL makes a pg_catalog.unnest of each argument, on no
 * search path, and knows no function of that shape (transformRangeFunction in parse_clause.c). Columns: NIL. */
static bool is_unnest_of_many(const Node *node, const Node *columns)
{
    const FuncCall *call = (const FuncCall *)node;
    return node != NULL && IsA(node, FuncCall) && columns == NULL && list_length(call->funcname) == 1 &&
           rg_slice_is_equal(sql_last_name(call->funcname), RG_SLICE("unnest")) && list_length(call->args) > 1 &&
           is_plain(call);
}

static rg_status visit_range_call(struct sql_work *work, List *pair, size_t depth)
{
    const struct policy_set *set = work->site.set;
    if (list_length(pair) != 2 || !is_unnest_of_many(linitial(pair), lsecond(pair))) {
        return sql_walk_list(&work->site.walk, pair, depth);
    }
    FuncCall *call = linitial(pair);
    if (is_listed(set->function_deny, set->function_deny_count, RG_SLICE("unnest"))) {
        return deny_call(work, call);
    }
    return visit_arguments(work, call, depth + 1);
}

/* A call in FROM must stay a call: its name becomes the item's alias. */
rg_status sql_visit_range_function(struct sql_work *work, RangeFunction *item, size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    RG_TRY(sql_note_function(work, item));
    for (int i = 0; i < list_length(item->functions); i++) {
        RG_TRY(visit_range_call(work, list_nth_node(List, item->functions, i), depth + 2));
        const Node *call = linitial(list_nth_node(List, item->functions, i));
        if (call == NULL || !IsA(call, FuncCall)) {
            return sql_deny(&work->site, "0A000", "sql.from", -1, "this function is not supported in FROM");
        }
    }
    if (item->alias != NULL) {
        RG_TRY(sql_note_range(work, item->alias->aliasname, NULL));
    }
    return sql_walk_list(walk, item->coldeflist, depth + 1);
}

/* ---- keywords ---- */

rg_status sql_visit_value_function(struct sql_work *work, Node **slot)
{
    const SQLValueFunction *function = (const SQLValueFunction *)*slot;
    if (function->op < SVFOP_CURRENT_ROLE) {
        return RG_OK;
    }
    const struct sql_template *template = template_find(work, sql_column_name(*slot).data, 0);
    if (template == NULL) {
        return sql_deny(&work->site, "42501", "function.not_allowed", function->location,
                        "this session function is not available to you");
    }
    size_t token = 0;
    RG_TRY(sql_site_token(&work->site, function->location, &token));
    return put_template(work, template, NIL, (struct extent){token, token}, false, slot);
}

/* ---- casts to reg* ---- */

static bool is_reg_type(const TypeName *type)
{
    static const char *const names[] = {"regclass",  "regtype",       "regproc",      "regprocedure",
                                        "regoper",   "regoperator",   "regnamespace", "regrole",
                                        "regconfig", "regdictionary", "regcollation"};
    struct rg_slice name = {0};
    if (type == NULL || !sql_is_builtin_name(type->names, &name)) {
        return false;
    }
    for (size_t i = 0; i < lengthof(names); i++) {
        if (rg_slice_is_equal(name, rg_slice_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_cast_to(const Node *node, const char *type)
{
    struct rg_slice name = {0};
    return node != NULL && IsA(node, TypeCast) && ((const TypeCast *)node)->typeName->arrayBounds == NIL &&
           sql_is_builtin_name(((const TypeCast *)node)->typeName->names, &name) &&
           rg_slice_is_equal(name, rg_slice_of(type));
}

static rg_status start_of(struct sql_work *work, const Node *node, struct extent *out_extent);

static rg_status cast_extent(struct sql_work *work, const TypeCast *cast, struct extent *out_extent)
{
    struct sql_site *site = &work->site;
    struct extent extent = {0};
    size_t sign = 0;
    if (cast->location < 0) { /* regclass 'name' */
        RG_TRY(sql_site_token(site, cast->typeName->location, &extent.first));
        RG_TRY(sql_site_token(site, sql_node_location(cast->arg), &extent.last));
        *out_extent = extent;
        return RG_OK;
    }
    RG_TRY(sql_site_token(site, cast->location, &sign));
    if (sql_token_is(&site->tokens, sign, "cast")) {
        extent.first = sign;
        if (!sql_token_close(&site->tokens, sign + 1, &extent.last)) {
            return sql_deny(site, "0A000", "sql.place", cast->location, "this cast is not supported");
        }
    } else {
        size_t type = 0;
        RG_TRY(start_of(work, cast->arg, &extent));
        RG_TRY(sql_site_token(site, cast->typeName->location, &type));
        RG_TRY(sql_site_name_end(site, type, (size_t)list_length(cast->typeName->names), &extent.last));
    }
    *out_extent = extent;
    return RG_OK;
}

static rg_status start_of(struct sql_work *work, const Node *node, struct extent *out_extent)
{
    if (IsA(node, TypeCast)) {
        return cast_extent(work, (const TypeCast *)node, out_extent);
    }
    return sql_site_token(&work->site, sql_node_location(node), &out_extent->first);
}

/* SQLAlchemy 1.4: pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)::regclass */
static List *serial_sequence_arguments(const Node *node)
{
    if (!IsA(node, FuncCall) || !is_plain((const FuncCall *)node)) {
        return NIL;
    }
    const FuncCall *call = (const FuncCall *)node;
    struct rg_slice name = {0};
    if (!sql_is_builtin_name(call->funcname, &name) || !rg_slice_is_equal(name, RG_SLICE("pg_get_serial_sequence")) ||
        list_length(call->args) != 2 || !is_cast_to(linitial(call->args), "text")) {
        return NIL;
    }
    const TypeCast *text = linitial(call->args);
    if (!is_cast_to(text->arg, "regclass") || !IsA(((const TypeCast *)text->arg)->arg, ColumnRef)) {
        return NIL;
    }
    return list_make2(((const TypeCast *)text->arg)->arg, lsecond(call->args));
}

static rg_status visit_reg_cast(struct sql_work *work, Node **slot, TypeCast *reg, bool is_to_oid)
{
    struct sql_site *site = &work->site;
    struct rg_slice type = sql_last_name(reg->typeName->names);
    struct rg_slice name = {0};
    List *args = serial_sequence_arguments(reg->arg);
    bool is_string =
        IsA(reg->arg, A_Const) && !((A_Const *)reg->arg)->isnull && IsA(&((A_Const *)reg->arg)->val, String);
    if (args != NIL) {
        name = RG_SLICE("pg_get_serial_sequence(oid)");
    } else if (is_string) {
        RG_TRY(rg_arena_printf(site->arena, &name, "'name'::%.*s", RG_SLICE_ARGS(type)));
    } else if (IsA(reg->arg, ColumnRef) || IsA(reg->arg, ParamRef) || IsA(reg->arg, A_Const)) {
        RG_TRY(rg_arena_printf(site->arena, &name, "::%.*s%s", RG_SLICE_ARGS(type), is_to_oid ? "::oid" : ""));
    }
    args = args == NIL ? list_make1(reg->arg) : args;
    const struct sql_template *template = name.size > 0 && reg->typeName->arrayBounds == NIL
                                              ? template_find(work, name.data, (size_t)list_length(args))
                                              : NULL;
    if (template == NULL) {
        return sql_deny(site, "42501", "type.not_allowed", reg->typeName->location,
                        "this use of type \"%.*s\" is not available to you", rg_slice_shown(type), type.data);
    }
    struct extent extent = {0};
    RG_TRY(cast_extent(work, (const TypeCast *)*slot, &extent));
    return put_template(work, template, args, extent, true, slot);
}

rg_status sql_visit_cast(struct sql_work *work, Node **slot, size_t depth)
{
    TypeCast *cast = (TypeCast *)*slot;
    if (is_reg_type(cast->typeName)) {
        return visit_reg_cast(work, slot, cast, false);
    }
    if (is_cast_to(*slot, "oid") && IsA(cast->arg, TypeCast) && is_reg_type(((TypeCast *)cast->arg)->typeName) &&
        IsA(((TypeCast *)cast->arg)->arg, ColumnRef)) {
        return visit_reg_cast(work, slot, (TypeCast *)cast->arg, true);
    }
    return sql_walk_children(&work->site.walk, *slot, depth);
}
