/* SPDX-License-Identifier: Apache-2.0 */
/* The text of `using`: compiled once when the policies load, with every name qualified, and bound to an identity's
 * claims as typed constants. What is bound is parsed again and must equal the tree that was built. */
#include "policy/sql_rewrite_private.h"

#include "policy/functions.h"

#include <stdio.h>

void *sql_context_new(void)
{
    /* libpg_query prepares each thread at its first use; without that a syntax error would end the process. */
    MemoryContext before = CurrentMemoryContext;
    sql_leave(sql_enter());
    if (before != NULL) {
        (void)MemoryContextSwitchTo(before);
    }
    return AllocSetContextCreateInternal(NULL, "policy", ALLOCSET_DEFAULT_SIZES);
}

void sql_context_free(void **context)
{
    if (*context != NULL) {
        MemoryContextDelete(*context);
        *context = NULL;
    }
}

/* What the sub-selects of a predicate have in FROM. */
struct predicate_alias {
    struct predicate_alias *next;
    struct rg_slice name;
};

struct predicate {
    struct sql_site site; /* first */
    bool allow_subselect;
    bool allow_columns;
    size_t query_depth;
    struct predicate_alias *aliases;
};

/* A qualifier that the predicate itself does not define would be looked up around the fence: in the client's FROM. */
static bool is_alias(const struct predicate *predicate, struct rg_slice name)
{
    for (const struct predicate_alias *alias = predicate->aliases; alias != NULL; alias = alias->next) {
        if (rg_slice_is_equal(alias->name, name)) {
            return true;
        }
    }
    return rg_slice_is_equal(name, RG_SLICE("rg_r"));
}

static rg_status predicate_column(struct predicate *predicate, ColumnRef *column)
{
    RG_TRY(sql_check_column(&predicate->site, column));
    if (!predicate->allow_columns) {
        return sql_deny(&predicate->site, "0A000", "mask.unless", column->location,
                        "\"unless\" looks at claims alone, not at columns");
    }
    struct rg_slice name = sql_last_name(column->fields);
    int parts = list_length(column->fields);
    if (predicate->query_depth > 0 && parts == 2 && name.size > 0) {
        return is_alias(predicate, sql_string(linitial(column->fields)))
                   ? RG_OK
                   : sql_deny(&predicate->site, "0A000", "predicate.column", column->location,
                              "no relation of this sub-select has that name");
    }
    if (predicate->query_depth > 0 || parts != 1 || name.size == 0) {
        return sql_deny(&predicate->site, "0A000", "predicate.column", column->location,
                        predicate->query_depth > 0 ? "inside a sub-select a column is written alias.column"
                                                   : "a column is written as its bare name");
    }
    RG_TRY(sql_site_insert(&predicate->site, (size_t)column->location, RG_SLICE("rg_r.")));
    column->fields = list_make2(makeString(sql_cstring(RG_SLICE("rg_r"))), makeString(sql_cstring(name)));
    return RG_OK;
}

