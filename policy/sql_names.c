/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL calls an output column that has no AS: FigureColname of parse_target.c, restated for
 * raw trees. The rewriter asks before and after it changed an expression, and adds AS when they differ. */
#include "policy/sql_tree_private.h"

struct named {
    struct rg_slice name;
    int strength; /* 0 nothing, 1 a type's or keyword's name, 2 a column's or function's */
};

static struct named strong(struct rg_slice name)
{
    return (struct named){name, name.size > 0 ? 2 : 0};
}

/* Asked before anything has looked at the tree's depth. */
enum { NAME_DEPTH_MAX = 1000 };

static struct named name_of(const Node *node, size_t depth);

static struct named name_of_fields(const List *fields)
{
    for (int i = list_length(fields) - 1; i >= 0; i--) {
        struct rg_slice name = sql_string(list_nth(fields, i));
        if (name.size > 0) {
            return strong(name);
        }
    }
    return (struct named){0};
}

static struct named name_of_cast(const TypeCast *cast, size_t depth)
{
    struct named inner = name_of(cast->arg, depth);
    if (inner.strength <= 1 && cast->typeName != NULL) {
        struct rg_slice type = sql_last_name(cast->typeName->names);
        return type.size > 0 ? (struct named){type, 1} : inner;
    }
    return inner;
}

static struct named name_of_case(const CaseExpr *expr, size_t depth)
{
    struct named inner = name_of((const Node *)expr->defresult, depth);
    return inner.strength <= 1 ? (struct named){RG_SLICE("case"), 1} : inner;
}

static struct named name_of_sublink(const SubLink *link, size_t depth)
{
    if (link->subLinkType == EXISTS_SUBLINK) {
        return strong(RG_SLICE("exists"));
    }
    if (link->subLinkType == ARRAY_SUBLINK) {
        return strong(RG_SLICE("array"));
    }
    if (link->subLinkType == EXPR_SUBLINK && IsA(link->subselect, SelectStmt)) {
        const SelectStmt *select = (const SelectStmt *)link->subselect;
        const ResTarget *first = select->targetList == NIL ? NULL : linitial(select->targetList);
        if (first != NULL && IsA(first, ResTarget)) {
            return first->name != NULL ? strong(rg_slice_of(first->name)) : name_of(first->val, depth);
        }
    }
    return (struct named){0};
}

static struct named name_of_value_function(const SQLValueFunction *function)
{
    static const char *const names[] = {
        [SVFOP_CURRENT_DATE] = "current_date",
        [SVFOP_CURRENT_TIME] = "current_time",
        [SVFOP_CURRENT_TIME_N] = "current_time",
        [SVFOP_CURRENT_TIMESTAMP] = "current_timestamp",
        [SVFOP_CURRENT_TIMESTAMP_N] = "current_timestamp",
        [SVFOP_LOCALTIME] = "localtime",
        [SVFOP_LOCALTIME_N] = "localtime",
        [SVFOP_LOCALTIMESTAMP] = "localtimestamp",
        [SVFOP_LOCALTIMESTAMP_N] = "localtimestamp",
        [SVFOP_CURRENT_ROLE] = "current_role",
        [SVFOP_CURRENT_USER] = "current_user",
        [SVFOP_USER] = "user",
        [SVFOP_SESSION_USER] = "session_user",
        [SVFOP_CURRENT_CATALOG] = "current_catalog",
        [SVFOP_CURRENT_SCHEMA] = "current_schema",
    };
    return strong(rg_slice_of(names[function->op]));
}

static struct named name_of_indirection(const A_Indirection *node, size_t depth)
{
    struct named field = name_of_fields(node->indirection);
    return field.strength > 0 ? field : name_of(node->arg, depth);
}

static struct named name_of(const Node *node, size_t depth)
{
    if (node == NULL || ++depth > NAME_DEPTH_MAX) {
        return (struct named){0};
    }
    switch ((int)nodeTag(node)) {
    case T_ColumnRef:
        return name_of_fields(((const ColumnRef *)node)->fields);
    case T_A_Indirection:
        return name_of_indirection((const A_Indirection *)node, depth);
    case T_FuncCall:
        return strong(sql_last_name(((const FuncCall *)node)->funcname));
    case T_A_Expr:
        return ((const A_Expr *)node)->kind == AEXPR_NULLIF ? strong(RG_SLICE("nullif")) : (struct named){0};
    case T_TypeCast:
        return name_of_cast((const TypeCast *)node, depth);
    case T_CollateClause:
        return name_of(((const CollateClause *)node)->arg, depth);
    case T_GroupingFunc:
        return strong(RG_SLICE("grouping"));
    case T_SubLink:
        return name_of_sublink((const SubLink *)node, depth);
    case T_CaseExpr:
        return name_of_case((const CaseExpr *)node, depth);
    case T_A_ArrayExpr:
        return strong(RG_SLICE("array"));
    case T_RowExpr:
        return strong(RG_SLICE("row"));
    case T_CoalesceExpr:
        return strong(RG_SLICE("coalesce"));
    case T_MinMaxExpr:
        return strong(((const MinMaxExpr *)node)->op == IS_GREATEST ? RG_SLICE("greatest") : RG_SLICE("least"));
    case T_XmlSerialize:
        return strong(RG_SLICE("xmlserialize"));
    case T_SQLValueFunction:
        return name_of_value_function((const SQLValueFunction *)node);
    default: /* as PostgreSQL: any other expression has no name */
        return (struct named){0};
    }
}

struct rg_slice sql_column_name(const Node *node)
{
    struct named found = name_of(node, 0);
    return found.strength > 0 ? found.name : RG_SLICE("?column?");
}
