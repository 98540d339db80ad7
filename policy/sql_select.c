/* SPDX-License-Identifier: Apache-2.0 */
/* The statement's walk: which handler looks at which node, the scopes of WITH as parse analysis keeps them
 * (parse_cte.c), and output columns that keep their names. */
#include "policy/sql_fence_private.h"

#include "policy/hyper.h"

/* ---- WITH ---- */

static void scope_push(struct sql_work *work, const char *name)
{
    struct sql_scope *scope = palloc(sizeof *scope);
    *scope = (struct sql_scope){work->scope, name};
    work->scope = scope;
}

/* Not recursive: an item sees the ones before it, not itself. Recursive: all see all (parse analysis sorts them). */
rg_status sql_visit_with(struct sql_work *work, WithClause *with, size_t depth)
{
    if (with == NULL) {
        return RG_OK;
    }
    work->item_count += (size_t)list_length(with->ctes);
    if (work->item_count > SQL_ITEMS_MAX) {
        return sql_deny(&work->site, "54001", "sql.complexity", with->location, "too many WITH items");
    }
    if (sql_is_hyper(work)) {
        RG_TRY(sql_hyper_check_with(work, with));
    }
    for (int i = 0; with->recursive && i < list_length(with->ctes); i++) {
        scope_push(work, list_nth_node(CommonTableExpr, with->ctes, i)->ctename);
    }
    for (int i = 0; i < list_length(with->ctes); i++) {
        CommonTableExpr *cte = list_nth_node(CommonTableExpr, with->ctes, i);
        RG_TRY(sql_walk_children(&work->site.walk, (Node *)cte, depth + 2));
        if (!with->recursive) {
            scope_push(work, cte->ctename);
        }
    }
    return RG_OK;
}

static rg_status bind_limits(struct sql_work *work, SelectStmt *select)
{
    RG_TRY(sql_hyper_bind_limit(work, &select->limitCount));
    return sql_hyper_bind_limit(work, &select->limitOffset);
}

rg_status sql_visit_select(struct sql_work *work, SelectStmt *select, size_t depth)
{
    struct sql_walk *walk = &work->site.walk;
    struct sql_scope *outer = work->scope;
    RG_TRY(sql_visit_with(work, select->withClause, depth));
    WithClause *with = select->withClause;
    List *targets = select->targetList;
    struct sql_fence_level level;
    RG_TRY(sql_fence_level_push(work, select, &level));
    select->withClause = NULL;
    select->targetList = NIL;
    rg_status status = RG_OK;
    if (sql_is_hyper(work)) {
        status = bind_limits(work, select);
    }
    if (rg_is_ok(status)) {
        status = sql_walk_children(walk, (Node *)select, depth);
    }
    work->level = level.outer;
    select->withClause = with;
    select->targetList = targets;
    RG_TRY(status);
    RG_TRY(sql_visit_targets(work, targets, depth));
    work->scope = outer;
    return RG_OK;
}

/* ---- output columns ---- */

/* All of them reserved words: none can be a part of an expression outside of parentheses, but for
 * IS DISTINCT FROM and WITHIN GROUP. */
static bool ends_targets(const struct sql_tokens *tokens, size_t at)
{
    static const char *const words[] = {"from",      "into",   "where", "group", "having",    "window", "union",
                                        "intersect", "except", "order", "limit", "offset",    "fetch",  "for",
                                        ",",         ")",      ";",     "]",     "returning", "on"};
    for (size_t i = 0; i < lengthof(words); i++) {
        if (sql_token_is(tokens, at, words[i])) {
            bool is_inner = at > 0 && ((strcmp(words[i], "from") == 0 && sql_token_is(tokens, at - 1, "distinct")) ||
                                       (strcmp(words[i], "group") == 0 && sql_token_is(tokens, at - 1, "within")));
            return !is_inner;
        }
    }
    return at >= tokens->count;
}

static rg_status put_name(struct sql_work *work, ResTarget *target, struct rg_slice name)
{
    struct sql_site *site = &work->site;
    struct rg_slice printed = {0};
    struct rg_slice text = {0};
    size_t token = 0;
    RG_TRY(sql_site_token(site, target->location, &token));
    size_t last = token;
    for (size_t i = token; !ends_targets(&site->tokens, i); i++) {
        if ((sql_token_is(&site->tokens, i, "(") || sql_token_is(&site->tokens, i, "[")) &&
            !sql_token_close(&site->tokens, i, &i) && i >= site->tokens.count) {
            return sql_deny(site, "0A000", "sql.place", target->location, "an output column has no end");
        }
        last = i;
    }
    RG_TRY(sql_print_identifier(name, site->arena, &printed));
    RG_TRY(rg_arena_printf(site->arena, &text, " AS %.*s", RG_SLICE_ARGS(printed)));
    target->name = sql_cstring(name);
    return sql_site_insert(site, site->tokens.tokens[last].end, text);
}