static bool is_aggregate(struct rg_slice name)
{
    static const char *const names[] = {
        "count",     "sum",        "avg",         "min",        "max",     "every",     "bool_and", "bool_or",
        "array_agg", "json_agg",   "jsonb_agg",   "string_agg", "bit_and", "bit_or",    "rank",     "lag",
        "lead",      "row_number", "first_value", "last_value", "ntile",   "dense_rank"};
    for (size_t i = 0; i < lengthof(names); i++) {
        if (rg_slice_is_equal(name, rg_slice_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static rg_status predicate_call(struct predicate *predicate, FuncCall *call)
{
    struct sql_site *site = &predicate->site;
    struct rg_slice name = {0};
    const struct function_row *row = NULL;
    if (!sql_is_builtin_name(call->funcname, &name) ||
        (function_find(name, &row) != FUNCTION_ALLOWED && !policy_set_calls(site->set, name))) {
        return sql_deny(site, "42501", "predicate.function", call->location,
                        "this function is not allowed in a predicate");
    }
    if (call->agg_order != NIL || call->agg_filter != NULL || call->over != NULL || call->agg_star ||
        call->agg_distinct || call->agg_within_group || is_aggregate(name)) {
        return sql_deny(site, "0A000", "predicate.aggregate", call->location,
                        "aggregate and window functions are not allowed in a predicate");
    }
    return sql_qualify_call(site, call);
}

struct alias_walk {
    struct sql_walk walk; /* first */
    struct predicate *predicate;
};

static rg_status alias_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    (void)depth, (void)out_is_done;
    struct predicate *predicate = ((struct alias_walk *)(void *)walk)->predicate;
    const void *node = *slot;
    const char *name = NULL;
    if (IsA(node, Alias)) {
        name = ((const Alias *)node)->aliasname;
    } else if (IsA(node, RangeVar) && ((const RangeVar *)node)->alias == NULL) {
        name = ((const RangeVar *)node)->relname;
    }
    if (name == NULL) {
        return RG_OK;
    }
    struct predicate_alias *alias = NULL;
    RG_TRY(rg_arena_new(predicate->site.arena, &alias));
    *alias = (struct predicate_alias){predicate->aliases, rg_slice_of(name)};
    predicate->aliases = alias;
    return RG_OK;
}

static rg_status alias_refuse(struct sql_walk *walk, const Node *node)
{
    return sql_deny_node(&((struct alias_walk *)(void *)walk)->predicate->site.walk, node);
}

static rg_status alias_too_deep(struct sql_walk *walk, const Node *node)
{
    return sql_deny_depth(&((struct alias_walk *)(void *)walk)->predicate->site.walk, node);
}

static rg_status predicate_query(struct predicate *predicate, SubLink *link, size_t depth)
{
    struct sql_site *site = &predicate->site;
    if (!predicate->allow_subselect) {
        return sql_deny(site, "0A000", "predicate.subselect", link->location,
                        "a sub-select needs allow_subselect = true");
    }
    RG_TRY(sql_visit_operator(site, link->operName, link->location));
    RG_TRY(sql_walk_slot(&site->walk, &link->testexpr, depth + 1));
    struct predicate_alias *outer = predicate->aliases;
    struct alias_walk aliases = {{alias_visit, alias_refuse, alias_too_deep}, predicate};
    RG_TRY(sql_walk_slot(&aliases.walk, &link->subselect, depth + 1));
    predicate->query_depth++;
    rg_status status = sql_walk_slot(&site->walk, &link->subselect, depth + 1);
    predicate->query_depth--;
    predicate->aliases = outer;
    return status;
}

static rg_status predicate_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    struct predicate *predicate = (struct predicate *)(void *)walk;
    struct sql_site *site = &predicate->site;
    switch ((int)nodeTag(*slot)) {
    case T_ColumnRef:
        *out_is_done = true;
        return predicate_column(predicate, (ColumnRef *)*slot);
    case T_FuncCall:
        return predicate_call(predicate, (FuncCall *)*slot);
    case T_TypeName:
        *out_is_done = true;
        return sql_visit_type(site, (TypeName *)*slot);
    case T_CollateClause:
        return sql_visit_collation(site, (CollateClause *)*slot);
    case T_A_Expr:
        return sql_visit_operator(site, ((A_Expr *)*slot)->name, ((A_Expr *)*slot)->location);
    case T_SubLink:
        *out_is_done = true;
        return predicate_query(predicate, (SubLink *)*slot, depth);
    case T_A_Indirection: /* `:name[1]` would bind the subscript to the constant's type */
        return IsA(((A_Indirection *)*slot)->arg, ParamRef) ||
                       !IsA(linitial(((A_Indirection *)*slot)->indirection), A_Indices)
                   ? sql_deny(site, "0A000", "predicate.node", -1, "this subscript or field is not supported")
                   : RG_OK;
    case T_RangeVar:
        return ((RangeVar *)*slot)->schemaname == NULL || ((RangeVar *)*slot)->catalogname != NULL
                   ? sql_deny(site, "0A000", "predicate.relation", ((RangeVar *)*slot)->location,
                              "a relation in a predicate is written schema.table")
                   : RG_OK;
    case T_WithClause:
    case T_SetToDefault:
    case T_XmlExpr:
    case T_XmlSerialize:
    case T_RangeTableFunc:
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
    case T_GroupingFunc:
    case T_RangeTableSample:
    case T_RangeFunction:
    case T_SQLValueFunction:
        return sql_deny_node(walk, *slot);
    default: /* constants, boolean tests, CASE and the like: their children are visited */
        return RG_OK;
    }
}

/* The one expression of `SELECT expression`, and nothing else. */
static Node *only_expression(const struct sql_parsed *parsed)
{
    if (!parsed->is_ok || list_length(parsed->statements) != 1) {
        return NULL;
    }
    Node *node = linitial_node(RawStmt, parsed->statements)->stmt;
    if (!IsA(node, SelectStmt) || list_length(((SelectStmt *)node)->targetList) != 1) {
        return NULL;
    }
    ResTarget *target = linitial_node(ResTarget, ((SelectStmt *)node)->targetList);
    SelectStmt *bare = makeNode(SelectStmt);
    bare->targetList = ((SelectStmt *)node)->targetList;
    if (target->name != NULL || target->indirection != NIL || target->val == NULL ||
        sql_tree_check(node).error != NULL || !equal(bare, node)) {
        return NULL;
    }
    return target->val;
}

struct compile {
    struct policy_set *set;
    struct sql_marked marked;
    struct sql_mistake *mistake;
};

static rg_status mistake_at(const struct compile *compile, size_t at, const char *text)
{
    size_t end = compile->marked.text.size;
    size_t mapped = end == 0 ? 0 : at < end ? compile->marked.source_at[at] : compile->marked.source_at[end - 1] + 1;
    compile->mistake->at_byte = mapped;
    return rg_arena_copy(&compile->set->arena, rg_slice_of(text), &compile->mistake->text);
}

enum { SELECT_SIZE = 7 };

static rg_status parse_expression(const struct compile *compile, const char *before, const char *after,
                                  struct sql_parsed *out_parsed, struct rg_slice *out_text)
{
    RG_TRY(rg_arena_printf(&compile->set->arena, out_text, "SELECT %s%.*s\n%s", before,
                           RG_SLICE_ARGS(compile->marked.text), after));
    return sql_parse(*out_text, &compile->set->arena, out_parsed);
}

static bool has_all_holes(const struct compile *compile, const struct sql_tokens *tokens)
{
    size_t count = 0;
    for (size_t i = 0; i < tokens->count; i++) {
        struct rg_slice token = sql_token_text(tokens, i);
        count += token.size > 1 && token.data[0] == '$' && token.data[1] >= '0' && token.data[1] <= '9' ? 1 : 0;
    }
    return count == compile->marked.hole_count;
}

static rg_status qualify_and_cut(const struct compile *compile, struct predicate *predicate, Node *node,
                                 const struct sql_template **out_template)
{
    struct sql_site *site = &predicate->site;
    rg_status status = sql_walk_slot(&site->walk, &node, 0);
    if (!rg_is_ok(status) && site->denial.is_set) {
        int at = site->denial.location;
        return mistake_at(compile, at > SELECT_SIZE ? (size_t)at - SELECT_SIZE : 0, site->denial.message.data);
    }
    RG_TRY(status);
    struct rg_slice text = {0};
    struct policy_splice *splices = NULL;
    struct sql_parsed again = {0};
    RG_TRY(sql_edits_apply(&site->edits, site->text, 0, site->arena, &text, &splices));
    RG_TRY(sql_parse(text, site->arena, &again));
    Node *proof = only_expression(&again);
    if (proof == NULL || !equal(proof, node)) {
        return mistake_at(compile, 0, "this predicate cannot be qualified safely");
    }
    return sql_template_cut(text, SELECT_SIZE, proof, site->arena, out_template);
}

static bool find_claim(const void *context, struct rg_slice name, size_t *out_index)
{
    const struct policy_set *set = context;
    for (size_t i = 0; i < set->claim_count; i++) {
        if (rg_slice_is_equal(set->claims[i].name, name)) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static rg_status compile_marked(const struct compile *compile, bool allow_subselect, bool allow_columns,
                                const struct sql_template **out_template)
{
    struct rg_arena *arena = &compile->set->arena;
    struct sql_parsed bare = {0};
    struct sql_parsed wrapped = {0};
    struct rg_slice text = {0};
    struct rg_slice unused = {0};
    RG_TRY(parse_expression(compile, "", "", &bare, &text));
    if (!bare.is_ok) {
        size_t at = policy_text_offset(text, bare.error_position);
        return mistake_at(compile, at > SELECT_SIZE ? at - SELECT_SIZE : 0, bare.error.data);
    }
    RG_TRY(parse_expression(compile, "(", ")", &wrapped, &unused));
    Node *node = only_expression(&bare);
    Node *proof = only_expression(&wrapped);
    if (node == NULL || proof == NULL || !equal(node, proof)) {
        return mistake_at(compile, 0, "must be one boolean expression");
    }
    struct predicate predicate = {
        .site = {.walk = {predicate_visit, sql_deny_node, sql_deny_depth},
                 .arena = arena,
                 .set = compile->set,
                 .text = text},
        .allow_subselect = allow_subselect,
        .allow_columns = allow_columns,
    };
    RG_TRY(sql_lex(text, arena, &predicate.site.tokens));
    if (!has_all_holes(compile, &predicate.site.tokens)) {
        return mistake_at(compile, 0, "claims are written :name, and $1 is not allowed");
    }
    return qualify_and_cut(compile, &predicate, node, out_template);
}

static rg_status compile_text(struct compile *compile, struct rg_slice text, bool allow_subselect, bool allow_columns,
                              const struct sql_template **out_template)
{
    struct policy_set *set = compile->set;
    RG_TRY(sql_template_mark(text, find_claim, set, &set->arena, &compile->marked, compile->mistake));
    if (compile->mistake->text.size > 0) {
        return RG_OK;
    }
    MemoryContext scratch = sql_enter(); /* sets up the thread's error handling */
    (void)MemoryContextSwitchTo(set->context);
    rg_status status = compile_marked(compile, allow_subselect, allow_columns, out_template);
    sql_leave(scratch);
    return status;
}

rg_status sql_predicate_compile(struct policy_set *set, const struct policy_row *row, struct sql_mistake *out_mistake,
                                const struct sql_template **out_template)
{
    struct compile compile = {.set = set, .mistake = out_mistake};
    return compile_text(&compile, row->using_text, row->allow_subselect, true, out_template);
}

rg_status sql_mask_compile(struct policy_set *set, const struct policy_mask_row *row, struct sql_mistake *out_mistake,
                           const struct sql_template **out_template)
{
    struct compile compile = {.set = set, .mistake = out_mistake};
    return compile_text(&compile, row->unless_text, false, false, out_template);
}

/* ---- bind ---- */

static rg_status claim_constant(struct rg_arena *arena, const struct auth_claim_spec *spec,
                                const struct auth_claim_value *value, struct sql_hole *out_hole)
{
    struct rg_slice type = rg_slice_of(auth_type_sql(spec->type));
    type = rg_slice_cut(type, sizeof "pg_catalog." - 1, type.size);
    if (spec->type.is_array) {
        type.size -= 2;
    }
    struct sql_constant constant = {
        .type = type,
        .is_array = spec->type.is_array,
        .is_null = value == NULL || !value->is_present,
        .count = value == NULL ? 0 : value->count,
        .elements = value == NULL ? NULL : value->elements,
    };
    if (!constant.is_null && !constant.is_array && constant.count != 1) {
        return rg_fail(RG_DENIED, "claim \"%.*s\" has %zu values, wants one", rg_slice_shown(spec->name),
                       spec->name.data, constant.count);
    }
    for (size_t i = 0; !constant.is_null && i < constant.count; i++) {
        if (!policy_text_is_valid(constant.elements[i])) {
            return rg_fail(RG_DENIED, "claim \"%.*s\" is no valid text", rg_slice_shown(spec->name), spec->name.data);
        }
    }
    out_hole->node = sql_make_constant(&constant);
    return sql_print_constant(&constant, arena, &out_hole->text);
}

rg_status sql_claim_holes(struct policy_binding *binding, const struct auth_identity *identity,
                          struct sql_hole **out_holes)
{
    const struct policy_set *set = binding->set;
    struct sql_hole *holes = NULL;
    RG_TRY(rg_arena_array(&binding->arena, SQL_HOLE_NAMED + set->claim_count, sizeof *holes, (void **)&holes));
    for (size_t i = 0; i < set->claim_count; i++) {
        const struct auth_claim_value *value = i < identity->claim_count ? &identity->claims[i] : NULL;
        RG_TRY(claim_constant(&binding->arena, &set->claims[i], value, &holes[SQL_HOLE_NAMED + i]));
    }
    *out_holes = holes;
    return RG_OK;
}

struct term {
    struct rg_slice text;
    Node *tree;
};

/* As gram.y's makeAndExpr and makeOrExpr: a left operand of the same kind takes the right one in. */
static Node *combine(BoolExprType op, Node *left, Node *right)
{
    if (IsA(left, BoolExpr) && ((BoolExpr *)left)->boolop == op) {
        BoolExpr *expr = (BoolExpr *)left;
        expr->args = lappend(expr->args, right);
        return left;
    }
    return (Node *)makeBoolExpr(op, list_make2(left, right), -1);
}

static rg_status term_add(struct rg_arena *arena, BoolExprType op, struct term next, struct term *term)
{
    if (term->tree == NULL) {
        *term = next;
        return RG_OK;
    }
    struct rg_slice text = {0};
    RG_TRY(rg_arena_printf(arena, &text, "(%.*s) %s (%.*s)", RG_SLICE_ARGS(term->text), op == AND_EXPR ? "AND" : "OR",
                           RG_SLICE_ARGS(next.text)));
    *term = (struct term){text, combine(op, term->tree, next.tree)};
    return RG_OK;
}

static bool is_same_group(const struct policy_rule *a, const struct policy_rule *b)
{
    return a == b || (a->row->group.size > 0 && rg_slice_is_equal(a->row->group, b->row->group));
}

static rg_status bind_terms(struct policy_binding *binding, const struct sql_hole *holes,
                            const struct policy_rule *const *rules, size_t rule_count, struct term *out_term)
{
    for (size_t i = 0; i < rule_count; i++) {
        bool is_taken = rules[i]->predicate == NULL;
        for (size_t j = 0; j < i; j++) {
            is_taken = is_taken || is_same_group(rules[j], rules[i]);
        }
        struct term group = {0};
        for (size_t j = i; !is_taken && j < rule_count; j++) {
            if (rules[j]->predicate != NULL && is_same_group(rules[i], rules[j])) {
                struct term one = {0};
                RG_TRY(sql_predicate_fill(binding, rules[j]->predicate, holes, &binding->arena, &one.text, &one.tree));
                RG_TRY(term_add(&binding->arena, OR_EXPR, one, &group));
            }
        }
        if (group.tree != NULL) {
            RG_TRY(term_add(&binding->arena, AND_EXPR, group, out_term));
        }
    }
    return RG_OK;
}

rg_status sql_expression_prove(struct rg_slice expression, const Node *tree, struct rg_arena *arena)
{
    struct rg_slice text = {0};
    struct sql_parsed parsed = {0};
    RG_TRY(rg_arena_printf(arena, &text, "SELECT %.*s", RG_SLICE_ARGS(expression)));
    RG_TRY(sql_parse(text, arena, &parsed));
    Node *proof = only_expression(&parsed);
    if (proof == NULL || !equal(proof, tree)) { /* the text may hold a key */
        return rg_fail(RG_INTERNAL, "a bound expression does not parse to its tree (%d)", proof == NULL);
    }
    return RG_OK;
}

rg_status sql_predicate_bind(struct policy_binding *binding, const struct auth_identity *identity,
                             const struct policy_rule *const *rules, size_t rule_count, struct policy_bound *out_bound)
{
    struct term term = {0};
    struct sql_hole *holes = NULL;
    MemoryContext scratch = sql_enter();
    (void)MemoryContextSwitchTo(binding->context);
    rg_status status = sql_claim_holes(binding, identity, &holes);
    if (rg_is_ok(status)) {
        status = bind_terms(binding, holes, rules, rule_count, &term);
    }
    if (rg_is_ok(status) && term.tree != NULL) {
        status = sql_expression_prove(term.text, term.tree, &binding->arena);
    }
    sql_leave(scratch);
    RG_TRY(status);
    out_bound->predicate = term.text;
    out_bound->predicate_tree = term.tree;
    return RG_OK;
}
