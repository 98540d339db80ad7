/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate's own templates, parsed once per policy set, and the proof that libpg_query's trees are what the
 * headers say. */
#include "policy/sql_rewrite_private.h"

#include "policy/catalog.h"
#include "policy/functions.h"
#include "policy/hyper.h"

typedef const struct catalog_view *view_at(size_t index);
typedef const struct function_row *row_at(size_t index);

static rg_status compile_views(struct policy_set *set, size_t count, view_at *at,
                               const struct sql_template ***out_views)
{
    const struct sql_template **views = NULL;
    RG_TRY(rg_arena_array(&set->arena, count + 1, sizeof *views, (void **)&views));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(sql_template_parse(rg_slice_of(at(i)->select), true, &set->arena, &views[i]));
    }
    *out_views = views;
    return RG_OK;
}

static rg_status compile_guards(struct policy_set *set, size_t count, row_at *at,
                                const struct sql_template *(**out_guards)[FUNCTION_ARITY_MAX + 1])
{
    const struct sql_template *(*guards)[FUNCTION_ARITY_MAX + 1] = NULL;
    RG_TRY(rg_arena_array(&set->arena, count + 1, sizeof *guards, (void **)&guards));
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j <= FUNCTION_ARITY_MAX; j++) {
            const char *text = function_template(at(i), j);
            if (text != NULL) {
                RG_TRY(sql_template_parse(rg_slice_of(text), false, &set->arena, &guards[i][j]));
            }
        }
    }
    *out_guards = guards;
    return RG_OK;
}

static rg_status compile_all(struct policy_set *set)
{
    RG_TRY(compile_views(set, catalog_view_count(), catalog_view_at, &set->views));
    RG_TRY(compile_guards(set, function_count(), function_at, &set->guards));
    RG_TRY(compile_views(set, hyper_view_count(), hyper_view_at, &set->hyper_views));
    return compile_guards(set, hyper_function_count(), hyper_function_at, &set->hyper_guards);
}

rg_status sql_builtin_compile(struct policy_set *set)
{
    MemoryContext scratch = sql_enter();
    (void)MemoryContextSwitchTo(set->context);
    rg_status status = compile_all(set);
    sql_leave(scratch);
    return status;
}

/* ---- self-test ---- */

static rg_status wrong(const char *what)
{
    return rg_fail(RG_INTERNAL, "libpg_query does not fit this build: %s", what);
}

static const SelectStmt *select_of(struct rg_slice text, struct rg_arena *arena)
{
    struct sql_parsed parsed = {0};
    if (!rg_is_ok(sql_parse(text, arena, &parsed)) || !parsed.is_ok || list_length(parsed.statements) != 1) {
        return NULL;
    }
    const Node *node = linitial_node(RawStmt, parsed.statements)->stmt;
    return IsA(node, SelectStmt) ? (const SelectStmt *)node : NULL;
}

static rg_status test_fields(struct rg_arena *arena)
{
    struct rg_slice text = RG_SLICE("SELECT a.b FROM s.\"T\" AS x (c) WHERE 1 = $2 /* c */ LIMIT 3");
    const SelectStmt *select = select_of(text, arena);
    if (select == NULL || list_length(select->fromClause) != 1 || !IsA(linitial(select->fromClause), RangeVar)) {
        return wrong("SelectStmt");
    }
    const RangeVar *range = linitial(select->fromClause);
    if (range->catalogname != NULL || strcmp(range->schemaname, "s") != 0 || strcmp(range->relname, "T") != 0 ||
        range->location != 16 || !range->inh || range->alias == NULL || strcmp(range->alias->aliasname, "x") != 0) {
        return wrong("RangeVar");
    }
    const A_Expr *where = (const A_Expr *)select->whereClause;
    if (where == NULL || !IsA(where, A_Expr) || !IsA(where->rexpr, ParamRef) ||
        ((const ParamRef *)where->rexpr)->number != 2) {
        return wrong("A_Expr");
    }
    struct sql_tokens tokens = {0};
    size_t token = 0;
    RG_TRY(sql_lex(text, arena, &tokens));
    if (!sql_token_find(&tokens, 16, &token) ||
        !rg_slice_is_equal(sql_token_text(&tokens, token + 2), RG_SLICE("\"T\"")) ||
        !rg_slice_is_equal(sql_token_text(&tokens, tokens.count - 1), RG_SLICE("3"))) {
        return wrong("tokens");
    }
    return RG_OK;
}

static rg_status test_equal(struct rg_arena *arena)
{
    const SelectStmt *one = select_of(RG_SLICE("SELECT f(x) FROM t WHERE a IN (1, 'b')"), arena);
    const SelectStmt *same = select_of(RG_SLICE("select  f( x ) from \"t\" where (a in (1,'b'))"), arena);
    const SelectStmt *other = select_of(RG_SLICE("SELECT f(x) FROM t WHERE a IN (1, 'c')"), arena);
    if (one == NULL || same == NULL || other == NULL || !equal(one, same) || equal(one, other) ||
        !equal(one, copyObjectImpl(one))) {
        return wrong("equal");
    }
    ParamRef *made = makeNode(ParamRef);
    if (!IsA(made, ParamRef) || made->number != 0) {
        return wrong("makeNode");
    }
    struct rg_slice elements[] = {RG_SLICE("a'b"), RG_SLICE("c\\d")};
    struct sql_constant constant = {RG_SLICE("text"), true, false, 2, elements};
    struct rg_slice printed = {0};
    struct rg_slice text = {0};
    RG_TRY(sql_print_constant(&constant, arena, &printed));
    RG_TRY(rg_arena_printf(arena, &text, "SELECT %.*s", RG_SLICE_ARGS(printed)));
    const SelectStmt *select = select_of(text, arena);
    if (select == NULL || !equal(linitial_node(ResTarget, select->targetList)->val, sql_make_constant(&constant))) {
        return wrong("constants");
    }
    return RG_OK;
}

rg_status policy_self_test(void)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 1 << 20);
    MemoryContext context = sql_enter();
    rg_status status = test_fields(&arena);
    if (rg_is_ok(status)) {
        status = test_equal(&arena);
    }
    sql_leave(context);
    return status;
}