rg_status sql_visit_targets(struct sql_work *work, List *targets, size_t depth)
{
    for (int i = 0; i < list_length(targets); i++) {
        ResTarget *target = list_nth_node(ResTarget, targets, i);
        struct rg_slice before = sql_column_name(target->val);
        RG_TRY(sql_walk_slot(&work->site.walk, (Node **)&list_nth_cell(targets, i)->ptr_value, depth + 2));
        if (target->name == NULL && !rg_slice_is_equal(before, sql_column_name(target->val))) {
            RG_TRY(put_name(work, target, before));
        }
    }
    return RG_OK;
}

/* ---- nodes ---- */

rg_status sql_visit_column(struct sql_work *work, ColumnRef *column)
{
    struct sql_site *site = &work->site;
    RG_TRY(sql_check_column(site, column));
    RG_TRY(sql_note_dotted_column(work, column));
    if (list_length(column->fields) < 3) {
        return RG_OK;
    }
    /* schema.table.column: the relation is known by its bare name now. */
    size_t token = 0;
    size_t last = 0;
    RG_TRY(sql_site_token(site, column->location, &token));
    RG_TRY(sql_site_name_end(site, token, 1, &last));
    RG_TRY(sql_note_column(work, linitial(column->fields), lsecond(column->fields), column->location));
    column->fields = list_copy_tail(column->fields, 1);
    return sql_site_replace(site, token, last + 1, RG_SLICE(""));
}

static rg_status visit_parameter(struct sql_work *work, const ParamRef *parameter)
{
    if (parameter->number < 1 || parameter->number > 65535) { /* libpg_query takes a bare ? for one */
        return sql_deny(&work->site, "42601", "sql.parameter", parameter->location, "there is no such parameter");
    }
    work->parameter_max = Max(work->parameter_max, (size_t)parameter->number);
    return RG_OK;
}

/* (expression).name may call a function of that name. */
static rg_status visit_indirection(struct sql_work *work, const A_Indirection *node)
{
    for (int i = 0; i < list_length(node->indirection); i++) {
        if (IsA(list_nth(node->indirection, i), String)) {
            return sql_deny(&work->site, "0A000", "sql.field", sql_node_location(node->arg),
                            "selecting a field of an expression is not supported");
        }
    }
    return RG_OK;
}

static rg_status visit_index_element(struct sql_work *work, const IndexElem *element)
{
    if (element->collation != NIL || element->opclass != NIL || element->opclassopts != NIL) {
        return sql_deny(&work->site, "0A000", "sql.node", -1, "operator classes are not supported");
    }
    return RG_OK;
}

static rg_status on_select(struct sql_work *work, Node **slot, size_t depth)
{
    return sql_visit_select(work, (SelectStmt *)*slot, depth);
}

static rg_status on_write(struct sql_work *work, Node **slot, size_t depth)
{
    return sql_visit_write(work, *slot, depth);
}

static rg_status on_range_function(struct sql_work *work, Node **slot, size_t depth)
{
    return sql_visit_range_function(work, (RangeFunction *)*slot, depth);
}

static rg_status on_type(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    TypeName *type = (TypeName *)*slot;
    struct rg_slice name = sql_last_name(type->names);
    if (sql_is_hyper(work) && !hyper_type_is_allowed(name)) {
        return sql_deny(&work->site, "42501", "type.not_allowed", type->location,
                        "type \"%.*s\" is not available to you", rg_slice_shown(name), name.data);
    }
    return sql_visit_type(&work->site, type);
}

static rg_status on_value_function(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    return sql_visit_value_function(work, slot);
}

static rg_status on_column(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    return sql_visit_column(work, (ColumnRef *)*slot);
}

static rg_status on_parameter(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    RG_TRY(visit_parameter(work, (const ParamRef *)*slot));
    return sql_is_hyper(work) ? sql_hyper_bind(work, slot) : RG_OK;
}

