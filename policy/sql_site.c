/* SPDX-License-Identifier: Apache-2.0 */
/* A text under rewriting: refusals with their place, tokens, edits, and the rules for names that hold in
 * statements and in predicates alike. */
#include "policy/sql_rewrite_private.h"

#include "policy/types.h"

#include <stdarg.h>
#include <stdio.h>
#undef vsnprintf

rg_status sql_deny(struct sql_site *site, const char *sqlstate, const char *rule, int location, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct rg_slice message = {0};
    RG_TRY(rg_arena_copy(site->arena, rg_slice_of(text), &message));
    site->denial = (struct sql_denial){true, sqlstate, rule, message, {0}, location};
    return rg_fail(RG_DENIED, "%s (rule %s)", text, rule);
}

rg_status sql_deny_node(struct sql_walk *walk, const Node *node)
{
    struct sql_site *site = (struct sql_site *)(void *)walk;
    if (IsA(node, LockingClause)) {
        return sql_deny(site, "0A000", "statement.lock", -1, "row locks (FOR UPDATE, FOR SHARE) are not supported");
    }
    if (IsA(node, IntoClause)) {
        return sql_deny(site, "42501", "statement.ddl", -1, "SELECT INTO is not available to you");
    }
    return sql_deny(site, "0A000", "sql.node", sql_node_location(node), "node %s is not supported by rule sql.node",
                    sql_node_name(node));
}

rg_status sql_deny_depth(struct sql_walk *walk, const Node *node)
{
    (void)node;
    return sql_deny((struct sql_site *)(void *)walk, "54001", "sql.depth", -1,
                    "the statement is nested deeper than %d levels", (int)POLICY_DEPTH_MAX);
}

int sql_node_location(const Node *node)
{
    switch ((int)nodeTag(node)) {
    case T_ColumnRef:
        return ((const ColumnRef *)node)->location;
    case T_FuncCall:
        return ((const FuncCall *)node)->location;
    case T_RangeVar:
        return ((const RangeVar *)node)->location;
    case T_A_Const:
        return ((const A_Const *)node)->location;
    case T_ParamRef:
        return ((const ParamRef *)node)->location;
    case T_XmlExpr:
        return ((const XmlExpr *)node)->location;
    case T_XmlSerialize:
        return ((const XmlSerialize *)node)->location;
    case T_RangeTableFunc:
        return ((const RangeTableFunc *)node)->location;
    case T_SubLink:
        return ((const SubLink *)node)->location;
    default: /* no place is told, which is allowed */
        return -1;
    }
}

rg_status sql_site_token(struct sql_site *site, int location, size_t *out_token)
{
    if (location < 0 || !sql_token_find(&site->tokens, (size_t)location, out_token)) {
        return sql_deny(site, "0A000", "sql.place", -1, "a part of the statement has no place in its text");
    }
    return RG_OK;
}

/* U&"..." may be followed by UESCAPE 'x', which belongs to it. */
static size_t name_part_end(const struct sql_tokens *tokens, size_t token)
{
    struct rg_slice text = sql_token_text(tokens, token);
    bool is_unicode = text.size > 1 && (text.data[0] == 'U' || text.data[0] == 'u') && text.data[1] == '&';
    return is_unicode && sql_token_is(tokens, token + 1, "uescape") ? token + 2 : token;
}

rg_status sql_site_name_end(struct sql_site *site, size_t token, size_t parts, size_t *out_last)
{
    size_t last = name_part_end(&site->tokens, token);
    for (size_t i = 1; i < parts; i++) {
        if (!sql_token_is(&site->tokens, last + 1, ".")) {
            return sql_deny(site, "0A000", "sql.name", (int)site->tokens.tokens[token].at,
                            "this spelling of a name is not supported");
        }
        last = name_part_end(&site->tokens, last + 2);
    }
    if (last >= site->tokens.count) {
        return sql_deny(site, "0A000", "sql.name", -1, "this spelling of a name is not supported");
    }
    *out_last = last;
    return RG_OK;
}

rg_status sql_site_insert(struct sql_site *site, size_t at, struct rg_slice text)
{
    return sql_edit_add(&site->edits, site->arena, at, 0, text);
}

rg_status sql_site_replace(struct sql_site *site, size_t first_token, size_t last_token, struct rg_slice text)
{
    size_t at = site->tokens.tokens[first_token].at;
    size_t end = site->tokens.tokens[last_token].end;
    return sql_edit_add(&site->edits, site->arena, at, end - at, text);
}

