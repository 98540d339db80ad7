/* SPDX-License-Identifier: Apache-2.0 */
/* Constants that a conjunct inside the fence may repeat: their text, their node, and the type that PostgreSQL gives
 * them (parse analysis: make_const, transformTypeCast). What is not surely known is no constant here. */
#include "policy/sql_fence_private.h"

#include "policy/types.h"

static rg_status read_number(struct sql_work *work, struct rg_slice digits, struct sql_fence_constant *out)
{
    out->text = digits;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(digits.data, &end, 10);
    if (errno != 0 || end == digits.data || *end != '\0') {
        out->type = RG_SLICE("numeric");
    } else {
        out->type = value >= INT32_MIN && value <= INT32_MAX ? RG_SLICE("int4") : RG_SLICE("int8");
    }
    (void)work;
    return RG_OK;
}

static rg_status read_literal(struct sql_work *work, const A_Const *literal, struct sql_fence_constant *out,
                              bool *out_is_constant)
{
    struct rg_arena *arena = work->site.arena;
    if (literal->isnull) {
        return RG_OK;
    }
    *out_is_constant = true;
    switch ((int)nodeTag(&literal->val)) {
    case T_Integer:
        out->type = RG_SLICE("int4");
        return rg_arena_printf(arena, &out->text, "%d", literal->val.ival.ival);
    case T_Float:
        return read_number(work, rg_slice_of(literal->val.fval.fval), out);
    case T_String:
        out->type = (struct rg_slice){"", 0};
        return sql_print_string(rg_slice_of(literal->val.sval.sval), arena, &out->text);
    case T_Boolean:
        out->type = RG_SLICE("bool");
        out->text = literal->val.boolval.boolval ? RG_SLICE("true") : RG_SLICE("false");
        return RG_OK;
    default: /* bit strings */
        *out_is_constant = false;
        return RG_OK;
    }
}

/* Its type is that of the Parse message. An unspecified one gets its type where it is met first, which would be inside
 * the fence; only where it is met nowhere else than in this conjunct can that be no other than before. */
static rg_status read_parameter(struct sql_work *work, const ParamRef *parameter, struct sql_fence_constant *out,
                                bool *out_is_constant)
{
    const struct policy_session *session = work->session;
    size_t index = (size_t)parameter->number - 1;
    if (parameter->number < 1) {
        return RG_OK;
    }
    uint32_t oid = index < session->parameter_type_count ? session->parameter_types[index] : 0;
    if (type_oid_is_unspecified(oid)) {
        if (sql_fence_names_parameter(work->used_names, parameter->number) != 1) {
            return RG_OK;
        }
        out->type = (struct rg_slice){"", 0};
    } else {
        out->type = rg_slice_of(type_oid_name(oid));
        if (out->type.size == 0) {
            return RG_OK;
        }
    }
    *out_is_constant = true;
    return rg_arena_printf(work->site.arena, &out->text, "$%d", parameter->number);
}

/* A cast of a parameter gives it the cast's type, if it has none, and must not change it, if it has one: that would be
 * done when the rows are read. */
static rg_status read_cast(struct sql_work *work, const TypeCast *cast, struct sql_fence_constant *out,
                           bool *out_is_constant)
{
    const TypeName *type = cast->typeName;
    struct rg_slice name = {0};
    struct rg_slice printed = {0};
    struct sql_fence_constant inner = {0};
    bool is_inner = false;
    if (type->setof || type->pct_type || type->arrayBounds != NIL || type->typmods != NIL ||
        !sql_is_builtin_name(type->names, &name) || !type_is_allowed(name) || name.data[0] == '_') {
        return RG_OK;
    }
    if (IsA(cast->arg, A_Const)) {
        RG_TRY(read_literal(work, (const A_Const *)cast->arg, &inner, &is_inner));
    } else if (IsA(cast->arg, ParamRef)) {
        RG_TRY(read_parameter(work, (const ParamRef *)cast->arg, &inner, &is_inner));
        is_inner = is_inner && (inner.type.size == 0 || rg_slice_is_equal(inner.type, name));
    }
    if (!is_inner) {
        return RG_OK;
    }
    TypeCast *copy = copyObjectImpl(cast);
    copy->typeName->names = sql_builtin_name(name);
    out->node = (Node *)copy;
    out->type = name;
    *out_is_constant = true;
    bool is_negative = inner.text.data[0] == '-';
    RG_TRY(sql_print_identifier(name, work->site.arena, &printed));
    return rg_arena_printf(work->site.arena, &out->text, "%s%.*s%s::pg_catalog.%.*s", is_negative ? "(" : "",
                           RG_SLICE_ARGS(inner.text), is_negative ? ")" : "", RG_SLICE_ARGS(printed));
}

/* to_timestamp('...', '...') and to_date: what Superset writes for the ends of a range. */
static rg_status read_call(struct sql_work *work, const FuncCall *call, struct sql_fence_constant *out,
                           bool *out_is_constant)
{
    struct rg_slice name = {0};
    struct sql_fence_constant arguments[2] = {{{0}, {0}, NULL}};
    if (!sql_is_builtin_name(call->funcname, &name) || list_length(call->args) != 2 || call->agg_order != NIL ||
        call->agg_filter != NULL || call->over != NULL || call->agg_within_group || call->agg_star ||
        call->agg_distinct || call->func_variadic || !policy_set_calls(work->site.set, name)) {
        return RG_OK;
    }
    bool is_date = rg_slice_is_equal(name, RG_SLICE("to_date"));
    if (!is_date && !rg_slice_is_equal(name, RG_SLICE("to_timestamp"))) {
        return RG_OK;
    }
    for (int i = 0; i < 2; i++) {
        const Node *argument = list_nth(call->args, i);
        bool is_literal = false;
        if (IsA(argument, A_Const)) {
            RG_TRY(read_literal(work, (const A_Const *)(const void *)argument, &arguments[i], &is_literal));
        }
        if (!is_literal || arguments[i].type.size > 0) {
            return RG_OK;
        }
    }
    FuncCall *copy = copyObjectImpl(call);
    copy->funcname = sql_builtin_name(name);
    out->node = (Node *)copy;
    out->type = is_date ? RG_SLICE("date") : RG_SLICE("timestamptz");
    *out_is_constant = true;
    return rg_arena_printf(work->site.arena, &out->text, "pg_catalog.%.*s(%.*s, %.*s)", RG_SLICE_ARGS(name),
                           RG_SLICE_ARGS(arguments[0].text), RG_SLICE_ARGS(arguments[1].text));
}

rg_status sql_fence_constant_read(struct sql_work *work, const Node *node, struct sql_fence_constant *out_constant,
                                  bool *out_is_constant)
{
    struct sql_fence_constant constant = {0};
    bool is_constant = false;
    if (node == NULL) {
        return RG_OK;
    }
    if (IsA(node, A_Const)) {
        RG_TRY(read_literal(work, (const A_Const *)(const void *)node, &constant, &is_constant));
    } else if (IsA(node, ParamRef)) {
        RG_TRY(read_parameter(work, (const ParamRef *)(const void *)node, &constant, &is_constant));
    } else if (IsA(node, TypeCast)) {
        RG_TRY(read_cast(work, (const TypeCast *)(const void *)node, &constant, &is_constant));
    } else if (IsA(node, FuncCall)) {
        RG_TRY(read_call(work, (const FuncCall *)(const void *)node, &constant, &is_constant));
    }
    if (is_constant) {
        constant.node = constant.node == NULL ? copyObjectImpl(node) : constant.node;
        *out_constant = constant;
        *out_is_constant = true;
    }
    return RG_OK;
}