static rg_status on_alias(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    return sql_note_range(work, ((const Alias *)*slot)->aliasname, NULL);
}

static rg_status on_operator(struct sql_work *work, Node **slot, size_t depth)
{
    const A_Expr *expr = (const A_Expr *)*slot;
    (void)depth;
    RG_TRY(sql_visit_marker(work, expr));
    return sql_visit_operator(&work->site, expr->name, expr->location);
}

static rg_status on_query(struct sql_work *work, Node **slot, size_t depth)
{
    const SubLink *link = (const SubLink *)*slot;
    (void)depth;
    return sql_visit_operator(&work->site, link->operName, link->location);
}

static rg_status on_sort(struct sql_work *work, Node **slot, size_t depth)
{
    const SortBy *sort = (const SortBy *)*slot;
    (void)depth;
    return sql_visit_operator(&work->site, sort->useOp, sort->location);
}

static rg_status on_collation(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    return sql_visit_collation(&work->site, (CollateClause *)*slot);
}

static rg_status on_indirection(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    return visit_indirection(work, (const A_Indirection *)*slot);
}

static rg_status on_index_element(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    return visit_index_element(work, (const IndexElem *)*slot);
}

/* Statements that can stand only at the top. */
static rg_status on_stranger(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    return sql_deny_node(&work->site.walk, *slot);
}

struct handler {
    rg_status (*visit)(struct sql_work *work, Node **slot, size_t depth);
    bool is_whole; /* deals with the children itself */
};

/* A node type without a row is only walked through, if sql_nodes.def has it. */
static const struct handler handlers[] = {
    [T_SelectStmt] = {on_select, true},
    [T_InsertStmt] = {on_write, true},
    [T_UpdateStmt] = {on_write, true},
    [T_DeleteStmt] = {on_write, true},
    [T_MergeStmt] = {on_write, true},
    [T_MergeWhenClause] = {on_stranger, true}, /* both are visited by their statements */
    [T_MultiAssignRef] = {on_stranger, true},
    [T_RangeVar] = {sql_visit_range, true},
    [T_RangeTableSample] = {sql_visit_sample, true},
    [T_RangeFunction] = {on_range_function, true},
    [T_FuncCall] = {sql_visit_call, true},
    [T_TypeCast] = {sql_visit_cast, true},
    [T_TypeName] = {on_type, true},
    [T_SQLValueFunction] = {on_value_function, true},
    [T_ColumnRef] = {on_column, true},
    [T_ParamRef] = {on_parameter, true},
    [T_Alias] = {on_alias, false},
    [T_A_Expr] = {on_operator, false},
    [T_SubLink] = {on_query, false},
    [T_SortBy] = {on_sort, false},
    [T_CollateClause] = {on_collation, false},
    [T_A_Indirection] = {on_indirection, false},
    [T_IndexElem] = {on_index_element, false},
    [T_ExplainStmt] = {on_stranger, true},
    [T_CopyStmt] = {on_stranger, true},
    [T_PrepareStmt] = {on_stranger, true},
    [T_ExecuteStmt] = {on_stranger, true},
    [T_DeclareCursorStmt] = {on_stranger, true},
    [T_VariableSetStmt] = {on_stranger, true},
    [T_TransactionStmt] = {on_stranger, true},
    [T_DefElem] = {on_stranger, true},
};

static rg_status statement_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    size_t tag = (size_t)nodeTag(*slot);
    if (tag >= lengthof(handlers) || handlers[tag].visit == NULL) {
        return RG_OK;
    }
    *out_is_done = handlers[tag].is_whole;
    return handlers[tag].visit((struct sql_work *)(void *)walk, slot, depth);
}

void sql_work_init(struct sql_work *work, const struct policy_binding *binding, const struct policy_session *session,
                   const struct sql_tokens *tokens, struct rg_arena *arena)
{
    *work = (struct sql_work){
        .site = {.walk = {statement_visit, sql_deny_node, sql_deny_depth},
                 .arena = arena,
                 .set = binding->set,
                 .text = tokens->text,
                 .tokens = *tokens},
        .binding = binding,
        .session = session,
    };
}

rg_status sql_rewrite(struct sql_work *work, Node **slot)
{
    RG_TRY(sql_lineage_check(work, *slot));
    RG_TRY(sql_fence_names_collect(work, *slot));
    return sql_walk_slot(&work->site.walk, slot, 0);
}