static rg_status qualify(struct sql_site *site, int location)
{
    size_t token = 0;
    RG_TRY(sql_site_token(site, location, &token));
    return sql_site_insert(site, (size_t)location, RG_SLICE("pg_catalog."));
}

rg_status sql_visit_type(struct sql_site *site, TypeName *type)
{
    struct rg_slice name = {0};
    if (type->setof || type->pct_type || !sql_is_builtin_name(type->names, &name) || !type_is_allowed(name)) {
        struct rg_slice shown = sql_last_name(type->names);
        return sql_deny(site, "42501", "type.not_allowed", type->location, "type \"%.*s\" is not available to you",
                        rg_slice_shown(shown), shown.data);
    }
    for (int i = 0; i < list_length(type->typmods); i++) {
        if (!IsA(list_nth(type->typmods, i), A_Const)) {
            return sql_deny(site, "0A000", "type.modifier", type->location, "a type modifier must be a constant");
        }
    }
    if (list_length(type->names) == 1) {
        RG_TRY(qualify(site, type->location));
        type->names = sql_builtin_name(name);
    }
    return RG_OK;
}

rg_status sql_visit_collation(struct sql_site *site, CollateClause *clause)
{
    static const char *const allowed[] = {"default", "C", "POSIX", "ucs_basic"};
    struct rg_slice name = {0};
    bool is_allowed = false;
    if (sql_is_builtin_name(clause->collname, &name)) {
        for (size_t i = 0; i < lengthof(allowed); i++) {
            is_allowed = is_allowed || rg_slice_is_equal(name, rg_slice_of(allowed[i]));
        }
    }
    if (!is_allowed) {
        return sql_deny(site, "42501", "collation.not_allowed", clause->location,
                        "this collation is not available to you");
    }
    if (list_length(clause->collname) == 1) {
        size_t token = 0;
        RG_TRY(sql_site_token(site, clause->location, &token));
        if (token + 1 >= site->tokens.count) {
            return sql_deny(site, "0A000", "sql.place", clause->location, "COLLATE without a name");
        }
        RG_TRY(qualify(site, (int)site->tokens.tokens[token + 1].at));
        clause->collname = sql_builtin_name(name);
    }
    return RG_OK;
}

/* Operators are pg_catalog's own: the upstream session's search_path holds nothing else (DESIGN.md 4). */
rg_status sql_visit_operator(struct sql_site *site, const List *name, int location)
{
    struct rg_slice operator_name = {0};
    if (name != NIL && !sql_is_builtin_name(name, &operator_name)) {
        return sql_deny(site, "42501", "operator.not_allowed", location, "this operator is not available to you");
    }
    return RG_OK;
}

static bool is_system_column(struct rg_slice name)
{
    static const char *const names[] = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};
    for (size_t i = 0; i < lengthof(names); i++) {
        if (rg_slice_is_equal(name, rg_slice_of(names[i]))) {
            return true;
        }
    }
    return false;
}

bool sql_is_later_keyword(struct rg_slice name)
{
    return rg_slice_is_equal(name, RG_SLICE("system_user"));
}

rg_status sql_check_written(struct sql_site *site, const char *name, int location)
{
    struct rg_slice text = rg_slice_of(name == NULL ? "" : name);
    if (text.size == 0 || is_system_column(text)) {
        return sql_deny(site, "42501", "column.system", location, "system column \"%.*s\" is not available to you",
                        rg_slice_shown(text), text.data);
    }
    return RG_OK;
}

rg_status sql_check_column(struct sql_site *site, const ColumnRef *column)
{
    struct rg_slice last = sql_last_name(column->fields);
    if (list_length(column->fields) == 1 && sql_is_later_keyword(last)) {
        return sql_deny(site, "42501", "function.not_allowed", column->location, "\"%.*s\" is not available to you",
                        rg_slice_shown(last), last.data);
    }
    if (is_system_column(last)) {
        return sql_deny(site, "42501", "column.system", column->location,
                        "system column \"%.*s\" is not available to you", rg_slice_shown(last), last.data);
    }
    if (list_length(column->fields) > 3) {
        return sql_deny(site, "0A000", "sql.name", column->location, "names with a database are not supported");
    }
    return RG_OK;
}

rg_status sql_qualify_call(struct sql_site *site, FuncCall *call)
{
    if (list_length(call->funcname) == 1) {
        struct rg_slice name = sql_last_name(call->funcname);
        RG_TRY(qualify(site, call->location));
        call->funcname = sql_builtin_name(name);
    }
    return RG_OK;
}
